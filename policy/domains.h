/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DOMAINS_H
#define SLUSS_DOMAINS_H

/**
 * @file
 * Which domain an address, a host name or a mail address belongs to.
 *
 * Networks: the longest prefix decides. Names: the longest pattern decides, on
 * whole labels, ASCII-caseless, internationalised names as they are written
 * (A-labels don't equal U-labels: list both). "example.org" is that name alone,
 * "*.example.org" every name below it, "*" every name.
 *
 * Built once, then immutable and free of locks. A look-up is one binary search
 * (of names one for each label), and allocates nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/bytes.h"
#include "policy/pool.h"

enum { DOMAIN_NONE = -1 };

/** A network of a domain. IPv4 lies in the first four bytes; bits behind the prefix are 0. */
struct network {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* bits */
	uint8_t address[16];
	uint16_t domain;
	uint32_t line, column; /* in the policy file */
};

/** A pattern of host names or mail domains, lower case. */
struct name_pattern {
	const char *text; /* without "*." in front */
	bool below;	  /* "*.text"; with an empty text "*" */
	uint16_t domain;
	uint32_t line, column;
};

struct network_table;
struct name_table;

/**
 * Read "10.0.0.0/8", "2001:db8::/32", "192.0.2.1" (then /32 or /128).
 *
 * @param why  on failure: what would be right; static
 * @return false also where bits behind the prefix are set
 */
bool network_parse(const char *text, struct network *ret, const char **why);

/**
 * @param list  copied. Two equal networks are the caller's error: the first stays.
 * @return NULL when @p pool is used up
 */
struct network_table *network_table_build(struct pool *pool, const struct network *list, size_t n);

/** @p address in network byte order, 4 or 16 bytes. @return a domain or DOMAIN_NONE */
int network_find(const struct network_table *t, uint8_t family, const uint8_t *address);

/** Does the address, of the network's family, lie in the network? */
bool network_contains(const struct network *net, const uint8_t *address);

/**
 * Pointers into @p list in the order of family, address, prefix: what contains a
 * network stands before it, and equal ones stand together in the list's order.
 * @return n pointers and a NULL; NULL when @p pool is used up
 */
const struct network **network_sort(struct pool *pool, const struct network *list, size_t n);

/** Read "example.org", "*.example.org" or "*"; the text of @p ret lies in @p pool. */
bool name_pattern_parse(const char *text, struct pool *pool, struct name_pattern *ret,
	const char **why);

/** Of @p n patterns, which are copied; NULL when @p pool is used up. */
struct name_table *name_table_build(struct pool *pool, const struct name_pattern *list, size_t n);

/** As network_sort(): equal patterns stand together. */
const struct name_pattern **name_pattern_sort(
	struct pool *pool, const struct name_pattern *list, size_t n);

/** @p name without port; one trailing dot is ignored. @return a domain or DOMAIN_NONE */
int name_find(const struct name_table *t, struct bytes name);

#endif
