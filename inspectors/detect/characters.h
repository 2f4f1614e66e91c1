/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHARACTERS_H
#define SLUSS_CHARACTERS_H

/**
 * @file
 * Characters of folded UTF-8 text, and where a number may begin and end
 * (identifier specification, 2.3).
 */

#include <stdbool.h>

#include "inspectors/bytes.h"

/** A code point that stands for a byte which is no valid UTF-8. */
#define CHARACTER_BAD 0xFFFFFFFFu

/** The character that ends before @p i (> 0), and how many bytes it has. */
uint32_t character_before(struct bytes text, size_t i, size_t *ret_len);
/** The character at @p i (< text.n), and how many bytes it has. */
uint32_t character_at(struct bytes text, size_t i, size_t *ret_len);

/** a-z, A-Z, U+00C0-U+02AF without the two signs, Greek and Cyrillic. */
bool is_letter(uint32_t cp);

/** Is there a letter or an ASCII digit just before @p i, or at @p i? */
bool word_before(struct bytes text, size_t i);
bool word_at(struct bytes text, size_t i);
/** Is there [A-Za-z0-9] just before @p i, or at @p i? */
bool alnum_before(struct bytes text, size_t i);
bool alnum_at(struct bytes text, size_t i);
/** Is there an ASCII digit at @p i? */
bool digit_at(struct bytes text, size_t i);

/** May a number begin at @p i? @p glued: words such as "pnr" may touch it. */
bool may_begin(struct bytes text, size_t i, bool glued);
/** May a number end before @p j? */
bool may_end(struct bytes text, size_t j);

/** The start of the window of @p chars characters that ends before @p i. */
size_t characters_back(struct bytes text, size_t i, unsigned chars);
/** The end of the window of @p chars characters that begins at @p i. */
size_t characters_on(struct bytes text, size_t i, unsigned chars);

/** Copy in lower case: ASCII, and U+00C0-U+00DE. Same length. */
void lower_copy(uint8_t *to, const uint8_t *from, size_t n);

#endif
