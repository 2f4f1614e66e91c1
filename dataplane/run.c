/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sluss run`: inline.c between a wire and the workers, what the administrator hears of it,
 * and the loading of a new policy while it runs.
 */
#include "dataplane/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/inline.h"
#include "dataplane/wire.h"

/* The loading of a policy, on a thread of its own; the keeper does the rest. */
struct loading {
	pthread_t thread;
	bool running; /* the keeper's */
	atomic_bool done;
	struct policy *policy;
	struct diag diag;
};

struct run {
	struct gateway gateway; /* first */
	struct wire *wire;
	struct loading loading;
	unsigned old_policies; /* still in use */
	int claims[EAL_PORTS_MAX]; /* sockets that hold the ports for this process */
	unsigned n_claims;
};

static struct run *
run_of(struct gateway *g)
{
	return (struct run *)g;
}

/* ---- start ---- */

static enum exit_status
start_pairs(struct gateway *g)
{
	if (!g->site.pairs) {
		gateway_say(g,
			"%s: has no `pairs`; such as pairs: [[\"af_packet:eth1\", \"af_packet:eth2\"]]",
			g->o->config);
		return STATUS_USAGE;
	}
	if (!g->site.verify_checksums) {
		gateway_say(g,
			"%s: `checksums: ignore` is for captures; inline, what no receiver takes "
			"doesn't pass: remove it",
			g->o->config);
		return STATUS_USAGE;
	}
	g->live = true;
	return STATUS_OK;
}

static enum exit_status
check_pairs(struct gateway *g)
{
	char why[GATEWAY_WHY];

	if (wire_check(g->site.ports, g->site.n_ports, gateway_warn, g, why, sizeof(why)) == 0)
		return STATUS_OK;
	gateway_say(g, "%s", why);
	return STATUS_INPUT;
}

/*
 * Two of them between the same interfaces would both forward. Names of abstract sockets
 * (unix(7)) are those of the network namespace, and go with the process.
 */
static int
claim(const char *interface)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "sluss/%s", interface);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&name,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static enum exit_status
start_claims(struct gateway *g)
{
	struct run *r = run_of(g);

	for (unsigned i = 0; i < g->site.n_ports; i++) {
		const struct port_name *p = &g->site.ports[i];
		char name[128];
		int fd;

		if (p->kind == PORT_PCI)
			continue;
		fd = claim(p->target);
		if (fd < 0) {
			eal_port_name(p, name, sizeof(name));
			gateway_say(g,
				"port %s: another sluss stands there (`ss -xap | grep sluss/` shows it); "
				"stop it first",
				name);
			return STATUS_INPUT;
		}
		r->claims[r->n_claims++] = fd;
	}
	return STATUS_OK;
}

static void
stop_claims(struct gateway *g)
{
	struct run *r = run_of(g);

	while (r->n_claims > 0)
		close(r->claims[--r->n_claims]);
}

static enum exit_status
start_gate(struct gateway *g)
{
	char why[GATEWAY_WHY];

	g->gate = inline_new(g->site.workers, (unsigned)g->site.limits.worker_ring, why,
		sizeof(why));
	if (g->gate != NULL)
		return STATUS_OK;
	gateway_say(g, "%s", why);
	return STATUS_RUNTIME;
}

static void
stop_gate(struct gateway *g)
{
	inline_free(g->gate);
}

/* The last: what the ports receive from now on is to find its way. */
static enum exit_status
start_wire(struct gateway *g)
{
	struct source_error err = {""};
	struct wire_config cfg = {
		.names = g->site.ports,
		.ports = g->ports,
		.n_ports = g->site.n_ports,
		.pool = g->pool,
		.warn = gateway_later,
		.warn_ctx = g,
	};

	gateway_name_ports(g);
	run_of(g)->wire = wire_open(&cfg, &err);
	if (run_of(g)->wire != NULL)
		return STATUS_OK;
	gateway_say(g, "%s", err.text);
	return STATUS_INPUT;
}

static void
stop_wire(struct gateway *g)
{
	wire_close(run_of(g)->wire);
	run_of(g)->wire = NULL;
}

/* ---- a new policy ---- */

static void *
load(void *arg)
{
	struct run *r = arg;

	/* The packets come first: compiling takes seconds. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	r->loading.policy = gateway_load_policy(&r->gateway, &r->loading.diag);
	atomic_store(&r->loading.done, true);
	return NULL;
}

static void
begin_loading(struct run *r)
{
	struct loading *l = &r->loading;

	l->policy = NULL;
	l->diag = (struct diag){0};
	atomic_store(&l->done, false);
	l->running = pthread_create(&l->thread, NULL, load, r) == 0;
	if (!l->running)
		gateway_say(&r->gateway, "HUP: no thread can be started; the policy stays");
}

static void
end_loading(struct run *r)
{
	struct gateway *g = &r->gateway;
	struct loading *l = &r->loading;

	pthread_join(l->thread, NULL);
	l->running = false;
	diag_print(&l->diag, stderr);
	diag_free(&l->diag);
	if (l->policy == NULL) {
		gateway_say(g, "HUP: the new policy is wrong; the running one stays");
	} else if (!policy_swap_offer(&g->policies, l->policy)) {
		policy_free(l->policy);
		gateway_say(g,
			"HUP: flows still use %d earlier policies; the running one stays. Try again "
			"when they have ended",
			POLICY_SWAP_SLOTS - 1);
	} else {
		gateway_say(g, "HUP: policy %s, version %" PRIu64 ", digest %.16s, is in force",
			l->policy->name == NULL ? "(all packs)" : l->policy->name,
			l->policy->version, l->policy->digest);
	}
}

static void
look_after_policy(struct run *r)
{
	if (r->loading.running && atomic_load(&r->loading.done))
		end_loading(r);
	/* A HUP while one is being loaded waits: the file may have changed since. */
	if (!r->loading.running && atomic_exchange(&r->gateway.signals->reload, false)) {
		gateway_reopen_events(&r->gateway);
		begin_loading(r);
	}
	r->old_policies = policy_swap_collect(&r->gateway.policies);
}

/* ---- while it runs ---- */

/*
 * systemd's readiness protocol, sd_notify(3): a datagram to the socket that the environment
 * names. Without one, nothing.
 */
static void
notify(const char *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path == NULL ? 0 : strlen(path);
	int fd;

	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

static void
began(void *ctx)
{
	struct gateway *g = ctx;

	for (unsigned i = 0; i < g->site.n_ports && !g->o->quiet; i += 2)
		gateway_say(g, "standing between %s and %s; TERM or an interrupt (Ctrl-C) ends it",
			g->port_names[i], g->port_names[i + 1]);
	notify("READY=1\nSTATUS=between its ports\n");
}

static void
tick(void *ctx)
{
	gateway_tick(ctx);
	look_after_policy(ctx);
}

static void
stalled(void *ctx, unsigned worker)
{
	struct gateway *g = ctx;

	gateway_say(g,
		"ERROR: worker %u gave no sign of life for %" PRIu64 " ms (limits.watchdog). Its packets "
		"%s until sluss is started again; what the policy exempts or shadows passes",
		worker, g->site.limits.watchdog,
		g->site.choices.stalled_bridge ? "PASS UNREAD (inline.stalled: bridge)"
					       : "DON'T PASS (inline.stalled: block)");
	notify("STATUS=a worker hangs\n");
}

/* On the watchdog's thread. Nothing can be trusted to go on, the summary least. */
static void
hung(void *ctx)
{
	static const char line[] =
		"sluss: ERROR: the thread between the ports hangs (limits.watchdog): ending with "
		"status 5\n";

	(void)ctx;
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	_exit(STATUS_WATCHDOG);
}

static enum pair_mode
mode_of(const struct policy *p, const struct packet *packet)
{
	return policy_mode(p, policy_domain_of_address(p, packet->family, packet->address[0]),
		policy_domain_of_address(p, packet->family, packet->address[1]));
}

static void
received(struct gateway *g, struct source_stats *ret)
{
	const struct inline_stats *s = inline_stats(g->gate);
	struct wire_port_stats ports[EAL_PORTS_MAX];

	*ret = (struct source_stats){.packets = atomic_load(&s->received.packets),
		.bytes = atomic_load(&s->received.bytes)};
	inline_ports(g->gate, ports);
	for (unsigned i = 0; i < g->site.n_ports; i++) {
		ret->missed += ports[i].rx_missed;
		ret->no_buffer += ports[i].rx_no_buffer;
		ret->errors += ports[i].rx_errors + ports[i].rx_too_long;
	}
}

static uint64_t
lost(struct gateway *g)
{
	const struct inline_stats *s = inline_stats(g->gate);
	uint64_t n = 0;

	for (unsigned i = 0; i < INLINE_REASONS; i++)
		n += atomic_load(&s->dropped[i].packets);
	return n;
}

static uint64_t
payload(const struct inline_count *c)
{
	return atomic_load(&c->payload);
}

/* What no worker got is part of all sums: sent unread, or dropped. */
static void
add_unread(const struct gateway *g, struct worker_stats *sum)
{
	static const enum withheld why[INLINE_UNREAD_REASONS] = {
		[INLINE_OVERLOAD] = WITHHELD_OVERLOAD, [INLINE_STALLED] = WITHHELD_STALLED};
	const struct inline_stats *s = inline_stats(g->gate);

	for (unsigned i = 0; i < INLINE_UNREAD_REASONS; i++) {
		uint64_t exempt = payload(&s->passed[i][INLINE_EXEMPT]);
		uint64_t over = payload(&s->passed[i][INLINE_OVER_BUDGET]) +
			payload(&s->passed[i][INLINE_NOT_IP]);
		uint64_t dropped = payload(&s->dropped[i]);

		sum->payload += exempt + over + dropped;
		sum->exempt += exempt;
		sum->opaque[OPAQUE_OVER_BUDGET] += over;
		sum->forwarded += exempt + over;
		sum->undelivered += dropped;
		sum->withheld[why[i]] += dropped;
	}
}

static void
row(FILE *out, const char *label, const struct inline_count *c, const char *text)
{
	char bytes[SUMMARY_NUMBER_MAX], line[128];

	snprintf(line, sizeof(line), "packets, %s bytes%s",
		summary_number(atomic_load(&c->bytes), bytes), text);
	summary_row(out, label, atomic_load(&c->packets), line);
}

static void
row_of(FILE *out, const char *label, uint64_t n)
{
	if (n > 0)
		summary_row(out, label, n, "packets");
}

static void
summary(struct gateway *g, FILE *out)
{
	static const char *const dropped[INLINE_REASONS] = {
		"  dropped: overload", "  dropped: stalled", "  dropped: no way out"};
	static const char *const passed[INLINE_UNREAD_REASONS][INLINE_UNREAD] = {
		{"  unread: overload", "  exempt: overload", "  not IP: overload"},
		{"  unread: stalled", "  exempt: stalled", "  not IP: stalled"}};
	const struct inline_stats *s = inline_stats(g->gate);
	struct wire_port_stats ports[EAL_PORTS_MAX], sum = {0};

	fputs("Between the ports\n", out);
	row(out, "  received", &s->received, "");
	row(out, "  sent", &s->sent, "");
	for (unsigned i = 0; i < INLINE_REASONS; i++)
		if (atomic_load(&s->dropped[i].packets) > 0)
			row(out, dropped[i], &s->dropped[i], "");
	for (unsigned i = 0; i < INLINE_UNREAD_REASONS; i++)
		for (unsigned k = 0; k < INLINE_UNREAD; k++)
			if (atomic_load(&s->passed[i][k].packets) > 0)
				row(out, passed[i][k], &s->passed[i][k],
					k == INLINE_OVER_BUDGET ? ", over-budget" : "");
	inline_ports(g->gate, ports);
	for (unsigned i = 0; i < g->site.n_ports; i++) {
		sum.tx_dropped += ports[i].tx_dropped;
		sum.tx_too_long += ports[i].tx_too_long;
		sum.tx_no_buffer += ports[i].tx_no_buffer;
		sum.rx_too_long += ports[i].rx_too_long;
	}
	row_of(out, "  port: queue full", sum.tx_dropped);
	row_of(out, "  port: too long to send", sum.tx_too_long);
	row_of(out, "  port: no buffer to send", sum.tx_no_buffer);
	row_of(out, "  port: came too long", sum.rx_too_long);
	if (atomic_load(&s->stalled) > 0)
		summary_row(out, "  workers that hang", atomic_load(&s->stalled), "");
}

/* A hanging worker's thread still runs: the ports go back to the system, no more. */
static void
end_hung(struct gateway *g)
{
	gateway_say(g, "ERROR: a worker hangs and can't be ended in order");
	stop_wire(g);
	events_flush(g->events);
}

static enum exit_status
run(struct gateway *g)
{
	struct run *r = run_of(g);
	const struct dataplane_limits *l = &g->site.limits;
	struct inline_config cfg = {
		.wire = r->wire,
		.n_ports = g->site.n_ports,
		.workers = g->workers,
		.n_workers = g->n_workers,
		.burst = (unsigned)l->burst,
		.ring = (unsigned)l->worker_ring,
		.cores = g->site.n_cores > 1 ? g->site.cores + 1 : NULL,
		.watchdog_us = l->watchdog * 1000,
		.choices = g->site.choices,
		.stop = &g->signals->stop,
		.policy = &g->policies,
		.mode = mode_of,
		.began = began,
		.tick = tick,
		.stalled = stalled,
		.hung = hung,
		.ctx = g,
	};
	enum exit_status status = STATUS_OK;
	char why[GATEWAY_WHY] = "";
	int ended;

	gateway_began(g);
	ended = inline_run(g->gate, &cfg, why, sizeof(why));
	notify("STOPPING=1\n");
	if (r->loading.running)
		end_loading(r);
	if (ended < 0)
		gateway_say(g, "%s", why);
	g->hung = ended > 0;
	status = ended == 0 && atomic_load(&inline_stats(g->gate)->stalled) == 0 ? STATUS_OK
									       : STATUS_RUNTIME;
	return gateway_finish(g, status);
}

enum exit_status
run_run(const struct options *o, struct signals *signals)
{
	const struct gateway_step steps[] = {gateway_site, {start_pairs, NULL}, gateway_policy,
		gateway_key, {check_pairs, NULL}, {start_claims, stop_claims}, gateway_memory, gateway_eal,
		{start_gate, stop_gate}, gateway_events, gateway_workers, {start_wire, stop_wire}};
	const struct gateway_command command = {
		.steps = steps, .n_steps = ARRAY_LEN(steps), .run = run, .hung = end_hung};
	struct run *r = calloc(1, sizeof(*r));
	enum exit_status status;

	if (r == NULL)
		return STATUS_RUNTIME;
	r->gateway.received = received;
	r->gateway.lost = lost;
	r->gateway.unread = add_unread;
	r->gateway.summary = summary;
	status = gateway_command(&r->gateway, &command, o, signals);
	free(r);
	return status;
}
