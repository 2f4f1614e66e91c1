/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of each link type, every fault, every cut, and every split into mbufs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "dataplane/headers.h"
#include "tests/support/cut.h"
#include "tests/support/dpdk.h"
#include "tests/support/frame.h"
#include "tests/unit/dataplane/frames.h"

#define FRAME(name) #name, frame_##name, sizeof(frame_##name)

static const struct good {
	const char *name;
	const uint8_t *p;
	size_t n;
	enum link link;
	enum header_result result;
	uint8_t family, protocol;
	enum packet_kind kind;
	uint32_t l3_at, l4_at; /* l4_at: from the IP header */
	const char *payload;
	uint8_t n_vlans;
	uint16_t vlan[2];
} good[] = {
	{FRAME(ether_syn), LINK_ETHERNET, HEADER_OK, 4, 6, PACKET_TCP, 14, 20, ""},
	{FRAME(vlan_udp), LINK_ETHERNET, HEADER_OK, 4, 17, PACKET_UDP, 18, 20, "hello", 1,
		{100, 100}},
	{FRAME(qinq_udp_zero), LINK_ETHERNET, HEADER_OK, 4, 17, PACKET_UDP, 22, 20, "hi", 2,
		{200, 100}},
	{FRAME(ipv4_options), LINK_ETHERNET, HEADER_OK, 4, 6, PACKET_TCP, 14, 24, "GET /"},
	{FRAME(ipv6_extensions), LINK_ETHERNET, HEADER_OK, 6, 6, PACKET_TCP, 14, 56, "DATA"},
	{FRAME(ipv6_routing_ah), LINK_RAW, HEADER_OK, 6, 17, PACKET_UDP, 0, 88, "six"},
	{FRAME(raw_ipv4), LINK_RAW, HEADER_OK, 4, 6, PACKET_TCP, 0, 20, "raw"},
	{FRAME(ipv4_ah), LINK_RAW, HEADER_OK, 4, 6, PACKET_TCP, 0, 44, "ah"},
	{FRAME(sll), LINK_SLL, HEADER_OK, 4, 17, PACKET_UDP, 16, 20, "sll"},
	{FRAME(sll2), LINK_SLL2, HEADER_OK, 6, 17, PACKET_UDP, 20, 40, "sll2"},
	{FRAME(null_little), LINK_NULL, HEADER_OK, 4, 17, PACKET_UDP, 4, 20, "null"},
	{FRAME(null_big), LINK_NULL, HEADER_OK, 6, 17, PACKET_UDP, 4, 40, "null6"},
	{FRAME(loop), LINK_LOOP, HEADER_OK, 6, 17, PACKET_UDP, 4, 40, "loop"},
	{FRAME(ipv4_fragment_last), LINK_RAW, HEADER_FRAGMENT, 4, 17, PACKET_OTHER, 0, 20,
		"89abcdefghij"},
	{FRAME(ipv6_atomic), LINK_RAW, HEADER_OK, 6, 17, PACKET_UDP, 0, 48, "atomic"},
	{FRAME(icmp), LINK_RAW, HEADER_OK, 4, 1, PACKET_ICMP, 0, 20, "ping"},
	{FRAME(udp_surplus), LINK_RAW, HEADER_OK, 4, 17, PACKET_UDP, 0, 20, "seen+more"},
	{FRAME(udp_empty), LINK_RAW, HEADER_OK, 4, 17, PACKET_UDP, 0, 20, ""},
};

static void
collect(const struct packet *p, struct box *b)
{
	uint32_t at = 0;
	struct bytes piece;

	while ((piece = packet_piece(p, at)).n > 0) {
		box_put(b, piece.p, piece.n);
		at += (uint32_t)piece.n;
	}
	assert_int_equal(at, p->payload_len);
}

