/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"

static const struct place nowhere = {"packs", 0, 0};

static bool
no_memory(struct pack_set *s)
{
	diag_error(s->d, nowhere, "out of memory; use fewer packs");
	return false;
}

bool
pack_id_is_good(const char *id)
{
	size_t n = 0;

	for (; id[n] != '\0'; n++) {
		char c = id[n];
		bool letter = (c >= 'a' && c <= 'z') || ascii_is_digit((uint8_t)c);

		if (!letter && (n == 0 || (c != '-' && c != '_' && c != '.')))
			return false;
	}
	return n > 0 && n <= POLICY_ID_MAX;
}

/* ---- which packs ---- */

bool
pack_set_want(struct pack_set *s, const char *name, struct place at)
{
	struct pack *p;

	for (p = s->packs; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			return true;
	if (!pack_id_is_good(name)) {
		diag_error(s->d, at,
			"\"%s\" is no name of a pack; write a name such as se-personal", name);
		return false;
	}
	if (s->n_packs == POLICY_PACKS_MAX) {
		diag_error(s->d, at, "more than %d packs; name fewer", POLICY_PACKS_MAX);
		return false;
	}
	p = pool_alloc(s->pool, sizeof(*p));
	if (p == NULL || (p->name = pool_copy(s->pool, name, strlen(name))) == NULL)
		return no_memory(s);
	p->wanted = at;
	if (s->last == NULL)
		s->packs = p;
	else
		s->last->next = p;
	s->last = p;
	s->n_packs++;
	return true;
}

static int
is_pack_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

/* The names in one directory. One that doesn't exist is an empty one. */
static bool
want_directory(struct pack_set *s, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_pack_file, alphasort);
	bool good = true;

	for (int i = 0; i < n; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - 5] = '\0';
		good = good && pack_set_want(s, list[i]->d_name, (struct place){dir, 0, 0});
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return good;
}

bool
pack_set_want_all(struct pack_set *s)
{
	for (const char *const *dir = s->dirs; *dir != NULL; dir++)
		if (!want_directory(s, *dir))
			return false;
	if (s->n_packs > 0)
		return true;
	diag_error(s->d, nowhere,
		"none found in %s; set SLUSS_PACKS to the directory that holds them", s->dirs[0]);
	return false;
}

/* ---- reading them ---- */

static void
not_found(struct pack_set *s, const struct pack *p)
{
	char where[512] = "";
	size_t n = 0;

	for (const char *const *dir = s->dirs; *dir != NULL; dir++) {
		int more = snprintf(where + n, sizeof(where) - n, "%s%s", n > 0 ? ", " : "", *dir);

		if (more < 0 || (size_t)more >= sizeof(where) - n)
			break;
		n += (size_t)more;
	}
	diag_error(s->d, p->wanted,
		"there is no pack \"%s\"; put %s.yaml into one of %s, or name another", p->name,
		p->name, where);
}

static bool
open_pack(struct pack_set *s, struct pack *p)
{
	for (const char *const *dir = s->dirs; *dir != NULL; dir++) {
		char *path;

		if (asprintf(&path, "%s/%s.yaml", *dir, p->name) < 0)
			return no_memory(s);
		if (access(path, F_OK) == 0) {
			p->doc = yaml_doc_load_file(path, s->d);
			free(path);
			return p->doc != NULL;
		}
		free(path);
	}
	not_found(s, p);
	return false;
}

static const char *const pack_keys[] = {
	"schema", "name", "title", "needs", "candidates", "detectors", "terms", "words", NULL};

static bool
check_head(struct pack_set *s, const struct pack *p)
{
	const struct yaml_node *root = yaml_doc_root(p->doc), *schema, *name;
	const char *text;
	uint64_t v;

	if (!yaml_check_map(root, "a pack", pack_keys, s->d))
		return false;
	schema = yaml_need(root, "the pack", "schema", s->d);
	name = yaml_need(root, "the pack", "name", s->d);
	if (schema == NULL || name == NULL || !yaml_uint(schema, "schema", 1, 1, &v, s->d) ||
		!yaml_string(name, "name", &text, s->d))
		return false;
	if (strcmp(text, p->name) == 0)
		return true;
	diag_error(s->d, name->at, "the pack is named \"%s\" but its file %s.yaml; write name: %s",
		text, p->name, p->name);
	return false;
}

static bool
want_needs(struct pack_set *s, const struct pack *p)
{
	const struct yaml_node *needs = yaml_get(yaml_doc_root(p->doc), "needs");
	bool good = true;

	if (needs == NULL)
		return true;
	if (!yaml_check_list(needs, "needs", POLICY_PACKS_MAX, s->d))
		return false;
	for (const struct yaml_node *e = needs->first; e != NULL; e = e->next) {
		const char *name;

		good &= yaml_string(e, "a needed pack", &name, s->d) &&
			pack_set_want(s, name, e->at);
	}
	return good;
}

bool
pack_set_read(struct pack_set *s)
{
	bool good = true;

	/* The list grows at its end while needs are met. */
	for (struct pack *p = s->packs; p != NULL; p = p->next)
		good &= open_pack(s, p) && check_head(s, p) && want_needs(s, p);
	return good;
}

void
pack_set_free(struct pack_set *s)
{
	for (struct pack *p = s->packs; p != NULL; p = p->next)
		yaml_doc_free(p->doc);
	*s = (struct pack_set){0};
}
