/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/normalise_private.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

uint64_t
normalise_engine_memory(const struct normalise_config *cfg)
{
	return sizeof(struct normalise_engine) +
		(uint64_t)cfg->segments * sizeof(struct normalise_piece);
}

struct normalise_engine *
normalise_engine_create(const struct normalise_config *cfg)
{
	struct normalise_engine *e;

	if (cfg->flow_held == 0 || cfg->flow_segments == 0 || cfg->flow_unacked == 0 ||
		cfg->held == 0 || cfg->segments == 0)
		return NULL;
	e = rte_zmalloc_socket(
		"normalise_engine", normalise_engine_memory(cfg), RTE_CACHE_LINE_SIZE, cfg->socket);
	if (e == NULL)
		return NULL;
	e->cfg = *cfg;
	for (uint32_t i = cfg->segments; i > 0; i--) {
		e->pieces[i - 1].next = e->free;
		e->free = &e->pieces[i - 1];
	}
	return e;
}

void
normalise_engine_destroy(struct normalise_engine *e)
{
	rte_free(e);
}

const struct normalise_counters *
normalise_engine_counters(const struct normalise_engine *e)
{
	return &e->counters;
}

uint32_t
normalise_engine_references(const struct normalise_engine *e)
{
	return e->used;
}

/* ---- pieces ---- */

struct normalise_piece *
piece_take(struct normalise_engine *e, const struct packet *p)
{
	struct normalise_piece *piece = e->free;

	if (piece == NULL)
		return NULL;
	e->free = piece->next;
	e->used++;
	*piece = (struct normalise_piece){.packet = *p};
	piece_measure(piece);
	return piece;
}

void
piece_measure(struct normalise_piece *piece)
{
	const struct packet *p = &piece->packet;

	piece->seq = p->seq;
	piece->at = p->payload_at;
	piece->n = p->payload_len;
	piece->fin = p->tcp_flags & TCP_FLAG_FIN;
}

void
piece_give(struct normalise_engine *e, struct normalise_piece *piece)
{
	rte_pktmbuf_free(piece->packet.mbuf);
	piece->packet.mbuf = NULL;
	piece->next = e->free;
	e->free = piece;
	e->used--;
}

/* ---- read, and remembered ---- */

bool
past_has_room(const struct step *t, uint32_t n)
{
	const struct normalise_config *cfg = &t->e->cfg;
	const struct half *h = t->half;

	return t->e->free != NULL && h->past_pieces < cfg->flow_segments &&
		n <= cfg->flow_unacked && h->past_bytes <= cfg->flow_unacked - n;
}

void
past_append(struct half *h, struct normalise_piece *piece)
{
	piece->next = NULL;
	if (h->past == NULL)
		h->past = piece;
	else
		h->past_last->next = piece;
	h->past_last = piece;
	h->past_bytes += piece->n;
	h->past_pieces++;
}

static void
past_forget_first(struct normalise_engine *e, struct half *h)
{
	struct normalise_piece *piece = h->past;

	h->past = piece->next;
	if (h->past == NULL)
		h->past_last = NULL;
	h->past_bytes -= piece->n;
	h->past_pieces--;
	piece_give(e, piece);
}

void
past_forget_acked(struct normalise_engine *e, struct half *h)
{
	while (h->past != NULL && h->past != h->waiting && !before(h->acked, piece_end(h->past)))
		past_forget_first(e, h);
}

void
past_clear(struct normalise_engine *e, struct half *h)
{
	h->waiting = NULL;
	while (h->past != NULL)
		past_forget_first(e, h);
}

/* ---- too early ---- */

bool
held_insert(struct step *t, struct packet *p)
{
	struct normalise_engine *e = t->e;
	struct half *h = t->half;
	struct normalise_piece **at = &h->held, *piece;
	uint32_t n = p->payload_len;

	if (h->held_pieces >= e->cfg.flow_segments || n > e->cfg.flow_held ||
		h->held_bytes > e->cfg.flow_held - n || n > e->cfg.held ||
		e->held > e->cfg.held - n || e->held_pieces >= e->cfg.segments / 2)
		return false;
	piece = piece_take(e, p);
	if (piece == NULL)
		return false;
	while (*at != NULL && !before(p->seq, (*at)->seq))
		at = &(*at)->next;
	piece->next = *at;
	*at = piece;
	h->held_pieces++;
	h->held_bytes += n;
	e->held += n;
	e->held_pieces++;
	e->counters.held++;
	return true;
}

struct normalise_piece *
held_pop(struct normalise_engine *e, struct half *h)
{
	struct normalise_piece *piece = h->held;

	h->held = piece->next;
	h->held_pieces--;
	h->held_bytes -= piece->n;
	e->held -= piece->n;
	e->held_pieces--;
	return piece;
}

