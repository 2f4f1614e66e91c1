/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *            +--------- next part -----------+
 *            v                               |
 *   start -> HEADER --(leaf)--> LEAF --------+
 *            ^  |                            |
 *            |  +--(multipart)--> TEXT ------+--(boundary line)
 *            |  |                  ^         |
 *            |  |                  +- final -+
 *            |  +--(multipart said to be encoded)--> SNIFF --> TEXT or LEAF
 *            +--(attached message)
 *
 * A boundary line counts in every state: what it closes may have been cut short.
 */
#include "inspectors/proto/mime.h"

#include <stdio.h>

#include "inspectors/message.h"
#include "inspectors/proto/mime_entity.h"

enum mime_state { MIME_HEADER, MIME_TEXT, MIME_LEAF, MIME_SNIFF };

enum {
	LINE_MAX_KEPT = MIME_BOUNDARY_MAX + 64, /* a boundary line and some blanks behind it */
	LABEL_MAX = 80,
	SUBJECT_MAX = 4096,
	FIELD_FIRST = 512, /* bytes; then FIELD_GROWTH times as many */
	FIELD_GROWTH = 4,
};

/* A multipart, or an attached message (which has no boundary). */
struct mime_level {
	struct mime_boundaries boundaries;
	bool multipart;
	bool digest; /* its parts are messages unless they say otherwise */
	bool guess;  /* no usable boundary: the first "--" line is it */
	bool ambiguous;
	uint8_t coding; /* that the multipart was said to have */
	unsigned count; /* of its parts so far */
};

struct mime {
	enum mime_state state;
	enum outcome outcome; /* of emitting */
	const struct inspect_limits *limits;
	bool outermost; /* in the header of the mail itself */
	bool form;      /* multipart/form-data */
	struct mime_level **levels;
	unsigned n_levels;
	struct mime_entity entity;
	struct part *leaf;
	char label[LABEL_MAX];
	/* Header: the field so far, unfolded. */
	uint8_t *field;
	size_t n_field, field_room; /* grown up to limits.header_field */
	bool field_cut;    /* what came before did not fit: this is its continuation */
	bool line_only;    /* the field is one line so far */
	uint64_t n_header; /* bytes of this entity's header */
	struct header_decoder words;
	/* Body: the line so far, while it may be a boundary line. */
	bool bol;        /* at the beginning of a line */
	bool collecting; /* line[] holds a line that begins with '-' */
	bool cr;         /* a CR is held: it may belong to a line end */
	uint8_t eol;     /* bytes of a held line end: 0, 1 (LF), 2 (CRLF) */
	unsigned blanks; /* behind a full line[] */
	uint8_t line[LINE_MAX_KEPT];
	size_t n_line;
};

/* ---- output ---- */

static void
emit(struct decoder *d, struct bytes text)
{
	struct mime *m = d->state;

	if (m->outcome == OUTCOME_OK)
		m->outcome = decoder_emit(d, text);
}

static void
emit_sink(void *ctx, struct bytes text)
{
	emit(ctx, text);
}

/*
 * Receivers will differ on how to go on, and not every way can be followed: what
 * comes is read in one of them, and counted as what it may hide.
 */
static void
doubt(struct decoder *d, enum opaque_reason reason)
{
	if (d->part != NULL)
		part_mark_opaque(d->part, reason);
}

/* Text before the first part of a multipart said to be encoded: some decode it all. */
static bool
is_odd_preamble(const struct mime *m, struct bytes in)
{
	const struct mime_level *top = m->n_levels == 0 ? NULL : m->levels[m->n_levels - 1];

	return m->state == MIME_TEXT && top != NULL && top->multipart && top->count == 0 &&
	        top->coding != CODING_IDENTITY && bytes_trim(in).n > 0;
}

static void
put_body(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	if (in.n == 0)
		return;
	if (m->state == MIME_LEAF && d->part != NULL) {
		part_push(m->leaf, in);
		return;
	}
	if (is_odd_preamble(m, in))
		doubt(d, OPAQUE_DAMAGED);
	emit(d, in);
}

