/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is allowed but hardly meant: policy_lint(). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"

struct lint {
	const struct policy *p;
	struct diag *d;
};

static struct place
place_of(const struct lint *l, uint32_t line, uint32_t column)
{
	return (struct place){l->p->file, line, column};
}

/* ---- rows ---- */

/* A cell of the matrix, for messages. */
struct cell {
	int from, to; /* domains or DOMAIN_NONE */
	enum channel channel;
};

static const uint16_t *
owner(const struct policy *p, unsigned from, unsigned to, unsigned channel)
{
	return &p->cells[((size_t)from * (p->n_domains + 1) + to) * CHANNELS + channel];
}

static bool
set_contains(const struct policy *p, const uint64_t *big, const uint64_t *small)
{
	if (big == NULL || small == NULL)
		return big == NULL;
	for (unsigned i = 0; i <= p->n_domains / 64; i++)
		if (small[i] & ~big[i])
			return false;
	return true;
}

/* Does row a fit wherever row b does? */
static bool
row_contains(const struct policy *p, const struct policy_row *a, const struct policy_row *b)
{
	return set_contains(p, a->from, b->from) && set_contains(p, a->to, b->to) &&
		(b->channels & ~a->channels) == 0;
}

static int
domain_of(const struct policy *p, unsigned i)
{
	return i < p->n_domains ? (int)i : DOMAIN_NONE;
}

/* What a look through the cells of one row found. */
struct cells_seen {
	bool decides;	      /* some cell is the row's own */
	unsigned first_owner; /* the row that took the first cell */
	bool loosened;	      /* a milder earlier row took a cell that is this row's too */
	unsigned loose_owner;
	struct cell loose_at;
};

static void
see_cell(const struct policy *p, unsigned row, struct cell at, unsigned by, struct cells_seen *s)
{
	const struct policy_row *mine = &p->rows[row], *other = &p->rows[by];

	if (by == row) {
		s->decides = true;
		return;
	}
	if (s->first_owner > by)
		s->first_owner = by;
	/* A narrower row in front of a wider one is how exceptions are written. */
	if (s->loosened || other->ceiling <= mine->ceiling || row_contains(p, mine, other))
		return;
	s->loosened = true;
	s->loose_owner = by;
	s->loose_at = at;
}

static struct cells_seen
see_cells(const struct policy *p, unsigned row)
{
	const struct policy_row *r = &p->rows[row];
	struct cells_seen seen = {.first_owner = UINT_MAX};

	for (unsigned from = 0; from <= p->n_domains; from++) {
		if (!policy_set_holds(p, r->from, from))
			continue;
		for (unsigned to = 0; to <= p->n_domains; to++) {
			if (!policy_set_holds(p, r->to, to))
				continue;
			for (unsigned c = 0; c < CHANNELS; c++)
				if (r->channels >> c & 1)
					see_cell(p, row,
						(struct cell){domain_of(p, from), domain_of(p, to),
							(enum channel)c},
						*owner(p, from, to, c), &seen);
		}
	}
	return seen;
}

static void
lint_row(const struct lint *l, unsigned row)
{
	const struct policy *p = l->p;
	const struct policy_row *r = &p->rows[row];
	struct cells_seen seen = see_cells(p, row);

	if (!seen.decides)
		diag_warning(l->d, place_of(l, r->line, r->column),
			"this row never decides: earlier rows, the first on line %u, fit wherever "
			"it does; "
			"put it in front of them, or take it out",
			p->rows[seen.first_owner].line);
	else if (seen.loosened)
		diag_warning(l->d, place_of(l, r->line, r->column),
			"from %s to %s over %s the row of line %u decides first, and its ceiling "
			"%s is "
			"higher than %s here; put the stricter row first",
			policy_domain_id(p, seen.loose_at.from),
			policy_domain_id(p, seen.loose_at.to), channel_name(seen.loose_at.channel),
			p->rows[seen.loose_owner].line,
			p->classes[p->rows[seen.loose_owner].ceiling], p->classes[r->ceiling]);
}

/* ---- modes ---- */

