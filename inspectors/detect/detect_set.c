/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/detect_set.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The database of the word lists: that of the shipped packs' candidates, since
 * one database is faster than two (16 Gbit/s of prose, not 23 and 25 in turn).
 */
static const char words_database_name[] = "text";

/* While compiling: where complaints go. */
struct compiler {
	struct detect_set *set;
	const struct detect_spec *spec;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool
fail(struct compiler *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, c->why_size, format, args);
	va_end(args);
	return false;
}

static bool
sizes_fit(struct compiler *c)
{
	const struct detect_spec *spec = c->spec;

	if (spec->n_candidates > CANDIDATES_MAX)
		return fail(c, "%zu candidates; at most %d fit one policy", spec->n_candidates,
			CANDIDATES_MAX);
	if (spec->n_detectors > DETECT_DETECTORS_MAX)
		return fail(c, "%zu detectors; at most %d fit one policy", spec->n_detectors,
			DETECT_DETECTORS_MAX);
	if (spec->n_words > DETECT_WORDS_MAX)
		return fail(c, "%zu word lists; at most %d fit one policy", spec->n_words,
			DETECT_WORDS_MAX);
	return true;
}

static bool
add_group(struct compiler *c, struct detector *d, const char *name)
{
	struct detect_set *set = c->set;
	size_t g = 0;

	while (g < set->n_groups && strcmp(set->groups[g], name) != 0)
		g++;
	if (g == DETECT_GROUPS_MAX)
		return fail(c, "detector %s: group %s is one more than the %d that fit", d->id,
			name, DETECT_GROUPS_MAX);
	if (g == set->n_groups) {
		set->groups[g] = strdup(name);
		if (set->groups[g] == NULL)
			return fail(c, "no memory");
		set->n_groups++;
	}
	d->groups |= UINT32_C(1) << g;
	return true;
}

static bool
add_marks(struct compiler *c, const struct detector *d)
{
	for (const char *const *m = d->validator->marks; m != NULL && *m != NULL; m++) {
		if (detect_set_find_mark(c->set, *m) >= 0)
			continue;
		if (c->set->n_marks == DETECT_MARKS_MAX)
			return fail(c, "detector %s: more than %d marks", d->id, DETECT_MARKS_MAX);
		c->set->marks[c->set->n_marks++] = *m;
	}
	return true;
}

static bool
link_candidate(struct compiler *c, size_t detector, const char *id)
{
	for (size_t i = 0; i < c->spec->n_candidates; i++)
		if (strcmp(c->spec->candidates[i].id, id) == 0) {
			struct candidate *k = &c->set->candidates[i];

			k->detectors[detector / 64] |= UINT64_C(1) << detector % 64;
			k->ends &= c->set->detectors[detector].validator->ends;
			return true;
		}
	return fail(c, "detector %s: there is no candidate %s", c->set->detectors[detector].id, id);
}

static bool
add_detector(struct compiler *c, const struct detector_spec *spec)
{
	size_t at = c->set->n_detectors;
	struct detector *d = &c->set->detectors[at];

	if (detect_set_find_detector(c->set, spec->id) >= 0)
		return fail(c, "detector %s is defined twice", spec->id);
	d->id = strdup(spec->id);
	d->least = spec->least;
	d->validator = validator_find(spec->validator);
	if (d->id == NULL)
		return fail(c, "no memory");
	c->set->n_detectors++;
	if (d->validator == NULL)
		return fail(c, "detector %s: there is no validator %s", spec->id, spec->validator);
	d->terms = terms_new(spec);
	if (d->terms == NULL)
		return fail(c, "detector %s: a context term is empty or longer than 64 bytes",
			spec->id);
	for (size_t n = 0; n < RUNS_TOLD; n++)
		if (d->validator->digits == 0 || (d->validator->digits >> n & 1) != 0)
			c->set->by_digits[n][at / 64] |= UINT64_C(1) << at % 64;
	for (const char *const *g = spec->groups; g != NULL && *g != NULL; g++)
		if (!add_group(c, d, *g))
			return false;
	if (spec->candidates == NULL || spec->candidates[0] == NULL)
		return fail(c, "detector %s names no candidate", spec->id);
	for (const char *const *k = spec->candidates; *k != NULL; k++)
		if (!link_candidate(c, at, *k))
			return false;
	return add_marks(c, d);
}

