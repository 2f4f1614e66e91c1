/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules, the state machine and the verb table are in smtp.h. */
#include "inspectors/proto/smtp.h"

#include "inspectors/conversation.h"
#include "inspectors/proto/smtp_line.h"
#include "inspectors/proto/smtp_refuse.h"

enum smtp_state { SMTP_COMMAND, SMTP_ASKED, SMTP_CONTENT, SMTP_CHUNK, SMTP_OPAQUE };

enum {
	LINE_KEPT = 2048,   /* of a command line; RFC 5321 and its extensions need less */
	AUTH_LINES = 4,     /* of secrets that the server didn't ask for */
	AUTH_BYTES = 16384, /* RFC 4954, 4: 12,288 for a line */
	PEEK = 9,           /* bytes that tell a command behind a doubtful dot */
	QUEUE_SPARE = 8,    /* entries beyond limits.pipelined, for DATA and merged ones */
};

/* A command whose reply hasn't come. */
struct pending {
	uint8_t verb;
	bool last;        /* BDAT LAST: its reply ends the mail */
	bool end;         /* not a command: the content's end, which gets a reply of its own */
	bool assumed;     /* taken as accepted already */
	bool several;     /* commands over the limit: only their number is kept */
	unsigned replies; /* that are due */
	uint32_t serial;  /* of the client's message that it belongs to */
	uint64_t at;      /* client bytes that have to be there before a reply is due */
	struct bytes address;
};

enum dot { DOT_NONE, DOT_SEEN, DOT_CR };

struct content {
	struct part *part;
	bool tentative;   /* DATA isn't answered yet */
	uint8_t last[2];  /* bytes before this one */
	enum dot dot;     /* a line that begins with a dot, so far */
	bool crlf_before; /* the line before it ended with CRLF */
	bool doubtful;    /* a dot stood alone between other line ends */
	bool peeking;     /* at what follows such a dot */
	uint8_t peek[PEEK];
	unsigned n_peek;
};

struct side {
	struct message *message;
	struct part *session; /* open while text goes into it */
	struct part *opaque;
	bool seen;
	bool tls; /* a TLS record may begin at the next line */
	bool opaque_now;
};

struct smtp {
	struct conversation *conversation;
	struct side side[2];
	enum smtp_state state;
	/* The client's line so far. */
	uint8_t line[LINE_KEPT];
	size_t n_line;
	bool overlong; /* line[] was scanned already, and so is the rest */
	bool stray;    /* the message holds text that is no command */
	bool crlf;     /* the client has ended a line with CRLF */
	bool resync;   /* behind a gap, until a command is seen */
	/* AUTH */
	bool auth, asked_secret;
	unsigned auth_lines;
	uint64_t auth_bytes;
	/* Content */
	struct content content;
	bool last_chunk;
	uint64_t chunk_left;
	/* Replies */
	struct pending *queue;
	size_t n_queue, room;
	bool unpaired;
	bool greeted;
	uint8_t reply[4];
	unsigned n_reply;
	bool reply_held; /* reply[0] wasn't scanned yet: it may begin a TLS record */
	/* Envelope: in an arena of its own, since it outlives messages. */
	struct arena arena;
	struct bytes from;
	struct mail_address *to, **to_tail;
	unsigned n_to;
	bool to_over;
	bool lmtp;
	/* Refusing */
	uint64_t position; /* client bytes up to the end of what data() was given */
	uint32_t serial;   /* of the client's message begun last */
	bool client_gone;
	struct smtp_refusal refusal;
};

/* ---- envelope ---- */

static bool
queue_holds_addresses(const struct smtp *s)
{
	for (size_t i = 0; i < s->n_queue; i++)
		if (s->queue[i].address.n > 0)
			return true;
	return false;
}

static void
envelope_reset(struct smtp *s)
{
	s->from = (struct bytes){NULL, 0};
	s->to = NULL;
	s->to_tail = &s->to;
	s->n_to = 0;
	s->to_over = false;
	if (!queue_holds_addresses(s))
		arena_release(&s->arena);
}

static void
envelope_add(struct smtp *s, struct bytes address)
{
	struct mail_address *a;

	if (s->n_to >= s->conversation->env->limits->recipients) {
		s->to_over = true;
		return;
	}
	a = arena_zalloc(&s->arena, sizeof(*a));
	if (a == NULL) {
		s->to_over = true;
		return;
	}
	a->address = address;
	*s->to_tail = a;
	s->to_tail = &a->next;
	s->n_to++;
}

static void
accept_command(struct smtp *s, struct pending *p)
{
	struct bytes address = p->address;

	p->address = (struct bytes){NULL, 0};
	p->assumed = true;
	switch (p->verb) {
	case SMTP_MAIL:
		/* Its address is in the arena, which must not be released under it. */
		s->to = NULL;
		s->to_tail = &s->to;
		s->n_to = 0;
		s->to_over = false;
		s->from = address;
		break;
	case SMTP_RCPT:
		envelope_add(s, address);
		break;
	case SMTP_EHLO:
	case SMTP_LHLO:
		s->lmtp = p->verb == SMTP_LHLO;
		envelope_reset(s);
		break;
	case SMTP_RSET:
		envelope_reset(s);
		break;
	default:
		break;
	}
}

/* ---- queue ---- */

static void
assume_first(struct smtp *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!s->queue[i].assumed)
			accept_command(s, &s->queue[i]);
}

static void
pairing_lost(struct smtp *s)
{
	assume_first(s, s->n_queue);
	s->n_queue = 0;
	s->unpaired = true;
	if (s->refusal.on)
		smtp_refusal_lost(&s->refusal);
}

