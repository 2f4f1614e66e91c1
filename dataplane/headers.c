/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/headers.h"

#include <string.h>

#include <rte_ip.h>

#include <xxhash.h>

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_QINQ_OLDER = 0x9200,
	TYPE_BY_VERSION = 1, /* raw IP: the version field tells */
};

enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DESTINATION = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8, ICMP_HEADER = 8 };
enum { TCP_HEADER_MAX = 60, TCP_CHECKSUM = 16, UDP_LENGTH = 4, UDP_CHECKSUM = 6 };

struct frame {
	struct rte_mbuf *m;
	uint32_t at;  /* the next header */
	uint32_t end; /* of what is there, bytes of padding cut off once the length is known */
	bool verify;
	bool partial;	   /* a partial checksum will do */
	bool cut;          /* by the capture */
	bool unverifiable; /* the pseudo header isn't known */
	bool reassembled;  /* each fragment's IP header was checked before */
	uint8_t scratch[64];
};

/* The next n bytes (at most 64), or NULL where so many aren't there. */
static const uint8_t *
look(struct frame *f, uint32_t n)
{
	if (n > f->end - f->at || n > sizeof(f->scratch))
		return NULL;
	return rte_pktmbuf_read(f->m, f->at, n, f->scratch);
}

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
add_vlan(struct packet *p, uint16_t tci)
{
	uint16_t id = tci & 0xfff;

	if (p->n_vlans == 0)
		p->vlan[0] = id;
	p->vlan[1] = id;
	p->n_vlans++;
}

/* Tags that the NIC or the kernel has taken out of the frame. */
static void
take_stripped_vlans(const struct rte_mbuf *m, struct packet *p)
{
	if (m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED)
		add_vlan(p, m->vlan_tci_outer);
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		add_vlan(p, m->vlan_tci);
}

/* BSD address families in either byte order: 2; and 24, 28, 30 for IPv6. */
static uint16_t
type_of_family(const uint8_t *h)
{
	uint32_t family = be32(h);

	if (family > 0xffff)
		family = (uint32_t)h[3] << 24 | (uint32_t)h[2] << 16 | (uint32_t)h[1] << 8 | h[0];
	if (family == 2)
		return TYPE_IPV4;
	return family == 10 || family == 24 || family == 28 || family == 30 ? TYPE_IPV6 : 0;
}

/* Take the link's own header; the type of what follows. */
static bool
link_header(struct frame *f, enum link link, uint16_t *ret_type)
{
	static const struct {
		uint8_t size, type_at;
	} links[LINKS] = {
		[LINK_ETHERNET] = {14, 12},
		[LINK_SLL] = {16, 14},
		[LINK_SLL2] = {20, 0},
		[LINK_NULL] = {4, 0},
		[LINK_LOOP] = {4, 0},
	};
	const uint8_t *h;

	if (link == LINK_RAW || link >= LINKS) {
		*ret_type = TYPE_BY_VERSION;
		return true;
	}
	h = look(f, links[link].size);
	if (h == NULL)
		return false;
	f->at += links[link].size;
	if (link == LINK_NULL || link == LINK_LOOP)
		*ret_type = type_of_family(h);
	else
		*ret_type = be16(h + links[link].type_at);
	return true;
}

static bool
type_is_vlan(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD ||
		type == TYPE_QINQ_OLDER;
}

/* From the frame's first byte to the IP header. HEADER_OK: f->at is there. */
static enum header_result
parse_link(struct frame *f, struct packet *p)
{
	const struct packet_meta *meta = packet_meta(f->m);
	const uint8_t *h;
	uint16_t type;

	take_stripped_vlans(f->m, p);
	if (!link_header(f, meta->link, &type))
		return HEADER_LINK_CUT;
	while (type_is_vlan(type)) {
		h = look(f, 4);
		if (h == NULL)
			return HEADER_LINK_CUT;
		if (p->n_vlans >= PACKET_VLANS_MAX)
			return HEADER_VLAN_DEEP;
		add_vlan(p, be16(h));
		type = be16(h + 2);
		f->at += 4;
	}
	p->l3_at = f->at;
	if (type != TYPE_IPV4 && type != TYPE_IPV6 && type != TYPE_BY_VERSION)
		return HEADER_NOT_IP;
	h = look(f, 1);
	if (h == NULL)
		return HEADER_IP_HEADER;
	p->family = h[0] >> 4;
	if ((p->family != 4 && p->family != 6) || (type == TYPE_IPV4 && p->family != 4) ||
		(type == TYPE_IPV6 && p->family != 6)) {
		p->family = 0;
		return HEADER_IP_VERSION;
	}
	return HEADER_OK;
}

