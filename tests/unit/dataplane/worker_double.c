/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker that inspects nothing: it counts what it gets, in which order, and
 * writes one event for each packet. For tests of what stands around a worker.
 */
#include "tests/unit/dataplane/worker_double.h"

#include <stdio.h>
#include <stdlib.h>

#include "dataplane/headers.h"
#include "dataplane/packet_meta.h"

struct worker {
	struct worker_config cfg;
	struct worker_stats stats;
	struct worker_double_seen seen;
};

struct worker *
worker_new(const struct worker_config *cfg, struct worker_error *err)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		snprintf(err->text, sizeof(err->text), "no memory");
	else
		w->cfg = *cfg;
	return w;
}

static void
take(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct packet p;
	char json[64];
	int n;

	w->stats.packets++;
	w->stats.bytes += meta->wire_length;
	w->stats.headers[headers_parse(m, w->cfg.verify_checksums, &p)]++;
	w->seen.backwards += meta->ts_us < w->seen.last_us;
	w->seen.last_us = meta->ts_us;
	w->seen.hosts += p.family != 0 ? packet_host_hash(&p) : 0;
	if (w->cfg.events.event != NULL) {
		n = snprintf(json, sizeof(json), "{\"ts\":%llu}", (unsigned long long)meta->ts_us);
		w->cfg.events.event(w->cfg.events.ctx, json, (size_t)n);
		w->stats.events++;
	}
	rte_pktmbuf_free(m);
}

void
worker_burst(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		take(w, pkts[i]);
}

void
worker_idle(struct worker *w, uint64_t now_us)
{
	w->seen.idle_us = now_us;
}

void
worker_finish(struct worker *w)
{
	w->seen.finished++;
}

const struct worker_stats *
worker_stats(const struct worker *w)
{
	return &w->stats;
}

const struct worker_double_seen *
worker_double_seen(const struct worker *w)
{
	return &w->seen;
}

void
worker_free(struct worker *w)
{
	free(w);
}

size_t
worker_flow_size(void)
{
	return 256;
}
