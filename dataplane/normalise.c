/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/normalise.h"

#include <assert.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/normalise_private.h"

static_assert(sizeof(struct inside) <= NORMALISER_SIZE, "NORMALISER_SIZE is too small");

enum {
	FAR = 1 << 30, /* the largest window there is (RFC 7323, 2.3) */
	OWED_MAX = 3,  /* duplicate acknowledgements for a fast retransmit (RFC 5681, 3.2) */
	OPTIONS_MAX = 40,
	/* A flow may have a fourth of what is free under way, in segments of this many bytes. */
	SHARE = 4,
	SHARE_BYTES = 1024,
	SHARE_LEAST = 65536,
	MSS_DEFAULT = 536, /* RFC 9293, 3.7.1 */
};

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	OPTION_SACK_OK = 4,
	OPTION_SACK = 5,
	OPTION_STAMPS = 8,
	OPTION_FAST_OPEN = 34,
};

static struct inside *
inside_of(struct normaliser *n)
{
	return (struct inside *)(void *)n->private;
}

static const struct inside *
look_inside(const struct normaliser *n)
{
	return (const struct inside *)(const void *)n->private;
}

static struct step
step_of(struct inside *n, enum direction dir)
{
	return (struct step){.n = n,
		.e = n->engine,
		.half = &n->half[dir],
		.peer = &n->half[1 - dir],
		.dir = dir};
}

static bool
has_fin(const struct packet *p)
{
	return p->tcp_flags & TCP_FLAG_FIN;
}

/* ---- what was agreed on in the handshake ---- */

/* How far the windows of this half's sender are shifted: if both SYNs said so (RFC 7323, 2.2). */
static uint8_t
scale_of(const struct inside *n, enum direction dir)
{
	const struct half *h = &n->half[dir], *other = &n->half[1 - dir];

	return h->scale == PACKET_NO_SCALE || other->scale == PACKET_NO_SCALE ? 0 : h->scale;
}

static bool
stamped(const struct inside *n)
{
	return n->half[0].stamps_ok && n->half[1].stamps_ok;
}

static bool
sack(const struct inside *n)
{
	return n->half[0].sack_ok && n->half[1].sack_ok;
}

/* ---- leaving, and not leaving ---- */

static void
leave(struct step *t, struct packet *p)
{
	t->e->counters.released++;
	t->e->counters.released_bytes += p->payload_len;
	t->n->ops->send(t->n->ctx, t->dir, p->mbuf);
}

/* It is shown as it leaves. Where it has nothing new, there is nothing to answer. */
static void
read_and_leave(struct step *t, struct packet *p)
{
	(void)t->n->ops->read(t->n->ctx, t->dir, p);
	leave(t, p);
}

/* Count and show @p n bytes of payload, from its byte @p at on, that don't leave. */
static void
drop_payload(
	struct step *t, const struct packet *p, uint32_t at, uint32_t n, enum normalise_drop why)
{
	t->e->counters.drops[why]++;
	t->e->counters.drop_bytes[why] += n;
	if (why == NORMALISE_DROP_NO_ROOM || why == NORMALISE_DROP_REFUSED)
		return;
	while (n > 0) {
		struct bytes b = packet_piece(p, at);

		if (b.n == 0)
			return;
		if (b.n > n)
			b.n = n;
		t->n->ops->dropped(t->n->ctx, t->dir, why, b);
		at += (uint32_t)b.n;
		n -= (uint32_t)b.n;
	}
}

static void
drop(struct step *t, struct packet *p, enum normalise_drop why)
{
	drop_payload(t, p, 0, p->payload_len, why);
	t->e->counters.dropped++;
	rte_pktmbuf_free(p->mbuf);
}

/* Payload behind its first @p n bytes goes, and a FIN with it. */
static void
cut_tail(struct step *t, struct packet *p, uint32_t n, enum normalise_drop why)
{
	drop_payload(t, p, n, p->payload_len - n, why);
	segment_cut_tail(p, p->payload_len - n);
}

/* Byte 12 or 13 of the TCP header. */
static uint8_t
flag_byte(const struct packet *p, uint32_t at)
{
	uint8_t scratch;

	return *(const uint8_t *)rte_pktmbuf_read(p->mbuf, p->l4_at + at, 1, &scratch);
}

static void
clear_fin(struct packet *p)
{
	if (has_fin(p))
		segment_set_flags(p, flag_byte(p, 13) & (uint8_t)~TCP_FLAG_FIN);
}

/* No acknowledgement runs ahead of what left. In a direction that absorbs, those of an endpoint's
 * words do. */
static void
clamp_ack(const struct step *t, struct packet *p)
{
	if (t->peer->synced && before(t->peer->released, p->ack))
		segment_set_ack(p, t->peer->released);
}

