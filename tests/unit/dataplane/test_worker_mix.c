/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 50,000 packets by a fixed seed: hundreds of conversations at once, whose
 * frames are dropped, doubled, swapped, cut short, damaged and given times that
 * run back. Under tiny budgets everything must add up; with enough of them one
 * worker and several must give the same events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dpdk.h"
#include "tests/support/worker_world.h"
#include "tests/unit/dataplane/script.h"

enum { PACKETS = 50000, LANES = 48, HOSTS = 32 };

struct mix {
	struct world *world;
	struct frame *frames;
	uint32_t seed;
	bool fragments; /* doubled and lost ones: what becomes of them depends on other datagrams */
};

static uint32_t
draw(struct mix *m, uint32_t n)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % n;
}

/* Different numbers of the published series, beginning on some day of 1976 (identifiers.py). */
static const char *
number(struct mix *m)
{
	static const char *const all[] = {"19760102-2382", "19760102-2390", "19760103-2381",
		"19760103-2399", "19760104-2380", "19760104-2398"};

	return all[draw(m, ARRAY_LEN(all))];
}

static void
write_mail(struct mix *m, struct script *s)
{
	char text[512];

	script_say(s, 1, "220 mx.example ESMTP\r\n");
	script_say(s, 0, "EHLO a.example\r\n");
	script_say(s, 1, "250 mx.example\r\n");
	script_say(s, 0, "MAIL FROM:<a@vard.example>\r\n");
	script_say(s, 1, "250 ok\r\n");
	script_say(s, 0, "RCPT TO:<b@leverantor.example>\r\n");
	script_say(s, 1, "250 ok\r\n");
	script_say(s, 0, "DATA\r\n");
	script_say(s, 1, "354 go on\r\n");
	snprintf(text, sizeof(text),
		"Subject: hej\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
		"person %s\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%s=\r\n\r\n",
		number(m), number(m));
	script_say(s, 0, text);
	script_say(s, 0, "--b--\r\n.\r\n");
	script_say(s, 1, "250 queued\r\n");
	script_say(s, 0, "QUIT\r\n");
}

