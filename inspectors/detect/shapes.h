/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SHAPES_H
#define SLUSS_SHAPES_H

/**
 * @file
 * Reading a fixed shape backwards from where a candidate ended.
 *
 * A shape is a string of classes:
 *   d  digit                     A  A-Z
 *   a  A-Z, either case          X  A-Z or digit
 *   N  NRID letter (A-Z without I O Q V W)
 *   G  digit or NRID letter      V  A-Z without V, or 1-9
 *   -  perhaps a hyphen          _  perhaps a hyphen or a space
 *   ~  perhaps a space           =  a hyphen
 * a space is a space, and any other character stands for itself. Hyphens and
 * spaces are no part of the value.
 */

#include "inspectors/detect/validators.h"

enum { SHAPE_MAX = 32 };

struct shaped {
	size_t begin;             /* in the view */
	unsigned n;               /* characters in value */
	uint8_t value[SHAPE_MAX]; /* without separators; `a` in upper case */
};

/** Does text[…, end) have the shape? Looks at no boundary. */
bool shape_read(struct bytes text, size_t end, const char *shape, struct shaped *ret);

/** The same for a number that may begin and end where it does (2.3). */
bool shape_number(const struct view *v, size_t end, const char *shape, struct shaped *ret);

/** The same, where only ASCII letters and digits may not touch it. */
bool shape_word(const struct view *v, size_t end, const char *shape, struct shaped *ret);

/** @p n digits that end at *at, copied to @p to; *at moves to their beginning. */
bool take_digits(struct bytes text, size_t *at, size_t n, uint8_t *to);

/** Levels that many validators use. */
#define LEVELS(negative, none, positive)                                                           \
	((struct levels){CONFIDENCE_##negative, CONFIDENCE_##none, CONFIDENCE_##positive})

#endif
