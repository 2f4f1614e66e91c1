/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/scan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/command.h"

/* The bar needs to know how much there is; this opens the files, but reads none. */
static void
measure(struct scan *s, const char *const *paths, int n)
{
	struct walk w = {0};
	enum walk_result result;
	const char *path, *why;
	struct stat st;
	int fd;

	if (!walk_add(&w, paths, n))
		return;
	while ((result = walk_next(&w, &path, &fd, &st, &why)) != WALK_END) {
		if (result != WALK_FILE)
			continue;
		close(fd);
		s->progress.files_total++;
		s->progress.bytes_total += (uint64_t)st.st_size;
	}
	walk_end(&w);
}

static void
one_file(struct scan *s, int fd, const char *path, const struct stat *st)
{
	const char *why;

	s->record = (struct scan_record){0};
	why = scan_file(s, fd, path, st);
	if (s->record.failed)
		why = "out of memory: the record of this file isn't complete";
	s->totals.files++;
	s->progress.files++;
	s->totals.messages += s->record.messages;
	s->totals.with_findings += s->record.findings;
	progress_show(&s->progress);
	scan_report_file(s, path, st);
	if (why != NULL)
		scan_complain(s, path, why);
	scan_record_free(&s->record);
}

static int
scan_paths(struct scan *s, const char *const *paths, int n)
{
	struct walk w = {0};
	enum walk_result result;
	const char *path, *why;
	struct stat st;
	int fd;

	if (!walk_add(&w, paths, n)) {
		fputs("slussctl scan: out of memory\n", stderr);
		return STATUS_ERROR;
	}
	while ((result = walk_next(&w, &path, &fd, &st, &why)) != WALK_END) {
		if (result == WALK_ERROR) {
			scan_complain(s, path, why);
			continue;
		}
		one_file(s, fd, path, &st);
		close(fd);
	}
	progress_hide(&s->progress);
	scan_report_totals(s, &w);
	walk_end(&w);
	if (s->totals.errors > 0)
		return STATUS_ERROR;
	return s->totals.with_findings > 0 ? STATUS_FINDINGS : STATUS_OK;
}

static int
scan(const struct scan_options *options, const char *const *paths, int n)
{
	struct scan s = {.options = *options};
	int status = STATUS_ERROR;

	s.buffer = malloc(SCAN_PIECE);
	if (s.buffer == NULL)
		fputs("slussctl scan: out of memory\n", stderr);
	else if (scan_env_open(&s)) {
		s.progress.on = progress_wanted() && !options->quiet;
		if (s.progress.on)
			measure(&s, paths, n);
		status = scan_paths(&s, paths, n);
		scan_env_close(&s);
	}
	free(s.buffer);
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"policy", required_argument, NULL, 'p'},
		{"key", required_argument, NULL, 'k'},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{0},
	};
	struct scan_options options = {0};
	int c;

	opterr = 0; /* its messages repeat what was typed */
	while ((c = getopt_long(argc, argv, "q", long_options, NULL)) != -1) {
		if (c == 'p')
			options.policy = optarg;
		else if (c == 'k')
			options.key = optarg;
		else if (c == 'j')
			options.json = true;
		else if (c == 'q')
			options.quiet = true;
		else
			return command_misused(
				&scan_command, "unknown option, or an option without its value");
	}
	if (optind == argc)
		return command_misused(&scan_command, "name what to scan");
	return scan(&options, (const char *const *)argv + optind, argc - optind);
}

const struct command scan_command = {
	.name = "scan",
	.usage = "[--policy POLICY] [--json] [--key FILE] [--quiet] PATH…",
	.summary = "find identifiers and labels in files, mailboxes and directories",
	.help = "  --policy POLICY  classify by this policy; without it every shipped detector is\n"
		"                   used and nothing has a class\n"
		"  --json           one JSON object a line for each file, clean ones too\n"
		"  --key FILE       key of the pseudonyms; else the file named by SLUSS_KEY, else\n"
		"                   /etc/sluss/pseudonym.key, else a random one for this run\n"
		"  -q, --quiet      no bar, no sums, no notices; as text no files either\n"
		"\n"
		"Directories are read with all below them, symbolic links in them are not "
		"followed,\n"
		"and only regular files are read, up to the size they have when they are opened.\n"
		"A mail (.eml, or what begins with mail headers), a mailbox (mbox) and a Maildir\n"
		"are read as mails, everything else as a file.\n"
		"\n"
		"exit status: 0 clean (nothing was found in what can be read; formats that no decoder\n"
		"reads are counted), 1 findings, 2 a file could not be opened or read (the rest was)\n",
	.run = run,
};
