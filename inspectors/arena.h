/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_ARENA_H
#define SLUSS_ARENA_H

/**
 * @file
 * Memory of one flow: arenas made of pages, all under one budget.
 *
 * Open a layer, save a mark; close it, rewind. There is no free, hence none to
 * forget on an error path. Pages come from a source: the data plane carves
 * them from huge pages before the first packet, tests and `slussctl` use
 * malloc. A page above the mark goes back at once, so an idle flow holds little.
 *
 * Invariant 4 (memory is bounded) is enforced here: no page is taken beyond
 * the budget, and NULL is an outcome (over-budget), not an abort.
 */

#include <stddef.h>
#include <stdint.h>

/* The only page sizes that a source is asked for, in bytes. */
enum {
	ARENA_PAGE_SMALL = 1024,
	ARENA_PAGE_MEDIUM = 4096,
	ARENA_PAGE_LARGE = 65536, /* an inflate window and its tables */
};

struct arena_source {
	/* A page of exactly @p size bytes, 16-byte aligned; NULL when none is left. */
	void *(*take)(void *ctx, size_t size);
	void (*give)(void *ctx, void *page, size_t size);
	void *ctx;
};

/** Pages by malloc, for tests and command-line tools. */
extern const struct arena_source arena_source_malloc;

/** Shared by all arenas of one flow, which have one source. */
struct arena_budget {
	const struct arena_source *source; /* set by arena_init() */
	size_t limit; /* bytes of pages */
	size_t held;
	size_t peak;
};

struct arena_page;

struct arena {
	struct arena_budget *budget;
	struct arena_page *top; /* NULL until something is allocated */
};

struct arena_mark {
	struct arena_page *page;
	size_t used;
};

/** Holds no page yet. @p source and @p budget are borrowed for the arena's life. */
void arena_init(struct arena *a, const struct arena_source *source, struct arena_budget *budget);

/**
 * @p n bytes, 16-byte aligned, not cleared; NULL when the budget or the source
 * is used up, or when @p n can't fit the largest page (65,536 less a header).
 */
void *arena_alloc(struct arena *a, size_t n);

/** As arena_alloc, cleared. */
void *arena_zalloc(struct arena *a, size_t n);

/** A copy of @p n bytes with a terminating zero behind them; NULL as arena_alloc. */
char *arena_copy(struct arena *a, const void *p, size_t n);

struct arena_mark arena_mark(const struct arena *a);

/** Give back all that was allocated since @p mark. Marks are a stack. */
void arena_rewind(struct arena *a, struct arena_mark mark);

/** Give back everything; the arena can be used again. */
void arena_release(struct arena *a);

#endif
