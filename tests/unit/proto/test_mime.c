/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/proto/test_mail_double.h"

static const struct mime_case {
	const char *name;
	const char *in;
	const char *want; /* parts in the order in which they end, then the message */
} cases[] = {
        {"RFC 5322, appendix A.1.1",
                "From: John Doe <jdoe@machine.example>\r\nTo: Mary Smith <mary@example.net>\r\n"
                "Subject: Saying Hello\r\nMessage-ID: <1234@local.machine.example>\r\n\r\n"
                "This is a message just to say hello.\r\nSo, \"Hello\".\r\n",
                "part mime[1] [uu] \"This is a message just to say hello.\\r\\n"
                "So, \"Hello\".\\r\\n\"\n"
                "part smtp message/rfc822 [] \"From: John Doe <jdoe@machine.example>\\n"
                "To: Mary Smith <mary@example.net>\\nSubject: Saying Hello\\n"
                "Message-ID: <1234@local.machine.example>\\n\"\n"
                "message c - subject=Saying Hello id=<1234@local.machine.example>\n"},
        /* Shortened; the line end before a boundary is the boundary's. */
        {"RFC 2046, 5.1.1",
                "Subject: Sample message\r\nMIME-Version: 1.0\r\n"
                "Content-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n"
                "This is the preamble.\r\n\r\n--simple boundary\r\n\r\n"
                "It does NOT end with a linebreak.\r\n--simple boundary\r\n"
                "Content-type: text/plain; charset=us-ascii\r\n\r\n"
                "It DOES end with a linebreak.\r\n\r\n--simple boundary--\r\n\r\n"
                "This is the epilogue.\r\n",
                "part mime[1] [uu] \"It does NOT end with a linebreak.\"\n"
                "part mime[2] text/plain charset=us-ascii [uu] "
                "\"It DOES end with a linebreak.\\r\\n\"\n"
                "part smtp message/rfc822 [] \"Subject: Sample message\\nMIME-Version: 1.0\\n"
                "Content-type: multipart/mixed; boundary=\"simple boundary\"\\n"
                "This is the preamble.\\r\\n\\r\\nContent-type: text/plain; charset=us-ascii\\n"
                "\\r\\nThis is the epilogue.\\r\\n\"\n"
                "message c - subject=Sample message\n"},
        {"bare LF, trailing blanks, a boundary that begins like another, none at the end",
                "Content-Type: multipart/mixed; boundary=b\n\n--b \t "
                "\n\none\n--bc\n--b--x\n-\n--b\n\n"
                "two\n--",
                "part mime[1] [uu] \"one\\n--bc\\n--b--x\\n-\"\n"
                "part mime[2] [uu] \"two\\n--\"\n"
                "part smtp message/rfc822 [] opaque:damaged "
                "\"Content-Type: multipart/mixed; boundary=b\\n\"\n"
                "message c -\n"},
        {"nested: a multipart in a multipart, and a message in it (P30)",
                "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
                "Content-Type: multipart/alternative; boundary=aa\r\n\r\n--aa\r\n\r\nx\r\n--aa\r\n"
                "Content-Type: text/html\r\n\r\ny\r\n--aa--\r\n--a\r\n"
                "Content-Type: message/rfc822\r\nContent-Disposition: attachment; "
                "filename=\"test.msg\"\r\n\r\nFrom: attachment@example.com\r\nSubject: inner\r\n"
                "\r\nz\r\n--a--\r\n",
                "part mime[1.1] [uu] \"x\"\n"
                "part mime[1.2] text/html [raw] \"y\"\n"
                "part mime[2.1] [uu] \"z\"\n"
                "part smtp message/rfc822 [] \"Subject: outer\\n"
                "Content-Type: multipart/mixed; boundary=a\\n"
                "Content-Type: multipart/alternative; boundary=aa\\nContent-Type: text/html\\n"
                "Content-Type: message/rfc822\\n"
                "Content-Disposition: attachment; filename=\"test.msg\"\\n"
                "From: attachment@example.com\\nSubject: inner\\n\"\n"
                "message c - subject=outer file=test.msg\n"},
        {"encodings and names (P20, P26, P32)",
                "Subject: =?iso-8859-1?B?dGVzdCDl?=\r\n =?iso-8859-1?Q?=E9?=\r\n"
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                "Content-Type: text/plain; charset=\"ISO-8859-1\"\r\n"
                "Content-Transfer-Encoding: Quoted-Printable (yes)\r\n\r\n=E5\r\n--b\r\n"
                "Content-Type: application/zip; name=other.zip\r\n"
                "content-transfer-encoding: BASE64\r\nContent-Disposition: attachment;\r\n"
                "\tfilename*0=\"long-\";\r\n\tfilename*1=\"name.zip\"\r\n\r\nUEsDBA==\r\n--b--",
                "part mime[1] text/plain charset=iso-8859-1 [qp] \"=E5\"\n"
                "part mime[2] application/zip name=long-name.zip [base64] \"UEsDBA==\"\n"
                "part smtp message/rfc822 [] \"Subject: test \xc3\xa5\xc3\xa9\\n"
                "Content-Type: multipart/mixed; boundary=b\\n"
                "Content-Type: text/plain; charset=\"ISO-8859-1\"\\n"
                "Content-Transfer-Encoding: Quoted-Printable (yes)\\n"
                "Content-Type: application/zip; name=other.zip\\n"
                "content-transfer-encoding: BASE64\\n"
                "Content-Disposition: "
                "attachment;\tfilename*0=\"long-\";\tfilename*1=\"name.zip\"\\n"
                "long-name.zip\\n\"\nmessage c - subject=test \xc3\xa5\xc3\xa9 file=long-name.zip\n"},
        {"RFC 2231, 4.1: what is percent-encoded or in pieces is text too, all of it",
                "Content-Type: application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
                " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"\n"
                "Content-Disposition: attachment; filename*=iso-8859-1''%E5.txt; "
                "filename*=utf-8''b%2d.txt\n\nx",
                "part mime[1] application/x-stuff name=\xc3\xa5.txt [raw] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Type: application/x-stuff; "
                "title*0*=us-ascii'en'This%20is%20even%20more%20;"
                " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"\\n"
                "This is even more ***fun*** isn't it!\\n"
                "Content-Disposition: attachment; filename*=iso-8859-1''%E5.txt; "
                "filename*=utf-8''b%2d.txt\\n\xc3\xa5.txt\\nb-.txt\\n\"\n"
                "message c - file=\xc3\xa5.txt\n"},
        {"a quote in a file's name, as browsers write it",
                "Content-Disposition: form-data; name=f; filename=\"a %22b%22.txt\"\n\nx",
                "part mime[1] name=a %22b%22.txt [uu] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Disposition: form-data; name=f; "
                "filename=\"a %22b%22.txt\"\\na \"b\".txt\\n\"\n"
                "message c - file=a %22b%22.txt\n"},
        {"two encodings", "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 8bit\n\nx",
                "part mime[1] [raw|base64] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Transfer-Encoding: base64\\n"
                "Content-Transfer-Encoding: 8bit\\n\"\nmessage c -\n"},
        {"an encoding that nobody knows", "Content-Transfer-Encoding: base-64\n\nx",
                "part mime[1] [uu|unknown|base64|qp] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Transfer-Encoding: base-64\\n\"\n"
                "message c -\n"},
        {"a line that is no field makes the rest doubtful",
                "Subject: x\njunk\nContent-Transfer-Encoding: base64\n\nx",
                "part mime[1] [raw|base64] \"x\"\n"
                "part smtp message/rfc822 [] \"Subject: x\\njunk\\n"
                "Content-Transfer-Encoding: base64\\n\"\nmessage c - subject=x\n"},
        {"a CR alone, which some take as the end of a field",
                "Subject: x\rContent-Transfer-Encoding: base64\r\n\r\nx",
                "part mime[1] [raw|base64] \"x\"\n"
                "part smtp message/rfc822 [] opaque:damaged "
                "\"Subject: x\\rContent-Transfer-Encoding: "
                "base64\\n\"\n"
                "message c - subject=x\rContent-Transfer-Encoding: base64\n"},
        {"two types, one of them a multipart",
                "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                "Content-Transfer-Encoding: base64\n\nx\n--b--\n",
                "part mime[1] [raw|base64] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Type: text/plain\\n"
                "Content-Type: multipart/mixed; boundary=b\\n"
                "Content-Transfer-Encoding: base64\\n\"\nmessage c -\n"},
        {"two boundaries: both count",
                "Content-Type: multipart/mixed; boundary=a; "
                "boundary=b\n\n--a\n\n1\n--b\n\n2\n--a--",
                "part mime[1] [raw] \"1\"\npart mime[2] [raw] \"2\"\n"
                "part smtp message/rfc822 [] "
                "\"Content-Type: multipart/mixed; boundary=a; boundary=b\\n\"\nmessage c -\n"},
        {"no boundary: the first line that looks like one",
                "Content-Type: multipart/mixed\n\n-\n--=_x\n\n1\n--=_x--\n",
                "part mime[1] [raw] \"1\"\n"
                "part smtp message/rfc822 [] \"Content-Type: multipart/mixed\\n-\\n\"\n"
                "message c -\n"},
        {"a multipart that is encoded as a whole",
                "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n"
                "LS1iDQo=\n",
                "part mime[1] multipart/mixed [base64] \"LS1iDQo=\\n\"\n"
                "part smtp message/rfc822 [] \"Content-Type: multipart/mixed; boundary=b\\n"
                "Content-Transfer-Encoding: base64\\n\"\nmessage c -\n"},
        {"a multipart that only says so",
                "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n"
                "\n--b\n\nx\n--b--",
                "part mime[1] [uu|base64] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Type: multipart/mixed; boundary=b\\n"
                "Content-Transfer-Encoding: base64\\n\"\nmessage c -\n"},
        {"a boundary in the middle of a header",
                "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: 1\n--b\n\n2\n--b--\n",
                "part mime[2] [uu] \"2\"\n"
                "part smtp message/rfc822 [] \"Content-Type: multipart/mixed; boundary=b\\nX: "
                "1\\n\"\n"
                "message c -\n"},
        {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: i\n\nx\n--b--",
                "part mime[1.1] [uu] \"x\"\n"
                "part smtp message/rfc822 [] \"Content-Type: multipart/digest; boundary=b\\n"
                "Subject: i\\n\"\nmessage c -\n"},
        {"no header at all", "\r\nbody\r\n",
                "part mime[1] [uu] \"body\\r\\n\"\npart smtp message/rfc822 [] \"\"\nmessage c "
                "-\n"},
        {"header only",
                "Subject: \xc3\xa9"
                "cureuil",
                "part smtp message/rfc822 [] "
                "\"Subject: \xc3\xa9"
                "cureuil\\n\"\nmessage c - subject=\xc3\xa9"
                "cureuil\n"},
        {"empty", "", "part smtp message/rfc822 [] \"\"\nmessage c -\n"},
        {"CR before an end, CR alone, CR at the end",
                "A: b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\r\r\nb\rc\r"
                "\r\n\r\n--b\r\n\r\nd\r",
                "part mime[1] [uu] \"a\\r\\r\\nb\\rc\\r\\r\\n\"\npart mime[2] [uu] \"d\\r\"\n"
                "part smtp message/rfc822 [] \"A: b\\n"
                "Content-Type: multipart/mixed; boundary=b\\n\"\nmessage c -\n"},
};

