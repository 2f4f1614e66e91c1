/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_WORKER_WORLD_H
#define SLUSS_TEST_WORKER_WORLD_H

/**
 * @file
 * Real workers with the example policy: frames in, events and counters out.
 * DPDK must run (dpdk_start()). Failures abort: no test can go on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/worker.h"
#include "tests/support/frame.h"

struct policy;
struct rte_mempool;

enum { WORLD_WORKERS_MAX = 3, WORLD_BURST = 32, WORLD_POOL = 4095 };

struct world {
	struct worker_config cfg; /* defaults, but smaller tables; change before world_open() */
	struct rte_mempool *pool;
	struct worker *workers[WORLD_WORKERS_MAX];
	unsigned n_workers;
	uint64_t packets, events_seen; /* since world_open() */
	struct worker_stats stats; /* of all workers, by world_flush() and world_close() */
	char **events; /* JSON lines, owned */
	size_t n_events;
};

/** The program's part: policy (policy/examples/default.yaml) and pool, made once. */
struct world *world_new(void);
void world_free(struct world *w);

/** Make the workers. */
void world_open(struct world *w, unsigned n_workers);

/** Give frames in bursts, each to the worker that its hosts belong to. */
void world_frames(struct world *w, const struct frame *frames, size_t n);

/** Nothing comes, and time passes. */
void world_idle(struct world *w, uint64_t us);

/**
 * End of input. Aborts unless every byte is accounted for, nothing is held of
 * any flow, and all packet buffers are back.
 */
void world_flush(struct world *w);

/** The same, and free the workers. */
void world_close(struct world *w);

/** Forget the events so far. */
void world_clear(struct world *w);

/** Events that contain the text. */
size_t world_events_with(const struct world *w, const char *text);

#endif
