/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mails through the whole engine: what is hidden in them is found, wherever it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/conversation.h"

/* Of the published test series. */
#define N1 "19760102-2382"
#define N2 "19760103-2381"

/* The content of one mail; N1, in some form, is in it. */
static const struct mail_case {
	const char *name, *content;
	const char *part; /* where it is found */
	unsigned distinct;
} mails[] = {
        {"body", "Subject: x\r\n\r\npersonnummer " N1 "\r\n", "smtp>mime[1]", 1},
        {"no header", "personnummer " N1 "\r\n", "smtp ", 1},
        {"over two encoded words",
                "Subject: personnummer =?utf-8?Q?19760102-?=\r\n =?utf-8?B?MjM4Mg==?=\r\n\r\nx\r\n",
                "smtp ", 1},
        {"folded header", "X-Note: personnummer\r\n " N1 "\r\n\r\nx\r\n", "smtp ", 1},
        {"file name (RFC 2231)",
                "Content-Disposition: attachment; filename*0=\"personnummer \"; filename*1=\"" N1
                ".txt\"\r\n\r\nx\r\n",
                "smtp ", 1},
        {"quoted-printable, cut by a soft line break",
                "Content-Transfer-Encoding: quoted-printable\r\n\r\npersonnummer "
                "197601=\r\n02=2D2382"
                "\r\n",
                "smtp>mime[1]>quoted-printable", 1},
        {"base64 in a multipart, without padding, without an end",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\ncGVyc29ubnVtbWVyIDE5NzYw\r\n"
                "MTAyLTIzODIg\r\n",
                "smtp>mime[2]>base64", 1},
        {"said to be base64 and 7bit, and is 7bit",
                "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                "personnummer " N1 "\r\n",
                "smtp>mime[1]", 1},
        {"an unknown encoding, which is base64",
                "Content-Transfer-Encoding: "
                "base-64\r\n\r\ncGVyc29ubnVtbWVyIDE5NzYwMTAyLTIzODIg\r\n",
                "smtp>mime[1]>base64", 1},
        {"a multipart in base64 as a whole",
                "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n"
                "\r\nLS1iDQoNCnBlcnNvbm51bW1lciAxOTc2MDEwMi0yMzgyDQotLWItLQ0K\r\n",
                "smtp>mime[1]>base64>mime[1]", 1},
        {"an attached message, its subject and its body",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                "Content-Type: message/rfc822\r\n\r\nSubject: personnummer " N1 "\r\n\r\n"
                "personnummer " N2 "\r\n--b--\r\n",
                "smtp>mime[1.1]", 2},
        {"html, with markup inside the number",
                "Content-Type: text/html\r\n\r\n<p>personnummer 197601<b>02</b>-2382</p>\r\n",
                "smtp>mime[1]", 1},
        {"a stuffed dot before it", "\r\npersonnummer\r\n.." N1 "\r\n", "smtp>mime[1]", 1},
        {"preamble and epilogue",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\npersonnummer " N1
                "\r\n--b\r\n\r\n"
                "x\r\n--b--\r\npersonnummer " N2 "\r\n",
                "smtp ", 2},
        {"UTF-16 by its charset",
                "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: "
                "base64\r\n\r\n"
                "cABlAHIAcwBvAG4AbgB1AG0AbQBlAHIAIAAxADkANwA2ADAAMQAwADIALQAyADMAOAAyACAA\r\n",
                "smtp>mime[1]>base64", 1},
};

static void
hold(struct engine *e, const char *content, size_t step)
{
	const struct say talk[] = {
	        {DIR_SERVER, "220 m ESMTP\r\n"},
	        {DIR_CLIENT, "EHLO c\r\n"},
	        {DIR_SERVER, "250 m\r\n"},
	        {DIR_CLIENT, "MAIL FROM:<a@e.example>\r\nRCPT TO:<b@e.example>\r\nDATA\r\n"},
	        {DIR_SERVER, "250 Ok\r\n250 Ok\r\n354 Go\r\n"},
	        {DIR_CLIENT, content},
	        {DIR_CLIENT, ".\r\nQUIT\r\n"},
	        {DIR_SERVER, "250 Ok\r\n221 Bye\r\n"},
	};

	engine_talk(e, talk, ARRAY_LEN(talk), step);
}

static void
test_mails(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		struct engine whole, cut;

		engine_open(&whole);
		hold(&whole, mails[i].content, 0);
		if (engine_distinct(&whole, "personnummer") != mails[i].distinct ||
		        strstr(engine_dump(&whole), mails[i].part) == NULL)
			fail_msg("%s:\n%s", mails[i].name, engine_dump(&whole));
		for (size_t step = 1; step < 24; step++) {
			engine_open(&cut);
			hold(&cut, mails[i].content, step);
			if (strcmp(engine_dump(&cut), engine_dump(&whole)) != 0)
				fail_msg("%s, step %zu:\n%s\nwhole:\n%s", mails[i].name, step,
				        engine_dump(&cut), engine_dump(&whole));
			engine_close(&cut);
		}
		engine_close(&whole);
	}
}

