/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/enforce.h"

#include <rte_mbuf.h>

#include "dataplane/endpoint.h"
#include "dataplane/normalise.h"
#include "dataplane/report.h"
#include "inspectors/refusal.h"
#include "inspectors/transfer.h"
#include "policy/judge.h"

enum state { OPEN, WAITING, ABSORBING, DEAD };

struct enforcement {
	struct enforce_env *env;
	struct inspection *in;
	struct endpoint *endpoint; /* in the receiver's place, from ABSORBING on */
	struct enforcement *next, **link; /* in env->active; link == NULL: not there */
	uint64_t refused_us;		  /* when the refusal began */
	uint64_t absorb_until;		  /* stream position (as read) at which it is enough */
	uint64_t held_us[2];		  /* since when a direction holds; 0: it doesn't */
	uint64_t released;		  /* bytes of its direction that had left at the refusal */
	uint32_t serial;		  /* of the refused message; 0: it isn't the conversation's */
	uint32_t refused_at;		  /* sequence number of the first byte that was absorbed */
	uint8_t state;			  /* enum state */
	uint8_t dir;			  /* enum direction, that is refused */
	uint8_t port[2];		  /* where each side's packets come in */
	bool held_end[2]; /* what is held is a message's end (verdict hold) */
	bool settled[2];  /* what was pending was decided as it stands: look again */
	bool stop;	  /* found by read(): `dir` is to be refused with `verdict` */
	bool finished;	  /* the refused direction's FIN was read */
	bool ended;	  /* the refused message's event was written */
	bool follows;	  /* an FTP control connection whose data connection was refused */
	bool last;	  /* nothing more is waited for: say what fits now */
	uint8_t verdict;  /* enum verdict */
	char event_id[EVENT_ID_SIZE];
	struct segment_path path[2]; /* by direction: as its packets go */
	struct normaliser tcp;
};

_Static_assert(sizeof(struct enforcement) <= ARENA_PAGE_MEDIUM, "one page");
_Static_assert(sizeof(struct endpoint) <= ARENA_PAGE_MEDIUM, "one page");

static enum direction
other(enum direction dir)
{
	return dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
}

static const struct arena_source *
pages_of(const struct enforce_env *env)
{
	return env->inspections->pages;
}

/* ---- what leaves ---- */

static void
leave(struct enforce_env *env, struct rte_mbuf *m, unsigned port)
{
	env->cfg->egress.send(env->cfg->egress.ctx, m, port);
}

/* A datagram that came in fragments leaves in the frames that it came in. */
void
enforce_leave(struct enforce_env *env, struct packet *p)
{
	unsigned port = packet_meta(p->mbuf)->port ^ 1u;
	struct rte_mbuf *frame = packet_meta(p->mbuf)->original, *next;

	if (frame == NULL) {
		leave(env, p->mbuf, port);
		return;
	}
	for (; frame != NULL; frame = next) {
		next = packet_meta(frame)->original;
		packet_meta(frame)->original = NULL;
		leave(env, frame, port);
	}
	packet_meta(p->mbuf)->original = NULL;
	rte_pktmbuf_free(p->mbuf);
}

static void
free_frames(struct packet *p)
{
	struct rte_mbuf *frame = packet_meta(p->mbuf)->original, *next;

	for (; frame != NULL; frame = next) {
		next = packet_meta(frame)->original;
		rte_pktmbuf_free(frame);
	}
	packet_meta(p->mbuf)->original = NULL;
	rte_pktmbuf_free(p->mbuf);
}

void
enforce_withhold(struct enforce_env *env, struct packet *p)
{
	env->stats->packets_withheld++;
	free_frames(p);
}

/* Towards the receiver of @p dir: out at the port across. */
static void
on_send(void *ctx, enum direction dir, struct rte_mbuf *m)
{
	struct enforcement *e = ctx;

	leave(e->env, m, e->port[dir] ^ 1u);
}

/* To the sender of the refused direction: in its receiver's place. */
static void
on_words(void *ctx, struct rte_mbuf *m)
{
	struct enforcement *e = ctx;

	leave(e->env, m, e->port[e->dir]);
}

