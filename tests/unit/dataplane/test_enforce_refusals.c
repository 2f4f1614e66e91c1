/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An inline worker with everything behind it: verdicts other than the plain ones, what is
 * refused in odd moments, and what then becomes of the flow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "policy/policy.h"
#include "tests/unit/dataplane/two_ends.h"

static const struct policy *shipped; /* the world's own, while another is in its place */
static struct script other_script;   /* of a second connection */

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
		cmocka_unit_test(test_no_pages),
		cmocka_unit_test(test_unended_lines),
		cmocka_unit_test(test_header_goes_on),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
