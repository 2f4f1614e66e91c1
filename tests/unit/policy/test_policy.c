/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/pack.h"
#include "policy/policy.h"

static const char good_text[] =
	"schema: 1\n"
	"name: p\n"
	"version: 12\n"
	"classes: [K0, K1, K2]\n"
	"domains:\n"
	"  a: {control: inside, networks: [10.0.0.0/8], mail: [a.example]}\n"
	"  b: {control: partner, hosts: [b.example]}\n"
	"  c: {control: outside, networks: [\"0.0.0.0/0\", \"::/0\"]}\n"
	"packs: [se-personal, se-health, labels]\n"
	"information:\n"
	"  - {id: i, class: K2, when: {personnummer: 1}}\n"
	"  - {id: j, class: K1, when: {person: 5, unique: true}}\n"
	"egress:\n"
	"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}\n"
	"  - {from: a, to: any, channel: [mail, web], ceiling: K1, over: drop, opaque: hold}\n"
	"default: {ceiling: K0, over: alert, opaque: allow}\n"
	"tests:\n"
	"  - {name: t, from: a, to: b, channel: mail, file: x.eml, expect: refuse}\n";

static struct policy *
load(const char *text, struct diag *d)
{
	diag_init(d);
	return policy_load_bytes("p.yaml", bytes_str(text), NULL, d);
}

static void
test_good(void **state)
{
	struct diag d;
	struct policy *p = load(good_text, &d);

	(void)state;
	diag_print(&d, stderr);
	assert_non_null(p);
	assert_int_equal(d.errors + d.warnings, 0);
	assert_string_equal(p->name, "p");
	assert_int_equal(p->version, 12);
	assert_int_equal(p->n_classes, 3);
	assert_string_equal(p->classes[2], "K2");
	assert_int_equal(p->n_domains, 3);
	assert_int_equal(p->domains[1].control, CONTROL_PARTNER);
	assert_string_equal(p->domains[2].id, "c");
	assert_string_equal(policy_domain_id(p, DOMAIN_NONE), "unknown");
	assert_int_equal(p->n_information, 2);
	assert_int_equal(p->information[1].conditions[0].count, 5);
	assert_true(p->information[1].conditions[0].n_detectors > 1);
	assert_true(p->information[1].unique);
	assert_int_equal(p->n_tests, 1);
	assert_int_equal(p->tests[0].expect, REACTION_REFUSE);
	assert_int_equal(p->n_packs, 4); /* common is needed by the others */
	assert_int_equal(strlen(p->digest), 64);
	policy_free(p);
	diag_free(&d);
}

static void
test_rows(void **state)
{
	struct diag d;
	struct policy *p = load(good_text, &d);
	const struct policy_row *row;

	(void)state;
	row = policy_row(p, 0, 1, CHANNEL_MAIL);
	assert_int_equal(row->line, 14);
	assert_int_equal(row->over, REACTION_REFUSE);
	assert_int_equal(row->opaque, REACTION_ALLOW); /* the default's */
	row = policy_row(p, 0, 1, CHANNEL_WEB);
	assert_int_equal(row->line, 15);
	assert_int_equal(row->opaque, REACTION_HOLD);
	assert_int_equal(policy_row(p, 0, 2, CHANNEL_MAIL)->line, 15);
	assert_int_equal(policy_row(p, 0, DOMAIN_NONE, CHANNEL_MAIL)->line, 15);
	assert_ptr_equal(policy_row(p, 0, 1, CHANNEL_FILE), &p->rows[p->n_rows]);
	assert_ptr_equal(policy_row(p, DOMAIN_NONE, 1, CHANNEL_MAIL), &p->rows[p->n_rows]);
	assert_ptr_equal(policy_row(p, 1, 0, CHANNEL_MAIL), &p->rows[p->n_rows]);
	policy_free(p);
	diag_free(&d);
}

