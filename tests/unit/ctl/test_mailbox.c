/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/cut.h"

/* What came out, one letter for each call: "<E…|M…>" for a mail. */
struct log {
	struct box box;
	char last;
};

static void
put(struct log *l, char kind, struct bytes in)
{
	if (l->last != kind)
		box_put(&l->box, &kind, 1);
	l->last = kind;
	box_put(&l->box, in.p, in.n);
}

static void
on_begin(void *ctx)
{
	put(ctx, '<', bytes_of(NULL, 0));
}

static void
on_envelope(void *ctx, struct bytes in)
{
	put(ctx, 'E', in);
}

static void
on_mail(void *ctx, struct bytes in)
{
	put(ctx, 'M', in);
}

static void
on_end(void *ctx)
{
	put(ctx, '>', bytes_of(NULL, 0));
}

static void
feed(void *ctx, struct bytes piece)
{
	mailbox_push(ctx, piece);
}

#define SEP "From a@vard.example Fri Jul  8 12:08:34 2011\n"

static const struct mailbox_case {
	const char *name, *in, *want;
} cases[] = {
	{"empty", "", ""},
	{"one", SEP "Subject: x\n\nhej\n", "<E" SEP "MSubject: x\n\nhej\n>"},
	{"two", SEP "A: b\n\nx\n\n" SEP "C: d\n\ny\n",
		"<E" SEP "MA: b\n\nx\n\n><E" SEP "MC: d\n\ny\n>"},
	{"CRLF", "From - 12:08\r\nA: b\r\n\r\nx\r\n\r\nFrom - 12:09\r\ny\r\n",
		"<EFrom - 12:08\r\nMA: b\r\n\r\nx\r\n\r\n><EFrom - 12:09\r\nMy\r\n>"},
	{"no empty line before", SEP "\nx\n" SEP "y\n", "<E" SEP "M\nx\n" SEP "y\n>"},
	{"a sentence", SEP "\n\nFrom here on it is easy.\n",
		"<E" SEP "M\n\nFrom here on it is easy.\n>"},
	{"other words", SEP "\nFr\n\nFro\n\nFrom\n\nF", "<E" SEP "M\nFr\n\nFro\n\nFrom\n\nF>"},
	{"lone CR", SEP "\n\rFrom - 12:08\n\r", "<E" SEP "M\n\rFrom - 12:08\n\r>"},
	{"ends in a separator", SEP "a\n\nFrom b 12:08", "<E" SEP "Ma\n\n><EFrom b 12:08>"},
	{"no separator at the beginning", "x\n\n" SEP "y", "<Mx\n\n><E" SEP "My>"},
};

static struct log
cut_mailbox(const char *in, size_t cut, size_t step)
{
	struct log log = {0};
	const struct mailbox_sink sink = {on_begin, on_envelope, on_mail, on_end, &log};
	struct mailbox b;

	mailbox_open(&b, &sink);
	if (step > 0)
		feed_steps(bytes_str(in), step, feed, &b);
	else
		feed_cut(bytes_str(in), cut, feed, &b);
	mailbox_close(&b);
	return log;
}

static void
check(const struct mailbox_case *c, size_t cut, size_t step)
{
	struct log got = cut_mailbox(c->in, cut, step);

	if (!bytes_equal(bytes_of(got.box.p, got.box.n), bytes_str(c->want)))
		fail_msg("%s, cut %zu, step %zu: \"%.*s\"", c->name, cut, step, (int)got.box.n,
			(const char *)got.box.p);
	box_free(&got.box);
}

static void
test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].in); cut++)
			check(&cases[i], cut, 0);
		for (size_t step = 1; step < 20; step++)
			check(&cases[i], 0, step);
	}
}

/* A line too long for a separator passes whole, wherever it is cut. */
static void
test_long_line(void **state)
{
	char in[600], want[604];

	(void)state;
	memset(in, 'x', sizeof(in));
	memcpy(in, "From 12:08 ", 11);
	in[sizeof(in) - 1] = '\0';
	snprintf(want, sizeof(want), "<M%s>", in);
	for (size_t cut = 0; cut < sizeof(in); cut++)
		check(&(struct mailbox_case){"long", in, want}, cut, 0);
}

static const struct kind_case {
	const char *name, *head;
	enum file_kind want;
} kinds[] = {
	{"a.txt", "hej", FILE_PLAIN},
	{"a.txt", "", FILE_PLAIN},
	{"a.EML", "hej", FILE_MAIL},
	{".eml", "hej", FILE_PLAIN},
	{"1234.host:2,S", "Return-Path: <a@b>\nReceived: from x\n\tby y\nSubject: z\n\nhej",
		FILE_MAIL},
	{"m", "From: a@b\r\nTo: c@d\r\n\r\nhej", FILE_MAIL},
	{"note", "Subject: hej\nand no more fields", FILE_PLAIN},
	{"conf", "listen: 80\nlog: yes\n", FILE_PLAIN},
	{"late", "Name: x\n\nFrom: a\nTo: b\n", FILE_PLAIN},
	{"cut", "From: a@b\nTo: c@d\nSubj", FILE_MAIL},
	{"box", SEP "From: a\n", FILE_MBOX},
	{"box", "From here on: 12:08", FILE_PLAIN},
};

static void
test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (file_kind_of(bytes_str(kinds[i].name), bytes_str(kinds[i].head)) !=
			kinds[i].want)
			fail_msg("%s: %s", kinds[i].name, kinds[i].head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