/* The length by the IP header against the bytes that are there. */
static bool
apply_length(struct frame *f, uint32_t total, struct packet *p)
{
	uint32_t have = f->end - p->l3_at;

	if (total > have) {
		if (!f->cut)
			return false;
		p->missing = total - have;
	} else {
		f->end = p->l3_at + total;
	}
	p->l3_len = f->end - p->l3_at;
	return true;
}

/* RFC 791, 3.1. */
static enum header_result
parse_ipv4(struct frame *f, struct packet *p)
{
	const uint8_t *h = look(f, IPV4_HEADER);
	uint32_t size, total;
	uint16_t fragment;

	if (h == NULL)
		return HEADER_IP_HEADER;
	size = (h[0] & 0xfu) * 4;
	h = size < IPV4_HEADER ? NULL : look(f, size);
	if (h == NULL)
		return HEADER_IP_HEADER;
	memcpy(p->address[0], h + 12, 4);
	memcpy(p->address[1], h + 16, 4);
	p->protocol = h[9];
	fragment = be16(h + 6);
	total = be16(h + 2);
	if (total == 0 && !f->verify)
		total = f->end - f->at;
	if (total < size || !apply_length(f, total, p))
		return HEADER_IP_LENGTH;
	f->at += size;
	if (f->verify && !f->reassembled && rte_raw_cksum(h, size) != 0xffff)
		return HEADER_IP_CHECKSUM;
	/* More fragments, or an offset. */
	return fragment & 0x3fff ? HEADER_FRAGMENT : HEADER_OK;
}

/* RFC 8200, 3. */
static enum header_result
parse_ipv6(struct frame *f, struct packet *p)
{
	const uint8_t *h = look(f, IPV6_HEADER);
	uint32_t length;

	if (h == NULL)
		return HEADER_IP_HEADER;
	memcpy(p->address[0], h + 8, 16);
	memcpy(p->address[1], h + 24, 16);
	p->protocol = h[6];
	length = be16(h + 4);
	if (length == 0 && !f->verify)
		length = f->end - f->at - IPV6_HEADER;
	if (!apply_length(f, IPV6_HEADER + length, p))
		return HEADER_IP_LENGTH;
	f->at += IPV6_HEADER;
	return HEADER_OK;
}

static bool
is_extension(const struct packet *p)
{
	if (p->protocol == PROTO_AH)
		return true;
	return p->family == 6 &&
		(p->protocol == PROTO_HOP_BY_HOP || p->protocol == PROTO_ROUTING ||
			p->protocol == PROTO_FRAGMENT || p->protocol == PROTO_DESTINATION ||
			p->protocol == PROTO_MOBILITY || p->protocol == PROTO_HIP ||
			p->protocol == PROTO_SHIM6);
}

/* RFC 8200, 4.5. An atomic fragment (RFC 6946) is read as a whole packet. */
static enum header_result
parse_fragment_header(struct frame *f, struct packet *p, const uint8_t *h)
{
	uint16_t offset = be16(h + 2);

	p->protocol = h[0];
	if ((offset & 0xfff9) != 0)
		p->fragment_at = (uint16_t)(f->at - p->l3_at);
	f->at += 8;
	return (offset & 0xfff9) != 0 ? HEADER_FRAGMENT : HEADER_OK;
}

