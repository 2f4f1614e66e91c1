/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The published baseline of corelight/community-id-spec: baseline/baseline_deflt.json. */
#include "policy/community_id.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct baseline {
	uint8_t transport;
	const char *from, *to;
	uint16_t from_port, to_port;
	const char *want;
} baseline[] = {
	{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
		"1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
		"1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
	{46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
};

static struct endpoints
ends_of(const struct baseline *b)
{
	struct endpoints ends = {.family = 4, .port = {b->from_port, b->to_port}};
	int family = AF_INET;

	if (strchr(b->from, ':') != NULL) {
		ends.family = 6;
		family = AF_INET6;
	}
	assert_int_equal(inet_pton(family, b->from, ends.address[DIR_CLIENT]), 1);
	assert_int_equal(inet_pton(family, b->to, ends.address[DIR_SERVER]), 1);
	return ends;
}

static void
test_baseline(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(baseline); i++) {
		struct endpoints ends = ends_of(&baseline[i]);
		char got[COMMUNITY_ID_SIZE];

		assert_true(community_id(&ends, baseline[i].transport, got));
		assert_string_equal(got, baseline[i].want);
	}
}

/* A flow of a host with itself: the ports decide which end comes first. */
static void
test_one_address(void **state)
{
	struct endpoints there = {
		.family = 4, .address = {{127, 0, 0, 1}, {127, 0, 0, 1}}, .port = {40000, 25}};
	struct endpoints back = there;
	char a[COMMUNITY_ID_SIZE], b[COMMUNITY_ID_SIZE];

	(void)state;
	back.port[DIR_CLIENT] = 25;
	back.port[DIR_SERVER] = 40000;
	assert_true(community_id(&there, 6, a));
	assert_true(community_id(&back, 6, b));
	assert_string_equal(a, b);
}

static void
test_no_family(void **state)
{
	struct endpoints ends = {.family = 0};
	char got[COMMUNITY_ID_SIZE] = "x";

	(void)state;
	assert_false(community_id(&ends, 6, got));
	assert_string_equal(got, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_no_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
