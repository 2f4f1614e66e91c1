/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SCAN_H
#define SLUSS_SCAN_H

/**
 * @file
 * `slussctl scan`: the inspectors of the gateway over files on disk.
 *
 *   scan.c         options, the loop over files, the exit status
 *   scan_env.c     policy, detectors, key, today's date
 *   scan_file.c    one file: its kind, its messages
 *   scan_report.c  what is printed
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "ctl/progress.h"
#include "ctl/walk.h"
#include "inspectors/message.h"
#include "policy/scan_record.h"

struct scan_options {
	const char *policy; /* NULL: all shipped packs, no classes */
	const char *key;    /* NULL: where secret_find() looks */
	bool json;
	bool quiet;
};

struct policy; /* policy/policy.h */

struct scan_totals {
	uint64_t files, with_findings, errors;
	uint64_t low_only; /* files with low evidence, which is no finding by itself */
	uint64_t opaque_files; /* with bytes that could not be read */
	uint64_t messages;
	uint64_t bytes, opaque;
	uint64_t findings;
	uint64_t *by_detector; /* findings, one for each detector of the set; owned */
};

struct scan {
	struct scan_options options;
	struct inspect_limits limits;
	struct inspect_env env;
	struct policy *policy;
	struct arena_budget budget;
	struct arena keep, stack;
	uint8_t *buffer;           /* SCAN_PIECE bytes */
	struct scan_record record; /* of the file that is read */
	struct scan_totals totals;
	struct progress progress;
};

enum { SCAN_PIECE = 256 * 1024 };

/* ---- scan_env.c ---- */

/** Fill env, policy and limits. @return false after saying why on standard error */
bool scan_env_open(struct scan *s);

/** Give back what scan_env_open() made. */
void scan_env_close(struct scan *s);

/** Put a message into the record: inspect_env.message_done; @p ctx is the struct scan. */
void scan_message_done(void *ctx, struct message *m);

/* ---- scan_file.c ---- */

/**
 * Read a file to its size in @p st and fill s->record.
 * @return NULL, or what went wrong; what was read until then is in the record
 */
const char *scan_file(struct scan *s, int fd, const char *path, const struct stat *st);

/* ---- scan_report.c ---- */

/** A line on standard error about a path, which is masked. */
void scan_complain(struct scan *s, const char *path, const char *what);

/** The record of a file on standard output. */
void scan_report_file(struct scan *s, const char *path, const struct stat *st);

/** The sums: at the end of the text, or on standard error behind JSON. */
void scan_report_totals(struct scan *s, const struct walk *w);

#endif
