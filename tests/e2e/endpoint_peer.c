/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiver's side of one connection, on raw frames: answers the handshake by hand,
 * then leaves the line to endpoint.c. In the normaliser's place, bytes are put in order by
 * a plain map of what has come. The client sends byte i of its stream as i * 31 + i / 251.
 *
 *   endpoint_peer IFACE TOTAL DROP MODE WORDS
 *
 * DROP: each so-manieth frame of either direction is lost, 0 for none. MODE: `close` says half
 * of the file WORDS when half of TOTAL bytes have come, the rest with all of them, and closes;
 * `early` says all and closes with a quarter of them; `first` says and closes at once;
 * `reset` resets with all of them. Prints one line of JSON.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include "dataplane/endpoint.h"
#include "tests/support/dpdk.h"

enum { STREAM_MAX = 1 << 20, FRAME_BYTES = 1514, SCALE = 3, WINDOW = 8000 };

#define ISS 0xffffff80u

struct peer {
	struct endpoint e;
	struct segment_path path;
	struct rte_mempool *pool;
	int fd;
	unsigned total, drop;
	const char *mode;
	uint8_t words[ENDPOINT_WORDS_MAX];
	size_t n_words;
	size_t said;
	unsigned frames, partial;
	uint32_t irs, read; /* bytes in order */
	uint32_t fin_at;    /* UINT32_MAX: none yet */
	bool open, wrong, stopped;
	bool have[STREAM_MAX];
};

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* @return whether this frame, of either direction, is lost; never one of the handshake */
static bool
lost(struct peer *r)
{
	return r->open && r->drop > 0 && ++r->frames % r->drop == 0;
}

static void
on_send(void *ctx, struct rte_mbuf *m)
{
	struct peer *r = ctx;

	if (!lost(r) &&
		send(r->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m), 0) < 0)
		perror("send");
	rte_pktmbuf_free(m);
}

static const struct endpoint_ops ops = {.send = on_send};

/* What a SYN offers. */
struct offer {
	uint16_t mss;
	bool scaled, sack, stamped;
	uint8_t scale;
	uint32_t stamp;
};

static struct offer
offer_of(const struct packet *p)
{
	const uint8_t *o = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->l4_at + 20);
	uint32_t n = p->payload_at - p->l4_at - 20, echo;
	struct offer f = {.scaled = p->window_scale != PACKET_NO_SCALE, .scale = p->window_scale};

	f.stamped = segment_stamps(p, &f.stamp, &echo);
	for (uint32_t i = 0; i + 1 < n && o[i] != 0; i += o[i] == 1 ? 1 : o[i + 1]) {
		f.sack |= o[i] == 4;
		if (o[i] == 2)
			f.mss = (uint16_t)(o[i + 2] << 8 | o[i + 3]);
	}
	return f;
}

/* The options go out as payload of a SYN-ACK whose header is then made so much longer. */
static void
answer_syn(struct peer *r, const struct offer *f)
{
	uint8_t options[24] = {2, 4, 0x05, 0x78, 1, 3, 3, SCALE, 1, 1, 4, 2, 1, 1, 8, 10, 0, 0,
		0x30, 0x39, 0, 0, 0, 0};
	struct segment s = {.seq = ISS,
		.ack = r->irs + 1,
		.window = 60000,
		.flags = TCP_FLAG_SYN | TCP_FLAG_ACK,
		.payload = bytes_of(options, sizeof(options))};
	struct rte_mbuf *m;
	struct packet p;

	if (!f->scaled)
		memset(options + 4, 1, 4);
	if (!f->sack)
		memset(options + 8, 1, 4);
	if (f->stamped)
		for (int i = 0; i < 4; i++)
			options[20 + i] = (uint8_t)(f->stamp >> (24 - 8 * i));
	else
		memset(options + 12, 1, 12);
	m = segment_build(r->pool, &r->path, &s);
	(void)headers_parse(m, VERIFY_NO, &p);
	packet_write(&p, p.l4_at + 12, bytes_of("\xb0", 1));
	headers_complete_checksum(&p);
	on_send(r, m);
}

static void
on_syn(struct peer *r, const struct packet *p)
{
	struct endpoint_config cfg = {.ops = &ops, .ctx = r, .pool = r->pool, .path = &r->path};
	struct offer f = offer_of(p);
	struct segment_path there;

	segment_path_learn(&there, p);
	segment_path_turn(&r->path, &there);
	r->irs = p->seq;
	r->fin_at = UINT32_MAX;
	answer_syn(r, &f);
	cfg.seq = ISS + 1;
	cfg.ack = r->irs + 1;
	cfg.window = f.scaled ? WINDOW : 60000;
	cfg.peer_window = p->window;
	cfg.peer_scale = f.scaled ? f.scale : 0;
	cfg.mss = f.mss;
	cfg.stamped = f.stamped;
	cfg.sack = f.sack;
	cfg.stamp = 12345;
	cfg.echo = f.stamp;
	cfg.time_limit_us = 60000000;
	cfg.now_us = now_us();
	endpoint_open(&r->e, &cfg);
}

