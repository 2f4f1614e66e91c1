/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PROGRESS_H
#define SLUSS_PROGRESS_H

/**
 * @file
 * A progress bar on standard error, when that is a terminal.
 */

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool drawn;
	uint64_t bytes, bytes_total; /* total 0: unknown */
	uint64_t files, files_total;
	int64_t drawn_ms; /* monotonic */
};

/** Does standard error show a bar? */
bool progress_wanted(void);

/** Draw, at most ten times a second. */
void progress_show(struct progress *p);

/** Take the bar off the screen, before something else is printed. */
void progress_hide(struct progress *p);

/** "12.3 MiB" into @p ret. */
void progress_bytes(uint64_t n, char ret[16]);

#endif
