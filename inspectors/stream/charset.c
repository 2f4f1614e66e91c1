/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/charset.h"

#include "inspectors/message.h"
#include "inspectors/stream/charset_catalog.h"
#include "inspectors/stream/outbuf.h"
#include "inspectors/stream/span.h"

/* How the next bytes are read: the catalog's kinds, and what auto notices. */
enum { NOTICED_LE = CHARSET_ICONV + 1, NOTICED_BE };

enum {
	/* A reading that looks ahead decides by so many bytes at most. */
	AHEAD = 16,
	/* From the first zero on, every other byte of a run of eight is zero. */
	PATTERN = 7,
	/* Pairs of ASCII in a row that UTF-16 isn't believed with: a number has as many. */
	MOST_PAIRS = 5,
};

/* Returned by a reading that took nothing because it gave way to another. */
static const size_t AGAIN = SIZE_MAX;

struct charset {
	const struct charset_catalog *catalog;
	struct charset_conversion *conversion;
	struct charset_entry entry;
	uint8_t reading; /* enum charset_kind, NOTICED_* */
	bool begun;	 /* a byte order mark can't come any more */
	uint64_t offset; /* of the next byte to be read */
	uint8_t n_held;
	uint8_t held[AHEAD];
	/* UTF-16: the ASCII pairs just read. */
	uint8_t n_pairs;
	uint8_t pairs[2 * MOST_PAIRS];
	/* UTF-7 */
	bool shifted, first;
	uint8_t bits;
	uint32_t acc;
	uint16_t high; /* surrogate */
};

/* ---- bytes that say by themselves what they are ---- */

static void
put_1252(struct outbuf *o, uint8_t c)
{
	outbuf_code_point(o, code_point_of_1252(c));
}

/*
 * Length of the UTF-8 sequence that @p in begins with: 2 to 4; 0 if it is none,
 * -1 if its end isn't there. Table 3-7 of the Unicode standard.
 */
static int
utf8_length(struct bytes in)
{
	uint8_t c = in.p[0];
	uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	size_t n = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf) {
		if (i == in.n)
			return -1;
		if (in.p[i] < low || in.p[i] > high)
			return 0;
	}
	return (int)n;
}

enum pattern { PATTERN_NO, PATTERN_YES, PATTERN_CUT };

/* A zero, then every other byte zero. */
static enum pattern
zero_pattern(struct bytes in)
{
	for (size_t i = 1; i < PATTERN; i++) {
		if (i == in.n)
			return PATTERN_CUT;
		if ((in.p[i] == 0) != (i % 2 == 0))
			return PATTERN_NO;
	}
	return PATTERN_YES;
}

/* How much of @p in is UTF-8, and at what it ends. *ret_cut: what follows is cut. */
static size_t
valid_run(struct bytes in, bool *ret_cut)
{
	size_t i = 0;

	*ret_cut = false;
	for (;;) {
		struct bytes rest;
		int n;

		i += span_utf8_short(in.p + i, in.n - i);
		i += span_ascii(in.p + i, in.n - i);
		if (i == in.n)
			return i;
		rest = bytes_skip(in, i);
		if (in.p[i] == 0) {
			enum pattern p;

			if (rest.n > 1 && rest.p[1] == 0) {
				i += span_zeros(rest.p, rest.n) - 1;
				rest = bytes_skip(in, i);
			}
			p = zero_pattern(rest);

			*ret_cut = p == PATTERN_CUT;
			if (p != PATTERN_NO)
				return i;
			i++;
			continue;
		}
		n = utf8_length(rest);
		*ret_cut = n < 0;
		if (n <= 0)
			return i;
		i += (size_t)n;
	}
}

/* Each byte of windows-1252 as UTF-8. */
static const struct charset_byte windows_1252[256] = {
	/* clang-format off */
#define X(cp) {(cp) < 0x80 ? 1 : (cp) < 0x800 ? 2 : 3, \
	{(cp) < 0x80 ? (cp) : (cp) < 0x800 ? 0xc0 | (cp) >> 6 : 0xe0 | (cp) >> 12, \
	 (cp) < 0x800 ? 0x80 | ((cp) & 0x3f) : 0x80 | ((cp) >> 6 & 0x3f), 0x80 | ((cp) & 0x3f)}},
