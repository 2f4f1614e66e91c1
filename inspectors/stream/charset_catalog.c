/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/charset_catalog.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "inspectors/stream/outbuf.h"

/*
 * Names and labels: IANA's character set registry and the WHATWG Encoding
 * standard, 4.2. Where the latter reads a set as a larger one, so do we.
 * A name of iconv, then the names it is known by, lower case, parted by blanks.
 */
static const struct charset_source {
	enum charset_kind kind;
	const char *iconv_name;
	const char *names;
	bool ascii;
} sources[] = {
	{CHARSET_UTF16, NULL, " utf-16 utf16 ucs-2 csunicode iso-10646-ucs-2 unicode ", false},
	{CHARSET_UTF16LE, NULL, " utf-16le utf16le unicodefffe ucs-2le ", false},
	{CHARSET_UTF16BE, NULL, " utf-16be utf16be unicodefeff ucs-2be ", false},
	{CHARSET_UTF32, NULL, " utf-32 utf32 ucs-4 iso-10646-ucs-4 ", false},
	{CHARSET_UTF32LE, NULL, " utf-32le utf32le ucs-4le ", false},
	{CHARSET_UTF32BE, NULL, " utf-32be utf32be ucs-4be ", false},
	{CHARSET_UTF7, NULL, " utf-7 utf7 unicode-1-1-utf-7 csutf7 ", false},
	{CHARSET_TABLE, "WINDOWS-1252",
		" windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 "
		"iso_8859-1:1987 latin1 latin-1 l1 ibm819 cp819 csisolatin1 iso-ir-100 ", false},
	{CHARSET_TABLE, "ISO-8859-2", " iso-8859-2 iso8859-2 iso_8859-2 latin2 l2 csisolatin2 ", false},
	{CHARSET_TABLE, "ISO-8859-3", " iso-8859-3 iso8859-3 iso_8859-3 latin3 l3 csisolatin3 ", false},
	{CHARSET_TABLE, "ISO-8859-4", " iso-8859-4 iso8859-4 iso_8859-4 latin4 l4 csisolatin4 ", false},
	{CHARSET_TABLE, "ISO-8859-5", " iso-8859-5 iso8859-5 iso_8859-5 cyrillic ", false},
	{CHARSET_TABLE, "ISO-8859-6", " iso-8859-6 iso8859-6 iso_8859-6 arabic asmo-708 ", false},
	{CHARSET_TABLE, "ISO-8859-7", " iso-8859-7 iso8859-7 iso_8859-7 greek greek8 ", false},
	{CHARSET_TABLE, "ISO-8859-8", " iso-8859-8 iso8859-8 iso_8859-8 iso-8859-8-i hebrew ", false},
	{CHARSET_TABLE, "WINDOWS-1254",
		" windows-1254 cp1254 iso-8859-9 iso8859-9 iso_8859-9 latin5 l5 csisolatin5 ", false},
	{CHARSET_TABLE, "ISO-8859-10", " iso-8859-10 iso8859-10 latin6 l6 csisolatin6 ", false},
	{CHARSET_TABLE, "WINDOWS-874",
		" windows-874 cp874 iso-8859-11 iso8859-11 tis-620 tis620 dos-874 ", false},
	{CHARSET_TABLE, "ISO-8859-13", " iso-8859-13 iso8859-13 latin7 ", false},
	{CHARSET_TABLE, "ISO-8859-14", " iso-8859-14 iso8859-14 latin8 ", false},
	{CHARSET_TABLE, "ISO-8859-15",
		" iso-8859-15 iso8859-15 iso_8859-15 latin-9 latin9 l9 csisolatin9 ", false},
	{CHARSET_TABLE, "ISO-8859-16", " iso-8859-16 iso8859-16 latin10 ", false},
	{CHARSET_TABLE, "WINDOWS-1250", " windows-1250 cp1250 x-cp1250 ", false},
	{CHARSET_TABLE, "WINDOWS-1251", " windows-1251 cp1251 x-cp1251 ", false},
	{CHARSET_TABLE, "WINDOWS-1253", " windows-1253 cp1253 x-cp1253 ", false},
	{CHARSET_TABLE, "WINDOWS-1255", " windows-1255 cp1255 x-cp1255 ", false},
	{CHARSET_TABLE, "WINDOWS-1256", " windows-1256 cp1256 x-cp1256 ", false},
	{CHARSET_TABLE, "WINDOWS-1257", " windows-1257 cp1257 x-cp1257 ", false},
	{CHARSET_TABLE, "WINDOWS-1258", " windows-1258 cp1258 x-cp1258 ", false},
	{CHARSET_TABLE, "KOI8-R", " koi8-r koi8 koi cskoi8r ", false},
	{CHARSET_TABLE, "KOI8-U", " koi8-u koi8-ru ", false},
	{CHARSET_TABLE, "MACINTOSH", " macintosh mac x-mac-roman csmacintosh ", false},
	{CHARSET_TABLE, "MAC-CYRILLIC", " x-mac-cyrillic x-mac-ukrainian ", false},
	{CHARSET_TABLE, "IBM437", " ibm437 cp437 437 cspc8codepage437 ", false},
	{CHARSET_TABLE, "IBM850", " ibm850 cp850 850 cspc850multilingual ", false},
	{CHARSET_TABLE, "IBM852", " ibm852 cp852 852 ", false},
	{CHARSET_TABLE, "IBM855", " ibm855 cp855 855 ", false},
	{CHARSET_TABLE, "IBM857", " ibm857 cp857 857 ", false},
	{CHARSET_TABLE, "CP858", " ibm00858 cp858 cp00858 858 ", false},
	{CHARSET_TABLE, "IBM860", " ibm860 cp860 860 ", false},
	{CHARSET_TABLE, "IBM861", " ibm861 cp861 861 cp-is ", false},
	{CHARSET_TABLE, "IBM862", " ibm862 cp862 862 ", false},
	{CHARSET_TABLE, "IBM863", " ibm863 cp863 863 ", false},
	{CHARSET_TABLE, "IBM865", " ibm865 cp865 865 ", false},
	{CHARSET_TABLE, "IBM866", " ibm866 cp866 866 csibm866 ", false},
	{CHARSET_TABLE, "CP775", " ibm775 cp775 ", false},
	{CHARSET_TABLE, "HP-ROMAN8", " hp-roman8 roman8 r8 ", false},
	{CHARSET_TABLE, "VISCII", " viscii csviscii ", false},
	{CHARSET_TABLE, "IBM037", " ibm037 cp037 ebcdic-cp-us ", false},
	{CHARSET_TABLE, "IBM278", " ibm278 cp278 ebcdic-cp-fi ebcdic-cp-se ", false},
	{CHARSET_TABLE, "IBM500", " ibm500 cp500 ebcdic-cp-be ebcdic-cp-ch ", false},
	{CHARSET_TABLE, "IBM1143", " ibm01143 cp01143 ebcdic-fi-278+euro ebcdic-se-278+euro ", false},
	{CHARSET_TABLE, "SEN_850200_B", " sen_850200_b iso646-se se ", false},
	{CHARSET_ICONV, "GB18030",
		" gb18030 gbk gb2312 gb_2312 gb_2312-80 csgb2312 chinese x-gbk cp936 euc-cn ", true},
	{CHARSET_ICONV, "CP950", " big5 big5-hkscs cn-big5 csbig5 x-x-big5 cp950 ", true},
	{CHARSET_ICONV, "CP932",
		" shift_jis shift-jis sjis x-sjis ms_kanji windows-31j csshiftjis cp932 ", true},
	{CHARSET_ICONV, "EUC-JP", " euc-jp x-euc-jp cseucpkdfmtjapanese ", true},
	{CHARSET_ICONV, "UHC",
		" euc-kr cseuckr ks_c_5601-1987 ksc5601 korean windows-949 cp949 uhc ", true},
	{CHARSET_ICONV, "EUC-TW", " euc-tw ", true},
	{CHARSET_ICONV, "ISO-2022-JP-2", " iso-2022-jp csiso2022jp iso-2022-jp-2 iso-2022-jp-1 ", false},
	{CHARSET_ICONV, "ISO-2022-KR", " iso-2022-kr csiso2022kr ", false},
	{CHARSET_ICONV, "ISO-2022-CN-EXT", " iso-2022-cn iso-2022-cn-ext ", false},
};

