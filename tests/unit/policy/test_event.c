/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The events against design.md's contract, against their own schema, and the
 * canary: identifiers planted in every text that comes from the wire.
 */
#include "policy/event.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "policy/scan_record.h"

/* Of the published test series: nobody has it. */
#define NUMBER "197601022382"
#define NUMBER_SHORT "760102-2382"

static struct {
	struct detect_set *set;
	struct detect_scratch *scratch;
	struct inspect_limits limits;
	struct inspect_env env;
	json_t *schema;
} all;

static const char *const person[] = {"person", NULL}, *const digits[] = {"digit-run", NULL},
			 *const tlp[] = {"tlp", NULL}, *const marks[] = {"marks", NULL};

static const struct candidate_spec candidates[] = {
	{"digit-run", "[0-9]{6}[-+ ]?[0-9A-Za-z]{4,5}", false, false, "numbers"},
	{"tlp", "tlp[: ]+[a-z]+", true, false, "words"},
};

static const struct detector_spec detectors[] = {
	{.id = "personnummer",
		.validator = "personnummer",
		.groups = person,
		.candidates = digits,
		.least = CONFIDENCE_MEDIUM},
	{.id = "tlp",
		.validator = "tlp",
		.groups = marks,
		.candidates = tlp,
		.least = CONFIDENCE_MEDIUM},
};

enum { PERSONNUMMER, TLP };

static int
set_up(void **state)
{
	const struct detect_spec spec = {.candidates = candidates,
		.n_candidates = ARRAY_LEN(candidates),
		.detectors = detectors,
		.n_detectors = ARRAY_LEN(detectors)};
	char why[256] = "";

	(void)state;
	all.set = detect_set_compile(&spec, why, sizeof(why));
	if (all.set == NULL) {
		print_error("%s\n", why);
		return -1;
	}
	all.scratch = detect_scratch_new(all.set);
	all.limits = inspect_limits_default();
	all.env = (struct inspect_env){.limits = &all.limits,
		.detect = all.set,
		.scratch = all.scratch,
		.today = {2026, 11, 24}};
	all.schema = json_load_file(EVENT_SCHEMA, 0, NULL);
	return all.schema == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(all.schema);
	detect_scratch_free(all.scratch);
	detect_set_free(all.set);
	return 0;
}

/* ---- a message, a judgement and a context with everything in them ---- */

static const struct endpoints ends4 = {
	.family = 4, .address = {{10, 10, 0, 5}, {192, 0, 2, 9}}, .port = {40112, 25}};

static const struct event_context context = {
	.observer = "gw1",
	.mode = EVENT_MONITOR,
	.action = "forward",
	.ends = &ends4,
	.transport = 6,
	.protocol = "SMTP",
	.application = "SMTP",
	.flow_first_us = 1795532645000000,
	.last_us = 1795532645123456, /* date -u -d @1795532645: 2026-11-24 15:04:05 */
	.sequence = 42,
	.packets = 31,
	.bytes = 22000,
	.midstream = true,
	.evasion = true,
};

static const char *const to[] = {"leverantor", "internet"};
static const struct event_information information[] = {
	{"patient-list", 7, true}, {"marked", 1, false}};

static const struct event_judgement judgement = {
	.verdict = "refuse",
	.alert = true,
	.from = "vard",
	.to = to,
	.n_to = 2,
	.from_inside = true,
	.class_name = "K3",
	.class_rank = 3,
	.ceiling = "K2",
	.reason = "K3 (patient-list) is above K2",
	.row = 24,
	.information = information,
	.n_information = 2,
	.policy_name = "perimeter",
	.policy_version = 12,
	.policy_digest = "00ff",
};

static const struct finding_counts counts[] = {
	[PERSONNUMMER] = {.total = {0, 1, 2, 4}, .distinct = 6, .distinct_low = 1},
	[TLP] = {.total = {0, 0, 0, 1}, .distinct = 1},
};

