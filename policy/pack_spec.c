/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the files of packs to one specification: pack_set_spec(). */
#include <stdlib.h>
#include <string.h>

#include "policy/pack.h"
#include "policy/policy.h"

enum {
	ENTRIES_MAX = 1024,    /* of one section, in all packs together */
	LIST_MAX = 1024,       /* elements of one list in a pack */
	EXPRESSION_MAX = 4096, /* bytes */
};

/* The entries of one section of all packs, each id once. */
struct section {
	const struct yaml_node **list;
	const char **ids;
	const char **packs;
	size_t n;
};

struct spec_build {
	struct pack_set *s;
	struct pool *pool;
	struct diag *d;
	struct section candidates, detectors, terms, words;
	bool good;
};

static void *
allocate(struct spec_build *b, size_t n, size_t size)
{
	void *p = pool_array(b->pool, n, size);

	if (p == NULL && b->good) {
		diag_error(b->d, (struct place){"packs", 0, 0}, "out of memory; use fewer packs");
		b->good = false;
	}
	return p;
}

/* ---- are two definitions of one id the same? ---- */

static bool
same_list(const struct yaml_node *a, const struct yaml_node *b)
{
	const struct yaml_node *x = a->first, *y = b->first;

	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (x->kind != YAML_STRING || y->kind != YAML_STRING ||
			strcmp(x->text, y->text) != 0)
			return false;
	return x == NULL && y == NULL;
}

static bool
same_value(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a == NULL || b == NULL || a->kind != b->kind)
		return false;
	return a->kind == YAML_STRING  ? strcmp(a->text, b->text) == 0
		: a->kind == YAML_LIST ? same_list(a, b)
				       : false;
}

static bool
same_map(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a->kind != YAML_MAP || b->kind != YAML_MAP || a->n != b->n)
		return false;
	for (const struct yaml_node *e = a->first; e != NULL; e = e->next)
		if (!same_value(e, yaml_get(b, e->key)))
			return false;
	return true;
}

/* ---- collecting ---- */

static bool
open_section(struct spec_build *b, struct section *to)
{
	to->list = allocate(b, ENTRIES_MAX, sizeof(*to->list));
	to->ids = allocate(b, ENTRIES_MAX + 1, sizeof(*to->ids));
	to->packs = allocate(b, ENTRIES_MAX, sizeof(*to->packs));
	return b->good;
}

static void
add_entry(struct spec_build *b, struct section *to, const struct yaml_node *entry, const char *id,
	const char *pack)
{
	for (size_t i = 0; i < to->n; i++) {
		struct place first = to->list[i]->at;
		bool same_pack = strcmp(to->packs[i], pack) == 0;

		if (strcmp(to->ids[i], id) != 0)
			continue;
		if (!same_pack && same_map(to->list[i], entry))
			return;
		diag_error(b->d, entry->at, "\"%s\" is defined %s at %s:%u:%u; write %s", id,
			same_pack ? "twice, first" : "otherwise", first.file, first.line,
			first.column, same_pack ? "it once" : "the same, or another id");
		b->good = false;
		return;
	}
	if (to->n == ENTRIES_MAX) {
		diag_error(b->d, entry->at, "more than %d entries in all packs; use fewer packs",
			ENTRIES_MAX);
		b->good = false;
		return;
	}
	to->list[to->n] = entry;
	to->packs[to->n] = pack;
	to->ids[to->n++] = id;
}

static bool
good_id(struct spec_build *b, const char *id, struct place at)
{
	if (pack_id_is_good(id))
		return true;
	diag_error(b->d, at, "\"%s\" is no id; write at most %d of a-z, 0-9, -, _ and .", id,
		POLICY_ID_MAX);
	b->good = false;
	return false;
}

/* A section that is a list of maps with an `id` each. */
static void
collect_list(struct spec_build *b, const struct pack *p, const char *key, const char *const *known,
	struct section *to)
{
	const struct yaml_node *list = yaml_get(yaml_doc_root(p->doc), key);

	if (list == NULL)
		return;
	if (!yaml_check_list(list, key, LIST_MAX, b->d)) {
		b->good = false;
		return;
	}
	for (const struct yaml_node *e = list->first; e != NULL; e = e->next) {
		const struct yaml_node *node;
		const char *id;

		if (yaml_check_map(e, key, known, b->d) &&
			(node = yaml_need(e, "the entry", "id", b->d)) != NULL &&
			yaml_string(node, "id", &id, b->d)) {
			if (good_id(b, id, node->at))
				add_entry(b, to, e, id, p->name);
		} else {
			b->good = false;
		}
	}
}

