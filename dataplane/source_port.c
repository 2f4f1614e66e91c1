/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports, by DPDK's ethdev: receive only, since watching changes nothing.
 */
#include "dataplane/source.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "dataplane/eal.h"

enum {
	QUEUE_SIZE = 1024,	 /* descriptors; the driver may have less or more */
	LINK_WAIT_MS = 3000,
	LINK_STEP_MS = 100,
};

struct port {
	uint16_t id;
	const char *name;
	bool started;
	int socket;	      /* of net_af_packet, which is the driver's; -1: another driver */
	uint64_t socket_drops; /* so far: the kernel's count starts again when it is read */
};

struct ports_source {
	struct source base; /* first */
	unsigned n_ports, next;
	struct source_stats stats; /* packets and bytes; the rest is the ports' */
	struct port ports[];
};

static void
stamp(struct ports_source *s, struct rte_mbuf **pkts, uint16_t n, unsigned port)
{
	for (uint16_t i = 0; i < n; i++) {
		*packet_meta(pkts[i]) = (struct packet_meta){
			.ts_us = s->base.now_us,
			.wire_length = rte_pktmbuf_pkt_len(pkts[i]),
			.link = LINK_ETHERNET,
			.port = (uint8_t)port,
		};
		s->stats.bytes += rte_pktmbuf_pkt_len(pkts[i]);
	}
	s->stats.packets += n;
}

/* Each port in turn is the first to be asked, so that a busy one starves none. */
static int
ports_burst(struct source *base, struct rte_mbuf **pkts, unsigned n)
{
	struct ports_source *s = (struct ports_source *)base;
	unsigned got = 0;

	s->base.now_us = source_wall_us();
	for (unsigned i = 0; i < s->n_ports && got < n; i++) {
		unsigned at = (s->next + i) % s->n_ports;
		uint16_t r = rte_eth_rx_burst(s->ports[at].id, 0, pkts + got,
			(uint16_t)(n - got));

		stamp(s, pkts + got, r, at);
		got += r;
	}
	s->next = (s->next + 1) % s->n_ports;
	return (int)got;
}

/*
 * The driver net_af_packet doesn't tell what the kernel dropped since its ring
 * was full, and keeps the socket, which knows, to itself. It is among our own
 * file descriptors. @return -1 where there is none
 */
static int
find_packet_socket(unsigned interface)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *d;
	int ret = -1;

	while (fds != NULL && ret < 0 && (d = readdir(fds)) != NULL) {
		int fd = atoi(d->d_name), domain = 0;
		socklen_t n = sizeof(domain);
		struct sockaddr_ll at = {0};
		socklen_t at_n = sizeof(at);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
			domain == AF_PACKET &&
			getsockname(fd, (struct sockaddr *)&at, &at_n) == 0 &&
			at.sll_ifindex == (int)interface)
			ret = fd;
	}
	if (fds != NULL)
		closedir(fds);
	return ret;
}

static uint64_t
socket_drops(struct port *p)
{
	struct tpacket_stats stats;
	socklen_t n = sizeof(stats);

	if (p->socket >= 0 && getsockopt(p->socket, SOL_PACKET, PACKET_STATISTICS, &stats, &n) == 0)
		p->socket_drops += stats.tp_drops;
	return p->socket_drops;
}

static void
ports_stats(struct source *base, struct source_stats *ret)
{
	struct ports_source *s = (struct ports_source *)base;

	*ret = s->stats;
	for (unsigned i = 0; i < s->n_ports; i++) {
		struct rte_eth_stats e;

		ret->missed += socket_drops(&s->ports[i]);
		if (rte_eth_stats_get(s->ports[i].id, &e) != 0)
			continue;
		ret->missed += e.imissed;
		ret->no_buffer += e.rx_nombuf;
		ret->errors += e.ierrors;
	}
}

