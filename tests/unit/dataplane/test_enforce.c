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

#include "tests/unit/dataplane/two_ends.h"

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
		cmocka_unit_test(test_held_meanwhile),
		cmocka_unit_test(test_end_while_held),
		cmocka_unit_test(test_late_violation),
		cmocka_unit_test(test_answer_judged),
		cmocka_unit_test(test_datagrams_without_end),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
