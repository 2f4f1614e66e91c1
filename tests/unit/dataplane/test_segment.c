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

			snprintf(what, sizeof(what), "round %u, edit %u of kind %u", round, i, which);
			edit(&t, &p, which, &seed);
			check(&t, &p, what);
		}
		rte_pktmbuf_free(p.mbuf);
	}
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
	};

	return cmocka_run_group_tests(tests, start, stop);
}
