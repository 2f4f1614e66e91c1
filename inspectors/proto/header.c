/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/header.h"

#include "inspectors/stream/charset.h"

/* Bytes of a run of encoded words to begin with; then RUN_GROWTH times as many. */
enum { RUN_FIRST = 256, RUN_GROWTH = 4 };

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' ? 63 : -1;
}

static void
sink_put(struct header_sink sink, struct bytes text)
{
	if (text.n > 0)
		sink.put(sink.ctx, text);
}

/* The longest prefix of at most @p room bytes that splits no UTF-8 sequence. */
static size_t
cut_at_code_point(struct bytes text, size_t room)
{
	size_t n = room;

	if (text.n <= room)
		return text.n;
	for (unsigned back = 0; back < 4 && n > 0 && (text.p[n] & 0xc0) == 0x80; back++)
		n--;
	return n > 0 && (text.p[n] & 0xc0) != 0x80 ? n : room;
}

static void
buffer_put(void *ctx, struct bytes text)
{
	struct header_buffer *b = ctx;
	size_t n;

	if (b->full)
		return;
	n = cut_at_code_point(text, b->room - b->n);
	b->full = n < text.n;
	if (n > 0)
		memcpy(b->p + b->n, text.p, n);
	b->n += n;
}

struct header_sink
header_buffer_sink(struct header_buffer *b)
{
	return (struct header_sink){buffer_put, b};
}

/* ---- charsets ---- */

struct tail_state {
	struct header_decoder *owner;
};

/* What is behind the charset stage: the sink of the moment. */
static enum outcome
tail_push(struct decoder *d, struct bytes in)
{
	struct tail_state *s = d->state;

	sink_put(s->owner->sink, in);
	return OUTCOME_OK;
}

static const struct decoder_ops tail_stage = {
        .name = "header", .state_size = sizeof(struct tail_state), .push = tail_push};

bool
header_decoder_open(struct header_decoder *d, const struct charset_catalog *charsets, size_t room,
        struct arena *arena)
{
	struct decoder *tail;
	enum outcome why;

	*d = (struct header_decoder){.charsets = charsets,
	        .arena = arena,
	        .room = room < RUN_FIRST ? room : RUN_FIRST,
	        .most = room};
	d->run = arena_alloc(arena, d->room);
	tail = decoder_open(&tail_stage, NULL, NULL, arena, NULL, &why);
	if (d->run == NULL || tail == NULL)
		return false;
	((struct tail_state *)tail->state)->owner = d;
	d->to_utf8 = decoder_open(&charset_decoder, tail, NULL, arena, NULL, &why);
	return d->to_utf8 != NULL;
}

/* A short run of text, whole, to UTF-8; as it is where that can't be had. */
static void
run_to_utf8(struct header_decoder *d, struct bytes charset, struct bytes in)
{
	struct decoder *stage = d->to_utf8;

	if (in.n == 0)
		return;
	stage->outcome = charset_decoder_open_with(stage, d->charsets, charset);
	if (stage->outcome != OUTCOME_OK) {
		sink_put(d->sink, in);
		return;
	}
	(void)decoder_push(stage, in);
	(void)decoder_close(stage);
}

static void
put_plain(struct header_decoder *d, struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 0x80) {
			run_to_utf8(d, (struct bytes){NULL, 0}, text);
			return;
		}
	sink_put(d->sink, text);
}

/* ---- encoded words ---- */

static void
run_flush(struct header_decoder *d)
{
	run_to_utf8(d, d->charset, bytes_of(d->run, d->n));
	d->n = 0;
}

/* Few runs are long. */
static bool
run_grow(struct header_decoder *d)
{
	size_t room = d->room * RUN_GROWTH < d->most ? d->room * RUN_GROWTH : d->most;
	uint8_t *p = room == d->room ? NULL : arena_alloc(d->arena, room);

	if (p == NULL)
		return false;
	memcpy(p, d->run, d->n);
	d->run = p;
	d->room = room;
	return true;
}

