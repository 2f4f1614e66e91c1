/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checked access to the tree: yaml_doc.h, second half. */
#include <string.h>

#include "policy/yaml_doc.h"

static const char *
kind_name(enum yaml_kind kind)
{
	return kind == YAML_MAP ? "a map" : kind == YAML_LIST ? "a list" : "a string";
}

/* ---- did you mean ---- */

enum { NEAR_TEXT_MAX = 64 };

static unsigned
least_of(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein distance, ASCII-caseless; both at most NEAR_TEXT_MAX bytes. */
static unsigned
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[NEAR_TEXT_MAX + 1];

	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			bool same =
				ascii_lower((uint8_t)a[i - 1]) == ascii_lower((uint8_t)b[j - 1]);
			unsigned next = least_of(row[j] + 1, row[j - 1] + 1, corner + !same);

			corner = row[j];
			row[j] = next;
		}
	}
	return row[nb];
}

const char *
yaml_nearest(const char *text, const char *const *names)
{
	size_t n = strlen(text);
	const char *best = NULL;
	unsigned least = n < 6 ? 1 : (unsigned)(n / 3); /* so much may be wrong */

	for (; *names != NULL; names++) {
		size_t m = strlen(*names);
		unsigned d;

		if (m > NEAR_TEXT_MAX || n > NEAR_TEXT_MAX)
			continue;
		d = distance(text, n, *names, m);
		if (d < m && (d < least || (d == least && best == NULL))) {
			least = d;
			best = *names;
		}
	}
	return best;
}

/* "a, b, c", cut short with "…" where it doesn't fit. */
static const char *
join(const char *const *names, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (; *names != NULL; names++) {
		size_t m = strlen(*names);

		if (n + m + 8 > size) {
			strcpy(ret + n, ", …");
			break;
		}
		n += (size_t)sprintf(ret + n, "%s%s", n > 0 ? ", " : "", *names);
	}
	return ret;
}

/* ---- maps and lists ---- */

const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *e = map->first; e != NULL; e = e->next)
		if (strcmp(e->key, key) == 0)
			return e;
	return NULL;
}

static bool
is_in(const char *text, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(text, *names) == 0)
			return true;
	return false;
}

static void
unknown_key(const struct yaml_node *e, const char *what, const char *const *known, struct diag *d)
{
	char list[512];
	const char *near = yaml_nearest(e->key, known);

	if (near != NULL)
		diag_error(d, e->key_at,
			"unknown key \"%s\" in %s (did you mean \"%s\"?); write one of %s", e->key,
			what, near, join(known, list, sizeof(list)));
	else
		diag_error(d, e->key_at, "unknown key \"%s\" in %s; write one of %s", e->key, what,
			join(known, list, sizeof(list)));
}

bool
yaml_check_map(
	const struct yaml_node *node, const char *what, const char *const *known, struct diag *d)
{
	char list[512];
	bool good = true;

	if (node->kind != YAML_MAP) {
		diag_error(d, node->at, "%s is %s; write a map with the keys %s", what,
			kind_name(node->kind), join(known, list, sizeof(list)));
		return false;
	}
	for (const struct yaml_node *e = node->first; e != NULL; e = e->next) {
		if (is_in(e->key, known))
			continue;
		unknown_key(e, what, known, d);
		good = false;
	}
	return good;
}

bool
yaml_check_list(const struct yaml_node *node, const char *what, unsigned most, struct diag *d)
{
	if (node->kind != YAML_LIST) {
		diag_error(d, node->at,
			"%s is %s; write a list, in [brackets] or with a \"- \" each", what,
			kind_name(node->kind));
		return false;
	}
	if (node->n > most) {
		diag_error(
			d, node->at, "%s has %u elements; write at most %u", what, node->n, most);
		return false;
	}
	return true;
}

const struct yaml_node *
yaml_need(const struct yaml_node *map, const char *what, const char *key, struct diag *d)
{
	const struct yaml_node *found = yaml_get(map, key);

	if (found == NULL && map->kind == YAML_MAP)
		diag_error(d, map->at, "%s has no \"%s\"; write it", what, key);
	return found;
}

/* ---- values ---- */

static bool
is_string(const struct yaml_node *node, const char *what, const char *instead, struct diag *d)
{
	if (node->kind == YAML_STRING)
		return true;
	diag_error(d, node->at, "%s is %s; write %s", what, kind_name(node->kind), instead);
	return false;
}

bool
yaml_string(const struct yaml_node *node, const char *what, const char **ret, struct diag *d)
{
	bool null;

	if (!is_string(node, what, "text", d))
		return false;
	null = !node->quoted && (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
	if (node->text[0] == '\0' || null) {
		diag_error(d, node->at, "%s is empty; write text, or leave the key out", what);
		return false;
	}
	*ret = node->text;
	return true;
}

/* Digits in front of @p text; false on none, or past 64 bits. */
static bool
leading_number(const char *text, uint64_t *ret, const char **ret_rest)
{
	uint64_t v = 0;
	const char *c = text;

	for (; ascii_is_digit((uint8_t)*c); c++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*c - '0'), &v))
			return false;
	*ret = v;
	*ret_rest = c;
	return c > text;
}

