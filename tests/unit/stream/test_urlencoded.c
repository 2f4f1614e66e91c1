/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/urlencoded.h"

#include "tests/unit/stream/cases.h"

static const struct decode_case cases[] = {
	CASE("plus and escapes",
		"namn=Anna+%C3%96berg&pnr=850709-9805",
		"namn=Anna \303\226berg\012pnr=850709-9805",
		OUTCOME_OK),
	CASE("lower case",
		"%c3%b6%2d%2B",
		"\303\266-+",
		OUTCOME_OK),
	CASE("everything escaped",
		"%38%35%30%37%30%39%2D%39%38%30%35",
		"850709-9805",
		OUTCOME_OK),
	CASE("no escapes",
		"850709-9805",
		"850709-9805",
		OUTCOME_OK),
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
	CASE("escaped separators",
		"a%26b%3Dc=d%25",
		"a&b=c=d%",
		OUTCOME_OK),
	CASE("invalid escapes",
		"100% a%2 %zz %",
		"100% a%2 %zz %",
		OUTCOME_OK),
	CASE("cut at the end",
		"a%2",
		"a%2",
		OUTCOME_OK),
	CASE("percent percent",
		"%%41%",
		"%A%",
		OUTCOME_OK),
	CASE("code points",
		"%u0038%U00e5 %u20",
		"8\303\245 %u20",
		OUTCOME_OK),
	CASE("invalid code points",
		"%ux %u12g4 %ud800",
		"%ux %u12g4 \357\277\275",
		OUTCOME_OK),
	CASE("zero and high bytes",
		"%00%ff",
		"\000\377",
		OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&urlencoded_decoder, NULL, cases, ARRAY_LEN(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
