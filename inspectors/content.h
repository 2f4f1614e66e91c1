/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CONTENT_H
#define SLUSS_CONTENT_H

/**
 * @file
 * Which kind of content a part holds, by what is declared and by first bytes.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"
#include "inspectors/outcome.h"

enum content_kind {
	CONTENT_TEXT, /* plain text, or anything that nothing else claims */
	CONTENT_HTML,
	CONTENT_XML,
	CONTENT_JSON,
	CONTENT_URLENCODED,
	CONTENT_MIME, /* a mail, or a multipart body */
	CONTENT_GZIP,
	CONTENT_OPAQUE, /* recognised, and read by nothing here */
};

/** By the declared media type (no parameters, any case). CONTENT_TEXT if unknown. */
enum content_kind content_declared(struct bytes type);

/** Does a media type say that its content is encrypted (S/MIME, OpenPGP)? */
bool content_is_encrypted(struct bytes type);

/** Does a file name make a browser draw its content as HTML? */
bool content_named_html(struct bytes name);

enum sniff {
	SNIFF_MORE, /* what has come is the beginning of a known signature */
	SNIFF_DONE,
};

/** The longest beginning that content_sniff() asks to see, in bytes. */
enum { CONTENT_SNIFF_MAX = 80 };

/**
 * By the first bytes. The answer depends on the bytes only, not on how they
 * were cut, and comes as soon as it can: a file is never held back to be sure.
 *
 * @param head      the content's beginning
 * @param ret_kind  set when SNIFF_DONE: CONTENT_TEXT when no signature fits
 * @param ret_why   for CONTENT_OPAQUE: why it can't be read
 */
enum sniff content_sniff(
	struct bytes head, enum content_kind *ret_kind, enum opaque_reason *ret_why);

#endif
