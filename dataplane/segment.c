/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/segment.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"

enum { MACS = 12, TAG = 4, IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, OPTIONS_MAX = 40 };

/* Places in the headers, in bytes from their start. */
enum {
	IPV4_LENGTH = 2,
	IPV4_CHECKSUM = 10,
	IPV6_LENGTH = 4,
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECKSUM = 16,
	TCP_URGENT = 18,
};

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_SACK = 5, OPTION_STAMPS = 8, STAMPS_LENGTH = 10 };

/* Of a path that no packet has shown yet: what most systems begin with. */
enum { HOP_LIMIT_USUAL = 64 };

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- checksums ---- */

static uint16_t
fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The sum over a part of the frame, for a checksum that counts from @p base on. */
static uint16_t
sum_from(const struct packet *p, uint32_t base, uint32_t at, uint32_t n)
{
	uint16_t sum = packet_sum(p->mbuf, at, n);

	/* At odd places each byte is the other half of its word. */
	return (at - base) & 1 ? rte_bswap16(sum) : sum;
}

/* What the checksum covers was summed as @p old, and is @p sum now (RFC 1624, equation 3). */
static void
checksum_follow(const struct packet *p, uint32_t at, uint16_t old, uint16_t sum)
{
	uint16_t scratch, check;

	memcpy(&check, rte_pktmbuf_read(p->mbuf, at, sizeof(check), &scratch), sizeof(check));
	check = (uint16_t)~fold((uint32_t)(uint16_t)~check + (uint16_t)~old + sum);
	packet_write(p, at, bytes_of(&check, sizeof(check)));
}

/* Put other bytes in a header's place, which begins at @p base, and let its checksum follow. */
static void
replace(const struct packet *p, uint32_t base, uint32_t checksum, uint32_t at, struct bytes other)
{
	uint16_t old = sum_from(p, base, base + at, (uint32_t)other.n);

	packet_write(p, base + at, other);
	checksum_follow(
		p, base + checksum, old, sum_from(p, base, base + at, (uint32_t)other.n));
}

static void
replace_tcp(const struct packet *p, uint32_t at, struct bytes other)
{
	replace(p, p->l4_at, TCP_CHECKSUM, at, other);
}

static void
replace_tcp32(const struct packet *p, uint32_t at, uint32_t v)
{
	uint8_t b[4];

	put32(b, v);
	replace_tcp(p, at, bytes_of(b, sizeof(b)));
}

static void
replace_tcp16(const struct packet *p, uint32_t at, uint16_t v)
{
	uint8_t b[2];

	put16(b, v);
	replace_tcp(p, at, bytes_of(b, sizeof(b)));
}

/* ---- making ---- */

/* Tags that the port took out of the frame go back where they were. */
static void
put_stripped(struct segment_path *path, const struct rte_mbuf *m)
{
	if (m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED) {
		put16(path->link + path->n_link, 0x88a8);
		put16(path->link + path->n_link + 2, m->vlan_tci_outer);
		path->n_link += TAG;
	}
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		put16(path->link + path->n_link, 0x8100);
		put16(path->link + path->n_link + 2, m->vlan_tci);
		path->n_link += TAG;
	}
}

void
segment_path_learn(struct segment_path *path, const struct packet *p)
{
	uint8_t link[SEGMENT_LINK_MAX], ip[IPV6_HEADER];
	const uint8_t *h;

	*path = (struct segment_path){.family = p->family, .port = {p->port[0], p->port[1]}};
	memcpy(path->address, p->address, sizeof(path->address));
	h = rte_pktmbuf_read(p->mbuf, p->l3_at, p->family == 4 ? IPV4_HEADER : IPV6_HEADER, ip);
	if (p->family == 4) {
		path->hop_limit = h[8];
		path->traffic_class = h[1] & 0xfc;
	} else {
		path->hop_limit = h[7];
		path->traffic_class = (uint8_t)(h[0] << 4 | h[1] >> 4) & 0xfc;
		path->flow_label = get32(h) & 0xfffff;
	}
	if (packet_meta(p->mbuf)->link != LINK_ETHERNET || p->n_vlans > PACKET_VLANS_MAX)
		return;
	h = rte_pktmbuf_read(p->mbuf, 0, p->l3_at, link);
	memcpy(path->link, h, MACS);
	path->n_link = MACS;
	put_stripped(path, p->mbuf);
	memcpy(path->link + path->n_link, h + MACS, p->l3_at - MACS);
	path->n_link += (uint8_t)(p->l3_at - MACS);
}

