/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversations written by hand after their RFCs, on ports that aren't theirs;
 * what they are called is nDPI's answer, as `ndpiReader` 4.2 prints it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/classify.h"
#include "inspectors/bytes.h"
#include "inspectors/proto/inspector.h"

/* The inspectors themselves aren't needed here, only that they are found by name. */
static const struct inspector_ops doubles[] = {
	{.name = "smtp"},
	{.name = "http"},
	{.name = "ftp"},
	{.name = "tls"},
};

const struct inspector_ops *
inspector_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(doubles); i++)
		if (strcmp(doubles[i].name, name) == 0)
			return &doubles[i];
	return NULL;
}

/* ---- packets ---- */

enum { TCP = 6, UDP = 17, CLIENT_PORT = 40000 };

struct flow {
	struct classify_state *state;
	struct classification c;
	uint8_t protocol;
	uint16_t server_port;
	uint32_t seq[2];
	char host[CLASSIFY_HOST_MAX];
};

static uint8_t *
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

/* RFC 791, RFC 9293, RFC 768; checksums are nothing that nDPI looks at. */
static size_t
make_packet(struct flow *f, enum direction dir, uint8_t flags, struct bytes payload, uint8_t *ret)
{
	size_t header = f->protocol == TCP ? 20 : 8;
	uint8_t *p = ret;

	p = put16(p, 0x4500);
	p = put16(p, (unsigned)(20 + header + payload.n));
	p = put32(p, 0x00014000);
	p = put16(p, 64u << 8 | f->protocol);
	p = put16(p, 0);
	p = put32(p, dir == DIR_CLIENT ? 0xc0000201 : 0xc6336402); /* 192.0.2.1, 198.51.100.2 */
	p = put32(p, dir == DIR_CLIENT ? 0xc6336402 : 0xc0000201);
	p = put16(p, dir == DIR_CLIENT ? CLIENT_PORT : f->server_port);
	p = put16(p, dir == DIR_CLIENT ? f->server_port : CLIENT_PORT);
	if (f->protocol == TCP) {
		p = put32(p, f->seq[dir]);
		p = put32(p, flags == 2 ? 0 : f->seq[!dir]);
		p = put16(p, 0x5000u | flags);
		p = put16(p, 65535);
		p = put32(p, 0);
	} else {
		p = put16(p, (unsigned)(8 + payload.n));
		p = put16(p, 0);
	}
	if (payload.n > 0)
		memcpy(p, payload.p, payload.n);
	f->seq[dir] += (uint32_t)payload.n + ((flags & 2) != 0);
	return 20 + header + payload.n;
}

static bool
say(struct classifier *k, struct flow *f, enum direction dir, uint8_t flags, struct bytes payload)
{
	uint8_t packet[2048];
	size_t n = make_packet(f, dir, flags, payload, packet);
	bool r = classify_packet(k, &f->state, packet, n, 1700000000000, &f->c);
	const char *host = classify_host(k, f->state);

	if (*host != '\0')
		snprintf(f->host, sizeof(f->host), "%s", host);
	return r;
}

static void
handshake(struct classifier *k, struct flow *f)
{
	say(k, f, DIR_CLIENT, 0x02, (struct bytes){NULL, 0});
	say(k, f, DIR_SERVER, 0x12, (struct bytes){NULL, 0});
	say(k, f, DIR_CLIENT, 0x10, (struct bytes){NULL, 0});
}

/* "C:…" and "S:…" in turn. */
static void
converse(struct classifier *k, struct flow *f, const char *const *lines)
{
	if (f->protocol == TCP)
		handshake(k, f);
	for (; *lines != NULL; lines++)
		say(k, f, (*lines)[0] == 'C' ? DIR_CLIENT : DIR_SERVER, 0x18,
			bytes_str(*lines + 2));
	classify_end(k, &f->state, &f->c);
	assert_null(f->state);
	assert_true(f->c.done);
}

static void
assert_name(const struct classifier *k, const struct flow *f, const char *want)
{
	char name[CLASSIFY_NAME_MAX];

	classify_name(k, f->c.master, f->c.app, name, sizeof(name));
	assert_string_equal(name, want);
}

/* ---- tests ---- */

