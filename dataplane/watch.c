/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/watch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/classify.h"
#include "dataplane/dispatch.h"
#include "dataplane/eal.h"
#include "dataplane/events.h"
#include "dataplane/progress.h"
#include "dataplane/site.h"
#include "dataplane/source.h"
#include "dataplane/summary.h"
#include "dataplane/worker.h"
#include "inspectors/detect/pseudonym.h"
#include "policy/hide_numbers.h"
#include "policy/policy.h"
#include "policy/secret.h"

enum { WHY = 2048, LINE = 8192, MIB = 1 << 20 };

/* All that a run owns, in the order in which it comes and, backwards, goes. */
struct watch {
	const struct options *o;
	struct watch_signals *signals;
	struct site site;
	const char **captures; /* of the command line, or of the site's ports */
	unsigned n_captures;
	bool live; /* ports */
	struct policy *policy;
	struct pseudonym *pseudonym;
	struct rte_mempool *pool;
	char port_names[EAL_PORTS_MAX][128], devices[EAL_PORTS_MAX][EAL_DEVICE_MAX];
	struct source_port ports[EAL_PORTS_MAX];
	struct source *source;
	struct classifier *names; /* only to name protocols in the summary */
	struct events *events;
	uint64_t seed;
	struct worker *workers[SITE_WORKERS_MAX];
	unsigned n_workers;
	struct dispatch_stats dispatch;
	struct progress progress;
	double started, flushed;
	bool eal;
};

static double
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void __attribute__((format(printf, 2, 3)))
say(struct watch *w, const char *format, ...)
{
	char line[LINE];
	va_list ap;

	/* Names of files may hold identifiers. */
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	hide_numbers(line);
	progress_clear(&w->progress);
	fprintf(stderr, "sluss: %s\n", line);
}

static void
on_warning(void *ctx, const char *line)
{
	say(ctx, "%s", line);
}

/* ---- configuration ---- */

