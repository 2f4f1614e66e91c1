/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

enum {
	EARLY_MAX = 4,          /* SYNs with data of one side, while none is answered */
	SCALE_ABSENT = 0xfe,    /* a SYN without the option */
	SCALE_MAX = 14,         /* RFC 7323, 2.3 */
	SLACK_MIN = 65535,      /* see "outside of the receiver's window" in tcp.h */
	FAR = 1 << 30,          /* the largest window there is */
	PIECES_MAX = UINT16_MAX /* held, of one direction */
};

/* Payload that is kept, by a reference to its mbuf. */
struct tcp_piece {
	struct tcp_piece *next;
	struct rte_mbuf *mbuf;
	uint32_t seq;
	uint32_t at; /* in the mbuf */
	uint32_t n;
};

struct tcp_engine {
	struct tcp_config cfg;
	struct stream_counters counters;
	uint64_t held; /* bytes out of order, all flows */
	struct tcp_piece *free;
	uint32_t used;
	uint32_t past; /* of the used ones: remembered only */
	struct tcp_piece pieces[];
};

/* The segment in hand, and the direction that is worked on. */
struct step {
	struct tcp_stream *s;
	struct tcp_engine *e;
	struct tcp_half *half;
	enum direction dir;
	uint64_t time;
	bool held, again, differs; /* what is counted once for a segment */
};

/* A run of payload: sequence number, and where it lies. */
struct run {
	struct rte_mbuf *mbuf;
	uint32_t seq, at, n;
};

/* Is a before b, in sequence numbers (RFC 9293, 3.4)? */
static bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static struct run
run_head(struct run r, uint32_t n)
{
	r.n = smaller(n, r.n);
	return r;
}

static struct run
run_skip(struct run r, uint32_t n)
{
	n = smaller(n, r.n);
	return (struct run){r.mbuf, r.seq + n, r.at + n, r.n - n};
}

static struct run
run_of(const struct tcp_piece *p)
{
	return (struct run){p->mbuf, p->seq, p->at, p->n};
}

/* As much of the run as lies in one segment of its mbuf. */
static struct bytes
run_bytes(struct run r)
{
	const struct rte_mbuf *m = r.mbuf;

	if (r.n == 0)
		return bytes_of(NULL, 0);
	while (m != NULL && r.at >= m->data_len) {
		r.at -= m->data_len;
		m = m->next;
	}
	if (m == NULL)
		return bytes_of(NULL, 0);
	return bytes_of(rte_pktmbuf_mtod_offset(m, const uint8_t *, r.at),
		smaller(r.n, m->data_len - r.at));
}

/* ---- the engine and its pieces ---- */

uint64_t
tcp_engine_memory(const struct tcp_config *cfg)
{
	return sizeof(struct tcp_engine) + (uint64_t)cfg->segments * sizeof(struct tcp_piece);
}

struct tcp_engine *
tcp_engine_create(const struct tcp_config *cfg)
{
	struct tcp_engine *e;

	if (cfg->flow_held == 0 || cfg->flow_segments == 0 || cfg->held == 0 || cfg->segments == 0)
		return NULL;
	e = rte_zmalloc_socket(
		"tcp_engine", tcp_engine_memory(cfg), RTE_CACHE_LINE_SIZE, cfg->socket);
	if (e == NULL)
		return NULL;
	e->cfg = *cfg;
	if (e->cfg.flow_segments > PIECES_MAX)
		e->cfg.flow_segments = PIECES_MAX;
	for (uint32_t i = cfg->segments; i > 0; i--) {
		e->pieces[i - 1].next = e->free;
		e->free = &e->pieces[i - 1];
	}
	return e;
}

void
tcp_engine_destroy(struct tcp_engine *e)
{
	rte_free(e);
}

const struct stream_counters *
tcp_engine_counters(const struct tcp_engine *e)
{
	return &e->counters;
}

uint32_t
tcp_engine_references(const struct tcp_engine *e)
{
	return e->used;
}

static struct tcp_piece *
piece_take(struct tcp_engine *e, struct run r)
{
	struct tcp_piece *p = e->free;

	if (p == NULL)
		return NULL;
	e->free = p->next;
	e->used++;
	rte_pktmbuf_refcnt_update(r.mbuf, 1);
	*p = (struct tcp_piece){NULL, r.mbuf, r.seq, r.at, r.n};
	return p;
}

static void
piece_give(struct tcp_engine *e, struct tcp_piece *p)
{
	rte_pktmbuf_free(p->mbuf);
	p->mbuf = NULL;
	p->next = e->free;
	e->free = p;
	e->used--;
}

/* ---- what was read and isn't acknowledged ---- */

static void
past_forget_first(struct tcp_engine *e, struct tcp_half *h)
{
	struct tcp_piece *p = h->past;

	h->past = p->next;
	if (h->past == NULL)
		h->past_last = NULL;
	h->past_bytes -= p->n;
	h->past_pieces--;
	e->past--;
	piece_give(e, p);
}

