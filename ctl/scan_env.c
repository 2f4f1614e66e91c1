/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspectors/detect/pseudonym.h"
#include "inspectors/stream/charset.h"
#include "policy/event_judgement.h"
#include "policy/secret.h"

enum { CONVERSIONS = 64 }; /* iconv, of the parts that are open at once */

/* Birth dates are judged against today, where this runs. */
static struct civil_date
today(void)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	return (struct civil_date){
		(int16_t)(tm.tm_year + 1900), (uint8_t)(tm.tm_mon + 1), (uint8_t)tm.tm_mday};
}

static bool
open_key(struct scan *s)
{
	uint8_t key[SECRET_BYTES];
	enum secret_source source;
	char why[512];

	if (secret_find(s->options.key, key, &source, why, sizeof(why)) != 0) {
		fprintf(stderr, "slussctl scan: %s\n", why);
		return false;
	}
	s->env.pseudonym = pseudonym_new(key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (source == SECRET_RANDOM && !s->options.quiet)
		fputs("slussctl scan: no key is installed: pseudonyms can't be compared with "
		      "those of another run (see `slussctl init`)\n",
			stderr);
	return s->env.pseudonym != NULL;
}

static bool
open_policy(struct scan *s)
{
	struct diag d;

	diag_init(&d);
	s->policy = s->options.policy == NULL ? policy_load_packs(NULL, &d)
					      : policy_load(s->options.policy, NULL, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	if (s->policy != NULL)
		s->env.detect = policy_detect(s->policy);
	return s->policy != NULL;
}

static bool
open_rest(struct scan *s)
{
	uint8_t random[SECRET_BYTES];

	if (secret_random(random) != 0)
		return false;
	memcpy(&s->env.distinct_seed, random, sizeof(s->env.distinct_seed));
	s->env.scratch = detect_scratch_new(s->env.detect);
	s->totals.by_detector =
		calloc(detect_set_detectors(s->env.detect), sizeof(*s->totals.by_detector));
	s->env.charsets = charset_catalog_new(CONVERSIONS);
	return s->env.scratch != NULL && s->totals.by_detector != NULL && s->env.charsets != NULL;
}

bool
scan_env_open(struct scan *s)
{
	s->limits = inspect_limits_default();
	s->env.limits = &s->limits;
	s->env.today = today();
	s->env.message_done = scan_message_done;
	s->env.ctx = s;
	s->budget.limit = s->limits.flow_memory;
	arena_init(&s->keep, &arena_source_malloc, &s->budget);
	arena_init(&s->stack, &arena_source_malloc, &s->budget);
	if (!open_policy(s) || !open_key(s)) {
		scan_env_close(s);
		return false;
	}
	if (!open_rest(s)) {
		fputs("slussctl scan: no memory, or no random numbers from the system\n", stderr);
		scan_env_close(s);
		return false;
	}
	return true;
}

void
scan_env_close(struct scan *s)
{
	arena_release(&s->keep);
	arena_release(&s->stack);
	free(s->totals.by_detector);
	charset_catalog_free((struct charset_catalog *)s->env.charsets);
	pseudonym_free((struct pseudonym *)s->env.pseudonym);
	detect_scratch_free(s->env.scratch);
	policy_free(s->policy);
}

void
scan_message_done(void *ctx, struct message *m)
{
	struct scan *s = ctx;
	struct judgement j;
	struct judgement_words words;

	policy_judge(s->policy, m, NULL, &j);
	judgement_of_file_in_words(&j, s->policy, &words);
	scan_record_add(&s->record, m, &words.words);
}
