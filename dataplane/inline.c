/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/inline.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/source.h"
#include "dataplane/turn.h"
#include "dataplane/wire.h"

enum {
	SEND_WAIT_US = 20000,
	PATIENCE_US = 10000, /* with a lane that has no room */
	IDLE_US = 4000,	     /* between two worker_idle(), under load as well */
	REVIEW_US = 100000,  /* between two looks at which policies are still used */
	CHECK_US = 10000,    /* between two looks at the lanes' signs of life */
	LINK_US = 100000,    /* between two wire_tick() */
	TICK_US = 100000,
	GRACE_MS = 500,	     /* for a worker that was given up, at the end */
	GUARD_US = 20000,    /* between the watchdog's looks */
	/* Time between two looks counts as silence up to here only: who looks late was
	 * stopped itself, and so were the others. */
	LATE_US = 100000,
};

/* Silence of a thread that bumps a counter. */
struct silence {
	uint64_t beat, looked_us, us;
};

struct lane {
	/* The I/O thread's. */
	struct rte_mbuf *staged[INLINE_BURST_MAX];
	unsigned n_staged;
	bool too_much; /* it is not waited for */
	struct silence silence;
	bool told; /* the keeper's */

	struct rte_ring *in, *out;
	atomic_bool stalled;	/* set once, by the I/O thread */
	atomic_bool last;	/* nothing will be put into `in` any more */
	atomic_bool done;	/* by the lane: nothing will be put into `out` any more */
	_Atomic uint64_t beat;	/* by the lane, each turn */

	/* The lane's. */
	struct inline_gate *gate;
	struct worker *worker;
	unsigned index;
	pthread_t thread;
	bool started;
	struct rte_mbuf *sending[INLINE_BURST_MAX];
	unsigned n_sending;
	const struct policy *policy; /* to be taken up; NULL: the worker has it */
	uint64_t idled_us, reviewed_us;
};

struct inline_gate {
	const struct inline_config *cfg;
	struct inline_stats stats;
	const struct policy *policy; /* the I/O thread's */
	uint64_t checked_us, linked_us, reviewed_us;
	_Atomic uint64_t beat;	 /* the I/O thread's */
	atomic_bool over;	 /* keeper and watchdog are to end */
	pthread_t keeper, watchdog;
	bool keeping, guarding;
	pthread_mutex_t ports_lock; /* the I/O thread only tries it */
	struct wire_port_stats ports[EAL_PORTS_MAX];
	unsigned n_lanes;
	struct lane lanes[];
};

static void
nap(unsigned us)
{
	const struct timespec t = {.tv_nsec = us * 1000L};

	nanosleep(&t, NULL);
}

/* Without it the kernel adds 50 µs to each nap. */
static void
nap_exactly(void)
{
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
}

static void
count(struct inline_count *c, uint64_t packets, uint64_t bytes, uint64_t payload)
{
	atomic_fetch_add_explicit(&c->packets, packets, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->payload, payload, memory_order_relaxed);
}

/* The same for what only one thread writes. */
static void
count_own(struct inline_count *c, uint64_t packets, uint64_t bytes)
{
	uint64_t p = atomic_load_explicit(&c->packets, memory_order_relaxed) + packets;
	uint64_t b = atomic_load_explicit(&c->bytes, memory_order_relaxed) + bytes;

	atomic_store_explicit(&c->packets, p, memory_order_relaxed);
	atomic_store_explicit(&c->bytes, b, memory_order_relaxed);
}

static bool
flag(const atomic_bool *b)
{
	return atomic_load_explicit(b, memory_order_acquire);
}

/* @return whether it was silent for longer than @p limit_us */
static bool
silent(struct silence *s, uint64_t beat, uint64_t now_us, uint64_t limit_us)
{
	uint64_t passed = now_us - s->looked_us;

	if (beat != s->beat || s->looked_us == 0)
		s->us = 0;
	else
		s->us += passed < LATE_US ? passed : LATE_US;
	s->beat = beat;
	s->looked_us = now_us;
	return s->us > limit_us;
}

/* ---- a lane ---- */

/* What a lane can't send any more. */
static void
drop_sending(struct lane *l, unsigned from, enum inline_reason reason)
{
	for (unsigned i = from; i < l->n_sending; i++) {
		count(&l->gate->stats.dropped[reason], 1, rte_pktmbuf_pkt_len(l->sending[i]), 0);
		rte_pktmbuf_free(l->sending[i]);
	}
	l->n_sending = 0;
}

