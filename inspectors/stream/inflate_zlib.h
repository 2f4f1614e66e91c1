/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INFLATE_ZLIB_H
#define SLUSS_INFLATE_ZLIB_H

/**
 * @file
 * The only place that knows zlib: raw deflate data (RFC 1951), and the two
 * check values. zlib's memory lies in the room given at init; nothing is
 * allocated later, and there is nothing to free.
 */

#include <zlib.h>

#include "inspectors/bytes.h"
#include "inspectors/outcome.h"

enum {
	INFLATE_ROOM = 40960, /* bytes: zlib 1.2's state (7,160) and window (32,768) */
	INFLATE_SLICE = 16384 /* bytes: most that one step gives */
};

struct inflater {
	z_stream z;
	uint8_t *room;
	size_t used;
};

/**
 * @param room  INFLATE_ROOM bytes, 16-byte aligned, borrowed for the inflater's life
 * @return OUTCOME_OVER_BUDGET if zlib wants more than that
 */
enum outcome inflater_init(struct inflater *f, uint8_t *room);

/** Begin another stream. */
void inflater_reset(struct inflater *f);

/**
 * Inflate a slice.
 *
 * @param in       advanced past what was taken
 * @param out      INFLATE_SLICE bytes
 * @param ret_n    bytes of output; also set when the data turns out damaged
 * @param ret_end  the stream is complete; what is left in @p in is not its own
 * @return OUTCOME_OK; call again while @p in isn't empty or *ret_n is a whole slice.
 *         OUTCOME_DAMAGED: not deflate data from here on
 */
enum outcome inflater_step(
	struct inflater *f, struct bytes *in, uint8_t *out, size_t *ret_n, bool *ret_end);

/** CRC-32 of RFC 1952, 8; begins with 0. */
uint32_t inflate_crc32(uint32_t crc, struct bytes b);

/** Adler-32 of RFC 1950, 8.2; begins with 1. */
uint32_t inflate_adler32(uint32_t adler, struct bytes b);

#endif
