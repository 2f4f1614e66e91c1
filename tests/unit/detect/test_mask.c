/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leaves in events: masks, masked text, pseudonyms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/detect.h"
#include "inspectors/detect/pseudonym.h"
#include "tests/support/pack_load.h"

static const struct civil_date today = {2026, 7, 1};
static struct detect_set *set;
static struct detect_scratch *scratch;

static int
load(void **state)
{
	(void)state;
	set = pack_load_all(PACKS_DIR);
	scratch = detect_scratch_new(set);
	return scratch == NULL;
}

static int
unload(void **state)
{
	(void)state;
	detect_scratch_free(scratch);
	detect_set_free(set);
	return 0;
}

static void
assert_mask(const char *detector, const char *normalised, const char *want)
{
	struct raw_finding f = {.detector = (uint16_t)detect_set_find_detector(set, detector),
		.mark = (int16_t)detect_set_find_mark(set, normalised),
		.confidence = CONFIDENCE_HIGH,
		.normalised = bytes_str(normalised)};
	char mask[64], small[6];

	detect_mask(set, &f, mask, sizeof(mask));
	assert_string_equal(mask, want);
	detect_mask(set, &f, small, sizeof(small));
	assert_int_equal(strlen(small), strlen(want) < 5 ? strlen(want) : 5);
	assert_memory_equal(small, want, strlen(small));
}

static void
test_masks(void **state)
{
	(void)state;
	assert_mask("personnummer", "198504032395", "1985****-****");
	assert_mask("samordningsnummer", "197010632391", "1970****-****");
	assert_mask("nrid", "22950606FH20", "2295********");
	assert_mask("cpr_dk", "251248-9996", "251***-****");
	assert_mask("hsaid", "SE2321000131-P000000123456", "SE23********-*************");
	assert_mask("icd10se", "E11.9", "E**.*");
	assert_mask("tlp", "TLP:AMBER+STRICT", "TLP:AMBER+STRICT");
	assert_mask("klassa", "K3", "K3");
}

static const struct {
	const char *in, *want;
} texts[] = {
	{"Remiss 19850403-2395 till mottagningen", "Remiss 1985****-**** till mottagningen"},
	{"remiss_198504032395_2.pdf", "remiss_1985********_*.pdf"},
	{"no identifier, room 1234", "no identifier, room 1234"},
	{"call 070-174 06 05 now", "call 070-1** ** ** now"}, /* any six digits */
	{"850709-9999", "8507**-****"}, /* wrong check digit: hidden all the same */
	{"22950606FH20", "2295********"},
	{"/journal/19850403%2D2395/lab", "/journal/1985****%2D****/lab"},
	{"/x?q=1985%30%34032395", "/x?q=1985********"},
	{"/x?q=1985%2530%2534032395", "/x?q=1985********"}, /* escaped twice */
	/* base64 of 198504032395 and of nr 19850403-2395, in both alphabets */
	{"lista_MTk4NTA0MDMyMzk1.csv", "lista_MTk4N********.csv"},
	{"/a/bnIgMTk4NTA0MDMtMjM5NQ==/x", "/a/bnIgMTk4N****Mt****==/x"},
	{"=?utf-8?B?QmFzZTY0IGF2IG9yZA==?=", "=?utf-8?B?QmFzZTY0IGF2IG9yZA==?="},
	{"19850403\xE2\x80\x93"
	 "2395",
		"1985****\xE2\x80\x93****"},
	{"\xEF\xBC\x91\xEF\xBC\x99\xEF\xBC\x98\xEF\xBC\x95\xEF\xBC\x90\xEF\xBC\x94",
		"\xEF\xBC\x91\xEF\xBC\x99\xEF\xBC\x98\xEF\xBC\x95**"},
	{"bad \xFF\xC3 bytes", "bad \xEF\xBF\xBD\xEF\xBF\xBD bytes"},
	{"[TLP:RED] K3R2T2", "[TLP:RED] K3R2T2"},
	{"", ""},
};

static void
test_texts(void **state)
{
	char out[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		detect_mask_text(set, scratch, today, bytes_str(texts[i].in), out, sizeof(out));
		assert_string_equal(out, texts[i].want);
		for (size_t size = 1; size <= strlen(texts[i].want) + 1; size++) {
			char *small = malloc(size);

			detect_mask_text(set, scratch, today, bytes_str(texts[i].in), small, size);
			assert_true(strlen(small) < size);
			assert_memory_equal(small, texts[i].want, strlen(small));
			free(small);
		}
	}
}

/* Expected value: openssl dgst -sha256 -hmac secret-key. */
static void
test_pseudonym(void **state)
{
	static const uint8_t want[PSEUDONYM_SIZE] = {0xf1, 0x4d, 0x0a, 0x7e, 0xa3, 0x59, 0x19, 0x81,
		0x7a, 0x53, 0x59, 0x6e, 0x97, 0xe0, 0xe2, 0x9d};
	struct pseudonym *p = pseudonym_new((const uint8_t *)"secret-key", 10);
	struct pseudonym *q = pseudonym_new((const uint8_t *)"another-key", 11);
	uint8_t a[PSEUDONYM_SIZE], b[PSEUDONYM_SIZE];

	(void)state;
	assert_non_null(p);
	assert_null(pseudonym_new(NULL, 0));
	pseudonym_of(p, "personnummer", BYTES_LIT("199001012384"), a);
	assert_memory_equal(a, want, sizeof(want));
	pseudonym_of(p, "personnummer", BYTES_LIT("199001012384"), b);
	assert_memory_equal(a, b, sizeof(a));
	pseudonym_of(p, "samordningsnummer", BYTES_LIT("199001012384"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	pseudonym_of(q, "personnummer", BYTES_LIT("199001012384"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	pseudonym_free(p);
	pseudonym_free(q);
	pseudonym_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_pseudonym),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
