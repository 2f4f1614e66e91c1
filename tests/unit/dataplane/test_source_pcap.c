/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures as their formats define them: the pcap file header and record of
 * draft-ietf-opsawg-pcap, the blocks of draft-ietf-opsawg-pcapng, link types
 * of https://www.tcpdump.org/linktypes.html. The bytes are written here, not
 * by libpcap, which reads them in the code under test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/eal.h"
#include "dataplane/source.h"
#include "tests/support/cut.h"

enum { POOL = 2047, SEC = 1700000000 };

struct fixture {
	struct rte_mempool *pool;
	char folder[64];
	char path[2][96];
	unsigned warnings;
	char warning[SOURCE_ERROR_MAX];
};

static int
group_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct eal_config cfg = {.memory = 64 << 20};
	char why[EAL_ERROR_MAX];

	if (eal_start(&cfg, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	f->pool = eal_packet_pool("test", POOL, why, sizeof(why));
	strcpy(f->folder, P_tmpdir "/sluss-source-XXXXXX");
	if (f->pool == NULL || mkdtemp(f->folder) == NULL)
		return -1;
	for (unsigned i = 0; i < 2; i++)
		snprintf(f->path[i], sizeof(f->path[i]), "%s/%u.pcap", f->folder, i);
	*state = f;
	return 0;
}

static int
group_teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++)
		unlink(f->path[i]);
	rmdir(f->folder);
	rte_mempool_free(f->pool);
	free(f);
	eal_stop();
	return 0;
}

static void
on_warning(void *ctx, const char *line)
{
	struct fixture *f = ctx;

	f->warnings++;
	snprintf(f->warning, sizeof(f->warning), "%s", line);
}

/* ---- writing ---- */

static void
put(struct box *b, uint64_t value, unsigned n, bool big)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = (uint8_t)(value >> 8 * (big ? n - 1 - i : i));

		box_put(b, &c, 1);
	}
}

static void
put_pcap_header(struct box *b, uint32_t dlt, uint32_t magic, bool big)
{
	put(b, magic, 4, big);
	put(b, 2, 2, big);
	put(b, 4, 2, big);
	put(b, 0, 8, big);
	put(b, 262144, 4, big);
	put(b, dlt, 4, big);
}

static void
put_record(struct box *b, uint32_t fraction, uint32_t caplen, uint32_t len, uint8_t fill, bool big)
{
	put(b, SEC, 4, big);
	put(b, fraction, 4, big);
	put(b, caplen, 4, big);
	put(b, len, 4, big);
	for (uint32_t i = 0; i < caplen; i++)
		put(b, (uint8_t)(fill + i), 1, big);
}

