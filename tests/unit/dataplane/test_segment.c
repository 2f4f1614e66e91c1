/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Edits of TCP segments against a model: after every one the frame is, byte by byte,
 * what the model writes out anew; it is read as such; and the packet is what reading gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/segment.h"
#include "tests/support/dpdk.h"
#include "tests/unit/dataplane/tcp_frame.h"

static struct rte_mempool *pool;

/* NOP NOP TS, and each other alignment that fits. */
static const struct {
	const char *name;
	uint8_t n, options[40];
} option_sets[] = {
	{"none", 0, {0}},
	{"time stamps, aligned", 12, {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}},
	{"time stamps, at 0", 12, {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}},
	{"time stamps, at 1", 12, {1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0}},
	{"time stamps, at 3", 16, {3, 3, 7, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0}},
	{"of a SYN", 20,
		{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}},
	{"time stamps twice", 24,
		{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8, 10, 9, 9, 9, 9, 8, 8, 8, 8, 1, 1, 1}},
	{"SACK, Fast Open and unknown ones", 28,
		{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 34, 6, 1, 2, 3, 4, 30, 3, 1, 253, 4, 1, 2, 1,
			0, 7}},
	{"a length of 0", 8, {2, 4, 1, 2, 19, 0, 1, 1}},
	{"a length of 1", 8, {3, 1, 1, 1, 8, 10, 1, 1}},
	{"a length past the end", 12, {1, 5, 10, 1, 1, 1, 1, 8, 10, 1, 1, 1}},
	{"a kind without a length", 4, {1, 1, 1, 8}},
	{"the end, then more", 16, {1, 0, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 1}},
	{"forty bytes", 40, {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, [10] = 1, [11] = 254, [12] = 28}},
};

/* ---- the model's own edits ---- */

static bool
keep_few(uint8_t kind, uint8_t length)
{
	return (kind == 2 && length == 4) || (kind == 3 && length == 3) ||
		(kind == 4 && length == 2) || kind == 5 || (kind == 8 && length == 10);
}

/* Option by option, as RFC 9293, 3.1 has the list. @p stamps: last ones, and where */
static unsigned
model_strip(struct tcp_model *t)
{
	unsigned count = 0, i = 0;

	while (i < t->n_options && t->options[i] != 0) {
		unsigned length = i + 1 < t->n_options ? t->options[i + 1] : 0;

		if (t->options[i] == 1) {
			i++;
			continue;
		}
		if (length < 2 || i + length > t->n_options) {
			memset(t->options + i, 1, t->n_options - i);
			return count + 1;
		}
		if (!keep_few(t->options[i], (uint8_t)length)) {
			memset(t->options + i, 1, length);
			count++;
		}
		i += length;
	}
	for (unsigned k = i; k < t->n_options; k++)
		if (t->options[k] != 0) {
			memset(t->options + i, 0, t->n_options - i);
			return count + 1;
		}
	return count;
}

/* @return the places of all time stamps, as bits; @p set: write there */
static uint64_t
model_stamps(struct tcp_model *t, const uint8_t *set)
{
	uint64_t places = 0;

	for (unsigned i = 0; i < t->n_options && t->options[i] != 0;) {
		unsigned length = i + 1 < t->n_options ? t->options[i + 1] : 0;

		if (t->options[i] == 1) {
			i++;
			continue;
		}
		if (length < 2 || i + length > t->n_options)
			break;
		if (t->options[i] == 8 && length == 10) {
			places |= UINT64_C(1) << i;
			if (set != NULL)
				memcpy(t->options + i + 2, set, 8);
		}
		i += length;
	}
	return places;
}

/* ---- comparing ---- */

static void
read_out(const struct rte_mbuf *m, uint8_t *frame, uint32_t *ret_n)
{
	unsigned count = 0;

	*ret_n = 0;
	for (const struct rte_mbuf *i = m; i != NULL; i = i->next, count++) {
		assert_true(i->data_len > 0);
		memcpy(frame + *ret_n, rte_pktmbuf_mtod(i, const uint8_t *), i->data_len);
		*ret_n += i->data_len;
	}
	assert_int_equal(count, m->nb_segs);
	assert_int_equal(*ret_n, m->pkt_len);
}

