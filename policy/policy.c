/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/digest.h"
#include "policy/pack.h"
#include "policy/parse.h"

enum { POOL_LIMIT = 64 * 1024 * 1024, DIRS_MAX = 64, PATH_BYTES_MAX = 4096 };

const char *
control_name(enum control c)
{
	static const char *const names[] = {"inside", "partner", "outside"};

	return names[c];
}

const char *
reaction_name(enum reaction r)
{
	static const char *const names[] = {"allow", "alert", "hold", "refuse", "drop"};

	return names[r];
}

const char *
pair_mode_name(enum pair_mode mode)
{
	static const char *const names[] = {"enforce", "shadow", "exempt"};

	return names[mode];
}

/* ---- where packs are sought ---- */

struct search {
	const char *list[DIRS_MAX + 1];
	size_t n;
	struct pool *pool;
};

static void
add_dir(struct search *s, const char *dir, size_t n, const char *below)
{
	char *path = pool_alloc(s->pool, n + strlen(below) + 1);

	if (path == NULL || n == 0 || s->n == DIRS_MAX)
		return;
	memcpy(path, dir, n);
	strcpy(path + n, below);
	s->list[s->n++] = path;
}

/* Every further name in `dirs`, which are apart by ':'. */
static void
add_dirs(struct search *s, const char *dirs)
{
	while (dirs != NULL && *dirs != '\0') {
		size_t n = strcspn(dirs, ":");

		add_dir(s, dirs, n, "");
		dirs += n + (dirs[n] == ':');
	}
}

static void
make_search(struct search *s, const char *file, const char *const *pack_dirs)
{
	const char *slash = file == NULL ? NULL : strrchr(file, '/');

	if (file != NULL && slash == NULL)
		add_dir(s, "packs", 5, "");
	else if (file != NULL)
		add_dir(s, file, (size_t)(slash - file) + 1, "packs");
	for (; pack_dirs != NULL && *pack_dirs != NULL; pack_dirs++)
		add_dir(s, *pack_dirs, strlen(*pack_dirs), "");
	add_dirs(s, secure_getenv("SLUSS_PACKS"));
	add_dirs(s, SLUSS_PACK_DIRS);
}

/* ---- the digest ---- */

static void
hash_document(struct sha256 *sha, const struct yaml_doc *doc)
{
	struct bytes b = yaml_doc_bytes(doc);
	uint8_t length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = (uint8_t)((uint64_t)b.n >> (56 - 8 * i));
	sha256_add(sha, length, sizeof(length));
	sha256_add(sha, b.p, b.n);
}

/* SHA-256 over each file's length (8 bytes, big-endian) and bytes: the policy, then the
 * packs in the order they were loaded. */
static bool
make_digest(struct policy *p, const struct yaml_doc *doc, const struct pack_set *packs)
{
	struct sha256 sha = sha256_begin();
	uint8_t hash[SHA256_BYTES];
	bool good;

	if (doc != NULL)
		hash_document(&sha, doc);
	for (const struct pack *k = packs->packs; k != NULL; k = k->next)
		hash_document(&sha, k->doc);
	good = sha256_end(&sha, hash);
	for (unsigned i = 0; good && i < sizeof(hash); i++)
		sprintf(p->digest + 2 * i, "%02x", hash[i]);
	return good;
}

/* ---- loading ---- */

static struct policy *
new_policy(const char *file)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->pool = calloc(1, sizeof(*p->pool));
	if (p == NULL || p->pool == NULL) {
		free(p);
		return NULL;
	}
	p->pool->limit = POOL_LIMIT;
	p->catch_all = DOMAIN_NONE;
	p->file = pool_copy(p->pool, file, strlen(file));
	if (p->file != NULL)
		return p;
	policy_free(p);
	return NULL;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	detect_set_free(p->detect);
	pool_free(p->pool);
	free(p->pool);
	free(p);
}

static bool
keep_names(struct policy *p, const struct pack_set *packs)
{
	const char **names = pool_array(p->pool, packs->n_packs + 1u, sizeof(*names));

	p->packs = names;
	for (const struct pack *k = packs->packs; names != NULL && k != NULL; k = k->next)
		names[p->n_packs++] = k->name;
	return names != NULL;
}

/* Read the packs that were asked for and compile them. */
static bool
compile_packs(struct policy *p, struct pack_set *packs, struct place at, struct diag *d)
{
	struct detect_spec spec;
	char why[512] = "";

	if (!pack_set_read(packs) || !pack_set_spec(packs, &spec, &p->detectors))
		return false;
	p->n_detectors = (unsigned)spec.n_detectors;
	p->detect = detect_set_compile(&spec, why, sizeof(why));
	if (p->detect == NULL)
		diag_error(d, at, "the packs can't be compiled: %s", why);
	return p->detect != NULL && keep_names(p, packs);
}

