/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FTP control connections: RFC 959, 2389, 2428, 4217.
 *
 * Each direction is one message, judged at its end: commands hold file names,
 * replies hold listings. What matters most is the side effect: each announced
 * data connection is put in the table of transfers, with its command.
 *
 *   lines --(AUTH, 234)--> lines or TLS, as the next byte says --> TLS
 */
#include "inspectors/conversation.h"
#include "inspectors/proto/ftp_line.h"
#include "inspectors/proto/tls.h"
#include "inspectors/transfer.h"

enum { QUEUE = 64, HEAD_MAX = 12, LINE_FIRST = 512 };

enum line_state {
	LINE_HEAD, /* held back: it may be a command with a secret */
	LINE_CLEAR,
	LINE_SECRET, /* its argument is read by nobody */
};

struct side {
	struct message *message;
	struct part *part, *tls_part;
	uint8_t *line;
	size_t n, room;
	size_t pushed; /* bytes of the line that the part has got */
	bool over;     /* the line is longer than what is kept: it is not parsed */
	enum line_state state;
	bool maybe_tls, tls;
	struct tls_records records;
};

/* A command that moves data, before its data connection was announced. */
struct early {
	const char *command; /* NULL: there is none */
	bool to_server;
	uint8_t n_name;
	uint8_t name[TRANSFER_NAME_MAX];
};

struct ftp {
	struct conversation *conversation;
	struct side side[2];
	struct transfer *transfer; /* the one announced last */
	/* Commands whose reply hasn't come, enum ftp_verb. */
	uint8_t mode, mode_asked; /* of MODE: accepted, and asked for last */
	uint8_t queue[QUEUE];
	uint64_t at[QUEUE]; /* client bytes up to the command's end */
	unsigned first, n_queue;
	bool unpaired;	  /* there were more: replies are not paired any more */
	unsigned passive; /* PASV or EPSV without a reply yet */
	unsigned multi;	  /* code of a reply of several lines that is being read */
	struct early early;
	bool binary, protected;
	uint64_t restart;
	uint64_t position; /* client bytes up to the end of what data() was given */
	bool refusing;
	uint64_t left; /* client bytes that have left, as `position` counts */
};

/* ---- announcements ---- */

static void
set_name(uint8_t to[TRANSFER_NAME_MAX], uint8_t *ret_n, struct bytes name)
{
	name = ftp_base_name(name);
	if (name.n > TRANSFER_NAME_MAX)
		name.n = TRANSFER_NAME_MAX;
	if (name.n > 0)
		memcpy(to, name.p, name.n);
	*ret_n = (uint8_t)name.n;
}

static void
set_command(struct ftp *f, const char *command, bool to_server, struct bytes name)
{
	struct transfer *t = f->transfer;

	if (t == NULL)
		return;
	t->command = command;
	t->to_server = to_server;
	set_name(t->name, &t->n_name, name);
	t->binary = f->binary;
	t->tls = f->protected;
	t->mode = f->mode;
	t->restart = f->restart;
	f->restart = 0;
}

static void
leave_transfer(struct ftp *f)
{
	if (f->transfer == NULL)
		return;
	f->transfer->control = NULL;
	transfer_release(f->conversation->env->transfers, f->transfer);
	f->transfer = NULL;
}

/* @param dir  of the side that will be connected to, and announces it */
static void
announce(struct ftp *f, enum direction dir, const struct ftp_address *a)
{
	struct conversation *c = f->conversation;
	const uint8_t *own = c->ends.address[dir];
	uint8_t family = a->family != 0 ? a->family : c->ends.family;
	const uint8_t *address = a->family != 0 ? a->address : own;

	if (family != c->ends.family)
		own = address;
	leave_transfer(f);
	f->transfer = transfer_announce(
		c->env->transfers, family, address, own, a->port, dir == DIR_SERVER);
	if (f->transfer != NULL)
		f->transfer->control = c;
}

/* ---- commands ---- */

static void
enqueue(struct ftp *f, enum ftp_verb verb)
{
	if (f->n_queue == QUEUE)
		f->unpaired = true;
	if (f->unpaired)
		return;
	f->queue[(f->first + f->n_queue) % QUEUE] = (uint8_t)verb;
	f->at[(f->first + f->n_queue) % QUEUE] = f->position;
	f->n_queue++;
}

