/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_JSON_PUT_H
#define SLUSS_JSON_PUT_H

/**
 * @file
 * Build JSON (jansson) field by field, and look once at the end whether memory
 * lasted: a failure sticks, and every later call is harmless.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "inspectors/message.h"

/** Longest text of a field, in bytes of UTF-8 with its terminating zero. */
enum { JSON_PUT_TEXT = 1024, JSON_PUT_PATH = 4096 };

struct json_put {
	bool failed;
	/* For masked(): what to mask with. */
	const struct inspect_env *env;
};

/** A string that we wrote or the policy did. NULL puts nothing; no UTF-8 is "?". */
void json_put_string(struct json_put *w, json_t *object, const char *key, const char *value);

/** Above what JSON integers hold in C it is the largest of them. */
void json_put_count(struct json_put *w, json_t *object, const char *key, uint64_t value);

/** A new object, or array, below @p object; borrowed from it. */
json_t *json_put_object(struct json_put *w, json_t *object, const char *key);
json_t *json_put_array(struct json_put *w, json_t *object, const char *key);

/** @p value, which is taken over, at the end of @p array. */
void json_put_append(struct json_put *w, json_t *array, json_t *value);
/** As json_put_string(), json_put_object(): at the end of @p array. */
void json_put_append_string(struct json_put *w, json_t *array, const char *value);
json_t *json_put_append_object(struct json_put *w, json_t *array);

/** Text from the wire or a file system, with every identifier masked. Empty puts nothing. */
void json_put_masked(struct json_put *w, json_t *object, const char *key, struct bytes text);
/** As json_put_masked(), at the end of @p array. */
void json_put_append_masked(struct json_put *w, json_t *array, struct bytes text);

/**
 * Serialise on one line, and let @p root go.
 * @return malloc'ed and zero-terminated, or NULL when @p w has failed
 */
char *json_put_line(struct json_put *w, json_t *root, size_t *ret_n);

#endif
