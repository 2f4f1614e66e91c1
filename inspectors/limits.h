/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_LIMITS_H
#define SLUSS_LIMITS_H

/**
 * @file
 * Every limit of the inspectors. This list is the structure, the keys of the
 * site configuration's `limits:` section, and the reference page.
 *
 * X(name, default, least, most, unit, sentence)
 */

#include <stdint.h>

#define INSPECT_LIMITS(X)                                                                          \
	X(flow_memory, 4194304, 65536, 1073741824, "bytes",                                        \
		"arena pages that one flow may hold; beyond it its messages are over-budget")      \
	X(first_bytes, 16384, 1024, 65536, "bytes",                                                \
		"kept, both directions together, until a flow's protocol is known")                \
	X(message_decoded, 1073741824, 65536, 1099511627776, "bytes",                              \
		"that decompression may emit in one message, all layers added up")                  \
	X(decode_depth, 16, 1, 64, "layers",                                                       \
		"of decoding and containers inside one another, in one message")                   \
	X(mime_depth, 32, 1, 256, "levels", "of multiparts and attached messages in one mail")     \
	X(message_parts, 4096, 1, 1048576, "parts",                                                \
		"in one message; the bytes of later ones are scanned raw")                         \
	X(header_field, 16384, 998, 49152, "bytes",                                                \
		"kept of one header field or protocol line; the rest is scanned but not parsed")   \
	X(header_block, 1048576, 16384, 67108864, "bytes",                                         \
		"of headers that are parsed in one part; the rest is scanned but not parsed")      \
	X(recipients, 1000, 1, 100000, "addresses",                                                \
		"kept of one envelope; with more the message is over-budget, and the strictest "   \
		"destination decides")                                                             \
	X(transfers, 65536, 16, 1048576, "transfers",                                              \
		"announced file transfers (FTP data connections) awaited at once, per worker")     \
	X(pipelined, 64, 1, 4096, "requests", "that wait for their reply on one connection")       \
	X(distinct_exact, 65536, 16, 1000000, "identifiers",                                      \
		"counted exactly in one message; beyond it the count reads `at least`")            \
	X(raw_message, 67108864, 65536, 1099511627776, "bytes",                                    \
		"of a stream without messages of its own that are judged as one message")

struct inspect_limits {
#define X(name, value, least, most, unit, sentence) uint64_t name;
	INSPECT_LIMITS(X)
#undef X
};

/** All limits at their defaults. */
struct inspect_limits inspect_limits_default(void);

#endif
