/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_URLENCODED_H
#define SLUSS_URLENCODED_H

/**
 * @file
 * application/x-www-form-urlencoded and request targets to text (WHATWG URL, 5.1).
 *
 * `+` is a space, %XX a byte, %uXXXX (JavaScript's old escape()) a code point,
 * `&` a line feed, so that each line is a name=value. Other bytes, and a `%`
 * that begins no escape, pass as they are. Never fails.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops urlencoded_decoder;

#endif
