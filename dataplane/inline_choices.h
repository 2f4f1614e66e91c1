/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INLINE_CHOICES_H
#define SLUSS_INLINE_CHOICES_H

#include <stdbool.h>

/**
 * @file
 * What `sluss run` does where no verdict can be had. Each is a key of the site
 * configuration's `inline:` section; the first choice is the default and the safe
 * one. Whatever is chosen is counted, with its bytes. They hold for domain pairs
 * that are enforced; what a policy exempts or shadows always passes.
 *
 * X(name, sentence, first choice, its sentence, second choice, its sentence)
 */
#define INLINE_CHOICES(X)                                                                          \
	X(non_ip, "frames that are neither IPv4 nor IPv6: ARP, LLDP, STP and the like",            \
		pass, "leave as they came", drop, "don't leave")                                   \
	X(midstream, "a TCP connection whose beginning wasn't seen, such as after a start",        \
		reset, "is reset both ways, so that it is begun anew and read from its first byte", \
		adopt, "is read from here on; what it said before was not")                        \
	X(full_table, "packets of new flows while limits.flows is used up",                        \
		drop, "don't leave", pass, "leave, each read by itself: over-budget")              \
	X(no_memory, "a flow that there is no memory to inspect with",                             \
		refuse, "doesn't pass", judge, "passes or not by the policy's `opaque:`: over-budget") \
	X(overload, "packets that the workers don't get to, since limits.worker_ring is full",     \
		drop, "don't leave; TCP sends them again", pass, "leave unread: over-budget")      \
	X(stalled, "packets of a worker that hangs (limits.watchdog)",                             \
		block, "don't leave until sluss is started again",                                 \
		bridge, "leave unread: over-budget")                                               \
	X(hold_expired, "a message on hold for longer than limits.hold_time",                      \
		refuse, "is refused", forward, "is let go")

/** Of each: false is the first choice. */
struct inline_choices {
#define X(name, sentence, first, first_sentence, second, second_sentence) bool name##_##second;
	INLINE_CHOICES(X)
#undef X
};

#endif
