/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A judgement in words, from a policy made by hand. */
#include "policy/event_judgement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const classes[] = {"K0", "K1", "K2", "K3"};

static const struct policy_domain domains[] = {
	{.id = "vard", .control = CONTROL_INSIDE},
	{.id = "forskning", .control = CONTROL_INSIDE},
	{.id = "leverantor", .control = CONTROL_PARTNER},
};

static const struct policy_information information[] = {
	{.id = "person", .class = 2},
	{.id = "patient-list", .class = 3},
};

static const struct policy_row rows[] = {{.line = 24, .column = 5, .ceiling = 2}, {.ceiling = 0}};

static const struct policy policy = {
	.name = "perimeter",
	.file = "perimeter.yaml",
	.version = 12,
	.digest = "00ff",
	.classes = classes,
	.n_classes = 4,
	.domains = domains,
	.n_domains = 3,
	.information = information,
	.n_information = 2,
	.rows = rows,
	.n_rows = 1,
};

/* From vard to leverantor over mail: a patient list above K2. */
static struct judgement
judged(void)
{
	return (struct judgement){
		.verdict = VERDICT_REFUSE,
		.alert = true,
		.why = WHY_OVER,
		.from = 0,
		.to = 2,
		.row = &rows[0],
		.class = 3,
		.ceiling = 2,
		.all_to = {2, 1},
		.n_all_to = 2,
		.information = {{.information = 1, .at_least = true, .count = 7}},
		.n_information = 1,
	};
}

static const struct message message = {.channel = CHANNEL_MAIL};

static void
test_message(void **state)
{
	struct judgement j = judged();
	struct judgement_words w;

	(void)state;
	judgement_in_words(&j, &policy, &message, &w);
	assert_string_equal(w.words.verdict, "refuse");
	assert_true(w.words.alert);
	assert_string_equal(w.words.from, "vard");
	assert_int_equal(w.words.n_to, 2);
	assert_string_equal(w.words.to[0], "leverantor");
	assert_string_equal(w.words.to[1], "forskning");
	assert_string_equal(w.words.class_name, "K3");
	assert_int_equal(w.words.class_rank, 3);
	assert_string_equal(w.words.ceiling, "K2");
	assert_int_equal(w.words.row, 24);
	assert_non_null(strstr(w.words.reason, "K3"));
	assert_int_equal(w.words.n_information, 1);
	assert_string_equal(w.words.information[0].id, "patient-list");
	assert_int_equal(w.words.information[0].count, 7);
	assert_true(w.words.information[0].at_least);
	assert_string_equal(w.words.policy_name, "perimeter");
	assert_int_equal(w.words.policy_version, 12);
	assert_string_equal(w.words.policy_digest, "00ff");
}

/* One destination outside makes it outbound; a partner is outside; so is nobody's address. */
static void
test_inside(void **state)
{
	static const struct {
		int from, to0, to1;
		bool from_inside, to_inside;
	} cases[] = {
		{0, 1, 0, true, true},
		{0, 1, 2, true, false},
		{2, 0, 1, false, true},
		{DOMAIN_NONE, 1, DOMAIN_NONE, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judgement j = judged();
		struct judgement_words w;

		j.from = cases[i].from;
		j.all_to[0] = (int16_t)cases[i].to0;
		j.all_to[1] = (int16_t)cases[i].to1;
		judgement_in_words(&j, &policy, &message, &w);
		assert_int_equal(w.words.from_inside, cases[i].from_inside);
		assert_int_equal(w.words.to_inside, cases[i].to_inside);
	}
}

static void
test_file(void **state)
{
	struct judgement j = judged();
	struct policy shipped = policy;
	struct judgement_words w;

	(void)state;
	judgement_of_file_in_words(&j, &policy, &w);
	assert_string_equal(w.words.class_name, "K3");
	assert_null(w.words.verdict);
	assert_null(w.words.from);
	assert_int_equal(w.words.n_to, 0);
	assert_int_equal(w.words.n_information, 1);
	shipped.shipped = true;
	judgement_of_file_in_words(&j, &shipped, &w);
	assert_null(w.words.class_name);
	assert_int_equal(w.words.n_information, 1);
}

/* What the data plane calls is the event of these words. */
static void
test_event(void **state)
{
	static const struct finding_counts no_counts[1];
	struct inspect_env env = {0};
	struct message m = {
		.env = &env, .channel = CHANNEL_MAIL, .protocol = "smtp", .counts = no_counts};
	const struct event_context c = {.observer = "gw1", .action = "forward"};
	struct judgement j = judged();
	struct judgement_words w;
	char *event, *of_words;
	size_t n, n_words;

	(void)state;
	env.detect = detect_set_compile(&(struct detect_spec){0}, (char[64]){0}, 64);
	assert_non_null(env.detect);
	judgement_in_words(&j, &policy, &m, &w);
	event = event_json(&m, &j, &policy, &c, &n);
	of_words = event_json_of(&m, &w.words, &c, &n_words);
	assert_string_equal(event, of_words);
	assert_int_equal(n, n_words);
	assert_non_null(strstr(event, "\"direction\":\"outbound\""));
	free(event);
	free(of_words);
	detect_set_free((struct detect_set *)env.detect);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
