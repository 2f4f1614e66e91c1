/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Organisations and staff (identifier specification, 6.1, 6.2 and section 8). */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/documents.h"
#include "inspectors/detect/shapes.h"

static bool
is_orgnr(const uint8_t *ten)
{
	return ten[0] != '0' && ten[2] >= '2' && luhn_ok(ten, 10);
}

void
orgnr_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	bool prefixed = shape_number(v, end, "16dddddd-dddd", &s);
	const uint8_t *ten = s.value + (prefixed ? 2 : 0);
	uint8_t norm[11];

	if ((!prefixed && !shape_number(v, end, "dddddd-dddd", &s)) || !is_orgnr(ten))
		return;
	memcpy(norm, ten, 6);
	norm[6] = '-';
	memcpy(norm + 7, ten + 6, 4);
	/* Ten bare digits may be anything that has a Luhn digit. */
	readings_add(out, s.begin, end,
		end - s.begin == 10 ? LEVELS(NONE, NONE, MEDIUM) : LEVELS(LOW, MEDIUM, HIGH), norm,
		sizeof(norm));
}

/* The candidate ends with the first character behind the hyphen. */
void
hsaid_validate(const struct view *v, size_t end, struct readings *out)
{
	enum { LONGEST = 31 }; /* characters, a test system's T apart */
	struct bytes t = v->text;
	struct shaped s;
	uint8_t norm[LONGEST + 1];
	size_t begin, stop = end, n;

	if (!shape_read(t, end - 1, "aadddddddddddd-", &s) &&
		!shape_read(t, end - 1, "aadddddddddd-", &s))
		return;
	if (memcmp(s.value, "SE", 2) != 0 || (s.n == 14 && memcmp(s.value + 2, "16", 2) != 0) ||
		s.value[s.n - 8] < '2' || !luhn_ok(s.value + s.n - 10, 10))
		return;
	while (alnum_at(t, stop) && stop - s.begin <= LONGEST)
		stop++;
	n = stop - s.begin;
	if (n > LONGEST || word_at(t, stop) || (stop < t.n && t.p[stop] == '@'))
		return;
	begin = s.begin - (s.begin > 0 && ascii_lower(t.p[s.begin - 1]) == 't');
	if (alnum_before(t, begin) || (begin == 0 && v->cut))
		return;
	n = stop - begin;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = t.p[begin + i];

		norm[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
	}
	readings_add(out, begin, stop, LEVELS(HIGH, HIGH, HIGH), norm, n);
}

bool
vat_se_read(const struct view *v, size_t end, struct shaped *ret)
{
	return shape_word(v, end, "aa_dddddd-dddd_01", ret) && memcmp(ret->value, "SE", 2) == 0 &&
		luhn_ok(ret->value + 2, 10);
}

void
vat_se_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (vat_se_read(v, end, &s))
		readings_add(out, s.begin, end, LEVELS(HIGH, HIGH, HIGH), s.value, s.n);
}
