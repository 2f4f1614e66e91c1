/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A live message. The first byte chooses how the part is declared, the second
 * the size of its pieces. Laws: previews between the pieces change nothing of
 * the message; where no decoder stands between, each shows what the end would;
 * what was told when it was settled is told in the end.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspectors/detect/pseudonym.h"
#include "inspectors/message.h"
#include "inspectors/stream/charset.h"
#include "tests/support/cut.h"
#include "tests/support/pack_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inspect_limits limits;
static struct inspect_env env;

/* What the judge reads, and what an event tells. */
struct shown {
	struct finding_counts counts[DETECT_DETECTORS_MAX];
	uint64_t marks, near[DETECT_WORDS_MAX + 1];
	unsigned evidence;
	bool opaque, over;
	struct box told;
};

static struct shown last;

static void
count_near(void *ctx, const struct distinct_entry *e)
{
	struct shown *s = ctx;

	s->near[DETECT_WORDS_MAX] += e->level;
	for (unsigned i = 0; i < DETECT_WORDS_MAX; i++)
		s->near[i] += e->near >> i & 1;
}

static void
show(const struct message *m, struct shown *s)
{
	box_free(&s->told);
	memset(s, 0, sizeof(*s));
	memcpy(s->counts, m->counts,
		detect_set_detectors(env.detect) * sizeof(s->counts[0]));
	s->marks = m->marks;
	s->evidence = m->evidence;
	s->over = m->distinct_over;
	for (int r = 0; r < OPAQUE_COUNT; r++)
		s->opaque |= m->opaque[r] > 0;
	message_each_distinct(m, count_near, s);
	for (unsigned i = 0; i < m->n_findings; i++) {
		const struct finding *f = &m->findings[i];
		char line[1024];
		int n = snprintf(line, sizeof(line), "%u %u %llu %s %s\n", f->detector,
			f->confidence, (unsigned long long)f->offset, f->part, f->mask);

		box_put(&s->told, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line));
	}
}

static bool
judged_alike(const struct shown *a, const struct shown *b)
{
	return memcmp(a, b, offsetof(struct shown, marks)) == 0 && a->marks == b->marks &&
		memcmp(a->near, b->near, sizeof(a->near)) == 0 && a->evidence == b->evidence &&
		a->opaque == b->opaque && a->over == b->over;
}

static bool
told_alike(const struct shown *a, const struct shown *b)
{
	return bytes_equal(bytes_of(a->told.p, a->told.n), bytes_of(b->told.p, b->told.n));
}

static void
on_message(void *ctx, struct message *m)
{
	(void)ctx;
	assert(m->pending == 0 && m->doubts == 0);
	show(m, &last);
}

/* ---- one message ---- */

enum act { NOTHING, PREVIEW, SETTLE };

struct reading {
	struct message *m;
	struct part *part;
	const struct part_meta *meta;
	enum act act;
	size_t taken;
	struct bytes in;
	bool exact; /* no decoder holds anything */
};

static void read_in(const struct part_meta *meta, struct bytes in, size_t step, enum act act,
	bool exact);

static void
look(struct reading *r)
{
	static struct shown live;
	bool pending;

	(void)message_preview_begin(r->m, &pending);
	show(r->m, &live);
	message_preview_end(r->m);
	if (!r->exact)
		return;
	read_in(r->meta, bytes_of(r->in.p, r->taken), r->taken, NOTHING, false);
	assert(judged_alike(&live, &last));
}

static void
settle(struct message *m)
{
	bool pending;

	message_settle(m);
	assert(m->pending == 0);
	(void)message_preview_begin(m, &pending);
	assert(!pending);
	message_preview_end(m);
}

static void
take(void *ctx, struct bytes piece)
{
	struct reading *r = ctx;

	part_push(r->part, piece);
	r->taken += piece.n;
	if (r->act == PREVIEW)
		look(r);
	else if (r->act == SETTLE)
		settle(r->m);
}

static void
read_in(const struct part_meta *meta, struct bytes in, size_t step, enum act act, bool exact)
{
	struct arena_budget budget = {.limit = limits.flow_memory};
	struct arena keep, stack;
	struct reading r = {.meta = meta, .act = act, .in = in, .exact = exact};

	arena_init(&keep, &arena_source_malloc, &budget);
	arena_init(&stack, &arena_source_malloc, &budget);
	r.m = message_open(&env, &keep, &stack, CHANNEL_FILE, DIR_CLIENT, "file");
	assert(r.m != NULL);
	r.part = part_open(r.m, NULL, meta);
	feed_steps(in, step == 0 ? 1 : step, take, &r);
	message_close(r.m, false);
	arena_release(&keep);
	arena_release(&stack);
	assert(budget.held == 0);
}

/* ---- */

static void
open_env(void)
{
	static const uint8_t key[32] = {7};
	const struct detect_set *set = pack_load_all(PACKS_DIR);

	limits = inspect_limits_default();
	env = (struct inspect_env){.limits = &limits,
		.detect = set,
		.scratch = detect_scratch_new(set),
		.today = {2026, 7, 1},
		.pseudonym = pseudonym_new(key, sizeof(key)),
		.charsets = charset_catalog_new(8),
		.message_done = on_message,
		.distinct_seed = 1};
}

static const struct part_meta metas[] = {
	{.label = "f", .readings = {{{CODING_UNKNOWN}}}, .n_readings = 1},
	{.label = "f"},
	{.label = "f", .readings = {{{CODING_BASE64}}}, .n_readings = 1},
	{.label = "f", .readings = {{{CODING_QUOTED_PRINTABLE}}, {{CODING_IDENTITY}}},
		.n_readings = 2},
	{.label = "f", .type = BYTES_LIT("text/html")},
	{.label = "f", .type = BYTES_LIT("message/rfc822")},
	{.label = "f", .type = BYTES_LIT("application/json"), .charset = BYTES_LIT("utf-16")},
	{.label = "f", .readings = {{{CODING_GZIP}}}, .n_readings = 1},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct shown without;
	const struct part_meta *meta;
	struct bytes in;
	size_t step;
	bool few;

	if (size < 3)
		return 0;
	if (env.detect == NULL)
		open_env();
	meta = &metas[data[0] % ARRAY_LEN(metas)];
	step = data[1] + 1u;
	in = bytes_of(data + 2, size - 2);
	read_in(meta, in, step, NOTHING, false);
	box_free(&without.told);
	without = last;
	last.told = (struct box){0};
	/* The exact law reads all again for each piece. */
	few = in.n / step < 64;
	read_in(meta, in, step, PREVIEW, few && meta->readings[0].codings[0] == CODING_UNKNOWN);
	assert(judged_alike(&last, &without) && told_alike(&last, &without));
	read_in(meta, in, step, SETTLE, false);
	return 0;
}