static void
write_file(const char *path, const struct box *b, size_t n)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(b->p, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static struct source *
open_files(struct fixture *f, unsigned n, struct source_error *err)
{
	static const char *paths[2];

	for (unsigned i = 0; i < n; i++)
		paths[i] = f->path[i];
	f->warnings = 0;
	err->text[0] = '\0';
	return source_pcap_open(paths, n, f->pool, on_warning, f, err);
}

static struct source *
open_box(struct fixture *f, struct box *b, struct source_error *err)
{
	write_file(f->path[0], b, b->n);
	box_free(b);
	return open_files(f, 1, err);
}

/* All bytes of a packet are fill, fill + 1, …: also over segments. */
static void
assert_filled(const struct rte_mbuf *m, uint32_t n, uint8_t fill)
{
	uint32_t at = 0;

	assert_int_equal(rte_pktmbuf_pkt_len(m), n);
	for (; m != NULL; m = m->next)
		for (uint16_t i = 0; i < rte_pktmbuf_data_len(m); i++, at++)
			assert_int_equal(rte_pktmbuf_mtod(m, const uint8_t *)[i],
				(uint8_t)(fill + at));
	assert_int_equal(at, n);
}

static void
assert_end(struct fixture *f, struct source *s)
{
	struct rte_mbuf *m;

	assert_int_equal(source_burst(s, &m, 1), 0);
	assert_int_equal(source_state(s), SOURCE_END);
	source_close(s);
	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
}

/* ---- tests ---- */

static void
test_link_types(void **state)
{
	static const struct {
		uint32_t dlt;
		enum link link;
	} rows[] = {
		{1, LINK_ETHERNET},
		{101, LINK_RAW},
		{12, LINK_RAW},
		{14, LINK_RAW},
		{228, LINK_RAW},
		{229, LINK_RAW},
		{113, LINK_SLL},
		{276, LINK_SLL2},
		{0, LINK_NULL},
		{108, LINK_LOOP},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source_error err;
		struct box b = {0};
		struct rte_mbuf *m;
		struct source *s;

		put_pcap_header(&b, rows[i].dlt, 0xa1b2c3d4, false);
		put_record(&b, 123456, 60, 60, 7, false);
		s = open_box(f, &b, &err);
		assert_string_equal(err.text, "");
		assert_non_null(s);
		assert_int_equal(source_burst(s, &m, 1), 1);
		assert_int_equal(packet_meta(m)->link, rows[i].link);
		assert_int_equal(packet_meta(m)->ts_us, SEC * 1000000ull + 123456);
		assert_int_equal(packet_meta(m)->wire_length, 60);
		assert_false(packet_meta(m)->cut);
		assert_filled(m, 60, 7);
		rte_pktmbuf_free(m);
		assert_end(f, s);
	}
}

static void
test_unknown_link_type(void **state)
{
	struct fixture *f = *state;
	struct source_error err;
	struct box b = {0};

	put_pcap_header(&b, 195, 0xa1b2c3d4, false); /* IEEE 802.15.4 */
	assert_null(open_box(f, &b, &err));
	assert_non_null(strstr(err.text, "195"));
	assert_non_null(strstr(err.text, "0.pcap"));
}

static void
test_byte_order_and_nanoseconds(void **state)
{
	struct fixture *f = *state;

	for (unsigned big = 0; big < 2; big++) {
		struct source_error err;
		struct box b = {0};
		struct rte_mbuf *m;
		struct source *s;

		put_pcap_header(&b, 1, 0xa1b23c4d, big);
		put_record(&b, 123456789, 14, 14, 0, big);
		s = open_box(f, &b, &err);
		assert_non_null(s);
		assert_int_equal(source_burst(s, &m, 1), 1);
		assert_int_equal(packet_meta(m)->ts_us, SEC * 1000000ull + 123456);
		rte_pktmbuf_free(m);
		assert_end(f, s);
	}
}

static void
put_block(struct box *b, uint32_t type, const struct box *body)
{
	uint32_t total = 12 + (uint32_t)body->n;

	put(b, type, 4, false);
	put(b, total, 4, false);
	box_put(b, body->p, body->n);
	put(b, total, 4, false);
}

/* Section header, one interface (microseconds by default), one enhanced packet. */
static void
put_pcapng(struct box *b, uint32_t dlt, uint32_t caplen, uint32_t len, uint8_t fill)
{
	struct box shb = {0}, idb = {0}, epb = {0};
	uint64_t ts = SEC * 1000000ull + 42;

	put(&shb, 0x1a2b3c4d, 4, false);
	put(&shb, 1, 2, false);
	put(&shb, 0, 2, false);
	put(&shb, UINT64_MAX, 8, false);
	put_block(b, 0x0a0d0d0a, &shb);
	put(&idb, dlt, 2, false);
	put(&idb, 0, 2, false);
	put(&idb, 262144, 4, false);
	put_block(b, 1, &idb);
	put(&epb, 0, 4, false);
	put(&epb, ts >> 32, 4, false);
	put(&epb, ts & UINT32_MAX, 4, false);
	put(&epb, caplen, 4, false);
	put(&epb, len, 4, false);
	for (uint32_t i = 0; i < caplen; i++)
		put(&epb, (uint8_t)(fill + i), 1, false);
	put(&epb, 0, (4 - caplen % 4) % 4, false);
	put_block(b, 6, &epb);
	box_free(&shb);
	box_free(&idb);
	box_free(&epb);
}

static void
test_pcapng(void **state)
{
	struct fixture *f = *state;
	struct source_error err;
	struct box b = {0};
	struct rte_mbuf *m;
	struct source *s;

	put_pcapng(&b, 276, 57, 57, 3);
	s = open_box(f, &b, &err);
	assert_non_null(s);
	assert_int_equal(source_burst(s, &m, 1), 1);
	assert_int_equal(packet_meta(m)->link, LINK_SLL2);
	assert_int_equal(packet_meta(m)->ts_us, SEC * 1000000ull + 42);
	assert_filled(m, 57, 3);
	rte_pktmbuf_free(m);
	assert_end(f, s);
}

/* Three packets of 20 bytes; wherever the file is cut, the whole ones are read. */
static void
cut_anywhere(struct fixture *f, const struct box *b, const size_t *ends, size_t least)
{
	for (size_t cut = 0; cut <= b->n; cut++) {
		struct source_error err;
		struct source_stats stats;
		struct rte_mbuf *m[8];
		struct source *s;
		int whole = 0, n;

		while (whole < 3 && ends[whole] <= cut)
			whole++;
		write_file(f->path[0], b, cut);
		s = open_files(f, 1, &err);
		if (cut < least) {
			assert_null(s);
			assert_non_null(strstr(err.text, "0.pcap"));
			continue;
		}
		assert_non_null(s);
		n = source_burst(s, m, 8);
		assert_int_equal(n, whole);
		for (int i = 0; i < n; i++)
			assert_filled(m[i], 20, (uint8_t)i);
		rte_pktmbuf_free_bulk(m, (unsigned)n);
		source_stats(s, &stats);
		assert_int_equal(stats.packets, whole);
		assert_int_equal(stats.damaged_files, f->warnings);
		/* At a packet's end nothing is missing that anyone could know of. */
		if (cut == least || (whole > 0 && cut == ends[whole - 1]))
			assert_int_equal(f->warnings, 0);
		else
			assert_int_equal(f->warnings, 1);
		assert_end(f, s);
	}
}

static void
test_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct box b = {0};
	size_t ends[3];

	put_pcap_header(&b, 1, 0xa1b2c3d4, false);
	for (unsigned i = 0; i < 3; i++) {
		put_record(&b, i, 20, 20, (uint8_t)i, false);
		ends[i] = b.n;
	}
	cut_anywhere(f, &b, ends, 24);
	box_free(&b);
}

