/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_MESSAGE_H
#define SLUSS_MESSAGE_H

/**
 * @file
 * The unit that is judged: one mail, one uploaded file, one HTTP body, or a
 * stretch of a stream that has no messages of its own.
 *
 * A protocol inspector opens it, describes it, pushes its parts and closes it.
 * At the close the host (data plane, slussctl, a test) gets it whole by
 * inspect_env.message_done, judges it, and writes the event.
 */

#include <stdbool.h>

#include "inspectors/arena.h"
#include "inspectors/detect/detect.h"
#include "inspectors/distinct.h"
#include "inspectors/limits.h"
#include "inspectors/part.h"

/** Of a flow's two directions; the client is the side that opened it. */
enum direction { DIR_CLIENT = 0, /* client to server */ DIR_SERVER = 1 };

enum channel { CHANNEL_MAIL, CHANNEL_FILE, CHANNEL_WEB, CHANNEL_APP, CHANNEL_OTHER, CHANNELS };

/** "mail", "file", "web", "app", "other". */
const char *channel_name(enum channel c);

enum { MESSAGE_FINDINGS_LISTED = 20, MESSAGE_OPAQUE_LISTED = 16, PSEUDONYM_BYTES = 16 };

/** A finding as it may leave: masked. The identifier can't be had back from it. */
struct finding {
	uint16_t detector;
	enum confidence confidence;
	uint64_t offset;  /* bytes, in the part's decoded text */
	const char *part; /* path; names in it are masked */
	char mask[40];
	uint8_t pseudonym[PSEUDONYM_BYTES]; /* HMAC-SHA-256, truncated */
};

struct opaque_part {
	const char *part;
	enum opaque_reason reason;
	uint64_t bytes; /* of the part's own input */
};

struct mail_address {
	struct mail_address *next;
	struct bytes address; /* as on the wire, without <>; not masked */
};

/* Counts of one detector's findings, indexed by confidence; [0] stays 0. */
struct finding_counts {
	uint64_t total[4];
	uint64_t distinct;	/* of at least the detector's least confidence */
	uint64_t distinct_low;	/* of lower confidence than that */
	uint64_t distinct_near[DETECT_WORDS_MAX]; /* distinct, in a part with that evidence */
};

/**
 * Texts in it (addresses, subject, names, URL) are in clear, and may only be
 * written to an event through detect_mask_text().
 */
struct message {
	struct inspect_env *env;
	struct conversation *conversation; /* NULL when read from a file on disk */
	enum direction direction;
	enum channel channel;
	const char *protocol; /* "smtp", "http", "ftp", …: static */
	uint32_t serial; /* among its conversation's messages of this direction, from 1 */

	/* What it says of itself; empty where it doesn't. */
	struct bytes mail_from;
	struct mail_address *mail_to, **mail_to_tail;
	unsigned n_mail_to;
	bool recipients_over; /* more than were kept: judge by the strictest destination */
	struct bytes subject; /* UTF-8 */
	struct bytes message_id;
	struct bytes file_name; /* UTF-8 */
	struct bytes http_method, url_host, url_path; /* as on the wire, no query */
	const char *command;			      /* "STOR", "RETR", …: static */
	/* A session's own commands or replies (SMTP, FTP): no mail, no file. */
	bool session;

	/* What was found. */
	struct finding *findings; /* the first MESSAGE_FINDINGS_LISTED; NULL before the first */
	unsigned n_findings;
	uint64_t findings_total;
	const struct finding_counts *counts; /* one for each detector of the set; never NULL */
	uint64_t marks;		       /* bit i: mark i was seen with medium confidence or more */
	struct distinct distinct;
	bool distinct_over; /* past limits.distinct_exact: counts read "at least" */
	unsigned evidence;  /* bit i: some part has the evidence of words list i */

	/* What was read. Wire bytes: inspected = bytes_total - the sum of opaque. */
	uint64_t bytes_total;
	uint64_t opaque[OPAQUE_COUNT];
	struct opaque_part *opaque_parts; /* the first MESSAGE_OPAQUE_LISTED; likewise */
	unsigned n_opaque_parts;
	uint64_t gap_bytes; /* lost on the way to us */
	bool cut;	    /* ended before its protocol said so */
	/* What is about to begin can't be read, and hasn't begun: STARTTLS, AUTH TLS, CONNECT
	 * was asked for. Judged as opaque; taken back when the answer is no. */
	enum opaque_reason opaque_ahead;

