/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_DIGEST_H
#define SLUSS_DIGEST_H

/**
 * @file
 * Digests (FIPS 180-4) by OpenSSL's libcrypto, which digest_openssl.c wraps.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA1_BASE64_SIZE = 29 };

struct sha256 {
	void *context; /* the library's */
	bool failed;   /* sticks; sha256_end() tells */
};

struct sha256 sha256_begin(void);

/** The next @p n bytes. */
void sha256_add(struct sha256 *s, const void *p, size_t n);

/** Must be called, for it gives the memory back. @return false: no memory, or no such digest */
bool sha256_end(struct sha256 *s, uint8_t ret[SHA256_BYTES]);

/**
 * SHA-1 in base64, for what a specification wants it for; it protects nothing.
 * @param ret  zero-terminated
 * @return false: the library has no such digest
 */
bool sha1_base64(const void *p, size_t n, char ret[SHA1_BASE64_SIZE]);

#endif
