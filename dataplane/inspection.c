/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/inspection.h"

#include "dataplane/report.h"
#include "inspectors/transfer.h"

_Static_assert(sizeof(struct inspection) <= ARENA_PAGE_MEDIUM, "an inspection fits a page");

/* ---- TCP streams to conversation ---- */

static void
on_data(void *ctx, enum direction dir, struct bytes bytes)
{
	struct inspection *in = ctx;

	/* Before the bytes: they may make a whole message, which says so. */
	in->conversation.midstream = stream_midstream(&in->tcp);
	conversation_data(&in->conversation, dir, bytes);
}

static void
on_gap(void *ctx, enum direction dir, uint64_t lost)
{
	struct inspection *in = ctx;

	in->conversation.midstream = stream_midstream(&in->tcp);
	conversation_gap(&in->conversation, dir, lost);
}

static void
on_finish(void *ctx, enum direction dir)
{
	struct inspection *in = ctx;

	conversation_finish(&in->conversation, dir);
}

/*
 * Bytes that were on the wire beside the stream: a copy that differs, or what
 * has no place in it. Some receiver may take them (invariant 9), so they are
 * read too, by themselves.
 */
static void
scan_aside(struct inspection *in, enum direction dir, struct bytes bytes)
{
	struct conversation aside;

	conversation_open(&aside, in->env->inspect, in->env->pages, &in->conversation.ends,
		CHANNEL_OTHER, true);
	aside.host = in;
	conversation_data(&aside, dir, bytes);
	conversation_close(&aside, false);
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes other)
{
	struct inspection *in = ctx;

	if (in->conflicts[dir] == 0)
		in->conflict_at[dir] = at;
	in->conflicts[dir] += other.n;
	scan_aside(in, dir, other);
}

static void
on_dropped(void *ctx, enum direction dir, enum stream_drop why, struct bytes bytes)
{
	scan_aside(ctx, dir, bytes);
}

static void
on_reset(void *ctx)
{
	((struct inspection *)ctx)->reset = true;
}

static const struct stream_ops stream_ops = {
	.data = on_data,
	.gap = on_gap,
	.finish = on_finish,
	.conflict = on_conflict,
	.dropped = on_dropped,
	.reset = on_reset,
};

/* ---- memory: inspections are cut from the same pages as the arenas ---- */

static struct inspection *
take_inspection(struct inspection_env *env)
{
	struct inspection *in = env->free;
	size_t n = ARENA_PAGE_MEDIUM / sizeof(struct inspection);

	if (in == NULL) {
		in = env->pages->take(env->pages->ctx, ARENA_PAGE_MEDIUM);
		if (in == NULL)
			return NULL;
		for (size_t i = 0; i < n; i++) {
			in[i].next_free = env->free;
			env->free = &in[i];
		}
		in = env->free;
	}
	env->free = in->next_free;
	return in;
}

static void
give_inspection(struct inspection *in)
{
	in->next_free = in->env->free;
	in->env->free = in;
}

/* ---- a flow's life ---- */

static struct endpoints
ends_of(const struct packet *p, enum direction dir)
{
	struct endpoints e = {.family = p->family};
	int client = dir == DIR_CLIENT ? 0 : 1;

	memcpy(e.address[DIR_CLIENT], p->address[client], 16);
	memcpy(e.address[DIR_SERVER], p->address[!client], 16);
	e.port[DIR_CLIENT] = p->port[client];
	e.port[DIR_SERVER] = p->port[!client];
	return e;
}

static void
start(struct inspection *in, struct inspection_env *env, struct flow *f, const struct packet *p,
	enum direction dir)
{
	struct endpoints ends = ends_of(p, dir);

	*in = (struct inspection){.env = env,
		.flow = f,
		.first_us = p->time,
		.now_us = p->time,
		.protocol = p->protocol};
	in->class.channel = CHANNEL_OTHER;
	conversation_open(
		&in->conversation, env->inspect, env->pages, &ends, CHANNEL_OTHER, false);
	in->conversation.host = in;
	in->conversation.datagrams = p->kind != PACKET_TCP;
}

struct inspection *
inspection_open(struct inspection_env *env, struct flow *f, const struct packet *p,
	enum direction dir)
{
	struct inspection *in = take_inspection(env);

	if (in == NULL)
		return NULL;
	start(in, env, f, p, dir);
	if (p->kind == PACKET_TCP) {
		tcp_stream_open(&in->tcp, env->tcp, &stream_ops, in);
		if (env->inspect->transfers != NULL)
			in->conversation.transfer = transfer_match(
				env->inspect->transfers, &in->conversation.ends);
	}
	return in;
}

/* What nDPI has said becomes the conversation's channel, hint, and reason. */
static void
apply_classification(struct inspection *in)
{
	struct conversation *c = &in->conversation;

	if (!c->decided || c->ops == inspector_find("raw"))
		c->channel = in->class.channel;
	if (in->class.hint == NULL)
		c->opaque = in->class.opaque;
	else
		conversation_hint(c, in->class.hint);
	if (in->class.done && in->class.hint == NULL)
		conversation_no_hint(c);
}

