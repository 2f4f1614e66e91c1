/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

static const char *const policy_keys[] = {"schema", "name", "version", "classes", "domains",
	"packs", "information", "egress", "default", "modes", "tests", NULL};
static const char *const row_keys[] = {"from", "to", "channel", "ceiling", "over", "opaque", NULL};
static const char *const default_keys[] = {"ceiling", "over", "opaque", NULL};
static const char *const test_keys[] = {"name", "from", "to", "channel", "file", "expect", NULL};

/* In the order of enum reaction. */
static const char *const over_names[] = {"alert", "hold", "refuse", "drop", NULL};
static const char *const opaque_names[] = {"allow", "alert", "hold", "refuse", "drop", NULL};
static const char *const expect_names[] = {"forward", "alert", "hold", "refuse", "drop", NULL};
/* In the order of enum channel. */
static const char *const channel_names[] = {"mail", "file", "web", "app", "other", NULL};

/* ---- shared ---- */

bool
parse_bad(struct parse *s)
{
	s->good = false;
	return false;
}

void *
parse_alloc(struct parse *s, size_t n, size_t size)
{
	void *p = pool_array(s->pool, n, size);

	if (p == NULL) {
		diag_error(s->d, (struct place){s->p->file, 0, 0},
			"out of memory; make the policy smaller");
		s->good = false;
	}
	return p;
}

const char *
parse_copy(struct parse *s, const char *text)
{
	char *copy = parse_alloc(s, strlen(text) + 1, 1);

	return copy == NULL ? "" : strcpy(copy, text);
}

bool
parse_id(struct parse *s, const char *text, struct place at, const char *what)
{
	size_t n =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (text[n] == '\0' && n > 0 && n <= POLICY_ID_MAX && strchr("-_.", text[0]) == NULL)
		return true;
	diag_error(s->d, at,
		"%s is \"%s\"; write at most %d letters (a-z), digits, -, _ and ., first a letter "
		"or digit",
		what, text, POLICY_ID_MAX);
	return parse_bad(s);
}

bool
parse_class(struct parse *s, const struct yaml_node *node, const char *what, uint16_t *ret)
{
	unsigned rank;

	if (s->p->n_classes == 0)
		return parse_bad(s); /* said already */
	if (!yaml_choice(node, what, s->class_names, &rank, s->d))
		return parse_bad(s);
	*ret = (uint16_t)rank;
	return true;
}

static const struct yaml_node *
need(struct parse *s, const struct yaml_node *map, const char *what, const char *key)
{
	const struct yaml_node *node = yaml_need(map, what, key, s->d);

	if (node == NULL)
		s->good = false;
	return node;
}

static bool
choice(struct parse *s, const struct yaml_node *node, const char *what, const char *const *names,
	unsigned *ret)
{
	return yaml_choice(node, what, names, ret, s->d) || parse_bad(s);
}

/* ---- head and classes ---- */

static void
parse_head(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *schema = need(s, root, "the policy", "schema");
	const struct yaml_node *name = need(s, root, "the policy", "name");
	const struct yaml_node *version = yaml_get(root, "version");
	const char *text;
	uint64_t v;

	if (schema != NULL && !yaml_uint(schema, "schema", 1, 1, &v, s->d))
		s->good = false;
	if (version != NULL && !yaml_uint(version, "version", 0, INT64_MAX, &s->p->version, s->d))
		s->good = false;
	s->p->name = "";
	if (name == NULL)
		return;
	if (!yaml_string(name, "name", &text, s->d))
		s->good = false;
	else if (parse_id(s, text, name->at, "name"))
		s->p->name = parse_copy(s, text);
}

static void
add_class(struct parse *s, const struct yaml_node *e)
{
	const char *text;

	if (!yaml_string(e, "a class", &text, s->d)) {
		s->good = false;
		return;
	}
	if (!parse_id(s, text, e->at, "a class"))
		return;
	for (unsigned i = 0; i < s->p->n_classes; i++) {
		if (strcmp(s->class_names[i], text) != 0)
			continue;
		diag_error(s->d, e->at, "class %s is given twice; write it once", text);
		s->good = false;
		return;
	}
	s->class_names[s->p->n_classes++] = parse_copy(s, text);
}

static void
parse_classes(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *list = need(s, root, "the policy", "classes");

	s->class_names = parse_alloc(s, POLICY_CLASSES_MAX + 1, sizeof(*s->class_names));
	if (list == NULL || s->class_names == NULL)
		return;
	s->p->classes = s->class_names;
	if (!yaml_check_list(list, "classes", POLICY_CLASSES_MAX, s->d)) {
		s->good = false;
		return;
	}
	for (const struct yaml_node *e = list->first; e != NULL; e = e->next)
		add_class(s, e);
	if (list->n > 0)
		return;
	diag_error(s->d, list->at, "no classes; write them, the lowest first: [K0, K1, K2, K3]");
	s->good = false;
}