static const struct part_meta mail_meta = {
        .label = "smtp", .type = {(const uint8_t *)"message/rfc822", 14}};

static void
assert_mime(const char *name, const struct part_meta *meta, struct bytes in, size_t cut,
        size_t step, const char *want)
{
	struct mail_double t;

	mail_double_open(&t);
	mail_double_mime(&t, meta, in, cut, step);
	if (strcmp(mail_double_dump(&t), want) != 0)
		fail_msg("%s, cut %zu, step %zu:\n%s\nwant:\n%s", name, cut, step,
		        mail_double_dump(&t), want);
	mail_double_close(&t);
}

static void
assert_every_cut(const char *name, const struct part_meta *meta, const char *in, const char *want)
{
	struct bytes b = bytes_str(in);

	for (size_t cut = 0; cut <= b.n; cut++)
		assert_mime(name, meta, b, cut, 0, want);
	for (size_t step = 1; step <= 16; step++)
		assert_mime(name, meta, b, 0, step, want);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_every_cut(cases[i].name, &mail_meta, cases[i].in, cases[i].want);
}

/* RFC 7578: a form. Its parts are read as they are. */
static void
test_form(void **state)
{
	const struct part_meta meta = {.label = "body",
	        .type = BYTES_LIT("multipart/form-data"),
	        .boundary = BYTES_LIT("AaB03x")};

	(void)state;
	assert_every_cut("form", &meta,
	        "--AaB03x\r\nContent-Disposition: form-data; name=\"field1\"\r\n\r\nJoe\r\n"
	        "--AaB03x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"file1.txt\"\r\n"
	        "Content-Type: text/csv\r\n\r\na;b\r\n--AaB03x--\r\n",
	        "part mime[1] [raw] \"Joe\"\n"
	        "part mime[2] text/csv name=file1.txt [raw] \"a;b\"\n"
	        "part body multipart/form-data [] "
	        "\"Content-Disposition: form-data; name=\"field1\"\\n"
	        "Content-Disposition: form-data; name=\"f\"; filename=\"file1.txt\"\\n"
	        "Content-Type: text/csv\\n\"\nmessage c - file=file1.txt\n");
}

