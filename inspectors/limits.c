/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/limits.h"

struct inspect_limits
inspect_limits_default(void)
{
	return (struct inspect_limits){
#define X(name, value, least, most, unit, sentence) .name = (value),
		INSPECT_LIMITS(X)
#undef X
	};
}