/* The frame is the model's. A checksum of 0 and one of 0xffff are the same number (RFC 1624, 3). */
static void
check_bytes(const struct tcp_model *t, struct rte_mbuf *m, uint32_t l4_at, const char *what)
{
	uint8_t want[TCP_FRAME_MAX], have[TCP_FRAME_MAX];
	uint32_t n_want = model_write(t, want), n_have;

	read_out(m, have, &n_have);
	if (have[l4_at + 16] == 0xff && have[l4_at + 17] == 0xff && want[l4_at + 16] == 0 &&
		want[l4_at + 17] == 0)
		memset(have + l4_at + 16, 0, 2);
	if (n_want != n_have || memcmp(want, have, n_want) != 0) {
		for (uint32_t i = 0; i < n_want; i++)
			if (want[i] != have[i])
				print_message("%u: %02x, not %02x\n", i, have[i], want[i]);
		fail_msg("%s: %u bytes, not %u, or others", what, n_have, n_want);
	}
}

static void
check(const struct tcp_model *t, const struct packet *p, const char *what)
{
	struct packet again;

	check_bytes(t, p->mbuf, p->l4_at, what);
	assert_int_equal(headers_parse(p->mbuf, true, &again), HEADER_OK);
	assert_int_equal(again.payload_len, t->n);
	if (memcmp(&again, p, sizeof(again)) != 0)
		fail_msg("%s: the packet isn't what reading the frame gives", what);
}

static struct packet
packet_of(const struct tcp_model *t, size_t step, unsigned *seed)
{
	uint8_t frame[TCP_FRAME_MAX];
	uint32_t n = model_write(t, frame);
	struct packet p;

	assert_int_equal(headers_parse(model_frame(pool, frame, n, step, seed), true, &p),
		HEADER_OK);
	return p;
}

/* ---- edits, in step ---- */

enum { EDITS = 11 };

static void
edit_payload(struct tcp_model *t, struct packet *p, unsigned edit, unsigned *seed)
{
	uint32_t n = t->n == 0 ? 0 : (uint32_t)rand_r(seed) % (t->n + 1);
	uint32_t at = t->n == 0 ? 0 : (uint32_t)rand_r(seed) % t->n;
	uint8_t other[3000];

	if (n > 64 && edit < 2)
		n %= 64;
	if (edit < 2 && n > 0)
		t->padding = 0;
	if (edit == 0) {
		segment_cut_tail(p, n);
		t->n -= n;
	} else if (edit == 1) {
		segment_cut_head(p, n);
		t->seq += n;
		t->n -= n;
		memmove(t->payload, t->payload + n, t->n);
	} else {
		n = n > t->n - at ? t->n - at : n;
		for (uint32_t i = 0; i < n; i++)
			t->payload[at + i] = other[i] = edit == 2 ? (uint8_t)rand_r(seed) : 0;
		if (edit == 2)
			segment_overwrite(p, at, bytes_of(other, n));
		else
			segment_blank(p, at, n);
	}
}

static void
edit_options(struct tcp_model *t, struct packet *p, unsigned edit, unsigned *seed)
{
	uint32_t stamp = (uint32_t)rand_r(seed) * 3u, echo = (uint32_t)rand_r(seed) * 5u;
	uint32_t got_stamp, got_echo;
	uint8_t both[8];

	if (edit == 4) {
		assert_int_equal(segment_strip_options(p, keep_few), model_strip(t));
		return;
	}
	frame_put32(both, stamp);
	frame_put32(both + 4, echo);
	segment_set_stamps(p, stamp, echo);
	if (model_stamps(t, both) == 0) {
		assert_false(segment_stamps(p, &got_stamp, &got_echo));
		return;
	}
	assert_true(segment_stamps(p, &got_stamp, &got_echo));
	assert_true(got_stamp == stamp && got_echo == echo);
}

