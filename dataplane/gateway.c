/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/gateway.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/classify.h"
#include "dataplane/fragments.h"
#include "dataplane/inline.h"
#include "dataplane/normalise.h"
#include "dataplane/tcp.h"
#include "inspectors/detect/pseudonym.h"
#include "policy/hide_numbers.h"
#include "policy/secret.h"

enum { LINE = 8192, MIB = 1 << 20 };

double
gateway_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- what is said ---- */

void
gateway_say(struct gateway *g, const char *format, ...)
{
	char line[LINE];
	va_list ap;

	/* Names of files may hold identifiers. */
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	hide_numbers(line);
	pthread_mutex_lock(&g->say_lock);
	progress_clear(&g->progress);
	fprintf(stderr, "sluss: %s\n", line);
	pthread_mutex_unlock(&g->say_lock);
}

void
gateway_warn(void *g, const char *line)
{
	gateway_say(g, "%s", line);
}

void
gateway_later(void *ctx, const char *line)
{
	struct gateway *g = ctx;

	if (pthread_mutex_trylock(&g->later_lock) != 0)
		return;
	if (g->n_later < GATEWAY_LATER)
		snprintf(g->later[g->n_later++], GATEWAY_LATER_MAX, "%s", line);
	pthread_mutex_unlock(&g->later_lock);
}

static void
say_later(struct gateway *g)
{
	char lines[GATEWAY_LATER][GATEWAY_LATER_MAX];
	unsigned n;

	pthread_mutex_lock(&g->later_lock);
	n = g->n_later;
	memcpy(lines, g->later, n * sizeof(lines[0]));
	g->n_later = 0;
	pthread_mutex_unlock(&g->later_lock);
	for (unsigned i = 0; i < n; i++)
		gateway_say(g, "%s", lines[i]);
}

/* ---- configuration ---- */

