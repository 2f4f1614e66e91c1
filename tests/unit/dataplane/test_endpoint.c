/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The endpoint against a script, and against a small receiver of its own over a line that
 * loses segments. (Against the kernel's TCP: tests/e2e/endpoint_test.py.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/endpoint.h"
#include "tests/support/dpdk.h"
#include "tests/unit/dataplane/tcp_frame.h"

enum { OUT_MAX = 256, SECOND = 1000000 };

/* Both wrap soon. */
#define OURS 0xffffff00u
#define THEIRS 0xfffffff0u
#define START_US UINT64_C(1774000000000000)

static struct rte_mempool *pool;

/* A frame that the endpoint sent. */
struct out {
	struct packet p;
	uint64_t us;
	uint32_t stamp, echo;
	bool stamped;
	uint8_t sack[8], n_sack;
};

struct world {
	struct endpoint e;
	struct segment_path path;
	struct out out[OUT_MAX];
	unsigned n; /* of all */
	unsigned seen;
	uint64_t us;
	bool stamped; /* the sender's segments are */
	uint32_t sender_stamp;
	uint8_t words[ENDPOINT_WORDS_MAX];
};

static void
on_send(void *ctx, struct rte_mbuf *m)
{
	struct world *w = ctx;
	struct out *o = &w->out[w->n++];
	const uint8_t *options;

	assert_true(w->n <= OUT_MAX);
	*o = (struct out){.us = w->us};
	assert_int_equal(headers_parse(m, true, &o->p), HEADER_OK);
	assert_true(o->p.port[0] == 25 && o->p.port[1] == 40112);
	o->stamped = segment_stamps(&o->p, &o->stamp, &o->echo);
	options = rte_pktmbuf_mtod_offset(m, const uint8_t *, o->p.l4_at + 20);
	if (o->p.payload_at - o->p.l4_at == 20u + (o->stamped ? 12 : 0) + 12) {
		options += o->stamped ? 12 : 0;
		assert_memory_equal(options, "\1\1\5\12", 4);
		memcpy(o->sack, options + 4, 8);
		o->n_sack = 8;
	}
	/* Words are where their sequence number says. */
	if (o->p.payload_len > 0)
		assert_memory_equal(packet_piece(&o->p, 0).p, w->words + (o->p.seq - OURS),
			o->p.payload_len);
	rte_pktmbuf_free(m);
}

static const struct endpoint_ops ops = {.send = on_send};

static struct endpoint_config
world_config(struct world *w)
{
	struct tcp_model t = {.family = 4};
	uint8_t frame[TCP_FRAME_MAX];
	struct segment_path there;
	struct packet p;
	struct rte_mbuf *m = model_frame(pool, frame, model_write(&t, frame), 4000, NULL);

	memset(w, 0, sizeof(*w));
	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	segment_path_learn(&there, &p);
	segment_path_turn(&w->path, &there);
	rte_pktmbuf_free(m);
	for (size_t i = 0; i < sizeof(w->words); i++)
		w->words[i] = (uint8_t)(i * 7 + i / 256);
	w->us = START_US;
	w->sender_stamp = 500;
	return (struct endpoint_config){.ops = &ops,
		.ctx = w,
		.pool = pool,
		.path = &w->path,
		.seq = OURS,
		.ack = THEIRS,
		.window = 5000,
		.peer_window = 65535,
		.time_limit_us = UINT64_C(600) * SECOND,
		.now_us = START_US};
}

static void
world_open(struct world *w)
{
	struct endpoint_config cfg = world_config(w);

	endpoint_open(&w->e, &cfg);
}

/* A segment of the sender, @p seq and @p ack from where the numbers began. */
static void
sender_full(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window, uint32_t n)
{
	struct tcp_model t = {.family = 4,
		.flags = flags,
		.seq = THEIRS + seq,
		.ack = OURS + ack,
		.window = window,
		.n = n};
	uint8_t frame[TCP_FRAME_MAX];
	struct rte_mbuf *m;
	struct packet p;

	if (w->stamped) {
		t.n_options = 12;
		memcpy(t.options, (uint8_t[]){1, 1, 8, 10}, 4);
		frame_put32(t.options + 4, w->sender_stamp);
	}
	m = model_frame(pool, frame, model_write(&t, frame), 4000, NULL);
	assert_int_equal(headers_parse(m, true, &p), HEADER_OK);
	endpoint_segment(&w->e, &p, w->us);
	rte_pktmbuf_free(m);
}

static void
sender(struct world *w, uint32_t seq, uint32_t ack, uint32_t n)
{
	sender_full(w, TCP_FLAG_ACK, seq, ack, 65535, n);
}

/* The next that was sent: flags, our sequence number, what it acknowledges, payload. */
static const struct out *
sent(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t n)
{
	const struct out *o = &w->out[w->seen];

	if (w->seen >= w->n)
		fail_msg("nothing was sent");
	w->seen++;
	if (o->p.tcp_flags != flags || o->p.seq != OURS + seq || o->p.ack != THEIRS + ack ||
		o->p.payload_len != n)
		fail_msg("flags %02x, seq %u, ack %u, %u bytes", o->p.tcp_flags, o->p.seq - OURS,
			o->p.ack - THEIRS, o->p.payload_len);
	return o;
}

static void
nothing(struct world *w)
{
	if (w->seen != w->n)
		fail_msg("flags %02x, seq %u, ack %u, %u bytes too many",
			w->out[w->seen].p.tcp_flags, w->out[w->seen].p.seq - OURS,
			w->out[w->seen].p.ack - THEIRS, w->out[w->seen].p.payload_len);
}

/* Go on until then, with every call that was asked for. @return the next one that is */
static uint64_t
pass(struct world *w, uint64_t us)
{
	uint64_t end = w->us + us, next;

	while ((next = endpoint_tick(&w->e, w->us)) <= end)
		w->us = next > w->us ? next : w->us + 1;
	w->us = end;
	return next;
}

static bool
say(struct world *w, uint32_t at, uint32_t n)
{
	return endpoint_say(&w->e, bytes_of(w->words + at, n), w->us);
}

enum { ACK = TCP_FLAG_ACK, PSH = TCP_FLAG_ACK | TCP_FLAG_PSH, FIN = TCP_FLAG_ACK | TCP_FLAG_FIN };

/* ---- acknowledging ---- */

static void
test_acknowledge(void **state)
{
	struct world w;
	const struct out *o;

	(void)state;
	world_open(&w);
	nothing(&w);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_LISTENING);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	o = sent(&w, ACK, 0, 0, 0);
	assert_int_equal(o->p.window, 5000);
	assert_false(o->stamped);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	nothing(&w);
	sender(&w, 0, 0, 100);
	nothing(&w);
	endpoint_acknowledge(&w.e, THEIRS + 100, w.us);
	sent(&w, ACK, 0, 100, 0);
	endpoint_acknowledge(&w.e, THEIRS + 50, w.us);
	nothing(&w);
}

