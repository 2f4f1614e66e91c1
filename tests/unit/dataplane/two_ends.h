/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_TWO_ENDS_H
#define SLUSS_TEST_TWO_ENDS_H

/*
 * An inline worker between a client at port 0 and a server at port 1: what one end
 * says is written as a script, what leaves is put together as the two ends would read it.
 * Include cmocka.h and its company first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dpdk.h"
#include "tests/support/worker_world.h"
#include "tests/unit/dataplane/script.h"

#define N1 "19760102-2382"
#define N2 "19760103-2381"
#define LONG "/no.line.ends.here,.and.so.it.may.be.the.target.of.a.request;"

/* Words behind a number, so that nothing of its context is missing. */
#define BEHIND "and this is behind it, until there is enough text behind the number for its " \
	"context to be known, which takes some two hundred bytes; so here are some more " \
	"words that say nothing at all, and then some, to be sure, and a few more.\r\n"

enum { SIDES = 2, HEARD_MAX = 1 << 16 };

/* What one end gets. */
struct heard {
	char text[HEARD_MAX];
	size_t n;
	unsigned packets, resets, fins, others; /* others: not IP */
	/* Of two connections at most: by the client's port, even or odd. */
	uint32_t next[2];
	bool begun[2];
};

static struct script script;
static struct heard heard[SIDES]; /* [0]: the client */

static inline void
hear(void *ctx, struct rte_mbuf *m, unsigned port)
{
	struct heard *h = &heard[port];
	struct packet p;
	uint32_t old, *next;
	int which;
	enum header_result r = headers_parse(m, true, &p);

	assert_true(port < SIDES);
	h->packets++;
	if (r == HEADER_NOT_IP) {
		h->others++;
		rte_pktmbuf_free(m);
		return;
	}
	assert_int_equal(r, HEADER_OK);
	if (p.kind != PACKET_TCP) {
		memcpy(h->text + h->n, rte_pktmbuf_mtod_offset(m, char *, p.payload_at),
			p.payload_len);
		h->n += p.payload_len;
		rte_pktmbuf_free(m);
		return;
	}
	which = p.port[port == 1 ? 0 : 1] & 1;
	next = &h->next[which];
	h->resets += (p.tcp_flags & TCP_FLAG_RST) != 0;
	h->fins += (p.tcp_flags & TCP_FLAG_FIN) != 0;
	if (p.tcp_flags & TCP_FLAG_SYN) {
		*next = p.seq + 1;
		h->begun[which] = true;
	}
	if (h->begun[which] && p.payload_len > 0) {
		/* In order, but for what comes again. */
		assert_true((int32_t)(p.seq - *next) <= 0);
		old = *next - p.seq;
		if (old < p.payload_len) {
			memcpy(h->text + h->n, rte_pktmbuf_mtod_offset(m, char *,
				p.payload_at + old), p.payload_len - old);
			h->n += p.payload_len - old;
			*next = p.seq + p.payload_len;
		}
	}
	rte_pktmbuf_free(m);
}

static inline int
group_setup(void **state)
{
	if (!dpdk_start("512"))
		return -1;
	*state = world_new();
	return 0;
}

static inline int
group_teardown(void **state)
{
	world_free(*state);
	return 0;
}

static inline struct world *
fresh(void **state)
{
	static struct worker_config first;
	struct world *w = *state;

	if (first.policy == NULL)
		first = w->cfg;
	w->cfg = first;
	w->cfg.egress.send = hear;
	w->cfg.log_messages = true;
	world_clear(w);
	memset(heard, 0, sizeof(heard));
	return w;
}

static inline void
begin(uint8_t family, uint16_t to_port)
{
	struct frame_ends e = frame_ends(family, 5, 40112, to_port);

	script_init(&script, &e);
}

/* Give what was written so far; the script goes on. */
static inline void
give(struct world *w)
{
	world_frames(w, script.frames, script.n);
	script.n = 0;
}

static inline void
pass_time(struct world *w, uint64_t us)
{
	script.us += us;
	world_idle(w, script.us);
}

static inline bool
has(const struct heard *h, const char *text)
{
	return memmem(h->text, h->n, text, strlen(text)) != NULL;
}

/* Its own bytes, not acknowledged by anyone yet. */
static inline void
push(int side, const char *text)
{
	script_segment(&script, side, TCP_FLAG_ACK | TCP_FLAG_PSH, text, strlen(text));
}

/* The server's bytes, which acknowledge no more than what has reached it. */
static inline void
answer(uint32_t ack, const char *text)
{
	uint32_t sent = script.next[0];

	script.next[0] = ack;
	push(1, text);
	script.next[0] = sent;
}

static inline void
begin_mail(const char *to)
{
	char line[128];

	script_open(&script);
	script_say(&script, 1, "220 mx ESMTP\r\n");
	script_say(&script, 0, "EHLO vard.example\r\n");
	script_say(&script, 1, "250 mx\r\n");
	script_say(&script, 0, "MAIL FROM:<a@vard.example>\r\n");
	script_say(&script, 1, "250 ok\r\n");
	snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", to);
	script_say(&script, 0, line);
	script_say(&script, 1, "250 ok\r\n");
	script_say(&script, 0, "DATA\r\n");
	script_say(&script, 1, "354 go on\r\n");
}

/* A packet in hand, written anew at another place. */
static inline void
again(int side, uint32_t seq, const char *text)
{
	uint32_t sent = script.next[side];

	script.next[side] = seq;
	script_segment(&script, side, TCP_FLAG_ACK, text, strlen(text));
	script.next[side] = sent;
}

static inline void
begin_talk(struct world *w)
{
	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 0, "hello, this is no known protocol at all\n");
	give(w);
	assert_true(has(&heard[1], "hello"));
}

/* The reply holds the id of the event. */
static inline void
assert_event_named(const struct world *w, const struct heard *h)
{
	for (size_t i = 0; i < w->n_events; i++) {
		const char *id = strstr(w->events[i], "\"id\":\"");
		char text[37];

		if (strstr(w->events[i], "\"action\":\"refuse\"") == NULL || id == NULL)
			continue;
		memcpy(text, id + 6, 36);
		text[36] = '\0';
		assert_true(has(h, text));
		return;
	}
	fail_msg("no event of a refusal");
}

#endif
