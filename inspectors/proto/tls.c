/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS: bytes that nothing here can read, as long as the record framing holds.
 * What breaks it is no TLS and is scanned as it is. Of the client's first
 * handshake message the server name is kept (RFC 6066, 3).
 */
#include "inspectors/proto/tls.h"

#include "inspectors/conversation.h"

enum { HELLO_MAX = 16384, HELLO_FIRST = 1024, HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2 };

struct side {
	struct message *message;
	struct part *part, *raw;
	struct tls_records records;
	/* The hello, taken out of its records. */
	uint8_t *hello;
	uint32_t n_hello, room, length; /* length: 0 until known */
	bool hello_over;		/* read, or not to be read */
};

struct tls {
	struct conversation *conversation;
	struct side side[2];
	bool server_spoke;
	bool hello_begun; /* at least the version of the client's first record has come */
};

/* ---- the hello ---- */

/* The name in a server_name extension. */
static struct bytes
server_name(struct bytes extension)
{
	struct reader r = reader_of(extension);
	uint16_t n;
	const uint8_t *p;

	(void)reader_be16(&r); /* length of the list */
	if (reader_u8(&r) != 0 || r.bad)
		return (struct bytes){NULL, 0};
	n = reader_be16(&r);
	p = reader_take(&r, n);
	return p == NULL || n > 255 ? (struct bytes){NULL, 0} : bytes_of(p, n);
}

struct bytes
tls_client_hello_name(struct bytes hello)
{
	struct reader r = reader_of(hello);

	(void)reader_take(&r, 4 + 2 + 32);	/* type, length, version, random */
	(void)reader_take(&r, reader_u8(&r));	/* session id */
	(void)reader_take(&r, reader_be16(&r)); /* cipher suites */
	(void)reader_take(&r, reader_u8(&r));	/* compression methods */
	(void)reader_be16(&r);
	while (!r.bad && r.p < r.end) {
		uint16_t type = reader_be16(&r), n = reader_be16(&r);
		const uint8_t *p = reader_take(&r, n);

		if (p != NULL && type == 0)
			return server_name(bytes_of(p, n));
	}
	return (struct bytes){NULL, 0};
}

static bool
hello_room(struct tls *t, enum direction dir, size_t need)
{
	struct side *s = &t->side[dir];
	size_t room = s->room == 0 ? HELLO_FIRST : s->room;
	uint8_t *p;

	if (need <= s->room)
		return true;
	while (room < need)
		room *= 2;
	p = room > HELLO_MAX ? NULL : arena_alloc(&t->conversation->keep[dir], room);
	if (p == NULL)
		return false;
	if (s->n_hello > 0)
		memcpy(p, s->hello, s->n_hello);
	s->hello = p;
	s->room = (uint32_t)room;
	return true;
}

/* More of the first handshake message. */
static void
hello_bytes(struct tls *t, enum direction dir, struct bytes in)
{
	struct side *s = &t->side[dir];

	while (in.n > 0 && !s->hello_over) {
		size_t want = (s->length == 0 ? 4 : s->length) - s->n_hello;
		size_t n = want < in.n ? want : in.n;

		if (!hello_room(t, dir, s->n_hello + n)) {
			s->hello_over = true;
			return;
		}
		memcpy(s->hello + s->n_hello, in.p, n);
		s->n_hello += (uint32_t)n;
		in = bytes_skip(in, n);
		if (s->n_hello < 4 || n < want)
			continue;
		if (s->length == 0) {
			s->length = 4 +
				((uint32_t)s->hello[1] << 16 | (uint32_t)s->hello[2] << 8 |
					s->hello[3]);
			s->hello_over = s->hello[0] != CLIENT_HELLO || s->length > HELLO_MAX;
		}
		if (!s->hello_over && s->n_hello == s->length) {
			s->message->url_host = message_keep(
				s->message, tls_client_hello_name(bytes_of(s->hello, s->length)));
			s->hello_over = true;
		}
	}
}

/* ---- bytes ---- */

static bool
open_side(struct tls *t, enum direction dir)
{
	static const struct part_meta meta = {.label = "tls"};
	struct side *s = &t->side[dir];

	if (s->message != NULL)
		return true;
	s->message = conversation_message(t->conversation, dir, t->conversation->channel, "tls");
	if (s->message == NULL)
		return false;
	s->part = part_open(s->message, NULL, &meta);
	s->hello_over = dir != DIR_CLIENT;
	return true;
}

