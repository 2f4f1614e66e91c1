/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/fold.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The zero of every set of decimal digits (category Nd, Unicode 15). Each is
 * followed by its nine others. Fullwidth digits belong to fullwidth ASCII. */
static const uint32_t zeros[] = {0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66,
	0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0,
	0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
	0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136,
	0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50,
	0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
	0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0};

static int
fold_digit(uint32_t cp)
{
	size_t low = 0, high = ARRAY_LEN(zeros);

	if (cp < zeros[0])
		return FOLD_SAME;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (zeros[mid] <= cp)
			low = mid;
		else
			high = mid;
	}
	return cp - zeros[low] < 10 ? (int)('0' + (cp - zeros[low])) : FOLD_SAME;
}

/* U+2000 to U+206F: the dashes, spaces and invisible characters of typography. */
static int
fold_general_punctuation(uint32_t cp)
{
	if (cp <= 0x200A || cp == 0x202F || cp == 0x205F)
		return ' ';
	if (cp <= 0x200F || cp == 0x2060)
		return FOLD_GONE;
	if (cp <= 0x2015)
		return '-';
	if ((cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069))
		return FOLD_GONE;
	return FOLD_SAME;
}

/* Marks that are drawn over or under a digit, and choose its shape, or are not drawn. */
static bool
is_mark(uint32_t cp)
{
	return (cp >= 0x0300 && cp <= 0x036F) || cp == 0x061C ||
		(cp >= 0x180B && cp <= 0x180F) || (cp >= 0x1AB0 && cp <= 0x1AFF) ||
		(cp >= 0x1DC0 && cp <= 0x1DFF) || (cp >= 0x20D0 && cp <= 0x20FF) ||
		(cp >= 0xFE00 && cp <= 0xFE0F) || (cp >= 0xE0100 && cp <= 0xE01EF);
}

int
fold_code_point(uint32_t cp)
{
	if (cp < 0x80)
		return cp == '\t' ? ' ' : FOLD_SAME;
	if (is_mark(cp))
		return FOLD_GONE;
	if (cp >= 0x2000 && cp <= 0x206F)
		return fold_general_punctuation(cp);
	if (cp >= 0xFF01 && cp <= 0xFF5E)
		return (int)(cp - 0xFEE0);
	switch (cp) {
	case 0x00A0:
	case 0x1680:
	case 0x3000:
		return ' ';
	case 0x2212:
	case 0xFE58:
	case 0xFE63:
		return '-';
	case 0x2795:
	case 0xFE62:
		return '+';
	case 0x00AD:
	case 0xFEFF:
		return FOLD_GONE;
	default:
		return fold_digit(cp);
	}
}

/* Can a sequence that folds begin with this byte? 0xC3 (å, ä, ö) never does. */
static bool
may_fold(uint8_t c)
{
	return c == '\t' || c == 0xC2 || c >= 0xC4;
}

/* Bytes before the first one that may begin a folding sequence. */
static size_t
plain_prefix(const uint8_t *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i tab = _mm_set1_epi8('\t'), c2 = _mm_set1_epi8((char)0xC2);
	const __m128i c4 = _mm_set1_epi8((char)0xC4);

	for (; n - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, tab), _mm_cmpeq_epi8(x, c2));
		unsigned mask;

		hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(x, c4), x));
		mask = (unsigned)_mm_movemask_epi8(hit);
		if (mask != 0)
			return i + (size_t)__builtin_ctz(mask);
	}
#endif
	while (i < n && !may_fold(p[i]))
		i++;
	return i;
}

enum { FOLD_CUT = -3 }; /* more bytes are needed to tell */

static unsigned
sequence_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xE0)
		return 2;
	return lead < 0xF0 ? 3 : 4;
}

/*
 * What the sequence at p becomes, and its length. Of an invalid one the lead
 * and the continuation bytes behind it pass unchanged: none of them can begin
 * another sequence.
 */
static int
fold_sequence(const uint8_t *p, size_t n, unsigned *len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned want = sequence_length(p[0]);
	uint32_t cp = want == 1 ? p[0] : p[0] & (0x7Fu >> want);

	*len = 1;
	if (p[0] > 0xF4)
		return FOLD_SAME;
	for (unsigned i = 1; i < want; i++, ++*len) {
		if (i == n)
			return FOLD_CUT;
		if ((p[i] & 0xC0) != 0x80)
			return FOLD_SAME;
		cp = cp << 6 | (p[i] & 0x3Fu);
	}
	return cp < least[want] ? FOLD_SAME : fold_code_point(cp);
}

static void
hold(struct fold *f, const uint8_t *p, size_t n)
{
	memcpy(f->held, p, n);
	f->n_held = (uint8_t)n;
}

/* The code point that the last border cut, with the bytes that now came. */
static bool
next_held(struct fold *f, struct bytes *in, struct fold_run *run)
{
	size_t had = f->n_held, more = sizeof(f->held) - had;
	unsigned len;

	if (in->n == 0)
		return false;
	if (more > in->n)
		more = in->n;
	memcpy(f->held + had, in->p, more);
	run->becomes = fold_sequence(f->held, had + more, &len);
	if (run->becomes == FOLD_CUT) {
		f->n_held = (uint8_t)(had + more);
		*in = bytes_skip(*in, more);
		return false;
	}
	memcpy(f->done, f->held, len);
	run->text = bytes_of(f->done, len);
	run->source = len;
	*in = bytes_skip(*in, len - had);
	f->n_held = 0;
	return true;
}

bool
fold_next(struct fold *f, struct bytes *in, struct fold_run *run)
{
	size_t plain = 0;
	unsigned len = 0;
	int becomes = FOLD_SAME;

	if (f->n_held > 0)
		return next_held(f, in, run);
	if (in->n == 0)
		return false;
	/* Sequences that turn out not to fold lengthen the unchanged run. */
	while (becomes == FOLD_SAME && plain < in->n) {
		plain += len;
		plain += plain_prefix(in->p + plain, in->n - plain);
		len = 0;
		if (plain < in->n)
			becomes = fold_sequence(in->p + plain, in->n - plain, &len);
		if (becomes == FOLD_SAME && plain + len == in->n)
			plain = in->n;
	}
	if (plain == 0 && becomes != FOLD_CUT) {
		*run = (struct fold_run){becomes, {NULL, 0}, len};
		*in = bytes_skip(*in, len);
		return true;
	}
	if (becomes == FOLD_CUT)
		hold(f, in->p + plain, in->n - plain);
	*run = (struct fold_run){FOLD_SAME, {in->p, plain}, (uint32_t)plain};
	*in = bytes_skip(*in, becomes == FOLD_CUT ? in->n : plain);
	return plain > 0;
}

bool
fold_end(struct fold *f, struct fold_run *run)
{
	size_t n = f->n_held;

	if (n == 0)
		return false;
	memcpy(f->done, f->held, n);
	*run = (struct fold_run){FOLD_SAME, {f->done, n}, (uint32_t)n};
	f->n_held = 0;
	return true;
}
