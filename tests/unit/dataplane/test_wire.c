/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wire of two of DPDK's ring ports: what is sent to one comes in at the same one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "dataplane/wire.h"
#include "tests/support/dpdk.h"

enum { BUFFERS = 4096, MTU = 1500, HEADER = 14, RING = 1024, SECOND = 1000000 };

struct world {
	struct rte_mempool *pool;
	struct wire *w;
	uint16_t ids[2]; /* DPDK's, to reach behind the wire */
	uint64_t now_us;
	unsigned warnings;
	char last[512];
};

static void
on_warning(void *ctx, const char *line)
{
	struct world *w = ctx;

	w->warnings++;
	snprintf(w->last, sizeof(w->last), "%s", line);
}

static const struct port_name names[2] = {{PORT_PCI, "0000:00:00.0"}, {PORT_PCI, "0000:00:01.0"}};
static const struct source_port devices[2] = {{"left", "net_ring0"}, {"right", "net_ring1"}};

static struct rte_mempool *pool; /* of the process: DPDK starts once */

static int
set_up(void **state)
{
	static struct world w;
	struct wire_config cfg = {names, devices, 2, NULL, on_warning, &w};
	struct source_error err = {""};

	w = (struct world){.pool = pool};
	assert_int_equal(rte_eal_hotplug_add("vdev", "net_ring0", ""), 0);
	assert_int_equal(rte_eal_hotplug_add("vdev", "net_ring1", ""), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rte_eth_dev_get_port_by_name(devices[i].device, &w.ids[i]), 0);
	cfg.pool = w.pool;
	w.w = wire_open(&cfg, &err);
	assert_string_equal(err.text, "");
	assert_non_null(w.w);
	w.now_us = source_wall_us() + 2 * SECOND;
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	wire_close(w->w);
	rte_eal_hotplug_remove("vdev", "net_ring0");
	rte_eal_hotplug_remove("vdev", "net_ring1");
	/* Whatever happened, nothing is lost or freed twice. */
	assert_int_equal(rte_mempool_in_use_count(w->pool), 0);
	return 0;
}

/* A frame of @p n bytes whose type is @p type. */
static struct rte_mbuf *
frame(struct world *w, unsigned n, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);

	assert_non_null(p);
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(i % 251);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
	return m;
}

static struct wire_port_stats
stats(struct world *w, unsigned port)
{
	struct wire_port_stats s;

	wire_port_stats(w->w, port, &s);
	return s;
}

/* All that comes in. */
static int
take(struct world *w, struct rte_mbuf **pkts, unsigned n)
{
	int got = 0, r;

	while ((unsigned)got < n &&
		(r = source_burst(wire_source(w->w), pkts + got, n - (unsigned)got)) > 0)
		got += r;
	return got;
}

static void
test_frames_keep_their_port_and_order(void **state)
{
	struct world *w = *state;
	struct rte_mbuf *got[8];
	unsigned seen[2] = {0, 0};

	for (unsigned i = 0; i < 6; i++)
		wire_send(w->w, frame(w, 60 + i, 0x0800), i % 2);
	assert_int_equal(source_burst(wire_source(w->w), got, 8), 0); /* they wait */
	wire_flush(w->w);
	assert_int_equal(take(w, got, 8), 6);
	for (unsigned i = 0; i < 6; i++) {
		unsigned port = packet_meta(got[i])->port;

		assert_int_equal(rte_pktmbuf_pkt_len(got[i]), 60 + port + 2 * seen[port]++);
		assert_int_equal(packet_meta(got[i])->wire_length, rte_pktmbuf_pkt_len(got[i]));
		assert_int_equal(packet_meta(got[i])->link, LINK_ETHERNET);
		assert_in_range(packet_meta(got[i])->ts_us, w->now_us - 2 * SECOND,
			wire_source(w->w)->now_us);
	}
	rte_pktmbuf_free_bulk(got, 6);
	assert_int_equal(stats(w, 0).tx_packets, 3);
	assert_int_equal(stats(w, 0).tx_bytes, 60 + 62 + 64);
	assert_int_equal(stats(w, 1).rx_bytes, 61 + 63 + 65);
}

