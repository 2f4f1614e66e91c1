/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/html_text.h"

#include "inspectors/content.h"
#include "inspectors/part.h"
#include "inspectors/stream/html_entities.h"
#include "inspectors/stream/outbuf.h"
#include "inspectors/stream/span.h"

/*
 *  TEXT --'<'--> LESS --letter--> TAG_NAME --> IN_TAG <--> BEFORE_VALUE --> VALUE
 *   |  ^          |--'/'--> LESS_SLASH --^       `--'>'--> TEXT or SCRIPT
 *   |  |          |--'!','?'--> DECLARATION (--> COMMENT on "--", CDATA on "[CDATA[")
 *   |  `----------`--else: it was text
 *   `--'&'--> REFERENCE --> back (TEXT or VALUE)
 *
 *  SCRIPT --'<'--> SCRIPT_END --"/script", "/style"--> IN_TAG
 */
enum state {
	TEXT,
	REFERENCE,
	LESS,
	LESS_SLASH,
	TAG_NAME,
	IN_TAG,
	BEFORE_VALUE,
	VALUE,
	DECLARATION,
	COMMENT,
	CDATA,
	SCRIPT,
	SCRIPT_END,
};

enum { NAME_MOST = 16, TAIL = 64 };

struct html {
	uint8_t state, back; /* enum state */
	bool line_start;     /* nothing stands on the present line of output */
	bool seen;	     /* a tag, or text */
	bool xml, foreign;   /* it is XML; within <svg> or <math>, which are like it */
	bool in_aside;	     /* hidden text that didn't fit is being emitted */
	/* a tag */
	bool closing, name_over;
	bool item, gap; /* in an attribute's name; a blank came behind it */
	uint8_t quote;	/* 0: a value without quotes */
	uint8_t n_escape; /* of "%2D" in a value */
	uint8_t escape[3];
	uint8_t n_name;
	uint8_t name[NAME_MOST];
	uint8_t dashes;	 /* of a comment's beginning or end */
	uint8_t n_match; /* of "</script" */
	/* a character reference */
	uint8_t n_ref;
	uint8_t ref[HTML_ENTITY_MOST + 2];
	bool digits;
	uint32_t value;
	/* output */
	uint8_t n_tail;
	uint16_t n_aside;
	uint8_t tail[TAIL];
	uint8_t aside[1024];
};

enum tag { TAG_UNKNOWN, TAG_INLINE, TAG_BLOCK, TAG_CELL, TAG_SCRIPT };

/* ---- output ---- */

static void
keep_tail(struct html *s, const uint8_t *p, size_t n)
{
	if (n >= TAIL) {
		memcpy(s->tail, p + n - TAIL, TAIL);
		s->n_tail = TAIL;
		return;
	}
	if (s->n_tail + n > TAIL) {
		size_t drop = s->n_tail + n - TAIL;

		memmove(s->tail, s->tail + drop, s->n_tail - drop);
		s->n_tail = (uint8_t)(s->n_tail - drop);
	}
	memcpy(s->tail + s->n_tail, p, n);
	s->n_tail = (uint8_t)(s->n_tail + n);
}

static void
put_text(struct html *s, struct outbuf *o, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (s->in_aside) { /* the line goes on */
		outbuf_byte(o, '\n');
		outbuf_run(o, s->tail, s->n_tail);
		s->in_aside = false;
	}
	outbuf_run(o, p, n);
	keep_tail(s, p, n);
	s->line_start = false;
}

/* Hidden text: kept if there is room, else emitted with what was kept before it. */
static void
put_aside(struct html *s, struct outbuf *o, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (!s->in_aside && n <= sizeof(s->aside) - s->n_aside) {
		memcpy(s->aside + s->n_aside, p, n);
		s->n_aside = (uint16_t)(s->n_aside + n);
		return;
	}
	if (!s->in_aside) {
		if (!s->line_start)
			outbuf_byte(o, '\n');
		outbuf_run(o, s->aside, s->n_aside);
		s->n_aside = 0;
		s->in_aside = true;
	}
	outbuf_run(o, p, n);
}

static void
put_aside_byte(struct html *s, struct outbuf *o, uint8_t c)
{
	put_aside(s, o, &c, 1);
}

/* End the line, and let the hidden text follow. */
static void
end_line(struct html *s, struct outbuf *o)
{
	if (s->in_aside || !s->line_start)
		outbuf_byte(o, '\n');
	outbuf_run(o, s->aside, s->n_aside);
	if (s->n_aside > 0 && s->aside[s->n_aside - 1] != '\n')
		outbuf_byte(o, '\n');
	s->n_aside = s->n_tail = 0;
	s->in_aside = false;
	s->line_start = true;
}

