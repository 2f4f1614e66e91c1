/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/json_text.h"

#include "tests/unit/stream/cases.h"

static const struct decode_case cases[] = {
	CASE("escapes",
		"\042\134\042\134\134\134/\134b\134f\134n\134r\134t\042",
		"\042\042\134/\010\014\012\015\011\042",
		OUTCOME_OK),
	CASE("code points",
		"\042f\134u00f6delsenr \134u0038\134u0035\134u0030\134u0037\042",
		"\042f\303\266delsenr 8507\042",
		OUTCOME_OK),
	CASE("surrogates",
		"\042\134ud835\134udfceA\134uD83D\134uDE00\042",
		"\042\360\235\237\216A\360\237\230\200\042",
		OUTCOME_OK),
	CASE("structure stays",
		"{\042a\042: [\042850709-9805\042, 1], \042b\042: null}",
		"{\042a\042: [\042850709-9805\042, 1], \042b\042: null}",
		OUTCOME_OK),
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
	CASE("lone surrogates",
		"\134ud800x\134udc00\134ud800\134n\134ud800\134ud801\134udc00\134ud800",
		"\357\277\275x\357\277\275\357\277\275\012\357\277\275\360\220\220\200\357\277\275",
		OUTCOME_OK),
	CASE("surrogate, then broken escape",
		"\134ud800\134u12 \134ud800\134q",
		"\357\277\275\134u12 \357\277\275\134q",
		OUTCOME_OK),
	CASE("invalid escapes",
		"\134q \134u12g4 \134uXYZW \134x41 \134",
		"\134q \134u12g4 \134uXYZW \134x41 \134",
		OUTCOME_OK),
	CASE("backslashes",
		"\134\134u0038\134\134n",
		"\134u0038\134n",
		OUTCOME_OK),
	CASE("cut escape at the end",
		"\134u003",
		"\134u003",
		OUTCOME_OK),
	CASE("escapes inside a number",
		"850\134u0037\134u0030\134u0039-9805",
		"850709-9805",
		OUTCOME_OK),
	CASE("zero code point",
		"a\134u0000b",
		"a\000b",
		OUTCOME_OK),
	CASE("a zero behind a backslash",
		"\134\000",
		"\134\000",
		OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&json_text_decoder, NULL, cases, ARRAY_LEN(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