static void
queue_drop(struct smtp *s, size_t at, size_t n)
{
	memmove(s->queue + at, s->queue + at + n, (s->n_queue - at - n) * sizeof(*s->queue));
	s->n_queue -= n;
}

/* Position of the first DATA that is unanswered, or n_queue. */
static size_t
queue_find_data(const struct smtp *s)
{
	size_t i = 0;

	while (i < s->n_queue && (s->queue[i].verb != SMTP_DATA || s->queue[i].end))
		i++;
	return i;
}

static struct bytes
keep_address(struct smtp *s, struct bytes address)
{
	char *copy = address.n == 0 ? NULL : arena_copy(&s->arena, address.p, address.n);

	if (address.n > 0 && copy == NULL)
		s->to_over = true;
	return copy == NULL ? (struct bytes){NULL, 0} : bytes_of(copy, address.n);
}

static void
queue_push(struct smtp *s, const struct smtp_command *c, bool end, unsigned replies)
{
	struct pending p = {
	        .verb = (uint8_t)c->verb, .last = c->last, .end = end, .replies = replies,
	        .serial = s->serial, .at = s->position};
	struct pending *tail;
	bool over = s->n_queue >= s->conversation->env->limits->pipelined && c->verb != SMTP_DATA;

	/* First, since what was accepted before may give the arena back. */
	if (s->n_queue == s->room)
		pairing_lost(s);
	else if (over)
		assume_first(s, s->n_queue);
	p.address = keep_address(s, c->address);
	/* Refused as it stands; nothing to do when the reply comes. */
	if (c->malformed)
		p.verb = SMTP_UNKNOWN;
	if (s->unpaired || over)
		accept_command(s, &p);
	if (s->unpaired)
		return;
	if (over) {
		tail = &s->queue[s->n_queue - 1];
		p.verb = SMTP_OTHER;
		if (tail->verb == SMTP_OTHER && tail->assumed) {
			tail->replies++;
			tail->several = true;
			tail->at = p.at;
			return;
		}
		p.several = true;
	}
	s->queue[s->n_queue++] = p;
}

/* ---- messages and text ---- */

static struct message *
open_message(struct smtp *s, enum direction dir)
{
	struct side *side = &s->side[dir];

	if (side->message == NULL)
		side->message = conversation_message(s->conversation, dir, CHANNEL_MAIL, "smtp");
	if (dir == DIR_CLIENT && side->message != NULL)
		s->serial = side->message->serial;
	return side->message;
}

static void
close_message(struct smtp *s, enum direction dir, bool cut)
{
	struct side *side = &s->side[dir];

	if (side->message != NULL) {
		side->message->session =
			side->message->command == NULL && (dir == DIR_SERVER || !s->stray);
		message_close(side->message, cut);
	}
	side->message = NULL;
	side->session = NULL;
	side->opaque = NULL;
	if (dir == DIR_CLIENT) {
		s->content.part = NULL;
		s->stray = false;
	}
}

/* Protocol text: scanned as it is. */
static void
session_text(struct smtp *s, enum direction dir, struct bytes text)
{
	static const struct part_meta session = {.label = "smtp>session"};
	static const struct part_meta command = {.label = "command"};
	struct side *side = &s->side[dir];
	struct message *m = text.n == 0 ? NULL : open_message(s, dir);

	if (m == NULL) {
		conversation_over(s->conversation, dir, text.n);
		return;
	}
	if (dir == DIR_CLIENT && s->content.part != NULL) {
		/* A command between two chunks of a mail, whose parts stay open. */
		struct part *p = part_open(m, m->top, &command);

		part_push(p, text);
		part_close(p, false);
		message_count(m, text.n);
		return;
	}
	if (side->session == NULL)
		side->session = part_open(m, NULL, &session);
	part_push(side->session, text);
}

static void
close_session_part(struct side *side)
{
	if (side->session != NULL)
		part_close(side->session, false);
	side->session = NULL;
}

/* Bytes that were read and must not be scanned. */
static void
count_secret(struct smtp *s, uint64_t n)
{
	struct message *m = n == 0 ? NULL : open_message(s, DIR_CLIENT);

	s->auth_bytes += n;
	if (m == NULL)
		conversation_over(s->conversation, DIR_CLIENT, n);
	else
		message_count(m, n);
}

static void
skip_tls(struct smtp *s, enum direction dir, uint64_t n)
{
	static const struct part_meta meta = {.label = "smtp>tls"};
	struct side *side = &s->side[dir];
	struct message *m = open_message(s, dir);

	if (m == NULL) {
		conversation_over(s->conversation, dir, n);
		return;
	}
	close_session_part(side);
	if (side->opaque == NULL)
		side->opaque = part_open(m, NULL, &meta);
	part_skip(side->opaque, OPAQUE_TLS, n);
}

/* ---- a mail's content ---- */

static void
envelope_to_message(struct smtp *s, struct message *m)
{
	m->mail_from = message_keep(m, s->from);
	for (const struct mail_address *a = s->to; a != NULL; a = a->next)
		message_add_recipient(m, a->address);
	/* Without any, the envelope went by unseen. */
	m->recipients_over |= s->to_over || s->n_to == 0;
}

/* Its commands are in another message, and identifiers can hide in addresses. */
static void
scan_envelope(struct smtp *s, struct message *m)
{
	static const struct part_meta meta = {.label = "envelope"};
	struct part *p = part_open(m, m->top, &meta);

	part_push(p, s->from);
	part_push(p, BYTES_LIT("\n"));
	for (const struct mail_address *a = s->to; a != NULL; a = a->next) {
		part_push(p, a->address);
		part_push(p, BYTES_LIT("\n"));
	}
	part_close(p, false);
}

