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

/* ---- findings ---- */

static struct finding_counts *
counts_of(struct message *m, unsigned detector)
{
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

	if (m->distinct.count >= m->env->limits->distinct_exact) {
		m->distinct_over = true;
		return;
	}
	e = distinct_get(&m->distinct, m->keep, hash, &is_new);
	if (e == NULL) {
		m->distinct_over = true;
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

void
message_evidence(struct message *m, struct part *part, unsigned words)
{
	struct evidence_walk w = {m, part->ordinal, 1u << words};

	if (part->evidence & w.evidence)
		return;
	part->evidence |= w.evidence;
	m->evidence |= w.evidence;
	/* What was found in this part before its evidence was complete. */
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
