/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_EVENT_PARTS_H
#define SLUSS_EVENT_PARTS_H

/**
 * @file
 * The objects of an event that come from the message itself, shared by the
 * events of the gateway and the records of `slussctl scan --json`.
 */

#include "policy/event.h"
#include "policy/json_put.h"

enum { EVENT_RECIPIENTS_LISTED = 100 };

/** `email`, `file`, `url`, `http` as far as the message has them. */
void event_put_description(struct json_put *w, json_t *root, const struct message *m);

/**
 * What was found, in the object `sluss`: from the domains to the policy.
 * @param c  NULL for a file on disk
 */
void event_put_sluss(struct json_put *w, json_t *sluss, const struct message *m,
	const struct event_judgement *j, const struct event_context *c);

#endif
