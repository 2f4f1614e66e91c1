/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a sender may do to HTTP and FTP so that the gateway reads otherwise than the receiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/proto/evasion.h"

/* "Patient 19760102-2382 besked\r\n", compressed by Python's zlib and gzip. */
#define GZIP                                                                                       \
	"\037\213\010\000\000\000\000\000\002\003\013\110\054\311\114\315\053\121\060\264\064\067" \
	"\063\060\064\060\322\065\062\266\060\122\110\112\055\316\116\115\341\345\002\000\010\321" \
	"\027\336\036\000\000\000"
#define RAW_DEFLATE                                                                                \
	"\013\110\054\311\114\315\053\121\060\264\064\067\063\060\064\060\322\065\062\266\060\122" \
	"\110\112\055\316\116\115\341\345\002\000"
#define ZLIB                                                                                       \
	"\170\234\013\110\054\311\114\315\053\121\060\264\064\067\063\060\064\060\322\065\062\266" \
	"\060\122\110\112\055\316\116\115\341\345\002\000\207\036\010\061"
#define GZIP_GZIP                                                                                  \
	"\037\213\010\000\000\000\000\000\002\003\223\357\346\140\000\001\046\146\156\017\235\223" \
	"\076\147\265\003\015\266\230\230\033\033\230\030\134\062\065\332\146\020\344\341\245\173" \
	"\316\317\367\341\123\046\006\216\213\342\367\344\200\052\001\066\013\063\137\062\000\000" \
	"\000"
#define GZIP_ONE                                                                                   \
	"\037\213\010\000\000\000\000\000\002\003\013\110\054\311\114\315\053\121\060\264\064\067" \
	"\063\060\004\000\117\361\135\315\016\000\000\000"
#define GZIP_TWO                                                                                   \
	"\037\213\010\000\000\000\000\000\002\003\063\060\322\065\062\266\060\122\110\112\055\316" \
	"\116\115\341\345\002\000\063\336\231\105\020\000\000\000"

