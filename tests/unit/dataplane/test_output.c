/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes out: the event file, the summary, the progress line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/events.h"
#include "dataplane/progress.h"
#include "dataplane/summary.h"
#include "policy/policy.h"

struct fixture {
	char folder[64], path[96];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, P_tmpdir "/sluss-output-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/events.jsonl", f->folder);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static char *
read_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *text = calloc(1, 1 << 22);

	assert_non_null(in);
	assert_non_null(text);
	fread(text, 1, (1 << 22) - 1, in);
	fclose(in);
	return text;
}

/* ---- events ---- */

static const char line[] = "{\"event\":\"0123456789012345678901234567\"}";

static void
test_half_a_line_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, few = {100, 100};
	char why[256], *text;
	struct events *e = events_open(f->path, why, sizeof(why));

	assert_non_null(e);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	for (unsigned i = 0; i < 5; i++)
		events_write(e, line, sizeof(line) - 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	events_flush(e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(events_written(e), 2);
	assert_int_equal(events_lost(e), 3);
	assert_non_null(events_error(e));
	/* Nothing is written after a failure, so that the file has no hole in its middle. */
	events_write(e, line, sizeof(line) - 1);
	events_flush(e);
	assert_int_equal(events_lost(e), 4);
	events_close(e, false);
	text = read_file(f->path);
	assert_int_equal(strlen(text), 2 * sizeof(line));
	assert_int_equal(text[2 * sizeof(line) - 1], '\n');
	free(text);
}

static void
put_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* A kill in the middle of a write leaves half a line; the next run must not lengthen it. */
static void
test_half_a_line_of_another_run_is_ended(void **state)
{
	struct fixture *f = *state;
	char why[256], *text;
	struct events *e;

	put_file(f->path, "{\"whole\":1}\n{\"hal");
	e = events_open(f->path, why, sizeof(why));
	assert_non_null(e);
	events_write(e, "{}", 2);
	events_close(e, false);
	text = read_file(f->path);
	assert_string_equal(text, "{\"whole\":1}\n{\"hal\n{}\n");
	free(text);
	/* Without an event nothing is written. */
	put_file(f->path, "{\"hal");
	events_close(events_open(f->path, why, sizeof(why)), false);
	text = read_file(f->path);
	assert_string_equal(text, "{\"hal");
	free(text);
}

/* As logrotate does it: the old file was moved away, then the path is opened anew. */
static void
test_reopened(void **state)
{
	struct fixture *f = *state;
	char why[256], moved[512], *text;
	struct events *e = events_open(f->path, why, sizeof(why));

	assert_non_null(e);
	snprintf(moved, sizeof(moved), "%s.1", f->path);
	events_write(e, "{\"n\":1}", 7);
	assert_int_equal(rename(f->path, moved), 0);
	events_write(e, "{\"n\":2}", 7);
	assert_int_equal(events_reopen(e, why, sizeof(why)), 0);
	events_write(e, "{\"n\":3}", 7);
	/* What can't be opened changes nothing. */
	assert_int_equal(chmod(f->path, 0600), 0);
	events_flush(e);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(events_reopen(e, why, sizeof(why)), -1);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(events_reopen(e, why, sizeof(why)), 0);
	events_write(e, "{\"n\":4}", 7);
	assert_int_equal(events_written(e), 3);
	events_close(e, false);
	text = read_file(moved);
	assert_string_equal(text, "{\"n\":1}\n{\"n\":2}\n");
	free(text);
	text = read_file(f->path);
	assert_string_equal(text, "{\"n\":4}\n");
	free(text);
	unlink(moved);
}

/* After a full disk, which ends the writing, it goes on. */
static void
test_reopened_after_an_error(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, few = {4, 4};
	char why[256], *text;
	struct events *e = events_open(f->path, why, sizeof(why));

	assert_non_null(e);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	events_write(e, "{\"n\":1}", 7);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	events_flush(e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(events_error(e));
	assert_int_equal(events_reopen(e, why, sizeof(why)), 0);
	assert_null(events_error(e));
	events_write(e, "{\"n\":2}", 7);
	events_flush(e);
	assert_int_equal(events_lost(e), 1);
	assert_int_equal(events_written(e), 1);
	events_close(e, false);
	text = read_file(f->path);
	assert_string_equal(text, "{\"n\":2}\n");
	free(text);
}

static void
test_another_file_is_not_written_to(void **state)
{
	struct fixture *f = *state;
	char why[256] = "", *text;

	put_file(f->path, "name,number\n");
	assert_null(events_open(f->path, why, sizeof(why)));
	assert_non_null(strstr(why, "something else than events"));
	text = read_file(f->path);
	assert_string_equal(text, "name,number\n");
	free(text);
}

enum { THREADS = 4, EACH = 2000 };

static void *
write_many(void *ctx)
{
	for (unsigned i = 0; i < EACH; i++)
		events_write(ctx, line, sizeof(line) - 1);
	return NULL;
}

static void
test_lines_of_threads_are_whole(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	char why[256], *text, *at;
	struct events *e = events_open(f->path, why, sizeof(why));
	unsigned n = 0;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, e), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	events_flush(e);
	assert_int_equal(events_written(e), THREADS * EACH);
	events_close(e, false);
	at = text = read_file(f->path);
	for (; *at != '\0'; at += sizeof(line), n++) {
		assert_memory_equal(at, line, sizeof(line) - 1);
		assert_int_equal(at[sizeof(line) - 1], '\n');
	}
	assert_int_equal(n, THREADS * EACH);
	free(text);
}

static void
test_an_event_longer_than_the_buffer(void **state)
{
	struct fixture *f = *state;
	size_t n = 200000;
	char why[256], *text, *json = malloc(n);
	struct events *e = events_open(f->path, why, sizeof(why));

	memset(json, 'x', n);
	events_write(e, line, sizeof(line) - 1);
	events_write(e, json, n);
	events_write(e, line, sizeof(line) - 1);
	events_close(e, false);
	text = read_file(f->path);
	assert_int_equal(strlen(text), 2 * sizeof(line) + n + 1);
	assert_int_equal(text[sizeof(line)], 'x');
	assert_int_equal(text[sizeof(line) + n], '\n');
	free(text);
	free(json);
}

static void
test_a_run_that_did_not_begin(void **state)
{
	struct fixture *f = *state;
	char why[256];
	FILE *old;

	events_close(events_open(f->path, why, sizeof(why)), true);
	assert_int_not_equal(access(f->path, F_OK), 0);
	/* A file that was there before stays. */
	old = fopen(f->path, "w");
	assert_non_null(old);
	fclose(old);
	events_close(events_open(f->path, why, sizeof(why)), true);
	assert_int_equal(access(f->path, F_OK), 0);
}

/* ---- summary ---- */

static char *
print_summary(const struct summary *s, bool *ret_ok)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	*ret_ok = summary_print(out, s);
	fclose(out);
	return text;
}

