/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspectors/proto/http1_head.h"
#include "tests/support/recorder.h"

#define C(s) {SAY_CLIENT, {(const uint8_t *)(s), sizeof(s) - 1}, 0}
#define S(s) {SAY_SERVER, {(const uint8_t *)(s), sizeof(s) - 1}, 0}
#define LOST_C(n) {LOSE_CLIENT, {NULL, 0}, (n)}
#define LOST_S(n) {LOSE_SERVER, {NULL, 0}, (n)}
#define END_C {END_CLIENT, {NULL, 0}, 0}
#define END_S {END_SERVER, {NULL, 0}, 0}

enum { STEPS_MAX = 8 };

static const struct http_case {
	const char *name;
	struct step steps[STEPS_MAX];
	const char *want;
} cases[] = {
	{"RFC 9110, 3.9: a request and its response",
		{C("GET /hello.txt HTTP/1.1\r\nHost: www.example.com\r\n\r\n"),
			S("HTTP/1.1 200 OK\r\nContent-Length: 14\r\nContent-Type: text/plain; "
			  "charset=UTF-8\r\n\r\nHello World!\r\n")},
		"client http method=GET host=www.example.com path=/hello.txt\n"
		"  http>header \"GET /hello.txt HTTP/1.1\\r\\nHost: www.example.com\\r\\n\\r\\n\"\n"
		"server http method=GET host=www.example.com path=/hello.txt\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\nContent-Type: "
		"text/plain; charset=UTF-8\\r\\n\\r\\n\"\n"
		"  http>body type=text/plain charset=UTF-8 \"Hello World!\\r\\n\"\n"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;

		while (n < STEPS_MAX && (cases[i].steps[n].bytes.n > 0 ||
						cases[i].steps[n].what != SAY_CLIENT))
			n++;
		assert_records(cases[i].name, &http1_inspector, cases[i].steps, n, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
