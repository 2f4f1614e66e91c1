/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures, by libpcap: the only file that includes its header.
 */
#include "dataplane/source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "inspectors/bytes.h"

enum { PIPE_BUFFER = 65536, PIPE_WAIT_MS = 10 };

/*
 * Standard input. `tcpdump -w - | sluss watch --pcap -` runs for hours, with pauses:
 * with a buffer of our own we know whether a read would wait, and don't begin it.
 */
struct piped {
	uint64_t taken; /* bytes that libpcap has got */
	size_t at, n;
	uint8_t buffer[PIPE_BUFFER];
};

struct pcap_source {
	struct source base; /* first */
	const char *const *paths;
	unsigned n_paths, next; /* the file to open next */
	struct rte_mempool *pool;
	pcap_t *pcap; /* of the file being read; NULL between files */
	enum link link;
	uint64_t in_file; /* packets of it */
	/* A packet that was read, but for which there was no buffer yet. Its bytes are
	 * libpcap's, valid until the next is read. */
	bool pending;
	struct pcap_pkthdr header;
	const uint8_t *bytes;
	uint64_t before; /* bytes of the files that are done */
	struct source_stats stats;
	struct piped piped;
};

static bool
is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static const char *
shown(const char *path)
{
	return is_stdin(path) ? "standard input" : path;
}

static int
fail_open(struct source_error *err, const char *path)
{
	const char *advice = "see that it can be read";

	if (errno == ENOENT)
		advice = "check the path";
	else if (errno == EACCES)
		advice = "give the user that runs sluss the right to read it";
	snprintf(err->text, sizeof(err->text), "capture %s: %s; %s", path, strerror(errno), advice);
	return -1;
}

static ssize_t
read_piped(void *ctx, char *ret, size_t size)
{
	struct piped *p = ctx;

	if (p->at == p->n) {
		/* A signal that asks for the end interrupts it: that ends the capture. */
		ssize_t n = read(STDIN_FILENO, p->buffer, sizeof(p->buffer));

		if (n <= 0)
			return n;
		p->at = 0;
		p->n = (size_t)n;
	}
	if (size > p->n - p->at)
		size = p->n - p->at;
	memcpy(ret, p->buffer + p->at, size);
	p->at += size;
	p->taken += size;
	return (ssize_t)size;
}

static FILE *
open_piped(struct piped *p)
{
	FILE *f = fopencookie(p, "r", (cookie_io_functions_t){.read = read_piped});

	/* What stdio had read ahead, we wouldn't see. */
	if (f != NULL)
		setvbuf(f, NULL, _IONBF, 0);
	return f;
}

static FILE *
open_file(const char *path, struct piped *piped, uint64_t *size, struct source_error *err)
{
	struct stat st;
	FILE *f = is_stdin(path) ? open_piped(piped) : fopen(path, "rbe");

	if (f == NULL || fstat(is_stdin(path) ? STDIN_FILENO : fileno(f), &st) != 0) {
		fail_open(err, shown(path));
		if (f != NULL)
			fclose(f);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(err->text, sizeof(err->text),
			"capture %s: is a folder; name the capture files in it", path);
		fclose(f);
		return NULL;
	}
	*size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return f;
}

static int
check_link(const char *path, pcap_t *pcap, enum link *ret, struct source_error *err)
{
	int dlt = pcap_datalink(pcap);
	const char *name = pcap_datalink_val_to_name(dlt);

	if (source_link_of_dlt(dlt, ret))
		return 0;
	snprintf(err->text, sizeof(err->text),
		"capture %s: link type %d (%s) can't be read; those that can: Ethernet (1), "
		"raw IP (12, 14, 101, 228, 229), Linux cooked (113, 276), BSD and OpenBSD "
		"loopback (0, 108)",
		shown(path), dlt, name != NULL ? name : "unknown");
	return -1;
}