void
segment_path_turn(struct segment_path *ret, const struct segment_path *path)
{
	*ret = *path;
	memcpy(ret->link, path->link + MACS / 2, MACS / 2);
	memcpy(ret->link + MACS / 2, path->link, MACS / 2);
	for (int i = 0; i < 2; i++) {
		memcpy(ret->address[i], path->address[1 - i], sizeof(ret->address[i]));
		ret->port[i] = path->port[1 - i];
	}
	/* The one says nothing of the other end's. */
	ret->hop_limit = HOP_LIMIT_USUAL;
	ret->flow_label = 0;
}

/* RFC 7323, 3.2; RFC 2018, 3: each aligned as its appendix A likes it. @return their size */
static uint32_t
write_options(uint8_t *o, const struct segment *s)
{
	unsigned n_sacks = RTE_MIN(s->n_sacks, SEGMENT_SACKS_MAX - (s->stamped ? 1u : 0u));
	uint32_t n = 0;

	if (s->stamped) {
		memcpy(o, (uint8_t[]){OPTION_NOP, OPTION_NOP, OPTION_STAMPS, STAMPS_LENGTH}, 4);
		put32(o + 4, s->stamp);
		put32(o + 8, s->echo);
		n = 12;
	}
	if (n_sacks > 0) {
		memcpy(o + n, (uint8_t[]){OPTION_NOP, OPTION_NOP, OPTION_SACK, 0}, 4);
		o[n + 3] = (uint8_t)(2 + 8 * n_sacks);
		n += 4;
	}
	for (unsigned i = 0; i < n_sacks; i++, n += 8) {
		put32(o + n, s->sacks[i].from);
		put32(o + n + 4, s->sacks[i].to);
	}
	return n;
}

/* RFC 791, RFC 8200. The identification is 0, as "don't fragment" allows (RFC 6864, 4.1). */
static void
write_ip(uint8_t *ip, const struct segment_path *path, uint32_t n)
{
	if (path->family == 4) {
		memset(ip, 0, IPV4_HEADER);
		ip[0] = 0x45;
		ip[1] = path->traffic_class;
		put16(ip + IPV4_LENGTH, IPV4_HEADER + n);
		ip[6] = 0x40;
		ip[8] = path->hop_limit;
		ip[9] = 6;
		memcpy(ip + 12, path->address[0], 4);
		memcpy(ip + 16, path->address[1], 4);
		return;
	}
	put32(ip, 6u << 28 | (uint32_t)path->traffic_class << 20 | (path->flow_label & 0xfffff));
	put16(ip + IPV6_LENGTH, n);
	ip[6] = 6;
	ip[7] = path->hop_limit;
	memcpy(ip + 8, path->address, 32);
}

static void
write_tcp(uint8_t *tcp, const struct segment_path *path, const struct segment *s, uint32_t size)
{
	put16(tcp, path->port[0]);
	put16(tcp + 2, path->port[1]);
	put32(tcp + TCP_SEQ, s->seq);
	put32(tcp + TCP_ACK, s->ack);
	tcp[TCP_OFFSET] = (uint8_t)(size / 4 << 4);
	tcp[TCP_FLAGS] = s->flags;
	put16(tcp + TCP_WINDOW, s->window);
	put16(tcp + TCP_CHECKSUM, 0);
	put16(tcp + TCP_URGENT, 0);
}

