/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker with everything behind it. After each scenario world_close() looks
 * whether every byte is accounted for and everything was given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/support/dpdk.h"
#include "tests/support/worker_world.h"
#include "tests/unit/dataplane/script.h"

#define N1 "19760102-2382"
#define N2 "19760103-2381"

static struct script script;

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

/* The world anew, as at first, with an event for each message. */
static struct world *
fresh(void **state)
{
	static struct worker_config first;
	struct world *w = *state;

	if (first.policy == NULL)
		first = w->cfg;
	w->cfg = first;
	w->cfg.log_messages = true;
	world_clear(w);
	return w;
}

static void
run(struct world *w)
{
	world_open(w, 1);
	world_frames(w, script.frames, script.n);
	world_close(w);
}

static uint64_t
findings(const struct world *w)
{
	uint64_t n = 0;

	for (size_t d = 0; d < DETECT_DETECTORS_MAX; d++)
		n += w->stats.findings[d];
	return n;
}

static void
begin(uint8_t family, uint16_t to_port)
{
	struct frame_ends e = frame_ends(family, 5, 40112, to_port);

	script_init(&script, &e);
}

static void
test_plain(void **state)
{
	struct world *w = fresh(state);

	begin(4, 9999);
	script_open(&script);
	script_say(&script, 0, "personnummer 197601");
	script_say(&script, 0, "02-2382 slut\n");
	script_close(&script);
	run(w);
	assert_int_equal(w->stats.flows_tcp, 1);
	assert_int_equal(w->stats.inspected, 32);
	assert_int_equal(findings(w), 1);
	assert_int_equal(w->n_events, 1);
	assert_int_equal(world_events_with(w, "\"direction\":\"outbound\""), 1);
	assert_int_equal(world_events_with(w, "\"verdict\":\"refuse\""), 1);
	assert_int_equal(world_events_with(w, "\"flags\""), 0);
	assert_int_equal(world_events_with(w, N1), 0);
}

static void
test_families_and_vlans(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct world *w = fresh(state);
		struct frame_ends e = frame_ends(i & 1 ? 6 : 4, 5, 40112, 9999);

		e.vlan = i & 2 ? 100 : 0;
		script_init(&script, &e);
		script_open(&script);
		script_say(&script, 0, "personnummer " N1 "\n");
		script_close(&script);
		run(w);
		assert_int_equal(findings(w), 1);
		assert_int_equal(w->n_events, 1);
	}
}

/* The table has room for 8: the ninth flow's packet is read by itself. */
static void
test_table_full(void **state)
{
	struct world *w = fresh(state);

	w->cfg.limits.flows = 8;
	for (uint16_t i = 0; i < 9; i++) {
		struct frame_ends e = frame_ends(4, 5, (uint16_t)(1000 + i), 9999);

		if (i == 0)
			script_init(&script, &e);
		script.ends = e;
		script_datagram(&script, 0, i < 8 ? "hej" : N1, i < 8 ? 3 : 13);
	}
	run(w);
	assert_int_equal(w->stats.flow.table_full, 1);
	assert_int_equal(w->stats.flows_udp, 8);
	assert_int_equal(w->stats.inspected, 8 * 3 + 13);
	assert_int_equal(w->stats.messages, 9);
	assert_int_equal(findings(w), 1);
	assert_int_equal(world_events_with(w, "\"midstream\""), 1);
}

/* Far more flows than pages: none is passed in silence. */
static void
test_no_page(void **state)
{
	enum { FLOWS = 1500, BYTES = 100 };
	struct world *w = fresh(state);
	static struct frame frames[FLOWS];
	char text[BYTES];
	uint64_t over;

	memset(text, 'x', sizeof(text));
	w->cfg.limits.inspect_memory = 1 << 20;
	w->cfg.log_messages = false; /* alerts only: the policy minds opaque bytes */
	for (unsigned i = 0; i < FLOWS; i++) {
		struct frame_ends e = frame_ends(4, 5, (uint16_t)(1000 + i), 9999);

		frame_udp(&frames[i], &e, true, text, sizeof(text));
		frames[i].us = SCRIPT_START_US + i;
	}
	world_open(w, 1);
	world_frames(w, frames, FLOWS);
	world_close(w);
	over = w->stats.opaque[OPAQUE_OVER_BUDGET];
	assert_true(over > 0 && w->stats.inspected > 0);
	assert_int_equal(over + w->stats.inspected, FLOWS * BYTES);
	assert_true(w->stats.arena_full > 0);
	assert_true(w->stats.arena_peak <= 1 << 20);
	assert_int_equal(w->stats.flows_udp, FLOWS);
	/* Each of them alerts, and says how many bytes. */
	assert_int_equal(w->n_events, over / BYTES);
	assert_int_equal(world_events_with(w, "\"over-budget\":100"), over / BYTES);
}

