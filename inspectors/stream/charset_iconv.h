/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHARSET_ICONV_H
#define SLUSS_CHARSET_ICONV_H

/**
 * @file
 * The only place that knows iconv.
 */

#include "inspectors/bytes.h"

/** One byte of a single-byte charset as UTF-8; n is 0 where it has no character. */
struct charset_byte {
	uint8_t n;
	uint8_t utf8[3];
};

struct charset_conversion;

/** Fill @p ret from iconv's charset @p name. @return false if it knows none of that name */
bool charset_iconv_table(const char *name, struct charset_byte ret[256]);

/** Begin converting from @p name to UTF-8; NULL if iconv can't. */
struct charset_conversion *charset_conversion_open(const char *name);
void charset_conversion_close(struct charset_conversion *c); /* accepts NULL */

enum charset_step {
	CHARSET_DONE,	 /* all of the input was taken */
	CHARSET_MORE,	 /* no room: call again */
	CHARSET_CUT,	 /* a character is cut by the input's end; it was left */
	CHARSET_INVALID, /* the next byte begins no character; it was left */
};

/**
 * Convert a piece.
 * @param in     advanced past what was taken
 * @param out    room for @p room bytes, at least 16
 * @param ret_n  bytes written
 */
enum charset_step charset_conversion_step(
	struct charset_conversion *c, struct bytes *in, uint8_t *out, size_t room, size_t *ret_n);

/** What the converter held back. @return bytes written */
size_t charset_conversion_end(struct charset_conversion *c, uint8_t *out, size_t room);

#endif