static void
test_places(void **state)
{
	static const uint8_t inside[4] = {10, 1, 2, 3}, v6[16] = {0x20};
	struct diag d;
	struct policy *p = load(good_text, &d);

	(void)state;
	assert_int_equal(policy_domain_of_address(p, 4, inside), 0);
	assert_int_equal(policy_domain_of_address(p, 6, v6), 2);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("B.example:8080")), 1);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("x.b.example")), DOMAIN_NONE);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("10.9.9.9:80")), 0);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("[2001:db8::1]:443")), 2);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("2001:db8::1")), 2);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("")), DOMAIN_NONE);
	assert_int_equal(policy_domain_of_host(p, BYTES_LIT("[")), DOMAIN_NONE);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("x@A.EXAMPLE")), 0);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("\"x@a.example\"@other.example")), 2);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("x@sub.a.example")), 2);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("x@[10.0.0.1]")), 0);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("x@[IPv6:2001:db8::1]")), 2);
	assert_int_equal(policy_domain_of_mail(p, BYTES_LIT("x@")), 2);
	policy_free(p);
	diag_free(&d);
}

/* Rows of modes, in front of the tests. */
#define MODES(rows) "modes:\n  - " rows "\ntests:\n"

/* A piece of the good text replaced; the error that comes first, and what it points at. */
static const struct bad_case {
	const char *line, *instead, *at, *want;
} bad[] = {
	{"schema: 1", "schema: 2", "2", "schema is \"2\"; write 1"},
	{"name: p", "nam: p", "nam: p",
		"unknown key \"nam\" in the policy (did you mean \"name\"?); write one of schema, "
		"name, version, classes, domains, packs, information, egress, default, modes, "
		"tests"},
	{"name: p", "name: 'a b'", "'a b'",
		"name is \"a b\"; write at most 64 letters (a-z), digits, -, _ and ., first a "
		"letter or digit"},
	{"version: 12", "version: new", "new",
		"version is \"new\"; write a number from 0 to 9223372036854775807"},
	{"classes: [K0, K1, K2]", "classes: [K0, K1, K1]", "K1]",
		"class K1 is given twice; write it once"},
	{"classes: [K0, K1, K2]", "classes: []", "[]",
		"no classes; write them, the lowest first: [K0, K1, K2, K3]"},
	{"classes: [K0, K1, K2]", "classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, g]",
		"[0, 1", "classes has 17 elements; write at most 16"},
	{"  b: {control: partner, hosts: [b.example]}", "  b: {control: partnr}", "partnr",
		"control is \"partnr\" (did you mean \"partner\"?); write one of inside, partner, "
		"outside"},
	{"  b: {control: partner, hosts: [b.example]}", "  b: {hosts: [b.example]}", "{hosts",
		"the domain has no \"control\"; write it"},
	{"  b: {control: partner, hosts: [b.example]}", "  any: {control: partner}", "any: {",
		"\"any\" has a meaning of its own; write another name"},
	{"  b: {control: partner, hosts: [b.example]}",
		"  b: {control: partner, networks: [10.0.0.0/8]}", "10.0.0.0/8]",
		"this network of b already belongs to a, by line 6; write it in one domain, once"},
	{"  b: {control: partner, hosts: [b.example]}",
		"  b: {control: partner, mail: [A.Example]}", "A.Example",
		"this mail domain of b already belongs to a, by line 6; write it in one domain, "
		"once"},
	{"  b: {control: partner, hosts: [b.example]}",
		"  b: {control: partner, networks: [10.1.1.1/8]}", "10.1.1.1/8",
		"network \"10.1.1.1/8\": bits behind the prefix are set; write the network's own "
		"address, or a longer prefix"},
	{"  b: {control: partner, hosts: [b.example]}",
		"  b: {control: partner, networks: [10.1.1/8]}", "10.1.1/8",
		"network \"10.1.1/8\": not readable; write a network such as 10.10.0.0/16 or "
		"2001:db8::/32"},
	{"  b: {control: partner, hosts: [b.example]}",
		"  b: {control: partner, mail: [x@b.example]}", "x@b.example",
		"\"x@b.example\" is no host name or mail domain; write a name such as example.org, "
		"*.example.org for all below it, or * for all"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K7, when: {personnummer: 1}}", "K7",
		"class is \"K7\" (did you mean \"K0\"?); write one of K0, K1, K2"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K2, when: {personummer: 1}}", "personummer",
		"no detector or group is called \"personummer\" (did you mean \"personnummer\"?); "
		"write one that the policy's packs define, or name its pack in `packs`"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K2, when: {personnummer: 0}}", "0}",
		"personnummer is \"0\"; write a number from 1 to 1000000"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}", "  - {id: i, class: K2, when: {}}",
		"{}", "no condition; write a detector and a count, such as {personnummer: 1}"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K2, when: {personnummer: 1, near: journals}}", "journals",
		"no list of words is called \"journals\"; write one that the policy's packs "
		"define, such as journal-words of se-health"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K2, when: {label: [sekretes]}}", "sekretes]",
		"no mark is called \"sekretes\" (did you mean \"sekretess\"?); write one that the "
		"policy's packs find (see policy/README.md)"},
	{"  - {id: i, class: K2, when: {personnummer: 1}}",
		"  - {id: i, class: K2, when: {label: sekretess, unique: true}}", "{label",
		"unique, near and confidence say how detectors are counted, and there is none; "
		"write a detector and a count too"},
	{"  - {id: j, class: K1, when: {person: 5, unique: true}}",
		"  - {id: i, class: K1, when: {person: 5}}", "{id: i",
		"information type \"i\" is defined twice, first on line 11; write another id"},
	{"packs: [se-personal, se-health, labels]", "packs: [se-personal, ../se-health, labels]",
		"../se-health",
		"\"../se-health\" is no name of a pack; write a name such as se-personal"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: a, to: d, channel: mail, ceiling: K2, over: refuse}", "d, channel",
		"to is \"d\"; write one of a, b, c, any"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: a, to: [b, any], channel: mail, ceiling: K2, over: refuse}", "any]",
		"any in a list; write to: any, or domains only"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: a, to: b, channel: smtp, ceiling: K2, over: refuse}", "smtp",
		"channel is \"smtp\"; write one of mail, file, web, app, other, any"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: a, to: b, channel: mail, over: refuse}", "{from",
		"the row has no \"ceiling\"; write it"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: a, to: b, channel: mail, ceiling: K2, over: allow}", "allow",
		"over is \"allow\"; write one of alert, hold, refuse, drop"},
	{"default: {ceiling: K0, over: alert, opaque: allow}",
		"default: {ceiling: K0, over: alert, opaque: block}", "block",
		"opaque is \"block\"; write one of allow, alert, hold, refuse, drop"},
	{"tests:\n", "modes: {}\ntests:\n", "{}",
		"modes is a map; write a list, in [brackets] or with a \"- \" each"},
	{"tests:\n", MODES("{between: [a, d], mode: shadow}"), "d]",
		"between is \"d\"; write one of a, b, c, any"},
	{"tests:\n", MODES("{between: [a, [b, any]], mode: shadow}"), "any]]",
		"any in a list; write between: any, or domains only"},
	{"tests:\n", MODES("{between: [a, []], mode: shadow}"), "[]],",
		"between is an empty list; write any, or a domain"},
	{"tests:\n", MODES("{between: [a], mode: shadow}"), "[a], mode",
		"between has 1 entry; write two, such as [any, any], and more domains as a list in "
		"one of them"},
	{"tests:\n", MODES("{between: [a, b, c], mode: shadow}"), "[a, b, c]",
		"between has 3 entries; write two, such as [any, any], and more domains as a list "
		"in one of them"},
	{"tests:\n", MODES("{between: any, mode: shadow}"), "any, mode",
		"between is no list; write two entries, such as [any, any]"},
	{"tests:\n", MODES("{mode: shadow}"), "{mode: ", "the row has no \"between\"; write it"},
	{"tests:\n", MODES("{between: [any, any]}"), "{between",
		"the row has no \"mode\"; write it"},
	{"tests:\n", MODES("{between: [any, any], mode: exemt}"), "exemt",
		"mode is \"exemt\" (did you mean \"exempt\"?); write one of enforce, shadow, "
		"exempt"},
	{"tests:\n", MODES("{from: a, to: b, mode: shadow}"), "from: a, to: b, mode",
		"unknown key \"from\" in a row of modes; write one of between, mode"},
	{"  - {name: t, from: a, to: b, channel: mail, file: x.eml, expect: refuse}",
		"  - {name: t, from: a, to: b, channel: any, file: x.eml, expect: refuse}",
		"any, file", "channel is \"any\"; write one of mail, file, web, app, other"},
	{"  - {name: t, from: a, to: b, channel: mail, file: x.eml, expect: refuse}",
		"  - {name: t, from: a, to: b, channel: mail, file: x.eml, expect: refused}",
		"refused",
		"expect is \"refused\" (did you mean \"refuse\"?); write one of forward, alert, "
		"hold, refuse, drop"},
};

