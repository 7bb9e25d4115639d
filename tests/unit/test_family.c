/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config keys base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "family.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define FAMILIES SOURCE_DIR "/config/families/"

static char folder[] = "/tmp/test-family-XXXXXX";
static char path[64];
static struct family family;

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/families", folder);
	if (mkdir(path, 0700) != 0)
		return 1;
	snprintf(path, sizeof path, "%s/families/x.cfg", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = 0;
	return rmdir(path) != 0 || rmdir(folder) != 0;
}

static void load_shipped(const char *name)
{
	struct err err = { 0 };
	if (!family_find(name, "", "", &family, &err))
		fail_msg("%s", err.text);
}

/* A whole file as text, valid until the next call. */
static const char *read_text(const char *from)
{
	static char text[65536];
	FILE *in = fopen(from, "r");
	assert_non_null(in);
	size_t len = fread(text, 1, sizeof text - 1, in);
	assert_int_equal(fclose(in), 0);
	text[len] = 0;
	return text;
}

static void write_file(const char *before, size_t before_len, const char *middle, const char *after)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(before, 1, before_len, out), before_len);
	assert_true(fputs(middle, out) >= 0 && fputs(after, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;
	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* What replaces the first occurrence of find in a shipped profile, and what is then said at the line of at (NULL:
 * of the replacement itself; "^...": of the brace that opens the group around it). */
struct broken {
	const char *find, *replace, *at, *says;
};

static const struct broken broken_core[] = {
	{ "name  = \"core\";", "", "family : {", "family.name: missing" },
	{ "name  = \"core\";", "name = \"Core\";", NULL, "family.name: must have lower-case" },
	{ "name  = \"core\";", "nmae = \"core\"; name = \"core\";", NULL,
		"family.nmae: unknown key; allowed here: name" },
	{ "vendor_id = 0x1d50;", "vendor_id = 0x11d50;", NULL,
		"family.usb.dfu.vendor_id: is 73040" },
	{ "vendor_id = 0x1d50;", "vendor_id = \"1d50\";", NULL, "must be an integer" },
	{ "0x607f;", "0x607d;", "usb : {", "must have different ids" },
	{ "transfer_size_max = 1024;", "transfer_size_max = 4097;", NULL,
		"family.usb.transfer_size_max: is 4097" },
	{ "transfer_size_max = 1024;", "transfer_size_max = 4;", NULL, "must be from 8 to 4096" },
	{ "108*001Kg", "108*001K", NULL, "family.alts[0].layout: memory layout" },
	{ "108*001Kg", "107*001Kg", "name = \"user\"",
		"family.regions[2].address: 0x08005000 and 110592 bytes" },
	{ "memory = \"nor\"", "memory = \"ram\"", NULL, "must be one of: nor, record" },
	{ "alt = 0;", "alt = 1;", "alt = 1;\n\t\t\tlayout = \"@SPI",
		"alternate setting 1 stands here twice" },
	{ "alt = 0;", "alt = 0; access_start = 5; access_end = 5;", NULL,
		"access_end: 0x5 must be behind" },
	{ "alt = 0;", "alt = 0; access_start = 5;", "^access_start = 5;",
		"the access range 0x5 to 0x8020000 is not all inside" },
	{ "alt = 0;", "alt = 0; access_start = 0x08001000;", "name = \"bootloader\"",
		"are not inside the access range" },
	{ "erase_timeout_ms = 2000;", "", "^alt = 0;", "family.alts[0].erase_timeout_ms: missing" },
	{ "erase_timeout_ms = 2000;", "erase_timeout_ms = 2.5;", NULL, "must be an integer" },
	{ "name = \"system-flags\"", "name = \"bootloader\"",
		"name = \"bootloader\"; alt = 0; address = 0x08004c00",
		"two regions \"bootloader\"" },
	{ "name = \"system-flags\"", "name = \"system flags\"", NULL,
		"family.regions[1].name: must have lower-case" },
	{ "size = 0x4c00;", "size = 0x4c01;", "^size = 0x4c01",
		"family.regions[0]: bootloader overlaps system-flags" },
	{ "address = 0x08005000; size = 0x1b000;", "address = 0x08004000; size = 0x1b000;",
		"^name = \"bootloader\"", "family.regions[0]: bootloader overlaps user" },
	{ "address = 0x08005000; size = 0x1b000;", "address = 0x08005000; size = 0x1b001;", NULL,
		"are not all inside the sectors of alt 0" },
	{ "address = 0x08005000; size = 0x1b000;", "address = 0x08005000; size = 0x1afff;", NULL,
		"must begin and end on sector borders" },
	{ "address = 0x08005000; size = 0x1b000;", "address = 0x08005001; size = 0x1ac00;", NULL,
		"must begin and end on sector borders" },
	{ "writable = false; remedy = \"the unit keeps its own flags there; nothing has to be "
	  "written\";",
		"writable = true;", NULL,
		"the layout does not allow writes everywhere in system-flags" },
	{ "alt = 0; address = 0x08005000;", "alt = 5; address = 0x08005000;", NULL,
		"no alternate setting 5" },
	{ "address = 0x08005000; size = 0x1b000;",
		"address = 0x08005000; size = 0x1b000; writable = false;", "^name = \"user\"",
		"family.regions[2].remedy: missing" },
	{ "module_function = \"mono\";", "remedy = \"x\";", NULL, "remedy: is only for" },
	{ "module_function = \"mono\";", "module_function = \"app\";", NULL,
		"must be one of: none, resource" },
	{ "module_function = \"mono\";", "module_index = 1;", "^name = \"user\"",
		"family.regions[2].module_function: missing" },
	{ "linked_for = \"user\"", "linked_for = \"usr\"", NULL, "there is no region \"usr\"" },
	{ "linked_for = \"user\"", "linked_for = \"backup\"", NULL,
		"must name a region where images run" },
	{ "linked_for = \"user\"", "linked_for = \"factory\"", NULL,
		"must name a region where images run" },
	{ "role = \"server\"; alt = 1; address = 0x1000;",
		"role = \"server\"; alt = 1; address = 0x2000;", "^name = \"server-rsa\"",
		"server-rsa overlaps device-rsa" },
	{ "role = \"server\"; alt = 1; address = 0x1000;",
		"role = \"server\"; alt = 1; address = 0x20000;", "^name = \"server-rsa\"",
		"server-rsa lies in region factory" },
	{ "size = 2048;", "size = 2049;", NULL, "family.key_slots[0].size: is 2049" },
	{ "size = 2048;", "size = 511;", "address_offset = 384",
		"the 128 bytes of the address at 384 do not fit" },
	{ "algorithm = \"rsa-2048\"", "algorithm = \"rsa-1024\"", NULL,
		"a server key must be rsa-2048 or p-256" },
	{ "algorithm = \"rsa-1024\"", "algorithm = \"rsa-2048\"",
		"algorithm = \"rsa-2048\"; padding = 0xff;\n",
		"a device key must be rsa-1024 or p-256" },
	{ "algorithm = \"rsa-1024\"",
		"address_offset = 5; default_port = 1; algorithm = \"rsa-1024\"", NULL,
		"is only for server keys" },
	{ "default_port = 5683;", "", "^name = \"server-rsa\"",
		"family.key_slots[0].default_port: missing" },
	{ "default_port = 5683;", "default_port = 65535;", NULL, "must be from 1 to 65534" },
	{ "padding = 0xff; address_offset", "padding = 0x100; address_offset", NULL,
		"padding: is 256" },
	{ "read_modify_write = true;", "", "^name = \"server-rsa\"",
		"read_modify_write: must be true" },
	{ "name = \"device-rsa\"", "name = \"server-rsa\"",
		"name = \"server-rsa\"; role = \"device\"", "two key slots \"server-rsa\"" },
	{ "vector_value = 0x20000000", "vector_value = 0x20010000", NULL,
		"has bits outside vector_mask" },
	{ "images : {", "pictures : {", "family : {", "family.images: missing" },
	{ "header_always = true;", "", "images : {", "family.images.header_without: missing" },
	{ "line_coding_baud = 14400;", "line_coding_baud = 0;", NULL,
		"family.reentry.line_coding_baud: is 0" },
	{ "boot_timeout_ms = 20000;", "boot_timeout = 20000;", "reentry : {",
		"boot_timeout_ms: missing" },
	{ "cdc : {", "// cdc : {", "reentry : {", "needs the identity that answers it" },
	{ "volatile = (", "volatile = ( { alt = 1; address = 0x200000; size = 1; why = \"x\"; },",
		NULL, "family.volatile[0].address: 0x00200000 and 1 bytes" },
	{ "quirks = [];", "quirks = [ \"fast\" ];", NULL,
		"unknown quirk \"fast\"; known are: early-poll" },
	{ "quirks = [];", "quirks = [ 5 ];", NULL, "must be a text" },
	{ "quirks = [];", "quirk = [];", NULL, "family.quirk: unknown key" },
	{ "0x1d50; product_id = 0x607f", "0x91d50000; product_id = 0x607f", NULL, "append an L" },
};

static const struct broken broken_photon[] = {
	{ "overlaps = [ \"factory\" ];", "", "^name = \"ota\"",
		"family.regions[8]: ota overlaps factory; move one, or name it in overlaps of "
		"both" },
	{ "overlaps = [ \"ota\" ];", "", "^name = \"factory\"",
		"family.regions[9]: factory overlaps ota" },
	{ "overlaps = [ \"factory\" ];", "overlaps = [ \"factory\", \"user\" ];", NULL,
		"ota and user do not overlap" },
	{ "overlaps = [ \"factory\" ];", "overlaps = [ \"fact\" ];", NULL,
		"there is no region \"fact\"" },
	{ "overlaps = [ \"factory\" ];", "overlaps = [ \"ota\" ];", NULL,
		"names the region itself" },
	{ "access_end = 8391;", "access_end = 16385;", NULL, "is not all inside the layout" },
	{ "access_end = 8391;", "access_end = 3500;", "name = \"server-ec\"",
		"are not inside the access range of alt 1" },
	{ "alt = 1; address = 3618; };   //", "alt = 1; address = 8380; };   //", NULL,
		"family.identity.id_copy.address: 0x000020bc and 12 bytes" },
	{ "algorithm = \"rsa-1024\";", "algorithm = \"rsa-1024\"; read_modify_write = true;", NULL,
		"is not for record memory" },
	{ "role = \"device\"; alt = 1;", "role = \"device\"; alt = 2;", NULL,
		"no alternate setting 2" },
	{ "address = 3106; size = 192;\n", "address = 3106; size = 193;\n", "^name = \"device-ec\"",
		"device-ec overlaps server-ec" },
	{ "01*016Kg\";", "01*016Ka\";", "name = \"device-rsa\"",
		"the layout does not allow writes there" },
	{ "line_coding_baud = 14400;\n\t\tvendor_request_type = 50;", "",
		"regions =", "bootloader is staged: after it the unit has to come back" },
	{ "area = \"ota\";", "area = \"dct1\";", NULL,
		"family.regions[0].staged.area: dct1 is no region of nor memory" },
	{ "area = \"ota\";", "area = \"bootloader\";", NULL, "bootloader is no region of nor" },
	{ "area = \"ota\";", "", "staged : {", "family.regions[0].staged.area: missing" },
	{ "applied_by = \"system-part2\";", "applied_by = \"factory\";", NULL,
		"factory is no region where one certain module runs" },
	{ "alt = 1; address = 1753; value", "alt = 0; address = 0x080c0000; value", NULL,
		"must be a record memory" },
	{ "alt = 1; address = 1753; value", "alt = 1; address = 8391; value", NULL,
		"flag.address: 0x000020c7 and 1 bytes" },
	{ "value = 0xa5;", "value = 0xff;", NULL, "must differ from idle" },
	{ "settle_ms = 3000;", "", "staged : {", "settle_ms: missing" },
	{ "module_function = \"bootloader\";\n\t\t\twritable = false;", "writable = false;",
		"staged : {", "is for a region of modules with writable = false" },
	{ "name = \"eeprom1\"; alt = 0; address = 0x0800c000;",
		"name = \"eeprom1\"; alt = 0; address = 0x0800bfff;", "^name = \"dct2\"",
		"dct2 overlaps eeprom1" },
};

static void write_broken(const char *shipped, const struct broken *broken)
{
	char from[FS_PATH_MAX];
	snprintf(from, sizeof from, FAMILIES "%s.cfg", shipped);
	const char *text = read_text(from);
	const char *body = strstr(text, "family : {"); /* past the comment at the top */
	const char *found = strstr(body, broken->find);
	if (found)
		write_file(text, (size_t)(found - text), broken->replace,
			found + strlen(broken->find));
	else
		fail_msg("%s.cfg does not hold: %s", shipped, broken->find);
}

static void assert_refused(const char *shipped, const struct broken *broken)
{
	write_broken(shipped, broken);
	struct err err = { 0 };
	struct family untouched = { .alt_count = 77 };
	if (family_load(path, &untouched, &err))
		fail_msg("%s.cfg taken with: %s", shipped, broken->replace);
	assert_int_equal(err.reason, REASON_INPUT);
	assert_int_equal(untouched.alt_count, 77);
	const char *changed = read_text(path);
	const char *wanted = broken->at ? broken->at : broken->replace;
	const char *at = strstr(strstr(changed, "family : {"), wanted + (wanted[0] == '^'));
	assert_non_null(at);
	while (wanted[0] == '^' && *at != '{')
		at--;
	char start[128];
	snprintf(start, sizeof start, "%s:%u: ", path, line_of(changed, at));
	if (strncmp(err.text, start, strlen(start)) != 0 || !strstr(err.text, broken->says))
		fail_msg("\"%s\" is not \"%s...%s\"", err.text, start, broken->says);
}

static void every_mistake_is_refused_at_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken_core); i++)
		assert_refused("core", &broken_core[i]);
	for (size_t i = 0; i < ARRAY_LEN(broken_photon); i++)
		assert_refused("photon", &broken_photon[i]);
}

