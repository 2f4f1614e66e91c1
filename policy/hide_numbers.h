/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HIDE_NUMBERS_H
#define SLUSS_HIDE_NUMBERS_H

/**
 * @file
 * Identifiers in what a program says of itself: paths, arguments and quoted
 * text in errors and warnings (invariant 5).
 *
 * For lines that are printed when no detectors are compiled yet. What comes
 * from traffic or scanned files goes through detect_mask_text() instead, which
 * hides far more.
 */

/**
 * Replace by '*', in place, the digits behind the first four of whatever is
 * written like a Nordic person's number (six or eight digits, one separator,
 * four or five more; or ten to twelve digits that begin with a date) and of
 * runs of 14 to 16 digits (cards). Sizes and limits stay readable.
 */
void hide_numbers(char *line);

#endif