static int
setup(void **state)
{
	char why[256];

	*state = classifier_new(4, 16, why, sizeof(why));
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	classifier_free(*state);
	return 0;
}

static void
test_conversations(void **state)
{
	static const struct {
		const char *name;
		uint16_t port;
		enum channel channel;
		const char *hint;
		enum opaque_reason opaque;
		const char *host;
		const char *lines[12];
	} rows[] = {
		{"SMTP", 2525, CHANNEL_MAIL, "smtp", OPAQUE_NONE, NULL,
			{"S:220 mx.example ESMTP Postfix\r\n", "C:EHLO a.example\r\n",
				"S:250-mx.example\r\n250 8BITMIME\r\n",
				"C:MAIL FROM:<a@a.example>\r\n", "S:250 2.1.0 Ok\r\n",
				"C:RCPT TO:<b@mx.example>\r\n", "S:250 2.1.5 Ok\r\n", "C:DATA\r\n",
				"S:354 go ahead\r\n", NULL}},
		{"FTP_CONTROL", 2121, CHANNEL_FILE, "ftp", OPAQUE_NONE, NULL,
			{"S:220 FTP server ready\r\n", "C:USER anonymous\r\n",
				"S:331 Password required\r\n", "C:PASS guest\r\n",
				"S:230 Logged in\r\n", "C:PASV\r\n",
				"S:227 Entering Passive Mode (198,51,100,2,200,1)\r\n",
				"C:STOR a.txt\r\n", NULL}},
		{"HTTP", 8081, CHANNEL_WEB, "http", OPAQUE_NONE, "www.site.example",
			{"C:GET /index.html HTTP/1.1\r\nHost: www.site.example\r\n"
			 "User-Agent: test/1.0\r\nAccept: */*\r\n\r\n",
				"S:HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				"Content-Length: 2\r\n\r\nok",
				NULL}},
		{"SSH", 2222, CHANNEL_OTHER, NULL, OPAQUE_ENCRYPTED, NULL,
			{"S:SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
				"C:SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", NULL}},
	};
	struct classifier *k = *state;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct flow f = {.protocol = TCP, .server_port = rows[i].port};

		converse(k, &f, rows[i].lines);
		assert_name(k, &f, rows[i].name);
		assert_int_equal(f.c.channel, rows[i].channel);
		assert_int_equal(f.c.opaque, rows[i].opaque);
		assert_true(f.c.known);
		assert_false(f.c.guessed);
		if (rows[i].hint == NULL)
			assert_null(f.c.hint);
		else
			assert_ptr_equal(f.c.hint, inspector_find(rows[i].hint));
		if (rows[i].host != NULL)
			assert_string_equal(f.host, rows[i].host);
	}
	assert_int_equal(classifier_held(k), 0);
}