/* The acknowledgement in the segment in hand, by itself, with @p seq. */
static void
leave_bare(struct step *t, uint32_t seq)
{
	struct packet bare = *t->p;

	if (t->half->cut)
		return;
	bare.mbuf = segment_bare_copy(t->p, t->e->cfg.pool);
	if (bare.mbuf == NULL)
		return;
	bare.l3_len = bare.payload_at - bare.l3_at;
	bare.payload_len = 0;
	bare.tcp_flags &= (uint8_t) ~(TCP_FLAG_FIN | TCP_FLAG_PSH);
	segment_set_seq(&bare, seq);
	clamp_ack(t, &bare);
	t->e->counters.bare++;
	leave(t, &bare);
}

/* It has waited: with its old time stamp it would be discarded (PAWS; RFC 7323, 5). */
static void
restamp(struct step *t, struct packet *p)
{
	const struct half *h = t->half;
	uint32_t stamp, echo;

	segment_set_ack(p, h->ack);
	segment_set_window(p, h->window);
	if (stamped(t->n) && segment_stamps(p, &stamp, &echo))
		segment_set_stamps(p, h->stamp, h->echo);
	clamp_ack(t, p);
	t->e->counters.restamped++;
}

static void
update_state(struct inside *n)
{
	if (n->state == NORMALISER_OPEN && n->half[0].fin_left && n->half[1].fin_left)
		n->state = NORMALISER_CLOSING;
}

/* ---- made segments ---- */

/* From the sender of @p dir to its receiver. */
static void
make(struct inside *n, enum direction dir, struct segment *s)
{
	const struct half *h = &n->half[dir];
	struct segment_path path = h->path;
	struct rte_mbuf *m;

	if (h->cut)
		return;
	if (path.n_link == 0)
		segment_path_turn(&path, &n->half[1 - dir].path);
	if (path.n_link == 0)
		return;
	m = segment_build(n->engine->cfg.pool, &path, s);
	if (m != NULL)
		n->ops->send(n->ctx, dir, m);
}

/* To the sender of the direction in hand, in its receiver's name: what that said last. */
static bool
make_ack(struct inside *n, enum direction to_sender_of, uint32_t latest, bool sacks)
{
	const struct half *h = &n->half[to_sender_of], *receiver = &n->half[1 - to_sender_of];
	struct segment s = {.seq = receiver->released,
		.ack = h->acked,
		.window = receiver->window,
		.flags = TCP_FLAG_ACK,
		.stamped = stamped(n),
		.stamp = receiver->stamp,
		.echo = receiver->echo};

	/* A client that didn't answer the SYN-ACK has acknowledged nothing. */
	if (!h->synced || !h->acked_known || !receiver->synced ||
		(to_sender_of == DIR_SERVER && !receiver->spoke))
		return false;
	if (sacks && sack(n))
		s.n_sacks = (uint8_t)held_ranges(h, latest, s.stamped ? 3 : 4, &s);
	make(n, 1 - to_sender_of, &s);
	return true;
}

/* RFC 5961, 3.2 and 4.2: who really means it answers with an RST at the right place. */
static void
challenge(struct step *t)
{
	if (make_ack(t->n, t->dir, 0, false))
		t->e->counters.challenge_acks++;
}

/*
 * May its sender be asked for what is missing (RFC 5681, 3.2)? What the receiver hasn't
 * acknowledged yet would look lost too, and be sent again for nothing. So it is waited for, but
 * for one segment, with which a receiver may take its time (RFC 9293, 3.8.6.3): three segments
 * long, as for a duplicate acknowledgement that means a loss.
 */
static bool
may_ask(const struct half *h)
{
	if (h->held == NULL || h->waiting != NULL)
		return false;
	return h->past_pieces == 0 || (h->past_pieces == 1 && h->since >= OWED_MAX);
}

/* With SACK one says as much as three; without, three are needed (RFC 5681, 3.2). */
static void
ask_again(struct inside *n, enum direction dir, uint32_t latest)
{
	struct half *h = &n->half[dir];
	unsigned times = sack(n) ? h->owed > 0 : h->owed;

	if (h->held == NULL)
		h->owed = 0;
	if (!may_ask(h))
		return;
	h->owed = 0;
	for (; times > 0; times--)
		if (make_ack(n, dir, latest, true))
			n->engine->counters.duplicate_acks++;
}

/* ---- the sender's acknowledgement ---- */

/*
 * What the sender may have under way to the receiver in hand: all of it is to be remembered.
 * The references are every flow's, so the fewer are free, the less each of them gets; and
 * where segments are small, a flow's own are used up before its bytes.
 */
static uint32_t
window_most(const struct step *t)
{
	const struct normalise_config *cfg = &t->e->cfg;
	uint32_t mss = t->half->mss != 0 ? t->half->mss : MSS_DEFAULT;
	uint64_t most = (uint64_t)(cfg->segments - t->e->used) / SHARE * SHARE_BYTES;
	uint64_t own = (uint64_t)cfg->flow_segments * (mss - mss / 8); /* options take some */

	if (most > own)
		most = own;
	if (most < SHARE_LEAST)
		most = SHARE_LEAST;
	return most < cfg->flow_unacked ? (uint32_t)most : cfg->flow_unacked;
}

