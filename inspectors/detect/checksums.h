/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHECKSUMS_H
#define SLUSS_CHECKSUMS_H

/**
 * @file
 * The checksums of the identifier specification, section 3, and dates.
 * Digits are ASCII; callers have checked that they are digits.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"
#include "inspectors/detect/detect.h"

/** 3.1: the check digit (0-9) that belongs behind @p n digits. */
unsigned luhn_check(const uint8_t *digits, size_t n);
/** Does the last of @p n digits (n >= 2) check the others? */
bool luhn_ok(const uint8_t *digits, size_t n);
/** 3.2: over eleven digits and capitals. */
unsigned nrid_check(const uint8_t *eleven);
/** 3.3: residues of an eleven-digit number; r1 needs 10 digits, r2 needs 11. */
void norway_residues(const uint8_t *eleven, unsigned *ret_r1, unsigned *ret_r2);
/** 3.4: remainder of ten digits. */
unsigned cpr_remainder(const uint8_t *ten);
/** 3.5: control character over nine digits. */
uint8_t hetu_check(const uint8_t *nine);
/** 3.6: check digit over eight digits; 10 where there is none. */
unsigned kennitala_check(const uint8_t *eight);
/** 3.7: remainder of A-Z and 0-9, in this order, modulo 97. */
unsigned mod97(const uint8_t *p, size_t n);
/** 3.8: check digit over A-Z, 0-9 and '<'. */
unsigned mrz_check(const uint8_t *p, size_t n);

/** The number that @p n (at most 9) digits write. */
unsigned digits_value(const uint8_t *digits, size_t n);
/** Is it a day of the Gregorian calendar? */
bool is_date(int year, int month, int day);
/** Is it one, and not after @p today? */
bool is_past_date(int year, int month, int day, struct civil_date today);

#endif
