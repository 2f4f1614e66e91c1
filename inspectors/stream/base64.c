/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/base64.h"

#include "inspectors/stream/outbuf.h"

/* Value of each byte; bit 6 tells those that are no digits. */
enum { SKIP = 64, PAD = 65, NO_DIGIT = 64 };

/* RFC 4648, 4; with values for '-' and '_' also 5. */
/* clang-format off */
#define ALPHABET(minus, underscore) { \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, (minus), 64, 63, \
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 65, 64, 64, \
	64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, \
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, (underscore), \
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, \
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, \
}
/* clang-format on */

static const uint8_t standard[256] = ALPHABET(64, 64);
static const uint8_t url_safe[256] = ALPHABET(62, 63);

struct base64 {
	uint32_t acc;
	uint8_t have; /* digits in acc, 0-3 */
};

/* 16 bytes to 12 at @p w (13 are written); false if one of them is no digit. */
static inline bool
decode_16(const uint8_t *table, const uint8_t *p, uint8_t *w)
{
	uint32_t seen = 0;

	for (unsigned q = 0; q < 4; q++, p += 4, w += 3) {
		uint32_t a = table[p[0]], b = table[p[1]], c = table[p[2]], d = table[p[3]];
		uint32_t be = __builtin_bswap32(a << 26 | b << 20 | c << 14 | d << 8);

		seen |= a | b | c | d;
		memcpy(w, &be, 4);
	}
	return (seen & NO_DIGIT) == 0;
}

/* 4 bytes to 3 at @p w; likewise. */
static inline bool
decode_4(const uint8_t *table, const uint8_t *p, uint8_t *w)
{
	uint32_t a = table[p[0]], b = table[p[1]], c = table[p[2]], d = table[p[3]];

	w[0] = (uint8_t)(a << 2 | b >> 4);
	w[1] = (uint8_t)(b << 4 | c >> 2);
	w[2] = (uint8_t)(c << 6 | d);
	return ((a | b | c | d) & NO_DIGIT) == 0;
}

/*
 * Bytes at the beginning of @p in that were decoded as clean quanta, line ends
 * between them included: lines of 76 digits are 4 times 16 and 3 times 4.
 */
static size_t
decode_clean(const uint8_t *table, struct outbuf *o, struct bytes in)
{
	size_t i = 0;

	for (;;) {
		for (; in.n - i >= 16 && decode_16(table, in.p + i, outbuf_room(o, 16)); i += 16)
			o->n += 12;
		for (; in.n - i >= 4 && decode_4(table, in.p + i, outbuf_room(o, 16)); i += 4)
			o->n += 3;
		if (in.n - i < 2 || in.p[i] != '\r' || in.p[i + 1] != '\n')
			return i;
		i += 2;
	}
}

/* The bytes of a quantum that ended early; its last bits are not looked at. */
static void
put_odd_quantum(struct base64 *s, struct outbuf *o)
{
	if (s->have >= 2)
		outbuf_byte(o, (uint8_t)(s->have == 2 ? s->acc >> 4 : s->acc >> 10));
	if (s->have == 3)
		outbuf_byte(o, (uint8_t)(s->acc >> 2));
	s->acc = s->have = 0;
}

static void
put_digit(struct base64 *s, struct outbuf *o, uint8_t value)
{
	s->acc = s->acc << 6 | value;
	if (++s->have < 4)
		return;
	outbuf_byte(o, (uint8_t)(s->acc >> 16));
	outbuf_byte(o, (uint8_t)(s->acc >> 8));
	outbuf_byte(o, (uint8_t)s->acc);
	s->acc = s->have = 0;
}

static enum outcome
push_with(const uint8_t *table, struct decoder *d, struct bytes in)
{
	struct base64 *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	for (size_t i = 0; i < in.n; i++) {
		uint8_t v;

		if (s->have == 0)
			i += decode_clean(table, &o, bytes_skip(in, i));
		if (i == in.n)
			break;
		v = table[in.p[i]];
		if (v == PAD)
			put_odd_quantum(s, &o);
		else if (v != SKIP)
			put_digit(s, &o, v);
	}
	return outbuf_flush(&o);
}

static enum outcome
push_standard(struct decoder *d, struct bytes in)
{
	return push_with(standard, d, in);
}

static enum outcome
push_url_safe(struct decoder *d, struct bytes in)
{
	return push_with(url_safe, d, in);
}

static enum outcome
base64_close(struct decoder *d)
{
	struct base64 *s = d->state;
	bool left_over = s->have == 1;
	struct outbuf o;

	outbuf_init(&o, d);
	put_odd_quantum(s, &o);
	if (outbuf_flush(&o) != OUTCOME_OK)
		return o.outcome;
	return left_over ? OUTCOME_DAMAGED : OUTCOME_OK;
}

const struct decoder_ops base64_decoder = {
	.name = "base64",
	.state_size = sizeof(struct base64),
	.push = push_standard,
	.close = base64_close,
};

const struct decoder_ops base64url_decoder = {
	.name = "base64url",
	.state_size = sizeof(struct base64),
	.push = push_url_safe,
	.close = base64_close,
};
