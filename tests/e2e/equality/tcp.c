/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/equality/case.h"
#include "tests/e2e/equality/sender.h"

/* What the application on the kernel's side sees. */
enum app_state { APP_NONE, APP_OPEN, APP_EOF, APP_RESET };

struct app {
	int fd; /* -1: no connection */
	enum app_state state;
	uint8_t p[LAB_STREAM_MAX];
	size_t n;
};

struct tcp_run {
	struct sender sender;
	struct app app;
	const struct listeners *listeners;
	bool wrong; /* the application read what the inspectors had not, at that moment */
};

const char *
ending_name(enum ending o)
{
	static const char *const names[ENDINGS] = {"equal", "reset", "none", "stall", "differs"};

	return names[o];
}

/* ---- the application ---- */

/* Is what the application has the beginning of what the inspectors have? */
static bool
was_read(const struct lab *lab, const struct app *a, bool whole)
{
	if (a->n == 0 && !whole)
		return true;
	for (unsigned i = 0; i < lab->n_records; i++) {
		const struct record *r = &lab->records[i];

		if (r->gap || r->n < a->n || memcmp(r->p, a->p, a->n) != 0)
			continue;
		if (!whole || (r->n == a->n && r->finished))
			return true;
	}
	return false;
}

/* What mustn't leave has arrived. */
static bool
has_number(const struct app *a)
{
	return memmem(a->p, a->n, SENDER_NUMBER, strlen(SENDER_NUMBER)) != NULL;
}

static void
app_read(struct tcp_run *run, size_t most)
{
	struct app *a = &run->app;
	ssize_t n;

	if (a->state != APP_OPEN)
		return;
	if (most > sizeof(a->p) - a->n)
		most = sizeof(a->p) - a->n;
	do {
		n = recv(a->fd, a->p + a->n, most, 0);
		if (n > 0)
			a->n += (size_t)n;
	} while (n > 0 && most > 4096);
	if (n == 0)
		a->state = APP_EOF;
	else if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
		a->state = APP_RESET;
	run->wrong |= !run->sender.lab->control && has_number(a);
	/* A watcher reads later than the receiver, by its acknowledgements. */
	if (!run->sender.lab->control)
		run->wrong |= !was_read(run->sender.lab, a, a->state == APP_EOF);
}

static void
app_accept(struct tcp_run *run)
{
	struct app *a = &run->app;
	int fd;

	if (run->sender.answers || a->state != APP_NONE)
		return;
	fd = accept4(run->listeners->tcp[run->sender.ends.family == 6], NULL, NULL,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	a->fd = fd;
	a->state = APP_OPEN;
	if (run->sender.habits & HABIT_SLOW_READER)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){2304}, sizeof(int));
}

static void
app_step(struct tcp_run *run)
{
	static const uint8_t words[900];
	struct sender *s = &run->sender;

	app_accept(run);
	if (!(s->habits & HABIT_SLOW_READER))
		app_read(run, LAB_STREAM_MAX);
	else if (lab_chance(s->lab, 20))
		app_read(run, 1 + lab_below(s->lab, 900));
	if ((s->habits & HABIT_TALKING_READER) && !s->no_habits && run->app.state == APP_OPEN &&
		lab_chance(s->lab, 10)) {
		ssize_t n = send(run->app.fd, words, 1 + lab_below(s->lab, sizeof(words)),
			MSG_NOSIGNAL);

		/* The error is said once only. */
		if (n < 0 && (errno == ECONNRESET || errno == ECONNREFUSED))
			run->app.state = APP_RESET;
		lab_listen(s->lab);
	}
}

/* It goes with a reset, so that nothing is left in the kernel. */
static void
app_close(struct app *a)
{
	struct linger now = {.l_onoff = 1};

	if (a->fd < 0)
		return;
	setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(a->fd);
	a->fd = -1;
}

/* ---- the handshake ---- */

static void
syn(struct tcp_run *run, uint32_t seq, const char *data)
{
	struct shape shape = sender_syn(&run->sender);

	shape.seq = seq;
	shape.payload = (const uint8_t *)data;
	shape.n = strlen(data);
	sender_send_now(&run->sender, &shape);
}

