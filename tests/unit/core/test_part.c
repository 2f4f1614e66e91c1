/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/conversation.h"

#define BYTES(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* 1976-01-02 / 238 and 1976-01-03 / 238, of the published test series. */
#define PERSON "19760102-2382"
#define OTHER "19760103-2381"

/* What the parts must give: a line that stands in the dump. */
static const struct part_case {
	const char *name;
	struct part_meta meta;
	struct bytes in;
	const char *want;
} cases[] = {
	{"plain text", {.label = "file", .type = BYTES("text/plain")}, BYTES("a " PERSON " b"),
		"opaque=0 personnummer=1/1"},
	{"base64 of 'a 19760102-2382 b'",
		{.label = "file", .readings = {{{CODING_BASE64}}}, .n_readings = 1},
		BYTES("YSAxOTc2MDEwMi0yMzgyIGI="), "medium file>base64 @2"},
	{"text that only says it is base64",
		{.label = "file", .readings = {{{CODING_BASE64}}}, .n_readings = 1},
		BYTES("Hej, " PERSON " enligt ovan."), "medium file @5"},
	{"text that could be base64, since it is nothing but letters and digits",
		{.label = "file", .readings = {{{CODING_BASE64}}}, .n_readings = 1},
		BYTES("patient\r\n197601022382\r\n"), "high file @9"},
	{"markup that only says it is base64",
		{.label = "file", .type = BYTES("text/html"), .readings = {{{CODING_BASE64}}},
			.n_readings = 1},
		BYTES("<p>197601<b>02</b>-2382</p>"), "medium file>html"},
	{"markup inside a number, called HTML", {.label = "file", .type = BYTES("text/html")},
		BYTES("<p>197601<b>02</b>-2382</p>"), "file>html"},
	{"HTML called plain text is read both ways",
		{.label = "file", .type = BYTES("text/plain")},
		BYTES("<html><body>197601<b>02</b>-2382 <!-- " OTHER " -->"),
		"personnummer="},
	{"JSON escapes", {.label = "file", .type = BYTES("application/json")},
		BYTES("{\"id\":\"19760102\\u002d2382\"}"), "personnummer=1/1"},
	{"urlencoded", {.label = "file", .type = BYTES("application/x-www-form-urlencoded")},
		BYTES("id=19760102%2D2382"), "personnummer=1/1"},
	{"UTF-16 by declaration",
		{.label = "file", .type = BYTES("text/plain"), .charset = BYTES("utf-16le")},
		BYTES("1\0" "9\0" "7\0" "6\0" "0\0" "1\0" "0\0" "2\0" "-\0" "2\0" "3\0" "8\0" "2\0"),
		"personnummer=1/1"},
	{"an encrypted zip is opaque, and scanned all the same",
		{.label = "file"}, BYTES("PK\x03\x04\x14\0\x01\0\x08\0 " PERSON " "),
		"opaque encrypted-archive file"},
	{"an unknown coding is opaque, and scanned all the same",
		{.label = "file", .readings = {{{CODING_UNKNOWN}}}, .n_readings = 1},
		BYTES("x " PERSON " y"), "opaque=17 personnummer=1/1"},
	{"a second reading finds what the first can't",
		{.label = "file", .readings = {{{CODING_BASE64}}, {{CODING_IDENTITY}}},
			.n_readings = 2},
		BYTES("(" PERSON ")"), "personnummer=1/1"},
	{"what calls itself gzip and isn't is read as it is",
		{.label = "file", .readings = {{{CODING_GZIP}}}, .n_readings = 1},
		BYTES("no gzip: " PERSON), "personnummer=1/1"},
};

static void
test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= cases[i].in.n; cut++) {
			struct engine e;

			engine_open(&e);
			engine_read(&e, &cases[i].meta, cases[i].in, cut);
			if (strstr(engine_dump(&e), cases[i].want) == NULL ||
				engine_distinct(&e, "personnummer") == 0)
				fail_msg("%s, cut at %zu:\n%s", cases[i].name, cut,
					engine_dump(&e));
			engine_close(&e);
		}
}

