/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/port.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

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

/*
 * A packet socket is also given what this host itself sends by the interface (the kernel's
 * own neighbour discovery, say); inline that would leave at the partner. The driver joins
 * a fanout group, for which the kernel doesn't look at the socket's PACKET_IGNORE_OUTGOING
 * (packet(7)), so a filter does it: frames of type PACKET_OUTGOING aren't taken.
 */
static int
ignore_outgoing(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
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

void
port_add_stats(struct port *p, struct source_stats *ret)
{
	struct rte_eth_stats e;

	ret->missed += socket_drops(p);
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
check_pool(const struct port *p, const struct rte_mempool *pool, struct source_error *err)
{
	if (!p->af_xdp || (pool->nb_mem_chunks == 1 &&
		(rte_eal_iova_mode() == RTE_IOVA_VA || !rte_eal_has_hugepages())))
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
	p->af_packet = info->driver_name != NULL && strcmp(info->driver_name, "net_af_packet") == 0;
	p->af_xdp = info->driver_name != NULL && strcmp(info->driver_name, "net_af_xdp") == 0;
	if (!p->af_packet)
		return check_pool(p, cfg->pool, err);
	p->socket = find_packet_socket(info->if_index);
	if (cfg->sends && (p->socket < 0 || ignore_outgoing(p->socket) != 0))
		return fail(err, p, "the frames that this host itself sends can't be told apart");
	return 0;
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

int
port_open(struct port *p, const struct port_config *cfg, struct source_error *err)
{
	int r;

	*p = (struct port){.name = cfg->port.name, .socket = -1};
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

void
port_close(struct port *p)
{
	if (!p->started)
		return;
	if (p->made_promiscuous)
		rte_eth_promiscuous_disable(p->id);
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
	p->started = false;
}