/* What may come before and within a handshake. */
static void
odd_beginning(struct tcp_run *run)
{
	struct sender *s = &run->sender;
	struct lab *lab = s->lab;
	struct shape shape = sender_ack(s);

	switch (lab_below(lab, 9)) {
	case 0:
		syn(run, s->isn, "DATA");
		break;
	case 1:
		syn(run, s->isn + 1 + lab_below(lab, 1000), "");
		break;
	case 2:
		syn(run, s->isn - 1, "");
		break;
	case 3: /* split handshake, or a SYN more */
		shape = sender_syn(s);
		shape.flags = SYN;
		sender_send_now(s, &shape);
		break;
	case 4:
		shape.flags = RST | (lab_chance(lab, 50) ? ACK : 0);
		shape.seq = s->isn + lab_below(lab, 2);
		sender_send_now(s, &shape);
		break;
	case 5: /* data before the handshake is over */
		shape = sender_range(s, 0, 100);
		shape.payload = (const uint8_t *)"EARLYEARLYEARLYEARLYEARLYEARLYEARLYEARLY"
						 "EARLYEARLYEARLYEARLYEARLYEARLYEARLYEARLY";
		shape.n = 1 + lab_below(lab, 79);
		sender_send_now(s, &shape);
		break;
	case 6:
		shape = sender_syn(s);
		shape.flags |= lab_chance(lab, 50) ? FIN : RST;
		sender_send_now(s, &shape);
		break;
	case 7:
		shape = sender_syn(s);
		shape.ack = s->peer + lab_below(lab, 3) - 1;
		shape.flags = SYN | ACK;
		shape.payload = (const uint8_t *)"SYNACK";
		shape.n = 6;
		sender_send_now(s, &shape);
		break;
	default:
		shape.flags = ACK | FIN;
		sender_send_now(s, &shape);
	}
	app_step(run);
}

static void
connect_out(struct tcp_run *run)
{
	struct sender *s = &run->sender;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(s->ends.port[0])};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->ends.port[0])};
	struct sockaddr_storage own;
	socklen_t n = sizeof(own);

	memcpy(&v4.sin_addr, s->ends.address[0], 4);
	memcpy(&v6.sin6_addr, s->ends.address[0], 16);
	run->app.fd = lab_socket(s->ends.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	run->app.state = APP_OPEN;
	if (getsockname(run->app.fd, (struct sockaddr *)&own, &n) != 0)
		abort();
	s->ends.port[1] = ntohs(((struct sockaddr_in *)&own)->sin_port);
	(void)!connect(run->app.fd,
		s->ends.family == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		s->ends.family == 4 ? sizeof(v4) : sizeof(v6));
	lab_listen(s->lab);
}

static void
shake_hands(struct tcp_run *run, bool odd)
{
	struct sender *s = &run->sender;

	if (s->answers)
		connect_out(run);
	for (unsigned i = 0; i < 8 && !s->established; i++) {
		struct shape ack;

		if (odd && lab_chance(s->lab, 40))
			odd_beginning(run);
		syn(run, s->isn, "");
		if (odd && lab_chance(s->lab, 30))
			odd_beginning(run);
		ack = sender_ack(s);
		if (s->established)
			sender_send_now(s, &ack);
		app_step(run);
	}
	s->reset = false;
}

/* ---- tricks ---- */

static uint32_t
acknowledged(const struct sender *s)
{
	uint32_t at = s->una - s->isn - 1;

	return at > s->n ? s->n : at;
}

/* Somewhere near what is in flight. */
static struct shape
somewhere(struct sender *s)
{
	struct lab *lab = s->lab;
	uint32_t at = acknowledged(s), back = lab_below(lab, 60);

	at = at > back ? at - back : 0;
	at += lab_chance(lab, 60) ? lab_below(lab, 120) : lab_below(lab, 4000);
	return sender_range(s, at, 1 + lab_below(lab, lab_chance(lab, 50) ? 60 : 1400));
}

/* The same place with other bytes. */
static struct shape
conflicting(struct sender *s, uint8_t *room)
{
	struct shape shape = somewhere(s);
	uint8_t letter = (uint8_t)('A' + lab_below(s->lab, 26));

	for (size_t i = 0; i < shape.n; i++)
		room[i] = lab_chance(s->lab, 90) ? letter : shape.payload[i];
	shape.payload = room;
	return shape;
}

