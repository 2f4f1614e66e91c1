/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every row of tests/vectors/identifier_vectors.csv against the shipped packs,
 * and the property tests of the identifier specification's section 16.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspectors/detect/detect.h"
#include "tests/support/cut.h"
#include "tests/support/pack_load.h"

enum { ROWS_MAX = 1024, HITS_MAX = 64 };

static const struct civil_date today = {2026, 7, 1}; /* the vectors' reference date */

struct row {
	char *field[8];
};
enum { ID, TYPE, TEXT, VERDICT, REASON, NORMALISED, CONFIDENCE, ORIGIN };

/* Rows that are argued to be wrong: none so far. */
static const char *const exceptions[] = {NULL};

static struct {
	struct detect_set *set;
	struct detect_scratch *scratch;
	char *csv;
	struct row rows[ROWS_MAX];
	size_t n;
} all;

/* RFC 4180: one record, in place. */
static char *
read_record(char *p, struct row *row)
{
	for (int f = 0; f < 8; f++) {
		char *to = p;

		row->field[f] = p;
		if (*p == '"') {
			for (p++; *p != '"' || p[1] == '"'; p++) {
				p += *p == '"';
				*to++ = *p;
			}
			p++;
		} else {
			while (*p != ',' && *p != '\n')
				*to++ = *p++;
		}
		p++;
		*to = '\0';
	}
	return p;
}

static int
load(void **state)
{
	FILE *f = fopen(VECTORS, "rb");
	size_t n;
	char *p;

	(void)state;
	all.csv = calloc(1, 1 << 20);
	assert_non_null(f);
	n = fread(all.csv, 1, (1 << 20) - 1, f);
	fclose(f);
	for (p = strchr(all.csv, '\n') + 1; p < all.csv + n;)
		p = read_record(p, &all.rows[all.n++]);
	all.set = pack_load_all(PACKS_DIR);
	all.scratch = detect_scratch_new(all.set);
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	detect_scratch_free(all.scratch);
	detect_set_free(all.set);
	free(all.csv);
	return 0;
}

struct hit {
	unsigned detector;
	enum confidence confidence;
	uint64_t offset;
	uint32_t length;
	char normalised[64];
};

struct hits {
	struct hit at[HITS_MAX];
	size_t n;
};

static void
on_finding(void *ctx, const struct raw_finding *f)
{
	struct hits *h = ctx;
	struct hit *to = &h->at[h->n];

	assert_true(h->n < HITS_MAX);
	*to = (struct hit){f->detector, f->confidence, f->offset, f->length, ""};
	memcpy(to->normalised, f->normalised.p, f->normalised.n);
	h->n++;
}

static void
feed(void *ctx, struct bytes piece)
{
	text_scan_push(ctx, piece);
}

/* Scan in pieces [0,cut) and [cut,n). */
static struct hits
scan(struct bytes text, size_t cut)
{
	struct hits h = {.n = 0};
	struct detect_sink sink = {.finding = on_finding, .ctx = &h};
	struct arena_budget budget = {.limit = 1 << 20};
	struct arena a;
	struct text_scan *s;

	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(all.set, all.scratch, today, &sink, &a);
	assert_non_null(s);
	feed_cut(text, cut, feed, s);
	text_scan_close(s);
	arena_release(&a);
	return h;
}

static const struct hit *
find_hit(const struct hits *h, const char *type, const char *normalised)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(detect_set_detector_id(all.set, h->at[i].detector), type) == 0 &&
			(normalised == NULL || strcmp(h->at[i].normalised, normalised) == 0))
			return &h->at[i];
	return NULL;
}

static bool
is_exception(const struct row *r)
{
	for (size_t i = 0; exceptions[i] != NULL; i++)
		if (strcmp(exceptions[i], r->field[ID]) == 0)
			return true;
	return false;
}

static bool
row_holds(const struct row *r)
{
	struct bytes text = bytes_str(r->field[TEXT]);
	struct hits h = scan(text, text.n);
	const struct hit *hit;

	if (strcmp(r->field[VERDICT], "invalid") == 0)
		return find_hit(&h, r->field[TYPE], NULL) == NULL;
	hit = find_hit(&h, r->field[TYPE], r->field[NORMALISED]);
	if (hit == NULL)
		return false;
	if (strcmp(r->field[TYPE], "personnummer") != 0 &&
		strcmp(r->field[TYPE], "samordningsnummer") != 0)
		return true;
	return strcmp(confidence_name(hit->confidence), r->field[CONFIDENCE]) == 0;
}

static void
test_rows(void **state)
{
	unsigned bad = 0, ran = 0;

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		const struct row *r = &all.rows[i];

		if (is_exception(r))
			continue;
		ran++;
		if (detect_set_find_detector(all.set, r->field[TYPE]) < 0 || !row_holds(r)) {
			print_error("%s %s \"%s\": want %s %s %s (%s)\n", r->field[ID],
				r->field[TYPE], r->field[TEXT], r->field[VERDICT],
				r->field[NORMALISED], r->field[CONFIDENCE], r->field[REASON]);
			bad++;
		}
	}
	print_message("%u rows ran, %u differ\n", ran, bad);
	assert_int_equal(ran, 549);
	assert_int_equal(bad, 0);
}

/* The row's text between two others. */
static struct bytes
embed(const struct row *r, const char *before, const char *after, char *to, size_t size)
{
	int n = snprintf(to, size, "%s%s%s", before, r->field[TEXT], after);

	assert_true(n >= 0 && (size_t)n < size);
	return bytes_of(to, (size_t)n);
}