static void
flush_sending(struct lane *l)
{
	unsigned done = 0, idle = 0;
	uint64_t until = 0;

	while (done < l->n_sending && !flag(&l->stalled)) {
		unsigned n = rte_ring_enqueue_burst(l->out, (void *const *)(l->sending + done),
			l->n_sending - done, NULL);

		done += n;
		if (n > 0) {
			idle = 0;
			until = 0;
			continue;
		}
		if (until == 0)
			until = turn_clock_us() + SEND_WAIT_US;
		else if (turn_clock_us() > until)
			break;
		turn_rest(idle++);
	}
	drop_sending(l, done, flag(&l->stalled) ? INLINE_STALLED : INLINE_NO_WAY_OUT);
}

void
inline_send(void *lane, struct rte_mbuf *m, unsigned port)
{
	struct lane *l = lane;

	packet_meta(m)->port = (uint8_t)port;
	l->sending[l->n_sending++] = m;
	if (l->n_sending == INLINE_BURST_MAX)
		flush_sending(l);
}

static void
bind_lane(const struct lane *l)
{
	const unsigned *cores = l->gate->cfg->cores;
	cpu_set_t set;

	if (cores == NULL)
		return;
	CPU_ZERO(&set);
	CPU_SET(cores[l->index], &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static bool
lane_uses(void *ctx, const struct policy *p)
{
	const struct lane *l = ctx;

	return worker_uses_policy(l->worker, p);
}

/* Between two bursts: a new policy, and which old ones are done with. */
static void
lane_policy(struct lane *l, uint64_t now_us)
{
	struct policy_swap *swap = l->gate->cfg->policy;
	const struct policy *p = swap == NULL ? NULL : policy_swap_take(swap, l->index);

	if (p != NULL)
		l->policy = p;
	if (p == NULL && now_us - l->reviewed_us < REVIEW_US)
		return;
	/* Without memory for it just now, the worker goes on with the one that it has. */
	if (l->policy != NULL && worker_set_policy(l->worker, l->policy))
		l->policy = NULL;
	l->reviewed_us = now_us;
	if (swap != NULL)
		policy_swap_review(swap, l->index, lane_uses, l);
}

/* One turn. @return how many packets there were */
static unsigned
lane_turn(struct lane *l)
{
	struct rte_mbuf *pkts[INLINE_BURST_MAX];
	unsigned n = rte_ring_dequeue_burst(l->in, (void **)pkts, l->gate->cfg->burst, NULL);
	uint64_t now = source_wall_us();

	lane_policy(l, now);
	if (n > 0)
		worker_burst(l->worker, pkts, n);
	/* A clock that was set back isn't waited for. */
	if (now - l->idled_us >= IDLE_US) {
		worker_idle(l->worker, now);
		l->idled_us = now;
	}
	if (l->n_sending > 0)
		flush_sending(l);
	atomic_fetch_add_explicit(&l->beat, 1, memory_order_relaxed);
	return n;
}

/* Its worker was given up: what is in its ring has no way any more. */
static void
lane_give_up(struct lane *l)
{
	struct rte_mbuf *m;

	drop_sending(l, 0, INLINE_STALLED);
	while (!flag(&l->last) || rte_ring_count(l->in) > 0) {
		if (rte_ring_dequeue(l->in, (void **)&m) != 0) {
			nap(1000);
			continue;
		}
		count(&l->gate->stats.dropped[INLINE_STALLED], 1, rte_pktmbuf_pkt_len(m), 0);
		rte_pktmbuf_free(m);
	}
}

static void *
lane_run(void *arg)
{
	struct lane *l = arg;
	unsigned idle = 0;

	bind_lane(l);
	nap_exactly();
	/* For mempool caches of its own; without, everything works, but slower. */
	rte_thread_register();
	while (!flag(&l->stalled)) {
		/* Read before the ring: what was put in before `last` is then still found. */
		bool last = flag(&l->last);

		if (lane_turn(l) > 0) {
			idle = 0;
		} else if (last) {
			worker_finish(l->worker);
			flush_sending(l);
			break;
		} else {
			turn_rest(idle++);
		}
	}
	if (flag(&l->stalled))
		lane_give_up(l);
	rte_thread_unregister();
	atomic_store_explicit(&l->done, true, memory_order_release);
	return NULL;
}

/* ---- the I/O thread ---- */

static void
give_to_wire(struct inline_gate *g, struct rte_mbuf *m, unsigned port)
{
	count_own(&g->stats.sent, 1, rte_pktmbuf_pkt_len(m));
	wire_send(g->cfg->wire, m, port);
}

/* Which way a packet goes that no worker gets. @return whether it leaves */
static bool
unread_leaves(struct inline_gate *g, enum inline_reason reason, const struct packet *p,
	enum header_result r, enum inline_unread *ret)
{
	const struct inline_config *cfg = g->cfg;
	enum pair_mode mode = MODE_ENFORCE;

	*ret = INLINE_OVER_BUDGET;
	if (r == HEADER_NOT_IP) {
		*ret = INLINE_NOT_IP;
		return !cfg->choices.non_ip_drop;
	}
	/* Of others the addresses may not have been read. */
	if (cfg->mode != NULL && (header_result_usable(r) || r == HEADER_FRAGMENT))
		mode = cfg->mode(g->policy, p);
	if (mode == MODE_EXEMPT)
		*ret = INLINE_EXEMPT;
	if (mode != MODE_ENFORCE)
		return true;
	return reason == INLINE_STALLED ? cfg->choices.stalled_bridge : cfg->choices.overload_pass;
}

/* A sender on this machine may have left its checksum to a port that has none to give. */
static void
complete(struct rte_mbuf *m)
{
	struct packet p;

	if (headers_parse(m, VERIFY_OR_COMPLETE, &p) == HEADER_PARTIAL_CHECKSUM)
		headers_complete_checksum(&p);
}

static void
unread(struct inline_gate *g, struct rte_mbuf *m, enum inline_reason reason)
{
	struct packet p;
	enum header_result r = headers_parse(m, false, &p);
	enum inline_unread as;
	bool leaves = unread_leaves(g, reason, &p, r, &as);

	count(leaves ? &g->stats.passed[reason][as] : &g->stats.dropped[reason], 1,
		rte_pktmbuf_pkt_len(m), p.payload_len);
	if (!leaves) {
		rte_pktmbuf_free(m);
		return;
	}
	if (r == HEADER_BAD_CHECKSUM_IGNORED)
		complete(m);
	give_to_wire(g, m, packet_meta(m)->port ^ 1u);
}

/* A burst of each lane in turn, so that a busy one starves none. @return packets */
static unsigned
drain(struct inline_gate *g)
{
	struct rte_mbuf *pkts[INLINE_BURST_MAX];
	unsigned all = 0;

	for (unsigned i = 0; i < g->n_lanes; i++) {
		unsigned n = rte_ring_dequeue_burst(
			g->lanes[i].out, (void **)pkts, INLINE_BURST_MAX, NULL);

		for (unsigned k = 0; k < n; k++)
			give_to_wire(g, pkts[k], packet_meta(pkts[k])->port);
		all += n;
	}
	return all;
}

static unsigned
put_in(struct lane *l, unsigned from)
{
	return rte_ring_enqueue_burst(
		l->in, (void *const *)(l->staged + from), l->n_staged - from, NULL);
}

/*
 * Where a lane has no room, the others hold it back for a moment and the ports keep what comes:
 * a thread that the system has just let wait catches up, and nothing is lost or overtakes what
 * lies in its ring. Not for one that has really too much: it is waited for once, and again
 * when its ring was half empty.
 * @return how many it took
 */
static unsigned
offer(struct inline_gate *g, struct lane *l)
{
	unsigned n = put_in(l, 0), idle = 0;
	uint64_t until;

	if (n == l->n_staged) {
		l->too_much = l->too_much &&
			rte_ring_count(l->in) > rte_ring_get_capacity(l->in) / 2;
		return n;
	}
	until = l->too_much ? 0 : turn_clock_us() + PATIENCE_US;
	while (n < l->n_staged && !flag(&l->stalled) && turn_clock_us() < until) {
		unsigned more = put_in(l, n);

		n += more;
		/* It may be waiting for room on its way out. */
		if (drain(g) > 0)
			wire_flush(g->cfg->wire);
		if (more == 0)
			turn_rest(idle++);
	}
	l->too_much = n < l->n_staged;
	return n;
}

static void
push(struct inline_gate *g, struct lane *l)
{
	unsigned n = 0;

	if (!flag(&l->stalled))
		n = offer(g, l);
	for (; n < l->n_staged; n++)
		unread(g, l->staged[n], flag(&l->stalled) ? INLINE_STALLED : INLINE_OVERLOAD);
	l->n_staged = 0;
}

static void
hand_out(struct inline_gate *g, struct rte_mbuf **pkts, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		struct lane *l = &g->lanes[(uint64_t)frame_host_hash(pkts[i]) * g->n_lanes >> 32];

		bytes += rte_pktmbuf_pkt_len(pkts[i]);
		l->staged[l->n_staged++] = pkts[i];
	}
	count_own(&g->stats.received, n, bytes);
	for (unsigned i = 0; i < g->n_lanes; i++)
		if (g->lanes[i].n_staged > 0)
			push(g, &g->lanes[i]);
}

static void
check_lanes(struct inline_gate *g, uint64_t now_us)
{
	for (unsigned i = 0; i < g->n_lanes; i++) {
		struct lane *l = &g->lanes[i];
		uint64_t beat = atomic_load_explicit(&l->beat, memory_order_relaxed);

		if (flag(&l->stalled) || flag(&l->done) ||
			!silent(&l->silence, beat, now_us, g->cfg->watchdog_us))
			continue;
		atomic_store_explicit(&l->stalled, true, memory_order_release);
		atomic_fetch_add_explicit(&g->stats.stalled, 1, memory_order_relaxed);
	}
}

static void
io_policy(struct inline_gate *g)
{
	const struct policy *p = policy_swap_take(g->cfg->policy, g->n_lanes);

	if (p == NULL)
		return;
	g->policy = p;
	policy_swap_review(g->cfg->policy, g->n_lanes, NULL, NULL);
}

/* What others may know of the ports: they belong to this thread. */
static void
io_ports(struct inline_gate *g)
{
	if (pthread_mutex_trylock(&g->ports_lock) != 0)
		return;
	for (unsigned i = 0; i < g->cfg->n_ports; i++)
		wire_port_stats(g->cfg->wire, i, &g->ports[i]);
	pthread_mutex_unlock(&g->ports_lock);
}

/* What has its time. */
static void
io_chores(struct inline_gate *g)
{
	uint64_t now = turn_clock_us();

	atomic_fetch_add_explicit(&g->beat, 1, memory_order_relaxed);
	if (now - g->checked_us >= CHECK_US) {
		check_lanes(g, now);
		g->checked_us = now;
	}
	if (now - g->linked_us >= LINK_US) {
		wire_tick(g->cfg->wire, source_wall_us());
		io_ports(g);
		g->linked_us = now;
	}
	if (g->cfg->policy != NULL)
		io_policy(g);
}

static void
pump(struct inline_gate *g)
{
	struct source *source = wire_source(g->cfg->wire);
	struct rte_mbuf *pkts[INLINE_BURST_MAX];
	unsigned idle = 0;

	while (!atomic_load_explicit(g->cfg->stop, memory_order_relaxed)) {
		int n = source_burst(source, pkts, g->cfg->burst);

		if (n > 0)
			hand_out(g, pkts, (unsigned)n);
		idle = drain(g) > 0 || n > 0 ? 0 : idle + 1;
		wire_flush(g->cfg->wire);
		io_chores(g);
		if (idle > 0)
			turn_rest(idle);
	}
}

/* Has every lane ended, or was it given up? */
static bool
lanes_ended(const struct inline_gate *g)
{
	for (unsigned i = 0; i < g->n_lanes; i++) {
		const struct lane *l = &g->lanes[i];

		if (l->started && !flag(&l->done) && !flag(&l->stalled))
			return false;
	}
	return true;
}

/* Nothing more is received; what was, goes its way. */
static void
run_dry(struct inline_gate *g)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < g->n_lanes; i++)
		atomic_store_explicit(&g->lanes[i].last, true, memory_order_release);
	for (;;) {
		/* Read before the rings, as a lane does with `last`. */
		bool ended = lanes_ended(g);
		unsigned n = drain(g);

		wire_flush(g->cfg->wire);
		io_chores(g);
		if (ended && n == 0)
			return;
		idle = n > 0 ? 0 : idle + 1;
		turn_rest(idle);
	}
}