/* @param refused  it never was a mail: its message is mere text */
static void
abort_content(struct smtp *s, bool refused)
{
	struct message *m = s->side[DIR_CLIENT].message;

	if (s->content.part == NULL)
		return;
	part_close(s->content.part, true);
	s->content.part = NULL;
	if (refused) {
		s->stray = true; /* it is read, and is no command */
		m->command = NULL;
		m->mail_from = (struct bytes){NULL, 0};
		m->mail_to = NULL;
		m->mail_to_tail = &m->mail_to;
		m->n_mail_to = 0;
		m->recipients_over = false;
	}
	close_message(s, DIR_CLIENT, !refused);
}

static void
begin_content(struct smtp *s, const char *command)
{
	static const struct part_meta meta = {
	        .label = "smtp", .type = {(const uint8_t *)"message/rfc822", 14}};
	struct side *side = &s->side[DIR_CLIENT];
	bool split = s->stray;
	struct message *m;

	abort_content(s, false); /* chunks without a last one */
	/* What is unanswered before the last DATA is taken as accepted. */
	for (size_t i = s->n_queue; i-- > 0;)
		if (s->queue[i].verb == SMTP_DATA || s->queue[i].verb == SMTP_BDAT) {
			assume_first(s, i);
			break;
		}
	if (split)
		close_message(s, DIR_CLIENT, false);
	close_session_part(side);
	s->content = (struct content){.last = {'\r', '\n'}};
	m = open_message(s, DIR_CLIENT);
	if (m == NULL)
		return;
	m->command = command;
	envelope_to_message(s, m);
	s->content.part = part_open(m, NULL, &meta);
	if (split)
		scan_envelope(s, m);
}

/* Bytes of the content's framing: the dots that were stuffed in, and the end. */
static void
count_framing(struct smtp *s, uint64_t n)
{
	struct message *m = s->side[DIR_CLIENT].message;

	if (m == NULL)
		conversation_over(s->conversation, DIR_CLIENT, n);
	else
		message_count(m, n);
}

/* A dot at the beginning of a line, of which no more comes. */
static void
drop_dot(struct smtp *s)
{
	if (s->content.dot != DOT_NONE)
		count_framing(s, s->content.dot == DOT_CR ? 2 : 1);
	s->content.dot = DOT_NONE;
}

static void
end_content(struct smtp *s)
{
	if (s->content.part != NULL)
		part_close(s->content.part, false);
	s->content.part = NULL;
	close_message(s, DIR_CLIENT, false);
	s->state = SMTP_COMMAND;
	s->n_line = 0;
	s->overlong = false;
}

/* The server has ended the content somewhere in what was read: lines are commands again. */
static void
leave_content(struct smtp *s)
{
	bool at_line = s->content.dot == DOT_NONE && s->content.last[1] == '\n';

	drop_dot(s);
	s->state = SMTP_COMMAND;
	s->n_line = 0;
	s->overlong = !at_line;
	s->stray |= !at_line;
}

static void
push_content(struct smtp *s, struct bytes in)
{
	if (in.n == 0)
		return;
	if (s->content.part == NULL)
		conversation_over(s->conversation, DIR_CLIENT, in.n);
	else
		part_push(s->content.part, in);
}

/* Commands follow a doubtful end: another receiver would see another mail. */
static void
check_smuggling(struct smtp *s)
{
	static const char *const words[] = {"mail from", "rcpt to", "ehlo ", "helo ", "lhlo ",
	        "data\r", "data\n", "rset\r", "rset\n", "quit\r", "quit\n", "bdat ", "noop\r",
	        "noop\n", "noop ", "help\r", "help\n", "vrfy ", "expn ", "auth ", "starttls"};
	struct content *c = &s->content;
	struct message *m = s->side[DIR_CLIENT].message;

	c->peeking = false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (c->part != NULL &&
		        bytes_starts_nocase(bytes_of(c->peek, c->n_peek), bytes_str(words[i]))) {
			part_mark_opaque(c->part, OPAQUE_DAMAGED);
			m->recipients_over = true;
			return;
		}
}

static void
peek_at(struct smtp *s, struct bytes in)
{
	struct content *c = &s->content;

	for (size_t i = 0; i < in.n && c->peeking; i++) {
		/* Servers forgive blanks and empty lines in front of a command. */
		if (c->n_peek == 0 && (in.p[i] <= ' ' || in.p[i] == '\x7f'))
			continue;
		c->peek[c->n_peek++] = in.p[i];
		if (c->n_peek == PEEK || in.p[i] == '\n')
			check_smuggling(s);
	}
}

static void
doubtful_dot(struct smtp *s)
{
	s->content.doubtful = true;
	s->content.peeking = true;
	s->content.n_peek = 0;
}

static void
content_ended(struct smtp *s)
{
	static const struct smtp_command data = {.verb = SMTP_DATA};
	unsigned replies = s->lmtp && s->n_to > 0 ? s->n_to : 1;

	end_content(s);
	queue_push(s, &data, true, replies);
	envelope_reset(s);
}

/* Behind a dot at the beginning of a line. @return what is left of @p in */
static struct bytes
after_dot(struct smtp *s, struct bytes in)
{
	struct content *c = &s->content;
	uint8_t b = in.p[0];
	bool lf_client = !s->crlf;

	if (c->dot == DOT_SEEN && b == '\r') {
		c->dot = DOT_CR;
		return bytes_skip(in, 1);
	}
	if (b == '\n' && ((c->dot == DOT_CR && c->crlf_before) || lf_client)) {
		drop_dot(s);
		count_framing(s, 1);
		content_ended(s);
		return bytes_skip(in, 1);
	}
	/* The dot itself is dropped in every case (RFC 5321, 4.5.2). */
	count_framing(s, 1);
	if (c->dot == DOT_CR || b == '\n')
		doubtful_dot(s);
	c->last[1] = '.';
	if (c->dot == DOT_CR) {
		push_content(s, BYTES_LIT("\r"));
		c->last[0] = '.';
		c->last[1] = '\r';
	}
	c->dot = DOT_NONE;
	if (b == '\n') {
		push_content(s, BYTES_LIT("\n"));
		c->last[0] = c->last[1];
		c->last[1] = '\n';
		return bytes_skip(in, 1);
	}
	return in;
}

