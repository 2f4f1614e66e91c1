/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SUMMARY_H
#define SLUSS_SUMMARY_H

/**
 * @file
 * The summary at the end and on SIGUSR1: text that fits 80 columns. It holds
 * counts and names of protocols and detectors, never a byte of payload.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/source.h"
#include "dataplane/stats.h"

struct classifier;
struct policy_domain; /* policy/policy.h */

enum { SUMMARY_NUMBER_MAX = 32 };

struct summary {
	const struct worker_stats *stats;   /* of all workers together */
	const struct source_stats *source;
	const struct classifier *classifier; /* for names; NULL: numbers */
	const char *const *detectors;	     /* their ids; NULL: numbers */
	size_t n_detectors;
	const struct policy_domain *domains; /* for names */
	unsigned n_domains;		     /* 0: no table of domains */
	uint64_t dropped;		     /* ports: packets for which a worker's ring was full */
	uint64_t events_lost;		     /* that could not be written */
	double seconds;			     /* of running */
	bool live;			     /* ports, not captures */
	bool final;			     /* all flows are closed: the bytes must add up */
	bool between;			     /* `sluss run`: what left, and what didn't, too */
};

/** @return whether the bytes add up (always, while not final) */
bool summary_print(FILE *out, const struct summary *s);

/** One row of it: label, number in groups of three digits, text folded to fit. */
void summary_row(FILE *out, const char *label, uint64_t n, const char *text);

/** A number in groups of three digits. @return @p ret */
const char *summary_number(uint64_t n, char ret[SUMMARY_NUMBER_MAX]);

/** Only the check: says something only when the bytes don't add up. */
bool summary_balance(FILE *out, const struct summary *s);

#endif
