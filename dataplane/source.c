/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

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
source_warn(const struct source *s, const char *format, ...)
{
	char line[SOURCE_ERROR_MAX];
	va_list ap;

	if (s->warn == NULL)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	s->warn(s->warn_ctx, line);
}

uint64_t
source_wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
source_close(struct source *s)
{
	if (s != NULL)
		s->ops->close(s);
}
