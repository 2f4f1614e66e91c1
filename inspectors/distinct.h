/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DISTINCT_H
#define SLUSS_DISTINCT_H

/**
 * @file
 * A set of 64-bit hashes that grows page by page (extendible hashing): exact
 * counts of distinct identifiers without a rehash of everything at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/arena.h"

struct distinct_entry {
	uint64_t hash;	   /* 0: free */
	uint32_t part;	   /* ordinal of the part it was last seen in */
	uint16_t detector;
	uint8_t level;	   /* highest confidence so far */
	uint8_t near;	   /* bit i: seen in a part with the evidence of words list i */
};

struct distinct_page;

struct distinct {
	struct distinct_page **directory; /* 1 << depth pointers; NULL while empty */
	unsigned depth;
	uint64_t count;
};

/**
 * Find the entry of @p hash, or add it.
 *
 * @param ret_new  whether it was added (then only `hash` is set)
 * @return NULL when the arena is used up
 */
struct distinct_entry *distinct_get(
	struct distinct *set, struct arena *arena, uint64_t hash, bool *ret_new);

/** The entry of @p hash, or NULL. */
struct distinct_entry *distinct_find(const struct distinct *set, uint64_t hash);

/** Call @p each on every entry, in no order. */
void distinct_each(const struct distinct *set, void (*each)(void *ctx, struct distinct_entry *e),
	void *ctx);

#endif
