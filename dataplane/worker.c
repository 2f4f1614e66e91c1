/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a packet: headers -> fragments -> flow -> nDPI -> TCP ->
 * conversation -> messages -> judge -> event. Run to completion, a burst at a
 * time, so that the next packets' headers and flows are on their way from
 * memory while the first one is dealt with.
 */
#include "dataplane/worker.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/enforce.h"
#include "dataplane/fragments.h"
#include "dataplane/inspection.h"
#include "dataplane/normalise.h"
#include "dataplane/pages.h"
#include "dataplane/report.h"
#include "inspectors/refusal.h"
#include "inspectors/stream/charset.h"
#include "inspectors/transfer.h"
#include "policy/policy.h"

enum {
	SWEEP_FLOWS = 64,	 /* places of the flow table looked at for each burst */
	SLACK_US = 1000000,	 /* by which a capture's times may run back */
	PREFETCH_AHEAD = 4,	 /* packets */
	CONVERSIONS = 256,	 /* iconv conversions at once */
};

/* A policy that flows were begun under: it stays until the last of them has ended. */
struct generation {
	struct generation *older;
	struct inspect_env inspect;
	struct report report;
};

struct worker {
	struct worker_config cfg;
	struct worker_stats stats;
	struct inspect_limits limits;
	struct generation *policy; /* the current one first */
	struct inspection_env inspections;
	struct transfer_table *transfers;
	uint64_t sequence; /* of events */
	struct pages *pages;
	struct flow_table *flows;
	struct tcp_engine *tcp;
	struct fragments *fragments;
	struct normalise_engine *normalise; /* inline only */
	struct enforce_env enforce;
	struct refusal refusal;
	struct classifier *classifier;
	struct charset_catalog *charsets;
	struct packet packets[FLOW_BURST_MAX];
	const struct packet *packet[FLOW_BURST_MAX]; /* each one's address */
	struct flow_burst burst;
	uint64_t burst_us; /* time of the burst's last packet */
	uint64_t today_us; /* when the day of inspect.today began */
	bool today_set;
};

size_t
worker_flow_size(void)
{
	return flow_table_flow_size();
}

_Static_assert(sizeof(struct inspection_unread) <= sizeof(((struct flow *)NULL)->worker),
	"what a flow was not inspected for fits it");

/* ---- set-up ---- */

static void
on_flow_ended(void *ctx, struct flow *f, enum flow_end why)
{
	struct worker *w = ctx;
	struct inspection *in = f->inspection;
	struct inspection_unread unread;

	memcpy(&unread, f->worker, sizeof(unread));
	f->inspection = NULL;
	if (in != NULL && in->enforced != NULL)
		enforcement_close(in->enforced);
	if (in != NULL)
		inspection_close(in);
	if (unread.dir[DIR_CLIENT].bytes > 0 || unread.dir[DIR_SERVER].bytes > 0)
		inspection_close_unread(&w->inspections, f, &unread, in != NULL);
}

static struct flow_table *
open_flows(struct worker *w)
{
	const struct dataplane_limits *l = &w->cfg.limits;
	struct flow_table_config cfg = {
		.flows = (uint32_t)l->flows,
		.timeout_us = {[FLOW_TCP_OPENING] = l->tcp_open_timeout * 1000000,
			[FLOW_TCP_ESTABLISHED] = l->tcp_idle_timeout * 1000000,
			[FLOW_TCP_CLOSING] = l->tcp_close_timeout * 1000000,
			[FLOW_UDP] = l->udp_idle_timeout * 1000000,
			[FLOW_OTHER] = l->udp_idle_timeout * 1000000},
		.slack_us = SLACK_US,
		.seed = (uint32_t)w->cfg.distinct_seed,
		.socket = w->cfg.socket,
		.ended = on_flow_ended,
		.ctx = w,
	};

	return flow_table_create(&cfg);
}

static struct tcp_engine *
open_tcp(struct worker *w)
{
	const struct dataplane_limits *l = &w->cfg.limits;
	struct tcp_config cfg = {
		.flow_held = (uint32_t)l->tcp_held,
		.flow_segments = (uint32_t)l->tcp_held_segments,
		.flow_unacked = (uint32_t)l->tcp_unacked,
		.held = l->tcp_held_total,
		.segments = (uint32_t)l->tcp_segments,
		.gap_timeout_us = l->tcp_gap_timeout * 1000,
		.socket = w->cfg.socket,
	};

	return tcp_engine_create(&cfg);
}

