/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "dataplane/interface.h"
#include "dataplane/packet_socket.h"
#include "dataplane/xdp_guard.h"

enum {
	QUEUE_SIZE = 1024, /* descriptors; the driver may have less or more */
	LINK_WAIT_MS = 3000,
	LINK_STEP_MS = 100,
};

static int __attribute__((format(printf, 3, 4)))
fail(struct source_error *err, const struct port *p, const char *format, ...)
{
	int n = snprintf(err->text, sizeof(err->text), "port %s: ", p->name);
	va_list ap;

	va_start(ap, format);
	if (n > 0 && (size_t)n < sizeof(err->text))
		vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, format, ap);
	va_end(ap);
	return -1;
}

static void __attribute__((format(printf, 2, 3)))
warn(const struct port_config *cfg, const char *format, ...)
{
	char line[512];
	va_list ap;

	if (cfg->warn == NULL)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	cfg->warn(cfg->warn_ctx, line);
}

void
port_add_stats(struct port *p, struct source_stats *ret)
{
	struct rte_eth_stats e;

	if (p->socket != NULL) {
		ret->missed += packet_socket_drops(p->socket);
		return;
	}
	if (rte_eth_stats_get(p->id, &e) != 0)
		return;
	ret->missed += e.imissed;
	ret->no_buffer += e.rx_nombuf;
	ret->errors += e.ierrors;
}

/*
 * net_af_xdp lets the kernel write into the pool's buffers. It takes the pool for one
 * piece of memory without gaps, and doesn't look whether it is.
 */
static int
check_pool(const struct port *p, const char *driver, struct source_error *err)
{
	bool in_one_piece = p->pool->nb_mem_chunks == 1 &&
		(rte_eal_iova_mode() == RTE_IOVA_VA || !rte_eal_has_hugepages());

	if (driver == NULL || strcmp(driver, "net_af_xdp") != 0 || in_one_piece)
		return 0;
	return fail(err, p,
		"the packet buffers don't lie in one piece, which af_xdp needs; use af_packet, or "
		"don't mix af_xdp and pci ports on a machine without an IOMMU");
}

static int
find(struct port *p, const struct port_config *cfg, struct rte_eth_dev_info *info,
	struct source_error *err)
{
	int r;

	if (rte_eth_dev_get_port_by_name(cfg->port.device, &p->id) != 0)
		return fail(err, p,
			"isn't there for DPDK (%s); a network card is to be bound to vfio-pci: "
			"dpdk-devbind.py -b vfio-pci ADDR",
			cfg->port.device);
	r = rte_eth_dev_info_get(p->id, info);
	if (r != 0)
		return fail(err, p, "doesn't say what it can do: %s", rte_strerror(-r));
	return check_pool(p, info->driver_name, err);
}

/*
 * Frames longer than a buffer come as chains where the port can do that; else the MTU is
 * what one buffer takes.
 */
static void
configure_for(const struct rte_eth_dev_info *info, const struct port_config *cfg,
	struct rte_eth_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->rxmode.mtu = info->max_mtu != 0 && info->max_mtu < cfg->mtu ? info->max_mtu : cfg->mtu;
}

static int
configure(struct port *p, const struct port_config *cfg, struct source_error *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint16_t rx = QUEUE_SIZE, tx = QUEUE_SIZE;
	int r;

	if (find(p, cfg, &info, err) != 0)
		return -1;
	configure_for(&info, cfg, &conf);
	p->mtu = (uint16_t)conf.rxmode.mtu;
	if (cfg->sends && p->mtu < cfg->mtu)
		return fail(err, p, "takes an MTU of at most %u, but %u are wanted", p->mtu,
			cfg->mtu);
	/* Some drivers want a queue for sending although nothing is sent. */
	r = rte_eth_dev_configure(p->id, 1, 1, &conf);
	if (r == 0)
		r = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);
	if (r == 0)
		r = rte_eth_rx_queue_setup(p->id, 0, rx, (unsigned)SOCKET_ID_ANY, NULL, cfg->pool);
	if (r == 0)
		r = rte_eth_tx_queue_setup(p->id, 0, tx, (unsigned)SOCKET_ID_ANY, NULL);
	if (r != 0)
		return fail(err, p, "can't be set up for %s: %s",
			cfg->sends ? "receiving and sending" : "receiving", rte_strerror(-r));
	return 0;
}

