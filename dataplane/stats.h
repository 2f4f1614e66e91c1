/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_STATS_H
#define SLUSS_STATS_H

/**
 * @file
 * What a worker counts. One structure for each worker, without locks; they are
 * added up for the summary.
 *
 * Invariant 3 (every byte is accounted for) is checked on these:
 *   payload = inspected + sum of opaque + exempt + repeated + undelivered
 * once all flows are closed. Bytes that never came (gaps) are not payload.
 * stats_unaccounted() is the difference; anything but zero is a bug, and
 * `sluss` ends with status 4.
 *
 * Inline a second law holds for the same payload, whatever was read of it:
 *   payload = forwarded + sum of withheld
 * once all flows are closed. Each byte that came either left by the port across or
 * is withheld for one reason; stats_unsettled() is the difference. Both together are
 *   forwarded + withheld = inspected + opaque + exempt + repeated + undelivered
 * which is the invariant with what was read but didn't leave, named. `forwarded` counts
 * what left on behalf of a sender; a gateway's own words (endpoint.h) are no payload.
 * Bytes that came again and left as read are forwarded again (`repeated` in the first
 * law), those that the receiver had acknowledged as zeros. What is lost behind the
 * worker (a port's queue is full) was forwarded; inline.h counts it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/flow.h"
#include "dataplane/fragments.h"
#include "dataplane/headers.h"
#include "dataplane/normalise.h"
#include "dataplane/tcp.h"
#include "inspectors/message.h"
#include "inspectors/outcome.h"

/**
 * What the worker itself counts beside the usual way; headers.h, fragments.h,
 * flow.h and tcp.h have lists of their own, which are part of the structure too.
 * One list yields the structure, the summary and the reference page.
 * X(name, unit, sentence)
 */
#define WORKER_COUNTERS(X)                                                                         \
	X(cut, "packets", "cut short by the capture (snap length); read as far as they go")        \
	X(ndpi_full, "flows", "beyond limits.ndpi_flows; classified without nDPI")                 \
	X(arena_full, "pages", "refused since limits.inspect_memory was used up")                  \
	X(events_lost, "events", "that there was no memory to write")                              \
	X(flows_refused, "flows", "inline: refused in their protocol's words, or reset")           \
	X(flows_dropped, "flows", "inline: reset without words (verdict drop)")                    \
	X(flows_midstream, "flows", "inline: whose beginning wasn't seen; as `inline: midstream`") \
	X(packets_withheld, "packets", "inline: that did not leave; segments of TCP streams are "  \
				       "in the normaliser's counters")                             \
	X(packets_wrong_port, "packets", "inline: that came in on the side where their sender isn't") \
	X(full_table, "packets", "inline: without a flow; as `inline: full_table`")                \
	X(no_memory, "packets", "inline: of flows without memory; as `inline: no_memory`")         \
	X(non_ip, "frames", "inline: neither IPv4 nor IPv6; as `inline: non_ip`")

/**
 * Inline: why payload of a sender didn't leave. The normaliser's reasons are in its own counters
 * one by one. X(symbol, name, sentence)
 */
#define WITHHELD_REASONS(X)                                                                        \
	X(REFUSED, "refused", "of what was refused or dropped, and what came behind it")           \
	X(AGAIN, "again", "TCP: came again while the first of it waits here, or was refused")      \
	X(NO_ROOM, "no_room", "TCP: came too early, or can't be remembered; it is to come again")  \
	X(NOT_IN_STREAM, "not_in_stream", "TCP: no receiver is to see it there; by reason below")  \
	X(NO_CONNECTION, "no_connection", "TCP: of connections that are over, or weren't begun")   \
	X(WRONG_PORT, "wrong_port", "came in on the side where its sender isn't")                  \
	X(DAMAGED, "damaged", "with a wrong checksum, or of datagrams that weren't whole")         \
	X(FULL_TABLE, "full_table", "of packets without a flow; as `inline: full_table`")          \
	X(NO_MEMORY, "no_memory", "of flows without memory; as `inline: no_memory`")               \
	X(OVERLOAD, "overload", "that no worker got; as `inline: overload`")                       \
	X(STALLED, "stalled", "of a worker that hangs; as `inline: stalled`")

