/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"

enum {
	/* What a busy machine lets us wait for, some ten milliseconds, must find room. */
	FRAMES = 16384,
	FRAME_BYTES = 2048,
	BLOCK_BYTES = 1 << 17,
	SEND_BUFFER = 4 << 20,
	SEND_MOST = 64, /* frames in one call of the kernel */
	TAG_BYTES = 4,
	TAG_AT = 2 * ETH_ALEN,
};

struct packet_socket {
	int fd;
	uint8_t *ring;
	unsigned next;
	uint64_t drops; /* so far: the kernel's count starts again when it is read */
};

/* ---- opening ---- */

static int
set(int fd, int option, const void *value, size_t n)
{
	return setsockopt(fd, SOL_PACKET, option, value, (socklen_t)n);
}

static int
make_ring(struct packet_socket *s)
{
	int version = TPACKET_V2;
	struct tpacket_req req = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = (unsigned)FRAMES * FRAME_BYTES / BLOCK_BYTES,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = FRAMES,
	};
	void *ring;

	if (set(s->fd, PACKET_VERSION, &version, sizeof(version)) != 0 ||
		set(s->fd, PACKET_RX_RING, &req, sizeof(req)) != 0)
		return -1;
	ring = mmap(NULL, (size_t)FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		0);
	if (ring == MAP_FAILED)
		return -1;
	s->ring = ring;
	return 0;
}

static int
set_up(struct packet_socket *s, unsigned index, bool alone)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)index};
	struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
	int one = 1, ignore = alone, room = SEND_BUFFER;

	if (make_ring(s) != 0 || set(s->fd, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) != 0)
		return -1;
	/* Past the queueing discipline: one queue, ours, is enough. */
	if (set(s->fd, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0)
		return -1;
	/* What the kernel grants without the force is enough to work with. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (set(s->fd, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0)
		return -1;
	/* The last: until then nothing is received. */
	return bind(s->fd, (struct sockaddr *)&at, sizeof(at));
}

struct packet_socket *
packet_socket_open(const char *interface, bool alone)
{
	struct packet_socket *s = calloc(1, sizeof(*s));
	unsigned index = if_nametoindex(interface);

	if (s == NULL)
		return NULL;
	s->fd = index != 0 ? socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) : -1;
	if (s->fd < 0 || set_up(s, index, alone) != 0) {
		int e = errno;

		packet_socket_close(s);
		errno = e;
		return NULL;
	}
	return s;
}

void
packet_socket_close(struct packet_socket *s)
{
	if (s == NULL)
		return;
	if (s->ring != NULL)
		munmap(s->ring, (size_t)FRAMES * FRAME_BYTES);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* ---- receiving ---- */

/* The kernel keeps the outer tag beside the frame, with its TPID (802.1Q or 802.1ad). */
static void
copy_frame(struct rte_mbuf *m, const struct tpacket2_hdr *h)
{
	const uint8_t *from = (const uint8_t *)h + h->tp_mac;
	uint32_t n = h->tp_snaplen, tag = 0;
	uint8_t *to = rte_pktmbuf_mtod(m, uint8_t *);

	if ((h->tp_status & TP_STATUS_VLAN_VALID) != 0 && n >= TAG_AT) {
		uint16_t tpid = (h->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h->tp_vlan_tpid
									        : ETH_P_8021Q;
		uint16_t both[2] = {htons(tpid), htons(h->tp_vlan_tci)};

		memcpy(to, from, TAG_AT);
		memcpy(to + TAG_AT, both, TAG_BYTES);
		memcpy(to + TAG_AT + TAG_BYTES, from + TAG_AT, n - TAG_AT);
		tag = TAG_BYTES;
	} else {
		memcpy(to, from, n);
	}
	m->data_len = (uint16_t)(n + tag);
	m->pkt_len = n + tag;
	*packet_meta(m) = (struct packet_meta){
		.wire_length = h->tp_len + tag,
		.cut = h->tp_len > n,
	};
}

uint16_t
packet_socket_rx(struct packet_socket *s, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n)
{
	uint16_t got = 0;

	while (got < n) {
		struct tpacket2_hdr *h = (void *)(s->ring + (size_t)s->next * FRAME_BYTES);
		struct rte_mbuf *m;

		if ((__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0)
			break;
		m = rte_pktmbuf_alloc(pool);
		if (m == NULL)
			break;
		copy_frame(m, h);
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		s->next = (s->next + 1) % FRAMES;
		pkts[got++] = m;
	}
	return got;
}

uint64_t
packet_socket_drops(struct packet_socket *s)
{
	struct tpacket_stats stats;
	socklen_t n = sizeof(stats);

	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &n) == 0)
		s->drops += stats.tp_drops;
	return s->drops;
}

/* ---- sending ---- */

/* @return how many were sent; -1 with errno set: not even the first */
static int
send_some(const struct packet_socket *s, struct rte_mbuf **pkts, unsigned n)
{
	struct mmsghdr messages[SEND_MOST] = {0};
	struct iovec data[SEND_MOST];

	for (unsigned i = 0; i < n; i++) {
		data[i].iov_base = rte_pktmbuf_mtod(pkts[i], void *);
		data[i].iov_len = rte_pktmbuf_data_len(pkts[i]);
		messages[i].msg_hdr.msg_iov = &data[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(s->fd, messages, n, MSG_DONTWAIT);
}

uint16_t
packet_socket_tx(struct packet_socket *s, struct rte_mbuf **pkts, uint16_t n, uint64_t *lost)
{
	uint16_t done = 0;

	while (done < n) {
		unsigned some = n - done < SEND_MOST ? (unsigned)(n - done) : SEND_MOST;
		int r = send_some(s, pkts + done, some);

		/* The rest would fare no better just now: no room, or the interface is down. */
		if (r < 0 && errno != EMSGSIZE && errno != EINVAL)
			break;
		if (r < 0) {
			(*lost)++;
			r = 1;
		}
		rte_pktmbuf_free_bulk(pkts + done, (unsigned)r);
		done = (uint16_t)(done + r);
	}
	return done;
}
