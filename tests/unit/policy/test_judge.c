/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy/judge.h"

static const char policy_text[] =
	"schema: 1\n"
	"name: p\n"
	"classes: [K0, K1, K2, K3]\n"
	"domains:\n"
	"  ward: {control: inside, networks: [10.10.0.0/16], mail: [ward.example]}\n"
	"  lab: {control: inside, networks: [10.20.0.0/16], hosts: [lab.example], mail: "
	"[lab.example]}\n"
	"  firm: {control: partner, networks: [192.0.2.0/24], hosts: [firm.example], mail: "
	"[firm.example]}\n"
	"  net: {control: outside, networks: [\"0.0.0.0/0\", \"::/0\"]}\n"
	"packs: [se-personal, se-health, labels]\n"
	"information:\n"
	"  - {id: one, class: K1, when: {personnummer: 1}}\n"
	"  - {id: near, class: K2, when: {personnummer: 1, near: journal-words}}\n"
	"  - {id: list, class: K3, when: {personnummer: 5, unique: true}}\n"
	"  - {id: many, class: K2, when: {samordningsnummer: 6}}\n"
	"  - {id: sure, class: K2, when: {interimsnummer: 2, unique: true, confidence: high}}\n"
	"  - {id: both, class: K3, when: {nrid: 1, hsaid: 2}}\n"
	"  - {id: mark, class: K3, when: {label: [sekretess, \"TLP:RED\"]}}\n"
	"egress:\n"
	"  - {from: ward, to: lab, channel: any, ceiling: K2, over: hold, opaque: allow}\n"
	"  - {from: ward, to: firm, channel: mail, ceiling: K2, over: refuse, opaque: alert}\n"
	"  - {from: ward, to: firm, channel: web, ceiling: K1, over: refuse, opaque: refuse}\n"
	"  - {from: ward, to: net, channel: any, ceiling: K0, over: alert, opaque: drop}\n"
	"default: {ceiling: K2, over: alert, opaque: allow}\n";

static struct policy *policy; /* for all tests; built once */
static struct finding_counts counts[DETECT_DETECTORS_MAX];

