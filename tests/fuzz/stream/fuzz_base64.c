/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/base64.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* base64 never grows its input */
	hold_to_the_law(&base64_decoder, NULL, data, size, 1, 0);
	hold_to_the_law(&base64url_decoder, NULL, data, size, 1, 0);
	return 0;
}
