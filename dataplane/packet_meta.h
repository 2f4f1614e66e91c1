/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PACKET_META_H
#define SLUSS_PACKET_META_H

/**
 * @file
 * What a source says of each packet, beside its bytes.
 *
 * It lies in the mbuf's private area (right behind struct rte_mbuf), so that
 * no global offset is needed, as a dynamic field would. Every mempool of
 * packets is made by eal_packet_pool(), which leaves room for it. Of a chain
 * (a frame larger than one mbuf), the first segment's is the packet's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/** How a packet's first bytes are to be read. */
enum link {
	LINK_ETHERNET = 0, /* DLT 1 */
	LINK_RAW,	   /* DLT 12, 14, 101, 228, 229: IPv4 or IPv6, by its version field */
	LINK_SLL,	   /* DLT 113: Linux cooked capture, 16 bytes of header */
	LINK_SLL2,	   /* DLT 276: Linux cooked capture v2, 20 bytes */
	LINK_NULL,	   /* DLT 0: BSD loopback, address family in 4 bytes of either order */
	LINK_LOOP,	   /* DLT 108: OpenBSD loopback, in network order */
	LINKS
};

struct packet_meta {
	uint64_t ts_us;	      /* microseconds since 1970-01-01 UTC, by the source's clock */
	uint32_t wire_length; /* bytes on the wire; more than the mbuf has when the capture cut it */
	uint8_t link;	      /* enum link */
	uint8_t port;	      /* index of the source in the configuration; captures: 0 */
	bool cut;	      /* bytes are missing at the end */
	/* Inline, of a fragment's copy: the frame as it came, which the copy owns (fragments.h).
	 * Else NULL. */
	struct rte_mbuf *original;
};

/** Valid as long as the mbuf. */
static inline struct packet_meta *
packet_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

#endif