bool
yaml_uint(const struct yaml_node *node, const char *what, uint64_t least, uint64_t most,
	uint64_t *ret, struct diag *d)
{
	uint64_t v;
	const char *rest;

	if (!is_string(node, what, "a number", d))
		return false;
	if (node->quoted || !leading_number(node->text, &v, &rest) || *rest != '\0' || v < least ||
		v > most) {
		if (least == most)
			diag_error(d, node->at, "%s is \"%s\"; write %llu", what, node->text,
				(unsigned long long)least);
		else
			diag_error(d, node->at, "%s is \"%s\"; write a number from %llu to %llu%s",
				what, node->text, (unsigned long long)least,
				(unsigned long long)most, node->quoted ? ", without quotes" : "");
		return false;
	}
	*ret = v;
	return true;
}

bool
yaml_bool(const struct yaml_node *node, const char *what, bool *ret, struct diag *d)
{
	if (!is_string(node, what, "true or false", d))
		return false;
	if (node->quoted || (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0)) {
		diag_error(d, node->at, "%s is \"%s\"; write true or false", what, node->text);
		return false;
	}
	*ret = node->text[0] == 't';
	return true;
}

/* ---- numbers with a unit ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"TiB", 1ull << 40},
	{"GiB", 1ull << 30},
	{"MiB", 1ull << 20},
	{"KiB", 1ull << 10},
	{"bytes", 1},
	{"B", 1},
	{NULL, 0},
};

static const struct unit time_units[] = {
	{"d", 86400000000ull},
	{"h", 3600000000ull},
	{"min", 60000000ull},
	{"s", 1000000ull},
	{"ms", 1000ull},
	{"us", 1},
	{NULL, 0},
};

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++)
		if (strcmp(units->name, name) == 0)
			return units;
	return NULL;
}

/* The value as people write it: in the largest unit that leaves no remainder. */
static const char *
in_units(const struct unit *units, uint64_t v, char *ret, size_t size)
{
	while (units[1].name != NULL && (v == 0 || v % units->factor != 0))
		units++;
	snprintf(ret, size, "%llu %s", (unsigned long long)(v / units->factor), units->name);
	return ret;
}

static bool
with_unit(const struct unit *units, const struct unit *bare, const char *text, uint64_t *ret)
{
	const struct unit *unit = bare;
	uint64_t v;
	const char *rest;

	if (!leading_number(text, &v, &rest))
		return false;
	if (*rest == ' ')
		rest++;
	if (*rest != '\0' || rest[-1] == ' ')
		unit = find_unit(units, rest);
	return unit != NULL && !__builtin_mul_overflow(v, unit->factor, ret);
}

static bool
number_with_unit(const struct yaml_node *node, const char *what, const struct unit *units,
	const struct unit *bare, const char *example, const uint64_t range[2], uint64_t *ret,
	struct diag *d)
{
	char least[32], most[32];
	uint64_t v;

	if (!is_string(node, what, example, d))
		return false;
	if (!with_unit(units, bare, node->text, &v) || v < range[0] || v > range[1]) {
		diag_error(d, node->at, "%s is \"%s\"; write %s, from %s to %s", what, node->text,
			example, in_units(units, range[0], least, sizeof(least)),
			in_units(units, range[1], most, sizeof(most)));
		return false;
	}
	*ret = v;
	return true;
}

bool
yaml_size(const struct yaml_node *node, const char *what, uint64_t least, uint64_t most,
	uint64_t *ret, struct diag *d)
{
	return number_with_unit(node, what, size_units, find_unit(size_units, "bytes"),
		"a size such as 64KiB, 16MiB or 2GiB", (const uint64_t[]){least, most}, ret, d);
}

bool
yaml_duration(const struct yaml_node *node, const char *what, uint64_t least_us, uint64_t most_us,
	uint64_t *ret_us, struct diag *d)
{
	return number_with_unit(node, what, time_units, NULL, "a time such as 250ms, 4s or 5min",
		(const uint64_t[]){least_us, most_us}, ret_us, d);
}

bool
yaml_choice(const struct yaml_node *node, const char *what, const char *const *names, unsigned *ret,
	struct diag *d)
{
	char list[512];
	const char *near;

	join(names, list, sizeof(list));
	if (node->kind != YAML_STRING) {
		diag_error(d, node->at, "%s is %s; write one of %s", what, kind_name(node->kind),
			list);
		return false;
	}
	for (unsigned i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], node->text) != 0)
			continue;
		*ret = i;
		return true;
	}
	near = yaml_nearest(node->text, names);
	if (near != NULL)
		diag_error(d, node->at, "%s is \"%s\" (did you mean \"%s\"?); write one of %s",
			what, node->text, near, list);
	else
		diag_error(d, node->at, "%s is \"%s\"; write one of %s", what, node->text, list);
	return false;
}
