/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *   open --> undecided --(an inspector is sure, or likely and hinted)--> decided
 *               |                                                         ^
 *               +--(all say no, or the first bytes are full)--> raw ------+
 *
 * While undecided the raw inspector reads, and the first bytes are kept. The
 * inspector that is chosen then reads from byte one, and what the raw one had
 * is discarded; if none is, the raw one simply goes on.
 *
 * A decision is by the first bytes, and servers forgive many of those: to a mail
 * server a client may send an empty line, nonsense, or an FTP or HTTP request, and
 * then its mail. So where the server may be one, each line of the client is looked
 * at, and behind one that begins a mail session the SMTP inspector goes on.
 */
#include "inspectors/conversation.h"

#include "inspectors/proto/raw.h"

/* Of each direction, for bids. */
enum { BID_BYTES = 1024 };

enum piece_kind { PIECE_DATA, PIECE_GAP, PIECE_FINISH };

/* What happened while undecided, in order, for the inspector that is chosen. */
struct kept_piece {
	struct kept_piece *next;
	enum piece_kind kind;
	enum direction dir;
	uint64_t n; /* bytes of data[], or bytes lost */
	uint8_t data[];
};

static bool
use_inspector(struct conversation *c, const struct inspector_ops *ops)
{
	void *state = arena_zalloc(&c->base, ops->state_size);

	if (state == NULL || ops->open(state, c) != OUTCOME_OK)
		return false;
	c->ops = ops;
	c->state = state;
	return true;
}

void
conversation_open(struct conversation *c, struct inspect_env *env,
	const struct arena_source *source, const struct endpoints *ends, enum channel channel,
	bool midstream)
{
	*c = (struct conversation){
		.env = env, .ends = *ends, .channel = channel, .midstream = midstream};
	c->budget.limit = env->limits->flow_memory;
	arena_init(&c->base, source, &c->budget);
	arena_init(&c->first, source, &c->budget);
	for (int dir = 0; dir < 2; dir++) {
		arena_init(&c->keep[dir], source, &c->budget);
		arena_init(&c->stack[dir], source, &c->budget);
	}
	c->kept_tail = &c->kept;
	if (!use_inspector(c, &raw_inspector)) {
		/* No page at all: every byte will be counted over-budget. */
		c->ops = &raw_inspector;
		c->decided = true;
	}
}

/* ---- choosing ---- */

static void
forget_first(struct conversation *c)
{
	arena_release(&c->first);
	c->kept = NULL;
	c->n_kept = 0;
	c->bid_bytes[DIR_CLIENT] = c->bid_bytes[DIR_SERVER] = NULL;
}

static void
replay(struct conversation *c)
{
	for (const struct kept_piece *k = c->kept; k != NULL; k = k->next)
		switch (k->kind) {
		case PIECE_DATA:
			c->ops->data(c->state, k->dir, bytes_of(k->data, (size_t)k->n));
			break;
		case PIECE_GAP:
			c->ops->gap(c->state, k->dir, k->n);
			break;
		case PIECE_FINISH:
			c->ops->finish(c->state, k->dir);
			break;
		}
}

/* @return whether the kept bytes were read again, by another inspector */
static bool
choose(struct conversation *c, const struct inspector_ops *ops)
{
	bool again = ops != NULL && ops != &raw_inspector;

	c->decided = true;
	if (again) {
		raw_discard(c->state);
		/* What the raw one had no memory for is read again, too. */
		memset(c->stats.opaque, 0, sizeof(c->stats.opaque));
		memset(c->stats.over, 0, sizeof(c->stats.over));
		memset(c->messages, 0, sizeof(c->messages));
		if (!use_inspector(c, ops))
			(void)use_inspector(c, &raw_inspector);
		else if (ops->channel != CHANNEL_OTHER)
			c->channel = ops->channel;
		replay(c);
	}
	forget_first(c);
	return again;
}

static enum bid
bid_of(const struct conversation *c, const struct inspector_ops *ops)
{
	return ops->bid(bytes_of(c->bid_bytes[DIR_CLIENT], c->n_bid_bytes[DIR_CLIENT]),
		bytes_of(c->bid_bytes[DIR_SERVER], c->n_bid_bytes[DIR_SERVER]));
}

/*
 * @param late  taken if none is sure: its session has begun behind other bytes
 * @param last  nothing more will come to decide by: take the best that is not no
 * @return as choose(); false while undecided
 */
static bool
take_bids(struct conversation *c, const struct inspector_ops *late, bool last)
{
	const struct inspector_ops *likely = NULL;
	bool open = false;

	for (size_t i = 0; inspectors[i] != NULL; i++) {
		enum bid b = bid_of(c, inspectors[i]);

		if (b == BID_SURE || (b >= BID_MORE && inspectors[i] == c->hint))
			return choose(c, inspectors[i]);
		if (b == BID_MAYBE && likely == NULL)
			likely = inspectors[i];
		open = open || b != BID_NO;
	}
	if (late != NULL)
		return choose(c, late);
	return (!open || last) && choose(c, likely);
}

