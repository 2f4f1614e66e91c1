/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of text: seams, positions, evidence, context, and what can't be compiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/checksums.h"
#include "inspectors/detect/detect.h"
#include "tests/support/cut.h"
#include "tests/support/pack_load.h"

enum { MANY = 20000, FOUND_MAX = 70000 };

static const struct civil_date today = {2026, 7, 1};
static struct detect_set *set;
static struct detect_scratch *scratch;

struct found {
	char normalised[16];
	unsigned detector;
	enum confidence confidence;
	uint64_t offset;
	uint32_t length;
};

static struct {
	struct found at[FOUND_MAX];
	size_t n;
	unsigned evidence;
} seen;

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
on_finding(void *ctx, const struct raw_finding *f)
{
	struct found *to = &seen.at[seen.n];

	(void)ctx;
	assert_true(seen.n < FOUND_MAX);
	*to = (struct found){"", f->detector, f->confidence, f->offset, f->length};
	memcpy(to->normalised, f->normalised.p, f->normalised.n < 15 ? f->normalised.n : 15);
	seen.n++;
}

static void
on_evidence(void *ctx, unsigned words)
{
	(void)ctx;
	assert_int_equal(words, (unsigned)detect_set_find_words(set, "journal-words"));
	seen.evidence++;
}

static void
feed(void *ctx, struct bytes piece)
{
	text_scan_push(ctx, piece);
}

/* Pieces of @p step bytes; of 1 to 4,000 by chance where it is 0. */
static void
scan(struct bytes text, size_t step)
{
	struct detect_sink sink = {on_finding, on_evidence, NULL};
	struct arena_budget budget = {.limit = 64 * 1024};
	unsigned chance = 12345;
	struct text_scan *s;
	struct arena a;

	seen.n = seen.evidence = 0;
	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(set, scratch, today, &sink, &a);
	assert_non_null(s);
	while (step == 0 && text.n > 0) {
		chance = chance * 1103515245u + 12345u;
		feed_cut(bytes_of(text.p, 0), 0, feed, s);
		feed_steps(bytes_of(text.p,
				   1 + (chance >> 16) % 4000 < text.n ? 1 + (chance >> 16) % 4000
								      : text.n),
			text.n, feed, s);
		text = bytes_skip(text, 1 + (chance >> 16) % 4000);
	}
	feed_steps(text, step > 0 ? step : 1, feed, s);
	text_scan_close(s);
	arena_release(&a);
}

/* Laws 1 to 3 of live text, at @p at: see text_scan_preview() and text_scan_settle(). */
static void
assert_live(struct bytes text, size_t at, bool settle)
{
	uint32_t pending = 0;
	struct detect_sink sink = {on_finding, on_evidence, NULL, &pending};
	struct arena_budget budget = {.limit = 64 * 1024};
	struct found end[64], whole[64];
	size_t n_end, n_whole, told;
	struct text_scan *s;
	struct arena a;

	scan(text, text.n);
	n_whole = seen.n;
	assert_true(n_whole < ARRAY_LEN(whole));
	memcpy(whole, seen.at, sizeof(whole));
	scan(bytes_of(text.p, at), at);
	n_end = seen.n;
	assert_true(n_end < ARRAY_LEN(end));
	memcpy(end, seen.at, sizeof(end));
	seen.n = seen.evidence = 0;
	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(set, scratch, today, &sink, &a);
	feed_steps(bytes_of(text.p, at), at, feed, s);
	told = seen.n;
	text_scan_preview(s);
	assert_int_equal(seen.n, n_end);
	assert_memory_equal(seen.at, end, n_end * sizeof(end[0]));
	seen.n = told;
	if (settle)
		text_scan_settle(s);
	assert_int_equal(seen.n, settle ? n_end : told);
	assert_memory_equal(seen.at, end, seen.n * sizeof(end[0]));
	feed_steps(bytes_skip(text, at), text.n - at, feed, s);
	text_scan_close(s);
	assert_int_equal(pending, 0);
	if (!settle) {
		assert_int_equal(seen.n, n_whole);
		assert_memory_equal(seen.at, whole, n_whole * sizeof(whole[0]));
	}
	arena_release(&a);
}

static void
test_live(void **state)
{
	/* Context before, behind and of another kind; a character that a cut halves. */
	static const char text[] =
		"Patient 19760102-2382, telefon 197601032381 tack. 19760104-2380 \xc3\xa4" "r hennes "
		"personnummer\xc3\xa5 19760105\xe2\x80\x93" "2389\xe2\x80\x93 197601062388 "
		"SE2321000016-1A2B TLP:RED journal anamnes remiss diagnos 1976010723871976 "
		"197601072387";

	(void)state;
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		assert_live(BYTES_LIT(text), at, false);
		assert_live(BYTES_LIT(text), at, true);
	}
}

