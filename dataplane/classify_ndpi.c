/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nDPI, the only file that includes its headers. Written for 4.2; what differs
 * between versions is the table of protocols and the few calls below.
 */
#include "dataplane/classify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* nDPI's headers have a `struct message` of their own. */
#define message ndpi_message
#include <ndpi/ndpi_api.h>
#undef message

#include "inspectors/bytes.h"
#include "inspectors/proto/inspector.h"

/*
 * What nDPI's protocols are to us. Those that aren't listed are applications:
 * services that nDPI names by their host or by their own protocol.
 * X(nDPI's name, channel, inspector to try or NULL, opaque)
 */
#define PROTOCOLS(X)                                                                               \
	X(MAIL_SMTP, MAIL, "smtp", NONE)                                                           \
	/* Also SMTP with STARTTLS: the bytes tell which, the hint only says mail. */              \
	X(MAIL_SMTPS, MAIL, "smtp", TLS)                                                           \
	X(MAIL_IMAP, MAIL, "imap", NONE)                                                           \
	X(MAIL_IMAPS, MAIL, "imap", TLS)                                                           \
	X(MAIL_POP, MAIL, "pop3", NONE)                                                            \
	X(MAIL_POPS, MAIL, "pop3", TLS)                                                            \
	X(FTP_CONTROL, FILE, "ftp", NONE)                                                          \
	X(FTP_DATA, FILE, NULL, NONE)                                                              \
	X(NFS, FILE, "nfs", NONE)                                                                  \
	X(SMBV1, FILE, "smb1", NONE)                                                               \
	X(SMBV23, FILE, "smb2", NONE)                                                              \
	X(TFTP, FILE, NULL, NONE)                                                                  \
	X(RSYNC, FILE, NULL, NONE)                                                                 \
	X(AFP, FILE, NULL, NONE)                                                                   \
	X(HTTP, WEB, "http", NONE)                                                                \
	X(HTTP_CONNECT, WEB, "http", NONE)                                                        \
	X(HTTP_PROXY, WEB, "http", NONE)                                                          \
	X(WEBSOCKET, WEB, "http", NONE)                                                           \
	X(SOAP, WEB, "http", NONE)                                                                \
	X(OCSP, WEB, "http", NONE)                                                                \
	X(DIRECT_DOWNLOAD_LINK, WEB, "http", NONE)                                                \
	X(AJP, WEB, NULL, NONE)                                                                    \
	X(TLS, WEB, "tls", TLS)                                                                    \
	X(QUIC, WEB, NULL, TLS)                                                                    \
	X(DTLS, OTHER, NULL, TLS)                                                                  \
	X(DOH_DOT, OTHER, "tls", TLS)                                                              \
	X(SSH, OTHER, NULL, ENCRYPTED)                                                             \
	X(WIREGUARD, OTHER, NULL, ENCRYPTED)                                                       \
	X(OPENVPN, OTHER, NULL, ENCRYPTED)                                                         \
	X(IP_IPSEC, OTHER, NULL, ENCRYPTED)                                                        \
	X(CISCOVPN, OTHER, NULL, ENCRYPTED)                                                        \
	X(TINC, OTHER, NULL, ENCRYPTED)                                                            \
	X(FORTICLIENT, OTHER, NULL, ENCRYPTED)                                                     \
	X(DNSCRYPT, OTHER, NULL, ENCRYPTED)                                                        \
	X(TOR, APP, NULL, ENCRYPTED)                                                               \
	X(HOTSPOT_SHIELD, APP, NULL, ENCRYPTED)                                                    \
	X(ICLOUD_PRIVATE_RELAY, APP, NULL, ENCRYPTED)                                              \
	X(GTP, OTHER, NULL, TUNNEL)                                                                \
	X(GTP_U, OTHER, NULL, TUNNEL)                                                              \
	X(IP_GRE, OTHER, NULL, TUNNEL)                                                             \
	X(IP_IP_IN_IP, OTHER, NULL, TUNNEL)                                                        \
	X(TEREDO, OTHER, NULL, TUNNEL)                                                             \
	X(AYIYA, OTHER, NULL, TUNNEL)                                                              \
	X(PPTP, OTHER, NULL, TUNNEL)                                                               \
	X(CAPWAP, OTHER, NULL, TUNNEL)                                                             \
	X(LISP, OTHER, NULL, TUNNEL)                                                               \
	X(GTP_C, OTHER, NULL, NONE)                                                                \
	X(GTP_PRIME, OTHER, NULL, NONE)                                                            \
	X(SOCKS, OTHER, NULL, NONE)                                                                \
	/* The network's own protocols, databases, remote access, media: not applications. */      \
	X(DNS, OTHER, NULL, NONE)                                                                  \
	X(MDNS, OTHER, NULL, NONE)                                                                 \
	X(LLMNR, OTHER, NULL, NONE)                                                                \
	X(NTP, OTHER, NULL, NONE)                                                                  \
	X(NETBIOS, OTHER, NULL, NONE)                                                              \
	X(SSDP, OTHER, NULL, NONE)                                                                 \
	X(WSD, OTHER, NULL, NONE)                                                                  \
	X(BGP, OTHER, NULL, NONE)                                                                  \
	X(IP_EGP, OTHER, NULL, NONE)                                                               \
	X(IP_OSPF, OTHER, NULL, NONE)                                                              \
	X(IP_VRRP, OTHER, NULL, NONE)                                                              \
	X(IP_SCTP, OTHER, NULL, NONE)                                                              \
	X(IP_ICMP, OTHER, NULL, NONE)                                                              \
	X(IP_ICMPV6, OTHER, NULL, NONE)                                                            \
	X(IP_IGMP, OTHER, NULL, NONE)                                                              \
	X(DHCP, OTHER, NULL, NONE)                                                                 \
	X(DHCPV6, OTHER, NULL, NONE)                                                               \
	X(SNMP, OTHER, NULL, NONE)                                                                 \
	X(SYSLOG, OTHER, NULL, NONE)                                                               \
	X(NETFLOW, OTHER, NULL, NONE)                                                              \
	X(SFLOW, OTHER, NULL, NONE)                                                                \
	X(RADIUS, OTHER, NULL, NONE)                                                               \
	X(DIAMETER, OTHER, NULL, NONE)                                                             \
	X(KERBEROS, OTHER, NULL, NONE)                                                             \
	X(LDAP, OTHER, NULL, NONE)                                                                 \
	X(DCERPC, OTHER, NULL, NONE)                                                               \
	X(STUN, OTHER, NULL, NONE)                                                                 \
	X(WHOIS_DAS, OTHER, NULL, NONE)                                                            \
	X(COLLECTD, OTHER, NULL, NONE)                                                             \
	X(ZABBIX, OTHER, NULL, NONE)                                                               \
	X(CHECKMK, OTHER, NULL, NONE)                                                              \
	X(IPP, OTHER, NULL, NONE)                                                                  \
	X(BJNP, OTHER, NULL, NONE)                                                                 \
	X(REMOTE_SCAN, OTHER, NULL, NONE)                                                          \
	X(XDMCP, OTHER, NULL, NONE)                                                                \
	X(TELNET, OTHER, NULL, NONE)                                                               \
	X(RDP, OTHER, NULL, NONE)                                                                  \
	X(VNC, OTHER, NULL, NONE)                                                                  \
	X(USENET, OTHER, NULL, NONE)                                                               \
	X(IRC, OTHER, NULL, NONE)                                                                  \
	X(POSTGRES, OTHER, NULL, NONE)                                                             \
	X(MYSQL, OTHER, NULL, NONE)                                                                \
	X(MSSQL_TDS, OTHER, NULL, NONE)                                                            \
	X(ORACLE, OTHER, NULL, NONE)                                                               \
	X(MONGODB, OTHER, NULL, NONE)                                                              \
	X(CASSANDRA, OTHER, NULL, NONE)                                                            \
	X(REDIS, OTHER, NULL, NONE)                                                                \
	X(MEMCACHED, OTHER, NULL, NONE)                                                            \
	X(DRDA, OTHER, NULL, NONE)                                                                 \
	X(AMQP, OTHER, NULL, NONE)                                                                 \
	X(MQTT, OTHER, NULL, NONE)                                                                 \
	X(ZMQ, OTHER, NULL, NONE)                                                                  \
	X(NATS, OTHER, NULL, NONE)                                                                 \
	X(COAP, OTHER, NULL, NONE)                                                                 \
	X(CORBA, OTHER, NULL, NONE)                                                                \
	X(MODBUS, OTHER, NULL, NONE)                                                               \
	X(DNP3, OTHER, NULL, NONE)                                                                 \
	X(IEC60870, OTHER, NULL, NONE)                                                             \
	X(S7COMM, OTHER, NULL, NONE)                                                               \
	X(ETHERNET_IP, OTHER, NULL, NONE)                                                          \
	X(SOMEIP, OTHER, NULL, NONE)                                                               \
	X(RTP, OTHER, NULL, NONE)                                                                  \
	X(RTCP, OTHER, NULL, NONE)                                                                 \
	X(RTSP, OTHER, NULL, NONE)                                                                 \
	X(RTMP, OTHER, NULL, NONE)                                                                 \
	X(SIP, OTHER, NULL, NONE)                                                                  \
	X(H323, OTHER, NULL, NONE)                                                                 \
	X(MGCP, OTHER, NULL, NONE)                                                                 \
	X(MEGACO, OTHER, NULL, NONE)                                                               \
	X(IAX, OTHER, NULL, NONE)                                                                  \
	X(SKINNY, OTHER, NULL, NONE)                                                               \
	X(NOE, OTHER, NULL, NONE)                                                                  \
	X(MPEGTS, OTHER, NULL, NONE)                                                               \
	X(SMPP, OTHER, NULL, NONE)                                                                 \
	X(Z3950, OTHER, NULL, NONE)                                                                \
	X(FIX, OTHER, NULL, NONE)