/* The good text with one line replaced; to be freed. */
static char *
altered(const char *line, const char *instead)
{
	const char *at = strstr(good_text, line);
	char *text;

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - good_text), good_text, instead,
			    at + strlen(line)) > 0);
	return text;
}

/* "p.yaml:LINE:COLUMN: KIND: WANT": the place of @p at, behind @p from, in @p text. */
static void
assert_said(const char *said, const char *text, const char *from, const char *at, const char *kind,
	const char *want)
{
	const char *place = at == NULL ? NULL : strstr(from, at), *begin = text;
	unsigned line = 1;
	char *line_wanted;

	assert_true(at == NULL || place != NULL);
	for (const char *c = text; place != NULL && c < place; c++)
		if (*c == '\n') {
			line++;
			begin = c + 1;
		}
	if (place == NULL)
		assert_true(asprintf(&line_wanted, "p.yaml: %s: %s", kind, want) > 0);
	else
		assert_true(asprintf(&line_wanted, "p.yaml:%u:%u: %s: %s", line,
				    (unsigned)(place - begin) + 1, kind, want) > 0);
	assert_string_equal(said, line_wanted);
	free(line_wanted);
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = altered(bad[i].line, bad[i].instead);
		struct diag d;

		assert_null(load(text, &d));
		assert_true(d.errors > 0);
		assert_said(d.entries[0], text, text + (strstr(good_text, bad[i].line) - good_text),
			bad[i].at, "error", bad[i].want);
		diag_free(&d);
		free(text);
	}
}

