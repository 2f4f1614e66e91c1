/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/site.h"
#include "policy/diag.h"

static int
parse(const char *text, struct site *ret, struct diag *d)
{
	*d = (struct diag){0};
	return site_parse("conf/site.yaml", bytes_str(text), ret, d);
}

static void
test_everything_set(void **state)
{
	static const char text[] =
		"observer: gw1\n"
		"policy: perimeter.yaml\n"
		"key: /etc/sluss/pseudonym.key\n"
		"ports: [\"af_packet:eth1\", \"af_xdp:eth2\", \"pci:0000:03:00.0\", \"pci:04:00.1\"]\n"
		"workers: 2\n"
		"cores: [0, 0, 0]\n"
		"checksums: ignore\n"
		"events: {file: log/events.jsonl, log: messages}\n"
		"limits:\n"
		"  flows: 5000\n"
		"  inspect_memory: 64 MiB\n"
		"  tcp_idle_timeout: 1h\n"
		"  tcp_gap_timeout: 3s\n"
		"  udp_idle_timeout: 45\n"
		"  flow_memory: 1MiB\n";
	struct site s;
	struct diag d;

	(void)state;
	if (parse(text, &s, &d) != 0)
		diag_print(&d, stderr);
	assert_int_equal(d.n, 0);
	assert_string_equal(s.observer, "gw1");
	assert_string_equal(s.policy, "conf/perimeter.yaml");
	assert_string_equal(s.key, "/etc/sluss/pseudonym.key");
	assert_string_equal(s.events, "conf/log/events.jsonl");
	assert_int_equal(s.n_ports, 4);
	assert_int_equal(s.ports[0].kind, PORT_AF_PACKET);
	assert_string_equal(s.ports[0].target, "eth1");
	assert_int_equal(s.ports[1].kind, PORT_AF_XDP);
	assert_int_equal(s.ports[2].kind, PORT_PCI);
	assert_string_equal(s.ports[3].target, "04:00.1");
	assert_int_equal(s.workers, 2);
	assert_int_equal(s.n_cores, 3);
	assert_false(s.verify_checksums);
	assert_true(s.log_messages);
	assert_int_equal(s.limits.flows, 5000);
	assert_int_equal(s.limits.inspect_memory, 64 << 20);
	assert_int_equal(s.limits.tcp_idle_timeout, 3600);
	assert_int_equal(s.limits.tcp_gap_timeout, 3000);
	assert_int_equal(s.limits.udp_idle_timeout, 45);
	assert_int_equal(s.inspect.flow_memory, 1 << 20);
	assert_int_equal(s.limits.ndpi_packets, 16); /* what isn't written is the default */
	site_free(&s);
}

static void
test_captures_as_ports(void **state)
{
	struct site s;
	struct diag d;

	(void)state;
	assert_int_equal(parse("ports: [\"pcap:a.pcap\", \"pcap:/x/b.pcap\"]\n", &s, &d), 0);
	assert_int_equal(s.n_ports, 2);
	assert_string_equal(s.ports[0].target, "conf/a.pcap");
	assert_string_equal(s.ports[1].target, "/x/b.pcap");
	assert_true(s.verify_checksums);
	assert_false(s.log_messages);
	assert_int_equal(s.workers, 1);
	assert_true(strlen(s.observer) > 0);
	site_free(&s);
}

/* Pairs are the ports in their order; a choice that isn't made is the safe one. */
static void
test_pairs(void **state)
{
	struct site s, plain;
	struct diag d = {0};

	assert_int_equal(parse("pairs: [[\"af_packet:a\", \"af_packet:b\"], [\"af_xdp:c\", "
			       "\"pci:04:00.1\"]]\n"
			       "inline: {midstream: adopt, stalled: bridge, full_table: drop}\n"
			       "limits: {packet_buffers: 65536}\n",
				 &s, &d), 0);
	assert_true(s.pairs);
	assert_int_equal(s.n_ports, 4);
	assert_string_equal(s.ports[1].target, "b");
	assert_int_equal(s.ports[2].kind, PORT_AF_XDP);
	assert_int_equal(s.ports[3].kind, PORT_PCI);
	assert_true(s.choices.midstream_adopt);
	assert_true(s.choices.stalled_bridge);
	assert_false(s.choices.full_table_pass);
	assert_false(s.choices.non_ip_drop);
	/* Sending and the way back of the workers take buffers, too. */
	site_default(&plain);
	assert_true(site_buffers_needed(&s) >
		site_buffers_needed(&plain) + 2 * 4096 + 2 * plain.limits.worker_ring);
	assert_false(plain.pairs);
	site_free(&plain);
	site_free(&s);
}

