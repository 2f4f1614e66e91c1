/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/dataplane_limits.h"

struct dataplane_limits
dataplane_limits_default(void)
{
	return (struct dataplane_limits){
#define X(name, value, least, most, unit, sentence) .name = (value),
		DATAPLANE_LIMITS(X)
#undef X
	};
}
