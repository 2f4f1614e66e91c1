/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The most memory that a configuration allows, and whether the machine has it.
 */
#include "dataplane/site.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "dataplane/fragments.h"

enum {
	MIB = 1 << 20,
	PORT_QUEUE = 2048,   /* packet buffers that a DPDK port's queue holds, each way */
	SEND_BATCH = 64,     /* that wait for a port to be sent to it */
	LANE_BURSTS = 2,     /* bursts of each worker: in its hands, and staged for it */
	CACHE_BUFFERS = 192, /* that lie in the pool's cache of each thread */
	/* Bytes of one announced transfer, with its place in the hash. */
	TRANSFER_BYTES = 512,
	/* nDPI's own tables, for each worker (measured: 9 MB), with room. */
	NDPI_TABLES = 16 * MIB,
	/* Programs, libraries, pattern databases and their scratch. */
	PROGRAM = 96 * MIB,
	/* DPDK's own structures, and what rounding to pages takes. */
	DPDK_OWN = 24 * MIB,
};

/*
 * Rings of limits.worker_ring: to each worker when there are several. Inline a worker
 * always has a thread of its own, and a ring back.
 */
static uint64_t
site_rings(const struct site *s)
{
	if (s->pairs)
		return 2 * (uint64_t)s->workers;
	return s->workers > 1 ? s->workers : 0;
}

unsigned
site_fragment_buffers(const struct site *s)
{
	return s->pairs ? 2 * FRAGMENTS_MAX : FRAGMENTS_MAX;
}

/* Of one port. A packet socket's queues are the kernel's own. */
static uint64_t
port_buffers(const struct site *s, const struct port_name *p)
{
	uint64_t waiting = s->pairs ? SEND_BATCH : 0;

	if (p->kind == PORT_PCAP || p->kind == PORT_AF_PACKET)
		return waiting;
	return waiting + (s->pairs ? 2 * PORT_QUEUE : PORT_QUEUE);
}

uint64_t
site_buffers_needed(const struct site *s)
{
	const struct dataplane_limits *l = &s->limits;
	uint64_t threads = site_rings(s) > 0 ? s->workers + 1 : 1, ports = 0;

	for (unsigned i = 0; i < s->n_ports; i++)
		ports += port_buffers(s, &s->ports[i]);
	return l->tcp_segments + site_fragment_buffers(s) * l->fragment_datagrams +
		ports + threads * (l->burst * LANE_BURSTS + CACHE_BUFFERS) +
		site_rings(s) * l->worker_ring;
}

struct site_memory
site_memory(const struct site *s, const struct site_sizes *sizes)
{
	const struct dataplane_limits *l = &s->limits;
	struct site_memory m = {
		.packets = eal_packet_pool_bytes(l->packet_buffers),
		.flows = l->flows * sizes->flow,
		.inspect = l->inspect_memory,
		.fragments = l->fragment_datagrams * sizes->datagram,
		.segments = l->tcp_segments * sizes->segment,
		.transfers = s->workers * s->inspect.transfers * TRANSFER_BYTES,
		.ndpi = l->ndpi_flows * sizes->ndpi,
		.rings = site_rings(s) * 2 * l->worker_ring * sizeof(void *),
		.fixed = s->workers * (uint64_t)NDPI_TABLES + PROGRAM,
	};

	/* Everything but what nDPI and the program take may come from DPDK. */
	m.dpdk = m.packets + m.flows + m.inspect + m.fragments + m.segments + m.transfers + m.rings;
	m.dpdk += m.dpdk / 16 + DPDK_OWN;
	m.total = m.dpdk + m.ndpi + m.fixed;
	return m;
}

static void
memory_row(FILE *out, const char *what, uint64_t bytes, const char *key)
{
	fprintf(out, "  %-28s%10.1f MiB  %s\n", what, (double)bytes / MIB, key);
}