static void
assert_fits(const char *text)
{
	assert_non_null(text);
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") > 80)
			fail_msg("a line of %zu characters", strcspn(at, "\n"));
}

/* Everything counted, with numbers as they come in a year: the table still fits. */
static void
test_summary_fits(void **state)
{
	static const char *const detectors[] = {"personnummer", "reserve-number"};
	static const struct policy_domain domains[] = {
		{.id = "short"}, {.id = "a-name-that-is-as-long-as-a-domains-name-may-ever-be-of-64-bytes"}};
	struct worker_stats *w = calloc(1, sizeof(*w));
	struct source_stats source;
	struct summary s = {.stats = w, .source = &source, .detectors = detectors,
		.n_detectors = 2, .seconds = 3600, .live = true, .between = true};
	bool ok;
	char *text;

	(void)state;
	memset(&source, 0, sizeof(source));
	source.missed = source.no_buffer = source.errors = 99999999999;
	source.too_long = source.damaged_files = 3;
	for (size_t i = 0; i < sizeof(*w) / sizeof(uint64_t); i++)
		((uint64_t *)w)[i] = 99999999999;
	w->n_applications = 2;
	w->applications[0] = (struct stats_application){91, 203, 7, 8, 9};
	w->applications[1] = (struct stats_application){3, 0, 99999999999, 99999999999, 9999999999999};
	w->n_pairs = 2;
	w->pairs[0] = (struct stats_pair){.from = 0, .to = DOMAIN_NONE, .inspected = 1};
	w->pairs[1] = (struct stats_pair){.from = 1, .to = 0, .exempt = 99999999999999};
	s.domains = domains;
	s.n_domains = 2;
	text = print_summary(&s, &ok);
	assert_fits(text);
	assert_true(ok); /* it isn't final */
	assert_non_null(strstr(text, "personnummer"));
	assert_non_null(strstr(text, "reserve-number"));
	assert_non_null(strstr(text, "99,999,999,999"));
	/* The most bytes first. */
	assert_true(strstr(text, "  3.0 ") < strstr(text, "  91.203 "));
	free(text);
	free(w);
}

