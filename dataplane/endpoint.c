/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/endpoint.h"

#include <string.h>

#include <rte_mbuf.h>

enum {
	MSS_DEFAULT = 536,   /* RFC 9293, 3.7.1 */
	MSS_MIN = 48,	     /* a smaller one is nobody's; options would take all of it */
	STAMPS_ROOM = 12,    /* RFC 6691: the MSS doesn't count options */
	SEGMENT_MAX = 1460,  /* one packet buffer, and any Ethernet */
	RETRY_US = 10000,    /* when there was no buffer */
	STAMP_TICK_US = 1000 /* RFC 7323, 5.4: between 1 ms and 1 s */
};

/* Is a before b, in sequence numbers (RFC 9293, 3.4)? */
static bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint64_t
since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

/* ---- sending ---- */

/* @return false: no buffer */
static bool
send_segment(struct endpoint *e, struct segment s)
{
	struct rte_mbuf *m;

	s.window = e->cfg.window;
	s.ack = e->cfg.ack;
	s.stamped = e->cfg.stamped;
	/* Never behind what the receiver itself has said (RFC 7323, 5.3). */
	s.stamp = e->cfg.stamp + (uint32_t)(since(e->opened_us, e->now_us) / STAMP_TICK_US);
	s.echo = e->cfg.echo;
	m = segment_build(e->cfg.pool, e->cfg.path, &s);
	if (m == NULL)
		return false;
	e->cfg.ops->send(e->cfg.ctx, m);
	/* Each of them acknowledges. */
	e->ack_due = false;
	return true;
}

static void
send_ack(struct endpoint *e)
{
	e->ack_due = true;
	(void)send_segment(e, (struct segment){.seq = e->max, .flags = TCP_FLAG_ACK});
}

/* The sender's kernel takes an RST at its next byte only (RFC 5961, 3.2), and what of our
 * words it has isn't known: at either end of them. */
static void
reset(struct endpoint *e)
{
	struct segment s = {.seq = e->una, .flags = TCP_FLAG_RST | TCP_FLAG_ACK};

	if (e->done)
		return;
	(void)send_segment(e, s);
	s.seq = e->max;
	if (e->max != e->una)
		(void)send_segment(e, s);
	e->done = true;
}

static uint32_t
payload_max(const struct endpoint *e)
{
	uint32_t mss = e->cfg.mss == 0 ? MSS_DEFAULT : e->cfg.mss;

	mss = RTE_MIN(RTE_MAX(mss, (uint32_t)MSS_MIN), (uint32_t)SEGMENT_MAX);
	return e->cfg.stamped ? mss - STAMPS_ROOM : mss;
}

/* Words or our FIN, not acknowledged yet: the timer runs. */
static bool
pending(const struct endpoint *e)
{
	return e->n_words > 0 || (e->fin_wanted && !e->fin_acked);
}

static void
advance(struct endpoint *e, uint32_t n)
{
	e->next += n;
	if (before(e->max, e->next))
		e->max = e->next;
}

/* One segment from `next` on, of at most @p room bytes. @return false: there is none to send */
static bool
push_one(struct endpoint *e, uint32_t room)
{
	uint32_t at = e->next - e->una, n;
	struct segment s = {.seq = e->next, .flags = TCP_FLAG_ACK};

	if (e->fin_acked || room == 0)
		return false;
	if (at < e->n_words) {
		n = RTE_MIN(RTE_MIN(e->n_words - at, payload_max(e)), room);
		s.payload = bytes_of(e->words + at, n);
		s.flags |= at + n == e->n_words ? TCP_FLAG_PSH : 0;
	} else if (at == e->n_words && e->fin_wanted) {
		n = 1;
		s.flags |= TCP_FLAG_FIN;
	} else {
		return false;
	}
	/* Without a buffer it is as good as lost: the timer repeats it. */
	(void)send_segment(e, s);
	advance(e, n);
	return true;
}

/* What the sender's window has room for. */
static uint32_t
room(const struct endpoint *e)
{
	uint32_t flight = e->next - e->una;

	return flight < e->cfg.peer_window ? e->cfg.peer_window - flight : 0;
}

