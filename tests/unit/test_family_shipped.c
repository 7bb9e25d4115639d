/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config keys base */
/* The shipped profiles, against what their sources say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "family.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct family family;

static void load_shipped(const char *name)
{
	struct err err = { 0 };
	if (!family_find(name, "", "", &family, &err))
		fail_msg("%s", err.text);
}

struct expected_region {
	const char *name;
	uint8_t alt;
	uint32_t addr, size;
	bool writable;
	int function, index; /* -1: none, any */
	bool system_part;
	const char *linked_for;
};

static void assert_regions(const struct expected_region *expected, size_t count)
{
	assert_int_equal(family.region_count, count);
	for (size_t i = 0; i < count; i++) {
		const struct family_region *region = family_region(&family, expected[i].name);
		assert_non_null(region);
		assert_int_equal(region->alt, expected[i].alt);
		assert_int_equal(region->addr, expected[i].addr);
		assert_int_equal(region->size, expected[i].size);
		assert_int_equal(region->writable, expected[i].writable);
		assert_int_equal(region->module, expected[i].function >= 0);
		if (region->module)
			assert_int_equal(region->function, expected[i].function);
		assert_int_equal(region->index, expected[i].index);
		assert_int_equal(region->system_part, expected[i].system_part);
		assert_string_equal(region->linked_for, expected[i].linked_for);
	}
}

static void assert_slot(
	const char *name, uint8_t alt, uint32_t addr, struct keyslot format, bool modify)
{
	const struct family_key_slot *slot = family_key_slot(&family, name);
	assert_non_null(slot);
	assert_int_equal(slot->alt, alt);
	assert_int_equal(slot->addr, addr);
	assert_int_equal(slot->format.role, format.role);
	assert_int_equal(slot->format.algorithm, format.algorithm);
	assert_int_equal(slot->format.size, format.size);
	assert_int_equal(slot->format.padding, 0xff);
	assert_int_equal(slot->format.address_offset, format.address_offset);
	assert_int_equal(slot->format.default_port, format.default_port);
	assert_int_equal(slot->read_modify_write, modify);
}

/* Each sector of each alternate setting of NOR lies in a region. */
static void assert_every_sector_named(void)
{
	for (size_t i = 0; i < family.alt_count; i++) {
		const struct layout *layout = &family.alts[i].layout;
		for (size_t k = 0; k < layout->count && family.alts[i].memory == MEMORY_NOR; k++)
			for (uint32_t n = 0; n < layout->segments[k].count; n++) {
				uint32_t addr = layout->segments[k].addr +
						n * layout->segments[k].sector_size;
				bool named = false;
				for (size_t r = 0; r < family.region_count; r++)
					named = named ||
						(family.regions[r].alt == family.alts[i].alt &&
							addr - family.regions[r].addr <
								family.regions[r].size);
				if (!named)
					fail_msg("no region holds 0x%08x of alt %u", addr,
						family.alts[i].alt);
			}
	}
}

static void core_is_as_its_sources_say(void **state)
{
	(void)state;
	load_shipped("core");
	assert_int_equal(family.dfu.vendor_id, 0x1d50);
	assert_int_equal(family.dfu.product_id, 0x607f);
	assert_int_equal(family.cdc.vendor_id, 0x1d50);
	assert_int_equal(family.cdc.product_id, 0x607d);
	assert_int_equal(family.transfer_size_max, 1024);
	assert_true(family.identity.serial_is_id && family.identity.serial12_folds);
	assert_false(family.identity.has_copy || family.identity.slot_is_enough);
	assert_int_equal(family.alt_count, 2);
	assert_string_equal(family_alt(&family, 0)->layout_text,
		"@Internal Flash  /0x08000000/20*001Ka,108*001Kg");
	assert_string_equal(
		family_alt(&family, 1)->layout_text, "@SPI Flash : SST25x/0x00000000/512*04Kg");
	assert_int_equal(family_alt(&family, 1)->access_start, 0);
	assert_int_equal(family_alt(&family, 1)->access_end, 0x200000);
	static const struct expected_region regions[] = {
		{ "bootloader", 0, 0x08000000, 19 * 1024, false, -1, -1, false, "" },
		{ "system-flags", 0, 0x08004c00, 1024, false, -1, -1, false, "" },
		{ "user", 0, 0x08005000, 108 * 1024, true, 3, -1, false, "" },
		{ "spi-reserved", 1, 0, 0x1000, false, -1, -1, false, "" },
		{ "server-key-sector", 1, 0x1000, 0x1000, false, -1, -1, false, "" },
		{ "device-key-sector", 1, 0x2000, 0x1000, false, -1, -1, false, "" },
		{ "spi-unassigned", 1, 0x3000, 0x1d000, false, -1, -1, false, "" },
		{ "factory", 1, 0x20000, 128 * 1024, true, 3, -1, false, "user" },
		{ "backup", 1, 0x40000, 128 * 1024, true, 3, -1, false, "user" },
		{ "ota", 1, 0x60000, 128 * 1024, true, 3, -1, false, "user" },
		{ "spi-user", 1, 0x80000, 0x180000, true, -1, -1, false, "" },
	};
	assert_regions(regions, ARRAY_LEN(regions));
	assert_every_sector_named();
	assert_int_equal(family.key_slot_count, 2);
	assert_slot("server-rsa", 1, 0x1000,
		(struct keyslot){ KEY_ROLE_SERVER, KEY_RSA_2048, 2048, 0xff, 384, 5683 }, true);
	assert_slot("device-rsa", 1, 0x2000,
		(struct keyslot){ KEY_ROLE_DEVICE, KEY_RSA_1024, 1024, 0xff, 0, 0 }, true);
	assert_int_equal(family.images.platform_id, 0);
	assert_true(family.images.header_always);
	assert_int_equal(family.images.header_with_vectors, 0x10c);
	assert_int_equal(family.images.header_without, 0x10c);
	assert_true(family.reentry.line_coding);
	assert_int_equal(family.reentry.line_coding_baud, 14400);
	assert_false(family.reentry.vendor_request);
	assert_int_equal(family.volatile_count, 1);
	assert_int_equal(family.volatiles[0].addr, 0x08004c00);
	assert_int_equal(family.quirks, 0);
}

