/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/uuencode.h"

#include "inspectors/stream/outbuf.h"

/*
 *  LINE_START --no match--> TEXT --LF--> LINE_START
 *      `-- "begin 644 " --> NAME --LF--> DATA_START <--LF--------.
 *                        length digit: DATA -- its bytes done --> REST
 *                        zero length:                             REST
 *                        anything else: END ("end") or LINE_START
 */
enum uu_state { LINE_START, TEXT, NAME, DATA_START, DATA, REST, END };

struct uu {
	uint8_t state;	 /* enum uu_state */
	uint8_t left;	 /* bytes that this line still holds */
	uint8_t have;	 /* digits in acc */
	bool file_ended; /* text that follows begins on a new line */
	uint16_t n;
	uint32_t acc;
	uint8_t line[300]; /* a begin line, while it may be one */
	struct notes names;
};

/* "begin", blank, three or four octal digits, blank */
static bool
may_begin(const struct uu *s, uint8_t c)
{
	static const char word[] = "begin ";

	if (s->n < sizeof(word) - 1)
		return c == (uint8_t)word[s->n];
	if (s->n < 9)
		return c >= '0' && c <= '7';
	return c == ' ' || (s->n == 9 && c >= '0' && c <= '7');
}

static void
text(struct uu *s, struct outbuf *o, const uint8_t *p, size_t n)
{
	if (s->file_ended && n > 0)
		outbuf_byte(o, '\n');
	s->file_ended &= n == 0;
	outbuf_run(o, p, n);
}

/* The held bytes are no begin line, or nothing of a line that may be one. */
static void
line_is_text(struct uu *s, struct outbuf *o)
{
	text(s, o, s->line, s->n);
	s->n = 0;
	s->state = TEXT;
}

static size_t
take_line_start(struct uu *s, struct outbuf *o, struct bytes in)
{
	if (!may_begin(s, in.p[0])) {
		line_is_text(s, o);
		return 0;
	}
	s->line[s->n++] = in.p[0];
	if (s->n > 9 && in.p[0] == ' ')
		s->state = NAME;
	return 1;
}

static size_t
take_text(struct uu *s, struct outbuf *o, struct bytes in)
{
	const uint8_t *lf = memchr(in.p, '\n', in.n);
	size_t n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;

	text(s, o, in.p, n);
	if (lf != NULL)
		s->state = LINE_START;
	return n;
}

static size_t
take_name(struct uu *s, struct outbuf *o, uint8_t c)
{
	if (s->n == sizeof(s->line)) {
		line_is_text(s, o);
		return 0;
	}
	s->line[s->n++] = c;
	if (c == '\n') {
		notes_add(&s->names, s->line, s->n);
		s->n = 0;
		s->state = DATA_START;
	}
	return 1;
}

static size_t
take_data_start(struct uu *s, uint8_t c)
{
	if (c == '\r' || c == '\n')
		return 1;
	if (c < 0x20 || c > 0x60) {
		s->file_ended = true;
		s->state = c == 'e' ? END : LINE_START;
		return 0;
	}
	s->left = (c - 0x20) & 0x3f;
	s->acc = s->have = 0;
	s->state = s->left > 0 ? DATA : REST;
	return 1;
}

static void
put_group(struct uu *s, struct outbuf *o)
{
	for (unsigned shift = 16; s->left > 0 && shift <= 16; shift -= 8, s->left--)
		outbuf_byte(o, (uint8_t)(s->acc >> shift));
	s->acc = s->have = 0;
}

/* Trailing spaces get lost on the way: a short line goes on with zeros. */
static size_t
take_data(struct uu *s, struct outbuf *o, uint8_t c)
{
	bool ended = c == '\r' || c == '\n';

	s->acc = s->acc << 6 | (ended ? 0 : (uint32_t)(c - 0x20) & 0x3f);
	if (++s->have == 4)
		put_group(s, o);
	if (s->left == 0)
		s->state = REST;
	return ended ? 0 : 1;
}

/* "end" and its line end are no text; another line that begins so is. */
static size_t
take_end(struct uu *s, struct outbuf *o, uint8_t c)
{
	static const char word[] = "end";

	if (s->n < 3 ? c == (uint8_t)word[s->n] : c == '\r') {
		if (s->n < sizeof(s->line)) {
			s->line[s->n++] = c;
			return 1;
		}
	} else if (s->n >= 3 && c == '\n') {
		s->n = 0;
		s->state = LINE_START;
		return 1;
	}
	line_is_text(s, o);
	return 0;
}

static size_t
take(struct uu *s, struct outbuf *o, struct bytes in)
{
	switch ((enum uu_state)s->state) {
	case LINE_START:
		return take_line_start(s, o, in);
	case TEXT:
		return take_text(s, o, in);
	case NAME:
		return take_name(s, o, in.p[0]);
	case DATA_START:
		return take_data_start(s, in.p[0]);
	case DATA:
		return take_data(s, o, in.p[0]);
	case END:
		return take_end(s, o, in.p[0]);
	case REST: /* a check character, or what stands behind the data */
		if (in.p[0] == '\n')
			s->state = DATA_START;
		break;
	}
	return 1;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct outbuf o;

	outbuf_init(&o, d);
	while (in.n > 0)
		in = bytes_skip(in, take(d->state, &o, in));
	return outbuf_flush(&o);
}

static enum outcome
close_uu(struct decoder *d)
{
	struct uu *s = d->state;
	bool damaged = s->state == DATA_START || s->state == DATA || s->state == REST;
	enum outcome noted;
	struct outbuf o;

	outbuf_init(&o, d);
	if (s->state == DATA && s->have > 1) { /* what the cut quantum holds */
		s->left = (uint8_t)(s->left < s->have - 1 ? s->left : s->have - 1);
		s->acc <<= 6 * (4 - s->have);
		put_group(s, &o);
	}
	if (s->state == END && s->n >= 3)
		s->n = 0;
	text(s, &o, s->line, s->n);
	noted = outbuf_flush(&o) == OUTCOME_OK ? notes_emit(&s->names, d) : o.outcome;
	return noted == OUTCOME_OK && damaged ? OUTCOME_DAMAGED : noted;
}

const struct decoder_ops uuencode_decoder = {
	.name = "uuencode",
	.state_size = sizeof(struct uu),
	.push = push,
	.close = close_uu,
};

bool
uuencode_has_begun(const struct decoder *d)
{
	const struct uu *s = d->state;

	return s->names.n > 0;
}
