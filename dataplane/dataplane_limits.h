/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DATAPLANE_LIMITS_H
#define SLUSS_DATAPLANE_LIMITS_H

/**
 * @file
 * Every limit of the data plane. Like INSPECT_LIMITS, this list is the
 * structure, the keys of the site configuration's `limits:` section (one
 * section for both lists), and the reference that `sluss limits` prints.
 *
 * Limits "in all" are divided evenly among the workers by the site
 * configuration (struct site holds the whole, worker_config the share).
 *
 * X(name, default, least, most, unit, sentence)
 */

#include <stdint.h>

#define DATAPLANE_LIMITS(X)                                                                        \
	X(flows, 262144, 1024, 134217728, "flows",                                                 \
		"in the flow table, in all; the packets of further ones are over-budget, and "     \
		"counted")                                                                         \
	X(inspect_memory, 268435456, 1048576, 1099511627776, "bytes",                              \
		"of arena pages that all flows together may hold; beyond it messages are "         \
		"over-budget")                                                                     \
	X(packet_buffers, 49152, 2048, 16777216, "buffers",                                        \
		"of 2,048 bytes for packets between their arrival and the end of their way, held " \
		"segments and fragments included")                                                 \
	X(burst, 32, 1, 64, "packets", "taken from a port or capture at a time")                   \
	X(worker_ring, 1024, 64, 65536, "packets",                                                 \
		"that wait for each worker when there are several")                                \
	X(tcp_open_timeout, 30, 1, 3600, "seconds",                                                \
		"without a packet until a TCP flow that has not finished its handshake is dropped") \
	X(tcp_idle_timeout, 1800, 10, 604800, "seconds",                                           \
		"without a packet until an established TCP flow is closed as cut")                 \
	X(tcp_close_timeout, 10, 1, 3600, "seconds",                                               \
		"that a closed TCP flow is remembered, so that late segments find it")             \
	X(udp_idle_timeout, 120, 1, 86400, "seconds",                                              \
		"without a packet until a flow of UDP or another protocol ends")                   \
	X(tcp_held, 1048576, 2048, 67108864, "bytes",                                              \
		"of out-of-order payload held in each direction of a TCP flow; beyond it a gap "   \
		"is declared")                                                                     \
	X(tcp_held_segments, 1024, 4, 65536, "segments",                                           \
		"of out-of-order payload held in each direction of a TCP flow")                    \
	X(tcp_unacked, 1048576, 0, 67108864, "bytes",                                              \
		"kept in each direction of a TCP flow to compare retransmissions with, until "     \
		"the receiver acknowledges them; inline no sender sees a larger window")           \
	X(tcp_held_total, 16777216, 65536, 1099511627776, "bytes",                                 \
		"of out-of-order payload that all TCP flows together may hold")                    \
	X(tcp_segments, 12288, 256, 16777216, "segments",                                          \
		"held or kept by all TCP flows together; each is a packet buffer, so "             \
		"limits.packet_buffers must be larger")                                            \
	X(tcp_gap_timeout, 2000, 10, 60000, "milliseconds",                                        \
		"of waiting for a lost segment until the gap is declared to the inspector")        \
	X(fragment_datagrams, 1024, 64, 1048576, "datagrams",                                      \
		"whose fragments are collected at once, in all; each may hold 8 packet buffers")   \
	X(fragment_timeout, 30, 1, 120, "seconds",                                                 \
		"until an incomplete datagram is given up (RFC 791 and RFC 8200 say 15 to 60)")    \
	X(ndpi_packets, 16, 1, 255, "packets",                                                     \
		"of a flow that nDPI sees before its best guess is taken")                         \
	X(ndpi_flows, 16384, 64, 4194304, "flows",                                                 \
		"that nDPI works on at once, in all; further ones are classified by the "          \
		"inspectors alone")                                                                \
	X(settle_pause, 500, 10, 60000, "milliseconds",                                            \
		"without a byte until what waits for its context is decided as it stands; inline, " \
		"the longest that a packet waits for that")                                        \
	X(hold_time, 10000, 100, 600000, "milliseconds",                                           \
		"inline: that a message may be on hold")                                           \
	X(refuse_wait, 2000, 100, 60000, "milliseconds",                                           \
		"inline: that a refusal waits for answers to what came before it")                 \
	X(absorb_bytes, 67108864, 65536, 1099511627776, "bytes",                                   \
		"inline: of a refused message that are acknowledged and discarded before its "     \
		"sender is told")                                                                  \
	X(absorb_time, 60, 1, 3600, "seconds",                                                     \
		"inline: from a refusal until the connection is closed, whatever the sender does") \
	X(watchdog, 2000, 100, 60000, "milliseconds",                                              \
		"inline: without a sign of life until a worker counts as hanging")

struct dataplane_limits {
#define X(name, value, least, most, unit, sentence) uint64_t name;
	DATAPLANE_LIMITS(X)
#undef X
};

/** All limits at their defaults. */
struct dataplane_limits dataplane_limits_default(void);

#endif
