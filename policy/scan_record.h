/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SCAN_RECORD_H
#define SLUSS_SCAN_RECORD_H

/**
 * @file
 * What `slussctl scan` tells of one file: the objects `file` and `sluss` of an
 * event. A file holds one message, or the many of a mailbox; their counts are
 * added up.
 */

#include "policy/event.h"
#include "policy/json_put.h"

struct scan_record {
	json_t *sluss;       /* NULL before the first message; owned */
	unsigned class_rank; /* of the class in it */
	uint64_t messages;
	bool findings; /* some detector found what counts, or an information type fits */
	bool failed;   /* memory did not last */
};

/** Add a message. Starts from a cleared structure. */
void scan_record_add(
	struct scan_record *r, const struct message *m, const struct event_judgement *j);

/**
 * The record as one line of JSON.
 *
 * @param env   gives the detectors that mask @p path
 * @param path  as the user reached the file; in clear
 * @param size  bytes, when the file was opened
 * @return malloc'ed, without a newline; NULL when there is no memory
 */
char *scan_record_json(const struct scan_record *r, const struct inspect_env *env,
	struct bytes path, uint64_t size, size_t *ret_n);

void scan_record_free(struct scan_record *r);

#endif
