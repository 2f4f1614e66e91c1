/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_MIME_ENTITY_H
#define SLUSS_MIME_ENTITY_H

/**
 * @file
 * What the header of one MIME entity declares, contradictions included.
 * RFC 2045 (types, encodings), RFC 2183 (disposition). Pure: no parts, no I/O.
 */

#include "inspectors/part.h"
#include "inspectors/proto/header.h"

enum {
	MIME_BOUNDARY_MAX = 200, /* bytes; RFC 2046 allows 70 */
	MIME_BOUNDARIES = 3,     /* that one multipart may be declared with */
	MIME_NAME_MAX = 512,     /* bytes of a file name */
};

struct mime_boundaries {
	uint16_t length[MIME_BOUNDARIES];
	uint8_t text[MIME_BOUNDARIES][MIME_BOUNDARY_MAX];
	unsigned n;
};

struct mime_entity {
	/* The first Content-Type, and one that contradicts it (the last). */
	char type[2][80];
	uint8_t n_types;
	char charset[64];
	struct mime_boundaries boundaries;
	/* Distinct Content-Transfer-Encodings: enum coding. */
	uint8_t codings[PART_READINGS_MAX];
	uint8_t n_codings;
	uint8_t name[MIME_NAME_MAX]; /* UTF-8 */
	uint16_t n_name;
	bool disposition; /* the name is from Content-Disposition, which goes before */
	bool ambiguous;   /* declarations that receivers will read in different ways */
	uint8_t joining;  /* CODING_UNFOLD or CODING_DELSP, which joins lines; else identity */
	bool unreadable;  /* an encoding that receivers undo, and nothing here does */
	bool over;        /* a limit kept us from seeing all of them */
	unsigned fields;  /* seen so far */
};

/** Take one field. @p d decodes file names; its sink is replaced. @return whether it is known. */
bool mime_entity_field(
        struct mime_entity *e, struct bytes name, struct bytes value, struct header_decoder *d);

/** Is the type declared so by any of the fields? @p prefix is lower case: "multipart/". */
bool mime_entity_is(const struct mime_entity *e, const char *prefix);

/** Of contradicting types, the one that says more of how to read; "" if there is none. */
const char *mime_entity_leaf_type(const struct mime_entity *e);

/**
 * The readings of a leaf: one for each encoding, and the raw bytes where
 * anything is ambiguous.
 *
 * @param inherited  encoding of an enclosing multipart, else CODING_IDENTITY
 * @param plain      the coding that text without an encoding gets
 */
void mime_entity_readings(const struct mime_entity *e, bool ambiguous, uint8_t inherited,
        uint8_t plain, struct part_meta *ret);

#endif
