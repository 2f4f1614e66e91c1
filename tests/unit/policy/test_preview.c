/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Live messages. Three laws, at every place:
 *
 *   1  a preview after k bytes is judged as the message that ends after k bytes;
 *   2  previews change nothing of what the message is in the end;
 *   3  settling decides what an end would, and what follows changes none of it.
 *
 * What the end gives is the expectation; it has its own tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "inspectors/detect/pseudonym.h"
#include "inspectors/stream/charset.h"
#include "policy/judge.h"
#include "tests/support/cut.h"

static const char policy_text[] =
	"schema: 1\n"
	"name: p\n"
	"classes: [K0, K1, K2, K3]\n"
	"domains: {net: {control: outside, networks: [\"0.0.0.0/0\"]}}\n"
	"packs: [se-personal, se-health, labels]\n"
	"information:\n"
	"  - {id: one, class: K1, when: {personnummer: 1}}\n"
	"  - {id: two-near, class: K2, when: {personnummer: 2, near: journal-words}}\n"
	"  - {id: sure, class: K2, when: {personnummer: 2, unique: true, confidence: high}}\n"
	"  - {id: sure-near, class: K2, when: {personnummer: 1, near: journal-words, "
	"confidence: high}}\n"
	"  - {id: list, class: K3, when: {personnummer: 5, unique: true}}\n"
	"  - {id: temporary, class: K2, when: {samordningsnummer: 1}}\n"
	"  - {id: staff, class: K1, when: {hsaid: 1}}\n"
	"  - {id: mark, class: K3, when: {label: [sekretess, \"TLP:RED\"]}}\n"
	"egress: []\n"
	"default: {ceiling: K1, over: refuse, opaque: alert}\n";

static struct policy *policy;
static struct inspect_limits limits;
static struct inspect_env env;

/* What is known of a message: for the judge, and all that an event would tell. */
struct shown {
	uint64_t found;
	char judged[2048], told[8192];
};

/* Of the messages that were done; the last one's words, and all. */
static struct shown last, last_sent;
static struct box all;

