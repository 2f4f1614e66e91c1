/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/source.h"

/* Numbers of https://www.tcpdump.org/linktypes.html, and of the kernels where a
 * DLT differs from its LINKTYPE: raw IP is 12, on OpenBSD 14, in files 101. */
bool
source_link_of_dlt(int dlt, enum link *ret)
{
	static const struct {
		int dlt;
		enum link link;
	} links[] = {
		{0, LINK_NULL},
		{1, LINK_ETHERNET},
		{12, LINK_RAW},
		{14, LINK_RAW},
		{101, LINK_RAW},
		{108, LINK_LOOP},
		{113, LINK_SLL},
		{228, LINK_RAW},
		{229, LINK_RAW},
		{276, LINK_SLL2},
	};

	for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].dlt == dlt) {
			*ret = links[i].link;
			return true;
		}
	}
	return false;
}

void
source_close(struct source *s)
{
	if (s != NULL)
		s->ops->close(s);
}