static const struct endpoint_ops endpoint_ops = {.send = on_words};

/* ---- time ---- */

static void
activate(struct enforcement *e)
{
	if (e->link != NULL)
		return;
	e->next = e->env->active;
	e->link = &e->env->active;
	if (e->next != NULL)
		e->next->link = &e->next;
	e->env->active = e;
}

static void
deactivate(struct enforcement *e)
{
	if (e->link == NULL)
		return;
	if (e->env->cursor == e)
		e->env->cursor = e->next;
	*e->link = e->next;
	if (e->next != NULL)
		e->next->link = e->link;
	e->link = NULL;
}

/* ---- looking at what was read ---- */

static enum look
look_of(enum verdict v)
{
	static const enum look looks[VERDICTS] = {
		[VERDICT_FORWARD] = LOOK_FORWARD,
		[VERDICT_HOLD] = LOOK_HOLD,
		[VERDICT_REFUSE] = LOOK_REFUSE,
		[VERDICT_DROP] = LOOK_DROP,
	};

	return looks[v];
}

/*
 * The open message as if its text ended here. A `hold` is for its end: until then its
 * bytes may go on.
 */
static enum look
look_at_open(struct inspection *in, enum direction dir)
{
	struct conversation *c = &in->conversation;
	struct message *m = c->open[dir];
	struct judgement j;
	bool pending, changed;

	if (m == NULL)
		return LOOK_FORWARD;
	/* It may have been pending only because the protocol wasn't known: that is nothing that
	 * the message tells. */
	changed = message_preview_begin(m, &pending) || in->looked[dir] == LOOK_PENDING;
	if (changed)
		policy_judge(report_of(in)->policy, m, &c->ends, &j);
	message_preview_end(m);
	if (!changed)
		return (enum look)in->looked[dir];
	if (j.verdict < VERDICT_REFUSE)
		in->looked[dir] = LOOK_FORWARD;
	else if (pending || !c->decided)
		in->looked[dir] = LOOK_PENDING;
	else
		in->looked[dir] = (uint8_t)look_of(j.verdict);
	return (enum look)in->looked[dir];
}

/* Messages that ended since the last look count first: theirs was the packet in hand. */
static enum look
look(struct inspection *in, enum direction dir)
{
	enum verdict ended = (enum verdict)in->outcome[dir];
	enum look open = look_at_open(in, dir);

	in->outcome[dir] = VERDICT_FORWARD;
	return ended == VERDICT_FORWARD ? open : look_of(ended);
}

/* The open message is stopped: its event will say so, and has its number from now on. */
static void
reserve(struct inspection *in, enum direction dir, enum verdict v)
{
	in->acted[dir] = (uint8_t)v;
	in->reserved[dir] = in->ordinal[dir]++;
	in->serial[dir] = in->conversation.open[dir]->serial;
}

/* ---- refusing ---- */

static void
count_refusal(struct enforcement *e, enum verdict v)
{
	if (v == VERDICT_DROP)
		e->env->stats->flows_dropped++;
	else
		e->env->stats->flows_refused++;
}

/* An RST that the receiver of @p dir believes (RFC 5961, 3.2). */
static void
send_reset(struct enforcement *e, enum direction dir)
{
	struct normaliser_numbers own, back;
	struct segment s = {.flags = TCP_FLAG_RST | TCP_FLAG_ACK};
	struct rte_mbuf *m;

	normaliser_numbers(&e->tcp, dir, &own);
	normaliser_numbers(&e->tcp, other(dir), &back);
	s.seq = own.released;
	s.ack = back.synced ? back.released : 0;
	if (!back.synced)
		s.flags = TCP_FLAG_RST;
	if (e->path[dir].n_link == 0)
		segment_path_turn(&e->path[dir], &e->path[other(dir)]);
	m = segment_build(e->env->cfg->packets, &e->path[dir], &s);
	if (m != NULL)
		leave(e->env, m, e->port[dir] ^ 1u);
}

