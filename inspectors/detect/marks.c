/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classification marks (identifier specification, section 13). A key word ends
 * the candidate; what stands behind it is read forwards.
 */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/shapes.h"

/* A cursor over the text behind a key word. */
struct ahead {
	struct bytes t;
	size_t at;
};

static bool
skip_one(struct ahead *a, const char *set)
{
	if (a->at >= a->t.n || a->t.p[a->at] == '\0' || strchr(set, a->t.p[a->at]) == NULL)
		return false;
	a->at++;
	return true;
}

/* A word in lower case (å, ä, ö too), caselessly. */
static bool
skip_word(struct ahead *a, const char *word)
{
	size_t n = strlen(word);
	uint8_t low[64];

	if (n > a->t.n - a->at || n > sizeof(low))
		return false;
	lower_copy(low, a->t.p + a->at, n);
	if (memcmp(low, word, n) != 0)
		return false;
	a->at += n;
	return true;
}

/* Where a word that ends at @p end begins; false where another one ends there. */
static bool
word_ends(struct bytes t, size_t end, const char *word, size_t *ret_begin)
{
	size_t n = strlen(word);
	struct ahead a = {t, end - n};

	if (n > end || !skip_word(&a, word))
		return false;
	*ret_begin = end - n;
	return true;
}

/* ---- is it a stamp? ---- */

static bool
alone_on_line(struct bytes t, size_t begin, size_t end)
{
	while (begin > 0 && strchr(" *[(", t.p[begin - 1]) != NULL && t.p[begin - 1] != '\0')
		begin--;
	while (end < t.n && strchr(" *])!.:\r", t.p[end]) != NULL && t.p[end] != '\0')
		end++;
	return (begin == 0 || t.p[begin - 1] == '\n') && (end == t.n || t.p[end] == '\n');
}

static bool
all_capitals(struct bytes t, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		if ((t.p[i] >= 'a' && t.p[i] <= 'z') ||
			(i > begin && t.p[i - 1] == 0xC3 && t.p[i] >= 0xA0))
			return false;
	return true;
}

static bool
is_stamp(const struct view *v, size_t begin, size_t end)
{
	return (alone_on_line(v->text, begin, end) && !(begin == 0 && v->cut)) ||
		all_capitals(v->text, begin, end);
}

/* People write about secrecy: in running text a mark is at most medium. */
static void
add_mark(const struct view *v, struct readings *out, size_t begin, size_t end, const char *name)
{
	struct levels levels =
		is_stamp(v, begin, end) ? LEVELS(HIGH, HIGH, HIGH) : LEVELS(MEDIUM, MEDIUM, MEDIUM);

	readings_add(out, begin, end, levels, name, strlen(name));
}

/* An abbreviated law is always in capitals: it is a stamp only on its own line. */
static void
add_law(const struct view *v, struct readings *out, size_t begin, size_t end, bool health)
{
	struct levels levels = alone_on_line(v->text, begin, end) ? LEVELS(HIGH, HIGH, HIGH)
								  : LEVELS(MEDIUM, MEDIUM, MEDIUM);
	const char *name = health ? "osl-25" : "osl-26";

	readings_add(out, begin, end, levels, name, strlen(name));
}

/* ---- 13.3 TLP ---- */

const char *const tlp_marks[] = {
	"TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR", NULL};

/* The candidate ends with the colon. */
void
tlp_validate(const struct view *v, size_t end, struct readings *out)
{
	static const struct {
		const char *word, *mark;
	} colours[] = {{"red", "TLP:RED"}, {"amber+strict", "TLP:AMBER+STRICT"},
		{"amber", "TLP:AMBER"}, {"green", "TLP:GREEN"}, {"clear", "TLP:CLEAR"},
		{"white", "TLP:CLEAR"}};
	struct bytes t = v->text;
	size_t begin = end - 1;

	begin -= begin > 0 && t.p[begin - 1] == ' ';
	if (!word_ends(t, begin, "tlp", &begin) || alnum_before(t, begin))
		return;
	for (size_t i = 0; i < ARRAY_LEN(colours); i++) {
		struct ahead a = {t, end};

		(void)skip_one(&a, " ");
		if (skip_word(&a, colours[i].word) && !alnum_at(t, a.at)) {
			add_mark(v, out, begin, a.at, colours[i].mark);
			return;
		}
	}
}