static void
test_ndpi_full(void **state)
{
	struct world *w = fresh(state);

	w->cfg.limits.ndpi_flows = 1;
	for (uint16_t i = 0; i < 8; i++) {
		struct frame_ends e = frame_ends(4, 5, (uint16_t)(1000 + i), 9999);

		if (i == 0)
			script_init(&script, &e);
		script.ends = e;
		script_datagram(&script, 0, "abc " N1, 17);
	}
	run(w);
	assert_int_equal(w->stats.ndpi_full, 7);
	assert_int_equal(findings(w), 8);
}

/* The same ports again, at once after the first connection's end. */
static void
test_restart(void **state)
{
	struct world *w = fresh(state);

	begin(4, 9999);
	script_open(&script);
	script_say(&script, 0, "ett " N1 "\n");
	script_close(&script);
	script.us += 1000000;
	script.next[0] += 100000;
	script.next[1] += 100000;
	script_open(&script);
	script_say(&script, 0, "två " N2 "\n");
	script_close(&script);
	run(w);
	assert_int_equal(w->stats.flow.removed, 1);
	assert_int_equal(w->stats.flows_tcp, 2);
	assert_int_equal(findings(w), 2);
	assert_int_equal(w->n_events, 2);
	/* 1774000000 is 2026-03-20T09:46:40Z; the first ended a second before the second began. */
	assert_int_equal(world_events_with(w, "\"@timestamp\":\"2026-03-20T09:46:40.0"), 1);
	assert_int_equal(world_events_with(w, "\"@timestamp\":\"2026-03-20T09:46:41.0"), 1);
	/* Nothing of the new connection went to the old one's account. */
	assert_int_equal(world_events_with(w, "\"packets\":8"), 2);
}

/* An upload that stops; what comes after the timeout is another flow. */
static void
test_idle_is_cut(void **state)
{
	struct world *w = fresh(state);

	begin(4, 80);
	script_open(&script);
	script_say(&script, 0, "PUT /a HTTP/1.1\r\nHost: x.example\r\nContent-Length: 100\r\n\r\n");
	script_say(&script, 0, "hälften " N1);
	script.us += (w->cfg.limits.tcp_idle_timeout + 1) * 1000000;
	script_say(&script, 0, "rest");
	run(w);
	assert_int_equal(w->stats.flows_tcp, 2);
	assert_int_equal(findings(w), 1);
	assert_int_equal(world_events_with(w, "\"cut\""), 1);
	assert_int_equal(world_events_with(w, "\"midstream\""), 1);
}

static void
test_midstream(void **state)
{
	struct world *w = fresh(state);

	begin(4, 9999);
	script_say(&script, 0, "mitt i " N1 "\n");
	run(w);
	assert_int_equal(world_events_with(w, "\"midstream\""), 1);
	assert_int_equal(findings(w), 1);
}

/* The number lies across the border; a second datagram's end never comes. */
static void
test_fragments(void **state)
{
	enum { HEAD = 64 };
	struct world *w = fresh(state);
	uint8_t datagram[256];
	char text[150];
	size_t n;

	begin(4, 9999);
	memset(text, '.', sizeof(text));
	memcpy(text + HEAD - FRAME_UDP_HEADER - 6, " " N1 " ", 15);
	n = frame_datagram(datagram, &script.ends, true, text, sizeof(text));
	frame_fragment(script_frame(&script), &script.ends, true, 7, datagram, 0, HEAD, true);
	frame_fragment(script_frame(&script), &script.ends, true, 7, datagram, HEAD, n - HEAD, false);
	frame_fragment(script_frame(&script), &script.ends, true, 8, datagram, 0, HEAD, true);
	run(w);
	assert_int_equal(findings(w), 1);
	assert_int_equal(w->stats.fragment.reassembled, 1);
	assert_int_equal(w->stats.inspected, sizeof(text));
	assert_int_equal(w->stats.opaque[OPAQUE_DAMAGED], HEAD);
	assert_int_equal(w->stats.payload, sizeof(text) + HEAD);
}

