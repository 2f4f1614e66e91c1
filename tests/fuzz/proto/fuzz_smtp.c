/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A conversation: the first byte is the size of pieces for the second run, the
 * rest are turns, each begun by "~C" (the client's bytes), "~S" (the server's),
 * "~g" or "~h" (a gap of the client's or the server's). Laws: messages are the
 * same for any cut, every byte is in one, and all memory comes back.
 */
#include "inspectors/proto/smtp.h"

#include <stdlib.h>

#include "tests/unit/proto/test_mail_double.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GAP = 100, PIPELINED = 4, RECIPIENTS = 5 };

static void
feed_client(void *ctx, struct bytes piece)
{
	smtp_inspector.data(ctx, DIR_CLIENT, piece);
}

static void
feed_server(void *ctx, struct bytes piece)
{
	smtp_inspector.data(ctx, DIR_SERVER, piece);
}

static size_t
turn_length(struct bytes in)
{
	size_t n = 0;

	while (n < in.n &&
		!(in.p[n] == '~' && n + 1 < in.n && strchr("CSgh", in.p[n + 1]) != NULL &&
			in.p[n + 1] != '\0'))
		n++;
	return n;
}

static void
play(struct mail_double *t, struct bytes in, size_t step)
{
	void *state = arena_zalloc(&t->conversation.base, smtp_inspector.state_size);
	uint64_t fed[2] = {0, 0};
	uint8_t kind = 'C';

	if (smtp_inspector.open(state, &t->conversation) != OUTCOME_OK)
		abort();
	while (in.n > 0) {
		size_t n = turn_length(in);
		struct bytes turn = bytes_of(in.p, n);
		enum direction dir = kind == 'S' || kind == 'h' ? DIR_SERVER : DIR_CLIENT;

		if (kind == 'g' || kind == 'h')
			smtp_inspector.gap(state, dir, GAP);
		fed[dir] += n;
		feed_steps(turn, step == 0 ? n + 1 : step,
			dir == DIR_SERVER ? feed_server : feed_client, state);
		in = bytes_skip(in, n);
		if (in.n >= 2)
			kind = in.p[1];
		in = bytes_skip(in, 2);
	}
	smtp_inspector.close(state, false);
	for (int dir = 0; dir < 2; dir++)
		if (fed[dir] != t->total[dir] + t->over[dir])
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_double whole, cut;

	if (size < 2)
		return 0;
	mail_double_open(&whole);
	whole.limits.pipelined = PIPELINED;
	whole.limits.recipients = RECIPIENTS;
	play(&whole, bytes_of(data + 1, size - 1), 0);
	mail_double_open(&cut);
	cut.limits.pipelined = PIPELINED;
	cut.limits.recipients = RECIPIENTS;
	play(&cut, bytes_of(data + 1, size - 1), data[0] % 32 + 1u);
	if (!bytes_equal(bytes_of(whole.dump.p, whole.dump.n), bytes_of(cut.dump.p, cut.dump.n)))
		abort();
	mail_double_close(&whole);
	mail_double_close(&cut);
	return 0;
}
