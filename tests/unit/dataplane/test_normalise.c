/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What leaves towards a TCP receiver, scenario by scenario, then a law on random
 * schedules. The expected traces are written by hand from RFC 9293, 5961, 2018,
 * 7323 and NORMALISING.md. Every frame that leaves is parsed with its checksums verified.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/normalise.h"
#include "tests/support/cut.h"
#include "tests/support/dpdk.h"
#include "tests/support/frame.h"

#define C DIR_CLIENT
#define S DIR_SERVER

enum { STEPS_MAX = 24, POOL = 511, STREAM_MAX = 4096, WINDOW = 8192 };

/* Options of a segment. */
enum {
	O_MSS = 1,
	O_SACK = 2,
	O_STAMPS = 4,
	O_FAST_OPEN = 8,
	O_MPTCP = 16,
	O_SCALE = 32, /* 7 */
	O_USUAL = O_MSS | O_SACK | O_STAMPS | O_SCALE,
};

enum op { SEGMENT, RELEASE, ABSORB, CUT_OFF, ANSWER, END };

/* Sequence numbers count from each side's base; its SYN is at 0. */
struct seg {
	uint8_t dir;
	const char *flags; /* of "SAFRUPECX" (X: a reserved bit); NULL ends the list */
	int64_t seq, ack;
	const char *data;
	unsigned window;  /* 0: WINDOW; 1 << 16: 0 */
	unsigned options; /* O_… */
	uint32_t stamp;	  /* TSval; TSecr is one less */
	enum op op;	  /* else: something else happens, in this direction */
	uint8_t answer;	  /* with ANSWER: what read() says from here on */
};

enum { SHUT = 1 << 16 };

struct scenario {
	const char *name;
	struct seg seg[STEPS_MAX];
	const char *want;
	const char *drops;   /* of payload and all: names, in order; NULL: none */
	bool new_connection; /* the last segment is one */
	bool adopt;
	unsigned unacked; /* 0: 10,000 */
};

struct world {
	struct normaliser n;
	struct normalise_engine *e;
	struct box trace, conflicts, dropped;
	uint32_t base[2];
	struct frame_ends ends;
	enum release answer[2];
	uint8_t read[2][STREAM_MAX];
	uint32_t n_read[2];
	int64_t read_from[2]; /* the stream's first byte, relative */
	int64_t acked[2];     /* as far as the receiver said */
	uint64_t given, shown; /* bytes of payload */
	void (*receive)(struct world *w, enum direction dir, const struct packet *p);
	void *receiver;
	bool quiet;
};

static struct rte_mempool *pool;

static void
put(struct box *b, const char *s)
{
	box_put(b, s, strlen(s));
}

/* ---- making segments ---- */

static uint8_t
flags_of(const char *s)
{
	static const char names[] = "FSRPAUEC";
	uint8_t flags = 0;

	for (; *s != 0; s++)
		if (*s != 'X')
			flags |= (uint8_t)(1 << (strchr(names, *s) - names));
	return flags;
}

static size_t
write_options(uint8_t *o, const struct seg *g)
{
	size_t n = 0;

	if (g->options & O_MSS) {
		memcpy(o + n, "\x02\x04\x05\xb4", 4);
		n += 4;
	}
	if (g->options & O_SACK) {
		memcpy(o + n, "\x01\x01\x04\x02", 4);
		n += 4;
	}
	if (g->options & O_SCALE) {
		memcpy(o + n, "\x01\x03\x03\x07", 4);
		n += 4;
	}
	if (g->options & O_STAMPS || g->stamp != 0) {
		memcpy(o + n, "\x01\x01\x08\x0a", 4);
		frame_put32(o + n + 4, g->stamp);
		frame_put32(o + n + 8, g->stamp - 1);
		n += 12;
	}
	if (g->options & O_FAST_OPEN) {
		memcpy(o + n, "\x22\x06\xaa\xbb\xcc\xdd\x01\x01", 8);
		n += 8;
	}
	if (g->options & O_MPTCP) {
		memcpy(o + n, "\x1e\x04\x00\x01", 4);
		n += 4;
	}
	return n;
}