static void
run_add(struct header_decoder *d, uint8_t c)
{
	if (d->n == d->room && !run_grow(d))
		run_flush(d);
	d->run[d->n++] = c;
}

static void
decode_q(struct header_decoder *d, struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '=' && text.n - i > 2 && hex_value(text.p[i + 1]) >= 0 &&
		        hex_value(text.p[i + 2]) >= 0) {
			c = (uint8_t)(hex_value(text.p[i + 1]) << 4 | hex_value(text.p[i + 2]));
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		run_add(d, c);
	}
}

static void
decode_b(struct header_decoder *d, struct bytes text)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);

		if (text.p[i] == '=')
			bits = 0;
		if (v < 0)
			continue;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			run_add(d, (uint8_t)(acc >> bits));
		}
	}
}

struct word {
	struct bytes charset, text;
	uint8_t encoding; /* 'b' or 'q' */
	size_t length;    /* of all of it, from "=?" to "?=" */
};

/* The encoded word at the start of @p in (RFC 2047, 2), with an optional language
 * after the charset (RFC 2231, 5). */
static bool
word_parse(struct bytes in, struct word *ret)
{
	size_t at = 2, mark;

	while (at < in.n && in.p[at] != '?' && !is_blank(in.p[at]))
		at++;
	if (at >= in.n || in.p[at] != '?' || at == 2 || in.n - at < 5 || in.p[at + 2] != '?')
		return false;
	ret->charset = bytes_of(in.p + 2, at - 2);
	for (size_t i = 0; i < ret->charset.n; i++)
		if (ret->charset.p[i] == '*')
			ret->charset.n = i;
	ret->encoding = ascii_lower(in.p[at + 1]);
	if (ret->encoding != 'b' && ret->encoding != 'q')
		return false;
	mark = at + 3;
	for (at = mark; at + 1 < in.n; at++) {
		if (in.p[at] != '?')
			continue;
		if (in.p[at + 1] != '=')
			return false;
		ret->text = bytes_of(in.p + mark, at - mark);
		ret->length = at + 2;
		return true;
	}
	return false;
}

static bool
word_at(struct bytes in, struct word *ret)
{
	return in.n >= 8 && in.p[0] == '=' && in.p[1] == '?' && word_parse(in, ret);
}

static void
word_decode(struct header_decoder *d, const struct word *w)
{
	if (d->n > 0 && !bytes_equal_nocase(d->charset, w->charset))
		run_flush(d);
	d->charset = w->charset;
	if (w->encoding == 'q')
		decode_q(d, w->text);
	else
		decode_b(d, w->text);
}

/* Where plain text ends: at the next "=?". */
static size_t
plain_length(struct bytes in)
{
	size_t i = 0;

	while (i < in.n) {
		const uint8_t *at = memchr(in.p + i, '=', in.n - i);

		if (at == NULL)
			return in.n;
		i = (size_t)(at - in.p);
		if (i > 0 && i + 1 < in.n && in.p[i + 1] == '?')
			return i;
		i++;
	}
	return in.n;
}

void
header_decode(struct header_decoder *d, struct bytes value)
{
	struct word w;
	bool words = false; /* only blanks since an encoded word */

	d->n = 0;
	while (value.n > 0) {
		size_t blanks = 0, n;

		while (words && blanks < value.n && is_blank(value.p[blanks]))
			blanks++;
		if (word_at(bytes_skip(value, blanks), &w)) {
			word_decode(d, &w);
			words = true;
			value = bytes_skip(value, blanks + w.length);
			continue;
		}
		run_flush(d);
		words = false;
		n = blanks < value.n ? blanks + plain_length(bytes_skip(value, blanks)) : blanks;
		put_plain(d, bytes_of(value.p, n));
		value = bytes_skip(value, n);
	}
	run_flush(d);
}

/* ---- fields and tokens ---- */