/*
 * The receiver's window, as the sender is to see it: no larger than what can be
 * remembered, so that nothing has to be dropped for want of room; its right edge never
 * moves back (RFC 9293, 3.8.6), but for the rounding of a scaled window (RFC 7323, 2.4).
 */
static void
clamp_window(struct step *t)
{
	struct packet *p = t->p;
	struct half *h = t->peer;
	uint8_t shift = p->tcp_flags & TCP_FLAG_SYN ? 0 : scale_of(t->n, t->dir);
	uint32_t window = (uint32_t)p->window << shift, most = window_most(t), raw;

	if (t->n->adopted)
		return;
	if (window > most) {
		uint32_t told = h->edge_known ? h->offered - p->ack : 0;

		if ((int32_t)told > 0 && told > most)
			most = told;
		raw = most >> shift;
		raw = smaller(raw > 0 ? raw : 1, p->window);
		if (raw < p->window) {
			t->e->counters.window_clamped++;
			segment_set_window(p, (uint16_t)raw);
		}
	}
	window = (uint32_t)p->window << shift;
	if (!h->edge_known || before(h->offered, p->ack + window))
		h->offered = p->ack + window;
}

/* The segment in hand acknowledges what the other side sent. */
static void
take_ack(struct step *t)
{
	struct half *h = t->peer;
	uint32_t ack = t->p->ack, edge;
	uint8_t shift = t->n->adopted ? 14 : scale_of(t->n, t->dir);

	if (h->synced && before(h->released, ack))
		ack = h->released;
	edge = ack + ((uint32_t)t->p->window << (t->p->tcp_flags & TCP_FLAG_SYN ? 0 : shift));
	t->news =
		!h->acked_known || before(h->acked, ack) || !h->edge_known || before(h->edge, edge);
	if (!h->acked_known || before(h->acked, ack)) {
		h->acked = ack;
		h->since = 0;
	}
	past_forget_acked(t->e, h);
	clamp_window(t);
	if (!h->edge_known || before(h->edge, edge))
		h->edge = edge;
	h->acked_known = h->edge_known = true;
}

/* What a segment that is sent later, or made, will say for its sender. */
static void
note_sender(struct step *t)
{
	struct half *h = t->half;
	const struct packet *p = t->p;
	uint32_t stamp, echo;

	if (!h->spoke || !before(p->ack, h->ack)) {
		h->ack = p->ack;
		h->window = p->window;
	}
	if (stamped(t->n) && segment_stamps(p, &stamp, &echo) &&
		(!h->spoke || !before(stamp, h->stamp))) {
		h->stamp = stamp;
		h->echo = echo;
	}
	h->spoke = true;
}

/* ---- payload ---- */

/* Payload that repeats what is here or was refused doesn't leave, and isn't shown. */
static void
swallow_payload(struct step *t, uint32_t n)
{
	t->e->counters.swallowed_bytes += n;
}

/* The first @p n bytes of payload were read before, and go. */
static void
swallow_head(struct step *t, struct packet *p, uint32_t n)
{
	swallow_payload(t, smaller(n, p->payload_len));
	segment_cut_head(p, n);
}

/*
 * What was read: it is not compared any more, and what waits of it doesn't leave. Its bytes
 * were read, and so are counted by no other reason than REFUSED or UNSENT.
 */
static void
forget_read(struct step *t, enum normalise_drop why)
{
	for (const struct normalise_piece *p = t->half->waiting; p != NULL; p = p->next) {
		t->e->counters.drops[why]++;
		t->e->counters.drop_bytes[why] += p->packet.payload_len;
		t->e->counters.dropped++;
	}
	past_clear(t->e, t->half);
}

static void
drop_held(struct step *t, enum normalise_drop why)
{
	while (t->half->held != NULL) {
		struct normalise_piece *piece = held_pop(t->e, t->half);

		drop_payload(t, &piece->packet, 0, piece->packet.payload_len, why);
		t->e->counters.dropped++;
		piece_give(t->e, piece);
	}
	t->half->owed = 0;
}

/* From here on nothing leaves in this direction. */
static void
begin_to_absorb(struct step *t)
{
	t->half->absorbing = true;
	t->half->owed = 0;
	forget_read(t, NORMALISE_DROP_REFUSED);
}

/* Send a piece's segment. Its payload stays remembered. */
static void
leave_piece(struct step *t, struct normalise_piece *piece)
{
	struct half *h = t->half;

	h->released = piece_end(piece);
	h->fin_left |= piece->fin;
	rte_pktmbuf_refcnt_update(piece->packet.mbuf, 1);
	leave(t, &piece->packet);
}