static enum exit_status
apply_options(struct watch *w)
{
	const struct options *o = w->o;
	struct site *s = &w->site;

	if (o->workers != 0 && o->workers != s->workers) {
		s->workers = o->workers;
		/* The cores were chosen for another number of threads. */
		if (s->n_cores > 0)
			say(w, "--workers %u: `cores` of %s don't fit and are left out", o->workers,
				o->config);
		s->n_cores = 0;
	}
	if (o->checksums != CHECKSUMS_AS_CONFIGURED)
		s->verify_checksums = o->checksums == CHECKSUMS_VERIFY;
	s->log_messages = s->log_messages || o->log_messages;
	if (s->limits.packet_buffers < site_buffers_needed(s)) {
		say(w, "%u workers need limits.packet_buffers to be at least %llu", s->workers,
			(unsigned long long)site_buffers_needed(s));
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* Captures of the command line come instead of the site's ports. */
static enum exit_status
choose_source(struct watch *w)
{
	const struct site *s = &w->site;

	if (w->o->n_captures > 0) {
		w->captures = w->o->captures;
		w->n_captures = w->o->n_captures;
		return STATUS_OK;
	}
	if (s->n_ports == 0) {
		say(w, "%s: has no `ports`; write some, or give captures with --pcap", w->o->config);
		return STATUS_USAGE;
	}
	w->live = s->ports[0].kind != PORT_PCAP;
	if (w->live)
		return STATUS_OK;
	w->captures = calloc(s->n_ports, sizeof(*w->captures));
	if (w->captures == NULL)
		return STATUS_RUNTIME;
	for (unsigned i = 0; i < s->n_ports; i++)
		w->captures[w->n_captures++] = s->ports[i].target;
	return STATUS_OK;
}

static enum exit_status
start_site(struct watch *w)
{
	struct diag d = {0};
	enum exit_status status;
	int r = 0;

	if (w->o->config == NULL)
		site_default(&w->site);
	else
		r = site_load(w->o->config, &w->site, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	if (r != 0)
		return STATUS_USAGE;
	status = apply_options(w);
	if (status == STATUS_OK)
		status = choose_source(w);
	return status;
}

static void
stop_site(struct watch *w)
{
	if (w->captures != w->o->captures)
		free(w->captures);
	site_free(&w->site);
}

static enum exit_status
start_policy(struct watch *w)
{
	const char *path = w->o->policy != NULL ? w->o->policy : w->site.policy;
	struct diag d = {0};

	if (path == NULL && !w->o->quiet)
		say(w, "no policy is given: looking with all packs, any finding is an alert");
	w->policy = path == NULL ? policy_load_packs(NULL, &d) : policy_load(path, NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	return w->policy == NULL ? STATUS_USAGE : STATUS_OK;
}

static void
stop_policy(struct watch *w)
{
	policy_free(w->policy);
}

static enum exit_status
start_key(struct watch *w)
{
	const char *path = w->o->key != NULL ? w->o->key : w->site.key;
	uint8_t key[SECRET_BYTES], random[SECRET_BYTES];
	enum secret_source from;
	char why[WHY];

	if (secret_find(path, key, &from, why, sizeof(why)) != 0) {
		say(w, "%s", why);
		return STATUS_USAGE;
	}
	w->pseudonym = pseudonym_new(key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (w->pseudonym == NULL || secret_random(random) != 0) {
		say(w, "no memory, or no random numbers from the system");
		return STATUS_RUNTIME;
	}
	memcpy(&w->seed, random, sizeof(w->seed));
	if (from == SECRET_RANDOM && !w->o->quiet)
		say(w, "no key is given: pseudonyms can't be compared with those of another run");
	return STATUS_OK;
}

static void
stop_key(struct watch *w)
{
	pseudonym_free(w->pseudonym);
}

/* ---- memory, DPDK, packets ---- */

static struct site_memory
memory_of(const struct watch *w)
{
	struct tcp_config one = {.flow_held = 1, .flow_segments = 1, .held = 1, .segments = 1 << 16};
	struct site_sizes sizes = {
		.flow = worker_flow_size(),
		.datagram = fragments_datagram_size(),
		.segment = tcp_engine_memory(&one) >> 16,
		.ndpi = classify_state_size(),
	};

	return site_memory(&w->site, &sizes);
}

static enum exit_status
start_memory(struct watch *w)
{
	struct site_memory m = memory_of(w);
	struct eal_machine machine;
	char why[WHY];

	if (!w->o->quiet && w->o->config != NULL)
		site_print_memory(stderr, &m);
	else if (!w->o->quiet)
		say(w, "at most %llu MiB of memory (`sluss limits` tells what sets it)",
			(unsigned long long)(m.total / MIB));
	eal_machine_read(&machine);
	if (site_check_memory(&m, w->live, &machine, why, sizeof(why)) == 0)
		return STATUS_OK;
	say(w, "%s", why);
	return STATUS_USAGE;
}

static enum exit_status
check_ports(struct watch *w)
{
	char why[WHY];

	for (unsigned i = 0; w->live && i < w->site.n_ports; i++) {
		if (eal_check_port(&w->site.ports[i], why, sizeof(why)) != 0) {
			say(w, "%s", why);
			return STATUS_INPUT;
		}
		if (eal_port_warning(&w->site.ports[i], why, sizeof(why)))
			say(w, "%s", why);
	}
	return STATUS_OK;
}

static enum exit_status
start_eal(struct watch *w)
{
	struct eal_config cfg = {
		.ports = w->site.ports,
		.n_ports = w->live ? w->site.n_ports : 0,
		.hugepages = w->live,
		.memory = memory_of(w).dpdk,
		.main_core = w->site.cores[0],
		.bind = w->site.n_cores > 0,
		.options = w->o->eal,
	};
	char why[WHY];

	if (check_ports(w) != STATUS_OK)
		return STATUS_INPUT;
	if (eal_start(&cfg, why, sizeof(why)) != 0) {
		say(w, "%s", why);
		return STATUS_RUNTIME;
	}
	w->eal = true;
	w->pool = eal_packet_pool("packets", w->site.limits.packet_buffers, why, sizeof(why));
	if (w->pool == NULL) {
		say(w, "%s", why);
		return STATUS_RUNTIME;
	}
	return STATUS_OK;
}

static void
stop_eal(struct watch *w)
{
	if (w->eal)
		eal_stop();
}

static enum exit_status
start_source(struct watch *w)
{
	struct source_error err = {""};

	if (!w->live) {
		w->source = source_pcap_open(w->captures, w->n_captures, w->pool, on_warning, w,
			&err);
	} else {
		for (unsigned i = 0; i < w->site.n_ports; i++) {
			const struct port_name *p = &w->site.ports[i];

			eal_port_name(p, w->port_names[i], sizeof(w->port_names[i]));
			eal_port_device(p, i, w->devices[i], sizeof(w->devices[i]));
			w->ports[i] = (struct source_port){w->port_names[i], w->devices[i]};
		}
		w->source = source_ports_open(w->ports, w->site.n_ports, w->pool, on_warning, w,
			&err);
	}
	if (w->source != NULL)
		return STATUS_OK;
	say(w, "%s", err.text);
	return STATUS_INPUT;
}

static void
stop_source(struct watch *w)
{
	source_close(w->source);
}

/* ---- events and workers ---- */

static const char *
events_path(const struct watch *w)
{
	return w->o->events != NULL ? w->o->events : w->site.events;
}

/* The last that can fail but for the workers, so that nothing is left half-done. */
static enum exit_status
start_events(struct watch *w)
{
	char why[WHY];

	w->names = classifier_new(1, 1, why, sizeof(why));
	if (w->names == NULL) {
		say(w, "%s", why);
		return STATUS_RUNTIME;
	}
	w->events = events_open(events_path(w), why, sizeof(why));
	if (w->events == NULL) {
		say(w, "%s", why);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static void
stop_events(struct watch *w)
{
	/* A run that never began leaves no empty file behind. */
	events_close(w->events, w->started == 0);
	classifier_free(w->names);
}

static enum exit_status
start_workers(struct watch *w)
{
	struct worker_config cfg = {
		.workers = w->site.workers,
		.socket = -1,
		.packets = w->pool,
		.inspect = w->site.inspect,
		.limits = site_worker_limits(&w->site),
		.policy = w->policy,
		.pseudonym = w->pseudonym,
		.observer = w->site.observer,
		.log_messages = w->site.log_messages,
		.verify_checksums = w->site.verify_checksums,
		.distinct_seed = w->seed,
		.events = {events_write, w->events},
	};
	struct worker_error err = {""};

	for (unsigned i = 0; i < w->site.workers; i++) {
		cfg.index = i;
		w->workers[i] = worker_new(&cfg, &err);
		if (w->workers[i] == NULL) {
			say(w, "%s", err.text);
			return STATUS_RUNTIME;
		}
		w->n_workers++;
	}
	return STATUS_OK;
}

static void
stop_workers(struct watch *w)
{
	for (unsigned i = 0; i < w->n_workers; i++)
		worker_free(w->workers[i]);
}

/* ---- running ---- */

static FILE *
summary_stream(const struct watch *w)
{
	const char *path = events_path(w);

	return path != NULL && strcmp(path, "-") == 0 ? stderr : stdout;
}

/* The workers' numbers together; NULL: no memory. The caller frees it. */
static struct worker_stats *
sum_workers(const struct watch *w)
{
	struct worker_stats *sum = calloc(1, sizeof(*sum));

	for (unsigned i = 0; sum != NULL && i < w->n_workers; i++)
		stats_add(sum, worker_stats(w->workers[i]));
	return sum;
}

static const char **
detector_names(const struct watch *w, size_t *ret_n)
{
	const struct detect_set *set = policy_detect(w->policy);
	size_t n = detect_set_detectors(set);
	const char **names = calloc(n > 0 ? n : 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < n; i++)
		names[i] = detect_set_detector_id(set, i);
	*ret_n = names == NULL ? 0 : n;
	return names;
}

/* @return whether the bytes add up */
static bool
report(struct watch *w, const struct worker_stats *stats, bool final)
{
	struct source_stats source;
	struct summary s = {
		.stats = stats,
		.source = &source,
		.classifier = w->names,
		.domains = w->policy->domains,
		.n_domains = w->policy->n_domains,
		.dropped = atomic_load(&w->dispatch.dropped),
		.events_lost = events_lost(w->events),
		.seconds = seconds_now() - w->started,
		.live = w->live,
		.final = final,
	};
	FILE *out = final && w->o->quiet ? stderr : summary_stream(w);
	bool ok;

	source_stats(w->source, &source);
	s.detectors = detector_names(w, &s.n_detectors);
	progress_clear(&w->progress);
	/* Even when quiet: bytes that don't add up are an error. */
	ok = final && w->o->quiet ? summary_balance(out, &s) : summary_print(out, &s);
	fflush(out);
	free((void *)(uintptr_t)s.detectors);
	return ok;
}

static void
show_progress(struct watch *w)
{
	struct progress_now now = {0};
	struct source_stats source;

	if (w->progress.out == NULL)
		return;
	source_stats(w->source, &source);
	now.lost = source.missed + source.no_buffer + atomic_load(&w->dispatch.dropped);
	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct worker_stats *s = worker_stats(w->workers[i]);

		now.messages += s->messages;
		now.events += s->events;
	}
	progress_show(&w->progress, &source, &now, seconds_now());
}

static void
tick(void *ctx)
{
	struct watch *w = ctx;
	double now = seconds_now();

	if (atomic_exchange(&w->signals->report, false)) {
		struct worker_stats *sum = sum_workers(w);

		if (sum != NULL)
			report(w, sum, false);
		free(sum);
	}
	/* Who follows the events sees them within a second. */
	if (now - w->flushed >= 1) {
		events_flush(w->events);
		w->flushed = now;
	}
	show_progress(w);
}

static void
warn_checksums(struct watch *w, const struct worker_stats *s)
{
	uint64_t bad = s->headers[HEADER_IP_CHECKSUM] + s->headers[HEADER_TCP_CHECKSUM] +
		s->headers[HEADER_UDP_CHECKSUM];

	if (w->live || !w->site.verify_checksums || bad == 0 || bad * 20 < s->packets)
		return;
	say(w,
		"WARNING: %llu of %llu packets have a wrong checksum and were NOT READ. Captures\n"
		"  taken on the sending host look so, since its network card makes the checksums.\n"
		"  To read them all the same: --checksums ignore",
		(unsigned long long)bad, (unsigned long long)s->packets);
}

/* @return the status after all packets have been worked off */
static enum exit_status
finish(struct watch *w, enum exit_status status)
{
	struct worker_stats *sum = sum_workers(w);

	events_flush(w->events);
	progress_clear(&w->progress);
	if (sum == NULL) {
		say(w, "no memory for the summary");
		return STATUS_RUNTIME;
	}
	if (!report(w, sum, true))
		status = STATUS_RUNTIME;
	warn_checksums(w, sum);
	free(sum);
	if (events_error(w->events) != NULL) {
		say(w, "%s (%llu lost)", events_error(w->events),
			(unsigned long long)events_lost(w->events));
		status = STATUS_RUNTIME;
	}
	return status;
}

static enum exit_status
run(struct watch *w)
{
	const struct dataplane_limits *l = &w->site.limits;
	uint64_t gap_us = l->tcp_gap_timeout * 1000, fragment_us = l->fragment_timeout * 1000000;
	struct dispatch_config cfg = {
		.source = w->source,
		.workers = w->workers,
		.n_workers = w->n_workers,
		.burst = (unsigned)l->burst,
		.ring = (unsigned)l->worker_ring,
		.cores = w->site.n_cores > 1 ? w->site.cores + 1 : NULL,
		.wait_us = (gap_us > fragment_us ? gap_us : fragment_us) + 1000000,
		.stop = &w->signals->stop,
		.tick = tick,
		.ctx = w,
	};
	enum exit_status status = STATUS_OK;
	char why[WHY];
	int r;

	w->started = w->flushed = seconds_now();
	if (w->live && !w->o->quiet)
		for (unsigned i = 0; i < w->site.n_ports; i++)
			say(w, "listening on %s; an interrupt (Ctrl-C) ends it", w->port_names[i]);
	progress_start(&w->progress, !w->o->quiet && isatty(STDERR_FILENO) ? stderr : NULL, w->live,
		w->started);
	r = dispatch_run(&cfg, &w->dispatch, why, sizeof(why));
	if (r != 0) {
		say(w, "%s", why);
		status = r == -1 ? STATUS_INPUT : STATUS_RUNTIME;
	}
	return finish(w, status);
}

enum exit_status
watch_run(const struct options *o, struct watch_signals *signals)
{
	static const struct {
		enum exit_status (*start)(struct watch *w);
		void (*stop)(struct watch *w); /* also after a start that failed half-way */
	} steps[] = {
		{start_site, stop_site},
		{start_policy, stop_policy},
		{start_key, stop_key},
		{start_memory, NULL},
		{start_eal, stop_eal},
		{start_source, stop_source},
		{start_events, stop_events},
		{start_workers, stop_workers},
	};
	struct watch *w = calloc(1, sizeof(*w));
	enum exit_status status = STATUS_OK;
	size_t n = 0;

	if (w == NULL)
		return STATUS_RUNTIME;
	w->o = o;
	w->signals = signals;
	while (status == STATUS_OK && n < ARRAY_LEN(steps))
		status = steps[n++].start(w);
	if (status == STATUS_OK)
		status = run(w);
	while (n-- > 0)
		if (steps[n].stop != NULL)
			steps[n].stop(w);
	free(w);
	return status;
}
