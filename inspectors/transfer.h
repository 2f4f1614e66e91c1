/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TRANSFER_H
#define SLUSS_TRANSFER_H

/**
 * @file
 * FTP data connections that a control connection has announced (RFC 959, 3.2;
 * RFC 2428), so that a new TCP connection finds the command it belongs to.
 *
 * A transfer is made when an address is announced (PORT, EPRT, or the reply to
 * PASV or EPSV), before its command is known: the data connection's SYN may
 * come first. The control connection fills in the command when it sees it; the
 * data connection reads it when its first byte comes.
 *
 * A transfer lives as long as one of both holds it: the control connection
 * that announced it, or the data connection that was matched. A control
 * connection holds one announcement at a time. Both are processed by one
 * worker, so nothing here is locked. No I/O and no clock.
 *
 * When limits.transfers is reached no more are made: the data connections are
 * then read as flows that nobody announced, by their bytes.
 *
 * The memory is allocated once, when the table is made.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspectors/bytes.h"

struct conversation; /* inspectors/conversation.h */
struct endpoints;

enum { TRANSFER_NAME_MAX = 255 };

struct transfer {
	/* Set with the command; NULL until then. Static. */
	const char *command;		 /* "STOR", "RETR", … */
	uint8_t name[TRANSFER_NAME_MAX]; /* as on the wire, in clear */
	uint8_t n_name;
	bool to_server;	  /* data goes from the FTP client to the server */
	bool binary;	  /* TYPE I */
	bool tls;	  /* PROT P: the data connection is TLS */
	uint8_t mode;	  /* MODE: 's', 'b', 'c' (RFC 959, 3.4) or 'z' (zlib); 0: 's' */
	uint64_t restart; /* offset of REST, in bytes */
	/* Which end of the data connection is the FTP client's. Passive: the one that
	 * connects. Active: the one that is connected to. */
	bool passive;
	/* That announced it; NULL once it has announced another, or is over. */
	struct conversation *control;
	/* The rest belongs to transfer.c. */
	uint8_t family;
	uint8_t address[2][16]; /* announced, and the announcer's own */
	uint16_t port;
	bool awaited; /* no data connection has come yet */
	uint8_t holders;
	uint32_t next; /* in its bucket or in the free list; 0: none */
};

struct transfer_table;

/** Room for @p limit transfers at once. NULL: no memory. */
struct transfer_table *transfer_table_new(uint64_t limit);
void transfer_table_free(struct transfer_table *table); /* accepts NULL */

/** Bytes of memory that a table of @p limit transfers takes. */
size_t transfer_table_size(uint64_t limit);

/**
 * A data connection to @p port is expected.
 *
 * @param announced  the address that was announced; 4 or 16 bytes
 * @param own        the announcer's address on the control connection, which is the
 *                   right one when a translator hides behind the announced one
 * @return held for the caller; NULL when @p table is NULL or all transfers are in use
 */
struct transfer *transfer_announce(struct transfer_table *table, uint8_t family,
	const uint8_t *announced, const uint8_t *own, uint16_t port, bool passive);

/**
 * The transfer that a new TCP connection belongs to: the newest one that
 * awaits a connection to its server end. Held for the caller, and awaited no more.
 *
 * @return NULL where there is none, or @p table is NULL
 */
struct transfer *transfer_match(struct transfer_table *table, const struct endpoints *ends);

/** The caller holds it no more. Accepts NULL. */
void transfer_release(struct transfer_table *table, struct transfer *t);

/** Its file name. */
static inline struct bytes
transfer_name(const struct transfer *t)
{
	return bytes_of(t->name, t->n_name);
}

#endif
