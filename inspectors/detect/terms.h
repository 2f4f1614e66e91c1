/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TERMS_H
#define SLUSS_TERMS_H

/**
 * @file
 * Context (identifier specification, 2.5): which term stands nearest before a
 * candidate, or behind it. And lists of words whose presence is evidence.
 */

#include "inspectors/detect/validators.h"

struct terms;

/** NULL: no memory, or a term longer than 64 bytes (errno says which). */
struct terms *terms_new(const struct detector_spec *d);
void terms_free(struct terms *t); /* accepts NULL */

struct context_found {
	enum context context;
	unsigned distance; /* bytes from the term's start to the candidate; for before only */
};

/** The context of text[begin, end), within so many characters before and after. */
struct context_found terms_context(const struct terms *t, struct bytes text, size_t begin,
	size_t end, unsigned before, unsigned after);

/**
 * Does a term end exactly at @p end, as a whole word, caselessly?
 * @param terms  lower case
 */
bool term_ends_at(const char *term, struct bytes text, size_t end);

#endif
