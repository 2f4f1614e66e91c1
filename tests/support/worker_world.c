/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/worker_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "dataplane/eal.h"
#include "dataplane/headers.h"
#include "inspectors/detect/pseudonym.h"
#include "policy/policy.h"

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
take_event(void *ctx, const char *json, size_t n)
{
	struct world *w = ctx;
	char *line = malloc(n + 1);

	w->events = realloc(w->events, (w->n_events + 1) * sizeof(*w->events));
	must(line != NULL && w->events != NULL, "no memory");
	memcpy(line, json, n);
	line[n] = '\0';
	w->events[w->n_events++] = line;
	w->events_seen++;
}

struct world *
world_new(void)
{
	static const uint8_t key[32] = {1};
	struct world *w = calloc(1, sizeof(*w));
	struct diag d;
	char why[EAL_ERROR_MAX];

	must(w != NULL, "no memory");
	diag_init(&d);
	w->cfg = (struct worker_config){.workers = 1,
		.socket = -1,
		.inspect = inspect_limits_default(),
		.limits = dataplane_limits_default(),
		.policy = policy_load(EXAMPLES_DIR "/default.yaml", NULL, &d),
		.pseudonym = pseudonym_new(key, sizeof(key)),
		.observer = "test",
		.verify_checksums = true,
		.distinct_seed = 1,
		.events = {take_event, w}};
	diag_print(&d, stderr);
	must(w->cfg.policy != NULL && w->cfg.pseudonym != NULL, "no policy");
	w->cfg.limits.flows = 4096;
	w->cfg.limits.inspect_memory = 64 << 20;
	w->cfg.limits.tcp_segments = 1024;
	w->cfg.limits.fragment_datagrams = 64;
	w->cfg.limits.ndpi_flows = 1024;
	w->cfg.inspect.transfers = 64;
	w->pool = eal_packet_pool("world", WORLD_POOL, why, sizeof(why));
	must(w->pool != NULL, why);
	w->cfg.packets = w->pool;
	return w;
}

void
world_free(struct world *w)
{
	world_clear(w);
	pseudonym_free((struct pseudonym *)w->cfg.pseudonym);
	policy_free((struct policy *)w->cfg.policy);
	rte_mempool_free(w->pool);
	free(w);
}

void
world_open(struct world *w, unsigned n_workers)
{
	struct worker_error err;

	w->packets = w->events_seen = 0;
	w->n_workers = n_workers;
	w->cfg.workers = n_workers;
	for (unsigned i = 0; i < n_workers; i++) {
		w->cfg.index = i;
		w->workers[i] = worker_new(&w->cfg, &err);
		must(w->workers[i] != NULL, err.text);
	}
}

static struct rte_mbuf *
mbuf_of(struct world *w, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
	char *at = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)f->n);

	must(at != NULL, "no packet buffer");
	memcpy(at, f->data, f->n);
	*packet_meta(m) = (struct packet_meta){.ts_us = f->us,
		.wire_length = f->wire,
		.link = LINK_ETHERNET,
		.port = f->port,
		.cut = f->wire > f->n};
	return m;
}

void
world_idle(struct world *w, uint64_t us)
{
	for (unsigned i = 0; i < w->n_workers; i++)
		worker_idle(w->workers[i], us);
}

void
world_frames(struct world *w, const struct frame *frames, size_t n)
{
	struct rte_mbuf *burst[WORLD_WORKERS_MAX][WORLD_BURST];
	unsigned fill[WORLD_WORKERS_MAX] = {0};

	for (size_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbuf_of(w, &frames[i]);
		unsigned to = (unsigned)((uint64_t)frame_host_hash(m) * w->n_workers >> 32);

		burst[to][fill[to]++] = m;
		for (unsigned k = 0; k < w->n_workers; k++)
			if (fill[k] == WORLD_BURST || (i + 1 == n && fill[k] > 0)) {
				worker_burst(w->workers[k], burst[k], fill[k]);
				fill[k] = 0;
			}
	}
	w->packets += n;
}

/* What is counted by pairs of domains is part of the totals. */
static void
check_pairs(const struct worker_stats *s)
{
	uint64_t inspected = s->other_pairs.inspected, exempt = s->other_pairs.exempt;

	for (unsigned i = 0; i < s->n_pairs; i++) {
		inspected += s->pairs[i].inspected;
		exempt += s->pairs[i].exempt;
	}
	must(inspected == s->inspected, "a pair's bytes are missing");
	must(exempt <= s->exempt, "a pair has exempt bytes that the total has not");
	for (unsigned r = 0; r < OPAQUE_COUNT; r++) {
		uint64_t opaque = s->other_pairs.opaque[r];

		for (unsigned i = 0; i < s->n_pairs; i++)
			opaque += s->pairs[i].opaque[r];
		must(opaque <= s->opaque[r], "a pair has opaque bytes that the total has not");
	}
}

void
world_flush(struct world *w)
{
	memset(&w->stats, 0, sizeof(w->stats));
	for (unsigned i = 0; i < w->n_workers; i++) {
		worker_finish(w->workers[i]);
		must(worker_is_empty(w->workers[i]), "a finished worker holds something");
		stats_add(&w->stats, worker_stats(w->workers[i]));
	}
	must(w->stats.packets == w->packets, "packets are missing");
	must(stats_unaccounted(&w->stats) == 0, "bytes are unaccounted for");
	must(w->cfg.egress.send == NULL || stats_unsettled(&w->stats) == 0,
		"bytes neither left nor are withheld");
	check_pairs(&w->stats);
	must(w->stats.inspected <= w->stats.payload, "more bytes are opaque than there were");
	must(w->stats.events == w->events_seen, "events are miscounted");
	must(rte_mempool_avail_count(w->pool) == WORLD_POOL, "packet buffers are missing");
}

void
world_close(struct world *w)
{
	world_flush(w);
	for (unsigned i = 0; i < w->n_workers; i++)
		worker_free(w->workers[i]);
	w->n_workers = 0;
}

void
world_clear(struct world *w)
{
	for (size_t i = 0; i < w->n_events; i++)
		free(w->events[i]);
	free(w->events);
	w->events = NULL;
	w->n_events = 0;
}

size_t
world_events_with(const struct world *w, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_events; i++)
		n += strstr(w->events[i], text) != NULL;
	return n;
}
