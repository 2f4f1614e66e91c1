/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspectors/proto/ftp_line.h"
#include "inspectors/transfer.h"
#include "tests/support/recorder.h"

enum { STEPS_MAX = 12 };

static const struct ftp_case {
	const char *name;
	struct step steps[STEPS_MAX];
	const char *want;
} cases[] = {
	{"RFC 959, appendix: log in; the password is counted, not shown",
		{S("220 Ready\r\n"), C("USER Dumb\r\n"), S("331 Need password\r\n"),
			C("PASS s3cret word\r\n"), S("230 In\r\n"), C("pass\r\n"),
			C("\r\nACCT 19\r\n"),
			C("\xff\xf4\xff\xf2"
			  "ABOR\r\n")},
		"client ftp\n"
		"  ftp>commands \"USER Dumb\\r\\nPASS\\npass\\n\\r\\nACCT\\n\\xff\\xf4\\xff\\xf2"
		"ABOR\\r\\n\"\n"
		"server ftp\n"
		"  ftp>replies \"220 Ready\\r\\n331 Need password\\r\\n230 In\\r\\n\"\n"},
	{"RFC 4217: TLS begins behind the 234",
		{C("AUTH TLS\r\n"), S("234 go\r\n"),
			C("\x16\x03\x01\x00\x03"
			  "abc"),
			S("\x16\x03\x03\x00\x01x")},
		"client ftp\n"
		"  ftp>commands \"AUTH TLS\\r\\n\"\n"
		"  ftp>tls skip:tls=8 \"\"\n"
		"server ftp\n"
		"  ftp>replies \"234 go\\r\\n\"\n"
		"  ftp>tls skip:tls=6 \"\"\n"},
	{"TLS refused: commands go on",
		{C("AUTH TLS\r\n"), S("502 no\r\n"), C("NOOP\r\n"), S("200 ok\r\n")},
		"client ftp\n"
		"  ftp>commands \"AUTH TLS\\r\\nNOOP\\r\\n\"\n"
		"server ftp\n"
		"  ftp>replies \"502 no\\r\\n200 ok\\r\\n\"\n"},
	{"a hole", {C("NOOP\r\nPA"), LOST_C(7), C("word\r\nNOOP\r\n")},
		"client ftp gap=7\n"
		"  ftp>commands \"NOOP\\r\\nPAword\\r\\nNOOP\\r\\n\"\n"},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;

		while (n < STEPS_MAX &&
			(cases[i].steps[n].bytes.p != NULL || cases[i].steps[n].what != SAY_CLIENT))
			n++;
		assert_records(cases[i].name, &ftp_inspector, cases[i].steps, n, cases[i].want);
		assert_counts_without_memory(&ftp_inspector, cases[i].steps, n);
	}
}

/* ---- announcements: run a control connection, look in the table before it ends ---- */

static const uint8_t client_ip[4] = {10, 0, 0, 5}, server_ip[4] = {192, 0, 2, 9},
		     inner_ip[4] = {132, 235, 1, 2};

