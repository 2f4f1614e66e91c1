/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UDP datagrams in fragments that overlap, contradict each other, leave holes, or lie about
 * their lengths. Contradicting bytes keep the datagram's checksum: it has none, or 16-bit
 * words change places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/e2e/equality/case.h"

enum { DATAGRAM_MAX = 2600, PIECES_MAX = 24, PIECE_MAX = 1440, HEADER_HOP_BY_HOP = 0 };

struct piece {
	uint32_t id;
	uint32_t at; /* into the IP payload, as is written */
	uint16_t n;
	uint8_t hops, protocol;
	int8_t lie; /* added to the length in the IP header */
	uint8_t padding;
	bool more, whole, wrong_sum, extended;
	uint8_t p[PIECE_MAX];
};

struct datagrams {
	struct lab *lab;
	struct frame_ends ends;
	int fd;
	bool say, honest, wrong;
	uint32_t id;
	unsigned sent, received, matched; /* the latter: records gone by */
	unsigned n;
	struct piece pieces[PIECES_MAX]; /* to be sent */
};

/* ---- frames ---- */

/* Behind the IPv6 header: what is there before the payload. @return its bytes */
static size_t
v6_headers(const struct piece *p, uint8_t *h)
{
	size_t n = 0;

	if (p->extended) {
		memset(h, 0, 8);
		h[0] = p->whole ? p->protocol : 44;
		h[2] = 1; /* PadN of 4 */
		h[3] = 4;
		n = 8;
	}
	if (p->whole)
		return n;
	h[n] = p->protocol;
	h[n + 1] = 0;
	frame_put16(h + n + 2, (p->at & 0xfff8) | p->more);
	frame_put32(h + n + 4, p->id);
	return n + 8;
}

static void
set_lengths(struct frame *f, const struct piece *p, uint8_t family)
{
	uint8_t *ip = f->data + FRAME_ETHER;
	uint8_t *length = ip + (family == 4 ? 2 : 4);

	frame_put16(length, (uint32_t)((length[0] << 8 | length[1]) + p->lie));
	ip[family == 4 ? 8 : 7] = p->hops;
	if (family == 6)
		return;
	frame_put16(ip + 10, 0);
	frame_put16(ip + 10, frame_fold(frame_sum(ip, 20, 0)));
	if (p->wrong_sum)
		ip[10] ^= 0x55;
}

static void
piece_send(struct datagrams *d, const struct piece *p)
{
	struct frame f;
	uint8_t head[16], *l4;
	size_t n = 0;

	if (d->say)
		printf("  id %x [%u, %u)%s%s hops %u lie %d pad %u proto %u%s%s %.8s\n", p->id, p->at,
			p->at + p->n, p->more ? "" : " last", p->whole ? " whole" : "", p->hops, p->lie,
			p->padding, p->protocol, p->wrong_sum ? " wrong-sum" : "",
			p->extended ? " extended" : "", p->at == 0 ? "" : (const char *)p->p);
	if (d->ends.family == 4) {
		uint16_t fragment = p->whole ? 0x4000
					     : (uint16_t)((p->more ? 0x2000 : 0) | (p->at / 8 & 0x1fff));

		l4 = frame_ip(&f, &d->ends, true, p->protocol, p->n, (uint16_t)p->id, fragment);
	} else {
		uint8_t next = p->extended ? HEADER_HOP_BY_HOP : p->whole ? p->protocol : 44;

		n = v6_headers(p, head);
		l4 = frame_ip(&f, &d->ends, true, next, n + p->n, 0, 0);
	}
	memcpy(l4, head, n);
	memcpy(l4 + n, p->p, p->n);
	set_lengths(&f, p, d->ends.family);
	for (unsigned i = 0; i < p->padding; i++)
		f.data[f.n++] = (uint8_t)('0' + i % 10);
	f.wire = f.n;
	lab_send(d->lab, &f);
}

/* ---- what arrives ---- */

/* The records are in the order in which they were let go. */
static bool
was_read(struct datagrams *d, const uint8_t *p, size_t n)
{
	while (d->matched < d->lab->n_records) {
		const struct record *r = &d->lab->records[d->matched++];

		if (r->n == n && memcmp(r->p, p, n) == 0)
			return true;
	}
	return n == 0;
}

