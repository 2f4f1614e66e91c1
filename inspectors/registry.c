/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/inspector.h"

#include <string.h>

/* The whole list, in one place. The first that is sure of a conversation gets it. */
const struct inspector_ops *const inspectors[] = {
	&smtp_inspector,
	&ftp_inspector,
	&http1_inspector,
	&tls_inspector,
	&ftp_data_inspector, /* never bids: chosen by its announcement */
	&raw_inspector,	     /* never bids: what nothing else reads */
	NULL,
};

const struct inspector_ops *
inspector_find(const char *name)
{
	for (size_t i = 0; inspectors[i] != NULL; i++)
		if (strcmp(inspectors[i]->name, name) == 0)
			return inspectors[i];
	return NULL;
}
