/* SPDX-License-Identifier: GPL-3.0-or-later */
#define ALLOW_EXPERIMENTAL_API /* rte_ip_frag_table_del_expired_entries */
#include "dataplane/fragments.h"

#include <assert.h>
#include <string.h>

#include <rte_ip_frag.h>
#include <rte_malloc.h>

#include <xxhash.h>

enum {
	PRINTS = 4,          /* for each datagram */
	BUCKET_ENTRIES = 16, /* places that a datagram may have, so that few are refused early */
	DATAGRAMS_MAX = 1 << 20,
	IPV6_HEADER = 40,
	TYPE_FRAGMENT = 44,
	DATAGRAM_MAX = 65535,
};

static_assert((int)FRAGMENTS_MAX == RTE_LIBRTE_IP_FRAG_MAX_FRAG, "as DPDK was built");

/* What a fragment looked like, and when. */
struct print {
	uint64_t hash;
	uint64_t time;
};

struct fragments {
	struct rte_ip_frag_tbl *table;
	struct print *prints; /* of fragments */
	struct print *ids;    /* of datagrams that were whole; inline only */
	uint32_t print_mask;  /* of both */
	uint64_t print_seed; /* another one makes all prints unknown */
	uint64_t id_seed;
	bool keep;
	uint64_t timeout_us;
	struct fragment_counters counters;
	struct rte_ip_frag_death_row row;
};

static struct print *
new_prints(const struct fragments *f, int socket)
{
	return rte_zmalloc_socket("fragment_prints", (f->print_mask + 1) * sizeof(struct print),
		RTE_CACHE_LINE_SIZE, socket);
}

struct fragments *
fragments_create(const struct fragments_config *cfg)
{
	uint32_t buckets = (cfg->datagrams + BUCKET_ENTRIES - 1) / BUCKET_ENTRIES;
	struct fragments *f;

	if (cfg->datagrams == 0 || cfg->datagrams > DATAGRAMS_MAX)
		return NULL;
	f = rte_zmalloc_socket("fragments", sizeof(*f), RTE_CACHE_LINE_SIZE, cfg->socket);
	if (f == NULL)
		return NULL;
	f->timeout_us = cfg->timeout_us;
	f->print_seed = f->id_seed = cfg->seed;
	f->keep = cfg->keep_originals;
	f->print_mask = rte_align32pow2(cfg->datagrams * PRINTS) - 1;
	f->prints = new_prints(f, cfg->socket);
	if (f->keep)
		f->ids = new_prints(f, cfg->socket);
	f->table = rte_ip_frag_table_create(
		buckets, BUCKET_ENTRIES, cfg->datagrams, cfg->timeout_us, cfg->socket);
	if (f->table == NULL || f->prints == NULL || (f->keep && f->ids == NULL)) {
		fragments_destroy(f);
		return NULL;
	}
	return f;
}

void
fragments_destroy(struct fragments *f)
{
	if (f == NULL)
		return;
	if (f->table != NULL) {
		fragments_flush(f); /* the library knows nothing of originals */
		rte_ip_frag_table_destroy(f->table);
	}
	rte_free(f->prints);
	rte_free(f->ids);
	rte_free(f);
}

/* ---- the frames as they came ---- */

/* What a buffer was used for before is still in its private area. */
static void
own_none(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		packet_meta(m)->original = NULL;
}

/* Copy the packet, its padding left out, and give the frame into the copy's keeping. */
static bool
copy_packet(struct packet *p)
{
	struct rte_mbuf *in = p->mbuf;
	struct rte_mbuf *copy = rte_pktmbuf_copy(in, in->pool, 0, p->l3_at + p->l3_len);

	if (copy == NULL)
		return false;
	own_none(copy);
	*packet_meta(copy) = *packet_meta(in);
	packet_meta(copy)->original = in;
	p->mbuf = copy;
	return true;
}

/* Of a fragment's copy, or of a chain of them. */
static void
free_originals(const struct fragments *f, struct rte_mbuf *m)
{
	for (; f->keep && m != NULL; m = m->next) {
		rte_pktmbuf_free(packet_meta(m)->original);
		packet_meta(m)->original = NULL;
	}
}

