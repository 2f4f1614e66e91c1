/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TCP_H
#define SLUSS_TCP_H

/**
 * @file
 * The two byte streams of a TCP connection, as its receivers read them.
 *
 * Passive: nothing is ever sent. Segments come in the order of the wire; each
 * direction's bytes go out in order, once, to callbacks. In-order payload is
 * handed on where it lies in its mbuf; what must wait, or be remembered for a
 * comparison, is kept as a reference to its mbuf.
 *
 * States of a stream (stream_state()):
 *
 *             SYN             SYN-ACK, or a segment with ACK that fits the SYN
 *   (new) ------------> OPENING -----------------------------------> OPEN
 *     |                                                              |  ^
 *     |  first segment is no SYN: `midstream`                        |  |
 *     +--------------------------------------------------------------+  |
 *                                                                    |  | it went on: the
 *                a FIN of each side, or an RST that is believed      v  | side of the RST sent
 *   tcp_stream_segment() says TCP_NEW_CONNECTION <--- a SYN ------ CLOSING
 *
 * Rules, and where they come from:
 *
 *  - First copy wins. Bytes that come again are compared with what was read, as
 *    long as the receiver hasn't acknowledged it (RFC 9293, 3.10.7.4: a receiver
 *    trims what it has); a difference is a conflict, and its bytes are shown.
 *    In-order bytes are remembered in their mbufs, up to `flow_unacked` bytes and
 *    `flow_segments` pieces for each direction; where that is exceeded, the oldest
 *    are forgotten, and bytes that come again for them count as uncompared.
 *  - A SYN counts when it is answered: the acknowledgement names the initial
 *    sequence number (RFC 9293, 3.5). Until then the latest SYN is the one.
 *    Its data is read once an acknowledgement covers it (RFC 7413), or the
 *    sender goes on behind it, or the stream ends; if the sender starts again
 *    at its first byte, that data was refused and is dropped (STREAM_DROP_SYN_DATA).
 *    A bare SYN from the other side (split handshake, simultaneous open) is
 *    a SYN like any other.
 *  - A segment outside of the receiver's window is not read (RFC 9293, 3.10.7.4).
 *    Since a capture may show a window update late or not at all, as many bytes
 *    as the largest window that was advertised (at least 65,535) are read beyond
 *    its edge, or beyond what was read; 1 GiB while no window is known.
 *  - RST: believed only at exactly the sequence number that the receiver
 *    expects (RFC 5961, 3.2), between what it acknowledged and what was read.
 *    Before a handshake is answered: if it acknowledges the SYN (RFC 9293, 3.10.7.3).
 *    Its payload is dropped. A believed RST ends nothing at once: it may have
 *    missed the receiver (a short TTL, say). If its sender goes on, so does the
 *    stream, and rst_survived counts it. Data of the other side is read in any case.
 *  - FIN: reached when all before it was read; told to the callback when it is
 *    acknowledged, or at the end. Data at its place takes it back. (Behind a
 *    normaliser nothing is taken back: it is told when it is reached.)
 *  - A hole is declared a gap when an acknowledgement passes it and there is
 *    something behind it (the receiver had it, the capture hadn't); when
 *    `gap_timeout_us` has gone by at the next segment of either direction; when a
 *    budget is used up; and at the end. What comes for it later is dropped
 *    (STREAM_DROP_LATE), and its bytes are shown.
 *  - A SYN inside a connection is not believed (RFC 5961, 4.2), unless the stream
 *    is CLOSING, or the other side answers it.
 *  - Neither SYN, RST nor ACK: no receiver reads it (RFC 9293, 3.10.7.4).
 *  - The urgent pointer (RFC 6093) is counted; its byte stays in line.
 *
 * Law, for each direction, tested: once closed,
 *   seen = delivered + retransmitted + dropped (by reason), in payload bytes.
 * Bytes of a retransmission that differ are among the retransmitted ones.
 *
 * Same segments, same outcome: nothing here depends on a clock, on addresses in
 * memory, or, as long as the engine's totals suffice, on other flows.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/headers.h"
#include "inspectors/bytes.h"
#include "inspectors/message.h" /* enum direction */

/** Why payload is not delivered. X(symbol, name, sentence) */
#define STREAM_DROPS(X)                                                                            \
	X(LATE, "late", "came after its gap was declared")                                         \
	X(OUT_OF_WINDOW, "out_of_window", "lies outside of the receiver's window")                 \
	X(RST, "rst", "payload of an RST")                                                         \
	X(SYN_DATA, "syn_data", "data of a SYN that was not the one answered, or was refused")     \
	X(AFTER_FIN, "after_fin", "lies behind an acknowledged FIN")                               \
	X(STRAY, "stray", "neither SYN, ACK nor RST is set: no receiver reads it")

