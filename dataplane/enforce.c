/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/enforce.h"

#include <rte_mbuf.h>

#include "dataplane/endpoint.h"
#include "dataplane/normalise.h"
#include "dataplane/report.h"
#include "inspectors/refusal.h"
#include "inspectors/transfer.h"

enum state { OPEN, WAITING, ABSORBING, DEAD };

/* Of what was said last in a mail or web session: an identifier's length and more. */
enum { CARRY = 64 };

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
	bool unanswered;  /* an answer that was waited for must not leave itself */
	uint8_t verdict;  /* enum verdict */
	uint8_t tricks[2]; /* by direction: 1 << enum event_evasion_kind of what was tried */
	uint32_t trick_bytes[2][EVENT_EVASION_KINDS]; /* of payload; stops at the largest number */
	uint32_t isn[2];   /* of the latest SYN that left */
	bool syn[2];	   /* there was one */
	uint8_t glanced[2]; /* enum verdict on lines of mail or web that aren't read yet */
	bool glance_due;    /* they have waited long enough */
	uint8_t n_carry[2], carry[2][CARRY]; /* each side's last bytes there */
	char event_id[EVENT_ID_SIZE];
	struct segment_path path[2]; /* by direction: as its packets go */
	struct normaliser tcp;
};

_Static_assert(sizeof(struct enforcement) <= ARENA_PAGE_MEDIUM, "one page");
_Static_assert(sizeof(struct endpoint) <= ARENA_PAGE_MEDIUM, "one page");
_Static_assert(EVENT_EVASION_KINDS <= 8, "a bit of tricks[] for each");

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

	env->stats->forwarded += p->payload_len;
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
enforce_withhold(struct enforce_env *env, struct packet *p, enum withheld why)
{
	env->stats->packets_withheld++;
	env->stats->withheld[why] += p->payload_len;
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

/* How long ago that was. A clock that was set back begins the wait anew. */
static uint64_t
elapsed(uint64_t *since, uint64_t now)
{
	if (now < *since)
		*since = now;
	return now - *since;
}

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
 * bytes may go on. What was pending is judged anew each time: not only its text decides
 * that, but the protocol's becoming known, and a pause.
 */
static enum look
look_at_open(struct inspection *in, enum direction dir)
{
	struct conversation *c = &in->conversation;
	struct message *m = c->open[dir];
	enum verdict v = VERDICT_FORWARD;
	bool pending, again;

	if (m == NULL)
		return LOOK_FORWARD;
	again = message_preview_begin(m, &pending) || in->looked[dir] == LOOK_PENDING;
	if (again)
		v = inspection_judge(in, m);
	message_preview_end(m);
	if (!again)
		return (enum look)in->looked[dir];
	if (v < VERDICT_REFUSE)
		in->looked[dir] = LOOK_FORWARD;
	else if (pending || !c->decided)
		in->looked[dir] = LOOK_PENDING;
	else
		in->looked[dir] = (uint8_t)look_of(v);
	return (enum look)in->looked[dir];
}

/* Bytes that there was no memory to read with, since the last look: by the choice no_memory. */
static enum look
look_at_unread(struct inspection *in, enum direction dir)
{
	uint32_t over = (uint32_t)in->conversation.stats.over[dir];
	int32_t news = (int32_t)(over - in->over_seen[dir]);

	in->over_seen[dir] = over;
	/* It may also fall: what an undecided conversation couldn't read is read again. */
	if (news <= 0)
		return LOOK_FORWARD;
	report_of(in)->stats->no_memory++;
	if (!report_of(in)->cfg->choices.no_memory_judge)
		return LOOK_REFUSE;
	return look_of(report_unread_verdict(report_of(in), in, dir, (uint64_t)news));
}

/* The strictest of what the packet in hand belongs to: messages that it ended, the one
 * that is open behind them, and what could not be read. */
static enum look
look(struct inspection *in, enum direction dir)
{
	enum look ended = look_of((enum verdict)in->outcome[dir]);
	enum look open = look_at_open(in, dir), unread = look_at_unread(in, dir);

	in->outcome[dir] = VERDICT_FORWARD;
	return RTE_MAX(RTE_MAX(ended, open), unread);
}

/* What is open is stopped: its event will say so, and has its number from now on. Without
 * a message it is the event of what there was no memory to read with. */
static void
reserve(struct inspection *in, enum direction dir, enum verdict v)
{
	const struct message *open = in->conversation.open[dir];

	in->acted[dir] = (uint8_t)v;
	in->reserved[dir] = in->ordinal[dir]++;
	in->serial[dir] = open == NULL ? 0 : open->serial;
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

/* ---- evasion ---- */

/* While it is enforced: what is tried on a flow that was refused changes nothing any more. */
static void
note_trick(struct enforcement *e, enum direction dir, enum event_evasion_kind kind, size_t bytes)
{
	uint32_t *n = &e->trick_bytes[dir][kind];

	if (e->state != OPEN)
		return;
	e->tricks[dir] |= (uint8_t)(1u << kind);
	*n += (uint32_t)RTE_MIN(bytes, (size_t)(UINT32_MAX - *n));
}

/* At most one event of each kind and direction, before the flow's inspection ends. */
static void
tell_tricks(struct enforcement *e)
{
	for (int dir = 0; dir < 2; dir++)
		for (int kind = 0; kind < EVENT_EVASION_KINDS; kind++)
			if (e->tricks[dir] & 1u << kind)
				report_evasion(report_of(e->in), e->in,
					&(struct event_evasion){
						.kind = (enum event_evasion_kind)kind,
						.direction = (enum direction)dir,
						.bytes = e->trick_bytes[dir][kind]});
	e->tricks[0] = e->tricks[1] = 0;
}

/* Payload that the normaliser took out. Others of its reasons are no tricks, or are seen below. */
static void
note_dropped(struct enforcement *e, enum direction dir, enum normalise_drop why, size_t bytes)
{
	switch (why) {
	case NORMALISE_DROP_SYN_DATA:
		note_trick(e, dir, EVENT_EVASION_TCP_SYN_DATA, bytes);
		break;
	case NORMALISE_DROP_AFTER_FIN:
		note_trick(e, dir, EVENT_EVASION_TCP_AFTER_FIN, bytes);
		break;
	case NORMALISE_DROP_STRAY:
		/* A server's first data may overtake its SYN-ACK on the way. */
		if (dir == DIR_CLIENT || normaliser_state(&e->tcp) != NORMALISER_OPENING)
			note_trick(e, dir, EVENT_EVASION_TCP_STRAY_FLAGS, bytes);
		break;
	default:
		break;
	}
}

/* What a segment's fate says of it, if it is a SYN or an RST. */
struct fate {
	uint64_t syns, resets; /* that didn't leave, before it */
	enum normaliser_state state;
};

static struct fate
fate_before(const struct enforcement *e)
{
	const struct normalise_counters *c = normalise_engine_counters(e->env->tcp);

	return (struct fate){c->drops[NORMALISE_DROP_SYN], c->resets_ignored,
		normaliser_state(&e->tcp)};
}

/*
 * A SYN that comes again is none, nor is an RST at the wrong place of a connection that is
 * being closed, as its ends may send many.
 */
static void
note_fate(struct enforcement *e, enum direction dir, const struct packet *p, uint32_t seq,
	uint32_t bytes, struct fate before)
{
	const struct normalise_counters *c = normalise_engine_counters(e->env->tcp);

	if (c->resets_ignored != before.resets && before.state == NORMALISER_OPEN)
		note_trick(e, dir, EVENT_EVASION_TCP_RST_IGNORED, bytes);
	if ((p->tcp_flags & TCP_FLAG_SYN) == 0)
		return;
	if (c->drops[NORMALISE_DROP_SYN] == before.syns) {
		e->isn[dir] = seq;
		e->syn[dir] = true;
	} else if (!e->syn[dir] || e->isn[dir] != seq) {
		note_trick(e, dir, EVENT_EVASION_TCP_SPLIT_HANDSHAKE, bytes);
	}
}

static void tell_control(struct enforcement *e);

/*
 * Nothing more is read: what is open ends, with its event, and the pages go back. What
 * the normaliser keeps goes first: it may have to be read, which needs the policy that the
 * inspection holds until its end.
 */
static void
die(struct enforcement *e)
{
	e->state = DEAD;
	tell_control(e);
	normaliser_close(&e->tcp);
	tell_tricks(e);
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
	/* Of a control connection the server is gone already: nothing more comes of it. */
	r->last = e->last || e->finished || e->follows;
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
	uint32_t kept;

	e->state = WAITING;
	e->dir = (uint8_t)dir;
	e->verdict = (uint8_t)v;
	e->refused_us = e->env->now_us;
	e->held_us[dir] = 0;
	normaliser_absorb(&e->tcp, dir);
	normaliser_numbers(&e->tcp, dir, &numbers);
	e->refused_at = numbers.read;
	e->finished = numbers.fin_read;
	kept = numbers.read - numbers.released;
	/* A FIN that was read and kept is no byte. */
	e->released = e->in->conversation.stats.delivered[dir] -
		(kept > 0 && numbers.fin_read ? kept - 1 : kept);
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
 * Which message it is that is over: the open one, or one that has ended in the packet
 * in hand (then reserved[] and its event exist already). To be known at once: the
 * segments that waited behind the packet are read before anything is done.
 */
static void
name_refused(struct enforcement *e, enum direction dir, enum verdict v, bool ended)
{
	if (!ended)
		reserve(e->in, dir, v);
	report_event_id(report_of(e->in), e->in, dir, e->in->reserved[dir], e->event_id);
	e->serial = e->in->serial[dir];
}

/* What name_refused() named is refused. */
static void
refuse(struct enforcement *e, enum direction dir, enum verdict v, bool ended)
{
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

/* ---- lines that have no end yet ---- */

static void
keep_carry(struct enforcement *e, enum direction dir, struct bytes in)
{
	uint8_t *carry = e->carry[dir];
	size_t n = e->n_carry[dir], keep;

	if (in.n > CARRY)
		in = bytes_skip(in, in.n - CARRY);
	keep = RTE_MIN(n, CARRY - in.n);
	memmove(carry, carry + n - keep, keep);
	memcpy(carry + keep, in.p, in.n);
	e->n_carry[dir] = (uint8_t)(keep + in.n);
}

/* As many digits close together as an identifier has, at least. */
static bool
has_digits(struct bytes before, struct bytes in)
{
	enum { WITHIN = 24, LEAST = 9 };
	uint32_t seen = 0; /* the last 24 bytes, a bit for each: is it a digit? */

	for (size_t i = 0; i < before.n + in.n; i++) {
		uint8_t c = i < before.n ? before.p[i] : in.p[i - before.n];

		seen = (seen << 1 | (c >= '0' && c <= '9')) & ((1u << WITHIN) - 1);
		if (__builtin_popcount(seen) >= LEAST)
			return true;
	}
	return false;
}

/* The line that @p in ends with, and the one before it: a header field goes on over lines. */
static struct bytes
last_lines(struct bytes in)
{
	unsigned lines = 0;

	for (size_t i = in.n > 0 ? in.n - 1 : 0; i-- > 0;)
		if (in.p[i] == '\n' && ++lines == 2)
			return bytes_skip(in, i + 1);
	return in;
}

/* Behind a cut: the rest of a longer number may look like one of another kind. */
static struct bytes
skip_cut(struct bytes in)
{
	while (in.n > 0 && in.p[0] > ' ')
		in = bytes_skip(in, 1);
	return in;
}

/* May there be bytes that the inspector has, or the one that will be chosen, and hasn't read? */
static bool
reads_lines(const struct conversation *c)
{
	return !c->decided || c->ops == &smtp_inspector || c->ops == &http1_inspector;
}

/* What of @p in may not be read yet by the inspector that the conversation has. */
static struct bytes
unread_lines(const struct conversation *c, enum direction dir, struct bytes in)
{
	const struct message *open = c->open[dir];

	if (!c->decided)
		return last_lines(in);
	/* It looks at a few bytes to see whether a head begins. */
	if (c->ops == &http1_inspector)
		return in.n > CARRY ? skip_cut(bytes_skip(in, in.n - CARRY)) : in;
	if (in.p[in.n - 1] == '\n' && (open == NULL || open->session))
		return (struct bytes){NULL, 0};
	return last_lines(in);
}

/*
 * A command or a reply is read when its line ends, and a header field when the next one
 * begins. A packet that ends within one isn't read to its end; so its last lines are glanced
 * at, raw. What is found there waits for the following bytes, as what is pending does.
 */
static void
glance(struct enforcement *e, enum direction dir, const struct packet *p)
{
	const struct conversation *c = &e->in->conversation;
	struct bytes in, lines, before = {e->carry[dir], e->n_carry[dir]};

	if (p->payload_len == 0)
		return;
	in = packet_piece(p, 0);
	if (in.n == 0)
		return;
	lines = reads_lines(c) ? unread_lines(c, dir, in) : (struct bytes){NULL, 0};
	/* The lines go on in which something was found. */
	if (e->glanced[dir] >= VERDICT_REFUSE && lines.n == in.n && c->ops != &http1_inspector) {
		keep_carry(e, dir, in);
		return;
	}
	e->glanced[dir] = VERDICT_FORWARD;
	if (lines.n < in.n)
		before.n = 0;
	else if (before.n == CARRY)
		before = skip_cut(before);
	if (lines.n > 0 && has_digits(before, lines))
		e->glanced[dir] = (uint8_t)inspection_glance(e->in, dir, before, lines);
	keep_carry(e, dir, in);
}

static enum look
look_at_glance(const struct enforcement *e, enum direction dir)
{
	if (e->glanced[dir] < VERDICT_REFUSE)
		return LOOK_FORWARD;
	return e->glance_due ? look_of((enum verdict)e->glanced[dir]) : LOOK_PENDING;
}

/*
 * What was read of a direction decides on what leaves of it. While something is held,
 * all that follows waits as well; after_reading() lets it go.
 */
static enum release
decide(struct enforcement *e, enum direction dir)
{
	enum verdict ended = (enum verdict)e->in->outcome[dir];
	enum look l = RTE_MAX(look(e->in, dir), look_at_glance(e, dir));

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
	name_refused(e, dir, (enum verdict)e->verdict, e->ended);
	return RELEASE_NEVER;
}

/*
 * While answers to what came before the refused message are waited for, the receiver's bytes
 * still leave, and have a ceiling of their own. What is over it, or may be, ends the wait.
 */
static enum release
decide_answer(struct enforcement *e, enum direction dir)
{
	enum verdict ended = (enum verdict)e->in->outcome[dir];
	enum look l = look(e->in, dir);

	if (l == LOOK_FORWARD && !e->unanswered)
		return RELEASE_NOW;
	if (l >= LOOK_REFUSE && ended < VERDICT_REFUSE && !e->unanswered)
		reserve(e->in, dir, l == LOOK_DROP ? VERDICT_DROP : VERDICT_REFUSE);
	e->unanswered = e->last = true;
	return RELEASE_NEVER;
}

static void
clamp_acknowledgement(const struct enforcement *e, struct packet *p)
{
	struct normaliser_numbers back;

	normaliser_numbers(&e->tcp, other((enum direction)e->dir), &back);
	if (back.synced && (int32_t)(p->ack - back.read) > 0)
		p->ack = back.read;
}

static enum release
on_read(void *ctx, enum direction dir, const struct packet *p)
{
	struct enforcement *e = ctx;
	struct packet known = *p;

	/* What the endpoint said in the receiver's place is no gap in what the receiver said. */
	if (e->state == ABSORBING && dir == (enum direction)e->dir)
		clamp_acknowledgement(e, &known);
	(void)inspection_packet(e->in, &known, dir);
	if (e->state == WAITING && dir != (enum direction)e->dir)
		return decide_answer(e, dir);
	if (e->state != OPEN || e->stop)
		return RELEASE_NOW;
	glance(e, dir, p);
	return decide(e, dir);
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes bytes)
{
	struct enforcement *e = ctx;

	if (!e->in->over)
		inspection_conflict(e->in, dir, at, bytes);
}

static void
on_dropped(void *ctx, enum direction dir, enum normalise_drop why, struct bytes bytes)
{
	struct enforcement *e = ctx;

	note_dropped(e, dir, why, bytes.n);
	if (!e->in->over)
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
	if (v < VERDICT_REFUSE)
		return;
	name_refused(e, dir, v, true);
	refuse(e, dir, v, true);
}

/* The message that decide() stopped may have ended since, in what waited behind its packet. */
static void
refuse_stopped(struct enforcement *e)
{
	bool ended = e->ended || e->in->outcome[e->dir] != VERDICT_FORWARD;

	e->in->outcome[e->dir] = VERDICT_FORWARD;
	refuse(e, (enum direction)e->dir, (enum verdict)e->verdict, ended);
}

static void
after_reading(struct enforcement *e, enum direction dir)
{
	if (e->state == OPEN && e->stop)
		refuse_stopped(e);
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
stop_packet(struct enforce_env *env, struct packet *p, enum withheld why)
{
	env->stats->undelivered += p->payload_len;
	enforce_withhold(env, p, why);
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
	uint32_t seq, bytes;
	struct fate before;

	e->env->now_us = p->time;
	if (packet_meta(p->mbuf)->port != e->port[dir]) {
		e->env->stats->packets_wrong_port++;
		note_trick(e, dir, EVENT_EVASION_TCP_WRONG_PORT, p->payload_len);
		stop_packet(e->env, p, WITHHELD_WRONG_PORT);
		return true;
	}
	learn(e, p, dir);
	if (e->state == DEAD)
		return dead_packet(e, p);
	if (e->state != OPEN)
		return refused_packet(e, p, dir);
	before = fate_before(e);
	seq = p->seq;
	bytes = p->payload_len;
	if (normaliser_segment(&e->tcp, dir, p) == NORMALISER_NEW_CONNECTION)
		return false;
	note_fate(e, dir, p, seq, bytes, before);
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
		.payload = n == 0 ? payload : bytes_of(payload.p + at, n)};
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
	/* The frames that it came in stay the whole's. */
	packet_meta(m)->original = NULL;
	return m;
}

bool
enforcement_pieces(struct enforcement *e, struct packet *p, enum direction dir)
{
	enum { PIECE = 1200 }; /* fits every MTU that IPv6 allows, with its headers */
	struct bytes payload = {NULL, p->payload_len};
	bool left = (p->tcp_flags & TCP_FLAG_SYN) == 0;
	uint32_t done = 0;

	/* DPDK 22.11 reads beside the chain for no bytes at its end. */
	if (left && p->payload_len > 0 && p->payload_len <= INSPECTION_SCRATCH)
		payload.p = rte_pktmbuf_read(p->mbuf, p->payload_at, p->payload_len,
			e->env->inspections->scratch);
	left = left && (p->payload_len == 0 || payload.p != NULL);
	while (left) {
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
		left = done < payload.n;
	}
	e->env->stats->undelivered += p->payload_len - done;
	e->env->stats->withheld[WITHHELD_NOT_IN_STREAM] += p->payload_len - done;
	free_frames(p);
	return true;
}

void
enforcement_close(struct enforcement *e)
{
	const struct arena_source *pages = pages_of(e->env);

	tell_control(e);
	deactivate(e);
	if (e->endpoint != NULL)
		pages->give(pages->ctx, e->endpoint, ARENA_PAGE_MEDIUM);
	normaliser_close(&e->tcp);
	tell_tricks(e);
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
	bool acks = (p->tcp_flags & TCP_FLAG_ACK) != 0;
	struct segment forth = {.seq = p->seq, .flags = TCP_FLAG_RST};
	struct segment back = {.ack = end, .flags = TCP_FLAG_RST | TCP_FLAG_ACK};
	struct segment_path path, turned;
	struct rte_mbuf *m;

	/* RFC 9293, 3.10.7.1: at its own numbers, where it has such. */
	if (acks) {
		forth.ack = back.seq = p->ack;
		forth.flags |= TCP_FLAG_ACK;
	}
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
	stop_packet(env, p, WITHHELD_NO_CONNECTION);
}

/*
 * What is said over and over has no end: after limits.absorb_time it is taken as said,
 * so that its event is written. What comes then isn't read, and doesn't leave.
 */
static bool
has_ended(struct enforce_env *env, struct inspection *in, uint64_t now)
{
	bool acted = in->acted[DIR_CLIENT] != VERDICT_FORWARD ||
		in->acted[DIR_SERVER] != VERDICT_FORWARD;
	uint64_t since = in->first_us + in->acted_ms * UINT64_C(1000);

	if (!in->over && acted && now > since &&
		now - since > env->cfg->limits.absorb_time * 1000000)
		inspection_end(in);
	return in->over;
}

void
enforce_datagram(struct enforce_env *env, struct inspection *in, struct packet *p,
	enum direction dir)
{
	enum verdict ended;
	enum look l;

	env->now_us = p->time;
	if (has_ended(env, in, p->time)) {
		stop_packet(env, p, WITHHELD_REFUSED);
		return;
	}
	(void)inspection_packet(in, p, dir);
	ended = (enum verdict)in->outcome[dir];
	l = look(in, dir);
	if (l == LOOK_FORWARD && in->acted[dir] == VERDICT_FORWARD) {
		enforce_leave(env, p);
		return;
	}
	/* Datagrams can't wait: what is pending there is decided at their end. */
	if (in->acted[dir] == VERDICT_FORWARD && ended == VERDICT_FORWARD) {
		reserve(in, dir, l == LOOK_DROP ? VERDICT_DROP : VERDICT_REFUSE);
		in->acted_ms = p->time < in->first_us
			? 0
			: (uint32_t)((p->time - in->first_us) / 1000);
	}
	enforce_withhold(env, p, WITHHELD_REFUSED);
}

/* ---- time ---- */

/* A message on hold has waited for long enough. What came behind it is still to be decided. */
static void
expire_hold(struct enforcement *e, enum direction dir)
{
	e->held_end[dir] = false;
	if (e->env->cfg->choices.hold_expired_forward)
		return;
	name_refused(e, dir, VERDICT_REFUSE, true);
	refuse(e, dir, VERDICT_REFUSE, true);
}

/* What is held has waited long enough. */
static void
tick_hold(struct enforcement *e, enum direction dir)
{
	const struct dataplane_limits *l = &e->env->cfg->limits;
	uint64_t now = e->env->now_us, waited;

	if (e->held_us[dir] == 0 || e->state != OPEN)
		return;
	waited = elapsed(&e->held_us[dir], now);
	if (waited < (e->held_end[dir] ? l->hold_time : l->settle_pause) * 1000)
		return;
	if (e->held_end[dir])
		expire_hold(e, dir);
	if (e->state != OPEN)
		return;
	conversation_no_hint(&e->in->conversation);
	conversation_settle(&e->in->conversation, dir);
	if (!reads_lines(&e->in->conversation))
		e->glanced[dir] = VERDICT_FORWARD;
	e->glance_due = true;
	if (decide(e, dir) == RELEASE_NOW)
		e->settled[dir] = true;
	e->glance_due = false;
	/* It may go on to be pending only by text that came since: then it waits on. */
	e->held_us[dir] = now;
	after_reading(e, dir);
}

static void
tick_refused(struct enforcement *e)
{
	const struct dataplane_limits *l = &e->env->cfg->limits;
	uint64_t since = elapsed(&e->refused_us, e->env->now_us);

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
