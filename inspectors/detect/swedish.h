/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SWEDISH_H
#define SLUSS_SWEDISH_H

/**
 * @file
 * Swedish person numbers (identifier specification, section 4).
 */

#include "inspectors/detect/validators.h"

/**
 * The year of a two-digit year, of the centuries 20, 19 and 18: the first that
 * makes a day not after @p today, older ones first when the sign is '+'.
 *
 * @param accept  judges a full year
 * @return 0 where no century does
 */
int century_for(unsigned yy, bool plus, struct civil_date today,
	bool (*accept)(int year, const void *ctx), const void *ctx);

#endif
