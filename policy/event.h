/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_EVENT_H
#define SLUSS_EVENT_H

/**
 * @file
 * The record of a decision, as one JSON object on one line, with the field
 * names of the Elastic Common Schema 8.11 and our own below `sluss`.
 *
 * Every field is documented in policy/event_schema.json, and for people in
 * policy/EVENTS.md; a test holds the three together.
 *
 * Invariant 5 (no clear identifier leaves in a log) is enforced here: whatever
 * text came from the wire or from a file system is written through
 * detect_mask_text(), findings are struct finding (masked), and no function
 * here takes a struct raw_finding.
 *
 * Nothing here reads a clock. Times come with the context: the capture's or
 * the port's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/conversation.h"
#include "inspectors/message.h"

struct judgement; /* policy/judge.h */
struct policy;    /* policy/policy.h */

/** A watcher's, and those of a gateway: enum pair_mode without `exempt`, which has no events. */
enum event_mode { EVENT_MONITOR, EVENT_SHADOW, EVENT_ENFORCE };

/** "monitor", "shadow", "enforce". */
const char *event_mode_name(enum event_mode mode);

/**
 * How the sender of a refused or dropped message learns of it. X(symbol, keyword, sentence);
 * the keywords are a closed list, sluss.refusal.said.
 */
#define EVENT_REFUSALS(X)                                                                          \
	X(SMTP_554, "smtp-554", "the mail, or STARTTLS, is answered with 554 5.7.1")               \
	X(HTTP_403, "http-403", "the request is answered with 403 and a page")                     \
	X(FTP_550, "ftp-550", "the transfer is answered with 550 on the control connection")       \
	X(FTP_534, "ftp-534", "AUTH is answered with 534 (RFC 2228)")                              \
	X(TLS_ALERT, "tls-alert", "an access_denied alert, then the close")                        \
	X(RESET, "reset", "a TCP RST: no words fit")                                               \
	X(DROPPED, "dropped", "nothing is said: its packets don't leave")

enum event_refusal {
	EVENT_REFUSAL_NONE, /* nothing was refused */
#define X(symbol, keyword, sentence) EVENT_REFUSAL_##symbol,
	EVENT_REFUSALS(X)
#undef X
};

/** The keyword; NULL for EVENT_REFUSAL_NONE. */
const char *event_refusal_name(enum event_refusal refusal);

/** Space for an event id and its terminating zero: a UUID in lower case. */
enum { EVENT_ID_SIZE = 37 };

/** What the host knows and the message doesn't. All pointers are borrowed for the call. */
struct event_context {
	const char *observer; /* this gateway's name, UTF-8 */
	enum event_mode mode;
	/* What was done: "forward" in modes monitor and shadow; in mode enforce "forward",
	 * "hold", "refuse" or "drop", and for an evasion "rewrite" or "drop". The verdict doesn't
	 * depend on it; event.type and this say what happened, the verdict what should. */
	const char *action;
	enum event_refusal refusal; /* of a refused or dropped message, in mode enforce */
	const struct endpoints *ends; /* NULL when there is no flow (a file) */
	uint8_t transport;            /* IP protocol number: 6 TCP, 17 UDP */
	const char *protocol;         /* nDPI's protocol; lower-cased here; NULL unknown */
	const char *application;      /* nDPI's application, likewise */
	/* event_direction(); NULL: taken from the domains of the judgement. */
	const char *direction;
	int64_t flow_first_us; /* time of the flow's first packet, in microseconds since 1970 UTC */
	int64_t last_us;       /* time of the packet that completed the message: @timestamp */
	uint64_t sequence;     /* running number of the events of this process */
	/* Of the message within its flow and direction, from 0; with the flow it makes event.id. */
	uint64_t ordinal;
	uint64_t packets, bytes; /* of the flow so far, both directions; 0 unknown */
	bool midstream;          /* the flow's beginning was not seen */
	bool evasion;            /* the flow showed segments that contradict each other */
};

/**
 * Tricks that make us and the receiver read different things. X(symbol, keyword, sentence);
 * the keywords are a closed list, sluss.evasion.what. All but the first are of
 * segments that a gateway doesn't let through: a watcher reports the first only.
 */
