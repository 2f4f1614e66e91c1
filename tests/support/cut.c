/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

void
box_put(struct box *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (n > b->room - b->n) {
		b->room = (b->n + n) * 2;
		b->p = realloc(b->p, b->room);
		if (b->p == NULL)
			abort();
	}
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
box_free(struct box *b)
{
	free(b->p);
	*b = (struct box){0};
}

struct box_state {
	struct box *box;
};

static enum outcome
box_push(struct decoder *d, struct bytes in)
{
	struct box_state *s = d->state;

	box_put(s->box, in.p, in.n);
	return OUTCOME_OK;
}

static const struct decoder_ops box_ops = {
	.name = "box", .state_size = sizeof(struct box_state), .push = box_push};

struct decoder *
box_stage(struct box *b, struct arena *a)
{
	enum outcome why;
	struct decoder *d = decoder_open(&box_ops, NULL, NULL, a, NULL, &why);

	if (d == NULL)
		abort();
	((struct box_state *)d->state)->box = b;
	return d;
}

static void
feed_copy(struct bytes piece, void (*feed)(void *ctx, struct bytes piece), void *ctx)
{
	uint8_t *copy = malloc(piece.n + (piece.n == 0));

	if (copy == NULL)
		abort();
	if (piece.n > 0)
		memcpy(copy, piece.p, piece.n);
	feed(ctx, bytes_of(copy, piece.n));
	free(copy);
}

void
feed_cut(struct bytes in, size_t cut, void (*feed)(void *ctx, struct bytes piece), void *ctx)
{
	if (cut > 0)
		feed_copy(bytes_of(in.p, cut < in.n ? cut : in.n), feed, ctx);
	if (cut < in.n)
		feed_copy(bytes_skip(in, cut), feed, ctx);
}

void
feed_steps(struct bytes in, size_t step, void (*feed)(void *ctx, struct bytes piece), void *ctx)
{
	for (; in.n > 0; in = bytes_skip(in, step))
		feed_copy(bytes_of(in.p, step < in.n ? step : in.n), feed, ctx);
}

static void
feed_decoder(void *ctx, struct bytes piece)
{
	(void)decoder_push(ctx, piece);
}

enum outcome
decode(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in, size_t cut,
	size_t step, struct box *out)
{
	struct arena_budget budget = {.limit = 64u << 20};
	struct arena a;
	struct decoder *d;
	enum outcome result;

	arena_init(&a, &arena_source_malloc, &budget);
	d = decoder_open(ops, box_stage(out, &a), meta, &a, NULL, &result);
	if (d != NULL) {
		if (step > 0)
			feed_steps(in, step, feed_decoder, d);
		else
			feed_cut(in, cut, feed_decoder, d);
		result = decoder_close(d);
	}
	arena_release(&a);
	return result;
}

static void
assert_one_decode(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in,
	size_t cut, size_t step, struct bytes want, enum outcome want_outcome)
{
	struct box got = {0};
	enum outcome r = decode(ops, meta, in, cut, step, &got);

	if (r != want_outcome || !bytes_equal(bytes_of(got.p, got.n), want))
		fail_msg("%s, cut at %zu, step %zu: outcome %d (want %d), %zu bytes \"%.*s\" "
			 "(want %zu \"%.*s\")",
			ops->name, cut, step, r, want_outcome, got.n, (int)got.n,
			(const char *)got.p, want.n, (int)want.n, (const char *)want.p);
	box_free(&got);
}

void
assert_decodes(const struct decoder_ops *ops, const struct part_meta *meta, struct bytes in,
	struct bytes want, enum outcome want_outcome)
{
	for (size_t cut = 0; cut <= in.n; cut++)
		assert_one_decode(ops, meta, in, cut, 0, want, want_outcome);
	for (size_t step = 1; step <= 64; step++)
		assert_one_decode(ops, meta, in, 0, step, want, want_outcome);
}
