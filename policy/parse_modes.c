/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section `modes:`: what is done between two domains. */
#include <string.h>

#include "policy/parse.h"

static const char *const mode_keys[] = {"between", "mode", NULL};
/* In the order of enum pair_mode. */
static const char *const mode_names[] = {"enforce", "shadow", "exempt", NULL};

static void
parse_between(struct parse *s, const struct yaml_node *row, struct policy_mode_row *ret)
{
	const struct yaml_node *node = yaml_need(row, "the row", "between", s->d);

	if (node == NULL) {
		parse_bad(s);
		return;
	}
	if (node->kind != YAML_LIST || node->n != 2) {
		if (node->kind != YAML_LIST)
			diag_error(s->d, node->at,
				"between is no list; write two entries, such as [any, any]");
		else
			diag_error(s->d, node->at,
				"between has %u %s; write two, such as [any, any], and more "
				"domains as a "
				"list in one of them",
				node->n, node->n == 1 ? "entry" : "entries");
		parse_bad(s);
		return;
	}
	ret->between[0] = parse_domain_set(s, node->first, "between");
	ret->between[1] = parse_domain_set(s, node->first->next, "between");
}

static void
parse_row(struct parse *s, const struct yaml_node *row, struct policy_mode_row *ret)
{
	const struct yaml_node *mode = yaml_need(row, "the row", "mode", s->d);
	unsigned i;

	ret->line = row->at.line;
	ret->column = row->at.column;
	parse_between(s, row, ret);
	if (mode == NULL || !yaml_choice(mode, "mode", mode_names, &i, s->d))
		parse_bad(s);
	else
		ret->mode = (enum pair_mode)i;
}

static void
parse_rows(struct parse *s, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "modes");
	struct policy_mode_row *rows;

	if (list == NULL)
		return;
	if (!yaml_check_list(list, "modes", POLICY_MODES_MAX, s->d)) {
		parse_bad(s);
		return;
	}
	rows = parse_alloc(s, list->n + 1u, sizeof(*rows));
	for (const struct yaml_node *e = list->first; rows != NULL && e != NULL; e = e->next)
		if (yaml_check_map(e, "a row of modes", mode_keys, s->d))
			parse_row(s, e, &rows[s->p->n_mode_rows++]);
		else
			parse_bad(s);
	s->p->mode_rows = rows;
}

/* ---- which row decides ---- */

static bool
fits(const struct policy *p, const struct policy_mode_row *row, unsigned a, unsigned b)
{
	return policy_set_holds(p, row->between[0], a) && policy_set_holds(p, row->between[1], b);
}

/* Take the pairs of a row that no earlier row has. @return how many */
static size_t
take_pairs(const struct policy *p, unsigned row, uint16_t *cells)
{
	const struct policy_mode_row *r = &p->mode_rows[row];
	unsigned n = p->n_domains + 1;
	size_t taken = 0;

	for (unsigned a = 0; a < n; a++)
		for (unsigned b = 0; b < n; b++) {
			uint16_t *cell = &cells[(size_t)a * n + b];

			if (*cell != UINT16_MAX || !(fits(p, r, a, b) || fits(p, r, b, a)))
				continue;
			*cell = (uint16_t)row;
			taken++;
		}
	return taken;
}

void
parse_modes(struct parse *s, const struct yaml_node *root)
{
	size_t n = s->p->n_domains + 1u, pairs = n * n, left = pairs;
	uint16_t *cells = parse_alloc(s, pairs, sizeof(*cells));
	uint8_t *modes = parse_alloc(s, pairs, sizeof(*modes));

	if (cells == NULL || modes == NULL)
		return;
	memset(cells, 0xff, pairs * sizeof(*cells));
	memset(modes, MODE_ENFORCE, pairs);
	parse_rows(s, root);
	for (unsigned row = 0; row < s->p->n_mode_rows && left > 0; row++)
		left -= take_pairs(s->p, row, cells);
	for (size_t i = 0; i < pairs; i++) {
		if (cells[i] != UINT16_MAX)
			modes[i] = (uint8_t)s->p->mode_rows[cells[i]].mode;
		s->p->exempts |= modes[i] == MODE_EXEMPT;
	}
	s->p->mode_cells = cells;
	s->p->modes = modes;
}
