/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/charset.h"

#include <iconv.h>
#include <stdlib.h>

#include "inspectors/part.h"
#include "inspectors/stream/charset_catalog.h"
#include "tests/unit/stream/cases.h"

static struct charset_catalog *catalog;

static enum outcome
open_by_catalog(struct decoder *d, const struct part_meta *meta)
{
	return charset_decoder_open_with(d, catalog, meta->charset);
}

/* The decoder, opened with this test's catalog. */
static struct decoder_ops
with_catalog(void)
{
	struct decoder_ops ops = charset_decoder;

	ops.open = open_by_catalog;
	return ops;
}

/* Inputs by Python's codecs. */
static const struct decode_case auto_cases[] = {
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
	CASE("ASCII",
		"850709-9805",
		"850709-9805",
		OUTCOME_OK),
	CASE("valid UTF-8",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-8 of four bytes",
		"\360\235\237\216\360\237\230\200x",
		"\360\235\237\216\360\237\230\200x",
		OUTCOME_OK),
	CASE("windows-1252 undeclared",
		"\305sa \326berg, f\366delsenr 850709\2269805"
		", \2005\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("overlong, surrogate, too high",
		"\300\270 \355\240\200 \364\220\200\200 \340\200\270",
		"\303\200\302\270 \303\255\302\240\342\202\254 \303\264\302\220\342\202\254\342\202\254 \303\240\342\202\254\302\270",
		OUTCOME_OK),
	CASE("UTF-8 cut at the end",
		"abc\342\200",
		"abc\303\242\342\202\254",
		OUTCOME_OK),
	CASE("lone zeros stay",
		"a\000b\000\000c\000d\000e",
		"a\000b\000\000c\000d\000e",
		OUTCOME_OK),
	CASE("zeros at the end",
		"abc\000\000\000",
		"abc\000\000\000",
		OUTCOME_OK),
	CASE("UTF-8 with a mark",
		"\357\273\277\303\205sa \303\226berg, f\303\266delsenr 85070"
		"9\342\200\2239805, \342\202\2545\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-16LE with a mark",
		"\377\376\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000"
		"l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009\000\023 9\0008\0000\000"
		"5\000,\000 \000\254 5\000\015\000\012\000",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-16BE with a mark",
		"\376\377\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e"
		"\000l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009 \023\0009\0008\0000"
		"\0005\000,\000  \254\0005\000\015\000\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-32LE with a mark",
		"\377\376\000\000\305\000\000\000s\000\000\000a\000\000\000 \000\000\000\326\000\000\000b\000\000\000e\000\000\000"
		"r\000\000\000g\000\000\000,\000\000\000 \000\000\000f\000\000\000\366\000\000\000d\000\000\000e\000\000\000"
		"l\000\000\000s\000\000\000e\000\000\000n\000\000\000r\000\000\000 \000\000\0008\000\000\0005\000\000\000"
		"0\000\000\0007\000\000\0000\000\000\0009\000\000\000\023 \000\0009\000\000\0008\000\000\0000\000\000\000"
		"5\000\000\000,\000\000\000 \000\000\000\254 \000\0005\000\000\000\015\000\000\000\012\000\000\000",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-32BE with a mark",
		"\000\000\376\377\000\000\000\305\000\000\000s\000\000\000a\000\000\000 \000\000\000\326\000\000\000b\000\000\000e"
		"\000\000\000r\000\000\000g\000\000\000,\000\000\000 \000\000\000f\000\000\000\366\000\000\000d\000\000\000e"
		"\000\000\000l\000\000\000s\000\000\000e\000\000\000n\000\000\000r\000\000\000 \000\000\0008\000\000\0005"
		"\000\000\0000\000\000\0007\000\000\0000\000\000\0009\000\000 \023\000\000\0009\000\000\0008\000\000\0000"
		"\000\000\0005\000\000\000,\000\000\000 \000\000 \254\000\000\0005\000\000\000\015\000\000\000\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-16LE unmarked",
		"f\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000"
		"l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009\000\023 9\0008\0000\000"
		"5\000,\000 \000\254 5\000\015\000\012\000",
		"f\303\205sa \303\226berg, f\303\266delsenr 850709\342"
		"\200\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-16BE unmarked",
		"\000f\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e"
		"\000l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009 \023\0009\0008\0000"
		"\0005\000,\000  \254\0005\000\015\000\012",
		"f\303\205sa \303\226berg, f\303\266delsenr 850709\342"
		"\200\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-16LE unmarked, fullwidth digits",
		"P\000e\000r\000s\000o\000n\000n\000r\000 \000\030\377\025\377\020\377\027\377\020\377\031\377-\000"
		"\031\377\030\377\020\377\025\377",
		"Personnr \357\274\230\357\274\225\357\274\220\357\274\227\357\274\220\357\274\231-\357\274\231\357"
		"\274\230\357\274\220\357\274\225",
		OUTCOME_OK),
	CASE("UTF-16LE unmarked, mathematical digits",
		"P\000e\000r\000s\000o\000n\000n\000r\000 \0005\330\326\3378\0005\000",
		"Personnr \360\235\237\22685",
		OUTCOME_OK),
	CASE("UTF-16LE inside text",
		"abcd8\0005\0000\0007\0000\0009\000-\0009\0008\0000\0005\000\015\012efgh"
		" 19121212-1212",
		"abcd850709-9805\015\012efgh 19121212-1"
		"212",
		OUTCOME_OK),
	CASE("UTF-16BE inside text",
		"abcd\0008\0005\0000\0007\0000\0009\000-\0009\0008\0000\0005\015\012efgh"
		" 19121212-1212",
		"abcd850709-9805\015\012efgh 19121212-1"
		"212",
		OUTCOME_OK),
	CASE("bytes behind UTF-16",
		"8\0005\0000\0007\0000\0009\000-\0009\0008\0000\0005\0005 850709-9"
		"805",
		"850709-98055 850709-9805",
		OUTCOME_OK),
};

