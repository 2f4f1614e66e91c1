/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TURN_H
#define SLUSS_TURN_H

/**
 * @file
 * What threads that poll do between two turns. For dispatch.c and inline.c.
 */

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include <rte_pause.h>

enum {
	TURN_NAP_US = 50,
	TURN_SPINS = 64,   /* turns without work: spin, */
	TURN_YIELDS = 128, /* then let others run, then nap */
};

/** Microseconds of a clock that never runs back; from where on doesn't matter. */
static inline uint64_t
turn_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/** @p idle counts the turns without work so far. */
static inline void
turn_rest(unsigned idle)
{
	const struct timespec nap = {.tv_nsec = TURN_NAP_US * 1000L};

	if (idle < TURN_SPINS)
		rte_pause();
	else if (idle < TURN_YIELDS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
}

#endif
