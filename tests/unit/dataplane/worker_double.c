/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker that inspects nothing: it counts what it gets, in which order, and
 * writes one event for each packet. With an egress, all leaves at the partner port.
 * For tests of what stands around a worker.
 */
#include "tests/unit/dataplane/worker_double.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/headers.h"
#include "dataplane/packet_meta.h"

struct worker {
	struct worker_config cfg;
	struct worker_stats stats;
	struct worker_double_seen seen;
	const struct policy *policy;
	atomic_bool released, keep;
	struct rte_mbuf *held;
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
leave(struct worker *w, struct rte_mbuf *m)
{
	if (w->cfg.egress.send != NULL)
		w->cfg.egress.send(w->cfg.egress.ctx, m, packet_meta(m)->port ^ 1u);
	else
		rte_pktmbuf_free(m);
}

static void
obey(struct worker *w, struct rte_mbuf *m, const struct packet *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_at);
	unsigned id = p->family == 4 ? (unsigned)ip[4] << 8 | ip[5] : 0;

	while (id == DOUBLE_HANG && !atomic_load(&w->released))
		usleep(1000);
	if (id == DOUBLE_SLOW)
		usleep(1000);
	if (id == DOUBLE_HOLD && w->held == NULL && w->cfg.egress.send != NULL)
		w->held = m;
	else
		leave(w, m);
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
	obey(w, m, &p);
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
	if (w->seen.idle_calls++ > 0 && now_us - w->seen.idle_us > w->seen.idle_gap_us)
		w->seen.idle_gap_us = now_us - w->seen.idle_us;
	w->seen.idle_us = now_us;
}

void
worker_finish(struct worker *w)
{
	w->seen.finished++;
	if (w->held != NULL)
		leave(w, w->held);
	w->held = NULL;
}

void
worker_double_release(struct worker *w)
{
	atomic_store(&w->released, true);
}

void
worker_double_set_policy(struct worker *w, const struct policy *p)
{
	w->policy = p;
	atomic_fetch_add(&w->seen.policies, 1u);
}

bool
worker_double_uses_policy(const struct worker *w, const struct policy *p)
{
	return p == w->policy || atomic_load(&w->keep);
}

void
worker_double_keep(struct worker *w, bool keep)
{
	atomic_store(&w->keep, keep);
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
	if (w != NULL)
		rte_pktmbuf_free(w->held);
	free(w);
}

size_t
worker_flow_size(void)
{
	return 256;
}

bool
worker_set_policy(struct worker *w, const struct policy *p)
{
	worker_double_set_policy(w, p);
	return true;
}

bool
worker_uses_policy(const struct worker *w, const struct policy *p)
{
	return worker_double_uses_policy(w, p);
}
