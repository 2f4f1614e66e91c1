/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/quoted_printable.h"

#include "tests/unit/stream/cases.h"

#define TEN_BLANKS "          "
#define MANY_BLANKS                                                                                \
	TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS

static const struct decode_case cases[] = {
	CASE("nothing", "", "", OUTCOME_OK),
	CASE("RFC 2045, 6.7 rule 5",
		"Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
		"Now's the time for all folk to come to the aid of their country.", OUTCOME_OK),
	/* Expected values by Python's quopri module. */
	CASE("a number across a soft break", "850709-=\r\n9805", "850709-9805", OUTCOME_OK),
	CASE("soft break, LF only", "850709-=\n9805", "850709-9805", OUTCOME_OK),
	CASE("soft break, CR only", "850709-=\r9805", "850709-9805", OUTCOME_OK),
	CASE("blanks behind the soft break", "850709-= \t \r\n9805", "850709-9805", OUTCOME_OK),
	CASE("escapes", "f=C3=B6delsenr =38=35=30=37=30=39", "f\xc3\xb6" "delsenr 850709", OUTCOME_OK),
	CASE("lower case", "=c3=b6=3d", "\xc3\xb6=", OUTCOME_OK),
	CASE("an escaped line end", "a=0D=0Ab", "a\r\nb", OUTCOME_OK),
	CASE("trailing blanks vanish", "a \t\r\nb  \nc", "a\r\nb\nc", OUTCOME_OK),
	CASE("an escaped blank stays", "a=20\r\nb", "a \r\nb", OUTCOME_OK),
	CASE("blanks inside a line stay", "a  b\t c =41", "a  b\t c A", OUTCOME_OK),
	CASE("blanks at the end vanish", "a  ", "a", OUTCOME_OK),
	CASE("invalid escape", "1=X2 =4 =-3", "1=X2 =4 =-3", OUTCOME_OK),
	CASE("half an escape, then one", "=4=41", "=4A", OUTCOME_OK),
	CASE("equal signs", "a==b =3D= c", "a==b == c", OUTCOME_OK),
	CASE("bare = at the end", "abc=", "abc=", OUTCOME_OK),
	CASE("half an escape at the end", "abc=4", "abc=4", OUTCOME_OK),
	CASE("soft break at the end", "abc=\r\n", "abc", OUTCOME_OK),
	CASE("8-bit passes", "\xe5\xe4\xf6", "\xe5\xe4\xf6", OUTCOME_OK),
	CASE("more blanks than a line may have", "a" MANY_BLANKS "b", "a" MANY_BLANKS "b", OUTCOME_OK),
	CASE("= and more blanks than that", "a=" MANY_BLANKS "b", "a=" MANY_BLANKS "b", OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&quoted_printable_decoder, NULL, cases, ARRAY_LEN(cases));
}

static void
test_meter(void **state)
{
	assert_metered(&quoted_printable_decoder, NULL, BYTES_LIT("=41=42=43"), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