/* What libpcap's message doesn't tell: a file is empty, or compressed. */
static void
explain_no_capture(const char *path, FILE *f, const char *text, struct source_error *err)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *program;
	} packers[] = {
		{"\x1f\x8b", 2, "gzip"},
		{"\xfd" "7zXZ", 5, "xz"},
		{"\x28\xb5\x2f\xfd", 4, "zstd"},
		{"BZh", 3, "bzip2"},
	};
	char head[8] = "";
	ssize_t n = is_stdin(path) ? -1 : pread(fileno(f), head, sizeof(head), 0);

	if (n == 0 || (is_stdin(path) && strstr(text, "only got 0") != NULL)) {
		snprintf(err->text, sizeof(err->text), "capture %s: is empty", shown(path));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		if (n < (ssize_t)packers[i].n || memcmp(head, packers[i].magic, packers[i].n) != 0)
			continue;
		snprintf(err->text, sizeof(err->text),
			"capture %s: is compressed; give what it holds: `%s -dc %s | sluss watch … "
			"--pcap -`", path, packers[i].program, path);
		return;
	}
	snprintf(err->text, sizeof(err->text),
		"capture %s: isn't a capture that can be read (%s); pcap and pcapng can, "
		"and other formats after `editcap -F pcapng`",
		shown(path), text);
}

static int
open_capture(const char *path, struct piped *piped, pcap_t **ret, enum link *link,
	uint64_t *size, struct source_error *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	FILE *f = open_file(path, piped, size, err);
	pcap_t *pcap;

	if (f == NULL)
		return -1;
	pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_MICRO, text);
	if (pcap == NULL) {
		explain_no_capture(path, f, text, err);
		fclose(f);
		return -1;
	}
	if (check_link(path, pcap, link, err) != 0) {
		pcap_close(pcap);
		return -1;
	}
	*ret = pcap;
	return 0;
}

static uint64_t
position(const struct pcap_source *s)
{
	long at;

	if (s->next > 0 && is_stdin(s->paths[s->next - 1]))
		return s->pcap == NULL ? 0 : s->piped.taken;
	at = s->pcap == NULL ? 0 : ftell(pcap_file(s->pcap));
	return at > 0 ? (uint64_t)at : 0;
}

static void
close_file(struct pcap_source *s)
{
	s->before += position(s);
	pcap_close(s->pcap);
	s->pcap = NULL;
	s->pending = false;
}

static int
next_file(struct pcap_source *s)
{
	uint64_t size;

	if (s->next == s->n_paths) {
		s->base.state = SOURCE_END;
		return -1;
	}
	if (open_capture(s->paths[s->next], &s->piped, &s->pcap, &s->link, &size,
		    &s->base.failure) != 0) {
		s->base.state = SOURCE_FAILED;
		return -1;
	}
	s->next++;
	s->in_file = 0;
	s->stats.file = s->next;
	return 0;
}

/* A capture that ends in the middle of a packet was still being written, or the disk
 * was full: what is there counts. One that can't be read on for other reasons fails. */
static void
file_failed(struct pcap_source *s)
{
	const char *path = shown(s->paths[s->next - 1]);
	const char *text = pcap_geterr(s->pcap);

	if (strstr(text, "truncated") != NULL) {
		s->stats.damaged_files++;
		source_warn(&s->base,
			"capture %s: ends in the middle of a packet; the %llu whole packets before "
			"it are read",
			path, (unsigned long long)s->in_file);
		close_file(s);
		return;
	}
	snprintf(s->base.failure.text, sizeof(s->base.failure.text),
		"capture %s: can't be read behind packet %llu (%s)%s", path,
		(unsigned long long)s->in_file, text,
		strstr(text, "different") != NULL
			? "; write each interface to a file of its own with `tshark -w`"
			: "; repair it with `editcap` or `pcapfix`, or take the capture again");
	s->base.state = SOURCE_FAILED;
}

/* The next packet into s->header and s->bytes. */
static bool
read_packet(struct pcap_source *s)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;

	while (s->base.state == SOURCE_OPEN) {
		int r;

		if (s->pcap == NULL && next_file(s) != 0)
			return false;
		r = pcap_next_ex(s->pcap, &header, &bytes);
		if (r == 1) {
			s->header = *header;
			s->bytes = bytes;
			s->pending = true;
			s->in_file++;
			return true;
		}
		if (r == PCAP_ERROR_BREAK)
			close_file(s);
		else if (r == PCAP_ERROR)
			file_failed(s);
	}
	return false;
}