static bool
is_inline(const struct worker *w)
{
	return w->cfg.egress.send != NULL;
}

static bool
open_normaliser(struct worker *w)
{
	const struct dataplane_limits *l = &w->cfg.limits;
	struct normalise_config cfg = {
		.flow_held = (uint32_t)l->tcp_held,
		.flow_segments = (uint32_t)l->tcp_held_segments,
		.flow_unacked = (uint32_t)l->tcp_unacked,
		.held = l->tcp_held_total,
		.segments = (uint32_t)l->tcp_segments,
		.pool = w->cfg.packets,
		.socket = w->cfg.socket,
	};

	if (!is_inline(w))
		return true;
	w->normalise = normalise_engine_create(&cfg);
	return w->normalise != NULL;
}

static struct fragments *
open_fragments(struct worker *w)
{
	struct fragments_config cfg = {
		.datagrams = (uint32_t)w->cfg.limits.fragment_datagrams,
		.timeout_us = w->cfg.limits.fragment_timeout * 1000000,
		.seed = (uint32_t)w->cfg.distinct_seed,
		.socket = w->cfg.socket,
		.keep_originals = is_inline(w),
	};

	return fragments_create(&cfg);
}

static void
free_generation(struct generation *g)
{
	if (g != NULL)
		detect_scratch_free(g->inspect.scratch);
	rte_free(g);
}

bool
worker_set_policy(struct worker *w, const struct policy *policy)
{
	struct generation *g = rte_zmalloc_socket("policy", sizeof(*g), 0, w->cfg.socket);

	if (g == NULL)
		return false;
	g->report = (struct report){.cfg = &w->cfg,
		.policy = policy,
		.stats = &w->stats,
		.classifier = w->classifier,
		.sequence = &w->sequence};
	g->inspect = (struct inspect_env){
		.limits = &w->limits,
		.detect = policy_detect(policy),
		.scratch = detect_scratch_new(policy_detect(policy)),
		.pseudonym = w->cfg.pseudonym,
		.charsets = w->charsets,
		.transfers = w->transfers,
		.message_done = report_message,
		.ctx = &g->report,
		.distinct_seed = w->cfg.distinct_seed,
	};
	if (g->inspect.scratch == NULL) {
		free_generation(g);
		return false;
	}
	g->older = w->policy;
	w->policy = g;
	w->inspections.inspect = &g->inspect;
	w->today_set = false;
	return true;
}

bool
worker_uses_policy(const struct worker *w, const struct policy *policy)
{
	for (const struct generation *g = w->policy; g != NULL; g = g->older)
		if (g->report.policy == policy)
			return true;
	return false;
}

/* Old policies go when their last flow has. */
static void
drop_old_policies(struct worker *w)
{
	struct generation **link = &w->policy->older;

	while (*link != NULL) {
		struct generation *g = *link;

		if (g->report.flows > 0) {
			link = &g->older;
			continue;
		}
		*link = g->older;
		free_generation(g);
	}
}

static bool
open_inspect(struct worker *w)
{
	w->charsets = charset_catalog_new(CONVERSIONS);
	w->limits = w->cfg.inspect;
	w->transfers = transfer_table_new(w->limits.transfers);
	return w->charsets != NULL && w->transfers != NULL &&
		worker_set_policy(w, w->cfg.policy);
}

static bool
open_parts(struct worker *w, struct worker_error *err)
{
	char why[256];

	w->classifier = classifier_new(
		w->cfg.limits.ndpi_flows, (unsigned)w->cfg.limits.ndpi_packets, why, sizeof(why));
	if (w->classifier == NULL) {
		snprintf(err->text, sizeof(err->text), "%s", why);
		return false;
	}
	w->pages = pages_create(w->cfg.limits.inspect_memory, w->cfg.socket);
	w->flows = open_flows(w);
	w->tcp = open_tcp(w);
	w->fragments = open_fragments(w);
	w->inspections.scratch = rte_malloc_socket("scratch", INSPECTION_SCRATCH, 64,
		w->cfg.socket);
	if (w->pages != NULL && w->flows != NULL && w->tcp != NULL && w->fragments != NULL &&
		w->inspections.scratch != NULL && open_normaliser(w) && open_inspect(w))
		return true;
	snprintf(err->text, sizeof(err->text),
		"worker %u: no memory for its tables; lower limits.flows, "
		"limits.fragment_datagrams or limits.packet_buffers, or give it more memory",
		w->cfg.index);
	return false;
}