/* Both checksums of a made frame; the fields are zero. */
static void
write_checksums(struct rte_mbuf *m, const struct segment_path *path, uint32_t l4_at, uint32_t n)
{
	uint32_t size = path->family == 4 ? 4 : 16, address_at = l4_at - 2 * size;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t check;

	if (path->family == 4) {
		check = (uint16_t)~packet_sum(m, path->n_link, IPV4_HEADER);
		memcpy(frame + path->n_link + IPV4_CHECKSUM, &check, sizeof(check));
	}
	/* Pseudo header: the addresses, which lie right before the TCP header, protocol, length. */
	check = (uint16_t)~fold((uint32_t)packet_sum(m, address_at, 2 * size) +
		packet_sum(m, l4_at, n) + rte_cpu_to_be_16(6) + rte_cpu_to_be_16((uint16_t)n));
	memcpy(frame + l4_at + TCP_CHECKSUM, &check, sizeof(check));
}

struct rte_mbuf *
segment_build(struct rte_mempool *pool, const struct segment_path *path, const struct segment *s)
{
	uint8_t options[OPTIONS_MAX];
	uint32_t n_options = write_options(options, s), size = TCP_HEADER + n_options;
	uint32_t l4_at = path->n_link + (path->family == 4 ? IPV4_HEADER : IPV6_HEADER);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *frame;

	if (m == NULL)
		return NULL;
	if (s->payload.n > UINT16_MAX ||
		l4_at + size + s->payload.n > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	frame = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(l4_at + size + s->payload.n));
	memcpy(frame, path->link, path->n_link);
	write_ip(frame + path->n_link, path, size + (uint32_t)s->payload.n);
	write_tcp(frame + l4_at, path, s, size);
	memcpy(frame + l4_at + TCP_HEADER, options, n_options);
	if (s->payload.n > 0)
		memcpy(frame + l4_at + size, s->payload.p, s->payload.n);
	write_checksums(m, path, l4_at, size + (uint32_t)s->payload.n);
	*packet_meta(m) = (struct packet_meta){
		.wire_length = rte_pktmbuf_pkt_len(m), .link = LINK_ETHERNET};
	return m;
}

/* ---- header fields ---- */

void
segment_set_seq(struct packet *p, uint32_t seq)
{
	replace_tcp32(p, TCP_SEQ, seq);
	p->seq = seq;
}

void
segment_set_ack(struct packet *p, uint32_t ack)
{
	replace_tcp32(p, TCP_ACK, ack);
	p->ack = ack;
}

void
segment_set_window(struct packet *p, uint16_t window)
{
	replace_tcp16(p, TCP_WINDOW, window);
	p->window = window;
}

void
segment_set_flags(struct packet *p, uint8_t flags)
{
	uint32_t size = p->payload_at - p->l4_at;

	replace_tcp16(p, TCP_OFFSET, (uint16_t)(size / 4 << 12 | flags));
	headers_reread_tcp(p);
}

/* The byte at @p at of the TCP header. */
static uint8_t
tcp_byte(const struct packet *p, uint32_t at)
{
	uint8_t scratch;

	return *(const uint8_t *)rte_pktmbuf_read(p->mbuf, p->l4_at + at, 1, &scratch);
}

void
segment_clear_urgent(struct packet *p)
{
	segment_set_flags(p, tcp_byte(p, TCP_FLAGS) & (uint8_t)~TCP_FLAG_URG);
	replace_tcp16(p, TCP_URGENT, 0);
	p->urgent = 0;
}

/* ---- options ---- */

/* A walk over the options: the one in hand, by its place. */
struct walk {
	const uint8_t *o;
	uint32_t n, at, size;
	bool ended;
	uint8_t scratch[OPTIONS_MAX];
};

static void
walk_begin(struct walk *w, const struct packet *p)
{
	uint32_t size = p->payload_at - p->l4_at;

	w->n = size < TCP_HEADER || size > TCP_HEADER + OPTIONS_MAX ? 0 : size - TCP_HEADER;
	w->at = w->size = 0;
	w->ended = false;
	w->o = w->n == 0 ? w->scratch
			 : rte_pktmbuf_read(p->mbuf, p->l4_at + TCP_HEADER, w->n, w->scratch);
}