/* Is it one of the days whose serials 238 and 239 are test numbers (4.4)? */
static bool
is_test_day(int year, int month, int day)
{
	static const unsigned not [] = {19760101, 19800101, 19891220, 20001218, 20010303, 20011104,
		20021016, 20021227, 20050509, 20070911, 20071228, 20101211, 20111230};
	unsigned date = (unsigned)(year * 10000 + month * 100 + day);

	for (size_t i = 0; i < ARRAY_LEN(not ); i++)
		if (not [i] == date)
			return false;
	return is_date(year, month, day) && date / 100 != 199001;
}

static void
put_number(struct box *text, int year, int month, int day, int serial, size_t i)
{
	static const char *const forms[] = {"%.8s%.4s\n", "%.8s-%.4s;", "%.8s\xE2\x80\x93%.4s, ",
		"Patient %.8s%.4s har en tid p\xC3\xA5 m\xC3\xA5ndag.\r\n",
		"\xC2\xA0%.8s-\xE2\x80\x8B%.4s\n"};
	char digits[16], line[128];
	int n;

	snprintf(digits, sizeof(digits), "%04d%02d%02d%03d", year, month, day, serial);
	digits[11] = (char)('0' + luhn_check((const uint8_t *)digits + 2, 9));
	digits[12] = '\0';
	n = snprintf(line, sizeof(line), forms[i % ARRAY_LEN(forms)], digits, digits + 8);
	box_put(text, line, (size_t)n);
}

static struct box
many_numbers(void)
{
	struct box text = {NULL, 0, 0};
	size_t n = 0;

	for (int year = 1976; year <= 2013; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= 31; day++)
				for (int serial = 238; serial <= 239 && n < MANY; serial++)
					if (is_test_day(year, month, day))
						put_number(&text, year, month, day, serial, n++);
	assert_int_equal(n, MANY);
	return text;
}

static int
by_normalised(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->normalised, ((const struct found *)b)->normalised);
}

static size_t
distinct_persons(void)
{
	unsigned want = (unsigned)detect_set_find_detector(set, "personnummer");
	size_t kept = 0, n = 0;

	for (size_t i = 0; i < seen.n; i++)
		if (seen.at[i].detector == want)
			seen.at[kept++] = seen.at[i];
	qsort(seen.at, kept, sizeof(seen.at[0]), by_normalised);
	for (size_t i = 0; i < kept; i++)
		n += i == 0 || strcmp(seen.at[i].normalised, seen.at[i - 1].normalised) != 0;
	assert_int_equal(kept, n); /* and none twice */
	return n;
}

static void
test_seams(void **state)
{
	static const size_t steps[] = {1460, 0, 1, 7, 4096, 65536, 1 << 30};
	struct box text = many_numbers();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		scan(bytes_of(text.p, text.n), steps[i]);
		assert_int_equal(distinct_persons(), MANY);
	}
	box_free(&text);
}

static const struct found *
find(const char *detector)
{
	int d = detect_set_find_detector(set, detector);

	assert_true(d >= 0);
	for (size_t i = 0; i < seen.n; i++)
		if (seen.at[i].detector == (unsigned)d)
			return &seen.at[i];
	return NULL;
}

/* Offsets are of the original text, whatever folded before and inside. */
static void
test_offsets(void **state)
{
	static const char text[] = "\xC2\xA0\xEF\xBB\xBF\xE2\x80\x93 x 1985\xE2\x80\x8B"
				   "0403\xE2\x80\x93"
				   "239\xEF\xBC\x95\xE2\x80\x8B!";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		scan(bytes_of(text, sizeof(text) - 1), step);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.at[0].offset, 11);
		assert_int_equal(seen.at[0].length, 4 + 3 + 4 + 3 + 3 + 3);
		assert_string_equal(seen.at[0].normalised, "198504032395");
	}
}

static void
test_evidence(void **state)
{
	static const struct {
		const char *text;
		unsigned evidence;
	} cases[] = {
		{"Anamnes: trött. Epikris följer.", 1},
		{"ANAMNES EPIKRIS anamnes epikris", 1},
		{"Anamnes: trött. Anamnes igen.", 0}, /* one term twice */
		{"anamnesen epikriser", 0},           /* longer words */
		{"\xC3\x96VERK\xC3\x84NSLIGHET och r\xC3\xB6ntgensvar", 1},
		{"x_anamnes_epikris_", 1}, /* an underscore is a boundary */
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 40; step++) {
			scan(bytes_str(cases[i].text), step);
			assert_int_equal(seen.evidence, cases[i].evidence);
		}
}

