/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_RAW_H
#define SLUSS_RAW_H

/**
 * @file
 * The raw inspector reads what no other one does: each direction as one stretch
 * of text, judged every limits.raw_message bytes and at its end.
 */

#include "inspectors/proto/inspector.h"

/**
 * Throw away what the raw inspector has open, unjudged: the same bytes are
 * about to be read again by the inspector that was chosen.
 */
void raw_discard(void *state);

#endif