static void
receive(struct datagrams *d)
{
	uint8_t p[LAB_STREAM_MAX];
	ssize_t n;

	while ((n = recv(d->fd, p, sizeof(p), 0)) >= 0) {
		bool right = was_read(d, p, (size_t)n);

		d->received++;
		d->wrong |= !right;
		if (d->say)
			printf("  received %zd bytes: %s\n", n, right ? "read" : "NOT READ");
	}
}

/* ---- what is sent ---- */

/* Other bytes with the same sum. */
static void
contradict(struct datagrams *d, struct piece *p, bool summed)
{
	size_t from = p->at == 0 ? FRAME_UDP_HEADER : 0;

	if (!summed) {
		for (size_t i = from; i < p->n; i++)
			p->p[i] = (uint8_t)('A' + lab_below(d->lab, 26));
		return;
	}
	for (size_t i = from; i + 4 <= p->n; i += 4) {
		uint8_t word[2] = {p->p[i], p->p[i + 1]};

		memcpy(p->p + i, p->p + i + 2, 2);
		memcpy(p->p + i + 2, word, 2);
	}
}

static struct piece *
add_piece(struct datagrams *d, const uint8_t *l4, size_t at, size_t n, size_t all)
{
	struct piece *p = &d->pieces[d->n++];

	n = n > PIECE_MAX ? PIECE_MAX : n;
	n = n > all - at ? all - at : n;
	*p = (struct piece){.id = d->id,
		.at = (uint32_t)at,
		.n = (uint16_t)n,
		.hops = 64,
		.protocol = 17,
		.more = at + n < all};
	memcpy(p->p, l4 + at, n);
	return p;
}

/* A piece more, somewhere in the datagram. */
static void
add_overlap(struct datagrams *d, const uint8_t *l4, size_t all, bool summed)
{
	struct lab *lab = d->lab;
	const struct piece *like = &d->pieces[lab_below(lab, d->n)];
	size_t at = like->at, n = like->n;
	struct piece *p;

	if (lab_chance(lab, 50)) {
		at = lab_below(lab, (uint32_t)(all / 8 + 1)) * 8;
		n = 8 * (1 + lab_below(lab, 20));
	}
	if (at >= all)
		at = 0;
	p = add_piece(d, l4, at, n, all);
	p->id = like->id;
	if (lab_chance(lab, 70))
		contradict(d, p, summed);
}

static void
bend(struct datagrams *d, struct piece *p)
{
	struct lab *lab = d->lab;

	switch (lab_below(lab, 12)) {
	case 0:
		p->hops = (uint8_t)(1 + lab_below(lab, LAB_TTL_SHORT));
		break;
	case 1:
		p->more = !p->more;
		break;
	case 2:
		p->at += 8 * (lab_below(lab, 3));
		break;
	case 3:
		p->n = (uint16_t)(p->n > 9 ? p->n - 1 - lab_below(lab, 8) : p->n);
		break;
	case 4:
		p->wrong_sum = true;
		break;
	case 5:
		p->lie = (int8_t)(lab_below(lab, 33) - 16);
		break;
	case 6:
		p->padding = (uint8_t)lab_below(lab, 30);
		break;
	case 7:
		p->at = 65528 - 8 * lab_below(lab, 200);
		break;
	case 8:
		p->protocol = lab_chance(lab, 50) ? 6 : 1;
		break;
	case 9:
		p->id -= lab_below(lab, 2);
		break;
	case 10:
		p->extended = true;
		break;
	default:
		p->n = 0;
	}
}

/* Cut at multiples of 8. */
static void
cut(struct datagrams *d, const uint8_t *l4, size_t all)
{
	struct lab *lab = d->lab;
	unsigned most = d->honest || lab_chance(lab, 80) ? 8 : 12;
	size_t at = 0;

	for (unsigned i = 1; at < all; i++) {
		size_t n = 8 * (1 + lab_below(lab, lab_chance(lab, 30) ? 3 : PIECE_MAX / 8));

		if (i + 1 >= most || all - at < n)
			n = PIECE_MAX;
		at += add_piece(d, l4, at, n, all)->n;
	}
}

