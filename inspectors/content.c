/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/content.h"

/* APPNOTE 4.4.4: bit 0 of the general purpose flags at offset 6 says "encrypted". */
enum { ZIP_FLAGS_AT = 6, ZIP_FLAG_ENCRYPTED = 1 };
/* PE format, "MS-DOS stub": a 16-bit number at offset 2, the bytes of the last page of 512. */
enum { MZ_LAST_PAGE_HIGH = 3 };

static const struct declared {
	const char *type; /* lower case; "x/" stands for all subtypes, "+x" for a suffix */
	enum content_kind kind;
} declared[] = {
	{"text/html", CONTENT_HTML},
	{"application/xhtml+xml", CONTENT_HTML},
	{"text/enriched", CONTENT_HTML}, /* RFC 1896: its commands are like tags */
	{"text/richtext", CONTENT_HTML},
	{"text/xml", CONTENT_XML},
	{"application/xml", CONTENT_XML},
	{"+xml", CONTENT_XML},
	{"application/json", CONTENT_JSON},
	{"application/x-ndjson", CONTENT_JSON},
	{"application/jsonl", CONTENT_JSON},
	{"text/json", CONTENT_JSON},
	{"+json", CONTENT_JSON},
	{"application/x-www-form-urlencoded", CONTENT_URLENCODED},
	{"message/", CONTENT_MIME},
	{"multipart/", CONTENT_MIME},
	{"application/gzip", CONTENT_GZIP},
	{"application/x-gzip", CONTENT_GZIP},
};

static bool
type_matches(struct bytes type, const char *pattern)
{
	struct bytes p = bytes_str(pattern);

	if (p.p[0] == '+')
		return type.n > p.n && bytes_equal_nocase(bytes_skip(type, type.n - p.n), p);
	if (p.p[p.n - 1] == '/')
		return bytes_starts_nocase(type, p);
	return bytes_equal_nocase(type, p);
}

enum content_kind
content_declared(struct bytes type)
{
	for (size_t i = 0; i < ARRAY_LEN(declared); i++)
		if (type_matches(type, declared[i].type))
			return declared[i].kind;
	return CONTENT_TEXT;
}

