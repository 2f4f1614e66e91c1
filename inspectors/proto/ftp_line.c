/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/ftp_line.h"

#include <arpa/inet.h>

static const struct verb {
	const char *name;
	int moves;
} verbs[FTP_VERBS] = {
	[FTP_OTHER] = {NULL, 0},
	[FTP_ABOR] = {"ABOR", 0},
	[FTP_ACCT] = {"ACCT", 0},
	[FTP_APPE] = {"APPE", 1},
	[FTP_AUTH] = {"AUTH", 0},
	[FTP_EPRT] = {"EPRT", 0},
	[FTP_EPSV] = {"EPSV", 0},
	[FTP_LIST] = {"LIST", -1},
	[FTP_MLSD] = {"MLSD", -1},
	[FTP_MODE] = {"MODE", 0},
	[FTP_NLST] = {"NLST", -1},
	[FTP_PASS] = {"PASS", 0},
	[FTP_PASV] = {"PASV", 0},
	[FTP_PORT] = {"PORT", 0},
	[FTP_PROT] = {"PROT", 0},
	[FTP_REST] = {"REST", 0},
	[FTP_RETR] = {"RETR", -1},
	[FTP_STOR] = {"STOR", 1},
	[FTP_STOU] = {"STOU", 1},
	[FTP_TYPE] = {"TYPE", 0},
};

const char *
ftp_verb_name(enum ftp_verb verb)
{
	return verb < FTP_VERBS ? verbs[verb].name : NULL;
}

int
ftp_verb_moves(enum ftp_verb verb)
{
	return verb < FTP_VERBS ? verbs[verb].moves : 0;
}

enum ftp_verb
ftp_command(struct bytes line, struct bytes *ret_argument)
{
	size_t n = 0;

	/* ABOR may come behind telnet's IAC IP IAC DM (RFC 959, 4.1.3). */
	while (line.n > 0 && (line.p[0] <= ' ' || line.p[0] >= 0xf0))
		line = bytes_skip(line, 1);
	while (n < line.n && line.p[n] > ' ')
		n++;
	*ret_argument = bytes_trim(bytes_skip(line, n));
	for (int i = FTP_OTHER + 1; i < FTP_VERBS; i++)
		if (bytes_equal_nocase(bytes_of(line.p, n), bytes_str(verbs[i].name)))
			return (enum ftp_verb)i;
	return FTP_OTHER;
}

unsigned
ftp_reply(struct bytes line, bool *ret_more)
{
	*ret_more = false;
	if (line.n < 3 || !ascii_is_digit(line.p[0]) || !ascii_is_digit(line.p[1]) ||
		!ascii_is_digit(line.p[2]))
		return 0;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-' && line.p[3] != '\r')
		return 0;
	*ret_more = line.n > 3 && line.p[3] == '-';
	return (unsigned)(line.p[0] - '0') * 100 + (unsigned)(line.p[1] - '0') * 10 +
		(unsigned)(line.p[2] - '0');
}

/* A number up to @p most at the start of @p in, which it is taken from; -1: none. */
static long
take_number(struct bytes *in, long most)
{
	long v = -1;

	while (in->n > 0 && ascii_is_digit(in->p[0])) {
		v = (v < 0 ? 0 : v) * 10 + (in->p[0] - '0');
		if (v > most)
			return -1;
		*in = bytes_skip(*in, 1);
	}
	return v;
}

static bool
six_numbers(struct bytes in, uint8_t ret[6])
{
	for (int i = 0; i < 6; i++) {
		long v;

		while (in.n > 0 && (in.p[0] == ' ' || (i > 0 && in.p[0] == ',')))
			in = bytes_skip(in, 1);
		v = take_number(&in, 255);
		if (v < 0 || (i < 5 && (in.n == 0 || (in.p[0] != ',' && in.p[0] != ' '))))
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

bool
ftp_host_port(struct bytes text, struct ftp_address *ret)
{
	uint8_t n[6];

	/* RFC 1123, 4.1.2.6: search for the first digit that begins the six numbers. */
	for (; text.n > 0; text = bytes_skip(text, 1)) {
		if (!ascii_is_digit(text.p[0]) || !six_numbers(text, n))
			continue;
		*ret = (struct ftp_address){.family = 4};
		memcpy(ret->address, n, 4);
		ret->port = (uint16_t)(n[4] << 8 | n[5]);
		return ret->port != 0;
	}
	return false;
}

/* Up to @p delimiter, which is taken away too. */
static bool
take_field(struct bytes *in, uint8_t delimiter, struct bytes *ret)
{
	const uint8_t *end = in->n == 0 ? NULL : memchr(in->p, delimiter, in->n);

	if (end == NULL)
		return false;
	*ret = bytes_of(in->p, (size_t)(end - in->p));
	*in = bytes_skip(*in, ret->n + 1);
	return true;
}

static bool
extended_address(struct bytes protocol, struct bytes address, struct ftp_address *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (address.n == 0)
		return true;
	if (protocol.n != 1 || address.n >= sizeof(text))
		return false;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	ret->family = protocol.p[0] == '1' ? 4 : 6;
	return inet_pton(ret->family == 4 ? AF_INET : AF_INET6, text, ret->address) == 1;
}

static bool
extended(struct bytes in, struct ftp_address *ret)
{
	struct ftp_address a = {0};
	struct bytes protocol, address, port;
	uint8_t delimiter = in.p[0];
	long v;

	in = bytes_skip(in, 1);
	if (!take_field(&in, delimiter, &protocol) || !take_field(&in, delimiter, &address) ||
		!take_field(&in, delimiter, &port) || !extended_address(protocol, address, &a))
		return false;
	v = take_number(&port, 65535);
	if (v <= 0 || port.n > 0)
		return false;
	a.port = (uint16_t)v;
	*ret = a;
	return true;
}

bool
ftp_extended_port(struct bytes text, struct ftp_address *ret)
{
	/* The delimiter is any printable character (RFC 2428, 2); '|' as a rule. */
	if (text.n > 0 && text.p[0] > ' ' && !ascii_is_digit(text.p[0]) && extended(text, ret))
		return true;
	for (; text.n > 1; text = bytes_skip(text, 1))
		if ((text.p[0] == '(' && extended(bytes_skip(text, 1), ret)) ||
			(text.p[0] == '|' && extended(text, ret)))
			return true;
	return false;
}

struct bytes
ftp_base_name(struct bytes path)
{
	size_t at = path.n;

	while (at > 0 && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
		at--;
	return at == path.n ? path : bytes_skip(path, at);
}
