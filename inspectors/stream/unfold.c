/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/unfold.h"

#include "inspectors/stream/outbuf.h"

struct unfold {
	uint8_t n;
	uint8_t held[3]; /* of a line end that may vanish */
	bool joined;	 /* behind one that did: quote marks and a stuffed space may follow */
};

static void
release(struct unfold *s, struct outbuf *o)
{
	outbuf_run(o, s->held, s->n);
	s->n = 0;
}

/* @return whether the byte was taken, else it is text */
static bool
step(struct unfold *s, struct outbuf *o, uint8_t c)
{
	uint8_t last = s->n > 0 ? s->held[s->n - 1] : 0;

	if ((s->n == 0 && c == '\r') || (last != '\n' && c == '\n')) {
		if (last != '\r')
			release(s, o);
		s->held[s->n++] = c;
		return true;
	}
	if (last == '\n' && (c == ' ' || c == '\t')) {
		s->n = 0;
		return true;
	}
	release(s, o);
	if (c != '\r' && c != '\n')
		return false;
	s->held[s->n++] = c;
	return true;
}

static bool
step_delsp(struct unfold *s, struct outbuf *o, uint8_t c)
{
	uint8_t last = s->n > 0 ? s->held[s->n - 1] : 0;

	if (s->joined) {
		s->joined = c == '>';
		if (c == '>' || c == ' ')
			return true;
	}
	if (last == ' ' && c == '\r') {
		s->held[s->n++] = c;
		return true;
	}
	if (last != 0 && c == '\n') {
		s->n = 0;
		s->joined = true;
		return true;
	}
	release(s, o);
	if (c != ' ')
		return false;
	s->held[s->n++] = c;
	return true;
}

static enum outcome
push_with(bool (*take)(struct unfold *s, struct outbuf *o, uint8_t c), struct decoder *d,
	struct bytes in)
{
	struct outbuf o;

	outbuf_init(&o, d);
	for (size_t i = 0; i < in.n; i++)
		if (!take(d->state, &o, in.p[i]))
			outbuf_byte(&o, in.p[i]);
	return outbuf_flush(&o);
}

static enum outcome
push_unfold(struct decoder *d, struct bytes in)
{
	return push_with(step, d, in);
}

static enum outcome
push_delsp(struct decoder *d, struct bytes in)
{
	return push_with(step_delsp, d, in);
}

static enum outcome
close_unfold(struct decoder *d)
{
	struct outbuf o;

	outbuf_init(&o, d);
	release(d->state, &o);
	return outbuf_flush(&o);
}

const struct decoder_ops unfold_decoder = {.name = "unfold",
	.state_size = sizeof(struct unfold),
	.push = push_unfold,
	.close = close_unfold};

const struct decoder_ops delsp_decoder = {.name = "flowed",
	.state_size = sizeof(struct unfold),
	.push = push_delsp,
	.close = close_unfold};
