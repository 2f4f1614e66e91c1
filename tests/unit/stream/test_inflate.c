/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/inflate.h"

#include <stdlib.h>

#include "inspectors/stream/inflate_zlib.h"
#include "tests/unit/stream/cases.h"

/* Inputs and expected values by Python's gzip and zlib modules, then damaged by hand. */
static const struct decode_case gzip_cases[] = {
	CASE("by Python's zlib",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("name, comment, extra, header check",
		"\037\213\010\036\000\000\000\000\000\003\015\0000123456789abclista.c"
		"sv\000made by hand\000S\221s\314\313KTp\314KI-*.\316\317"
		"\323Q\2600507\260\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020"
		"a\015T\217S\023\027\000e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012\0120123456789abcl"
		"ista.csv\012made by hand\012",
		OUTCOME_OK),
	CASE("small extra field",
		"\037\213\010\004\000\000\000\000\000\003\006\000BC\002\000\033\000s\314\313KTp\314KI-*.\316\317"
		"\323Q\2600507\260\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020"
		"a\015T\217S\023\027\000e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("empty extra field and name",
		"\037\213\010\014\000\000\000\000\000\003\000\000\000s\314\313KTp\314KI-*.\316\317\323Q\26005"
		"07\260\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S"
		"\023\027\000e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012\012\012",
		OUTCOME_OK),
	CASE("empty content",
		"\037\213\010\000\000\000\000\000\000\003\003\000\000\000\000\000\000\000\000\000",
		"",
		OUTCOME_OK),
	CASE("two members",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\002\000\005\360\264X\036\000\000\000\037\213\010\000\000\000\000\000\000\003\313WpJ"
		"-J\327Q0\26444\002A]\020a\255\340\230\227\227\010$RR\213\212\213\363\363t\024,L\015"
		"\314\015,u--\014L\271\000\217\030\036\3033\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("an empty member between",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\002\000\005\360\264X\036\000\000\000\037\213\010\000\000\000\000\000\000\003\003\000\000\000"
		"\000\000\000\000\000\000\037\213\010\000\000\000\000\000\000\003\313WpJ-J\327Q0\26444\002A]\020"
		"a\255\340\230\227\227\010$RR\213\212\213\363\363t\024,L\015\314\015,u--\014L\271\000\217\030"
		"\036\3033\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("text behind the last",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000850709-9805",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012850709-9805",
		OUTCOME_OK),
	CASE("zeros behind the last",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		"\000\000\000\000\000",
		OUTCOME_OK),
	CASE("a broken member behind it",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000\037\213\010\000\000\000\000\000\000\003\377\37712",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012\037\213\010\000\000\000\000\000\000\003\377\37712",
		OUTCOME_DAMAGED),
	CASE("trailer cut by four",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("trailer missing",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("wrong check value",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"\232\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("wrong length",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\377",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("reserved flag",
		"\037\213\010 \000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("wrong header check",
		"\037\213\010\002\000\000\000\000\000\003\000\000s\314\313KTp\314KI-*.\316\317\323Q\260050"
		"7\260\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023"
		"\027\000e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("zlib instead",
		"x\234s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000\237s\025\222",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("clear text instead",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("one byte",
		"\037",
		"\037",
		OUTCOME_DAMAGED),
	CASE("header cut short",
		"\037\213\010\000\000\000\000",
		"\037\213\010\000\000\000\000",
		OUTCOME_DAMAGED),
	CASE("not deflate by its method",
		"\037\213\007\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000",
		"\037\213\007\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000",
		OUTCOME_DAMAGED),
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
	CASE("cut inside the data",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp",
		"Anna Andersson, 850709-9805; ",
		OUTCOME_DAMAGED),
};

static const struct decode_case deflate_cases[] = {
	CASE("zlib",
		"x\234s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000\237s\025\222",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("raw",
		"s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp\312W"
		"pJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("raw, stored",
		"\001Q\000\256\377Anna Andersson, 850709-9805"
		"; Bo Berg, 19121212-1212; Anna A"
		"ndersson, 850709-9805\012",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("gzip",
		"\037\213\010\000\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("zlib, trailer missing",
		"x\234s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("zlib, wrong check value",
		"x\234s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000\237s\025\000",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_DAMAGED),
	CASE("zlib, small window",
		"\030\323s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000\237s\025\222",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012",
		OUTCOME_OK),
	CASE("text behind raw",
		"s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp\312W"
		"pJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000850709-980"
		"5",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012850709-9805",
		OUTCOME_OK),
	CASE("text behind zlib",
		"x\234s\314\313KTp\314KI-*.\316\317\323Q\2600507\260\324\265\26400\265Vp"
		"\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000\237s\025\2228507"
		"09-9805",
		"Anna Andersson, 850709-9805; Bo "
		"Berg, 19121212-1212; Anna Anders"
		"son, 850709-9805\012850709-9805",
		OUTCOME_OK),
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
};

/* The flags lie: what else comes out is of no matter, the content must. */
static const struct bytes lying_flags[] = {
	/* flags claim a name and a comment that aren't there */
	BYTES_LIT(
		"\037\213\010\030\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000"),
	/* flags claim an extra field that isn't there */
	BYTES_LIT(
		"\037\213\010\004\000\000\000\000\000\003s\314\313KTp\314KI-*.\316\317\323Q\2600507\260"
		"\324\265\26400\265Vp\312WpJ-J\327Q0\26444\002A]\020a\015T\217S\023\027\000"
		"e\042\360\374Q\000\000\000"),
};

static void
test_gzip(void **state)
{
	run_cases(&gzip_decoder, NULL, gzip_cases, ARRAY_LEN(gzip_cases));
}

static void
test_deflate(void **state)
{
	run_cases(&deflate_decoder, NULL, deflate_cases, ARRAY_LEN(deflate_cases));
}

static void
test_lying_flags(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(lying_flags); i++)
		for (size_t step = 1; step <= lying_flags[i].n; step++) {
			struct box out = {0};

			(void)decode(&gzip_decoder, NULL, lying_flags[i], 0, step, &out);
			assert_non_null(memmem(out.p, out.n, "Bo Berg, 19121212-1212; Anna", 28));
			box_free(&out);
		}
}

/* Text that is called deflate: whatever is made of it, the text itself is there too. */
static void
test_clear_text(void **state)
{
	static const char *const texts[] = {"2abc 850709-9805", "850709-9805 Anna Andersson",
		"x\x9c" "850709-9805", "\x1f\x8b\x08 850709-9805", "{\"pnr\": \"850709-9805\"}",
		"$850709-9805", "<p>850709-9805</p>", "\n850709-9805"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t step = 1; step <= 32; step++) {
			struct box out = {0};
			size_t n = strlen(texts[i]);

			assert_int_equal(decode(&deflate_decoder, NULL, bytes_of(texts[i], n), 0, step,
						 &out),
				OUTCOME_DAMAGED);
			assert_non_null(memmem(out.p, out.n, texts[i], n));
			box_free(&out);
		}
}

struct bomb_seen {
	uint64_t n;
	size_t largest;
};

static enum outcome
bomb_push(struct decoder *d, struct bytes in)
{
	struct bomb_seen *s = d->state;

	s->n += in.n;
	if (in.n > s->largest)
		s->largest = in.n;
	return OUTCOME_OK;
}

static const struct decoder_ops bomb_sink = {
	.name = "sink", .state_size = sizeof(struct bomb_seen), .push = bomb_push};

/* 64 MiB of zeros from 64 KiB: emitted in slices, and stopped at the budget. */
static void
test_bomb(void **state)
{
	static const uint64_t limits[] = {1u << 30, 1000000};
	size_t packed_n = 1u << 17, plain_n = 64u << 20;
	uint8_t *packed = malloc(packed_n), *plain = calloc(1, plain_n);
	uLongf n = packed_n;

	assert_int_equal(compress(packed, &n, plain, plain_n), Z_OK);
	free(plain);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct arena_budget memory = {.limit = 1u << 20};
		struct decode_budget budget = {.bytes_left = limits[i], .depth_left = 4};
		struct decoder *sink, *d;
		struct bomb_seen *seen;
		enum outcome why;
		struct arena a;

		arena_init(&a, &arena_source_malloc, &memory);
		sink = decoder_open(&bomb_sink, NULL, NULL, &a, NULL, &why);
		d = decoder_open(&deflate_decoder, sink, NULL, &a, &budget, &why);
		assert_non_null(d);
		(void)decoder_push(d, bytes_of(packed, n));
		assert_int_equal(decoder_close(d),
			limits[i] < plain_n ? OUTCOME_OVER_BUDGET : OUTCOME_OK);
		seen = sink->state;
		assert_true(seen->n <= limits[i]);
		assert_true(limits[i] < plain_n || seen->n == plain_n);
		assert_true(seen->largest <= INFLATE_SLICE);
		arena_release(&a);
	}
	free(packed);
}

/* Too little memory: an outcome at open, nothing left behind. */
static void
test_small_arena(void **state)
{
	for (size_t limit = 0; limit < 80000; limit += 1024) {
		struct arena_budget memory = {.limit = limit};
		enum outcome why;
		struct decoder *d;
		struct arena a;

		arena_init(&a, &arena_source_malloc, &memory);
		d = decoder_open(&gzip_decoder, NULL, NULL, &a, NULL, &why);
		if (d == NULL)
			assert_int_equal(why, OUTCOME_OVER_BUDGET);
		else
			assert_int_equal(decoder_close(d), OUTCOME_OK);
		arena_release(&a);
		assert_int_equal(memory.held, 0);
	}
}

/* Longer than what is kept, damaged behind that: what came before was emitted. */
static void
test_damaged_late(void **state)
{
	enum { N = 40000 };
	uint8_t *plain = malloc(N), *packed = malloc(2 * N);
	size_t steps[] = {1, 13, 1024, 1025, 4096, 100000};
	size_t first_n = 0;
	uint32_t seed = 1;
	uLongf n = 2 * N;

	for (size_t i = 0; i < N; i++) {
		seed = seed * 1664525 + 1013904223;
		plain[i] = (uint8_t)("0123456789abcdef"[seed >> 28]);
	}
	assert_int_equal(compress(packed, &n, plain, N), Z_OK);
	assert_true(n > 10000);
	memset(packed + 5000, 0xff, 400);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct box out = {0};

		assert_int_equal(
			decode(&deflate_decoder, NULL, bytes_of(packed, n), 0, steps[i], &out),
			OUTCOME_DAMAGED);
		assert_true(out.n > 5000);
		assert_memory_equal(out.p, plain, 5000);
		if (i == 0)
			first_n = out.n;
		assert_int_equal(out.n, first_n);
		box_free(&out);
	}
	free(plain);
	free(packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_deflate),
		cmocka_unit_test(test_lying_flags),
		cmocka_unit_test(test_clear_text),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_small_arena),
		cmocka_unit_test(test_damaged_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
