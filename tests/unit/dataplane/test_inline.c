/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between a made-up wire and doubles of the workers: what comes leaves at the partner, once
 * and in order; what doesn't is counted by its reason; nobody waits for a worker that hangs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mempool.h>

#include "dataplane/eal.h"
#include "dataplane/inline.h"
#include "tests/unit/dataplane/wire_double.h"
#include "tests/unit/dataplane/worker_double.h"

/* A ring of ROOMY holds every buffer there is: no load of the machine makes it overflow. */
enum { POOL = 4095, ROOMY = 4096, LANES_MAX = 3, PACKETS = 20000, WATCHDOG_US = 200000 };

/* A run on a thread of its own, so that a test can look at it and stop it. */
struct bench {
	struct wire_double d;
	struct wire *wire;
	struct inline_gate *gate;
	struct worker *workers[LANES_MAX];
	struct inline_config cfg;
	atomic_bool stop;
	pthread_t thread;
	int r;
	char why[256];
	_Atomic unsigned began, ticks, stalled, hung;
};

static void
on_began(void *ctx)
{
	atomic_fetch_add(&((struct bench *)ctx)->began, 1);
}

static void
on_tick(void *ctx)
{
	atomic_fetch_add(&((struct bench *)ctx)->ticks, 1);
}

static void
on_stalled(void *ctx, unsigned worker)
{
	(void)worker;
	atomic_fetch_add(&((struct bench *)ctx)->stalled, 1);
}

static void
on_hung(void *ctx)
{
	atomic_fetch_add(&((struct bench *)ctx)->hung, 1);
}

/* 10.0.0.0/28 is exempt, 10.0.0.16/28 shadowed: 16 of the 64 pairs each. */
static enum pair_mode
mode_of(const struct policy *policy, const struct packet *p)
{
	unsigned pair = p->address[0][3];

	(void)policy;
	return pair < 16 ? MODE_EXEMPT : pair < 32 ? MODE_SHADOW : MODE_ENFORCE;
}

static void *
run_it(void *arg)
{
	struct bench *b = arg;

	b->r = inline_run(b->gate, &b->cfg, b->why, sizeof(b->why));
	return NULL;
}

static void
begin(struct bench *b, void **state, unsigned lanes, unsigned ring)
{
	b->d.pool = *state;
	b->wire = wire_double_new(&b->d);
	b->gate = inline_new(lanes, ring, b->why, sizeof(b->why));
	assert_non_null(b->gate);
	for (unsigned i = 0; i < lanes; i++) {
		struct worker_config w = {
			.workers = lanes,
			.policy = b->cfg.policy == NULL ? NULL : policy_swap_current(b->cfg.policy),
			.egress = {inline_send, inline_lane(b->gate, i)}};
		struct worker_error err;

		b->workers[i] = worker_new(&w, &err);
		assert_non_null(b->workers[i]);
	}
	b->cfg.wire = b->wire;
	b->cfg.workers = b->workers;
	b->cfg.n_workers = lanes;
	b->cfg.burst = 32;
	b->cfg.ring = ring;
	b->cfg.watchdog_us = WATCHDOG_US;
	b->cfg.stop = &b->stop;
	b->cfg.mode = mode_of;
	b->cfg.began = on_began;
	b->cfg.tick = on_tick;
	b->cfg.stalled = on_stalled;
	b->cfg.hung = on_hung;
	b->cfg.ctx = b;
	assert_int_equal(pthread_create(&b->thread, NULL, run_it, b), 0);
}

static uint64_t
packets(const struct inline_count *c)
{
	return atomic_load(&c->packets);
}

static uint64_t
dropped(const struct bench *b)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < INLINE_REASONS; i++)
		n += packets(&inline_stats(b->gate)->dropped[i]);
	return n;
}

static uint64_t
passed(const struct bench *b, enum inline_reason reason)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < INLINE_UNREAD; i++)
		n += packets(&inline_stats(b->gate)->passed[reason][i]);
	return n;
}