/* Extension headers of IPv6, and AH in either version, to the transport header. */
static enum header_result
parse_extensions(struct frame *f, struct packet *p)
{
	for (unsigned n = 0; is_extension(p); n++) {
		const uint8_t *h = look(f, 8);
		uint32_t size;

		if (h == NULL || n >= PACKET_EXTENSIONS_MAX)
			return HEADER_IP_EXTENSIONS;
		if (p->protocol == PROTO_FRAGMENT) {
			enum header_result r = parse_fragment_header(f, p, h);

			if (r != HEADER_OK)
				return r;
			continue;
		}
		/* RFC 4302, 2.2: in units of 4 bytes, minus 2; the others of 8, minus 1. */
		size = p->protocol == PROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		/* With segments left, the address in the pseudo header is the last one's. */
		if (p->protocol == PROTO_ROUTING && h[3] != 0)
			f->unverifiable = true;
		p->protocol = h[0];
		if (size > f->end - f->at)
			return HEADER_IP_EXTENSIONS;
		f->at += size;
	}
	return HEADER_OK;
}

/*
 * The sum of @p n bytes as 16-bit words in memory order, folded to 16 bits. The
 * order of words and the size of the sum don't matter to it (RFC 1071, section 2),
 * so eight bytes go at a time.
 */
static uint16_t
sum_words(const uint8_t *p, uint32_t n)
{
	uint64_t sum = 0, word, carry = 0;
	uint16_t last = 0;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, sizeof(word));
		carry += __builtin_add_overflow(sum, word, &sum);
	}
	sum = (sum & UINT32_MAX) + (sum >> 32) + carry;
	for (; n >= 2; p += 2, n -= 2) {
		memcpy(&last, p, sizeof(last));
		sum += last;
	}
	if (n > 0) {
		last = 0;
		memcpy(&last, p, 1);
		sum += last;
	}
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/*
 * The sum over a part of a chain. Not rte_raw_cksum_mbuf(): in DPDK 22.11 it cuts
 * a sum to 16 bits before it is folded, when a segment begins at an odd place.
 */
