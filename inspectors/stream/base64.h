/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_BASE64_H
#define SLUSS_BASE64_H

/**
 * @file
 * base64 as receivers read it: RFC 2045, 6.8 (bytes outside the alphabet are
 * skipped) and RFC 4648, 4.
 *
 * - Missing padding: the digits of the last, odd quantum give their bytes.
 * - Behind padding decoding goes on with the next digit.
 * - OUTCOME_DAMAGED at the end if one digit is left over (six bits are no byte).
 *
 * The two alphabets can't be read at once: to a MIME receiver `-` and `_` are
 * bytes to skip, so that one of them in the middle shifts all that follows.
 * Hence two decoders; where both readings are plausible, use both.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops base64_decoder;	   /* + and / */
extern const struct decoder_ops base64url_decoder; /* also - and _ (RFC 4648, 5) */

#endif
