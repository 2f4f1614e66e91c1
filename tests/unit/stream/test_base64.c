/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/base64.h"

#include <stdlib.h>

#include "tests/unit/stream/cases.h"

static const struct decode_case cases[] = {
	/* RFC 4648, 10 */
	CASE("RFC 4648, 10: nothing", "", "", OUTCOME_OK),
	CASE("RFC 4648, 10: f", "Zg==", "f", OUTCOME_OK),
	CASE("RFC 4648, 10: fo", "Zm8=", "fo", OUTCOME_OK),
	CASE("RFC 4648, 10: foo", "Zm9v", "foo", OUTCOME_OK),
	CASE("RFC 4648, 10: foob", "Zm9vYg==", "foob", OUTCOME_OK),
	CASE("RFC 4648, 10: fooba", "Zm9vYmE=", "fooba", OUTCOME_OK),
	CASE("RFC 4648, 10: foobar", "Zm9vYmFy", "foobar", OUTCOME_OK),
	/* Expected values by Python's base64 module. */
	CASE("folded lines", "Zm9v\r\n YmFy", "foobar", OUTCOME_OK),
	CASE("every digit",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96"
		"\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3"
		"\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf",
		OUTCOME_OK),
	CASE("blanks inside a line", "MTk4 NTA3\tMDkt OTgw NQ==", "19850709-9805", OUTCOME_OK),
	CASE("junk between digits", "M!T*k-4_N.T\x80\xff" "A3MDktOTgwNQ==", "19850709-9805", OUTCOME_OK),
	CASE("zero bytes in between", "Zm9v\0\0YmFy", "foobar", OUTCOME_OK),
	/* RFC 2045, 6.8 has no decoder stop at odd places: go on as receivers do. */
	CASE("padding missing, one byte", "Zm9vYg", "foob", OUTCOME_OK),
	CASE("padding missing, two bytes", "Zm9vYmE", "fooba", OUTCOME_OK),
	CASE("padding half there", "Zm9vYg=", "foob", OUTCOME_OK),
	CASE("padding cut by a line end", "Zm9vYg=\r\n=\r\n", "foob", OUTCOME_OK),
	CASE("too much padding", "Zm9v====", "foo", OUTCOME_OK),
	CASE("text after the padding", "Zm8=YmFy", "fobar", OUTCOME_OK),
	CASE("padding first", "==Zm9v", "foo", OUTCOME_OK),
	CASE("one digit too many", "Zm9vY", "foo", OUTCOME_DAMAGED),
	CASE("one digit, then padding", "Zm9vY=", "foo", OUTCOME_OK),
	CASE("bits left in the last digit", "Zm9=", "fo", OUTCOME_OK),
	CASE("+ and /", "+/+/", "\xfb\xff\xbf", OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&base64_decoder, NULL, cases, ARRAY_LEN(cases));
}

static const struct decode_case url_cases[] = {
	CASE("- and _", "-_-_", "\xfb\xff\xbf", OUTCOME_OK),
	CASE("+ and / too", "+/+/", "\xfb\xff\xbf", OUTCOME_OK),
	CASE("no padding", "Zm9vYg", "foob", OUTCOME_OK),
};

static void
test_url_safe(void **state)
{
	run_cases(&base64url_decoder, NULL, url_cases, ARRAY_LEN(url_cases));
}

/* Long enough for the fast path and for several buffers; encoded here by RFC 4648's table. */
static void
test_long(void **state)
{
	static const char al[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	enum { GROUPS = 9000 };
	uint8_t *plain = malloc(GROUPS * 3), *text = malloc(GROUPS * 4 + GROUPS / 19 * 2 + 2);
	size_t steps[] = {1, 7, 76, 1460, 100000}, n = 0;

	for (size_t i = 0; i < GROUPS * 3; i++)
		plain[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t g = 0; g < GROUPS; g++) {
		uint32_t v = (uint32_t)plain[g * 3] << 16 | (uint32_t)plain[g * 3 + 1] << 8 |
			     plain[g * 3 + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			text[n++] = (uint8_t)al[v >> shift & 63];
		if (g % 19 == 18) {
			text[n++] = '\r';
			text[n++] = '\n';
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct box out = {0};

		assert_int_equal(
			decode(&base64_decoder, NULL, bytes_of(text, n), 0, steps[i], &out), OUTCOME_OK);
		assert_int_equal(out.n, GROUPS * 3);
		assert_memory_equal(out.p, plain, out.n);
		box_free(&out);
	}
	free(plain);
	free(text);
}

static void
test_meter(void **state)
{
	assert_metered(&base64_decoder, NULL, BYTES_LIT("Zm9vYmFyZm9vYmFyZm9vYmFy"), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_url_safe),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
