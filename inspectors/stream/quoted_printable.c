/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/quoted_printable.h"

#include "inspectors/stream/outbuf.h"
#include "inspectors/stream/span.h"

/*
 *  TEXT --'='--> EQUAL --hex--> HEX --hex--> TEXT (the byte)
 *   |              |--blank--> SOFT --line end--> TEXT or SOFT_CR (nothing)
 *   |              `--line end-'
 *   `--blank--> BLANKS --line end--> TEXT (the line end without the blanks)
 *
 * What is held is passed through as it was if another byte comes.
 */
enum qp_state { TEXT, BLANKS, EQUAL, HEX, SOFT, SOFT_CR };

struct qp {
	uint8_t state; /* enum qp_state */
	uint8_t n;
	uint8_t held[80]; /* of a sequence not yet decided */
};

enum { MOST_HELD = 77 }; /* `=` and a line of blanks */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static void
hold(struct qp *s, enum qp_state state, uint8_t c)
{
	s->state = (uint8_t)state;
	s->held[s->n++] = c;
}

static void
forget(struct qp *s, enum qp_state state)
{
	s->state = (uint8_t)state;
	s->n = 0;
}

static void
pass(struct qp *s, struct outbuf *o)
{
	outbuf_run(o, s->held, s->n);
	forget(s, TEXT);
}

/* One byte outside of plain text. @return whether it was taken; else it is text. */
static bool
step(struct qp *s, struct outbuf *o, uint8_t c)
{
	int v;

	switch ((enum qp_state)s->state) {
	case BLANKS:
		if (is_line_end(c)) {
			forget(s, TEXT);
			return false;
		}
		break;
	case EQUAL:
		if (hex_value(c) >= 0) {
			hold(s, HEX, c);
			return true;
		}
		/* fall through */
	case SOFT:
		if (is_line_end(c)) {
			forget(s, c == '\r' ? SOFT_CR : TEXT);
			return true;
		}
		s->state = SOFT;
		break;
	case HEX:
		v = hex_value(c);
		if (v >= 0) {
			outbuf_byte(o, (uint8_t)(hex_value(s->held[1]) << 4 | v));
			forget(s, TEXT);
			return true;
		}
		pass(s, o);
		return false;
	case SOFT_CR:
		forget(s, TEXT);
		return c == '\n';
	case TEXT:
		return false;
	}
	if (is_blank(c) && s->n < MOST_HELD) {
		hold(s, s->state, c);
		return true;
	}
	pass(s, o);
	return false;
}

/* How much of @p in is text that stays as it is. */
static size_t
plain(struct bytes in)
{
	size_t i = 0;

	while (i < in.n) {
		i += span_until3(in.p + i, in.n - i, '=', '\r', '\n');
		if (i > 0 && is_blank(in.p[i - 1]))
			break; /* blanks before a line end, or it isn't known yet */
		if (i == in.n || in.p[i] == '=')
			return i;
		i++;
	}
	while (i > 0 && is_blank(in.p[i - 1]))
		i--;
	return i;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct qp *s = d->state;
	struct outbuf o;
	size_t i = 0;

	outbuf_init(&o, d);
	while (i < in.n) {
		size_t n;

		if (s->state != TEXT) {
			if (step(s, &o, in.p[i]))
				i++;
			continue;
		}
		n = plain(bytes_skip(in, i));
		outbuf_run(&o, in.p + i, n);
		i += n;
		if (i < in.n && in.p[i] == '=')
			hold(s, EQUAL, in.p[i++]);
		else if (i < in.n)
			hold(s, BLANKS, in.p[i++]);
	}
	return outbuf_flush(&o);
}

static enum outcome
close_qp(struct decoder *d)
{
	struct qp *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	/* The end of the data ends its last line as well. */
	if (s->state == EQUAL || s->state == HEX)
		pass(s, &o);
	return outbuf_flush(&o);
}

const struct decoder_ops quoted_printable_decoder = {
	.name = "quoted-printable",
	.state_size = sizeof(struct qp),
	.push = push,
	.close = close_qp,
};
