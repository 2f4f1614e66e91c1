/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a part's chain is built, from the wire on:
 *
 *   codings (base64, gzip, …)  ->  sniff  ->  charset  ->  [markup]  ->  scan
 *                                        \->  mime | gzip + sniff | …
 *
 * `doubt` stands before base64, for bodies that only claim to be that.
 *
 * The scan is the chain's end and the place where the input of a failed stage
 * goes. `sniff` builds what stands behind it once the first bytes have shown
 * what they are; it can, since nothing else is on the message's part stack then.
 */
#include "inspectors/part.h"

#include <stdio.h>

#include "inspectors/content.h"
#include "inspectors/message.h"
#include "inspectors/proto/mime.h"
#include "inspectors/stream/base64.h"
#include "inspectors/stream/charset.h"
#include "inspectors/stream/charset_catalog.h"
#include "inspectors/stream/chunked.h"
#include "inspectors/stream/html_text.h"
#include "inspectors/stream/inflate.h"
#include "inspectors/stream/json_text.h"
#include "inspectors/stream/quoted_printable.h"
#include "inspectors/stream/unfold.h"
#include "inspectors/stream/urlencoded.h"
#include "inspectors/stream/uuencode.h"

static const struct decoder_ops *const coding_stages[CODINGS] = {
	[CODING_BASE64] = &base64_decoder,
	[CODING_QUOTED_PRINTABLE] = &quoted_printable_decoder,
	[CODING_UUENCODE] = &uuencode_decoder,
	[CODING_GZIP] = &gzip_decoder,
	[CODING_DEFLATE] = &deflate_decoder,
	[CODING_URLENCODED] = &urlencoded_decoder,
	[CODING_HTTP_CHUNKED] = &chunked_decoder,
	[CODING_UNFOLD] = &unfold_decoder,
	[CODING_DELSP] = &delsp_decoder,
};

static const struct decoder_ops *const content_stages[] = {
	[CONTENT_HTML] = &html_text_decoder,
	[CONTENT_XML] = &html_text_decoder,
	[CONTENT_JSON] = &json_text_decoder,
	[CONTENT_URLENCODED] = &urlencoded_decoder,
};

/* ---- scan: the end of a chain ---- */

struct scan {
	struct text_scan *text;
};

static void
scan_finding(void *ctx, const struct raw_finding *f)
{
	struct decoder *d = ctx;

	message_finding(d->part->message, d->part, d, f);
}

static void
scan_evidence(void *ctx, unsigned words)
{
	struct decoder *d = ctx;

	message_evidence(d->part->message, d->part, words);
}

static enum outcome
scan_push(struct decoder *d, struct bytes in)
{
	struct scan *s = d->state;

	text_scan_push(s->text, in);
	return OUTCOME_OK;
}

static enum outcome
scan_close(struct decoder *d)
{
	struct scan *s = d->state;

	text_scan_close(s->text);
	return OUTCOME_OK;
}

static const struct decoder_ops scan_stage = {
	.name = "text", .state_size = sizeof(struct scan), .push = scan_push, .close = scan_close};

static struct decoder *
open_scan(struct part *p)
{
	const struct inspect_env *env = p->message->env;
	struct arena *arena = p->message->stack;
	enum outcome why;
	struct decoder *d = decoder_open(&scan_stage, NULL, NULL, arena, NULL, &why);
	struct detect_sink sink = {scan_finding, scan_evidence, d, &p->message->pending};

	if (d == NULL)
		return NULL;
	d->part = p;
	((struct scan *)d->state)->text =
		text_scan_open(env->detect, env->scratch, env->today, &sink, arena);
	return ((struct scan *)d->state)->text == NULL ? NULL : d;
}

/* ---- stages in front of the scan ---- */

/* Does a stage count as a layer, and may it grow its input? */
static bool
is_layer(const struct decoder_ops *ops)
{
	return ops == &gzip_decoder || ops == &deflate_decoder || ops == &base64_decoder ||
		ops == &mime_decoder;
}

static bool
can_grow(const struct decoder_ops *ops)
{
	return ops == &gzip_decoder || ops == &deflate_decoder;
}

