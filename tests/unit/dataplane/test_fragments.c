/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams cut by hand, in every order; what contradicts itself never comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/fragments.h"
#include "tests/support/cut.h"
#include "tests/support/dpdk.h"
#include "tests/unit/dataplane/frames.h"

enum { SECOND = 1000000 };

struct bench {
	struct rte_mempool *pool;
	struct fragments *f;
	uint64_t time;
	bool keep;
};

static struct bench bench;

static int
set_up(void **state)
{
	const struct fragments_config cfg = {.datagrams = 4,
		.timeout_us = 30 * SECOND,
		.seed = 5,
		.socket = SOCKET_ID_ANY,
		.keep_originals = bench.keep};

	bench.time = SECOND;
	bench.f = fragments_create(&cfg);
	*state = &bench;
	return bench.f == NULL;
}

static int
set_up_watch(void **state)
{
	bench.keep = false;
	return set_up(state);
}

static int
set_up_inline(void **state)
{
	bench.keep = true;
	return set_up(state);
}

/* Every test ends with all mbufs back in their pool. */
static int
tear_down(void **state)
{
	fragments_destroy(bench.f);
	return rte_mempool_in_use_count(bench.pool) != 0;
}

static struct rte_mbuf *
pool_frame(const uint8_t *p, size_t n, enum link link)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench.pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), p, n);
	*packet_meta(m) = (struct packet_meta){
		.ts_us = bench.time, .wire_length = (uint32_t)n, .link = (uint8_t)link};
	return m;
}

/* The UDP datagram of frames.h's first fragment: header and 20 bytes, in three of 16, 8, 4. */
static void
datagram(uint8_t ret[28])
{
	memcpy(ret, frame_ipv4_fragment_first + 20, 16);
	memcpy(ret + 16, frame_ipv4_fragment_last + 20, 12);
}

