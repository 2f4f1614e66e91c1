/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP/1.x (RFC 9112), each direction a machine of its own:
 *
 *   IDLE --> LOOK --start line--> HEAD --> BODY --> [TRAILER] --> IDLE
 *             |                     |        |
 *             +--anything else--> STRAY      +--> LOOK, at each end that the body may have
 *
 *   CONNECT with 2xx, or 101, or the HTTP/2 preface: TUNNEL, both ways, to the end
 *
 * One message for each request and each response. Its first part, "http>header",
 * gets the head, chunk framing and trailers as text; "http>body" the body. Bytes
 * that belong to no message are scanned as a message of their own ("http>stray"),
 * until a start line is seen.
 *
 * LOOK holds a few bytes back until they tell what they begin, and then puts them
 * in front of the input again; so nothing depends on how the input was cut.
 */
#include "inspectors/conversation.h"
#include "inspectors/proto/header.h"
#include "inspectors/proto/http1_head.h"
#include "inspectors/proto/http1_refuse.h"
#include "inspectors/proto/tls.h"
#include "inspectors/stream/http1_chunk.h"

enum state { IDLE, LOOK, HEAD, BODY, TRAILER, STRAY, TUNNEL };

enum { HOST_MAX = 255, PATH_MAX_BYTES = 512, METHOD_MAX = 32, LINE_FIRST = 512, NAME_MAX = 255 };

/* A request whose response hasn't come yet. */
struct pending {
	struct pending *next;
	enum http1_method method_kind;
	bool http2; /* asked for an upgrade to it */
	bool json;  /* what its sender can read */
	bool expects; /* 100 Continue, which hasn't come */
	uint32_t serial; /* of its message */
	uint64_t at;	 /* client bytes up to its end; UINT64_MAX before that */
	uint8_t n_method;
	uint8_t n_host;
	uint16_t n_path;
	char method[METHOD_MAX], host[HOST_MAX], path[PATH_MAX_BYTES];
};

/* One field, or start line, with its continuations. */
struct line {
	uint8_t *p;
	size_t n, room;
	bool over; /* some of it was not kept */
	bool folded;
	size_t start; /* in p: of the line on the wire that is read now */
	size_t wire;  /* bytes of that line so far */
	size_t not_cr, not_blank;
	bool continues; /* that line continues the one before it */
};

struct body {
	uint64_t at;			     /* wire bytes so far */
	uint64_t ends[HTTP1_CLAIMS_MAX + 1]; /* where it may end, ascending */
	unsigned n_ends, next_end;
	bool chunked;	  /* its chunk framing is followed, and hasn't ended */
	bool pure;	  /* nothing but chunked is claimed: the part gets the content only */
	bool trailer;	  /* behind the last chunk, of a body that isn't pure */
	bool until_close; /* it may go on to the end of the connection */
	size_t trailer_line;
	struct http1_chunk chunk;
	uint8_t first[2]; /* held back to see if they fit the coding */
	uint8_t n_first;
};

struct side {
	struct http1 *http;
	enum direction dir;
	enum http1_kind kind;
	enum state state, look_from;
	bool looked;   /* this line was looked at: it is no start line */
	bool start;    /* the start line is read now */
	bool unread;   /* a field of the head found no memory: it may say how to read */
	bool body_begun;
	bool asking;   /* a CONNECT that is complete: its message waits for the answer */
	bool line_end; /* stray bytes: the last one ended a line */
	uint8_t n_held, n_replay, replay_at;
	uint8_t held[HTTP1_LOOK_MAX], replay[HTTP1_LOOK_MAX];
	uint64_t idle; /* blanks before the message, counted to it */
	uint64_t head_bytes;
	struct message *message;
	struct part *header, *part; /* `part`: the body's, or the tunnel's */
	struct line line;
	struct http1_head head;
	struct body body;
	uint8_t codings[PART_CODINGS_MAX];
	uint8_t n_codings;
	struct tls_records tls;
};

struct http1 {
	struct conversation *conversation;
	struct side side[2];
	struct pending *first, **tail, *unused;
	unsigned n_pending;
	uint64_t forgotten; /* requests behind those that are remembered */
	bool connecting;    /* the last request was CONNECT */
	bool http2;	    /* the tunnel is HTTP/2 */
	uint8_t n_tunnel_host;
	char tunnel_host[HOST_MAX];
	struct pending *reading; /* the request that is being read; NULL: none, or answered */
	uint64_t position;	 /* client bytes up to the end of what data() was given */
	uint32_t answering;	 /* serial of the request whose response is or was read */
	bool server_gone;
	/* Refusing. */
	bool refusing, speaking;
	bool early; /* no byte of the refused body had come at the refusal */
	uint32_t refused; /* serial */
	uint64_t left;	  /* client bytes that have left, as `position` counts */
};

/* ---- requests that wait for their response ---- */

static struct pending *
new_pending(struct http1 *h)
{
	struct pending *p = h->unused;

	if (p != NULL) {
		h->unused = p->next;
		return p;
	}
	return arena_alloc(&h->conversation->base, sizeof(*p));
}

static size_t
put_text(char *to, size_t room, struct bytes from)
{
	size_t n = from.n < room ? from.n : room;

	if (n > 0)
		memcpy(to, from.p, n);
	return n;
}

