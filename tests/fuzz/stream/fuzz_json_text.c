/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/json_text.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a lone surrogate is U+FFFD */
	hold_to_the_law(&json_text_decoder, NULL, data, size, 1, 0);
	return 0;
}
