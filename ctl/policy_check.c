/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/command.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "policy/hide_numbers.h"
#include "policy/policy.h"

static void
put_number(const char *before, unsigned n, const char *what)
{
	printf("%s%u %s%s", before, n, what, n == 1 ? "" : "s");
}

static void
print_summary(const struct policy *p, const char *path, const struct diag *d)
{
	char shown[PATH_MAX];

	snprintf(shown, sizeof(shown), "%s", path);
	hide_numbers(shown);
	printf("%s: %s", shown, p == NULL ? "not valid" : "valid");
	put_number(": ", d->errors, "error");
	put_number(", ", d->warnings, "warning");
	if (p == NULL) {
		putchar('\n');
		return;
	}
	printf("; policy %s version %llu", p->name, (unsigned long long)p->version);
	printf(": %u classes", p->n_classes);
	put_number(", ", p->n_domains, "domain");
	put_number(", ", p->n_information, "information type");
	put_number(", ", p->n_rows, "row");
	put_number(", ", p->n_detectors, "detector");
	put_number(", ", p->n_tests, "test");
	if (p->n_tests > 0)
		fputs(" (read, not run: that isn't in this version)", stdout);
	printf("; digest %s\n", p->digest);
}

static int
check(const char *path, bool strict)
{
	struct diag d;
	struct policy *p;
	int status = STATUS_OK;

	diag_init(&d);
	p = policy_check(path, NULL, &d);
	diag_print(&d, stdout);
	print_summary(p, path, &d);
	if (p == NULL)
		status = STATUS_ERROR;
	else if (strict && d.warnings > 0)
		status = STATUS_FINDINGS;
	policy_free(p);
	diag_free(&d);
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = {{"strict", no_argument, NULL, 's'}, {0}};
	bool strict = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return command_misused(&policy_check_command, "unknown option");
		strict = true;
	}
	if (argc - optind != 1)
		return command_misused(&policy_check_command, "takes one FILE");
	return check(argv[optind], strict);
}

const struct command policy_check_command = {
	.name = "policy check",
	.usage = "[--strict] FILE",
	.summary = "say what is wrong with a policy, where, and what would be right",
	.help = "  --strict   warnings alone give exit status 1\n"
		"\n"
		"Prints FILE:LINE:COLUMN: and what is wrong, errors and warnings (what can never\n"
		"match, nested networks of different control, rows that earlier ones shadow), "
		"then\n"
		"a line that sums up. The policy's own tests are read; running them isn't in this\n"
		"version.\n"
		"\n"
		"exit status: 0 valid, 1 valid but with warnings (--strict), 2 errors\n",
	.run = run,
};
