/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One core, captures from memory, four ways in turn, round after round:
 *
 *   headers   header parsing alone
 *   scan      bare hs_scan_stream of the same payload (as it is on the wire),
 *             with the same databases, one stream for each direction of a flow
 *   path      the whole path of `sluss watch`: flows, nDPI, TCP, inspectors,
 *             decoders, detectors, judge, events as JSON (counted, not written)
 *   inline    a worker of `sluss run` with every pair enforced: the same, and checksums,
 *             the normaliser, the open message judged after each packet; what leaves is freed
 *
 * and the ratios of their medians. Absolute numbers are this machine's; the
 * ratios are what to compare.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_mbuf.h>

#include "dataplane/eal.h"
#include "dataplane/source.h"
#include "dataplane/worker.h"
#include "inspectors/detect/detect_set.h"
#include "inspectors/detect/pseudonym.h"
#include "policy/diag.h"
#include "policy/policy.h"

enum { BURST = 32, ROUNDS_MAX = 99 };
enum way { HEADERS, SCAN, PATH, INLINE, WAYS };

/* A piece of payload, and the stream it belongs to. */
struct piece {
	struct bytes bytes;
	uint32_t stream;
};

struct bench {
	struct rte_mempool *pool;
	struct rte_mbuf **mbufs;
	unsigned n;
	struct piece *pieces;
	unsigned n_pieces;
	unsigned n_streams;
	uint64_t payload;
	const struct policy *policy;
	struct pseudonym *pseudonym;
	struct worker_stats last; /* of the latest round of the whole path */
	struct worker_stats last_inline;
	uint64_t left; /* packets, in it */
};

static void
die(const char *what)
{
	fprintf(stderr, "watch_bench: %s\n", what);
	exit(2);
}

