/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_ENDPOINT_H
#define SLUSS_ENDPOINT_H

/**
 * @file
 * The very small TCP endpoint that a refusal needs: it stands in the receiver's
 * place, acknowledges and discards what the sender still sends, says a few
 * words, and closes in order (RFC 9293, 3.6). That is the most it ever does.
 *
 *   LISTENING --say--> SAYING --all acknowledged--> LISTENING
 *       |                 |
 *       +---- close ------+--> CLOSING --both FINs acknowledged, and a pause--> DONE
 *                                 |
 *                                 +-- tries or time used up --> RST, DONE
 *
 * From every state: an RST of the sender, and the time limit, lead to DONE.
 *
 * The normaliser in front of it puts the sender's stream in order and has it
 * read; the endpoint is told what to acknowledge. It sends through a callback, keeps
 * its words (at most ENDPOINT_WORDS_MAX bytes) until they are acknowledged, repeats them with a
 * doubling pause (RFC 6298), and respects the sender's window and MSS (words
 * are cut to at most 536 bytes a segment where no MSS is known).
 *
 * The pause before DONE is a short TIME-WAIT: a FIN that the sender repeats, since our last
 * acknowledgement was lost, is still answered, so that its close() doesn't hang.
 *
 * Of what comes too early, the piece in hand is named in a SACK (RFC 2018) where that was
 * agreed on: without one, Linux counts no duplicate acknowledgement and waits for its timer.
 *
 * No clock: time comes with the calls, in microseconds.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/segment.h"

enum { ENDPOINT_WORDS_MAX = 3072, ENDPOINT_TRIES_MAX = 6 };

/** The least that is advertised: a receiver that had just closed its window is gone. */
enum { ENDPOINT_WINDOW_MIN = 4096 };

enum {
	ENDPOINT_PAUSE_US = 1000000,  /* before words are repeated: RFC 6298, 2.1 */
	ENDPOINT_LINGER_US = 2000000, /* after the last segment of the sender, before DONE */
};

enum endpoint_state { ENDPOINT_LISTENING, ENDPOINT_SAYING, ENDPOINT_CLOSING, ENDPOINT_DONE };

struct endpoint_ops {
	/* A frame to the sender. The mbuf is given away. */
	void (*send)(void *ctx, struct rte_mbuf *m);
};

struct endpoint_config {
	const struct endpoint_ops *ops;
	void *ctx;
	struct rte_mempool *pool;
	const struct segment_path *path; /* from the receiver to the sender; borrowed */
	uint32_t seq;	 /* our next byte: what the sender expects of the receiver */
	uint32_t ack;	 /* the sender's next byte */
	uint16_t window; /* to advertise, as on the wire; kept so, but for ENDPOINT_WINDOW_MIN */
	uint32_t peer_window; /* the sender's, in bytes (scaled) */
	uint8_t peer_scale;   /* shift for the sender's later windows; 0 without, or not known */
	uint16_t mss;	 /* of the sender; 0: not known */
	bool stamped, sack; /* agreed on in the handshake */
	bool fin_read;	    /* the sender's FIN is counted in @p ack */
	uint32_t stamp, echo; /* the receiver's latest TSval, the sender's latest */
	uint64_t time_limit_us; /* from open to DONE, whatever happens */
	uint64_t now_us;
};

struct endpoint {
	struct endpoint_config cfg;
	/* Private to endpoint.c. */
	uint8_t tries;
	bool done;
	bool fin_wanted, fin_acked;
	bool ack_due;	    /* an acknowledgement that wasn't sent yet */
	bool peer_fin;	    /* the sender's FIN was seen, */
	uint32_t peer_fin_at; /* with this sequence number */
	uint32_t una, next; /* ours: not acknowledged; to be sent next */
	uint32_t max;	    /* behind what was sent at all: next goes back to repeat */
	uint32_t seen_seq;  /* of the segment that brought the window */
	uint32_t n_words;   /* from una on */
	uint64_t now_us; /* of the last call */
	uint64_t opened_us, resend_us, pause_us, linger_us;
	uint8_t words[ENDPOINT_WORDS_MAX];
};

/** Sends nothing. The first endpoint_acknowledge(), whatever it says, or endpoint_tick() does. */
void endpoint_open(struct endpoint *e, const struct endpoint_config *cfg);

/**
 * The sender's bytes before @p ack were read (and its FIN, if that is counted in): say so now.
 * Nothing is sent where it was said before.
 */
void endpoint_acknowledge(struct endpoint *e, uint32_t ack, uint64_t now_us);

/** Say it. @return false: no room, or closing already (nothing is taken) */
bool endpoint_say(struct endpoint *e, struct bytes words, uint64_t now_us);

/** Close, behind all that was said. The sender's later bytes are still acknowledged. */
void endpoint_close(struct endpoint *e, uint64_t now_us);

/** RST to the sender, now: DONE. */
void endpoint_reset(struct endpoint *e);

/**
 * A segment of the sender, as it came: its acknowledgement, window, time stamp, FIN, RST. (Its
 * payload is the normaliser's: call endpoint_acknowledge() when that was read, after this.) What
 * brings nothing new (a keep-alive, a repetition), and what comes too early, is answered
 * with an acknowledgement (RFC 9293, 3.10.7.4; RFC 5681, 4.2).
 */
void endpoint_segment(struct endpoint *e, const struct packet *p, uint64_t now_us);

/** Time passes. @return when to be called again, in microseconds; UINT64_MAX: never */
uint64_t endpoint_tick(struct endpoint *e, uint64_t now_us);

enum endpoint_state endpoint_state(const struct endpoint *e);

#endif
