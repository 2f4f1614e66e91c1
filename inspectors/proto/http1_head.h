/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HTTP1_HEAD_H
#define SLUSS_HTTP1_HEAD_H

/**
 * @file
 * The head of an HTTP/1.x message: start line and fields, and what they claim
 * about the body (RFC 9112, 2 to 6; RFC 9110, 8).
 *
 * Nothing here fails: a field that recipients read in different ways sets
 * `odd`, and the body is then read in each of these ways (invariant 9).
 *
 * Nothing here allocates. Slices that are kept are copied with the caller's
 * `keep`, and are empty where it had no room.
 */

#include "inspectors/part.h"

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_method { HTTP1_OTHER, HTTP1_HEAD, HTTP1_CONNECT, HTTP1_PUT };

enum { HTTP1_CLAIMS_MAX = 4, HTTP1_CODINGS_MAX = 4 };

struct http1_head {
	enum http1_kind kind;
	struct bytes (*keep)(void *ctx, struct bytes text);
	void *ctx;

	/* Start line. */
	enum http1_method method_kind;
	struct bytes method, target;
	unsigned status;  /* 0 where there is none */
	unsigned version; /* 10 for HTTP/1.0, 11, …; 9 for none */

	/* Framing. */
	uint64_t lengths[HTTP1_CLAIMS_MAX]; /* distinct claims of Content-Length, ascending */
	unsigned n_lengths;
	bool length_junk; /* some Content-Length isn't a number */
	bool chunked;	  /* claimed, in whatever spelling */
	bool odd;	  /* framing that recipients read in different ways */
	bool doubtful;	  /* odd so that some recipients see no claim of a body at all */
	bool odd_content; /* likewise codings, or types that contradict each other */
	unsigned n_transfer_fields;

	/* Codings, in the order in which they were applied. */
	uint8_t transfer[HTTP1_CODINGS_MAX], content[HTTP1_CODINGS_MAX];
	unsigned n_transfer, n_content;
	bool codings_over; /* there were more */

	/* Field values. */
	struct bytes type, disposition, host, upgrade;
	bool expects_continue;		       /* Expect: 100-continue */
	uint16_t accepts_json, accepts_html; /* weights of Accept, times 1000; 0: not named */
};

/**
 * Is JSON the answer that the sender of this request can read (RFC 9110, 12.5.1)? By what
 * Accept names; where that names neither JSON nor HTML, by the type of its own content.
 */
bool http1_wants_json(const struct http1_head *h);

void http1_head_init(struct http1_head *h, enum http1_kind kind,
	struct bytes (*keep)(void *ctx, struct bytes text), void *ctx);

/** The start line, without its line end. Fields glued to it by a bare CR are read too. */
void http1_start_line(struct http1_head *h, struct bytes line);

/** A field, with its continuation lines (@p folded) joined by blanks, without line end. */
void http1_field(struct http1_head *h, struct bytes field, bool folded);

/** A continuation line alone: where it looks like a field, some read it as one. */
void http1_continuation(struct http1_head *h, struct bytes line);

enum http1_looks { HTTP1_LOOKS_NO, HTTP1_LOOKS_MORE, HTTP1_LOOKS_YES };

/** The longest beginning, in bytes, that the two functions below ask for. */
enum { HTTP1_LOOK_MAX = 40 };

/** Is this the beginning of a start line? MORE: a longer beginning would tell. */
enum http1_looks http1_looks_like_start(enum http1_kind kind, struct bytes head);

/** Is this the beginning of a field ("Name:")? */
enum http1_looks http1_looks_like_field(struct bytes head);

/** The codings to undo, from the wire on, without chunked; @return how many. */
unsigned http1_codings(const struct http1_head *h, uint8_t ret[PART_CODINGS_MAX]);

/**
 * The readings of a body.
 *
 * @param codings  as http1_codings() gave them
 * @param wire     the body still has its chunk framing
 * @param odd      add the raw bytes as a reading
 * @param first    the body's first bytes, two or none: where they contradict the
 *                 one coding that is claimed, the one that they show is tried too
 */
void http1_readings(struct part_meta *meta, const uint8_t *codings, unsigned n_codings, bool wire,
	bool odd, struct bytes first);

/** Host and path of a request, from its target and its Host field; borrow them. */
void http1_where(const struct http1_head *h, struct bytes *ret_host, struct bytes *ret_path);

#endif