unsigned
fragments_originals(struct packet *whole, struct rte_mbuf **ret, unsigned n)
{
	unsigned found = 0;

	for (struct rte_mbuf *m = whole->mbuf; m != NULL && found < n; m = m->next) {
		struct packet_meta *meta = packet_meta(m);

		if (meta->original != NULL)
			ret[found++] = meta->original;
		meta->original = NULL;
	}
	return found;
}

static void
free_packet(struct fragments *f, struct packet *p)
{
	free_originals(f, p->mbuf);
	rte_pktmbuf_free(p->mbuf);
	p->mbuf = NULL;
}

/* ---- what is given up ---- */

/* Payload of a held fragment: what lies behind the lengths that were set for the library. */
static uint64_t
held_bytes(const struct rte_mbuf *m)
{
	uint64_t headers = (uint64_t)m->l2_len + m->l3_len;

	return m->pkt_len > headers ? m->pkt_len - headers : 0;
}

/*
 * What the library gave up lies on the death row; why, it doesn't say. With @p in,
 * the fragment that it was just given: refused alone, there was no room for it;
 * refused together with others, they contradict each other; and where it
 * was taken, the others are of a datagram that was too old.
 * @return whether @p in was refused
 */
static bool
bury(struct fragments *f, const struct rte_mbuf *in)
{
	bool refused = false;

	for (uint32_t i = 0; i < f->row.cnt; i++) {
		refused |= f->row.row[i] == in;
		f->counters.lost_bytes += held_bytes(f->row.row[i]);
		free_originals(f, f->row.row[i]);
	}
	if (!refused)
		f->counters.expired += f->row.cnt;
	else if (f->row.cnt == 1)
		f->counters.full++;
	else
		f->counters.contradictory++;
	if (f->row.cnt > 0) {
		rte_ip_frag_free_death_row(&f->row, 0);
		/* What is gone may come again, and isn't doubled then. */
		f->print_seed++;
	}
	return refused;
}

static enum fragment_result
lose(struct fragments *f, struct packet *p, uint64_t *counter)
{
	(*counter)++;
	f->counters.lost_bytes += p->payload_len;
	free_packet(f, p);
	return FRAGMENT_LOST;
}

/* The same datagram number on another VLAN is another datagram. */
static uint32_t
vlan_mark(const struct packet *p)
{
	if (p->n_vlans == 0)
		return 0;
	return ((uint32_t)p->vlan[0] << 12 | p->vlan[1]) * 2654435761u ^ p->n_vlans;
}

/* Offset and whether more follow, from either version's field in host order. */
struct place {
	uint32_t offset;
	bool more;
};

static struct place
place_of(const struct packet *p)
{
	const uint8_t *h = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->l3_at);
	uint16_t field;

	if (p->family == 4) {
		field = (uint16_t)(h[6] << 8 | h[7]);
		return (struct place){(field & 0x1fffu) * 8, (field & 0x2000) != 0};
	}
	field = (uint16_t)(h[p->fragment_at + 2] << 8 | h[p->fragment_at + 3]);
	return (struct place){field & 0xfff8u, (field & 1) != 0};
}

/* IPv6: what stands between the fixed and the fragment header goes, link and IP move up. */
static void
drop_unfragmentable(struct packet *p)
{
	uint32_t extra = p->fragment_at - IPV6_HEADER;
	uint8_t *start = rte_pktmbuf_mtod(p->mbuf, uint8_t *);
	uint8_t *ip = start + p->l3_at;
	uint32_t length = (uint32_t)(ip[4] << 8 | ip[5]) - extra;

	ip[4] = (uint8_t)(length >> 8);
	ip[5] = (uint8_t)length;
	ip[6] = TYPE_FRAGMENT;
	memmove(start + extra, start, p->l3_at + IPV6_HEADER);
	rte_pktmbuf_adj(p->mbuf, (uint16_t)extra);
	p->l3_len -= extra;
	p->l4_at -= extra;
	p->payload_at -= extra;
	p->fragment_at = IPV6_HEADER;
}