static void
lint_mode_row(const struct lint *l, unsigned row)
{
	const struct policy *p = l->p;
	const struct policy_mode_row *r = &p->mode_rows[row];
	unsigned first = UINT_MAX, n = p->n_domains + 1;

	for (unsigned a = 0; a < n; a++) {
		if (!policy_set_holds(p, r->between[0], a))
			continue;
		for (unsigned b = 0; b < n; b++) {
			uint16_t by = p->mode_cells[(size_t)a * n + b];

			if (!policy_set_holds(p, r->between[1], b))
				continue;
			if (by == row)
				return;
			if (first > by)
				first = by;
		}
	}
	diag_warning(l->d, place_of(l, r->line, r->column),
		"this row never decides: earlier rows, the first on line %u, fit wherever it does; "
		"put it in front of them, or take it out",
		p->mode_rows[first].line);
}

/* Is each pair that a row of egress decides for exempt? *ret: the first one's row of modes. */
static bool
all_exempt(const struct policy *p, unsigned row, unsigned *ret)
{
	unsigned n = p->n_domains + 1;
	bool any = false;

	for (unsigned i = 0; i < n * n * CHANNELS; i++) {
		unsigned pair = i / CHANNELS;

		if (p->cells[i] != row)
			continue;
		if (p->modes[pair] != MODE_EXEMPT)
			return false;
		if (!any)
			*ret = p->mode_cells[pair];
		any = true;
	}
	return any;
}

/*
 * A row that would keep messages back, between domains that are exempt. It isn't
 * quite without effect: the recipients of a mail and the host of a request are
 * destinations too, whatever address they are sent to.
 */
static void
lint_exempt(const struct lint *l, unsigned row)
{
	const struct policy *p = l->p;
	const struct policy_row *r = &p->rows[row];
	unsigned by = 0;

	if (!p->exempts || (r->over < REACTION_HOLD && r->opaque < REACTION_HOLD) ||
		!all_exempt(p, row, &by))
		return;
	diag_warning(l->d, place_of(l, r->line, r->column),
		"this row keeps nothing back: what goes directly between its domains is exempt by "
		"the row of modes on line %u, and not read; take one of the two out",
		p->mode_rows[by].line);
}

/* ---- classes ---- */

static void
lint_classes(const struct lint *l)
{
	const struct policy *p = l->p;

	/* The lowest is what a message has in which nothing is found. */
	for (unsigned c = 1; c < p->n_classes; c++) {
		bool used = false;

		for (unsigned i = 0; i < p->n_information; i++)
			used |= p->information[i].class == c;
		for (unsigned i = 0; i <= p->n_rows; i++)
			used |= p->rows[i].ceiling == c;
		if (!used)
			diag_warning(l->d, place_of(l, 0, 0),
				"class %s is never used: no information type has it and it is no "
				"ceiling; use "
				"it, or take it out",
				p->classes[c]);
	}
	if (p->n_information == 0)
		diag_warning(l->d, place_of(l, 0, 0),
			"no information types: every message is of class %s; write `information`",
			p->classes[0]);
}

/* Above the highest ceiling there is nothing: such a type never makes a difference. */
static void
lint_information(const struct lint *l)
{
	const struct policy *p = l->p;
	unsigned lowest = UINT_MAX;

	for (unsigned i = 0; i <= p->n_rows; i++)
		if (p->rows[i].ceiling < lowest)
			lowest = p->rows[i].ceiling;
	for (unsigned i = 0; i < p->n_information; i++) {
		const struct policy_information *info = &p->information[i];

		if (info->class <= lowest && info->class > 0)
			diag_warning(l->d, place_of(l, info->line, info->column),
				"%s is of class %s, which is within every ceiling, so it never "
				"decides; raise "
				"its class, or lower a ceiling",
				info->id, p->classes[info->class]);
	}
}

/* ---- domains ---- */

