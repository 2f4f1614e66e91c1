/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/detect_set.h"
#include "inspectors/detect/fold.h"

enum {
	SHOWN_MAX = 4,         /* characters of an identifier */
	RUN_DIGITS = 6,        /* a run with so many digits is hidden, whatever it is */
	MASK_TEXT_MAX = 16000, /* bytes of a text that are looked at */
	MASK_MEMORY = 256 * 1024,
};

void
detect_mask(const struct detect_set *set, const struct raw_finding *f, char *ret, size_t size)
{
	const struct validator *v = set->detectors[f->detector].validator;
	bool whole = v->marks != NULL || v->label;
	size_t shown = f->normalised.n / 3, at = 0;

	if (shown > SHOWN_MAX)
		shown = SHOWN_MAX;
	for (size_t i = 0; i < f->normalised.n && at + 1 < size; i++) {
		uint8_t c = f->normalised.p[i];
		bool sign = !ascii_is_digit(c) && !is_letter(c);

		/* As people write it: 1985****-****. */
		if (v->precedence == SWEDISH && i == 8 && f->normalised.n == 12 && at + 2 < size)
			ret[at++] = '-';
		ret[at++] = whole || sign || i < shown ? (char)c : '*';
	}
	if (size > 0)
		ret[at] = '\0';
}

/* ---- free text ---- */

enum hide { SHOW, STAR, SKIP }; /* STAR: an asterisk in its place; SKIP: nothing */

/* One way to read the text: as it is, with percent-escapes undone, or as base64. */
struct reading_of_text {
	uint8_t *p;
	uint16_t *origin; /* where byte i began in the text; origin[n] is the text's end */
	size_t n;
	uint8_t *hide; /* enum hide for each byte of the text itself */
};

/* The byte at @p text and how long it is written: "%2D", also "%252D" and so on. */
static size_t
unescape(struct bytes text, uint8_t *ret)
{
	size_t n = 1;

	*ret = text.p[0];
	while (*ret == '%' && text.n - n >= 2 && hex_value(text.p[n]) >= 0 &&
		hex_value(text.p[n + 1]) >= 0) {
		*ret = (uint8_t)(hex_value(text.p[n]) << 4 | hex_value(text.p[n + 1]));
		n += 2;
	}
	return n;
}

static void
read_text(struct reading_of_text *r, struct bytes text, bool escapes)
{
	size_t i = 0;

	for (r->n = 0; i < text.n; r->n++) {
		r->origin[r->n] = (uint16_t)i;
		r->p[r->n] = text.p[i];
		i += escapes ? unescape(bytes_skip(text, i), &r->p[r->n]) : 1;
	}
	r->origin[r->n] = (uint16_t)text.n;
}

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/*
 * Read every stretch of base64 digits (both alphabets) as bytes, its quanta
 * beginning @p skip digits in. What is between becomes a zero.
 */
static void
read_base64(struct reading_of_text *r, struct bytes text, unsigned skip)
{
	uint32_t acc = 0;
	unsigned have = 0, skipped = 0;

	r->n = 0;
	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);

		if (v < 0) {
			r->origin[r->n] = (uint16_t)i;
			r->p[r->n++] = 0;
			have = skipped = 0;
			continue;
		}
		if (skipped < skip) {
			skipped++;
			continue;
		}
		acc = acc << 6 | (uint32_t)v;
		if (have > 0) {
			/* Its first bits are in the digit before. */
			r->origin[r->n] = (uint16_t)(i - 1);
			r->p[r->n++] = (uint8_t)(acc >> (6 - 2 * have));
		}
		have = (have + 1) % 4;
	}
	r->origin[r->n] = (uint16_t)text.n;
}

static void
hide(struct reading_of_text *r, size_t i, size_t len)
{
	size_t from = r->origin[i], to = r->origin[i + len];

	if (r->hide[from] == SHOW)
		r->hide[from] = STAR;
	for (size_t k = from + 1; k < to; k++)
		if (r->hide[k] == SHOW)
			r->hide[k] = SKIP;
}

/* What a character is when it is folded: a digit, a letter, or something else. */
static int
folded_at(const struct reading_of_text *r, size_t i, size_t *ret_len)
{
	uint32_t cp = character_at(bytes_of(r->p, r->n), i, ret_len);
	int c = cp == CHARACTER_BAD ? FOLD_SAME : fold_code_point(cp);

	if (c == FOLD_SAME)
		c = cp < 0x80 ? (int)cp : is_letter(cp) ? 'a' : 0x80;
	return c;
}

static bool
is_sign(int c)
{
	return c == ' ' || c == '-' || c == '+' || c == '.' || c == '/' || c == '_' || c == ',' ||
		c == ':' || c == '(' || c == ')' || c == FOLD_GONE;
}

/* Hide the digits and letters of [from, to), but for the first few. */
static void
hide_range(struct reading_of_text *r, size_t from, size_t to)
{
	size_t len, seen = 0;

	for (size_t i = from; i < to && i < r->n; i += len) {
		int c = folded_at(r, i, &len);

		if ((c == 0x80 || is_sign(c)) ||
			(!ascii_is_digit((uint8_t)c) && !is_letter((uint32_t)c)))
			continue;
		if (++seen > SHOWN_MAX)
			hide(r, i, len);
	}
}

