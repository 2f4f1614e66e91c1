/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Can these ports be a wire? Asked before the start, so that what is wrong is said
 * plainly and nothing is left half-done.
 */
#include "dataplane/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/interface.h"
#include "dataplane/port.h"

enum { NAME = 128, LINE = 1024 };

struct check {
	void (*warn)(void *ctx, const char *line);
	void *ctx;
	char *why;
	size_t why_size;
};

static int __attribute__((format(printf, 2, 3)))
fail(struct check *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->why, c->why_size, format, ap);
	va_end(ap);
	return -1;
}

static void __attribute__((format(printf, 2, 3)))
warn(struct check *c, const char *format, ...)
{
	char line[LINE];
	va_list ap;

	if (c->warn == NULL)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	c->warn(c->ctx, line);
}

static bool
is_kernels(const struct port_name *p)
{
	return p->kind == PORT_AF_PACKET || p->kind == PORT_AF_XDP;
}

/* An interface may be named by two kinds, a card with and without its PCI domain. */
static bool
is_same(const struct port_name *a, const struct port_name *b)
{
	char left[EAL_DEVICE_MAX], right[EAL_DEVICE_MAX];

	if (is_kernels(a) != is_kernels(b))
		return false;
	if (is_kernels(a))
		return strcmp(a->target, b->target) == 0;
	eal_port_device(a, 0, left, sizeof(left));
	eal_port_device(b, 0, right, sizeof(right));
	return strcmp(left, right) == 0;
}

static int
check_twice(struct check *c, const struct port_name *ports, unsigned n)
{
	char name[NAME];

	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (!is_same(&ports[i], &ports[k]))
				continue;
			eal_port_name(&ports[i], name, sizeof(name));
			return fail(c, "port %s is there twice; each port has one place in one pair",
				name);
		}
	}
	return 0;
}

/* What comes in must not be seen merged, nor by queues that aren't read. */
static int
check_offloads(struct check *c, const struct port_name *p, const char *name)
{
	if (p->kind == PORT_AF_XDP && interface_queues(p->target) > 1)
		return fail(c,
			"port %s: its interface has %u queues, and af_xdp reads the first. As root: "
			"ethtool -L %s combined 1",
			name, interface_queues(p->target), p->target);
	/* A veth strips nothing by itself: its peer may not have put the tag in. */
	if (p->kind == PORT_AF_XDP && !interface_is_veth(p->target) &&
		interface_strips_vlan(p->target))
		return fail(c,
			"port %s: its interface takes VLAN tags off, and af_xdp isn't told them. As "
			"root: ethtool -K %s rxvlan off",
			name, p->target);
	/* An XDP program sees frames before they are merged. */
	if (p->kind != PORT_AF_PACKET)
		return 0;
	if (interface_merges(p->target))
		return fail(c,
			"port %s: its interface merges TCP segments (GRO, LRO) into frames that are "
			"too long to leave again. As root: ethtool -K %s gro off lro off",
			name, p->target);
	return 0;
}

static int
check_interface(struct check *c, const struct port_name *p, const char *name)
{
	int mtu = interface_mtu(p->target);
	char addresses[256];

	if (mtu > PORT_MTU_MAX)
		return fail(c,
			"port %s: its MTU is %d, and at most %d fit a packet buffer. As root, at both "
			"ends: ip link set %s mtu 1500",
			name, mtu, PORT_MTU_MAX, p->target);
	if (interface_addresses(p->target, addresses, sizeof(addresses)) > 0)
		warn(c,
			"port %s: its interface has addresses (%s), so the kernel answers for them on "
			"the wire. As root: ip addr flush dev %s; sysctl "
			"net.ipv6.conf.%s.disable_ipv6=1",
			name, addresses, p->target, p->target);
	if (interface_master(p->target) != 0)
		warn(c,
			"port %s: its interface belongs to a bridge or bond of the kernel, which may "
			"forward frames past sluss. As root: ip link set %s nomaster",
			name, p->target);
	return check_offloads(c, p, name);
}

static int
check_pair(struct check *c, const struct port_name pair[2])
{
	char names[2][NAME];
	int mtus[2];

	for (unsigned i = 0; i < 2; i++)
		eal_port_name(&pair[i], names[i], sizeof(names[i]));
	if (!is_kernels(&pair[0]) || !is_kernels(&pair[1]))
		return 0;
	for (unsigned i = 0; i < 2; i++)
		mtus[i] = interface_mtu(pair[i].target);
	if (mtus[0] != mtus[1])
		return fail(c,
			"ports %s and %s are a pair, but their MTUs are %d and %d: what the larger "
			"one lets in can't leave. As root: ip link set %s mtu %d",
			names[0], names[1], mtus[0], mtus[1], pair[mtus[0] > mtus[1] ? 0 : 1].target,
			mtus[0] < mtus[1] ? mtus[0] : mtus[1]);
	if (interface_master(pair[0].target) != 0 &&
		interface_master(pair[0].target) == interface_master(pair[1].target))
		return fail(c,
			"ports %s and %s belong to the same bridge of the kernel, which forwards "
			"past sluss: frames would go round for ever. As root: ip link set %s nomaster; "
			"ip link set %s nomaster",
			names[0], names[1], pair[0].target, pair[1].target);
	return 0;
}

int
wire_check(const struct port_name *ports, unsigned n_ports,
	void (*warn_line)(void *ctx, const char *line), void *ctx, char *why, size_t why_size)
{
	struct check c = {warn_line, ctx, why, why_size};

	if (n_ports == 0 || n_ports % 2 != 0)
		return fail(&c, "ports come in pairs, and %u are given", n_ports);
	if (check_twice(&c, ports, n_ports) != 0)
		return -1;
	for (unsigned i = 0; i < n_ports; i++)
		if (eal_check_port(&ports[i], why, why_size) != 0)
			return -1;
	for (unsigned i = 0; i < n_ports; i += 2)
		if (check_pair(&c, &ports[i]) != 0)
			return -1;
	for (unsigned i = 0; i < n_ports; i++) {
		char name[NAME];

		eal_port_name(&ports[i], name, sizeof(name));
		if (is_kernels(&ports[i]) && check_interface(&c, &ports[i], name) != 0)
			return -1;
	}
	return 0;
}
