/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: a byte that chooses the worker, then steps of four bytes: what, of which
 * connection and side, and two numbers. Clients inside and servers outside (or the
 * other way round) say words of mail, web and FTP and identifiers, in whatever order
 * and cut; segments come twice, late, changed, in fragments, at the wrong port; time
 * passes, and runs back; policies change. All of it goes through an inline worker.
 *
 * Laws, for every direction from inside to outside:
 *  - a byte that has left never leaves as another one (but for zeros in the place
 *    of what was acknowledged), and payload leaves in order;
 *  - no identifier leaves, however it was cut;
 *  - behind an RST to the receiver no payload leaves.
 * And world_flush()'s: every byte is in one column, nothing is held, all buffers
 * are back.
 */
#include <stdint.h>
#include <stdio.h>
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

#define NUMBER " 19760102-2382 "

enum { CONNECTIONS = 8, STREAM = 1 << 14, STEP = 4, STEPS_MAX = 400, FIRST_PORT = 40000 };

/* Connections of a kind: the server is inside; by IPv6, which is outside; with a VLAN tag. */
enum { INBOUND = 5, SIXTH, TAGGED };

/* The worker that an input asks for. */
enum { PLAIN, LITTLE_MEMORY, FEW_FLOWS, LITTLE_TCP, LENIENT, KINDS };

static const char *const words[] = {NUMBER, NUMBER, "220 mx ESMTP\r\n", "250 ok\r\n",
	"354 go on\r\n", "EHLO vard.example\r\n", "MAIL FROM:<a@vard.example>\r\n",
	"RCPT TO:<b@x.example>\r\n", "DATA\r\n", "Subject: x\r\n\r\n", "a line of text\r\n",
	"\r\n.\r\n", "QUIT\r\n", "RSET\r\n", "BDAT 30000\r\n", "BDAT 30000 LAST\r\n",
	"GET / HTTP/1.1\r\nHost: x.example\r\n\r\n",
	"PUT /a HTTP/1.1\r\nHost: x.example\r\nContent-Length: 30000\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x.example\r\nTransfer-Encoding: chunked\r\n\r\n", "7000\r\n",
	"0\r\n\r\n", "HTTP/1.1 200 Ok\r\nContent-Length: 30000\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 204 No\r\n\r\n", "220 ftp server\r\n", "USER a\r\n", "331 more\r\n", "PASS b\r\n",
	"230 in\r\n", "PASV\r\n", "227 Entering Passive Mode (198,51,100,9,195,80)\r\n",
	"STOR list.csv\r\n", "RETR list.csv\r\n", "150 ok\r\n", "226 done\r\n", "550 no\r\n", "x", "1",
	"words and words and words and words and words and words and words and words and words "
	"and words and words and words and words and words and words and words and words and "
	"words and words and words and words and words and words and words and words.\r\n",
	"BDAT 40\r\n", "BDAT 40 LAST\r\n",
	"PUT /a HTTP/1.1\r\nHost: x.example\r\nContent-Length: 40\r\n\r\n", "1a\r\n",
	"HTTP/1.1 200 Ok\r\nContent-Length: 40\r\n\r\n"};

/* From here on they set lengths that may cut an identifier in two, for good. */
enum { CUTTING = 39 };

/* One direction: what was sent, and what has left of it. */
struct side {
	uint32_t first, next; /* sequence numbers: of the SYN, and of what comes next */
	uint8_t said[STREAM]; /* from first + 1 on */
	uint8_t left[STREAM];
	uint32_t n_left, left_first;
	bool begun, reset;
};

struct connection {
	struct frame_ends ends;
	struct side side[2];
	bool inside[2];
	bool cut; /* what is said may be cut */
};

static struct connection connections[CONNECTIONS];
static struct world *world;
static bool judged; /* nothing leaves in this worker but what was read */

static void
must(bool holds, const char *law)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", law);
	abort();
}

/* ---- what leaves ---- */

static void
check_number(const struct side *s)
{
	must(memmem(s->left, s->n_left, NUMBER, sizeof(NUMBER) - 1) == NULL,
		"an identifier has left");
}