static void
push(struct endpoint *e)
{
	while (push_one(e, room(e)))
		;
}

static void
timer_start(struct endpoint *e)
{
	e->tries = 0;
	e->pause_us = ENDPOINT_PAUSE_US;
	e->resend_us = e->now_us + e->pause_us;
}

/* RFC 6298, 5.4 to 5.6: the earliest segment, then twice the pause. Into a closed window one
 * byte goes, to learn of its opening (RFC 9293, 3.8.6.1). */
static void
resend(struct endpoint *e)
{
	if (e->tries >= ENDPOINT_TRIES_MAX) {
		reset(e);
		return;
	}
	e->tries++;
	e->pause_us *= 2;
	e->resend_us = e->now_us + e->pause_us;
	e->next = e->una;
	(void)push_one(e, RTE_MAX(room(e), 1u));
}

/* ---- the sender's segments ---- */

static void
take_stamps(struct endpoint *e, const struct packet *p)
{
	uint32_t stamp, echo;

	if (!e->cfg.stamped || !segment_stamps(p, &stamp, &echo))
		return;
	/* RFC 7323, 4.3: of the segment at the next byte, and never an older one. */
	if (!before(e->cfg.ack, p->seq) && !before(stamp, e->cfg.echo))
		e->cfg.echo = stamp;
}

/* RFC 9293, 3.10.7.4: a segment's window counts where it isn't older than the last one's. */
static void
take_window(struct endpoint *e, const struct packet *p)
{
	bool closed = e->cfg.peer_window == 0;

	if (before(p->seq, e->seen_seq))
		return;
	e->seen_seq = p->seq;
	e->cfg.peer_window = (uint32_t)p->window << e->cfg.peer_scale;
	if (e->cfg.peer_window == 0) {
		/* It is there, and asks for patience. */
		e->tries = 0;
	} else if (closed) {
		/* What was sent into the closed window isn't there. */
		e->next = e->una;
		timer_start(e);
	}
}

static void
take_acked(struct endpoint *e, uint32_t ack)
{
	uint32_t n = ack - e->una, words = RTE_MIN(n, e->n_words);

	if (n == 0)
		return;
	e->n_words -= words;
	memmove(e->words, e->words + words, e->n_words);
	e->fin_acked |= n > words;
	e->una = ack;
	if (before(e->next, e->una))
		e->next = e->una;
	timer_start(e);
}

/* @return false: it acknowledges what was never sent */
static bool
take_ack(struct endpoint *e, const struct packet *p)
{
	if (before(e->max, p->ack))
		return false;
	if (before(p->ack, e->una))
		return true;
	take_acked(e, p->ack);
	take_window(e, p);
	push(e);
	return true;
}

/* RFC 5961, 3.2: at the next byte it counts, further on it is asked about. */
static void
take_reset(struct endpoint *e, const struct packet *p)
{
	if (p->seq == e->cfg.ack)
		e->done = true;
	else if (before(e->cfg.ack, p->seq))
		send_ack(e);
}

/* The sender's bytes and its FIN are before what was acknowledged, or behind a hole. */
static void
answer_order(struct endpoint *e, const struct packet *p)
{
	bool fin = (p->tcp_flags & TCP_FLAG_FIN) != 0;
	uint32_t end = p->seq + p->payload_len + fin;
	struct segment s = {.seq = e->max, .flags = TCP_FLAG_ACK};

	if (fin) {
		e->peer_fin = true;
		e->peer_fin_at = p->seq + p->payload_len;
	}
	if (end == p->seq && p->seq == e->cfg.ack)
		return;
	if (before(e->cfg.ack, p->seq)) {
		/* An acknowledgement that has overtaken its own data. */
		if (end == p->seq)
			return;
		if (e->cfg.sack && p->payload_len > 0) {
			s.n_sacks = 1;
			s.sacks[0].from = p->seq;
			s.sacks[0].to = end - fin;
		}
	} else if (before(e->cfg.ack, end)) {
		return;
	}
	e->linger_us = e->now_us + ENDPOINT_LINGER_US;
	(void)send_segment(e, s);
}

