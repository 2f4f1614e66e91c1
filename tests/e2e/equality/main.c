/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an application reads behind the gateway is what the inspectors read, or its
 * connection is reset: against this kernel's TCP and its reassembly of fragments.
 *
 *   receiver_equality [--control] [--tcp N] [--fragments N] [--seed S] [--say]
 *
 * Case i has the seed S + i: that number and a count of 1 repeat it, --say prints what it
 * sends. --control leaves the gateway out: then cases must differ.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/equality/case.h"

enum { FIRST_PORT = 20000, PORTS = 40000 };

typedef enum ending case_run(struct lab *lab, const struct listeners *l, bool say);

struct choices {
	bool control, say;
	uint64_t seed;
	unsigned tcp, fragments;
};

/* So that an abort names its case. */
static volatile uint64_t seed_in_hand;

static void
on_abort(int number)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "aborted at seed %" PRIu64 "\n", seed_in_hand);

	(void)number;
	(void)!write(STDERR_FILENO, text, (size_t)n);
}

void
listeners_open(struct listeners *l)
{
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;

		l->tcp[i] = lab_socket(family, SOCK_STREAM, LAB_PORT);
		l->udp[i] = lab_socket(family, SOCK_DGRAM, LAB_PORT);
		if (listen(l->tcp[i], 4096) != 0)
			abort();
	}
}

void
listeners_close(struct listeners *l)
{
	for (int i = 0; i < 2; i++) {
		close(l->tcp[i]);
		close(l->udp[i]);
	}
}

/* @return cases that differ, have no end, or whose bytes are miscounted */
static unsigned
run_cases(struct lab *lab, const struct listeners *l, const struct choices *c, const char *name,
	case_run *run, unsigned n)
{
	unsigned count[ENDINGS] = {0}, said = 0, miscounted = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t seed = c->seed + i;
		enum ending o;

		seed_in_hand = seed;
		lab_begin(lab, seed * UINT64_C(0x9e3779b97f4a7c15),
			(uint16_t)(FIRST_PORT + seed % PORTS));
		o = run(lab, l, c->say);
		count[o]++;
		miscounted += lab->miscounted != 0;
		if (!c->control && lab->miscounted != 0 && miscounted <= 5)
			printf("%s: seed %" PRIu64 ": %" PRId64 " bytes are unaccounted for\n", name, seed,
				lab->miscounted);
		if (!c->control && o >= ENDING_STALL && said++ < 20)
			printf("%s: seed %" PRIu64 ": %s\n", name, seed, ending_name(o));
	}
	printf("%s: %u cases", name, n);
	for (unsigned o = 0; o < ENDINGS; o++)
		printf(", %s %u", ending_name(o), count[o]);
	printf(", miscounted %u\n", miscounted);
	fflush(stdout);
	return count[ENDING_DIFFERS] + (c->control ? 0 : count[ENDING_STALL] + miscounted);
}

static struct choices
choices_of(int argc, char **argv)
{
	static const struct option options[] = {{"control", no_argument, NULL, 'c'},
		{"tcp", required_argument, NULL, 't'}, {"fragments", required_argument, NULL, 'f'},
		{"seed", required_argument, NULL, 's'}, {"say", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0}};
	struct choices c = {.seed = 1, .tcp = 4000, .fragments = 4000};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			c.control = true;
			break;
		case 't':
			c.tcp = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			c.fragments = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			c.seed = strtoull(optarg, NULL, 10);
			break;
		case 'v':
			c.say = true;
			break;
		default:
			exit(2);
		}
	}
	return c;
}

int
main(int argc, char **argv)
{
	struct choices c = choices_of(argc, argv);
	struct listeners l;
	static struct lab lab;
	unsigned tcp, fragments;

	if (geteuid() != 0) {
		printf("needs root for its network namespace\n");
		return 77;
	}
	signal(SIGABRT, on_abort);
	lab_open(&lab, c.control);
	listeners_open(&l);
	tcp = run_cases(&lab, &l, &c, "tcp", tcp_case, c.tcp);
	fragments = run_cases(&lab, &l, &c, "fragments", fragment_case, c.fragments);
	printf("%" PRIu64 " frames, %" PRIu64 " lost behind the gateway\n", lab.frames, lab.lost);
	listeners_close(&l);
	lab_close(&lab);
	if (c.control)
		return (c.tcp == 0 || tcp > 0) && (c.fragments == 0 || fragments > 0) ? 0 : 1;
	return tcp + fragments == 0 ? 0 : 1;
}
