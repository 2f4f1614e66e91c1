/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy/domains.h"

/* A sequence of numbers that is the same in every run (xorshift64). */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- the naive reference: every bit of every network ---- */

static bool
naive_contains(const struct network *net, uint8_t family, const uint8_t *address)
{
	if (net->family != family)
		return false;
	for (unsigned i = 0; i < net->prefix; i++)
		if ((net->address[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static int
naive_find(const struct network *list, size_t n, uint8_t family, const uint8_t *address)
{
	int best = DOMAIN_NONE, longest = -1;

	for (size_t i = 0; i < n; i++)
		if (list[i].prefix > longest && naive_contains(&list[i], family, address)) {
			longest = list[i].prefix;
			best = list[i].domain;
		}
	return best;
}

/* Few different bytes, so that networks nest and repeat. */
static void
random_address(uint64_t *state, uint8_t family, uint8_t ret[16])
{
	static const uint8_t bytes[] = {0, 1, 10, 127, 128, 254, 255};

	memset(ret, 0, 16);
	for (unsigned i = 0; i < (family == 4 ? 4 : 16); i++)
		ret[i] = bytes[next_random(state) % ARRAY_LEN(bytes)];
}

static struct network
random_network(uint64_t *state, uint16_t domain)
{
	struct network net = {.family = next_random(state) % 2 == 0 ? 4 : 6, .domain = domain};
	unsigned bits = net.family == 4 ? 32 : 128;

	net.prefix = (uint8_t)(next_random(state) % (bits + 1));
	random_address(state, net.family, net.address);
	for (unsigned i = net.prefix; i < bits; i++)
		net.address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return net;
}

static void
test_networks_against_reference(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct pool pool = {.limit = 1 << 20};
		struct network list[60];
		size_t n = next_random(&seed) % ARRAY_LEN(list);
		struct network_table *t;

		for (size_t i = 0; i < n; i++)
			list[i] = random_network(&seed, (uint16_t)i);
		t = network_table_build(&pool, list, n);
		assert_non_null(t);
		for (unsigned i = 0; i < 400; i++) {
			uint8_t family = i % 2 == 0 ? 4 : 6, address[16];

			random_address(&seed, family, address);
			assert_int_equal(network_find(t, family, address),
				naive_find(list, n, family, address));
		}
		pool_free(&pool);
	}
}

static void
test_network_edges(void **state)
{
	static const char *const texts[] = {"0.0.0.0/0", "10.0.0.0/8", "10.255.255.255/32",
		"255.255.255.255", "::/0", "ffff::/16"};
	static const struct {
		const char *address;
		int want;
	} cases[] = {
		{"0.0.0.0", 0},
		{"9.255.255.255", 0},
		{"10.0.0.0", 1},
		{"10.255.255.254", 1},
		{"10.255.255.255", 2},
		{"11.0.0.0", 0},
		{"255.255.255.254", 0},
		{"255.255.255.255", 3},
		{"::", 4},
		{"fffe:ffff::", 4},
		{"ffff::", 5},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 5},
	};
	struct pool pool = {.limit = 1 << 20};
	struct network list[ARRAY_LEN(texts)];
	struct network_table *t;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(network_parse(texts[i], &list[i], &why));
		list[i].domain = (uint16_t)i;
	}
	t = network_table_build(&pool, list, ARRAY_LEN(texts));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool v6 = strchr(cases[i].address, ':') != NULL;
		uint8_t address[16];

		assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, cases[i].address, address), 1);
		assert_int_equal(network_find(t, v6 ? 6 : 4, address), cases[i].want);
	}
	pool_free(&pool);
}

static void
test_network_texts(void **state)
{
	static const char *const bad[] = {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8",
		"10.0.0.1/8", "10.0.0.0/8 ", "::/129", "2001:db8::1/32", "example.org",
		"10.0.0.0/-1", "10.0.0.0/8/8"};
	struct network net;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(network_parse(bad[i], &net, &why));
	assert_true(network_parse("2001:db8::/32", &net, &why));
	assert_int_equal(net.family, 6);
	assert_int_equal(net.prefix, 32);
}

static void
test_names(void **state)
{
	static const char *const texts[] = {"example.org", "*.example.org", "*.sub.example.org",
		"*.ORG", "a.b.example.org", "räksmörgås.example"};
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{"example.org", 0},
		{"EXAMPLE.org.", 0},
		{"www.example.org", 1},
		{"sub.example.org", 1},
		{"x.sub.example.org", 2},
		{"y.x.sub.example.org", 2},
		{"a.b.example.org", 4},
		{"b.example.org", 1},
		{"notexample.org", 3},
		{"org", DOMAIN_NONE},
		{"example.com", DOMAIN_NONE},
		{"", DOMAIN_NONE},
		{".", DOMAIN_NONE},
		{"räksmörgås.example", 5},
		{"xn--rksmrgs-5wao1o.example", DOMAIN_NONE},
	};
	struct pool pool = {.limit = 1 << 20};
	struct name_pattern list[ARRAY_LEN(texts)];
	struct name_table *t;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(name_pattern_parse(texts[i], &pool, &list[i], &why));
		list[i].domain = (uint16_t)i;
	}
	t = name_table_build(&pool, list, ARRAY_LEN(texts));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(name_find(t, bytes_str(cases[i].name)), cases[i].want);
	pool_free(&pool);
}

/* "*" is for names that nothing else fits; a name too long for DNS fits only that. */
static void
test_every_name(void **state)
{
	struct pool pool = {.limit = 1 << 20};
	struct name_pattern list[2];
	struct name_table *t;
	char name[70000];
	const char *why;

	(void)state;
	assert_true(name_pattern_parse("*", &pool, &list[0], &why));
	assert_true(name_pattern_parse("*.x", &pool, &list[1], &why));
	list[1].domain = 1;
	t = name_table_build(&pool, list, 2);
	assert_int_equal(name_find(t, BYTES_LIT("a.y")), 0);
	assert_int_equal(name_find(t, BYTES_LIT("a.x")), 1);
	memset(name, '.', sizeof(name));
	assert_int_equal(name_find(t, bytes_of(name, sizeof(name))), 0);
	name[sizeof(name) - 1] = 'x';
	assert_int_equal(name_find(t, bytes_of(name, sizeof(name))), 1);
	pool_free(&pool);
}

static void
test_name_texts(void **state)
{
	static const char *const bad[] = {"", ".", "a..b", ".a", "a.", "*.", "a.*", "*a", "a b",
		"a/b", "user@example.org",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.org"};
	struct pool pool = {.limit = 1 << 20};
	struct name_pattern pattern;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(name_pattern_parse(bad[i], &pool, &pattern, &why));
	pool_free(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks_against_reference),
		cmocka_unit_test(test_network_edges),
		cmocka_unit_test(test_network_texts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_name),
		cmocka_unit_test(test_name_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