/* All that came has left or was counted. */
static void
check(struct bench *b)
{
	const struct inline_stats *s = inline_stats(b->gate);
	const struct wire_double_seen *seen = wire_double_seen(b->wire);

	assert_int_equal(packets(&s->received), seen->given);
	assert_int_equal(packets(&s->sent), seen->left);
	assert_int_equal(seen->left + dropped(b), seen->given);
	assert_int_equal(seen->wrong_port, 0);
	assert_int_equal(seen->twice, 0);
	assert_int_equal(seen->unflushed, 0);
	assert_int_equal(b->began, 1);
	assert_true(b->ticks > 0);
}

static void
stop(struct bench *b)
{
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
}

/* No buffer is missing. */
static void
end_after_stop(struct bench *b)
{
	assert_int_equal(b->r, 0);
	check(b);
	for (unsigned i = 0; i < b->cfg.n_workers; i++)
		worker_free(b->workers[i]);
	inline_free(b->gate);
	wire_close(b->wire);
	assert_int_equal(rte_mempool_in_use_count(b->d.pool), 0);
}

static void
end(struct bench *b)
{
	stop(b);
	end_after_stop(b);
}

static void
wait_until(const _Atomic uint64_t *what, uint64_t at_least)
{
	for (unsigned ms = 0; ms < 20000 && atomic_load(what) < at_least; ms++)
		usleep(1000);
	assert_true(atomic_load(what) >= at_least);
}

static void
wait_for(const _Atomic unsigned *what, unsigned at_least)
{
	for (unsigned ms = 0; ms < 20000 && atomic_load(what) < at_least; ms++)
		usleep(1000);
	assert_int_equal(*what, at_least);
}

/* ---- everything leaves ---- */

static void
test_all_leaves_in_order(void **state)
{
	for (unsigned lanes = 1; lanes <= LANES_MAX; lanes++) {
		struct bench b = {.d = {.packets = PACKETS, .pause_us = 100}};
		const struct wire_double_seen *seen;

		begin(&b, state, lanes, ROOMY);
		seen = wire_double_seen(b.wire);
		wait_until(&seen->left, PACKETS);
		assert_int_equal(dropped(&b), 0);
		assert_int_equal(seen->backwards, 0);
		assert_true(seen->ticks > 0);
		for (unsigned i = 0; i < lanes; i++)
			assert_true(worker_stats(b.workers[i])->packets > 0);
		end(&b);
	}
}

/* Time passes for a worker that always has packets, too. */
static void
test_time_passes_under_load(void **state)
{
	struct bench b = {.d = {.packets = UINT64_MAX}};
	const struct worker_double_seen *seen;

	begin(&b, state, 1, 256);
	usleep(300000);
	stop(&b);
	seen = worker_double_seen(b.workers[0]);
	/* 10 ms by the contract, so 30 times; less where others keep the cores busy. */
	assert_true(seen->idle_calls >= 10);
	assert_true(worker_stats(b.workers[0])->packets > 1000);
	end_after_stop(&b);
}

static uint16_t
all_held(uint64_t i)
{
	return i % 512 == 511 ? DOUBLE_HOLD : 0;
}

/* SIGTERM in the middle: what was received goes its way, what a worker held back as well. */
static void
test_stop_loses_nothing(void **state)
{
	for (unsigned lanes = 1; lanes <= LANES_MAX; lanes++) {
		struct bench b = {.d = {.packets = PACKETS, .id = all_held, .stop = &b.stop,
					  .pause_us = 100}};

		begin(&b, state, lanes, ROOMY);
		pthread_join(b.thread, NULL);
		assert_int_equal(wire_double_seen(b.wire)->left, PACKETS);
		assert_int_equal(dropped(&b), 0);
		for (unsigned i = 0; i < lanes; i++)
			assert_int_equal(worker_double_seen(b.workers[i])->finished, 1);
		end_after_stop(&b);
	}
}

static void
test_stop_before_anything_came(void **state)
{
	struct bench b = {0};

	begin(&b, state, 2, 64);
	wait_for(&b.began, 1);
	wait_for(&b.ticks, 1);
	end(&b);
}

/* ---- overload ---- */

