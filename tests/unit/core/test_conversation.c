/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/conversation.h"

#define C DIR_CLIENT
#define S DIR_SERVER

/* Numbers of the published test series (1976-2013, serials 238 and 239). */
static const struct say mail[] = {
	{S, "220 mx.example ESMTP\r\n"},
	{C, "EHLO a.example\r\n"},
	{S, "250 mx.example\r\n"},
	{C, "MAIL FROM:<a@vard.example>\r\n"},
	{S, "250 ok\r\n"},
	{C, "RCPT TO:<b@leverantor.example>\r\n"},
	{S, "250 ok\r\n"},
	{C, "DATA\r\n"},
	{S, "354 go\r\n"},
	{C, "Subject: hej\r\n\r\npersonnummer 19760102-2382 och 19760103-2381\r\n"
	    "igen 19760102-2382\r\n.\r\n"},
	{S, "250 queued\r\n"},
	{C, "QUIT\r\n"},
	{S, "221 bye\r\n"},
};

/* Decoders that need room of their own: JSON, a form, markup. */
static const struct say web[] = {
	{C, "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
	    "Content-Length: 49\r\n\r\n{\"a\": \"19760102-2382\", \"b\": \"19760103-2381\"}   \r\n"},
	{S, "HTTP/1.1 204 No Content\r\n\r\n"},
	{C, "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; "
	    "boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "56\r\n--x\r\nContent-Disposition: form-data; name=a; filename=b.html\r\n\r\n"
	    "<p>19760102-2382</p>\r\n\r\n14\r\n19760103-2381\r\n--x--\r\n0\r\n\r\n"},
	{S, "HTTP/1.1 204 No Content\r\n\r\n"},
};

static const struct say unknown[] = {
	{C, "\x01\x02hej 19760102-2382 hej"}, {S, "svar 19760103-2381 slut"}};

static void
test_mail_is_read_from_byte_one(void **state)
{
	struct engine e;

	engine_open(&e);
	engine_talk(&e, mail, ARRAY_LEN(mail), 0);
	assert_non_null(strstr(engine_dump(&e), "mail smtp c total="));
	assert_null(strstr(engine_dump(&e), "raw"));
	assert_non_null(strstr(engine_dump(&e), "personnummer=3/2"));
	assert_int_equal(engine_distinct(&e, "personnummer"), 2);
	engine_close(&e);
}

static void
test_every_step_gives_the_same(void **state)
{
	struct engine whole, cut;

	engine_open(&whole);
	engine_talk(&whole, mail, ARRAY_LEN(mail), 0);
	for (size_t step = 1; step < 64; step++) {
		engine_open(&cut);
		engine_talk(&cut, mail, ARRAY_LEN(mail), step);
		assert_string_equal(engine_dump(&cut), engine_dump(&whole));
		engine_close(&cut);
	}
	engine_close(&whole);
}

static void
test_unknown_is_raw_both_ways(void **state)
{
	struct engine e;

	engine_open(&e);
	engine_talk(&e, unknown, ARRAY_LEN(unknown), 1);
	assert_string_equal(engine_dump(&e),
		"other raw c total=23 opaque=0 personnummer=1/1 near=0\n"
		"  1976****-**** medium raw @6\n"
		"other raw s total=23 opaque=0 personnummer=1/1 near=0\n"
		"  1976****-**** medium raw @5\n");
	engine_close(&e);
}

/* Memory that runs out at any point is an outcome: no crash, and no byte lost in the books. */
static void
test_every_budget_is_an_outcome(void **state)
{
	static const struct {
		const struct say *talk;
		size_t n;
		uint64_t distinct; /* all messages added up */
	} cases[] = {{mail, ARRAY_LEN(mail), 2}, {web, ARRAY_LEN(web), 4},
		{unknown, ARRAY_LEN(unknown), 2}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t limit = 0; limit < 600000; limit += 3072) {
			struct engine e;

			engine_open(&e);
			e.limits.flow_memory = limit;
			engine_talk(&e, cases[i].talk, cases[i].n, 7);
			/* What isn't found for want of memory is told. */
			if (engine_distinct(&e, "personnummer") < cases[i].distinct &&
				e.over_budget == 0)
				fail_msg("%zu bytes: %s", limit, engine_dump(&e));
			/* With all that is needed nothing is missing. */
			if (limit > 500000)
				assert_int_equal(engine_distinct(&e, "personnummer"),
					cases[i].distinct);
			engine_close(&e);
		}
}