/* The receiver's window was closed: nobody opens it any more. */
static void
test_window_floor(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);

	(void)state;
	cfg.window = 0;
	endpoint_open(&w.e, &cfg);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	assert_int_equal(sent(&w, ACK, 0, 0, 0)->p.window, ENDPOINT_WINDOW_MIN);
}

/* RFC 9293, 3.10.7.4: what is unacceptable is answered. */
static void
test_nothing_new(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	endpoint_acknowledge(&w.e, THEIRS + 1000, w.us);
	sent(&w, ACK, 0, 1000, 0);
	sender(&w, 1000, 0, 0); /* a plain acknowledgement */
	nothing(&w);
	sender(&w, 999, 0, 0); /* a keep-alive (RFC 9293, 3.8.4) */
	sent(&w, ACK, 0, 1000, 0);
	sender(&w, 999, 0, 1); /* one with a byte */
	sent(&w, ACK, 0, 1000, 0);
	sender(&w, 0, 0, 1000); /* a repetition */
	sent(&w, ACK, 0, 1000, 0);
	sender(&w, 500, 0, 600); /* some of it is new */
	nothing(&w);
	sender_full(&w, TCP_FLAG_SYN, 0xfffffff0u, 0, 100, 0);
	sent(&w, ACK, 0, 1000, 0);
	sender(&w, 1000, 1, 0); /* never sent (RFC 9293, 3.10.7.4) */
	sent(&w, ACK, 0, 1000, 0);
	sender_full(&w, TCP_FLAG_PSH, 999, 0, 100, 1); /* no acknowledgement: dropped */
	nothing(&w);
}

