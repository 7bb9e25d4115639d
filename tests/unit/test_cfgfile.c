/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfgfile.h"
#include "fs.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct cfgfile *file;
static struct cfg root;

static bool parse(const char *text, size_t len, struct err *err)
{
	/* The exact size: a read past the end shows. */
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	bool ok = cfgfile_parse("/job/t.cfg", copy, len, "t", &file, &root, err);
	free(copy);
	return ok;
}

static void open_text(const char *text)
{
	struct err err = { 0 };
	if (!parse(text, strlen(text), &err))
		fail_msg("%s", err.text);
}

static void close_ok(void)
{
	struct err err = { 0 };
	bool ok = cfgfile_end(file, &err);
	cfgfile_close(file);
	if (!ok)
		fail_msg("%s", err.text);
}

/* The first error begins with text. */
static void close_refused(const char *text)
{
	struct err err = { 0 };
	assert_true(cfg_failed(&root) || !cfgfile_end(file, &err));
	assert_false(cfgfile_end(file, &err));
	cfgfile_close(file);
	assert_int_equal(err.reason, REASON_INPUT);
	if (strncmp(err.text, text, strlen(text)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", err.text, text);
}

static void lax_text_is_refused_before_libconfig_sees_it(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "t : {\n a = 4294967296;\n};",
			":2: at 4294967296: the number does not fit 31 bits" },
		{ "t : {\n a = 3000000000;\n};", ":2: at 3000000000" },
		{ "t : {\n a = 2147483648;\n};", ":2: at 2147483648" },
		{ "t : {\n a = -2147483648;\n};", ":2: at -2147483648" },
		{ "t : {\n\n a = 0x80000000;\n};",
			":3: at 0x80000000: the number does not fit 31 bits; append an L" },
		{ "t : { a = 9223372036854775808L; };",
			":1: at 9223372036854775808L: the number does not fit 63" },
		{ "t : { a = 0xffffffffffffffffL; };", "does not fit 63" },
		{ "t : { a = 99999999999999999999999999999999999999999999; };", "more than 40" },
		{ "t : { a = 010; };", "leading zeros" },
		{ "t : { a = -0x10; };", "not a number" },
		{ "t : { a = 0x; };", "not a number" },
		{ "t : { a = 12abc; };", "not a number" },
		{ "t : { a = 5l; };", "not a number" },
		{ "t : { a = +5; };", "not a number" },
		{ "t : { a = 1.; };", "not a number" },
		{ "t : { a = .5; };", "not a number" },
		{ "t : { a = 1-2; };", "not a number" },
		{ "t : {\n a = \"ab\\x00cd\"; };", ":2: only \\\\ and \\\" may follow" },
		{ "t : { a = \"ab\\x41\"; };", "may follow" },
		{ "t : { a = \"ab\\n\"; };", "may follow" },
		{ "t : { a = \"ab\tc\"; };", "control character" },
		{ "t : { a = \"ab\x01\"; };", "control character" },
		{ "t : { a = \"\xc3\x28\"; };", "not UTF-8" },
		{ "t : { a = \"\xed\xa0\x80\"; };", "not UTF-8" },
		{ "t : { a = \"\xc0\xaf\"; };", "not UTF-8" },
		{ "t : {\n a = \"ab;\n};", ":2: this string is not closed" },
		{ "t : { a = \"ab", "not closed" },
		{ "t : { a = \"ab\\", "may follow" },
		{ "t : {\n a = \"ab\"\n \"cd\"; };", ":3: at \"cd\": two strings in a row" },
		{ "@include \"other.cfg\"\nt : { };", ":1: at @: @include is not allowed" },
		{ "t : {\n@include \"other.cfg\"\n};", ":2: at @: @include" },
		{ "t : { /* x\n };", ":1: this comment is not closed" },
		{ "t : { a = 1; a = 2; };", "duplicate" },
		{ "t : { a = (1, 2,); };", "remove the comma" },
		{ "t : { a = [1, \"x\"]; };", "mismatched" },
		{ "t : { a = [1, (2)]; };", "[ ] holds only" },
		{ "t : { a = (1 2); };", "expected ','" },
		{ "t : { a = ; };", "expected a value" },
		{ "t : { a = yes; };", "expected a value: \"text\" in quotes" },
		{ "t : { a; };", "expected '='" },
		{ "t : { true = 1; };", "expected a name" },
		{ "t : {\n a = 1;\n", "the file ends here" },
		{ "t : { a = 1; } }", "expected a name" },
		{ "t : { a = 1 $ };", "no meaning" },
		{ "\xef\xbb\xbft : { };", "no meaning" },
		{ "t={a=({a=({a=({a=({a=({a=({a=1;});});});});});});};", "too deeply" },
		{ "", ":1: t: missing" },
		{ "u : { };", ":1: u: unknown key; allowed here: t" },
		{ "t : { };\nu = 1;", ":2: u: unknown key" },
		{ "t = 1;", ":1: t: must be a group" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = { 0 };
		if (parse(cases[i].text, strlen(cases[i].text), &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.reason, REASON_INPUT);
		if (!strstr(err.text, cases[i].says) || strncmp(err.text, "/job/t.cfg:", 11) != 0)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
	}
	static const char with_nul[] = "t : {\n a = \"ab\0cd\"; };";
	struct err err = { 0 };
	assert_false(parse(with_nul, sizeof with_nul - 1, &err));
	assert_non_null(strstr(err.text, ":2: a NUL character"));
}

static void values_come_as_written(void **state)
{
	(void)state;
	open_text("# shell comment with @include \"x\" and \"\n// and \"this\n"
		  "t : { text = \"a \\\"b\\\" \\\\ // # /* \xc3\xa9\"; /* many\nlines \" */ i = "
		  "-7; hex = 0x7fffffff;\n"
		  "wide = 0x80000000L; decimal = 4294967295L, small = 5L\n share = 0; half = 0.5; "
		  "big = 1e3;\n"
		  "yes = true; no = FALSE; ints = [1, 2]; mixed = (\"x\", \"y\"); none = ();\n"
		  "list = ( { n = 1; }, { n = 2; } ); sub : { n = 3; }; } # last line");
	char text[64];
	cfg_text(&root, "text", NULL, text, sizeof text);
	assert_string_equal(text, "a \"b\" \\ // # /* \xc3\xa9");
	assert_int_equal(cfg_int(&root, "i", -10, 10), -7);
	assert_true(cfg_int(&root, "hex", 0, UINT32_MAX) == 0x7fffffff);
	assert_true(cfg_int(&root, "wide", 0, UINT32_MAX) == 0x80000000LL);
	assert_true(cfg_int(&root, "decimal", 0, UINT32_MAX) == UINT32_MAX);
	assert_int_equal(cfg_int_or(&root, "small", 0, 9, 1), 5);
	assert_true(cfg_number_or(&root, "share", 0, 1, 0.25) == 0.0);
	assert_true(cfg_number_or(&root, "half", 0, 1, 0.25) == 0.5);
	assert_true(cfg_number_or(&root, "big", 0, 2000, 0) == 1000.0);
	assert_true(cfg_bool_or(&root, "yes", false));
	assert_false(cfg_bool_or(&root, "no", true));
	struct cfg list, entry;
	assert_int_equal(cfg_list(&root, "ints", true, 2, &list), 2);
	assert_int_equal(cfg_list_int(&list, 1, 0, 5), 2);
	assert_int_equal(cfg_list(&root, "mixed", true, 2, &list), 2);
	cfg_list_text(&list, 1, text, sizeof text);
	assert_string_equal(text, "y");
	assert_int_equal(cfg_list(&root, "none", true, 2, &list), 0);
	assert_int_equal(cfg_list(&root, "list", true, 2, &list), 2);
	assert_true(cfg_list_group(&list, 1, &entry));
	assert_int_equal(cfg_int(&entry, "n", 0, 5), 2);
	assert_int_equal(cfg_line(&entry, "n"), 8);
	assert_true(cfg_list_group(&list, 0, &entry));
	assert_int_equal(cfg_int(&entry, "n", 0, 5), 1);
	assert_true(cfg_group(&root, "sub", true, &entry));
	assert_int_equal(cfg_int(&entry, "n", 0, 5), 3);
	close_ok();
}

static void absent_keys_give_the_fallback(void **state)
{
	(void)state;
	open_text("t : { };");
	static const char *const names[] = { "new", "old" };
	char text[16];
	struct cfg none;
	cfg_text(&root, "a", "x", text, sizeof text);
	assert_string_equal(text, "x");
	cfg_path(&root, "p", "", text, sizeof text);
	assert_string_equal(text, "");
	assert_int_equal(cfg_choice(&root, "b", names, 2, 1), 1);
	assert_int_equal(cfg_int_or(&root, "c", 0, 5, 4), 4);
	assert_true(cfg_bool_or(&root, "d", true));
	assert_false(cfg_has(&root, "e"));
	assert_int_equal(cfg_list(&root, "g", false, 3, &none), 0);
	assert_false(cfg_group(&root, "f", false, &none));
	assert_int_equal(cfg_int_or(&none, "x", 0, 5, 2), 2);
	assert_int_equal(cfg_line(&root, "zz"), 0);
	close_ok();
}

static void paths_are_taken_from_the_folder_of_the_file(void **state)
{
	(void)state;
	open_text("t : { near = \"images/a.bin\"; far = \"/etc/x\"; empty = \"\"; };");
	char path[FS_PATH_MAX];
	cfg_path(&root, "near", NULL, path, sizeof path);
	assert_string_equal(path, "/job/images/a.bin");
	cfg_path(&root, "far", NULL, path, sizeof path);
	assert_string_equal(path, "/etc/x");
	cfg_path(&root, "empty", "", path, sizeof path);
	assert_string_equal(path, "");
	cfg_path(&root, "empty", NULL, path, sizeof path);
	close_refused("/job/t.cfg:1: t.empty: is empty");
}

static const char *const choices[] = { "new", "keep-valid" };

static void read_short(void)
{
	char to[4];
	cfg_text(&root, "a", NULL, to, sizeof to);
}
static void read_choice(void)
{
	cfg_choice(&root, "a", choices, 2, -1);
}
static void read_int(void)
{
	cfg_int(&root, "a", 1, 100);
}
static void read_number(void)
{
	cfg_number_or(&root, "a", 0, 1, 0);
}
static void read_bool(void)
{
	cfg_bool_or(&root, "a", false);
}
static void read_group(void)
{
	struct cfg group;
	if (cfg_group(&root, "a", true, &group))
		cfg_int_or(&group, "known", 0, 1, 0);
}
static void read_list(void)
{
	struct cfg list, entry;
	size_t count = cfg_list(&root, "a", true, 2, &list);
	for (size_t i = 0; i < count; i++)
		if (cfg_list_group(&list, i, &entry))
			cfg_int(&entry, "n", 0, 5);
}
static void read_ints(void)
{
	struct cfg list;
	size_t count = cfg_list(&root, "a", true, 3, &list);
	for (size_t i = 0; i < count; i++)
		cfg_list_int(&list, i, 0, 5);
}

static void wrong_values_are_named_with_line_and_path(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		void (*read)(void);
		const char *says;
	} cases[] = {
		{ "t : {\n a = \"abcd\"; };", read_short,
			"/job/t.cfg:2: t.a: the text is longer than 3 bytes" },
		{ "t : {\n a = 5; };", read_short,
			"/job/t.cfg:2: t.a: is an integer, must be a text in \"quotes\"" },
		{ "t : {\n b = 5; };", read_short, "/job/t.cfg:1: t.a: missing" },
		{ "t : {\n a = \"no\"; };", read_choice,
			"/job/t.cfg:2: t.a: is \"no\", must be one of: new, keep-valid" },
		{ "t : { a = true; };", read_choice,
			"/job/t.cfg:1: t.a: is true or false, must be a text" },
		{ "t : { a = 0; };", read_int,
			"/job/t.cfg:1: t.a: is 0 (0x0), must be from 1 to 100" },
		{ "t : { a = 4294967297L; };", read_int, "/job/t.cfg:1: t.a: is 4294967297" },
		{ "t : { a = 5.0; };", read_int,
			"/job/t.cfg:1: t.a: is a number with a fraction, must be an integer" },
		{ "t : { a = \"5\"; };", read_int,
			"/job/t.cfg:1: t.a: is a text, must be an integer" },
		{ "t : { a = 1.5; };", read_number,
			"/job/t.cfg:1: t.a: is 1.5, must be from 0 to 1" },
		{ "t : { a = 1e999; };", read_number, "/job/t.cfg:1: t.a: is inf, must be" },
		{ "t : { a = \"x\"; };", read_number,
			"/job/t.cfg:1: t.a: is a text, must be a number" },
		{ "t : { a = 1; };", read_bool,
			"/job/t.cfg:1: t.a: is an integer, must be true or false" },
		{ "t : { a = 1; };", read_group,
			"/job/t.cfg:1: t.a: is an integer, must be a group" },
		{ "t : { a : {\n knwon = 1; }; };", read_group,
			"/job/t.cfg:2: t.a.knwon: unknown key; allowed here: known" },
		{ "t : {\n b = 1; a : { }; };", read_group,
			"/job/t.cfg:2: t.b: unknown key; allowed here: a" },
		{ "t : { a : { }; };", read_list,
			"/job/t.cfg:1: t.a: is a group { }, must be a list" },
		{ "t : { a = (\n {n = 1;},\n {n = 9;}); };", read_list,
			"/job/t.cfg:3: t.a[1].n: is 9" },
		{ "t : { a = (\n {n = 1;},\n {n = 2;\n m = 1;}); };", read_list,
			"/job/t.cfg:4: t.a[1].m: unknown key; allowed here: n" },
		{ "t : { a = (\n {n = 1;},\n { }); };", read_list,
			"/job/t.cfg:3: t.a[1].n: missing" },
		{ "t : { a = ({n = 1;}, 5); };", read_list,
			"/job/t.cfg:1: t.a[1]: is an integer, must be a group" },
		{ "t : { a = (1, 2, 3); };", read_list,
			"/job/t.cfg:1: t.a: has 3 entries, at most 2" },
		{ "t : {\n a = [ 1,\n 2,\n 7 ]; };", read_ints, "/job/t.cfg:4: t.a[2]: is 7" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		open_text(cases[i].text);
		cases[i].read();
		close_refused(cases[i].says);
	}
}

static void the_first_error_stays_and_later_reads_give_defaults(void **state)
{
	(void)state;
	open_text("t : {\n a = 500;\n b = \"x\";\n n = 5;\n};");
	char text[8];
	assert_false(cfg_failed(&root));
	assert_int_equal(cfg_int_or(&root, "a", 0, 100, 7), 7);
	assert_true(cfg_failed(&root));
	cfg_text(&root, "b", "default", text, sizeof text);
	assert_string_equal(text, "default");
	assert_int_equal(cfg_int_or(&root, "n", 0, 100, 7), 7);
	assert_int_equal(cfg_int(&root, "missing", 3, 100), 3);
	cfg_error(&root, "b", "later");
	close_refused("/job/t.cfg:2: t.a: is 500");
}

static void a_reader_can_report_at_a_key_or_at_the_group(void **state)
{
	(void)state;
	open_text("t : {\n a = 5;\n};");
	cfg_int(&root, "a", 0, 10);
	cfg_error(&root, "a", "must be even, is %d", 5);
	close_refused("/job/t.cfg:2: t.a: must be even, is 5");
	open_text("\n\nt : { };");
	cfg_error(&root, NULL, "makes no sense");
	close_refused("/job/t.cfg:3: t: makes no sense");
	open_text("t : { };");
	cfg_error(&root, "b", "missing");
	close_refused("/job/t.cfg:1: t.b: missing");
}

static void the_text_is_kept_for_the_record(void **state)
{
	(void)state;
	open_text("t : { }; # as read");
	assert_string_equal(cfgfile_text(file), "t : { }; # as read");
	assert_string_equal(cfgfile_path(file), "/job/t.cfg");
	close_ok();
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	size_t len = CFG_FILE_MAX + 1;
	char *big = malloc(len);
	assert_non_null(big);
	memset(big, ' ', len);
	struct err err = { 0 };
	assert_false(cfgfile_parse("x", big, len, "t", &file, &root, &err));
	free(big);
	assert_int_equal(err.reason, REASON_INPUT);
	assert_false(cfgfile_open("/nonexistent/t.cfg", "t", &file, &root, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	cfgfile_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lax_text_is_refused_before_libconfig_sees_it),
		cmocka_unit_test(values_come_as_written),
		cmocka_unit_test(absent_keys_give_the_fallback),
		cmocka_unit_test(paths_are_taken_from_the_folder_of_the_file),
		cmocka_unit_test(wrong_values_are_named_with_line_and_path),
		cmocka_unit_test(the_first_error_stays_and_later_reads_give_defaults),
		cmocka_unit_test(a_reader_can_report_at_a_key_or_at_the_group),
		cmocka_unit_test(the_text_is_kept_for_the_record),
		cmocka_unit_test(a_file_beyond_the_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