static void
move_data(struct ftp *f, enum ftp_verb verb, struct bytes name)
{
	/* Pipelined behind a PASV whose reply is still to come. */
	if (f->passive > 0) {
		f->early.command = ftp_verb_name(verb);
		f->early.to_server = ftp_verb_moves(verb) > 0;
		set_name(f->early.name, &f->early.n_name, name);
		return;
	}
	set_command(f, ftp_verb_name(verb), ftp_verb_moves(verb) > 0, name);
}

static uint64_t
number(struct bytes in)
{
	uint64_t v = 0;

	for (size_t i = 0; i < in.n && ascii_is_digit(in.p[i]); i++)
		v = v > UINT64_MAX / 16 ? v : v * 10 + (in.p[i] - '0');
	return v;
}

/* What was asked for makes the rest unreadable, if the answer is yes. */
static void
set_opaque_ahead(struct ftp *f, enum opaque_reason reason)
{
	struct message *m = f->side[DIR_CLIENT].message;

	if (m != NULL)
		m->opaque_ahead = reason;
}

static void
on_command(struct ftp *f, struct bytes line)
{
	struct ftp_address a;
	struct bytes arg;
	enum ftp_verb verb = ftp_command(line, &arg);

	enqueue(f, verb);
	switch (verb) {
	case FTP_AUTH:
		f->side[DIR_CLIENT].maybe_tls = true;
		if (bytes_starts_nocase(arg, BYTES_LIT("TLS")) ||
			bytes_starts_nocase(arg, BYTES_LIT("SSL")))
			set_opaque_ahead(f, OPAQUE_TLS);
		break;
	case FTP_PASV:
	case FTP_EPSV:
		f->passive += bytes_equal_nocase(arg, BYTES_LIT("ALL")) ? 0 : 1;
		break;
	case FTP_PORT:
		if (ftp_host_port(arg, &a))
			announce(f, DIR_CLIENT, &a);
		break;
	case FTP_EPRT:
		if (ftp_extended_port(arg, &a))
			announce(f, DIR_CLIENT, &a);
		break;
	case FTP_TYPE:
		f->binary = arg.n > 0 && (ascii_lower(arg.p[0]) == 'i' || arg.p[0] == 'L');
		break;
	case FTP_MODE:
		f->mode_asked = arg.n > 0 ? ascii_lower(arg.p[0]) : 0;
		break;
	case FTP_PROT:
		f->protected = arg.n > 0 && ascii_lower(arg.p[0]) == 'p';
		break;
	case FTP_REST:
		f->restart = number(arg);
		break;
	default:
		if (ftp_verb_moves(verb) != 0)
			move_data(f, verb, arg);
	}
}

/* ---- replies ---- */

static enum ftp_verb
dequeue(struct ftp *f)
{
	enum ftp_verb verb;

	if (f->n_queue == 0)
		return FTP_OTHER;
	verb = (enum ftp_verb)f->queue[f->first];
	f->first = (f->first + 1) % QUEUE;
	f->n_queue--;
	return verb;
}

static void
on_passive(struct ftp *f, struct bytes line, bool extended)
{
	struct ftp_address a;
	struct early *e = &f->early;

	if (extended ? ftp_extended_port(bytes_skip(line, 4), &a)
		     : ftp_host_port(bytes_skip(line, 4), &a))
		announce(f, DIR_SERVER, &a);
	if (e->command == NULL)
		return;
	set_command(f, e->command, e->to_server, bytes_of(e->name, e->n_name));
	e->command = NULL;
}

/* "150 FILE: name" tells what STOU called the file (RFC 1123, 4.1.2.9). */
static void
on_unique_name(struct ftp *f, struct bytes line)
{
	struct transfer *t = f->transfer;
	struct bytes text = bytes_trim(bytes_skip(line, 4));

	if (t != NULL && t->command != NULL && strcmp(t->command, "STOU") == 0 &&
		bytes_starts_nocase(text, BYTES_LIT("FILE: ")))
		set_name(t->name, &t->n_name, bytes_trim(bytes_skip(text, 6)));
}