static void
test_missing_pack(void **state)
{
	char *text = altered("packs: [se-personal", "packs: [se-persnal");
	struct diag d;

	(void)state;
	assert_null(load(text, &d));
	assert_non_null(strstr(d.entries[0],
		"p.yaml:9:9: error: there is no pack \"se-persnal\"; put se-persnal.yaml into one "
		"of "));
	diag_free(&d);
	free(text);
}

/* What the lint says of a good text with a line replaced: the first warning. */
static const struct bad_case lint[] = {
	{"  - {from: a, to: any, channel: [mail, web], ceiling: K1, over: drop, opaque: hold}",
		"  - {from: a, to: b, channel: mail, ceiling: K1}",
		"{from: a, to: b, channel: mail, ceiling: K1}",
		"this row never decides: earlier rows, the first on line 14, fit wherever it does; "
		"put it in front of them, or take it out"},
	{"  - {from: a, to: b, channel: mail, ceiling: K2, over: refuse}",
		"  - {from: any, to: b, channel: mail, ceiling: K2, over: refuse}", "{from: a, to",
		"from a to b over mail the row of line 14 decides first, and its ceiling K2 is "
		"higher than K1 here; put the stricter row first"},
	{"  - {id: j, class: K1, when: {person: 5, unique: true}}\n", "", NULL, NULL},
	{"  - {from: a, to: any, channel: [mail, web], ceiling: K1",
		"  - {from: a, to: any, channel: [mail, web], ceiling: K2", NULL, NULL},
	{"classes: [K0, K1, K2]", "classes: [K0, K1, K2, K3]", NULL,
		"class K3 is never used: no information type has it and it is no ceiling; use it, "
		"or take it out"},
	{"default: {ceiling: K0,", "default: {ceiling: K1,", "{id: j",
		"j is of class K1, which is within every ceiling, so it never decides; raise its "
		"class, or lower a ceiling"},
	{"hosts: [b.example]", "networks: [10.2.0.0/16]", "10.2.0.0/16",
		"10.2.0.0/16 of b (partner) lies in 10.0.0.0/8 of a (inside): the longer prefix "
		"decides; check that it is meant"},
	{"control: partner, hosts: [b.example]", "control: inside, networks: [10.2.0.0/16]", NULL,
		NULL},
	{"control: partner, hosts: [b.example]", "control: partner", "b: {",
		"nothing belongs to b; write its networks, hosts or mail"},
	{", networks: [\"0.0.0.0/0\", \"::/0\"]", ", networks: [192.0.2.0/24]", NULL,
		"addresses that are in no network belong to no domain: only rows with `any`, and "
		"the default, decide for them; give a domain the networks \"0.0.0.0/0\" and "
		"\"::/0\""},
};

