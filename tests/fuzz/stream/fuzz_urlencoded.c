/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/urlencoded.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hold_to_the_law(&urlencoded_decoder, NULL, data, size, 1, 0);
	return 0;
}