bool
held_covers(const struct half *h, const struct packet *p)
{
	uint32_t at = p->seq, end = p->seq + p->payload_len;
	bool fin = !(p->tcp_flags & TCP_FLAG_FIN);

	for (const struct normalise_piece *q = h->held; q != NULL && !before(end, q->seq);
		q = q->next) {
		if (before(at, q->seq))
			return false;
		if (before(at, q->seq + q->n))
			at = q->seq + q->n;
		fin |= q->fin && q->seq + q->n == end;
	}
	return fin && !before(at, end);
}

unsigned
held_ranges(const struct half *h, uint32_t latest, unsigned max, struct segment *ret)
{
	const struct normalise_piece *q = h->held;
	unsigned n = 0;

	while (q != NULL) {
		uint32_t from = q->seq, to = piece_end(q);

		for (q = q->next; q != NULL && !before(to, q->seq); q = q->next)
			if (before(to, piece_end(q)))
				to = piece_end(q);
		if (!before(latest, from) && before(latest, to)) {
			/* All others move up by one; where there are too many, the last goes. */
			if (n == max)
				n--;
			memmove(&ret->sacks[1], &ret->sacks[0], n * sizeof(ret->sacks[0]));
			ret->sacks[0].from = from;
			ret->sacks[0].to = to;
			n++;
		} else if (n < max) {
			ret->sacks[n].from = from;
			ret->sacks[n].to = to;
			n++;
		}
	}
	return n;
}

/* ---- making a segment agree ---- */

/* As much of [at, at + n) of a packet as lies in one mbuf. */
static struct bytes
piece_of(const struct rte_mbuf *m, uint32_t at, uint32_t n)
{
	while (m != NULL && at >= m->data_len) {
		at -= m->data_len;
		m = m->next;
	}
	if (m == NULL)
		return bytes_of(NULL, 0);
	return bytes_of(
		rte_pktmbuf_mtod_offset(m, const uint8_t *, at), smaller(n, m->data_len - at));
}

static uint32_t
count_differences(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ += a[i] != b[i];
	return differ;
}

static uint64_t
position_of(const struct half *h, uint32_t seq)
{
	uint32_t end = h->fin_read ? h->fin : h->next;

	return h->position + (uint64_t)(int64_t)(int32_t)(seq - end);
}

/* What @p old and [from, to) of @p p have in common becomes as @p old is. */
static void
agree(struct step *t, struct packet *p, const struct normalise_piece *old, uint32_t from,
	uint32_t to)
{
	if (before(from, old->seq))
		from = old->seq;
	if (before(old->seq + old->n, to))
		to = old->seq + old->n;
	while (before(from, to)) {
		struct bytes a = piece_of(old->packet.mbuf, old->at + (from - old->seq), to - from);
		struct bytes b = piece_of(p->mbuf, p->payload_at + (from - p->seq), to - from);
		uint32_t n = smaller((uint32_t)a.n, (uint32_t)b.n);

		if (n == 0)
			return;
		if (memcmp(a.p, b.p, n) != 0) {
			t->differs = true;
			t->e->counters.rewritten_bytes += count_differences(a.p, b.p, n);
			t->n->ops->conflict(
				t->n->ctx, t->dir, position_of(t->half, from), bytes_of(b.p, n));
			segment_overwrite(p, from - p->seq, bytes_of(a.p, n));
		}
		from += n;
	}
}

/* Is [from, to) remembered without a gap? */
static bool
past_covers(const struct half *h, uint32_t from, uint32_t to)
{
	for (const struct normalise_piece *q = h->past; q != NULL && before(from, to);
		q = q->next) {
		if (before(from, q->seq))
			return false;
		if (before(from, q->seq + q->n))
			from = q->seq + q->n;
	}
	return !before(from, to);
}

bool
agree_past(struct step *t, struct packet *p)
{
	const struct half *h = t->half;
	uint32_t from = p->seq, to = p->seq + smaller(p->payload_len, h->next - p->seq);

	if (h->acked_known && before(from, h->acked))
		from = before(h->acked, to) ? h->acked : to;
	if (!past_covers(h, from, to))
		return false;
	if (from != p->seq) {
		segment_blank(p, 0, from - p->seq);
		t->e->counters.blanked_bytes += from - p->seq;
	}
	for (const struct normalise_piece *q = h->past; q != NULL && before(q->seq, to);
		q = q->next)
		agree(t, p, q, from, to);
	return true;
}

void
agree_held(struct step *t, struct packet *p)
{
	uint32_t from = p->seq, to = p->seq + p->payload_len;

	if (before(from, t->half->next))
		from = t->half->next;
	for (const struct normalise_piece *q = t->half->held; q != NULL && before(q->seq, to);
		q = q->next)
		agree(t, p, q, from, to);
}
