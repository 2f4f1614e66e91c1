/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Money (identifier specification, section 8). */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/checksums.h"
#include "inspectors/detect/shapes.h"

/* Issuer ranges: the first digits, and how many digits the number has. */
static const struct issuer {
	uint32_t low, high; /* both written with `digits` digits */
	uint8_t digits, least, most;
} issuers[] = {
	{51, 55, 2, 16, 16},         /* Mastercard */
	{2221, 2720, 4, 16, 16},     /* Mastercard */
	{34, 34, 2, 15, 15},         /* Amex */
	{37, 37, 2, 15, 15},         /* Amex */
	{6011, 6011, 4, 16, 19},     /* Discover */
	{644, 649, 3, 16, 19},       /* Discover */
	{65, 65, 2, 16, 19},         /* Discover */
	{622126, 622925, 6, 16, 19}, /* Discover */
	{3528, 3589, 4, 16, 19},     /* JCB */
	{300, 305, 3, 14, 19},       /* Diners */
	{3095, 3095, 4, 14, 19},     /* Diners */
	{36, 36, 2, 14, 19},         /* Diners */
	{38, 39, 2, 14, 19},         /* Diners */
	{62, 62, 2, 16, 19},         /* UnionPay */
	{50, 50, 2, 12, 19},         /* Maestro */
	{56, 58, 2, 12, 19},         /* Maestro */
	{63, 63, 2, 12, 19},         /* Maestro */
	{67, 67, 2, 12, 19},         /* Maestro */
};

static bool
is_issued(const uint8_t *digits, size_t n)
{
	if (digits[0] == '4')
		return n == 13 || n == 16 || n == 19; /* Visa */
	for (size_t i = 0; i < ARRAY_LEN(issuers); i++) {
		const struct issuer *k = &issuers[i];
		unsigned head = digits_value(digits, k->digits);

		if (head >= k->low && head <= k->high && n >= k->least && n <= k->most)
			return true;
	}
	return false;
}

static bool
is_card(const uint8_t *digits, size_t n)
{
	bool varied = false;

	for (size_t i = 1; i < n; i++)
		varied |= digits[i] != digits[0];
	return varied && is_issued(digits, n) && luhn_ok(digits, n);
}

/* "SE45 " before it: the groups are an IBAN's. */
static bool
follows_iban_head(struct bytes t, size_t begin)
{
	if (begin > 0 && t.p[begin - 1] == ' ')
		begin--;
	return begin >= 3 && ascii_is_digit(t.p[begin - 1]) && ascii_is_digit(t.p[begin - 2]) &&
		t.p[begin - 3] < 0x80 && is_letter(t.p[begin - 3]);
}

/* How cards are grouped in print, by the last group and what stands before it. */
static const struct grouping {
	uint8_t last;
	char separator;
	const char *shape;
} groupings[] = {
	{4, ' ', "dddd dddd dddd dddd"},
	{4, '=', "dddd=dddd=dddd=dddd"},
	{5, ' ', "dddd dddddd ddddd"},
	{5, '=', "dddd=dddddd=ddddd"},
	{3, ' ', "dddd dddd dddd dddd ddd"},
	{4, ' ', "dddd dddddd dddd"},
};

/* Groups may not stand in a longer row of number groups. */
static bool
in_row(struct bytes t, size_t begin, size_t end)
{
	return (begin > 1 && t.p[begin - 1] == ' ' && ascii_is_digit(t.p[begin - 2])) ||
		(end < t.n && t.p[end] == ' ' && digit_at(t, end + 1));
}

static bool
grouped_card(const struct view *v, size_t end, size_t last, struct shaped *s)
{
	char before = last < end ? (char)v->text.p[end - last - 1] : '\0';

	before = before == '-' ? '=' : before;
	for (size_t i = 0; i < ARRAY_LEN(groupings); i++)
		if (groupings[i].last == last && groupings[i].separator == before &&
			shape_number(v, end, groupings[i].shape, s))
			return before != ' ' || !in_row(v->text, s->begin, end);
	return false;
}