/* Put it where it belongs, and see how far all is there. */
static void
take(struct peer *r, const struct packet *p)
{
	uint32_t at = p->seq - (r->irs + 1);
	struct bytes piece = packet_piece(p, 0);

	for (size_t i = 0; i < piece.n; i++) {
		uint32_t place = at + (uint32_t)i;

		if (place >= STREAM_MAX)
			continue; /* a keep-alive's byte, from before the start */
		r->have[place] = true;
		/* What is before the stream's next byte may be a keep-alive's garbage. */
		r->wrong |= place >= r->read && piece.p[i] != (uint8_t)(place * 31 + place / 251);
	}
	if (p->tcp_flags & TCP_FLAG_FIN)
		r->fin_at = at + p->payload_len;
	while (r->read < STREAM_MAX && r->have[r->read])
		r->read++;
	endpoint_acknowledge(&r->e, r->irs + 1 + r->read + (r->read == r->fin_at), now_us());
}

static void
say(struct peer *r, size_t n)
{
	if (endpoint_say(&r->e, bytes_of(r->words + r->said, n), now_us()))
		r->said += n;
}

static void
speak(struct peer *r)
{
	unsigned at = strcmp(r->mode, "first") == 0 ? 0
		: strcmp(r->mode, "early") == 0	    ? r->total / 4
						    : r->total;

	if (r->said == 0 && strcmp(r->mode, "close") == 0 && r->read >= r->total / 2)
		say(r, r->n_words / 2);
	if (r->stopped || r->read < at)
		return;
	if (strcmp(r->mode, "reset") == 0) {
		endpoint_reset(&r->e);
	} else {
		say(r, r->n_words - r->said);
		endpoint_close(&r->e, now_us());
	}
	r->stopped = true;
}

static void
on_frame(struct peer *r, struct rte_mbuf *m)
{
	enum header_result result;
	struct packet p;

	result = headers_parse(m, VERIFY_OR_COMPLETE, &p);
	if (!header_result_usable(result) || p.kind != PACKET_TCP || p.port[1] != 25)
		return;
	r->partial += result == HEADER_PARTIAL_CHECKSUM;
	if ((p.tcp_flags & TCP_FLAG_SYN) && !r->open) {
		on_syn(r, &p);
		return;
	}
	if (r->path.n_link == 0 || lost(r))
		return;
	r->open = true;
	endpoint_segment(&r->e, &p, now_us());
	take(r, &p);
	speak(r);
}

static void
receive(struct peer *r)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);
	ssize_t n = recv(r->fd, rte_pktmbuf_mtod(m, void *), FRAME_BYTES + 1, 0);

	if (n > 0 && n <= FRAME_BYTES) {
		rte_pktmbuf_append(m, (uint16_t)n);
		*packet_meta(m) = (struct packet_meta){.wire_length = (uint32_t)n};
		on_frame(r, m);
	} else if (n > FRAME_BYTES) {
		fprintf(stderr, "a frame larger than the MTU: segmentation offload is on\n");
	}
	rte_pktmbuf_free(m);
}

static int
open_socket(const char *interface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0) {
		perror(interface);
		return -1;
	}
	return fd;
}

static bool
read_words(struct peer *r, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return false;
	r->n_words = fread(r->words, 1, sizeof(r->words), f);
	fclose(f);
	return r->n_words > 0;
}

static void
serve(struct peer *r)
{
	uint64_t end = now_us() + UINT64_C(90) * 1000000;

	while (now_us() < end) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		uint64_t now = now_us(), next = now + 1000000;

		if (r->open) {
			uint64_t asked = endpoint_tick(&r->e, now);

			next = asked < next ? asked : next;
			if (endpoint_state(&r->e) == ENDPOINT_DONE)
				return;
		}
		if (poll(&p, 1, next > now ? (int)((next - now) / 1000) + 1 : 0) > 0)
			receive(r);
	}
}

int
main(int argc, char **argv)
{
	static struct peer r;

	if (argc != 6 || !dpdk_start("64") || !read_words(&r, argv[5])) {
		fprintf(stderr, "usage: endpoint_peer IFACE TOTAL DROP MODE WORDS\n");
		return 2;
	}
	r.total = (unsigned)strtoul(argv[2], NULL, 10);
	r.drop = (unsigned)strtoul(argv[3], NULL, 10);
	r.mode = argv[4];
	r.pool = rte_pktmbuf_pool_create("frames", 511, 0,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN),
		2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	r.fd = open_socket(argv[1]);
	if (r.pool == NULL || r.fd < 0)
		return 2;
	fprintf(stderr, "ready\n");
	serve(&r);
	printf("{\"done\": %s, \"read\": %u, \"fin\": %s, \"wrong\": %s, \"partial\": %u, "
	       "\"frames\": %u, \"buffers\": %u}\n",
		endpoint_state(&r.e) == ENDPOINT_DONE ? "true" : "false", r.read,
		r.read == r.fin_at ? "true" : "false", r.wrong ? "true" : "false", r.partial,
		r.frames, rte_mempool_avail_count(r.pool));
	close(r.fd);
	return 0;
}
