/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HEADERS_H
#define SLUSS_HEADERS_H

/**
 * @file
 * The headers of one frame, from the link to the transport.
 *
 * Lengths and checksums are checked against the bytes that are there, never
 * trusted. A frame may be a chain of mbufs, cut anywhere: fields are read
 * through rte_pktmbuf_read(), payload is walked with packet_piece().
 *
 * Tunnels (GRE, IP in IP, GTP, …) are not opened: their payload is that of
 * protocol `other`.
 *
 * Sources: IEEE 802.1Q; RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4302 (AH),
 * RFC 9293 (TCP), RFC 7323 (window scale), RFC 768 (UDP); the link types as
 * tcpdump.org describes them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/packet_meta.h"
#include "inspectors/bytes.h"

/**
 * How reading a frame ended; one list yields the enum and the counters.
 * The first four leave a packet to go on with; with the others only `meta`,
 * `link`, VLANs and what was read before the fault are set.
 * X(symbol, unit, sentence)
 */
#define HEADER_RESULTS(X)                                                                          \
	X(OK, "packets", "TCP, UDP, or another protocol whose payload was located")                \
	X(FRAGMENT, "packets", "fragments of a datagram; to be reassembled first")                 \
	X(BAD_CHECKSUM_IGNORED, "packets",                                                         \
		"with a wrong TCP or UDP checksum, delivered as configured")                       \
	X(PARTIAL_CHECKSUM, "packets", "whose TCP or UDP checksum the sender left to its port")    \
	X(NOT_IP, "frames", "neither IPv4 nor IPv6, such as ARP; not looked at")                   \
	X(LINK_CUT, "frames", "that end inside their link header")                                 \
	X(VLAN_DEEP, "frames", "with more VLAN tags than are read")                                \
	X(IP_VERSION, "packets", "whose IP version is neither 4 nor 6 where it should be")         \
	X(IP_HEADER, "packets", "whose IP header is cut short or states an impossible length")     \
	X(IP_LENGTH, "packets", "whose IP length is shorter than the headers, or runs past the "   \
		"frame although the capture didn't cut it")                                        \
	X(IP_CHECKSUM, "packets", "with a wrong IPv4 header checksum")                             \
	X(IP_EXTENSIONS, "packets", "with too many or damaged IPv6 extension headers")             \
	X(TCP_HEADER, "packets", "whose TCP header is cut short or states an impossible offset")   \
	X(TCP_CHECKSUM, "packets", "with a wrong TCP checksum")                                    \
	X(UDP_HEADER, "packets", "whose UDP header is cut short")                                  \
	X(UDP_LENGTH, "packets", "whose UDP length doesn't fit the IP length")                     \
	X(UDP_CHECKSUM, "packets", "with a wrong UDP checksum, or none over IPv6")

enum header_result {
#define X(symbol, unit, sentence) HEADER_##symbol,
	HEADER_RESULTS(X)
#undef X
		HEADER_RESULTS_COUNT
};

/** Name in lower case ("ip_length"), and the sentence. */
const char *header_result_name(enum header_result r);
const char *header_result_sentence(enum header_result r);

/** Is there a packet whose payload can be delivered? */
static inline bool
header_result_usable(enum header_result r)
{
	return r == HEADER_OK || r == HEADER_BAD_CHECKSUM_IGNORED || r == HEADER_PARTIAL_CHECKSUM;
}

enum packet_kind { PACKET_TCP, PACKET_UDP, PACKET_ICMP, PACKET_OTHER };

enum {
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_PSH = 0x08,
	TCP_FLAG_ACK = 0x10,
	TCP_FLAG_URG = 0x20,
};

enum { PACKET_VLANS_MAX = 8, PACKET_EXTENSIONS_MAX = 8, PACKET_NO_SCALE = 0xff };