void
endpoint_segment(struct endpoint *e, const struct packet *p, uint64_t now_us)
{
	e->now_us = now_us;
	if (e->done)
		return;
	if (p->tcp_flags & TCP_FLAG_RST) {
		take_reset(e, p);
		return;
	}
	if (p->tcp_flags & TCP_FLAG_SYN) { /* RFC 5961, 4.2 */
		send_ack(e);
		return;
	}
	if (!(p->tcp_flags & TCP_FLAG_ACK))
		return;
	take_stamps(e, p);
	if (take_ack(e, p))
		answer_order(e, p);
	else
		send_ack(e);
}

/* ---- the host's calls ---- */

void
endpoint_open(struct endpoint *e, const struct endpoint_config *cfg)
{
	e->cfg = *cfg;
	if (e->cfg.window < ENDPOINT_WINDOW_MIN)
		e->cfg.window = ENDPOINT_WINDOW_MIN;
	e->done = e->fin_wanted = e->fin_acked = false;
	e->ack_due = true;
	e->peer_fin = cfg->fin_read;
	e->peer_fin_at = cfg->ack - 1;
	e->una = e->next = e->max = cfg->seq;
	/* Segments that were on their way still count. */
	e->seen_seq = cfg->ack - UINT16_MAX;
	e->n_words = 0;
	e->opened_us = e->now_us = cfg->now_us;
	e->linger_us = cfg->now_us + ENDPOINT_LINGER_US;
	timer_start(e);
}

void
endpoint_acknowledge(struct endpoint *e, uint32_t ack, uint64_t now_us)
{
	e->now_us = now_us;
	if (e->done || before(ack, e->cfg.ack) || (ack == e->cfg.ack && !e->ack_due))
		return;
	if (ack != e->cfg.ack)
		e->linger_us = now_us + ENDPOINT_LINGER_US;
	e->cfg.ack = ack;
	send_ack(e);
}

bool
endpoint_say(struct endpoint *e, struct bytes words, uint64_t now_us)
{
	e->now_us = now_us;
	if (e->done || e->fin_wanted || words.n > ENDPOINT_WORDS_MAX - e->n_words)
		return false;
	if (words.n == 0)
		return true;
	if (!pending(e))
		timer_start(e);
	memcpy(e->words + e->n_words, words.p, words.n);
	e->n_words += (uint32_t)words.n;
	push(e);
	return true;
}

void
endpoint_close(struct endpoint *e, uint64_t now_us)
{
	e->now_us = now_us;
	if (e->done || e->fin_wanted)
		return;
	if (!pending(e))
		timer_start(e);
	e->fin_wanted = true;
	push(e);
}

void
endpoint_reset(struct endpoint *e)
{
	reset(e);
}

static bool
both_closed(const struct endpoint *e)
{
	return e->fin_acked && e->peer_fin && e->cfg.ack == e->peer_fin_at + 1;
}

uint64_t
endpoint_tick(struct endpoint *e, uint64_t now_us)
{
	uint64_t end = e->opened_us + RTE_MIN(e->cfg.time_limit_us, UINT64_MAX / 2), next;

	e->now_us = now_us;
	if (!e->done && both_closed(e) && now_us >= e->linger_us)
		e->done = true;
	if (!e->done && now_us >= end)
		reset(e);
	if (!e->done && pending(e) && now_us >= e->resend_us)
		resend(e);
	if (e->done)
		return UINT64_MAX;
	if (e->ack_due)
		send_ack(e);
	next = e->ack_due ? now_us + RETRY_US : UINT64_MAX;
	if (pending(e))
		next = RTE_MIN(next, e->resend_us);
	if (both_closed(e))
		next = RTE_MIN(next, e->linger_us);
	return RTE_MIN(next, end);
}

enum endpoint_state
endpoint_state(const struct endpoint *e)
{
	if (e->done)
		return ENDPOINT_DONE;
	if (e->fin_wanted)
		return ENDPOINT_CLOSING;
	return e->n_words > 0 ? ENDPOINT_SAYING : ENDPOINT_LISTENING;
}