static void
on_reply(struct ftp *f, struct bytes line)
{
	bool more;
	unsigned code = ftp_reply(line, &more);
	enum ftp_verb verb;

	if (code == 0 || (f->multi != 0 && (code != f->multi || more)))
		return;
	f->multi = more ? code : 0;
	if (more)
		return;
	if (code < 200) {
		on_unique_name(f, line);
		return;
	}
	if (code == 220 && f->n_queue == 0)
		return; /* the greeting */
	verb = dequeue(f);
	if (verb == FTP_AUTH && code >= 400)
		set_opaque_ahead(f, OPAQUE_NONE);
	if (verb == FTP_MODE && code < 300)
		f->mode = f->mode_asked;
	if (code == 234)
		f->side[DIR_SERVER].maybe_tls = f->side[DIR_CLIENT].maybe_tls = true;
	if (code == 227 || code == 229)
		on_passive(f, line, code == 229);
	if (verb == FTP_PASV || verb == FTP_EPSV || code == 227 || code == 229)
		f->passive -= f->passive > 0;
	if (f->passive == 0)
		f->early.command = NULL;
}

/* ---- lines ---- */

static bool
open_side(struct ftp *f, enum direction dir)
{
	static const struct part_meta metas[2] = {
		{.label = "ftp>commands"}, {.label = "ftp>replies"}};
	struct side *s = &f->side[dir];

	if (s->message != NULL)
		return true;
	s->message = conversation_message(f->conversation, dir, CHANNEL_FILE, "ftp");
	if (s->message == NULL)
		return false;
	s->message->session = true;
	s->part = part_open(s->message, NULL, &metas[dir]);
	return true;
}

static bool
line_room(struct ftp *f, enum direction dir)
{
	struct side *s = &f->side[dir];
	size_t room = s->room == 0 ? LINE_FIRST : s->room * 2;
	uint8_t *p;

	if (s->n < s->room)
		return true;
	if (room > f->conversation->env->limits->header_field)
		room = f->conversation->env->limits->header_field;
	p = room <= s->room ? NULL : arena_alloc(&f->conversation->keep[dir], room);
	if (p == NULL)
		return false;
	if (s->n > 0)
		memcpy(p, s->line, s->n);
	s->line = p;
	s->room = room;
	return true;
}

/* Is this a command whose argument is a secret? Told from a few bytes. */
static enum line_state
state_of(const struct side *s)
{
	struct bytes arg;
	enum ftp_verb verb = ftp_command(bytes_of(s->line, s->n), &arg);

	return verb == FTP_PASS || verb == FTP_ACCT ? LINE_SECRET : LINE_CLEAR;
}

/* Hand on what the line has got and the part hasn't. */
static void
push_line(struct side *s)
{
	if (s->n > s->pushed)
		part_push(s->part, bytes_of(s->line + s->pushed, s->n - s->pushed));
	s->pushed = s->n;
}

/* A byte that may still belong to blanks, controls and the verb before an argument. */
static bool
in_verb(const struct side *s, uint8_t c)
{
	bool begun = false;

	for (size_t i = 0; i < s->n; i++)
		begun = begun || (s->line[i] > ' ' && s->line[i] < 0xf0);
	return s->n < HEAD_MAX && (!begun || c > ' ');
}

