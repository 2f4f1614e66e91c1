/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_JSON_TEXT_H
#define SLUSS_JSON_TEXT_H

/**
 * @file
 * JSON to text: the escapes of strings are undone (RFC 8259, 7), structural
 * characters stay as text. Two \u escapes that are surrogates make one code
 * point; one alone is U+FFFD. A backslash that begins no escape passes as it
 * is. Never fails.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops json_text_decoder;

#endif
