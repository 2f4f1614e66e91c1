/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/e2e/equality/sender.h"

#include <stdio.h>

enum { L4_MAX = 1460 + 60 };

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- what it hears ---- */

static void
hear_options(struct sender *s, const uint8_t *tcp, size_t n, bool syn)
{
	for (size_t i = 20; i + 1 < n && tcp[i] != 0; i += tcp[i] == 1 ? 1 : tcp[i + 1]) {
		if (tcp[i] != 1 && (tcp[i + 1] < 2 || i + tcp[i + 1] > n))
			return;
		if (tcp[i] == 8)
			s->echo = get32(tcp + i + 2);
		if (tcp[i] == 3 && syn)
			s->scale = tcp[i + 2];
	}
}

static void
hear_syn(struct sender *s, const uint8_t *tcp)
{
	s->called = true;
	if (tcp[13] & ACK) {
		if (get32(tcp + 8) != s->isn + 1)
			return;
		s->established = true;
		s->una = s->isn + 1;
	}
	s->peer = get32(tcp + 4) + 1;
	s->window = (uint32_t)(tcp[14] << 8 | tcp[15]);
}

static void
hear(void *ctx, const uint8_t *frame, size_t n)
{
	struct sender *s = ctx;
	size_t at = FRAME_ETHER + (s->ends.family == 4 ? 20 : 40);
	const uint8_t *ip = frame + FRAME_ETHER, *tcp = frame + at;
	size_t ip_n = s->ends.family == 4 ? (size_t)(ip[2] << 8 | ip[3])
					  : 40 + (size_t)(ip[4] << 8 | ip[5]);
	size_t head, payload;

	if (n < at + 20 || ip[s->ends.family == 4 ? 9 : 6] != 6)
		return;
	head = (size_t)(tcp[12] >> 4) * 4;
	payload = FRAME_ETHER + ip_n - at - head;
	hear_options(s, tcp, head, tcp[13] & SYN);
	if (s->say)
		printf("    heard %02x seq %+d ack %+d len %zu\n", tcp[13],
			(int32_t)(get32(tcp + 4) - s->peer), (int32_t)(get32(tcp + 8) - s->isn - 1),
			payload);
	s->asked = tcp[13] & ACK ? get32(tcp + 8) : s->asked;
	if (tcp[13] & RST) {
		s->reset = true;
		return;
	}
	if (tcp[13] & SYN) {
		hear_syn(s, tcp);
		return;
	}
	if (s->answers && !s->established && (tcp[13] & ACK) && get32(tcp + 8) == s->isn + 1) {
		s->established = true;
		s->una = s->isn + 1;
	}
	if ((tcp[13] & ACK) && get32(tcp + 8) - s->una < 1u << 30) {
		s->una = get32(tcp + 8);
		s->window = (uint32_t)(tcp[14] << 8 | tcp[15]) << s->scale;
	}
	if (get32(tcp + 4) == s->peer)
		s->peer += (uint32_t)payload + ((tcp[13] & FIN) != 0);
}

void
sender_restart(struct sender *s, uint32_t isn)
{
	struct lab *lab = s->lab;
	size_t n = strlen(SENDER_NUMBER);

	s->isn = isn;
	s->una = s->isn + 1;
	s->at = 0;
	s->called = s->established = s->reset = false;
	for (uint32_t i = 0; i < s->n; i++)
		s->message[i] = (uint8_t)('a' + lab_below(lab, 26));
	/* From within to another organisation: see policy/examples/default.yaml. */
	s->violates = s->ends.family == 4 && s->n > n && lab_chance(lab, 15);
	if (s->violates)
		memcpy(s->message + lab_below(lab, s->n - (uint32_t)n), SENDER_NUMBER, n);
}

