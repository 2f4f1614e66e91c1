/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "inspectors/conversation.h"

enum refuse_step
conversation_refuse(struct conversation *c, struct refusal *r)
{
	enum refuse_step step = REFUSE_RESET;

	c->refused = true;
	r->n_words = 0;
	if (c->state != NULL && c->ops->refuse != NULL)
		step = c->ops->refuse(c->state, r);
	if (step == REFUSE_RESET || step == REFUSE_WAIT)
		r->n_words = 0;
	/* Whatever an inspector waits for, it isn't coming. */
	if (r->last && (step == REFUSE_WAIT || step == REFUSE_ABSORB))
		step = REFUSE_CLOSE;
	return step;
}

uint64_t
refusal_unreleased(const struct conversation *c, const struct refusal *r)
{
	uint64_t delivered = c->stats.delivered[r->dir];

	return r->released < delivered ? delivered - r->released : 0;
}

bool
refusal_say(struct refusal *r, const char *format, ...)
{
	/* One byte more than the words may have, for vsnprintf()'s NUL. */
	char text[REFUSAL_WORDS_MAX + 1];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n > sizeof(r->words) - r->n_words)
		return false;
	memcpy(r->words + r->n_words, text, (size_t)n);
	r->n_words += (size_t)n;
	return true;
}
