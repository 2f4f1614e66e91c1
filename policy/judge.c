/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/judge.h"

#include <stdio.h>

const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = {"forward", "hold", "refuse", "drop"};

	return names[v];
}

/* ---- the class ---- */

struct tally {
	uint64_t count, distinct;
	bool at_least;
};

/* Walks the set of distinct identifiers, for a confidence that isn't the detector's own. */
struct walk {
	const struct policy_information *info;
	const struct policy_condition *condition;
	uint64_t distinct;
};

static bool
is_among(const struct policy_condition *c, unsigned detector)
{
	for (unsigned i = 0; i < c->n_detectors; i++)
		if (c->detectors[i] == detector)
			return true;
	return false;
}

static void
count_entry(void *ctx, const struct distinct_entry *e)
{
	struct walk *w = ctx;
	bool near = w->info->near < 0 || e->near >> w->info->near & 1;

	w->distinct +=
		near && e->level >= w->info->confidence && is_among(w->condition, e->detector);
}

/* Findings below a detector's least confidence count towards many. */
static bool
counts_low(const struct policy_information *info, const struct policy_condition *c)
{
	return info->confidence == CONFIDENCE_NONE && c->count >= POLICY_MANY;
}

static uint64_t
total_of(const struct policy *p, const struct policy_information *info,
	const struct policy_condition *c, const struct message *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->n_detectors; i++) {
		unsigned least = info->confidence;

		if (counts_low(info, c))
			least = CONFIDENCE_LOW;
		else if (least == CONFIDENCE_NONE)
			least = detect_set_detector_least(p->detect, c->detectors[i]);
		for (unsigned level = least; level <= CONFIDENCE_HIGH; level++)
			n += m->counts[c->detectors[i]].total[level];
	}
	return n;
}

static uint64_t
distinct_of(const struct policy_information *info, const struct policy_condition *c,
	const struct message *m)
{
	struct walk w = {info, c, 0};

	if (info->confidence != CONFIDENCE_NONE) {
		message_each_distinct(m, count_entry, &w);
		return w.distinct;
	}
	for (unsigned i = 0; i < c->n_detectors; i++) {
		const struct finding_counts *counts = &m->counts[c->detectors[i]];

		if (info->near >= 0)
			w.distinct += counts->distinct_near[info->near];
		else
			w.distinct +=
				counts->distinct + (counts_low(info, c) ? counts->distinct_low : 0);
	}
	return w.distinct;
}

/*
 * Where counting stopped at limits.distinct_exact, the distinct ones are at least those
 * counted and at most all findings. A condition that can't be decided then holds: "could
 * not count" is never "few".
 */
static bool
may_hold(const struct policy_information *info, const struct policy_condition *c,
	const struct message *m, uint64_t total)
{
	return m->distinct_over && total >= c->count &&
		(info->near < 0 || m->evidence >> info->near & 1);
}

/* @return whether the condition holds; then it is added to @p t */
static bool
condition_holds(const struct policy *p, const struct policy_information *info,
	const struct policy_condition *c, const struct message *m, struct tally *t)
{
	bool by_distinct = info->unique || info->near >= 0;
	uint64_t total, distinct, count;

	if (c->n_detectors == 0)
		return (m->marks & c->marks) != 0;
	total = total_of(p, info, c, m);
	if (total == 0)
		return false;
	distinct = distinct_of(info, c, m);
	count = by_distinct ? distinct : total;
	if (count < c->count && !(by_distinct && may_hold(info, c, m, total)))
		return false;
	t->count += count;
	t->distinct += distinct;
	t->at_least |= m->distinct_over;
	return true;
}

static bool
information_holds(const struct policy *p, const struct policy_information *info,
	const struct message *m, struct tally *t)
{
	*t = (struct tally){0};
	for (unsigned i = 0; i < info->n_conditions; i++)
		if (!condition_holds(p, info, &info->conditions[i], m, t))
			return false;
	return info->n_conditions > 0;
}

