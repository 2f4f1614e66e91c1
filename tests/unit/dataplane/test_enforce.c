/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An inline worker with everything behind it, between a client at port 0 and a
 * server at port 1. What leaves is put together as the two ends would read it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dpdk.h"
#include "tests/support/worker_world.h"
#include "tests/unit/dataplane/script.h"

#define N1 "19760102-2382"
#define N2 "19760103-2381"

enum { SIDES = 2, HEARD_MAX = 1 << 16 };

/* What one end gets. */
struct heard {
	char text[HEARD_MAX];
	size_t n;
	unsigned packets, resets, fins;
	uint32_t next;
	bool begun;
};

static struct script script;
static struct heard heard[SIDES]; /* [0]: the client */

static void
hear(void *ctx, struct rte_mbuf *m, unsigned port)
{
	struct heard *h = &heard[port];
	struct packet p;
	uint32_t old;

	assert_true(port < SIDES);
	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	h->packets++;
	if (p.kind != PACKET_TCP) {
		memcpy(h->text + h->n, rte_pktmbuf_mtod_offset(m, char *, p.payload_at),
			p.payload_len);
		h->n += p.payload_len;
		rte_pktmbuf_free(m);
		return;
	}
	h->resets += (p.tcp_flags & TCP_FLAG_RST) != 0;
	h->fins += (p.tcp_flags & TCP_FLAG_FIN) != 0;
	if (p.tcp_flags & TCP_FLAG_SYN) {
		h->next = p.seq + 1;
		h->begun = true;
	}
	if (h->begun && p.payload_len > 0) {
		/* In order, but for what comes again. */
		assert_true((int32_t)(p.seq - h->next) <= 0);
		old = h->next - p.seq;
		if (old < p.payload_len) {
			memcpy(h->text + h->n, rte_pktmbuf_mtod_offset(m, char *,
				p.payload_at + old), p.payload_len - old);
			h->n += p.payload_len - old;
			h->next = p.seq + p.payload_len;
		}
	}
	rte_pktmbuf_free(m);
}

static int
group_setup(void **state)
{
	if (!dpdk_start("512"))
		return -1;
	*state = world_new();
	return 0;
}

static int
group_teardown(void **state)
{
	world_free(*state);
	return 0;
}

static struct world *
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

static void
begin(uint8_t family, uint16_t to_port)
{
	struct frame_ends e = frame_ends(family, 5, 40112, to_port);

	script_init(&script, &e);
}

/* Give what was written so far; the script goes on. */
static void
give(struct world *w)
{
	world_frames(w, script.frames, script.n);
	script.n = 0;
}

static void
pass_time(struct world *w, uint64_t us)
{
	script.us += us;
	world_idle(w, script.us);
}

static bool
has(const struct heard *h, const char *text)
{
	return memmem(h->text, h->n, text, strlen(text)) != NULL;
}

/* Its own bytes, not acknowledged by anyone yet. */
static void
push(int side, const char *text)
{
	script_segment(&script, side, TCP_FLAG_ACK | TCP_FLAG_PSH, text, strlen(text));
}

static void
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

static void
test_clean_mail(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@leverantor.example");
	script_say(&script, 0, "Subject: lunch\r\n\r\nSee you at noon.\r\n.\r\n");
	script_say(&script, 1, "250 queued\r\n");
	script_say(&script, 0, "QUIT\r\n");
	script_say(&script, 1, "221 bye\r\n");
	script_close(&script);
	give(w);
	assert_true(has(&heard[1], "See you at noon.\r\n.\r\nQUIT\r\n"));
	assert_true(has(&heard[0], "250 queued\r\n221 bye\r\n"));
	assert_int_equal(heard[0].resets + heard[1].resets, 0);
	assert_int_equal(heard[0].fins, 1);
	world_close(w);
	assert_int_equal(w->stats.flows_refused, 0);
}

/* The reply holds the id of the event. */
static void
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

static void
test_refused_mail(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@elsewhere.example");
	script_say(&script, 0, "Subject: list\r\n\r\nPatient " N1 ", ward 3.\r\n");
	push(0, "and this is behind it, until there is enough text behind the number for its "
		"context to be known, which takes some two hundred bytes; so here are some more "
		"words that say nothing at all, and then some, to be sure.\r\n");
	give(w);
	assert_false(has(&heard[1], N1));
	assert_int_equal(heard[1].resets, 0 + (heard[1].resets != 0));
	assert_false(has(&heard[0], "554"));
	push(0, "The end.\r\n.\r\n");
	give(w);
	assert_true(has(&heard[0], "354 go on\r\n554 5.7.1 "));
	assert_int_equal(heard[1].resets, 1);
	assert_false(has(&heard[1], "The end."));
	push(0, "QUIT\r\n");
	give(w);
	pass_time(w, 100000);
	world_close(w);
	assert_int_equal(w->stats.flows_refused, 1);
	assert_int_equal(world_events_with(w, "\"mode\":\"enforce\""), w->n_events);
	assert_event_named(w, &heard[0]);
}

