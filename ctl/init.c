/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/hide_numbers.h"
#include "policy/secret.h"

static int
make_key(const char *dir)
{
	char path[PATH_MAX], why[PATH_MAX + 256];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, SECRET_FILE_NAME);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		fprintf(stderr, "slussctl init: the folder's name is too long\n");
		return STATUS_ERROR;
	}
	if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
		snprintf(why, sizeof(why), "%s: %s", dir, strerror(errno));
		hide_numbers(why);
		fprintf(stderr, "slussctl init: %s\n", why);
		return STATUS_ERROR;
	}
	if (secret_create(path, why, sizeof(why)) != 0) {
		fprintf(stderr, "slussctl init: %s\n", why);
		return STATUS_ERROR;
	}
	hide_numbers(path);
	printf("made %s: the key of the pseudonyms. Keep it secret and back it up; with "
	       "another key, pseudonyms can't be compared.\n",
		path);
	return STATUS_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = {{"dir", required_argument, NULL, 'd'}, {0}};
	const char *dir = "/etc/sluss";
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'd')
			return command_misused(&init_command, "unknown option, or no DIR");
		dir = optarg;
	}
	if (optind != argc)
		return command_misused(&init_command, "takes no arguments");
	return make_key(dir);
}

const struct command init_command = {
	.name = "init",
	.usage = "[--dir DIR]",
	.summary = "make what an installation needs once: the key of the pseudonyms",
	.help = "  --dir DIR   where, instead of /etc/sluss; made if it isn't there\n"
		"\n"
		"Writes DIR/" SECRET_FILE_NAME
		" (mode 0600). A key that is there is never replaced.\n"
		"\n"
		"exit status: 0 made, 2 error\n",
	.run = run,
};
