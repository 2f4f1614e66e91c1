/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* An ioctl about the interface. @return 0 or -errno */
static int
ask(const char *name, unsigned long request, struct ifreq *ret)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (s < 0)
		return -errno;
	snprintf(ret->ifr_name, sizeof(ret->ifr_name), "%s", name);
	r = ioctl(s, request, ret) == 0 ? 0 : -errno;
	close(s);
	return r;
}

int
interface_flags(const char *name)
{
	struct ifreq r = {0};

	if (ask(name, SIOCGIFFLAGS, &r) != 0)
		return -1;
	return (unsigned short)r.ifr_flags;
}

int
interface_set_up(const char *name, bool up)
{
	struct ifreq r = {0};
	int e = ask(name, SIOCGIFFLAGS, &r);

	if (e != 0)
		return e;
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	return ask(name, SIOCSIFFLAGS, &r);
}

int
interface_mtu(const char *name)
{
	struct ifreq r = {0};

	return ask(name, SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : -1;
}

/* One of ethtool's yes-or-no answers; 0 where it isn't known. */
static uint32_t
ethtool_value(const char *name, uint32_t command)
{
	struct ethtool_value v = {.cmd = command};
	struct ifreq r = {.ifr_data = (char *)&v};

	return ask(name, SIOCETHTOOL, &r) == 0 ? v.data : 0;
}

bool
interface_merges(const char *name)
{
	return ethtool_value(name, ETHTOOL_GGRO) != 0 ||
		(ethtool_value(name, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) != 0;
}

bool
interface_is_veth(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq r = {.ifr_data = (char *)&info};

	return ask(name, SIOCETHTOOL, &r) == 0 && strcmp(info.driver, "veth") == 0;
}

bool
interface_strips_vlan(const char *name)
{
	return (ethtool_value(name, ETHTOOL_GFLAGS) & ETH_FLAG_RXVLAN) != 0;
}

unsigned
interface_queues(const char *name)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq r = {.ifr_data = (char *)&c};

	return ask(name, SIOCETHTOOL, &r) == 0 ? c.combined_count + c.rx_count : 0;
}

/* What the kernel answers about the interface (rtnetlink(7)). @return its length, or -1 */
static ssize_t
ask_link(const char *name, void *ret, size_t size)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)},
	};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (s < 0)
		return -1;
	if (send(s, &request, sizeof(request), 0) == (ssize_t)sizeof(request))
		n = recv(s, ret, size, 0);
	close(s);
	return n;
}

/* Not by /sys, which may show another network namespace than this one. */
unsigned
interface_master(const char *name)
{
	enum { ANSWER = 32768 };
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER];
	const struct nlmsghdr *header = (const void *)answer;
	ssize_t n = ask_link(name, answer, sizeof(answer));
	const struct rtattr *a;
	int rest;

	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
		header->nlmsg_type != RTM_NEWLINK || header->nlmsg_len > (size_t)n)
		return 0;
	a = (const void *)(answer + NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	rest = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	for (; RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
		uint32_t master;

		if (a->rta_type != IFLA_MASTER || RTA_PAYLOAD(a) != sizeof(master))
			continue;
		memcpy(&master, RTA_DATA(a), sizeof(master));
		return master;
	}
	return 0;
}

unsigned
interface_addresses(const char *name, char *ret, size_t size)
{
	struct ifaddrs *all = NULL;
	unsigned found = 0;
	size_t used = 0;

	ret[0] = '\0';
	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *address;

		if (a->ifa_addr == NULL || strcmp(a->ifa_name, name) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			address = &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr->sa_family == AF_INET6)
			address = &((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr;
		else
			continue;
		if (inet_ntop(a->ifa_addr->sa_family, address, text, sizeof(text)) != NULL &&
			used < size)
			used += (size_t)snprintf(ret + used, size - used, "%s%s",
				found > 0 ? ", " : "", text);
		found++;
	}
	freeifaddrs(all);
	return found;
}
