/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_WORKER_DOUBLE_H
#define SLUSS_TEST_WORKER_DOUBLE_H

#include "dataplane/worker.h"

struct worker_double_seen {
	uint64_t last_us;
	uint64_t backwards; /* packets that came before an earlier one */
	uint64_t hosts;	    /* sum of the packets' host hashes */
	uint64_t idle_us;   /* the latest time that passed */
	unsigned finished;
};

const struct worker_double_seen *worker_double_seen(const struct worker *w);

#endif
