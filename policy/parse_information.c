/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "policy/pack.h"
#include "policy/parse.h"

enum { COUNT_MAX = 1000000 };

static const char *const information_keys[] = {"id", "class", "when", NULL};
static const char *const confidences[] = {"low", "medium", "high", NULL};

/* ---- names that the packs define ---- */

/* A third of the names at most may be wrong; the rest is a list of what there is. */
static void
unknown_name(struct parse *s, const char *what, const char *name, struct place at,
	const char *const *names, const char *instead)
{
	const char *near = yaml_nearest(name, names);

	if (near != NULL)
		diag_error(s->d, at, "no %s is called \"%s\" (did you mean \"%s\"?); %s", what,
			name, near, instead);
	else
		diag_error(s->d, at, "no %s is called \"%s\"; %s", what, name, instead);
	s->good = false;
}

static void
unknown_detector(struct parse *s, const struct yaml_node *e)
{
	/* Detectors and what else may stand in `when`, for "did you mean". */
	static const char *const others[] = {
		"label", "unique", "near", "confidence", "person", "patient", "mark", NULL};
	const char *names[DETECT_DETECTORS_MAX + ARRAY_LEN(others)];
	size_t n = 0;

	for (; n < s->p->n_detectors; n++)
		names[n] = s->p->detectors[n].id;
	memcpy(names + n, others, sizeof(others));
	unknown_name(s, "detector or group", e->key, e->key_at, names,
		"write one that the policy's packs define, or name its pack in `packs`");
}

static int
find_mark(struct parse *s, const struct yaml_node *e, const char *text)
{
	const char *names[DETECT_MARKS_MAX + 1];
	int found = detect_set_find_mark(s->p->detect, text);
	size_t n = 0;

	if (found >= 0)
		return found;
	for (; n < DETECT_MARKS_MAX; n++) {
		names[n] = detect_set_mark_name(s->p->detect, n);
		if (names[n] == NULL)
			break;
	}
	names[n] = NULL;
	unknown_name(s, "mark", text, e->at, names,
		"write one that the policy's packs find (see policy/README.md)");
	return -1;
}

/* ---- conditions ---- */

static void
add_mark(struct parse *s, const struct yaml_node *e, struct policy_condition *c)
{
	const char *text;
	int mark;

	if (!yaml_string(e, "a mark", &text, s->d)) {
		s->good = false;
		return;
	}
	if (s->p->detect == NULL)
		return;
	mark = find_mark(s, e, text);
	if (mark >= 0)
		c->marks |= UINT64_C(1) << mark;
}

static void
parse_label(struct parse *s, const struct yaml_node *node, struct policy_condition *c)
{
	if (node->kind == YAML_STRING) {
		add_mark(s, node, c);
		return;
	}
	if (!yaml_check_list(node, "label", DETECT_MARKS_MAX, s->d)) {
		s->good = false;
		return;
	}
	if (node->n == 0) {
		diag_error(
			s->d, node->at, "label is an empty list; write marks such as \"TLP:RED\"");
		s->good = false;
	}
	for (const struct yaml_node *e = node->first; e != NULL; e = e->next)
		add_mark(s, e, c);
}

static void
add_detectors(struct parse *s, const struct yaml_node *e, struct policy_condition *c)
{
	size_t n = s->p->detect == NULL ? 0 : detect_set_detectors(s->p->detect);
	int one = n == 0 ? -1 : detect_set_find_detector(s->p->detect, e->key);
	uint16_t *list = parse_alloc(s, n + 1, sizeof(*list));

	if (list == NULL || s->p->detect == NULL)
		return;
	c->detectors = list;
	if (one >= 0)
		list[c->n_detectors++] = (uint16_t)one;
	for (size_t i = 0; one < 0 && i < n; i++)
		if (detect_set_in_group(s->p->detect, i, e->key))
			list[c->n_detectors++] = (uint16_t)i;
	if (c->n_detectors == 0)
		unknown_detector(s, e);
}

static void
parse_condition(struct parse *s, const struct yaml_node *e, struct policy_condition *c)
{
	*c = (struct policy_condition){.name = parse_copy(s, e->key), .count = 1};
	if (strcmp(e->key, "label") == 0) {
		parse_label(s, e, c);
		return;
	}
	if (!yaml_uint(e, e->key, 1, COUNT_MAX, &c->count, s->d))
		s->good = false;
	add_detectors(s, e, c);
}

/* ---- what says how to count ---- */