static void
check_good(const struct good *k, size_t step)
{
	struct rte_mbuf *m = exact_frame(k->p, k->n, step, k->link);
	struct box payload = {0};
	uint8_t client[16] = {0}, server[16] = {0};
	struct packet p;
	enum header_result r;

	packet_meta(m)->ts_us = 77;
	r = headers_parse(m, true, &p);
	if (r != k->result)
		fail_msg("%s, steps of %zu: %s", k->name, step, header_result_name(r));
	inet_pton(k->family == 4 ? AF_INET : AF_INET6, k->family == 4 ? "10.1.2.3" : "2001:db8::1",
		client);
	inet_pton(k->family == 4 ? AF_INET : AF_INET6, k->family == 4 ? "192.0.2.9" : "2001:db8::2",
		server);
	collect(&p, &payload);
	if (p.family != k->family || p.protocol != k->protocol || p.kind != k->kind ||
		p.l3_at != k->l3_at || p.l4_at != k->l3_at + k->l4_at || p.n_vlans != k->n_vlans ||
		p.vlan[0] != k->vlan[0] || p.vlan[1] != k->vlan[1] || p.missing != 0 ||
		p.time != 77 || memcmp(p.address[0], client, 16) != 0 ||
		memcmp(p.address[1], server, 16) != 0 ||
		!bytes_equal(bytes_of(payload.p, payload.n), bytes_str(k->payload)))
		fail_msg("%s, steps of %zu: family %u, protocol %u, kind %u, at %u, %u, payload "
			 "\"%.*s\"",
			k->name, step, p.family, p.protocol, p.kind, p.l3_at, p.l4_at,
			(int)payload.n, payload.p);
	if (r == HEADER_OK && p.kind == PACKET_TCP)
		assert_true(p.port[0] == 40112 && p.port[1] == 25 && p.seq == 0x01020304 &&
			p.ack == 0x0a0b0c0d && p.window == 8192);
	if (r == HEADER_OK && p.kind == PACKET_UDP)
		assert_true(p.port[0] == 53 && p.port[1] == 40000);
	assert_int_equal(frame_host_hash(m), packet_host_hash(&p));
	box_free(&payload);
	assert_true(exact_free(m));
}

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t step = 0; step <= 64; step++)
			check_good(&good[i], step);
}

static enum header_result
parse_copy(
	const uint8_t *p, size_t n, enum link link, uint32_t wire, bool verify, struct packet *ret)
{
	struct rte_mbuf *m = exact_frame(p, n, 0, link);
	enum header_result r;

	packet_meta(m)->wire_length = wire;
	packet_meta(m)->cut = wire > n;
	r = headers_parse(m, verify, ret);
	if (header_result_usable(r))
		assert_true((uint64_t)ret->payload_at + ret->payload_len <= n);
	exact_free(m);
	return r;
}

/* A frame that ends early is no packet, unless the capture says that it cut it. */
static void
test_every_cut(void **state)
{
	struct packet p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const struct good *k = &good[i];
		/* The VLAN frame ends in padding. */
		size_t end = k->p == frame_vlan_udp ? k->n - 9 : k->n;

		for (size_t n = 0; n < end; n++) {
			enum header_result r = parse_copy(k->p, n, k->link, (uint32_t)n, true, &p);

			assert_false(header_result_usable(r) || r == HEADER_FRAGMENT);
			r = parse_copy(k->p, n, k->link, (uint32_t)k->n, true, &p);
			if (header_result_usable(r))
				assert_int_equal(p.payload_len + p.missing, strlen(k->payload));
		}
	}
}

