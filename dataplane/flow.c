/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/flow.h"

#include <stdio.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include <xxhash.h>

enum { FLOWS_MIN = 8, EVICT_LOOK = 16, PORT_SYSTEM = 1024 };

struct flow_table {
	struct rte_hash *hash;
	struct flow *flows;
	uint32_t places; /* of flows[] */
	uint32_t count, limit;
	uint32_t sweep_hand, evict_hand;
	struct flow_table_config cfg;
	struct flow_counters counters;
};

/* Crafted collisions are hard without the seed; CRC would give them away. */
static uint32_t
hash_key(const void *key, uint32_t n, uint32_t seed)
{
	return (uint32_t)XXH3_64bits_withSeed(key, n, seed);
}

static struct rte_hash *
create_hash(const struct flow_table *t)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = name,
		.entries = t->cfg.flows,
		.key_len = sizeof(struct flow_key),
		.hash_func = hash_key,
		.hash_func_init_val = t->cfg.seed,
		.socket_id = t->cfg.socket,
		/* Every key has a place as long as the table isn't full. */
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	snprintf(name, sizeof(name), "flow-%p", (const void *)t);
	return rte_hash_create(&p);
}

struct flow_table *
flow_table_create(const struct flow_table_config *cfg)
{
	struct flow_table *t;

	if (cfg->flows < FLOWS_MIN || cfg->flows > RTE_HASH_ENTRIES_MAX)
		return NULL;
	t = rte_zmalloc_socket("flow_table", sizeof(*t), RTE_CACHE_LINE_SIZE, cfg->socket);
	if (t == NULL)
		return NULL;
	t->cfg = *cfg;
	t->limit = cfg->flows;
	t->hash = create_hash(t);
	if (t->hash != NULL) {
		t->places = (uint32_t)rte_hash_max_key_id(t->hash) + 1;
		t->flows = rte_zmalloc_socket("flows", (size_t)t->places * sizeof(struct flow),
			RTE_CACHE_LINE_SIZE, cfg->socket);
	}
	if (t->flows == NULL) {
		flow_table_destroy(t);
		return NULL;
	}
	return t;
}

void
flow_table_destroy(struct flow_table *t)
{
	if (t == NULL)
		return;
	rte_free(t->flows);
	rte_hash_free(t->hash);
	rte_free(t);
}

/* @return whether the packet's source is the low end */
static bool
key_of(const struct flow_table *t, const struct packet *p, struct flow_key *ret)
{
	int order = memcmp(p->address[0], p->address[1], 16);
	bool source_low = order < 0 || (order == 0 && p->port[0] <= p->port[1]);
	unsigned low = source_low ? 0 : 1;

	*ret = (struct flow_key){.low_port = p->port[low],
		.high_port = p->port[1 - low],
		.protocol = p->protocol,
		.family = p->family};
	memcpy(ret->low, p->address[low], 16);
	memcpy(ret->high, p->address[1 - low], 16);
	if (p->n_vlans > 0 && !t->cfg.ignore_vlans)
		ret->vlan = (uint16_t)(0x8000 ^ p->vlan[0] ^ p->vlan[1] << 3 ^
			(p->n_vlans > 1 ? 0x4000 : 0));
	return source_low;
}

void
flow_burst_lookup(struct flow_table *t, const struct packet *const *packets, unsigned n,
	struct flow_burst *ret)
{
	const void *keys[FLOW_BURST_MAX];

	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		ret->source_low[i] = key_of(t, packets[i], &ret->key[i]);
		ret->hash[i] = hash_key(&ret->key[i], sizeof(ret->key[i]), t->cfg.seed);
		keys[i] = &ret->key[i];
	}
	rte_hash_lookup_with_hash_bulk(t->hash, keys, ret->hash, n, ret->position);
	for (unsigned i = 0; i < n; i++)
		if (ret->position[i] >= 0)
			rte_prefetch0(&t->flows[ret->position[i]]);
}

/* Who opened it, from the first packet that was seen. @return is it the source? */
static bool
source_is_opener(const struct packet *p, bool *ret_guessed)
{
	uint8_t handshake = p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST);

	*ret_guessed = false;
	if (p->kind != PACKET_TCP || handshake == TCP_FLAG_SYN)
		return true;
	if (handshake == (TCP_FLAG_SYN | TCP_FLAG_ACK))
		return false;
	*ret_guessed = true;
	return !(p->port[0] < PORT_SYSTEM && p->port[1] >= PORT_SYSTEM);
}

static enum flow_kind
first_kind(const struct packet *p)
{
	if (p->kind == PACKET_TCP)
		return FLOW_TCP_OPENING;
	return p->kind == PACKET_UDP ? FLOW_UDP : FLOW_OTHER;
}

/* A new flow in its place; key, hash and position are set. */
static void
begin(struct flow_table *t, struct flow *f, const struct packet *p, bool source_low)
{
	struct flow fresh = {.key = f->key, .hash = f->hash, .position = f->position};

	fresh.used = true;
	fresh.kind = (uint8_t)first_kind(p);
	fresh.first_us = p->time;
	fresh.last_us = p->time;
	fresh.opener_low = source_is_opener(p, &fresh.guessed) == source_low;
	*f = fresh;
	t->counters.opened++;
}

