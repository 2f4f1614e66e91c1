/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worked examples of the identifier specification, section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/checksums.h"

static const uint8_t *
u(const char *s)
{
	return (const uint8_t *)s;
}

static void
test_luhn(void **state)
{
	(void)state;
	assert_int_equal(luhn_check(u("640823323"), 9), 4);
	assert_int_equal(luhn_check(u("701063239"), 9), 1);
	assert_int_equal(luhn_check(u("232100013"), 9), 1);
	assert_int_equal(luhn_check(u("556016068"), 9), 0);
	assert_int_equal(luhn_check(u("810829707"), 9), 1);
	assert_true(luhn_ok(u("6408233234"), 10));
	assert_false(luhn_ok(u("6408233235"), 10));
	assert_false(luhn_ok(u("0"), 1));
}

static void
test_nrid(void **state)
{
	(void)state;
	assert_int_equal(nrid_check(u("22950606FH2")), 0);
	assert_int_equal(nrid_check(u("25780404KHD")), 5);
	assert_int_equal(nrid_check(u("00342145BZ3")), 1);
	assert_int_equal(nrid_check(u("00749852BZK")), 0);
}

static void
test_modulus_11(void **state)
{
	unsigned r1, r2;

	(void)state;
	norway_residues(u("01016050012"), &r1, &r2);
	assert_int_equal(r1, 0);
	assert_int_equal(r2, 0);
	norway_residues(u("01013310048"), &r1, &r2);
	assert_int_equal(r1, 1);
	assert_int_equal(r2, 0);
	norway_residues(u("15064510093"), &r1, &r2);
	assert_int_equal(r1, 2);
	norway_residues(u("31129910170"), &r1, &r2);
	assert_int_equal(r1, 3);
	assert_int_equal(cpr_remainder(u("2110625629")), 0);
	assert_int_equal(cpr_remainder(u("2512489996")), 3);
	assert_int_equal(kennitala_check(u("12016033")), 8);
}

static void
test_others(void **state)
{
	(void)state;
	assert_int_equal(hetu_check(u("131052308")), 'T');
	assert_int_equal(hetu_check(u("010190900")), 'P');
	assert_int_equal(hetu_check(u("290200902")), 'D');
	assert_int_equal(mod97(u("50000000058398257466SE45"), 24), 1);
	assert_int_equal(mod97(u("50000000058398257466SE00"), 24), 53);
	assert_int_equal(mrz_check(u("L898902C3"), 9), 6);
	assert_int_equal(mrz_check(u("740812"), 6), 2);
	assert_int_equal(mrz_check(u("120415"), 6), 9);
}

static void
test_dates(void **state)
{
	const struct civil_date today = {2026, 7, 1};

	(void)state;
	assert_true(is_date(2000, 2, 29));
	assert_false(is_date(1900, 2, 29));
	assert_false(is_date(1985, 4, 31));
	assert_false(is_date(1985, 13, 1));
	assert_false(is_date(1985, 0, 1));
	assert_false(is_date(1985, 1, 0));
	assert_true(is_past_date(2026, 7, 1, today));
	assert_false(is_past_date(2026, 7, 2, today));
	assert_false(is_past_date(2026, 8, 1, today));
	assert_true(is_past_date(2025, 12, 31, today));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_luhn),
		cmocka_unit_test(test_nrid),
		cmocka_unit_test(test_modulus_11),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
