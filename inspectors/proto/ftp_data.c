/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FTP data connections: each direction is one file. Which command moves it, and
 * what it is called, is in the transfer that the control connection announced.
 */
#include "inspectors/conversation.h"
#include "inspectors/proto/tls.h"
#include "inspectors/transfer.h"

struct side {
	struct message *message;
	struct part *part;
	struct tls_records records;
	uint8_t held[3]; /* they tell a TLS record */
	uint8_t n_held;
	bool tls;
};

struct ftp_data {
	struct conversation *conversation;
	struct side side[2];
};

/* The command may have come after the connection, even after its first bytes. */
static void
describe(const struct ftp_data *f, struct message *m)
{
	const struct transfer *t = f->conversation->transfer;

	if (t == NULL || t->command == NULL || m->command != NULL)
		return;
	m->command = t->command;
	m->file_name = message_keep(m, transfer_name(t));
}

static bool
open_message(struct ftp_data *f, enum direction dir)
{
	struct side *s = &f->side[dir];

	if (s->message == NULL)
		s->message = conversation_message(f->conversation, dir, CHANNEL_FILE, "ftp");
	if (s->message == NULL)
		return false;
	describe(f, s->message);
	return true;
}

static void
open_part(struct ftp_data *f, enum direction dir)
{
	struct side *s = &f->side[dir];
	struct part_meta meta = {.label = "data", .name = s->message->file_name};
	const struct transfer *t = f->conversation->transfer;
	uint8_t mode = t == NULL ? 0 : t->mode;

	if (s->message->command != NULL)
		meta.label = s->message->command;
	if (mode == 'z') {
		meta.readings[0].codings[0] = CODING_DEFLATE;
		meta.n_readings = 2;
	}
	s->part = part_open(s->message, NULL, &meta);
	/* Headers of blocks, and runs that are counted, stand inside the text. */
	if (mode == 'b' || mode == 'c')
		part_mark_opaque(s->part, OPAQUE_UNKNOWN_FORMAT);
}

/*
 * Records of a connection that PROT P has announced as TLS aren't looked at.
 * Without that they may be a file that only begins like one: opaque, but scanned.
 */
static void
push_tls(struct ftp_data *f, struct side *s, struct bytes in)
{
	const struct transfer *t = f->conversation->transfer;
	size_t n;

	if (t == NULL || !t->tls) {
		part_mark_opaque(s->part, OPAQUE_TLS);
		part_push(s->part, in);
		return;
	}
	n = tls_records_take(&s->records, in);
	if (n > 0)
		part_skip(s->part, OPAQUE_TLS, n);
	part_push(s->part, bytes_skip(in, n));
}

static void
push(struct ftp_data *f, enum direction dir, struct bytes in)
{
	struct side *s = &f->side[dir];

	if (in.n == 0)
		return;
	if (s->tls)
		push_tls(f, s, in);
	else
		part_push(s->part, in);
}

static void
decide(struct ftp_data *f, enum direction dir)
{
	struct side *s = &f->side[dir];

	s->tls = s->n_held == sizeof(s->held) && tls_records_begin(bytes_of(s->held, s->n_held));
	open_part(f, dir);
	push(f, dir, bytes_of(s->held, s->n_held));
}

static void
ftp_data_data(void *state, enum direction dir, struct bytes in)
{
	struct ftp_data *f = state;
	struct side *s = &f->side[dir];

	if (!open_message(f, dir)) {
		conversation_over(f->conversation, dir, in.n);
		return;
	}
	while (s->part == NULL && in.n > 0) {
		s->held[s->n_held++] = in.p[0];
		in = bytes_skip(in, 1);
		if (s->n_held == sizeof(s->held) ||
			!tls_records_begin(bytes_of(s->held, s->n_held)))
			decide(f, dir);
	}
	push(f, dir, in);
}

static void
ftp_data_gap(void *state, enum direction dir, uint64_t lost)
{
	struct ftp_data *f = state;
	struct side *s = &f->side[dir];

	if (!open_message(f, dir))
		return;
	if (s->part == NULL)
		decide(f, dir);
	message_gap(s->message, lost);
	s->records.broken = true;
	/* Decoders can't go on behind a hole: what comes is read as it is. */
	part_close(s->part, true);
	open_part(f, dir);
}

static void
close_side(struct ftp_data *f, enum direction dir, bool cut)
{
	struct side *s = &f->side[dir];

	if (s->message == NULL)
		return;
	if (s->part == NULL)
		decide(f, dir);
	describe(f, s->message);
	part_close(s->part, cut);
	message_close(s->message, cut);
	*s = (struct side){0};
}

static void
ftp_data_finish(void *state, enum direction dir)
{
	close_side(state, dir, false);
}

static void
ftp_data_close(void *state, bool reset)
{
	close_side(state, DIR_CLIENT, true);
	close_side(state, DIR_SERVER, true);
}

/*
 * A data connection has no words: the file is absorbed to the sender's FIN, or the host's
 * limit, and the connection closes. The 550 is the control connection's to say.
 */
static enum refuse_step
ftp_data_refuse(void *state, struct refusal *r)
{
	return r->last ? REFUSE_CLOSE : REFUSE_ABSORB;
}

static enum bid
ftp_data_bid(struct bytes client, struct bytes server)
{
	return BID_NO; /* chosen by its announcement */
}

static enum outcome
ftp_data_open(void *state, struct conversation *c)
{
	struct ftp_data *f = state;

	f->conversation = c;
	return OUTCOME_OK;
}

const struct inspector_ops ftp_data_inspector = {
	.name = "ftp-data",
	.channel = CHANNEL_FILE,
	.state_size = sizeof(struct ftp_data),
	.bid = ftp_data_bid,
	.open = ftp_data_open,
	.data = ftp_data_data,
	.gap = ftp_data_gap,
	.finish = ftp_data_finish,
	.close = ftp_data_close,
	.refuse = ftp_data_refuse,
};
