/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/wire.h"

#include <linux/if_ether.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "dataplane/interface.h"
#include "dataplane/port.h"

enum {
	BATCH = 64,	    /* frames that wait for a port until it is given them */
	TX_TRIES = 8,	    /* to give a port what waits, before it is dropped */
	TX_PAUSE_US = 10,   /* between them */
	VLAN_BYTES = 4,
	VLAN_TAGS = 2,	    /* that may come on top of the MTU */
	/* A port that was given back has so long to find its link, before it counts as one
	 * without: else two cables out of which neither is ever up would be tried in turn. */
	SETTLE_US = 5000000,
	/* A veth that gets its XDP program is without link for a moment; no port is taken
	 * down so soon after the start. */
	START_US = 1000000,
};

struct wire_port {
	struct port port;
	const struct port_name *name;
	struct rte_mbuf *waiting[BATCH];
	uint32_t lengths[BATCH]; /* theirs: what was sent can't be asked any more */
	unsigned n_waiting;
	struct wire_port_stats stats;
	uint64_t settle_until; /* microseconds; 0: its link counts as it is */
	uint64_t told_long;    /* stats.rx_too_long when the user was told */
	bool down_refused;     /* the port can't be taken down; the user was told */
};

struct wire {
	struct source base; /* first: what it is received by */
	struct rte_mempool *pool;
	unsigned n_ports, next;
	uint64_t follow_from; /* microseconds */
	struct wire_port ports[];
};

static struct wire_port *
partner(struct wire *w, const struct wire_port *p)
{
	return &w->ports[(unsigned)(p - w->ports) ^ 1];
}

/* ---- receiving ---- */

/*
 * The longest frame of this wire that has so many tags. Only for frames that are in
 * doubt, since it looks at the bytes.
 */
static uint32_t
frame_most(const struct rte_mbuf *m, uint16_t mtu)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = RTE_ETHER_HDR_LEN, tags = 0;

	while (tags < VLAN_TAGS && at <= rte_pktmbuf_data_len(m)) {
		unsigned type = (unsigned)p[at - 2] << 8 | p[at - 1];

		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		at += VLAN_BYTES;
		tags++;
	}
	return at + mtu;
}

static bool
is_too_long(const struct rte_mbuf *m, uint32_t length, uint16_t mtu)
{
	return length > (uint32_t)mtu + RTE_ETHER_HDR_LEN && length > frame_most(m, mtu);
}

/*
 * A frame that is too long for the wire can't leave it, and some of its bytes are missing
 * already: the driver has cut it. So it isn't read either; its sender finds out.
 * @return how many are left of @p n
 */
static uint16_t
take(struct wire_port *p, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (is_too_long(m, packet_meta(m)->wire_length, p->port.mtu)) {
			p->stats.rx_too_long++;
			rte_pktmbuf_free(m);
			continue;
		}
		p->stats.rx_bytes += rte_pktmbuf_pkt_len(m);
		pkts[kept++] = m;
	}
	p->stats.rx_packets += kept;
	return kept;
}

/* Each port in turn is the first to be asked, so that a busy one starves none. */
static int
wire_burst(struct source *base, struct rte_mbuf **pkts, unsigned n)
{
	struct wire *w = (struct wire *)base;
	unsigned got = 0;

	w->base.now_us = source_wall_us();
	for (unsigned i = 0; i < w->n_ports && got < n; i++) {
		struct wire_port *p = &w->ports[(w->next + i) % w->n_ports];
		uint16_t r = port_rx(&p->port, pkts + got, (uint16_t)(n - got), w->base.now_us,
			(unsigned)(p - w->ports));

		got += take(p, pkts + got, r);
	}
	w->next = (w->next + 1) % w->n_ports;
	return (int)got;
}

/* ---- sending ---- */

static void
flush_port(struct wire_port *p)
{
	uint64_t too_long = 0;
	unsigned sent = 0;

	for (unsigned try = 0; sent < p->n_waiting && try < TX_TRIES; try++) {
		uint16_t r = port_tx(&p->port, p->waiting + sent, (uint16_t)(p->n_waiting - sent),
			&too_long);

		if (r == 0)
			rte_delay_us_block(TX_PAUSE_US);
		for (unsigned i = 0; i < r; i++)
			p->stats.tx_bytes += p->lengths[sent + i];
		sent += r;
	}
	p->stats.tx_packets += sent - too_long;
	p->stats.tx_too_long += too_long;
	p->stats.tx_dropped += p->n_waiting - sent;
	rte_pktmbuf_free_bulk(p->waiting + sent, p->n_waiting - sent);
	p->n_waiting = 0;
}