static bool
link_comes_up(uint16_t id)
{
	struct rte_eth_link link = {0};

	for (unsigned ms = 0; ms < LINK_WAIT_MS; ms += LINK_STEP_MS) {
		if (rte_eth_link_get_nowait(id, &link) == 0 && link.link_status != 0)
			return true;
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	}
	return false;
}

static void
make_promiscuous(struct port *p, const struct port_config *cfg)
{
	int r = rte_eth_promiscuous_enable(p->id);

	p->made_promiscuous = r == 0;
	if (r != 0 && rte_eth_promiscuous_get(p->id) != 1)
		warn(cfg, "port %s: can't be made promiscuous (%s): it only sees what is sent to it",
			p->name, rte_strerror(-r));
}

static int
open_device(struct port *p, const struct port_config *cfg, struct source_error *err)
{
	int r;

	if (configure(p, cfg, err) != 0)
		return -1;
	r = rte_eth_dev_start(p->id);
	if (r != 0)
		return fail(err, p, "can't be started: %s; is its interface up?", rte_strerror(-r));
	p->started = true;
	make_promiscuous(p, cfg);
	if (!link_comes_up(p->id))
		warn(cfg, "port %s: its link is down; %s all the same", p->name,
			cfg->sends ? "starting" : "listening");
	return 0;
}

static int
open_socket(struct port *p, const struct port_config *cfg, const char *interface,
	struct source_error *err)
{
	int flags = interface_flags(interface);

	p->socket = packet_socket_open(interface, cfg->sends);
	if (p->socket == NULL)
		return fail(err, p, "can't be opened: %s; it needs root, or CAP_NET_RAW and "
				    "CAP_NET_ADMIN", strerror(errno));
	if (cfg->sends)
		p->guard = xdp_guard_open(interface);
	p->mtu = cfg->mtu;
	p->started = true;
	if (flags >= 0 && (flags & IFF_RUNNING) == 0)
		warn(cfg, "port %s: its link is down; %s all the same", p->name,
			cfg->sends ? "starting" : "listening");
	return 0;
}

int
port_open(struct port *p, const struct port_config *cfg, struct source_error *err)
{
	static const char prefix[] = "af_packet:";

	*p = (struct port){.name = cfg->port.name, .pool = cfg->pool, .guard = -1};
	if (strncmp(cfg->port.device, prefix, strlen(prefix)) == 0)
		return open_socket(p, cfg, cfg->port.device + strlen(prefix), err);
	return open_device(p, cfg, err);
}

void
port_close(struct port *p)
{
	if (!p->started)
		return;
	p->started = false;
	if (p->socket != NULL) {
		packet_socket_close(p->socket);
		if (p->guard >= 0)
			close(p->guard);
		return;
	}
	if (p->made_promiscuous)
		rte_eth_promiscuous_disable(p->id);
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
}

uint16_t
port_rx(struct port *p, struct rte_mbuf **pkts, uint16_t n, uint64_t now_us, unsigned index)
{
	if (p->socket != NULL) {
		n = packet_socket_rx(p->socket, p->pool, pkts, n);
	} else {
		n = rte_eth_rx_burst(p->id, 0, pkts, n);
		for (uint16_t i = 0; i < n; i++)
			*packet_meta(pkts[i]) = (struct packet_meta){
				.wire_length = rte_pktmbuf_pkt_len(pkts[i])};
	}
	for (uint16_t i = 0; i < n; i++) {
		packet_meta(pkts[i])->ts_us = now_us;
		packet_meta(pkts[i])->link = LINK_ETHERNET;
		packet_meta(pkts[i])->port = (uint8_t)index;
	}
	return n;
}

uint16_t
port_tx(struct port *p, struct rte_mbuf **pkts, uint16_t n, uint64_t *lost)
{
	if (p->socket != NULL)
		return packet_socket_tx(p->socket, pkts, n, lost);
	return rte_eth_tx_burst(p->id, 0, pkts, n);
}
