/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/eal.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/interface.h"

void
eal_port_name(const struct port_name *port, char *ret, size_t size)
{
	static const char *const kinds[] = {
		[PORT_PCAP] = "pcap",
		[PORT_AF_PACKET] = "af_packet",
		[PORT_AF_XDP] = "af_xdp",
		[PORT_PCI] = "pci",
	};

	snprintf(ret, size, "%s:%s", kinds[port->kind], port->target);
}

/* "eth0, eth1": the interfaces that there are. */
static void
list_interfaces(char *ret, size_t size)
{
	struct if_nameindex *all = if_nameindex();
	size_t used = 0;

	ret[0] = '\0';
	for (struct if_nameindex *i = all; i != NULL && i->if_index != 0 && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", used > 0 ? ", " : "",
			i->if_name);
	if (all != NULL)
		if_freenameindex(all);
}

bool
eal_port_warning(const struct port_name *port, char *ret, size_t size)
{
	char name[128];

	if (port->kind != PORT_AF_PACKET || !interface_merges(port->target))
		return false;
	eal_port_name(port, name, sizeof(name));
	snprintf(ret, size,
		"port %s: its interface merges TCP segments (GRO, LRO); what is longer than a "
		"packet buffer is cut and can't be read. As root: ethtool -K %s gro off lro off",
		name, port->target);
	return true;
}

static int
check_interface(const char *name, const char *interface, char *why, size_t why_size)
{
	char all[256];
	int s, flags;

	if (if_nametoindex(interface) == 0) {
		list_interfaces(all, sizeof(all));
		snprintf(why, why_size, "port %s: there is no such interface; there are %s", name,
			all);
		return -1;
	}
	flags = interface_flags(interface);
	if (flags >= 0 && (flags & IFF_UP) == 0) {
		snprintf(why, why_size,
			"port %s: its interface is down, so nothing would be seen; as root: "
			"ip link set %s up",
			name, interface);
		return -1;
	}
	s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s < 0) {
		snprintf(why, why_size,
			"port %s: listening needs root, or the capabilities CAP_NET_RAW, "
			"CAP_NET_ADMIN and CAP_IPC_LOCK",
			name);
		return -1;
	}
	close(s);
	return 0;
}

/* A card is DPDK's when one of these drivers has it. */
static bool
is_dpdk_driver(const char *driver)
{
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core",
		"mlx4_core", "uio_hv_generic"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

static int
check_pci(const char *name, const struct port_name *port, char *why, size_t why_size)
{
	char device[EAL_DEVICE_MAX], path[128], link[256] = "";
	const char *driver;
	ssize_t n;

	eal_port_device(port, 0, device, sizeof(device));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device);
	if (access(path, F_OK) != 0) {
		snprintf(why, why_size,
			"port %s: there is no such PCI device; `dpdk-devbind.py --status-dev net` "
			"lists them",
			name);
		return -1;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", device);
	n = readlink(path, link, sizeof(link) - 1);
	if (n > 0)
		link[n] = '\0';
	driver = strrchr(link, '/') != NULL ? strrchr(link, '/') + 1 : "none";
	if (is_dpdk_driver(driver))
		return 0;
	snprintf(why, why_size,
		"port %s: its driver is %s; give the card to DPDK (its interface goes away), as "
		"root: dpdk-devbind.py -b vfio-pci %s",
		name, driver, device);
	return -1;
}

int
eal_check_port(const struct port_name *port, char *why, size_t why_size)
{
	char name[128];

	eal_port_name(port, name, sizeof(name));
	switch (port->kind) {
	case PORT_AF_PACKET:
	case PORT_AF_XDP:
		return check_interface(name, port->target, why, why_size);
	case PORT_PCI:
		return check_pci(name, port, why, why_size);
	case PORT_PCAP:
		break;
	}
	return 0;
}
