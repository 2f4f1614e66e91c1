/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_OUTCOME_H
#define SLUSS_OUTCOME_H

/**
 * @file
 * How reading ended, and why bytes are opaque.
 *
 * "Could not look" is never "nothing there": each outcome but OUTCOME_OK ends
 * as a reason that policy sees, and the bytes are still scanned raw.
 */

enum outcome {
	OUTCOME_OK = 0,		  /* all input taken */
	OUTCOME_DAMAGED = -1,	  /* the bytes break their format */
	OUTCOME_OVER_BUDGET = -2, /* a configured limit was reached */
	OUTCOME_UNKNOWN = -3,	  /* a format that nothing here reads */
	OUTCOME_ENCRYPTED = -4,	  /* an encrypted member of an archive */
};

/**
 * Why bytes are opaque: X(symbol, name in events and metrics, sentence).
 * The first five are design.md's; `encrypted` and `tunnel` part the other two
 * kinds of unreadable traffic, because an operator acts on them differently.
 */
#define OPAQUE_REASONS(X)                                                                          \
	X(TLS, "tls", "TLS, DTLS or QUIC records")                                                 \
	X(ENCRYPTED_ARCHIVE, "encrypted-archive", "a member of an archive that needs a password")  \
	X(UNKNOWN_FORMAT, "unknown-format", "a format that no decoder here reads")                 \
	X(OVER_BUDGET, "over-budget", "a configured limit was reached before the end")             \
	X(DAMAGED, "damaged", "bytes that break their format, fail a checksum, or never came")     \
	X(ENCRYPTED, "encrypted", "an encrypted protocol other than TLS, such as SSH or a VPN")    \
	X(TUNNEL, "tunnel", "another protocol inside this one, such as CONNECT or a websocket")

enum opaque_reason {
	OPAQUE_NONE = 0,
#define X(symbol, name, sentence) OPAQUE_##symbol,
	OPAQUE_REASONS(X)
#undef X
		OPAQUE_COUNT
};

/** Name as events and metrics spell it; "none" for OPAQUE_NONE. */
const char *opaque_reason_name(enum opaque_reason reason);

/** The reason that an outcome below OUTCOME_OK ends as. */
enum opaque_reason opaque_reason_of(enum outcome outcome);

#endif
