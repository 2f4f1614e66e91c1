/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a sender may do to a mail so that the gateway reads it otherwise than the receiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/proto/evasion.h"

#define B64 "Content-Transfer-Encoding: base64\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define TEXT "Content-Type: text/plain\r\n"
#define HTML "Content-Type: text/html\r\n"
#define MIXED "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
#define BODY "\r\n" N1_BASE64 "\r\n"

struct attack {
	const char *name;
	struct bytes content;
	enum outcome_wanted wanted;
};

#define A(name, content)                                                                           \
	{                                                                                          \
		name, BYTES_LIT(content), FOUND_OR_OPAQUE                                          \
	}
#define F(name, content)                                                                           \
	{                                                                                          \
		name, BYTES_LIT(content), FOUND                                                    \
	}

static const struct attack mails[] = {
        /* fields */
        F("odd case", "cOnTeNt-TrAnSfEr-EnCoDiNg: BaSe64\r\n" BODY),
        F("blanks before the colon", "Content-Transfer-Encoding \t: base64\r\n" BODY),
        F("a comment before", "Content-Transfer-Encoding: (x (y)) base64\r\n" BODY),
        F("a comment behind", "Content-Transfer-Encoding: base64 (x)\r\n" BODY),
        F("quoted", "Content-Transfer-Encoding: \"base64\"\r\n" BODY),
        F("a semicolon behind", "Content-Transfer-Encoding: base64;\r\n" BODY),
        F("a comma behind", "Content-Transfer-Encoding: base64, 7bit\r\n" BODY),
        F("folded", "Content-Transfer-Encoding:\r\n base64\r\n" BODY),
        F("folded over blank lines", "Content-Transfer-Encoding:\r\n \r\n\t\r\n base64\r\n" BODY),
        F("the second of two", "Content-Transfer-Encoding: 8bit\r\n" B64 BODY),
        F("the first of two", B64 "Content-Transfer-Encoding: 8bit\r\n" BODY),
        A("the last of five",
                "Content-Transfer-Encoding: 8bit\r\n" QP
                "Content-Transfer-Encoding: uuencode\r\nContent-Transfer-Encoding: gzip\r\n" B64
                        BODY),
        A("a NUL in the name", "Content-Transfer-Encoding\0: base64\r\n" BODY),
        A("a NUL before the value", "Content-Transfer-Encoding:\0base64\r\n" BODY),
        A("a NUL behind the value", "Content-Transfer-Encoding: base64\0\r\n" BODY),
        A("a form feed before the value", "Content-Transfer-Encoding:\fbase64\r\n" BODY),
        A("a vertical tab behind", "Content-Transfer-Encoding: base64\v\r\n" BODY),
        A("as an encoded word", "Content-Transfer-Encoding: =?us-ascii?Q?base64?=\r\n" BODY),
        A("type as an encoded word",
                MIXED "\r\n--b\r\nContent-Type: =?us-ascii?Q?text/html?=\r\n" B64 BODY "--b--\r\n"),
        A("lines end with CR", "Subject: x\rContent-Transfer-Encoding: base64\r\r" N1_BASE64 "\r"),
        A("lines end with CR, a multipart",
                "Subject: x\rContent-Type: multipart/mixed; boundary=b\r\r"
                "--b\r"
                "Content-Transfer-Encoding: base64\r\r" N1_BASE64 "\r--b--\r"),
        A("a CR ends the header",
                "Subject: x\r\nContent-Transfer-Encoding: base64\r\r" N1_BASE64 "\r\n"),
        A("parts end with CR",
                MIXED "\r\n--b\rContent-Transfer-Encoding: base64\r\r" N1_BASE64 "\r--b--\r\n"),
        F("lines end with LF", "Subject: x\nContent-Transfer-Encoding: base64\n\n" N1_BASE64 "\n"),
        A("no blank line", "Subject: x\r\n" B64 N1_BASE64 "\r\n"),
        A("no blank line, more behind", "Subject: x\r\n" B64 "AAAA\r\n" N1_BASE64 "\r\n\r\nx\r\n"),
        A("no blank line in a part", MIXED "\r\n--b\r\n" B64 N1_BASE64 "\r\n--b--\r\n"),
        A("a line without a colon in front", "garbage\r\n" B64 BODY),
        A("a line without a colon before the encoding", "Subject: x\r\ngarbage\r\n" B64 BODY),
        A("a line without a colon behind the encoding", B64 "AAAA\r\nSubject: x\r\n" BODY),
        A("a first line of blanks", " \r\n" B64 BODY),
        A("a line of blanks ends the header", "Subject: x\r\n" B64 " \r\n" N1_BASE64 "\r\n"),
        A("From line within", "Subject: x\r\nFrom a@b\r\n" B64 BODY),
        A("encoded subject, B with spaces",
                "Subject: =?utf-8?B?MTk3NjAx MDItMjM4Mg==?=\r\n\r\nx\r\n"),
        F("encoded subject, lower case", "Subject: =?UTF-8?q?1976=30102-2382?=\r\n\r\nx\r\n"),
        F("encoded subject, glued", "Subject: x=?utf-8?B?IDE5NzYwMTAyLTIzODIg?=y\r\n\r\nx\r\n"),
        F("encoded subject, split digits",
                "Subject: =?utf-8?B?MTk3NjAx?= \r\n\t=?utf-8?Q?02-2382?=\r\n"
                "\r\nx\r\n"),
        F("encoded subject, utf-7",
                "Subject: =?utf-7?Q?+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-?=\r\n"
                "\r\nx\r\n"),
        F("encoded subject, utf-16",
                "Subject: =?utf-16be?B?ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI=?=\r\n"
                "\r\nx\r\n"),
        F("display name", "From: =?utf-8?Q?19760102=2D2382?= <a@b>\r\n\r\nx\r\n"),
        F("in quotes", "From: \"=?utf-8?Q?19760102=2D2382?=\" <a@b>\r\n\r\nx\r\n"),
        F("field name", "X-19760102-2382: x\r\n\r\nx\r\n"),
        /* names */
        F("RFC 2231 name",
                "Content-Disposition: attachment; filename*=utf-8''%31%39760102-2382\r\n"
                "\r\nx\r\n"),
        F("RFC 2231 sections",
                "Content-Disposition: attachment; filename*1=0102-2382;"
                " filename*0=1976\r\n\r\nx\r\n"),
        F("RFC 2231 sections, mixed",
                "Content-Disposition: attachment; filename*0*=utf-8''%31976;"
                " filename*1=0102-; filename*2*=%32382\r\n\r\nx\r\n"),
        F("second name",
                "Content-Type: text/plain; name*=utf-8''%31%39760102-2382\r\n"
                "Content-Disposition: attachment; filename=x.txt\r\n\r\nx\r\n"),
        F("second file name",
                "Content-Disposition: attachment; filename=x.txt;"
                " filename*=utf-8''%31%39760102-2382\r\n\r\nx\r\n"),
        F("file name of an attached mail",
                MIXED "\r\n--b\r\nContent-Type: message/rfc822;"
                      " name*=utf-8''%31%39760102-2382\r\n\r\nSubject: x\r\n\r\nx\r\n--b--\r\n"),
        F("file name of a multipart",
                "Content-Type: multipart/mixed; boundary=b;"
                " name*=utf-8''%31%39760102-2382\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"),
        F("base64 name in a parameter",
                "Content-Type: text/plain; name=\"=?utf-8?B?MTk3NjAxMDItMjM4Mg==?=\"\r\n\r\nx\r\n"),
        F("description", "Content-Description: =?utf-8?B?MTk3NjAxMDItMjM4Mg==?=\r\n\r\nx\r\n"),
        /* boundaries */
        F("preamble", MIXED "\r\n" N1 "\r\n--b\r\n\r\nx\r\n--b--\r\n"),
        F("epilogue", MIXED "\r\n--b\r\n\r\nx\r\n--b--\r\n" N1 "\r\n"),
        F("behind the end", MIXED "\r\n--b\r\n\r\nx\r\n--b--\r\n--b\r\n" B64 BODY "--b--\r\n"),
        F("blanks behind a boundary", MIXED "\r\n--b \t \r\n" B64 BODY "--b--\r\n"),
        F("quoted",
                "Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n--b c\r\n" B64 BODY
                "--b c--\r\n"),
        F("single quotes",
                "Content-Type: multipart/mixed; boundary='b'\r\n\r\n--'b'\r\n" B64 BODY
                "--'b'--\r\n"),
        F("blanks around =",
                "Content-Type: multipart/mixed; boundary = b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        F("escapes",
                "Content-Type: multipart/mixed; boundary=\"\\b\"\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        A("escapes kept",
                "Content-Type: multipart/mixed; boundary=\"\\b\"\r\n\r\n--\\b\r\n" B64 BODY
                "--\\b--\r\n"),
        F("angle brackets",
                "Content-Type: multipart/mixed; boundary=\"<b>\"\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        F("unquoted with blanks",
                "Content-Type: multipart/mixed; boundary=b c\r\n\r\n--b c\r\n" B64 BODY
                "--b c--\r\n"),
        A("unquoted with blanks, cut",
                "Content-Type: multipart/mixed; boundary=b c\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("a comment behind it",
                "Content-Type: multipart/mixed; boundary=b (c)\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        A("a colon, slash, comma, unquoted",
                "Content-Type: multipart/mixed; boundary=b:/,c\r\n\r\n"
                "--b:/,c\r\n" B64 BODY "--b:/,c--\r\n"),
        A("empty",
                "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n" B64 BODY "----\r\n"),
        A("none", "Content-Type: multipart/mixed\r\n\r\n--x\r\n" B64 BODY "--x--\r\n"),
        A("none, guessed wrong",
                "Content-Type: multipart/mixed\r\n\r\n--y\r\nx\r\n--x\r\n" B64 BODY "--x--\r\n"),
        A("of the second field",
                "Content-Type: multipart/mixed; boundary=a\r\n"
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("of the first field",
                "Content-Type: multipart/mixed; boundary=b\r\n"
                "Content-Type: multipart/mixed; boundary=a\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("of the second parameter",
                "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n"
                "--b\r\n" B64 BODY "--b--\r\n"),
        A("text first, multipart second", TEXT MIXED "\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("multipart first, text second", MIXED TEXT B64 BODY),
        A("multipart first, text second, parts", MIXED TEXT "\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("RFC 2231 boundary",
                "Content-Type: multipart/mixed; boundary*=us-ascii''%62\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        A("RFC 2231 boundary beside a plain one",
                "Content-Type: multipart/mixed; boundary=a;"
                " boundary*0=b; boundary*1=c\r\n\r\n--bc\r\n" B64 BODY "--bc--\r\n"),
        A("beside a prefix",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--bb\r\n" B64 BODY "--bb--\r\n"),
        A("a prefix counts for some",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
                "x\r\n--bx\r\n" B64 BODY "--b--\r\n"),
        A("text behind a final boundary",
                MIXED "\r\n--b\r\n\r\nx\r\n--b--x\r\n" B64 BODY "--b--\r\n"),
        A("inner equal to outer",
                MIXED "\r\n--b\r\n" MIXED "\r\n--b\r\n" B64 BODY "--b--\r\n--b--\r\n"),
        A("outer in the inner",
                MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
                      "--c\r\n\r\nx\r\n--b\r\n" B64 BODY "--c--\r\n--b--\r\n"),
        A("inner a prefix of the outer",
                "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n"
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"
                "--bb--\r\n"),
        A("an empty line less", MIXED "--b\r\n" B64 BODY "--b--\r\n"),
        A("no MIME-Version",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("encoding on a multipart", MIXED B64 "\r\n--b\r\n" TEXT "\r\n" N1_BASE64 "\r\n--b--\r\n"),
        A("an encoded multipart",
                MIXED B64 "\r\nLS1iDQoNClBhdGllbnQgMTk3NjAxMDItMjM4MiBiZXNrZWQNCi0t"
                          "Yi0tDQo=\r\n"),
        A("preamble that is encoded", MIXED B64 BODY "--b\r\n\r\nx\r\n--b--\r\n"),
        A("leading dash in preamble of an encoded multipart",
                MIXED B64 "\r\n-\r\n" N1_BASE64 "\r\n--b--\r\n"),
        A("multipart with a blank before the slash",
                "Content-Type: multipart /mixed; boundary=b\r\n"
                "\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("multipart in quotes",
                "Content-Type: \"multipart/mixed\"; boundary=b\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        A("no semicolon",
                "Content-Type: multipart/mixed boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("a comma for the semicolon",
                "Content-Type: multipart/mixed, boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        A("a comment in the type",
                "Content-Type: (x) multipart/(y)mixed; boundary=b\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        /* types */
        F("an attached mail in base64",
                MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n" B64
                      "\r\nRnJvbTogYUBiDQpTdWJqZWN0OiB4DQoNClBhdGllbnQgMTk3NjAxMDItMjM4MiBiZXNrZWQN"
                      "Cg==\r\n"
                      "--b--\r\n"),
        F("an attached mail, encoded body",
                MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" B64 BODY "--b--\r\n"),
        A("a part of a mail",
                "Content-Type: message/partial; id=x; number=1; total=2\r\n\r\n" B64 BODY),
        A("a body elsewhere",
                "Content-Type: message/external-body; access-type=anon-ftp\r\n\r\n" B64 BODY),
        A("delivery status", "Content-Type: message/delivery-status\r\n\r\n" B64 BODY),
        A("news", "Content-Type: message/news\r\n\r\n" B64 BODY),
        A("disposition", "Content-Type: message/rfc822-headers\r\n\r\n" B64 BODY),
        F("appledouble",
                "Content-Type: multipart/appledouble; boundary=b\r\n\r\n--b\r\n" B64 BODY
                "--b--\r\n"),
        F("signed",
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"),
        F("octets", "Content-Type: application/octet-stream\r\n" B64 BODY),
        F("an image that is text", "Content-Type: image/jpeg\r\n" B64 BODY),
        F("calendar", "Content-Type: text/calendar\r\n\r\nSUMMARY:1976\r\n 0102-2382\r\n"),
        F("contact", "Content-Type: text/vcard\r\n\r\nNOTE:1976\n\t0102-2382\n"),
        F("enriched", "Content-Type: text/enriched\r\n\r\n1976<bold>0102</bold>-2382\r\n"),
        F("richtext", "Content-Type: text/richtext\r\n\r\n1976<bold>0102</bold>-2382\r\n"),
        A("encrypted",
                "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n" B64
                "\r\nMIAGCSqGSIb3DQEHA6CAMIACAQAxgg==\r\n"),
        A("encrypted, old name",
                "Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n" B64
                "\r\nMIAGCSqGSIb3DQEHA6CAMIACAQAxgg==\r\n"),
        A("PGP in the text",
                "Subject: x\r\n\r\nHej,\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n"
                "hQEMA1SxY/1rOc6MAQf/\r\n-----END PGP MESSAGE-----\r\n"),
        A("BinHex",
                "Content-Transfer-Encoding: x-binhex\r\n\r\n"
                "(This file must be converted with BinHex 4.0)\r\n:#h4...\r\n"),
        A("BinHex in the text",
                "Content-Type: application/mac-binhex40\r\n\r\n"
                "(This file must be converted with BinHex 4.0)\r\n:#h4...\r\n"),
        A("yEnc",
                "Subject: x\r\n\r\n=ybegin line=128 size=13 "
                "name=x\r\n[cacZ[Z\\W\\]b\\\r\n=yend\r\n"),
        /* encodings */
        F("padding in the middle", B64 "\r\nUGF0aWVudCAxOQ==NzYwMTAyLTIzODIgYmVza2VkDQo=\r\n"),
        F("junk", B64 "\r\nUGF0aW!!VudCAxOT\r\n.c2MDEwMi*0yMzgyIGJlc2tlZA0K\r\n"),
        F("one digit in each line",
                B64 "\r\nU\r\nG\r\nF\r\n0\r\na\r\nW\r\nVudCAxOTc2MDEwMi0yMz"
                    "gyIGJlc2tlZA0K\r\n"),
        A("NULs", B64 "\r\nUGF0aWVudCAxOTc2\0MDEwMi0yMzgyIGJlc2tlZA0K\r\n"),
        F("lower hex", QP "\r\n=31=39=37=36=30=31=30=32=2d=32=33=38=32\r\n"),
        F("soft line breaks", QP "\r\n=31=39=\n=37=36=30=  \r\n=31=30=32=2D=32=33=38=32\r\n"),
        F("soft line break by LF CR", QP "\r\n19760=\n102-2=\r\n382\r\n"),
        F("soft line break by CR", QP "\r\n19760=\r102-2382\r\n"),
        F("a long line",
                QP "\r\n" N1_QP " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
        F("a stray equals sign before", QP "\r\nx==" N1_QP "\r\n"),
        F("a soft line break at the end", QP "\r\n19760102-2=33=\r\n8=\r\n2=\r\n"),
        F("uuencode without MIME",
                "Subject: x\r\n\r\nbegin 644 x\r\n>4&%T:65N=\" Q.3<V,#$P,BTR,S@R(&)E"
                "<VME9 T*\r\n`\r\nend\r\n"),
        F("uuencode, said to be",
                "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n>4&%T:65N"
                "=\" Q.3<V,#$P,BTR,S@R(&)E<VME9 T*\r\n`\r\nend\r\n"),
        F("uuencode that is text", TEXT "\r\nbegin 644 x\r\nPatient " N1 " besked\r\n"),
        F("uuencode whose lines are longer than they say",
                TEXT "\r\nbegin 644 x\r\n#PAT PATIENT " N1 " \r\n`\r\nend\r\n"),
        F("uuencode that is text behind its end",
                TEXT "\r\nbegin 644 x\r\n`PATIENT " N1 "\r\nend\r\n"),
        F("uuencode that is text and data",
                TEXT "\r\nbegin 644 x\r\n0PAT " N1 "     "
                     "\r\n`\r\nend\r\n"),
        /* charsets */
        F("utf-16 as us-ascii",
                "Content-Type: text/plain; charset=us-ascii\r\n" B64
                "\r\nUABhAHQAaQBlAG4AdAAgADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADIAIABiAGUAcwBrAGUAZAANAA"
                "oA"
                "\r\n"),
        F("utf-16be as utf-8",
                "Content-Type: text/plain; charset=utf-8\r\n" B64
                "\r\nAFAAYQB0AGkAZQBuAHQAIAAxADkANwA2ADAAMQAwADIALQAyADMAOAAyACAAYgBlAHMAawBlAGQADQ"
                "AK"
                "\r\n"),
        F("ascii as utf-16", "Content-Type: text/plain; charset=utf-16\r\n" B64 BODY),
        F("ascii as utf-32", "Content-Type: text/plain; charset=utf-32\r\n" B64 BODY),
        F("ascii as ebcdic", "Content-Type: text/plain; charset=ibm037\r\n" B64 BODY),
        F("ebcdic",
                "Content-Type: text/plain; charset=ibm037\r\n" B64
                "\r\n14GjiYWVo0Dx+ff28PHw8mDy8/jyQIKFopKFhA0l\r\n"),
        F("utf-7",
                "Content-Type: text/plain; "
                "charset=utf-7\r\n\r\n+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-\r\n"),
        F("utf-7 in the second parameter",
                "Content-Type: text/plain; charset=us-ascii; charset=utf-7"
                "\r\n\r\n+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-\r\n"),
        F("utf-7 in the second field",
                TEXT "Content-Type: text/plain; charset=utf-7\r\n\r\n"
                     "+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-\r\n"),
        F("utf-7 in the first of two",
                "Content-Type: text/plain; charset=utf-7\r\n"
                "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
                "+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-\r\n"),
        F("utf-7 by RFC 2231",
                "Content-Type: text/plain; charset*=us-ascii''utf-7\r\n\r\n"
                "+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-\r\n"),
        F("iso-2022-jp shifted away",
                "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
                "\x1b$B#1#9#7#6#0#1#0#2\x1b(B-\x1b$B#2#3#8#2\x1b(B\r\n"),
        F("iso-2022-jp, in vain",
                "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
                "1976\x1b(B0102\x1b(J-2382\r\n"),
        F("gb18030 digits",
                "Content-Type: text/plain; charset=gb18030\r\n\r\n"
                "\xa3\xb1\xa3\xb9\xa3\xb7\xa3\xb6\xa3\xb0\xa3\xb1\xa3\xb0\xa3\xb2-2382\r\n"),
        F("a lead byte before ascii",
                "Content-Type: text/plain; charset=shift_jis\r\n\r\n"
                "\x81"
                "19760102-2382 och\r\n"),
        A("hz",
                "Content-Type: text/plain; "
                "charset=hz-gb-2312\r\n\r\n~{#1#9#7#6#0#1#0#2~}-2382\r\n"),
        F("a mark in front",
                "Content-Type: text/plain; charset=us-ascii\r\n" B64
                "\r\n//5QAGEAdABpAGUAbgB0ACAAMQA5ADcANgAwADEAMAAyAC0AMgAzADgAMgA=\r\n"),
        F("marks within",
                "Content-Type: text/plain; charset=utf-8\r\n\r\n1976\xef\xbb\xbf"
                "0102-2382\r\n"),
        /* html */
        F("numbers without semicolons",
                HTML "\r\n&#49&#57&#55&#54&#48&#49&#48&#50&#45&#50&#51&#56&#50\r\n"),
        F("hexadecimal", HTML "\r\n&#x31;&#X39;&#x0000037;&#x36&#x30;&#x31;02-2382\r\n"),
        F("split by tags", HTML "\r\n1976<b></b>01<i>02</i>-<span title='a>b'>2382</span>\r\n"),
        F("split by comments", HTML "\r\n1976<!-- x -->01<!--->02<!--x--!>-2382\r\n"),
        F("split by declarations", HTML "\r\n1976<!x>01<?x?>02</ x>-2382\r\n"),
        F("split by unknown elements", HTML "\r\n1976<o:p/>01<x-y z=1>02</x-y>-2382\r\n"),
        F("split by script", HTML "\r\n1976<script>1</script>0102-2382\r\n"),
        F("split by style", HTML "\r\n1976<style>a{}</style>0102-2382\r\n"),
        F("split by a template", HTML "\r\n1976<template>9</template>0102-2382\r\n"),
        F("split by links", HTML "\r\n1976<link><meta>0102-2382\r\n"),
        F("split by <wbr>", HTML "\r\n1976<wbr>0102&shy;-23&ZeroWidthSpace;82\r\n"),
        F("zero width and marks",
                HTML "\r\n1&#8203;9&#8204;7&#8205;6&#8288;0&#xFEFF;1&#x200e;0&#x202a;2-2"
                     "&#x34f;3&#x61c;8&#x180e;2\r\n"),
        F("variation selectors", HTML "\r\n1&#xfe0f;9&#xfe00;7&#xfe0e;60102-2382\r\n"),
        F("keycaps", HTML "\r\n1&#xfe0f;&#x20e3;9&#xfe0f;&#x20e3;760102-2382\r\n"),
        F("underlined by combining marks", HTML "\r\n1&#x332;9&#x332;7&#x332;60102-2382\r\n"),
        F("fullwidth", HTML "\r\n&#xff11;&#xff19;760102&#xff0d;2382\r\n"),
        F("mathematical digits", HTML "\r\n&#x1d7cf;&#x1d7d7;760102-2382\r\n"),
        F("Arabic digits", HTML "\r\n&#x661;&#x669;760102-2382\r\n"),
        F("conditional comment", HTML "\r\n1976<![if !mso]>0102<![endif]>-2382\r\n"),
        F("character data",
                "Content-Type: application/xhtml+xml\r\n\r\n<p>1976<![CDATA[0102]]>-2382</p>"
                "\r\n"),
        F("character data that HTML hides", HTML "\r\n1976<![CDATA[9]]>0102-2382\r\n"),
        F("character data that HTML ends early", HTML "\r\n<![CDATA[>1976<b>0102</b>-2382\r\n"),
        F("three brackets",
                "Content-Type: text/xml\r\n\r\n<a><![CDATA[x]]]><b>1976</b>0102-2382</a>\r\n"),
        F("character data in html",
                HTML "\r\n<svg><text>1976<![CDATA[0102]]>-2382</text></svg>\r\n"),
        F("attribute", HTML "\r\n<img alt='&#49;&#57;760102-2382'>\r\n"),
        F("placeholder", HTML "\r\n<input value=\"19760102&#45;2382\">\r\n"),
        F("nested quotes",
                HTML "\r\n<p title=\"a'b\" x='c\"d'>1976<p title=\"></p>0102\">\r\n" N1 "\r\n"),
        F("an open quote", HTML "\r\n<p title=\"x\r\n" N1 "\r\n"),
        F("an open comment", HTML "\r\n<!-- " N1 "\r\n"),
        F("a tag with a NUL", HTML "\r\n1976<b\0>0102</b>-2382\r\n"),
        F("NULs within",
                HTML "\r\n1976\0"
                     "0102-2382\r\n"),
        F("html by its name",
                "Content-Type: application/octet-stream; name=x.html\r\n\r\n<p>1976<b>0102</b>"
                "-2382\r\n"),
        F("html that begins with a comment",
                "Content-Type: application/octet-stream\r\n\r\n<!-- x -->\r\n"
                "<p>1976<b>0102</b>-2382\r\n"),
        F("html behind blanks",
                "Content-Type: application/octet-stream\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
                "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r"
                "\n\r\n\r\n"
                "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n<html>1976<b>0102</b>-2382\r\n"),
        F("html with a bad type", "Content-Type: texthtml\r\n\r\n<p>1976<b>0102</b>-2382\r\n"),
        F("html in the second field", TEXT HTML "\r\n<p>1976<b>0102</b>-2382\r\n"),
        F("html in the first field", HTML TEXT "\r\n<p>1976<b>0102</b>-2382\r\n"),
        F("html, blank before the slash",
                "Content-Type: text / html\r\n\r\n<p>1976<b>0102</b>-2382\r\n"),
        F("html in quotes", "Content-Type: \"text/html\"\r\n\r\n<p>1976<b>0102</b>-2382\r\n"),
        F("html with a comma",
                "Content-Type: text/html, charset=utf-8\r\n\r\n<p>1976<b>0102</b>-2382\r\n"),
        /* text */
        /* Without delsp the space stays (RFC 3676, 4.1), and a fixed line its end: no number. */
        F("format=flowed, delsp",
                "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n1976 \r\n"
                "0102-2382\r\n"),
};

static bool
attack_fails(const struct attack *a, size_t cut)
{
	static const struct part_meta meta = {
	        .label = "mail", .type = {(const uint8_t *)"message/rfc822", 14}};
	struct engine e;
	bool holds;

	engine_open(&e);
	engine_read(&e, &meta, a->content, cut);
	holds = law_holds(&e, a->wanted);
	if (!holds)
		print_error("missed: %s\n%s", a->name, engine_dump(&e));
	engine_close(&e);
	return holds;
}

static void
test_mails(void **state)
{
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(mails); i++)
		missed += !attack_fails(&mails[i], 0);
	print_message("%zu mails\n", ARRAY_LEN(mails));
	assert_int_equal(missed, 0);
}

/* ---- sessions ---- */

#define MAIL "Subject: x\r\n" B64 BODY ".\r\n"
#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"

static const struct session sessions[] = {
        {"plain", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n"), TURN(S, "250 a\r\n"),
                        TURN(C, ENVELOPE "DATA\r\n"), TURN(S, "250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, MAIL)}},
        {"an empty line first, before the greeting", FOUND,
                {TURN(C, "\r\n"), TURN(S, "220 a ESMTP\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "500 x\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, MAIL)}},
        {"an empty line first, greeting without a name", FOUND,
                {TURN(S, "220 a\r\n"), TURN(C, "\r\nEHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "500 x\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, MAIL)}},
        {"an unknown command first", FOUND,
                {TURN(C, "XYZZY\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"an unknown command first, greeting without a name", FOUND,
                {TURN(S, "220 a\r\n"), TURN(C, "XYZZY\r\n"), TURN(S, "500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"an unknown command, then all at once", FOUND,
                {TURN(C, "XYZZY\r\nEHLO a\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"blanks before the command", FOUND,
                {TURN(C, "  EHLO a\r\n" ENVELOPE "DATA\r\n" MAIL),
                        TURN(S,
                                "220 a ESMTP\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 "
                                "ok\r\n")}},
        {"a NUL before the command", FOUND,
                {TURN(C, "\0EHLO a\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"a byte of eight bits first", FOUND,
                {TURN(C, "\xff\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"RSET first, greeting without a name", FOUND,
                {TURN(S, "220 a\r\n"), TURN(C, "RSET\r\n"), TURN(S, "250 ok\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"like FTP first", FOUND,
                {TURN(S, "220 a\r\n"), TURN(C, "USER a\r\n"), TURN(S, "500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"like FTP first, before the greeting", FOUND,
                {TURN(C, "FEAT\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"like HTTP first", FOUND_OR_OPAQUE,
                {TURN(C, "GET / HTTP/1.0\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"like TLS first", FOUND_OR_OPAQUE,
                {TURN(C, "\x16\x03\x01\r\n"), TURN(S, "220 a ESMTP\r\n500 x\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"a blank behind DATA", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA \r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"a word behind DATA", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA x\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"a NUL behind DATA", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\0\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"DATA ended by CR CR LF", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"DATA without replies", FOUND, {TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"DATA before the replies", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n" MAIL "QUIT\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 x\r\n")}},
        {"a mail that begins like a command", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "EHLO a\r\n" ENVELOPE "DATA\r\n"
                                "NOOP: x\r\n" MAIL),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")}},
        {"a mail whose first lines are commands", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n"), TURN(C, "NOOP\r\n" MAIL),
                        TURN(S, "354 go\r\n250 ok\r\n")}},
        {"no 354 but 250", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n250 go\r\n"), TURN(C, MAIL)}},
        {"replies of several lines", FOUND,
                {TURN(S, "220-a ESMTP\r\n220 b\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S,
                                "250-a\r\n250-b\r\n250 c\r\n250-ok\r\n250 ok\r\n250 ok\r\n"
                                "354-go\r\n354 go\r\n"),
                        TURN(C, MAIL)}},
        {"refused, and sent nevertheless", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n503 no\r\n"), TURN(C, "DATA\r\n"),
                        TURN(S, "354 go\r\n"), TURN(C, MAIL)}},
        {"chunks", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "EHLO a\r\n" ENVELOPE "BDAT 37\r\n" B64 "\r\n"
                                "BDAT 40 LAST\r\n" N1_BASE64),
                        TURN(S, "250 a\r\n")}},
        {"chunks, small", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "EHLO a\r\n" ENVELOPE
                                "BDAT 10\r\n19760102-2BDAT 3\r\n382BDAT 0 LAST\r\n"),
                        TURN(S, "250 a\r\n")}},
        {"chunks, a plus sign", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C, "EHLO a\r\n" ENVELOPE "BDAT +79 LAST\r\n" B64 "\r\n" N1_BASE64),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n250 ok\r\n")}},
        {"chunks, leading zeros", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "EHLO a\r\n" ENVELOPE "BDAT 00000000000000000000000077 LAST\r\n" B64
                                "\r\n" N1_BASE64),
                        TURN(S, "250 a\r\n")}},
        {"chunks that the server doesn't know", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "BDAT 9999\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n502 x\r\n"), TURN(C, "DATA\r\n"),
                        TURN(S, "354 go\r\n"), TURN(C, MAIL)}},
        {"chunks that the server doesn't know, more behind", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\nBDAT 9999\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n502 x\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, MAIL)}},
        {"smuggled by LF . LF", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\n.\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"smuggled by LF . CR LF", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\n.\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"smuggled by CR . CR", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\r.\r" ENVELOPE "DATA\r\n" MAIL)}},
        {"smuggled by CR LF . CR", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\r\n.\r" ENVELOPE "DATA\r\n" MAIL)}},
        {"smuggled behind blanks", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\n.\n  " ENVELOPE "DATA\r\n" MAIL)}},
        {"smuggled behind a NOOP", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, "Subject: x\r\n\r\nx\n.\nNOOP\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"a dot stuffed into a number", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "EHLO a\r\n" ENVELOPE "DATA\r\n"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                        TURN(C, QP "\r\n19760102=\r\n.-2382\r\n.\r\n")}},
        {"in a NOOP", FOUND, {TURN(S, "220 a ESMTP\r\n"), TURN(C, "NOOP " N1 "\r\n")}},
        {"in a greeting", FOUND, {TURN(S, "220 " N1 " ESMTP\r\n")}},
        {"in a reply", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "HELP\r\n"), TURN(S, "214 " N1 "\r\n")}},
        {"in a local part", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "MAIL FROM:<\"" N1 "\"@b>\r\n")}},
        {"in a parameter", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "MAIL FROM:<a@b> ENVID=" N1 "\r\n")}},
        {"a mechanism", FOUND, {TURN(S, "220 a ESMTP\r\n"), TURN(C, "AUTH " N1 "\r\n")}},
        {"behind AUTH that is refused", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "AUTH PLAIN\r\n"), TURN(S, "502 x\r\n"),
                        TURN(C, N1 "\r\n")}},
        {"behind AUTH that is cancelled", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "AUTH PLAIN\r\n"), TURN(S, "334 \r\n"),
                        TURN(C, "*\r\n"), TURN(S, "501 x\r\n"), TURN(C, N1 "\r\n")}},
        {"a mail behind AUTH", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C, "AUTH PLAIN eA==\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"text behind STARTTLS that is refused", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "STARTTLS\r\n"), TURN(S, "454 x\r\n"),
                        TURN(C, ENVELOPE "DATA\r\n" MAIL)}},
        {"text behind STARTTLS, before its reply", FOUND,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "STARTTLS\r\n" ENVELOPE "DATA\r\n" MAIL),
                        TURN(S, "454 x\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")}},
        {"text behind STARTTLS that is accepted", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"), TURN(C, "STARTTLS\r\n"), TURN(S, "220 go\r\n"),
                        TURN(C, ENVELOPE "DATA\r\n" MAIL)}},
        {"LMTP", FOUND,
                {TURN(S, "220 a LMTP\r\n"), TURN(C, "LHLO a\r\n" ENVELOPE "DATA\r\n" MAIL)}},
        {"a client that ends lines with LF", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "EHLO a\nMAIL FROM:<a@b>\n"
                                "RCPT TO:<c@d>\nDATA\n" B64 "\n" N1_BASE64 "\n.\n")}},
        {"a client that ends lines with CR", FOUND_OR_OPAQUE,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C, "EHLO a\rMAIL FROM:<a@b>\rRCPT TO:<c@d>\rDATA\r"),
                        TURN(S, "250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n"), TURN(C, MAIL)}},
        {"HTTP on a mail port", FOUND,
                {TURN(S, "220 a ESMTP\r\n"),
                        TURN(C,
                                "POST / HTTP/1.1\r\n"
                                "Content-Length: 4\r\n\r\n" N1 "\r\n")}},
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
put_many(struct box *in, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		box_put(in, text, strlen(text));
}

/* "%u" in text is the turn. */
static void put_numbered(struct box *in, const char *format, unsigned times)
        __attribute__((format(printf, 2, 0)));

static void
put_numbered(struct box *in, const char *format, unsigned times)
{
	char line[256];

	for (unsigned i = 0; i < times; i++) {
		snprintf(line, sizeof(line), format, i, i);
		box_put(in, line, strlen(line));
	}
}

/* What stands in front of N1 in base64, so that the encoding isn't seen or reached. */
static const struct limit_case {
	const char *name;
	const char *before, *many;
	unsigned times;
	const char *behind;
} limits[] = {
        {"a field of blanks", "Content-Transfer-Encoding:", " \r\n ", 10000, "base64\r\n" BODY},
        {"a long line before the colon", "Content-Transfer-Encoding", " ", 20000,
                ": base64\r\n" BODY},
        {"a comment", "Content-Transfer-Encoding: (", "x", 20000, ") base64\r\n" BODY},
        {"many fields", "", "X-Field: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 20000,
                B64 BODY},
        {"many encodings", "", "Content-Transfer-Encoding: 8bit\r\n", 1000, B64 BODY},
        {"many parameters", "Content-Type: multipart/mixed", "; a=b", 1000,
                "; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"},
        {"many boundaries", "Content-Type: multipart/mixed", "; boundary=x", 100,
                "; boundary=b\r\n\r\n--b\r\n" B64 BODY "--b--\r\n"},
        {"a long boundary", "Content-Type: multipart/mixed; boundary=\"b", "b", 300,
                "\"\r\n\r\n--b\r\n" B64 BODY},
        {"many parts", MIXED "\r\n", "--b\r\n\r\nx\r\n", 5000, "--b\r\n" B64 BODY "--b--\r\n"},
        {"many mails in one another", "", "Content-Type: message/rfc822\r\n\r\n", 300, B64 BODY},
        {"a long preamble", MIXED "\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 20000,
                "--b\r\n" B64 BODY "--b--\r\n"},
        {"a line of dashes", MIXED "\r\n--b", " ", 20000, "\r\n" B64 BODY "--b--\r\n"},
        {"much junk in base64", B64 "\r\n", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!\r\n", 20000,
                N1_BASE64 "\r\n"},
        {"many comments in html", HTML "\r\n1976", "<!-- xxxxxxxxxxxxxxxx -->", 1000,
                "0102-2382\r\n"},
        {"a long comment in html", HTML "\r\n1976<!--", "xxxxxxxxxxxxxxxx ", 10000,
                "-->0102-2382\r\n"},
        {"a long attribute", HTML "\r\n1976<b title='", "xxxxxxxxxxxxxxxx ", 10000,
                "'>0102-2382\r\n"},
        {"many invisible characters", "Content-Type: text/plain; charset=utf-8\r\n\r\n1976",
                "\xe2\x80\x8b", 40, "0102-2382\r\n"},
        {"zeros of a reference", HTML "\r\n1976&#", "0", 20000, "48;102-2382\r\n"},
        {"soft line breaks", QP "\r\n1976", "=\r\n", 20000, "0102-2382\r\n"},
};

static bool
read_holds(const char *name, struct bytes content, uint64_t memory)
{
	static const struct part_meta meta = {
	        .label = "mail", .type = {(const uint8_t *)"message/rfc822", 14}};
	struct engine e;
	bool holds;

	engine_open(&e);
	if (memory > 0)
		e.limits.flow_memory = memory;
	engine_read(&e, &meta, content, 0);
	holds = law_holds(&e, FOUND_OR_OPAQUE) || e.messages == 0;
	if (!holds)
		print_error("missed: %s, memory %llu\n%s", name, (unsigned long long)memory,
		        engine_dump(&e));
	engine_close(&e);
	return holds;
}

static void
test_limits(void **state)
{
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		const struct limit_case *c = &limits[i];
		struct box in = {0};

		put_many(&in, c->before, 1);
		put_many(&in, c->many, c->times);
		put_many(&in, c->behind, 1);
		missed += !read_holds(c->name, bytes_of(in.p, in.n), 0);
		box_free(&in);
	}
	assert_int_equal(missed, 0);
}

static void
test_nesting(void **state)
{
	struct box in = {0};
	unsigned missed = 0;

	put_numbered(&in, "Content-Type: multipart/mixed; boundary=b%ux\r\n\r\n--b%ux\r\n", 100);
	put_many(&in, B64 BODY, 1);
	missed += !read_holds("multiparts", bytes_of(in.p, in.n), 0);
	box_free(&in);
	assert_int_equal(missed, 0);
}

/* Whatever the memory is, what isn't read is counted. */
static void
test_memory(void **state)
{
	static const struct {
		const char *name;
		struct bytes content;
	} mails_of[] = {
	        {"html",
	                BYTES_LIT(MIXED "\r\n--b\r\n" TEXT "\r\nx\r\n--b\r\n" HTML B64 BODY
	                                "--b--\r\n")},
	        {"two encodings", BYTES_LIT("Content-Transfer-Encoding: 8bit\r\n" B64 BODY)},
	        {"html under another type", BYTES_LIT(TEXT "\r\n<div>1976<b>0102</b>-2382\r\n")},
	        {"utf-7",
	                BYTES_LIT("Subject: =?utf-7?Q?+ADEAOQA3ADYAMAAxADAAMgAtADIAMwA4ADI-?=\r\n"
	                          "\r\nx\r\n")},
	        {"attached",
	                BYTES_LIT(MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" B64 BODY
	                                "--b--\r\n")},
	        {"folded",
	                BYTES_LIT("Content-Type: text/calendar\r\n\r\nX:1976\r\n 0102-2382\r\n")},
	        {"gb18030",
	                BYTES_LIT(
	                        "Content-Type: text/plain; charset=gb18030\r\n\r\n\xa3\xb1\xa3\xb9"
	                        "\xa3\xb7\xa3\xb6\xa3\xb0\xa3\xb1\xa3\xb0\xa3\xb2-2382\r\n")},
	};
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(mails_of); i++)
		for (uint64_t memory = 4096; memory < 262144; memory += 4096)
			missed += !read_holds(mails_of[i].name, mails_of[i].content, memory);
	assert_int_equal(missed, 0);
}

/* Long beginnings: the protocol must be known, or turned to, behind them. */
static void
test_long_beginnings(void **state)
{
	static const struct {
		const char *name, *greeting, *many;
		unsigned times;
	} beginnings[] = {
	        {"NOOP", "220 a\r\n", "NOOP\r\n", 4000},
	        {"nonsense", "220 a\r\n", "xyzzy xyzzy\r\n", 4000},
	        {"nonsense, no greeting", "", "xyzzy xyzzy\r\n", 4000},
	        {"a line without an end", "220 a\r\n", "xyzzy", 10000},
	        {"empty lines", "220 a\r\n", "\r\n", 10000},
	        {"a long greeting", "", "", 0},
	};
	struct engine e;
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		for (size_t step = 0; step < 2000; step += 1999) {
			static const char behind[] = "\r\nEHLO a\r\n" ENVELOPE "DATA\r\n" MAIL;
			struct box in = {0}, greeting = {0};
			struct say talk[2];

			put_many(&greeting, beginnings[i].greeting, 1);
			if (beginnings[i].times == 0)
				put_many(&greeting, "220-welcome to a\r\n", 2000);
			box_put(&greeting, "", 1);
			put_many(&in, beginnings[i].many, beginnings[i].times);
			box_put(&in, behind, sizeof(behind));
			talk[0] = (struct say){S, (const char *)greeting.p};
			talk[1] = (struct say){C, (const char *)in.p};
			engine_open(&e);
			engine_talk(&e, talk, 2, step);
			if (!law_holds(&e, FOUND)) {
				print_error("missed: %s, step %zu\n%s", beginnings[i].name, step,
				        engine_dump(&e));
				missed++;
			}
			engine_close(&e);
			box_free(&in);
			box_free(&greeting);
		}
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_mails),
	        cmocka_unit_test(test_sessions),
	        cmocka_unit_test(test_limits),
	        cmocka_unit_test(test_nesting),
	        cmocka_unit_test(test_memory),
	        cmocka_unit_test(test_long_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