static void
test_hole(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);
	static const uint8_t block[8] = {0, 0, 0, 0x54, 0, 0, 0, 0xb8};

	(void)state;
	endpoint_open(&w.e, &cfg);
	sender(&w, 100, 0, 100);
	assert_int_equal(sent(&w, ACK, 0, 0, 0)->n_sack, 0);
	sender(&w, 100, 0, 0); /* has overtaken its data: asks for nothing */
	nothing(&w);
	cfg.sack = true;
	endpoint_open(&w.e, &cfg);
	for (int i = 0; i < 3; i++) {
		const struct out *o;

		sender(&w, 100, 0, 100);
		o = sent(&w, ACK, 0, 0, 0);
		assert_int_equal(o->n_sack, 8);
		assert_memory_equal(o->sack, block, 8);
	}
	sender_full(&w, FIN, 100, 0, 65535, 0);
	assert_int_equal(sent(&w, ACK, 0, 0, 0)->n_sack, 0);
	w.stamped = cfg.stamped = true;
	endpoint_open(&w.e, &cfg);
	sender(&w, 100, 0, 100);
	assert_memory_equal(sent(&w, ACK, 0, 0, 0)->sack, block, 8);
}

/* ---- words ---- */

static void
test_say(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	assert_true(say(&w, 0, 0));
	nothing(&w);
	assert_true(say(&w, 0, 1000));
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_SAYING);
	sent(&w, ACK, 0, 0, 536); /* no MSS is known */
	sent(&w, PSH, 536, 0, 464);
	assert_true(say(&w, 1000, 10));
	sent(&w, PSH, 1000, 0, 10);
	sender(&w, 0, 536, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_SAYING);
	sender(&w, 0, 100, 0); /* an old one */
	sender(&w, 0, 1010, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_LISTENING);
	nothing(&w);
	pass(&w, UINT64_C(100) * SECOND);
	nothing(&w);
}

static void
test_room(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	assert_true(say(&w, 0, ENDPOINT_WORDS_MAX));
	assert_int_equal(w.n, (ENDPOINT_WORDS_MAX + 535) / 536);
	assert_false(say(&w, 0, 1));
	sender(&w, 0, 1, 0);
	assert_false(say(&w, 0, 2));
	endpoint_close(&w.e, w.us);
	assert_false(say(&w, 0, 1));
}

static void
test_mss(void **state)
{
	static const struct {
		uint16_t mss;
		bool stamped;
		uint32_t want;
	} cases[] = {{0, false, 536}, {0, true, 524}, {1000, false, 1000}, {1000, true, 988},
		{1460, true, 1448}, {9000, false, 1460}, {1, true, 36}, {1, false, 48}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;
		struct endpoint_config cfg = world_config(&w);

		cfg.mss = cases[i].mss;
		cfg.stamped = cases[i].stamped;
		endpoint_open(&w.e, &cfg);
		assert_true(say(&w, 0, 2000));
		sent(&w, ACK, 0, 0, cases[i].want);
	}
}

static void
test_doubling(void **state)
{
	struct world w;
	uint64_t at = START_US;
	uint64_t pause = SECOND;

	(void)state;
	world_open(&w);
	say(&w, 0, 600);
	sent(&w, ACK, 0, 0, 536);
	sent(&w, PSH, 536, 0, 64);
	for (int i = 0; i < ENDPOINT_TRIES_MAX; i++, pause *= 2) {
		pass(&w, pause - 1);
		nothing(&w);
		pass(&w, 1);
		at += pause;
		assert_int_equal(sent(&w, ACK, 0, 0, 536)->us, at);
		nothing(&w);
	}
	pass(&w, pause - 1);
	nothing(&w);
	pass(&w, 1);
	/* It may have none of the words, or all. */
	sent(&w, TCP_FLAG_RST | ACK, 0, 0, 0);
	sent(&w, TCP_FLAG_RST | ACK, 600, 0, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
	assert_true(endpoint_tick(&w.e, w.us) == UINT64_MAX);
	nothing(&w);
}

/* What is acknowledged sets the pause back, and the rest follows at once. */
static void
test_progress(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	say(&w, 0, 1500);
	w.seen = w.n;
	pass(&w, 3 * SECOND);
	sent(&w, ACK, 0, 0, 536);
	sent(&w, ACK, 0, 0, 536);
	sender(&w, 0, 536, 0);
	sent(&w, ACK, 536, 0, 536);
	sent(&w, PSH, 1072, 0, 428);
	pass(&w, SECOND - 1);
	nothing(&w);
	pass(&w, 1);
	sent(&w, ACK, 536, 0, 536);
	sender(&w, 0, 1500, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_LISTENING);
}

static void
test_small_window(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);

	(void)state;
	cfg.peer_window = 100;
	cfg.peer_scale = 4;
	endpoint_open(&w.e, &cfg);
	say(&w, 0, 800);
	sent(&w, ACK, 0, 0, 100);
	nothing(&w);
	sender_full(&w, ACK, 0, 100, 10, 0); /* 160 bytes */
	sent(&w, ACK, 100, 0, 160);
	sender_full(&w, ACK, 0, 100, 20, 0); /* 160 bytes more */
	sent(&w, ACK, 260, 0, 160);
	/* An old segment: what it acknowledges counts, its window doesn't. */
	sender_full(&w, ACK, 0xffff0000u, 420, 2000, 0);
	sent(&w, ACK, 420, 0, 320);
	sent(&w, ACK, 740, 0, 0);
	nothing(&w);
	sender_full(&w, ACK, 0, 420, 40, 0);
	sent(&w, PSH, 740, 0, 60);
	endpoint_close(&w.e, w.us);
	sent(&w, FIN, 800, 0, 0);
}

