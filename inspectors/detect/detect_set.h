/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DETECT_SET_H
#define SLUSS_DETECT_SET_H

/**
 * @file
 * The compiled set, as detect_set.c makes it and text_scan.c reads it. Private
 * to inspectors/detect/.
 */

#include "inspectors/detect/detect.h"
#include "inspectors/detect/hs_matcher.h"
#include "inspectors/detect/terms.h"
#include "inspectors/detect/validators.h"

enum {
	CANDIDATES_MAX = 63, /* and one more for the word lists */
	DETECTOR_WORDS = DETECT_DETECTORS_MAX / 64,
	WORD_TERMS_MAX = 256,
	BLOCK_MAX = 4096, /* bytes of folded text that are matched at a time */
	/* What must be kept of the text before a block: the view of a candidate that
	 * still waits for the text behind it. */
	TAIL_MAX = VIEW_BEFORE + VIEW_AFTER,
	RUNS_TOLD = 32, /* lengths of digit runs that are told apart: 0 to 30, and more */
};

struct detector {
	char *id;
	const struct validator *validator;
	struct terms *terms;
	uint32_t groups; /* bit i: in the group i */
	enum confidence least;
};

struct candidate {
	uint64_t detectors[DETECTOR_WORDS]; /* bit i: goes to detector i */
	bool ends;                          /* as struct validator, and so for all of these */
};

struct word_list {
	char *id;
	char **terms;
	unsigned n, at_least;
};

struct detect_set {
	struct hs_matcher *matcher;
	size_t n_candidates; /* the last one is the words' if there are lists */
	struct candidate candidates[CANDIDATES_MAX + 1];
	size_t n_detectors;
	struct detector *detectors;
	/* [n]: those that may end with a run of n digits; the last one: or more. */
	uint64_t by_digits[RUNS_TOLD][DETECTOR_WORDS];
	size_t n_groups;
	char *groups[DETECT_GROUPS_MAX];
	size_t n_marks;
	const char *marks[DETECT_MARKS_MAX]; /* the validators' own */
	size_t n_words;
	struct word_list words[DETECT_WORDS_MAX];
	int words_candidate; /* or -1 */
};

/** A detector's reading that waits for the others that end at the same place. */
struct claim {
	uint16_t detector;
	enum confidence confidence;
	struct context_found found;
	struct reading reading;
};

enum { CLAIMS_MAX = 32, RECENT_MAX = 32 };

/** What a text scan told of late, so that it isn't told twice. */
struct recent {
	uint32_t end;
	uint32_t detector; /* + 1; 0: none */
};

struct detect_scratch {
	struct hs_working_space *space;
	/* Hits of the current block, one bit for each byte that a candidate ended with. */
	uint64_t hits[CANDIDATES_MAX + 1][BLOCK_MAX / 64];
	uint64_t dirty;               /* candidates with a hit */
	uint8_t joined[2 * TAIL_MAX]; /* the tail and the block's beginning */
	/* Folded text that isn't the input's own, and its map (text_scan.c). */
	uint8_t folded[BLOCK_MAX];
	uint32_t map[BLOCK_MAX];
	struct readings readings;
	struct claim claims[CLAIMS_MAX];
	/* What a preview puts back. */
	struct recent recent[RECENT_MAX];
	uint8_t found[DETECT_WORDS_MAX * WORD_TERMS_MAX / 8];
	_Alignas(16) uint8_t room[DETECT_ROOM];
};

#endif