static uint32_t
id_of(const struct packet *p)
{
	const uint8_t *h = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->l3_at);
	uint32_t id = 0;

	if (p->family == 4)
		memcpy(&id, h + 4, 2);
	else
		memcpy(&id, h + p->fragment_at + 4, 4);
	return id;
}

/* What names a fragment; all of its bytes are hashed, so none may be padding. */
struct key {
	uint8_t address[2][16];
	uint32_t id, vlans, offset, protocol;
};

static struct key
key_of(const struct packet *p, uint32_t offset, uint8_t protocol)
{
	struct key key = {.id = id_of(p),
		.vlans = vlan_mark(p),
		.offset = offset,
		.protocol = (uint32_t)p->family << 8 | protocol};

	memcpy(key.address, p->address, sizeof(key.address));
	return key;
}

/* Was that remembered within the timeout? If not, it is remembered now. */
static bool
remembered(const struct fragments *f, struct print *prints, uint64_t hash, uint64_t now_us)
{
	struct print *known = &prints[hash & f->print_mask];

	if (known->hash == hash && now_us <= known->time + f->timeout_us)
		return true;
	*known = (struct print){hash, now_us};
	return false;
}

/*
 * Did the same fragment come before, all its bytes the same? A mirror port that shows
 * each packet twice is common, and the library gives up a datagram whose first or
 * last fragment is doubled. Time to live may differ: it is the same packet a hop later.
 */
static bool
seen_before(struct fragments *f, const struct packet *p, struct place place)
{
	struct key key = key_of(p, place.offset | place.more, p->protocol);
	uint64_t hash = XXH3_64bits_withSeed(&key, sizeof(key), f->print_seed);
	struct bytes piece;

	for (uint32_t at = 0; (piece = packet_piece(p, at)).n > 0; at += (uint32_t)piece.n)
		hash = XXH3_64bits_withSeed(piece.p, piece.n, hash);
	return remembered(f, f->prints, hash, p->time);
}

/*
 * Names the datagram as the strictest receiver does, whatever protocol it says. What is
 * given up doesn't change this seed.
 */
static uint64_t
datagram_hash(const struct fragments *f, const struct packet *p)
{
	struct key key = key_of(p, UINT32_MAX, 0);

	return XXH3_64bits_withSeed(&key, sizeof(key), f->id_seed);
}

static struct rte_mbuf *
feed_ipv4(struct fragments *f, struct packet *p)
{
	struct rte_ipv4_hdr key;

	/* The library reads key and place from the header that it is shown, and writes the
	 * whole datagram's header into the mbuf: a copy can carry the VLANs. */
	memcpy(&key, rte_pktmbuf_mtod_offset(p->mbuf, void *, p->l3_at), sizeof(key));
	key.src_addr ^= vlan_mark(p);
	return rte_ipv4_frag_reassemble_packet(f->table, &f->row, p->mbuf, p->time, &key);
}

static struct rte_mbuf *
feed_ipv6(struct fragments *f, struct packet *p)
{
	struct {
		struct rte_ipv6_hdr ip;
		struct rte_ipv6_fragment_ext fragment;
	} __rte_packed key;
	uint32_t mark = vlan_mark(p), word;

	memcpy(&key, rte_pktmbuf_mtod_offset(p->mbuf, void *, p->l3_at), sizeof(key));
	memcpy(&word, key.ip.src_addr, sizeof(word));
	word ^= mark;
	memcpy(key.ip.src_addr, &word, sizeof(word));
	return rte_ipv6_frag_reassemble_packet(
		f->table, &f->row, p->mbuf, p->time, &key.ip, &key.fragment);
}

