/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_RAW_H
#define SLUSS_RAW_H

#include "inspectors/proto/inspector.h"

/**
 * Throw away what the raw inspector has open, unjudged: the same bytes are
 * about to be read again by the inspector that was chosen.
 */
void raw_discard(void *state);

#endif