static void
end_line(struct ftp *f, enum direction dir)
{
	struct side *s = &f->side[dir];
	struct bytes line = bytes_of(s->line, s->n);

	if (s->state == LINE_HEAD)
		push_line(s); /* a verb alone holds no secret */
	while (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (!s->over && line.n > 0) {
		if (dir == DIR_CLIENT)
			on_command(f, line);
		else
			on_reply(f, line);
	}
	s->n = s->pushed = 0;
	s->over = false;
	s->state = LINE_HEAD;
}

/* One byte of a line's beginning, until it is told whether it may be shown. */
static void
head_byte(struct ftp *f, enum direction dir, uint8_t c)
{
	struct side *s = &f->side[dir];

	if (c != '\n' && in_verb(s, c) && line_room(f, dir)) {
		s->line[s->n++] = c;
		return;
	}
	if (c != '\n' || s->n > 0)
		s->state = dir == DIR_CLIENT ? state_of(s) : LINE_CLEAR;
	push_line(s);
}

static size_t
line_step(struct ftp *f, enum direction dir, struct bytes in)
{
	struct side *s = &f->side[dir];
	const uint8_t *lf;
	size_t n, kept;

	if (s->state == LINE_HEAD && in.p[0] != '\n') {
		head_byte(f, dir, in.p[0]);
		return s->state == LINE_HEAD;
	}
	lf = memchr(in.p, '\n', in.n);
	n = lf == NULL ? in.n : (size_t)(lf - in.p);
	for (kept = 0; kept < n && line_room(f, dir); kept++)
		s->line[s->n++] = in.p[kept];
	s->over = s->over || kept < n;
	if (s->state == LINE_HEAD)
		push_line(s);
	s->pushed = s->n;
	if (s->state == LINE_SECRET)
		message_count(s->message, n);
	else
		part_push(s->part, bytes_of(in.p, n));
	if (lf == NULL)
		return n;
	part_push(s->part, BYTES_LIT("\n"));
	end_line(f, dir);
	return n + 1;
}

/* ---- TLS ---- */

static void
begin_tls(struct side *s)
{
	static const struct part_meta meta = {.label = "ftp>tls"};

	s->tls = true;
	s->message->opaque_ahead = OPAQUE_NONE; /* it has begun, and is counted */
	s->tls_part = part_open(s->message, NULL, &meta);
}

static void
tls_bytes(struct side *s, struct bytes in)
{
	size_t n = tls_records_take(&s->records, in);

	if (n > 0)
		part_skip(s->tls_part, OPAQUE_TLS, n);
	part_push(s->tls_part, bytes_skip(in, n));
}

/* ---- the table ---- */

static void
ftp_data(void *state, enum direction dir, struct bytes in)
{
	struct ftp *f = state;
	struct side *s = &f->side[dir];

	if (dir == DIR_CLIENT)
		f->position += in.n;
	if (!open_side(f, dir)) {
		conversation_over(f->conversation, dir, in.n);
		return;
	}
	while (in.n > 0) {
		/* The next byte says whether TLS was only offered or has begun. */
		if (s->maybe_tls && !s->tls && s->n == 0 && tls_records_begin(bytes_of(in.p, 1)))
			begin_tls(s);
		s->maybe_tls = s->maybe_tls && s->n > 0;
		if (s->tls) {
			tls_bytes(s, in);
			return;
		}
		in = bytes_skip(in, line_step(f, dir, in));
	}
}

static void
ftp_gap(void *state, enum direction dir, uint64_t lost)
{
	struct ftp *f = state;
	struct side *s = &f->side[dir];

	if (!open_side(f, dir))
		return;
	message_gap(s->message, lost);
	if (s->tls) {
		s->records.broken = true;
		return;
	}
	/* In the middle of some line: which one isn't known, so it is not parsed. */
	if (s->state == LINE_HEAD)
		push_line(s);
	s->state = s->state == LINE_SECRET ? LINE_SECRET : LINE_CLEAR;
	s->over = true;
	f->n_queue = 0;
	f->passive = 0;
	f->multi = 0;
	f->early.command = NULL;
}

static void
close_side(struct side *s)
{
	if (s->message == NULL)
		return;
	if (s->state == LINE_HEAD && s->n > s->pushed)
		push_line(s);
	if (s->tls_part != NULL)
		part_close(s->tls_part, false);
	part_close(s->part, false);
	message_close(s->message, false);
	*s = (struct side){0};
}

static void
ftp_finish(void *state, enum direction dir)
{
	struct ftp *f = state;

	close_side(&f->side[dir]);
}

static void
ftp_close(void *state, bool reset)
{
	struct ftp *f = state;

	close_side(&f->side[DIR_CLIENT]);
	close_side(&f->side[DIR_SERVER]);
	leave_transfer(f);
}

/* ---- refusing ---- */

/*
 * One reply in the server's place, then the close. What is refused is either the file
 * of the data connection (r->serial is 0: then the 550 answers the command that
 * moves it, whether or not the server's 150 has passed, as RFC 959, 5.4 allows), or
 * a command (then it answers that). AUTH is answered 534, "request denied for policy
 * reasons" (RFC 2228, 5).
 */
static void
say_refused(const struct ftp *f, struct refusal *r, bool file)
{
	const struct side *server = &f->side[DIR_SERVER];
	bool auth = f->n_queue > 0 && f->queue[f->first] == FTP_AUTH;
	const char *what = "550 Refused by data leakage prevention; the command must not leave";

	if (file)
		what = "550 Refused by data leakage prevention; the file must not leave";
	else if (auth)
		what = "534 Refused by data leakage prevention; what can't be read must not leave";
	/* A line that the server won't end any more. */
	if (server->n > 0 || server->state != LINE_HEAD)
		(void)refusal_say(r, "\r\n");
	(void)refusal_say(r, "%s for this destination (event %.36s)\r\n", what, r->event_id);
}

static bool
file_moves(const struct ftp *f)
{
	for (unsigned i = 0; i < f->n_queue; i++)
		if (ftp_verb_moves((enum ftp_verb)f->queue[(f->first + i) % QUEUE]) != 0)
			return true;
	return false;
}

/* Does the server still owe a reply that comes before ours, or is it in the middle of one? */
static bool
server_owes(const struct ftp *f, bool file)
{
	const struct side *s = &f->side[DIR_SERVER];
	enum ftp_verb verb = (enum ftp_verb)f->queue[f->first];

	if (s->n > 0 || s->state != LINE_HEAD || f->multi != 0)
		return true;
	if (f->n_queue == 0 || f->at[f->first] > f->left)
		return false;
	return !file || (ftp_verb_moves(verb) == 0 && file_moves(f));
}

static enum refuse_step
ftp_refuse(void *state, struct refusal *r)
{
	struct ftp *f = state;
	const struct side *client = &f->side[DIR_CLIENT];
	bool file = r->serial == 0;
	uint64_t kept_back;

	if (r->dir != DIR_CLIENT || client->tls || f->side[DIR_SERVER].tls)
		return REFUSE_RESET;
	if (!f->refusing) {
		kept_back = refusal_unreleased(f->conversation, r);
		f->left = kept_back < f->position ? f->position - kept_back : 0;
		f->refusing = true;
	}
	if (!r->last && server_owes(f, file))
		return REFUSE_WAIT;
	/* The rest of the refused line. */
	if (!r->last && !file && f->n_queue == 0 && !f->unpaired &&
		(client->n > 0 || client->state != LINE_HEAD))
		return REFUSE_ABSORB;
	say_refused(f, r, file);
	return REFUSE_CLOSE;
}

/* First commands of an FTP client that no SMTP client begins with. */
static enum bid
bid_on_client(struct bytes in)
{
	static const char *const first[] = {"USER ", "AUTH TLS", "AUTH SSL", "FEAT", "SYST",
		"HOST ", "CLNT ", "OPTS ", "PBSZ", "PASV", "EPSV", "PORT ", "EPRT ", "TYPE "};
	enum bid best = BID_NO;

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct bytes verb = bytes_str(first[i]);

		if (bytes_starts_nocase(in, verb))
			return BID_SURE;
		if (in.n < verb.n && bytes_starts_nocase(verb, in))
			best = BID_MORE;
	}
	return best;
}

