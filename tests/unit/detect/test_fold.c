/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/fold.h"
#include "tests/support/cut.h"

/* Identifier specification, 2.2, row by row. */
static const struct {
	uint32_t from, to;
	int becomes;
} rows[] = {
	{0xFF10, 0xFF10, '0'},
	{0xFF21, 0xFF21, 'A'},
	{0xFF0D, 0xFF0D, '-'},
	{0xFF0B, 0xFF0B, '+'},
	{0xFF5E, 0xFF5E, '~'},
	{0xFF5F, 0xFF60, FOLD_SAME},
	{0x0660, 0x0660, '0'},
	{0x0669, 0x0669, '9'},
	{0x066A, 0x066A, FOLD_SAME},
	{0x06F5, 0x06F5, '5'},
	{0x0967, 0x0967, '1'},
	{0x1D7CE, 0x1D7CE, '0'},
	{0x1D7D8, 0x1D7D8, '0'},
	{0x1D7FF, 0x1D7FF, '9'},
	{0x1D800, 0x1D800, FOLD_SAME},
	{0x2010, 0x2015, '-'},
	{0x2212, 0x2212, '-'},
	{0xFE58, 0xFE58, '-'},
	{0xFE63, 0xFE63, '-'},
	{0x2795, 0x2795, '+'},
	{0xFE62, 0xFE62, '+'},
	{'\t', '\t', ' '},
	{0xA0, 0xA0, ' '},
	{0x1680, 0x1680, ' '},
	{0x2000, 0x200A, ' '},
	{0x202F, 0x202F, ' '},
	{0x205F, 0x205F, ' '},
	{0x3000, 0x3000, ' '},
	{0xAD, 0xAD, FOLD_GONE},
	{0x200B, 0x200F, FOLD_GONE},
	{0x2060, 0x2060, FOLD_GONE},
	{0xFEFF, 0xFEFF, FOLD_GONE},
	{0x202A, 0x202E, FOLD_GONE},
	{0x2066, 0x2069, FOLD_GONE},
	/* not folded, on purpose */
	{0xB2, 0xB3, FOLD_SAME},
	{0xB7, 0xB7, FOLD_SAME},
	{0x2460, 0x2460, FOLD_SAME},
	{'.', '/', FOLD_SAME},
	{'\n', '\r', FOLD_SAME},
	{'_', '_', FOLD_SAME},
	{0x2016, 0x2027, FOLD_SAME},
	{0x2028, 0x2029, FOLD_SAME},
	{0x2061, 0x2065, FOLD_SAME},
};

static void
test_code_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (uint32_t cp = rows[i].from; cp <= rows[i].to; cp++)
			if (fold_code_point(cp) != rows[i].becomes)
				fail_msg("U+%04X becomes %d, not %d", cp, fold_code_point(cp),
					rows[i].becomes);
}

static const struct {
	const char *in, *want;
} streams[] = {
	{"plain ASCII, nothing at all to fold here", "plain ASCII, nothing at all to fold here"},
	{"\xC3\xA5\xC3\xA4\xC3\xB6 \xE2\x80\x9D\xE2\x82\xAC",
		"\xC3\xA5\xC3\xA4\xC3\xB6 \xE2\x80\x9D\xE2\x82\xAC"},
	{"850709\xE2\x80\x93"
	 "9805",
		"850709-9805"},
	{"\xEF\xBC\x91\xEF\xBC\x99 \xF0\x9D\x9F\x8F", "19 1"},
	{"a\tb\xC2\xA0"
	 "c\xE2\x80\x8B"
	 "d\xC2\xAD"
	 "e",
		"a b cde"},
	/* invalid UTF-8 passes; what follows it still folds */
	{"\xFF\xFE\xC2\xE2\x80\x93", "\xFF\xFE\xC2-"},
	{"\xE2\x80", "\xE2\x80"},
	{"\xE2\x80"
	 "1\xC2",
		"\xE2\x80"
		"1\xC2"},
	{"\xF0\x9D\x9F\xC2\xA0", "\xF0\x9D\x9F "},
	{"\xE0\x82\xA0", "\xE0\x82\xA0"}, /* an overlong NBSP */
	{"\xF5\x80\x80\x80\xC1\xA0", "\xF5\x80\x80\x80\xC1\xA0"},
};

struct folding {
	struct fold fold;
	struct box out;
	uint64_t source;
};

static void
take(struct folding *f, const struct fold_run *run)
{
	uint8_t byte = (uint8_t)run->becomes;

	f->source += run->source;
	if (run->becomes == FOLD_SAME)
		box_put(&f->out, run->text.p, run->text.n);
	else if (run->becomes != FOLD_GONE)
		box_put(&f->out, &byte, 1);
}

static void
feed(void *ctx, struct bytes piece)
{
	struct folding *f = ctx;
	struct fold_run run;

	while (fold_next(&f->fold, &piece, &run))
		take(f, &run);
	assert_int_equal(piece.n, 0);
}

static void
test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct bytes in = bytes_str(streams[i].in);

		for (size_t cut = 0; cut <= in.n + 3; cut++) {
			struct folding f = {.source = 0};
			struct fold_run run;

			if (cut <= in.n)
				feed_cut(in, cut, feed, &f);
			else
				feed_steps(in, cut - in.n, feed, &f);
			if (fold_end(&f.fold, &run))
				take(&f, &run);
			assert_int_equal(f.source, in.n);
			assert_int_equal(f.out.n, strlen(streams[i].want));
			assert_memory_equal(f.out.p, streams[i].want, f.out.n);
			box_free(&f.out);
		}
	}
}

/* Text in which nothing folds is one run, in place. */
static void
test_no_copy(void **state)
{
	struct bytes in = bytes_str(streams[1].in), left = in;
	struct fold f = {.n_held = 0};
	struct fold_run run;

	(void)state;
	assert_true(fold_next(&f, &left, &run));
	assert_ptr_equal(run.text.p, in.p);
	assert_int_equal(run.text.n, in.n);
	assert_false(fold_next(&f, &left, &run));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