static void
classify(const struct policy *p, const struct message *m, struct judgement *j)
{
	for (unsigned i = 0; i < p->n_information; i++) {
		struct tally t;

		if (!information_holds(p, &p->information[i], m, &t))
			continue;
		j->information[j->n_information++] = (struct judged_information){
			.information = (uint16_t)i,
			.at_least = t.at_least,
			.count = t.count > 0 ? t.count : 1,
			.distinct = t.distinct > 0 ? t.distinct : 1,
		};
		if (p->information[i].class > j->class)
			j->class = p->information[i].class;
	}
}

static bool
is_opaque(const struct message *m)
{
	for (unsigned i = OPAQUE_NONE + 1; i < OPAQUE_COUNT; i++)
		if (m->opaque[i] > 0)
			return true;
	/* What was asked for and hasn't begun: STARTTLS and the like. */
	return m->gap_bytes > 0 || m->opaque_ahead != OPAQUE_NONE;
}

/* ---- the destinations ---- */

static enum reaction
reaction_of(const struct judgement *j, const struct policy_row *row)
{
	enum reaction over = j->class > row->ceiling ? row->over : REACTION_ALLOW;
	enum reaction opaque = j->opaque ? row->opaque : REACTION_ALLOW;

	return over > opaque ? over : opaque;
}

/* Is row a stricter than row b for this message? */
static bool
is_stricter(const struct judgement *j, const struct policy_row *a, const struct policy_row *b)
{
	enum reaction ra = reaction_of(j, a), rb = reaction_of(j, b);

	if (ra != rb)
		return ra > rb;
	if (a->ceiling != b->ceiling)
		return a->ceiling < b->ceiling;
	return a->over != b->over ? a->over > b->over : a->opaque > b->opaque;
}

static void
consider(const struct policy *p, struct judgement *j, int to, enum destination_kind kind)
{
	const struct policy_row *row = policy_row(p, j->from, to, j->channel);

	if (j->row != NULL && !is_stricter(j, row, j->row))
		return;
	j->row = row;
	j->to = to;
	j->to_kind = kind;
}

static void
add_destination(const struct policy *p, struct judgement *j, int to, enum destination_kind kind)
{
	for (unsigned i = 0; i < j->n_all_to; i++)
		if (j->all_to[i] == to)
			return;
	j->all_to[j->n_all_to++] = (int16_t)to;
	consider(p, j, to, kind);
}

static void
add_recipients(const struct policy *p, const struct message *m, struct judgement *j)
{
	for (const struct mail_address *a = m->mail_to; a != NULL; a = a->next) {
		int to = policy_domain_of_mail(p, a->address);

		/* Without a domain the receiving server delivers it itself. */
		if (a->address.n > 0 && memchr(a->address.p, '@', a->address.n) != NULL)
			add_destination(p, j, to, DESTINATION_RECIPIENT);
	}
	if (!m->recipients_over)
		return;
	/* Recipients that were not kept may be anywhere: the strictest of all decides. */
	for (int to = DOMAIN_NONE; to < (int)p->n_domains; to++)
		consider(p, j, to, DESTINATION_RECIPIENT);
}

static void
add_destinations(const struct policy *p, const struct message *m, const struct endpoints *ends,
	struct judgement *j)
{
	enum direction other = m->direction == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
	int to = DOMAIN_NONE;

	if (ends != NULL)
		to = policy_domain_of_address(p, ends->family, ends->address[other]);
	add_destination(p, j, to, DESTINATION_NETWORK);
	/* The host is where a request goes; a response comes from it. */
	if (m->direction == DIR_CLIENT && m->url_host.n > 0) {
		to = policy_domain_of_host(p, m->url_host);
		if (to != DOMAIN_NONE)
			add_destination(p, j, to, DESTINATION_HOST);
	}
	add_recipients(p, m, j);
}

/* ---- the verdict ---- */

