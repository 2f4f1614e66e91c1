/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/proto/tls.h"

/* The next byte of a record header; false where none can be. */
static bool
header_byte(struct tls_records *r, uint8_t c)
{
	switch (r->n_head) {
	case 0:
		r->type = c;
		return c >= 20 && c <= 24;
	case 1:
		return c == 3;
	case 2:
		r->version_low = c;
		return c <= 4;
	case 3:
		r->length_high = c;
		return (uint32_t)c << 8 <= TLS_RECORD_MAX;
	default:
		r->left = (uint32_t)r->length_high << 8 | c;
		return r->left <= TLS_RECORD_MAX;
	}
}

size_t
tls_records_take(struct tls_records *r, struct bytes in)
{
	size_t at = 0;

	while (at < in.n && !r->broken) {
		if (r->n_head == TLS_RECORD_HEADER) {
			size_t n = in.n - at < r->left ? in.n - at : r->left;

			r->left -= (uint32_t)n;
			at += n;
			if (r->left == 0)
				r->n_head = 0;
			continue;
		}
		if (!header_byte(r, in.p[at])) {
			r->broken = true;
			break;
		}
		r->n_head++;
		at++;
		if (r->n_head == TLS_RECORD_HEADER && r->left == 0)
			r->n_head = 0;
	}
	return at;
}

bool
tls_records_begin(struct bytes head)
{
	struct tls_records r = {0};

	if (head.n > TLS_RECORD_HEADER)
		head.n = TLS_RECORD_HEADER;
	return tls_records_take(&r, head) == head.n;
}
