/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/decoder.h"

struct decoder *
decoder_open(const struct decoder_ops *ops, struct decoder *next, const struct part_meta *meta,
	struct arena *arena, struct decode_budget *budget, enum outcome *ret_why)
{
	struct decoder *d;

	*ret_why = OUTCOME_OVER_BUDGET;
	d = arena_zalloc(arena, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->state = ops->state_size > 0 ? arena_zalloc(arena, ops->state_size) : NULL;
	if (d->state == NULL && ops->state_size > 0)
		return NULL;
	d->ops = ops;
	d->next = next;
	d->part = next == NULL ? NULL : next->part;
	d->arena = arena;
	d->budget = budget;
	*ret_why = ops->open == NULL ? OUTCOME_OK : ops->open(d, meta);
	if (*ret_why != OUTCOME_OK)
		return NULL;
	if (next != NULL)
		next->prev = d;
	return d;
}

enum outcome
decoder_push(struct decoder *d, struct bytes in)
{
	d->taken += in.n;
	if (d->outcome == OUTCOME_OK) {
		d->outcome = d->ops->push(d, in);
		if (d->outcome == OUTCOME_OK)
			return OUTCOME_OK;
		/* The failing piece is scanned raw whole: some of it twice, none unread. */
	}
	return d->raw == NULL ? d->outcome : decoder_push(d->raw, in);
}

enum outcome
decoder_emit(struct decoder *d, struct bytes out)
{
	if (out.n == 0)
		return OUTCOME_OK;
	if (d->budget != NULL) {
		if (out.n > d->budget->bytes_left)
			return OUTCOME_OVER_BUDGET;
		d->budget->bytes_left -= out.n;
	}
	return d->next == NULL ? OUTCOME_OK : decoder_push(d->next, out);
}

/* A loop, since a chain's length is the sender's choice. */
enum outcome
decoder_close(struct decoder *d)
{
	enum outcome first = OUTCOME_OK;

	for (; d != NULL; d = d->next) {
		if (d->outcome == OUTCOME_OK && d->ops->close != NULL)
			d->outcome = d->ops->close(d);
		if (first == OUTCOME_OK)
			first = d->outcome;
	}
	return first;
}
