/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/eal.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"

enum { ARGS_MAX = 64, ARGS_TEXT = 8192, CACHE = 128, MIB = 1 << 20 };

/* The argument vector, all in one place so that nothing is to be freed. */
struct args {
	int n;
	char *v[ARGS_MAX + 1];
	char text[ARGS_TEXT];
	size_t used;
	bool over;
};

static void __attribute__((format(printf, 2, 3)))
args_add(struct args *a, const char *format, ...)
{
	size_t room = sizeof(a->text) - a->used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(a->text + a->used, room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || a->n >= ARGS_MAX) {
		a->over = true;
		return;
	}
	a->v[a->n++] = a->text + a->used;
	a->used += (size_t)n + 1;
}

/*
 * One EAL core: the main thread's, on the cores that we may use at all (or the
 * one that it is to be bound to). Workers are threads of our own that register
 * themselves, so EAL starts none.
 */
static void
args_add_cores(struct args *a, const struct eal_config *cfg)
{
	char list[2048] = "";
	size_t used = 0;
	cpu_set_t set;

	if (cfg->bind) {
		args_add(a, "--lcores=0@%u", cfg->main_core);
		return;
	}
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (unsigned i = 0; i < CPU_SETSIZE && used + 8 < sizeof(list); i++)
		if (CPU_ISSET(i, &set))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%u",
				used > 0 ? "," : "", i);
	if (used > 0)
		args_add(a, "--lcores=0@(%s)", list);
}

static void
args_add_ports(struct args *a, const struct eal_config *cfg)
{
	bool pci = false;

	for (unsigned i = 0; i < cfg->n_ports; i++) {
		const struct port_name *p = &cfg->ports[i];
		char device[EAL_DEVICE_MAX];

		eal_port_device(p, i, device, sizeof(device));
		if (p->kind == PORT_AF_XDP)
			args_add(a, "--vdev=%s,iface=%s", device, p->target);
		if (p->kind == PORT_PCI) {
			args_add(a, "--allow=%s", device);
			pci = true;
		}
	}
	if (pci)
		return;
	args_add(a, "--no-pci");
	/* No hardware looks for physical addresses, and without them the packet buffers lie
	 * without gaps, which af_xdp needs (port.c). */
	args_add(a, "--iova-mode=va");
}

static void
args_add_options(struct args *a, const char *options)
{
	while (options != NULL && *options != '\0') {
		size_t n = strcspn(options, " \t");

		if (n > 0)
			args_add(a, "%.*s", (int)n, options);
		options += n;
		options += strspn(options, " \t");
	}
}

static void
args_build(struct args *a, const struct eal_config *cfg)
{
	args_add(a, "sluss");
	args_add_cores(a, cfg);
	args_add_ports(a, cfg);
	args_add(a, "--no-telemetry");
	args_add(a, "--log-level=error");
	args_add(a, "-m%llu", (unsigned long long)((cfg->memory + MIB - 1) / MIB));
	if (cfg->hugepages) {
		args_add(a, "--in-memory");
	} else {
		args_add(a, "--no-huge");
		args_add(a, "--no-shconf"); /* --in-memory can't be had without hugepages */
	}
	args_add_options(a, cfg->options);
}

/* What DPDK writes to either standard stream goes to a file of our own. */
struct capture {
	int file, out, err;
};

static void
capture_begin(struct capture *c)
{
	fflush(stdout);
	fflush(stderr);
	c->file = memfd_create("eal", MFD_CLOEXEC);
	c->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	c->err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (c->file >= 0 && c->out >= 0 && c->err >= 0) {
		dup2(c->file, STDOUT_FILENO);
		dup2(c->file, STDERR_FILENO);
	}
}

/* Give the streams back; @p ret gets what was written, its last bytes if it is long. */
static void
capture_end(struct capture *c, char *ret, size_t size)
{
	off_t n, from;
	ssize_t got = 0;

	fflush(stdout);
	fflush(stderr);
	if (c->file >= 0 && c->out >= 0 && c->err >= 0) {
		dup2(c->out, STDOUT_FILENO);
		dup2(c->err, STDERR_FILENO);
		n = lseek(c->file, 0, SEEK_END);
		from = n >= (off_t)size ? n - (off_t)size + 1 : 0;
		got = pread(c->file, ret, size - 1, from);
	}
	ret[got > 0 ? got : 0] = '\0';
	if (c->file >= 0)
		close(c->file);
	if (c->out >= 0)
		close(c->out);
	if (c->err >= 0)
		close(c->err);
}

