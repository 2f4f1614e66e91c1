/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SOURCE_H
#define SLUSS_SOURCE_H

/**
 * @file
 * Where packets come from: capture files, or ports. One interface for both.
 *
 * Packets are mbufs with their metadata set (packet_meta.h). Not thread-safe:
 * a source is read by one thread, the dispatcher.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet_meta.h"

struct rte_mempool;
struct source;

enum { SOURCE_ERROR_MAX = 1024 };

/** Filled once, at the first cause: what is wrong and what to do, for the user. */
struct source_error {
	char text[SOURCE_ERROR_MAX];
};

enum source_state {
	SOURCE_OPEN,   /* more may come */
	SOURCE_END,    /* of the last capture: nothing will come any more */
	SOURCE_FAILED, /* reading failed; source_failure() says why */
};

struct source_stats {
	uint64_t packets;  /* given out by source_burst() */
	uint64_t bytes;	   /* of them, on the wire */
	uint64_t cut;	   /* captures: packets with bytes missing at their end (caplen < len) */
	uint64_t too_long; /* captures: packets longer than SOURCE_FRAME_MAX, cut to it */
	uint64_t missed;   /* ports: dropped by the NIC or the kernel before we saw them */
	uint64_t no_buffer; /* ports: dropped since limits.packet_buffers was used up */
	uint64_t errors;   /* ports: bad frames by the NIC's count */
	uint64_t read, total;	    /* captures: bytes of all files; total 0: not known (a pipe) */
	unsigned file, files;	    /* captures: 1-based file being read, of so many */
	unsigned damaged_files;	    /* captures that end in the middle of a packet */
};

/** The longest frame that is taken from a capture, in bytes (libpcap's own maximum). */
enum { SOURCE_FRAME_MAX = 262144 };

struct source_ops {
	int (*burst)(struct source *s, struct rte_mbuf **pkts, unsigned n);
	void (*stats)(struct source *s, struct source_stats *ret);
	void (*close)(struct source *s);
};

/** Each kind of source begins its own structure with this one. */
struct source {
	const struct source_ops *ops;
	enum source_state state;
	bool live;	 /* ports: time goes on without packets, and a full buffer drops */
	bool waiting;	 /* a capture by a pipe, whose writer has nothing just now */
	uint64_t now_us; /* the source's clock: the last packet's, or the system's for ports */
	struct source_error failure;
	void (*warn)(void *ctx, const char *line); /* a line to the user; may be NULL */
	void *warn_ctx;
};

/**
 * Captures: pcap and pcapng, read one after the other in the order given.
 * Link types: Ethernet, raw IP, Linux cooked (v1, v2), null, loop; each file
 * (for pcapng: all its interfaces) has one.
 *
 * Every file is opened once here, so that a missing file or an unknown link
 * type is an error before the first packet is read. A file that ends in the
 * middle of a packet is read as far as it goes, counted, and @p warn is told.
 *
 * @param paths  borrowed for the source's life; "-" is standard input
 * @param pool   of eal_packet_pool(); a frame that needs it gets a chain
 * @param warn   for lines to the user; may be NULL
 * @return NULL with @p err filled
 */
struct source *source_pcap_open(const char *const *paths, unsigned n_paths,
	struct rte_mempool *pool, void (*warn)(void *ctx, const char *line), void *ctx,
	struct source_error *err);

/** A port to listen on, as the site configuration names it. */
struct source_port {
	const char *name;   /* "af_packet:eth1": for messages */
	const char *device; /* what it is opened by, from eal_port_device() */
};

/**
 * Ports: receive only, promiscuous, one queue each; the link must be up
 * within a few seconds (a warning if it isn't: it may come later).
 *
 * @param ports  their names are borrowed for the source's life
 * @return NULL with @p err filled
 */
struct source *source_ports_open(const struct source_port *ports, unsigned n_ports,
	struct rte_mempool *pool, void (*warn)(void *ctx, const char *line), void *ctx,
	struct source_error *err);

/**
 * The next packets, owned by the caller.
 *
 * @return their number, 0 to @p n. 0 is the end, a failure, nothing just now
 *         (ports, and pipes: `waiting`), or no free buffer (captures: hand back
 *         some and call again); source_state() tells.
 */
static inline int
source_burst(struct source *s, struct rte_mbuf **pkts, unsigned n)
{
	return s->ops->burst(s, pkts, n);
}

static inline enum source_state
source_state(const struct source *s)
{
	return s->state;
}

/** Why source_state() is SOURCE_FAILED. */
static inline const char *
source_failure(const struct source *s)
{
	return s->failure.text;
}

static inline void
source_stats(struct source *s, struct source_stats *ret)
{
	s->ops->stats(s, ret);
}

void source_close(struct source *s); /* accepts NULL */

/** For sources: tell the user. */
void source_warn(const struct source *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** The clock of live sources: microseconds since 1970. */
uint64_t source_wall_us(void);

/**
 * The link of a libpcap data link type (DLT).
 * @return whether it is one that is read here
 */
bool source_link_of_dlt(int dlt, enum link *ret);

#endif
