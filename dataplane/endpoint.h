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
 *       +---- close ------+--> CLOSING --our FIN is acknowledged--> DONE
 *                                 |
 *                                 +-- tries or time used up --> RST, DONE
 *
 * The normaliser in front of it puts the sender's stream in order and has it
 * read; the endpoint is told what to acknowledge. It sends through a callback, keeps
 * its words (at most ENDPOINT_WORDS_MAX bytes) until they are acknowledged, repeats them with a
 * doubling pause (RFC 6298), and respects the sender's window and MSS (words
 * are cut to at most 536 bytes a segment where no MSS is known).
 *
 * No clock: time comes with the calls, in microseconds.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/segment.h"

enum { ENDPOINT_WORDS_MAX = 3072, ENDPOINT_TRIES_MAX = 6 };

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
	uint16_t window; /* to advertise, as on the wire; kept so */
	uint32_t peer_window; /* the sender's, in bytes (scaled) */
	uint8_t peer_scale;   /* shift for the sender's later windows; 0 without */
	uint16_t mss;	 /* of the sender; 0: not known */
	bool stamped, sack;
	uint32_t stamp, echo; /* the receiver's latest TSval, the sender's latest */
	uint64_t time_limit_us; /* from open to DONE, whatever happens */
	uint64_t now_us;
};

struct endpoint {
	struct endpoint_config cfg;
	/* Private to endpoint.c. */
	uint8_t state;
	uint8_t tries;
	bool fin_wanted, fin_sent, ack_due;
	uint32_t una, next; /* ours */
	uint32_t n_words;   /* from una on */
	uint64_t opened_us, resend_us, pause_us;
	uint8_t words[ENDPOINT_WORDS_MAX];
};

void endpoint_open(struct endpoint *e, const struct endpoint_config *cfg);

/** The sender's bytes before @p ack were read (and its FIN, if that is counted in): say so now. */
void endpoint_acknowledge(struct endpoint *e, uint32_t ack, uint64_t now_us);

/** Say it. @return false: no room (nothing is taken) */
bool endpoint_say(struct endpoint *e, struct bytes words, uint64_t now_us);

/** Close, behind all that was said. The sender's later bytes are still acknowledged. */
void endpoint_close(struct endpoint *e, uint64_t now_us);

/** RST to the sender, now: DONE. */
void endpoint_reset(struct endpoint *e);

/**
 * A segment of the sender: its acknowledgement, window, time stamp, RST. (Its payload is
 * the normaliser's.) A segment that brings nothing new (a keep-alive, a repetition) is answered
 * with an acknowledgement.
 */
void endpoint_segment(struct endpoint *e, const struct packet *p, uint64_t now_us);

/** Time passes. @return when to be called again, in microseconds; UINT64_MAX: never */
uint64_t endpoint_tick(struct endpoint *e, uint64_t now_us);

enum endpoint_state endpoint_state(const struct endpoint *e);

#endif
