/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_COMMAND_H
#define SLUSS_COMMAND_H

/**
 * @file
 * A subcommand of slussctl. Adding one is a line in main.c's table and a file.
 */

/** Exit statuses of every command. */
enum {
	STATUS_OK = 0,       /* done; scan: clean */
	STATUS_FINDINGS = 1, /* scan: findings; policy check --strict: warnings only */
	STATUS_ERROR = 2,    /* wrong use, or something could not be done or read */
};

struct command {
	const char *name;    /* one word or two: "policy check" */
	const char *usage;   /* what comes behind the name */
	const char *summary; /* one line */
	const char *help;    /* options and exit statuses */
	/* argv[0] is the last word of the name. Returns the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct command init_command;
extern const struct command policy_check_command;
extern const struct command scan_command;

/** "slussctl scan: unknown option…" on standard error. @return STATUS_ERROR */
int command_misused(const struct command *c, const char *what);

#endif