static void put(char *at, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void
put(char *at, size_t size, const char *format, ...)
{
	size_t n = strlen(at);
	va_list args;

	va_start(args, format);
	vsnprintf(at + n, size - n, format, args);
	va_end(args);
}

static void
show_counts(const struct message *m, struct shown *s)
{
	for (size_t d = 0; d < detect_set_detectors(env.detect); d++) {
		const struct finding_counts *k = &m->counts[d];

		if (k->total[1] + k->total[2] + k->total[3] == 0)
			continue;
		put(s->judged, sizeof(s->judged), " %s=%u+%u+%u/%u/%u/",
			detect_set_detector_id(env.detect, d),
			(unsigned)k->total[1], (unsigned)k->total[2], (unsigned)k->total[3],
			(unsigned)k->distinct, (unsigned)k->distinct_low);
		for (unsigned w = 0; w < DETECT_WORDS_MAX; w++)
			put(s->judged, sizeof(s->judged), "%u", (unsigned)k->distinct_near[w]);
	}
}

static void
show(const struct message *m, struct shown *s)
{
	struct judgement j;

	memset(s, 0, sizeof(*s));
	s->found = m->findings_total;
	policy_judge(policy, m, NULL, &j);
	put(s->judged, sizeof(s->judged), "%s %s opaque=%d over=%d marks=%llx evidence=%x total=%u",
		verdict_name(j.verdict), policy->classes[j.class], j.opaque, m->distinct_over,
		(unsigned long long)m->marks, m->evidence, (unsigned)m->findings_total);
	for (unsigned i = 0; i < j.n_information; i++)
		put(s->judged, sizeof(s->judged), " %s:%u/%u",
			policy->information[j.information[i].information].id,
			(unsigned)j.information[i].count, (unsigned)j.information[i].distinct);
	show_counts(m, s);
	for (unsigned i = 0; i < m->n_findings; i++)
		put(s->told, sizeof(s->told), "%u %u @%u %s %s %02x%02x\n", m->findings[i].detector,
			m->findings[i].confidence, (unsigned)m->findings[i].offset,
			m->findings[i].part, m->findings[i].mask, m->findings[i].pseudonym[0],
			m->findings[i].pseudonym[15]);
	for (unsigned i = 0; i < m->n_opaque_parts; i++)
		put(s->told, sizeof(s->told), "opaque %s %u\n", m->opaque_parts[i].part,
			(unsigned)m->opaque_parts[i].bytes);
}

static void
on_message(void *ctx, struct message *m)
{
	(void)ctx;
	assert_int_equal(m->pending, 0);
	assert_int_equal(m->doubts, 0);
	show(m, &last);
	if (m->direction == DIR_CLIENT)
		last_sent = last;
	box_put(&all, last.judged, strlen(last.judged));
	box_put(&all, last.told, strlen(last.told));
}

static int
set_up(void **state)
{
	static const uint8_t key[32] = {7};
	struct diag d = {0};

	(void)state;
	policy = policy_load_bytes("p.yaml", bytes_str(policy_text), NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	if (policy == NULL)
		return -1;
	limits = inspect_limits_default();
	env = (struct inspect_env){.limits = &limits,
		.detect = policy->detect,
		.scratch = detect_scratch_new(policy->detect),
		.today = {2026, 7, 1},
		.pseudonym = pseudonym_new(key, sizeof(key)),
		.charsets = charset_catalog_new(8),
		.message_done = on_message,
		.distinct_seed = 1};
	return env.scratch == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	detect_scratch_free(env.scratch);
	pseudonym_free((struct pseudonym *)env.pseudonym);
	charset_catalog_free((struct charset_catalog *)env.charsets);
	policy_free(policy);
	box_free(&all);
	return 0;
}

/* ---- texts ---- */

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Of the published test series; and what stands around such numbers. */
static const char *const words[] = {"19760102-2382", "197601032381", "760104-2380",
	"19760105-2389", "197601062388", "19760107-2387", "19760162-2380", "SE2321000016-1A2B",
	"personnummer", "Personnr:", "telefon", "ordernummer", "patient", "journal", "diagnos",
	"anamnes", "remiss", "läkare", "vårdkontakt", "sekretess", "TLP:RED", "den", "och", "på",
	"är", "inlagd", "1976", "0102", "-2382", "å", "ö", "\xe2\x80\x93", "\xc2\xa0", "12345", "x",
	"ett längre stycke text utan något att hitta, för att skjuta det andra ifrån sig",
	"\n", ",", ".", "(", ")", "   "};

static size_t
make_text(uint32_t seed, char *ret, size_t size)
{
	size_t n = 0, want = 200 + next(&seed) % (size - 300);

	while (n < want) {
		const char *w = words[next(&seed) % ARRAY_LEN(words)];

		n += (size_t)snprintf(ret + n, size - n, "%s%s", w, next(&seed) % 8 ? " " : "");
	}
	return n;
}

/* ---- one message with one part ---- */

struct file {
	struct arena_budget budget;
	struct arena keep, stack;
	struct message *m;
	struct part *part;
};

static void
file_open(struct file *f, const struct part_meta *meta)
{
	*f = (struct file){.budget = {.limit = limits.flow_memory}};
	arena_init(&f->keep, &arena_source_malloc, &f->budget);
	arena_init(&f->stack, &arena_source_malloc, &f->budget);
	f->m = message_open(&env, &f->keep, &f->stack, CHANNEL_FILE, DIR_CLIENT, "file");
	assert_non_null(f->m);
	f->part = part_open(f->m, NULL, meta);
}

static void
file_close(struct file *f)
{
	message_close(f->m, false);
	arena_release(&f->keep);
	arena_release(&f->stack);
	assert_int_equal(f->budget.held, 0);
}

static void
push(void *ctx, struct bytes piece)
{
	part_push(ctx, piece);
}

static void
read_in(const struct part_meta *meta, struct bytes in, size_t step, struct shown *ret)
{
	struct file f;

	file_open(&f, meta);
	feed_steps(in, step, push, f.part);
	file_close(&f);
	*ret = last;
}

static bool
preview(struct message *m, struct shown *ret, bool *ret_pending)
{
	bool news = message_preview_begin(m, ret_pending);

	show(m, ret);
	message_preview_end(m);
	return news;
}

/* What ends up to @p slack bytes before does as well: a decoder may hold as many. */
static void
assert_as_ended(const char *name, const struct shown *ends, size_t k, size_t slack,
	const struct shown *got)
{
	for (size_t back = 0; back <= slack && back <= k; back++)
		if (strcmp(ends[k - back].judged, got->judged) == 0)
			return;
	fail_msg("%s, after %zu bytes\n  ended: %s\n  live:  %s", name, k, ends[k].judged,
		got->judged);
}

/* Laws 1 and 2, in pieces of @p step bytes. */
static void
live_and_let_end(const char *name, const struct part_meta *meta, struct bytes in,
	const struct shown *ends, size_t slack, size_t step)
{
	struct shown got, without, before = {0};
	bool pending;
	struct file f;

	read_in(meta, in, step, &without);
	file_open(&f, meta);
	for (size_t k = 0; k < in.n; k += step) {
		size_t n = step < in.n - k ? step : in.n - k;
		struct shown again;
		bool news;

		feed_steps(bytes_of(in.p + k, n), n, push, f.part);
		news = preview(f.m, &got, &pending);
		assert_as_ended(name, ends, k + n, slack, &got);
		/* No news is the truth. */
		if (k > 0 && !news)
			assert_string_equal(got.judged, before.judged);
		(void)preview(f.m, &again, &pending);
		assert_string_equal(again.judged, got.judged);
		before = got;
	}
	file_close(&f);
	assert_string_equal(last.judged, ends[in.n].judged);
	assert_string_equal(last.told, without.told);
}

/* Law 3, at @p k. */
static void
settle_at(const char *name, const struct part_meta *meta, struct bytes in,
	const struct shown *ends, size_t slack, size_t k)
{
	struct shown got, settled;
	bool pending;
	struct file f;

	file_open(&f, meta);
	feed_steps(bytes_of(in.p, k), k, push, f.part);
	message_settle(f.m);
	(void)preview(f.m, &settled, &pending);
	assert_false(pending);
	assert_as_ended(name, ends, k, slack, &settled);
	show(f.m, &got);
	if (f.m->doubts == 0)
		assert_int_equal(got.found, settled.found);
	feed_steps(bytes_skip(in, k), in.n - k, push, f.part);
	file_close(&f);
	/* All that was told then is told first; in a full list a surer one takes a place. */
	if (last.found <= MESSAGE_FINDINGS_LISTED)
		assert_memory_equal(last.told, got.told, strlen(got.told));
}

/* ---- the forms that a text comes in ---- */

static size_t
as_plain(struct bytes text, uint8_t *ret)
{
	memcpy(ret, text.p, text.n);
	return text.n;
}

/* Nothing but what base64 holds, so that it may be either. */
static size_t
as_words(struct bytes text, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		if (ascii_is_digit(text.p[i]) ||
			((text.p[i] | 0x20) >= 'a' && (text.p[i] | 0x20) <= 'z'))
			ret[n++] = text.p[i];
		else if (text.p[i] == ' ')
			ret[n++] = '\n';
	return n;
}

static size_t
as_base64(struct bytes text, uint8_t *ret)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < text.n; i += 3) {
		uint32_t v = (uint32_t)text.p[i] << 16;

		v |= i + 1 < text.n ? (uint32_t)text.p[i + 1] << 8 : 0;
		v |= i + 2 < text.n ? text.p[i + 2] : 0;
		ret[n++] = (uint8_t)digits[v >> 18];
		ret[n++] = (uint8_t)digits[v >> 12 & 63];
		ret[n++] = i + 1 < text.n ? (uint8_t)digits[v >> 6 & 63] : '=';
		ret[n++] = i + 2 < text.n ? (uint8_t)digits[v & 63] : '=';
		if (i % 57 == 54) {
			ret[n++] = '\r';
			ret[n++] = '\n';
		}
	}
	return n;
}

