/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384 };

struct pool_block {
	struct pool_block *next;
	size_t size, used; /* of what follows the header */
	alignas(max_align_t) uint8_t memory[];
};

static struct pool_block *
add_block(struct pool *p, size_t n)
{
	size_t size = n > BLOCK ? n : BLOCK;
	struct pool_block *b;

	if (size > p->limit - p->held)
		return NULL;
	b = calloc(1, sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	*b = (struct pool_block){p->blocks, size, 0};
	p->blocks = b;
	p->held += size;
	return b;
}

void *
pool_alloc(struct pool *p, size_t n)
{
	struct pool_block *b = p->blocks;
	void *at;

	if (n > p->limit)
		return NULL;
	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (b == NULL || n > b->size - b->used)
		b = add_block(p, n);
	if (b == NULL)
		return NULL;
	at = b->memory + b->used;
	b->used += n;
	return at;
}

void *
pool_array(struct pool *p, size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : pool_alloc(p, bytes);
}

char *
pool_copy(struct pool *p, const void *bytes, size_t n)
{
	char *copy = n < p->limit ? pool_alloc(p, n + 1) : NULL;

	if (copy != NULL && n > 0)
		memcpy(copy, bytes, n);
	return copy;
}

void
pool_free(struct pool *p)
{
	while (p->blocks != NULL) {
		struct pool_block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
	p->held = 0;
}