static bool
add_words(struct compiler *c, const struct words_spec *spec)
{
	struct word_list *w = &c->set->words[c->set->n_words++];
	unsigned n = 0;

	while (spec->terms[n] != NULL)
		n++;
	if (n == 0 || n > WORD_TERMS_MAX || spec->at_least == 0 || spec->at_least > n)
		return fail(c, "words %s: 1 to %d terms, and at-least no more than there are",
			spec->id, WORD_TERMS_MAX);
	w->id = strdup(spec->id);
	w->terms = calloc(n, sizeof(w->terms[0]));
	w->at_least = spec->at_least;
	if (w->id == NULL || w->terms == NULL)
		return fail(c, "no memory");
	for (; w->n < n; w->n++) {
		if (spec->terms[w->n][0] == '\0' || strlen(spec->terms[w->n]) > 64)
			return fail(
				c, "words %s: a term is empty or longer than 64 bytes", spec->id);
		w->terms[w->n] = strdup(spec->terms[w->n]);
		if (w->terms[w->n] == NULL)
			return fail(c, "no memory");
	}
	return true;
}

/* A literal, as an expression: letters outside ASCII in both cases. */
static char *
literal_expr(const char *term)
{
	size_t n = strlen(term), at = 0;
	char *expr = malloc(n * 12 + 1);

	for (size_t i = 0; expr != NULL && i < n; i++) {
		uint8_t b = (uint8_t)term[i];
		bool folds = i > 0 && (uint8_t)term[i - 1] == 0xC3 && b >= 0xA0 && b <= 0xBE &&
			b != 0xB7;

		if (folds)
			at += (size_t)sprintf(expr + at, "[\\x%02x\\x%02x]", b - 0x20u, b);
		else
			at += (size_t)sprintf(expr + at, "\\x%02x", b);
	}
	if (expr != NULL)
		expr[at] = '\0';
	return expr;
}

static size_t
count_terms(const struct detect_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n_words; i++)
		n += set->words[i].n;
	return n;
}

/* The patterns of the word lists; all of them have one id. */
static size_t
word_patterns(struct detect_set *set, struct matcher_pattern *to)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n_words; i++)
		for (unsigned k = 0; k < set->words[i].n; k++)
			to[n++] = (struct matcher_pattern){
				.expr = literal_expr(set->words[i].terms[k]),
				.database = words_database_name,
				.id = (unsigned)set->words_candidate,
				.caseless = true};
	return n;
}

static bool
compile_patterns(struct compiler *c)
{
	struct detect_set *set = c->set;
	size_t n = c->spec->n_candidates, n_words = count_terms(set);
	struct matcher_pattern *p = calloc(n + n_words + 1, sizeof(*p));
	char message[256];
	bool ok = p != NULL;
	int bad;

	for (size_t i = 0; ok && i < n; i++) {
		const struct candidate_spec *k = &c->spec->candidates[i];

		p[i] = (struct matcher_pattern){
			k->expr, k->database, (unsigned)i, k->caseless, k->multiline};
	}
	if (n_words > 0) {
		set->words_candidate = (int)set->n_candidates++;
		for (size_t i = ok ? word_patterns(set, p + n) : 0; i > 0; i--)
			ok = ok && p[n + i - 1].expr != NULL;
	}
	if (!ok)
		fail(c, "no memory");
	set->matcher =
		!ok ? NULL : hs_matcher_compile(p, n + n_words, &bad, message, sizeof(message));
	if (ok && set->matcher == NULL && bad >= 0 && (size_t)bad < n)
		fail(c, "candidate %s: %s", c->spec->candidates[bad].id, message);
	else if (ok && set->matcher == NULL)
		fail(c, "patterns can't be compiled: %s", message);
	for (size_t i = 0; p != NULL && i < n_words; i++)
		free((char *)(uintptr_t)p[n + i].expr);
	free(p);
	return set->matcher != NULL;
}

