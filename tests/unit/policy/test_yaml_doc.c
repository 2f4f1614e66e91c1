/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy/yaml_doc.h"

static struct yaml_doc *
load(const char *text, struct diag *d)
{
	diag_init(d);
	return yaml_doc_load("t.yaml", bytes_str(text), d);
}

static const struct bad_case {
	const char *text, *want;
} bad[] = {
	{"", "t.yaml: error: an empty file; write at least \"schema: 1\""},
	{"a: 1\nb: 2\na: 3\n",
		"t.yaml:3:1: error: \"a\" is given twice, first on line 1; write it once"},
	{"a: &x 1\nb: *x\n", "t.yaml:1:4: error: an anchor (&x); write the value out"},
	{"a: *x\n", "t.yaml:1:4: error: an alias (*x); write the value out"},
	{"a: !!int 1\n",
		"t.yaml:1:4: error: a tag (tag:yaml.org,2002:int); write the value without it"},
	{"? [a]\n: 1\n", "t.yaml:1:3: error: a list as a key; write a name"},
	{"{a: 1}\n---\nb: 2\n",
		"t.yaml:2:1: error: a second document; write one document in a file"},
	{"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		"t.yaml:1:17: error: more than 16 lists and maps inside one another; write it "
		"flatter"},
	{"a: \"\\0\"", "t.yaml:1:4: error: a zero byte in a string; write text"},
	{"a: [1, 2\nb: 3\n",
		"t.yaml:2:2: error: not YAML here: while parsing a flow sequence, did not "
		"find expected ',' or ']'; check indentation (blanks, no tabs), brackets, and "
		"quotes (* and @ need them)"},
	{"a: \xff\n",
		"t.yaml: error: byte 3: invalid leading UTF-8 octet; write UTF-8 text without "
		"control characters"},
};

static void
test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct diag d;

		assert_null(load(bad[i].text, &d));
		assert_int_equal(d.errors, 1);
		assert_string_equal(d.entries[0], bad[i].want);
		diag_free(&d);
	}
}

static void
test_tree(void **state)
{
	struct diag d;
	struct yaml_doc *doc = load("a: [x, \"y\", {k: v}]\nb:\n  - 1\nc: ~\n", &d);
	const struct yaml_node *a, *e;

	(void)state;
	assert_non_null(doc);
	assert_int_equal(yaml_doc_root(doc)->kind, YAML_MAP);
	assert_int_equal(yaml_doc_root(doc)->n, 3);
	a = yaml_get(yaml_doc_root(doc), "a");
	assert_int_equal(a->kind, YAML_LIST);
	assert_int_equal(a->n, 3);
	assert_int_equal(a->key_at.line, 1);
	assert_int_equal(a->at.column, 4);
	assert_string_equal(a->first->text, "x");
	assert_false(a->first->quoted);
	e = a->first->next;
	assert_string_equal(e->text, "y");
	assert_true(e->quoted);
	assert_int_equal(e->at.column, 8);
	e = yaml_get(e->next, "k");
	assert_string_equal(e->text, "v");
	assert_null(e->next);
	assert_int_equal(yaml_get(yaml_doc_root(doc), "b")->first->at.line, 3);
	assert_null(yaml_get(yaml_doc_root(doc), "d"));
	assert_null(yaml_get(a, "k"));
	yaml_doc_free(doc);
	diag_free(&d);
}

enum access { UINT, BOOL, SIZE, TIME, STRING, CHOICE };

static const struct value_case {
	const char *text;
	enum access access;
	uint64_t want;
	const char *error; /* behind the place; NULL: none */
} values[] = {
	{"v: 7", UINT, 7, NULL},
	{"v: 100", UINT, 100, NULL},
	{"v: 101", UINT, 0, "v is \"101\"; write a number from 1 to 100"},
	{"v: 0", UINT, 0, "v is \"0\"; write a number from 1 to 100"},
	{"v: -1", UINT, 0, "v is \"-1\"; write a number from 1 to 100"},
	{"v: '7'", UINT, 0,
		"v is \"7\"; write a number from 1 to 100, without quotes"},
	{"v: 99999999999999999999", UINT, 0,
		"v is \"99999999999999999999\"; write a number from 1 to 100"},
	{"v: [7]", UINT, 0, "v is a list; write a number"},
	{"v: true", BOOL, 1, NULL},
	{"v: false", BOOL, 0, NULL},
	{"v: yes", BOOL, 0, "v is \"yes\"; write true or false"},
	{"v: 4096", SIZE, 4096, NULL},
	{"v: 64KiB", SIZE, 65536, NULL},
	{"v: 16 MiB", SIZE, 16777216, NULL},
	{"v: 512 bytes", SIZE, 512, NULL},
	{"v: 2GiB", SIZE, 0,
		"v is \"2GiB\"; write a size such as 64KiB, 16MiB or 2GiB, from 1 bytes to 1 GiB"},
	{"v: 64kb", SIZE, 0,
		"v is \"64kb\"; write a size such as 64KiB, 16MiB or 2GiB, from 1 bytes to 1 GiB"},
	{"v: 99999999999TiB", SIZE, 0,
		"v is \"99999999999TiB\"; write a size such as 64KiB, 16MiB or 2GiB, from 1 bytes "
		"to 1 GiB"},
	{"v: 4s", TIME, 4000000, NULL},
	{"v: 250 ms", TIME, 250000, NULL},
	{"v: 1h", TIME, 3600000000, NULL},
	{"v: 4", TIME, 0, "v is \"4\"; write a time such as 250ms, 4s or 5min, from 1 ms to 1 h"},
	{"v: 2d", TIME, 0, "v is \"2d\"; write a time such as 250ms, 4s or 5min, from 1 ms to 1 h"},
	{"v: text", STRING, 0, NULL},
	{"v: ''", STRING, 0, "v is empty; write text, or leave the key out"},
	{"v:", STRING, 0, "v is empty; write text, or leave the key out"},
	{"v: ~", STRING, 0, "v is empty; write text, or leave the key out"},
	{"v: refuse", CHOICE, 1, NULL},
	{"v: refuze", CHOICE, 0,
		"v is \"refuze\" (did you mean \"refuse\"?); write one of alert, refuse, drop"},
	{"v: nothing", CHOICE, 0, "v is \"nothing\"; write one of alert, refuse, drop"},
};