struct hider {
	struct reading_of_text *reading;
	const struct detect_set *set;
};

static void
on_finding(void *ctx, const struct raw_finding *f)
{
	struct hider *h = ctx;
	const struct validator *v = h->set->detectors[f->detector].validator;

	if (v->marks == NULL && !v->label)
		hide_range(h->reading, (size_t)f->offset, (size_t)(f->offset + f->length));
}

/* Runs of digits, with at most two signs in a row between them, and what is glued on. */
static void
hide_runs(struct reading_of_text *r)
{
	size_t i = 0, len;

	while (i < r->n) {
		size_t from = i, to = i, digits = 0, signs = 0, k = i;
		int c = folded_at(r, i, &len);

		i += len;
		if (c < '0' || c > '9')
			continue;
		for (; k < r->n && signs <= 2; k += len) {
			c = folded_at(r, k, &len);
			if (c >= '0' && c <= '9') {
				digits++;
				signs = 0;
				to = k + len;
			} else if (c != FOLD_GONE && is_sign(c)) {
				signs++;
			} else if (c != FOLD_GONE) {
				break;
			}
		}
		if (digits < RUN_DIGITS) {
			i = to > i ? to : i;
			continue;
		}
		while (to < r->n && (c = folded_at(r, to, &len)) >= 0 && c < 0x80 &&
			(ascii_is_digit((uint8_t)c) || is_letter((uint32_t)c)))
			to += len;
		hide_range(r, from, to);
		i = to;
	}
}

/* Digits in whatever is base64 in the text. */
static void
hide_packed(struct bytes text, uint8_t *hidden, struct arena *a)
{
	struct arena_mark mark = arena_mark(a);
	struct reading_of_text r = {arena_alloc(a, text.n + 1),
		arena_alloc(a, (text.n + 1) * sizeof(uint16_t)), 0, hidden};

	if (r.p == NULL || r.origin == NULL)
		memset(hidden, STAR, text.n);
	for (unsigned skip = 0; r.p != NULL && r.origin != NULL && skip < 4; skip++) {
		read_base64(&r, text, skip);
		hide_runs(&r);
	}
	arena_rewind(a, mark);
}

static void
hide_all(const struct detect_set *set, struct detect_scratch *scratch, struct civil_date today,
	struct bytes text, bool escapes, uint8_t *hidden, struct arena *a)
{
	struct arena_mark mark = arena_mark(a);
	struct reading_of_text r = {arena_alloc(a, text.n + 1),
		arena_alloc(a, (text.n + 1) * sizeof(uint16_t)), 0, hidden};
	struct hider h = {&r, set};
	struct detect_sink sink = {.finding = on_finding, .ctx = &h};
	struct text_scan *scan;

	if (r.p == NULL || r.origin == NULL) {
		memset(hidden, STAR, text.n); /* rather nothing than something in clear */
		return;
	}
	read_text(&r, text, escapes);
	scan = text_scan_open(set, scratch, today, &sink, a);
	if (scan != NULL) {
		text_scan_push(scan, bytes_of(r.p, r.n));
		text_scan_close(scan);
	} else {
		memset(hidden, STAR, text.n);
	}
	hide_runs(&r);
	arena_rewind(a, mark);
}

/* Valid UTF-8 as RFC 3629 has it: shortest form, no surrogates, up to U+10FFFF. */
static bool
is_scalar(uint32_t cp, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	return cp >= least[len] && cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
}

static void
put_shown(struct bytes text, const uint8_t *hidden, char *ret, size_t size)
{
	static const char replacement[] = "\xEF\xBF\xBD";
	size_t at = 0, len;

	for (size_t i = 0; i < text.n; i += len) {
		uint32_t cp = character_at(text, i, &len);
		const char *from = (const char *)text.p + i;
		size_t n = len;

		if (hidden[i] == STAR) {
			from = "*";
			n = 1;
		} else if (hidden[i] == SKIP) {
			continue;
		} else if (cp == CHARACTER_BAD || !is_scalar(cp, len)) {
			from = replacement;
			n = sizeof(replacement) - 1;
		}
		if (n >= size - at)
			break;
		memcpy(ret + at, from, n);
		at += n;
	}
	ret[at] = '\0';
}

void
detect_mask_text(const struct detect_set *set, struct detect_scratch *scratch,
	struct civil_date today, struct bytes text, char *ret, size_t size)
{
	struct arena_budget budget = {.limit = MASK_MEMORY};
	struct arena a;
	uint8_t *hidden;

	if (size == 0)
		return;
	ret[0] = '\0';
	if (text.n > MASK_TEXT_MAX)
		text.n = MASK_TEXT_MAX;
	arena_init(&a, &arena_source_malloc, &budget);
	hidden = arena_zalloc(&a, text.n + 1);
	if (hidden != NULL && text.n > 0) {
		hide_all(set, scratch, today, text, false, hidden, &a);
		hide_all(set, scratch, today, text, true, hidden, &a);
		hide_packed(text, hidden, &a);
		put_shown(text, hidden, ret, size);
	}
	arena_release(&a);
}
