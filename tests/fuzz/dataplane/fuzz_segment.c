/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: sizes of mbufs, a count of edits, the edits (kind and number, 5 bytes each), then an
 * Ethernet frame. It is made right where its checksums aren't. Laws, after every edit: the frame
 * is read without a fault and as the packet says; what was set is read back; the payload is what
 * it would be; after the options were stripped there is none but those to keep, and
 * stripping again changes nothing. Nothing is written outside of the frame, and no buffer is lost.
 */
#include <stdint.h>

#include "dataplane/segment.h"
#include "tests/support/dpdk.h"
#include "tests/unit/dataplane/tcp_frame.h"

enum { EDIT = 5, FRAME_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
law(bool holds)
{
	if (!holds)
		abort();
}

struct state {
	struct packet p;
	uint32_t n;
	uint8_t payload[FRAME_BYTES_MAX];
};

static bool
keep_few(uint8_t kind, uint8_t length)
{
	return kind < 6 || (kind == 8 && length == 10);
}

static void
check(const struct state *s)
{
	struct packet again;
	uint32_t at = 0;
	struct bytes piece;

	law(headers_parse(s->p.mbuf, VERIFY_YES, &again) == HEADER_OK);
	law(memcmp(&again, &s->p, sizeof(again)) == 0);
	law(again.payload_len == s->n);
	while ((piece = packet_piece(&again, at)).n > 0) {
		law(memcmp(piece.p, s->payload + at, piece.n) == 0);
		at += (uint32_t)piece.n;
	}
	law(at == s->n);
}

static void
strip(struct state *s)
{
	uint8_t scratch[40];
	const uint8_t *o;
	uint32_t n = s->p.payload_at - s->p.l4_at - 20, i = 0;

	segment_strip_options(&s->p, keep_few);
	law(segment_strip_options(&s->p, keep_few) == 0);
	if (n == 0)
		return;
	o = rte_pktmbuf_read(s->p.mbuf, s->p.l4_at + 20, n, scratch);
	while (i < n && o[i] != 0) {
		if (o[i] != 1) {
			law(i + 1 < n && o[i + 1] >= 2 && i + o[i + 1] <= n);
			law(keep_few(o[i], o[i + 1]));
		}
		i += o[i] == 1 ? 1 : o[i + 1];
	}
	for (; i < n; i++)
		law(o[i] == 0);
}

static void
edit_payload(struct state *s, unsigned kind, uint32_t v)
{
	uint32_t n = v % (s->n + 1), at = s->n == 0 ? 0 : (v >> 16) % s->n;
	uint8_t other[64];

	if (kind == 0) {
		segment_cut_tail(&s->p, n);
		s->n -= n;
	} else if (kind == 1) {
		uint32_t seq = s->p.seq;

		segment_cut_head(&s->p, n);
		law(s->p.seq == seq + n);
		s->n -= n;
		memmove(s->payload, s->payload + n, s->n);
	} else {
		n = RTE_MIN(RTE_MIN(n, s->n - at), (uint32_t)sizeof(other));
		memset(other, kind == 2 ? (int)(v & 0xff) : 0, sizeof(other));
		memcpy(s->payload + at, other, n);
		if (kind == 2)
			segment_overwrite(&s->p, at, bytes_of(other, n));
		else
			segment_blank(&s->p, at, n);
	}
}

static void
edit_stamps(struct state *s, uint32_t v)
{
	uint32_t stamp, echo;

	segment_set_stamps(&s->p, v, ~v);
	if (segment_stamps(&s->p, &stamp, &echo))
		law(stamp == v && echo == ~v);
}

static void
edit_bare(const struct state *s, struct rte_mempool *pool)
{
	struct rte_mbuf *m = segment_bare_copy(&s->p, pool);
	struct packet p;

	if (m == NULL)
		return;
	law(headers_parse(m, VERIFY_YES, &p) == HEADER_OK);
	law(p.payload_len == 0 && p.seq == s->p.seq && p.ack == s->p.ack);
	law(p.tcp_flags == (s->p.tcp_flags & ~(TCP_FLAG_FIN | TCP_FLAG_PSH)));
	rte_pktmbuf_free(m);
}

static void
edit(struct state *s, unsigned kind, uint32_t v, struct rte_mempool *pool)
{
	if (kind < 4) {
		edit_payload(s, kind, v);
	} else if (kind == 4) {
		strip(s);
	} else if (kind == 5) {
		edit_stamps(s, v);
	} else if (kind == 6) {
		segment_set_seq(&s->p, v);
		law(s->p.seq == v);
	} else if (kind == 7) {
		segment_set_ack(&s->p, v);
		segment_set_window(&s->p, (uint16_t)v);
		law(s->p.ack == v && s->p.window == (uint16_t)v);
	} else if (kind == 8) {
		segment_set_flags(&s->p, (uint8_t)v);
		law(s->p.tcp_flags == (v & 0x3f));
	} else if (kind == 9) {
		segment_clear_urgent(&s->p);
		law(s->p.urgent == 0 && !(s->p.tcp_flags & TCP_FLAG_URG));
	} else {
		edit_bare(s, pool);
	}
}

/* Right checksums, so that most inputs get further. @return whether it is a TCP segment then */
static bool
make_right(struct packet *p)
{
	uint8_t header[60], sum[2] = {0};
	uint32_t n;

	if (!header_result_usable(headers_parse(p->mbuf, VERIFY_NO, p)) || p->kind != PACKET_TCP)
		return false;
	if (p->family == 4) {
		n = (*(const uint8_t *)rte_pktmbuf_read(p->mbuf, p->l3_at, 1, header) & 0xfu) * 4;
		packet_write(p, p->l3_at + 10, bytes_of(sum, 2));
		frame_put16(sum, frame_fold(frame_sum(
			rte_pktmbuf_read(p->mbuf, p->l3_at, n, header), n, 0)));
		packet_write(p, p->l3_at + 10, bytes_of(sum, 2));
	}
	headers_complete_checksum(p);
	/* Lengths that only a capture may have don't pass here. */
	return headers_parse(p->mbuf, VERIFY_YES, p) == HEADER_OK;
}

static void
run(const uint8_t *edits, unsigned n, struct rte_mempool *pool, struct rte_mbuf *m)
{
	static struct state s;

	s.p.mbuf = m;
	if (!make_right(&s.p))
		return;
	s.n = 0;
	for (struct bytes b; (b = packet_piece(&s.p, s.n)).n > 0; s.n += (uint32_t)b.n)
		memcpy(s.payload + s.n, b.p, b.n);
	check(&s);
	for (unsigned i = 0; i < n; i++, edits += EDIT) {
		uint32_t v = (uint32_t)edits[1] << 24 | (uint32_t)edits[2] << 16 |
			(uint32_t)edits[3] << 8 | edits[4];

		edit(&s, edits[0] % 11, v, pool);
		check(&s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rte_mempool *pool;
	struct rte_mbuf *m;
	unsigned n, seed;

	if (pool == NULL) {
		law(dpdk_start("64"));
		pool = model_pool("segment");
	}
	if (size < 3 || size > FRAME_BYTES_MAX)
		return 0;
	n = data[1] % 32;
	seed = data[0];
	if (size < 3 + n * EDIT)
		return 0;
	/* At most 2,047 mbufs: pieces of 4 bytes and more, where there are many. */
	m = model_frame(pool, data + 2 + n * EDIT, size - 2 - n * EDIT, 8u + data[0] * 8u, &seed);
	run(data + 2, n, pool, m);
	rte_pktmbuf_free(m);
	law(rte_mempool_avail_count(pool) == 2047);
	return 0;
}
