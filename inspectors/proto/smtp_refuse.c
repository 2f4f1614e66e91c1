/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules are in smtp_refuse.h. */
#include "inspectors/proto/smtp_refuse.h"

enum reply {
	REPLY_OK,
	REPLY_GO_ON,
	REPLY_LATER,
	REPLY_REFUSED,
	REPLY_REFUSED_AGAIN,
	REPLY_OPAQUE,
	REPLY_BYE,
	REPLY_CLOSING,
	REPLIES
};

#define ID "%.36s"
#define EVENT "(event " ID ")\r\n"

enum { ID_SHOWN = 36 };

/* ASCII, and a line is at most 512 bytes (RFC 5321, 4.5.3.1.5). */
static const struct text {
	const char *format;
	bool event;
} texts[REPLIES] = {
	[REPLY_OK] = {"250 2.0.0 Ok\r\n", false},
	[REPLY_GO_ON] = {"354 Go on\r\n", false},
	[REPLY_LATER] = {"451 4.3.2 Delivery not confirmed; please send it again\r\n", false},
	[REPLY_REFUSED] = {"554 5.7.1 Message refused by data leakage prevention; it holds "
			   "information that must not leave for this destination " EVENT,
		true},
	[REPLY_REFUSED_AGAIN] = {"554 5.7.1 Refused by data leakage prevention " EVENT, true},
	[REPLY_OPAQUE] = {"554 5.7.1 Encryption refused by data leakage prevention; what can't be "
			  "read must not leave for this destination " EVENT,
		true},
	[REPLY_BYE] = {"221 2.0.0 Bye\r\n", false},
	[REPLY_CLOSING] = {"421 4.3.2 Closing; please use another connection\r\n", false},
};

static size_t
most_bytes(enum reply reply)
{
	return strlen(texts[reply].format) + (texts[reply].event ? ID_SHOWN - strlen(ID) : 0);
}

static void
add(struct smtp_refusal *f, enum reply reply)
{
	if (f->closing)
		return;
	if (reply == REPLY_REFUSED && f->told)
		reply = REPLY_REFUSED_AGAIN;
	/* Room is kept for the last one. */
	if (f->n_bytes + most_bytes(reply) + most_bytes(REPLY_CLOSING) > REFUSAL_WORDS_MAX)
		reply = REPLY_CLOSING;
	f->closing = reply == REPLY_BYE || reply == REPLY_CLOSING;
	f->told = f->told || reply == REPLY_REFUSED || reply == REPLY_OPAQUE;
	f->n_bytes = (uint16_t)(f->n_bytes + most_bytes(reply));
	f->replies[f->n_replies++] = (uint8_t)reply;
}

static void
add_each(struct smtp_refusal *f, enum reply reply, unsigned n)
{
	for (unsigned i = 0; i < n && !f->closing; i++)
		add(f, reply);
}

/* Of a mail before the refused one. */
static void
answer_earlier(struct smtp_refusal *f, const struct smtp_unanswered *u)
{
	if (u->end || (u->verb == SMTP_BDAT && u->last)) {
		add_each(f, REPLY_LATER, u->replies);
		return;
	}
	switch (u->verb) {
	case SMTP_EHLO:
	case SMTP_LHLO:
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_RSET:
	case SMTP_BDAT:
	case SMTP_OTHER:
		add(f, REPLY_OK);
		break;
	case SMTP_DATA:
		add(f, REPLY_GO_ON);
		break;
	default:
		add(f, REPLY_CLOSING);
	}
}

static void
answer_refused(struct smtp_refusal *f, const struct smtp_unanswered *u)
{
	switch (u->verb) {
	case SMTP_DATA:
	case SMTP_BDAT:
		add_each(f, REPLY_REFUSED, u->replies);
		f->over = u->end || u->last;
		break;
	case SMTP_RCPT:
	case SMTP_AUTH:
	case SMTP_STARTTLS:
	case SMTP_UNKNOWN:
		add(f, REPLY_REFUSED);
		break;
	case SMTP_RSET:
		add(f, f->told ? REPLY_CLOSING : REPLY_OK);
		break;
	default:
		/* With nothing refused before it, the violation may be in this very line. */
		add(f, f->told ? REPLY_CLOSING : REPLY_REFUSED);
	}
}

static void
answer_opaque(struct smtp_refusal *f, const struct smtp_unanswered *u)
{
	switch (u->verb) {
	case SMTP_EHLO:
	case SMTP_LHLO:
	case SMTP_RSET:
	case SMTP_OTHER:
		add(f, REPLY_OK);
		break;
	default:
		add_each(f, REPLY_OPAQUE, u->replies);
	}
}

void
smtp_refusal_answer(struct smtp_refusal *f, const struct smtp_unanswered *u)
{
	if (u->several)
		add(f, REPLY_CLOSING);
	else if (u->verb == SMTP_QUIT)
		add(f, REPLY_BYE);
	else if (u->serial < f->serial)
		answer_earlier(f, u);
	else if (f->opaque)
		answer_opaque(f, u);
	else if (f->over || u->serial > f->serial)
		add(f, REPLY_CLOSING);
	else
		answer_refused(f, u);
}

void
smtp_refusal_last(struct smtp_refusal *f, bool gone)
{
	if (!f->told)
		add(f, f->opaque ? REPLY_OPAQUE : REPLY_REFUSED);
	else if (!gone)
		add(f, REPLY_CLOSING);
	f->closing = true;
}

void
smtp_refusal_lost(struct smtp_refusal *f)
{
	add(f, REPLY_CLOSING);
}

void
smtp_refusal_speak(struct smtp_refusal *f, struct refusal *r)
{
	for (unsigned i = 0; i < f->n_replies; i++) {
		const struct text *t = &texts[f->replies[i]];

		if (t->event)
			(void)refusal_say(r, t->format, r->event_id);
		else
			(void)refusal_say(r, "%s", t->format);
	}
	f->n_replies = 0;
}
