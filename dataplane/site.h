/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SITE_H
#define SLUSS_SITE_H

/**
 * @file
 * The site configuration: what this machine is (ports, cores, memory, where
 * events go), apart from policy, which says what may pass.
 *
 *   observer: gw1
 *   policy: perimeter.yaml
 *   key: /etc/sluss/pseudonym.key
 *   ports: ["af_packet:eth1"]
 *   workers: 2
 *   cores: [1, 2, 3]             # main thread first, then a core for each worker
 *   checksums: verify
 *   events: {file: /var/log/sluss/events.jsonl, log: alerts}
 *   limits: {flows: 1000000, inspect_memory: 2 GiB, tcp_idle_timeout: 1 h}
 *
 * Every key may be left out. Relative paths are relative to the file's folder,
 * but for what follows `pcap:`, which is too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/eal.h"
#include "dataplane/dataplane_limits.h"
#include "inspectors/limits.h"

enum { SITE_WORKERS_MAX = 64, SITE_ERROR_MAX = 1024 };

struct site {
	struct port_name *ports;
	unsigned n_ports;
	unsigned workers; /* 1 without a `workers:` key */
	unsigned cores[SITE_WORKERS_MAX + 1];
	unsigned n_cores; /* 0: not bound to cores */
	char *observer;	  /* the host's name without an `observer:` key */
	char *policy;	  /* path; NULL when not given */
	char *key;	  /* path of the pseudonym key; NULL when not given */
	char *events;	  /* path or "-"; NULL when not given */
	bool log_messages;
	bool verify_checksums;
	struct inspect_limits inspect;
	struct dataplane_limits limits; /* of all workers together */
};

/** All defaults: one worker, no ports. The texts are allocated. */
void site_default(struct site *site);

/**
 * Read a site configuration on top of the defaults.
 *
 * @param why  on failure: "FILE:LINE:COLUMN: what is wrong, and what would be right"
 * @return 0; -1 on failure, with nothing allocated
 */
int site_load(const char *path, struct site *ret, char *why, size_t why_size);

/** As site_load(), from memory; @p path is for messages and relative paths only. */
int site_parse(const char *path, const char *text, size_t n, struct site *ret, char *why,
	size_t why_size);

void site_free(struct site *site); /* accepts what site_default() or site_load() gave */

/**
 * "pcap:FILE", "af_packet:IF", "af_xdp:IF", "pci:ADDR".
 * @param why  what would be right, without a place
 * @return 0 or -1
 */
int site_port_parse(const char *text, struct port_name *ret, char *why, size_t why_size);

/** The reference: name, default, unit, sentence of every limit; fits 80 columns. */
void site_print_limits(FILE *out);

/** Bytes of things whose size the configuration doesn't set. */
struct site_sizes {
	uint64_t flow; /* one flow in the table, hash entry included */
	uint64_t ndpi; /* one nDPI state */
};

/** The most that the configuration allows, in bytes. */
struct site_memory {
	uint64_t packets;   /* limits.packet_buffers */
	uint64_t flows;	    /* limits.flows */
	uint64_t inspect;   /* limits.inspect_memory */
	uint64_t fragments; /* limits.fragment_datagrams: their table; the bytes are packets */
	uint64_t transfers; /* limits.transfers, per worker */
	uint64_t ndpi;	    /* limits.ndpi_flows */
	uint64_t rings;	    /* limits.worker_ring */
	uint64_t fixed;	    /* nDPI's tables, per worker, and the programs' own */
	uint64_t dpdk;	    /* of the total, what is allocated from DPDK's memory */
	uint64_t total;
};

struct site_memory site_memory(const struct site *site, const struct site_sizes *sizes);

/** A line for each, and the total; the key that sets it beside it. */
void site_print_memory(FILE *out, const struct site_memory *m);

/**
 * Does it fit into @p huge bytes of hugepages (0: not used) and @p machine
 * bytes of memory?
 * @param why  if not: what is needed, which keys to lower, how to get hugepages
 * @return 0 or -1
 */
int site_check_memory(const struct site_memory *m, uint64_t huge_available, uint64_t huge_page,
	uint64_t machine, char *why, size_t why_size);

#endif
