/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A source that records what it was asked for and can run dry. */
struct recorder {
	size_t taken, given; /* bytes */
	size_t sizes[64];
	size_t n;
	size_t pages_left;
};

static void *
record_take(void *ctx, size_t size)
{
	struct recorder *r = ctx;

	if (r->pages_left == 0)
		return NULL;
	r->pages_left--;
	r->taken += size;
	if (r->n < 64)
		r->sizes[r->n++] = size;
	return aligned_alloc(16, size);
}

static void
record_give(void *ctx, void *page, size_t size)
{
	struct recorder *r = ctx;

	r->given += size;
	free(page);
}

#define RECORDER(r) ((struct arena_source){record_take, record_give, (r)})

static void
test_page_sizes(void **state)
{
	struct recorder r = {.pages_left = 64};
	struct arena_source source = RECORDER(&r);
	struct arena_budget budget = {.limit = 1u << 20};
	struct arena a;

	arena_init(&a, &source, &budget);
	assert_int_equal(r.n, 0); /* nothing before the first allocation */
	assert_non_null(arena_alloc(&a, 100));
	assert_non_null(arena_alloc(&a, 1000));
	assert_non_null(arena_alloc(&a, 5000));
	assert_non_null(arena_alloc(&a, 40000));
	assert_int_equal(r.n, 3);
	assert_int_equal(r.sizes[0], ARENA_PAGE_SMALL);
	assert_int_equal(r.sizes[1], ARENA_PAGE_MEDIUM);
	assert_int_equal(r.sizes[2], ARENA_PAGE_LARGE); /* holds the 40,000 too */
	assert_int_equal(budget.held, r.taken);
	assert_null(arena_alloc(&a, ARENA_PAGE_LARGE));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_release(&a);
	assert_int_equal(r.taken, r.given);
	assert_int_equal(budget.held, 0);
	assert_int_equal(budget.peak, r.taken);
	assert_non_null(arena_alloc(&a, 1)); /* can be used again */
	arena_release(&a);
}

static void
test_alignment_and_content(void **state)
{
	struct arena_budget budget = {.limit = 1u << 20};
	struct arena a;
	char *copy;

	arena_init(&a, &arena_source_malloc, &budget);
	for (size_t n = 0; n < 300; n++) {
		uint8_t *p = arena_zalloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xa5, n); /* AddressSanitizer would see a page's end */
	}
	copy = arena_copy(&a, "lock", 3);
	assert_string_equal(copy, "loc");
	assert_string_equal(arena_copy(&a, NULL, 0), "");
	arena_release(&a);
}

static void
test_marks_are_a_stack(void **state)
{
	struct recorder r = {.pages_left = 64};
	struct arena_source source = RECORDER(&r);
	struct arena_budget budget = {.limit = 1u << 20};
	struct arena_mark outer, inner, empty;
	struct arena a;
	char *kept, *first;

	arena_init(&a, &source, &budget);
	empty = arena_mark(&a);
	kept = arena_copy(&a, "kept", 4);
	outer = arena_mark(&a);
	first = arena_alloc(&a, 64);
	inner = arena_mark(&a);
	for (int i = 0; i < 20; i++)
		assert_non_null(arena_alloc(&a, 3000));
	arena_rewind(&a, inner);
	assert_int_equal(budget.held, ARENA_PAGE_SMALL); /* pages above go back at once */
	arena_rewind(&a, outer);
	assert_ptr_equal(arena_alloc(&a, 64), first); /* the same place again */
	assert_string_equal(kept, "kept");
	arena_rewind(&a, empty);
	assert_int_equal(budget.held, 0);
	assert_int_equal(r.taken, r.given);
}

static void
test_shared_budget(void **state)
{
	struct arena_budget budget = {.limit = ARENA_PAGE_SMALL + ARENA_PAGE_MEDIUM};
	struct arena a, b;

	arena_init(&a, &arena_source_malloc, &budget);
	arena_init(&b, &arena_source_malloc, &budget);
	assert_non_null(arena_alloc(&a, 2000));
	assert_non_null(arena_alloc(&b, 500));
	assert_null(arena_alloc(&b, 1000)); /* what a holds counts here too */
	assert_int_equal(budget.held, budget.limit);
	arena_release(&a);
	assert_non_null(arena_alloc(&b, 1000));
	arena_release(&b);
	assert_int_equal(budget.held, 0);
}

/* The same work with less and less memory: it fails cleanly, and never overruns. */
static size_t
work(struct arena *a, struct arena_budget *budget)
{
	static const size_t sizes[] = {16, 900, 100, 3000, 5000, 1, 60000, 4000, 64, 30000};
	size_t done = 0;

	for (; done < sizeof(sizes) / sizeof(sizes[0]); done++) {
		uint8_t *p = arena_alloc(a, sizes[done]);

		assert_true(budget->held <= budget->limit);
		if (p == NULL)
			break;
		memset(p, (int)done, sizes[done]);
	}
	return done;
}

static void
test_shrinking(void **state)
{
	size_t most = 10;

	for (size_t limit = 300000; limit > 0; limit -= limit > 8192 ? 4096 : 1) {
		struct arena_budget budget = {.limit = limit};
		struct arena a;
		size_t done;

		arena_init(&a, &arena_source_malloc, &budget);
		done = work(&a, &budget);
		assert_true(done <= most); /* less memory never gets further */
		most = done;
		arena_release(&a);
		assert_int_equal(budget.held, 0);
	}
	assert_int_equal(most, 0);
}

static void
test_source_runs_dry(void **state)
{
	for (size_t pages = 0; pages < 8; pages++) {
		struct recorder r = {.pages_left = pages};
		struct arena_source source = RECORDER(&r);
		struct arena_budget budget = {.limit = 1u << 20};
		struct arena a;

		arena_init(&a, &source, &budget);
		(void)work(&a, &budget);
		assert_int_equal(budget.held, r.taken);
		arena_release(&a);
		assert_int_equal(r.taken, r.given);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_alignment_and_content),
		cmocka_unit_test(test_marks_are_a_stack),
		cmocka_unit_test(test_shared_budget),
		cmocka_unit_test(test_shrinking),
		cmocka_unit_test(test_source_runs_dry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
