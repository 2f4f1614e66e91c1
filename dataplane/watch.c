/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/watch.h"

#include <stdlib.h>

#include "inspectors/bytes.h"

struct watch {
	struct gateway gateway; /* first */
	const char **captures; /* of the command line, or of the site's ports */
	unsigned n_captures;
	struct source *source;
	struct dispatch_stats dispatch;
};

static struct watch *
watch_of(struct gateway *g)
{
	return (struct watch *)g;
}

/* Captures of the command line come instead of the site's ports. */
static enum exit_status
start_input(struct gateway *g)
{
	struct watch *w = watch_of(g);
	const struct site *s = &g->site;

	if (g->o->n_captures > 0) {
		w->captures = g->o->captures;
		w->n_captures = g->o->n_captures;
		return STATUS_OK;
	}
	if (s->n_ports == 0) {
		gateway_say(g, "%s: has no `ports` or `pairs`; write some, or give captures with --pcap",
			g->o->config);
		return STATUS_USAGE;
	}
	g->live = s->ports[0].kind != PORT_PCAP;
	if (g->live)
		return STATUS_OK;
	w->captures = calloc(s->n_ports, sizeof(*w->captures));
	if (w->captures == NULL)
		return STATUS_RUNTIME;
	for (unsigned i = 0; i < s->n_ports; i++)
		w->captures[w->n_captures++] = s->ports[i].target;
	return STATUS_OK;
}

static void
stop_input(struct gateway *g)
{
	if (watch_of(g)->captures != g->o->captures)
		free(watch_of(g)->captures);
}

static enum exit_status
check_ports(struct gateway *g)
{
	char why[GATEWAY_WHY];

	for (unsigned i = 0; g->live && i < g->site.n_ports; i++) {
		if (eal_check_port(&g->site.ports[i], why, sizeof(why)) != 0) {
			gateway_say(g, "%s", why);
			return STATUS_INPUT;
		}
		if (eal_port_warning(&g->site.ports[i], why, sizeof(why)))
			gateway_say(g, "%s", why);
	}
	return STATUS_OK;
}

static enum exit_status
start_source(struct gateway *g)
{
	struct watch *w = watch_of(g);
	struct source_error err = {""};

	if (!g->live) {
		w->source = source_pcap_open(w->captures, w->n_captures, g->pool, gateway_warn, g,
			&err);
	} else {
		gateway_name_ports(g);
		w->source = source_ports_open(g->ports, g->site.n_ports, g->pool, gateway_warn, g,
			&err);
	}
	if (w->source != NULL)
		return STATUS_OK;
	gateway_say(g, "%s", err.text);
	return STATUS_INPUT;
}

static void
stop_source(struct gateway *g)
{
	source_close(watch_of(g)->source);
}

static void
received(struct gateway *g, struct source_stats *ret)
{
	source_stats(watch_of(g)->source, ret);
}

static uint64_t
lost(struct gateway *g)
{
	return atomic_load(&watch_of(g)->dispatch.dropped);
}

static void
tick(void *ctx)
{
	gateway_tick(ctx);
}

static void
warn_checksums(struct gateway *g)
{
	struct worker_stats *s = gateway_sum_workers(g);
	uint64_t bad = s == NULL ? 0
				 : s->headers[HEADER_IP_CHECKSUM] + s->headers[HEADER_TCP_CHECKSUM] +
					s->headers[HEADER_UDP_CHECKSUM];

	if (!g->live && g->site.verify_checksums && bad != 0 && bad * 20 >= s->packets)
		gateway_say(g,
			"WARNING: %llu of %llu packets have a wrong checksum and were NOT READ. "
			"Captures\n"
			"  taken on the sending host look so, since its network card makes the "
			"checksums.\n"
			"  To read them all the same: --checksums ignore",
			(unsigned long long)bad, (unsigned long long)s->packets);
	free(s);
}

static enum exit_status
run(struct gateway *g)
{
	struct watch *w = watch_of(g);
	const struct dataplane_limits *l = &g->site.limits;
	uint64_t gap_us = l->tcp_gap_timeout * 1000, fragment_us = l->fragment_timeout * 1000000;
	struct dispatch_config cfg = {
		.source = w->source,
		.workers = g->workers,
		.n_workers = g->n_workers,
		.burst = (unsigned)l->burst,
		.ring = (unsigned)l->worker_ring,
		.cores = g->site.n_cores > 1 ? g->site.cores + 1 : NULL,
		.wait_us = (gap_us > fragment_us ? gap_us : fragment_us) + 1000000,
		.stop = &g->signals->stop,
		.tick = tick,
		.ctx = g,
	};
	enum exit_status status = STATUS_OK;
	char why[GATEWAY_WHY];
	int r;

	if (g->live && !g->o->quiet)
		for (unsigned i = 0; i < g->site.n_ports; i++)
			gateway_say(g, "listening on %s; an interrupt (Ctrl-C) ends it",
				g->port_names[i]);
	gateway_began(g);
	r = dispatch_run(&cfg, &w->dispatch, why, sizeof(why));
	if (r != 0) {
		gateway_say(g, "%s", why);
		status = r == -1 ? STATUS_INPUT : STATUS_RUNTIME;
	}
	status = gateway_finish(g, status);
	warn_checksums(g);
	return status;
}

enum exit_status
watch_run(const struct options *o, struct signals *signals)
{
	const struct gateway_step steps[] = {gateway_site, {start_input, stop_input}, gateway_policy,
		gateway_key, gateway_memory, {check_ports, NULL}, gateway_eal,
		{start_source, stop_source}, gateway_events, gateway_workers};
	const struct gateway_command command = {
		.steps = steps, .n_steps = ARRAY_LEN(steps), .run = run};
	struct watch *w = calloc(1, sizeof(*w));
	enum exit_status status;

	if (w == NULL)
		return STATUS_RUNTIME;
	w->gateway.received = received;
	w->gateway.lost = lost;
	status = gateway_command(&w->gateway, &command, o, signals);
	free(w);
	return status;
}