/* One change to a good frame makes it bad, and for a known reason. */
static const struct fault {
	const char *name, *frame_name;
	const uint8_t *p;
	size_t n;
	enum link link;
	size_t at;
	uint8_t value;
	enum header_result strict, lenient;
} faults[] = {
	{"ARP", FRAME(arp), LINK_ETHERNET, 20, 0, HEADER_NOT_IP, HEADER_NOT_IP},
	{"an LLC length", FRAME(ether_syn), LINK_ETHERNET, 12, 0, HEADER_NOT_IP, HEADER_NOT_IP},
	{"version 5", FRAME(ether_syn), LINK_ETHERNET, 14, 0x55, HEADER_IP_VERSION,
		HEADER_IP_VERSION},
	{"version 6 as IPv4", FRAME(ether_syn), LINK_ETHERNET, 14, 0x65, HEADER_IP_VERSION,
		HEADER_IP_VERSION},
	{"header of 16 bytes", FRAME(raw_ipv4), LINK_RAW, 0, 0x44, HEADER_IP_HEADER,
		HEADER_IP_HEADER},
	{"header past the end", FRAME(udp_empty), LINK_RAW, 0, 0x4f, HEADER_IP_HEADER,
		HEADER_IP_HEADER},
	{"total length within the header", FRAME(raw_ipv4), LINK_RAW, 3, 19, HEADER_IP_LENGTH,
		HEADER_IP_LENGTH},
	{"total length past the frame", FRAME(raw_ipv4), LINK_RAW, 3, 44, HEADER_IP_LENGTH,
		HEADER_IP_LENGTH},
	{"total length 0", FRAME(raw_ipv4), LINK_RAW, 3, 0, HEADER_IP_LENGTH, HEADER_OK},
	{"IP checksum", FRAME(raw_ipv4), LINK_RAW, 8, 63, HEADER_IP_CHECKSUM, HEADER_OK},
	{"TCP checksum", FRAME(raw_ipv4), LINK_RAW, 42, 'x', HEADER_TCP_CHECKSUM,
		HEADER_BAD_CHECKSUM_IGNORED},
	{"an address in the pseudo header", FRAME(ipv6_extensions), LINK_ETHERNET, 29, 9,
		HEADER_TCP_CHECKSUM, HEADER_BAD_CHECKSUM_IGNORED},
	{"data offset 4", FRAME(raw_ipv4), LINK_RAW, 32, 0x40, HEADER_TCP_HEADER,
		HEADER_TCP_HEADER},
	{"data offset past the end", FRAME(raw_ipv4), LINK_RAW, 32, 0xf0, HEADER_TCP_HEADER,
		HEADER_TCP_HEADER},
	{"UDP length 7", FRAME(sll), LINK_SLL, 41, 7, HEADER_UDP_LENGTH, HEADER_UDP_LENGTH},
	{"UDP length past the packet", FRAME(sll), LINK_SLL, 41, 12, HEADER_UDP_LENGTH,
		HEADER_UDP_LENGTH},
	{"UDP checksum", FRAME(sll), LINK_SLL, 46, 'x', HEADER_UDP_CHECKSUM,
		HEADER_BAD_CHECKSUM_IGNORED},
	{"IPv6 length past the frame", FRAME(ipv6_atomic), LINK_RAW, 5, 23, HEADER_IP_LENGTH,
		HEADER_IP_LENGTH},
	{"an extension header past the end", FRAME(ipv6_extensions), LINK_ETHERNET, 55, 9,
		HEADER_IP_EXTENSIONS, HEADER_IP_EXTENSIONS},
	{"a fragment by its offset", FRAME(ipv6_atomic), LINK_RAW, 43, 8, HEADER_FRAGMENT,
		HEADER_FRAGMENT},
	{"a fragment by its flag", FRAME(ipv6_atomic), LINK_RAW, 43, 1, HEADER_FRAGMENT,
		HEADER_FRAGMENT},
	{"loopback of another family", FRAME(loop), LINK_LOOP, 3, 7, HEADER_NOT_IP, HEADER_NOT_IP},
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		const struct fault *k = &faults[i];
		uint8_t copy[128];
		struct packet p;
		enum header_result r;

		memcpy(copy, k->p, k->n);
		copy[k->at] = k->value;
		r = parse_copy(copy, k->n, k->link, (uint32_t)k->n, true, &p);
		if (r != k->strict)
			fail_msg("%s: %s", k->name, header_result_name(r));
		r = parse_copy(copy, k->n, k->link, (uint32_t)k->n, false, &p);
		if (r != k->lenient)
			fail_msg("%s, lenient: %s", k->name, header_result_name(r));
	}
}

/* With a wrong checksum, of whichever header, the payload is where it would be. */
static void
test_payload_of_bad_checksums(void **state)
{
	uint8_t copy[sizeof(frame_raw_ipv4)];
	struct packet whole, bad;

	(void)state;
	memcpy(copy, frame_raw_ipv4, sizeof(copy));
	assert_int_equal(parse_copy(copy, sizeof(copy), LINK_RAW, sizeof(copy), true, &whole),
		HEADER_OK);
	assert_true(whole.payload_len > 0);
	copy[8] = 63;
	assert_int_equal(parse_copy(copy, sizeof(copy), LINK_RAW, sizeof(copy), true, &bad),
		HEADER_IP_CHECKSUM);
	assert_int_equal(bad.payload_at, whole.payload_at);
	assert_int_equal(bad.payload_len, whole.payload_len);
	copy[32] = 0x40; /* a TCP header too short: all behind the IP header */
	assert_int_equal(parse_copy(copy, sizeof(copy), LINK_RAW, sizeof(copy), true, &bad),
		HEADER_IP_CHECKSUM);
	assert_int_equal(bad.payload_at, 20);
	assert_int_equal(bad.payload_len, sizeof(copy) - 20);
}

/* What a sender leaves to its port: the sum of addresses, protocol and length, not inverted. */
static uint16_t
partial_of(const struct packet *p, const uint8_t *frame)
{
	const uint8_t *l4 = frame + p->l4_at;
	uint32_t n = p->kind == PACKET_UDP ? (uint32_t)(l4[4] << 8 | l4[5])
					   : p->l3_at + p->l3_len - p->l4_at;
	uint32_t sum = frame_sum(p->address[0], 16, p->protocol + n);

	return (uint16_t)~frame_fold(frame_sum(p->address[1], 16, sum));
}