static void
take_payload(struct connection *c, int dir, const struct packet *p, const uint8_t *payload)
{
	struct side *s = &c->side[dir];
	uint32_t at = p->seq - s->left_first - 1;

	/* Picked up in the middle, perhaps once more: where its stream began isn't known. */
	if (world->cfg.choices.midstream_adopt)
		return;
	must(!s->reset, "payload leaves behind a reset");
	must(s->begun && at <= s->n_left, "payload leaves out of order");
	for (uint32_t i = 0; i < p->payload_len && at + i < STREAM; i++) {
		if (at + i < s->n_left) {
			must(payload[i] == s->left[at + i] || payload[i] == 0,
				"a byte leaves as another one");
			continue;
		}
		s->left[at + i] = payload[i];
		s->n_left++;
	}
	if (c->inside[dir] && judged && !c->cut)
		check_number(s);
}

static void
take_segment(struct connection *c, int dir, const struct packet *p, const uint8_t *payload)
{
	struct side *s = &c->side[dir];

	if (p->tcp_flags & TCP_FLAG_SYN) {
		s->begun = true;
		s->reset = false;
		s->left_first = p->seq;
		s->n_left = 0;
		return;
	}
	if (p->tcp_flags & TCP_FLAG_RST)
		s->reset = true;
	else if (p->payload_len > 0 && c->inside[dir])
		take_payload(c, dir, p, payload);
}

static void
hear(void *ctx, struct rte_mbuf *m, unsigned port)
{
	struct packet p;
	const uint8_t *payload;

	must(port < 2, "a frame leaves at no port");
	must(headers_parse(m, VERIFY_YES, &p) == HEADER_OK, "a damaged frame leaves");
	payload = rte_pktmbuf_mtod_offset(m, const uint8_t *, p.payload_at);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &connections[i];
		int dir = port == 1 ? 0 : 1;

		if (c->ends.port[0] != p.port[dir] || c->ends.port[1] != p.port[!dir])
			continue;
		if (p.kind == PACKET_TCP)
			take_segment(c, dir, &p, payload);
		else if (c->inside[dir] && judged)
			must(memmem(payload, p.payload_len, NUMBER, sizeof(NUMBER) - 1) == NULL,
				"an identifier has left in a datagram");
	}
	rte_pktmbuf_free(m);
}

/* ---- workers ---- */

static struct world *
first_world(void)
{
	struct world *w;

	if (!dpdk_start("256"))
		abort();
	w = world_new();
	w->cfg.egress.send = hear;
	w->cfg.log_messages = true;
	w->cfg.limits.inspect_memory = 4 << 20;
	w->cfg.limits.flows = 64;
	w->cfg.limits.absorb_bytes = 65536;
	w->cfg.limits.fragment_datagrams = 4;
	w->cfg.limits.ndpi_flows = 16;
	w->cfg.inspect.raw_message = 2048;
	w->cfg.inspect.first_bytes = 2048;
	return w;
}

static void
choose(struct world *w, unsigned kind)
{
	switch (kind) {
	case LITTLE_MEMORY:
		w->cfg.inspect.flow_memory = 12288;
		w->cfg.limits.inspect_memory = 1 << 15;
		break;
	case FEW_FLOWS:
		w->cfg.limits.flows = 8;
		break;
	case LITTLE_TCP:
		w->cfg.limits.tcp_held = 2048;
		w->cfg.limits.tcp_held_segments = 4;
		w->cfg.limits.tcp_unacked = 4096;
		w->cfg.limits.tcp_segments = 16;
		break;
	case LENIENT:
		w->cfg.choices = (struct inline_choices){.midstream_adopt = true,
			.full_table_pass = true,
			.no_memory_judge = true,
			.hold_expired_forward = true};
		w->cfg.inspect.flow_memory = 16384;
		break;
	default:
		break;
	}
}

/* Workers live on from input to input: to make one takes nDPI too long. */
static struct world *
world_of(unsigned kind)
{
	static struct world *worlds[KINDS], *first;
	struct world *w = worlds[kind];

	/* The policy's opaque: alert lets go what there is no memory to decode. */
	judged = kind != LENIENT && kind != LITTLE_MEMORY;
	if (w != NULL)
		return w;
	if (first == NULL)
		first = first_world();
	w = worlds[kind] = malloc(sizeof(*w));
	if (w == NULL)
		abort();
	*w = *first;
	w->cfg.events.ctx = w;
	choose(w, kind);
	world_open(w, 1);
	return w;
}

/* ---- what is said ---- */