#define FOUR(c) X(c) X((c) + 1) X((c) + 2) X((c) + 3)
#define ROW(c) FOUR(c) FOUR((c) + 4) FOUR((c) + 8) FOUR((c) + 12)
	ROW(0x00) ROW(0x10) ROW(0x20) ROW(0x30) ROW(0x40) ROW(0x50) ROW(0x60) ROW(0x70)
	WINDOWS_1252_C1(X)
	ROW(0xa0) ROW(0xb0) ROW(0xc0) ROW(0xd0) ROW(0xe0) ROW(0xf0)
#undef ROW
#undef FOUR
#undef X
	/* clang-format on */
};

/*
 * Bytes that don't look like text, one by one without a branch that depends on them; at most
 * NOISE of them, since text may go on behind. Stops before a zero, before what may be UTF-8, and
 * before the last bytes, where that can't be told. @return bytes taken
 */
static size_t
read_noise(struct outbuf *o, struct bytes in)
{
	enum { NOISE = 32, LEAD_FIRST = 0xc2, LEADS = 0xf5 - LEAD_FIRST };
	uint8_t *to = outbuf_room(o, NOISE * sizeof(windows_1252[0].utf8));
	size_t most = in.n < NOISE ? in.n : NOISE, i = 0;

	for (; i + 1 < most; i++) {
		const struct charset_byte *b = &windows_1252[in.p[i]];
		bool lead = (uint8_t)(in.p[i] - LEAD_FIRST) < LEADS;
		bool follows = (in.p[i + 1] & 0xc0) == 0x80;

		if ((lead & follows) | (in.p[i] == 0))
			break;
		memcpy(to, b->utf8, sizeof(b->utf8));
		to += b->n;
	}
	o->n = (size_t)(to - o->b);
	return i;
}

/*
 * As long as it goes: in bytes that are no text a run ends after two or three of them. Stops
 * before what the first bytes of a call decide, a zero or a cut.
 */
static size_t
read_runs(struct outbuf *o, struct bytes in, bool *ret_cut)
{
	enum { SHORT = 6 };
	size_t done = 0, run = 0;

	*ret_cut = false;
	while (done < in.n && o->outcome == OUTCOME_OK) {
		size_t n = valid_run(bytes_skip(in, done), ret_cut);

		outbuf_run(o, in.p + done, n);
		done += n;
		run = n > 0 ? n : run;
		if (n > 0)
			continue;
		if (*ret_cut || in.p[done] == 0)
			break;
		put_1252(o, in.p[done++]);
		if (run < SHORT)
			done += read_noise(o, bytes_skip(in, done));
		run = 0;
	}
	return done;
}

static size_t
read_auto(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	bool cut;
	size_t n = read_runs(o, in, &cut);

	if (n > 0)
		return n;
	if (cut && !end)
		return 0;
	if (in.p[0] != 0) {
		put_1252(o, in.p[0]);
		return 1;
	}
	if (cut) {
		outbuf_byte(o, 0);
		return 1;
	}
	s->reading = s->offset % 2 == 1 ? NOTICED_LE : NOTICED_BE;
	/* Little-endian: the zero belongs to the byte before, which is out already. */
	return s->reading == NOTICED_LE ? 1 : AGAIN;
}

/* ---- UTF-16 and UTF-32 ---- */

static uint32_t
unit16(const uint8_t *p, bool le)
{
	return le ? (uint32_t)(p[0] | p[1] << 8) : (uint32_t)(p[0] << 8 | p[1]);
}

/*
 * The code point at the beginning of @p in. @return bytes it takes, 0 if its end isn't there
 */
static size_t
utf16_code_point(struct bytes in, bool le, bool end, uint32_t *ret)
{
	uint32_t u, low;

	if (in.n < 2)
		return 0;
	u = *ret = unit16(in.p, le);
	if (u < 0xd800 || u >= 0xdc00)
		return 2;
	if (in.n < 4)
		return end ? 2 : 0;
	low = unit16(in.p + 2, le);
	if (low < 0xdc00 || low >= 0xe000)
		return 2;
	*ret = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
	return 4;
}

