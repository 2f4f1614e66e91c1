/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *   open --> undecided --(an inspector is sure, or likely and hinted)--> decided
 *               |                                                         ^
 *               +--(all say no, or the first bytes are full)--> raw ------+
 *
 * While undecided the raw inspector reads, and the first bytes are kept. The
 * inspector that is chosen then reads from byte one, and what the raw one had
 * is discarded; if none is, the raw one simply goes on.
 */
#include "inspectors/conversation.h"

#include "inspectors/proto/raw.h"

/* Of each direction, for bids. */
enum { BID_BYTES = 1024 };

enum piece_kind { PIECE_DATA, PIECE_GAP, PIECE_FINISH };

/* What happened while undecided, in order, for the inspector that is chosen. */
struct kept_piece {
	struct kept_piece *next;
	enum piece_kind kind;
	enum direction dir;
	uint64_t n; /* bytes of data[], or bytes lost */
	uint8_t data[];
};

static bool
use_inspector(struct conversation *c, const struct inspector_ops *ops)
{
	void *state = arena_zalloc(&c->base, ops->state_size);

	if (state == NULL || ops->open(state, c) != OUTCOME_OK)
		return false;
	c->ops = ops;
	c->state = state;
	return true;
}

void
conversation_open(struct conversation *c, struct inspect_env *env,
	const struct arena_source *source, const struct endpoints *ends, enum channel channel,
	bool midstream)
{
	*c = (struct conversation){
		.env = env, .ends = *ends, .channel = channel, .midstream = midstream};
	c->budget.limit = env->limits->flow_memory;
	arena_init(&c->base, source, &c->budget);
	arena_init(&c->first, source, &c->budget);
	for (int dir = 0; dir < 2; dir++) {
		arena_init(&c->keep[dir], source, &c->budget);
		arena_init(&c->stack[dir], source, &c->budget);
	}
	c->kept_tail = &c->kept;
	if (!use_inspector(c, &raw_inspector)) {
		/* No page at all: every byte will be counted over-budget. */
		c->ops = &raw_inspector;
		c->decided = true;
	}
}

/* ---- choosing ---- */

static void
forget_first(struct conversation *c)
{
	arena_release(&c->first);
	c->kept = NULL;
	c->n_kept = 0;
	c->bid_bytes[DIR_CLIENT] = c->bid_bytes[DIR_SERVER] = NULL;
}

static void
replay(struct conversation *c)
{
	for (const struct kept_piece *k = c->kept; k != NULL; k = k->next)
		switch (k->kind) {
		case PIECE_DATA:
			c->ops->data(c->state, k->dir, bytes_of(k->data, (size_t)k->n));
			break;
		case PIECE_GAP:
			c->ops->gap(c->state, k->dir, k->n);
			break;
		case PIECE_FINISH:
			c->ops->finish(c->state, k->dir);
			break;
		}
}

/* @return whether the kept bytes were read again, by another inspector */
static bool
choose(struct conversation *c, const struct inspector_ops *ops)
{
	bool again = ops != NULL && ops != &raw_inspector;

	c->decided = true;
	if (again) {
		raw_discard(c->state);
		/* What the raw one had no memory for is read again, too. */
		memset(c->stats.opaque, 0, sizeof(c->stats.opaque));
		memset(c->stats.over, 0, sizeof(c->stats.over));
		if (!use_inspector(c, ops))
			(void)use_inspector(c, &raw_inspector);
		else if (ops->channel != CHANNEL_OTHER)
			c->channel = ops->channel;
		replay(c);
	}
	forget_first(c);
	return again;
}

static enum bid
bid_of(const struct conversation *c, const struct inspector_ops *ops)
{
	return ops->bid(bytes_of(c->bid_bytes[DIR_CLIENT], c->n_bid_bytes[DIR_CLIENT]),
		bytes_of(c->bid_bytes[DIR_SERVER], c->n_bid_bytes[DIR_SERVER]));
}

/*
 * @param last  nothing more will come to decide by: take the best that is not no
 * @return as choose(); false while undecided
 */
static bool
take_bids(struct conversation *c, bool last)
{
	const struct inspector_ops *likely = NULL;
	bool open = false;

	for (size_t i = 0; inspectors[i] != NULL; i++) {
		enum bid b = bid_of(c, inspectors[i]);

		if (b == BID_SURE || (b >= BID_MORE && inspectors[i] == c->hint))
			return choose(c, inspectors[i]);
		if (b == BID_MAYBE && likely == NULL)
			likely = inspectors[i];
		open = open || b != BID_NO;
	}
	return (!open || last) && choose(c, likely);
}

