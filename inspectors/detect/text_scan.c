/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream of text, cut into blocks of folded text:
 *
 *   push -> fold -> block -> match (hits as bits) -> decide, by end offset
 *
 * A candidate is decided when VIEW_AFTER bytes stand behind it, or when the
 * text ends; until then it is pending. So what a validator sees, and the order
 * of findings, never depends on how the text was split. A preview decides what
 * is pending as the end would, and puts back what that changed.
 */
#include "inspectors/detect/detect_set.h"
#include "inspectors/detect/fold.h"

enum {
	PENDING_MAX = VIEW_AFTER,
	DIRECT_MIN = 512, /* unchanged runs of this size aren't worth a copy */
	MAP_BITS = 30,
};

/*
 * A map entry belongs to one byte of folded text. Its low bits are the offset
 * in the original text less the offset in the folded text, modulo 2^30; the
 * two high ones the size of what was folded, less one.
 */
#define MAP_MASK ((UINT32_C(1) << MAP_BITS) - 1)

struct pending {
	uint16_t end; /* low bits of the folded offset */
	uint16_t candidate;
};

struct text_scan {
	const struct detect_set *set;
	struct detect_scratch *scratch;
	struct detect_sink sink;
	struct civil_date today;
	struct fold fold;
	uint64_t total;      /* bytes of folded text, those of the current block included */
	uint64_t shift;      /* what the original text is longer by, at its end */
	uint64_t tail_shift; /* the same at the end of the tail */
	void **streams;
	uint8_t *found; /* word lists: a bit for each term that was found */
	unsigned counted[DETECT_WORDS_MAX];
	unsigned evident; /* word lists that have their evidence */
	uint16_t tail_n, n_pending, n_recent;
	bool bent; /* tail_map differs from tail_shift somewhere */
	bool closed;
	uint8_t tail[TAIL_MAX];
	uint32_t tail_map[TAIL_MAX];
	struct pending pending[PENDING_MAX];
	struct recent recent[RECENT_MAX];
};

/* Folded text that is being matched. */
struct block {
	const uint8_t *p;
	size_t n;
	uint64_t base;       /* folded offset of its first byte */
	const uint32_t *map; /* NULL: all bytes are shifted by text_scan.shift */
	bool joined;         /* scratch.joined is made */
};

struct text_scan *
text_scan_open(const struct detect_set *set, struct detect_scratch *scratch,
	struct civil_date today, const struct detect_sink *sink, struct arena *arena)
{
	struct text_scan *s = arena_alloc(arena, sizeof(*s));
	size_t n = hs_matcher_databases(set->matcher);

	if (s == NULL)
		return NULL;
	memset(s, 0, offsetof(struct text_scan, tail));
	memset(s->recent, 0, sizeof(s->recent));
	s->set = set;
	s->scratch = scratch;
	s->today = today;
	s->sink = *sink;
	s->streams = arena_alloc(arena, n * sizeof(s->streams[0]));
	s->found = arena_zalloc(arena, set->n_words * WORD_TERMS_MAX / 8);
	if (s->streams == NULL || s->found == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		s->streams[i] = hs_matcher_open(set->matcher, i, arena);
		if (s->streams[i] == NULL)
			return NULL;
	}
	return s;
}

/* ---- views and the map ---- */

static void
join(struct text_scan *s, struct block *b)
{
	size_t n = b->n < TAIL_MAX ? b->n : TAIL_MAX;

	if (b->joined)
		return;
	memcpy(s->scratch->joined, s->tail, s->tail_n);
	if (n > 0)
		memcpy(s->scratch->joined + s->tail_n, b->p, n);
	b->joined = true;
}

/* The view of a candidate that ends at @p end; *ret_base is its folded offset. */
static struct view
view_at(struct text_scan *s, struct block *b, uint64_t end, uint64_t *ret_base)
{
	uint64_t from = end > VIEW_BEFORE ? end - VIEW_BEFORE : 0;
	uint64_t to = end + VIEW_AFTER < s->total ? end + VIEW_AFTER : s->total;
	const uint8_t *p;

	if (from >= b->base) {
		p = b->p + (from - b->base);
	} else {
		join(s, b);
		p = s->scratch->joined + (from - (b->base - s->tail_n));
	}
	*ret_base = from;
	return (struct view){bytes_of(p, (size_t)(to - from)), from > 0, s->today};
}

