/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: records of 8 bytes, each a segment (or a step in time) of a connection whose
 * payload byte at sequence number q is a function of q; a record may ask for a false copy,
 * which has its highest bit set. Laws: a delivered byte is one that was sent at
 * its place, true or false; a conflict differs from what was read; each direction's
 * account adds up; positions only grow; nothing follows an acknowledged end; all
 * references come back.
 */
#include <stdint.h>

#include "dataplane/tcp.h"
#include "tests/support/dpdk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORD = 8, SEGMENTS_MAX = 256, PAYLOAD_MAX = 64, LOW = 0x7f };

struct world {
	struct tcp_stream s;
	uint64_t position[2]; /* delivered and lost */
	uint64_t dropped[2];
	bool finished[2];
	unsigned resets;
};

static void
law(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t
byte_at(uint32_t seq, int dir)
{
	return (uint8_t)((seq * 2654435761u >> 25) ^ (uint32_t)dir) & LOW;
}

static void
on_data(void *ctx, enum direction dir, struct bytes in)
{
	struct world *w = ctx;
	/* Mbufs have one segment here, so each run is shown whole. */
	uint32_t seq = w->s.half[dir].next - (uint32_t)in.n;

	law(in.n > 0 && !w->finished[dir]);
	for (size_t i = 0; i < in.n; i++)
		law((in.p[i] & LOW) == byte_at(seq + (uint32_t)i, dir));
	w->position[dir] += in.n;
}

static void
on_gap(void *ctx, enum direction dir, uint64_t lost)
{
	struct world *w = ctx;

	law(lost > 0 && !w->finished[dir]);
	w->position[dir] += lost;
}

static void
on_finish(void *ctx, enum direction dir)
{
	struct world *w = ctx;

	law(!w->finished[dir]);
	w->finished[dir] = true;
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes other)
{
	/* Bytes at one place differ in their highest bit only, and true copies agree: of the
	 * two, one is false. */
	law(other.n > 0);
}

static void
on_dropped(void *ctx, enum direction dir, enum stream_drop why, struct bytes in)
{
	struct world *w = ctx;

	law(in.n > 0 && why < STREAM_DROPS_COUNT);
	w->dropped[dir] += in.n;
}

static void
on_reset(void *ctx)
{
	struct world *w = ctx;

	law(w->resets++ == 0);
}

static const struct stream_ops ops = {
	on_data, on_gap, on_finish, on_conflict, on_dropped, on_reset};

static const struct tcp_config config = {.flow_held = 256,
	.flow_segments = 8,
	.flow_unacked = 128,
	.held = 384,
	.segments = 24,
	.gap_timeout_us = 2000000,
	.socket = SOCKET_ID_ANY};

static struct tcp_engine *
engine(void)
{
	static struct tcp_engine *e;

	if (e == NULL && dpdk_start("64"))
		e = tcp_engine_create(&config);
	law(e != NULL);
	return e;
}

/*
 * Record: flags and direction; sequence number (signed, from a base that the first byte
 * chooses); acknowledgement; length; window; false copy, time.
 */
static struct packet
packet_of(const uint8_t *r, const uint32_t base[2], uint64_t *time, struct rte_mbuf **ret)
{
	static const uint8_t flags[16] = {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x18, 0x30, 0x11,
		0x11, 0x02, 0x12, 0x04, 0x14, 0x00, 0x01};
	int dir = r[0] >> 7;
	uint8_t payload[PAYLOAD_MAX];
	uint32_t n = r[5] % (PAYLOAD_MAX + 1);
	struct packet p = {.kind = PACKET_TCP, .family = 4, .window_scale = PACKET_NO_SCALE};

	p.tcp_flags = flags[r[0] & 15];
	p.seq = base[dir] + (uint32_t)(int32_t)(int16_t)(r[1] | (r[0] & 0x40 ? r[2] << 8 : 0));
	p.ack = base[1 - dir] + (uint32_t)(r[3] | (r[0] & 0x20 ? r[4] << 8 : 0));
	p.window = (uint16_t)(r[6] << (r[0] & 0x10 ? 8 : 2));
	if (p.tcp_flags & TCP_FLAG_SYN && r[7] & 2)
		p.window_scale = r[6] % 15;
	p.missing = r[7] & 0x80 ? 3 : 0;
	for (uint32_t i = 0; i < n; i++)
		payload[i] = byte_at(p.seq + !!(p.tcp_flags & TCP_FLAG_SYN) + i, dir) |
			(r[7] & 1 ? 0x80 : 0);
	*ret = exact_frame(payload, n, 0, LINK_RAW);
	p.mbuf = *ret;
	p.payload_len = n;
	*time += r[7] & 4 ? 3000000 : 10;
	p.time = *time;
	return p;
}

static void
end_stream(struct world *w)
{
	tcp_stream_close(&w->s);
	for (int d = 0; d < 2; d++) {
		const struct stream_account *a = &w->s.half[d].account;

		law(a->seen == a->delivered + a->retransmitted + a->dropped);
		law(w->position[d] == a->delivered + a->lost);
		law(w->dropped[d] == a->dropped);
	}
	law(tcp_engine_references(engine()) == 0);
	*w = (struct world){0};
	tcp_stream_open(&w->s, engine(), &ops, w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t bases[4][2] = {
		{0, 0}, {0xffffff80, 0x7fffffc0}, {0x7fffff80, 0xffffffe0}, {1u << 31, 1u << 30}};
	struct rte_mbuf *mbufs[SEGMENTS_MAX];
	struct world w = {0};
	uint64_t time = 1;
	size_t n = 0;

	if (size < 1 + RECORD)
		return 0;
	tcp_stream_open(&w.s, engine(), &ops, &w);
	for (const uint8_t *r = data + 1; (size_t)(data + size - r) >= RECORD && n < SEGMENTS_MAX;
		r += RECORD) {
		struct packet p = packet_of(r, bases[data[0] % 4], &time, &mbufs[n]);
		enum direction dir = r[0] >> 7 ? DIR_SERVER : DIR_CLIENT;

		n++;
		if (tcp_stream_segment(&w.s, dir, &p) == TCP_NEW_CONNECTION) {
			end_stream(&w);
			law(tcp_stream_segment(&w.s, dir, &p) == TCP_TAKEN);
		}
	}
	end_stream(&w);
	while (n > 0)
		law(exact_free(mbufs[--n]));
	return 0;
}