/* A stage in front of @p next, whose failures go to the chain's @p end. */
static struct decoder *
open_stage(const struct decoder_ops *ops, struct decoder *next, struct decoder *end,
	const struct part_meta *meta, enum outcome *ret_why)
{
	struct part *p = next->part;
	struct decode_budget *budget = &p->message->budget;
	struct decoder *d;

	*ret_why = OUTCOME_OVER_BUDGET;
	if (is_layer(ops) && budget->depth_left == 0)
		return NULL;
	d = decoder_open(ops, next, meta, p->message->stack, can_grow(ops) ? budget : NULL,
		ret_why);
	if (d == NULL)
		return NULL;
	d->raw = end;
	if (is_layer(ops)) {
		budget->depth_left--;
		p->layers++;
	}
	return d;
}

/* ---- sniff ---- */

struct sniff_state {
	const struct part_meta *meta; /* a copy in the part's arena */
	struct decoder *end;	      /* the scan of this chain */
	struct decoder *alternative;  /* the second reading, if what is declared isn't what is there */
	uint8_t head[CONTENT_SNIFF_MAX];
	uint8_t n_head;
	uint64_t blanks; /* more of them than head[] has room for, before anything else */
	bool decided;
	bool primary; /* of the part's first reading: it may name the part opaque */
};

static const struct decoder_ops sniff_stage;

/*
 * Does a failure hide bytes? That another reading than the first makes no sense of
 * them is no news, but one that was given up might have.
 */
static bool
hides(enum outcome why, bool primary)
{
	return why != OUTCOME_OK && (primary || why == OUTCOME_OVER_BUDGET);
}

/* A reading beside the first one could not be opened whole for want of memory. */
static void
mark_unread(struct decoder *d, enum outcome why)
{
	if (hides(why, false))
		part_mark_opaque(d->part, opaque_reason_of(why));
}

/*
 * Markup or plain text before @p end. Returns @p end itself where there is no
 * memory for more: the text is then scanned as it is.
 */
static struct decoder *
open_text(enum content_kind kind, struct decoder *end, const struct part_meta *meta,
	enum outcome *ret_why)
{
	struct decoder *d = end, *charset;

	*ret_why = OUTCOME_OK;
	if (kind == CONTENT_MIME) {
		struct decoder *mime;

		/* The text that MIME itself emits is already UTF-8, or declares nothing. */
		mime = open_stage(&mime_decoder, end, end, meta, ret_why);
		return mime == NULL ? end : mime;
	}
	if (kind < ARRAY_LEN(content_stages) && content_stages[kind] != NULL) {
		d = open_stage(content_stages[kind], end, end, meta, ret_why);
		if (d == NULL)
			return end;
	}
	charset = open_stage(&charset_decoder, d, end, meta, ret_why);
	return charset == NULL ? d : charset;
}

/* Another layer of compression was found: unpack, and sniff at what is in it. */
static struct decoder *
open_gzip(struct decoder *sniff, struct decoder *end, const struct part_meta *meta,
	enum outcome *ret_why)
{
	const struct sniff_state *from = sniff->state;
	struct decoder *inner = open_stage(&sniff_stage, end, end, meta, ret_why), *gzip;
	struct sniff_state *s;

	if (inner == NULL)
		return end;
	s = inner->state;
	s->meta = meta;
	s->end = end;
	s->primary = from->primary;
	gzip = open_stage(&gzip_decoder, inner, end, meta, ret_why);
	return gzip == NULL ? end : gzip;
}

static bool
is_markup(enum content_kind kind)
{
	return kind == CONTENT_HTML || kind == CONTENT_XML || kind == CONTENT_JSON;
}

/* Another chain for what @p d takes. NULL: no memory. */
static struct decoder *
open_other(struct decoder *d, enum content_kind kind, const struct part_meta *meta,
	enum outcome *ret_why)
{
	struct decoder *end = open_scan(d->part), *other;