static void
test_refused_upload(void **state)
{
	struct world *w = fresh(state);
	static const char body[] = "a;" N1 ";b\r\n";
	char request[256];

	begin(4, 80);
	world_open(w, 1);
	script_open(&script);
	snprintf(request, sizeof(request), "PUT /in/list HTTP/1.1\r\nHost: x.example\r\n"
		"Content-Length: %zu\r\n\r\n%s", sizeof(body) - 1, body);
	push(0, request);
	give(w);
	assert_int_equal(heard[1].n, 0);
	assert_int_equal(heard[1].resets, 1);
	assert_true(has(&heard[0], "HTTP/1.1 403 "));
	assert_int_equal(heard[0].fins, 1);
	world_close(w);
	assert_event_named(w, &heard[0]);
}

/* A number that ends a packet waits for its context, and a pause decides. */
static void
test_pause_decides(void **state)
{
	struct world *w = fresh(state);

	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 0, "hello, this is no known protocol at all\n");
	give(w);
	assert_true(has(&heard[1], "hello"));
	push(0, "number " N1);
	give(w);
	assert_false(has(&heard[1], "number"));
	pass_time(w, 100000);
	assert_false(has(&heard[1], "number"));
	assert_int_equal(heard[1].resets, 0);
	pass_time(w, 600000);
	assert_false(has(&heard[1], "number"));
	assert_int_equal(heard[1].resets, 1);
	assert_int_equal(heard[0].resets, 1);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

static void
test_midstream(void **state)
{
	struct world *w = fresh(state);

	begin(4, 80);
	world_open(w, 1);
	push(0, "in the middle");
	give(w);
	assert_int_equal(heard[0].resets, 1);
	assert_int_equal(heard[1].resets, 1);
	script_open(&script);
	give(w);
	assert_int_equal(heard[1].resets, 1);
	assert_true(heard[1].begun);
	world_close(w);
	assert_int_equal(w->stats.flows_midstream, 1);

	w = fresh(state);
	w->cfg.choices.midstream_adopt = true;
	begin(4, 80);
	world_open(w, 1);
	push(0, "in the middle");
	give(w);
	assert_int_equal(heard[1].packets, 1);
	assert_int_equal(heard[1].resets, 0);
	world_close(w);
}

/* A segment in IP fragments for a connection that is no more: its frames are freed once. */
static void
test_dead_fragments(void **state)
{
	struct world *w = fresh(state);
	struct frame whole;
	uint32_t n;

	begin(4, 80);
	world_open(w, 1);
	push(0, "in the middle");
	give(w);
	push(0, "in two fragments, that are cut at the sixteenth byte of the segment");
	whole = script.frames[0];
	n = whole.n - FRAME_ETHER - 20;
	for (unsigned i = 0; i < 2; i++) {
		struct frame *f = &script.frames[i];
		uint8_t *l4;

		l4 = frame_ip(f, &script.ends, true, 6, i == 0 ? 16 : n - 16, 77,
			i == 0 ? 0x2000 : 2);
		memcpy(l4, whole.data + FRAME_ETHER + 20 + 16 * i, i == 0 ? 16 : n - 16);
		f->us = whole.us + i;
	}
	script.n = 2;
	give(w);
	/* The pool is whole again, and knows of no buffer twice. */
	world_close(w);
	rte_mempool_audit(w->pool);
	assert_int_equal(rte_mempool_avail_count(w->pool), WORLD_POOL);
}

static void
test_wrong_port(void **state)
{
	struct world *w = fresh(state);

	begin(4, 80);
	world_open(w, 1);
	script_open(&script);
	push(0, "GET / HTTP/1.0\r\n\r\n");
	script.frames[script.n - 1].port = 1;
	give(w);
	assert_int_equal(heard[1].n, 0);
	world_close(w);
	assert_int_equal(w->stats.packets_wrong_port, 1);
}

static void
test_datagrams(void **state)
{
	struct world *w = fresh(state);
	static const char clean[] = "nothing in it", dirty[] = "number " N1;

	begin(4, 5000);
	world_open(w, 1);
	script_datagram(&script, 0, clean, sizeof(clean) - 1);
	script_datagram(&script, 0, dirty, sizeof(dirty) - 1);
	script_datagram(&script, 1, clean, sizeof(clean) - 1);
	give(w);
	assert_int_equal(heard[1].packets, 1);
	assert_int_equal(heard[0].packets, 1);
	assert_false(has(&heard[1], N1));
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

/* What UDP's own length leaves out hides nothing of what the receiver reads (RFC 768). */
static void
test_surplus(void **state)
{
	struct world *w = fresh(state);
	static const char text[] = "number " N1 "99";
	uint8_t *udp;

	begin(4, 5000);
	world_open(w, 1);
	script_datagram(&script, 0, text, sizeof(text) - 1);
	udp = script.frames[0].data + FRAME_ETHER + 20;
	frame_put16(udp + 4, FRAME_UDP_HEADER + sizeof(text) - 3);
	frame_put16(udp + 6, 0);
	give(w);
	assert_int_equal(heard[1].packets, 0);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_mail),
		cmocka_unit_test(test_refused_mail),
		cmocka_unit_test(test_refused_upload),
		cmocka_unit_test(test_pause_decides),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_dead_fragments),
		cmocka_unit_test(test_wrong_port),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_surplus),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
