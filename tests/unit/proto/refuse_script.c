/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/proto/refuse_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct script {
	const struct refuse_case *k;
	struct conversation c;
	struct refusal r;
	bool refusing, waiting, over;
	struct box said;
	enum direction dir; /* of the turn that is read */
};

/* Bytes of no text as \\xhh. */
static void
put_words(struct script *s)
{
	for (size_t i = 0; i < s->r.n_words; i++) {
		uint8_t c = (uint8_t)s->r.words[i];
		char hex[5];

		snprintf(hex, sizeof(hex), "\\x%02x", c);
		if (c < ' ' && c != '\r' && c != '\n')
			box_put(&s->said, hex, 4);
		else
			box_put(&s->said, &c, 1);
	}
}

static void
ask(struct script *s)
{
	static const char *const ends[] = {[REFUSE_CLOSE] = "[close]", [REFUSE_RESET] = "[reset]"};
	enum refuse_step step = conversation_refuse(&s->c, &s->r);

	assert_true(s->r.n_words <= sizeof(s->r.words));
	if (step == REFUSE_WAIT && !s->waiting)
		box_put(&s->said, "[wait]", 6);
	if (step == REFUSE_WAIT || step == REFUSE_RESET)
		assert_int_equal(s->r.n_words, 0);
	s->waiting = step == REFUSE_WAIT;
	put_words(s);
	s->over = step == REFUSE_CLOSE || step == REFUSE_RESET;
	if (s->over)
		box_put(&s->said, ends[step], strlen(ends[step]));
	assert_true(s->over || !s->r.last);
	assert_true(s->said.n <= REFUSAL_WORDS_MAX + 64);
}

static void
begin(struct script *s, uint64_t released)
{
	uint32_t serial = s->k->serial;

	if (serial == 0)
		serial = s->c.messages[s->dir];
	s->r = (struct refusal){.dir = s->dir,
		.event_id = EVENT_ID,
		.serial = serial == UINT32_MAX ? 0 : serial,
		.released = released};
	s->refusing = true;
	ask(s);
}

static void
piece(void *ctx, struct bytes in)
{
	struct script *s = ctx;

	if (s->over)
		return;
	/* A receiver that was reset says nothing. */
	if (s->refusing && s->dir != s->r.dir)
		assert_true(s->waiting);
	conversation_data(&s->c, s->dir, in);
	if (s->refusing)
		ask(s);
}

static void
read_text(struct script *s, struct bytes text, size_t cut, size_t step)
{
	if (step > 0)
		feed_steps(text, step, piece, s);
	else
		feed_cut(text, cut, piece, s);
}

static void
read_turn(struct script *s, const char *turn, size_t cut, size_t step)
{
	uint64_t before;

	s->dir = strchr("SFY", turn[0]) != NULL ? DIR_SERVER : DIR_CLIENT;
	before = s->c.stats.delivered[s->dir];
	if (turn[0] == 'E' || turn[0] == 'F')
		conversation_finish(&s->c, s->dir);
	if (turn[0] == 'E' || turn[0] == 'L')
		s->r.last = true;
	if (turn[1] == ':')
		read_text(s, bytes_str(turn + 2), cut, step);
	else if (s->refusing)
		ask(s);
	if (strchr("XYR", turn[0]) != NULL && !s->refusing)
		begin(s, before);
}

static void
play(struct engine *e, const struct refuse_case *k, size_t turn, size_t cut, size_t step)
{
	struct endpoints ends = {.family = 4, .port = {40000, 25}};
	struct script s = {.k = k};

	conversation_open(&s.c, &e->env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	for (size_t i = 0; i < REFUSE_TURNS_MAX && k->turns[i] != NULL && !s.over; i++)
		read_turn(&s, k->turns[i], i == turn ? cut : strlen(k->turns[i]), step);
	if (!s.over)
		box_put(&s.said, "[absorb]", 8);
	conversation_close(&s.c, false);
	assert_int_equal(s.c.budget.held, 0);
	box_put(&s.said, "", 1);
	if (strcmp((char *)s.said.p, k->want) != 0)
		fail_msg("%s, turn %zu cut at %zu, pieces of %zu:\n%s\nwant:\n%s", k->name, turn,
			cut, step, (char *)s.said.p, k->want);
	box_free(&s.said);
}

void
assert_refuses(const struct refuse_case *k)
{
	struct engine e;

	engine_open(&e);
	play(&e, k, REFUSE_TURNS_MAX, 0, 0);
	for (size_t turn = 0; turn < REFUSE_TURNS_MAX && k->turns[turn] != NULL; turn++)
		for (size_t cut = 1; cut + 2 < strlen(k->turns[turn]); cut++)
			play(&e, k, turn, cut, 0);
	for (size_t step = 1; step <= 17; step++)
		play(&e, k, 0, 0, step);
	engine_close(&e);
}