/* A stretch ends in the middle of a number: it is found, and no byte is counted twice. */
static void
test_stretches_of_raw_lose_nothing(void **state)
{
	static char text[3 * 65536];
	const struct say talk[] = {{C, text}};
	struct engine e;

	for (size_t at = 65536 - 20; at < 65536 + 4; at++) {
		memset(text, 'x', sizeof(text) - 1);
		memcpy(text + at, " 19760102-2382 ", 15);
		engine_open(&e);
		e.limits.raw_message = 65536;
		engine_talk(&e, talk, 1, 64);
		assert_true(e.messages > 1);
		assert_true(engine_distinct(&e, "personnummer") >= 1);
		assert_int_equal(e.total[C], sizeof(text) - 1);
		engine_close(&e);
	}
}

static void
test_datagrams_are_read_apart(void **state)
{
	struct endpoints ends = {.family = 4};
	struct conversation c;
	struct engine e;

	engine_open(&e);
	conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	c.datagrams = true;
	conversation_data(&c, C, BYTES_LIT("19760102-"));
	conversation_data(&c, C, BYTES_LIT("2382"));
	conversation_data(&c, C, BYTES_LIT("19760103-2381"));
	conversation_close(&c, false);
	assert_int_equal(engine_distinct(&e, "personnummer"), 1);
	assert_int_equal(e.total[C], 26);
	engine_close(&e);
}

/* Borders and tails are read with a stretch; only what came is counted, opaque or not. */
static void
test_opaque_bytes_are_counted_once(void **state)
{
	struct endpoints ends = {.family = 4};
	uint8_t piece[1000] = {0};

	for (int datagrams = 0; datagrams < 2; datagrams++) {
		struct conversation c;
		struct engine e;

		engine_open(&e);
		e.limits.raw_message = 65536;
		conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_OTHER, true);
		c.datagrams = datagrams;
		c.opaque = OPAQUE_TUNNEL;
		conversation_no_hint(&c);
		for (int i = 0; i < 200; i++)
			conversation_data(&c, C, bytes_of(piece, sizeof(piece)));
		conversation_close(&c, false);
		assert_true(e.messages > 1);
		assert_int_equal(e.total[C], 200000);
		assert_int_equal(e.opaque[OPAQUE_TUNNEL], 200000);
		engine_close(&e);
	}
}

/* TLS, and what is read raw, is of the channel that the host finds out, be it late. */
static void
test_channel_is_the_hosts(void **state)
{
	/* RFC 8446: a record of a handshake (22), in it a ClientHello (1) without a name. */
	static const uint8_t hello[] = {22, 3, 1, 0, 4, 1, 0, 0, 0}, raw[] = {1, 2, 3};
	static const struct {
		struct bytes bytes;
		const char *inspector, *want;
	} cases[] = {{{hello, sizeof(hello)}, "tls", "app tls c total=9 opaque=9"},
		{{raw, sizeof(raw)}, "raw", "app raw c total=3 opaque=0"}};
	struct endpoints ends = {.family = 4};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conversation c;
		struct engine e;

		engine_open(&e);
		conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_WEB, false);
		conversation_data(&c, C, cases[i].bytes);
		assert_string_equal(c.ops->name, cases[i].inspector);
		assert_int_equal(c.channel, CHANNEL_WEB);
		c.channel = CHANNEL_APP;
		conversation_close(&c, false);
		assert_non_null(strstr(engine_dump(&e), cases[i].want));
		engine_close(&e);
	}
}

static void
test_gap_is_told(void **state)
{
	struct endpoints ends = {.family = 4};
	struct conversation c;
	struct engine e;

	engine_open(&e);
	conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_OTHER, true);
	conversation_data(&c, C, BYTES_LIT("before 19760102-2382 "));
	conversation_gap(&c, C, 1000);
	conversation_data(&c, C, BYTES_LIT(" behind 19760103-2381"));
	conversation_close(&c, true);
	assert_int_equal(engine_distinct(&e, "personnummer"), 2);
	assert_int_equal(c.stats.delivered[C], 42);
	engine_close(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_is_read_from_byte_one),
		cmocka_unit_test(test_every_step_gives_the_same),
		cmocka_unit_test(test_unknown_is_raw_both_ways),
		cmocka_unit_test(test_every_budget_is_an_outcome),
		cmocka_unit_test(test_stretches_of_raw_lose_nothing),
		cmocka_unit_test(test_datagrams_are_read_apart),
		cmocka_unit_test(test_opaque_bytes_are_counted_once),
		cmocka_unit_test(test_channel_is_the_hosts),
		cmocka_unit_test(test_gap_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
