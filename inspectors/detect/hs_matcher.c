/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/hs_matcher.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <hs/hs.h>

struct hs_matcher {
	size_t n;
	hs_database_t *db[MATCHER_DATABASES_MAX];
	const char *name[MATCHER_DATABASES_MAX]; /* borrowed while compiling only */
};

struct hs_working_space {
	hs_scratch_t *scratch;
};

/*
 * Hyperscan's stream allocator has no context argument. hs_matcher_open() says
 * here whose arena it is, for the length of one call on this thread.
 */
static _Thread_local struct arena *stream_arena;

static void *
stream_alloc(size_t n)
{
	return stream_arena == NULL ? NULL : arena_alloc(stream_arena, n);
}

static void
stream_free(void *p)
{
	(void)p; /* it goes with the arena */
}

static void
set_stream_allocator(void)
{
	(void)hs_set_stream_allocator(stream_alloc, stream_free);
}

static size_t
database_named(struct hs_matcher *m, const char *name)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->name[i], name) != 0)
		i++;
	if (i == m->n && i < MATCHER_DATABASES_MAX) {
		m->name[i] = name;
		m->n++;
	}
	return i;
}

/* The arrays that hs_compile_multi() wants, and the way back to our index. */
struct batch {
	const char **exprs;
	unsigned *flags, *ids;
	int *index;
	unsigned n;
};

static void
batch_fill(struct batch *b, const struct matcher_pattern *patterns, size_t n, const char *name)
{
	b->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(patterns[i].database, name) != 0)
			continue;
		b->exprs[b->n] = patterns[i].expr;
		b->flags[b->n] = (patterns[i].caseless ? HS_FLAG_CASELESS : 0) |
			(patterns[i].multiline ? HS_FLAG_MULTILINE : 0);
		b->ids[b->n] = patterns[i].id;
		b->index[b->n++] = (int)i;
	}
}

/*
 * An assertion at the end (\b, $) makes a match known only when the next byte
 * has come, perhaps in a later piece; blocks couldn't hold such a match.
 */
static bool
ends_with_assertion(const struct matcher_pattern *p)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *err = NULL;
	unsigned flags =
		(p->caseless ? HS_FLAG_CASELESS : 0) | (p->multiline ? HS_FLAG_MULTILINE : 0);
	bool unordered = hs_expression_info(p->expr, flags, &info, &err) == HS_SUCCESS &&
		(info->unordered_matches || info->matches_at_eod);

	free(info);
	hs_free_compile_error(err);
	return unordered;
}

static bool
compile_all(struct hs_matcher *m, struct batch *b, const struct matcher_pattern *patterns, size_t n,
	int *ret_bad, char *why, size_t why_size)
{
	for (size_t db = 0; db < m->n; db++) {
		hs_compile_error_t *err = NULL;

		batch_fill(b, patterns, n, m->name[db]);
		if (hs_compile_multi(b->exprs, b->flags, b->ids, b->n, HS_MODE_STREAM, NULL,
			    &m->db[db], &err) == HS_SUCCESS)
			continue;
		*ret_bad = err != NULL && err->expression >= 0 ? b->index[err->expression] : -1;
		snprintf(why, why_size, "%s", err != NULL ? err->message : "no memory");
		hs_free_compile_error(err);
		return false;
	}
	return true;
}

struct hs_matcher *
hs_matcher_compile(
	const struct matcher_pattern *patterns, size_t n, int *ret_bad, char *why, size_t why_size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hs_matcher *m = calloc(1, sizeof(*m));
	struct batch b = {calloc(n + 1, sizeof(*b.exprs)), calloc(n + 1, sizeof(*b.flags)),
		calloc(n + 1, sizeof(*b.ids)), calloc(n + 1, sizeof(*b.index)), 0};
	bool ok =
		m != NULL && b.exprs != NULL && b.flags != NULL && b.ids != NULL && b.index != NULL;

	*ret_bad = -1;
	snprintf(why, why_size, "no memory");
	pthread_once(&once, set_stream_allocator);
	for (size_t i = 0; ok && i < n; i++)
		if (ends_with_assertion(&patterns[i])) {
			snprintf(why, why_size,
				"ends with \\b or $; the validator checks boundaries");
			*ret_bad = (int)i;
			ok = false;
		} else if (database_named(m, patterns[i].database) == MATCHER_DATABASES_MAX) {
			snprintf(why, why_size, "more than %d databases", MATCHER_DATABASES_MAX);
			*ret_bad = (int)i;
			ok = false;
		}
	ok = ok && compile_all(m, &b, patterns, n, ret_bad, why, why_size);
	free(b.exprs);
	free(b.flags);
	free(b.ids);
	free(b.index);
	if (!ok) {
		hs_matcher_free(m);
		return NULL;
	}
	return m;
}

void
hs_matcher_free(struct hs_matcher *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		hs_free_database(m->db[i]);
	free(m);
}

size_t
hs_matcher_databases(const struct hs_matcher *m)
{
	return m->n;
}

struct hs_working_space *
hs_working_space_new(const struct hs_matcher *m)
{
	struct hs_working_space *space = calloc(1, sizeof(*space));

	for (size_t i = 0; space != NULL && i < m->n; i++)
		if (hs_alloc_scratch(m->db[i], &space->scratch) != HS_SUCCESS) {
			hs_working_space_free(space);
			return NULL;
		}
	return space;
}

void
hs_working_space_free(struct hs_working_space *space)
{
	if (space == NULL)
		return;
	hs_free_scratch(space->scratch);
	free(space);
}

void *
hs_matcher_open(const struct hs_matcher *m, size_t db, struct arena *arena)
{
	hs_stream_t *stream = NULL;
	hs_error_t r;

	stream_arena = arena;
	r = hs_open_stream(m->db[db], 0, &stream);
	stream_arena = NULL;
	return r == HS_SUCCESS ? stream : NULL;
}

struct relay {
	matcher_hit_fn hit;
	void *ctx;
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	const struct relay *r = ctx;

	(void)from;
	(void)flags;
	return r->hit(id, to, r->ctx);
}

void
hs_matcher_scan(void *stream, struct bytes in, struct hs_working_space *space, matcher_hit_fn hit,
	void *ctx)
{
	struct relay r = {hit, ctx};

	if (in.n > 0)
		(void)hs_scan_stream(stream, (const char *)in.p, (unsigned)in.n, 0, space->scratch,
			on_match, &r);
}
