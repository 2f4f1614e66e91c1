/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_NORMALISE_PRIVATE_H
#define SLUSS_NORMALISE_PRIVATE_H

/**
 * @file
 * Shared by normalise.c (the rules) and normalise_kept.c (what is kept of a stream
 * and how a segment is made to agree with it). For no one else.
 */

#include "dataplane/normalise.h"

/** A segment that is kept. Its mbuf is a reference of ours. */
struct normalise_piece {
	struct normalise_piece *next;
	struct packet packet;
	uint32_t seq, at, n; /* the payload that it stands for, and where that lies in the mbuf */
	bool fin;	     /* behind it */
};

struct normalise_engine {
	struct normalise_config cfg;
	struct normalise_counters counters;
	uint64_t held;	      /* bytes that came too early, all flows */
	uint32_t held_pieces; /* and pieces: half of all at most, so that holes can be filled */
	struct normalise_piece *free;
	uint32_t used;
	struct normalise_piece pieces[];
};

/** One direction: what its sender sent. */
struct half {
	/* Read, not acknowledged; oldest first. From `waiting` on they have not left. */
	struct normalise_piece *past, *past_last, *waiting;
	struct normalise_piece
		*held;	      /* came too early: by sequence number, where they overlap equal */
	uint64_t position;    /* payload bytes read */
	uint32_t next;	      /* to be read */
	uint32_t released;    /* everything before it has left */
	uint32_t acked;	      /* by the receiver; never beyond `released` */
	uint32_t edge;	      /* of the receiver's window: the first byte outside */
	uint32_t offered;     /* the same, as the sender was told */
	uint32_t fin;	      /* the FIN's place */
	uint32_t isn;	      /* of the latest SYN that left */
	uint32_t ack;	      /* that the sender sent last */
	uint32_t stamp, echo; /* time stamps that the sender sent last */
	uint32_t held_bytes, past_bytes;
	uint32_t held_pieces, past_pieces;
	uint16_t window; /* that the sender sent last, as it left */
	uint16_t mss;
	uint8_t scale;			 /* of its SYN, or PACKET_NO_SCALE */
	uint8_t owed;			 /* duplicate acknowledgements to be made */
	uint8_t since;			 /* came too early since the receiver's last news; at most 3 */
	bool syn : 1;			 /* one left, and isn, scale, mss are its */
	bool sack_ok : 1, stamps_ok : 1; /* offered by it */
	bool synced : 1;		 /* the numbers are known */
	bool spoke : 1;			 /* went on after the handshake */
	bool acked_known : 1, edge_known : 1;
	bool fin_read : 1, fin_left : 1;
	bool absorbing : 1;
	bool cut : 1; /* nothing leaves to the receiver */
	struct segment_path path;
};

/** What is inside a struct normaliser. */
struct inside {
	struct normalise_engine *engine;
	const struct normalise_ops *ops;
	void *ctx;
	struct half half[2]; /* by enum direction */
	uint8_t state;	     /* enum normaliser_state */
	bool adopted;	     /* without its handshake: the scale of its windows isn't known */
};

/** The segment in hand. */
struct step {
	struct inside *n;
	struct normalise_engine *e;
	struct half *half; /* its direction's */
	struct half *peer; /* the other direction's */
	enum direction dir;
	struct packet *p;
	bool news;    /* its acknowledgement says something new */
	bool differs; /* it contradicts what was read or is held */
};

/** Is a before b, in sequence numbers (RFC 9293, 3.4)? */
static inline bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- pieces ---- */

/** @return NULL: none is left. The mbuf's reference goes over to the piece. */
struct normalise_piece *piece_take(struct normalise_engine *e, const struct packet *p);
/** It stands for all of its packet's payload, and its FIN. */
void piece_measure(struct normalise_piece *piece);
/** Back to the engine, its mbuf reference too. */
void piece_give(struct normalise_engine *e, struct normalise_piece *piece);
static inline uint32_t
piece_end(const struct normalise_piece *piece)
{
	return piece->seq + piece->n + piece->fin;
}

/* ---- read, and remembered ---- */

/** Is there room for @p n bytes more, and a piece? */
bool past_has_room(const struct step *t, uint32_t n);
/** Behind all that was read; the piece is the half's now. */
void past_append(struct half *h, struct normalise_piece *piece);
/** What the receiver has acknowledged whole goes. */
void past_forget_acked(struct normalise_engine *e, struct half *h);
/** Forget all; what is waiting too. */
void past_clear(struct normalise_engine *e, struct half *h);

/* ---- too early ---- */

/** @return false: no room */
bool held_insert(struct step *t, struct packet *p);
/** The first that is held, which is the caller's now; there is one. */
struct normalise_piece *held_pop(struct normalise_engine *e, struct half *h);
/** Is every byte of @p p held, and its FIN too? */
bool held_covers(const struct half *h, const struct packet *p);
/** Ranges that are held, as RFC 2018, section 4 wants them: that of @p latest first. */
unsigned held_ranges(const struct half *h, uint32_t latest, unsigned max, struct segment *ret);

/* ---- making a segment agree ---- */

/**
 * The payload before half->next: what the receiver acknowledged becomes zeros, the rest
 * as it was read. @return false: some of it is neither acknowledged nor remembered
 */
bool agree_past(struct step *t, struct packet *p);
/** The payload that overlaps with what is held: as that is. */
void agree_held(struct step *t, struct packet *p);

#endif
