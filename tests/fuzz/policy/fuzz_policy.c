/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a policy file and as a pack, without compiling patterns.
 *
 * Laws: nothing is refused without an error that says why; what is accepted has a
 * deciding row for every pair of domains and channel, and a mode for every pair that is
 * the same both ways round; every address and name has at
 * most one domain, that exists; reading twice says the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "policy/pack.h"
#include "policy/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_places(const struct policy *p, struct bytes text)
{
	uint8_t address[16] = {0};
	int n = (int)p->n_domains, domain;

	memcpy(address, text.p, text.n < 16 ? text.n : 16);
	domain = policy_domain_of_address(p, 4, address);
	assert(domain >= DOMAIN_NONE && domain < n);
	domain = policy_domain_of_address(p, 6, address);
	assert(domain >= DOMAIN_NONE && domain < n);
	domain = policy_domain_of_host(p, text);
	assert(domain >= DOMAIN_NONE && domain < n);
	domain = policy_domain_of_mail(p, text);
	assert(domain >= DOMAIN_NONE && domain < n);
}

static void
check_rows(const struct policy *p)
{
	for (int from = DOMAIN_NONE; from < (int)p->n_domains; from++)
		for (int to = DOMAIN_NONE; to < (int)p->n_domains; to++)
			for (unsigned c = 0; c < CHANNELS; c++) {
				const struct policy_row *row =
					policy_row(p, from, to, (enum channel)c);

				assert(row >= p->rows && row <= p->rows + p->n_rows);
				assert(row->ceiling < p->n_classes);
				assert(row->channels >> c & 1);
			}
}

static void
check_modes(const struct policy *p)
{
	bool exempts = false;

	for (int a = DOMAIN_NONE; a < (int)p->n_domains; a++)
		for (int b = a; b < (int)p->n_domains; b++) {
			enum pair_mode mode = policy_mode(p, a, b);

			assert(mode <= MODE_EXEMPT && policy_mode(p, b, a) == mode);
			exempts |= mode == MODE_EXEMPT;
		}
	assert(policy_exempts(p) == exempts);
}

/* @return how many errors it has */
static unsigned
read_policy(const struct yaml_doc *doc, struct bytes text)
{
	struct pool pool = {.limit = 64 * 1024 * 1024};
	struct policy p = {.pool = &pool, .file = "fuzz", .catch_all = DOMAIN_NONE};
	struct diag d = {0};
	bool good = policy_parse(&p, doc, &d);
	unsigned errors = d.errors;

	assert(good == (errors == 0));
	(void)policy_parse_packs(doc, &d);
	if (good) {
		check_places(&p, text);
		check_rows(&p);
		check_modes(&p);
		policy_lint(&p, &d);
	}
	diag_free(&d);
	pool_free(&pool);
	return errors;
}

/* A pack of that name whose file is what was given. */
static void
read_pack(struct bytes text)
{
	static const char *const nowhere[] = {"/nonexistent", NULL};
	struct pool pool = {.limit = 64 * 1024 * 1024};
	struct diag d = {0};
	struct pack_set packs = {.pool = &pool, .d = &d, .dirs = nowhere};
	const struct pack_detector *detectors;
	struct detect_spec spec;
	unsigned errors;

	assert(pack_set_want(&packs, "fuzz", (struct place){"fuzz", 0, 0}));
	packs.packs->doc = yaml_doc_load("fuzz", text, &d);
	errors = d.errors;
	if (packs.packs->doc != NULL)
		assert(pack_set_spec(&packs, &spec, &detectors) == (d.errors == errors));
	pack_set_free(&packs);
	diag_free(&d);
	pool_free(&pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = {0};
	struct bytes text = bytes_of(data, size);
	struct yaml_doc *doc = yaml_doc_load("fuzz", text, &d);

	assert((doc == NULL) == (d.errors > 0));
	if (doc != NULL) {
		assert(read_policy(doc, text) == read_policy(doc, text));
		read_pack(text);
	}
	yaml_doc_free(doc);
	diag_free(&d);
	return 0;
}