static const struct bad_case lint_modes[] = {
	{"tests:\n",
		MODES("{between: [a, any], mode: shadow}\n  - {between: [b, a], mode: exempt}"),
		"{between: [b, a]",
		"this row never decides: earlier rows, the first on line 18, fit wherever it does; "
		"put it in front of them, or take it out"},
	/* Both ways round, and all of a list. */
	{"tests:\n",
		MODES("{between: [[a, c], b], mode: shadow}\n  - {between: [b, [c, a]], mode: "
		      "enforce}"),
		"{between: [b, [c",
		"this row never decides: earlier rows, the first on line 18, fit wherever it does; "
		"put it in front of them, or take it out"},
	/* One pair is left to the second row. */
	{"tests:\n",
		MODES("{between: [a, b], mode: shadow}\n  - {between: [a, [a, b]], mode: enforce}"),
		NULL, NULL},
	{"tests:\n",
		MODES("{between: [a, a], mode: exempt}\n  - {between: [any, any], mode: enforce}"),
		NULL, NULL},
	{"tests:\n", MODES("{between: [b, a], mode: exempt}"), "{from: a, to: b",
		"this row keeps nothing back: what goes directly between its domains is exempt by "
		"the row of modes on line 18, and not read; take one of the two out"},
	/* From a to any still decides from a to c. */
	{"tests:\n", MODES("{between: [a, a], mode: exempt}"), NULL, NULL},
};

/* Each with the one warning besides, that the test's file is missing. */
static void
assert_lint(const struct bad_case *c)
{
	char *text = altered(c->line, c->instead);
	struct diag d;
	struct policy *p = load(text, &d);

	assert_non_null(p);
	policy_lint(p, &d);
	assert_int_equal(d.warnings, c->want == NULL ? 1 : 2);
	if (c->want != NULL)
		assert_said(d.entries[0], text, text, c->at, "warning", c->want);
	policy_free(p);
	diag_free(&d);
	free(text);
}

static void
test_lint(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lint); i++)
		assert_lint(&lint[i]);
	for (size_t i = 0; i < ARRAY_LEN(lint_modes); i++)
		assert_lint(&lint_modes[i]);
}

