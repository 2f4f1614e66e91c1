/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Refused mail. The replies' codes and their moments are RFC 5321 (4.2, 4.3),
 * 2920, 3030, 3207 and 2033; inspectors/proto/smtp_refuse.h says which and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/proto/refuse_script.h"

#define HELLO "S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250-m\r\n250 PIPELINING\r\n"
#define ENVELOPE "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\n", "S:250 Ok\r\n250 Ok\r\n"
#define DATA "C:DATA\r\n", "S:354 Go\r\n"
#define OK "250 2.0.0 Ok\r\n"
#define LATER "451 4.3.2 Delivery not confirmed; please send it again\r\n"

static const struct refuse_case cases[] = {
	/* ---- DATA ---- */
	{"content is absorbed to its end, then one 554, then QUIT",
		{HELLO, ENVELOPE, DATA, "X:Subject: s\r\n\r\nx", "C:y\r\n..\r\n.", "C:\r\n",
			"C:QUIT\r\n"},
		R554 R221 "[close]"},
	{"nothing is said inside the content",
		{HELLO, ENVELOPE, DATA, "X:Subject: s\r\n\r\nx", "C:y\r\nQUIT\r\n.\r\r\n"},
		"[absorb]"},
	{"Postfix: the end and QUIT in one packet, which is the refused one",
		{HELLO, ENVELOPE, DATA, "X:Subject: s\r\n\r\nx\r\n.\r\nQUIT\r\n"},
		R554 R221 "[close]", 1},
	{"Postfix probes a cached connection by RSET",
		{HELLO, ENVELOPE, DATA, "X:x\r\n", "C:.\r\n", "C:RSET\r\n",
			"C:MAIL FROM:<a@e>\r\n"},
		R554 R421 "[close]"},
	{"another mail is told to come on another connection",
		{HELLO, ENVELOPE, DATA, "X:x\r\n.\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\n"},
		R554 R421 "[close]"},
	{"EHLO again, and NOOP", {HELLO, ENVELOPE, DATA, "X:x\r\n.\r\n", "C:NOOP\r\n"},
		R554 R421 "[close]"},
	{"nothing comes behind the 554: the host's limit",
		{HELLO, ENVELOPE, DATA, "X:x\r\n.\r\n", "L"}, R554 R421 "[close]"},
	{"the client closes behind the 554", {HELLO, ENVELOPE, DATA, "X:x\r\n.\r\n", "E"},
		R554 "[close]"},
	{"the limit is reached inside the content",
		{HELLO, ENVELOPE, DATA, "X:x\r\n", "C:yyy\r\n", "L"}, R554 "[close]"},
	{"the client closes inside the content",
		{HELLO, ENVELOPE, DATA, "X:x\r\n", "C:yyy\r\n", "E"}, R554 "[close]"},
	{"the second mail of a session is refused, the first was accepted",
		{HELLO, ENVELOPE, DATA, "C:x\r\n.\r\n", "S:250 queued\r\n", ENVELOPE, DATA,
			"X:y\r\n", "C:.\r\nQUIT\r\n"},
		R554 R221 "[close]"},
	{"the reply to the first mail is still on its way",
		{HELLO, ENVELOPE, DATA, "C:x\r\n.\r\n", "X:MAIL FROM:<v@e>\r\n", "S:250-que",
			"S:ued\r\n250 as 1\r\n", "C:QUIT\r\n"},
		"[wait]" R554 R221 "[close]"},
	{"what the client says meanwhile is answered in its turn",
		{HELLO, ENVELOPE, DATA, "C:x\r\n.\r\n", "X:MAIL FROM:<v@e>\r\n", "C:QUIT\r\n",
			"S:250 queued\r\n"},
		"[wait]" R554 R221 "[close]"},
	{"the reply never comes",
		{HELLO, ENVELOPE, DATA, "C:x\r\n.\r\n", "X:MAIL FROM:<v@e>\r\n", "L"},
		"[wait]" LATER R554 R421 "[close]"},
	{"the end of an innocent mail shares a packet with the refused one",
		{HELLO, ENVELOPE, DATA, "C:x\r\n",
			"X:.\r\nMAIL FROM:<v@e>\r\nRCPT TO:<w@e>\r\nDATA\r\n", "C:QUIT\r\n"},
		LATER R554 R554_AGAIN R554_AGAIN R221 "[close]"},
	{"content without waiting for the 354",
		{HELLO, ENVELOPE, "X:DATA\r\n\r\nx\r\n.\r\nQUIT\r\n"},
		R554 R554_AGAIN R221 "[close]", 1},
	{"the 354 is still on its way",
		{HELLO, ENVELOPE, "C:DATA\r\n", "X:\r\nx\r\n", "S:354 Go\r\n", "C:.\r\nQUIT\r\n"},
		"[wait]" R554 R221 "[close]"},
	{"the replies to a pipelined envelope are still on their way",
		{HELLO, "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n", "X:\r\nx\r\n",
			"S:250 Ok\r\n", "S:250 Ok\r\n354 Go\r\n", "C:.\r\nQUIT\r\n"},
		"[wait]" R554 R221 "[close]"},

	/* ---- BDAT ---- */
	{"a chunk, the last one",
		{HELLO, ENVELOPE, "X:BDAT 8 LAST\r\n\r\nab", "C:cd\r\n", "C:QUIT\r\n"},
		R554 R221 "[close]"},
	{"each chunk from the refusal on gets its own reply, and commands in it none",
		{HELLO, ENVELOPE, "C:BDAT 4\r\n\r\nab", "S:250 Ok\r\n", "X:BDAT 6\r\nQUI",
			"C:T\r\nBDAT 2\r\nxyBDAT 0 LAST\r\n", "C:QUIT\r\n"},
		R554 R554_AGAIN R554_AGAIN R221 "[close]"},
	{"the chunk before is still to be answered",
		{HELLO, ENVELOPE, "C:BDAT 4\r\n\r\nab", "X:BDAT 6\r\nQUIT", "S:250 Ok\r\n",
			"C:\r\n", "C:BDAT 2 LAST\r\nxy", "C:RSET\r\n"},
		"[wait]" R554 R554_AGAIN R421 "[close]"},
	{"a chunk whose command has left is never answered by the server",
		{HELLO, ENVELOPE, "C:BDAT 8 LAST\r\n\r\n", "X:abc", "C:def", "C:QUIT\r\n"},
		R554 R221 "[close]"},
	{"a client that gives up between chunks",
		{HELLO, ENVELOPE, "X:BDAT 4\r\n\r\nab", "C:RSET\r\n", "C:QUIT\r\n"},
		R554 R421 "[close]"},
	{"an innocent mail by BDAT and the refused one in one packet",
		{HELLO,
			"X:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nBDAT 4 LAST\r\n\r\nxy"
			"MAIL FROM:<c@e>\r\nRCPT TO:<d@e>\r\nBDAT 4 LAST\r\n\r\nvvQUIT\r\n"},
		OK OK LATER R554 R554_AGAIN R554_AGAIN R221 "[close]", 2},
	{"the refused one first: the innocent one comes again",
		{HELLO,
			"X:MAIL FROM:<c@e>\r\nRCPT TO:<d@e>\r\nBDAT 4 LAST\r\n\r\nvv"
			"MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nBDAT 4 LAST\r\n\r\nxyQUIT\r\n"},
		R554 R554_AGAIN R554_AGAIN R421 "[close]", 1},

	/* ---- commands ---- */
	{"a recipient is what is refused: all of its mail is",
		{HELLO, "C:MAIL FROM:<a@e>\r\n", "S:250 Ok\r\n", "X:RCPT TO:<v@e>\r\n",
			"C:RCPT TO:<b@e>\r\nDATA\r\n", "C:QUIT\r\n"},
		R554 R554_AGAIN R554_AGAIN R221 "[close]"},
	{"pipelined: MAIL has left and is answered by the server",
		{HELLO, "C:MAIL FROM:<a@e>\r\n", "X:RCPT TO:<v@e>\r\nDATA\r\n", "S:250 Ok\r\n",
			"C:RSET\r\n"},
		"[wait]" R554 R554_AGAIN R421 "[close]"},
	{"a line that is no command", {HELLO, "X:violation\r\n", "C:and more\r\nQUIT\r\n"},
		R554 R554_AGAIN R221 "[close]"},
	{"half a line, of which the rest comes",
		{HELLO, "X:MAIL FROM:<viol", "C:ation@e>\r\n", "C:QUIT\r\n"}, R554 R221 "[close]"},
	{"NOOP with text", {HELLO, "X:NOOP v\r\n", "C:NOOP\r\n"}, R554 R421 "[close]"},
	{"before the greeting", {"X:EHLO v\r\n", "S:220 m ES", "S:MTP\r\n", "C:QUIT\r\n"},
		"[wait]" R554 R221 "[close]"},
	{"AUTH: the refused mail waits for the end of the exchange",
		{HELLO, "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6\r\n", "C:Zm9v\r\n",
			"S:334 UGFzc3dvcmQ6\r\n", "C:YmFy\r\n", "X:MAIL FROM:<v@e>\r\n",
			"S:235 Ok\r\n", "C:QUIT\r\n"},
		"[wait]" R554 R221 "[close]"},

	/* ---- LMTP ---- */
	{"LMTP: a 554 for each accepted recipient",
		{"S:220 m LMTP\r\n", "C:LHLO c\r\n", "S:250 m\r\n",
			"C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nRCPT TO:<c@e>\r\nRCPT TO:<d@e>\r\n"
			"DATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n550 no\r\n250 Ok\r\n354 Go\r\n", "X:\r\nx\r\n",
			"C:.\r\nQUIT\r\n"},
		R554 R554_AGAIN R221 "[close]"},

	/* ---- TLS ---- */
	{"STARTTLS, and the client goes on in clear: its mail bounces at once",
		{HELLO, "X:STARTTLS\r\n", "C:MAIL FROM:<a@e>\r\n", "C:RSET\r\n", "C:QUIT\r\n"},
		R554_TLS R554_TLS OK R221 "[close]"},
	{"STARTTLS, and the client insists on it", {HELLO, "X:STARTTLS\r\n", "C:QUIT\r\n"},
		R554_TLS R221 "[close]"},
	{"STARTTLS was accepted: TLS has begun",
		{HELLO, "C:STARTTLS\r\n", "S:220 Go\r\n", "X:\x16\x03\x01"}, "[reset]"},

	{"the server's side is refused", {HELLO, "C:HELP\r\n", "Y:214 v\r\n"}, "[reset]"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refuses(&cases[i]);
}

/* More than can be said in the room for it: then the connection closes. */
static void
test_flood(void **state)
{
	static const char line[] = "RCPT TO:<v@e>\r\n";
	char flood[2 + 100 * (sizeof(line) - 1) + 1] = "C:";
	char want[8192] = R554;
	struct refuse_case k = {"a flood",
		{HELLO, "C:MAIL FROM:<a@e>\r\n", "S:250 Ok\r\n", "X:RCPT TO:<v@e>\r\n"}, want};
	size_t n = sizeof(R554) - 1, again = sizeof(R554_AGAIN) - 1, at = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		strcat(flood, line);
	while (at < REFUSE_TURNS_MAX && k.turns[at] != NULL)
		at++;
	k.turns[at] = flood;
	while (n + again + sizeof(R421) - 1 <= REFUSAL_WORDS_MAX) {
		strcat(want, R554_AGAIN);
		n += again;
	}
	strcat(want, R421 "[close]");
	assert_refuses(&k);
}

/* 250-octet lines at most are said: RFC 5321, 4.5.3.1.5 allows 512; all is ASCII. */
static void
test_words(void **state)
{
	static const char *const said[] = {R554, R554_AGAIN, R554_TLS, R421, R221, OK, LATER};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		size_t n = strlen(said[i]);

		assert_true(n > 6 && n <= 250);
		for (size_t at = 0; at < n - 2; at++)
			assert_true(said[i][at] >= ' ' && said[i][at] <= '~');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
