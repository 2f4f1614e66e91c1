/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/policy_swap.h"

#include <assert.h>
#include <string.h>

void
policy_swap_init(struct policy_swap *s, struct policy *p, unsigned n_readers)
{
	assert(n_readers <= POLICY_SWAP_READERS);
	memset(s, 0, sizeof(*s));
	s->slots[0] = p;
	s->n_readers = n_readers;
	for (unsigned i = 0; i < n_readers; i++)
		atomic_store(&s->readers[i].used, 1u);
}

struct policy *
policy_swap_current(const struct policy_swap *s)
{
	return s->slots[atomic_load(&s->current)];
}

unsigned
policy_swap_collect(struct policy_swap *s)
{
	unsigned used = 1u << atomic_load(&s->current), old = 0;

	for (unsigned i = 0; i < s->n_readers; i++)
		used |= atomic_load(&s->readers[i].used);
	for (unsigned i = 0; i < POLICY_SWAP_SLOTS; i++) {
		if ((used & 1u << i) == 0) {
			policy_free(s->slots[i]);
			s->slots[i] = NULL;
		} else {
			old++;
		}
	}
	return old - 1;
}

bool
policy_swap_offer(struct policy_swap *s, struct policy *p)
{
	(void)policy_swap_collect(s);
	for (unsigned i = 0; i < POLICY_SWAP_SLOTS; i++) {
		if (s->slots[i] == NULL) {
			s->slots[i] = p;
			atomic_store(&s->current, i);
			return true;
		}
	}
	return false;
}

const struct policy *
policy_swap_take(struct policy_swap *s, unsigned reader)
{
	struct policy_reader *r = &s->readers[reader];
	unsigned now = atomic_load_explicit(&s->current, memory_order_relaxed), before;

	if (now == r->taken)
		return NULL;
	now = atomic_load(&s->current);
	for (;;) {
		/* A mark of this reader's from before, such as of a message, isn't to be taken off. */
		before = atomic_fetch_or(&r->used, 1u << now);
		unsigned again = atomic_load(&s->current);

		if (again == now)
			break;
		if ((before & 1u << now) == 0)
			atomic_fetch_and(&r->used, ~(1u << now));
		now = again;
	}
	r->taken = now;
	return s->slots[now];
}

void
policy_swap_review(struct policy_swap *s, unsigned reader,
	bool (*uses)(void *ctx, const struct policy *p), void *ctx)
{
	struct policy_reader *r = &s->readers[reader];
	unsigned old = atomic_load_explicit(&r->used, memory_order_relaxed) & ~(1u << r->taken);

	for (unsigned i = 0; old != 0 && i < POLICY_SWAP_SLOTS; i++)
		if ((old & 1u << i) != 0 && (uses == NULL || !uses(ctx, s->slots[i])))
			atomic_fetch_and(&r->used, ~(1u << i));
}

void
policy_swap_free(struct policy_swap *s)
{
	for (unsigned i = 0; i < POLICY_SWAP_SLOTS; i++)
		policy_free(s->slots[i]);
	memset(s, 0, sizeof(*s));
}
