/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Extendible hashing: the directory is indexed by the hash's top bits, pages
 * are open-addressed by the hash itself. Only the page that is full is split,
 * so no insertion costs more than one page and, now and then, one doubling of
 * a directory of at most 64 KiB.
 */
#include "inspectors/distinct.h"

#include <string.h>

enum {
	SLOTS = 248,	/* with its header a page fits ARENA_PAGE_MEDIUM */
	SPLIT_AT = 200, /* keeps probe runs short */
	DEPTH_MAX = 12, /* directory of 32 KiB, some 600,000 identifiers */
};

struct distinct_page {
	unsigned depth;
	unsigned used;
	struct distinct_entry slots[SLOTS];
};

static size_t
directory_index(uint64_t hash, unsigned depth)
{
	return depth == 0 ? 0 : (size_t)(hash >> (64 - depth));
}

static struct distinct_entry *
page_slot(struct distinct_page *page, uint64_t hash)
{
	size_t i = (size_t)(hash % SLOTS);

	while (page->slots[i].hash != 0 && page->slots[i].hash != hash)
		i = i + 1 == SLOTS ? 0 : i + 1;
	return &page->slots[i];
}

static bool
double_directory(struct distinct *set, struct arena *arena)
{
	size_t n = (size_t)1 << set->depth;
	struct distinct_page **wider;

	if (set->depth == DEPTH_MAX)
		return false;
	wider = arena_alloc(arena, 2 * n * sizeof(struct distinct_page *));
	if (wider == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		wider[2 * i] = wider[2 * i + 1] = set->directory[i];
	set->directory = wider;
	set->depth++;
	return true;
}

/* Part a full page by the next bit of its entries' hashes. */
static bool
split_page(struct distinct *set, struct arena *arena, uint64_t hash)
{
	struct distinct_page *page = set->directory[directory_index(hash, set->depth)];
	struct distinct_page old, *other;
	size_t span, from;

	if (page->depth == set->depth && !double_directory(set, arena))
		return false;
	other = arena_zalloc(arena, sizeof(*other));
	if (other == NULL)
		return false;
	old = *page;
	memset(page->slots, 0, sizeof(page->slots));
	page->used = 0;
	page->depth = other->depth = old.depth + 1;
	for (size_t i = 0; i < SLOTS; i++) {
		const struct distinct_entry *e = &old.slots[i];
		struct distinct_page *to =
			e->hash >> (64 - page->depth) & 1 ? other : page;

		if (e->hash != 0) {
			*page_slot(to, e->hash) = *e;
			to->used++;
		}
	}
	span = (size_t)1 << (set->depth - page->depth);
	from = directory_index(hash, page->depth) | 1;
	for (size_t i = 0; i < span; i++)
		set->directory[from * span + i] = other;
	return true;
}

static bool
first_page(struct distinct *set, struct arena *arena)
{
	struct distinct_page **directory = arena_alloc(arena, sizeof(struct distinct_page *));

	if (directory == NULL)
		return false;
	directory[0] = arena_zalloc(arena, sizeof(struct distinct_page));
	if (directory[0] == NULL)
		return false;
	set->directory = directory;
	return true;
}

struct distinct_entry *
distinct_get(struct distinct *set, struct arena *arena, uint64_t hash, bool *ret_new)
{
	if (hash == 0)
		hash = 1; /* 0 marks a free slot */
	*ret_new = false;
	if (set->directory == NULL && !first_page(set, arena))
		return NULL;
	for (;;) {
		struct distinct_page *page =
			set->directory[directory_index(hash, set->depth)];
		struct distinct_entry *e = page_slot(page, hash);

		if (e->hash == hash)
			return e;
		if (page->used < SPLIT_AT) {
			e->hash = hash;
			page->used++;
			set->count++;
			*ret_new = true;
			return e;
		}
		if (!split_page(set, arena, hash))
			return NULL;
	}
}

struct distinct_entry *
distinct_find(const struct distinct *set, uint64_t hash)
{
	struct distinct_entry *e;

	if (hash == 0)
		hash = 1;
	if (set->directory == NULL)
		return NULL;
	e = page_slot(set->directory[directory_index(hash, set->depth)], hash);
	return e->hash == hash ? e : NULL;
}

void
distinct_each(const struct distinct *set, void (*each)(void *ctx, struct distinct_entry *e),
	void *ctx)
{
	const struct distinct_page *last = NULL;

	if (set->directory == NULL)
		return;
	/* A page that several directory places share stands in neighbouring ones. */
	for (size_t i = 0; i < (size_t)1 << set->depth; i++) {
		struct distinct_page *page = set->directory[i];

		if (page == last)
			continue;
		last = page;
		for (size_t j = 0; j < SLOTS; j++)
			if (page->slots[j].hash != 0)
				each(ctx, &page->slots[j]);
	}
}