/* Shares: what was read is rounded down, what wasn't is rounded up. */
static void
test_coverage(void **state)
{
	static const struct policy_domain domains[] = {{.id = "vard"}, {.id = "internet"}};
	static const char *const want[] = {
		"  vard -> internet                          1,000,000   99.9 %    0.1 %    0.0 %\n"
		"  unknown -> vard                                  10   50.0 %   30.0 %   20.0 %\n"
		"  internet -> vard                                  4    0.0 %    0.0 %  100.0 %\n"
		"  (of no flow)                                      7    0.0 %  100.0 %    0.0 %\n",
		"  vard -> vard"};
	struct worker_stats *w = calloc(1, sizeof(*w));
	struct source_stats source = {0};
	struct summary s = {.stats = w, .source = &source, .domains = domains, .n_domains = 2};
	struct stats_pair *pair;
	bool ok;
	char *text;

	(void)state;
	pair = stats_pair(w, DOMAIN_NONE, 0);
	pair->inspected = 5;
	pair->opaque[OPAQUE_TLS] = 1;
	pair->opaque[OPAQUE_DAMAGED] = 2;
	pair->exempt = 2;
	pair = stats_pair(w, 0, 1);
	pair->inspected = 999999;
	pair->opaque[OPAQUE_TLS] = 1;
	stats_pair(w, 0, 0);
	stats_pair(w, 1, 0)->exempt = 4;
	w->inspected = 999999 + 5;
	w->exempt = 6;
	w->opaque[OPAQUE_TLS] = 2;
	w->opaque[OPAQUE_DAMAGED] = 2 + 7;
	text = print_summary(&s, &ok);
	assert_fits(text);
	assert_non_null(strstr(text, want[0]));
	assert_null(strstr(text, want[1])); /* nothing went there */
	free(text);
	free(w);
}

static void
test_bytes_must_add_up(void **state)
{
	struct worker_stats *w = calloc(1, sizeof(*w));
	struct source_stats source = {0};
	struct summary s = {.stats = w, .source = &source, .final = true};
	bool ok;
	char *text;

	(void)state;
	w->payload = 1000;
	w->inspected = 600;
	w->opaque[OPAQUE_TLS] = 250;
	w->opaque[OPAQUE_DAMAGED] = 50;
	w->exempt = 40;
	w->repeated = 35;
	w->undelivered = 25;
	assert_int_equal(stats_unaccounted(w), 0);
	text = print_summary(&s, &ok);
	assert_true(ok);
	assert_null(strstr(text, "ERROR"));
	free(text);
	w->undelivered = 24;
	assert_int_equal(stats_unaccounted(w), 1);
	text = print_summary(&s, &ok);
	assert_false(ok);
	assert_non_null(strstr(text, "ERROR: 1 bytes"));
	free(text);
	w->exempt = 50;
	assert_int_equal(stats_unaccounted(w), -9);
	free(w);
}

/* Inline, what left and what didn't as well. */
static void
test_all_left_or_is_withheld(void **state)
{
	struct worker_stats *w = calloc(1, sizeof(*w)), *sum = calloc(1, sizeof(*sum));
	struct source_stats source = {0};
	struct summary s = {.stats = sum, .source = &source, .final = true, .between = true};
	bool ok;
	char *text;

	(void)state;
	w->payload = w->inspected = 1000;
	w->forwarded = 700;
	w->withheld[WITHHELD_REFUSED] = 250;
	w->withheld[WITHHELD_STALLED] = 50;
	stats_add(sum, w);
	assert_int_equal(stats_unsettled(sum), 0);
	text = print_summary(&s, &ok);
	assert_true(ok);
	assert_non_null(strstr(text, "Inline\n  forwarded                            700"));
	assert_non_null(strstr(text, "  withheld: refused                    250"));
	assert_null(strstr(text, "no_memory"));
	free(text);
	sum->withheld[WITHHELD_AGAIN] = 3;
	assert_int_equal(stats_unsettled(sum), -3);
	text = print_summary(&s, &ok);
	assert_false(ok);
	assert_non_null(strstr(text, "ERROR: -3 bytes"));
	free(text);
	/* A watcher forwards nothing. */
	s.between = false;
	text = print_summary(&s, &ok);
	assert_true(ok);
	assert_null(strstr(text, "forwarded"));
	free(text);
	free(w);
	free(sum);
}

