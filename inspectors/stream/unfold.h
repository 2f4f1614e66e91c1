/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_UNFOLD_H
#define SLUSS_UNFOLD_H

/**
 * @file
 * Joins lines that a format breaks anywhere, inside numbers too.
 *
 * unfold_decoder: iCalendar and vCard (RFC 5545, 3.1; RFC 6350, 3.2). A line end
 * with one blank behind it vanishes with that blank.
 *
 * delsp_decoder: format=flowed with delsp=yes (RFC 3676, 4). A space in front of
 * a line end vanishes with it, and so do quote marks and a stuffed space behind.
 * The signature's line "-- " is joined, too, which no number minds.
 *
 * Both pass everything else. They never fail.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops unfold_decoder;
extern const struct decoder_ops delsp_decoder;

#endif