/* The receiver has all before h->acked: what comes again is of no use to it. */
static void
past_forget_acked(struct tcp_engine *e, struct tcp_half *h)
{
	while (h->past != NULL && !before(h->acked, h->past->seq + h->past->n))
		past_forget_first(e, h);
}

static void
past_append(struct tcp_engine *e, struct tcp_half *h, struct tcp_piece *p)
{
	p->next = NULL;
	if (h->past == NULL)
		h->past = p;
	else
		h->past_last->next = p;
	h->past_last = p;
	h->past_bytes += p->n;
	h->past_pieces++;
	e->past++;
	/* Pieces are bounded too, so that small ones can't make comparisons slow. */
	while (h->past_bytes > e->cfg.flow_unacked || h->past_pieces > e->cfg.flow_segments)
		past_forget_first(e, h);
}

/* Half of all references at most are for comparisons; the others are for reading. */
static void
past_remember(struct tcp_engine *e, struct tcp_half *h, struct run r)
{
	struct tcp_piece *p;

	if (r.n > e->cfg.flow_unacked || (h->ack_known && !before(h->acked, r.seq + r.n)))
		return;
	while (e->past >= e->cfg.segments / 2 && h->past != NULL)
		past_forget_first(e, h);
	if (e->past >= e->cfg.segments / 2)
		return;
	p = piece_take(e, r);
	if (p != NULL)
		past_append(e, h, p);
}

/* ---- to the callbacks, with the account ---- */

/* Bytes of the stream up to `next`, lost ones too. */
static uint64_t
position(const struct tcp_half *h)
{
	return h->account.delivered + h->account.lost;
}

static void
drop(struct step *t, struct run r, enum stream_drop why)
{
	t->half->account.dropped += r.n;
	t->e->counters.dropped_bytes += r.n;
	t->e->counters.drops[why] += r.n;
	while (r.n > 0) {
		struct bytes b = run_bytes(r);

		if (b.n == 0)
			return;
		t->s->ops->dropped(t->s->ctx, t->dir, why, b);
		r = run_skip(r, (uint32_t)b.n);
	}
}

/* It was no FIN to the receiver: there is more at its place. */
static void
take_back_fin(struct step *t)
{
	t->half->fin_seen = false;
	t->e->counters.fin_survived++;
}

/* r.seq is h->next. */
static void
deliver(struct step *t, struct run r)
{
	struct tcp_half *h = t->half;

	h->next = r.seq + r.n;
	t->e->counters.delivered_bytes += r.n;
	if (h->fin_seen && !h->finished && before(h->fin, h->next))
		take_back_fin(t);
	while (r.n > 0) {
		struct bytes b = run_bytes(r);

		if (b.n == 0)
			return;
		h->account.delivered += b.n;
		t->s->ops->data(t->s->ctx, t->dir, b);
		r = run_skip(r, (uint32_t)b.n);
	}
}

/* The hole up to @p to, which is behind h->next. */
static void
declare_gap(struct step *t, uint32_t to)
{
	struct tcp_half *h = t->half;
	uint32_t lost = to - h->next;

	h->gaps[h->next_gap].from = position(h);
	h->gaps[h->next_gap].to = position(h) + lost;
	h->next_gap = (uint8_t)((h->next_gap + 1) % STREAM_GAPS_MAX);
	h->next = to;
	h->account.lost += lost;
	t->e->counters.gaps++;
	t->e->counters.gap_bytes += lost;
	t->s->ops->gap(t->s->ctx, t->dir, lost);
}

static void
drop_held(struct step *t, enum stream_drop why)
{
	struct tcp_half *h = t->half;

	while (h->held != NULL) {
		struct tcp_piece *p = h->held;

		h->held = p->next;
		h->held_pieces--;
		h->held_bytes -= p->n;
		t->e->held -= p->n;
		drop(t, run_of(p), why);
		piece_give(t->e, p);
	}
}

/* All is read, and the receiver said that it has the FIN: nothing counts behind it. */
static void
finish_if_acked(struct step *t)
{
	struct tcp_half *h = t->half;
	bool acked = h->ack_known && h->acked == h->fin + 1;

	if (h->fin_seen && !h->finished && h->next == h->fin && (acked || t->s->normalised)) {
		drop_held(t, STREAM_DROP_AFTER_FIN);
		h->finished = true;
		t->s->ops->finish(t->s->ctx, t->dir);
	}
}

/* ---- what is kept ---- */