/* Conversations; how many distinct numbers are found in them. */
static const struct talk_case {
	const char *name;
	unsigned distinct;
	struct say say[12];
} talks[] = {
        {"over the border of two chunks", 1,
                {{DIR_SERVER, "220 m ESMTP\r\n"},
                        {DIR_CLIENT, "MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\n"},
                        {DIR_SERVER, "250 Ok\r\n250 Ok\r\n"},
                        {DIR_CLIENT,
                                "BDAT 21\r\n\r\npersonnummer 197601BDAT 7 "
                                "LAST\r\n02-2382QUIT\r\n"}}},
        {"in an address", 1,
                {{DIR_SERVER, "220 m ESMTP\r\n"},
                        {DIR_CLIENT, "MAIL FROM:<a@e>\r\nRCPT TO:<" N1 "@e.example>\r\nRSET\r\n"}}},
        {"behind a refused DATA", 1,
                {{DIR_SERVER, "220 m ESMTP\r\n"}, {DIR_CLIENT, "DATA\r\n"},
                        {DIR_SERVER, "503 no\r\n"}, {DIR_CLIENT, "personnummer " N1 "\r\n.\r\n"}}},
        {"in a reply", 1,
                {{DIR_SERVER, "220 m ESMTP\r\n"}, {DIR_CLIENT, "VRFY x\r\n"},
                        {DIR_SERVER, "252 personnummer " N1 "\r\n"}}},
        {"a secret is not read", 0,
                {{DIR_SERVER, "220 m ESMTP\r\n"}, {DIR_CLIENT, "AUTH LOGIN\r\n"},
                        {DIR_SERVER, "334 \r\n"}, {DIR_CLIENT, N1 "\r\n"}, {DIR_SERVER, "334 \r\n"},
                        {DIR_CLIENT, N2 "\r\n"}, {DIR_SERVER, "235 ok\r\n"}}},
        {"TLS is not read", 0,
                {{DIR_SERVER, "220 m ESMTP\r\n"}, {DIR_CLIENT, "STARTTLS\r\n"},
                        {DIR_SERVER, "220 go\r\n"}, {DIR_CLIENT, "\x16\x03\x01 personnummer " N1}}},
        {"no TLS after STARTTLS is read", 1,
                {{DIR_SERVER, "220 m ESMTP\r\n"}, {DIR_CLIENT, "STARTTLS\r\n"},
                        {DIR_SERVER, "220 go\r\n"}, {DIR_CLIENT, "HELP personnummer " N1 "\r\n"}}},
        {"behind a smuggled end", 1,
                {{DIR_CLIENT,
                        "HELO c\r\nMAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n\r\nx\n.\r\n"
                        "MAIL FROM:<a@e>\r\nRCPT TO:<c@e>\r\nDATA\r\npersonnummer " N1
                        "\r\n.\r\n"}}},
};

static void
test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talks); i++)
		for (size_t step = 0; step < 24; step++) {
			struct engine e;
			size_t n = 0;

			while (n < ARRAY_LEN(talks[i].say) && talks[i].say[n].text != NULL)
				n++;
			engine_open(&e);
			engine_talk(&e, talks[i].say, n, step);
			if (engine_distinct(&e, "personnummer") != talks[i].distinct ||
			        strstr(engine_dump(&e), " raw ") != NULL)
				fail_msg("%s, step %zu:\n%s", talks[i].name, step, engine_dump(&e));
			engine_close(&e);
		}
}

/* Deeper than the limit: opaque, over-budget, and still found by the raw scan. */
static void
test_too_deep(void **state)
{
	struct box in = {0};
	struct engine e;
	char line[128];

	(void)state;
	for (int i = 0; i < 100; i++)
		box_put(&in, line,
		        (size_t)snprintf(line, sizeof(line),
		                "Content-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%dx\r\n", i,
		                i));
	snprintf(line, sizeof(line), "\r\npersonnummer " N1 "\r\n");
	box_put(&in, line, strlen(line) + 1);
	engine_open(&e);
	hold(&e, (const char *)in.p, 0);
	assert_int_equal(engine_distinct(&e, "personnummer"), 1);
	assert_true(e.opaque[OPAQUE_OVER_BUDGET] > 0);
	engine_close(&e);
	box_free(&in);
}

/* Whatever the memory, no crash, and the books are right (engine_talk asserts it). */
static void
test_every_budget(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mails); i++)
		for (size_t limit = 0; limit < 200000; limit += 5003) {
			struct engine e;

			engine_open(&e);
			e.limits.flow_memory = limit;
			hold(&e, mails[i].content, 50);
			/* What isn't found for want of memory is told. */
			if (engine_distinct(&e, "personnummer") < mails[i].distinct &&
				e.over_budget == 0)
				fail_msg("%zu bytes: %s", limit, engine_dump(&e));
			engine_close(&e);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_mails),
	        cmocka_unit_test(test_talks),
	        cmocka_unit_test(test_too_deep),
	        cmocka_unit_test(test_every_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