/* Ready for the library: headers in one piece and writable, lengths set, padding off. */
static bool
prepare(struct packet *p)
{
	struct rte_mbuf *m = p->mbuf;
	uint32_t end;

	if (m->data_len < p->l4_at || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
		return false;
	if (p->family == 6 && p->fragment_at > IPV6_HEADER)
		drop_unfragmentable(p);
	end = p->l3_at + p->l3_len;
	if (m->pkt_len > end && rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - end)) != 0)
		return false;
	m->l2_len = p->l3_at;
	m->l3_len = p->l4_at - p->l3_at;
	m->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK; /* nothing is known of the whole */
	return true;
}

/* Checked, and taken by the library; *ret is what it gave back. @return HELD: go on */
static enum fragment_result
take(struct fragments *f, struct packet *p, struct rte_mbuf **ret)
{
	struct place place;

	if (!prepare(p))
		return lose(f, p, &f->counters.contradictory);
	place = place_of(p);
	if (p->payload_len == 0 || place.offset + p->l3_len > DATAGRAM_MAX)
		return lose(f, p, &f->counters.too_long);
	if (place.more && p->payload_len % 8 != 0)
		return lose(f, p, &f->counters.unaligned);
	if (seen_before(f, p, place)) {
		f->counters.doubled++;
		free_packet(f, p);
		return FRAGMENT_DOUBLED;
	}
	*ret = p->family == 4 ? feed_ipv4(f, p) : feed_ipv6(f, p);
	return FRAGMENT_HELD;
}

/* Of a datagram made whole: what its own header says. */
static uint32_t
whole_payload(const struct packet *p)
{
	const uint8_t *h = rte_pktmbuf_mtod_offset(p->mbuf, const uint8_t *, p->l3_at);

	if (p->family == 6)
		return (uint32_t)(h[4] << 8 | h[5]);
	return (uint32_t)(h[2] << 8 | h[3]) - (h[0] & 15u) * 4;
}

enum fragment_result
fragments_feed(struct fragments *f, struct packet *p)
{
	struct rte_mbuf *whole = NULL, *in;
	enum fragment_result r;
	uint64_t datagram;

	f->counters.fragments++;
	if (f->keep)
		own_none(p->mbuf);
	if (p->missing > 0 || p->mbuf->data_len < p->l4_at)
		return lose(f, p, &f->counters.contradictory);
	if (f->keep && !copy_packet(p))
		return lose(f, p, &f->counters.uncopied);
	datagram = datagram_hash(f, p);
	in = p->mbuf;
	r = take(f, p, &whole);
	if (r != FRAGMENT_HELD)
		return r;
	p->mbuf = whole;
	if (bury(f, in))
		return FRAGMENT_LOST;
	if (whole == NULL)
		return FRAGMENT_HELD;
	/* The first fragment may have had more options than the last. */
	if (rte_pktmbuf_pkt_len(whole) - p->l3_at > DATAGRAM_MAX) {
		p->payload_len = rte_pktmbuf_pkt_len(whole) - p->l4_at;
		return lose(f, p, &f->counters.too_long);
	}
	if (f->keep && remembered(f, f->ids, datagram, p->time)) {
		p->payload_len = whole_payload(p);
		return lose(f, p, &f->counters.reused);
	}
	f->counters.reassembled++;
	return FRAGMENT_WHOLE;
}

void
fragments_sweep(struct fragments *f, uint64_t now_us)
{
	rte_ip_frag_table_del_expired_entries(f->table, &f->row, now_us);
	bury(f, NULL);
}

void
fragments_flush(struct fragments *f)
{
	/* The death row takes some datagrams at a time. */
	do {
		rte_ip_frag_table_del_expired_entries(f->table, &f->row, UINT64_MAX);
	} while (f->row.cnt > 0 && (bury(f, NULL), true));
}

const struct fragment_counters *
fragments_counters(const struct fragments *f)
{
	return &f->counters;
}

size_t
fragments_datagram_size(void)
{
	/* struct ip_frag_pkt isn't public: key, list, and 8 places of 16 bytes, in cache lines;
	 * the library makes twice as many as asked for, rounded up to a power of two. */
	return 2 * 2 * 256 + 2 * 2 * PRINTS * sizeof(struct print);
}
