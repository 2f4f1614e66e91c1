/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy without detectors, and no inspectors: for tests of the program around them. */
#include <stdlib.h>
#include <unistd.h>

#include "inspectors/proto/inspector.h"
#include "policy/policy.h"

const struct inspector_ops *
inspector_find(const char *name)
{
	(void)name;
	return NULL;
}

static struct policy *
load(void)
{
	static const struct detect_spec none = {0};
	struct policy *p = calloc(1, sizeof(*p));
	char why[256];

	if (p != NULL)
		p->detect = detect_set_compile(&none, why, sizeof(why));
	return p;
}

struct policy *
policy_load(const char *path, const char *const *pack_dirs, struct diag *d)
{
	(void)pack_dirs;
	if (access(path, R_OK) == 0)
		return load();
	diag_error(d, (struct place){.file = path}, "can't be read; check the path");
	return NULL;
}

struct policy *
policy_load_packs(const char *const *pack_dirs, struct diag *d)
{
	(void)pack_dirs;
	(void)d;
	return load();
}

int
policy_domain_of_address(const struct policy *p, uint8_t family, const uint8_t *address)
{
	(void)p;
	(void)family;
	(void)address;
	return DOMAIN_NONE;
}

enum pair_mode
policy_mode(const struct policy *p, int a, int b)
{
	(void)p;
	(void)a;
	(void)b;
	return MODE_ENFORCE;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	detect_set_free(p->detect);
	free(p);
}