static const struct session sessions[] = {
        {"gzip", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"gzip, odd case", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\ncontent-ENCODING:GZIP\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"gzip, not said", FOUND,
                {TURN(C, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"gzip, said to be identity", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "identity\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"gzip, said to be deflate", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "deflate\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"gzip, said to be br", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"gzip, an unknown name", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzipped\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"two gzip members", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "70\r\n\r\n" GZIP_ONE GZIP_TWO)}},
        {"gzip twice", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip, "
                        "gzip\r\nContent-Length: 67\r\n\r\n" GZIP_GZIP)}},
        {"gzip twice, two fields", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Encoding: gzip\r\nContent-Length: 67\r\n\r\n" GZIP_GZIP)}},
        {"gzip twice, said once", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "67\r\n\r\n" GZIP_GZIP)}},
        {"gzip once, said twice", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip, "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"gzip in a list of unknown", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: x, "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"deflate, raw", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "deflate\r\nContent-Length: 32\r\n\r\n" RAW_DEFLATE)}},
        {"deflate, zlib", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "deflate\r\nContent-Length: 38\r\n\r\n" ZLIB)}},
        {"raw deflate, said to be gzip", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "32\r\n\r\n" RAW_DEFLATE)}},
        {"br", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: "
                        "8\r\n\r\n"
                        "\x0b\x02\x80xxxxx")}},
        {"Content-Encoding folded", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding:\r\n "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"gzip, chunked in one list", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, "
                        "chunked\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked", FOUND,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked, blank before the colon", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked behind a tab", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: "
                        "a\r\nTransfer-Encoding:\tchunked\r\nContent-Encoding: "
                        "gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked behind a form feed", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "\fchunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked folded", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked, identity", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, "
                        "identity\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked with a parameter", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked;a=b\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP
                        "\r\n0\r\n\r\n")}},
        {"chunked in two fields", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked with a length of 0", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP
                        "\r\n0\r\n\r\n")}},
        {"chunked with a length of 4", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"chunked behind a bare CR", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: "
                        "chunked\r\nContent-Encoding: gzip\r\n\r\n32\r\n" GZIP "\r\n0\r\n\r\n")}},
        {"split by chunks", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n5\r\n19760\r\n8\r\n102-2382\r\n0\r\n\r\n")}},
        {"chunk extensions", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n5;a=\"b\\\"\"\r\n19760\r\n8 ;c\r\n102-2382\r\n0\r\n\r\n")}},
        {"chunk sizes with zeros", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n0000000000000000000005\r\n19760\r\n008\r\n102-"
                        "2382\r\n0\r\n\r\n")}},
        {"chunk lines end with LF", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n5\n19760\n8\n102-2382\n0\n\n")}},
        {"chunk sizes with 0x", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n0x5\r\n19760\r\n0x8\r\n102-2382\r\n0\r\n\r\n")}},
        {"chunk sizes with a plus sign", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n+5\r\n19760\r\n+8\r\n102-2382\r\n0\r\n\r\n")}},
        {"chunk sizes behind blanks", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n "
                        "5\r\n19760\r\n 8\r\n102-2382\r\n0\r\n\r\n")}},
        {"a number in a chunk extension", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n1;19760102-2382\r\nx\r\n0\r\n\r\n")}},
        {"a trailer", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
                        "19760102-2382\r\n\r\n")}},
        {"behind the last chunk", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n0\r\n\r\n19760102-2382")}},
        {"lower-case method", FOUND_OR_OPAQUE,
                {TURN(C,
                        "post /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"lower-case method, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\npost /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"own method", FOUND_OR_OPAQUE,
                {TURN(C,
                        "FROB /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"own method, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nFROB /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"absolute target", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST http://a/x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"absolute target, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST http://a/x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"odd target", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"odd target, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"authority", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST a:80 HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"authority, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST a:80 HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"HTTP/1.0", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.0\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"HTTP/1.0, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST /x HTTP/1.0\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"HTTP/9.9", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/9.9\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"HTTP/9.9, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST /x HTTP/9.9\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"lower-case version", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x http/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"lower-case version, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST /x http/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"tabs", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST\t/x\tHTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"tabs, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST\t/x\tHTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"blanks", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST   /x   HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"blanks, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST   /x   HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"no version", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"no version, behind an empty line", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\nPOST /x\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"many empty lines", FOUND_OR_OPAQUE,
                {TURN(C,
                        "\r\n\r\n\n\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"blanks first", FOUND_OR_OPAQUE,
                {TURN(C,
                        "  POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                        "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"a length with a plus sign", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "+50\r\n\r\n" GZIP)}},
        {"a length twice", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "3\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"no length", FOUND_OR_OPAQUE,
                {TURN(C, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n" GZIP)}},
        {"a GET with a body", FOUND_OR_OPAQUE,
                {TURN(C,
                        "GET /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"a HEAD with a body", FOUND_OR_OPAQUE,
                {TURN(C,
                        "HEAD /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"behind Connection: close", FOUND_OR_OPAQUE,
                {TURN(C,
                        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
                        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
                        "50\r\n\r\n" GZIP)}},
        {"Expect", FOUND_OR_OPAQUE,
                {TURN(C,
                         "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Encoding: "
                         "gzip\r\nContent-Length: 50\r\n\r\n"),
                        TURN(S, "HTTP/1.1 100 Continue\r\n\r\n"), TURN(C, GZIP)}},
        {"websocket that is refused", FOUND_OR_OPAQUE,
                {TURN(C, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
                        TURN(S, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                        TURN(C,
                                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                                "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"CONNECT that is refused", FOUND_OR_OPAQUE,
                {TURN(C, "CONNECT a:1 HTTP/1.1\r\n\r\n"),
                        TURN(S, "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n"),
                        TURN(C,
                                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                                "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"CONNECT that is refused later", FOUND_OR_OPAQUE,
                {TURN(C,
                         "CONNECT a:1 HTTP/1.1\r\n\r\nPOST /x HTTP/1.1\r\nHost: "
                         "a\r\nContent-Encoding: gzip\r\nContent-Length: 50\r\n\r\n" GZIP),
                        TURN(S, "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")}},
        {"h2c that is refused", FOUND_OR_OPAQUE,
                {TURN(C, "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"),
                        TURN(S, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                        TURN(C,
                                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: "
                                "gzip\r\nContent-Length: 50\r\n\r\n" GZIP)}},
        {"in the path", FOUND, {TURN(C, "GET /%31%39760102-2382/ HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"over segments is none, but escaped dash", FOUND,
                {TURN(C, "GET /19760102%2D2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"percent in lower case", FOUND,
                {TURN(C, "GET /?q=19760102%2d2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"plus", FOUND, {TURN(C, "GET /?q=19760102+2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"double percent", FOUND,
                {TURN(C, "GET /?q=%2531%2539760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"unicode escape", FOUND,
                {TURN(C, "GET /?q=%u0031%u0039760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"semicolons", FOUND,
                {TURN(C, "GET /?a=b;q=%31%39760102-2382;c HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"overlong UTF-8", FOUND,
                {TURN(C, "GET /?q=%c0%b1%c0%b9760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"fragment", FOUND, {TURN(C, "GET /#%31%39760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"absolute", FOUND,
                {TURN(C, "GET http://a/%31%39760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"user information", FOUND,
                {TURN(C, "GET http://%31%39760102-2382@a/ HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"fullwidth", FOUND,
                {TURN(C, "GET /?q=%EF%BC%91%EF%BC%99760102-2382 HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"base64 in a path is issue 4, plain beside", FOUND,
                {TURN(C,
                        "GET "
                        "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/%31%39760102-2382 "
                        "HTTP/1.1\r\nHost: a\r\n\r\n")}},
        {"HTTP/0.9", FOUND, {TURN(C, "GET /%31%39760102-2382\r\n")}},
        {"header", FOUND, {TURN(C, "GET / HTTP/1.1\r\nCookie: a=19760102-2382\r\n\r\n")}},
        {"header, folded", FOUND, {TURN(C, "GET / HTTP/1.1\r\nX: 1\r\n 19760102-2382\r\n\r\n")}},
        {"header, escaped", FOUND,
                {TURN(C, "GET / HTTP/1.1\r\nReferer: http://a/?%31%39760102-2382\r\n\r\n")}},
        {"cookie, escaped", FOUND,
                {TURN(C, "GET / HTTP/1.1\r\nCookie: a=%31%39760102-2382\r\n\r\n")}},
        {"method", FOUND, {TURN(C, "19760102-2382 / HTTP/1.1\r\n\r\n")}},
        {"host", FOUND, {TURN(C, "GET / HTTP/1.1\r\nHost: 19760102-2382.a\r\n\r\n")}},
        {"reason", FOUND,
                {TURN(C, "GET / HTTP/1.1\r\n\r\n"), TURN(S, "HTTP/1.1 200 19760102-2382\r\n\r\n")}},
        {"form", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "application/x-www-form-urlencoded\r\nContent-Length: 19\r\n\r\n"
                        "a=%31%39760102-2382")}},
        {"form, plus", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\n"
                        "a=19760102+2382")}},
        {"form, odd case", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "APPLICATION/X-WWW-FORM-URLENCODED\r\nContent-Length: 19\r\n\r\n"
                        "a=%31%39760102-2382")}},
        {"form with a charset", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; "
                        "charset=utf-16\r\nContent-Length: 19\r\n\r\n"
                        "a=%31%39760102-2382")}},
        {"form in two fields of type", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Type: "
                        "application/x-www-form-urlencoded\r\nContent-Length: 19\r\n\r\n"
                        "a=%31%39760102-2382")}},
        {"form with a comma", FOUND_OR_OPAQUE,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "application/x-www-form-urlencoded,x\r\nContent-Length: 19\r\n\r\n"
                        "a=%31%39760102-2382")}},
        {"JSON", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
                        "31\r\n\r\n"
                        "{\"a\":\"\\u0031\\u0039760102-2382\"}")}},
        {"JSON of utf-16", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
                        "42\r\n\r\n"
                        "{\000\"\000a\000\"\000:\000\"\0001\0009\0007\0006\0000\0001\0000\0002\000-"
                        "\0002\0003\0008\0002\000\"\000}\000")}},
        {"JSON as text", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\n"
                        "{\"a\":\"\\u0031\\u0039760102-2382\"}")}},
        {"JSON, own type", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: application/x+json\r\nContent-Length: "
                        "31\r\n\r\n"
                        "{\"a\":\"\\u0031\\u0039760102-2382\"}")}},
        {"JSON, escaped slash and solidus", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
                        "26\r\n\r\n"
                        "{\"a\":\"1976\\u0030102-2382\"}")}},
        {"form part", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; "
                        "boundary=b\r\nContent-Length: 69\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; "
                        "name=a\r\n\r\n19760102-2382\r\n--b--\r\n")}},
        {"form part in base64", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; "
                        "boundary=b\r\nContent-Length: 131\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; "
                        "name=a\r\nContent-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n--b--\r\n")}},
        {"form part, mixed", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; "
                        "boundary=b\r\nContent-Length: 188\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: "
                        "multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n--c--\r\n--b--"
                        "\r\n")}},
        {"form, quoted boundary", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=\"b "
                        "c\"\r\nContent-Length: 135\r\n\r\n"
                        "--b c\r\nContent-Disposition: form-data; "
                        "name=a\r\nContent-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n--b c--\r\n")}},
        {"form, odd case of boundary", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: Multipart/Form-Data; "
                        "BOUNDARY=b\r\nContent-Length: 131\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; "
                        "name=a\r\nContent-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n--b--\r\n")}},
        {"form, no boundary", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: "
                        "131\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; "
                        "name=a\r\nContent-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n--b--\r\n")}},
        {"form, no blank line", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; "
                        "boundary=b\r\nContent-Length: 67\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; "
                        "name=a\r\n19760102-2382\r\n--b--\r\n")}},
        {"form part is html", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; "
                        "boundary=b\r\nContent-Length: 101\r\n\r\n"
                        "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: "
                        "text/html\r\n\r\n1976<b>0102</b>-2382\r\n--b--\r\n")}},
        {"a mail", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: message/rfc822\r\nContent-Length: "
                        "79\r\n\r\n"
                        "Content-Transfer-Encoding: "
                        "base64\r\n\r\nUGF0aWVudCAxOTc2MDEwMi0yMzgyIGJlc2tlZA0K\r\n")}},
        {"html", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n"
                        "1976<b>0102</b>-2382")}},
        {"svg", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: image/svg+xml\r\nContent-Length: "
                        "52\r\n\r\n"
                        "<svg><text>1976<tspan>0102</tspan>-2382</text></svg>")}},
        {"svg not said", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "application/octet-stream\r\nContent-Length: 52\r\n\r\n"
                        "<svg><text>1976<tspan>0102</tspan>-2382</text></svg>")}},
        {"html not said", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: "
                        "application/octet-stream\r\nContent-Length: 31\r\n\r\n"
                        "<div>1976<b>0102</b>-2382</div>")}},
        {"utf-7", FOUND,
                {TURN(C,
                        "POST / HTTP/1.1\r\nContent-Type: text/plain; "
                        "charset=utf-7\r\nContent-Length: 37\r\n\r\n"
                        "+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-")}},
        {"FTP file name", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "STOR 19760102-2382\r\n")}},
        {"FTP site", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "SITE CHMOD 19760102-2382\r\n")}},
        {"FTP behind telnet", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C,
                                "\xff\xf4\xff\xf2"
                                "ABOR\r\nSTOR 19760102-2382\r\n")}},
        {"FTP reply", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(S, "213-x\r\n 19760102-2382\r\n213 x\r\n")}},
        {"FTP unknown command", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "XYZZY 19760102-2382\r\n")}},
        {"FTP AUTH refused", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "AUTH TLS\r\n"), TURN(S, "500 x\r\n"),
                        TURN(C, "STOR 19760102-2382\r\n")}},
        {"FTP name behind PASS LF", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "PASS x\nSTOR 19760102-2382\r\n")}},
        {"FTP name behind PASS NUL", FOUND,
                {TURN(S, "220 a FTP\r\n"), TURN(C, "USER a\r\n"), TURN(S, "230 ok\r\n"),
                        TURN(C, "PASS x\000\r\nSTOR 19760102-2382\r\n")}},
};

