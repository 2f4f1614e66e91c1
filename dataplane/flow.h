/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FLOW_H
#define SLUSS_FLOW_H

/**
 * @file
 * The flow table of one worker: rte_hash for the keys, and beside it an array
 * of flows, indexed by the hash's positions. No locks; no allocation after
 * flow_table_create().
 *
 * A key is symmetric: both directions of a flow have the same one. Which end
 * opened it is the flow's own `opener_low`.
 *
 * When a flow ends (outcomes don't depend on when the sweep comes by):
 * a flow is over iff the time between two of its packets exceeds its timeout.
 * The next packet of the flow finds that out, or the sweep does, whichever
 * comes first; the packet then belongs to a new flow. The sweep keeps a
 * distance of flow_table_config.slack_us, so captures whose times run back by
 * less give the same flows too. One worker or two: the same flows.
 * (A full table is the exception: which flows it has no room for, or puts out,
 * depends on what else there is.)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/headers.h"
#include "inspectors/message.h" /* enum direction */

/** X(symbol, name, sentence): which timeout a flow is under. */
#define FLOW_KINDS(X)                                                                              \
	X(TCP_OPENING, "tcp_opening", "TCP without a finished handshake")                          \
	X(TCP_ESTABLISHED, "tcp_established", "TCP with data going either way")                    \
	X(TCP_CLOSING, "tcp_closing", "TCP with a FIN or RST")                                     \
	X(UDP, "udp", "UDP")                                                                       \
	X(OTHER, "other", "any other protocol")

enum flow_kind {
#define X(symbol, name, sentence) FLOW_##symbol,
	FLOW_KINDS(X)
#undef X
		FLOW_KINDS_COUNT
};

/** X(name, unit, sentence) */
#define FLOW_COUNTERS(X)                                                                           \
	X(opened, "flows", "entered into the table")                                               \
	X(idle, "flows", "ended by their timeout, or by the end of the input")                     \
	X(removed, "flows", "ended by the worker, such as for a new connection of the same ports") \
	X(evicted, "flows", "put out of the full table for a new one, as configured")              \
	X(table_full, "packets", "of flows that the table had no room for")

struct flow_counters {
#define X(name, unit, sentence) uint64_t name;
	FLOW_COUNTERS(X)
#undef X
};

/** 40 bytes; compared and hashed whole, so unused bytes are zero. */
struct flow_key {
	uint8_t low[16], high[16]; /* by memcmp of address and port together */
	uint16_t low_port, high_port;
	uint16_t vlan; /* outer and inner id folded; 0 without VLANs, or if they don't count */
	uint8_t protocol;
	uint8_t family; /* never 0 in a used key */
};
_Static_assert(sizeof(struct flow_key) == 40, "the key has no padding");

/** Two cache lines: what every packet touches, then the rest. */
struct flow {
	/* The first line. */
	uint64_t last_us; /* time of the latest packet */
	void *inspection; /* the worker's own; NULL at first */
	uint64_t packets[2]; /* by enum direction */
	uint64_t bytes[2];   /* likewise: of IP packets, as on the wire */
	uint32_t position;   /* in the table */
	uint8_t kind;	     /* enum flow_kind; set with flow_set_kind() */
	bool used;
	bool opener_low; /* the opener is the key's low end */
	bool guessed;	 /* the opener is a guess: the flow was picked up midstream */
	uint8_t worker[8]; /* the worker's own; zero at first */
	/* The second line. */
	struct flow_key key;
	uint64_t first_us;
	uint32_t hash;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 128, "two cache lines");

enum flow_end {
	FLOW_END_IDLE,	  /* its timeout, or the end of the input */
	FLOW_END_REMOVED, /* flow_restart() */
	FLOW_END_EVICTED, /* the table was full */
};

