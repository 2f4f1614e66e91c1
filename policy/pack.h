/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PACK_H
#define SLUSS_PACK_H

/**
 * @file
 * Packs: detectors as data, one YAML file each, and what several of them make
 * together. The format is described in policy/README.md.
 *
 * Candidates, terms and words have one name space over all packs of a policy. The
 * same id may be given in two packs if both say the same.
 */

#include <stdbool.h>
#include <stddef.h>

#include "inspectors/detect/detect.h"
#include "policy/diag.h"
#include "policy/pool.h"
#include "policy/yaml_doc.h"

struct pack_detector {
	const char *id, *title, *pack;
};

/** Packs that are loaded together. Starts as { 0 } with pool, d and dirs. */
struct pack_set {
	struct pool *pool;	 /* holds what is built here; borrowed */
	struct diag *d;		 /* borrowed */
	const char *const *dirs; /* where packs are sought, NULL-terminated; borrowed */
	struct pack *packs;	 /* in the order they were loaded */
	struct pack *last;
	unsigned n_packs;
};

struct pack {
	struct pack *next;
	const char *name;
	struct place wanted; /* who asked for it first */
	struct yaml_doc *doc; /* NULL: could not be read */
};

/** Ask for a pack; @p at is where it is named. Reads nothing yet. */
bool pack_set_want(struct pack_set *s, const char *name, struct place at);

/** Ask for every pack in the directories, in the order of their names. */
bool pack_set_want_all(struct pack_set *s);

/** Read what was asked for, and what that needs. @return false after errors */
bool pack_set_read(struct pack_set *s);

/**
 * Check the packs and make a specification of them, in @p s->pool but with texts of
 * the packs' files: valid until pack_set_free().
 *
 * @param ret_detectors  likewise, by index; copied texts
 * @return false after errors
 */
bool pack_set_spec(struct pack_set *s, struct detect_spec *ret,
	const struct pack_detector **ret_detectors);

/** Close the files. The structure can't be used again. */
void pack_set_free(struct pack_set *s);

/** Is @p id made of a-z, 0-9, '-', '_', '.', from one to POLICY_ID_MAX bytes? */
bool pack_id_is_good(const char *id);

#endif