/*
 * May this be text of a UTF-16 that was only noticed? Blocks of Latin, Greek,
 * Cyrillic, punctuation, fullwidth forms, and the planes above. Not a pair such
 * as "5 ", which would be U+2035.
 */
static bool
plausible(uint32_t cp)
{
	uint32_t high = cp >> 8, low = cp & 0xff;

	if (cp == 0 || (cp >= 0xd800 && cp < 0xe000))
		return false;
	if (high >= 0x20 && high <= 0x22)
		return low < 0x30 || low > 0x7e;
	return high < 6 || high == 0x1e || high == 0x1f || high == 0xfe || high == 0xff ||
	       cp >= 0x10000;
}

static size_t
read_noticed(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	bool le = s->reading == NOTICED_LE;
	size_t i = 0, n;
	uint32_t cp;

	while ((n = utf16_code_point(bytes_skip(in, i), le, end, &cp)) > 0) {
		if (!plausible(cp)) {
			s->reading = CHARSET_AUTO;
			break;
		}
		outbuf_code_point(o, cp);
		i += n;
	}
	if (i == 0 && end && in.n == 1)
		s->reading = CHARSET_AUTO;
	return i > 0 ? i : s->reading == CHARSET_AUTO ? AGAIN : 0;
}

static bool
is_ascii_text(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\r' || c == '\n';
}

/* @return whether the text turns out to be ASCII under a wrong declaration */
static bool
is_all_pairs(struct charset *s, struct outbuf *o, const uint8_t *p)
{
	if (!is_ascii_text(p[0]) || !is_ascii_text(p[1])) {
		s->n_pairs = 0;
		return false;
	}
	memcpy(s->pairs + 2 * s->n_pairs, p, 2);
	if (++s->n_pairs < MOST_PAIRS)
		return false;
	outbuf_byte(o, '\n');
	outbuf_run(o, s->pairs, sizeof(s->pairs));
	s->reading = CHARSET_AUTO;
	return true;
}

static size_t
read_utf16(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	bool le = s->reading == CHARSET_UTF16LE;
	size_t i = 0, n;
	uint32_t cp;

	while ((n = utf16_code_point(bytes_skip(in, i), le, end, &cp)) > 0) {
		const uint8_t *at = in.p + i;

		i += n;
		if (is_all_pairs(s, o, at))
			return i;
		outbuf_code_point(o, cp);
	}
	if (i == 0 && end) { /* half a unit */
		put_1252(o, in.p[0]);
		return 1;
	}
	return i;
}

static size_t
read_utf32(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	bool le = s->reading == CHARSET_UTF32LE;
	size_t i = 0;

	for (; in.n - i >= 4; i += 4) {
		uint32_t a = unit16(in.p + i, le), b = unit16(in.p + i + 2, le);
		uint32_t cp = le ? b << 16 | a : a << 16 | b;

		if (cp > 0x10ffff) {
			s->reading = CHARSET_AUTO; /* it is something else */
			return i > 0 ? i : AGAIN;
		}
		outbuf_code_point(o, cp);
	}
	if (i == 0 && end)
		s->reading = CHARSET_AUTO;
	return i > 0 ? i : end ? AGAIN : 0;
}

/* ---- UTF-7, RFC 2152 ---- */

static int
base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void
put_utf7_unit(struct charset *s, struct outbuf *o, uint32_t u)
{
	if (s->high != 0) {
		if (u >= 0xdc00 && u < 0xe000)
			u = 0x10000 + ((uint32_t)(s->high - 0xd800) << 10) + (u - 0xdc00);
		else
			outbuf_code_point(o, s->high); /* alone: U+FFFD */
		s->high = 0;
	}
	if (u >= 0xd800 && u < 0xdc00)
		s->high = (uint16_t)u;
	else
		outbuf_code_point(o, u);
}