static void
put_eol(struct decoder *d)
{
	struct mime *m = d->state;

	if (m->eol > 0)
		put_body(d, bytes_skip(BYTES_LIT("\r\n"), 2u - m->eol));
	m->eol = 0;
}

static void
keep_in_message(struct decoder *d, struct bytes *field, struct bytes text)
{
	if (d->part != NULL && field->n == 0 && text.n > 0)
		*field = message_keep(d->part->message, text);
}

/* ---- levels ---- */

static struct mime_level *
top_level(const struct mime *m)
{
	return m->n_levels == 0 ? NULL : m->levels[m->n_levels - 1];
}

/* Slots are used again, so that many multiparts behind one another cost no more than one. */
static struct mime_level *
push_level(struct decoder *d)
{
	struct mime *m = d->state;
	struct mime_level *above = top_level(m), *l;

	if (m->n_levels >= m->limits->mime_depth)
		return NULL;
	l = m->levels[m->n_levels];
	if (l == NULL)
		l = arena_alloc(d->arena, sizeof(*l));
	if (l == NULL)
		return NULL;
	m->levels[m->n_levels++] = l;
	*l = (struct mime_level){.ambiguous = above != NULL && above->ambiguous,
	        .coding = above == NULL ? CODING_IDENTITY : above->coding};
	return l;
}

/* IMAP section numbers (RFC 3501, 6.4.5): "mime[2.1]". */
static void
make_label(struct mime *m)
{
	const struct mime_level *top = top_level(m);
	size_t at = (size_t)snprintf(m->label, sizeof(m->label), "mime[");
	const char *dot = "";

	for (unsigned i = 0; i < m->n_levels && at < sizeof(m->label) - 16; i++) {
		if (!m->levels[i]->multipart)
			continue;
		at += (size_t)snprintf(
		        m->label + at, sizeof(m->label) - at, "%s%u", dot, m->levels[i]->count);
		dot = ".";
	}
	if (top == NULL || !top->multipart)
		at += (size_t)snprintf(m->label + at, sizeof(m->label) - at, "%s1", dot);
	snprintf(m->label + at, sizeof(m->label) - at, "]");
}

/* ---- leaves ---- */

static void
close_leaf(struct decoder *d)
{
	struct mime *m = d->state;

	if (m->state == MIME_LEAF && d->part != NULL)
		part_close(m->leaf, false);
	m->leaf = NULL;
	m->state = MIME_TEXT;
}

static void
open_leaf_as(struct decoder *d, struct part_meta *meta)
{
	struct mime *m = d->state;
	struct mime_entity *e = &m->entity;

	make_label(m);
	meta->label = m->label;
	meta->name = bytes_of(e->name, e->n_name);
	m->state = MIME_LEAF;
	if (d->part == NULL)
		return;
	keep_in_message(d, &d->part->message->file_name, meta->name);
	m->leaf = part_open(d->part->message, d->part, meta);
	if (m->leaf == NULL)
		return;
	if (e->over)
		part_mark_opaque(m->leaf, OPAQUE_OVER_BUDGET);
	/* HZ (RFC 1843) is 7-bit text with shifts that no converter here knows. */
	if (e->unreadable || strncmp(e->charset, "hz", 2) == 0)
		part_mark_opaque(m->leaf, OPAQUE_UNKNOWN_FORMAT);
}

static void
open_leaf(struct decoder *d)
{
	struct mime *m = d->state;
	const struct mime_level *top = top_level(m);
	const struct mime_entity *e = &m->entity;
	bool ambiguous = e->ambiguous || (top != NULL && top->ambiguous);
	uint8_t inherited = top == NULL ? CODING_IDENTITY : top->coding, plain = CODING_IDENTITY;
	struct part_meta meta = {.charset = bytes_str(e->charset)};

	/* A multipart that wasn't split is text. */
	if (!mime_entity_is(e, "multipart/") && e->n_types > 0)
		meta.type = bytes_str(mime_entity_leaf_type(e));
	if (!ambiguous && !m->form && (meta.type.n == 0 || mime_entity_is(e, "text/plain")))
		plain = CODING_UUENCODE;
	mime_entity_readings(e, ambiguous, inherited, plain, &meta);
	open_leaf_as(d, &meta);
}