static struct mail_address second = {NULL, {(const uint8_t *)"c@" NUMBER ".example", 22}};
static struct mail_address first;
static struct finding findings[1];
static struct opaque_part opaque;

static struct message
mail_message(void)
{
	struct message m = {.env = &all.env,
		.direction = DIR_CLIENT,
		.channel = CHANNEL_MAIL,
		.protocol = "smtp",
		.mail_from = BYTES_LIT("a@vard.example"),
		.mail_to = &first,
		.n_mail_to = 2,
		.recipients_over = true,
		.subject = BYTES_LIT("Patient " NUMBER_SHORT "\n\"\\\xff"),
		.message_id = BYTES_LIT("<" NUMBER "@vard.example>"),
		.file_name = BYTES_LIT("lista " NUMBER_SHORT ".csv"),
		.url_host = BYTES_LIT("h" NUMBER ".example"),
		.url_path = BYTES_LIT("/p/1976%30102-2382/x"),
		.http_method = BYTES_LIT("PUT"),
		.command = "STOR",
		.n_findings = 1,
		.findings_total = 8,
		.counts = counts,
		.marks = 1,
		.distinct_over = true,
		.bytes_total = 20480 + 7 * 512,
		.n_opaque_parts = 1,
		.gap_bytes = 99,
		.cut = true};

	first = (struct mail_address){&second, BYTES_LIT("b@leverantor.example")};
	m.findings = findings;
	m.opaque_parts = &opaque;
	findings[0] = (struct finding){.detector = PERSONNUMMER,
		.confidence = CONFIDENCE_HIGH,
		.offset = 1042,
		.part = "smtp>mime[2]>base64>lista.csv",
		.mask = "1976****-****",
		.pseudonym = {0x01, 0xab, 0xff}};
	opaque = (struct opaque_part){"smtp>mime[3]", OPAQUE_ENCRYPTED_ARCHIVE, 512};
	for (int r = OPAQUE_NONE + 1; r < OPAQUE_COUNT; r++)
		m.opaque[r] = 512;
	return m;
}

static json_t *
parse(char *line, const size_t *n)
{
	json_t *root;

	assert_non_null(line);
	assert_int_equal(strlen(line), *n);
	assert_null(strchr(line, '\n'));
	root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	free(line);
	return root;
}

static json_t *
event_of(const struct message *m, const struct event_judgement *j, const struct event_context *c)
{
	size_t n = 0;
	char *line = event_json_of(m, j, c, &n);

	return parse(line, &n);
}

static json_t *
full_event(void)
{
	struct message m = mail_message();

	return event_of(&m, &judgement, &context);
}

/* Below one another by dots; the first element of arrays. NULL: isn't there. */
static json_t *
at(json_t *root, const char *name)
{
	char key[64];

	while (root != NULL && *name != '\0') {
		size_t n = strcspn(name, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, name);
		if (json_is_array(root))
			root = json_array_get(root, 0);
		root = json_object_get(root, key);
		name += n + (name[n] == '.');
	}
	return root;
}

static void
assert_text(json_t *root, const char *name, const char *want)
{
	json_t *value = at(root, name);

	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (value == NULL || json_string_value(value) == NULL ||
		strcmp(json_string_value(value), want) != 0)
		fail_msg("%s: \"%s\", want \"%s\"", name,
			value == NULL ? "nothing" : json_string_value(value), want);
}

static void
assert_count(json_t *root, const char *name, json_int_t want)
{
	json_t *value = at(root, name);

	if (!json_is_integer(value) || json_integer_value(value) != want)
		fail_msg("%s: %lld, want %lld", name, (long long)json_integer_value(value),
			(long long)want);
}

/* ---- the contract ---- */

