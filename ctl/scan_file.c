/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/mailbox.h"

/* A file while it is read. */
struct reading {
	struct scan *scan;
	const char *path;
	struct bytes name;
	enum file_kind kind;
	struct mailbox mailbox;
	struct mailbox_sink sink;
	struct message *m; /* NULL between mails, or without memory for one */
	struct part *part;
	char label[32]; /* of the mail that is read: "mail[3]" */
	uint64_t mails;
	bool over; /* a message could not be opened */
};

static struct bytes
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return bytes_str(slash == NULL ? path : slash + 1);
}

static void
open_message(struct reading *r, enum channel channel, const char *protocol)
{
	struct scan *s = r->scan;

	r->m = message_open(&s->env, &s->keep, &s->stack, channel, DIR_CLIENT, protocol);
	r->part = NULL;
	if (r->m == NULL)
		r->over = true;
}

static void
close_message(struct reading *r, bool cut)
{
	if (r->m == NULL)
		return;
	if (r->part != NULL)
		part_close(r->part, cut);
	message_close(r->m, cut);
	r->m = NULL;
	r->part = NULL;
}

static void
open_mail_part(struct reading *r)
{
	struct part_meta meta = {.label = r->label, .type = BYTES_LIT("message/rfc822")};

	if (r->m != NULL)
		r->part = part_open(r->m, NULL, &meta);
}

/* ---- the mails of a mailbox ---- */

static void
mail_begin(void *ctx)
{
	struct reading *r = ctx;

	snprintf(r->label, sizeof(r->label), "mail[%llu]", (unsigned long long)++r->mails);
	open_message(r, CHANNEL_MAIL, "mail");
}

/* The line that separates mails names the sender: text like any other. */
static void
mail_envelope(void *ctx, struct bytes in)
{
	struct reading *r = ctx;
	const struct part_meta meta = {.label = "envelope"};
	struct part *p;

	if (r->m == NULL)
		return;
	p = part_open(r->m, NULL, &meta);
	part_push(p, in);
	part_close(p, false);
}

static void
mail_body(void *ctx, struct bytes in)
{
	struct reading *r = ctx;

	if (r->part == NULL)
		open_mail_part(r);
	if (r->part != NULL)
		part_push(r->part, in);
}

static void
mail_end(void *ctx)
{
	close_message(ctx, false);
}

/* ---- a file ---- */

static void
begin(struct reading *r, struct bytes head)
{
	struct part_meta meta = {.label = "file", .name = r->name};

	r->kind = file_kind_of(r->name, head);
	if (r->kind == FILE_MBOX) {
		r->sink = (struct mailbox_sink){mail_begin, mail_envelope, mail_body, mail_end, r};
		mailbox_open(&r->mailbox, &r->sink);
		return;
	}
	if (r->kind == FILE_MAIL) {
		snprintf(r->label, sizeof(r->label), "mail");
		open_message(r, CHANNEL_MAIL, "mail");
		open_mail_part(r);
		return;
	}
	open_message(r, CHANNEL_FILE, "file");
	if (r->m == NULL)
		return;
	r->m->file_name = message_keep(r->m, r->name);
	r->part = part_open(r->m, NULL, &meta);
}

static void
push(struct reading *r, struct bytes in)
{
	if (r->kind == FILE_MBOX)
		mailbox_push(&r->mailbox, in);
	else if (r->part != NULL)
		part_push(r->part, in);
}

static void
finish(struct reading *r, bool cut)
{
	if (r->kind != FILE_MBOX) {
		close_message(r, cut);
		return;
	}
	if (cut)
		close_message(r, true);
	mailbox_close(&r->mailbox);
}

/* The next piece of at most @p most bytes, as whole as it can be. @return bytes, or -1 */
static ssize_t
read_piece(int fd, uint8_t *at, size_t most)
{
	size_t n = 0;

	while (n < most) {
		ssize_t got = read(fd, at + n, most - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static const char *
read_all(struct reading *r, int fd, uint64_t size)
{
	struct scan *s = r->scan;
	uint64_t left = size;
	bool begun = false;

	do {
		size_t most = left < SCAN_PIECE ? (size_t)left : SCAN_PIECE;
		ssize_t n = read_piece(fd, s->buffer, most);
		struct bytes piece = bytes_of(s->buffer, n < 0 ? 0 : (size_t)n);

		if (!begun)
			begin(r, piece);
		begun = true;
		push(r, piece);
		s->progress.bytes += piece.n;
		s->totals.bytes += piece.n;
		progress_show(&s->progress);
		if (n < 0)
			return strerror(errno);
		if (piece.n < most)
			return "got shorter while it was read";
		left -= piece.n;
	} while (left > 0);
	return NULL;
}

const char *
scan_file(struct scan *s, int fd, const char *path, const struct stat *st)
{
	struct reading r = {.scan = s, .path = path, .name = name_of(path)};
	const char *why;

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	why = read_all(&r, fd, (uint64_t)st->st_size);
	finish(&r, why != NULL);
	if (r.over && why == NULL)
		why = "out of memory";
	return why;
}