static void
parse_near(struct parse *s, const struct yaml_node *node, struct policy_information *info)
{
	static const char *const none[] = {NULL};
	const char *text;
	int found;

	if (!yaml_string(node, "near", &text, s->d)) {
		s->good = false;
		return;
	}
	info->near = 0;
	if (s->p->detect == NULL)
		return;
	found = detect_set_find_words(s->p->detect, text);
	if (found < 0)
		unknown_name(s, "list of words", text, node->at, none,
			"write one that the policy's packs define, such as journal-words of "
			"se-health");
	else
		info->near = (int16_t)found;
}

/* @return whether the key says how to count, rather than what */
static bool
parse_modifier(struct parse *s, const struct yaml_node *e, struct policy_information *info)
{
	unsigned i;

	if (strcmp(e->key, "unique") == 0) {
		if (!yaml_bool(e, "unique", &info->unique, s->d))
			s->good = false;
	} else if (strcmp(e->key, "near") == 0) {
		parse_near(s, e, info);
	} else if (strcmp(e->key, "confidence") == 0) {
		if (!yaml_choice(e, "confidence", confidences, &i, s->d))
			s->good = false;
		else
			info->confidence = (enum confidence)(i + CONFIDENCE_LOW);
	} else {
		return false;
	}
	return true;
}

static void
check_when(struct parse *s, const struct yaml_node *when, const struct policy_information *info)
{
	bool counts = false;

	for (unsigned i = 0; i < info->n_conditions; i++)
		counts |= strcmp(info->conditions[i].name, "label") != 0;
	if (info->n_conditions == 0)
		diag_error(s->d, when->at,
			"no condition; write a detector and a count, such as {personnummer: 1}");
	else if (!counts &&
		(info->unique || info->near >= 0 || info->confidence != CONFIDENCE_NONE))
		diag_error(s->d, when->at,
			"unique, near and confidence say how detectors are counted, and there is "
			"none; write "
			"a detector and a count too");
	else
		return;
	s->good = false;
}

static void
parse_when(struct parse *s, const struct yaml_node *when, struct policy_information *info)
{
	struct policy_condition *list;

	if (when->kind != YAML_MAP) {
		diag_error(s->d, when->at, "when is no map; write such as {personnummer: 1}");
		s->good = false;
		return;
	}
	if (when->n > POLICY_CONDITIONS_MAX) {
		diag_error(s->d, when->at, "%u conditions; write at most %d", when->n,
			POLICY_CONDITIONS_MAX);
		s->good = false;
		return;
	}
	list = parse_alloc(s, when->n + 1u, sizeof(*list));
	info->conditions = list;
	for (const struct yaml_node *e = when->first; list != NULL && e != NULL; e = e->next)
		if (!parse_modifier(s, e, info))
			parse_condition(s, e, &list[info->n_conditions++]);
	if (list != NULL)
		check_when(s, when, info);
}

/* ---- information types ---- */

static void
parse_one(struct parse *s, const struct yaml_node *e, struct policy_information *info)
{
	const struct yaml_node *id = yaml_need(e, "the information type", "id", s->d);
	const struct yaml_node *class = yaml_need(e, "the information type", "class", s->d);
	const struct yaml_node *when = yaml_need(e, "the information type", "when", s->d);
	const char *text;

	*info = (struct policy_information){
		.id = "", .near = -1, .line = e->at.line, .column = e->at.column};
	if (id == NULL || class == NULL || when == NULL)
		s->good = false;
	if (id != NULL && !yaml_string(id, "id", &text, s->d))
		s->good = false;
	else if (id != NULL && parse_id(s, text, id->at, "id"))
		info->id = parse_copy(s, text);
	if (class != NULL)
		parse_class(s, class, "class", &info->class);
	if (when != NULL)
		parse_when(s, when, info);
}

static void
check_id_once(struct parse *s, const struct policy_information *list, unsigned at)
{
	for (unsigned i = 0; i < at; i++) {
		if (list[at].id[0] == '\0' || strcmp(list[i].id, list[at].id) != 0)
			continue;
		diag_error(s->d, (struct place){s->p->file, list[at].line, list[at].column},
			"information type \"%s\" is defined twice, first on line %u; write another "
			"id",
			list[at].id, list[i].line);
		s->good = false;
	}
}

void
parse_information(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "information");
	struct policy_information *all;

	if (list == NULL)
		return;
	if (!yaml_check_list(list, "information", POLICY_INFORMATION_MAX, s->d)) {
		s->good = false;
		return;
	}
	all = parse_alloc(s, list->n + 1u, sizeof(*all));
	for (const struct yaml_node *e = list->first; all != NULL && e != NULL; e = e->next) {
		if (!yaml_check_map(e, "an information type", information_keys, s->d)) {
			s->good = false;
			continue;
		}
		parse_one(s, e, &all[s->p->n_information]);
		check_id_once(s, all, s->p->n_information++);
	}
	s->p->information = all;
}
