/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_REPORT_H
#define SLUSS_REPORT_H

/**
 * @file
 * From a complete message to a judgement, counters, and an event.
 */

#include "dataplane/inspection.h"
#include "dataplane/worker.h"

struct report {
	const struct worker_config *cfg;
	struct worker_stats *stats;
	struct classifier *classifier;
	uint64_t sequence; /* events of this worker so far */
};

/** inspect_env.message_done; @p ctx is a struct report. */
void report_message(void *ctx, struct message *m);

/** @p bytes of a flow that no message tells of, since there was no memory for one. */
void report_unread(struct report *r, struct inspection *in, enum direction dir, uint64_t bytes);

/** A flow ends in which segments contradicted each other in this direction. */
void report_evasion(struct report *r, const struct inspection *in, enum direction dir);

#endif
