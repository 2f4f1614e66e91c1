/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clinical codes (identifier specification, section 10). ICD-10-SE and KVÅ
 * look like much else, so a key word announces them and they are sought in the
 * text behind it.
 */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/shapes.h"

enum { SOUGHT = 48 }; /* characters behind a key word */

static bool
capital_at(struct bytes t, size_t i)
{
	return i < t.n && t.p[i] >= 'A' && t.p[i] <= 'Z';
}

static void
add_code(struct readings *out, size_t begin, size_t end, const uint8_t *norm, size_t n)
{
	struct reading *r = readings_add(out, begin, end, LEVELS(NONE, NONE, MEDIUM), norm, n);

	if (r != NULL) {
		r->before = SOUGHT;
		r->after = 0;
	}
}

/* A code that begins at i: letter, two digits, and up to two more characters. */
static size_t
icd_at(struct bytes t, size_t i, uint8_t norm[8], size_t *ret_n)
{
	size_t at = i + 3, n = 3;

	if (!capital_at(t, i) || !digit_at(t, i + 1) || !digit_at(t, i + 2))
		return 0;
	memcpy(norm, t.p + i, 3);
	if (digit_at(t, at) || (at < t.n && t.p[at] == '.' && digit_at(t, at + 1))) {
		at += t.p[at] == '.';
		norm[n++] = '.';
		norm[n++] = t.p[at++];
		if (digit_at(t, at) || capital_at(t, at))
			norm[n++] = t.p[at++];
	} else if (at < t.n && t.p[at] == '-') {
		at++;
	}
	/* "J45-serien": what follows is no part of a code, the three characters are one. */
	if (alnum_at(t, at)) {
		at = i + 3;
		n = 3;
	}
	*ret_n = n;
	return alnum_at(t, at) ? 0 : at;
}

void
icd10se_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	size_t last = characters_on(t, end, SOUGHT), n;
	uint8_t norm[8];

	for (size_t i = end; i < last; i++) {
		size_t stop;

		if (alnum_before(t, i) || (i > 0 && t.p[i - 1] == '.'))
			continue;
		stop = icd_at(t, i, norm, &n);
		if (stop > 0)
			add_code(out, i, stop, norm, n);
	}
}

void
kva_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	size_t last = characters_on(t, end, SOUGHT);

	for (size_t i = end; i < last; i++) {
		struct shaped s;
		size_t stop = i + 5;

		if (!capital_at(t, i) || stop > t.n || alnum_before(t, i) || alnum_at(t, stop))
			continue;
		if (shape_read(t, stop, "AAddd", &s) || shape_read(t, stop, "AAAdd", &s))
			add_code(out, i, stop, s.value, s.n);
	}
}

void
atc_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	unsigned group;

	if (!shape_word(v, end, "AddAAdd", &s) || strchr("ABCDGHJLMNPRSV", s.value[0]) == NULL)
		return;
	group = (unsigned)(s.value[1] - '0') * 10 + (unsigned)(s.value[2] - '0');
	if (group >= 1 && group <= 20)
		readings_add(out, s.begin, end, LEVELS(LOW, MEDIUM, HIGH), s.value, s.n);
}

void
npu_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_word(v, end, "aaaddddd", &s) &&
		(memcmp(s.value, "NPU", 3) == 0 || memcmp(s.value, "SWE", 3) == 0))
		readings_add(out, s.begin, end, LEVELS(LOW, MEDIUM, HIGH), s.value, s.n);
}
