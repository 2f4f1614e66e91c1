/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_REPORT_H
#define SLUSS_REPORT_H

/**
 * @file
 * From a complete message to a judgement, counters, and an event.
 *
 * Which messages leave a record. Every message is judged and counted. An alert is
 * always written. With `--log messages` so is every other message, but for one
 * kind: the text of a session itself (the commands or the replies of SMTP and FTP;
 * the QUIT behind a mail is such a message) in which nothing was found, nothing
 * was opaque, and nothing is missing. It carries no information from one domain
 * to the other, and there are two or three of it for each mail. The mails and
 * files of the session are messages of their own, and have their records.
 *
 * In enforce mode a message that was acted on always leaves its record, too.
 */

#include "dataplane/inspection.h"
#include "dataplane/worker.h"
#include "policy/event.h"

/** One for each policy that flows of the worker were begun under. */
struct report {
	const struct worker_config *cfg;
	const struct policy *policy;
	struct worker_stats *stats;
	struct classifier *classifier;
	uint64_t *sequence; /* events of this worker so far */
	uint64_t flows;	    /* that are judged by this policy and aren't over */
};

/** What the flow's messages are reported to: it keeps the policy that it began with. */
static inline struct report *
report_of(const struct inspection *in)
{
	return in->conversation.env->ctx;
}

/** Does this judged message leave a record? */
bool report_writes(const struct message *m, bool alert, bool log_messages);

/** inspect_env.message_done; @p ctx is a struct report. */
void report_message(void *ctx, struct message *m);

/** The id that the event of the direction's message of that ordinal has, or will have. */
void report_event_id(const struct report *r, const struct inspection *in, enum direction dir,
	uint64_t ordinal, char ret[EVENT_ID_SIZE]);

/** @p bytes of a flow that no message tells of, since there was no memory for one. */
void report_unread(struct report *r, struct inspection *in, enum direction dir, uint64_t bytes);

/** The verdict on such bytes, as they would be reported. */
enum verdict report_unread_verdict(
	struct report *r, struct inspection *in, enum direction dir, uint64_t bytes);

/**
 * A flow ends that tried such a trick. In enforce mode a copy that differed left as it was
 * first read, and everything else didn't leave.
 */
void report_evasion(struct report *r, const struct inspection *in, const struct event_evasion *e);

#endif
