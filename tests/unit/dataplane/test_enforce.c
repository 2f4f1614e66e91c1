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
	assert_int_equal(heard[1].resets, 2);
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

/* ---- the canary ---- */

/* What the gateway says or writes never holds an identifier, wherever the message has them. */
static void
assert_canary_silent(const struct world *w, const char *words)
{
	static const char *const forms[] = {
		"19760102-2382", "197601022382", "760102-2382", "7601022382", "0102-2382"};

	assert_true(has(&heard[0], words));
	assert_event_named(w, &heard[0]);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_false(has(&heard[0], forms[i]));
		assert_int_equal(world_events_with(w, forms[i]), 0);
	}
}

static void
test_canary_mail(void **state)
{
	struct world *w = fresh(state);

	begin(4, 25);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 1, "220 mx ESMTP\r\n");
	script_say(&script, 0, "EHLO h" N1 ".example\r\n");
	script_say(&script, 1, "250 mx\r\n");
	script_say(&script, 0, "MAIL FROM:<" N1 "@vard.example>\r\n");
	script_say(&script, 1, "250 ok\r\n");
	script_say(&script, 0, "RCPT TO:<\"" N1 "\"@h" N1 ".example>\r\n");
	script_say(&script, 1, "250 ok\r\n");
	script_say(&script, 0, "DATA\r\n");
	script_say(&script, 1, "354 go on\r\n");
	push(0, "From: \"" N1 "\" <" N1 "@vard.example>\r\nTo: " N1 "@h.example\r\n"
		"Subject: " N1 "\r\nMessage-ID: <" N1 "@vard.example>\r\n"
		"Content-Type: text/plain; name=\"" N1 ".txt\"\r\n\r\n" N1 "\r\n.\r\n");
	give(w);
	world_close(w);
	assert_canary_silent(w, "554 5.7.1 ");
}

/* As a page and, where the client asks for it, as JSON. */
static void
test_canary_web(void **state)
{
	static const char *const accept[] = {"text/html", "application/json"};
	static const char *const words[] = {"<h1>Stoppat</h1>", "\"status\":403"};

	for (int i = 0; i < 2; i++) {
		struct world *w = fresh(state);
		char request[1024];

		begin(4, 80);
		world_open(w, 1);
		script_open(&script);
		snprintf(request, sizeof(request),
			"PUT /" N1 "/list?who=" N1 " HTTP/1.1\r\nHost: h" N1 ".example\r\n"
			"Accept: %s\r\nReferer: http://x.example/" N1 "\r\n"
			"Authorization: Basic " N1 "\r\nUser-Agent: " N1 "\r\n"
			"Cookie: id=" N1 "\r\nContent-Type: text/plain; name=\"" N1 "\"\r\n"
			"Content-Length: 14\r\n\r\n" N1 "\n",
			accept[i]);
		push(0, request);
		give(w);
		world_close(w);
		assert_canary_silent(w, words[i]);
	}
}

static void
test_canary_ftp_command(void **state)
{
	struct world *w = fresh(state);

	begin(4, 21);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 1, "220 files\r\n");
	push(0, "USER " N1 "\r\n");
	give(w);
	pass_time(w, 600000);
	world_close(w);
	assert_canary_silent(w, "550 Refused ");
}

/* The file goes another way than the words. */
static void
test_canary_ftp_file(void **state)
{
	struct world *w = fresh(state);
	struct script control;

	begin(4, 21);
	world_open(w, 1);
	script_open(&script);
	script_say(&script, 1, "220 files\r\n");
	script_say(&script, 0, "PASV\r\n");
	script_say(&script, 1, "227 Entering Passive Mode (192,0,2,9,19,136)\r\n");
	script_say(&script, 0, "STOR list.txt\r\n");
	script_say(&script, 1, "150 go on\r\n");
	give(w);
	control = script;
	begin(4, 19 * 256 + 136);
	script.ends.port[0] = 40113;
	script.us = control.us;
	script.next[1] = control.next[1] - 1; /* so that one can hear both */
	script_open(&script);
	push(0, N1 ";list\r\n");
	give(w);
	script_segment(&script, 0, TCP_FLAG_FIN | TCP_FLAG_ACK, NULL, 0);
	give(w);
	pass_time(w, 600000);
	world_close(w);
	assert_false(has(&heard[1], ";list"));
	assert_canary_silent(w, "550 Refused ");
}

/* ---- evasion ---- */

/* One segment of the client's, at its place plus @p off; the script doesn't go on. */
static void
at_offset(uint8_t flags, uint32_t off, const char *text)
{
	uint32_t was = script.next[0];

	script.next[0] += off;
	script_segment(&script, 0, flags, text, strlen(text));
	script.next[0] = was;
}

static void
try_syn_data(void)
{
	at_offset(TCP_FLAG_SYN, 0, "four");
	script_open(&script);
	script_say(&script, 0, "hello\n");
}

