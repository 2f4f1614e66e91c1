/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { BAR = 20, COLUMNS = 79 };

/* 1234567 as "1.2 M": three or four characters and a prefix. */
static const char *
scaled(double n, char ret[16])
{
	static const char prefixes[] = " kMGTP";
	unsigned i = 0;

	while (n >= 999.5 && i + 2 < sizeof(prefixes)) {
		n /= 1000;
		i++;
	}
	snprintf(ret, 16, i == 0 ? "%.0f" : n < 9.95 ? "%.1f %c" : "%.0f %c", n, prefixes[i]);
	return ret;
}

static void
put_time(double seconds, char *ret, size_t size)
{
	uint64_t s = seconds > 0 && seconds < 3.6e8 ? (uint64_t)(seconds + 0.5) : 0;

	if (s >= 3600)
		snprintf(ret, size, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
			(unsigned)(s % 60));
	else
		snprintf(ret, size, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

/* A number may be longer than anyone expects: the line is then cut, which is right. */
static void __attribute__((format(printf, 3, 4)))
put_line(char *ret, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret, size, format, ap);
	va_end(ap);
}

static void
bar_line(const struct source_stats *s, const struct progress_now *now, double elapsed, double rate,
	char *ret, size_t size)
{
	double part = s->total == 0 ? 0 : (double)s->read / (double)s->total;
	char bar[BAR + 1], bytes[16], packets[16], left[24];

	if (part > 1)
		part = 1;
	for (unsigned i = 0; i < BAR; i++)
		bar[i] = i < part * BAR ? '#' : '.';
	bar[BAR] = '\0';
	if (s->total == 0) {
		put_line(ret, size, "%sB read, %s packets/s, %" PRIu64 " messages, %" PRIu64 " events",
			scaled((double)s->read, bytes), scaled(rate, packets), now->messages,
			now->events);
		return;
	}
	put_time(part > 0 ? elapsed / part - elapsed : 0, left, sizeof(left));
	put_line(ret, size, "[%s] %3.0f %%, %sB, %s packets/s, %" PRIu64 " events, %s left", bar,
		part * 100, scaled((double)s->read, bytes), scaled(rate, packets), now->events,
		part > 0 ? left : "?");
}

void
progress_line(const struct source_stats *s, const struct progress_now *now, bool live,
	double elapsed, double rate, double bit_rate, char *ret, size_t size)
{
	char packets[16], bits[16], time[24];

	if (size > COLUMNS + 1)
		size = COLUMNS + 1;
	if (!live) {
		bar_line(s, now, elapsed, rate, ret, size);
		return;
	}
	put_time(elapsed, time, sizeof(time));
	put_line(ret, size,
		"%s  %s packets/s, %sbit/s, %" PRIu64 " messages, %" PRIu64 " events, %" PRIu64
		" lost",
		time, scaled(rate, packets), scaled(bit_rate, bits), now->messages, now->events,
		now->lost);
}

void
progress_start(struct progress *p, FILE *out, bool live, double seconds)
{
	*p = (struct progress){.out = out, .live = live, .started = seconds, .last = seconds};
}

void
progress_show(struct progress *p, const struct source_stats *s, const struct progress_now *now,
	double seconds)
{
	double step = seconds - p->last;
	char line[COLUMNS + 1];

	if (p->out == NULL || step < (p->live ? 1.0 : 0.2))
		return;
	progress_line(s, now, p->live, seconds - p->started,
		(double)(s->packets - p->last_packets) / step,
		(double)(s->bytes - p->last_bytes) * 8 / step, line, sizeof(line));
	/* Back to the first column, write, erase what is left of the line before. */
	fprintf(p->out, "\r%s\033[K", line);
	fflush(p->out);
	p->shown = true;
	p->last = seconds;
	p->last_packets = s->packets;
	p->last_bytes = s->bytes;
}

void
progress_clear(struct progress *p)
{
	if (p->out != NULL && p->shown) {
		fprintf(p->out, "\r\033[K");
		fflush(p->out);
		p->shown = false;
	}
}
