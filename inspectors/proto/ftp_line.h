/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_FTP_LINE_H
#define SLUSS_FTP_LINE_H

/**
 * @file
 * Lines of an FTP control connection: commands, replies, and the addresses in
 * them (RFC 959, 4 and 5.3; RFC 1123, 4.1.2; RFC 2428; RFC 4217).
 */

#include "inspectors/bytes.h"

enum ftp_verb {
	FTP_OTHER,
	FTP_ABOR,
	FTP_ACCT,
	FTP_APPE,
	FTP_AUTH,
	FTP_EPRT,
	FTP_EPSV,
	FTP_LIST,
	FTP_MLSD,
	FTP_MODE,
	FTP_NLST,
	FTP_PASS,
	FTP_PASV,
	FTP_PORT,
	FTP_PROT,
	FTP_REST,
	FTP_RETR,
	FTP_STOR,
	FTP_STOU,
	FTP_TYPE,
	FTP_VERBS
};

/** "STOR"; NULL for FTP_OTHER. Static. */
const char *ftp_verb_name(enum ftp_verb verb);

/** Does the command move data, and which way? 1: to the server; -1: from it; 0: none. */
int ftp_verb_moves(enum ftp_verb verb);

/** A command line without its line end. Blanks and telnet controls before it are skipped. */
enum ftp_verb ftp_command(struct bytes line, struct bytes *ret_argument);

/**
 * The code of a reply line; 0 where it has none.
 * @param ret_more  "123-": more lines follow, up to the one that begins "123 "
 */
unsigned ftp_reply(struct bytes line, bool *ret_more);

/** Where a data connection will go to. */
struct ftp_address {
	uint8_t family; /* 4, 6; 0: the address is that of the control connection */
	uint8_t address[16];
	uint16_t port;
};

/** "h1,h2,h3,h4,p1,p2" anywhere in @p text: PORT, and the reply 227. */
bool ftp_host_port(struct bytes text, struct ftp_address *ret);

/** "|2|::1|5282|" (EPRT), or "(|||6446|)" anywhere in @p text (229). */
bool ftp_extended_port(struct bytes text, struct ftp_address *ret);

/** The last component of a path, or all of it where that is empty. */
struct bytes ftp_base_name(struct bytes path);

#endif