static const struct announcement {
	const char *name;
	struct step steps[STEPS_MAX];
	const uint8_t *to; /* the address that the data connection goes to */
	uint16_t port;
	const char *command; /* NULL: no transfer is expected */
	const char *file;
	bool to_server, binary;
	uint64_t restart;
	uint8_t mode;
} announcements[] = {
	{"RFC 959: PASV and STOR",
		{C("TYPE I\r\nPASV\r\n"), S("200 ok\r\n227 Entering (192,0,2,9,200,1)\r\n"),
			C("STOR d/list.csv\r\n")},
		server_ip, 51201, "STOR", "list.csv", true, true, 0},
	{"227 without brackets; the address is that of a translator's inside",
		{C("PASV\r\n"), S("227 Entering Passive Mode 132,235,1,2,4,0\r\n"),
			C("RETR x\r\n")},
		server_ip, 1024, "RETR", "x", false, false, 0},
	{"the announced address itself",
		{C("PASV\r\n"), S("227 Entering Passive Mode (132,235,1,2,4,0).\r\n"),
			C("APPE x\r\n")},
		inner_ip, 1024, "APPE", "x", true, false, 0},
	{"RFC 2428: EPSV",
		{C("EPSV\r\n"), S("229 Entering Extended Passive Mode (|||6446|)\r\n"),
			C("REST 500\r\nRETR big.iso\r\n"), S("350 ok\r\n150 go\r\n")},
		server_ip, 6446, "RETR", "big.iso", false, false, 500},
	{"PORT", {C("PORT 10,0,0,5,4,1\r\n"), S("200 ok\r\n"), C("stor a b.txt\r\n")}, client_ip,
		1025, "STOR", "a b.txt", true, false, 0},
	{"RFC 2428: EPRT", {C("EPRT |1|132.235.1.2|6275|\r\nNLST\r\n")}, inner_ip, 6275, "NLST", "",
		false, false, 0},
	{"pipelined: the command comes before the reply that announces",
		{C("PASV\r\nSTOR early.txt\r\n"), S("227 x (192,0,2,9,0,99)\r\n")}, server_ip, 99,
		"STOR", "early.txt", true, false, 0},
	{"STOU: the server names the file",
		{C("PASV\r\n"), S("227 x (192,0,2,9,0,99)\r\n"), C("STOU\r\n"),
			S("150 FILE: unique.1\r\n")},
		server_ip, 99, "STOU", "unique.1", true, false, 0},
	{"a refused RETR ends nothing",
		{C("PASV\r\n"), S("227 x (192,0,2,9,0,99)\r\n"), C("RETR no\r\n"),
			S("550 none\r\n"), C("RETR yes\r\n")},
		server_ip, 99, "RETR", "yes", false, false, 0},
	{"inside a reply of several lines nothing is announced",
		{C("STAT\r\n"), S("211-Status\r\n227 x (192,0,2,9,0,99)\r\n211 end\r\n")},
		server_ip, 99, NULL, "", false, false, 0},
	{"a MODE that is accepted", {C("MODE Z\r\nPASV\r\n"),
			S("200 ok\r\n227 x (192,0,2,9,0,99)\r\n"), C("STOR a\r\n")},
		server_ip, 99, "STOR", "a", true, false, 0, 'z'},
	{"a MODE that is refused", {C("MODE Z\r\nPASV\r\n"),
			S("504 no\r\n227 x (192,0,2,9,0,99)\r\n"), C("STOR a\r\n")},
		server_ip, 99, "STOR", "a", true, false, 0, 0},
	{"port 0 is no port", {C("PORT 10,0,0,5,0,0\r\n")}, client_ip, 0, NULL, "", false, false,
		0},
	{"numbers above 255 are no address", {C("PORT 10,0,0,5,256,1\r\n")}, client_ip, 1, NULL, "",
		false, false, 0},
};

static struct endpoints
data_ends(const uint8_t *to, uint16_t port)
{
	struct endpoints e = {.family = 4, .port = {40000, port}};

	memcpy(e.address[DIR_SERVER], to, 4);
	return e;
}

/* As the control connection closes, the data connection's SYN has come. */
static void
run_announcement(const struct announcement *a, size_t piece)
{
	struct recorder r;
	struct step steps[STEPS_MAX];
	struct endpoints ends = data_ends(a->to, a->port);
	struct transfer *t;
	size_t n = 0;

	recorder_init(&r);
	r.env.transfers = transfer_table_new(16);
	r.ends = (struct endpoints){.family = 4, .port = {40001, 21}};
	memcpy(r.ends.address[DIR_CLIENT], client_ip, 4);
	memcpy(r.ends.address[DIR_SERVER], server_ip, 4);
	for (; n < STEPS_MAX && a->steps[n].bytes.p != NULL; n++)
		steps[n] = a->steps[n];
	r.data_connection = &ends;
	recorder_run(&r, &ftp_inspector, steps, n, 0, piece, false);
	t = r.matched;
	if (a->command == NULL) {
		assert_null(t);
	} else {
		if (t == NULL)
			fail_msg("%s: no transfer", a->name);
		assert_string_equal(t->command, a->command);
		assert_true(bytes_equal(transfer_name(t), bytes_str(a->file)));
		assert_int_equal(t->to_server, a->to_server);
		assert_int_equal(t->binary, a->binary);
		assert_int_equal(t->restart, a->restart);
		assert_int_equal(t->mode, a->mode);
		transfer_release(r.env.transfers, t);
	}
	transfer_table_free(r.env.transfers);
	recorder_free(&r);
}

static void
test_announcements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(announcements); i++)
		for (size_t piece = 0; piece <= 17; piece++)
			run_announcement(&announcements[i], piece);
}

/* ---- data connections ---- */