	*ret_why = OUTCOME_OVER_BUDGET;
	if (end == NULL)
		return NULL;
	other = open_text(kind, end, meta, ret_why);
	other->prev = d;
	return other;
}

/* What was declared differs from what the bytes show: read them the other way too. */
static struct decoder *
open_alternative(struct decoder *d, enum content_kind kind, const struct part_meta *meta)
{
	enum outcome why;
	struct decoder *other = open_other(d, kind, meta, &why);

	mark_unread(d, why);
	return other;
}

/* Text in a file of that name is a mail: whatever it holds beside one is read too. */
static bool
is_mail_name(struct bytes name)
{
	struct bytes end = BYTES_LIT(".eml");

	return name.n > end.n && bytes_equal_nocase(bytes_skip(name, name.n - end.n), end);
}

/* Would ASCII under the declared charset read as something else (EBCDIC)? */
static bool
hides_ascii(const struct decoder *d)
{
	const struct sniff_state *s = d->state;
	struct charset_entry e =
		charset_lookup(d->part->message->env->charsets, s->meta->charset);

	return e.kind == CHARSET_TABLE && !e.ascii;
}

/* Receivers that don't know the charset show the bytes as they are. */
static struct decoder *
open_ascii(struct decoder *d)
{
	struct sniff_state *s = d->state;
	struct part_meta *other = arena_alloc(d->part->message->stack, sizeof(*other));

	if (other == NULL) {
		mark_unread(d, OUTCOME_OVER_BUDGET);
		return NULL;
	}
	*other = *s->meta;
	other->charset = (struct bytes){NULL, 0};
	return open_alternative(d, content_declared(other->type), other);
}

/* As many, though which they were isn't known any more. */
static enum outcome
emit_blanks(struct decoder *d)
{
	static const char lines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
	struct sniff_state *s = d->state;
	enum outcome r = OUTCOME_OK;

	while (s->blanks > 0 && r == OUTCOME_OK) {
		size_t n = s->blanks < sizeof(lines) - 1 ? (size_t)s->blanks : sizeof(lines) - 1;
		struct bytes run = bytes_of((const uint8_t *)lines, n);

		if (s->alternative != NULL)
			(void)decoder_push(s->alternative, run);
		r = decoder_emit(d, run);
		s->blanks -= n;
	}
	return r;
}

/* Behind many blanks, another one: it tells nothing. */
static bool
is_more_blank(const struct sniff_state *s, uint8_t c)
{
	enum { ENOUGH = 48 };

	if (s->n_head < ENOUGH || (c != ' ' && c != '\t' && c != '\r' && c != '\n'))
		return false;
	for (size_t i = 3; i < s->n_head; i++) /* a mark may stand first */
		if (memchr(" \t\r\n", s->head[i], 4) == NULL)
			return false;
	return true;
}

static enum outcome
sniff_decide(struct decoder *d, enum content_kind seen, enum opaque_reason opaque)
{
	struct sniff_state *s = d->state;
	enum content_kind said = content_declared(s->meta->type);
	struct bytes head = bytes_of(s->head, s->n_head);
	enum outcome why = OUTCOME_OK;

	s->decided = true;
	if (seen == CONTENT_OPAQUE) {
		if (s->primary)
			part_mark_opaque(d->part, opaque);
		seen = CONTENT_TEXT;
		said = CONTENT_TEXT;
	} else if (content_is_encrypted(s->meta->type) && s->primary) {
		part_mark_opaque(d->part, OPAQUE_ENCRYPTED);
	} else if (seen == CONTENT_TEXT && said == CONTENT_TEXT &&
		content_named_html(s->meta->name)) {
		seen = CONTENT_HTML;
	}
	if (seen == CONTENT_TEXT && said == CONTENT_TEXT && is_mail_name(s->meta->name))
		seen = CONTENT_MIME;
	if (seen == CONTENT_GZIP)
		d->next = open_gzip(d, s->end, s->meta, &why);
	else
		d->next = open_text(said == CONTENT_TEXT || said == CONTENT_GZIP ? seen : said,
			s->end, s->meta, &why);
	d->next->prev = d;
	if (hides(why, s->primary))
		part_mark_opaque(d->part, opaque_reason_of(why));
	if (is_markup(seen) && !is_markup(said))
		s->alternative =
			open_alternative(d, said == CONTENT_TEXT ? CONTENT_TEXT : seen, s->meta);
	else if (hides_ascii(d))
		s->alternative = open_ascii(d);
	why = emit_blanks(d);
	if (s->alternative != NULL)
		(void)decoder_push(s->alternative, head);
	return why == OUTCOME_OK ? decoder_emit(d, head) : why;
}