/* The next dot at the beginning of a line, or in.n. */
static size_t
find_dot(const struct content *c, struct bytes in)
{
	size_t i = 0;

	while (i < in.n) {
		const uint8_t *dot = memchr(in.p + i, '.', in.n - i);
		uint8_t before;

		if (dot == NULL)
			return in.n;
		i = (size_t)(dot - in.p);
		before = i > 0 ? in.p[i - 1] : c->last[1];
		if (before == '\n' || before == '\r')
			return i;
		i++;
	}
	return in.n;
}

static void
remember_last(struct content *c, struct bytes in)
{
	if (in.n == 0)
		return;
	c->last[0] = in.n > 1 ? in.p[in.n - 2] : c->last[1];
	c->last[1] = in.p[in.n - 1];
}

static struct bytes
client_content(struct smtp *s, struct bytes in)
{
	struct content *c = &s->content;
	struct bytes run;

	if (c->dot != DOT_NONE)
		return after_dot(s, in);
	run = bytes_of(in.p, find_dot(c, in));
	peek_at(s, run);
	push_content(s, run);
	remember_last(c, run);
	if (run.n == in.n)
		return bytes_skip(in, in.n);
	c->dot = DOT_SEEN;
	c->peeking = false;
	c->crlf_before = c->last[0] == '\r' && c->last[1] == '\n';
	return bytes_skip(in, run.n + 1);
}

/* The chunk that is being read: its command, if that is unanswered. */
static struct pending *
unfinished_chunk(struct smtp *s)
{
	struct pending *tail = s->n_queue == 0 ? NULL : &s->queue[s->n_queue - 1];

	return tail != NULL && tail->verb == SMTP_BDAT && tail->at == UINT64_MAX ? tail : NULL;
}

static void
chunk_done(struct smtp *s)
{
	struct pending *chunk = unfinished_chunk(s);

	if (chunk != NULL)
		chunk->at = s->position;
	s->state = SMTP_COMMAND;
	if (!s->last_chunk)
		return;
	end_content(s);
	envelope_reset(s);
}

static struct bytes
client_chunk(struct smtp *s, struct bytes in)
{
	size_t n = s->chunk_left < in.n ? (size_t)s->chunk_left : in.n;
	struct bytes octets = bytes_of(in.p, n);

	s->chunk_left -= n;
	if (s->content.part != NULL)
		push_content(s, octets);
	else
		session_text(s, DIR_CLIENT, octets); /* refused, and still to be absorbed */
	if (s->chunk_left == 0)
		chunk_done(s);
	return bytes_skip(in, n);
}

/* ---- commands ---- */

static void
on_bdat(struct smtp *s, const struct smtp_command *c)
{
	unsigned replies = c->last && s->lmtp && s->n_to > 0 ? s->n_to : 1;

	queue_push(s, c, false, replies);
	if (s->content.part == NULL) {
		begin_content(s, "BDAT");
		s->content.tentative = false;
	}
	if (!s->unpaired && s->n_queue > 0 && s->queue[s->n_queue - 1].verb == SMTP_BDAT) {
		s->queue[s->n_queue - 1].at = UINT64_MAX; /* until the chunk has come */
		s->queue[s->n_queue - 1].serial = s->serial;
	}
	s->state = SMTP_CHUNK;
	s->chunk_left = c->size;
	s->last_chunk = c->last;
	if (c->size == 0)
		chunk_done(s);
}

/* What is asked for will make the rest unreadable. */
static void
set_opaque_ahead(struct smtp *s, enum opaque_reason reason)
{
	struct message *m = s->side[DIR_CLIENT].message;

	if (m != NULL)
		m->opaque_ahead = reason;
}

static void
on_command(struct smtp *s, const struct smtp_command *c)
{
	switch (c->malformed ? SMTP_OTHER : c->verb) {
	case SMTP_BDAT:
		on_bdat(s, c);
		return;
	case SMTP_DATA:
		abort_content(s, false);
		s->state = SMTP_ASKED;
		break;
	case SMTP_EHLO:
	case SMTP_LHLO:
	case SMTP_MAIL:
	case SMTP_RSET:
	case SMTP_QUIT:
		abort_content(s, false); /* chunks without a last one */
		break;
	case SMTP_AUTH:
		s->auth = true;
		s->asked_secret = false;
		s->auth_lines = 0;
		s->auth_bytes = 0;
		break;
	case SMTP_STARTTLS:
		s->side[DIR_CLIENT].tls = true;
		s->side[DIR_SERVER].tls |= !s->side[DIR_SERVER].seen || s->unpaired;
		set_opaque_ahead(s, OPAQUE_TLS);
		break;
	default:
		break;
	}
	queue_push(s, c, false, 1);
}

/* Does the line go on with an AUTH exchange? */
static bool
is_secret(const struct smtp *s, const struct smtp_command *c)
{
	if (!s->auth || s->auth_bytes > AUTH_BYTES)
		return false;
	if (s->asked_secret)
		return true;
	return c->verb == SMTP_UNKNOWN && s->auth_lines < AUTH_LINES;
}

