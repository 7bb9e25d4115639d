/* SPDX-License-Identifier: Apache-2.0 */
/* USES: flash dfu jobs config keys virtual usb base */
/* The station's DFU against an STM32's ROM: what is announced and what is waited for, refusals by their reason, key
 * slots in internal flash, and the leave. The judge is the unit's memory file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flash.h"
#include "vbus.h"
#include "vunit_bench.h"

enum { IMAGE_LEN = 20 * 2048, FLASH = 0x08000000 };

/* Counts what is waited for; everything else is the unit's. */
struct counting {
	struct usb_dev dev;
	struct usb_dev *inner;
	uint64_t paused_ms;
};

struct rig {
	struct bench bench; /* the folder; the bus has the unit */
	struct vbus *vbus;
	struct family family;
	struct counting counting;
	struct dfu dfu;
	uint32_t sector_len; /* at the start of its flash */
	uint8_t image[IMAGE_LEN];
};

static struct usb_dev *inner(struct usb_dev *dev)
{
	return ((struct counting *)dev)->inner;
}

static bool control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len, uint32_t timeout_ms,
	const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	return inner(dev)->ops->control(inner(dev), setup, data, len, timeout_ms, cancel, ret_len, err);
}

static bool claim(struct usb_dev *dev, uint8_t interface, struct err *err)
{
	return inner(dev)->ops->claim(inner(dev), interface, err);
}

static bool set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	return inner(dev)->ops->set_interface(inner(dev), interface, alternate, timeout_ms, cancel, err);
}

static bool count_pause(struct usb_dev *dev, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	((struct counting *)dev)->paused_ms += ms;
	return inner(dev)->ops->pause(inner(dev), ms, cancel, err);
}

static void close_inner(struct usb_dev *dev)
{
	inner(dev)->ops->close(inner(dev));
}

static const struct usb_dev_ops counting_ops = { .control = control,
	.claim = claim,
	.set_interface = set_interface,
	.pause = count_pause,
	.close = close_inner };

static void open_bus(struct rig *rig)
{
	struct usb_bus *bus = vbus_bus(rig->vbus);
	struct usb_ident idents[4];
	uint64_t change;
	size_t count = 0;
	struct err err;
	for (int i = 0; i < 100 && !count; i++) {
		assert_true(bus->ops->list(bus, idents, 4, &count, &change, &err));
		if (!count)
			assert_true(bus->ops->wait(bus, change, 100, NULL, &err));
	}
	assert_int_equal(count, 1);
	assert_int_equal(idents[0].vendor_id, 0x0483);
	assert_true(bus->ops->open(bus, &idents[0], NULL, &rig->counting.inner, &err));
}

/* In a session with a fresh unit. */
static struct rig *rig_new(enum vunit_bootloader bootloader, bool early)
{
	struct vunit_spec spec = bench_specs[bootloader];
	struct rig *rig = calloc(1, sizeof *rig);
	struct err err;
	assert_non_null(rig);
	if (!family_load(SOURCE_DIR "/config/families/stm32-custom.cfg", &rig->family, &err))
		fail_msg("%s", err.text);
	if (!early)
		rig->family.quirks = 0;
	spec.chip.cdc_vendor = rig->family.cdc.vendor_id;
	spec.chip.cdc_product = rig->family.cdc.product_id;
	rig->bench = bench_with(&spec);
	bool pages = strstr(vunit_spec(rig->bench.unit)->chip.layouts[0], "0002K");
	rig->sector_len = pages ? 2048 : 0x4000;
	assert_true(vbus_new(0, &rig->vbus, &err));
	struct vunit *unit = rig->bench.unit;
	rig->bench.unit = NULL;
	assert_true(vbus_plug(rig->vbus, "1-1", unit, true, &err));
	open_bus(rig);
	rig->counting.dev.ops = &counting_ops;
	if (!dfu_open(&rig->dfu, &rig->counting.dev, &rig->family, NULL, &err))
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < IMAGE_LEN; i++)
		rig->image[i] = (uint8_t)(i * 31 + i / 256 + 1);
	return rig;
}

static void rig_done(struct rig *rig)
{
	dfu_close(&rig->dfu);
	vbus_bus(rig->vbus)->ops->close(vbus_bus(rig->vbus));
	bench_done(&rig->bench);
	free(rig);
}

