/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DECODER_H
#define SLUSS_DECODER_H

/**
 * @file
 * One stage of a decode chain, and the rules that hold for every stage.
 *
 * - push() takes all of its input, in any split: the output, as one string, is
 *   the same however the input was cut. It never blocks and never looks back
 *   further than its state.
 * - What a stage remembers lies in its state (state_size bytes, zeroed, from
 *   the arena) or is allocated in open(); nothing is allocated later, except
 *   by containers that open parts, and by part.c's sniff, which opens the
 *   stages behind it.
 * - A stage emits with decoder_emit() and returns at once what that returns if
 *   it isn't OUTCOME_OK.
 * - Errors are outcomes. A stage that can't go on returns one; from then on
 *   the chain scans its input raw (decoder.c does that, no stage does).
 *   Slightly wrong input that receivers accept is decoded as they would.
 */

#include "inspectors/arena.h"
#include "inspectors/bytes.h"
#include "inspectors/outcome.h"

struct decoder;
struct part;	  /* inspectors/part.h */
struct part_meta; /* inspectors/part.h */

struct decoder_ops {
	const char *name;  /* element of the part path: "base64" */
	size_t state_size; /* bytes */
	/* May be NULL: nothing to prepare. */
	enum outcome (*open)(struct decoder *d, const struct part_meta *meta);
	enum outcome (*push)(struct decoder *d, struct bytes in);
	/* End of input: flush; OUTCOME_DAMAGED if it ended too early. May be NULL. */
	enum outcome (*close)(struct decoder *d);
};

/** What the decoders of one message may spend together. */
struct decode_budget {
	uint64_t bytes_left; /* that metered stages (those that can grow input) may emit */
	uint32_t depth_left; /* layers that may still be opened inside one another; part.c's */
};

struct decoder {
	const struct decoder_ops *ops;
	void *state;
	struct decoder *next;	      /* gets what this stage emits; NULL: a terminal stage */
	/* Gets this stage's input once it has failed: the chain's terminal stage, the
	 * text scan. NULL for that stage itself and in unit tests of one stage. Nothing
	 * interleaves, since no stage behind a failed one gets input any more. */
	struct decoder *raw;
	struct decoder *prev;	      /* the stage in front; NULL for a chain's first */
	struct part *part;	      /* the part it decodes; NULL in unit tests of one stage */
	struct arena *arena;	      /* for open() */
	struct decode_budget *budget; /* NULL: unmetered, since its output can't outgrow its input */
	uint64_t taken;		      /* bytes in */
	enum outcome outcome;	      /* the first that wasn't OUTCOME_OK */
};

/**
 * Open a stage in front of @p next.
 *
 * @param arena  holds the stage; it lives until the arena is rewound
 * @param budget borrowed, may be NULL
 * @return NULL when the arena is used up, or when open() fails
 *         (*ret_why then says which outcome)
 */
struct decoder *decoder_open(const struct decoder_ops *ops, struct decoder *next,
	const struct part_meta *meta, struct arena *arena, struct decode_budget *budget,
	enum outcome *ret_why);

/**
 * Give a stage its next bytes. Once the stage has failed they go to d->raw.
 * @return OUTCOME_OK, or the failure if there is no d->raw
 */
enum outcome decoder_push(struct decoder *d, struct bytes in);

/** For use inside push() and close(): send decoded bytes on, metered. */
enum outcome decoder_emit(struct decoder *d, struct bytes out);

/**
 * End of input: close the stage, then the ones behind it.
 * @return the stage's own outcome, or else the first failure behind it
 */
enum outcome decoder_close(struct decoder *d);

#endif
