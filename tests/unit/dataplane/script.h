/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_SCRIPT_H
#define SLUSS_TEST_SCRIPT_H

/* One conversation, written frame by frame. */
#include <string.h>

#include "dataplane/headers.h"
#include "tests/support/frame.h"

enum { SCRIPT_MAX = 64, STEP_US = 1000 };

#define SCRIPT_START_US UINT64_C(1774000000000000)

struct script {
	struct frame frames[SCRIPT_MAX];
	size_t n;
	struct frame_ends ends;
	uint32_t next[2]; /* sequence numbers, client and server */
	uint64_t us;
};

static inline void
script_init(struct script *s, const struct frame_ends *ends)
{
	s->n = 0;
	s->ends = *ends;
	s->next[0] = 1000;
	s->next[1] = 5000;
	s->us = SCRIPT_START_US;
}

static inline struct frame *
script_frame(struct script *s)
{
	struct frame *f = &s->frames[s->n++];

	assert(s->n <= SCRIPT_MAX);
	f->us = s->us;
	s->us += STEP_US;
	return f;
}

/* Of the side 0 (client) or 1, at its place. */
static inline void
script_segment(struct script *s, int side, uint8_t flags, const void *payload, size_t n)
{
	struct frame *f = script_frame(s);

	frame_tcp(f, &s->ends, side == 0, &(struct frame_tcp){flags, s->next[side], s->next[!side]},
		payload, n);
	s->next[side] += (uint32_t)n + ((flags & (TCP_FLAG_SYN | TCP_FLAG_FIN)) != 0);
}

static inline void
script_open(struct script *s)
{
	script_segment(s, 0, TCP_FLAG_SYN, NULL, 0);
	script_segment(s, 1, TCP_FLAG_SYN | TCP_FLAG_ACK, NULL, 0);
	script_segment(s, 0, TCP_FLAG_ACK, NULL, 0);
}

/* Text, acknowledged at once. */
static inline void
script_say(struct script *s, int side, const char *text)
{
	script_segment(s, side, TCP_FLAG_ACK | TCP_FLAG_PSH, text, strlen(text));
	script_segment(s, !side, TCP_FLAG_ACK, NULL, 0);
}

static inline void
script_close(struct script *s)
{
	script_segment(s, 0, TCP_FLAG_FIN | TCP_FLAG_ACK, NULL, 0);
	script_segment(s, 1, TCP_FLAG_FIN | TCP_FLAG_ACK, NULL, 0);
	script_segment(s, 0, TCP_FLAG_ACK, NULL, 0);
}

static inline void
script_datagram(struct script *s, int side, const void *payload, size_t n)
{
	frame_udp(script_frame(s), &s->ends, side == 0, payload, n);
}

#endif