/* Where the byte at folded offset @p at was in the original text, and its size there. */
static uint64_t
original(const struct text_scan *s, const struct block *b, uint64_t at, unsigned *ret_size)
{
	uint64_t shift;
	uint32_t entry;

	*ret_size = 1;
	if (at >= b->base) {
		if (b->map == NULL)
			return at + s->shift;
		shift = s->shift;
		entry = b->map[at - b->base];
	} else {
		if (!s->bent)
			return at + s->tail_shift;
		shift = s->tail_shift;
		entry = s->tail_map[at - (b->base - s->tail_n)];
	}
	*ret_size = (entry >> MAP_BITS) + 1;
	return at + shift - (((uint32_t)shift - entry) & MAP_MASK);
}

/* ---- decisions ---- */

static bool
told_before(struct text_scan *s, uint16_t detector, uint32_t end)
{
	for (size_t i = 0; i < RECENT_MAX; i++)
		if (s->recent[i].detector == detector + 1u && s->recent[i].end == end)
			return true;
	s->recent[s->n_recent % RECENT_MAX] = (struct recent){end, detector + 1u};
	s->n_recent = (uint16_t)((s->n_recent + 1) % RECENT_MAX);
	return false;
}

static void
report(struct text_scan *s, const struct block *b, const struct claim *c, uint64_t base)
{
	struct bytes norm = bytes_of(c->reading.normalised, c->reading.n);
	uint64_t begin = base + c->reading.begin, end = base + c->reading.end;
	unsigned size, ignore;
	struct raw_finding f = {.detector = c->detector,
		.mark = -1,
		.confidence = c->confidence,
		.offset = original(s, b, begin, &ignore),
		.normalised = norm};

	if (told_before(s, c->detector, (uint32_t)end))
		return;
	f.length = (uint32_t)(original(s, b, end - 1, &size) - f.offset);
	f.length += size;
	if (s->set->detectors[c->detector].validator->marks != NULL)
		for (size_t m = 0; m < s->set->n_marks; m++)
			if (bytes_equal(norm, bytes_str(s->set->marks[m])))
				f.mark = (int16_t)m;
	if (s->sink.finding != NULL)
		s->sink.finding(s->sink.ctx, &f);
}

/* Add what detector @p d reads at @p end to the claims; returns how many there are. */
static size_t
claim(struct text_scan *s, const struct view *v, size_t end, size_t d, size_t n)
{
	const struct detector *k = &s->set->detectors[d];
	struct readings *r = &s->scratch->readings;

	r->n = 0;
	k->validator->validate(v, end, r);
	for (unsigned i = 0; i < r->n && n < CLAIMS_MAX; i++) {
		struct claim *c = &s->scratch->claims[n];

		c->reading = r->at[i];
		c->detector = (uint16_t)d;
		c->found = terms_context(k->terms, v->text, r->at[i].begin, r->at[i].end,
			r->at[i].before, r->at[i].after);
		c->confidence = r->at[i].level[c->found.context];
		n += c->confidence > CONFIDENCE_NONE;
	}
	return n;
}

/*
 * Ten digits may be a Swedish and a Danish number. The Danish one is read with
 * context only, and then wins, unless the Swedish number's own context stands
 * nearer (identifier specification, 11.2).
 */
static void
settle(const struct detect_set *set, struct claim *claims, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct claim *danish = &claims[i];

		if (set->detectors[danish->detector].validator->precedence != DANISH)
			continue;
		for (size_t k = 0; k < n; k++) {
			struct claim *c = &claims[k];

			if (set->detectors[c->detector].validator->precedence != SWEDISH ||
				c->reading.end != danish->reading.end)
				continue;
			if (c->found.context == CONTEXT_POSITIVE &&
				c->found.distance <= danish->found.distance)
				danish->confidence = CONFIDENCE_NONE;
			else
				c->confidence = CONFIDENCE_NONE;
		}
	}
}