static struct rte_mbuf *
frame_of(const struct world *w, const struct seg *g, const void *data, size_t n)
{
	static struct frame f;
	uint8_t options[40];
	size_t n_options = write_options(options, g), size = 20 + n_options;
	uint8_t *l4 = frame_ip(&f, &w->ends, g->dir == C, 6, size + n, 1, 0x4000);
	unsigned window = g->window == 0 ? WINDOW : g->window & 0xffff;
	uint8_t flags = flags_of(g->flags);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(l4, 0, 20);
	frame_put16(l4, w->ends.port[g->dir]);
	frame_put16(l4 + 2, w->ends.port[1 - g->dir]);
	frame_put32(l4 + 4, w->base[g->dir] + (uint32_t)g->seq);
	frame_put32(l4 + 8, flags & TCP_FLAG_ACK ? w->base[1 - g->dir] + (uint32_t)g->ack : 0);
	l4[12] = (uint8_t)(size / 4 << 4 | (strchr(g->flags, 'X') != NULL ? 2 : 0));
	l4[13] = flags;
	frame_put16(l4 + 14, window);
	frame_put16(l4 + 18, flags & TCP_FLAG_URG ? 1 : 0);
	memcpy(l4 + 20, options, n_options);
	if (n > 0)
		memcpy(l4 + size, data, n);
	frame_checksum(l4, size + n, &w->ends, 6, 16);
	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.data, f.n);
	*packet_meta(m) = (struct packet_meta){.wire_length = f.n, .link = LINK_ETHERNET};
	return m;
}

static enum normaliser_result
give(struct world *w, const struct seg *g, const void *data, size_t n)
{
	struct rte_mbuf *m = frame_of(w, g, data, n);
	struct packet p;
	enum normaliser_result r;

	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	if (p.tcp_flags & TCP_FLAG_ACK && g->ack > w->acked[1 - g->dir])
		w->acked[1 - g->dir] = g->ack;
	n = p.payload_len;
	r = normaliser_segment(&w->n, (enum direction)g->dir, &p);
	if (r == NORMALISER_NEW_CONNECTION)
		rte_pktmbuf_free(m);
	else
		w->given += n;
	return r;
}

/* ---- the trace: ">SA 0/1:data" for what the client sends, "<" for the server ---- */

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put_options(struct world *w, const struct packet *p)
{
	uint8_t scratch[40];
	uint32_t n = p->payload_at - p->l4_at - 20;
	const uint8_t *o = rte_pktmbuf_read(p->mbuf, p->l4_at + 20, n, scratch);
	char s[48];

	for (uint32_t at = 0; at < n; at += o[at] == 1 ? 1 : o[at + 1]) {
		if (o[at] == 1)
			continue;
		if (o[at] == 8) {
			snprintf(s, sizeof(s), " t%u/%u", o[at + 5], o[at + 9]);
			put(&w->trace, s);
		} else if (o[at] == 5) {
			int dir = p->port[0] == w->ends.port[0] ? S : C;

			for (uint32_t i = at + 2; i < at + o[at + 1]; i += 8) {
				snprintf(s, sizeof(s), " {%d-%d}",
					(int)(get32(o + i) - w->base[dir]),
					(int)(get32(o + i + 4) - w->base[dir]));
				put(&w->trace, s);
			}
		} else {
			snprintf(s, sizeof(s), " o%u", o[at]);
			put(&w->trace, s);
		}
	}
}

