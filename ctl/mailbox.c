/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/mailbox.h"

static const char from_[] = "From ";

enum { FROM_LENGTH = sizeof(from_) - 1 };

/* ---- kinds ---- */

static struct bytes
first_line(struct bytes b)
{
	const uint8_t *end = b.n == 0 ? NULL : memchr(b.p, '\n', b.n);

	return end == NULL ? b : bytes_of(b.p, (size_t)(end - b.p) + 1);
}

static bool
has_time_of_day(struct bytes line)
{
	for (size_t i = 0; i + 5 <= line.n; i++)
		if (ascii_is_digit(line.p[i]) && ascii_is_digit(line.p[i + 1]) &&
			line.p[i + 2] == ':' && ascii_is_digit(line.p[i + 3]) &&
			ascii_is_digit(line.p[i + 4]))
			return true;
	return false;
}

static bool
is_separator(struct bytes line)
{
	return line.n > FROM_LENGTH && line.n < MAILBOX_SEPARATOR_MAX &&
		memcmp(line.p, from_, FROM_LENGTH) == 0 && has_time_of_day(line);
}

/* Bytes of a field name in front of its colon (RFC 5322, 2.2); 0 if it is none. */
static size_t
field_name(struct bytes line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == ':')
			return i;
		if (line.p[i] <= 32 || line.p[i] > 126)
			return 0;
	}
	return 0;
}

static bool
is_common_field(struct bytes name)
{
	static const char *const common[] = {"from", "to", "subject", "date", "received",
		"return-path", "message-id", "mime-version", "content-type", "delivered-to",
		"reply-to", "cc"};

	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (bytes_equal_nocase(name, bytes_str(common[i])))
			return true;
	return false;
}

static bool
looks_like_mail(struct bytes head)
{
	unsigned common = 0;
	bool first = true;

	for (; head.n > 0; first = false) {
		struct bytes line = first_line(head);
		size_t name = field_name(line);

		head = bytes_skip(head, line.n);
		if (!first && (line.p[0] == '\n' || (line.p[0] == '\r' && line.n == 2)))
			break;
		if (!first && (line.p[0] == ' ' || line.p[0] == '\t'))
			continue;
		if (name == 0 && head.n == 0 && !first)
			break; /* the head ends within this line */
		if (name == 0)
			return false;
		common += is_common_field(bytes_of(line.p, name));
	}
	return common >= 2;
}

enum file_kind
file_kind_of(struct bytes name, struct bytes head)
{
	struct bytes line;

	if (head.n > FILE_KIND_HEAD)
		head.n = FILE_KIND_HEAD;
	line = first_line(head);
	if (line.n > 0 && line.p[line.n - 1] == '\n' && is_separator(line))
		return FILE_MBOX;
	if (name.n > 4 && bytes_equal_nocase(bytes_skip(name, name.n - 4), BYTES_LIT(".eml")))
		return FILE_MAIL;
	return looks_like_mail(head) ? FILE_MAIL : FILE_PLAIN;
}

/* ---- mails ---- */

void
mailbox_open(struct mailbox *b, const struct mailbox_sink *sink)
{
	*b = (struct mailbox){.sink = sink, .blank = true};
}

static void
begin_mail(struct mailbox *b)
{
	if (b->open)
		b->sink->end(b->sink->ctx);
	b->sink->begin(b->sink->ctx);
	b->open = true;
}

static void
to_mail(struct mailbox *b, struct bytes in)
{
	if (in.n == 0)
		return;
	if (!b->open)
		begin_mail(b);
	b->sink->mail(b->sink->ctx, in);
}

/* The line that was held is complete, or too long, or none. */
static void
decide_line(struct mailbox *b)
{
	struct bytes line = bytes_of(b->line, b->n_line);

	b->n_line = 0;
	if (!is_separator(line)) {
		to_mail(b, line);
		return;
	}
	begin_mail(b);
	b->sink->envelope(b->sink->ctx, line);
}

/* One byte of a line that may be a separator. */
static void
push_maybe(struct mailbox *b, uint8_t c)
{
	size_t n = b->n_line;

	b->line[b->n_line++] = c;
	if (c == '\n') {
		decide_line(b);
		b->at = MAILBOX_START;
		b->blank = false;
	} else if (b->n_line == MAILBOX_SEPARATOR_MAX ||
		(n < FROM_LENGTH && c != (uint8_t)from_[n])) {
		to_mail(b, bytes_of(b->line, b->n_line));
		b->n_line = 0;
		b->at = MAILBOX_LINE;
	}
}

/* The first byte of a line, or the one behind a CR that begins it. @return taken */
static bool
push_start(struct mailbox *b, uint8_t c)
{
	if (c == '\n') {
		b->blank = true;
		b->at = MAILBOX_START;
		to_mail(b, bytes_of(&c, 1));
		return true;
	}
	if (b->at == MAILBOX_START && c == '\r') {
		b->at = MAILBOX_CR;
		to_mail(b, bytes_of(&c, 1));
		return true;
	}
	b->at = b->at == MAILBOX_START && b->blank ? MAILBOX_MAYBE : MAILBOX_LINE;
	return false;
}

void
mailbox_push(struct mailbox *b, struct bytes in)
{
	while (in.n > 0) {
		struct bytes line;

		switch (b->at) {
		case MAILBOX_START:
		case MAILBOX_CR:
			if (push_start(b, in.p[0]))
				in = bytes_skip(in, 1);
			break;
		case MAILBOX_MAYBE:
			push_maybe(b, in.p[0]);
			in = bytes_skip(in, 1);
			break;
		case MAILBOX_LINE:
			line = first_line(in);
			if (line.p[line.n - 1] == '\n') {
				b->at = MAILBOX_START;
				b->blank = false;
			}
			to_mail(b, line);
			in = bytes_skip(in, line.n);
			break;
		}
	}
}

void
mailbox_close(struct mailbox *b)
{
	if (b->n_line > 0)
		decide_line(b);
	if (b->open)
		b->sink->end(b->sink->ctx);
	b->open = false;
}