/* Too deep: one leaf, over-budget, with its raw bytes; the outer boundary still counts. */
static void
test_depth(void **state)
{
	const char *in =
	        "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
	        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--a\n\ny\n--a--";
	struct mail_double t;

	(void)state;
	for (size_t cut = 0; cut <= strlen(in); cut++) {
		mail_double_open(&t);
		t.limits.mime_depth = 1;
		mail_double_mime(&t, &mail_meta, bytes_str(in), cut, 0);
		assert_non_null(strstr(mail_double_dump(&t),
		        "part mime[1] [] opaque:over-budget \"--b\\n\\nx\\n--b--\"\n"));
		assert_non_null(strstr(mail_double_dump(&t), "part mime[2] [uu] \"y\"\n"));
		mail_double_close(&t);
	}
}

/* A hundred levels (P78): no recursion, and the text of the innermost is there. */
static void
test_hundred_levels(void **state)
{
	struct box in = {0};
	struct mail_double t;
	char line[128];

	(void)state;
	for (int i = 0; i < 100; i++)
		box_put(&in, line,
		        (size_t)snprintf(line, sizeof(line),
		                "Content-Type: multipart/mixed; boundary=level%d\n\n--level%d\n", i,
		                i));
	box_put(&in, "\nPart number 100\n", 17);
	mail_double_open(&t);
	mail_double_mime(&t, &mail_meta, bytes_of(in.p, in.n), 0, 7);
	assert_non_null(strstr(mail_double_dump(&t), "opaque:over-budget"));
	assert_non_null(strstr(mail_double_dump(&t), "Part number 100"));
	mail_double_close(&t);
	box_free(&in);
}