static void
put_segment(struct world *w, enum direction dir, const struct packet *p)
{
	static const char names[] = "FSRPAUEC";
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->l4_at);
	char s[64];

	snprintf(s, sizeof(s), "%s%c", w->trace.n > 0 ? " " : "", dir == C ? '>' : '<');
	put(&w->trace, s);
	for (int i = 0; i < 8; i++)
		if (l4[13] & 1 << i)
			box_put(&w->trace, &names[i], 1);
	if (l4[12] & 0x0f)
		put(&w->trace, "X");
	snprintf(s, sizeof(s), "%d", (int)(p->seq - w->base[dir]));
	put(&w->trace, s);
	if (p->tcp_flags & TCP_FLAG_ACK) {
		snprintf(s, sizeof(s), "/%d", (int)(p->ack - w->base[1 - dir]));
		put(&w->trace, s);
	}
	if (p->window != WINDOW) {
		snprintf(s, sizeof(s), " w%u", p->window);
		put(&w->trace, s);
	}
	put_options(w, p);
	if (p->payload_len > 0)
		put(&w->trace, ":");
	for (uint32_t at = 0; at < p->payload_len; at++) {
		uint8_t c = packet_piece(p, at).p[0];

		box_put(&w->trace, c == 0 ? "0" : (const char *)&c, 1);
	}
}

/* ---- the law: what leaves was read, or is zero and acknowledged ---- */

static void
check_bytes(const struct world *w, enum direction dir, const struct packet *p)
{
	int64_t at = (int32_t)(p->seq - w->base[dir]);

	for (uint32_t i = 0; i < p->payload_len; i++, at++) {
		uint8_t c = packet_piece(p, i).p[0];
		int64_t place = at - w->read_from[dir];

		if (c == 0 && at < w->acked[dir])
			continue;
		assert_true(place >= 0 && place < w->n_read[dir]);
		assert_int_equal(c, w->read[dir][place]);
	}
}

static enum release
on_read(void *ctx, enum direction dir, const struct packet *p)
{
	struct world *w = ctx;
	int64_t at = (int32_t)(p->seq - w->base[dir]);

	w->shown += p->payload_len;
	if (w->n_read[dir] == 0 && p->payload_len > 0)
		w->read_from[dir] = at;
	for (uint32_t i = 0; i < p->payload_len; i++, at++) {
		int64_t place = at - w->read_from[dir];

		assert_true(place <= w->n_read[dir] && w->n_read[dir] < STREAM_MAX);
		if (place == w->n_read[dir])
			w->read[dir][w->n_read[dir]++] = packet_piece(p, i).p[0];
	}
	check_bytes(w, dir, p);
	return w->answer[dir];
}

static void
on_send(void *ctx, enum direction dir, struct rte_mbuf *m)
{
	struct world *w = ctx;
	struct packet p;

	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	assert_int_equal(p.port[0], w->ends.port[dir]);
	assert_true(rte_pktmbuf_pkt_len(m) == p.l3_at + p.l3_len);
	check_bytes(w, dir, &p);
	if (!w->quiet)
		put_segment(w, dir, &p);
	if (w->receive != NULL)
		w->receive(w, dir, &p);
	rte_pktmbuf_free(m);
}

static void
on_conflict(void *ctx, enum direction dir, uint64_t at, struct bytes other)
{
	struct world *w = ctx;
	char s[32];

	snprintf(s, sizeof(s), "%s%c%llu:", w->conflicts.n > 0 ? " " : "", dir == C ? 'c' : 's',
		(unsigned long long)at);
	put(&w->conflicts, s);
	box_put(&w->conflicts, other.p, other.n);
}

static void
on_dropped(void *ctx, enum direction dir, enum normalise_drop why, struct bytes in)
{
	struct world *w = ctx;

	assert_true(in.n > 0);
	assert_true(why != NORMALISE_DROP_NO_ROOM && why != NORMALISE_DROP_REFUSED);
	put(&w->dropped, w->dropped.n > 0 ? " " : "");
	put(&w->dropped, normalise_drop_name(why));
	put(&w->dropped, ":");
	box_put(&w->dropped, in.p, in.n);
}

static const struct normalise_ops ops = {on_read, on_send, on_conflict, on_dropped};

static struct normalise_config
config(void)
{
	return (struct normalise_config){.flow_held = 64,
		.flow_segments = 4,
		.flow_unacked = 10000,
		.held = 128,
		.segments = 16,
		.pool = pool,
		.socket = SOCKET_ID_ANY};
}

