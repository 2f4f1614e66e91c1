/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/json_text.h"

#include "inspectors/stream/outbuf.h"

struct json {
	uint8_t n;	/* bytes of an escape that were taken; 0: none is open */
	uint16_t high;	/* surrogate that waits for its other half */
	uint8_t held[6];
};

static void
end_high(struct json *s, struct outbuf *o)
{
	if (s->high != 0)
		outbuf_code_point(o, s->high); /* alone: U+FFFD */
	s->high = 0;
}

static void
put_unit(struct json *s, struct outbuf *o)
{
	uint32_t u = 0;

	for (size_t i = 2; i < 6; i++)
		u = u << 4 | (uint32_t)hex_value(s->held[i]);
	if (s->high != 0 && u >= 0xdc00 && u < 0xe000) {
		outbuf_code_point(o, 0x10000 + ((uint32_t)(s->high - 0xd800) << 10) + (u - 0xdc00));
		s->high = 0;
		return;
	}
	end_high(s, o);
	if (u >= 0xd800 && u < 0xdc00)
		s->high = (uint16_t)u;
	else
		outbuf_code_point(o, u);
}

/* The character that a backslash and @p c stand for, 0 if none. */
static uint8_t
simple_escape(uint8_t c)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *at = c == 0 ? NULL : strchr(letters, c);

	return at == NULL ? 0 : (uint8_t)meant[at - letters];
}

/* @return whether the byte belongs to the escape */
static bool
take_escape(struct json *s, struct outbuf *o, uint8_t c)
{
	bool unit = s->n > 1 || c == 'u';

	if (s->n == 1 && !unit) {
		uint8_t meant = simple_escape(c);

		end_high(s, o);
		s->n = 0;
		outbuf_byte(o, meant == 0 ? '\\' : meant);
		return meant != 0;
	}
	if (s->n > 1 && hex_value(c) < 0) {
		end_high(s, o);
		outbuf_run(o, s->held, s->n);
		s->n = 0;
		return false;
	}
	s->held[s->n++] = c;
	if (s->n == 6) {
		put_unit(s, o);
		s->n = 0;
	}
	return true;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct json *s = d->state;
	struct outbuf o;
	size_t i = 0;

	outbuf_init(&o, d);
	while (i < in.n) {
		const uint8_t *escape;
		size_t n;

		if (s->n > 0) {
			i += take_escape(s, &o, in.p[i]);
			continue;
		}
		escape = memchr(in.p + i, '\\', in.n - i);
		n = escape == NULL ? in.n - i : (size_t)(escape - in.p) - i;
		if (n > 0)
			end_high(s, &o);
		outbuf_run(&o, in.p + i, n);
		i += n;
		if (escape != NULL)
			s->held[s->n++] = in.p[i++];
	}
	return outbuf_flush(&o);
}

static enum outcome
close_json(struct decoder *d)
{
	struct json *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	end_high(s, &o);
	outbuf_run(&o, s->held, s->n);
	return outbuf_flush(&o);
}

const struct decoder_ops json_text_decoder = {
	.name = "json",
	.state_size = sizeof(struct json),
	.push = push,
	.close = close_json,
};
