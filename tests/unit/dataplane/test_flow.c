/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/flow.h"
#include "tests/support/dpdk.h"

enum { SECOND = 1000000, ENDS_MAX = 16384 };

struct ends {
	unsigned n;
	struct {
		uint16_t port; /* the client's */
		uint64_t last_us, packets;
		enum flow_end why;
	} end[ENDS_MAX];
};

static void
on_end(void *ctx, struct flow *f, enum flow_end why)
{
	struct ends *e = ctx;

	assert_true(e->n < ENDS_MAX);
	assert_true(f->used);
	e->end[e->n].port = flow_port(f, DIR_CLIENT);
	e->end[e->n].last_us = f->last_us;
	e->end[e->n].packets = f->packets[0] + f->packets[1];
	e->end[e->n].why = why;
	e->n++;
}

static struct flow_table *
table(uint32_t flows, bool evict, struct ends *ends)
{
	struct flow_table_config cfg = {.flows = flows,
		.timeout_us = {[FLOW_TCP_OPENING] = 30 * SECOND,
			[FLOW_TCP_ESTABLISHED] = 600 * SECOND,
			[FLOW_TCP_CLOSING] = 10 * SECOND,
			[FLOW_UDP] = 60 * SECOND,
			[FLOW_OTHER] = 60 * SECOND},
		.slack_us = SECOND,
		.seed = 7,
		.evict = evict,
		.socket = SOCKET_ID_ANY,
		.ended = on_end,
		.ctx = ends};
	struct flow_table *t = flow_table_create(&cfg);

	assert_non_null(t);
	return t;
}

/* From client 10.0.0.1:port to server 10.0.0.2:443, or back. */
static struct packet
udp(uint16_t port, bool back, uint64_t time)
{
	struct packet p = {.kind = PACKET_UDP,
		.protocol = 17,
		.family = 4,
		.l3_len = 100,
		.time = time,
		.address = {{10, 0, 0, back ? 2 : 1}, {10, 0, 0, back ? 1 : 2}},
		.port = {back ? 443 : port, back ? port : 443}};

	return p;
}

static struct packet
tcp(uint16_t port, bool back, uint8_t flags, uint64_t time)
{
	struct packet p = udp(port, back, time);

	p.kind = PACKET_TCP;
	p.protocol = 6;
	p.tcp_flags = flags;
	return p;
}

static struct flow *
one(struct flow_table *t, const struct packet *p, enum direction *ret_dir)
{
	struct flow_burst b;

	flow_burst_lookup(t, &p, 1, &b);
	return flow_of(t, p, &b, 0, ret_dir);
}

static void
test_both_directions(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(64, false, &ends);
	struct packet there = udp(5000, false, 1), back = udp(5000, true, 2);
	const struct packet *burst[3] = {&there, &back, &there};
	enum direction dir;
	struct flow_burst b;
	struct flow *f;

	(void)state;
	flow_burst_lookup(t, burst, 3, &b);
	f = flow_of(t, burst[0], &b, 0, &dir);
	assert_int_equal(dir, DIR_CLIENT);
	assert_ptr_equal(f, flow_of(t, burst[1], &b, 1, &dir));
	assert_int_equal(dir, DIR_SERVER);
	assert_ptr_equal(f, flow_of(t, burst[2], &b, 2, &dir));
	assert_int_equal(f->packets[DIR_CLIENT], 2);
	assert_int_equal(f->bytes[DIR_SERVER], 100);
	assert_int_equal(f->last_us, 2);
	assert_int_equal(f->first_us, 1);
	assert_int_equal(flow_port(f, DIR_CLIENT), 5000);
	assert_int_equal(flow_address(f, DIR_SERVER)[3], 2);
	assert_int_equal(flow_table_count(t), 1);
	flow_table_flush(t);
	assert_int_equal(ends.n, 1);
	assert_int_equal(flow_table_count(t), 0);
	flow_table_destroy(t);
}

