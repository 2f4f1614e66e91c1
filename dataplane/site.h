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
 *   ports: ["af_packet:eth1"]    # to watch; or, to stand inline (and to watch, too):
 *   pairs: [["af_packet:eth1", "af_packet:eth2"]]
 *   inline: {midstream: adopt}   # INLINE_CHOICES
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
#include "dataplane/inline_choices.h"
#include "inspectors/bytes.h"
#include "inspectors/limits.h"

struct diag; /* policy/diag.h */

enum { SITE_WORKERS_MAX = 64 };

struct site {
	struct port_name *ports; /* of `ports:` or of `pairs:`: the first and second, … */
	unsigned n_ports;
	bool pairs; /* the ports are pairs: what `sluss run` needs; `watch` listens to all */
	struct inline_choices choices;
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
 * @param d  gets every error with its place and what would be right
 * @return 0; -1 on failure, with nothing allocated
 */
int site_load(const char *path, struct site *ret, struct diag *d);

/** As site_load(), from memory; @p path is for messages and relative paths only. */
int site_parse(const char *path, struct bytes text, struct site *ret, struct diag *d);

void site_free(struct site *site); /* accepts what site_default() or site_load() gave */

/**
 * "pcap:FILE", "af_packet:IF", "af_xdp:IF", "pci:ADDR".
 * @param why  what would be right, without a place
 * @return 0 or -1
 */
int site_port_parse(const char *text, struct port_name *ret, char *why, size_t why_size);

/**
 * One limit of either list, to go through them all.
 */
struct site_limit {
	const char *name;
	uint64_t value, least, most; /* value: the default */
	const char *unit, *sentence;
	size_t offset;	    /* of its uint64_t in the structure */
	bool inspect;	    /* in struct inspect_limits, else in struct dataplane_limits */
};

/** The @p i-th limit, in the order of the reference; NULL behind the last. */
const struct site_limit *site_limit(size_t i);

/** Where the site keeps it. */
uint64_t *site_limit_value(struct site *site, const struct site_limit *l);

/**
 * Packet buffers that may be in use at once by what the limits allow: held
 * segments, fragments, rings. limits.packet_buffers must not be less.
 */
uint64_t site_buffers_needed(const struct site *site);

/** Of these, for each datagram of limits.fragment_datagrams: with pairs each fragment is held twice. */
unsigned site_fragment_buffers(const struct site *site);

/** One worker's share of the limits "in all"; the others as they are. */
struct dataplane_limits site_worker_limits(const struct site *site);

/** The reference: name, default, unit, sentence of every limit; fits 80 columns. */
void site_print_limits(FILE *out);

/** The reference of `inline:`: each choice, its default first. */
void site_print_choices(FILE *out);

/** Bytes of things whose size the configuration doesn't set. */
struct site_sizes {
	uint64_t flow;	   /* one flow in the table, hash entry included: worker_flow_size() */
	uint64_t datagram; /* one place for fragments: fragments_datagram_size() */
	uint64_t segment;  /* one held TCP segment: tcp_engine_memory() for each */
	uint64_t ndpi;	   /* one nDPI state: classify_state_size() */
};

/** The most that the configuration allows, in bytes. */
struct site_memory {
	uint64_t packets;   /* limits.packet_buffers */
	uint64_t flows;	    /* limits.flows */
	uint64_t inspect;   /* limits.inspect_memory */
	uint64_t fragments; /* limits.fragment_datagrams: their table; the bytes are packets */
	uint64_t segments;  /* limits.tcp_segments: likewise */
	uint64_t transfers; /* limits.transfers, per worker */
	uint64_t ndpi;	    /* limits.ndpi_flows */
	uint64_t rings;	    /* limits.worker_ring */
	uint64_t fixed;	    /* nDPI's tables, per worker, and the program's own */
	uint64_t dpdk;	    /* of the total, what may be allocated from DPDK's memory */
	uint64_t total;
};

/** What a site takes at the most, by the sizes that the parts of the program give. */
struct site_memory site_memory(const struct site *site, const struct site_sizes *sizes);

/** A line for each, and the total; the key that sets it beside it. */
void site_print_memory(FILE *out, const struct site_memory *m);

/**
 * Does it fit?
 *
 * @param hugepages  DPDK's memory comes from hugepages
 * @param why        if not: what is needed, which keys to lower, how to get hugepages
 * @return 0 or -1
 */
int site_check_memory(const struct site_memory *m, bool hugepages, const struct eal_machine *machine,
	char *why, size_t why_size);

#endif