static void
edit(struct tcp_model *t, struct packet *p, unsigned what, unsigned *seed)
{
	uint32_t v = (uint32_t)rand_r(seed) << 1 ^ (uint32_t)rand_r(seed);

	if (what < 4) {
		edit_payload(t, p, what, seed);
	} else if (what < 6) {
		edit_options(t, p, what, seed);
	} else if (what == 6) {
		segment_set_seq(p, t->seq = v);
	} else if (what == 7) {
		segment_set_ack(p, t->ack = v);
	} else if (what == 8) {
		segment_set_window(p, t->window = (uint16_t)v);
	} else if (what == 9) {
		segment_set_flags(p, t->flags = (uint8_t)v);
		t->reserved = 0;
	} else {
		segment_clear_urgent(p);
		t->flags &= (uint8_t)~TCP_FLAG_URG;
		t->urgent = 0;
		t->reserved = 0;
	}
}

static struct tcp_model
some_model(unsigned set, unsigned *seed)
{
	struct tcp_model t = {.family = rand_r(seed) & 1 ? 4 : 6,
		.n_tags = (uint8_t)(rand_r(seed) % 4),
		.padding = rand_r(seed) & 1 ? 7 : 0,
		.flags = (uint8_t)rand_r(seed),
		.reserved = (uint8_t)rand_r(seed) & 0xf,
		.window = (uint16_t)rand_r(seed),
		.urgent = (uint16_t)rand_r(seed),
		.seq = 0xfffffff0u + (uint32_t)rand_r(seed) % 32,
		.ack = (uint32_t)rand_r(seed),
		.n_options = option_sets[set].n,
		.n = (uint32_t)rand_r(seed) % (rand_r(seed) & 1 ? 40 : 1400)};

	t.ip_options = (uint8_t)(rand_r(seed) % 3 * (t.family == 4 ? 4 : 8));
	memcpy(t.options, option_sets[set].options, sizeof(t.options));
	for (uint32_t i = 0; i < t.n; i++)
		t.payload[i] = (uint8_t)rand_r(seed);
	return t;
}

/* Each edit alone, on each kind of frame, in one piece and cut into pieces of every small size. */
static void
test_each_edit(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned set = 0; set < ARRAY_LEN(option_sets); set++)
		for (unsigned what = 0; what < EDITS; what++)
			for (size_t step = 1; step <= 24; step++) {
				struct tcp_model t = some_model(set, &seed);
				struct packet p = packet_of(&t, step < 24 ? step : 4000, NULL);

				edit(&t, &p, what, &seed);
				check(&t, &p, option_sets[set].name);
				rte_pktmbuf_free(p.mbuf);
			}
}

/* Any edits, in any order, on any chain. */
static void
test_any_edits(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		unsigned seed = round;
		struct tcp_model t = some_model((unsigned)rand_r(&seed) % ARRAY_LEN(option_sets),
			&seed);
		struct packet p = packet_of(&t, 1 + (size_t)rand_r(&seed) % 600, &seed);

		for (unsigned i = 0; i < 12; i++) {
			char what[64];
			unsigned which = (unsigned)rand_r(&seed) % EDITS;

			snprintf(what, sizeof(what), "round %u, edit %u of kind %u", round, i,
				which);
			edit(&t, &p, which, &seed);
			check(&t, &p, what);
		}
		rte_pktmbuf_free(p.mbuf);
	}
}

/* A wrong checksum isn't made right by anything: the receiver still sees the damage. */
static void
test_wrong_stays_wrong(void **state)
{
	unsigned seed = 5;

	(void)state;
	for (unsigned what = 0; what < EDITS; what++) {
		struct tcp_model t = some_model(1, &seed);
		struct packet p, again;

		t.n = 100;
		p = packet_of(&t, 33, NULL);
		/* Behind the source port's first byte; no edit touches it. */
		packet_write(&p, p.l4_at, bytes_of("\x01", 1));
		assert_int_equal(headers_parse(p.mbuf, true, &p), HEADER_TCP_CHECKSUM);
		edit(&t, &p, what, &seed);
		assert_int_equal(headers_parse(p.mbuf, true, &again), HEADER_TCP_CHECKSUM);
		rte_pktmbuf_free(p.mbuf);
	}
}

