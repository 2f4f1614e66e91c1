/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_WORKER_DOUBLE_H
#define SLUSS_TEST_WORKER_DOUBLE_H

#include <stdatomic.h>

#include "dataplane/worker.h"

/*
 * What a packet's IPv4 identification asks for; other packets leave at once, if there is an
 * egress.
 */
enum {
	DOUBLE_HANG = 0xdead, /* don't come back until worker_double_release() */
	DOUBLE_SLOW = 0x510e, /* take a millisecond */
	DOUBLE_HOLD = 0x401d, /* leave at worker_finish() only */
};

struct worker_double_seen {
	uint64_t last_us;
	uint64_t backwards; /* packets that came before an earlier one */
	uint64_t hosts;	    /* sum of the packets' host hashes */
	uint64_t idle_us;   /* the latest time that passed */
	uint64_t idle_calls;
	uint64_t idle_gap_us; /* the longest time between two of them */
	unsigned finished;
	_Atomic unsigned policies; /* that were set */
};

/* From any thread: all that hang go on, and none will hang any more. */
void worker_double_release(struct worker *w);

/* For struct inline_config: a policy is used from worker_double_set_policy() on for as long as
 * it is the latest, or while @p keep of worker_double_keep() is set. */
void worker_double_set_policy(struct worker *w, const struct policy *p);
bool worker_double_uses_policy(const struct worker *w, const struct policy *p);
void worker_double_keep(struct worker *w, bool keep);

const struct worker_double_seen *worker_double_seen(const struct worker *w);

#endif