static void
world_open(struct world *w, const struct normalise_config *cfg)
{
	w->ends = frame_ends(4, 5, 40000, 25);
	w->e = normalise_engine_create(cfg);
	assert_non_null(w->e);
	normaliser_open(&w->n, w->e, &ops, w);
}

/* Every byte that came in was shown to the reader, or is counted as one that isn't. */
static void
check_account(const struct world *w)
{
	const struct normalise_counters *c = normalise_engine_counters(w->e);
	uint64_t sum = w->shown + c->swallowed_bytes;

	/* These two were shown as well. */
	for (unsigned i = 0; i < NORMALISE_DROPS_COUNT; i++)
		sum += i == NORMALISE_DROP_REFUSED || i == NORMALISE_DROP_UNSENT
			? 0 : c->drop_bytes[i];
	assert_int_equal(sum, w->given);
}

static void
world_close(struct world *w)
{
	normaliser_close(&w->n);
	check_account(w);
	assert_int_equal(normalise_engine_references(w->e), 0);
	normalise_engine_destroy(w->e);
	box_free(&w->trace);
	box_free(&w->conflicts);
	box_free(&w->dropped);
	assert_int_equal(rte_mempool_avail_count(pool), POOL);
}

/* ---- scenarios ---- */

#define SHAKE                                                                                      \
	{C, "S", 0, 0}, {S, "SA", 0, 1},                                                           \
	{                                                                                          \
		C, "A", 1, 1                                                                       \
	}
#define SHOOK ">S0 <SA0/1 >A1/1"
/* With time stamps 10, 20, 11, and SACK. */
#define SHAKE_USUAL                                                                                \
	{C, "S", 0, 0, .options = O_USUAL, .stamp = 10},                                           \
		{S, "SA", 0, 1, .options = O_USUAL, .stamp = 20},                                  \
	{                                                                                          \
		C, "A", 1, 1, .stamp = 11                                                          \
	}
#define SHOOK_USUAL ">S0 o2 o4 o3 t10/9 <SA0/1 o2 o4 o3 t20/19 >A1/1 t11/10"

static const struct scenario scenarios[] = {
#include "tests/unit/dataplane/normalise_scenarios.h"
};

static void
run_step(struct world *w, const struct scenario *c, const struct seg *g, bool last)
{
	enum normaliser_result r;

	switch (g->op) {
	case RELEASE:
		assert_true(normaliser_holds(&w->n, (enum direction)g->dir));
		normaliser_release(&w->n, (enum direction)g->dir);
		assert_false(normaliser_holds(&w->n, (enum direction)g->dir));
		return;
	case ABSORB:
		normaliser_absorb(&w->n, (enum direction)g->dir);
		return;
	case CUT_OFF:
		normaliser_cut_off(&w->n, (enum direction)g->dir);
		return;
	case ANSWER:
		w->answer[g->dir] = (enum release)g->answer;
		return;
	default:
		r = give(w, g, g->data, g->data != NULL ? strlen(g->data) : 0);
		assert_int_equal(r == NORMALISER_NEW_CONNECTION, c->new_connection && last);
	}
}

/* All that differ are shown, not only the first. */
static unsigned
compare_text(const char *name, const char *what, const struct box *got, const char *want)
{
	if (bytes_equal(bytes_of(got->p, got->n), bytes_str(want)))
		return 0;
	print_error(
		"%s: %s\n got: %.*s\nwant: %s\n", name, what, (int)got->n, (char *)got->p, want);
	return 1;
}

