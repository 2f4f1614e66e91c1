/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/http1_refuse.h"

#include <stdio.h>

/* No Date: there is no clock here (RFC 9110, 6.6.1). */
void
http1_say_forbidden(struct refusal *r, bool json, bool head)
{
	char body[HTTP1_FORBIDDEN_MAX / 2];
	int n;

	if (json)
		n = snprintf(body, sizeof(body),
			"{\"status\":403,\"title\":\"Refused by data leakage prevention\","
			"\"detail\":\"This must not leave for this destination.\","
			"\"detail_sv\":\"Detta får inte lämnas till den här mottagaren.\","
			"\"event\":\"%.36s\"}\n",
			r->event_id);
	else
		n = snprintf(body, sizeof(body),
			"<!doctype html>\n<html lang=\"sv\"><head><meta charset=\"utf-8\">"
			"<title>403 Stoppat / Refused</title></head><body>\n"
			"<h1>Stoppat</h1>\n<p>Överföringen stoppades av skyddet mot dataläckage: "
			"den får inte gå till den här mottagaren. "
			"Uppge händelsens id om du frågar varför.</p>\n"
			"<div lang=\"en\"><h1>Refused</h1>\n<p>Data leakage prevention stopped "
			"this transfer: it must not leave for this destination. "
			"State the event's id if you ask why.</p></div>\n"
			"<p>Id: <code>%.36s</code></p>\n</body></html>\n",
			r->event_id);
	(void)refusal_say(r,
		"HTTP/1.1 403 Forbidden\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
		json ? "application/json" : "text/html; charset=utf-8", n, head ? "" : body);
}

bool
http1_say_unavailable(struct refusal *r)
{
	return r->n_words + 256 + HTTP1_FORBIDDEN_MAX <= sizeof(r->words) &&
		refusal_say(r,
			"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
			"Retry-After: 1\r\nCache-Control: no-store\r\n\r\n");
}