/* Each choice is in the reference, with what both mean. */
static void
test_choices_reference(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	site_print_choices(out);
	fclose(out);
#define X(name, sentence, first, first_sentence, second, second_sentence)                          \
	assert_non_null(strstr(text, "\n" #name ": " #first ", or " #second "\n"));
	INLINE_CHOICES(X)
#undef X
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	free(text);
}

/* Each error with its line and column, and with what would be right. */
static void
test_errors(void **state)
{
	static const struct {
		const char *text, *place, *says;
	} rows[] = {
		{"observer: gw1\nport: [x]\n", "conf/site.yaml:2:1:", "ports"},
		{"ports: [\"eth0\"]\n", "conf/site.yaml:1:9:", "af_packet:INTERFACE"},
		{"ports: [\"pci:03.0\"]\n", "conf/site.yaml:1:9:", "pci:0000:03:00.0"},
		{"ports: [\"pci:0000:03:00.8\"]\n", "conf/site.yaml:1:9:", "pci:0000:03:00.0"},
		{"ports: [\"af_packet:eth0,qpairs=9\"]\n", "conf/site.yaml:1:9:",
			"af_packet:eth1"},
		{"ports: [\"af_packet:\"]\n", "conf/site.yaml:1:9:", "af_packet:eth1"},
		{"ports: [\"pcap:\"]\n", "conf/site.yaml:1:9:", "pcap:morning.pcap"},
		{"ports: [\"pcap:a\", \"af_packet:e\"]\n", "conf/site.yaml:1:19:", "mixed"},
		{"ports: [\"af_packet:e\", \"af_packet:e\"]\n", "conf/site.yaml:1:24:", "twice"},
		{"ports: af_packet:eth0\n", "conf/site.yaml:1:8:", "list"},
		{"ports: [\"af_packet:e\", \"af_xdp:e\"]\n", "conf/site.yaml:1:24:", "twice"},
		{"ports: [\"af_packet:e\"]\npairs: [[\"af_packet:a\", \"af_packet:b\"]]\n",
			"conf/site.yaml:2:8:", "exclude"},
		{"pairs: [\"af_packet:a\"]\n", "conf/site.yaml:1:9:", "a pair is two ports"},
		{"pairs: [[\"af_packet:a\"]]\n", "conf/site.yaml:1:9:", "a pair is two ports"},
		{"pairs: [[\"pcap:a\", \"pcap:b\"]]\n", "conf/site.yaml:1:10:", "af_xdp:INTERFACE"},
		{"pairs: [[\"af_packet:a\", \"af_packet:b\"], [\"af_packet:c\", \"af_packet:a\"]]\n",
			"conf/site.yaml:1:57:", "twice"},
		{"pairs: [[\"af_packet:a\", \"af_packet:b\"]]\ncores: [0]\n", "conf/site.yaml:2:8:",
			"write 2"},
		{"inline: {midstreams: adopt}\n", "conf/site.yaml:1:10:", "midstream"},
		{"inline: {midstream: pass}\n", "conf/site.yaml:1:21:", "adopt"},
		{"inline: yes\n", "conf/site.yaml:1:9:", "inline"},
		{"workers: 0\n", "conf/site.yaml:1:10:", "1"},
		{"workers: 65\n", "conf/site.yaml:1:10:", "64"},
		{"workers: two\n", "conf/site.yaml:1:10:", "number"},
		{"workers: 2\ncores: [0]\n", "conf/site.yaml:2:8:", "write 3"},
		{"cores: [0, 0]\n", "conf/site.yaml:1:8:", "write 1"},
		{"cores: [4096]\n", "conf/site.yaml:1:9:", "core"},
		{"checksums: maybe\n", "conf/site.yaml:1:12:", "verify"},
		{"events: {log: all}\n", "conf/site.yaml:1:15:", "messages"},
		{"events: {files: x}\n", "conf/site.yaml:1:10:", "file"},
		{"limits:\n  flow: 5000\n", "conf/site.yaml:2:3:", "flows"},
		{"limits:\n  flows: 10\n", "conf/site.yaml:2:10:", "1024"},
		{"limits:\n  flows: 2000\n  tcp_idle_timeout: 1500ms\n", "conf/site.yaml:3:",
			"tcp_idle_timeout"},
		{"limits:\n  tcp_idle_timeout: 10500ms\n", "conf/site.yaml:2:21:", "whole number"},
		{"limits:\n  inspect_memory: 1 MB\n", "conf/site.yaml:2:19:", "MiB"},
		{"limits:\n  packet_buffers: 2048\n", "conf/site.yaml:2:19:", "tcp_segments"},
		{"limits:\n  tcp_segments: 100000\n", "conf/site.yaml:2:3:", "packet_buffers"},
		{"policy: [a]\n", "conf/site.yaml:1:9:", "policy"},
		{"- a\n", "conf/site.yaml:1:1:", "site configuration"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct site s;
		struct diag d;

		assert_int_equal(parse(rows[i].text, &s, &d), -1);
		assert_true(d.errors >= 1);
		if (strncmp(d.entries[0], rows[i].place, strlen(rows[i].place)) != 0 ||
			strstr(d.entries[0], rows[i].says) == NULL)
			fail_msg("%s gives \"%s\", not %s … %s", rows[i].text, d.entries[0],
				rows[i].place, rows[i].says);
		diag_free(&d);
	}
}

/* All errors of a file are told at once. */
static void
test_all_errors(void **state)
{
	struct site s;
	struct diag d;

	(void)state;
	assert_int_equal(
		parse("workers: 0\nchecksums: no\nlimits: {flows: 1, burst: 0}\n", &s, &d), -1);
	assert_int_equal(d.errors, 4);
	diag_free(&d);
}

static void
test_missing_file(void **state)
{
	struct site s;
	struct diag d = {0};

	(void)state;
	assert_int_equal(site_load("no/such/site.yaml", &s, &d), -1);
	assert_int_equal(d.errors, 1);
	assert_non_null(strstr(d.entries[0], "no/such/site.yaml"));
	diag_free(&d);
}

/* The reference has every key of the configuration, and fits a terminal. */
static void
test_reference(void **state)
{
	char *text = NULL, *line, *rest;
	size_t n, keys = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	assert_non_null(out);
	site_print_limits(out);
	assert_int_equal(fclose(out), 0);
	for (const struct site_limit *l; (l = site_limit(keys)) != NULL; keys++) {
		char head[96];

		snprintf(head, sizeof(head), "\n%s: ", l->name);
		assert_non_null(strstr(text, head));
		assert_true(l->least <= l->value && l->value <= l->most);
	}
	assert_true(keys > 25);
	/* Bytes as one would write them, the rest in its unit. */
	assert_non_null(strstr(text, "\ninspect_memory: 256 MiB (1 MiB to 1 TiB)\n"));
	assert_non_null(strstr(text, "\nheader_field: 16 KiB (998 to 48 KiB)\n"));
	assert_non_null(strstr(text, "\ntcp_idle_timeout: 1800 seconds (10 to 604800)\n"));
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (strlen(line) > 80)
			fail_msg("too long: %s", line);
	free(text);
}

/* Each limit can be written at its least and at its most, and nothing beyond. */
static void
test_bounds(void **state)
{
	const struct site_limit *l;

	(void)state;
	for (size_t i = 0; (l = site_limit(i)) != NULL; i++) {
		/* These are bound to one another, too. */
		const char *others = "packet_buffers: 16777216, tcp_segments: 256, "
				     "fragment_datagrams: 64";
		bool bound = strstr(others, l->name) != NULL;
		const uint64_t values[] = {l->least, l->most, l->most + 1};

		for (unsigned k = 0; k < 3; k++) {
			char text[256];
			struct site s;
			struct diag d;
			int want = k == 2 ? -1 : 0;

			snprintf(text, sizeof(text), "limits: {%s: %llu%s%s}\n", l->name,
				(unsigned long long)values[k], bound ? "" : ", ",
				bound ? "" : others);
			if (bound && k < 2)
				continue;
			assert_int_equal(parse(text, &s, &d), want);
			if (want == 0) {
				assert_int_equal(*site_limit_value(&s, l), values[k]);
				site_free(&s);
			}
			diag_free(&d);
		}
	}
}

static void
test_memory(void **state)
{
	const struct site_sizes sizes = {.flow = 200, .datagram = 300, .segment = 40, .ndpi = 700};
	struct eal_machine machine = {.memory = 64ull << 30, .huge_page = 2 << 20};
	struct site_memory m;
	struct site s;
	char why[1024];

	(void)state;
	site_default(&s);
	s.limits.flows = 1000000;
	m = site_memory(&s, &sizes);
	assert_int_equal(m.flows, 200000000);
	assert_int_equal(m.inspect, s.limits.inspect_memory);
	assert_true(m.packets >= s.limits.packet_buffers * 2176);
	assert_int_equal(m.total, m.dpdk + m.ndpi + m.fixed);
	assert_int_equal(site_check_memory(&m, false, &machine, why, sizeof(why)), 0);

	/* Hugepages: what to write, others' pages included. */
	machine.huge_used = 10 * machine.huge_page;
	assert_int_equal(site_check_memory(&m, true, &machine, why, sizeof(why)), -1);
	{
		char want[96];

		snprintf(want, sizeof(want), "echo %llu > /proc/sys/vm/nr_hugepages",
			(unsigned long long)((m.dpdk + machine.huge_page - 1) / machine.huge_page +
				10));
		assert_non_null(strstr(why, want));
	}
	machine.huge_free = m.dpdk;
	assert_int_equal(site_check_memory(&m, true, &machine, why, sizeof(why)), 0);

	/* Too much for the machine: the keys that make it so, the largest first. */
	s.limits.inspect_memory = 100ull << 30;
	m = site_memory(&s, &sizes);
	assert_int_equal(site_check_memory(&m, false, &machine, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "lower limits.inspect_memory (102400 MiB), limits.flows"));

	/* Nor is advice given that no machine could follow. */
	machine.ram = 64ull << 30;
	assert_int_equal(site_check_memory(&m, true, &machine, why, sizeof(why)), -1);
	assert_null(strstr(why, "nr_hugepages"));
	assert_non_null(strstr(why, "65536 MiB of memory: lower limits.inspect_memory"));
	site_free(&s);
}

static void
test_shares(void **state)
{
	struct dataplane_limits l;
	struct site s;

	(void)state;
	site_default(&s);
	s.workers = 3;
	s.limits.flows = 10000;
	l = site_worker_limits(&s);
	assert_int_equal(l.flows, 3334);
	assert_int_equal(l.tcp_held, s.limits.tcp_held); /* of one flow: not divided */
	site_free(&s);
}

/* Inline each fragment is held twice. */
static void
test_fragment_buffers(void **state)
{
	struct site s;
	uint64_t few;

	(void)state;
	site_default(&s);
	assert_int_equal(site_fragment_buffers(&s), 8);
	s.pairs = true;
	assert_int_equal(site_fragment_buffers(&s), 16);
	s.limits.fragment_datagrams = 1000;
	few = site_buffers_needed(&s);
	s.limits.fragment_datagrams = 2000;
	assert_int_equal(site_buffers_needed(&s), few + 16 * 1000);
	site_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_set),
		cmocka_unit_test(test_captures_as_ports),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_choices_reference),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_fragment_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
