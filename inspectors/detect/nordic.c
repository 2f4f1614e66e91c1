/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Persons of the other Nordic countries (identifier specification, section 11). */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/shapes.h"

/* ---- Norway ---- */

enum norwegian { FNR, DNR, HNR, SYNTHETIC, FH };

struct norwegian_number {
	enum norwegian kind;
	bool new_rule; /* first control residue 1 to 3: issued from 2032 */
};

/* The years that the individual number allows, as ranges of it and of YY. */
static const struct {
	uint16_t low, high; /* individual number */
	uint8_t from, to;   /* YY */
	uint16_t century;
} norwegian_years[] = {
	{0, 499, 0, 99, 1900},
	{500, 749, 54, 99, 1800},
	{500, 999, 0, 39, 2000},
	{900, 999, 40, 99, 1900},
};

static bool
norwegian_birth(const struct view *v, const uint8_t *p, int day, int month, bool new_rule)
{
	unsigned yy = digits_value(p + 4, 2), individual = digits_value(p + 6, 3);

	/* How numbers from 2032 give the century isn't settled: any that makes a day. */
	if (new_rule)
		return is_date(2000 + (int)yy, month, day) || is_date(1900 + (int)yy, month, day);
	for (size_t i = 0; i < ARRAY_LEN(norwegian_years); i++)
		if (individual >= norwegian_years[i].low && individual <= norwegian_years[i].high &&
			yy >= norwegian_years[i].from && yy <= norwegian_years[i].to &&
			is_past_date(norwegian_years[i].century + (int)yy, month, day, v->today))
			return true;
	return false;
}

static bool
norwegian_read(const struct view *v, const uint8_t *p, struct norwegian_number *ret)
{
	int day = (int)digits_value(p, 2), month = (int)digits_value(p + 2, 2);
	unsigned r1, r2;

	norway_residues(p, &r1, &r2);
	if (r2 != 0 || r1 > 3)
		return false;
	ret->new_rule = r1 != 0;
	ret->kind = FNR;
	if (p[0] >= '8') {
		ret->kind = FH;
		return r1 == 0;
	}
	if (day > 40) {
		day -= 40;
		ret->kind = DNR;
	}
	if (month > 40) {
		ret->kind = month > 65 ? SYNTHETIC : HNR;
		month -= month > 80 ? 80 : month > 65 ? 65 : 40;
	}
	/* H- and synthetic numbers follow today's rule: nobody has said otherwise. */
	if (ret->new_rule && ret->kind != FNR && ret->kind != DNR)
		return false;
	return norwegian_birth(v, p, day, month, ret->new_rule);
}

static void
norwegian(const struct view *v, size_t end, enum norwegian kind, struct readings *out)
{
	struct norwegian_number number;
	struct levels levels = LEVELS(LOW, MEDIUM, HIGH);
	struct shaped s;

	if (!shape_number(v, end, "dddddd_ddddd", &s) || !norwegian_read(v, s.value, &number) ||
		number.kind != kind)
		return;
	/* Without a date in it one in 120 passes by accident; and numbers that
	 * nobody has yet pass four times as often. */
	if (kind == FH)
		levels = LEVELS(NONE, LOW, HIGH);
	else if (number.new_rule && v->today.year < 2032)
		levels = LEVELS(NONE, LOW, MEDIUM);
	readings_add(out, s.begin, end, levels, s.value, s.n);
}

void
fnr_no_validate(const struct view *v, size_t end, struct readings *out)
{
	norwegian(v, end, FNR, out);
}

void
dnr_no_validate(const struct view *v, size_t end, struct readings *out)
{
	norwegian(v, end, DNR, out);
}

void
hnr_no_validate(const struct view *v, size_t end, struct readings *out)
{
	norwegian(v, end, HNR, out);
}

void
fh_no_validate(const struct view *v, size_t end, struct readings *out)
{
	norwegian(v, end, FH, out);
}

void
fnr_no_synthetic_validate(const struct view *v, size_t end, struct readings *out)
{
	norwegian(v, end, SYNTHETIC, out);
}

/* ---- Denmark ---- */

static int
cpr_year(unsigned yy, unsigned seven)
{
	if (seven <= 3)
		return 1900 + (int)yy;
	if (seven == 4 || seven == 9)
		return (yy <= 36 ? 2000 : 1900) + (int)yy;
	return (yy <= 57 ? 2000 : 1800) + (int)yy;
}

