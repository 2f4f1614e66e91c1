/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_FRAME_H
#define SLUSS_TEST_FRAME_H

/**
 * @file
 * Write Ethernet frames with IPv4 or IPv6, TCP or UDP, as RFC 791, 8200, 9293
 * and 768 have them. (That our reader agrees with other tools is tested with
 * frames that those made: tests/unit/dataplane/frames.h.)
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FRAME_MAX = 2048, FRAME_ETHER = 14, FRAME_TCP_HEADER = 20, FRAME_UDP_HEADER = 8 };

struct frame {
	uint64_t us; /* its time */
	uint8_t port; /* where it comes in: 0 the client's side, 1 the server's */
	uint32_t n, wire;
	uint8_t data[FRAME_MAX];
};

/** Who sends to whom. `from_client` says which of the two is the source. */
struct frame_ends {
	uint8_t family; /* 4 or 6 */
	uint8_t address[2][16]; /* client, server */
	uint16_t port[2];
	uint16_t vlan; /* 0: none */
};

struct frame_tcp {
	uint8_t flags;
	uint32_t seq, ack;
};

/** The usual pair: 10.10.0.HOST port PORT to 192.0.2.9, or the same in 2001:db8::. */
static inline struct frame_ends
frame_ends(uint8_t family, uint8_t host, uint16_t port, uint16_t to_port)
{
	static const uint8_t v4[2][4] = {{10, 10, 0, 0}, {192, 0, 2, 9}};
	static const uint8_t v6[4] = {0x20, 0x01, 0x0d, 0xb8};
	struct frame_ends e = {.family = family, .port = {port, to_port}};

	for (int i = 0; i < 2; i++)
		memcpy(e.address[i], family == 4 ? v4[i] : v6, 4);
	if (family == 4) {
		e.address[0][3] = host;
	} else {
		e.address[0][15] = host;
		e.address[1][14] = 9;
	}
	return e;
}

static inline void
frame_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
frame_put32(uint8_t *p, uint32_t v)
{
	frame_put16(p, v >> 16);
	frame_put16(p + 2, v);
}

static inline uint32_t
frame_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

/* RFC 1071. */
static inline uint16_t
frame_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Link and IP headers for @p n bytes of IP payload. @return where that goes */
static inline uint8_t *
frame_ip(struct frame *f, const struct frame_ends *e, bool from_client, uint8_t protocol, size_t n,
	uint16_t id, uint16_t fragment)
{
	const uint8_t *src = e->address[from_client ? 0 : 1], *dst = e->address[from_client ? 1 : 0];
	size_t link = e->vlan != 0 ? FRAME_ETHER + 4 : FRAME_ETHER, head = e->family == 4 ? 20 : 40;
	uint8_t *ip = f->data + link;

	assert(link + head + n <= FRAME_MAX);
	memset(f->data, 0, link + head);
	f->data[0] = f->data[6] = 2;
	f->data[5] = 2;
	if (e->vlan != 0) {
		frame_put16(f->data + 12, 0x8100);
		frame_put16(f->data + 14, e->vlan);
	}
	frame_put16(ip - 2, e->family == 4 ? 0x0800 : 0x86dd);
	f->port = from_client ? 0 : 1;
	if (e->family == 4) {
		ip[0] = 0x45;
		frame_put16(ip + 2, (uint32_t)(20 + n));
		frame_put16(ip + 4, id);
		frame_put16(ip + 6, fragment);
		ip[8] = 64;
		ip[9] = protocol;
		memcpy(ip + 12, src, 4);
		memcpy(ip + 16, dst, 4);
		frame_put16(ip + 10, frame_fold(frame_sum(ip, 20, 0)));
	} else {
		ip[0] = 0x60;
		frame_put16(ip + 4, (uint32_t)n);
		ip[6] = protocol;
		ip[7] = 64;
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
	}
	f->n = f->wire = (uint32_t)(link + head + n);
	return ip + head;
}

/* The checksum over pseudo header and transport, @p at bytes into it. */
static inline void
frame_checksum(uint8_t *l4, size_t n, const struct frame_ends *e, uint8_t protocol, size_t at)
{
	size_t size = e->family == 4 ? 4 : 16;
	uint32_t sum = protocol + (uint32_t)n;

	for (int i = 0; i < 2; i++)
		sum = frame_sum(e->address[i], size, sum);
	frame_put16(l4 + at, frame_fold(frame_sum(l4, n, sum)));
}

static inline void
frame_tcp(struct frame *f, const struct frame_ends *e, bool from_client,
	const struct frame_tcp *tcp, const void *payload, size_t n)
{
	uint8_t *l4 = frame_ip(f, e, from_client, 6, FRAME_TCP_HEADER + n, 1, 0x4000);

	memset(l4, 0, FRAME_TCP_HEADER);
	frame_put16(l4, e->port[from_client ? 0 : 1]);
	frame_put16(l4 + 2, e->port[from_client ? 1 : 0]);
	frame_put32(l4 + 4, tcp->seq);
	frame_put32(l4 + 8, tcp->ack);
	l4[12] = FRAME_TCP_HEADER / 4 << 4;
	l4[13] = tcp->flags;
	frame_put16(l4 + 14, 65535);
	if (n > 0)
		memcpy(l4 + FRAME_TCP_HEADER, payload, n);
	frame_checksum(l4, FRAME_TCP_HEADER + n, e, 6, 16);
}

/** A whole UDP datagram, as IP payload; at most @p n + FRAME_UDP_HEADER bytes. */
static inline size_t
frame_datagram(uint8_t *l4, const struct frame_ends *e, bool from_client, const void *payload,
	size_t n)
{
	memset(l4, 0, FRAME_UDP_HEADER);
	frame_put16(l4, e->port[from_client ? 0 : 1]);
	frame_put16(l4 + 2, e->port[from_client ? 1 : 0]);
	frame_put16(l4 + 4, (uint32_t)(FRAME_UDP_HEADER + n));
	memcpy(l4 + FRAME_UDP_HEADER, payload, n);
	frame_checksum(l4, FRAME_UDP_HEADER + n, e, 17, 6);
	return FRAME_UDP_HEADER + n;
}

static inline void
frame_udp(struct frame *f, const struct frame_ends *e, bool from_client, const void *payload,
	size_t n)
{
	uint8_t *l4 = frame_ip(f, e, from_client, 17, FRAME_UDP_HEADER + n, 1, 0x4000);

	(void)frame_datagram(l4, e, from_client, payload, n);
}

/** A piece of a datagram: [at, at + n) of its IP payload, @p at a multiple of 8. IPv4. */
static inline void
frame_fragment(struct frame *f, const struct frame_ends *e, bool from_client, uint16_t id,
	const uint8_t *datagram, size_t at, size_t n, bool more)
{
	uint8_t *l4 = frame_ip(
		f, e, from_client, 17, n, id, (uint16_t)((more ? 0x2000 : 0) | at / 8));

	memcpy(l4, datagram + at, n);
}

#endif
