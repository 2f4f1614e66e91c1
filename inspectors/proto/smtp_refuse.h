/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SMTP_REFUSE_H
#define SLUSS_SMTP_REFUSE_H

/**
 * @file
 * What a refused SMTP or LMTP client is told, reply by reply, in the server's
 * place (RFC 5321, 4.2 and 4.3; RFC 3030; RFC 2033; RFC 3463 for 5.7.1).
 *
 * The rules. "Left" is what the server has got and answers itself; smtp.c waits
 * for those answers, and asks here for the rest, in the order of the commands.
 *
 *   of the refused mail   DATA's content, a chunk, RCPT, DATA, text, AUTH   554
 *                         LMTP: one for each accepted recipient
 *                         MAIL, EHLO, NOOP, … that hold the violation       554
 *   of a mail before it   that shared a packet with it and so didn't leave:
 *                         commands 250, its content 451, to be sent again
 *   behind it             QUIT                                              221, FIN
 *                         anything else                                     421, FIN
 *                         nothing, for too long                             421, FIN
 *
 * Why the connection stays open behind the 554. RFC 5321, 3.8, lets a server close
 * without QUIT only behind a 421, and some clients take a FIN behind the reply for
 * a lost connection, which they would retry. All clients end on QUIT; one that
 * would reuse the connection learns by the 421 to its first command, before it
 * has a mail under way, that it needs another one. So RSET and NOOP get the
 * 421 as well: they are how a client probes a cached connection (Postfix sends
 * RSET, and opens a new connection when it fails, without deferring the mail); a
 * 250 there and the 421 only at MAIL could defer an innocent mail. Postfix that
 * pipelines ".<CRLF>QUIT" gets both replies and the FIN at once.
 *
 * STARTTLS under `opaque: refuse`. It is answered 554 and never reaches the server.
 * A client whose TLS is optional goes on in clear in the same session (Postfix
 * "may", Exim, swaks --tls-optional): the mail is then answered 554 at MAIL, so that it
 * bounces at once instead of being retried for days with the same end. One that
 * insists on TLS takes the 554 itself as the reason.
 */

#include "inspectors/proto/smtp_line.h"
#include "inspectors/refusal.h"

/* As many as could be said in REFUSAL_WORDS_MAX bytes, which is the limit: when it is reached
 * the connection is closed with a 421. Of LMTP recipients, some 40 are answered within it; the
 * others are tried again, fewer each time. */
enum { SMTP_REFUSAL_REPLIES = REFUSAL_WORDS_MAX / 14 };

/** A command, or a content's end, that the server won't answer. */
struct smtp_unanswered {
	enum smtp_verb verb;
	bool end;	  /* of DATA's content */
	bool last;	  /* BDAT LAST */
	bool several;	  /* commands that were counted and not kept */
	unsigned replies; /* that are due */
	uint32_t serial;  /* of the message it belongs to */
};

/** Starts as { 0 }. */
struct smtp_refusal {
	bool on;       /* a refusal has begun */
	bool speaking; /* the server has said what it had to: we answer now */
	bool closing;  /* behind the words comes FIN; nothing is added any more */
	bool opaque;   /* STARTTLS is what is refused, and so every mail behind it */
	bool told;     /* a 554 was said */
	bool over;     /* the refused mail has got its last reply */
	uint32_t serial;
	uint64_t left;			       /* client bytes that have left */
	uint8_t replies[SMTP_REFUSAL_REPLIES]; /* to be said at the next call */
	uint16_t n_replies;
	uint16_t n_bytes; /* at most, of all words of the refusal */
};

/** Answer it. */
void smtp_refusal_answer(struct smtp_refusal *f, const struct smtp_unanswered *u);

/** No more is read: the 554 now if it wasn't said, then the end. @p gone: the client sent FIN. */
void smtp_refusal_last(struct smtp_refusal *f, bool gone);

/** More commands than are remembered: the connection ends. */
void smtp_refusal_lost(struct smtp_refusal *f);

/** Put the replies that are due into words. */
void smtp_refusal_speak(struct smtp_refusal *f, struct refusal *r);

#endif