/* 11.2: the same ten digits as a Swedish and as a Danish number. */
static void
test_swedish_or_danish(void **state)
{
	static const char *const texts[] = {
		"010101-2391", "CPR 010101-2391", "personnummer 010101-2391 (cpr)"};

	(void)state;
	scan(bytes_str(texts[0]), 1000);
	assert_non_null(find("personnummer"));
	assert_null(find("cpr_dk"));
	scan(bytes_str(texts[1]), 1000);
	assert_null(find("personnummer"));
	assert_non_null(find("cpr_dk"));
	scan(bytes_str(texts[2]), 1000);
	assert_non_null(find("personnummer"));
	assert_null(find("cpr_dk"));
}

/* A sole trader's VAT number, a passport's optional field: persons inside other types. */
static void
test_persons_inside(void **state)
{
	static const struct {
		const char *text, *other;
		uint64_t offset;
		uint32_t length;
	} cases[] = {
		{"VAT SE850403239501.", "vat_se", 6, 10},
		{"VAT SE 850403-2395 01.", "vat_se", 7, 11},
		{"VAT SE850403-239501.", "vat_se", 6, 11},
		{"XA00000012SWE6408239M31010128504032395<<<<96\n", "mrz_se", 28, 10},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 50; step += 7) {
			scan(bytes_str(cases[i].text), step);
			assert_non_null(find(cases[i].other));
			assert_non_null(find("personnummer"));
			assert_string_equal(find("personnummer")->normalised, "198504032395");
			assert_int_equal(find("personnummer")->offset, cases[i].offset);
			assert_int_equal(find("personnummer")->length, cases[i].length);
		}
	scan(bytes_str("VAT SE556016068001."), 100);
	assert_null(find("personnummer"));
}

/* The specification's own examples of what the vector file leaves out (5.3, 5.4, 13.2). */
static void
test_examples(void **state)
{
	static const struct {
		const char *text, *detector, *normalised;
		enum confidence confidence; /* none: not reported */
	} cases[] = {
		{"19810829M070", "reserv_vgr_grid", "19810829M070", CONFIDENCE_LOW},
		{"LRID 19810829M070", "reserv_vgr_grid", "19810829M070", CONFIDENCE_HIGH},
		{"19810829M071", "reserv_vgr_grid", NULL, CONFIDENCE_NONE},
		{"19810829M071", "reserv_vgr", "19810829M071", CONFIDENCE_MEDIUM},
		{"18500101N123", "reserv_vgr_grid", "18500101N123", CONFIDENCE_LOW},
		{"19810829SU3A", "reserv_letters", "19810829SU3A", CONFIDENCE_LOW},
		{"reservnummer 810829DA1B", "reserv_letters", "810829DA1B", CONFIDENCE_HIGH},
		{"20200501-AA8A", "reserv_letters", "20200501AA8A", CONFIDENCE_LOW},
		{"19600606AA1G", "reserv_letters", "19600606AA1G", CONFIDENCE_LOW},
		{"19601306AA1G", "reserv_letters", NULL, CONFIDENCE_NONE},
		{"19810829TB1F", "reserv_orebro", "19810829TB1F", CONFIDENCE_LOW},
		{"20100101014R", "reserv_vnorr", "20100101014R", CONFIDENCE_LOW},
		{"20100101-12K3", "reserv_gavleborg", "2010010112K3", CONFIDENCE_LOW},
		{"2010010112K3", "reserv_gavleborg", NULL, CONFIDENCE_NONE},
		{"Till: A\r\nSEKRETESS\r\nB", "secrecy", "sekretess", CONFIDENCE_HIGH},
		{"om sekretess i allm\xC3\xA4nhet", "secrecy", NULL, CONFIDENCE_NONE},
		{"SEKRETESSAVTAL", "secrecy", NULL, CONFIDENCE_NONE},
		{"HEMLIG", "secrecy", "hemlig", CONFIDENCE_HIGH},
		{"en hemlig fil", "secrecy", NULL, CONFIDENCE_NONE},
		{"hemlighet", "secrecy", NULL, CONFIDENCE_NONE},
		{"a\nKonfidentiellt\nb", "secrecy", "konfidentiellt", CONFIDENCE_HIGH},
		{"endast f\xC3\x96r mottagaren", "secrecy", "endast-for-mott", CONFIDENCE_HIGH},
		{"se 26 kap. 1 \xC2\xA7 OSL d\xC3\xA4r", "secrecy", "osl-26", CONFIDENCE_MEDIUM},
		{"enligt OSL (2009:400) 25:1 ska", "secrecy", "osl-25", CONFIDENCE_MEDIUM},
		{"patienten har skyddad identitet nu", "secrecy", "skyddade-person",
			CONFIDENCE_MEDIUM},
		{"x\nSensitivity: Private\r\ny", "sensitivity", "private", CONFIDENCE_HIGH},
		{"x Sensitivity: Private\r\ny", "sensitivity", NULL, CONFIDENCE_NONE},
		{"Klassning: K3.", "klassa", "K3", CONFIDENCE_HIGH},
		{"Klassning: 3.5", "klassa", NULL, CONFIDENCE_NONE},
		{"lam[k1] = 2", "klassa", NULL, CONFIDENCE_NONE},
		{"Re: [k1] lista", "klassa", "K1", CONFIDENCE_HIGH},
		{"behandling, pass 20240229", "passport_se", NULL, CONFIDENCE_NONE},
		{"pass 20240230", "passport_se", "20240230", CONFIDENCE_HIGH},
		{"pass 59000002", "passport_se", "59000002", CONFIDENCE_HIGH},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct found *f;

		scan(bytes_str(cases[i].text), 5);
		f = find(cases[i].detector);
		if ((f == NULL) != (cases[i].normalised == NULL))
			fail_msg("\"%s\": %s", cases[i].text, cases[i].detector);
		if (f == NULL)
			continue;
		assert_string_equal(f->normalised, cases[i].normalised);
		assert_int_equal(f->confidence, cases[i].confidence);
	}
}