static void
test_snap_length(void **state)
{
	struct fixture *f = *state;
	struct source_error err;
	struct source_stats stats;
	struct box b = {0};
	struct rte_mbuf *m;
	struct source *s;

	put_pcap_header(&b, 1, 0xa1b2c3d4, false);
	put_record(&b, 0, 96, 1514, 9, false);
	s = open_box(f, &b, &err);
	assert_non_null(s);
	assert_int_equal(source_burst(s, &m, 1), 1);
	assert_true(packet_meta(m)->cut);
	assert_int_equal(packet_meta(m)->wire_length, 1514);
	assert_filled(m, 96, 9);
	rte_pktmbuf_free(m);
	source_stats(s, &stats);
	assert_int_equal(stats.cut, 1);
	assert_int_equal(stats.bytes, 1514);
	assert_int_equal(stats.read, stats.total);
	assert_end(f, s);
}

/* Frames of segmentation offload: larger than one buffer. */
static void
test_long_frames(void **state)
{
	static const uint32_t lengths[] = {0, 1, 2047, 2048, 2049, 4096, 65535, 262144};
	struct fixture *f = *state;
	struct source_error err;
	struct box b = {0};
	struct source *s;

	put_pcap_header(&b, 1, 0xa1b2c3d4, false);
	for (unsigned i = 0; i < 8; i++)
		put_record(&b, 0, lengths[i], lengths[i], (uint8_t)i, false);
	s = open_box(f, &b, &err);
	assert_non_null(s);
	for (unsigned i = 0; i < 8; i++) {
		struct rte_mbuf *m;

		assert_int_equal(source_burst(s, &m, 1), 1);
		assert_filled(m, lengths[i], (uint8_t)i);
		assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
		rte_pktmbuf_free(m);
	}
	assert_end(f, s);
}

