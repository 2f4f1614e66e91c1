/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_JUDGE_H
#define SLUSS_JUDGE_H

/**
 * @file
 * The judge: a whole message against the policy.
 *
 * - Its class is the highest class among the information types that hold; the
 *   lowest class where none does.
 * - From is the domain of the sending address. To are the domains of the
 *   receiving address, of the host a request names, and of every recipient of
 *   a mail.
 * - For each destination the first row in file order whose from, to and channel
 *   fit decides; else the default. Above its ceiling `over` applies; where bytes
 *   are opaque `opaque` applies; the harsher of the two.
 * - The destination whose row is the harshest on this message decides; among
 *   equals the lowest ceiling, then the harshest `over`, then `opaque`, then
 *   the first. So one more destination never makes a verdict milder.
 *
 * Invariant 8 (one verdict in every mode): the mode is no input.
 */

#include "inspectors/conversation.h"
#include "inspectors/message.h"
#include "policy/policy.h"

enum verdict { VERDICT_FORWARD, VERDICT_HOLD, VERDICT_REFUSE, VERDICT_DROP, VERDICTS };

/** "forward", "hold", "refuse", "drop". */
const char *verdict_name(enum verdict v);

/** What made the verdict. */
enum why {
	WHY_WITHIN = 0, /* within the ceiling, and nothing opaque that the row minds */
	WHY_OVER = 1,	/* class above ceiling */
	WHY_OPAQUE = 2, /* opaque bytes */
	WHY_BOTH = WHY_OVER | WHY_OPAQUE,
};

/** Which of a message's destinations decided. */
enum destination_kind { DESTINATION_NETWORK, DESTINATION_HOST, DESTINATION_RECIPIENT };

/** An information type that holds. */
struct judged_information {
	uint16_t information; /* index in the policy */
	bool at_least;	      /* counting stopped at limits.distinct_exact: there are more */
	uint64_t count;	      /* as its conditions count */
	uint64_t distinct;    /* identifiers; 1 where it holds by a mark */
};

struct judgement {
	enum verdict verdict;
	bool alert;	  /* the event is of kind alert, else event */
	enum why why;
	int from;	  /* domain or DOMAIN_NONE */
	int to;		  /* the destination that decided, likewise */
	enum destination_kind to_kind;
	enum channel channel;
	const struct policy_row *row; /* that decided; row->line is its place */
	uint16_t class;	  /* rank */
	uint16_t ceiling; /* rank; row->ceiling */
	bool opaque;	  /* some bytes can't be read, or never came */

	/* Every destination, each domain once, in the order network, host, recipients. */
	int16_t all_to[POLICY_DOMAINS_MAX + 1];
	unsigned n_all_to;
	struct judged_information information[POLICY_INFORMATION_MAX];
	unsigned n_information; /* in the policy's order */
};

/**
 * Judge a message. Allocates nothing; touches only its arguments.
 *
 * @param m     closed: what message_done() gets; or live, between message_preview_begin()
 *              and message_preview_end(): then it is judged as if its text ended here. Its
 *              env->detect is the policy's
 * @param ends  of the flow; NULL for a file, which comes from and goes to no domain
 */
void policy_judge(const struct policy *p, const struct message *m, const struct endpoints *ends,
	struct judgement *ret);

/**
 * Judge a message as if it went from one domain to another over a channel (tests that a
 * policy carries). Domains may be DOMAIN_NONE.
 */
void policy_judge_between(const struct policy *p, const struct message *m, int from, int to,
	enum channel channel, struct judgement *ret);

/**
 * One line that says why: "K3 (patient-list) is above K2, the ceiling of line 24,
 * vard to leverantor over mail: refuse".
 * @return @p ret
 */
const char *judgement_explain(const struct policy *p, const struct message *m,
	const struct judgement *j, char *ret, size_t size);

#endif
