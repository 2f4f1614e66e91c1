/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/yaml_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "policy/pool.h"

enum { POOL_LIMIT = 64 * 1024 * 1024 };

struct yaml_doc {
	struct pool pool;
	const char *file;
	struct bytes bytes;
	struct yaml_node *root;
	unsigned nodes;
};

/* A list or map that is not yet closed, and the value that a map waits for. */
struct level {
	struct yaml_node *node;
	struct yaml_node *last;
	const char *key;
	struct place key_at;
};

/* The tree is built from events with a stack of its own: no recursion on input depth. */
struct build {
	struct yaml_doc *doc;
	struct diag *d;
	struct level stack[YAML_DEPTH_MAX];
	unsigned depth;
	unsigned documents;
	bool done;
};

static struct place
place_of(const struct yaml_doc *doc, yaml_mark_t mark)
{
	return (struct place){doc->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static bool
no_memory(struct build *b, struct place at)
{
	diag_error(b->d, at, "out of memory; make the file smaller");
	return false;
}

static bool
has_key(const struct yaml_node *map, const char *key, struct place *ret)
{
	const struct yaml_node *found = yaml_get(map, key);

	if (found != NULL)
		*ret = found->key_at;
	return found != NULL;
}

/* A string where a map expects a key. */
static bool
take_key(struct build *b, struct level *l, const char *text, struct place at)
{
	struct place first;

	if (l->node->n == YAML_KEYS_MAX) {
		diag_error(b->d, at, "more than %d keys in one map; write fewer", YAML_KEYS_MAX);
		return false;
	}
	if (has_key(l->node, text, &first)) {
		diag_error(b->d, at, "\"%s\" is given twice, first on line %u; write it once", text,
			first.line);
		return false;
	}
	l->key = text;
	l->key_at = at;
	return true;
}

static bool
attach(struct build *b, struct yaml_node *node)
{
	struct level *l;

	if (b->depth == 0) {
		b->doc->root = node;
		return true;
	}
	l = &b->stack[b->depth - 1];
	if (l->node->kind == YAML_MAP) {
		node->key = l->key;
		node->key_at = l->key_at;
		l->key = NULL;
	}
	if (l->last == NULL)
		l->node->first = node;
	else
		l->last->next = node;
	l->last = node;
	l->node->n++;
	return true;
}

static struct yaml_node *
new_node(struct build *b, enum yaml_kind kind, struct place at)
{
	struct yaml_node *node;

	if (b->doc->nodes == YAML_NODES_MAX) {
		diag_error(
			b->d, at, "more than %d values in one file; write fewer", YAML_NODES_MAX);
		return NULL;
	}
	node = pool_alloc(&b->doc->pool, sizeof(*node));
	if (node == NULL) {
		no_memory(b, at);
		return NULL;
	}
	b->doc->nodes++;
	node->kind = kind;
	node->at = at;
	return node;
}

/* Is a map waiting for a key? */
static bool
at_key(const struct build *b)
{
	return b->depth > 0 && b->stack[b->depth - 1].node->kind == YAML_MAP &&
		b->stack[b->depth - 1].key == NULL;
}

static bool
refuse_anchor_tag(
	struct build *b, const yaml_char_t *anchor, const yaml_char_t *tag, struct place at)
{
	if (anchor != NULL)
		diag_error(b->d, at, "an anchor (&%s); write the value out", (const char *)anchor);
	else if (tag != NULL)
		diag_error(b->d, at, "a tag (%s); write the value without it", (const char *)tag);
	return anchor == NULL && tag == NULL;
}

static bool
on_scalar(struct build *b, const yaml_event_t *e, struct place at)
{
	size_t n = e->data.scalar.length;
	const char *text;
	struct yaml_node *node;

	if (!refuse_anchor_tag(b, e->data.scalar.anchor, e->data.scalar.tag, at))
		return false;
	if (n > YAML_TEXT_MAX) {
		diag_error(b->d, at, "a string of %zu bytes; write at most %d", n, YAML_TEXT_MAX);
		return false;
	}
	if (memchr(e->data.scalar.value, '\0', n) != NULL) {
		diag_error(b->d, at, "a zero byte in a string; write text");
		return false;
	}
	text = pool_copy(&b->doc->pool, e->data.scalar.value, n);
	if (text == NULL)
		return no_memory(b, at);
	if (at_key(b))
		return take_key(b, &b->stack[b->depth - 1], text, at);
	node = new_node(b, YAML_STRING, at);
	if (node == NULL)
		return false;
	node->text = text;
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return attach(b, node);
}

static bool
on_open(struct build *b, enum yaml_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag,
	struct place at)
{
	struct yaml_node *node;

	if (!refuse_anchor_tag(b, anchor, tag, at))
		return false;
	if (at_key(b)) {
		diag_error(
			b->d, at, "a %s as a key; write a name", kind == YAML_MAP ? "map" : "list");
		return false;
	}
	if (b->depth == YAML_DEPTH_MAX) {
		diag_error(b->d, at,
			"more than %d lists and maps inside one another; write it flatter",
			YAML_DEPTH_MAX);
		return false;
	}
	node = new_node(b, kind, at);
	if (node == NULL || !attach(b, node))
		return false;
	b->stack[b->depth++] = (struct level){.node = node};
	return true;
}

static bool
on_event(struct build *b, const yaml_event_t *e)
{
	struct place at = place_of(b->doc, e->start_mark);

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e, at);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, YAML_LIST, e->data.sequence_start.anchor,
			e->data.sequence_start.tag, at);
	case YAML_MAPPING_START_EVENT:
		return on_open(
			b, YAML_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag, at);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return true;
	case YAML_ALIAS_EVENT:
		diag_error(b->d, at, "an alias (*%s); write the value out",
			(const char *)e->data.alias.anchor);
		return false;
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ > 0)
			diag_error(b->d, at, "a second document; write one document in a file");
		return b->documents == 1;
	case YAML_STREAM_END_EVENT:
		b->done = true;
		return true;
	default:
		return true;
	}
}

