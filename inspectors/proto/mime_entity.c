/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/mime_entity.h"

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
	for (unsigned i = 0; i < e->n_codings; i++)
		if (e->codings[i] == coding)
			return;
	if (e->n_codings > 0)
		e->ambiguous = true;
	if (e->n_codings < ARRAY_LEN(e->codings))
		e->codings[e->n_codings++] = coding;
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
	for (unsigned i = 0; i < params->n; i++)
		if (bytes_equal_nocase(params->list[i].name, BYTES_LIT("boundary")) &&
		        params->list[i].value.n > MIME_BOUNDARY_MAX)
			e->over = true;
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

static void
take_type(struct mime_entity *e, struct bytes value, struct header_decoder *d)
{
	struct header_params params;
	struct bytes rest, token;
	uint8_t charset[64];
	char type[80];
	bool junk;
	size_t n;

	token = header_token(value, &rest, &junk);
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
	n = header_param_plain(&params, BYTES_LIT("charset"), 0, charset, sizeof(charset));
	if (n > 0 && e->charset[0] == '\0')
		copy_lower(e->charset, sizeof(e->charset), bytes_of(charset, n));
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

bool
mime_entity_field(
        struct mime_entity *e, struct bytes name, struct bytes value, struct header_decoder *d)
{
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

static void
add_reading(struct part_meta *meta, uint8_t coding)
{
	for (unsigned i = 0; i < meta->n_readings; i++)
		if (meta->readings[i].codings[0] == coding)
			return;
	if (meta->n_readings < PART_READINGS_MAX)
		meta->readings[meta->n_readings++].codings[0] = coding;
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
}