/*
 * Not every driver sends chains, or finds the bytes of an mbuf that lie in another's
 * buffer: net_af_xdp takes a frame's bytes from its first buffer, whatever is in it.
 * @return NULL: there is no buffer
 */
static struct rte_mbuf *
in_one_piece(struct wire *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (m->nb_segs == 1 && RTE_MBUF_DIRECT(m))
		return m;
	copy = rte_pktmbuf_alloc(w->pool);
	if (copy != NULL) {
		uint32_t n = rte_pktmbuf_pkt_len(m);
		char *to = rte_pktmbuf_append(copy, (uint16_t)n);
		const void *from = rte_pktmbuf_read(m, 0, n, to);

		if (from != to)
			memcpy(to, from, n);
	}
	rte_pktmbuf_free(m);
	return copy;
}

void
wire_send(struct wire *w, struct rte_mbuf *m, unsigned port)
{
	struct wire_port *p = &w->ports[port];
	uint64_t *lost = NULL;

	if (!p->stats.link_up)
		lost = &p->stats.tx_dropped;
	else if (rte_pktmbuf_pkt_len(m) > EAL_BUFFER_BYTES ||
		is_too_long(m, rte_pktmbuf_pkt_len(m), p->port.mtu))
		lost = &p->stats.tx_too_long;
	if (lost != NULL) {
		(*lost)++;
		rte_pktmbuf_free(m);
		return;
	}
	m = in_one_piece(w, m);
	if (m == NULL) {
		p->stats.tx_no_buffer++;
		return;
	}
	p->lengths[p->n_waiting] = rte_pktmbuf_pkt_len(m);
	p->waiting[p->n_waiting++] = m;
	if (p->n_waiting == BATCH)
		flush_port(p);
}

void
wire_flush(struct wire *w)
{
	for (unsigned i = 0; i < w->n_ports; i++)
		if (w->ports[i].n_waiting > 0)
			flush_port(&w->ports[i]);
}

/* ---- links ---- */

static bool
is_kernels(const struct wire_port *p)
{
	return p->name->kind == PORT_AF_PACKET || p->name->kind == PORT_AF_XDP;
}

