/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/pages.h"

#include <rte_malloc.h>

enum { CHUNK = 1 << 20, CLASSES = 3 };

static const size_t class_size[CLASSES] = {
	ARENA_PAGE_SMALL, ARENA_PAGE_MEDIUM, ARENA_PAGE_LARGE};

struct free_page {
	struct free_page *next;
};

struct chunk {
	struct chunk *next;
};

struct pages {
	struct arena_source source;
	struct free_page *free[CLASSES];
	struct chunk *chunks;
	uint8_t *fresh, *fresh_end; /* of the newest chunk, not cut yet; whole large pages */
	uint64_t limit, chunk_bytes;
	uint64_t held, peak, refused;
	int socket;
};

static unsigned
class_of(size_t size)
{
	return size == ARENA_PAGE_SMALL ? 0 : size == ARENA_PAGE_MEDIUM ? 1 : 2;
}

/* Its header costs a chunk one large page: 15 of 16 are usable. */
static bool
add_chunk(struct pages *p)
{
	struct chunk *c;

	if (p->chunk_bytes + CHUNK > p->limit)
		return false;
	c = rte_malloc_socket("arena pages", CHUNK, 64, p->socket);
	if (c == NULL)
		return false;
	c->next = p->chunks;
	p->chunks = c;
	p->chunk_bytes += CHUNK;
	p->fresh = (uint8_t *)c + 64;
	p->fresh_end = (uint8_t *)c + CHUNK;
	return true;
}

/* Cut a large page into pages of a class; all but the first go to the free ones. */
static void *
cut(struct pages *p, unsigned class, uint8_t *large)
{
	for (size_t at = class_size[class]; at < ARENA_PAGE_LARGE; at += class_size[class]) {
		struct free_page *f = (struct free_page *)(large + at);

		f->next = p->free[class];
		p->free[class] = f;
	}
	return large;
}

static void *
fresh_large(struct pages *p)
{
	uint8_t *at;

	if ((size_t)(p->fresh_end - p->fresh) < ARENA_PAGE_LARGE && !add_chunk(p))
		return NULL;
	at = p->fresh;
	p->fresh += ARENA_PAGE_LARGE;
	return at;
}

static void *
pages_take(void *ctx, size_t size)
{
	struct pages *p = ctx;
	unsigned class = class_of(size);
	struct free_page *f = p->free[class];
	void *page = f;

	if (f != NULL) {
		p->free[class] = f->next;
	} else {
		/* A free large page serves any size once nothing fresh is left. */
		page = fresh_large(p);
		if (page == NULL && p->free[CLASSES - 1] != NULL) {
			page = p->free[CLASSES - 1];
			p->free[CLASSES - 1] = p->free[CLASSES - 1]->next;
		}
		if (page == NULL) {
			p->refused++;
			return NULL;
		}
		if (class < CLASSES - 1)
			page = cut(p, class, page);
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
	struct free_page *f = page;

	f->next = p->free[class_of(size)];
	p->free[class_of(size)] = f;
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