/* It doesn't leave; its acknowledgement does, where it says something. */
static void
leave_news(struct step *t)
{
	if (t->news)
		leave_bare(t, t->half->released);
}

/*
 * A segment with payload or a FIN from half->next on, at its end; what is before
 * that has been made to agree. It is read, remembered, and leaves or waits. @p piece is its
 * own, and stands for what is new.
 */
static void
deliver(struct step *t, struct normalise_piece *piece)
{
	struct half *h = t->half;
	enum release answer = t->n->ops->read(t->n->ctx, t->dir, &piece->packet);
	/* The acknowledgement in one that was held has left long ago. */
	bool in_hand = piece->packet.mbuf == t->p->mbuf;

	h->position += piece->n;
	h->next = piece_end(piece);
	if (piece->fin) {
		h->fin_read = true;
		h->fin = piece->seq + piece->n;
	}
	if (h->absorbing || answer == RELEASE_NEVER) {
		if (!h->absorbing)
			begin_to_absorb(t);
		if (in_hand)
			leave_news(t);
		drop_payload(
			t, &piece->packet, 0, piece->packet.payload_len, NORMALISE_DROP_REFUSED);
		t->e->counters.dropped++;
		piece_give(t->e, piece);
		return;
	}
	past_append(h, piece);
	if (answer == RELEASE_HOLD || h->waiting != NULL) {
		if (h->waiting == NULL)
			h->waiting = piece;
		if (in_hand)
			leave_news(t);
		return;
	}
	leave_piece(t, piece);
}

/*
 * Behind this segment is a hole, and its sender may have been told that we have it (SACK).
 * If its receiver took its time to acknowledge it, that sender would think that it had been
 * thrown away (RFC 2018, 8) and begin from there. With PSH it is acknowledged at once.
 */
static void
push_before_hole(struct step *t, struct packet *p)
{
	const struct half *h = t->half;

	if (h->held != NULL && before(p->seq + p->payload_len, h->held->seq) && p->payload_len > 0)
		segment_set_flags(p, flag_byte(p, 13) | TCP_FLAG_PSH);
}

/* What was held and is in order now. */
static void
drain(struct step *t)
{
	struct half *h = t->half;

	while (h->held != NULL && !before(h->next, h->held->seq) && !h->fin_read) {
		struct normalise_piece *piece = held_pop(t->e, h);
		struct packet *p = &piece->packet;

		if (!before(h->next, piece_end(piece))) {
			t->e->counters.swallowed++;
			swallow_payload(t, p->payload_len);
			piece_give(t->e, piece);
			continue;
		}
		restamp(t, p);
		swallow_head(t, p, h->next - p->seq);
		push_before_hole(t, p);
		piece_measure(piece);
		deliver(t, piece);
	}
	if (h->fin_read)
		drop_held(t, NORMALISE_DROP_AFTER_FIN);
	if (h->held == NULL)
		h->owed = 0;
}

static void
no_room(struct step *t)
{
	leave_news(t);
	drop(t, t->p, NORMALISE_DROP_NO_ROOM);
}

/* It repeats what waits here, or what was refused. A keep-alive still asks the receiver. */
static void
swallow(struct step *t)
{
	const struct half *h = t->half;
	struct packet *p = t->p;

	if (p->payload_len <= 1 && !has_fin(p) && p->seq + 1 == h->next && !h->absorbing)
		leave_bare(t, h->released - 1);
	else
		leave_news(t);
	t->e->counters.swallowed++;
	swallow_payload(t, p->payload_len);
	rte_pktmbuf_free(p->mbuf);
}

/* All of it was read before. */
static void
take_old(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;

	if (h->absorbing) {
		swallow(t);
		return;
	}
	if (!agree_past(t, p)) {
		no_room(t);
		return;
	}
	if (h->waiting != NULL && !before(p->seq, h->released)) {
		swallow(t);
		return;
	}
	if (before(h->released, p->seq + p->payload_len + has_fin(p))) {
		clear_fin(p);
		if (before(h->released, p->seq + p->payload_len)) {
			swallow_payload(t, p->seq + p->payload_len - h->released);
			segment_cut_tail(p, p->seq + p->payload_len - h->released);
		}
	}
	read_and_leave(t, p);
}

/* Its end is new, and nothing is missing before it. */
static void
take_next(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;
	uint32_t old = h->next - p->seq;
	struct normalise_piece *piece;

	if (t->e->free == NULL || (!h->absorbing && !past_has_room(t, p->payload_len - old)) ||
		(!h->absorbing && !agree_past(t, p))) {
		no_room(t);
		return;
	}
	/* What is old can't be sent before what waits, and mustn't be any more. */
	if (h->absorbing || h->waiting != NULL) {
		swallow_head(t, p, old);
		old = 0;
	}
	agree_held(t, p);
	push_before_hole(t, p);
	piece = piece_take(t->e, p);
	piece->seq += old;
	piece->at += old;
	piece->n -= old;
	deliver(t, piece);
	drain(t);
}

