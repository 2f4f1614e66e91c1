/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

static const char *const domain_keys[] = {"control", "networks", "hosts", "mail", NULL};
static const char *const control_names[] = {"inside", "partner", "outside", NULL};

/* Lists that grow over all domains; counted before, so never reallocated. */
struct lists {
	struct network *networks;
	struct name_pattern *hosts, *mail;
};

static size_t
count(const struct yaml_node *domains, const char *key)
{
	size_t n = 0;

	for (const struct yaml_node *e = domains->first; e != NULL; e = e->next) {
		const struct yaml_node *list = yaml_get(e, key);

		n += list == NULL ? 0 : list->n;
	}
	return n;
}

static bool
count_fits(struct parse *s, const struct yaml_node *domains, const char *key, size_t most)
{
	size_t n = count(domains, key);

	if (n <= most)
		return true;
	diag_error(s->d, domains->at, "%zu %s in all domains; write at most %zu", n, key, most);
	return parse_bad(s);
}

static void
add_network(struct parse *s, const struct yaml_node *e, unsigned domain, struct network *list)
{
	const char *text, *why;
	struct network net;

	if (!yaml_string(e, "a network", &text, s->d)) {
		s->good = false;
		return;
	}
	if (!network_parse(text, &net, &why)) {
		diag_error(s->d, e->at, "network \"%s\": %s%s", text,
			strncmp(why, "write", 5) == 0 ? "not readable; " : "", why);
		s->good = false;
		return;
	}
	net.domain = (uint16_t)domain;
	net.line = e->at.line;
	net.column = e->at.column;
	list[s->p->n_networks++] = net;
}

static void
add_name(struct parse *s, const struct yaml_node *e, unsigned domain, struct name_pattern *list,
	size_t *n)
{
	const char *text, *why;
	struct name_pattern pattern;

	if (!yaml_string(e, "a name", &text, s->d)) {
		s->good = false;
		return;
	}
	if (!name_pattern_parse(text, s->pool, &pattern, &why)) {
		diag_error(s->d, e->at, "\"%s\" is no host name or mail domain; %s", text, why);
		s->good = false;
		return;
	}
	pattern.domain = (uint16_t)domain;
	pattern.line = e->at.line;
	pattern.column = e->at.column;
	list[(*n)++] = pattern;
}

static const struct yaml_node *
elements(struct parse *s, const struct yaml_node *domain, const char *key)
{
	const struct yaml_node *list = yaml_get(domain, key);

	if (list == NULL)
		return NULL;
	if (!yaml_check_list(list, key, UINT32_MAX, s->d)) {
		s->good = false;
		return NULL;
	}
	return list->first;
}

static void
parse_domain(struct parse *s, const struct yaml_node *node, struct policy_domain *ret,
	const struct lists *to)
{
	unsigned i = (unsigned)(ret - s->p->domains), control = CONTROL_OUTSIDE;
	const struct yaml_node *e;

	*ret = (struct policy_domain){.id = parse_copy(s, node->key),
		.line = node->key_at.line,
		.column = node->key_at.column};
	if (!yaml_check_map(node, "a domain", domain_keys, s->d)) {
		s->good = false;
		return;
	}
	e = yaml_need(node, "the domain", "control", s->d);
	if (e == NULL || !yaml_choice(e, "control", control_names, &control, s->d))
		s->good = false;
	ret->control = (enum control)control;
	for (e = elements(s, node, "networks"); e != NULL; e = e->next)
		add_network(s, e, i, to->networks);
	for (e = elements(s, node, "hosts"); e != NULL; e = e->next)
		add_name(s, e, i, to->hosts, &s->p->n_hosts);
	for (e = elements(s, node, "mail"); e != NULL; e = e->next)
		add_name(s, e, i, to->mail, &s->p->n_mail);
}

/* ---- what is given twice ---- */

static void
given_twice(struct parse *s, const char *what, unsigned domain, struct place at,
	unsigned first_domain, unsigned first_line)
{
	diag_error(s->d, at,
		"this %s of %s already belongs to %s, by line %u; write it in one domain, once",
		what, s->domain_names[domain], s->domain_names[first_domain], first_line);
	s->good = false;
}

static void
check_networks(struct parse *s)
{
	const struct network **sorted = network_sort(s->pool, s->p->networks, s->p->n_networks);

	for (size_t i = 1; sorted != NULL && i < s->p->n_networks; i++) {
		const struct network *a = sorted[i - 1], *b = sorted[i];

		if (a->family == b->family && a->prefix == b->prefix &&
			memcmp(a->address, b->address, 16) == 0)
			given_twice(s, "network", b->domain,
				(struct place){s->p->file, b->line, b->column}, a->domain, a->line);
	}
}