/* design.md, "The event"; the community id by an independent program. */
static const char *const texts[][2] = {
	{"@timestamp", "2026-11-24T15:04:05.123456Z"},
	{"ecs.version", "8.11"},
	{"event.kind", "alert"},
	{"event.category", "network"},
	{"event.type", "allowed"},
	{"event.action", "forward"},
	{"event.dataset", "sluss.verdict"},
	{"event.reason", "K3 (patient-list) is above K2"},
	{"event.start", "2026-11-24T15:04:05.000000Z"},
	{"observer.name", "gw1"},
	{"observer.product", "Sluss"},
	{"observer.version", SLUSS_VERSION},
	{"observer.type", "dlp-gateway"},
	{"network.type", "ipv4"},
	{"network.transport", "tcp"},
	{"network.protocol", "smtp"},
	{"network.application", "smtp"},
	{"network.direction", "outbound"},
	{"network.community_id", "1:VF+Vhif4vHFqYlnEYzI4yN2JYA4="},
	{"source.ip", "10.10.0.5"},
	{"destination.ip", "192.0.2.9"},
	{"email.from.address", "a@vard.example"},
	{"email.to.address", "b@leverantor.example"},
	{"http.request.method", "PUT"},
	{"sluss.mode", "monitor"},
	{"sluss.sender", "client"},
	{"sluss.verdict", "refuse"},
	{"sluss.from", "vard"},
	{"sluss.to", "leverantor"},
	{"sluss.channel", "mail"},
	{"sluss.inspector", "smtp"},
	{"sluss.command", "STOR"},
	{"sluss.class", "K3"},
	{"sluss.ceiling", "K2"},
	{"sluss.information.id", "patient-list"},
	{"sluss.findings.detector", "personnummer"},
	{"sluss.findings.part", "smtp>mime[2]>base64>lista.csv"},
	{"sluss.findings.confidence", "high"},
	{"sluss.findings.mask", "1976****-****"},
	{"sluss.findings.pseudonym", "01abff00000000000000000000000000"},
	{"sluss.opaque.part", "smtp>mime[3]"},
	{"sluss.opaque.reason", "encrypted-archive"},
	{"sluss.policy.name", "perimeter"},
	{"sluss.policy.digest", "00ff"},
};

static const struct {
	const char *name;
	json_int_t want;
} numbers[] = {
	{"event.sequence", 42},
	{"network.packets", 31},
	{"network.bytes", 22000},
	{"source.port", 40112},
	{"destination.port", 25},
	{"sluss.recipients", 2},
	{"sluss.row", 24},
	{"sluss.information.count", 7},
	{"sluss.findings.offset", 1042},
	{"sluss.findings_total", 8},
	{"sluss.detectors.total", 7},
	{"sluss.detectors.low", 1},
	{"sluss.detectors.medium", 2},
	{"sluss.detectors.high", 4},
	{"sluss.detectors.distinct", 6},
	{"sluss.detectors.distinct_low", 1},
	{"sluss.opaque.bytes", 512},
	{"sluss.opaque_bytes.tunnel", 512},
	{"sluss.bytes.inspected", 20480},
	{"sluss.bytes.opaque", 7 * 512},
	{"sluss.bytes.gap", 99},
	{"sluss.policy.version", 12},
};