static unsigned
run_scenario(const struct scenario *c, uint32_t base_c, uint32_t base_s)
{
	struct normalise_config cfg = config();
	struct world *w = calloc(1, sizeof(*w));
	struct box tail = {0};
	unsigned wrong = 0;

	w->base[C] = base_c;
	w->base[S] = base_s;
	w->read_from[C] = w->read_from[S] = 1;
	if (c->unacked != 0)
		cfg.flow_unacked = c->unacked;
	/* As many as it takes for that window. */
	if (c->unacked > 65536)
		cfg.segments = cfg.flow_segments = c->unacked / 256;
	world_open(w, &cfg);
	if (c->adopt)
		normaliser_adopt(&w->n);
	for (const struct seg *g = c->seg; g->flags != NULL || g->op != SEGMENT; g++)
		run_step(w, c, g, g[1].flags == NULL && g[1].op == SEGMENT);
	wrong += compare_text(c->name, "left", &w->trace, c->want);
	if (w->conflicts.n > 0) {
		put(&tail, "!");
		box_put(&tail, w->conflicts.p, w->conflicts.n);
	}
	if (w->dropped.n > 0) {
		put(&tail, tail.n > 0 ? " " : "");
		box_put(&tail, w->dropped.p, w->dropped.n);
	}
	wrong += compare_text(
		c->name, "contradicted, dropped", &tail, c->drops != NULL ? c->drops : "");
	box_free(&tail);
	world_close(w);
	free(w);
	return wrong;
}

/* Wherever sequence numbers wrap. */
static void
test_scenarios(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		wrong += run_scenario(&scenarios[i], 1000, 5000);
		wrong += run_scenario(&scenarios[i], 0xfffffffe, 0x7ffffffc);
		wrong += run_scenario(&scenarios[i], 0x7ffffffd, 0xffffffff);
	}
	assert_int_equal(wrong, 0);
}

/* ---- random schedules ---- */

/*
 * Two receivers of the same frames: one keeps the first copy of a byte, one the last,
 * until it is read in order. A law of this house says that they read the same.
 */
struct receivers {
	uint8_t first[STREAM_MAX], last[STREAM_MAX];
	bool have[STREAM_MAX];
	uint32_t next; /* from the stream's first byte */
	int64_t fin;   /* -1: none */
	enum direction dir;
	uint32_t *seed;
	unsigned loss; /* of a hundred that leave */
};

enum { LENGTH = 600 };

static uint32_t
roll(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*seed >> 4) * n >> 28);
}

static void
receive(struct world *w, enum direction dir, const struct packet *p)
{
	struct receivers *r = w->receiver;
	int64_t at = (int32_t)(p->seq - w->base[dir]) - 1;

	if (dir != r->dir || p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_RST))
		return;
	if (p->tcp_flags & TCP_FLAG_FIN) {
		assert_true(r->fin < 0 || r->fin == at + p->payload_len);
		r->fin = at + p->payload_len;
	}
	assert_true(p->payload_len == 0 || r->fin < 0 || at + p->payload_len <= r->fin);
	if (roll(r->seed, 100) < r->loss)
		return;
	for (uint32_t i = 0; i < p->payload_len; i++, at++) {
		uint8_t c = packet_piece(p, i).p[0];

		if (at < r->next)
			continue;
		if (!r->have[at])
			r->first[at] = c;
		r->last[at] = c;
		r->have[at] = true;
	}
	while (r->have[r->next])
		r->next++;
}

/* Something that is no data: at a place that may be right, or not. */
static void
give_odd(struct world *w, struct receivers *r, uint32_t at, uint32_t *seed)
{
	static const char *const kinds[] = {"FA", "R", "S", "SA", "F", "", "RA", "A", "PAU"};
	uint32_t kind = roll(seed, ARRAY_LEN(kinds));

	if (give(w,
		    &(struct seg){(uint8_t)r->dir, kinds[kind], 1 + at, 1,
			    .options = roll(seed, 4) == 0 ? O_STAMPS : 0},
		    "odd", roll(seed, 4)) == NORMALISER_NEW_CONNECTION)
		assert_int_equal(normaliser_state(&w->n), NORMALISER_RESET);
}

/* Bytes that are told apart by who sent them: copies of a place mostly differ. */
static void
give_data(struct world *w, struct receivers *r, uint32_t at, uint32_t n, uint32_t *seed)
{
	uint8_t data[64];
	uint8_t differ = roll(seed, 3) == 0 ? (uint8_t)(1 + roll(seed, 9)) : 0;

	struct normaliser_numbers back;
	uint32_t ack;

	/* It got all that came back so far. */
	normaliser_numbers(&w->n, 1 - r->dir, &back);
	ack = back.released - w->base[1 - r->dir];
	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)('a' + (at + i) % 10 + differ);
	(void)give(w, &(struct seg){(uint8_t)r->dir, "A", 1 + at, ack}, data, n);
}

