/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/site.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/diag.h"
#include "policy/yaml_doc.h"

struct reading {
	const char *path;
	struct site *site;
	struct diag *d;
};

/* ---- paths and ports ---- */

/* Relative paths are relative to the configuration's folder. */
static char *
resolve(const char *config, const char *path)
{
	const char *slash = strrchr(config, '/');
	char *ret;

	if (path[0] == '/' || strcmp(path, "-") == 0 || slash == NULL)
		return strdup(path);
	if (asprintf(&ret, "%.*s/%s", (int)(slash - config), config, path) < 0)
		return NULL;
	return ret;
}

static const struct {
	const char *prefix;
	enum port_kind kind;
} port_kinds[] = {
	{"pcap:", PORT_PCAP},
	{"af_packet:", PORT_AF_PACKET},
	{"af_xdp:", PORT_AF_XDP},
	{"pci:", PORT_PCI},
};

/* 03:00.0 or 0000:03:00.0 */
static bool
is_pci_address(const char *p)
{
	static const char shape[] = "hhhh:hh:hh.o";
	size_t n = strlen(p), at = n == sizeof(shape) - 1 ? 0 : 5;

	if (n != sizeof(shape) - 1 - at)
		return false;
	for (; *p != '\0'; p++, at++) {
		bool fits = shape[at] == 'h' ? strchr("0123456789abcdefABCDEF", *p) != NULL
			: shape[at] == 'o'   ? *p >= '0' && *p <= '7'
					     : *p == shape[at];

		if (!fits)
			return false;
	}
	return true;
}

/* What the kernel takes as an interface's name (dev_valid_name() of Linux), and no
 * comma, since DPDK's device arguments end at one. */
static bool
is_interface(const char *p)
{
	size_t n = strlen(p);

	return n > 0 && n < 16 && strpbrk(p, "/: \t\n,") == NULL && strcmp(p, ".") != 0 &&
		strcmp(p, "..") != 0;
}

int
site_port_parse(const char *text, struct port_name *ret, char *why, size_t why_size)
{
	for (size_t i = 0; i < ARRAY_LEN(port_kinds); i++) {
		size_t n = strlen(port_kinds[i].prefix);
		const char *target = text + n;
		bool fits;

		if (strncmp(text, port_kinds[i].prefix, n) != 0)
			continue;
		fits = port_kinds[i].kind == PORT_PCI	 ? is_pci_address(target)
			: port_kinds[i].kind == PORT_PCAP ? *target != '\0'
							  : is_interface(target);
		if (!fits) {
			snprintf(why, why_size, "\"%s\" is no port: %s", text,
				port_kinds[i].kind == PORT_PCI
					? "write a PCI address as in pci:0000:03:00.0"
				: port_kinds[i].kind == PORT_PCAP
					? "write a file as in pcap:morning.pcap"
					: "write an interface as in af_packet:eth1, of at most 15 "
					  "characters");
			return -1;
		}
		*ret = (struct port_name){port_kinds[i].kind, target};
		return 0;
	}
	snprintf(why, why_size,
		"\"%s\" is no port: write pcap:FILE, af_packet:INTERFACE, af_xdp:INTERFACE or "
		"pci:ADDRESS",
		text);
	return -1;
}

/* ---- sections ---- */

static bool
no_memory(struct reading *r, const struct yaml_node *node)
{
	diag_error(r->d, node->at, "no memory for the configuration");
	return false;
}

static bool
read_text(struct reading *r, const struct yaml_node *map, const char *key, bool path, char **ret)
{
	const struct yaml_node *node = yaml_get(map, key);
	const char *text;
	char *copy;

	if (node == NULL)
		return true;
	if (!yaml_string(node, key, &text, r->d))
		return false;
	copy = path ? resolve(r->path, text) : strdup(text);
	if (copy == NULL)
		return no_memory(r, node);
	free(*ret);
	*ret = copy;
	return true;
}

/* An interface may be named by two kinds of port. */
static bool
is_same_port(const struct port_name *a, const struct port_name *b)
{
	bool kernels = a->kind != PORT_PCI && b->kind != PORT_PCI;

	return a->kind != PORT_PCAP && b->kind != PORT_PCAP && (kernels || a->kind == b->kind) &&
		strcmp(a->target, b->target) == 0;
}

