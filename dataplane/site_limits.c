/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/site.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMNS = 80, INDENT = 4 };

static const struct site_limit limits[] = {
#define X(name, value, least, most, unit, sentence)                                                \
	{#name, value, least, most, unit, sentence, offsetof(struct dataplane_limits, name), false},
	DATAPLANE_LIMITS(X)
#undef X
#define X(name, value, least, most, unit, sentence)                                                \
	{#name, value, least, most, unit, sentence, offsetof(struct inspect_limits, name), true},
		INSPECT_LIMITS(X)
#undef X
};

const struct site_limit *
site_limit(size_t i)
{
	return i < ARRAY_LEN(limits) ? &limits[i] : NULL;
}

uint64_t *
site_limit_value(struct site *site, const struct site_limit *l)
{
	char *base = l->inspect ? (char *)&site->inspect : (char *)&site->limits;

	return (uint64_t *)(void *)(base + l->offset);
}

static void
print_folded(FILE *out, const char *text)
{
	int column = 0;

	while (*text != '\0') {
		int word = (int)strcspn(text, " ");

		if (column == 0 || column + 1 + word > COLUMNS)
			column = fprintf(out, "%s%*s%.*s", column == 0 ? "" : "\n", INDENT, "", word,
					 text) - (column != 0);
		else
			column += fprintf(out, " %.*s", word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* Bytes as an administrator would write them, where that is exact. */
static const char *
put_value(uint64_t n, const char *unit, char *ret, size_t size)
{
	static const char *const units[] = {"TiB", "GiB", "MiB", "KiB"};

	for (unsigned i = 0; strcmp(unit, "bytes") == 0 && i < ARRAY_LEN(units); i++) {
		uint64_t one = UINT64_C(1) << (40 - 10 * i);

		if (n >= one && n % one == 0) {
			snprintf(ret, size, "%" PRIu64 " %s", n / one, units[i]);
			return ret;
		}
	}
	snprintf(ret, size, "%" PRIu64, n);
	return ret;
}

void
site_print_limits(FILE *out)
{
	char value[40], least[40], most[40];

	fputs("Limits: the keys of `limits:` in the site configuration. A number is in the\n"
	      "unit given here; bytes may be written as 64 KiB, 16 MiB, 2 GiB, times as\n"
	      "250 ms, 30 s, 5 min, 1 h.\n\n",
		out);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		const struct site_limit *l = &limits[i];
		const char *shown = put_value(l->value, l->unit, value, sizeof(value));
		bool has_unit = strchr(shown, ' ') != NULL;

		fprintf(out, "%s: %s%s%s (%s to %s)\n", l->name, shown, has_unit ? "" : " ",
			has_unit ? "" : l->unit,
			put_value(l->least, l->unit, least, sizeof(least)),
			put_value(l->most, l->unit, most, sizeof(most)));
		print_folded(out, l->sentence);
	}
}

void
site_print_choices(FILE *out)
{
	fputs("Choices: the keys of `inline:` in the site configuration, for `sluss run`. The\n"
	      "first of each is the default. Whatever is chosen is counted.\n\n",
		out);
#define X(name, sentence, first, first_sentence, second, second_sentence)                          \
	fprintf(out, "%s: %s, or %s\n", #name, #first, #second);                                   \
	print_folded(out, sentence);                                                               \
	print_folded(out, #first ": " first_sentence);                                             \
	print_folded(out, #second ": " second_sentence);
	INLINE_CHOICES(X)
#undef X
}