/* Sometimes with data of its own. */
static void
acknowledge(struct world *w, const struct receivers *r)
{
	struct normaliser_numbers back;

	normaliser_numbers(&w->n, 1 - r->dir, &back);
	(void)give(w,
		&(struct seg){
			(uint8_t)(1 - r->dir), "A", back.read - w->base[1 - r->dir], 1 + r->next},
		"back", roll(r->seed, 2) * 4);
}

/* However it began: who goes on sending what is missing, comes to an end. */
static void
complete(struct world *w, struct receivers *r, uint32_t *seed)
{
	struct normaliser_numbers numbers;

	r->loss = 0;
	for (unsigned i = 0; i < 200; i++) {
		w->answer[r->dir] = RELEASE_NOW;
		if (normaliser_holds(&w->n, r->dir))
			normaliser_release(&w->n, r->dir);
		acknowledge(w, r);
		normaliser_numbers(&w->n, r->dir, &numbers);
		if (r->next >= LENGTH || numbers.fin_read ||
			normaliser_state(&w->n) == NORMALISER_RESET)
			return;
		give_data(w, r, r->next, 32, seed);
	}
	fail_msg("it hangs at %u", r->next);
}

/* What the cases did in all, so that none of it is missing unseen. */
static void
add_up(struct normalise_counters *sum, const struct normalise_counters *c)
{
#define X(name, unit, sentence) sum->name += c->name;
	NORMALISE_COUNTERS(X)
#undef X
	for (int i = 0; i < NORMALISE_DROPS_COUNT; i++)
		sum->drops[i] += c->drops[i];
}

/* @return whether the whole stream was read */
static bool
random_case(uint32_t seed, const struct normalise_config *cfg, struct normalise_counters *sum)
{
	struct world *w = calloc(1, sizeof(*w));
	struct receivers *r = calloc(1, sizeof(*r));
	uint32_t odd = roll(&seed, 2) * roll(&seed, 20), front = 0;
	bool whole;

	*r = (struct receivers){.fin = -1, .seed = &seed, .loss = roll(&seed, 40)};
	r->dir = roll(&seed, 2) == 0 ? C : S;
	w->quiet = true;
	w->receive = receive;
	w->receiver = r;
	w->base[0] = seed * 77;
	w->base[1] = 0u - roll(&seed, LENGTH);
	w->read_from[0] = w->read_from[1] = 1;
	world_open(w, cfg);
	(void)give(w, &(struct seg){C, "S", 0, 0}, NULL, 0);
	(void)give(w, &(struct seg){S, "SA", 0, 1}, NULL, 0);
	(void)give(w, &(struct seg){C, "A", 1, 1}, NULL, 0);
	while (front < LENGTH) {
		uint32_t back = roll(&seed, 90), at = front > back ? front - back : 0;

		w->answer[r->dir] = roll(&seed, 10) == 0 ? RELEASE_HOLD : RELEASE_NOW;
		if (roll(&seed, 100) < odd)
			give_odd(w, r, at + roll(&seed, 60), &seed);
		else
			give_data(w, r, at + roll(&seed, 70), roll(&seed, 40), &seed);
		if (roll(&seed, 3) == 0)
			acknowledge(w, r);
		if (roll(&seed, 8) == 0 && normaliser_holds(&w->n, r->dir))
			normaliser_release(&w->n, r->dir);
		front += roll(&seed, 16);
	}
	complete(w, r, &seed);
	assert_memory_equal(r->first, w->read[r->dir], r->next);
	assert_memory_equal(r->last, w->read[r->dir], r->next);
	whole = r->next >= LENGTH;
	add_up(sum, normalise_engine_counters(w->e));
	world_close(w);
	free(w);
	free(r);
	return whole;
}

