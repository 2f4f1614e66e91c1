/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspectors/conversation.h"
#include "inspectors/transfer.h"

static const uint8_t announced[16] = {10, 0, 0, 1}, own[16] = {192, 0, 2, 1},
		     other[16] = {198, 51, 100, 1};

static struct endpoints
to(const uint8_t *address, uint8_t family, uint16_t port)
{
	struct endpoints e = {.family = family, .port = {50000, port}};

	memcpy(e.address[DIR_SERVER], address, sizeof(e.address[DIR_SERVER]));
	return e;
}

static struct transfer *
match(struct transfer_table *t, const uint8_t *address, uint16_t port)
{
	struct endpoints e = to(address, 4, port);

	return transfer_match(t, &e);
}

static void
test_match_by_either_address_once(void **state)
{
	struct transfer_table *t = transfer_table_new(16);
	struct transfer *a = transfer_announce(t, 4, announced, own, 2000, true);
	struct endpoints six = to(announced, 6, 2000);

	(void)state;
	assert_null(match(t, other, 2000));
	assert_null(match(t, announced, 2001));
	assert_null(transfer_match(t, &six));
	assert_ptr_equal(match(t, own, 2000), a);
	assert_null(match(t, announced, 2000)); /* it has its connection */
	transfer_release(t, a);
	transfer_release(t, a);
	transfer_table_free(t);
}

static void
test_newest_of_one_port(void **state)
{
	struct transfer_table *t = transfer_table_new(16);
	struct transfer *a = transfer_announce(t, 4, announced, own, 2000, true);
	struct transfer *b = transfer_announce(t, 4, announced, own, 2000, true);

	(void)state;
	assert_ptr_equal(match(t, announced, 2000), b);
	assert_ptr_equal(match(t, announced, 2000), a);
	for (int i = 0; i < 2; i++) {
		transfer_release(t, a);
		transfer_release(t, b);
	}
	transfer_table_free(t);
}

/* The control connection may end first: the data connection still knows its name. */
static void
test_either_may_end_first(void **state)
{
	struct transfer_table *t = transfer_table_new(16);
	struct transfer *a = transfer_announce(t, 4, announced, own, 2000, true), *d;

	(void)state;
	a->command = "STOR";
	d = match(t, own, 2000);
	transfer_release(t, a);
	assert_string_equal(d->command, "STOR");
	transfer_release(t, d);
	a = transfer_announce(t, 4, announced, own, 2000, true);
	transfer_release(t, a); /* never followed */
	assert_null(match(t, own, 2000));
	transfer_table_free(t);
}

static void
test_limit(void **state)
{
	struct transfer_table *t = transfer_table_new(3);
	struct transfer *held[3];

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (uint16_t i = 0; i < 3; i++) {
			held[i] =
				transfer_announce(t, 4, announced, own, (uint16_t)(i * 4096), true);
			assert_non_null(held[i]);
		}
		assert_null(transfer_announce(t, 4, announced, own, 9, true));
		for (int i = 0; i < 3; i++)
			transfer_release(t, held[(i + round) % 3]);
	}
	transfer_table_free(t);
}

static void
test_no_table(void **state)
{
	struct endpoints e = to(own, 4, 1);

	(void)state;
	assert_null(transfer_announce(NULL, 4, announced, own, 1, true));
	assert_null(transfer_match(NULL, &e));
	transfer_release(NULL, NULL);
	transfer_table_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match_by_either_address_once),
		cmocka_unit_test(test_newest_of_one_port),
		cmocka_unit_test(test_either_may_end_first),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
