/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_PART_H
#define SLUSS_PART_H

/**
 * @file
 * A node of a message's decode tree, and the decode chains that read it.
 *
 *   smtp > mime[2] > base64 > lista.csv
 *
 * Whoever cuts a message into parts (MIME, multipart/form-data, an FTP data
 * connection) opens a part, pushes its bytes and closes it. This layer builds
 * the chain: transfer codings, then the content type by declaration and by
 * first bytes, then charset, then markup, then the text scan. Containers are
 * decoders too: they emit their own text (headers, preamble) and open parts
 * for their members.
 *
 * Parts are a stack: the part opened last is closed first.
 */

#include <stdbool.h>

#include "inspectors/bytes.h"
#include "inspectors/outcome.h"
#include "inspectors/stream/decoder.h"

struct message;

enum coding {
	CODING_IDENTITY = 0, /* ends a list of codings */
	CODING_BASE64,
	CODING_QUOTED_PRINTABLE,
	CODING_UUENCODE,
	CODING_GZIP,	   /* also what calls itself x-gzip */
	CODING_DEFLATE,	   /* zlib or raw deflate: senders do both */
	CODING_URLENCODED, /* application/x-www-form-urlencoded, or a request target */
	CODING_HTTP_CHUNKED,
	CODING_UNFOLD,	/* the line folding of iCalendar and vCard */
	CODING_DELSP,	/* format=flowed; delsp=yes */
	CODING_UNKNOWN, /* a coding that nothing here reads: opaque, unknown-format */
	CODINGS
};

enum { PART_READINGS_MAX = 4, PART_CODINGS_MAX = 4 };

/** One way in which a receiver may read the bytes (invariant 9). */
struct part_reading {
	uint8_t codings[PART_CODINGS_MAX]; /* enum coding, undone from the first on */
};

/** What is declared of a part. All bytes are borrowed and copied as needed. */
struct part_meta {
	const char *label;     /* static or longer-lived than the part: "mime[2]", "body" */
	struct bytes name;     /* file name, UTF-8; may be empty */
	struct bytes type;     /* "text/html", any case, no parameters; may be empty */
	struct bytes charset;  /* any case; may be empty */
	struct bytes boundary; /* for multipart types */
	/* None means one reading without codings. Several when declarations conflict;
	 * include a reading without codings then, so that the raw bytes are scanned. */
	struct part_reading readings[PART_READINGS_MAX];
	uint8_t n_readings;
};

struct part {
	struct message *message;
	struct part *parent; /* NULL for the root */
	const char *label;
	const char *name; /* masked file name for the path; NULL if it has none */
	unsigned ordinal; /* 1 for the message's first part */
	uint64_t taken;	  /* bytes of its own input */
	/* Of its own input: bytes that were opaque, in it or in a part below it. */
	uint64_t opaque[OPAQUE_COUNT];
	enum opaque_reason reason; /* why its bytes are opaque now */
	unsigned evidence; /* bit i: words list i has its evidence in this part; message.c's */
	/* The rest belongs to part.c. */
	struct decoder *chains[PART_READINGS_MAX]; /* first stage of each reading */
	unsigned n_chains;
	unsigned layers;     /* of the message's decode depth that it holds */
	uint64_t own_opaque; /* bytes counted for a reason of its own */
	enum opaque_reason own_reason;
	struct arena_mark mark;
};

/**
 * Open a part below @p parent (NULL: the message's root).
 *
 * Never fails: when a limit (parts, depth, memory) is reached, the part is
 * opened as over-budget, scanned as plain text where there is room for a scan,
 * and its bytes are counted so. What is declared in @p meta is copied but for
 * the label.
 */
struct part *part_open(struct message *m, struct part *parent, const struct part_meta *meta);

/** The part's next bytes, in any split. */
void part_push(struct part *p, struct bytes in);

/** Bytes to be read between the part's own, but not counted: a separator, or an overlap. */
void part_push_uncounted(struct part *p, struct bytes in);

/**
 * Bytes of this part that can't be read and aren't scanned, such as TLS
 * records: counted, not looked at.
 */
void part_skip(struct part *p, enum opaque_reason reason, uint64_t n);

/** From here on the part's bytes count as opaque; they are still scanned. */
void part_mark_opaque(struct part *p, enum opaque_reason reason);

/** The same, and what it has taken already counts so, too. */
void part_mark_all_opaque(struct part *p, enum opaque_reason reason);

/** End of the part. @p cut: it ended before it should have (opaque: damaged). */
void part_close(struct part *p, bool cut);

/* ---- for message.c: what the open parts hold ---- */

/** Tell the message what the end of each open text scan would tell; changes no scan. */
void part_preview(struct message *m);
/** Likewise the second reading of bytes that may not be base64, as if they ended here. */
void part_preview_doubts(struct message *m);
/** Decide what is pending in each open text scan. */
void part_settle(struct message *m);
/** Add the opaque bytes of the open parts to @p sum, as closing them would. */
void part_add_opaque(const struct message *m, uint64_t sum[OPAQUE_COUNT]);

/**
 * The part's path, "smtp>mime[2]>base64>lista.csv", each name masked.
 *
 * @param stage  the decoder whose output is meant, so that the path names the
 *               reading; NULL for the part's first reading
 * @param ret    zero-terminated, truncated to @p size
 */
void part_path(const struct part *p, const struct decoder *stage, char *ret, size_t size);

#endif
