/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HTTP1_CHUNK_H
#define SLUSS_HTTP1_CHUNK_H

/**
 * @file
 * The framing of the chunked transfer coding (RFC 9112, 7.1): by it the HTTP
 * inspector knows where a body ends, and the decoder of stream/chunked.h what
 * is content.
 *
 * Read as loosely as browsers do: blanks and empty lines before a size, line
 * ends of LF alone, anything behind the size ("f,", "5 ;x"), "0x" before it. A
 * size of 2^60 or more breaks the framing.
 */

#include "inspectors/bytes.h"

enum http1_chunk_kind {
	HTTP1_CHUNK_FRAMING, /* size lines and line ends */
	HTTP1_CHUNK_CONTENT,
	HTTP1_CHUNK_LAST,   /* framing up to the end of the last chunk's size line */
	HTTP1_CHUNK_BROKEN, /* no size where one should be: nothing can be told any more */
};

/** Starts as { 0 }. */
struct http1_chunk {
	uint8_t state;
	uint64_t size; /* of this chunk, while its line is read */
	uint64_t left; /* content bytes of this chunk still to come */
};

/**
 * The next run of one kind at the beginning of @p in.
 *
 * @param in        not empty
 * @param ret_kind  what the run is; after LAST and BROKEN it is not called again
 * @return its length; 0 only for BROKEN
 */
size_t http1_chunk_next(struct http1_chunk *c, struct bytes in, enum http1_chunk_kind *ret_kind);

/** The last byte taken stands behind the size, on its line. */
bool http1_chunk_in_extension(const struct http1_chunk *c);

#endif