static void
parser_error(struct build *b, const yaml_parser_t *parser)
{
	struct place at = place_of(b->doc, parser->problem_mark);
	const char *problem = parser->problem == NULL ? "not readable" : parser->problem;

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		no_memory(b, (struct place){b->doc->file, 0, 0});
		break;
	case YAML_READER_ERROR:
		diag_error(b->d, (struct place){b->doc->file, 0, 0},
			"byte %zu: %s; write UTF-8 text without control characters",
			parser->problem_offset, problem);
		break;
	default:
		diag_error(b->d, at,
			"not YAML here: %s%s%s; check indentation (blanks, no tabs), brackets, "
			"and quotes (* and @ need them)",
			parser->context == NULL ? "" : parser->context,
			parser->context == NULL ? "" : ", ", problem);
	}
}

static bool
build_tree(struct build *b)
{
	yaml_parser_t parser;
	bool good = true;

	if (!yaml_parser_initialize(&parser))
		return no_memory(b, (struct place){b->doc->file, 0, 0});
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, b->doc->bytes.p, b->doc->bytes.n);
	while (good && !b->done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			parser_error(b, &parser);
			good = false;
			break;
		}
		good = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (good && b->doc->root == NULL) {
		diag_error(b->d, (struct place){b->doc->file, 0, 0},
			"an empty file; write at least \"schema: 1\"");
		good = false;
	}
	return good;
}

struct yaml_doc *
yaml_doc_load(const char *name, struct bytes text, struct diag *d)
{
	struct yaml_doc *doc;
	struct build b = {.d = d};

	if (text.n > YAML_BYTES_MAX) {
		diag_error(d, (struct place){name, 0, 0},
			"longer than %d MiB; write a smaller file", YAML_BYTES_MAX / 1024 / 1024);
		return NULL;
	}
	doc = calloc(1, sizeof(*doc));
	if (doc == NULL) {
		diag_error(d, (struct place){name, 0, 0}, "out of memory");
		return NULL;
	}
	doc->pool.limit = POOL_LIMIT;
	doc->file = pool_copy(&doc->pool, name, strlen(name));
	doc->bytes = bytes_of(pool_copy(&doc->pool, text.p, text.n), text.n);
	b.doc = doc;
	if (doc->file == NULL || doc->bytes.p == NULL) {
		diag_error(d, (struct place){name, 0, 0}, "out of memory");
		yaml_doc_free(doc);
		return NULL;
	}
	if (!build_tree(&b)) {
		yaml_doc_free(doc);
		return NULL;
	}
	return doc;
}

/* Read it whole, but never more than one byte past the bound: it may be a pipe or a device. */
static bool
read_whole(int fd, uint8_t *to, size_t room, size_t *ret_n)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, to + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return true;
}

struct yaml_doc *
yaml_doc_load_file(const char *path, struct diag *d)
{
	struct yaml_doc *doc = NULL;
	uint8_t *text = malloc(YAML_BYTES_MAX + 1);
	int fd = text == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	size_t n;

	if (fd < 0 || !read_whole(fd, text, YAML_BYTES_MAX + 1, &n))
		diag_error(d, (struct place){path, 0, 0},
			"can't be read (%s); name a file that exists and that you may read",
			strerror(errno));
	else
		doc = yaml_doc_load(path, bytes_of(text, n), d);
	if (fd >= 0)
		close(fd);
	free(text);
	return doc;
}

void
yaml_doc_free(struct yaml_doc *doc)
{
	if (doc == NULL)
		return;
	pool_free(&doc->pool);
	free(doc);
}

const struct yaml_node *
yaml_doc_root(const struct yaml_doc *doc)
{
	return doc->root;
}

struct bytes
yaml_doc_bytes(const struct yaml_doc *doc)
{
	return doc->bytes;
}