static void
test_sessions(void **state)
{
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(sessions); i++)
		missed += !session_holds(&sessions[i], 0) || !session_holds(&sessions[i], 1);
	print_message("%zu sessions\n", ARRAY_LEN(sessions));
	assert_int_equal(missed, 0);
}

/* ---- limits reached on purpose ---- */

static void
put(struct box *in, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		box_put(in, text, strlen(text));
}

static const struct limit_case {
	const char *name;
	const char *before, *many;
	unsigned times;
	const char *behind;
} limits[] = {
        {"a long target", "POST /", "x", 60000, " HTTP/1.1\r\n"},
        {"blanks before the target", "POST", " ", 60000, "/ HTTP/1.1\r\n"},
        {"blanks before the version", "POST /", " ", 60000, "HTTP/1.1\r\n"},
        {"empty lines", "", "\r\n", 60000, "POST / HTTP/1.1\r\n"},
        {"a long field", "POST / HTTP/1.1\r\nX: ", "x", 60000, "\r\n"},
        {"a folded field", "POST / HTTP/1.1\r\nX: ", "x\r\n ", 60000, "\r\n"},
        {"many fields", "POST / HTTP/1.1\r\n",
                "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 40000, ""},
        {"many codings", "POST / HTTP/1.1\r\nContent-Encoding: identity", ", identity", 3000,
                "\r\n"},
        {"many requests", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2000, "POST / HTTP/1.1\r\n"},
        {"many lengths", "POST / HTTP/1.1\r\n", "Content-Length: 1\r\n", 100, ""},
};

/* @param memory  of the flow; 0: the default */
static bool
request_holds(const struct limit_case *c, size_t step, uint64_t memory)
{
	static const struct bytes tail =
	        BYTES_LIT("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
	static const struct bytes gzip = BYTES_LIT(GZIP), end = BYTES_LIT("\r\n0\r\n\r\n");
	struct endpoints ends = {.family = 4, .port = {40000, 80}};
	struct conversation talk;
	struct box in = {0};
	struct engine e;
	char size[16];
	bool holds;

	put(&in, c->before, 1);
	put(&in, c->many, c->times);
	put(&in, c->behind, 1);
	box_put(&in, tail.p, tail.n);
	snprintf(size, sizeof(size), "%zx\r\n", gzip.n);
	put(&in, size, 1);
	box_put(&in, gzip.p, gzip.n);
	box_put(&in, end.p, end.n);
	engine_open(&e);
	if (memory > 0)
		e.limits.flow_memory = memory;
	conversation_open(&talk, &e.env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	for (size_t i = 0; i < in.n; i += step)
		conversation_data(&talk, C, bytes_of(in.p + i, step < in.n - i ? step : in.n - i));
	conversation_close(&talk, false);
	holds = law_holds(&e, FOUND_OR_OPAQUE) || talk.stats.opaque[C][OPAQUE_OVER_BUDGET] > 0;
	if (!holds)
		print_error("missed: %s, step %zu, memory %llu\n%.300s", c->name, step,
		        (unsigned long long)memory, engine_dump(&e));
	engine_close(&e);
	box_free(&in);
	return holds;
}

static void
test_limits(void **state)
{
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		missed += !request_holds(&limits[i], 1460, 0) ||
		        !request_holds(&limits[i], 100000000, 0);
	assert_int_equal(missed, 0);
}

static void
test_memory(void **state)
{
	static const struct limit_case plain = {"plain", "", "", 0, "POST / HTTP/1.1\r\n"};
	unsigned missed = 0;

	for (uint64_t memory = 4096; memory < 262144; memory += 4096)
		missed += !request_holds(&plain, 100, memory) ||
		        !request_holds(&limits[5], 1460, memory);
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sessions),
	        cmocka_unit_test(test_limits),
	        cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
