/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TLS_H
#define SLUSS_TLS_H

/**
 * @file
 * The record framing of TLS (RFC 8446, 5.1; RFC 5246, 6.2.1): while it holds,
 * the bytes can't be read; where it breaks, they were something else.
 */

#include "inspectors/bytes.h"

enum { TLS_RECORD_HEADER = 5, TLS_RECORD_MAX = 16384 + 2048 };

/** Starts as { 0 }. */
struct tls_records {
	uint8_t type;	/* of the record that is read */
	uint8_t n_head; /* bytes of its header that have come */
	uint8_t version_low; /* of its version; the high byte is 3 */
	uint8_t length_high;
	bool broken;
	uint32_t left; /* bytes of its fragment still to come */
};

/**
 * How many bytes at the beginning of @p in fit the framing; fewer than all when
 * it breaks (then `broken` is set and stays).
 */
size_t tls_records_take(struct tls_records *r, struct bytes in);

/** Could a TLS record begin so? Of an empty input: yes. */
bool tls_records_begin(struct bytes head);

/**
 * The server name in a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3).
 * @param hello  the handshake message with its header; hostile
 * @return a slice of it; empty where there is none
 */
struct bytes tls_client_hello_name(struct bytes hello);

#endif