static enum outcome
sniff_push(struct decoder *d, struct bytes in)
{
	struct sniff_state *s = d->state;

	while (!s->decided && in.n > 0) {
		enum content_kind kind;
		enum opaque_reason why;
		enum outcome r;

		if (is_more_blank(s, in.p[0])) {
			s->blanks++;
			in = bytes_skip(in, 1);
			continue;
		}
		s->head[s->n_head++] = in.p[0];
		in = bytes_skip(in, 1);
		if (content_sniff(bytes_of(s->head, s->n_head), &kind, &why) == SNIFF_MORE &&
			s->n_head < sizeof(s->head))
			continue;
		r = sniff_decide(d, kind, why);
		if (r != OUTCOME_OK)
			return r;
	}
	if (in.n == 0)
		return OUTCOME_OK;
	if (s->alternative != NULL)
		(void)decoder_push(s->alternative, in);
	return decoder_emit(d, in);
}

static enum outcome
sniff_close(struct decoder *d)
{
	struct sniff_state *s = d->state;
	enum outcome r = OUTCOME_OK;

	if (!s->decided && s->n_head > 0)
		r = sniff_decide(d, CONTENT_TEXT, OPAQUE_NONE);
	if (s->alternative != NULL)
		(void)decoder_close(s->alternative);
	return r;
}

static const struct decoder_ops sniff_stage = {.name = "sniff",
	.state_size = sizeof(struct sniff_state),
	.push = sniff_push,
	.close = sniff_close};

/* ---- doubt ---- */

/*
 * In front of base64. Text under a header that says base64 decodes to nothing
 * that anybody reads, but its source can be read: then the bytes are scanned as
 * they came too. So are those of a short body, where nothing can be told. Until
 * it is known a copy is kept for that, while the bytes go on to base64 at once:
 * inline they leave when they were read.
 */

enum { DOUBT_MAX = 256 }; /* bytes that tell; real base64 holds no other character in them */

struct doubt {
	const struct part_meta *meta;
	/* Of the bytes as they came, from the decision on; NULL: they are base64. It is opened
	 * with the part: later, parts below it may stand on the stack. */
	struct decoder *alternative;
	enum outcome why; /* the alternative isn't what it should be */
	uint8_t head[DOUBT_MAX];
	uint16_t n_head;
	bool decided;
};

static bool
is_base64(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '+' || c == '/' || c == '=' || c == '\r' || c == '\n';
}

static void
doubt_decide(struct decoder *d, bool doubted)
{
	struct doubt *s = d->state;

	s->decided = true;
	d->part->message->doubts--;
	if (doubted)
		mark_unread(d, s->why);
	if (s->alternative == NULL)
		return;
	if (doubted) {
		(void)decoder_push(s->alternative, bytes_of(s->head, s->n_head));
		return;
	}
	(void)decoder_close(s->alternative);
	s->alternative = NULL;
}

/* Look at the first bytes; returns how many of @p in were needed. */
static size_t
doubt_look(struct decoder *d, struct bytes in, bool *ret_doubted)
{
	struct doubt *s = d->state;
	size_t i = 0;

	*ret_doubted = false;
	if (s->n_head == 0)
		d->part->message->doubts++;
	while (i < in.n && !*ret_doubted && s->n_head < DOUBT_MAX) {
		*ret_doubted = !is_base64(in.p[i]);
		s->head[s->n_head++] = in.p[i++];
	}
	return i;
}

