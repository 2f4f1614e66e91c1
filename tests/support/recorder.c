/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/transfer.h"

struct recorded_part {
	struct part part;
	struct recorded_part *next;
	char what[512];
	struct box text;
	uint64_t skipped[OPAQUE_COUNT];
	bool open, cut;
};

struct recorded {
	struct message message;
	struct recorder *recorder;
	struct recorded_part *parts, **tail;
};

static const char *const coding_names[CODINGS] = {
	"", "base64", "qp", "uu", "gzip", "deflate", "url", "chunked", "unfold", "delsp",
	"unknown"};

static void
put(struct box *b, const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	box_put(b, line, strlen(line));
}

static void
put_text(struct box *b, struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];

		if (c == '\r')
			put(b, "\\r");
		else if (c == '\n')
			put(b, "\\n");
		else if (c < ' ' || c > '~' || c == '"')
			put(b, "\\x%02x", c);
		else
			box_put(b, &c, 1);
	}
}

/* ---- message.c ---- */

struct message *
conversation_message(
	struct conversation *c, enum direction dir, enum channel channel, const char *protocol)
{
	struct recorder *recorder = c->host;
	struct recorded *r = recorder->no_memory ? NULL : calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->recorder = recorder;
	r->tail = &r->parts;
	r->message.env = c->env;
	r->message.conversation = c;
	r->message.serial = ++c->messages[dir];
	r->message.direction = dir;
	r->message.channel = channel;
	r->message.protocol = protocol;
	r->message.keep = &c->keep[dir];
	r->message.stack = &c->stack[dir];
	r->message.keep_mark = arena_mark(&c->keep[dir]);
	return &r->message;
}

void
conversation_over(struct conversation *c, enum direction dir, uint64_t n)
{
	struct recorder *r = c->host;

	r->counted[dir] += n;
}

struct bytes
message_keep(struct message *m, struct bytes text)
{
	char *copy = arena_copy(m->keep, text.p, text.n);

	return copy == NULL ? (struct bytes){NULL, 0} : bytes_of(copy, text.n);
}

void
message_gap(struct message *m, uint64_t lost)
{
	m->gap_bytes += lost;
}

void
message_count(struct message *m, uint64_t n)
{
	m->bytes_total += n;
}

static void
put_field(struct box *b, const char *name, struct bytes value)
{
	if (value.n == 0)
		return;
	put(b, " %s=", name);
	put_text(b, value);
}

static void
put_part(struct box *b, struct recorded_part *p)
{
	put(b, "  %s", p->what);
	for (int i = 1; i < OPAQUE_COUNT; i++)
		if (p->skipped[i] > 0)
			put(b, " skip:%s=%llu", opaque_reason_name((enum opaque_reason)i),
				(unsigned long long)p->skipped[i]);
	if (p->part.reason != OPAQUE_NONE)
		put(b, " opaque:%s", opaque_reason_name(p->part.reason));
	put(b, "%s \"", p->cut ? " cut" : "");
	put_text(b, bytes_of(p->text.p, p->text.n));
	put(b, "\"\n");
}

void
message_close(struct message *m, bool cut)
{
	struct recorded *r = (struct recorded *)m;
	struct box *b = &r->recorder->text;
	struct recorded_part *p, *next;

	while (m->top != NULL)
		part_close(m->top, cut);
	put(b, "%s %s", m->direction == DIR_CLIENT ? "client" : "server", m->protocol);
	if (m->command != NULL)
		put(b, " command=%s", m->command);
	put_field(b, "method", m->http_method);
	put_field(b, "host", m->url_host);
	put_field(b, "path", m->url_path);
	put_field(b, "file", m->file_name);
	if (m->gap_bytes > 0)
		put(b, " gap=%llu", (unsigned long long)m->gap_bytes);
	put(b, "%s\n", cut ? " cut" : "");
	r->recorder->counted[m->direction] += m->bytes_total;
	for (p = r->parts; p != NULL; p = next) {
		next = p->next;
		assert_false(p->open);
		put_part(b, p);
		box_free(&p->text);
		free(p);
	}
	arena_rewind(m->keep, m->keep_mark);
	free(r);
}