static void
conclude(struct judgement *j)
{
	static const enum verdict verdicts[] = {
		[REACTION_ALLOW] = VERDICT_FORWARD,
		[REACTION_ALERT] = VERDICT_FORWARD,
		[REACTION_HOLD] = VERDICT_HOLD,
		[REACTION_REFUSE] = VERDICT_REFUSE,
		[REACTION_DROP] = VERDICT_DROP,
	};
	enum reaction reaction = reaction_of(j, j->row);
	unsigned why = WHY_WITHIN;

	j->ceiling = j->row->ceiling;
	j->verdict = verdicts[reaction];
	j->alert = reaction >= REACTION_ALERT;
	if (j->class > j->ceiling)
		why |= WHY_OVER;
	if (j->opaque && j->row->opaque >= REACTION_ALERT)
		why |= WHY_OPAQUE;
	j->why = (enum why)why;
}

/* Without the lists, which are long and counted. */
static void
begin(const struct policy *p, const struct message *m, int from, enum channel channel,
	struct judgement *j)
{
	j->from = from;
	j->channel = channel;
	j->row = NULL;
	j->class = 0;
	j->n_all_to = 0;
	j->n_information = 0;
	j->opaque = is_opaque(m);
	classify(p, m, j);
}

void
policy_judge(const struct policy *p, const struct message *m, const struct endpoints *ends,
	struct judgement *ret)
{
	int from = DOMAIN_NONE;

	if (ends != NULL)
		from = policy_domain_of_address(p, ends->family, ends->address[m->direction]);
	begin(p, m, from, m->channel, ret);
	add_destinations(p, m, ends, ret);
	conclude(ret);
}

void
policy_judge_between(const struct policy *p, const struct message *m, int from, int to,
	enum channel channel, struct judgement *ret)
{
	begin(p, m, from, channel, ret);
	add_destination(p, ret, to, DESTINATION_NETWORK);
	conclude(ret);
}

/* ---- in words ---- */

static const char *
what_made_it(const struct policy *p, const struct judgement *j, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < j->n_information && n < size; i++) {
		const struct policy_information *info =
			&p->information[j->information[i].information];

		if (info->class == j->class)
			n += (size_t)snprintf(
				ret + n, size - n, "%s%s", n > 0 ? ", " : "", info->id);
	}
	return n > 0 ? ret : "nothing found";
}

static const char *
opaque_reasons(const struct message *m, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 1; i < OPAQUE_COUNT && n < size; i++)
		if (m->opaque[i] > 0 || m->opaque_ahead == i)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n > 0 ? ", " : "",
				opaque_reason_name((enum opaque_reason)i));
	return n > 0 ? ret : "bytes that never came";
}

const char *
judgement_explain(const struct policy *p, const struct message *m, const struct judgement *j,
	char *ret, size_t size)
{
	static const char *const kinds[] = {"", " (host)", " (recipient)"};
	char types[256], reasons[128], line[32] = "the default";
	const char *class = p->classes[j->class], *ceiling = p->classes[j->ceiling];
	const char *doing = reaction_name(reaction_of(j, j->row));
	int n;

	if (j->row != &p->rows[p->n_rows])
		snprintf(line, sizeof(line), "line %u", j->row->line);
	n = snprintf(ret, size, "%s (%s) is %s %s, the ceiling of %s, %s to %s%s over %s", class,
		what_made_it(p, j, types, sizeof(types)),
		j->class > j->ceiling ? "above" : "within", ceiling, line,
		policy_domain_id(p, j->from), policy_domain_id(p, j->to), kinds[j->to_kind],
		channel_name(j->channel));
	if (n >= 0 && (size_t)n < size && j->why & WHY_OPAQUE)
		n += snprintf(ret + n, size - (size_t)n, "; some of it is opaque (%s)",
			opaque_reasons(m, reasons, sizeof(reasons)));
	if (n >= 0 && (size_t)n < size)
		snprintf(ret + n, size - (size_t)n, ": %s", doing);
	return ret;
}