enum stream_drop {
#define X(symbol, name, sentence) STREAM_DROP_##symbol,
	STREAM_DROPS(X)
#undef X
		STREAM_DROPS_COUNT
};

const char *stream_drop_name(enum stream_drop why);

/** X(name, unit, sentence) */
#define STREAM_COUNTERS(X)                                                                         \
	X(seen_bytes, "bytes", "of payload in all segments")                                       \
	X(delivered_bytes, "bytes", "handed on, in order")                                         \
	X(retransmitted_bytes, "bytes", "that came again, the same or not")                        \
	X(dropped_bytes, "bytes", "not delivered, for any reason")                                 \
	X(gap_bytes, "bytes", "that never came")                                                   \
	X(gaps, "gaps", "declared to the inspector")                                               \
	X(budget_gaps, "gaps", "of those, declared since a budget was used up")                    \
	X(out_of_order, "segments", "that came too early and were held")                           \
	X(retransmitted, "segments", "with bytes that came again")                                 \
	X(conflicts, "segments", "that contradict what was read before")                           \
	X(conflict_bytes, "bytes", "in which they differ")                                         \
	X(uncompared_bytes, "bytes", "that came again, unacknowledged, and were no longer kept")   \
	X(out_of_window, "segments", "outside of the receiver's window")                           \
	X(midstream, "flows", "picked up without their handshake")                                 \
	X(syn_resent, "segments", "SYNs that came again with another sequence number")             \
	X(syn_in_connection, "segments", "SYNs inside a connection, not believed")                 \
	X(syn_data, "segments", "SYNs with payload")                                               \
	X(split_handshake, "flows", "opened by a bare SYN of each side")                           \
	X(rst, "segments", "RSTs that were believed")                                              \
	X(rst_ignored, "segments", "RSTs with a sequence number that resets nothing")              \
	X(rst_survived, "flows", "that went on after an RST")                                      \
	X(fin_ignored, "segments", "FINs outside of the window, or before the handshake's answer") \
	X(fin_survived, "flows", "that went on at the place of a FIN")                             \
	X(keep_alive, "segments", "keep-alives: one old byte, or none")                            \
	X(window_probe, "segments", "of one byte into a closed window")                            \
	X(urgent, "segments", "with an urgent pointer")

struct stream_counters {
#define X(name, unit, sentence) uint64_t name;
	STREAM_COUNTERS(X)
#undef X
	uint64_t drops[STREAM_DROPS_COUNT]; /* bytes, by enum stream_drop */
};

/**
 * Where bytes go. All functions are required. Bytes are borrowed for the call.
 * Called in the order of the wire; none may call back into the stream.
 */
struct stream_ops {
	/** The next bytes of a direction. */
	void (*data)(void *ctx, enum direction dir, struct bytes in);
	/** @p lost bytes never came; the next data is behind them. */
	void (*gap)(void *ctx, enum direction dir, uint64_t lost);
	/** FIN: no more bytes in this direction. */
	void (*finish)(void *ctx, enum direction dir);
	/** Bytes @p other contradict those that were read, @p at bytes from the stream's start. */
	void (*conflict)(void *ctx, enum direction dir, uint64_t at, struct bytes other);
	/** Bytes that were on the wire but have no place in the stream. */
	void (*dropped)(void *ctx, enum direction dir, enum stream_drop why, struct bytes in);
	/** The connection ended by an RST. Only from tcp_stream_close(). */
	void (*reset)(void *ctx);
};

struct tcp_config {
	uint32_t flow_held;     /* bytes of out-of-order payload, each direction */
	uint32_t flow_segments; /* pieces of it, each direction; and as many of the next */
	uint32_t flow_unacked;  /* bytes remembered for comparison, each direction */
	uint64_t held;		/* bytes of out-of-order payload, all flows */
	uint32_t segments; /* mbuf references, all flows, out-of-order and remembered together:
			    * the pool of packets must be larger by so many */
	uint64_t gap_timeout_us;
	int socket; /* NUMA node, or SOCKET_ID_ANY */
};

struct tcp_engine; /* one worker's: budgets, references, counters */

/** @return NULL: no memory, or a budget is 0 */
struct tcp_engine *tcp_engine_create(const struct tcp_config *cfg);
void tcp_engine_destroy(struct tcp_engine *e); /* accepts NULL; all streams are closed before */
const struct stream_counters *tcp_engine_counters(const struct tcp_engine *e);

/** References in use: 0 when all streams are closed. */
uint32_t tcp_engine_references(const struct tcp_engine *e);

