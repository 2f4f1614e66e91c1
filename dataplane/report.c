/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/report.h"

#include <stdlib.h>
#include <string.h>

#include "policy/event.h"
#include "policy/judge.h"
#include "policy/policy.h"

struct names {
	char protocol[CLASSIFY_NAME_MAX];
	char application[CLASSIFY_NAME_MAX];
};

static void
count_findings(struct report *r, const struct message *m)
{
	size_t n = m->findings_total == 0 ? 0 : detect_set_detectors(m->env->detect);

	for (size_t d = 0; d < n; d++) {
		int least = (int)detect_set_detector_least(m->env->detect, d);

		for (int c = CONFIDENCE_LOW; c <= CONFIDENCE_HIGH; c++)
			if (c >= least)
				r->stats->findings[d] += m->counts[d].total[c];
			else
				r->stats->findings_low[d] += m->counts[d].total[c];
	}
}

static void
count_verdict(struct report *r, const struct judgement *j)
{
	static const enum verdict_counter counter[VERDICTS] = {
		[VERDICT_FORWARD] = STATS_FORWARD,
		[VERDICT_HOLD] = STATS_HOLD,
		[VERDICT_REFUSE] = STATS_REFUSE,
		[VERDICT_DROP] = STATS_DROP,
	};
	enum verdict_counter v = counter[j->verdict];

	r->stats->verdicts[v == STATS_FORWARD && j->alert ? STATS_ALERT : v]++;
}

static struct event_context
context_of(struct report *r, const struct inspection *in, struct names *names)
{
	classify_protocol(r->classifier, in->class.master, names->protocol, CLASSIFY_NAME_MAX);
	classify_protocol(r->classifier, in->class.app, names->application, CLASSIFY_NAME_MAX);
	return (struct event_context){
		.observer = r->cfg->observer,
		.mode = (enum event_mode)in->mode,
		.action = verdict_name(VERDICT_FORWARD),
		.ends = &in->conversation.ends,
		.transport = in->protocol,
		.protocol = in->class.master != 0 ? names->protocol : NULL,
		.application = in->class.app != 0 ? names->application : NULL,
		.flow_first_us = (int64_t)in->first_us,
		.last_us = (int64_t)in->now_us,
		.packets = in->packets,
		.bytes = in->bytes,
		.midstream = in->conversation.midstream,
		.evasion = in->conflicts[DIR_CLIENT] > 0 || in->conflicts[DIR_SERVER] > 0,
	};
}

static void
send_event(struct report *r, char *json, size_t n)
{
	if (json == NULL) {
		r->stats->events_lost++;
		return;
	}
	r->cfg->events.event(r->cfg->events.ctx, json, n);
	r->stats->events++;
	free(json);
}

bool
report_writes(const struct message *m, bool alert, bool log_messages)
{
	bool bare = m->session && m->findings_total == 0 && m->gap_bytes == 0 &&
		m->n_opaque_parts == 0;

	for (unsigned i = 0; bare && i < OPAQUE_COUNT; i++)
		bare = m->opaque[i] == 0;
	return alert || (log_messages && !bare);
}

void
report_event_id(const struct report *r, const struct inspection *in, enum direction dir,
	uint64_t ordinal, char ret[EVENT_ID_SIZE])
{
	struct event_context c = {.observer = r->cfg->observer,
		.ends = &in->conversation.ends,
		.transport = in->protocol,
		.flow_first_us = (int64_t)in->first_us,
		.ordinal = ordinal};

	event_id(&c, "sluss.verdict", dir, ret);
}

/* Bytes that were read beside the stream never leave in enforce mode, whatever they hold. */
static enum verdict
action_on(struct inspection *in, const struct message *m, const struct judgement *j)
{
	if (in->mode != EVENT_ENFORCE)
		return VERDICT_FORWARD;
	/* Nor does a packet that the full table has no flow for. */
	if (m->conversation != &in->conversation || in->stateless)
		return j->verdict == VERDICT_FORWARD ? VERDICT_FORWARD : VERDICT_DROP;
	return in->acted[m->direction] != VERDICT_FORWARD ? in->acted[m->direction] : j->verdict;
}

/* Remember for whoever decides on the packet in hand that the message has ended. */
static void
conclude(struct inspection *in, const struct message *m, uint64_t ordinal, enum verdict action)
{
	enum direction dir = m->direction;

	if (m->conversation != &in->conversation)
		return;
	in->acted[dir] = VERDICT_FORWARD;
	in->looked[dir] = 0;
	if (action <= (enum verdict)in->outcome[dir])
		return;
	in->outcome[dir] = (uint8_t)action;
	in->reserved[dir] = (uint32_t)ordinal;
	in->serial[dir] = m->serial;
}

static uint64_t
ordinal_of(struct inspection *in, const struct message *m)
{
	if (m->conversation == &in->conversation && in->acted[m->direction] != VERDICT_FORWARD)
		return in->reserved[m->direction];
	return in->ordinal[m->direction]++;
}

