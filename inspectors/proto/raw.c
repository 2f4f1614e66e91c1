/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has no inspector of its own: each direction is one stretch of text,
 * judged at its end or each limits.raw_message bytes.
 */
#include "inspectors/proto/raw.h"

#include "inspectors/conversation.h"

/* Scanned again at the start of the next stretch, so that the border loses nothing. */
enum { OVERLAP = 64 };

struct raw_side {
	struct message *message;
	struct part *part;
	uint8_t tail[OVERLAP];
	size_t n_tail;
};

struct raw {
	struct conversation *conversation;
	struct raw_side side[2];
};

static enum bid
raw_bid(struct bytes client, struct bytes server)
{
	return BID_NO; /* taken when every other inspector says no */
}

static enum outcome
raw_open(void *state, struct conversation *c)
{
	struct raw *r = state;

	r->conversation = c;
	return OUTCOME_OK;
}

static bool
side_open(struct raw *r, enum direction dir)
{
	static const struct part_meta meta = {.label = "raw"};
	struct raw_side *s = &r->side[dir];

	if (s->message != NULL)
		return true;
	s->message = conversation_message(
		r->conversation, dir, r->conversation->channel, "raw");
	if (s->message == NULL)
		return false;
	s->part = part_open(s->message, NULL, &meta);
	/* Counted by the stretch before this one. */
	if (s->n_tail > 0)
		part_push_uncounted(s->part, bytes_of(s->tail, s->n_tail));
	return true;
}

static void
keep_tail(struct raw_side *s, struct bytes in)
{
	if (in.n >= OVERLAP) {
		memcpy(s->tail, in.p + in.n - OVERLAP, OVERLAP);
		s->n_tail = OVERLAP;
		return;
	}
	if (s->n_tail + in.n > OVERLAP) {
		size_t drop = s->n_tail + in.n - OVERLAP;

		memmove(s->tail, s->tail + drop, s->n_tail - drop);
		s->n_tail -= drop;
	}
	memcpy(s->tail + s->n_tail, in.p, in.n);
	s->n_tail += in.n;
}

static void
side_close(struct raw_side *s, bool cut)
{
	if (s->message != NULL)
		message_close(s->message, cut);
	s->message = NULL;
	s->part = NULL;
}

static void
raw_data(void *state, enum direction dir, struct bytes in)
{
	struct raw *r = state;
	struct raw_side *s = &r->side[dir];
	const struct conversation *c = r->conversation;

	if (!side_open(r, dir)) {
		conversation_over(r->conversation, dir, in.n);
		return;
	}
	s->message->channel = c->channel;
	if (c->opaque != OPAQUE_NONE)
		part_mark_opaque(s->part, c->opaque);
	part_push(s->part, in);
	/* Nothing reads across datagrams, so nothing waits for the next one. */
	if (c->datagrams) {
		part_push_uncounted(s->part, BYTES_LIT("\n"));
		message_settle(s->message);
	}
	if (s->message->bytes_total >= c->env->limits->raw_message) {
		keep_tail(s, in);
		side_close(s, false);
	}
}

static void
raw_gap(void *state, enum direction dir, uint64_t lost)
{
	struct raw *r = state;

	if (side_open(r, dir))
		message_gap(r->side[dir].message, lost);
}

static void
raw_finish(void *state, enum direction dir)
{
}

static void
raw_close(void *state, bool reset)
{
	struct raw *r = state;

	/* A stream without messages of its own can't end too early. */
	for (int dir = 0; dir < 2; dir++) {
		/* The host may have learned it since the last bytes. */
		if (r->side[dir].message != NULL)
			r->side[dir].message->channel = r->conversation->channel;
		side_close(&r->side[dir], false);
	}
}

void
raw_discard(void *state)
{
	struct raw *r = state;

	for (int dir = 0; dir < 2; dir++) {
		if (r->side[dir].message != NULL)
			message_discard(r->side[dir].message);
		/* It may have to read on, if there is no memory for another. */
		r->side[dir] = (struct raw_side){.message = NULL};
	}
}

const struct inspector_ops raw_inspector = {
	.name = "raw",
	.channel = CHANNEL_OTHER,
	.state_size = sizeof(struct raw),
	.bid = raw_bid,
	.open = raw_open,
	.data = raw_data,
	.gap = raw_gap,
	.finish = raw_finish,
	.close = raw_close,
};