static size_t
as_quoted_printable(struct bytes text, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < 0x80 && text.p[i] != '=' && i % 7 != 0)
			ret[n++] = text.p[i];
		else
			n += (size_t)sprintf((char *)ret + n, "=%02X", text.p[i]);
		if (i % 60 == 59)
			n += (size_t)sprintf((char *)ret + n, "=\r\n");
	}
	return n;
}

static size_t
as_html(struct bytes text, uint8_t *ret)
{
	size_t n = (size_t)sprintf((char *)ret, "<html><p>");

	for (size_t i = 0; i < text.n; i++) {
		ret[n++] = text.p[i];
		if (i % 31 == 30)
			n += (size_t)sprintf((char *)ret + n, "<b>");
	}
	return n;
}

static size_t
as_utf16(struct bytes text, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		ret[n++] = text.p[i] < 0x80 ? text.p[i] : '.';
		ret[n++] = 0;
	}
	return n;
}

static size_t
as_mail(struct bytes text, uint8_t *ret)
{
	size_t half = text.n / 2;
	size_t n = (size_t)sprintf((char *)ret,
		"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=gr\r\n\r\n--gr\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n\r\n");

	n += as_plain(bytes_of(text.p, half), ret + n);
	n += (size_t)sprintf((char *)ret + n, "\r\n--gr\r\nContent-Type: text/plain; "
		"charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	n += as_base64(bytes_skip(text, half), ret + n);
	return n + (size_t)sprintf((char *)ret + n, "\r\n--gr--\r\n");
}

#define BYTES(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* slack: bytes that decoders may hold at most; they aren't text yet. */
static const struct form {
	const char *name;
	size_t (*make)(struct bytes text, uint8_t *ret);
	struct part_meta meta;
	size_t slack;
} forms[] = {
	{"plain", as_plain, {.label = "f"}, 0},
	{"declared", as_plain,
		{.label = "f", .type = BYTES("text/plain"), .charset = BYTES("utf-8")}, 3},
	{"two readings", as_plain,
		{.label = "f", .readings = {{{CODING_QUOTED_PRINTABLE}}, {{CODING_IDENTITY}}},
			.n_readings = 2}, 3},
	{"base64", as_base64, {.label = "f", .readings = {{{CODING_BASE64}}}, .n_readings = 1}, 5},
	{"no base64", as_plain,
		{.label = "f", .readings = {{{CODING_BASE64}}}, .n_readings = 1}, 5},
	{"words called base64", as_words,
		{.label = "f", .readings = {{{CODING_BASE64}}}, .n_readings = 1}, 0},
	{"base64 of html", as_base64, {.label = "f", .type = BYTES("text/html"),
		.readings = {{{CODING_BASE64}}}, .n_readings = 1}, 40},
	{"quoted-printable", as_quoted_printable,
		{.label = "f", .readings = {{{CODING_QUOTED_PRINTABLE}}}, .n_readings = 1}, 12},
	{"html", as_html, {.label = "f", .type = BYTES("text/html")}, 12},
	{"html called text", as_html, {.label = "f", .type = BYTES("text/plain")}, 12},
	{"utf-16", as_utf16,
		{.label = "f", .type = BYTES("text/plain"), .charset = BYTES("utf-16le")}, 3},
	{"encrypted", as_plain, {.label = "f", .type = BYTES("application/pkcs7-mime")}, 3},
	{"unknown coding", as_plain,
		{.label = "f", .readings = {{{CODING_UNKNOWN}}}, .n_readings = 1}, 0},
	{"mail", as_mail, {.label = "f", .type = BYTES("message/rfc822")}, 80},
};

static void
check_form(const struct form *form, uint32_t seed)
{
	static char text[1400];
	static uint8_t wire[8192];
	size_t n = form->make(bytes_of((uint8_t *)text, make_text(seed, text, sizeof(text))), wire);
	struct shown *ends = calloc(n + 1, sizeof(*ends));
	struct bytes in = bytes_of(wire, n);

	assert_non_null(ends);
	for (size_t k = 0; k <= n; k++)
		read_in(&form->meta, bytes_of(wire, k), k, &ends[k]);
	live_and_let_end(form->name, &form->meta, in, ends, form->slack, 1);
	live_and_let_end(form->name, &form->meta, in, ends, form->slack, 1 + seed % 300);
	for (size_t k = 1 + seed % 7; k < n; k += 7)
		settle_at(form->name, &form->meta, in, ends, form->slack, k);
	free(ends);
}

static void
test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		for (uint32_t seed = 1; seed <= 4; seed++)
			check_form(&forms[i], seed * 7919 + (uint32_t)i);
	limits.distinct_exact = 3; /* counts read "at least" from there on */
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		check_form(&forms[i], 31 + (uint32_t)i);
	limits = inspect_limits_default();
}