/* RFC 791 header for bytes [at, at + n) of a datagram. */
static size_t
ipv4_fragment(uint8_t *ret, const uint8_t *p, uint16_t at, uint16_t n, bool more, uint16_t id)
{
	uint32_t sum = 0;

	memcpy(ret, frame_ipv4_fragment_first, 20);
	ret[2] = (uint8_t)((20 + n) >> 8);
	ret[3] = (uint8_t)(20 + n);
	ret[4] = (uint8_t)(id >> 8);
	ret[5] = (uint8_t)id;
	ret[6] = (uint8_t)((more ? 0x20 : 0) | at >> 11);
	ret[7] = (uint8_t)(at >> 3);
	ret[10] = ret[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ret[i] << 8 | ret[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	ret[10] = (uint8_t)(~sum >> 8);
	ret[11] = (uint8_t)~sum;
	memcpy(ret + 20, p, n);
	return 20u + n;
}

/* The same in IPv6, with or without a header of 8 bytes before the fragment header. */
static size_t
ipv6_fragment(uint8_t *ret, const uint8_t *p, uint16_t at, uint16_t n, bool more, bool options)
{
	size_t h = options ? 8 : 0;

	memcpy(ret, frame_ipv6_fragment, 40);
	ret[4] = 0;
	ret[5] = (uint8_t)(h + 8 + n);
	if (options) {
		ret[6] = 60;
		memcpy(ret + 40, (uint8_t[]){44, 0, 1, 4, 0, 0, 0, 0}, 8);
	}
	memcpy(ret + 40 + h,
		(uint8_t[]){17, 0, (uint8_t)(at >> 8), (uint8_t)(at | more), 0, 0, 0, 9}, 8);
	memcpy(ret + 48 + h, p, n);
	return 48 + h + n;
}

static enum fragment_result
feed(const uint8_t *p, size_t n, enum link link, struct packet *ret)
{
	struct rte_mbuf *m = pool_frame(p, n, link);

	assert_int_equal(headers_parse(m, true, ret), HEADER_FRAGMENT);
	return fragments_feed(bench.f, ret);
}

static enum fragment_result
feed_ipv4(const uint8_t *p, uint16_t at, uint16_t n, bool more, uint16_t id, struct packet *ret)
{
	uint8_t frame[2048];

	return feed(frame, ipv4_fragment(frame, p, at, n, more, id), LINK_RAW, ret);
}

static void
assert_payload(struct packet *p, const char *want)
{
	struct rte_mbuf *m[FRAGMENTS_MAX];
	struct box b = {0};
	struct bytes piece;

	assert_int_equal(headers_reparse(p, true), HEADER_OK);
	assert_int_equal(p->kind, PACKET_UDP);
	for (uint32_t at = 0; (piece = packet_piece(p, at)).n > 0; at += (uint32_t)piece.n)
		box_put(&b, piece.p, piece.n);
	assert_true(bytes_equal(bytes_of(b.p, b.n), bytes_str(want)));
	box_free(&b);
	if (bench.keep) {
		unsigned n = fragments_originals(p, m, FRAGMENTS_MAX);

		assert_in_range(n, 2, FRAGMENTS_MAX);
		rte_pktmbuf_free_bulk(m, n);
		assert_int_equal(fragments_originals(p, m, FRAGMENTS_MAX), 0);
	}
	rte_pktmbuf_free(p->mbuf);
}

static const struct {
	uint16_t at, n;
	bool more;
} parts[3] = {{0, 16, true}, {16, 8, true}, {24, 4, false}};

static const uint8_t orders[6][3] = {
	{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void
test_ipv4_orders(void **state)
{
	uint8_t d[28];
	struct packet p;

	(void)state;
	datagram(d);
	for (size_t o = 0; o < ARRAY_LEN(orders); o++)
		for (int i = 0; i < 3; i++) {
			uint8_t k = orders[o][i];
			enum fragment_result r = feed_ipv4(d + parts[k].at, parts[k].at, parts[k].n,
				parts[k].more, (uint16_t)o, &p);

			assert_int_equal(r, i < 2 ? FRAGMENT_HELD : FRAGMENT_WHOLE);
			if (i == 2)
				assert_payload(&p, "0123456789abcdefghij");
		}
	assert_int_equal(fragments_counters(bench.f)->reassembled, 6);
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 0);
}

/* The UDP checksum over IPv6 is checked by assert_payload(), so the bytes are right. */
static void
test_ipv6_orders(void **state)
{
	struct packet p;

	(void)state;
	for (int options = 0; options < 2; options++)
		for (int turned = 0; turned < 2; turned++)
			for (int i = 0; i < 2; i++) {
				bool first = i == turned;
				/* 8 bytes of UDP header and "six6", from the datagram of "sll2". */
				const uint8_t *u = frame_sll2 + 20 + 40;
				uint8_t frame[128];
				size_t n = first
					? ipv6_fragment(frame, u, 0, 8, true, options)
					: ipv6_fragment(frame, u + 8, 8, 4, false, options);
				enum fragment_result r;

				frame[(options ? 48 : 40) + 7] = (uint8_t)(2 * options + turned);
				r = feed(frame, n, LINK_RAW, &p);
				assert_int_equal(r, i == 0 ? FRAGMENT_HELD : FRAGMENT_WHOLE);
				if (i == 1)
					assert_payload(&p, "sll2");
			}
}

/* Padding behind a fragment, and a link header with a tag before it. */
static void
test_link_and_padding(void **state)
{
	uint8_t d[28], frame[128] = {0};
	struct packet p;

	(void)state;
	datagram(d);
	for (int i = 0; i < 2; i++) {
		memcpy(frame, frame_vlan_udp, 18);
		ipv4_fragment(frame + 18, i == 0 ? d : d + 16, i == 0 ? 0 : 16, i == 0 ? 16 : 12,
			i == 0, 3);
		assert_int_equal(feed(frame, 60, LINK_ETHERNET, &p),
			i == 0 ? FRAGMENT_HELD : FRAGMENT_WHOLE);
	}
	assert_int_equal(p.n_vlans, 1);
	assert_int_equal(p.vlan[0], 100);
	assert_payload(&p, "0123456789abcdefghij");
}

/* The same numbers on another VLAN: another datagram. */
static void
test_vlans_apart(void **state)
{
	uint8_t d[28], frame[128] = {0};
	struct packet p;

	(void)state;
	datagram(d);
	memcpy(frame, frame_vlan_udp, 18);
	ipv4_fragment(frame + 18, d, 0, 16, true, 3);
	assert_int_equal(feed(frame, 18 + 36, LINK_ETHERNET, &p), FRAGMENT_HELD);
	assert_int_equal(feed_ipv4(d + 16, 16, 12, false, 3, &p), FRAGMENT_HELD);
	fragments_flush(bench.f);
	assert_int_equal(fragments_counters(bench.f)->expired, 2);
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 28);
}

/* Overlaps, holes, doubles: none comes out, all are counted. */
static void
test_contradictions(void **state)
{
	static const struct {
		const char *name;
		struct {
			uint16_t at, n;
			bool more;
		} part[3];
	} cases[] = {
		{"teardrop", {{0, 16, true}, {8, 4, false}}},
		{"overlap in the middle", {{0, 16, true}, {8, 8, true}, {16, 8, false}}},
		{"a second beginning", {{0, 16, true}, {0, 8, true}}},
		{"a second end", {{16, 12, false}, {16, 11, false}}},
	};
	uint8_t d[28];
	struct packet p;

	(void)state;
	datagram(d);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum fragment_result r = FRAGMENT_HELD;

		for (int k = 0; k < 3 && cases[i].part[k].n > 0; k++) {
			r = feed_ipv4(d, cases[i].part[k].at, cases[i].part[k].n,
				cases[i].part[k].more, (uint16_t)i, &p);
			assert_int_not_equal(r, FRAGMENT_WHOLE);
		}
		assert_int_equal(r, FRAGMENT_LOST);
		assert_null(p.mbuf);
		assert_int_equal(fragments_counters(bench.f)->contradictory, i + 1);
	}
	assert_int_equal(fragments_counters(bench.f)->lost_bytes,
		(16 + 4) + (16 + 8 + 8) + (16 + 8) + (12 + 11));
}

/* Each packet twice, as some mirror ports show them; also when all is long done. */
static void
test_doubled(void **state)
{
	uint8_t d[28], other[28];
	struct packet p;

	(void)state;
	datagram(d);
	for (int again = 0; again < 2; again++)
		for (int i = 0; i < 6; i++) {
			const int k = i / 2;
			enum fragment_result r = feed_ipv4(
				d + parts[k].at, parts[k].at, parts[k].n, parts[k].more, 1, &p);
			bool doubled = again || i % 2 == 1;

			assert_int_equal(r,
				doubled		? FRAGMENT_DOUBLED
					: k < 2 ? FRAGMENT_HELD
						: FRAGMENT_WHOLE);
			if (r == FRAGMENT_WHOLE)
				assert_payload(&p, "0123456789abcdefghij");
		}
	assert_int_equal(fragments_counters(bench.f)->doubled, 9);
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 0);
	/* The same datagram after its time is another. */
	bench.time += 30 * SECOND + 1;
	for (int k = 0; k < 3; k++)
		assert_int_equal(
			feed_ipv4(d + parts[k].at, parts[k].at, parts[k].n, parts[k].more, 1, &p),
			k < 2 ? FRAGMENT_HELD : FRAGMENT_WHOLE);
	assert_payload(&p, "0123456789abcdefghij");
	/* The same place with another byte is no double. */
	feed_ipv4(d, 0, 16, true, 2, &p);
	memcpy(other, d, sizeof(d));
	other[9] ^= 1;
	assert_int_equal(feed_ipv4(other, 0, 16, true, 2, &p), FRAGMENT_LOST);
	/* And what was given up is read when it comes again. */
	assert_int_equal(feed_ipv4(d, 0, 16, true, 2, &p), FRAGMENT_HELD);
	assert_int_equal(feed_ipv4(d + 16, 16, 12, false, 2, &p), FRAGMENT_WHOLE);
	assert_payload(&p, "0123456789abcdefghij");
}