void
conversation_hint(struct conversation *c, const struct inspector_ops *hint)
{
	c->hint = hint;
	if (!c->decided && hint != NULL && c->kept != NULL)
		(void)take_bids(c, NULL, false);
}

void
conversation_no_hint(struct conversation *c)
{
	if (!c->decided && c->kept != NULL)
		(void)take_bids(c, NULL, true);
}

/* ---- the first bytes ---- */

static void
keep_bid_bytes(struct conversation *c, enum direction dir, struct bytes in)
{
	size_t n;

	/* Empty lines that servers skip: nginx does so without an end. */
	while (dir == DIR_CLIENT && c->n_bid_bytes[dir] == 0 && in.n > 0 &&
		(in.p[0] == '\r' || in.p[0] == '\n'))
		in = bytes_skip(in, 1);
	if (in.n == 0)
		return;
	if (c->bid_bytes[dir] == NULL)
		c->bid_bytes[dir] = arena_alloc(&c->first, BID_BYTES);
	if (c->bid_bytes[dir] == NULL)
		return;
	n = BID_BYTES - c->n_bid_bytes[dir];
	if (n > in.n)
		n = in.n;
	memcpy(c->bid_bytes[dir] + c->n_bid_bytes[dir], in.p, n);
	c->n_bid_bytes[dir] += (uint16_t)n;
}

/* False when there is no more room: then the conversation has to be decided. */
static bool
keep_piece(struct conversation *c, enum piece_kind kind, enum direction dir, struct bytes in,
	uint64_t lost)
{
	struct kept_piece *k;

	if (c->n_kept + in.n + sizeof(*k) > c->env->limits->first_bytes)
		return false;
	k = arena_alloc(&c->first, sizeof(*k) + in.n);
	if (k == NULL)
		return false;
	*k = (struct kept_piece){.kind = kind, .dir = dir, .n = kind == PIECE_DATA ? in.n : lost};
	if (in.n > 0)
		memcpy(k->data, in.p, in.n);
	*c->kept_tail = k;
	c->kept_tail = &k->next;
	c->n_kept += (uint32_t)(in.n + sizeof(*k));
	return true;
}

/* ---- a late mail session ---- */

static void
keep_greeting(struct conversation *c, struct bytes in)
{
	while (in.n > 0 && c->n_greeting < sizeof(c->greeting)) {
		c->greeting[c->n_greeting++] = in.p[0];
		in = bytes_skip(in, 1);
	}
}

/* May the client still turn out to talk to a mail server, or one like it? */
static bool
may_turn(const struct conversation *c)
{
	struct bytes said = bytes_of(c->greeting, c->n_greeting);
	bool silent = said.n < 4 && bytes_starts_nocase(BYTES_LIT("220"), said);
	bool greeted = said.n == 4 && bytes_starts_nocase(said, BYTES_LIT("220"));

	if (c->datagrams || c->refused || c->ops == &smtp_inspector ||
		c->ops == &ftp_data_inspector)
		return false;
	return greeted || (silent && c->ops == &raw_inspector);
}

static bool
line_is(const struct conversation *c, const char *verb, const char *word)
{
	struct bytes in = bytes_of(c->line, c->n_line), v = bytes_str(verb);

	if (!bytes_starts_nocase(in, v) || in.n == v.n || (in.p[v.n] != ' ' && in.p[v.n] != '\t'))
		return false;
	return bytes_starts_nocase(bytes_trim(bytes_skip(in, v.n)), bytes_str(word));
}

/* Whose session begins with the client's line that is complete now? NULL: none known. */
static const struct inspector_ops *
begun_by_line(const struct conversation *c)
{
	if (line_is(c, "EHLO", "") || line_is(c, "HELO", "") || line_is(c, "LHLO", "") ||
		line_is(c, "MAIL", "FROM"))
		return &smtp_inspector;
	if (c->ops == &raw_inspector && c->n_greeting > 0 && line_is(c, "USER", ""))
		return &ftp_inspector;
	return NULL;
}

/*
 * Look for a line that begins a session, up to the first one.
 *
 * @param ret  the inspector that goes on behind it; NULL if there is none
 * @return bytes of @p in up to and with that line's end; all if there is none
 */
static size_t
watch_lines(struct conversation *c, struct bytes in, const struct inspector_ops **ret)
{
	size_t i = 0;

	*ret = NULL;
	while (i < in.n && *ret == NULL) {
		const uint8_t *lf;

		while (i < in.n && in.p[i] != '\n' && c->n_line < sizeof(c->line)) {
			if (c->n_line > 0 || (in.p[i] != ' ' && in.p[i] != '\t'))
				c->line[c->n_line++] = in.p[i];
			i++;
		}
		lf = i < in.n ? memchr(in.p + i, '\n', in.n - i) : NULL;
		if (lf == NULL)
			return in.n;
		i = (size_t)(lf - in.p) + 1;
		*ret = begun_by_line(c);
		c->n_line = 0;
	}
	return i;
}