struct worker *
worker_new(const struct worker_config *cfg, struct worker_error *err)
{
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), 64, cfg->socket);

	if (w == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory for worker %u", cfg->index);
		return NULL;
	}
	w->cfg = *cfg;
	for (unsigned i = 0; i < FLOW_BURST_MAX; i++)
		w->packet[i] = &w->packets[i];
	if (!open_parts(w, err)) {
		worker_free(w);
		return NULL;
	}
	w->inspections.pages = pages_source(w->pages);
	w->inspections.tcp = w->tcp;
	w->inspections.classifier = w->classifier;
	w->inspections.stats = &w->stats;
	w->inspections.settle_us = w->cfg.limits.settle_pause * 1000;
	w->enforce = (struct enforce_env){.inspections = &w->inspections,
		.tcp = w->normalise,
		.cfg = &w->cfg,
		.stats = &w->stats,
		.refusal = &w->refusal};
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	fragments_destroy(w->fragments);
	flow_table_destroy(w->flows);
	tcp_engine_destroy(w->tcp);
	normalise_engine_destroy(w->normalise);
	classifier_free(w->classifier);
	transfer_table_free(w->transfers);
	while (w->policy != NULL) {
		struct generation *g = w->policy;

		w->policy = g->older;
		free_generation(g);
	}
	charset_catalog_free(w->charsets);
	rte_free(w->inspections.scratch);
	pages_destroy(w->pages);
	rte_free(w);
}

/* ---- time ---- */

/* Days since 1970-01-01 to a date of the Gregorian calendar (Fliegel, van Flandern 1968). */
static struct civil_date
date_of_day(int64_t day)
{
	int64_t l = day + 2440588 + 68569, n = 4 * l / 146097, i, j;

	l -= (146097 * n + 3) / 4;
	i = 4000 * (l + 1) / 1461001;
	l -= 1461 * i / 4 - 31;
	j = 80 * l / 2447;
	return (struct civil_date){
		.year = (int16_t)(100 * (n - 49) + i + j / 11),
		.month = (uint8_t)(j + 2 - 12 * (j / 11)),
		.day = (uint8_t)(l - 2447 * j / 80),
	};
}

/* Birth dates are judged as of the packet's own day, so that a capture gives the same
 * findings whenever it is read. */
static void
set_today(struct worker *w, uint64_t us)
{
	enum { DAY_HOURS = 24 };
	const uint64_t day_us = UINT64_C(3600000000) * DAY_HOURS;

	if (us - w->today_us < day_us && w->today_set)
		return;
	w->today_set = true;
	w->today_us = us - us % day_us;
	for (struct generation *g = w->policy; g != NULL; g = g->older)
		g->inspect.today = date_of_day((int64_t)(us / day_us));
}

static void
count_packet(struct worker *w, const struct packet_meta *meta)
{
	w->stats.packets++;
	w->stats.bytes += meta->wire_length;
	w->stats.cut += meta->cut;
	w->burst_us = meta->ts_us;
	if (w->stats.first_us == 0)
		w->stats.first_us = meta->ts_us;
	if (meta->ts_us > w->stats.last_us)
		w->stats.last_us = meta->ts_us;
}

/* ---- packets ---- */

/* Payload that no receiver accepts, but that was on the wire: opaque, damaged. */
static void
count_damaged(struct worker *w, const struct packet *p)
{
	w->stats.payload += p->payload_len;
	w->stats.opaque[OPAQUE_DAMAGED] += p->payload_len;
}

/* The packet is done with: inline it leaves, or it doesn't; a watcher only had a copy. */
static void
let_go(struct worker *w, struct packet *p, bool leaves, enum withheld why)
{
	if (!is_inline(w)) {
		rte_pktmbuf_free(p->mbuf);
		return;
	}
	if (leaves)
		enforce_leave(&w->enforce, p);
	else
		enforce_withhold(&w->enforce, p, why);
}

