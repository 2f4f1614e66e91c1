/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PSEUDONYM_H
#define SLUSS_PSEUDONYM_H

/**
 * @file
 * Keyed pseudonyms: the same identifier has the same pseudonym in all events
 * made with one key, and nobody without the key can try the (few) identifiers
 * that exist. HMAC-SHA-256 (RFC 2104) over detector id, a zero byte and the
 * normalised identifier, truncated to 16 bytes.
 */

#include "inspectors/bytes.h"

struct pseudonym;

enum { PSEUDONYM_SIZE = 16 };

/** @p key is copied. NULL: no memory, or an empty key. */
struct pseudonym *pseudonym_new(const uint8_t *key, size_t n);
void pseudonym_free(struct pseudonym *p); /* accepts NULL; wipes the key */

/**
 * Thread-safe on one object.
 *
 * @param ret  all zeros if the library fails (no memory)
 */
void pseudonym_of(const struct pseudonym *p, const char *detector_id, struct bytes normalised,
	uint8_t ret[PSEUDONYM_SIZE]);

#endif
