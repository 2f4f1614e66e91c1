/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SEGMENT_H
#define SLUSS_SEGMENT_H

/**
 * @file
 * TCP segments, made anew and changed in place.
 *
 * Inline, most packets leave as they came. What a rule of normalise.h changes
 * in a packet is changed here, and the TCP checksum (and the IPv4 header's)
 * follows each change by the difference that it makes (RFC 1624). So the
 * functions may be combined in any order; a right checksum stays right, and a
 * wrong one stays wrong, that no damage is hidden from the receiver. A partial
 * checksum (headers.h) is to be completed first.
 *
 * An mbuf that is changed must be nobody else's to read at that place: headers
 * may always be changed, payload only where no piece refers to it. What is cut
 * off is no frame of a capture that was cut before (packet.missing is 0).
 *
 * Sources: RFC 9293 (TCP), RFC 7323 (time stamps, window scale), RFC 2018 (SACK).
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/headers.h"
#include "inspectors/bytes.h"

struct rte_mempool;

enum { SEGMENT_LINK_MAX = 14 + 4 * PACKET_VLANS_MAX, SEGMENT_SACKS_MAX = 4 };

/**
 * How packets get from one end of a flow to the other: link header with VLAN
 * tags, addresses, ports, hop limit. Learned from a packet that went that way,
 * so that a made packet is told from a real one by nothing.
 */
struct segment_path {
	uint8_t link[SEGMENT_LINK_MAX]; /* Ethernet, ether type included */
	uint8_t n_link;			/* 0: not learned yet */
	uint8_t family;			/* 4 or 6 */
	uint8_t hop_limit;
	uint8_t traffic_class; /* without its ECN bits */
	uint32_t flow_label;   /* IPv6 */
	uint8_t address[2][16]; /* source, destination */
	uint16_t port[2];
};

/**
 * From a TCP packet with an Ethernet link header (else n_link is 0). Keeps nothing of it.
 * VLAN tags that the port took out of the frame are in the path.
 */
void segment_path_learn(struct segment_path *path, const struct packet *p);

/**
 * The way back, as long as no packet has shown it: both addresses of each layer swapped,
 * a hop limit of 64, no flow label.
 */
void segment_path_turn(struct segment_path *ret, const struct segment_path *path);

/** Everything else of a segment. Sequence numbers in host byte order. */
struct segment {
	uint32_t seq, ack;
	uint16_t window; /* as on the wire, not scaled */
	uint8_t flags;	 /* TCP_FLAG_… */
	bool stamped;	 /* has a time stamps option */
	uint32_t stamp, echo; /* TSval, TSecr */
	uint8_t n_sacks; /* at most 3 with time stamps, else 4 */
	struct {
		uint32_t from, to;
	} sacks[SEGMENT_SACKS_MAX];
	struct bytes payload; /* copied; must fit one packet buffer */
};

/** @return NULL: no buffer, or the payload doesn't fit. packet_meta() lacks time and port. */
struct rte_mbuf *segment_build(
	struct rte_mempool *pool, const struct segment_path *path, const struct segment *s);

/* ---- changing a packet in place; @p p is kept in step with its bytes ---- */

/** Header fields of RFC 9293, 3.1, in host byte order: these three. */
void segment_set_seq(struct packet *p, uint32_t seq);
void segment_set_ack(struct packet *p, uint32_t ack);
void segment_set_window(struct packet *p, uint16_t window);
/** All eight of byte 13; the reserved bits before them go. */
void segment_set_flags(struct packet *p, uint8_t flags);
/** Clear URG and the pointer (RFC 6093): the byte stays in line. */
void segment_clear_urgent(struct packet *p);
/** @return whether there is a time stamps option, which was read (TSval, TSecr) */
bool segment_stamps(const struct packet *p, uint32_t *ret_stamp, uint32_t *ret_echo);
/** Only where there is one. */
void segment_set_stamps(struct packet *p, uint32_t stamp, uint32_t echo);

/** Take away payload at the end: lengths of IP and frame follow. */
void segment_cut_tail(struct packet *p, uint32_t n);
/**
 * Take away payload at the front; the sequence number moves along. The rest gets another
 * place in the mbuf (p->payload_at stays): no piece may refer to any byte of it.
 */
void segment_cut_head(struct packet *p, uint32_t n);
/** Put other bytes into the payload, from its byte @p at on; what is beyond its end is left out. */
void segment_overwrite(struct packet *p, uint32_t at, struct bytes other);
/** The same with zeros. */
void segment_blank(struct packet *p, uint32_t at, uint32_t n);

/**
 * Walk the options (RFC 9293, 3.1) and replace those whose kind @p keep says no
 * to, and what is malformed, by no-operations; what lies behind the end of the
 * list by zeros. @p keep isn't asked for the end and no-operations.
 * @return how many were replaced
 */
unsigned segment_strip_options(struct packet *p, bool (*keep)(uint8_t kind, uint8_t length));

/** An empty copy: the same headers, no payload, FIN and PSH off. NULL: no buffer. */
struct rte_mbuf *segment_bare_copy(const struct packet *p, struct rte_mempool *pool);

#endif
