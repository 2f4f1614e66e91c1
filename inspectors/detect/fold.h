/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FOLD_H
#define SLUSS_FOLD_H

/**
 * @file
 * Folding of text before matching (identifier specification, 2.2): digits of
 * all scripts, dashes, spaces and fullwidth ASCII become ASCII, invisible
 * characters vanish, everything else passes as it is, invalid UTF-8 too.
 *
 * fold_next() cuts a stream into runs. Text in which nothing folds is one run
 * that points into the input: nothing is copied and one pass is made over it.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"

/** What a code point becomes: 0-127, or one of these. */
enum { FOLD_SAME = -1, FOLD_GONE = -2 };

/** What one code point becomes, by itself. */
int fold_code_point(uint32_t cp);

/** A stream's state; starts as { 0 }. */
struct fold {
	uint8_t held[4]; /* the bytes of a code point that a border cut */
	uint8_t n_held;
	uint8_t done[4]; /* what the last run points to, when it was held */
};

struct fold_run {
	/* FOLD_SAME: text passes unchanged. FOLD_GONE: nothing. Else the one byte. */
	int becomes;
	struct bytes text; /* for FOLD_SAME; valid until the next call */
	uint32_t source;   /* bytes of the original text */
};

/**
 * The next run of @p in, which is shortened by what was read.
 *
 * @return false when the input is used up (the start of a code point may be held)
 */
bool fold_next(struct fold *f, struct bytes *in, struct fold_run *run);

/** What is still held when the text ends, as an unchanged run; false if nothing. */
bool fold_end(struct fold *f, struct fold_run *run);

#endif
