/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/uuencode.h"

#include "tests/unit/stream/cases.h"

static const struct decode_case cases[] = {
	CASE("by Python's binascii, spaces",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.# U#0I!\012K;FYA(,.6+\042 X-"
		"3 W,#DM.3@P-0T*06YN82##EBP@.#4P-S Y+3DX,#4-\042@  \012"
		" \012end\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\012",
		OUTCOME_OK),
	CASE("by Python's binascii, backquotes",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"`\012end\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\012",
		OUTCOME_OK),
	CASE("CR LF",
		"begin 644 lista.csv\015\012M06YN82##EBP@.#4P-S`Y+3DX,#"
		"4-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\015\012K;FYA(,.6+\042`"
		"X-3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@`"
		"`\015\012`\015\012end\015\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\015\012",
		OUTCOME_OK),
	CASE("trailing spaces lost",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.# U#0I!\012K;FYA(,.6+\042 X-"
		"3 W,#DM.3@P-0T*06YN82##EBP@.#4P-S Y+3DX,#4-\042@\012\012e"
		"nd\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\012",
		OUTCOME_OK),
	CASE("text around",
		"See below.\012\012begin 644 lista.csv\012M06YN82##EBP@.#4"
		"P-S`Y+3DX,#4-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;"
		"FYA(,.6+\042`X-3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+"
		"3DX,#4-\042@``\012`\012end\012Regards\012",
		"See below.\012\012Anna \303\226, 850709-9805\015\012Anna \303\226, 85070"
		"9-9805\015\012Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-98"
		"05\015\012\012Regards\012\012begin 644 lista.csv\012",
		OUTCOME_OK),
	CASE("no end line",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"`",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\012",
		OUTCOME_DAMAGED),
	CASE("cut inside a line",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8",
		"Anna \303\226, 850709-9805\015\012Anna \303\226\012begin 644 lista.cs"
		"v\012",
		OUTCOME_DAMAGED),
	CASE("four octal digits",
		"begin 0644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#"
		"4-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X"
		"-3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``"
		"\012`\012end\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 0"
		"644 lista.csv\012",
		OUTCOME_OK),
	CASE("two files",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"`\012end\012begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+"
		"3DX,#4-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,."
		"6+\042`X-3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042@``\012`\012end\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna \303\226,"
		" 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna \303\226, 850"
		"709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 644 lista"
		".csv\012begin 644 lista.csv\012",
		OUTCOME_OK),
	CASE("not a begin line",
		"begin with\012begin 64 x\012begin 648 x\012",
		"begin with\012begin 64 x\012begin 648 x\012",
		OUTCOME_OK),
	CASE("a line that can't be data ends it",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"ok then\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012ok then"
		"\012\012begin 644 lista.csv\012",
		OUTCOME_OK),
	CASE("a line that begins like the end",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"`\012endless\012",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012endless"
		"\012\012begin 644 lista.csv\012",
		OUTCOME_OK),
	CASE("begin line at the end",
		"a\012begin 644 x",
		"a\012begin 644 x",
		OUTCOME_OK),
	CASE("no end of line behind end",
		"begin 644 lista.csv\012M06YN82##EBP@.#4P-S`Y+3DX,#4"
		"-\042D%N;F$@PY8L(#@U,#<P.2TY.#`U#0I!\012K;FYA(,.6+\042`X-"
		"3`W,#DM.3@P-0T*06YN82##EBP@.#4P-S`Y+3DX,#4-\042@``\012"
		"`\012end",
		"Anna \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012Anna"
		" \303\226, 850709-9805\015\012Anna \303\226, 850709-9805\015\012\012begin 6"
		"44 lista.csv\012",
		OUTCOME_OK),
	CASE("plain text",
		"only text, 850709-9805",
		"only text, 850709-9805",
		OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&uuencode_decoder, NULL, cases, ARRAY_LEN(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