/* @return whether the byte belongs to the shifted sequence */
static bool
take_shifted(struct charset *s, struct outbuf *o, uint8_t c)
{
	int v = base64_digit(c);

	if (v < 0) {
		s->shifted = false;
		if (s->first) /* "+-", or a plus that shifts nothing */
			outbuf_byte(o, '+');
		return c == '-';
	}
	s->first = false;
	s->acc = s->acc << 6 | (uint32_t)v;
	s->bits += 6;
	if (s->bits >= 16) {
		s->bits -= 16;
		put_utf7_unit(s, o, s->acc >> s->bits & 0xffff);
	}
	return true;
}

static size_t
read_utf7(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	for (size_t i = 0; i < in.n;) {
		const uint8_t *plus;
		size_t n;

		if (s->shifted) {
			i += take_shifted(s, o, in.p[i]);
			continue;
		}
		plus = memchr(in.p + i, '+', in.n - i);
		n = plus == NULL ? in.n - i : (size_t)(plus - in.p) - i;
		outbuf_run(o, in.p + i, n);
		i += n;
		if (plus != NULL) {
			s->shifted = s->first = true;
			s->bits = 0;
			s->acc = s->high = 0;
			i++;
		}
	}
	return in.n;
}

/* ---- what the catalog knows ---- */

static size_t
read_table(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	for (size_t i = 0; i < in.n; i++) {
		const struct charset_byte *b;

		if (s->entry.ascii) {
			size_t n = span_ascii(in.p + i, in.n - i);

			outbuf_run(o, in.p + i, n);
			i += n;
			if (i == in.n)
				break;
		}
		b = &s->entry.table[in.p[i]];
		memcpy(outbuf_room(o, sizeof(b->utf8)), b->utf8, sizeof(b->utf8));
		o->n += b->n;
	}
	return in.n;
}

static size_t
read_iconv(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	size_t n = s->entry.ascii ? span_ascii(in.p, in.n) : 0, had = in.n;
	enum charset_step step;

	if (n > 0) {
		outbuf_run(o, in.p, n);
		return n;
	}
	do {
		uint8_t *room = outbuf_room(o, 256);

		step = charset_conversion_step(s->conversion, &in, room, OUTBUF_SIZE - o->n, &n);
		o->n += n;
	} while (step == CHARSET_MORE && o->outcome == OUTCOME_OK);
	if (in.n == had && step == CHARSET_CUT && !end && had < AHEAD)
		return 0;
	if (in.n == had || step == CHARSET_INVALID) {
		put_1252(o, in.p[0]);
		in = bytes_skip(in, 1);
	}
	return had - in.n;
}

/* ---- all of them ---- */

static const struct {
	uint8_t n, mark[4], reading;
} marks[] = {
	{4, {0xff, 0xfe, 0, 0}, CHARSET_UTF32LE}, /* before UTF-16's, which begins it */
	{4, {0, 0, 0xfe, 0xff}, CHARSET_UTF32BE},
	{3, {0xef, 0xbb, 0xbf}, CHARSET_AUTO},
	{2, {0xff, 0xfe}, CHARSET_UTF16LE},
	{2, {0xfe, 0xff}, CHARSET_UTF16BE},
};

/* The first bytes: a mark, or what they tell of the byte order. */
static size_t
begin(struct charset *s, struct bytes in, bool end)
{
	if (in.n < 4 && !end)
		return 0;
	s->begun = true;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (in.n >= marks[i].n && memcmp(in.p, marks[i].mark, marks[i].n) == 0) {
			s->reading = marks[i].reading;
			return marks[i].n;
		}
	if (s->reading == CHARSET_UTF16)
		s->reading = in.p[0] == 0 ? CHARSET_UTF16BE : CHARSET_UTF16LE;
	if (s->reading == CHARSET_UTF32)
		s->reading = in.p[0] == 0 ? CHARSET_UTF32BE : CHARSET_UTF32LE;
	return AGAIN;
}

/*
 * Read some of @p in. @return bytes taken; 0: more are needed to decide, which
 * never is so at the end or when there are AHEAD
 */