struct flow_table_config {
	uint32_t flows;			       /* at least 8 */
	uint64_t timeout_us[FLOW_KINDS_COUNT]; /* by enum flow_kind */
	uint64_t slack_us; /* the sweep's distance; 1 s is usual */
	uint32_t seed;	   /* of the hash; random, against crafted collisions */
	bool evict;	   /* when full: put out the longest idle of 16, else don't track the new */
	bool ignore_vlans; /* VLAN ids don't tell flows apart */
	int socket;	   /* NUMA node, or SOCKET_ID_ANY */
	/* A flow ends; its inspection is to be closed. The flow is still whole, and mustn't
	 * be used afterwards. No function of the table may be called from here. Its end in
	 * time is flow->last_us, whenever this is called. */
	void (*ended)(void *ctx, struct flow *f, enum flow_end why);
	void *ctx;
};

enum { FLOW_BURST_MAX = 64 }; /* RTE_HASH_LOOKUP_BULK_MAX */

/** Keys of a burst, looked up together. */
struct flow_burst {
	struct flow_key key[FLOW_BURST_MAX];
	uint32_t hash[FLOW_BURST_MAX];
	int32_t position[FLOW_BURST_MAX];
	bool source_low[FLOW_BURST_MAX];
};

struct flow_table;

/** @return NULL: no memory, or a size out of range */
struct flow_table *flow_table_create(const struct flow_table_config *cfg);
void flow_table_destroy(struct flow_table *t); /* accepts NULL; ends no flows: flush first */

/**
 * Look up @p n packets (at most FLOW_BURST_MAX) and prefetch their flows.
 * Changes nothing. The packets are IP, whole datagrams.
 */
void flow_burst_lookup(struct flow_table *t, const struct packet *const *packets, unsigned n,
	struct flow_burst *ret);

/**
 * The flow of the @p i-th packet of the burst, found or opened, with its time
 * and counters updated. To be called for i = 0, 1, … in turn, each packet
 * dealt with before the next call: a call may end flows, also this one's
 * predecessor.
 *
 * Who is the client: the sender of the first packet; of a SYN-ACK its
 * receiver; of a packet from midstream the sender, unless only the sender's
 * port is below 1,024.
 *
 * @param ret_dir the packet's direction; also set when there is no flow (then as if
 *                it were the first packet)
 * @return NULL: the table is full; the packet is untracked and has been counted
 */
struct flow *flow_of(struct flow_table *t, const struct packet *p, struct flow_burst *b, unsigned i,
	enum direction *ret_dir);

/** Change the timeout that the flow is under from now on. */
static inline void
flow_set_kind(struct flow *f, enum flow_kind kind)
{
	f->kind = (uint8_t)kind;
}

/**
 * End this flow and begin a new one with the packet in hand: a SYN that
 * begins a new connection on the same ports. `ended` is called with
 * FLOW_END_REMOVED, then the flow is as flow_of() gives a new one.
 */
void flow_restart(struct flow_table *t, struct flow *f, const struct packet *p,
	enum direction *ret_dir);

/** Look at the next @p n places, and end what is idle for too long at @p now_us. */
void flow_table_sweep(struct flow_table *t, uint64_t now_us, unsigned n);

/** End all flows, in the order of their places: at the end of the input. */
void flow_table_flush(struct flow_table *t);

/** Flows in the table now. */
uint32_t flow_table_count(const struct flow_table *t);

/** Kept current by the table; valid as long as it. */
const struct flow_counters *flow_table_counters(const struct flow_table *t);

/** Bytes that one flow takes, its share of the hash included. */
size_t flow_table_flow_size(void);

/** Address of an end, by direction: 16 bytes. */
static inline const uint8_t *
flow_address(const struct flow *f, enum direction dir)
{
	return (dir == DIR_CLIENT) == f->opener_low ? f->key.low : f->key.high;
}

/** Port of the end that sends in this direction, host byte order. */
static inline uint16_t
flow_port(const struct flow *f, enum direction dir)
{
	return (dir == DIR_CLIENT) == f->opener_low ? f->key.low_port : f->key.high_port;
}

#endif