/* ---- conversations ---- */

static const struct talk {
	const char *name;
	const char *before; /* from the client */
	const char *answer; /* from the server, behind it */
	const char *head;   /* from the client, then the text */
	bool datagrams;
	size_t slack;
} talks[] = {
	{"raw", "nothing of note\n", "", "", false, 0},
	{"http", "", "", "POST /a HTTP/1.1\r\nHost: b.example\r\nContent-Length: 9999\r\n\r\n",
		false, 0},
	{"http form", "", "",
		"POST /a HTTP/1.1\r\nHost: b.example\r\nContent-Length: 9999\r\n"
		"Content-Type: multipart/form-data; boundary=gr\r\n\r\n--gr\r\n"
		"Content-Disposition: form-data; name=f; filename=a.txt\r\n\r\n", false, 2},
	{"smtp", "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
		"220 x ESMTP\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n",
		"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", false, 3},
};

struct talking {
	struct conversation c;
	enum direction dir;
};

static void
hear(void *ctx, struct bytes piece)
{
	struct talking *t = ctx;

	conversation_data(&t->c, t->dir, piece);
}

static void
talk_open(struct talking *t, const struct talk *k)
{
	struct endpoints ends = {.family = 4, .port = {40000, 4000}};

	conversation_open(&t->c, &env, &arena_source_malloc, &ends, CHANNEL_OTHER, false);
	t->c.datagrams = k->datagrams;
	t->dir = DIR_SERVER;
	if (k->answer[0] == '2')
		hear(t, bytes_of((const uint8_t *)k->answer, 13));
	t->dir = DIR_CLIENT;
	hear(t, bytes_str(k->before));
	t->dir = DIR_SERVER;
	if (k->answer[0] == '2')
		hear(t, bytes_str(k->answer + 13));
	t->dir = DIR_CLIENT;
	hear(t, bytes_str(k->head));
}

