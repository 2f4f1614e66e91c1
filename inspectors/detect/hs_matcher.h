/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HS_MATCHER_H
#define SLUSS_HS_MATCHER_H

/**
 * @file
 * The only room that knows Hyperscan (or Vectorscan): pattern databases in
 * streaming mode, byte mode, without start-of-match.
 *
 * A stream's memory comes from an arena and goes with it: there is no close.
 */

#include <stdbool.h>

#include "inspectors/arena.h"
#include "inspectors/bytes.h"

struct hs_matcher;
struct hs_working_space;

struct matcher_pattern {
	const char *expr;
	const char *database; /* patterns of one name are compiled together */
	unsigned id;          /* given to the callback */
	bool caseless;
	bool multiline;
};

enum { MATCHER_DATABASES_MAX = 16 };

/**
 * Compile. Slow; never on the packet path.
 *
 * @param ret_bad  on failure the index of the pattern at fault, or -1
 * @param why      on failure the library's message
 * @return NULL on failure
 */
struct hs_matcher *hs_matcher_compile(
	const struct matcher_pattern *patterns, size_t n, int *ret_bad, char *why, size_t why_size);
void hs_matcher_free(struct hs_matcher *m); /* accepts NULL */

/** Databases that the patterns were split into; their indices run from 0. */
size_t hs_matcher_databases(const struct hs_matcher *m);

/** Working space for one thread, for all databases; NULL: no memory. */
struct hs_working_space *hs_working_space_new(const struct hs_matcher *m);
void hs_working_space_free(struct hs_working_space *space); /* accepts NULL */

/** A stream of database @p db, in @p arena; NULL when that is used up. */
void *hs_matcher_open(const struct hs_matcher *m, size_t db, struct arena *arena);

/** A match ends before the byte at @p end of the stream. Non-zero stops the scan. */
typedef int (*matcher_hit_fn)(unsigned id, uint64_t end, void *ctx);

void hs_matcher_scan(void *stream, struct bytes in, struct hs_working_space *space,
	matcher_hit_fn hit, void *ctx);

#endif
