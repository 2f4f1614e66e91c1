/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/unfold.h"

#include "tests/unit/stream/cases.h"

static const struct decode_case folded[] = {
	CASE("nothing", "", "", OUTCOME_OK),
	CASE("RFC 5545, 3.1",
		"DESCRIPTION:This is a lo\r\n ng description\r\n  that exists on a long line.\r\n",
		"DESCRIPTION:This is a long description that exists on a long line.\r\n",
		OUTCOME_OK),
	CASE("a tab, bare LF", "850709-\n\t9805", "850709-9805", OUTCOME_OK),
	CASE("lines that aren't folded", "a\r\nb\nc\r\n", "a\r\nb\nc\r\n", OUTCOME_OK),
	CASE("empty lines", "a\r\n\r\n b\n\nc", "a\r\nb\n\nc", OUTCOME_OK),
	CASE("CRs", "a\r b\r\r\n c\r", "a\r b\rc\r", OUTCOME_OK),
	CASE("cut", "a\r\n", "a\r\n", OUTCOME_OK),
};

static const struct decode_case flowed[] = {
	CASE("nothing", "", "", OUTCOME_OK),
	/* RFC 3676, 4.1 and 4.4: the space that marks a flowed line is deleted. */
	CASE("a number over two lines", "850709- \r\n9805\r\n", "850709-9805\r\n", OUTCOME_OK),
	CASE("a space that stays", "one  \r\ntwo", "one two", OUTCOME_OK),
	CASE("a stuffed space", "850709- \n 9805", "850709-9805", OUTCOME_OK),
	CASE("quoted", ">850709- \r\n>> 9805", ">850709-9805", OUTCOME_OK),
	CASE("fixed lines", "850709-\r\n9805 x\r\n", "850709-\r\n9805 x\r\n", OUTCOME_OK),
	CASE("spaces and CRs", "a \rb  c \r", "a \rb  c \r", OUTCOME_OK),
};

static void
test_folded(void **state)
{
	run_cases(&unfold_decoder, NULL, folded, ARRAY_LEN(folded));
}

static void
test_flowed(void **state)
{
	run_cases(&delsp_decoder, NULL, flowed, ARRAY_LEN(flowed));
}

static void
test_meter(void **state)
{
	assert_metered(&unfold_decoder, NULL, BYTES_LIT("a\r\n bc"), 2);
	assert_metered(&delsp_decoder, NULL, BYTES_LIT("a \r\nbc"), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_flowed),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