static enum outcome
doubt_push(struct decoder *d, struct bytes in)
{
	struct doubt *s = d->state;

	if (!s->decided && in.n > 0) {
		bool doubted;
		size_t n = doubt_look(d, in, &doubted);
		enum outcome r = decoder_emit(d, bytes_of(in.p, n));

		if (doubted || s->n_head == DOUBT_MAX)
			doubt_decide(d, doubted);
		in = bytes_skip(in, n);
		if (r != OUTCOME_OK)
			return r;
	}
	if (s->alternative != NULL && s->decided)
		(void)decoder_push(s->alternative, in);
	return decoder_emit(d, in);
}

static enum outcome
doubt_close(struct decoder *d)
{
	struct doubt *s = d->state;

	if (!s->decided && s->n_head > 0)
		doubt_decide(d, true);
	if (s->alternative != NULL)
		(void)decoder_close(s->alternative);
	return OUTCOME_OK;
}

static const struct decoder_ops doubt_stage = {.name = "doubt",
	.state_size = sizeof(struct doubt),
	.push = doubt_push,
	.close = doubt_close};

static struct decoder *
open_as_it_came(struct decoder *d, enum outcome *ret_why)
{
	const struct doubt *s = d->state;
	enum content_kind said = content_declared(s->meta->type);

	return open_other(d, said == CONTENT_MIME ? CONTENT_TEXT : said, s->meta, ret_why);
}

static struct decoder *
open_doubt(struct decoder *next, struct decoder *end, const struct part_meta *meta)
{
	enum outcome why;
	struct decoder *d = open_stage(&doubt_stage, next, end, meta, &why);
	struct doubt *s;

	if (d == NULL)
		return next;
	s = d->state;
	s->meta = meta;
	s->alternative = open_as_it_came(d, &s->why);
	return d;
}

/* What the end would find in the bytes as they came, while they may be either. */
static void
preview_doubt(struct decoder *d)
{
	const struct doubt *s = d->state;
	struct arena *stack = d->part->message->stack;
	struct arena_mark mark = arena_mark(stack);
	enum outcome why;
	struct decoder *other;

	if (s->decided || s->n_head == 0)
		return;
	other = open_as_it_came(d, &why);
	if (other != NULL) {
		(void)decoder_push(other, bytes_of(s->head, s->n_head));
		(void)decoder_close(other);
	}
	arena_rewind(stack, mark);
}

/* The other reading that a stage feeds beside what it emits; NULL: none. */
static struct decoder *
alternative_of(const struct decoder *d)
{
	if (d->ops == &sniff_stage)
		return ((const struct sniff_state *)d->state)->alternative;
	if (d->ops == &doubt_stage)
		return ((const struct doubt *)d->state)->alternative;
	return NULL;
}

/* ---- chains ---- */

static struct decoder *
open_content(struct part *p, struct decoder *end, const struct part_meta *meta, bool primary,
	enum outcome *ret_why)
{
	struct decoder *d;
	struct sniff_state *s;

	/* What cuts messages into parts knows a mail when it opens one. */
	if (content_declared(meta->type) == CONTENT_MIME)
		return open_text(CONTENT_MIME, end, meta, ret_why);
	d = open_stage(&sniff_stage, end, end, meta, ret_why);
	if (d == NULL)
		return end;
	s = d->state;
	s->meta = meta;
	s->end = end;
	s->primary = primary;
	return d;
}

/* One reading. Marks the part where the reading could not be opened whole. */
static void
open_chain(struct part *p, const struct part_reading *reading, const struct part_meta *meta)
{
	bool primary = p->n_chains == 0;
	struct decoder *end = open_scan(p), *d;
	enum outcome why = OUTCOME_OK;
	unsigned n = 0;

	if (end == NULL) {
		part_mark_opaque(p, OPAQUE_OVER_BUDGET);
		return;
	}
	d = open_content(p, end, meta, primary, &why);
	while (n < PART_CODINGS_MAX && reading->codings[n] != CODING_IDENTITY)
		n++;
	while (n-- > 0 && why == OUTCOME_OK) {
		uint8_t coding = reading->codings[n];
		struct decoder *stage = NULL;

		why = OUTCOME_UNKNOWN;
		if (coding < CODINGS && coding_stages[coding] != NULL)
			stage = open_stage(coding_stages[coding], d, end, meta, &why);
		/* Without the coding undone, what stands behind it makes no sense: scan raw. */
		d = stage == NULL ? end : stage;
	}
	if (hides(why, primary))
		part_mark_opaque(p, opaque_reason_of(why));
	/* Where there are more readings, one of them is of the raw bytes. */
	if (d->ops == &base64_decoder && meta->n_readings == 1)
		d = open_doubt(d, end, meta);
	p->chains[p->n_chains++] = d;
}