static bool make(struct rig *rig, struct err *err)
{
	for (uint32_t at = 0; at < IMAGE_LEN; at += rig->sector_len) {
		struct plan_sector sector = { .alt = 0, .addr = FLASH + at, .size = rig->sector_len };
		if (!flash_erase(&rig->dfu, &sector, err))
			return false;
	}
	return flash_write(&rig->dfu, 0, FLASH, rig->image, IMAGE_LEN, NULL, err) &&
	       flash_verify(&rig->dfu, 0, FLASH, rig->image, IMAGE_LEN, NULL, NULL, err);
}

static void assert_image(struct rig *rig)
{
	uint8_t found[IMAGE_LEN];
	bench_file(&rig->bench, "alt0.bin", 0, found, IMAGE_LEN);
	assert_memory_equal(found, rig->image, IMAGE_LEN);
}

static void set_option(const struct rig *rig, long offset, uint8_t byte)
{
	char path[128];
	snprintf(path, sizeof path, "%s/alt1.bin", rig->bench.folder);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_equal(fputc(byte, file), byte);
	fclose(file);
}

static void every_rom_takes_an_image(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VUNIT_BOOTLOADER_COUNT; i++)
		for (int early = 0; bench_is_rom(i) && early < 2; early++) {
			struct rig *rig = rig_new((enum vunit_bootloader)i, early);
			struct err err;
			if (!make(rig, &err))
				fail_msg("ROM %u, early %d: %s", i, early, err.text);
			assert_image(rig);
			rig_done(rig);
		}
}

/* 20 blocks with 104 ms announced, and 5 commands (3 erases, and addresses for them, the write and the readback) with
 * 100 ms: that is waited for, or nothing is, where the ROM holds the early question. */
static void announced_times_are_waited_for_or_not(void **state)
{
	(void)state;
	struct err err;
	struct rig *rig = rig_new(VUNIT_ROM_F4, false);
	assert_true(make(rig, &err));
	uint64_t announced_ms = rig->counting.paused_ms;
	assert_in_range(announced_ms, 20 * 104 + 5 * 100, 20 * 104 + 8 * 100);
	uint32_t transfers = rig->dfu.counters.transfers;
	rig_done(rig);

	rig = rig_new(VUNIT_ROM_F4, true);
	assert_true(make(rig, &err));
	assert_int_equal(rig->counting.paused_ms, 0);
	assert_int_equal(rig->dfu.counters.early_polls_refused, 0);
	assert_int_equal(rig->dfu.counters.transfers, transfers);
	assert_image(rig);
	rig_done(rig);
}

/* An L4 under a profile that says early-poll although it stalls: each kind of operation is asked early once. */
static void a_stalled_early_question_is_no_success_and_not_repeated(void **state)
{
	(void)state;
	struct err err;
	struct rig *rig = rig_new(VUNIT_ROM_L4, true);
	assert_true(make(rig, &err));
	assert_image(rig);
	assert_in_range(rig->dfu.counters.early_polls_refused, 1, 3);
	rig_done(rig);
}

static void a_read_protected_unit_is_told_by_its_status(void **state)
{
	(void)state;
	uint8_t bytes[16], found;
	struct err err;
	struct plan_sector sector = { .alt = 0, .addr = FLASH, .size = 0x4000 };
	struct rig *rig = rig_new(VUNIT_ROM_F4, true);
	set_option(rig, 1, 0x55);
	assert_false(flash_erase(&rig->dfu, &sector, &err));
	assert_int_equal(err.reason, REASON_READ_PROTECTED);
	assert_true(dfu_recover(&rig->dfu, &err));
	for (uint8_t alt = 0; alt < 2; alt++) {
		assert_false(flash_read(&rig->dfu, alt, alt ? 0x1fffc000 : FLASH, bytes, 16, NULL, &err));
		assert_int_equal(err.reason, REASON_READ_PROTECTED);
		assert_true(dfu_recover(&rig->dfu, &err));
	}
	assert_false(flash_write(&rig->dfu, 0, FLASH, rig->image, 2048, NULL, &err));
	assert_int_equal(err.reason, REASON_READ_PROTECTED);
	bench_file(&rig->bench, "alt0.bin", 0, &found, 1);
	assert_int_equal(found, 0xff);
	rig_done(rig);
}

static void a_write_protected_sector_is_found_by_reading_back(void **state)
{
	(void)state;
	struct err err;
	struct rig *rig = rig_new(VUNIT_ROM_F4, true);
	set_option(rig, 8, 0xfd); /* sector 1 */
	assert_false(make(rig, &err));
	assert_int_equal(err.reason, REASON_FLASH_BAD);
	assert_non_null(strstr(err.text, "0x08004000"));
	rig_done(rig);
}

