/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words that are found as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/detect.h"
#include "tests/support/cut.h"

struct found {
	unsigned n;
	uint64_t offset;
	uint32_t length;
	enum confidence confidence;
	char normalised[64];
};

static void
on_finding(void *ctx, const struct raw_finding *f)
{
	struct found *to = ctx;

	to->n++;
	to->offset = f->offset;
	to->length = f->length;
	to->confidence = f->confidence;
	memcpy(to->normalised, f->normalised.p, f->normalised.n);
	to->normalised[f->normalised.n] = '\0';
}

static void
feed(void *ctx, struct bytes piece)
{
	text_scan_push(ctx, piece);
}

static struct found
scan(const struct detect_set *set, struct detect_scratch *scratch, const char *text, size_t cut)
{
	struct found found = {0};
	struct detect_sink sink = {on_finding, NULL, &found};
	struct arena_budget budget = {.limit = 64 * 1024};
	struct text_scan *s;
	struct arena a;

	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(set, scratch, (struct civil_date){2026, 7, 1}, &sink, &a);
	assert_non_null(s);
	feed_cut(bytes_str(text), cut, feed, s);
	text_scan_close(s);
	arena_release(&a);
	return found;
}

/* The finding stands on the last word of what was sought, however the text is cut. */
static void
test_words(void **state)
{
	static const struct {
		const char *expr, *text, *normalised;
		uint64_t offset;
	} cases[] = {
		{"Let Me In", "Please Let Me In!", "In", 14},
		{"Let Me In", "Please let me in!", NULL, 0},
		{"GOOD", "GOOD", "GOOD", 0},
		{"acute!", "an acute! case", "!", 8},
		/* Bytes of a letter outside ASCII: the whole word, and no half letter. */
		{"\\xc3\\xbc", "f\xC3\xBC \xC3\xBC", "\xC3\xBC", 4},
		{"b{60}", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
			"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 12},
	};
	static const char *const list[] = {"word", NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct candidate_spec c = {"word", cases[i].expr, false, false, "text"};
		struct detector_spec d = {
			.id = "w", .validator = "literal", .candidates = list, .least = 3};
		struct detect_spec spec = {&c, 1, &d, 1, NULL, 0};
		char why[256] = "";
		struct detect_set *set = detect_set_compile(&spec, why, sizeof(why));
		struct detect_scratch *scratch;

		assert_string_equal(why, "");
		scratch = detect_scratch_new(set);
		for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
			struct found f = scan(set, scratch, cases[i].text, cut);

			assert_int_equal(f.n > 0, cases[i].normalised != NULL);
			if (f.n == 0)
				continue;
			assert_string_equal(f.normalised, cases[i].normalised);
			assert_int_equal(f.offset, cases[i].offset);
			assert_int_equal(f.length, strlen(cases[i].normalised));
			assert_int_equal(f.confidence, CONFIDENCE_HIGH);
		}
		detect_scratch_free(scratch);
		detect_set_free(set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
