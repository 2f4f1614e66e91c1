/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/proto/tls.h"
#include "tests/support/recorder.h"

enum { STEPS_MAX = 6 };

/* RFC 8446, 4.1.2: a ClientHello of 65 bytes behind its header, laid out field by field. */
#define HELLO_HEAD "\x01\x00\x00\x41"
#define HELLO_A                                                                                    \
	"\x03\x03"                                                                                 \
	"0123456789abcdef0123456789abcdef" /* random */                                            \
	"\x00"				   /* session id */                                        \
	"\x00\x02\x13\x01"		   /* cipher suites */                                     \
	"\x01\x00"			   /* compression */
#define HELLO_B                                                                                    \
	"\x00\x16"			       /* extensions */                                    \
	"\x00\x2b\x00\x02\x03\x04"	       /* of another type */                               \
	"\x00\x00\x00\x0c\x00\x0a\x00\x00\x07" /* server_name */                                   \
	"a.examp"

static const struct tls_case {
	const char *name;
	struct step steps[STEPS_MAX];
	const char *want;
} cases[] = {
	{"RFC 6066, 3: the server name, the hello in two records",
		{C("\x16\x03\x01\x00\x2d" HELLO_HEAD HELLO_A), C("\x16\x03\x01\x00\x18" HELLO_B),
			S("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), C("\x17\x03\x03\x00\x01z")},
		"client tls host=a.examp\n  tls skip:tls=85 \"\"\n"
		"server tls\n  tls skip:tls=9 \"\"\n"},
	{"where the framing breaks the rest is read",
		{C("\x17\x03\x03\x00\x01z"), C("\x17\x03\x03\x00\x00 clear text")},
		"client tls\n  tls skip:tls=11 \"\"\n  raw \" clear text\"\n"},
	{"a record that is too long is none (RFC 5246, 6.2.3)", {C("\x17\x03\x03\x48\x01zz")},
		"client tls\n  tls skip:tls=4 \"\"\n  raw \"\\x01zz\"\n"},
	{"a hole inside a record",
		{C("\x17\x03\x03\x00\x08"
		   "ab"),
			LOST_C(4), C("cd\x15\x03\x03\x00\x02\x01\x00")},
		"client tls gap=4\n  tls skip:tls=16 \"\"\n"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;

		while (n < STEPS_MAX &&
			(cases[i].steps[n].bytes.p != NULL || cases[i].steps[n].what != SAY_CLIENT))
			n++;
		assert_records(cases[i].name, &tls_inspector, cases[i].steps, n, cases[i].want);
		assert_counts_without_memory(&tls_inspector, cases[i].steps, n);
	}
}

static const char hello[] = HELLO_HEAD HELLO_A HELLO_B;

/* Cut anywhere, the hello has no name, and nothing is read past its end. */
static void
test_hello_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(hello) - 1; n++) {
		uint8_t *copy = malloc(n + (n == 0));

		memcpy(copy, hello, n);
		assert_int_equal(tls_client_hello_name(bytes_of(copy, n)).n, 0);
		free(copy);
	}
	assert_true(bytes_equal(
		tls_client_hello_name(bytes_of(hello, sizeof(hello) - 1)), BYTES_LIT("a.examp")));
}

static void
test_bids(void **state)
{
	(void)state;
	assert_int_equal(
		tls_inspector.bid(BYTES_LIT("\x16\x03\x01\x02\x00\x01"), BYTES_LIT("")), BID_SURE);
	assert_int_equal(
		tls_inspector.bid(BYTES_LIT(""), BYTES_LIT("\x16\x03\x03\x00\x40\x02")), BID_SURE);
	assert_int_equal(
		tls_inspector.bid(BYTES_LIT("\x16\x03\x01\x02\x00"), BYTES_LIT("")), BID_MORE);
	assert_int_equal(
		tls_inspector.bid(BYTES_LIT("\x16\x03\x01\x02\x00\x02"), BYTES_LIT("")), BID_NO);
	assert_int_equal(tls_inspector.bid(BYTES_LIT("\x16\x04"), BYTES_LIT("")), BID_NO);
	assert_int_equal(tls_inspector.bid(BYTES_LIT("GET"), BYTES_LIT("")), BID_NO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
		cmocka_unit_test(test_hello_cut), cmocka_unit_test(test_bids)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