static bool
contains(struct bytes in, const char *word)
{
	struct bytes w = bytes_str(word);

	for (; in.n >= w.n; in = bytes_skip(in, 1))
		if (bytes_starts_nocase(in, w))
			return true;
	return false;
}

static enum bid
ftp_bid(struct bytes client, struct bytes server)
{
	struct bytes head = bytes_of(server.p, server.n < 3 ? server.n : 3);
	bool ready = bytes_equal(head, BYTES_LIT("220")) || bytes_equal(head, BYTES_LIT("120"));
	enum bid c = client.n == 0 ? BID_MORE : bid_on_client(client);

	if (server.n > 0 && !ready)
		return server.n < 3 &&
				(bytes_starts_nocase(BYTES_LIT("220"), head) ||
					bytes_starts_nocase(BYTES_LIT("120"), head))
			? BID_MORE
			: BID_NO;
	/* POP3 clients begin with USER too: without the greeting it isn't sure. */
	if (c == BID_SURE)
		return ready ? BID_SURE : BID_MAYBE;
	if (client.n == 0 && ready && contains(server, "ftp") && !contains(server, "smtp"))
		return BID_MAYBE;
	return c;
}

static enum outcome
ftp_open(void *state, struct conversation *c)
{
	struct ftp *f = state;

	f->conversation = c;
	return OUTCOME_OK;
}

const struct inspector_ops ftp_inspector = {
	.name = "ftp",
	.channel = CHANNEL_FILE,
	.state_size = sizeof(struct ftp),
	.bid = ftp_bid,
	.open = ftp_open,
	.data = ftp_data,
	.gap = ftp_gap,
	.finish = ftp_finish,
	.close = ftp_close,
	.refuse = ftp_refuse,
};