/* Nothing more is read: what is open ends, with its event, and the pages go back. */
static void
die(struct enforcement *e)
{
	e->state = DEAD;
	normaliser_absorb(&e->tcp, DIR_CLIENT);
	normaliser_absorb(&e->tcp, DIR_SERVER);
	normaliser_cut_off(&e->tcp, DIR_CLIENT);
	normaliser_cut_off(&e->tcp, DIR_SERVER);
	if (e->endpoint != NULL)
		pages_of(e->env)->give(pages_of(e->env)->ctx, e->endpoint, ARENA_PAGE_MEDIUM);
	e->endpoint = NULL;
	deactivate(e);
	inspection_end(e->in);
	flow_set_kind(e->in->flow, FLOW_TCP_CLOSING);
}

static void
reset_both(struct enforcement *e)
{
	if (e->state != ABSORBING)
		send_reset(e, (enum direction)e->dir);
	if (e->endpoint != NULL)
		endpoint_reset(e->endpoint);
	else
		send_reset(e, other((enum direction)e->dir));
	die(e);
}

static bool
open_endpoint(struct enforcement *e)
{
	const struct dataplane_limits *l = &e->env->cfg->limits;
	struct endpoint_config cfg = {.ops = &endpoint_ops,
		.ctx = e,
		.pool = e->env->cfg->packets,
		.path = &e->path[other((enum direction)e->dir)],
		.time_limit_us = l->absorb_time * 1000000,
		.now_us = e->env->now_us};
	struct normaliser_numbers from, back;

	e->endpoint = pages_of(e->env)->take(pages_of(e->env)->ctx, ARENA_PAGE_MEDIUM);
	if (e->endpoint == NULL)
		return false;
	if (e->path[other((enum direction)e->dir)].n_link == 0)
		segment_path_turn(&e->path[other((enum direction)e->dir)], &e->path[e->dir]);
	normaliser_numbers(&e->tcp, (enum direction)e->dir, &from);
	normaliser_numbers(&e->tcp, other((enum direction)e->dir), &back);
	cfg.seq = back.released;
	cfg.ack = from.read;
	cfg.window = back.window;
	cfg.peer_window = (uint32_t)from.window << from.scale;
	cfg.peer_scale = from.scale;
	cfg.mss = from.mss;
	cfg.fin_read = from.fin_read;
	cfg.stamped = from.stamped;
	cfg.sack = from.sack;
	cfg.stamp = back.stamp;
	cfg.echo = from.stamp;
	endpoint_open(e->endpoint, &cfg);
	endpoint_acknowledge(e->endpoint, from.read, e->env->now_us);
	return true;
}

/* The receiver goes, and the endpoint stands in its place. @return false: no room for one */
static bool
take_over(struct enforcement *e)
{
	if (e->state == ABSORBING)
		return true;
	send_reset(e, (enum direction)e->dir);
	normaliser_cut_off(&e->tcp, (enum direction)e->dir);
	e->state = ABSORBING;
	return open_endpoint(e);
}

static struct enforcement *
control_of(const struct enforcement *e)
{
	const struct transfer *t = e->in->conversation.transfer;
	const struct inspection *in;

	if (t == NULL || t->control == NULL)
		return NULL;
	in = t->control->host;
	return in == NULL ? NULL : in->enforced;
}

static void step(struct enforcement *e);

/* The data connection has ended, or is given up: now the control connection says so. */
static void
tell_control(struct enforcement *e)
{
	struct enforcement *control = control_of(e);

	if (control == NULL || !control->follows || control->state == DEAD)
		return;
	control->ended = true;
	step(control);
}

static enum refuse_step
ask(struct enforcement *e)
{
	struct refusal *r = e->env->refusal;

	r->dir = e->follows ? DIR_CLIENT : (enum direction)e->dir;
	r->event_id = e->event_id;
	r->serial = e->serial;
	r->released = e->released;
	r->last = e->last || e->finished;
	r->ended = e->ended;
	r->n_words = 0;
	return conversation_refuse(&e->in->conversation, r);
}

