/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/hide_numbers.h"

#include <stdbool.h>
#include <stddef.h>

#include "inspectors/bytes.h"

enum {
	SHOWN = 4, /* digits of an identifier */
	CARD_LEAST = 14, /* digits of a payment card; limits are shorter or longer */
	CARD_MOST = 16,
};

static size_t
digits_at(const char *p)
{
	size_t n = 0;

	while (ascii_is_digit((uint8_t)p[n]))
		n++;
	return n;
}

static bool
is_day(int day)
{
	/* 41 to 71: Norwegian D numbers; 60 to 91: Swedish coordination numbers. */
	return day >= 1 && day <= 91;
}

static int
two_digits(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* YYMMDD, YYYYMMDD or DDMMYY at the beginning of so many digits? */
static bool
begins_with_date(const char *p, size_t n)
{
	if (n == 12)
		p += 2;
	return two_digits(p + 2) <= 12 && (is_day(two_digits(p + 4)) || is_day(two_digits(p)));
}

/* The length of the number that the @p n digits at @p p begin; 0: it is none. */
static size_t
number_length(const char *p, size_t n)
{
	size_t more;

	if ((n >= CARD_LEAST && n <= CARD_MOST) ||
		(n >= 10 && n <= 12 && begins_with_date(p, n)))
		return n;
	if ((n != 6 && n != 8) || (p[n] != '-' && p[n] != '+' && p[n] != ' ' && p[n] != '_'))
		return 0;
	more = digits_at(p + n + 1);
	return more == 4 || more == 5 ? n + 1 + more : 0;
}

void
hide_numbers(char *line)
{
	while (*line != '\0') {
		size_t n = digits_at(line), length = n == 0 ? 0 : number_length(line, n);

		for (size_t i = SHOWN; i < length; i++)
			if (ascii_is_digit((uint8_t)line[i]))
				line[i] = '*';
		line += length > 0 ? length : n > 0 ? n : 1;
	}
}