static bool
compile(struct compiler *c)
{
	struct detect_set *set = c->set;

	if (!sizes_fit(c))
		return false;
	set->n_candidates = c->spec->n_candidates;
	for (size_t i = 0; i < set->n_candidates; i++)
		set->candidates[i].ends = true;
	set->detectors = calloc(c->spec->n_detectors + 1, sizeof(set->detectors[0]));
	if (set->detectors == NULL)
		return fail(c, "no memory");
	for (size_t i = 0; i < c->spec->n_detectors; i++)
		if (!add_detector(c, &c->spec->detectors[i]))
			return false;
	for (size_t i = 0; i < c->spec->n_words; i++)
		if (!add_words(c, &c->spec->words[i]))
			return false;
	return compile_patterns(c);
}

struct detect_set *
detect_set_compile(const struct detect_spec *spec, char *why, size_t why_size)
{
	struct detect_set *set = calloc(1, sizeof(*set));
	struct compiler c = {set, spec, why, why_size};

	if (set == NULL) {
		fail(&c, "no memory");
		return NULL;
	}
	set->words_candidate = -1;
	if (!compile(&c)) {
		detect_set_free(set);
		return NULL;
	}
	return set;
}

void
detect_set_free(struct detect_set *set)
{
	if (set == NULL)
		return;
	hs_matcher_free(set->matcher);
	for (size_t i = 0; i < set->n_detectors; i++) {
		free(set->detectors[i].id);
		terms_free(set->detectors[i].terms);
	}
	free(set->detectors);
	for (size_t i = 0; i < set->n_groups; i++)
		free(set->groups[i]);
	for (size_t i = 0; i < set->n_words; i++) {
		for (unsigned k = 0; k < set->words[i].n; k++)
			free(set->words[i].terms[k]);
		free(set->words[i].terms);
		free(set->words[i].id);
	}
	free(set);
}

size_t
detect_set_detectors(const struct detect_set *set)
{
	return set->n_detectors;
}

const char *
detect_set_detector_id(const struct detect_set *set, size_t detector)
{
	return set->detectors[detector].id;
}

enum confidence
detect_set_detector_least(const struct detect_set *set, size_t detector)
{
	return set->detectors[detector].least;
}

int
detect_set_find_detector(const struct detect_set *set, const char *id)
{
	for (size_t i = 0; i < set->n_detectors; i++)
		if (strcmp(set->detectors[i].id, id) == 0)
			return (int)i;
	return -1;
}

int
detect_set_find_words(const struct detect_set *set, const char *id)
{
	for (size_t i = 0; i < set->n_words; i++)
		if (strcmp(set->words[i].id, id) == 0)
			return (int)i;
	return -1;
}

int
detect_set_find_mark(const struct detect_set *set, const char *canonical)
{
	for (size_t i = 0; i < set->n_marks; i++)
		if (strcmp(set->marks[i], canonical) == 0)
			return (int)i;
	return -1;
}

const char *
detect_set_mark_name(const struct detect_set *set, size_t mark)
{
	return set->marks[mark];
}

static int
find_group(const struct detect_set *set, const char *group)
{
	for (size_t i = 0; i < set->n_groups; i++)
		if (strcmp(set->groups[i], group) == 0)
			return (int)i;
	return -1;
}

bool
detect_set_in_group(const struct detect_set *set, size_t detector, const char *group)
{
	int g = find_group(set, group);

	return g >= 0 && (set->detectors[detector].groups >> g & 1) != 0;
}

struct detect_scratch *
detect_scratch_new(const struct detect_set *set)
{
	struct detect_scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->space = hs_working_space_new(set->matcher);
	if (s->space == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
detect_scratch_free(struct detect_scratch *scratch)
{
	if (scratch == NULL)
		return;
	hs_working_space_free(scratch->space);
	free(scratch);
}

void *
detect_scratch_room(struct detect_scratch *scratch)
{
	return scratch->room;
}

const char *
confidence_name(enum confidence c)
{
	static const char *const names[] = {"none", "low", "medium", "high"};

	return (size_t)c < ARRAY_LEN(names) ? names[c] : names[0];
}