/* A field longer than is kept is read in pieces; words in all of them are decoded. */
static void
test_long_field(void **state)
{
	struct box in = {0};
	struct mail_double t;
	char line[64];

	(void)state;
	box_put(&in, "To: ", 4);
	for (int i = 0; i < 200; i++)
		box_put(&in, line,
		        (size_t)snprintf(
		                line, sizeof(line), "=?utf-8?Q?n=C3=A5_%03d?= <a@b>,\n ", i));
	box_put(&in, "end\nSubject: s\n\nbody", 20);
	for (size_t step = 1; step < 40; step++) {
		mail_double_open(&t);
		t.limits.header_field = 998;
		mail_double_mime(&t, &mail_meta, bytes_of(in.p, in.n), 0, step);
		for (int i = 0; i < 200; i++) {
			snprintf(line, sizeof(line), "n\xc3\xa5 %03d <a@b>", i);
			assert_non_null(strstr(mail_double_dump(&t), line));
		}
		assert_non_null(strstr(mail_double_dump(&t), "subject=s"));
		assert_non_null(strstr(mail_double_dump(&t), "part mime[1] [uu] \"body\"\n"));
		mail_double_close(&t);
	}
	box_free(&in);
}

/* Beyond limits.header_block nothing is parsed; what is declared there can't be known. */
static void
test_long_header(void **state)
{
	struct box in = {0};
	struct mail_double t;

	(void)state;
	for (int i = 0; i < 2000; i++)
		box_put(&in, "X-Filler: 1234567890\n", 21);
	box_put(&in, "Content-Transfer-Encoding: base64\n\nbody", 39);
	mail_double_open(&t);
	t.limits.header_block = 16384;
	mail_double_mime(&t, &mail_meta, bytes_of(in.p, in.n), 0, 1000);
	assert_non_null(strstr(mail_double_dump(&t), "Content-Transfer-Encoding: base64\\n"));
	assert_non_null(
	        strstr(mail_double_dump(&t), "part mime[1] [uu] opaque:over-budget \"body\""));
	mail_double_close(&t);
	box_free(&in);
}

/* Blanks behind a boundary, more than are kept. */
static void
test_many_blanks(void **state)
{
	struct box in = {0};
	struct mail_double t;

	(void)state;
	box_put(&in, "Content-Type: multipart/mixed; boundary=b\n\n--b", 46);
	for (int i = 0; i < 1000; i++)
		box_put(&in, " ", 1);
	box_put(&in, "\n\nx\n--b--", 9);
	for (size_t step = 1; step < 300; step += 7) {
		mail_double_open(&t);
		mail_double_mime(&t, &mail_meta, bytes_of(in.p, in.n), 0, step);
		assert_non_null(strstr(mail_double_dump(&t), "part mime[1] [uu] \"x\"\n"));
		mail_double_close(&t);
	}
	box_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cases),
	        cmocka_unit_test(test_form),
	        cmocka_unit_test(test_depth),
	        cmocka_unit_test(test_hundred_levels),
	        cmocka_unit_test(test_long_field),
	        cmocka_unit_test(test_long_header),
	        cmocka_unit_test(test_many_blanks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
