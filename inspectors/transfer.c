/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transfers lie in one array, slot 0 unused so that index 0 can say "none".
 * They are hashed by port alone, since the address may be either of two.
 */
#include "inspectors/transfer.h"

#include <stdlib.h>

#include "inspectors/conversation.h"

enum { BUCKETS = 4096 };

struct transfer_table {
	uint32_t limit, unused; /* unused: first of the free list */
	uint32_t buckets[BUCKETS];
	struct transfer slots[];
};

size_t
transfer_table_size(uint64_t limit)
{
	return sizeof(struct transfer_table) + (size_t)(limit + 1) * sizeof(struct transfer);
}

struct transfer_table *
transfer_table_new(uint64_t limit)
{
	struct transfer_table *t = calloc(1, transfer_table_size(limit));

	if (t == NULL)
		return NULL;
	t->limit = (uint32_t)limit;
	for (uint32_t i = t->limit; i > 0; i--) {
		t->slots[i].next = t->unused;
		t->unused = i;
	}
	return t;
}

void
transfer_table_free(struct transfer_table *table)
{
	free(table);
}

static uint32_t *
bucket_of(struct transfer_table *table, uint16_t port)
{
	return &table->buckets[port % BUCKETS];
}

/* Out of its bucket: no further connection is its. */
static void
await_no_more(struct transfer_table *table, struct transfer *t)
{
	uint32_t at = (uint32_t)(t - table->slots);
	uint32_t *link = bucket_of(table, t->port);

	if (!t->awaited)
		return;
	t->awaited = false;
	while (*link != at)
		link = &table->slots[*link].next;
	*link = t->next;
}

static bool
same_address(const struct transfer *t, int which, const uint8_t *address)
{
	return memcmp(t->address[which], address, t->family == 4 ? 4 : 16) == 0;
}

static void
free_slot(struct transfer_table *table, struct transfer *t)
{
	await_no_more(table, t);
	t->next = table->unused;
	table->unused = (uint32_t)(t - table->slots);
}

struct transfer *
transfer_announce(struct transfer_table *table, uint8_t family, const uint8_t *announced,
	const uint8_t *own, uint16_t port, bool passive)
{
	size_t n = family == 4 ? 4 : 16;
	struct transfer *t;
	uint32_t at, *bucket;

	if (table == NULL || table->unused == 0)
		return NULL;
	at = table->unused;
	t = &table->slots[at];
	table->unused = t->next;
	*t = (struct transfer){
		.family = family, .port = port, .passive = passive, .awaited = true, .holders = 1};
	memcpy(t->address[0], announced, n);
	memcpy(t->address[1], own, n);
	bucket = bucket_of(table, port);
	t->next = *bucket;
	*bucket = at;
	return t;
}

struct transfer *
transfer_match(struct transfer_table *table, const struct endpoints *ends)
{
	uint16_t port = ends->port[DIR_SERVER];

	if (table == NULL)
		return NULL;
	for (uint32_t at = *bucket_of(table, port); at != 0; at = table->slots[at].next) {
		struct transfer *t = &table->slots[at];

		if (t->port != port || t->family != ends->family ||
			(!same_address(t, 0, ends->address[DIR_SERVER]) &&
				!same_address(t, 1, ends->address[DIR_SERVER])))
			continue;
		await_no_more(table, t);
		t->holders++;
		return t;
	}
	return NULL;
}

void
transfer_release(struct transfer_table *table, struct transfer *t)
{
	if (t != NULL && --t->holders == 0)
		free_slot(table, t);
}
