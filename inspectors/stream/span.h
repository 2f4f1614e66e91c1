/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SPAN_H
#define SLUSS_SPAN_H

/**
 * @file
 * How far a run of uninteresting bytes goes, 16 bytes at a time where the
 * processor can. The decoders' fast paths stand on these two.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/** Bytes before the first that is @p a, @p b or @p c; @p n if none is. */
static inline size_t
span_until3(const uint8_t *p, size_t n, uint8_t a, uint8_t b, uint8_t c)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i va = _mm_set1_epi8((char)a), vb = _mm_set1_epi8((char)b),
		      vc = _mm_set1_epi8((char)c);

	for (; n - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)),
			_mm_cmpeq_epi8(v, vc));
		int mask = _mm_movemask_epi8(hit);

		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	while (i < n && p[i] != a && p[i] != b && p[i] != c)
		i++;
	return i;
}

/** Zeros at the beginning; sparse files and bombs are full of them. */
static inline size_t
span_zeros(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t word;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word != 0)
			break;
	}
	while (i < n && p[i] == 0)
		i++;
	return i;
}

/** Bytes before the first that is 0 or above 0x7f; @p n if none is. */
static inline size_t
span_ascii(const uint8_t *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	const __m128i zero = _mm_setzero_si128();

	/* As signed bytes, 0 and 0x80..0xff are just those not greater than 0. */
	for (; n - i >= 64; i += 64) {
		const __m128i *q = (const __m128i *)(const void *)(p + i);
		__m128i least = _mm_min_epu8(
			_mm_min_epu8(_mm_loadu_si128(q), _mm_loadu_si128(q + 1)),
			_mm_min_epu8(_mm_loadu_si128(q + 2), _mm_loadu_si128(q + 3)));
		__m128i high = _mm_or_si128(_mm_or_si128(_mm_loadu_si128(q), _mm_loadu_si128(q + 1)),
			_mm_or_si128(_mm_loadu_si128(q + 2), _mm_loadu_si128(q + 3)));

		if (_mm_movemask_epi8(_mm_or_si128(high, _mm_cmpeq_epi8(least, zero))) != 0)
			break;
	}
	for (; n - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		int mask = _mm_movemask_epi8(_mm_cmpgt_epi8(v, zero)) ^ 0xffff;

		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	while (i < n && p[i] != 0 && p[i] < 0x80)
		i++;
	return i;
}

/**
 * Bytes of valid UTF-8 without zeros whose sequences are one or two bytes long, as most
 * European text is: whole sequences, counted in blocks of 16 bytes, so it may stop early.
 */
static inline size_t
span_utf8_short(const uint8_t *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	unsigned lead_before = 0; /* the block before ended with a lead byte */

	for (; n - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		/* As signed bytes: continuations are -128 to -65, leads of two -62 to -33. */
		unsigned high = (unsigned)_mm_movemask_epi8(v);
		unsigned follow =
			(unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_set1_epi8(-64), v));
		unsigned lead = (unsigned)_mm_movemask_epi8(
			_mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(-63)),
				_mm_cmpgt_epi8(_mm_set1_epi8(-32), v)));
		unsigned zero = (unsigned)_mm_movemask_epi8(
			_mm_cmpeq_epi8(v, _mm_setzero_si128()));

		if (zero != 0 || (follow | lead) != high ||
			follow != ((lead << 1 | lead_before) & 0xffff))
			break;
		lead_before = lead >> 15;
	}
	i -= lead_before;
#endif
	return i;
}

#endif
