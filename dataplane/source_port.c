/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports to listen on: receive only, since watching changes nothing.
 */
#include "dataplane/source.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_ether.h>

#include "dataplane/port.h"

struct ports_source {
	struct source base; /* first */
	unsigned n_ports, next;
	struct source_stats stats; /* packets and bytes; the rest is the ports' */
	struct port ports[];
};

/* Each port in turn is the first to be asked, so that a busy one starves none. */
static int
ports_burst(struct source *base, struct rte_mbuf **pkts, unsigned n)
{
	struct ports_source *s = (struct ports_source *)base;
	unsigned got = 0;

	s->base.now_us = source_wall_us();
	for (unsigned i = 0; i < s->n_ports && got < n; i++) {
		unsigned at = (s->next + i) % s->n_ports;

		got += port_rx(&s->ports[at], pkts + got, (uint16_t)(n - got), s->base.now_us, at);
	}
	for (unsigned i = 0; i < got; i++)
		s->stats.bytes += packet_meta(pkts[i])->wire_length;
	s->stats.packets += got;
	s->next = (s->next + 1) % s->n_ports;
	return (int)got;
}

static void
ports_stats(struct source *base, struct source_stats *ret)
{
	struct ports_source *s = (struct ports_source *)base;

	*ret = s->stats;
	for (unsigned i = 0; i < s->n_ports; i++)
		port_add_stats(&s->ports[i], ret);
}

static void
ports_close(struct source *base)
{
	struct ports_source *s = (struct ports_source *)base;

	for (unsigned i = 0; i < s->n_ports; i++)
		port_close(&s->ports[i]);
	free(s);
}

static const struct source_ops ports_ops = {
	.burst = ports_burst,
	.stats = ports_stats,
	.close = ports_close,
};

struct source *
source_ports_open(const struct source_port *ports, unsigned n_ports, struct rte_mempool *pool,
	void (*warn_line)(void *ctx, const char *line), void *ctx, struct source_error *err)
{
	struct ports_source *s = calloc(1, sizeof(*s) + n_ports * sizeof(s->ports[0]));

	if (s == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory for %u ports", n_ports);
		return NULL;
	}
	s->base.ops = &ports_ops;
	s->base.live = true;
	s->base.now_us = source_wall_us();
	s->base.warn = warn_line;
	s->base.warn_ctx = ctx;
	s->n_ports = n_ports;
	for (unsigned i = 0; i < n_ports; i++) {
		struct port_config cfg = {
			.port = ports[i],
			.pool = pool,
			.mtu = RTE_ETHER_MTU,
			.warn = warn_line,
			.warn_ctx = ctx,
		};

		if (port_open(&s->ports[i], &cfg, err) != 0) {
			ports_close(&s->base);
			return NULL;
		}
	}
	return &s->base;
}