/* ---- keeper and watchdog ---- */

static void
tell_stalled(struct inline_gate *g)
{
	for (unsigned i = 0; i < g->n_lanes; i++) {
		struct lane *l = &g->lanes[i];

		if (l->told || !flag(&l->stalled))
			continue;
		l->told = true;
		if (g->cfg->stalled != NULL)
			g->cfg->stalled(g->cfg->ctx, i);
	}
}

static void *
keep(void *arg)
{
	struct inline_gate *g = arg;
	const struct inline_config *cfg = g->cfg;
	bool over;

	while (!flag(&g->over) && atomic_load_explicit(&g->beat, memory_order_relaxed) == 0)
		nap(1000);
	if (cfg->began != NULL)
		cfg->began(cfg->ctx);
	do {
		over = flag(&g->over);
		tell_stalled(g);
		if (cfg->tick != NULL)
			cfg->tick(cfg->ctx);
		for (unsigned us = 0; us < TICK_US && !flag(&g->over); us += 10000)
			nap(10000);
	} while (!over);
	return NULL;
}

static void *
guard(void *arg)
{
	struct inline_gate *g = arg;
	struct silence s = {0};

	while (!flag(&g->over)) {
		uint64_t beat = atomic_load_explicit(&g->beat, memory_order_relaxed);

		if (silent(&s, beat, turn_clock_us(), 2 * g->cfg->watchdog_us)) {
			g->cfg->hung(g->cfg->ctx);
			break;
		}
		nap(GUARD_US);
	}
	return NULL;
}