/* Who opened it, by the first packet that is seen; in either order of the addresses. */
static void
test_opener(void **state)
{
	static const struct {
		uint16_t port;
		bool back;
		uint8_t flags;
		enum direction want;
		bool guessed;
	} cases[] = {
		{5000, false, TCP_FLAG_SYN, DIR_CLIENT, false},
		{5001, true, TCP_FLAG_SYN, DIR_CLIENT, false},
		{5002, false, TCP_FLAG_SYN | TCP_FLAG_ACK, DIR_SERVER, false},
		{5003, true, TCP_FLAG_SYN | TCP_FLAG_ACK, DIR_SERVER, false},
		{5004, false, TCP_FLAG_ACK, DIR_CLIENT, true},
		{5005, true, TCP_FLAG_ACK, DIR_SERVER, true},
		{80, true, TCP_FLAG_ACK, DIR_CLIENT, true},
		{80, false, TCP_FLAG_SYN, DIR_CLIENT, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ends ends = {0};
		struct flow_table *t = table(8, false, &ends);
		struct packet p = tcp(cases[i].port, cases[i].back, cases[i].flags, 1);
		enum direction dir;
		struct flow *f = one(t, &p, &dir);

		assert_int_equal(dir, cases[i].want);
		assert_int_equal(f->guessed, cases[i].guessed);
		assert_int_equal(f->kind, FLOW_TCP_OPENING);
		flow_table_destroy(t);
	}
}

static void
test_keys(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(64, false, &ends);
	struct packet p = udp(5000, false, 1);
	enum direction dir;

	(void)state;
	one(t, &p, &dir);
	p.protocol = 6;
	one(t, &p, &dir);
	p.protocol = 17;
	p.n_vlans = 1;
	p.vlan[0] = p.vlan[1] = 100;
	one(t, &p, &dir);
	p.vlan[0] = p.vlan[1] = 0; /* a priority tag isn't no tag */
	one(t, &p, &dir);
	p.n_vlans = 2;
	p.vlan[0] = 200;
	p.vlan[1] = 100;
	one(t, &p, &dir);
	p.n_vlans = 0;
	p.family = 6;
	one(t, &p, &dir);
	assert_int_equal(flow_table_count(t), 6);
	flow_table_destroy(t);
}

/* The timeout is over when the gap exceeds it; the sweep changes nothing about that. */
static void
test_timeout(void **state)
{
	(void)state;
	for (int sweep = 0; sweep < 2; sweep++) {
		struct ends ends = {0};
		struct flow_table *t = table(64, false, &ends);
		static const uint64_t times[] = {
			0, 60 * SECOND, 120 * SECOND + 1, 120 * SECOND + 2, 300 * SECOND};
		enum direction dir;

		for (size_t i = 0; i < ARRAY_LEN(times); i++) {
			struct packet p = udp(5000, i == 2, times[i] + SECOND);

			if (sweep)
				flow_table_sweep(t, times[i] + SECOND, 200);
			one(t, &p, &dir);
			/* A new flow's first packet is its client's. */
			if (i == 2)
				assert_int_equal(dir, DIR_CLIENT);
		}
		flow_table_flush(t);
		assert_int_equal(ends.n, 3);
		assert_int_equal(ends.end[0].packets, 2);
		assert_int_equal(ends.end[0].last_us, 61 * SECOND);
		assert_int_equal(ends.end[1].packets, 2);
		assert_int_equal(ends.end[2].packets, 1);
		assert_int_equal(ends.end[2].why, FLOW_END_IDLE);
		flow_table_destroy(t);
	}
}

static void
test_kinds(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(64, false, &ends);
	struct packet p = tcp(5000, false, TCP_FLAG_SYN, SECOND);
	enum direction dir;
	struct flow *f = one(t, &p, &dir);

	(void)state;
	flow_set_kind(f, FLOW_TCP_ESTABLISHED);
	flow_table_sweep(t, 500 * SECOND, 200);
	assert_int_equal(ends.n, 0);
	flow_set_kind(f, FLOW_TCP_CLOSING);
	flow_table_sweep(t, 12 * SECOND, 200); /* 10 s, and 1 s of slack */
	assert_int_equal(ends.n, 0);
	flow_table_sweep(t, 12 * SECOND + 1, 200);
	assert_int_equal(ends.n, 1);
	assert_int_equal(flow_table_count(t), 0);
	flow_table_destroy(t);
}

static void
test_full(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(8, false, &ends);
	enum direction dir;

	(void)state;
	for (uint16_t port = 1; port <= 20; port++) {
		struct packet p = udp(port, false, port);

		assert_int_equal(one(t, &p, &dir) != NULL, port <= 8);
		assert_int_equal(dir, DIR_CLIENT);
	}
	assert_int_equal(flow_table_counters(t)->table_full, 12);
	for (uint16_t port = 1; port <= 8; port++) {
		struct packet p = udp(port, true, 30);

		assert_non_null(one(t, &p, &dir));
		assert_int_equal(dir, DIR_SERVER);
	}
	flow_table_flush(t);
	assert_int_equal(ends.n, 8);
	flow_table_destroy(t);
}

/* Fewer than 16 flows: exactly the longest idle one goes. */
static void
test_evict(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(8, true, &ends);
	enum direction dir;

	(void)state;
	for (uint16_t port = 1; port <= 8; port++) {
		struct packet p = udp(port, false, port);

		one(t, &p, &dir);
	}
	for (uint16_t port = 9; port <= 20; port++) {
		struct packet p = udp(port, false, port);

		assert_non_null(one(t, &p, &dir));
		assert_int_equal(ends.end[ends.n - 1].port, port - 8);
		assert_int_equal(ends.end[ends.n - 1].why, FLOW_END_EVICTED);
	}
	assert_int_equal(flow_table_count(t), 8);
	flow_table_destroy(t);
}

/* A burst whose later packets find the flows that its earlier ones opened, put out, restarted. */
static void
test_burst(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(8, true, &ends);
	struct packet p[FLOW_BURST_MAX];
	const struct packet *burst[FLOW_BURST_MAX];
	struct flow_burst b;
	enum direction dir;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FLOW_BURST_MAX; i++) {
			p[i] = udp((uint16_t)(1 + i % 11), i % 2, round * 100 + i);
			burst[i] = &p[i];
		}
		flow_burst_lookup(t, burst, FLOW_BURST_MAX, &b);
		for (unsigned i = 0; i < FLOW_BURST_MAX; i++) {
			struct flow *f = flow_of(t, burst[i], &b, i, &dir);

			assert_non_null(f);
			assert_memory_equal(&f->key, &b.key[i], sizeof(f->key));
			assert_int_equal(f->last_us, p[i].time);
			assert_true(flow_table_count(t) <= 8);
		}
	}
	flow_table_flush(t);
	assert_int_equal(ends.n, flow_table_counters(t)->opened);
	flow_table_destroy(t);
}