/* One move of a refused flow: whatever has changed, ask what is to be done now. */
static void
step(struct enforcement *e)
{
	enum refuse_step what;

	if (e->state != WAITING && e->state != ABSORBING)
		return;
	/* Not before its data connection has ended. */
	if (e->follows && !e->ended && !e->last)
		return;
	if (e->endpoint != NULL && endpoint_state(e->endpoint) >= ENDPOINT_CLOSING)
		return;
	what = e->verdict == VERDICT_DROP ? REFUSE_RESET : ask(e);
	if (what == REFUSE_WAIT && !e->last)
		return;
	if (what == REFUSE_WAIT || what == REFUSE_RESET || !take_over(e)) {
		tell_control(e);
		reset_both(e);
		return;
	}
	if (e->env->refusal->n_words > 0)
		(void)endpoint_say(e->endpoint,
			bytes_of(e->env->refusal->words, e->env->refusal->n_words),
			e->env->now_us);
	if (what == REFUSE_CLOSE) {
		tell_control(e);
		endpoint_close(e->endpoint, e->env->now_us);
	}
}

static void
begin_refusal(struct enforcement *e, enum direction dir, enum verdict v)
{
	struct normaliser_numbers numbers;

	e->state = WAITING;
	e->dir = (uint8_t)dir;
	e->verdict = (uint8_t)v;
	e->refused_us = e->env->now_us;
	e->held_us[dir] = 0;
	normaliser_absorb(&e->tcp, dir);
	normaliser_numbers(&e->tcp, dir, &numbers);
	e->refused_at = numbers.read;
	e->finished = numbers.fin_read;
	e->released = e->in->conversation.stats.delivered[dir] -
		(numbers.read - numbers.released - numbers.fin_read);
	activate(e);
	count_refusal(e, v);
}

/* The control connection of a refused data connection: its server is gone from now on, so
 * that no reply of it is taken for ours. */
static void
refuse_control(struct enforcement *e)
{
	struct enforcement *control = control_of(e);

	if (control == NULL || control->state != OPEN)
		return;
	control->follows = true;
	memcpy(control->event_id, e->event_id, sizeof(control->event_id));
	begin_refusal(control, DIR_CLIENT, (enum verdict)e->verdict);
	if (!take_over(control))
		reset_both(control);
}

/*
 * A message of this direction is over: by what is open, or by one that has ended in
 * the packet in hand (then reserved[] and its event exist already).
 */
static void
refuse(struct enforcement *e, enum direction dir, enum verdict v, bool ended)
{
	if (!ended && e->in->conversation.open[dir] != NULL)
		reserve(e->in, dir, v);
	report_event_id(report_of(e->in), e->in, dir, e->in->reserved[dir], e->event_id);
	e->serial = e->in->serial[dir];
	begin_refusal(e, dir, v);
	e->ended = ended;
	refuse_control(e);
	step(e);
}

/* ---- reading ---- */

static void
begin_hold(struct enforcement *e, enum direction dir, bool end)
{
	if (e->held_us[dir] == 0)
		e->held_us[dir] = e->env->now_us;
	e->held_end[dir] = e->held_end[dir] || end;
	activate(e);
}

/*
 * What was read of a direction decides on what leaves of it. While something is held,
 * all that follows waits as well; after_reading() lets it go.
 */
static enum release
decide(struct enforcement *e, enum direction dir)
{
	enum verdict ended = (enum verdict)e->in->outcome[dir];
	enum look l = look(e->in, dir);

	switch (l) {
	case LOOK_FORWARD:
		if (e->held_us[dir] != 0 && !e->held_end[dir])
			e->settled[dir] = true;
		return RELEASE_NOW;
	case LOOK_PENDING:
	case LOOK_HOLD:
		begin_hold(e, dir, l == LOOK_HOLD);
		return RELEASE_HOLD;
	case LOOK_REFUSE:
	case LOOK_DROP:
		break;
	}
	e->stop = true;
	e->dir = (uint8_t)dir;
	e->verdict = l == LOOK_DROP ? VERDICT_DROP : VERDICT_REFUSE;
	e->ended = ended >= VERDICT_REFUSE;
	return RELEASE_NEVER;
}

