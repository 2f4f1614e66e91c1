/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/charset.h"

#include "inspectors/part.h"
#include "tests/fuzz/stream/law.h"

static struct charset_catalog *catalog;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum outcome
open_by_catalog(struct decoder *d, const struct part_meta *meta)
{
	return charset_decoder_open_with(d, catalog, meta->charset);
}

/* The third byte picks the charset. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"", "utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7",
		"iso-8859-1", "windows-1255", "cp500", "gb18030", "big5", "shift_jis", "euc-jp",
		"euc-kr", "iso-2022-jp", "iso-2022-kr", "euc-tw"};
	struct decoder_ops ops = charset_decoder;
	struct part_meta meta = {0};

	if (size < 3)
		return 0;
	if (catalog == NULL)
		catalog = charset_catalog_new(4);
	ops.open = open_by_catalog;
	meta.charset = bytes_str(names[data[2] % ARRAY_LEN(names)]);
	/* a byte is at most a code point of three bytes, and some are read twice */
	hold_to_the_law(&ops, &meta, data, size, 5, 64);
	return 0;
}