static int
set_up(void **state)
{
	struct diag d = {0};

	(void)state;
	policy = policy_load_bytes("p.yaml", bytes_str(policy_text), NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	return policy == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	policy_free(policy);
	return 0;
}

static struct finding_counts *
counts_of(const char *id)
{
	int at = detect_set_find_detector(policy->detect, id);

	assert_true(at >= 0);
	return &counts[at];
}

static struct message
empty_message(enum channel channel)
{
	memset(counts, 0, sizeof(counts));
	return (struct message){
		.channel = channel, .direction = DIR_CLIENT, .counts = counts, .protocol = "x"};
}

static struct endpoints
between(const char *client, const char *server)
{
	struct endpoints ends = {.family = 4, .port = {40000, 25}};

	assert_int_equal(inet_pton(AF_INET, client, ends.address[DIR_CLIENT]), 1);
	assert_int_equal(inet_pton(AF_INET, server, ends.address[DIR_SERVER]), 1);
	return ends;
}

/* ---- the class ---- */

/* What was found, and the class and types that it makes. */
static const struct class_case {
	const char *name, *detector;
	uint64_t low, medium, high; /* findings */
	uint64_t distinct, distinct_low, distinct_near;
	const char *types; /* ids apart by spaces */
	const char *class;
	uint64_t count; /* of the last type */
} classes[] = {
	{"nothing", "personnummer", 0, 0, 0, 0, 0, 0, "", "K0", 0},
	{"one low doesn't count", "personnummer", 1, 0, 0, 0, 1, 0, "", "K0", 0},
	{"one", "personnummer", 0, 1, 0, 1, 0, 0, "one", "K1", 1},
	{"one person twenty times is one", "personnummer", 0, 20, 0, 1, 0, 0, "one", "K1", 20},
	{"near words", "personnummer", 0, 1, 0, 1, 0, 1, "one near", "K2", 1},
	{"four persons", "personnummer", 0, 2, 2, 4, 0, 0, "one", "K1", 4},
	{"five persons", "personnummer", 0, 3, 2, 5, 0, 0, "one list", "K3", 5},
	{"low ones count towards many", "personnummer", 4, 1, 0, 1, 4, 0, "one list", "K3", 5},
	{"low ones alone too", "personnummer", 5, 0, 0, 0, 5, 0, "list", "K3", 5},
	{"but not the same one", "personnummer", 9, 0, 0, 0, 4, 0, "", "K0", 0},
	{"counted without unique", "samordningsnummer", 2, 2, 2, 1, 0, 0, "many", "K2", 6},
	{"one too few", "samordningsnummer", 1, 2, 2, 5, 0, 0, "", "K0", 0},
	{"another detector", "card", 0, 9, 9, 9, 0, 0, "", "K0", 0},
};

static void
assert_types(const struct judgement *j, const char *want)
{
	char got[256] = "";

	for (unsigned i = 0; i < j->n_information; i++) {
		if (i > 0)
			strcat(got, " ");
		strcat(got, policy->information[j->information[i].information].id);
	}
	assert_string_equal(got, want);
}

static void
test_classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		const struct class_case *k = &classes[i];
		struct message m = empty_message(CHANNEL_OTHER);
		struct judgement j;

		if (detect_set_find_detector(policy->detect, k->detector) >= 0)
			*counts_of(k->detector) = (struct finding_counts){
				.total = {0, k->low, k->medium, k->high},
				.distinct = k->distinct,
				.distinct_low = k->distinct_low,
				.distinct_near = {k->distinct_near},
			};
		policy_judge(policy, &m, NULL, &j);
		assert_types(&j, k->types);
		assert_string_equal(policy->classes[j.class], k->class);
		if (j.n_information > 0)
			assert_int_equal(j.information[j.n_information - 1].count, k->count);
	}
}

static void
test_all_conditions(void **state)
{
	struct message m = empty_message(CHANNEL_OTHER);
	struct judgement j;

	(void)state;
	counts_of("nrid")->total[CONFIDENCE_MEDIUM] = 1;
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "");
	counts_of("hsaid")->total[CONFIDENCE_MEDIUM] = 1;
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "");
	counts_of("hsaid")->total[CONFIDENCE_MEDIUM] = 2;
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "both");
	assert_int_equal(j.information[0].count, 3);
}

static void
test_marks(void **state)
{
	struct message m = empty_message(CHANNEL_OTHER);
	struct judgement j;

	(void)state;
	m.marks = UINT64_C(1) << detect_set_find_mark(policy->detect, "TLP:GREEN");
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "");
	m.marks |= UINT64_C(1) << detect_set_find_mark(policy->detect, "TLP:RED");
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "mark");
	assert_int_equal(j.class, 3);
	assert_int_equal(j.information[0].count, 1);
}

/* A confidence of its own is counted from the set of distinct identifiers. */
static void
test_confidence(void **state)
{
	struct arena_budget budget = {.limit = 1 << 20};
	struct message m = empty_message(CHANNEL_OTHER);
	int detector = detect_set_find_detector(policy->detect, "interimsnummer");
	struct judgement j;
	struct arena a;

	(void)state;
	arena_init(&a, &arena_source_malloc, &budget);
	counts[detector] = (struct finding_counts){.total = {0, 0, 3, 2}, .distinct = 4};
	for (unsigned i = 0; i < 4; i++) {
		bool is_new;
		struct distinct_entry *e = distinct_get(&m.distinct, &a, i + 1, &is_new);

		e->detector = (uint16_t)detector;
		e->level = i == 0 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
	}
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "");
	distinct_get(&m.distinct, &a, 3, &(bool){false})->level = CONFIDENCE_HIGH;
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "sure");
	assert_int_equal(j.information[0].count, 2);
	arena_release(&a);
}

