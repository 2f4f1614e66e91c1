/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HTTP1_REFUSE_H
#define SLUSS_HTTP1_REFUSE_H

/**
 * @file
 * What a refused HTTP/1.x client is told in the server's place (RFC 9110, 15.5.4;
 * RFC 9112, 9.6). When it is told is http1.c's: its refuse() has the rules.
 */

#include "inspectors/refusal.h"

/** Room that both answers below leave for the other. */
enum { HTTP1_FORBIDDEN_MAX = 1536 };

/**
 * 403, then the connection closes: a short page in Swedish and English with the
 * event's id, or the same as JSON.
 *
 * @param json  application/json instead of text/html
 * @param head  the request was HEAD: the fields only
 */
void http1_say_forbidden(struct refusal *r, bool json, bool head);

/**
 * 503 for a request before the refused one that shared a packet with it and so
 * didn't leave: the client is to send it again.
 * @return false: no room for it
 */
bool http1_say_unavailable(struct refusal *r);

#endif
