/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INSPECTOR_H
#define SLUSS_INSPECTOR_H

/**
 * @file
 * A protocol inspector: ordered bytes of both directions in, messages out.
 *
 * Sans I/O: no clock, no socket, no malloc outside the arenas of its
 * conversation. It takes any split. Every byte that it is given is pushed into
 * a part of a message (which scans it), skipped with a reason by part_skip(),
 * counted by message_count() as framing, or given to conversation_over() where
 * there is no memory for a message: nothing is skipped in silence.
 *
 * inspectors/README.md says how to add one.
 */

#include "inspectors/message.h"
#include "inspectors/refusal.h"

struct conversation;

/** How sure an inspector is that a conversation is its protocol, from the first bytes. */
enum bid {
	BID_NO = 0,    /* it can't be */
	BID_MORE = 1,  /* not enough bytes to tell: taken if nDPI names it */
	BID_MAYBE = 2, /* it may be: taken if nDPI names it, or if nothing better comes */
	BID_SURE = 3,  /* its own words */
};

struct inspector_ops {
	const char *name; /* "smtp": in events, configuration, counters */
	enum channel channel; /* CHANNEL_OTHER: what the host says */
	size_t state_size; /* bytes of conversation arena, zeroed */

	/** First bytes of both directions, in order; either may be empty. */
	enum bid (*bid)(struct bytes client, struct bytes server);
	/** OUTCOME_OK, or OUTCOME_OVER_BUDGET: then the conversation is scanned raw. */
	enum outcome (*open)(void *state, struct conversation *c);
	/** The next bytes of a direction. Both directions come in the order of the wire. */
	void (*data)(void *state, enum direction dir, struct bytes in);
	/** @p lost bytes of a direction never came; the next data() is behind them. */
	void (*gap)(void *state, enum direction dir, uint64_t lost);
	/** No more bytes in this direction (FIN). May be followed by data of the other. */
	void (*finish)(void *state, enum direction dir);
	/** The conversation is over: close what is open. @p reset: by RST or timeout. */
	void (*close)(void *state, bool reset);
	/** inspectors/refusal.h: how the refused direction is answered. NULL: RST to both. */
	enum refuse_step (*refuse)(void *state, struct refusal *r);
};

/* inspectors/registry.c: the whole list, in one place; NULL-terminated. */
extern const struct inspector_ops *const inspectors[];

/** The inspector of that name, or NULL. */
const struct inspector_ops *inspector_find(const char *name);

extern const struct inspector_ops smtp_inspector;
extern const struct inspector_ops http1_inspector;
extern const struct inspector_ops ftp_inspector;      /* control connections */
extern const struct inspector_ops ftp_data_inspector; /* chosen by transfer, never by bid */
extern const struct inspector_ops tls_inspector;
extern const struct inspector_ops raw_inspector; /* anything else; never bids */

#endif
