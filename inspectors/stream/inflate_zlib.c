/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/inflate_zlib.h"

enum { RAW_WINDOW_BITS = -15, MOST_AT_ONCE = 1 << 30 /* zlib counts in unsigned int */ };

static voidpf
take_room(voidpf opaque, uInt items, uInt size)
{
	struct inflater *f = opaque;
	size_t n = ((size_t)items * size + 15) & ~(size_t)15;
	uint8_t *at = f->room + f->used;

	if (n > INFLATE_ROOM - f->used)
		return Z_NULL;
	f->used += n;
	return at;
}

static void
keep_room(voidpf opaque, voidpf at)
{
	(void)opaque; /* goes with the arena */
	(void)at;
}

enum outcome
inflater_init(struct inflater *f, uint8_t *room)
{
	*f = (struct inflater){.room = room};
	f->z.zalloc = take_room;
	f->z.zfree = keep_room;
	f->z.opaque = f;
	return inflateInit2(&f->z, RAW_WINDOW_BITS) == Z_OK ? OUTCOME_OK : OUTCOME_OVER_BUDGET;
}

void
inflater_reset(struct inflater *f)
{
	(void)inflateReset(&f->z); /* keeps its window; fails for an invalid state only */
}

enum outcome
inflater_step(struct inflater *f, struct bytes *in, uint8_t *out, size_t *ret_n, bool *ret_end)
{
	size_t n = in->n < MOST_AT_ONCE ? in->n : MOST_AT_ONCE;
	uint8_t none = 0; /* zlib wants a pointer even where there is no input */
	int r;

	f->z.next_in = n > 0 ? (z_const Bytef *)(uintptr_t)in->p : &none;
	f->z.avail_in = (uInt)n;
	f->z.next_out = out;
	f->z.avail_out = INFLATE_SLICE;
	r = inflate(&f->z, Z_NO_FLUSH);
	*in = bytes_skip(*in, n - f->z.avail_in);
	*ret_n = INFLATE_SLICE - f->z.avail_out;
	*ret_end = r == Z_STREAM_END;
	if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR) /* the last: nothing to do */
		return OUTCOME_OK;
	return r == Z_MEM_ERROR ? OUTCOME_OVER_BUDGET : OUTCOME_DAMAGED;
}

uint32_t
inflate_crc32(uint32_t crc, struct bytes b)
{
	return (uint32_t)crc32_z(crc, b.p, b.n);
}

uint32_t
inflate_adler32(uint32_t adler, struct bytes b)
{
	return (uint32_t)adler32_z(adler, b.p, b.n);
}
