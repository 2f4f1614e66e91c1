/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_STATS_H
#define SLUSS_STATS_H

/**
 * @file
 * What a worker counts. One structure for each worker, without locks; they are
 * added up for the summary.
 *
 * Invariant 3 (every byte is accounted for) is checked on these:
 *   payload = inspected + sum of opaque + exempt
 * once all flows are closed. stats_unaccounted() is the difference; anything
 * but zero is a bug, and `sluss` ends with status 4.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "inspectors/message.h"
#include "inspectors/outcome.h"

/**
 * Packets and flows that did not go the usual way, by reason. One list yields
 * the structure, the summary and the reference page.
 * X(name, unit, sentence)
 */
#define WORKER_COUNTERS(X)                                                                         \
	X(cut, "packets", "cut short by the capture (snap length); read as far as they go")        \
	X(not_ip, "packets", "neither IPv4 nor IPv6; not looked at")                               \
	X(bad_header, "packets", "with a length or header that can't be right; not delivered")     \
	X(bad_ip_checksum, "packets", "with a wrong IPv4 header checksum; not delivered")          \
	X(bad_checksum, "packets", "with a wrong TCP or UDP checksum; not delivered")              \
	X(ignored_checksum, "packets", "with a wrong checksum that was delivered, as asked")       \
	X(fragments, "packets", "that were fragments of a datagram")                               \
	X(fragment_lost, "datagrams", "whose fragments never all came")                            \
	X(fragment_overlap, "datagrams", "whose fragments contradict each other; not delivered")   \
	X(fragment_full, "packets", "fragments beyond limits.fragment_datagrams; not delivered")   \
	X(flow_full, "packets", "of flows that the flow table had no room for")                    \
	X(tcp_retransmitted, "packets", "TCP segments that came again, unchanged")                 \
	X(tcp_conflict, "packets", "TCP segments that contradict what was read before")            \
	X(tcp_out_of_order, "packets", "TCP segments that came too early and were held")           \
	X(tcp_out_of_window, "packets", "TCP segments outside of the window; not delivered")       \
	X(tcp_gap, "gaps", "in TCP streams, declared to the inspector")                            \
	X(tcp_gap_bytes, "bytes", "that were lost in those gaps")                                  \
	X(tcp_midstream, "flows", "of TCP picked up without their handshake")                      \
	X(ndpi_full, "flows", "beyond limits.ndpi_flows; classified without nDPI")                 \
	X(arena_full, "pages", "refused since limits.inspect_memory was used up")

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

enum { STATS_APPLICATIONS_MAX = 512 };

/** Traffic of one pair of nDPI protocols; ids as in struct classification. */
struct stats_application {
	uint16_t master, app;
	uint64_t flows, packets, bytes; /* bytes of IP packets */
};

struct worker_stats {
	uint64_t packets;    /* received */
	uint64_t bytes;	     /* of them, on the wire */
	uint64_t first_us, last_us; /* time of the first and the last packet; 0: none yet */
	uint64_t flows[CHANNELS];   /* ended flows, by their channel in the end */
	uint64_t flows_tcp, flows_udp, flows_other;
	uint64_t flows_open; /* now */
	uint64_t flows_peak;

	/* Payload: in-order bytes of TCP, datagrams of UDP, payload of other protocols. */
	uint64_t payload;
	uint64_t inspected;
	uint64_t opaque[OPAQUE_COUNT];
	uint64_t exempt;

	uint64_t messages;			/* judged */
	uint64_t events;			/* written */
	uint64_t verdicts[STATS_VERDICTS];	/* of messages */
	uint64_t findings[DETECT_DETECTORS_MAX]; /* by detector, of its least confidence and more */
	uint64_t findings_low[DETECT_DETECTORS_MAX]; /* below it */

#define X(name, unit, sentence) uint64_t name;
	WORKER_COUNTERS(X)
#undef X

	uint64_t arena_peak;	/* bytes of arena pages held at once */
	uint64_t flow_arena_peak; /* by one flow */

	struct stats_application applications[STATS_APPLICATIONS_MAX];
	unsigned n_applications;
	struct stats_application other_applications; /* beyond the table */
};

/** The entry for a pair of protocols; never NULL. One call for each flow that ends. */
struct stats_application *stats_application(struct worker_stats *s, uint16_t master, uint16_t app);

/** Add @p from to @p to. Peaks are added too: workers hold them at the same time. */
void stats_add(struct worker_stats *to, const struct worker_stats *from);

/** payload - (inspected + opaque + exempt): zero, or there is a bug. */
int64_t stats_unaccounted(const struct worker_stats *s);

#endif