enum trick {
	TRICK_OVERLAP,
	TRICK_CONFLICT,
	TRICK_WRONG_SUM,
	TRICK_FEW_HOPS,
	TRICK_OLD_STAMP,
	TRICK_NO_STAMP,
	TRICK_OUT_OF_WINDOW,
	TRICK_URGENT,
	TRICK_SYN,
	TRICK_RST,
	TRICK_FIN,
	TRICK_FLAGS,
	TRICK_ACK,
	TRICK_KEEP_ALIVE,
	TRICK_LENGTHS,
	TRICK_OPTIONS,
	TRICK_SPOOFED_ACK,
	TRICKS
};

static void
some_options(struct lab *lab, struct shape *shape)
{
	static const uint8_t sets[][4] = {
		{19, 18, 1, 1}, /* MD5, cut short */
		{8, 10, 0, 0},	/* time stamps, cut short */
		{8, 0, 0, 0},	/* without end */
		{2, 4, 0, 1},	/* MSS 1, not in a SYN */
		{3, 3, 14, 1},	/* window scale, not in a SYN */
		{30, 4, 0, 0},	/* Multipath TCP */
		{5, 4, 0, 0},	/* SACK of nothing */
		{0, 255, 255, 255},
	};

	memcpy(shape->options, sets[lab_below(lab, sizeof(sets) / sizeof(sets[0]))], 4);
	shape->n_options = 4;
}

/* An acknowledgement in the kernel's name, from the wrong side. */
static void
spoof(struct sender *s)
{
	struct frame f;
	struct frame_tcp tcp = {.flags = ACK, .seq = s->peer, .ack = s->isn + 1 + s->at};

	frame_tcp(&f, &s->ends, false, &tcp, NULL, 0);
	lab_send(s->lab, &f);
}

static uint32_t
near(struct lab *lab, uint32_t seq)
{
	static const int32_t by[] = {0, 0, 1, -1, 2, 100, -100, 1460, 30000, 1 << 20, INT32_MIN};

	return seq + (uint32_t)by[lab_below(lab, sizeof(by) / sizeof(by[0]))];
}

static void
bend(struct sender *s, struct shape *h, enum trick trick)
{
	struct lab *lab = s->lab;

	switch (trick) {
	case TRICK_WRONG_SUM:
		h->wrong_sum = true;
		break;
	case TRICK_FEW_HOPS:
		h->hops = (uint8_t)(1 + lab_below(lab, LAB_TTL_SHORT));
		break;
	case TRICK_OLD_STAMP:
		h->stamp -= 1 + lab_below(lab, 1 << 20);
		break;
	case TRICK_NO_STAMP:
		h->stamped = !h->stamped;
		break;
	case TRICK_OUT_OF_WINDOW:
		h->seq += lab_chance(lab, 50) ? s->window + lab_below(lab, 100) - 50
					      : lab_below(lab, UINT32_MAX);
		break;
	case TRICK_URGENT:
		h->flags |= URG;
		h->urgent = (uint16_t)lab_below(lab, lab_chance(lab, 80) ? 200 : 65536);
		break;
	case TRICK_SYN:
		h->flags = (uint8_t)(SYN | (lab_chance(lab, 50) ? ACK : 0));
		h->seq = near(lab, lab_chance(lab, 50) ? s->isn : s->una);
		break;
	case TRICK_RST:
		h->flags = (uint8_t)(RST | (lab_chance(lab, 50) ? ACK : 0));
		h->seq = near(lab, lab_chance(lab, 80) ? s->una : s->isn + 1 + s->at);
		break;
	case TRICK_FIN:
		h->flags |= FIN;
		break;
	case TRICK_FLAGS:
		h->flags = (uint8_t)lab_below(lab, 256);
		h->reserved = (uint8_t)lab_below(lab, 16);
		break;
	case TRICK_ACK:
		h->ack = near(lab, h->ack);
		h->window = (uint16_t)lab_below(lab, 65536);
		break;
	case TRICK_KEEP_ALIVE:
		h->seq = s->una - 1 - lab_below(lab, 2);
		h->n = h->n > 2 ? 1 + lab_below(lab, 2) : h->n;
		break;
	case TRICK_LENGTHS:
		h->offset_by = (int8_t)(lab_below(lab, 5) - 2);
		h->padding = (uint8_t)lab_below(lab, 30);
		break;
	case TRICK_OPTIONS:
		some_options(lab, h);
		break;
	case TRICK_SPOOFED_ACK:
		spoof(s);
		break;
	default:
		break;
	}
}

