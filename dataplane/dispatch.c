/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/dispatch.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/headers.h"
#include "dataplane/source.h"
#include "dataplane/turn.h"
#include "dataplane/worker.h"

enum {
	TICK_US = 100000,
	STARVED_US = 200000,	 /* without a free buffer: let time pass for the workers */
	STARVED_MAX_US = 3000000, /* and then give up */
};

/* A thread of its own with the ring that feeds it. */
struct lane {
	pthread_t thread;
	bool started;
	struct worker *worker;
	struct rte_ring *ring;
	bool live;
	const unsigned *core;
	_Atomic uint64_t pass_us; /* captures: time to let pass while the ring is empty; 0: none */
	atomic_bool last;	  /* nothing will be put into the ring any more */
	/* Packets for it that aren't in its ring yet. */
	struct rte_mbuf *staged[DISPATCH_BURST_MAX];
	unsigned n_staged;
};

struct dispatcher {
	const struct dispatch_config *cfg;
	struct dispatch_stats *stats;
	struct lane *lanes; /* NULL with one worker */
	uint64_t ticked_us;
	uint64_t starved_since_us; /* 0: there are buffers */
	char *why;
	size_t why_size;
};

/* ---- a worker's thread ---- */

static void
bind_lane(const struct lane *l)
{
	cpu_set_t set;

	if (l->core == NULL)
		return;
	CPU_ZERO(&set);
	CPU_SET(*l->core, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void
lane_idle(struct lane *l, unsigned idle)
{
	uint64_t pass = atomic_load_explicit(&l->pass_us, memory_order_relaxed);

	if (l->live && idle % 64 == 0) {
		worker_idle(l->worker, source_wall_us());
	} else if (pass != 0) {
		worker_idle(l->worker, pass);
		atomic_store_explicit(&l->pass_us, 0, memory_order_relaxed);
	}
	turn_rest(idle);
}

static void *
lane_run(void *arg)
{
	struct lane *l = arg;
	struct rte_mbuf *pkts[DISPATCH_BURST_MAX];
	unsigned idle = 0;

	bind_lane(l);
	/* For mempool caches of its own; without, everything works, but slower. */
	rte_thread_register();
	for (;;) {
		/* Read before the ring: what was put in before `last` is then still found. */
		bool last = atomic_load_explicit(&l->last, memory_order_acquire);
		unsigned n = rte_ring_dequeue_burst(l->ring, (void **)pkts, DISPATCH_BURST_MAX, NULL);

		if (n > 0) {
			worker_burst(l->worker, pkts, n);
			idle = 0;
		} else if (last) {
			break;
		} else {
			lane_idle(l, idle++);
		}
	}
	worker_finish(l->worker);
	rte_thread_unregister();
	return NULL;
}

static void
lane_push(struct dispatcher *d, struct lane *l)
{
	unsigned done = 0, idle = 0;

	while (done < l->n_staged) {
		unsigned n = rte_ring_enqueue_burst(l->ring, (void *const *)(l->staged + done),
			l->n_staged - done, NULL);

		done += n;
		if (n > 0 || done == l->n_staged) {
			idle = 0;
			continue;
		}
		if (l->live) {
			rte_pktmbuf_free_bulk(l->staged + done, l->n_staged - done);
			atomic_fetch_add_explicit(&d->stats->dropped, l->n_staged - done,
				memory_order_relaxed);
			break;
		}
		turn_rest(idle++);
	}
	l->n_staged = 0;
}

/* ---- the calling thread ---- */

static void
hand_out(struct dispatcher *d, struct rte_mbuf **pkts, unsigned n)
{
	unsigned lanes = d->cfg->n_workers;

	if (d->lanes == NULL) {
		worker_burst(d->cfg->workers[0], pkts, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t hash = frame_host_hash(pkts[i]);
		struct lane *l = &d->lanes[(uint64_t)hash * lanes >> 32];

		l->staged[l->n_staged++] = pkts[i];
	}
	for (unsigned i = 0; i < lanes; i++)
		lane_push(d, &d->lanes[i]);
}

static void
pass_time(struct dispatcher *d, uint64_t now_us)
{
	if (d->lanes == NULL)
		worker_idle(d->cfg->workers[0], now_us);
	else
		for (unsigned i = 0; i < d->cfg->n_workers; i++)
			atomic_store_explicit(&d->lanes[i].pass_us, now_us, memory_order_relaxed);
}

/*
 * A capture can't be read on since all buffers are held by the workers: let
 * them finish what is in their rings; then let so much time pass that what is
 * held for a lost segment or fragment is given up. @return whether to go on.
 */
static bool
starved(struct dispatcher *d)
{
	uint64_t now = turn_clock_us();

	if (d->starved_since_us == 0)
		d->starved_since_us = now;
	if (d->lanes == NULL || now - d->starved_since_us > STARVED_US)
		pass_time(d, d->cfg->source->now_us + d->cfg->wait_us);
	if (now - d->starved_since_us < STARVED_MAX_US)
		return true;
	snprintf(d->why, d->why_size,
		"all packet buffers are held by unfinished flows: raise limits.packet_buffers, or "
		"lower limits.tcp_segments and limits.fragment_datagrams");
	return false;
}

/* Nothing came. @return whether to go on. */
static bool
nothing(struct dispatcher *d, unsigned idle)
{
	struct source *s = d->cfg->source;

	if (source_state(s) != SOURCE_OPEN)
		return false;
	if (!s->live) {
		if (s->waiting)
			d->starved_since_us = 0;
		else if (!starved(d))
			return false;
	} else if (d->lanes == NULL && idle % 64 == 0) {
		worker_idle(d->cfg->workers[0], source_wall_us());
	}
	turn_rest(idle);
	return true;
}

static void
tick(struct dispatcher *d, unsigned turn)
{
	uint64_t now;

	if (d->cfg->tick == NULL || turn % 32 != 0)
		return;
	now = turn_clock_us();
	if (now - d->ticked_us >= TICK_US) {
		d->ticked_us = now;
		d->cfg->tick(d->cfg->ctx);
	}
}

static void
read_source(struct dispatcher *d)
{
	struct rte_mbuf *pkts[DISPATCH_BURST_MAX];
	unsigned idle = 0;

	for (unsigned turn = 0; !atomic_load_explicit(d->cfg->stop, memory_order_relaxed); turn++) {
		int n = source_burst(d->cfg->source, pkts, d->cfg->burst);

		tick(d, turn);
		if (n > 0) {
			hand_out(d, pkts, (unsigned)n);
			idle = 0;
			d->starved_since_us = 0;
		} else if (!nothing(d, idle++)) {
			break;
		}
	}
}

static int
start_lanes(struct dispatcher *d)
{
	const struct dispatch_config *cfg = d->cfg;

	d->lanes = calloc(cfg->n_workers, sizeof(*d->lanes));
	for (unsigned i = 0; d->lanes != NULL && i < cfg->n_workers; i++) {
		struct lane *l = &d->lanes[i];
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "worker%u", i);
		l->worker = cfg->workers[i];
		l->live = cfg->source->live;
		l->core = cfg->cores == NULL ? NULL : &cfg->cores[i];
		l->ring = rte_ring_create(name, rte_align32pow2(cfg->ring + 1), SOCKET_ID_ANY,
			RING_F_SP_ENQ | RING_F_SC_DEQ);
		l->started = l->ring != NULL &&
			pthread_create(&l->thread, NULL, lane_run, l) == 0;
		if (!l->started) {
			snprintf(d->why, d->why_size,
				"worker %u can't be started: lower `workers` or limits.worker_ring", i);
			return -1;
		}
	}
	if (d->lanes == NULL)
		snprintf(d->why, d->why_size, "no memory for %u workers", cfg->n_workers);
	return d->lanes == NULL ? -1 : 0;
}

/* The display goes on while the workers empty their rings. */
static void
join(struct dispatcher *d, struct lane *l)
{
	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_US * 1000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(l->thread, NULL, &until) == 0)
			return;
		if (d->cfg->tick != NULL)
			d->cfg->tick(d->cfg->ctx);
	}
}