static void
test_files_in_order(void **state)
{
	struct fixture *f = *state;
	struct source_stats stats;
	struct source_error err;
	struct rte_mbuf *m[4];
	struct box b = {0};
	struct source *s;

	put_pcap_header(&b, 1, 0xa1b2c3d4, false);
	put_record(&b, 0, 20, 20, 1, false);
	write_file(f->path[0], &b, b.n);
	box_free(&b);
	put_pcapng(&b, 101, 21, 21, 2);
	write_file(f->path[1], &b, b.n);
	box_free(&b);
	s = open_files(f, 2, &err);
	assert_non_null(s);
	assert_int_equal(source_burst(s, m, 4), 2);
	assert_int_equal(packet_meta(m[0])->link, LINK_ETHERNET);
	assert_int_equal(packet_meta(m[1])->link, LINK_RAW);
	assert_filled(m[0], 20, 1);
	assert_filled(m[1], 21, 2);
	rte_pktmbuf_free_bulk(m, 2);
	source_stats(s, &stats);
	assert_int_equal(stats.files, 2);
	assert_int_equal(stats.file, 2);
	assert_end(f, s);
}

/* Nothing is lost while all buffers are in other hands. */
static void
test_waits_for_buffers(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *held[POOL], *m[4];
	struct source_error err;
	struct box b = {0};
	struct source *s;
	unsigned n = 0;

	put_pcap_header(&b, 1, 0xa1b2c3d4, false);
	put_record(&b, 0, 20, 20, 1, false);
	put_record(&b, 0, 5000, 5000, 2, false);
	put_record(&b, 0, 20, 20, 3, false);
	s = open_box(f, &b, &err);
	assert_non_null(s);
	while (n < POOL && (held[n] = rte_pktmbuf_alloc(f->pool)) != NULL)
		n++;
	assert_int_equal(source_burst(s, m, 4), 0);
	assert_int_equal(source_state(s), SOURCE_OPEN);
	rte_pktmbuf_free_bulk(held + n - 2, 2);
	assert_int_equal(source_burst(s, m, 4), 1);
	assert_filled(m[0], 20, 1);
	rte_pktmbuf_free_bulk(held, n - 2);
	assert_int_equal(source_burst(s, m + 1, 3), 2);
	assert_filled(m[1], 5000, 2);
	assert_filled(m[2], 20, 3);
	rte_pktmbuf_free_bulk(m, 3);
	assert_end(f, s);
}

static void
test_bad_paths(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {"/nonexistent/x.pcap", f->folder, f->path[0]};
	static const char *const wants[] = {"check the path", "is a folder", "isn't a capture"};
	struct box b = {0};

	box_put(&b, "From: nobody\r\nThis is no capture at all.\r\n", 42);
	write_file(f->path[0], &b, b.n);
	box_free(&b);
	for (unsigned i = 0; i < 3; i++) {
		struct source_error err = {""};

		assert_null(source_pcap_open(&paths[i], 1, f->pool, on_warning, f, &err));
		assert_non_null(strstr(err.text, wants[i]));
		assert_non_null(strstr(err.text, paths[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_types),
		cmocka_unit_test(test_unknown_link_type),
		cmocka_unit_test(test_byte_order_and_nanoseconds),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_snap_length),
		cmocka_unit_test(test_long_frames),
		cmocka_unit_test(test_files_in_order),
		cmocka_unit_test(test_waits_for_buffers),
		cmocka_unit_test(test_bad_paths),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