static void
test_bad_lengths(void **state)
{
	uint8_t d[1000] = {0};
	struct packet p;

	(void)state;
	assert_int_equal(feed_ipv4(d, 8, 0, true, 1, &p), FRAGMENT_LOST);
	assert_int_equal(feed_ipv4(d, 65528, 8, false, 1, &p), FRAGMENT_LOST);
	assert_int_equal(fragments_counters(bench.f)->too_long, 2);
	assert_int_equal(feed_ipv4(d, 8, 9, true, 1, &p), FRAGMENT_LOST);
	assert_int_equal(fragments_counters(bench.f)->unaligned, 1);
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 17);
}

static void
test_too_many(void **state)
{
	uint8_t d[8] = {0};
	struct packet p;

	(void)state;
	for (uint16_t i = 0; i < 8; i++)
		/* The first, six in the middle; for a seventh the library has no room. */
		assert_int_equal(feed_ipv4(d, (uint16_t)(i * 8), 8, true, 1, &p),
			i < 7 ? FRAGMENT_HELD : FRAGMENT_LOST);
	assert_int_equal(fragments_counters(bench.f)->contradictory, 1);
}

/* Time is the packets': 30 s after the first fragment it is too late. */
static void
test_timeout(void **state)
{
	uint8_t d[28];
	struct packet p;

	(void)state;
	datagram(d);
	feed_ipv4(d, 0, 16, true, 1, &p);
	bench.time += 30 * SECOND;
	assert_int_equal(feed_ipv4(d + 16, 16, 12, false, 1, &p), FRAGMENT_WHOLE);
	assert_payload(&p, "0123456789abcdefghij");
	feed_ipv4(d, 0, 16, true, 2, &p);
	bench.time += 30 * SECOND + 1;
	assert_int_equal(feed_ipv4(d + 16, 16, 12, false, 2, &p), FRAGMENT_HELD);
	assert_int_equal(fragments_counters(bench.f)->expired, 1);
	fragments_sweep(bench.f, bench.time + 30 * SECOND);
	assert_int_equal(fragments_counters(bench.f)->expired, 1);
	fragments_sweep(bench.f, bench.time + 30 * SECOND + 1);
	assert_int_equal(fragments_counters(bench.f)->expired, 2);
}

