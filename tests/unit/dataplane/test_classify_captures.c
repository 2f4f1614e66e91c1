/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classifier against `ndpiReader` 4.2 on public captures: for each capture
 * and protocol, so many flows. A fresh clone has no captures: that is said, and passes.
 *
 *   test_classify_captures [FOLDER]     FOLDER/ndpi/observed-4.2.csv and captures
 *
 * Flows are hashed here in the simplest way: addresses, ports, protocol, VLAN.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/classify.h"
#include "dataplane/dataplane_limits.h"
#include "dataplane/eal.h"
#include "dataplane/headers.h"
#include "dataplane/source.h"
#include "inspectors/bytes.h"
#include "inspectors/proto/inspector.h"

enum { FLOWS = 1 << 14, NAMES = 128, ROWS = 1024 };

/* ndpiReader reads what is inside of 6in4 and PPPoE; we don't. */
static const char *const tunnels[] = {"6in4tunnel.pcap", "dns.pcap", NULL};

const struct inspector_ops *
inspector_find(const char *name)
{
	(void)name;
	return NULL;
}

struct key {
	uint8_t low[18], high[18];
	uint16_t vlan;
	uint8_t family, protocol;
};

struct flow {
	struct key key;
	bool used;
	struct classify_state *state;
	struct classification c;
	uint64_t packets;
};

struct tally {
	char name[CLASSIFY_NAME_MAX];
	uint64_t flows, packets;
};

struct row {
	char capture[96];
	struct tally t;
};

static struct flow flows[FLOWS];
static struct row rows[ROWS];
static unsigned n_rows;

static struct flow *
flow_of_packet(const struct packet *p)
{
	struct key k = {.vlan = p->vlan[0], .family = p->family, .protocol = p->protocol};
	uint8_t end[2][18];
	uint32_t hash = 2166136261u;
	bool swap;

	for (unsigned i = 0; i < 2; i++) {
		memcpy(end[i], p->address[i], 16);
		end[i][16] = (uint8_t)(p->port[i] >> 8);
		end[i][17] = (uint8_t)p->port[i];
	}
	swap = memcmp(end[0], end[1], 18) > 0;
	memcpy(k.low, end[swap], 18);
	memcpy(k.high, end[!swap], 18);
	for (size_t i = 0; i < sizeof(k); i++)
		hash = (hash ^ ((const uint8_t *)&k)[i]) * 16777619u;
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow *f = &flows[(hash + i) % FLOWS];

		if (!f->used) {
			f->used = true;
			f->key = k;
		}
		if (memcmp(&f->key, &k, sizeof(k)) == 0)
			return f;
	}
	return NULL;
}

static void
one_packet(struct classifier *k, struct rte_mbuf *m)
{
	static uint8_t copy[65536];
	struct packet p;
	enum header_result r = headers_parse(m, false, &p);
	struct flow *f;
	const uint8_t *l3;
	uint32_t n;

	if (!header_result_usable(r))
		return;
	f = flow_of_packet(&p);
	n = p.l3_len < sizeof(copy) ? p.l3_len : sizeof(copy) - 1;
	if (p.l3_at + n > rte_pktmbuf_pkt_len(m))
		n = rte_pktmbuf_pkt_len(m) - p.l3_at;
	l3 = rte_pktmbuf_read(m, p.l3_at, n, copy);
	f->packets++;
	if (l3 != NULL)
		classify_packet(k, &f->state, l3, n, p.time / 1000, &f->c);
}

static unsigned
end_flows(struct classifier *k, struct tally *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow *f = &flows[i];
		char name[CLASSIFY_NAME_MAX];
		unsigned at = 0;

		if (!f->used)
			continue;
		classify_end(k, &f->state, &f->c);
		classify_name(k, f->c.master, f->c.app, name, sizeof(name));
		while (at < n && strcmp(t[at].name, name) != 0)
			at++;
		if (at == n && n < NAMES) {
			t[n] = (struct tally){0};
			strcpy(t[n++].name, name);
		}
		t[at].flows++;
		t[at].packets += f->packets;
	}
	memset(flows, 0, sizeof(flows));
	return n;
}

