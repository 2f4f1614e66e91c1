/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/chunked.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a size with an extension is noted behind the content */
	hold_to_the_law(&chunked_decoder, NULL, data, size, 1, 1);
	return 0;
}