static const char *
network_text(const struct network *net, char *ret, size_t size)
{
	const uint8_t *a = net->address;
	size_t n = 0;

	if (net->family == 4) {
		snprintf(ret, size, "%u.%u.%u.%u/%u", a[0], a[1], a[2], a[3], net->prefix);
		return ret;
	}
	for (unsigned i = 0; i < 16; i += 2)
		n += (size_t)snprintf(
			ret + n, size - n, "%s%x", i > 0 ? ":" : "", a[i] << 8 | a[i + 1]);
	snprintf(ret + n, size - n, "/%u", net->prefix);
	return ret;
}

static void
lint_nested(const struct lint *l, const struct network *outer, const struct network *inner)
{
	const struct policy_domain *o = &l->p->domains[outer->domain];
	const struct policy_domain *i = &l->p->domains[inner->domain];
	char a[64], b[64];

	if (outer->prefix == 0 || o->control == i->control)
		return;
	diag_warning(l->d, place_of(l, inner->line, inner->column),
		"%s of %s (%s) lies in %s of %s (%s): the longer prefix decides; check that it is "
		"meant",
		network_text(inner, a, sizeof(a)), i->id, control_name(i->control),
		network_text(outer, b, sizeof(b)), o->id, control_name(o->control));
}

/* Networks in sorted order; those that contain the current one are on the stack. */
static void
lint_networks(const struct lint *l)
{
	struct pool pool = {.limit = 16 * 1024 * 1024};
	const struct network **sorted = network_sort(&pool, l->p->networks, l->p->n_networks);
	const struct network *open[130];
	unsigned n = 0;

	for (size_t i = 0; sorted != NULL && i < l->p->n_networks; i++) {
		const struct network *net = sorted[i];

		while (n > 0 &&
			(open[n - 1]->family != net->family ||
				!network_contains(open[n - 1], net->address)))
			n--;
		if (n > 0)
			lint_nested(l, open[n - 1], net);
		open[n++] = net;
	}
	pool_free(&pool);
}

static void
lint_domains(const struct lint *l)
{
	const struct policy *p = l->p;
	bool used[POLICY_DOMAINS_MAX] = {false};

	for (size_t i = 0; i < p->n_networks; i++)
		used[p->networks[i].domain] = true;
	for (size_t i = 0; i < p->n_hosts; i++)
		used[p->hosts[i].domain] = true;
	for (size_t i = 0; i < p->n_mail; i++)
		used[p->mail[i].domain] = true;
	for (unsigned i = 0; i < p->n_domains; i++)
		if (!used[i])
			diag_warning(l->d, place_of(l, p->domains[i].line, p->domains[i].column),
				"nothing belongs to %s; write its networks, hosts or mail",
				p->domains[i].id);
	if (p->catch_all == DOMAIN_NONE)
		diag_warning(l->d, place_of(l, 0, 0),
			"addresses that are in no network belong to no domain: only rows with "
			"`any`, and the "
			"default, decide for them; give a domain the networks \"0.0.0.0/0\" and "
			"\"::/0\"");
}

/* ---- tests ---- */

static void
lint_tests(const struct lint *l)
{
	const char *slash = strrchr(l->p->file, '/');
	int n = slash == NULL ? 0 : (int)(slash - l->p->file) + 1;

	for (unsigned i = 0; i < l->p->n_tests; i++) {
		const struct policy_test *t = &l->p->tests[i];
		char *path;

		if (asprintf(&path, "%.*s%s", t->file[0] == '/' ? 0 : n, l->p->file, t->file) < 0)
			return;
		if (access(path, R_OK) != 0)
			diag_warning(l->d, place_of(l, t->line, t->column),
				"test \"%s\": %s can't be read; write a path from the policy's "
				"folder",
				t->name, path);
		free(path);
	}
}

void
policy_lint(const struct policy *p, struct diag *d)
{
	const struct lint l = {p, d};

	lint_domains(&l);
	lint_networks(&l);
	lint_classes(&l);
	lint_information(&l);
	for (unsigned i = 0; i < p->n_rows; i++) {
		lint_row(&l, i);
		lint_exempt(&l, i);
	}
	for (unsigned i = 0; i < p->n_mode_rows; i++)
		lint_mode_row(&l, i);
	lint_tests(&l);
}