/* ---- 13.1 levels ---- */

const char *const klassa_marks[] = {"K0", "K1", "K2", "K3", "K4", NULL};

static void
add_level(const struct view *v, struct readings *out, size_t begin, size_t end, uint8_t digit)
{
	(void)v;
	if (digit >= '0' && digit <= '4')
		readings_add(
			out, begin, end, LEVELS(HIGH, HIGH, HIGH), klassa_marks[digit - '0'], 2);
}

/* "Konfidentialitetsnivå 3", "Informationsklass: K3": the candidate is the word. */
static void
klassa_word(const struct view *v, size_t end, struct readings *out)
{
	static const char *const words[] = {
		"konfidentialitet", "informationsklass", "infoklass", "klassning"};
	struct ahead a = {v->text, end};
	size_t begin = 0, w = 0;

	while (w < ARRAY_LEN(words) && !word_ends(v->text, end, words[w], &begin))
		w++;
	if (w == ARRAY_LEN(words))
		return;
	if (w == 0)
		(void)(skip_word(&a, "snivå") || skip_word(&a, "sniva"));
	(void)skip_one(&a, " ");
	(void)skip_one(&a, ":=");
	(void)skip_one(&a, " ");
	if (skip_word(&a, "nivå") || skip_word(&a, "niva"))
		(void)skip_one(&a, " ");
	(void)skip_one(&a, "Kk");
	if (!digit_at(a.t, a.at) || alnum_at(a.t, a.at + 1) ||
		(a.at + 1 < a.t.n && (a.t.p[a.at + 1] == '.' || a.t.p[a.at + 1] == ',') &&
			digit_at(a.t, a.at + 2)))
		return;
	add_level(v, out, begin, a.at + 1, a.t.p[a.at]);
}

void
klassa_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	struct shaped s;

	if (t.p[end - 1] == ']') {
		/* Not "a[k1]", an element of a list in program text. */
		if (end >= 4 && t.p[end - 4] == '[' && ascii_lower(t.p[end - 3]) == 'k' &&
			!alnum_before(t, end - 4))
			add_level(v, out, end - 4, end, t.p[end - 2]);
	} else if (shape_read(t, end, "ad~ad~ad", &s)) {
		if (s.value[0] == 'K' && s.value[2] == 'R' && s.value[4] == 'T' &&
			s.value[3] <= '4' && s.value[5] <= '4' && !alnum_before(t, s.begin) &&
			!digit_at(t, end))
			add_level(v, out, s.begin, end, s.value[1]);
	} else {
		klassa_word(v, end, out);
	}
}

/* ---- 13.2 words ---- */

const char *const secrecy_marks[] = {"sekretessmarkering", "skyddad-folkbokforing",
	"skyddade-personuppgifter", "fingerade-personuppgifter", "kvalificerat-hemlig",
	"begransat-hemlig", "hemlig", "konfidentiell", "osl-25", "osl-26", "sekretess",
	"patientuppgift", "journalhandling", "konfidentiellt", "endast-for-mottagaren", NULL};

/* Words that are marks wherever they stand; `whole`: no letter may follow. */
static const struct secrecy_word {
	const char *word, *mark;
	bool whole, stamp; /* stamp: only as a stamp */
} secrecy_words[] = {
	{"sekretessmarkering", "sekretessmarkering", false, false},
	{"sekretessmarkerad", "sekretessmarkering", false, false},
	{"sekretessmarkerat", "sekretessmarkering", false, false},
	{"skyddad folkbokföring", "skyddad-folkbokforing", false, false},
	{"skyddade personuppgifter", "skyddade-personuppgifter", false, false},
	{"skyddad personuppgifter", "skyddade-personuppgifter", false, false},
	{"skyddade identitet", "skyddade-personuppgifter", false, false},
	{"skyddad identitet", "skyddade-personuppgifter", false, false},
	{"fingerade personuppgifter", "fingerade-personuppgifter", false, false},
	{"kvalificerat hemlig", "kvalificerat-hemlig", true, false},
	{"begränsat hemlig", "begransat-hemlig", true, false},
	{"hemlig", "hemlig", true, true},
	{"konfidentiell", "konfidentiell", true, true},
	{"konfidentiellt", "konfidentiellt", true, true},
	{"sekretess", "sekretess", true, true},
	{"patientuppgift", "patientuppgift", true, true},
	{"patientuppgifter", "patientuppgift", true, true},
	{"journalhandling", "journalhandling", true, true},
	{"endast för mottagaren", "endast-for-mottagaren", true, true},
};