static void
remember(struct http1 *h, const struct http1_head *head, uint32_t serial)
{
	struct pending *p = NULL;
	struct bytes host, path;

	if (h->forgotten == 0 && h->n_pending < h->conversation->env->limits->pipelined)
		p = new_pending(h);
	if (p == NULL) {
		/* Responses come in order: those of later requests find no pair either. */
		h->forgotten++;
		return;
	}
	http1_where(head, &host, &path);
	p->next = NULL;
	p->method_kind = head->method_kind;
	p->http2 = bytes_starts_nocase(head->upgrade, BYTES_LIT("h2c"));
	p->json = http1_wants_json(head);
	p->expects = head->expects_continue;
	p->serial = serial;
	p->at = UINT64_MAX;
	h->reading = p;
	p->n_method = (uint8_t)put_text(p->method, sizeof(p->method), head->method);
	p->n_host = (uint8_t)put_text(p->host, sizeof(p->host), host);
	p->n_path = (uint16_t)put_text(p->path, sizeof(p->path), path);
	*h->tail = p;
	h->tail = &p->next;
	h->n_pending++;
}

static void
forget_first(struct http1 *h)
{
	struct pending *p = h->first;

	if (p == NULL) {
		if (h->forgotten > 0)
			h->forgotten--;
		return;
	}
	if (h->reading == p)
		h->reading = NULL;
	h->first = p->next;
	if (h->first == NULL)
		h->tail = &h->first;
	h->n_pending--;
	p->next = h->unused;
	h->unused = p;
}

static void
forget_all(struct http1 *h)
{
	while (h->first != NULL)
		forget_first(h);
	h->forgotten = 0;
}

/* ---- messages and parts ---- */

static struct bytes
keep_text(void *ctx, struct bytes text)
{
	const struct side *s = ctx;

	return s->message == NULL ? (struct bytes){NULL, 0} : message_keep(s->message, text);
}

static bool
open_message(struct side *s)
{
	s->message = conversation_message(s->http->conversation, s->dir, CHANNEL_WEB, "http");
	if (s->message == NULL)
		return false;
	message_count(s->message, s->idle);
	s->idle = 0;
	s->line = (struct line){0};
	s->header = s->part = NULL;
	return true;
}

static void
push(const struct side *s, struct part *p, struct bytes in)
{
	if (p != NULL)
		part_push(p, in);
	else if (s->message == NULL)
		conversation_over(s->http->conversation, s->dir, in.n);
	else
		message_count(s->message, in.n);
}

static struct bytes
param_text(const struct side *s, const struct header_params *params, const char *name,
	uint8_t *room, size_t size)
{
	struct header_buffer out = {.p = room, .room = size};
	struct arena *arena = s->message->stack;
	struct arena_mark mark = arena_mark(arena);
	struct header_decoder d;
	bool found = false;

	if (header_decoder_open(&d, s->http->conversation->env->charsets, size, arena)) {
		d.sink = header_buffer_sink(&out);
		found = header_param_text(params, bytes_str(name), &d);
	}
	arena_rewind(arena, mark);
	return found ? bytes_of(room, out.n) : (struct bytes){NULL, 0};
}

