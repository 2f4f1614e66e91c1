/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_STREAM_CASES_H
#define SLUSS_TEST_STREAM_CASES_H

/**
 * @file
 * Decoder tests as tables: input, what it reads as, how it ends. Each case is
 * run over every cut in two and every step.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/cut.h"

struct decode_case {
	const char *name;
	struct bytes in, want;
	enum outcome outcome;
};

/** A case of two string literals, which may hold zeros. */
#define CASE(name, in, want, outcome)                                                              \
	{                                                                                          \
		name, {(const uint8_t *)(in), sizeof(in) - 1},                                     \
			{(const uint8_t *)(want), sizeof(want) - 1}, outcome                       \
	}

static inline void
run_cases(const struct decoder_ops *ops, const struct part_meta *meta,
	const struct decode_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		print_message("  %s\n", cases[i].name);
		assert_decodes(ops, meta, cases[i].in, cases[i].want, cases[i].outcome);
	}
}

/** Assert that a decoder stops at the budget: nothing beyond it is emitted. */
static inline void
assert_metered(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in,
	uint64_t limit)
{
	struct arena_budget memory = {.limit = 1u << 20};
	struct decode_budget budget = {.bytes_left = limit, .depth_left = 4};
	struct box out = {0};
	enum outcome why;
	struct decoder *d;
	struct arena a;

	arena_init(&a, &arena_source_malloc, &memory);
	d = decoder_open(ops, box_stage(&out, &a), meta, &a, &budget, &why);
	assert_non_null(d);
	(void)decoder_push(d, in);
	assert_int_equal(decoder_close(d), OUTCOME_OVER_BUDGET);
	assert_true(out.n <= limit);
	box_free(&out);
	arena_release(&a);
}

#endif
