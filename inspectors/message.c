/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/message.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "inspectors/conversation.h"
#include "inspectors/detect/pseudonym.h"

/* What `counts` points to while nothing was found: most messages never need more. */
static const struct finding_counts no_counts[DETECT_DETECTORS_MAX];

const char *
channel_name(enum channel c)
{
	static const char *const names[CHANNELS] = {"mail", "file", "web", "app", "other"};

	return c < CHANNELS ? names[c] : "other";
}

struct message *
message_open(struct inspect_env *env, struct arena *keep, struct arena *stack,
	enum channel channel, enum direction direction, const char *protocol)
{
	struct arena_mark mark = arena_mark(keep);
	struct message *m = arena_zalloc(keep, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->env = env;
	m->direction = direction;
	m->channel = channel;
	m->protocol = protocol;
	m->mail_to_tail = &m->mail_to;
	m->counts = no_counts;
	m->keep = keep;
	m->stack = stack;
	m->keep_mark = mark;
	m->budget = (struct decode_budget){
		env->limits->message_decoded, (uint32_t)env->limits->decode_depth};
	return m;
}

struct bytes
message_keep(struct message *m, struct bytes text)
{
	char *copy = arena_copy(m->keep, text.p, text.n);

	return copy == NULL ? (struct bytes){NULL, 0} : bytes_of(copy, text.n);
}

void
message_add_recipient(struct message *m, struct bytes address)
{
	struct mail_address *a;

	if (m->n_mail_to >= m->env->limits->recipients) {
		m->recipients_over = true;
		return;
	}
	a = arena_zalloc(m->keep, sizeof(*a));
	if (a != NULL)
		a->address = message_keep(m, address);
	if (a == NULL || a->address.p == NULL) {
		m->recipients_over = true;
		return;
	}
	*m->mail_to_tail = a;
	m->mail_to_tail = &a->next;
	m->n_mail_to++;
}

void
message_gap(struct message *m, uint64_t lost)
{
	m->gap_bytes += lost;
}

void
message_count(struct message *m, uint64_t n)
{
	m->bytes_total += n;
}

static void
message_release(struct message *m)
{
	struct arena *keep = m->keep, *stack = m->stack;
	struct arena_mark mark = m->keep_mark;

	if (m->conversation != NULL && m->conversation->open[m->direction] == m)
		m->conversation->open[m->direction] = NULL;
	arena_release(stack);
	arena_rewind(keep, mark);
}

/*
 * The outermost first: a container closes its members itself, and may have
 * bytes for them until then.
 */
static void
close_parts(struct message *m, bool cut)
{
	while (m->top != NULL) {
		struct part *p = m->top;

		while (p->parent != NULL)
			p = p->parent;
		part_close(p, cut);
	}
}

void
message_close(struct message *m, bool cut)
{
	close_parts(m, cut);
	m->cut = m->cut || cut;
	if (m->conversation != NULL)
		for (int r = 0; r < OPAQUE_COUNT; r++)
			m->conversation->stats.opaque[m->direction][r] += m->opaque[r];
	m->env->message_done(m->env->ctx, m);
	message_release(m);
}

void
message_discard(struct message *m)
{
	/* Closed like any other, since a stage may hold what isn't the arena's (iconv). */
	close_parts(m, false);
	message_release(m);
}

/* ---- what a preview lays over the message ---- */

/* More identifiers than the last 192 bytes of many readings hold; past it "at least". */
enum { OVERLAY_MAX = 1024, OVERLAY_EVIDENCE_MAX = 128 };

/* Lies in detect_scratch_room(). What is found during a preview changes the message and its
 * distinct entries in place, so that it is counted by the same code; this puts it back. */
struct message_overlay {
	struct message was;
	unsigned told; /* findings and evidence */
	unsigned n_fresh, n_touched, n_evidence;
	bool copied; /* counts[] is */
	struct touched {
		struct distinct_entry *at, was;
	} touched[OVERLAY_MAX];
	struct distinct_entry fresh[OVERLAY_MAX]; /* that the set doesn't have */
	struct overlay_evidence {
		struct part *part;
		unsigned bit;
	} evidence[OVERLAY_EVIDENCE_MAX];
	struct finding_counts counts[DETECT_DETECTORS_MAX];
};
_Static_assert(sizeof(struct message_overlay) <= DETECT_ROOM, "the overlay fits its room");

/*
 * In which evidence an entry was seen, with what the preview adds: of that the entries
 * of the set know nothing, since there may be very many.
 */
static unsigned
near_of(const struct message *m, const struct distinct_entry *e)
{
	const struct message_overlay *o = m->overlay;
	unsigned near = e->near;

	if (o == NULL || o->n_evidence == 0 ||
		e->level < detect_set_detector_least(m->env->detect, e->detector))
		return near;
	for (unsigned i = 0; i < o->n_evidence; i++)
		if (o->evidence[i].part->ordinal == e->part)
			near |= o->evidence[i].bit;
	return near;
}

/* As distinct_get(), but what it returns is put back, or gone, after the preview. */
static struct distinct_entry *
overlay_get(struct message *m, uint64_t hash, bool *ret_new)
{
	struct message_overlay *o = m->overlay;
	struct distinct_entry *e = distinct_find(&m->distinct, hash);

	*ret_new = false;
	if (hash == 0)
		hash = 1; /* as distinct_get() */
	if (e != NULL) {
		if (o->n_touched == OVERLAY_MAX)
			return NULL;
		o->touched[o->n_touched++] = (struct touched){e, *e};
		e->near = (uint8_t)near_of(m, e);
		return e;
	}
	for (unsigned i = 0; i < o->n_fresh; i++)
		if (o->fresh[i].hash == hash) {
			o->fresh[i].near = (uint8_t)near_of(m, &o->fresh[i]);
			return &o->fresh[i];
		}
	if (o->n_fresh == OVERLAY_MAX)
		return NULL;
	*ret_new = true;
	o->fresh[o->n_fresh] = (struct distinct_entry){.hash = hash};
	return &o->fresh[o->n_fresh++];
}

static uint64_t
n_distinct(const struct message *m)
{
	return m->distinct.count + (m->overlay == NULL ? 0 : m->overlay->n_fresh);
}

static struct finding_counts *
overlay_counts(struct message *m, unsigned detector)
{
	struct message_overlay *o = m->overlay;

	if (!o->copied) {
		memcpy(o->counts, m->counts,
			detect_set_detectors(m->env->detect) * sizeof(o->counts[0]));
		m->counts = o->counts;
		o->copied = true;
	}
	return &o->counts[detector];
}

struct overlay_walk {
	const struct message *m;
	void (*each)(void *ctx, const struct distinct_entry *e);
	void *ctx;
};

static void
each_as_laid_over(void *ctx, struct distinct_entry *e)
{
	const struct overlay_walk *w = ctx;
	struct distinct_entry shown = *e;

	shown.near = (uint8_t)near_of(w->m, e);
	w->each(w->ctx, &shown);
}

void
message_each_distinct(const struct message *m,
	void (*each)(void *ctx, const struct distinct_entry *e), void *ctx)
{
	struct overlay_walk w = {m, each, ctx};

	distinct_each(&m->distinct, each_as_laid_over, &w);
	for (unsigned i = 0; m->overlay != NULL && i < m->overlay->n_fresh; i++)
		each_as_laid_over(&w, &m->overlay->fresh[i]);
}

/* ---- findings ---- */

static struct finding_counts *
counts_of(struct message *m, unsigned detector)
{
	if (m->overlay != NULL)
		return overlay_counts(m, detector);
	if (m->counts == no_counts) {
		struct finding_counts *counts = arena_zalloc(
			m->keep, detect_set_detectors(m->env->detect) * sizeof(*counts));

		if (counts == NULL)
			return NULL;
		m->counts = counts;
	}
	return (struct finding_counts *)&m->counts[detector];
}

/* Count an identifier that counts for the first time in a part with that evidence. */
static void
count_near(struct finding_counts *counts, struct distinct_entry *e, unsigned evidence)
{
	unsigned fresh = evidence & ~(unsigned)e->near;

	for (unsigned i = 0; i < DETECT_WORDS_MAX; i++)
		counts->distinct_near[i] += fresh >> i & 1;
	e->near |= (uint8_t)evidence;
}

static void
count_distinct(struct message *m, struct part *part, struct finding_counts *counts,
	const struct raw_finding *f)
{
	enum confidence least = detect_set_detector_least(m->env->detect, f->detector);
	uint64_t hash = XXH3_64bits_withSeed(f->normalised.p, f->normalised.n,
		m->env->distinct_seed + f->detector * UINT64_C(0x9e3779b97f4a7c15));
	struct distinct_entry *e;
	bool is_new;

	if (n_distinct(m) >= m->env->limits->distinct_exact) {
		m->distinct_over = true;
		return;
	}
	e = m->overlay != NULL ? overlay_get(m, hash, &is_new)
			       : distinct_get(&m->distinct, m->keep, hash, &is_new);
	if (e == NULL) {
		m->distinct_over = true;
		if (m->overlay == NULL)
			part_mark_opaque(part, OPAQUE_OVER_BUDGET);
		return;
	}
	e->detector = f->detector;
	e->part = part->ordinal;
	if (is_new) {
		counts->distinct += f->confidence >= least;
		counts->distinct_low += f->confidence < least;
	} else if (e->level < least && f->confidence >= least) {
		counts->distinct_low--;
		counts->distinct++;
	}
	if (e->level < f->confidence)
		e->level = (uint8_t)f->confidence;
	if (e->level >= least)
		count_near(counts, e, part->evidence);
}

/* A place in the list: a free one, or that of the last finding of lower confidence. */
static struct finding *
listing_place(struct message *m, enum confidence confidence)
{
	if (m->findings == NULL)
		m->findings = arena_zalloc(m->keep, MESSAGE_FINDINGS_LISTED * sizeof(*m->findings));
	if (m->findings == NULL)
		return NULL;
	if (m->n_findings < MESSAGE_FINDINGS_LISTED)
		return &m->findings[m->n_findings++];
	for (unsigned i = MESSAGE_FINDINGS_LISTED; i-- > 0;)
		if (m->findings[i].confidence < confidence)
			return &m->findings[i];
	return NULL;
}

static const char *
keep_path(struct message *m, const struct part *part, const struct decoder *stage)
{
	char path[512];
	const char *kept;

	part_path(part, stage, path, sizeof(path));
	/* Findings tend to come from one part: share its path. */
	if (m->n_findings > 1 && m->findings[m->n_findings - 2].part != NULL &&
		strcmp(m->findings[m->n_findings - 2].part, path) == 0)
		return m->findings[m->n_findings - 2].part;
	kept = arena_copy(m->keep, path, strlen(path));
	return kept == NULL ? "" : kept;
}

void
message_finding(struct message *m, struct part *part, const struct decoder *stage,
	const struct raw_finding *f)
{
	struct finding_counts *counts = counts_of(m, f->detector);
	struct finding *listed;

	m->findings_total++;
	if (f->mark >= 0 && f->confidence >= CONFIDENCE_MEDIUM)
		m->marks |= UINT64_C(1) << f->mark;
	if (counts == NULL) {
		/* It can't be judged: the part counts as not looked at. */
		m->distinct_over = true;
		part_mark_all_opaque(part, OPAQUE_OVER_BUDGET);
		return;
	}
	counts->total[f->confidence]++;
	count_distinct(m, part, counts, f);
	if (m->overlay != NULL) {
		m->overlay->told++;
		return;
	}
	listed = listing_place(m, f->confidence);
	if (listed == NULL)
		return;
	listed->detector = f->detector;
	listed->confidence = f->confidence;
	listed->offset = f->offset;
	listed->part = keep_path(m, part, stage);
	detect_mask(m->env->detect, f, listed->mask, sizeof(listed->mask));
	pseudonym_of(m->env->pseudonym,
		detect_set_detector_id(m->env->detect, f->detector), f->normalised,
		listed->pseudonym);
}

struct evidence_walk {
	struct message *m;
	unsigned ordinal;
	unsigned evidence;
};

static void
mark_near(void *ctx, struct distinct_entry *e)
{
	struct evidence_walk *w = ctx;

	if (e->part == w->ordinal &&
		e->level >= detect_set_detector_least(w->m->env->detect, e->detector))
		count_near(counts_of(w->m, e->detector), e, w->evidence);
}

/* The same, and the entry stays as it is: near_of() adds the evidence. */
static void
count_as_near(void *ctx, const struct distinct_entry *e)
{
	struct distinct_entry copy = *e;

	mark_near(ctx, &copy);
}

static void
lay_evidence(struct message *m, struct part *part, struct evidence_walk *w)
{
	struct message_overlay *o = m->overlay;

	o->told++;
	if (o->n_evidence == OVERLAY_EVIDENCE_MAX) {
		m->distinct_over = true;
		part->evidence &= ~w->evidence;
		return;
	}
	message_each_distinct(m, count_as_near, w);
	o->evidence[o->n_evidence++] = (struct overlay_evidence){part, w->evidence};
}

void
message_evidence(struct message *m, struct part *part, unsigned words)
{
	struct evidence_walk w = {m, part->ordinal, 1u << words};

	if (part->evidence & w.evidence)
		return;
	part->evidence |= w.evidence;
	m->evidence |= w.evidence;
	/* What was found in this part before its evidence was complete. */
	if (m->overlay != NULL)
		lay_evidence(m, part, &w);
	else
		distinct_each(&m->distinct, mark_near, &w);
}

void
message_opaque_part(
	struct message *m, const struct part *part, enum opaque_reason reason, uint64_t bytes)
{
	char path[512];
	const char *kept;

