/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_ENFORCE_H
#define SLUSS_ENFORCE_H

/**
 * @file
 * One enforced flow: what was read decides on what leaves.
 *
 *              +---------------------- packets --------------------+
 *              v                                                   |
 *   normaliser (normalise.h) --read--> inspection --> open message, looked at
 *      |    ^                                              |
 *      |    +----- now | hold | never --------------- judge (policy/judge.h)
 *      +--send--> egress
 *
 * States of a flow (struct enforcement):
 *
 *   OPEN --a message is refused--> WAITING --the protocol's moment--> ABSORBING
 *     |                                |                                  |
 *     |                                |          the receiver is reset, the endpoint
 *     |                                |          speaks in its place, and closes
 *     |                                v                                  v
 *     +--dropped, no words, no beginning--------> DEAD <------------------+
 *
 *  - The open message of a direction is judged after each packet, as if its text
 *    ended there (message_preview_begin()). What is over the ceiling for good is
 *    refused at once: that packet doesn't leave. Where only pending text makes
 *    the difference, or the protocol isn't known yet, the packet is held until
 *    the next bytes, or limits.settle_pause, decide.
 *  - What an inspector has and hasn't read, since its line or header field has no end
 *    yet, is glanced at raw (inspection_glance()), and waits like what is pending.
 *  - Bytes that there is no memory to read with are refused, or judged: no_memory.
 *  - A message's last packet is held while its verdict is `hold`
 *    (limits.hold_time, then the choice hold_expired).
 *  - A refused direction is still read, so that the event is the one that a
 *    watcher would write; it is written when the message ends.
 *  - While WAITING, what the receiver says is judged too; what must not leave ends the wait.
 *  - `drop` is a refusal without words: RST both ways.
 *  - An FTP data connection takes its control connection with it (transfer.h).
 *  - Packets in DEAD are answered with an RST where they are TCP, at most one each.
 *
 * Datagrams (UDP and the rest) have no stream: each is read, its flow's open
 * message looked at, and it leaves or it doesn't; so do all that follow. Since they may
 * have no end, the inspection ends limits.absorb_time after the first that didn't leave,
 * with its event, and nothing more of the flow is read or leaves until it is idle.
 */

#include "dataplane/inspection.h"
#include "dataplane/worker.h"

struct enforcement;
struct normalise_engine;
struct refusal;

/** What looking at a direction's message gave. */
enum look { LOOK_FORWARD, LOOK_PENDING, LOOK_HOLD, LOOK_REFUSE, LOOK_DROP };

/** What the enforced flows of one worker share. Filled by the worker. */
struct enforce_env {
	struct inspection_env *inspections;
	struct normalise_engine *tcp;
	const struct worker_config *cfg;
	struct worker_stats *stats;
	struct refusal *refusal;    /* room for one: words are said at once */
	struct enforcement *active; /* flows for which time matters */
	struct enforcement *cursor; /* enforce_tick()'s own */
	uint64_t now_us;
};

/**
 * Begin to enforce a TCP flow; @p in was just opened with this packet.
 * @return false: no page; the flow is to be treated as the choice no_memory says
 */
bool enforcement_open(struct enforce_env *env, struct inspection *in, const struct packet *p,
	enum direction dir);

/**
 * The flow's next packet, whose mbuf is taken.
 * @return false when it begins a new connection on the same ports: nothing was
 *         taken; end the flow and give the packet to a new one
 */
bool enforcement_packet(struct enforcement *e, struct packet *p, enum direction dir);

/**
 * The same for a segment that came in IP fragments, and is a chain longer than the wire
 * takes: it leaves as several segments. A SYN doesn't leave so.
 */
bool enforcement_pieces(struct enforcement *e, struct packet *p, enum direction dir);

/** The flow ends: before its inspection_close(). */
void enforcement_close(struct enforcement *e);

/** A packet of a flow without streams; its mbuf is taken. The inspection has been opened. */
void enforce_datagram(struct enforce_env *env, struct inspection *in, struct packet *p,
	enum direction dir);

/** A packet that may leave does so, as it came: at the port across. Its mbuf is taken. */
void enforce_leave(struct enforce_env *env, struct packet *p);

/** It doesn't leave, and its payload is counted so. Its mbuf is taken. */
void enforce_withhold(struct enforce_env *env, struct packet *p, enum withheld why);

/** RST to both ends of a connection that can't be read, in answer to one of its packets,
 * which is taken. */
void enforce_reset(struct enforce_env *env, struct packet *p);

/** Time passes: what is held or refused moves on. */
void enforce_tick(struct enforce_env *env, uint64_t now_us);

#endif