/* "1 § ", "1 a § ", or nothing. */
static void
skip_section(struct ahead *a)
{
	struct ahead b = *a;

	(void)skip_one(&b, " ");
	if (!skip_one(&b, "0123456789"))
		return;
	(void)skip_one(&b, "0123456789");
	(void)skip_one(&b, " ");
	if (b.at + 1 < b.t.n && b.t.p[b.at + 1] == ' ' && is_letter(b.t.p[b.at]))
		b.at += 2;
	if (!skip_word(&b, "§"))
		return;
	*a = b;
}

/* "25 kap. 1 § OSL": the candidate ends with "kap". */
static bool
chapter_of_law(const struct view *v, size_t end, struct readings *out)
{
	struct ahead a = {v->text, end};
	size_t begin;
	bool health = word_ends(v->text, end, "25 kap", &begin);

	if ((!health && !word_ends(v->text, end, "26 kap", &begin)) || word_before(v->text, begin))
		return false;
	if (!skip_word(&a, "."))
		(void)skip_word(&a, "itlet");
	skip_section(&a);
	(void)skip_one(&a, " ");
	if (!skip_word(&a, "offentlighets- och sekretesslagen") && !skip_word(&a, "osl"))
		return false;
	add_law(v, out, begin, a.at, health);
	return true;
}

/* "OSL 25 kap", "OSL (2009:400) 25:1": the candidate ends with the first digit. */
static bool
law_and_chapter(const struct view *v, size_t end, struct readings *out)
{
	struct ahead a = {v->text, end - 1};
	size_t begin;
	bool health;

	a.at -= a.at > 0 && v->text.p[a.at - 1] == '(';
	a.at -= a.at > 0 && v->text.p[a.at - 1] == ' ';
	if (!word_ends(v->text, a.at, "osl", &begin) || word_before(v->text, begin))
		return false;
	(void)skip_one(&a, " ");
	(void)skip_one(&a, "(");
	if (skip_word(&a, "2009:400"))
		(void)skip_one(&a, ")");
	(void)skip_one(&a, " ");
	health = skip_word(&a, "25");
	if ((!health && !skip_word(&a, "26")) ||
		!(skip_word(&a, " kap") || (skip_one(&a, ":") && digit_at(a.t, a.at))))
		return false;
	add_law(v, out, begin, a.at, health);
	return true;
}

void
secrecy_validate(const struct view *v, size_t end, struct readings *out)
{
	struct bytes t = v->text;
	size_t begin;

	for (size_t i = 0; i < ARRAY_LEN(secrecy_words); i++) {
		const struct secrecy_word *w = &secrecy_words[i];

		if (!word_ends(t, end, w->word, &begin) || word_before(t, begin) ||
			(w->whole && word_at(t, end)) || (w->stamp && !is_stamp(v, begin, end)))
			continue;
		add_mark(v, out, begin, end, w->mark);
		return;
	}
	if (!chapter_of_law(v, end, out))
		(void)law_and_chapter(v, end, out);
}

/* ---- 13.4 Microsoft's labels ---- */

enum { GUID = 36 };

static bool
skip_guid(struct ahead *a, uint8_t guid[GUID])
{
	for (size_t i = 0; i < GUID; i++) {
		uint8_t c = a->at + i < a->t.n ? ascii_lower(a->t.p[a->at + i]) : 0;
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? c != '-' : !(ascii_is_digit(c) || (c >= 'a' && c <= 'f')))
			return false;
		guid[i] = c;
	}
	a->at += GUID;
	return true;
}