void
conversation_hint(struct conversation *c, const struct inspector_ops *hint)
{
	c->hint = hint;
	if (!c->decided && hint != NULL && c->kept != NULL)
		(void)take_bids(c, false);
}

void
conversation_no_hint(struct conversation *c)
{
	if (!c->decided && c->kept != NULL)
		(void)take_bids(c, true);
}

/* ---- the first bytes ---- */

static void
keep_bid_bytes(struct conversation *c, enum direction dir, struct bytes in)
{
	size_t n;

	if (c->bid_bytes[dir] == NULL)
		c->bid_bytes[dir] = arena_alloc(&c->first, BID_BYTES);
	if (c->bid_bytes[dir] == NULL)
		return;
	n = BID_BYTES - c->n_bid_bytes[dir];
	if (n > in.n)
		n = in.n;
	memcpy(c->bid_bytes[dir] + c->n_bid_bytes[dir], in.p, n);
	c->n_bid_bytes[dir] += (uint16_t)n;
}

/* False when there is no more room: then the conversation has to be decided. */
static bool
keep_piece(struct conversation *c, enum piece_kind kind, enum direction dir, struct bytes in,
	uint64_t lost)
{
	struct kept_piece *k;

	if (c->n_kept + in.n + sizeof(*k) > c->env->limits->first_bytes)
		return false;
	k = arena_alloc(&c->first, sizeof(*k) + in.n);
	if (k == NULL)
		return false;
	*k = (struct kept_piece){.kind = kind, .dir = dir, .n = kind == PIECE_DATA ? in.n : lost};
	if (in.n > 0)
		memcpy(k->data, in.p, in.n);
	*c->kept_tail = k;
	c->kept_tail = &k->next;
	c->n_kept += (uint32_t)(in.n + sizeof(*k));
	return true;
}

static void
undecided_data(struct conversation *c, enum direction dir, struct bytes in)
{
	keep_bid_bytes(c, dir, in);
	if (!keep_piece(c, PIECE_DATA, dir, in, 0)) {
		/* Full: decide by what was kept, then let the winner read on. */
		(void)take_bids(c, true);
		c->ops->data(c->state, dir, in);
	} else if (!take_bids(c, false)) {
		c->ops->data(c->state, dir, in); /* still, or finally, the raw inspector */
	}
}

/* ---- what the host calls ---- */

void
conversation_data(struct conversation *c, enum direction dir, struct bytes in)
{
	if (in.n == 0)
		return;
	c->stats.delivered[dir] += in.n;
	if (c->state == NULL) {
		conversation_over(c, dir, in.n);
		return;
	}
	if (!c->decided && c->transfer != NULL)
		(void)choose(c, inspector_find("ftp-data"));
	if (c->decided)
		c->ops->data(c->state, dir, in);
	else
		undecided_data(c, dir, in);
}

void
conversation_gap(struct conversation *c, enum direction dir, uint64_t lost)
{
	if (c->state == NULL)
		return;
	if (!c->decided && !keep_piece(c, PIECE_GAP, dir, (struct bytes){NULL, 0}, lost))
		(void)take_bids(c, true);
	c->ops->gap(c->state, dir, lost);
}

void
conversation_finish(struct conversation *c, enum direction dir)
{
	if (c->state == NULL)
		return;
	if (!c->decided && !keep_piece(c, PIECE_FINISH, dir, (struct bytes){NULL, 0}, 0))
		(void)take_bids(c, true);
	c->ops->finish(c->state, dir);
}

void
conversation_close(struct conversation *c, bool reset)
{
	if (!c->decided && c->kept != NULL)
		(void)take_bids(c, true);
	if (c->state != NULL)
		c->ops->close(c->state, reset);
	c->state = NULL;
	for (int dir = 0; dir < 2; dir++) {
		arena_release(&c->stack[dir]);
		arena_release(&c->keep[dir]);
	}
	arena_release(&c->first);
	arena_release(&c->base);
}

/* ---- what inspectors call ---- */

struct message *
conversation_message(
	struct conversation *c, enum direction dir, enum channel channel, const char *protocol)
{
	struct message *m = message_open(
		c->env, &c->keep[dir], &c->stack[dir], channel, dir, protocol);

	if (m != NULL)
		m->conversation = c;
	return m;
}

void
conversation_over(struct conversation *c, enum direction dir, uint64_t n)
{
	c->stats.opaque[dir][OPAQUE_OVER_BUDGET] += n;
	c->stats.over[dir] += n;
}
