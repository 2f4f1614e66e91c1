/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_TEST_EQUALITY_CASE_H
#define SLUSS_TEST_EQUALITY_CASE_H

/**
 * @file
 * One case each: a schedule of frames that its seed decides, and whether what the
 * application on the kernel's side read is what the inspectors read.
 */

#include "tests/e2e/equality/lab.h"

enum ending {
	ENDING_EQUAL,	/* all that the inspectors read, to its end */
	ENDING_RESET,	/* a part of it from its beginning, then a reset */
	ENDING_NONE,	/* no connection came to be, or no datagram arrived */
	ENDING_STALL,	/* a part of it, and no end */
	ENDING_DIFFERS, /* something else: wrong */
	ENDINGS
};

const char *ending_name(enum ending o);

/** Sockets of the kernel's side, opened once. */
struct listeners {
	int tcp[2], udp[2]; /* IPv4, IPv6 */
};

void listeners_open(struct listeners *l);
void listeners_close(struct listeners *l);

/** A TCP connection. With @p say, what is sent is printed. */
enum ending tcp_case(struct lab *lab, const struct listeners *l, bool say);
/** UDP datagrams in fragments. */
enum ending fragment_case(struct lab *lab, const struct listeners *l, bool say);

#endif
