/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DETECT_H
#define SLUSS_DETECT_H

/**
 * @file
 * From text to findings: fold, candidate (Hyperscan), boundary, validate,
 * context. Sections 2 to 14 of the identifier specification.
 *
 * What is sought is data (struct detect_spec, from policy packs); how a
 * candidate is validated is code (detect/validators.c), named by the data.
 *
 *   struct detect_set      compiled patterns and word lists; immutable, shared
 *                          by all threads and by all flows of one policy
 *   struct detect_scratch  Hyperscan's working space; one per thread and set
 *   struct text_scan       one stream of text; state in an arena, no I/O
 */

#include <stdbool.h>

#include "inspectors/arena.h"
#include "inspectors/bytes.h"
#include "inspectors/outcome.h"
#include "inspectors/stream/decoder.h"

/** The reference date that birth dates are judged against; inspectors read no clock. */
struct civil_date {
	int16_t year;
	uint8_t month; /* 1-12 */
	uint8_t day;   /* 1-31 */
};

enum confidence { CONFIDENCE_NONE, CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

/** "none", "low", "medium", "high". */
const char *confidence_name(enum confidence c);

/* ---- the specification: plain data, borrowed during detect_set_compile() ---- */

struct candidate_spec {
	const char *id;	      /* unique: "digit-run" */
	const char *expr;     /* PCRE subset of Hyperscan, byte mode, on folded text */
	bool caseless;
	bool multiline;
	const char *database; /* candidates of one name are compiled together: "numbers" */
};

struct detector_spec {
	const char *id;			/* "personnummer", as the identifier specification */
	const char *validator;		/* a name in detect/validators.c */
	const char *const *groups;	/* "person", "organisation", …; NULL-terminated */
	const char *const *candidates;	/* ids of candidate_spec; NULL-terminated */
	const char *const *positive;	/* context terms that begin a word; NULL-terminated or NULL */
	const char *const *positive_exact; /* context terms that are whole words */
	const char *const *negative;
	const char *const *negative_exact;
	enum confidence least; /* the least confidence that counts; lower ones are "low evidence" */
};

/** A list of words whose presence in a part is evidence ("journal-words"). */
struct words_spec {
	const char *id;
	const char *const *terms; /* lower case UTF-8; NULL-terminated */
	unsigned at_least;	  /* distinct terms that make the evidence */
};

struct detect_spec {
	const struct candidate_spec *candidates;
	size_t n_candidates;
	const struct detector_spec *detectors;
	size_t n_detectors;
	const struct words_spec *words;
	size_t n_words; /* at most DETECT_WORDS_MAX */
};

enum {
	DETECT_WORDS_MAX = 8,
	DETECT_DETECTORS_MAX = 256,
	DETECT_GROUPS_MAX = 32,
	DETECT_MARKS_MAX = 64, /* distinct canonical names of marks: "TLP:RED" */
};

/* ---- the compiled set ---- */

struct detect_set;
struct detect_scratch;

/**
 * Compile. Slow (seconds at most); never on the packet path.
 *
 * @param why   a message for the user on failure: which candidate or detector,
 *              and what would be right
 * @return NULL on failure; else to be freed with detect_set_free()
 */
struct detect_set *detect_set_compile(const struct detect_spec *spec, char *why, size_t why_size);
/** Accepts NULL. No text_scan or scratch of the set may be in use. */
void detect_set_free(struct detect_set *set);

/** How many detectors it has; their indices run from 0 in the specification's order. */
size_t detect_set_detectors(const struct detect_set *set);
/** Its id, as in the pack; lives as long as the set. @p detector: below detect_set_detectors(). */
const char *detect_set_detector_id(const struct detect_set *set, size_t detector);
/** The least confidence that counts for this detector (detector_spec.least). */
enum confidence detect_set_detector_least(const struct detect_set *set, size_t detector);
/** Index, or -1 where there is none of that id. */
int detect_set_find_detector(const struct detect_set *set, const char *id);
/** Index of the words list of that id, or -1. */
int detect_set_find_words(const struct detect_set *set, const char *id);
/** Index of the mark of that canonical name ("TLP:RED"), or -1. */
int detect_set_find_mark(const struct detect_set *set, const char *canonical);
/** The canonical name: "TLP:RED". */
const char *detect_set_mark_name(const struct detect_set *set, size_t mark);
/** Is the detector in the group named so? */
bool detect_set_in_group(const struct detect_set *set, size_t detector, const char *group);

/** For one thread and this set; NULL: no memory. */
struct detect_scratch *detect_scratch_new(const struct detect_set *set);
void detect_scratch_free(struct detect_scratch *scratch);		  /* accepts NULL */

enum { DETECT_ROOM = 96 * 1024 };
/** DETECT_ROOM bytes for the layer above; the scans don't touch them. 16-byte aligned. */
void *detect_scratch_room(struct detect_scratch *scratch);

/* ---- findings ---- */

/**
 * One validated detection, with the identifier in clear.
 *
 * Invariant 5: this type is only passed to a detect_sink and never stored; no
 * function that writes JSON, text or logs takes it. message.c turns it into a
 * struct finding (mask, pseudonym, position).
 */
struct raw_finding {
	uint16_t detector; /* index in the set */
	int16_t mark;	   /* for marks: index of the canonical name; else -1 */
	enum confidence confidence;
	uint64_t offset;	 /* of its first byte, in the unfolded text of this stream */
	uint32_t length;	 /* bytes of the unfolded text */
	struct bytes normalised; /* as column `normalised` of the vectors; borrowed */
};

struct detect_sink {
	void (*finding)(void *ctx, const struct raw_finding *f);
	/* words[list] has got its at_least-th distinct term in this stream; once per list. */
	void (*evidence)(void *ctx, unsigned words);
	void *ctx;
	/* May be NULL. Kept at how many candidates wait for the text behind them, in all the
	 * open scans that share it. */
	uint32_t *pending;
};

/* ---- a stream of text ---- */

struct text_scan;

/**
 * Begin a stream. Memory (state, Hyperscan streams) comes from @p arena and
 * goes with it; there is no close that must be called to free it.
 *
 * @return NULL when the arena is used up
 */
struct text_scan *text_scan_open(const struct detect_set *set, struct detect_scratch *scratch,
	struct civil_date today, const struct detect_sink *sink, struct arena *arena);

/**
 * Scan the next bytes: UTF-8, or anything (invalid sequences are passed
 * through). Findings are the same for every split. No malloc, no copy of
 * text in which nothing folds.
 */
void text_scan_push(struct text_scan *scan, struct bytes in);

/** End of the stream: decide what waited for the context behind it. */
void text_scan_close(struct text_scan *scan);

/**
 * Tell the sink what text_scan_close() would tell it now, and change nothing: text may
 * follow, and findings are the same as without this.
 */
void text_scan_preview(struct text_scan *scan);

/** Decide what waits as text_scan_close() would; text may follow, and changes it no more. */
void text_scan_settle(struct text_scan *scan);

/**
 * A mask that never names a person: at most the first four characters of the
 * identifier, digits and letters behind them as '*', separators kept
 * ("1985****-****"). For marks the mark itself.
 *
 * @param ret  zero-terminated, truncated to @p size
 */
void detect_mask(const struct detect_set *set, const struct raw_finding *f, char *ret, size_t size);

/**
 * Copy text for an event (subject, file name, URL, address) so that no
 * identifier is left in clear: every finding of any confidence is masked, and
 * so is every further run that holds six digits or more, percent-escapes (also
 * repeated ones) and base64 seen through, and the clear text's invalid UTF-8
 * replaced by U+FFFD.
 *
 * @param ret  zero-terminated valid UTF-8, truncated at a code point to @p size
 */
void detect_mask_text(const struct detect_set *set, struct detect_scratch *scratch,
	struct civil_date today, struct bytes text, char *ret, size_t size);

#endif