static void
note_words(struct text_scan *s, const struct view *v, size_t end)
{
	for (size_t i = 0; i < s->set->n_words; i++) {
		const struct word_list *w = &s->set->words[i];
		uint8_t *found = s->found + i * WORD_TERMS_MAX / 8;

		for (unsigned k = 0; k < w->n && (s->evident >> i & 1) == 0; k++) {
			if ((found[k / 8] >> k % 8 & 1) != 0 ||
				!term_ends_at(w->terms[k], v->text, end))
				continue;
			found[k / 8] |= (uint8_t)(1u << k % 8);
			if (++s->counted[i] < w->at_least)
				continue;
			s->evident |= 1u << i;
			if (s->sink.evidence != NULL)
				s->sink.evidence(s->sink.ctx, (unsigned)i);
		}
	}
}

/* Digits that end at @p end, at most as many as by_digits tells apart. */
static size_t
digits_before(struct bytes text, size_t end)
{
	size_t n = 0;

	while (n < RUNS_TOLD - 1 && n < end && ascii_is_digit(text.p[end - 1 - n]))
		n++;
	return n;
}

/* Judge all candidates (bits) that end at a folded offset. */
static void
decide(struct text_scan *s, struct block *b, uint64_t end, uint64_t candidates)
{
	const struct detect_set *set = s->set;
	uint64_t detectors[DETECTOR_WORDS] = {0};
	uint64_t base;
	struct view v = view_at(s, b, end, &base);
	size_t at = (size_t)(end - base), n = 0;
	const uint64_t *admitted = set->by_digits[digits_before(v.text, at)];

	for (; candidates != 0; candidates &= candidates - 1) {
		int c = __builtin_ctzll(candidates);

		if (c == set->words_candidate)
			note_words(s, &v, at);
		for (size_t w = 0; w < DETECTOR_WORDS; w++)
			detectors[w] |= set->candidates[c].detectors[w];
	}
	for (size_t w = 0; w < DETECTOR_WORDS; w++)
		for (uint64_t left = detectors[w] & admitted[w]; left != 0; left &= left - 1)
			n = claim(s, &v, at, w * 64 + (size_t)__builtin_ctzll(left), n);
	if (n > 1)
		settle(set, s->scratch->claims, n);
	for (size_t i = 0; i < n; i++)
		if (s->scratch->claims[i].confidence > CONFIDENCE_NONE)
			report(s, b, &s->scratch->claims[i], base);
}

/* The whole offset of a pending candidate, which ended within the last bytes. */
static uint64_t
pending_end(const struct text_scan *s, size_t i)
{
	return s->total - (uint16_t)((uint16_t)s->total - s->pending[i].end);
}

/* Decide the first pending candidates, those with one end together. */
static size_t
decide_first(struct text_scan *s, struct block *b, size_t i)
{
	uint64_t end = pending_end(s, i), candidates = 0;

	for (; i < s->n_pending && pending_end(s, i) == end; i++)
		candidates |= UINT64_C(1) << s->pending[i].candidate;
	decide(s, b, end, candidates);
	return i;
}

static void
set_pending(struct text_scan *s, size_t n)
{
	if (s->sink.pending != NULL)
		*s->sink.pending += (uint32_t)n - s->n_pending;
	s->n_pending = (uint16_t)n;
}

/* The first @p n are decided. */
static void
drop_pending(struct text_scan *s, size_t n)
{
	set_pending(s, s->n_pending - n);
	memmove(s->pending, s->pending + n, s->n_pending * sizeof(s->pending[0]));
}

static void
decide_pending(struct text_scan *s, struct block *b)
{
	size_t i = 0;

	while (i < s->n_pending && (s->closed || pending_end(s, i) + VIEW_AFTER <= s->total))
		i = decide_first(s, b, i);
	if (i > 0)
		drop_pending(s, i);
}

static void
put_off(struct text_scan *s, struct block *b, uint64_t end, uint64_t candidates)
{
	size_t n;

	/* Full only for text made to fill it: the oldest is decided with what is there. */
	if (s->n_pending + (size_t)__builtin_popcountll(candidates) > PENDING_MAX)
		drop_pending(s, decide_first(s, b, 0));
	n = s->n_pending;
	for (; candidates != 0 && n < PENDING_MAX; candidates &= candidates - 1)
		s->pending[n++] =
			(struct pending){(uint16_t)end, (uint16_t)__builtin_ctzll(candidates)};
	set_pending(s, n);
}

/* ---- matching ---- */

struct hit_ctx {
	struct text_scan *s;
	const struct block *b;
};

static bool
continues(uint8_t next)
{
	return ascii_is_digit(next) || ((next | 0x20) >= 'a' && (next | 0x20) <= 'z');
}