struct charset_catalog {
	struct charset_entry entries[ARRAY_LEN(sources)];
	/* Open for the catalog's life: a converter's module, once loaded, stays so. */
	struct charset_conversion *warm[ARRAY_LEN(sources)];
	struct charset_byte (*tables)[256];
	unsigned most;
	atomic_uint *in_use;
};

/* Undefined bytes read as the C1 control of that number (WHATWG, for windows-1252). */
static bool
complete_table(struct charset_byte table[256])
{
	bool ascii = true;

	for (unsigned c = 0; c < 256; c++) {
		struct charset_byte *b = &table[c];

		if (b->n == 0)
			b->n = (uint8_t)utf8_put(b->utf8, c);
		if (c < 0x80)
			ascii &= b->n == 1 && b->utf8[0] == c;
	}
	return ascii;
}

static void
fill_entry(struct charset_catalog *k, size_t i)
{
	struct charset_entry *e = &k->entries[i];

	*e = (struct charset_entry){
		.kind = sources[i].kind, .ascii = sources[i].ascii, .iconv_name = sources[i].iconv_name};
	if (e->kind == CHARSET_TABLE) {
		if (charset_iconv_table(e->iconv_name, k->tables[i])) {
			e->ascii = complete_table(k->tables[i]);
			e->table = k->tables[i];
		} else {
			e->kind = CHARSET_AUTO; /* not in this system's iconv */
		}
	}
	if (e->kind == CHARSET_ICONV) {
		k->warm[i] = charset_conversion_open(e->iconv_name);
		if (k->warm[i] == NULL)
			e->kind = CHARSET_AUTO;
	}
}