/* What the rows say, asked of every pair: a, b, c, and what belongs to no domain. */
static const struct mode_case {
	const char *rows;
	enum pair_mode want[4][4];
} modes[] = {
#define E MODE_ENFORCE
#define S MODE_SHADOW
#define X MODE_EXEMPT
	{"tests:\n", {{E, E, E, E}, {E, E, E, E}, {E, E, E, E}, {E, E, E, E}}},
	{"modes: []\ntests:\n", {{E, E, E, E}, {E, E, E, E}, {E, E, E, E}, {E, E, E, E}}},
	{MODES("{between: [a, b], mode: exempt}"),
		{{E, X, E, E}, {X, E, E, E}, {E, E, E, E}, {E, E, E, E}}},
	{MODES("{between: [c, c], mode: exempt}"),
		{{E, E, E, E}, {E, E, E, E}, {E, E, X, E}, {E, E, E, E}}},
	{MODES("{between: [any, b], mode: shadow}"),
		{{E, S, E, E}, {S, S, S, S}, {E, S, E, E}, {E, S, E, E}}},
	{MODES("{between: [[a, b], [b, c]], mode: shadow}"),
		{{E, S, S, E}, {S, S, S, E}, {S, S, E, E}, {E, E, E, E}}},
	{MODES("{between: [b, a], mode: exempt}\n  - {between: [a, any], mode: shadow}\n"
	       "  - {between: [any, any], mode: enforce}"),
		{{S, X, S, S}, {X, E, E, E}, {S, E, E, E}, {S, E, E, E}}},
	{MODES("{between: [a, b], mode: enforce}\n  - {between: [any, any], mode: exempt}"),
		{{X, E, X, X}, {E, X, X, X}, {X, X, X, X}, {X, X, X, X}}},
#undef E
#undef S
#undef X
};

static void
test_modes(void **state)
{
	static const int domains[] = {0, 1, 2, DOMAIN_NONE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		char *text = altered("tests:\n", modes[i].rows);
		bool exempts = false;
		struct diag d;
		struct policy *p = load(text, &d);

		diag_print(&d, stderr);
		assert_non_null(p);
		for (unsigned a = 0; a < 4; a++)
			for (unsigned b = 0; b < 4; b++) {
				assert_int_equal(policy_mode(p, domains[a], domains[b]),
					modes[i].want[a][b]);
				exempts |= modes[i].want[a][b] == MODE_EXEMPT;
			}
		assert_int_equal(policy_exempts(p), exempts);
		policy_free(p);
		diag_free(&d);
		free(text);
	}
	assert_string_equal(pair_mode_name(MODE_ENFORCE), "enforce");
	assert_string_equal(pair_mode_name(MODE_SHADOW), "shadow");
	assert_string_equal(pair_mode_name(MODE_EXEMPT), "exempt");
}

static void
test_examples(void **state)
{
	static const char *const files[] = {"default.yaml", "perimeter.yaml"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct diag d = {0};
		struct policy *p;
		char *path;

		assert_true(asprintf(&path, "%s/%s", EXAMPLES, files[i]) > 0);
		p = policy_check(path, NULL, &d);
		diag_print(&d, stderr);
		assert_non_null(p);
		assert_int_equal(d.errors + d.warnings, 0);
		policy_free(p);
		diag_free(&d);
		free(path);
	}
}

static void
test_all_packs(void **state)
{
	struct diag d = {0};
	struct policy *p = policy_load_packs(NULL, &d);

	(void)state;
	diag_print(&d, stderr);
	assert_non_null(p);
	assert_true(p->shipped);
	assert_int_equal(p->n_information, detect_set_detectors(p->detect));
	for (unsigned i = 0; i < p->n_information; i++)
		assert_string_equal(p->information[i].id, detect_set_detector_id(p->detect, i));
	assert_int_equal(policy_row(p, DOMAIN_NONE, DOMAIN_NONE, CHANNEL_OTHER)->ceiling, 0);
	assert_int_equal(policy_mode(p, DOMAIN_NONE, DOMAIN_NONE), MODE_ENFORCE);
	assert_false(policy_exempts(p));
	policy_free(p);
}

/* ---- packs ---- */