void
sender_init(struct sender *s, struct lab *lab)
{
	*s = (struct sender){.lab = lab,
		.ends = frame_ends(lab_chance(lab, 70) ? 4 : 6, 5, lab->port, LAB_PORT),
		.isn = lab_chance(lab, 20) ? 0u - lab_below(lab, MESSAGE_MAX)
					   : lab_below(lab, UINT32_MAX),
		.stamps = lab_chance(lab, 60),
		.stamp = lab_chance(lab, 20) ? 0u - lab_below(lab, 50)
					     : lab_below(lab, UINT32_MAX),
		.id = (uint16_t)lab_below(lab, 65536),
		.answers = lab_chance(lab, 30),
		.n = 1 + lab_below(lab, lab_chance(lab, 50) ? 300 : MESSAGE_MAX)};
	sender_restart(s, s->isn);
	for (unsigned habit = 1; habit < HABITS; habit *= 2)
		if (lab_chance(lab, 25))
			s->habits |= habit;
	lab->hear = hear;
	lab->ctx = s;
}

/* ---- what it says ---- */

struct shape
sender_ack(const struct sender *s)
{
	return (struct shape){.seq = s->isn + 1 + s->at,
		.ack = s->peer,
		.flags = ACK,
		.window = 60000,
		.stamped = s->stamps,
		.stamp = s->stamp,
		.hops = 64};
}

struct shape
sender_range(const struct sender *s, uint32_t at, uint32_t n)
{
	struct shape shape = sender_ack(s);

	at = at > s->n ? s->n : at;
	shape.seq = s->isn + 1 + at;
	shape.payload = s->message + at;
	shape.n = n > s->n - at ? s->n - at : n;
	if (at + shape.n == s->n)
		shape.flags |= PSH;
	return shape;
}

struct shape
sender_syn(struct sender *s)
{
	static const uint8_t options[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2};
	struct shape shape = sender_ack(s);

	shape.seq = s->isn;
	shape.flags = SYN;
	if (s->answers && s->called)
		shape.flags |= ACK;
	else
		shape.ack = 0;
	memcpy(shape.options, options, sizeof(options));
	shape.n_options = sizeof(options);
	return shape;
}

/* @return bytes of the whole segment */
static size_t
write_tcp(struct sender *s, const struct shape *shape, uint8_t *tcp)
{
	size_t head = FRAME_TCP_HEADER;

	s->has_reset |= (shape->flags & RST) != 0;
	memset(tcp, 0, FRAME_TCP_HEADER);
	frame_put16(tcp, s->ends.port[0]);
	frame_put16(tcp + 2, s->ends.port[1]);
	frame_put32(tcp + 4, shape->seq);
	frame_put32(tcp + 8, shape->ack);
	tcp[13] = shape->flags;
	frame_put16(tcp + 14, shape->window);
	frame_put16(tcp + 18, shape->urgent);
	if (shape->stamped) {
		memcpy(tcp + head, (uint8_t[4]){1, 1, 8, 10}, 4);
		frame_put32(tcp + head + 4, shape->stamp);
		frame_put32(tcp + head + 8, s->echo);
		head += 12;
	}
	memcpy(tcp + head, shape->options, shape->n_options);
	head += shape->n_options;
	tcp[12] = (uint8_t)((head / 4 + (size_t)shape->offset_by) << 4 | shape->reserved);
	if (shape->n > 0)
		memcpy(tcp + head, shape->payload, shape->n);
	frame_checksum(tcp, head + shape->n, &s->ends, 6, 16);
	if (shape->wrong_sum)
		tcp[17] ^= 0x55;
	return head + shape->n;
}

static void
set_hops(struct frame *f, uint8_t family, uint8_t hops)
{
	uint8_t *ip = f->data + FRAME_ETHER;

	if (family == 6) {
		ip[7] = hops;
		return;
	}
	ip[8] = hops;
	frame_put16(ip + 10, 0);
	frame_put16(ip + 10, frame_fold(frame_sum(ip, 20, 0)));
}

static void
frame_out(struct sender *s, struct frame *f, const struct shape *shape)
{
	set_hops(f, s->ends.family, shape->hops);
	for (unsigned i = 0; i < shape->padding; i++)
		f->data[f->n++] = (uint8_t)('0' + i % 10);
	f->wire = f->n;
	lab_send(s->lab, f);
}

