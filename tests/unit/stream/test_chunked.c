/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/chunked.h"
#include "inspectors/stream/http1_chunk.h"

#include "tests/unit/stream/cases.h"

static const struct decode_case cases[] = {
	CASE("RFC 9112, 7.1",
		"4\015\012Wiki\015\0127\015\012pedia i\015\012B\015\012n \015\012chunks.\015\0120\015\012\015\012",
		"Wikipedia in \015\012chunks.",
		OUTCOME_OK),
	CASE("LF only",
		"4\012Wiki\0125\012pedia\0120\012\012",
		"Wikipedia",
		OUTCOME_OK),
	CASE("blanks around the size",
		" 4 \015\012Wiki\015\012\0115\011\015\012pedia\015\0120\015\012\015\012",
		"Wikipedia\0124 \015\0125\011\015\012",
		OUTCOME_OK),
	CASE("leading zeros and upper case",
		"0000000000000000000004\015\012Wiki\015\01200A\015\0120123456789\015\012000\015\012\015\012",
		"Wiki0123456789",
		OUTCOME_OK),
	CASE("extensions",
		"4;a=b\015\012Wiki\015\0125; xxxx\015\012pedia\015\0120;last\015\012\015\012",
		"Wikipedia\0124;a=b\015\0125; xxxx\015\0120;last\015\012",
		OUTCOME_OK),
	CASE("junk behind the size",
		"4,\015\012Wiki\015\0120\015\012\015\012",
		"Wiki\0124,\015\012",
		OUTCOME_OK),
	CASE("empty lines before the size",
		"\015\012\015\0124\015\012Wiki\015\012\015\0120\015\012\015\012",
		"Wiki",
		OUTCOME_OK),
	CASE("0x before the size",
		"0x4\015\012Wiki\015\0120\015\012\015\012",
		"Wiki",
		OUTCOME_OK),
	CASE("form feed and zero before the size",
		"\014\0004\015\012Wiki\015\0120\015\012\015\012",
		"Wiki",
		OUTCOME_OK),
	CASE("several CR at the line's end",
		"4\015\015\012Wiki\015\0120\015\015\012\015\012",
		"Wiki",
		OUTCOME_OK),
	CASE("no line end behind the content",
		"4\015\012Wiki5\015\012pedia0\015\012\015\012",
		"Wikipedia",
		OUTCOME_OK),
	CASE("trailer",
		"1\015\012a\015\0120\015\012X-Pnr: 850709-9805\015\012Y: z\015\012\015\012",
		"a\012X-Pnr: 850709-9805\015\012Y: z\015\012",
		OUTCOME_OK),
	CASE("bytes behind the body",
		"1\015\012a\015\0120\015\012\015\012next",
		"anext",
		OUTCOME_OK),
	CASE("no trailer end",
		"1\015\012a\015\0120\015\012",
		"a",
		OUTCOME_OK),
	CASE("blank line as a trailer's end (LF, blank, LF)",
		"1\015\012a\015\0120\012 \012",
		"a\012 \012",
		OUTCOME_OK),
	CASE("cut in a chunk",
		"4\015\012Wi",
		"Wi",
		OUTCOME_DAMAGED),
	CASE("cut before the last chunk",
		"4\015\012Wiki\015\012",
		"Wiki",
		OUTCOME_DAMAGED),
	CASE("nothing",
		"",
		"",
		OUTCOME_DAMAGED),
	CASE("not chunked",
		"Wiki",
		"",
		OUTCOME_DAMAGED),
	CASE("no size",
		";a\015\012",
		"",
		OUTCOME_DAMAGED),
	CASE("chunk longer than its size",
		"4\015\012Wikipedia\015\0120\015\012\015\012",
		"Wiki",
		OUTCOME_DAMAGED),
	CASE("size too large",
		"1000000000000000\015\012abc",
		"",
		OUTCOME_DAMAGED),
	CASE("largest size",
		"fffffffffffffff\015\012abc",
		"abc",
		OUTCOME_DAMAGED),
	CASE("negative size",
		"-1\015\012abc",
		"",
		OUTCOME_DAMAGED),
	CASE("clear text like a size",
		"850709-9805\015\012abc",
		"abc\012850709-9805\015\012",
		OUTCOME_DAMAGED),
};

static void
test_cases(void **state)
{
	run_cases(&chunked_decoder, NULL, cases, ARRAY_LEN(cases));
}

/* The inspector's use: where the body ends, for every cut. */
static void
test_body_end(void **state)
{
	static const char in[] = "4\r\nWiki\r\n5;x\r\npedia\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1";
	size_t last = strlen("4\r\nWiki\r\n5;x\r\npedia\r\n0\r\n");

	for (size_t cut = 0; cut <= last; cut++) {
		struct http1_chunk c = {0};
		enum http1_chunk_kind kind = HTTP1_CHUNK_FRAMING;
		size_t taken = 0;
		struct box got = {0};

		while (kind != HTTP1_CHUNK_LAST) {
			size_t end = taken < cut ? cut : strlen(in);
			size_t n = http1_chunk_next(&c, bytes_of(in + taken, end - taken), &kind);

			assert_true(n > 0);
			assert_int_not_equal(kind, HTTP1_CHUNK_BROKEN);
			if (kind == HTTP1_CHUNK_CONTENT)
				box_put(&got, in + taken, n);
			taken += n;
		}
		assert_int_equal(taken, last);
		assert_int_equal(got.n, 9);
		assert_memory_equal(got.p, "Wikipedia", 9);
		box_free(&got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_body_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