/* ---- rows ---- */

static void
add_domain_bit(struct parse *s, const struct yaml_node *e, const char *what, uint64_t *bits)
{
	unsigned i;

	if (!choice(s, e, what, s->domain_or_any, &i))
		return;
	if (i < s->p->n_domains) {
		bits[i / 64] |= UINT64_C(1) << i % 64;
		return;
	}
	diag_error(s->d, e->at, "any in a list; write %s: any, or domains only", what);
	s->good = false;
}

static bool
is_any(const struct yaml_node *node)
{
	return node->kind == YAML_STRING && strcmp(node->text, "any") == 0;
}

const uint64_t *
parse_domain_set(struct parse *s, const struct yaml_node *node, const char *what)
{
	uint64_t *bits;

	if (is_any(node))
		return NULL;
	bits = parse_alloc(s, s->p->n_domains / 64 + 1, sizeof(*bits));
	if (bits == NULL)
		return NULL;
	if (node->kind != YAML_LIST) {
		add_domain_bit(s, node, what, bits);
		return bits;
	}
	if (node->n == 0) {
		diag_error(s->d, node->at, "%s is an empty list; write any, or a domain", what);
		s->good = false;
	}
	for (const struct yaml_node *e = node->first; e != NULL; e = e->next)
		add_domain_bit(s, e, what, bits);
	return bits;
}

static const uint64_t *
row_set(struct parse *s, const struct yaml_node *row, const char *key)
{
	const struct yaml_node *node = need(s, row, "the row", key);

	return node == NULL ? NULL : parse_domain_set(s, node, key);
}

static unsigned
parse_channels(struct parse *s, const struct yaml_node *row)
{
	static const char *const with_any[] = {"mail", "file", "web", "app", "other", "any", NULL};
	const struct yaml_node *node = need(s, row, "the row", "channel");
	unsigned i = 0, bits = 0;

	if (node == NULL || is_any(node))
		return (1u << CHANNELS) - 1;
	if (node->kind != YAML_LIST)
		return choice(s, node, "channel", with_any, &i) ? 1u << i : 0;
	for (const struct yaml_node *e = node->first; e != NULL; e = e->next)
		if (choice(s, e, "channel", channel_names, &i))
			bits |= 1u << i;
	if (node->n == 0) {
		diag_error(s->d, node->at, "channel is an empty list; write any, or a channel");
		s->good = false;
	}
	return bits;
}

/* ceiling, over and opaque; what isn't written stays. */
static void
parse_reactions(
	struct parse *s, const struct yaml_node *map, const char *what, struct policy_row *ret)
{
	const struct yaml_node *ceiling = need(s, map, what, "ceiling");
	const struct yaml_node *over = yaml_get(map, "over"), *opaque = yaml_get(map, "opaque");
	unsigned i;

	if (ceiling != NULL)
		parse_class(s, ceiling, "ceiling", &ret->ceiling);
	if (over != NULL && choice(s, over, "over", over_names, &i))
		ret->over = (enum reaction)(i + REACTION_ALERT);
	if (opaque != NULL && choice(s, opaque, "opaque", opaque_names, &i))
		ret->opaque = (enum reaction)i;
}

static struct policy_row
parse_default(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "default");
	struct policy_row row = {
		.channels = (1u << CHANNELS) - 1, .over = REACTION_ALERT, .opaque = REACTION_ALERT};

	if (node == NULL)
		return row;
	row.line = node->key_at.line;
	row.column = node->key_at.column;
	if (yaml_check_map(node, "default", default_keys, s->d))
		parse_reactions(s, node, "default", &row);
	else
		s->good = false;
	return row;
}

static void
parse_rows(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "egress");
	struct policy_row fallback = parse_default(s, root), *rows;

	if (list != NULL && !yaml_check_list(list, "egress", POLICY_EGRESS_MAX, s->d)) {
		s->good = false;
		list = NULL;
	}
	rows = parse_alloc(s, (list == NULL ? 0 : list->n) + 1u, sizeof(*rows));
	if (rows == NULL)
		return;
	for (const struct yaml_node *e = list == NULL ? NULL : list->first; e != NULL;
		e = e->next) {
		struct policy_row *row = &rows[s->p->n_rows];

		if (!yaml_check_map(e, "a row of egress", row_keys, s->d)) {
			s->good = false;
			continue;
		}
		*row = fallback;
		row->line = e->at.line;
		row->column = e->at.column;
		row->from = row_set(s, e, "from");
		row->to = row_set(s, e, "to");
		row->channels = parse_channels(s, e);
		parse_reactions(s, e, "the row", row);
		s->p->n_rows++;
	}
	rows[s->p->n_rows] = fallback;
	s->p->rows = rows;
}

