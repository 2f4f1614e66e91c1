/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/chunked.h"

#include <inttypes.h>
#include <stdio.h>

#include "inspectors/stream/http1_chunk.h"
#include "inspectors/stream/outbuf.h"

/* CHUNKS --last chunk's line--> TRAILER --empty line--> DONE */
enum chunked_state { CHUNKS, TRAILER, DONE };

struct chunked {
	struct http1_chunk chunk;
	uint8_t state;
	bool noted;	    /* the present size line is being noted */
	bool line_has_text; /* of the trailer's present line: it isn't the empty one */
	struct notes notes;
};

/* A size with something behind it may be a number that stands in clear: note it whole. */
static void
note_extension(struct chunked *s, uint8_t b)
{
	if (!s->noted && (b == '\r' || b == '\n'))
		return;
	if (!s->noted) {
		char size[20];
		int n = snprintf(size, sizeof(size), "%" PRIx64, s->chunk.size);

		notes_add(&s->notes, (const uint8_t *)size, (size_t)n);
	}
	notes_add(&s->notes, &b, 1);
	s->noted = b != '\n';
}

/* Content up to its end, or one byte of framing. @return bytes taken; 0: the framing is broken */
static size_t
take_chunk(struct chunked *s, struct bytes in, struct bytes *ret_content)
{
	bool extension = http1_chunk_in_extension(&s->chunk);
	enum http1_chunk_kind kind;
	size_t n;

	if (s->chunk.left == 0)
		in.n = 1;
	n = http1_chunk_next(&s->chunk, in, &kind);
	if (kind == HTTP1_CHUNK_CONTENT)
		*ret_content = bytes_of(in.p, n);
	else if (n > 0 && (extension || http1_chunk_in_extension(&s->chunk)))
		note_extension(s, in.p[0]);
	if (kind == HTTP1_CHUNK_LAST)
		s->state = TRAILER;
	return n;
}

/* @return bytes taken: to the end of the line, if it is there */
static size_t
take_trailer(struct chunked *s, struct bytes in)
{
	const uint8_t *lf = memchr(in.p, '\n', in.n);
	size_t n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1, blank = 0;

	/* A CR that begins the line may yet be an empty one's: never part of the text. */
	while (!s->line_has_text && blank < n) {
		s->line_has_text = in.p[blank] != '\r' && in.p[blank] != '\n';
		blank += !s->line_has_text;
	}
	if (s->line_has_text)
		notes_add(&s->notes, in.p + blank, n - blank);
	else if (lf != NULL)
		s->state = DONE;
	if (lf != NULL)
		s->line_has_text = false;
	return n;
}

static enum outcome
push(struct decoder *d, struct bytes in)
{
	struct chunked *s = d->state;
	enum outcome r = OUTCOME_OK;

	while (in.n > 0 && r == OUTCOME_OK && s->state != DONE) {
		struct bytes content = {in.p, 0};
		size_t n = s->state == CHUNKS ? take_chunk(s, in, &content) : take_trailer(s, in);

		if (n == 0)
			return OUTCOME_DAMAGED;
		r = decoder_emit(d, content);
		in = bytes_skip(in, n);
	}
	return r == OUTCOME_OK ? decoder_emit(d, in) : r;
}

static enum outcome
close_chunked(struct decoder *d)
{
	struct chunked *s = d->state;
	enum outcome r = notes_emit(&s->notes, d);

	return r == OUTCOME_OK && s->state == CHUNKS ? OUTCOME_DAMAGED : r;
}

const struct decoder_ops chunked_decoder = {
	.name = "chunked",
	.state_size = sizeof(struct chunked),
	.push = push,
	.close = close_chunked,
};