/* From here on another inspector reads; what was read is judged as it was taken. */
static void
turn(struct conversation *c, const struct inspector_ops *ops)
{
	const struct inspector_ops *was = c->ops;
	void *state = c->state;
	bool midstream = c->midstream;

	c->midstream = true;
	if (use_inspector(c, ops)) {
		was->close(state, false);
		c->channel = ops->channel;
	}
	c->midstream = midstream;
}

static void
decided_data(struct conversation *c, enum direction dir, struct bytes in)
{
	const struct inspector_ops *next;

	if (dir == DIR_SERVER)
		keep_greeting(c, in);
	while (dir == DIR_CLIENT && in.n > 0 && may_turn(c)) {
		size_t n = watch_lines(c, in, &next);

		c->ops->data(c->state, dir, bytes_of(in.p, n));
		in = bytes_skip(in, n);
		if (next != NULL)
			turn(c, next);
	}
	if (in.n > 0)
		c->ops->data(c->state, dir, in);
}

static void
undecided_data(struct conversation *c, enum direction dir, struct bytes in)
{
	const struct inspector_ops *next = NULL;

	keep_bid_bytes(c, dir, in);
	if (!keep_piece(c, PIECE_DATA, dir, in, 0)) {
		/* Full: decide by what was kept, then let the winner read on. */
		if (c->n_bid_bytes[DIR_CLIENT] == 0 && c->n_bid_bytes[DIR_SERVER] == 0)
			c->hint = &http1_inspector; /* empty lines: it bids "more" */
		(void)take_bids(c, NULL, true);
		decided_data(c, dir, in);
		return;
	}
	if (dir == DIR_SERVER)
		keep_greeting(c, in);
	else if (may_turn(c))
		(void)watch_lines(c, in, &next);
	if (!take_bids(c, next, false))
		c->ops->data(c->state, dir, in); /* still, or finally, the raw inspector */
}

/* ---- what the host calls ---- */

void
conversation_data(struct conversation *c, enum direction dir, struct bytes in)
{
	if (in.n == 0)
		return;
	c->stats.delivered[dir] += in.n;
	if (c->state == NULL) {
		conversation_over(c, dir, in.n);
		return;
	}
	if (!c->decided && c->transfer != NULL)
		(void)choose(c, inspector_find("ftp-data"));
	/* The inspectors read streams: what one of them waits for may never come. */
	if (!c->decided && c->datagrams)
		(void)choose(c, NULL);
	if (c->decided)
		decided_data(c, dir, in);
	else
		undecided_data(c, dir, in);
}

void
conversation_gap(struct conversation *c, enum direction dir, uint64_t lost)
{
	if (c->state == NULL)
		return;
	if (!c->decided && !keep_piece(c, PIECE_GAP, dir, (struct bytes){NULL, 0}, lost))
		(void)take_bids(c, NULL, true);
	c->ops->gap(c->state, dir, lost);
}

void
conversation_finish(struct conversation *c, enum direction dir)
{
	if (c->state == NULL)
		return;
	if (!c->decided && !keep_piece(c, PIECE_FINISH, dir, (struct bytes){NULL, 0}, 0))
		(void)take_bids(c, NULL, true);
	c->ops->finish(c->state, dir);
}

void
conversation_settle(struct conversation *c, enum direction dir)
{
	if (c->open[dir] != NULL)
		message_settle(c->open[dir]);
}

void
conversation_close(struct conversation *c, bool reset)
{
	if (!c->decided && c->kept != NULL)
		(void)take_bids(c, NULL, true);
	if (c->state != NULL)
		c->ops->close(c->state, reset);
	c->state = NULL;
	for (int dir = 0; dir < 2; dir++) {
		arena_release(&c->stack[dir]);
		arena_release(&c->keep[dir]);
	}
	arena_release(&c->first);
	arena_release(&c->base);
}

/* ---- what inspectors call ---- */

struct message *
conversation_message(
	struct conversation *c, enum direction dir, enum channel channel, const char *protocol)
{
	struct message *m = message_open(
		c->env, &c->keep[dir], &c->stack[dir], channel, dir, protocol);

	if (m == NULL)
		return NULL;
	m->conversation = c;
	m->serial = ++c->messages[dir];
	c->open[dir] = m;
	return m;
}

void
conversation_over(struct conversation *c, enum direction dir, uint64_t n)
{
	c->stats.opaque[dir][OPAQUE_OVER_BUDGET] += n;
	c->stats.over[dir] += n;
}
