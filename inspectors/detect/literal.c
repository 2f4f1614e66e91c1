/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words that are found as they are: the candidate is the whole of it, and every
 * one counts. For words of an organisation's own, such as a project's name, and
 * for markers that a test looks for.
 */
#include "inspectors/detect/characters.h"
#include "inspectors/detect/validators.h"

/*
 * The matcher tells where a candidate ends, not where it begins. So the finding
 * stands on its last word, or on its last character where that is a sign.
 */
void
literal_validate(const struct view *v, size_t end, struct readings *out)
{
	struct levels levels = {CONFIDENCE_HIGH, CONFIDENCE_HIGH, CONFIDENCE_HIGH};
	size_t begin = end, len;

	while (word_before(v->text, begin)) {
		(void)character_before(v->text, begin, &len);
		if (end - (begin - len) > NORMALISED_MAX)
			break;
		begin -= len;
	}
	if (begin == end) {
		(void)character_before(v->text, end, &len);
		begin -= len;
	}
	readings_add(out, begin, end, levels, v->text.p + begin, end - begin);
}
