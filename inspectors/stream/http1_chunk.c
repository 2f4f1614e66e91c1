/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *  SIZE --digit--> DIGITS --other--> EXTENSION --LF--> CONTENT --left == 0--> SIZE
 *                                                 \--(size 0)--> LAST
 */
#include "inspectors/stream/http1_chunk.h"

enum { SIZE, DIGITS, EXTENSION, CONTENT };

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* False for 2^60 and more, which is nobody's size. */
static bool
add_digit(struct http1_chunk *c, int v)
{
	if (c->size >> 56 != 0)
		return false;
	c->size = c->size << 4 | (uint64_t)v;
	return true;
}

/* One byte of framing; false where the framing breaks. */
static bool
framing_byte(struct http1_chunk *c, uint8_t b)
{
	int v = hex_value(b);

	if (c->state == SIZE) {
		if (is_blank(b))
			return true;
		if (v < 0)
			return false;
		c->size = 0;
		c->state = DIGITS;
		return add_digit(c, v);
	}
	if (c->state == DIGITS) {
		if (v >= 0)
			return add_digit(c, v);
		/* "0x5": the x is skipped, as integer parsers with a base of 16 do. */
		if (ascii_lower(b) == 'x' && c->size == 0)
			return true;
		c->state = EXTENSION;
	}
	if (b == '\n') {
		c->left = c->size;
		c->state = CONTENT;
	}
	return true;
}

bool
http1_chunk_in_extension(const struct http1_chunk *c)
{
	return c->state == EXTENSION;
}

size_t
http1_chunk_next(struct http1_chunk *c, struct bytes in, enum http1_chunk_kind *ret_kind)
{
	size_t n = 0;

	if (c->state == CONTENT && c->left == 0)
		c->state = SIZE;
	if (c->state == CONTENT) {
		n = c->left < in.n ? (size_t)c->left : in.n;
		c->left -= n;
		*ret_kind = HTTP1_CHUNK_CONTENT;
		return n;
	}
	*ret_kind = HTTP1_CHUNK_FRAMING;
	while (n < in.n && c->state != CONTENT) {
		if (!framing_byte(c, in.p[n])) {
			if (n == 0)
				*ret_kind = HTTP1_CHUNK_BROKEN;
			return n;
		}
		n++;
	}
	if (c->state == CONTENT && c->left == 0)
		*ret_kind = HTTP1_CHUNK_LAST;
	return n;
}