struct packet {
	struct rte_mbuf *mbuf; /* borrowed: the caller's */
	uint64_t time;	       /* microseconds since 1970, the source's clock */
	uint32_t payload_at;   /* in the mbuf, bytes: behind the transport header */
	uint32_t payload_len;  /* bytes of it that are in the mbuf */
	uint32_t missing;      /* bytes of payload that the capture cut off behind them */
	uint32_t surplus;      /* UDP: bytes at the payload's end that its own length leaves out */
	uint32_t seq, ack;     /* TCP, host byte order */
	uint32_t l3_at;	       /* the IP header in the mbuf */
	uint32_t l3_len;       /* from there to the end of the packet, padding cut off */
	uint32_t l4_at;	       /* the transport header; of a fragment its data */
	uint16_t port[2];      /* source, destination; host byte order; 0 without ports */
	uint16_t window;       /* TCP, not scaled */
	uint16_t urgent;       /* TCP urgent pointer; only with TCP_FLAG_URG */
	uint16_t vlan[2];      /* outermost and innermost id, 12 bits */
	uint8_t n_vlans;       /* 0, 1 or more; with 1, both ids are the same */
	uint8_t family;	       /* 4, 6; 0: not IP */
	uint8_t protocol;      /* IP protocol number, behind all extension headers */
	uint8_t kind;	       /* enum packet_kind */
	uint8_t tcp_flags;
	uint8_t window_scale;  /* of a SYN; PACKET_NO_SCALE: none. At most 14 */
	uint16_t fragment_at;  /* IPv6: the fragment header, from l3_at; 0: none */
	uint8_t address[2][16]; /* source, destination; IPv4 in the first four bytes, rest zero */
};

/** What is checked. A bool may be given: the first two. */
enum verify {
	/* A wrong TCP or UDP checksum gives HEADER_BAD_CHECKSUM_IGNORED, a wrong IPv4 header
	 * checksum passes, and an IP or UDP length of 0 (as segmentation offload leaves it in
	 * captures) is the frame's. */
	VERIFY_NO,
	/* TCP and UDP checksums (over what isn't cut off), the IPv4 header's, lengths strictly. */
	VERIFY_YES,
	/* The same, but HEADER_PARTIAL_CHECKSUM where the field holds what a sender writes who
	 * leaves the rest to its port, and the port is a virtual one that does nothing: the folded
	 * sum of the pseudo header (Linux, "CHECKSUM_PARTIAL" in include/linux/skbuff.h; virtio
	 * 1.2, 5.1.6.2). For live ports. No receiver takes such a frame from a real wire: inline,
	 * headers_complete_checksum() before it leaves makes sure that what was read arrives. */
	VERIFY_OR_COMPLETE,
};

/**
 * Read a frame whose packet_meta() is set.
 *
 * @param ret  always written
 *
 * Borrows @p m; changes nothing in it. Thread-safe. Allocates nothing.
 */
enum header_result headers_parse(struct rte_mbuf *m, enum verify verify, struct packet *ret);

/** Write a TCP or UDP packet's checksum into its frame, whatever is there now. */
void headers_complete_checksum(struct packet *p);

/**
 * Read a reassembled datagram anew from its IP header at p->l3_at on; link and
 * VLANs stay. For fragments.h.
 */
enum header_result headers_reparse(struct packet *p, enum verify verify);

/**
 * The payload from its byte @p at on, as far as it lies in one piece; empty at
 * the end. Valid as long as the mbuf.
 */
struct bytes packet_piece(const struct packet *p, uint32_t at);

/** Write @p b into the frame, @p at bytes from its start, within it. No checksum follows. */
void packet_write(const struct packet *p, uint32_t at, struct bytes b);

/**
 * The Internet checksum's sum (RFC 1071) over a part of a frame, folded to 16 bits,
 * of 16-bit words as they lie in memory.
 */
uint16_t packet_sum(const struct rte_mbuf *m, uint32_t at, uint32_t n);

/** Read the TCP header's fields anew, after it was changed; its length is the same. */
void headers_reread_tcp(struct packet *p);

/**
 * A symmetric hash of the two addresses, ports and protocol left out: an FTP
 * control connection, its data connections and all fragments of a datagram get
 * the same value, so one worker sees them all. 0 for what isn't IP.
 */
uint32_t packet_host_hash(const struct packet *p);

/**
 * The same straight from a frame, for the dispatcher: link, VLANs and IP
 * addresses only. Equal to packet_host_hash() after headers_parse().
 */
uint32_t frame_host_hash(struct rte_mbuf *m);

#endif
