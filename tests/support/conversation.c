/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/detect/pseudonym.h"
#include "inspectors/stream/charset.h"
#include "tests/support/pack_load.h"

static void
put(struct engine *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct engine *e, const char *format, ...)
{
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	box_put(&e->dump, line, strlen(line));
}

static void
put_counts(struct engine *e, const struct message *m)
{
	for (size_t d = 0; d < detect_set_detectors(e->env.detect); d++) {
		const struct finding_counts *k = &m->counts[d];
		uint64_t total = k->total[1] + k->total[2] + k->total[3];

		e->distinct[d] += k->distinct + k->distinct_low;
		if (total > 0)
			put(e, " %s=%llu/%llu near=%llu", detect_set_detector_id(e->env.detect, d),
				(unsigned long long)total,
				(unsigned long long)(k->distinct + k->distinct_low),
				(unsigned long long)k->distinct_near[0]);
	}
}

static void
on_message(void *ctx, struct message *m)
{
	struct engine *e = ctx;
	uint64_t opaque = 0;

	e->messages++;
	e->total[m->direction] += m->bytes_total;
	e->evidence |= m->evidence;
	for (int r = 0; r < OPAQUE_COUNT; r++) {
		e->opaque[r] += m->opaque[r];
		opaque += m->opaque[r];
	}
	assert_true(opaque <= m->bytes_total);
	put(e, "%s %s %s total=%llu opaque=%llu", channel_name(m->channel), m->protocol,
		m->direction == DIR_CLIENT ? "c" : "s", (unsigned long long)m->bytes_total,
		(unsigned long long)opaque);
	put_counts(e, m);
	if (m->opaque_ahead != OPAQUE_NONE)
		put(e, " ahead=%s", opaque_reason_name(m->opaque_ahead));
	put(e, "\n");
	for (unsigned i = 0; i < m->n_findings; i++)
		put(e, "  %s %s %s @%llu\n", m->findings[i].mask,
			confidence_name(m->findings[i].confidence), m->findings[i].part,
			(unsigned long long)m->findings[i].offset);
	for (unsigned i = 0; i < m->n_opaque_parts; i++)
		put(e, "  opaque %s %s %llu\n", opaque_reason_name(m->opaque_parts[i].reason),
			m->opaque_parts[i].part, (unsigned long long)m->opaque_parts[i].bytes);
}

void
engine_open(struct engine *e)
{
	static struct detect_set *set;
	static const uint8_t key[32] = {7};

	if (set == NULL)
		set = pack_load_all(PACKS_DIR);
	*e = (struct engine){.limits = inspect_limits_default()};
	e->env = (struct inspect_env){.limits = &e->limits,
		.detect = set,
		.scratch = detect_scratch_new(set),
		.today = {2026, 7, 1},
		.pseudonym = pseudonym_new(key, sizeof(key)),
		.charsets = charset_catalog_new(8),
		.message_done = on_message,
		.ctx = e,
		.distinct_seed = 1};
	assert_non_null(e->env.scratch);
}

void
engine_close(struct engine *e)
{
	detect_scratch_free(e->env.scratch);
	pseudonym_free((struct pseudonym *)e->env.pseudonym);
	charset_catalog_free((struct charset_catalog *)e->env.charsets);
	box_free(&e->dump);
}

const char *
engine_dump(struct engine *e)
{
	box_put(&e->dump, "", 1);
	e->dump.n--;
	return (const char *)e->dump.p;
}

uint64_t
engine_distinct(struct engine *e, const char *detector)
{
	int d = detect_set_find_detector(e->env.detect, detector);

	assert_true(d >= 0);
	return e->distinct[d];
}

struct talk {
	struct conversation *c;
	enum direction dir;
};

static void
talk_piece(void *ctx, struct bytes piece)
{
	struct talk *t = ctx;

	conversation_data(t->c, t->dir, piece);
}

void
engine_talk(struct engine *e, const struct say *say, size_t n, size_t step)
{
	struct endpoints ends = {.family = 4, .port = {40000, 25}};
	struct conversation c;
	uint64_t before[2] = {e->total[0], e->total[1]};

	conversation_open(&c, &e->env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	for (size_t i = 0; i < n; i++) {
		struct talk t = {&c, say[i].dir};
		struct bytes text = bytes_str(say[i].text);

		feed_steps(text, step == 0 ? text.n : step, talk_piece, &t);
	}
	conversation_finish(&c, DIR_CLIENT);
	conversation_finish(&c, DIR_SERVER);
	conversation_close(&c, false);
	for (int dir = 0; dir < 2; dir++) {
		uint64_t judged = e->total[dir] - before[dir];

		e->over_budget += c.stats.opaque[dir][OPAQUE_OVER_BUDGET];
		if (judged > c.stats.delivered[dir])
			fail_msg("%llu bytes judged of %llu\n%s", (unsigned long long)judged,
				(unsigned long long)c.stats.delivered[dir], engine_dump(e));
		/* What no message could be opened for was counted over-budget. */
		assert_true(judged <= c.stats.delivered[dir]);
		assert_true(judged + c.stats.opaque[dir][OPAQUE_OVER_BUDGET] >=
			c.stats.delivered[dir]);
	}
	assert_int_equal(c.budget.held, 0);
}

static void
read_piece(void *ctx, struct bytes piece)
{
	part_push(ctx, piece);
}

void
engine_read(struct engine *e, const struct part_meta *meta, struct bytes in, size_t cut)
{
	struct arena_budget budget = {.limit = e->limits.flow_memory};
	struct arena keep, stack;
	struct message *m;

	arena_init(&keep, &arena_source_malloc, &budget);
	arena_init(&stack, &arena_source_malloc, &budget);
	m = message_open(&e->env, &keep, &stack, CHANNEL_FILE, DIR_CLIENT, "file");
	if (m != NULL) {
		feed_cut(in, cut, read_piece, part_open(m, NULL, meta));
		message_close(m, false);
	}
	arena_release(&keep);
	arena_release(&stack);
	assert_int_equal(budget.held, 0);
}