static size_t
line_end_length(struct bytes line)
{
	if (line.n == 0 || line.p[line.n - 1] != '\n')
		return 0;
	return line.n > 1 && line.p[line.n - 2] == '\r' ? 2 : 1;
}

/*
 * Scan a line, or the kept beginning of an overlong one, except for its secrets.
 * The line end is scanned, so that what is in front and behind don't touch.
 */
static void
scan_line(struct smtp *s, const struct smtp_command *c, struct bytes line)
{
	size_t body = line.n - line_end_length(line), clear;

	if (is_secret(s, c)) {
		clear = 0;
	} else if (c->verb == SMTP_AUTH && c->clear < body) {
		clear = c->clear;
	} else {
		session_text(s, DIR_CLIENT, line);
		return;
	}
	session_text(s, DIR_CLIENT, bytes_of(line.p, clear));
	count_secret(s, body - clear);
	session_text(s, DIR_CLIENT, bytes_skip(line, body));
}

static void
begin_data(struct smtp *s, bool tentative)
{
	begin_content(s, "DATA");
	s->content.tentative = tentative;
	s->state = SMTP_CONTENT;
}

static void push_client(struct smtp *s, struct bytes in);

/* Content begins with what was kept of the line so far. */
static void
begin_data_with_line(struct smtp *s, bool tentative)
{
	uint8_t line[LINE_KEPT];
	size_t n = s->n_line;

	memcpy(line, s->line, n);
	s->n_line = 0;
	s->overlong = false;
	begin_data(s, tentative);
	push_client(s, bytes_of(line, n));
}

/* A line is complete: with its line end in line[], unless it is overlong. */
static void
take_line(struct smtp *s)
{
	struct bytes line = bytes_of(s->line, s->n_line);
	struct smtp_command c = smtp_command_parse(line);
	bool overlong = s->overlong, secret;

	if (s->state == SMTP_ASKED && c.verb == SMTP_UNKNOWN && !overlong) {
		begin_data_with_line(s, true);
		return;
	}
	secret = is_secret(s, &c);
	if (!overlong)
		scan_line(s, &c, line);
	s->n_line = 0;
	s->overlong = false;
	if (secret) {
		s->asked_secret = false;
		s->auth_lines++;
		if (s->n_queue > 0 && s->queue[0].verb == SMTP_AUTH)
			s->queue[0].at = s->position;
		return;
	}
	if (s->resync && c.verb == SMTP_UNKNOWN)
		return;
	s->resync = false;
	if (c.verb == SMTP_UNKNOWN)
		s->stray = true;
	else if (s->unpaired || !s->side[DIR_SERVER].seen)
		s->auth = false;
	/* Other commands in clear: no TLS record is to come. */
	if (c.verb != SMTP_UNKNOWN && s->n_queue == 0) {
		s->side[DIR_CLIENT].tls = false;
		/* What was refused stays what its event tells of. */
		if (!s->refusal.on)
			set_opaque_ahead(s, OPAQUE_NONE);
	}
	on_command(s, &c);
}

/* line[] is full: from here on the line goes by as it comes. */
static bool
take_overlong(struct smtp *s)
{
	struct smtp_command c;

	if (s->state == SMTP_ASKED) {
		begin_data_with_line(s, true);
		return false;
	}
	c = smtp_command_parse(bytes_of(s->line, s->n_line));
	scan_line(s, &c, bytes_of(s->line, s->n_line));
	s->overlong = true;
	return true;
}

/* The rest of an overlong line. */
static void
scan_rest(struct smtp *s, struct bytes in)
{
	struct smtp_command c = smtp_command_parse(bytes_of(s->line, s->n_line));

	if (is_secret(s, &c) || (c.verb == SMTP_AUTH && s->auth_bytes <= AUTH_BYTES))
		count_secret(s, in.n);
	else
		session_text(s, DIR_CLIENT, in);
}

/* @return whether the bytes are TLS from here on */
static bool
look_for_tls(struct smtp *s, struct bytes in)
{
	struct side *side = &s->side[DIR_CLIENT];
	uint8_t two[2];

	if (!side->tls || s->overlong || s->n_line > 1 || s->n_line + in.n < 2)
		return false;
	two[0] = s->n_line == 1 ? s->line[0] : in.p[0];
	two[1] = s->n_line == 1 ? in.p[0] : in.p[1];
	if (!smtp_is_tls(bytes_of(two, 2)))
		return false;
	abort_content(s, false);
	skip_tls(s, DIR_CLIENT, s->n_line);
	set_opaque_ahead(s, OPAQUE_NONE); /* it has begun, and is counted */
	s->n_line = 0;
	s->state = SMTP_OPAQUE;
	return true;
}

static struct bytes
client_line(struct smtp *s, struct bytes in)
{
	const uint8_t *lf;
	size_t n, room;

	if (look_for_tls(s, in))
		return in;
	lf = memchr(in.p, '\n', in.n);
	n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
	if (s->overlong) {
		scan_rest(s, bytes_of(in.p, n));
	} else {
		room = sizeof(s->line) - s->n_line;
		n = n < room ? n : room;
		memcpy(s->line + s->n_line, in.p, n);
		s->n_line += n;
	}
	if (n > 0 && in.p[n - 1] == '\n') {
		if (!s->overlong && s->n_line > 1 && s->line[s->n_line - 2] == '\r')
			s->crlf = true;
		take_line(s);
	} else if (!s->overlong && s->n_line == sizeof(s->line)) {
		(void)take_overlong(s);
	}
	return bytes_skip(in, n);
}

/* ---- refusing ---- */