static enum release
on_read(void *ctx, enum direction dir, const struct packet *p)
{
	struct enforcement *e = ctx;

	(void)inspection_packet(e->in, p, dir);
	if (e->state != OPEN || e->stop)
		return RELEASE_NOW;
	return decide(e, dir);
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes bytes)
{
	struct enforcement *e = ctx;

	inspection_conflict(e->in, dir, at, bytes);
}

static void
on_dropped(void *ctx, enum direction dir, enum normalise_drop why, struct bytes bytes)
{
	struct enforcement *e = ctx;

	if (why != NORMALISE_DROP_REFUSED)
		inspection_aside(e->in, dir, bytes);
}

static const struct normalise_ops normalise_ops = {
	.read = on_read, .send = on_send, .conflict = on_conflict, .dropped = on_dropped};

static void
let_go(struct enforcement *e, enum direction dir)
{
	e->held_us[dir] = 0;
	e->held_end[dir] = e->settled[dir] = false;
	normaliser_release(&e->tcp, dir);
	if (e->held_us[DIR_CLIENT] == 0 && e->held_us[DIR_SERVER] == 0 && e->state == OPEN)
		deactivate(e);
}

/* A reply may end the other side's message: what it said is over, too. */
static void
look_across(struct enforcement *e, enum direction dir)
{
	enum verdict v = (enum verdict)e->in->outcome[dir];

	e->in->outcome[dir] = VERDICT_FORWARD;
	if (v >= VERDICT_REFUSE)
		refuse(e, dir, v, true);
}

static void
after_reading(struct enforcement *e, enum direction dir)
{
	if (e->state == OPEN && e->stop)
		refuse(e, (enum direction)e->dir, (enum verdict)e->verdict, e->ended);
	else if (e->state == OPEN)
		look_across(e, other(dir));
	if (e->state == OPEN && e->settled[dir])
		let_go(e, dir);
	e->stop = false;
}

/* ---- a refused flow's packets ---- */

static void
absorb_progress(struct enforcement *e)
{
	struct normaliser_numbers numbers;
	uint32_t absorbed;

	normaliser_numbers(&e->tcp, (enum direction)e->dir, &numbers);
	absorbed = numbers.read - e->refused_at;
	e->finished = e->finished || numbers.fin_read;
	e->last = e->last || absorbed > e->env->cfg->limits.absorb_bytes;
	if (e->in->outcome[e->dir] != VERDICT_FORWARD) {
		e->in->outcome[e->dir] = VERDICT_FORWARD;
		e->ended = e->ended || !e->follows;
	}
	if (e->endpoint != NULL)
		endpoint_acknowledge(e->endpoint, numbers.read, e->env->now_us);
}

static bool
refused_packet(struct enforcement *e, struct packet *p, enum direction dir)
{
	bool sender = dir == (enum direction)e->dir;

	if (e->state == ABSORBING && sender)
		endpoint_segment(e->endpoint, p, e->env->now_us);
	/* Its RST was lost behind us: it would wait for as long as the sender is talked to. */
	if (e->state == ABSORBING && !sender && (p->tcp_flags & TCP_FLAG_RST) == 0)
		send_reset(e, (enum direction)e->dir);
	if (normaliser_segment(&e->tcp, dir, p) == NORMALISER_NEW_CONNECTION)
		return false;
	if (sender)
		absorb_progress(e);
	step(e);
	if (e->endpoint != NULL && endpoint_state(e->endpoint) == ENDPOINT_DONE)
		die(e);
	return true;
}

/* ---- one flow ---- */

static void
learn(struct enforcement *e, const struct packet *p, enum direction dir)
{
	if (e->path[dir].n_link == 0)
		segment_path_learn(&e->path[dir], p);
}

bool
enforcement_open(struct enforce_env *env, struct inspection *in, const struct packet *p,
	enum direction dir)
{
	struct enforcement *e = pages_of(env)->take(pages_of(env)->ctx, ARENA_PAGE_MEDIUM);
	unsigned port = packet_meta(p->mbuf)->port;

