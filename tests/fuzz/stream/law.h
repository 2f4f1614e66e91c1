/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FUZZ_STREAM_LAW_H
#define SLUSS_FUZZ_STREAM_LAW_H

/**
 * @file
 * The laws of a decoder: any cut gives the output and the outcome of the
 * whole, and output is bounded by the input.
 */

#include <stdint.h>
#include <stdlib.h>

#include "tests/support/cut.h"

#define LAW(x)                                                                                     \
	do                                                                                         \
		if (!(x))                                                                          \
			abort();                                                                   \
	while (0)

/**
 * The first two bytes say how @p data's rest is cut: two pieces, or steps.
 * Output is at most @p growth times the input and @p more bytes.
 */
static inline void
hold_to_the_law(const struct decoder_ops *ops, const struct part_meta *meta, const uint8_t *data,
	size_t size, size_t growth, size_t more)
{
	struct box whole = {0}, cut = {0}, steps = {0};
	enum outcome a, b, c;
	struct bytes in;

	if (size < 2)
		return;
	in = bytes_of(data + 2, size - 2);
	a = decode(ops, meta, in, in.n, 0, &whole);
	b = decode(ops, meta, in, (size_t)(data[0] << 8 | data[1]) % (in.n + 1), 0, &cut);
	c = decode(ops, meta, in, 0, data[0] % 64 + 1u, &steps);
	LAW(a == b && a == c);
	LAW(bytes_equal(bytes_of(whole.p, whole.n), bytes_of(cut.p, cut.n)));
	LAW(bytes_equal(bytes_of(whole.p, whole.n), bytes_of(steps.p, steps.n)));
	LAW(whole.n <= in.n * growth + more);
	box_free(&whole);
	box_free(&cut);
	box_free(&steps);
}

#endif