static struct bytes
keep_on_stack(struct message *m, struct bytes b)
{
	char *copy = b.n == 0 ? NULL : arena_copy(m->stack, b.p, b.n);

	return copy == NULL ? (struct bytes){NULL, 0} : bytes_of(copy, b.n);
}

/* The declaration outlives part_open(): later stages are opened by it. */
static const struct part_meta *
keep_meta(struct message *m, const struct part_meta *meta)
{
	struct part_meta *kept = arena_alloc(m->stack, sizeof(*kept));

	if (kept == NULL)
		return NULL;
	*kept = *meta;
	kept->name = keep_on_stack(m, meta->name);
	kept->type = keep_on_stack(m, meta->type);
	kept->charset = keep_on_stack(m, meta->charset);
	kept->boundary = keep_on_stack(m, meta->boundary);
	return kept;
}

static const char *
masked_name(struct message *m, struct bytes name)
{
	char masked[128];

	if (name.n == 0)
		return NULL;
	detect_mask_text(m->env->detect, m->env->scratch, m->env->today, name, masked,
		sizeof(masked));
	return arena_copy(m->stack, masked, strlen(masked));
}

static struct part *
open_spare(struct message *m, struct part *parent)
{
	if (m->n_spare++ == 0)
		m->spare = (struct part){.message = m,
			.parent = parent,
			.label = "part",
			.reason = OPAQUE_OVER_BUDGET,
			.mark = arena_mark(m->stack)};
	m->top = &m->spare;
	return &m->spare;
}

static void
open_readings(struct part *p, const struct part_meta *meta)
{
	static const struct part_reading plain;

	for (unsigned i = 0; i < meta->n_readings && i < PART_READINGS_MAX; i++)
		open_chain(p, &meta->readings[i], meta);
	if (meta->n_readings == 0)
		open_chain(p, &plain, meta);
}

struct part *
part_open(struct message *m, struct part *parent, const struct part_meta *meta)
{
	static const struct part_meta raw_meta = {.label = "part"};
	struct arena_mark mark = arena_mark(m->stack);
	const struct part_meta *kept;
	struct part *p;

	p = m->n_spare > 0 ? NULL : arena_zalloc(m->stack, sizeof(*p));
	kept = p == NULL ? NULL : keep_meta(m, meta);
	if (kept == NULL) {
		arena_rewind(m->stack, mark);
		return open_spare(m, parent);
	}
	p->message = m;
	p->parent = parent;
	p->label = meta->label;
	p->name = masked_name(m, meta->name);
	p->ordinal = ++m->n_parts;
	p->mark = mark;
	m->top = p;
	if (m->n_parts > m->env->limits->message_parts) {
		part_mark_opaque(p, OPAQUE_OVER_BUDGET);
		kept = &raw_meta;
	}
	open_readings(p, kept);
	return p;
}

/* ---- bytes ---- */

/* Bytes of the part that aren't counted opaque yet. */
static uint64_t
not_in(const uint64_t opaque[OPAQUE_COUNT], uint64_t taken)
{
	for (int r = 0; r < OPAQUE_COUNT; r++)
		taken -= opaque[r];
	return taken;
}

static uint64_t
not_opaque(const struct part *p)
{
	return not_in(p->opaque, p->taken);
}

static void
count_opaque(struct part *p, enum opaque_reason reason, uint64_t n)
{
	if (n > not_opaque(p))
		n = not_opaque(p); /* parts below it have counted some of them */
	if (n == 0)
		return;
	p->opaque[reason] += n;
	p->message->opaque_seen += n;
	p->own_opaque += n;
	p->own_reason = reason;
}