static void
test_contract(void **state)
{
	json_t *event = full_event();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_text(event, texts[i][0], texts[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_count(event, numbers[i].name, numbers[i].want);
	assert_true(json_is_true(at(event, "sluss.information.at_least")));
	assert_int_equal(json_array_size(at(event, "sluss.flags")), 6);
	assert_int_equal(json_array_size(at(event, "sluss.to")), 2);
	json_decref(event);
}

static void
test_direction_of_data(void **state)
{
	struct message m = mail_message();
	json_t *event;

	(void)state;
	m.direction = DIR_SERVER;
	event = event_of(&m, &judgement, &context);
	assert_text(event, "source.ip", "192.0.2.9");
	assert_text(event, "destination.ip", "10.10.0.5");
	assert_text(event, "sluss.sender", "server");
	/* The flow keeps its name. */
	assert_text(event, "network.community_id", "1:VF+Vhif4vHFqYlnEYzI4yN2JYA4=");
	json_decref(event);
	assert_string_equal(event_direction(true, true), "internal");
	assert_string_equal(event_direction(true, false), "outbound");
	assert_string_equal(event_direction(false, true), "inbound");
	assert_string_equal(event_direction(false, false), "external");
}

static void
test_kind_and_type(void **state)
{
	struct message m = mail_message();
	struct event_judgement j = judgement;
	struct event_context c = context;
	json_t *event;

	(void)state;
	c.mode = EVENT_ENFORCE;
	c.action = "refuse";
	event = event_of(&m, &j, &c);
	assert_text(event, "event.type", "denied");
	assert_text(event, "sluss.mode", "enforce");
	json_decref(event);
	j.alert = false;
	j.verdict = c.action = "forward";
	event = event_of(&m, &j, &c);
	assert_text(event, "event.kind", "event");
	assert_text(event, "event.type", "allowed");
	json_decref(event);
}

/* Invariant 8: one verdict in every mode; only what was done differs. */
static void
test_modes_differ_in_action_only(void **state)
{
	static const struct {
		enum event_mode mode;
		const char *action, *type;
		enum event_refusal refusal;
	} cases[] = {
		{EVENT_MONITOR, "forward", "allowed", EVENT_REFUSAL_NONE},
		{EVENT_SHADOW, "forward", "allowed", EVENT_REFUSAL_NONE},
		{EVENT_ENFORCE, "forward", "allowed", EVENT_REFUSAL_NONE},
		{EVENT_ENFORCE, "hold", "denied", EVENT_REFUSAL_NONE},
		{EVENT_ENFORCE, "refuse", "denied", EVENT_REFUSAL_SMTP_554},
		{EVENT_ENFORCE, "refuse", "denied", EVENT_REFUSAL_RESET},
		{EVENT_ENFORCE, "drop", "denied", EVENT_REFUSAL_DROPPED},
	};
	struct message m = mail_message();
	json_t *same = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct event_context c = context;
		json_t *event;

		c.mode = cases[i].mode;
		c.action = cases[i].action;
		c.refusal = cases[i].refusal;
		event = event_of(&m, &judgement, &c);
		assert_text(event, "sluss.mode", event_mode_name(c.mode));
		assert_text(event, "event.action", c.action);
		assert_text(event, "event.type", cases[i].type);
		if (c.refusal == EVENT_REFUSAL_NONE)
			assert_null(at(event, "sluss.refusal"));
		else
			assert_text(event, "sluss.refusal.said", event_refusal_name(c.refusal));
		json_object_del(at(event, "event"), "action");
		json_object_del(at(event, "event"), "type");
		json_object_del(at(event, "sluss"), "mode");
		json_object_del(at(event, "sluss"), "refusal");
		if (same == NULL)
			same = json_incref(event);
		assert_true(json_equal(event, same));
		json_decref(event);
	}
	json_decref(same);
}

static void
test_ipv6(void **state)
{
	struct endpoints ends = {.family = 6, .port = {1, 2}};
	struct event_context c = context;
	struct message m = mail_message();
	json_t *event;

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::5", ends.address[DIR_CLIENT]), 1);
	c.ends = &ends;
	c.transport = 17;
	event = event_of(&m, &judgement, &c);
	assert_text(event, "network.type", "ipv6");
	assert_text(event, "network.transport", "udp");
	assert_text(event, "source.ip", "2001:db8::5");
	assert_text(event, "destination.ip", "::");
	json_decref(event);
}

static void
test_many_recipients(void **state)
{
	static struct mail_address list[150];
	struct message m = mail_message();
	json_t *event;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = (struct mail_address){
			i + 1 < ARRAY_LEN(list) ? &list[i + 1] : NULL, BYTES_LIT("b@x.example")};
	m.mail_to = list;
	m.n_mail_to = ARRAY_LEN(list);
	event = event_of(&m, &judgement, &context);
	assert_int_equal(json_array_size(at(event, "email.to.address")), 100);
	assert_count(event, "sluss.recipients", 150);
	json_decref(event);
}

/* ---- ids ---- */

static void
assert_id(const struct event_context *c, const char *dataset, enum direction d, const char *want)
{
	char id[EVENT_ID_SIZE];

	event_id(c, dataset, d, id);
	assert_string_equal(id, want);
}

/* By Python's hashlib and uuid, over the layout that event.h gives. */
static void
test_id_vectors(void **state)
{
	const struct event_context file = {.observer = "gw1", .ordinal = 7};

	(void)state;
	assert_id(&context, "sluss.verdict", DIR_CLIENT, "9ada2c99-426c-8883-9c20-f11f8f447fa3");
	assert_id(&file, "sluss.verdict", DIR_SERVER, "5c7aaed5-e8f4-8f2a-88d3-00af16f954be");
}

static void
test_ids_differ(void **state)
{
	struct event_context c[8];
	struct endpoints other = ends4;
	char ids[10][EVENT_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		c[i] = context;
	c[1].ordinal++;
	c[2].flow_first_us++;
	c[3].observer = "gw2";
	c[4].transport = 17;
	other.port[DIR_SERVER]++;
	c[5].ends = &other;
	c[6].ends = NULL;
	c[7].last_us++; /* not part of the id: a later event of the same message is the same */
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		event_id(&c[i], "sluss.verdict", DIR_CLIENT, ids[i]);
	assert_string_equal(ids[0], ids[7]);
	event_id(&context, "sluss.verdict", DIR_SERVER, ids[7]);
	event_id(&context, "sluss.evasion", DIR_CLIENT, ids[8]);
	event_id(&context, "sluss.verdict", 1 - DIR_SERVER, ids[9]);
	assert_string_equal(ids[0], ids[9]);
	for (size_t i = 0; i < 9; i++)
		for (size_t k = i + 1; k < 9; k++)
			assert_string_not_equal(ids[i], ids[k]);
}

/* ---- canary ---- */

static void
test_no_identifier_in_clear(void **state)
{
	static const char *const clear[] = {NUMBER, NUMBER_SHORT, "7601022382", "2382", "%30102"};
	struct message m = mail_message();
	struct scan_record r = {0};
	char *lines[2];
	size_t n;

	(void)state;
	lines[0] = event_json_of(&m, &judgement, &context, &n);
	scan_record_add(&r, &m, &judgement);
	lines[1] = scan_record_json(
		&r, &all.env, BYTES_LIT("/mnt/" NUMBER "/lista " NUMBER_SHORT ".csv"), 10, &n);
	for (size_t l = 0; l < 2; l++) {
		assert_non_null(lines[l]);
		for (size_t i = 0; i < ARRAY_LEN(clear); i++)
			if (strstr(lines[l], clear[i]) != NULL)
				fail_msg("%s in %s", clear[i], lines[l]);
		/* Masked, not left out. */
		assert_non_null(strstr(lines[l], "lista "));
		free(lines[l]);
	}
	scan_record_free(&r);
}

/* ---- memory ---- */

static unsigned allocations_left;

static void *
failing_malloc(size_t n)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return malloc(n);
}

/*
 * Memory fails from the first allocation on, then from the second, …: nothing
 * or a whole line, never a crash or a leak (the sanitizers look).
 */
static void
test_memory_fails(void **state)
{
	struct message m = mail_message();
	struct scan_record r = {0};
	char *line = NULL;
	unsigned n = 0;
	size_t size;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (; line == NULL && n < 10000; n++) {
		allocations_left = n;
		line = event_json_of(&m, &judgement, &context, &size);
	}
	free(line);
	line = NULL;
	for (n = 0; line == NULL && n < 10000; n++) {
		allocations_left = n;
		scan_record_add(&r, &m, &judgement);
		scan_record_add(&r, &m, &judgement);
		line = scan_record_json(&r, &all.env, BYTES_LIT("f"), 1, &size);
		scan_record_free(&r);
	}
	json_set_alloc_funcs(malloc, free);
	assert_non_null(line);
	assert_true(n > 100);
	free(line);
}

/* ---- the records of a scan ---- */

static void
test_mailbox_is_one_record(void **state)
{
	struct message a = mail_message(), b = mail_message();
	struct finding listed[MESSAGE_FINDINGS_LISTED];
	const struct event_judgement low = {.class_name = "K1", .class_rank = 1};
	struct scan_record r = {0};
	size_t n;
	json_t *root;

	(void)state;
	b.counts = (const struct finding_counts[2]){[TLP] = {.total = {0, 0, 0, 3}, .distinct = 1}};
	b.n_findings = MESSAGE_FINDINGS_LISTED;
	for (unsigned i = 0; i < b.n_findings; i++)
		listed[i] = a.findings[0];
	b.findings = listed;
	b.marks = 3;
	scan_record_add(&r, &a, &low);
	scan_record_add(&r, &b, &judgement);
	scan_record_add(&r, &a, &judgement);
	assert_true(r.findings);
	root = parse(scan_record_json(&r, &all.env, BYTES_LIT("/m/box"), 77, &n), &n);
	assert_text(root, "file.name", "box");
	assert_text(root, "file.path", "/m/box");
	assert_count(root, "file.size", 77);
	assert_text(root, "sluss.class", "K3");
	assert_count(root, "sluss.messages", 3);
	assert_count(root, "sluss.information.count", 14);
	assert_count(root, "sluss.findings_total", 24);
	assert_int_equal(json_array_size(at(root, "sluss.findings")), MESSAGE_FINDINGS_LISTED);
	assert_int_equal(json_array_size(at(root, "sluss.detectors")), 2);
	assert_count(root, "sluss.detectors.total", 14);
	assert_count(root, "sluss.bytes.inspected", 3 * 20480);
	assert_count(root, "sluss.opaque_bytes.tls", 3 * 512);
	assert_int_equal(json_array_size(at(root, "sluss.marks")), 2);
	assert_count(root, "sluss.policy.version", 12);
	json_decref(root);
	scan_record_free(&r);
}

/* ---- the schema ---- */

enum record { VERDICT, EVASION, SCAN, RECORDS };

static const char *const record_names[RECORDS] = {"verdict", "evasion", "scan"};

static json_t *
field_of(const char *name)
{
	json_t *field;
	size_t i;

	json_array_foreach (json_object_get(all.schema, "fields"), i, field)
		if (strcmp(json_string_value(json_object_get(field, "name")), name) == 0)
			return field;
	return NULL;
}

static bool
is_in(json_t *field, enum record record)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(field, "in"), i, name)
		if (strcmp(json_string_value(name), record_names[record]) == 0)
			return true;
	return false;
}