/* [at, at + n) of the segment as a fragment. */
static void
fragment_out(struct sender *s, const uint8_t *tcp, size_t at, size_t n, bool more,
	const struct shape *shape)
{
	struct frame f;
	uint8_t *l4;
	bool v6 = s->ends.family == 6;

	l4 = frame_ip(&f, &s->ends, true, v6 ? 44 : 6, n + (v6 ? 8 : 0), s->id,
		(uint16_t)((more ? 0x2000 : 0) | at / 8));
	if (v6) {
		l4[0] = 6;
		l4[1] = 0;
		frame_put16(l4 + 2, (uint32_t)(at | more));
		frame_put32(l4 + 4, s->id);
		l4 += 8;
	}
	memcpy(l4, tcp + at, n);
	frame_out(s, &f, shape);
}

static void
write_fragments(struct sender *s, const struct shape *shape)
{
	uint8_t tcp[L4_MAX];
	size_t n = write_tcp(s, shape, tcp), cut = (1 + lab_below(s->lab, (uint32_t)n / 8)) * 8;
	bool second_first = lab_chance(s->lab, 30);

	s->id++;
	if (cut >= n)
		cut = 8;
	if (second_first)
		fragment_out(s, tcp, cut, n - cut, false, shape);
	fragment_out(s, tcp, 0, cut, true, shape);
	if (!second_first)
		fragment_out(s, tcp, cut, n - cut, false, shape);
}

static void
write_frame(struct sender *s, const struct shape *shape, struct frame *ret)
{
	uint8_t tcp[L4_MAX];
	size_t n = write_tcp(s, shape, tcp);

	memcpy(frame_ip(ret, &s->ends, true, 6, n, ++s->id, 0x4000), tcp, n);
	set_hops(ret, s->ends.family, shape->hops);
}

static void
say(const struct sender *s, const struct shape *h)
{
	printf("  %08x +%-6d len %-4zu ack %+d flags %02x%x urg %u stamp %+d hops %u%s%s pad %u "
	       "opts %u off %+d \"%.*s\"\n",
		h->seq, (int32_t)(h->seq - s->isn - 1), h->n, (int32_t)(h->ack - s->peer),
		h->reserved, h->flags, h->urgent, (int32_t)(h->stamp - s->stamp), h->hops,
		h->wrong_sum ? " wrong-sum" : "", h->stamped ? "" : " unstamped", h->padding,
		h->n_options, h->offset_by, h->n > 8 ? 8 : (int)h->n, (const char *)h->payload);
}

void
sender_send_now(struct sender *s, const struct shape *shape)
{
	struct frame f;

	if (s->say)
		say(s, shape);
	write_frame(s, shape, &f);
	frame_out(s, &f, shape);
}

void
sender_flush(struct sender *s)
{
	for (; s->n_later > 0; s->n_later--) {
		unsigned i = lab_below(s->lab, s->n_later);

		lab_send(s->lab, &s->later[i]);
		s->later[i] = s->later[s->n_later - 1];
	}
}

void
sender_send(struct sender *s, const struct shape *shape)
{
	struct lab *lab = s->lab;
	bool twice = (s->habits & HABIT_DOUBLE) && lab_chance(lab, 20);

	if ((s->habits & HABIT_FRAGMENT) && shape->n > 16 && lab_chance(lab, 30)) {
		if (s->say)
			say(s, shape);
		write_fragments(s, shape);
	} else if ((s->habits & HABIT_REORDER) && s->n_later < LATER_MAX && lab_chance(lab, 40)) {
		if (s->say)
			say(s, shape);
		write_frame(s, shape, &s->later[s->n_later++]);
	} else {
		sender_send_now(s, shape);
	}
	if (twice)
		sender_send_now(s, shape);
	if (lab_chance(lab, 25))
		sender_flush(s);
}
