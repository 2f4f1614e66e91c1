/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_INTERFACE_H
#define SLUSS_INTERFACE_H

/**
 * @file
 * What the kernel says of one of its network interfaces, by name. Nothing is
 * kept: each question is asked anew.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @return the interface's IFF_ flags; -1: there is no such interface */
int interface_flags(const char *name);

/** Bring it up or take it down (IFF_UP). @return 0 or -errno */
int interface_set_up(const char *name, bool up);

/** Bytes behind the Ethernet header. @return -1: it can't be told */
int interface_mtu(const char *name);

/** Does it merge segments before we see them (GRO, LRO)? */
bool interface_merges(const char *name);

/** Is it one end of a veth pair? */
bool interface_is_veth(const char *name);

/**
 * Does it take a frame's VLAN tag off, to tell it beside the frame? A packet socket is told;
 * af_xdp isn't, so that the tag is lost.
 */
bool interface_strips_vlan(const char *name);

/** Receive queues that it uses now; 0: it doesn't say. */
unsigned interface_queues(const char *name);

/** Index of the bridge (or bond) that it belongs to; 0: none. */
unsigned interface_master(const char *name);

/** The first IP addresses it has, as "10.0.0.1, fe80::1". @return how many it has */
unsigned interface_addresses(const char *name, char *ret, size_t size);

#endif