enum { IDS_MAX = NDPI_NUM_BITS };

struct protocol {
	uint8_t channel;
	uint8_t opaque;
	bool listed;
	const struct inspector_ops *hint;
};

struct classify_state {
	struct ndpi_flow_struct ndpi;
	unsigned packets;
	struct classify_state *next_free;
};

struct classifier {
	struct ndpi_detection_module_struct *module;
	struct classify_state *states, *free;
	uint64_t n_states, held;
	unsigned packets_max;
	char host[CLASSIFY_HOST_MAX]; /* of the flow that the last call was done with */
	struct protocol protocols[IDS_MAX];
};

static void
fill_protocols(struct classifier *k)
{
	static const struct {
		uint16_t id;
		enum channel channel;
		const char *inspector;
		enum opaque_reason opaque;
	} rows[] = {
#define X(name, channel, inspector, opaque)                                                        \
	{NDPI_PROTOCOL_##name, CHANNEL_##channel, inspector, OPAQUE_##opaque},
		PROTOCOLS(X)
#undef X
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		k->protocols[rows[i].id] = (struct protocol){
			.channel = (uint8_t)rows[i].channel,
			.opaque = (uint8_t)rows[i].opaque,
			.listed = true,
			.hint = rows[i].inspector == NULL ? NULL : inspector_find(rows[i].inspector),
		};
}

static bool
start_module(struct classifier *k)
{
	NDPI_PROTOCOL_BITMASK all;

	k->module = ndpi_init_detection_module(ndpi_no_prefs);
	if (k->module == NULL)
		return false;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(k->module, &all);
	ndpi_finalize_initialization(k->module);
	return true;
}

struct classifier *
classifier_new(uint64_t flows, unsigned packets, char *why, size_t why_size)
{
	struct classifier *k;

	if (ndpi_detection_get_sizeof_ndpi_flow_struct() != sizeof(struct ndpi_flow_struct)) {
		snprintf(why, why_size,
			"the nDPI library (%s) isn't the one that sluss was built with: install "
			"that one, or build sluss again",
			ndpi_revision());
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	if (k == NULL || (k->states = calloc(flows, sizeof(*k->states))) == NULL ||
		!start_module(k)) {
		snprintf(why, why_size, "no memory for nDPI: lower limits.ndpi_flows");
		classifier_free(k);
		return NULL;
	}
	k->n_states = flows;
	k->packets_max = packets;
	for (uint64_t i = flows; i > 0; i--) {
		k->states[i - 1].next_free = k->free;
		k->free = &k->states[i - 1];
	}
	fill_protocols(k);
	return k;
}

void
classifier_free(struct classifier *k)
{
	if (k == NULL)
		return;
	for (uint64_t i = 0; i < k->n_states; i++)
		ndpi_free_flow_data(&k->states[i].ndpi);
	if (k->module != NULL)
		ndpi_exit_detection_module(k->module);
	free(k->states);
	free(k);
}

size_t
classify_state_size(void)
{
	return sizeof(struct classify_state);
}

static struct classify_state *
take_state(struct classifier *k)
{
	struct classify_state *s = k->free;

	if (s == NULL)
		return NULL;
	k->free = s->next_free;
	k->held++;
	s->packets = 0;
	s->next_free = NULL;
	return s;
}

/* The answer stands. What nDPI allocated for the flow goes, and the state is as new. */
static void
done(struct classifier *k, struct classify_state **flow, struct classification *c)
{
	struct classify_state *s = *flow;

	c->done = true;
	snprintf(k->host, sizeof(k->host), "%s", s->ndpi.host_server_name);
	ndpi_free_flow_data(&s->ndpi);
	memset(&s->ndpi, 0, sizeof(s->ndpi));
	s->next_free = k->free;
	k->free = s;
	k->held--;
	*flow = NULL;
}

static const struct protocol *
protocol_of(const struct classifier *k, uint16_t id)
{
	return &k->protocols[id < IDS_MAX ? id : NDPI_PROTOCOL_UNKNOWN];
}

/*
 * A mail or file protocol stays what it is, whoever runs the server; other
 * carriers are the application's channel where nDPI names one.
 */
static enum channel
channel_of(const struct classifier *k, uint16_t master, uint16_t app)
{
	const struct protocol *m = protocol_of(k, master), *a = protocol_of(k, app);

	if (master == NDPI_PROTOCOL_UNKNOWN)
		return CHANNEL_OTHER;
	if (m->listed && (m->channel == CHANNEL_MAIL || m->channel == CHANNEL_FILE))
		return (enum channel)m->channel;
	if (app != NDPI_PROTOCOL_UNKNOWN)
		return a->listed ? (enum channel)a->channel : CHANNEL_APP;
	return m->listed ? (enum channel)m->channel : CHANNEL_APP;
}

static void
answer(struct classifier *k, ndpi_protocol p, struct classification *c)
{
	uint16_t master = p.master_protocol, app = p.app_protocol;
	const struct protocol *m, *a;

	if (master == NDPI_PROTOCOL_UNKNOWN || master == app) {
		master = app;
		app = NDPI_PROTOCOL_UNKNOWN;
	}
	m = protocol_of(k, master);
	a = protocol_of(k, app);
	c->master = master;
	c->app = app;
	c->channel = channel_of(k, master, app);
	c->hint = m->hint != NULL ? m->hint : a->hint;
	c->opaque = (enum opaque_reason)(m->opaque != OPAQUE_NONE ? m->opaque : a->opaque);
	c->known = master != NDPI_PROTOCOL_UNKNOWN;
}

static void
give_up(struct classifier *k, struct classify_state **flow, struct classification *c)
{
	uint8_t guessed = 0;

	if (!c->known) {
		answer(k, ndpi_detection_giveup(k->module, &(*flow)->ndpi, 1, &guessed), c);
		c->guessed = guessed != 0 && c->known;
	}
	done(k, flow, c);
}

bool
classify_packet(struct classifier *k, struct classify_state **flow, const uint8_t *l3, size_t n,
	uint64_t ts_ms, struct classification *c)
{
	k->host[0] = '\0';
	if (c->done)
		return true;
	if (*flow == NULL && (*flow = take_state(k)) == NULL) {
		c->channel = CHANNEL_OTHER;
		c->done = true;
		return false;
	}
	if (n > UINT16_MAX)
		n = UINT16_MAX;
	answer(k, ndpi_detection_process_packet(k->module, &(*flow)->ndpi, l3, (uint16_t)n, ts_ms),
		c);
	(*flow)->packets++;
	if (c->known && !ndpi_extra_dissection_possible(k->module, &(*flow)->ndpi))
		done(k, flow, c);
	else if ((*flow)->packets >= k->packets_max)
		give_up(k, flow, c);
	return true;
}

void
classify_end(struct classifier *k, struct classify_state **flow, struct classification *c)
{
	k->host[0] = '\0';
	if (*flow != NULL)
		give_up(k, flow, c);
}

const char *
classify_host(const struct classifier *k, const struct classify_state *flow)
{
	return flow != NULL ? flow->ndpi.host_server_name : k->host;
}

static const char *
name_of(const struct classifier *k, uint16_t id)
{
	const char *name = ndpi_get_proto_name(k->module, id);

	return name != NULL ? name : "Unknown";
}

void
classify_name(const struct classifier *k, uint16_t master, uint16_t app, char *ret, size_t size)
{
	if (app == NDPI_PROTOCOL_UNKNOWN || app == master)
		snprintf(ret, size, "%s", name_of(k, master));
	else
		snprintf(ret, size, "%s.%s", name_of(k, master), name_of(k, app));
}

void
classify_protocol(const struct classifier *k, uint16_t id, char *ret, size_t size)
{
	snprintf(ret, size, "%s", name_of(k, id));
	for (char *p = ret; *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
}

uint64_t
classifier_held(const struct classifier *k)
{
	return k->held;
}