static void
check_partial(const struct good *k, size_t step)
{
	uint8_t copy[128];
	struct packet p;
	struct rte_mbuf *m = exact_frame(k->p, k->n, 0, k->link);
	uint32_t at;

	assert_int_equal(headers_parse(m, VERIFY_OR_COMPLETE, &p), k->result);
	exact_free(m);
	if (p.kind != PACKET_TCP && p.kind != PACKET_UDP)
		return;
	at = p.l4_at + (p.kind == PACKET_TCP ? 16 : 6);
	memcpy(copy, k->p, k->n);
	frame_put16(copy + at, partial_of(&p, k->p));
	m = exact_frame(copy, k->n, step, k->link);
	assert_int_equal(headers_parse(m, VERIFY_NO, &p), HEADER_BAD_CHECKSUM_IGNORED);
	assert_int_equal(headers_parse(m, VERIFY_YES, &p),
		p.kind == PACKET_TCP ? HEADER_TCP_CHECKSUM : HEADER_UDP_CHECKSUM);
	assert_int_equal(headers_parse(m, VERIFY_OR_COMPLETE, &p), HEADER_PARTIAL_CHECKSUM);
	assert_true(header_result_usable(HEADER_PARTIAL_CHECKSUM));
	headers_complete_checksum(&p);
	assert_int_equal(headers_parse(m, VERIFY_YES, &p), HEADER_OK);
	for (uint32_t i = 0; i < k->n; i++) {
		uint8_t scratch, b = *(const uint8_t *)rte_pktmbuf_read(m, i, 1, &scratch);

		/* Without a checksum before: it has one now. */
		if (b != k->p[i] && (k->p != frame_qinq_udp_zero || (i != at && i != at + 1)))
			fail_msg("%s: %02x at %u, not %02x", k->name, b, i, k->p[i]);
	}
	assert_true(exact_free(m));
	copy[at + 1] ^= 1;
	m = exact_frame(copy, k->n, step, k->link);
	assert_int_equal(headers_parse(m, VERIFY_OR_COMPLETE, &p),
		p.kind == PACKET_TCP ? HEADER_TCP_CHECKSUM : HEADER_UDP_CHECKSUM);
	exact_free(m);
}

static void
test_partial(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t step = 0; step <= 64; step++)
			check_partial(&good[i], step);
}

/* RFC 768: a sum of 0 is written as all ones. */
static void
test_complete_to_zero(void **state)
{
	uint8_t copy[sizeof(frame_sll)];
	struct rte_mbuf *m;
	struct packet p;

	(void)state;
	memcpy(copy, frame_sll, sizeof(copy));
	/* The checksum as payload makes it 0: "sll" begins at 44. */
	m = exact_frame(copy, sizeof(copy), 0, LINK_SLL);
	assert_int_equal(headers_parse(m, VERIFY_YES, &p), HEADER_OK);
	exact_free(m);
	frame_put16(copy + p.payload_at, 0);
	m = exact_frame(copy, sizeof(copy), 0, LINK_SLL);
	headers_parse(m, VERIFY_NO, &p);
	headers_complete_checksum(&p);
	memcpy(copy + p.payload_at, rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_at + 6), 2);
	exact_free(m);
	m = exact_frame(copy, sizeof(copy), 0, LINK_SLL);
	headers_parse(m, VERIFY_NO, &p);
	headers_complete_checksum(&p);
	assert_memory_equal(
		rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_at + 6), "\xff\xff", 2);
	assert_int_equal(headers_parse(m, VERIFY_YES, &p), HEADER_OK);
	exact_free(m);
}

/* RFC 8200, 8.1: over IPv6 a UDP checksum of 0 is wrong; RFC 768: over IPv4 it is none. */
static void
test_udp_zero(void **state)
{
	uint8_t copy[sizeof(frame_loop)];
	struct packet p;

	(void)state;
	memcpy(copy, frame_loop, sizeof(copy));
	copy[50] = copy[51] = 0;
	assert_int_equal(parse_copy(copy, sizeof(copy), LINK_LOOP, sizeof(copy), true, &p),
		HEADER_UDP_CHECKSUM);
}

