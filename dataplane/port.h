/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PORT_H
#define SLUSS_PORT_H

/**
 * @file
 * One port, by DPDK's ethdev: opened, promiscuous, one queue each way. What
 * watching (source_port.c) and standing inline (wire.c) have in common.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/source.h"

struct rte_mempool;

struct port {
	uint16_t id; /* DPDK's */
	const char *name;
	bool started;
	bool af_packet, af_xdp; /* the driver; neither: a network card's, or a test's */
	bool made_promiscuous;	/* by us, so it is taken back */
	int socket;	       /* of net_af_packet, which is the driver's; -1: another driver */
	uint64_t socket_drops; /* so far: the kernel's count starts again when it is read */
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

/** Counters since the start, added to @p ret: missed, no_buffer, errors. */
void port_add_stats(struct port *p, struct source_stats *ret);

void port_close(struct port *p);

#endif
