/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/json_put.h"

#include <string.h>

static void
put(struct json_put *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		w->failed = true;
}

/* Policy texts are checked when they are read; this is for what slips through. */
static json_t *
string_of(const char *value)
{
	json_t *s = json_string(value);

	return s != NULL ? s : json_string("?");
}

void
json_put_string(struct json_put *w, json_t *object, const char *key, const char *value)
{
	if (value != NULL)
		put(w, object, key, string_of(value));
}

void
json_put_count(struct json_put *w, json_t *object, const char *key, uint64_t value)
{
	put(w, object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

json_t *
json_put_object(struct json_put *w, json_t *object, const char *key)
{
	put(w, object, key, json_object());
	return json_object_get(object, key);
}

json_t *
json_put_array(struct json_put *w, json_t *object, const char *key)
{
	put(w, object, key, json_array());
	return json_object_get(object, key);
}

void
json_put_append(struct json_put *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		w->failed = true;
}

void
json_put_append_string(struct json_put *w, json_t *array, const char *value)
{
	json_put_append(w, array, string_of(value));
}

json_t *
json_put_append_object(struct json_put *w, json_t *array)
{
	json_put_append(w, array, json_object());
	return json_array_get(array, json_array_size(array) - 1);
}

static void
mask(const struct json_put *w, struct bytes text, char *ret, size_t size)
{
	detect_mask_text(w->env->detect, w->env->scratch, w->env->today, text, ret, size);
}

void
json_put_masked(struct json_put *w, json_t *object, const char *key, struct bytes text)
{
	char masked[JSON_PUT_PATH];

	if (text.n == 0)
		return;
	mask(w, text, masked, strcmp(key, "path") == 0 ? JSON_PUT_PATH : JSON_PUT_TEXT);
	json_put_string(w, object, key, masked);
}

void
json_put_append_masked(struct json_put *w, json_t *array, struct bytes text)
{
	char masked[JSON_PUT_TEXT];

	mask(w, text, masked, sizeof(masked));
	json_put_append_string(w, array, masked);
}

char *
json_put_line(struct json_put *w, json_t *root, size_t *ret_n)
{
	char *line = w->failed ? NULL : json_dumps(root, JSON_COMPACT);

	json_decref(root);
	if (line != NULL)
		*ret_n = strlen(line);
	return line;
}