struct charset_catalog *
charset_catalog_new(unsigned most_conversions)
{
	struct charset_catalog *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->tables = calloc(ARRAY_LEN(sources), sizeof(*k->tables));
	k->in_use = calloc(1, sizeof(*k->in_use));
	if (k->tables == NULL || k->in_use == NULL) {
		charset_catalog_free(k);
		return NULL;
	}
	k->most = most_conversions;
	atomic_init(k->in_use, 0);
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		fill_entry(k, i);
	return k;
}

void
charset_catalog_free(struct charset_catalog *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		charset_conversion_close(k->warm[i]);
	free(k->in_use);
	free(k->tables);
	free(k);
}

/* Is @p name one of those in @p names, " a b c "? */
static bool
names_hold(const char *names, struct bytes name)
{
	for (const char *at = names + 1; *at != '\0';) {
		size_t n = strcspn(at, " ");

		if (bytes_equal_nocase(bytes_of(at, n), name))
			return true;
		at += n + 1;
	}
	return false;
}

struct charset_entry
charset_lookup(const struct charset_catalog *k, struct bytes name)
{
	name = bytes_trim(name);
	if (k != NULL && name.n > 0)
		for (size_t i = 0; i < ARRAY_LEN(sources); i++)
			if (names_hold(sources[i].names, name))
				return k->entries[i];
	return (struct charset_entry){.kind = CHARSET_AUTO};
}

struct charset_conversion *
charset_take_conversion(const struct charset_catalog *k, const char *iconv_name)
{
	struct charset_conversion *c = NULL;

	if (atomic_fetch_add_explicit(k->in_use, 1, memory_order_relaxed) < k->most)
		c = charset_conversion_open(iconv_name);
	if (c == NULL)
		atomic_fetch_sub_explicit(k->in_use, 1, memory_order_relaxed);
	return c;
}

void
charset_give_conversion(const struct charset_catalog *k, struct charset_conversion *c)
{
	if (c == NULL)
		return;
	charset_conversion_close(c);
	atomic_fetch_sub_explicit(k->in_use, 1, memory_order_relaxed);
}