/* There is a hole before it. */
static void
take_ahead(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;
	uint32_t seq = p->seq;

	agree_held(t, p);
	leave_news(t);
	if (held_covers(h, p)) {
		t->e->counters.swallowed++;
		swallow_payload(t, p->payload_len);
		rte_pktmbuf_free(p->mbuf);
	} else if (!held_insert(t, p)) {
		drop(t, p, NORMALISE_DROP_NO_ROOM);
	}
	if (h->absorbing)
		return;
	if (h->owed < OWED_MAX)
		h->owed++;
	if (h->since < OWED_MAX)
		h->since++;
	ask_again(t->n, t->dir, seq);
}

/* An acknowledgement alone. */
static void
take_bare(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;

	if (h->cut) {
		drop(t, p, NORMALISE_DROP_REFUSED);
		return;
	}
	if (h->waiting != NULL && p->seq + 1 == h->next)
		segment_set_seq(p, h->released - 1);
	else if (h->absorbing || before(h->released, p->seq))
		segment_set_seq(p, h->released);
	clamp_ack(t, p);
	read_and_leave(t, p);
}

/* ---- segments of an open connection ---- */

/* The numbers of a half that was picked up in the middle. */
static void
adopt_half(struct step *t)
{
	struct half *h = t->half;
	uint32_t seq = t->p->seq;

	/*
	 * What the receiver still waits for is read too, if it is known that it does. If not,
	 * `acked` is a guess, and nothing is blanked by it.
	 */
	if (h->acked_known && seq - h->acked <= FAR)
		seq = h->acked;
	h->next = h->released = seq;
	h->acked = seq;
	h->synced = true;
	h->stamps_ok = segment_stamps(t->p, &h->stamp, &h->echo);
	segment_path_learn(&h->path, t->p);
	t->e->counters.adopted += !t->peer->synced;
}

/* The first byte that the receiver doesn't take; a window probe may have one more. */
static uint32_t
limit_of(const struct half *h)
{
	if (!h->edge_known || h->absorbing)
		return h->next + FAR;
	return (before(h->edge, h->next) ? h->next : h->edge) + 1;
}

/* Is it at a place, and does it acknowledge one, that its receiver accepts (RFC 9293, 3.10.7.4)? */
static bool
acceptable(const struct step *t)
{
	const struct half *h = t->half, *peer = t->peer;
	const struct packet *p = t->p;

	if (before(limit_of(h), p->seq) || before(p->seq, h->next - FAR))
		return false;
	if (!peer->synced || h->absorbing)
		return true;
	return !before(peer->released, p->ack) && !before(p->ack, peer->released - FAR);
}

/* Take off what no receiver reads: behind the FIN, outside of the window; and a FIN elsewhere. */
static void
trim(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;
	uint32_t end = p->seq + p->payload_len, limit = limit_of(h);

	if (p->payload_len > 0 && h->fin_read && before(h->fin, end)) {
		clear_fin(p);
		cut_tail(t, p, before(p->seq, h->fin) ? h->fin - p->seq : 0,
			NORMALISE_DROP_AFTER_FIN);
	} else if (p->payload_len > 0 && before(limit, end)) {
		clear_fin(p);
		cut_tail(t, p, limit - p->seq, NORMALISE_DROP_OUT_OF_WINDOW);
	} else if (has_fin(p) && (h->fin_read ? end != h->fin : before(end, h->next))) {
		clear_fin(p);
	}
}

/* Neither SYN nor RST; with ACK. */
static void
on_segment(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;
	uint32_t end;

	if (!h->synced)
		adopt_half(t);
	if (!acceptable(t)) {
		drop(t, p, NORMALISE_DROP_OUT_OF_WINDOW);
		return;
	}
	take_ack(t);
	note_sender(t);
	trim(t);
	end = p->seq + p->payload_len + has_fin(p);
	if (p->payload_len == 0 && !has_fin(p))
		take_bare(t);
	else if (!before(h->next, end))
		take_old(t);
	else if (before(h->next, p->seq))
		take_ahead(t);
	else
		take_next(t);
	ask_again(t->n, 1 - t->dir, t->peer->held != NULL ? t->peer->held->seq : 0);
	update_state(t->n);
}

/* A connection that was reset: its ends may still tell each other so. */
static void
on_late(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;

	if (h->cut || !h->synced || !t->peer->synced || !acceptable(t)) {
		drop(t, p, NORMALISE_DROP_CLOSED);
		return;
	}
	if (p->payload_len > 0)
		cut_tail(t, p, 0, NORMALISE_DROP_CLOSED);
	clear_fin(p);
	take_ack(t);
	if (before(h->released, p->seq))
		segment_set_seq(p, h->released);
	clamp_ack(t, p);
	leave(t, p);
}

/*
 * Before the SYN-ACK has left. A server that knows another connection on these ports says
 * so; in SYN-SENT its client would answer with an RST (RFC 9293, 3.10.7.3).
 */
