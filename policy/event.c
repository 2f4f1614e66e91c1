/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/event.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/community_id.h"
#include "policy/digest.h"
#include "policy/event_parts.h"
#include "policy/json_put.h"

static const char verdict_dataset[] = "sluss.verdict";
static const char evasion_dataset[] = "sluss.evasion";

const char *
event_mode_name(enum event_mode mode)
{
	switch (mode) {
	case EVENT_MONITOR:
		return "monitor";
	case EVENT_SHADOW:
		return "shadow";
	case EVENT_ENFORCE:
		break;
	}
	return "enforce";
}

const char *
event_refusal_name(enum event_refusal refusal)
{
	static const char *const names[] = {
		[EVENT_REFUSAL_NONE] = NULL,
#define X(symbol, keyword, sentence) [EVENT_REFUSAL_##symbol] = keyword,
		EVENT_REFUSALS(X)
#undef X
	};

	return names[refusal];
}

const char *
event_evasion_name(enum event_evasion_kind kind)
{
	static const char *const names[] = {
#define X(symbol, keyword, sentence) [EVENT_EVASION_##symbol] = keyword,
		EVENT_EVASIONS(X)
#undef X
	};

	return names[kind];
}

const char *
event_direction(bool from_inside, bool to_inside)
{
	if (from_inside)
		return to_inside ? "internal" : "outbound";
	return to_inside ? "inbound" : "external";
}

/* ---- the id ---- */

static void
id_add_number(struct sha256 *id, uint64_t v, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	sha256_add(id, be, bytes);
}

/* What the id is made of, laid out as event.h says. */
static void
id_add_all(struct sha256 *id, const struct event_context *c, const char *dataset,
	enum direction direction)
{
	const struct endpoints *ends = c->ends;

	sha256_add(id, dataset, strlen(dataset) + 1);
	sha256_add(id, c->observer, strlen(c->observer) + 1);
	id_add_number(id, ends == NULL ? 0 : ends->family, 1);
	id_add_number(id, c->transport, 1);
	for (int end = DIR_CLIENT; ends != NULL && end <= DIR_SERVER; end++) {
		sha256_add(id, ends->address[end], ends->family == 4 ? 4 : 16);
		id_add_number(id, ends->port[end], 2);
	}
	id_add_number(id, (uint64_t)c->flow_first_us, 8);
	id_add_number(id, (uint64_t)direction, 1);
	id_add_number(id, c->ordinal, 8);
}

static void
uuid_print(const uint8_t bytes[16], char ret[EVENT_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[at++] = '-';
		ret[at++] = digits[bytes[i] >> 4];
		ret[at++] = digits[bytes[i] & 15];
	}
	ret[at] = '\0';
}

void
event_id(const struct event_context *c, const char *dataset, enum direction direction,
	char ret[EVENT_ID_SIZE])
{
	struct sha256 id = sha256_begin();
	uint8_t bytes[SHA256_BYTES];

	ret[0] = '\0';
	id_add_all(&id, c, dataset, direction);
	if (!sha256_end(&id, bytes))
		return;
	bytes[6] = (bytes[6] & 0x0f) | 0x80; /* version 8 */
	bytes[8] = (bytes[8] & 0x3f) | 0x80; /* variant of RFC 9562 */
	uuid_print(bytes, ret);
}

/* ---- the envelope ---- */

static void
put_time(struct json_put *w, json_t *object, const char *key, int64_t us)
{
	int64_t fraction = us % 1000000;
	time_t seconds;
	struct tm tm;
	char text[64];

	if (fraction < 0)
		fraction += 1000000; /* round down before 1970 too */
	seconds = (time_t)((us - fraction) / 1000000);
	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)fraction);
	json_put_string(w, object, key, text);
}

struct event_kind {
	const char *kind;     /* ECS event.kind */
	const char *category; /* beside "network", or NULL */
	const char *type;     /* ECS event.type */
	const char *dataset;
	const char *reason; /* or NULL */
	enum direction direction;
};

static void
put_event(
	struct json_put *w, json_t *root, const struct event_kind *k, const struct event_context *c)
{
	json_t *event = json_put_object(w, root, "event"), *list;
	char id[EVENT_ID_SIZE];

	event_id(c, k->dataset, k->direction, id);
	if (id[0] == '\0')
		w->failed = true;
	json_put_string(w, event, "id", id);
	json_put_string(w, event, "kind", k->kind);
	list = json_put_array(w, event, "category");
	json_put_append_string(w, list, "network");
	if (k->category != NULL)
		json_put_append_string(w, list, k->category);
	json_put_append_string(w, json_put_array(w, event, "type"), k->type);
	json_put_string(w, event, "action", c->action);
	json_put_string(w, event, "dataset", k->dataset);
	json_put_count(w, event, "sequence", c->sequence);
	json_put_string(w, event, "reason", k->reason);
	if (c->flow_first_us != 0)
		put_time(w, event, "start", c->flow_first_us);
	put_time(w, event, "end", c->last_us);
}

static void
put_observer(struct json_put *w, json_t *root, const struct event_context *c)
{
	json_t *observer = json_put_object(w, root, "observer");

	json_put_string(w, observer, "name", c->observer);
	json_put_string(w, observer, "product", "Sluss");
	json_put_string(w, observer, "version", SLUSS_VERSION);
	json_put_string(w, observer, "type", "dlp-gateway");
}