/* How its sender learns of it. */
static enum event_refusal
said_of(const struct inspection *in, const struct message *m, enum verdict action)
{
	static const struct {
		const char *protocol;
		enum event_refusal said;
	} words[] = {{"smtp", EVENT_REFUSAL_SMTP_554}, {"http", EVENT_REFUSAL_HTTP_403},
		{"ftp", EVENT_REFUSAL_FTP_550}, {"tls", EVENT_REFUSAL_TLS_ALERT}};

	if (action < VERDICT_REFUSE)
		return EVENT_REFUSAL_NONE;
	if (in->conversation.datagrams || m->conversation != &in->conversation)
		return EVENT_REFUSAL_DROPPED;
	/* Of an FTP session only AUTH announces that the rest can't be read. */
	if (action == VERDICT_REFUSE && m->opaque_ahead != OPAQUE_NONE &&
		strcmp(m->protocol, "ftp") == 0)
		return EVENT_REFUSAL_FTP_534;
	for (size_t i = 0; action == VERDICT_REFUSE && i < ARRAY_LEN(words); i++)
		if (strcmp(m->protocol, words[i].protocol) == 0 &&
			(m->direction == DIR_CLIENT ||
				words[i].said == EVENT_REFUSAL_FTP_550))
			return words[i].said;
	return EVENT_REFUSAL_RESET;
}

void
report_message(void *ctx, struct message *m)
{
	struct report *r = ctx;
	struct inspection *in = m->conversation->host;
	uint64_t ordinal = ordinal_of(in, m);
	struct event_context c;
	struct judgement j;
	struct names names;
	enum verdict action;
	char *json;
	size_t n = 0;

	/* Nothing was said: such as a session whose only bytes were counted elsewhere. */
	if (m->bytes_total == 0 && m->gap_bytes == 0) {
		conclude(in, m, ordinal, VERDICT_FORWARD);
		return;
	}
	policy_judge(r->policy, m, &m->conversation->ends, &j);
	/* Asked for, nothing came of it, and nothing was done about it: there was nothing that
	 * could not be read. */
	if (m->opaque_ahead != OPAQUE_NONE && action_on(in, m, &j) == VERDICT_FORWARD) {
		m->opaque_ahead = OPAQUE_NONE;
		policy_judge(r->policy, m, &m->conversation->ends, &j);
	}
	r->stats->messages++;
	count_findings(r, m);
	count_verdict(r, &j);
	action = action_on(in, m, &j);
	conclude(in, m, ordinal, action);
	if (!report_writes(m, j.alert || action != VERDICT_FORWARD, r->cfg->log_messages))
		return;
	c = context_of(r, in, &names);
	c.action = verdict_name(action);
	c.refusal = said_of(in, m, action);
	c.sequence = (*r->sequence)++;
	c.ordinal = ordinal;
	json = event_json(m, &j, r->policy, &c, &n);
	send_event(r, json, n);
}

static const struct finding_counts none_found[DETECT_DETECTORS_MAX];

static struct message
unread_message(struct inspection *in, enum direction dir, uint64_t bytes)
{
	return (struct message){.env = in->conversation.env,
		.conversation = &in->conversation,
		.direction = dir,
		.channel = in->conversation.channel,
		.protocol = "raw",
		.counts = none_found,
		.bytes_total = bytes,
		.opaque[OPAQUE_OVER_BUDGET] = bytes};
}

void
report_unread(struct report *r, struct inspection *in, enum direction dir, uint64_t bytes)
{
	struct message m = unread_message(in, dir, bytes);

	m.mail_to_tail = &m.mail_to;
	report_message(r, &m);
}

enum verdict
report_unread_verdict(struct report *r, struct inspection *in, enum direction dir, uint64_t bytes)
{
	struct message m = unread_message(in, dir, bytes);
	struct judgement j;

	m.mail_to_tail = &m.mail_to;
	policy_judge(r->policy, &m, &in->conversation.ends, &j);
	return j.verdict;
}

static bool
is_inside(const struct policy *p, const struct endpoints *ends, enum direction side)
{
	int domain = policy_domain_of_address(p, ends->family, ends->address[side]);

	return domain != DOMAIN_NONE && p->domains[domain].control == CONTROL_INSIDE;
}

void
report_evasion(struct report *r, const struct inspection *in, const struct event_evasion *e)
{
	enum direction dir = e->direction;
	struct names names;
	struct event_context c = context_of(r, in, &names);
	char *json;
	size_t n = 0;

	c.direction = event_direction(is_inside(r->policy, c.ends, dir),
		is_inside(r->policy, c.ends, dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT));
	c.sequence = (*r->sequence)++;
	if (in->mode == EVENT_ENFORCE)
		c.action = e->kind == EVENT_EVASION_TCP_OVERLAP_CONFLICT ? "rewrite" : "drop";
	json = event_evasion_json(e, &c, &n);
	send_event(r, json, n);
}
