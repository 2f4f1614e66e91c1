/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refused HTTP requests: RFC 9110 (10.1.1, 12.5.1, 15.5.4) and RFC 9112 (9.3.2, 9.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/proto/refuse_script.h"

#define PAGE                                                                                       \
	"<!doctype html>\n<html lang=\"sv\"><head><meta charset=\"utf-8\">"                        \
	"<title>403 Stoppat / Refused</title></head><body>\n"                                      \
	"<h1>Stoppat</h1>\n<p>Överföringen stoppades av skyddet mot dataläckage: "              \
	"den får inte gå till den här mottagaren. "                                             \
	"Uppge händelsens id om du frågar varför.</p>\n"                                        \
	"<div lang=\"en\"><h1>Refused</h1>\n<p>Data leakage prevention stopped "                   \
	"this transfer: it must not leave for this destination. "                                  \
	"State the event's id if you ask why.</p></div>\n"                                         \
	"<p>Id: <code>" EVENT_ID "</code></p>\n</body></html>\n"
#define JSON                                                                                       \
	"{\"status\":403,\"title\":\"Refused by data leakage prevention\","                        \
	"\"detail\":\"This must not leave for this destination.\","                                \
	"\"detail_sv\":\"Detta får inte lämnas till den här mottagaren.\","                     \
	"\"event\":\"" EVENT_ID "\"}\n"
#define HEAD(type, length)                                                                         \
	"HTTP/1.1 403 Forbidden\r\nContent-Type: " type "\r\nContent-Length: " length              \
	"\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
/* The lengths are wc -c of the texts above; test_lengths() looks after them. */
#define HEAD_HTML HEAD("text/html; charset=utf-8", PAGE_LENGTH)
#define HTML HEAD_HTML PAGE "[close]"
#define AS_JSON HEAD("application/json", JSON_LENGTH) JSON "[close]"
#define UNAVAILABLE                                                                                \
	"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"              \
	"Cache-Control: no-store\r\n\r\n"
#define PAGE_LENGTH "521"
#define JSON_LENGTH "224"

static const struct refuse_case cases[] = {
	{"a body with a length is absorbed to its end",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab", "C:cdef", "C:gh"},
		HTML},
	{"nothing is said before the end",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab", "C:cdefg"},
		"[absorb]"},
	{"a chunked body",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
			"C:3\r\ncde\r\n0\r", "C:\nX: y\r\n", "C:\r\n"},
		HTML},
	{"a chunked body that hasn't ended",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
			"C:3\r\ncde\r\n0\r\n"},
		"[absorb]"},
	{"all in the refused packet",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"}, HTML},
	{"the violation is in the address", {"X:GET /?v=1 HTTP/1.1\r\nHo", "C:st: a\r\n\r\n"},
		HTML},
	{"HTTP/1.0", {"X:POST /up HTTP/1.0\r\nContent-Length: 2\r\n\r\nab"}, HTML},
	{"HEAD gets no body", {"X:HEAD /?v HTTP/1.1\r\nHost: a\r\n\r\n"}, HEAD_HTML "[close]"},
	{"the limit inside the body",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab", "C:c", "L"},
		HTML},
	{"the limit inside the head", {"X:POST /up HTTP/1.1\r\nHost: a\r\n", "L"}, HTML},
	{"the client closes inside the body",
		{"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab", "E"}, HTML},

	/* ---- 100 Continue ---- */
	{"Expect: at once, since the client waits",
		{"X:PUT /v HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
		 "8\r\n\r\n"},
		HTML},
	{"Expect, and the violation is in the head that goes on",
		{"X:PUT /v HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n",
			"C:Content-Length: 8\r\n\r\n", "C:abcdefgh"},
		HTML},
	{"Expect, and 100 has passed",
		{"C:PUT /v HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
		 "8\r\n\r\n",
			"S:HTTP/1.1 100 Continue\r\n\r\n", "X:abc", "C:defg", "C:h"},
		HTML},
	{"Expect, and the client doesn't wait",
		{"C:PUT /v HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
		 "8\r\n\r\n",
			"X:abc", "C:defg"},
		"[absorb]"},
	{"half a 100 has passed",
		{"C:PUT /v HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
		 "8\r\n\r\n",
			"S:HTTP/1.1 100 Con", "X:abc", "S:tinue\r\n\r\n", "C:defgh"},
		"[wait]" HTML},

	/* ---- JSON ---- */
	{"Accept names JSON",
		{"X:POST /v HTTP/1.1\r\nAccept: application/json, text/plain, */*\r\n"
		 "Content-Length: 2\r\n\r\nab"},
		AS_JSON},
	{"Accept prefers JSON",
		{"X:GET /v HTTP/1.1\r\nAccept: text/html;q=0.8, application/problem+json;q=.9,\r\n"
		 "Accept: application/vnd.x+json; v=1; q=0.85\r\n\r\n"},
		AS_JSON},
	{"Accept prefers HTML, whatever is sent",
		{"X:POST /v HTTP/1.1\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
		 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
		HTML},
	{"JSON is sent, and anything taken",
		{"X:POST /v HTTP/1.1\r\nAccept: */*\r\nContent-Type: application/json; "
		 "charset=utf-8\r\n"
		 "Content-Length: 2\r\n\r\n{}"},
		AS_JSON},

	/* ---- pipelining, keep-alive ---- */
	{"a later request on the connection",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"S:HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", "C:c"},
		HTML},
	{"the response to the request before it passes first, whole",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
			"S:HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok", "C:c", "S:ok"},
		"[wait]" HTML},
	{"the response before it is chunked",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"S:HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n",
			"X:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
			"S:ok\r\n0\r\n", "S:\r\n"},
		"[wait]" HTML},
	{"two responses are due",
		{"C:GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n",
			"X:GET /v HTTP/1.1\r\nHost: a\r\n\r\n",
			"S:HTTP/1.1 304 Not Modified\r\n\r\n",
			"S:HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"},
		"[wait]" HTML},
	{"the response before it never comes",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n", "X:GET /v HTTP/1.1\r\nHost: a\r\n\r\n",
			"L"},
		"[wait][reset]"},
	{"the server closes instead",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n", "X:GET /v HTTP/1.1\r\nHost: a\r\n\r\n",
			"S:HTTP/1.1 200 OK\r\n\r\nto the end", "F"},
		"[wait][reset]"},
	{"a request before it in the same packet is to be sent again",
		{"X:GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /v HTTP/1.1\r\nHost: a\r\n\r\n"},
		UNAVAILABLE HTML},
	{"of two before it one has left",
		{"C:GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HT",
			"X:TP/1.1\r\nHost: a\r\n\r\nGET /v HTTP/1.1\r\nHost: a\r\n\r\n",
			"S:HTTP/1.1 204 No\r\n\r\n"},
		"[wait]" UNAVAILABLE HTML},
	{"a request behind it is not answered",
		{"X:GET /v HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"}, HTML, 1},

	/* ---- no words fit ---- */
	{"a response to it has begun",
		{"C:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na",
			"S:HTTP/1.1 413 Too", "X:b", "S: large\r\nContent-Length: 2\r\n\r\n"},
		"[wait][reset]"},
	{"a response to it has passed",
		{"C:POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na",
			"S:HTTP/1.1 413 Too\r\nContent-Length: 0\r\n\r\n", "X:b"},
		"[reset]"},
	{"the response is refused",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n", "Y:HTTP/1.1 200 OK\r\n\r\nv"}, "[reset]"},
	{"stray bytes",
		{"C:GET / HTTP/1.1\r\nHost: a\r\n\r\n", "S:HTTP/1.1 204 No\r\n\r\n", "X:stray\r\n"},
		"[reset]"},

	/* ---- CONNECT ---- */
	{"CONNECT is refused at once", {"X:CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"}, HTML},
	{"CONNECT and TLS behind it, unasked", {"X:CONNECT a:443 HTTP/1.1\r\n\r\n\x16\x03\x01"},
		HTML, 1},
	{"what goes through the tunnel",
		{"C:CONNECT a:443 HTTP/1.1\r\n\r\n", "S:HTTP/1.1 200 OK\r\n\r\n", "X:v\r\n"},
		"[reset]"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refuses(&cases[i]);
}

/* Content-Length is that of the content; all of it fits in one refusal. */
static void
test_lengths(void **state)
{
	(void)state;
	assert_int_equal(strlen(PAGE), atoi(PAGE_LENGTH));
	assert_int_equal(strlen(JSON), atoi(JSON_LENGTH));
	assert_true(strlen(HTML) < REFUSAL_WORDS_MAX / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
