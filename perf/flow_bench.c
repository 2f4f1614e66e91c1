/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The flow table with a thousand to a million flows and more: fill it, then
 * look packets up in random order, in bursts as a worker does
 * (flow_burst_lookup(), then flow_of() for each packet), and print what a packet
 * costs and how that grows with the table. Beside it what a flow takes, by
 * DPDK's own account and by flow_table_flow_size(), which the memory
 * estimate of `sluss` uses.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_malloc.h>

#include "dataplane/eal.h"
#include "dataplane/flow.h"

enum { BURST = 32, PACKETS = 1 << 21, ROUNDS = 5, MOST = 4000000 };

static void
die(const char *what)
{
	fprintf(stderr, "flow_bench: %s\n", what);
	exit(2);
}

/* Of this thread on its core: what else the machine does isn't the table's cost. */
static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
on_ended(void *ctx, struct flow *f, enum flow_end why)
{
	++*(uint64_t *)ctx;
}

/* Flow i: a pair of hosts and ports of its own. Both directions take turns. */
static void
packet_of(struct packet *p, uint32_t i, bool back)
{
	uint8_t from = back ? 1 : 0;
	uint32_t host = 0x0a000000u + i / 16;

	memset(p, 0, sizeof(*p));
	p->family = 4;
	p->protocol = 6;
	p->kind = PACKET_TCP;
	p->tcp_flags = TCP_FLAG_ACK;
	p->time = 1;
	p->l3_len = 1500;
	for (int b = 0; b < 4; b++)
		p->address[from][b] = (uint8_t)(host >> (24 - 8 * b));
	memcpy(p->address[1 - from], (uint8_t[]){192, 0, 2, 9}, 4);
	p->port[from] = (uint16_t)(1024 + i % 16);
	p->port[1 - from] = 25;
}

/* One burst, as worker.c has it. */
static void
look_up(struct flow_table *t, const struct packet *const *packets, unsigned n)
{
	static struct flow_burst burst;
	enum direction dir;

	flow_burst_lookup(t, packets, n, &burst);
	for (unsigned i = 0; i < n; i++)
		if (flow_of(t, packets[i], &burst, i, &dir) == NULL)
			die("the table is full");
}

static uint32_t
next_random(uint64_t *state)
{
	/* xorshift64* (Vigna 2016) */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

/* @return seconds for PACKETS packets; with no table, what making them up takes */
static double
run(struct flow_table *t, uint32_t flows, uint64_t seed)
{
	static struct packet packets[BURST];
	const struct packet *at[BURST];
	double from = seconds_now();

	for (unsigned i = 0; i < BURST; i++)
		at[i] = &packets[i];
	for (unsigned done = 0; done < PACKETS; done += BURST) {
		for (unsigned i = 0; i < BURST; i++) {
			uint32_t r = next_random(&seed);

			packet_of(&packets[i], (uint32_t)((uint64_t)r * flows >> 32), r & 1);
		}
		if (t != NULL)
			look_up(t, at, BURST);
	}
	return seconds_now() - from;
}

static void
fill(struct flow_table *t, uint32_t flows)
{
	static struct packet packets[BURST];
	const struct packet *at[BURST];
	unsigned n = 0;

	for (uint32_t i = 0; i < flows; i++) {
		packet_of(&packets[n], i, false);
		at[n] = &packets[n];
		if (++n == BURST || i + 1 == flows) {
			look_up(t, at, n);
			n = 0;
		}
	}
}

static uint64_t
dpdk_bytes(void)
{
	struct rte_malloc_socket_stats s;
	uint64_t sum = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &s) == 0)
			sum += s.heap_allocsz_bytes;
	return sum;
}

struct result {
	double seconds; /* for PACKETS packets */
	double opening; /* for one flow */
	uint64_t bytes;
};

static struct result
measure(uint32_t flows)
{
	uint64_t ended = 0, before = dpdk_bytes();
	struct flow_table_config cfg = {.flows = flows,
		.timeout_us = {[FLOW_TCP_OPENING] = UINT64_MAX / 2},
		.seed = 1,
		.socket = SOCKET_ID_ANY,
		.ended = on_ended,
		.ctx = &ended};
	struct flow_table *t = flow_table_create(&cfg);
	struct result r = {.seconds = 1e9};
	double from = seconds_now();

	if (t == NULL)
		die("no memory for the table: fewer --flows");
	r.bytes = dpdk_bytes() - before;
	fill(t, flows);
	r.opening = (seconds_now() - from) / flows;
	for (unsigned i = 0; i < ROUNDS; i++) {
		double s = run(t, flows, i + 1) - run(NULL, flows, i + 1);

		if (s < r.seconds)
			r.seconds = s;
	}
	if (flow_table_count(t) != flows)
		die("flows are missing");
	flow_table_flush(t);
	if (ended != flows)
		die("flows didn't end");
	flow_table_destroy(t);
	return r;
}

static const char usage[] =
	"usage: flow_bench [--flows N] [--huge]\n"
	"Measures tables of 1,000, 10,000, … up to N flows (1,000,000 when not given; at most "
	"4,000,000), on one core. --huge: with hugepages, which must be set up.\n";

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"flows", required_argument, NULL, 'f'},
		{"huge", no_argument, NULL, 'H'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct eal_config eal = {.memory = UINT64_C(64) << 20};
	char why[EAL_ERROR_MAX];
	unsigned long most = 1000000;
	double first = 0;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (c == 'f')
			most = strtoul(optarg, NULL, 10);
		else if (c == 'H')
			eal.hugepages = true;
		else
			die(usage);
	if (most < 1000 || most > MOST || optind != argc)
		die(usage);
	/* The table's memory, rounded up to powers of two, and its last two at once. */
	eal.memory += most * 4 * flow_table_flow_size();
	if (eal_start(&eal, why, sizeof(why)) != 0)
		die(why);
	printf("%zu bytes for each flow by flow_table_flow_size(); bursts of %d; %s\n",
		flow_table_flow_size(), BURST, eal.hugepages ? "hugepages" : "no hugepages");
	printf("%9s %12s %10s %8s %12s %12s\n", "flows", "ns/packet", "Mpps", "ratio",
		"ns/opening", "bytes/flow");
	for (unsigned long flows = 1000;; flows = flows * 10 > most ? most : flows * 10) {
		struct result r = measure((uint32_t)flows);
		double ns = r.seconds * 1e9 / PACKETS;

		if (flows == 1000)
			first = ns;
		printf("%9lu %12.1f %10.2f %8.2f %12.1f %12.1f\n", flows, ns, 1e3 / ns, ns / first,
			r.opening * 1e9, (double)r.bytes / (double)flows);
		if (flows == most)
			break;
	}
	eal_stop();
	return 0;
}