bool
header_split(struct bytes field, struct bytes *ret_name, struct bytes *ret_value)
{
	const uint8_t *colon = field.n > 0 ? memchr(field.p, ':', field.n) : NULL;
	struct bytes name;

	if (colon == NULL)
		return false;
	name = bytes_of(field.p, (size_t)(colon - field.p));
	while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	for (size_t i = 0; i < name.n; i++)
		if (is_blank(name.p[i])) /* other controls are dropped by some receivers */
			return false;
	if (name.n == 0)
		return false;
	*ret_name = name;
	*ret_value = bytes_trim(bytes_skip(field, (size_t)(colon - field.p) + 1));
	return true;
}

/* Behind blanks and comments; comments nest (RFC 5322, 3.2.2), an open one is text. */
static struct bytes
skip_comments(struct bytes in)
{
	for (;;) {
		unsigned depth = 0;
		size_t i = 0;

		while (in.n > 0 && is_blank(in.p[0]))
			in = bytes_skip(in, 1);
		if (in.n == 0 || in.p[0] != '(')
			return in;
		for (; i < in.n; i++) {
			if (in.p[i] == '\\')
				i++;
			else if (in.p[i] == '(')
				depth++;
			else if (in.p[i] == ')' && --depth == 0)
				break;
		}
		if (i >= in.n)
			return in;
		in = bytes_skip(in, i + 1);
	}
}

/* The length of a quoted string with its quotes; to the end where it isn't closed. */
static size_t
quoted_length(struct bytes in)
{
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] == '\\')
			i++;
		else if (in.p[i] == '"')
			return i + 1;
	}
	return in.n;
}

static struct bytes
unquoted(struct bytes in)
{
	bool closed = in.n > 1 && in.p[in.n - 1] == '"';

	return bytes_of(in.p + 1, in.n - 1 - closed);
}

struct bytes
header_token(struct bytes value, struct bytes *ret_rest, bool *ret_junk)
{
	struct bytes in = skip_comments(value), token, rest;
	size_t n = 0;

	if (in.n > 0 && in.p[0] == '"') {
		n = quoted_length(in);
		token = bytes_trim(unquoted(bytes_of(in.p, n)));
	} else {
		while (n < in.n && !is_blank(in.p[n]) && in.p[n] != ';' && in.p[n] != ',' &&
		        in.p[n] != '(')
			n++;
		token = bytes_of(in.p, n);
	}
	rest = skip_comments(bytes_skip(in, n));
	if (ret_junk != NULL)
		*ret_junk = rest.n > 0 && rest.p[0] != ';';
	*ret_rest = rest;
	return token;
}

/* ---- parameters ---- */

/* name, name*, name*3, name*3* */
static void
param_name(struct header_param *p, struct bytes name)
{
	long section = 0;
	size_t i = 0;

	p->name = name;
	p->section = -1;
	if (name.n > 0 && name.p[name.n - 1] == '*') {
		p->extended = true;
		name.n--;
		p->name = name;
	}
	while (i < name.n && name.p[i] != '*')
		i++;
	if (i == name.n)
		return;
	p->name.n = i;
	for (i++; i < name.n && ascii_is_digit(name.p[i]) && section < 10000; i++)
		section = section * 10 + (name.p[i] - '0');
	p->section = (int16_t)section;
}

/* "=value" at the start of @p in; returns what is behind it. */
static struct bytes
param_value(struct header_param *p, struct bytes in)
{
	size_t n = 0;

	in = skip_comments(in);
	if (in.n > 0 && in.p[0] == '"') {
		n = quoted_length(in);
		p->quoted = true;
		p->value = unquoted(bytes_of(in.p, n));
		return bytes_skip(in, n);
	}
	/* Blanks belong to it, since senders forget the quotes around file names. */
	while (n < in.n && in.p[n] != ';')
		n++;
	p->value = bytes_trim(bytes_of(in.p, n));
	return bytes_skip(in, n);
}