static const char *
transport_name(uint8_t transport)
{
	switch (transport) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 132:
		return "sctp";
	default:
		return NULL;
	}
}

/* ECS wants protocol names in lower case. */
static void
put_lower(struct json_put *w, json_t *object, const char *key, const char *name)
{
	char lower[64];
	size_t n;

	if (name == NULL || name[0] == '\0')
		return;
	n = strnlen(name, sizeof(lower) - 1);
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)ascii_lower((uint8_t)name[i]);
	lower[n] = '\0';
	json_put_string(w, object, key, lower);
}

static void
put_network(struct json_put *w, json_t *root, const char *fallback, const char *direction,
	const struct event_context *c)
{
	json_t *network = json_put_object(w, root, "network");
	char id[COMMUNITY_ID_SIZE];

	if (c->ends != NULL)
		json_put_string(w, network, "type", c->ends->family == 4 ? "ipv4" : "ipv6");
	json_put_string(w, network, "transport", transport_name(c->transport));
	put_lower(w, network, "protocol", c->protocol != NULL ? c->protocol : fallback);
	put_lower(w, network, "application", c->application);
	json_put_string(w, network, "direction", direction);
	if (c->ends != NULL && community_id(c->ends, c->transport, id))
		json_put_string(w, network, "community_id", id);
	if (c->packets > 0)
		json_put_count(w, network, "packets", c->packets);
	if (c->bytes > 0)
		json_put_count(w, network, "bytes", c->bytes);
}

static void
put_end(struct json_put *w, json_t *root, const char *key, const struct endpoints *ends, int end)
{
	char text[INET6_ADDRSTRLEN];
	json_t *object = json_put_object(w, root, key);

	if (inet_ntop(ends->family == 4 ? AF_INET : AF_INET6, ends->address[end], text,
		    sizeof(text)) != NULL)
		json_put_string(w, object, "ip", text);
	json_put_count(w, object, "port", ends->port[end]);
}

/* Source is who sends the data, whichever side opened the flow. */
static void
put_ends(struct json_put *w, json_t *root, const struct event_context *c, enum direction direction)
{
	if (c->ends == NULL)
		return;
	put_end(w, root, "source", c->ends, direction == DIR_CLIENT ? DIR_CLIENT : DIR_SERVER);
	put_end(w, root, "destination", c->ends, direction == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT);
}

/* @return `sluss`, borrowed from @p root, with what every event has */
static json_t *
put_sluss(
	struct json_put *w, json_t *root, const struct event_kind *k, const struct event_context *c)
{
	json_t *sluss = json_put_object(w, root, "sluss");

	json_put_string(w, sluss, "mode", event_mode_name(c->mode));
	if (c->ends != NULL)
		json_put_string(
			w, sluss, "sender", k->direction == DIR_CLIENT ? "client" : "server");
	return sluss;
}

static json_t *
new_event(struct json_put *w, const struct event_kind *k, const struct event_context *c)
{
	json_t *root = json_object();

	put_time(w, root, "@timestamp", c->last_us);
	json_put_string(w, json_put_object(w, root, "ecs"), "version", "8.11");
	put_event(w, root, k, c);
	put_observer(w, root, c);
	return root;
}

static bool
was_allowed(const struct event_context *c)
{
	return c->action == NULL || strcmp(c->action, "forward") == 0;
}

char *
event_json_of(const struct message *m, const struct event_judgement *j,
	const struct event_context *c, size_t *ret_n)
{
	struct json_put w = {.env = m->env};
	const struct event_kind k = {
		.kind = j->alert ? "alert" : "event",
		.type = was_allowed(c) ? "allowed" : "denied",
		.dataset = verdict_dataset,
		.reason = j->reason,
		.direction = m->direction,
	};
	json_t *root = new_event(&w, &k, c), *sluss;
	const char *direction = c->direction;

	if (direction == NULL && j->from != NULL && j->n_to > 0)
		direction = event_direction(j->from_inside, j->to_inside);
	put_network(&w, root, m->protocol, direction, c);
	put_ends(&w, root, c, m->direction);
	event_put_description(&w, root, m);
	sluss = put_sluss(&w, root, &k, c);
	if (c->refusal != EVENT_REFUSAL_NONE)
		json_put_string(&w, json_put_object(&w, sluss, "refusal"), "said",
			event_refusal_name(c->refusal));
	event_put_sluss(&w, sluss, m, j, c);
	return json_put_line(&w, root, ret_n);
}

char *
event_evasion_json(const struct event_evasion *e, const struct event_context *c, size_t *ret_n)
{
	struct json_put w = {0};
	struct event_context of_kind = *c;
	const struct event_kind k = {
		.kind = "alert",
		.category = "intrusion_detection",
		.type = was_allowed(c) ? "allowed" : "denied",
		.dataset = evasion_dataset,
		.direction = e->direction,
	};
	json_t *root, *evasion;

	of_kind.ordinal = (uint64_t)e->kind;
	root = new_event(&w, &k, &of_kind);
	put_network(&w, root, NULL, c->direction, c);
	put_ends(&w, root, c, e->direction);
	evasion = json_put_object(&w, put_sluss(&w, root, &k, c), "evasion");
	json_put_string(&w, evasion, "what", event_evasion_name(e->kind));
	json_put_count(&w, evasion, "offset", e->offset);
	json_put_count(&w, evasion, "bytes", e->bytes);
	return json_put_line(&w, root, ret_n);
}