static bool
get(const struct yaml_node *v, enum access access, uint64_t *ret, struct diag *d)
{
	static const char *const names[] = {"alert", "refuse", "drop", NULL};
	const char *text;
	unsigned choice = 0;
	bool flag = false, good = false;

	switch (access) {
	case UINT:
		return yaml_uint(v, "v", 1, 100, ret, d);
	case SIZE:
		return yaml_size(v, "v", 1, 1 << 30, ret, d);
	case TIME:
		return yaml_duration(v, "v", 1000, 3600000000, ret, d);
	case BOOL:
		good = yaml_bool(v, "v", &flag, d);
		*ret = flag;
		return good;
	case STRING:
		return yaml_string(v, "v", &text, d);
	case CHOICE:
		good = yaml_choice(v, "v", names, &choice, d);
		*ret = choice;
	}
	return good;
}

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const struct value_case *k = &values[i];
		struct diag d;
		struct yaml_doc *doc = load(k->text, &d);
		uint64_t v = 0;

		assert_non_null(doc);
		assert_int_equal(get(yaml_get(yaml_doc_root(doc), "v"), k->access, &v, &d),
			k->error == NULL);
		assert_int_equal(v, k->want);
		assert_int_equal(d.errors, k->error != NULL);
		if (k->error != NULL)
			assert_string_equal(strstr(d.entries[0], "error: ") + 7, k->error);
		yaml_doc_free(doc);
		diag_free(&d);
	}
}

static void
test_keys(void **state)
{
	static const char *const known[] = {"control", "networks", "hosts", "mail", NULL};
	struct diag d;
	struct yaml_doc *doc = load("control: x\nnetwork: y\nzzz: 1\n", &d);

	(void)state;
	assert_false(yaml_check_map(yaml_doc_root(doc), "a domain", known, &d));
	assert_int_equal(d.errors, 2);
	assert_string_equal(d.entries[0],
		"t.yaml:2:1: error: unknown key \"network\" in a domain (did you mean "
		"\"networks\"?); "
		"write one of control, networks, hosts, mail");
	assert_string_equal(d.entries[1],
		"t.yaml:3:1: error: unknown key \"zzz\" in a domain; write "
		"one of control, networks, hosts, mail");
	assert_null(yaml_need(yaml_doc_root(doc), "the domain", "mail", &d));
	assert_string_equal(
		d.entries[2], "t.yaml:1:1: error: the domain has no \"mail\"; write it");
	yaml_doc_free(doc);
	diag_free(&d);
}

static void
test_bounds(void **state)
{
	size_t n = YAML_BYTES_MAX + 1;
	char *text = malloc(n);
	struct diag d;

	(void)state;
	memset(text, '#', n);
	diag_init(&d);
	assert_null(yaml_doc_load("t.yaml", bytes_of(text, n), &d));
	assert_string_equal(d.entries[0], "t.yaml: error: longer than 4 MiB; write a smaller file");
	diag_free(&d);
	for (size_t i = 0; i + 1 < n; i += 2)
		memcpy(text + i, i == 0 ? "[1" : ",1", 2);
	assert_null(yaml_doc_load("t.yaml", bytes_of(text, n - 1), &d));
	assert_non_null(strstr(d.entries[0], "more than 262144 values in one file; write fewer"));
	diag_free(&d);
	memset(text, 'x', n);
	assert_null(yaml_doc_load("t.yaml", bytes_of(text, YAML_TEXT_MAX + 1), &d));
	assert_string_equal(
		d.entries[0], "t.yaml:1:1: error: a string of 8193 bytes; write at most 8192");
	diag_free(&d);
	free(text);
}

static void
test_missing_file(void **state)
{
	struct diag d = {0};

	(void)state;
	assert_null(yaml_doc_load_file("/nonexistent/p.yaml", &d));
	assert_string_equal(d.entries[0],
		"/nonexistent/p.yaml: error: can't be read (No such file or "
		"directory); name a file that exists and that you may read");
	diag_free(&d);
}

/* A file can't write control characters to somebody's terminal; entries are bounded. */
static void
test_diag(void **state)
{
	struct diag d = {0};

	(void)state;
	for (int i = 0; i < DIAG_MAX + 5; i++)
		diag_warning(&d, (struct place){"f", 1, 2}, "a\033[2Jb\302\233c\302\241");
	assert_string_equal(d.entries[0], "f:1:2: warning: a?[2Jb??c\302\241");
	assert_int_equal(d.n, DIAG_MAX);
	assert_int_equal(d.warnings, DIAG_MAX + 5);
	diag_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_diag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
