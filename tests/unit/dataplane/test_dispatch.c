/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dispatcher between a made-up source and doubles of the workers: nothing
 * is lost, each pair of hosts has one worker, and its packets stay in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "dataplane/dispatch.h"
#include "dataplane/eal.h"
#include "dataplane/source.h"
#include "tests/unit/dataplane/worker_double.h"

enum { POOL = 1023, WORKERS = 3, PACKETS = 20000, HOSTS = 64 };

struct made_source {
	struct source base;
	struct rte_mempool *pool;
	unsigned given, packets;
	bool fails;
	atomic_bool *stop; /* set after `packets` instead of an end; NULL: end */
};

/* IPv4 from 10.0.0.x to 192.0.2.y and back, no transport: enough for the host hash. */
static void
make_frame(struct rte_mbuf *m, unsigned i)
{
	static const uint8_t head[] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0};
	uint8_t ends[2][4] = {{10, 0, 0, (uint8_t)(i % HOSTS)}, {192, 0, 2, (uint8_t)(i % HOSTS)}};
	char *p = rte_pktmbuf_append(m, 20);

	memcpy(p, head, sizeof(head));
	memcpy(p + 12, ends[i / HOSTS % 2], 4);
	memcpy(p + 16, ends[1 - i / HOSTS % 2], 4);
	*packet_meta(m) = (struct packet_meta){.ts_us = i, .wire_length = 20, .link = LINK_RAW};
}

static int
made_burst(struct source *base, struct rte_mbuf **pkts, unsigned n)
{
	struct made_source *s = (struct made_source *)base;
	unsigned got = 0;

	while (got < n && s->given < s->packets &&
		(pkts[got] = rte_pktmbuf_alloc(s->pool)) != NULL)
		make_frame(pkts[got++], s->given++);
	if (s->given == s->packets && got == 0) {
		if (s->stop != NULL)
			atomic_store(s->stop, true);
		s->base.state = s->fails ? SOURCE_FAILED : SOURCE_END;
		strcpy(s->base.failure.text, "the file is gone");
	}
	s->base.now_us = s->given;
	return (int)got;
}

static const struct source_ops made_ops = {.burst = made_burst};

static int
group_setup(void **state)
{
	struct eal_config cfg = {.memory = 32 << 20};
	char why[EAL_ERROR_MAX];

	if (eal_start(&cfg, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	*state = eal_packet_pool("test", POOL, why, sizeof(why));
	return *state == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
	rte_mempool_free(*state);
	eal_stop();
	return 0;
}

struct outcome_of_run {
	int r;
	uint64_t packets, hosts, backwards, dropped;
	unsigned finished, busy; /* workers that got packets */
	char why[512];
};

static struct outcome_of_run
run(struct made_source *s, unsigned n_workers, unsigned ring)
{
	struct outcome_of_run o = {0};
	struct worker_config worker_cfg = {.workers = n_workers};
	struct worker *workers[WORKERS];
	struct worker_error err;
	atomic_bool stop = false;
	struct dispatch_config cfg = {
		.source = &s->base,
		.workers = workers,
		.n_workers = n_workers,
		.burst = 32,
		.ring = ring,
		.stop = s->stop != NULL ? s->stop : &stop,
	};
	struct dispatch_stats stats = {0};

	s->base.ops = &made_ops;
	for (unsigned i = 0; i < n_workers; i++)
		workers[i] = worker_new(&worker_cfg, &err);
	o.r = dispatch_run(&cfg, &stats, o.why, sizeof(o.why));
	for (unsigned i = 0; i < n_workers; i++) {
		const struct worker_double_seen *seen = worker_double_seen(workers[i]);

		o.packets += worker_stats(workers[i])->packets;
		o.busy += worker_stats(workers[i])->packets > 0;
		o.hosts += seen->hosts;
		o.backwards += seen->backwards;
		o.finished += seen->finished;
		worker_free(workers[i]);
	}
	o.dropped = stats.dropped;
	assert_int_equal(rte_mempool_in_use_count(s->pool), 0);
	return o;
}

/* A capture waits for a full ring: all arrive, whatever the number of workers. */
static void
test_nothing_is_lost(void **state)
{
	struct outcome_of_run o[WORKERS + 1];

	for (unsigned n = 1; n <= WORKERS; n++) {
		struct made_source s = {.pool = *state, .packets = PACKETS};

		o[n] = run(&s, n, 64);
		assert_int_equal(o[n].r, 0);
		assert_int_equal(o[n].packets, PACKETS);
		assert_int_equal(o[n].dropped, 0);
		assert_int_equal(o[n].backwards, 0);
		assert_int_equal(o[n].finished, n);
		assert_int_equal(o[n].busy, n);
		assert_int_equal(o[n].hosts, o[1].hosts);
	}
}

/* A port can't wait: what a full ring has no room for is dropped, and counted. */
static void
test_ports_drop_and_count(void **state)
{
	struct made_source s = {.pool = *state, .packets = PACKETS, .base.live = true};
	struct outcome_of_run o = run(&s, 2, 64);

	assert_int_equal(o.r, 0);
	assert_int_equal(o.packets + o.dropped, PACKETS);
	assert_int_equal(o.finished, 2);
}

static void
test_failing_source(void **state)
{
	for (unsigned n = 1; n <= 2; n++) {
		struct made_source s = {.pool = *state, .packets = 100, .fails = true};
		struct outcome_of_run o = run(&s, n, 64);

		assert_int_equal(o.r, -1);
		assert_string_equal(o.why, "the file is gone");
		assert_int_equal(o.packets, 100);
		assert_int_equal(o.finished, n);
	}
}

/* A signal interrupts the reading, too: what was read is worked off, and that is no failure. */
static void
test_stop(void **state)
{
	for (unsigned n = 1; n <= 2; n++) {
		atomic_bool stop = false;
		struct made_source s = {
			.pool = *state, .packets = 100, .fails = true, .stop = &stop};
		struct outcome_of_run o = run(&s, n, 64);

		assert_int_equal(o.r, 0);
		assert_int_equal(o.packets, 100);
		assert_int_equal(o.finished, n);
	}
}

/* No buffer ever comes back: an error that names the limits, not a hang. */
static void
test_starved(void **state)
{
	struct rte_mbuf *held[POOL];
	unsigned n = 0;

	while (n < POOL && (held[n] = rte_pktmbuf_alloc(*state)) != NULL)
		n++;
	for (unsigned workers = 1; workers <= 2; workers++) {
		struct made_source s = {.pool = *state, .packets = 10};
		struct worker_config worker_cfg = {0};
		struct worker *w[2];
		struct worker_error err;
		atomic_bool stop = false;
		struct dispatch_stats stats = {0};
		struct dispatch_config cfg = {.source = &s.base,
			.workers = w,
			.n_workers = workers,
			.burst = 32,
			.ring = 64,
			.wait_us = 5000,
			.stop = &stop};
		char why[512];

		s.base.ops = &made_ops;
		for (unsigned i = 0; i < workers; i++)
			w[i] = worker_new(&worker_cfg, &err);
		assert_int_equal(dispatch_run(&cfg, &stats, why, sizeof(why)), -2);
		assert_non_null(strstr(why, "limits.packet_buffers"));
		for (unsigned i = 0; i < workers; i++) {
			assert_int_equal(worker_double_seen(w[i])->idle_us, 5000);
			assert_int_equal(worker_double_seen(w[i])->finished, 1);
			worker_free(w[i]);
		}
	}
	rte_pktmbuf_free_bulk(held, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_ports_drop_and_count),
		cmocka_unit_test(test_failing_source),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_starved),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