void
site_print_memory(FILE *out, const struct site_memory *m)
{
	uint64_t own = m->dpdk -
		(m->packets + m->flows + m->inspect + m->fragments + m->segments + m->transfers +
			m->rings);

	fputs("Memory that this configuration allows, at most:\n", out);
	memory_row(out, "packets", m->packets, "limits.packet_buffers");
	memory_row(out, "flow table", m->flows, "limits.flows");
	memory_row(out, "inspection", m->inspect, "limits.inspect_memory");
	memory_row(out, "fragments", m->fragments, "limits.fragment_datagrams");
	memory_row(out, "held TCP segments", m->segments, "limits.tcp_segments");
	memory_row(out, "announced transfers", m->transfers, "limits.transfers");
	memory_row(out, "nDPI states", m->ndpi, "limits.ndpi_flows");
	memory_row(out, "rings", m->rings, "limits.worker_ring");
	memory_row(out, "DPDK's own", own, "");
	memory_row(out, "programs, nDPI's tables", m->fixed, "workers");
	memory_row(out, "in all", m->total, "");
}

/* The three largest of what keys can lower, by name. */
static void
largest(const struct site_memory *m, char *ret, size_t size)
{
	const struct {
		const char *key;
		uint64_t bytes;
	} rows[] = {
		{"packet_buffers", m->packets},
		{"flows", m->flows},
		{"inspect_memory", m->inspect},
		{"fragment_datagrams", m->fragments},
		{"transfers", m->transfers},
		{"ndpi_flows", m->ndpi},
	};
	bool taken[ARRAY_LEN(rows)] = {false};
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned turn = 0; turn < 3; turn++) {
		size_t best = ARRAY_LEN(rows);

		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (!taken[i] && (best == ARRAY_LEN(rows) || rows[i].bytes > rows[best].bytes))
				best = i;
		taken[best] = true;
		if (used < size)
			used += (size_t)snprintf(ret + used, size - used,
				"%slimits.%s (%" PRIu64 " MiB)", turn == 0 ? "" : ", ",
				rows[best].key, rows[best].bytes / MIB);
	}
}

/* Hugepages to set in all, since others keep theirs. */
static void
explain_hugepages(const struct site_memory *m, const struct eal_machine *machine, const char *keys,
	char *why, size_t why_size)
{
	uint64_t page = machine->huge_page > 0 ? machine->huge_page : 2 * MIB;
	uint64_t pages = (m->dpdk + machine->huge_used + page - 1) / page;

	snprintf(why, why_size,
		"%" PRIu64 " MiB of hugepages are needed, %" PRIu64 " MiB are free. As root:\n"
		"  echo %" PRIu64 " > /proc/sys/vm/nr_hugepages\n"
		"(and vm.nr_hugepages=%" PRIu64 " in /etc/sysctl.d/ to keep it), or lower %s",
		m->dpdk / MIB, machine->huge_free / MIB, pages, pages, keys);
}

int
site_check_memory(const struct site_memory *m, bool hugepages, const struct eal_machine *machine,
	char *why, size_t why_size)
{
	uint64_t rest = hugepages ? m->total - m->dpdk : m->total;
	char keys[256];

	largest(m, keys, sizeof(keys));
	/* More hugepages than the machine has memory can't be set. */
	if (hugepages && machine->ram > 0 && m->dpdk > machine->ram) {
		snprintf(why, why_size,
			"the configuration allows %" PRIu64 " MiB, but the machine has %" PRIu64
			" MiB of memory: lower %s",
			m->total / MIB, machine->ram / MIB, keys);
		return -1;
	}
	if (hugepages && m->dpdk > machine->huge_free) {
		explain_hugepages(m, machine, keys, why, why_size);
		return -1;
	}
	/* A machine that doesn't say what it has is taken at the administrator's word. */
	if (machine->memory == 0 || rest <= machine->memory)
		return 0;
	snprintf(why, why_size,
		"the configuration allows %" PRIu64 " MiB, but the machine has %" PRIu64
		" MiB to give: lower %s",
		rest / MIB, machine->memory / MIB, keys);
	return -1;
}

struct dataplane_limits
site_worker_limits(const struct site *s)
{
	struct dataplane_limits l = s->limits;
	uint64_t n = s->workers;

	/* Rounded up: a share is never nothing. */
	l.flows = (l.flows + n - 1) / n;
	l.inspect_memory = (l.inspect_memory + n - 1) / n;
	l.tcp_held_total = (l.tcp_held_total + n - 1) / n;
	l.tcp_segments = (l.tcp_segments + n - 1) / n;
	l.fragment_datagrams = (l.fragment_datagrams + n - 1) / n;
	l.ndpi_flows = (l.ndpi_flows + n - 1) / n;
	return l;
}