static void
refuse_answer(struct step *t)
{
	struct segment s = {.seq = t->p->ack, .flags = TCP_FLAG_RST};

	make(t->n, 1 - t->dir, &s);
	t->e->counters.resets_made++;
}

static void
on_early(struct step *t)
{
	struct half *client = &t->n->half[DIR_CLIENT];

	if (!client->syn) {
		drop(t, t->p, NORMALISE_DROP_MIDSTREAM);
		return;
	}
	if (t->dir == DIR_SERVER && t->p->ack != client->isn + 1)
		refuse_answer(t);
	drop(t, t->p, NORMALISE_DROP_STRAY);
}

/* ---- RST ---- */

/* RFC 9293, 3.10.7.3, while the handshake isn't answered. */
static bool
early_reset_fits(const struct step *t)
{
	const struct half *client = &t->n->half[DIR_CLIENT];
	const struct packet *p = t->p;

	if (!client->syn)
		return false;
	if (t->dir == DIR_CLIENT)
		return p->seq == client->isn + 1;
	return p->tcp_flags & TCP_FLAG_ACK && p->ack == client->isn + 1;
}

/*
 * RFC 5961, 3.2: at exactly the receiver's next byte. The sender may mean what its
 * receiver acknowledged last, or what it sent last and we hold back: then
 * it is brought to that place. Once it was believed, it is left where the receiver asked for it.
 */
static bool
reset_fits(struct step *t)
{
	const struct half *h = t->half;
	struct packet *p = t->p;

	if (!h->synced)
		return early_reset_fits(t);
	if (t->n->state == NORMALISER_RESET)
		return p->seq == h->released || p->seq == h->acked;
	if (p->seq != h->released && p->seq != h->acked && p->seq != h->next)
		return false;
	if (p->seq != h->released)
		segment_set_seq(p, h->released);
	return true;
}

/* No payload leaves any more, either way. */
static void
forget_both(struct inside *n)
{
	for (int dir = 0; dir < 2; dir++) {
		struct step t = step_of(n, (enum direction)dir);

		forget_read(&t, NORMALISE_DROP_UNSENT);
		drop_held(&t, NORMALISE_DROP_CLOSED);
	}
}

static void
on_rst(struct step *t)
{
	struct half *h = t->half;
	struct packet *p = t->p;

	if (p->payload_len > 0)
		cut_tail(t, p, 0, NORMALISE_DROP_RST);
	if (!reset_fits(t)) {
		t->e->counters.resets_ignored++;
		if (h->synced && t->n->state != NORMALISER_RESET && !h->absorbing &&
			!before(limit_of(h), p->seq) && !before(p->seq, h->acked))
			challenge(t);
		drop(t, p, NORMALISE_DROP_RST);
		return;
	}
	t->n->state = NORMALISER_RESET;
	forget_both(t->n);
	if (h->cut) {
		(void)t->n->ops->read(t->n->ctx, t->dir, p);
		drop(t, p, NORMALISE_DROP_REFUSED);
		return;
	}
	if (p->tcp_flags & TCP_FLAG_ACK)
		clamp_ack(t, p);
	read_and_leave(t, p);
}

/* ---- SYN ---- */

static bool
keep_option(uint8_t kind, uint8_t length)
{
	return kind == OPTION_MSS || kind == OPTION_SCALE || kind == OPTION_SACK_OK ||
		kind == OPTION_SACK || kind == OPTION_STAMPS;
}

/* What a SYN offers. */
struct offer {
	uint16_t mss;
	uint8_t scale;
	bool sack_ok, stamps, fast_open;
};

static struct offer
offer_of(const struct packet *p)
{
	struct offer ret = {.scale = p->window_scale};
	uint8_t scratch[OPTIONS_MAX];
	uint32_t n = p->payload_at - p->l4_at - 20, stamp, echo;
	const uint8_t *o;

	ret.stamps = segment_stamps(p, &stamp, &echo);
	if (n == 0 || n > OPTIONS_MAX)
		return ret;
	o = rte_pktmbuf_read(p->mbuf, p->l4_at + 20, n, scratch);
	for (uint32_t at = 0, size; at < n && o[at] != OPTION_END; at += size) {
		size = o[at] == OPTION_NOP ? 1 : at + 1 < n ? o[at + 1] : 0;
		if (size == 0 || size > n - at || (size < 2 && o[at] != OPTION_NOP))
			break;
		if (o[at] == OPTION_MSS && size == 4)
			ret.mss = (uint16_t)(o[at + 2] << 8 | o[at + 3]);
		ret.sack_ok |= o[at] == OPTION_SACK_OK && size == 2;
		ret.fast_open |= o[at] == OPTION_FAST_OPEN;
	}
	return ret;
}