/* What lies outside of the payload is left out. */
static void
test_beyond(void **state)
{
	unsigned seed = 6;
	struct tcp_model t = some_model(1, &seed);
	struct packet p;

	(void)state;
	t.n = 10;
	p = packet_of(&t, 20, NULL);
	segment_overwrite(&p, 8, bytes_of("abcdef", 6));
	memcpy(t.payload + 8, "ab", 2);
	check(&t, &p, "past the end");
	segment_overwrite(&p, 10, bytes_of("abcdef", 6));
	segment_blank(&p, 4000, 5000);
	check(&t, &p, "behind the end");
	segment_blank(&p, 9, UINT32_MAX);
	t.payload[9] = 0;
	check(&t, &p, "blanked to the end");
	segment_cut_head(&p, 11);
	t.seq += 10;
	t.n = t.padding = 0;
	check(&t, &p, "more than all");
	segment_cut_tail(&p, 1);
	check(&t, &p, "nothing left");
	rte_pktmbuf_free(p.mbuf);
}

/* ---- made ones ---- */

/* A copy without payload is the model without it. */
static void
test_bare_copy(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		unsigned seed = round;
		struct tcp_model t = some_model(round % ARRAY_LEN(option_sets), &seed);
		struct packet p = packet_of(&t, 1 + (size_t)rand_r(&seed) % 400, &seed), bare;
		struct rte_mbuf *m = segment_bare_copy(&p, pool);

		assert_non_null(m);
		check(&t, &p, "the original");
		t.n = t.padding = t.reserved = 0;
		t.flags &= (uint8_t)~(TCP_FLAG_FIN | TCP_FLAG_PSH);
		assert_int_equal(headers_parse(m, true, &bare), HEADER_OK);
		check(&t, &bare, "a bare copy");
		assert_int_equal(bare.time, 77);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(p.mbuf);
	}
}

/* From a path and the numbers of a packet, the same packet. */
static void
test_build_again(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		unsigned seed = round;
		struct tcp_model t = some_model(round & 1, &seed);
		struct packet p = packet_of(&t, 1 + (size_t)rand_r(&seed) % 400, &seed), made;
		struct segment s = {.seq = t.seq,
			.ack = t.ack,
			.window = t.window,
			.flags = t.flags,
			.stamped = t.n_options > 0,
			.stamp = 0x01020304,
			.echo = 0x05060708,
			.payload = bytes_of(t.payload, t.n)};
		struct segment_path path;
		struct rte_mbuf *m;
		uint8_t id[2] = {0};

		segment_path_learn(&path, &p);
		assert_int_equal(path.n_link, 14 + 4 * t.n_tags);
		m = segment_build(pool, &path, &s);
		assert_non_null(m);
		t.padding = t.reserved = t.ip_options = 0;
		t.urgent = 0;
		assert_int_equal(headers_parse(m, true, &made), HEADER_OK);
		/* The model's identification, for the comparison. */
		if (t.family == 4) {
			uint8_t sum[2];

			packet_write(&made, made.l3_at + 4, bytes_of("\x12\x34", 2));
			packet_write(&made, made.l3_at + 10, bytes_of(id, 2));
			frame_put16(sum, frame_fold(frame_sum(
				rte_pktmbuf_mtod_offset(m, uint8_t *, made.l3_at), 20, 0)));
			packet_write(&made, made.l3_at + 10, bytes_of(sum, 2));
		}
		assert_int_equal(headers_parse(m, true, &made), HEADER_OK);
		check(&t, &made, "built again");
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(p.mbuf);
	}
}

static void
check_sacks(const struct segment *s, const struct segment_path *path, const uint8_t *want,
	uint32_t n_want)
{
	struct rte_mbuf *m = segment_build(pool, path, s);
	struct packet p;

	assert_non_null(m);
	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	assert_int_equal(p.payload_at - p.l4_at, 20 + n_want);
	assert_memory_equal(
		rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_at + 20), want, n_want);
	rte_pktmbuf_free(m);
}

