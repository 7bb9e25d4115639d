/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config keys base */
/* Settings of a family: the shipped profiles, and mistakes in them. */
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

static void load_shipped(const char *name)
{
	struct err err;
	if (!family_find(name, "", "", &family, &err))
		fail_msg("%s", err.text);
}

static void assert_setting(const char *name, enum setting_role role, uint8_t alt, uint32_t addr,
	uint32_t size, uint32_t value)
{
	for (size_t i = 0; i < family.settings.count; i++) {
		const struct setting *setting = &family.settings.list[i];
		if (strcmp(setting->name, name) != 0)
			continue;
		assert_int_equal(setting->role, role);
		assert_int_equal(setting->alt, alt);
		assert_int_equal(setting->addr, addr);
		assert_int_equal(setting->size, size);
		assert_int_equal(setting->value, value);
		assert_int_equal(setting->idle, 0xff);
		assert_true(setting->text[0]);
		return;
	}
	fail_msg("there is no setting %s", name);
}

static void shipped_settings_are_as_the_sources_say(void **state)
{
	(void)state;
	load_shipped("core");
	assert_int_equal(family.settings.count, 1);
	assert_setting("spi-user", SETTING_CUSTOMER, 1, 0x80000, 0x180000, 0);
	assert_int_equal(family.settings.hidden_count, 1);
	assert_non_null(strstr(family.settings.hidden[0], "credentials"));
	load_shipped("photon");
	assert_int_equal(family.settings.count, 5);
	assert_setting("claimed", SETTING_CLAIMED, 1, 1825, 1, '1');
	assert_setting("claim-code", SETTING_CUSTOMER, 1, 1762, 63, 0);
	assert_setting("bootloader-waits", SETTING_FLAG, 1, 1753, 1, 0xa5);
	assert_setting("eeprom1", SETTING_CUSTOMER, 0, 0x0800c000, 0x4000, 0);
	assert_setting("eeprom2", SETTING_CUSTOMER, 0, 0x08010000, 0x10000, 0);
	load_shipped("p1");
	assert_int_equal(family.settings.count, 6);
	assert_setting("serial-flash", SETTING_CUSTOMER, 2, 0, 0x100000, 0);
}

/* The Core's profile with one text replaced is refused with these words. */
static void assert_refused(const char *find, const char *replace, const char *says)
{
	static char text[65536];
	char path[] = "/tmp/test-settings-XXXXXX";
	struct err err = { 0 };
	FILE *in = fopen(SOURCE_DIR "/config/families/core.cfg", "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof text - 1, in)] = 0;
	fclose(in);
	const char *at = strstr(text, find);
	assert_non_null(at);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *out = fdopen(fd, "w");
	assert_non_null(out);
	fprintf(out, "%.*s%s%s", (int)(at - text), text, replace, at + strlen(find));
	fclose(out);
	bool loaded = family_load(path, &family, &err);
	unlink(path);
	assert_false(loaded);
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, says))
		fail_msg("it says: %s", err.text);
}

static void mistakes_are_refused(void **state)
{
	(void)state;
	assert_refused("role = \"customer\"", "role = \"owner\"",
		"must be one of: claimed, flag, customer");
	assert_refused(
		"role = \"customer\"", "role = \"flag\"", "family.settings[0].size: is 1572864");
	assert_refused("address = 0x80000; size = 0x180000;\n",
		"address = 0x80000; size = 0x180001;\n", "are not all inside the sectors of alt 1");
	assert_refused("name = \"spi-user\"; role", "name = \"spi user\"; role",
		"family.settings[0].name: must have lower-case");
	assert_refused("address = 0x80000; size = 0x180000;\n",
		"address = 0x80000; size = 0x180000; idle = 0;\n",
		"family.settings[0].idle: must be 0xff in NOR memory");
	assert_refused("hidden = (", "hiden = (", "family.hiden: unknown key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_settings_are_as_the_sources_say),
		cmocka_unit_test(mistakes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
