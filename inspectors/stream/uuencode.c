/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/uuencode.h"

#include "inspectors/stream/outbuf.h"

/*
 *  LINE_START --no match--> TEXT --LF--> LINE_START
 *      `-- "begin 644 " --> NAME --LF--> DATA <--LF, its bytes fit its length--.
 *                                         anything else: END ("end") or LINE_START
 *
 * Anyone can write "begin 644 x" over a text, and most readers show it as it is:
 * so a line is data only if all of it is, and one that holds what may be a number
 * as it stands is kept beside what it decodes to.
 */
enum uu_state { LINE_START, TEXT, NAME, DATA, END };

enum {
	DATA_MOST = 1 + 84 + 2, /* length, 63 bytes, a check character, and one more */
	NUMBER_LEAST = 8,	/* digits of a line that is read as text, too */
};

struct uu {
	uint8_t state;	 /* enum uu_state */
	bool file_ended; /* text that follows begins on a new line */
	uint16_t n;
	uint8_t line[300]; /* a begin line, while it may be one; a line of data */
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
		s->state = DATA;
	}
	return 1;
}

/* Its length digit and all others are in the alphabet, and there are no more than it says. */
static bool
is_data(const uint8_t *p, size_t n)
{
	size_t length = n == 0 ? 0 : (size_t)((p[0] - 0x20) & 0x3f);

	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x60)
			return false;
	return n <= 1 + (length + 2) / 3 * 4 + 2;
}

static bool
may_hold_number(const uint8_t *p, size_t n)
{
	unsigned digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (ascii_is_digit(p[i]))
			digits++;
		else if (p[i] != ' ' && p[i] != '-' && p[i] != '+')
			digits = 0;
		if (digits == NUMBER_LEAST)
			return true;
	}
	return false;
}

/* @param whole  its end was seen: trailing spaces get lost on the way, and are zeros */
static void
decode_data(struct outbuf *o, const uint8_t *p, size_t n, bool whole)
{
	size_t left = n == 0 ? 0 : (size_t)((p[0] - 0x20) & 0x3f);

	for (size_t i = 1; left > 0; i += 4) {
		size_t have = i < n ? n - i : 0, bytes = left < 3 ? left : 3;
		uint32_t acc = 0;

		if (have < 4 && !whole)
			bytes = have == 0 ? 0 : bytes < have - 1 ? bytes : have - 1;
		for (size_t k = 0; k < 4; k++)
			acc = acc << 6 | (k < have ? (uint32_t)(p[i + k] - 0x20) & 0x3f : 0);
		for (size_t k = 0; k < bytes; k++)
			outbuf_byte(o, (uint8_t)(acc >> (16 - 8 * k)));
		if (have < 4 && !whole)
			return;
		left -= bytes;
	}
}

/* The data has ended: what line[] holds is text. */
static void
data_ended(struct uu *s, struct outbuf *o)
{
	s->file_ended = true;
	if (s->n == 0)
		s->state = LINE_START;
	else
		line_is_text(s, o);
}

static size_t
take_data(struct uu *s, struct outbuf *o, uint8_t c)
{
	if (s->n == 0 && c == 'e') {
		s->file_ended = true;
		s->state = END;
		return 0;
	}
	if (c == '\n') {
		size_t n = s->n;

		while (n > 0 && s->line[n - 1] == '\r')
			n--;
		if (n > 0 && !is_data(s->line, n)) {
			data_ended(s, o);
			return 0;
		}
		if (may_hold_number(s->line, n)) {
			s->line[n] = '\n';
			notes_add(&s->names, s->line, n + 1);
		}
		decode_data(o, s->line, n, true);
		s->n = 0;
		return 1;
	}
	if (s->n == DATA_MOST || ((c < 0x20 || c > 0x60) && c != '\r')) {
		data_ended(s, o);
		return 0;
	}
	s->line[s->n++] = c;
	return 1;
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
	case DATA:
		return take_data(s, o, in.p[0]);
	case END:
		return take_end(s, o, in.p[0]);
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
	bool damaged = s->state == DATA;
	enum outcome noted;
	struct outbuf o;

	outbuf_init(&o, d);
	if (s->state == DATA && is_data(s->line, s->n)) {
		if (may_hold_number(s->line, s->n))
			notes_add(&s->names, s->line, s->n);
		decode_data(&o, s->line, s->n, false);
		s->n = 0;
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
