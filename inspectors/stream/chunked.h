/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CHUNKED_H
#define SLUSS_CHUNKED_H

/**
 * @file
 * HTTP/1.1 chunked transfer coding (RFC 9112, 7.1), as receivers read it:
 * blanks around the size, line ends of LF alone or with several CR, empty
 * lines before a size, any extension.
 *
 * A pull interface for the HTTP inspector, which must know where the body
 * ends, and a decoder on top of it for a reading of a part.
 */

#include "inspectors/stream/decoder.h"

struct chunked {
	uint8_t state;
	bool line_has_text; /* of the present line, for the trailer's empty one */
	uint8_t digits;	    /* of the present size, leading zeros not counted */
	uint64_t left;	    /* bytes of the present chunk that are still to come */
};

/** Before the first byte; a zeroed struct is the same. */
void chunked_begin(struct chunked *c);

/**
 * Take some of @p in. Call again with the rest until all is taken, or
 * chunked_done() or chunked_damaged() is true.
 *
 * @param ret_data  content: a run of @p in, borrowed, may be empty
 * @param ret_text  extensions and trailer fields, likewise: data can hide there
 * @return bytes taken; 0 only if done, damaged, or @p in is empty
 */
size_t chunked_feed(
	struct chunked *c, struct bytes in, struct bytes *ret_data, struct bytes *ret_text);

/** The trailer has ended: what follows isn't the body's. */
bool chunked_done(const struct chunked *c);

/** The last chunk has come, its trailer hasn't ended: a body may end so. */
bool chunked_last_seen(const struct chunked *c);

/** This is no chunked coding from here on. */
bool chunked_damaged(const struct chunked *c);

/**
 * The content alone; extensions and trailer fields behind it on lines of their
 * own. OUTCOME_DAMAGED at a malformed size, and at close before the last
 * chunk; OUTCOME_OVER_BUDGET if there are more than 1,024 bytes of
 * extensions and trailer. Bytes behind the body are passed on as they are.
 */
extern const struct decoder_ops chunked_decoder;

#endif
