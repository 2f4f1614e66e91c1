/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_EVENT_JUDGEMENT_H
#define SLUSS_EVENT_JUDGEMENT_H

/**
 * @file
 * A judgement put in words, for its event.
 */

#include "policy/event.h"
#include "policy/judge.h"

/** The words, and the room that they lie in. Don't copy: it points into itself. */
struct judgement_words {
	struct event_judgement words;
	const char *to[POLICY_DOMAINS_MAX + 1];
	struct event_information information[POLICY_INFORMATION_MAX];
	char reason[512];
};

/**
 * @param m       the judged message
 * @param ret     borrows from @p policy
 */
void judgement_in_words(const struct judgement *j, const struct policy *policy,
	const struct message *m, struct judgement_words *ret);

/**
 * The same for a file on disk, which goes nowhere: class and information types
 * alone, and no class where the shipped packs stand in for a policy.
 */
void judgement_of_file_in_words(
	const struct judgement *j, const struct policy *policy, struct judgement_words *ret);

#endif
