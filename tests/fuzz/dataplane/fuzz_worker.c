/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: a byte that chooses the worker, then frames, each with its link type and options (1 byte), a
 * step in time (1), a length (2, little-endian) and its bytes: a small capture.
 * It goes through a whole worker with tiny limits and the example policy.
 * Laws (world_flush()): every byte is accounted for; nothing is held of any flow
 * in the end; all packet buffers are back. And each event is one line.
 */
#include <stdint.h>
#include <stdlib.h>

#include <rte_mempool.h>

#include "dataplane/headers.h"
#include "tests/support/dpdk.h"
#include "tests/support/worker_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* What a worker holds is reached from DPDK's memory, where LeakSanitizer doesn't look. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

enum { HEAD = 4, FRAMES_MAX = 256, LENGTH_MAX = 1600, CHAINED_STEP = 50 };

/* What an input asks for, and options of a frame. */
enum { LENIENT, VERIFY, FEW_FLOWS, LITTLE_MEMORY, KINDS };
enum { CUT = 0x80, CHAINED = 0x40, BURST_ENDS = 0x20 };

static struct world *
first_world(void)
{
	struct world *w;

	if (!dpdk_start("256"))
		abort();
	w = world_new();
	w->cfg.log_messages = true;
	w->cfg.verify_checksums = false;
	w->cfg.limits.inspect_memory = 1 << 20;
	w->cfg.limits.flows = 64;
	w->cfg.limits.tcp_held = 2048;
	w->cfg.limits.tcp_held_segments = 4;
	w->cfg.limits.tcp_unacked = 1024;
	w->cfg.limits.tcp_held_total = 4096;
	w->cfg.limits.tcp_segments = 16;
	w->cfg.limits.fragment_datagrams = 4;
	w->cfg.limits.ndpi_flows = 4;
	w->cfg.limits.ndpi_packets = 4;
	w->cfg.inspect.first_bytes = 256;
	w->cfg.inspect.message_decoded = 65536;
	w->cfg.inspect.decode_depth = 4;
	w->cfg.inspect.message_parts = 8;
	w->cfg.inspect.header_field = 128;
	w->cfg.inspect.header_block = 1024;
	w->cfg.inspect.raw_message = 512;
	w->cfg.inspect.distinct_exact = 4;
	w->cfg.inspect.recipients = 2;
	w->cfg.inspect.transfers = 16;
	return w;
}

/* Workers live on from input to input: to make one takes nDPI too long. */
static struct world *
world_of(unsigned kind)
{
	static struct world *worlds[KINDS];
	struct world *w = worlds[kind];

	if (w != NULL)
		return w;
	if (worlds[LENIENT] == NULL) {
		worlds[LENIENT] = first_world();
		world_open(worlds[LENIENT], 1);
		return world_of(kind);
	}
	w = worlds[kind] = malloc(sizeof(*w));
	if (w == NULL)
		abort();
	*w = *worlds[LENIENT];
	w->events = NULL;
	w->n_events = 0;
	w->cfg.events.ctx = w;
	w->cfg.verify_checksums = kind == VERIFY;
	if (kind == FEW_FLOWS)
		w->cfg.limits.flows = 8;
	if (kind == LITTLE_MEMORY)
		w->cfg.inspect.flow_memory = 16384;
	world_open(w, 1);
	return w;
}

static uint64_t
step_us(uint8_t code)
{
	/* Mostly short; some longer than any timeout; some back. */
	if (code < 0xc0)
		return (uint64_t)code * 10;
	if (code < 0xf0)
		return UINT64_C(1) << (code & 0x2f);
	return (uint64_t)-(int64_t)(UINT64_C(1) << (code & 0xf));
}

static struct rte_mbuf *
mbuf_of(struct world *w, const uint8_t *p, size_t n, bool chained)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(w->pool), *last = first;
	size_t step = chained ? CHAINED_STEP : n, at = 0;

	if (first == NULL)
		abort();
	while (at < n) {
		size_t part = n - at < step ? n - at : step;

		if (at > 0) {
			last->next = rte_pktmbuf_alloc(w->pool);
			last = last->next;
			if (last == NULL)
				abort();
			first->nb_segs++;
		}
		memcpy(rte_pktmbuf_mtod(last, void *), p + at, part);
		last->data_len = (uint16_t)part;
		at += part;
	}
	first->pkt_len = (uint32_t)n;
	return first;
}

static void
play(struct world *w, const uint8_t *p, size_t size)
{
	struct rte_mbuf *burst[WORLD_BURST];
	uint64_t us = UINT64_C(1774000000000000);
	unsigned n = 0, frames = 0;

	while (size >= HEAD && frames++ < FRAMES_MAX) {
		size_t length = p[2] | (size_t)p[3] << 8;
		uint8_t options = p[0];
		struct rte_mbuf *m;

		length = length % (LENGTH_MAX + 1);
		if (length > size - HEAD)
			length = size - HEAD;
		us += step_us(p[1]);
		m = mbuf_of(w, p + HEAD, length, options & CHAINED);
		*packet_meta(m) = (struct packet_meta){.ts_us = us,
			.wire_length = (uint32_t)length + (options & CUT ? 7 : 0),
			.link = (uint8_t)((options & 0x0f) % LINKS),
			.cut = options & CUT};
		burst[n++] = m;
		w->packets++;
		if (n == WORLD_BURST || options & BURST_ENDS) {
			worker_burst(w->workers[0], burst, n);
			n = 0;
		}
		p += HEAD + length;
		size -= HEAD + length;
	}
	worker_burst(w->workers[0], burst, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w;

	if (size < 1 + HEAD || size > 65536)
		return 0;
	w = world_of(data[0] % KINDS);
	world_clear(w);
	play(w, data + 1, size - 1);
	world_flush(w);
	for (size_t i = 0; i < w->n_events; i++)
		if (w->events[i][0] != '{' || strchr(w->events[i], '\n') != NULL)
			abort();
	return 0;
}