static void
test_adding_workers(void **state)
{
	struct worker_stats *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct worker_stats *sum = calloc(1, sizeof(*sum));

	(void)state;
	a->packets = 3;
	a->first_us = 50;
	a->last_us = 90;
	stats_application(a, 91, 203)->flows = 2;
	stats_application(a, 3, 0)->flows = 1;
	b->packets = 4;
	b->first_us = 40;
	b->last_us = 80;
	b->tcp.conflicts = 5;
	b->findings[7] = 6;
	stats_application(b, 91, 203)->flows = 10;
	stats_add(sum, a);
	stats_add(sum, b);
	assert_int_equal(sum->packets, 7);
	assert_int_equal(sum->first_us, 40);
	assert_int_equal(sum->last_us, 90);
	assert_int_equal(sum->tcp.conflicts, 5);
	assert_int_equal(sum->findings[7], 6);
	assert_int_equal(sum->n_applications, 2);
	assert_int_equal(stats_application(sum, 91, 203)->flows, 12);
	stats_pair(a, 0, 1)->inspected = 1;
	stats_pair(b, 1, 0)->inspected = 10;
	stats_pair(b, 0, 1)->inspected = 100;
	stats_pair(b, 0, 1)->opaque[OPAQUE_TLS] = 1000;
	stats_add(sum, a);
	stats_add(sum, b);
	assert_int_equal(sum->n_pairs, 2);
	assert_int_equal(stats_pair(sum, 0, 1)->inspected, 101);
	assert_int_equal(stats_pair(sum, 0, 1)->opaque[OPAQUE_TLS], 1000);
	assert_int_equal(stats_pair(sum, 1, 0)->inspected, 10);
	for (int i = 0; i < STATS_PAIRS_MAX + 10; i++)
		stats_pair(a, 7, i)->exempt++;
	assert_int_equal(a->n_pairs, STATS_PAIRS_MAX);
	assert_int_equal(a->other_pairs.exempt, 11);
	/* The table is bounded; what is beyond it is together. */
	for (unsigned i = 0; i < STATS_APPLICATIONS_MAX + 10; i++)
		stats_application(a, (uint16_t)(1000 + i), 0)->flows++;
	assert_int_equal(a->n_applications, STATS_APPLICATIONS_MAX);
	assert_int_equal(a->other_applications.flows, 12);
	free(a);
	free(b);
	free(sum);
}

/* ---- progress ---- */

static void
test_progress_lines(void **state)
{
	struct source_stats s = {.read = 2500000, .total = 10000000};
	struct progress_now now = {.messages = 12, .events = 3};
	char text[256];

	(void)state;
	progress_line(&s, &now, false, 10, 1234567, 0, text, sizeof(text));
	assert_string_equal(text,
		"[#####...............]  25 %, 2.5 MB, 1.2 M packets/s, 3 events, 0:30 left");
	s.total = 0;
	progress_line(&s, &now, false, 10, 999, 0, text, sizeof(text));
	assert_string_equal(text, "2.5 MB read, 999 packets/s, 12 messages, 3 events");
	now.lost = 7;
	progress_line(&s, &now, true, 3725, 45000, 98765432, text, sizeof(text));
	assert_string_equal(text,
		"1:02:05  45 k packets/s, 99 Mbit/s, 12 messages, 3 events, 7 lost");
	now.messages = now.events = now.lost = UINT64_MAX;
	progress_line(&s, &now, true, 1e7, 1e15, 1e18, text, sizeof(text));
	assert_true(strlen(text) <= 79);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_half_a_line_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_half_a_line_of_another_run_is_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_another_file_is_not_written_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopened_after_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_of_threads_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_an_event_longer_than_the_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_run_that_did_not_begin, setup, teardown),
		cmocka_unit_test(test_summary_fits),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_bytes_must_add_up),
		cmocka_unit_test(test_all_left_or_is_withheld),
		cmocka_unit_test(test_adding_workers),
		cmocka_unit_test(test_progress_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
