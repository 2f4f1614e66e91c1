/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_YAML_DOC_H
#define SLUSS_YAML_DOC_H

/**
 * @file
 * A YAML file as a tree in which every node knows its line and column, and
 * checked access to it. The only file that knows libyaml is yaml_doc.c.
 *
 * One document, YAML 1.1 as libyaml reads it, UTF-8. Refused: anchors, aliases
 * and tags (a short file that unfolds into a long one, or means something else
 * than it shows), keys that aren't plain strings, and a key given twice.
 *
 * Every function that takes a diag says there what is wrong, where, and what
 * would be right; none prints.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/bytes.h"
#include "policy/diag.h"

/* Bounds of one file. */
enum {
	YAML_BYTES_MAX = 4 * 1024 * 1024,
	YAML_NODES_MAX = 262144,
	YAML_DEPTH_MAX = 16,
	YAML_KEYS_MAX = 2048, /* in one map */
	YAML_TEXT_MAX = 8192, /* bytes of one string */
};

enum yaml_kind { YAML_STRING, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	struct place at;
	const char *text; /* of a string: valid until yaml_doc_free(); no zero inside */
	bool quoted;	  /* the string stood in quotes, so it is never a number or null */
	unsigned n;	  /* elements of a list or map */
	const struct yaml_node *first; /* element; NULL when empty */
	const struct yaml_node *next;  /* in the same list or map */
	const char *key;	       /* of an element of a map; else NULL */
	struct place key_at;
};

struct yaml_doc;

/**
 * Read a file.
 * @return NULL after an error in @p d; else to be freed with yaml_doc_free()
 */
struct yaml_doc *yaml_doc_load_file(const char *path, struct diag *d);

/** Read from memory; @p name stands in messages. Both are copied. */
struct yaml_doc *yaml_doc_load(const char *name, struct bytes text, struct diag *d);

void yaml_doc_free(struct yaml_doc *doc); /* accepts NULL */

/** The top of the tree; never NULL (an empty file is refused). */
const struct yaml_node *yaml_doc_root(const struct yaml_doc *doc);

/** The file as it was read, to the byte. */
struct bytes yaml_doc_bytes(const struct yaml_doc *doc);

/* ---- access ---- */

/**
 * Is it a map, and does it hold only keys in @p known (NULL-terminated)?
 * @param what  names the map in messages: "a domain"
 */
bool yaml_check_map(const struct yaml_node *node, const char *what, const char *const *known,
	struct diag *d);

/** Is it a list of at most @p most elements? */
bool yaml_check_list(const struct yaml_node *node, const char *what, unsigned most,
	struct diag *d);

/** The element of that key; NULL where there is none. Says nothing. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/** Likewise; where there is none it is an error. */
const struct yaml_node *yaml_need(const struct yaml_node *map, const char *what, const char *key,
	struct diag *d);

/*
 * Each of the following gives false after an error, and then leaves *ret alone.
 * @p what names the value in messages: "name".
 */

/** A string that isn't empty. */
bool yaml_string(const struct yaml_node *node, const char *what, const char **ret,
	struct diag *d);

/** A decimal number, not in quotes, within [least, most]. */
bool yaml_uint(const struct yaml_node *node, const char *what, uint64_t least, uint64_t most,
	uint64_t *ret, struct diag *d);

/** true or false (no yes, on, 1). */
bool yaml_bool(const struct yaml_node *node, const char *what, bool *ret, struct diag *d);

/** A number of bytes: "65536", "64KiB", "16 MiB", "2GiB", "1TiB" (and "512 bytes"). */
bool yaml_size(const struct yaml_node *node, const char *what, uint64_t least, uint64_t most,
	uint64_t *ret, struct diag *d);

/** A time with its unit: "250ms", "4s", "5 min", "1h", "2d"; in microseconds ("us" too). */
bool yaml_duration(const struct yaml_node *node, const char *what, uint64_t least_us,
	uint64_t most_us, uint64_t *ret_us, struct diag *d);

/** One of @p names (NULL-terminated); *ret is its index. */
bool yaml_choice(const struct yaml_node *node, const char *what, const char *const *names,
	unsigned *ret, struct diag *d);

/**
 * The name in @p names (NULL-terminated) that @p text was probably meant to be, or
 * NULL when none is near. For "did you mean".
 */
const char *yaml_nearest(const char *text, const char *const *names);

#endif
