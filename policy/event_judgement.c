/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/event_judgement.h"

static void
put_information(const struct judgement *j, const struct policy *p, struct judgement_words *ret)
{
	for (unsigned i = 0; i < j->n_information; i++) {
		const struct judged_information *held = &j->information[i];

		ret->information[i] = (struct event_information){
			p->information[held->information].id, held->count, held->at_least};
	}
	ret->words.information = ret->information;
	ret->words.n_information = j->n_information;
}

static void
put_policy(const struct policy *p, struct event_judgement *w)
{
	w->policy_name = p->name;
	w->policy_version = p->version;
	w->policy_digest = p->digest;
}

static bool
is_inside(const struct policy *p, int domain)
{
	return domain != DOMAIN_NONE && p->domains[domain].control == CONTROL_INSIDE;
}

static void
put_domains(const struct judgement *j, const struct policy *p, struct judgement_words *ret)
{
	struct event_judgement *w = &ret->words;

	w->from = policy_domain_id(p, j->from);
	w->from_inside = is_inside(p, j->from);
	w->to_inside = true;
	for (unsigned i = 0; i < j->n_all_to; i++) {
		ret->to[i] = policy_domain_id(p, j->all_to[i]);
		w->to_inside = w->to_inside && is_inside(p, j->all_to[i]);
	}
	w->to = ret->to;
	w->n_to = j->n_all_to;
}

void
judgement_in_words(const struct judgement *j, const struct policy *policy, const struct message *m,
	struct judgement_words *ret)
{
	ret->words = (struct event_judgement){
		.verdict = verdict_name(j->verdict),
		.alert = j->alert,
		.class_name = policy->classes[j->class],
		.class_rank = j->class,
		.ceiling = policy->classes[j->ceiling],
		.reason = judgement_explain(policy, m, j, ret->reason, sizeof(ret->reason)),
		.row = j->row->line,
	};
	put_domains(j, policy, ret);
	put_information(j, policy, ret);
	put_policy(policy, &ret->words);
}

void
judgement_of_file_in_words(
	const struct judgement *j, const struct policy *policy, struct judgement_words *ret)
{
	ret->words = (struct event_judgement){0};
	if (!policy->shipped) {
		ret->words.class_name = policy->classes[j->class];
		ret->words.class_rank = j->class;
	}
	put_information(j, policy, ret);
	put_policy(policy, &ret->words);
}

char *
event_json(const struct message *m, const struct judgement *j, const struct policy *policy,
	const struct event_context *c, size_t *ret_n)
{
	struct judgement_words words;

	judgement_in_words(j, policy, m, &words);
	return event_json_of(m, &words.words, c, ret_n);
}