/* MSIP_Label_<GUID>_Enabled and its value, with whatever markup is between. */
static void
msip_key(const struct view *v, size_t begin, size_t end, struct readings *out)
{
	struct ahead a = {v->text, end};
	uint8_t guid[GUID];

	if (!skip_guid(&a, guid) || !skip_word(&a, "_enabled"))
		return;
	while (a.at < a.t.n && !word_at(a.t, a.at) && a.t.p[a.at] != '_')
		a.at++;
	if (skip_word(&a, "vt:lpwstr>"))
		while (a.at < a.t.n && !word_at(a.t, a.at) && a.t.p[a.at] != '_')
			a.at++;
	if (skip_word(&a, "true"))
		readings_add(out, begin, a.at, LEVELS(HIGH, HIGH, HIGH), guid, GUID);
}

/* The value of an XML attribute among those up to @p stop; empty where it isn't there. */
static struct bytes
attribute(struct bytes t, size_t at, size_t stop, const char *name)
{
	size_t n = strlen(name);

	for (; at + n + 2 <= stop; at++) {
		struct ahead a = {t, at};
		size_t from;

		if (word_before(t, at) || !skip_word(&a, name) || !skip_word(&a, "=\""))
			continue;
		for (from = a.at; a.at < stop && t.p[a.at] != '"';)
			a.at++;
		return bytes_of(t.p + from, a.at - from);
	}
	return (struct bytes){NULL, 0};
}

static bool
says_true(struct bytes value)
{
	return bytes_equal(value, BYTES_LIT("1")) || bytes_equal_nocase(value, BYTES_LIT("true"));
}

/* <clbl:label id="{GUID}" enabled="1" … removed="0"/> */
static void
msip_element(const struct view *v, size_t begin, size_t end, struct readings *out)
{
	struct bytes t = v->text, id;
	uint8_t guid[GUID];
	size_t stop = end;
	struct ahead a;

	while (stop < t.n && t.p[stop] != '>')
		stop++;
	if (stop == t.n)
		return;
	id = attribute(t, end, stop, "id");
	a = (struct ahead){id, id.n > 0 && id.p[0] == '{'};
	if (id.n > 0 && skip_guid(&a, guid) && says_true(attribute(t, end, stop, "enabled")) &&
		!says_true(attribute(t, end, stop, "removed")))
		readings_add(out, begin, stop + 1, LEVELS(HIGH, HIGH, HIGH), guid, GUID);
}

void
msip_validate(const struct view *v, size_t end, struct readings *out)
{
	size_t begin;

	if (word_ends(v->text, end, "msip_label_", &begin))
		msip_key(v, begin, end, out);
	else if (word_ends(v->text, end, "<label ", &begin) ||
		word_ends(v->text, end, "<clbl:label ", &begin))
		msip_element(v, begin, end, out);
}

/* ---- 13.5 Sensitivity: ---- */

const char *const sensitivity_marks[] = {"personal", "private", "company-confidential", NULL};

/* A whole header line; the candidate ends with the colon. */
void
sensitivity_validate(const struct view *v, size_t end, struct readings *out)
{
	size_t begin = end - 1;

	while (begin > 0 && v->text.p[begin - 1] == ' ')
		begin--;
	if (!word_ends(v->text, begin, "sensitivity", &begin) ||
		(begin > 0 && v->text.p[begin - 1] != '\n') || (begin == 0 && v->cut))
		return;
	for (size_t i = 0; sensitivity_marks[i] != NULL; i++) {
		struct ahead a = {v->text, end};
		size_t stop;

		while (skip_one(&a, " "))
			continue;
		if (!skip_word(&a, sensitivity_marks[i]))
			continue;
		stop = a.at;
		while (skip_one(&a, " \r"))
			continue;
		if (a.at == a.t.n || a.t.p[a.at] == '\n')
			readings_add(out, begin, stop, LEVELS(HIGH, HIGH, HIGH),
				sensitivity_marks[i], strlen(sensitivity_marks[i]));
	}
}
