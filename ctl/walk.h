/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_WALK_H
#define SLUSS_WALK_H

/**
 * @file
 * Every regular file below some paths, in a stable order (names sorted by
 * byte), without following symbolic links below them and without opening what
 * is neither file nor directory. Keeps its own stack: depth costs no C stack.
 *
 * A directory that was seen already (a bind mount of an ancestor, a path given
 * twice) is not entered again.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct walk_item; /* a path that waits */

struct walk {
	struct walk_item *next;             /* top of the stack */
	struct walk_item *current;          /* the one handed out last */
	void *seen;                         /* directories, as a tree of tsearch(3) */
	uint64_t links, specials, repeated; /* passed over, below the given paths */
};

enum walk_result {
	WALK_FILE,  /* *ret_fd is open for reading, *ret_stat is its status */
	WALK_ERROR, /* the path can't be read: *ret_why says why */
	WALK_END,
};

/** Starts from a cleared structure. Paths are walked in the order they are added. */
bool walk_add(struct walk *w, const char *const *paths, int n);

/**
 * The next file, or the next trouble.
 *
 * @param ret_path  valid until the next call; in clear
 * @param ret_fd    the caller closes it
 * @param ret_why   static, or strerror()'s: what is wrong with ret_path
 */
enum walk_result walk_next(struct walk *w, const char **ret_path, int *ret_fd,
	struct stat *ret_stat, const char **ret_why);

/** Give the memory back; before the end of the walk, too. */
void walk_end(struct walk *w);

#endif
