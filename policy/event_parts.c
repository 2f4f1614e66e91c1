/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/event_parts.h"

static void
put_email(struct json_put *w, json_t *root, const struct message *m)
{
	json_t *email, *list;
	unsigned listed = 0;

	if (m->mail_from.n == 0 && m->mail_to == NULL && m->subject.n == 0 && m->message_id.n == 0)
		return;
	email = json_put_object(w, root, "email");
	if (m->mail_from.n > 0) {
		list = json_put_array(w, json_put_object(w, email, "from"), "address");
		json_put_append_masked(w, list, m->mail_from);
	}
	if (m->mail_to != NULL) {
		list = json_put_array(w, json_put_object(w, email, "to"), "address");
		for (const struct mail_address *a = m->mail_to;
			a != NULL && listed < EVENT_RECIPIENTS_LISTED; a = a->next, listed++)
			json_put_append_masked(w, list, a->address);
	}
	json_put_masked(w, email, "subject", m->subject);
	json_put_masked(w, email, "message_id", m->message_id);
}

void
event_put_description(struct json_put *w, json_t *root, const struct message *m)
{
	put_email(w, root, m);
	if (m->file_name.n > 0)
		json_put_masked(w, json_put_object(w, root, "file"), "name", m->file_name);
	if (m->url_host.n > 0 || m->url_path.n > 0) {
		json_t *url = json_put_object(w, root, "url");

		json_put_masked(w, url, "domain", m->url_host);
		json_put_masked(w, url, "path", m->url_path);
	}
	if (m->http_method.n > 0) {
		json_t *request = json_put_object(w, json_put_object(w, root, "http"), "request");

		json_put_masked(w, request, "method", m->http_method);
	}
}

static void
put_domains(struct json_put *w, json_t *sluss, const struct event_judgement *j)
{
	json_put_string(w, sluss, "verdict", j->verdict);
	json_put_string(w, sluss, "from", j->from);
	if (j->n_to > 0) {
		json_t *to = json_put_array(w, sluss, "to");

		for (size_t i = 0; i < j->n_to; i++)
			json_put_append_string(w, to, j->to[i]);
	}
}

static void
put_classification(struct json_put *w, json_t *sluss, const struct event_judgement *j)
{
	json_t *list;

	json_put_string(w, sluss, "class", j->class_name);
	json_put_string(w, sluss, "ceiling", j->ceiling);
	list = json_put_array(w, sluss, "information");
	for (size_t i = 0; i < j->n_information; i++) {
		json_t *type = json_put_append_object(w, list);

		json_put_string(w, type, "id", j->information[i].id);
		json_put_count(w, type, "count", j->information[i].count);
		if (j->information[i].at_least &&
			json_object_set_new(type, "at_least", json_true()) != 0)
			w->failed = true;
	}
}

static void
put_finding(struct json_put *w, json_t *list, const struct message *m, const struct finding *f)
{
	static const char digits[] = "0123456789abcdef";
	char pseudonym[2 * PSEUDONYM_BYTES + 1];
	json_t *finding = json_put_append_object(w, list);

	for (size_t i = 0; i < PSEUDONYM_BYTES; i++) {
		pseudonym[2 * i] = digits[f->pseudonym[i] >> 4];
		pseudonym[2 * i + 1] = digits[f->pseudonym[i] & 15];
	}
	pseudonym[sizeof(pseudonym) - 1] = '\0';
	json_put_string(
		w, finding, "detector", detect_set_detector_id(m->env->detect, f->detector));
	json_put_string(w, finding, "part", f->part);
	json_put_count(w, finding, "offset", f->offset);
	json_put_string(w, finding, "confidence", confidence_name(f->confidence));
	json_put_string(w, finding, "mask", f->mask);
	json_put_string(w, finding, "pseudonym", pseudonym);
}

static void
put_detector(struct json_put *w, json_t *list, const struct message *m, size_t detector)
{
	const struct finding_counts *n = &m->counts[detector];
	uint64_t total = 0;
	json_t *object;

	for (int level = CONFIDENCE_LOW; level <= CONFIDENCE_HIGH; level++)
		total += n->total[level];
	if (total == 0)
		return;
	object = json_put_append_object(w, list);
	json_put_string(w, object, "id", detect_set_detector_id(m->env->detect, detector));
	json_put_count(w, object, "total", total);
	json_put_count(w, object, "low", n->total[CONFIDENCE_LOW]);
	json_put_count(w, object, "medium", n->total[CONFIDENCE_MEDIUM]);
	json_put_count(w, object, "high", n->total[CONFIDENCE_HIGH]);
	json_put_count(w, object, "distinct", n->distinct);
	json_put_count(w, object, "distinct_low", n->distinct_low);
	if (m->distinct_over && json_object_set_new(object, "at_least", json_true()) != 0)
		w->failed = true;
}

