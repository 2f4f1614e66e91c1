/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INSPECTION_H
#define SLUSS_INSPECTION_H

/**
 * @file
 * One flow under inspection: its TCP streams, what nDPI makes of it, and the
 * conversation that its bytes go to. Ties dataplane/tcp.h and classify.h to
 * inspectors/conversation.h.
 */

#include "dataplane/classify.h"
#include "dataplane/flow.h"
#include "dataplane/headers.h"
#include "dataplane/stats.h"
#include "dataplane/tcp.h"
#include "inspectors/conversation.h"
#include "policy/judge.h"

/** Bytes of the largest IP packet, and of inspection_env.scratch. */
enum { INSPECTION_SCRATCH = 65536 };

/** What the inspections of one worker share. Filled by the worker. */
struct inspection_env {
	struct inspect_env *inspect; /* of the current policy; its ctx is a struct report */
	const struct arena_source *pages;
	struct tcp_engine *tcp;
	struct classifier *classifier;
	struct worker_stats *stats;
	uint64_t settle_us; /* limits.settle_pause */
	uint8_t *scratch; /* INSPECTION_SCRATCH bytes, for packets that lie in pieces */
};

/** One for each flow, in a page of its own; hence its size. */
struct inspection {
	struct inspection_env *env;
	struct flow *flow;	/* NULL: a packet that the full table has no flow for */
	uint64_t first_us, now_us; /* of the flow, and of the packet in hand */
	uint64_t packets, bytes;   /* IP packets of both directions */
	uint64_t conflict_at[2];   /* where the first byte that contradicted what was read stood */
	uint32_t conflicts[2];	   /* how many did; stops counting at the largest number */
	uint32_t ordinal[2];	   /* messages so far, by direction */
	struct classify_state *ndpi;
	struct classification class;
	struct tcp_stream tcp;
	struct conversation conversation;
	/* What is done with a verdict; enforce.h. */
	struct enforcement *enforced; /* of a TCP flow in enforce mode; else NULL */
	uint32_t reserved[2];	      /* ordinal of the direction's message that acted[] is of */
	uint32_t serial[2];	      /* its message.serial */
	uint32_t over_seen[2];	      /* low bits of conversation.stats.over[] at the last look */
	uint32_t acted_ms;	      /* since when datagrams are withheld, since first_us */
	uint32_t heard_ms[2];	      /* when its last byte came, since first_us */
	uint8_t mode;		      /* enum event_mode */
	uint8_t acted[2];	      /* enum verdict: what stops the open message already */
	uint8_t outcome[2]; /* enum verdict: with which a message has ended, until it is looked at */
	uint8_t looked[2];  /* enum look: what looking at the open message gave last */
	uint8_t protocol;   /* IP's */
	bool stateless;	    /* of one packet: inspection_stateless() */
	bool reset;	    /* ended by an RST */
	bool over;	    /* inspection_end() was called */
};

/**
 * Begin, with the flow's first packet.
 * @return NULL: no page; the packet's bytes are to be counted over-budget
 */
struct inspection *inspection_open(struct inspection_env *env, struct flow *f,
	const struct packet *p, enum direction dir);

/**
 * Where the normaliser found that segments contradict each other, or took bytes out
 * of the stream: they are read by themselves, and reported at the flow's end.
 */
void inspection_conflict(struct inspection *in, enum direction dir, uint64_t at, struct bytes other);
void inspection_aside(struct inspection *in, enum direction dir, struct bytes bytes);

/**
 * The verdict on what was read of a message so far. A stream whose protocol isn't known yet
 * may turn out to be of any channel: the strictest one counts.
 */
enum verdict inspection_judge(struct inspection *in, struct message *m);

/**
 * The verdict on @p bytes read by themselves, behind @p before, as if they were part of the
 * direction's open message and ended here. Nothing is counted or reported.
 */
enum verdict inspection_glance(struct inspection *in, enum direction dir, struct bytes before,
	struct bytes bytes);

/**
 * The flow's next packet.
 * @return false when it begins a new connection on the same ports: nothing was
 *         taken; end the flow and give the packet to a new one
 */
bool inspection_packet(struct inspection *in, const struct packet *p, enum direction dir);

/**
 * Nothing more of the flow is read, though it isn't over: messages are judged, bytes are
 * accounted for, memory but the inspection's own goes back.
 */
void inspection_end(struct inspection *in);

/** The end of the flow: messages are judged, bytes are accounted for. */
void inspection_close(struct inspection *in);

/** Payload of a flow that there was no page to inspect with, by direction. */
struct inspection_unread {
	struct {
		uint32_t bytes : 29; /* stops counting at UNREAD_MAX: the statistics are exact */
		uint32_t mode : 2;   /* enum event_mode */
		uint32_t stopped : 1; /* in enforce mode: some of it didn't leave */
	} dir[2];
};

enum { UNREAD_MAX = (1 << 29) - 1 };

/**
 * The end of a flow some of whose payload was not inspected, for want of a
 * page: that is judged as over-budget, once for each direction.
 * @param counted  the flow had an inspection too, and is in the statistics
 */
void inspection_close_unread(struct inspection_env *env, struct flow *f,
	const struct inspection_unread *unread, bool counted);

/**
 * A packet without a flow (the table is full): scanned by itself and judged.
 * @param mode  enum event_mode; in enforce mode events say that it was dropped where its verdict
 *              isn't `forward`
 * @return whether it is
 */
bool inspection_stateless(struct inspection_env *env, const struct packet *p, enum direction dir,
	uint8_t mode);

#endif