static bool
is_date(const char *text)
{
	int at_end = 0;

	return sscanf(text, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &at_end), at_end == 27;
}

static bool
is_ip(const char *text)
{
	uint8_t address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool
has_type(json_t *value, const char *type)
{
	size_t n = strcspn(type, "[");
	json_t *element;
	size_t i;

	if (type[n] == '[') {
		char inner[32];

		snprintf(inner, sizeof(inner), "%.*s", (int)n, type);
		json_array_foreach (value, i, element)
			if (!has_type(element, inner))
				return false;
		return json_is_array(value);
	}
	if (strcmp(type, "long") == 0)
		return json_is_integer(value) && json_integer_value(value) >= 0;
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "object") == 0)
		return json_is_object(value);
	if (!json_is_string(value))
		return false;
	if (strcmp(type, "date") == 0)
		return is_date(json_string_value(value));
	return strcmp(type, "ip") != 0 || is_ip(json_string_value(value));
}

/*
 * Fields wait on a stack, since objects are in objects. Each must be in the
 * schema for this record and have its type; it is marked as seen.
 */
struct open_field {
	char name[96];
	json_t *value;
};

struct open_fields {
	struct open_field list[512];
	size_t n;
};

static void
add_field(struct open_fields *s, const char *above, const char *key, json_t *value)
{
	assert_true(s->n < ARRAY_LEN(s->list));
	snprintf(s->list[s->n].name, sizeof(s->list[s->n].name), "%s%s%s", above,
		above[0] == '\0' ? "" : ".", key);
	s->list[s->n++].value = value;
}