static size_t
read_some(struct charset *s, struct outbuf *o, struct bytes in, bool end)
{
	size_t n = AGAIN;

	while (n == AGAIN)
		switch (s->begun ? (int)s->reading : -1) {
		case -1:
			n = begin(s, in, end);
			break;
		case CHARSET_TABLE:
			n = read_table(s, o, in, end);
			break;
		case CHARSET_UTF16LE:
		case CHARSET_UTF16BE:
			n = read_utf16(s, o, in, end);
			break;
		case CHARSET_UTF32LE:
		case CHARSET_UTF32BE:
			n = read_utf32(s, o, in, end);
			break;
		case CHARSET_UTF7:
			n = read_utf7(s, o, in, end);
			break;
		case CHARSET_ICONV:
			n = read_iconv(s, o, in, end);
			break;
		case NOTICED_LE:
		case NOTICED_BE:
			n = read_noticed(s, o, in, end);
			break;
		default:
			n = read_auto(s, o, in, end);
			break;
		}
	s->offset += n;
	return n;
}

/* What is held, together with the first bytes of @p in. @return what is left of those */
static struct bytes
read_held(struct charset *s, struct outbuf *o, struct bytes in)
{
	while (s->n_held > 0 && in.n > 0) {
		uint8_t joined[2 * AHEAD];
		size_t more = sizeof(joined) - s->n_held, n;

		more = more < in.n ? more : in.n;
		memcpy(joined, s->held, s->n_held);
		memcpy(joined + s->n_held, in.p, more);
		n = read_some(s, o, bytes_of(joined, s->n_held + more), false);
		if (n == 0) {
			memcpy(s->held + s->n_held, in.p, more);
			s->n_held = (uint8_t)(s->n_held + more);
			return bytes_skip(in, more);
		}
		if (n >= s->n_held) {
			in = bytes_skip(in, n - s->n_held);
			s->n_held = 0;
		} else {
			s->n_held = (uint8_t)(s->n_held - n);
			memmove(s->held, s->held + n, s->n_held);
		}
	}
	return in;
}

/* A stage that has failed isn't closed: give back what isn't the arena's. */
static enum outcome
finish(struct charset *s, enum outcome r, bool end)
{
	if (r != OUTCOME_OK || end) {
		charset_give_conversion(s->catalog, s->conversion);
		s->conversion = NULL;
	}
	return r;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct charset *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	in = read_held(s, &o, in);
	while (in.n > 0) {
		size_t n = read_some(s, &o, in, false);

		if (n == 0) {
			memcpy(s->held, in.p, in.n);
			s->n_held = (uint8_t)in.n;
			break;
		}
		in = bytes_skip(in, n);
	}
	return finish(s, outbuf_flush(&o), false);
}

static enum outcome
close_charset(struct decoder *d)
{
	struct charset *s = d->state;
	struct bytes in = {s->held, s->n_held};
	struct outbuf o;

	outbuf_init(&o, d);
	while (in.n > 0)
		in = bytes_skip(in, read_some(s, &o, in, true));
	if (s->shifted && s->first)
		outbuf_byte(&o, '+');
	if (s->conversion != NULL) {
		uint8_t *room = outbuf_room(&o, 64);

		o.n += charset_conversion_end(s->conversion, room, 64);
	}
	return finish(s, outbuf_flush(&o), true);
}

enum outcome
charset_decoder_open_with(
	struct decoder *d, const struct charset_catalog *catalog, struct bytes name)
{
	struct charset *s = d->state;

	charset_give_conversion(s->catalog, s->conversion);
	*s = (struct charset){.catalog = catalog, .entry = charset_lookup(catalog, name)};
	s->reading = (uint8_t)s->entry.kind;
	if (s->entry.kind != CHARSET_ICONV)
		return OUTCOME_OK;
	s->conversion = charset_take_conversion(catalog, s->entry.iconv_name);
	return s->conversion == NULL ? OUTCOME_OVER_BUDGET : OUTCOME_OK;
}

static enum outcome
open_charset(struct decoder *d, const struct part_meta *meta)
{
	struct bytes name = {0};

	if (meta != NULL)
		name = meta->charset;
	return charset_decoder_open_with(
		d, d->part == NULL ? NULL : d->part->message->env->charsets, name);
}

const struct decoder_ops charset_decoder = {
	.name = "charset",
	.state_size = sizeof(struct charset),
	.open = open_charset,
	.push = push,
	.close = close_charset,
};
