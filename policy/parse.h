/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_POLICY_PARSE_H
#define SLUSS_POLICY_PARSE_H

/**
 * @file
 * From the YAML tree to the model of policy.h. Inside policy/ only.
 *
 * parse.c reads names, classes, rows and tests; parse_domains.c the domains;
 * parse_information.c the information types; parse_modes.c the modes of pairs.
 */

#include "policy/policy.h"
#include "policy/yaml_doc.h"

/** While a policy is read. */
struct parse {
	struct policy *p; /* being filled */
	struct pool *pool;
	struct diag *d;
	/* NULL-terminated, for messages. `domain_or_any` ends with "any". */
	const char **class_names, **domain_names, **domain_or_any;
	bool good;
};

/**
 * Fill @p p from a file; its `detect` is set already, or NULL: then the names of
 * detectors, marks and words aren't looked up (for fuzzing).
 *
 * @param p  cleared but for pool and detect
 * @return false after errors in @p d
 */
bool policy_parse(struct policy *p, const struct yaml_doc *doc, struct diag *d);

/** The packs that the file names; NULL where it names none. Checked as a list of strings. */
const struct yaml_node *policy_parse_packs(const struct yaml_doc *doc, struct diag *d);

/** Sections with what belongs to them; errors are noted in @p s. */
void parse_domains(struct parse *s, const struct yaml_node *root);
void parse_information(struct parse *s, const struct yaml_node *root);
void parse_modes(struct parse *s, const struct yaml_node *root);

/** Memory from the pool; an error once when it is used up. */
void *parse_alloc(struct parse *s, size_t n, size_t size);
/** @p text in the pool; NULL after an error as parse_alloc(). */
const char *parse_copy(struct parse *s, const char *text);

/** Note that something is wrong (said already), and go on for further errors. */
bool parse_bad(struct parse *s);

/** An id that may be written: [a-z0-9A-Z][a-zA-Z0-9_.-]*, bounded. */
bool parse_id(struct parse *s, const char *text, struct place at, const char *what);

/**
 * `any` (NULL), a domain, or a list of domains, as struct policy_row has them.
 * @param what  names it in messages: "from"
 */
const uint64_t *parse_domain_set(struct parse *s, const struct yaml_node *node, const char *what);

/** A class by its name. */
bool parse_class(struct parse *s, const struct yaml_node *node, const char *what, uint16_t *ret);

#endif