static void
one_trick(struct sender *s, uint32_t tricks)
{
	struct lab *lab = s->lab;
	uint8_t room[1460];
	bool conflict = (tricks & 1u << TRICK_CONFLICT) && lab_chance(lab, 70);
	struct shape h = conflict ? conflicting(s, room) : somewhere(s);
	unsigned bends = 1 + (lab_below(lab, 4) == 0);

	for (unsigned tries = 0; bends > 0 && tries < TRICKS; tries++) {
		enum trick t = lab_below(lab, TRICKS);

		if ((tricks & 1u << t) == 0)
			continue;
		bend(s, &h, t);
		bends--;
	}
	/* What ends the connection ends the case: seldom. */
	if ((h.flags & (RST | FIN | SYN)) && lab_chance(lab, 60))
		return;
	sender_send(s, &h);
}

/* ---- a case ---- */

/*
 * The connection is reset, or the reset is lost, and another one begun on the same ports,
 * with numbers that may fit the old one.
 */
static void
begin_again(struct tcp_run *run)
{
	struct sender *s = &run->sender;
	struct lab *lab = s->lab;
	struct shape h = sender_ack(s);

	h.seq = s->una;
	h.flags = RST;
	h.hops = lab_chance(lab, 50) ? LAB_TTL_SHORT : 64;
	sender_send_now(s, &h);
	app_read(run, LAB_STREAM_MAX);
	if (run->app.state == APP_RESET) {
		app_close(&run->app);
		run->app.n = 0;
		run->app.state = APP_NONE;
	}
	sender_restart(s, near(lab, s->una));
	shake_hands(run, lab_chance(lab, 20));
}

static void
next_piece(struct sender *s)
{
	struct lab *lab = s->lab;
	uint32_t n = 1 + lab_below(lab, lab_chance(lab, 50) ? 40 : 1400);
	struct shape h = sender_range(s, s->at, n);

	s->at += (uint32_t)h.n;
	s->stamp += lab_below(lab, 3);
	/* A hole, which is filled at the end. */
	if (h.n > 0 && !lab_chance(lab, 10))
		sender_send(s, &h);
}

static void
bad_behaviour(struct tcp_run *run, uint32_t tricks, unsigned moves)
{
	struct sender *s = &run->sender;

	for (unsigned i = 0; i < moves && !s->reset; i++) {
		if ((s->habits & HABIT_AGAIN) && !s->answers && lab_chance(s->lab, 3))
			begin_again(run);
		if (tricks != 0 && lab_chance(s->lab, 50))
			one_trick(s, tricks);
		else
			next_piece(s);
		app_step(run);
	}
	sender_flush(s);
	app_step(run);
}

static bool
is_over(const struct tcp_run *run)
{
	return run->app.state == APP_EOF || run->app.state == APP_RESET ||
		run->app.state == APP_NONE;
}

/* From what was acknowledged on, like any sender whose timer has run out. */
static void
send_rest(struct tcp_run *run, unsigned round)
{
	struct sender *s = &run->sender;
	uint32_t at = s->una - s->isn - 1, to = at + (s->window < 8000 ? s->window : 8000);

	if (at >= s->n || s->window == 0)
		to = at;
	else if (to > s->n)
		to = s->n;
	s->stamp++;
	/* Malformed options may have set the receiver's clock ahead: then it takes these only. */
	if (round > 40)
		s->stamps = false;
	/* What a trick has said behind the message may be lost, or its FIN: whoever repeats
	 * the place will do. */
	if (round > 20 && round % 2 == 0) {
		struct shape h = sender_ack(s);

		h.seq = s->una;
		if (round % 4 == 0)
			h.flags |= FIN;
		h.payload = (const uint8_t *)"ZZZZZZZZ";
		h.n = round % 4 == 0 ? 0 : 8;
		sender_send_now(s, &h);
	}
	do {
		struct shape h = sender_range(s, at, 1300);

		h.n = h.n > to - at && at < to ? to - at : h.n;
		if (at >= s->n)
			h.seq = s->isn + 1 + at;
		at += (uint32_t)h.n;
		s->at = at;
		if (at >= s->n)
			h.flags |= FIN;
		sender_send_now(s, &h);
		app_step(run);
	} while (at < to && !s->reset);
	app_read(run, LAB_STREAM_MAX);
	lab_listen(s->lab);
}

static void
reset_at(struct tcp_run *run, uint32_t seq)
{
	struct sender *s = &run->sender;
	struct shape h = sender_ack(s);

	h.seq = seq;
	h.flags = RST;
	sender_send_now(s, &h);
	app_read(run, LAB_STREAM_MAX);
}