/* Of this thread on its core: what else the machine does isn't the path's cost. */
static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
warn(void *ctx, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* ---- loading ---- */

static unsigned
read_all(const char *const *paths, unsigned n_paths, struct rte_mempool *pool,
	struct rte_mbuf **keep)
{
	struct source_error err;
	struct source *s = source_pcap_open(paths, n_paths, pool, warn, NULL, &err);
	struct rte_mbuf *burst[BURST];
	unsigned n = 0;
	int got;

	if (s == NULL)
		die(err.text);
	while ((got = source_burst(s, burst, BURST)) > 0)
		for (int i = 0; i < got; i++, n++)
			if (keep == NULL)
				rte_pktmbuf_free(burst[i]);
			else
				keep[n] = burst[i];
	if (source_state(s) == SOURCE_FAILED)
		die(source_failure(s));
	source_close(s);
	return n;
}

static void
load(struct bench *b, const char *const *paths, unsigned n_paths)
{
	char why[512];
	struct rte_mempool *small = eal_packet_pool("count", 1024, why, sizeof(why));

	if (small == NULL)
		die(why);
	b->n = read_all(paths, n_paths, small, NULL);
	b->mbufs = calloc(b->n, sizeof(*b->mbufs));
	/* Frames larger than a buffer are chains; some room for those. */
	b->pool = eal_packet_pool("packets", b->n + b->n / 4 + 4096, why, sizeof(why));
	if (b->pool == NULL || b->mbufs == NULL)
		die(why);
	if (read_all(paths, n_paths, b->pool, b->mbufs) != b->n)
		die("the capture changed while it was read");
}

/* ---- streams of payload ---- */

struct stream_key {
	uint8_t from[16], to[16];
	uint16_t ports[2];
	uint8_t protocol, used;
};

static uint32_t
stream_of(struct stream_key *table, size_t size, const struct packet *p, unsigned *n_streams,
	uint32_t *numbers)
{
	struct stream_key k = {.protocol = p->protocol, .used = 1};
	uint64_t h = 1469598103934665603u;
	size_t at;

	memcpy(k.from, p->address[0], 16);
	memcpy(k.to, p->address[1], 16);
	memcpy(k.ports, p->port, sizeof(k.ports));
	for (size_t i = 0; i < sizeof(k); i++) /* FNV-1a */
		h = (h ^ ((const uint8_t *)&k)[i]) * 1099511628211u;
	for (at = (size_t)(h % size); table[at].used; at = (at + 1) % size)
		if (memcmp(&table[at], &k, sizeof(k)) == 0)
			return numbers[at];
	table[at] = k;
	numbers[at] = (*n_streams)++;
	return numbers[at];
}

static void
cut_payload(struct bench *b)
{
	size_t size = 2 * (size_t)b->n + 16;
	struct stream_key *table = calloc(size, sizeof(*table));
	uint32_t *numbers = calloc(size, sizeof(*numbers));

	b->pieces = calloc(2 * (size_t)b->n + 16, sizeof(*b->pieces));
	if (table == NULL || numbers == NULL || b->pieces == NULL)
		die("no memory");
	for (unsigned i = 0; i < b->n; i++) {
		struct packet p;
		struct bytes piece;

		if (!header_result_usable(headers_parse(b->mbufs[i], false, &p)))
			continue;
		/* For the inline way: two hosts are on two sides. */
		packet_meta(b->mbufs[i])->port = memcmp(p.address[0], p.address[1], 16) > 0;
		for (uint32_t at = 0; (piece = packet_piece(&p, at)).n > 0 &&
			b->n_pieces < 2 * b->n + 16; at += (uint32_t)piece.n) {
			b->pieces[b->n_pieces++] = (struct piece){piece,
				stream_of(table, size, &p, &b->n_streams, numbers)};
			b->payload += piece.n;
		}
	}
	free(table);
	free(numbers);
}

/* ---- the four ways ---- */

static double
run_headers(struct bench *b)
{
	double from = seconds_now();
	uint64_t sum = 0;

	for (unsigned i = 0; i < b->n; i++) {
		struct packet p;

		if (i + 4 < b->n)
			rte_prefetch0(rte_pktmbuf_mtod(b->mbufs[i + 4], void *));
		(void)headers_parse(b->mbufs[i], false, &p);
		sum += p.payload_len;
	}
	if (sum == 0)
		die("no payload in these captures");
	return seconds_now() - from;
}

static int
count_hit(unsigned id, uint64_t end, void *ctx)
{
	(*(uint64_t *)ctx)++;
	return 0;
}

static double
run_scan(struct bench *b, uint64_t *ret_hits)
{
	const struct hs_matcher *m = policy_detect(b->policy)->matcher;
	struct hs_working_space *space = hs_working_space_new(m);
	struct arena_budget budget = {.limit = SIZE_MAX / 2};
	size_t n_db = hs_matcher_databases(m);
	void **streams = calloc((size_t)b->n_streams * n_db, sizeof(*streams));
	struct arena arena;
	double from, took;

	arena_init(&arena, &arena_source_malloc, &budget);
	if (space == NULL || streams == NULL)
		die("no memory");
	*ret_hits = 0;
	from = seconds_now();
	for (unsigned i = 0; i < b->n_pieces; i++)
		for (size_t db = 0; db < n_db; db++) {
			void **stream = &streams[b->pieces[i].stream * n_db + db];

			if (*stream == NULL)
				*stream = hs_matcher_open(m, db, &arena);
			hs_matcher_scan(*stream, b->pieces[i].bytes, space, count_hit, ret_hits);
		}
	took = seconds_now() - from;
	arena_release(&arena);
	hs_working_space_free(space);
	free(streams);
	return took;
}

static void
count_event(void *ctx, const char *json, size_t n)
{
	*(uint64_t *)ctx += n;
}

static void
count_left(void *ctx, struct rte_mbuf *m, unsigned port)
{
	struct bench *b = ctx;

	b->left++;
	rte_pktmbuf_free(m);
}

static double
run_path(struct bench *b, bool is_inline)
{
	uint64_t event_bytes = 0;
	struct worker_config cfg = {.workers = 1,
		.socket = -1,
		.packets = b->pool,
		.inspect = inspect_limits_default(),
		.limits = dataplane_limits_default(),
		.policy = b->policy,
		.pseudonym = b->pseudonym,
		.observer = "bench",
		.distinct_seed = 1,
		.events = {count_event, &event_bytes}};
	struct worker_error err;
	struct worker *w;
	struct rte_mbuf *burst[BURST];
	double from, took;

	cfg.limits.packet_buffers = b->n;
	if (is_inline)
		cfg.egress = (struct egress){count_left, b};
	b->left = 0;
	w = worker_new(&cfg, &err);
	if (w == NULL)
		die(err.text);
	from = seconds_now();
	for (unsigned i = 0; i < b->n; i += BURST) {
		unsigned n = b->n - i < BURST ? b->n - i : BURST;

		for (unsigned k = 0; k < n; k++) {
			burst[k] = b->mbufs[i + k];
			/* The worker's free is then not the last one. */
			for (struct rte_mbuf *m = burst[k]; m != NULL; m = m->next)
				rte_mbuf_refcnt_update(m, 1);
		}
		worker_burst(w, burst, n);
	}
	worker_finish(w);
	took = seconds_now() - from;
	*(is_inline ? &b->last_inline : &b->last) = *worker_stats(w);
	worker_free(w);
	return took;
}

/* ---- report ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void
print_way(const char *name, const struct bench *b, double t)
{
	printf("%-8s %8.2f ms  %7.3f Mpackets/s  %7.3f Gbit/s of payload\n", name, t * 1e3,
		b->n / t / 1e6, (double)b->payload * 8 / t / 1e9);
}

static void
report(const struct bench *b, const double *times, uint64_t hits)
{
	double headers = times[HEADERS], scan = times[SCAN], path = times[PATH];
	double in_line = times[INLINE];
	const struct worker_stats *s = &b->last;
	uint64_t findings = 0;

	for (size_t d = 0; d < DETECT_DETECTORS_MAX; d++)
		findings += s->findings[d];
	printf("%u packets, %" PRIu64 " bytes of payload, %u streams, %zu databases\n", b->n,
		b->payload, b->n_streams,
		hs_matcher_databases(policy_detect(b->policy)->matcher));
	print_way("headers", b, headers);
	print_way("scan", b, scan);
	print_way("path", b, path);
	print_way("inline", b, in_line);
	printf("path / scan, bare hs_scan_stream of the wire's payload: %.3f\n", scan / path);
	printf("path / headers, header parsing alone: %.4f\n", headers / path);
	printf("inline / path, watching alone: %.3f (%" PRIu64 " packets left, %" PRIu64
	       " flows were refused)\n",
		path / in_line, b->left, b->last_inline.flows_refused);
	printf("candidate hits %" PRIu64 ", findings %" PRIu64 ", messages %" PRIu64
	       ", events %" PRIu64 "\n",
		hits, findings, s->messages, s->events);
	printf("idle flow %zu bytes; inspected flow at most %" PRIu64
	       " bytes of pages; all flows at most %" PRIu64 "\n",
		worker_flow_size(), s->flow_arena_peak, s->arena_peak);
}

static void
measure(struct bench *b, unsigned rounds)
{
	double times[WAYS][ROUNDS_MAX], medians[WAYS];
	uint64_t hits;

	(void)run_headers(b);
	(void)run_scan(b, &hits);
	(void)run_path(b, false);
	(void)run_path(b, true);
	for (unsigned r = 0; r < rounds; r++) {
		times[HEADERS][r] = run_headers(b);
		times[SCAN][r] = run_scan(b, &hits);
		times[PATH][r] = run_path(b, false);
		times[INLINE][r] = run_path(b, true);
	}
	for (int i = 0; i < WAYS; i++)
		medians[i] = median(times[i], rounds);
	report(b, medians, hits);
}

static const char usage[] =
	"usage: watch_bench [--policy FILE] [--rounds N] [--path-only|--inline-only] CAPTURE...\n"
	"Reads the captures into memory and measures one core; without a policy all shipped "
	"packs are used. --path-only and --inline-only leave the comparisons out, for a "
	"profiler.\n";

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
		{"rounds", required_argument, NULL, 'r'},
		{"path-only", no_argument, NULL, 'o'}, {"inline-only", no_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct eal_config eal = {.memory = UINT64_C(2) << 30};
	static const uint8_t key[32] = {1};
	struct bench b = {0};
	const char *policy = NULL;
	unsigned rounds = 9;
	bool path_only = false, inline_only = false;
	struct diag d;
	char why[EAL_ERROR_MAX];
	int c;

	diag_init(&d);

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (c == 'p')
			policy = optarg;
		else if (c == 'r')
			rounds = (unsigned)atoi(optarg);
		else if (c == 'o')
			path_only = true;
		else if (c == 'i')
			inline_only = true;
		else
			die(usage);
	if (optind == argc || rounds < 1 || rounds > ROUNDS_MAX)
		die(usage);
	if (eal_start(&eal, why, sizeof(why)) != 0)
		die(why);
	b.policy = policy == NULL ? policy_load_packs(NULL, &d) : policy_load(policy, NULL, &d);
	if (b.policy == NULL) {
		diag_print(&d, stderr);
		return 2;
	}
	b.pseudonym = pseudonym_new(key, sizeof(key));
	load(&b, (const char *const *)argv + optind, (unsigned)(argc - optind));
	cut_payload(&b);
	if (path_only || inline_only)
		for (unsigned r = 0; r < rounds; r++)
			printf("%.2f ms\n", run_path(&b, inline_only) * 1e3);
	else
		measure(&b, rounds);
	return 0;
}
