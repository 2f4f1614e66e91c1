/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/inflate.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* deflate grows its input by 1,032 at most; then the input itself */
	hold_to_the_law(&gzip_decoder, NULL, data, size, 1100, 4096);
	hold_to_the_law(&deflate_decoder, NULL, data, size, 1100, 4096);
	return 0;
}
