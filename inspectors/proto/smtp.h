/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SMTP_H
#define SLUSS_SMTP_H

/**
 * @file
 * SMTP, ESMTP and LMTP: RFC 5321, pipelining (RFC 2920), BDAT (RFC 3030), AUTH
 * (RFC 4954), STARTTLS (RFC 3207), LMTP (RFC 2033).
 *
 * Messages. The client's side is one message after another, without a hole: its
 * bytes up to the end of a mail's content are that mail's message (commands in
 * the part "smtp>session", content in "smtp"); text that is neither, such as
 * what follows a refused DATA, is a message of its own. A message that holds a
 * mail has `command` set ("DATA" or "BDAT"); one that holds nothing but commands
 * or replies has `session` set. The server's side is one message.
 *
 *                 +------------ 4yz, 5yz ------------+
 *                 v                                  |
 *   COMMAND --DATA--> ASKED --354 | a line that is no command--> CONTENT
 *    ^  ^  |                                                     |
 *    |  |  +--BDAT n--> CHUNK --n octets--> COMMAND              |
 *    |  +----------------- CRLF . CRLF --------------------------+
 *    |
 *    +--STARTTLS, then a TLS record--> OPAQUE (for good)
 *
 *   verb         in COMMAND                        in ASKED
 *   EHLO, LHLO   a new session when accepted       held
 *   MAIL         a new envelope when accepted      held
 *   RCPT         a recipient when accepted         held
 *   DATA         -> ASKED                          held; the content may be its
 *   BDAT         -> CHUNK; malformed: no chunk     -> CHUNK
 *   RSET         no envelope when accepted         held
 *   AUTH         its secrets are counted unread    held
 *   STARTTLS     look for a TLS record             held
 *   QUIT, other  nothing                           held
 *   none         text                              -> CONTENT, with this line
 *
 * Open loop. The client may talk before the server's reply is seen, or only one
 * side may be seen at all. Nothing is kept back for that; the rules are:
 *  - Replies are paired with commands one by one, in a queue of at most
 *    limits.pipelined commands. Those beyond are taken as accepted.
 *  - In ASKED, lines that are commands are queued as such ("held"). A 354 makes
 *    them the content's first lines and takes them off the queue; a refusal
 *    leaves them as the commands they are. The first line that is no command
 *    begins the content: whatever is unanswered then is taken as accepted.
 *  - If the refusal comes while such content runs, it never was a mail: its
 *    message loses its envelope, and the next line is a command again.
 *  - After a gap the pairing is lost for good: every command is taken as accepted.
 *
 * End of content. CRLF.CRLF is the end. A dot alone on a line with another line
 * end (LF.LF, CRLF.LF, CR.CR) ends it only for a client that never sent CRLF,
 * or when the server answers there. If commands follow such a dot, receivers
 * see another mail than we do ("SMTP smuggling"): from there on the content is
 * reported as damaged and its recipients as incomplete, while it is still read.
 *
 * Refusing. Each command in the queue knows its message, and how many client bytes must
 * have left before the server answers it: a chunk's all of the chunk, an AUTH's the answer
 * to the challenge. smtp_refuse.h says what is answered in its place.
 *
 * Secrets. Of an AUTH exchange only "AUTH <mechanism>" is scanned; the rest is
 * counted, up to 16,384 bytes and four lines unless the server asks for more.
 */

#include "inspectors/proto/inspector.h"

#endif