/* Counting stopped at the limit: what can't be decided holds, and says "at least". */
static void
test_counting_stopped(void **state)
{
	struct message m = empty_message(CHANNEL_OTHER);
	struct judgement j;

	(void)state;
	*counts_of("personnummer") = (struct finding_counts){.total = {0, 0, 9, 0}, .distinct = 3};
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "one");
	assert_false(j.information[0].at_least);
	m.distinct_over = true;
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "one list");
	assert_true(j.information[1].at_least);
	assert_int_equal(j.information[1].count, 3);
	m.evidence = 1; /* and so do words that are there */
	policy_judge(policy, &m, NULL, &j);
	assert_types(&j, "one near list");
}

/* ---- where it goes ---- */

static void
set_class(unsigned class)
{
	*counts_of("personnummer") = (struct finding_counts){0};
	if (class >= 1)
		*counts_of("personnummer") =
			(struct finding_counts){.total = {0, 0, 1, 0}, .distinct = 1};
	if (class >= 2)
		counts_of("personnummer")->distinct_near[0] = 1;
	if (class >= 3) {
		counts_of("personnummer")->total[CONFIDENCE_MEDIUM] = 5;
		counts_of("personnummer")->distinct = 5;
	}
}

static const struct pair_case {
	const char *name, *from, *to;
	enum channel channel;
	unsigned class;
	bool opaque;
	enum verdict verdict;
	bool alert;
	enum why why;
	unsigned line; /* of the row */
} pairs[] = {
	{"within", "10.10.0.1", "10.20.0.1", CHANNEL_FILE, 2, false, VERDICT_FORWARD, false, 0, 19},
	{"over, hold", "10.10.0.1", "10.20.0.1", CHANNEL_FILE, 3, false, VERDICT_HOLD, true, 1, 19},
	{"opaque, allowed", "10.10.0.1", "10.20.0.1", CHANNEL_FILE, 0, true, VERDICT_FORWARD, false,
		0, 19},
	{"over, refuse", "10.10.0.1", "192.0.2.1", CHANNEL_MAIL, 3, false, VERDICT_REFUSE, true, 1,
		20},
	{"opaque, alert", "10.10.0.1", "192.0.2.1", CHANNEL_MAIL, 2, true, VERDICT_FORWARD, true, 2,
		20},
	{"opaque and over", "10.10.0.1", "192.0.2.1", CHANNEL_MAIL, 3, true, VERDICT_REFUSE, true,
		3, 20},
	{"another channel", "10.10.0.1", "192.0.2.1", CHANNEL_WEB, 2, false, VERDICT_REFUSE, true,
		1, 21},
	{"opaque, refuse", "10.10.0.1", "192.0.2.1", CHANNEL_WEB, 0, true, VERDICT_REFUSE, true, 2,
		21},
	{"over, alert", "10.10.0.1", "198.51.100.1", CHANNEL_WEB, 1, false, VERDICT_FORWARD, true,
		1, 22},
	{"opaque is harsher", "10.10.0.1", "198.51.100.1", CHANNEL_WEB, 1, true, VERDICT_DROP, true,
		3, 22},
	{"no row: the default", "10.20.0.1", "10.10.0.1", CHANNEL_WEB, 2, true, VERDICT_FORWARD,
		false, 0, 23},
	{"the default's ceiling", "192.0.2.1", "10.10.0.1", CHANNEL_WEB, 3, true, VERDICT_FORWARD,
		true, 1, 23},
};

