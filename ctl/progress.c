/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 24, INTERVAL_MS = 100 };

bool
progress_wanted(void)
{
	return isatty(STDERR_FILENO) == 1;
}

void
progress_bytes(uint64_t n, char ret[16])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)n;
	int unit = 0;

	while (value >= 1024 && unit < 6) {
		value /= 1024;
		unit++;
	}
	snprintf(ret, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress_show(struct progress *p)
{
	char done[16], total[16];
	double share = p->bytes_total == 0 ? 1 : (double)p->bytes / (double)p->bytes_total;
	int64_t now;

	if (!p->on)
		return;
	now = now_ms();
	if (p->drawn && now - p->drawn_ms < INTERVAL_MS)
		return;
	if (share > 1)
		share = 1; /* a file may have grown since it was counted */
	progress_bytes(p->bytes, done);
	progress_bytes(p->bytes_total, total);
	fputs("\r[", stderr);
	for (int i = 0; i < WIDTH; i++)
		fputc(i < (int)(share * WIDTH) ? '#' : ' ', stderr);
	fprintf(stderr, "] %3d %%  %s of %s, %llu of %llu files\033[K", (int)(share * 100), done,
		total, (unsigned long long)p->files, (unsigned long long)p->files_total);
	fflush(stderr);
	p->drawn = true;
	p->drawn_ms = now;
}

void
progress_hide(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
}
