/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_WIRE_DOUBLE_H
#define SLUSS_TEST_WIRE_DOUBLE_H

/*
 * A wire without ports: what it receives is made here, what leaves is looked at and freed.
 * Frames come from many pairs of hosts, and carry the pair and a number in it.
 */
#include <stdatomic.h>

#include "dataplane/wire.h"

enum { WIRE_DOUBLE_PAIRS = 64 };

struct wire_double {
	struct rte_mempool *pool;
	uint64_t packets;	/* to receive; then *stop is set, if there is one */
	atomic_bool *stop;
	unsigned pause_us;	/* before each burst */
	uint16_t (*id)(uint64_t i); /* IPv4 identification of the i-th; NULL: 0 */
	bool not_ip;		/* ARP */
	bool partial;		/* UDP, with what a virtual port's peer leaves as its checksum */
	atomic_bool hang;	/* source_burst() doesn't come back while it is set */
};

/* What left. */
struct wire_double_seen {
	_Atomic uint64_t given;	   /* received from it */
	_Atomic uint64_t left;
	_Atomic uint64_t left_of[WIRE_DOUBLE_PAIRS];
	uint64_t wrong_port;	   /* left elsewhere than at the partner */
	uint64_t backwards;	   /* of a pair, behind one that came later */
	uint64_t twice;
	uint64_t complete;	   /* of `partial`: with a right checksum */
	uint64_t flushes, ticks;
	uint64_t unflushed;	   /* sent, not flushed */
};

struct wire *wire_double_new(const struct wire_double *d);
/* It may be changed while it runs where its members are atomic. */
struct wire_double *wire_double_of(struct wire *w);
const struct wire_double_seen *wire_double_seen(const struct wire *w);

#endif
