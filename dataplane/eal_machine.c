/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/eal.h"

#include <stdio.h>
#include <string.h>

/* "Name:   123 kB" of /proc/meminfo, in bytes or (hugepages) as a count; 0 if not there. */
static uint64_t
meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256], key[64], unit[8];
	unsigned long long value;
	uint64_t ret = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		int n = sscanf(line, "%63[^:]: %llu %7s", key, &value, unit);

		if (n >= 2 && strcmp(key, name) == 0) {
			ret = n == 3 ? value * 1024 : value;
			break;
		}
	}
	fclose(f);
	return ret;
}

void
eal_machine_read(struct eal_machine *ret)
{
	uint64_t size = meminfo("Hugepagesize");
	uint64_t all = meminfo("HugePages_Total"), free = meminfo("HugePages_Free");
	uint64_t reserved = meminfo("HugePages_Rsvd"); /* counted as free, but promised */

	free = free > reserved ? free - reserved : 0;
	*ret = (struct eal_machine){
		.ram = meminfo("MemTotal"),
		.memory = meminfo("MemAvailable"),
		.huge_page = size,
		.huge_free = free * size,
		.huge_used = (all > free ? all - free : 0) * size,
	};
}