/* The server is out of it: answer what is complete. */
static void
answer_unanswered(struct smtp *s)
{
	while (s->n_queue > 0 && !s->refusal.closing && s->queue[0].at != UINT64_MAX) {
		const struct pending *p = &s->queue[0];
		const struct smtp_unanswered u = {.verb = (enum smtp_verb)p->verb,
			.end = p->end,
			.last = p->last,
			.several = p->several,
			.replies = p->replies,
			.serial = p->serial};

		smtp_refusal_answer(&s->refusal, &u);
		if (p->verb == SMTP_STARTTLS)
			s->side[DIR_CLIENT].tls = false;
		if (p->verb == SMTP_AUTH)
			s->auth = false;
		queue_drop(s, 0, 1);
		/* A refused DATA has no content. */
		if (u.verb == SMTP_DATA && !u.end && s->state == SMTP_ASKED)
			s->state = SMTP_COMMAND;
	}
	if (s->refusal.closing)
		s->n_queue = 0;
}

static bool
asks_for_tls(const struct smtp *s)
{
	for (size_t i = 0; i < s->n_queue; i++)
		if (s->queue[i].verb == SMTP_STARTTLS && s->queue[i].at > s->refusal.left)
			return true;
	return false;
}

static void
begin_refusal(struct smtp *s, const struct refusal *r)
{
	struct smtp_refusal *f = &s->refusal;
	uint64_t kept_back = refusal_unreleased(s->conversation, r);

	f->on = true;
	f->serial = r->serial > 0 ? r->serial : s->serial;
	f->left = kept_back < s->position ? s->position - kept_back : 0;
	f->opaque = asks_for_tls(s);
	/* What was asked before, nobody knows any more; from here on it is paired again. */
	s->unpaired = false;
}

/* Does the server still owe something? Its greeting, or a reply to what has left. */
static bool
server_owes(const struct smtp *s)
{
	return !s->greeted || (s->n_queue > 0 && s->queue[0].at <= s->refusal.left);
}

/* Behind each line, so that nothing depends on how many come at once. */
static void
go_on_refusing(struct smtp *s, bool last)
{
	struct smtp_refusal *f = &s->refusal;

	f->speaking = f->speaking || last || !server_owes(s);
	if (f->speaking)
		answer_unanswered(s);
}

static enum refuse_step
smtp_refuse(void *state, struct refusal *r)
{
	struct smtp *s = state;
	struct smtp_refusal *f = &s->refusal;

	if (r->dir != DIR_CLIENT || s->state == SMTP_OPAQUE)
		return REFUSE_RESET;
	if (!f->on)
		begin_refusal(s, r);
	go_on_refusing(s, r->last);
	if (!f->speaking)
		return REFUSE_WAIT;
	if (r->last)
		smtp_refusal_last(f, s->client_gone);
	smtp_refusal_speak(f, r);
	return f->closing ? REFUSE_CLOSE : REFUSE_ABSORB;
}

static void
push_client(struct smtp *s, struct bytes in)
{
	while (in.n > 0) {
		switch (s->state) {
		case SMTP_COMMAND:
		case SMTP_ASKED:
			in = client_line(s, in);
			break;
		case SMTP_CONTENT:
			in = client_content(s, in);
			break;
		case SMTP_CHUNK:
			in = client_chunk(s, in);
			break;
		case SMTP_OPAQUE:
			skip_tls(s, DIR_CLIENT, in.n);
			return;
		}
		if (s->refusal.on)
			go_on_refusing(s, false);
	}
}

/* ---- replies ---- */

/* Has the content of the DATA that was answered just now ended already? */
static bool
content_is_over(const struct smtp *s)
{
	return s->state == SMTP_COMMAND && s->n_queue > 0 && s->queue[0].end;
}

static void
data_accepted(struct smtp *s)
{
	size_t at = queue_find_data(s);

	if (at < s->n_queue) {
		assume_first(s, at);
		/* Lines held as commands behind it were content. */
		if (s->state == SMTP_ASKED)
			s->n_queue = at + 1;
		queue_drop(s, 0, at + 1);
	}
	if (s->state == SMTP_CONTENT)
		s->content.tentative = false;
	else if (s->state == SMTP_ASKED || (s->state == SMTP_COMMAND && !content_is_over(s)))
		begin_data_with_line(s, false);
}

static void
data_refused(struct smtp *s)
{
	if (queue_find_data(s) < s->n_queue)
		return; /* a later DATA may still have its content */
	if (s->state == SMTP_ASKED) {
		s->state = SMTP_COMMAND;
	} else if (s->state == SMTP_CONTENT && s->content.tentative) {
		leave_content(s);
		abort_content(s, true);
		s->stray |= s->overlong;
	} else if (content_is_over(s)) {
		/* The content came and went before: each of its lines is refused by itself. */
		pairing_lost(s);
	}
}

/* The server took as DATA what RFC 5321 doesn't: a word or a NUL behind it. */
static void
odd_data_accepted(struct smtp *s)
{
	s->n_queue = 0;
	if (s->state == SMTP_COMMAND || s->state == SMTP_ASKED)
		begin_data_with_line(s, false);
}

/* @return whether the reply says that the command itself isn't known: nothing is absorbed */
static bool
not_understood(unsigned code)
{
	return code == 500 || code == 501 || code == 502 || code == 504;
}

static void
chunk_refused(struct smtp *s, const struct pending *p, unsigned code)
{
	if (not_understood(code) && s->state == SMTP_CHUNK) {
		/* The octets behind it are commands to this server. */
		abort_content(s, true);
		s->state = SMTP_COMMAND;
		s->n_line = 0;
		s->overlong = false;
		s->last_chunk = false;
		return;
	}
	/* Its mail is over, and what is open is the next one. */
	if (p->last && !(s->state == SMTP_CHUNK && s->last_chunk))
		return;
	abort_content(s, true);
	s->last_chunk = false;
}

