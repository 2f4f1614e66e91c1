/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/outcome.h"

const char *
opaque_reason_name(enum opaque_reason reason)
{
	switch (reason) {
#define X(symbol, name, sentence)                                                                  \
	case OPAQUE_##symbol:                                                                      \
		return name;
		OPAQUE_REASONS(X)
#undef X
	case OPAQUE_NONE:
	case OPAQUE_COUNT:
		break;
	}
	return "none";
}

enum opaque_reason
opaque_reason_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_OK:
		return OPAQUE_NONE;
	case OUTCOME_DAMAGED:
		return OPAQUE_DAMAGED;
	case OUTCOME_OVER_BUDGET:
		return OPAQUE_OVER_BUDGET;
	case OUTCOME_ENCRYPTED:
		return OPAQUE_ENCRYPTED_ARCHIVE;
	case OUTCOME_UNKNOWN:
		break;
	}
	return OPAQUE_UNKNOWN_FORMAT;
}