static void
add_with_hyphen(struct readings *out, const struct shaped *s, size_t end, struct levels levels)
{
	uint8_t norm[11];

	memcpy(norm, s->value, 6);
	norm[6] = '-';
	memcpy(norm + 7, s->value + 6, 4);
	readings_add(out, s->begin, end, levels, norm, sizeof(norm));
}

/* No remainder may reject, so that the context has to carry it. */
void
cpr_dk_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	int day;

	if (!shape_number(v, end, "dddddd_dddd", &s))
		return;
	day = (int)digits_value(s.value, 2);
	if (!is_past_date(cpr_year(digits_value(s.value + 4, 2), s.value[6] - '0'),
		    (int)digits_value(s.value + 2, 2), day > 60 ? day - 60 : day, v->today))
		return;
	add_with_hyphen(out, &s, end,
		cpr_remainder(s.value) == 0 ? LEVELS(NONE, NONE, HIGH)
					    : LEVELS(NONE, NONE, MEDIUM));
}

void
ecpr_dk_validate(const struct view *v, size_t end, struct readings *out)
{
	static const struct {
		uint8_t sign;
		int century;
	} centuries[] = {{'0', 1900}, {'1', 1900}, {'5', 1800}, {'6', 2000}, {'7', 2000}};
	struct shaped s;

	if (!shape_number(v, end, "dddddd-dAAd", &s))
		return;
	for (size_t i = 0; i < ARRAY_LEN(centuries); i++)
		if (centuries[i].sign == s.value[6] &&
			is_past_date(centuries[i].century + (int)digits_value(s.value + 4, 2),
				(int)digits_value(s.value + 2, 2), (int)digits_value(s.value, 2),
				v->today))
			readings_add(out, s.begin, end, LEVELS(LOW, MEDIUM, HIGH), s.value, s.n);
}

/* ---- Finland ---- */

static int
hetu_century(uint8_t sign)
{
	if (sign == '+')
		return 1800;
	if (sign != '\0' && strchr("-YXWVU", sign) != NULL)
		return 1900;
	return sign >= 'A' && sign <= 'F' ? 2000 : 0;
}

void
hetu_fi_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	struct shaped serial, date;
	uint8_t nine[9], norm[11], check, sign;
	int century;

	/* The sign is one of many, so the shape is read in two halves. */
	if (end < 11 || !shape_read(t, end - 1, "ddd", &serial) || !may_end(t, end) ||
		!shape_read(t, end - 5, "dddddd", &date))
		return;
	sign = t.p[end - 5];
	sign = sign >= 'a' && sign <= 'z' ? (uint8_t)(sign - 32) : sign;
	check = t.p[end - 1];
	check = check >= 'a' && check <= 'z' ? (uint8_t)(check - 32) : check;
	century = hetu_century(sign);
	memcpy(nine, date.value, 6);
	memcpy(nine + 6, serial.value, 3);
	if (century == 0 || digits_value(nine + 6, 3) < 2 || hetu_check(nine) != check ||
		!is_past_date(century + (int)digits_value(nine + 4, 2),
			(int)digits_value(nine + 2, 2), (int)digits_value(nine, 2), v->today) ||
		(date.begin == 0 && v->cut) || !may_begin(t, date.begin, false))
		return;
	memcpy(norm, nine, 6);
	norm[6] = sign;
	memcpy(norm + 7, nine + 6, 3);
	norm[10] = check;
	readings_add(out, date.begin, end, LEVELS(HIGH, HIGH, HIGH), norm, sizeof(norm));
}

/* ---- Iceland ---- */

/* Numbers given since 2026-02-18 have no check digit: it only raises the level. */
void
kennitala_is_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	unsigned day;
	int century;

	if (!shape_number(v, end, "dddddd_dddd", &s))
		return;
	if (s.value[0] >= '8') { /* a system number holds no date */
		add_with_hyphen(out, &s, end, LEVELS(NONE, NONE, MEDIUM));
		return;
	}
	if (s.value[9] != '8' && s.value[9] != '9' && s.value[9] != '0')
		return;
	century = s.value[9] == '0' ? 2000 : s.value[9] == '9' ? 1900 : 1800;
	day = digits_value(s.value, 2);
	if (!is_past_date(century + (int)digits_value(s.value + 4, 2),
		    (int)digits_value(s.value + 2, 2), (int)(day > 40 ? day - 40 : day), v->today))
		return;
	add_with_hyphen(out, &s, end,
		kennitala_check(s.value) == (unsigned)(s.value[8] - '0')
			? LEVELS(NONE, NONE, HIGH)
			: LEVELS(NONE, NONE, MEDIUM));
}