#define PACK(name) "schema: 1\nname: " name "\n"
#define CANDIDATE "candidates:\n  - {id: run, database: numbers, expr: '[0-9]{6}'}\n"
#define DETECTOR "  - {id: d, title: T, groups: [g], candidates: [run], validator: orgnr}\n"

/* Two packs and the error that they give, behind the folder. */
static const struct pack_case {
	const char *one, *two, *want;
} packs[] = {
	{PACK("one") CANDIDATE "detectors:\n" DETECTOR, PACK("two") CANDIDATE, NULL},
	{PACK("one") CANDIDATE,
		PACK("two") "candidates:\n  - {id: run, database: numbers, expr: '[0-9]{7}'}\n",
		"two.yaml:4:5: error: \"run\" is defined otherwise at"},
	{PACK("one") CANDIDATE "  - {id: run, database: numbers, expr: '[0-9]{6}'}\n", PACK("two"),
		"one.yaml:5:5: error: \"run\" is defined twice, first at"},
	{PACK("eins"), PACK("two"),
		"one.yaml:2:7: error: the pack is named \"eins\" but its file one.yaml; write "
		"name: one"},
	{PACK("one") "detectors:\n" DETECTOR, PACK("two"),
		"one.yaml:4:49: error: no candidate is called \"run\" in these packs; define it, "
		"or name "
		"its pack in `needs`"},
	{PACK("one") "detectors:\n  - {id: D}\n", PACK("two"),
		"one.yaml:4:10: error: \"D\" is no id; write at most 64 of a-z, 0-9, -, _ and ."},
	{PACK("one") "words:\n  - {id: w, at-least: 3, terms: [a, b]}\n", PACK("two"),
		"one.yaml:4:23: error: at-least is \"3\"; write a number from 1 to 2"},
	{PACK("one") CANDIDATE "detectors:\n  - {id: d, title: T, candidates: [run], validator: "
			       "orgnr, least: hi}\n",
		PACK("two"),
		"one.yaml:6:67: error: least is \"hi\"; write one of low, medium, high"},
	{PACK("one") "needs: [three]\n", PACK("two"),
		"one.yaml:3:9: error: there is no pack \"three\""},
	{PACK("one") CANDIDATE
		"detectors:\n  - {id: d, title: T, candidates: [run], validator: nix}\n",
		PACK("two"), "packs can't be compiled: detector d: there is no validator nix"},
};

static void
write_pack(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_packs(void **state)
{
	static const char text[] =
		"schema: 1\nname: p\nclasses: [K0]\ndomains: {}\npacks: [one, two]\n";
	char dir[] = P_tmpdir "/sluss-packs-XXXXXX", path[64];
	const char *dirs[] = {dir, NULL};

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(packs); i++) {
		struct diag d = {0};
		struct policy *p;

		write_pack(dir, "one", packs[i].one);
		write_pack(dir, "two", packs[i].two);
		p = policy_load_bytes("p.yaml", bytes_str(text), dirs, &d);
		if (packs[i].want == NULL)
			assert_non_null(p);
		else
			assert_non_null(strstr(d.entries[0], packs[i].want));
		assert_int_equal(d.errors, packs[i].want != NULL);
		policy_free(p);
		diag_free(&d);
	}
	snprintf(path, sizeof(path), "%s/one.yaml", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/two.yaml", dir);
	unlink(path);
	rmdir(dir);
}

/* The digest changes with one byte of the policy, and only then. */
static void
test_digest(void **state)
{
	struct diag d;
	struct policy *a = load(good_text, &d), *b = load(good_text, &d), *c;
	char *text = altered("name: p\n", "name: p \n");

	(void)state;
	c = load(text, &d);
	assert_string_equal(a->digest, b->digest);
	assert_string_not_equal(a->digest, c->digest);
	policy_free(a);
	policy_free(b);
	policy_free(c);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_missing_pack),
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_all_packs),
		cmocka_unit_test(test_packs),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
