/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/pack_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

enum { PACKS_MAX = 16, ITEMS_MAX = 256 };

struct term_lists {
	const char *id;
	const char *const *positive, *const *positive_exact;
	const char *const *negative, *const *negative_exact;
};

struct pack_load {
	yaml_document_t doc[PACKS_MAX]; /* strings of the spec point into these */
	const char *names[PACKS_MAX];
	size_t n_docs;
	struct candidate_spec candidates[ITEMS_MAX];
	struct detector_spec detectors[ITEMS_MAX];
	const char *context[ITEMS_MAX]; /* of detector i */
	struct words_spec words[DETECT_WORDS_MAX];
	struct term_lists terms[ITEMS_MAX];
	size_t n_terms;
	struct detect_spec spec;
	void *lists[ITEMS_MAX * 8]; /* to free */
	size_t n_lists;
};

__attribute__((noreturn)) static void
give_up(const char *what, const char *about)
{
	fprintf(stderr, "pack: %s: %s\n", what, about);
	abort();
}

static const char *
text_of(const yaml_node_t *n)
{
	if (n == NULL || n->type != YAML_SCALAR_NODE)
		give_up("a text is expected", "");
	return (const char *)n->data.scalar.value;
}

static const yaml_node_t *
find(yaml_document_t *d, const yaml_node_t *map, const char *key)
{
	if (map == NULL || map->type != YAML_MAPPING_NODE)
		give_up("a mapping is expected for", key);
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
		p++)
		if (strcmp(text_of(yaml_document_get_node(d, p->key)), key) == 0)
			return yaml_document_get_node(d, p->value);
	return NULL;
}

static const char *
need(yaml_document_t *d, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *n = find(d, map, key);

	if (n == NULL)
		give_up("missing key", key);
	return text_of(n);
}

static size_t
items(const yaml_node_t *seq)
{
	if (seq == NULL)
		return 0;
	if (seq->type != YAML_SEQUENCE_NODE)
		give_up("a list is expected", "");
	return (size_t)(seq->data.sequence.items.top - seq->data.sequence.items.start);
}

static const yaml_node_t *
item(yaml_document_t *d, const yaml_node_t *seq, size_t i)
{
	return yaml_document_get_node(d, seq->data.sequence.items.start[i]);
}

static const char *const *
list_of(struct pack_load *p, yaml_document_t *d, const yaml_node_t *seq)
{
	size_t n = items(seq);
	const char **list;

	if (seq == NULL)
		return NULL;
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL || p->n_lists == ITEMS_MAX * 8)
		give_up("no memory", "");
	for (size_t i = 0; i < n; i++)
		list[i] = text_of(item(d, seq, i));
	p->lists[p->n_lists++] = list;
	return list;
}

static bool
truth(yaml_document_t *d, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *n = find(d, map, key);

	return n != NULL && strcmp(text_of(n), "true") == 0;
}

static enum confidence
level(const char *name)
{
	for (enum confidence c = CONFIDENCE_LOW; c <= CONFIDENCE_HIGH; c++)
		if (strcmp(confidence_name(c), name) == 0)
			return c;
	give_up("not a confidence", name);
}

static void
read_candidates(struct pack_load *p, yaml_document_t *d, const yaml_node_t *seq)
{
	for (size_t i = 0; i < items(seq); i++) {
		const yaml_node_t *m = item(d, seq, i);

		p->candidates[p->spec.n_candidates++] = (struct candidate_spec){need(d, m, "id"),
			need(d, m, "expr"), truth(d, m, "caseless"), truth(d, m, "multiline"),
			need(d, m, "database")};
	}
}

static void
read_detectors(struct pack_load *p, yaml_document_t *d, const yaml_node_t *seq)
{
	for (size_t i = 0; i < items(seq); i++) {
		const yaml_node_t *m = item(d, seq, i), *context = find(d, m, "context");
		size_t at = p->spec.n_detectors++;

		(void)need(d, m, "title");
		p->detectors[at] = (struct detector_spec){.id = need(d, m, "id"),
			.validator = need(d, m, "validator"),
			.groups = list_of(p, d, find(d, m, "groups")),
			.candidates = list_of(p, d, find(d, m, "candidates")),
			.least = level(need(d, m, "least"))};
		p->context[at] = context == NULL ? NULL : text_of(context);
	}
}

