/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_MAIL_DOUBLE_H
#define SLUSS_TEST_MAIL_DOUBLE_H

/**
 * @file
 * Stands in for part.c, message.c and conversation.c in the tests of the mail
 * inspectors, and writes down what they are told: one line for each part at its
 * end and for each message. No scan, no codings: what is tested is how a stream
 * is cut into messages and parts, and what is declared of them. A part of type
 * message/rfc822 or multipart, without a coding, is read by the MIME decoder.
 *
 *   part mime[1] text/plain charset=utf-8 name=a.txt [raw] "its bytes"
 *   message c DATA from=<a> to=<b> subject="s" id="i" file="a.txt" total=123
 */

#include "inspectors/conversation.h"
#include "tests/support/cut.h"

struct mail_double {
	struct inspect_limits limits;
	struct inspect_env env;
	struct arena_budget budget;
	struct conversation conversation;
	struct box dump;
	uint64_t over[2];
	uint64_t total[2]; /* bytes of all messages of a direction */
};

void mail_double_open(struct mail_double *t);
void mail_double_close(struct mail_double *t);

/** The dump as a string; valid until more is written. */
const char *mail_double_dump(struct mail_double *t);

/** Read one mail (or multipart body, by @p meta), in pieces as feed_cut or feed_steps. */
void mail_double_mime(struct mail_double *t, const struct part_meta *meta, struct bytes in,
	size_t cut, size_t step);

#endif