/* ---- all together ---- */

static int
start(struct inline_gate *g, char *why, size_t why_size)
{
	for (unsigned i = 0; i < g->n_lanes; i++) {
		struct lane *l = &g->lanes[i];

		l->worker = g->cfg->workers[i];
		l->started = pthread_create(&l->thread, NULL, lane_run, l) == 0;
		if (!l->started) {
			snprintf(why, why_size, "worker %u can't be started: lower `workers`", i);
			return -1;
		}
	}
	g->keeping = pthread_create(&g->keeper, NULL, keep, g) == 0;
	g->guarding = g->keeping && g->cfg->hung != NULL &&
		pthread_create(&g->watchdog, NULL, guard, g) == 0;
	if (g->keeping && (g->guarding || g->cfg->hung == NULL))
		return 0;
	snprintf(why, why_size, "no thread can be started: the system's limit is reached");
	return -1;
}

/* One that was given up may have come back, and then ends by itself. */
static bool
lane_joinable(const struct lane *l)
{
	for (unsigned ms = 0; ms < GRACE_MS && flag(&l->stalled) && !flag(&l->done); ms++)
		nap(1000);
	return !flag(&l->stalled) || flag(&l->done);
}

/* @return whether all lanes have ended */
static bool
join(struct inline_gate *g)
{
	bool all = true;

	atomic_store_explicit(&g->over, true, memory_order_release);
	if (g->guarding)
		pthread_join(g->watchdog, NULL);
	for (unsigned i = 0; i < g->n_lanes; i++) {
		struct lane *l = &g->lanes[i];

		if (!l->started)
			continue;
		if (lane_joinable(l))
			pthread_join(l->thread, NULL);
		else
			all = false;
	}
	if (g->keeping)
		pthread_join(g->keeper, NULL);
	return all;
}