/* A product of somebody else, with a P-256 key in internal flash and no module headers: data only. */
static const char custom[] =
	"family : { name = \"x\"; title = \"Custom STM32F4\";\n"
	" usb : { dfu : { vendor_id = 0x0483; product_id = 0xdf11; }; transfer_size_max = 2048;\n"
	"  transfer_timeout_ms = 5000; };\n"
	" identity : { slot_is_enough = true; };\n"
	" alts = ( { alt = 0; memory = \"nor\"; erase_timeout_ms = 10000; write_timeout_ms = "
	"2000;\n"
	"  layout = \"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg\"; },\n"
	"  { alt = 1; memory = \"nor\"; erase_timeout_ms = 1; write_timeout_ms = 1;\n"
	"  layout = \"@Top/0x90000000/1*4Kg\"; } );\n"
	" regions = ( { name = \"user\"; alt = 0; address = 0x08000000; size = 0xc000; },\n"
	"  { name = \"high\"; alt = 1; address = 0x90000000L; size = 0x1000; } );\n"
	" key_slots = ( { name = \"device-ec\"; role = \"device\"; alt = 0; address = 0x0800c100; "
	"size = 192;\n"
	"  algorithm = \"p-256\"; read_modify_write = true; } ); };";

static void a_new_family_is_a_file_only(void **state)
{
	(void)state;
	write_file(custom, 0, custom, "");
	struct err err = { 0 };
	if (!family_find("x", folder, "", &family, &err))
		fail_msg("%s", err.text);
	assert_string_equal(family.path, path);
	assert_int_equal(family.cdc.vendor_id, 0);
	assert_false(family.regions[0].module);
	assert_true(family_region(&family, "high")->addr == 0x90000000u);
	assert_int_equal(family_key_slot(&family, "device-ec")->format.padding, 0xff);
	assert_true(family_find("x", "", folder, &family, &err));
	assert_false(family_find("x", "", "", &family, &err));
}