/* ---- tags ---- */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_letter(uint8_t c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static enum tag
tag_of(const struct html *s)
{
	static const struct {
		enum tag tag;
		const char *names;
	} tags[] = {
		{TAG_SCRIPT, " script style template "},
		{TAG_CELL, " td th "},
		{TAG_BLOCK, " br p div tr li table tbody thead tfoot ul ol dl dt dd h1 h2 h3 h4 h5 h6 "
			    "hr pre html head body title section article header "
			    "footer main nav aside address blockquote center caption col colgroup "
			    "details dialog dir fieldset figcaption figure form frame frameset hgroup "
			    "iframe input legend listing menu menuitem noframes object "
			    "optgroup option plaintext select summary textarea video "
			    "audio button embed xmp "},
		{TAG_INLINE, " a b i u s em span font strong wbr img small big sub sup tt abbr acronym "
			     "bdi bdo cite code data del dfn ins kbd label map area mark nobr q rp rt "
			     "ruby samp strike time var o:p meta link base param source track "
			     "noscript slot "},
	};
	char name[NAME_MOST + 3] = " ";

	if (s->name_over || memchr(s->name, 0, s->n_name) != NULL)
		return TAG_UNKNOWN;
	memcpy(name + 1, s->name, s->n_name);
	name[s->n_name + 1] = ' ';
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (strstr(tags[i].names, name) != NULL)
			return tags[i].tag;
	return TAG_UNKNOWN;
}

static void
begin_tag(struct html *s, bool closing)
{
	s->state = TAG_NAME;
	s->closing = closing;
	s->n_name = 0;
	s->name_over = s->item = s->gap = false;
	s->seen = true;
}

static void
end_item(struct html *s, struct outbuf *o)
{
	if (s->item)
		put_aside_byte(s, o, '\n');
	s->item = s->gap = false;
}

/* An unknown name may be anything. */
static void
end_name(struct html *s, struct outbuf *o)
{
	if (!s->name_over && tag_of(s) == TAG_UNKNOWN)
		put_aside(s, o, s->name, s->n_name);
	if (tag_of(s) == TAG_UNKNOWN)
		put_aside_byte(s, o, '\n');
	if (!s->name_over && (bytes_equal(bytes_of(s->name, s->n_name), BYTES_LIT("svg")) ||
				     bytes_equal(bytes_of(s->name, s->n_name), BYTES_LIT("math"))))
		s->foreign = !s->closing;
	s->state = IN_TAG;
}

static void
end_tag(struct html *s, struct outbuf *o)
{
	end_item(s, o);
	s->state = TEXT;
	switch (tag_of(s)) {
	case TAG_SCRIPT: /* nothing is drawn: the line goes on behind it */
		if (!s->closing)
			s->state = SCRIPT;
		put_aside_byte(s, o, '\n');
		break;
	case TAG_BLOCK:
		end_line(s, o);
		break;
	case TAG_CELL:
		if (!s->closing && !s->line_start)
			put_text(s, o, (const uint8_t *)"\t", 1);
		break;
	case TAG_INLINE:
	case TAG_UNKNOWN:
		break;
	}
}

static size_t
take_tag_name(struct html *s, struct outbuf *o, uint8_t c)
{
	if (is_blank(c) || c == '/' || c == '>') {
		end_name(s, o);
		return 0;
	}
	if (s->n_name == NAME_MOST && !s->name_over) {
		put_aside(s, o, s->name, s->n_name);
		s->name_over = true;
	}
	if (s->name_over)
		put_aside_byte(s, o, c);
	else
		s->name[s->n_name++] = ascii_lower(c);
	return 1;
}

static void
take_in_tag(struct html *s, struct outbuf *o, uint8_t c)
{
	if (c == '>') {
		end_tag(s, o);
	} else if (is_blank(c) || c == '/') {
		s->gap = s->item;
	} else if (c == '=' && s->item) {
		put_aside_byte(s, o, '=');
		s->state = BEFORE_VALUE;
	} else {
		if (s->gap)
			end_item(s, o);
		put_aside_byte(s, o, c);
		s->item = true;
	}
}

static size_t
take_before_value(struct html *s, uint8_t c)
{
	if (is_blank(c))
		return 1;
	s->state = c == '>' ? IN_TAG : VALUE;
	s->quote = c == '"' || c == '\'' ? c : 0;
	return s->quote != 0;
}

/* "%2" that no escape became. */
static void
end_escape(struct html *s, struct outbuf *o)
{
	put_aside(s, o, s->escape, s->n_escape);
	s->n_escape = 0;
}

/* Links hold text in percent-escapes. @return whether @p c belongs to one */
static bool
take_escape(struct html *s, struct outbuf *o, uint8_t c)
{
	if (hex_value(c) < 0) {
		end_escape(s, o);
		return false;
	}
	s->escape[s->n_escape++] = c;
	if (s->n_escape == 3) {
		put_aside_byte(s, o,
			(uint8_t)(hex_value(s->escape[1]) << 4 | hex_value(s->escape[2])));
		s->n_escape = 0;
	}
	return true;
}

static size_t
take_value(struct html *s, struct outbuf *o, struct bytes in)
{
	size_t n = 0;

	if (s->n_escape > 0)
		return take_escape(s, o, in.p[0]);
	if (s->quote != 0)
		n = span_until3(in.p, in.n, s->quote, '&', '%');
	else
		while (n < in.n && !is_blank(in.p[n]) && in.p[n] != '>' && in.p[n] != '&' &&
			in.p[n] != '%')
			n++;
	put_aside(s, o, in.p, n);
	if (n == in.n)
		return n;
	if (in.p[n] == '%') {
		s->escape[0] = '%';
		s->n_escape = 1;
		return n + 1;
	}
	if (in.p[n] == '&') {
		s->back = VALUE;
		s->state = REFERENCE;
		s->n_ref = 0;
		return n;
	}
	end_item(s, o);
	s->state = IN_TAG;
	return n + (s->quote != 0);
}

/* ---- character references ---- */

static void
put(struct html *s, struct outbuf *o, const uint8_t *p, size_t n)
{
	if (s->back == VALUE)
		put_aside(s, o, p, n);
	else
		put_text(s, o, p, n);
}

static void
put_code_point(struct html *s, struct outbuf *o, uint32_t cp)
{
	uint8_t utf8[4];

	/* WHATWG HTML, 13.2.5.80: numbers of windows-1252 where C1 controls are meant. */
	cp = code_point_of_1252(cp);
	put(s, o, utf8, utf8_put(utf8, cp == 0 ? 0xfffd : cp));
}

/* ref holds & and a name that has ended before @p next. @return whether that was taken */
static bool
end_named(struct html *s, struct outbuf *o, uint8_t next)
{
	struct bytes name = {s->ref + 1, s->n_ref - 1};
	const struct html_entity *e = html_entity_find(name);
	bool bare = e != NULL && e->bare && !(s->back == VALUE && next == '=');

	if (e != NULL && (next == ';' || bare)) {
		put_code_point(s, o, e->code_point);
		return next == ';';
	}
	/* "&nbspabc": the longest beginning that needs no semicolon; not in values */
	for (name.n -= name.n > 0; name.n > 1 && s->back == TEXT; name.n--) {
		e = html_entity_find(name);
		if (e != NULL && e->bare) {
			put_code_point(s, o, e->code_point);
			put(s, o, name.p + name.n, s->n_ref - 1 - name.n);
			return false;
		}
	}
	put(s, o, s->ref, s->n_ref);
	return false;
}

static bool
is_hex(const struct html *s)
{
	return s->n_ref == 3; /* "&#x" */
}

/* "&#" or "&#x", then digits, which are counted in and not kept. */
static bool
take_number(struct html *s, uint8_t c)
{
	int v = is_hex(s) ? hex_value(c) : ascii_is_digit(c) ? c - '0' : -1;

	if (s->n_ref == 2 && !s->digits && (c == 'x' || c == 'X')) {
		s->ref[s->n_ref++] = c;
		return true;
	}
	if (v < 0)
		return false;
	s->digits = true;
	if (s->value <= 0x10ffff)
		s->value = s->value * (is_hex(s) ? 16 : 10) + (uint32_t)v;
	return true;
}

static size_t
end_reference(struct html *s, struct outbuf *o, uint8_t next)
{
	bool number = s->n_ref > 1 && s->ref[1] == '#';
	bool taken = false;

	if (number && s->digits) {
		put_code_point(s, o, s->value);
		taken = next == ';';
	} else if (number) {
		put(s, o, s->ref, s->n_ref);
	} else {
		taken = end_named(s, o, next);
	}
	s->state = s->back;
	return taken;
}

static size_t
take_reference(struct html *s, struct outbuf *o, uint8_t c)
{
	if (s->n_ref == 0) { /* the & itself */
		s->digits = false;
		s->value = 0;
		s->ref[s->n_ref++] = c;
		return 1;
	}
	if (s->n_ref == 1 && c == '#') {
		s->ref[s->n_ref++] = c;
		return 1;
	}
	if (s->n_ref > 1 && s->ref[1] == '#')
		return take_number(s, c) ? 1 : end_reference(s, o, c);
	if ((is_letter(c) || ascii_is_digit(c)) && s->n_ref <= HTML_ENTITY_MOST) {
		s->ref[s->n_ref++] = c;
		return 1;
	}
	return end_reference(s, o, c);
}

/* ---- the rest ---- */

static size_t
take_text(struct html *s, struct outbuf *o, struct bytes in)
{
	size_t n = span_until3(in.p, in.n, '<', '&', '\0');

	put_text(s, o, in.p, n);
	if (n == in.n)
		return n;
	if (in.p[n] == '\0') /* WHATWG HTML, 13.2.6.4.7: ignored in a body */
		return n + 1;
	if (in.p[n] == '<') {
		s->state = LESS;
		return n + 1;
	}
	s->back = TEXT;
	s->state = REFERENCE;
	s->n_ref = 0;
	return n;
}

static size_t
take_less(struct html *s, struct outbuf *o, uint8_t c)
{
	if (is_letter(c)) {
		begin_tag(s, false);
		return 0;
	}
	if (c == '/' || c == '!' || c == '?') {
		s->state = c == '/' ? LESS_SLASH : DECLARATION;
		s->n_match = 0;
		s->dashes = c == '!' ? 0 : 3;
		/* "<?" at the very beginning is XML's declaration. */
		s->xml = s->xml || (c == '?' && s->line_start && s->n_aside == 0 && !s->seen);
		return 1;
	}
	put_text(s, o, (const uint8_t *)"<", 1);
	s->state = TEXT;
	return 0;
}

static size_t
take_less_slash(struct html *s, uint8_t c)
{
	if (is_letter(c)) {
		begin_tag(s, true);
		return 0;
	}
	s->state = c == '>' ? TEXT : DECLARATION;
	s->dashes = 3;
	return c == '>';
}

/* "[CDATA[" behind "<!": what follows is text to XML, and in HTML within SVG. */
static bool
is_character_data(struct html *s, struct outbuf *o, uint8_t c)
{
	static const char word[] = "[CDATA[";

	if (s->n_match >= sizeof(word) - 1 ||
		ascii_lower(c) != ascii_lower((uint8_t)word[s->n_match])) {
		s->n_match = sizeof(word); /* it is another */
		return false;
	}
	if (++s->n_match == sizeof(word) - 1) {
		s->state = CDATA;
		s->n_match = 0;
	}
	return true;
}

/* Up to "]]>". */
static size_t
take_character_data(struct html *s, struct outbuf *o, struct bytes in)
{
	const uint8_t *end;
	size_t n;

	if (in.p[0] == ']' && s->n_match < 2) {
		s->n_match++;
		return 1;
	}
	if (in.p[0] == '>' && s->n_match == 2) {
		s->state = TEXT;
		return 1;
	}
	if (in.p[0] == ']') { /* a third one: the first was text */
		put_text(s, o, in.p, 1);
		return 1;
	}
	put_text(s, o, (const uint8_t *)"]]", s->n_match);
	s->n_match = 0;
	end = memchr(in.p, ']', in.n);
	n = end == NULL ? in.n : (size_t)(end - in.p);
	put_text(s, o, in.p, n);
	return n;
}

/* <!…>, <?…>: dashes counts up to two if they are the first bytes, else it is 3. */
static size_t
take_declaration(struct html *s, struct outbuf *o, struct bytes in)
{
	const uint8_t *end;
	size_t n;

	if (s->dashes < 2 && in.p[0] == '-') {
		if (++s->dashes == 2)
			s->state = COMMENT;
		return 1;
	}
	if (s->dashes == 0 && (s->xml || s->foreign) && is_character_data(s, o, in.p[0])) {
		put_aside_byte(s, o, in.p[0]);
		return 1;
	}
	s->dashes = 3;
	end = memchr(in.p, '>', in.n);
	n = end == NULL ? in.n : (size_t)(end - in.p);
	put_aside(s, o, in.p, n);
	if (end == NULL)
		return n;
	put_aside_byte(s, o, '\n');
	s->state = TEXT;
	return n + 1;
}

/* The dashes of "<!--" count for its end: "<!-->" is a whole comment. */
static size_t
take_comment(struct html *s, struct outbuf *o, struct bytes in)
{
	uint8_t c = in.p[0];
	size_t n;

	if (c == '>' && s->dashes >= 2) {
		put_aside_byte(s, o, '\n');
		s->state = TEXT;
		return 1;
	}
	if (c == '-' || (c == '!' && s->dashes >= 2)) { /* "--!>" ends it, too */
		if (c == '-' && s->dashes < 2)
			s->dashes++;
		put_aside_byte(s, o, c);
		return 1;
	}
	n = span_until3(in.p, in.n, '-', '-', '-');
	s->dashes = 0;
	put_aside(s, o, in.p, n);
	return n;
}

static size_t
take_script(struct html *s, struct outbuf *o, struct bytes in)
{
	const uint8_t *less = memchr(in.p, '<', in.n);
	size_t n = less == NULL ? in.n : (size_t)(less - in.p);

	put_aside(s, o, in.p, n);
	if (less == NULL)
		return n;
	s->state = SCRIPT_END;
	s->n_match = 1;
	return n + 1;
}

/* Matches "</script" or "</style", by the name that is open. */
static size_t
take_script_end(struct html *s, struct outbuf *o, uint8_t c)
{
	uint8_t held[NAME_MOST + 2] = "</";
	size_t whole = s->n_name + 2u;

	memcpy(held + 2, s->name, s->n_name);
	if (s->n_match < whole && ascii_lower(c) == held[s->n_match]) {
		s->n_match++;
		return 1;
	}
	if (s->n_match == whole && (is_blank(c) || c == '/' || c == '>')) {
		s->closing = true;
		s->item = s->gap = s->name_over = false;
		s->state = IN_TAG;
		return 0;
	}
	put_aside(s, o, held, s->n_match);
	s->state = SCRIPT;
	return 0;
}

/* Take some of @p in. @return bytes taken; 0: another state's turn */
static size_t
take(struct html *s, struct outbuf *o, struct bytes in)
{
	switch ((enum state)s->state) {
	case TEXT:
		return take_text(s, o, in);
	case REFERENCE:
		return take_reference(s, o, in.p[0]);
	case LESS:
		return take_less(s, o, in.p[0]);
	case LESS_SLASH:
		return take_less_slash(s, in.p[0]);
	case TAG_NAME:
		return take_tag_name(s, o, in.p[0]);
	case IN_TAG:
		take_in_tag(s, o, in.p[0]);
		return 1;
	case BEFORE_VALUE:
		return take_before_value(s, in.p[0]);
	case VALUE:
		return take_value(s, o, in);
	case DECLARATION:
		return take_declaration(s, o, in);
	case COMMENT:
		return take_comment(s, o, in);
	case CDATA:
		return take_character_data(s, o, in);
	case SCRIPT:
		return take_script(s, o, in);
	case SCRIPT_END:
		return take_script_end(s, o, in.p[0]);
	}
	return in.n;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct html *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	while (in.n > 0 && o.outcome == OUTCOME_OK)
		in = bytes_skip(in, take(s, &o, in));
	return outbuf_flush(&o);
}

static enum outcome
open_html(struct decoder *d, const struct part_meta *meta)
{
	struct html *s = d->state;

	s->line_start = true;
	s->xml = meta != NULL && (content_declared(meta->type) == CONTENT_XML ||
					 bytes_equal_nocase(meta->type,
						 BYTES_LIT("application/xhtml+xml")));
	return OUTCOME_OK;
}

static enum outcome
close_html(struct decoder *d)
{
	struct html *s = d->state;
	struct outbuf o;

	outbuf_init(&o, d);
	if (s->state == REFERENCE)
		(void)end_reference(s, &o, 0);
	if (s->state == LESS || s->state == LESS_SLASH)
		put_text(s, &o, (const uint8_t *)"</", s->state == LESS ? 1 : 2);
	if (s->state == SCRIPT_END) {
		put_aside(s, &o, (const uint8_t *)"</", s->n_match < 2 ? s->n_match : 2);
		put_aside(s, &o, s->name, s->n_match < 2 ? 0 : s->n_match - 2u);
	}
	if (s->state == TAG_NAME)
		end_name(s, &o);
	end_escape(s, &o);
	if (s->n_aside > 0 || s->in_aside)
		end_line(s, &o);
	return outbuf_flush(&o);
}

const struct decoder_ops html_text_decoder = {
	.name = "html",
	.state_size = sizeof(struct html),
	.open = open_html,
	.push = push,
	.close = close_html,
};
