/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_RECORDER_H
#define SLUSS_TEST_RECORDER_H

/**
 * @file
 * Stands in for message.c, part.c and conversation.c under a protocol
 * inspector: writes down what the inspector says, so that a test can compare
 * it with what the protocol's specification says. Nothing is decoded.
 *
 * A test that uses it defines these functions by linking recorder.c, and must
 * not call anything else of those three files.
 *
 * A message reads
 *
 *   client http method=POST host=a.example path=/up file=x.txt
 *     http>header "POST /up HTTP/1.1\r\n…"
 *     http>body type=text/plain {gzip} {} "…"
 *
 * with its parts in the order of their opening, all bytes of each together.
 */

#include "inspectors/conversation.h"
#include "tests/support/cut.h"

struct step {
	enum { SAY_CLIENT, SAY_SERVER, LOSE_CLIENT, LOSE_SERVER, END_CLIENT, END_SERVER } what;
	struct bytes bytes;
	uint64_t lost;
};

/* Steps of a conversation, from string literals. */
/* clang-format off */
#define C(s) {SAY_CLIENT, {(const uint8_t *)(s), sizeof(s) - 1}, 0}
#define S(s) {SAY_SERVER, {(const uint8_t *)(s), sizeof(s) - 1}, 0}
#define LOST_C(n) {LOSE_CLIENT, {NULL, 0}, (n)}
#define LOST_S(n) {LOSE_SERVER, {NULL, 0}, (n)}
#define END_C {END_CLIENT, {NULL, 0}, 0}
#define END_S {END_SERVER, {NULL, 0}, 0}
/* clang-format on */

struct recorder {
	struct inspect_limits limits;
	struct inspect_env env;
	struct endpoints ends;
	struct transfer *transfer; /* the conversation's, or NULL */
	/* Before the conversation is closed, a connection with these ends begins, if
	 * not NULL: `matched` is its transfer, held. */
	const struct endpoints *data_connection;
	struct transfer *matched;
	bool no_memory; /* no message can be opened */
	struct box text;     /* the messages, in the order of their closing */
	uint64_t counted[2]; /* bytes in messages, or said to be over the budget */
};

/** Limits at their defaults, nothing recorded. */
void recorder_init(struct recorder *r);
void recorder_free(struct recorder *r);

/**
 * Run a conversation. Each direction's bytes are cut: at @p cut (counted over
 * all steps), or into pieces of @p piece bytes if that isn't 0.
 */
void recorder_run(struct recorder *r, const struct inspector_ops *ops, const struct step *steps,
	size_t n_steps, size_t cut, size_t piece, bool reset);

/** Assert that without memory for a message every byte is counted as over the budget. */
void assert_counts_without_memory(
	const struct inspector_ops *ops, const struct step *steps, size_t n_steps);

/** Assert that every byte is in a message, but for blanks behind a direction's last one. */
void assert_conserved(
	const struct recorder *r, const char *name, const struct step *steps, size_t n_steps);

/**
 * Assert that what is recorded is @p want, for every cut and every size of pieces
 * to 17, and that every byte was counted once.
 */
void assert_records(const char *name, const struct inspector_ops *ops, const struct step *steps,
	size_t n_steps, const char *want);

#endif
