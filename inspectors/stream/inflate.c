/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/inflate.h"

#include "inspectors/stream/inflate_zlib.h"
#include "inspectors/stream/outbuf.h"

/* What a member is taken for, in the order of trying. */
enum reading {
	UNDECIDED,
	GZIP,
	GZIP_BARE, /* ten bytes of header, whatever its flags say */
	ZLIB,
	RAW,
	PLAIN, /* not compressed: passed on */
};

/*
 *  FIXED --gzip flags--> EXTRA_LENGTH, EXTRA, NAME, COMMENT, HEADER_CHECK
 *    |                        |
 *    `------------------------+--> BODY --end of deflate data--> TRAILER --> next member
 */
enum phase { FIXED, EXTRA_LENGTH, EXTRA, NAME, COMMENT, HEADER_CHECK, BODY, TRAILER };

/* Bytes of an extra field that aren't noted: blocked gzip has six in each of many members. */
enum { SMALL_EXTRA = 8 };

enum { FLAG_CHECK = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16 };

struct inflate {
	struct inflater z;
	uint8_t *slice;	  /* INFLATE_SLICE bytes */
	bool raw_allowed; /* deflate_decoder */
	bool damaged;	  /* told at close */
	uint8_t reading;  /* enum reading */
	uint8_t phase;	  /* enum phase */
	uint8_t flags;
	uint16_t n_field;	/* bytes of the present field that were taken */
	uint16_t extra_length;
	uint8_t field[10];	/* of fixed size */
	uint32_t check, length; /* of the output: CRC-32 or Adler-32, and bytes mod 2^32 */
	uint64_t members;	/* that are complete */
	uint64_t member_out;
	uint16_t kept_n, kept_at; /* kept_at: how much of it the present reading has taken */
	uint8_t kept[INFLATE_KEPT];
	struct notes names;
};

static enum outcome
open_as(struct decoder *d, bool raw_allowed)
{
	struct inflate *s = d->state;
	uint8_t *room = arena_alloc(d->arena, INFLATE_ROOM + INFLATE_SLICE);

	if (room == NULL)
		return OUTCOME_OVER_BUDGET;
	s->raw_allowed = raw_allowed;
	s->slice = room + INFLATE_ROOM;
	return inflater_init(&s->z, room);
}

static enum outcome
open_gzip(struct decoder *d, const struct part_meta *meta)
{
	return open_as(d, false);
}

static enum outcome
open_deflate(struct decoder *d, const struct part_meta *meta)
{
	return open_as(d, true);
}

static bool
looks_gzip(const struct inflate *s)
{
	return s->kept_n >= 2 && s->kept[0] == 0x1f && s->kept[1] == 0x8b &&
	       (s->kept_n < 3 || s->kept[2] == 8);
}

/* RFC 1950, 2.2: deflate, a window that exists, check bits right, no dictionary. */
static bool
looks_zlib(const struct inflate *s)
{
	return s->kept_n >= 2 && (s->kept[0] & 0x0f) == 8 && s->kept[0] >> 4 <= 7 &&
	       (s->kept[0] << 8 | s->kept[1]) % 31 == 0 && (s->kept[1] & 0x20) == 0;
}

static bool
fits(const struct inflate *s, enum reading r)
{
	switch (r) {
	case GZIP:
		return looks_gzip(s);
	case GZIP_BARE: /* only if the flags say anything else */
		return looks_gzip(s) && s->kept_n >= 10 && (s->kept[3] & 0x1e) != 0;
	case ZLIB:
		return looks_zlib(s) && s->members == 0;
	case RAW:
		return s->raw_allowed && s->members == 0;
	case PLAIN:
	case UNDECIDED:
		break;
	}
	return true;
}

/* Begin the kept bytes anew, by the next reading that fits. */
static enum outcome
next_reading(struct decoder *d)
{
	struct inflate *s = d->state;
	bool gave_any = s->member_out > 0;

	do
		s->reading++;
	while (!fits(s, s->reading));
	s->damaged |= s->reading == PLAIN && (s->members == 0 || looks_gzip(s));
	s->phase = s->reading == RAW ? BODY : FIXED;
	s->kept_at = s->n_field = s->flags = 0;
	s->check = s->reading == ZLIB;
	s->length = 0;
	s->member_out = 0;
	inflater_reset(&s->z);
	return gave_any ? decoder_emit(d, BYTES_LIT("\n")) : OUTCOME_OK;
}

/* Take a field of @p size bytes. @return whether it is complete */
static bool
take_field(struct inflate *s, struct bytes *in, size_t size)
{
	for (; s->n_field < size && in->n > 0; *in = bytes_skip(*in, 1))
		s->field[s->n_field++] = in->p[0];
	return s->n_field == size;
}