/* Copy what @p r and the @p n bytes from @p seq on have in common. */
static void
recall_run(struct run r, uint32_t seq, uint32_t n, uint8_t *ret, bool *known)
{
	if (before(r.seq, seq))
		r = run_skip(r, seq - r.seq);
	if (!before(r.seq, seq + n))
		return;
	r = run_head(r, seq + n - r.seq);
	while (r.n > 0) {
		struct bytes b = run_bytes(r);
		uint32_t from = r.seq - seq;

		if (b.n == 0)
			return;
		memcpy(ret + from, b.p, b.n);
		memset(known + from, true, b.n);
		r = run_skip(r, (uint32_t)b.n);
	}
}

void
tcp_stream_recall(const struct tcp_stream *s, enum direction dir, uint64_t at, size_t n,
	uint8_t *ret, bool *known)
{
	const struct tcp_half *h = &s->half[dir];
	uint32_t seq = h->next + (uint32_t)(at - position(h));

	memset(known, false, n);
	if (!h->synced)
		return;
	for (const struct tcp_piece *p = h->past; p != NULL; p = p->next)
		recall_run(run_of(p), seq, (uint32_t)n, ret, known);
	for (const struct tcp_piece *p = h->held; p != NULL; p = p->next)
		recall_run(run_of(p), seq, (uint32_t)n, ret, known);
}

/* ---- comparing copies ---- */

