/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: records of 8 bytes, each a segment, or something that the caller does. Laws: every
 * frame that leaves is whole, with right checksums; its payload was read before, at its place,
 * or is zero and acknowledged; each byte is read once, in order; a FIN leaves at one place,
 * and nothing behind it; after an RST no payload leaves; all buffers come back; every byte of
 * payload left, was dropped for a reason, or repeated another.
 */
#include <stdint.h>

#include "dataplane/normalise.h"
#include "tests/support/dpdk.h"
#include "tests/support/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORD = 8, SEGMENTS_MAX = 400, PAYLOAD_MAX = 64, STREAM_MAX = 1 << 16, POOL = 255 };

struct side {
	uint8_t read[STREAM_MAX];
	uint32_t n_read, begin; /* begin: sequence number of the first byte */
	bool begun, fin_left, absorbs;
	uint32_t fin, acked; /* by what the other side was given to say */
	bool acked_known;
};

struct world {
	struct normaliser n;
	struct side side[2];
	struct frame_ends ends;
	enum release answer;
	bool reset;
};

static struct rte_mempool *pool;
static uint64_t given; /* bytes of payload, ever: as the engine's counters count */

static void
law(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t
byte_of(const struct packet *p, uint32_t at)
{
	struct bytes b = packet_piece(p, at);

	law(b.n > 0);
	return b.p[0];
}

static enum release
on_read(void *ctx, enum direction dir, const struct packet *p)
{
	struct world *w = ctx;
	struct side *s = &w->side[dir];
	struct normaliser_numbers numbers;

	normaliser_numbers(&w->n, dir, &numbers);
	for (uint32_t i = 0; i < p->payload_len; i++) {
		uint32_t place;

		/* Before the first: numbers of before the handshake, blanked. */
		if (!s->begun && p->seq + i != numbers.read)
			continue;
		if (!s->begun)
			s->begin = p->seq + i;
		s->begun = true;
		place = p->seq + i - s->begin;
		if (place >= STREAM_MAX)
			continue;
		law(place <= s->n_read);
		if (place == s->n_read)
			s->read[s->n_read++] = byte_of(p, i);
	}
	return w->answer;
}

static void
check_payload(const struct side *s, const struct packet *p)
{
	for (uint32_t i = 0; i < p->payload_len; i++) {
		uint32_t seq = p->seq + i, place = seq - s->begin;
		uint8_t c = byte_of(p, i);

		if (c == 0 && s->acked_known && (int32_t)(seq - s->acked) < 0)
			continue;
		/* Before the stream's first byte: no receiver takes what is there. */
		if (c == 0 && (!s->begun || (int32_t)(seq - s->begin) < 0))
			continue;
		law(s->begun && place < s->n_read && c == s->read[place]);
	}
}

static void
on_send(void *ctx, enum direction dir, struct rte_mbuf *m)
{
	struct world *w = ctx;
	struct side *s = &w->side[dir];
	struct packet p;
	uint32_t end;

	law(headers_parse(m, true, &p) == HEADER_OK && p.port[0] == w->ends.port[dir]);
	end = p.seq + p.payload_len;
	check_payload(s, &p);
	law(p.payload_len == 0 || (!w->reset && !(p.tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST))));
	law(p.payload_len == 0 || !s->absorbs);
	law(!(p.tcp_flags & TCP_FLAG_URG));
	if (s->fin_left)
		law(p.payload_len == 0 || (int32_t)(end - s->fin) <= 0);
	if (p.tcp_flags & TCP_FLAG_FIN) {
		law(!w->reset && !s->absorbs && (!s->fin_left || s->fin == end));
		s->fin_left = true;
		s->fin = end;
	}
	w->reset |= p.tcp_flags & TCP_FLAG_RST && normaliser_state(&w->n) == NORMALISER_RESET;
	rte_pktmbuf_free(m);
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes other)
{
	law(other.n > 0);
}

static void
on_dropped(void *ctx, enum direction dir, enum normalise_drop why, struct bytes in)
{
	law(in.n > 0 && why < NORMALISE_DROPS_COUNT);
}

static const struct normalise_ops ops = {on_read, on_send, on_conflict, on_dropped};

static struct normalise_engine *
engine(void)
{
	static struct normalise_engine *e;

	if (e == NULL && dpdk_start("64")) {
		pool = rte_pktmbuf_pool_create("packets", POOL, 0,
			RTE_ALIGN(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN), 512,
			SOCKET_ID_ANY);
		e = normalise_engine_create(&(struct normalise_config){.flow_held = 256,
			.flow_segments = 8,
			.flow_unacked = 300,
			.held = 384,
			.segments = 24,
			.pool = pool,
			.socket = SOCKET_ID_ANY});
	}
	law(e != NULL && pool != NULL);
	return e;
}

/*
 * Record: flags and direction; sequence number; acknowledgement; length; window; what the copy
 * is like, time stamps.
 */
