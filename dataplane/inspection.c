/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/inspection.h"

#include <netinet/in.h>

#include "dataplane/report.h"
#include "inspectors/proto/raw.h"
#include "inspectors/transfer.h"
#include "policy/judge.h"
#include "policy/policy.h"

_Static_assert(sizeof(struct inspection) <= ARENA_PAGE_SMALL, "an inspection fits a small page");

/* IPv6 inside of IP (RFC 4213): a tunnel that nDPI has no name for. */
enum { PROTO_IPV6 = 41 };

/* Bytes before and behind a copy that differs: more than any identifier has. */
enum { AROUND = 64 };

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
aside_open(struct inspection *in, struct conversation *ret)
{
	conversation_open(ret, in->conversation.env, in->env->pages, &in->conversation.ends,
		CHANNEL_OTHER, true);
	ret->host = in;
}

static void
scan_aside(struct inspection *in, enum direction dir, struct bytes bytes)
{
	struct conversation aside;

	aside_open(in, &aside);
	conversation_data(&aside, dir, bytes);
	conversation_close(&aside, false);
}

/*
 * The other reading of a place: the copy that differs, with what was read around
 * it, as far as it is kept. What comes behind it later isn't read with it.
 */
static void
scan_conflict(struct inspection *in, enum direction dir, uint64_t at, struct bytes other)
{
	uint8_t head[AROUND], tail[AROUND];
	bool known[AROUND];
	size_t from = at < AROUND ? AROUND - at : 0, to = 0;
	struct conversation aside;

	aside_open(in, &aside);
	tcp_stream_recall(&in->tcp, dir, at - (AROUND - from), AROUND - from, head + from,
		known + from);
	for (size_t i = from; i < AROUND; i++)
		from = known[i] ? from : i + 1;
	conversation_data(&aside, dir, bytes_of(head + from, AROUND - from));
	conversation_data(&aside, dir, other);
	tcp_stream_recall(&in->tcp, dir, at + other.n, AROUND, tail, known);
	while (to < AROUND && known[to])
		to++;
	conversation_data(&aside, dir, bytes_of(tail, to));
	conversation_close(&aside, false);
}

/* Bytes of a copy that differ from those that were read. */
static uint64_t
count_differences(const struct inspection *in, enum direction dir, uint64_t at, struct bytes other)
{
	uint8_t read[AROUND];
	bool known[AROUND];
	uint64_t differ = 0;

	while (other.n > 0) {
		size_t n = other.n < AROUND ? other.n : AROUND;

		tcp_stream_recall(&in->tcp, dir, at, n, read, known);
		for (size_t i = 0; i < n; i++)
			differ += !known[i] || read[i] != other.p[i];
		at += n;
		other = bytes_skip(other, n);
	}
	return differ;
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes other)
{
	struct inspection *in = ctx;
	uint64_t differ = count_differences(in, dir, at, other);

	if (in->conflicts[dir] == 0)
		in->conflict_at[dir] = at;
	in->conflicts[dir] += (uint32_t)RTE_MIN(differ, (uint64_t)UINT32_MAX - in->conflicts[dir]);
	scan_conflict(in, dir, at, other);
}

void
inspection_conflict(struct inspection *in, enum direction dir, uint64_t at, struct bytes other)
{
	on_conflict(in, dir, at, other);
}

void
inspection_aside(struct inspection *in, enum direction dir, struct bytes bytes)
{
	scan_aside(in, dir, bytes);
}

enum verdict
inspection_judge(struct inspection *in, struct message *m)
{
	const struct conversation *c = &in->conversation;
	enum channel own = m->channel;
	enum verdict worst = VERDICT_FORWARD;
	struct judgement j;

	if (c->decided || c->datagrams) {
		policy_judge(report_of(in)->policy, m, &c->ends, &j);
		return j.verdict;
	}
	for (unsigned i = 0; i < CHANNELS; i++) {
		m->channel = (enum channel)i;
		policy_judge(report_of(in)->policy, m, &c->ends, &j);
		worst = RTE_MAX(worst, j.verdict);
	}
	m->channel = own;
	return worst;
}