int
inline_run(struct inline_gate *g, const struct inline_config *cfg, char *why, size_t why_size)
{
	int r;

	g->cfg = cfg;
	g->policy = cfg->policy == NULL ? NULL : policy_swap_current(cfg->policy);
	nap_exactly();
	r = start(g, why, why_size);
	if (r == 0)
		pump(g);
	run_dry(g);
	io_ports(g);
	return !join(g) ? 1 : r;
}

static struct rte_ring *
ring_new(const char *what, unsigned i, unsigned size)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", what, i);
	return rte_ring_create(name, rte_align32pow2(size + 1), SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct inline_gate *
inline_new(unsigned n_workers, unsigned ring, char *why, size_t why_size)
{
	struct inline_gate *g = calloc(1, sizeof(*g) + n_workers * sizeof(g->lanes[0]));

	if (g != NULL)
		pthread_mutex_init(&g->ports_lock, NULL);
	for (unsigned i = 0; g != NULL && i < n_workers; i++) {
		struct lane *l = &g->lanes[g->n_lanes++];

		l->gate = g;
		l->index = i;
		l->in = ring_new("in", i, ring);
		l->out = ring_new("out", i, ring);
		if (l->in == NULL || l->out == NULL) {
			inline_free(g);
			g = NULL;
		}
	}
	if (g == NULL)
		snprintf(why, why_size,
			"no memory for the rings of %u workers: lower `workers` or "
			"limits.worker_ring", n_workers);
	return g;
}

void *
inline_lane(struct inline_gate *g, unsigned worker)
{
	return &g->lanes[worker];
}

const struct inline_stats *
inline_stats(const struct inline_gate *g)
{
	return &g->stats;
}

void
inline_ports(struct inline_gate *g, struct wire_port_stats *ret)
{
	pthread_mutex_lock(&g->ports_lock);
	memcpy(ret, g->ports, sizeof(g->ports));
	pthread_mutex_unlock(&g->ports_lock);
}

void
inline_free(struct inline_gate *g)
{
	for (unsigned i = 0; g != NULL && i < g->n_lanes; i++) {
		rte_ring_free(g->lanes[i].in);
		rte_ring_free(g->lanes[i].out);
	}
	if (g != NULL)
		pthread_mutex_destroy(&g->ports_lock);
	free(g);
}
