/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which judged messages leave a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/report.h"

static void
test_what_is_written(void **state)
{
	static const struct {
		const char *name;
		struct message m;
		bool alert, log, want;
	} rows[] = {
		{"a clean mail, alerts only", {.command = "DATA"}, false, false, false},
		{"a clean mail, all messages", {.command = "DATA"}, false, true, true},
		{"an alert", {.findings_total = 1}, true, false, true},
		{"a session's alert", {.session = true, .findings_total = 1}, true, false, true},
		{"a session, alerts only", {.session = true}, false, false, false},
		{"a bare session", {.session = true, .bytes_total = 6}, false, true, false},
		{"a cut one", {.session = true, .cut = true}, false, true, false},
		{"one with a finding", {.session = true, .findings_total = 1}, false, true, true},
		{"one with a gap", {.session = true, .gap_bytes = 1}, false, true, true},
		{"one with opaque bytes", {.session = true, .opaque = {[OPAQUE_TLS] = 1}}, false,
			true, true},
		{"one with an opaque part", {.session = true, .n_opaque_parts = 1}, false, true,
			true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (report_writes(&rows[i].m, rows[i].alert, rows[i].log) != rows[i].want)
			fail_msg("%s", rows[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_written)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