/** Bytes that the engine takes by its configuration; the held mbufs not counted. */
uint64_t tcp_engine_memory(const struct tcp_config *cfg);

/** Payload bytes of one direction. */
struct stream_account {
	uint64_t seen;
	uint64_t delivered;
	uint64_t retransmitted;
	uint64_t dropped;
	uint64_t lost; /* gaps: not among seen */
};

enum { STREAM_GAPS_MAX = 2 };

struct tcp_piece;

/** One direction: what its sender sent. Private to tcp.c but for `account`. */
struct tcp_half {
	struct stream_account account;
	struct tcp_piece *held; /* out of order, by sequence number, no overlaps */
	struct tcp_piece *past, *past_last; /* delivered, not acknowledged; oldest first */
	struct tcp_piece *early; /* data of SYNs, until it is known which one counts */
	uint64_t hole_since;	 /* time from which the first hole is waited for */
	uint32_t next;		 /* sequence number of the next byte to deliver */
	uint32_t acked;		 /* by the receiver */
	uint32_t edge;		 /* of the receiver's window: the first byte outside */
	uint32_t widest;	 /* window that the receiver advertised */
	uint32_t fin;		 /* sequence number of the FIN */
	uint32_t isn;		 /* of the latest SYN */
	uint32_t held_bytes, past_bytes;
	struct {
		uint64_t from, to;
	} gaps[STREAM_GAPS_MAX]; /* positions of the latest; to == 0: unused */
	uint32_t past_pieces;
	uint16_t held_pieces;
	uint8_t early_pieces;
	uint8_t next_gap;
	uint8_t scale; /* window scale of this side's SYN */
	bool syn;      /* a SYN was seen, and isn is its */
	bool synced;   /* `next` is known */
	bool sent;     /* a segment of this side was seen */
	bool ack_known, edge_known;
	bool fin_seen, finished;
	bool lone_syn; /* isn is of a SYN inside a connection that wasn't believed */
	bool rst;      /* a believed RST of this side, and nothing of it since */
};

enum stream_state { STREAM_OPENING, STREAM_OPEN, STREAM_CLOSING };

/** One for each flow under inspection; the caller's memory. */
struct tcp_stream {
	struct tcp_engine *engine;
	const struct stream_ops *ops;
	void *ctx;
	struct tcp_half half[2]; /* by enum direction */
	uint8_t state;		 /* enum stream_state */
	bool begun;		 /* a segment was seen */
	bool midstream;
	bool answered; /* a handshake's answer was followed up: its numbers stand */
	bool normalised;
};

enum tcp_result {
	TCP_TAKEN,
	/* A SYN for a new connection on these ports. Nothing was taken: close this stream, open
	 * it anew, and give the segment again. Never twice in a row. */
	TCP_NEW_CONNECTION,
};

/** Borrows all three for the stream's life; allocates nothing. */
void tcp_stream_open(struct tcp_stream *s, struct tcp_engine *e, const struct stream_ops *ops,
	void *ctx);

/** Its segments come from a normaliser (normalise.h): in order, and each byte in one form only. */
static inline void
stream_set_normalised(struct tcp_stream *s)
{
	s->normalised = true;
}

/**
 * The next segment. p->mbuf stays the caller's; a piece that must wait takes a
 * reference of its own (rte_pktmbuf_free() of the caller's is right in any case),
 * so the mbuf's bytes mustn't be changed afterwards.
 *
 * @param p  with a TCP header, from headers_parse()
 */
enum tcp_result tcp_stream_segment(struct tcp_stream *s, enum direction dir,
	const struct packet *p);

/**
 * The end: of the flow, or of the input. Delivers what is held, with the gaps
 * before it; tells finish() and reset(); gives all references back. The account
 * stays readable; only tcp_stream_open() may follow.
 */
void tcp_stream_close(struct tcp_stream *s);

/**
 * What is kept of a direction's bytes from position @p at on: those that were
 * read and aren't acknowledged, and those that wait behind a hole. May be
 * called by the callbacks.
 *
 * @param n      bytes to look for, less than 2^31
 * @param ret    @p n bytes, set where...
 * @param known  ...the same byte of this is true; all of it is set
 */
void tcp_stream_recall(const struct tcp_stream *s, enum direction dir, uint64_t at, size_t n,
	uint8_t *ret, bool *known);

static inline enum stream_state
stream_state(const struct tcp_stream *s)
{
	return (enum stream_state)s->state;
}

/** Was the beginning of the connection not seen? Known from the first segment on. */
static inline bool
stream_midstream(const struct tcp_stream *s)
{
	return s->midstream;
}

#endif