/* Chains and bytes in another's buffer leave as one piece; a shared frame as it is. */
static void
test_in_one_piece(void **state)
{
	struct world *w = *state;
	struct rte_mbuf *chain = frame(w, 100, 0x0800), *whole = frame(w, 200, 0x0800), *got[4];
	uint8_t want[300], space[300];

	rte_pktmbuf_chain(chain, frame(w, 200, 0x0800));
	memcpy(want, rte_pktmbuf_read(chain, 0, 300, space), 300);
	wire_send(w->w, chain, 0);
	wire_send(w->w, rte_pktmbuf_clone(whole, w->pool), 0);
	rte_mbuf_refcnt_update(whole, 1);
	wire_send(w->w, whole, 0);
	wire_flush(w->w);
	assert_int_equal(take(w, got, 4), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(got[i]->nb_segs, 1);
		assert_true(RTE_MBUF_DIRECT(got[i]));
	}
	assert_memory_equal(rte_pktmbuf_mtod(got[0], void *), want, 300);
	assert_int_equal(rte_pktmbuf_data_len(got[1]), 200);
	assert_memory_equal(rte_pktmbuf_mtod(got[1], void *), rte_pktmbuf_mtod(whole, void *), 200);
	assert_ptr_equal(got[2], whole);
	rte_pktmbuf_free_bulk(got, 3);
	rte_pktmbuf_free(whole);
}

/* MTU is what stands behind the header; a VLAN tag comes on top of it, and a second. */
static void
test_too_long(void **state)
{
	static const struct {
		unsigned bytes;
		uint16_t type;
		bool fits;
	} rows[] = {
		{HEADER + MTU, 0x0800, true},
		{HEADER + MTU + 1, 0x0800, false},
		{HEADER + MTU + 4, 0x8100, true},
		{HEADER + MTU + 5, 0x8100, false},
		{HEADER + MTU + 4, 0x88a8, true},
		{HEADER + MTU + 4, 0x86dd, false},
	};
	struct world *w = *state;
	struct rte_mbuf *got[2], *m;
	unsigned long_ones = 0;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long_ones += !rows[i].fits;
		wire_send(w->w, frame(w, rows[i].bytes, rows[i].type), 1);
		wire_flush(w->w);
		assert_int_equal(take(w, got, 2), rows[i].fits);
		rte_pktmbuf_free_bulk(got, rows[i].fits);
		assert_int_equal(stats(w, 1).tx_too_long, long_ones);
		/* Likewise coming in, by a driver that lets it. */
		m = frame(w, rows[i].bytes, rows[i].type);
		assert_int_equal(rte_eth_tx_burst(w->ids[1], 0, &m, 1), 1);
		assert_int_equal(take(w, got, 2), rows[i].fits);
		rte_pktmbuf_free_bulk(got, rows[i].fits);
		assert_int_equal(stats(w, 1).rx_too_long, long_ones);
	}
	wire_tick(w->w, w->now_us);
	wire_tick(w->w, w->now_us);
	assert_int_equal(w->warnings, 1);
	assert_non_null(strstr(w->last, "ethtool -K INTERFACE tso off"));
}

/* A port that takes nothing more costs its own frames, and no other's. */
static void
test_full_queue(void **state)
{
	struct world *w = *state;
	struct rte_mbuf *got[64];
	unsigned sent = 2 * RING, came = 0;
	int n;

	for (unsigned i = 0; i < sent; i++)
		wire_send(w->w, frame(w, 60, 0x0800), 0);
	wire_send(w->w, frame(w, 61, 0x0800), 1);
	wire_flush(w->w);
	assert_true(stats(w, 0).tx_dropped > 0);
	assert_int_equal(stats(w, 0).tx_dropped + stats(w, 0).tx_packets, sent);
	assert_int_equal(stats(w, 1).tx_packets, 1);
	while ((n = take(w, got, 64)) > 0) {
		came += (unsigned)n;
		rte_pktmbuf_free_bulk(got, (unsigned)n);
	}
	assert_int_equal(came, stats(w, 0).tx_packets + 1);
}

static void
tick_at(struct world *w, uint64_t us)
{
	wire_tick(w->w, w->now_us + us);
}

