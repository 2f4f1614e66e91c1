/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/checksums.h"

unsigned
luhn_check(const uint8_t *digits, size_t n)
{
	static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = digits[n - 1 - i] - '0';

		sum += i % 2 == 0 ? doubled[d] : d;
	}
	return (10 - sum % 10) % 10;
}

bool
luhn_ok(const uint8_t *digits, size_t n)
{
	return n >= 2 && luhn_check(digits, n - 1) == (unsigned)(digits[n - 1] - '0');
}

unsigned
nrid_check(const uint8_t *eleven)
{
	unsigned sum = 0;

	for (size_t i = 0; i < 11; i++) {
		uint8_t c = eleven[10 - i];
		unsigned v = ascii_is_digit(c) ? (unsigned)(c - '0') : c;

		if (i % 2 == 0)
			v *= 2;
		for (; v > 0; v /= 10)
			sum += v % 10;
	}
	return (10 - sum % 10) % 10;
}

static unsigned
weighted(const uint8_t *digits, const uint8_t *weights, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (unsigned)(digits[i] - '0') * weights[i];
	return sum;
}

void
norway_residues(const uint8_t *eleven, unsigned *ret_r1, unsigned *ret_r2)
{
	static const uint8_t w1[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
	static const uint8_t w2[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};

	*ret_r1 = weighted(eleven, w1, sizeof(w1)) % 11;
	*ret_r2 = weighted(eleven, w2, sizeof(w2)) % 11;
}

unsigned
cpr_remainder(const uint8_t *ten)
{
	static const uint8_t w[] = {4, 3, 2, 7, 6, 5, 4, 3, 2, 1};

	return weighted(ten, w, sizeof(w)) % 11;
}

uint8_t
hetu_check(const uint8_t *nine)
{
	return (uint8_t) "0123456789ABCDEFHJKLMNPRSTUVWXY"[digits_value(nine, 9) % 31];
}

unsigned
kennitala_check(const uint8_t *eight)
{
	static const uint8_t w[] = {3, 2, 7, 6, 5, 4, 3, 2};

	return (11 - weighted(eight, w, sizeof(w)) % 11) % 11;
}

unsigned
mod97(const uint8_t *p, size_t n)
{
	unsigned r = 0;

	for (size_t i = 0; i < n; i++) {
		if (ascii_is_digit(p[i]))
			r = (r * 10 + (unsigned)(p[i] - '0')) % 97;
		else
			r = (r * 100 + (unsigned)(p[i] - 'A') + 10) % 97;
	}
	return r;
}

unsigned
mrz_check(const uint8_t *p, size_t n)
{
	static const uint8_t w[] = {7, 3, 1};
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = 0;

		if (ascii_is_digit(p[i]))
			v = p[i] - '0';
		else if (p[i] != '<')
			v = p[i] - 'A' + 10u;
		sum += v * w[i % 3];
	}
	return sum % 10;
}

unsigned
digits_value(const uint8_t *digits, size_t n)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(digits[i] - '0');
	return v;
}

bool
is_date(int year, int month, int day)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
		day <= days[month - 1] + (month == 2 && leap);
}

bool
is_past_date(int year, int month, int day, struct civil_date today)
{
	if (!is_date(year, month, day))
		return false;
	if (year != today.year)
		return year < today.year;
	if (month != today.month)
		return month < today.month;
	return day <= today.day;
}
