/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inspectors/content.h"

static const struct declared_case {
	const char *type;
	enum content_kind want;
} declared_cases[] = {
	{"", CONTENT_TEXT},
	{"text/plain", CONTENT_TEXT},
	{"TEXT/HTML", CONTENT_HTML},
	{"application/fhir+json", CONTENT_JSON},
	{"application/soap+xml", CONTENT_XML},
	{"application/x-ndjson", CONTENT_JSON},
	{"+xml", CONTENT_TEXT},
	{"multipart/form-data", CONTENT_MIME},
	{"message/rfc822", CONTENT_MIME},
	{"application/x-www-form-urlencoded", CONTENT_URLENCODED},
	{"application/octet-stream", CONTENT_TEXT},
};

static void
test_declared(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(declared_cases); i++)
		if (content_declared(bytes_str(declared_cases[i].type)) != declared_cases[i].want)
			fail_msg("%s: %d", declared_cases[i].type,
				content_declared(bytes_str(declared_cases[i].type)));
}

#define HEAD(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const struct sniff_case {
	struct bytes head;
	enum content_kind want;
	enum opaque_reason why;
} sniff_cases[] = {
	/* Local file header: version 20, flags 0 and 1 (APPNOTE 4.3.7). */
	{HEAD("PK\x03\x04\x14\0\0\0\x08\0"), CONTENT_OPAQUE, OPAQUE_UNKNOWN_FORMAT},
	{HEAD("PK\x03\x04\x14\0\x01\0\x08\0"), CONTENT_OPAQUE, OPAQUE_ENCRYPTED_ARCHIVE},
	{HEAD("%PDF-1.7\n"), CONTENT_OPAQUE, OPAQUE_UNKNOWN_FORMAT},
	{HEAD("\x1f\x8b\x08\0"), CONTENT_GZIP, OPAQUE_NONE},
	{HEAD("-----BEGIN PGP MESSAGE-----\r\n"), CONTENT_OPAQUE, OPAQUE_ENCRYPTED},
	{HEAD("\xef\xbb\xbf\r\n  <!DOCTYPE HTML>"), CONTENT_HTML, OPAQUE_NONE},
	{HEAD("<?xml version"), CONTENT_XML, OPAQUE_NONE},
	/* As linkers of Microsoft, of Borland, and of LLVM begin a program. */
	{HEAD("MZ\x90\0\x03\0"), CONTENT_OPAQUE, OPAQUE_UNKNOWN_FORMAT},
	{HEAD("MZP\0\x02\0"), CONTENT_OPAQUE, OPAQUE_UNKNOWN_FORMAT},
	{HEAD("MZx\0\x01\0"), CONTENT_OPAQUE, OPAQUE_UNKNOWN_FORMAT},
	{HEAD("MZ-80K, a computer"), CONTENT_TEXT, OPAQUE_NONE},
	{HEAD("PKZIP is a program"), CONTENT_TEXT, OPAQUE_NONE},
	{HEAD("Return-Path: <a@b>\r\n"), CONTENT_MIME, OPAQUE_NONE},
	{HEAD("received: from x"), CONTENT_MIME, OPAQUE_NONE},
	{HEAD("Received yesterday"), CONTENT_TEXT, OPAQUE_NONE},
	{HEAD("198507092388"), CONTENT_TEXT, OPAQUE_NONE},
	{HEAD("<p>fragment"), CONTENT_HTML, OPAQUE_NONE},
	{HEAD("<pre-release>"), CONTENT_TEXT, OPAQUE_NONE},
	{HEAD(" {\"a\":1}"), CONTENT_JSON, OPAQUE_NONE},
};

/* The answer comes with some byte, is the same from there on, and is the one wanted. */
static void
test_sniff_depends_on_bytes_only(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sniff_cases); i++) {
		const struct sniff_case *k = &sniff_cases[i];
		enum content_kind kind = CONTENT_TEXT;
		enum opaque_reason why = OPAQUE_NONE;
		size_t n = 1;

		while (n <= k->head.n &&
			content_sniff(bytes_of(k->head.p, n), &kind, &why) == SNIFF_MORE)
			n++;
		if (n > k->head.n || kind != k->want || why != k->why)
			fail_msg("case %zu: %zu bytes, kind %d, why %d", i, n, kind, why);
	}
}

/* An identifier never waits: no digit begins a signature. */
static void
test_digits_are_decided_at_once(void **state)
{
	for (char c = '0'; c <= '9'; c++) {
		enum content_kind kind;
		enum opaque_reason why;

		if (c == '7')
			continue; /* "7z", decided by the second byte */
		assert_int_equal(content_sniff(bytes_of(&c, 1), &kind, &why), SNIFF_DONE);
		assert_int_equal(kind, CONTENT_TEXT);
	}
}

static void
test_blanks_are_held_no_longer_than_promised(void **state)
{
	uint8_t blanks[CONTENT_SNIFF_MAX];
	enum content_kind kind;
	enum opaque_reason why;

	memset(blanks, ' ', sizeof(blanks));
	assert_int_equal(
		content_sniff(bytes_of(blanks, sizeof(blanks)), &kind, &why), SNIFF_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_sniff_depends_on_bytes_only),
		cmocka_unit_test(test_digits_are_decided_at_once),
		cmocka_unit_test(test_blanks_are_held_no_longer_than_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
