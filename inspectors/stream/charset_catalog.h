/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHARSET_CATALOG_H
#define SLUSS_CHARSET_CATALOG_H

/**
 * @file
 * What charset.c asks the catalog. The public part is in charset.h.
 */

#include "inspectors/stream/charset.h"
#include "inspectors/stream/charset_iconv.h"

enum charset_kind {
	CHARSET_AUTO,
	CHARSET_TABLE,
	CHARSET_UTF16, /* byte order unknown */
	CHARSET_UTF16LE,
	CHARSET_UTF16BE,
	CHARSET_UTF32, /* byte order unknown */
	CHARSET_UTF32LE,
	CHARSET_UTF32BE,
	CHARSET_UTF7,
	CHARSET_ICONV,
};

struct charset_entry {
	enum charset_kind kind;
	bool ascii; /* outside of its characters, bytes below 0x80 are ASCII */
	const char *iconv_name; /* for CHARSET_ICONV */
	const struct charset_byte *table; /* 256, for CHARSET_TABLE */
};

/** By name, caseless; CHARSET_AUTO where none is known or @p catalog is NULL. */
struct charset_entry charset_lookup(const struct charset_catalog *catalog, struct bytes name);

/** NULL when as many as allowed are in use. */
struct charset_conversion *charset_take_conversion(
	const struct charset_catalog *catalog, const char *iconv_name);
/** Give back what charset_take_conversion() gave. */
void charset_give_conversion(const struct charset_catalog *catalog, struct charset_conversion *c);

#endif
