/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/http1_head.h"

#include "inspectors/content.h"
#include "inspectors/proto/header.h"

/* As long as any value that has a meaning here; what is longer names none. */
enum { PLAIN_MAX = 256, NAME_MAX_BYTES = 64 };

void
http1_head_init(struct http1_head *h, enum http1_kind kind,
	struct bytes (*keep)(void *ctx, struct bytes text), void *ctx)
{
	*h = (struct http1_head){.kind = kind, .keep = keep, .ctx = ctx, .version = 9};
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* What some recipients drop at the edges of names and values: blanks, controls, NBSP. */
static bool
is_edge(uint8_t c)
{
	return c <= ' ' || c == 127 || c == 0xa0 || c == 0xc2;
}

static bool
is_token(uint8_t c)
{
	return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static struct bytes
trim_edges(struct bytes b)
{
	while (b.n > 0 && is_edge(b.p[0]))
		b = bytes_skip(b, 1);
	while (b.n > 0 && is_edge(b.p[b.n - 1]))
		b.n--;
	return b;
}

/*
 * Without edges, and without the NULs and controls inside that some recipients
 * drop. *odd is set where anything but blanks at the ends went.
 */
static struct bytes
plain(struct bytes in, uint8_t *room, size_t size, bool *odd)
{
	struct bytes cut = trim_edges(in);
	size_t n = 0;

	if (cut.n != bytes_trim(in).n)
		*odd = true;
	for (size_t i = 0; i < cut.n && n < size; i++) {
		if (cut.p[i] < ' ' && cut.p[i] != '\t') {
			*odd = true;
			continue;
		}
		room[n++] = cut.p[i];
	}
	return bytes_of(room, n);
}

/* ---- framing and codings ---- */

static void
add_length(struct http1_head *h, uint64_t value)
{
	unsigned at = 0;

	while (at < h->n_lengths && h->lengths[at] < value)
		at++;
	if (at < h->n_lengths && h->lengths[at] == value)
		return;
	if (h->n_lengths == HTTP1_CLAIMS_MAX) {
		/* The shortest ones and the longest are kept. */
		if (at == HTTP1_CLAIMS_MAX)
			h->lengths[HTTP1_CLAIMS_MAX - 1] = value;
		return;
	}
	memmove(h->lengths + at + 1, h->lengths + at, (h->n_lengths - at) * sizeof(h->lengths[0]));
	h->lengths[at] = value;
	h->n_lengths++;
}

/* Every run of digits is a claim; anything else but commas and blanks is junk. */
static void
content_length(struct http1_head *h, struct bytes value)
{
	bool any = false;

	for (size_t i = 0; i < value.n;) {
		uint64_t n = 0;

		if (!ascii_is_digit(value.p[i])) {
			if (value.p[i] != ',' && !is_blank(value.p[i]))
				h->length_junk = true;
			i++;
			continue;
		}
		for (; i < value.n && ascii_is_digit(value.p[i]); i++)
			n = n > UINT64_MAX / 16 ? UINT64_MAX / 16 : n * 10 + (value.p[i] - '0');
		add_length(h, n);
		any = true;
	}
	h->length_junk = h->length_junk || !any;
	h->doubtful = h->doubtful || h->length_junk;
	h->odd = h->odd || h->length_junk || h->n_lengths > 1;
}

static void
add_coding(struct http1_head *h, uint8_t *list, unsigned *n, uint8_t coding)
{
	if (*n == HTTP1_CODINGS_MAX) {
		h->codings_over = true;
		return;
	}
	list[(*n)++] = coding;
}

static const struct coding_name {
	const char *name;
	uint8_t coding;
} coding_names[] = {
	{"gzip", CODING_GZIP},
	{"x-gzip", CODING_GZIP},
	{"deflate", CODING_DEFLATE},
	{"x-deflate", CODING_DEFLATE},
	{"identity", CODING_IDENTITY},
	{"none", CODING_IDENTITY},
	{"chunked", CODING_HTTP_CHUNKED},
	{"br", CODING_UNKNOWN},
	{"zstd", CODING_UNKNOWN},
	{"dcb", CODING_UNKNOWN},
	{"dcz", CODING_UNKNOWN},
	{"compress", CODING_UNKNOWN},
	{"x-compress", CODING_UNKNOWN},
	{"lzma", CODING_UNKNOWN},
	{"xz", CODING_UNKNOWN},
	{"bzip2", CODING_UNKNOWN},
	{"exi", CODING_UNKNOWN},
	{"pack200-gzip", CODING_UNKNOWN},
};

/* The coding of that name, or -1. */
static int
coding_of(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_LEN(coding_names); i++)
		if (bytes_equal_nocase(name, bytes_str(coding_names[i].name)))
			return coding_names[i].coding;
	return -1;
}

static bool
ends_coding(uint8_t c)
{
	return c == ',' || c == ';' || is_edge(c);
}

/* Each name in a list of codings; names that mean nothing make it odd. */
static void
coding_list(struct http1_head *h, struct bytes value, bool transfer)
{
	size_t i = 0;

	while (i < value.n) {
		size_t start = i;
		int coding;

		while (i < value.n && !ends_coding(value.p[i]))
			i++;
		if (i == start) {
			i++;
			continue;
		}
		coding = coding_of(bytes_of(value.p + start, i - start));
		if (coding == CODING_HTTP_CHUNKED && transfer)
			h->chunked = true;
		else if (coding < 0 || coding == CODING_HTTP_CHUNKED)
			*(transfer ? &h->odd : &h->odd_content) = true;
		else if (coding != CODING_IDENTITY && transfer)
			add_coding(h, h->transfer, &h->n_transfer, (uint8_t)coding);
		else if (coding != CODING_IDENTITY)
			add_coding(h, h->content, &h->n_content, (uint8_t)coding);
	}
}

/* ---- fields ---- */

enum field {
	FIELD_LENGTH,
	FIELD_TRANSFER,
	FIELD_CODING,
	FIELD_TYPE,
	FIELD_DISPOSITION,
	FIELD_HOST,
	FIELD_UPGRADE,
	FIELD_EXPECT,
	FIELD_ACCEPT
};

static const struct field_name {
	const char *name;
	enum field field;
} field_names[] = {
	{"content-length", FIELD_LENGTH},
	{"transfer-encoding", FIELD_TRANSFER},
	{"content-encoding", FIELD_CODING},
	{"content-type", FIELD_TYPE},
	{"content-disposition", FIELD_DISPOSITION},
	{"host", FIELD_HOST},
	{"upgrade", FIELD_UPGRADE},
	{"expect", FIELD_EXPECT},
	{"accept", FIELD_ACCEPT},
};

static void
keep_first(struct http1_head *h, struct bytes *place, struct bytes value)
{
	if (place->n == 0 && value.n > 0)
		*place = h->keep(h->ctx, value);
	else if (value.n > 0 && !bytes_equal_nocase(*place, value))
		h->odd_content = true;
}

/* Of two types, the one that says more of how to read: recipients take either. */
static void
keep_type(struct http1_head *h, struct bytes value)
{
	struct bytes rest;

	if (h->type.n > 0 &&
		content_declared(header_token(h->type, &rest, NULL)) == CONTENT_TEXT &&
		content_declared(header_token(value, &rest, NULL)) != CONTENT_TEXT) {
		h->type = h->keep(h->ctx, value);
		h->odd_content = true;
		return;
	}
	keep_first(h, &h->type, value);
}

static void
framing_field(struct http1_head *h, enum field field, struct bytes raw, bool odd)
{
	uint8_t room[PLAIN_MAX];
	struct bytes value = plain(raw, room, sizeof(room), &odd);

	while (value.n > 0 && value.p[0] == ':') {
		value = trim_edges(bytes_skip(value, 1));
		odd = true;
	}
	odd = odd || raw.n > sizeof(room);
	if (field == FIELD_CODING)
		h->odd_content = h->odd_content || odd;
	else
		h->doubtful = h->doubtful || odd;
	h->odd = h->odd || h->doubtful;
	if (field == FIELD_LENGTH) {
		content_length(h, value);
	} else if (field == FIELD_TRANSFER) {
		if (++h->n_transfer_fields > 1)
			h->odd = true;
		/* Nothing but the coding, last: else some don't take it as chunked. */
		if (!bytes_equal_nocase(value, BYTES_LIT("chunked")))
			h->odd = h->doubtful = true;
		coding_list(h, value, true);
	} else {
		coding_list(h, value, false);
	}
}

/* ---- what the answer should be ---- */

/* "0.8" -> 800; a weight that is none counts as 1 (RFC 9110, 12.4.2). */
static uint16_t
weight_of(struct bytes value)
{
	unsigned weight = 0, unit = 100;

	value = bytes_trim(value);
	if (value.n == 0 || value.p[0] != '0')
		return 1000;
	for (size_t i = 2; i < value.n && unit > 0 && ascii_is_digit(value.p[i]); i++) {
		weight += (value.p[i] - (unsigned)'0') * unit;
		unit /= 10;
	}
	return (uint16_t)weight;
}

/* Up to the next @p c, which is taken too. */
static struct bytes
take_until(struct bytes *in, uint8_t c)
{
	const uint8_t *at = in->n == 0 ? NULL : memchr(in->p, c, in->n);
	struct bytes piece = at == NULL ? *in : bytes_of(in->p, (size_t)(at - in->p));

	*in = bytes_skip(*in, at == NULL ? in->n : piece.n + 1);
	return bytes_trim(piece);
}

static bool
is_json(struct bytes type)
{
	struct bytes suffix = BYTES_LIT("+json");

	return bytes_equal_nocase(type, BYTES_LIT("application/json")) ||
		bytes_equal_nocase(type, BYTES_LIT("text/json")) ||
		(type.n > suffix.n &&
			bytes_equal_nocase(bytes_skip(type, type.n - suffix.n), suffix));
}

static void
accept_field(struct http1_head *h, struct bytes value)
{
	while (value.n > 0) {
		struct bytes range = take_until(&value, ',');
		struct bytes type = take_until(&range, ';');
		uint16_t weight = 1000;
		uint16_t *most = NULL;

		while (range.n > 0) {
			struct bytes param = take_until(&range, ';');

			if (bytes_starts_nocase(param, BYTES_LIT("q=")))
				weight = weight_of(bytes_skip(param, 2));
		}
		if (is_json(type))
			most = &h->accepts_json;
		else if (bytes_equal_nocase(type, BYTES_LIT("text/html")) ||
			bytes_equal_nocase(type, BYTES_LIT("application/xhtml+xml")))
			most = &h->accepts_html;
		if (most != NULL && weight > *most)
			*most = weight;
	}
}

bool
http1_wants_json(const struct http1_head *h)
{
	struct bytes rest;

	if (h->accepts_json > 0 || h->accepts_html > 0)
		return h->accepts_json > h->accepts_html;
	return is_json(header_token(h->type, &rest, NULL));
}

static void
known_field(struct http1_head *h, enum field field, struct bytes value, bool odd)
{
	switch (field) {
	case FIELD_TYPE:
		keep_type(h, bytes_trim(value));
		break;
	case FIELD_DISPOSITION:
		keep_first(h, &h->disposition, bytes_trim(value));
		break;
	case FIELD_HOST:
		keep_first(h, &h->host, bytes_trim(value));
		break;
	case FIELD_UPGRADE:
		keep_first(h, &h->upgrade, bytes_trim(value));
		break;
	case FIELD_EXPECT:
		if (bytes_equal_nocase(bytes_trim(value), BYTES_LIT("100-continue")))
			h->expects_continue = true;
		break;
	case FIELD_ACCEPT:
		accept_field(h, value);
		break;
	default:
		framing_field(h, field, value, odd);
	}
}

static void
one_field(struct http1_head *h, struct bytes line, bool odd)
{
	const uint8_t *colon = line.n == 0 ? NULL : memchr(line.p, ':', line.n);
	uint8_t room[NAME_MAX_BYTES];
	struct bytes raw, name;

	if (colon == NULL)
		return;
	raw = bytes_of(line.p, (size_t)(colon - line.p));
	if (raw.n > sizeof(room))
		return;
	/* RFC 9112, 5.1: no blank before the colon. Some take such a field, some don't. */
	name = plain(raw, room, sizeof(room), &odd);
	odd = odd || name.n != raw.n;
	for (size_t i = 0; i < ARRAY_LEN(field_names); i++)
		if (bytes_equal_nocase(name, bytes_str(field_names[i].name)))
			known_field(h, field_names[i].field, bytes_skip(line, raw.n + 1), odd);
}

/* The fields behind bare CRs, where some end the line. */
static void
fields_behind_cr(struct http1_head *h, struct bytes line)
{
	for (;;) {
		const uint8_t *cr = line.n == 0 ? NULL : memchr(line.p, '\r', line.n);
		const uint8_t *next;

		if (cr == NULL)
			return;
		line = bytes_skip(line, (size_t)(cr - line.p) + 1);
		next = line.n == 0 ? NULL : memchr(line.p, '\r', line.n);
		one_field(h, next == NULL ? line : bytes_of(line.p, (size_t)(next - line.p)), true);
	}
}

void
http1_field(struct http1_head *h, struct bytes field, bool folded)
{
	while (field.n > 0 && field.p[field.n - 1] == '\r')
		field.n--;
	one_field(h, field, folded);
	fields_behind_cr(h, field);
}

void
http1_continuation(struct http1_head *h, struct bytes line)
{
	one_field(h, bytes_trim(line), true);
}

/* ---- start line ---- */

static struct bytes
next_word(struct bytes *line)
{
	size_t n = 0;
	struct bytes word;

	while (line->n > 0 && is_edge(line->p[0]))
		*line = bytes_skip(*line, 1);
	while (n < line->n && line->p[n] > ' ')
		n++;
	word = bytes_of(line->p, n);
	*line = bytes_skip(*line, n);
	return word;
}

/* "HTTP/1.1" -> 11; 9 where it isn't one. */
static unsigned
version_of(struct bytes word)
{
	if (!bytes_starts_nocase(word, BYTES_LIT("http/")) || word.n < 8 ||
		!ascii_is_digit(word.p[5]) || word.p[6] != '.' || !ascii_is_digit(word.p[7]))
		return 9;
	return (unsigned)(word.p[5] - '0') * 10 + (word.p[7] - '0');
}

static enum http1_method
method_of(struct bytes method)
{
	if (bytes_equal_nocase(method, BYTES_LIT("HEAD")))
		return HTTP1_HEAD;
	if (bytes_equal_nocase(method, BYTES_LIT("CONNECT")))
		return HTTP1_CONNECT;
	if (bytes_equal_nocase(method, BYTES_LIT("PUT")))
		return HTTP1_PUT;
	return HTTP1_OTHER;
}

/* The target may hold blanks, though it must not: all between method and version. */
static void
request_line(struct http1_head *h, struct bytes line)
{
	struct bytes method = next_word(&line), target = bytes_trim(line);
	size_t last = target.n;

	while (last > 0 && !is_blank(target.p[last - 1]))
		last--;
	h->version = version_of(bytes_skip(target, last));
	if (h->version != 9)
		target = bytes_trim(bytes_of(target.p, last));
	h->method_kind = method_of(method);
	h->method = h->keep(h->ctx, bytes_of(method.p, method.n < 32 ? method.n : 32));
	h->target = h->keep(h->ctx, target);
}

static void
status_line(struct http1_head *h, struct bytes line)
{
	struct bytes status;

	h->version = version_of(next_word(&line));
	status = next_word(&line);
	for (size_t i = 0; i < status.n && i < 4 && ascii_is_digit(status.p[i]); i++)
		h->status = h->status * 10 + (status.p[i] - '0');
}

void
http1_start_line(struct http1_head *h, struct bytes line)
{
	const uint8_t *cr;
	struct bytes first;

	while (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	cr = line.n == 0 ? NULL : memchr(line.p, '\r', line.n);
	first = cr == NULL ? line : bytes_of(line.p, (size_t)(cr - line.p));
	if (h->kind == HTTP1_REQUEST)
		request_line(h, first);
	else
		status_line(h, first);
	fields_behind_cr(h, line);
}

/* ---- looks ---- */

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
	"TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
	"SEARCH", "REPORT", "MKCALENDAR", "ACL", "CHECKOUT", "MERGE", "NOTIFY", "SUBSCRIBE",
	"UNSUBSCRIBE", "M-SEARCH", "PURGE", "BIND", "VERSION-CONTROL", "PRI"};

/* Does what is behind the method look like a target? */
static enum http1_looks
looks_like_target(struct bytes in)
{
	static const char http[] = "http";

	while (in.n > 0 && is_blank(in.p[0]))
		in = bytes_skip(in, 1);
	if (in.n == 0)
		return HTTP1_LOOKS_MORE;
	if (in.p[0] == '/' || in.p[0] == '*')
		return HTTP1_LOOKS_YES;
	for (size_t i = 0; i < 4; i++) {
		if (i == in.n)
			return HTTP1_LOOKS_MORE;
		if (ascii_lower(in.p[i]) != (uint8_t)http[i])
			return HTTP1_LOOKS_NO;
	}
	return HTTP1_LOOKS_YES;
}

static enum http1_looks
looks_like_request(struct bytes head)
{
	size_t n = 0;
	enum http1_looks target;

	while (n < head.n && is_token(head.p[n]) && n < 24)
		n++;
	if (n == head.n)
		return HTTP1_LOOKS_MORE;
	if (n == 0 || !is_blank(head.p[n]))
		return HTTP1_LOOKS_NO;
	target = looks_like_target(bytes_skip(head, n));
	/* Many blanks in front of the target: only a known method is enough then. */
	if (target == HTTP1_LOOKS_YES || (target == HTTP1_LOOKS_MORE && head.n < HTTP1_LOOK_MAX))
		return target;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (bytes_equal(bytes_of(head.p, n), bytes_str(methods[i])))
			return HTTP1_LOOKS_YES;
	return HTTP1_LOOKS_NO;
}

static enum http1_looks
looks_like_response(struct bytes head)
{
	static const char name[] = "http/";

	for (size_t i = 0; i < 5; i++) {
		if (i == head.n)
			return HTTP1_LOOKS_MORE;
		if (ascii_lower(head.p[i]) != (uint8_t)name[i])
			return HTTP1_LOOKS_NO;
	}
	if (head.n == 5)
		return HTTP1_LOOKS_MORE;
	return ascii_is_digit(head.p[5]) ? HTTP1_LOOKS_YES : HTTP1_LOOKS_NO;
}

enum http1_looks
http1_looks_like_start(enum http1_kind kind, struct bytes head)
{
	enum http1_looks looks =
		kind == HTTP1_REQUEST ? looks_like_request(head) : looks_like_response(head);

	return looks == HTTP1_LOOKS_MORE && head.n >= HTTP1_LOOK_MAX ? HTTP1_LOOKS_NO : looks;
}

enum http1_looks
http1_looks_like_field(struct bytes head)
{
	size_t n = 0;

	/* A continuation, or the empty line that ends the head for all. */
	if (head.n > 0 && (is_blank(head.p[0]) || head.p[0] == '\r' || head.p[0] == '\n'))
		return HTTP1_LOOKS_YES;
	while (n < head.n && is_token(head.p[n]))
		n++;
	if (n == head.n)
		return n >= HTTP1_LOOK_MAX ? HTTP1_LOOKS_NO : HTTP1_LOOKS_MORE;
	return n > 0 && head.p[n] == ':' ? HTTP1_LOOKS_YES : HTTP1_LOOKS_NO;
}

/* ---- readings ---- */

unsigned
http1_codings(const struct http1_head *h, uint8_t ret[PART_CODINGS_MAX])
{
	/* Chunked takes a place in the list too. */
	enum { ROOM = PART_CODINGS_MAX - 1 };
	unsigned n = 0;
	bool over = h->codings_over || h->n_transfer + h->n_content > ROOM;

	for (unsigned i = h->n_transfer; i-- > 0 && n < ROOM;)
		ret[n++] = h->transfer[i];
	for (unsigned i = h->n_content; i-- > 0 && n < ROOM;)
		ret[n++] = h->content[i];
	if (over)
		ret[n - 1] = CODING_UNKNOWN;
	return n;
}

/* Add a reading, unless it is there. */
static void
add_reading(struct part_meta *meta, bool chunked, const uint8_t *codings, unsigned n)
{
	struct part_reading r = {{0}};
	unsigned at = 0;

	if (chunked)
		r.codings[at++] = CODING_HTTP_CHUNKED;
	for (unsigned i = 0; i < n && at < PART_CODINGS_MAX; i++)
		r.codings[at++] = codings[i];
	for (unsigned i = 0; i < meta->n_readings; i++)
		if (memcmp(&meta->readings[i], &r, sizeof(r)) == 0)
			return;
	if (meta->n_readings < PART_READINGS_MAX)
		meta->readings[meta->n_readings++] = r;
}

/* One coding is claimed: what do the first bytes say? */
static void
single_coding(struct part_meta *meta, uint8_t coding, struct bytes first)
{
	static const uint8_t gzip = CODING_GZIP, deflate = CODING_DEFLATE;
	bool is_gzip = first.n >= 2 && first.p[0] == 0x1f && first.p[1] == 0x8b;

	add_reading(meta, false, &coding, 1);
	if (is_gzip && coding != CODING_GZIP)
		add_reading(meta, false, &gzip, 1);
	if (!is_gzip && coding == CODING_GZIP)
		add_reading(meta, false, &deflate, 1);
}

void
http1_readings(struct part_meta *meta, const uint8_t *codings, unsigned n_codings, bool wire,
	bool odd, struct bytes first)
{
	meta->n_readings = 0;
	if (n_codings == 0 && !wire)
		return; /* as it is */
	if (wire) {
		add_reading(meta, true, codings, n_codings);
		add_reading(meta, true, codings, n_codings > 1 ? 1 : 0);
		add_reading(meta, false, codings, n_codings);
	} else if (n_codings == 1) {
		single_coding(meta, codings[0], first);
	} else {
		add_reading(meta, false, codings, n_codings);
		add_reading(meta, false, codings, 1);
		add_reading(meta, false, codings + n_codings - 1, 1);
	}
	if (odd || wire || n_codings > 1)
		add_reading(meta, false, NULL, 0);
}

/* ---- where ---- */

void
http1_where(const struct http1_head *h, struct bytes *ret_host, struct bytes *ret_path)
{
	struct bytes target = h->target, host = h->host;
	size_t n = 0;

	if (h->method_kind == HTTP1_CONNECT) {
		host = target;
		target.n = 0;
	} else if (bytes_starts_nocase(target, BYTES_LIT("http://")) ||
		bytes_starts_nocase(target, BYTES_LIT("https://"))) {
		host = bytes_skip(target, ascii_lower(target.p[4]) == 's' ? 8 : 7);
		while (n < host.n && host.p[n] != '/' && host.p[n] != '?' && host.p[n] != '#')
			n++;
		target = bytes_skip(host, n);
		host.n = n;
		for (n = host.n; n > 0 && host.p[n - 1] != '@'; n--)
			;
		host = bytes_skip(host, n); /* user information is a credential */
	}
	for (n = 0; n < target.n && target.p[n] != '?' && target.p[n] != '#'; n++)
		;
	*ret_path = bytes_of(target.p, n);
	/* Without the port; an IPv6 literal keeps its brackets. */
	for (n = host.n; n > 0 && ascii_is_digit(host.p[n - 1]); n--)
		;
	if (n > 0 && host.p[n - 1] == ':' && n < host.n)
		host.n = n - 1;
	*ret_host = host;
}
