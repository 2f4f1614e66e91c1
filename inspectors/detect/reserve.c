/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reserve identities of patients without a number (identifier specification,
 * section 5). With a checksum they need no context; shapes alone are low.
 */
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/shapes.h"

static bool
birth_date(const struct view *v, const uint8_t *eight)
{
	unsigned century = digits_value(eight, 2);

	return century >= 18 && century <= 20 &&
		is_past_date((int)digits_value(eight, 4), (int)digits_value(eight + 4, 2),
			(int)digits_value(eight + 6, 2), v->today);
}

static void
add(struct readings *out, const struct shaped *s, size_t end, struct levels levels)
{
	(void)readings_add(out, s->begin, end, levels, s->value, s->n);
}

/* 5.1. XX is the birth century and three times something, or 00: date unknown. */
void
nrid_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	unsigned xx, month, day;

	if (!shape_number(v, end, "dddddddd-NNGd", &s) ||
		nrid_check(s.value) != (unsigned)(s.value[11] - '0'))
		return;
	xx = digits_value(s.value, 2);
	month = digits_value(s.value + 4, 2);
	day = digits_value(s.value + 6, 2);
	if (xx == 0 ? month < 20 || day < 40 || day > 59
		    : xx < 22 ||
				!is_past_date(100 * (19 + (int)(xx - 19) % 3) +
						(int)digits_value(s.value + 2, 2),
					(int)month, (int)day, v->today))
		return;
	add(out, &s, end, LEVELS(LOW, MEDIUM, HIGH));
}

/* 5.2. The letter takes part in Luhn as a digit. */
static bool
is_vgr(const struct view *v, const struct shaped *s)
{
	const uint8_t *p = s->value;
	unsigned serial = digits_value(p + 9, 2);
	uint8_t ten[10];

	if (!birth_date(v, p))
		return false;
	if (p[8] == 'X' ? serial < 80 || serial > 89 : serial < 6 || serial > 79)
		return false;
	if (p[8] != 'X' && (serial % 2 == 1) != (p[8] == 'M'))
		return false;
	memcpy(ten, p + 2, 6);
	ten[6] = p[8] == 'K' ? '5' : p[8] == 'M' ? '7' : '8';
	memcpy(ten + 7, p + 9, 3);
	return luhn_ok(ten, 10);
}

static bool
vgr_shape(const struct view *v, size_t end, struct shaped *s)
{
	return shape_number(v, end, "dddddddd-Addd", s) && strchr("KMX", s->value[8]) != NULL;
}

void
reserv_vgr_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (vgr_shape(v, end, &s) && is_vgr(v, &s))
		add(out, &s, end, LEVELS(LOW, MEDIUM, HIGH));
}

/* 5.3, and the like of other regions: a date, a letter and three digits. */
void
reserv_vgr_grid_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (vgr_shape(v, end, &s) && is_vgr(v, &s))
		return;
	if (!shape_number(v, end, "dddddddd-addd", &s) ||
		strchr("ABCDEFHJKLMNPRSTUVWXY", s.value[8]) == NULL || !birth_date(v, s.value))
		return;
	if (v->text.p[end - 4] >= 'a' && strchr("kmx", v->text.p[end - 4]) == NULL)
		return;
	add(out, &s, end, LEVELS(NONE, LOW, HIGH));
}

/* 5.4, Stockholm: 99, the year of issue, Luhn over positions 5 to 11. */
void
reserv_sll_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	unsigned year;

	if (!shape_number(v, end, "99dddddddddd", &s))
		return;
	year = digits_value(s.value + 2, 4);
	if (year >= 1980 && year <= 2299 && luhn_ok(s.value + 4, 8))
		add(out, &s, end, LEVELS(LOW, MEDIUM, HIGH));
}

/* 5.4, Carelink: the day is 32 to 59. */
void
reserv_carelink_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	unsigned century, month, day;

	if (!shape_number(v, end, "dddddddd-dddd", &s))
		return;
	century = digits_value(s.value, 2);
	month = digits_value(s.value + 4, 2);
	day = digits_value(s.value + 6, 2);
	if (century >= 17 && century <= 20 && month >= 1 && month <= 12 && day >= 32 && day <= 59 &&
		luhn_ok(s.value + 2, 10))
		add(out, &s, end, LEVELS(LOW, MEDIUM, HIGH));
}

/* 5.4, Värmland, Skåne, Blekinge, Sörmland: a date, two letters, digit, letter. */
void
reserv_letters_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "dddddddd-AAdV", &s) && birth_date(v, s.value)) {
		add(out, &s, end, LEVELS(NONE, LOW, HIGH));
		return;
	}
	if (shape_number(v, end, "dddddd-AAdA", &s) && strchr("DEF", s.value[6]) != NULL &&
		(s.value[8] == '0' || s.value[8] == '1') &&
		is_date(2000, (int)digits_value(s.value + 2, 2), (int)digits_value(s.value + 4, 2)))
		add(out, &s, end, LEVELS(NONE, LOW, HIGH));
}

/* 5.4, Örebro. */
void
reserv_orebro_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "dddddddd-TXdX", &s) && birth_date(v, s.value))
		add(out, &s, end, LEVELS(NONE, LOW, HIGH));
}

/* 5.4, Västernorrland. */
void
reserv_vnorr_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "dddddddd-dddR", &s) && birth_date(v, s.value))
		add(out, &s, end, LEVELS(NONE, LOW, HIGH));
}

/* 5.4, Gävleborg; the hyphen is required. */
void
reserv_gavleborg_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if (shape_number(v, end, "dddddddd=ddAd", &s) && strchr("KMX", s.value[10]) != NULL &&
		birth_date(v, s.value))
		add(out, &s, end, LEVELS(NONE, LOW, HIGH));
}
