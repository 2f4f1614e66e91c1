/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/mime_entity.h"

#include "inspectors/content.h"

static const struct coding_name {
	const char *name;
	uint8_t coding;
} coding_names[] = {
        {"7bit", CODING_IDENTITY},
        {"8bit", CODING_IDENTITY},
        {"binary", CODING_IDENTITY},
        {"7-bit", CODING_IDENTITY},
        {"8-bit", CODING_IDENTITY},
        {"base64", CODING_BASE64},
        {"quoted-printable", CODING_QUOTED_PRINTABLE},
        {"uuencode", CODING_UUENCODE},
        {"x-uuencode", CODING_UUENCODE},
        {"uue", CODING_UUENCODE},
        {"x-uue", CODING_UUENCODE},
        {"gzip", CODING_GZIP},
        {"x-gzip", CODING_GZIP},
};

static uint8_t
coding_of(struct bytes token)
{
	for (size_t i = 0; i < ARRAY_LEN(coding_names); i++)
		if (bytes_equal_nocase(token, bytes_str(coding_names[i].name)))
			return coding_names[i].coding;
	return CODING_UNKNOWN;
}

/* Encodings without a standard that some mail programs undo all the same. */
static bool
is_unreadable(struct bytes token)
{
	static const char *const words[] = {"binhex", "hqx", "yenc", "base85", "base32", "zip"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (struct bytes in = token; in.n > 0; in = bytes_skip(in, 1))
			if (bytes_starts_nocase(in, bytes_str(words[i])))
				return true;
	return false;
}

static void
take_encoding(struct mime_entity *e, struct bytes value)
{
	struct bytes rest, token;
	uint8_t coding;
	bool junk;

	token = header_token(value, &rest, &junk);
	/* "base64;" or "base64 x": some receivers take the word, some the whole. */
	if (junk || rest.n > 0)
		e->ambiguous = true;
	if (token.n == 0)
		return;
	coding = coding_of(token);
	e->unreadable |= coding == CODING_UNKNOWN && is_unreadable(token);
	for (unsigned i = 0; i < e->n_codings; i++)
		if (e->codings[i] == coding)
			return;
	if (e->n_codings > 0)
		e->ambiguous = true;
	if (e->n_codings < ARRAY_LEN(e->codings))
		e->codings[e->n_codings++] = coding;
	else
		e->over = true;
}

static void
copy_lower(char *to, size_t size, struct bytes from)
{
	size_t n = from.n < size ? from.n : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = (char)ascii_lower(from.p[i]);
	to[n] = '\0';
}

static void
add_boundary(struct mime_entity *e, struct bytes b)
{
	struct mime_boundaries *all = &e->boundaries;

	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	if (b.n == 0 || b.n > MIME_BOUNDARY_MAX) {
		e->over |= b.n > 0;
		return;
	}
	for (unsigned i = 0; i < all->n; i++)
		if (bytes_equal(bytes_of(all->text[i], all->length[i]), b))
			return;
	if (all->n > 0)
		e->ambiguous = true;
	if (all->n == MIME_BOUNDARIES) {
		e->over = true;
		return;
	}
	memcpy(all->text[all->n], b.p, b.n);
	all->length[all->n++] = (uint16_t)b.n;
}

/*
 * What receivers make of one boundary parameter beside its plain value: Python
 * keeps backslashes and takes <> off; others end what isn't quoted at a blank
 * or a comment.
 */
static void
add_boundary_readings(struct mime_entity *e, const struct header_param *p)
{
	struct bytes v = p->value;
	size_t n = 0;

	if (p->quoted && v.n > 0 && memchr(v.p, '\\', v.n) != NULL)
		add_boundary(e, v);
	if (v.n > 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		add_boundary(e, bytes_of(v.p + 1, v.n - 2));
	while (n < v.n && v.p[n] != ' ' && v.p[n] != '\t' && v.p[n] != '(')
		n++;
	if (!p->quoted && n < v.n)
		add_boundary(e, bytes_of(v.p, n));
}

static void
take_boundaries(struct mime_entity *e, const struct header_params *params, struct header_decoder *d)
{
	uint8_t text[MIME_BOUNDARY_MAX + 1];
	struct header_buffer joined = {text, sizeof(text), 0, false};

	for (unsigned nth = 0; nth <= MIME_BOUNDARIES; nth++)
		add_boundary(e,
		        bytes_of(text,
		                header_param_plain(
		                        params, BYTES_LIT("boundary"), nth, text, sizeof(text))));
	for (unsigned i = 0; i < params->n; i++) {
		const struct header_param *p = &params->list[i];

		if (!bytes_equal_nocase(p->name, BYTES_LIT("boundary")))
			continue;
		e->over |= p->value.n > MIME_BOUNDARY_MAX;
		if (p->section < 0 && !p->extended)
			add_boundary_readings(e, p);
	}
	d->sink = header_buffer_sink(&joined);
	if (header_param_text(params, BYTES_LIT("boundary"), d))
		add_boundary(e, bytes_of(text, joined.n));
}

static void
take_name(struct mime_entity *e, const struct header_params *params, struct bytes param,
        bool disposition, struct header_decoder *d)
{
	struct header_buffer name = {e->name, sizeof(e->name), 0, false};

	if (e->n_name > 0 && (e->disposition || !disposition))
		return;
	d->sink = header_buffer_sink(&name);
	if (!header_param_text(params, param, d) || name.n == 0)
		return;
	e->n_name = (uint16_t)name.n;
	e->disposition = disposition;
}

/* Charsets whose ASCII is ASCII: in all of them a number looks the same. */
static bool
is_like_ascii(const char *charset)
{
	static const char *const like[] = {"us-ascii", "ascii", "utf-8", "utf8", "iso-8859",
	        "iso8859", "iso_8859", "windows-125", "latin", "cp125"};

	for (size_t i = 0; i < ARRAY_LEN(like); i++)
		if (strncmp(charset, like[i], strlen(like[i])) == 0)
			return true;
	return false;
}

/* Of several charsets, one that changes what the bytes mean. */
static void
add_charset(struct mime_entity *e, struct bytes name)
{
	char lower[sizeof(e->charset)];

	if (name.n == 0)
		return;
	copy_lower(lower, sizeof(lower), name);
	if (e->charset[0] == '\0' || (is_like_ascii(e->charset) && !is_like_ascii(lower)))
		memcpy(e->charset, lower, sizeof(lower));
}

static void
take_charsets(struct mime_entity *e, const struct header_params *params, struct header_decoder *d)
{
	uint8_t text[64];
	struct header_buffer joined = {text, sizeof(text), 0, false};

	for (unsigned nth = 0; nth < 4; nth++)
		add_charset(e,
		        bytes_of(text,
		                header_param_plain(params, BYTES_LIT("charset"), nth, text,
		                        sizeof(text))));
	d->sink = header_buffer_sink(&joined);
	if (header_param_text(params, BYTES_LIT("charset"), d))
		add_charset(e, bytes_of(text, joined.n));
}

/* "text / html": RFC 2045 lets blanks and comments stand between the tokens. */
static struct bytes
type_token(struct bytes value, char *room, size_t size, struct bytes *ret_rest, bool *ret_junk)
{
	struct bytes first = header_token(value, ret_rest, ret_junk), second, rest;
	bool junk, open = first.n > 0 && first.p[first.n - 1] == '/';

	if (!open && (ret_rest->n == 0 || ret_rest->p[0] != '/'))
		return first;
	second = header_token(*ret_rest, &rest, &junk);
	if (!open && second.n == 1) { /* the slash stands alone */
		second = header_token(rest, &rest, &junk);
		open = false;
		if (first.n + 1 + second.n >= size)
			return first;
		memcpy(room, first.p, first.n);
		room[first.n] = '/';
		if (second.n > 0)
			memcpy(room + first.n + 1, second.p, second.n);
		*ret_rest = rest;
		*ret_junk = junk;
		return bytes_of(room, first.n + 1 + second.n);
	}
	if (first.n + second.n >= size || second.n == 0)
		return first;
	memcpy(room, first.p, first.n);
	memcpy(room + first.n, second.p, second.n);
	*ret_rest = rest;
	*ret_junk = junk;
	return bytes_of(room, first.n + second.n);
}

/* Does the type break lines where it likes? */
static void
take_joining(struct mime_entity *e, const char *type, const struct header_params *params)
{
	static const char *const folded[] = {"text/calendar", "text/vcard", "text/x-vcard",
	        "text/directory", "application/ics"};
	uint8_t delsp[8];
	size_t n = header_param_plain(params, BYTES_LIT("delsp"), 0, delsp, sizeof(delsp));

	for (size_t i = 0; i < ARRAY_LEN(folded); i++)
		if (strcmp(type, folded[i]) == 0)
			e->joining = CODING_UNFOLD;
	if (bytes_equal_nocase(bytes_of(delsp, n), BYTES_LIT("yes")))
		e->joining = CODING_DELSP;
}

static void
take_type(struct mime_entity *e, struct bytes value, struct header_decoder *d)
{
	struct header_params params;
	struct bytes rest, token;
	char type[80], room[80];
	bool junk;

	token = type_token(value, room, sizeof(room), &rest, &junk);
	copy_lower(type, sizeof(type), token);
	/* RFC 2045, 5.2: what is no type is text/plain; receivers do differ. */
	if (junk || token.n == 0 || memchr(token.p, '/', token.n) == NULL)
		e->ambiguous = true;
	header_params_parse(rest, &params);
	e->over |= params.over;
	if (e->n_types == 0) {
		memcpy(e->type[0], type, sizeof(type));
		e->n_types = 1;
	} else if (strcmp(e->type[0], type) != 0) {
		memcpy(e->type[1], type, sizeof(type));
		e->n_types = 2;
		e->ambiguous = true;
	}
	take_charsets(e, &params, d);
	take_joining(e, type, &params);
	take_boundaries(e, &params, d);
	take_name(e, &params, BYTES_LIT("name"), false, d);
}

static void
take_disposition(struct mime_entity *e, struct bytes value, struct header_decoder *d)
{
	struct header_params params;
	struct bytes rest;

	(void)header_token(value, &rest, NULL);
	header_params_parse(rest, &params);
	take_name(e, &params, BYTES_LIT("filename"), true, d);
}

/* Some receivers drop controls in a field's name. */
static struct bytes
without_controls(struct bytes name, uint8_t room[64])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < 64; i++)
		if (name.p[i] > ' ' && name.p[i] != 127)
			room[n++] = name.p[i];
	return bytes_of(room, n);
}