/* A TLS 1.2 ClientHello with a server name: RFC 5246, 7.4.1.2 and RFC 6066, 3. */
static size_t
client_hello(const char *host, uint8_t *ret)
{
	size_t name = strlen(host), extension = name + 5, hello = 2 + 32 + 1 + 2 + 2 + 2 + 2 + 4 + extension;
	uint8_t *p = ret;

	*p++ = 22;
	p = put16(p, 0x0301);
	p = put16(p, (unsigned)hello + 4);
	p = put32(p, 1u << 24 | (uint32_t)hello);
	p = put16(p, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		*p++ = (uint8_t)(i * 37 + 11);
	*p++ = 0;		 /* no session id */
	p = put16(p, 2);	 /* one cipher suite */
	p = put16(p, 0xc02f);
	p = put16(p, 0x0100);	 /* one compression method: none */
	p = put16(p, (unsigned)extension + 4);
	p = put16(p, 0);	 /* server_name */
	p = put16(p, (unsigned)extension);
	p = put16(p, (unsigned)name + 3);
	*p++ = 0; /* host_name */
	p = put16(p, (unsigned)name);
	memcpy(p, host, name);
	return (size_t)(p - ret) + name;
}

static void
test_tls_with_server_name(void **state)
{
	struct classifier *k = *state;
	struct flow f = {.protocol = TCP, .server_port = 8443};
	uint8_t hello[512];
	size_t n = client_hello("api.github.com", hello);

	handshake(k, &f);
	say(k, &f, DIR_CLIENT, 0x18, bytes_of(hello, n));
	classify_end(k, &f.state, &f.c);
	assert_name(k, &f, "TLS.Github");
	assert_int_equal(f.c.channel, CHANNEL_APP);
	assert_int_equal(f.c.opaque, OPAQUE_TLS);
	assert_ptr_equal(f.c.hint, inspector_find("tls"));
	assert_string_equal(f.host, "api.github.com");
}

/* RFC 1035, 4: one question, www.site.example, type A. */
static void
test_dns(void **state)
{
	static const uint8_t query[] =
		"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x04site\x07"
		"example\x00\x00\x01\x00\x01";
	struct classifier *k = *state;
	struct flow f = {.protocol = UDP, .server_port = 53};

	say(k, &f, DIR_CLIENT, 0, bytes_of(query, sizeof(query) - 1));
	classify_end(k, &f.state, &f.c);
	assert_name(k, &f, "DNS");
	assert_int_equal(f.c.channel, CHANNEL_OTHER);
	assert_int_equal(f.c.opaque, OPAQUE_NONE);
	assert_string_equal(f.host, "www.site.example");
}

/* Bytes that are nothing: asked for so many packets and no more. */
static void
test_unknown_gives_up(void **state)
{
	struct classifier *k = *state;
	struct flow f = {.protocol = TCP, .server_port = 47111};
	unsigned packets = 3;

	handshake(k, &f);
	while (!f.c.done && packets < 100) {
		uint8_t junk[64];

		for (unsigned i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)(i * i * 131 + packets * 89 + 200);
		say(k, &f, packets % 2 == 0 ? DIR_SERVER : DIR_CLIENT, 0x18,
			bytes_of(junk, sizeof(junk)));
		packets++;
	}
	assert_int_equal(packets, 16);
	assert_name(k, &f, "Unknown");
	assert_int_equal(f.c.channel, CHANNEL_OTHER);
	assert_false(f.c.known);
	assert_int_equal(classifier_held(k), 0);
}

static void
test_states_are_bounded(void **state)
{
	struct classifier *k = *state;
	struct flow f[5] = {0};

	for (unsigned i = 0; i < 5; i++)
		f[i] = (struct flow){.protocol = TCP, .server_port = (uint16_t)(47111 + i)};
	for (unsigned i = 0; i < 4; i++)
		assert_true(say(k, &f[i], DIR_CLIENT, 0x02, (struct bytes){NULL, 0}));
	assert_false(say(k, &f[4], DIR_CLIENT, 0x02, (struct bytes){NULL, 0}));
	assert_true(f[4].c.done);
	assert_false(f[4].c.known);
	assert_int_equal(f[4].c.channel, CHANNEL_OTHER);
	assert_int_equal(classifier_held(k), 4);
	classify_end(k, &f[0].state, &f[0].c);
	f[4].c = (struct classification){0};
	assert_true(say(k, &f[4], DIR_CLIENT, 0x02, (struct bytes){NULL, 0}));
	for (unsigned i = 0; i < 5; i++)
		classify_end(k, &f[i].state, &f[i].c);
	assert_int_equal(classifier_held(k), 0);
}

/* Every length of a packet, each in a buffer of its size: nothing is read behind it. */
static void
test_short_packets(void **state)
{
	struct classifier *k = *state;
	struct flow f = {.protocol = TCP, .server_port = 80};
	uint8_t packet[256];
	size_t n = make_packet(&f, DIR_CLIENT, 0x18,
		bytes_str("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), packet);

	for (size_t cut = 0; cut <= n; cut++) {
		uint8_t *exact = malloc(cut > 0 ? cut : 1);

		assert_non_null(exact);
		memcpy(exact, packet, cut);
		f.c = (struct classification){0};
		classify_packet(k, &f.state, exact, cut, 1, &f.c);
		classify_end(k, &f.state, &f.c);
		free(exact);
	}
	assert_int_equal(classifier_held(k), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_tls_with_server_name),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_unknown_gives_up),
		cmocka_unit_test(test_states_are_bounded),
		cmocka_unit_test(test_short_packets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