/* RFC 9293, 3.8.6.1: a byte asks, for as long as it is answered. */
static void
test_closed_window(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);
	uint64_t pause = SECOND;

	(void)state;
	cfg.peer_window = 0;
	endpoint_open(&w.e, &cfg);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	sent(&w, ACK, 0, 0, 0);
	say(&w, 0, 1000);
	endpoint_close(&w.e, w.us);
	nothing(&w);
	for (int i = 0; i < ENDPOINT_TRIES_MAX + 2; i++, pause *= 2) {
		pass(&w, pause - 1);
		nothing(&w);
		pass(&w, 1);
		sent(&w, ACK, 0, 0, 1);
		sender_full(&w, ACK, 0, 0, 0, 0);
		nothing(&w);
	}
	sender_full(&w, ACK, 0, 0, 600, 0);
	sent(&w, ACK, 0, 0, 536);
	sent(&w, ACK, 536, 0, 64);
	sender_full(&w, ACK, 0, 600, 600, 0);
	sent(&w, PSH, 600, 0, 400);
	sent(&w, FIN, 1000, 0, 0);
}

static void
test_closed_window_silent(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);

	(void)state;
	cfg.peer_window = 0;
	endpoint_open(&w.e, &cfg);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	sent(&w, ACK, 0, 0, 0);
	endpoint_close(&w.e, w.us);
	pass(&w, UINT64_C(127) * SECOND);
	for (int i = 0; i < ENDPOINT_TRIES_MAX; i++)
		sent(&w, FIN, 0, 0, 0);
	sent(&w, TCP_FLAG_RST | ACK, 0, 0, 0);
	sent(&w, TCP_FLAG_RST | ACK, 1, 0, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
}

/* RFC 7323, 3.2 and 4.3. */
static void
test_stamps(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);
	const struct out *o;

	(void)state;
	cfg.stamped = w.stamped = true;
	cfg.stamp = 0xfffffffe;
	cfg.echo = 499;
	endpoint_open(&w.e, &cfg);
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	o = sent(&w, ACK, 0, 0, 0);
	assert_true(o->stamped && o->stamp == 0xfffffffe && o->echo == 499);
	w.us += 5000;
	sender(&w, 0, 0, 10); /* stamp 500, at the next byte */
	endpoint_acknowledge(&w.e, THEIRS + 10, w.us);
	o = sent(&w, ACK, 0, 10, 0);
	assert_true(o->stamp == 3 && o->echo == 500);
	w.sender_stamp = 600;
	sender(&w, 20, 0, 10); /* behind a hole: not echoed */
	assert_int_equal(sent(&w, ACK, 0, 10, 0)->echo, 500);
	w.sender_stamp = 450;
	sender(&w, 0, 0, 10); /* an older one neither */
	assert_int_equal(sent(&w, ACK, 0, 10, 0)->echo, 500);
	w.us -= 100000; /* a clock that goes back: never behind the receiver's stamp */
	sender(&w, 0, 0, 10);
	assert_int_equal(sent(&w, ACK, 0, 10, 0)->stamp, 0xfffffffe);
}

