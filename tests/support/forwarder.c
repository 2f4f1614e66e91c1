/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wire and nothing else: what comes in at a port leaves at its partner, with its
 * checksum if that was partial. For the tests of dataplane/wire.h, and the plain forward
 * that others are measured against.
 *
 *	forwarder PORT PORT…      as in the site configuration; TERM ends it
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/headers.h"
#include "dataplane/packet_meta.h"
#include "dataplane/site.h"
#include "dataplane/wire.h"

enum { BURST = 32, BUFFERS = 16384, TICK_US = 100000, WHY = 2048 };

static atomic_bool stop;

static void
on_signal(int number)
{
	atomic_store(&stop, true);
}

static void
say(void *ctx, const char *line)
{
	fprintf(stderr, "forwarder: %s\n", line);
}

static int
usage(const char *why)
{
	say(NULL, why);
	return 2;
}

/* As the gateway does, since a peer of a veth leaves its checksums to a card that isn't there. */
static void
leave(struct wire *w, struct rte_mbuf *m)
{
	unsigned port = packet_meta(m)->port ^ 1U;
	struct packet p;

	if (headers_parse(m, VERIFY_OR_COMPLETE, &p) == HEADER_PARTIAL_CHECKSUM)
		headers_complete_checksum(&p);
	wire_send(w, m, port);
}

static void
forward(struct wire *w)
{
	struct rte_mbuf *pkts[BURST];
	struct source *in = wire_source(w);
	uint64_t ticked = 0;

	while (!atomic_load(&stop)) {
		int n = source_burst(in, pkts, BURST);

		for (int i = 0; i < n; i++)
			leave(w, pkts[i]);
		wire_flush(w);
		if (in->now_us - ticked >= TICK_US) {
			wire_tick(w, in->now_us);
			ticked = in->now_us;
		}
	}
}

static void
print_stats(struct wire *w)
{
	for (unsigned i = 0; i < wire_ports(w); i++) {
		struct wire_port_stats s;

		wire_port_stats(w, i, &s);
		printf("port %u: rx %llu tx %llu rx_too_long %llu tx_too_long %llu dropped %llu "
		       "missed %llu\n",
			i, (unsigned long long)s.rx_packets, (unsigned long long)s.tx_packets,
			(unsigned long long)s.rx_too_long, (unsigned long long)s.tx_too_long,
			(unsigned long long)s.tx_dropped, (unsigned long long)s.rx_missed);
	}
}

static int
run(const struct port_name *names, unsigned n)
{
	struct eal_config eal = {.ports = names, .n_ports = n, .hugepages = true,
		.memory = eal_packet_pool_bytes(BUFFERS) + (24 << 20)};
	char text[EAL_PORTS_MAX][128], devices[EAL_PORTS_MAX][EAL_DEVICE_MAX], why[WHY];
	struct source_port ports[EAL_PORTS_MAX];
	struct wire_config cfg = {names, ports, n, NULL, say, NULL};
	struct source_error err = {""};
	struct wire *w;

	if (wire_check(names, n, say, NULL, why, sizeof(why)) != 0)
		return usage(why);
	if (eal_start(&eal, why, sizeof(why)) != 0)
		return usage(why);
	for (unsigned i = 0; i < n; i++) {
		eal_port_name(&names[i], text[i], sizeof(text[i]));
		eal_port_device(&names[i], i, devices[i], sizeof(devices[i]));
		ports[i] = (struct source_port){text[i], devices[i]};
	}
	cfg.pool = eal_packet_pool("packets", BUFFERS, why, sizeof(why));
	if (cfg.pool == NULL)
		return usage(why);
	w = wire_open(&cfg, &err);
	if (w == NULL)
		return usage(err.text);
	say(NULL, "forwarding");
	forward(w);
	print_stats(w);
	wire_close(w);
	eal_stop();
	return 0;
}

int
main(int argc, char **argv)
{
	struct sigaction end = {.sa_handler = on_signal};
	struct port_name names[EAL_PORTS_MAX];
	char why[WHY];

	if (argc < 2 || argc - 1 > EAL_PORTS_MAX)
		return usage("give ports in pairs");
	for (int i = 1; i < argc; i++)
		if (site_port_parse(argv[i], &names[i - 1], why, sizeof(why)) != 0)
			return usage(why);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	return run(names, (unsigned)argc - 1);
}
