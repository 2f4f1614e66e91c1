/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
mask_path(const struct scan *s, const char *path, char ret[JSON_PUT_PATH])
{
	detect_mask_text(
		s->env.detect, s->env.scratch, s->env.today, bytes_str(path), ret, JSON_PUT_PATH);
}

/* Controls (C0, DEL and C1) in a name would let it write lines or move the cursor. */
static void
put_text(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];

		if (c < 32 || c == 127) {
			fputc('?', to);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			fputc('?', to);
			text++;
		} else {
			fputc(c, to);
		}
	}
}

void
scan_complain(struct scan *s, const char *path, const char *what)
{
	char masked[JSON_PUT_PATH];

	mask_path(s, path, masked);
	progress_hide(&s->progress);
	fputs("slussctl scan: ", stderr);
	put_text(stderr, masked);
	fprintf(stderr, ": %s\n", what);
	s->totals.errors++;
}

/* ---- text: made from the same object as the JSON ---- */

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static uint64_t
count_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *
plus_of(const json_t *object)
{
	return json_is_true(json_object_get(object, "at_least")) ? "+" : "";
}

static void
print_information(const json_t *sluss)
{
	json_t *list = json_object_get(sluss, "information"), *type;
	size_t i;

	/* Without a policy the information types are the detectors, and say nothing more. */
	if (json_array_size(list) == 0 || json_object_get(sluss, "class") == NULL)
		return;
	printf("  class %s:", text_of(sluss, "class"));
	json_array_foreach (list, i, type)
		printf("%s %s %" PRIu64 "%s", i > 0 ? "," : "", text_of(type, "id"),
			count_of(type, "count"), plus_of(type));
	putchar('\n');
}

static void
print_detectors(const json_t *sluss)
{
	json_t *list = json_object_get(sluss, "detectors"), *detector;
	size_t i;

	json_array_foreach (list, i, detector)
		printf("  %s: %" PRIu64 " found, %" PRIu64 "%s different\n",
			text_of(detector, "id"), count_of(detector, "total"),
			count_of(detector, "distinct") + count_of(detector, "distinct_low"),
			plus_of(detector));
}

static void
print_findings(const json_t *sluss)
{
	json_t *list = json_object_get(sluss, "findings"), *finding;
	uint64_t total = count_of(sluss, "findings_total");
	size_t i;

	json_array_foreach (list, i, finding) {
		printf("    %-24s %-6s  ", text_of(finding, "mask"),
			text_of(finding, "confidence"));
		put_text(stdout, text_of(finding, "part"));
		printf(" at %" PRIu64 "  (%s)\n", count_of(finding, "offset"),
			text_of(finding, "detector"));
	}
	if (total > i)
		printf("    and %" PRIu64 " more\n", total - i);
}

static void
print_opaque(const json_t *sluss)
{
	json_t *list = json_object_get(sluss, "opaque"), *part;
	size_t i;

	json_array_foreach (list, i, part) {
		char size[16];

		progress_bytes(count_of(part, "bytes"), size);
		printf("    not readable: %s of ", size);
		put_text(stdout, text_of(part, "part"));
		printf(" (%s)\n", text_of(part, "reason"));
	}
}

static void
print_text(struct scan *s, const char *path)
{
	const json_t *sluss = s->record.sluss;
	char masked[JSON_PUT_PATH];

	if (!s->record.findings || s->options.quiet)
		return;
	mask_path(s, path, masked);
	progress_hide(&s->progress);
	put_text(stdout, masked);
	putchar('\n');
	print_information(sluss);
	print_detectors(sluss);
	print_findings(sluss);
	print_opaque(sluss);
}

static void
print_json(struct scan *s, const char *path, const struct stat *st)
{
	size_t n;
	char *line =
		scan_record_json(&s->record, &s->env, bytes_str(path), (uint64_t)st->st_size, &n);

	if (line == NULL) {
		scan_complain(s, path, "out of memory: no record of this file");
		return;
	}
	progress_hide(&s->progress);
	puts(line);
	free(line);
}

static void
add_totals(struct scan *s)
{
	const json_t *sluss = s->record.sluss;
	json_t *list = json_object_get(sluss, "detectors"), *detector;
	size_t i;

	s->totals.opaque += count_of(json_object_get(sluss, "bytes"), "opaque");
	s->totals.opaque_files += count_of(json_object_get(sluss, "bytes"), "opaque") > 0;
	if (!s->record.findings) {
		/* Less than counts by itself: told, but not as a finding. */
		s->totals.low_only += count_of(sluss, "findings_total") > 0;
		return;
	}
	s->totals.findings += count_of(sluss, "findings_total");
	json_array_foreach (list, i, detector) {
		int d = detect_set_find_detector(s->env.detect, text_of(detector, "id"));

		if (d >= 0)
			s->totals.by_detector[d] += count_of(detector, "total");
	}
}

void
scan_report_file(struct scan *s, const char *path, const struct stat *st)
{
	add_totals(s);
	if (s->options.json)
		print_json(s, path, st);
	else
		print_text(s, path);
}

static void
put_number(FILE *to, const char *before, uint64_t n, const char *what)
{
	fprintf(to, "%s%" PRIu64 " %s%s", before, n, what, n == 1 ? "" : "s");
}

static void
put_detectors(FILE *to, const struct scan *s)
{
	for (size_t d = 0; d < detect_set_detectors(s->env.detect); d++)
		if (s->totals.by_detector[d] > 0)
			fprintf(to, ", %s %" PRIu64, detect_set_detector_id(s->env.detect, d),
				s->totals.by_detector[d]);
}

void
scan_report_totals(struct scan *s, const struct walk *w)
{
	const struct scan_totals *t = &s->totals;
	FILE *to = s->options.json ? stderr : stdout;
	char bytes[16], opaque[16];

	if (s->options.quiet)
		return;
	progress_bytes(t->bytes, bytes);
	progress_bytes(t->opaque, opaque);
	put_number(to, "", t->files, "file");
	fprintf(to, " (%s), %" PRIu64 " with findings", bytes, t->with_findings);
	put_number(to, ": ", t->findings, "finding");
	put_detectors(to, s);
	put_number(to, "\nlow evidence only: ", t->low_only, "file");
	fprintf(to, "; not readable: %s", opaque);
	if (t->opaque_files > 0)
		put_number(to, " in ", t->opaque_files, "file");
	if (t->opaque_files > 0 && !s->options.json)
		fputs(" (--json names them)", to);
	put_number(to, "; passed over: ", w->links, "link");
	put_number(to, ", ", w->specials, "special file");
	put_number(to, ", ", w->repeated, "folder");
	put_number(to, " read before; ", t->errors, "error");
	fputc('\n', to);
}