/* Too deep: one leaf, whose raw bytes are scanned. */
static void
open_too_deep(struct decoder *d)
{
	struct mime *m = d->state;
	struct part_meta meta = {0};

	m->entity.over = true;
	open_leaf_as(d, &meta);
}

/* A multipart or message in an encoding that it may not have: decode it first. */
static void
open_encoded(struct decoder *d, const char *type, uint8_t coding)
{
	struct mime *m = d->state;
	const struct mime_boundaries *b = &m->entity.boundaries;
	struct part_meta meta = {.type = bytes_str(type), .n_readings = 1};

	if (b->n > 0)
		meta.boundary = bytes_of(b->text[0], b->length[0]);
	meta.readings[0].codings[0] = coding;
	open_leaf_as(d, &meta);
}

/* ---- from header to body ---- */

static void
begin_header(struct decoder *d)
{
	struct mime *m = d->state;

	memset(&m->entity, 0, sizeof(m->entity));
	m->state = MIME_HEADER;
	m->n_field = 0;
	m->field_cut = false;
	m->n_header = 0;
}

/* Of the declared encodings, one that changes the bytes. */
static uint8_t
real_coding(const struct mime_entity *e)
{
	for (unsigned i = 0; i < e->n_codings; i++)
		if (e->codings[i] == CODING_BASE64 || e->codings[i] == CODING_QUOTED_PRINTABLE ||
		        e->codings[i] == CODING_UUENCODE)
			return e->codings[i];
	return CODING_IDENTITY;
}

static void
begin_multipart(struct decoder *d)
{
	struct mime *m = d->state;
	const struct mime_entity *e = &m->entity;
	struct mime_level *l = push_level(d);

	if (l == NULL) {
		open_too_deep(d);
		return;
	}
	if (e->over)
		doubt(d, OPAQUE_OVER_BUDGET);
	l->multipart = true;
	l->digest = mime_entity_is(e, "multipart/digest");
	l->ambiguous |= e->ambiguous;
	l->boundaries = e->boundaries;
	l->guess = e->boundaries.n == 0;
	l->ambiguous |= l->guess;
	if (real_coding(e) != CODING_IDENTITY)
		l->coding = real_coding(e);
	m->state = real_coding(e) != CODING_IDENTITY ? MIME_SNIFF : MIME_TEXT;
}

static void
begin_message(struct decoder *d)
{
	struct mime *m = d->state;
	bool ambiguous = m->entity.ambiguous;
	struct mime_level *l;

	/* A fragment: what it is shows only together with the others. */
	if (mime_entity_is(&m->entity, "message/partial"))
		doubt(d, OPAQUE_UNKNOWN_FORMAT);
	if (d->part != NULL)
		keep_in_message(d, &d->part->message->file_name,
		        bytes_of(m->entity.name, m->entity.n_name));
	if (real_coding(&m->entity) != CODING_IDENTITY) {
		open_encoded(d, "message/rfc822", real_coding(&m->entity));
		return;
	}
	l = push_level(d);
	if (l == NULL) {
		open_too_deep(d);
		return;
	}
	l->ambiguous |= ambiguous;
	begin_header(d);
}

static bool
is_message(const struct mime *m)
{
	const struct mime_entity *e = &m->entity;
	const struct mime_level *top = top_level(m);

	if (e->n_types == 0)
		return top != NULL && top->multipart && top->digest;
	/* Whatever the subtype, it begins with fields, and some open it as a mail. */
	return mime_entity_is(e, "message/") || mime_entity_is(e, "text/rfc822-headers");
}

static void
begin_body(struct decoder *d)
{
	struct mime *m = d->state;

	m->outermost = false;
	m->bol = true;
	m->eol = 0;
	if (mime_entity_is(&m->entity, "multipart/") &&
	        !(m->entity.over && m->entity.boundaries.n == 0))
		begin_multipart(d);
	else if (is_message(m))
		begin_message(d);
	else
		open_leaf(d);
}

/* ---- boundary lines ---- */

