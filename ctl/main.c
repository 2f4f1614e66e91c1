/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&init_command,
	&policy_check_command,
	&scan_command,
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

int
command_misused(const struct command *c, const char *what)
{
	fprintf(stderr, "slussctl %s: %s; see `slussctl %s --help`\n", c->name, what, c->name);
	return STATUS_ERROR;
}

/* How many of @p argv make up the command's name; 0 if they name another. */
static int
words_matched(const struct command *c, int argc, char **argv)
{
	const char *name = c->name;
	int n = 0;

	while (n < argc) {
		size_t len = strcspn(name, " ");

		if (strlen(argv[n]) != len || strncmp(argv[n], name, len) != 0)
			return 0;
		n++;
		if (name[len] == '\0')
			return n;
		name += len + 1;
	}
	return 0;
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int
print_command_help(const struct command *c)
{
	printf("usage: slussctl %s %s\n\n%s\n\n%s", c->name, c->usage, c->summary, c->help);
	return STATUS_OK;
}

static void
print_help(FILE *to)
{
	fputs("usage: slussctl COMMAND …\n\n", to);
	for (int i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nslussctl COMMAND --help tells more; slussctl --version prints the version.\n"
	      "exit status: 0 done or clean, 1 findings or warnings, 2 error\n",
		to);
}

static int
run(int argc, char **argv)
{
	for (int i = 0; i < N_COMMANDS; i++) {
		int words = words_matched(commands[i], argc - 1, argv + 1);

		if (words == 0)
			continue;
		if (wants_help(argc - words, argv + words))
			return print_command_help(commands[i]);
		return commands[i]->run(argc - words, argv + words);
	}
	/* The word itself is not printed: it may be anything, an identifier too. */
	fputs("slussctl: that command isn't in this version; it has these:\n\n", stderr);
	print_help(stderr);
	return STATUS_ERROR;
}

int
main(int argc, char **argv)
{
	int status = STATUS_OK;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_ERROR;
	}
	if (strcmp(argv[1], "--version") == 0)
		puts("slussctl " SLUSS_VERSION);
	else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		print_help(stdout);
	else
		status = run(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("slussctl: standard output");
		return STATUS_ERROR;
	}
	return status;
}