static void
add_members(struct open_fields *s, const char *above, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		add_field(s, above, key, value);
}

static void
check_field(struct open_fields *s, const struct open_field *f, enum record record)
{
	json_t *field = field_of(f->name), *element;
	size_t i;

	if (field == NULL && json_is_object(f->value)) {
		add_members(s, f->name, f->value);
		return;
	}
	if (field == NULL || !is_in(field, record))
		fail_msg("%s isn't in the schema of %s", f->name, record_names[record]);
	if (!has_type(f->value, json_string_value(json_object_get(field, "type"))))
		fail_msg("%s has another type", f->name);
	assert_int_equal(json_object_set_new(field, record_names[record], json_true()), 0);
	json_array_foreach (f->value, i, element)
		if (json_is_object(element))
			add_members(s, f->name, element);
}

static void
check_record(json_t *root, enum record record)
{
	static struct open_fields s;
	json_t *field;
	size_t i;

	s.n = 0;
	add_members(&s, "", root);
	while (s.n > 0) {
		struct open_field f = s.list[--s.n];

		check_field(&s, &f, record);
	}
	json_array_foreach (json_object_get(all.schema, "fields"), i, field) {
		const char *name = json_string_value(json_object_get(field, "name"));
		const char *when = json_string_value(json_object_get(field, "when"));

		if (is_in(field, record) && strncmp(when, "always", 6) == 0 &&
			at(root, name) == NULL)
			fail_msg("%s is always there, it says, but not in this %s", name,
				record_names[record]);
	}
	json_decref(root);
}