static void
test_bad_checksum(void **state)
{
	for (int verify = 0; verify < 2; verify++) {
		struct world *w = fresh(state);

		w->cfg.verify_checksums = verify;
		begin(4, 9999);
		script_datagram(&script, 0, "falsk " N1, 19);
		script.frames[0].data[script.frames[0].n - 20] ^= 0x55; /* of the UDP checksum */
		run(w);
		assert_int_equal(findings(w), !verify);
		assert_int_equal(w->stats.opaque[OPAQUE_DAMAGED], verify ? 19 : 0);
	}
}

/* A second copy that differs, before the first is acknowledged: both are read. */
static void
test_conflict(void **state)
{
	for (int side = 0; side < 2; side++) {
		struct world *w = fresh(state);

		begin(4, 9999);
		script_open(&script);
		script_segment(&script, side, TCP_FLAG_ACK, "nummer 00000000-0000\n", 21);
		script.next[side] -= 21;
		script_segment(&script, side, TCP_FLAG_ACK, "nummer " N1 "\n", 21);
		script_segment(&script, !side, TCP_FLAG_ACK, NULL, 0);
		script_close(&script);
		run(w);
		assert_int_equal(w->stats.tcp.conflicts, 1);
		assert_int_equal(w->stats.repeated, 21);
		assert_int_equal(world_events_with(w, "\"tcp-overlap-conflict\""), 1);
		assert_int_equal(world_events_with(w, "\"direction\":\"outbound\""), side == 0 ? 3 : 0);
		assert_int_equal(world_events_with(w, "\"direction\":\"inbound\""), side == 1 ? 3 : 0);
		assert_int_equal(world_events_with(w, "\"evasion\""), 3);
		assert_int_equal(findings(w), 1);
	}
}

/* A capture that goes back in time between packets, and begins before 1970 had a day. */
static void
test_time_goes_back(void **state)
{
	static const uint64_t times[] = {SCRIPT_START_US, 0, SCRIPT_START_US + 3600000000u, 5,
		SCRIPT_START_US - 86400000000u, UINT64_MAX, 1, UINT64_MAX / 2};

	for (size_t first = 0; first < ARRAY_LEN(times); first++) {
		struct world *w = fresh(state);

		begin(4, 9999);
		for (size_t i = 0; i < ARRAY_LEN(times); i++) {
			script.us = times[(first + i) % ARRAY_LEN(times)];
			script_datagram(&script, 0, "nr " N1, 16);
		}
		world_open(w, 1);
		for (size_t i = 0; i < script.n; i++)
			world_frames(w, &script.frames[i], 1);
		world_close(w);
		assert_int_equal(w->stats.inspected, 16 * ARRAY_LEN(times));
	}
}

/* WireGuard's first two messages, then data: all opaque, and not one byte more. */
static void
test_opaque_datagrams(void **state)
{
	struct world *w = fresh(state);
	uint8_t hello[148] = {1, 0, 0, 0, 9, 9, 9, 9}, answer[92] = {2, 0, 0, 0, 7, 7, 7, 7, 9, 9, 9, 9};
	uint8_t data[64] = {4, 0, 0, 0, 7, 7, 7, 7, 1};
	uint64_t payload = sizeof(hello) + sizeof(answer);

	begin(4, 51820);
	script_datagram(&script, 0, hello, sizeof(hello));
	script_datagram(&script, 1, answer, sizeof(answer));
	for (int i = 0; i < 20; i++, payload += sizeof(data))
		script_datagram(&script, i & 1, data, sizeof(data));
	run(w);
	assert_int_equal(w->stats.payload, payload);
	assert_true(w->stats.opaque[OPAQUE_ENCRYPTED] >= 20 * sizeof(data));
	assert_true(w->stats.inspected <= sizeof(hello) + sizeof(answer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_families_and_vlans),
		cmocka_unit_test(test_table_full),
		cmocka_unit_test(test_no_page),
		cmocka_unit_test(test_ndpi_full),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_idle_is_cut),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_bad_checksum),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_time_goes_back),
		cmocka_unit_test(test_opaque_datagrams),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