void
card_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	size_t begin = end, last;

	while (begin > 0 && end - begin < 20 && ascii_is_digit(v->text.p[begin - 1]))
		begin--;
	last = end - begin;
	/* Twelve digits are Maestro's least, but too many other things. */
	if (last >= 13 && last <= 19) {
		if ((begin == 0 && v->cut) || !may_begin(v->text, begin, false) ||
			!may_end(v->text, end))
			return;
		s.begin = begin;
		s.n = (unsigned)last;
		memcpy(s.value, v->text.p + begin, s.n);
	} else if (!grouped_card(v, end, last, &s)) {
		return;
	}
	if (is_card(s.value, s.n) && !follows_iban_head(v->text, s.begin))
		readings_add(out, s.begin, end, LEVELS(MEDIUM, HIGH, HIGH), s.value, s.n);
}

void
iban_se_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;
	uint8_t turned[24];

	if (end < 24 || (v->text.p[end - 5] != ' ' && !ascii_is_digit(v->text.p[end - 5])))
		return;
	if (!shape_word(v, end, "aadddddddddddddddddddddd", &s) &&
		!shape_word(v, end, "aadd dddd dddd dddd dddd dddd", &s))
		return;
	if (memcmp(s.value, "SE", 2) != 0)
		return;
	memcpy(turned, s.value + 4, 20);
	memcpy(turned + 20, s.value, 4);
	if (mod97(turned, sizeof(turned)) == 1)
		readings_add(out, s.begin, end, LEVELS(HIGH, HIGH, HIGH), s.value, s.n);
}

/* A giro number counts only with its name shortly before it. */
static void
add_giro(struct readings *out, size_t begin, size_t end, const uint8_t *digits, size_t n,
	size_t tail)
{
	uint8_t norm[16];
	struct reading *r;

	memcpy(norm, digits, n - tail);
	norm[n - tail] = '-';
	memcpy(norm + n - tail + 1, digits + n - tail, tail);
	r = readings_add(out, begin, end, LEVELS(NONE, NONE, HIGH), norm, n + 1);
	if (r != NULL) {
		r->before = 24;
		r->after = 0;
	}
}

void
bankgiro_validate(const struct view *v, size_t end, struct readings *out)
{
	struct shaped s;

	if ((shape_number(v, end, "dddd-dddd", &s) || shape_number(v, end, "ddd-dddd", &s)) &&
		luhn_ok(s.value, s.n))
		add_giro(out, s.begin, end, s.value, s.n, 4);
}

/* Pairs from the right, or one run; a hyphen before the check digit. */
static void
plusgiro_ending(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	uint8_t back[8], digits[8];
	size_t at = end, n = 0;
	bool spaced = false;

	if (!may_end(t, end) || end < 3 || !digit_at(t, end - 1) || t.p[end - 2] != '-')
		return;
	back[n++] = t.p[end - 1];
	for (at = end - 2; at > 0 && n < sizeof(back); at--) {
		if (ascii_is_digit(t.p[at - 1])) {
			back[n++] = t.p[at - 1];
		} else if (t.p[at - 1] == ' ' && n % 2 == 1 && n > 1 && at > 1 &&
			ascii_is_digit(t.p[at - 2]) && (spaced || n == 3)) {
			spaced = true;
		} else {
			break;
		}
	}
	if (n < 2 || (at == 0 && v->cut) || !may_begin(t, at, false) ||
		(at > 1 && t.p[at - 1] == ' ' && ascii_is_digit(t.p[at - 2])))
		return;
	for (size_t i = 0; i < n; i++)
		digits[i] = back[n - 1 - i];
	if (luhn_ok(digits, n))
		add_giro(out, at, end, digits, n, 1);
}

/*
 * Its name announces it: "digit, hyphen, digit" alone would stop at every date.
 * The number begins within so many characters behind the name.
 */
void
plusgiro_validate(const struct view *v, size_t end, struct readings *out)
{
	enum { BEHIND = 24, LONGEST = 12 };
	size_t last = characters_on(v->text, end, BEHIND + LONGEST);

	for (size_t i = end + 3; i <= last; i++)
		if (v->text.p[i - 2] == '-' && ascii_is_digit(v->text.p[i - 1]))
			plusgiro_ending(v, i, out);
}
