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

#include <unistd.h>

#include "policy/policy.h"
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
	/* Of two connections at most: by the client's port, even or odd. */
	uint32_t next[2];
	bool begun[2];
};

static struct script script, other_script;
static const struct policy *shipped;
static struct heard heard[SIDES]; /* [0]: the client */

static void
hear(void *ctx, struct rte_mbuf *m, unsigned port)
{
	struct heard *h = &heard[port];
	struct packet p;
	uint32_t old, *next;
	int which;

	assert_true(port < SIDES);
	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	h->packets++;
	which = p.port[port == 1 ? 0 : 1] & 1;
	next = &h->next[which];
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

/* The server's bytes, which acknowledge no more than what has reached it. */
static void
answer(uint32_t ack, const char *text)
{
	uint32_t sent = script.next[0];

	script.next[0] = ack;
	push(1, text);
	script.next[0] = sent;
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
	assert_true(heard[1].begun[0]);
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
	static const char mail[] = "EHLO vard.example\r\n";

	/* Datagrams are no mail session, whose lines end some time. */
	begin(4, 25);
	world_open(w, 1);
	script_datagram(&script, 0, mail, sizeof(mail) - 1);
	script_datagram(&script, 0, dirty, sizeof(dirty) - 1);
	give(w);
	assert_int_equal(heard[1].packets, 1);
	world_close(w);

	w = fresh(state);
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

/* Words behind a number, so that nothing of its context is missing. */
#define BEHIND "and this is behind it, until there is enough text behind the number for its " \
	"context to be known, which takes some two hundred bytes; so here are some more " \
	"words that say nothing at all, and then some, to be sure, and a few more.\r\n"

#define LONG "/no.line.ends.here,.and.so.it.may.be.the.target.of.a.request;"

/* The whole text is there, and only the protocol isn't known: a pause decides that too. */
static void
test_pause_decides_protocol(void **state)
{
	struct world *w = fresh(state);

	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	/* It may be the beginning of a request, or of a mail client's nonsense. */
	push(0, N1 LONG LONG LONG LONG);
	give(w);
	assert_false(has(&heard[1], N1));
	assert_int_equal(heard[1].resets, 0);
	for (unsigned i = 0; i < 8; i++)
		pass_time(w, 200000);
	assert_false(has(&heard[1], N1));
	assert_int_equal(heard[1].resets, 1);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

/* The script's last frame, a TCP segment over IPv4, in two fragments instead. */
static void
fragment_last(int side, uint16_t id)
{
	struct frame whole = script.frames[--script.n];
	const uint8_t *l4 = whole.data + FRAME_ETHER + 20;
	size_t n = whole.n - FRAME_ETHER - 20, cut = n / 2 / 8 * 8;
	struct frame *f = script_frame(&script);

	memcpy(frame_ip(f, &script.ends, side == 0, 6, cut, id, 0x2000), l4, cut);
	f = script_frame(&script);
	memcpy(frame_ip(f, &script.ends, side == 0, 6, n - cut, id, (uint16_t)(cut / 8)),
		l4 + cut, n - cut);
}

/* Segments in IP fragments: of a connection that is read, and of one that is dead. */
static void
test_fragments(void **state)
{
	struct world *w = fresh(state);
	uint32_t begun;

	begin(4, 80);
	world_open(w, 1);
	push(0, "in the middle");
	push(0, "and on, and on, and on, and on");
	fragment_last(0, 7);
	give(w);
	assert_int_equal(heard[0].resets, 2);
	script_open(&script);
	push(0, "GET / HTTP/1.1\r\nHost: x.example\r\n\r\n");
	fragment_last(0, 8);
	give(w);
	assert_true(has(&heard[1], "GET / HTTP/1.1\r\nHost: x.example\r\n\r\n"));
	begun = script.next[0];
	push(0, "PUT / HTTP/1.1\r\nHost: x.example\r\nContent-Length: 900\r\n\r\n" N1 " "
		BEHIND);
	fragment_last(0, 9);
	give(w);
	/* The first request's answer is waited for. */
	assert_int_equal(heard[1].resets, 2);
	answer(begun, "HTTP/1.1 204 No Content\r\n\r\n");
	give(w);
	assert_false(has(&heard[1], N1));
	assert_int_equal(heard[1].resets, 3);
	/* The rest of the body never comes. */
	pass_time(w, 61000000);
	assert_true(has(&heard[0], "HTTP/1.1 403"));
	world_close(w);
}

/* No page for the conversation: what isn't read doesn't leave. */
static void
test_no_memory(void **state)
{
	struct world *w = fresh(state);

	w->cfg.inspect.flow_memory = 1;
	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	push(0, "number " N1 " " BEHIND);
	push(0, "more\r\n");
	give(w);
	assert_int_equal(heard[1].n, 0);
	world_close(w);
	assert_true(w->stats.opaque[OPAQUE_OVER_BUDGET] > 0);
}

/* Nor does it where flow after flow takes the last pages, of whatever kind. */
static void
test_no_pages(void **state)
{
	struct world *w = fresh(state);

	w->cfg.limits.inspect_memory = 1 << 20;
	begin(4, 7777);
	world_open(w, 1);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t us = script.us;

		begin(4, i % 3 == 0 ? 25 : 7777);
		script.ends.port[0] = (uint16_t)(20000 + i);
		script.us = us;
		script_open(&script);
		push(0, i % 3 == 0 ? "EHLO x\r\nNOOP a\r\n" : "hello\n");
		push(0, i % 3 == 0 ? "NOOP b\r\n" : "number " N1 " " BEHIND);
		give(w);
		assert_false(has(&heard[1], N1));
	}
	pass_time(w, 70000000);
	world_close(w);
	assert_true(w->stats.no_memory > 0);
}

/* A packet in hand, written anew at another place. */
static void
again(int side, uint32_t seq, const char *text)
{
	uint32_t sent = script.next[side];

	script.next[side] = seq;
	script_segment(&script, side, TCP_FLAG_ACK, text, strlen(text));
	script.next[side] = sent;
}

static void
begin_talk(struct world *w)
{
	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 0, "hello, this is no known protocol at all\n");
	give(w);
	assert_true(has(&heard[1], "hello"));
}

/* While a number waits for its context, it comes again, its sender asks, and resets. */
static void
test_held_meanwhile(void **state)
{
	struct world *w = fresh(state);
	uint32_t at;

	begin_talk(w);
	at = script.next[0];
	push(0, "number " N1);
	again(0, at, "number " N1);
	again(0, at + 3, "ber");
	again(0, at - 4, "all\nnumber " N1);
	again(0, script.next[0] - 1, "");
	again(0, script.next[0] - 1, "2");
	answer(at, "yes?\n");
	give(w);
	assert_false(has(&heard[1], "number"));
	assert_true(has(&heard[0], "yes?"));
	script_segment(&script, 0, TCP_FLAG_RST | TCP_FLAG_ACK, NULL, 0);
	give(w);
	assert_int_equal(heard[1].resets, 1);
	pass_time(w, 700000);
	pass_time(w, 70000000);
	assert_false(has(&heard[1], "number"));
	world_close(w);
}

/* The input ends while something is held, or came too early. */
static void
test_end_while_held(void **state)
{
	struct world *w = fresh(state);

	begin_talk(w);
	push(0, "number " N1);
	again(0, script.next[0] + 5, "early " N2 " " BEHIND);
	give(w);
	world_close(w);
	assert_false(has(&heard[1], "number"));
}

/* The violating segment comes last: what waited behind it ends its mail, and begins another. */
static void
test_late_violation(void **state)
{
	struct world *w = fresh(state);
	static const char body[] = "Subject: list\r\n\r\n" N1 " " BEHIND;
	uint32_t at;

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@elsewhere.example");
	give(w);
	at = script.next[0];
	script.next[0] += (uint32_t)strlen(body);
	push(0, "The end.\r\n.\r\nMAIL FROM:<a@vard.example>\r\nRCPT TO:<b@x.example>\r\n");
	give(w);
	again(0, at, body);
	give(w);
	assert_false(has(&heard[1], N1));
	assert_true(has(&heard[0], "554 5.7.1 "));
	pass_time(w, 100000);
	world_close(w);
	assert_event_named(w, &heard[0]);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

/* While the server's answer is waited for, what it says has its own ceiling. */
static void
test_answer_judged(void **state)
{
	struct world *w = fresh(state);
	uint32_t at;

	begin(4, 80);
	/* The other way round: the server is inside, and what it says goes out. */
	memcpy(script.ends.address[0], (uint8_t[]){10, 20, 0, 5}, 4);
	memcpy(script.ends.address[1], (uint8_t[]){10, 10, 0, 9}, 4);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 0, "GET / HTTP/1.1\r\nHost: x.vard.example\r\n\r\n");
	give(w);
	at = script.next[0];
	push(0, "PUT / HTTP/1.1\r\nHost: x.leverantor.example\r\nContent-Length: 300\r\n\r\n"
		"patient 19760103-2381 " BEHIND);
	give(w);
	assert_int_equal(heard[1].resets, 0);
	answer(at, "HTTP/1.1 200 Ok\r\nContent-Length: 300\r\n\r\njournal diagnos patient " N1
		" " N2 " 19760104-2380 19760105-2389 19760106-2388 " BEHIND);
	give(w);
	assert_false(has(&heard[0], N1));
	assert_int_equal(heard[1].resets, 1);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 2);
}

