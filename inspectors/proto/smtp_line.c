/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/smtp_line.h"

static const struct verb {
	const char *name;
	enum smtp_verb verb;
} verbs[] = {
	{"EHLO", SMTP_EHLO},
	{"HELO", SMTP_EHLO},
	{"LHLO", SMTP_LHLO},
	{"MAIL", SMTP_MAIL},
	{"RCPT", SMTP_RCPT},
	{"DATA", SMTP_DATA},
	{"BDAT", SMTP_BDAT},
	{"RSET", SMTP_RSET},
	{"QUIT", SMTP_QUIT},
	{"AUTH", SMTP_AUTH},
	{"STARTTLS", SMTP_STARTTLS},
	{"NOOP", SMTP_OTHER},
	{"HELP", SMTP_OTHER},
	{"VRFY", SMTP_OTHER},
	{"EXPN", SMTP_OTHER},
	{"ETRN", SMTP_OTHER},
	{"TURN", SMTP_OTHER},
	{"ATRN", SMTP_OTHER},
	{"XCLIENT", SMTP_OTHER},
	{"XFORWARD", SMTP_OTHER},
};

static enum smtp_verb
find_verb(struct bytes word)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (bytes_equal_nocase(word, bytes_str(verbs[i].name)))
			return verbs[i].verb;
	return SMTP_UNKNOWN;
}

static size_t
word_length(struct bytes in)
{
	size_t n = 0;

	while (n < in.n && in.p[n] != ' ' && in.p[n] != '\t')
		n++;
	return n;
}

/* The path between < and >, which a quoted local part may hold too. */
static struct bytes
in_brackets(struct bytes in)
{
	bool quoted = false;

	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] == '\\')
			i++;
		else if (in.p[i] == '"')
			quoted = !quoted;
		else if (in.p[i] == '>' && !quoted)
			return bytes_of(in.p + 1, i - 1);
	}
	return bytes_of(in.p + 1, word_length(bytes_skip(in, 1)));
}

/* "FROM:<path> params": the path (RFC 5321, 4.1.2), without a source route. */
static bool
parse_path(struct bytes argument, struct bytes keyword, struct bytes *ret)
{
	struct bytes path;

	if (!bytes_starts_nocase(argument, keyword))
		return false;
	path = bytes_trim(bytes_skip(argument, keyword.n));
	if (path.n == 0 || path.p[0] != ':')
		return false;
	path = bytes_trim(bytes_skip(path, 1));
	path = path.n > 0 && path.p[0] == '<' ? in_brackets(path)
					      : bytes_of(path.p, word_length(path));
	if (path.n > 0 && path.p[0] == '@') {
		const uint8_t *colon = memchr(path.p, ':', path.n);

		if (colon != NULL)
			path = bytes_skip(path, (size_t)(colon - path.p) + 1);
	}
	*ret = bytes_trim(path);
	return true;
}

/* "64" or "152 LAST"; "+64" too, as Exim reads it. Overflow and other words are malformed. */
static bool
parse_chunk(struct bytes argument, struct smtp_command *ret)
{
	uint64_t size = 0;
	size_t i = 0;

	if (argument.n > 0 && argument.p[0] == '+')
		argument = bytes_skip(argument, 1);
	for (; i < argument.n && ascii_is_digit(argument.p[i]); i++) {
		unsigned digit = argument.p[i] - (unsigned)'0';

		if (size > (UINT64_MAX - digit) / 10)
			return false;
		size = size * 10 + digit;
	}
	if (i == 0)
		return false;
	ret->size = size;
	if (i == argument.n)
		return true;
	if (argument.p[i] != ' ' && argument.p[i] != '\t')
		return false;
	ret->last = bytes_equal_nocase(bytes_trim(bytes_skip(argument, i)), BYTES_LIT("LAST"));
	return ret->last;
}

struct smtp_command
smtp_command_parse(struct bytes line)
{
	struct smtp_command c = {SMTP_UNKNOWN};
	struct bytes in = bytes_trim(line), argument;
	size_t n = word_length(in);

	c.verb = find_verb(bytes_of(in.p, n));
	argument = bytes_trim(bytes_skip(in, n));
	switch (c.verb) {
	case SMTP_MAIL:
		c.malformed = !parse_path(argument, BYTES_LIT("FROM"), &c.address);
		break;
	case SMTP_RCPT:
		c.malformed = !parse_path(argument, BYTES_LIT("TO"), &c.address);
		break;
	case SMTP_BDAT:
		c.malformed = !parse_chunk(argument, &c);
		break;
	case SMTP_AUTH:
		c.clear = (size_t)(argument.p - line.p) + word_length(argument);
		c.malformed = argument.n == 0;
		break;
	case SMTP_DATA:
	case SMTP_RSET:
	case SMTP_QUIT:
	case SMTP_STARTTLS:
		c.malformed = argument.n > 0;
		break;
	default:
		break;
	}
	return c;
}

unsigned
smtp_reply_code(struct bytes line, bool *ret_more)
{
	unsigned code = 0;

	*ret_more = false;
	if (line.n < 3)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (!ascii_is_digit(line.p[i]))
			return 0;
		code = code * 10 + (line.p[i] - (unsigned)'0');
	}
	if (code < 200 || code > 599)
		return 0;
	if (line.n > 3) {
		*ret_more = line.p[3] == '-';
		if (line.p[3] != '-' && line.p[3] != ' ' && line.p[3] != '\t' &&
			line.p[3] != '\r' && line.p[3] != '\n')
			return 0;
	}
	return code;
}

bool
smtp_is_tls(struct bytes in)
{
	return in.n >= 2 && in.p[0] >= 0x14 && in.p[0] <= 0x17 && in.p[1] == 0x03;
}