static void
test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct pair_case *k = &pairs[i];
		struct message m = empty_message(k->channel);
		struct endpoints ends = between(k->from, k->to), back = between(k->to, k->from);
		struct judgement j;

		set_class(k->class);
		m.opaque[OPAQUE_TLS] = k->opaque;
		policy_judge(policy, &m, &ends, &j);
		assert_int_equal(j.verdict, k->verdict);
		assert_int_equal(j.alert, k->alert);
		assert_int_equal(j.why, k->why);
		assert_int_equal(j.row->line, k->line);
		assert_int_equal(j.class, k->class);
		/* The same data from the server's side of a flow the other way round. */
		m.direction = DIR_SERVER;
		policy_judge(policy, &m, &back, &j);
		assert_int_equal(j.verdict, k->verdict);
		assert_int_equal(j.row->line, k->line);
		/* And by the names of the domains. */
		policy_judge_between(policy, &m, j.from, j.to, k->channel, &j);
		assert_int_equal(j.verdict, k->verdict);
		assert_int_equal(j.row->line, k->line);
	}
}

static void
test_lost_bytes_are_opaque(void **state)
{
	struct message m = empty_message(CHANNEL_WEB);
	struct endpoints ends = between("10.10.0.1", "192.0.2.1");
	struct judgement j;

	(void)state;
	m.gap_bytes = 1;
	policy_judge(policy, &m, &ends, &j);
	assert_int_equal(j.verdict, VERDICT_REFUSE);
	assert_int_equal(j.why, WHY_OPAQUE);
}

/* From the ward to a server, with recipients or a host: which destination decides? */
static const struct destination_case {
	const char *name, *server, *host, *recipients[4];
	enum channel channel;
	unsigned class;
	bool opaque;
	const char *to; /* that decided */
	enum destination_kind kind;
	enum verdict verdict;
	unsigned all; /* how many domains */
} destinations[] = {
	{"the network", "10.20.0.1", "", {"x@lab.example"}, CHANNEL_MAIL, 2, false, "lab",
		DESTINATION_NETWORK, VERDICT_FORWARD, 1},
	{"a recipient outside, by a relay inside", "10.20.0.1", "",
		{"x@lab.example", "y@z.example"}, CHANNEL_MAIL, 2, false, "net",
		DESTINATION_RECIPIENT, VERDICT_FORWARD, 2},
	{"the harshest, not the lowest ceiling", "10.20.0.1", "", {"y@z.example", "x@firm.example"},
		CHANNEL_MAIL, 3, false, "firm", DESTINATION_RECIPIENT, VERDICT_REFUSE, 3},
	{"in any order", "10.20.0.1", "", {"x@firm.example", "y@z.example"}, CHANNEL_MAIL, 3, false,
		"firm", DESTINATION_RECIPIENT, VERDICT_REFUSE, 3},
	{"opaque by the harshest", "192.0.2.1", "", {"x@firm.example", "y@z.example"}, CHANNEL_MAIL,
		0, true, "net", DESTINATION_RECIPIENT, VERDICT_DROP, 2},
	{"nothing minded: the lowest ceiling", "192.0.2.1", "", {"y@z.example"}, CHANNEL_MAIL, 0,
		false, "net", DESTINATION_RECIPIENT, VERDICT_FORWARD, 2},
	{"a recipient without a domain stays there", "192.0.2.1", "", {"postmaster"}, CHANNEL_MAIL,
		2, false, "firm", DESTINATION_NETWORK, VERDICT_FORWARD, 1},
	{"a host outside by a proxy inside", "10.20.0.1", "firm.example:443", {0}, CHANNEL_WEB, 2,
		false, "firm", DESTINATION_HOST, VERDICT_REFUSE, 2},
	{"a host that no domain lists", "10.20.0.1", "elsewhere.example", {0}, CHANNEL_WEB, 2,
		false, "lab", DESTINATION_NETWORK, VERDICT_FORWARD, 1},
	{"a host name inside doesn't loosen", "198.51.100.1", "lab.example", {0}, CHANNEL_WEB, 1,
		false, "net", DESTINATION_NETWORK, VERDICT_FORWARD, 2},
};

