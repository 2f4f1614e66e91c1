/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_SECRET_H
#define SLUSS_SECRET_H

/**
 * @file
 * The key of the pseudonyms: 32 random bytes, made at installation.
 *
 * A pseudonym is an HMAC, because identifiers are so few that a plain hash of
 * one can be undone by trying them all. Who has this key can undo pseudonyms
 * in the same way; so its file is for its owner alone.
 */

#include <stddef.h>
#include <stdint.h>

enum { SECRET_BYTES = 32 };

/** Where the key was found. */
enum secret_source { SECRET_FROM_OPTION, SECRET_FROM_ENV, SECRET_FROM_SYSTEM, SECRET_RANDOM };

#define SECRET_ENV "SLUSS_KEY"
#define SECRET_SYSTEM_PATH "/etc/sluss/pseudonym.key"
#define SECRET_FILE_NAME "pseudonym.key"

/**
 * Read a key file: 32 bytes, or 64 hexadecimal digits with at most one line end.
 * It must be a regular file without any access for group or others.
 *
 * @param ret  set on success only
 * @param why  a sentence for the user on failure, with the path and what to do
 * @return 0, or -1
 */
int secret_read(const char *path, uint8_t ret[SECRET_BYTES], char *why, size_t why_size);

/**
 * Make a new key file of 64 hexadecimal digits, mode 0600, and write it
 * through to the disk. An existing file is never replaced.
 * @return 0, or -1 with a sentence in @p why; then no file is left behind
 */
int secret_create(const char *path, char *why, size_t why_size);

/** 32 bytes from the kernel's cryptographic random generator. @return 0, or -1 */
int secret_random(uint8_t ret[SECRET_BYTES]);

/**
 * Find the key: the option @p path, else the file named by SLUSS_KEY, else
 * SECRET_SYSTEM_PATH if it exists and can be read, else a random one, with
 * which pseudonyms can't be compared with those of another run (the caller
 * says so). A key file that was named and can't be used is an error, never
 * passed over.
 *
 * @param path  may be NULL
 * @return 0, or -1 with a sentence in @p why
 */
int secret_find(const char *path, uint8_t ret[SECRET_BYTES], enum secret_source *ret_source,
	char *why, size_t why_size);

#endif