static void
put_marks(struct json_put *w, json_t *sluss, const struct message *m)
{
	json_t *list;

	if (m->marks == 0)
		return;
	list = json_put_array(w, sluss, "marks");
	for (size_t i = 0; i < DETECT_MARKS_MAX; i++)
		if ((m->marks >> i & 1) != 0)
			json_put_append_string(w, list, detect_set_mark_name(m->env->detect, i));
}

static void
put_findings(struct json_put *w, json_t *sluss, const struct message *m)
{
	json_t *list;

	put_marks(w, sluss, m);
	list = json_put_array(w, sluss, "findings");
	for (unsigned i = 0; i < m->n_findings; i++)
		put_finding(w, list, m, &m->findings[i]);
	json_put_count(w, sluss, "findings_total", m->findings_total);
	list = json_put_array(w, sluss, "detectors");
	for (size_t i = 0; m->counts != NULL && i < detect_set_detectors(m->env->detect); i++)
		put_detector(w, list, m, i);
}

static void
put_bytes(struct json_put *w, json_t *sluss, const struct message *m)
{
	json_t *list = json_put_array(w, sluss, "opaque"), *totals = NULL, *bytes;
	uint64_t opaque = 0;

	for (unsigned i = 0; i < m->n_opaque_parts; i++) {
		const struct opaque_part *p = &m->opaque_parts[i];
		json_t *part = json_put_append_object(w, list);

		json_put_string(w, part, "part", p->part);
		json_put_string(w, part, "reason", opaque_reason_name(p->reason));
		json_put_count(w, part, "bytes", p->bytes);
	}
	for (enum opaque_reason r = OPAQUE_NONE + 1; r < OPAQUE_COUNT; r++) {
		if (m->opaque[r] == 0)
			continue;
		opaque += m->opaque[r];
		if (totals == NULL)
			totals = json_put_object(w, sluss, "opaque_bytes");
		json_put_count(w, totals, opaque_reason_name(r), m->opaque[r]);
	}
	bytes = json_put_object(w, sluss, "bytes");
	json_put_count(
		w, bytes, "inspected", m->bytes_total > opaque ? m->bytes_total - opaque : 0);
	json_put_count(w, bytes, "opaque", opaque);
	if (m->gap_bytes > 0)
		json_put_count(w, bytes, "gap", m->gap_bytes);
}

/* Why this event may not be the whole truth. */
static void
put_flags(struct json_put *w, json_t *sluss, const struct message *m, const struct event_context *c)
{
	const struct {
		const char *name;
		bool set;
	} flags[] = {
		{"gap", m->gap_bytes > 0},
		{"cut", m->cut},
		{"midstream", c != NULL && c->midstream},
		{"evasion", c != NULL && c->evasion},
		{"recipients-over", m->recipients_over},
		{"distinct-over", m->distinct_over},
	};
	json_t *list = NULL;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!flags[i].set)
			continue;
		if (list == NULL)
			list = json_put_array(w, sluss, "flags");
		json_put_append_string(w, list, flags[i].name);
	}
}

static void
put_policy(struct json_put *w, json_t *sluss, const struct event_judgement *j)
{
	json_t *policy;

	if (j->policy_name == NULL)
		return;
	policy = json_put_object(w, sluss, "policy");
	json_put_string(w, policy, "name", j->policy_name);
	json_put_count(w, policy, "version", j->policy_version);
	json_put_string(w, policy, "digest", j->policy_digest);
}

void
event_put_sluss(struct json_put *w, json_t *sluss, const struct message *m,
	const struct event_judgement *j, const struct event_context *c)
{
	put_domains(w, sluss, j);
	json_put_string(w, sluss, "channel", channel_name(m->channel));
	json_put_string(w, sluss, "inspector", m->protocol);
	json_put_string(w, sluss, "command", m->command);
	if (m->n_mail_to > 0)
		json_put_count(w, sluss, "recipients", m->n_mail_to);
	put_classification(w, sluss, j);
	put_findings(w, sluss, m);
	put_bytes(w, sluss, m);
	put_flags(w, sluss, m, c);
	put_policy(w, sluss, j);
}