static bool
read_port(struct reading *r, const struct yaml_node *node)
{
	struct site *s = r->site;
	struct port_name *port = &s->ports[s->n_ports];
	const char *text;
	char why[512];

	if (!yaml_string(node, "a port", &text, r->d))
		return false;
	if (site_port_parse(text, port, why, sizeof(why)) != 0) {
		diag_error(r->d, node->at, "%s", why);
		return false;
	}
	for (unsigned i = 0; i < s->n_ports; i++) {
		if ((s->ports[i].kind == PORT_PCAP) != (port->kind == PORT_PCAP)) {
			diag_error(r->d, node->at,
				"captures and ports to listen on can't be mixed: write two "
				"configurations");
			return false;
		}
		if (is_same_port(&s->ports[i], port)) {
			diag_error(r->d, node->at, "%s is there twice; write it once", text);
			return false;
		}
	}
	port->target = port->kind == PORT_PCAP ? resolve(r->path, port->target)
					       : strdup(port->target);
	if (port->target == NULL)
		return no_memory(r, node);
	s->n_ports++;
	return true;
}

static bool
read_ports(struct reading *r, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "ports");
	bool ok = true;

	if (list == NULL)
		return true;
	if (!yaml_check_list(list, "ports", EAL_PORTS_MAX, r->d))
		return false;
	r->site->ports = calloc(list->n > 0 ? list->n : 1, sizeof(*r->site->ports));
	if (r->site->ports == NULL)
		return no_memory(r, list);
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
		ok = read_port(r, n) && ok;
	return ok;
}

static bool
read_pair(struct reading *r, const struct yaml_node *pair)
{
	bool ok = true;

	if (pair->kind != YAML_LIST || pair->n != 2) {
		diag_error(r->d, pair->at,
			"a pair is two ports: write [\"af_packet:eth1\", \"af_packet:eth2\"]");
		return false;
	}
	for (const struct yaml_node *n = pair->first; n != NULL; n = n->next) {
		ok = read_port(r, n) && ok;
		if (ok && r->site->ports[r->site->n_ports - 1].kind == PORT_PCAP) {
			diag_error(r->d, n->at,
				"a capture can't be one of a pair; write af_packet:INTERFACE, "
				"af_xdp:INTERFACE or pci:ADDRESS");
			ok = false;
		}
	}
	return ok;
}

static bool
read_pairs(struct reading *r, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "pairs");
	bool ok = true;

	if (list == NULL)
		return true;
	if (yaml_get(root, "ports") != NULL) {
		diag_error(r->d, list->at,
			"`ports` and `pairs` exclude each other: `pairs` is for `sluss run`, and "
			"`sluss watch` listens to all their ports");
		return false;
	}
	if (!yaml_check_list(list, "pairs", EAL_PORTS_MAX / 2, r->d))
		return false;
	if (list->n == 0) {
		diag_error(r->d, list->at,
			"no pair is there; write [[\"af_packet:eth1\", \"af_packet:eth2\"]]");
		return false;
	}
	r->site->ports = calloc(2 * list->n, sizeof(*r->site->ports));
	if (r->site->ports == NULL)
		return no_memory(r, list);
	r->site->pairs = true;
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
		ok = read_pair(r, n) && ok;
	return ok;
}

static bool
read_choice(struct reading *r, const struct yaml_node *map, const char *name,
	const char *const names[3], bool *ret)
{
	const struct yaml_node *node = yaml_get(map, name);
	unsigned choice;

	if (node == NULL)
		return true;
	if (!yaml_choice(node, name, names, &choice, r->d))
		return false;
	*ret = choice == 1;
	return true;
}