/* The next one. Its size is 0 where it is malformed: no other follows. RFC 9293, 3.1. */
static bool
walk_next(struct walk *w)
{
	uint8_t kind;

	w->at += w->size;
	if (w->ended || w->at >= w->n)
		return false;
	kind = w->o[w->at];
	w->size = kind <= OPTION_NOP ? 1 : w->at + 1 < w->n ? w->o[w->at + 1] : 0;
	if (w->size > w->n - w->at || (kind > OPTION_NOP && w->size < 2))
		w->size = 0;
	w->ended = kind == OPTION_END || w->size == 0;
	return true;
}

static bool
walk_is(const struct walk *w, uint8_t kind, uint32_t size)
{
	return w->size == size && w->o[w->at] == kind;
}

/* Of several, the last: so do Linux and the BSDs read it. */
bool
segment_stamps(const struct packet *p, uint32_t *ret_stamp, uint32_t *ret_echo)
{
	bool found = false;
	struct walk w;

	for (walk_begin(&w, p); walk_next(&w);) {
		if (!walk_is(&w, OPTION_STAMPS, STAMPS_LENGTH))
			continue;
		*ret_stamp = get32(w.o + w.at + 2);
		*ret_echo = get32(w.o + w.at + 6);
		found = true;
	}
	return found;
}

void
segment_set_stamps(struct packet *p, uint32_t stamp, uint32_t echo)
{
	uint8_t both[8];
	struct walk w;

	put32(both, stamp);
	put32(both + 4, echo);
	for (walk_begin(&w, p); walk_next(&w);)
		if (walk_is(&w, OPTION_STAMPS, STAMPS_LENGTH))
			replace_tcp(p, TCP_HEADER + w.at + 2, bytes_of(both, sizeof(both)));
}

/* What lies behind the end of the list is to be zero (RFC 9293, 3.1, "Padding"). */
static unsigned
strip_padding(const struct walk *w, uint8_t *o)
{
	bool any = false;

	for (uint32_t i = w->at; i < w->n; i++) {
		any |= o[i] != 0;
		o[i] = 0;
	}
	return any;
}

unsigned
segment_strip_options(struct packet *p, bool (*keep)(uint8_t kind, uint8_t length))
{
	uint8_t o[OPTIONS_MAX];
	unsigned replaced = 0;
	struct walk w;

	walk_begin(&w, p);
	memcpy(o, w.o, w.n);
	while (walk_next(&w)) {
		if (o[w.at] == OPTION_END) {
			replaced += strip_padding(&w, o);
			continue;
		}
		if (o[w.at] == OPTION_NOP || (w.size > 0 && keep(o[w.at], (uint8_t)w.size)))
			continue;
		memset(o + w.at, OPTION_NOP, w.size > 0 ? w.size : w.n - w.at);
		replaced++;
	}
	if (replaced > 0) {
		replace_tcp(p, TCP_HEADER, bytes_of(o, w.n));
		headers_reread_tcp(p);
	}
	return replaced;
}

/* ---- payload ---- */

/* Take [at, at + n) out of one mbuf. What lies before it there, headers, moves up to the rest. */
static void
remove_from(struct rte_mbuf *m, uint32_t at, uint32_t n)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	if (at + n < m->data_len) {
		memmove(data + n, data, at);
		m->data_off = (uint16_t)(m->data_off + n);
	}
	m->data_len = (uint16_t)(m->data_len - n);
}

/* Take [at, at + n) out of a chain; what is empty then goes. The first mbuf has headers, always. */
static void
remove_range(struct rte_mbuf *first, uint32_t at, uint32_t n)
{
	struct rte_mbuf *m = first, *before = NULL;

	first->pkt_len -= n;
	while (m != NULL && n > 0) {
		struct rte_mbuf *next = m->next;
		uint32_t part;

		if (at >= m->data_len) {
			at -= m->data_len;
			before = m;
			m = next;
			continue;
		}
		part = RTE_MIN(n, m->data_len - at);
		remove_from(m, at, part);
		n -= part;
		if (m->data_len == 0 && before != NULL) {
			before->next = next;
			first->nb_segs--;
			rte_pktmbuf_free_seg(m);
		} else {
			before = m;
		}
		at = 0;
		m = next;
	}
}