static void
check_names(struct parse *s, const char *what, const struct name_pattern *list, size_t n)
{
	const struct name_pattern **sorted = name_pattern_sort(s->pool, list, n);

	for (size_t i = 1; sorted != NULL && i < n; i++) {
		const struct name_pattern *a = sorted[i - 1], *b = sorted[i];

		if (a->below == b->below && strcmp(a->text, b->text) == 0)
			given_twice(s, what, b->domain,
				(struct place){s->p->file, b->line, b->column}, a->domain, a->line);
	}
}

static int
find_catch_all(const struct policy *p)
{
	int found = DOMAIN_NONE;

	for (size_t i = 0; i < p->n_networks; i++)
		if (p->networks[i].prefix == 0 &&
			(found == DOMAIN_NONE || p->networks[i].family == 4))
			found = p->networks[i].domain;
	return found;
}

static void
build_tables(struct parse *s)
{
	struct policy *p = s->p;

	check_networks(s);
	check_names(s, "host name", p->hosts, p->n_hosts);
	check_names(s, "mail domain", p->mail, p->n_mail);
	p->catch_all = find_catch_all(p);
	p->network_table = network_table_build(s->pool, p->networks, p->n_networks);
	p->host_table = name_table_build(s->pool, p->hosts, p->n_hosts);
	p->mail_table = name_table_build(s->pool, p->mail, p->n_mail);
	if (p->network_table == NULL || p->host_table == NULL || p->mail_table == NULL)
		parse_alloc(s, SIZE_MAX, 1); /* says that memory is used up */
}

/* ---- the section ---- */

static void
parse_all(struct parse *s, const struct yaml_node *map)
{
	struct policy_domain *domains = parse_alloc(s, map->n + 1u, sizeof(*domains));
	struct lists to = {
		.networks = parse_alloc(s, count(map, "networks") + 1, sizeof(struct network)),
		.hosts = parse_alloc(s, count(map, "hosts") + 1, sizeof(struct name_pattern)),
		.mail = parse_alloc(s, count(map, "mail") + 1, sizeof(struct name_pattern)),
	};

	if (domains == NULL || to.networks == NULL || to.hosts == NULL || to.mail == NULL)
		return;
	s->p->domains = domains;
	s->p->networks = to.networks;
	s->p->hosts = to.hosts;
	s->p->mail = to.mail;
	for (const struct yaml_node *e = map->first; e != NULL; e = e->next) {
		bool reserved = strcmp(e->key, "any") == 0 || strcmp(e->key, "unknown") == 0;

		if (reserved)
			diag_error(s->d, e->key_at,
				"\"%s\" has a meaning of its own; write another name", e->key);
		if (reserved || !parse_id(s, e->key, e->key_at, "the name of a domain"))
			s->good = false;
		parse_domain(s, e, &domains[s->p->n_domains], &to);
		s->domain_names[s->p->n_domains] = domains[s->p->n_domains].id;
		s->domain_or_any[s->p->n_domains] = domains[s->p->n_domains].id;
		s->p->n_domains++;
	}
}

void
parse_domains(struct parse *s, const struct yaml_node *root)
{
	static const struct yaml_node none = {.kind = YAML_MAP};
	const struct yaml_node *map = yaml_need(root, "the policy", "domains", s->d);

	if (map == NULL) {
		s->good = false;
		map = &none;
	} else if (map->kind != YAML_MAP) {
		diag_error(
			s->d, map->at, "domains is no map; write a name, and below it its control");
		s->good = false;
		map = &none;
	} else if (map->n > POLICY_DOMAINS_MAX) {
		diag_error(
			s->d, map->at, "%u domains; write at most %d", map->n, POLICY_DOMAINS_MAX);
		s->good = false;
		map = &none;
	} else if (!count_fits(s, map, "networks", POLICY_NETWORKS_MAX) ||
		!count_fits(s, map, "hosts", POLICY_NAMES_MAX) ||
		!count_fits(s, map, "mail", POLICY_NAMES_MAX)) {
		map = &none;
	}
	s->domain_names = parse_alloc(s, map->n + 1u, sizeof(*s->domain_names));
	s->domain_or_any = parse_alloc(s, map->n + 2u, sizeof(*s->domain_or_any));
	if (s->domain_names == NULL || s->domain_or_any == NULL)
		return;
	parse_all(s, map);
	s->domain_or_any[s->p->n_domains] = "any";
	build_tables(s);
}
