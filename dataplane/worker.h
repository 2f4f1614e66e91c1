/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_WORKER_H
#define SLUSS_WORKER_H

/**
 * @file
 * One worker: packets in, events and counters out. A flow lives on one worker
 * from its first packet to its last, so nothing here is locked.
 *
 * Threads: all functions of one worker are called from one thread, but for
 * worker_stats(), which any thread may read for a live display (the numbers
 * are then of slightly different moments); they are exact after
 * worker_finish().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane_limits.h"
#include "dataplane/inline_choices.h"
#include "dataplane/stats.h"
#include "inspectors/limits.h"

struct policy;
struct pseudonym;
struct rte_mbuf;
struct rte_mempool;
struct worker;

struct event_sink {
	/* One event: a JSON object of @p n bytes without a line break. Copied before it
	 * returns. May be called from any worker; errors are kept by the sink (events.h). */
	void (*event)(void *ctx, const char *json, size_t n);
	void *ctx;
};

/**
 * Where packets leave, inline. Ports come in pairs: the partner of port i (packet_meta.port)
 * is port i ^ 1, and what comes in at one leaves at the other.
 */
struct egress {
	/* One whole Ethernet frame leaves at @p port. The mbuf is given away. Called from the
	 * worker's thread only; frames of one port leave in the order of the calls. */
	void (*send)(void *ctx, struct rte_mbuf *m, unsigned port);
	void *ctx;
};

struct worker_config {
	unsigned index;	  /* of this worker, from 0 */
	unsigned workers; /* in all */
	int socket;	  /* NUMA node for its memory; SOCKET_ID_ANY (-1) where it doesn't matter */
	struct rte_mempool *packets; /* where the packets come from; for fragments and holds */
	struct inspect_limits inspect;
	/* This worker's share: what is a limit "in all" is divided by `workers`. */
	struct dataplane_limits limits;
	const struct policy *policy; /* at first; borrowed, shared by all workers */
	const struct pseudonym *pseudonym;
	const char *observer;	  /* name in events */
	bool log_messages;	  /* an event for every judged message, not only alerts */
	bool verify_checksums;	  /* a packet with a bad one isn't delivered to its flow */
	uint64_t distinct_seed;	  /* random, the same for all workers of a process */
	struct event_sink events;
	/* `sluss run`. With send NULL the worker only watches, and frees what it was given. */
	struct egress egress;
	struct inline_choices choices;
};

/** Filled once, at the first cause. */
struct worker_error {
	char text[512]; /* what is wrong and what to do, for the user */
};

/** @return NULL with @p err filled; else to be freed with worker_free() */
struct worker *worker_new(const struct worker_config *cfg, struct worker_error *err);

/** Takes ownership of the packets (inline they leave by the egress); packet_meta() of each is set. */
void worker_burst(struct worker *w, struct rte_mbuf **pkts, unsigned n);

/**
 * Nothing came, but time passes: time-outs. Microseconds since 1970, the source's clock.
 * Inline to be called at least every 10 ms also while packets come: what is held
 * or was refused has times of its own.
 */
void worker_idle(struct worker *w, uint64_t now_us);

/**
 * Flows that begin from now on are judged by another policy; those that are open keep theirs.
 * Both must live until worker_uses_policy() says no.
 * @return false: no memory; nothing has changed
 */
bool worker_set_policy(struct worker *w, const struct policy *policy);

/** Is there a flow that is judged by it, or will there be? */
bool worker_uses_policy(const struct worker *w, const struct policy *policy);

/** End of input: close all flows, write their events. Another input may follow. */
void worker_finish(struct worker *w);

/** Kept current by the worker's thread; valid as long as @p w. */
const struct worker_stats *worker_stats(const struct worker *w);

/** Is nothing held of any flow: no page, segment, fragment or nDPI state? So after worker_finish(). */
bool worker_is_empty(const struct worker *w);

void worker_free(struct worker *w); /* accepts NULL */

/** Bytes that one flow takes in the table, its hash entry included: for the memory estimate. */
size_t worker_flow_size(void);

#endif