static void
test_destinations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(destinations); i++) {
		const struct destination_case *k = &destinations[i];
		struct message m = empty_message(k->channel);
		struct endpoints ends = between("10.10.0.1", k->server);
		struct mail_address list[4], **tail = &m.mail_to;
		struct judgement j;

		for (unsigned r = 0; r < 4 && k->recipients[r] != NULL; r++) {
			list[r] = (struct mail_address){NULL, bytes_str(k->recipients[r])};
			*tail = &list[r];
			tail = &list[r].next;
		}
		m.url_host = bytes_str(k->host);
		m.opaque[OPAQUE_ENCRYPTED_ARCHIVE] = k->opaque;
		set_class(k->class);
		policy_judge(policy, &m, &ends, &j);
		assert_string_equal(policy_domain_id(policy, j.to), k->to);
		assert_int_equal(j.to_kind, k->kind);
		assert_int_equal(j.verdict, k->verdict);
		assert_int_equal(j.n_all_to, k->all);
	}
}

/* One more recipient never makes a verdict milder: every pair of domains, every class. */
static void
test_never_milder(void **state)
{
	static const char *const addresses[] = {
		"a@ward.example", "a@lab.example", "a@firm.example", "a@z.example"};
	struct endpoints ends = between("10.10.0.1", "10.20.0.1");

	(void)state;
	for (unsigned k = 0; k < 4 * 4 * 4 * 2; k++) {
		struct mail_address second = {NULL, bytes_str(addresses[k / 4 % 4])};
		struct mail_address first = {NULL, bytes_str(addresses[k % 4])};
		struct message m = empty_message(CHANNEL_MAIL);
		struct judgement alone, together;

		set_class(k / 16 % 4);
		m.opaque[OPAQUE_DAMAGED] = k / 64;
		m.mail_to = &first;
		policy_judge(policy, &m, &ends, &alone);
		first.next = &second;
		policy_judge(policy, &m, &ends, &together);
		assert_true(together.verdict >= alone.verdict);
		assert_true(together.alert >= alone.alert);
	}
}

/* More recipients than were kept: the strictest of all domains. */
static void
test_recipients_over(void **state)
{
	struct message m = empty_message(CHANNEL_MAIL);
	struct endpoints ends = between("10.10.0.1", "10.20.0.1");
	struct judgement j;

	(void)state;
	set_class(3);
	m.recipients_over = true;
	policy_judge(policy, &m, &ends, &j);
	assert_string_equal(policy_domain_id(policy, j.to), "firm");
	assert_int_equal(j.verdict, VERDICT_REFUSE);
	assert_int_equal(j.n_all_to, 1);
}

/* A response comes from the host that the request named; it doesn't go there. */
static void
test_response(void **state)
{
	struct message m = empty_message(CHANNEL_WEB);
	struct endpoints ends = between("192.0.2.1", "10.10.0.1");
	struct judgement j;

	(void)state;
	m.direction = DIR_SERVER;
	m.url_host = BYTES_LIT("lab.example");
	policy_judge(policy, &m, &ends, &j);
	assert_string_equal(policy_domain_id(policy, j.from), "ward");
	assert_string_equal(policy_domain_id(policy, j.to), "firm");
	assert_int_equal(j.n_all_to, 1);
}

static void
test_explain(void **state)
{
	struct message m = empty_message(CHANNEL_MAIL);
	struct endpoints ends = between("10.10.0.1", "192.0.2.1");
	struct judgement j;
	char text[512], small[20];

	(void)state;
	set_class(3);
	m.opaque[OPAQUE_ENCRYPTED_ARCHIVE] = 9;
	policy_judge(policy, &m, &ends, &j);
	assert_string_equal(judgement_explain(policy, &m, &j, text, sizeof(text)),
		"K3 (list) is above K2, the ceiling of line 20, ward to firm over mail; some of it "
		"is "
		"opaque (encrypted-archive): refuse");
	assert_int_equal(strlen(judgement_explain(policy, &m, &j, small, sizeof(small))), 19);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_all_conditions),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_confidence),
		cmocka_unit_test(test_counting_stopped),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_lost_bytes_are_opaque),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_never_milder),
		cmocka_unit_test(test_recipients_over),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
