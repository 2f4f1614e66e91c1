/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_WATCH_H
#define SLUSS_WATCH_H

/**
 * @file
 * `sluss watch`: from the command line to the exit status.
 */

#include "dataplane/gateway.h"

/**
 * Run. Errors and warnings go to standard error; the summary to standard
 * output, or to standard error when the events go to standard output.
 */
enum exit_status watch_run(const struct options *o, struct signals *signals);

#endif