static bool
read_inline(struct reading *r, const struct yaml_node *root)
{
	static const char *const known[] = {
#define X(name, sentence, first, first_sentence, second, second_sentence) #name,
		INLINE_CHOICES(X)
#undef X
		NULL};
	const struct yaml_node *map = yaml_get(root, "inline");
	struct inline_choices *c = &r->site->choices;
	bool ok = true;

	if (map == NULL)
		return true;
	if (!yaml_check_map(map, "inline", known, r->d))
		return false;
#define X(name, sentence, first, first_sentence, second, second_sentence)                          \
	ok = read_choice(r, map, #name, (const char *const[]){#first, #second, NULL},              \
		     &c->name##_##second) &&                                                       \
		ok;
	INLINE_CHOICES(X)
#undef X
	return ok;
}

static bool
read_cores(struct reading *r, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "cores");
	struct site *s = r->site;
	bool threads = s->workers > 1 || s->pairs; /* besides the main one */
	unsigned want = threads ? s->workers + 1 : 1;
	long online = sysconf(_SC_NPROCESSORS_CONF);

	if (list == NULL)
		return true;
	if (!yaml_check_list(list, "cores", SITE_WORKERS_MAX + 1, r->d))
		return false;
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
		uint64_t core;

		if (!yaml_uint(n, "a core", 0, online > 0 ? (uint64_t)online - 1 : 0, &core, r->d))
			return false;
		s->cores[s->n_cores++] = (unsigned)core;
	}
	if (s->n_cores == want)
		return true;
	diag_error(r->d, list->at,
		"%u cores are given; write %u: %s", s->n_cores, want,
		want == 1 ? "one worker runs on the main thread"
			  : "the main thread's first, then one for each worker");
	return false;
}

static bool
read_workers(struct reading *r, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "workers");
	uint64_t n;

	if (node == NULL)
		return true;
	if (!yaml_uint(node, "workers", 1, SITE_WORKERS_MAX, &n, r->d))
		return false;
	r->site->workers = (unsigned)n;
	return true;
}

static bool
read_checksums(struct reading *r, const struct yaml_node *root)
{
	static const char *const names[] = {"verify", "ignore", NULL};
	const struct yaml_node *node = yaml_get(root, "checksums");
	unsigned choice;

	if (node == NULL)
		return true;
	if (!yaml_choice(node, "checksums", names, &choice, r->d))
		return false;
	r->site->verify_checksums = choice == 0;
	return true;
}

static bool
read_events(struct reading *r, const struct yaml_node *root)
{
	static const char *const known[] = {"file", "log", NULL};
	static const char *const names[] = {"alerts", "messages", NULL};
	const struct yaml_node *map = yaml_get(root, "events"), *log;
	unsigned choice;

	if (map == NULL)
		return true;
	if (!yaml_check_map(map, "events", known, r->d) ||
		!read_text(r, map, "file", true, &r->site->events))
		return false;
	log = yaml_get(map, "log");
	if (log == NULL)
		return true;
	if (!yaml_choice(log, "log", names, &choice, r->d))
		return false;
	r->site->log_messages = choice == 1;
	return true;
}

/* ---- limits ---- */

/* The unit of a limit in microseconds, if it is one of time; else 0. */
static uint64_t
time_unit_us(const struct site_limit *l)
{
	if (strcmp(l->unit, "seconds") == 0)
		return 1000000;
	return strcmp(l->unit, "milliseconds") == 0 ? 1000 : 0;
}

static bool
read_limit(struct reading *r, const struct yaml_node *node, const struct site_limit *l)
{
	bool plain = node->kind == YAML_STRING &&
		node->text[strspn(node->text, "0123456789")] == '\0';
	uint64_t unit = time_unit_us(l), us;

	if (strcmp(l->unit, "bytes") == 0)
		return yaml_size(node, l->name, l->least, l->most,
			site_limit_value(r->site, l), r->d);
	if (unit == 0 || plain)
		return yaml_uint(node, l->name, l->least, l->most, site_limit_value(r->site, l),
			r->d);
	if (!yaml_duration(node, l->name, l->least * unit, l->most * unit, &us, r->d))
		return false;
	if (us % unit != 0) {
		diag_error(r->d, node->at, "%s counts in %s: write a whole number of them", l->name,
			l->unit);
		return false;
	}
	*site_limit_value(r->site, l) = us / unit;
	return true;
}

