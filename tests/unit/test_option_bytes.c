/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config keys base */
/* Option bytes as a profile describes them, and the shipped STM32 profiles against what the chip's manual says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "family.h"

static struct family family;

static void load(const char *name)
{
	char path[256];
	struct err err;
	snprintf(path, sizeof path, SOURCE_DIR "/config/families/%s.cfg", name);
	if (!family_load(path, &family, &err))
		fail_msg("%s", err.text);
}

static uint32_t value(const char *name, const uint8_t *bytes)
{
	const struct option_field *field = option_field(&family.options, name);
	assert_non_null(field);
	return option_value(field, bytes);
}

/* STM32F405: USER with BOR_LEV at 3:2, RDP, and nWRP of 12 sectors at 8. */
static void the_f405_is_as_its_manual_says(void **state)
{
	(void)state;
	static const char *const names[] = { "stm32-rom", "stm32-custom" };
	for (size_t i = 0; i < 2; i++) {
		uint8_t bytes[16] = { 0xef, 0xaa, 0x10, 0x55, 0, 0, 0, 0, 0xff, 0xff };
		load(names[i]);
		const struct option_bytes *options = &family.options;
		assert_true(options->known);
		assert_int_equal(options->alt, 1);
		assert_true(options->addr == 0x1fffc000 && options->size == 16);
		assert_int_equal(value("bor-level", bytes), 3);
		assert_int_equal(option_limit(option_field(options, "bor-level")), 3);
		assert_int_equal(value("user", bytes), 0xef);
		assert_int_equal(value("rdp", bytes), 0xaa);
		assert_int_equal(value("nwrp", bytes), 0xfff);
		assert_null(option_field(options, "no-such"));
		bytes[0] = 0xe7;
		assert_int_equal(value("bor-level", bytes), 1);
		for (unsigned rdp = 0; rdp < 256; rdp++) {
			bytes[1] = (uint8_t)rdp;
			assert_int_equal(option_read_level(options, bytes),
				rdp == 0xaa ? 0 : rdp == 0xcc ? 2 : 1);
		}
		bytes[8] = 0xef;
		bytes[9] = 0xf7;
		for (uint32_t sector = 0; sector < 64; sector++)
			assert_int_equal(option_is_protected(options, bytes, sector), sector == 4 || sector == 11);
		assert_true(family.leave.has_address && family.leave.addr == 0x08000000);
		assert_true(family.quirks & QUIRK_EARLY_POLL);
		assert_false(family_region(&family, "option-bytes")->writable);
		assert_false(family_region(&family, "otp")->writable);
	}
}

static void sectors_are_numbered_as_the_string_has_them(void **state)
{
	(void)state;
	static const struct {
		uint32_t addr, index;
	} rows[] = { { 0x08000000, 0 }, { 0x0800ffff, 3 }, { 0x08010000, 4 }, { 0x0801ffff, 4 },
		{ 0x08020000, 5 }, { 0x080fffff, 11 } };
	struct layout_sector sector;
	load("stm32-rom");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(layout_sector_at(&family_alt(&family, 0)->layout, rows[i].addr, &sector));
		assert_int_equal(sector.index, rows[i].index);
	}
}

static void other_families_have_none(void **state)
{
	(void)state;
	static const char *const names[] = { "core", "photon", "p1" };
	uint8_t bytes[16] = { 0 };
	for (size_t i = 0; i < 3; i++) {
		load(names[i]);
		assert_false(family.options.known || family.leave.has_address);
		assert_int_equal(option_read_level(&family.options, bytes), 0);
		assert_false(option_is_protected(&family.options, bytes, 0));
	}
}

/* The shipped profile with one text replaced. */
static bool load_changed(const char *from, const char *to, struct err *err)
{
	char path[] = "/tmp/option-bytes-XXXXXX", text[16384];
	FILE *shipped = fopen(SOURCE_DIR "/config/families/stm32-rom.cfg", "r");
	assert_non_null(shipped);
	text[fread(text, 1, sizeof text - 1, shipped)] = 0;
	fclose(shipped);
	char *at = strstr(text, from);
	if (!at)
		fail_msg("%s does not stand there", from);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	close(fd);
	bool ok = family_load(path, &family, err);
	unlink(path);
	return ok;
}

static void mistakes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *text;
	} rows[] = {
		{ "offset = 8; size = 2;", "offset = 15; size = 2;", "not inside the 16 option bytes" },
		{ "offset = 8; size = 2;", "offset = 8; size = 3;", "must be 1, 2 or 4" },
		{ "mask = 0x0c;", "mask = 0;", "mask" },
		{ "mask = 0x0c;", "mask = 0x100;", "mask" },
		{ "name = \"rdp\"; ", "name = \"user\"; ", "two fields \"user\"" },
		{ "name = \"rdp\"; ", "name = \"Rdp\"; ", "lower-case" },
		{ "field = \"rdp\"", "field = \"no-such\"", "there is no field \"no-such\"" },
		{ "level_0 = 0xaa; ", "", "level_0" },
		{ "field = \"nwrp\"; alt = 0;", "field = \"nwrp\"; alt = 7;", "no alternate setting 7" },
		{ "size = 16;\n		fields", "size = 17;\n		fields",
			"not all inside the sectors of alt 1" },
		{ "leave : { alt = 0; address = 0x08000000; }", "leave : { alt = 0; address = 0x08100000; }",
			"not all inside the sectors of alt 0" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = { 0 };
		if (load_changed(rows[i].from, rows[i].to, &err) || err.reason != REASON_INPUT ||
			!strstr(err.text, rows[i].text))
			fail_msg("%s: \"%s\"", rows[i].text, err.text);
	}
	struct err err = { 0 };
	if (!load_changed("leave", "leave", &err))
		fail_msg("%s", err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_f405_is_as_its_manual_says),
		cmocka_unit_test(sectors_are_numbered_as_the_string_has_them),
		cmocka_unit_test(other_families_have_none),
		cmocka_unit_test(mistakes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
