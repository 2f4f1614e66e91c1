/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every named choice of dataplane/inline_choices.h, in both values, with a whole worker;
 * and what a budget reached in the middle does. (`overload` and `stalled` are the I/O
 * thread's: test_inline.c.) After each, world_close() looks whether every byte either left
 * or is withheld for a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/policy.h"
#include "tests/unit/dataplane/two_ends.h"

#define LONG_LINE                                                                                  \
	"and this is behind it, until there is enough text behind the number for its context "     \
	"to be known, which takes some two hundred bytes; so here are some more words that say "   \
	"nothing at all, and then some, to be sure of it.\r\n"

static const struct policy *shipped; /* the world's own, meanwhile */

/* The client's network to the server's, with these reactions. */
static void
use_policy(struct world *w, const char *over, const char *opaque)
{
	struct diag d;
	char text[512];
	struct policy *p;

	diag_init(&d);
	snprintf(text, sizeof(text),
		"schema: 1\nname: choices\nclasses: [K0, K1]\n"
		"domains:\n"
		"  vard: {control: inside, networks: [10.10.0.0/16]}\n"
		"  leverantor: {control: partner, networks: [192.0.2.0/24]}\n"
		"packs: [se-personal]\n"
		"information:\n  - {id: person, class: K1, when: {person: 1}}\n"
		"egress:\n"
		"  - {from: vard, to: leverantor, channel: any, ceiling: K0, over: %s, opaque: %s}\n"
		"default: {ceiling: K1, over: alert, opaque: allow}\n",
		over, opaque);
	p = policy_load_bytes("choices.yaml", bytes_str(text), NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	assert_non_null(p);
	shipped = w->cfg.policy;
	w->cfg.policy = p;
}

static void
close_with_policy(struct world *w)
{
	world_close(w);
	policy_free((struct policy *)(uintptr_t)w->cfg.policy);
	w->cfg.policy = shipped;
}

static unsigned
packets_out(void)
{
	return heard[0].packets + heard[1].packets;
}

/* ---- non_ip ---- */

static void
test_non_ip(void **state)
{
	/* ARP: who has 192.0.2.9? (RFC 826) */
	static const uint8_t arp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1,
		8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 10, 0, 5, 0, 0, 0, 0, 0, 0, 192, 0, 2, 9};

	for (int drop = 0; drop < 2; drop++) {
		struct world *w = fresh(state);
		struct frame *f;

		w->cfg.choices.non_ip_drop = drop;
		begin(4, 80);
		world_open(w, 1);
		f = script_frame(&script);
		memcpy(f->data, arp, sizeof(arp));
		f->n = f->wire = sizeof(arp);
		f->port = 1;
		give(w);
		assert_int_equal(heard[0].others, !drop);
		assert_int_equal(packets_out(), !drop);
		world_close(w);
		assert_int_equal(w->stats.non_ip, 1);
		assert_int_equal(w->stats.packets_withheld, drop);
	}
}

/* ---- midstream ---- */

static void
test_midstream_reset(void **state)
{
	struct world *w = fresh(state);

	begin(4, 80);
	world_open(w, 1);
	push(0, "in the middle of it");
	push(1, "and the other side");
	give(w);
	assert_int_equal(heard[0].n + heard[1].n, 0);
	assert_true(heard[0].resets > 0 && heard[1].resets > 0);
	world_close(w);
	assert_int_equal(w->stats.flows_midstream, 1);
	assert_int_equal(w->stats.withheld[WITHHELD_NO_CONNECTION], 19 + 18);
	assert_int_equal(w->stats.forwarded, 0);
}

/* It is read from here on: what is clean leaves, what isn't doesn't. */
static void
test_midstream_adopt(void **state)
{
	struct world *w = fresh(state);

	w->cfg.choices.midstream_adopt = true;
	begin(4, 7777);
	world_open(w, 1);
	heard[1].begun[0] = true;
	heard[1].next[0] = script.next[0];
	script_say(&script, 0, "in the middle of it\n");
	give(w);
	assert_true(has(&heard[1], "in the middle of it\n"));
	assert_int_equal(heard[0].resets + heard[1].resets, 0);
	push(0, "number " N1 ", " LONG_LINE);
	give(w);
	assert_false(has(&heard[1], "number"));
	assert_int_equal(heard[1].resets, 1);
	world_close(w);
	assert_int_equal(w->stats.flows_midstream, 1);
	assert_int_equal(w->stats.normalise.adopted, 1);
	assert_int_equal(w->stats.flows_refused, 1);
	assert_int_equal(w->stats.forwarded, 20);
	assert_int_equal(world_events_with(w, "\"midstream\""), w->n_events);
}

/* ---- full_table ---- */

static void
test_full_table(void **state)
{
	for (int pass = 0; pass < 2; pass++) {
		struct world *w = fresh(state);

		w->cfg.choices.full_table_pass = pass;
		w->cfg.limits.flows = 8;
		begin(4, 9999);
		world_open(w, 1);
		for (uint16_t i = 0; i < 10; i++) {
			script.ends.port[0] = (uint16_t)(1000 + i);
			script_datagram(&script, 0, i == 9 ? "no. " N1 : "abcd", i == 9 ? 17 : 4);
		}
		give(w);
		/* What is over the ceiling by itself leaves in no case. */
		assert_int_equal(heard[1].packets, 8 + pass);
		assert_false(has(&heard[1], N1));
		/* A new connection's SYN has nothing to read. */
		script.ends.port[0] = 2000;
		script_open(&script);
		give(w);
		assert_int_equal(heard[1].begun[0], pass);
		world_close(w);
		assert_int_equal(w->stats.full_table, 2 + 3);
		assert_int_equal(w->stats.withheld[WITHHELD_FULL_TABLE], pass ? 17 : 21);
		assert_int_equal(world_events_with(w, "\"action\":\"drop\""), 1);
		assert_int_equal(world_events_with(w, "\"mode\":\"enforce\""), w->n_events);
	}
}

/* ---- no_memory ---- */

/* Flows of one packet each, until there is no page. @return the first that got none */
static uint16_t
use_memory_up(struct world *w)
{
	const uint64_t *refused = &worker_stats(w->workers[0])->no_memory;

	for (uint16_t port = 1000; port < 4000; port++) {
		script.ends.port[0] = port;
		script_datagram(&script, 0, "abcd", 4);
		give(w);
		if (*refused > 0)
			return port;
	}
	fail_msg("there is always memory");
	return 0;
}

static void
no_memory(void **state, bool judge, const char *opaque, bool leaves)
{
	struct world *w = fresh(state);
	uint16_t port;
	unsigned before;

	use_policy(w, "refuse", opaque);
	w->cfg.choices.no_memory_judge = judge;
	w->cfg.limits.inspect_memory = 1 << 20;
	w->cfg.log_messages = false;
	begin(4, 9999);
	world_open(w, 1);
	port = use_memory_up(w);
	/* The last that got a page may have got none for its text: opaque, as the row says. */
	if (strcmp(opaque, "refuse") != 0)
		assert_in_range(heard[1].packets, port - 1001 + leaves, port - 1000 + leaves);
	else
		assert_in_range(heard[1].packets, 16, port - 1000);
	/* So with TCP: a connection that nothing can be kept of. */
	before = heard[1].packets;
	script.ends.port[0] = 500;
	script_segment(&script, 0, TCP_FLAG_SYN, NULL, 0);
	push(0, "hello");
	give(w);
	assert_int_equal(heard[1].packets - before, leaves ? 2 : 0);
	close_with_policy(w);
	assert_int_equal(w->stats.no_memory, 3);
	/* Of flows before there may have been memory for no more than the message. */
	assert_true(w->stats.opaque[OPAQUE_OVER_BUDGET] >= 9);
	assert_int_equal(w->stats.withheld[WITHHELD_NO_MEMORY] > 0, !leaves);
	/* An event for each that was stopped, or that the row minds. */
	if (leaves)
		assert_int_equal(world_events_with(w, "\"denied\""), 0);
	else
		assert_true(world_events_with(w, "\"denied\"") >= 2);
	if (strcmp(opaque, "allow") != 0)
		assert_true(w->n_events >= 2);
	assert_int_equal(world_events_with(w, "\"mode\":\"enforce\""), w->n_events);
}

static void
test_no_memory(void **state)
{
	no_memory(state, false, "allow", false);
	no_memory(state, false, "alert", false);
	no_memory(state, true, "alert", true);
	no_memory(state, true, "allow", true);
	no_memory(state, true, "refuse", false);
}

/* ---- hold_expired ---- */

/* An upload whose last packet is on hold, asked for and repeated meanwhile. */
static void
begin_hold(struct world *w)
{
	static const char body[] = "a;" N1 ";b\r\n";
	char request[256];
	uint32_t at;

	script_open(&script);
	snprintf(request, sizeof(request),
		"PUT /in/list HTTP/1.1\r\nHost: x.example\r\nContent-Length: %zu\r\n\r\n",
		sizeof(body) - 1);
	script_say(&script, 0, request);
	at = script.next[0];
	push(0, body);
	give(w);
	assert_true(has(&heard[1], "Content-Length: 19\r\n\r\n"));
	assert_false(has(&heard[1], N1));
	/* The sender repeats it: nothing leaves but the acknowledgement. */
	for (int i = 0; i < 3; i++) {
		pass_time(w, 200000);
		script.next[0] = at;
		push(0, body);
		give(w);
		assert_false(has(&heard[1], N1));
		assert_int_equal(heard[0].resets + heard[1].resets, 0);
	}
	/* A keep-alive (RFC 9293, 3.8.4) still asks the receiver, at its place. */
	script.next[0]--;
	heard[1].packets = 0;
	push(0, "\n");
	give(w);
	assert_int_equal(heard[1].packets, 1);
	/* And the receiver, that it is there. */
	heard[0].packets = 0;
	script.next[0] = at;
	script_segment(&script, 1, TCP_FLAG_ACK, NULL, 0);
	script.next[0] = at + sizeof(body) - 1;
	give(w);
	assert_int_equal(heard[0].packets, 1);
	assert_false(has(&heard[1], N1));
	
}

static void
test_hold_expired(void **state)
{
	for (int forward = 0; forward < 2; forward++) {
		struct world *w = fresh(state);

		use_policy(w, "hold", "alert");
		w->cfg.choices.hold_expired_forward = forward;
		w->cfg.limits.hold_time = 2000;
		begin(4, 80);
		world_open(w, 1);
		begin_hold(w);
		pass_time(w, 1000000);
		assert_false(has(&heard[1], N1));
		assert_false(has(&heard[0], "403"));
		pass_time(w, 1000000);
		assert_int_equal(has(&heard[1], N1), forward);
		assert_int_equal(has(&heard[0], "HTTP/1.1 403 "), !forward);
		assert_int_equal(heard[1].resets, !forward);
		if (forward) {
			script_say(&script, 1, "HTTP/1.1 204 No Content\r\n\r\n");
			give(w);
			assert_true(has(&heard[0], "204"));
		}
		close_with_policy(w);
		assert_int_equal(w->stats.verdicts[STATS_HOLD], 1);
		assert_int_equal(w->stats.flows_refused, !forward);
		assert_int_equal(world_events_with(w, "\"action\":\"hold\""), 1);
		/* 3 repetitions of 19 bytes, and the keep-alive's one. */
		assert_int_equal(w->stats.withheld[WITHHELD_AGAIN], 3 * 19 + 1);
	}
}

/* What the other end resets while it is on hold was read, and didn't leave. */
static void
test_hold_and_reset(void **state)
{
	struct world *w = fresh(state);

	use_policy(w, "hold", "alert");
	begin(4, 80);
	world_open(w, 1);
	begin_hold(w);
	script_segment(&script, 1, TCP_FLAG_RST | TCP_FLAG_ACK, NULL, 0);
	give(w);
	pass_time(w, 20000000);
	assert_false(has(&heard[1], N1));
	close_with_policy(w);
	assert_int_equal(w->stats.withheld[WITHHELD_NO_CONNECTION], 19);
}

/* ---- budgets in the middle ---- */

static void
long_text(struct world *w, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++) {
		script_say(&script, 0, LONG_LINE);
		give(w);
	}
}

