/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_EVASION_H
#define SLUSS_TEST_EVASION_H

/**
 * @file
 * A sender hides one number from the gateway that an ordinary receiver will
 * see. The law: the number is found, or its bytes are counted opaque.
 */

#include "tests/support/conversation.h"

/* Of the published test series. */
#define N1 "19760102-2382"
/* "Patient 19760102-2382 besked\r\n" */
#define N1_BASE64 "UGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K"
/* 19760102-2382 */
#define N1_QP "=31=39=37=36=30=31=30=32=2D=32=33=38=32"

enum outcome_wanted {
	FOUND,
	FOUND_OR_OPAQUE,
};

static inline bool
law_holds(struct engine *e, enum outcome_wanted wanted)
{
	uint64_t opaque = 0;

	for (int r = 0; r < OPAQUE_COUNT; r++)
		opaque += e->opaque[r];
	return engine_distinct(e, "personnummer") > 0 || (wanted == FOUND_OR_OPAQUE && opaque > 0);
}

#define C DIR_CLIENT
#define S DIR_SERVER

enum { TURNS_MAX = 16 };

struct turn {
	enum direction dir;
	struct bytes bytes;
};

#define TURN(d, s)                                                                                 \
	{                                                                                          \
		d, BYTES_LIT(s)                                                                    \
	}

/* A conversation, in the order of the wire. */
struct session {
	const char *name;
	enum outcome_wanted wanted;
	struct turn turns[TURNS_MAX];
};

static inline bool
session_holds(const struct session *s, size_t step)
{
	struct endpoints ends = {.family = 4, .port = {40000, 25}};
	struct conversation c;
	struct engine e;
	bool holds;

	engine_open(&e);
	conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	for (size_t i = 0; i < TURNS_MAX && s->turns[i].bytes.n > 0; i++) {
		struct bytes in = s->turns[i].bytes;

		while (in.n > 0) {
			size_t n = step == 0 || step > in.n ? in.n : step;

			conversation_data(&c, s->turns[i].dir, bytes_of(in.p, n));
			in = bytes_skip(in, n);
		}
	}
	conversation_finish(&c, C);
	conversation_finish(&c, S);
	conversation_close(&c, false);
	holds = law_holds(&e, s->wanted);
	/* And every byte is in some message, or counted over-budget. */
	for (int dir = 0; dir < 2; dir++)
		holds = holds && e.total[dir] + c.stats.opaque[dir][OPAQUE_OVER_BUDGET] >=
					 c.stats.delivered[dir];
	if (!holds)
		print_error("missed: %s (step %zu)\n%s", s->name, step, engine_dump(&e));
	engine_close(&e);
	return holds;
}

#endif