/* Nobody ends a stream of datagrams: its event is written all the same. */
static void
test_datagrams_without_end(void **state)
{
	struct world *w = fresh(state);
	static const char dirty[] = "number " N1;

	begin(4, 5000);
	world_open(w, 1);
	for (unsigned i = 0; i < 16; i++) {
		script_datagram(&script, 0, dirty, sizeof(dirty) - 1);
		script.us += 10000000;
	}
	give(w);
	assert_int_equal(heard[1].packets, 0);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

/* The worker's policy, with another `over:` and `opaque:` for all that leaves the house. */
static struct policy *
other_policy(struct world *w, const char *over, const char *opaque)
{
	char path[] = "/tmp/sluss-enforce-XXXXXX", text[1024];
	int fd = mkstemp(path);
	struct policy *p;
	struct diag d;

	snprintf(text, sizeof(text), "schema: 1\nname: other\nclasses: [K0, K1, K2]\ndomains:\n"
		"  vard: {control: inside, networks: [10.10.0.0/16]}\n"
		"  forskning: {control: inside, networks: [10.20.0.0/16]}\n"
		"  internet: {control: outside, networks: [\"0.0.0.0/0\", \"::/0\"]}\n"
		"packs: [se-personal]\ninformation:\n"
		"  - {id: person, class: K2, when: {person: 1}}\negress:\n"
		"  - {from: vard, to: internet, channel: any, ceiling: K0, over: %s, opaque: %s}\n"
		"  - {from: vard, to: forskning, channel: mail, ceiling: K0, over: refuse}\n"
		"default: {ceiling: K2, over: alert, opaque: allow}\n", over, opaque);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	diag_init(&d);
	p = policy_load(path, NULL, &d);
	diag_print(&d, stderr);
	unlink(path);
	assert_non_null(p);
	shipped = w->cfg.policy;
	w->cfg.policy = p;
	return p;
}

static void
end_with(struct world *w, struct policy *p)
{
	world_close(w);
	policy_free(p);
	w->cfg.policy = shipped;
}

/* A mail whose verdict is hold waits at its end, and what follows it too. */
static void
held_mail(struct world *w, bool forward)
{
	struct policy *p = other_policy(w, "hold", "alert");

	w->cfg.choices.hold_expired_forward = forward;
	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@elsewhere.example");
	script_say(&script, 0, "Subject: list\r\n\r\nPatient " N1 ", ward 3.\r\n" BEHIND);
	give(w);
	assert_true(has(&heard[1], N1));
	push(0, "The end.\r\n.\r\n");
	give(w);
	assert_false(has(&heard[1], "The end."));
	for (unsigned i = 0; i < 9; i++) {
		pass_time(w, 1000000);
		again(0, script.next[0] - 1, "");
		again(0, script.next[0] - 13, "The end.\r\n.\r\n");
		give(w);
	}
	assert_false(has(&heard[1], "The end."));
	assert_false(has(&heard[0], "554"));
	assert_int_equal(heard[1].resets, 0);
	pass_time(w, 1500000);
	assert_int_equal(has(&heard[1], "The end.\r\n.\r\n"), forward);
	assert_int_equal(has(&heard[0], "554 5.7.1 "), !forward);
	assert_int_equal(heard[1].resets, forward ? 0 : 1);
	pass_time(w, 1500000);
	end_with(w, p);
	assert_int_equal(w->stats.flows_refused, forward ? 0 : 1);
}

static void
test_hold_expires(void **state)
{
	held_mail(fresh(state), false);
	held_mail(fresh(state), true);
}

/* RST both ways, at once, and its event too. */
static void
test_drop(void **state)
{
	struct world *w = fresh(state);
	struct policy *p = other_policy(w, "drop", "drop");

	begin(4, 80);
	world_open(w, 1);
	script_open(&script);
	push(0, "PUT /in/list HTTP/1.1\r\nHost: x.example\r\nContent-Length: 900\r\n\r\n" N1
		" " BEHIND);
	give(w);
	assert_int_equal(heard[0].resets, 1);
	assert_int_equal(heard[1].resets, 1);
	assert_int_equal(heard[1].n, 0);
	assert_int_equal(world_events_with(w, "\"action\":\"drop\""), 1);
	push(0, "more");
	push(1, "more");
	give(w);
	assert_int_equal(heard[0].n + heard[1].n, 0);
	end_with(w, p);
	assert_int_equal(w->stats.flows_dropped, 1);
}

/* The mail's end and the next, violating one in a packet: the first is to come again. */
static void
test_pipelined(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@elsewhere.example");
	script_say(&script, 0, "Subject: lunch\r\n\r\n");
	push(0, "Noon.\r\n.\r\nMAIL FROM:<a@vard.example>\r\nRCPT TO:<b@x.example>\r\n"
		"DATA\r\nSubject: list\r\n\r\n" N1 " " BEHIND ".\r\nQUIT\r\n");
	give(w);
	assert_false(has(&heard[1], "Noon."));
	assert_true(has(&heard[0], "451 "));
	assert_true(has(&heard[0], "554 5.7.1 "));
	assert_int_equal(heard[1].resets, 1);
	pass_time(w, 100000);
	world_close(w);
	assert_event_named(w, &heard[0]);
}

/* TLS that must not leave: refused when it begins, however the hello is cut. */
static void
test_tls_refused(void **state)
{
	static const char hello[] = "\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03and so on";

	for (size_t cut = 1; cut < 12; cut++) {
		struct world *w = fresh(state);
		struct policy *p = other_policy(w, "refuse", "refuse");

		begin(4, 443);
		world_open(w, 1);
		script_open(&script);
		script_segment(&script, 0, TCP_FLAG_ACK, hello, cut);
		script_segment(&script, 0, TCP_FLAG_ACK, hello + cut, sizeof(hello) - 1 - cut);
		give(w);
		assert_true(heard[1].n < 6);
		assert_int_equal(heard[1].resets, 1);
		assert_true(heard[0].n == 7 && heard[0].text[0] == 21 && heard[0].text[6] == 49);
		end_with(w, p);
		assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
	}
}

/* What only mail may not hold waits until it is known to be none. */
static void
test_undecided(void **state)
{
	struct world *w = fresh(state);
	struct policy *p = other_policy(w, "refuse", "alert");

	begin(4, 25);
	memcpy(script.ends.address[1], (uint8_t[]){10, 20, 0, 9}, 4);
	world_open(w, 1);
	script_open(&script);
	push(0, N1 " " LONG LONG LONG LONG LONG);
	give(w);
	assert_false(has(&heard[1], N1));
	pass_time(w, 600000);
	assert_true(has(&heard[1], N1));
	end_with(w, p);
}

/* The clock is set back by a day: what is held still ends, and so does a refusal. */
static void
test_clock_set_back(void **state)
{
	struct world *w = fresh(state);

	begin_talk(w);
	push(0, "number " N1);
	give(w);
	script.us -= UINT64_C(86400000000);
	pass_time(w, 100000);
	assert_int_equal(heard[1].resets, 0);
	pass_time(w, 600000);
	assert_int_equal(heard[1].resets, 1);
	world_close(w);
}

/* Two connections by turns. What each end heard is of both together. */
static void
other_connection(void)
{
	struct script s = script;

	other_script.us = s.us;
	script = other_script;
	other_script = s;
}

/* An FTP session up to its data connection, which is the script's now. */
static void
begin_ftp(struct world *w, const char *command)
{
	begin(4, 21);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 1, "220 ftp\r\n");
	script_say(&script, 0, "USER a\r\n");
	script_say(&script, 1, "230 in\r\n");
	script_say(&script, 0, "PASV\r\n");
	script_say(&script, 1, "227 Entering Passive Mode (192,0,2,9,195,80)\r\n");
	script_say(&script, 0, command);
	script_say(&script, 1, "150 go on\r\n");
	give(w);
	other_script = script;
	begin(4, 50000);
	script.ends.port[0]++;
	script.us = other_script.us;
	script_open(&script);
}