bool
content_is_encrypted(struct bytes type)
{
	/* RFC 8551, 3.2 and RFC 3156, 4. The former may be signed only; its text is DER then. */
	static const char *const types[] = {
		"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (bytes_equal_nocase(type, bytes_str(types[i])))
			return true;
	return false;
}

bool
content_named_html(struct bytes name)
{
	static const char *const ends[] = {".html", ".htm", ".xhtml", ".xht", ".shtml"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct bytes end = bytes_str(ends[i]);

		if (name.n > end.n &&
			bytes_equal_nocase(bytes_skip(name, name.n - end.n), end))
			return true;
	}
	return false;
}

struct signature {
	struct bytes magic;
	enum content_kind kind;
};

#define MAGIC(s, kind) {BYTES_LIT(s), kind}

/* At offset 0. Long enough that text doesn't begin so by accident. */
static const struct signature binary[] = {
	MAGIC("\x1f\x8b\x08", CONTENT_GZIP),
	MAGIC("PK\x03\x04", CONTENT_OPAQUE),	      /* zip, and the formats built on it */
	MAGIC("PK\x05\x06", CONTENT_OPAQUE),	      /* an empty zip */
	MAGIC("%PDF-", CONTENT_OPAQUE),
	MAGIC("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", CONTENT_OPAQUE), /* OLE2: doc, xls, ppt, msg */
	MAGIC("7z\xbc\xaf\x27\x1c", CONTENT_OPAQUE),
	MAGIC("Rar!\x1a\x07", CONTENT_OPAQUE),
	MAGIC("\xfd"
	      "7zXZ",
		CONTENT_OPAQUE),
	MAGIC("BZh", CONTENT_OPAQUE),
	MAGIC("\x28\xb5\x2f\xfd", CONTENT_OPAQUE),    /* zstd */
	MAGIC("MSCF\0\0\0\0", CONTENT_OPAQUE),	      /* cabinet */
	MAGIC("\x78\x9f\x3e\x22", CONTENT_OPAQUE),    /* TNEF */
	MAGIC("\x89PNG\r\n", CONTENT_OPAQUE),
	MAGIC("\xff\xd8\xff", CONTENT_OPAQUE),	      /* JPEG */
	MAGIC("GIF87a", CONTENT_OPAQUE),
	MAGIC("GIF89a", CONTENT_OPAQUE),
	MAGIC("RIFF", CONTENT_OPAQUE),		      /* wav, avi, webp */
	MAGIC("II*\0", CONTENT_OPAQUE),		      /* TIFF */
	MAGIC("MM\0*", CONTENT_OPAQUE),
	MAGIC("ID3\x03", CONTENT_OPAQUE),
	MAGIC("ID3\x04", CONTENT_OPAQUE),
	MAGIC("OggS", CONTENT_OPAQUE),
	MAGIC("\x7f"
	      "ELF",
		CONTENT_OPAQUE),
	MAGIC("MZ", CONTENT_OPAQUE),		      /* DOS, PE: begins_with() */
	MAGIC("SQLite format 3\0", CONTENT_OPAQUE),
	MAGIC("-----BEGIN PGP MESSAGE-----", CONTENT_OPAQUE),
	MAGIC("(This file must be converted with BinHex", CONTENT_OPAQUE),
	MAGIC("=ybegin ", CONTENT_OPAQUE),	      /* yEnc */
	MAGIC("\0\0\0\x14" "ftyp", CONTENT_OPAQUE),   /* ISO media */
	MAGIC("\0\0\0\x18" "ftyp", CONTENT_OPAQUE),
	MAGIC("\0\0\0\x1c" "ftyp", CONTENT_OPAQUE),
	MAGIC("\0\0\0\x20" "ftyp", CONTENT_OPAQUE),
};

/* Behind a byte order mark and blanks, caseless. Read as plain text, too. */
static const struct signature markup[] = {
	MAGIC("<!doctype html", CONTENT_HTML),
	MAGIC("<html", CONTENT_HTML),
	MAGIC("<head", CONTENT_HTML),
	MAGIC("<body", CONTENT_HTML),
	MAGIC("<?xml", CONTENT_XML),
	/* A stored mail begins with what the last server, or its sender, put first. */
	MAGIC("return-path:", CONTENT_MIME),
	MAGIC("delivered-to:", CONTENT_MIME),
	MAGIC("received:", CONTENT_MIME),
	MAGIC("mime-version:", CONTENT_MIME),
	/* WHATWG MIME Sniffing, 7.1, and what else browsers draw. */
	MAGIC("<!--", CONTENT_HTML),
	MAGIC("<script", CONTENT_HTML),
	MAGIC("<style", CONTENT_HTML),
	MAGIC("<title", CONTENT_HTML),
	MAGIC("<iframe", CONTENT_HTML),
	MAGIC("<table", CONTENT_HTML),
	MAGIC("<font", CONTENT_HTML),
	MAGIC("<span", CONTENT_HTML),
	MAGIC("<div", CONTENT_HTML),
	MAGIC("<h1", CONTENT_HTML),
	MAGIC("<br", CONTENT_HTML),
	MAGIC("<p>", CONTENT_HTML),
	MAGIC("<p ", CONTENT_HTML),
	MAGIC("<a ", CONTENT_HTML),
	MAGIC("<b>", CONTENT_HTML),
	MAGIC("<svg", CONTENT_XML),
	MAGIC("{\"", CONTENT_JSON),
	MAGIC("{ \"", CONTENT_JSON),
	MAGIC("{\n", CONTENT_JSON),
	MAGIC("{\r\n", CONTENT_JSON),
	MAGIC("[\"", CONTENT_JSON),
	MAGIC("[{", CONTENT_JSON),
};

enum fit { FIT_NO, FIT_MORE, FIT_YES };

static enum fit
fits(struct bytes head, struct bytes magic, bool nocase)
{
	size_t n = head.n < magic.n ? head.n : magic.n;
	struct bytes have = bytes_of(head.p, n), want = bytes_of(magic.p, n);

	if (nocase ? !bytes_equal_nocase(have, want) : !bytes_equal(have, want))
		return FIT_NO;
	return head.n >= magic.n ? FIT_YES : FIT_MORE;
}

static enum opaque_reason
opaque_why(struct bytes head, const struct signature *s)
{
	if (s->magic.p[0] == '-')
		return OPAQUE_ENCRYPTED;
	if (bytes_equal(s->magic, BYTES_LIT("PK\x03\x04")) && head.n > ZIP_FLAGS_AT &&
		head.p[ZIP_FLAGS_AT] & ZIP_FLAG_ENCRYPTED)
		return OPAQUE_ENCRYPTED_ARCHIVE;
	return OPAQUE_UNKNOWN_FORMAT;
}

static enum fit
begins_with(struct bytes head, const struct signature *s)
{
	enum fit f = fits(head, s->magic, false);

	if (f != FIT_YES)
		return f;
	/* A zip's flags stand behind its signature. */
	if (s->magic.p[0] == 'P' && head.n <= ZIP_FLAGS_AT)
		return FIT_MORE;
	if (!bytes_equal(s->magic, BYTES_LIT("MZ")))
		return FIT_YES;
	/* Two letters may begin a text; with a number below 512 behind them they don't. */
	if (head.n <= MZ_LAST_PAGE_HIGH)
		return FIT_MORE;
	return head.p[MZ_LAST_PAGE_HIGH] <= 1 ? FIT_YES : FIT_NO;
}

/* Bytes before markup that don't count; at most CONTENT_SNIFF_MAX - 16 of them. */
static struct bytes
skip_blank(struct bytes head)
{
	size_t n = 0;

	if (head.n >= 3 && memcmp(head.p, "\xef\xbb\xbf", 3) == 0)
		n = 3;
	while (n < head.n && n < CONTENT_SNIFF_MAX - 16 &&
		(head.p[n] == ' ' || head.p[n] == '\t' || head.p[n] == '\r' || head.p[n] == '\n'))
		n++;
	return bytes_skip(head, n);
}

enum sniff
content_sniff(struct bytes head, enum content_kind *ret_kind, enum opaque_reason *ret_why)
{
	struct bytes after = skip_blank(head);
	/* Half of a byte order mark may be the beginning of anything that follows one. */
	bool more = head.n < 3 && memcmp(head.p, "\xef\xbb\xbf", head.n) == 0;

	*ret_why = OPAQUE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(binary); i++) {
		enum fit f = begins_with(head, &binary[i]);

		if (f == FIT_MORE)
			more = true;
		if (f != FIT_YES)
			continue;
		*ret_kind = binary[i].kind;
		*ret_why = binary[i].kind == CONTENT_OPAQUE ? opaque_why(head, &binary[i])
							    : OPAQUE_NONE;
		return SNIFF_DONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(markup); i++) {
		enum fit f = fits(after, markup[i].magic, true);

		if (f == FIT_MORE)
			more = true;
		if (f != FIT_YES)
			continue;
		*ret_kind = markup[i].kind;
		return SNIFF_DONE;
	}
	*ret_kind = CONTENT_TEXT;
	return more && head.n < CONTENT_SNIFF_MAX ? SNIFF_MORE : SNIFF_DONE;
}