/* ---- part.c ---- */

static void
put_meta(struct recorded_part *p, const struct part_meta *meta)
{
	struct box b = {0};

	put(&b, "%s", meta->label);
	put_field(&b, "name", meta->name);
	put_field(&b, "type", meta->type);
	put_field(&b, "charset", meta->charset);
	put_field(&b, "boundary", meta->boundary);
	for (int i = 0; i < meta->n_readings; i++) {
		put(&b, " {");
		for (int k = 0; k < PART_CODINGS_MAX && meta->readings[i].codings[k] != 0; k++)
			put(&b, "%s%s", k > 0 ? "," : "",
				coding_names[meta->readings[i].codings[k]]);
		put(&b, "}");
	}
	snprintf(p->what, sizeof(p->what), "%.*s", (int)b.n, (char *)b.p);
	box_free(&b);
}

struct part *
part_open(struct message *m, struct part *parent, const struct part_meta *meta)
{
	struct recorded *r = (struct recorded *)m;
	struct recorded_part *p = calloc(1, sizeof(*p));

	put_meta(p, meta);
	p->part.message = m;
	p->part.parent = parent;
	p->open = true;
	m->top = &p->part;
	*r->tail = p;
	r->tail = &p->next;
	return &p->part;
}

static void
count(struct part *p, uint64_t n)
{
	p->taken += n;
	if (p->parent == NULL)
		p->message->bytes_total += n;
}

void
part_push(struct part *p, struct bytes in)
{
	struct recorded_part *r = (struct recorded_part *)p;

	assert_true(r->open);
	count(p, in.n);
	box_put(&r->text, in.p, in.n);
}

void
part_skip(struct part *p, enum opaque_reason reason, uint64_t n)
{
	struct recorded_part *r = (struct recorded_part *)p;

	assert_true(r->open);
	count(p, n);
	r->skipped[reason] += n;
}

void
part_mark_opaque(struct part *p, enum opaque_reason reason)
{
	if (p->reason == OPAQUE_NONE)
		p->reason = reason;
}

/* The part opened last is closed first. */
void
part_close(struct part *p, bool cut)
{
	struct recorded_part *r = (struct recorded_part *)p;

	assert_true(r->open);
	for (struct recorded_part *later = r->next; later != NULL; later = later->next)
		assert_false(later->open);
	r->open = false;
	r->cut = cut;
	p->message->top = p->parent;
}

/* ---- running ---- */

void
recorder_init(struct recorder *r)
{
	*r = (struct recorder){.limits = inspect_limits_default()};
	r->env.limits = &r->limits;
}

void
recorder_free(struct recorder *r)
{
	box_free(&r->text);
}

struct feeding {
	const struct inspector_ops *ops;
	void *state;
	enum direction dir;
};

static void
feed(void *ctx, struct bytes piece)
{
	struct feeding *f = ctx;

	f->ops->data(f->state, f->dir, piece);
}

static void
run_step(struct feeding *f, const struct step *s, size_t cut, size_t piece)
{
	switch (s->what) {
	case SAY_CLIENT:
	case SAY_SERVER:
		f->dir = s->what == SAY_CLIENT ? DIR_CLIENT : DIR_SERVER;
		if (piece > 0)
			feed_steps(s->bytes, piece, feed, f);
		else
			feed_cut(s->bytes, cut, feed, f);
		break;
	case LOSE_CLIENT:
	case LOSE_SERVER:
		f->ops->gap(f->state, s->what == LOSE_CLIENT ? DIR_CLIENT : DIR_SERVER, s->lost);
		break;
	default:
		f->ops->finish(f->state, s->what == END_CLIENT ? DIR_CLIENT : DIR_SERVER);
	}
}