static void
talk_end(struct talking *t)
{
	conversation_close(&t->c, false);
	assert_null(t->c.open[DIR_CLIENT]);
	assert_null(t->c.open[DIR_SERVER]);
	assert_int_equal(t->c.budget.held, 0);
}

static void
check_talk(const struct talk *k, uint32_t seed)
{
	static char text[1400];
	size_t n = make_text(seed, text, sizeof(text)), step = 1 + seed % 40;
	struct shown *ends = calloc(n + 1, sizeof(*ends));
	struct bytes in = bytes_of((uint8_t *)text, n);
	struct talking t;
	struct shown got;
	bool pending;

	assert_non_null(ends);
	for (size_t i = 0; i <= n; i++) {
		talk_open(&t, k);
		feed_steps(bytes_of(in.p, i), i, hear, &t);
		talk_end(&t);
		ends[i] = last_sent;
	}
	talk_open(&t, k);
	for (size_t i = 0; i < n; i += step) {
		size_t piece = step < n - i ? step : n - i;

		feed_steps(bytes_of(in.p + i, piece), piece, hear, &t);
		assert_non_null(t.c.open[DIR_CLIENT]);
		(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
		assert_as_ended(k->name, ends, i + piece, k->slack, &got);
	}
	talk_end(&t);
	assert_string_equal(last_sent.judged, ends[n].judged);
	assert_string_equal(last_sent.told, ends[n].told);
	free(ends);
}

static void
test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talks); i++)
		for (uint32_t seed = 1; seed <= 4; seed++)
			check_talk(&talks[i], seed * 104729 + (uint32_t)i);
}

#define MAIL "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
#define REPLIES "220 x ESMTP\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n"

