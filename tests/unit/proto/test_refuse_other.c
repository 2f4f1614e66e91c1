/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Refused FTP control connections (RFC 959, 5.4; RFC 2228, 5; RFC 4217), TLS (RFC 8446,
 * 6) and what has no words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/transfer.h"
#include "tests/unit/proto/refuse_script.h"

#define LOGIN                                                                                      \
	"S:220 FTP\r\n", "C:USER u\r\n", "S:331 pw\r\n", "C:PASS p\r\n", "S:230 in\r\n",           \
		"C:TYPE I\r\n", "S:200 I\r\n", "C:EPSV\r\n", "S:229 (|||5001|)\r\n"
#define FILE_550                                                                                   \
	"550 Refused by data leakage prevention; the file must not leave for this destination "    \
	"(event " EVENT_ID ")\r\n[close]"
#define COMMAND_550                                                                                \
	"550 Refused by data leakage prevention; the command must not leave for this destination " \
	"(event " EVENT_ID ")\r\n[close]"
#define AUTH_534                                                                                   \
	"534 Refused by data leakage prevention; what can't be read must not leave for this "      \
	"destination (event " EVENT_ID ")\r\n[close]"

/* Of a record of 258 bytes: handshake, TLS 1.0, a ClientHello. */
#define HELLO "\x16\x03\x01\x01\x02\x01"

