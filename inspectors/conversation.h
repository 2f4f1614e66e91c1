/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CONVERSATION_H
#define SLUSS_CONVERSATION_H

/**
 * @file
 * One flow under inspection: ordered bytes in, messages out.
 *
 * Until the protocol is known the bytes are scanned raw, and the first of them
 * are kept (limits.first_bytes); the inspector that is chosen is then fed from
 * byte one and the raw findings are discarded.
 *
 * The protocol is chosen by the inspectors' bids on the first bytes, with what
 * the host knows (nDPI's answer) as a hint: the first that is sure, or that the
 * hint names and that has not said no. When the first bytes are full, the host
 * has no hint to give or the flow ends, the first that said "maybe" is taken;
 * without one the flow stays raw. A data connection that a control connection
 * has announced needs no bids.
 */

#include "inspectors/message.h"
#include "inspectors/proto/inspector.h"

/** The two ends, in network byte order. IPv4 lies in the first four bytes. */
struct endpoints {
	uint8_t family; /* 4 or 6 */
	uint8_t address[2][16]; /* by enum direction: [DIR_CLIENT] is the client's */
	uint16_t port[2];	/* host byte order */
};

struct conversation_stats {
	uint64_t delivered[2]; /* in-order bytes given to conversation_data() */
	uint64_t opaque[2][OPAQUE_COUNT];
	uint64_t over[2]; /* of opaque[][OPAQUE_OVER_BUDGET]: bytes that no message tells of */
};

struct conversation {
	struct inspect_env *env;
	struct endpoints ends;
	void *host; /* the host's own, such as the flow */
	struct arena_budget budget;
	struct arena base;     /* inspector state, first bytes */
	struct arena keep[2];  /* messages, by direction */
	struct arena stack[2]; /* their parts */
	const struct inspector_ops *ops; /* never NULL */
	void *state;
	const struct inspector_ops *hint;
	enum channel channel; /* of the flow; the host may set it before the first byte */
	struct transfer *transfer; /* a data connection's announcement, or NULL */
	struct conversation_stats stats;
	struct message *open[2]; /* the message that is being read, by direction; or NULL */
	uint32_t messages[2]; /* begun so far; the serial of the last one */
	bool refused; /* conversation_refuse() was called: the inspector stays */
	/* Why all its bytes are opaque, though they are scanned; the host may set it. */
	enum opaque_reason opaque;
	bool datagrams; /* UDP and the like: every conversation_data() is one datagram */
	bool midstream; /* its beginning was not seen */
	/* The rest belongs to conversation.c. */
	bool decided;	    /* ops is final; until then it is the raw inspector */
	struct arena first; /* the first bytes, while not decided */
	struct kept_piece *kept, **kept_tail;
	uint8_t *bid_bytes[2];
	uint16_t n_bid_bytes[2];
	uint32_t n_kept;
	/* To see a mail session behind bytes that no mail session begins with. */
	uint8_t greeting[4], n_greeting; /* the server's first bytes */
	uint8_t line[16], n_line;	 /* the client's line so far, without blanks in front */
};

/**
 * @param source     pages for the arenas; borrowed
 * @param midstream  the beginning was not seen: inspectors expect no greeting
 * The structure itself is the caller's.
 */
void conversation_open(struct conversation *c, struct inspect_env *env,
	const struct arena_source *source, const struct endpoints *ends, enum channel channel,
	bool midstream);

/** What the host thinks the protocol is; NULL is no hint. May come at any time. */
void conversation_hint(struct conversation *c, const struct inspector_ops *hint);

/** The host will give no hint any more (nDPI gave up): decide with what is there. */
void conversation_no_hint(struct conversation *c);

/** The next bytes of a direction, or one datagram; both directions in the order of the wire. */
void conversation_data(struct conversation *c, enum direction dir, struct bytes in);
/** @p lost bytes never came; the next conversation_data() of @p dir is behind them. */
void conversation_gap(struct conversation *c, enum direction dir, uint64_t lost);
/** No more bytes in this direction (FIN). */
void conversation_finish(struct conversation *c, enum direction dir);

/**
 * Nothing has come in this direction for limits.settle_pause: what waits for its
 * context in the open message is decided as it stands. To be called by time of the
 * packets, so that a capture is decided as the wire was.
 */
void conversation_settle(struct conversation *c, enum direction dir);

/** Ends all messages and gives all memory back. */
void conversation_close(struct conversation *c, bool reset);

/**
 * For inspectors: begin a message in this direction's arenas. One at a time in
 * each direction. NULL: no memory; count the bytes with conversation_over().
 */
struct message *conversation_message(struct conversation *c, enum direction dir,
	enum channel channel, const char *protocol);

/** For inspectors: bytes that could not be read for want of memory. */
void conversation_over(struct conversation *c, enum direction dir, uint64_t n);

#endif