static void photon_is_as_its_sources_say(void **state)
{
	(void)state;
	load_shipped("photon");
	assert_int_equal(family.dfu.vendor_id, 0x2b04);
	assert_int_equal(family.dfu.product_id, 0xd006);
	assert_int_equal(family.cdc.vendor_id, 0x2b04);
	assert_int_equal(family.cdc.product_id, 0xc006);
	assert_int_equal(family.transfer_size_max, 4096);
	assert_true(family.identity.serial_is_id && family.identity.has_copy);
	assert_false(family.identity.serial12_folds || family.identity.slot_is_enough);
	assert_int_equal(family.identity.copy_alt, 1);
	assert_int_equal(family.identity.copy_addr, 3618);
	const struct family_alt *flash = family_alt(&family, 0), *dct = family_alt(&family, 1);
	assert_string_equal(flash->layout_text,
		"@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg");
	assert_int_equal(flash->memory, MEMORY_NOR);
	assert_int_equal(flash->erase_timeout_ms, 10000);
	assert_string_equal(dct->layout_text, "@DCT Flash   /0x00000000/01*016Kg");
	assert_int_equal(dct->memory, MEMORY_RECORD);
	assert_int_equal(dct->access_start, 0);
	assert_int_equal(dct->access_end, 8391);
	assert_int_equal(dct->write_timeout_ms, 5000);
	static const struct expected_region regions[] = {
		{ "bootloader", 0, 0x08000000, 16 * 1024, false, 2, -1, false, "" },
		{ "dct1", 0, 0x08004000, 16 * 1024, false, -1, -1, false, "" },
		{ "dct2", 0, 0x08008000, 16 * 1024, false, -1, -1, false, "" },
		{ "eeprom1", 0, 0x0800c000, 16 * 1024, false, -1, -1, false, "" },
		{ "eeprom2", 0, 0x08010000, 64 * 1024, false, -1, -1, false, "" },
		{ "system-part1", 0, 0x08020000, 256 * 1024, true, 4, 1, true, "" },
		{ "system-part2", 0, 0x08060000, 256 * 1024, true, 4, 2, true, "" },
		{ "user", 0, 0x080a0000, 128 * 1024, true, 5, 1, false, "" },
		{ "ota", 0, 0x080c0000, 256 * 1024, true, 2, -1, false, "bootloader" },
		{ "factory", 0, 0x080e0000, 128 * 1024, true, 5, 1, false, "user" },
	};
	assert_regions(regions, ARRAY_LEN(regions));
	assert_every_sector_named();
	assert_int_equal(family.key_slot_count, 4);
	assert_slot("device-rsa", 1, 34,
		(struct keyslot){ KEY_ROLE_DEVICE, KEY_RSA_1024, 612, 0xff, 0, 0 }, false);
	assert_slot("server-rsa", 1, 2082,
		(struct keyslot){ KEY_ROLE_SERVER, KEY_RSA_2048, 512, 0xff, 384, 5683 }, false);
	assert_slot("device-ec", 1, 3106,
		(struct keyslot){ KEY_ROLE_DEVICE, KEY_P256, 192, 0xff, 0, 0 }, false);
	assert_slot("server-ec", 1, 3298,
		(struct keyslot){ KEY_ROLE_SERVER, KEY_P256, 320, 0xff, 192, 5684 }, false);
	assert_int_equal(family.images.platform_id, 6);
	assert_false(family.images.header_always);
	assert_int_equal(family.images.vector_mask, 0x2ff10000);
	assert_int_equal(family.images.vector_value, 0x20000000);
	assert_int_equal(family.images.header_with_vectors, 0x184);
	assert_int_equal(family.images.header_without, 0);
	assert_int_equal(family.reentry.line_coding_baud, 14400);
	assert_int_equal(family.reentry.vendor_request_type, 50);
	assert_int_equal(family.quirks, QUIRK_EARLY_POLL | QUIRK_ZERO_MEANS_INVALID);
	assert_int_equal(family.volatile_count, 12);
}