static void
test_random(void **state)
{
	struct normalise_config tight = config(), wide = config();
	struct normalise_counters sum = {0};
	unsigned whole = 0;

	(void)state;
	tight.flow_unacked = 100;
	wide.flow_held = wide.flow_unacked = 65536;
	wide.held = 65536;
	wide.flow_segments = 100;
	wide.segments = 200;
	for (uint32_t seed = 1; seed <= 1500; seed++) {
		whole += random_case(seed, &tight, &sum);
		whole += random_case(seed * 7919, &wide, &sum);
	}
	assert_true(whole > 1500);
	assert_true(sum.rewritten > 1000 && sum.rewritten_bytes > sum.rewritten);
	assert_true(sum.blanked_bytes > 1000 && sum.held > 1000 && sum.swallowed > 1000);
	assert_true(sum.restamped > 1000 && sum.duplicate_acks > 1000 && sum.bare > 100);
	assert_true(sum.challenge_acks > 100 && sum.resets_ignored > 100);
	assert_true(sum.drops[NORMALISE_DROP_NO_ROOM] > 1000);
	assert_true(sum.drops[NORMALISE_DROP_AFTER_FIN] > 100);
	assert_true(sum.drops[NORMALISE_DROP_STRAY] > 100);
}

/* ---- what an endpoint needs, and budgets ---- */

static void
test_numbers(void **state)
{
	static const struct seg talk[] = {SHAKE_USUAL, {C, "A", 1, 1, "abc", .stamp = 12},
		{S, "A", 1, 3, "xy", 70, .stamp = 23}, {C, "FA", 4, 3, .stamp = 13}};
	struct normalise_config cfg = config();
	struct world *w = calloc(1, sizeof(*w));
	struct normaliser_numbers c, s;

	(void)state;
	w->base[C] = 1000;
	w->base[S] = 5000;
	w->read_from[C] = w->read_from[S] = 1;
	world_open(w, &cfg);
	normaliser_numbers(&w->n, C, &c);
	assert_false(c.synced);
	for (size_t i = 0; i < ARRAY_LEN(talk); i++) {
		if (i == 5)
			w->answer[C] = RELEASE_HOLD;
		(void)give(
			w, &talk[i], talk[i].data, talk[i].data != NULL ? strlen(talk[i].data) : 0);
	}
	normaliser_numbers(&w->n, C, &c);
	normaliser_numbers(&w->n, S, &s);
	assert_true(c.synced && c.stamped && c.sack && c.fin_read && !s.fin_read);
	assert_int_equal(c.read, 1005);
	assert_int_equal(c.released, 1004);
	assert_int_equal(c.acked, 1003);
	assert_int_equal(c.stamp, 13);
	assert_int_equal(c.echo, 12);
	assert_int_equal(c.scale, 7);
	assert_int_equal(c.mss, 1460);
	assert_int_equal(s.read, 5003);
	assert_int_equal(s.released, 5003);
	assert_int_equal(s.acked, 5003);
	assert_int_equal(s.window, 70);
	assert_int_equal(s.stamp, 23);
	world_close(w);
	free(w);
}

