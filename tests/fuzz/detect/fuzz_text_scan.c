/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream of text with all shipped packs. Laws: any cut gives the same
 * findings and evidence, in the same order; a finding lies within the text; a
 * mask shows no more than it may; masked text is valid and hides what was found;
 * a preview tells what the end would, and changes nothing; what was settled is
 * what the end would have told.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "inspectors/detect/detect.h"
#include "tests/support/cut.h"
#include "tests/support/pack_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct civil_date today = {2026, 7, 1};
static struct detect_set *set;
static struct detect_scratch *scratch;

struct tally {
	struct box log; /* every finding, field by field */
	size_t size;    /* of the input */
};

static void
on_finding(void *ctx, const struct raw_finding *f)
{
	struct tally *t = ctx;
	uint64_t fixed[] = {f->detector, (uint64_t)(f->mark + 1), f->confidence, f->offset,
		f->length, f->normalised.n};
	char mask[64];

	assert(f->confidence > CONFIDENCE_NONE && f->normalised.n > 0);
	assert(f->offset <= t->size && f->length <= t->size - f->offset && f->length > 0);
	detect_mask(set, f, mask, sizeof(mask));
	assert(f->mark >= 0 || strlen(mask) >= f->normalised.n);
	box_put(&t->log, fixed, sizeof(fixed));
	box_put(&t->log, f->normalised.p, f->normalised.n);
}

static void
on_evidence(void *ctx, unsigned words)
{
	struct tally *t = ctx;

	box_put(&t->log, &words, sizeof(words));
}

static void
feed(void *ctx, struct bytes piece)
{
	text_scan_push(ctx, piece);
}

static struct tally
drive(struct bytes in, size_t step)
{
	struct tally t = {.size = in.n};
	struct detect_sink sink = {on_finding, on_evidence, &t};
	struct arena_budget budget = {.limit = 1 << 20};
	struct arena a;
	struct text_scan *s;

	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(set, scratch, today, &sink, &a);
	assert(s != NULL);
	feed_steps(in, step, feed, s);
	text_scan_close(s);
	arena_release(&a);
	return t;
}

/* The law of previews, and with @p settle that of settling, at @p at. */
static void
check_live(struct bytes in, size_t at, bool settle)
{
	struct tally end = drive(bytes_of(in.p, at), at), whole = drive(in, in.n);
	struct tally t = {.size = in.n};
	uint32_t pending = 0;
	struct detect_sink sink = {on_finding, on_evidence, &t, &pending};
	struct arena_budget budget = {.limit = 1 << 20};
	struct text_scan *s;
	struct arena a;
	size_t told;

	arena_init(&a, &arena_source_malloc, &budget);
	s = text_scan_open(set, scratch, today, &sink, &a);
	assert(s != NULL);
	feed_steps(bytes_of(in.p, at), at, feed, s);
	told = t.log.n;
	text_scan_preview(s);
	assert(bytes_equal(bytes_of(t.log.p, t.log.n), bytes_of(end.log.p, end.log.n)));
	assert(pending > 0 || t.log.n == told);
	t.log.n = told;
	if (settle) {
		text_scan_settle(s);
		assert(pending == 0);
		assert(bytes_equal(bytes_of(t.log.p, t.log.n), bytes_of(end.log.p, end.log.n)));
	}
	feed_steps(bytes_skip(in, at), in.n - at, feed, s);
	text_scan_close(s);
	assert(pending == 0);
	if (!settle)
		assert(bytes_equal(
			bytes_of(t.log.p, t.log.n), bytes_of(whole.log.p, whole.log.n)));
	arena_release(&a);
	box_free(&t.log);
	box_free(&end.log);
	box_free(&whole.log);
}

static void
check_masked_text(struct bytes in)
{
	char out[512];
	size_t digits = 0;

	detect_mask_text(set, scratch, today, in, out, sizeof(out));
	assert(strlen(out) < sizeof(out));
	for (const char *p = out; *p != '\0'; p++) {
		digits = ascii_is_digit((uint8_t)*p) ? digits + 1 : 0;
		assert(digits < 6);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally whole, cut;
	struct bytes in;

	if (size < 2)
		return 0;
	if (set == NULL) {
		set = pack_load_all(PACKS_DIR);
		scratch = detect_scratch_new(set);
	}
	in = bytes_of(data + 1, size - 1);
	whole = drive(in, in.n);
	cut = drive(in, data[0] % 64 + 1u);
	assert(bytes_equal(bytes_of(whole.log.p, whole.log.n), bytes_of(cut.log.p, cut.log.n)));
	check_masked_text(in);
	check_live(in, data[0] % in.n, false);
	check_live(in, in.n - data[0] % in.n, true);
	box_free(&whole.log);
	box_free(&cut.log);
	return 0;
}
