/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_POLICY_H
#define SLUSS_POLICY_H

/**
 * @file
 * The policy: what may go where. The language is described in policy/README.md.
 *
 * A struct policy is immutable once loaded: all threads may read it. It holds
 * the compiled detectors of its packs. How a message is judged is judge.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/detect/detect.h"
#include "inspectors/message.h"
#include "policy/diag.h"
#include "policy/domains.h"

/* Bounds of one policy. Going past one is an error that names it. */
enum {
	POLICY_CLASSES_MAX = 16,
	POLICY_DOMAINS_MAX = 256,
	POLICY_NETWORKS_MAX = 16384, /* in all domains together */
	POLICY_NAMES_MAX = 16384,    /* hosts, and likewise mail domains */
	POLICY_INFORMATION_MAX = 256,
	POLICY_CONDITIONS_MAX = 16, /* of one information type */
	POLICY_EGRESS_MAX = 4096,
	POLICY_MODES_MAX = 1024,
	POLICY_TESTS_MAX = 1024,
	POLICY_PACKS_MAX = 64,
	POLICY_ID_MAX = 64, /* bytes of an id */
};

/**
 * A count from here on is "many": findings below a detector's least confidence
 * count towards it too (identifier specification, section 2.5).
 */
enum { POLICY_MANY = 5 };

enum control { CONTROL_INSIDE, CONTROL_PARTNER, CONTROL_OUTSIDE };

/** What a row does, from the mildest to the harshest. */
enum reaction {
	REACTION_ALLOW, /* `opaque:` only */
	REACTION_ALERT, /* forward, and say so */
	REACTION_HOLD,
	REACTION_REFUSE,
	REACTION_DROP,
};

/** What an inline gateway does between two domains; a watcher heeds only `exempt`. */
enum pair_mode {
	MODE_ENFORCE, /* judge, report, act */
	MODE_SHADOW,  /* judge and report, never act */
	MODE_EXEMPT,  /* neither read nor judged: counted as exempt */
};

const char *control_name(enum control c);	 /* "inside", … */
const char *reaction_name(enum reaction r);	 /* "allow", … */
const char *pair_mode_name(enum pair_mode mode); /* "enforce", … */

struct policy_domain {
	const char *id;
	enum control control;
	uint32_t line, column;
};

/** One condition of an information type: so many findings, or a mark, or a mark's class. */
struct policy_condition {
	const char *name;	   /* as the policy calls it: "personnummer", "person", "label" */
	const uint16_t *detectors; /* whose findings are added up; none for marks */
	uint16_t n_detectors;
	uint64_t marks; /* bit i: mark i of the detect_set; any of them will do */
	uint64_t count; /* findings that are needed, at least 1; 1 for marks */
};

/** All conditions must hold. */
struct policy_information {
	const char *id;
	uint16_t class;
	uint32_t line, column;
	const struct policy_condition *conditions;
	uint16_t n_conditions;
	bool unique;			/* count distinct identifiers */
	int16_t near;			/* words list, or -1; counts distinct identifiers */
	enum confidence confidence;	/* NONE: each detector's own least */
};

/** A row of egress, or the default. */
struct policy_row {
	uint32_t line, column; /* 0 for a default that isn't written */
	/* Bit i of [i / 64]: domain i. NULL: any, what belongs to no domain included. */
	const uint64_t *from, *to;
	unsigned channels; /* bit i: enum channel i */
	uint16_t ceiling;  /* class */
	enum reaction over;
	enum reaction opaque;
};

/** A row of modes. It fits a pair either way round. */
struct policy_mode_row {
	uint32_t line, column;
	const uint64_t *between[2]; /* as `from` and `to` of struct policy_row */
	enum pair_mode mode;
};

/** A test that the policy carries; `file` is relative to the policy file's folder. */
struct policy_test {
	const char *name, *file;
	uint16_t from, to; /* domains */
	enum channel channel;
	enum reaction expect; /* REACTION_ALLOW is written "forward" */
	uint32_t line, column;
};

struct policy {
	const char *name;
	const char *file;     /* path as given; "" for policy_load_packs() */
	uint64_t version;     /* 0 when not written */
	char digest[65];      /* SHA-256 over the file and its packs, hexadecimal */
	bool shipped;	      /* made by policy_load_packs(): its classes are no one's */

	const char *const *classes; /* by rank, lowest first */
	unsigned n_classes;
	const struct policy_domain *domains;
	unsigned n_domains;
	const struct policy_information *information;
	unsigned n_information;
	const struct policy_row *rows; /* in file order; the default is rows[n_rows] */
	unsigned n_rows;
	const struct policy_mode_row *mode_rows; /* in file order */
	unsigned n_mode_rows;
	const struct policy_test *tests;
	unsigned n_tests;
	const char *const *packs; /* names, needed ones included */
	unsigned n_packs;
	const struct pack_detector *detectors; /* by index in the detect_set: pack.h */
	unsigned n_detectors;

