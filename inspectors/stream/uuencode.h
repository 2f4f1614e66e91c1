/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_UUENCODE_H
#define SLUSS_UUENCODE_H

/**
 * @file
 * uuencoded files inside text (POSIX.1-2017, uuencode, historical algorithm).
 *
 * Text outside of `begin` and `end` is emitted as it is. The files' bytes are
 * emitted in its place; begin lines (they hold a name) are emitted behind
 * everything. Both space and backquote stand for zero, and trailing ones may
 * be missing. A line that can't be data ends the file. OUTCOME_DAMAGED if the
 * input ends inside one; OUTCOME_OVER_BUDGET if there are more than 1,024
 * bytes of begin lines.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops uuencode_decoder;

/** Has an open uuencode_decoder met a begin line yet? */
bool uuencode_has_begun(const struct decoder *d);

#endif
