/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/proto/two_sided.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_two_sided(&http1_inspector, data, size);
}
