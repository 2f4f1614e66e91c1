/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/swedish.h"

#include "inspectors/detect/characters.h"
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/documents.h"
#include "inspectors/detect/shapes.h"

int
century_for(unsigned yy, bool plus, struct civil_date today,
	bool (*accept)(int year, const void *ctx), const void *ctx)
{
	/* With '+' those of a hundred years and more come first; each youngest first. */
	for (int turn = plus ? 0 : 1; turn < 2; turn++)
		for (int year = 2000 + (int)yy; year >= 1800; year -= 100)
			if ((turn == 1 || today.year - year >= 100) && accept(year, ctx))
				return year;
	return 0;
}

/* A person number as it is written; offsets are of its first and last groups. */
struct spelling {
	size_t date, last; /* of YYMMDD's first digit and of NNNC */
	bool century;      /* two digits before `date` belong to it */
	bool plus, grouped, spaced;
	uint8_t ten[10];
};

/* What stands between date and number: nothing, a space, or a sign in spaces. */
static void
take_sign(struct bytes t, size_t *at, struct spelling *s)
{
	size_t i = *at;
	bool space = i > 0 && t.p[i - 1] == ' ';

	i -= space;
	if (i > 0 && (t.p[i - 1] == '-' || t.p[i - 1] == '+')) {
		i--;
		s->plus = t.p[i] == '+';
		if (i > 0 && t.p[i - 1] == ' ') {
			i--;
			space = true;
		}
	}
	s->spaced = space;
	*at = i;
}

static uint8_t
take_inner(struct bytes t, size_t *at)
{
	if (*at == 0 || (t.p[*at - 1] != ' ' && t.p[*at - 1] != '-'))
		return 0;
	return t.p[--*at];
}

/* Parse backwards from the end; false where it isn't one of the spellings. */
static bool
spell(struct bytes t, size_t end, struct spelling *s)
{
	uint8_t a, b;
	size_t at = end;

	*s = (struct spelling){0};
	if (!take_digits(t, &at, 4, s->ten + 6))
		return false;
	s->last = at;
	take_sign(t, &at, s);
	if (!take_digits(t, &at, 2, s->ten + 4))
		return false;
	b = take_inner(t, &at);
	if (!take_digits(t, &at, 2, s->ten + 2))
		return false;
	a = take_inner(t, &at);
	if (a != b || !take_digits(t, &at, 2, s->ten))
		return false;
	s->grouped = a != 0;
	s->date = at;
	return true;
}

/* A candidate with a space in it may not stand in a row of number groups. */
static bool
in_a_row(struct bytes t, size_t begin, size_t end)
{
	if (begin > 0 && ascii_is_digit(t.p[begin - 1]))
		return true;
	if (begin > 1 && t.p[begin - 1] == ' ' && ascii_is_digit(t.p[begin - 2]))
		return true;
	return end < t.n && t.p[end] == ' ' && digit_at(t, end + 1);
}

struct birth {
	unsigned month, day;
	struct civil_date today;
};

static bool
birth_accept(int year, const void *ctx)
{
	const struct birth *b = ctx;

	if (b->day >= 60 && b->day <= 91)
		return b->month <= 12 && year <= b->today.year;
	return is_past_date(year, (int)b->month, (int)b->day, b->today);
}

/* The full year, or 0 where the number isn't valid with this century. */
static int
year_of(const struct view *v, const struct spelling *s)
{
	struct birth b = {digits_value(s->ten + 2, 2), digits_value(s->ten + 4, 2), v->today};
	int year;

	if (!s->century)
		return century_for(digits_value(s->ten, 2), s->plus, v->today, birth_accept, &b);
	year = (int)digits_value(v->text.p + s->date - 2, 4);
	return year >= 1800 && year <= 2099 && birth_accept(year, &b) ? year : 0;
}

static struct levels
levels_of(const struct view *v, const struct spelling *s, int year)
{
	bool bare = !s->grouped && s->date + 6 == s->last;
	unsigned hour = digits_value(s->ten + 6, 2), minute = digits_value(s->ten + 8, 2);

	/* Ten digits that begin with 0 are a telephone number until told otherwise. */
	if (bare && !s->century && v->text.p[s->date] == '0')
		return (struct levels){CONFIDENCE_NONE, CONFIDENCE_NONE, CONFIDENCE_HIGH};
	if (s->spaced || s->grouped || (bare && !s->century))
		return (struct levels){CONFIDENCE_NONE, CONFIDENCE_LOW, CONFIDENCE_HIGH};
	if (bare && hour < 24 && minute < 60 && year >= 1990)
		return (struct levels){CONFIDENCE_NONE, CONFIDENCE_LOW, CONFIDENCE_HIGH};
	return (struct levels){CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH};
}

static void
put_year(uint8_t to[4], int year)
{
	for (int i = 3; i >= 0; i--, year /= 10)
		to[i] = (uint8_t)('0' + year % 10);
}

