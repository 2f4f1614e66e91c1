/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_HTML_ENTITIES_H
#define SLUSS_HTML_ENTITIES_H

/**
 * @file
 * Names of character references (WHATWG HTML, 13.5): a subset, see the table.
 */

#include <stdint.h>

#include "inspectors/bytes.h"

enum { HTML_ENTITY_MOST = 32 /* bytes of a name; none here is longer */ };

struct html_entity {
	char name[24];
	uint32_t code_point;
	bool bare; /* also without a semicolon */
};

/** By exact name, without & and semicolon; NULL if there is none. */
const struct html_entity *html_entity_find(struct bytes name);

#endif
