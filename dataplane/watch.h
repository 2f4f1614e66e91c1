/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_WATCH_H
#define SLUSS_WATCH_H

/**
 * @file
 * `sluss watch`: from the command line to the exit status.
 */

#include <stdatomic.h>

#include "dataplane/options.h"

/** What signals ask for; set by main.c's handler. */
struct watch_signals {
	atomic_bool stop;   /* INT, TERM: an orderly end */
	atomic_bool report; /* USR1: print a summary and go on */
};

/**
 * Run. Errors and warnings go to standard error; the summary to standard
 * output, or to standard error when the events go to standard output.
 */
enum exit_status watch_run(const struct options *o, struct watch_signals *signals);

#endif
