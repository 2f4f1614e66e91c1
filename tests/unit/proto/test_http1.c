/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inspectors/proto/http1_head.h"
#include "tests/support/recorder.h"

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
	{"pipelined requests are paired with their responses; HEAD has no body",
		{C("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
			S("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
			  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")},
		"client http method=HEAD host=h path=/a\n"
		"  http>header \"HEAD /a HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n\"\n"
		"client http method=GET host=h path=/b\n"
		"  http>header \"GET /b HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n\"\n"
		"server http method=HEAD host=h path=/a\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\n\"\n"
		"server http method=GET host=h path=/b\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n\"\n"
		"  http>body \"b\"\n"},
	{"RFC 9112, 7.1: chunks, extensions, trailers; then the next request",
		{C("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "4;a=b\r\nWiki\r\n5\r\npedia\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n")},
		"client http method=POST host=h path=/up\n"
		"  http>header \"POST /up HTTP/1.1\\r\\nHost: h\\r\\nTransfer-Encoding: "
		"chunked\\r\\n\\r\\n4;a=b\\r\\n\\r\\n5\\r\\n\\r\\n0\\r\\nX: y\\r\\n\\r\\n\"\n"
		"  http>body \"Wikipedia\"\n"
		"client http method=GET path=/\n"
		"  http>header \"GET / HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"100-continue, then the body and the final response",
		{C("PUT /d/l%C3%A4s%20mig.txt HTTP/1.1\r\nHost: h:8080\r\nContent-Length: 4\r\n"
		   "Expect: 100-continue\r\n\r\n"),
			S("HTTP/1.1 100 Continue\r\n\r\n"), C("data"),
			S("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")},
		"server http method=PUT host=h path=/d/l%C3%A4s%20mig.txt\n"
		"  http>header \"HTTP/1.1 100 Continue\\r\\n\\r\\n\"\n"
		"client http method=PUT host=h path=/d/l%C3%A4s%20mig.txt "
		"file=l\\xc3\\xa4s mig.txt\n"
		"  http>header \"PUT /d/l%C3%A4s%20mig.txt HTTP/1.1\\r\\nHost: "
		"h:8080\\r\\nContent-Length: 4\\r\\nExpect: 100-continue\\r\\n\\r\\n\"\n"
		"  target {url} \"/d/l%C3%A4s%20mig.txt\"\n"
		"  http>body name=l\\xc3\\xa4s mig.txt \"data\"\n"
		"server http method=PUT host=h path=/d/l%C3%A4s%20mig.txt\n"
		"  http>header \"HTTP/1.1 201 Created\\r\\nContent-Length: 0\\r\\n\\r\\n\"\n"},
	{"query and user information stay out of host and path",
		{C("GET http://u:p@a.example:81/x?q=1%202 HTTP/1.1\r\nHost: b\r\n\r\n")},
		"client http method=GET host=a.example path=/x\n"
		"  http>header \"GET http://u:p@a.example:81/x?q=1%202 HTTP/1.1\\r\\nHost: "
		"b\\r\\n\\r\\n\"\n"
		"  target {url} \"http://u:p@a.example:81/x?q=1%202\"\n"},
	{"RFC 7578: a form",
		{C("POST /f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=\"AaB03x\"\r\n"
		   "Content-Length: 7\r\n\r\n--AaB03")},
		"client http method=POST path=/f\n"
		"  http>header \"POST /f HTTP/1.1\\r\\nContent-Type: multipart/form-data; "
		"boundary=\\x22AaB03x\\x22\\r\\nContent-Length: 7\\r\\n\\r\\n\"\n"
		"  http>body type=multipart/form-data boundary=AaB03x \"--AaB03\"\n"},
	{"a body to the end of the connection, gzip in name only",
		{S("HTTP/1.0 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Disposition: "
		   "attachment; filename=\"a.txt\"\r\n\r\nclear"),
			END_S},
		"server http file=a.txt\n"
		"  http>header \"HTTP/1.0 200 OK\\r\\nContent-Encoding: "
		"x-gzip\\r\\nContent-Disposition: attachment; "
		"filename=\\x22a.txt\\x22\\r\\n\\r\\n\"\n"
		"  http>body name=a.txt {gzip} {deflate} \"clear\"\n"},
	{"RFC 8187, 3.2.3: a file name in another charset, and one that is only not ASCII",
		{S("HTTP/1.1 200 OK\r\nContent-Disposition: attachment; "
		   "filename*=iso-8859-1'en'%A3%20rates\r\nContent-Length: 0\r\n\r\n"),
			S("HTTP/1.1 200 OK\r\nContent-Disposition: attachment; "
			  "filename=\"\xc3\xa5.txt\"\r\nContent-Length: 0\r\n\r\n")},
		"server http file=\\xc2\\xa3 rates\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Disposition: attachment; "
		"filename*=iso-8859-1'en'%A3%20rates\\r\\nContent-Length: 0\\r\\n\\r\\n\"\n"
		"  field {url} \"Content-Disposition: attachment; "
		"filename*=iso-8859-1'en'%A3%20rates\"\n"
		"server http file=\\xc3\\xa5.txt\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Disposition: attachment; "
		"filename=\\x22\\xc3\\xa5.txt\\x22\\r\\nContent-Length: 0\\r\\n\\r\\n\"\n"},
	{"gzip, said to be deflate",
		{S("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: "
		   "3\r\n\r\n\x1f\x8b\x08")},
		"server http\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Encoding: "
		"deflate\\r\\nContent-Length: 3\\r\\n\\r\\n\"\n"
		"  http>body {deflate} {gzip} \"\\x1f\\x8b\\x08\"\n"},
	{"brotli can't be read",
		{S("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx")},
		"server http\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Encoding: br\\r\\nContent-Length: "
		"1\\r\\n\\r\\n\"\n"
		"  http>body {unknown} \"x\"\n"},
	{"codings are undone from the last to the first",
		{S("HTTP/1.1 200 OK\r\nContent-Encoding: deflate, gzip\r\nTransfer-Encoding: "
		   "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")},
		"server http\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nContent-Encoding: deflate, "
		"gzip\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1\\r\\n\\r\\n0\\r\\n\\r\\n\"\n"
		"  http>body {gzip,deflate} {gzip} {deflate} {} \"x\"\n"},
	{"two lengths: the shorter one ends the body where a request follows",
		{C("POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n"
		   "abGET /x HTTP/1.1\r\n\r\n")},
		"client http method=POST path=/\n"
		"  http>header \"POST / HTTP/1.1\\r\\nContent-Length: 2\\r\\nContent-Length: "
		"9\\r\\n\\r\\n\"\n"
		"  http>body \"ab\"\n"
		"client http method=GET path=/x\n"
		"  http>header \"GET /x HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"two lengths: else the longer one does",
		{C("POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n"
		   "abGEx dogGET /x HTTP/1.1\r\n\r\n")},
		"client http method=POST path=/\n"
		"  http>header \"POST / HTTP/1.1\\r\\nContent-Length: 2\\r\\nContent-Length: "
		"9\\r\\n\\r\\n\"\n"
		"  http>body \"abGEx dog\"\n"
		"client http method=GET path=/x\n"
		"  http>header \"GET /x HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"length and chunks: the wire bytes are read both ways",
		{C("POST / HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "0\r\n\r\nGPOST / HTTP/1.1\r\n\r\n")},
		"client http method=POST path=/\n"
		"  http>header \"POST / HTTP/1.1\\r\\nContent-Length: 6\\r\\nTransfer-Encoding: "
		"chunked\\r\\n\\r\\n\"\n"
		"  http>body {chunked} {} \"0\\r\\n\\r\\n\"\n"
		"client http method=GPOST path=/\n"
		"  http>header \"GPOST / HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"a blank before the colon",
		{S("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
		   "HTTP/1.1 204 No Content\r\n\r\n")},
		"server http\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\nTransfer-Encoding : chunked\\r\\n\\r\\n\"\n"
		"  http>body {chunked} {} \"1\\r\\nx\\r\\n0\\r\\n\\r\\n\"\n"
		"server http\n"
		"  http>header \"HTTP/1.1 204 No Content\\r\\n\\r\\n\"\n"},
	{"LF alone, blanks around the size, no size at the end",
		{C("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n 2 \nab\n\n1,\nc\nzz\n"), END_C},
		"client http method=POST path=/\n"
		"  http>header \"POST / HTTP/1.1\\nTransfer-Encoding: chunked\\n\\n 2 "
		"\\n\\n\\n1,\\n\\n\"\n"
		"  http>body \"abczz\\n\"\n"},
	{"bytes behind a response without a body are read with its codings",
		{S("HTTP/1.1 204 ok\r\nContent-Encoding: gzip\r\n\r\nfoo\nHTTP/1.1 200 ok\r\n\r\n"),
			END_S},
		"server http\n"
		"  http>header \"HTTP/1.1 204 ok\\r\\nContent-Encoding: gzip\\r\\n\\r\\n\"\n"
		"server http\n"
		"  http>stray {gzip} {deflate} {} \"foo\\n\"\n"
		"server http\n"
		"  http>header \"HTTP/1.1 200 ok\\r\\n\\r\\n\"\n"},
	{"CONNECT: TLS in the tunnel",
		{C("CONNECT a.example:443 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"),
			C("\x16\x03\x01\x00\x02zz"), S("\x16\x03\x03\x00\x01zHello")},
		"client http method=CONNECT host=a.example\n"
		"  http>header \"CONNECT a.example:443 HTTP/1.1\\r\\n\\r\\n\"\n"
		"server http method=CONNECT host=a.example\n"
		"  http>header \"HTTP/1.1 200 OK\\r\\n\\r\\n\"\n"
		"client http host=a.example\n"
		"  http>tunnel skip:tls=7 \"\"\n"
		"server http host=a.example\n"
		"  http>tunnel skip:tls=6 opaque:tunnel \"Hello\"\n"},
	{"CONNECT refused: requests go on",
		{C("CONNECT a:443 HTTP/1.1\r\n\r\n"),
			S("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
			C("GET / HTTP/1.1\r\n\r\n")},
		"client http method=CONNECT host=a\n"
		"  http>header \"CONNECT a:443 HTTP/1.1\\r\\n\\r\\n\"\n"
		"server http method=CONNECT host=a\n"
		"  http>header \"HTTP/1.1 407 No\\r\\nContent-Length: 0\\r\\n\\r\\n\"\n"
		"client http method=GET path=/\n"
		"  http>header \"GET / HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"websocket",
		{C("GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"),
			S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: "
			  "websocket\r\n\r\n\x81\x02hi"),
			C("\x81\x82maskxx")},
		"client http method=GET host=h path=/chat\n"
		"  http>header \"GET /chat HTTP/1.1\\r\\nHost: h\\r\\nUpgrade: "
		"websocket\\r\\n\\r\\n\"\n"
		"server http method=GET host=h path=/chat\n"
		"  http>header \"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: "
		"websocket\\r\\n\\r\\n\"\n"
		"client http\n"
		"  http>tunnel opaque:tunnel \"\\x81\\x82maskxx\"\n"
		"server http\n"
		"  http>tunnel opaque:tunnel \"\\x81\\x02hi\"\n"},
	{"RFC 9113, 3.4: the preface of HTTP/2",
		{C("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxyz"), S("\1\2")},
		"client http\n"
		"  http>header \"PRI * HTTP/2.0\\r\\n\"\n"
		"  http>http2 opaque:unknown-format \"\\r\\nSM\\r\\n\\r\\nxyz\"\n"
		"server http\n"
		"  http>http2 opaque:unknown-format \"\\x01\\x02\"\n"},
	{"a hole in a body whose length is known",
		{C("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"), LOST_C(4),
			C("xyzGET /n HTTP/1.1\r\n\r\n")},
		"client http method=POST path=/ gap=4\n"
		"  http>header \"POST / HTTP/1.1\\r\\nContent-Length: 10\\r\\n\\r\\n\"\n"
		"  http>body cut \"abc\"\n"
		"  http>body \"xyz\"\n"
		"client http method=GET path=/n\n"
		"  http>header \"GET /n HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"a hole over a border: the next request is found",
		{C("GET /a HTTP/1.1\r\nHo"), LOST_C(40),
			C("est: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n")},
		"client http gap=40 cut\n"
		"  http>header cut \"GET /a HTTP/1.1\\r\\nHo\"\n"
		"client http\n"
		"  http>stray \"est: x\\r\\n\\r\\n\"\n"
		"client http method=GET path=/b\n"
		"  http>header \"GET /b HTTP/1.1\\r\\n\\r\\n\"\n"},
	{"an upload cut short", {C("PUT /x.bin HTTP/1.1\r\nContent-Length: 9\r\n\r\nMZ"), END_C},
		"client http method=PUT path=/x.bin file=x.bin cut\n"
		"  http>header \"PUT /x.bin HTTP/1.1\\r\\nContent-Length: 9\\r\\n\\r\\n\"\n"
		"  http>body name=x.bin cut \"MZ\"\n"},
	{"HTTP/0.9", {C("GET /x\r\n"), END_C, S("plain\n"), END_S},
		"client http cut\n"
		"  http>header cut \"GET /x\\r\\n\"\n"
		"server http\n"
		"  http>stray \"plain\\n\"\n"},
	{"a folded field that some read as two",
		{S("HTTP/1.1 200 ok\r\nX-Foo: bar\r\n\tContent-Length: 1\r\n\r\nab"), END_S},
		"server http\n"
		"  http>header \"HTTP/1.1 200 ok\\r\\nX-Foo: bar\\r\\n\\x09Content-Length: "
		"1\\r\\n\\r\\n\"\n"
		"  http>body \"ab\"\n"},
	{"an empty line of two CRs, in the head or at its end",
		{S("HTTP/1.1 200 ok\r\n\r\r\nContent-Length: 1\r\n\r\r\nab"), END_S},
		"server http\n"
		"  http>header \"HTTP/1.1 200 ok\\r\\n\\r\\r\\nContent-Length: 1\\r\\n\\r\\r\\n\"\n"
		"  http>body \"a\"\n"
		"server http\n"
		"  http>stray \"b\"\n"},
};

/*
 * Shapes of the http-evader family: what some browsers read in spite of it. The
 * body's line of the record says which readings it gets.
 */
static const struct evasion {
	const char *response;
	const char *body; /* as recorded, behind "http>body" */
} evasions[] = {
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding: chunked\r\n\r\nf,\r\nX5O!P%@AP[4\\PZX\r\n0x\r\n\r\n",
		" \"X5O!P%@AP[4\\PZX\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n1; x  1\r\nX\r\n0\n \n",
		" \"X\"\n"},
	{"HTTP/1.0 200 ok\r\nTransfer-Encoding: chunked\r\n\r\nX", " {chunked} {} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding: \r\n \r\n chunked\r\n\r\n1\r\nX\r\n0\r\n\r\n",
		" {chunked} {} \"1\\r\\nX\\r\\n0\\r\\n\\r\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding: chunked x\r\n\r\n0\n\n", " {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding: lalala\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
		" {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding\t: chunked\r\n\r\n0\n\n", " {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\n\n",
		" {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 \rTransfer-Encoding:chunked\r\n\r\n0\n\n", " {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding\r\n \r\n :\r\n chunked\r\n\r\n0\n\n",
		" {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nTransfer-Encoding\x0c:\x0c" "chunked\r\n\r\n0\n\n",
		" {chunked} {} \"0\\n\\n\"\n"},
	{"HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\n1\r\nX\r\n0\r\n\r\n", " \"X\"\n"},
	{"\r\n foobar\r\nHTTP/1.1 200 ok\n\rTransfer-Encoding: chunked\n\r\r\n\r\n1\r\nX\r\n0\r\n\r\n",
		" {chunked} {} \"1\\r\\nX\\r\\n0\\r\\n\\r\\n\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:gzip\r\nContent-Encoding:gzip\r\n\r\nX",
		" {gzip,gzip} {gzip} {} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:deflate\r\n ,\r\n deflate\r\n \r\n\r\nX",
		" {deflate,deflate} {deflate} {} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:deflate\r\nContent-Encoding:gzip x\r\n\r\nX",
		" {gzip,deflate} {gzip} {deflate} {} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:deflate,identity\r\n\r\nX", " {deflate} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:: gzip\r\n\r\n\x1f\x8b", " {gzip} {} \"\\x1f\\x8b\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Encoding:\xa0" "deflate\x0b\r\n\r\nX", " {deflate} {} \"X\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Length: 1( 3)\r\n\r\nabc", " \"abc\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Length: 2A\r\n\r\nabc", " \"abc\"\n"},
	{"HTTP/1.1 200 ok\r\nContent-Length: 1\n\t\n@", " \"@\"\n"},
};

static void
test_evasions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(evasions); i++)
		for (size_t piece = 0; piece <= 17; piece++) {
			const struct step steps[] = {
				{SAY_SERVER, bytes_str(evasions[i].response), 0}, END_S};
			const char *body;
			struct recorder r;

			recorder_init(&r);
			recorder_run(&r, &http1_inspector, steps, 2, 0, piece, false);
			assert_conserved(&r, evasions[i].response, steps, 2);
			box_put(&r.text, "", 1);
			body = strstr((char *)r.text.p, "http>body");
			if (body == NULL || strcmp(body + strlen("http>body"), evasions[i].body) != 0)
				fail_msg("%s\nin pieces of %zu:\n%s\nwant:%s", evasions[i].response, piece,
					(char *)r.text.p, evasions[i].body);
			recorder_free(&r);
		}
}

struct bid_case {
	const char *client, *server;
	enum bid want;
};

static void
test_bids(void **state)
{
	static const struct bid_case bids[] = {
		{"GET / HTTP/1.1\r\n", "", BID_SURE},
		{"GET / HTTP/1.1", "", BID_MORE},
		{"PRI * HTTP/2.0\r\n", "", BID_SURE},
		{"FROB /x HTTP/1.0\r\n", "", BID_SURE},
		{"GET /x\r\n", "", BID_MAYBE},
		{"OPTIONS rtsp://h/ RTSP/1.0\r\n", "", BID_NO},
		{"EHLO client.example\r\n", "", BID_NO},
		{"", "HTTP/1.1 200 OK\r\n", BID_SURE},
		{"", "HTT", BID_MORE},
		{"", "220 mail\r\n", BID_NO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bids); i++)
		assert_int_equal(
			http1_inspector.bid(bytes_str(bids[i].client), bytes_str(bids[i].server)),
			bids[i].want);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 0;

		while (n < STEPS_MAX &&
			(cases[i].steps[n].bytes.n > 0 || cases[i].steps[n].what != SAY_CLIENT))
			n++;
		assert_records(cases[i].name, &http1_inspector, cases[i].steps, n, cases[i].want);
		assert_counts_without_memory(&http1_inspector, cases[i].steps, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_evasions), cmocka_unit_test(test_bids)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
