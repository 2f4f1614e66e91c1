/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/proto/test_mail_double.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "inspectors/proto/mime.h"

/* What a part has taken lies in front of the decoder that reads it. */
struct double_part {
	struct part part;
	struct mail_double *owner;
	struct box bytes;
	struct decoder *mime;
	char declared[1024];
	char label[128];
};

static struct mail_double *
owner_of(const struct message *m)
{
	return m->env->ctx;
}

static void __attribute__((format(printf, 2, 3)))
note(struct mail_double *t, const char *format, ...)
{
	char line[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	box_put(&t->dump, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void
note_bytes(struct mail_double *t, struct bytes b)
{
	note(t, "\"");
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '\r')
			note(t, "\\r");
		else if (b.p[i] == '\n')
			note(t, "\\n");
		else
			box_put(&t->dump, b.p + i, 1);
	}
	note(t, "\"");
}

/* ---- part.h ---- */

static const char *const coding_names[CODINGS] = {
        "raw", "base64", "qp", "uu", "gzip", "deflate", "urlencoded", "chunked",
        "unfold", "delsp", "unknown"};

static void
declare(struct double_part *p, const struct part_meta *meta)
{
	size_t at = 0, size = sizeof(p->declared);

	if (meta->type.n > 0)
		at += (size_t)snprintf(
		        p->declared, size, " %.*s", (int)meta->type.n, (const char *)meta->type.p);
	if (meta->charset.n > 0)
		at += (size_t)snprintf(p->declared + at, size - at, " charset=%.*s",
		        (int)meta->charset.n, (const char *)meta->charset.p);
	if (meta->name.n > 0)
		at += (size_t)snprintf(p->declared + at, size - at, " name=%.*s", (int)meta->name.n,
		        (const char *)meta->name.p);
	at += (size_t)snprintf(p->declared + at, size - at, " [");
	for (unsigned i = 0; i < meta->n_readings; i++)
		at += (size_t)snprintf(p->declared + at, size - at, "%s%s", i > 0 ? "|" : "",
		        coding_names[meta->readings[i].codings[0]]);
	snprintf(p->declared + at, size - at, "]");
}

struct part *
part_open(struct message *m, struct part *parent, const struct part_meta *meta)
{
	struct double_part *p = calloc(1, sizeof(*p));
	enum outcome why;

	if (p == NULL || parent != m->top)
		abort(); /* parts are a stack */
	p->owner = owner_of(m);
	snprintf(p->label, sizeof(p->label), "%s", meta->label);
	p->part = (struct part){
	        .message = m, .parent = parent, .label = p->label, .mark = arena_mark(m->stack)};
	m->top = &p->part;
	declare(p, meta);
	if ((bytes_equal(meta->type, BYTES_LIT("message/rfc822")) ||
	            bytes_starts_nocase(meta->type, BYTES_LIT("multipart/"))) &&
	        meta->readings[0].codings[0] == CODING_IDENTITY) {
		struct decoder *text = box_stage(&p->bytes, m->stack);

		text->part = &p->part;
		p->mime = decoder_open(&mime_decoder, text, meta, m->stack, NULL, &why);
	}
	return &p->part;
}

void
part_push(struct part *part, struct bytes in)
{
	struct double_part *p = (struct double_part *)part;

	part->taken += in.n;
	if (part->parent == NULL)
		part->message->bytes_total += in.n;
	if (p->mime != NULL)
		(void)decoder_push(p->mime, in);
	else
		box_put(&p->bytes, in.p, in.n);
}

void
part_skip(struct part *part, enum opaque_reason reason, uint64_t n)
{
	part->taken += n;
	part->opaque[reason] += n;
	if (part->parent == NULL)
		part->message->bytes_total += n;
}

void
part_mark_opaque(struct part *part, enum opaque_reason reason)
{
	if (part->reason == OPAQUE_NONE)
		part->reason = reason;
}

void
part_close(struct part *part, bool cut)
{
	struct double_part *p = (struct double_part *)part;
	struct mail_double *t = p->owner;
	struct message *m = part->message;

	if (m->top != part && p->mime == NULL)
		abort(); /* the part opened last is closed first */
	if (p->mime != NULL)
		(void)decoder_close(p->mime);
	if (m->top != part)
		abort();
	note(t, "part %s%s", part->label, p->declared);
	if (part->reason != OPAQUE_NONE)
		note(t, " opaque:%s", opaque_reason_name(part->reason));
	for (int r = 0; r < OPAQUE_COUNT; r++)
		if (part->opaque[r] > 0)
			note(t, " %s=%llu", opaque_reason_name((enum opaque_reason)r),
			        (unsigned long long)part->opaque[r]);
	note(t, "%s ", cut ? " cut" : "");
	note_bytes(t, bytes_of(p->bytes.p, p->bytes.n));
	note(t, "\n");
	m->top = part->parent;
	arena_rewind(m->stack, part->mark);
	box_free(&p->bytes);
	free(p);
}

/* ---- message.h ---- */

struct bytes
message_keep(struct message *m, struct bytes text)
{
	char *copy = arena_copy(m->keep, text.p, text.n);

	return copy == NULL ? (struct bytes){NULL, 0} : bytes_of(copy, text.n);
}

void
message_add_recipient(struct message *m, struct bytes address)
{
	struct mail_address *a = arena_zalloc(m->keep, sizeof(*a));

	if (a == NULL || m->n_mail_to >= m->env->limits->recipients) {
		m->recipients_over = true;
		return;
	}
	a->address = message_keep(m, address);
	*m->mail_to_tail = a;
	m->mail_to_tail = &a->next;
	m->n_mail_to++;
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
note_text(struct mail_double *t, const char *name, struct bytes b)
{
	if (b.n == 0)
		return;
	note(t, " %s=", name);
	box_put(&t->dump, b.p, b.n);
}

void
message_close(struct message *m, bool cut)
{
	struct mail_double *t = owner_of(m);

	while (m->top != NULL)
		part_close(m->top, cut);
	note(t, "message %s %s", m->direction == DIR_CLIENT ? "c" : "s",
	        m->command == NULL ? "-" : m->command);
	note_text(t, "from", m->mail_from);
	for (const struct mail_address *a = m->mail_to; a != NULL; a = a->next)
		note_text(t, "to", a->address);
	note_text(t, "subject", m->subject);
	note_text(t, "id", m->message_id);
	note_text(t, "file", m->file_name);
	if (m->gap_bytes > 0)
		note(t, " gap=%llu", (unsigned long long)m->gap_bytes);
	note(t, "%s%s\n", m->recipients_over ? " over" : "", cut || m->cut ? " cut" : "");
	t->total[m->direction] += m->bytes_total;
	arena_release(m->stack);
	arena_release(m->keep);
}

/* ---- conversation.h ---- */

struct message *
conversation_message(
        struct conversation *c, enum direction dir, enum channel channel, const char *protocol)
{
	struct message *m = arena_zalloc(&c->keep[dir], sizeof(*m));

	if (m == NULL)
		return NULL;
	m->env = c->env;
	m->conversation = c;
	m->serial = ++c->messages[dir];
	m->direction = dir;
	m->channel = channel;
	m->protocol = protocol;
	m->mail_to_tail = &m->mail_to;
	m->keep = &c->keep[dir];
	m->stack = &c->stack[dir];
	return m;
}

void
conversation_over(struct conversation *c, enum direction dir, uint64_t n)
{
	struct mail_double *t = c->env->ctx;

	t->over[dir] += n;
}

/* ---- tests ---- */

void
mail_double_open(struct mail_double *t)
{
	struct conversation *c = &t->conversation;

	*t = (struct mail_double){.limits = inspect_limits_default()};
	t->env = (struct inspect_env){.limits = &t->limits, .ctx = t};
	c->env = &t->env;
	c->budget.limit = t->limits.flow_memory;
	arena_init(&c->base, &arena_source_malloc, &c->budget);
	for (int dir = 0; dir < 2; dir++) {
		arena_init(&c->keep[dir], &arena_source_malloc, &c->budget);
		arena_init(&c->stack[dir], &arena_source_malloc, &c->budget);
	}
}

void
mail_double_close(struct mail_double *t)
{
	struct conversation *c = &t->conversation;

	for (int dir = 0; dir < 2; dir++) {
		arena_release(&c->keep[dir]);
		arena_release(&c->stack[dir]);
	}
	arena_release(&c->base);
	if (c->budget.held != 0)
		abort();
	box_free(&t->dump);
}

const char *
mail_double_dump(struct mail_double *t)
{
	box_put(&t->dump, "", 1);
	t->dump.n--;
	return (const char *)t->dump.p;
}

static void
feed_part(void *ctx, struct bytes piece)
{
	part_push(ctx, piece);
}

void
mail_double_mime(struct mail_double *t, const struct part_meta *meta, struct bytes in, size_t cut,
        size_t step)
{
	struct message *m =
	        conversation_message(&t->conversation, DIR_CLIENT, CHANNEL_MAIL, "test");
	struct part *p = part_open(m, NULL, meta);

	if (step > 0)
		feed_steps(in, step, feed_part, p);
	else
		feed_cut(in, cut, feed_part, p);
	part_close(p, false);
	message_close(m, false);
}