static void
try_other_syn(void)
{
	script_open(&script);
	script_say(&script, 0, "hello\n");
	at_offset(TCP_FLAG_SYN, 5000, "");
	at_offset(TCP_FLAG_SYN, 6000, "");
}

static void
try_server_syn(void)
{
	script_segment(&script, 0, TCP_FLAG_SYN, NULL, 0);
	script_segment(&script, 1, TCP_FLAG_SYN, NULL, 0);
}

static void
try_reset(void)
{
	script_open(&script);
	script_say(&script, 0, "hello\n");
	at_offset(TCP_FLAG_RST | TCP_FLAG_ACK, 77, "");
	at_offset(TCP_FLAG_RST, 78, "");
	script_say(&script, 0, "goes on\n");
}

static void
try_after_fin(void)
{
	script_open(&script);
	script_say(&script, 0, "hello\n");
	script_segment(&script, 0, TCP_FLAG_FIN | TCP_FLAG_ACK, NULL, 0);
	at_offset(TCP_FLAG_ACK, 0, "behind");
	at_offset(TCP_FLAG_ACK, 0, "behind");
}

static void
try_stray(void)
{
	script_open(&script);
	script_say(&script, 0, "hello\n");
	at_offset(TCP_FLAG_PSH, 0, "no ACK");
	at_offset(TCP_FLAG_SYN | TCP_FLAG_FIN, 0, "x");
}

static void
try_wrong_port(void)
{
	script_open(&script);
	script_say(&script, 0, "hello\n");
	at_offset(TCP_FLAG_ACK, 0, "elsewhere");
	script.frames[script.n - 1].port = 1;
}

static void
try_conflict(void)
{
	script_open(&script);
	push(0, "hello\n");
	at_offset(TCP_FLAG_ACK, (uint32_t)-6, "hellO\n");
	at_offset(TCP_FLAG_ACK, (uint32_t)-6, "Hello\n");
}

/* What happens without any trick: what comes again, and an end by RST. */
static void
try_nothing(void)
{
	script_open(&script);
	script.next[0] -= 1;
	script_segment(&script, 0, TCP_FLAG_SYN, NULL, 0);
	script_say(&script, 0, "hello\n");
	script.next[1] -= 1;
	script_segment(&script, 1, TCP_FLAG_SYN | TCP_FLAG_ACK, NULL, 0);
	at_offset(TCP_FLAG_ACK, (uint32_t)-6, "hello\n");
	script_say(&script, 1, "hello yourself\n");
	at_offset(TCP_FLAG_RST, 0, "");
	at_offset(TCP_FLAG_RST, 0, "");
	at_offset(TCP_FLAG_RST, (uint32_t)-3, "");
}

/* One event of each kind and direction of a flow, at its end. */
static void
test_evasion(void **state)
{
	static const struct {
		void (*attempt)(void);
		const char *what, *action;
		unsigned bytes;
	} cases[] = {
		{try_nothing, NULL, NULL, 0},
		{try_syn_data, "tcp-syn-data", "drop", 4},
		{try_other_syn, "tcp-split-handshake", "drop", 0},
		{try_server_syn, "tcp-split-handshake", "drop", 0},
		{try_reset, "tcp-rst-ignored", "drop", 0},
		{try_after_fin, "tcp-after-fin", "drop", 12},
		{try_stray, "tcp-stray-flags", "drop", 7},
		{try_wrong_port, "tcp-wrong-port", "drop", 9},
		{try_conflict, "tcp-overlap-conflict", "rewrite", 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = fresh(state);
		char text[64];

		begin(i % 2 == 0 ? 4 : 6, 7777);
		world_open(w, 1);
		cases[i].attempt();
		give(w);
		assert_int_equal(world_events_with(w, "sluss.evasion"), 0);
		world_close(w);
		assert_int_equal(world_events_with(w, "sluss.evasion"), cases[i].what != NULL);
		if (cases[i].what == NULL)
			continue;
		assert_int_equal(world_events_with(w, cases[i].what), 1);
		snprintf(text, sizeof(text), "\"action\":\"%s\"", cases[i].action);
		assert_int_equal(world_events_with(w, text), 1);
		snprintf(text, sizeof(text), "\"bytes\":%u}", cases[i].bytes);
		assert_int_equal(world_events_with(w, text), 1);
		assert_false(has(&heard[1], "behind") || has(&heard[1], "elsewhere"));
	}
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
		cmocka_unit_test(test_pause_decides_protocol),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_held_meanwhile),
		cmocka_unit_test(test_end_while_held),
		cmocka_unit_test(test_late_violation),
		cmocka_unit_test(test_answer_judged),
		cmocka_unit_test(test_datagrams_without_end),
		cmocka_unit_test(test_canary_mail),
		cmocka_unit_test(test_canary_web),
		cmocka_unit_test(test_canary_ftp_command),
		cmocka_unit_test(test_canary_ftp_file),
		cmocka_unit_test(test_evasion),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
