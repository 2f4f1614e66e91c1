/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/unfold.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hold_to_the_law(&unfold_decoder, NULL, data, size, 1, 0);
	hold_to_the_law(&delsp_decoder, NULL, data, size, 1, 0);
	return 0;
}