static void the_p1_is_a_photon_with_another_id_and_a_serial_flash(void **state)
{
	(void)state;
	static struct family photon;
	load_shipped("photon");
	photon = family;
	load_shipped("p1");
	assert_int_equal(family.dfu.product_id, 0xd008);
	assert_int_equal(family.cdc.product_id, 0xc008);
	assert_int_equal(family.images.platform_id, 8);
	assert_int_equal(photon.images.platform_id, 6);
	assert_int_equal(family.alt_count, 3);
	assert_string_equal(family_alt(&family, 2)->layout_text,
		"@Serial Flash   /0x00000000/256*004Kg");
	assert_true(family_alt(&family, 2)->optional);
	assert_false(family_alt(&family, 0)->optional || family_alt(&family, 1)->optional);
	assert_every_sector_named();
	assert_int_equal(family.region_count, photon.region_count + 1);
	for (size_t i = 0; i < photon.region_count; i++)
		assert_memory_equal(&family.regions[i], &photon.regions[i], sizeof *family.regions);
	assert_int_equal(family.key_slot_count, photon.key_slot_count);
	assert_memory_equal(family.key_slots, photon.key_slots, sizeof family.key_slots);
	assert_memory_equal(family.volatiles, photon.volatiles, sizeof family.volatiles);
	const struct family_staging *staged = &family_region(&family, "bootloader")->staged;
	assert_true(staged->possible);
	assert_string_equal(staged->area, "ota");
	assert_string_equal(staged->applied_by, "system-part2");
	assert_int_equal(staged->min_version, 1213);
	assert_int_equal(staged->flag_alt, 1);
	assert_int_equal(staged->flag_addr, 1753);
	assert_int_equal(staged->flag_value, 0xa5);
	assert_int_equal(staged->flag_idle, 0xff);
}

static void the_electron_is_a_photon_with_three_parts(void **state)
{
	(void)state;
	static struct family photon;
	load_shipped("photon");
	photon = family;
	load_shipped("electron");
	assert_int_equal(family.dfu.product_id, 0xd00a);
	assert_int_equal(family.cdc.product_id, 0xc00a);
	assert_int_equal(family.images.platform_id, 10);
	assert_int_equal(family.quirks, QUIRK_EARLY_POLL);
	assert_memory_equal(family.alts, photon.alts, sizeof family.alts);
	for (size_t i = 1; i < 5; i++)
		assert_memory_equal(&family.regions[i], &photon.regions[i], sizeof *family.regions);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(&family.key_slots[i], &photon.key_slots[(i + 2) % 4], sizeof *family.key_slots);
	assert_string_equal(family_region(&family, "bootloader")->staged.applied_by, "system-part1");
	static const struct expected_region regions[] = {
		{ "system-part1", 0, 0x08020000, 128 * 1024, true, 4, 1, true, "" },
		{ "system-part2", 0, 0x08040000, 128 * 1024, true, 4, 2, true, "" },
		{ "system-part3", 0, 0x08060000, 128 * 1024, true, 4, 3, true, "" },
		{ "user", 0, 0x08080000, 128 * 1024, true, 5, 1, false, "" },
		{ "factory", 0, 0x080a0000, 128 * 1024, true, 5, 1, false, "user" },
		{ "ota", 0, 0x080c0000, 128 * 1024, true, 2, -1, false, "bootloader" },
		{ "unused", 0, 0x080e0000, 128 * 1024, true, -1, -1, false, "" },
		{ "cloud-transport", 1, 2977, 1, true, -1, -1, false, "" },
	};
	family.region_count -= 5;
	memmove(family.regions, family.regions + 5, family.region_count * sizeof *family.regions);
	assert_regions(regions, ARRAY_LEN(regions));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_is_as_its_sources_say),
		cmocka_unit_test(photon_is_as_its_sources_say),
		cmocka_unit_test(the_p1_is_a_photon_with_another_id_and_a_serial_flash),
		cmocka_unit_test(the_electron_is_a_photon_with_three_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