static bool
device_is_up(const struct world *w, unsigned port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(w->ids[port], &link) == 0 && link.link_status != 0;
}

static void
test_link_follows(void **state)
{
	struct world *w = *state;

	for (unsigned side = 0; side < 2; side++) {
		tick_at(w, 0);
		assert_true(stats(w, 0).link_up && stats(w, 1).link_up);
		rte_eth_dev_set_link_down(w->ids[side]);
		tick_at(w, 1);
		assert_false(device_is_up(w, side ^ 1));
		assert_true(stats(w, side ^ 1).forced_down);
		assert_false(stats(w, side).forced_down);
		/* A frame for a port without a link is lost, and counted. */
		wire_send(w->w, frame(w, 60, 0x0800), side ^ 1);
		assert_int_equal(stats(w, side ^ 1).tx_dropped, 1);
		tick_at(w, 2);
		assert_true(stats(w, side ^ 1).forced_down);
		rte_eth_dev_set_link_up(w->ids[side]);
		tick_at(w, 3);
		assert_true(device_is_up(w, side ^ 1));
		assert_false(stats(w, side ^ 1).forced_down);
	}
	assert_int_equal(w->warnings, 4);
}

/* Both are gone, and come back one after the other: neither holds the other down. */
static void
test_links_do_not_lock(void **state)
{
	struct world *w = *state;

	rte_eth_dev_set_link_down(w->ids[1]);
	tick_at(w, 0);
	assert_true(stats(w, 0).forced_down);
	rte_eth_dev_set_link_up(w->ids[1]);
	tick_at(w, 1);
	/* The first was given back, but its link takes its time. */
	rte_eth_dev_set_link_down(w->ids[0]);
	tick_at(w, 2 * SECOND);
	assert_false(stats(w, 1).forced_down);
	assert_false(stats(w, 0).link_up);
	/* It never comes: so the second is taken down in its turn, once. */
	tick_at(w, 6 * SECOND);
	assert_true(stats(w, 1).forced_down);
	rte_eth_dev_set_link_up(w->ids[0]);
	tick_at(w, 7 * SECOND);
	tick_at(w, 8 * SECOND);
	assert_true(device_is_up(w, 0) && device_is_up(w, 1));
	assert_true(stats(w, 0).link_up && stats(w, 1).link_up);
}

/* Right after the start nothing is taken down: links are still coming up. */
static void
test_links_at_start(void **state)
{
	struct world *w = *state;

	rte_eth_dev_set_link_down(w->ids[1]);
	wire_tick(w->w, source_wall_us());
	assert_false(stats(w, 0).forced_down);
	tick_at(w, 0);
	assert_true(stats(w, 0).forced_down);
}

static void
test_check(void **state)
{
	static const struct port_name one[] = {{PORT_AF_PACKET, "lo"}},
		twice[] = {{PORT_AF_PACKET, "lo"}, {PORT_AF_XDP, "lo"}},
		cards[] = {{PORT_PCI, "0000:03:00.0"}, {PORT_PCI, "03:00.0"}},
		none[] = {{PORT_AF_PACKET, "sluss-no-such"}, {PORT_AF_PACKET, "lo"}};
	static const struct {
		const struct port_name *ports;
		unsigned n;
		const char *says;
	} rows[] = {
		{one, 1, "pairs"},
		{twice, 2, "twice"},
		{cards, 2, "twice"},
		{none, 2, "no such interface"},
	};
	char why[1024];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			wire_check(rows[i].ports, rows[i].n, NULL, NULL, why, sizeof(why)), -1);
		assert_non_null(strstr(why, rows[i].says));
	}
}

#define WITH_WIRE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WIRE(test_frames_keep_their_port_and_order),
		WITH_WIRE(test_in_one_piece),
		WITH_WIRE(test_too_long),
		WITH_WIRE(test_full_queue),
		WITH_WIRE(test_link_follows),
		WITH_WIRE(test_links_do_not_lock),
		WITH_WIRE(test_links_at_start),
		cmocka_unit_test(test_check),
	};
	char why[256];

	if (!dpdk_start("64"))
		return 1;
	pool = eal_packet_pool("wire", BUFFERS, why, sizeof(why));
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
