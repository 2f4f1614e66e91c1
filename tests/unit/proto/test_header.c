/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/stream/charset.h"

enum { ROOM = 1024 };

struct work {
	uint8_t out[ROOM];
	struct header_buffer buffer;
	struct header_decoder decoder;
	struct arena_budget budget;
	struct arena arena;
};

static struct charset_catalog *charsets;

static void
work_init(struct work *w)
{
	w->buffer = (struct header_buffer){w->out, sizeof(w->out), 0, false};
	w->budget = (struct arena_budget){.limit = 1u << 20};
	arena_init(&w->arena, &arena_source_malloc, &w->budget);
	assert_true(header_decoder_open(&w->decoder, charsets, ROOM, &w->arena));
	w->decoder.sink = header_buffer_sink(&w->buffer);
}

static void
work_free(struct work *w)
{
	arena_release(&w->arena);
}

static void
assert_text(const struct work *w, const char *want)
{
	if (!bytes_equal(bytes_of(w->out, w->buffer.n), bytes_str(want)))
		fail_msg("got \"%.*s\", want \"%s\"", (int)w->buffer.n, (const char *)w->out, want);
}

/* The examples of RFC 2047, section 8, and what mail clients do to them. */
static const struct {
	const char *in, *want;
} words[] = {
	{"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
	{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xc3\xb8rn Simonsen"},
	{"=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard"},
	{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-1?B?dSB1bmRlcnN0YW5kIHRo"
	 "ZSBleGFtcGxlLg==?=",
		"If you can read this you understand the example."},
	{"(=?ISO-8859-1?Q?a?=)", "(a)"},
	{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?_b?=)", "(a b)"},
	/* a character split over two words, and over two encodings */
	{"=?utf-8?B?w6U=?= =?utf-8?Q?=C3?= =?UTF-8?B?pA==?=", "\xc3\xa5\xc3\xa4"},
	/* RFC 2231, section 5: a language */
	{"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
	/* without padding; with junk in it */
	{"=?utf-8?b?Zm9v?= =?utf-8?B?Zm8?=", "foofo"},
	/* words that are none */
	{"=?utf-8?X?abc?= =?utf-8?Q?abc", "=?utf-8?X?abc?= =?utf-8?Q?abc"},
	{"a=b =? =?= ?=", "a=b =? =?= ?="},
	{"=?", "=?"},
	{"glued=?utf-8?Q?word?=text", "gluedwordtext"},
	{"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
	{"\xc3\xa9"
	 "cureuil",
		"\xc3\xa9"
		"cureuil"},
	/* other charsets; this one and the next from Python's email.header */
	{"=?iso-8859-15?Q?=A4?= =?koi8-r?B?xMHU1Q==?=",
		"\xe2\x82\xac\xd0\xb4\xd0\xb0\xd1\x82\xd1\x83"},
	{"=?iso-2022-jp?b?GyRCJDMkcyRLJEEkTxsoQg==?=",
		"\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf"},
	/* 8-bit text without any encoding */
	{"r\xe4ksm\xf6rg\xe5s", "r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s"},
	{"", ""},
};

static void
test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].in);
		uint8_t *exact = malloc(n + (n == 0));
		struct work w;

		work_init(&w);
		memcpy(exact, words[i].in, n);
		header_decode(&w.decoder, bytes_of(exact, n));
		assert_text(&w, words[i].want);
		work_free(&w);
		free(exact);
	}
}

/* RFC 2231, sections 3 and 4, and what senders make of them. */
static const struct {
	const char *rest, *name, *want; /* want NULL: there is none */
} params[] = {
	{"; URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
		"url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
	{"; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title", "This is ***fun***"},
	{"; title*0*=us-ascii'en'This%20is%20even%20more%20; "
	 "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
		"title", "This is even more ***fun*** isn't it!"},
	{"; title*1=b; title*0=a", "title", "ab"},
	{"; filename*=iso-8859-1''%E5.txt", "filename", "\xc3\xa5.txt"},
	{"; filename=plain.txt; filename*=utf-8''%C3%A5.txt", "filename", "\xc3\xa5.txt"},
	{"; filename=\"a \\\"b\\\".txt\"", "filename", "a \"b\".txt"},
	{"; filename=my file.txt ; x=y", "FILENAME", "my file.txt"},
	{"; filename=\"=?utf-8?B?w6UudHh0?=\"", "filename", "\xc3\xa5.txt"},
	{"; (a; comment (nested)) filename = a.txt", "filename", "a.txt"},
	{"; filename=\"open", "filename", "open"},
	{";;; flag; filename=x", "filename", "x"},
	{"; name=x", "filename", NULL},
};

static void
test_params(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		struct header_params p;
		struct work w;
		bool found;

		work_init(&w);
		header_params_parse(bytes_str(params[i].rest), &p);
		found = header_param_text(&p, bytes_str(params[i].name), &w.decoder);
		assert_int_equal(found, params[i].want != NULL);
		if (found)
			assert_text(&w, params[i].want);
		work_free(&w);
	}
}

