/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/classify.h"
#include "policy/policy.h"

enum { COLUMNS = 80, LABEL = 26, NUMBER = 16 };

/* 1234567 as "1,234,567". */
const char *
summary_number(uint64_t n, char ret[SUMMARY_NUMBER_MAX])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *out = ret;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return ret;
}

/* "label   number  text", the text folded at blanks so that lines fit. */
void
summary_row(FILE *out, const char *label, uint64_t n, const char *text)
{
	char number[SUMMARY_NUMBER_MAX];
	int column = fprintf(out, "%-*s%*s", LABEL, label, NUMBER, summary_number(n, number));
	bool first = true;

	if (text != NULL && *text != '\0')
		column += fprintf(out, "  ");
	while (text != NULL && *text != '\0') {
		int word = (int)strcspn(text, " ");

		if (!first && column + 1 + word > COLUMNS) {
			fprintf(out, "\n%*s", LABEL + NUMBER + 2, "");
			column = LABEL + NUMBER + 2;
			first = true;
		}
		column += fprintf(out, "%s%.*s", first ? "" : " ", word, text);
		first = false;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* Only where there is something to say. */
static void
row_if(FILE *out, const char *label, uint64_t n, const char *text)
{
	if (n > 0)
		summary_row(out, label, n, text);
}

/* As row_if(), but for what is counted of every flow or segment: that is the usual way. */
static void
odd_row(FILE *out, const char *label, uint64_t n, const char *text)
{
	static const char *const usual[] = {"  flow: opened", "  flow: idle", "  flow: removed",
		"  tcp: seen_bytes", "  tcp: delivered_bytes", "  normaliser: released",
		"  normaliser: released_bytes", "  normaliser: window_clamped"};

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (strcmp(usual[i], label) == 0)
			return;
	row_if(out, label, n, text);
}

static void
print_packets(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	char packets[64] = "packets", bytes[64] = "bytes on the wire";

	/* The rates of less than a second say nothing. */
	if (s->seconds >= 1) {
		snprintf(packets, sizeof(packets), "packets, %.0f a second",
			(double)w->packets / s->seconds);
		snprintf(bytes, sizeof(bytes), "bytes on the wire, %.1f Mbit/s",
			(double)w->bytes * 8 / s->seconds / 1e6);
	}
	summary_row(out, "Received", w->packets, packets);
	summary_row(out, "", w->bytes, bytes);
	fputc('\n', out);
}

static void
print_flows(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	static const char *const names[CHANNELS] = {
		[CHANNEL_MAIL] = "  mail",
		[CHANNEL_FILE] = "  file",
		[CHANNEL_WEB] = "  web",
		[CHANNEL_APP] = "  app",
		[CHANNEL_OTHER] = "  other",
	};
	uint64_t all = w->flows_open;
	char text[128];

	for (unsigned i = 0; i < CHANNELS; i++)
		all += w->flows[i];
	snprintf(text, sizeof(text), "TCP %" PRIu64 ", UDP %" PRIu64 ", other %" PRIu64, w->flows_tcp,
		w->flows_udp, w->flows_other);
	summary_row(out, "Flows", all, text);
	for (unsigned i = 0; i < CHANNELS; i++)
		summary_row(out, names[i], w->flows[i], "");
	row_if(out, "  not ended yet", w->flows_open, "");
	fputc('\n', out);
}

static int
by_bytes(const void *pa, const void *pb)
{
	const struct stats_application *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	if (a->master != b->master)
		return a->master < b->master ? -1 : 1;
	return (a->app > b->app) - (a->app < b->app);
}

static void
application_row(FILE *out, const struct summary *s, const struct stats_application *a,
	const char *name)
{
	char text[CLASSIFY_NAME_MAX + 2], flows[SUMMARY_NUMBER_MAX], packets[SUMMARY_NUMBER_MAX],
		bytes[SUMMARY_NUMBER_MAX];

	if (name != NULL)
		snprintf(text, sizeof(text), "%s", name);
	else if (s->classifier != NULL)
		classify_name(s->classifier, a->master, a->app, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%u.%u", a->master, a->app);
	fprintf(out, "  %-28.28s%14s%16s%18s\n", text, summary_number(a->flows, flows),
		summary_number(a->packets, packets), summary_number(a->bytes, bytes));
}

static void
print_applications(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	size_t n = w->n_applications;
	struct stats_application *sorted;

	if (n == 0)
		return;
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return;
	memcpy(sorted, w->applications, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_bytes);
	fprintf(out, "%-30s%14s%16s%18s\n", "nDPI application", "flows", "packets", "bytes");
	for (size_t i = 0; i < n; i++)
		application_row(out, s, &sorted[i], NULL);
	if (w->other_applications.flows > 0)
		application_row(out, s, &w->other_applications, "(others)");
	free(sorted);
	fputc('\n', out);
}

static void
print_payload(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	static const char *const sentences[OPAQUE_COUNT] = {
#define X(symbol, name, sentence) [OPAQUE_##symbol] = sentence,
		OPAQUE_REASONS(X)
#undef X
	};

	summary_row(out, "Payload", w->payload, "bytes");
	summary_row(out, "  inspected", w->inspected, "");
	for (unsigned i = 1; i < OPAQUE_COUNT; i++) {
		char label[64];

		snprintf(label, sizeof(label), "  opaque: %s",
			opaque_reason_name((enum opaque_reason)i));
		row_if(out, label, w->opaque[i], sentences[i]);
	}
	summary_row(out, "  exempt", w->exempt, "");
	row_if(out, "  repeated", w->repeated, "TCP payload that came again");
	row_if(out, "  undelivered", w->undelivered, "TCP payload that no receiver reads");
	fputc('\n', out);
}

/* Of the same payload: what left, and why the rest didn't. */
static void
print_inline(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	static const char *const sentences[WITHHELD_COUNT] = {
#define X(symbol, name, sentence) [WITHHELD_##symbol] = sentence,
		WITHHELD_REASONS(X)
#undef X
	};

	if (!s->between)
		return;
	fputs("Inline\n", out);
	summary_row(out, "  forwarded", w->forwarded, "bytes of payload that left");
	for (unsigned i = 0; i < WITHHELD_COUNT; i++) {
		char label[64];

		snprintf(label, sizeof(label), "  withheld: %s", withheld_name((enum withheld)i));
		row_if(out, label, w->withheld[i], sentences[i]);
	}
	fputc('\n', out);
}

/* ---- coverage ---- */

static uint64_t
opaque_of(const uint64_t opaque[OPAQUE_COUNT])
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < OPAQUE_COUNT; i++)
		sum += opaque[i];
	return sum;
}

static uint64_t
payload_of(const struct stats_pair *p)
{
	return p->inspected + p->exempt + opaque_of(p->opaque);
}

static int
by_payload(const void *pa, const void *pb)
{
	const struct stats_pair *a = pa, *b = pb;
	uint64_t na = payload_of(a), nb = payload_of(b);

	if (na != nb)
		return na < nb ? 1 : -1;
	return a->from != b->from ? (a->from > b->from) - (a->from < b->from)
				  : (a->to > b->to) - (a->to < b->to);
}

/* In tenths of a percent. Rounded up where a little must not look like nothing. */
static void
print_share(FILE *out, uint64_t n, uint64_t all, bool up)
{
	double share = (double)n / (double)all * 1000;
	uint64_t tenths = (uint64_t)share;

	if (up && (double)tenths < share)
		tenths++;
	/* Doubles are too coarse to tell all but one byte of a petabyte from all. */
	if (!up && n < all && tenths == 1000)
		tenths--;
	fprintf(out, "%5" PRIu64 ".%" PRIu64 " %%", tenths / 10, tenths % 10);
}

static void
pair_row(FILE *out, const char *name, const struct stats_pair *p)
{
	uint64_t all = payload_of(p);
	char number[SUMMARY_NUMBER_MAX];

	if (all == 0)
		return;
	fprintf(out, "  %-33.33s%18s", name, summary_number(all, number));
	print_share(out, p->inspected, all, false);
	print_share(out, opaque_of(p->opaque), all, true);
	print_share(out, p->exempt, all, true);
	fputc('\n', out);
}

static const char *
domain_name(const struct summary *s, int domain)
{
	return domain >= 0 && (unsigned)domain < s->n_domains ? s->domains[domain].id : "unknown";
}

/* Workers count while they are added up: a part may be ahead of its sum. */
static void
take_away(uint64_t *from, uint64_t n)
{
	*from -= n < *from ? n : *from;
}

/* What the totals have beyond the pairs: it was no flow's. */
static struct stats_pair
without_pair(const struct worker_stats *w)
{
	struct stats_pair rest = {.inspected = w->inspected, .exempt = w->exempt};

	memcpy(rest.opaque, w->opaque, sizeof(rest.opaque));
	for (unsigned i = 0; i <= w->n_pairs; i++) {
		const struct stats_pair *p = i < w->n_pairs ? &w->pairs[i] : &w->other_pairs;

		take_away(&rest.inspected, p->inspected);
		take_away(&rest.exempt, p->exempt);
		for (unsigned r = 0; r < OPAQUE_COUNT; r++)
			take_away(&rest.opaque[r], p->opaque[r]);
	}
	return rest;
}

/* Invariant 3: for each pair of domains, how much was read, and how much wasn't. */
static void
print_coverage(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	struct stats_pair sorted[STATS_PAIRS_MAX], rest;

	if (s->n_domains == 0 || w->n_pairs == 0)
		return;
	memcpy(sorted, w->pairs, w->n_pairs * sizeof(*sorted));
	qsort(sorted, w->n_pairs, sizeof(*sorted), by_payload);
	fprintf(out, "%-35s%18s%9s%9s%9s\n", "Coverage", "payload", "read", "opaque", "exempt");
	for (unsigned i = 0; i < w->n_pairs; i++) {
		char name[2 * POLICY_ID_MAX + 8];

		/* Both ends stay readable, however long they are. */
		snprintf(name, sizeof(name), "%.14s -> %.14s", domain_name(s, sorted[i].from),
			domain_name(s, sorted[i].to));
		pair_row(out, name, &sorted[i]);
	}
	pair_row(out, "(others)", &w->other_pairs);
	rest = without_pair(w);
	pair_row(out, "(of no flow)", &rest);
	fputc('\n', out);
}

static void
print_verdicts(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;

	summary_row(out, "Messages judged", w->messages, "");
	for (unsigned i = 0; i < STATS_VERDICTS; i++) {
		char label[32];

		snprintf(label, sizeof(label), "  %s", stats_verdict_name((enum verdict_counter)i));
		row_if(out, label, w->verdicts[i], "");
	}
	summary_row(out, "Events", w->events, "");
	row_if(out, "  lost", s->events_lost, "could not be written");
	fputc('\n', out);
}

static void
print_findings(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	uint64_t all = 0;

	for (unsigned i = 0; i < DETECT_DETECTORS_MAX; i++)
		all += w->findings[i];
	summary_row(out, "Findings", all, "");
	for (unsigned i = 0; i < DETECT_DETECTORS_MAX; i++) {
		char label[64], low[64] = "";

		if (w->findings[i] == 0 && w->findings_low[i] == 0)
			continue;
		if (s->detectors != NULL && i < s->n_detectors)
			snprintf(label, sizeof(label), "  %s", s->detectors[i]);
		else
			snprintf(label, sizeof(label), "  detector %u", i);
		if (w->findings_low[i] > 0)
			snprintf(low, sizeof(low), "and %" PRIu64 " of low evidence",
				w->findings_low[i]);
		summary_row(out, label, w->findings[i], low);
	}
	fputc('\n', out);
}

/* What did not go the usual way. The label is the counter's name, the text its sentence. */
static void
print_oddities(FILE *out, const struct summary *s)
{
	const struct worker_stats *w = s->stats;
	const struct source_stats *r = s->source;

	row_if(out, "  missed", r->missed, "packets dropped by the port before they were read");
	row_if(out, "  no_buffer", r->no_buffer,
		"packets dropped since limits.packet_buffers was used up");
	row_if(out, "  port_errors", r->errors, "frames that the port itself found bad");
	row_if(out, "  ring_full", s->dropped,
		"packets dropped since a worker had limits.worker_ring of them waiting");
	row_if(out, "  too_long", r->too_long, "packets of a capture over 262,144 bytes, cut there");
	row_if(out, "  damaged_files", r->damaged_files,
		"captures that end in the middle of a packet");
#define X(name, unit, sentence) row_if(out, "  " #name, w->name, unit ": " sentence);
	WORKER_COUNTERS(X)
#undef X
	for (unsigned i = 0; i < HEADER_RESULTS_COUNT; i++) {
		char label[64];

		snprintf(label, sizeof(label), "  %s", header_result_name((enum header_result)i));
		if (i != HEADER_OK)
			row_if(out, label, w->headers[i],
				header_result_sentence((enum header_result)i));
	}
#define X(name, unit, sentence)                                                                    \
	odd_row(out, "  fragment: " #name, w->fragment.name, unit ": " sentence);
	FRAGMENT_COUNTERS(X)
#undef X
#define X(name, unit, sentence)                                                                    \
	odd_row(out, "  flow: " #name, w->flow.name, unit ": " sentence);
	FLOW_COUNTERS(X)
#undef X
}

static void
print_tcp(FILE *out, const struct summary *s)
{
	const struct stream_counters *t = &s->stats->tcp;

#define X(name, unit, sentence) odd_row(out, "  tcp: " #name, t->name, unit ": " sentence);
	STREAM_COUNTERS(X)
#undef X
#define X(symbol, name, sentence)                                                                  \
	row_if(out, "  tcp: dropped, " name, t->drops[STREAM_DROP_##symbol],                       \
		"bytes of payload: " sentence);
	STREAM_DROPS(X)
#undef X
}

/* Inline: what was changed or taken out of TCP streams on their way. */
static void
print_normaliser(FILE *out, const struct summary *s)
{
	const struct normalise_counters *n = &s->stats->normalise;

#define X(name, unit, sentence) odd_row(out, "  normaliser: " #name, n->name, unit ": " sentence);
	NORMALISE_COUNTERS(X)
#undef X
#define X(symbol, name, sentence)                                                                  \
	row_if(out, "  not sent, " name, n->drops[NORMALISE_DROP_##symbol], "segments: " sentence);
	NORMALISE_DROPS(X)
#undef X
}

/* A heading with nothing below it would only make one wonder. */
static void
print_beside(FILE *out, const struct summary *s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (to == NULL)
		return;
	print_oddities(to, s);
	print_tcp(to, s);
	print_normaliser(to, s);
	if (fclose(to) == 0 && n > 0)
		fprintf(out, "Beside the usual way\n%s\n", text);
	free(text);
}

bool
summary_balance(FILE *out, const struct summary *s)
{
	int64_t rest = stats_unaccounted(s->stats);
	int64_t unsettled = s->between ? stats_unsettled(s->stats) : 0;

	if (!s->final || (rest == 0 && unsettled == 0))
		return true;
	if (rest != 0)
		fprintf(out,
			"ERROR: %" PRId64 " bytes of payload are not accounted for: this is a bug "
			"in sluss.\n", rest);
	if (unsettled != 0)
		fprintf(out,
			"ERROR: %" PRId64 " bytes of payload neither left nor are withheld for a "
			"reason: this is\na bug in sluss.\n", unsettled);
	fputs("Please report it with this summary and, if you may share it, the capture.\n", out);
	return false;
}

bool
summary_print(FILE *out, const struct summary *s)
{
	print_packets(out, s);
	print_flows(out, s);
	print_applications(out, s);
	print_payload(out, s);
	print_inline(out, s);
	print_coverage(out, s);
	print_verdicts(out, s);
	print_findings(out, s);
	print_beside(out, s);
	return summary_balance(out, s);
}