static int
hex(uint8_t c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last segment of a path, its percent-escapes undone. */
static struct bytes
last_segment(struct bytes path, uint8_t *room, size_t size)
{
	size_t at = path.n, n = 0;

	while (at > 0 && path.p[at - 1] != '/')
		at--;
	for (; at < path.n && n < size; at++) {
		bool escape = path.p[at] == '%' && path.n - at > 2 && hex(path.p[at + 1]) >= 0 &&
			hex(path.p[at + 2]) >= 0;

		room[n++] = escape ? (uint8_t)(hex(path.p[at + 1]) << 4 | hex(path.p[at + 2]))
				   : path.p[at];
		at += escape ? 2 : 0;
	}
	return bytes_of(room, n);
}

static void
set_file_name(struct side *s)
{
	struct header_params params;
	struct bytes rest, name = {NULL, 0};
	uint8_t room[NAME_MAX];

	if (s->head.disposition.n > 0) {
		(void)header_token(s->head.disposition, &rest, NULL);
		header_params_parse(rest, &params);
		name = param_text(s, &params, "filename", room, sizeof(room));
	}
	if (name.n == 0 && s->head.method_kind == HTTP1_PUT)
		name = last_segment(s->message->url_path, room, sizeof(room));
	if (name.n > 0)
		s->message->file_name = message_keep(s->message, name);
}

static void
open_body(struct side *s)
{
	struct part_meta meta = {.label = "http>body", .name = s->message->file_name};
	bool wire = s->head.chunked && !s->body.pure;
	struct header_params params;
	uint8_t charset[64], boundary[256];
	struct bytes rest;

	meta.type = header_token(s->head.type, &rest, NULL);
	header_params_parse(rest, &params);
	meta.charset = bytes_of(charset,
		header_param_plain(&params, BYTES_LIT("charset"), 0, charset, sizeof(charset)));
	meta.boundary = bytes_of(boundary,
		header_param_plain(&params, BYTES_LIT("boundary"), 0, boundary, sizeof(boundary)));
	http1_readings(&meta, s->codings, s->n_codings, wire, s->head.odd || s->head.odd_content,
		bytes_of(s->body.first, s->body.n_first));
	s->part = part_open(s->message, NULL, &meta);
	if (s->unread)
		part_mark_opaque(s->part, OPAQUE_OVER_BUDGET);
}

static void
flush_first(struct side *s)
{
	uint8_t n = s->body.n_first;

	if (s->part == NULL && n > 0) {
		open_body(s);
		push(s, s->part, bytes_of(s->body.first, n));
	}
	s->body.n_first = 0;
}

static void
push_body(struct side *s, struct bytes in)
{
	struct body *b = &s->body;

	if (s->message == NULL) {
		push(s, NULL, in);
		return;
	}
	while (s->part == NULL && in.n > 0 && s->n_codings == 1 && b->n_first < sizeof(b->first)) {
		b->first[b->n_first++] = in.p[0];
		in = bytes_skip(in, 1);
	}
	if (in.n == 0)
		return;
	if (s->part == NULL && b->n_first > 0)
		flush_first(s);
	else if (s->part == NULL)
		open_body(s);
	push(s, s->part, in);
}

/* The request that is being read is complete. */
static void
end_of_request(struct http1 *h)
{
	if (h->reading != NULL)
		h->reading->at = h->position;
	h->reading = NULL;
}

static void
finish_message(struct side *s, bool cut)
{
	if (s->dir == DIR_CLIENT)
		end_of_request(s->http);
	s->asking = false;
	if (s->message != NULL) {
		flush_first(s);
		if (s->part != NULL)
			part_close(s->part, cut);
		if (s->header != NULL)
			part_close(s->header, cut);
		message_close(s->message, cut);
	}
	s->message = NULL;
	s->header = s->part = NULL;
	s->state = IDLE;
	s->looked = false;
}

/* ---- bytes outside any message ---- */

static void
begin_stray(struct side *s)
{
	struct part_meta meta = {.label = "http>stray"};

	s->state = STRAY;
	s->line_end = false;
	if (!open_message(s))
		return;
	/* They may be the rest of a body that some recipients read longer. */
	http1_readings(&meta, s->codings, s->n_codings, false, true, (struct bytes){NULL, 0});
	s->part = part_open(s->message, NULL, &meta);
	if (s->unread)
		part_mark_opaque(s->part, OPAQUE_OVER_BUDGET);
}

static void
begin_look(struct side *s, enum state from)
{
	s->look_from = from;
	s->state = LOOK;
	s->n_held = 0;
}

static size_t
stray_step(struct side *s, struct bytes in)
{
	const uint8_t *lf;
	size_t n;

	if (s->line_end && !s->looked) {
		begin_look(s, STRAY);
		return 0;
	}
	if (s->message == NULL)
		begin_stray(s);
	lf = memchr(in.p, '\n', in.n);
	n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
	push(s, s->part, bytes_of(in.p, n));
	s->line_end = lf != NULL;
	s->looked = false;
	return n;
}

/* ---- tunnels ---- */

static void
begin_tunnel(struct side *s)
{
	if (s->message != NULL)
		finish_message(s, false);
	s->state = TUNNEL;
	s->tls = (struct tls_records){0};
	if (s->n_held > 0) {
		memcpy(s->replay, s->held, s->n_held);
		s->n_replay = s->n_held;
		s->replay_at = 0;
		s->n_held = 0;
	}
}

static void
begin_tunnels(struct http1 *h, bool http2)
{
	h->http2 = http2;
	begin_tunnel(&h->side[DIR_CLIENT]);
	begin_tunnel(&h->side[DIR_SERVER]);
}

static void
open_tunnel(struct side *s)
{
	const struct http1 *h = s->http;
	struct part_meta meta = {.label = h->http2 ? "http>http2" : "http>tunnel"};

	if (s->message == NULL && !open_message(s))
		return;
	if (s->message->url_host.n == 0 && h->n_tunnel_host > 0)
		s->message->url_host =
			message_keep(s->message, bytes_of(h->tunnel_host, h->n_tunnel_host));
	s->part = part_open(s->message, NULL, &meta);
}

static size_t
tunnel_step(struct side *s, struct bytes in)
{
	size_t n = 0;

	if (s->part == NULL)
		open_tunnel(s);
	if (s->part == NULL) {
		push(s, NULL, in);
		return in.n;
	}
	if (!s->http->http2 && !s->tls.broken) {
		n = tls_records_take(&s->tls, in);
		if (n > 0)
			part_skip(s->part, OPAQUE_TLS, n);
		if (!s->tls.broken)
			return n;
	}
	part_mark_opaque(s->part, s->http->http2 ? OPAQUE_UNKNOWN_FORMAT : OPAQUE_TUNNEL);
	part_push(s->part, bytes_skip(in, n));
	return in.n;
}

/* ---- what a message says of itself ---- */

static void
describe_request(struct side *s)
{
	struct http1 *h = s->http;
	struct message *m = s->message;
	struct bytes host, path;

	h->connecting = s->head.method_kind == HTTP1_CONNECT;
	if (m != NULL) {
		http1_where(&s->head, &host, &path);
		m->http_method = s->head.method;
		m->url_host = host;
		m->url_path = path;
	}
	if (h->connecting && m != NULL)
		h->n_tunnel_host =
			(uint8_t)put_text(h->tunnel_host, sizeof(h->tunnel_host), m->url_host);
	if (h->connecting && m != NULL)
		m->opaque_ahead = OPAQUE_TUNNEL;
	remember(h, &s->head, m == NULL ? 0 : m->serial);
}

static void
describe_response(struct side *s)
{
	const struct pending *p = s->http->first;
	struct message *m = s->message;

	if (m == NULL || p == NULL)
		return;
	m->http_method = message_keep(m, bytes_of(p->method, p->n_method));
	m->url_host = message_keep(m, bytes_of(p->host, p->n_host));
	m->url_path = message_keep(m, bytes_of(p->path, p->n_path));
}

static bool
holds(struct bytes text, const char *word)
{
	struct bytes w = bytes_str(word);

	for (; text.n >= w.n; text = bytes_skip(text, 1))
		if (bytes_starts_nocase(text, w))
			return true;
	return false;
}

/*
 * Text of the head once more, its percent-escapes undone: data leaves in URLs too.
 * Undone twice where an escape is escaped, as some proxies do.
 */
static void
scan_escaped(struct side *s, const char *label, struct bytes text)
{
	struct part_meta meta = {
		.label = label, .readings = {{{CODING_URLENCODED}}}, .n_readings = 1};
	struct part *p;

	if (s->header == NULL)
		return;
	if (holds(text, "%25"))
		meta.readings[meta.n_readings++] =
			(struct part_reading){{CODING_URLENCODED, CODING_URLENCODED}};
	p = part_open(s->message, s->header, &meta);
	if (p != s->header) /* no memory: the one spare part stands in for both */
		part_push(p, text);
	part_close(p, false);
}

static void
scan_target(struct side *s)
{
	struct bytes t = s->head.target;

	if (t.n > 0 && (memchr(t.p, '%', t.n) != NULL || memchr(t.p, '+', t.n) != NULL))
		scan_escaped(s, "target", t);
}

/* Cookies, addresses (Referer, Location), names of files (RFC 8187). */
static void
scan_field(struct side *s, struct bytes field)
{
	if (memchr(field.p, '%', field.n) != NULL)
		scan_escaped(s, "field", bytes_trim(field));
}

/* ---- bodies ---- */

static bool
may_go_on(const struct body *b)
{
	return b->next_end < b->n_ends || b->chunked || b->until_close;
}

/* Here the body may end. @return whether something was decided: look, or finish. */
static void
arrive(struct side *s)
{
	if (may_go_on(&s->body))
		begin_look(s, BODY);
	else
		finish_message(s, false);
}

static bool
at_claimed_end(struct body *b)
{
	if (b->next_end == b->n_ends || b->ends[b->next_end] != b->at)
		return false;
	b->next_end++;
	return true;
}

static void
claim_ends(struct side *s)
{
	const struct http1_head *h = &s->head;
	struct body *b = &s->body;

	*b = (struct body){.chunked = h->chunked};
	b->pure = h->chunked && !h->odd && h->version >= 11 && h->n_lengths == 0;
	if (b->pure)
		return;
	/* Some recipients see no claim at all: then a request ends with its head. */
	if (h->doubtful && s->kind == HTTP1_REQUEST && (h->n_lengths == 0 || h->lengths[0] != 0))
		b->ends[b->n_ends++] = 0;
	for (unsigned i = 0; i < h->n_lengths; i++)
		b->ends[b->n_ends++] = h->lengths[i];
	b->until_close = s->kind == HTTP1_RESPONSE && (h->odd || h->chunked || h->n_lengths == 0);
}

static void
begin_body(struct side *s)
{
	uint8_t codings[PART_CODINGS_MAX];

	s->n_codings = (uint8_t)http1_codings(&s->head, codings);
	memcpy(s->codings, codings, s->n_codings);
	claim_ends(s);
	if (s->message != NULL)
		set_file_name(s);
	/* Chunk framing and trailers go on in the header part; else it ends here. */
	if (!s->body.pure && s->header != NULL) {
		part_close(s->header, false);
		s->header = NULL;
	}
	s->state = BODY;
	if (!s->body.pure && at_claimed_end(&s->body))
		arrive(s);
}

static size_t
pure_step(struct side *s, struct bytes in)
{
	enum http1_chunk_kind kind;
	size_t n = http1_chunk_next(&s->body.chunk, in, &kind);

	switch (kind) {
	case HTTP1_CHUNK_CONTENT:
		push_body(s, bytes_of(in.p, n));
		break;
	case HTTP1_CHUNK_BROKEN:
		/* Whatever a recipient makes of the rest: read it as it is. */
		s->body.pure = s->body.chunked = false;
		s->body.until_close = true;
		break;
	default:
		push(s, s->header, bytes_of(in.p, n));
	}
	if (kind == HTTP1_CHUNK_LAST) {
		s->state = TRAILER;
		s->looked = false;
		s->line = (struct line){.p = s->line.p, .room = s->line.room};
	}
	return n;
}

/* Follow the chunk framing over bytes that go into the part whole. */
static size_t
chunk_run(struct body *b, struct bytes in, bool *ret_end)
{
	enum http1_chunk_kind kind;
	size_t n;

	if (!b->trailer) {
		n = http1_chunk_next(&b->chunk, in, &kind);
		if (kind == HTTP1_CHUNK_BROKEN) {
			b->chunked = false;
			return in.n;
		}
		b->trailer = kind == HTTP1_CHUNK_LAST;
		return n;
	}
	for (n = 0; n < in.n; n++) {
		if (in.p[n] != '\n' && in.p[n] != '\r')
			b->trailer_line++;
		if (in.p[n] != '\n')
			continue;
		if (b->trailer_line == 0) {
			*ret_end = true;
			b->chunked = false;
			return n + 1;
		}
		b->trailer_line = 0;
	}
	return n;
}

static size_t
body_step(struct side *s, struct bytes in)
{
	struct body *b = &s->body;
	bool end = false;

	s->body_begun = true;
	if (b->pure)
		return pure_step(s, in);
	if (b->next_end < b->n_ends && b->ends[b->next_end] - b->at < in.n)
		in.n = (size_t)(b->ends[b->next_end] - b->at);
	if (b->chunked)
		in.n = chunk_run(b, in, &end);
	push_body(s, in);
	b->at += in.n;
	if (at_claimed_end(b))
		end = true;
	if (end)
		arrive(s);
	return in.n;
}

static size_t
trailer_step(struct side *s, struct bytes in)
{
	const uint8_t *lf;
	size_t n;

	if (s->line.wire == 0 && !s->looked) {
		begin_look(s, TRAILER);
		return 0;
	}
	lf = memchr(in.p, '\n', in.n);
	n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
	push(s, s->header, bytes_of(in.p, n));
	for (size_t i = 0; i < n; i++)
		if (in.p[i] != '\r' && in.p[i] != '\n')
			s->line.not_cr++;
	s->line.wire += n;
	if (lf == NULL)
		return n;
	if (s->line.not_cr == 0)
		finish_message(s, false);
	s->line.wire = s->line.not_cr = 0;
	s->looked = false;
	return n;
}

/* ---- heads ---- */

static void
begin_head(struct side *s)
{
	static const struct part_meta meta = {.label = "http>header"};

	s->state = HEAD;
	s->start = true;
	s->unread = false;
	s->body_begun = false;
	s->head_bytes = 0;
	s->n_codings = 0;
	s->line = (struct line){0};
	http1_head_init(&s->head, s->kind, keep_text, s);
	if (!open_message(s)) {
		begin_stray(s);
		return;
	}
	s->header = part_open(s->message, NULL, &meta);
}

/* Room for one byte more in the line; grown by doubling in the message's arena. */
static bool
line_room(struct side *s)
{
	const struct conversation *c = s->http->conversation;
	struct line *l = &s->line;
	size_t room = l->room == 0 ? LINE_FIRST : l->room * 2;
	uint8_t *p;

	if (l->n < l->room)
		return true;
	if (room > c->env->limits->header_field)
		room = c->env->limits->header_field;
	if (room <= l->room || s->head_bytes > c->env->limits->header_block)
		return false;
	p = arena_alloc(&s->http->conversation->keep[s->dir], room);
	if (p == NULL)
		return false;
	if (l->n > 0)
		memcpy(p, l->p, l->n);
	l->p = p;
	l->room = room;
	return true;
}

static void
line_put(struct side *s, struct bytes in)
{
	struct line *l = &s->line;

	while (in.n > 0) {
		size_t n;

		if (!line_room(s)) {
			l->over = true;
			return;
		}
		n = l->room - l->n < in.n ? l->room - l->n : in.n;
		memcpy(l->p + l->n, in.p, n);
		l->n += n;
		in = bytes_skip(in, n);
	}
}

/* The field that was read is complete, since no continuation follows. */
static void
flush_field(struct side *s)
{
	struct line *l = &s->line;

	/* Of a field that was cut the rest isn't known: as odd as a folded one. */
	if (l->n > 0) {
		http1_field(&s->head, bytes_of(l->p, l->n), l->folded || l->over);
		scan_field(s, bytes_of(l->p, l->n));
	} else if (l->over) {
		s->unread = true;
		s->head.odd = s->head.doubtful = true;
	}
	l->n = l->start = 0;
	l->over = l->folded = false;
}

/* Whether a CONNECT makes the rest unreadable is the server's to say: its message waits. */
static void
await_answer(struct side *s)
{
	if (s->header != NULL)
		part_close(s->header, false);
	s->header = NULL;
	end_of_request(s->http);
	s->asking = true;
	s->state = IDLE;
	s->looked = false;
}

static void
connect_answered(struct http1 *h, bool tunnel)
{
	struct side *s = &h->side[DIR_CLIENT];

	h->connecting = false;
	if (s->message != NULL && !tunnel)
		s->message->opaque_ahead = OPAQUE_NONE;
	if (!s->asking)
		return;
	message_close(s->message, false);
	s->message = NULL;
	s->asking = false;
}

static void
end_request_head(struct side *s)
{
	describe_request(s);
	scan_target(s);
	if (!s->head.chunked && s->head.n_lengths == 0 && !s->head.length_junk) {
		s->n_codings = (uint8_t)http1_codings(&s->head, s->codings);
		if (s->message != NULL)
			set_file_name(s);
		if (s->http->connecting && s->message != NULL)
			await_answer(s);
		else
			finish_message(s, false);
		return;
	}
	begin_body(s);
}

static void
end_response_head(struct side *s)
{
	struct http1 *h = s->http;
	const struct pending *p = h->first;
	enum http1_method asked = p == NULL ? HTTP1_OTHER : p->method_kind;
	bool http2 =
		(p != NULL && p->http2) || bytes_starts_nocase(s->head.upgrade, BYTES_LIT("h2c"));
	unsigned status = s->head.status;
	bool interim = status >= 100 && status < 200 && status != 101;
	bool tunnel = status == 101 || (asked == HTTP1_CONNECT && status >= 200 && status < 300);

	describe_response(s);
	if (status == 100 && h->first != NULL)
		h->first->expects = false;
	if (!interim) {
		h->answering = h->first == NULL ? 0 : h->first->serial;
		forget_first(h);
	}
	if (asked == HTTP1_CONNECT && !interim)
		connect_answered(h, tunnel);
	if (!tunnel && !interim && status != 204 && status != 304 && asked != HTTP1_HEAD) {
		begin_body(s);
		return;
	}
	s->n_codings = (uint8_t)http1_codings(&s->head, s->codings);
	finish_message(s, false);
	if (tunnel)
		begin_tunnels(h, status == 101 && http2);
}

static void
end_head(struct side *s)
{
	flush_field(s);
	s->looked = false;
	if (s->kind == HTTP1_REQUEST)
		end_request_head(s);
	else
		end_response_head(s);
}

/* The client preface of HTTP/2 (RFC 9113, 3.4) stands where a start line would. */
static bool
is_http2_preface(const struct http1_head *h)
{
	return h->kind == HTTP1_REQUEST && h->version == 20 &&
		bytes_equal(h->method, BYTES_LIT("PRI")) && bytes_equal(h->target, BYTES_LIT("*"));
}

/* All that follows is HTTP/2, both ways; the preface is part of the client's message. */
static void
begin_http2(struct side *s)
{
	if (s->header != NULL)
		part_close(s->header, false);
	s->header = NULL;
	s->state = TUNNEL;
	s->http->http2 = true;
	begin_tunnel(&s->http->side[DIR_SERVER]);
}

static void
end_start_line(struct side *s)
{
	struct line *l = &s->line;

	s->start = false;
	if (l->over)
		s->head.odd = true;
	http1_start_line(&s->head, bytes_of(l->p, l->n));
	l->n = l->start = 0;
	l->over = false;
	if (is_http2_preface(&s->head))
		begin_http2(s);
}

/* A line of the head is complete. */
static void
end_line(struct side *s)
{
	struct line *l = &s->line;
	size_t crs = l->wire - l->not_cr;
	bool empty = l->not_cr == 0 && crs <= 1, blank = l->not_blank == 0;

	if (s->start) {
		end_start_line(s);
	} else if (empty) {
		end_head(s);
	} else if (blank) {
		/* The end for some; others read on. What follows decides. */
		begin_look(s, HEAD);
	} else if (l->continues) {
		http1_continuation(&s->head, bytes_of(l->p + l->start, l->n - l->start));
	}
	l->wire = l->not_cr = l->not_blank = 0;
	l->start = l->n;
}

/* The first byte of a line says if it continues the field before it. */
static void
begin_line(struct side *s, uint8_t c)
{
	struct line *l = &s->line;

	if (s->start)
		return;
	l->continues = (c == ' ' || c == '\t') && l->n > 0;
	if (!l->continues) {
		flush_field(s);
		return;
	}
	l->folded = true;
	line_put(s, BYTES_LIT(" "));
	l->start = l->n;
}

static size_t
head_step(struct side *s, struct bytes in)
{
	const uint8_t *lf = memchr(in.p, '\n', in.n);
	size_t n = lf == NULL ? in.n : (size_t)(lf - in.p);
	struct line *l = &s->line;

	if (l->wire == 0)
		begin_line(s, in.p[0]);
	push(s, s->header, bytes_of(in.p, n + (lf != NULL)));
	s->head_bytes += n;
	line_put(s, bytes_of(in.p, n));
	l->wire += n;
	for (size_t i = 0; i < n; i++) {
		l->not_cr += in.p[i] != '\r';
		l->not_blank += in.p[i] != '\r' && in.p[i] != ' ' && in.p[i] != '\t';
	}
	if (lf == NULL)
		return n;
	end_line(s);
	return n + 1;
}

/* ---- looking ---- */

static void
look_said_start(struct side *s)
{
	if (s->look_from == HEAD) {
		s->state = HEAD;
		return;
	}
	if (s->message != NULL)
		finish_message(s, false);
	begin_head(s);
}

static void
look_said_no(struct side *s)
{
	switch (s->look_from) {
	case HEAD:
		end_head(s);
		break;
	case IDLE:
		if (s->kind == HTTP1_REQUEST && s->http->connecting)
			begin_tunnel(s);
		else
			begin_stray(s);
		break;
	default:
		s->state = s->look_from;
	}
	s->looked = true;
}

static void
end_look(struct side *s, bool yes)
{
	uint8_t rest = (uint8_t)(s->n_replay - s->replay_at);

	memmove(s->replay + s->n_held, s->replay + s->replay_at, rest);
	memcpy(s->replay, s->held, s->n_held);
	s->n_replay = (uint8_t)(s->n_held + rest);
	s->replay_at = 0;
	s->n_held = 0;
	if (yes)
		look_said_start(s);
	else
		look_said_no(s);
}

static void
look_byte(struct side *s, uint8_t c)
{
	struct bytes head;
	enum http1_looks looks;

	s->held[s->n_held++] = c;
	head = bytes_of(s->held, s->n_held);
	looks = s->look_from == HEAD ? http1_looks_like_field(head)
				     : http1_looks_like_start(s->kind, head);
	if (looks != HTTP1_LOOKS_MORE || s->n_held == sizeof(s->held))
		end_look(s, looks == HTTP1_LOOKS_YES);
}

static size_t
idle_step(struct side *s, struct bytes in)
{
	size_t n = 0;

	while (n < in.n &&
		(in.p[n] == '\r' || in.p[n] == '\n' || in.p[n] == ' ' || in.p[n] == '\t' ||
			in.p[n] == '\0'))
		n++;
	s->idle += n;
	if (n < in.n)
		begin_look(s, IDLE);
	return n;
}

/* ---- the machine ---- */

static size_t
step(struct side *s, struct bytes in)
{
	switch (s->state) {
	case IDLE:
		return idle_step(s, in);
	case HEAD:
		return head_step(s, in);
	case BODY:
		return body_step(s, in);
	case TRAILER:
		return trailer_step(s, in);
	case STRAY:
		return stray_step(s, in);
	default:
		return tunnel_step(s, in);
	}
}

static void
run(struct side *s, struct bytes in)
{
	while (s->replay_at < s->n_replay || in.n > 0) {
		bool again = s->replay_at < s->n_replay;
		struct bytes from = again
			? bytes_of(s->replay + s->replay_at, (size_t)(s->n_replay - s->replay_at))
			: in;

		if (s->state == LOOK) {
			s->replay_at += again;
			in = again ? in : bytes_skip(in, 1);
			look_byte(s, from.p[0]);
		} else if (again) {
			s->replay_at = (uint8_t)(s->replay_at + step(s, from));
		} else {
			in = bytes_skip(in, step(s, from));
		}
	}
}

/* No more bytes, or not the next ones: what was held back is no start line. */
static void
settle(struct side *s)
{
	run(s, (struct bytes){NULL, 0});
	while (s->state == LOOK && (s->n_held > 0 || s->look_from != BODY)) {
		end_look(s, false);
		run(s, (struct bytes){NULL, 0});
	}
}

static void
end_side(struct side *s, bool reset)
{
	bool cut;

	settle(s);
	/* HTTP/0.9 has nothing but its start line. */
	if (s->state == HEAD && s->start)
		end_start_line(s);
	if (s->state == HEAD && s->kind == HTTP1_REQUEST)
		scan_target(s);
	cut = s->state == HEAD || (s->state == BODY && (reset || !s->body.until_close));
	if (s->message != NULL)
		finish_message(s, cut);
}

static void
http1_data(void *state, enum direction dir, struct bytes in)
{
	struct http1 *h = state;

	if (dir == DIR_CLIENT)
		h->position += in.n;
	run(&h->side[dir], in);
}

static void
http1_finish(void *state, enum direction dir)
{
	struct http1 *h = state;
	enum state was = h->side[dir].state;

	h->server_gone = h->server_gone || dir == DIR_SERVER;
	end_side(&h->side[dir], false);
	if (was == TUNNEL)
		h->side[dir].state = TUNNEL;
}

static void
http1_close(void *state, bool reset)
{
	struct http1 *h = state;

	end_side(&h->side[DIR_CLIENT], reset);
	end_side(&h->side[DIR_SERVER], reset);
}

/* ---- gaps ---- */

/* Does the framing say that the lost bytes were all of this body? */
static bool
lost_in_body(const struct side *s, uint64_t lost)
{
	const struct body *b = &s->body;

	if (s->state != BODY)
		return false;
	if (b->pure)
		return b->chunk.left > lost;
	if (b->chunked)
		return false;
	if (b->next_end < b->n_ends)
		return b->ends[b->n_ends - 1] - b->at > lost;
	return b->until_close;
}

/* The body goes on behind the hole; decoders can't, so the rest is read as it is. */
static void
skip_in_body(struct side *s, uint64_t lost)
{
	struct body *b = &s->body;

	if (b->pure)
		b->chunk.left -= lost;
	b->at += lost;
	while (b->next_end < b->n_ends && b->ends[b->next_end] <= b->at)
		b->next_end++;
	if (s->message == NULL)
		return;
	flush_first(s);
	if (s->part != NULL)
		part_close(s->part, true);
	s->part = NULL;
	s->n_codings = 0;
	s->head.type = (struct bytes){NULL, 0};
	message_gap(s->message, lost);
}

static void
http1_gap(void *state, enum direction dir, uint64_t lost)
{
	struct http1 *h = state;
	struct side *s = &h->side[dir];

	if (lost_in_body(s, lost)) {
		skip_in_body(s, lost);
		return;
	}
	settle(s);
	if (s->state == TUNNEL) {
		s->tls.broken = true;
		if (s->part == NULL)
			open_tunnel(s);
		if (s->message != NULL)
			message_gap(s->message, lost);
		return;
	}
	/* Which response is whose isn't known any more. */
	forget_all(h);
	if (s->message == NULL)
		begin_stray(s);
	if (s->message != NULL) {
		message_gap(s->message, lost);
		finish_message(s, true);
	}
	s->n_codings = 0;
	s->state = IDLE;
}

/* ---- refusing ---- */

/*
 * A refused request is absorbed to its end and then answered 403, and the connection
 * closes: what was pipelined behind it is the client's to send again.
 *
 * Responses to requests before it that have left pass first, whole (WAIT); requests
 * before it that haven't left are answered 503. A client that waits for 100 Continue
 * is answered at once, and so is CONNECT. Where a response to the refused request
 * has begun, or there is no request (a tunnel, stray bytes), no words fit.
 */
static void
begin_refusal(struct http1 *h, const struct refusal *r)
{
	const struct side *s = &h->side[DIR_CLIENT];
	uint64_t kept_back = refusal_unreleased(h->conversation, r);

	h->refusing = true;
	h->refused = r->serial > 0 ? r->serial : h->conversation->messages[DIR_CLIENT];
	h->left = kept_back < h->position ? h->position - kept_back : 0;
	h->early = s->message == NULL || s->message->serial != h->refused || !s->body_begun;
}

static const struct pending *
refused_request(const struct http1 *h)
{
	const struct pending *p = h->first;

	while (p != NULL && p->serial != h->refused)
		p = p->next;
	return p;
}

/* The server says something now. @return ABSORB: it doesn't */
static enum refuse_step
server_step(const struct http1 *h)
{
	const struct side *s = &h->side[DIR_SERVER];
	bool in_head;

	if (h->server_gone || s->state == TUNNEL || s->state == STRAY)
		return REFUSE_RESET;
	if (s->state == IDLE)
		return REFUSE_ABSORB;
	/* Behind its head it is known whose response it is. */
	in_head = s->state == HEAD ||
		(s->state == LOOK && (s->look_from == HEAD || s->look_from == IDLE));
	return !in_head && h->answering == h->refused ? REFUSE_RESET : REFUSE_WAIT;
}

/* What comes before the refused request. @return ABSORB: nothing any more */
static enum refuse_step
earlier_step(struct http1 *h, struct refusal *r)
{
	while (h->first != NULL && h->first->serial < h->refused) {
		if (h->first->at <= h->left)
			return REFUSE_WAIT;
		if (!http1_say_unavailable(r))
			return REFUSE_RESET;
		forget_first(h);
	}
	return REFUSE_ABSORB;
}

/* Is the refused message open, in its head? Then it may still become a request. */
static bool
in_refused_head(const struct http1 *h)
{
	const struct side *s = &h->side[DIR_CLIENT];

	return s->message != NULL && s->message->serial == h->refused &&
		(s->state == HEAD || (s->state == LOOK && s->look_from == HEAD));
}

/* Is the request complete, or as much of it as its client sends unanswered? */
static bool
is_over(const struct http1 *h, const struct pending *p)
{
	const struct side *s = &h->side[DIR_CLIENT];

	if (s->message == NULL || s->message->serial != h->refused || s->asking)
		return true;
	if (s->state == LOOK && s->look_from == BODY && s->n_held == 0)
		return true; /* it may go on for some recipients; the client won't */
	return p->expects && h->early;
}

static enum refuse_step
http1_refuse(void *state, struct refusal *r)
{
	struct http1 *h = state;
	const struct pending *p;
	enum refuse_step step;

	if (r->dir != DIR_CLIENT)
		return REFUSE_RESET;
	if (!h->refusing)
		begin_refusal(h, r);
	if (!h->speaking) {
		step = server_step(h);
		if (step == REFUSE_ABSORB)
			step = earlier_step(h, r);
		if (step != REFUSE_ABSORB)
			return step == REFUSE_WAIT && r->last ? REFUSE_RESET : step;
		h->speaking = true;
	}
	p = refused_request(h);
	if (p == NULL && !in_refused_head(h))
		return REFUSE_RESET;
	if (!r->last && (p == NULL || !is_over(h, p)))
		return REFUSE_ABSORB;
	http1_say_forbidden(r, p != NULL && p->json, p != NULL && p->method_kind == HTTP1_HEAD);
	return REFUSE_CLOSE;
}

/* ---- the table ---- */

static enum bid
bid_on_client(struct bytes in)
{
	const uint8_t *lf;
	struct bytes line;

	/* As in idle_step(). */
	while (in.n > 0 && (in.p[0] == '\r' || in.p[0] == '\n' || in.p[0] == ' ' ||
				   in.p[0] == '\t' || in.p[0] == '\0'))
		in = bytes_skip(in, 1);
	switch (http1_looks_like_start(HTTP1_REQUEST, in)) {
	case HTTP1_LOOKS_NO:
		return BID_NO;
	case HTTP1_LOOKS_MORE:
		return BID_MORE;
	default:
		break;
	}
	lf = memchr(in.p, '\n', in.n);
	if (lf == NULL)
		return in.n >= 512 ? BID_SURE : BID_MORE; /* a long target */
	line = bytes_trim(bytes_of(in.p, (size_t)(lf - in.p)));
	if (line.n < 9)
		return BID_MAYBE;
	if (bytes_starts_nocase(bytes_skip(line, line.n - 8), BYTES_LIT("HTTP/")))
		return BID_SURE;
	/* HTTP/0.9 has no version; RTSP and SIP have theirs. */
	return line.p[line.n - 4] == '/' && line.p[line.n - 2] == '.' ? BID_NO : BID_MAYBE;
}

static enum bid
bid_on_server(struct bytes in)
{
	switch (http1_looks_like_start(HTTP1_RESPONSE, in)) {
	case HTTP1_LOOKS_YES:
		return BID_SURE;
	case HTTP1_LOOKS_MORE:
		return BID_MORE;
	default:
		return BID_NO;
	}
}

static enum bid
http1_bid(struct bytes client, struct bytes server)
{
	enum bid c = client.n == 0 ? BID_MORE : bid_on_client(client);
	enum bid s = server.n == 0 ? BID_MORE : bid_on_server(server);

	if (c == BID_SURE || s == BID_SURE)
		return BID_SURE;
	if (c == BID_NO || s == BID_NO)
		return BID_NO;
	return c > s ? c : s;
}

static enum outcome
http1_open(void *state, struct conversation *c)
{
	struct http1 *h = state;

	h->conversation = c;
	h->tail = &h->first;
	for (int dir = 0; dir < 2; dir++) {
		h->side[dir].http = h;
		h->side[dir].dir = (enum direction)dir;
		h->side[dir].kind = dir == DIR_CLIENT ? HTTP1_REQUEST : HTTP1_RESPONSE;
	}
	return OUTCOME_OK;
}

const struct inspector_ops http1_inspector = {
	.name = "http",
	.channel = CHANNEL_WEB,
	.state_size = sizeof(struct http1),
	.bid = http1_bid,
	.open = http1_open,
	.data = http1_data,
	.gap = http1_gap,
	.finish = http1_finish,
	.close = http1_close,
	.refuse = http1_refuse,
};