static uint32_t
count_differences(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t differ = 0;

	if (memcmp(a, b, n) == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		differ += a[i] != b[i];
	return differ;
}

/* The same bytes of the stream, twice: @p old was first. Equal in length. */
static void
compare(struct step *t, struct run old, struct run new)
{
	const struct tcp_half *h = t->half;

	while (new.n > 0) {
		struct bytes a = run_bytes(old), b = run_bytes(new);
		uint32_t n = smaller((uint32_t)a.n, (uint32_t)b.n), differ;
		uint64_t at;

		if (n == 0)
			return;
		differ = count_differences(a.p, b.p, n);
		if (differ > 0) {
			at = h->synced
				? position(h) + (uint64_t)(int64_t)(int32_t)(new.seq - h->next)
				: new.seq - h->isn - 1;
			t->differs = true;
			t->e->counters.conflict_bytes += differ;
			t->s->ops->conflict(t->s->ctx, t->dir, at, bytes_of(b.p, n));
		}
		old = run_skip(old, n);
		new = run_skip(new, n);
	}
}

static void
count_again(struct step *t, uint32_t n)
{
	t->again = true;
	t->half->account.retransmitted += n;
	t->e->counters.retransmitted_bytes += n;
}

/* Bytes that were read before. Compared where they are still remembered. */
static void
read_again(struct step *t, struct run r)
{
	const struct tcp_half *h = t->half;
	uint32_t compared = 0, open = r.n;

	count_again(t, r.n);
	for (const struct tcp_piece *p = h->past; p != NULL; p = p->next) {
		struct run old = run_of(p), new = r;

		if (!before(p->seq, r.seq + r.n))
			break;
		if (!before(r.seq, p->seq + p->n))
			continue;
		if (before(old.seq, new.seq))
			old = run_skip(old, new.seq - old.seq);
		else
			new = run_skip(new, old.seq - new.seq);
		new = run_head(new, old.n);
		compare(t, run_head(old, new.n), new);
		compared += new.n;
	}
	if (h->ack_known && before(r.seq, h->acked))
		open = r.n - smaller(r.n, h->acked - r.seq);
	if (open > compared)
		t->e->counters.uncompared_bytes += open - compared;
}

/* How many bytes from position @p at on belong to a declared gap; else, in ret_clear, don't. */
static uint32_t
in_gap(const struct tcp_half *h, uint64_t at, uint32_t n, uint32_t *ret_clear)
{
	*ret_clear = n;
	for (unsigned i = 0; i < STREAM_GAPS_MAX; i++) {
		uint64_t from = h->gaps[i].from, to = h->gaps[i].to;

		if (at >= to)
			continue;
		if (at >= from)
			return (uint32_t)RTE_MIN((uint64_t)n, to - at);
		*ret_clear = (uint32_t)RTE_MIN((uint64_t)*ret_clear, from - at);
	}
	return 0;
}

/* The part of a segment that lies before h->next. */
static void
take_old(struct step *t, struct run r)
{
	const struct tcp_half *h = t->half;
	uint64_t end = position(h), back = h->next - r.seq;

	/* From before the first byte that we know of. */
	if (back > end) {
		uint32_t n = smaller(r.n, (uint32_t)(back - end));

		drop(t, run_head(r, n), STREAM_DROP_LATE);
		r = run_skip(r, n);
	}
	while (r.n > 0) {
		uint32_t clear, n = in_gap(h, end - (h->next - r.seq), r.n, &clear);

		if (n > 0) {
			drop(t, run_head(r, n), STREAM_DROP_LATE);
		} else {
			n = clear;
			read_again(t, run_head(r, n));
		}
		r = run_skip(r, n);
	}
}

/* ---- out of order ---- */

/* Deliver what is held and now in order. */
static void
drain(struct step *t)
{
	struct tcp_half *h = t->half;

	while (h->held != NULL && h->held->seq == h->next) {
		struct tcp_piece *p = h->held;

		h->held = p->next;
		h->held_pieces--;
		h->held_bytes -= p->n;
		t->e->held -= p->n;
		h->hole_since = t->time;
		deliver(t, run_of(p));
		if (p->n > t->e->cfg.flow_unacked ||
			(h->ack_known && !before(h->acked, p->seq + p->n)))
			piece_give(t->e, p);
		else
			past_append(t->e, h, p);
	}
}

/* Keep a run that nothing held overlaps; @p after is the piece before it, or NULL. */
static bool
hold(struct step *t, struct run r, struct tcp_piece *after)
{
	struct tcp_half *h = t->half;
	struct tcp_engine *e = t->e;
	struct tcp_piece *p;

	if (h->held_pieces >= e->cfg.flow_segments || r.n > e->cfg.flow_held ||
		h->held_bytes > e->cfg.flow_held - r.n || r.n > e->cfg.held ||
		e->held > e->cfg.held - r.n)
		return false;
	if (e->free == NULL && h->past != NULL)
		past_forget_first(e, h);
	p = piece_take(e, r);
	if (p == NULL)
		return false;
	if (h->held == NULL)
		h->hole_since = t->time;
	if (after == NULL) {
		p->next = h->held;
		h->held = p;
	} else {
		p->next = after->next;
		after->next = p;
	}
	h->held_pieces++;
	h->held_bytes += r.n;
	e->held += r.n;
	t->held = true;
	return true;
}

/* No room to hold what is at @p seq: give up the first hole before it. */
static void
give_way(struct step *t, uint32_t seq)
{
	struct tcp_half *h = t->half;

	t->e->counters.budget_gaps++;
	declare_gap(t, h->held != NULL && before(h->held->seq, seq) ? h->held->seq : seq);
	drain(t);
}

/* One step through bytes behind a hole. @return how many were dealt with; 0: try again */
static uint32_t
take_ahead(struct step *t, struct run r)
{
	struct tcp_piece *after = NULL, *p = t->half->held;
	uint32_t n = r.n;

	while (p != NULL && !before(r.seq, p->seq + p->n)) {
		after = p;
		p = p->next;
	}
	if (p != NULL && !before(r.seq, p->seq)) {
		struct run old = run_skip(run_of(p), r.seq - p->seq);

		n = smaller(n, old.n);
		compare(t, run_head(old, n), run_head(r, n));
		count_again(t, n);
		return n;
	}
	if (p != NULL)
		n = smaller(n, p->seq - r.seq);
	if (hold(t, run_head(r, n), after))
		return n;
	give_way(t, r.seq);
	return 0;
}

/* Bytes in order, up to the first held piece; then what of it comes again. */
static uint32_t
take_next(struct step *t, struct run r)
{
	struct tcp_half *h = t->half;
	uint32_t n = r.n, again = 0;

	if (h->held != NULL)
		n = smaller(n, h->held->seq - r.seq);
	deliver(t, run_head(r, n));
	past_remember(t->e, h, run_head(r, n));
	if (n < r.n) {
		struct run old = run_of(h->held);

		again = smaller(r.n - n, old.n);
		compare(t, run_head(old, again), run_head(run_skip(r, n), again));
		count_again(t, again);
	}
	drain(t);
	return n + again;
}

/* The payload of a segment that lies in the window. */
static void
take(struct step *t, struct run r)
{
	struct tcp_half *h = t->half;

	if (h->finished && before(h->fin, r.seq + r.n)) {
		uint32_t n = before(r.seq, h->fin) ? h->fin - r.seq : 0;

		drop(t, run_skip(r, n), STREAM_DROP_AFTER_FIN);
		r = run_head(r, n);
	}
	if (before(r.seq, h->next)) {
		uint32_t n = smaller(r.n, h->next - r.seq);

		take_old(t, run_head(r, n));
		r = run_skip(r, n);
	}
	while (r.n > 0) {
		uint32_t n;

		/* Pieces that were held may have gone beyond it meanwhile. */
		if (before(r.seq, h->next)) {
			n = smaller(r.n, h->next - r.seq);
			read_again(t, run_head(r, n));
		} else if (r.seq == h->next) {
			n = take_next(t, r);
		} else {
			n = take_ahead(t, r);
		}
		r = run_skip(r, n);
	}
}

/* ---- data of SYNs ---- */

static void
early_hold(struct step *t, struct run r)
{
	struct tcp_half *h = t->half;
	struct tcp_piece **end = &h->early, *p;

	t->e->counters.syn_data++;
	for (; *end != NULL; end = &(*end)->next) {
		p = *end;
		if (p->seq == r.seq) {
			uint32_t n = smaller(p->n, r.n);

			compare(t, run_head(run_of(p), n), run_head(r, n));
			count_again(t, n);
			drop(t, run_skip(r, n), STREAM_DROP_SYN_DATA);
			return;
		}
	}
	p = h->early_pieces < EARLY_MAX ? piece_take(t->e, r) : NULL;
	if (p == NULL) {
		drop(t, r, STREAM_DROP_SYN_DATA);
		return;
	}
	*end = p;
	h->early_pieces++;
}

static struct tcp_piece *
early_unlink(struct tcp_half *h)
{
	struct tcp_piece *p = h->early;

	h->early = p->next;
	h->early_pieces--;
	return p;
}

/* Everything that was held of SYNs is decided: @p n bytes of the first piece are read. */
static void
early_settle(struct step *t, uint32_t n)
{
	struct tcp_half *h = t->half;

	while (h->early != NULL) {
		struct tcp_piece *p = early_unlink(h);
		struct run r = run_of(p);

		if (r.seq == h->next && n > 0) {
			deliver(t, run_head(r, n));
			past_remember(t->e, h, run_head(r, n));
			r = run_skip(r, n);
		}
		drop(t, r, STREAM_DROP_SYN_DATA);
		piece_give(t->e, p);
		n = 0;
	}
}

/* The sender's stream is known to have reached @p seq. */
static void
early_reach(struct step *t, uint32_t seq)
{
	struct tcp_half *h = t->half;

	if (h->early != NULL && h->synced && before(h->next, seq))
		early_settle(t, smaller(h->early->n, seq - h->next));
}

/*
 * @p seq is the next sequence number of this half's sender, by what it sent or
 * by what was acknowledged. A SYN's data that ends or is cut there belongs to
 * the stream; if it begins there, that is still open.
 */
static void
sync(struct step *t, uint32_t seq)
{
	struct tcp_half *h = t->half;
	struct tcp_piece *keep = NULL;

	while (h->early != NULL) {
		struct tcp_piece *p = early_unlink(h);

		if (keep == NULL && seq - p->seq <= p->n) {
			keep = p;
			continue;
		}
		drop(t, run_of(p), STREAM_DROP_SYN_DATA);
		piece_give(t->e, p);
	}
	h->next = keep != NULL ? keep->seq : seq;
	h->synced = true;
	if (keep == NULL)
		return;
	keep->next = NULL;
	h->early = keep;
	h->early_pieces = 1;
	early_reach(t, seq);
}

/* ---- acknowledgements ---- */

/* The window that @p dir's side advertises: its scale counts if both SYNs had one. */
static uint32_t
window_of(const struct tcp_stream *s, enum direction dir, const struct packet *p)
{
	uint8_t own = s->half[dir].scale, other = s->half[1 - dir].scale;

	if (p->tcp_flags & TCP_FLAG_SYN)
		return p->window;
	if (own == SCALE_ABSENT || other == SCALE_ABSENT)
		return p->window;
	return (uint32_t)p->window << (own == PACKET_NO_SCALE ? SCALE_MAX : own);
}

/* The receiver has what is before h->acked: holes there were lost on the way to us. */
static void
declare_acked_gaps(struct step *t)
{
	struct tcp_half *h = t->half;
	bool whole = h->fin_seen && h->acked == h->fin + 1;
	uint32_t limit = whole ? h->fin : h->acked;

	if (h->fin_seen && !h->finished && before(h->fin + 1, h->acked))
		take_back_fin(t);
	while (h->held != NULL && before(h->next, limit)) {
		declare_gap(t, before(h->held->seq, limit) ? h->held->seq : limit);
		drain(t);
	}
	if (whole && before(h->next, limit))
		declare_gap(t, limit);
	finish_if_acked(t);
}

/* @p t is of the half whose bytes are acknowledged. */
static void
take_ack(struct step *t, uint32_t ack, uint32_t window)
{
	struct tcp_half *h = t->half;
	uint32_t edge = ack + window;

	if (!h->synced)
		sync(t, ack);
	if ((int32_t)(ack - h->next) > FAR || (int32_t)(ack - h->next) < -FAR)
		return;
	if (!h->ack_known || before(h->acked, ack))
		h->acked = ack;
	h->ack_known = true;
	if (!h->edge_known || before(h->edge, edge))
		h->edge = edge;
	h->edge_known = true;
	if (window > h->widest)
		h->widest = window;
	early_reach(t, ack);
	past_forget_acked(t->e, h);
	declare_acked_gaps(t);
}

/* ---- kinds of segments ---- */

static struct step
step_of(struct tcp_stream *s, enum direction dir, uint64_t time)
{
	return (struct step){
		.s = s, .e = s->engine, .half = &s->half[dir], .dir = dir, .time = time};
}

static struct run
payload_of(const struct packet *p)
{
	uint32_t syn = p->tcp_flags & TCP_FLAG_SYN ? 1 : 0;

	return (struct run){p->mbuf, p->seq + syn, p->payload_at, p->payload_len};
}

static void
update_state(struct tcp_stream *s)
{
	const struct tcp_half *a = &s->half[0], *b = &s->half[1];

	if (a->rst || b->rst || (a->fin_seen && b->fin_seen))
		s->state = STREAM_CLOSING;
	else if ((a->synced && b->synced) || s->midstream)
		s->state = STREAM_OPEN;
}

/* RFC 9293, 3.10.7.3 before the handshake's answer, RFC 5961, 3.2 afterwards. */
static bool
rst_believed(const struct tcp_stream *s, enum direction dir, const struct packet *p)
{
	const struct tcp_half *h = &s->half[dir], *peer = &s->half[1 - dir];
	uint32_t low = h->next, high = h->next;

	if (h->synced) {
		if (h->ack_known && before(h->acked, low))
			low = h->acked;
		if (h->ack_known && before(high, h->acked))
			high = h->acked;
		if (h->fin_seen && h->fin == h->next && !before(h->fin, high))
			high = h->fin + 1;
		return !before(p->seq, low) && !before(high, p->seq);
	}
	if (p->tcp_flags & TCP_FLAG_ACK && peer->syn)
		return p->ack == peer->isn + 1 ||
			(peer->early != NULL && p->ack - peer->early->seq <= peer->early->n);
	if (h->syn)
		return p->seq == h->isn + 1 || p->seq == h->isn;
	return !peer->syn;
}

static void
on_rst(struct step *t, const struct packet *p)
{
	drop(t, payload_of(p), STREAM_DROP_RST);
	if (rst_believed(t->s, t->dir, p)) {
		t->half->rst = true;
		t->e->counters.rst++;
	} else {
		t->e->counters.rst_ignored++;
	}
}

/* Whose RST it was, sends on: then its receiver didn't believe it, or it was forged. */
static void
survive_rst(struct step *t)
{
	if (t->half->rst) {
		t->half->rst = false;
		t->e->counters.rst_survived++;
	}
}

/* Does this SYN belong to the bytes that this half has read so far? */
static bool
syn_fits(const struct tcp_half *h, uint32_t isn)
{
	return h->synced && h->next - (uint32_t)position(h) == isn + 1;
}

static void
note_syn(struct tcp_half *h, const struct packet *p)
{
	h->syn = true;
	h->lone_syn = false;
	h->isn = p->seq;
	h->scale = p->window_scale == PACKET_NO_SCALE ? SCALE_ABSENT : p->window_scale;
}

/* A SYN whose place nothing contradicts, without ACK: it waits for its answer. */
static void
on_first_syn(struct step *t, const struct packet *p)
{
	struct tcp_half *h = t->half;

	if (h->syn && h->isn != p->seq)
		t->e->counters.syn_resent++;
	if (!h->syn && t->s->half[1 - t->dir].syn)
		t->e->counters.split_handshake++;
	note_syn(h, p);
	if (p->payload_len > 0)
		early_hold(t, payload_of(p));
}

/* Numbers that no one followed up give way to new ones. */
static void
unsync(struct step *t)
{
	struct tcp_half *h = t->half;

	drop_held(t, STREAM_DROP_OUT_OF_WINDOW);
	h->synced = false;
	h->ack_known = false;
	h->edge_known = false;
	h->fin_seen = false;
}

/* SYN with ACK: both sides' numbers are known by it. */
static void
on_syn_ack(struct step *t, const struct packet *p)
{
	struct step peer = step_of(t->s, 1 - t->dir, t->time);
	uint32_t data = peer.half->early != NULL ? peer.half->early->n : 0;

	if (!syn_fits(t->half, p->seq)) {
		unsync(t);
		note_syn(t->half, p);
		sync(t, p->seq + 1);
		/* An answer to another SYN than the latest: its window scale isn't known. */
		if (!peer.half->syn || p->ack - peer.half->isn - 1 > data)
			peer.half->scale = PACKET_NO_SCALE;
	}
	note_syn(t->half, p);
	if (peer.half->synced && !t->s->answered && position(peer.half) == 0 &&
		peer.half->next != p->ack && peer.half->early == NULL)
		unsync(&peer);
	take_ack(&peer, p->ack, window_of(t->s, t->dir, p));
	survive_rst(t);
	survive_rst(&peer);
	if (p->payload_len > 0) {
		t->e->counters.syn_data++;
		take(t, payload_of(p));
	}
}

/* A SYN that contradicts the numbers of a connection: RFC 5961, 4.2. */
static enum tcp_result
on_odd_syn(struct step *t, const struct packet *p)
{
	const struct tcp_half *peer = &t->s->half[1 - t->dir];
	bool ended = t->half->rst || peer->rst || (t->half->fin_seen && peer->fin_seen);
	/* To a SYN that wasn't believed, or whose place was a guess. */
	bool answers = p->tcp_flags & TCP_FLAG_ACK && p->ack - 1 == peer->isn &&
		(peer->lone_syn || (peer->syn && t->s->midstream));

	/* Where one side alone is seen, nobody could contradict it. */
	ended |= !peer->sent;

	if (ended || answers)
		return TCP_NEW_CONNECTION;
	t->half->lone_syn = true;
	t->half->isn = p->seq;
	return TCP_TAKEN;
}

static enum tcp_result
on_syn(struct step *t, const struct packet *p)
{
	struct tcp_half *h = t->half;
	bool ack = p->tcp_flags & TCP_FLAG_ACK;
	bool odd = h->synced && !syn_fits(h, p->seq);

	/* Until somebody goes on from it, one answer is as good as another. */
	if (odd && ack && !t->s->answered && position(h) == 0)
		odd = false;
	if (odd && on_odd_syn(t, p) == TCP_NEW_CONNECTION)
		return TCP_NEW_CONNECTION;
	h->account.seen += p->payload_len;
	t->e->counters.seen_bytes += p->payload_len;
	if (odd) {
		t->e->counters.syn_in_connection++;
		drop(t, payload_of(p), STREAM_DROP_SYN_DATA);
	} else if (ack) {
		on_syn_ack(t, p);
	} else if (h->synced && position(h) > 0) {
		take(t, payload_of(p)); /* the same SYN again */
	} else if (h->synced && h->early == NULL) {
		drop(t, payload_of(p), STREAM_DROP_SYN_DATA);
	} else {
		on_first_syn(t, p);
	}
	return TCP_TAKEN;
}

/* RFC 9293, 3.10.7.4, with the slack that tcp.h states. @return the first byte outside */
static uint32_t
window_end(const struct tcp_half *h)
{
	uint32_t edge = h->next;

	if (!h->edge_known)
		return h->next + FAR;
	if (before(edge, h->edge))
		edge = h->edge;
	return edge + (h->widest > SLACK_MIN ? h->widest : SLACK_MIN);
}

/*
 * Find the numbers of a half that has none, from a segment without SYN. One that
 * lies not far behind the SYN is of that connection; what is between is a hole.
 */
static bool
sync_by_segment(struct step *t, const struct packet *p)
{
	struct tcp_half *h = t->half;
	const struct tcp_half *peer = &t->s->half[1 - t->dir];
	uint32_t data = h->early != NULL && h->early->seq == h->isn + 1 ? h->early->n : 0;
	uint32_t ahead = p->seq - h->isn - 1;

	if (h->synced)
		return true;
	if (h->syn && ahead <= SLACK_MIN) {
		sync(t, h->isn + 1 + smaller(ahead, data));
		return true;
	}
	/* In the middle of a handshake only data is worth guessing a place for. */
	if (p->payload_len == 0 && (h->syn || peer->syn))
		return false;
	t->s->midstream = true;
	sync(t, p->seq);
	return true;
}

/* FIN at @p seq. */
static void
take_fin(struct step *t, uint32_t seq)
{
	struct tcp_half *h = t->half;

	if (before(seq, h->next) || h->finished) {
		if (!h->finished || seq != h->fin)
			t->e->counters.fin_ignored++;
		return;
	}
	/* Of two, the earlier: if it is false, data goes beyond it and takes it back. */
	if (!h->fin_seen || before(seq, h->fin))
		h->fin = seq;
	h->fin_seen = true;
	finish_if_acked(t);
}

/* @return whether it is one, and was dealt with. RFC 9293, 3.8.4 */
static bool
take_keep_alive(struct step *t, struct run r, const struct packet *p)
{
	const struct tcp_half *h = t->half;

	if (r.seq + 1 != h->next || r.n > 1 || p->tcp_flags & TCP_FLAG_FIN ||
		(h->ack_known && before(h->acked, h->next)) || position(h) == 0)
		return false;
	t->e->counters.keep_alive++;
	if (r.n > 0)
		count_again(t, r.n);
	return true;
}

/* Payload of a segment that begins inside the window, and its FIN. */
static void
take_payload(struct step *t, const struct packet *p, uint32_t end)
{
	struct tcp_half *h = t->half;
	struct run r = payload_of(p);
	uint32_t fin = r.seq + r.n + p->missing;

	early_reach(t, r.seq);
	if (r.n > 0 && h->early != NULL)
		early_settle(t, 0);
	if (take_keep_alive(t, r, p))
		return;
	if (p->urgent > 0)
		t->e->counters.urgent++;
	if (r.n == 1 && h->edge_known && r.seq == h->edge)
		t->e->counters.window_probe++;
	if (before(end, r.seq + r.n)) {
		drop(t, run_skip(r, end - r.seq), STREAM_DROP_OUT_OF_WINDOW);
		r = run_head(r, end - r.seq);
		take(t, r);
		return;
	}
	take(t, r);
	if (p->tcp_flags & TCP_FLAG_FIN)
		take_fin(t, fin);
}

/* A hole that has been waited for long enough. */
static void
give_up_waiting(struct step *t)
{
	struct tcp_half *h = t->half;

	while (h->held != NULL && t->time > h->hole_since &&
		t->time - h->hole_since > t->e->cfg.gap_timeout_us) {
		declare_gap(t, h->held->seq);
		drain(t);
	}
}

/* Neither SYN nor RST. */
static void
on_segment(struct step *t, const struct packet *p)
{
	struct step peer = step_of(t->s, 1 - t->dir, t->time);
	struct tcp_half *h = t->half;
	uint32_t end;

	if (!(p->tcp_flags & TCP_FLAG_ACK)) {
		drop(t, payload_of(p), STREAM_DROP_STRAY);
		return;
	}
	if (!sync_by_segment(t, p)) {
		if (p->tcp_flags & TCP_FLAG_FIN)
			t->e->counters.fin_ignored++;
		return;
	}
	end = window_end(h);
	if (before(end, p->seq) || (int32_t)(p->seq - h->next) < -FAR) {
		t->e->counters.out_of_window++;
		drop(t, payload_of(p), STREAM_DROP_OUT_OF_WINDOW);
		return;
	}
	survive_rst(t);
	take_ack(&peer, p->ack, window_of(t->s, t->dir, p));
	give_up_waiting(&peer);
	take_payload(t, p, end);
	give_up_waiting(t);
	t->s->answered = true;
}

static void
count_segment(struct step *t)
{
	t->e->counters.out_of_order += t->held;
	t->e->counters.retransmitted += t->again;
	t->e->counters.conflicts += t->differs;
}

enum tcp_result
tcp_stream_segment(struct tcp_stream *s, enum direction dir, const struct packet *p)
{
	struct step t = step_of(s, dir, p->time);

	if (!s->begun && !(p->tcp_flags & TCP_FLAG_SYN))
		s->midstream = true;
	if ((p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST)) == TCP_FLAG_SYN) {
		if (on_syn(&t, p) == TCP_NEW_CONNECTION)
			return TCP_NEW_CONNECTION;
	} else {
		t.half->account.seen += p->payload_len;
		t.e->counters.seen_bytes += p->payload_len;
		if (p->tcp_flags & TCP_FLAG_RST)
			on_rst(&t, p);
		else
			on_segment(&t, p);
	}
	s->begun = true;
	t.half->sent = true;
	count_segment(&t);
	update_state(s);
	return TCP_TAKEN;
}

