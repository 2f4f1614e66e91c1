/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PAGES_H
#define SLUSS_PAGES_H

/**
 * @file
 * One worker's pages for the flows' arenas, cut from chunks of DPDK memory.
 * Taking and giving are a few instructions, without locks. Invariant 4 for all
 * flows together is enforced here: no chunk is taken beyond the limit. Memory
 * that is free serves any size again once its whole large page is free.
 */

#include <stddef.h>
#include <stdint.h>

#include "inspectors/arena.h"

struct pages;

/**
 * @param limit   bytes of all pages, in use or free (limits.inspect_memory,
 *                this worker's share); at least one chunk of 1 MiB is allowed
 * @param socket  NUMA node, or SOCKET_ID_ANY
 * @return NULL: no memory
 */
struct pages *pages_create(uint64_t limit, int socket);
void pages_destroy(struct pages *p); /* accepts NULL */

/** For arena_init(); lives as long as @p p. */
const struct arena_source *pages_source(struct pages *p);

uint64_t pages_held(const struct pages *p);    /* bytes in use now */
uint64_t pages_peak(const struct pages *p);    /* the most there was in use */
uint64_t pages_refused(const struct pages *p); /* pages refused since the limit was reached */

#endif
