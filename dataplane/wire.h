/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_WIRE_H
#define SLUSS_WIRE_H

/**
 * @file
 * Ports in pairs, to stand in the middle of a cable: what comes in at port i may
 * leave at its partner i ^ 1, and nowhere else does anything leave by itself.
 *
 * Transparent: a frame leaves with the bytes that it came with, VLAN tags
 * included; nothing is learnt, answered or counted down here.
 *
 * Receiving is a source like any other (source.h). Order of one round:
 *
 *	n = source_burst(wire_source(w), pkts, burst);
 *	…                               packets go their way
 *	wire_send(w, m, port);          for each that leaves
 *	wire_flush(w);                  at the end of the round, and when nothing came
 *	wire_tick(w, now);              about every 100 ms
 *
 * Threads: all functions of one wire are called from one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/eal.h"
#include "dataplane/source.h"

struct rte_mbuf;
struct rte_mempool;
struct wire;

/**
 * Before DPDK is started: can these ports, taken in pairs, be a wire? The system is
 * asked, not DPDK. An error: a port that isn't there or is down (eal_check_port()), the
 * same interface twice, both in one bridge, MTUs that differ or exceed a packet buffer,
 * GRO or LRO (the command that switches it off is told), more queues than are read, VLAN tags
 * taken off where that isn't told. A
 * warning: IP addresses on an interface, since the kernel answers for them beside the
 * wire; an interface in a bridge.
 *
 * @param ports  the first and second are a pair, and so on; @p n_ports is even
 * @param warn   for lines to the user; may be NULL
 * @param why    what is wrong and what to do
 * @return 0 or -1
 */
int wire_check(const struct port_name *ports, unsigned n_ports,
	void (*warn)(void *ctx, const char *line), void *ctx, char *why, size_t why_size);

struct wire_config {
	/* All are borrowed for the wire's life. */
	const struct port_name *names;	 /* as configured, in pairs */
	const struct source_port *ports; /* the same, for DPDK */
	unsigned n_ports;		 /* even, at most EAL_PORTS_MAX */
	struct rte_mempool *pool;	 /* of eal_packet_pool() */
	void (*warn)(void *ctx, const char *line); /* a line to the user; may be NULL */
	void *warn_ctx;
};

/**
 * After DPDK's start. Ports are promiscuous, one queue each way.
 * @return NULL with @p err filled; else to be freed with wire_close()
 */
struct wire *wire_open(const struct wire_config *cfg, struct source_error *err);

/**
 * To receive by; packet_meta.port is the index of the port. Borrowed: valid as long as
 * @p w, closed by wire_close() and not by source_close().
 */
struct source *wire_source(struct wire *w);

/**
 * One whole Ethernet frame leaves at @p port, in the order of the calls. The mbuf is
 * given away, whatever comes of it; it may be a chain, and others may hold references
 * to it as long as nobody writes to its bytes. It may wait until wire_flush().
 *
 * A frame that the port can't take is dropped and counted: its queue stays full through
 * the bounded retries, or the frame is longer than the port's MTU allows.
 */
void wire_send(struct wire *w, struct rte_mbuf *m, unsigned port);

/** All that waits is given to the ports. */
void wire_flush(struct wire *w);

/**
 * Link state follows: a port whose link is gone takes its partner's down, and gives it
 * back when it returns. Only a port that wasn't taken down itself is watched, so that
 * two can't hold each other down. Also tells the user, once per port, of frames that
 * came in longer than the MTU allows (TSO), which can't leave and are dropped.
 *
 * @param now_us  source_wall_us()
 */
void wire_tick(struct wire *w, uint64_t now_us);

struct wire_port_stats {
	uint64_t rx_packets, rx_bytes;
	uint64_t rx_missed;    /* dropped by the NIC or the kernel before we saw them */
	uint64_t rx_no_buffer; /* dropped since limits.packet_buffers was used up */
	uint64_t rx_errors;    /* bad frames by the NIC's count */
	uint64_t rx_too_long;  /* dropped: longer than the MTU; see wire_tick() */
	uint64_t tx_packets, tx_bytes;
	uint64_t tx_dropped;  /* the port's queue stayed full */
	uint64_t tx_too_long; /* longer than the port takes */
	uint64_t tx_no_buffer; /* a chain for which there was no buffer to copy it to */
	bool link_up;
	bool forced_down; /* by us, since its partner's link is gone */
};

/** Of one port, by its index. On the thread of the others. */
void wire_port_stats(struct wire *w, unsigned port, struct wire_port_stats *ret);

/** How many ports: indices run from 0. */
unsigned wire_ports(const struct wire *w);

/** What waits is sent; links that were taken down come back. Accepts NULL. */
void wire_close(struct wire *w);

#endif
