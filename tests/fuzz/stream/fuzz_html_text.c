/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/html_text.h"

#include "tests/fuzz/stream/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* U+FFFD for "&#0"; tails behind hidden text; line feeds of tags */
	hold_to_the_law(&html_text_decoder, NULL, data, size, 3, 256);
	return 0;
}