static void
count_taken(struct part *p, uint64_t n)
{
	p->taken += n;
	if (p->parent == NULL)
		p->message->bytes_total += n;
}

/* The first failure that hides bytes is why the part's bytes are opaque. */
static void
note_failures(struct part *p)
{
	for (unsigned i = 0; i < p->n_chains; i++)
		for (struct decoder *d = p->chains[i]; d != NULL; d = d->next)
			if (hides(d->outcome, i == 0)) {
				part_mark_opaque(p, opaque_reason_of(d->outcome));
				return;
			}
}

void
part_push_uncounted(struct part *p, struct bytes in)
{
	for (unsigned i = 0; i < p->n_chains; i++)
		(void)decoder_push(p->chains[i], in);
	if (p->reason == OPAQUE_NONE)
		note_failures(p);
}

void
part_push(struct part *p, struct bytes in)
{
	if (in.n == 0)
		return;
	count_taken(p, in.n);
	part_push_uncounted(p, in);
	if (p->reason != OPAQUE_NONE)
		count_opaque(p, p->reason, in.n);
}

void
part_skip(struct part *p, enum opaque_reason reason, uint64_t n)
{
	count_taken(p, n);
	count_opaque(p, reason, n);
}

void
part_mark_opaque(struct part *p, enum opaque_reason reason)
{
	if (p->reason == OPAQUE_NONE)
		p->reason = reason;
}

void
part_mark_all_opaque(struct part *p, enum opaque_reason reason)
{
	part_mark_opaque(p, reason);
	count_opaque(p, reason, not_opaque(p));
}

/*
 * Opaque bytes of a part, in units of its parent's input: the parent's codings
 * may have grown or shrunk them. Exact where nothing was decoded, in proportion
 * otherwise, and never more than the parent took.
 *
 * @param room  of the parent's input, what isn't counted opaque yet
 */
static uint64_t
in_units_of_parent(const struct part *parent, uint64_t n, uint64_t room)
{
	const struct decoder *d = parent->n_chains == 0 ? NULL : parent->chains[0];

	while (d != NULL && d->next != NULL && d->next->next != NULL)
		d = d->next;
	if (d != NULL && d->taken > 0 && d->taken != parent->taken)
		n = (uint64_t)((double)n * (double)parent->taken / (double)d->taken);
	return n < room ? n : room;
}

static void
hand_up(struct part *p)
{
	for (int r = 0; r < OPAQUE_COUNT; r++) {
		if (p->opaque[r] == 0)
			continue;
		if (p->parent == NULL)
			p->message->opaque[r] += p->opaque[r];
		else
			p->parent->opaque[r] += in_units_of_parent(
				p->parent, p->opaque[r], not_opaque(p->parent));
	}
}

void
part_add_opaque(const struct message *m, uint64_t sum[OPAQUE_COUNT])
{
	uint64_t below[OPAQUE_COUNT] = {0};

	for (const struct part *p = m->top; p != NULL; p = p->parent) {
		uint64_t own[OPAQUE_COUNT];

		memcpy(own, p->opaque, sizeof(own));
		for (int r = 0; r < OPAQUE_COUNT; r++)
			if (below[r] > 0)
				own[r] += in_units_of_parent(p, below[r], not_in(own, p->taken));
		memcpy(below, own, sizeof(below));
	}
	for (int r = 0; r < OPAQUE_COUNT; r++)
		sum[r] += below[r];
}

/*
 * A stage found at the end that its input was damaged: what came was read, and
 * what should have come behind it is what can't be. The message says so.
 */
static void
close_chains(struct part *p, bool cut)
{
	enum opaque_reason before = p->reason;

	for (unsigned i = 0; i < p->n_chains; i++)
		(void)decoder_close(p->chains[i]);
	if (before != OPAQUE_NONE)
		return;
	/* Known at the end only, of bytes that had come before: of which isn't known. */
	if (p->reason != OPAQUE_NONE)
		count_opaque(p, p->reason, p->taken);
	note_failures(p);
	if (p->reason != OPAQUE_NONE || cut)
		p->message->cut = true;
}