/* Flows share what the engine has; one that gets none of it can still go on in order. */
static void
test_shared_budgets(void **state)
{
	struct normalise_config cfg = config();
	struct world *w[2];

	(void)state;
	cfg.held = 10;
	for (int i = 0; i < 2; i++) {
		w[i] = calloc(1, sizeof(*w[i]));
		w[i]->read_from[C] = w[i]->read_from[S] = 1;
		world_open(w[i], &cfg);
		if (i == 1) {
			normalise_engine_destroy(w[1]->e);
			w[1]->e = w[0]->e;
			normaliser_open(&w[1]->n, w[0]->e, &ops, w[1]);
		}
		(void)give(w[i], &(struct seg){C, "S", 0, 0}, NULL, 0);
		(void)give(w[i], &(struct seg){S, "SA", 0, 1}, NULL, 0);
		(void)give(w[i], &(struct seg){C, "A", 4, 1}, "defghi", 6);
	}
	assert_int_equal(normalise_engine_counters(w[0]->e)->held, 1);
	assert_int_equal(normalise_engine_counters(w[0]->e)->drops[NORMALISE_DROP_NO_ROOM], 1);
	assert_int_equal(normalise_engine_counters(w[0]->e)->drop_bytes[NORMALISE_DROP_NO_ROOM], 6);
	(void)give(w[1], &(struct seg){C, "A", 1, 1}, "abc", 3);
	assert_int_equal(w[1]->n_read[C], 3);
	normaliser_close(&w[1]->n);
	/* What the first one had is free again when it ends, and was shown. */
	normaliser_close(&w[0]->n);
	assert_true(bytes_equal(
		bytes_of(w[0]->dropped.p, w[0]->dropped.n), bytes_str("closed:defghi")));
	normaliser_open(&w[0]->n, w[0]->e, &ops, w[0]);
	w[0]->given += w[1]->given;
	w[0]->shown += w[1]->shown;
	box_free(&w[1]->trace);
	free(w[1]);
	world_close(w[0]);
	free(w[0]);
}

/* A window is a fourth of the free references in KiB; what was told once isn't taken back. */
static void
test_window_shrinks_with_what_is_free(void **state)
{
	static const char told[] = "<A1/1 w2048 t20/19|<A1/1001 w2040 t20/19|<A1/2001 w2048 t20/19|";
	struct normalise_config cfg = config();
	struct world *w = calloc(1, sizeof(*w));
	struct seg ack = {S, "A", 1, 1, .window = 65535, .stamp = 20};
	struct box all = {0};

	(void)state;
	cfg.segments = cfg.flow_segments = 1024;
	cfg.flow_unacked = 1 << 20;
	w->read_from[C] = w->read_from[S] = 1;
	world_open(w, &cfg);
	(void)give(w, &(struct seg){C, "S", 0, 0, .options = O_USUAL, .stamp = 10}, NULL, 0);
	(void)give(w, &(struct seg){S, "SA", 0, 1, .options = O_USUAL, .stamp = 20}, NULL, 0);
	(void)give(w, &(struct seg){C, "A", 1, 1, .stamp = 11}, NULL, 0);
	for (int i = 0; i < 3; i++) {
		box_free(&w->trace);
		w->trace = (struct box){0};
		ack.ack = 1 + 1000 * i;
		(void)give(w, &ack, NULL, 0);
		box_put(&all, w->trace.p, w->trace.n);
		put(&all, "|");
		for (int k = 0; i == 0 && k < 200; k++)
			(void)give(w, &(struct seg){C, "A", 1 + 10 * k, 1, .stamp = 11},
				"abcdefghij", 10);
	}
	box_put(&all, "", 1);
	assert_string_equal((const char *)all.p, told);
	box_free(&all);
	world_close(w);
	free(w);
}

/* However much comes too early, there is a reference left for what fills a hole. */
static void
test_holes_can_be_filled(void **state)
{
	struct normalise_config cfg = config();
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	cfg.segments = cfg.flow_segments;
	w->read_from[C] = w->read_from[S] = 1;
	world_open(w, &cfg);
	(void)give(w, &(struct seg){C, "S", 0, 0}, NULL, 0);
	(void)give(w, &(struct seg){S, "SA", 0, 1}, NULL, 0);
	for (int i = 0; i < 6; i++)
		(void)give(w, &(struct seg){C, "A", 3 + 2 * i, 1}, "x", 1);
	assert_int_equal(normalise_engine_references(w->e), 2);
	(void)give(w, &(struct seg){C, "A", 1, 1}, "ab", 2);
	assert_int_equal(w->n_read[C], 3);
	world_close(w);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shared_budgets),
		cmocka_unit_test(test_window_shrinks_with_what_is_free),
		cmocka_unit_test(test_holes_can_be_filled),
	};

	if (!dpdk_start("64"))
		return 1;
	pool = rte_pktmbuf_pool_create("packets", POOL, 0,
		RTE_ALIGN(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN), 2176, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
