/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HEADER_H
#define SLUSS_HEADER_H

/**
 * @file
 * Header fields of mail and MIME: encoded words, parameters, tokens.
 *
 * Everything here works on one unfolded field body that the caller holds whole.
 * Only header_decoder_open() can fail: what can't be decoded is given as it is.
 *
 * Sources: RFC 5322 (fields), RFC 2047 (encoded words), RFC 2045, 5.1 and
 * RFC 2231 (parameters), with what receivers accept beyond them.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"
#include "inspectors/stream/decoder.h"

struct charset_catalog; /* inspectors/stream/charset.h */

struct header_sink {
	void (*put)(void *ctx, struct bytes text); /* UTF-8, or bytes as they came */
	void *ctx;
};

/** Collects into a caller's buffer; what doesn't fit is cut at a code point. */
struct header_buffer {
	uint8_t *p;
	size_t room, n;
	bool full;
};

/** A sink that fills @p b; both must stay where they are while it is used. */
struct header_sink header_buffer_sink(struct header_buffer *b);

/** Working space of header_decode(). */
struct header_decoder {
	struct header_sink sink; /* the caller's, may change from call to call */
	/* The rest belongs to header.c. */
	const struct charset_catalog *charsets;
	struct decoder *to_utf8;
	/* Adjacent words of one charset are joined here before they are converted, since
	 * senders split multi-byte characters over words. Grown up to `most` bytes. */
	struct arena *arena;
	uint8_t *run;
	size_t room, most, n;
	struct bytes charset;
};

/**
 * @param charsets  may be NULL: then every charset is guessed
 * @param room      of the longest field, in bytes
 * @param arena     holds the working space, which header_decode() may let grow; @p d must
 *                  stay where it is
 * @return false: no memory
 */
bool header_decoder_open(struct header_decoder *d, const struct charset_catalog *charsets,
	size_t room, struct arena *arena);

/**
 * Decode the encoded words in @p value; the rest goes to the sink unchanged.
 * What isn't ASCII outside of words is taken as UTF-8, or else windows-1252.
 * Blanks between adjacent words vanish (RFC 2047, 6.2). Words inside quoted
 * strings or glued to other text are decoded too, as most receivers do.
 */
void header_decode(struct header_decoder *d, struct bytes value);

/** Split "Name: value". False where it is no header field. @p ret_* borrow @p field. */
bool header_split(struct bytes field, struct bytes *ret_name, struct bytes *ret_value);

/**
 * The first token or quoted string of @p value ("text/html", "base64"), without
 * comments and blanks.
 *
 * @param ret_rest  what follows it, from the ';' on if there is one
 * @param ret_junk  something other than ';' or a comment follows; may be NULL
 */
struct bytes header_token(struct bytes value, struct bytes *ret_rest, bool *ret_junk);

/** One parameter as written; borrows the field. */
struct header_param {
	struct bytes name;  /* without *, *0, *0* */
	struct bytes value; /* without quotes; escapes still in it */
	int16_t section;    /* of a continuation (RFC 2231, 3); -1: none */
	bool extended;      /* percent-encoded (RFC 2231, 4) */
	bool quoted;
};

enum { HEADER_PARAMS_MAX = 64 };

struct header_params {
	struct header_param list[HEADER_PARAMS_MAX];
	unsigned n;
	bool over; /* there were more */
};

/** Split ";a=b; c*0*=d" into parameters. */
void header_params_parse(struct bytes rest, struct header_params *ret);

/**
 * The value of parameter @p name, joined, unescaped and decoded to UTF-8:
 * its continuations or extended form if it has one, else the plain one.
 *
 * @return false where there is none of that name
 */
bool header_param_text(
	const struct header_params *params, struct bytes name, struct header_decoder *d);

/**
 * The @p nth plain value of parameter @p name (senders double them), unescaped
 * into @p ret with room for @p room bytes.
 *
 * @return its length; 0 where there is none, or where it doesn't fit
 */
size_t header_param_plain(const struct header_params *params, struct bytes name, unsigned nth,
	uint8_t *ret, size_t room);

#endif