bool
mime_entity_field(
        struct mime_entity *e, struct bytes name, struct bytes value, struct header_decoder *d)
{
	uint8_t room[64];
	size_t was = name.n;

	name = without_controls(name, room);
	e->ambiguous |= name.n < was && was <= sizeof(room);
	if (bytes_equal_nocase(name, BYTES_LIT("Content-Type")))
		take_type(e, value, d);
	else if (bytes_equal_nocase(name, BYTES_LIT("Content-Transfer-Encoding")))
		take_encoding(e, value);
	else if (bytes_equal_nocase(name, BYTES_LIT("Content-Disposition")))
		take_disposition(e, value, d);
	else
		return false;
	return true;
}

bool
mime_entity_is(const struct mime_entity *e, const char *prefix)
{
	for (unsigned i = 0; i < e->n_types; i++)
		if (strncmp(e->type[i], prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

const char *
mime_entity_leaf_type(const struct mime_entity *e)
{
	for (unsigned i = 0; i < e->n_types; i++)
		if (content_declared(bytes_str(e->type[i])) != CONTENT_TEXT ||
		        content_is_encrypted(bytes_str(e->type[i])))
			return e->type[i];
	return e->type[0];
}

static void
add_reading(struct part_meta *meta, uint8_t coding)
{
	for (unsigned i = 0; i < meta->n_readings; i++)
		if (meta->readings[i].codings[0] == coding)
			return;
	if (meta->n_readings < PART_READINGS_MAX)
		meta->readings[meta->n_readings++].codings[0] = coding;
}

/* Each reading once more with its lines joined, where there is room. */
static void
add_joined(struct part_meta *meta, uint8_t joining)
{
	for (unsigned i = 0, n = meta->n_readings; i < n && meta->n_readings < PART_READINGS_MAX;
	        i++) {
		struct part_reading *r = &meta->readings[meta->n_readings++];

		*r = meta->readings[i];
		r->codings[r->codings[0] == CODING_IDENTITY ? 0 : 1] = joining;
	}
}

void
mime_entity_readings(const struct mime_entity *e, bool ambiguous, uint8_t inherited, uint8_t plain,
        struct part_meta *ret)
{
	bool unknown = false;

	ret->n_readings = 0;
	memset(ret->readings, 0, sizeof(ret->readings));
	for (unsigned i = 0; i < e->n_codings; i++)
		unknown |= e->codings[i] == CODING_UNKNOWN;
	/* The raw bytes go first: they must not be the reading that finds no room. */
	if (e->n_codings == 0 || ambiguous || unknown)
		add_reading(ret, plain);
	for (unsigned i = 0; i < e->n_codings; i++)
		add_reading(ret, e->codings[i] == CODING_IDENTITY ? plain : e->codings[i]);
	if (inherited != CODING_IDENTITY)
		add_reading(ret, inherited);
	if (unknown) {
		add_reading(ret, CODING_BASE64);
		add_reading(ret, CODING_QUOTED_PRINTABLE);
	}
	if (e->joining != CODING_IDENTITY)
		add_joined(ret, e->joining);
}