static void
test_doubled_param(void **state)
{
	struct header_params p;
	uint8_t text[8];

	(void)state;
	header_params_parse(BYTES_LIT("; boundary=one; boundary=\"two\""), &p);
	assert_int_equal(header_param_plain(&p, BYTES_LIT("boundary"), 0, text, 8), 3);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(header_param_plain(&p, BYTES_LIT("boundary"), 1, text, 8), 3);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(header_param_plain(&p, BYTES_LIT("boundary"), 2, text, 8), 0);
	assert_int_equal(header_param_plain(&p, BYTES_LIT("boundary"), 0, text, 2), 0);
}

static void
test_params_over(void **state)
{
	char many[HEADER_PARAMS_MAX * 8];
	struct header_params p;
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= HEADER_PARAMS_MAX; i++) {
		memcpy(many + n, ";a=b", 4);
		n += 4;
	}
	header_params_parse(bytes_of(many, n), &p);
	assert_int_equal(p.n, HEADER_PARAMS_MAX);
	assert_true(p.over);
}

static void
test_split(void **state)
{
	struct bytes name, value;

	(void)state;
	assert_true(header_split(BYTES_LIT("Subject: a: b "), &name, &value));
	assert_true(bytes_equal(name, BYTES_LIT("Subject")));
	assert_true(bytes_equal(value, BYTES_LIT("a: b")));
	assert_true(header_split(BYTES_LIT("Content-Type \t:text/html"), &name, &value));
	assert_true(bytes_equal(name, BYTES_LIT("Content-Type")));
	assert_true(header_split(BYTES_LIT("X:"), &name, &value));
	assert_false(header_split(BYTES_LIT("no field"), &name, &value));
	assert_false(header_split(BYTES_LIT("two words: x"), &name, &value));
	assert_false(header_split(BYTES_LIT(": x"), &name, &value));
	assert_false(header_split(BYTES_LIT(""), &name, &value));
}

static void
test_token(void **state)
{
	struct bytes rest;
	bool junk;

	(void)state;
	assert_true(bytes_equal(header_token(BYTES_LIT(" (c) text/html (d) ; a=b"), &rest, &junk),
		BYTES_LIT("text/html")));
	assert_true(bytes_equal(rest, BYTES_LIT("; a=b")));
	assert_false(junk);
	assert_true(bytes_equal(
		header_token(BYTES_LIT("\"base64\""), &rest, &junk), BYTES_LIT("base64")));
	assert_false(junk);
	(void)header_token(BYTES_LIT("base64 7bit"), &rest, &junk);
	assert_true(junk);
	assert_int_equal(header_token(BYTES_LIT("(never closed"), &rest, &junk).n, 0);
}

/* What doesn't fit is cut at a code point. */
static void
test_buffer(void **state)
{
	uint8_t out[4];
	struct header_buffer b = {out, sizeof(out), 0, false};
	struct header_sink sink = header_buffer_sink(&b);

	(void)state;
	sink.put(sink.ctx, BYTES_LIT("abc\xc3\xa5"));
	assert_int_equal(b.n, 3);
	assert_true(b.full);
	sink.put(sink.ctx, BYTES_LIT("x"));
	assert_int_equal(b.n, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_doubled_param),
		cmocka_unit_test(test_params_over),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_buffer),
	};

	int bad;

	charsets = charset_catalog_new(4);
	bad = cmocka_run_group_tests(tests, NULL, NULL);
	charset_catalog_free(charsets);
	return bad;
}