/* What no flow is made of: frames without IP, and what no receiver takes. */
static void
let_go_unusable(struct worker *w, struct packet *p, enum header_result r)
{
	bool leaves = false;

	if (r == HEADER_IP_CHECKSUM || r == HEADER_TCP_CHECKSUM || r == HEADER_UDP_CHECKSUM)
		count_damaged(w, p);
	else
		p->payload_len = 0; /* where it begins isn't known */
	if (r == HEADER_NOT_IP && is_inline(w)) {
		w->stats.non_ip++;
		leaves = !w->cfg.choices.non_ip_drop;
	}
	let_go(w, p, leaves, WITHHELD_DAMAGED);
}

/* What goes between these two domains is neither read nor judged. @return whether it was exempt */
static bool
pass_exempt(struct worker *w, struct packet *p)
{
	const struct policy *policy = w->policy->report.policy;
	int from, to;

	if (!policy_exempts(policy))
		return false;
	from = policy_domain_of_address(policy, p->family, p->address[0]);
	to = policy_domain_of_address(policy, p->family, p->address[1]);
	if (policy_mode(policy, from, to) != MODE_EXEMPT)
		return false;
	w->stats.payload += p->payload_len;
	w->stats.exempt += p->payload_len;
	stats_pair(&w->stats, from, to)->exempt += p->payload_len;
	let_go(w, p, true, WITHHELD_COUNT);
	return true;
}

/* The frames that a datagram came in, one after the other, where enforce_leave() finds them. */
static void
keep_frames(const struct worker *w, struct packet *whole)
{
	struct rte_mbuf *frames[FRAGMENTS_MAX];
	unsigned n = is_inline(w) ? fragments_originals(whole, frames, FRAGMENTS_MAX) : 0;

	for (unsigned i = 0; i + 1 < n; i++)
		packet_meta(frames[i])->original = frames[i + 1];
	if (n > 0)
		packet_meta(whole->mbuf)->original = frames[0];
}

/* Inline nothing passes by a wrong checksum, since it mustn't leave with one that was read. */
static enum verify
verify_of(const struct worker *w)
{
	if (is_inline(w))
		return VERIFY_OR_COMPLETE;
	return w->cfg.verify_checksums ? VERIFY_YES : VERIFY_NO;
}

/* @return whether @p p is a whole packet to go on with; else its mbuf is gone */
static bool
read_headers(struct worker *w, struct rte_mbuf *m, struct packet *p)
{
	enum header_result r = headers_parse(m, verify_of(w), p);

	count_packet(w, packet_meta(m));
	w->stats.headers[r]++;
	if (r == HEADER_PARTIAL_CHECKSUM)
		headers_complete_checksum(p);
	if ((header_result_usable(r) || r == HEADER_FRAGMENT) && pass_exempt(w, p))
		return false;
	if (r == HEADER_FRAGMENT) {
		if (fragments_feed(w->fragments, p) != FRAGMENT_WHOLE)
			return false;
		keep_frames(w, p);
		r = headers_reparse(p, verify_of(w));
		if (r != HEADER_OK)
			w->stats.headers[r]++;
	}
	if (header_result_usable(r))
		return true;
	let_go_unusable(w, p, r);
	return false;
}

/* What the policy wants done between the flow's ends. */
static enum event_mode
mode_of(const struct worker *w, const struct packet *p)
{
	const struct policy *policy = w->policy->report.policy;

	if (!is_inline(w))
		return EVENT_MONITOR;
	return policy_mode(policy, policy_domain_of_address(policy, p->family, p->address[0]),
		       policy_domain_of_address(policy, p->family, p->address[1])) == MODE_SHADOW
		? EVENT_SHADOW
		: EVENT_ENFORCE;
}

/* There is no page to inspect the flow with: its end tells. */
static void
count_unread(struct worker *w, struct flow *f, const struct packet *p, enum direction dir,
	bool leaves)
{
	struct inspection_unread unread;

	w->stats.opaque[OPAQUE_OVER_BUDGET] += p->payload_len;
	memcpy(&unread, f->worker, sizeof(unread));
	if (p->payload_len <= (uint32_t)UNREAD_MAX - unread.dir[dir].bytes)
		unread.dir[dir].bytes += p->payload_len;
	unread.dir[dir].mode = mode_of(w, p);
	unread.dir[dir].stopped |= !leaves && p->payload_len > 0;
	memcpy(f->worker, &unread, sizeof(unread));
}