void
tcp_stream_open(struct tcp_stream *s, struct tcp_engine *e, const struct stream_ops *ops, void *ctx)
{
	*s = (struct tcp_stream){.engine = e, .ops = ops, .ctx = ctx};
	s->half[0].scale = PACKET_NO_SCALE;
	s->half[1].scale = PACKET_NO_SCALE;
}

/* Everything that can still be read of a direction, with what is known to be lost. */
static void
close_half(struct step *t)
{
	struct tcp_half *h = t->half;
	uint32_t lost;

	if (!h->synced && h->syn)
		sync(t, h->isn + 1);
	if (h->early != NULL)
		early_settle(t, h->early->n);
	while (h->held != NULL) {
		declare_gap(t, h->held->seq);
		drain(t);
	}
	if (h->synced && h->sent && !h->finished && (h->fin_seen || h->ack_known)) {
		lost = h->fin_seen ? h->fin - h->next : h->acked - h->next;
		/* One acknowledged byte without data may be a FIN that we didn't see. */
		if (lost <= FAR && lost > (h->fin_seen ? 0 : 1))
			declare_gap(t, h->next + lost);
	}
	if (h->fin_seen && !h->finished) {
		h->finished = true;
		t->s->ops->finish(t->s->ctx, t->dir);
	}
	while (h->past != NULL)
		past_forget_first(t->e, h);
}

void
tcp_stream_close(struct tcp_stream *s)
{
	bool reset = s->half[0].rst || s->half[1].rst;

	for (unsigned dir = 0; dir < 2; dir++) {
		struct step t = step_of(s, (enum direction)dir, 0);

		close_half(&t);
	}
	s->engine->counters.midstream += s->midstream;
	if (reset)
		s->ops->reset(s->ctx);
}

const char *
stream_drop_name(enum stream_drop why)
{
	static const char *const names[] = {
#define X(symbol, name, sentence) name,
		STREAM_DROPS(X)
#undef X
	};

	return why < STREAM_DROPS_COUNT ? names[why] : "unknown";
}