static void
begin_connections(void)
{
	static const uint16_t ports[CONNECTIONS] = {25, 80, 21, 50000, 7777, 80, 25, 21};

	memset(connections, 0, sizeof(connections));
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &connections[i];
		int in = i == INBOUND ? 1 : 0;

		c->ends = frame_ends(i == SIXTH ? 6 : 4, 5, (uint16_t)(FIRST_PORT + i), ports[i]);
		c->ends.vlan = i == TAGGED ? 12 : 0;
		if (i != SIXTH) {
			memcpy(c->ends.address[in], (uint8_t[]){10, 10, 0, 5}, 4);
			memcpy(c->ends.address[!in], (uint8_t[]){198, 51, 100, 9}, 4);
			c->inside[in] = true;
		}
		for (int side = 0; side < 2; side++)
			c->side[side] = (struct side){.first = 1000, .next = 1001};
	}
}

static struct rte_mbuf *
mbuf_of(const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world->pool);
	char *at = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)f->n);

	must(at != NULL, "no packet buffer");
	memcpy(at, f->data, f->n);
	*packet_meta(m) = (struct packet_meta){
		.ts_us = f->us, .wire_length = f->n, .link = LINK_ETHERNET, .port = f->port};
	world->packets++;
	return m;
}

/* How a frame is given to the worker. */
enum { AS_IT_IS, WRONG_PORT, FRAGMENTS, DAMAGED, MANNERS };

static void
give(struct frame *f, const struct connection *c, int side, unsigned manner)
{
	size_t head = FRAME_ETHER + 20 + (c->ends.vlan != 0 ? 4 : 0), n = f->n - head;
	size_t cut = c->ends.family == 4 ? n / 2 / 8 * 8 : 0;
	struct frame part[2] = {{.us = f->us}, {.us = f->us}};
	struct rte_mbuf *m[2];
	static uint16_t id;

	if (manner == WRONG_PORT)
		f->port ^= 1;
	if (manner == DAMAGED)
		f->data[f->n - 1] ^= 1;
	if (manner != FRAGMENTS || cut == 0) {
		m[0] = mbuf_of(f);
		worker_burst(world->workers[0], m, 1);
		return;
	}
	id++;
	memcpy(frame_ip(&part[0], &c->ends, side == 0, 6, cut, id, 0x2000), f->data + head, cut);
	memcpy(frame_ip(&part[1], &c->ends, side == 0, 6, n - cut, id, (uint16_t)(cut / 8)),
		f->data + head + cut, n - cut);
	m[0] = mbuf_of(&part[0]);
	m[1] = mbuf_of(&part[1]);
	worker_burst(world->workers[0], m, 2);
}

/* [at, at + n) of what a side has said, or an empty segment. */
static void
send(struct connection *c, int side, uint8_t flags, uint32_t at, uint32_t n, uint64_t us,
	unsigned manner)
{
	const struct side *s = &c->side[side], *peer = &c->side[!side];
	/* It acknowledges what has reached it. */
	uint32_t ack = peer->begun ? peer->left_first + 1 + peer->n_left : peer->next;
	struct frame f = {.us = us};
	uint8_t payload[STREAM];

	if (flags & TCP_FLAG_ACK && manner == AS_IT_IS && !c->inside[!side])
		ack = peer->next;
	if (at < STREAM && n <= STREAM - at)
		memcpy(payload, s->said + at, n);
	else
		n = 0;
	if (n > 1400)
		n = 1400;
	frame_tcp(&f, &c->ends, side == 0,
		&(struct frame_tcp){flags, s->first + 1 + at, ack}, payload, n);
	give(&f, c, side, manner);
}

static void
say(struct connection *c, int side, uint8_t word, uint8_t how, uint64_t us)
{
	struct side *s = &c->side[side];
	const char *text = words[word % (sizeof(words) / sizeof(words[0]))];
	uint32_t at = s->next - s->first - 1, n = (uint32_t)strlen(text), cut;
	unsigned manner = how >> 5 == 7 ? how % MANNERS : how >> 5 == 6 ? FRAGMENTS : AS_IT_IS;

	if (at >= STREAM || n > STREAM - at)
		return;
	memcpy(s->said + at, text, n);
	s->next += n;
	c->cut |= word % (sizeof(words) / sizeof(words[0])) >= CUTTING;
	cut = how % 24;
	if (cut >= n || how >= 0xc0) {
		send(c, side, TCP_FLAG_ACK | TCP_FLAG_PSH, at, n, us, manner);
		return;
	}
	/* In two, perhaps the second one first. */
	send(c, side, TCP_FLAG_ACK, how & 0x20 ? at + cut : at, how & 0x20 ? n - cut : cut, us,
		manner);
	send(c, side, TCP_FLAG_ACK, how & 0x20 ? at : at + cut, how & 0x20 ? cut : n - cut, us,
		manner);
}