/* Borrows what the judge wants to know of the message that @p m would belong to. */
static enum verdict
judge_as_part(struct inspection *in, enum direction dir, struct message *m)
{
	const struct message *open = in->conversation.open[dir];
	enum verdict worst;
	bool pending;

	m->channel = in->conversation.channel;
	if (open != NULL) {
		m->channel = open->channel;
		m->mail_to = open->mail_to;
		m->n_mail_to = open->n_mail_to;
		m->recipients_over = open->recipients_over;
	}
	(void)message_preview_begin(m, &pending);
	worst = inspection_judge(in, m);
	message_preview_end(m);
	return worst;
}

enum verdict
inspection_glance(struct inspection *in, enum direction dir, struct bytes before,
	struct bytes bytes)
{
	size_t most = in->conversation.env->limits->raw_message / 2;
	enum verdict v = VERDICT_FORWARD;
	struct conversation aside;

	if (bytes.n > most)
		bytes = bytes_skip(bytes, bytes.n - most);
	aside_open(in, &aside);
	/* Raw, whatever it looks like. */
	aside.decided = aside.refused = true;
	conversation_data(&aside, dir, before);
	conversation_data(&aside, dir, bytes);
	if (aside.open[dir] != NULL)
		v = judge_as_part(in, dir, aside.open[dir]);
	if (aside.state != NULL)
		raw_discard(aside.state);
	conversation_close(&aside, false);
	return v;
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

/* All fields but time and packets; the conversation is open. */
static void
start(struct inspection *in, struct inspection_env *env, const struct endpoints *ends,
	uint8_t protocol)
{
	*in = (struct inspection){.env = env, .protocol = protocol};
	in->class.channel = CHANNEL_OTHER;
	conversation_open(
		&in->conversation, env->inspect, env->pages, ends, CHANNEL_OTHER, false);
	in->conversation.host = in;
	in->conversation.datagrams = protocol != IPPROTO_TCP;
	report_of(in)->flows++;
}

struct inspection *
inspection_open(struct inspection_env *env, struct flow *f, const struct packet *p,
	enum direction dir)
{
	struct inspection *in = env->pages->take(env->pages->ctx, ARENA_PAGE_SMALL);
	struct endpoints ends = ends_of(p, dir);

	if (in == NULL)
		return NULL;
	start(in, env, &ends, p->protocol);
	in->flow = f;
	in->first_us = in->now_us = p->time;
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