/* A part too many: opaque, over-budget, and the row's `opaque:` decides. */
static void
parts(void **state, const char *opaque, bool refused)
{
	struct world *w = fresh(state);

	use_policy(w, "refuse", opaque);
	w->cfg.inspect.message_parts = 2;
	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@leverantor.example");
	script_say(&script, 0,
		"Subject: three\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
		"--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x\r\n\r\nthree\r\n--x--\r\n.\r\n");
	give(w);
	assert_int_equal(has(&heard[1], "three\r\n--x--\r\n.\r\n"), !refused);
	if (refused)
		push(0, "QUIT\r\n");
	else
		script_say(&script, 1, "250 queued\r\n");
	give(w);
	assert_int_equal(has(&heard[0], "554 5.7.1 "), refused);
	assert_int_equal(has(&heard[0], "250 queued"), !refused);
	close_with_policy(w);
	assert_true(w->stats.opaque[OPAQUE_OVER_BUDGET] > 0);
	assert_int_equal(w->stats.flows_refused, refused);
	assert_true(world_events_with(w, "\"over-budget\"") > 0);
}

static void
test_parts_over(void **state)
{
	parts(state, "allow", false);
	parts(state, "alert", false);
	parts(state, "refuse", true);
}

/* A flow whose arena is used up. */
static void
flow_memory(void **state, const char *opaque, bool refused)
{
	struct world *w = fresh(state);

	use_policy(w, "refuse", opaque);
	w->cfg.choices.no_memory_judge = true;
	w->cfg.inspect.flow_memory = 4096;
	begin(4, 25);
	world_open(w, 1);
	begin_mail("b@leverantor.example");
	script_say(&script, 0, "Subject: long\r\n\r\n");
	long_text(w, 3);
	script_say(&script, 0, ".\r\n");
	give(w);
	assert_int_equal(has(&heard[1], "\r\n.\r\n"), !refused);
	close_with_policy(w);
	assert_true(w->stats.opaque[OPAQUE_OVER_BUDGET] > 0);
	assert_int_equal(w->stats.flows_refused, refused);
}

