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
 * Start. Once in a process.
 *
 * @param why  on failure: what is wrong and what to do, with DPDK's own last words
 * @return 0, or -1
 */
int eal_start(const struct eal_config *cfg, char *why, size_t why_size);

/** Stop, and remove what was put into the file system. */
void eal_stop(void);

/** DPDK's name of a port ("net_af_packet0", "0000:03:00.0"), for the @p index-th of ports. */
void eal_port_device(const struct port_name *port, unsigned index, char *ret, size_t size);

/**
 * A pool of @p buffers packet buffers with room for packet_meta().
 * @return NULL with @p why filled
 */
struct rte_mempool *eal_packet_pool(const char *name, uint64_t buffers, char *why, size_t why_size);

/** Bytes that eal_packet_pool() takes for that many buffers. */
uint64_t eal_packet_pool_bytes(uint64_t buffers);

/**
 * What the machine has for us, in bytes: free hugepages, or available memory.
 * @return 0 where it can't be told
 */
uint64_t eal_memory_available(bool hugepages);

/** Size of the hugepages that are used, in bytes (2 MiB or 1 GiB). */
uint64_t eal_hugepage_size(void);

#endif
