/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct arena_page {
	struct arena_page *below;
	size_t size; /* of the whole page, this header included */
	size_t used; /* likewise */
};

enum { ALIGN = 16, HEADER = (sizeof(struct arena_page) + ALIGN - 1) / ALIGN * ALIGN };

static void *
malloc_take(void *ctx, size_t size)
{
	(void)ctx;
	return aligned_alloc(ALIGN, size);
}

static void
malloc_give(void *ctx, void *page, size_t size)
{
	(void)ctx;
	(void)size;
	free(page);
}

const struct arena_source arena_source_malloc = {malloc_take, malloc_give, NULL};

void
arena_init(struct arena *a, const struct arena_source *source, struct arena_budget *budget)
{
	budget->source = source;
	*a = (struct arena){budget, NULL};
}

/* The first page is small, since most flows need little; then medium ones. */
static size_t
page_size_for(const struct arena *a, size_t n)
{
	if (a->top == NULL && n <= ARENA_PAGE_SMALL - HEADER)
		return ARENA_PAGE_SMALL;
	if (n <= ARENA_PAGE_MEDIUM - HEADER)
		return ARENA_PAGE_MEDIUM;
	return ARENA_PAGE_LARGE;
}

static bool
push_page(struct arena *a, size_t n)
{
	size_t size = page_size_for(a, n);
	struct arena_page *page;

	if (n > ARENA_PAGE_LARGE - HEADER || size > a->budget->limit - a->budget->held)
		return false;
	page = a->budget->source->take(a->budget->source->ctx, size);
	if (page == NULL)
		return false;
	*page = (struct arena_page){a->top, size, HEADER};
	a->top = page;
	a->budget->held += size;
	if (a->budget->held > a->budget->peak)
		a->budget->peak = a->budget->held;
	return true;
}

static void
pop_page(struct arena *a)
{
	struct arena_page *page = a->top;

	a->top = page->below;
	a->budget->held -= page->size;
	a->budget->source->give(a->budget->source->ctx, page, page->size);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	uint8_t *at;

	if (n > ARENA_PAGE_LARGE)
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if ((a->top == NULL || n > a->top->size - a->top->used) && !push_page(a, n))
		return NULL;
	at = (uint8_t *)a->top + a->top->used;
	a->top->used += n;
	return at;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

char *
arena_copy(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (copy != NULL) {
		if (n > 0)
			memcpy(copy, p, n);
		copy[n] = '\0';
	}
	return copy;
}

struct arena_mark
arena_mark(const struct arena *a)
{
	return (struct arena_mark){a->top, a->top == NULL ? 0 : a->top->used};
}

void
arena_rewind(struct arena *a, struct arena_mark mark)
{
	while (a->top != mark.page)
		pop_page(a);
	if (a->top != NULL)
		a->top->used = mark.used;
}

void
arena_release(struct arena *a)
{
	while (a->top != NULL)
		pop_page(a);
}