/* Data, and options that would change how it is read, don't leave (RFC 7413, RFC 8684). */
static struct offer
clean_syn(struct step *t)
{
	struct packet *p = t->p;
	struct offer offer = offer_of(p);

	t->e->counters.syn_data_cut += p->payload_len > 0 || offer.fast_open;
	if (p->payload_len > 0)
		cut_tail(t, p, 0, NORMALISE_DROP_SYN_DATA);
	t->e->counters.options_cleared += segment_strip_options(p, keep_option) > 0;
	return offer;
}

/*
 * A SYN, or SYN-ACK, leaves. Of one that comes again an option that is
 * missing now may still have been read then; the answer says whether it was.
 */
static void
note_syn(struct step *t, const struct offer *offer)
{
	struct half *h = t->half;
	const struct packet *p = t->p;
	uint32_t stamp, echo;

	if (!h->syn || h->isn != p->seq) {
		h->scale = PACKET_NO_SCALE;
		h->sack_ok = h->stamps_ok = false;
		h->mss = 0;
	}
	h->syn = true;
	h->isn = p->seq;
	h->window = p->window;
	if (offer->scale != PACKET_NO_SCALE)
		h->scale = offer->scale;
	if (offer->mss != 0)
		h->mss = offer->mss;
	h->sack_ok |= offer->sack_ok;
	h->stamps_ok |= offer->stamps;
	if (segment_stamps(p, &stamp, &echo)) {
		h->stamp = stamp;
		h->echo = echo;
	}
	segment_path_learn(&h->path, p);
}

/* The same SYN with another scale: two receivers would read two. */
static bool
contradicts(const struct half *h, const struct packet *p)
{
	return h->syn && h->isn == p->seq && h->scale != PACKET_NO_SCALE &&
		p->window_scale != PACKET_NO_SCALE && h->scale != p->window_scale;
}

/* The numbers of a half, from its SYN on. */
static void
sync(struct half *h)
{
	h->next = h->released = h->acked = h->isn + 1;
	h->acked_known = true;
	h->synced = true;
}

static void
take_syn_ack(struct step *t)
{
	struct half *h = t->half, *client = t->peer;
	struct packet *p = t->p;
	struct offer offer = clean_syn(t);
	bool first = !h->synced || h->isn != p->seq;

	if (first) {
		h->edge_known = client->edge_known = false;
		sync(client);
	}
	take_ack(t);
	note_syn(t, &offer);
	h->ack = p->ack;
	if (first) {
		sync(h);
		h->edge = h->offered = h->next + client->window;
		h->edge_known = true;
	}
	if (t->n->state == NORMALISER_OPENING)
		t->n->state = NORMALISER_OPEN;
	read_and_leave(t, p);
}

/* The answer to the latest SYN, or that once more; another one only if nobody went on from it. */
static void
on_syn_ack(struct step *t)
{
	const struct half *h = t->half, *client = t->peer;
	const struct packet *p = t->p;
	bool opening = t->n->state == NORMALISER_OPENING;
	bool again = h->synced && h->isn == p->seq;

	if (opening && !client->syn) {
		drop(t, t->p, NORMALISE_DROP_MIDSTREAM);
	} else if (t->n->state == NORMALISER_RESET) {
		drop(t, t->p, NORMALISE_DROP_CLOSED);
	} else if (t->dir == DIR_CLIENT || !client->syn || h->absorbing || contradicts(h, p)) {
		drop(t, t->p, NORMALISE_DROP_SYN);
	} else if (p->ack != client->isn + 1) {
		if (opening)
			refuse_answer(t);
		drop(t, t->p, NORMALISE_DROP_SYN);
	} else if (!opening && !again && (h->spoke || client->spoke)) {
		drop(t, t->p, NORMALISE_DROP_SYN);
	} else {
		take_syn_ack(t);
	}
}

static void
take_syn(struct step *t)
{
	struct offer offer = clean_syn(t);
	struct packet *p = t->p;

	if (p->window > t->e->cfg.flow_unacked) {
		t->e->counters.window_clamped++;
		segment_set_window(p, (uint16_t)t->e->cfg.flow_unacked);
	}
	note_syn(t, &offer);
	read_and_leave(t, p);
}

static bool
is_same_syn(const struct step *t)
{
	return t->half->syn && t->half->isn == t->p->seq;
}

/* Is a SYN that of another connection, which follows one that is over? */
static bool
begins_anew(const struct step *t)
{
	const struct half *h = t->half, *peer = t->peer;

	if (t->n->adopted && !(h->synced && peer->synced))
		return true;
	if (t->n->state == NORMALISER_CLOSING)
		return !is_same_syn(t);
	return t->n->state == NORMALISER_RESET || h->cut || peer->cut;
}

