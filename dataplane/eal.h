/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SLUSS_EAL_H
#define SLUSS_EAL_H

/**
 * @file
 * DPDK's environment layer, started from our own configuration: the user never
 * types EAL options.
 *
 * Captures need neither privileges nor hugepages; ports need both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

enum { EAL_PORTS_MAX = 16, EAL_ERROR_MAX = 2048, EAL_DEVICE_MAX = 64 };

/** Bytes of data in one packet buffer, headroom not included. */
enum { EAL_BUFFER_BYTES = 2048 };

enum port_kind { PORT_PCAP, PORT_AF_PACKET, PORT_AF_XDP, PORT_PCI };

/** One of the site configuration's `ports:`. */
struct port_name {
	enum port_kind kind;
	const char *target; /* file, interface or PCI address */
};

struct eal_config {
	const struct port_name *ports; /* those to listen on; PORT_PCAP ones are left out */
	unsigned n_ports;
	bool hugepages;	     /* needed for ports; captures do without */
	uint64_t memory;     /* bytes for everything that is allocated from DPDK */
	unsigned main_core;  /* core that the main thread is bound to, if cores is set */
	bool bind;	     /* bind the main thread to main_core */
	const char *options; /* the expert's own, split at blanks and put last; may be NULL */
};

/**
 * Is the port there, and can it be listened on? Asks the system, not DPDK, so
 * that the answer is clear. True for captures.
 *
 * @param why   what is wrong and what to do
 * @return 0 or -1
 */
int eal_check_port(const struct port_name *port, char *why, size_t why_size);

/** Something about the port that costs packets, and what to do. @return whether there is */
bool eal_port_warning(const struct port_name *port, char *ret, size_t size);

/** "af_packet:eth1", as the user wrote it. */
void eal_port_name(const struct port_name *port, char *ret, size_t size);

/**
 * Start. Once in a process.
 *
 * @param why  on failure: what is wrong and what to do, with DPDK's own last words
 * @return 0, or -1
 */
int eal_start(const struct eal_config *cfg, char *why, size_t why_size);

/** Stop, and remove what was put into the file system. */
void eal_stop(void);

/**
 * What the @p index-th of ports is opened by (port.h): DPDK's name of it ("net_af_xdp0",
 * "0000:03:00.0"), or "af_packet:eth1", which isn't DPDK's.
 */
void eal_port_device(const struct port_name *port, unsigned index, char *ret, size_t size);

/**
 * A pool of @p buffers packet buffers with room for packet_meta().
 * @return NULL with @p why filled
 */
struct rte_mempool *eal_packet_pool(const char *name, uint64_t buffers, char *why, size_t why_size);

/** Bytes that eal_packet_pool() takes for that many buffers. */
uint64_t eal_packet_pool_bytes(uint64_t buffers);

/** What the machine has for us, in bytes; 0 where it can't be told. */
struct eal_machine {
	uint64_t ram;	    /* in all; 0 when it isn't known */
	uint64_t memory;    /* available without swapping */
	uint64_t huge_page; /* size of a hugepage */
	uint64_t huge_free;
	uint64_t huge_used; /* by others */
};

/** Ask the kernel, now. */
void eal_machine_read(struct eal_machine *ret);

#endif
