/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents, cards and codes of staff (identifier specification, 6.4-6.6, 12). */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/documents.h"
#include "inspectors/detect/shapes.h"

/* Add a reading that counts only with context, of so many characters before and after. */
static void
add_gated(struct readings *out, size_t begin, size_t end, const uint8_t *norm, size_t n,
	unsigned before, unsigned after)
{
	struct reading *r = readings_add(out, begin, end, LEVELS(NONE, NONE, HIGH), norm, n);

	if (r != NULL) {
		r->before = (uint8_t)before;
		r->after = (uint8_t)after;
	}
}

/* 6.5: NN-NNNNNN, on cards with their serial behind a slash. */
void
lma_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	struct shaped s;
	size_t stop = end;

	if (!shape_read(t, end, "dd=dddddd", &s) || (s.begin == 0 && v->cut) ||
		!may_begin(t, s.begin, false))
		return;
	if (stop < t.n && t.p[stop] == '/' && digit_at(t, stop + 1))
		stop += digit_at(t, stop + 2) ? 3 : 2;
	if (may_end(t, stop))
		add_gated(out, s.begin, stop, t.p + s.begin, 9, CONTEXT_BEFORE, CONTEXT_AFTER);
}

/* YYYYMMDD of these times: "pass" before a day is a shift or a session. */
static bool
is_recent_day(const uint8_t *digits)
{
	unsigned year = digits_value(digits, 4);

	return year >= 1900 && year < 2100 &&
		is_date((int)year, (int)digits_value(digits + 4, 2), (int)digits_value(digits + 6, 2));
}

/* 6.6: eight digits until 2021, then two letters and seven digits. */
void
passport_se_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "dddddddd", &s) ? !is_recent_day(s.value)
						 : shape_number(v, end, "aaddddddd", &s))
		add_gated(out, s.begin, end, s.value, s.n, 32, 0);
}

static bool
is_mrz_character(uint8_t c)
{
	return ascii_is_digit(c) || c == '<' || (c >= 'A' && c <= 'Z');
}

/* Are the five check digits of a passport's second line right? (ICAO 9303-4, 4.2.2) */
static bool
mrz_holds(const uint8_t *p)
{
	uint8_t composite[39];
	bool no_option = true;

	memcpy(composite, p, 10);
	memcpy(composite + 10, p + 13, 7);
	memcpy(composite + 17, p + 21, 22);
	for (size_t i = 28; i < 42; i++)
		no_option &= p[i] == '<';
	for (size_t i = 13; i < 28; i++) /* birth, sex, expiry */
		if (i != 20 && !ascii_is_digit(p[i]))
			return false;
	return mrz_check(p, 9) == p[9] - (unsigned)'0' &&
		mrz_check(p + 13, 6) == p[19] - (unsigned)'0' &&
		mrz_check(p + 21, 6) == p[27] - (unsigned)'0' &&
		(mrz_check(p + 28, 14) == p[42] - (unsigned)'0' || (p[42] == '<' && no_option)) &&
		mrz_check(composite, sizeof(composite)) == p[43] - (unsigned)'0';
}

enum { MRZ_LINE = 44, MRZ_SEX = 21, MRZ_OPTION = 28 };

/* 6.6: the candidate ends with the sex, the 21st of 44 characters. */
static bool
mrz_read(const struct view *v, size_t end, uint8_t line[MRZ_LINE], size_t *ret_begin)
{
	struct bytes t = v->text;
	size_t begin;

	if (end < MRZ_SEX || t.n - (end - MRZ_SEX) < MRZ_LINE)
		return false;
	begin = end - MRZ_SEX;
	for (size_t i = 0; i < MRZ_LINE; i++) {
		uint8_t c = t.p[begin + i];

		line[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
		if (!is_mrz_character(line[i]))
			return false;
	}
	*ret_begin = begin;
	return memcmp(line + 10, "SWE", 3) == 0 &&
		!(begin > 0 && (alnum_before(t, begin) || t.p[begin - 1] == '<')) &&
		!(begin == 0 && v->cut) && !alnum_at(t, begin + MRZ_LINE) &&
		!(begin + MRZ_LINE < t.n && t.p[begin + MRZ_LINE] == '<') && mrz_holds(line);
}

void
mrz_se_validate(const struct view *v, size_t end, struct readings *out)
{
	uint8_t line[MRZ_LINE];
	size_t begin, n = 0;

	if (!mrz_read(v, end, line, &begin))
		return;
	while (n < 9 && line[n] != '<')
		n++;
	if (n > 0)
		readings_add(out, begin, begin + MRZ_LINE, LEVELS(HIGH, HIGH, HIGH), line, n);
}

bool
mrz_se_option(const struct view *v, size_t end, size_t *ret_begin, size_t *ret_n)
{
	uint8_t line[MRZ_LINE];
	size_t begin, n = 0;

	/* Cheap first: most candidates are no passports. */
	if (end < 1 || strchr("MFXmfx<", v->text.p[end - 1]) == NULL ||
		!mrz_read(v, end, line, &begin))
		return false;
	while (n < 14 && ascii_is_digit(line[MRZ_OPTION + n]))
		n++;
	*ret_begin = begin + MRZ_OPTION;
	*ret_n = n;
	return n == 10 || n == 12;
}

/* Section 12: 80752 and fifteen digits, perhaps in groups. */
void
ehic_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "8~0~7~5~2~d~d~d~d~d~d~d~d~d~d~d~d~d~d~d", &s))
		add_gated(out, s.begin, end, s.value, s.n, CONTEXT_BEFORE, CONTEXT_AFTER);
}

/* 6.4: seven digits, not all zero. */
void
forskrivarkod_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "ddddddd", &s) && digits_value(s.value, 7) != 0)
		add_gated(out, s.begin, end, s.value, s.n, CONTEXT_BEFORE, 0);
}