/* Of what is enforced; the others don't slow their worker down. */
static uint16_t
slow(uint64_t i)
{
	return i % WIRE_DOUBLE_PAIRS >= 32 ? DOUBLE_SLOW : 0;
}

static void
overload(void **state, bool pass)
{
	struct bench b = {.d = {.packets = PACKETS, .id = slow, .stop = &b.stop, .pause_us = 50},
		.cfg = {.choices = {.overload_pass = pass}}};
	const struct inline_stats *s;
	const struct wire_double_seen *seen;

	begin(&b, state, 2, 64);
	pthread_join(b.thread, NULL);
	s = inline_stats(b.gate);
	seen = wire_double_seen(b.wire);
	/* What is exempt or shadowed is never lost. */
	for (unsigned pair = 0; pair < 32; pair++)
		assert_true(seen->left_of[pair] >= PACKETS / WIRE_DOUBLE_PAIRS);
	assert_true(packets(&s->passed[INLINE_OVERLOAD][INLINE_EXEMPT]) > 0);
	assert_int_equal(s->passed[INLINE_OVERLOAD][INLINE_EXEMPT].payload,
		16 * packets(&s->passed[INLINE_OVERLOAD][INLINE_EXEMPT]));
	assert_true(packets(&s->passed[INLINE_OVERLOAD][INLINE_OVER_BUDGET]) > 0);
	assert_int_equal(passed(&b, INLINE_STALLED), 0);
	assert_int_equal(b.stalled, 0);
	assert_int_equal(packets(&s->dropped[INLINE_OVERLOAD]), dropped(&b));
	if (pass) {
		assert_int_equal(dropped(&b), 0);
		assert_int_equal(seen->left, PACKETS);
	} else {
		assert_true(dropped(&b) > 0);
		assert_int_equal(s->dropped[INLINE_OVERLOAD].payload, 16 * dropped(&b));
	}
	end_after_stop(&b);
}

static void
test_overload_drop(void **state)
{
	overload(state, false);
}

static void
test_overload_pass(void **state)
{
	overload(state, true);
}

/* Frames that aren't IP have a choice of their own. */
static void
test_overload_not_ip(void **state)
{
	for (int drop = 0; drop < 2; drop++) {
		struct bench b = {.d = {.packets = PACKETS, .not_ip = true, .stop = &b.stop},
			.cfg = {.choices = {.non_ip_drop = drop, .overload_pass = true}}};
		const struct inline_stats *s;

		begin(&b, state, 1, 64);
		pthread_join(b.thread, NULL);
		s = inline_stats(b.gate);
		if (drop)
			assert_int_equal(passed(&b, INLINE_OVERLOAD), 0);
		else
			assert_int_equal(dropped(&b), 0);
		assert_int_equal(passed(&b, INLINE_OVERLOAD),
			packets(&s->passed[INLINE_OVERLOAD][INLINE_NOT_IP]));
		end_after_stop(&b);
	}
}

/* What no worker completed leaves with its checksum all the same; the double completes none. */
static void
test_overload_partial(void **state)
{
	struct bench b = {.d = {.packets = PACKETS, .id = slow, .partial = true, .stop = &b.stop},
		.cfg = {.choices = {.overload_pass = true}}};

	begin(&b, state, 1, 64);
	pthread_join(b.thread, NULL);
	assert_int_equal(dropped(&b), 0);
	assert_true(passed(&b, INLINE_OVERLOAD) > 0);
	assert_int_equal(wire_double_seen(b.wire)->complete, passed(&b, INLINE_OVERLOAD));
	end_after_stop(&b);
}

/* ---- stalled ---- */

enum { HANGS_AT = 612, HANGS = HANGS_AT % WIRE_DOUBLE_PAIRS };

static uint16_t
one_hangs(uint64_t i)
{
	return i == HANGS_AT ? DOUBLE_HANG : 0;
}