static bool
is_valid(const struct row *r)
{
	return strcmp(r->field[VERDICT], "valid") == 0;
}

static bool
is_type(const struct row *r, const char *type)
{
	return strcmp(r->field[TYPE], type) == 0;
}

static void
test_embedded(void **state)
{
	static const char *const round[][2] = {{" ", " "}, {"\n", "\n"}, {"\r\n", "\r\n"},
		{"(", ")"}, {";", ";"}, {"\"", "\""}, {"'", "'"}, {"\xE2\x80\x9D", "\xE2\x80\x9D"},
		{"\t", "\t"}, {"\xC2\xA0", "\xC2\xA0"}};
	char text[512];

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		const struct row *r = &all.rows[i];

		/* A header line is one only at the beginning of a line. */
		if (!is_valid(r) || is_type(r, "sensitivity"))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(round); k++) {
			struct bytes b = embed(r, round[k][0], round[k][1], text, sizeof(text));
			struct hits h = scan(b, b.n);

			if (find_hit(&h, r->field[TYPE], r->field[NORMALISED]) == NULL)
				fail_msg("%s \"%s\" isn't found any more", r->field[ID], text);
		}
	}
}

static void
assert_same(const struct hits *a, const struct hits *b, struct bytes text, size_t cut)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->at[i].detector == b->at[i].detector &&
			a->at[i].confidence == b->at[i].confidence &&
			a->at[i].offset == b->at[i].offset && a->at[i].length == b->at[i].length &&
			strcmp(a->at[i].normalised, b->at[i].normalised) == 0;
	if (!same)
		fail_msg("\"%.*s\" cut at %zu: %zu findings, whole: %zu", (int)text.n,
			(const char *)text.p, cut, b->n, a->n);
}

/* Text of more than VIEW_BEFORE and VIEW_AFTER on both sides, some of it folding. */
static void
test_every_cut(void **state)
{
	static char far[600], text[2048];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(far); i += 3)
		memcpy(far + i,
			i % 21 == 0           ? "\xE2\x80\x93"
				: i % 10 == 0 ? "\xC3\xA5 "
					      : "ab ",
			3);
	for (size_t i = 0; i < all.n; i++) {
		bool wide = i % 8 == 0;
		struct bytes b =
			embed(&all.rows[i], wide ? far : "", wide ? far : "", text, sizeof(text));
		struct hits whole = scan(b, b.n);

		for (size_t cut = 0; cut < b.n; cut++) {
			struct hits h = scan(b, cut);

			assert_same(&whole, &h, b, cut);
		}
	}
}

static void
test_positions(void **state)
{
	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		const struct row *r = &all.rows[i];
		struct bytes b = bytes_str(r->field[TEXT]);
		struct hits h = scan(b, b.n);

		for (size_t k = 0; k < h.n; k++)
			assert_true(h.at[k].offset + h.at[k].length <= b.n && h.at[k].length > 0);
	}
}

/* Is the number itself at this edge of the text (and no counter, "1;")? */
static bool
numeric_edge(const struct row *r, bool front)
{
	const char *t = r->field[TEXT];
	const uint8_t *two = (const uint8_t *)(front ? t : t + strlen(t) - 2);

	return ascii_is_digit(two[0]) && ascii_is_digit(two[1]) && r->field[NORMALISED][0] >= '0' &&
		r->field[NORMALISED][0] <= '9';
}

/* One more digit at either end makes it another number. */
static void
test_longer(void **state)
{
	unsigned ran = 0;
	char text[512];

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		const struct row *r = &all.rows[i];

		for (int edge = 0; is_valid(r) && edge < 2; edge++) {
			struct bytes b;
			struct hits h;

			if (!numeric_edge(r, edge == 0))
				continue;
			b = embed(
				r, edge == 0 ? "7" : "", edge == 1 ? "7" : "", text, sizeof(text));
			h = scan(b, b.n);
			ran++;
			if (find_hit(&h, r->field[TYPE], r->field[NORMALISED]) != NULL)
				fail_msg("%s \"%s\" is still found", r->field[ID], text);
		}
	}
	assert_true(ran > 300);
}

/* One other digit makes a Luhn number wrong; the century takes no part. */
static void
test_other_digit(void **state)
{
	static const char *const types[] = {"personnummer", "samordningsnummer", "orgnr", "card",
		"bankgiro", "plusgiro", "vat_se"};
	unsigned ran = 0;
	char text[512];

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		const struct row *r = &all.rows[i];
		bool luhn = false;

		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			luhn |= is_type(r, types[k]);
		if (!luhn || !is_valid(r) ||
			strspn(r->field[TEXT], "0123456789-+ ") < strlen(r->field[TEXT]) ||
			(r->field[NORMALISED][0] < '3' && strlen(r->field[TEXT]) > 11 &&
				!is_type(r, "card")))
			continue;
		for (size_t at = 0; r->field[TEXT][at] != '\0'; at++)
			for (char d = '0'; d <= '9' && r->field[TEXT][at] >= '0'; d++) {
				struct bytes b = embed(r, "", "", text, sizeof(text));
				struct hits h;

				if (text[at] == d)
					continue;
				text[at] = d;
				h = scan(b, b.n);
				ran++;
				if (find_hit(&h, r->field[TYPE], NULL) != NULL)
					fail_msg("%s \"%s\" is found", r->field[ID], text);
			}
	}
	assert_true(ran > 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_other_digit),
		cmocka_unit_test(test_every_cut),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
