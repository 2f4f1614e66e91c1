/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_CUT_H
#define SLUSS_TEST_CUT_H

/**
 * @file
 * Shared by all decoder and inspector tests: feed an input in pieces, each in a
 * buffer of exactly its size, so that an overread is caught by AddressSanitizer;
 * and collect what comes out.
 */

#include "inspectors/arena.h"
#include "inspectors/bytes.h"
#include "inspectors/stream/decoder.h"

/** Grows as needed; starts as { 0 }. Free with box_free(). */
struct box {
	uint8_t *p;
	size_t n, room;
};

/** Append @p n bytes. */
void box_put(struct box *b, const void *p, size_t n);
void box_free(struct box *b);

/** A terminal stage that collects into the struct box at its state's address. */
struct decoder *box_stage(struct box *b, struct arena *a);

/** Call @p feed with a fresh exact-size copy of each piece of @p in: [0,cut) and [cut,n). */
void feed_cut(struct bytes in, size_t cut, void (*feed)(void *ctx, struct bytes piece), void *ctx);

/** The same in pieces of @p step bytes. */
void feed_steps(struct bytes in, size_t step, void (*feed)(void *ctx, struct bytes piece),
	void *ctx);

/**
 * Run a decoder over @p in in pieces of [0,cut) and [cut,n), or in pieces of
 * @p step bytes when step > 0, and collect its output.
 * @return decoder_close()'s outcome, or that of open()
 */
enum outcome decode(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in,
	size_t cut, size_t step, struct box *out);

/**
 * Assert that the outcome and the output are @p want for every cut in two, and
 * for every step from one byte to 64.
 */
void assert_decodes(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in,
	struct bytes want, enum outcome want_outcome);

#endif