static void
test_full(void **state)
{
	uint8_t d[28];
	struct packet p;

	(void)state;
	datagram(d);
	for (uint16_t id = 0; id < 6; id++)
		assert_int_equal(
			feed_ipv4(d, 0, 16, true, id, &p), id < 4 ? FRAGMENT_HELD : FRAGMENT_LOST);
	assert_int_equal(fragments_counters(bench.f)->full, 2);
	/* Those that are in are still made whole. */
	assert_int_equal(feed_ipv4(d + 16, 16, 12, false, 2, &p), FRAGMENT_WHOLE);
	assert_payload(&p, "0123456789abcdefghij");
}

/* ---- inline: as they came ---- */

/* Frames of one datagram, each with what is needed to feed it. */
struct train {
	uint8_t frame[FRAGMENTS_MAX][2048];
	size_t n[FRAGMENTS_MAX];
	unsigned frames;
	enum link link;
};

/* Eight bytes in each but the last, which has 5; Ethernet, a tag, and padding to 64 bytes. */
static void
ipv4_train(struct train *t, unsigned frames, uint16_t id)
{
	uint8_t d[8];

	*t = (struct train){.frames = frames, .link = LINK_ETHERNET};
	for (unsigned i = 0; i < frames; i++) {
		bool more = i + 1 < frames;

		memset(d, (int)('a' + i), sizeof(d));
		memcpy(t->frame[i], frame_vlan_udp, 18);
		t->n[i] = 18 +
			ipv4_fragment(
				t->frame[i] + 18, d, (uint16_t)(i * 8), more ? 8 : 5, more, id);
		memset(t->frame[i] + t->n[i], (int)(0x50 + i), 64 - t->n[i]);
		t->n[i] = 64;
	}
}

static void
ipv6_train(struct train *t, unsigned frames, bool options, uint8_t id)
{
	uint8_t d[8];

	*t = (struct train){.frames = frames, .link = LINK_RAW};
	for (unsigned i = 0; i < frames; i++) {
		bool more = i + 1 < frames;

		memset(d, (int)('a' + i), sizeof(d));
		t->n[i] = ipv6_fragment(
			t->frame[i], d, (uint16_t)(i * 8), more ? 8 : 5, more, options);
		t->frame[i][(options ? 48 : 40) + 7] = id;
	}
}