static const struct refuse_case cases[] = {
	/* ---- a file: the refusal begins behind the command, all of which has left ---- */
	{"STOR, before the server's 150", {LOGIN, "C:STOR v\r\n", "R"}, FILE_550, UINT32_MAX},
	{"STOR, behind the 150", {LOGIN, "C:STOR v\r\n", "S:150 go\r\n", "R"}, FILE_550,
		UINT32_MAX},
	{"RETR, in the middle of the 150", {LOGIN, "C:RETR v\r\n", "S:150 g", "R", "S:o\r\n"},
		"[wait]" FILE_550, UINT32_MAX},
	{"RETR, behind a 150 of several lines",
		{LOGIN, "C:RETR v\r\n", "S:150-go\r\n", "R", "S:150 on\r\n"}, "[wait]" FILE_550,
		UINT32_MAX},
	{"RETR that the server has already called complete",
		{LOGIN, "C:RETR v\r\n", "S:150 go\r\n226 done\r\n", "R"}, FILE_550, UINT32_MAX},
	{"the reply to a command before it is on its way",
		{LOGIN, "C:NOOP\r\nSTOR v\r\n", "R", "S:200 Ok\r\n"}, "[wait]" FILE_550,
		UINT32_MAX},
	{"that reply never comes", {LOGIN, "C:NOOP\r\nSTOR v\r\n", "R", "L"}, "[wait]" FILE_550,
		UINT32_MAX},

	{"the server is gone in the middle of its 150",
		{LOGIN, "C:RETR v\r\n", "S:150 g", "R", "L"}, "[wait]\r\n" FILE_550, UINT32_MAX},

	/* ---- a command ---- */
	{"a file name", {LOGIN, "X:STOR v\r\n"}, COMMAND_550},
	{"half a file name", {LOGIN, "X:STOR v", "C:w", "C:x\r\n"}, COMMAND_550},
	{"half a file name, and no more", {LOGIN, "X:STOR v", "C:w", "L"}, COMMAND_550},
	{"the command before is unanswered",
		{LOGIN, "C:CWD d\r\n", "X:MKD v\r\n", "S:250 O", "S:k\r\n"}, "[wait]" COMMAND_550},
	{"AUTH TLS", {"S:220 FTP\r\n", "X:AUTH TLS\r\n"}, AUTH_534},
	{"TLS has begun", {"S:220 FTP\r\n", "C:AUTH TLS\r\n", "S:234 go\r\n", "X:\x16\x03\x01"},
		"[reset]"},
	{"a reply is refused", {LOGIN, "C:PWD\r\n", "Y:257 v\r\n"}, "[reset]"},

	/* ---- TLS ---- */
	{"a ClientHello", {"X:" HELLO "\x02\x03\x04"}, "\\x15\\x03\\x01\\x00\\x02\\x021[close]"},
	{"the server has answered", {"C:" HELLO "\x02\x03", "S:\x16\x03\x03\x01\x02\x02", "X:abc"},
		"[reset]"},
	{"the server's side", {"C:" HELLO "\x02\x03", "Y:\x16\x03\x03\x10\x02\x02"}, "[reset]"},

	/* ---- no protocol ---- */
	{"raw", {"X:\x01\x02\x03 something\r\n"}, "[reset]"},
	{"not known yet", {"S:22", "X:v"}, "[reset]"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refuses(&cases[i]);
}

/* A data connection has no words: it is absorbed to the FIN, both ways. */
static void
test_data_connection(void **state)
{
	struct endpoints ends = {.family = 4, .port = {40000, 5001}};
	struct transfer t = {.command = "STOR", .to_server = true, .passive = true};
	struct engine e;

	(void)state;
	engine_open(&e);
	for (int dir = 0; dir < 2; dir++) {
		struct refusal r = {.dir = (enum direction)dir, .event_id = EVENT_ID, .serial = 1};
		struct conversation c;

		conversation_open(&c, &e.env, &arena_source_malloc, &ends, CHANNEL_FILE, false);
		c.transfer = &t;
		conversation_data(&c, r.dir, BYTES_LIT("a file"));
		assert_int_equal(conversation_refuse(&c, &r), REFUSE_ABSORB);
		conversation_data(&c, r.dir, BYTES_LIT("more"));
		assert_int_equal(conversation_refuse(&c, &r), REFUSE_ABSORB);
		conversation_finish(&c, r.dir);
		r.last = true;
		assert_int_equal(conversation_refuse(&c, &r), REFUSE_CLOSE);
		assert_int_equal(r.n_words, 0);
		conversation_close(&c, false);
	}
	engine_close(&e);
}

/* What doesn't fit is left out as a whole. */
static void
test_say(void **state)
{
	static char text[REFUSAL_WORDS_MAX + 1];
	struct refusal r = {.n_words = 0};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_true(refusal_say(&r, "%s", text));
	assert_int_equal(r.n_words, REFUSAL_WORDS_MAX);
	assert_false(refusal_say(&r, "y"));
	assert_true(refusal_say(&r, "%s", ""));
	r.n_words = 1;
	assert_false(refusal_say(&r, "%s", text));
	assert_int_equal(r.n_words, 1);
}

/* What is asked for, and taken back when the answer is no. */
static void
test_opaque_ahead(void **state)
{
	static const struct {
		const char *turns[8];
		bool ahead;
	} asked[] = {
		{{"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 m\r\n", "C:STARTTLS\r\n"}, true},
		{{"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 m\r\n", "C:STARTTLS\r\n",
			 "S:454 no\r\n"},
			false},
		{{"S:220 FTP\r\n", "C:AUTH SSL\r\n"}, true},
		{{"S:220 FTP\r\n", "C:AUTH TLS\r\n", "S:502 no\r\n"}, false},
		{{"S:220 FTP\r\n", "C:AUTH GSSAPI\r\n"}, false},
		{{"C:CONNECT a:443 HTTP/1.1\r\n\r\n"}, true},
		{{"C:CONNECT a:443 HTTP/1.1\r\n\r\n", "S:HTTP/1.1 403 No\r\n\r\n"}, false},
		{{"C:GET / HTTP/1.1\r\n\r\n"}, false},
	};
	struct engine e;

	(void)state;
	engine_open(&e);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct say say[8];
		size_t n = 0;

		for (; n < 8 && asked[i].turns[n] != NULL; n++)
			say[n] = (struct say){asked[i].turns[n][0] == 'S' ? DIR_SERVER : DIR_CLIENT,
				asked[i].turns[n] + 2};
		for (size_t step = 0; step < 8; step++) {
			e.dump.n = 0;
			engine_talk(&e, say, n, step);
			if ((strstr(engine_dump(&e), " ahead=") != NULL) != asked[i].ahead)
				fail_msg("case %zu, pieces of %zu:\n%s", i, step, engine_dump(&e));
		}
	}
	engine_close(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_data_connection),
		cmocka_unit_test(test_opaque_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