static void
count_packet(struct flow *f, const struct packet *p, enum direction dir)
{
	if (p->time > f->last_us)
		f->last_us = p->time;
	f->packets[dir]++;
	f->bytes[dir] += (uint64_t)p->l3_len + p->missing;
}

static void
end(struct flow_table *t, struct flow *f, enum flow_end why)
{
	if (why == FLOW_END_IDLE)
		t->counters.idle++;
	else if (why == FLOW_END_EVICTED)
		t->counters.evicted++;
	else
		t->counters.removed++;
	t->cfg.ended(t->cfg.ctx, f, why);
}

static void
take_out(struct flow_table *t, struct flow *f, enum flow_end why)
{
	end(t, f, why);
	rte_hash_del_key_with_hash(t->hash, &f->key, f->hash);
	f->used = false;
	t->count--;
}

/* Was its timeout over before @p now_us? Both from the flow's own packets. */
static bool
idle(const struct flow_table *t, const struct flow *f, uint64_t now_us, uint64_t slack_us)
{
	return now_us > f->last_us && now_us - f->last_us > t->cfg.timeout_us[f->kind] + slack_us;
}

/* The longest idle of the next places that are taken. */
static void
evict(struct flow_table *t)
{
	struct flow *oldest = NULL;

	for (unsigned looked = 0; looked < EVICT_LOOK && looked < t->count;) {
		struct flow *f = &t->flows[t->evict_hand];

		t->evict_hand = t->evict_hand + 1 < t->places ? t->evict_hand + 1 : 0;
		if (!f->used)
			continue;
		looked++;
		if (oldest == NULL || f->last_us < oldest->last_us)
			oldest = f;
	}
	if (oldest != NULL)
		take_out(t, oldest, FLOW_END_EVICTED);
}

static struct flow *
find(struct flow_table *t, const struct flow_burst *b, unsigned i)
{
	int32_t at = b->position[i];

	if (at >= 0 && t->flows[at].used &&
		memcmp(&t->flows[at].key, &b->key[i], sizeof(b->key[i])) == 0)
		return &t->flows[at];
	/* Opened or moved by an earlier packet of the burst? */
	at = rte_hash_lookup_with_hash(t->hash, &b->key[i], b->hash[i]);
	return at >= 0 ? &t->flows[at] : NULL;
}

static struct flow *
add(struct flow_table *t, const struct flow_burst *b, unsigned i)
{
	struct flow *f;
	int32_t at;

	if (t->count >= t->limit && t->cfg.evict)
		evict(t);
	if (t->count >= t->limit)
		return NULL;
	at = rte_hash_add_key_with_hash(t->hash, &b->key[i], b->hash[i]);
	if (at < 0)
		return NULL;
	t->count++;
	f = &t->flows[at];
	f->key = b->key[i];
	f->hash = b->hash[i];
	f->position = (uint32_t)at;
	return f;
}

struct flow *
flow_of(struct flow_table *t, const struct packet *p, struct flow_burst *b, unsigned i,
	enum direction *ret_dir)
{
	struct flow *f = find(t, b, i);
	bool guessed;

	if (f == NULL) {
		f = add(t, b, i);
		if (f == NULL) {
			t->counters.table_full++;
			*ret_dir = source_is_opener(p, &guessed) ? DIR_CLIENT : DIR_SERVER;
			return NULL;
		}
		begin(t, f, p, b->source_low[i]);
	} else if (idle(t, f, p->time, 0)) {
		end(t, f, FLOW_END_IDLE);
		begin(t, f, p, b->source_low[i]);
	}
	*ret_dir = f->opener_low == b->source_low[i] ? DIR_CLIENT : DIR_SERVER;
	count_packet(f, p, *ret_dir);
	return f;
}

void
flow_restart(struct flow_table *t, struct flow *f, const struct packet *p, enum direction *ret_dir)
{
	struct flow_key key;
	bool source_low = key_of(t, p, &key);

	end(t, f, FLOW_END_REMOVED);
	begin(t, f, p, source_low);
	*ret_dir = f->opener_low == source_low ? DIR_CLIENT : DIR_SERVER;
	count_packet(f, p, *ret_dir);
}

void
flow_table_sweep(struct flow_table *t, uint64_t now_us, unsigned n)
{
	for (; n > 0; n--) {
		struct flow *f = &t->flows[t->sweep_hand];

		t->sweep_hand = t->sweep_hand + 1 < t->places ? t->sweep_hand + 1 : 0;
		if (f->used && idle(t, f, now_us, t->cfg.slack_us))
			take_out(t, f, FLOW_END_IDLE);
	}
}

void
flow_table_flush(struct flow_table *t)
{
	for (uint32_t i = 0; i < t->places && t->count > 0; i++)
		if (t->flows[i].used)
			take_out(t, &t->flows[i], FLOW_END_IDLE);
}

uint32_t
flow_table_count(const struct flow_table *t)
{
	return t->count;
}

const struct flow_counters *
flow_table_counters(const struct flow_table *t)
{
	return &t->counters;
}

size_t
flow_table_flow_size(void)
{
	/* rte_hash: a key slot of 48 bytes; buckets of 64 bytes for 8 keys, twice (extension
	 * table), and free lists, all rounded up to a power of two. */
	return sizeof(struct flow) + 48 + 2 * 16 + 2 * 8;
}