	if (e == NULL)
		return false;
	*e = (struct enforcement){.env = env, .in = in};
	e->port[dir] = (uint8_t)port;
	e->port[other(dir)] = (uint8_t)(port ^ 1u);
	normaliser_open(&e->tcp, env->tcp, &normalise_ops, e);
	stream_set_normalised(&in->tcp);
	in->enforced = e;
	if ((p->tcp_flags & TCP_FLAG_SYN) == 0) {
		if (env->cfg->choices.midstream_adopt)
			normaliser_adopt(&e->tcp);
		else
			e->state = DEAD;
		env->stats->flows_midstream++;
	}
	return true;
}

static void
stop_packet(struct enforce_env *env, struct packet *p)
{
	env->stats->undelivered += p->payload_len;
	enforce_withhold(env, p);
}

/* A SYN begins anew; everything else is told that there is no connection. */
static bool
dead_packet(struct enforcement *e, struct packet *p)
{
	if ((p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST)) == TCP_FLAG_SYN)
		return false;
	enforce_reset(e->env, p);
	return true;
}

bool
enforcement_packet(struct enforcement *e, struct packet *p, enum direction dir)
{
	e->env->now_us = p->time;
	if (packet_meta(p->mbuf)->port != e->port[dir]) {
		e->env->stats->packets_wrong_port++;
		stop_packet(e->env, p);
		return true;
	}
	learn(e, p, dir);
	if (e->state == DEAD)
		return dead_packet(e, p);
	if (e->state != OPEN)
		return refused_packet(e, p, dir);
	if (normaliser_segment(&e->tcp, dir, p) == NORMALISER_NEW_CONNECTION)
		return false;
	after_reading(e, dir);
	return true;
}

/* Of a segment that came in IP fragments: [at, at + n) of its payload. */
static struct rte_mbuf *
build_piece(struct enforcement *e, const struct packet *p, struct bytes payload, uint32_t at,
	uint32_t n)
{
	struct segment s = {.seq = p->seq + at,
		.ack = p->ack,
		.window = p->window,
		.flags = p->tcp_flags,
		.payload = bytes_of(payload.p + at, n)};
	struct segment_path path;
	struct rte_mbuf *m;

	if (at + n < payload.n)
		s.flags &= (uint8_t) ~(TCP_FLAG_FIN | TCP_FLAG_PSH);
	s.stamped = segment_stamps(p, &s.stamp, &s.echo);
	segment_path_learn(&path, p);
	m = segment_build(e->env->cfg->packets, &path, &s);
	if (m == NULL)
		return NULL;
	*packet_meta(m) = *packet_meta(p->mbuf);
	/* The frames stay the datagram's: they are freed once. */
	packet_meta(m)->original = NULL;
	return m;
}

bool
enforcement_pieces(struct enforcement *e, struct packet *p, enum direction dir)
{
	enum { PIECE = 1200 }; /* fits every MTU that IPv6 allows, with its headers */
	struct bytes payload = {NULL, p->payload_len};
	uint32_t done = 0;

	if (p->payload_len <= INSPECTION_SCRATCH && (p->tcp_flags & TCP_FLAG_SYN) == 0)
		payload.p = rte_pktmbuf_read(p->mbuf, p->payload_at, p->payload_len,
			e->env->inspections->scratch);
	while (payload.p != NULL && done < payload.n) {
		uint32_t n = RTE_MIN((uint32_t)payload.n - done, (uint32_t)PIECE);
		struct rte_mbuf *m = build_piece(e, p, payload, done, n);
		struct packet piece;

		if (m == NULL)
			break;
		packet_meta(m)->wire_length = rte_pktmbuf_pkt_len(m);
		if (headers_parse(m, VERIFY_YES, &piece) != HEADER_OK) {
			rte_pktmbuf_free(m);
			break;
		}
		(void)enforcement_packet(e, &piece, dir);
		done += n;
	}
	e->env->stats->undelivered += p->payload_len - done;
	free_frames(p);
	return true;
}

void
enforcement_close(struct enforcement *e)
{
	const struct arena_source *pages = pages_of(e->env);

	deactivate(e);
	if (e->endpoint != NULL)
		pages->give(pages->ctx, e->endpoint, ARENA_PAGE_MEDIUM);
	normaliser_close(&e->tcp);
	e->in->enforced = NULL;
	pages->give(pages->ctx, e, ARENA_PAGE_MEDIUM);
}