static void
on_reply_to(struct smtp *s, const struct pending *head, unsigned code)
{
	struct pending p = *head;
	bool ok = code < 400;

	if (p.verb == SMTP_AUTH && code == 334) {
		s->asked_secret = true;
		s->queue[0].at = UINT64_MAX; /* until the client has answered */
		return;
	}
	if (p.verb == SMTP_DATA && !p.end && ok) {
		data_accepted(s);
		return;
	}
	if (p.verb == SMTP_UNKNOWN && code == 354) {
		odd_data_accepted(s);
		return;
	}
	if (--s->queue[0].replies > 0)
		return;
	queue_drop(s, 0, 1);
	if (ok && !p.assumed)
		accept_command(s, &p);
	if (p.verb == SMTP_AUTH)
		s->auth = false;
	if (p.verb == SMTP_STARTTLS) {
		s->side[DIR_CLIENT].tls = ok;
		s->side[DIR_SERVER].tls = ok;
		if (!ok)
			set_opaque_ahead(s, OPAQUE_NONE);
	}
	if (p.verb == SMTP_DATA && !p.end && !ok)
		data_refused(s);
	if (p.verb == SMTP_BDAT && !ok)
		chunk_refused(s, &p, code);
}

/* A reply that belongs to no command we know of. */
static void
on_stray_reply(struct smtp *s, unsigned code)
{
	if (code == 334) {
		s->asked_secret = s->auth;
		return;
	}
	s->auth = false;
	if (code == 354 && s->state == SMTP_ASKED) {
		data_accepted(s);
	} else if (code == 354 && s->state == SMTP_COMMAND && s->side[DIR_CLIENT].seen) {
		begin_data_with_line(s, false);
	} else if (s->state == SMTP_CONTENT && s->content.doubtful && !s->content.tentative) {
		leave_content(s);
		if (s->content.part != NULL) /* there may have been no memory for it */
			part_close(s->content.part, false);
		s->content.part = NULL;
		close_message(s, DIR_CLIENT, false);
		s->stray |= s->overlong;
		envelope_reset(s);
	}
}

static void
on_reply(struct smtp *s, unsigned code)
{
	bool first = !s->greeted;

	s->greeted = true;
	/* The greeting answers nothing. */
	if (first && code == 220 && (s->n_queue == 0 || s->queue[0].verb != SMTP_STARTTLS))
		return;
	if (s->n_queue > 0)
		on_reply_to(s, &s->queue[0], code);
	else
		on_stray_reply(s, code);
}

static void
server_line(struct smtp *s)
{
	bool more;
	unsigned code = smtp_reply_code(bytes_of(s->reply, s->n_reply), &more);

	s->n_reply = 0;
	if (code > 0 && !more)
		on_reply(s, code);
}

static void
release_held(struct smtp *s)
{
	if (s->reply_held)
		session_text(s, DIR_SERVER, bytes_of(s->reply, 1));
	s->reply_held = false;
}

/*
 * Are the server's bytes TLS from here on? A first byte that may begin a record
 * is held until the second one tells. @return true also while it is held
 */
static bool
server_is_tls(struct smtp *s, struct bytes in)
{
	struct side *side = &s->side[DIR_SERVER];
	uint8_t two[2] = {in.p[0], in.n > 1 ? in.p[1] : 0x03};

	if (side->opaque_now) {
		skip_tls(s, DIR_SERVER, in.n);
		return true;
	}
	if (s->reply_held) {
		two[0] = s->reply[0];
		two[1] = in.p[0];
	} else if (!(side->tls || !s->side[DIR_CLIENT].seen) || s->n_reply > 0) {
		return false;
	}
	if (!smtp_is_tls(bytes_of(two, 2))) {
		release_held(s);
		return false;
	}
	if (!s->reply_held && in.n == 1) {
		s->reply[s->n_reply++] = in.p[0];
		s->reply_held = true;
		return true;
	}
	side->opaque_now = true;
	skip_tls(s, DIR_SERVER, in.n + s->reply_held);
	s->reply_held = false;
	return true;
}

static void
push_server(struct smtp *s, struct bytes in)
{
	while (in.n > 0) {
		const uint8_t *lf;
		size_t n;

		if (server_is_tls(s, in))
			return;
		lf = memchr(in.p, '\n', in.n);
		n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
		for (size_t i = 0; i < n && s->n_reply < sizeof(s->reply); i++)
			s->reply[s->n_reply++] = in.p[i];
		session_text(s, DIR_SERVER, bytes_of(in.p, n));
		if (lf != NULL)
			server_line(s);
		in = bytes_skip(in, n);
	}
}

/* ---- bids ---- */

static bool
contains_nocase(struct bytes in, struct bytes word)
{
	for (; in.n >= word.n; in = bytes_skip(in, 1))
		if (bytes_starts_nocase(in, word))
			return true;
	return false;
}

static struct bytes
first_line(struct bytes in, bool *ret_whole)
{
	const uint8_t *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n);

	*ret_whole = lf != NULL;
	return lf == NULL ? in : bytes_of(in.p, (size_t)(lf - in.p));
}