/* RFC 2018, 3: kind 5, length 8n + 2, the edges of each block. */
static void
test_build_sacks(void **state)
{
	static const uint8_t four[36] = {1, 1, 5, 34, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0,
		0, 40, 0, 0, 0, 50, 0, 0, 0, 60, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1};
	static const uint8_t stamped[40] = {1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 8, 1, 1, 5, 26, 0, 0,
		0, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40, 0, 0, 0, 50, 0, 0, 0, 60};
	struct segment s = {.flags = TCP_FLAG_ACK,
		.stamp = 7,
		.echo = 8,
		.n_sacks = 4,
		.sacks = {{10, 20}, {30, 40}, {50, 60}, {0xffffffff, 1}}};
	struct segment_path path;
	unsigned seed = 1;
	struct tcp_model t = some_model(0, &seed);
	struct packet p = packet_of(&t, 4000, NULL);

	(void)state;
	segment_path_learn(&path, &p);
	check_sacks(&s, &path, four, sizeof(four));
	s.stamped = true;
	check_sacks(&s, &path, stamped, sizeof(stamped));
	rte_pktmbuf_free(p.mbuf);
}

static void
test_build_too_large(void **state)
{
	static const uint8_t zeros[70000];
	struct segment s = {.payload = bytes_of(zeros, 2048)};
	unsigned seed = 1;
	struct tcp_model t = some_model(0, &seed);
	struct packet p = packet_of(&t, 4000, NULL);
	struct segment_path path;

	(void)state;
	segment_path_learn(&path, &p);
	assert_null(segment_build(pool, &path, &s));
	s.payload.n = 65536 + 10;
	assert_null(segment_build(pool, &path, &s));
	rte_pktmbuf_free(p.mbuf);
}

/* What the model's frame is, with source and destination changed over. */
static void
test_path_turn(void **state)
{
	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		struct tcp_model t = {.family = (uint8_t)family, .n_tags = 2};
		struct packet p = packet_of(&t, 4000, NULL), back;
		struct segment s = {.flags = TCP_FLAG_ACK};
		struct segment_path path, turned;
		struct rte_mbuf *m;

		segment_path_learn(&path, &p);
		segment_path_turn(&turned, &path);
		m = segment_build(pool, &turned, &s);
		assert_int_equal(headers_parse(m, true, &back), HEADER_OK);
		assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *),
			"\x02\0\0\0\0\x05\x02\0\0\0\0\x09\x88\xa8\0\x64\x81\0\0\x65", 20);
		assert_memory_equal(back.address[0], p.address[1], 16);
		assert_memory_equal(back.address[1], p.address[0], 16);
		assert_true(back.port[0] == 25 && back.port[1] == 40112);
		assert_int_equal(
			rte_pktmbuf_mtod(m, uint8_t *)[22 + (family == 4 ? 8 : 7)], 64);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(p.mbuf);
	}
}

/* Tags that the port took out of the frame are in a made one; on other links nothing is. */
static void
test_path_stripped(void **state)
{
	struct tcp_model t = {.family = 4}, tagged = {.family = 4, .n_tags = 2};
	struct packet p = packet_of(&t, 4000, NULL), q = packet_of(&tagged, 4000, NULL);
	struct segment_path path, want;

	(void)state;
	p.mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED;
	p.mbuf->vlan_tci_outer = 100;
	p.mbuf->vlan_tci = 101;
	assert_int_equal(headers_parse(p.mbuf, true, &p), HEADER_OK);
	segment_path_learn(&path, &p);
	segment_path_learn(&want, &q);
	assert_memory_equal(&path, &want, sizeof(path));
	packet_meta(p.mbuf)->link = LINK_RAW;
	segment_path_learn(&path, &p);
	assert_int_equal(path.n_link, 0);
	rte_pktmbuf_free(p.mbuf);
	rte_pktmbuf_free(q.mbuf);
}

static int
start(void **state)
{
	(void)state;
	if (!dpdk_start("64"))
		return -1;
	pool = model_pool("segment");
	return 0;
}

/* Nothing is lost and nothing is given back twice. */
static int
stop(void **state)
{
	(void)state;
	return rte_mempool_avail_count(pool) == 2047 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_edit),
		cmocka_unit_test(test_any_edits),
		cmocka_unit_test(test_wrong_stays_wrong),
		cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_bare_copy),
		cmocka_unit_test(test_build_again),
		cmocka_unit_test(test_build_sacks),
		cmocka_unit_test(test_build_too_large),
		cmocka_unit_test(test_path_turn),
		cmocka_unit_test(test_path_stripped),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
