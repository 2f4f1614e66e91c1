/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mail: the first byte is the size of pieces for the second run. Laws: parts
 * and the message are the same for any cut, and all memory comes back.
 */
#include "inspectors/proto/mime.h"

#include <stdlib.h>

#include "tests/unit/proto/test_mail_double.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_mail(struct mail_double *t, const struct part_meta *meta, struct bytes in, size_t step)
{
	mail_double_open(t);
	t->limits.header_field = 998;
	t->limits.header_block = 16384;
	t->limits.mime_depth = 4;
	mail_double_mime(t, meta, in, 0, step);
}

static void
same_for_any_cut(const struct part_meta *meta, struct bytes in, size_t step)
{
	struct mail_double whole, cut;

	read_mail(&whole, meta, in, in.n + 1);
	read_mail(&cut, meta, in, step);
	if (!bytes_equal(bytes_of(whole.dump.p, whole.dump.n), bytes_of(cut.dump.p, cut.dump.n)))
		abort();
	mail_double_close(&whole);
	mail_double_close(&cut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct part_meta mail = {.label = "smtp", .type = BYTES_LIT("message/rfc822")};
	const struct part_meta form = {.label = "body",
		.type = BYTES_LIT("multipart/form-data"),
		.boundary = BYTES_LIT("b")};

	if (size < 2)
		return 0;
	same_for_any_cut(&mail, bytes_of(data + 1, size - 1), data[0] % 64 + 1u);
	same_for_any_cut(&form, bytes_of(data + 1, size - 1), data[0] % 64 + 1u);
	return 0;
}