/* However the data connection ends, the control connection says so. */
static void
refused_file(struct world *w, uint8_t end)
{
	begin_ftp(w, "STOR list.csv\r\n");
	push(0, "name;number\r\nx;" N1 ";\r\n" BEHIND);
	give(w);
	assert_false(has(&heard[1], N1));
	assert_false(has(&heard[0], "550"));
	if (end != 0)
		script_segment(&script, 0, end, NULL, 0);
	give(w);
	if (end == 0)
		pass_time(w, 61000000);
	assert_true(has(&heard[0], "550 "));
	assert_int_equal(heard[1].resets, 2);
	other_connection();
	push(0, "QUIT\r\n");
	give(w);
	assert_false(has(&heard[1], "QUIT"));
	pass_time(w, 3000000);
	world_close(w);
	assert_event_named(w, &heard[0]);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

static void
test_refused_file(void **state)
{
	refused_file(fresh(state), TCP_FLAG_FIN | TCP_FLAG_ACK);
	refused_file(fresh(state), TCP_FLAG_RST | TCP_FLAG_ACK);
	refused_file(fresh(state), 0);
}

/* The data connection is begun anew, or the input ends, while its file is absorbed. */
static void
test_refused_file_anew(void **state)
{
	struct world *w = fresh(state);

	begin_ftp(w, "STOR list.csv\r\n");
	push(0, "name;number\r\nx;" N1 ";\r\n" BEHIND);
	script.next[0] += 100000;
	script_segment(&script, 0, TCP_FLAG_SYN, NULL, 0);
	give(w);
	assert_true(has(&heard[0], "550 "));
	world_close(w);

	w = fresh(state);
	begin_ftp(w, "STOR list.csv\r\n");
	push(0, "name;number\r\nx;" N1 ";\r\n" BEHIND);
	give(w);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

/* The control connection is gone before its file is refused, in whatever way. */
static void
control_gone(struct world *w, bool reset)
{
	begin_ftp(w, "STOR list.csv\r\n");
	give(w);
	other_connection();
	if (reset)
		script_segment(&script, 0, TCP_FLAG_RST | TCP_FLAG_ACK, NULL, 0);
	else
		push(0, "SITE " N1 "\r\n" BEHIND);
	give(w);
	pass_time(w, reset ? 100000000 : 10000000);
	assert_int_equal(has(&heard[0], "550 "), !reset);
	other_connection();
	push(0, "name;number\r\nx;" N2 ";\r\n" BEHIND);
	give(w);
	assert_false(has(&heard[1], N2));
	pass_time(w, 200000000);
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), reset ? 1 : 2);
}

