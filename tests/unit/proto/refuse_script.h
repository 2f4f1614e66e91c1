/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_REFUSE_SCRIPT_H
#define SLUSS_TEST_REFUSE_SCRIPT_H

/**
 * @file
 * Refused conversations, written down as turns, with the real engine:
 *
 *   "C:…"  the client's bytes, which leave        "S:…"  the server's
 *   "X:…"  the client's bytes of which the first packet is the refused one: the
 *          refusal begins behind it. Another "X:" behind it is absorbed too.
 *   "Y:…"  the same of the server's bytes
 *   "R"    the refusal begins, of bytes on another connection
 *   "E"    the client's FIN   "F"  the server's FIN   "L"  the host's limit
 *
 * The result is all that is said, with "[wait]" in front of what the receiver was
 * waited for, and the end: "[close]", "[reset]" or, when the turns end before it,
 * "[absorb]". Turns behind the end are not read.
 */

#include "tests/support/conversation.h"

enum { REFUSE_TURNS_MAX = 24 };

#define EVENT_ID "0189aa00-1111-4222-8333-444455556666"
#define R554                                                                                       \
	"554 5.7.1 Message refused by data leakage prevention; it holds information that must "    \
	"not leave for this destination (event " EVENT_ID ")\r\n"
#define R554_AGAIN "554 5.7.1 Refused by data leakage prevention (event " EVENT_ID ")\r\n"
#define R554_TLS                                                                                   \
	"554 5.7.1 Encryption refused by data leakage prevention; what can't be read must not "    \
	"leave for this destination (event " EVENT_ID ")\r\n"
#define R421 "421 4.3.2 Closing; please use another connection\r\n"
#define R221 "221 2.0.0 Bye\r\n"

struct refuse_case {
	const char *name;
	const char *turns[REFUSE_TURNS_MAX];
	const char *want;
	uint32_t serial; /* of the refused message; 0: the one begun last. UINT32_MAX: none */
};

/** Assert what is said, for every cut of every turn and for pieces of 1 to 17 bytes. */
void assert_refuses(const struct refuse_case *k);

#endif