static unsigned
read_capture(const char *path, struct rte_mempool *pool, struct tally *t)
{
	struct source_error err = {""};
	/* Our default of 16 packets says the same as ndpiReader's 24 and 80. */
	const struct dataplane_limits limits = dataplane_limits_default();
	struct source *s = source_pcap_open(&path, 1, pool, NULL, NULL, &err);
	char why[256];
	struct classifier *k = classifier_new(FLOWS, limits.ndpi_packets, why, sizeof(why));
	struct rte_mbuf *m;
	unsigned n = 0;

	if (s == NULL || k == NULL) {
		fprintf(stderr, "%s %s\n", err.text, why);
		exit(1);
	}
	while (source_burst(s, &m, 1) == 1) {
		one_packet(k, m);
		rte_pktmbuf_free(m);
	}
	n = end_flows(k, t);
	source_close(s);
	classifier_free(k);
	return n;
}

/* capture,protocol,packets,bytes,flows */
static bool
read_expected(const char *path)
{
	FILE *in = fopen(path, "r");
	char line[512];

	if (in == NULL)
		return false;
	while (fgets(line, sizeof(line), in) != NULL && n_rows < ROWS) {
		struct row *r = &rows[n_rows];
		unsigned long long packets, bytes, count;

		if (sscanf(line, "%95[^,],%63[^,],%llu,%llu,%llu", r->capture, r->t.name, &packets,
			    &bytes, &count) != 5)
			continue;
		r->t.packets = packets;
		r->t.flows = count;
		n_rows++;
	}
	fclose(in);
	return n_rows > 0;
}

/* @return whether flows per protocol are as ndpiReader says */
static bool
compare(const char *capture, const struct tally *t, unsigned n)
{
	unsigned found = 0, wanted = 0;

	for (unsigned i = 0; i < n_rows; i++) {
		bool same = false;

		if (strcmp(rows[i].capture, capture) != 0)
			continue;
		wanted++;
		for (unsigned k = 0; k < n; k++)
			if (strcmp(t[k].name, rows[i].t.name) == 0)
				same = t[k].flows == rows[i].t.flows;
		found += same;
		if (!same)
			printf("  %s: want %s in %llu flows\n", capture, rows[i].t.name,
				(unsigned long long)rows[i].t.flows);
	}
	if (found == wanted && wanted == n)
		return true;
	for (unsigned k = 0; k < n; k++)
		printf("  %s: got  %s in %llu flows\n", capture, t[k].name,
			(unsigned long long)t[k].flows);
	return false;
}

static bool
is_tunnel(const char *capture)
{
	for (unsigned i = 0; tunnels[i] != NULL; i++)
		if (strcmp(tunnels[i], capture) == 0)
			return true;
	return false;
}

static int
run(const char *folder, struct rte_mempool *pool)
{
	static struct tally tally[NAMES];
	unsigned captures = 0, same = 0, skipped = 0;

	for (unsigned i = 0; i < n_rows; i++) {
		const char *capture = rows[i].capture;
		char path[512];
		unsigned n;

		if (i > 0 && strcmp(rows[i - 1].capture, capture) == 0)
			continue;
		if (is_tunnel(capture)) {
			skipped++;
			continue;
		}
		snprintf(path, sizeof(path), "%s/ndpi/%s", folder, capture);
		n = read_capture(path, pool, tally);
		captures++;
		same += compare(capture, tally, n);
	}
	printf("%u captures: %u as ndpiReader 4.2 says, %u not; %u with tunnels left out\n", captures,
		same, captures - same, skipped);
	return captures - same;
}

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : getenv("SLUSS_CAPTURES");
	struct eal_config cfg = {.memory = 64 << 20};
	char path[512], why[EAL_ERROR_MAX];
	struct rte_mempool *pool;

	if (folder == NULL || access(folder, F_OK) != 0) {
		printf("no captures at %s: nothing compared\n", folder != NULL ? folder : "all");
		return 0;
	}
	snprintf(path, sizeof(path), "%s/ndpi/observed-4.2.csv", folder);
	if (!read_expected(path)) {
		fprintf(stderr, "%s: can't be read\n", path);
		return 1;
	}
	if (eal_start(&cfg, why, sizeof(why)) != 0 ||
		(pool = eal_packet_pool("test", 4095, why, sizeof(why))) == NULL) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	return run(folder, pool) == 0 ? 0 : 1;
}
