/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_OPTIONS_H
#define SLUSS_OPTIONS_H

/**
 * @file
 * The command line of `sluss`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** How `sluss` ends; documented in dataplane/sluss.md. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_USAGE = 2,    /* the command line, the site configuration, the policy or the key */
	STATUS_INPUT = 3,    /* a capture or port that can't be read */
	STATUS_RUNTIME = 4,  /* events that could not be written, memory, a bug */
	STATUS_WATCHDOG = 5, /* inline: the thread between the ports hung, and was ended */
};

enum command { COMMAND_WATCH, COMMAND_RUN, COMMAND_LIMITS, COMMAND_HELP, COMMAND_VERSION };

enum checksums { CHECKSUMS_AS_CONFIGURED, CHECKSUMS_VERIFY, CHECKSUMS_IGNORE };

/** All texts are borrowed from argv. */
struct options {
	enum command command;
	const char *config, *policy, *events, *key, *eal;
	const char **captures; /* in argv, in the order given */
	unsigned n_captures;
	unsigned workers; /* 0: as configured */
	enum checksums checksums;
	bool log_messages;
	bool quiet;
};

/**
 * Read the command line. argv is reordered so that the captures lie together.
 * @param why  on failure: what is wrong and what would be right
 * @return 0 or -1
 */
int options_parse(int argc, char **argv, struct options *ret, char *why, size_t why_size);

/** What `sluss --help` says. */
void options_print_help(FILE *out);

#endif
