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
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
