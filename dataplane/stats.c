/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/stats.h"

const char *
stats_verdict_name(enum verdict_counter v)
{
	static const char *const names[STATS_VERDICTS] = {
		[STATS_FORWARD] = "forward",
		[STATS_ALERT] = "alert",
		[STATS_HOLD] = "hold",
		[STATS_REFUSE] = "refuse",
		[STATS_DROP] = "drop",
	};

	return v < STATS_VERDICTS ? names[v] : "unknown";
}

const char *
withheld_name(enum withheld why)
{
	static const char *const names[] = {
#define X(symbol, name, sentence) name,
		WITHHELD_REASONS(X)
#undef X
	};

	return why < WITHHELD_COUNT ? names[why] : "unknown";
}

struct stats_application *
stats_application(struct worker_stats *s, uint16_t master, uint16_t app)
{
	struct stats_application *a;

	for (unsigned i = 0; i < s->n_applications; i++)
		if (s->applications[i].master == master && s->applications[i].app == app)
			return &s->applications[i];
	if (s->n_applications == STATS_APPLICATIONS_MAX)
		return &s->other_applications;
	a = &s->applications[s->n_applications++];
	a->master = master;
	a->app = app;
	return a;
}

struct stats_pair *
stats_pair(struct worker_stats *s, int from, int to)
{
	struct stats_pair *p;

	for (unsigned i = 0; i < s->n_pairs; i++)
		if (s->pairs[i].from == from && s->pairs[i].to == to)
			return &s->pairs[i];
	if (s->n_pairs == STATS_PAIRS_MAX)
		return &s->other_pairs;
	p = &s->pairs[s->n_pairs++];
	p->from = from;
	p->to = to;
	return p;
}

static void
add_all(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

static void
add_application(struct stats_application *to, const struct stats_application *from)
{
	to->flows += from->flows;
	to->packets += from->packets;
	to->bytes += from->bytes;
}

static void
add_pair(struct stats_pair *to, const struct stats_pair *from)
{
	to->inspected += from->inspected;
	to->exempt += from->exempt;
	add_all(to->opaque, from->opaque, OPAQUE_COUNT);
}

static void
add_engines(struct worker_stats *to, const struct worker_stats *from)
{
	add_all(to->headers, from->headers, HEADER_RESULTS_COUNT);
#define X(name, unit, sentence) to->fragment.name += from->fragment.name;
	FRAGMENT_COUNTERS(X)
#undef X
#define X(name, unit, sentence) to->flow.name += from->flow.name;
	FLOW_COUNTERS(X)
#undef X
#define X(name, unit, sentence) to->tcp.name += from->tcp.name;
	STREAM_COUNTERS(X)
#undef X
	add_all(to->tcp.drops, from->tcp.drops, STREAM_DROPS_COUNT);
#define X(name, unit, sentence) to->normalise.name += from->normalise.name;
	NORMALISE_COUNTERS(X)
#undef X
	add_all(to->normalise.drops, from->normalise.drops, NORMALISE_DROPS_COUNT);
	add_all(to->normalise.drop_bytes, from->normalise.drop_bytes, NORMALISE_DROPS_COUNT);
}

static void
add_times(struct worker_stats *to, const struct worker_stats *from)
{
	if (from->first_us != 0 && (to->first_us == 0 || from->first_us < to->first_us))
		to->first_us = from->first_us;
	if (from->last_us > to->last_us)
		to->last_us = from->last_us;
}

void
stats_add(struct worker_stats *to, const struct worker_stats *from)
{
	add_times(to, from);
	to->packets += from->packets;
	to->bytes += from->bytes;
	add_all(to->flows, from->flows, CHANNELS);
	to->flows_tcp += from->flows_tcp;
	to->flows_udp += from->flows_udp;
	to->flows_other += from->flows_other;
	to->flows_open += from->flows_open;
	to->flows_peak += from->flows_peak;
	to->payload += from->payload;
	to->inspected += from->inspected;
	add_all(to->opaque, from->opaque, OPAQUE_COUNT);
	to->exempt += from->exempt;
	to->repeated += from->repeated;
	to->undelivered += from->undelivered;
	to->forwarded += from->forwarded;
	add_all(to->withheld, from->withheld, WITHHELD_COUNT);
	to->messages += from->messages;
	to->events += from->events;
	add_all(to->verdicts, from->verdicts, STATS_VERDICTS);
	add_all(to->findings, from->findings, DETECT_DETECTORS_MAX);
	add_all(to->findings_low, from->findings_low, DETECT_DETECTORS_MAX);
#define X(name, unit, sentence) to->name += from->name;
	WORKER_COUNTERS(X)
#undef X
	add_engines(to, from);
	to->arena_peak += from->arena_peak;
	if (from->flow_arena_peak > to->flow_arena_peak)
		to->flow_arena_peak = from->flow_arena_peak;
	for (unsigned i = 0; i < from->n_applications; i++) {
		const struct stats_application *a = &from->applications[i];

		add_application(stats_application(to, a->master, a->app), a);
	}
	add_application(&to->other_applications, &from->other_applications);
	for (unsigned i = 0; i < from->n_pairs; i++) {
		const struct stats_pair *p = &from->pairs[i];

		add_pair(stats_pair(to, p->from, p->to), p);
	}
	add_pair(&to->other_pairs, &from->other_pairs);
}

int64_t
stats_unaccounted(const struct worker_stats *s)
{
	uint64_t sum = s->inspected + s->exempt + s->repeated + s->undelivered;

	for (unsigned i = 0; i < OPAQUE_COUNT; i++)
		sum += s->opaque[i];
	return (int64_t)(s->payload - sum);
}

int64_t
stats_unsettled(const struct worker_stats *s)
{
	uint64_t sum = s->forwarded;

	for (unsigned i = 0; i < WITHHELD_COUNT; i++)
		sum += s->withheld[i];
	return (int64_t)(s->payload - sum);
}