	/* TLS and what is read raw may be of any channel. */
	if (c->ops->channel == CHANNEL_OTHER)
		c->channel = in->class.channel;
	/* No inspector of streams reads datagrams, such as QUIC that carries DNS. */
	if (in->class.hint == NULL || c->datagrams)
		c->opaque = in->class.opaque;
	else
		conversation_hint(c, in->class.hint);
	if (in->protocol == PROTO_IPV6)
		c->opaque = OPAQUE_TUNNEL;
	if (in->class.done && in->class.hint == NULL)
		conversation_no_hint(c);
}

/*
 * Bytes of a packet in one piece, at most INSPECTION_SCRATCH: where they lie,
 * or, since fragments made whole are chains, copied together.
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
	struct bytes l3 = in_one_piece(in, p, p->l3_at, RTE_MIN(p->l3_len, (uint32_t)UINT16_MAX));

	if (l3.n == 0)
		return;
	if (!classify_packet(in->env->classifier, &in->ndpi, l3.p, l3.n, p->time / 1000,
		    &in->class))
		in->env->stats->ndpi_full++;
	apply_classification(in);
}

/* A capture of segmentation offload may hold more than a datagram can. */
static void
feed_part(struct inspection *in, const struct packet *p, enum direction dir, uint32_t at,
	uint32_t end)
{
	struct bytes piece;

	for (; at < end; at += (uint32_t)piece.n) {
		piece = in_one_piece(in, p, p->payload_at + at, end - at);
		if (piece.n == 0)
			break;
		conversation_data(&in->conversation, dir, piece);
	}
}

/*
 * What a UDP datagram's own length leaves out, its receiver doesn't read. It is read by
 * itself: as the end of the text before it, it would hide what the receiver sees there.
 */
static void
feed_datagram(struct inspection *in, const struct packet *p, enum direction dir)
{
	uint32_t own = p->payload_len > p->surplus ? p->payload_len - p->surplus : 0;

	feed_part(in, p, dir, 0, own);
	feed_part(in, p, dir, own, p->payload_len);
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

/*
 * A pause in a direction ends what its text waits for, here as inline, where a packet
 * can't be held for longer.
 */
static void
hear(struct inspection *in, const struct packet *p, enum direction dir)
{
	uint32_t now_ms = (uint32_t)((p->time - in->first_us) / 1000);

	if (p->payload_len == 0 || p->time < in->first_us)
		return;
	if ((now_ms - in->heard_ms[dir]) * UINT64_C(1000) > in->env->settle_us &&
		now_ms > in->heard_ms[dir])
		conversation_settle(&in->conversation, dir);
	in->heard_ms[dir] = now_ms;
}

/* @return false: a new connection, and nothing of it was taken */
static bool
feed_segment(struct inspection *in, const struct packet *p, enum direction dir)
{
	/* A SYN hands no byte on at once, and may be another connection's: nDPI comes after. */
	bool syn = p->tcp_flags & TCP_FLAG_SYN;

	if (!syn && !in->class.done)
		classify(in, p);
	if (tcp_stream_segment(&in->tcp, dir, p) == TCP_NEW_CONNECTION)
		return false;
	if (syn && !in->class.done)
		classify(in, p);
	return true;
}

bool
inspection_packet(struct inspection *in, const struct packet *p, enum direction dir)
{
	uint64_t before_us = in->now_us;

	in->now_us = p->time;
	hear(in, p, dir);
	if (p->kind == PACKET_TCP) {
		if (!feed_segment(in, p, dir)) {
			in->now_us = before_us;
			return false;
		}
	} else {
		if (!in->class.done)
			classify(in, p);
		feed_datagram(in, p, dir);
	}
	in->packets++;
	in->bytes += p->l3_len;
	if (in->flow != NULL)
		flow_set_kind(in->flow, kind_of(in, p));
	return true;
}

/* Where data of that direction is counted by its domains. */
static struct stats_pair *
pair_of(const struct inspection *in, enum direction dir)
{
	const struct policy *policy = report_of(in)->policy;
	const struct endpoints *ends = &in->conversation.ends;
	int from = policy_domain_of_address(policy, ends->family, ends->address[dir]);
	int to = policy_domain_of_address(
		policy, ends->family, ends->address[dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT]);

	return stats_pair(in->env->stats, from, to);
}

/* Every payload byte of the flow ends in exactly one column. */
static void
account(struct inspection *in)
{
	struct worker_stats *s = in->env->stats;
	const struct conversation_stats *c = &in->conversation.stats;

	for (int dir = 0; dir < 2; dir++) {
		uint64_t opaque = 0;
		struct stats_pair *pair;

		for (int r = 0; r < OPAQUE_COUNT; r++) {
			s->opaque[r] += c->opaque[dir][r];
			opaque += c->opaque[dir][r];
		}
		s->inspected += c->delivered[dir] - opaque;
		if (c->delivered[dir] == 0)
			continue;
		pair = pair_of(in, (enum direction)dir);
		for (int r = 0; r < OPAQUE_COUNT; r++)
			pair->opaque[r] += c->opaque[dir][r];
		pair->inspected += c->delivered[dir] - opaque;
	}
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
	struct stats_application *app;

	if (in->conversation.budget.peak > s->flow_arena_peak)
		s->flow_arena_peak = in->conversation.budget.peak;
	if (in->flow == NULL)
		return;
	app = stats_application(s, in->class.master, in->class.app);
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
}

/* A TCP stream that just stops: idle for too long, or the input ends within it. */
static bool
is_cut(const struct inspection *in)
{
	return in->protocol == IPPROTO_TCP && in->flow != NULL &&
		stream_state(&in->tcp) != STREAM_CLOSING;
}

static void
report_end(struct inspection *in)
{
	for (int dir = 0; dir < 2; dir++) {
		if (in->conflicts[dir] > 0)
			report_evasion(report_of(in), in,
				&(struct event_evasion){
					.kind = EVENT_EVASION_TCP_OVERLAP_CONFLICT,
					.direction = (enum direction)dir,
					.offset = in->conflict_at[dir],
					.bytes = in->conflicts[dir]});
		if (in->conversation.stats.over[dir] > 0)
			report_unread(report_of(in), in, (enum direction)dir,
				in->conversation.stats.over[dir]);
	}
}

static void
finish(struct inspection *in)
{
	bool cut = is_cut(in);

	if (!in->class.done) {
		classify_end(in->env->classifier, &in->ndpi, &in->class);
		apply_classification(in);
	}
	if (!in->conversation.datagrams)
		tcp_stream_close(&in->tcp);
	conversation_close(&in->conversation, in->reset || cut);
	report_end(in);
	if (in->conversation.transfer != NULL)
		transfer_release(in->conversation.env->transfers, in->conversation.transfer);
	in->conversation.transfer = NULL;
	account(in);
	count_flow(in);
	in->over = true;
	report_of(in)->flows--;
}

void
inspection_end(struct inspection *in)
{
	if (!in->over)
		finish(in);
}

void
inspection_close(struct inspection *in)
{
	const struct arena_source *pages = in->env->pages;

	inspection_end(in);
	pages->give(pages->ctx, in, ARENA_PAGE_SMALL);
}

void
inspection_close_unread(struct inspection_env *env, struct flow *f,
	const struct inspection_unread *unread, bool counted)
{
	struct inspection in = {.env = env,
		.flow = counted ? NULL : f,
		.first_us = f->first_us,
		.now_us = f->last_us,
		.packets = f->packets[DIR_CLIENT] + f->packets[DIR_SERVER],
		.bytes = f->bytes[DIR_CLIENT] + f->bytes[DIR_SERVER],
		.protocol = f->key.protocol};
	struct endpoints *ends = &in.conversation.ends;

	in.class.channel = in.conversation.channel = CHANNEL_OTHER;
	in.conversation.datagrams = true; /* no protocol's words are said */
	in.conversation.host = &in;
	in.conversation.env = env->inspect;
	ends->family = f->key.family;
	for (int dir = 0; dir < 2; dir++) {
		memcpy(ends->address[dir], flow_address(f, (enum direction)dir), 16);
		ends->port[dir] = flow_port(f, (enum direction)dir);
	}
	for (int dir = 0; dir < 2; dir++)
		if (unread->dir[dir].bytes > 0) {
			in.mode = (uint8_t)unread->dir[dir].mode;
			if (unread->dir[dir].stopped)
				in.acted[dir] = VERDICT_DROP;
			report_unread(report_of(&in), &in, (enum direction)dir,
				unread->dir[dir].bytes);
			pair_of(&in, (enum direction)dir)->opaque[OPAQUE_OVER_BUDGET] +=
				unread->dir[dir].bytes;
		}
	count_flow(&in);
}

bool
inspection_stateless(struct inspection_env *env, const struct packet *p, enum direction dir,
	uint8_t mode)
{
	struct endpoints ends = ends_of(p, dir);
	struct inspection in;

	start(&in, env, &ends, p->protocol);
	in.first_us = in.now_us = p->time;
	in.mode = mode;
	in.conversation.datagrams = true;
	in.conversation.midstream = true;
	in.stateless = true;
	(void)classify_end(env->classifier, &in.ndpi, &in.class);
	in.class.done = true;
	in.packets = 1;
	in.bytes = p->l3_len;
	feed_datagram(&in, p, dir);
	finish(&in);
	return in.outcome[dir] == VERDICT_FORWARD;
}