static bool
want_packs(struct pack_set *packs, const struct yaml_node *list)
{
	bool good = true;

	for (const struct yaml_node *e = list == NULL ? NULL : list->first; e != NULL; e = e->next)
		good &= pack_set_want(packs, e->text, e->at);
	return good;
}

/* The model is read also where packs fail, so that one run tells all that is wrong. */
static bool
fill(struct policy *p, const struct yaml_doc *doc, const char *const *pack_dirs, struct diag *d)
{
	struct search search = {.pool = p->pool};
	struct pack_set packs = {.pool = p->pool, .d = d, .dirs = search.list};
	unsigned errors = d->errors;
	const struct yaml_node *list = policy_parse_packs(doc, d);
	struct place at = {p->file, 0, 0};
	bool good;

	make_search(&search, p->file, pack_dirs);
	if (list != NULL)
		at = list->at;
	good = want_packs(&packs, list) && compile_packs(p, &packs, at, d);
	good = policy_parse(p, doc, d) && good && d->errors == errors;
	good = good && make_digest(p, doc, &packs);
	pack_set_free(&packs);
	return good;
}

static struct policy *
load_document(
	const struct yaml_doc *doc, const char *path, const char *const *pack_dirs, struct diag *d)
{
	unsigned errors = d->errors;
	struct policy *p = new_policy(path);

	if (p != NULL && fill(p, doc, pack_dirs, d))
		return p;
	policy_free(p);
	if (d->errors == errors)
		diag_error(d, (struct place){path, 0, 0}, "out of memory");
	return NULL;
}

struct policy *
policy_load(const char *path, const char *const *pack_dirs, struct diag *d)
{
	struct yaml_doc *doc = yaml_doc_load_file(path, d);
	struct policy *p = doc == NULL ? NULL : load_document(doc, path, pack_dirs, d);

	yaml_doc_free(doc);
	return p;
}

struct policy *
policy_load_bytes(const char *path, struct bytes text, const char *const *pack_dirs, struct diag *d)
{
	struct yaml_doc *doc = yaml_doc_load(path, text, d);
	struct policy *p = doc == NULL ? NULL : load_document(doc, path, pack_dirs, d);

	yaml_doc_free(doc);
	return p;
}

struct policy *
policy_check(const char *path, const char *const *pack_dirs, struct diag *d)
{
	struct policy *p = policy_load(path, pack_dirs, d);

	if (p != NULL)
		policy_lint(p, d);
	return p;
}

/* ---- without a policy ---- */

static bool
information_of_all(struct policy *p)
{
	struct policy_information *list = pool_array(p->pool, p->n_detectors + 1u, sizeof(*list));
	struct policy_condition *conditions =
		pool_array(p->pool, p->n_detectors + 1u, sizeof(*conditions));
	uint16_t *detectors = pool_array(p->pool, p->n_detectors + 1u, sizeof(*detectors));

	if (list == NULL || conditions == NULL || detectors == NULL)
		return false;
	for (unsigned i = 0; i < p->n_detectors; i++) {
		detectors[i] = (uint16_t)i;
		conditions[i] = (struct policy_condition){.name = p->detectors[i].id,
			.detectors = &detectors[i],
			.n_detectors = 1,
			.count = 1};
		list[i] = (struct policy_information){.id = p->detectors[i].id,
			.class = 1,
			.conditions = &conditions[i],
			.n_conditions = 1,
			.unique = true,
			.near = -1};
	}
	p->information = list;
	p->n_information = p->n_detectors;
	return true;
}

static bool
fill_shipped(struct policy *p)
{
	static const char *const classes[] = {"none", "found"};
	static const uint16_t cells[CHANNELS]; /* the default decides everywhere */
	static const uint16_t mode_cells[] = {UINT16_MAX};
	static const uint8_t modes[] = {MODE_ENFORCE};
	static const struct policy_row row = {
		.channels = (1u << CHANNELS) - 1, .over = REACTION_ALERT, .opaque = REACTION_ALERT};

	p->name = "shipped-packs";
	p->shipped = true;
	p->classes = classes;
	p->n_classes = 2;
	p->rows = &row;
	p->cells = cells;
	p->mode_cells = mode_cells;
	p->modes = modes;
	p->network_table = network_table_build(p->pool, NULL, 0);
	p->host_table = name_table_build(p->pool, NULL, 0);
	p->mail_table = name_table_build(p->pool, NULL, 0);
	return p->network_table != NULL && p->host_table != NULL && p->mail_table != NULL &&
		information_of_all(p);
}