/* ---- the end ---- */

static void
test_close(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	say(&w, 0, 10);
	endpoint_close(&w.e, w.us);
	endpoint_close(&w.e, w.us);
	sent(&w, PSH, 0, 0, 10);
	sent(&w, FIN, 10, 0, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_CLOSING);
	sender(&w, 0, 11, 0);
	sender(&w, 0, 11, 100); /* still talking */
	endpoint_acknowledge(&w.e, THEIRS + 100, w.us);
	sent(&w, ACK, 11, 100, 0);
	pass(&w, 10 * SECOND);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_CLOSING);
	sender_full(&w, FIN, 100, 11, 65535, 0);
	endpoint_acknowledge(&w.e, THEIRS + 101, w.us);
	sent(&w, ACK, 11, 101, 0);
	/* That is lost: it is answered again. */
	pass(&w, ENDPOINT_LINGER_US - 1);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_CLOSING);
	sender_full(&w, FIN, 100, 11, 65535, 0);
	sent(&w, ACK, 11, 101, 0);
	pass(&w, ENDPOINT_LINGER_US - 1);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_CLOSING);
	pass(&w, 1);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
	sender_full(&w, FIN, 100, 11, 65535, 0);
	nothing(&w);
}

/* The sender has closed before: an HTTP client that sends and shuts down. */
static void
test_sender_closed_first(void **state)
{
	(void)state;
	for (int read_before = 0; read_before < 2; read_before++) {
		struct world w;
		struct endpoint_config cfg = world_config(&w);

		cfg.ack = THEIRS + (unsigned)read_before;
		cfg.fin_read = read_before;
		endpoint_open(&w.e, &cfg);
		if (!read_before)
			sender_full(&w, FIN, 0, 0, 65535, 0);
		endpoint_acknowledge(&w.e, THEIRS + 1, w.us);
		sent(&w, ACK, 0, 1, 0);
		pass(&w, 10 * SECOND);
		assert_int_equal(endpoint_state(&w.e), ENDPOINT_LISTENING);
		say(&w, 0, 10);
		endpoint_close(&w.e, w.us);
		sent(&w, PSH, 0, 1, 10);
		sent(&w, FIN, 10, 1, 0);
		sender(&w, 1, 11, 0);
		pass(&w, 1);
		assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
		nothing(&w);
	}
}

/* RFC 5961, 3.2. */
static void
test_sender_resets(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	endpoint_acknowledge(&w.e, THEIRS + 100, w.us);
	sent(&w, ACK, 0, 100, 0);
	sender_full(&w, TCP_FLAG_RST, 99, 0, 0, 0);
	nothing(&w);
	sender_full(&w, TCP_FLAG_RST, 101, 0, 0, 0);
	sent(&w, ACK, 0, 100, 0);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_LISTENING);
	sender_full(&w, TCP_FLAG_RST, 100, 0, 0, 0);
	nothing(&w);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
	endpoint_acknowledge(&w.e, THEIRS + 200, w.us);
	assert_false(say(&w, 0, 1));
	endpoint_close(&w.e, w.us);
	endpoint_reset(&w.e);
	assert_true(endpoint_tick(&w.e, w.us) == UINT64_MAX);
	nothing(&w);
}

static void
test_time_limit(void **state)
{
	struct world w;
	struct endpoint_config cfg = world_config(&w);

	(void)state;
	cfg.time_limit_us = 5 * SECOND;
	endpoint_open(&w.e, &cfg);
	assert_true(endpoint_tick(&w.e, w.us) == START_US + 5 * SECOND);
	sent(&w, ACK, 0, 0, 0); /* what is due */
	pass(&w, 5 * SECOND - 1);
	assert_true(endpoint_tick(&w.e, w.us) == START_US + 5 * SECOND);
	nothing(&w);
	pass(&w, 1);
	sent(&w, TCP_FLAG_RST | ACK, 0, 0, 0);
	nothing(&w);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
}

static void
test_reset(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	endpoint_acknowledge(&w.e, THEIRS + 1, w.us);
	sent(&w, ACK, 0, 1, 0);
	endpoint_reset(&w.e);
	sent(&w, TCP_FLAG_RST | ACK, 0, 1, 0);
	nothing(&w);
	assert_int_equal(endpoint_state(&w.e), ENDPOINT_DONE);
}

