/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/options.h"
#include "dataplane/run.h"
#include "dataplane/site.h"
#include "dataplane/watch.h"
#include "policy/hide_numbers.h"

/* A signal handler gets no argument: the only global of the program. */
static struct signals signals;

static void
on_signal(int number)
{
	if (number == SIGUSR1)
		atomic_store(&signals.report, true);
	else if (number == SIGHUP)
		atomic_store(&signals.reload, true);
	else
		atomic_store(&signals.stop, true);
}

static void
catch_signals(enum command command)
{
	struct sigaction end = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction go_on = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* The first asks for an orderly end; a second one ends at once. */
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGUSR1, &go_on, NULL);
	/* A terminal that is closed ends a watch, as any program; a gateway has none. */
	if (command == COMMAND_RUN)
		sigaction(SIGHUP, &go_on, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* The output of a command that only prints. */
static int
printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? STATUS_OK : STATUS_RUNTIME;
}

int
main(int argc, char **argv)
{
	struct options o;
	char why[512];

	if (options_parse(argc, argv, &o, why, sizeof(why)) != 0) {
		hide_numbers(why);
		fprintf(stderr, "sluss: %s\n", why);
		return STATUS_USAGE;
	}
	switch (o.command) {
	case COMMAND_WATCH:
		catch_signals(o.command);
		return watch_run(&o, &signals);
	case COMMAND_RUN:
		catch_signals(o.command);
		return run_run(&o, &signals);
	case COMMAND_LIMITS:
		site_print_limits(stdout);
		putchar('\n');
		site_print_choices(stdout);
		return printed();
	case COMMAND_HELP:
		options_print_help(stdout);
		return printed();
	case COMMAND_VERSION:
		puts("sluss " SLUSS_VERSION);
		return printed();
	}
	return STATUS_USAGE;
}
