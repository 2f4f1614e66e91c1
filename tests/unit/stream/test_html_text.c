/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspectors/stream/html_text.h"

#include "inspectors/stream/html_entities.h"
#include "tests/unit/stream/cases.h"

/*
 * Expected values: the layout as html_text.h says; character references by
 * Python's html.unescape(), which follows the WHATWG standard.
 */
static const struct decode_case cases[] = {
	CASE("nothing",
		"",
		"",
		OUTCOME_OK),
	CASE("text",
		"850709-9805 a < b & c > d",
		"850709-9805 a < b & c > d",
		OUTCOME_OK),
	CASE("inline tags inside a number",
		"8507<b>09</b>-98<span>0</span>5",
		"850709-9805",
		OUTCOME_OK),
	CASE("every inline tag",
		"1<b>2<i>3<span>4<font>5<a>6<em>7<strong>8<u>9<wbr>0</u></b>",
		"1234567890",
		OUTCOME_OK),
	CASE("a comment inside a number",
		"8507<!-- x -->09-9805",
		"850709-9805\012 x --\012",
		OUTCOME_OK),
	CASE("attribute values",
		"<p title=\042Anna &amp; Bo\042>x</p>",
		"title=Anna & Bo\012x\012",
		OUTCOME_OK),
	CASE("attributes of an inline tag",
		"8507<b title='850709-9805' id=x>09</b>-9805<br>y",
		"850709-9805\012title=850709-9805\012id=x\012y",
		OUTCOME_OK),
	CASE("a link with percent-escapes, and what looks like them",
		"<a href='mailto:a@b?subject=Pnr%20850709%2D9805' title=100%&#37;2 x=%>y</a>",
		"y\012href=mailto:a@b?subject=Pnr 850709-9805\012title=100%%2\012x=%\012",
		OUTCOME_OK),
	CASE("attribute without a value",
		"<input disabled value=1>x",
		"disabled\012value=1\012x",
		OUTCOME_OK),
	CASE("empty and odd attributes",
		"<p a= b='' c =d e= >x</p>",
		"a=b=''\012c=d\012e=\012x\012",
		OUTCOME_OK),
	CASE("unquoted with slash",
		"<a href=/x/850709-9805/>x</a>",
		"x\012href=/x/850709-9805/\012",
		OUTCOME_OK),
	CASE("blocks",
		"<div>a</div><p>b<br>c<hr>d</p><ul><li>e<li>f</ul>",
		"a\012b\012c\012d\012e\012f\012",
		OUTCOME_OK),
	CASE("a table",
		"<table><tr><td>Anna</td><td>850709-9805</td></tr><tr><th>x<th>y<"
		"/table>",
		"Anna\011850709-9805\012x\011y\012",
		OUTCOME_OK),
	CASE("upper case",
		"<P>a<BR/>b</P><TD>c",
		"a\012b\012c",
		OUTCOME_OK),
	CASE("script and style",
		"a<script src=x>var n='850709-9805'; if (a<b) {}</script>b<STYLE>"
		"p{}</Style >c",
		"abc\012src=x\012\012var n='850709-9805'; if (a<b) {}\012\012p{}\012",
		OUTCOME_OK),
	CASE("what doesn't end a script",
		"<script></scriptx></scrip></style></ script>1</script>2",
		"2\012\012</scriptx></scrip></style></ script>1\012",
		OUTCOME_OK),
	CASE("declaration",
		"<!DOCTYPE html><html>x",
		"DOCTYPE html\012x",
		OUTCOME_OK),
	CASE("processing instruction",
		"<\077xml version=\0421.0\042\077>x<p>",
		"x\012xml version=\0421.0\042\077\012",
		OUTCOME_OK),
	CASE("comment ends",
		"a<!-->b<!--->c<!--d--!>e<!-- -- > -->f<p>",
		"abcef\012\012-\012d--!\012 -- > --\012",
		OUTCOME_OK),
	CASE("unclosed comment",
		"a<!-- 850709-9805",
		"a\012 850709-9805\012",
		OUTCOME_OK),
	CASE("unclosed tag",
		"a<p title=\042850709-9805",
		"a\012title=850709-9805\012",
		OUTCOME_OK),
	CASE("unclosed less",
		"a<",
		"a<",
		OUTCOME_OK),
	CASE("unclosed less slash",
		"a</",
		"a</",
		OUTCOME_OK),
	CASE("unclosed script",
		"<script>a</scr",
		"\012a</scr\012",
		OUTCOME_OK),
	CASE("no tag",
		"1<2 <3> </> < b>",
		"1<2 <3>  < b>",
		OUTCOME_OK),
	CASE("unknown tags",
		"8507<x-y>09</x-y>-9805",
		"850709-9805\012x-y\012x-y\012",
		OUTCOME_OK),
	CASE("a number as an unknown tag's name",
		"<x850709-9805-and-more>a",
		"a\012x850709-9805-and-more\012",
		OUTCOME_OK),
	CASE("a zero in a tag's name",
		"<b\000850709-9805>a",
		"a\012b\000850709-9805\012",
		OUTCOME_OK),
	CASE("a tag's name over two names of the list",
		"<p\011div>a",
		"div\012a",
		OUTCOME_OK),
	CASE("references: f&ouml;delsenr 850709&ndash;98",
		"f&ouml;delsenr 850709&ndash;9805",
		"f\303\266delsenr 850709\342\200\2239805",
		OUTCOME_OK),
	CASE("references: &#56;&#53;&#x30;&#X37;09&#45;9",
		"&#56;&#53;&#x30;&#X37;09&#45;9805",
		"850709-9805",
		OUTCOME_OK),
	CASE("references: &#8211;&#x2011;&nbsp;&shy;",
		"&#8211;&#x2011;&nbsp;&shy;",
		"\342\200\223\342\200\221\302\240\302\255",
		OUTCOME_OK),
	CASE("references: &amp;lt; &lt;b&gt; &quot;&apos",
		"&amp;lt; &lt;b&gt; &quot;&apos;",
		"&lt; <b> \042'",
		OUTCOME_OK),
	CASE("references: &ouml &nbspabc &notit; &copyx ",
		"&ouml &nbspabc &notit; &copyx &AMP",
		"\303\266 \302\240abc \302\254it; \302\251x &",
		OUTCOME_OK),
	CASE("references: &#128; &#150; &#x99;",
		"&#128; &#150; &#x99;",
		"\342\202\254 \342\200\223 \342\204\242",
		OUTCOME_OK),
	CASE("references: &#0; &#x110000; &#xd800; &#999",
		"&#0; &#x110000; &#xd800; &#99999999999999999999;",
		"\357\277\275 \357\277\275 \357\277\275 \357\277\275",
		OUTCOME_OK),
	CASE("references: &; &#; &#x; &#xg; &nosuch; &no",
		"&; &#; &#x; &#xg; &nosuch; &nosuchatall1234567890123456789012345"
		"67890;",
		"&; &#; &#x; &#xg; &nosuch; &nosuchatall1234567890123456789012345"
		"67890;",
		OUTCOME_OK),
	CASE("references: &#0000000000000000000000000000",
		"&#0000000000000000000000000000000000000056;5",
		"85",
		OUTCOME_OK),
	CASE("references: 85&#48709",
		"85&#48709",
		"85\353\271\205",
		OUTCOME_OK),
	CASE("references: &aring;&Aring;&auml;&Auml;&eur",
		"&aring;&Aring;&auml;&Auml;&euro;&hyphen;&dash;&minus;&num;&plus;"
		"&Tab;x&ZeroWidthSpace;y",
		"\303\245\303\205\303\244\303\204\342\202\254\342\200\220\342\200\220\342\210\222#+\011x\342\200\213y",
		OUTCOME_OK),
	CASE("references at the end: &",
		"a&",
		"a&",
		OUTCOME_OK),
	CASE("references at the end: &#",
		"a&#",
		"a&#",
		OUTCOME_OK),
	CASE("references at the end: &#56",
		"a&#56",
		"a8",
		OUTCOME_OK),
	CASE("references at the end: &ouml",
		"&ouml",
		"\303\266",
		OUTCOME_OK),
	CASE("reference at the end: &lt",
		"&lt",
		"<",
		OUTCOME_OK),
	CASE("references in values",
		"<p title='&#56;&ouml;&lt' alt=\077a=1&copy=2&amp;b>x",
		"title=8\303\266<\012alt=\077a=1&copy=2&b\012x",
		OUTCOME_OK),
	CASE("hidden text that is too long",
		"8507<b title=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxx>09</b>-9805<p>y",
		"8507\012title=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxx\012\012850709-9805\012y",
		OUTCOME_OK),
};

static void
test_cases(void **state)
{
	run_cases(&html_text_decoder, NULL, cases, ARRAY_LEN(cases));
}

static void
test_entities(void **state)
{
	static const struct {
		const char *name;
		uint32_t code_point;
		bool bare;
	} some[] = {
		{"AElig", 0xc6, true}, {"zwnj", 0x200c, false}, {"aring", 0xe5, true},
		{"ouml", 0xf6, true}, {"hyphen", 0x2010, false}, {"nbsp", 0xa0, true},
		{"NonBreakingSpace", 0xa0, false}, {"ndash", 0x2013, false}, {"yuml", 0xff, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		const struct html_entity *e = html_entity_find(bytes_str(some[i].name));

		assert_non_null(e);
		assert_int_equal(e->code_point, some[i].code_point);
		assert_int_equal(e->bare, some[i].bare);
	}
	assert_null(html_entity_find(bytes_str("")));
	assert_null(html_entity_find(bytes_str("Aring1")));
	assert_null(html_entity_find(bytes_str("zzz")));
}

static void
test_meter(void **state)
{
	assert_metered(&html_text_decoder, NULL, BYTES_LIT("<p>abc</p><p title=abc>abc"), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_entities),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
