/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_TCP_FRAME_H
#define SLUSS_TEST_TCP_FRAME_H

/*
 * A TCP segment as a plain model, written out as bytes from RFC 791, 8200, 9293
 * and IEEE 802.1Q alone: what an edit of a packet is compared with. And chains of
 * mbufs of a pool whose bytes lie in buffers of exactly their size.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"
#include "tests/support/frame.h"

enum { TCP_FRAME_MAX = 4096 };

struct tcp_model {
	uint8_t family;
	uint8_t n_tags;	    /* VLAN tags, ids 100, 101, … */
	uint8_t ip_options; /* IPv4: bytes, in fours; IPv6: destination options, in eights */
	uint8_t padding;    /* behind the packet */
	uint8_t flags;
	uint8_t reserved; /* the low nibble of byte 12 */
	uint16_t window, urgent;
	uint32_t seq, ack;
	uint8_t n_options; /* in fours */
	uint8_t options[40];
	uint32_t n; /* payload */
	uint8_t payload[3000];
};

static const uint8_t model_address[2][2][16] = {
	{{10, 10, 0, 5}, {192, 0, 2, 9}},
	{{0x20, 0x01, 0x0d, 0xb8, 0, 0x10, [15] = 5}, {0x20, 0x01, 0x0d, 0xb8, 0, 0x20, [15] = 9}},
};

static inline uint8_t *
model_link(const struct tcp_model *t, uint8_t *w)
{
	memcpy(w, (uint8_t[]){2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 5}, 12);
	w += 12;
	for (unsigned i = 0; i < t->n_tags; i++, w += 4) {
		frame_put16(w, i + 1 < t->n_tags ? 0x88a8 : 0x8100);
		frame_put16(w + 2, 100 + i);
	}
	frame_put16(w, t->family == 4 ? 0x0800 : 0x86dd);
	return w + 2;
}

static inline uint8_t *
model_ip(const struct tcp_model *t, uint8_t *w, uint32_t l4)
{
	const uint8_t(*a)[16] = model_address[t->family == 6];
	uint32_t head = 20u + t->ip_options;

	if (t->family == 4) {
		memset(w, 1, head); /* options: no-operations */
		w[0] = (uint8_t)(0x40 | head / 4);
		w[1] = 0x28;
		frame_put16(w + 2, head + l4);
		frame_put32(w + 4, 0x12344000);
		w[8] = 61;
		w[9] = 6;
		frame_put16(w + 10, 0);
		memcpy(w + 12, a[0], 4);
		memcpy(w + 16, a[1], 4);
		frame_put16(w + 10, frame_fold(frame_sum(w, head, 0)));
		return w + head;
	}
	frame_put32(w, 6u << 28 | 0x28u << 20 | 0x12345);
	frame_put16(w + 4, t->ip_options + l4);
	w[6] = t->ip_options > 0 ? 60 : 6;
	w[7] = 61;
	memcpy(w + 8, a, 32);
	if (t->ip_options > 0) {
		memset(w + 40, 0, t->ip_options); /* padding of one byte each */
		w[40] = 6;
		w[41] = (uint8_t)(t->ip_options / 8 - 1);
	}
	return w + 40 + t->ip_options;
}

/* The checksum over pseudo header and segment. */
static inline uint16_t
model_checksum(const struct tcp_model *t, const uint8_t *l4, uint32_t n)
{
	const uint8_t(*a)[16] = model_address[t->family == 6];
	uint32_t size = t->family == 4 ? 4 : 16;

	return frame_fold(frame_sum(l4, n, frame_sum(a[1], size, frame_sum(a[0], size, 6 + n))));
}

/* @return the size of the frame */
static inline uint32_t
model_write(const struct tcp_model *t, uint8_t frame[TCP_FRAME_MAX])
{
	uint32_t head = 20u + t->n_options, l4_size = head + t->n;
	uint8_t *l4 = model_ip(t, model_link(t, frame), l4_size);

	frame_put16(l4, 40112);
	frame_put16(l4 + 2, 25);
	frame_put32(l4 + 4, t->seq);
	frame_put32(l4 + 8, t->ack);
	l4[12] = (uint8_t)(head / 4 << 4 | t->reserved);
	l4[13] = t->flags;
	frame_put16(l4 + 14, t->window);
	frame_put16(l4 + 16, 0);
	frame_put16(l4 + 18, t->urgent);
	memcpy(l4 + 20, t->options, t->n_options);
	memcpy(l4 + head, t->payload, t->n);
	frame_put16(l4 + 16, model_checksum(t, l4, l4_size));
	memset(l4 + l4_size, 0, t->padding);
	return (uint32_t)(l4 - frame) + l4_size + t->padding;
}

static inline struct rte_mempool *
model_pool(const char *name)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, 2047, 0,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN),
		2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);

	assert(pool != NULL);
	return pool;
}

static inline void
model_free(void *addr, void *info)
{
	free(addr);
	free(info);
}

/* One mbuf of the pool, around a buffer of exactly n bytes. */
static inline struct rte_mbuf *
model_piece(struct rte_mempool *pool, const uint8_t *p, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf_ext_shared_info *info = calloc(1, sizeof(*info));
	uint8_t *copy = malloc(n);

	assert(m != NULL && info != NULL && copy != NULL);
	memcpy(copy, p, n);
	info->free_cb = model_free;
	info->fcb_opaque = info;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, copy, RTE_BAD_IOVA, (uint16_t)n, info);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return m;
}

/* A chain of pieces of at most @p step bytes; with @p seed of sizes that it makes up. */
static inline struct rte_mbuf *
model_frame(struct rte_mempool *pool, const uint8_t *p, size_t n, size_t step, unsigned *seed)
{
	struct rte_mbuf *first = NULL, *last = NULL;
	unsigned count = 0;

	for (size_t at = 0, part; at < n; at += part, count++) {
		part = seed != NULL ? 1 + (size_t)rand_r(seed) % step : step;
		if (part > n - at)
			part = n - at;
		struct rte_mbuf *m = model_piece(pool, p + at, part);

		if (first == NULL)
			first = m;
		else
			last->next = m;
		last = m;
	}
	first->pkt_len = (uint32_t)n;
	first->nb_segs = (uint16_t)count;
	*packet_meta(first) = (struct packet_meta){
		.ts_us = 77, .wire_length = (uint32_t)n, .link = LINK_ETHERNET};
	return first;
}

#endif