/*
 * Who has sent an RST that was lost, and is asked again, says it again at the right place.
 * If it has gone on to a new connection, its SYN is answered by the old one, and that is
 * reset (RFC 9293, 3.10.7.3).
 */
static void
reset_again(struct tcp_run *run)
{
	struct sender *s = &run->sender;
	struct shape h;

	reset_at(run, s->una);
	if (is_over(run))
		return;
	h = sender_syn(s);
	h.seq = s->una + 100000;
	h.flags = SYN;
	sender_send_now(s, &h);
	app_read(run, LAB_STREAM_MAX);
	if (!is_over(run))
		reset_at(run, s->asked);
}

/*
 * The gateway's own RST to the receiver may be lost as well: the application learns of it with
 * its next word.
 */
static void
app_asks(struct tcp_run *run)
{
	(void)!send(run->app.fd, "?", 1, MSG_NOSIGNAL);
	lab_listen(run->sender.lab);
	app_read(run, LAB_STREAM_MAX);
}

static enum ending
end_of(struct tcp_run *run)
{
	struct sender *s = &run->sender;

	s->no_habits = true;
	for (unsigned round = 0; round < 60 && !is_over(run); round++) {
		if (round > 10)
			s->lab->lose[0] = s->lab->lose[1] = 0;
		send_rest(run, round);
		world_idle(s->lab->world, s->lab->us += 20000);
	}
	if (!is_over(run) && s->violates)
		app_asks(run);
	for (unsigned i = 0; i < 3 && !is_over(run) && s->has_reset; i++)
		reset_again(run);
	if (run->wrong)
		return ENDING_DIFFERS;
	if (!s->established && run->app.n == 0 && !is_over(run))
		return ENDING_NONE;
	switch (run->app.state) {
	case APP_NONE:
		return ENDING_NONE;
	case APP_OPEN:
		return ENDING_STALL;
	case APP_RESET:
		return ENDING_RESET;
	case APP_EOF:
		break;
	}
	return ENDING_EQUAL;
}

static void
tell(const struct tcp_run *run)
{
	const struct lab *lab = run->sender.lab;

	printf("  app %d, %zu bytes: %.*s\n", run->app.state, run->app.n,
		run->app.n > 3000 ? 3000 : (int)run->app.n, run->app.p);
	for (unsigned i = 0; i < lab->n_records; i++)
		printf("  read %u, %zu bytes%s%s: %.*s\n", i, lab->records[i].n,
			lab->records[i].finished ? ", finished" : "",
			lab->records[i].gap ? ", gap" : "",
			lab->records[i].n > 3000 ? 3000 : (int)lab->records[i].n,
			lab->records[i].p);
}

enum ending
tcp_case(struct lab *lab, const struct listeners *l, bool say)
{
	struct tcp_run *run = calloc(1, sizeof(*run));
	struct sender *s = &run->sender;
	uint32_t tricks = 0;
	bool honest = lab_chance(lab, 15);
	enum ending o;

	if (run == NULL)
		abort();
	run->app.fd = -1;
	run->listeners = l;
	sender_init(s, lab);
	s->say = say;
	lab->datagrams = false;
	for (unsigned i = 0; i < TRICKS && !honest; i++)
		if (lab_chance(lab, 30))
			tricks |= 1u << i;
	shake_hands(run, !honest && lab_chance(lab, 40));
	lab->lose[0] = lab_chance(lab, 40) ? lab_below(lab, 30) : 0;
	lab->lose[1] = lab_chance(lab, 40) ? lab_below(lab, 30) : 0;
	bad_behaviour(run, tricks, 10 + lab_below(lab, 60));
	o = end_of(run);
	if (say) {
		printf("  IPv%d, %s, tricks %05x, habits %02x, message %u, isn %08x\n",
			s->ends.family, s->answers ? "answers" : "calls", tricks, s->habits, s->n,
			s->isn);
		tell(run);
	}
	app_close(&run->app);
	while (!s->answers && (run->app.fd = accept(l->tcp[s->ends.family == 6], NULL, NULL)) >= 0)
		app_close(&run->app);
	lab->lose[0] = lab->lose[1] = 0;
	lab_end(lab);
	if (lab->control && !was_read(lab, &run->app, false))
		o = ENDING_DIFFERS;
	lab->hear = NULL;
	free(run);
	return o;
}