static void
finish_lanes(struct dispatcher *d)
{
	for (unsigned i = 0; d->lanes != NULL && i < d->cfg->n_workers; i++)
		atomic_store_explicit(&d->lanes[i].last, true, memory_order_release);
	for (unsigned i = 0; d->lanes != NULL && i < d->cfg->n_workers; i++) {
		if (d->lanes[i].started)
			join(d, &d->lanes[i]);
		rte_ring_free(d->lanes[i].ring);
	}
	free(d->lanes);
}

int
dispatch_run(const struct dispatch_config *cfg, struct dispatch_stats *stats, char *why,
	size_t why_size)
{
	struct dispatcher d = {.cfg = cfg, .stats = stats, .why = why, .why_size = why_size};

	why[0] = '\0';
	if (cfg->n_workers > 1 && start_lanes(&d) != 0) {
		finish_lanes(&d);
		return -2;
	}
	read_source(&d);
	if (cfg->n_workers > 1)
		finish_lanes(&d);
	else
		worker_finish(cfg->workers[0]);
	if (why[0] != '\0')
		return -2;
	/* A signal may have interrupted the reading: that is no failure. */
	if (source_state(cfg->source) != SOURCE_FAILED || atomic_load(cfg->stop))
		return 0;
	snprintf(why, why_size, "%s", source_failure(cfg->source));
	return -1;
}
