/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/domains.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- networks ---- */

/*
 * A table is a list of points, each the first address from which another domain
 * holds: nested networks are laid flat when it is built, so that a look-up is one
 * binary search. n networks give at most 2n + 1 points. IPv4 has its own list,
 * with the address in the first four bytes.
 */
struct point {
	uint8_t start[16];
	int16_t domain;
};

struct points {
	struct point *list;
	size_t n;
};

struct network_table {
	struct points v4, v6;
};

static unsigned
width_of(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

/* Is some bit behind the prefix set? */
static bool
has_host_bits(const struct network *net)
{
	unsigned bits = width_of(net->family) * 8;

	for (unsigned i = net->prefix; i < bits; i++)
		if (net->address[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

static bool
parse_prefix(const char *text, unsigned most, uint8_t *ret)
{
	unsigned v = 0, n = 0;

	for (; ascii_is_digit((uint8_t)text[n]) && n < 3; n++)
		v = v * 10 + (unsigned)(text[n] - '0');
	if (n == 0 || text[n] != '\0' || v > most || (n > 1 && text[0] == '0'))
		return false;
	*ret = (uint8_t)v;
	return true;
}

bool
network_parse(const char *text, struct network *ret, const char **why)
{
	const char *slash = strchr(text, '/');
	size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct network net = {.family = strchr(text, ':') == NULL ? 4 : 6};
	unsigned bits = width_of(net.family) * 8;
	char address[64];

	*why = "write a network such as 10.10.0.0/16 or 2001:db8::/32";
	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(net.family == 4 ? AF_INET : AF_INET6, address, net.address) != 1)
		return false;
	net.prefix = (uint8_t)bits;
	if (slash != NULL && !parse_prefix(slash + 1, bits, &net.prefix))
		return false;
	if (has_host_bits(&net)) {
		*why = "bits behind the prefix are set; write the network's own address, or a "
		       "longer "
		       "prefix";
		return false;
	}
	*ret = net;
	return true;
}

static int
network_order(const void *a, const void *b)
{
	const struct network *x = *(const struct network *const *)a;
	const struct network *y = *(const struct network *const *)b;
	int by_address = memcmp(x->address, y->address, sizeof(x->address));

	if (x->family != y->family)
		return x->family - y->family;
	if (by_address != 0)
		return by_address;
	if (x->prefix != y->prefix)
		return x->prefix - y->prefix;
	return x < y ? -1 : x > y;
}

bool
network_contains(const struct network *net, const uint8_t *address)
{
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;

	if (memcmp(net->address, address, whole) != 0)
		return false;
	return rest == 0 || (net->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* The first address behind a network. @return false where there is none */
static bool
behind(const struct network *net, uint8_t ret[16])
{
	unsigned at = net->prefix;

	memcpy(ret, net->address, 16);
	while (at-- > 0) {
		uint8_t bit = (uint8_t)(0x80 >> at % 8);

		ret[at / 8] ^= bit;
		if (ret[at / 8] & bit)
			return true; /* no carry */
	}
	return false;
}

static void
add_point(struct points *to, const uint8_t start[16], int domain)
{
	bool same = to->n > 0 && memcmp(to->list[to->n - 1].start, start, 16) == 0;

	if (!same)
		memcpy(to->list[to->n++].start, start, 16);
	to->list[to->n - 1].domain = (int16_t)domain;
}

/* Networks that contain one another, the widest first: one for each prefix length at most. */
struct open_networks {
	const struct network *list[129];
	unsigned n;
};

static void
close_top(struct open_networks *open, struct points *to)
{
	const struct network *top = open->list[--open->n];
	uint8_t next[16];

	if (behind(top, next))
		add_point(to, next, open->n == 0 ? DOMAIN_NONE : open->list[open->n - 1]->domain);
}

static void
flatten(const struct network *const *sorted, size_t n, struct points *to)
{
	static const uint8_t zero[16];
	struct open_networks open = {.n = 0};

	add_point(to, zero, DOMAIN_NONE);
	for (size_t i = 0; i < n; i++) {
		const struct network *net = sorted[i];

		while (open.n > 0 && !network_contains(open.list[open.n - 1], net->address))
			close_top(&open, to);
		if (open.n > 0 && open.list[open.n - 1]->prefix == net->prefix)
			continue; /* the same network again */
		add_point(to, net->address, net->domain);
		open.list[open.n++] = net;
	}
	while (open.n > 0)
		close_top(&open, to);
}

const struct network **
network_sort(struct pool *pool, const struct network *list, size_t n)
{
	const struct network **sorted = pool_array(pool, n + 1, sizeof(*sorted));

	for (size_t i = 0; sorted != NULL && i < n; i++)
		sorted[i] = &list[i];
	if (sorted != NULL && n > 0)
		qsort(sorted, n, sizeof(*sorted), network_order);
	return sorted;
}

struct network_table *
network_table_build(struct pool *pool, const struct network *list, size_t n)
{
	struct network_table *t = pool_alloc(pool, sizeof(*t));
	const struct network **sorted = network_sort(pool, list, n);
	size_t n4 = 0;

	if (t == NULL || sorted == NULL)
		return NULL;
	while (n4 < n && sorted[n4]->family == 4)
		n4++;
	t->v4.list = pool_array(pool, 2 * n4 + 1, sizeof(*t->v4.list));
	t->v6.list = pool_array(pool, 2 * (n - n4) + 1, sizeof(*t->v6.list));
	if (t->v4.list == NULL || t->v6.list == NULL)
		return NULL;
	flatten(sorted, n4, &t->v4);
	flatten(sorted + n4, n - n4, &t->v6);
	return t;
}

int
network_find(const struct network_table *t, uint8_t family, const uint8_t *address)
{
	const struct points *in = family == 4 ? &t->v4 : &t->v6;
	unsigned width = width_of(family);
	size_t low = 0, high = in->n; /* the point sought is in [low, high) */

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(in->list[mid].start, address, width) <= 0)
			low = mid;
		else
			high = mid;
	}
	return in->list[low].domain;
}

/* ---- names ---- */

enum { NAME_MAX_BYTES = 253 }; /* RFC 1035, section 2.3.4, without the root's dot */

struct name_table {
	const struct name_pattern **list; /* sorted */
	size_t n;
};

static int
compare_text(const char *text, bool below, struct bytes name, bool name_below)
{
	size_t n = strlen(text), common = n < name.n ? n : name.n;

	for (size_t i = 0; i < common; i++) {
		int d = (uint8_t)text[i] - ascii_lower(name.p[i]);

		if (d != 0)
			return d;
	}
	if (n != name.n)
		return n < name.n ? -1 : 1;
	return (int)below - (int)name_below;
}

static int
name_pattern_order(const void *a, const void *b)
{
	const struct name_pattern *x = *(const struct name_pattern *const *)a;
	const struct name_pattern *y = *(const struct name_pattern *const *)b;
	int d = compare_text(x->text, x->below, bytes_str(y->text), y->below);

	return d != 0 ? d : x < y ? -1 : x > y;
}

static bool
name_byte_is_good(uint8_t c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
		c == '_' || c > 127;
}

/* Labels of 1 to 63 bytes, single dots between them. */
static bool
name_is_good(const char *text)
{
	size_t label = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '.' ? label == 0 : !name_byte_is_good((uint8_t)*c))
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

bool
name_pattern_parse(const char *text, struct pool *pool, struct name_pattern *ret, const char **why)
{
	bool below = strncmp(text, "*.", 2) == 0, all = strcmp(text, "*") == 0;
	char *lower = pool_copy(
		pool, all ? "" : text + 2 * below, strlen(text) - (size_t)(all ? 1 : 2 * below));

	*why = "out of memory";
	if (lower == NULL)
		return false;
	*why = "write a name such as example.org, *.example.org for all below it, or * for all";
	if ((!all && !name_is_good(lower)) || strlen(lower) > NAME_MAX_BYTES)
		return false;
	for (char *c = lower; *c != '\0'; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	*ret = (struct name_pattern){.text = lower, .below = below || all};
	return true;
}

const struct name_pattern **
name_pattern_sort(struct pool *pool, const struct name_pattern *list, size_t n)
{
	const struct name_pattern **sorted = pool_array(pool, n + 1, sizeof(*sorted));

	for (size_t i = 0; sorted != NULL && i < n; i++)
		sorted[i] = &list[i];
	if (sorted != NULL && n > 0)
		qsort(sorted, n, sizeof(*sorted), name_pattern_order);
	return sorted;
}

struct name_table *
name_table_build(struct pool *pool, const struct name_pattern *list, size_t n)
{
	struct name_table *t = pool_alloc(pool, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->list = name_pattern_sort(pool, list, n);
	t->n = n;
	return t->list == NULL ? NULL : t;
}

static int
find_pattern(const struct name_table *t, struct bytes name, bool below)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = compare_text(t->list[mid]->text, t->list[mid]->below, name, below);

		if (d == 0)
			return t->list[mid]->domain;
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return DOMAIN_NONE;
}

int
name_find(const struct name_table *t, struct bytes name)
{
	int domain;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || t->n == 0)
		return DOMAIN_NONE;
	domain = name.n > NAME_MAX_BYTES ? DOMAIN_NONE : find_pattern(t, name, false);
	/* "*.text" for every tail behind a dot, the longest first. */
	for (size_t i = name.n > NAME_MAX_BYTES + 1 ? name.n - NAME_MAX_BYTES - 1 : 0;
		domain == DOMAIN_NONE && i < name.n; i++)
		if (name.p[i] == '.')
			domain = find_pattern(t, bytes_skip(name, i + 1), true);
	return domain == DOMAIN_NONE ? find_pattern(t, bytes_of(NULL, 0), true) : domain;
}