static enum fragment_result
feed_of(const struct train *t, unsigned i, struct packet *ret)
{
	return feed(t->frame[i], t->n[i], t->link, ret);
}

/* The frames leave in the order of their offset, each byte as it was. */
static void
assert_originals(struct packet *p, const struct train *t)
{
	struct rte_mbuf *m[FRAGMENTS_MAX];

	assert_int_equal(fragments_originals(p, m, FRAGMENTS_MAX), t->frames);
	rte_pktmbuf_free(p->mbuf);
	for (unsigned i = 0; i < t->frames; i++) {
		assert_int_equal(rte_pktmbuf_pkt_len(m[i]), t->n[i]);
		assert_memory_equal(rte_pktmbuf_mtod(m[i], void *), t->frame[i], t->n[i]);
		assert_int_equal(packet_meta(m[i])->link, t->link);
		assert_int_equal(packet_meta(m[i])->ts_us, bench.time);
		assert_null(packet_meta(m[i])->original);
		rte_pktmbuf_free(m[i]);
	}
}

/* In order, backwards, the even ones first, or turned round. */
static unsigned
place_in(unsigned how, unsigned i, unsigned n)
{
	switch (how) {
	case 0:
		return i;
	case 1:
		return n - 1 - i;
	case 2:
		return i < (n + 1) / 2 ? 2 * i : 2 * (i - (n + 1) / 2) + 1;
	default:
		return (i + how) % n;
	}
}

static void
feed_train(const struct train *t, unsigned how)
{
	struct packet p;

	for (unsigned i = 0; i < t->frames; i++)
		assert_int_equal(feed_of(t, place_in(how, i, t->frames), &p),
			i + 1 < t->frames ? FRAGMENT_HELD : FRAGMENT_WHOLE);
	assert_originals(&p, t);
	assert_int_equal(rte_mempool_in_use_count(bench.pool), 0);
}

static void
test_originals(void **state)
{
	struct train t;

	(void)state;
	for (unsigned frames = 2; frames <= FRAGMENTS_MAX; frames++)
		for (unsigned how = 0; how < 6; how++) {
			uint16_t id = (uint16_t)(frames * 6 + how);

			ipv4_train(&t, frames, id);
			feed_train(&t, how);
			ipv6_train(&t, frames, how & 1, (uint8_t)id);
			feed_train(&t, how);
		}
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 0);
	assert_int_equal(fragments_counters(bench.f)->reassembled, 7 * 6 * 2);
}

/* A frame that doesn't fit a buffer comes in a chain, and leaves in it. */
static void
test_originals_in_chains(void **state)
{
	static uint8_t d[4000], frame[5000];
	struct rte_mbuf *m[FRAGMENTS_MAX];
	struct packet p;
	uint16_t id = 77;

	(void)state;
	memset(d, 'x', sizeof(d));
	for (int i = 0; i < 2; i++) {
		size_t n = ipv4_fragment(frame, d, (uint16_t)(i * 4000), 4000, i == 0, id);
		struct rte_mbuf *first = pool_frame(frame, 1000, LINK_RAW);

		for (size_t at = 1000; at < n; at += 1000) {
			size_t piece = n - at < 1000 ? n - at : 1000;
			struct rte_mbuf *next = pool_frame(frame + at, piece, LINK_RAW);

			/* What a pool's buffer may hold from an earlier use. */
			memset(packet_meta(next), 0xa5, sizeof(struct packet_meta));
			assert_int_equal(rte_pktmbuf_chain(first, next), 0);
		}
		packet_meta(first)->wire_length = (uint32_t)n;
		assert_int_equal(headers_parse(first, true, &p), HEADER_FRAGMENT);
		assert_int_equal(
			fragments_feed(bench.f, &p), i == 0 ? FRAGMENT_HELD : FRAGMENT_WHOLE);
		m[i + 2] = first;
	}
	assert_int_equal(fragments_originals(&p, m, 2), 2);
	assert_ptr_equal(m[0], m[2]);
	assert_ptr_equal(m[1], m[3]);
	assert_int_equal(m[0]->nb_segs, 5);
	assert_int_equal(rte_pktmbuf_pkt_len(m[0]), 4020);
	rte_pktmbuf_free_bulk(m, 2);
	rte_pktmbuf_free(p.mbuf);
}