static void
enter(struct inflate *s, enum phase phase)
{
	s->phase = (uint8_t)phase;
	s->n_field = 0;
}

/* The next part of a gzip header that the flags announce; each flag is used up. */
static void
next_header_field(struct inflate *s)
{
	static const struct {
		uint8_t flag, phase;
	} order[] = {
		{FLAG_EXTRA, EXTRA_LENGTH},
		{FLAG_NAME, NAME},
		{FLAG_COMMENT, COMMENT},
		{FLAG_CHECK, HEADER_CHECK},
	};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if ((s->flags & order[i].flag) != 0) {
			s->flags &= (uint8_t)~order[i].flag;
			enter(s, order[i].phase);
			return;
		}
	enter(s, BODY);
}

static void
take_fixed(struct inflate *s, struct bytes *in)
{
	if (!take_field(s, in, s->reading == ZLIB ? 2 : 10))
		return;
	if (s->reading == GZIP)
		s->flags = s->field[3] & (FLAG_CHECK | FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT);
	next_header_field(s);
}

/* A zero-terminated text. */
static void
take_text(struct inflate *s, struct bytes *in)
{
	const uint8_t *zero = memchr(in->p, 0, in->n);
	size_t n = zero == NULL ? in->n : (size_t)(zero - in->p);

	notes_add(&s->names, in->p, n);
	if (zero != NULL) {
		notes_add(&s->names, (const uint8_t *)"\n", 1);
		next_header_field(s);
		n++;
	}
	*in = bytes_skip(*in, n);
}

static void
take_extra(struct inflate *s, struct bytes *in)
{
	size_t n = (size_t)s->extra_length - s->n_field;

	n = n < in->n ? n : in->n;
	if (s->extra_length > SMALL_EXTRA)
		notes_add(&s->names, in->p, n);
	s->n_field = (uint16_t)(s->n_field + n);
	*in = bytes_skip(*in, n);
	if (s->n_field == s->extra_length)
		next_header_field(s);
}

static void
take_header(struct inflate *s, struct bytes *in)
{
	switch ((enum phase)s->phase) {
	case FIXED:
		take_fixed(s, in);
		break;
	case EXTRA_LENGTH:
		if (take_field(s, in, 2)) {
			s->extra_length = (uint16_t)(s->field[0] | s->field[1] << 8);
			enter(s, EXTRA);
			if (s->extra_length == 0)
				next_header_field(s);
		}
		break;
	case EXTRA:
		take_extra(s, in);
		break;
	case NAME:
	case COMMENT:
		take_text(s, in);
		break;
	case HEADER_CHECK: /* not checked, as by browsers */
		if (take_field(s, in, 2))
			next_header_field(s);
		break;
	case BODY:
	case TRAILER:
		break;
	}
}

static enum outcome
emit_slice(struct decoder *d, size_t n)
{
	struct inflate *s = d->state;
	struct bytes out = bytes_of(s->slice, n);

	if (s->reading == ZLIB)
		s->check = inflate_adler32(s->check, out);
	else if (s->reading != RAW)
		s->check = inflate_crc32(s->check, out);
	s->length += (uint32_t)n;
	s->member_out += n;
	return decoder_emit(d, out);
}