/* What can't be sent now is sent when there are buffers again. */
static void
test_no_buffers(void **state)
{
	static struct rte_mbuf *all[2048];
	struct world w;
	unsigned n = 0;

	(void)state;
	world_open(&w);
	while ((all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	endpoint_acknowledge(&w.e, THEIRS, w.us);
	say(&w, 0, 10);
	pass(&w, 50000);
	nothing(&w);
	rte_pktmbuf_free_bulk(all, n);
	pass(&w, 20000);
	sent(&w, ACK, 10, 0, 0);
	pass(&w, SECOND);
	sent(&w, PSH, 0, 0, 10);
	nothing(&w);
}

/* ---- a line that loses ---- */

/* A receiver that takes what is in order, and acknowledges each segment. */
struct line {
	struct world w;
	uint32_t got; /* bytes, in order */
	bool fin;
	unsigned lose[2]; /* of all that is sent either way: these are lost */
	unsigned count;
	uint32_t own; /* what it has sent: its FIN */
};

static bool
line_carries(struct line *l)
{
	unsigned k = l->count++;

	return k != l->lose[0] && k != l->lose[1];
}

static void
line_answer(struct line *l)
{
	uint8_t flags = l->fin && l->own == 0 ? FIN : ACK;

	if (line_carries(l)) {
		uint32_t seq = l->own > 0 ? 1 : 0;

		sender_full(&l->w, flags, seq, l->got + l->fin, 700, 0);
		if (flags == FIN)
			endpoint_acknowledge(&l->w.e, THEIRS + 1, l->w.us);
	}
}

static void
line_take(struct line *l)
{
	while (l->w.seen < l->w.n) {
		const struct out *o = &l->w.out[l->w.seen++];
		uint32_t at = o->p.seq - OURS;

		assert_false(o->p.tcp_flags & TCP_FLAG_RST);
		if (!line_carries(l))
			continue;
		if (o->p.ack == THEIRS + 1)
			l->own = 1;
		if (at <= l->got && at + o->p.payload_len > l->got)
			l->got = at + o->p.payload_len;
		if ((o->p.tcp_flags & TCP_FLAG_FIN) && at == l->got)
			l->fin = true;
		if (o->p.payload_len > 0 || (o->p.tcp_flags & TCP_FLAG_FIN))
			line_answer(l);
	}
}

/* Words and FIN arrive whichever two of all segments are lost. @return how many there were */
static unsigned
line_run(unsigned a, unsigned b)
{
	static struct line l;
	unsigned rounds = 0;

	memset(&l, 0, sizeof(l));
	world_open(&l.w);
	l.lose[0] = a;
	l.lose[1] = b;
	say(&l.w, 0, 1300);
	line_take(&l);
	say(&l.w, 1300, 100);
	endpoint_close(&l.w.e, l.w.us);
	for (; endpoint_state(&l.w.e) != ENDPOINT_DONE && rounds < 200; rounds++) {
		uint64_t next;

		line_take(&l);
		next = endpoint_tick(&l.w.e, l.w.us);
		line_take(&l);
		/* The sender repeats its FIN, too. */
		if (l.fin && l.own == 0)
			line_answer(&l);
		if (next != UINT64_MAX && next > l.w.us)
			l.w.us += RTE_MIN(next - l.w.us, (uint64_t)SECOND);
	}
	if (l.got != 1400 || !l.fin || rounds == 200)
		fail_msg("without %u and %u: %u bytes, FIN %d", a, b, l.got, l.fin);
	return l.count;
}

static void
test_losses(void **state)
{
	unsigned n = line_run(UINT32_MAX, UINT32_MAX);

	(void)state;
	assert_true(n > 8);
	for (unsigned a = 0; a < n + 4; a++)
		for (unsigned b = a; b < n + 8; b++)
			line_run(a, b);
}

static int
start(void **state)
{
	(void)state;
	if (!dpdk_start("64"))
		return -1;
	pool = model_pool("endpoint");
	return 0;
}

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
		cmocka_unit_test(test_acknowledge),
		cmocka_unit_test(test_window_floor),
		cmocka_unit_test(test_nothing_new),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_doubling),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_small_window),
		cmocka_unit_test(test_closed_window),
		cmocka_unit_test(test_closed_window_silent),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_sender_closed_first),
		cmocka_unit_test(test_sender_resets),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_no_buffers),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
