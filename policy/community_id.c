/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/community_id.h"

#include <string.h>

#include "policy/digest.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, PROTO_SCTP = 132 };

static bool
has_ports(uint8_t transport)
{
	return transport == PROTO_TCP || transport == PROTO_UDP || transport == PROTO_SCTP;
}

/* Which end is hashed first: the lower address, or with equal ones the lower port. */
static enum direction
first_end(const struct endpoints *ends, size_t width)
{
	int order = memcmp(ends->address[DIR_CLIENT], ends->address[DIR_SERVER], width);

	if (order == 0)
		return ends->port[DIR_CLIENT] <= ends->port[DIR_SERVER] ? DIR_CLIENT : DIR_SERVER;
	return order < 0 ? DIR_CLIENT : DIR_SERVER;
}

static size_t
put_be16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
	return 2;
}

bool
community_id(const struct endpoints *ends, uint8_t transport, char ret[COMMUNITY_ID_SIZE])
{
	uint8_t tuple[2 + 16 + 16 + 2 + 2 + 2];
	size_t width = ends->family == 4 ? 4 : 16, n = 0;
	enum direction first, second;

	ret[0] = '\0';
	if (ends->family != 4 && ends->family != 6)
		return false;
	first = first_end(ends, width);
	second = first == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
	n += put_be16(tuple + n, 0); /* seed */
	memcpy(tuple + n, ends->address[first], width);
	n += width;
	memcpy(tuple + n, ends->address[second], width);
	n += width;
	tuple[n++] = transport;
	tuple[n++] = 0; /* padding */
	if (has_ports(transport)) {
		n += put_be16(tuple + n, ends->port[first]);
		n += put_be16(tuple + n, ends->port[second]);
	}
	if (!sha1_base64(tuple, n, ret + 2))
		return false;
	memcpy(ret, "1:", 2);
	return true;
}