/* The sector of the key slots holds other things too. */
static void key_slots_leave_their_neighbours_alone(void **state)
{
	(void)state;
	struct err err;
	uint8_t before[0x4000], after[0x4000], bytes[KEYSLOT_MAX];
	struct plan_sector sector = { .alt = 0, .addr = FLASH + 0x8000, .size = 0x4000 };
	struct rig *rig = rig_new(VUNIT_ROM_F4, true);
	assert_true(flash_erase(&rig->dfu, &sector, &err));
	assert_true(flash_write(&rig->dfu, 0, FLASH + 0x8000, rig->image, 0x4000, NULL, &err));
	bench_file(&rig->bench, "alt0.bin", 0x8000, before, sizeof before);
	memset(bytes, 0x5a, sizeof bytes);
	static const char *const names[] = { "device-ec", "server-ec" };
	for (size_t i = 0; i < 2; i++) {
		const struct family_key_slot *slot = family_key_slot(&rig->family, names[i]);
		if (!flash_write_slot(&rig->dfu, slot, bytes, &err))
			fail_msg("%s", err.text);
		memset(before + (slot->addr - (FLASH + 0x8000)), 0x5a, slot->format.size);
	}
	bench_file(&rig->bench, "alt0.bin", 0x8000, after, sizeof after);
	assert_memory_equal(before, after, sizeof before);
	rig_done(rig);
}

static enum vunit_mode leave_and_look(enum vunit_bootloader bootloader, bool told)
{
	struct err err;
	struct rig *rig = rig_new(bootloader, true);
	rig->family.leave.has_address = told;
	bytes_put_le32(rig->image, 0x20020000);
	bytes_put_le32(rig->image + 4, FLASH + 0x201);
	assert_true(make(rig, &err));
	/* Something else was read last: the pointer is there. */
	uint8_t found[16];
	assert_true(flash_read(&rig->dfu, 0, FLASH + 0x8000, found, 16, NULL, &err));
	if (!dfu_leave(&rig->dfu, &err) && told)
		fail_msg("%s", err.text);
	dfu_close(&rig->dfu);
	struct usb_bus *bus = vbus_bus(rig->vbus);
	struct usb_ident ident = { 0 };
	uint64_t change;
	size_t count;
	for (int i = 0; i < 40 && ident.vendor_id != 0x1209; i++) {
		assert_true(bus->ops->list(bus, &ident, 1, &count, &change, &err));
		if (ident.vendor_id != 0x1209)
			assert_true(bus->ops->wait(bus, change, 5, NULL, &err));
	}
	enum vunit_mode mode = ident.vendor_id == 0x1209 ? VUNIT_CDC : VUNIT_DFU;
	rig_done(rig);
	return mode;
}

static void the_program_starts_where_the_profile_says(void **state)
{
	(void)state;
	assert_int_equal(leave_and_look(VUNIT_ROM_F4, true), VUNIT_CDC);
	assert_int_not_equal(leave_and_look(VUNIT_ROM_F4, false), VUNIT_CDC);
}

static void the_settings_are_those_of_the_profile(void **state)
{
	(void)state;
	struct err err;
	struct rig *rig = rig_new(VUNIT_ROM_F4, true);
	assert_int_equal(rig->dfu.alt_count, 4);
	assert_int_equal(rig->dfu.transfer_size, 2048);
	if (!dfu_check_layout(&rig->dfu, &err))
		fail_msg("%s", err.text);
	uint8_t bytes[16];
	assert_true(flash_read(&rig->dfu, 1, 0x1fffc000, bytes, 16, NULL, &err));
	assert_int_equal(bytes[1], 0xaa);
	rig_done(rig);
	rig = rig_new(VUNIT_ROM_C5, true); /* one setting, blocks of 1024 */
	assert_int_equal(rig->dfu.transfer_size, 1024);
	assert_false(dfu_check_layout(&rig->dfu, &err));
	assert_int_equal(err.reason, REASON_LAYOUT);
	rig_done(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_settings_are_those_of_the_profile),
		cmocka_unit_test(every_rom_takes_an_image),
		cmocka_unit_test(announced_times_are_waited_for_or_not),
		cmocka_unit_test(a_stalled_early_question_is_no_success_and_not_repeated),
		cmocka_unit_test(a_read_protected_unit_is_told_by_its_status),
		cmocka_unit_test(a_write_protected_sector_is_found_by_reading_back),
		cmocka_unit_test(key_slots_leave_their_neighbours_alone),
		cmocka_unit_test(the_program_starts_where_the_profile_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