/* The client's, until its answer has left; and the same until it has gone on from there. */
static void
on_syn(struct step *t)
{
	struct half *h = t->half;
	bool opening = t->n->state == NORMALISER_OPENING, same = is_same_syn(t);

	if (t->dir == DIR_CLIENT && !contradicts(h, t->p) && !h->absorbing &&
		(opening || (same && !h->spoke))) {
		take_syn(t);
		return;
	}
	if (!same && !opening && !h->absorbing)
		challenge(t);
	drop(t, t->p, NORMALISE_DROP_SYN);
}

/* ---- all segments ---- */

/* What receivers differ on: URG (RFC 6093), reserved bits (RFC 9293, 3.1). */
static void
clean(struct step *t)
{
	struct packet *p = t->p;

	if (flag_byte(p, 13) & TCP_FLAG_URG) {
		t->e->counters.urgent_cleared++;
		segment_clear_urgent(p);
	}
	if (flag_byte(p, 12) & 0x0f)
		segment_set_flags(p, flag_byte(p, 13));
}

enum normaliser_result
normaliser_segment(struct normaliser *normaliser, enum direction dir, struct packet *p)
{
	enum { KINDS = TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST | TCP_FLAG_ACK };
	struct inside *n = inside_of(normaliser);
	struct step t = step_of(n, dir);
	uint8_t kind = p->tcp_flags & KINDS;

	t.p = p;
	if (kind == TCP_FLAG_SYN && begins_anew(&t))
		return NORMALISER_NEW_CONNECTION;
	clean(&t);
	if (t.peer->cut)
		drop(&t, p, NORMALISE_DROP_CLOSED);
	else if (p->missing > 0)
		drop(&t, p, NORMALISE_DROP_STRAY);
	else if (kind == TCP_FLAG_SYN)
		on_syn(&t);
	else if (kind == (TCP_FLAG_SYN | TCP_FLAG_ACK))
		on_syn_ack(&t);
	else if ((kind & (uint8_t)~TCP_FLAG_ACK) == TCP_FLAG_RST)
		on_rst(&t);
	else if ((kind & (uint8_t)~TCP_FLAG_FIN) != TCP_FLAG_ACK)
		drop(&t, p, NORMALISE_DROP_STRAY);
	else if (n->state == NORMALISER_OPENING)
		on_early(&t);
	else if (n->state == NORMALISER_RESET)
		on_late(&t);
	else
		on_segment(&t);
	t.e->counters.rewritten += t.differs;
	return NORMALISER_TAKEN;
}

void
normaliser_open(struct normaliser *normaliser, struct normalise_engine *e,
	const struct normalise_ops *ops, void *ctx)
{
	struct inside *n = inside_of(normaliser);

	memset(normaliser, 0, sizeof(*normaliser));
	n->engine = e;
	n->ops = ops;
	n->ctx = ctx;
	n->half[0].scale = n->half[1].scale = PACKET_NO_SCALE;
}

void
normaliser_adopt(struct normaliser *normaliser)
{
	struct inside *n = inside_of(normaliser);

	n->adopted = true;
	n->state = NORMALISER_OPEN;
}

void
normaliser_release(struct normaliser *normaliser, enum direction dir)
{
	struct step t = step_of(inside_of(normaliser), dir);
	struct normalise_piece *piece = t.half->waiting;

	t.half->waiting = NULL;
	for (; piece != NULL; piece = piece->next) {
		restamp(&t, &piece->packet);
		leave_piece(&t, piece);
	}
	update_state(t.n);
}

bool
normaliser_holds(const struct normaliser *n, enum direction dir)
{
	return look_inside(n)->half[dir].waiting != NULL;
}

void
normaliser_absorb(struct normaliser *n, enum direction dir)
{
	struct step t = step_of(inside_of(n), dir);

	if (!t.half->absorbing)
		begin_to_absorb(&t);
}

void
normaliser_cut_off(struct normaliser *n, enum direction dir)
{
	normaliser_absorb(n, dir);
	inside_of(n)->half[dir].cut = true;
}

void
normaliser_close(struct normaliser *n)
{
	forget_both(inside_of(n));
}

enum normaliser_state
normaliser_state(const struct normaliser *n)
{
	return (enum normaliser_state)look_inside(n)->state;
}

void
normaliser_numbers(
	const struct normaliser *normaliser, enum direction dir, struct normaliser_numbers *ret)
{
	const struct inside *n = look_inside(normaliser);
	const struct half *h = &n->half[dir];

	*ret = (struct normaliser_numbers){.read = h->next,
		.released = h->released,
		.acked = h->acked,
		.window = h->window,
		.synced = h->synced,
		.fin_read = h->fin_read,
		.stamped = stamped(n),
		.stamp = h->stamp,
		.echo = h->echo,
		.sack = sack(n),
		.scale = scale_of(n, dir),
		.mss = h->mss};
}

const char *
normalise_drop_name(enum normalise_drop why)
{
	static const char *const names[] = {
#define X(symbol, name, sentence) name,
		NORMALISE_DROPS(X)
#undef X
	};

	return why < NORMALISE_DROPS_COUNT ? names[why] : "unknown";
}