static const struct data_case {
	const char *name;
	struct step steps[STEPS_MAX];
	const char *command, *file;
	bool tls;
	const char *want;
	uint8_t mode;
} data_cases[] = {
	{"an upload", {C("hello"), C(" world\r\n"), END_C}, "STOR", "a.txt", false,
		"client ftp command=STOR file=a.txt\n  STOR name=a.txt \"hello world\\r\\n\"\n"},
	{"a download", {S("hello"), END_S}, "RETR", "a.txt", false,
		"server ftp command=RETR file=a.txt\n  RETR name=a.txt \"hello\"\n"},
	{"PROT P", {C("\x17\x03\x03\x00\x02xy"), END_C}, "STOR", "a", true,
		"client ftp command=STOR file=a\n  STOR name=a skip:tls=7 \"\"\n"},
	{"TLS that nobody announced is scanned too", {C("\x17\x03\x03\x00\x02xy"), END_C}, "STOR",
		"a", false,
		"client ftp command=STOR file=a\n  STOR name=a opaque:tls "
		"\"\\x17\\x03\\x03\\x00\\x02xy\"\n"},
	{"two bytes that might begin a record", {C("\x16\x03"), END_C}, "STOR", "a", false,
		"client ftp command=STOR file=a\n  STOR name=a \"\\x16\\x03\"\n"},
	{"MODE B", {C("\200\0\2xy"), END_C}, "STOR", "a", false,
		"client ftp command=STOR file=a\n  STOR name=a opaque:unknown-format "
		"\"\\x80\\x00\\x02xy\"\n",
		'b'},
	{"MODE Z", {C("xy"), END_C}, "STOR", "a", false,
		"client ftp command=STOR file=a\n  STOR name=a {deflate} {} \"xy\"\n", 'z'},
	{"a hole", {C("ab"), LOST_C(5), C("cd"), END_C}, "STOR", "a", false,
		"client ftp command=STOR file=a gap=5\n  STOR name=a cut \"ab\"\n"
		"  STOR name=a \"cd\"\n"},
};

static void
test_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(data_cases); i++) {
		const struct data_case *d = &data_cases[i];
		size_t n = 0;

		while (n < STEPS_MAX &&
			(d->steps[n].bytes.p != NULL || d->steps[n].what != SAY_CLIENT))
			n++;
		for (size_t piece = 0; piece < 9; piece++) {
			struct transfer t = {
				.command = d->command, .tls = d->tls, .mode = d->mode};
			struct recorder r;

			t.n_name = (uint8_t)strlen(d->file);
			memcpy(t.name, d->file, t.n_name);
			recorder_init(&r);
			r.transfer = &t;
			recorder_run(&r, &ftp_data_inspector, d->steps, n, 0, piece, false);
			box_put(&r.text, "", 1);
			assert_string_equal((char *)r.text.p, d->want);
			recorder_free(&r);
		}
	}
}

/* ---- lines ---- */

static void
test_extended(void **state)
{
	static const struct {
		const char *text;
		uint8_t family;
		uint16_t port; /* 0: refused */
	} lines[] = {
		{"|1|132.235.1.2|6275|", 4, 6275}, /* RFC 2428, 2 */
		{"|2|1080::8:800:200C:417A|5282|", 6, 5282},
		{"Entering Extended Passive Mode (|||6446|)", 0, 6446}, /* RFC 2428, 3 */
		{"(!!!6446!)", 0, 6446},
		{"|||65536|", 0, 0},
		{"|||0|", 0, 0},
		{"|1|1.2.3|5|", 0, 0},
		{"|||6446", 0, 0},
		{"|", 0, 0},
		{"", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct ftp_address a = {0};
		bool ok = ftp_extended_port(bytes_str(lines[i].text), &a);

		assert_int_equal(ok, lines[i].port != 0);
		if (!ok)
			continue;
		assert_int_equal(a.port, lines[i].port);
		assert_int_equal(a.family, lines[i].family);
	}
}

static void
test_bids(void **state)
{
	static const struct {
		const char *client, *server;
		enum bid want;
	} bids[] = {
		{"USER anonymous\r\n", "220 Ready\r\n", BID_SURE},
		{"AUTH TLS\r\n", "220 Ready\r\n", BID_SURE},
		{"FEAT\r\n", "220-Hi\r\n220 Ready\r\n", BID_SURE},
		{"EHLO c\r\n", "220 ftp.example ESMTP\r\n", BID_NO},
		{"", "220 Ready\r\n", BID_MORE},
		{"USER x\r\n", "+OK pop\r\n", BID_NO},
		{"USER x\r\n", "", BID_MAYBE},
		{"US", "220 x", BID_MORE},
		{"GET / HTTP/1.1\r\n", "", BID_NO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bids); i++)
		assert_int_equal(
			ftp_inspector.bid(bytes_str(bids[i].client), bytes_str(bids[i].server)),
			bids[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_announcements),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_bids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