/* One id for two datagrams: a receiver that lost a part of the first would mix them. */
static void
test_id_again(void **state)
{
	struct train t, again;
	struct packet p;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		uint64_t lost = fragments_counters(bench.f)->lost_bytes;

		for (int i = 0; i < 2; i++) {
			struct train *to = i == 0 ? &t : &again;

			if (family == 4)
				ipv4_train(to, 2, 9);
			else
				ipv6_train(to, 2, false, 9);
		}
		feed_train(&t, 0);
		/* The same bytes: not needed twice. */
		assert_int_equal(feed_of(&t, 0, &p), FRAGMENT_DOUBLED);
		assert_int_equal(feed_of(&t, 1, &p), FRAGMENT_DOUBLED);
		/* Others: held, and never let go. */
		for (unsigned i = 0; i < 2; i++)
			again.frame[i][family == 4 ? 38 : 48] ^= 1;
		assert_int_equal(feed_of(&again, 0, &p), FRAGMENT_HELD);
		assert_int_equal(feed_of(&again, 1, &p), FRAGMENT_LOST);
		assert_null(p.mbuf);
		assert_int_equal(fragments_counters(bench.f)->lost_bytes, lost + 13);
		assert_int_equal(rte_mempool_in_use_count(bench.pool), 0);
		/* After the timeout the id is free again. */
		bench.time += 30 * SECOND + 1;
		feed_train(&again, 1);
	}
	assert_int_equal(fragments_counters(bench.f)->reused, 2);
}

static void
test_no_buffers(void **state)
{
	struct rte_mbuf *all[256];
	unsigned n = 0;
	struct train t;
	struct packet p;

	(void)state;
	ipv4_train(&t, 2, 1);
	while ((all[n] = rte_pktmbuf_alloc(bench.pool)) != NULL)
		n++;
	rte_pktmbuf_free(all[--n]);
	assert_int_equal(feed_of(&t, 0, &p), FRAGMENT_LOST);
	assert_null(p.mbuf);
	assert_int_equal(fragments_counters(bench.f)->uncopied, 1);
	assert_int_equal(fragments_counters(bench.f)->lost_bytes, 8);
	rte_pktmbuf_free_bulk(all, n);
	/* And it is taken when it comes again. */
	feed_train(&t, 0);
}

/* What isn't whole at the end is freed; tear_down() counts. */
static void
test_end_while_held(void **state)
{
	struct train t;
	struct packet p;

	(void)state;
	for (uint16_t id = 0; id < 4; id++) {
		ipv4_train(&t, 8, id);
		for (unsigned i = 0; i < 7; i++)
			assert_int_equal(feed_of(&t, i, &p), FRAGMENT_HELD);
	}
	assert_int_equal(rte_mempool_in_use_count(bench.pool), 2 * 4 * 7);
}

static int
run_all(void)
{
#define T(name)                                                                                    \
	cmocka_unit_test_setup_teardown(name, set_up_watch, tear_down),                            \
		cmocka_unit_test_setup_teardown(name, set_up_inline, tear_down)
#define INLINE(name) cmocka_unit_test_setup_teardown(name, set_up_inline, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_ipv4_orders),
		T(test_ipv6_orders),
		T(test_link_and_padding),
		T(test_vlans_apart),
		T(test_contradictions),
		T(test_doubled),
		T(test_bad_lengths),
		T(test_too_many),
		T(test_timeout),
		T(test_full),
		INLINE(test_originals),
		INLINE(test_originals_in_chains),
		INLINE(test_id_again),
		INLINE(test_no_buffers),
		INLINE(test_end_while_held),
	};
#undef T
#undef INLINE

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	if (!dpdk_start("64"))
		return 1;
	bench.pool = rte_pktmbuf_pool_create("test", 255, 0, sizeof(struct packet_meta),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return bench.pool == NULL ? 1 : run_all();
}
