/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_COMMUNITY_ID_H
#define SLUSS_COMMUNITY_ID_H

/**
 * @file
 * Community ID, version 1: a flow's name that Zeek, Suricata and Arkime give
 * it too, so that their records can be joined with ours.
 *
 * Source: corelight/community-id-spec, README.md ("Pseudo code") and baseline/.
 */

#include <stdbool.h>
#include <stdint.h>

#include "inspectors/conversation.h"

/** "1:", 20 bytes of SHA-1 in base64, a zero. */
enum { COMMUNITY_ID_SIZE = 2 + 28 + 1 };

/**
 * The id with seed 0. Both directions of a flow give the same.
 *
 * TCP, UDP and SCTP are hashed with their ports, every other protocol without:
 * ICMP, which the specification hashes by type and code, makes no flows here.
 *
 * @param transport  IP protocol number
 * @return false, and ret is "", for a family other than 4 or 6
 */
bool community_id(const struct endpoints *ends, uint8_t transport, char ret[COMMUNITY_ID_SIZE]);

#endif
