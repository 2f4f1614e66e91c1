/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HTML_TEXT_H
#define SLUSS_HTML_TEXT_H

/**
 * @file
 * HTML to the text that a reader sees, and to what is hidden from them
 * (WHATWG HTML, 13.2, as far as text needs it; never fails).
 *
 * - Inline and unknown tags, and comments, vanish without a gap:
 *   8507<b>09</b>-<!-- -->9805 is one number. Block tags are a line feed, table
 *   cells a tab.
 * - Character references are undone, in text and in values; in values percent-
 *   escapes too, since links hold text in them.
 * - Hidden text (name=value of every attribute, comments, declarations, names of
 *   unknown tags) is emitted on lines of its own, at the next line feed that
 *   a block tag makes. If there is more than 1 KiB of it before that, it is
 *   emitted at once, and the last 64 bytes of the line that it interrupts
 *   are emitted again behind it, so that nothing that a reader sees whole is
 *   cut.
 * - Scripts and style sheets are text as they are, on lines of their own.
 */

#include "inspectors/stream/decoder.h"

extern const struct decoder_ops html_text_decoder;

#endif
