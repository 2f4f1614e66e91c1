/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/proto/smtp_line.h"
#include "tests/unit/proto/test_mail_double.h"

/* "C:" the client's bytes, "S:" the server's, "c…" and "s…": a gap of so many bytes. */
enum { TURNS_MAX = 24 };

static const struct smtp_case {
	const char *name;
	const char *turns[TURNS_MAX];
	const char *want; /* client's parts and messages; the server's are checked by their total */
} cases[] = {
	{"RFC 5321, appendix D.1, shortened: one recipient is refused",
		{"S:220 foo.com Simple Mail Transfer Service Ready\r\n", "C:EHLO bar.com\r\n",
			"S:250-foo.com greets bar.com\r\n250-8BITMIME\r\n250 HELP\r\n",
			"C:MAIL FROM:<Smith@bar.com>\r\n", "S:250 OK\r\n",
			"C:RCPT TO:<Jones@foo.com>\r\n", "S:250 OK\r\n",
			"C:RCPT TO:<Green@foo.com>\r\n", "S:550 No such user here\r\n",
			"C:RCPT TO:<Brown@foo.com>\r\n", "S:250 OK\r\n", "C:DATA\r\n",
			"S:354 Start mail input; end with <CRLF>.<CRLF>\r\n",
			"C:Subject: x\r\n\r\nBlah\r\n..etc.\r\n..\r\n.\r\n", "S:250 OK\r\n",
			"C:QUIT\r\n", "S:221 foo.com Service closing\r\n"},
		"part smtp>session [] \"EHLO bar.com\\r\\nMAIL FROM:<Smith@bar.com>\\r\\n"
		"RCPT TO:<Jones@foo.com>\\r\\nRCPT TO:<Green@foo.com>\\r\\n"
		"RCPT TO:<Brown@foo.com>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"Blah\\r\\n.etc.\\r\\n.\\r\\n\"\n"
		"part smtp message/rfc822 [] \"Subject: x\\n\"\n"
		"message c DATA from=Smith@bar.com to=Jones@foo.com to=Brown@foo.com subject=x\n"
		"part smtp>session [] \"QUIT\\r\\n\"\nmessage c -\n"},
	{"P08: DATA before MAIL is refused",
		{"S:220 m ESMTP\r\n", "C:helo c\r\n", "S:250 m\r\n", "C:rcpt to:<b@e>\r\n",
			"S:503 5.5.1 Error\r\n", "C:data\r\n", "S:503 5.5.1 Error\r\n",
			"C:mail from:<a@e>\r\n", "S:250 Ok\r\n", "C:rcpt to:<b@e>\r\n",
			"S:250 Ok\r\n", "C:data\r\n", "S:354 End\r\n",
			"C:Subject: s\r\n\r\nx\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"helo c\\r\\nrcpt to:<b@e>\\r\\ndata\\r\\nmail "
		"from:<a@e>\\r\\n"
		"rcpt to:<b@e>\\r\\ndata\\r\\n\"\npart mime[1] [uu] \"x\\r\\n\"\n"
		"part smtp message/rfc822 [] \"Subject: s\\n\"\n"
		"message c DATA from=a@e to=b@e subject=s\n"},
	{"P10: the next MAIL behind the end of data",
		{"S:220 m\r\n", "C:ehlo c\r\n", "S:250 m\r\n", "C:mail from:<a@e>\r\n",
			"S:250 Ok\r\n", "C:rcpt to:<b@e>\r\n", "S:250 Ok\r\n", "C:data\r\n",
			"S:354 End\r\n", "C:\r\n1\r\n.\r\n", "C:mail from:<b@e>\r\n",
			"S:250 queued\r\n250 Ok\r\n", "C:rcpt to:<a@e>\r\n", "S:250 Ok\r\n",
			"C:data\r\n", "S:354 End\r\n", "C:\r\n2\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"ehlo c\\r\\nmail from:<a@e>\\r\\nrcpt "
		"to:<b@e>\\r\\ndata\\r\\n\"\n"
		"part mime[1] [uu] \"1\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=a@e to=b@e\n"
		"part smtp>session [] \"mail from:<b@e>\\r\\nrcpt to:<a@e>\\r\\ndata\\r\\n\"\n"
		"part mime[1] [uu] \"2\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=b@e to=a@e\n"},
	{"P12: text behind a refused DATA, then a mail with the sender from before",
		{"C:EHLO B\r\n", "S:220 t ESMTP\r\n250-t\r\n250 HELP\r\n", "C:MAIL FROM:<b@e>\r\n",
			"S:250 OK\r\n", "C:DATA\r\n", "S:503-All\r\n503 valid RCPT\r\n",
			"C:Hello, Alice (3)\r\n", "S:500 unrecognized\r\n", "C:.\r\n",
			"S:500 unrecognized\r\n", "C:MAIL FROM:<c@e>\r\n", "S:503 already\r\n",
			"C:RCPT TO:<a@e>\r\n", "S:250 Accepted\r\n", "C:DATA\r\n",
			"S:354 Enter\r\n", "C:do you still like me?\r\n", "C:.\r\n", "S:250 OK\r\n",
			"C:QUIT\r\n"},
		"part smtp>session [] \"EHLO B\\r\\nMAIL FROM:<b@e>\\r\\nDATA\\r\\nHello, Alice "
		"(3)\\r\\n"
		".\\r\\nMAIL FROM:<c@e>\\r\\nRCPT TO:<a@e>\\r\\nDATA\\r\\n\"\nmessage c -\n"
		"part envelope [] \"b@e\\na@e\\n\"\n"
		"part smtp message/rfc822 [] \"do you still like me?\\n\"\n"
		"message c DATA from=b@e to=a@e\n"
		"part smtp>session [] \"QUIT\\r\\n\"\nmessage c -\n"},
	{"P30: the server's side isn't captured",
		{"C:ehlo l\r\n", "C:mail FROM:<s@e>\r\n", "C:rcpt TO:<r@e>\r\n", "C:data\r\n",
			"C:Subject: s\r\n\r\nx\r\n.\r\n", "C:quit\r\n"},
		"part smtp>session [] \"ehlo l\\r\\nmail FROM:<s@e>\\r\\nrcpt "
		"TO:<r@e>\\r\\ndata\\r\\n\"\n"
		"part mime[1] [uu] \"x\\r\\n\"\npart smtp message/rfc822 [] \"Subject: s\\n\"\n"
		"message c DATA from=s@e to=r@e subject=s\n"
		"part smtp>session [] \"quit\\r\\n\"\nmessage c -\n"},
	{"P36, P38: chunks, an empty last one, and QUIT glued to it",
		{"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 CHUNKING\r\n", "C:MAIL FROM:<a@e>\r\n",
			"S:250 Ok\r\n", "C:RCPT TO:<b@e>\r\n", "S:250 Ok\r\n",
			"C:BDAT 16\r\nSubject: s\r\n\r\n.\r", "S:250 Ok\r\n",
			"C:BDAT 0 LAST\r\nQUIT\r\n", "S:250 Ok\r\n221 Bye\r\n"},
		"part smtp>session [] \"EHLO c\\r\\nMAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\n"
		"BDAT 16\\r\\n\"\npart command [] \"BDAT 0 LAST\\r\\n\"\n"
		"part mime[1] [uu] \".\\r\"\npart smtp message/rfc822 [] \"Subject: s\\n\"\n"
		"message c BDAT from=a@e to=b@e subject=s\n"
		"part smtp>session [] \"QUIT\\r\\n\"\nmessage c -\n"},
	{"P42: a negative size is no chunk",
		{"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 m\r\n", "C:MAIL FROM:<a@e>\r\n",
			"S:250 Ok\r\n", "C:BDAT -1 LAST\r\r\n", "S:521 5.5.4 Syntax\r\n",
			"C:QUIT\r\n"},
		"part smtp>session [] \"EHLO c\\r\\nMAIL FROM:<a@e>\\r\\nBDAT -1 LAST\\r\\r\\n"
		"QUIT\\r\\n\"\nmessage c -\n"},
	{"P44: two chunks and the next envelope in one write",
		{"S:220 m ESMTP\r\n", "C:ehlo c\r\n", "S:250 m\r\n", "C:mail from:<a@e>\r\n",
			"S:250 Ok\r\n", "C:rcpt to:<b@e>\r\n", "S:250 Ok\r\n",
			"C:BDAT 12\r\nSubject: pipBDAT 11 LAST\r\nel\r\n\r\nFirstmail "
			"from:<b@e>\r\n"
			"rcpt to:<a@e>\r\n",
			"S:250 Ok\r\n250 Ok\r\n250 Ok\r\n250 Ok\r\n", "C:data\r\n", "S:354 End\r\n",
			"C:\r\nSecond\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"ehlo c\\r\\nmail from:<a@e>\\r\\nrcpt to:<b@e>\\r\\n"
		"BDAT 12\\r\\n\"\npart command [] \"BDAT 11 LAST\\r\\n\"\n"
		"part mime[1] [uu] \"First\"\npart smtp message/rfc822 [] \"Subject: pipel\\n\"\n"
		"message c BDAT from=a@e to=b@e subject=pipel\n"
		"part smtp>session [] \"mail from:<b@e>\\r\\nrcpt to:<a@e>\\r\\ndata\\r\\n\"\n"
		"part mime[1] [uu] \"Second\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=b@e to=a@e\n"},
	{"P46: the 501 is BDAT's, the 354 is DATA's",
		{"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 CHUNKING\r\n",
			"C:BDAT 5 X\r\nMAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n",
			"S:501 5.5.4\r\n250 Ok\r\n250 Ok\r\n354 End\r\n",
			"C:Subject: s\r\n\r\nStill inspected\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"EHLO c\\r\\nBDAT 5 X\\r\\nMAIL FROM:<a@e>\\r\\nRCPT "
		"TO:<b@e>\\r\\n"
		"DATA\\r\\n\"\npart mime[1] [uu] \"Still inspected\\r\\n\"\n"
		"part smtp message/rfc822 [] \"Subject: s\\n\"\n"
		"message c DATA from=a@e to=b@e subject=s\n"},
	{"a refused chunk was no mail",
		{"S:220 m ESMTP\r\n", "C:BDAT 4\r\nText", "S:503 no mail\r\n", "C:RSET\r\n",
			"S:250 Ok\r\n"},
		"part smtp>session [] \"BDAT 4\\r\\n\"\npart smtp message/rfc822 [] cut "
		"\"Text\\n\"\n"
		"message c -\npart smtp>session [] \"RSET\\r\\n\"\nmessage c -\n"},
	{"P48: STARTTLS, and the rest is in clear",
		{"S:220 m ESMTP\r\n", "C:EHLO T\r\n", "S:250 STARTTLS\r\n", "C:STARTTLS\r\n",
			"S:220 ready\r\n", "C:EHLO T\r\n", "S:250 ok\r\n",
			"C:MAIL FROM:<p@i> SIZE=9\r\nRCPT TO:<a@s> ORCPT=rfc822;a@s\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n", "C:\r\nJoyeux Noel\r\n.\r\n",
			"S:250 Ok\r\n"},
		"part smtp>session [] \"EHLO T\\r\\nSTARTTLS\\r\\nEHLO T\\r\\nMAIL FROM:<p@i> "
		"SIZE=9\\r\\n"
		"RCPT TO:<a@s> ORCPT=rfc822;a@s\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"Joyeux Noel\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=p@i to=a@s\n"},
	{"P50: bare LF, mixed case, then TLS",
		{"C:EHLO\n", "S:250\n", "C:rset\nstaRttLs\n", "S:250\n", "S:220\n",
			"C:\x16\x03\x01secret"},
		"part smtp>session [] \"EHLO\\nrset\\nstaRttLs\\n\"\npart smtp>tls [] tls=9 \"\"\n"
		"message c -\n"},
	{"STARTTLS is refused: what follows is text",
		{"S:220 m ESMTP\r\n", "C:STARTTLS\r\n", "S:502 no\r\n", "C:\x16\x03\x01\r\n"},
		"part smtp>session [] \"STARTTLS\\r\\n\x16\x03\x01\\r\\n\"\nmessage c -\n"},
	{"AUTH LOGIN, two lines of secrets; then AUTH PLAIN in one",
		{"S:220 m ESMTP\r\n", "C:AUTH LOGIN\r\n", "S:334 VXNlcm5hbWU6\r\n", "C:QUIT\r\n",
			"S:334 UGFzc3dvcmQ6\r\n", "C:cGFzc3dvcmQ=\r\n", "S:535 no\r\n",
			"C:auth plain AGEAYg==\r\n", "S:235 ok\r\n", "C:hello\r\n",
			"S:500 what\r\n", "C:QUIT\r\n"},
		"part smtp>session [] \"AUTH LOGIN\\r\\n\\r\\n\\r\\nauth "
		"plain\\r\\nhello\\r\\nQUIT\\r\\n\"\nmessage c -\n"},
	{"AUTH, only the client's side: four lines at most",
		{"C:EHLO c\r\nAUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\nMAIL FROM:<>\r\nstray\r\n"},
		"part smtp>session [] \"EHLO c\\r\\nAUTH LOGIN\\r\\n\\r\\n\\r\\nMAIL "
		"FROM:<>\\r\\nstray\\r\\n\"\n"
		"message c -\n"},
	{"content before the 354: taken as such from its first line that is no command",
		{"S:220 m ESMTP\r\n",
			"C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\nSubject: s\r\n\r\nx",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n", "C:y\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"xy\\r\\n\"\npart smtp message/rfc822 [] \"Subject: s\\n\"\n"
		"message c DATA from=a@e to=b@e subject=s\n"},
	{"content before a refusal: it never was a mail, and lines are commands again",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\nText\r\nmo",
			"S:250 Ok\r\n550 no\r\n554 no\r\n", "C:re\r\nQUIT\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part smtp message/rfc822 [] cut \"Text\\nmo\\n\"\nmessage c -\n"
		"part smtp>session [] \"re\\r\\nQUIT\\r\\n\"\nmessage c -\n"},
	{"a whole second attempt behind a DATA that is refused",
		{"S:220 m ESMTP\r\n",
			"C:MAIL FROM:<a@e>\r\nRCPT TO:<x@e>\r\nDATA\r\nRSET\r\nMAIL FROM:<a@e>\r\n"
			"RCPT TO:<b@e>\r\nDATA\r\n",
			"S:250 Ok\r\n550 no\r\n554 no\r\n250 Ok\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n",
			"C:\r\nx\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT "
		"TO:<x@e>\\r\\nDATA\\r\\nRSET\\r\\n"
		"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"x\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=a@e to=b@e\n"},
	{"a dot between bare line ends is no end, and unstuffed",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n",
			"C:\r\na\n.\nb\n.\r\nc\r\n.\nd\r.\re\r\n.\rf\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"a\\n\\nb\\n\\r\\nc\\r\\n\\nd\\r\\re\\r\\n\\rf\\r\\n\"\n"
		"part smtp message/rfc822 [] \"\"\nmessage c DATA from=a@e to=b@e\n"},
	{"smuggling: commands behind such a dot",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n",
			"C:\r\na\n.\r\nmail from:<x@y>\r\nb\r\n.\r\n", "S:250 Ok\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"a\\n\\r\\nmail from:<x@y>\\r\\nb\\r\\n\"\n"
		"part smtp message/rfc822 [] opaque:damaged \"\"\n"
		"message c DATA from=a@e to=b@e over\n"},
	{"a client that only sends LF",
		{"C:HELO c\nMAIL FROM:<a@e>\nRCPT TO:<b@e>\nDATA\n\nx\n..y\n.\nQUIT\n"},
		"part smtp>session [] \"HELO c\\nMAIL FROM:<a@e>\\nRCPT TO:<b@e>\\nDATA\\n\"\n"
		"part mime[1] [uu] \"x\\n.y\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=a@e to=b@e\npart smtp>session [] \"QUIT\\n\"\nmessage c -\n"},
	{"P40: a gap over the end of a chunk, then a mail by DATA",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\n", "S:250 OK\r\n",
			"C:RCPT TO:<b@e>\r\n", "S:250 OK\r\n", "C:BDAT 200\r\n", "S:250 OK\r\n",
			"C:AAAA", "c1000", "C:DATA\r\n", "S:354 End\r\n", "C:\r\nHello!\r\n.\r\n",
			"S:250 OK\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nBDAT 200\\r\\n\"\n"
		"part smtp message/rfc822 [] cut \"AAAA\\n\"\n"
		"message c BDAT from=a@e to=b@e gap=1000 cut\n"
		"part smtp>session [] \"DATA\\r\\n\"\npart mime[1] [uu] \"Hello!\\r\\n\"\n"
		"part smtp message/rfc822 [] \"\"\nmessage c DATA from=a@e to=b@e\n"},
	{"a gap inside a chunk",
		{"C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nBDAT 10 LAST\r\n\r\nabc", "c3",
			"C:yzQUIT\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nBDAT 10 "
		"LAST\\r\\n\"\n"
		"part mime[1] [uu] \"abcyz\"\npart smtp message/rfc822 [] \"\"\n"
		"message c BDAT from=a@e to=b@e gap=3\n"
		"part smtp>session [] \"QUIT\\r\\n\"\nmessage c -\n"},
	{"a gap over the end of data: the server's reply shows it",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n", "C:\r\nx", "c5", "S:250 Ok\r\n",
			"C:QUIT\r\n"},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"x\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA from=a@e to=b@e gap=5\n"
		"part smtp>session [] \"QUIT\\r\\n\"\nmessage c -\n"},
	{"LMTP: one reply for each recipient at the end",
		{"S:220 m LMTP\r\n", "C:LHLO c\r\n", "S:250 m\r\n",
			"C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nRCPT TO:<c@e>\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n",
			"C:\r\nx\r\n.\r\nMAIL FROM:<d@e>\r\n", "S:250 Ok\r\n450 no\r\n550 no\r\n",
			"C:RCPT TO:<b@e>\r\nDATA\r\n", "S:250 Ok\r\n354 Go\r\n",
			"C:\r\ny\r\n.\r\n"},
		"part smtp>session [] \"LHLO c\\r\\nMAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\n"
		"RCPT TO:<c@e>\\r\\nDATA\\r\\n\"\npart mime[1] [uu] \"x\\r\\n\"\n"
		"part smtp message/rfc822 [] \"\"\nmessage c DATA from=a@e to=b@e to=c@e\n"
		"part smtp>session [] \"MAIL FROM:<d@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"y\\r\\n\"\npart smtp message/rfc822 [] \"\"\n"
		"message c DATA to=b@e\n"},
	{"the conversation ends inside the content",
		{"C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n\r\nx\r\n."},
		"part smtp>session [] \"MAIL FROM:<a@e>\\r\\nRCPT TO:<b@e>\\r\\nDATA\\r\\n\"\n"
		"part mime[1] [uu] \"x\\r\\n\"\npart smtp message/rfc822 [] cut \"\"\n"
		"message c DATA from=a@e to=b@e cut\n"},
};

static void
feed_client(void *ctx, struct bytes piece)
{
	smtp_inspector.data(ctx, DIR_CLIENT, piece);
}

static void
feed_server(void *ctx, struct bytes piece)
{
	smtp_inspector.data(ctx, DIR_SERVER, piece);
}

/* Only one turn is cut at @p cut; all of them are, in pieces of @p step if it is > 0. */
static void
play_turn(void *state, const char *turn, size_t cut, size_t step, uint64_t total[2])
{
	enum direction dir = turn[0] == 'S' || turn[0] == 's' ? DIR_SERVER : DIR_CLIENT;
	struct bytes in = bytes_str(turn + 2);

	if (turn[1] != ':') {
		smtp_inspector.gap(state, dir, strtoull(turn + 1, NULL, 10));
		return;
	}
	total[dir] += in.n;
	if (step > 0)
		feed_steps(in, step, dir == DIR_SERVER ? feed_server : feed_client, state);
	else
		feed_cut(in, cut, dir == DIR_SERVER ? feed_server : feed_client, state);
}

/* Without the lines about the server's side, which come last. */
static void
assert_client(
	struct mail_double *t, const struct smtp_case *k, size_t turn, size_t cut, size_t step)
{
	const char *dump = mail_double_dump(t);
	size_t n = strlen(k->want);

	if (strncmp(dump, k->want, n) != 0 ||
		(dump[n] != '\0' && strstr(dump + n, "message c") != NULL))
		fail_msg("%s, turn %zu cut at %zu, step %zu:\n%s\nwant:\n%s", k->name, turn, cut,
			step, dump, k->want);
}

static void
play(const struct smtp_case *k, size_t turn, size_t cut, size_t step)
{
	uint64_t total[2] = {0, 0};
	struct mail_double t;
	void *state;

	mail_double_open(&t);
	state = arena_zalloc(&t.conversation.base, smtp_inspector.state_size);
	assert_int_equal(smtp_inspector.open(state, &t.conversation), OUTCOME_OK);
	for (size_t i = 0; i < TURNS_MAX && k->turns[i] != NULL; i++)
		play_turn(state, k->turns[i], i == turn ? cut : 0, step, total);
	smtp_inspector.close(state, false);
	assert_client(&t, k, turn, cut, step);
	/* Every byte is in a message. */
	for (int dir = 0; dir < 2; dir++)
		if (t.total[dir] + t.over[dir] != total[dir])
			fail_msg("%s, turn %zu cut at %zu, step %zu: direction %d has %d bytes too "
				 "many",
				k->name, turn, cut, step, dir,
				(int)(t.total[dir] + t.over[dir] - total[dir]));
	mail_double_close(&t);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct smtp_case *k = &cases[i];

		for (size_t turn = 0; turn < TURNS_MAX && k->turns[turn] != NULL; turn++)
			for (size_t cut = 0; cut < strlen(k->turns[turn]) - 1; cut++)
				play(k, turn, cut, 0);
		for (size_t step = 1; step < 8; step++)
			play(k, 0, 0, step);
	}
}

/* ---- limits ---- */

struct talk {
	struct mail_double t;
	void *state;
};

static void
talk_open(struct talk *k)
{
	mail_double_open(&k->t);
	k->state = arena_zalloc(&k->t.conversation.base, smtp_inspector.state_size);
	assert_int_equal(smtp_inspector.open(k->state, &k->t.conversation), OUTCOME_OK);
}

static void
say(struct talk *k, enum direction dir, const char *text)
{
	feed_cut(bytes_str(text), 0, dir == DIR_SERVER ? feed_server : feed_client, k->state);
}

static const char *
talk_end(struct talk *k)
{
	smtp_inspector.close(k->state, false);
	return mail_double_dump(&k->t);
}

/* Each direction turns opaque by its own bytes, cut or not. */
static void
test_tls_both_ways(void **state)
{
	struct talk k;
	const char *dump;

	(void)state;
	talk_open(&k);
	say(&k, DIR_SERVER, "220 m ESMTP\r\n");
	say(&k, DIR_CLIENT, "STARTTLS\r\n");
	say(&k, DIR_SERVER, "220 go\r\n");
	say(&k, DIR_CLIENT, "\x16");
	say(&k, DIR_CLIENT, "\x03\x01 hello");
	say(&k, DIR_SERVER, "\x16");
	say(&k, DIR_SERVER, "\x03\x03 hello");
	say(&k, DIR_SERVER, "\r\n250 Ok\r\n");
	dump = talk_end(&k);
	assert_non_null(strstr(dump, "part smtp>tls [] tls=9 \"\"\nmessage c -"));
	assert_non_null(strstr(dump, "part smtp>tls [] tls=19 \"\"\nmessage s -"));
	mail_double_close(&k.t);
}

/* P14: 600 recipients are within the limit; with more the message says so. */
static void
test_recipients(void **state)
{
	char line[64];

	(void)state;
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		struct talk k;
		const char *dump;

		talk_open(&k);
		k.t.limits.recipients = 600;
		say(&k, DIR_SERVER, "220 m ESMTP\r\n");
		say(&k, DIR_CLIENT, "MAIL FROM:<a@e>\r\n");
		say(&k, DIR_SERVER, "250 Ok\r\n");
		for (int i = 0; i < 601; i++) {
			snprintf(line, sizeof(line), "RCPT TO:<r%d@e>\r\n", i);
			say(&k, DIR_CLIENT, line);
			if (!pipelined)
				say(&k, DIR_SERVER, "250 Ok\r\n");
		}
		say(&k, DIR_CLIENT, "DATA\r\n");
		for (int i = 0; i < 601 && pipelined; i++)
			say(&k, DIR_SERVER, "250 Ok\r\n");
		say(&k, DIR_SERVER, "354 Go\r\n");
		say(&k, DIR_CLIENT, "\r\nx\r\n.\r\n");
		dump = talk_end(&k);
		assert_non_null(strstr(dump, " to=r599@e"));
		assert_null(strstr(dump, " to=r600@e"));
		assert_non_null(strstr(dump, " over"));
		mail_double_close(&k.t);
	}
}

/* Lines longer than are kept are still scanned whole, and the next is a command again. */
static void
test_long_lines(void **state)
{
	struct box text = {0};
	struct talk k;
	const char *dump;

	(void)state;
	talk_open(&k);
	for (int i = 0; i < 9000; i++)
		box_put(&text, "0123456789", 10);
	box_put(&text, "\r\nQUIT\r\n", 9);
	say(&k, DIR_SERVER, "220 m ESMTP\r\n");
	say(&k, DIR_CLIENT, (const char *)text.p);
	say(&k, DIR_CLIENT, "MAIL FROM:<a@e>\r\nDATA\r\n");
	say(&k, DIR_CLIENT, (const char *)text.p);
	dump = talk_end(&k);
	assert_int_equal(k.t.total[DIR_CLIENT], 2 * (text.n - 1) + 23);
	assert_true(strlen(dump) > 2 * text.n);
	mail_double_close(&k.t);
	box_free(&text);
}

/* An AUTH that never ends hides only so much. */
static void
test_endless_secret(void **state)
{
	struct talk k;
	const char *dump;

	(void)state;
	talk_open(&k);
	say(&k, DIR_CLIENT, "EHLO c\r\nAUTH PLAIN ");
	for (int i = 0; i < 20000; i++)
		say(&k, DIR_CLIENT, "x");
	say(&k, DIR_CLIENT, "seen\r\n");
	dump = talk_end(&k);
	assert_non_null(strstr(dump, "xseen\\r\\n"));
	assert_null(strstr(dump, "AUTH PLAIN xx"));
	mail_double_close(&k.t);
}

/* Memory is bounded: transaction after transaction, and never a page left over. */
static void
test_many_transactions(void **state)
{
	struct talk k;
	size_t held = 0;

	(void)state;
	talk_open(&k);
	say(&k, DIR_SERVER, "220 m ESMTP\r\n");
	for (int i = 0; i < 2000; i++) {
		say(&k, DIR_CLIENT, "MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nRSET\r\nSTRAY\r\n");
		say(&k, DIR_SERVER, "250 Ok\r\n250 Ok\r\n250 Ok\r\n500 what\r\n");
		if (i == 100)
			held = k.t.conversation.budget.held;
	}
	assert_int_equal(k.t.conversation.budget.held, held);
	(void)talk_end(&k);
	mail_double_close(&k.t);
}

/* ---- every verb in every state ---- */

static const struct {
	const char *name, *turns[6];
} states[] = {
	{"new", {NULL}},
	{"greeted", {"S:220 m ESMTP\r\n", "C:EHLO c\r\n", "S:250 m\r\n", NULL}},
	{"mail", {"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\n", "S:250 Ok\r\n", NULL}},
	{"asked", {"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n", NULL}},
	{"content",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nRCPT TO:<b@e>\r\nDATA\r\n",
			"S:250 Ok\r\n250 Ok\r\n354 Go\r\n", NULL}},
	{"between chunks",
		{"S:220 m ESMTP\r\n", "C:MAIL FROM:<a@e>\r\nBDAT 2\r\n\r\n",
			"S:250 Ok\r\n250 Ok\r\n", NULL}},
	{"auth", {"S:220 m ESMTP\r\n", "C:AUTH LOGIN\r\n", "S:334 x\r\n", NULL}},
	{"starttls", {"S:220 m ESMTP\r\n", "C:STARTTLS\r\n", "S:220 go\r\n", NULL}},
};

static const char *const lines[] = {"EHLO c\r\n", "HELO c\r\n", "LHLO c\r\n", "MAIL FROM:<a@e>\r\n",
	"RCPT TO:<b@e>\r\n", "DATA\r\n", "BDAT 3\r\nabc", "BDAT 0 LAST\r\n",
	"BDAT 99999999999999999999\r\n", "RSET\r\n", "QUIT\r\n", "AUTH PLAIN eA==\r\n",
	"STARTTLS\r\n", "NOOP\r\n", "XCLIENT ADDR=[UNAVAILABLE]\r\n", "nothing known\r\n", "\r\n",
	".\r\n"};

static const char *const replies[] = {"", "S:250 Ok\r\n", "S:220 Ok\r\n", "S:354 Go\r\n",
	"S:334 x\r\n", "S:421 bye\r\n", "S:550-no\r\n550 no\r\n"};

/* Whatever the order, every byte is in a message, and a full mail behind it is still read. */
static void
walk(size_t s, size_t l, size_t r)
{
	static const char *const mail[] = {"C:\r\n.\r\nRSET\r\n", "S:250 Ok\r\n", "S:250 Ok\r\n",
		"C:MAIL FROM:<z@e>\r\nRCPT TO:<y@e>\r\nDATA\r\n",
		"S:250 Ok\r\n250 Ok\r\n354 Go\r\n",
		"C:Subject: last one\r\n\r\nthe very end\r\n.\r\n"};
	uint64_t total[2] = {0, 0};
	char line[64];
	struct talk k;

	talk_open(&k);
	for (size_t i = 0; states[s].turns[i] != NULL; i++)
		play_turn(k.state, states[s].turns[i], 0, 0, total);
	snprintf(line, sizeof(line), "C:%s", lines[l]);
	play_turn(k.state, line, 0, 0, total);
	if (r > 0)
		play_turn(k.state, replies[r], 0, 0, total);
	for (size_t i = 0; i < ARRAY_LEN(mail); i++)
		play_turn(k.state, mail[i], 0, 0, total);
	if (strstr(talk_end(&k), "the very end") == NULL)
		fail_msg("%s, %s, %s:\n%s", states[s].name, lines[l], replies[r],
			mail_double_dump(&k.t));
	assert_int_equal(k.t.total[DIR_CLIENT], total[DIR_CLIENT]);
	assert_int_equal(k.t.total[DIR_SERVER], total[DIR_SERVER]);
	mail_double_close(&k.t);
}

static void
test_every_verb_in_every_state(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(states); s++)
		for (size_t l = 0; l < ARRAY_LEN(lines); l++)
			for (size_t r = 0; r < ARRAY_LEN(replies); r++)
				walk(s, l, r);
}

/* ---- lines ---- */

static void
test_commands(void **state)
{
	static const struct {
		const char *line;
		enum smtp_verb verb;
		bool malformed;
		const char *address;
	} lines_of[] = {
		{"MAIL FROM:<userx@y.foo.org>\r\n", SMTP_MAIL, false, "userx@y.foo.org"},
		{"RCPT TO:<@hosta.int,@jkl.org:userc@d.bar.org>", SMTP_RCPT, false,
			"userc@d.bar.org"},
		{"rcpt to : <\"a > b\"@e> NOTIFY=NEVER", SMTP_RCPT, false, "\"a > b\"@e"},
		{"mail from:a@e SIZE=1", SMTP_MAIL, false, "a@e"},
		{"MAIL FROM:<>", SMTP_MAIL, false, ""},
		{"MAIL FROM:<open", SMTP_MAIL, false, "open"},
		{"MAIL a@e", SMTP_MAIL, true, ""},
		{"DATA x", SMTP_DATA, true, ""},
		{"DATA \t\r\r\n", SMTP_DATA, false, ""},
		{"DATAX", SMTP_UNKNOWN, false, ""},
		{"Received: x", SMTP_UNKNOWN, false, ""},
		{"", SMTP_UNKNOWN, false, ""},
		{"BDAT 86 LAST", SMTP_BDAT, false, ""},
		{"BDAT 18446744073709551615", SMTP_BDAT, false, ""},
		{"BDAT 18446744073709551616", SMTP_BDAT, true, ""},
		{"BDAT", SMTP_BDAT, true, ""},
		{"BDAT +1", SMTP_BDAT, false, ""},
		{"BDAT -1", SMTP_BDAT, true, ""},
		{"BDAT 1LAST", SMTP_BDAT, true, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines_of); i++) {
		struct smtp_command c = smtp_command_parse(bytes_str(lines_of[i].line));

		if (c.verb != lines_of[i].verb || c.malformed != lines_of[i].malformed ||
			!bytes_equal(c.address, bytes_str(lines_of[i].address)))
			fail_msg("%s", lines_of[i].line);
	}
}

static void
test_bids(void **state)
{
	static const struct {
		const char *client, *server;
		enum bid want;
	} bids[] = {
		{"", "", BID_MORE},
		{"", "22", BID_MORE},
		{"", "220 mail.example.com ESMTP Postfix\r\n", BID_SURE},
		{"", "220 ready\r\n", BID_MAYBE},
		{"", "220 ProFTPD Server ready\r\n", BID_MORE},
		{"USER x\r\n", "220 ready\r\n", BID_NO},
		{"EHLO x\r\n", "220 ready\r\n", BID_SURE},
		{"EHLO\n", "", BID_SURE},
		{"EH", "220 ready\r\n", BID_MORE},
		{"helo localhost\r\n", "", BID_SURE},
		{"mail from:<a@e>\r\n", "", BID_SURE},
		{"QUIT\r\n", "220 ready\r\n", BID_MAYBE},
		{"GET / HTTP/1.1\r\n", "", BID_NO},
		{"", "HTTP/1.1 200 OK\r\n", BID_NO},
		{"", "SSH-2.0-x\r\n", BID_NO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bids); i++)
		if (smtp_inspector.bid(bytes_str(bids[i].client), bytes_str(bids[i].server)) !=
			bids[i].want)
			fail_msg("client \"%s\", server \"%s\"", bids[i].client, bids[i].server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_bids),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_tls_both_ways),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_endless_secret),
		cmocka_unit_test(test_many_transactions),
		cmocka_unit_test(test_every_verb_in_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