static void
test_control_gone(void **state)
{
	control_gone(fresh(state), true);
	control_gone(fresh(state), false);
}

/* The policy changes while a mail is refused: it is judged by the old one to its end. */
static void
test_policy_changes(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@elsewhere.example");
	script_say(&script, 0, "Subject: list\r\n\r\n" N1 " " BEHIND);
	again(0, script.next[0] + 50, "early " N2 " " BEHIND);
	give(w);
	assert_int_equal(heard[1].resets, 1);
	assert_true(worker_set_policy(w->workers[0], w->cfg.policy));
	pass_time(w, 130000000);
	pass_time(w, 1000000);
	push(0, "x");
	give(w);
	assert_true(worker_set_policy(w->workers[0], w->cfg.policy));
	pass_time(w, 1000000);
	world_close(w);
	assert_event_named(w, &heard[0]);
}

/* Lines that their client doesn't end: a number in them doesn't leave, and a pause decides. */
static void
unended_line(struct world *w, uint16_t port, const char *first)
{
	begin(4, port);
	memcpy(script.ends.address[1], (uint8_t[]){198, 51, 100, 9}, 4);
	world_open(w, 1);
	if (first == NULL) {
		begin_mail("b@x.example");
		push(0, "Subject: ");
	} else {
		script_open(&script);
		if (port != 80)
			push(1, port == 25 ? "220 smtp\r\n" : "220 ftp\r\n");
		push(0, first);
	}
	give(w);
	/* Cut in the number, too. */
	push(0, "number 1976");
	push(0, "0102-2382 and so on");
	push(0, " and on");
	push(0, " and on, for longer than what is kept of what was said before, which isn't much");
	give(w);
	assert_false(has(&heard[1], "0102-2382"));
	pass_time(w, 600000);
	pass_time(w, 3000000);
	assert_int_equal(heard[1].resets, 1);
	assert_false(has(&heard[1], "0102-2382"));
	world_close(w);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), 1);
}