struct policy *
policy_load_packs(const char *const *pack_dirs, struct diag *d)
{
	struct policy *p = new_policy("");
	struct search search = {.pool = p == NULL ? NULL : p->pool};
	struct pack_set packs = {.pool = search.pool, .d = d, .dirs = search.list};
	unsigned errors = d->errors;
	bool good = p != NULL;

	if (good)
		make_search(&search, NULL, pack_dirs);
	good = good && pack_set_want_all(&packs) &&
		compile_packs(p, &packs, (struct place){"packs", 0, 0}, d) && fill_shipped(p) &&
		make_digest(p, NULL, &packs);
	pack_set_free(&packs);
	if (good)
		return p;
	if (d->errors == errors)
		diag_error(d, (struct place){"packs", 0, 0}, "out of memory");
	policy_free(p);
	return NULL;
}

/* ---- look-ups ---- */

const char *
policy_domain_id(const struct policy *p, int domain)
{
	return domain == DOMAIN_NONE ? "unknown" : p->domains[domain].id;
}

int
policy_domain_of_address(const struct policy *p, uint8_t family, const uint8_t *address)
{
	return network_find(p->network_table, family, address);
}

/* "192.0.2.1" or "2001:db8::1", without brackets. @return whether it is an address */
static bool
address_literal(const struct policy *p, struct bytes text, int *ret)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, address) == 1)
		*ret = network_find(p->network_table, 4, address);
	else if (inet_pton(AF_INET6, copy, address) == 1)
		*ret = network_find(p->network_table, 6, address);
	else
		return false;
	return true;
}

/* Without "[…]" and without a port. RFC 3986, section 3.2.2. */
static struct bytes
host_only(struct bytes host)
{
	const uint8_t *end;

	host = bytes_trim(host);
	if (host.n > 0 && host.p[0] == '[') {
		host = bytes_skip(host, 1);
		end = memchr(host.p, ']', host.n);
	} else {
		end = host.n == 0 ? NULL : memchr(host.p, ':', host.n);
		/* More than one colon: an address of IPv6 that lacks its brackets. */
		if (end != NULL &&
			memchr(end + 1, ':', host.n - (size_t)(end + 1 - host.p)) != NULL)
			end = NULL;
	}
	if (end != NULL)
		host.n = (size_t)(end - host.p);
	return host;
}

int
policy_domain_of_host(const struct policy *p, struct bytes host)
{
	int domain;

	host = host_only(host);
	return address_literal(p, host, &domain) ? domain : name_find(p->host_table, host);
}

/* RFC 5321, section 4.1.3: [192.0.2.1] or [IPv6:2001:db8::1]. */
static bool
bracketed(const struct policy *p, struct bytes domain, int *ret)
{
	if (domain.n < 2 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	domain = bytes_of(domain.p + 1, domain.n - 2);
	if (bytes_starts_nocase(domain, BYTES_LIT("IPv6:")))
		domain = bytes_skip(domain, 5);
	return address_literal(p, domain, ret);
}

int
policy_domain_of_mail(const struct policy *p, struct bytes address)
{
	const uint8_t *at = address.n == 0 ? NULL : memrchr(address.p, '@', address.n);
	struct bytes name;
	int domain;

	if (at == NULL)
		return p->catch_all;
	name = bytes_trim(bytes_skip(address, (size_t)(at + 1 - address.p)));
	if (bracketed(p, name, &domain))
		return domain;
	domain = name_find(p->mail_table, name);
	return domain == DOMAIN_NONE ? p->catch_all : domain;
}

const struct policy_row *
policy_row(const struct policy *p, int from, int to, enum channel channel)
{
	size_t n = p->n_domains;
	size_t f = from == DOMAIN_NONE ? n : (size_t)from, t = to == DOMAIN_NONE ? n : (size_t)to;

	return &p->rows[p->cells[(f * (n + 1) + t) * CHANNELS + channel]];
}

enum pair_mode
policy_mode(const struct policy *p, int a, int b)
{
	size_t n = p->n_domains;
	size_t i = a == DOMAIN_NONE ? n : (size_t)a, j = b == DOMAIN_NONE ? n : (size_t)b;

	return (enum pair_mode)p->modes[i * (n + 1) + j];
}

bool
policy_exempts(const struct policy *p)
{
	return p->exempts;
}
