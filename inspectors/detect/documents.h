/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DOCUMENTS_H
#define SLUSS_DOCUMENTS_H

/**
 * @file
 * Identifiers that hold a person number inside (identifier specification, 6.6
 * and section 8), for swedish.c.
 */

#include "inspectors/detect/shapes.h"

/** Is there a Swedish VAT number that ends at @p end? Its value is SE, ten digits, 01. */
bool vat_se_read(const struct view *v, size_t end, struct shaped *ret);

/**
 * Does the optional field of a Swedish passport's second line begin with ten or
 * twelve digits and nothing more?
 *
 * @param end  where the candidate ended: behind the sex
 */
bool mrz_se_option(const struct view *v, size_t end, size_t *ret_begin, size_t *ret_n);

#endif