static void
test_unended_lines(void **state)
{
	unended_line(fresh(state), 80, "GET / HTTP/1.1\r\nHost: x.example\r\nX: ");
	unended_line(fresh(state), 25, "EHLO vard.example\r\nMAIL FROM:<a@vard.example> X=");
	unended_line(fresh(state), 25, "EHLO vard.example\r\nNOOP ");
	unended_line(fresh(state), 25, NULL);
	unended_line(fresh(state), 50000, "QUIT\r\n");
	unended_line(fresh(state), 21, "USER a\r\nSITE ");
}

/* A header field that ends, and may go on: what holds a number only till the next line. */
static void
test_header_goes_on(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@leverantor.example");
	script_say(&script, 0, "Subject: list\r\n");
	push(0, "Comments: 19760102-2382\r\n");
	give(w);
	/* That supplier may know it. */
	assert_true(has(&heard[1], "2382"));
	push(0, "X-Number: 8819760102");
	push(0, "-238299\r\nTo: b\r\n\r\nhello\r\n.\r\n");
	give(w);
	assert_true(has(&heard[1], "hello\r\n.\r\n"));
	world_close(w);
	assert_int_equal(w->stats.flows_refused, 0);

	w = fresh(state);
	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@x.example");
	script_say(&script, 0, "Subject: list\r\n");
	push(0, "Comments: 19760102-2382\r\n");
	give(w);
	assert_false(has(&heard[1], "2382"));
	push(0, "To: b\r\n\r\nhello\r\n.\r\n");
	give(w);
	assert_true(has(&heard[0], "554 5.7.1 "));
	pass_time(w, 100000);
	world_close(w);
	assert_event_named(w, &heard[0]);
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
		cmocka_unit_test(test_wrong_port),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_pause_decides_protocol),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_pages),
		cmocka_unit_test(test_held_meanwhile),
		cmocka_unit_test(test_end_while_held),
		cmocka_unit_test(test_late_violation),
		cmocka_unit_test(test_answer_judged),
		cmocka_unit_test(test_datagrams_without_end),
		cmocka_unit_test(test_hold_expires),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_refused_file),
		cmocka_unit_test(test_refused_file_anew),
		cmocka_unit_test(test_control_gone),
		cmocka_unit_test(test_policy_changes),
		cmocka_unit_test(test_unended_lines),
		cmocka_unit_test(test_header_goes_on),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