void
recorder_run(struct recorder *r, const struct inspector_ops *ops, const struct step *steps,
	size_t n_steps, size_t cut, size_t piece, bool reset)
{
	struct conversation c = {.env = &r->env, .ends = r->ends, .host = r};
	struct feeding f = {.ops = ops};

	c.transfer = r->transfer;
	c.channel = ops->channel;
	c.budget.limit = r->limits.flow_memory;
	arena_init(&c.base, &arena_source_malloc, &c.budget);
	for (int dir = 0; dir < 2; dir++) {
		arena_init(&c.keep[dir], &arena_source_malloc, &c.budget);
		arena_init(&c.stack[dir], &arena_source_malloc, &c.budget);
	}
	f.state = arena_zalloc(&c.base, ops->state_size);
	assert_non_null(f.state);
	assert_int_equal(ops->open(f.state, &c), OUTCOME_OK);
	for (size_t i = 0; i < n_steps; i++) {
		size_t n = steps[i].bytes.n;

		run_step(&f, &steps[i], cut, piece);
		cut = cut > n ? cut - n : 0;
	}
	if (r->data_connection != NULL)
		r->matched = transfer_match(r->env.transfers, r->data_connection);
	ops->close(f.state, reset);
	for (int dir = 0; dir < 2; dir++) {
		arena_release(&c.keep[dir]);
		arena_release(&c.stack[dir]);
	}
	arena_release(&c.base);
	assert_int_equal(c.budget.held, 0);
}

void
assert_conserved(
	const struct recorder *r, const char *name, const struct step *steps, size_t n_steps)
{
	for (int dir = 0; dir < 2; dir++) {
		uint64_t left = 0;
		size_t i;

		for (i = 0; i < n_steps; i++)
			if ((int)steps[i].what == dir)
				left += steps[i].bytes.n;
		assert_true(left >= r->counted[dir]);
		left -= r->counted[dir];
		while (left > 0 && i-- > 0) {
			struct bytes b = steps[i].bytes;

			for (; (int)steps[i].what == dir && left > 0 && b.n > 0; b.n--, left--)
				if (b.p[b.n - 1] > ' ')
					fail_msg("%s: %llu bytes of direction %d are in no message",
						name, (unsigned long long)left, dir);
		}
		assert_int_equal(left, 0);
	}
}

static void
assert_one_record(const char *name, const struct inspector_ops *ops, const struct step *steps,
	size_t n_steps, size_t cut, size_t piece, const char *want)
{
	struct recorder r;

	recorder_init(&r);
	recorder_run(&r, ops, steps, n_steps, cut, piece, false);
	box_put(&r.text, "", 1);
	if (strcmp((char *)r.text.p, want) != 0)
		fail_msg("%s, cut at %zu, pieces of %zu:\n%s\nwant:\n%s", name, cut, piece,
			(char *)r.text.p, want);
	assert_conserved(&r, name, steps, n_steps);
	recorder_free(&r);
}

void
assert_counts_without_memory(
	const struct inspector_ops *ops, const struct step *steps, size_t n_steps)
{
	for (size_t piece = 0; piece <= 17; piece++) {
		struct recorder r;

		recorder_init(&r);
		r.no_memory = true;
		recorder_run(&r, ops, steps, n_steps, 0, piece, false);
		assert_conserved(&r, ops->name, steps, n_steps);
		assert_int_equal(r.text.n, 0);
		recorder_free(&r);
	}
}

void
assert_records(const char *name, const struct inspector_ops *ops, const struct step *steps,
	size_t n_steps, const char *want)
{
	size_t n = 0;

	for (size_t i = 0; i < n_steps; i++)
		n += steps[i].bytes.n;
	assert_one_record(name, ops, steps, n_steps, n, 0, want);
	for (size_t cut = 0; cut <= n; cut++)
		assert_one_record(name, ops, steps, n_steps, cut, 0, want);
	for (size_t piece = 1; piece <= 17; piece++)
		assert_one_record(name, ops, steps, n_steps, 0, piece, want);
}
