/* SPDX-License-Identifier: Apache-2.0 */
/* USES: flash dfu jobs config keys virtual usb base */
/* Whole operations on virtual units: images, key slots, and every way in which one transfer can go wrong. The judge
 * is the unit's memory file, not the station. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "flash.h"
#include "usb_fault.h"
#include "vbus.h"
#include "vunit_bench.h"

#define PORT "1-1"

enum { IMAGE_MAX = 3 * 4096, KEY_MAX = 1024, SECTORS = 3 };

/* What is done to a unit of a family. */
struct work {
	const char *family, *slot;
	uint32_t sectors[SECTORS], sector_size;
	size_t sector_count;
	uint32_t image_len;                       /* whole blocks */
	uint32_t file_image, file_key;            /* where they stand in alt0.bin and alt1.bin */
	uint32_t file_neighbours, neighbours_len; /* in alt1.bin, behind the key */
};

static const struct work core_work = { "core", "device-rsa", { 0x08005000, 0x08005400, 0x08005800 },
	1024, 3, 3 * 1024, 0x5000, 0x2000, 0x2400, 0xC00 };
static const struct work photon_work = { "photon", "device-rsa", { 0x080A0000 }, 0x20000, 1,
	IMAGE_MAX, 0xA0000, 34, 34 + 612, 100 };

static const struct work electron_work = { "electron", "device-ec", { 0x08080000 }, 0x20000, 1,
	IMAGE_MAX, 0x80000, 3106, 3106 + 192, 100 };

struct rig {
	const struct work *work;
	struct bench bench; /* the folder; the bus has the unit */
	struct vbus *vbus;
	struct usb_fault *fault;
	struct usb_bus *bus;
	struct family family;
	uint8_t image[IMAGE_MAX], key[KEY_MAX], neighbours[4096];
};

static void pull(void *context, const char *port)
{
	vbus_unplug(context, port);
}

static void plug(struct rig *rig)
{
	struct vunit *unit = rig->bench.unit;
	struct err err;
	rig->bench.unit = NULL;
	if (!unit)
		assert_true(vunit_open(rig->bench.folder, &unit, &err));
	assert_true(vbus_plug(rig->vbus, PORT, unit, true, &err));
}

static struct rig *rig_new(enum vunit_bootloader bootloader)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char path[256];
	struct err err;
	assert_non_null(rig);
	enum vunit_family kind = bench_specs[bootloader].family;
	rig->work = kind == VUNIT_CORE	     ? &core_work
		    : kind == VUNIT_ELECTRON ? &electron_work
					     : &photon_work;
	snprintf(path, sizeof(path), SOURCE_DIR "/config/families/%s.cfg", rig->work->family);
	if (!family_load(path, &rig->family, &err))
		fail_msg("%s", err.text);
	rig->bench = bench_with(&bench_specs[bootloader]);
	assert_true(vbus_new(0, &rig->vbus, &err));
	assert_true(usb_fault_new(vbus_bus(rig->vbus), &rig->fault, &err));
	rig->bus = usb_fault_bus(rig->fault);
	usb_fault_on_unplug(rig->fault, pull, rig->vbus);
	bench_file(&rig->bench, "alt1.bin", rig->work->file_neighbours, rig->neighbours,
		rig->work->neighbours_len);
	plug(rig);
	return rig;
}

static void rig_done(struct rig *rig)
{
	rig->bus->ops->close(rig->bus);
	bench_done(&rig->bench);
	free(rig);
}

/* Other bytes for each round, so that an earlier success proves nothing. */
static void new_contents(struct rig *rig, unsigned seed)
{
	for (uint32_t i = 0; i < rig->work->image_len; i++)
		rig->image[i] = (uint8_t)(i * 31 + i / 256 + seed * 57 + 1);
	for (uint32_t i = 0; i < KEY_MAX; i++)
		rig->key[i] = (uint8_t)(i * 13 + seed * 101 + 5);
}

static bool open_raw(struct rig *rig, struct usb_dev **ret, struct err *err)
{
	struct usb_ident idents[4];
	uint64_t change;
	size_t count = 0;
	for (int i = 0; i < 100 && !count; i++) {
		assert_true(rig->bus->ops->list(rig->bus, idents, 4, &count, &change, err));
		if (!count)
			assert_true(rig->bus->ops->wait(rig->bus, change, 100, NULL, err));
	}
	assert_int_equal(count, 1);
	return rig->bus->ops->open(rig->bus, &idents[0], NULL, ret, err);
}