	if (m->opaque_parts == NULL)
		m->opaque_parts = arena_zalloc(
			m->keep, MESSAGE_OPAQUE_LISTED * sizeof(*m->opaque_parts));
	if (m->opaque_parts == NULL || m->n_opaque_parts == MESSAGE_OPAQUE_LISTED)
		return;
	part_path(part, NULL, path, sizeof(path));
	kept = arena_copy(m->keep, path, strlen(path));
	m->opaque_parts[m->n_opaque_parts++] =
		(struct opaque_part){kept == NULL ? "" : kept, reason, bytes};
}

/* ---- previews ---- */

/* Has anything changed that a judge reads, but for what is pending? Remembers it. */
static bool
note_seen(struct message *m)
{
	struct preview_seen *was = &m->seen;
	struct preview_seen now = {m->findings_total, m->opaque_seen, m->gap_bytes, m->url_host,
		m->evidence, m->n_mail_to, m->opaque_ahead, m->channel, m->recipients_over,
		false, true};
	bool same = was->any && was->findings_total == now.findings_total &&
		was->opaque_seen == now.opaque_seen && was->gap_bytes == now.gap_bytes &&
		was->url_host.p == now.url_host.p && was->url_host.n == now.url_host.n &&
		was->evidence == now.evidence && was->n_mail_to == now.n_mail_to &&
		was->opaque_ahead == now.opaque_ahead && was->channel == now.channel &&
		was->recipients_over == now.recipients_over;

	*was = now;
	return !same;
}

static void
lay_opaque(struct message *m)
{
	if (m->opaque_seen > 0)
		part_add_opaque(m, m->opaque);
	if (m->opaque_ahead != OPAQUE_NONE && m->opaque[m->opaque_ahead] == 0)
		m->opaque[m->opaque_ahead] = 1;
}

static struct message_overlay *
overlay_new(const struct message *m)
{
	struct message_overlay *o = detect_scratch_room(m->env->scratch);

	o->was = *m;
	o->told = o->n_fresh = o->n_touched = o->n_evidence = 0;
	o->copied = false;
	return o;
}

bool
message_preview_begin(struct message *m, bool *ret_pending)
{
	bool told = m->seen.told, news = note_seen(m) || told;
	unsigned by_scans;

	*ret_pending = false;
	m->seen.told = false;
	if (m->pending == 0 && m->doubts == 0 && m->opaque_seen == 0 &&
		m->opaque_ahead == OPAQUE_NONE)
		return news;
	m->overlay = overlay_new(m);
	lay_opaque(m);
	if (m->pending > 0)
		part_preview(m);
	by_scans = m->overlay->told;
	if (m->doubts > 0)
		part_preview_doubts(m);
	told = m->overlay->told > 0;
	/* Doubts stay, but a pause has decided of them, for as long as nothing comes. */
	*ret_pending = by_scans > 0 || (told && m->settled_at != m->bytes_total);
	m->overlay->was.seen.told = told;
	return news || told;
}

void
message_preview_end(struct message *m)
{
	struct message_overlay *o = m->overlay;

	if (o == NULL)
		return;
	while (o->n_touched > 0) {
		const struct touched *t = &o->touched[--o->n_touched];

		*t->at = t->was;
	}
	while (o->n_evidence > 0) {
		const struct overlay_evidence *e = &o->evidence[--o->n_evidence];

		e->part->evidence &= ~e->bit;
	}
	*m = o->was;
	m->overlay = NULL;
}

void
message_settle(struct message *m)
{
	if (m->pending > 0)
		part_settle(m);
	m->settled_at = m->bytes_total;
}