static enum outcome
take_body(struct decoder *d, struct bytes *in)
{
	struct inflate *s = d->state;
	enum outcome r, emitted;
	bool ended;
	size_t n;

	do {
		r = inflater_step(&s->z, in, s->slice, &n, &ended);
		emitted = emit_slice(d, n);
		if (emitted != OUTCOME_OK)
			return emitted;
	} while (r == OUTCOME_OK && !ended && (in->n > 0 || n == INFLATE_SLICE));
	if (ended)
		enter(s, TRAILER);
	return r;
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* @return whether the trailer is complete, and with it the member */
static bool
take_trailer(struct inflate *s, struct bytes *in)
{
	bool wrong;

	if (!take_field(s, in, s->reading == RAW ? 0 : s->reading == ZLIB ? 4 : 8))
		return false;
	if (s->reading == ZLIB)
		wrong = __builtin_bswap32(le32(s->field)) != s->check;
	else
		wrong = le32(s->field) != s->check || le32(s->field + 4) != s->length;
	s->damaged |= wrong && s->reading != RAW;
	return true;
}

/*
 * Take bytes of one member by its present reading.
 * @return OUTCOME_DAMAGED if they can't be read so; *ret_end: the member is complete
 */
static enum outcome
take_member(struct decoder *d, struct bytes *in, bool *ret_end)
{
	struct inflate *s = d->state;
	enum outcome r = OUTCOME_OK;

	*ret_end = s->phase == TRAILER && take_trailer(s, in);
	while (in->n > 0 && r == OUTCOME_OK && !*ret_end) {
		if (s->phase < BODY)
			take_header(s, in);
		else if (s->phase == BODY)
			r = take_body(d, in);
		if (r == OUTCOME_OK && s->phase == TRAILER)
			*ret_end = take_trailer(s, in);
	}
	return r;
}

static void
member_ended(struct inflate *s, size_t unread)
{
	if (s->kept_n > 0)
		memmove(s->kept, s->kept + s->kept_n - unread, unread);
	s->kept_n = (uint16_t)unread;
	s->kept_at = 0;
	s->members++;
	s->member_out = 0;
	s->reading = UNDECIDED;
}

/* Bring the kept bytes to where they have all been taken by a reading. */
static enum outcome
take_kept(struct decoder *d, bool at_end)
{
	struct inflate *s = d->state;
	enum outcome r = OUTCOME_OK;
	bool ended;

	while (r == OUTCOME_OK && s->kept_at < s->kept_n) {
		struct bytes rest = {s->kept + s->kept_at, s->kept_n - s->kept_at};

		if (s->reading == UNDECIDED) {
			/* The longest prefix that a reading is chosen by. */
			if (s->kept_n < 3 && !at_end)
				return OUTCOME_OK;
			r = next_reading(d);
			continue;
		}
		if (s->reading == PLAIN) {
			s->kept_at = s->kept_n;
			return decoder_emit(d, rest);
		}
		r = take_member(d, &rest, &ended);
		s->kept_at = (uint16_t)(s->kept_n - rest.n);
		if (ended)
			member_ended(s, rest.n);
		/* A header that is longer than what can be kept is taken for none. */
		else if (r == OUTCOME_DAMAGED || (s->kept_n == INFLATE_KEPT && s->phase < BODY))
			r = next_reading(d);
	}
	return r;
}

static enum outcome
take_direct(struct decoder *d, struct bytes *in)
{
	struct inflate *s = d->state;
	enum outcome r;
	bool ended;

	if (s->reading == PLAIN) {
		r = decoder_emit(d, *in);
		*in = bytes_skip(*in, in->n);
		return r;
	}
	r = take_member(d, in, &ended);
	if (ended) {
		s->kept_n = 0;
		member_ended(s, 0);
	}
	return r;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct inflate *s = d->state;
	enum outcome r = OUTCOME_OK;

	while (in.n > 0 && r == OUTCOME_OK) {
		size_t n = INFLATE_KEPT - s->kept_n;

		if (n == 0 || s->reading == PLAIN) {
			r = take_direct(d, &in);
			continue;
		}
		n = n < in.n ? n : in.n;
		memcpy(s->kept + s->kept_n, in.p, n);
		s->kept_n = (uint16_t)(s->kept_n + n);
		in = bytes_skip(in, n);
		r = take_kept(d, false);
	}
	return r;
}

/*
 * A header that never ended, or that nothing came behind, was none, and text
 * that happens to begin like raw deflate never ends as such: read them as the
 * next thing that they may be.
 */
static bool
doubtful(const struct inflate *s)
{
	return s->kept_n > 0 && s->kept_n < INFLATE_KEPT && s->reading != UNDECIDED &&
	       s->reading != PLAIN &&
	       (s->phase < BODY || s->reading == RAW || (s->phase == BODY && s->member_out == 0));
}

static enum outcome
close_inflate(struct decoder *d)
{
	struct inflate *s = d->state;
	enum outcome r = take_kept(d, true);

	while (r == OUTCOME_OK && doubtful(s)) {
		r = next_reading(d);
		if (r == OUTCOME_OK)
			r = take_kept(d, true);
	}
	if (r == OUTCOME_OK)
		r = notes_emit(&s->names, d);
	s->damaged |= s->reading != UNDECIDED && s->reading != PLAIN; /* cut short */
	return r == OUTCOME_OK && s->damaged ? OUTCOME_DAMAGED : r;
}

const struct decoder_ops gzip_decoder = {
	.name = "gzip",
	.state_size = sizeof(struct inflate),
	.open = open_gzip,
	.push = push,
	.close = close_inflate,
};

const struct decoder_ops deflate_decoder = {
	.name = "deflate",
	.state_size = sizeof(struct inflate),
	.open = open_deflate,
	.push = push,
	.close = close_inflate,
};