/*
 * DPDK's own words for the user: lines that begin like a log ("EAL: …"), the
 * last few of them; not its page of usage.
 */
static void
last_words(const char *log, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	while (*log != '\0') {
		size_t n = strcspn(log, "\n");
		size_t word = strcspn(log, ": \n");
		bool said = word > 0 && log[word] == ':' && log[0] != ' ' &&
			strncmp(log, "Usage", 5) != 0;

		if (said && used + n + 12 < size)
			used += (size_t)snprintf(ret + used, size - used, "\n  DPDK: %.*s", (int)n,
				log);
		log += n;
		log += *log == '\n';
	}
}

static int
start_failed(const struct eal_config *cfg, const char *log, char *why, size_t why_size)
{
	char said[EAL_ERROR_MAX / 2];
	const char *advice = "run it with --eal \"--log-level=debug\" to see more";

	last_words(log, said, sizeof(said));
	if (cfg->options != NULL)
		advice = "see that what --eal gave is right";
	else if (strstr(said, "hugepage") != NULL || strstr(said, "Cannot init memory") != NULL)
		advice = cfg->hugepages ? "see that hugepages are free: grep Huge /proc/meminfo"
					: "lower `limits:` (packet_buffers, inspect_memory, flows)";
	else if (strstr(said, "ermission") != NULL || strstr(said, "not permitted") != NULL)
		advice = "listening on a port needs root, or CAP_NET_RAW, CAP_NET_ADMIN and "
			 "CAP_IPC_LOCK";
	snprintf(why, why_size, "DPDK could not be started: %s%s", advice, said);
	return -1;
}

int
eal_start(const struct eal_config *cfg, char *why, size_t why_size)
{
	char log[16384];
	struct args args = {0};
	struct capture c;
	int n;

	args_build(&args, cfg);
	if (args.over) {
		snprintf(why, why_size, "too many ports or --eal options for one start");
		return -1;
	}
	/* DPDK's default is standard output, where the events may go. */
	rte_openlog_stream(stderr);
	capture_begin(&c);
	n = rte_eal_init(args.n, args.v);
	capture_end(&c, log, sizeof(log));
	if (n < 0)
		return start_failed(cfg, log, why, why_size);
	if (log[0] != '\0')
		fputs(log, stderr);
	return 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}

void
eal_port_device(const struct port_name *port, unsigned index, char *ret, size_t size)
{
	switch (port->kind) {
	case PORT_AF_PACKET:
		snprintf(ret, size, "af_packet:%s", port->target);
		break;
	case PORT_AF_XDP:
		snprintf(ret, size, "net_af_xdp%u", index);
		break;
	case PORT_PCI:
		/* DPDK names devices with their PCI domain. */
		snprintf(ret, size, "%s%s", strlen(port->target) < 10 ? "0000:" : "", port->target);
		break;
	case PORT_PCAP:
		snprintf(ret, size, "%s", "");
		break;
	}
}

struct rte_mempool *
eal_packet_pool(const char *name, uint64_t buffers, char *why, size_t why_size)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, (unsigned)buffers, CACHE,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN),
		EAL_BUFFER_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);

	if (pool == NULL)
		snprintf(why, why_size,
			"no memory for %llu packet buffers (%s): lower limits.packet_buffers",
			(unsigned long long)buffers, rte_strerror(rte_errno));
	return pool;
}

uint64_t
eal_packet_pool_bytes(uint64_t buffers)
{
	uint32_t element = sizeof(struct rte_mbuf) +
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN) +
		EAL_BUFFER_BYTES + RTE_PKTMBUF_HEADROOM;

	/* And a pointer for each in the pool's ring, which has a power of two of them. */
	return buffers * rte_mempool_calc_obj_size(element, 0, NULL) +
		rte_align64pow2(buffers + 1) * sizeof(void *);
}
