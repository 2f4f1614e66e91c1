/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_REFUSAL_H
#define SLUSS_REFUSAL_H

/**
 * @file
 * Refusing a message in its protocol's own words.
 *
 * The host (the inline gateway) has judged that what goes in one direction must
 * not arrive. From then on none of that direction's bytes are forwarded, while they are
 * still given to the inspector, which reads the message to its end, so that the
 * event is the same as a watcher's. After each conversation_data() and
 * conversation_finish() of that direction, and once at the refusal itself, the
 * host asks conversation_refuse() what is to be done: the inspector knows when the
 * protocol's moment to speak has come.
 *
 * A conversation is refused once and for one message: what follows it on the
 * same connection is told to come again on another one, so that no innocent
 * message is lost. What stands before it, but didn't leave since it shared a
 * packet with the refused bytes, is told so too, where the protocol has words
 * for it. So the inspector has to know which message it is (`serial`), and how
 * far the receiver has got (`released`).
 *
 * Words are for people and programs: they hold the event's id, never a class,
 * a detector or an identifier (invariant 5). All words of one refusal together
 * are at most REFUSAL_WORDS_MAX bytes, and neither they nor the last step depend
 * on how the refused direction's bytes are cut from the refusal on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/bytes.h"
#include "inspectors/message.h"

struct conversation;

enum { REFUSAL_WORDS_MAX = 3072 };

enum refuse_step {
	/* Answers to what came before the refused message are still due: the receiver stays, what
	 * it says is forwarded and read. No words. Ask again after its bytes and its FIN, too. */
	REFUSE_WAIT,
	/* The receiver is reset now, if it wasn't; the sender's bytes are absorbed. Say what is in
	 * `words`, if anything, in the receiver's place, and go on. */
	REFUSE_ABSORB,
	/* The same, then close the connection in order (FIN). The conversation is over: don't ask
	 * again. What the sender still sends is acknowledged and discarded. */
	REFUSE_CLOSE,
	/* No words fit: RST to both. */
	REFUSE_RESET,
};

struct refusal {
	/* Set by the host, the same in every call for one refusal. */
	enum direction dir;   /* that is refused */
	const char *event_id; /* of the refused message's event: at most 36 bytes are shown */
	uint32_t serial;      /* message.serial of the refused message; 0: it isn't one of this
			       * conversation (FTP: the file of its data connection), or none could
			       * be opened */
	uint64_t released; /* of conversation_stats.delivered[dir], how many bytes had left for the
			    * receiver at the refusal; none does afterwards */
	/* Set by the host for each call. */
	bool last;  /* no more is read (a limit of bytes or time, or the sender's FIN): say what
		    * fits now, and end; the answer is REFUSE_CLOSE or REFUSE_RESET */
	bool ended; /* the refused message has ended and its event is written */
	/* Filled by the inspector: what is to be said now. Not a string. */
	char words[REFUSAL_WORDS_MAX];
	size_t n_words;
};

/** What is to be done now. REFUSE_RESET where the conversation has no inspector with words. */
enum refuse_step conversation_refuse(struct conversation *c, struct refusal *r);

/**
 * How many bytes of r->dir that were read had not left at the refusal.
 * For inspectors: to be asked at the first call for a refusal only.
 */
uint64_t refusal_unreleased(const struct conversation *c, const struct refusal *r);

/** Append to r->words; what doesn't fit is left out as a whole. @return whether it fitted */
bool refusal_say(struct refusal *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