/* What must fit into what. */
static bool
check_limits(struct reading *r, const struct yaml_node *map)
{
	enum { INLINE_UNACKED_MIN = 16384 };
	const struct yaml_node *node;
	uint64_t needed = site_buffers_needed(r->site);
	struct place at = {.file = r->path};

	/* Inline what isn't kept doesn't leave, and this is the window that senders see. */
	if (r->site->pairs && r->site->limits.tcp_unacked < INLINE_UNACKED_MIN) {
		node = map == NULL ? NULL : yaml_get(map, "tcp_unacked");
		if (node != NULL)
			at = node->at;
		diag_error(r->d, at,
			"tcp_unacked is %llu, but with `pairs` a connection has at most that under way: "
			"write at least %u KiB",
			(unsigned long long)r->site->limits.tcp_unacked, INLINE_UNACKED_MIN / 1024);
		return false;
	}
	if (r->site->limits.packet_buffers >= needed)
		return true;
	node = map == NULL ? NULL : yaml_get(map, "packet_buffers");
	if (map != NULL)
		at = node != NULL ? node->at : map->at;
	diag_error(r->d, at,
		"packet_buffers is %llu, but tcp_segments, %u for each of fragment_datagrams, "
		"the ports' queues and what waits for the workers may hold %llu: write at least "
		"that, or lower those",
		(unsigned long long)r->site->limits.packet_buffers, site_fragment_buffers(r->site),
		(unsigned long long)needed);
	return false;
}

static bool
read_limits(struct reading *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "limits");
	const char *known[128];
	size_t n = 0;
	bool ok = true;

	for (const struct site_limit *l; n + 1 < ARRAY_LEN(known) && (l = site_limit(n)) != NULL; n++)
		known[n] = l->name;
	known[n] = NULL;
	if (map != NULL && !yaml_check_map(map, "limits", known, r->d))
		return false;
	for (size_t i = 0; map != NULL && i < n; i++) {
		const struct yaml_node *node = yaml_get(map, known[i]);

		if (node != NULL)
			ok = read_limit(r, node, site_limit(i)) && ok;
	}
	return ok && check_limits(r, map);
}

/* ---- the whole ---- */

void
site_default(struct site *site)
{
	char host[256] = "";

	*site = (struct site){
		.workers = 1,
		.verify_checksums = true,
		.inspect = inspect_limits_default(),
		.limits = dataplane_limits_default(),
	};
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		strcpy(host, "sluss");
	site->observer = strdup(host);
}

void
site_free(struct site *site)
{
	for (unsigned i = 0; i < site->n_ports; i++)
		free((char *)(uintptr_t)site->ports[i].target);
	free(site->ports);
	free(site->observer);
	free(site->policy);
	free(site->key);
	free(site->events);
	*site = (struct site){0};
}

/* All sections are read even after an error, so that all errors are told at once. */
static bool
read_root(struct reading *r, const struct yaml_node *root)
{
	static const char *const known[] = {"observer", "policy", "key", "ports", "pairs", "inline",
		"workers", "cores", "checksums", "events", "limits", NULL};
	bool ok = yaml_check_map(root, "the site configuration", known, r->d);

	if (root->kind != YAML_MAP)
		return false;
	ok = read_text(r, root, "observer", false, &r->site->observer) && ok;
	ok = read_text(r, root, "policy", true, &r->site->policy) && ok;
	ok = read_text(r, root, "key", true, &r->site->key) && ok;
	ok = read_ports(r, root) && ok;
	ok = read_pairs(r, root) && ok;
	ok = read_inline(r, root) && ok;
	ok = read_workers(r, root) && ok;
	ok = read_cores(r, root) && ok;
	ok = read_checksums(r, root) && ok;
	ok = read_events(r, root) && ok;
	return read_limits(r, root) && ok;
}

static int
read_doc(const char *path, struct yaml_doc *doc, struct site *ret, struct diag *d)
{
	struct site site;
	struct reading r = {path, &site, d};
	bool ok;

	if (doc == NULL)
		return -1;
	site_default(&site);
	ok = read_root(&r, yaml_doc_root(doc));
	yaml_doc_free(doc);
	if (!ok) {
		site_free(&site);
		return -1;
	}
	*ret = site;
	return 0;
}

int
site_load(const char *path, struct site *ret, struct diag *d)
{
	return read_doc(path, yaml_doc_load_file(path, d), ret, d);
}

int
site_parse(const char *path, struct bytes text, struct site *ret, struct diag *d)
{
	return read_doc(path, yaml_doc_load(path, text, d), ret, d);
}