/* With segments left, the address in the pseudo header is another: not verified. */
static void
test_source_routed(void **state)
{
	uint8_t copy[sizeof(frame_ipv6_routing_ah)];
	struct packet p;

	(void)state;
	memcpy(copy, frame_ipv6_routing_ah, sizeof(copy));
	copy[sizeof(copy) - 1] ^= 1;
	assert_int_equal(parse_copy(copy, sizeof(copy), LINK_RAW, sizeof(copy), true, &p),
		HEADER_UDP_CHECKSUM);
	copy[43] = 1;
	assert_int_equal(
		parse_copy(copy, sizeof(copy), LINK_RAW, sizeof(copy), true, &p), HEADER_OK);
}

static void
test_tcp_options(void **state)
{
	uint8_t copy[sizeof(frame_ether_syn)];
	struct packet p;

	(void)state;
	memcpy(copy, frame_ether_syn, sizeof(copy));
	parse_copy(copy, sizeof(copy), LINK_ETHERNET, sizeof(copy), true, &p);
	assert_int_equal(p.window_scale, 7);
	/* RFC 7323, 2.3: more than 14 means 14. */
	copy[sizeof(copy) - 1] = 200;
	parse_copy(copy, sizeof(copy), LINK_ETHERNET, sizeof(copy), false, &p);
	assert_int_equal(p.window_scale, 14);
	/* A damaged option ends the list. */
	copy[59] = 0;
	parse_copy(copy, sizeof(copy), LINK_ETHERNET, sizeof(copy), false, &p);
	assert_int_equal(p.window_scale, PACKET_NO_SCALE);
	/* Behind a handshake it says nothing. */
	copy[59] = frame_ether_syn[59];
	copy[47] &= (uint8_t)~TCP_FLAG_SYN;
	parse_copy(copy, sizeof(copy), LINK_ETHERNET, sizeof(copy), false, &p);
	assert_int_equal(p.window_scale, PACKET_NO_SCALE);
	parse_copy(frame_ipv4_options, sizeof(frame_ipv4_options), LINK_ETHERNET,
		sizeof(frame_ipv4_options), true, &p);
	assert_int_equal(p.urgent, 3);
}

/* Eight tags are read, the ninth isn't; as many extension headers likewise. */
static void
test_depth(void **state)
{
	uint8_t frame[200] = {0};
	struct packet p;

	(void)state;
	for (unsigned tags = 1; tags <= 9; tags++) {
		size_t n = 12;

		for (unsigned i = 0; i < tags; i++) {
			memcpy(frame + n, (uint8_t[]){0x81, 0, 0, (uint8_t)(10 + i)}, 4);
			n += 4;
		}
		memcpy(frame + n, (uint8_t[]){8, 0}, 2);
		memcpy(frame + n + 2, frame_raw_ipv4, sizeof(frame_raw_ipv4));
		n += 2 + sizeof(frame_raw_ipv4);
		assert_int_equal(parse_copy(frame, n, LINK_ETHERNET, (uint32_t)n, true, &p),
			tags <= 8 ? HEADER_OK : HEADER_VLAN_DEEP);
		assert_int_equal(p.vlan[0], 10);
		assert_int_equal(p.vlan[1], tags <= 8 ? 9 + tags : 17);
	}
	for (unsigned headers = 0; headers <= 9; headers++) {
		size_t n = 40 + 8 * headers;

		memset(frame, 0, sizeof(frame));
		memcpy(frame, frame_ipv6_atomic, 40);
		frame[5] = (uint8_t)(8 * headers);
		frame[6] = headers > 0 ? 60 : 59;
		for (unsigned i = 0; i < headers; i++)
			frame[40 + 8 * i] = i + 1 < headers ? 60 : 59;
		assert_int_equal(parse_copy(frame, n, LINK_RAW, (uint32_t)n, true, &p),
			headers <= 8 ? HEADER_OK : HEADER_IP_EXTENSIONS);
	}
}

/* Both directions, all ports, and a tag more: one worker. */
static void
test_host_hash(void **state)
{
	struct packet a = {.family = 4, .address = {{10, 1, 2, 3}, {192, 0, 2, 9}}, .port = {1, 2}};
	struct packet b = {.family = 4, .address = {{192, 0, 2, 9}, {10, 1, 2, 3}}, .port = {9, 8}};
	struct packet c = {.family = 4, .address = {{192, 0, 2, 8}, {10, 1, 2, 3}}};
	struct packet none = {0};

	(void)state;
	assert_int_equal(packet_host_hash(&a), packet_host_hash(&b));
	assert_int_not_equal(packet_host_hash(&a), packet_host_hash(&c));
	assert_int_equal(packet_host_hash(&none), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_payload_of_bad_checksums),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_complete_to_zero),
		cmocka_unit_test(test_udp_zero),
		cmocka_unit_test(test_source_routed),
		cmocka_unit_test(test_tcp_options),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_host_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
