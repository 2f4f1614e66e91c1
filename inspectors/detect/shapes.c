/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/shapes.h"

#include "inspectors/detect/characters.h"

static bool
is_capital(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_nrid_letter(uint8_t c)
{
	return is_capital(c) && strchr("IOQVW", c) == NULL;
}

static bool
in_class(uint8_t c, char kind)
{
	switch (kind) {
	case 'd':
		return ascii_is_digit(c);
	case 'A':
		return is_capital(c);
	case 'a':
		return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
	case 'X':
		return is_capital(c) || ascii_is_digit(c);
	case 'N':
		return is_nrid_letter(c);
	case 'G':
		return is_nrid_letter(c) || ascii_is_digit(c);
	case 'V':
		return (is_capital(c) && c != 'V') || (c >= '1' && c <= '9');
	case '=':
		return c == '-';
	default:
		return c == (uint8_t)kind;
	}
}

static bool
optional(char kind)
{
	return kind == '-' || kind == '_' || kind == '~';
}

static bool
separates(uint8_t c, char kind)
{
	return (c == '-' && kind != '~') || (c == ' ' && kind != '-');
}

bool
shape_read(struct bytes text, size_t end, const char *shape, struct shaped *ret)
{
	uint8_t back[SHAPE_MAX];
	size_t at = end;

	ret->n = 0;
	for (size_t k = strlen(shape); k-- > 0;) {
		uint8_t c = at > 0 ? text.p[at - 1] : 0;

		if (optional(shape[k])) {
			at -= at > 0 && separates(c, shape[k]);
			continue;
		}
		if (at == 0 || ret->n == SHAPE_MAX || !in_class(c, shape[k]))
			return false;
		at--;
		if (c == ' ' || c == '-')
			continue;
		back[ret->n++] = shape[k] == 'a' && c >= 'a' ? (uint8_t)(c - 32) : c;
	}
	for (unsigned i = 0; i < ret->n; i++)
		ret->value[i] = back[ret->n - 1 - i];
	ret->begin = at;
	return true;
}

bool
shape_number(const struct view *v, size_t end, const char *shape, struct shaped *ret)
{
	return shape_read(v->text, end, shape, ret) && !(ret->begin == 0 && v->cut) &&
		may_end(v->text, end) && may_begin(v->text, ret->begin, false);
}

bool
shape_word(const struct view *v, size_t end, const char *shape, struct shaped *ret)
{
	return shape_read(v->text, end, shape, ret) && !(ret->begin == 0 && v->cut) &&
		!alnum_at(v->text, end) && !alnum_before(v->text, ret->begin);
}

bool
take_digits(struct bytes text, size_t *at, size_t n, uint8_t *to)
{
	if (*at < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_digit(text.p[*at - n + i]))
			return false;
		to[i] = text.p[*at - n + i];
	}
	*at -= n;
	return true;
}
