/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#include "policy/hide_numbers.h"

void
diag_init(struct diag *d)
{
	*d = (struct diag){0};
}

void
diag_free(struct diag *d)
{
	for (unsigned i = 0; i < d->n; i++)
		free(d->entries[i]);
	diag_init(d);
}

/* Control characters: C0, DEL, and C1 as UTF-8 writes it (0xC2 0x80 to 0x9F). */
static void
hide_controls(unsigned char *c)
{
	for (; *c != '\0'; c++) {
		bool c1 = *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

		if (c1)
			c[1] = '?';
		if (c1 || *c < 32 || *c == 127)
			*c = '?';
	}
}

static char *
compose(struct place at, const char *kind, const char *text)
{
	char *line;
	int n;

	if (at.line > 0)
		n = asprintf(&line, "%s:%u:%u: %s: %s", at.file, at.line, at.column, kind, text);
	else
		n = asprintf(&line, "%s: %s: %s", at.file, kind, text);
	if (n < 0)
		return NULL;
	hide_controls((unsigned char *)line);
	hide_numbers(line);
	return line;
}

static void __attribute__((format(printf, 4, 0)))
add(struct diag *d, struct place at, bool error, const char *format, va_list args)
{
	char *text, *line;

	if (error)
		d->errors++;
	else
		d->warnings++;
	if (d->n == DIAG_MAX || vasprintf(&text, format, args) < 0)
		return;
	line = compose(at, error ? "error" : "warning", text);
	free(text);
	if (line == NULL)
		return;
	d->entries[d->n] = line;
	d->error[d->n++] = error;
}

void
diag_error(struct diag *d, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, at, true, format, args);
	va_end(args);
}

void
diag_warning(struct diag *d, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, at, false, format, args);
	va_end(args);
}

void
diag_print(const struct diag *d, FILE *out)
{
	for (unsigned i = 0; i < d->n; i++)
		fprintf(out, "%s\n", d->entries[i]);
	if (d->errors + d->warnings > d->n)
		fprintf(out, "and %u more\n", d->errors + d->warnings - d->n);
}
