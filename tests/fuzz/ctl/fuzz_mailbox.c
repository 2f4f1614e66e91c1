/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Laws of the mailbox cutter: every byte comes out once and in order, mails are
 * begun and ended in turn, and no cut of the input changes what comes out.
 */
#include <assert.h>
#include <stdlib.h>

#include "ctl/mailbox.h"
#include "tests/support/cut.h"

/* All bytes as they came out, and the mails' borders among them. */
struct tally {
	struct box bytes, shape;
	char last;
	bool open;
};

static void
note(struct tally *t, char kind, struct bytes in)
{
	size_t at = t->bytes.n;

	if (t->last != kind) {
		box_put(&t->shape, &kind, 1);
		box_put(&t->shape, &at, sizeof(at));
	}
	t->last = kind;
	box_put(&t->bytes, in.p, in.n);
}

static void
on_begin(void *ctx)
{
	struct tally *t = ctx;

	assert(!t->open);
	t->open = true;
	note(t, '<', bytes_of(NULL, 0));
}

static void
on_envelope(void *ctx, struct bytes in)
{
	struct tally *t = ctx;

	assert(t->open);
	note(t, 'E', in);
}

static void
on_mail(void *ctx, struct bytes in)
{
	struct tally *t = ctx;

	assert(t->open);
	note(t, 'M', in);
}

static void
on_end(void *ctx)
{
	struct tally *t = ctx;

	assert(t->open);
	t->open = false;
	note(t, '>', bytes_of(NULL, 0));
}

static void
feed(void *ctx, struct bytes piece)
{
	mailbox_push(ctx, piece);
}

static struct tally
drive(struct bytes in, size_t step)
{
	struct tally t = {0};
	const struct mailbox_sink sink = {on_begin, on_envelope, on_mail, on_end, &t};
	struct mailbox b;

	mailbox_open(&b, &sink);
	feed_steps(in, step, feed, &b);
	mailbox_close(&b);
	assert(!t.open);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct tally whole = drive(in, size + 1);

	assert(bytes_equal(bytes_of(whole.bytes.p, whole.bytes.n), in));
	for (size_t step = 1; step <= 64; step = step * 2 + 1) {
		struct tally cut = drive(in, step);

		assert(bytes_equal(bytes_of(whole.shape.p, whole.shape.n),
			bytes_of(cut.shape.p, cut.shape.n)));
		assert(bytes_equal(in, bytes_of(cut.bytes.p, cut.bytes.n)));
		box_free(&cut.bytes);
		box_free(&cut.shape);
	}
	(void)file_kind_of(BYTES_LIT("a"), in);
	box_free(&whole.bytes);
	box_free(&whole.shape);
	return 0;
}