/* @return its bytes; *summed: it has a checksum */
static size_t
write_datagram(struct datagrams *d, uint8_t *l4, bool *summed)
{
	struct lab *lab = d->lab;
	uint8_t text[DATAGRAM_MAX];
	uint32_t n = 1 + lab_below(lab, lab_chance(lab, 50) ? 200 : DATAGRAM_MAX - 1);
	size_t all;

	for (uint32_t i = 0; i < n; i++)
		text[i] = (uint8_t)('a' + lab_below(lab, 26));
	all = frame_datagram(l4, &d->ends, true, text, n);
	*summed = d->ends.family == 6 || lab_chance(lab, 50);
	if (!*summed)
		frame_put16(l4 + 6, 0);
	if (!d->honest && lab_chance(lab, 10))
		frame_put16(l4 + 4, lab_chance(lab, 30) ? 0 : (uint32_t)all - 20 + lab_below(lab, 40));
	return all;
}

static void
shuffle(struct datagrams *d)
{
	for (unsigned i = d->n; i > 1; i--) {
		unsigned k = lab_below(d->lab, i);
		struct piece other = d->pieces[i - 1];

		d->pieces[i - 1] = d->pieces[k];
		d->pieces[k] = other;
	}
}

static void
one_datagram(struct datagrams *d)
{
	struct lab *lab = d->lab;
	uint8_t l4[DATAGRAM_MAX + FRAME_UDP_HEADER];
	bool summed;
	size_t all = write_datagram(d, l4, &summed);

	/* Now and then the last one's name again, behind its end or within. */
	if (d->honest || !lab_chance(lab, 10))
		d->id++;
	if (all <= 1400 && lab_chance(lab, 10))
		add_piece(d, l4, 0, all, all)->whole = true;
	else
		cut(d, l4, all);
	while (!d->honest && d->n < PIECES_MAX / 2 && lab_chance(lab, 30))
		add_overlap(d, l4, all, summed);
	while (!d->honest && lab_chance(lab, 20))
		bend(d, &d->pieces[lab_below(lab, d->n)]);
	if (lab_chance(lab, 40))
		shuffle(d);
	/* One of them is lost. */
	if (!d->honest && d->n > 1 && lab_chance(lab, 10))
		d->n--;
	d->sent++;
}

/* Some may wait, to come with the next datagram's. */
static void
send_pieces(struct datagrams *d, unsigned stay)
{
	unsigned n = d->n > stay ? d->n - stay : 0;

	for (unsigned i = 0; i < n; i++) {
		piece_send(d, &d->pieces[i]);
		receive(d);
	}
	memmove(d->pieces, d->pieces + n, (d->n - n) * sizeof(d->pieces[0]));
	d->n -= n;
}

static enum ending
ending_of(const struct datagrams *d)
{
	if (d->wrong)
		return ENDING_DIFFERS;
	if (d->honest && d->received != d->sent)
		return ENDING_STALL;
	return d->received == 0 ? ENDING_NONE : ENDING_EQUAL;
}

enum ending
fragment_case(struct lab *lab, const struct listeners *l, bool say)
{
	struct datagrams *d = calloc(1, sizeof(*d));
	enum ending e;

	if (d == NULL)
		abort();
	d->lab = lab;
	d->ends = frame_ends(lab_chance(lab, 60) ? 4 : 6, 5, lab->port, LAB_PORT);
	/* Of its own in each case: here a second is gone at once, but in the kernel, where
	 * fragments wait for the rest of theirs, it isn't. */
	frame_put16(d->ends.address[0] + (d->ends.family == 4 ? 2 : 14), lab->serial);
	d->fd = l->udp[d->ends.family == 6];
	d->say = say;
	d->honest = lab_chance(lab, 15);
	d->id = lab_below(lab, UINT32_MAX);
	lab->datagrams = true;
	lab->lose[1] = d->honest || lab_chance(lab, 50) ? 0 : lab_below(lab, 30);
	for (unsigned k = 1 + lab_below(lab, 6); k > 0; k--) {
		one_datagram(d);
		send_pieces(d, lab_chance(lab, 20) ? lab_below(lab, 4) : 0);
	}
	send_pieces(d, 0);
	lab->lose[1] = 0;
	lab_end(lab);
	receive(d);
	e = ending_of(d);
	free(d);
	return e;
}
