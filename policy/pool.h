/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_POOL_H
#define SLUSS_POOL_H

/**
 * @file
 * Memory that is freed all at once, for what is built once and then only read:
 * a YAML tree, a policy. Not for the packet path (inspectors/arena.h is).
 */

#include <stddef.h>

struct pool_block;

/** Starts as { 0 }, with a limit. */
struct pool {
	struct pool_block *blocks;
	size_t held, limit; /* bytes */
};

/** @p n bytes, cleared, aligned for any type; NULL at the limit or out of memory. */
void *pool_alloc(struct pool *p, size_t n);

/** An array of @p n elements of @p size bytes, cleared; NULL likewise, or on overflow. */
void *pool_array(struct pool *p, size_t n, size_t size);

/** A copy of @p n bytes with a zero behind them. */
char *pool_copy(struct pool *p, const void *bytes, size_t n);

void pool_free(struct pool *p);

#endif