static void
test_flow_memory_over(void **state)
{
	flow_memory(state, "alert", false);
	flow_memory(state, "refuse", true);
}

/* There is no memory to tell of the bytes at all: they pass or not by the choice. */
static void
no_message(void **state, bool judge, const char *opaque, bool leaves)
{
	struct world *w = fresh(state);

	use_policy(w, "refuse", opaque);
	w->cfg.choices.no_memory_judge = judge;
	w->cfg.inspect.flow_memory = 1;
	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	push(0, "hello, hello\n");
	give(w);
	pass_time(w, 1000000);
	assert_int_equal(has(&heard[1], "hello"), leaves);
	assert_int_equal(heard[1].resets, !leaves);
	close_with_policy(w);
	assert_int_equal(w->stats.opaque[OPAQUE_OVER_BUDGET], 13);
	assert_int_equal(w->stats.flows_refused, !leaves);
	assert_int_equal(world_events_with(w, "\"action\":\"refuse\""), !leaves);
}

static void
test_no_message(void **state)
{
	no_message(state, false, "allow", false);
	no_message(state, true, "allow", true);
	no_message(state, true, "alert", true);
	no_message(state, true, "refuse", false);
}

/* Too early, and no room to wait: the sender repeats it, and nothing is lost. */
static void
test_reassembly_over(void **state)
{
	static const char *const words[] = {"one\n", "two\n", "three\n", "four\n", "five\n"};
	struct world *w = fresh(state);
	uint32_t at[5];

	w->cfg.limits.tcp_held = 2048;
	w->cfg.limits.tcp_held_segments = 2;
	begin(4, 7777);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 0, "zero\n");
	for (int i = 0; i < 5; i++) {
		at[i] = script.next[0];
		if (i > 0)
			push(0, words[i]);
		else
			script.next[0] += (uint32_t)strlen(words[0]);
	}
	give(w);
	assert_false(has(&heard[1], "two"));
	script.next[0] = at[0];
	push(0, words[0]);
	give(w);
	assert_true(has(&heard[1], "zero\none\ntwo\nthree\n"));
	assert_false(has(&heard[1], "four"));
	script.next[0] = at[3];
	script_segment(&script, 1, TCP_FLAG_ACK, NULL, 0);
	script_say(&script, 0, words[3]);
	script_say(&script, 0, words[4]);
	script_close(&script);
	give(w);
	assert_true(has(&heard[1], "zero\none\ntwo\nthree\nfour\nfive\n"));
	assert_int_equal(heard[1].fins, 1);
	world_close(w);
	assert_int_equal(w->stats.normalise.drops[NORMALISE_DROP_NO_ROOM], 2);
	assert_int_equal(w->stats.withheld[WITHHELD_NO_ROOM], 10);
	assert_int_equal(w->stats.inspected, 29);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_non_ip),
		cmocka_unit_test(test_midstream_reset),
		cmocka_unit_test(test_midstream_adopt),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_hold_expired),
		cmocka_unit_test(test_hold_and_reset),
		cmocka_unit_test(test_parts_over),
		cmocka_unit_test(test_flow_memory_over),
		cmocka_unit_test(test_no_message),
		cmocka_unit_test(test_reassembly_over),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
