/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_GATEWAY_H
#define SLUSS_GATEWAY_H

/**
 * @file
 * What `sluss watch` and `sluss run` share: from the command line over site, policy, key,
 * memory, DPDK, events and workers to the summary and the exit status.
 *
 * A command is a table of steps, each with what undoes it, and one function between their
 * start and their stop.
 *
 * Threads: gateway_say() may be called from any; gateway_later() from one that may not wait.
 * All else is the main thread's, or, inline, the keeper's (inline.h).
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dispatch.h"
#include "dataplane/eal.h"
#include "dataplane/events.h"
#include "dataplane/options.h"
#include "dataplane/policy_swap.h"
#include "dataplane/progress.h"
#include "dataplane/site.h"
#include "dataplane/source.h"
#include "dataplane/summary.h"
#include "dataplane/worker.h"

enum { GATEWAY_WHY = 2048, GATEWAY_LATER = 8, GATEWAY_LATER_MAX = 512 };

/** What signals ask for; set by main.c's handler. */
struct signals {
	atomic_bool stop;   /* INT, TERM: an orderly end */
	_Atomic uint64_t stop_ms; /* when the first of them came, on CLOCK_MONOTONIC; 0: none */
	atomic_bool report; /* USR1: print a summary and go on */
	atomic_bool reload; /* HUP, inline: load the policy anew */
};

struct classifier;
struct inline_gate;
struct pseudonym;

/* All that a run owns. A command's own structure begins with it. */
struct gateway {
	const struct options *o;
	struct signals *signals;
	struct site site;
	bool live; /* ports, not captures */
	struct policy_swap policies;
	struct pseudonym *pseudonym;
	struct rte_mempool *pool;
	char port_names[EAL_PORTS_MAX][128], devices[EAL_PORTS_MAX][EAL_DEVICE_MAX];
	struct source_port ports[EAL_PORTS_MAX];
	struct classifier *names; /* only to name protocols in the summary */
	struct events *events;
	uint64_t seed;
	struct inline_gate *gate; /* `run`: where the workers send; else NULL */
	struct worker *workers[SITE_WORKERS_MAX];
	unsigned n_workers;
	struct progress progress;
	double started, flushed;
	bool events_failed; /* and that was said */
	bool eal;
	bool hung; /* a thread can't be ended: nothing may be freed */

	/* The command's. What was received; packets that were lost for want of room. */
	void (*received)(struct gateway *g, struct source_stats *ret);
	uint64_t (*lost)(struct gateway *g);
	/* Adds what no worker got to their sum; may be NULL. */
	void (*unread)(const struct gateway *g, struct worker_stats *sum);
	/* Its own part of the summary, behind the others; may be NULL. */
	void (*summary)(struct gateway *g, FILE *out);

	pthread_mutex_t say_lock;
	pthread_mutex_t later_lock;
	char later[GATEWAY_LATER][GATEWAY_LATER_MAX];
	unsigned n_later;
};

struct gateway_step {
	enum exit_status (*start)(struct gateway *g);
	void (*stop)(struct gateway *g); /* also after a start that failed half-way; may be NULL */
};

struct gateway_command {
	const struct gateway_step *steps; /* in the order in which they come and, backwards, go */
	size_t n_steps;
	enum exit_status (*run)(struct gateway *g); /* between start and stop */
	void (*hung)(struct gateway *g); /* instead of all stops, before the process is ended */
};

/** Through all steps. @p g is all zero. */
enum exit_status gateway_command(struct gateway *g, const struct gateway_command *c,
	const struct options *o, struct signals *signals);

/* The steps, in the order in which they build on each other; a command puts its own between. */
extern const struct gateway_step gateway_site, gateway_policy, gateway_key, gateway_memory,
	gateway_eal, gateway_events, gateway_workers;

/** Fill in port_names, devices and ports. */
void gateway_name_ports(struct gateway *g);

/** The time has come to say that it runs: begins the clock and the progress line. */
void gateway_began(struct gateway *g);

/** The events file anew: it was moved away, or there is room again. */
void gateway_reopen_events(struct gateway *g);

/** About ten times a second while it runs. */
void gateway_tick(struct gateway *g);

/** After the last packet: the summary, and what went wrong. @return the status to end with */
enum exit_status gateway_finish(struct gateway *g, enum exit_status status);

/** The workers' numbers together; NULL: no memory. The caller frees it. */
struct worker_stats *gateway_sum_workers(const struct gateway *g);

/**
 * The policy that the options and the site name.
 * @return NULL after an error in @p d
 */
struct policy *gateway_load_policy(const struct gateway *g, struct diag *d);

/** A line on standard error. */
void gateway_say(struct gateway *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** A warning that came from below: `warn` of sources and wires; @p g is a struct gateway. */
void gateway_warn(void *g, const char *line);

/** The same from a thread that may not wait: gateway_tick() says it. Of a flood, the first few. */
void gateway_later(void *g, const char *line);

/** CLOCK_MONOTONIC. */
double gateway_seconds(void);

#endif