static bool
read_as(const struct view *v, size_t end, const struct spelling *s, struct readings *out)
{
	size_t begin = s->date - (s->century ? 2 : 0);
	uint8_t norm[12];
	int year;

	if ((begin == 0 && v->cut) || !may_begin(v->text, begin, true) ||
		((s->spaced || s->grouped) && in_a_row(v->text, begin, end)))
		return false;
	year = year_of(v, s);
	if (year == 0)
		return false;
	put_year(norm, year);
	memcpy(norm + 4, s->ten + 2, 8);
	readings_add(out, begin, end, levels_of(v, s, year), norm, sizeof(norm));
	return true;
}

static void
swedish(const struct view *v, size_t end, bool coordination, struct readings *out)
{
	struct spelling s;
	unsigned day;

	if (!may_end(v->text, end) || !spell(v->text, end, &s))
		return;
	day = digits_value(s.ten + 4, 2);
	if ((day >= 60 && day <= 91) != coordination || digits_value(s.ten + 6, 3) == 0 ||
		!luhn_ok(s.ten, 10))
		return;
	/* The longest form first. */
	s.century = s.date >= 2 && ascii_is_digit(v->text.p[s.date - 1]) &&
		ascii_is_digit(v->text.p[s.date - 2]);
	if (s.century && read_as(v, end, &s, out))
		return;
	s.century = false;
	(void)read_as(v, end, &s, out);
}

/*
 * Digits that another identifier holds, and that are a person's too: a sole
 * trader's VAT number, the optional field of a passport. What is round them
 * has been checked, so that no context is needed.
 */
static void
swedish_inside(const struct view *v, size_t begin, const uint8_t *digits, size_t n,
	bool coordination, struct readings *out)
{
	struct spelling s = {.century = n == 12, .date = begin + (n == 12 ? 2 : 0)};
	uint8_t norm[12];
	unsigned day;
	int year;

	memcpy(s.ten, digits + n - 10, 10);
	day = digits_value(s.ten + 4, 2);
	if ((day >= 60 && day <= 91) != coordination || digits_value(s.ten + 6, 3) == 0 ||
		!luhn_ok(s.ten, 10))
		return;
	year = year_of(v, &s);
	if (year == 0)
		return;
	put_year(norm, year);
	memcpy(norm + 4, s.ten + 2, 8);
	n += v->text.p[begin + 6] == '-';
	readings_add(out, begin, begin + n, LEVELS(HIGH, HIGH, HIGH), norm, sizeof(norm));
}

static void
swedish_anywhere(const struct view *v, size_t end, bool coordination, struct readings *out)
{
	struct shaped s;
	size_t begin, n;

	swedish(v, end, coordination, out);
	if (out->n > 0)
		return;
	if (vat_se_read(v, end, &s)) {
		/* The ten digits, with a hyphen perhaps, begin behind SE and a separator. */
		begin = s.begin + 2 + !digit_at(v->text, s.begin + 2);
		swedish_inside(v, begin, s.value + 2, 10, coordination, out);
	} else if (mrz_se_option(v, end, &begin, &n)) {
		swedish_inside(v, begin, v->text.p + begin, n, coordination, out);
	}
}

void
personnummer_validate(const struct view *v, size_t end, struct readings *out)
{
	swedish_anywhere(v, end, false, out);
}

void
samordningsnummer_validate(const struct view *v, size_t end, struct readings *out)
{
	swedish_anywhere(v, end, true, out);
}

static bool
interim_accept(int year, const void *ctx)
{
	const struct birth *b = ctx;

	return is_past_date(year, (int)b->month, (int)b->day, b->today);
}

/* 4.3: YYMMDD-Tnnn; the letter counts as 1 in Luhn. */
void
interimsnummer_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	struct birth b = {.today = v->today};
	uint8_t ten[10], letter;
	size_t at = end;
	bool plus = false, full;
	uint8_t norm[12];
	int year;

	if (!may_end(t, end) || !take_digits(t, &at, 3, ten + 7) || at == 0 ||
		strchr("TRSUWXJKLMN", letter = t.p[at - 1]) == NULL)
		return;
	ten[6] = '1';
	at--;
	if (at > 0 && (t.p[at - 1] == '-' || t.p[at - 1] == '+'))
		plus = t.p[--at] == '+';
	if (!take_digits(t, &at, 6, ten) || !luhn_ok(ten, 10))
		return;
	b.month = digits_value(ten + 2, 2);
	b.day = digits_value(ten + 4, 2);
	full = at >= 2 && ascii_is_digit(t.p[at - 1]) && ascii_is_digit(t.p[at - 2]);
	at -= full ? 2 : 0;
	year = full ? (int)digits_value(t.p + at, 4)
		    : century_for(digits_value(ten, 2), plus, v->today, interim_accept, &b);
	if ((at == 0 && v->cut) || !may_begin(t, at, false) || year < 1800 || year > 2099 ||
		!interim_accept(year, &b))
		return;
	put_year(norm, year);
	memcpy(norm + 4, ten + 2, 8);
	norm[8] = letter;
	readings_add(out, at, end,
		(struct levels){CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH}, norm,
		sizeof(norm));
}