/* One worker hangs. Its packets go by the choice, those of the others their way. */
static void
stalled(void **state, bool bridge, bool comes_back)
{
	struct bench b = {.d = {.packets = UINT64_MAX, .id = one_hangs, .pause_us = 200},
		.cfg = {.choices = {.stalled_bridge = bridge, .overload_pass = bridge}}};
	const struct inline_stats *s;
	const struct wire_double_seen *seen;
	uint64_t of_it, given, lost;

	begin(&b, state, 2, 512);
	s = inline_stats(b.gate);
	seen = wire_double_seen(b.wire);
	wait_for(&b.stalled, 1);
	assert_int_equal(s->stalled, 1);
	of_it = seen->left_of[HANGS];
	if (comes_back)
		for (unsigned i = 0; i < 2; i++)
			worker_double_release(b.workers[i]);
	usleep(50000);
	given = seen->given;
	lost = dropped(&b);
	wait_until(&seen->given, given + PACKETS);
	for (unsigned pair = 0; pair < 32; pair++)
		assert_true(seen->left_of[pair] >= seen->given / WIRE_DOUBLE_PAIRS - 64);
	if (bridge) {
		assert_true(seen->left_of[HANGS] > of_it + PACKETS / WIRE_DOUBLE_PAIRS / 2);
		assert_int_equal(dropped(&b), lost);
		assert_true(packets(&s->passed[INLINE_STALLED][INLINE_OVER_BUDGET]) > 0);
	} else {
		assert_int_equal(seen->left_of[HANGS], of_it);
		assert_true(packets(&s->dropped[INLINE_STALLED]) > 0);
	}
	assert_true(packets(&s->passed[INLINE_STALLED][INLINE_EXEMPT]) > 0);
	stop(&b);
	/* Without it, its thread still runs, and the caller is told. */
	assert_int_equal(b.r, comes_back ? 0 : 1);
	for (unsigned i = 0; i < 2 && !comes_back; i++)
		worker_double_release(b.workers[i]);
	for (unsigned ms = 0; ms < 5000 && rte_mempool_in_use_count(b.d.pool) > 0; ms++)
		usleep(1000);
	usleep(comes_back ? 0 : 100000);
	b.r = 0;
	end_after_stop(&b);
}

static void
test_stalled_block(void **state)
{
	stalled(state, false, true);
	stalled(state, false, false);
}

static void
test_stalled_bridge(void **state)
{
	stalled(state, true, true);
	stalled(state, true, false);
}

/* A worker that stalls while it finishes holds nobody up. */
static void
test_stalled_at_the_end(void **state)
{
	struct bench b = {.d = {.packets = 1000, .id = one_hangs, .stop = &b.stop}};

	begin(&b, state, 2, ROOMY);
	pthread_join(b.thread, NULL);
	assert_int_equal(b.r, 1);
	assert_int_equal(b.stalled, 1);
	for (unsigned i = 0; i < 2; i++)
		worker_double_release(b.workers[i]);
	for (unsigned ms = 0; ms < 5000 && rte_mempool_in_use_count(b.d.pool) > 0; ms++)
		usleep(1000);
	usleep(100000);
	b.r = 0;
	end_after_stop(&b);
}

/* The I/O thread itself hangs. */
static void
test_watchdog(void **state)
{
	struct bench b = {.d = {.packets = UINT64_MAX, .pause_us = 200}};

	begin(&b, state, 1, 64);
	usleep(3 * WATCHDOG_US);
	assert_int_equal(b.hung, 0);
	atomic_store(&wire_double_of(b.wire)->hang, true);
	wait_for(&b.hung, 1);
	atomic_store(&wire_double_of(b.wire)->hang, false);
	end(&b);
}

/* ---- policies ---- */

