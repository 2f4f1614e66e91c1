/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/detect/characters.h"

static bool
continuation(uint8_t c)
{
	return (c & 0xC0) == 0x80;
}

uint32_t
character_at(struct bytes text, size_t i, size_t *ret_len)
{
	const uint8_t *p = text.p + i;
	size_t left = text.n - i;

	*ret_len = 1;
	if (p[0] < 0x80)
		return p[0];
	if (p[0] >= 0xC2 && p[0] < 0xE0 && left > 1 && continuation(p[1])) {
		*ret_len = 2;
		return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
	}
	if (p[0] >= 0xE0 && p[0] < 0xF0 && left > 2 && continuation(p[1]) && continuation(p[2])) {
		*ret_len = 3;
		return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
	}
	if (p[0] >= 0xF0 && p[0] < 0xF5 && left > 3 && continuation(p[1]) && continuation(p[2]) &&
		continuation(p[3])) {
		*ret_len = 4;
		return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 |
			(p[3] & 0x3Fu);
	}
	return CHARACTER_BAD;
}

uint32_t
character_before(struct bytes text, size_t i, size_t *ret_len)
{
	size_t start = i - 1, len;
	uint32_t cp;

	if (text.p[start] < 0x80) {
		*ret_len = 1;
		return text.p[start];
	}
	while (start > 0 && i - start < 4 && continuation(text.p[start]))
		start--;
	cp = character_at(bytes_of(text.p, i), start, &len);
	if (start + len == i) {
		*ret_len = len;
		return cp;
	}
	*ret_len = 1;
	return CHARACTER_BAD;
}

bool
is_letter(uint32_t cp)
{
	if (cp < 0x80)
		return (cp | 0x20) >= 'a' && (cp | 0x20) <= 'z';
	return (cp >= 0xC0 && cp <= 0x2AF && cp != 0xD7 && cp != 0xF7) ||
		(cp >= 0x370 && cp <= 0x52F);
}

static bool
is_word(uint32_t cp)
{
	return (cp >= '0' && cp <= '9') || is_letter(cp);
}

bool
word_before(struct bytes text, size_t i)
{
	size_t len;

	return i > 0 && is_word(character_before(text, i, &len));
}

bool
word_at(struct bytes text, size_t i)
{
	size_t len;

	return i < text.n && is_word(character_at(text, i, &len));
}

static bool
is_alnum(uint8_t c)
{
	return ascii_is_digit(c) || (c < 0x80 && is_letter(c));
}

bool
alnum_before(struct bytes text, size_t i)
{
	return i > 0 && is_alnum(text.p[i - 1]);
}

bool
alnum_at(struct bytes text, size_t i)
{
	return i < text.n && is_alnum(text.p[i]);
}

bool
digit_at(struct bytes text, size_t i)
{
	return i < text.n && ascii_is_digit(text.p[i]);
}

/* Is the whole run of letters before i a word that may touch a number? */
static bool
glue_word_before(struct bytes text, size_t i)
{
	static const char *const words[] = {
		"pnr", "personnr", "personnummer", "pid", "ssn", "snr", "samordningsnummer"};
	size_t start = i, len;

	while (start > 0 && is_letter(character_before(text, start, &len)))
		start -= len;
	if (start > 0 && ascii_is_digit(text.p[start - 1]))
		return false;
	for (size_t w = 0; w < ARRAY_LEN(words); w++)
		if (bytes_equal_nocase(bytes_of(text.p + start, i - start), bytes_str(words[w])))
			return true;
	return false;
}

bool
may_begin(struct bytes text, size_t i, bool glued)
{
	size_t len;
	uint32_t cp;

	if (i == 0)
		return true;
	cp = character_before(text, i, &len);
	if ((cp >= '0' && cp <= '9') || cp == '+')
		return false;
	if (is_letter(cp))
		return glued && glue_word_before(text, i);
	if (cp == '.' || cp == '-')
		return !(i >= 2 && ascii_is_digit(text.p[i - 2]));
	return true;
}

static bool
is_hex(uint8_t c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* The second half of a UUID: -hhhh-hhhh-hhhhhhhhhhhh and no further digit. */
static bool
uuid_tail_at(struct bytes text, size_t j)
{
	static const char shape[] = "-hhhh-hhhh-hhhhhhhhhhhh";
	size_t n = sizeof(shape) - 1;

	if (text.n - j < n)
		return false;
	for (size_t k = 0; k < n; k++)
		if (shape[k] == '-' ? text.p[j + k] != '-' : !is_hex(text.p[j + k]))
			return false;
	return j + n == text.n || !is_hex(text.p[j + n]);
}

bool
may_end(struct bytes text, size_t j)
{
	uint8_t c;

	if (j >= text.n)
		return true;
	c = text.p[j];
	if (word_at(text, j))
		return false;
	if ((c == '-' || c == '+' || c == '.') && digit_at(text, j + 1))
		return false;
	return !uuid_tail_at(text, j);
}

size_t
characters_back(struct bytes text, size_t i, unsigned chars)
{
	size_t len;

	for (; chars > 0 && i > 0; chars--) {
		len = 1;
		if (text.p[i - 1] >= 0x80)
			(void)character_before(text, i, &len);
		i -= len;
	}
	return i;
}

size_t
characters_on(struct bytes text, size_t i, unsigned chars)
{
	size_t len;

	for (; chars > 0 && i < text.n; chars--) {
		len = 1;
		if (text.p[i] >= 0x80)
			(void)character_at(text, i, &len);
		i += len;
	}
	return i;
}

void
lower_copy(uint8_t *to, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = from[i];

		if (i > 0 && from[i - 1] == 0xC3 && c >= 0x80 && c <= 0x9E && c != 0x97)
			to[i] = (uint8_t)(c + 0x20);
		else
			to[i] = ascii_lower(c);
	}
}