static void
test_restart(void **state)
{
	struct ends ends = {0};
	struct flow_table *t = table(8, false, &ends);
	struct packet p = tcp(5000, false, TCP_FLAG_SYN, 1);
	enum direction dir;
	struct flow *f = one(t, &p, &dir);

	(void)state;
	f->inspection = &p;
	p = tcp(5000, true, TCP_FLAG_SYN, 5);
	flow_restart(t, f, &p, &dir);
	assert_int_equal(ends.n, 1);
	assert_int_equal(ends.end[0].why, FLOW_END_REMOVED);
	assert_int_equal(dir, DIR_CLIENT);
	assert_null(f->inspection);
	assert_int_equal(f->packets[DIR_CLIENT], 1);
	assert_int_equal(flow_port(f, DIR_CLIENT), 443);
	assert_ptr_equal(f, one(t, &p, &dir));
	flow_table_destroy(t);
}

/* Every place can be used, again and again: the extension table is there for it. */
static void
test_every_place(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	struct flow_table *t = table(1000, false, ends);
	enum direction dir;

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		for (uint16_t i = 0; i < 1000; i++) {
			struct packet p = udp((uint16_t)(1 + i + round * 1000), false, round);

			assert_non_null(one(t, &p, &dir));
		}
		assert_int_equal(flow_table_count(t), 1000);
		flow_table_flush(t);
		assert_int_equal(ends->n, 1000 * (round + 1));
	}
	flow_table_destroy(t);
	free(ends);
}

/* Sweeps of any size, or none: the same flows with the same packets. */
static void
test_sweep_changes_nothing(void **state)
{
	static const unsigned sizes[] = {0, 1, 7, 64};
	uint64_t want[4] = {0};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct ends *ends = calloc(1, sizeof(*ends));
		struct flow_table *t = table(256, false, ends);
		uint32_t x = 99;
		uint64_t time = SECOND, got[4] = {0};
		enum direction dir;

		for (unsigned i = 0; i < 20000; i++) {
			struct packet p;

			x = x * 1664525u + 1013904223u;
			time += (x >> 8) % (2 * SECOND);
			/* Times run back by less than the slack. */
			p = udp((uint16_t)(1 + (x >> 20) % 61), x >> 31, time - (x >> 4) % SECOND);
			assert_non_null(one(t, &p, &dir));
			flow_table_sweep(t, time, sizes[s]);
		}
		flow_table_flush(t);
		got[0] = ends->n;
		for (unsigned i = 0; i < ends->n; i++) {
			got[1] += ends->end[i].packets * ends->end[i].packets;
			got[2] ^= ends->end[i].last_us * ends->end[i].port;
			got[3] += ends->end[i].packets;
		}
		assert_true(got[0] > 100);
		assert_int_equal(got[3], 20000);
		if (s == 0)
			memcpy(want, got, sizeof(want));
		assert_memory_equal(want, got, sizeof(want));
		flow_table_destroy(t);
		free(ends);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions),
		cmocka_unit_test(test_opener),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_evict),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_every_place),
		cmocka_unit_test(test_sweep_changes_nothing),
	};

	if (!dpdk_start("64"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
