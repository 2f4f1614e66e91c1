/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_EVENTS_H
#define SLUSS_EVENTS_H

/**
 * @file
 * Where events go: one JSON object a line, to a file or standard output.
 *
 * A line is written whole or not at all: after a short write (a full disk) the
 * half line is cut off again where the output is a file. The first error is
 * kept, events are counted as lost until events_reopen(), and `sluss` ends with status 4.
 *
 * Threads: events_write() may be called from all workers; a mutex for each
 * event (not for each packet) keeps lines whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct events;

/**
 * @param path  appended to (created with mode 0600); "-" is standard output;
 *              NULL counts the events and writes nothing
 * @param why   a message for the user on failure
 * @return NULL on failure: nothing has been created then
 */
struct events *events_open(const char *path, char *why, size_t why_size);

/** struct event_sink's function; @p ctx is a struct events. */
void events_write(void *ctx, const char *json, size_t n);

/** To the disk as far as the process can: buffered lines are handed to the kernel. */
void events_flush(struct events *e);

/**
 * Open the path anew, and forget an earlier error: the file was moved away (logrotate), or there
 * is room on the disk again. What was buffered goes to the old one. Nothing is done for
 * standard output.
 * @return 0; -1 with @p why filled, and nothing has changed
 */
int events_reopen(struct events *e, char *why, size_t why_size);

/** Lines that went out whole; and those that did not, since writing failed. */
uint64_t events_written(const struct events *e);
uint64_t events_lost(const struct events *e);

/** What went wrong first, for the user; NULL when all is well. It stays as it is until
 * events_reopen(). */
const char *events_error(struct events *e);

/**
 * Flush and close.
 * @param discard  take back a file that was created here and has no line in it
 */
void events_close(struct events *e, bool discard); /* accepts NULL */

#endif
