/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INFLATE_H
#define SLUSS_INFLATE_H

/**
 * @file
 * gzip (RFC 1952), zlib (RFC 1950) and raw deflate (RFC 1951), as receivers
 * read them. They give what they have instead of failing whole.
 *
 * What the bytes are is told by the first of them, then by trying:
 *
 *   gzip_decoder     gzip; a gzip header whose flags lie: deflate data behind its
 *                    fixed ten bytes; zlib
 *   deflate_decoder  the same, then raw deflate
 *
 * If none of these fits, the bytes are passed on as they are. An attempt can
 * be given up as long as its input is no more than INFLATE_KEPT bytes, since
 * so many are kept; its output so far stays, then a line feed, then the next
 * attempt's. Reserved flag bits and a wrong header check value are ignored.
 *
 * Members may follow one another; what follows the last is passed on as it is.
 * File names and comments in gzip headers are emitted behind everything.
 *
 * OUTCOME_DAMAGED
 *   at once   the deflate data breaks off after more than INFLATE_KEPT bytes
 *   at close  cut short, trailer missing, wrong check value or length, or not
 *             compressed at all; everything was emitted
 * OUTCOME_OVER_BUDGET  the arena has no 58 KiB, or there are more than 1,024
 *             bytes of names
 *
 * No emission is larger than INFLATE_SLICE (16 KiB).
 */

#include "inspectors/stream/decoder.h"

enum { INFLATE_KEPT = 1024 /* bytes */ };

extern const struct decoder_ops gzip_decoder;
extern const struct decoder_ops deflate_decoder;

#endif
