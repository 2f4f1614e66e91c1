/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/e2e/equality/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_mempool.h>

#include "dataplane/inspection.h"
#include "tests/support/dpdk.h"

/* The wrapped functions have no other way to it. */
static struct lab *the_lab;

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	abort();
}

/* ---- what the inspectors read ---- */

void __real_conversation_data(struct conversation *c, enum direction dir, struct bytes in);
void __real_conversation_gap(struct conversation *c, enum direction dir, uint64_t lost);
void __real_conversation_finish(struct conversation *c, enum direction dir);
void __wrap_conversation_data(struct conversation *c, enum direction dir, struct bytes in);
void __wrap_conversation_gap(struct conversation *c, enum direction dir, uint64_t lost);
void __wrap_conversation_finish(struct conversation *c, enum direction dir);

/* The flow's own conversation, not one for bytes beside it; and of the sender's direction. */
static bool
is_watched(const struct conversation *c, enum direction dir)
{
	const struct inspection *in = c->host;

	return the_lab != NULL && in != NULL && c == &in->conversation &&
		c->ends.port[dir] == the_lab->port;
}

static struct record *
record_of(const struct conversation *c, enum direction dir)
{
	struct lab *lab = the_lab;
	struct record *r = lab->n_records == 0 ? NULL : &lab->records[lab->n_records - 1];

	if (r != NULL && r->conversation == c && !lab->datagrams &&
		(c->stats.delivered[dir] > 0 || (r->n == 0 && !r->finished)))
		return r;
	must(lab->n_records < LAB_RECORDS_MAX, "too many conversations in a case");
	r = &lab->records[lab->n_records++];
	r->conversation = c;
	r->n = 0;
	r->finished = r->gap = false;
	return r;
}

void
__wrap_conversation_data(struct conversation *c, enum direction dir, struct bytes in)
{
	struct record *r;

	if (is_watched(c, dir)) {
		r = record_of(c, dir);
		must(r->n + in.n <= LAB_STREAM_MAX, "too long a stream");
		memcpy(r->p + r->n, in.p, in.n);
		r->n += in.n;
	}
	__real_conversation_data(c, dir, in);
}

void
__wrap_conversation_gap(struct conversation *c, enum direction dir, uint64_t lost)
{
	if (is_watched(c, dir))
		record_of(c, dir)->gap = true;
	__real_conversation_gap(c, dir, lost);
}

void
__wrap_conversation_finish(struct conversation *c, enum direction dir)
{
	if (is_watched(c, dir))
		record_of(c, dir)->finished = true;
	__real_conversation_finish(c, dir);
}

/* ---- the device ---- */

/* Without these the kernel would be slow to answer what it doesn't like, and remember for
 * long what was begun. */
static void
set(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, value, strlen(value)) > 0, path);
	close(fd);
}

static void
configure(void)
{
	static const char *const commands[] = {
		"ip link set lo up",
		"ip link set rx0 address 02:00:00:00:00:02 mtu 1500 up",
		"ip address add 192.0.2.9/24 dev rx0",
		"ip route add 10.10.0.0/16 dev rx0",
		"ip neighbour add 10.10.0.5 lladdr 02:00:00:00:00:00 dev rx0",
		"ip -6 address add 2001:db8::900/64 dev rx0 nodad",
		"ip -6 neighbour add 2001:db8::5 lladdr 02:00:00:00:00:00 dev rx0",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		must(system(commands[i]) == 0, commands[i]);
	set("ipv4/tcp_invalid_ratelimit", "0");
	set("ipv4/tcp_synack_retries", "1");
	set("ipv4/tcp_syncookies", "0");
	set("ipv4/tcp_max_syn_backlog", "16384");
	/* What never becomes whole is forgotten later than thousands of cases have run. */
	set("ipv4/ipfrag_high_thresh", "536870912");
	set("ipv6/ip6frag_high_thresh", "536870912");
	set("ipv4/ipfrag_time", "5");
	set("ipv6/ip6frag_time", "5");
}

static int
open_tap(void)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	memcpy(r.ifr_name, "rx0", 4);
	must(fd >= 0, "/dev/net/tun");
	must(ioctl(fd, TUNSETIFF, &r) == 0, "TUNSETIFF");
	return fd;
}

static size_t
network_at(const uint8_t *frame, bool *v6)
{
	*v6 = frame[12] == 0x86;
	return FRAME_ETHER;
}

/* Frames die between the gateway and the kernel: too few hops, or by chance. */
static bool
is_lost(struct lab *lab, const uint8_t *frame, unsigned port)
{
	bool v6;
	const uint8_t *ip = frame + network_at(frame, &v6);
	bool lost = lab_below(lab, 100) < lab->lose[port];

	if (port == 1 && ip[v6 ? 7 : 8] <= LAB_TTL_SHORT)
		lost = true;
	lab->lost += lost;
	return lost;
}