static const char *const candidate_keys[] = {
	"id", "database", "expr", "caseless", "multiline", NULL};
static const char *const detector_keys[] = {
	"id", "title", "groups", "candidates", "validator", "least", "context", NULL};
static const char *const term_keys[] = {
	"positive", "positive-exact", "negative", "negative-exact", NULL};
static const char *const words_keys[] = {"id", "at-least", "terms", NULL};
static const char *const confidences[] = {"low", "medium", "high", NULL};

static void
collect_terms(struct spec_build *b, const struct pack *p)
{
	const struct yaml_node *map = yaml_get(yaml_doc_root(p->doc), "terms");

	if (map == NULL)
		return;
	if (map->kind != YAML_MAP) {
		diag_error(b->d, map->at, "terms is no map; write an id, and its lists below it");
		b->good = false;
		return;
	}
	for (const struct yaml_node *e = map->first; e != NULL; e = e->next) {
		if (!yaml_check_map(e, "terms", term_keys, b->d))
			b->good = false;
		else if (good_id(b, e->key, e->key_at))
			add_entry(b, &b->terms, e, e->key, p->name);
	}
}

/* ---- values ---- */

static const char *
need_string(struct spec_build *b, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_need(map, "the entry", key, b->d);
	const char *text;

	if (node == NULL || !yaml_string(node, key, &text, b->d)) {
		b->good = false;
		return "";
	}
	return text;
}

static bool
get_bool(struct spec_build *b, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	bool v = false;

	if (node != NULL && !yaml_bool(node, key, &v, b->d))
		b->good = false;
	return v;
}

/* A list of strings, NULL-terminated; NULL when there is none of that key. */
static const char *const *
get_strings(struct spec_build *b, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *list = yaml_get(map, key);
	const char **strings;
	size_t n = 0;

	if (list == NULL)
		return NULL;
	if (!yaml_check_list(list, key, LIST_MAX, b->d)) {
		b->good = false;
		return NULL;
	}
	strings = allocate(b, list->n + 1u, sizeof(*strings));
	for (const struct yaml_node *e = list->first; strings != NULL && e != NULL; e = e->next)
		if (!yaml_string(e, key, &strings[n++], b->d))
			b->good = false;
	return strings;
}

/* The index of what a pack refers to; -1 after an error. */
static int
find_entry(struct spec_build *b, const struct section *in, const char *what, const char *id,
	struct place at)
{
	const char *near;

	for (size_t i = 0; i < in->n; i++)
		if (strcmp(in->ids[i], id) == 0)
			return (int)i;
	near = yaml_nearest(id, in->ids);
	diag_error(b->d, at,
		"no %s is called \"%s\" in these packs%s%s%s; define it, or name its pack in "
		"`needs`",
		what, id, near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?)" : "");
	b->good = false;
	return -1;
}

/* ---- sections ---- */

static void
make_candidates(struct spec_build *b, struct detect_spec *ret)
{
	struct candidate_spec *list = allocate(b, b->candidates.n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < b->candidates.n; i++) {
		const struct yaml_node *e = b->candidates.list[i];

		list[i] = (struct candidate_spec){
			.id = b->candidates.ids[i],
			.expr = need_string(b, e, "expr"),
			.database = need_string(b, e, "database"),
			.caseless = get_bool(b, e, "caseless"),
			.multiline = get_bool(b, e, "multiline"),
		};
		if (strlen(list[i].expr) > EXPRESSION_MAX) {
			diag_error(b->d, e->at,
				"an expression of more than %d bytes; write several",
				EXPRESSION_MAX);
			b->good = false;
		}
	}
	ret->candidates = list;
	ret->n_candidates = b->candidates.n;
}

static void
check_candidates(struct spec_build *b, const struct yaml_node *e)
{
	const struct yaml_node *list = yaml_need(e, "the detector", "candidates", b->d);

	if (list == NULL || list->kind != YAML_LIST || list->n == 0) {
		if (list != NULL)
			diag_error(b->d, list->at, "no candidates; write a list of at least one");
		b->good = false;
		return;
	}
	for (const struct yaml_node *c = list->first; c != NULL; c = c->next)
		if (c->kind == YAML_STRING)
			find_entry(b, &b->candidates, "candidate", c->text, c->at);
}

