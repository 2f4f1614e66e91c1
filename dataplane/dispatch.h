/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DISPATCH_H
#define SLUSS_DISPATCH_H

/**
 * @file
 * From the source to the workers.
 *
 * One worker: everything runs on the calling thread. More: the calling thread
 * reads bursts and hands each packet to the worker that its pair of hosts
 * belongs to (frame_host_hash()), over a ring for each worker, so a worker
 * gets all packets of its flows in the order of the wire.
 *
 * A full ring makes a capture wait, and a port drop and count: a port can't be
 * asked to wait.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct source;
struct worker;

struct dispatch_config {
	struct source *source;
	struct worker *const *workers;
	unsigned n_workers;
	unsigned burst;		  /* packets at a time, at most DISPATCH_BURST_MAX */
	unsigned ring;		  /* packets that may wait for each worker */
	const unsigned *cores;	  /* for each worker's thread, with several; NULL: not bound */
	uint64_t wait_us;	  /* time that frees every held buffer: past all timeouts of holding */
	const atomic_bool *stop;  /* set by a signal: an orderly end */
	void (*tick)(void *ctx);  /* about ten times a second, on the calling thread */
	void *ctx;
};

enum { DISPATCH_BURST_MAX = 64 };

struct dispatch_stats {
	_Atomic uint64_t dropped; /* ports: packets that a full ring had no room for */
};

/**
 * Run until the source's end, its failure, or *stop; then let the workers finish.
 *
 * @param why  on failure: what happened, for the user
 * @return 0; -1 when the source failed (all that it gave has been worked off);
 *         -2 when the data plane can't go on
 */
int dispatch_run(const struct dispatch_config *cfg, struct dispatch_stats *stats, char *why,
	size_t why_size);

#endif
