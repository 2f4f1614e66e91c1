/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_CLASSIFY_H
#define SLUSS_CLASSIFY_H

/**
 * @file
 * What a flow is, by nDPI: the channel, an inspector to try, and for what
 * can't be read the reason. It never decides whether a flow is looked at.
 *
 * One classifier for each worker; not thread-safe. A flow's nDPI state comes
 * from a bounded set and goes back as soon as nDPI has answered or given up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/message.h"
#include "inspectors/outcome.h"

struct classifier;
struct classify_state; /* of one flow, while nDPI works on it */
struct inspector_ops;

enum { CLASSIFY_NAME_MAX = 64, CLASSIFY_HOST_MAX = 80 };

struct classification {
	uint16_t master, app; /* nDPI's ids; 0: unknown. app is 0 or master where there is one only */
	enum channel channel; /* by the application, else by the master protocol; else other */
	const struct inspector_ops *hint; /* inspector to try; NULL: none */
	/* For what no inspector reads: OPAQUE_TLS (TLS, DTLS, QUIC), OPAQUE_ENCRYPTED (SSH, VPNs),
	 * OPAQUE_TUNNEL (GTP, Teredo, …); OPAQUE_NONE: scan it raw. With a hint, the inspector's
	 * own account counts. */
	enum opaque_reason opaque;
	bool known;   /* nDPI named it (it may still refine the application) */
	bool guessed; /* by port or address only, after giving up */
	bool done;    /* nothing more will come: the state has been given back */
};

/**
 * @param flows    nDPI states at once (limits.ndpi_flows, this worker's share)
 * @param packets  of a flow until the best guess is taken (limits.ndpi_packets)
 * @param why      a message for the user on failure
 * @return NULL on failure. Call it for all workers from one thread: nDPI's set-up is
 *         not thread-safe.
 */
struct classifier *classifier_new(uint64_t flows, unsigned packets, char *why, size_t why_size);
void classifier_free(struct classifier *c); /* accepts NULL */

/** Bytes that the nDPI state of one flow takes, without what it allocates for names. */
size_t classify_state_size(void);

/**
 * Show nDPI the next packet of a flow.
 *
 * @param flow  NULL before the first packet of a flow; set to its state, and
 *              to NULL again when c->done. The caller's flow holds it.
 * @param l3    the packet from its IPv4 or IPv6 header on; contiguous, borrowed
 * @param n     bytes of it, at most 65,535
 * @param ts_ms the packet's time, milliseconds
 * @param c     updated; zeroed by the caller before the first packet
 * @return false when no state is free (limits.ndpi_flows): c is done, unknown,
 *         and to be counted
 */
bool classify_packet(struct classifier *k, struct classify_state **flow, const uint8_t *l3,
	size_t n, uint64_t ts_ms, struct classification *c);

/**
 * No more packets for it: nDPI's best guess; the state is given back.
 * Also for a flow that ends early. Nothing is done when @p flow is NULL.
 */
void classify_end(struct classifier *k, struct classify_state **flow, struct classification *c);

/**
 * The host's name that nDPI has seen (SNI, HTTP Host, DNS name), for events and
 * for the domains of policy. To be called while the flow's state is still held,
 * or at once after the call that made c->done: it is kept until the next
 * classify_packet() or classify_end() of this classifier.
 * @return "" where there is none; zero-terminated
 */
const char *classify_host(const struct classifier *k, const struct classify_state *flow);

/** "TLS.Github", "SMTP", "Unknown": as nDPI's own tools write it. */
void classify_name(const struct classifier *k, uint16_t master, uint16_t app, char *ret,
	size_t size);

/** One protocol's name in lower case as events have it: "tls", "github"; "unknown" for 0. */
void classify_protocol(const struct classifier *k, uint16_t id, char *ret, size_t size);

/** States held now: for tests and the summary. */
uint64_t classifier_held(const struct classifier *k);

#endif
