/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SMTP_LINE_H
#define SLUSS_SMTP_LINE_H

/**
 * @file
 * One line of SMTP: commands (RFC 5321, 4.1; BDAT: RFC 3030; AUTH: RFC 4954;
 * STARTTLS: RFC 3207; LHLO: RFC 2033) and replies (RFC 5321, 4.2). Pure functions.
 */

#include "inspectors/bytes.h"

enum smtp_verb {
	SMTP_UNKNOWN, /* no command: text */
	SMTP_EHLO,    /* and HELO */
	SMTP_LHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_QUIT,
	SMTP_AUTH,
	SMTP_STARTTLS,
	SMTP_OTHER, /* known, and without effect on what is read: NOOP, VRFY, XCLIENT, … */
	SMTP_VERBS
};

struct smtp_command {
	enum smtp_verb verb;
	bool malformed;       /* a known verb with an argument that it can't have */
	struct bytes address; /* MAIL, RCPT: without <> and source route; borrowed */
	size_t clear;         /* AUTH: bytes of the line up to the mechanism's end */
	uint64_t size;        /* BDAT: octets that follow */
	bool last;            /* BDAT */
};

/** Parse a line; CR and LF at its end don't count. Verbs are caseless. */
struct smtp_command smtp_command_parse(struct bytes line);

/**
 * The code of a reply line, from its first bytes (at most four are looked at).
 *
 * @param ret_more  another line of this reply follows
 * @return 200 to 599, or 0 where it is no reply line
 */
unsigned smtp_reply_code(struct bytes line, bool *ret_more);

/** Does @p in begin a TLS record (RFC 8446, 5.1)? Two bytes are looked at. */
bool smtp_is_tls(struct bytes in);

#endif
