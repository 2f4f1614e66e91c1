/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PROGRESS_H
#define SLUSS_PROGRESS_H

/**
 * @file
 * What a person at a terminal sees while it runs: a bar for captures, a line a
 * second for ports. One line on standard error, written over and over; nothing
 * at all when that isn't a terminal.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/source.h"

struct progress {
	FILE *out; /* NULL: show nothing */
	bool live;
	bool shown; /* the line is on the screen */
	double started, last; /* seconds */
	uint64_t last_packets, last_bytes;
};

/** What is shown beside the source's own numbers. */
struct progress_now {
	uint64_t messages, events, findings;
	uint64_t lost; /* packets dropped anywhere */
};

/** @param seconds  a clock that only goes forward */
void progress_start(struct progress *p, FILE *out, bool live, double seconds);

/** Show how things are, at most every 0.2 s (bar) or 1 s (live line). */
void progress_show(struct progress *p, const struct source_stats *s,
	const struct progress_now *now, double seconds);

/** Take the line away, so that other text can be written. */
void progress_clear(struct progress *p);

/**
 * The line without terminal codes, at most 79 columns: for progress_show() and tests.
 * @param elapsed  seconds since the start
 * @param rate     packets a second
 */
void progress_line(const struct source_stats *s, const struct progress_now *now, bool live,
	double elapsed, double rate, double bit_rate, char *ret, size_t size);

#endif
