/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PORT_H
#define SLUSS_PORT_H

/**
 * @file
 * One port: opened, promiscuous, received from and sent to. What watching
 * (source_port.c) and standing inline (wire.c) have in common. It is a DPDK device with
 * one queue each way, or, for af_packet, a packet socket (packet_socket.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/source.h"

struct rte_mempool;

struct packet_socket;
struct rte_mbuf;

struct port {
	const char *name;
	struct packet_socket *socket; /* NULL: a DPDK device, */
	uint16_t id;		      /* which has this number */
	int guard;		      /* of xdp_guard_open(); -1: none */
	struct rte_mempool *pool;
	bool started;
	bool made_promiscuous; /* by us, so it is taken back */
	uint16_t mtu;
};

struct port_config {
	struct source_port port; /* borrowed */
	struct rte_mempool *pool;
	uint16_t mtu; /* bytes behind the Ethernet header; a port that can't do it is an error */
	bool sends;   /* else frames that this host sends there are seen, too, where it can be */
	void (*warn)(void *ctx, const char *line); /* may be NULL */
	void *warn_ctx;
};

/** The longest MTU that fits a packet buffer with every driver, two VLAN tags included. */
enum { PORT_MTU_MAX = 1800 };

/**
 * Open and start. The link must be up within a few seconds (a warning if it isn't: it
 * may come later). @return 0; -1 with @p err filled and nothing to close
 */
int port_open(struct port *p, const struct port_config *cfg, struct source_error *err);

/**
 * The next frames, packet_meta() set.
 * @param index  of the port, for packet_meta()
 */
uint16_t port_rx(struct port *p, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us,
	unsigned index);

/**
 * Give the port frames, each in one buffer.
 * @param lost  grows by those among them that it doesn't take: too long
 * @return how many of the first are the port's now; the others may be tried again
 */
uint16_t port_tx(struct port *p, struct rte_mbuf **pkts, uint16_t n, uint64_t *lost);

/** Counters since the start, added to @p ret: missed, no_buffer, errors. */
void port_add_stats(struct port *p, struct source_stats *ret);

void port_close(struct port *p);

#endif