uint16_t
packet_sum(const struct rte_mbuf *m, uint32_t at, uint32_t length)
{
	uint32_t done = 0, sum = 0;

	for (; m != NULL && done < length; m = m->next) {
		uint32_t n = m->data_len;
		uint16_t part;

		if (at >= n) {
			at -= n;
			continue;
		}
		n = RTE_MIN(n - at, length - done);
		part = sum_words(rte_pktmbuf_mtod_offset(m, const uint8_t *, at), n);
		sum += done & 1 ? rte_bswap16(part) : part;
		sum = (sum & 0xffff) + (sum >> 16);
		done += n;
		at = 0;
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The pseudo header's, for so many bytes of TCP or UDP. RFC 9293, 3.1; RFC 8200, 8.1. */
static uint16_t
pseudo_sum(const struct packet *p, uint32_t length)
{
	uint8_t pseudo[40] = {0};

	if (p->family == 4) {
		memcpy(pseudo, p->address[0], 4);
		memcpy(pseudo + 4, p->address[1], 4);
	} else {
		memcpy(pseudo, p->address, 32);
	}
	/* The order of 16-bit words doesn't matter to the sum. */
	pseudo[33] = p->protocol;
	pseudo[34] = (uint8_t)(length >> 24);
	pseudo[35] = (uint8_t)(length >> 16);
	pseudo[36] = (uint8_t)(length >> 8);
	pseudo[37] = (uint8_t)length;
	return rte_raw_cksum(pseudo, sizeof(pseudo));
}

/* Is the sum over pseudo header and transport right? */
static bool
checksum_right(const struct frame *f, const struct packet *p, uint16_t pseudo)
{
	uint32_t all = (uint32_t)packet_sum(f->m, p->l4_at, f->end - p->l4_at) + pseudo;

	return (all & 0xffff) + (all >> 16) == 0xffff;
}

static uint32_t
checksum_at(const struct packet *p)
{
	return p->l4_at + (p->kind == PACKET_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
}

static enum header_result
checksum_result(const struct frame *f, const struct packet *p, enum header_result bad)
{
	uint16_t pseudo, field, scratch;

	if (f->unverifiable || p->missing > 0)
		return HEADER_OK;
	if ((f->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return HEADER_OK;
	pseudo = pseudo_sum(p, f->end - p->l4_at);
	if (checksum_right(f, p, pseudo))
		return HEADER_OK;
	if (f->partial) {
		memcpy(&field, rte_pktmbuf_read(f->m, checksum_at(p), sizeof(field), &scratch),
			sizeof(field));
		if (field == pseudo)
			return HEADER_PARTIAL_CHECKSUM;
	}
	return f->verify ? bad : HEADER_BAD_CHECKSUM_IGNORED;
}

/*
 * The window scale among the options of a SYN; elsewhere it counts for nothing.
 * RFC 9293, 3.1 and 3.2; RFC 7323, 2.2. What is damaged ends the list.
 */
static void
parse_syn_options(const uint8_t *o, uint32_t n, struct packet *p)
{
	while (n > 0 && o[0] != 0) {
		uint32_t size = o[0] == 1 ? 1 : n < 2 ? 0 : o[1];

		if (size == 0 || size > n || (o[0] != 1 && size < 2))
			return;
		if (o[0] == 3 && size == 3)
			p->window_scale = o[2] > 14 ? 14 : o[2];
		o += size;
		n -= size;
	}
}

static void
set_payload(const struct frame *f, struct packet *p, uint32_t header)
{
	p->payload_at = p->l4_at + header;
	p->payload_len = f->end - p->payload_at;
}

/* From a whole header of @p size bytes. */
static void
read_tcp(const uint8_t *h, uint32_t size, struct packet *p)
{
	p->port[0] = be16(h);
	p->port[1] = be16(h + 2);
	p->seq = be32(h + 4);
	p->ack = be32(h + 8);
	p->tcp_flags = h[13] & 0x3f;
	p->window = be16(h + 14);
	p->urgent = p->tcp_flags & TCP_FLAG_URG ? be16(h + 18) : 0;
	p->window_scale = PACKET_NO_SCALE;
	if (p->tcp_flags & TCP_FLAG_SYN)
		parse_syn_options(h + TCP_HEADER, size - TCP_HEADER, p);
}

static enum header_result
parse_tcp(struct frame *f, struct packet *p)
{
	const uint8_t *h = look(f, TCP_HEADER);
	uint32_t size;

	if (h == NULL)
		return HEADER_TCP_HEADER;
	size = (h[12] >> 4) * 4u;
	h = size < TCP_HEADER ? NULL : look(f, size);
	if (h == NULL)
		return HEADER_TCP_HEADER;
	p->kind = PACKET_TCP;
	read_tcp(h, size, p);
	set_payload(f, p, size);
	return checksum_result(f, p, HEADER_TCP_CHECKSUM);
}

/*
 * RFC 768. Bytes that the IP length has beyond the UDP length are taken as
 * payload too: they cross the wire, and whoever sends them may have a reader (UDP
 * options: RFC 9868).
 */
static enum header_result
parse_udp(struct frame *f, struct packet *p)
{
	const uint8_t *h = look(f, UDP_HEADER);
	uint32_t length, have = f->end - f->at;
	struct frame datagram = *f;

	if (h == NULL)
		return HEADER_UDP_HEADER;
	p->kind = PACKET_UDP;
	p->port[0] = be16(h);
	p->port[1] = be16(h + 2);
	length = be16(h + 4);
	if (length == 0 && !f->verify)
		length = have + p->missing;
	set_payload(f, p, UDP_HEADER);
	if (length < UDP_HEADER || length > have + p->missing)
		return HEADER_UDP_LENGTH;
	if (length < have) {
		datagram.end = f->at + length;
		p->surplus = have - length;
	}
	if (be16(h + 6) == 0) {
		if (p->family == 4 || f->unverifiable)
			return HEADER_OK;
		return f->verify ? HEADER_UDP_CHECKSUM : HEADER_BAD_CHECKSUM_IGNORED;
	}
	return checksum_result(&datagram, p, HEADER_UDP_CHECKSUM);
}

/* RFC 792, RFC 4443. A message shorter than its header is payload, all of it. */
static enum header_result
parse_icmp(struct frame *f, struct packet *p)
{
	uint32_t have = f->end - f->at;

	if (have >= ICMP_HEADER) {
		set_payload(f, p, ICMP_HEADER);
	} else if (have + p->missing < ICMP_HEADER) {
		set_payload(f, p, 0);
	} else {
		set_payload(f, p, have);
		p->missing -= ICMP_HEADER - have;
	}
	return HEADER_OK;
}

static enum header_result
parse_transport(struct frame *f, struct packet *p)
{
	if (p->protocol == PROTO_TCP)
		return parse_tcp(f, p);
	if (p->protocol == PROTO_UDP)
		return parse_udp(f, p);
	if (p->protocol == (p->family == 4 ? PROTO_ICMP : PROTO_ICMPV6)) {
		p->kind = PACKET_ICMP;
		return parse_icmp(f, p);
	}
	set_payload(f, p, 0);
	return HEADER_OK;
}

/* f->at is the IP header, p->family is known. */
static enum header_result
parse_ip(struct frame *f, struct packet *p)
{
	enum header_result r = p->family == 4 ? parse_ipv4(f, p) : parse_ipv6(f, p);

	if (r == HEADER_OK)
		r = parse_extensions(f, p);
	p->l4_at = f->at;
	p->kind = PACKET_OTHER;
	if (r == HEADER_FRAGMENT || r == HEADER_IP_CHECKSUM)
		set_payload(f, p, 0);
	/* No receiver takes it, but its bytes were on the wire: where they are, to count them. */
	if (r == HEADER_IP_CHECKSUM)
		(void)parse_transport(f, p);
	return r == HEADER_OK ? parse_transport(f, p) : r;
}

static struct frame
frame_of(struct rte_mbuf *m, enum verify verify)
{
	const struct packet_meta *meta = packet_meta(m);

	return (struct frame){.m = m,
		.end = rte_pktmbuf_pkt_len(m),
		.verify = verify != VERIFY_NO,
		.partial = verify == VERIFY_OR_COMPLETE,
		.cut = meta->cut || meta->wire_length > rte_pktmbuf_pkt_len(m)};
}

enum header_result
headers_parse(struct rte_mbuf *m, enum verify verify, struct packet *ret)
{
	struct frame f = frame_of(m, verify);
	enum header_result r;

	*ret = (struct packet){
		.mbuf = m, .time = packet_meta(m)->ts_us, .window_scale = PACKET_NO_SCALE};
	ret->kind = PACKET_OTHER;
	r = parse_link(&f, ret);
	return r == HEADER_OK ? parse_ip(&f, ret) : r;
}

enum header_result
headers_reparse(struct packet *p, enum verify verify)
{
	struct frame f = frame_of(p->mbuf, verify);
	struct packet old = *p;
	enum header_result r;

	*p = (struct packet){.mbuf = old.mbuf,
		.time = old.time,
		.window_scale = PACKET_NO_SCALE,
		.l3_at = old.l3_at,
		.vlan = {old.vlan[0], old.vlan[1]},
		.n_vlans = old.n_vlans,
		.family = old.family};
	p->kind = PACKET_OTHER;
	f.cut = false;
	f.reassembled = true;
	f.at = p->l3_at;
	if ((p->family != 4 && p->family != 6) || f.at > f.end)
		return HEADER_IP_HEADER;
	r = parse_ip(&f, p);
	/* A fragment inside of a whole datagram: nothing that a stack sends. */
	return r == HEADER_FRAGMENT ? HEADER_IP_EXTENSIONS : r;
}

struct bytes
packet_piece(const struct packet *p, uint32_t at)
{
	const struct rte_mbuf *m = p->mbuf;
	uint32_t from = p->payload_at, n;

	if (at >= p->payload_len)
		return bytes_of(NULL, 0);
	from += at;
	while (m != NULL && from >= m->data_len) {
		from -= m->data_len;
		m = m->next;
	}
	if (m == NULL)
		return bytes_of(NULL, 0);
	n = m->data_len - from;
	if (n > p->payload_len - at)
		n = p->payload_len - at;
	return bytes_of(rte_pktmbuf_mtod_offset(m, const uint8_t *, from), n);
}

void
packet_write(const struct packet *p, uint32_t at, struct bytes b)
{
	struct rte_mbuf *m = p->mbuf;

	while (m != NULL && b.n > 0) {
		uint32_t n;

		if (at >= m->data_len) {
			at -= m->data_len;
			m = m->next;
			continue;
		}
		n = (uint32_t)RTE_MIN(b.n, (size_t)(m->data_len - at));
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, at), b.p, n);
		b = bytes_skip(b, n);
		at += n;
	}
}

void
headers_complete_checksum(struct packet *p)
{
	uint32_t length = p->l3_at + p->l3_len - p->l4_at, sum, stated;
	uint16_t field = 0;
	uint8_t scratch[2];

	if (p->kind != PACKET_TCP && p->kind != PACKET_UDP)
		return;
	if (p->kind == PACKET_UDP) {
		stated = be16(rte_pktmbuf_read(p->mbuf, p->l4_at + UDP_LENGTH, 2, scratch));
		if (stated >= UDP_HEADER && stated < length)
			length = stated;
	}
	packet_write(p, checksum_at(p), bytes_of(&field, sizeof(field)));
	sum = (uint32_t)packet_sum(p->mbuf, p->l4_at, length) + pseudo_sum(p, length);
	field = (uint16_t)~((sum & 0xffff) + (sum >> 16));
	/* RFC 768: a UDP checksum of 0 says that there is none. */
	if (field == 0 && p->kind == PACKET_UDP)
		field = 0xffff;
	packet_write(p, checksum_at(p), bytes_of(&field, sizeof(field)));
	p->mbuf->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK;
}

void
headers_reread_tcp(struct packet *p)
{
	uint8_t scratch[TCP_HEADER_MAX];
	uint32_t size = p->payload_at - p->l4_at;

	if (size >= TCP_HEADER && size <= TCP_HEADER_MAX)
		read_tcp(rte_pktmbuf_read(p->mbuf, p->l4_at, size, scratch), size, p);
}

static uint32_t
host_hash(const uint8_t a[16], const uint8_t b[16])
{
	bool in_order = memcmp(a, b, 16) <= 0;
	uint8_t pair[32];

	memcpy(pair, in_order ? a : b, 16);
	memcpy(pair + 16, in_order ? b : a, 16);
	return (uint32_t)XXH3_64bits(pair, sizeof(pair));
}

uint32_t
packet_host_hash(const struct packet *p)
{
	return p->family == 0 ? 0 : host_hash(p->address[0], p->address[1]);
}

uint32_t
frame_host_hash(struct rte_mbuf *m)
{
	struct frame f = frame_of(m, VERIFY_NO);
	struct packet p = {0};
	const uint8_t *h;

	if (parse_link(&f, &p) != HEADER_OK)
		return 0;
	h = look(&f, p.family == 4 ? IPV4_HEADER : IPV6_HEADER);
	if (h == NULL)
		return 0;
	memcpy(p.address[0], h + (p.family == 4 ? 12 : 8), p.family == 4 ? 4 : 16);
	memcpy(p.address[1], h + (p.family == 4 ? 16 : 24), p.family == 4 ? 4 : 16);
	return packet_host_hash(&p);
}

const char *
header_result_name(enum header_result r)
{
	static const char *const names[] = {
#define X(symbol, unit, sentence) #symbol,
		HEADER_RESULTS(X)
#undef X
	};

	return r < HEADER_RESULTS_COUNT ? names[r] : "UNKNOWN";
}

const char *
header_result_sentence(enum header_result r)
{
	static const char *const sentences[] = {
#define X(symbol, unit, sentence) sentence,
		HEADER_RESULTS(X)
#undef X
	};

	return r < HEADER_RESULTS_COUNT ? sentences[r] : "";
}
