/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FUZZ_TWO_SIDED_H
#define SLUSS_FUZZ_TWO_SIDED_H

/**
 * @file
 * A conversation from fuzzed bytes: the first byte is the size of the pieces,
 * '~' changes the side that speaks, '^' and a byte is a hole of so many bytes.
 *
 * Laws: what the inspector says of it, and each byte's place, is the same for
 * the whole pieces and for cut ones; every byte is in some message.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/transfer.h"
#include "tests/support/recorder.h"

enum { FUZZ_STEPS_MAX = 256 };

static size_t
fuzz_steps(const uint8_t *data, size_t size, struct step *steps)
{
	size_t n = 0, start = 0;
	int side = SAY_CLIENT;

	for (size_t i = 0; i <= size && n < FUZZ_STEPS_MAX - 1; i++) {
		if (i < size && data[i] != '~' && data[i] != '^')
			continue;
		if (i > start)
			steps[n++] =
				(struct step){.what = side, .bytes = {data + start, i - start}};
		start = i + 1;
		if (i < size && data[i] == '~')
			side = side == SAY_CLIENT ? SAY_SERVER : SAY_CLIENT;
		if (i + 1 < size && data[i] == '^') {
			steps[n++] = (struct step){
				.what = side == SAY_CLIENT ? LOSE_CLIENT : LOSE_SERVER,
				.lost = data[i + 1]};
			start = ++i + 1;
		}
	}
	return n;
}

static int
fuzz_two_sided(const struct inspector_ops *ops, const uint8_t *data, size_t size)
{
	struct step steps[FUZZ_STEPS_MAX];
	struct recorder whole, cut;
	size_t n;

	if (size < 1)
		return 0;
	n = fuzz_steps(data + 1, size - 1, steps);
	recorder_init(&whole);
	recorder_init(&cut);
	/* Small limits, so that they are reached. */
	whole.limits.header_field = cut.limits.header_field = 100;
	whole.limits.pipelined = cut.limits.pipelined = 4;
	whole.env.transfers = transfer_table_new(4);
	cut.env.transfers = transfer_table_new(4);
	recorder_run(&whole, ops, steps, n, size, 0, data[0] & 1);
	recorder_run(&cut, ops, steps, n, 0, data[0] % 64 + 1u, data[0] & 1);
	box_put(&whole.text, "", 1);
	box_put(&cut.text, "", 1);
	assert_conserved(&whole, ops->name, steps, n);
	assert_string_equal((char *)whole.text.p, (char *)cut.text.p);
	transfer_table_free(whole.env.transfers);
	transfer_table_free(cut.env.transfers);
	recorder_free(&whole);
	recorder_free(&cut);
	return 0;
}

#endif
