/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/urlencoded.h"

#include "inspectors/stream/outbuf.h"
#include "inspectors/stream/span.h"

struct urlencoded {
	uint8_t n; /* bytes of an escape that were taken; 0: none is open */
	uint8_t held[6];
};

/* The escape is complete: what it stands for. */
static void
put_escape(struct urlencoded *s, struct outbuf *o)
{
	uint32_t value = 0;

	for (size_t i = s->n == 3 ? 1 : 2; i < s->n; i++)
		value = value << 4 | (uint32_t)hex_value(s->held[i]);
	if (s->n == 3)
		outbuf_byte(o, (uint8_t)value);
	else
		outbuf_code_point(o, value);
	s->n = 0;
}

/* @return whether the byte belongs to the escape */
static bool
take_escape(struct urlencoded *s, struct outbuf *o, uint8_t c)
{
	bool fits = hex_value(c) >= 0 || (s->n == 1 && (c == 'u' || c == 'U'));

	if (!fits) {
		outbuf_run(o, s->held, s->n);
		s->n = 0;
		return false;
	}
	s->held[s->n++] = c;
	if (s->n == ((s->held[1] | 0x20) == 'u' ? 6 : 3))
		put_escape(s, o);
	return true;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct urlencoded *s = d->state;
	struct outbuf o;
	size_t i = 0;

	outbuf_init(&o, d);
	while (i < in.n) {
		size_t n;

		if (s->n > 0) {
			i += take_escape(s, &o, in.p[i]);
			continue;
		}
		n = span_until3(in.p + i, in.n - i, '%', '+', '&');
		outbuf_run(&o, in.p + i, n);
		i += n;
		if (i == in.n)
			break;
		if (in.p[i] == '%')
			s->held[s->n++] = '%';
		else
			outbuf_byte(&o, in.p[i] == '+' ? ' ' : '\n');
		i++;
	}
	return outbuf_flush(&o);
}

static enum outcome
close_urlencoded(struct decoder *d)
{
	struct urlencoded *s = d->state;

	return decoder_emit(d, bytes_of(s->held, s->n));
}

const struct decoder_ops urlencoded_decoder = {
	.name = "urlencoded",
	.state_size = sizeof(struct urlencoded),
	.push = push,
	.close = close_urlencoded,
};