static void
test_policy_is_taken_up(void **state)
{
	struct diag d = {0};
	struct policy_swap swap;
	struct bench b = {.d = {.packets = UINT64_MAX, .pause_us = 500},
		.cfg = {.policy = &swap,
			.choices = {.overload_pass = true}}};

	policy_swap_init(&swap, policy_load_packs(NULL, &d), 3);
	begin(&b, state, 2, 64);
	worker_double_keep(b.workers[0], true);
	assert_true(policy_swap_offer(&swap, policy_load_packs(NULL, &d)));
	for (unsigned i = 0; i < 2; i++)
		wait_for(&worker_double_seen(b.workers[i])->policies, 1);
	/* A message of one worker still uses the old one. */
	usleep(300000);
	assert_int_equal(policy_swap_collect(&swap), 1);
	worker_double_keep(b.workers[0], false);
	for (unsigned ms = 0; ms < 20000 && policy_swap_collect(&swap) > 0; ms++)
		usleep(1000);
	assert_int_equal(policy_swap_collect(&swap), 0);
	assert_int_equal(dropped(&b), 0);
	end(&b);
	policy_swap_free(&swap);
}

struct policy_user {
	struct policy_swap *swap;
	unsigned reader;
	atomic_bool *stop;
	uint64_t taken;
};

static void *
read_policies(void *arg)
{
	struct policy_user *a = arg;
	const struct policy *p = policy_swap_current(a->swap);

	while (!atomic_load(a->stop)) {
		const struct policy *next = policy_swap_take(a->swap, a->reader);

		a->taken += next != NULL;
		p = next != NULL ? next : p;
		/* AddressSanitizer sees it if it is gone. */
		assert_non_null(p->detect);
		policy_swap_review(a->swap, a->reader, NULL, NULL);
	}
	return NULL;
}

/* Many policies, readers that take them up at any moment: none is freed under their hands. */
static void
test_swap(void **state)
{
	atomic_bool over = false;
	struct diag d = {0};
	struct policy_swap swap;
	struct policy_user a[2];
	pthread_t thread[2];
	unsigned offered = 0;

	(void)state;
	policy_swap_init(&swap, policy_load_packs(NULL, &d), 2);
	for (unsigned i = 0; i < 2; i++) {
		a[i] = (struct policy_user){.swap = &swap, .reader = i, .stop = &over};
		assert_int_equal(pthread_create(&thread[i], NULL, read_policies, &a[i]), 0);
	}
	while (offered < 2000) {
		struct policy *p = policy_load_packs(NULL, &d);

		if (policy_swap_offer(&swap, p)) {
			assert_ptr_equal(policy_swap_current(&swap), p);
			offered++;
		} else {
			policy_free(p);
			sched_yield();
		}
	}
	usleep(50000);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		assert_true(a[i].taken > 0);
	}
	assert_int_equal(policy_swap_collect(&swap), 0);
	policy_swap_free(&swap);
}

/* Nobody takes it up: after so many, no more are accepted, and the one in force stays. */
static void
test_swap_is_bounded(void **state)
{
	struct diag d = {0};
	struct policy_swap swap;
	struct policy *p = NULL;
	unsigned offered = 0;

	(void)state;
	policy_swap_init(&swap, policy_load_packs(NULL, &d), 1);
	/* Those between the first and the one in force were never used by anybody. */
	for (; offered < 3 * POLICY_SWAP_SLOTS; offered++)
		assert_true(policy_swap_offer(&swap, policy_load_packs(NULL, &d)));
	assert_int_equal(policy_swap_collect(&swap), 1);
	for (unsigned i = 0; i < POLICY_SWAP_SLOTS; i++)
		swap.readers[0].used |= 1u << i;
	while (policy_swap_offer(&swap, p = policy_load_packs(NULL, &d)))
		offered++;
	assert_true(offered <= 4 * POLICY_SWAP_SLOTS);
	policy_free(p);
	policy_swap_free(&swap);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_leaves_in_order),
		cmocka_unit_test(test_time_passes_under_load),
		cmocka_unit_test(test_stop_loses_nothing),
		cmocka_unit_test(test_stop_before_anything_came),
		cmocka_unit_test(test_overload_drop),
		cmocka_unit_test(test_overload_pass),
		cmocka_unit_test(test_overload_not_ip),
		cmocka_unit_test(test_overload_partial),
		cmocka_unit_test(test_stalled_block),
		cmocka_unit_test(test_stalled_bridge),
		cmocka_unit_test(test_stalled_at_the_end),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_policy_is_taken_up),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_swap_is_bounded),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