/* ---- which row decides ---- */

/* Take the cells of a row that no earlier row has. @return how many */
static size_t
take_cells(const struct policy *p, unsigned row, uint16_t *cells)
{
	const struct policy_row *r = &p->rows[row];
	unsigned n = p->n_domains + 1;
	size_t taken = 0;

	for (unsigned from = 0; from < n; from++) {
		if (!policy_set_holds(p, r->from, from))
			continue;
		for (unsigned to = 0; to < n; to++) {
			uint16_t *cell = &cells[((size_t)from * n + to) * CHANNELS];

			if (!policy_set_holds(p, r->to, to))
				continue;
			for (unsigned c = 0; c < CHANNELS; c++) {
				if (cell[c] != UINT16_MAX || !(r->channels >> c & 1))
					continue;
				cell[c] = (uint16_t)row;
				taken++;
			}
		}
	}
	return taken;
}

static void
make_cells(struct parse *s)
{
	size_t n = s->p->n_domains + 1u, left = n * n * CHANNELS;
	uint16_t *cells = parse_alloc(s, left, sizeof(*cells));

	if (cells == NULL || s->p->rows == NULL)
		return;
	memset(cells, 0xff, left * sizeof(*cells));
	for (unsigned row = 0; row <= s->p->n_rows && left > 0; row++)
		left -= take_cells(s->p, row, cells);
	s->p->cells = cells;
}

/* ---- tests ---- */

static void
parse_test(struct parse *s, const struct yaml_node *e, struct policy_test *t)
{
	const struct yaml_node *name = need(s, e, "the test", "name");
	const struct yaml_node *file = need(s, e, "the test", "file");
	const struct yaml_node *from = need(s, e, "the test", "from");
	const struct yaml_node *to = need(s, e, "the test", "to");
	const struct yaml_node *channel = need(s, e, "the test", "channel");
	const struct yaml_node *expect = need(s, e, "the test", "expect");
	const char *text = "";
	unsigned i;

	t->line = e->at.line;
	t->column = e->at.column;
	if (name != NULL && !yaml_string(name, "name", &text, s->d))
		s->good = false;
	t->name = parse_copy(s, text);
	text = "";
	if (file != NULL && !yaml_string(file, "file", &text, s->d))
		s->good = false;
	t->file = parse_copy(s, text);
	if (from != NULL && choice(s, from, "from", s->domain_names, &i))
		t->from = (uint16_t)i;
	if (to != NULL && choice(s, to, "to", s->domain_names, &i))
		t->to = (uint16_t)i;
	if (channel != NULL && choice(s, channel, "channel", channel_names, &i))
		t->channel = (enum channel)i;
	if (expect != NULL && choice(s, expect, "expect", expect_names, &i))
		t->expect = (enum reaction)i;
}

static void
parse_tests(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "tests");
	struct policy_test *tests;

	if (list == NULL)
		return;
	if (!yaml_check_list(list, "tests", POLICY_TESTS_MAX, s->d)) {
		s->good = false;
		return;
	}
	tests = parse_alloc(s, list->n + 1u, sizeof(*tests));
	for (const struct yaml_node *e = list->first; tests != NULL && e != NULL; e = e->next)
		if (yaml_check_map(e, "a test", test_keys, s->d))
			parse_test(s, e, &tests[s->p->n_tests++]);
		else
			s->good = false;
	s->p->tests = tests;
}

/* ---- the whole ---- */

const struct yaml_node *
policy_parse_packs(const struct yaml_doc *doc, struct diag *d)
{
	const struct yaml_node *list = yaml_get(yaml_doc_root(doc), "packs");
	const char *name;

	if (list == NULL || !yaml_check_list(list, "packs", POLICY_PACKS_MAX, d))
		return NULL;
	for (const struct yaml_node *e = list->first; e != NULL; e = e->next)
		if (!yaml_string(e, "a pack", &name, d))
			return NULL;
	return list;
}

bool
policy_parse(struct policy *p, const struct yaml_doc *doc, struct diag *d)
{
	struct parse s = {.p = p, .pool = p->pool, .d = d, .good = true};
	const struct yaml_node *root = yaml_doc_root(doc);

	s.good = yaml_check_map(root, "the policy", policy_keys, d);
	if (root->kind != YAML_MAP)
		return false;
	parse_head(&s, root);
	parse_classes(&s, root);
	parse_domains(&s, root);
	if (s.class_names == NULL || s.domain_or_any == NULL)
		return false;
	parse_information(&s, root);
	parse_rows(&s, root);
	parse_tests(&s, root);
	make_cells(&s);
	parse_modes(&s, root);
	return s.good;
}
