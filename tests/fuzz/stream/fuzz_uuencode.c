/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/uuencode.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a length digit alone may stand for 63 zero bytes */
	hold_to_the_law(&uuencode_decoder, NULL, data, size, 64, 2);
	return 0;
}
