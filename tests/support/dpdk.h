/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_DPDK_H
#define SLUSS_TEST_DPDK_H

/**
 * @file
 * For tests of the data plane: DPDK without privileges or hugepages, and mbufs
 * whose data lies in buffers of exactly its size, so that AddressSanitizer sees
 * the first byte read past it.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"

/** Once in a process. @return whether DPDK runs */
static inline bool
dpdk_start(const char *megabytes)
{
	char size[16],
		*args[] = {(char *)"test", (char *)"--no-huge", (char *)"--no-pci",
			(char *)"--no-shconf", (char *)"--no-telemetry",
			(char *)"--log-level=error", (char *)"-m", size, (char *)"-l", (char *)"0",
			NULL};

	snprintf(size, sizeof(size), "%s", megabytes);
	return rte_eal_init((int)(sizeof(args) / sizeof(args[0])) - 1, args) >= 0;
}

/** A segment of its own memory, of no pool; to be given back with exact_free(). */
static inline struct rte_mbuf *
exact_segment(const void *p, size_t n)
{
	size_t size = RTE_ALIGN_CEIL(
		sizeof(struct rte_mbuf) + sizeof(struct packet_meta), RTE_CACHE_LINE_SIZE);
	struct rte_mbuf *m = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	assert(m != NULL);
	memset(m, 0, size);
	m->priv_size = sizeof(struct packet_meta);
	m->buf_addr = malloc(n + (n == 0));
	assert(m->buf_addr != NULL);
	if (n > 0)
		memcpy(m->buf_addr, p, n);
	m->buf_len = (uint16_t)n;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
	return m;
}

/** A frame as a chain of segments of @p step bytes; 0: in one piece. At most 65,535 bytes. */
static inline struct rte_mbuf *
exact_frame(const void *p, size_t n, size_t step, enum link link)
{
	struct rte_mbuf *first = NULL, *last = NULL;
	size_t at = 0;

	do {
		size_t part = step == 0 || n - at < step ? n - at : step;
		struct rte_mbuf *m = exact_segment((const uint8_t *)p + at, part);

		if (first == NULL)
			first = m;
		else
			last->next = m;
		last = m;
		at += part;
	} while (at < n);
	first->pkt_len = (uint32_t)n;
	for (struct rte_mbuf *m = first->next; m != NULL; m = m->next)
		first->nb_segs++;
	*packet_meta(first) =
		(struct packet_meta){.wire_length = (uint32_t)n, .link = (uint8_t)link};
	return first;
}

/** @return whether nobody else held a reference to it */
static inline bool
exact_free(struct rte_mbuf *m)
{
	bool alone = true;

	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		alone &= rte_mbuf_refcnt_read(m) == 1;
		free(m->buf_addr);
		free(m);
		m = next;
	}
	return alone;
}

#endif