static void
check_scan(const struct message *m, const struct event_judgement *j)
{
	struct scan_record r = {0};
	size_t n;

	scan_record_add(&r, m, j);
	check_record(parse(scan_record_json(&r, &all.env, BYTES_LIT("d/f"), 0, &n), &n), SCAN);
	scan_record_free(&r);
}

static void
test_schema(void **state)
{
	struct message full = mail_message();
	struct message bare = {
		.env = &all.env, .protocol = "raw", .channel = CHANNEL_OTHER, .counts = counts};
	const struct event_judgement nothing = {.verdict = "forward"}, none = {0};
	const struct event_context file = {.observer = "gw1", .action = "forward"};
	const struct event_evasion evasion = {
		EVENT_EVASION_TCP_OVERLAP_CONFLICT, DIR_SERVER, 1460, 12};
	struct event_context named = context, refused = context;
	json_t *field;
	size_t i, n;

	(void)state;
	named.direction = "outbound";
	refused.mode = EVENT_ENFORCE;
	refused.action = "refuse";
	refused.refusal = EVENT_REFUSAL_SMTP_554;
	check_record(event_of(&full, &judgement, &context), VERDICT);
	check_record(event_of(&full, &judgement, &refused), VERDICT);
	check_record(event_of(&bare, &nothing, &file), VERDICT);
	check_record(parse(event_evasion_json(&evasion, &named, &n), &n), EVASION);
	/* A file on disk goes nowhere, has no command and no gaps. */
	full.gap_bytes = 0;
	full.n_mail_to = 0;
	full.command = NULL;
	check_scan(&full,
		&(struct event_judgement){.information = information,
			.n_information = 2,
			.class_name = "K3",
			.policy_name = "p",
			.policy_digest = "00"});
	check_scan(&bare, &none);
	json_array_foreach (json_object_get(all.schema, "fields"), i, field)
		for (int r = 0; r < RECORDS; r++)
			if (is_in(field, r) && json_object_get(field, record_names[r]) == NULL)
				fail_msg("no %s had %s", record_names[r],
					json_string_value(json_object_get(field, "name")));
}

