/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bad link between two interfaces, with the effects of `tc netem` and in its terms
 * (tc-netem(8)), for kernels that have none; and by a seed, so that a run can be had again.
 *
 *	impair [OPTIONS] INTERFACE INTERFACE      TERM ends it
 *
 *	--loss PERCENT       of the frames are lost
 *	--delay MS           each frame waits so long,
 *	--jitter MS          so much more or less: then they overtake each other
 *	--reorder PERCENT    of them don't wait
 *	--duplicate PERCENT  of them come twice
 *	--seed N             of the dice
 *
 * All of it in both directions. At the end it prints how often each happened.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME_BYTES = 2048,
	WAITING_MAX = 32768, /* frames on their way; netem's `limit` */
	BURST = 64,	     /* received or sent in one call of the kernel */
	BUFFER = 32 << 20,   /* of a socket */
	NS_PER_MS = 1000000,
};

struct frame {
	uint64_t due_ns, serial; /* the order in which they leave */
	unsigned to, n;
	struct frame *next; /* while it is free */
	uint8_t bytes[FRAME_BYTES];
};

struct impair {
	double loss, delay, jitter, reorder, duplicate; /* percent, and milliseconds */
	uint64_t seed, serial;
	uint64_t frames, lost, reordered, duplicated, overflowed;
	int fd[2];
	struct frame *pool, *free;
	struct frame *heap[WAITING_MAX]; /* binary: each before both that it stands above */
	unsigned n_heap;
};

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void
die(const char *what)
{
	fprintf(stderr, "impair: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

/* [0, 1), by xorshift64* (Vigna, 2016). */
static double
dice(struct impair *m)
{
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	return (double)(m->seed * UINT64_C(2685821657736338717) >> 11) / (double)(UINT64_C(1) << 53);
}

static bool
happens(struct impair *m, double percent)
{
	return percent > 0 && dice(m) * 100 < percent;
}

/* ---- frames that wait ---- */

static bool
is_before(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static void
heap_put(struct impair *m, struct frame *f)
{
	unsigned at = m->n_heap++;

	for (; at > 0 && is_before(f, m->heap[(at - 1) / 2]); at = (at - 1) / 2)
		m->heap[at] = m->heap[(at - 1) / 2];
	m->heap[at] = f;
}

static struct frame *
heap_take(struct impair *m)
{
	struct frame *first = m->heap[0], *last = m->heap[--m->n_heap];
	unsigned at = 0;

	for (;;) {
		unsigned below = 2 * at + 1;

		if (below + 1 < m->n_heap && is_before(m->heap[below + 1], m->heap[below]))
			below++;
		if (below >= m->n_heap || !is_before(m->heap[below], last))
			break;
		m->heap[at] = m->heap[below];
		at = below;
	}
	m->heap[at] = last;
	return first;
}

static void
give_back(struct impair *m, struct frame *f)
{
	f->next = m->free;
	m->free = f;
}

static void
enqueue(struct impair *m, const uint8_t *bytes, unsigned n, unsigned to, uint64_t now)
{
	struct frame *f = m->free;
	double ms = m->delay;

	if (f == NULL) {
		m->overflowed++;
		return;
	}
	m->free = f->next;
	if (m->jitter > 0)
		ms += m->jitter * (2 * dice(m) - 1);
	if (happens(m, m->reorder)) {
		m->reordered++;
		ms = 0;
	}
	f->due_ns = now + (ms > 0 ? (uint64_t)(ms * NS_PER_MS) : 0);
	f->serial = m->serial++;
	f->to = to;
	f->n = n;
	memcpy(f->bytes, bytes, n);
	heap_put(m, f);
}

static void
arrived(struct impair *m, const uint8_t *bytes, unsigned n, unsigned to, uint64_t now)
{
	m->frames++;
	if (happens(m, m->loss)) {
		m->lost++;
		return;
	}
	if (happens(m, m->duplicate)) {
		m->duplicated++;
		enqueue(m, bytes, n, to, now);
	}
	enqueue(m, bytes, n, to, now);
}

/* ---- the two ends ---- */

static int
open_end(const char *interface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface)};
	struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, room = BUFFER;

	if (fd < 0 || at.sll_ifindex == 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0 ||
		bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die(interface);
	return fd;
}

static void
receive(struct impair *m, unsigned from, uint64_t now)
{
	static uint8_t bytes[BURST][FRAME_BYTES];
	struct mmsghdr messages[BURST] = {0};
	struct iovec data[BURST];
	int n;

	for (unsigned i = 0; i < BURST; i++) {
		data[i] = (struct iovec){bytes[i], FRAME_BYTES};
		messages[i].msg_hdr.msg_iov = &data[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(m->fd[from], messages, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		arrived(m, bytes[i], messages[i].msg_len, from ^ 1, now);
}

/* What is due to one end; what it has no room for is lost, as on any link. */
static unsigned
send_due(struct impair *m, uint64_t now)
{
	struct mmsghdr messages[BURST] = {0};
	struct iovec data[BURST];
	struct frame *frames[BURST];
	unsigned n = 0, to = m->n_heap > 0 ? m->heap[0]->to : 0;

	while (n < BURST && m->n_heap > 0 && m->heap[0]->due_ns <= now && m->heap[0]->to == to) {
		frames[n] = heap_take(m);
		data[n] = (struct iovec){frames[n]->bytes, frames[n]->n};
		messages[n].msg_hdr.msg_iov = &data[n];
		messages[n].msg_hdr.msg_iovlen = 1;
		n++;
	}
	for (unsigned done = 0; done < n;) {
		int r = sendmmsg(m->fd[to], messages + done, n - done, MSG_DONTWAIT);

		m->overflowed += r < 1;
		done += r < 1 ? 1 : (unsigned)r;
	}
	for (unsigned i = 0; i < n; i++)
		give_back(m, frames[i]);
	return n;
}

static void
run(struct impair *m)
{
	while (!stop) {
		struct pollfd ends[2] = {{m->fd[0], POLLIN, 0}, {m->fd[1], POLLIN, 0}};
		uint64_t now = now_ns(), wait = 100 * NS_PER_MS;
		struct timespec t = {0};

		if (m->n_heap > 0)
			wait = m->heap[0]->due_ns > now ? m->heap[0]->due_ns - now : 0;
		t.tv_nsec = (long)(wait < 100 * NS_PER_MS ? wait : 100 * NS_PER_MS);
		if (ppoll(ends, 2, &t, NULL) < 0 && errno != EINTR)
			die("poll");
		now = now_ns();
		for (unsigned i = 0; i < 2; i++)
			if (ends[i].revents & POLLIN)
				receive(m, i, now);
		while (send_due(m, now) > 0)
			;
	}
}

/* ---- all together ---- */

static void
options(struct impair *m, int argc, char **argv)
{
	static const struct option names[] = {{"loss", 1, NULL, 'l'}, {"delay", 1, NULL, 'd'},
		{"jitter", 1, NULL, 'j'}, {"reorder", 1, NULL, 'r'}, {"duplicate", 1, NULL, 'u'},
		{"seed", 1, NULL, 's'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		double v = c == '?' ? 0 : atof(optarg);

		switch (c) {
		case 'l': m->loss = v; break;
		case 'd': m->delay = v; break;
		case 'j': m->jitter = v; break;
		case 'r': m->reorder = v; break;
		case 'u': m->duplicate = v; break;
		case 's': m->seed = strtoull(optarg, NULL, 10) | 1; break;
		default: exit(2);
		}
	}
	if (argc - optind != 2) {
		fputs("usage: impair [OPTIONS] INTERFACE INTERFACE\n", stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static struct impair m = {.seed = 1};
	struct sigaction end = {.sa_handler = on_signal};

	options(&m, argc, argv);
	m.pool = calloc(WAITING_MAX, sizeof(*m.pool));
	if (m.pool == NULL)
		die("memory");
	for (unsigned i = 0; i < WAITING_MAX; i++)
		give_back(&m, &m.pool[i]);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	/* Without it the kernel adds 50 µs to each wait. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	for (unsigned i = 0; i < 2; i++)
		m.fd[i] = open_end(argv[optind + (int)i]);
	puts("ready");
	fflush(stdout);
	run(&m);
	printf("%llu frames, %llu lost, %llu reordered, %llu duplicated, %llu overflowed\n",
		(unsigned long long)m.frames, (unsigned long long)m.lost,
		(unsigned long long)m.reordered, (unsigned long long)m.duplicated,
		(unsigned long long)m.overflowed);
	free(m.pool);
	return 0;
}
