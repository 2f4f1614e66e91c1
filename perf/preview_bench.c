/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What looking at a live message costs after each packet (inspectors/message.h):
 * without the judge, and with it, for messages with nothing pending, with one
 * candidate, and with a packet full of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspectors/detect/pseudonym.h"
#include "inspectors/stream/charset.h"
#include "policy/diag.h"
#include "policy/judge.h"

enum { TIMES = 200000, ROUNDS = 9 };

static struct inspect_limits limits;
static struct inspect_env env;

static double
nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
judge_live(const struct policy *p, struct message *m)
{
	struct judgement j;
	bool pending;

	(void)message_preview_begin(m, &pending);
	if (p != NULL)
		policy_judge(p, m, NULL, &j);
	message_preview_end(m);
}

static double
median_cost(const struct policy *p, struct message *m)
{
	double rounds[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		double from = nanoseconds();

		for (int i = 0; i < TIMES; i++)
			judge_live(p, m);
		rounds[r] = (nanoseconds() - from) / TIMES;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	return rounds[ROUNDS / 2];
}

static void
ignore(void *ctx, struct message *m)
{
	(void)ctx;
	(void)m;
}

static void
run(const struct policy *p, const char *name, const char *text)
{
	static const struct part_meta meta = {.label = "file"};
	struct arena_budget budget = {.limit = limits.flow_memory};
	struct arena keep, stack;
	struct message *m;

	arena_init(&keep, &arena_source_malloc, &budget);
	arena_init(&stack, &arena_source_malloc, &budget);
	m = message_open(&env, &keep, &stack, CHANNEL_FILE, DIR_CLIENT, "file");
	if (m == NULL)
		exit(2);
	part_push(part_open(m, NULL, &meta), bytes_str(text));
	printf("%-24s %3u pending %9.1f ns %9.1f ns with the judge\n", name, m->pending,
		median_cost(NULL, m), median_cost(p, m));
	message_discard(m);
	arena_release(&keep);
	arena_release(&stack);
}

int
main(int argc, char **argv)
{
	static const uint8_t key[32] = {7};
	struct diag d = {0};
	struct policy *p;

	if (argc != 2) {
		fprintf(stderr, "usage: preview_bench POLICY\n");
		return 2;
	}
	p = policy_load(argv[1], NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	if (p == NULL)
		return 2;
	limits = inspect_limits_default();
	env = (struct inspect_env){.limits = &limits,
		.detect = policy_detect(p),
		.scratch = detect_scratch_new(policy_detect(p)),
		.today = {2026, 7, 1},
		.pseudonym = pseudonym_new(key, sizeof(key)),
		.charsets = charset_catalog_new(8),
		.message_done = ignore};
	run(p, "prose", "Hej, tack för samtalet. Vi hörs på torsdag om inget annat händer.");
	run(p, "a number of no kind", "order 1234567890 tack");
	run(p, "one identifier", "personnummer 19760102-2382 tack");
	run(p, "ten identifiers",
		"19760102-2382 19760103-2381 19760104-2380 19760105-2389 19760106-2388 "
		"19760107-2387 19760102-2382 19760103-2381 19760104-2380 19760105-2389");
	detect_scratch_free(env.scratch);
	pseudonym_free((struct pseudonym *)env.pseudonym);
	charset_catalog_free((struct charset_catalog *)env.charsets);
	policy_free(p);
	return 0;
}