static int
on_hit(unsigned candidate, uint64_t end, void *ctx)
{
	const struct hit_ctx *h = ctx;
	struct detect_scratch *scratch = h->s->scratch;
	size_t at = (size_t)(end - h->b->base); /* 1 to n */

	/* Most hits of digit runs end here: the run goes on. */
	if (h->s->set->candidates[candidate].ends && at < h->b->n && continues(h->b->p[at]))
		return 0;
	scratch->hits[candidate][(at - 1) / 64] |= UINT64_C(1) << (at - 1) % 64;
	scratch->dirty |= UINT64_C(1) << candidate;
	return 0;
}

/* The candidates that end with the bytes of word @p w of the hits, in order. */
static void
take_hits(struct text_scan *s, struct block *b, size_t w)
{
	uint64_t(*hits)[BLOCK_MAX / 64] = s->scratch->hits;
	uint64_t any = 0, left;

	for (left = s->scratch->dirty; left != 0; left &= left - 1)
		any |= hits[__builtin_ctzll(left)][w];
	for (; any != 0; any &= any - 1) {
		int bit = __builtin_ctzll(any);
		uint64_t end = b->base + w * 64 + (unsigned)bit + 1, candidates = 0;

		for (left = s->scratch->dirty; left != 0; left &= left - 1)
			if ((hits[__builtin_ctzll(left)][w] >> bit & 1) != 0)
				candidates |= left & -left;
		if (end + VIEW_AFTER <= s->total)
			decide(s, b, end, candidates);
		else
			put_off(s, b, end, candidates);
	}
	for (left = s->scratch->dirty; left != 0; left &= left - 1)
		hits[__builtin_ctzll(left)][w] = 0;
}

static void
keep_tail(struct text_scan *s, const struct block *b)
{
	size_t fresh = b->n < TAIL_MAX ? b->n : TAIL_MAX;
	size_t old = s->tail_n < TAIL_MAX - fresh ? s->tail_n : TAIL_MAX - fresh;
	size_t drop = s->tail_n - old;
	uint32_t straight = (uint32_t)s->shift & MAP_MASK;
	bool bent = b->map != NULL || (old > 0 && (s->bent || s->shift != s->tail_shift));

	memmove(s->tail, s->tail + drop, old);
	memcpy(s->tail + old, b->p + b->n - fresh, fresh);
	if (bent) {
		if (s->bent)
			memmove(s->tail_map, s->tail_map + drop, old * sizeof(s->tail_map[0]));
		else
			for (size_t i = 0; i < old; i++)
				s->tail_map[i] = (uint32_t)s->tail_shift & MAP_MASK;
		for (size_t i = 0; i < fresh; i++)
			s->tail_map[old + i] = b->map != NULL ? b->map[b->n - fresh + i] : straight;
	}
	s->bent = bent;
	s->tail_n = (uint16_t)(old + fresh);
	s->tail_shift = s->shift;
}

/*
 * The same for hits at the end of the block before, whose next byte came now.
 * Without this, a run of digits that comes byte by byte would fill pending.
 */
static void
drop_continued(struct text_scan *s, uint8_t next)
{
	size_t kept = s->n_pending, n = s->n_pending;

	while (kept > 0 && pending_end(s, kept - 1) == s->total)
		kept--;
	for (size_t i = kept; i < n && continues(next); i++)
		if (!s->set->candidates[s->pending[i].candidate].ends)
			s->pending[kept++] = s->pending[i];
	if (continues(next))
		set_pending(s, kept);
}

/* Match a block of folded text (at most BLOCK_MAX bytes). */
static void
scan_block(struct text_scan *s, const uint8_t *p, size_t n, const uint32_t *map)
{
	struct block b = {p, n, s->total, map, false};
	struct hit_ctx ctx = {s, &b};

	drop_continued(s, p[0]);
	s->total += n;
	s->scratch->dirty = 0;
	for (size_t i = 0; i < hs_matcher_databases(s->set->matcher); i++)
		hs_matcher_scan(s->streams[i], bytes_of(p, n), s->scratch->space, on_hit, &ctx);
	decide_pending(s, &b);
	if (s->scratch->dirty != 0)
		for (size_t w = 0; w < (n + 63) / 64; w++)
			take_hits(s, &b, w);
	keep_tail(s, &b);
}

