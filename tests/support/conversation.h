/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_CONVERSATION_H
#define SLUSS_TEST_CONVERSATION_H

/**
 * @file
 * Runs conversations and messages with the real engine and the shipped packs,
 * and writes down what is judged:
 *
 *   mail smtp c total=120 opaque=0 personnummer=2/1 near=0 subject="…"
 *     1976****-**** high smtp>base64 @12
 */

#include "inspectors/conversation.h"
#include "tests/support/cut.h"

struct engine {
	struct inspect_limits limits;
	struct inspect_env env;
	struct box dump;
	uint64_t messages;
	uint64_t total[2];		  /* bytes of the judged messages, by direction */
	uint64_t distinct[DETECT_DETECTORS_MAX]; /* of all messages added up */
	uint64_t opaque[OPAQUE_COUNT];
	uint64_t over_budget; /* bytes of all conversations, in messages or without one */
	unsigned evidence; /* of any message */
};

/** Compiles the packs at the first call in a process. */
void engine_open(struct engine *e);
void engine_close(struct engine *e);

/** What was judged so far, as text; valid until more is. */
const char *engine_dump(struct engine *e);

/** Distinct identifiers that one detector found, all messages added up. */
uint64_t engine_distinct(struct engine *e, const char *detector);

struct say {
	enum direction dir;
	const char *text;
};

/**
 * Hold a whole conversation, each utterance in pieces of @p step bytes (0: whole).
 * Asserts that every byte is accounted for, and that all memory comes back.
 */
void engine_talk(struct engine *e, const struct say *say, size_t n, size_t step);

/** Read one message with one root part, cut at @p cut. */
void engine_read(struct engine *e, const struct part_meta *meta, struct bytes in, size_t cut);

#endif