static struct rte_mbuf *
frame_of(struct world *w, const uint8_t *r, const uint32_t base[2])
{
	static const uint8_t flags[16] = {0x10, 0x10, 0x10, 0x10, 0x10, 0x18, 0x30, 0x11, 0x11,
		0x02, 0x02, 0x12, 0x12, 0x04, 0x14, 0x03};
	static struct frame f;
	int dir = r[0] >> 7;
	bool stamps = r[7] & 2;
	uint32_t n = r[5] % (PAYLOAD_MAX + 1), size = stamps ? 32 : 20;
	uint8_t *l4 = frame_ip(&f, &w->ends, dir == 0, 6, size + n, 1, 0x4000);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(l4, 0, size);
	frame_put16(l4, w->ends.port[dir]);
	frame_put16(l4 + 2, w->ends.port[1 - dir]);
	frame_put32(l4 + 4, base[dir] + (uint32_t)(int16_t)(r[1] | (r[0] & 0x40 ? r[2] << 8 : 0)));
	frame_put32(l4 + 8, base[1 - dir] + (uint32_t)(r[3] | (r[0] & 0x20 ? r[4] << 8 : 0)));
	l4[12] = (uint8_t)(size / 4 << 4);
	l4[13] = flags[r[0] & 15];
	frame_put16(l4 + 14, (uint32_t)r[6] << 4);
	if (stamps) {
		memcpy(l4 + 20, "\x01\x01\x08\x0a", 4);
		frame_put32(l4 + 24, r[7]);
	}
	for (uint32_t i = 0; i < n; i++)
		l4[size + i] = (uint8_t)(r[1] + i + (r[7] & 1 ? r[7] : 0));
	frame_checksum(l4, size + n, &w->ends, 6, 16);
	law(m != NULL);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.data, f.n);
	*packet_meta(m) = (struct packet_meta){.wire_length = f.n, .link = LINK_ETHERNET};
	return m;
}

static void
begin(struct world *w)
{
	*w = (struct world){.ends = frame_ends(4, 5, 40000, 25)};
	normaliser_open(&w->n, engine(), &ops, w);
}

/* Every byte that was given left, was dropped for a reason, or repeated another. */
static bool
settled(void)
{
	const struct normalise_counters *c = normalise_engine_counters(engine());
	uint64_t sum = c->released_bytes + c->swallowed_bytes;

	for (int i = 0; i < NORMALISE_DROPS_COUNT; i++)
		sum += c->drop_bytes[i];
	return sum == given;
}

/* @p in_hand: buffers that are ours */
static void
end(struct world *w, unsigned in_hand)
{
	normaliser_close(&w->n);
	law(settled());
	law(normalise_engine_references(engine()) == 0);
	law(rte_mempool_avail_count(pool) + in_hand == POOL);
}

/* Something that the caller does. */
static void
act(struct world *w, uint8_t what, enum direction dir)
{
	switch (what) {
	case 0:
		normaliser_release(&w->n, dir);
		law(!normaliser_holds(&w->n, dir));
		break;
	case 1:
		normaliser_absorb(&w->n, dir);
		w->side[dir].absorbs = true;
		break;
	case 2:
		normaliser_cut_off(&w->n, dir);
		w->side[dir].absorbs = true;
		break;
	default:
		w->answer = (enum release)(what % 2);
	}
}

static void
give(struct world *w, const uint8_t *r, const uint32_t base[2])
{
	enum direction dir = r[0] >> 7 ? DIR_SERVER : DIR_CLIENT;
	struct rte_mbuf *m = frame_of(w, r, base);
	struct packet p;
	struct side *peer;
	uint32_t n;

	law(headers_parse(m, true, &p) == HEADER_OK);
	n = p.payload_len;
	if (normaliser_state(&w->n) == NORMALISER_OPENING && r[7] & 0x80)
		normaliser_adopt(&w->n);
	for (int i = 0; i < 2; i++) {
		peer = &w->side[1 - dir];
		if (p.tcp_flags & TCP_FLAG_ACK &&
			(!peer->acked_known || (int32_t)(p.ack - peer->acked) > 0)) {
			peer->acked = p.ack;
			peer->acked_known = true;
		}
		if (normaliser_segment(&w->n, dir, &p) == NORMALISER_TAKEN) {
			given += n;
			return;
		}
		law(i == 0);
		end(w, 1);
		begin(w);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t bases[4][2] = {
		{0, 0}, {0xffffff80, 0x7fffffc0}, {0x7fffff80, 0xffffffe0}, {1u << 31, 1u << 30}};
	static struct world w;
	size_t n = 0;

	if (size < 1 + RECORD)
		return 0;
	(void)engine();
	begin(&w);
	for (const uint8_t *r = data + 1; (size_t)(data + size - r) >= RECORD && n < SEGMENTS_MAX;
		r += RECORD, n++) {
		if (r[7] % 16 == 15)
			act(&w, r[1] % 8, r[0] >> 7 ? DIR_SERVER : DIR_CLIENT);
		else
			give(&w, r, bases[data[0] % 4]);
	}
	end(&w, 0);
	return 0;
}
