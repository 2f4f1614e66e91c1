/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/chunked.h"

#include <inttypes.h>
#include <stdio.h>

#include "inspectors/stream/outbuf.h"

/*
 *  SIZE_START --hex--> SIZE --anything--> EXTENSION
 *                        `--------LF----------+--> DATA --all--> DATA_END --LF--> SIZE_START
 *                                             `--> TRAILER (size 0) --empty line--> DONE
 *  Anything else: DAMAGED
 */
enum chunked_state { SIZE_START, SIZE, EXTENSION, DATA, DATA_END, TRAILER, DONE, DAMAGED };

/* A size of 2^60 or more is nobody's. */
enum { MOST_DIGITS = 15 };

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

void
chunked_begin(struct chunked *c)
{
	*c = (struct chunked){.state = SIZE_START};
}

bool
chunked_done(const struct chunked *c)
{
	return c->state == DONE;
}

bool
chunked_last_seen(const struct chunked *c)
{
	return c->state == TRAILER || c->state == DONE;
}

bool
chunked_damaged(const struct chunked *c)
{
	return c->state == DAMAGED;
}

static void
end_size_line(struct chunked *c)
{
	c->state = c->left > 0 ? DATA : TRAILER;
	c->line_has_text = false;
}

static size_t
take_size(struct chunked *c, uint8_t b)
{
	int v = hex_value(b);

	if (v >= 0) {
		c->state = SIZE;
		c->digits += c->digits > 0 || v > 0;
		if (c->digits > MOST_DIGITS) {
			c->state = DAMAGED;
			return 0;
		}
		c->left = c->left << 4 | (uint64_t)v;
		return 1;
	}
	if (c->state == SIZE_START && (is_blank(b) || b == '\n'))
		return 1;
	if (c->state == SIZE && b == '\n') {
		end_size_line(c);
		return 1;
	}
	if (c->state == SIZE && b == '\r')
		return 1;
	if (c->state == SIZE) { /* ";", a blank, or the junk that some receivers skip */
		c->state = EXTENSION;
		return 1;
	}
	c->state = DAMAGED;
	return 0;
}

/* The rest of a line. @return bytes taken, its LF among them */
static size_t
take_line(struct chunked *c, struct bytes in, struct bytes *ret_text)
{
	const uint8_t *lf = memchr(in.p, '\n', in.n);
	size_t n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1, blank = 0;

	if (c->state == EXTENSION) {
		*ret_text = bytes_of(in.p, n);
		if (lf != NULL)
			end_size_line(c);
		return n;
	}
	/* A CR that begins the line may yet be an empty one's: never part of the text. */
	while (!c->line_has_text && blank < n) {
		c->line_has_text = in.p[blank] != '\r' && in.p[blank] != '\n';
		blank += !c->line_has_text;
	}
	if (c->line_has_text)
		*ret_text = bytes_of(in.p + blank, n - blank);
	else if (lf != NULL)
		c->state = DONE;
	if (lf != NULL)
		c->line_has_text = false;
	return n;
}

static size_t
take_data(struct chunked *c, struct bytes in, struct bytes *ret_data)
{
	size_t n = c->left < in.n ? (size_t)c->left : in.n;

	*ret_data = bytes_of(in.p, n);
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_END;
	return n;
}

size_t
chunked_feed(struct chunked *c, struct bytes in, struct bytes *ret_data, struct bytes *ret_text)
{
	*ret_data = *ret_text = (struct bytes){in.p, 0};
	if (in.n == 0)
		return 0;
	switch ((enum chunked_state)c->state) {
	case SIZE_START:
	case SIZE:
		return take_size(c, in.p[0]);
	case EXTENSION:
	case TRAILER:
		return take_line(c, in, ret_text);
	case DATA:
		return take_data(c, in, ret_data);
	case DATA_END:
		if (is_blank(in.p[0]))
			return 1;
		c->state = in.p[0] == '\n' ? SIZE_START : DAMAGED;
		c->digits = 0;
		return c->state == SIZE_START;
	case DONE:
	case DAMAGED:
		break;
	}
	return 0;
}

struct chunked_stage {
	struct chunked c;
	struct notes notes;
};

/* A size with something behind it may be a number that stands in clear: note it, too. */
static void
note_size(struct chunked_stage *s, uint8_t next)
{
	char text[20];
	int n = snprintf(text, sizeof(text), "%" PRIx64 "%c", s->c.left, next);

	notes_add(&s->notes, (const uint8_t *)text, (size_t)n);
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct chunked_stage *s = d->state;
	enum outcome r = OUTCOME_OK;

	while (in.n > 0 && r == OUTCOME_OK && !chunked_done(&s->c)) {
		struct bytes data, text;
		uint8_t before = s->c.state;
		size_t n = chunked_feed(&s->c, in, &data, &text);

		if (chunked_damaged(&s->c))
			return OUTCOME_DAMAGED;
		if (before == SIZE && s->c.state == EXTENSION)
			note_size(s, in.p[0]);
		notes_add(&s->notes, text.p, text.n);
		r = decoder_emit(d, data);
		in = bytes_skip(in, n);
	}
	return r == OUTCOME_OK ? decoder_emit(d, in) : r;
}

static enum outcome
close_chunked(struct decoder *d)
{
	struct chunked_stage *s = d->state;
	enum outcome r = notes_emit(&s->notes, d);

	return r == OUTCOME_OK && !chunked_last_seen(&s->c) ? OUTCOME_DAMAGED : r;
}

const struct decoder_ops chunked_decoder = {
	.name = "chunked",
	.state_size = sizeof(struct chunked_stage),
	.push = push,
	.close = close_chunked,
};