/* @p n bytes in as many buffers as they need; NULL when there are too few free ones. */
static struct rte_mbuf *
fill_buffers(struct rte_mempool *pool, const uint8_t *p, uint32_t n)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *last = head;

	while (last != NULL) {
		uint16_t room = rte_pktmbuf_tailroom(last);
		uint16_t piece = n < room ? (uint16_t)n : room;

		memcpy(rte_pktmbuf_mtod(last, void *), p, piece);
		last->data_len = piece;
		head->pkt_len += piece;
		p += piece;
		n -= piece;
		if (n == 0)
			return head;
		last->next = rte_pktmbuf_alloc(pool);
		last = last->next;
		head->nb_segs += last != NULL;
	}
	rte_pktmbuf_free(head);
	return NULL;
}

static struct rte_mbuf *
take_packet(struct pcap_source *s)
{
	const struct pcap_pkthdr *h = &s->header;
	uint32_t n = h->caplen > SOURCE_FRAME_MAX ? SOURCE_FRAME_MAX : h->caplen;
	struct rte_mbuf *m = fill_buffers(s->pool, s->bytes, n);
	struct packet_meta *meta;

	if (m == NULL)
		return NULL;
	meta = packet_meta(m);
	*meta = (struct packet_meta){
		.ts_us = h->ts.tv_sec < 0 ? 0
					  : (uint64_t)h->ts.tv_sec * 1000000 + (uint64_t)h->ts.tv_usec,
		.wire_length = h->len > h->caplen ? h->len : h->caplen,
		.link = s->link,
	};
	meta->cut = n < meta->wire_length;
	s->pending = false;
	s->base.now_us = meta->ts_us;
	s->stats.packets++;
	s->stats.bytes += meta->wire_length;
	s->stats.cut += h->caplen < h->len;
	s->stats.too_long += h->caplen > n;
	return m;
}

/* Is there more to read without waiting for the writer of a pipe? Files always have. */
static bool
has_more(struct pcap_source *s, int wait_ms)
{
	unsigned file = s->pcap != NULL ? s->next - 1 : s->next;
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (file == s->n_paths || !is_stdin(s->paths[file]) || s->piped.at < s->piped.n)
		return true;
	return poll(&p, 1, wait_ms) > 0;
}

static int
pcap_source_burst(struct source *base, struct rte_mbuf **pkts, unsigned n)
{
	struct pcap_source *s = (struct pcap_source *)base;
	unsigned got = 0;

	base->waiting = !s->pending && !has_more(s, PIPE_WAIT_MS);
	if (base->waiting)
		return 0;
	while (got < n && (s->pending || (has_more(s, 0) && read_packet(s)))) {
		pkts[got] = take_packet(s);
		if (pkts[got] == NULL)
			break;
		got++;
	}
	return (int)got;
}

static void
pcap_source_stats(struct source *base, struct source_stats *ret)
{
	struct pcap_source *s = (struct pcap_source *)base;

	*ret = s->stats;
	ret->read = s->before + position(s);
}

static void
pcap_source_close(struct source *base)
{
	struct pcap_source *s = (struct pcap_source *)base;

	if (s->pcap != NULL)
		pcap_close(s->pcap);
	free(s);
}

static const struct source_ops pcap_source_ops = {
	.burst = pcap_source_burst,
	.stats = pcap_source_stats,
	.close = pcap_source_close,
};

/* Look at each file before the first packet is read; standard input can't be looked at twice. */
static int
check_files(struct pcap_source *s, struct source_error *err)
{
	bool sized = true;

	for (unsigned i = 0; i < s->n_paths; i++) {
		enum link link;
		uint64_t size = 0;
		pcap_t *pcap;

		if (is_stdin(s->paths[i])) {
			sized = false;
			continue;
		}
		if (open_capture(s->paths[i], &s->piped, &pcap, &link, &size, err) != 0)
			return -1;
		pcap_close(pcap);
		s->stats.total += size;
		sized = sized && size > 0;
	}
	if (!sized)
		s->stats.total = 0;
	return 0;
}

struct source *
source_pcap_open(const char *const *paths, unsigned n_paths, struct rte_mempool *pool,
	void (*warn_line)(void *ctx, const char *line), void *ctx, struct source_error *err)
{
	struct pcap_source *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory to read captures");
		return NULL;
	}
	s->base.ops = &pcap_source_ops;
	s->paths = paths;
	s->n_paths = n_paths;
	s->pool = pool;
	s->base.warn = warn_line;
	s->base.warn_ctx = ctx;
	s->stats.files = n_paths;
	if (check_files(s, err) != 0) {
		free(s);
		return NULL;
	}
	return &s->base;
}