/* May what can't be read leave? By the policy's `opaque:` where that is chosen. */
static bool
unread_leaves(const struct worker *w, const struct packet *p)
{
	const struct policy *policy = w->policy->report.policy;
	int from = policy_domain_of_address(policy, p->family, p->address[0]);
	int to = policy_domain_of_address(policy, p->family, p->address[1]);

	if (mode_of(w, p) != EVENT_ENFORCE)
		return true;
	return w->cfg.choices.no_memory_judge &&
		policy_row(policy, from, to, CHANNEL_OTHER)->opaque < REACTION_HOLD;
}

static void
no_room(struct worker *w, struct flow *f, struct packet *p, enum direction dir)
{
	bool leaves = unread_leaves(w, p);

	count_unread(w, f, p, dir, leaves);
	w->stats.no_memory += is_inline(w);
	let_go(w, p, leaves, WITHHELD_NO_MEMORY);
}

/* The flow's inspection, opened with its first packet; NULL: no page for it. */
static struct inspection *
inspection_of(struct worker *w, struct flow *f, const struct packet *p, enum direction dir)
{
	struct inspection *in = f->inspection;

	if (in != NULL)
		return in;
	in = inspection_open(&w->inspections, f, p, dir);
	if (in == NULL)
		return NULL;
	in->mode = (uint8_t)mode_of(w, p);
	if (in->mode == EVENT_ENFORCE && p->kind == PACKET_TCP &&
		!enforcement_open(&w->enforce, in, p, dir)) {
		/* There will be another try, or none: the flow isn't counted with this one. */
		in->flow = NULL;
		inspection_close(in);
		return NULL;
	}
	f->inspection = in;
	return in;
}

/* @return false when it begins a new connection: nothing was taken */
static bool
read_packet(struct worker *w, struct inspection *in, struct packet *p, enum direction dir)
{
	if (in->enforced != NULL && p->mbuf->nb_segs > 1)
		return enforcement_pieces(in->enforced, p, dir);
	if (in->enforced != NULL)
		return enforcement_packet(in->enforced, p, dir);
	if (in->mode == EVENT_ENFORCE) {
		enforce_datagram(&w->enforce, in, p, dir);
		return true;
	}
	if (!inspection_packet(in, p, dir))
		return false;
	let_go(w, p, true, WITHHELD_COUNT);
	return true;
}

/* The full table has no flow for it: what is over a ceiling by itself doesn't leave at all. */
static void
without_flow(struct worker *w, struct packet *p, enum direction dir)
{
	enum event_mode mode = mode_of(w, p);
	bool clean = inspection_stateless(&w->inspections, p, dir, (uint8_t)mode);

	w->stats.full_table += is_inline(w);
	let_go(w, p, mode != EVENT_ENFORCE || (clean && w->cfg.choices.full_table_pass),
		WITHHELD_FULL_TABLE);
}

static void
one_packet(struct worker *w, unsigned i, struct packet *p)
{
	enum direction dir;
	struct flow *f = flow_of(w->flows, p, &w->burst, i, &dir);
	struct inspection *in;

	w->stats.payload += p->payload_len;
	if (f == NULL) {
		without_flow(w, p, dir);
		return;
	}
	in = inspection_of(w, f, p, dir);
	if (in != NULL && read_packet(w, in, p, dir))
		return;
	if (in != NULL) {
		flow_restart(w->flows, f, p, &dir);
		in = inspection_of(w, f, p, dir);
		if (in != NULL && read_packet(w, in, p, dir))
			return;
	}
	no_room(w, f, p, dir);
}

static void
flows_of_burst(struct worker *w, unsigned n)
{
	flow_burst_lookup(w->flows, w->packet, n, &w->burst);
	for (unsigned i = 0; i < n; i++) {
		set_today(w, w->packets[i].time);
		one_packet(w, i, &w->packets[i]);
	}
}