static void
add_context(struct spec_build *b, const struct yaml_node *e, struct detector_spec *to)
{
	const struct yaml_node *node = yaml_get(e, "context"), *terms;
	const char *id;
	int at;

	if (node == NULL)
		return;
	if (!yaml_string(node, "context", &id, b->d)) {
		b->good = false;
		return;
	}
	at = find_entry(b, &b->terms, "list of terms", id, node->at);
	if (at < 0)
		return;
	terms = b->terms.list[at];
	to->positive = get_strings(b, terms, "positive");
	to->positive_exact = get_strings(b, terms, "positive-exact");
	to->negative = get_strings(b, terms, "negative");
	to->negative_exact = get_strings(b, terms, "negative-exact");
}

static void
make_detector(struct spec_build *b, size_t i, struct detector_spec *to)
{
	static const char *const none[] = {NULL};
	const struct yaml_node *e = b->detectors.list[i], *least = yaml_get(e, "least");
	unsigned choice = CONFIDENCE_MEDIUM - 1;

	check_candidates(b, e);
	if (least != NULL && !yaml_choice(least, "least", confidences, &choice, b->d))
		b->good = false;
	*to = (struct detector_spec){
		.id = b->detectors.ids[i],
		.validator = need_string(b, e, "validator"),
		.groups = get_strings(b, e, "groups"),
		.candidates = get_strings(b, e, "candidates"),
		.least = (enum confidence)(choice + 1),
	};
	if (to->groups == NULL)
		to->groups = none;
	add_context(b, e, to);
}

static const struct pack_detector *
make_detectors(struct spec_build *b, struct detect_spec *ret)
{
	struct detector_spec *list = allocate(b, b->detectors.n + 1, sizeof(*list));
	struct pack_detector *named = allocate(b, b->detectors.n + 1, sizeof(*named));

	if (b->detectors.n > DETECT_DETECTORS_MAX) {
		diag_error(b->d, b->detectors.list[DETECT_DETECTORS_MAX]->at,
			"more than %d detectors; use fewer packs", DETECT_DETECTORS_MAX);
		b->good = false;
	}
	for (size_t i = 0; b->good && list != NULL && named != NULL && i < b->detectors.n; i++) {
		const char *id = b->detectors.ids[i], *pack = b->detectors.packs[i];
		const char *title = need_string(b, b->detectors.list[i], "title");

		make_detector(b, i, &list[i]);
		named[i].id = pool_copy(b->pool, id, strlen(id));
		named[i].title = pool_copy(b->pool, title, strlen(title));
		named[i].pack = pool_copy(b->pool, pack, strlen(pack));
	}
	ret->detectors = list;
	ret->n_detectors = b->detectors.n;
	return named;
}

static void
make_words(struct spec_build *b, struct detect_spec *ret)
{
	struct words_spec *list = allocate(b, b->words.n + 1, sizeof(*list));

	if (b->words.n > DETECT_WORDS_MAX) {
		diag_error(b->d, b->words.list[DETECT_WORDS_MAX]->at,
			"more than %d lists of words; use fewer packs", DETECT_WORDS_MAX);
		b->good = false;
	}
	for (size_t i = 0; b->good && list != NULL && i < b->words.n; i++) {
		const struct yaml_node *e = b->words.list[i], *least = yaml_get(e, "at-least");
		const struct yaml_node *terms = yaml_need(e, "the entry", "terms", b->d);
		uint64_t v = 1;

		list[i].id = b->words.ids[i];
		list[i].terms = terms == NULL ? NULL : get_strings(b, e, "terms");
		if (list[i].terms == NULL ||
			(least != NULL && !yaml_uint(least, "at-least", 1, terms->n, &v, b->d)))
			b->good = false;
		list[i].at_least = (unsigned)v;
	}
	ret->words = list;
	ret->n_words = b->words.n;
}

bool
pack_set_spec(
	struct pack_set *s, struct detect_spec *ret, const struct pack_detector **ret_detectors)
{
	struct spec_build b = {.s = s, .pool = s->pool, .d = s->d, .good = true};
	struct detect_spec spec = {0};
	const struct pack_detector *detectors;

	if (!open_section(&b, &b.candidates) || !open_section(&b, &b.detectors) ||
		!open_section(&b, &b.terms) || !open_section(&b, &b.words))
		return false;
	for (const struct pack *p = s->packs; p != NULL; p = p->next) {
		if (p->doc == NULL)
			continue;
		collect_list(&b, p, "candidates", candidate_keys, &b.candidates);
		collect_list(&b, p, "detectors", detector_keys, &b.detectors);
		collect_list(&b, p, "words", words_keys, &b.words);
		collect_terms(&b, p);
	}
	make_candidates(&b, &spec);
	detectors = make_detectors(&b, &spec);
	make_words(&b, &spec);
	if (!b.good)
		return false;
	*ret = spec;
	*ret_detectors = detectors;
	return true;
}