/* ---- without streams ---- */

void
enforce_reset(struct enforce_env *env, struct packet *p)
{
	unsigned port = packet_meta(p->mbuf)->port;
	uint32_t end = p->seq + p->payload_len + ((p->tcp_flags & TCP_FLAG_SYN) != 0) +
		((p->tcp_flags & TCP_FLAG_FIN) != 0);
	struct segment forth = {.seq = p->seq, .ack = p->ack, .flags = TCP_FLAG_RST | TCP_FLAG_ACK};
	struct segment back = {.seq = p->ack, .ack = end, .flags = TCP_FLAG_RST | TCP_FLAG_ACK};
	struct segment_path path, turned;
	struct rte_mbuf *m;

	segment_path_learn(&path, p);
	segment_path_turn(&turned, &path);
	if ((p->tcp_flags & TCP_FLAG_RST) == 0) {
		m = segment_build(env->cfg->packets, &turned, &back);
		if (m != NULL)
			leave(env, m, port);
	}
	m = segment_build(env->cfg->packets, &path, &forth);
	if (m != NULL)
		leave(env, m, port ^ 1u);
	stop_packet(env, p);
}

void
enforce_datagram(struct enforce_env *env, struct inspection *in, struct packet *p,
	enum direction dir)
{
	enum look l;

	env->now_us = p->time;
	(void)inspection_packet(in, p, dir);
	l = look(in, dir);
	if (l == LOOK_FORWARD && in->acted[dir] == VERDICT_FORWARD) {
		enforce_leave(env, p);
		return;
	}
	/* Datagrams can't wait: what is pending there is decided at their end. */
	if (in->acted[dir] == VERDICT_FORWARD && in->conversation.open[dir] != NULL)
		reserve(in, dir, l == LOOK_DROP ? VERDICT_DROP : VERDICT_REFUSE);
	enforce_withhold(env, p);
}

/* ---- time ---- */

/* What is held has waited long enough. */
static void
tick_hold(struct enforcement *e, enum direction dir)
{
	const struct dataplane_limits *l = &e->env->cfg->limits;
	uint64_t since = e->held_us[dir], now = e->env->now_us;

	if (since == 0 || e->state != OPEN)
		return;
	if (e->held_end[dir]) {
		if (now - since < l->hold_time * 1000)
			return;
		if (e->env->cfg->choices.hold_expired_forward)
			let_go(e, dir);
		else
			refuse(e, dir, VERDICT_REFUSE, true);
		return;
	}
	if (now - since < l->settle_pause * 1000)
		return;
	conversation_no_hint(&e->in->conversation);
	conversation_settle(&e->in->conversation, dir);
	if (decide(e, dir) == RELEASE_NOW)
		e->settled[dir] = true;
	/* It may go on to be pending only by text that came since: then it waits on. */
	e->held_us[dir] = now;
	after_reading(e, dir);
}

static void
tick_refused(struct enforcement *e)
{
	const struct dataplane_limits *l = &e->env->cfg->limits;
	uint64_t since = e->env->now_us - e->refused_us;

	if (since > l->absorb_time * 1000000 ||
		(e->state == WAITING && since > l->refuse_wait * 1000)) {
		e->last = true;
		step(e);
	}
	if (e->state != DEAD && since > 2 * l->absorb_time * 1000000)
		reset_both(e);
	if (e->endpoint == NULL)
		return;
	(void)endpoint_tick(e->endpoint, e->env->now_us);
	if (endpoint_state(e->endpoint) == ENDPOINT_DONE)
		die(e);
}

void
enforce_tick(struct enforce_env *env, uint64_t now_us)
{
	env->now_us = now_us;
	/* Ending one flow may end another (FTP): deactivate() moves the cursor along. */
	for (struct enforcement *e = env->active; e != NULL; e = env->cursor) {
		env->cursor = e->next;
		if (e->state == OPEN) {
			tick_hold(e, DIR_CLIENT);
			tick_hold(e, DIR_SERVER);
		} else {
			tick_refused(e);
		}
	}
	env->cursor = NULL;
}
