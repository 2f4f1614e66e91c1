/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_POLICY_SWAP_H
#define SLUSS_POLICY_SWAP_H

/**
 * @file
 * The policy in force, and those that are still in use (invariant 6).
 *
 * One writer offers a new policy; each reader (a worker's thread, the I/O
 * thread) takes it up between two bursts, and says when it has no use for an
 * old one any more: a flow keeps the policy that it began with. A policy is
 * freed when all readers have said so. Nobody ever waits.
 *
 * How a reader can't be given what is freed at the same moment: it first marks
 * the policy as used, then looks again whether that is still the one in force;
 * the writer first puts the new one in force, then looks at the marks.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "policy/policy.h"

enum {
	POLICY_SWAP_READERS = 66, /* workers, the I/O thread */
	POLICY_SWAP_SLOTS = 32,	  /* bits of `used`: policies at once: the one in force and old ones */
};

struct policy_reader {
	_Atomic unsigned used; /* bit i: slot i */
	unsigned taken;	       /* the slot of the latest that it took up; the reader's own */
};

struct policy_swap {
	_Atomic unsigned current; /* slot */
	struct policy *slots[POLICY_SWAP_SLOTS]; /* owned; the writer's, set before `current` is */
	unsigned n_readers;
	struct policy_reader readers[POLICY_SWAP_READERS];
};

/** @p p, then owned, is in force, and every reader has taken it up. */
void policy_swap_init(struct policy_swap *s, struct policy *p, unsigned n_readers);

/** The writer: put @p p in force. @return false when no slot is free; @p p isn't taken then */
bool policy_swap_offer(struct policy_swap *s, struct policy *p);

/** The writer: free what no reader uses. @return how many old ones are still in use */
unsigned policy_swap_collect(struct policy_swap *s);

/** The writer: the one in force. */
struct policy *policy_swap_current(const struct policy_swap *s);

/** A reader: the policy to take up now; NULL when it is the one that it has. */
const struct policy *policy_swap_take(struct policy_swap *s, unsigned reader);

/**
 * A reader: say of each old policy whether it is still used.
 * @param uses  NULL: only the latest one is
 */
void policy_swap_review(struct policy_swap *s, unsigned reader,
	bool (*uses)(void *ctx, const struct policy *p), void *ctx);

/** Free all. No reader may be running. */
void policy_swap_free(struct policy_swap *s);

#endif
