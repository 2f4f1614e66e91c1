/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_OUTBUF_H
#define SLUSS_OUTBUF_H

/**
 * @file
 * What a decoder's push() gathers before it emits: single bytes and code
 * points in a small buffer, long clean runs straight from the input.
 *
 * It lives on push()'s stack and is flushed before push() returns. The first
 * failure sticks: later puts do nothing, and outbuf_flush() returns it.
 */

#include "inspectors/stream/decoder.h"

enum {
	OUTBUF_SIZE = 4096,
	OUTBUF_COPY = 256, /* runs shorter than this are cheaper copied than emitted */
};

struct outbuf {
	struct decoder *d;
	size_t n;
	enum outcome outcome;
	uint8_t b[OUTBUF_SIZE];
};

/* Not by an initialiser, which would clear the whole buffer each time. */
static inline void
outbuf_init(struct outbuf *o, struct decoder *d)
{
	o->d = d;
	o->n = 0;
	o->outcome = OUTCOME_OK;
}

/** Emit what is gathered. @return the first failure so far */
static inline enum outcome
outbuf_flush(struct outbuf *o)
{
	if (o->outcome == OUTCOME_OK && o->n > 0)
		o->outcome = decoder_emit(o->d, bytes_of(o->b, o->n));
	o->n = 0;
	return o->outcome;
}

/** Room for @p n more bytes (at most OUTBUF_SIZE); they may be written at the result. */
static inline uint8_t *
outbuf_room(struct outbuf *o, size_t n)
{
	if (n > sizeof(o->b) - o->n)
		(void)outbuf_flush(o);
	return o->b + o->n;
}

static inline void
outbuf_byte(struct outbuf *o, uint8_t c)
{
	*outbuf_room(o, 1) = c;
	o->n++;
}

/** A run of the input: copied if short, else emitted where it lies. */
static inline void
outbuf_run(struct outbuf *o, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (n < OUTBUF_COPY) {
		memcpy(outbuf_room(o, n), p, n);
		o->n += n;
		return;
	}
	if (outbuf_flush(o) == OUTCOME_OK)
		o->outcome = decoder_emit(o->d, bytes_of(p, n));
}

/** Write a code point as UTF-8 to @p ret (room for 4). @return bytes written */
static inline size_t
utf8_put(uint8_t *ret, uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		cp = 0xfffd; /* no character: as receivers show it */
	if (cp < 0x80) {
		ret[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		ret[0] = (uint8_t)(0xc0 | cp >> 6);
		ret[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		ret[0] = (uint8_t)(0xe0 | cp >> 12);
		ret[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		ret[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	ret[0] = (uint8_t)(0xf0 | cp >> 18);
	ret[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	ret[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	ret[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

static inline void
outbuf_code_point(struct outbuf *o, uint32_t cp)
{
	o->n += utf8_put(outbuf_room(o, 4), cp);
}

/** Code points of windows-1252's 0x80-0x9f, in order (WHATWG, index windows-1252). */
#define WINDOWS_1252_C1(X)                                                                         \
	X(0x20ac) X(0x81) X(0x201a) X(0x192) X(0x201e) X(0x2026) X(0x2020) X(0x2021) X(0x2c6)      \
	X(0x2030) X(0x160) X(0x2039) X(0x152) X(0x8d) X(0x17d) X(0x8f) X(0x90) X(0x2018) X(0x2019) \
	X(0x201c) X(0x201d) X(0x2022) X(0x2013) X(0x2014) X(0x2dc) X(0x2122) X(0x161) X(0x203a)    \
	X(0x153) X(0x9d) X(0x17e) X(0x178)

/** What windows-1252 means by @p c; as it is outside of 0x80-0x9f. */
static inline uint32_t
code_point_of_1252(uint32_t c)
{
#define X(cp) cp,
	static const uint16_t c1[32] = {WINDOWS_1252_C1(X)};
#undef X

	return c >= 0x80 && c < 0xa0 ? c1[c - 0x80] : c;
}

/**
 * Side text of a format (the file name in a gzip header, a chunk extension):
 * data can hide there, yet it is no part of the content. It is kept, and
 * emitted on lines of its own behind the content.
 */
struct notes {
	uint16_t n;
	bool over; /* some did not fit */
	uint8_t b[1024];
};

static inline void
notes_add(struct notes *s, const uint8_t *p, size_t n)
{
	size_t room = sizeof(s->b) - s->n;

	s->over |= n > room;
	n = n < room ? n : room;
	if (n > 0)
		memcpy(s->b + s->n, p, n);
	s->n = (uint16_t)(s->n + n);
}

/** @return OUTCOME_OVER_BUDGET if some of it was not kept */
static inline enum outcome
notes_emit(const struct notes *s, struct decoder *d)
{
	enum outcome r = OUTCOME_OK;

	if (s->n > 0)
		r = decoder_emit(d, BYTES_LIT("\n"));
	if (r == OUTCOME_OK)
		r = decoder_emit(d, bytes_of(s->b, s->n));
	return r == OUTCOME_OK && s->over ? OUTCOME_OVER_BUDGET : r;
}

#endif