/* ---- folding into blocks ---- */

/* Folded text that waits in the scratch space. */
struct builder {
	struct text_scan *s;
	size_t n;
};

static void
build_flush(struct builder *w)
{
	if (w->n > 0)
		scan_block(w->s, w->s->scratch->folded, w->n, w->s->scratch->map);
	w->n = 0;
}

static void
build_byte(struct builder *w, uint8_t byte, unsigned size)
{
	struct detect_scratch *scratch = w->s->scratch;

	scratch->folded[w->n] = byte;
	scratch->map[w->n++] = ((uint32_t)w->s->shift & MAP_MASK) | (size - 1) << MAP_BITS;
	w->s->shift += size - 1;
}

static void
build_same(struct builder *w, struct bytes text)
{
	while (text.n > 0) {
		struct detect_scratch *scratch = w->s->scratch;
		size_t n = text.n < BLOCK_MAX - w->n ? text.n : BLOCK_MAX - w->n;
		uint32_t entry = (uint32_t)w->s->shift & MAP_MASK;

		memcpy(scratch->folded + w->n, text.p, n);
		for (size_t i = 0; i < n; i++)
			scratch->map[w->n + i] = entry;
		w->n += n;
		text = bytes_skip(text, n);
		if (w->n == BLOCK_MAX)
			build_flush(w);
	}
}

static void
scan_direct(struct text_scan *s, struct bytes text)
{
	while (text.n > 0) {
		size_t n = text.n < BLOCK_MAX ? text.n : BLOCK_MAX;

		scan_block(s, text.p, n, NULL);
		text = bytes_skip(text, n);
	}
}

static void
take_run(struct builder *w, const struct fold_run *run, bool last)
{
	if (run->becomes == FOLD_SAME && (run->text.n >= DIRECT_MIN || (w->n == 0 && last))) {
		build_flush(w);
		scan_direct(w->s, run->text);
	} else if (run->becomes == FOLD_SAME) {
		build_same(w, run->text);
	} else if (run->becomes == FOLD_GONE) {
		w->s->shift += run->source;
	} else {
		build_byte(w, (uint8_t)run->becomes, run->source);
		if (w->n == BLOCK_MAX)
			build_flush(w);
	}
}

void
text_scan_push(struct text_scan *scan, struct bytes in)
{
	struct builder w = {scan, 0};
	struct fold_run run;

	while (fold_next(&scan->fold, &in, &run))
		take_run(&w, &run, in.n == 0);
	build_flush(&w);
}

void
text_scan_close(struct text_scan *scan)
{
	struct builder w = {scan, 0};
	struct fold_run run;
	struct block b = {NULL, 0, 0, NULL, false};

	if (fold_end(&scan->fold, &run))
		take_run(&w, &run, true);
	scan->closed = true;
	b.base = scan->total;
	decide_pending(scan, &b);
}

/* ---- before the end ---- */

/*
 * Decide what is pending as if the text ended here. The start of a code point that waits
 * for the rest of it stands behind the text then. No candidate ends with it, so it
 * isn't matched.
 */
static void
decide_as_at_end(struct text_scan *s)
{
	struct block b = {s->fold.held, s->fold.n_held, s->total, NULL, false};
	size_t i = 0;

	s->total += b.n;
	while (i < s->n_pending)
		i = decide_first(s, &b, i);
	s->total -= b.n;
}

void
text_scan_preview(struct text_scan *scan)
{
	struct detect_scratch *kept = scan->scratch;
	size_t n_found = scan->set->n_words * WORD_TERMS_MAX / 8;
	unsigned counted[DETECT_WORDS_MAX], evident = scan->evident;
	uint16_t n_recent = scan->n_recent;

	if (scan->n_pending == 0)
		return;
	memcpy(counted, scan->counted, sizeof(counted));
	memcpy(kept->recent, scan->recent, sizeof(kept->recent));
	memcpy(kept->found, scan->found, n_found);
	decide_as_at_end(scan);
	memcpy(scan->counted, counted, sizeof(counted));
	memcpy(scan->recent, kept->recent, sizeof(kept->recent));
	memcpy(scan->found, kept->found, n_found);
	scan->evident = evident;
	scan->n_recent = n_recent;
}

void
text_scan_settle(struct text_scan *scan)
{
	decide_as_at_end(scan);
	set_pending(scan, 0);
}