/* The name is the charset's. Inputs by Python's codecs, and RFC 2152's examples. */
static const struct decode_case named_cases[] = {
	CASE("utf-8",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("UTF-8",
		"\305sa \326berg, f\366delsenr 850709-9805"
		"\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("us-ascii",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("no-such-charset",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("ISO-8859-1",
		"\305sa \326berg, f\366delsenr 850709\2269805"
		", \2005\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("iso-8859-1",
		"\200\201\237\240\377",
		"\342\202\254\302\201\305\270\302\240\303\277",
		OUTCOME_OK),
	CASE(" latin1 ",
		"\305sa \326berg, f\366delsenr 850709-9805"
		"\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("iso-8859-15",
		"\305 \2445 \275",
		"\303\205 \342\202\2545 \305\223",
		OUTCOME_OK),
	CASE("windows-1252",
		"\305sa \326berg, f\366delsenr 850709\2269805"
		", \2005\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("windows-1250",
		"\243\363d\237",
		"\305\201\303\263d\305\272",
		OUTCOME_OK),
	CASE("koi8-r",
		"\351\327\301\316\317\327 850709",
		"\320\230\320\262\320\260\320\275\320\276\320\262 850709",
		OUTCOME_OK),
	CASE("iso-8859-5",
		"\270\322\320\335\336\322",
		"\320\230\320\262\320\260\320\275\320\276\320\262",
		OUTCOME_OK),
	CASE("windows-1251",
		"\310\342\340\355\356\342",
		"\320\230\320\262\320\260\320\275\320\276\320\262",
		OUTCOME_OK),
	CASE("cp850",
		"\217sa \231berg, f\224delsenr 850709-9805"
		"\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("macintosh",
		"\201sa \205berg, f\232delsenr 850709-9805"
		"\015\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709-9"
		"805\015\012",
		OUTCOME_OK),
	CASE("cp500",
		"\327\205\231\242\226\225\225\231@\370\365\360\367\360\371`\371\370\360\365",
		"Personnr 850709-9805",
		OUTCOME_OK),
	CASE("tis-620",
		"\241\242\244",
		"\340\270\201\340\270\202\340\270\204",
		OUTCOME_OK),
	CASE("utf-16",
		"\377\376\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000"
		"l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009\000\023 9\0008\0000\000"
		"5\000,\000 \000\254 5\000\015\000\012\000",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-16",
		"\376\377\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e"
		"\000l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009 \023\0009\0008\0000"
		"\0005\000,\000  \254\0005\000\015\000\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-16",
		"\000f\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e"
		"\000l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009 \023\0009\0008\0000"
		"\0005\000,\000  \254\0005\000\015\000\012",
		"f\303\205sa \303\226berg, f\303\266delsenr 850709\342"
		"\200\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-16",
		"f\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000"
		"l\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009\000\023 9\0008\0000\000"
		"5\000,\000 \000\254 5\000\015\000\012\000",
		"f\303\205sa \303\226berg, f\303\266delsenr 850709\342"
		"\200\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-16le",
		"\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000l\000"
		"s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009\000\023 9\0008\0000\0005\000"
		",\000 \000\254 5\000\015\000\012\0005\330\330\337",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012\360\235\237\230",
		OUTCOME_OK),
	CASE("utf-16be",
		"\000\305\000s\000a\000 \000\326\000b\000e\000r\000g\000,\000 \000f\000\366\000d\000e\000l"
		"\000s\000e\000n\000r\000 \0008\0005\0000\0007\0000\0009 \023\0009\0008\0000\0005"
		"\000,\000  \254\0005\000\015\000\012\3305\337\330",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012\360\235\237\230",
		OUTCOME_OK),
	CASE("utf-16le",
		"\345e,g\236\212",
		"\346\227\245\346\234\254\350\252\236",
		OUTCOME_OK),
	CASE("utf-16le",
		"a\000\000\330b\000\000\334c\000",
		"a\357\277\275b\357\277\275c",
		OUTCOME_OK),
	CASE("utf-16le",
		"a\000b",
		"ab",
		OUTCOME_OK),
	CASE("utf-32",
		"\377\376\000\000\305\000\000\000s\000\000\000a\000\000\000 \000\000\000\326\000\000\000b\000\000\000e\000\000\000"
		"r\000\000\000g\000\000\000,\000\000\000 \000\000\000f\000\000\000\366\000\000\000d\000\000\000e\000\000\000"
		"l\000\000\000s\000\000\000e\000\000\000n\000\000\000r\000\000\000 \000\000\0008\000\000\0005\000\000\000"
		"0\000\000\0007\000\000\0000\000\000\0009\000\000\000\023 \000\0009\000\000\0008\000\000\0000\000\000\000"
		"5\000\000\000,\000\000\000 \000\000\000\254 \000\0005\000\000\000\015\000\000\000\012\000\000\000",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-32be",
		"\000\000\000\305\000\000\000s\000\000\000a\000\000\000 \000\000\000\326\000\000\000b\000\000\000e\000\000\000r"
		"\000\000\000g\000\000\000,\000\000\000 \000\000\000f\000\000\000\366\000\000\000d\000\000\000e\000\000\000l"
		"\000\000\000s\000\000\000e\000\000\000n\000\000\000r\000\000\000 \000\000\0008\000\000\0005\000\000\0000"
		"\000\000\0007\000\000\0000\000\000\0009\000\000 \023\000\000\0009\000\000\0008\000\000\0000\000\000\0005"
		"\000\000\000,\000\000\000 \000\000 \254\000\000\0005\000\000\000\015\000\000\000\012",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-32le",
		"\305\000\000\000s\000\000\000a\000\000\000 \000\000\000\326\000\000\000b\000\000\000e\000\000\000r\000\000\000"
		"g\000\000\000,\000\000\000 \000\000\000f\000\000\000\366\000\000\000d\000\000\000e\000\000\000l\000\000\000"
		"s\000\000\000e\000\000\000n\000\000\000r\000\000\000 \000\000\0008\000\000\0005\000\000\0000\000\000\000"
		"7\000\000\0000\000\000\0009\000\000\000\023 \000\0009\000\000\0008\000\000\0000\000\000\0005\000\000\000"
		",\000\000\000 \000\000\000\254 \000\0005\000\000\000\015\000\000\000\012\000\000\000",
		"\303\205sa \303\226berg, f\303\266delsenr 850709\342\200"
		"\2239805, \342\202\2545\015\012",
		OUTCOME_OK),
	CASE("utf-32le",
		"850709-9805",
		"850709-9805",
		OUTCOME_OK),
	CASE("utf-7",
		"A+ImIDkQ.",
		"A\342\211\242\316\221.",
		OUTCOME_OK),
	CASE("utf-7",
		"Hi Mom -+Jjo--!",
		"Hi Mom -\342\230\272-!",
		OUTCOME_OK),
	CASE("utf-7",
		"+ZeVnLIqe-",
		"\346\227\245\346\234\254\350\252\236",
		OUTCOME_OK),
	CASE("utf-7",
		"Item 3 is +AKM-1.",
		"Item 3 is \302\2431.",
		OUTCOME_OK),
	CASE("utf-7",
		"1+-1 +",
		"1+1 +",
		OUTCOME_OK),
	CASE("utf-7",
		"+2DXf2A +AOU-",
		"\360\235\237\230 \303\245",
		OUTCOME_OK),
	CASE("utf-7",
		"+ADgANQAwADcAMAA5AC0AOQA4ADAANQ-",
		"850709-9805",
		OUTCOME_OK),
	CASE("gb18030",
		"\320\325\303\373 850709",
		"\345\247\223\345\220\215 850709",
		OUTCOME_OK),
	CASE("gbk",
		"\320\325\303\373",
		"\345\247\223\345\220\215",
		OUTCOME_OK),
	CASE("gb2312",
		"\320\325\303\373",
		"\345\247\223\345\220\215",
		OUTCOME_OK),
	CASE("big5",
		"\251m\246W 850709",
		"\345\247\223\345\220\215 850709",
		OUTCOME_OK),
	CASE("shift_jis",
		"\216\201\226\274 850709-9805 \203\134",
		"\346\260\217\345\220\215 850709-9805 \343\202\275",
		OUTCOME_OK),
	CASE("euc-jp",
		"\273\341\314\276 850709",
		"\346\260\217\345\220\215 850709",
		OUTCOME_OK),
	CASE("euc-kr",
		"\300\314\270\247 850709",
		"\354\235\264\353\246\204 850709",
		OUTCOME_OK),
	CASE("iso-2022-jp",
		"\033$B;aL>\033(B 850709 \033$B;aL>\033(B",
		"\346\260\217\345\220\215 850709 \346\260\217\345\220\215",
		OUTCOME_OK),
	CASE("euc-jp",
		"a\377 850709",
		"a\303\277 850709",
		OUTCOME_OK),
};

static void
test_auto(void **state)
{
	run_cases(&charset_decoder, NULL, auto_cases, ARRAY_LEN(auto_cases));
}

static void
test_named(void **state)
{
	struct decoder_ops ops = with_catalog();

	for (size_t i = 0; i < ARRAY_LEN(named_cases); i++) {
		struct part_meta meta = {.charset = bytes_str(named_cases[i].name)};

		run_cases(&ops, &meta, &named_cases[i], 1);
	}
}

static void
test_lookup(void **state)
{
	assert_int_not_equal(charset_lookup(catalog, bytes_str("iso-8859-15")).kind, CHARSET_AUTO);
	assert_int_not_equal(charset_lookup(catalog, bytes_str("Windows-1252")).kind, CHARSET_AUTO);
	assert_int_equal(charset_lookup(catalog, bytes_str("utf-8")).kind, CHARSET_AUTO);
	assert_int_equal(charset_lookup(catalog, bytes_str("")).kind, CHARSET_AUTO);
	assert_int_equal(charset_lookup(catalog, bytes_str("latin1 l1")).kind, CHARSET_AUTO);
	assert_int_equal(charset_lookup(catalog, bytes_str(" ")).kind, CHARSET_AUTO);
	assert_int_equal(charset_lookup(NULL, bytes_str("utf-16")).kind, CHARSET_AUTO);
}

/* Text under a wrong declaration or mark isn't hidden by it, wherever it is cut. */
static void
test_ascii_called_utf16(void **state)
{
	static const char *const names[] = {"utf-16", "utf-16le", "utf-16be", "utf-32", ""};
	static const char *const texts[] = {"850709-9805, Anna Andersson",
		"\377\376850709-9805, Anna Andersson", "\376\377850709-9805, Anna Andersson"};
	struct decoder_ops ops = with_catalog();

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (size_t t = 0; t < ARRAY_LEN(texts); t++)
			for (size_t step = 1; step < 30; step++) {
				struct part_meta meta = {.charset = bytes_str(names[i])};
				struct box out = {0};

				(void)decode(&ops, &meta, bytes_str(texts[t]), 0, step, &out);
				assert_non_null(
					memmem(out.p, out.n, "850709-9805, Anna Andersson", 27));
				box_free(&out);
			}
}

/* Conversions are counted, and come back also when a stage behind fails. */
static void
test_conversions_are_bounded(void **state)
{
	struct charset_catalog *two = charset_catalog_new(2);
	struct charset_conversion *a, *b;

	a = charset_take_conversion(two, "EUC-JP");
	b = charset_take_conversion(two, "EUC-JP");
	assert_non_null(a);
	assert_non_null(b);
	assert_null(charset_take_conversion(two, "EUC-JP"));
	charset_give_conversion(two, a);
	a = charset_take_conversion(two, "EUC-JP");
	assert_non_null(a);
	charset_give_conversion(two, a);
	charset_give_conversion(two, b);
	charset_catalog_free(two);
}

static void
test_conversion_returns(void **state)
{
	struct charset_catalog *one = charset_catalog_new(1), *all = catalog;
	struct part_meta meta = {.charset = bytes_str("euc-jp")};
	struct decoder_ops ops = with_catalog();

	catalog = one;
	for (int i = 0; i < 3; i++)
		assert_metered(&ops, &meta, BYTES_LIT("\273\341\314\276 850709-9805"), 7);
	for (int i = 0; i < 3; i++) {
		struct box out = {0};

		assert_int_equal(decode(&ops, &meta, BYTES_LIT("\273\341"), 0, 1, &out), OUTCOME_OK);
		box_free(&out);
	}
	catalog = all;
	charset_catalog_free(one);
}

/* Long runs, so that the fast path's blocks and their ends are crossed everywhere. */
static void
test_long_runs(void **state)
{
	uint8_t in[300], want[304];

	for (size_t at = 0; at < sizeof(in); at++) {
		struct box out = {0};

		memset(in, 'x', sizeof(in));
		memset(want, 'x', sizeof(want));
		in[at] = 0xe5;
		memcpy(want + at, "\303\245", 2);
		assert_int_equal(decode(&charset_decoder, NULL, bytes_of(in, sizeof(in)), at, 0, &out),
			OUTCOME_OK);
		assert_int_equal(out.n, sizeof(in) + 1);
		assert_memory_equal(out.p, want, out.n);
		box_free(&out);
	}
}

/* One character at the beginning of @p in by iconv; 0: there is none. @return bytes taken */
static size_t
read_by_iconv(iconv_t from, struct bytes in, struct box *out)
{
	for (size_t n = 1; n <= 4 && n <= in.n; n++) {
		char *p = (char *)(uintptr_t)in.p, utf8[8], *to = utf8;
		size_t left = n, room = sizeof(utf8);

		iconv(from, NULL, NULL, NULL, NULL);
		if (iconv(from, &p, &left, &to, &room) == (size_t)-1)
			continue;
		box_put(out, utf8, sizeof(utf8) - room);
		return n;
	}
	return 0;
}

/* UTF-8 where it is (up to U+10FFFF: RFC 3629, 4; iconv's goes on), else windows-1252,
 * whose five free places are C1's. */
static void
want_noise(iconv_t utf8, iconv_t latin, struct bytes in, struct box *want)
{
	while (in.n > 0) {
		bool beyond = in.p[0] > 0xf4 || (in.p[0] == 0xf4 && in.n > 1 && in.p[1] > 0x8f);
		size_t n = beyond ? 0 : read_by_iconv(utf8, in, want);

		if (n == 0 && read_by_iconv(latin, bytes_of(in.p, 1), want) == 0) {
			box_put(want, "\302", 1);
			box_put(want, in.p, 1);
		}
		in = bytes_skip(in, n > 0 ? n : 1);
	}
}

/* Bytes that are no text, with pieces of text among them, as iconv reads them. */
static void
test_noise(void **state)
{
	iconv_t utf8 = iconv_open("UTF-8", "UTF-8"), latin = iconv_open("UTF-8", "CP1252");
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct box in = {0}, want = {0}, out = {0};

		for (unsigned i = 0; i < 400; i++) {
			uint8_t c;

			seed = seed * 1664525 + 1013904223;
			c = (uint8_t)(seed >> 24);
			if ((seed >> 8) % 16 == 0)
				box_put(&in, "\303\205sa \342\202\254 850709-9805", 20);
			box_put(&in, c == 0 ? (const uint8_t *)"\360" : &c, 1);
		}
		want_noise(utf8, latin, bytes_of(in.p, in.n), &want);
		assert_int_equal(decode(&charset_decoder, NULL, bytes_of(in.p, in.n), round, 0, &out),
			OUTCOME_OK);
		assert_memory_equal(out.p, want.p, want.n < out.n ? want.n : out.n);
		assert_int_equal(out.n, want.n);
		box_free(&in);
		box_free(&want);
		box_free(&out);
	}
	iconv_close(utf8);
	iconv_close(latin);
}

static int
set_up(void **state)
{
	catalog = charset_catalog_new(8);
	return catalog == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	charset_catalog_free(catalog);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_ascii_called_utf16),
		cmocka_unit_test(test_conversions_are_bounded),
		cmocka_unit_test(test_conversion_returns),
		cmocka_unit_test(test_long_runs),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