static bool open_unit(struct rig *rig, struct dfu *dfu, struct err *err)
{
	struct usb_dev *dev;
	*dfu = (struct dfu){ 0 };
	return open_raw(rig, &dev, err) && dfu_open(dfu, dev, &rig->family, NULL, err) &&
	       dfu_check_layout(dfu, err);
}

static bool write_image(struct rig *rig, struct dfu *dfu, struct err *err)
{
	const struct work *work = rig->work;
	struct plan_region region = { .region = family_region(&rig->family, "user"),
		.addr = work->sectors[0],
		.bytes = rig->image,
		.len = work->image_len - 100,
		.write_len = work->image_len };
	for (size_t i = 0; i < work->sector_count; i++) {
		struct plan_sector sector = {
			.alt = 0, .addr = work->sectors[i], .size = work->sector_size
		};
		if (!flash_erase(dfu, &sector, err))
			return false;
	}
	return flash_write(
		dfu, region.region->alt, region.addr, region.bytes, region.write_len, NULL, err);
}

static bool write_key(struct rig *rig, struct dfu *dfu, struct flash_saved *saved, struct err *err)
{
	const struct family_key_slot *slot = family_key_slot(&rig->family, rig->work->slot);
	uint8_t found[KEY_MAX];
	if (!flash_write_slot_saving(dfu, slot, rig->key, saved, err) ||
		!flash_read(dfu, slot->alt, slot->addr, found, slot->format.size, NULL, err))
		return false;
	return memcmp(found, rig->key, slot->format.size) == 0 ||
	       err_set(err, REASON_KEY_MISMATCH, "the key differs");
}

/* As a step would: write, read all back, decide. */
static bool do_work(struct rig *rig, struct dfu *dfu, struct flash_saved *saved, struct err *err)
{
	return write_key(rig, dfu, saved, err) && write_image(rig, dfu, err) &&
	       flash_verify(dfu, 0, rig->work->sectors[0], rig->image, rig->work->image_len, NULL,
		       NULL, err);
}

static void assert_memory(const struct rig *rig)
{
	const struct work *work = rig->work;
	const struct family_key_slot *slot = family_key_slot(&rig->family, work->slot);
	uint8_t found[IMAGE_MAX];
	bench_file(&rig->bench, "alt0.bin", work->file_image, found, work->image_len);
	assert_memory_equal(found, rig->image, work->image_len);
	bench_file(&rig->bench, "alt1.bin", work->file_key, found, slot->format.size);
	assert_memory_equal(found, rig->key, slot->format.size);
	bench_file(&rig->bench, "alt1.bin", work->file_neighbours, found, work->neighbours_len);
	assert_memory_equal(found, rig->neighbours, work->neighbours_len);
}

static void every_bootloader_takes_image_and_key(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VUNIT_BOOTLOADER_COUNT; i++) {
		if (bench_is_rom(i)) /* test_dfu_rom.c */
			continue;
		struct rig *rig = rig_new((enum vunit_bootloader)i);
		struct flash_saved saved = { 0 };
		struct dfu dfu;
		struct err err;
		new_contents(rig, i);
		if (!open_unit(rig, &dfu, &err) || !do_work(rig, &dfu, &saved, &err))
			fail_msg("bootloader %u: %s", i, err.text);
		assert_memory(rig);
		assert_true(dfu_leave(&dfu, &err));
		dfu_close(&dfu);
		rig_done(rig);
	}
}