static void
ports_close(struct source *base)
{
	struct ports_source *s = (struct ports_source *)base;

	for (unsigned i = 0; i < s->n_ports; i++) {
		if (!s->ports[i].started)
			continue;
		rte_eth_dev_stop(s->ports[i].id);
		rte_eth_dev_close(s->ports[i].id);
	}
	free(s);
}

static const struct source_ops ports_ops = {
	.burst = ports_burst,
	.stats = ports_stats,
	.close = ports_close,
};

static int __attribute__((format(printf, 3, 4)))
fail(struct source_error *err, const struct source_port *p, const char *format, ...)
{
	int n = snprintf(err->text, sizeof(err->text), "port %s: ", p->name);
	va_list ap;

	va_start(ap, format);
	if (n > 0 && (size_t)n < sizeof(err->text))
		vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, format, ap);
	va_end(ap);
	return -1;
}

/*
 * Frames longer than a buffer come as chains where the port can do that; else
 * the MTU is what one buffer takes.
 */
static void
configure_for(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->rxmode.mtu = info->max_mtu != 0 && info->max_mtu < RTE_ETHER_MTU ? info->max_mtu
									       : RTE_ETHER_MTU;
}

static int
configure(struct port *port, const struct source_port *p, struct rte_mempool *pool,
	struct source_error *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint16_t rx = QUEUE_SIZE, tx = QUEUE_SIZE;
	int r;

	if (rte_eth_dev_get_port_by_name(p->device, &port->id) != 0)
		return fail(err, p,
			"isn't there for DPDK (%s); a network card is to be bound to vfio-pci: "
			"dpdk-devbind.py -b vfio-pci ADDR",
			p->device);
	r = rte_eth_dev_info_get(port->id, &info);
	if (r != 0)
		return fail(err, p, "doesn't say what it can do: %s", rte_strerror(-r));
	if (info.driver_name != NULL && strcmp(info.driver_name, "net_af_packet") == 0)
		port->socket = find_packet_socket(info.if_index);
	configure_for(&info, &conf);
	/* Some drivers want a queue for sending although nothing is sent. */
	r = rte_eth_dev_configure(port->id, 1, 1, &conf);
	if (r == 0)
		r = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	if (r == 0)
		r = rte_eth_rx_queue_setup(port->id, 0, rx, (unsigned)SOCKET_ID_ANY, NULL, pool);
	if (r == 0)
		r = rte_eth_tx_queue_setup(port->id, 0, tx, (unsigned)SOCKET_ID_ANY, NULL);
	if (r != 0)
		return fail(err, p, "can't be set up for receiving: %s", rte_strerror(-r));
	return 0;
}

static bool
link_is_up(uint16_t id)
{
	struct rte_eth_link link = {0};

	for (unsigned ms = 0; ms < LINK_WAIT_MS; ms += LINK_STEP_MS) {
		if (rte_eth_link_get_nowait(id, &link) == 0 && link.link_status != 0)
			return true;
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	}
	return false;
}

static int
start(struct ports_source *s, struct port *port, const struct source_port *p,
	struct rte_mempool *pool, struct source_error *err)
{
	int r;

	port->name = p->name;
	port->socket = -1;
	if (configure(port, p, pool, err) != 0)
		return -1;
	r = rte_eth_dev_start(port->id);
	if (r != 0)
		return fail(err, p, "can't be started: %s; is its interface up?",
			rte_strerror(-r));
	port->started = true;
	r = rte_eth_promiscuous_enable(port->id);
	if (r != 0 && rte_eth_promiscuous_get(port->id) != 1)
		source_warn(&s->base,
			"port %s: can't be made promiscuous (%s): it only sees what is sent to it",
			p->name, rte_strerror(-r));
	if (!link_is_up(port->id))
		source_warn(&s->base, "port %s: its link is down; listening all the same", p->name);
	return 0;
}

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
		if (start(s, &s->ports[i], &ports[i], pool, err) != 0) {
			ports_close(&s->base);
			return NULL;
		}
	}
	return &s->base;
}
