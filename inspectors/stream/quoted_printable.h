/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_QUOTED_PRINTABLE_H
#define SLUSS_QUOTED_PRINTABLE_H

/**
 * @file
 * quoted-printable, RFC 2045, 6.7, as receivers read it.
 *
 * Soft line breaks (`=`, blanks, line end) vanish, and blanks at a line's end
 * too. Hexadecimal digits may be lower case. A `=` that begins no escape is
 * passed through with what follows it. More than 76 blanks in a row are text.
 * Never fails. Text between escapes is emitted where it lies.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops quoted_printable_decoder;

#endif
