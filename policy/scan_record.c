/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/scan_record.h"

#include <string.h>

#include "policy/event_parts.h"

/* How the arrays of two `sluss` objects become one. */
enum how { HOW_APPEND, HOW_BY_ID, HOW_UNION };

static const struct list {
	const char *key;
	enum how how;
	size_t most; /* elements; 0: as many as come */
} lists[] = {
	{"information", HOW_BY_ID, 0},
	{"findings", HOW_APPEND, MESSAGE_FINDINGS_LISTED},
	{"detectors", HOW_BY_ID, 0},
	{"opaque", HOW_APPEND, MESSAGE_OPAQUE_LISTED},
	{"marks", HOW_UNION, 0},
	{"flags", HOW_UNION, 0},
};

/* Add the numbers of @p from to those of @p into; what is missing there is taken over. */
static void
add_numbers(struct scan_record *r, json_t *into, json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach (from, key, value) {
		json_t *have = json_object_get(into, key);

		if (have == NULL) {
			if (json_object_set(into, key, value) != 0)
				r->failed = true;
		} else if (json_is_integer(have)) {
			json_int_t a = json_integer_value(have), b = json_integer_value(value);

			json_integer_set(have, a > INT64_MAX - b ? INT64_MAX : a + b);
		}
	}
}

static json_t *
find_id(json_t *array, const char *id)
{
	json_t *element;
	size_t i;

	json_array_foreach (array, i, element)
		if (strcmp(json_string_value(json_object_get(element, "id")), id) == 0)
			return element;
	return NULL;
}

static bool
has_string(json_t *array, json_t *value)
{
	json_t *element;
	size_t i;

	json_array_foreach (array, i, element)
		if (json_equal(element, value))
			return true;
	return false;
}

static void
join_element(struct scan_record *r, const struct list *list, json_t *into, json_t *element)
{
	json_t *same;

	if (list->how == HOW_BY_ID) {
		same = find_id(into, json_string_value(json_object_get(element, "id")));
		if (same != NULL) {
			add_numbers(r, same, element);
			return;
		}
	}
	if (list->how == HOW_UNION && has_string(into, element))
		return;
	if (list->most > 0 && json_array_size(into) >= list->most)
		return;
	if (json_array_append(into, element) != 0)
		r->failed = true;
}

static void
join_lists(struct scan_record *r, json_t *from)
{
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		json_t *into = json_object_get(r->sluss, lists[l].key);
		json_t *array = json_object_get(from, lists[l].key), *element;
		size_t i;

		if (into == NULL || array == NULL)
			continue; /* add_numbers() has taken it over */
		json_array_foreach (array, i, element)
			join_element(r, &lists[l], into, element);
	}
}

/* @p from is given up. Lists first: what they lack in one place is taken over later. */
static void
join(struct scan_record *r, json_t *from)
{
	static const char *const objects[] = {"bytes", "opaque_bytes"};

	join_lists(r, from);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		json_t *into = json_object_get(r->sluss, objects[i]);
		json_t *object = json_object_get(from, objects[i]);

		if (into != NULL && object != NULL)
			add_numbers(r, into, object);
	}
	add_numbers(r, r->sluss, from);
	json_decref(from);
}

static bool
counts(const struct message *m)
{
	size_t n = detect_set_detectors(m->env->detect);

	for (size_t i = 0; m->findings_total > 0 && i < n; i++)
		if (m->counts[i].distinct > 0)
			return true;
	return false;
}

void
scan_record_add(struct scan_record *r, const struct message *m, const struct event_judgement *j)
{
	struct json_put w = {.env = m->env};
	json_t *sluss = json_object();

	event_put_sluss(&w, sluss, m, j, NULL);
	r->failed = r->failed || w.failed || sluss == NULL;
	r->messages++;
	r->findings = r->findings || j->n_information > 0 || counts(m);
	if (r->sluss == NULL) {
		r->sluss = sluss;
		r->class_rank = j->class_rank;
		return;
	}
	if (j->class_name != NULL && j->class_rank > r->class_rank) {
		r->class_rank = j->class_rank;
		if (json_object_set(r->sluss, "class", json_object_get(sluss, "class")) != 0)
			r->failed = true;
	}
	join(r, sluss);
}

static struct bytes
base_name(struct bytes path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return bytes_skip(path, n);
}

char *
scan_record_json(const struct scan_record *r, const struct inspect_env *env, struct bytes path,
	uint64_t size, size_t *ret_n)
{
	struct json_put w = {.env = env, .failed = r->failed};
	json_t *root = json_object(), *file = json_put_object(&w, root, "file");

	json_put_masked(&w, file, "name", base_name(path));
	json_put_masked(&w, file, "path", path);
	json_put_count(&w, file, "size", size);
	if (r->sluss != NULL) {
		json_put_count(&w, r->sluss, "messages", r->messages);
		if (json_object_set(root, "sluss", r->sluss) != 0)
			w.failed = true;
	}
	return json_put_line(&w, root, ret_n);
}

void
scan_record_free(struct scan_record *r)
{
	json_decref(r->sluss);
	*r = (struct scan_record){0};
}