#define EVENT_EVASIONS(X)                                                                          \
	X(TCP_OVERLAP_CONFLICT, "tcp-overlap-conflict",                                            \
		"segments that give different bytes for the same place")                           \
	X(TCP_SYN_DATA, "tcp-syn-data", "payload in a SYN, which some receivers take")             \
	X(TCP_SPLIT_HANDSHAKE, "tcp-split-handshake",                                              \
		"a SYN inside a connection, or from the side that was to answer one")              \
	X(TCP_RST_IGNORED, "tcp-rst-ignored",                                                      \
		"an RST at another place than the receiver's next byte")                           \
	X(TCP_AFTER_FIN, "tcp-after-fin", "payload behind the FIN")                                \
	X(TCP_STRAY_FLAGS, "tcp-stray-flags", "payload under flags that no receiver accepts")      \
	X(TCP_WRONG_PORT, "tcp-wrong-port", "segments on the side where their sender isn't")

enum event_evasion_kind {
#define X(symbol, keyword, sentence) EVENT_EVASION_##symbol,
	EVENT_EVASIONS(X)
#undef X
		EVENT_EVASION_KINDS
};

/** The keyword. */
const char *event_evasion_name(enum event_evasion_kind kind);

/** One kind of trick that a flow tried, in one direction: at most one event of each. */
struct event_evasion {
	enum event_evasion_kind kind;
	enum direction direction;
	uint64_t offset; /* bytes, in that direction's stream, where it begins; 0 unknown */
	uint64_t bytes;  /* of payload that differed, or didn't leave */
};

/**
 * ECS network.direction from the control of the two domains. Partners count as
 * outside.
 * @return "outbound", "inbound", "internal" or "external": static
 */
const char *event_direction(bool from_inside, bool to_inside);

/**
 * The id of a message's event: the same capture gives the same ids, whatever
 * the number of workers; two messages never share one (SHA-256).
 *
 * A UUID of version 8 (RFC 9562, section 5.8) made of the first 16 bytes of
 * SHA-256 over: the dataset and the observer's name (each with its zero), then
 * family (1 byte, 4 or 6), transport (1), both ends in the order client, server
 * (4 or 16 bytes of address, 2 of port), flow_first_us (8), direction (1),
 * ordinal (8); numbers big-endian. Without a flow, family is 0 and the ends are
 * left out. An evasion's ordinal is its kind. So the id is known before the event
 * is written: a refusal names it.
 *
 * @param dataset  "sluss.verdict" or "sluss.evasion"
 */
void event_id(const struct event_context *c, const char *dataset, enum direction direction,
	char ret[EVENT_ID_SIZE]);

/** An information type that a message holds. */
struct event_information {
	const char *id;
	uint64_t count; /* findings or distinct identifiers, as its conditions count */
	bool at_least;  /* the counting stopped at a limit */
};

/** A judgement in words, as the event tells it. All pointers are borrowed. */
struct event_judgement {
	const char *verdict;   /* "forward", "hold", "refuse", "drop"; NULL: none (a scan) */
	bool alert;            /* a ceiling was passed, or opaque bytes where the rule minds */
	const char *from;      /* domain; NULL unknown */
	const char *const *to; /* domains, each once */
	size_t n_to;
	bool from_inside, to_inside; /* every one of the `to` is inside */
	const char *class_name;      /* NULL: none */
	unsigned class_rank;         /* of class_name; higher is more confidential */
	const char *ceiling;         /* class; NULL: none */
	const char *reason;          /* a sentence that says why; NULL: none */
	unsigned row;                /* line of the policy file whose row decided; 0: none */
	const struct event_information *information;
	size_t n_information;
	const char *policy_name; /* NULL: no policy */
	uint64_t policy_version;
	const char *policy_digest; /* hexadecimal */
};

/**
 * The event of a message judged as @p j says. event_json() is this with the
 * judgement put in words.
 */
char *event_json_of(const struct message *m, const struct event_judgement *j,
	const struct event_context *c, size_t *ret_n);

/**
 * The event of a judged message.
 *
 * @param m       borrowed; its env gives the detectors for masking
 * @param ret_n   bytes of the line, without the terminating zero; set on success only
 * @return the line, without a newline, in malloc'ed memory that the caller frees;
 *         NULL when there is no memory
 */
char *event_json(const struct message *m, const struct judgement *j, const struct policy *policy,
	const struct event_context *c, size_t *ret_n);

/**
 * The event of an evasion attempt; as event_json(). Holds no text from the wire.
 * The context's ordinal is not looked at.
 */
char *event_evasion_json(
	const struct event_evasion *e, const struct event_context *c, size_t *ret_n);

#endif
