/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: link type, flags, segment size, then a frame. Laws: nothing is read outside of
 * the frame (each segment lies in a buffer of its size); how it is split into mbufs
 * changes nothing; what is found lies inside of the packet; a frame that passes strictly passes
 * leniently, with the same payload; the dispatcher's hash is the packet's; a partial checksum
 * is a wrong one, and is right once it is completed.
 */
#include <stdint.h>

#include "dataplane/headers.h"
#include "tests/support/dpdk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hostile input decides: not assert(), which a release build leaves out. */
static void
law(bool holds)
{
	if (!holds)
		abort();
}

static void
complete(struct rte_mbuf *m, enum verify verify, enum header_result before)
{
	enum header_result r;
	struct packet p;

	if (verify != VERIFY_YES)
		return;
	r = headers_parse(m, VERIFY_OR_COMPLETE, &p);
	if (r != HEADER_PARTIAL_CHECKSUM) {
		law(r == before);
		return;
	}
	law(before == HEADER_TCP_CHECKSUM || before == HEADER_UDP_CHECKSUM);
	headers_complete_checksum(&p);
	law(headers_parse(m, VERIFY_YES, &p) == HEADER_OK);
}

static enum header_result
parse(const uint8_t *p, size_t n, size_t step, const uint8_t head[3],
	enum verify verify, struct packet *ret)
{
	struct rte_mbuf *m = exact_frame(p, n, step, head[0] % LINKS);
	enum header_result r;
	uint32_t at = 0;
	struct bytes piece;

	packet_meta(m)->wire_length = (uint32_t)n + (head[1] & 1 ? 100 : 0);
	packet_meta(m)->cut = head[1] & 1;
	r = headers_parse(m, verify, ret);
	complete(m, verify, r);
	law(r < HEADER_RESULTS_COUNT);
	if (ret->family != 0 && r != HEADER_IP_HEADER && r != HEADER_IP_VERSION)
		law(frame_host_hash(m) == packet_host_hash(ret));
	if (header_result_usable(r) || r == HEADER_FRAGMENT) {
		law(ret->l3_at + ret->l3_len <= n);
		law(ret->l4_at >= ret->l3_at && ret->payload_at >= ret->l4_at);
		law(ret->payload_at + ret->payload_len <= ret->l3_at + ret->l3_len);
		while ((piece = packet_piece(ret, at)).n > 0)
			at += (uint32_t)piece.n;
		law(at == ret->payload_len);
	}
	if (r == HEADER_FRAGMENT && ret->family == 6)
		law(ret->fragment_at >= 40 && ret->l3_at + ret->fragment_at + 8 == ret->l4_at);
	ret->mbuf = NULL;
	law(exact_free(m));
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet whole, split, lenient;
	enum header_result a, b;

	if (size < 3 || size > 4096)
		return 0;
	a = parse(data + 3, size - 3, 0, data, true, &whole);
	b = parse(data + 3, size - 3, 1 + data[2] % 64, data, true, &split);
	law(a == b && memcmp(&whole, &split, sizeof(whole)) == 0);
	b = parse(data + 3, size - 3, 0, data, false, &lenient);
	if (a == HEADER_OK && lenient.protocol == whole.protocol && lenient.l3_len == whole.l3_len)
		law(b == HEADER_OK && lenient.payload_len == whole.payload_len);
	return 0;
}
