/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INLINE_H
#define SLUSS_INLINE_H

/**
 * @file
 * Between the wire and the workers.
 *
 *	I/O thread: wire -> by pair of hosts -> a lane's ring in
 *	lane:       ring in -> worker -> ring out
 *	I/O thread: ring out -> wire
 *
 * The calling thread is the I/O thread. It inspects nothing, waits for nobody and
 * writes nowhere, so exempt traffic flows whatever a worker does. There is a lane, a
 * thread with a worker and two rings, for each worker, also when there is only one.
 *
 * Three more threads:
 * - the keeper calls tick(): it may write, and may be made to wait by a full disk;
 * - the watchdog looks for a sign of life of the I/O thread and does nothing else;
 * - whoever loads a policy (gateway.h).
 *
 * What no worker gets is unread. It happens in two ways: overload (the ring of its lane
 * is full) and stalled (its worker gave no sign of life for limits.watchdog). Then what
 * the policy enforces leaves or not by the choices of inline_choices.h; what it exempts
 * or shadows, and what isn't IP where choices.non_ip lets it pass, always leaves.
 *
 * A worker that stalled stays out until the program is started again, even if it comes
 * back to life: its flows have gone on without it, or were cut.
 *
 * Memory: a lane's rings hold at most 2 * ring packets, beside those in its hands.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/headers.h"
#include "dataplane/inline_choices.h"
#include "dataplane/policy_swap.h"
#include "dataplane/worker.h"

struct inline_gate;
struct wire;
struct wire_port_stats;

enum { INLINE_BURST_MAX = 64 };

/** Why a packet was unread, or was lost behind the worker. */
enum inline_reason {
	INLINE_OVERLOAD, /* its lane's ring was full */
	INLINE_STALLED,  /* its worker hangs */
	INLINE_UNREAD_REASONS,
	INLINE_NO_WAY_OUT = INLINE_UNREAD_REASONS, /* the ring to the wire stayed full */
	INLINE_REASONS
};

/** As what an unread packet left. */
enum inline_unread {
	INLINE_OVER_BUDGET, /* the policy would have had it read: choices, or a shadowed pair */
	INLINE_EXEMPT,
	INLINE_NOT_IP,
	INLINE_UNREAD
};

struct inline_count {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;	  /* of whole frames */
	_Atomic uint64_t payload; /* of TCP and UDP, as worker_stats counts it */
};

/**
 * At the end: received = sent + dropped + what the workers kept - what they made
 * themselves. Any thread may read them.
 */
struct inline_stats {
	struct inline_count received; /* from the wire; payload isn't counted */
	struct inline_count sent;     /* given to the wire; payload isn't counted */
	struct inline_count dropped[INLINE_REASONS];
	struct inline_count passed[INLINE_UNREAD_REASONS][INLINE_UNREAD]; /* sent unread */
	_Atomic unsigned stalled; /* workers */
};

struct inline_config {
	struct wire *wire; /* used by the I/O thread only */
	unsigned n_ports;  /* of it */
	/* Their worker_config.egress is {inline_send, inline_lane(gate, i)}. */
	struct worker *const *workers;
	unsigned n_workers;   /* at least 1 */
	unsigned burst;	      /* packets at a time, at most INLINE_BURST_MAX */
	unsigned ring;	      /* packets that may wait in each of a lane's rings */
	const unsigned *cores; /* for each lane's thread; NULL: not bound */
	uint64_t watchdog_us;  /* without a sign of life until a worker counts as hanging */
	struct inline_choices choices;
	const atomic_bool *stop; /* set by a signal: an orderly end */

	/* The readers are the lanes, and the I/O thread behind them: n_workers + 1. */
	struct policy_swap *policy;
	/* What the policy says of a packet's two ends; NULL: all is enforced. */
	enum pair_mode (*mode)(const struct policy *p, const struct packet *packet);
	/* The next message of each flow is judged by @p p. On the lane's thread; NULL: never. */
	void (*set_policy)(struct worker *w, const struct policy *p);
	/* Does a message, or the worker, still use @p p? On the lane's thread. */
	bool (*uses_policy)(const struct worker *w, const struct policy *p);

	/* All of them may be NULL, and get @p ctx. */
	void (*began)(void *ctx); /* packets flow; once, on the keeper's thread */
	void (*tick)(void *ctx);  /* about ten times a second, on the keeper's thread */
	/* On the keeper's thread, once for each worker that stalls. */
	void (*stalled)(void *ctx, unsigned worker);
	/* On the watchdog's thread: the I/O thread itself gave no sign of life for twice
	 * watchdog_us. Isn't expected to return. */
	void (*hung)(void *ctx);
	void *ctx;
};

/**
 * The rings; made before the workers, since these need their lane.
 * @return NULL with @p why filled; else to be freed with inline_free()
 */
struct inline_gate *inline_new(unsigned n_workers, unsigned ring, char *why, size_t why_size);

/** For worker_config.egress.ctx. */
void *inline_lane(struct inline_gate *g, unsigned worker);

/**
 * For worker_config.egress.send: the packet waits in the lane's ring out. If that stays
 * full for 20 ms, it is dropped and counted.
 */
void inline_send(void *lane, struct rte_mbuf *m, unsigned port);

/**
 * Run until *stop, then in order: nothing more is received; the lanes' rings are worked
 * off, the workers finish (worker_finish()), and all that they sent leaves.
 *
 * @return 0; -1 when it couldn't begin, with @p why filled; 1 when a hanging worker's
 *         thread is still running: nothing that it may use can be freed, so the process
 *         is to be ended
 */
int inline_run(struct inline_gate *g, const struct inline_config *cfg, char *why, size_t why_size);

const struct inline_stats *inline_stats(const struct inline_gate *g);

/** What the ports counted, of a tenth of a second ago. @param ret  EAL_PORTS_MAX of them */
void inline_ports(struct inline_gate *g, struct wire_port_stats *ret);

void inline_free(struct inline_gate *g); /* accepts NULL */

#endif