/* gzip of gzip of … of the number: made by Python's gzip.compress(), mtime 0. */
static const uint8_t gz1[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x33, 0xb4, 0x34, 0x37,
	0x33, 0x30, 0x34, 0x30, 0xd2, 0x35, 0x32, 0xb6, 0x30, 0x02, 0x00, 0xb5, 0x2f, 0x36,
	0x24, 0x0d, 0x00, 0x00, 0x00};

/* Layers end where limits.decode_depth says so: over-budget, not a crash. */
static void
test_depth_is_bounded(void **state)
{
	static const struct part_meta meta = {.label = "file",
		.readings = {{{CODING_GZIP, CODING_GZIP, CODING_GZIP, CODING_BASE64}}},
		.n_readings = 1};
	struct engine e;

	engine_open(&e);
	e.limits.decode_depth = 2;
	engine_read(&e, &meta, bytes_of(gz1, sizeof(gz1)), 5);
	assert_non_null(strstr(engine_dump(&e), "opaque over-budget"));
	engine_close(&e);
}

static void
test_decompression_is_bounded(void **state)
{
	static const struct part_meta meta = {
		.label = "file", .readings = {{{CODING_GZIP}}}, .n_readings = 1};
	struct engine e;

	engine_open(&e);
	e.limits.message_decoded = 4;
	engine_read(&e, &meta, bytes_of(gz1, sizeof(gz1)), 20);
	assert_non_null(strstr(engine_dump(&e), "opaque over-budget"));
	engine_close(&e);
}

/* Journal words in one part make that part's persons near, and no others. */
static void
test_evidence_belongs_to_its_part(void **state)
{
	static const struct part_meta meta = {.label = "file"};
	struct engine e;

	engine_open(&e);
	engine_read(&e, &meta, BYTES_LIT(PERSON " anamnes: huvudvärk\r\nbedömning: vila\r\n"), 9);
	assert_non_null(strstr(engine_dump(&e), "personnummer=1/1 near=1"));
	assert_true(e.evidence != 0);
	engine_close(&e);
	engine_open(&e);
	engine_read(&e, &meta, BYTES_LIT("anamnes: huvudvärk\r\nbedömning: vila\r\n" PERSON), 9);
	assert_non_null(strstr(engine_dump(&e), "personnummer=1/1 near=1"));
	engine_close(&e);
	engine_open(&e);
	engine_read(&e, &meta, BYTES_LIT("mötet är på tisdag\r\n" PERSON), 9);
	assert_non_null(strstr(engine_dump(&e), "personnummer=1/1 near=0"));
	assert_int_equal(e.evidence, 0);
	engine_close(&e);
}

static struct part *
open_named(struct message *m, struct part *parent, const char *label)
{
	struct part_meta meta = {.label = label};

	return part_open(m, parent, &meta);
}

static void
on_done(void *ctx, struct message *m)
{
	uint64_t sum = 0;

	for (int r = 0; r < OPAQUE_COUNT; r++)
		sum += m->opaque[r];
	assert_true(sum <= m->bytes_total);
	*(uint64_t *)ctx = m->opaque[OPAQUE_OVER_BUDGET];
}

/* Parts past the limit are scanned raw and counted over-budget. */
static void
test_parts_are_bounded(void **state)
{
	struct arena_budget budget = {.limit = 1u << 20};
	struct arena keep, stack;
	uint64_t over = 0;
	struct message *m;
	struct part *root;
	struct engine e;

	engine_open(&e);
	e.limits.message_parts = 3;
	e.env.message_done = on_done;
	e.env.ctx = &over;
	arena_init(&keep, &arena_source_malloc, &budget);
	arena_init(&stack, &arena_source_malloc, &budget);
	m = message_open(&e.env, &keep, &stack, CHANNEL_FILE, DIR_CLIENT, "file");
	root = open_named(m, NULL, "file");
	part_push(root, BYTES_LIT("0123456789012345678901234567890123456789"));
	for (int i = 0; i < 4; i++) {
		struct part *p = open_named(m, root, "member");

		part_push(p, BYTES_LIT("0123456789"));
		part_close(p, false);
	}
	message_close(m, false);
	assert_int_equal(over, 20);
	arena_release(&keep);
	arena_release(&stack);
	engine_close(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_decompression_is_bounded),
		cmocka_unit_test(test_evidence_belongs_to_its_part),
		cmocka_unit_test(test_parts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