/*
 * Bytes of a packet in one piece: where they lie, or, since fragments made
 * whole are chains, copied together.
 */
static struct bytes
in_one_piece(struct inspection *in, const struct packet *p, uint32_t at, uint32_t n)
{
	uint32_t there = rte_pktmbuf_pkt_len(p->mbuf);
	const uint8_t *bytes;

	if (at >= there)
		return (struct bytes){NULL, 0};
	if (n > there - at)
		n = there - at;
	if (n > INSPECTION_SCRATCH)
		n = INSPECTION_SCRATCH;
	bytes = rte_pktmbuf_read(p->mbuf, at, n, in->env->scratch);
	return bytes_of(bytes, bytes == NULL ? 0 : n);
}

static void
classify(struct inspection *in, const struct packet *p)
{
	struct bytes l3 = in_one_piece(in, p, p->l3_at, p->l3_len);

	if (l3.n == 0)
		return;
	if (!classify_packet(in->env->classifier, &in->ndpi, l3.p, l3.n, p->time / 1000,
		    &in->class))
		in->env->stats->ndpi_full++;
	apply_classification(in);
}

static void
feed_datagram(struct inspection *in, const struct packet *p, enum direction dir)
{
	if (p->payload_len > 0)
		conversation_data(&in->conversation, dir,
			in_one_piece(in, p, p->payload_at, p->payload_len));
}

static enum flow_kind
kind_of(const struct inspection *in, const struct packet *p)
{
	if (p->kind == PACKET_UDP)
		return FLOW_UDP;
	if (p->kind != PACKET_TCP)
		return FLOW_OTHER;
	switch (stream_state(&in->tcp)) {
	case STREAM_OPENING:
		return FLOW_TCP_OPENING;
	case STREAM_OPEN:
		return FLOW_TCP_ESTABLISHED;
	case STREAM_CLOSING:
		break;
	}
	return FLOW_TCP_CLOSING;
}

bool
inspection_packet(struct inspection *in, const struct packet *p, enum direction dir)
{
	in->now_us = p->time;
	if (!in->class.done)
		classify(in, p);
	if (p->kind != PACKET_TCP)
		feed_datagram(in, p, dir);
	else if (tcp_stream_segment(&in->tcp, dir, p) == TCP_NEW_CONNECTION)
		return false;
	in->packets++;
	in->bytes += p->l3_len;
	if (in->flow != NULL)
		flow_set_kind(in->flow, kind_of(in, p));
	return true;
}

/* Every payload byte of the flow ends in exactly one column. */
static void
account(struct inspection *in)
{
	struct worker_stats *s = in->env->stats;
	const struct conversation_stats *c = &in->conversation.stats;
	uint64_t opaque = 0;

	for (int dir = 0; dir < 2; dir++)
		for (int r = 0; r < OPAQUE_COUNT; r++) {
			s->opaque[r] += c->opaque[dir][r];
			opaque += c->opaque[dir][r];
		}
	s->inspected += c->delivered[DIR_CLIENT] + c->delivered[DIR_SERVER] - opaque;
	if (in->conversation.datagrams)
		return;
	for (int dir = 0; dir < 2; dir++) {
		s->repeated += in->tcp.half[dir].account.retransmitted;
		s->undelivered += in->tcp.half[dir].account.dropped;
	}
}

static void
count_flow(struct inspection *in)
{
	struct worker_stats *s = in->env->stats;
	struct stats_application *app = stats_application(s, in->class.master, in->class.app);

	app->flows++;
	app->packets += in->packets;
	app->bytes += in->bytes;
	s->flows[in->conversation.channel]++;
	if (in->protocol == 6)
		s->flows_tcp++;
	else if (in->protocol == 17)
		s->flows_udp++;
	else
		s->flows_other++;
	if (in->conversation.budget.peak > s->flow_arena_peak)
		s->flow_arena_peak = in->conversation.budget.peak;
}

static void
finish(struct inspection *in)
{
	if (!in->class.done) {
		classify_end(in->env->classifier, &in->ndpi, &in->class);
		apply_classification(in);
	}
	if (!in->conversation.datagrams)
		tcp_stream_close(&in->tcp);
	conversation_close(&in->conversation, in->reset);
	for (int dir = 0; dir < 2; dir++)
		if (in->conflicts[dir] > 0)
			report_evasion(in->env->report, in, (enum direction)dir);
	if (in->conversation.transfer != NULL)
		transfer_release(in->env->inspect->transfers, in->conversation.transfer);
	account(in);
	count_flow(in);
}

void
inspection_close(struct inspection *in)
{
	finish(in);
	give_inspection(in);
}

void
inspection_stateless(struct inspection_env *env, const struct packet *p, enum direction dir)
{
	struct inspection in;

	start(&in, env, NULL, p, dir);
	in.conversation.datagrams = true;
	in.conversation.midstream = true;
	(void)classify_end(env->classifier, &in.ndpi, &in.class);
	in.class.done = true;
	in.packets = 1;
	in.bytes = p->l3_len;
	feed_datagram(&in, p, dir);
	finish(&in);
}
