/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A conversation that is refused somewhere, with the real chooser of inspectors.
 *
 * Input: the protocol (a byte, modulo those below), the size of pieces, the turn at
 * which the refusal begins, flags (1: the server's side is refused; 2: of a data
 * connection; 4: half of the turn has left), then turns: '~' changes the side that speaks.
 *
 * Laws: words are lines of ASCII that begin with a reply code (SMTP, FTP), or a head
 * whose Content-Length is that of what follows, or an alert of seven bytes; never more
 * than REFUSAL_WORDS_MAX in all; nothing is said while the receiver is waited for, nor with
 * RST; `last` ends it; words and end are the same for every cut of the refused side.
 */
#include "inspectors/conversation.h"

#include <stdio.h>
#include <stdlib.h>

#include "inspectors/detect/detect.h"
#include "tests/support/conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "0189aa00-1111-4222-8333-444455556666"

enum { FLAG_SERVER = 1, FLAG_DATA = 2, FLAG_HALF = 4, HEADER = 4 };

struct play {
	struct conversation c;
	struct refusal r;
	struct box said;
	enum direction dir;
	bool refusing, waiting, over;
	enum refuse_step end;
};

#define must(law)                                                                                  \
	do {                                                                                       \
		if (!(law)) {                                                                      \
			fprintf(stderr, "broken: %s\n", #law);                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void
ask(struct play *p)
{
	enum refuse_step step = conversation_refuse(&p->c, &p->r);

	must(p->r.n_words <= REFUSAL_WORDS_MAX);
	must((step != REFUSE_WAIT && step != REFUSE_RESET) || p->r.n_words == 0);
	must(!p->r.last || step == REFUSE_CLOSE || step == REFUSE_RESET);
	/* A receiver that was reset is not waited for. */
	must(step != REFUSE_WAIT || !p->refusing || p->waiting);
	p->waiting = step == REFUSE_WAIT;
	p->refusing = true;
	box_put(&p->said, p->r.words, p->r.n_words);
	must(p->said.n <= REFUSAL_WORDS_MAX);
	p->over = step == REFUSE_CLOSE || step == REFUSE_RESET;
	p->end = step;
}

static void
piece(void *ctx, struct bytes in)
{
	struct play *p = ctx;

	if (p->over || (p->refusing && !p->waiting && p->dir != p->r.dir))
		return;
	conversation_data(&p->c, p->dir, in);
	if (p->refusing)
		ask(p);
}

static void
begin(struct play *p, uint8_t flags, uint64_t before)
{
	uint64_t now = p->c.stats.delivered[p->dir];

	p->r = (struct refusal){.dir = flags & FLAG_SERVER ? DIR_SERVER : DIR_CLIENT,
		.event_id = ID,
		.released = flags & FLAG_HALF ? before + (now - before) / 2 : before};
	p->r.serial = flags & FLAG_DATA ? 0 : p->c.messages[p->r.dir];
	ask(p);
}

static void
play(struct play *p, struct engine *e, const uint8_t *header, struct bytes in, size_t step)
{
	static const uint16_t ports[] = {25, 80, 21, 443};
	struct endpoints ends = {.family = 4, .port = {40000, ports[header[0] % 4]}};
	unsigned turn = 0;

	*p = (struct play){.end = REFUSE_ABSORB};
	conversation_open(&p->c, &e->env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	for (; !p->over; turn++) {
		const uint8_t *tilde = in.n == 0 ? NULL : memchr(in.p, '~', in.n);
		struct bytes text = tilde == NULL ? in : bytes_of(in.p, (size_t)(tilde - in.p));
		uint64_t before = p->c.stats.delivered[p->dir];

		/* What is before the refusal, and of the other side, comes in one piece. */
		if (text.n > 0)
			feed_steps(text,
				step == 0 || !p->refusing || p->dir != p->r.dir ? text.n : step,
				piece, p);
		if (!p->refusing && turn == header[2])
			begin(p, header[3], before);
		if (tilde == NULL)
			break;
		in = bytes_skip(in, text.n + 1);
		p->dir = p->dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
	}
	if (!p->refusing)
		begin(p, header[3], 0);
	p->r.last = true;
	if (!p->over)
		ask(p);
}

static void
check_lines(struct bytes said)
{
	while (said.n > 0) {
		const uint8_t *lf = memchr(said.p, '\n', said.n);
		size_t n = lf == NULL ? 0 : (size_t)(lf - said.p) + 1;

		must(n >= 6 && n <= 512 && said.p[n - 2] == '\r');
		must(said.p[0] >= '2' && said.p[0] <= '5' && ascii_is_digit(said.p[1]) &&
			ascii_is_digit(said.p[2]) && said.p[3] == ' ');
		for (size_t i = 0; i < n - 2; i++)
			must(said.p[i] >= ' ' && said.p[i] <= '~');
		said = bytes_skip(said, n);
	}
}

static void
check_http(struct bytes said)
{
	while (said.n > 0) {
		char text[REFUSAL_WORDS_MAX + 1];
		const char *head, *length;
		size_t n;

		memcpy(text, said.p, said.n);
		text[said.n] = '\0';
		must(strncmp(text, "HTTP/1.1 403 ", 13) == 0 ||
			strncmp(text, "HTTP/1.1 503 ", 13) == 0);
		head = strstr(text, "\r\n\r\n");
		length = strstr(text, "\r\nContent-Length: ");
		must(head != NULL && length != NULL && length < head);
		n = (size_t)(head - text) + 4;
		/* To HEAD there is no content. */
		if (n < said.n)
			n += strtoul(length + 18, NULL, 10);
		must(n <= said.n);
		said = bytes_skip(said, n);
	}
}

static void
check(const struct play *p)
{
	struct bytes said = bytes_of(p->said.p, p->said.n);

	if (said.n == 0)
		return;
	must(p->r.dir == DIR_CLIENT);
	if (p->c.ops == &http1_inspector) {
		check_http(said);
	} else if (p->c.ops == &tls_inspector) {
		must(said.n == 7 && said.p[0] == 21 && said.p[6] == 49);
	} else {
		must(p->c.ops == &smtp_inspector || p->c.ops == &ftp_inspector);
		check_lines(said);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine e;
	struct play whole, cut;

	if (size < HEADER)
		return 0;
	if (e.env.limits == NULL) {
		engine_open(&e);
		e.limits.pipelined = 8;
		e.limits.recipients = 16;
	}
	play(&whole, &e, data, bytes_of(data + HEADER, size - HEADER), 0);
	play(&cut, &e, data, bytes_of(data + HEADER, size - HEADER), data[1] % 32 + 1u);
	check(&whole);
	must(whole.end == cut.end);
	must(bytes_equal(bytes_of(whole.said.p, whole.said.n), bytes_of(cut.said.p, cut.said.n)));
	conversation_close(&whole.c, false);
	conversation_close(&cut.c, false);
	must(whole.c.budget.held == 0 && cut.c.budget.held == 0);
	box_free(&whole.said);
	box_free(&cut.said);
	box_free(&e.dump);
	return 0;
}