/* Take what fits the framing; the hello is read from the fragments on the way. */
static size_t
take_records(struct tls *t, enum direction dir, struct bytes in)
{
	struct side *s = &t->side[dir];
	size_t at = 0;

	while (at < in.n && !s->records.broken) {
		bool fragment = s->records.n_head == TLS_RECORD_HEADER;
		size_t n = fragment ? s->records.left : 1;

		if (n > in.n - at)
			n = in.n - at;
		n = tls_records_take(&s->records, bytes_of(in.p + at, n));
		if (fragment && s->records.type == HANDSHAKE)
			hello_bytes(t, dir, bytes_of(in.p + at, n));
		else if (fragment)
			s->hello_over = true;
		at += n;
		if (s->hello_over)
			return at + tls_records_take(&s->records, bytes_skip(in, at));
	}
	return at;
}

static void
push_raw(struct side *s, struct bytes in)
{
	static const struct part_meta meta = {.label = "raw"};

	if (s->raw == NULL) {
		part_close(s->part, false);
		s->raw = part_open(s->message, NULL, &meta);
	}
	part_push(s->raw, in);
}

static void
tls_data(void *state, enum direction dir, struct bytes in)
{
	struct tls *t = state;
	struct side *s = &t->side[dir];
	size_t n;

	if (!open_side(t, dir)) {
		conversation_over(t->conversation, dir, in.n);
		return;
	}
	n = take_records(t, dir, in);
	t->server_spoke = t->server_spoke || dir == DIR_SERVER;
	t->hello_begun = t->hello_begun ||
		(dir == DIR_CLIENT && s->message->bytes_total + n > 2);
	if (n > 0)
		part_skip(s->part, OPAQUE_TLS, n);
	if (n < in.n)
		push_raw(s, bytes_skip(in, n));
}

/* Inside a record the framing holds over a hole; else it is lost. */
static void
tls_gap(void *state, enum direction dir, uint64_t lost)
{
	struct tls *t = state;
	struct side *s = &t->side[dir];
	struct tls_records *r = &s->records;

	if (!open_side(t, dir))
		return;
	message_gap(s->message, lost);
	s->hello_over = true;
	if (r->broken)
		return;
	if (r->n_head == TLS_RECORD_HEADER && r->left > lost)
		r->left -= (uint32_t)lost;
	else
		*r = (struct tls_records){0}; /* the next byte may begin a record, or break it */
}

static void
close_side(struct tls *t, enum direction dir)
{
	struct side *s = &t->side[dir];

	if (s->message != NULL) {
		/* The host may have learned it since. */
		s->message->channel = t->conversation->channel;
		message_close(s->message, false);
	}
	*s = (struct side){.hello_over = true, .records = s->records};
}

static void
tls_finish(void *state, enum direction dir)
{
	struct tls *t = state;

	close_side(t, dir);
}

static void
tls_close(void *state, bool reset)
{
	struct tls *t = state;

	close_side(t, DIR_CLIENT);
	close_side(t, DIR_SERVER);
}

/* ---- refusing ---- */

/*
 * A fatal alert, access_denied (RFC 8446, 6.2), in the place of the ServerHello and in the
 * version of the ClientHello's record. Once the server has spoken an alert would have to
 * be encrypted, or would at least contradict what it said: then no words fit.
 */
static enum refuse_step
tls_refuse(void *state, struct refusal *r)
{
	enum { ALERT = 21, FATAL = 2, ACCESS_DENIED = 49 };
	const struct tls *t = state;
	const struct side *client = &t->side[DIR_CLIENT];

	if (r->dir != DIR_CLIENT || t->server_spoke || client->records.broken || !t->hello_begun)
		return REFUSE_RESET;
	(void)refusal_say(r, "%c%c%c%c%c%c%c", ALERT, 3, client->records.version_low, 0, 2, FATAL,
		ACCESS_DENIED);
	return REFUSE_CLOSE;
}

/* ---- the table ---- */

static enum bid
bid_on(struct bytes in, uint8_t hello)
{
	if (in.n == 0)
		return BID_MORE;
	if (!tls_records_begin(in) || in.p[0] != HANDSHAKE)
		return BID_NO;
	if (in.n <= TLS_RECORD_HEADER)
		return BID_MORE;
	return in.p[TLS_RECORD_HEADER] == hello ? BID_SURE : BID_NO;
}

static enum bid
tls_bid(struct bytes client, struct bytes server)
{
	enum bid c = bid_on(client, CLIENT_HELLO), s = bid_on(server, SERVER_HELLO);

	if (c == BID_SURE || s == BID_SURE)
		return BID_SURE;
	return c == BID_NO || s == BID_NO ? BID_NO : BID_MORE;
}

static enum outcome
tls_open(void *state, struct conversation *c)
{
	struct tls *t = state;

	t->conversation = c;
	return OUTCOME_OK;
}

const struct inspector_ops tls_inspector = {
	.name = "tls",
	.channel = CHANNEL_OTHER,
	.state_size = sizeof(struct tls),
	.bid = tls_bid,
	.open = tls_open,
	.data = tls_data,
	.gap = tls_gap,
	.finish = tls_finish,
	.close = tls_close,
	.refuse = tls_refuse,
};
