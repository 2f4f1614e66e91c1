/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/terms.h"

#include <errno.h>
#include <stdlib.h>

#include "inspectors/detect/characters.h"

enum { TERM_MIN = 2, TERM_MAX = 64, WINDOW_MAX = CONTEXT_BEFORE * 4, BUCKETS = 512 };

struct term {
	uint8_t text[TERM_MAX]; /* lower case */
	uint8_t n;
	bool positive, exact;
	uint16_t next; /* index + 1 of the next in its bucket; 0: none */
};

struct terms {
	uint16_t first[BUCKETS]; /* by the first two bytes: index + 1 of one, 0: none */
	size_t n;
	struct term at[];
};

static unsigned
bucket(const uint8_t *p)
{
	return ((unsigned)p[0] << 4 ^ p[1]) % BUCKETS;
}

static size_t
count(const char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static bool
add_all(struct terms *t, const char *const *list, bool positive, bool exact)
{
	for (size_t i = 0; i < count(list); i++) {
		struct term *term = &t->at[t->n];
		size_t n = strlen(list[i]);

		if (n < TERM_MIN || n > TERM_MAX)
			return false;
		lower_copy(term->text, (const uint8_t *)list[i], n);
		term->n = (uint8_t)n;
		term->positive = positive;
		term->exact = exact;
		term->next = t->first[bucket(term->text)];
		t->first[bucket(term->text)] = (uint16_t)++t->n;
	}
	return true;
}

struct terms *
terms_new(const struct detector_spec *d)
{
	size_t n = count(d->positive) + count(d->positive_exact) + count(d->negative) +
		count(d->negative_exact);
	struct terms *t;

	if (n > UINT16_MAX - 1) {
		errno = EINVAL;
		return NULL;
	}
	t = calloc(1, sizeof(*t) + n * sizeof(t->at[0]));
	if (t == NULL)
		return NULL;
	if (!add_all(t, d->positive, true, false) || !add_all(t, d->positive_exact, true, true) ||
		!add_all(t, d->negative, false, false) ||
		!add_all(t, d->negative_exact, false, true)) {
		free(t);
		errno = EINVAL;
		return NULL;
	}
	return t;
}

void
terms_free(struct terms *t)
{
	free(t);
}

struct match {
	bool positive, negative;
};

/* Which kinds of terms begin at i of a window in lower case? */
static struct match
match_at(const struct terms *t, struct bytes low, size_t i)
{
	struct match m = {false, false};

	for (unsigned k = t->first[bucket(low.p + i)]; k != 0; k = t->at[k - 1].next) {
		const struct term *term = &t->at[k - 1];

		if (term->n > low.n - i || memcmp(term->text, low.p + i, term->n) != 0 ||
			(term->exact && word_at(low, i + term->n)))
			continue;
		m.positive |= term->positive;
		m.negative |= !term->positive;
	}
	return m;
}

/* May a term begin at i? The usual cases here, the others by word_before(). */
static inline bool
begins_word(struct bytes low, size_t i)
{
	uint8_t before;

	if (i == 0)
		return true;
	before = low.p[i - 1];
	if (before >= 'a' && before <= 'z')
		return false;
	return before < 0x80 ? !ascii_is_digit(before) : !word_before(low, i);
}

struct context_found
terms_context(const struct terms *t, struct bytes text, size_t begin, size_t end, unsigned before,
	unsigned after)
{
	uint8_t low[WINDOW_MAX];
	size_t from = characters_back(text, begin, before);
	struct bytes w = {low, begin - from};

	if (t->n == 0)
		return (struct context_found){CONTEXT_NONE, WINDOW_MAX};
	lower_copy(low, text.p + from, w.n);
	for (size_t i = w.n < TERM_MIN ? 0 : w.n - TERM_MIN + 1; i-- > 0;) {
		struct match m;

		if (!begins_word(w, i) || t->first[bucket(low + i)] == 0)
			continue;
		m = match_at(t, w, i);
		if (m.positive || m.negative)
			return (struct context_found){
				m.positive ? CONTEXT_POSITIVE : CONTEXT_NEGATIVE,
				(unsigned)(w.n - i)};
	}
	w.n = characters_on(text, end, after) - end;
	lower_copy(low, text.p + end, w.n);
	for (size_t i = 0; i + TERM_MIN <= w.n; i++)
		if (begins_word(w, i) && t->first[bucket(low + i)] != 0 && match_at(t, w, i).positive)
			return (struct context_found){CONTEXT_POSITIVE, WINDOW_MAX};
	return (struct context_found){CONTEXT_NONE, WINDOW_MAX};
}

bool
term_ends_at(const char *term, struct bytes text, size_t end)
{
	size_t n = strlen(term);
	uint8_t low[TERM_MAX];

	if (n > end || n > TERM_MAX || word_at(text, end) || word_before(text, end - n))
		return false;
	lower_copy(low, text.p + end - n, n);
	return memcmp(low, term, n) == 0;
}