static struct bytes
without_blanks(struct bytes line)
{
	while (line.n > 0 &&
	        (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t' ||
	                line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* The innermost level that @p line is a boundary of, or -1. */
static int
find_boundary(const struct mime *m, struct bytes line, bool *ret_final)
{
	if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-')
		return -1;
	line = bytes_skip(without_blanks(line), 2);
	for (unsigned i = m->n_levels; i-- > 0;) {
		const struct mime_boundaries *b = &m->levels[i]->boundaries;

		for (unsigned k = 0; k < b->n; k++) {
			size_t n = b->length[k];

			if (line.n < n || memcmp(line.p, b->text[k], n) != 0)
				continue;
			*ret_final = line.n == n + 2 && memcmp(line.p + n, "--", 2) == 0;
			if (line.n == n || *ret_final)
				return (int)i;
		}
	}
	return -1;
}

static bool
guess_boundary(struct mime *m, struct bytes line)
{
	struct mime_level *top = top_level(m);

	line = without_blanks(line);
	if (m->state != MIME_TEXT || top == NULL || !top->guess || line.n < 2 ||
	        line.n > MIME_BOUNDARY_MAX + 2)
		return false;
	if (line.n > 2) /* Python takes an empty boundary for one */
		memcpy(top->boundaries.text[0], line.p + 2, line.n - 2);
	top->boundaries.length[0] = (uint16_t)(line.n - 2);
	top->boundaries.n = 1;
	top->guess = false;
	return true;
}

/*
 * Does @p line begin like a boundary? RFC 2046, 5.1.1 makes it one then; most
 * receivers want the whole line.
 */
static bool
begins_like_boundary(const struct mime *m, struct bytes line)
{
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	for (unsigned i = 0; i < m->n_levels; i++) {
		const struct mime_boundaries *b = &m->levels[i]->boundaries;

		for (unsigned k = 0; k < b->n; k++)
			if (b->length[k] > 0 && line.n - 2 > b->length[k] &&
			        memcmp(line.p + 2, b->text[k], b->length[k]) == 0)
				return true;
	}
	return false;
}

/* Is @p line a boundary? Then act on it. */
static bool
take_boundary(struct decoder *d, struct bytes line)
{
	struct mime *m = d->state;
	bool final = false;
	int i = find_boundary(m, line, &final);

	if (i < 0 && line.n >= 2 && line.p[0] == '-' && line.p[1] == '-' &&
	        guess_boundary(m, line))
		i = (int)m->n_levels - 1;
	if (i < 0 && begins_like_boundary(m, line))
		doubt(d, OPAQUE_DAMAGED);
	if (i < 0)
		return false;
	if (m->state == MIME_TEXT)
		put_eol(d);
	close_leaf(d);
	m->n_levels = (unsigned)i + 1;
	m->eol = 0;
	m->bol = true;
	if (!final) {
		m->levels[i]->count++;
		begin_header(d);
	}
	return true;
}

/* ---- header ---- */

static void
keep_subject(struct decoder *d, struct bytes value)
{
	struct mime *m = d->state;
	uint8_t text[SUBJECT_MAX];
	struct header_buffer b = {text, sizeof(text), 0, false};

	m->words.sink = header_buffer_sink(&b);
	header_decode(&m->words, value);
	keep_in_message(d, &d->part->message->subject, bytes_of(text, b.n));
}

static void
apply_field(struct decoder *d, struct bytes name, struct bytes value)
{
	struct mime *m = d->state;

	if (m->outermost && bytes_equal_nocase(name, BYTES_LIT("Subject")))
		keep_subject(d, value);
	else if (m->outermost && bytes_equal_nocase(name, BYTES_LIT("Message-ID")))
		keep_in_message(d, &d->part->message->message_id, value);
	else if (mime_entity_field(&m->entity, name, value, &m->words) && m->field_cut)
		m->entity.over = true;
}

/* The text of a field, or of a line that is none. */
static void
emit_field(struct decoder *d, struct bytes field, bool decode)
{
	struct mime *m = d->state;

	m->words.sink = (struct header_sink){emit_sink, d};
	if (decode)
		header_decode(&m->words, field);
	else
		emit(d, field);
}

/* Is the field, which is one whole line, something else than a header field? */
static bool
end_of_fields(struct decoder *d, struct bytes field)
{
	struct mime *m = d->state;

	if (m->line_only && !m->field_cut && take_boundary(d, field)) {
		m->n_field = 0;
		return true;
	}
	return false;
}

/*
 * A CR alone ends a line for some receivers: what they would take as fields
 * counts too, beside the reading in which it is part of this one.
 */
static void
apply_after_cr(struct decoder *d, struct bytes field)
{
	struct mime *m = d->state;
	struct bytes name, value;
	const uint8_t *cr;

	while (field.n > 0 && field.p[field.n - 1] == '\r')
		field.n--;
	while (field.n > 0 && (cr = memchr(field.p, '\r', field.n)) != NULL) {
		m->entity.ambiguous = true;
		field = bytes_skip(field, (size_t)(cr - field.p) + 1);
		cr = field.n > 0 ? memchr(field.p, '\r', field.n) : NULL;
		if (header_split(bytes_of(field.p, cr == NULL ? field.n : (size_t)(cr - field.p)),
		            &name, &value))
			(void)mime_entity_field(&m->entity, name, value, &m->words);
	}
}

/* Does it make a difference to how the body is read where that begins? */
static bool
body_matters(const struct mime_entity *e)
{
	return real_coding(e) != CODING_IDENTITY ||
	        (e->n_types > 0 && strcmp(mime_entity_leaf_type(e), "text/plain") != 0);
}

/*
 * A line that is no field. Some receivers end the header with it (Python), some
 * skip it. What was declared until here goes for the body of the former; the
 * latter may find more in what follows.
 */
static bool
body_without_blank_line(struct decoder *d, struct bytes line)
{
	struct mime *m = d->state;

	m->entity.ambiguous = true;
	if (!body_matters(&m->entity))
		return false;
	doubt(d, OPAQUE_DAMAGED);
	begin_body(d);
	put_body(d, line);
	put_body(d, BYTES_LIT("\r\n"));
	return true;
}

/* Is there one of the same name before it, and with @p section of the same section? */
static bool
repeats(const struct header_params *params, unsigned i, bool section)
{
	const struct header_param *p = &params->list[i], *q = params->list;

	for (; q < p; q++)
		if ((q->extended || q->section >= 0) && (!section || q->section == p->section) &&
		        bytes_equal_nocase(q->name, p->name))
			return true;
	return false;
}

/*
 * Text that RFC 2231 hides from who reads the field as it is: parameters in
 * pieces (name*0, name*1) or percent-encoded (name*). Each is a line of its own;
 * a piece that comes twice is read by itself too. Browsers write a quote in a
 * file's name as %22 (WHATWG HTML, 4.10.21.8), so plain values are undone as well.
 */
static void
emit_encoded_params(struct decoder *d, struct bytes field)
{
	struct mime *m = d->state;
	struct header_params params;
	struct bytes name, value;

	if (!bytes_starts_nocase(field, BYTES_LIT("Content-")) ||
	        (memchr(field.p, '*', field.n) == NULL && memchr(field.p, '%', field.n) == NULL) ||
	        !header_split(field, &name, &value))
		return;
	(void)header_token(value, &value, NULL);
	header_params_parse(value, &params);
	m->words.sink = (struct header_sink){emit_sink, d};
	for (unsigned i = 0; i < params.n; i++) {
		const struct header_param *p = &params.list[i];
		bool plain = !p->extended && p->section < 0;
		bool by_itself = plain || repeats(&params, i, true);
		struct header_params alone = {.list = {*p}, .n = 1};

		if ((plain && (p->value.n == 0 || memchr(p->value.p, '%', p->value.n) == NULL)) ||
		        (!by_itself && repeats(&params, i, false)))
			continue;
		alone.list[0].section = -1;
		alone.list[0].extended |= plain;
		if (header_param_text(by_itself ? &alone : &params, p->name, &m->words))
			emit(d, BYTES_LIT("\n"));
	}
}

/* A field is complete. */
static void
finish_field(struct decoder *d)
{
	struct mime *m = d->state;
	struct bytes field = bytes_of(m->field, m->n_field), name, value;
	bool parse = m->n_header <= m->limits->header_block;
	bool continued = m->field_cut;

	m->n_field = 0;
	m->field_cut = false;
	if (field.n == 0)
		return;
	if (!parse)
		m->entity.over = true;
	if (!continued && parse) {
		apply_after_cr(d, field);
		if (header_split(field, &name, &value)) {
			m->entity.fields++;
			apply_field(d, name, value);
		} else if (!bytes_starts_nocase(field, BYTES_LIT("From ")) &&
		        !bytes_starts_nocase(field, BYTES_LIT(">From ")) &&
		        body_without_blank_line(d, field)) {
			return;
		}
	}
	emit_field(d, field, parse);
	emit(d, BYTES_LIT("\n"));
	if (parse && !continued)
		emit_encoded_params(d, field);
}

/*
 * The field is longer than is kept: parse what is there, up to a blank if there
 * is one near the end (an encoded word holds none), and go on behind it.
 */
static void
cut_field(struct decoder *d)
{
	struct mime *m = d->state;
	size_t n = m->n_field, least = n - n / 4;
	struct bytes head, name, value;

	while (n > least && m->field[n - 1] != ' ' && m->field[n - 1] != '\t')
		n--;
	if (n == least)
		n = m->n_field;
	head = bytes_of(m->field, n);
	if (!m->field_cut && header_split(head, &name, &value)) {
		m->field_cut = true;
		m->entity.fields++;
		apply_field(d, name, value);
	} else if (!m->field_cut) {
		m->entity.over = true; /* which field it is stands behind what is kept */
	}
	m->field_cut = true;
	emit_field(d, head, m->n_header <= m->limits->header_block);
	memmove(m->field, m->field + n, m->n_field - n);
	m->n_field -= n;
}

/* Does a CR stand in the line, and not at its end? */
static bool
holds_bare_cr(const struct mime *m, struct bytes in)
{
	size_t i = 0;

	if (in.n > 0 && m->n_field > 0 && m->field[m->n_field - 1] == '\r' && in.p[0] != '\r')
		return true;
	while (i < in.n) {
		const uint8_t *cr = memchr(in.p + i, '\r', in.n - i);

		if (cr == NULL)
			return false;
		i = (size_t)(cr - in.p) + 1;
		if (i < in.n && in.p[i] != '\r')
			return true;
	}
	return false;
}

/*
 * Most fields are short: a longer one gets more room, up to the limit. While a
 * header is read no part is open above this one, so the arena is ours.
 */
static bool
grow_field(struct decoder *d)
{
	struct mime *m = d->state;
	size_t most = (size_t)m->limits->header_field;
	size_t room = m->field_room == 0 ? FIELD_FIRST : m->field_room * FIELD_GROWTH;
	uint8_t *p;

	if (room > most)
		room = most;
	p = room == m->field_room ? NULL : arena_alloc(d->arena, room);
	if (p == NULL)
		return false;
	if (m->n_field > 0)
		memcpy(p, m->field, m->n_field);
	m->field = p;
	m->field_room = room;
	return true;
}

static void
add_to_field(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	/* To some it ends a line, and two of them the header. */
	if (holds_bare_cr(m, in))
		doubt(d, OPAQUE_DAMAGED);
	while (in.n > 0) {
		size_t n = m->field_room - m->n_field;

		if (n > in.n)
			n = in.n;
		memcpy(m->field + m->n_field, in.p, n);
		m->n_field += n;
		in = bytes_skip(in, n);
		if (m->n_field == m->field_room && !grow_field(d))
			cut_field(d);
	}
}

/* A line of the header has ended. @return whether the header ended with it */
static bool
end_header_line(struct decoder *d, bool first_line)
{
	struct mime *m = d->state;

	if (m->n_field > 0 && m->field[m->n_field - 1] == '\r')
		m->n_field--;
	m->bol = true;
	if (m->n_field == 0 && first_line && !m->field_cut) {
		begin_body(d);
		return true;
	}
	return first_line && end_of_fields(d, bytes_of(m->field, m->n_field));
}

/* @return what is left of @p in: behind the header, if it has ended */
static struct bytes
push_header(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	while (in.n > 0 && m->state == MIME_HEADER) {
		const uint8_t *lf;
		size_t n;

		if (m->bol) {
			bool folded = (in.p[0] == ' ' || in.p[0] == '\t') &&
			        (m->n_field > 0 || m->field_cut);

			if (!folded)
				finish_field(d);
			if (m->state != MIME_HEADER)
				break;
			m->line_only = !folded;
			m->bol = false;
		}
		lf = memchr(in.p, '\n', in.n);
		n = lf == NULL ? in.n : (size_t)(lf - in.p);
		m->n_header += n + (lf != NULL);
		add_to_field(d, bytes_of(in.p, n));
		in = bytes_skip(in, n + (lf != NULL));
		if (lf != NULL)
			(void)end_header_line(d, m->line_only);
	}
	return in;
}

/* ---- body ---- */

/* line[] is no boundary line: it is content. */
static void
release_line(struct decoder *d)
{
	struct mime *m = d->state;
	struct bytes line = without_blanks(bytes_of(m->line, m->n_line));

	if (m->n_line == sizeof(m->line) && begins_like_boundary(m, line))
		doubt(d, OPAQUE_DAMAGED);
	if (m->leaf != NULL && bytes_equal(line, BYTES_LIT("-----BEGIN PGP MESSAGE-----")))
		part_mark_opaque(m->leaf, OPAQUE_ENCRYPTED);
	put_eol(d);
	put_body(d, bytes_of(m->line, m->n_line));
	for (; m->blanks > 0; m->blanks--)
		put_body(d, BYTES_LIT(" "));
	m->n_line = 0;
	m->collecting = false;
	m->bol = false;
}

static void
finish_line(struct decoder *d)
{
	struct mime *m = d->state;
	struct bytes line = bytes_of(m->line, m->n_line);
	bool crlf = m->blanks == 0 && line.n > 0 && line.p[line.n - 1] == '\r';

	if (take_boundary(d, line)) {
		m->n_line = 0;
		m->blanks = 0;
		m->collecting = false;
		return;
	}
	m->n_line -= crlf;
	release_line(d);
	m->eol = crlf ? 2 : 1;
	m->bol = true;
}

static bool
is_trailing_blank(const struct mime *m, uint8_t c)
{
	bool final;

	return (c == ' ' || c == '\t' || c == '\r') &&
	        find_boundary(m, bytes_of(m->line, m->n_line), &final) >= 0;
}

/* Go on with a line that begins with '-'. @return what is left of @p in */
static struct bytes
collect_line(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	while (in.n > 0 && m->collecting) {
		uint8_t c = in.p[0];

		if (c == '\n') {
			in = bytes_skip(in, 1);
			finish_line(d);
			break;
		}
		if (m->n_line == 1 && c != '-') {
			release_line(d);
			break;
		}
		if (m->n_line == sizeof(m->line)) {
			if (m->blanks == UINT32_MAX || !is_trailing_blank(m, c)) {
				release_line(d);
				break;
			}
			m->blanks++;
		} else {
			m->line[m->n_line++] = c;
		}
		in = bytes_skip(in, 1);
	}
	return in;
}

/* Where the run of lines ends that can be passed on as it is: before the line end in
 * front of a '-', or of the input's end. */
static size_t
run_length(struct bytes in)
{
	size_t i = 0;

	while (i < in.n) {
		const uint8_t *lf = memchr(in.p + i, '\n', in.n - i);

		if (lf == NULL)
			return in.n;
		i = (size_t)(lf - in.p) + 1;
		if (i == in.n || in.p[i] == '-')
			return i;
	}
	return in.n;
}

/* Content up to the next line that may be a boundary. @return what is left */
static struct bytes
push_run(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;
	size_t n, keep = 0;
	bool lf;

	if (m->cr && in.p[0] != '\n')
		put_body(d, BYTES_LIT("\r"));
	n = run_length(in);
	lf = in.p[n - 1] == '\n';
	if (lf) {
		bool crlf = n > 1 ? in.p[n - 2] == '\r' : m->cr;

		keep = n > 1 && crlf ? 2 : 1;
		m->eol = crlf ? 2 : 1;
	} else {
		keep = in.p[n - 1] == '\r';
	}
	if (m->cr && in.p[0] == '\n' && !(lf && n == 1))
		put_body(d, BYTES_LIT("\r"));
	m->cr = !lf && keep == 1;
	put_body(d, bytes_of(in.p, n - keep));
	m->bol = lf;
	return bytes_skip(in, n);
}

static struct bytes
push_body(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	if (m->bol && in.p[0] == '-') {
		m->collecting = true;
		m->bol = false;
	}
	if (m->collecting)
		return collect_line(d, in);
	put_eol(d);
	return push_run(d, in);
}

/* A multipart said to be encoded: is it? A boundary line comes first if not. */
static struct bytes
push_sniff(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	while (in.n > 0 && (in.p[0] == '\r' || in.p[0] == '\n' || in.p[0] == ' '))
		in = bytes_skip(in, 1);
	if (in.n == 0)
		return in;
	m->state = MIME_TEXT;
	if (in.p[0] != '-') {
		m->n_levels--;
		open_encoded(d, m->entity.type[m->entity.n_types - 1], real_coding(&m->entity));
	}
	return in;
}

/* ---- stage ---- */

static void
open_multipart_body(struct decoder *d, const struct part_meta *meta)
{
	struct mime *m = d->state;
	struct mime_level *l = push_level(d);

	if (l == NULL)
		return;
	l->multipart = true;
	l->boundaries.n = meta->boundary.n > 0 && meta->boundary.n <= MIME_BOUNDARY_MAX;
	if (l->boundaries.n > 0) {
		memcpy(l->boundaries.text[0], meta->boundary.p, meta->boundary.n);
		l->boundaries.length[0] = (uint16_t)meta->boundary.n;
	}
	l->guess = l->boundaries.n == 0;
	l->ambiguous = l->guess;
	m->form = bytes_equal_nocase(meta->type, BYTES_LIT("multipart/form-data"));
	m->state = MIME_TEXT;
}

static enum outcome
mime_open(struct decoder *d, const struct part_meta *meta)
{
	static const struct inspect_limits alone = {
#define X(name, value, least, most, unit, sentence) .name = (value),
	        INSPECT_LIMITS(X)
#undef X
	};
	struct mime *m = d->state;
	struct part *p = d->part;

	m->limits = p == NULL ? &alone : p->message->env->limits;
	m->levels = arena_zalloc(d->arena, (size_t)m->limits->mime_depth * sizeof(*m->levels));
	if (m->levels == NULL || !grow_field(d) ||
	        !header_decoder_open(&m->words, p == NULL ? NULL : p->message->env->charsets,
	                (size_t)m->limits->header_field, d->arena))
		return OUTCOME_OVER_BUDGET;
	m->bol = true;
	if (meta != NULL && bytes_starts_nocase(meta->type, BYTES_LIT("multipart/"))) {
		open_multipart_body(d, meta);
		return m->n_levels > 0 ? OUTCOME_OK : OUTCOME_OVER_BUDGET;
	}
	m->outermost = p != NULL && p->parent == NULL;
	return OUTCOME_OK;
}

static enum outcome
mime_push(struct decoder *d, struct bytes in)
{
	struct mime *m = d->state;

	while (in.n > 0 && m->outcome == OUTCOME_OK) {
		if (m->state == MIME_HEADER)
			in = push_header(d, in);
		else if (m->state == MIME_SNIFF)
			in = push_sniff(d, in);
		else
			in = push_body(d, in);
	}
	return m->outcome;
}

static enum outcome
mime_close(struct decoder *d)
{
	struct mime *m = d->state;

	if (m->state == MIME_HEADER) {
		if (m->n_field > 0 && m->field[m->n_field - 1] == '\r')
			m->n_field--;
		if (!m->line_only || !end_of_fields(d, bytes_of(m->field, m->n_field)))
			finish_field(d);
	} else {
		bool boundary = m->collecting && take_boundary(d, bytes_of(m->line, m->n_line));

		if (m->collecting && !boundary)
			release_line(d);
		if (!boundary) {
			put_eol(d);
			if (m->cr)
				put_body(d, BYTES_LIT("\r"));
		}
	}
	close_leaf(d);
	return m->outcome;
}

const struct decoder_ops mime_decoder = {.name = "mime",
        .state_size = sizeof(struct mime),
        .open = mime_open,
        .push = mime_push,
        .close = mime_close};