static bool
link_is_up(const struct wire_port *p)
{
	struct rte_eth_link link = {0};

	/* net_af_xdp doesn't know. */
	if (is_kernels(p)) {
		int flags = interface_flags(p->name->target);

		return flags >= 0 && (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
	}
	return rte_eth_link_get_nowait(p->port.id, &link) == 0 && link.link_status != 0;
}

static int
set_link(const struct wire_port *p, bool up)
{
	if (is_kernels(p))
		return interface_set_up(p->name->target, up);
	return up ? rte_eth_dev_set_link_up(p->port.id) : rte_eth_dev_set_link_down(p->port.id);
}

static void
take_down(struct wire *w, struct wire_port *p, const struct wire_port *since)
{
	int r = set_link(p, false);

	if (r != 0) {
		if (!p->down_refused)
			source_warn(&w->base,
				"port %s: the link of %s is down, but this one can't be taken down, "
				"too: %s",
				p->port.name, since->port.name, rte_strerror(-r));
		p->down_refused = true;
		return;
	}
	p->stats.forced_down = true;
	p->stats.link_up = false;
	source_warn(&w->base, "port %s: its link is down; so %s is taken down, too",
		since->port.name, p->port.name);
}

static void
give_back(struct wire *w, struct wire_port *p, uint64_t now_us)
{
	int r = set_link(p, true);

	if (r != 0) {
		source_warn(&w->base, "port %s: can't be brought up again: %s", p->port.name,
			rte_strerror(-r));
		return;
	}
	p->stats.forced_down = false;
	p->settle_until = now_us + SETTLE_US;
}

/* Of two links, the one that wasn't taken down is looked at; the other follows it. */
static void
follow(struct wire *w, struct wire_port *p, uint64_t now_us)
{
	struct wire_port *other = partner(w, p);

	if (p->stats.forced_down)
		return;
	p->stats.link_up = link_is_up(p);
	if (p->stats.link_up) {
		p->settle_until = 0;
		if (other->stats.forced_down) {
			source_warn(&w->base, "port %s: its link is up again; %s is brought up",
				p->port.name, other->port.name);
			give_back(w, other, now_us);
		}
	} else if (now_us >= p->settle_until && now_us >= w->follow_from && !other->stats.forced_down) {
		take_down(w, other, p);
	}
}

static void
tell_long(struct wire *w, struct wire_port *p)
{
	bool first = p->told_long == 0;

	if (p->stats.rx_too_long == p->told_long)
		return;
	p->told_long = p->stats.rx_too_long;
	if (!first)
		return;
	source_warn(&w->base,
		"port %s: frames longer than its MTU of %u come in and are dropped, so their "
		"connections stall. Their sender leaves it to its network card to cut them (TSO), "
		"and there is none, as with veth and virtio. On the machine or in the container "
		"behind %s: ethtool -K INTERFACE tso off gso off",
		p->port.name, p->port.mtu, p->port.name);
}

void
wire_tick(struct wire *w, uint64_t now_us)
{
	for (unsigned i = 0; i < w->n_ports; i++) {
		follow(w, &w->ports[i], now_us);
		tell_long(w, &w->ports[i]);
	}
}

/* ---- the whole ---- */

void
wire_port_stats(struct wire *w, unsigned port, struct wire_port_stats *ret)
{
	struct wire_port *p = &w->ports[port];
	struct source_stats s = {0};

	*ret = p->stats;
	port_add_stats(&p->port, &s);
	ret->rx_missed = s.missed;
	ret->rx_no_buffer = s.no_buffer;
	ret->rx_errors = s.errors;
}

static void
wire_stats(struct source *base, struct source_stats *ret)
{
	struct wire *w = (struct wire *)base;

	*ret = (struct source_stats){0};
	for (unsigned i = 0; i < w->n_ports; i++) {
		ret->packets += w->ports[i].stats.rx_packets;
		ret->bytes += w->ports[i].stats.rx_bytes;
		ret->too_long += w->ports[i].stats.rx_too_long;
		port_add_stats(&w->ports[i].port, ret);
	}
}

static void
close_ports(struct source *base)
{
	struct wire *w = (struct wire *)base;

	wire_flush(w);
	for (unsigned i = 0; i < w->n_ports; i++) {
		struct wire_port *p = &w->ports[i];

		if (p->stats.forced_down)
			give_back(w, p, 0);
		port_close(&p->port);
	}
	free(w);
}

static const struct source_ops wire_ops = {
	.burst = wire_burst,
	.stats = wire_stats,
	.close = close_ports,
};

struct source *
wire_source(struct wire *w)
{
	return &w->base;
}

unsigned
wire_ports(const struct wire *w)
{
	return w->n_ports;
}

/* The interface's; a network card that is DPDK's has none, and takes its partner's. */
static uint16_t
mtu_of(const struct wire_config *cfg, unsigned port)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct port_name *n = &cfg->names[port ^ i];
		int mtu = n->kind == PORT_AF_PACKET || n->kind == PORT_AF_XDP
			? interface_mtu(n->target)
			: -1;

		if (mtu > 0)
			return (uint16_t)(mtu < PORT_MTU_MAX ? mtu : PORT_MTU_MAX);
	}
	return RTE_ETHER_MTU;
}

static int
open_port(struct wire *w, const struct wire_config *cfg, unsigned i, struct source_error *err)
{
	struct wire_port *p = &w->ports[i];
	struct port_config port = {
		.port = cfg->ports[i],
		.pool = cfg->pool,
		.mtu = mtu_of(cfg, i),
		.sends = true,
		.warn = cfg->warn,
		.warn_ctx = cfg->warn_ctx,
	};

	p->name = &cfg->names[i];
	if (port_open(&p->port, &port, err) != 0)
		return -1;
	p->stats.link_up = link_is_up(p);
	return 0;
}

struct wire *
wire_open(const struct wire_config *cfg, struct source_error *err)
{
	struct wire *w = calloc(1, sizeof(*w) + cfg->n_ports * sizeof(w->ports[0]));

	if (w == NULL || cfg->n_ports == 0 || cfg->n_ports % 2 != 0) {
		snprintf(err->text, sizeof(err->text),
			w == NULL ? "no memory for the ports" : "ports come in pairs");
		free(w);
		return NULL;
	}
	w->base.ops = &wire_ops;
	w->base.live = true;
	w->base.now_us = source_wall_us();
	w->base.warn = cfg->warn;
	w->base.warn_ctx = cfg->warn_ctx;
	w->pool = cfg->pool;
	w->n_ports = cfg->n_ports;
	for (unsigned i = 0; i < cfg->n_ports; i++) {
		if (open_port(w, cfg, i, err) != 0) {
			wire_close(w);
			return NULL;
		}
	}
	w->follow_from = source_wall_us() + START_US;
	return w;
}

void
wire_close(struct wire *w)
{
	if (w != NULL)
		close_ports(&w->base);
}