static enum bid
bid_client(struct bytes client)
{
	static const char *const sure[] = {
	        "ehlo", "helo", "lhlo", "mail from:", "rcpt to:", "starttls"};
	bool whole;
	struct bytes line = first_line(client, &whole);

	for (size_t i = 0; i < ARRAY_LEN(sure); i++) {
		struct bytes word = bytes_str(sure[i]);
		bool verb = word.p[word.n - 1] != ':';

		if (line.n < word.n && !whole && bytes_starts_nocase(word, line))
			return BID_MORE;
		if (!bytes_starts_nocase(line, word))
			continue;
		if (!verb ||
		        (line.n > word.n ? line.p[word.n] == ' ' || line.p[word.n] == '\r' : whole))
			return BID_SURE;
		if (line.n == word.n)
			return BID_MORE;
	}
	if (!whole)
		return line.n < 512 ? BID_MORE : BID_NO;
	/* Commands that FTP has too say nothing. */
	return smtp_command_parse(line).verb == SMTP_UNKNOWN ? BID_NO : BID_MAYBE;
}

static enum bid
bid_server(struct bytes server)
{
	struct bytes code = BYTES_LIT("220");
	bool whole;
	struct bytes line = first_line(server, &whole);

	if (line.n < code.n)
		return !whole && bytes_starts_nocase(code, line) ? BID_MORE : BID_NO;
	if (!bytes_starts_nocase(line, code) ||
	        (line.n > code.n && line.p[3] != ' ' && line.p[3] != '-' && line.p[3] != '\r'))
		return BID_NO;
	if (contains_nocase(line, BYTES_LIT("SMTP")) || contains_nocase(line, BYTES_LIT("LMTP")))
		return BID_SURE;
	if (!whole)
		return BID_MORE;
	return contains_nocase(line, BYTES_LIT("FTP")) ? BID_MORE : BID_MAYBE;
}

static enum bid
smtp_bid(struct bytes client, struct bytes server)
{
	enum bid c = client.n == 0 ? BID_MORE : bid_client(client);
	enum bid s = server.n == 0 ? BID_MORE : bid_server(server);

	if (c == BID_SURE || s == BID_SURE)
		return BID_SURE;
	if (c == BID_NO || s == BID_NO)
		return BID_NO;
	if (client.n == 0)
		return s;
	return c;
}

/* ---- inspector ---- */

static enum outcome
smtp_open(void *state, struct conversation *c)
{
	struct smtp *s = state;

	s->conversation = c;
	s->room = (size_t)c->env->limits->pipelined + QUEUE_SPARE;
	s->queue = arena_zalloc(&c->base, s->room * sizeof(*s->queue));
	if (s->queue == NULL)
		return OUTCOME_OVER_BUDGET;
	s->to_tail = &s->to;
	s->unpaired = c->midstream;
	s->greeted = c->midstream;
	arena_init(&s->arena, c->budget.source, &c->budget);
	return OUTCOME_OK;
}

static void
smtp_data(void *state, enum direction dir, struct bytes in)
{
	struct smtp *s = state;

	s->side[dir].seen = true;
	if (dir == DIR_CLIENT)
		s->position += in.n;
	if (dir == DIR_CLIENT)
		push_client(s, in);
	else
		push_server(s, in);
}

static void
client_gap(struct smtp *s, uint64_t lost)
{
	struct message *m = open_message(s, DIR_CLIENT);

	if (m != NULL)
		message_gap(m, lost);
	switch (s->state) {
	case SMTP_CONTENT:
		/* The end may have been in it: the server's next reply will tell. */
		s->content.doubtful = true;
		drop_dot(s);
		s->content.last[0] = s->content.last[1] = 0;
		return;
	case SMTP_CHUNK:
		if (lost < s->chunk_left) {
			s->chunk_left -= lost;
			return;
		}
		abort_content(s, false);
		s->state = SMTP_COMMAND;
		break;
	case SMTP_OPAQUE:
		return;
	case SMTP_COMMAND:
	case SMTP_ASKED:
		break;
	}
	if (!s->overlong)
		session_text(s, DIR_CLIENT, bytes_of(s->line, s->n_line));
	s->n_line = 0;
	s->overlong = false;
	s->auth = false;
	s->resync = s->state == SMTP_COMMAND;
}

static void
smtp_gap(void *state, enum direction dir, uint64_t lost)
{
	struct smtp *s = state;
	struct message *m;

	pairing_lost(s);
	if (dir == DIR_CLIENT) {
		client_gap(s, lost);
		return;
	}
	m = open_message(s, DIR_SERVER);
	if (m != NULL)
		message_gap(m, lost);
	release_held(s);
	s->n_reply = 0;
	s->greeted = true;
}

/* What is kept of a line that never ended. */
static void
flush_line(struct smtp *s)
{
	struct smtp_command c = smtp_command_parse(bytes_of(s->line, s->n_line));

	if (!s->overlong)
		scan_line(s, &c, bytes_of(s->line, s->n_line));
	s->n_line = 0;
}

static void
finish_client(struct smtp *s, bool cut)
{
	drop_dot(s);
	if (s->state == SMTP_COMMAND || s->state == SMTP_ASKED)
		flush_line(s);
	if (s->content.part != NULL)
		abort_content(s, false);
	close_message(s, DIR_CLIENT, cut);
}

static void
smtp_finish(void *state, enum direction dir)
{
	struct smtp *s = state;

	if (dir == DIR_CLIENT) {
		s->client_gone = true;
		finish_client(s, false);
		return;
	}
	release_held(s);
	close_message(s, DIR_SERVER, false);
}

static void
smtp_close(void *state, bool reset)
{
	struct smtp *s = state;

	finish_client(s, reset);
	release_held(s);
	close_message(s, DIR_SERVER, reset);
	arena_release(&s->arena);
}

const struct inspector_ops smtp_inspector = {.name = "smtp",
        .channel = CHANNEL_MAIL,
        .state_size = sizeof(struct smtp),
        .bid = smtp_bid,
        .open = smtp_open,
        .data = smtp_data,
        .gap = smtp_gap,
        .finish = smtp_finish,
        .close = smtp_close,
        .refuse = smtp_refuse};