/* The context of one number isn't that of the number behind the window. */
static void
test_context_window(void **state)
{
	char text[256];
	int filler;

	(void)state;
	for (filler = 40; filler < 80; filler++) {
		/* å takes two bytes and is one character. */
		snprintf(text, sizeof(text), "Patient%.*s 850403-2395", 2 * filler,
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5"
			"\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
			"\xC3\xA5");
		scan(bytes_str(text), 13);
		/* "Patient", the filler and a space must fit 64 characters. */
		assert_int_equal(find("personnummer")->confidence,
			7 + filler + 1 <= 64 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM);
	}
}

static void
test_no_memory(void **state)
{
	struct detect_sink sink = {on_finding, on_evidence, NULL};
	struct arena_budget budget = {.limit = 1024};
	struct arena a;

	(void)state;
	arena_init(&a, &arena_source_malloc, &budget);
	assert_null(text_scan_open(set, scratch, today, &sink, &a));
	arena_release(&a);
	assert_int_equal(budget.held, 0);
}

static void
assert_refused(const struct candidate_spec *c, const struct detector_spec *d, const char *want)
{
	struct detect_spec spec = {c, 1, d, 1, NULL, 0};
	char why[256] = "";

	assert_null(detect_set_compile(&spec, why, sizeof(why)));
	if (strstr(why, want) == NULL)
		fail_msg("\"%s\" doesn't say \"%s\"", why, want);
}

static void
test_refusals(void **state)
{
	static const char *const run[] = {"run", NULL}, *const other[] = {"other", NULL};
	static const char *const empty[] = {"", NULL};
	struct candidate_spec good = {"run", "[0-9]{10}", false, false, "numbers"}, c;
	struct detector_spec pnr = {.id = "p", .validator = "personnummer", .candidates = run}, d;

	(void)state;
	c = good;
	c.expr = "[0-9";
	assert_refused(&c, &pnr, "candidate run");
	c.expr = "[0-9]{10}\\b";
	assert_refused(&c, &pnr, "candidate run");
	d = pnr;
	d.validator = "nothing";
	assert_refused(&good, &d, "no validator nothing");
	d = pnr;
	d.candidates = other;
	assert_refused(&good, &d, "no candidate other");
	d = pnr;
	d.positive = empty;
	assert_refused(&good, &d, "context term");
}

static void
test_names(void **state)
{
	(void)state;
	assert_false(detect_set_in_group(set, 0, "persons"));
	assert_true(detect_set_in_group(
		set, (size_t)detect_set_find_detector(set, "hetu_fi"), "person"));
	assert_false(
		detect_set_in_group(set, (size_t)detect_set_find_detector(set, "card"), "person"));
	assert_int_equal(detect_set_find_detector(set, "nobody"), -1);
	assert_int_equal(detect_set_find_words(set, "nobody"), -1);
	assert_int_equal(detect_set_find_mark(set, "TLP:BLUE"), -1);
	assert_string_equal(
		detect_set_mark_name(set, (size_t)detect_set_find_mark(set, "TLP:RED")), "TLP:RED");
	assert_int_equal(detect_set_detector_least(
				 set, (size_t)detect_set_find_detector(set, "personnummer")),
		CONFIDENCE_MEDIUM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seams),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_swedish_or_danish),
		cmocka_unit_test(test_persons_inside),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_context_window),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
