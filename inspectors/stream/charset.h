/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHARSET_H
#define SLUSS_CHARSET_H

/**
 * @file
 * Any charset to UTF-8, by part_meta.charset, with what the bytes themselves say.
 *
 *   utf-8, us-ascii, none, unknown   "auto", see below
 *   iso-8859-1, windows-1252, …      a table of 256; ISO-8859-1 as windows-1252
 *                                    (WHATWG Encoding, 4.2)
 *   utf-16, utf-16le, …, utf-32, …   RFC 2781, Unicode 3.10
 *   utf-7                            RFC 2152
 *   gb18030, big5, shift_jis, euc-…  iconv
 *
 * A byte order mark goes before the declaration, as in browsers, and is dropped.
 *
 * Auto: valid UTF-8 passes where it lies. A byte that is none reads as
 * windows-1252. Where every other byte of a run of eight or more is zero, it
 * is UTF-16: little-endian if the zeros lie at odd offsets, else big-endian;
 * and bytes again where the pattern stops.
 *
 * What is declared or marked as UTF-16, but is eight times in a row a pair of
 * printable ASCII bytes, is read as bytes from those on: text under a wrong
 * declaration isn't hidden by it.
 *
 * Never fails, but for OUTCOME_OVER_BUDGET at open when too many iconv
 * conversions are in use.
 */

#include "inspectors/stream/decoder.h"

/**
 * All charsets by name. Made once at start (it opens and closes every
 * converter, so that their modules are loaded), shared by all threads;
 * decoders change nothing in it but an atomic counter.
 */
struct charset_catalog;

/**
 * @param most_conversions  iconv conversions that may be in use at once
 * @return NULL when there is no memory; free with charset_catalog_free()
 */
struct charset_catalog *charset_catalog_new(unsigned most_conversions);
void charset_catalog_free(struct charset_catalog *catalog); /* accepts NULL */

/**
 * The decoder. Its catalog is that of the part's message; without a part (in
 * unit tests) every charset that needs one is read as "auto".
 *
 * decoder_close() must be called even if the message is discarded: it gives
 * the iconv conversion back.
 */
extern const struct decoder_ops charset_decoder;

/**
 * For tests, and for callers without a part (header fields): begin
 * @p d, a stage just opened, anew by this catalog and charset name.
 * @return OUTCOME_OVER_BUDGET: too many conversions in use
 */
enum outcome charset_decoder_open_with(
	struct decoder *d, const struct charset_catalog *catalog, struct bytes name);

#endif
