/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "inspectors/distinct.h"

/* splitmix64 (Steele, Lea, Flood 2014): one to one, so no two inputs collide. */
static uint64_t
spread(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void
add_up(void *ctx, struct distinct_entry *e)
{
	*(uint64_t *)ctx += e->part;
}

static void
test_counts_exactly(void **state)
{
	struct arena_budget budget = {.limit = 64u << 20};
	struct distinct set = {0};
	struct arena a;
	uint64_t sum = 0;
	bool is_new;

	arena_init(&a, &arena_source_malloc, &budget);
	assert_null(distinct_find(&set, spread(1)));
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 1; i <= 100000; i++) {
			struct distinct_entry *e = distinct_get(&set, &a, spread(i), &is_new);

			assert_non_null(e);
			assert_int_equal(is_new, round == 0);
			if (is_new)
				e->part = (uint32_t)i;
			assert_int_equal(e->part, i);
			assert_ptr_equal(distinct_find(&set, spread(i)), e);
			assert_int_equal(distinct_find(&set, spread(i + 1)) != NULL,
				round == 1 && i < 100000);
		}
	assert_int_equal(set.count, 100000);
	distinct_each(&set, add_up, &sum);
	assert_int_equal(sum, UINT64_C(100000) * 100001 / 2);
	arena_release(&a);
	assert_int_equal(budget.held, 0);
}

/* Hashes that agree in their top bits make the directory deep, then run out. */
static void
test_crafted_hashes_end_in_null(void **state)
{
	struct arena_budget budget = {.limit = 64u << 20};
	struct distinct set = {0};
	struct arena a;
	bool is_new = true;
	uint64_t i = 1;

	arena_init(&a, &arena_source_malloc, &budget);
	while (i < 100000 && distinct_get(&set, &a, i, &is_new) != NULL)
		i++;
	assert_in_range(i, 200, 1000);
	assert_int_equal(set.count, i - 1);
	arena_release(&a);
}

static void
test_every_budget_ends_cleanly(void **state)
{
	for (size_t limit = 0; limit < 65536; limit += 1000) {
		struct arena_budget budget = {.limit = limit};
		struct distinct set = {0};
		struct arena a;
		uint64_t i = 1;
		bool is_new;

		arena_init(&a, &arena_source_malloc, &budget);
		while (distinct_get(&set, &a, spread(i), &is_new) != NULL)
			i++;
		assert_int_equal(set.count, i - 1);
		assert_true(budget.peak <= limit);
		arena_release(&a);
	}
}

static void
test_hash_zero_is_an_identifier_too(void **state)
{
	struct arena_budget budget = {.limit = 65536};
	struct distinct set = {0};
	struct arena a;
	bool is_new;

	arena_init(&a, &arena_source_malloc, &budget);
	assert_non_null(distinct_get(&set, &a, 0, &is_new));
	assert_true(is_new);
	assert_non_null(distinct_get(&set, &a, 0, &is_new));
	assert_false(is_new);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_exactly),
		cmocka_unit_test(test_crafted_hashes_end_in_null),
		cmocka_unit_test(test_every_budget_ends_cleanly),
		cmocka_unit_test(test_hash_zero_is_an_identifier_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