static void the_first_folder_that_has_the_file_wins(void **state)
{
	(void)state;
	char job[64];
	snprintf(job, sizeof job, "%s/families/photon.cfg", folder);
	write_file(custom, 0, custom, "");
	assert_int_equal(rename(path, job), 0);
	struct err err = { 0 };
	assert_false(family_find("photon", folder, "", &family, &err));
	assert_non_null(strstr(err.text, "family.name is \"x\""));
	assert_int_equal(rename(job, path), 0);
	if (!family_find("photon", folder, "", &family, &err))
		fail_msg("%s", err.text);
}

static void names_that_could_leave_the_folder_are_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "", "../x", "x/../../etc/passwd", "/etc/passwd", "X",
		"x.cfg", "x y", ".", "\xc3\xa9", "a-name-that-is-far-too-long-for-it" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = { 0 };
		assert_false(family_find(names[i], folder, folder, &family, &err));
		assert_int_equal(err.reason, REASON_INPUT);
		assert_non_null(strstr(err.text, "is no name of a family"));
	}
	struct err err = { 0 };
	assert_false(family_find("nosuch", folder, "", &family, &err));
	assert_non_null(strstr(err.text, folder));
}

static void what_is_not_there_is_null(void **state)
{
	(void)state;
	load_shipped("core");
	assert_null(family_alt(&family, 2));
	assert_null(family_region(&family, "system-part1"));
	assert_null(family_key_slot(&family, "device-ec"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_refused_at_its_line),
		cmocka_unit_test(a_new_family_is_a_file_only),
		cmocka_unit_test(the_first_folder_that_has_the_file_wins),
		cmocka_unit_test(names_that_could_leave_the_folder_are_refused),
		cmocka_unit_test(what_is_not_there_is_null),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
