/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PACKET_SOCKET_H
#define SLUSS_PACKET_SOCKET_H

/**
 * @file
 * An interface of the kernel by a packet socket with a ring (packet(7), PACKET_RX_RING):
 * what the port kind af_packet is.
 *
 * DPDK has a driver for that, net_af_packet, but it isn't transparent: the kernel takes a
 * frame's outer VLAN tag off, and the driver puts it back as 802.1Q even if it was
 * 802.1ad. Nor does it tell what was cut, what the kernel dropped, and what this host
 * itself has sent.
 *
 * Promiscuity ends with the socket, also if the process is killed. An interface that goes
 * down and up again goes on by itself.
 */

#include <stdbool.h>
#include <stdint.h>

struct packet_socket;
struct rte_mbuf;
struct rte_mempool;

/**
 * @param alone  frames that this host itself sends by the interface aren't received
 * @return NULL with errno set
 */
struct packet_socket *packet_socket_open(const char *interface, bool alone);

/**
 * The next frames, with their VLAN tags, each in one buffer of @p pool; of packet_meta()
 * wire_length and cut are set. One for which there is no buffer stays in the ring.
 * @return their number
 */
uint16_t packet_socket_rx(struct packet_socket *s, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n);

/**
 * Send frames, each in one buffer, and free those that were sent or will never be.
 *
 * @param lost  grows by the frames among them that the interface doesn't take: too long
 * @return how many of the first are done with; the others may be tried again
 */
uint16_t packet_socket_tx(struct packet_socket *s, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost);

/** Frames that the kernel dropped so far since the ring was full. */
uint64_t packet_socket_drops(struct packet_socket *s);

void packet_socket_close(struct packet_socket *s); /* accepts NULL */

#endif
