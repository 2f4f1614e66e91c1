/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_NORMALISE_H
#define SLUSS_NORMALISE_H

/**
 * @file
 * What goes on to a TCP receiver, so that it reads exactly what was read here.
 *
 * Invariants 1 and 2 (read before release; what was read is what arrives) are
 * enforced here. The one idea: **the same byte always leaves at the same place.**
 * For each direction there is one next byte. Payload leaves in order only, after
 * it was read; it is remembered until its receiver has acknowledged it; and a
 * byte that comes again leaves as it was read the first time, whatever it says
 * now. So it doesn't matter what a receiver does with overlaps, short TTLs, old
 * time stamps or closed windows: it can only ever see one stream, or no stream.
 *
 * The rules, each with its reason and RFC section, are in dataplane/NORMALISING.md.
 *
 * One normaliser for each enforced TCP flow, between the flow table and the
 * inspection; the passive reader (tcp.h) sits behind it and gets what is about
 * to leave. Segments of one flow come in the order of the wire. There is no time
 * here: what waits, waits for a segment or for a call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/headers.h"
#include "dataplane/segment.h"
#include "inspectors/bytes.h"
#include "inspectors/message.h" /* enum direction */

/** Why payload (or a segment without any) doesn't leave. X(symbol, name, sentence) */
#define NORMALISE_DROPS(X)                                                                         \
	X(OUT_OF_WINDOW, "out_of_window", "lies outside of what the receiver takes")               \
	X(NO_ROOM, "no_room", "comes too early, or can't be remembered, and a budget is used up: " \
			      "it is to come again")                                               \
	X(SYN_DATA, "syn_data", "data of a SYN: its sender repeats it behind the handshake")       \
	X(AFTER_FIN, "after_fin", "lies behind the FIN")                                           \
	X(STRAY, "stray", "has flags that no receiver accepts there")                              \
	X(SYN, "syn", "a SYN inside a connection, or from the wrong side")                         \
	X(RST, "rst", "an RST at another place than the receiver's next byte, and its payload")    \
	X(CLOSED, "closed", "comes after a reset")                                                 \
	X(WRONG_PORT, "wrong_port", "came in on the side where its sender isn't")                  \
	X(MIDSTREAM, "midstream", "of a connection whose beginning wasn't seen")                   \
	X(REFUSED, "refused", "of what was refused: acknowledged and absorbed")                    \
	X(UNSENT, "unsent", "was read, and still waited here when the connection ended")

enum normalise_drop {
#define X(symbol, name, sentence) NORMALISE_DROP_##symbol,
	NORMALISE_DROPS(X)
#undef X
		NORMALISE_DROPS_COUNT
};

/** The name of the list: "out_of_window", …; static. */
const char *normalise_drop_name(enum normalise_drop why);

/**
 * Every byte of payload that is given ends in one of released_bytes, drop_bytes and
 * swallowed_bytes, once the normaliser is closed.
 *
 * X(name, unit, sentence)
 */
#define NORMALISE_COUNTERS(X)                                                                      \
	X(released, "segments", "that left, as they came or changed")                              \
	X(released_bytes, "bytes", "of payload in them, those that came again included")           \
	X(dropped, "segments", "that did not leave")                                               \
	X(rewritten, "segments", "whose payload contradicted what was read, and left as read")     \
	X(rewritten_bytes, "bytes", "in which they differed")                                      \
	X(blanked_bytes, "bytes", "acknowledged by their receiver, that came again and left as "   \
				  "zeros")                                                         \
	X(held, "segments", "that came too early and waited for the hole before them")             \
	X(restamped, "segments", "that had waited, and left with later time stamps")               \
	X(duplicate_acks, "segments", "made here, so that a sender repeats what is missing")       \
	X(challenge_acks, "segments", "made here, in answer to a SYN or RST that did not leave")   \
	X(resets_made, "segments", "RSTs made here, in a client's name, to a server that "         \
				   "answers another connection")                                   \
	X(swallowed, "segments", "that repeated only what waits here: they did not leave")         \
	X(swallowed_bytes, "bytes", "of payload that repeated what waits here or was refused, and "\
				    "did not leave")                                               \
	X(bare, "segments", "made here: the acknowledgement in one that did not leave (yet)")      \
	X(window_clamped, "segments", "whose window was made as small as what can be remembered")  \
	X(urgent_cleared, "segments", "whose urgent pointer was taken away")                       \
	X(options_cleared, "segments", "some of whose options were taken away")                    \
	X(syn_data_cut, "segments", "SYNs whose data, and Fast Open, was taken away")              \
	X(resets_ignored, "segments", "RSTs that didn't leave")                                    \
	X(adopted, "flows", "picked up without their handshake, as configured")

struct normalise_counters {
#define X(name, unit, sentence) uint64_t name;
	NORMALISE_COUNTERS(X)
#undef X
	uint64_t drops[NORMALISE_DROPS_COUNT];	     /* segments */
	uint64_t drop_bytes[NORMALISE_DROPS_COUNT]; /* their payload */
};

struct normalise_config {
	uint32_t flow_held;	/* bytes that came too early, each direction */
	uint32_t flow_segments; /* pieces of them, each direction; and as many remembered */
	uint32_t flow_unacked;	/* bytes remembered, each direction; windows are clamped to it */
	uint64_t held;		/* bytes that came too early, all flows */
	uint32_t segments;	/* mbuf references, all flows; half at most came too early */
	struct rte_mempool *pool; /* for made segments */
	int socket;
};

struct normalise_engine; /* one worker's: budgets, references, counters */

