/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_XDP_GUARD_H
#define SLUSS_XDP_GUARD_H

/**
 * @file
 * Keeps the peer of a veth from sending us frames longer than the MTU (TSO): as long as
 * one end of a veth pair has an XDP program, the kernel has the other end cut its
 * segments itself (veth_fix_features() of Linux, since 5.13). The program here passes
 * everything. It goes with the descriptor, also if the process is killed.
 */

/**
 * @return a descriptor to close; -1 where there is nothing to guard (no veth), where the
 *         interface has a program already, or the kernel can't do it
 */
int xdp_guard_open(const char *interface);

#endif