void
header_params_parse(struct bytes rest, struct header_params *ret)
{
	*ret = (struct header_params){.n = 0};
	for (;;) {
		struct header_param p = {.section = -1};
		size_t n = 0;

		while (rest.n > 0 &&
		        (is_blank(rest.p[0]) || rest.p[0] == ';' || rest.p[0] == ','))
			rest = bytes_skip(rest, 1);
		rest = skip_comments(rest);
		if (rest.n == 0)
			return;
		while (n < rest.n && rest.p[n] != '=' && rest.p[n] != ';')
			n++;
		param_name(&p, bytes_trim(bytes_of(rest.p, n)));
		rest = bytes_skip(rest, n);
		if (rest.n == 0 || rest.p[0] == ';')
			continue; /* a word without a value */
		rest = param_value(&p, bytes_skip(rest, 1));
		if (ret->n == HEADER_PARAMS_MAX) {
			ret->over = true;
			return;
		}
		ret->list[ret->n++] = p;
	}
}

static const struct header_param *
param_find(const struct header_params *params, struct bytes name, int section)
{
	for (unsigned i = 0; i < params->n; i++)
		if (params->list[i].section == section &&
		        bytes_equal_nocase(params->list[i].name, name))
			return &params->list[i];
	return NULL;
}

/* charset'language'text: takes the first two off. */
static struct bytes
take_charset(struct bytes value, struct bytes *ret_charset)
{
	size_t first = 0, second;

	while (first < value.n && value.p[first] != '\'')
		first++;
	second = first + 1;
	while (second < value.n && value.p[second] != '\'')
		second++;
	if (second >= value.n)
		return value;
	*ret_charset = bytes_of(value.p, first);
	return bytes_skip(value, second + 1);
}

static void
add_percent(struct header_decoder *d, struct bytes text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '%' && text.n - i > 2 && hex_value(text.p[i + 1]) >= 0 &&
		        hex_value(text.p[i + 2]) >= 0) {
			c = (uint8_t)(hex_value(text.p[i + 1]) << 4 | hex_value(text.p[i + 2]));
			i += 2;
		}
		run_add(d, c);
	}
}

static size_t
unescape(const struct header_param *p, uint8_t *ret, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < p->value.n; i++) {
		uint8_t c = p->value.p[i];

		if (p->quoted && c == '\\' && i + 1 < p->value.n)
			c = p->value.p[++i];
		if (n == room)
			return 0;
		ret[n++] = c;
	}
	return n;
}

static void
add_section(struct header_decoder *d, const struct header_param *p, bool first)
{
	struct bytes text = p->value;

	if (p->extended) {
		if (first)
			text = take_charset(text, &d->charset);
		add_percent(d, text);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (p->quoted && text.p[i] == '\\' && i + 1 < text.n)
			i++;
		run_add(d, text.p[i]);
	}
}

bool
header_param_text(const struct header_params *params, struct bytes name, struct header_decoder *d)
{
	const struct header_param *first = NULL, *plain = NULL;
	uint8_t flat[512];
	size_t n;

	for (unsigned i = 0; i < params->n && first == NULL; i++) {
		const struct header_param *p = &params->list[i];

		if (!bytes_equal_nocase(p->name, name))
			continue;
		if (p->section == 0 || (p->section < 0 && p->extended))
			first = p;
		else if (p->section < 0 && plain == NULL)
			plain = p;
	}
	if (first == NULL && plain == NULL)
		return false;
	if (first == NULL) {
		n = unescape(plain, flat, sizeof(flat));
		header_decode(d, n > 0 ? bytes_of(flat, n) : plain->value);
		return true;
	}
	d->n = 0;
	d->charset = (struct bytes){0};
	add_section(d, first, true);
	for (int section = 1; first->section == 0; section++) {
		const struct header_param *p = param_find(params, name, section);

		if (p == NULL)
			break;
		add_section(d, p, false);
	}
	run_flush(d);
	return true;
}

size_t
header_param_plain(const struct header_params *params, struct bytes name, unsigned nth,
        uint8_t *ret, size_t room)
{
	for (unsigned i = 0; i < params->n; i++) {
		const struct header_param *p = &params->list[i];

		if (p->section >= 0 || p->extended || !bytes_equal_nocase(p->name, name))
			continue;
		if (nth-- == 0)
			return unescape(p, ret, room);
	}
	return 0;
}