/** @return NULL: no memory, or a budget is 0 */
struct normalise_engine *normalise_engine_create(const struct normalise_config *cfg);
void normalise_engine_destroy(struct normalise_engine *e); /* accepts NULL */
const struct normalise_counters *normalise_engine_counters(const struct normalise_engine *e);
/** mbuf references held now, all flows; 0 once all normalisers are closed. */
uint32_t normalise_engine_references(const struct normalise_engine *e);
/** Bytes that an engine of this configuration takes; its mbufs are the pool's. */
uint64_t normalise_engine_memory(const struct normalise_config *cfg);

/** What is to become of a segment that was just read. */
enum release {
	RELEASE_NOW,
	/* It waits, and all that follows it in its direction does too, until normaliser_release()
	 * or normaliser_absorb(). Its acknowledgement goes on by itself. */
	RELEASE_HOLD,
	/* Refused: it doesn't leave, and the direction absorbs from here on. */
	RELEASE_NEVER,
};

/** All are required. Called in the order of the wire; none may call back into the normaliser. */
struct normalise_ops {
	/*
	 * @p p is to leave: read it. Every segment that may leave is given, those without
	 * payload too; payload that is new is given once and in order, and what comes again is
	 * in the form in which it will leave. With payload that wasn't read before, or a FIN,
	 * the answer counts; else it is RELEASE_NOW. In an absorbing direction the
	 * answer counts for nothing. Not given: what is made here, the acknowledgement of a
	 * segment that waits (it was read, or will be), and bare acknowledgements after a
	 * reset. Must not change the mbuf; may take references to its payload.
	 */
	enum release (*read)(void *ctx, enum direction dir, const struct packet *p);
	/* A whole frame leaves towards the receiver of @p dir. The mbuf is given away. */
	void (*send)(void *ctx, enum direction dir, struct rte_mbuf *m);
	/* Bytes @p other contradict those read, @p at bytes from the stream's start. */
	void (*conflict)(void *ctx, enum direction dir, uint64_t at, struct bytes other);
	/* Payload that isn't read in the stream (not NO_ROOM, which comes again; and not REFUSED
	 * and UNSENT, which were read). */
	void (*dropped)(void *ctx, enum direction dir, enum normalise_drop why, struct bytes in);
};

enum normaliser_state {
	NORMALISER_OPENING, /* no SYN-ACK has left */
	NORMALISER_OPEN,
	NORMALISER_CLOSING, /* both FINs have left */
	/* An RST has left, either way: no payload, FIN or SYN does any more. Bare
	 * acknowledgements and RSTs at the right place do, by which the ends settle it. */
	NORMALISER_RESET,
};

enum { NORMALISER_SIZE = 640 };

/** One for each flow; the caller's memory. */
struct normaliser {
	_Alignas(16) uint8_t private[NORMALISER_SIZE];
};

/** Borrows all three for its life; allocates nothing. */
void normaliser_open(struct normaliser *n, struct normalise_engine *e,
	const struct normalise_ops *ops, void *ctx);

/**
 * Pick up a connection in the middle: the next segment of each direction sets its
 * next byte. Without this call a first segment that is no SYN is dropped (MIDSTREAM).
 */
void normaliser_adopt(struct normaliser *n);

enum normaliser_result {
	NORMALISER_TAKEN,
	/* A SYN for a new connection on these ports (the old one is CLOSING or RESET): nothing
	 * was taken; close this one, open it anew and give the segment again, as one of the client:
	 * who sent it is the client now. Never twice in a row. */
	NORMALISER_NEW_CONNECTION,
};

/**
 * The next segment. p->mbuf is given away with NORMALISER_TAKEN (it was sent, kept or freed).
 * @param p  with a TCP header and a right checksum; may be changed
 */
enum normaliser_result normaliser_segment(struct normaliser *n, enum direction dir,
	struct packet *p);

/** Let go what is held in this direction. Reading has gone on meanwhile. */
void normaliser_release(struct normaliser *n, enum direction dir);
/** Does something that was read wait in this direction? */
bool normaliser_holds(const struct normaliser *n, enum direction dir);

/**
 * From here on nothing of this direction leaves any more, not even what is held:
 * its segments are still put in order and read, then dropped as REFUSED. The
 * acknowledgements in them still leave (as bare segments with the last sequence
 * number that left) unless normaliser_cut_off().
 */
void normaliser_absorb(struct normaliser *n, enum direction dir);

/** The receiver of @p dir was reset: nothing at all leaves towards it, and nothing that it
 * sends is read or forwarded. */
void normaliser_cut_off(struct normaliser *n, enum direction dir);

/** The end: gives all references back; what never came in order is `dropped`. Only
 * normaliser_open() may follow. */
void normaliser_close(struct normaliser *n);

/** Where the connection is, by what has left. */
enum normaliser_state normaliser_state(const struct normaliser *n);

/** What a made segment of a direction needs: for endpoint.h and for resets. */
struct normaliser_numbers {
	uint32_t read;	   /* next byte to be read: what to acknowledge to the sender */
	uint32_t released; /* next byte that the receiver gets of us: all before it left */
	uint32_t acked;	   /* by the receiver, of what left */
	uint16_t window;   /* that the *sender* of dir advertised last, as it left */
	bool synced;	   /* the numbers are known */
	bool fin_read;	   /* the FIN was read: `read` is behind it */
	bool stamped;	   /* time stamps were agreed on */
	uint32_t stamp;	   /* the sender's latest TSval */
	uint32_t echo;	   /* and TSecr with it */
	bool sack;	   /* SACK was agreed on */
	uint8_t scale;	   /* shift for the *sender's* windows; 0: none agreed on, or not known */
	uint16_t mss;	   /* that the *sender* announced; 0: none, or not known */
};

void normaliser_numbers(
	const struct normaliser *n, enum direction dir, struct normaliser_numbers *ret);

#endif