enum withheld {
#define X(symbol, name, sentence) WITHHELD_##symbol,
	WITHHELD_REASONS(X)
#undef X
		WITHHELD_COUNT
};

/** "refused", … */
const char *withheld_name(enum withheld why);

enum verdict_counter {
	STATS_FORWARD, /* judged, nothing to report */
	STATS_ALERT,   /* forwarded, with an alert */
	STATS_HOLD,
	STATS_REFUSE,
	STATS_DROP,
	STATS_VERDICTS
};

/** "forward", "alert", "hold", "refuse", "drop". */
const char *stats_verdict_name(enum verdict_counter v);

enum { STATS_APPLICATIONS_MAX = 512, STATS_PAIRS_MAX = 64 };

/** Traffic of one pair of nDPI protocols; ids as in struct classification. */
struct stats_application {
	uint16_t master, app;
	uint64_t flows, packets, bytes; /* bytes of IP packets */
};

/**
 * Coverage: what became of the payload from one domain to another. As in the law above,
 * but for `repeated` and `undelivered`, which no domain gets.
 */
struct stats_pair {
	int from, to; /* domains of the policy; DOMAIN_NONE */
	uint64_t inspected, exempt;
	uint64_t opaque[OPAQUE_COUNT];
};

struct worker_stats {
	uint64_t packets;    /* received */
	uint64_t bytes;	     /* of them, on the wire */
	uint64_t first_us, last_us; /* time of the first and the last packet; 0: none yet */
	uint64_t flows[CHANNELS];   /* ended flows, by their channel in the end */
	uint64_t flows_tcp, flows_udp, flows_other;
	uint64_t flows_open; /* now */
	uint64_t flows_peak;

	/* Payload of every packet that headers.h gave out as usable, or with a wrong checksum. */
	uint64_t payload;
	uint64_t inspected;
	uint64_t opaque[OPAQUE_COUNT];
	uint64_t exempt;
	uint64_t repeated;    /* TCP: came again, and was read (or exempt) the first time */
	uint64_t undelivered; /* TCP: no receiver reads it; by reason in tcp.drops */

	/* Inline, of the same payload; the normaliser's part is added when the worker is idle. */
	uint64_t forwarded; /* left at the port across */
	uint64_t withheld[WITHHELD_COUNT];

	uint64_t messages;			/* judged */
	uint64_t events;			/* written */
	uint64_t verdicts[STATS_VERDICTS];	/* of messages */
	uint64_t findings[DETECT_DETECTORS_MAX]; /* by detector, of its least confidence and more */
	uint64_t findings_low[DETECT_DETECTORS_MAX]; /* below it */

#define X(name, unit, sentence) uint64_t name;
	WORKER_COUNTERS(X)
#undef X

	/* Of the engines; the worker copies them here when it is idle, and at the end. */
	uint64_t headers[HEADER_RESULTS_COUNT]; /* by enum header_result */
	struct fragment_counters fragment;
	struct flow_counters flow;
	struct stream_counters tcp;
	struct normalise_counters normalise;

	uint64_t arena_peak;	/* bytes of arena pages held at once */
	uint64_t flow_arena_peak; /* by one flow */

	struct stats_application applications[STATS_APPLICATIONS_MAX];
	unsigned n_applications;
	struct stats_application other_applications; /* beyond the table */

	/* What was no flow's (a wrong checksum, lost fragments) is in no pair. */
	struct stats_pair pairs[STATS_PAIRS_MAX];
	unsigned n_pairs;
	struct stats_pair other_pairs; /* beyond the table */
};

/** The entry for a pair of protocols; never NULL. One call for each flow that ends. */
struct stats_application *stats_application(struct worker_stats *s, uint16_t master, uint16_t app);

/** The entry for data that goes from one domain to another; never NULL. Not for each packet. */
struct stats_pair *stats_pair(struct worker_stats *s, int from, int to);

/** Add @p from to @p to. Peaks are added too: workers hold them at the same time. */
void stats_add(struct worker_stats *to, const struct worker_stats *from);

/** What the first law leaves over: zero, or there is a bug. */
int64_t stats_unaccounted(const struct worker_stats *s);

/** Inline: what the second law leaves over: zero, or there is a bug. */
int64_t stats_unsettled(const struct worker_stats *s);

#endif