/* What has come whole shows at once, though its message is open. */
static const struct talk complete[] = {
	{"request line and host", "", "",
		"GET /?personnummer=19760102-2382 HTTP/1.1\r\nHost: b.example\r\n\r\n"},
	{"request field", "", "",
		"GET / HTTP/1.1\r\nHost: b.example\r\nCookie: personnummer=19760102-2382\r\n\r\n"},
	{"form", "", "",
		"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 999\r\n"
		"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
		"personnummer=19760102%2D2382&"},
	{"json", "", "",
		"POST / HTTP/1.1\r\nHost: b.example\r\nContent-Length: 999\r\n"
		"Content-Type: application/json\r\n\r\n{\"personnummer\": \"19760102-2382\""},
	{"chunks", "", "",
		"POST / HTTP/1.1\r\nHost: b.example\r\nTransfer-Encoding: chunked\r\n\r\n"
		"11\r\npersonnummer 1976\r\n9\r\n0102-2382"},
	{"envelope", "EHLO a.example\r\n", "220 x ESMTP\r\n250 x\r\n",
		"MAIL FROM:<personnummer.19760102-2382@b.example>\r\n"},
	{"subject", MAIL, REPLIES, "Subject: personnummer 19760102-2382\r\n\r\n"},
	{"body", MAIL, REPLIES, "Subject: x\r\n\r\npersonnummer 19760102-2382"},
	{"short base64", MAIL, REPLIES,
		"Content-Transfer-Encoding: base64\r\n\r\ncGVyc29ubnVtbWVyIDE5NzYwMTAyLTIzODIg"},
};

static void
test_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(complete); i++) {
		struct shown got = {0};
		struct talking t;
		bool pending;

		last_sent = (struct shown){0};
		talk_open(&t, &complete[i]);
		if (t.c.open[DIR_CLIENT] != NULL)
			(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
		if (got.found + last_sent.found == 0)
			fail_msg("%s: nothing found yet", complete[i].name);
		talk_end(&t);
	}
}

/* What waits is decided by a pause, in the direction that pauses and while undecided too. */
static void
test_pause(void **state)
{
	static const struct talk nothing = {"", "", "", "", false, 0};
	struct talking t;
	struct shown got;
	bool pending;

	(void)state;
	talk_open(&t, &nothing);
	hear(&t, bytes_str("GET /personnr=19760102-2382")); /* the line may go on */
	assert_false(t.c.decided);
	(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
	assert_true(pending);
	assert_int_equal(got.found, 1);
	conversation_settle(&t.c, DIR_SERVER);
	(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
	assert_true(pending);
	conversation_settle(&t.c, DIR_CLIENT);
	(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
	assert_false(pending);
	assert_int_equal(got.found, 1);
	talk_end(&t);
}

/* Each datagram is decided when it was read. */
static void
test_datagrams(void **state)
{
	static const struct talk datagrams = {"", "", "", "", true, 0};
	struct talking t;
	struct shown got;
	bool pending;

	(void)state;
	talk_open(&t, &datagrams);
	for (unsigned i = 1; i < 4; i++) {
		hear(&t, bytes_str("personnummer 19760102-2382"));
		(void)preview(t.c.open[DIR_CLIENT], &got, &pending);
		assert_false(pending);
		assert_int_equal(got.found, i);
	}
	talk_end(&t);
}

/* What is asked for and can't be read is opaque, until it is taken back. */
static void
test_opaque_ahead(void **state)
{
	static const struct part_meta meta = {.label = "f"};
	struct judgement j;
	struct file f;
	bool pending;

	(void)state;
	file_open(&f, &meta);
	(void)message_preview_begin(f.m, &pending);
	message_preview_end(f.m);
	f.m->opaque_ahead = OPAQUE_TLS;
	assert_true(message_preview_begin(f.m, &pending));
	assert_false(pending);
	assert_int_equal(f.m->opaque[OPAQUE_TLS], 1);
	policy_judge(policy, f.m, NULL, &j);
	assert_true(j.opaque);
	message_preview_end(f.m);
	assert_int_equal(f.m->opaque[OPAQUE_TLS], 0);
	assert_false(message_preview_begin(f.m, &pending));
	message_preview_end(f.m);
	f.m->opaque_ahead = OPAQUE_NONE;
	assert_true(message_preview_begin(f.m, &pending));
	policy_judge(policy, f.m, NULL, &j);
	assert_false(j.opaque);
	message_preview_end(f.m);
	file_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_talks),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_opaque_ahead),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