/* What was said some time ago, as it was or not. */
static void
repeat(struct connection *c, int side, uint8_t back, uint8_t n, bool other, uint64_t us)
{
	struct side *s = &c->side[side];
	uint32_t end = s->next - s->first - 1, at = end > back ? end - back : 0;
	uint8_t was[256];

	if (at + n > STREAM)
		return;
	memcpy(was, s->said + at, n);
	for (unsigned i = 0; other && i < n; i++)
		s->said[at + i] = "x19760102-2382 "[i % 15];
	send(c, side, TCP_FLAG_ACK, at, n, us, AS_IT_IS);
	memcpy(s->said + at, was, n);
}

static void
open_connection(struct connection *c, uint8_t how, uint64_t us)
{
	for (int side = 0; side < 2; side++) {
		struct side *s = &c->side[side];

		s->first = s->next + 70000u * how;
		s->next = s->first + 1;
	}
	send(c, 0, TCP_FLAG_SYN, (uint32_t)-1, 0, us, how >> 6);
	if (how & 1)
		send(c, 0, TCP_FLAG_SYN, (uint32_t)-1, 0, us, AS_IT_IS);
	send(c, 1, TCP_FLAG_SYN | TCP_FLAG_ACK, (uint32_t)-1, 0, us, AS_IT_IS);
	send(c, 0, TCP_FLAG_ACK, 0, 0, us, AS_IT_IS);
}

static uint64_t
step_us(uint8_t code)
{
	static const uint64_t steps[] = {10000, 100000, 600000, 2100000, 11000000, 61000000,
		130000000, (uint64_t)-700000, (uint64_t)-90000000};

	return steps[code % (sizeof(steps) / sizeof(steps[0]))];
}

static void
datagram(struct connection *c, int side, uint8_t word, uint64_t us)
{
	const char *text = words[word % (sizeof(words) / sizeof(words[0]))];
	struct frame f = {.us = us};

	frame_udp(&f, &c->ends, side == 0, text, strlen(text));
	give(&f, c, side, AS_IT_IS);
}

enum { SAY = 8, OPEN = 10, REPEAT, REPEAT_OTHER, FIN, RST, ACK, TIME, UDP, POLICY, WHATS };

static uint64_t
one_step(const uint8_t *p, uint64_t us)
{
	struct connection *c = &connections[(p[1] >> 1) % CONNECTIONS];
	int side = p[1] & 1;
	uint32_t end = c->side[side].next - c->side[side].first - 1;

	switch (p[0] % WHATS) {
	case SAY ... OPEN - 1:
	default:
		say(c, side, p[2], p[3], us);
		break;
	case OPEN:
		open_connection(c, p[2], us);
		break;
	case REPEAT:
	case REPEAT_OTHER:
		repeat(c, side, p[2], p[3], p[0] % WHATS == REPEAT_OTHER, us);
		break;
	case FIN:
		send(c, side, TCP_FLAG_FIN | TCP_FLAG_ACK, end, 0, us, AS_IT_IS);
		break;
	case RST:
		send(c, side, TCP_FLAG_RST | TCP_FLAG_ACK, end - p[2] / 64, 0, us, AS_IT_IS);
		break;
	case ACK:
		send(c, side, TCP_FLAG_ACK, end - p[2] / 128, p[2] & 1, us, p[3] % MANNERS);
		break;
	case TIME:
		us += step_us(p[2]);
		worker_idle(world->workers[0], us);
		break;
	case UDP:
		datagram(c, side, p[2], us);
		break;
	case POLICY:
		if (p[2] < 64)
			must(worker_set_policy(world->workers[0], world->cfg.policy), "no memory");
		break;
	}
	return us;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t us = UINT64_C(1774000000000000);

	if (size < 1 + STEP || size > 1 + STEP * STEPS_MAX)
		return 0;
	world = world_of(data[0] % KINDS);
	world_clear(world);
	begin_connections();
	for (size_t at = 1; at + STEP <= size; at += STEP)
		us = one_step(data + at, us + 100);
	world_flush(world);
	for (size_t i = 0; i < world->n_events; i++)
		must(world->events[i][0] == '{' && strchr(world->events[i], '\n') == NULL,
			"an event isn't one line");
	return 0;
}