static void
to_kernel(struct lab *lab, const uint8_t *frame, size_t n)
{
	/* It refuses what is no frame at all, and so does a network card. */
	if (!is_lost(lab, frame, 1) && write(lab->tap, frame, n) < 0)
		must(errno == EINVAL, "write to the device");
}

static void
to_sender(struct lab *lab, const uint8_t *frame, size_t n)
{
	if (!is_lost(lab, frame, 0) && lab->hear != NULL)
		lab->hear(lab->ctx, frame, n);
}

static void
on_leave(void *ctx, struct rte_mbuf *m, unsigned port)
{
	uint8_t frame[LAB_FRAME_MAX];
	uint32_t n = rte_pktmbuf_pkt_len(m);
	const uint8_t *p = n > sizeof(frame) ? NULL : rte_pktmbuf_read(m, 0, n, frame);

	must(p != NULL, "a frame that is too long leaves");
	if (port == 1)
		to_kernel(ctx, p, n);
	else
		to_sender(ctx, p, n);
	rte_pktmbuf_free(m);
}

static void
through_gateway(struct lab *lab, struct frame *f)
{
	f->us = lab->us += 37;
	lab->frames++;
	world_frames(lab->world, f, 1);
	if (!lab->control)
		return;
	if (f->port == 0)
		to_kernel(lab, f->data, f->n);
	else
		to_sender(lab, f->data, f->n);
}

/* Of TCP or UDP, to the sender of this case. Fragments the kernel makes none. */
static bool
is_of_case(const struct lab *lab, const uint8_t *frame, size_t n)
{
	bool v6;
	size_t at = network_at(frame, &v6);
	uint8_t protocol;

	if (n < at + 40 || (frame[12] != 0x08 && frame[12] != 0x86) || frame[13] == 0x06)
		return false;
	protocol = frame[at + (v6 ? 6 : 9)];
	at += v6 ? 40 : 20;
	return (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && n >= at + 4 &&
		(frame[at + 2] << 8 | frame[at + 3]) == lab->port;
}

void
lab_listen(struct lab *lab)
{
	struct frame f = {.port = 1};
	ssize_t n;

	while ((n = read(lab->tap, f.data, sizeof(f.data))) > 0) {
		f.n = f.wire = (uint32_t)n;
		if (is_of_case(lab, f.data, f.n))
			through_gateway(lab, &f);
	}
}

void
lab_send(struct lab *lab, struct frame *f)
{
	f->port = 0;
	through_gateway(lab, f);
	lab_listen(lab);
}

/* ---- cases ---- */

void
lab_open(struct lab *lab, bool control)
{
	*lab = (struct lab){.control = control, .us = UINT64_C(1700000000000000)};
	must(unshare(CLONE_NEWNET) == 0, "a network namespace");
	lab->tap = open_tap();
	configure();
	must(dpdk_start("512"), "DPDK");
	lab->records = calloc(LAB_RECORDS_MAX, sizeof(*lab->records));
	must(lab->records != NULL, "memory");
	lab->world = world_new();
	if (!control)
		lab->world->cfg.egress = (struct egress){.send = on_leave, .ctx = lab};
	world_open(lab->world, 1);
	the_lab = lab;
}

void
lab_close(struct lab *lab)
{
	worker_free(lab->world->workers[0]);
	world_free(lab->world);
	free(lab->records);
	close(lab->tap);
	the_lab = NULL;
}

void
lab_begin(struct lab *lab, uint64_t seed, uint16_t port)
{
	lab->random = seed;
	lab->port = port;
	lab->serial++;
	lab->n_records = 0;
	lab->lose[0] = lab->lose[1] = 0;
}

void
lab_end(struct lab *lab)
{
	struct worker *w = lab->world->workers[0];
	int64_t unaccounted;

	lab_listen(lab);
	lab->us += 1000000;
	worker_finish(w);
	must(worker_is_empty(w), "a finished worker holds something");
	must(rte_mempool_avail_count(lab->world->pool) == WORLD_POOL, "packet buffers are missing");
	unaccounted = stats_unaccounted(worker_stats(w));
	lab->miscounted = unaccounted - lab->unaccounted;
	lab->unaccounted = unaccounted;
	world_clear(lab->world);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint32_t
lab_below(struct lab *lab, uint32_t n)
{
	uint64_t z = lab->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

int
lab_socket(int family, int type, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	must(fd >= 0, "socket");
	inet_pton(AF_INET, "192.0.2.9", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::900", &v6.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		     family == AF_INET ? sizeof(v4) : sizeof(v6)) == 0, "bind");
	return fd;
}