void
part_close(struct part *p, bool cut)
{
	struct message *m = p->message;

	if (p == &m->spare && --m->n_spare > 0)
		return;
	close_chains(p, cut);
	if (p->own_opaque > 0)
		message_opaque_part(m, p, p->own_reason, p->own_opaque);
	hand_up(p);
	m->budget.depth_left += p->layers;
	m->top = p->parent;
	arena_rewind(m->stack, p->mark);
}

/* ---- before the end ---- */

/* In the order in which closing would come to them: that of the chain. */
static void
each_scan_behind(struct decoder *d, void (*each)(struct text_scan *scan))
{
	for (; d != NULL; d = d->next) {
		struct decoder *other = alternative_of(d);

		for (; other != NULL; other = other->next)
			if (other->ops == &scan_stage)
				each(((struct scan *)other->state)->text);
		if (d->ops == &scan_stage)
			each(((struct scan *)d->state)->text);
	}
}

static void
each_scan(struct message *m, void (*each)(struct text_scan *scan))
{
	for (struct part *p = m->top; p != NULL; p = p->parent)
		for (unsigned i = 0; i < p->n_chains; i++)
			each_scan_behind(p->chains[i], each);
}

void
part_preview(struct message *m)
{
	each_scan(m, text_scan_preview);
}

void
part_settle(struct message *m)
{
	each_scan(m, text_scan_settle);
}

void
part_preview_doubts(struct message *m)
{
	/* It stands in front of its chain. */
	for (struct part *p = m->top; p != NULL; p = p->parent)
		for (unsigned i = 0; i < p->n_chains; i++)
			if (p->chains[i]->ops == &doubt_stage)
				preview_doubt(p->chains[i]);
}

/* ---- paths ---- */

enum { PATH_PARTS_MAX = 64, PATH_STAGES_MAX = 16 };

static size_t
append(char *ret, size_t size, size_t at, const char *element)
{
	int n = snprintf(ret + at, size - at, "%s%s", at > 0 ? ">" : "", element);

	return n < 0 || (size_t)n >= size - at ? size - 1 : at + (size_t)n;
}

/* Stages that decode nothing a reader of events would know by name. */
static bool
is_plumbing(const struct decoder *d)
{
	/* Any plain text may hold a uuencoded file; most don't. */
	if (d->ops == &uuencode_decoder)
		return !uuencode_has_begun(d);
	if (d->ops == &unfold_decoder || d->ops == &delsp_decoder)
		return true;
	return d->ops == &sniff_stage || d->ops == &scan_stage || d->ops == &charset_decoder ||
		d->ops == &mime_decoder || d->ops == &doubt_stage;
}

static size_t
append_stages(const struct part *p, const struct decoder *stage, char *ret, size_t size, size_t at)
{
	const struct decoder *line[PATH_STAGES_MAX];
	unsigned n = 0;

	if (stage == NULL && p->n_chains > 0)
		for (stage = p->chains[0]; stage->next != NULL; stage = stage->next)
			;
	for (; stage != NULL && n < PATH_STAGES_MAX; stage = stage->prev)
		if (!is_plumbing(stage))
			line[n++] = stage;
	while (n > 0)
		at = append(ret, size, at, line[--n]->ops->name);
	return at;
}

void
part_path(const struct part *p, const struct decoder *stage, char *ret, size_t size)
{
	const struct part *line[PATH_PARTS_MAX];
	unsigned n = 0;
	size_t at = 0;

	ret[0] = '\0';
	for (const struct part *q = p; q != NULL && n < PATH_PARTS_MAX; q = q->parent)
		line[n++] = q;
	while (n > 0) {
		const struct part *q = line[--n];

		at = append(ret, size, at, q->label);
		at = append_stages(q, q == p ? stage : NULL, ret, size, at);
		if (q->name != NULL)
			at = append(ret, size, at, q->name);
	}
}
