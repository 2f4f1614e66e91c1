/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/events.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct events {
	pthread_mutex_t lock;
	char *path; /* NULL: nothing is written */
	int fd;
	bool created; /* the file is ours to take back */
	bool regular; /* a half line can be cut off again */
	bool mend;    /* another run's half line is to be ended first */
	uint64_t written, lost;
	uint64_t in_buffer; /* lines */
	size_t n;
	char error[512]; /* empty: none */
	char buffer[BUFFER];
};

/*
 * What is there already: events, or something that was named by mistake? A run that was
 * killed in the middle of a write left half a line, which the next must not be glued to.
 */
static int
look_at_old(struct events *e, char *why, size_t why_size)
{
	int fd = open(e->path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char first = '{', last = '\n';

	if (size > 0 && (pread(fd, &first, 1, 0) != 1 || pread(fd, &last, 1, size - 1) != 1))
		first = last = '\0';
	if (fd >= 0)
		close(fd);
	if (first != '{') {
		snprintf(why, why_size,
			"events file %s: holds something else than events; name a new file, or one "
			"that sluss wrote", e->path);
		return -1;
	}
	e->mend = last != '\n';
	return 0;
}

static int
open_output(struct events *e, char *why, size_t why_size)
{
	struct stat st;
	const char *advice = "see that its folder exists and can be written";

	if (strcmp(e->path, "-") == 0) {
		e->fd = STDOUT_FILENO;
		return 0;
	}
	e->fd = open(e->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (e->fd < 0 && errno == ENOENT) {
		e->fd = open(e->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		e->created = e->fd >= 0;
	}
	if (e->fd < 0) {
		if (errno == EACCES)
			advice = "give the user that runs sluss the right to write it";
		else if (errno == EISDIR)
			advice = "name a file in it";
		snprintf(why, why_size, "events file %s: %s; %s", e->path, strerror(errno), advice);
		return -1;
	}
	e->regular = fstat(e->fd, &st) == 0 && S_ISREG(st.st_mode);
	if (e->regular && look_at_old(e, why, why_size) != 0) {
		close(e->fd);
		return -1;
	}
	return 0;
}

struct events *
events_open(const char *path, char *why, size_t why_size)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e == NULL || (path != NULL && (e->path = strdup(path)) == NULL)) {
		snprintf(why, why_size, "no memory for events");
		free(e);
		return NULL;
	}
	e->fd = -1;
	if (path != NULL && open_output(e, why, why_size) != 0) {
		free(e->path);
		free(e);
		return NULL;
	}
	pthread_mutex_init(&e->lock, NULL);
	return e;
}

static void __attribute__((format(printf, 2, 3)))
fail(struct events *e, const char *format, ...)
{
	va_list ap;

	if (e->error[0] != '\0')
		return;
	va_start(ap, format);
	vsnprintf(e->error, sizeof(e->error), format, ap);
	va_end(ap);
}

/* Write all of it. @p done is what reached the output, also on failure. */
static int
write_all(int fd, const char *p, size_t n, size_t *done)
{
	*done = 0;
	while (*done < n) {
		ssize_t w = write(fd, p + *done, n - *done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		*done += (size_t)w;
	}
	return 0;
}

static uint64_t
lines_in(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		lines++;
	return lines;
}

/* Take the half line behind the last whole one away again. */
static void
cut_half_line(struct events *e, const char *p, size_t done)
{
	const char *last = done > 0 ? memrchr(p, '\n', done) : NULL;
	size_t whole = last == NULL ? 0 : (size_t)(last - p) + 1;
	off_t end = e->regular ? lseek(e->fd, 0, SEEK_END) : -1;

	if (done > whole && end >= (off_t)(done - whole))
		if (ftruncate(e->fd, end - (off_t)(done - whole)) != 0)
			fail(e, "events file %s: its last line is not whole", e->path);
}

static void
put(struct events *e, const char *p, size_t n, uint64_t lines)
{
	size_t done = 0;

	if (lines == 0)
		return;
	if (e->mend && write_all(e->fd, "\n", 1, &done) == 0)
		e->mend = false;
	done = 0;
	if (e->error[0] == '\0' && !e->mend && write_all(e->fd, p, n, &done) == 0) {
		e->written += lines;
		return;
	}
	if (e->error[0] == '\0') {
		uint64_t whole = lines_in(p, done);

		fail(e, "events %s: %s; %s", e->path, strerror(errno),
			errno == ENOSPC || errno == EDQUOT
				? "make room on the disk; the events after this are lost"
			: errno == EPIPE ? "what read them has gone away"
					 : "the events after this are lost");
		cut_half_line(e, p, done);
		e->written += whole;
		lines -= whole;
	}
	e->lost += lines;
}

static void
flush(struct events *e)
{
	put(e, e->buffer, e->n, e->in_buffer);
	e->n = 0;
	e->in_buffer = 0;
}

void
events_write(void *ctx, const char *json, size_t n)
{
	struct events *e = ctx;

	pthread_mutex_lock(&e->lock);
	if (e->path == NULL) {
		e->written++;
	} else {
		if (n >= BUFFER - e->n)
			flush(e);
		if (n < BUFFER) {
			memcpy(e->buffer + e->n, json, n);
			e->buffer[e->n + n] = '\n';
			e->n += n + 1;
			e->in_buffer++;
		} else {
			/* Longer than the buffer: events are bounded, but not by this file. */
			char *line = malloc(n + 1);

			if (line == NULL) {
				fail(e, "no memory for an event of %zu bytes", n);
				e->lost++;
			} else {
				memcpy(line, json, n);
				line[n] = '\n';
				put(e, line, n + 1, 1);
				free(line);
			}
		}
	}
	pthread_mutex_unlock(&e->lock);
}

void
events_flush(struct events *e)
{
	pthread_mutex_lock(&e->lock);
	flush(e);
	pthread_mutex_unlock(&e->lock);
}

int
events_reopen(struct events *e, char *why, size_t why_size)
{
	int old = e->fd;
	bool created = e->created, regular = e->regular, mend = e->mend;

	if (e->path == NULL || old == STDOUT_FILENO)
		return 0;
	pthread_mutex_lock(&e->lock);
	flush(e);
	if (open_output(e, why, why_size) != 0) {
		e->fd = old;
		e->created = created;
		e->regular = regular;
		e->mend = mend;
		pthread_mutex_unlock(&e->lock);
		return -1;
	}
	e->error[0] = '\0';
	pthread_mutex_unlock(&e->lock);
	close(old);
	return 0;
}

uint64_t
events_written(const struct events *e)
{
	return e->written;
}

uint64_t
events_lost(const struct events *e)
{
	return e->lost;
}

const char *
events_error(struct events *e)
{
	const char *error;

	pthread_mutex_lock(&e->lock);
	error = e->error[0] == '\0' ? NULL : e->error;
	pthread_mutex_unlock(&e->lock);
	return error;
}

void
events_close(struct events *e, bool discard)
{
	if (e == NULL)
		return;
	flush(e);
	if (e->fd >= 0 && e->fd != STDOUT_FILENO && close(e->fd) != 0)
		fail(e, "events %s: %s", e->path, strerror(errno));
	if (discard && e->created && e->written == 0)
		unlink(e->path);
	pthread_mutex_destroy(&e->lock);
	free(e->path);
	free(e);
}
