/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/hide_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Numbers of the published test series and of the identifier specification's examples. */
static const struct {
	const char *in, *want;
} rows[] = {
	{"", ""},
	{"capture 19850709-2388.pcap: no such file", "capture 1985****-****.pcap: no such file"},
	{"kopia_198507092388_2.pcap", "kopia_1985********_2.pcap"},
	{"850709-2388", "8507**-****"},
	{"850709+2388 8507092388", "8507**+**** 8507******"},
	{"19850709 2388", "1985**** ****"},
	{"701063-2391 and 7010632391", "7010**-**** and 7010******"}, /* coordination number */
	{"01016050012", "0101*******"},				      /* Norway */
	{"251248-9996", "2512**-****"},				      /* Denmark */
	{"4111111111111111", "4111************"},		      /* a card */
	/* Sizes, limits, addresses and dates are told. */
	{"from 65536 to 1099511627776 bytes", "from 65536 to 1099511627776 bytes"},
	{"1073741824, 4294967296, 17179869184", "1073741824, 4294967296, 17179869184"},
	{"99999999999999999999, 9223372036854775807", "99999999999999999999, 9223372036854775807"},
	{"site.yaml:12:1048576", "site.yaml:12:1048576"},
	{"192.0.2.0/24 2026-03-24", "192.0.2.0/24 2026-03-24"},
	{"123456-789", "123456-789"},
};

static void
test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s", rows[i].in);
		hide_numbers(line);
		assert_string_equal(line, rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
