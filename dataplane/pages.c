/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunks of DPDK memory are cut into large pages, and a large page, where
 * needed, into a slab of smaller ones. A slab whose pages have all come back
 * is a large page again, so a rush of small flows doesn't use up the memory
 * that archives need later.
 *
 * Large pages lie at multiples of their size: the slab of a page is found from
 * its address. A slab's header takes the place of its first page.
 */
#include "dataplane/pages.h"

#include <stdbool.h>

#include <rte_malloc.h>

enum { CHUNK = 1 << 20, CLASSES = 2 };

static const size_t class_size[CLASSES] = {ARENA_PAGE_SMALL, ARENA_PAGE_MEDIUM};

struct free_page {
	struct free_page *next;
};

/* In one of the lists of slabs with room, or, full, in none. */
struct slab {
	struct slab *next, *prev;
	struct free_page *free;
	uint32_t used; /* pages that are out */
	uint32_t cut;  /* bytes from the start on that were ever given; behind them all is free */
};
_Static_assert(sizeof(struct slab) <= ARENA_PAGE_SMALL, "a slab's header fits its first page");

struct chunk {
	struct chunk *next;
	uint8_t *base;
};

struct pages {
	struct arena_source source;
	struct slab *room[CLASSES]; /* slabs with room */
	struct free_page *large;
	struct chunk *chunks;
	uint8_t *fresh, *fresh_end; /* large pages of the newest chunk that were never used */
	uint64_t limit, chunk_bytes;
	uint64_t held, peak, refused;
	int socket;
};

/* ---- large pages ---- */

static bool
add_chunk(struct pages *p)
{
	struct chunk *c;

	if (p->chunk_bytes + CHUNK > p->limit)
		return false;
	c = rte_malloc_socket("arena chunk", sizeof(*c), 0, p->socket);
	if (c == NULL)
		return false;
	c->base = rte_malloc_socket("arena pages", CHUNK, ARENA_PAGE_LARGE, p->socket);
	if (c->base == NULL) {
		rte_free(c);
		return false;
	}
	c->next = p->chunks;
	p->chunks = c;
	p->chunk_bytes += CHUNK;
	p->fresh = c->base;
	p->fresh_end = c->base + CHUNK;
	return true;
}

static void *
take_large(struct pages *p)
{
	struct free_page *page = p->large;

	if (page != NULL) {
		p->large = page->next;
		return page;
	}
	if (p->fresh == p->fresh_end && !add_chunk(p))
		return NULL;
	page = (struct free_page *)p->fresh;
	p->fresh += ARENA_PAGE_LARGE;
	return page;
}

static void
give_large(struct pages *p, void *page)
{
	struct free_page *f = page;

	f->next = p->large;
	p->large = f;
}

/* ---- slabs ---- */

static void
list_add(struct slab **list, struct slab *s)
{
	s->prev = NULL;
	s->next = *list;
	if (s->next != NULL)
		s->next->prev = s;
	*list = s;
}

static void
list_remove(struct slab **list, struct slab *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		*list = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
}

static bool
is_full(const struct slab *s)
{
	return s->free == NULL && s->cut == ARENA_PAGE_LARGE;
}

static struct slab *
slab_with_room(struct pages *p, unsigned class)
{
	struct slab *s = p->room[class];

	if (s != NULL)
		return s;
	s = take_large(p);
	if (s == NULL)
		return NULL;
	*s = (struct slab){.cut = (uint32_t)class_size[class]};
	list_add(&p->room[class], s);
	return s;
}

static void *
take_small(struct pages *p, unsigned class)
{
	struct slab *s = slab_with_room(p, class);
	void *page;

	if (s == NULL)
		return NULL;
	page = s->free;
	if (page != NULL) {
		s->free = s->free->next;
	} else {
		page = (uint8_t *)s + s->cut;
		s->cut += (uint32_t)class_size[class];
	}
	s->used++;
	if (is_full(s))
		list_remove(&p->room[class], s);
	return page;
}

static void
give_small(struct pages *p, unsigned class, void *page)
{
	struct slab *s = (struct slab *)((uintptr_t)page & ~(uintptr_t)(ARENA_PAGE_LARGE - 1));
	struct free_page *f = page;

	if (is_full(s))
		list_add(&p->room[class], s);
	f->next = s->free;
	s->free = f;
	if (--s->used > 0)
		return;
	list_remove(&p->room[class], s);
	give_large(p, s);
}

/* ---- the source ---- */

static void *
pages_take(void *ctx, size_t size)
{
	struct pages *p = ctx;
	void *page = size == ARENA_PAGE_LARGE ? take_large(p)
					      : take_small(p, size == ARENA_PAGE_MEDIUM);

	if (page == NULL) {
		p->refused++;
		return NULL;
	}
	p->held += size;
	if (p->held > p->peak)
		p->peak = p->held;
	return page;
}

static void
pages_give(void *ctx, void *page, size_t size)
{
	struct pages *p = ctx;

	if (size == ARENA_PAGE_LARGE)
		give_large(p, page);
	else
		give_small(p, size == ARENA_PAGE_MEDIUM, page);
	p->held -= size;
}

struct pages *
pages_create(uint64_t limit, int socket)
{
	struct pages *p = rte_zmalloc_socket("pages", sizeof(*p), 0, socket);

	if (p == NULL)
		return NULL;
	p->limit = limit < CHUNK ? CHUNK : limit;
	p->socket = socket;
	p->source = (struct arena_source){pages_take, pages_give, p};
	return p;
}

void
pages_destroy(struct pages *p)
{
	if (p == NULL)
		return;
	while (p->chunks != NULL) {
		struct chunk *c = p->chunks;

		p->chunks = c->next;
		rte_free(c->base);
		rte_free(c);
	}
	rte_free(p);
}

const struct arena_source *
pages_source(struct pages *p)
{
	return &p->source;
}

uint64_t
pages_held(const struct pages *p)
{
	return p->held;
}

uint64_t
pages_peak(const struct pages *p)
{
	return p->peak;
}

uint64_t
pages_refused(const struct pages *p)
{
	return p->refused;
}