/* What the normaliser took out of the streams, and why. */
static void
settle_drop(struct worker *w, enum normalise_drop why, uint64_t bytes)
{
	static const enum withheld as[NORMALISE_DROPS_COUNT] = {
		[NORMALISE_DROP_OUT_OF_WINDOW] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_NO_ROOM] = WITHHELD_NO_ROOM,
		[NORMALISE_DROP_SYN_DATA] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_AFTER_FIN] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_STRAY] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_SYN] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_RST] = WITHHELD_NOT_IN_STREAM,
		[NORMALISE_DROP_CLOSED] = WITHHELD_NO_CONNECTION,
		[NORMALISE_DROP_WRONG_PORT] = WITHHELD_WRONG_PORT,
		[NORMALISE_DROP_MIDSTREAM] = WITHHELD_NO_CONNECTION,
		[NORMALISE_DROP_REFUSED] = WITHHELD_REFUSED,
		[NORMALISE_DROP_UNSENT] = WITHHELD_NO_CONNECTION,
	};

	w->stats.withheld[as[why]] += bytes;
	/* These two were read, and are accounted for as such. */
	if (why != NORMALISE_DROP_REFUSED && why != NORMALISE_DROP_UNSENT)
		w->stats.undelivered += bytes;
}

static void
copy_normaliser(struct worker *w)
{
	const struct normalise_counters *c, *was = &w->stats.normalise;
	uint64_t again;

	if (!is_inline(w))
		return;
	c = normalise_engine_counters(w->normalise);
	for (unsigned i = 0; i < NORMALISE_DROPS_COUNT; i++)
		settle_drop(w, (enum normalise_drop)i, c->drop_bytes[i] - was->drop_bytes[i]);
	again = c->swallowed_bytes - was->swallowed_bytes;
	w->stats.repeated += again;
	w->stats.withheld[WITHHELD_AGAIN] += again;
	w->stats.forwarded += c->released_bytes - was->released_bytes;
	w->stats.normalise = *c;
}

static void
copy_counters(struct worker *w)
{
	uint64_t lost = fragments_counters(w->fragments)->lost_bytes - w->stats.fragment.lost_bytes;

	/* Fragments that never became a datagram were on the wire, too. */
	w->stats.payload += lost;
	w->stats.opaque[OPAQUE_DAMAGED] += lost;
	w->stats.withheld[WITHHELD_DAMAGED] += is_inline(w) ? lost : 0;
	w->stats.fragment = *fragments_counters(w->fragments);
	w->stats.flow = *flow_table_counters(w->flows);
	w->stats.tcp = *tcp_engine_counters(w->tcp);
	copy_normaliser(w);
	w->stats.arena_peak = pages_peak(w->pages);
	w->stats.arena_full = pages_refused(w->pages);
}

static void
sweep(struct worker *w, uint64_t now_us)
{
	uint32_t open;

	if (is_inline(w))
		enforce_tick(&w->enforce, now_us);
	flow_table_sweep(w->flows, now_us, SWEEP_FLOWS);
	fragments_sweep(w->fragments, now_us);
	drop_old_policies(w);
	open = flow_table_count(w->flows);
	w->stats.flows_open = open;
	if (open > w->stats.flows_peak)
		w->stats.flows_peak = open;
}

void
worker_burst(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], void *));
		if (read_headers(w, pkts[i], &w->packets[usable]))
			usable++;
		if (usable == FLOW_BURST_MAX) {
			flows_of_burst(w, usable);
			usable = 0;
		}
	}
	if (usable > 0)
		flows_of_burst(w, usable);
	/* Not the latest time so far: a second capture may be older than the first. */
	if (n > 0)
		sweep(w, w->burst_us);
}

void
worker_idle(struct worker *w, uint64_t now_us)
{
	sweep(w, now_us);
	copy_counters(w);
}

void
worker_finish(struct worker *w)
{
	fragments_flush(w->fragments);
	flow_table_flush(w->flows);
	w->stats.flows_open = 0;
	copy_counters(w);
}

bool
worker_is_empty(const struct worker *w)
{
	return flow_table_count(w->flows) == 0 && pages_held(w->pages) == 0 &&
		(!is_inline(w) || normalise_engine_references(w->normalise) == 0) &&
		tcp_engine_references(w->tcp) == 0 && classifier_held(w->classifier) == 0;
}

const struct worker_stats *
worker_stats(const struct worker *w)
{
	return &w->stats;
}