static void
read_terms(struct pack_load *p, yaml_document_t *d, const yaml_node_t *map)
{
	if (map == NULL)
		return;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *m = yaml_document_get_node(d, pair->value);

		p->terms[p->n_terms++] =
			(struct term_lists){text_of(yaml_document_get_node(d, pair->key)),
				list_of(p, d, find(d, m, "positive")),
				list_of(p, d, find(d, m, "positive-exact")),
				list_of(p, d, find(d, m, "negative")),
				list_of(p, d, find(d, m, "negative-exact"))};
	}
}

static void
read_words(struct pack_load *p, yaml_document_t *d, const yaml_node_t *seq)
{
	for (size_t i = 0; i < items(seq); i++) {
		const yaml_node_t *m = item(d, seq, i);

		p->words[p->spec.n_words++] = (struct words_spec){need(d, m, "id"),
			list_of(p, d, find(d, m, "terms")), (unsigned)atoi(need(d, m, "at-least"))};
	}
}

static void
load_one(struct pack_load *p, const char *dir, const char *name)
{
	yaml_document_t *d = &p->doc[p->n_docs];
	const yaml_node_t *root, *needs;
	yaml_parser_t parser;
	char path[4096];
	FILE *f;

	for (size_t i = 0; i < p->n_docs; i++)
		if (strcmp(p->names[i], name) == 0)
			return;
	if (p->n_docs == PACKS_MAX)
		give_up("too many packs", name);
	snprintf(path, sizeof(path), "%s/%s.yaml", dir, name);
	f = fopen(path, "rb");
	if (f == NULL || !yaml_parser_initialize(&parser))
		give_up("can't be opened", path);
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, d))
		give_up(parser.problem, path);
	yaml_parser_delete(&parser);
	fclose(f);
	p->names[p->n_docs++] = name;
	root = yaml_document_get_root_node(d);
	needs = find(d, root, "needs");
	for (size_t i = 0; i < items(needs); i++)
		load_one(p, dir, text_of(item(d, needs, i)));
	read_candidates(p, d, find(d, root, "candidates"));
	read_detectors(p, d, find(d, root, "detectors"));
	read_terms(p, d, find(d, root, "terms"));
	read_words(p, d, find(d, root, "words"));
}

struct pack_load *
pack_load(const char *dir, const char *const *names)
{
	struct pack_load *p = calloc(1, sizeof(*p));

	if (p == NULL)
		give_up("no memory", "");
	for (; *names != NULL; names++)
		load_one(p, dir, *names);
	for (size_t i = 0; i < p->spec.n_detectors; i++) {
		struct detector_spec *d = &p->detectors[i];
		size_t t = 0;

		if (p->context[i] == NULL)
			continue;
		while (t < p->n_terms && strcmp(p->terms[t].id, p->context[i]) != 0)
			t++;
		if (t == p->n_terms)
			give_up("no such terms", p->context[i]);
		d->positive = p->terms[t].positive;
		d->positive_exact = p->terms[t].positive_exact;
		d->negative = p->terms[t].negative;
		d->negative_exact = p->terms[t].negative_exact;
	}
	p->spec.candidates = p->candidates;
	p->spec.detectors = p->detectors;
	p->spec.words = p->words;
	return p;
}

const struct detect_spec *
pack_load_spec(const struct pack_load *p)
{
	return &p->spec;
}

void
pack_load_free(struct pack_load *p)
{
	for (size_t i = 0; i < p->n_docs; i++)
		yaml_document_delete(&p->doc[i]);
	for (size_t i = 0; i < p->n_lists; i++)
		free(p->lists[i]);
	free(p);
}

struct detect_set *
pack_load_all(const char *dir)
{
	static const char *const names[] = {
		"se-personal", "se-health", "labels", "nordic", "payment", NULL};
	struct pack_load *p = pack_load(dir, names);
	char why[256];
	struct detect_set *set = detect_set_compile(pack_load_spec(p), why, sizeof(why));

	if (set == NULL)
		give_up("doesn't compile", why);
	pack_load_free(p);
	return set;
}
