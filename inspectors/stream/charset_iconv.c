/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/charset_iconv.h"

#include <errno.h>
#include <iconv.h>

static const iconv_t none = (iconv_t)-1;

bool
charset_iconv_table(const char *name, struct charset_byte ret[256])
{
	iconv_t cd = iconv_open("UTF-8", name);

	if (cd == none)
		return false;
	for (unsigned c = 0; c < 256; c++) {
		char in = (char)c, out[8];
		char *from = &in, *to = out;
		size_t left = 1, room = sizeof(out), n;

		ret[c] = (struct charset_byte){0};
		(void)iconv(cd, NULL, NULL, NULL, NULL);
		if (iconv(cd, &from, &left, &to, &room) == (size_t)-1 ||
			iconv(cd, NULL, NULL, &to, &room) == (size_t)-1)
			continue;
		n = sizeof(out) - room;
		if (n == 0 || n > sizeof(ret[c].utf8))
			continue;
		ret[c].n = (uint8_t)n;
		memcpy(ret[c].utf8, out, n);
	}
	iconv_close(cd);
	return true;
}

struct charset_conversion *
charset_conversion_open(const char *name)
{
	iconv_t cd = iconv_open("UTF-8", name);

	return cd == none ? NULL : (struct charset_conversion *)cd;
}

void
charset_conversion_close(struct charset_conversion *c)
{
	if (c != NULL)
		iconv_close((iconv_t)c);
}

enum charset_step
charset_conversion_step(
	struct charset_conversion *c, struct bytes *in, uint8_t *out, size_t room, size_t *ret_n)
{
	char *from = (char *)(uintptr_t)in->p, *to = (char *)out;
	size_t left = in->n, had = room;
	size_t r = iconv((iconv_t)c, &from, &left, &to, &room);
	int why = r == (size_t)-1 ? errno : 0;

	*in = bytes_skip(*in, in->n - left);
	*ret_n = had - room;
	if (why == 0)
		return CHARSET_DONE;
	return why == E2BIG ? CHARSET_MORE : why == EINVAL ? CHARSET_CUT : CHARSET_INVALID;
}

size_t
charset_conversion_end(struct charset_conversion *c, uint8_t *out, size_t room)
{
	char *to = (char *)out;
	size_t had = room;

	(void)iconv((iconv_t)c, NULL, NULL, &to, &room);
	return had - room;
}