static void
test_evasion(void **state)
{
	const struct event_evasion evasion = {
		EVENT_EVASION_TCP_OVERLAP_CONFLICT, DIR_SERVER, 1460, 12};
	json_t *event;
	size_t n;

	(void)state;
	event = parse(event_evasion_json(&evasion, &context, &n), &n);
	assert_text(event, "event.dataset", "sluss.evasion");
	assert_text(event, "event.kind", "alert");
	assert_text(event, "sluss.evasion.what", "tcp-overlap-conflict");
	assert_count(event, "sluss.evasion.offset", 1460);
	assert_count(event, "sluss.evasion.bytes", 12);
	assert_text(event, "source.ip", "192.0.2.9");
	json_decref(event);
}

/* Each kind has its keyword and its own id; the first one's is the one of ordinal 0. */
static void
test_evasion_kinds(void **state)
{
	char ids[EVENT_EVASION_KINDS][EVENT_ID_SIZE], of_first[EVENT_ID_SIZE];
	struct event_context c = context;
	size_t n;

	(void)state;
	event_id(&c, "sluss.evasion", DIR_CLIENT, of_first);
	c.ordinal = 99; /* a message's, and of no account */
	for (unsigned i = 0; i < EVENT_EVASION_KINDS; i++) {
		const struct event_evasion e = {
			.kind = (enum event_evasion_kind)i, .direction = DIR_CLIENT};
		json_t *event;

		c.mode = EVENT_ENFORCE;
		c.action = i == 0 ? "rewrite" : "drop";
		event = parse(event_evasion_json(&e, &c, &n), &n);
		assert_text(event, "sluss.evasion.what", event_evasion_name(e.kind));
		assert_text(event, "event.action", c.action);
		assert_text(event, "event.type", "denied");
		snprintf(ids[i], sizeof(ids[i]), "%s", json_string_value(at(event, "event.id")));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
		json_decref(event);
	}
	assert_string_equal(ids[0], of_first);
}

/* The schema's keywords, which are the page's, in the order of the code's. */
static void
assert_keywords(const char *field, const char *(*name)(unsigned), unsigned n)
{
	json_t *list = json_object_get(json_object_get(all.schema, "keywords"), field), *entry;
	size_t i;

	assert_int_equal(json_array_size(list), n);
	json_array_foreach (list, i, entry)
		assert_string_equal(
			json_string_value(json_object_get(entry, "keyword")), name((unsigned)i));
}

static const char *
evasion_name(unsigned i)
{
	return event_evasion_name((enum event_evasion_kind)i);
}

static const char *
refusal_name(unsigned i)
{
	return event_refusal_name((enum event_refusal)(i + EVENT_REFUSAL_NONE + 1));
}

static void
test_keywords(void **state)
{
	(void)state;
	assert_keywords("sluss.evasion.what", evasion_name, EVENT_EVASION_KINDS);
	assert_keywords("sluss.refusal.said", refusal_name, EVENT_REFUSAL_DROPPED);
	assert_null(event_refusal_name(EVENT_REFUSAL_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_direction_of_data),
		cmocka_unit_test(test_kind_and_type),
		cmocka_unit_test(test_modes_differ_in_action_only),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_id_vectors),
		cmocka_unit_test(test_ids_differ),
		cmocka_unit_test(test_no_identifier_in_clear),
		cmocka_unit_test(test_memory_fails),
		cmocka_unit_test(test_mailbox_is_one_record),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_evasion),
		cmocka_unit_test(test_evasion_kinds),
		cmocka_unit_test(test_keywords),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