	/* The rest belongs to message.c and part.c. */
	struct arena *keep;  /* lives as long as the message */
	struct arena *stack; /* parts and their decoders */
	struct arena_mark keep_mark;
	struct decode_budget budget;
	struct part *top; /* the part opened last */
	struct part spare; /* stands in for a part that there was no memory for */
	unsigned n_spare;  /* how many such are open */
	unsigned n_parts;
	/* Previews. */
	uint32_t pending;     /* candidates of all open parts that wait for the text behind them */
	uint32_t doubts;      /* open parts' bytes that may or may not be base64; part.c's */
	uint64_t opaque_seen; /* bytes counted so in any part; only rises */
	uint64_t settled_at;  /* bytes_total when what is pending was last settled */
	struct message_overlay *overlay; /* between begin and end, if anything is laid over */
	struct preview_seen {
		uint64_t findings_total, opaque_seen, gap_bytes;
		struct bytes url_host;
		unsigned evidence, n_mail_to;
		enum opaque_reason opaque_ahead;
		enum channel channel;
		bool recipients_over, told;
		bool any; /* there was a preview before */
	} seen; /* by the last preview */
};

/** What all inspectors of one worker share. Owned by the host. */
struct inspect_env {
	const struct inspect_limits *limits;
	const struct detect_set *detect;
	struct detect_scratch *scratch;
	struct civil_date today;	 /* kept current by the host */
	const struct pseudonym *pseudonym; /* inspectors/detect/pseudonym.h */
	const struct charset_catalog *charsets; /* inspectors/stream/charset.h */
	struct transfer_table *transfers;  /* inspectors/transfer.h; may be NULL */
	/* A message is complete: judge it. It is gone when this returns. */
	void (*message_done)(void *ctx, struct message *m);
	void *ctx;
	uint64_t distinct_seed; /* random, per process: against made-up collisions */
};

/**
 * Begin a message.
 *
 * @param keep, stack  arenas that hold it until message_close(); no other
 *                     message may be open in them
 * @return NULL when there is no memory for it: count the bytes over-budget
 */
struct message *message_open(struct inspect_env *env, struct arena *keep, struct arena *stack,
	enum channel channel, enum direction direction, const char *protocol);

/** Keep a copy of @p text for one of the message's fields; empty if there is no room. */
struct bytes message_keep(struct message *m, struct bytes text);

/** Add a recipient; over limits.recipients it only sets recipients_over. */
void message_add_recipient(struct message *m, struct bytes address);

/** @p lost bytes never came: the event says so, and policy judges them as opaque. */
void message_gap(struct message *m, uint64_t lost);

/**
 * Wire bytes of the message: what goes into its root part is counted by that;
 * this counts framing around it (protocol lines), which was read.
 */
void message_count(struct message *m, uint64_t n);

/**
 * Close open parts and hand the message to the host; its memory goes back. What
 * was opaque in it is added to the conversation's counters.
 * @param cut  it ended before its protocol said so
 */
void message_close(struct message *m, bool cut);

/**
 * A live message as it would be judged if its text ended here. Inline, each packet is
 * judged before it leaves, long before the message ends; candidates that still wait for
 * their context are decided as they stand, and what its open parts hold as opaque is
 * added up. Between begin and end only the judge may look at the message; nothing of it
 * changes for good, so that no packet border changes a finding.
 *
 * What a decoder still holds isn't text yet, and is read with its next byte: an unfinished
 * group of base64, an escape, a header field that the next line may continue, a line end
 * that may belong to a boundary. None of it is whole for the receiver either, and what ends
 * the message comes in a packet that is judged too.
 *
 * Shows what the judge reads: counts, marks, evidence, the distinct ones, opaque bytes
 * (at least one of opaque_ahead's reason). The list of findings stays as it is. At most
 * one message of a detect_scratch is in a preview.
 *
 * @param ret_pending  something that isn't decided yet gave a finding or evidence: what
 *                     follows may still change it either way
 * @return false: the same as at the last call of this for the message (nothing came that
 *         counts); begun all the same
 */
bool message_preview_begin(struct message *m, bool *ret_pending);
void message_preview_end(struct message *m);

/**
 * Decide what is pending in the message's text as it stands: a pause is long enough. The
 * next preview finds nothing pending, until more comes.
 */
void message_settle(struct message *m);

/** Call @p each on every distinct identifier, those that a preview lays over too, in no order. */
void message_each_distinct(const struct message *m,
	void (*each)(void *ctx, const struct distinct_entry *e), void *ctx);

/** Throw the message away unjudged (its bytes will be read again another way). */
void message_discard(struct message *m);

/* ---- for part.c ---- */

/** Take in a detection of @p part: count it, list its masked form. */
void message_finding(struct message *m, struct part *part, const struct decoder *stage,
	const struct raw_finding *f);

/** A part has got the evidence of words list @p words. */
void message_evidence(struct message *m, struct part *part, unsigned words);

/** List a part's opaque bytes in the event. */
void message_opaque_part(struct message *m, const struct part *part, enum opaque_reason reason,
	uint64_t bytes);

#endif