static void
write_upload(struct mix *m, struct script *s)
{
	char text[512];

	snprintf(text, sizeof(text),
		"POST /in?nr=%s HTTP/1.1\r\nHost: in.example\r\nTransfer-Encoding: chunked\r\n\r\n"
		"10\r\nab %s\r\n0\r\n\r\n", number(m), number(m));
	script_say(s, 0, text);
	script_say(s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbra");
}

static void
write_datagrams(struct mix *m, struct script *s)
{
	uint8_t datagram[512];
	char text[300];
	size_t n;

	for (int i = 0; i < 4; i++) {
		memset(text, 'a' + i, sizeof(text));
		memcpy(text + 40 + draw(m, 200), number(m), 13);
		if (s->ends.family == 6 || !m->fragments || draw(m, 2)) {
			script_datagram(s, i & 1, text, sizeof(text));
			continue;
		}
		n = frame_datagram(datagram, &s->ends, true, text, sizeof(text));
		frame_fragment(script_frame(s), &s->ends, true, (uint16_t)i, datagram, 0, 64, true);
		frame_fragment(script_frame(s), &s->ends, true, (uint16_t)i, datagram, 64, n - 64, false);
	}
}

/* A lane plays one conversation after the other, on few ports: they come again. */
static void
write_conversation(struct mix *m, struct script *s, uint64_t us)
{
	uint32_t kind = draw(m, 5);
	struct frame_ends e = frame_ends(draw(m, 4) == 0 ? 6 : 4, (uint8_t)(1 + draw(m, HOSTS)),
		(uint16_t)(1024 + draw(m, 16)), (uint16_t)(kind == 0 ? 2525 : kind == 1 ? 8080 : 7777));

	e.vlan = draw(m, 4) == 0 ? 7 : 0;
	script_init(s, &e);
	s->us = us;
	s->next[0] = draw(m, UINT32_MAX);
	s->next[1] = draw(m, UINT32_MAX);
	if (kind == 4) {
		write_datagrams(m, s);
		return;
	}
	if (draw(m, 8) > 0)
		script_open(s);
	if (kind == 0)
		write_mail(m, s);
	else if (kind == 1)
		write_upload(m, s);
	else
		script_say(s, (int)draw(m, 2), number(m));
	if (draw(m, 4) > 0)
		script_close(s);
}

static void
hurt(struct mix *m, struct frame *f)
{
	uint32_t what = draw(m, 40);

	if (what == 0)
		f->n = FRAME_ETHER + draw(m, f->n - FRAME_ETHER); /* the capture cut it */
	else if (what == 1)
		f->data[draw(m, f->n)] ^= (uint8_t)(1 << draw(m, 8));
	else if (what == 2)
		f->us -= draw(m, 500000);
}

static void
write_mix(struct mix *m)
{
	static struct script lanes[LANES];
	size_t at[LANES] = {0}, n = 0;
	uint64_t us = SCRIPT_START_US;

	memset(lanes, 0, sizeof(lanes));
	while (n < PACKETS) {
		uint32_t lane = draw(m, LANES), odd = draw(m, 50);
		struct script *s = &lanes[lane];

		if (at[lane] == s->n) {
			write_conversation(m, s, us);
			at[lane] = 0;
		}
		us += draw(m, 2000);
		m->frames[n] = s->frames[at[lane]++];
		m->frames[n].us = us;
		if (odd == 0)
			continue; /* lost */
		hurt(m, &m->frames[n++]);
		if (odd == 1 && n < PACKETS) {
			m->frames[n] = m->frames[n - 1]; /* doubled */
			n++;
		} else if (odd == 2 && n >= 2) {
			struct frame f = m->frames[n - 1]; /* overtaken */

			m->frames[n - 1] = m->frames[n - 2];
			m->frames[n - 2] = f;
		}
	}
}

static void
play(struct mix *m, unsigned workers)
{
	world_clear(m->world);
	world_open(m->world, workers);
	world_frames(m->world, m->frames, PACKETS);
	world_close(m->world);
}

static int
group_setup(void **state)
{
	static struct mix m;

	if (!dpdk_start("512"))
		return -1;
	m.world = world_new();
	m.world->cfg.log_messages = true;
	m.frames = calloc(PACKETS, sizeof(*m.frames));
	*state = &m;
	return m.frames == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
	struct mix *m = *state;

	world_free(m->world);
	free(m->frames);
	return 0;
}

/* The running number of events is the only thing that may differ. */
static void
blank_sequence(char *json)
{
	char *at = strstr(json, "\"sequence\":");

	for (at = at == NULL ? NULL : at + 11; at != NULL && *at >= '0' && *at <= '9'; at++)
		memmove(at, at + 1, strlen(at)), at--;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **
sorted_events(struct mix *m, size_t *ret_n)
{
	char **events = m->world->events;

	*ret_n = m->world->n_events;
	for (size_t i = 0; i < *ret_n; i++)
		blank_sequence(events[i]);
	qsort(events, *ret_n, sizeof(*events), by_text);
	m->world->events = NULL;
	m->world->n_events = 0;
	return events;
}

static void
free_events(char **events, size_t n)
{
	while (n > 0)
		free(events[--n]);
	free(events);
}

static void
test_workers_agree(void **state)
{
	struct mix *m = *state;
	char **one, **more;
	size_t n_one, n_more;

	/* Enough for all: what a full table leaves out depends on what else there is. */
	m->world->cfg.limits.ndpi_flows = 8192;
	m->seed = 1;
	m->fragments = false;
	write_mix(m);
	play(m, 1);
	assert_true(m->world->n_events > 1000);
	assert_int_equal(m->world->stats.ndpi_full, 0);
	assert_int_equal(m->world->stats.flow.table_full, 0);
	assert_int_equal(m->world->stats.tcp.budget_gaps, 0);
	assert_int_equal(m->world->stats.arena_full, 0);
	one = sorted_events(m, &n_one);
	for (unsigned workers = 2; workers <= WORLD_WORKERS_MAX; workers++) {
		play(m, workers);
		more = sorted_events(m, &n_more);
		for (size_t i = 0; i < n_one && i < n_more; i++)
			assert_string_equal(one[i], more[i]);
		assert_int_equal(n_one, n_more);
		free_events(more, n_more);
	}
	free_events(one, n_one);
}

static void
make_tiny(struct worker_config *c, uint32_t seed)
{
	c->limits.inspect_memory = 1 << 20;
	c->limits.flows = seed == 2 ? 16 : 512;
	c->limits.ndpi_flows = 8;
	c->limits.fragment_datagrams = 4;
	c->limits.tcp_held = 64;
	c->limits.tcp_held_segments = 2;
	c->limits.tcp_unacked = 32;
	c->limits.tcp_held_total = 256;
	c->limits.tcp_segments = 8;
	c->limits.tcp_open_timeout = c->limits.tcp_idle_timeout = 1;
	c->limits.tcp_close_timeout = c->limits.udp_idle_timeout = 1;
	c->inspect.flow_memory = seed == 3 ? 6144 : 65536;
	c->inspect.first_bytes = 64;
	c->inspect.message_decoded = 128;
	c->inspect.decode_depth = 2;
	c->inspect.message_parts = 2;
	c->inspect.header_field = 64;
	c->inspect.raw_message = 100;
	c->inspect.distinct_exact = 1;
}

static void
test_tiny_budgets(void **state)
{
	struct mix *m = *state;
	struct worker_config before = m->world->cfg;

	m->fragments = true;
	for (uint32_t seed = 2; seed < 5; seed++) {
		m->seed = seed;
		write_mix(m);
		make_tiny(&m->world->cfg, seed);
		for (unsigned workers = 1; workers <= WORLD_WORKERS_MAX; workers++) {
			play(m, workers);
			assert_true(m->world->n_events > 100);
		}
	}
	m->world->cfg = before;
}

/* What leaves is whole, and has a right checksum. */
static void
leave(void *ctx, struct rte_mbuf *m, unsigned port)
{
	uint64_t *n = ctx;
	struct packet p;
	enum header_result r = headers_parse(m, VERIFY_YES, &p);

	assert_true(port < 2);
	assert_true(r == HEADER_OK || r == HEADER_FRAGMENT || r == HEADER_NOT_IP);
	n[port]++;
	rte_pktmbuf_free(m);
}

/* Inline, whatever is chosen and however little room there is: every byte leaves or is withheld. */
static void
test_inline(void **state)
{
	struct mix *m = *state;
	struct worker_config before = m->world->cfg;
	uint64_t left[2] = {0};

	m->fragments = true;
	for (uint32_t seed = 2; seed < 8; seed++) {
		struct worker_config *c = &m->world->cfg;

		m->seed = seed;
		write_mix(m);
		*c = before;
		if (seed < 5)
			make_tiny(c, seed);
		c->egress = (struct egress){leave, left};
		c->limits.hold_time = 100;
		c->choices.midstream_adopt = seed & 1;
		c->choices.full_table_pass = seed & 2;
		c->choices.no_memory_judge = seed & 4;
		c->choices.non_ip_drop = seed & 1;
		play(m, 1 + seed % WORLD_WORKERS_MAX);
		assert_true(m->world->stats.forwarded > 0);
		assert_true(m->world->stats.withheld[WITHHELD_REFUSED] > 0);
		assert_true(m->world->stats.normalise.swallowed_bytes > 0 || seed < 5);
	}
	assert_true(left[0] > 0 && left[1] > 0);
	m->world->cfg = before;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_agree),
		cmocka_unit_test(test_tiny_budgets),
		cmocka_unit_test(test_inline),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
