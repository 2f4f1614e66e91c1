/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHUNKED_H
#define SLUSS_CHUNKED_H

/**
 * @file
 * HTTP/1.1 chunked transfer coding (RFC 9112, 7.1) as a reading of a part. The
 * framing is read by stream/http1_chunk.h, as loosely as receivers do.
 */

#include "inspectors/stream/decoder.h"

/**
 * The content alone; extensions and trailer fields behind it on lines of their
 * own. OUTCOME_DAMAGED at a malformed size, and at close before the last
 * chunk; OUTCOME_OVER_BUDGET if there are more than 1,024 bytes of
 * extensions and trailer. Bytes behind the body are passed on as they are.
 */
extern const struct decoder_ops chunked_decoder;

#endif
