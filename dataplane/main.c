/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/options.h"
#include "dataplane/run.h"
#include "dataplane/site.h"
#include "dataplane/watch.h"
#include "policy/hide_numbers.h"

/* A signal handler gets no argument: the only global of the program. */
static struct signals signals;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * The first asks for an orderly end, a later one ends at once. What comes right behind the
 * first is the same wish: timeout(1) signals the process, then its group.
 */
static void
on_end(int number)
{
	enum { SAME_MS = 500 };
	uint64_t now = now_ms(), first = 0;

	/* Two threads may be in here at once. */
	if (atomic_compare_exchange_strong(&signals.stop_ms, &first, now)) {
		atomic_store(&signals.stop, true);
	} else if (now > first + SAME_MS) {
		signal(number, SIG_DFL);
		raise(number);
	}
}

static void
on_signal(int number)
{
	if (number == SIGUSR1)
		atomic_store(&signals.report, true);
	else
		atomic_store(&signals.reload, true);
}

static void
catch_signals(enum command command)
{
	struct sigaction end = {.sa_handler = on_end};
	struct sigaction go_on = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

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