/* The IP header's length, after @p n bytes less. */
static void
shorten_ip(struct packet *p, uint32_t n)
{
	uint8_t length[2];

	p->l3_len -= n;
	put16(length, p->family == 4 ? p->l3_len : p->l3_len - IPV6_HEADER);
	if (p->family == 4)
		replace(p, p->l3_at, IPV4_CHECKSUM, IPV4_LENGTH, bytes_of(length, 2));
	else
		packet_write(p, p->l3_at + IPV6_LENGTH, bytes_of(length, 2));
}

/* The sum of the payload and of its length, as the TCP checksum has them. */
static uint16_t
payload_sum(const struct packet *p)
{
	uint32_t length = p->l3_at + p->l3_len - p->l4_at;

	return fold((uint32_t)sum_from(p, p->l4_at, p->payload_at, p->payload_len) +
		rte_cpu_to_be_16((uint16_t)length));
}

/* Take payload away, from its byte @p at on, and what pads the frame. */
static void
cut(struct packet *p, uint32_t at, uint32_t n)
{
	struct packet_meta *meta = packet_meta(p->mbuf);
	uint32_t end = p->payload_at + p->payload_len;
	uint16_t old = payload_sum(p);

	if (rte_pktmbuf_pkt_len(p->mbuf) > end)
		remove_range(p->mbuf, end, rte_pktmbuf_pkt_len(p->mbuf) - end);
	remove_range(p->mbuf, p->payload_at + at, n);
	p->payload_len -= n;
	shorten_ip(p, n);
	checksum_follow(p, p->l4_at + TCP_CHECKSUM, old, payload_sum(p));
	meta->wire_length = rte_pktmbuf_pkt_len(p->mbuf);
}

void
segment_cut_tail(struct packet *p, uint32_t n)
{
	n = RTE_MIN(n, p->payload_len);
	if (n > 0)
		cut(p, p->payload_len - n, n);
}

void
segment_cut_head(struct packet *p, uint32_t n)
{
	n = RTE_MIN(n, p->payload_len);
	if (n == 0)
		return;
	cut(p, 0, n);
	segment_set_seq(p, p->seq + n);
}

void
segment_overwrite(struct packet *p, uint32_t at, struct bytes other)
{
	if (at >= p->payload_len)
		return;
	other.n = RTE_MIN(other.n, (size_t)(p->payload_len - at));
	if (other.n > 0)
		replace_tcp(p, p->payload_at - p->l4_at + at, other);
}

void
segment_blank(struct packet *p, uint32_t at, uint32_t n)
{
	static const uint8_t zeros[256];

	while (n > 0) {
		uint32_t part = RTE_MIN(n, (uint32_t)sizeof(zeros));

		segment_overwrite(p, at, bytes_of(zeros, part));
		at += part;
		n -= part;
	}
}

/* ---- copies ---- */

struct rte_mbuf *
segment_bare_copy(const struct packet *p, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct packet bare = *p;
	const uint8_t *h;
	uint8_t *frame;

	if (m == NULL)
		return NULL;
	if (p->payload_at > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	frame = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)p->payload_at);
	h = rte_pktmbuf_read(p->mbuf, 0, p->payload_at, frame);
	if (h != frame)
		memcpy(frame, h, p->payload_at);
	/* A tag that the port took out is put back from here. */
	m->ol_flags = p->mbuf->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	m->vlan_tci = p->mbuf->vlan_tci;
	m->vlan_tci_outer = p->mbuf->vlan_tci_outer;
	m->port = p->mbuf->port;
	*packet_meta(m) = *packet_meta(p->mbuf);
	packet_meta(m)->wire_length = rte_pktmbuf_pkt_len(m);
	packet_meta(m)->cut = false;
	bare.mbuf = m;
	bare.payload_len = 0;
	shorten_ip(&bare, p->payload_len);
	checksum_follow(&bare, p->l4_at + TCP_CHECKSUM, payload_sum(p), payload_sum(&bare));
	segment_set_flags(
		&bare, tcp_byte(&bare, TCP_FLAGS) & (uint8_t)~(TCP_FLAG_FIN | TCP_FLAG_PSH));
	return m;
}
