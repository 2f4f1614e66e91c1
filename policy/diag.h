/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DIAG_H
#define SLUSS_DIAG_H

/**
 * @file
 * What is wrong with a file that somebody wrote: all of it, each with its place
 * and with what would be right.
 *
 *   perimeter.yaml:24:41: error: no class is called "K7"; write one of K0, K1, K2, K3
 *
 * Libraries collect here and never print. Not for bytes from the wire.
 */

#include <stdbool.h>
#include <stdio.h>

/** A place in a file. Line and column count from 1; 0: the file as a whole. */
struct place {
	const char *file; /* borrowed; must outlive its use, not the diag */
	unsigned line, column;
};

enum { DIAG_MAX = 100 /* entries kept; more are only counted */ };

struct diag {
	char *entries[DIAG_MAX]; /* "FILE:LINE:COLUMN: error: …", no newline */
	bool error[DIAG_MAX];	 /* else a warning */
	unsigned n;		 /* entries kept */
	unsigned errors, warnings;
};

/** Starts as { 0 }, or by this. */
void diag_init(struct diag *d);
void diag_free(struct diag *d); /* what it holds; it can be used again */

/**
 * Add an error or a warning. Control characters in it are shown as '?', so that a
 * file can't write to somebody's terminal; identifiers are hidden (hide_numbers.h).
 */
void diag_error(struct diag *d, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *d, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** All entries, a line each, in the order they were found, and a line that counts the rest. */
void diag_print(const struct diag *d, FILE *out);

#endif
