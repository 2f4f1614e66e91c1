/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/validators.h"

/* What packs name. ends: the candidate ends where the identifier ends. */
static const struct validator validators[] = {
	{"personnummer", personnummer_validate, NULL, true, SWEDISH},
	{"samordningsnummer", samordningsnummer_validate, NULL, true, SWEDISH},
	{"interimsnummer", interimsnummer_validate, NULL, true},
};

const struct validator *
validator_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(validators); i++)
		if (strcmp(validators[i].name, name) == 0)
			return &validators[i];
	return NULL;
}

const char *
validator_name(size_t i)
{
	return i < ARRAY_LEN(validators) ? validators[i].name : NULL;
}

struct reading *
readings_add(struct readings *out, size_t begin, size_t end, struct levels levels, const void *norm,
	size_t n)
{
	struct reading *r = &out->at[out->n];

	if (out->n == READINGS_MAX || n > NORMALISED_MAX)
		return NULL;
	out->n++;
	*r = (struct reading){.begin = (uint16_t)begin,
		.end = (uint16_t)end,
		.level = {levels.negative, levels.none, levels.positive},
		.before = CONTEXT_BEFORE,
		.after = CONTEXT_AFTER,
		.n = (uint8_t)n};
	memcpy(r->normalised, norm, n);
	return r;
}
