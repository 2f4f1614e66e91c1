/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_BYTES_H
#define SLUSS_BYTES_H

/**
 * @file
 * A borrowed run of bytes, and the cursor that reads fixed headers.
 *
 * Nothing here owns memory. A struct bytes is valid as long as the memory it
 * points into; callees that need it longer copy it into an arena.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p; /* may be NULL when n is 0 */
	size_t n;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/** The bytes of a string literal, without its terminating zero. */
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct bytes
bytes_of(const void *p, size_t n)
{
	return (struct bytes){p, n};
}

static inline struct bytes
bytes_str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/** What is left of @p b after its first @p n bytes (all of it, if shorter). */
static inline struct bytes
bytes_skip(struct bytes b, size_t n)
{
	if (n > b.n)
		n = b.n;
	return (struct bytes){n > 0 ? b.p + n : b.p, b.n - n};
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static inline bool
ascii_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/** Value of a hexadecimal digit, -1 if @p c is none. */
static inline int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** ASCII-caseless equality; bytes above 127 compare as they are. */
static inline bool
bytes_equal_nocase(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

/** Does @p b begin with @p prefix, ASCII-caseless? */
static inline bool
bytes_starts_nocase(struct bytes b, struct bytes prefix)
{
	return b.n >= prefix.n && bytes_equal_nocase((struct bytes){b.p, prefix.n}, prefix);
}

/** Without spaces, tabs, CR and LF at either end. */
static inline struct bytes
bytes_trim(struct bytes b)
{
	while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t' || b.p[0] == '\r' || b.p[0] == '\n'))
		b = bytes_skip(b, 1);
	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t' || b.p[b.n - 1] == '\r' ||
				  b.p[b.n - 1] == '\n'))
		b.n--;
	return b;
}

/**
 * Cursor over a fixed header: read straight down the specification, check
 * `bad` once at the end. Once set it stays, and every later read gives zero.
 */
struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct reader
reader_of(struct bytes b)
{
	return (struct reader){b.p, b.p == NULL ? b.p : b.p + b.n, false};
}

/** The next @p n bytes, or NULL (and bad) where so many aren't there. */
static inline const uint8_t *
reader_take(struct reader *r, size_t n)
{
	const uint8_t *at = r->p;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return at;
}

static inline uint8_t
reader_u8(struct reader *r)
{
	const uint8_t *at = reader_take(r, 1);

	return at == NULL ? 0 : at[0];
}

static inline uint16_t
reader_be16(struct reader *r)
{
	const uint8_t *at = reader_take(r, 2);

	return at == NULL ? 0 : (uint16_t)(at[0] << 8 | at[1]);
}

#endif
