/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_MAILBOX_H
#define SLUSS_MAILBOX_H

/**
 * @file
 * What kind of file is it, and where does one mail of a mailbox end. No I/O:
 * bytes in, in any split.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"

enum file_kind {
	FILE_PLAIN, /* anything else: one part, whose type its bytes show */
	FILE_MAIL,  /* one mail: RFC 5322 */
	FILE_MBOX,  /* mails behind one another: RFC 4155 */
};

/** At most so many bytes of a file's beginning are looked at. */
enum { FILE_KIND_HEAD = 8192 };

/**
 * By name and first bytes. A mail is what is called *.eml, or begins with
 * well-formed header fields of which two are common ones.
 */
enum file_kind file_kind_of(struct bytes name, struct bytes head);

/** What a mailbox consists of. Called in this order, for each mail. */
struct mailbox_sink {
	void (*begin)(void *ctx);
	/* The line "From sender date", in pieces, line end included. */
	void (*envelope)(void *ctx, struct bytes in);
	void (*mail)(void *ctx, struct bytes in);
	void (*end)(void *ctx);
	void *ctx;
};

enum { MAILBOX_SEPARATOR_MAX = 256 };

/**
 * Cuts a mailbox into mails. A mail begins with a line that starts with
 * "From ", holds a time of day ("12:08"), is no longer than 255 bytes, and
 * stands at the beginning or behind an empty line.
 */
struct mailbox {
	const struct mailbox_sink *sink;
	uint8_t line[MAILBOX_SEPARATOR_MAX]; /* a line that may be a separator */
	size_t n_line;
	enum { MAILBOX_START, MAILBOX_CR, MAILBOX_MAYBE, MAILBOX_LINE } at;
	bool blank; /* the line before was empty, or there is none */
	bool open;  /* a mail is */
};

/** @p sink is borrowed until mailbox_close(). */
void mailbox_open(struct mailbox *b, const struct mailbox_sink *sink);

/** The mailbox's next bytes, in any split. */
void mailbox_push(struct mailbox *b, struct bytes in);

/** End of the mailbox: gives on what was held back, and ends the open mail. */
void mailbox_close(struct mailbox *b);

#endif
