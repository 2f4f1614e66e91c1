/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/dataplane/wire_double.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "dataplane/headers.h"
#include "tests/support/frame.h"

/* Behind the IP header a transport header, or nothing of that kind; then what tells of it. */
enum { MARK = 14 + 20 + 8, NUMBER = MARK + 2, NUMBER_SIZE = 6, FRAME = NUMBER + NUMBER_SIZE };

struct wire {
	struct source source; /* first */
	struct wire_double d;
	struct wire_double_seen seen;
	uint64_t next[WIRE_DOUBLE_PAIRS]; /* number behind the latest that left, of each pair */
};

/* UDP whose checksum is left to the port: the sum of the pseudo header alone. */
static void
make_partial(uint8_t *frame)
{
	uint8_t *udp = frame + 34;

	frame[23] = 17;
	frame_put16(udp, 4000);
	frame_put16(udp + 2, 4001);
	frame_put16(udp + 4, FRAME - 34);
	frame_put16(udp + 6, (uint16_t)~frame_fold(frame_sum(frame + 26, 8, 17 + FRAME - 34)));
	frame_put16(frame + 24, frame_fold(frame_sum(frame + 14, 20, 0)));
}

/* IPv4 between 10.0.0.x and 192.0.2.x; both ways, in at either port. */
static void
make(struct wire *w, struct rte_mbuf *m, uint64_t i)
{
	uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 36};
	uint8_t pair = (uint8_t)(i % WIRE_DOUBLE_PAIRS), back = i / WIRE_DOUBLE_PAIRS & 1;
	uint8_t ends[2][4] = {{10, 0, 0, pair}, {192, 0, 2, pair}};
	uint16_t id = w->d.id == NULL ? 0 : w->d.id(i);

	if (w->d.not_ip) {
		frame[13] = 6;
	} else {
		frame[18] = (uint8_t)(id >> 8);
		frame[19] = (uint8_t)id;
		frame[22] = 64;
		frame[23] = 253;
		memcpy(frame + 26, ends[back], 4);
		memcpy(frame + 30, ends[1 - back], 4);
	}
	if (w->d.partial)
		make_partial(frame);
	frame[MARK] = pair;
	frame[MARK + 1] = back;
	memcpy(frame + NUMBER, &i, NUMBER_SIZE);
	memcpy(rte_pktmbuf_append(m, FRAME), frame, FRAME);
	*packet_meta(m) = (struct packet_meta){
		.ts_us = source_wall_us(), .wire_length = FRAME, .link = LINK_ETHERNET, .port = back};
}

static int
burst(struct source *source, struct rte_mbuf **pkts, unsigned n)
{
	struct wire *w = (struct wire *)source;
	unsigned got = 0;

	while (atomic_load(&w->d.hang))
		usleep(1000);
	if (w->d.pause_us > 0)
		usleep(w->d.pause_us);
	while (got < n && w->seen.given < w->d.packets &&
		(pkts[got] = rte_pktmbuf_alloc(w->d.pool)) != NULL)
		make(w, pkts[got++], atomic_fetch_add(&w->seen.given, 1));
	if (w->seen.given == w->d.packets && w->d.stop != NULL)
		atomic_store(w->d.stop, true);
	return (int)got;
}

static const struct source_ops ops = {.burst = burst};

struct wire *
wire_double_new(const struct wire_double *d)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w == NULL)
		abort();
	w->source.ops = &ops;
	w->source.live = true;
	w->d = *d;
	return w;
}

struct wire_double *
wire_double_of(struct wire *w)
{
	return &w->d;
}

const struct wire_double_seen *
wire_double_seen(const struct wire *w)
{
	return &w->seen;
}

struct source *
wire_source(struct wire *w)
{
	return &w->source;
}

void
wire_send(struct wire *w, struct rte_mbuf *m, unsigned port)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, MARK);
	uint64_t number = 0;
	struct packet parsed;

	memcpy(&number, p + 2, NUMBER_SIZE);
	if (w->d.partial)
		w->seen.complete += headers_parse(m, VERIFY_YES, &parsed) == HEADER_OK;
	w->seen.wrong_port += port != 1u - p[1];
	w->seen.twice += number + 1 == w->next[p[0]];
	w->seen.backwards += number + 1 < w->next[p[0]];
	w->next[p[0]] = number + 1;
	atomic_fetch_add(&w->seen.left, 1);
	atomic_fetch_add(&w->seen.left_of[p[0]], 1);
	w->seen.unflushed++;
	rte_pktmbuf_free(m);
}

void
wire_flush(struct wire *w)
{
	w->seen.flushes++;
	w->seen.unflushed = 0;
}

void
wire_tick(struct wire *w, uint64_t now_us)
{
	(void)now_us;
	w->seen.ticks++;
}

void
wire_port_stats(struct wire *w, unsigned port, struct wire_port_stats *ret)
{
	(void)w;
	*ret = (struct wire_port_stats){.link_up = port < 2};
}

void
wire_close(struct wire *w)
{
	free(w);
}