	struct detect_set *detect; /* owned */

	/* The rest is for domains.c, judge.c and lint.c. */
	struct pool *pool; /* holds all of the above */
	const struct network *networks;
	size_t n_networks;
	const struct name_pattern *hosts, *mail;
	size_t n_hosts, n_mail;
	const struct network_table *network_table;
	const struct name_table *host_table, *mail_table;
	/* The row that decides: [(from * (n_domains + 1) + to) * CHANNELS + channel]. */
	const uint16_t *cells;
	/* Of each pair: [a * (n_domains + 1) + b], the same both ways round. The row, or
	 * UINT16_MAX for none, and its mode. */
	const uint16_t *mode_cells;
	const uint8_t *modes; /* enum pair_mode */
	bool exempts;	      /* some pair is exempt */
	int catch_all; /* domain of 0.0.0.0/0, or else of ::/0 */
};

/**
 * Load a policy and compile the packs that it names. Slow (seconds): never on
 * the packet path.
 *
 * Packs are sought as NAME.yaml in the folder `packs` beside the policy file,
 * in @p pack_dirs, in the directories of the environment's SLUSS_PACKS (apart
 * by ':'), where Sluss was installed, and where it was built; the first wins.
 *
 * @param pack_dirs  NULL-terminated, or NULL for none
 * @return NULL after an error in @p d; else to be freed with policy_free()
 */
struct policy *policy_load(const char *path, const char *const *pack_dirs, struct diag *d);

/** As policy_load(), from bytes that were read (and verified) before; @p path stands for them. */
struct policy *policy_load_bytes(const char *path, struct bytes text,
	const char *const *pack_dirs, struct diag *d);

/**
 * A policy of every pack that can be found, for looking without a policy. It
 * has two classes, `none` and `found`; each detector is an information type of
 * the same id, which one finding of the detector's least confidence makes
 * `found`; there are no domains, and the default is {ceiling: none, over:
 * alert, opaque: alert}. Its digest covers the packs.
 */
struct policy *policy_load_packs(const char *const *pack_dirs, struct diag *d);

/** policy_load(), then policy_lint(): what `slussctl policy check` says. */
struct policy *policy_check(const char *path, const char *const *pack_dirs, struct diag *d);

/**
 * Warn of what is allowed but hardly meant: rows that can never decide, classes
 * that are never used, information types that can never hold, nested networks
 * whose control differs, rows between domains that are exempt, domains that nothing belongs to.
 */
void policy_lint(const struct policy *p, struct diag *d);

void policy_free(struct policy *p); /* accepts NULL */

/** The compiled detectors, for struct inspect_env; lives as long as the policy. */
static inline const struct detect_set *
policy_detect(const struct policy *p)
{
	return p->detect;
}

/** A domain's id; "unknown" for DOMAIN_NONE. */
const char *policy_domain_id(const struct policy *p, int domain);

/** Where an address or a name belongs; DOMAIN_NONE where it belongs to no domain. */
int policy_domain_of_address(const struct policy *p, uint8_t family, const uint8_t *address);

/**
 * @p host as in a URL, a Host header or an SNI: name or address, perhaps with
 * port. A name that no domain lists gives DOMAIN_NONE.
 */
int policy_domain_of_host(const struct policy *p, struct bytes host);

/**
 * The domain of a mail address: by its mail domain, or by address for
 * user@[192.0.2.1]. One that no domain lists belongs where unknown addresses
 * do: to the domain of 0.0.0.0/0 or ::/0.
 *
 * @return DOMAIN_NONE too when there is no such domain
 */
int policy_domain_of_mail(const struct policy *p, struct bytes address);

/** The mode between two domains, the same both ways; they may be DOMAIN_NONE. One look-up. */
enum pair_mode policy_mode(const struct policy *p, int a, int b);

/** Is there any pair that is exempt? Without one, no packet needs to be asked about. */
bool policy_exempts(const struct policy *p);

/** Is a domain (n_domains: none of them) in a set as struct policy_row has them? */
static inline bool
policy_set_holds(const struct policy *p, const uint64_t *set, unsigned domain)
{
	return set == NULL || (domain < p->n_domains && (set[domain / 64] >> domain % 64 & 1) != 0);
}

/** The row that decides; never NULL. Domains may be DOMAIN_NONE. */
const struct policy_row *policy_row(
	const struct policy *p, int from, int to, enum channel channel);

#endif