static enum exit_status
apply_options(struct gateway *g)
{
	const struct options *o = g->o;
	struct site *s = &g->site;

	if (o->workers != 0 && o->workers != s->workers) {
		s->workers = o->workers;
		/* The cores were chosen for another number of threads. */
		if (s->n_cores > 0)
			gateway_say(g, "--workers %u: `cores` of %s don't fit and are left out",
				o->workers, o->config);
		s->n_cores = 0;
	}
	if (o->checksums != CHECKSUMS_AS_CONFIGURED)
		s->verify_checksums = o->checksums == CHECKSUMS_VERIFY;
	s->log_messages = s->log_messages || o->log_messages;
	if (s->limits.packet_buffers < site_buffers_needed(s)) {
		gateway_say(g, "%u workers need limits.packet_buffers to be at least %llu",
			s->workers, (unsigned long long)site_buffers_needed(s));
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static enum exit_status
start_site(struct gateway *g)
{
	struct diag d = {0};
	int r = 0;

	if (g->o->config == NULL)
		site_default(&g->site);
	else
		r = site_load(g->o->config, &g->site, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	return r != 0 ? STATUS_USAGE : apply_options(g);
}

static void
stop_site(struct gateway *g)
{
	site_free(&g->site);
}

static const char *
policy_path(const struct gateway *g)
{
	return g->o->policy != NULL ? g->o->policy : g->site.policy;
}

struct policy *
gateway_load_policy(const struct gateway *g, struct diag *d)
{
	const char *path = policy_path(g);

	return path == NULL ? policy_load_packs(NULL, d) : policy_load(path, NULL, d);
}

static enum exit_status
start_policy(struct gateway *g)
{
	struct policy *policy;
	struct diag d = {0};

	if (policy_path(g) == NULL && !g->o->quiet)
		gateway_say(g, "no policy is given: looking with all packs, any finding is an alert%s",
			g->o->command == COMMAND_RUN ? ", and nothing is refused" : "");
	policy = gateway_load_policy(g, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	/* Inline the workers and the I/O thread read it, and take up a new one. */
	policy_swap_init(&g->policies, policy,
		g->o->command == COMMAND_RUN ? g->site.workers + 1 : 0);
	return policy == NULL ? STATUS_USAGE : STATUS_OK;
}

static void
stop_policy(struct gateway *g)
{
	policy_swap_free(&g->policies);
}

static enum exit_status
start_key(struct gateway *g)
{
	const char *path = g->o->key != NULL ? g->o->key : g->site.key;
	uint8_t key[SECRET_BYTES], random[SECRET_BYTES];
	enum secret_source from;
	char why[GATEWAY_WHY];

	if (secret_find(path, key, &from, why, sizeof(why)) != 0) {
		gateway_say(g, "%s", why);
		return STATUS_USAGE;
	}
	g->pseudonym = pseudonym_new(key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (g->pseudonym == NULL || secret_random(random) != 0) {
		gateway_say(g, "no memory, or no random numbers from the system");
		return STATUS_RUNTIME;
	}
	memcpy(&g->seed, random, sizeof(g->seed));
	if (from == SECRET_RANDOM && !g->o->quiet)
		gateway_say(g,
			"no key is given: pseudonyms can't be compared with those of another run");
	return STATUS_OK;
}

static void
stop_key(struct gateway *g)
{
	pseudonym_free(g->pseudonym);
}

/* ---- memory, DPDK, packets ---- */

static struct site_memory
memory_of(const struct gateway *g)
{
	struct tcp_config one = {.flow_held = 1, .flow_segments = 1, .held = 1, .segments = 1 << 16};
	struct normalise_config kept = {.segments = 1 << 16};
	struct site_sizes sizes = {
		.flow = worker_flow_size(),
		.datagram = fragments_datagram_size(),
		.segment = tcp_engine_memory(&one) >> 16,
		.ndpi = classify_state_size(),
	};

	/* Inline the normaliser keeps them, and the reader behind it could. */
	if (g->o->command == COMMAND_RUN)
		sizes.segment += normalise_engine_memory(&kept) >> 16;
	return site_memory(&g->site, &sizes);
}

static enum exit_status
start_memory(struct gateway *g)
{
	struct site_memory m = memory_of(g);
	struct eal_machine machine;
	char why[GATEWAY_WHY];

	if (!g->o->quiet && g->o->config != NULL)
		site_print_memory(stderr, &m);
	else if (!g->o->quiet)
		gateway_say(g, "at most %llu MiB of memory (`sluss limits` tells what sets it)",
			(unsigned long long)(m.total / MIB));
	eal_machine_read(&machine);
	if (site_check_memory(&m, g->live, &machine, why, sizeof(why)) == 0)
		return STATUS_OK;
	gateway_say(g, "%s", why);
	return STATUS_USAGE;
}

static enum exit_status
start_eal(struct gateway *g)
{
	struct eal_config cfg = {
		.ports = g->site.ports,
		.n_ports = g->live ? g->site.n_ports : 0,
		.hugepages = g->live,
		.memory = memory_of(g).dpdk,
		.main_core = g->site.cores[0],
		.bind = g->site.n_cores > 0,
		.options = g->o->eal,
	};
	char why[GATEWAY_WHY];

	if (eal_start(&cfg, why, sizeof(why)) != 0) {
		gateway_say(g, "%s", why);
		return STATUS_RUNTIME;
	}
	g->eal = true;
	g->pool = eal_packet_pool("packets", g->site.limits.packet_buffers, why, sizeof(why));
	if (g->pool == NULL) {
		gateway_say(g, "%s", why);
		return STATUS_RUNTIME;
	}
	return STATUS_OK;
}

static void
stop_eal(struct gateway *g)
{
	if (g->eal)
		eal_stop();
}

void
gateway_name_ports(struct gateway *g)
{
	for (unsigned i = 0; i < g->site.n_ports; i++) {
		const struct port_name *p = &g->site.ports[i];

		eal_port_name(p, g->port_names[i], sizeof(g->port_names[i]));
		eal_port_device(p, i, g->devices[i], sizeof(g->devices[i]));
		g->ports[i] = (struct source_port){g->port_names[i], g->devices[i]};
	}
}

/* ---- events and workers ---- */

static const char *
events_path(const struct gateway *g)
{
	return g->o->events != NULL ? g->o->events : g->site.events;
}

/* The last that can fail but for the workers, so that nothing is left half-done. */
static enum exit_status
start_events(struct gateway *g)
{
	char why[GATEWAY_WHY];

	g->names = classifier_new(1, 1, why, sizeof(why));
	if (g->names == NULL) {
		gateway_say(g, "%s", why);
		return STATUS_RUNTIME;
	}
	g->events = events_open(events_path(g), why, sizeof(why));
	if (g->events == NULL) {
		gateway_say(g, "%s", why);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static void
stop_events(struct gateway *g)
{
	/* A run that never began leaves no empty file behind. */
	events_close(g->events, g->started == 0);
	classifier_free(g->names);
}

static enum exit_status
start_workers(struct gateway *g)
{
	struct worker_config cfg = {
		.workers = g->site.workers,
		.socket = -1,
		.packets = g->pool,
		.inspect = g->site.inspect,
		.limits = site_worker_limits(&g->site),
		.policy = policy_swap_current(&g->policies),
		.pseudonym = g->pseudonym,
		.observer = g->site.observer,
		.log_messages = g->site.log_messages,
		.verify_checksums = g->site.verify_checksums,
		.distinct_seed = g->seed,
		.events = {events_write, g->events},
		.choices = g->site.choices,
	};
	struct worker_error err = {""};

	for (unsigned i = 0; i < g->site.workers; i++) {
		cfg.index = i;
		if (g->gate != NULL)
			cfg.egress = (struct egress){inline_send, inline_lane(g->gate, i)};
		g->workers[i] = worker_new(&cfg, &err);
		if (g->workers[i] == NULL) {
			gateway_say(g, "%s", err.text);
			return STATUS_RUNTIME;
		}
		g->n_workers++;
	}
	return STATUS_OK;
}

static void
stop_workers(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_workers; i++)
		worker_free(g->workers[i]);
}

const struct gateway_step gateway_site = {start_site, stop_site};
const struct gateway_step gateway_policy = {start_policy, stop_policy};
const struct gateway_step gateway_key = {start_key, stop_key};
const struct gateway_step gateway_memory = {start_memory, NULL};
const struct gateway_step gateway_eal = {start_eal, stop_eal};
const struct gateway_step gateway_events = {start_events, stop_events};
const struct gateway_step gateway_workers = {start_workers, stop_workers};

/* ---- running ---- */

static FILE *
summary_stream(const struct gateway *g)
{
	const char *path = events_path(g);

	return path != NULL && strcmp(path, "-") == 0 ? stderr : stdout;
}

struct worker_stats *
gateway_sum_workers(const struct gateway *g)
{
	struct worker_stats *sum = calloc(1, sizeof(*sum));

	for (unsigned i = 0; sum != NULL && i < g->n_workers; i++)
		stats_add(sum, worker_stats(g->workers[i]));
	if (sum != NULL && g->unread != NULL)
		g->unread(g, sum);
	return sum;
}

static const char **
detector_names(const struct gateway *g, size_t *ret_n)
{
	const struct detect_set *set = policy_detect(policy_swap_current(&g->policies));
	size_t n = detect_set_detectors(set);
	const char **names = calloc(n > 0 ? n : 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < n; i++)
		names[i] = detect_set_detector_id(set, i);
	*ret_n = names == NULL ? 0 : n;
	return names;
}

/* @return whether the bytes add up */
static bool
report(struct gateway *g, const struct worker_stats *stats, bool final)
{
	struct source_stats source = {0};
	struct summary s = {
		.stats = stats,
		.source = &source,
		.classifier = g->names,
		.domains = policy_swap_current(&g->policies)->domains,
		.n_domains = policy_swap_current(&g->policies)->n_domains,
		.dropped = g->lost(g),
		.events_lost = events_lost(g->events),
		.seconds = gateway_seconds() - g->started,
		.live = g->live,
		.final = final,
		.between = g->gate != NULL,
	};
	FILE *out = final && g->o->quiet ? stderr : summary_stream(g);
	bool ok;

	g->received(g, &source);
	s.detectors = detector_names(g, &s.n_detectors);
	pthread_mutex_lock(&g->say_lock);
	progress_clear(&g->progress);
	pthread_mutex_unlock(&g->say_lock);
	/* Even when quiet: bytes that don't add up are an error. */
	ok = final && g->o->quiet ? summary_balance(out, &s) : summary_print(out, &s);
	if (g->summary != NULL && !(final && g->o->quiet))
		g->summary(g, out);
	fflush(out);
	free((void *)(uintptr_t)s.detectors);
	return ok;
}

static void
show_progress(struct gateway *g)
{
	struct progress_now now = {0};
	struct source_stats source = {0};

	if (g->progress.out == NULL)
		return;
	g->received(g, &source);
	now.lost = source.missed + source.no_buffer + g->lost(g);
	for (unsigned i = 0; i < g->n_workers; i++) {
		const struct worker_stats *s = worker_stats(g->workers[i]);

		now.messages += s->messages;
		now.events += s->events;
	}
	pthread_mutex_lock(&g->say_lock);
	progress_show(&g->progress, &source, &now, gateway_seconds());
	pthread_mutex_unlock(&g->say_lock);
}

void
gateway_began(struct gateway *g)
{
	g->started = g->flushed = gateway_seconds();
	progress_start(&g->progress, !g->o->quiet && isatty(STDERR_FILENO) ? stderr : NULL, g->live,
		g->started);
}

void
gateway_reopen_events(struct gateway *g)
{
	char why[GATEWAY_WHY];

	if (events_reopen(g->events, why, sizeof(why)) != 0)
		gateway_say(g, "ERROR: %s; the one that was open stays", why);
	else
		g->events_failed = false;
}

/* Whoever looks only at the end would learn it weeks later. */
static void
tell_lost_events(struct gateway *g)
{
	const char *error = events_error(g->events);

	if (error == NULL || g->events_failed)
		return;
	g->events_failed = true;
	gateway_say(g, "ERROR: %s%s", error,
		g->o->command == COMMAND_RUN && strcmp(events_path(g), "-") != 0
			? " (until a HUP, which opens the file anew)"
			: "");
}

void
gateway_tick(struct gateway *g)
{
	double now = gateway_seconds();

	if (atomic_exchange(&g->signals->report, false)) {
		struct worker_stats *sum = gateway_sum_workers(g);

		if (sum != NULL)
			report(g, sum, false);
		free(sum);
	}
	/* Who follows the events sees them within a second. */
	if (now - g->flushed >= 1) {
		events_flush(g->events);
		g->flushed = now;
	}
	tell_lost_events(g);
	say_later(g);
	show_progress(g);
}

enum exit_status
gateway_finish(struct gateway *g, enum exit_status status)
{
	struct worker_stats *sum = gateway_sum_workers(g);

	say_later(g);
	events_flush(g->events);
	pthread_mutex_lock(&g->say_lock);
	progress_clear(&g->progress);
	pthread_mutex_unlock(&g->say_lock);
	if (sum == NULL) {
		gateway_say(g, "no memory for the summary");
		return STATUS_RUNTIME;
	}
	/* A worker that hangs was in the middle of something. */
	if (!report(g, sum, !g->hung))
		status = STATUS_RUNTIME;
	free(sum);
	if (events_error(g->events) != NULL || events_lost(g->events) > 0) {
		const char *error = events_error(g->events);

		gateway_say(g, "%s (%llu lost)", error != NULL ? error : "events were lost",
			(unsigned long long)events_lost(g->events));
		status = STATUS_RUNTIME;
	}
	return status;
}

enum exit_status
gateway_command(struct gateway *g, const struct gateway_command *c, const struct options *o,
	struct signals *signals)
{
	enum exit_status status = STATUS_OK;
	size_t n = 0;

	g->o = o;
	g->signals = signals;
	pthread_mutex_init(&g->say_lock, NULL);
	pthread_mutex_init(&g->later_lock, NULL);
	while (status == STATUS_OK && n < c->n_steps)
		status = c->steps[n++].start(g);
	if (status == STATUS_OK)
		status = c->run(g);
	if (g->hung) {
		c->hung(g);
		fflush(NULL);
		_exit(status);
	}
	while (n-- > 0)
		if (c->steps[n].stop != NULL)
			c->steps[n].stop(g);
	pthread_mutex_destroy(&g->later_lock);
	pthread_mutex_destroy(&g->say_lock);
	return status;
}
