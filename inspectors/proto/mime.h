/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_MIME_H
#define SLUSS_MIME_H

/**
 * @file
 * MIME as a decoder: a mail (RFC 5322), or the body of a multipart type.
 *
 * - part_meta.type "multipart/…" with a boundary: the body starts at once, as
 *   in an HTTP form (RFC 7578). Any other type: a message with its header.
 * - Its own text (header fields with encoded words decoded, preambles,
 *   epilogues) is emitted to the next stage. Each leaf is opened as a part
 *   below decoder.part, named after its IMAP section: "mime[2.1]".
 * - Nested multiparts and attached messages are a stack in the one decoder,
 *   at most limits.mime_depth high. What is deeper is one leaf, over-budget,
 *   with its raw bytes scanned.
 * - Of the outermost header the message gets its subject and message id; the
 *   first leaf with a file name gives the message's.
 *
 * Ambiguity (invariant 9). Doubled or contradicting Content-Type, boundary or
 * Content-Transfer-Encoding fields, unknown encodings and lines that are no
 * field give the leaf a reading for each encoding and a raw one. A multipart
 * without a usable boundary takes the first line that begins with "--".
 *
 * Lines end with LF or CRLF. The line end before a boundary belongs to the
 * boundary (RFC 2046, 5.1.1). A boundary line may end in blanks. A boundary
 * that is missing at the end is not an error: the parts end with the input.
 *
 * Memory: limits.header_field twice, and 700 bytes a level; nothing more.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops mime_decoder;

#endif