/* Sets one byte in the unit's memory behind everybody's back. */
static void damage(const struct rig *rig, uint32_t offset, uint8_t mask)
{
	char path[128];
	uint8_t byte;
	bench_file(&rig->bench, "alt0.bin", offset, &byte, 1);
	snprintf(path, sizeof(path), "%s/alt0.bin", rig->bench.folder);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	byte ^= mask;
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fwrite(&byte, 1, 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

/* Before 0.7.0 the bootloader announces 50 ms for what is over when it says so: the profile may allow not to wait. */
static void early_polls_are_not_refused_by_a_photon(void **state)
{
	struct rig *rig = rig_new(VUNIT_PHOTON_0_6_0);
	struct flash_saved saved = { 0 };
	struct dfu dfu;
	struct err err;
	(void)state;
	rig->family.quirks |= QUIRK_EARLY_POLL;
	new_contents(rig, 4);
	assert_true(open_unit(rig, &dfu, &err));
	if (!do_work(rig, &dfu, &saved, &err))
		fail_msg("%s", err.text);
	assert_int_equal(dfu.counters.early_polls_refused, 0);
	assert_memory(rig);
	/* A failure is still one: it is told by the status that starts the work. */
	struct plan_sector sector = { .alt = 0, .addr = 0x0800C000, .size = 0x4000 };
	assert_false(flash_erase(&dfu, &sector, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	dfu_close(&dfu);
	rig_done(rig);
}

static void a_flipped_bit_is_found_at_its_address(void **state)
{
	static const enum vunit_bootloader bootloaders[] = { VUNIT_CORE_1_4_4, VUNIT_PHOTON_1_4_4 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig *rig = rig_new(bootloaders[i]);
		struct flash_difference difference;
		struct dfu dfu;
		struct err err;
		new_contents(rig, 3);
		assert_true(open_unit(rig, &dfu, &err));
		assert_true(write_image(rig, &dfu, &err));
		damage(rig, rig->work->file_image + 2049, 0x10);
		assert_false(flash_verify(&dfu, 0, rig->work->sectors[0], rig->image,
			rig->work->image_len, NULL, &difference, &err));
		assert_int_equal(err.reason, REASON_FLASH_BAD);
		assert_int_equal(difference.addr, rig->work->sectors[0] + 2049);
		assert_int_equal(difference.count, 1);
		assert_int_equal(difference.found, rig->image[2049] ^ 0x10);
		dfu_close(&dfu);
		rig_done(rig);
	}
}

static void a_protected_sector_fails_loudly(void **state)
{
	struct rig *rig = rig_new(VUNIT_PHOTON_1_4_4);
	struct plan_sector sector = { .alt = 0, .addr = 0x0800C000, .size = 0x4000 };
	struct family_region place = { .name = "eeprom1", .alt = 0 };
	struct plan_region region = { .region = &place,
		.addr = 0x0800C000,
		.bytes = rig->image,
		.len = 4096,
		.write_len = 4096 };
	struct dfu dfu;
	struct err err;
	(void)state;
	new_contents(rig, 1);
	assert_true(open_unit(rig, &dfu, &err));
	assert_false(flash_erase(&dfu, &sector, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	assert_non_null(strstr(err.text, "alt 0: 0x0800c000: erase"));
	assert_true(dfu_recover(&dfu, &err));
	assert_false(flash_write(
		&dfu, region.region->alt, region.addr, region.bytes, region.write_len, NULL, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	assert_non_null(strstr(err.text, "alt 0: 0x0800c000: write"));
	assert_true(dfu_recover(&dfu, &err));
	assert_true(write_image(rig, &dfu, &err));
	dfu_close(&dfu);
	rig_done(rig);
}

static void an_erase_slower_than_its_deadline_fails_and_is_recovered(void **state)
{
	struct rig *rig = rig_new(VUNIT_PHOTON_1_4_4);
	struct flash_saved saved = { 0 };
	struct dfu dfu;
	struct err err;
	(void)state;
	new_contents(rig, 1);
	assert_true(open_unit(rig, &dfu, &err));
	rig->family.alts[0].erase_timeout_ms = 20;
	assert_false(write_image(rig, &dfu, &err));
	assert_int_equal(err.reason, REASON_USB_TIMEOUT);
	rig->family.alts[0].erase_timeout_ms = 10000;
	assert_true(dfu_recover(&dfu, &err));
	if (!do_work(rig, &dfu, &saved, &err))
		fail_msg("%s", err.text);
	assert_memory(rig);
	dfu_close(&dfu);
	rig_done(rig);
}

/* What a session of somebody else may have left, as the requests that lead there. */
static void leave_behind(struct usb_dev *dev, unsigned kind, const struct work *work)
{
	uint8_t erase[5] = { 0x41 }, bytes[6];
	uint16_t moved;
	struct err err;
	bytes_put_le32(erase + 1, work->sectors[0]);
	struct usb_setup clear = { 0x21, CLRSTATUS, 0, 0 }, abort_ = { 0x21, ABORT, 0, 0 },
			 dnload = { 0x21, DNLOAD, 0, 0 }, upload = { 0xA1, UPLOAD, 2, 0 },
			 lost = { 0xA1, UPLOAD, 1, 0 }, getstate = { 0xA1, GETSTATE, 0, 0 };
	assert_true(dev->ops->control(dev, getstate, bytes, 1, 1000, NULL, &moved, &err));
	if (bytes[0] == 10)
		assert_true(dev->ops->control(dev, clear, NULL, 0, 1000, NULL, &moved, &err));
	assert_true(dev->ops->control(dev, abort_, NULL, 0, 1000, NULL, &moved, &err));
	if (kind == 0) /* a pending erase: only a GET_STATUS is missing */
		assert_true(dev->ops->control(dev, dnload, erase, 5, 1000, NULL, &moved, &err));
	if (kind == 1)
		assert_true(dev->ops->control(dev, upload, bytes, 6, 1000, NULL, &moved, &err));
	if (kind == 2)
		assert_true(dev->ops->control(dev, clear, NULL, 0, 1000, NULL, &moved, &err));
	if (kind == 3) /* the unknown state 15 */
		assert_false(dev->ops->control(dev, lost, bytes, 6, 1000, NULL, &moved, &err));
	if (kind == 4)
		assert_true(dev->ops->control(dev, dnload, NULL, 0, 1000, NULL, &moved, &err));
}

static void opening_does_not_run_what_somebody_left(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VUNIT_BOOTLOADER_COUNT; i++) {
		if (bench_is_rom(i)) /* test_dfu_rom.c */
			continue;
		struct rig *rig = rig_new((enum vunit_bootloader)i);
		uint8_t before[1024], after[1024];
		struct usb_dev *dev;
		struct dfu dfu;
		struct err err;
		bench_file(&rig->bench, "alt0.bin", rig->work->file_image, before, sizeof(before));
		for (unsigned kind = 0; kind < 5; kind++) {
			assert_true(open_raw(rig, &dev, &err));
			assert_true(dev->ops->claim(dev, 0, &err));
			leave_behind(dev, kind, rig->work);
			dev->ops->close(dev);
			if (!open_unit(rig, &dfu, &err))
				fail_msg("bootloader %u, kind %u: %s", i, kind, err.text);
			dfu_close(&dfu);
		}
		bench_file(&rig->bench, "alt0.bin", rig->work->file_image, after, sizeof(after));
		assert_memory_equal(before, after, sizeof(before));
		rig_done(rig);
	}
}

/* One round: the fault hits, the work ends with a name or is truly done; then it is done again, without. */
static void round_with(struct rig *rig, const struct usb_fault_rule *rule, unsigned *failures)
{
	struct flash_saved saved = { 0 };
	struct dfu dfu;
	struct err err = { 0 };
	new_contents(rig, (unsigned)rule->at + 1000u * (unsigned)rule->kind);
	usb_fault_clear(rig->fault);
	assert_true(usb_fault_add(rig->fault, rule, &err));
	bool opened = open_unit(rig, &dfu, &err);
	if (!opened || !do_work(rig, &dfu, &saved, &err)) {
		(*failures)++;
		if (err.reason == REASON_NONE || err.reason == REASON_BUG || !err.text[0])
			fail_msg("kind %d at %u: no name: %s", (int)rule->kind, (unsigned)rule->at,
				err.text);
		bool again = opened && err.reason != REASON_USB_GONE;
		if (again && !dfu_recover(&dfu, &err))
			fail_msg(
				"kind %d at %u: %s", (int)rule->kind, (unsigned)rule->at, err.text);
		if (!again) {
			dfu_close(&dfu);
			if (err.reason == REASON_USB_GONE)
				plug(rig);
			if (!open_unit(rig, &dfu, &err))
				fail_msg("kind %d at %u: %s", (int)rule->kind, (unsigned)rule->at,
					err.text);
		}
		if (!do_work(rig, &dfu, &saved, &err))
			fail_msg(
				"kind %d at %u: %s", (int)rule->kind, (unsigned)rule->at, err.text);
	}
	assert_memory(rig);
	flash_saved_done(&saved);
	dfu_close(&dfu);
}

static uint64_t count_transfers(struct rig *rig)
{
	struct flash_saved saved = { 0 };
	struct dfu dfu;
	struct err err;
	new_contents(rig, 9);
	usb_fault_clear(rig->fault);
	assert_true(open_unit(rig, &dfu, &err));
	assert_true(do_work(rig, &dfu, &saved, &err));
	dfu_close(&dfu);
	return usb_fault_transfers(rig->fault, PORT);
}

static void sweep(enum vunit_bootloader bootloader, enum usb_fault_kind kind, enum reason reason,
	bool must_fail)
{
	struct rig *rig = rig_new(bootloader);
	/* A stalled early poll is taken for too early, and the announced time waited for: that is tried elsewhere. */
	rig->family.quirks &= ~(unsigned)QUIRK_EARLY_POLL;
	count_transfers(rig); /* a Core that was just powered up takes two more */
	uint64_t count = count_transfers(rig);
	unsigned failures = 0;
	assert_in_range(count, 40, 400);
	for (uint64_t at = 0; at < count; at++) {
		struct usb_fault_rule rule = { .port = PORT,
			.kind = kind,
			.request = USB_FAULT_ANY_REQUEST,
			.at = at,
			.reason = reason,
			.offset = (uint16_t)(at % 5),
			.mask = (uint8_t)(1u << at % 8) };
		round_with(rig, &rule, &failures);
	}
	/* A failed transfer is nowhere overlooked but where a standard allows one to be: the list of languages, and an
	 * ABORT that is stalled before the status is known. */
	if (must_fail)
		assert_true(failures + (reason == REASON_USB_STALL ? 3 : 0) >= count);
	assert_true(failures > 0);
	rig_done(rig);
}

static void any_failed_transfer_is_named_and_the_work_done_again(void **state)
{
	(void)state;
	sweep(VUNIT_CORE_1_4_4, USB_FAULT_FAIL, REASON_USB_TIMEOUT, true);
	sweep(VUNIT_CORE_1_4_4, USB_FAULT_FAIL, REASON_USB_STALL, true);
	sweep(VUNIT_PHOTON_1_4_4, USB_FAULT_FAIL, REASON_USB_IO, true);
	sweep(VUNIT_PHOTON_0_6_0, USB_FAULT_FAIL, REASON_USB_STALL, true);
}

static void any_lost_answer_is_named_and_the_work_done_again(void **state)
{
	(void)state;
	sweep(VUNIT_CORE_FACTORY, USB_FAULT_BREAK_OFF, REASON_USB_TIMEOUT, true);
	sweep(VUNIT_PHOTON_1_0_0, USB_FAULT_BREAK_OFF, REASON_USB_TIMEOUT, true);
}

static void any_swallowed_flipped_or_short_transfer_is_no_false_success(void **state)
{
	(void)state;
	sweep(VUNIT_CORE_1_4_4, USB_FAULT_SWALLOW, REASON_NONE, false);
	sweep(VUNIT_PHOTON_1_4_4, USB_FAULT_SWALLOW, REASON_NONE, false);
	sweep(VUNIT_CORE_1_4_4, USB_FAULT_FLIP, REASON_NONE, false);
	sweep(VUNIT_PHOTON_1_4_4, USB_FAULT_FLIP, REASON_NONE, false);
	sweep(VUNIT_PHOTON_1_4_4, USB_FAULT_SHORT, REASON_NONE, false);
}

static void an_unplug_at_any_transfer_is_survived(void **state)
{
	(void)state;
	sweep(VUNIT_CORE_1_4_4, USB_FAULT_UNPLUG, REASON_NONE, true);
	sweep(VUNIT_PHOTON_1_4_4, USB_FAULT_UNPLUG, REASON_NONE, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bootloader_takes_image_and_key),
		cmocka_unit_test(early_polls_are_not_refused_by_a_photon),
		cmocka_unit_test(a_flipped_bit_is_found_at_its_address),
		cmocka_unit_test(a_protected_sector_fails_loudly),
		cmocka_unit_test(an_erase_slower_than_its_deadline_fails_and_is_recovered),
		cmocka_unit_test(opening_does_not_run_what_somebody_left),
		cmocka_unit_test(any_failed_transfer_is_named_and_the_work_done_again),
		cmocka_unit_test(any_lost_answer_is_named_and_the_work_done_again),
		cmocka_unit_test(any_swallowed_flipped_or_short_transfer_is_no_false_success),
		cmocka_unit_test(an_unplug_at_any_transfer_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
