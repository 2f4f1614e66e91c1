/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of every size: each is whole, aligned, nobody else's, and comes back to
 * serve any size again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "dataplane/pages.h"
#include "tests/support/dpdk.h"

enum { MIB = 1 << 20, HELD_MAX = 8192 };

static const size_t sizes[] = {ARENA_PAGE_SMALL, ARENA_PAGE_MEDIUM, ARENA_PAGE_LARGE};

struct held {
	void *page;
	size_t size;
	uint8_t mark;
};

static int
group_setup(void **state)
{
	return dpdk_start("64") ? 0 : -1;
}

static void
take(struct pages *p, struct held *h, size_t size, uint8_t mark)
{
	*h = (struct held){pages_source(p)->take(pages_source(p)->ctx, size), size, mark};
	if (h->page == NULL)
		return;
	assert_int_equal((uintptr_t)h->page % 16, 0);
	memset(h->page, mark, size);
}

/* Nobody wrote into it. */
static void
give(struct pages *p, const struct held *h)
{
	for (size_t i = 0; i < h->size; i++)
		assert_int_equal(((uint8_t *)h->page)[i], h->mark);
	pages_source(p)->give(pages_source(p)->ctx, h->page, h->size);
}

/* Take one size until the end, then give all back. @return how many there were */
static size_t
exhaust(struct pages *p, size_t size)
{
	static struct held held[HELD_MAX];
	uint64_t refused = pages_refused(p), before = pages_held(p);
	size_t n = 0;

	do {
		assert_true(n < HELD_MAX);
		take(p, &held[n], size, (uint8_t)n);
	} while (held[n++].page != NULL);
	n--;
	assert_int_equal(pages_refused(p), refused + 1);
	assert_int_equal(pages_held(p), before + n * size);
	for (size_t i = 0; i < n; i++)
		give(p, &held[(i * 7919) % n]);
	assert_int_equal(pages_held(p), before);
	return n;
}

static void
test_every_size_to_the_limit(void **state)
{
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct pages *p = pages_create(2 * MIB, SOCKET_ID_ANY);
		size_t n;

		assert_non_null(p);
		n = exhaust(p, sizes[s]);
		/* A slab's header takes one page of 16 or 64; nothing goes beyond the limit. */
		assert_true(n * sizes[s] <= 2 * MIB && n * sizes[s] >= 2 * MIB / 16 * 15);
		assert_int_equal(pages_peak(p), n * sizes[s]);
		assert_int_equal(exhaust(p, sizes[s]), n);
		pages_destroy(p);
	}
}

/* Memory that served one size serves every other. */
static void
test_reuse_by_other_sizes(void **state)
{
	struct pages *p = pages_create(MIB, SOCKET_ID_ANY);
	size_t n[3];

	assert_non_null(p);
	for (int s = 0; s < 3; s++)
		n[s] = exhaust(p, sizes[s]);
	for (int round = 0; round < 9; round++)
		assert_int_equal(exhaust(p, sizes[round * 2 % 3]), n[round * 2 % 3]);
	pages_destroy(p);
}

static void
test_least_limit(void **state)
{
	struct pages *p = pages_create(1, SOCKET_ID_ANY);

	assert_non_null(p);
	assert_int_equal(exhaust(p, ARENA_PAGE_LARGE), MIB / ARENA_PAGE_LARGE);
	pages_destroy(p);
	pages_destroy(NULL);
}

static uint32_t
random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
test_random(void **state)
{
	static struct held held[512];
	struct pages *p = pages_create(3 * MIB, SOCKET_ID_ANY);
	uint32_t seed = 1;
	uint64_t sum = 0;

	assert_non_null(p);
	for (int i = 0; i < 200000; i++) {
		struct held *h = &held[random_next(&seed) % 512];

		if (h->page != NULL) {
			sum -= h->size;
			/* Looking at all its bytes each time would take too long. */
			assert_int_equal(((uint8_t *)h->page)[h->size - 1], h->mark);
			assert_int_equal(((uint8_t *)h->page)[0], h->mark);
			pages_source(p)->give(pages_source(p)->ctx, h->page, h->size);
			h->page = NULL;
			continue;
		}
		h->size = sizes[random_next(&seed) % 8 == 0 ? 2 : random_next(&seed) % 2];
		h->mark = (uint8_t)i;
		h->page = pages_source(p)->take(pages_source(p)->ctx, h->size);
		if (h->page == NULL)
			continue;
		((uint8_t *)h->page)[0] = ((uint8_t *)h->page)[h->size - 1] = h->mark;
		sum += h->size;
		assert_int_equal(pages_held(p), sum);
	}
	for (int i = 0; i < 512; i++)
		if (held[i].page != NULL)
			pages_source(p)->give(pages_source(p)->ctx, held[i].page, held[i].size);
	assert_int_equal(pages_held(p), 0);
	assert_true(pages_refused(p) > 0);
	assert_int_equal(exhaust(p, ARENA_PAGE_LARGE), 3 * MIB / ARENA_PAGE_LARGE);
	pages_destroy(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_to_the_limit),
		cmocka_unit_test(test_reuse_by_other_sizes),
		cmocka_unit_test(test_least_limit),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
