/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_EQUALITY_LAB_H
#define SLUSS_TEST_EQUALITY_LAB_H

/**
 * @file
 * A worker between a hostile sender, which a test plays, and this machine's kernel:
 *
 *   sender --port 0--> worker --port 1--> TAP device --> the kernel's IP, TCP, UDP --> sockets
 *
 * in a network namespace of its own. A frame that is written into a TAP device has been
 * dealt with by the kernel when the call returns, so nothing here waits and a schedule
 * gives the same each time. What the inspectors read is what conversation_data() got:
 * calls to it are wrapped by the linker.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/worker_world.h"

enum {
	LAB_FRAME_MAX = 2048,
	LAB_STREAM_MAX = 1 << 16, /* bytes of a stream, or of all datagrams of a case */
	LAB_RECORDS_MAX = 64,
	LAB_PORT = 9999, /* the kernel's */
	LAB_TTL_SHORT = 3, /* frames with at most this don't get to the kernel */
};

/** What the inspectors read of one conversation's direction, or of one datagram. */
struct record {
	const void *conversation;
	uint8_t p[LAB_STREAM_MAX];
	size_t n;
	bool finished; /* the end of the direction was read */
	bool gap;      /* bytes were read of which some before never came */
};

struct lab {
	struct world *world;
	int tap;
	bool control;	 /* no gateway: frames go on as they come, and are watched beside */
	bool datagrams;	 /* each conversation_data() is a record */
	uint64_t us;	 /* the gateway's clock */
	uint64_t random; /* state */
	unsigned lose[2]; /* frames in a hundred that are lost behind the gateway, by port */
	uint16_t serial;  /* of the case */
	uint16_t port;	  /* the sender's in this case; other frames are late ones of others */
	/* A frame for the sender, from its Ethernet header on. It must not send. */
	void (*hear)(void *ctx, const uint8_t *frame, size_t n);
	void *ctx;
	struct record *records; /* LAB_RECORDS_MAX */
	unsigned n_records;
	uint64_t frames, lost;
	int64_t unaccounted; /* bytes, until now */
	int64_t miscounted;  /* of the last case */
};

/** Needs root. Aborts if there is no namespace or device. */
void lab_open(struct lab *lab, bool control);
void lab_close(struct lab *lab);

/** The next case, with its own random numbers. Forgets the records. */
void lab_begin(struct lab *lab, uint64_t seed, uint16_t port);
/** Its end: nothing may be left in the gateway. */
void lab_end(struct lab *lab);

/** The sender's frame; what the kernel answers is heard before it returns. */
void lab_send(struct lab *lab, struct frame *f);
/** What the kernel has to say by itself. */
void lab_listen(struct lab *lab);

/** A number below @p n, which is not 0. */
uint32_t lab_below(struct lab *lab, uint32_t n);
static inline bool
lab_chance(struct lab *lab, unsigned in_hundred)
{
	return lab_below(lab, 100) < in_hundred;
}

/** A socket of the kernel's side, that doesn't block. @p type: SOCK_STREAM, SOCK_DGRAM */
int lab_socket(int family, int type, uint16_t port);

#endif
