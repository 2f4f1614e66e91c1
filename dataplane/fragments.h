/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FRAGMENTS_H
#define SLUSS_FRAGMENTS_H

/**
 * @file
 * Fragments of IPv4 and IPv6 datagrams into whole ones; wraps rte_ip_frag.
 *
 * What rte_ip_frag (DPDK 22.11) does, so that nobody has to guess:
 *  - a datagram has at most RTE_LIBRTE_IP_FRAG_MAX_FRAG (8) fragments; with
 *    more, all that is held of it is given up;
 *  - no overlap is ever resolved: fragments are chained end to start, and when
 *    their lengths don't add up exactly to the datagram's, all are given up.
 *    So are doubled first or last fragments. A teardrop or a rewritten header
 *    never comes out (RFC 5722 asks for that in IPv6, RFC 8200, 4.5).
 *    Fragments that are the same in all bytes are taken out before;
 *  - its key knows neither VLANs nor IPv6 headers before the fragment header.
 *    Here the VLAN ids are folded into the key, and such headers are taken out
 *    of the held copy, since they mean nothing to the payload.
 *
 * All that is given up is counted, with its bytes.
 *
 * Inline (keep_originals) a datagram's fragments leave as they came, once it was
 * read: each is copied for the library, and its frame is kept with the copy until
 * the datagram is whole (fragments_originals()) or given up (then it is freed: what was
 * never read never leaves). So
 *  - a receiver gets no fragment that isn't part of exactly one whole datagram that
 *    was read, and gets them in order, without overlap (invariant 2);
 *  - a fragment that came before, with the same bytes, isn't needed twice: dropped;
 *  - two datagrams with one id within the timeout could be mixed by a receiver that
 *    lost part of the first: the second is given up (RFC 791, 3.2 and RFC 8200, 4.5 ask
 *    senders for another id). What is remembered of ids is bounded by
 *    4 * `datagrams`, and one may be forgotten for another;
 *  - each fragment holds two packets' buffers, at most 16 for each datagram, and a
 *    frame larger than a buffer accordingly more.
 *
 * One table for each worker; not thread-safe. Time is the packets' own, so a
 * capture gives the same datagrams at any reading speed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/headers.h"

/** X(name, unit, sentence) */
#define FRAGMENT_COUNTERS(X)                                                                       \
	X(fragments, "packets", "fragments taken in")                                              \
	X(doubled, "packets", "fragments that came before, with the same bytes; not needed")       \
	X(reassembled, "datagrams", "made whole")                                                  \
	X(contradictory, "datagrams",                                                              \
		"given up: fragments overlap, contradict, leave a hole, or are more than 8")      \
	X(too_long, "packets", "fragments that reach past 65,535 bytes, or hold nothing")          \
	X(unaligned, "packets", "fragments but the last whose length isn't a multiple of 8")       \
	X(reused, "datagrams",                                                                     \
		"inline: given up, their id was another datagram's a short while before")          \
	X(uncopied, "packets", "inline: fragments that there was no packet buffer to copy into")   \
	X(full, "packets", "fragments of datagrams that the table had no room for")                \
	X(expired, "packets", "fragments of datagrams that never became whole in time")            \
	X(lost_bytes, "bytes", "of payload in fragments that were given up, for any reason")

struct fragment_counters {
#define X(name, unit, sentence) uint64_t name;
	FRAGMENT_COUNTERS(X)
#undef X
};

enum { FRAGMENTS_MAX = 8 }; /* of one datagram */

struct fragments_config {
	uint32_t datagrams;  /* collected at once; each holds up to 8 mbufs */
	uint64_t timeout_us; /* from a datagram's first fragment on */
	uint64_t seed;	     /* of the hash that tells doubled fragments; random */
	int socket;	     /* NUMA node, or SOCKET_ID_ANY */
	bool keep_originals; /* inline: their copies are made in each frame's own pool */
};

enum fragment_result {
	FRAGMENT_HELD,	/* taken; not whole yet */
	FRAGMENT_WHOLE, /* p->mbuf is the whole datagram: go on with headers_reparse() */
	FRAGMENT_DOUBLED, /* the same bytes were taken before: nothing is lost */
	FRAGMENT_LOST,	/* given up and counted */
};

struct fragments;

/** @return NULL: no memory, or datagrams is 0 or above 1,048,576 */
struct fragments *fragments_create(const struct fragments_config *cfg);
void fragments_destroy(struct fragments *f); /* accepts NULL; frees what is held */

/**
 * Take a packet for which headers_parse() said HEADER_FRAGMENT.
 *
 * p->mbuf is taken in any case, and is the caller's again only with
 * FRAGMENT_WHOLE (it is then a chain, with the link header and VLANs of the
 * first fragment, and of packet_meta() the first fragment's too); else
 * p->mbuf is NULL.
 */
enum fragment_result fragments_feed(struct fragments *f, struct packet *p);

/**
 * With keep_originals, right behind FRAGMENT_WHOLE: take the frames that the datagram
 * came in, by their offset. They are the caller's then, to be sent or freed; without this
 * call they are lost with the datagram's mbuf. Their bytes and packet_meta() are as they came.
 *
 * @param n  room in @p ret: at least FRAGMENTS_MAX
 * @return how many
 */
unsigned fragments_originals(struct packet *whole, struct rte_mbuf **ret, unsigned n);

/** Give up what is too old; at most a few datagrams at each call. */
void fragments_sweep(struct fragments *f, uint64_t now_us);

/** Give up everything that is held, as expired: at the end of the input. */
void fragments_flush(struct fragments *f);

/** Kept current; valid as long as @p f. */
const struct fragment_counters *fragments_counters(const struct fragments *f);

/** Bytes that one datagram takes in the table, the mbufs not counted. */
size_t fragments_datagram_size(void);

#endif
