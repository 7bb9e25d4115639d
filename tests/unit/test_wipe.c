/* SPDX-License-Identifier: Apache-2.0 */
/* USES: returns flash dfu jobs config keys virtual usb base */
/* Wiping on virtual units. The judge is the unit's memory file, not the station. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "diagnose.h"
#include "scope.h"
#include "vbus.h"
#include "vfault.h"
#include "vunit_bench.h"
#include "wipe.h"

#define PORT "1-1"

enum {
	DCT_COPY = 0x4000,
	DCT_DATA = 7548,
	CLAIM_CODE = 1762,
	CODE_LEN = 63,
	CLAIMED = 1825,
	SPI_USER = 0x80000,
	SECTOR = 4096
};

static const uint8_t key[] =
	"a key of this unit, which is not to be lost, of more than sixty-four bytes";
static const uint8_t owners[] = "what the application of its owner remembers";

struct rig {
	struct bench bench; /* the folder; the bus has the unit */
	struct vbus *vbus;
	struct usb_bus *bus;
	struct family family;
	struct dfu dfu;
	struct decision decision;
	uint64_t reported;
	bool backwards;
};

static void put(
	const struct rig *rig, const char *file, uint32_t offset, const void *bytes, size_t len)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", rig->bench.folder, file);
	FILE *out = fopen(path, "r+b");
	assert_non_null(out);
	assert_int_equal(fseek(out, (long)offset, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static bool stands(
	const struct rig *rig, const char *file, uint32_t offset, const void *bytes, size_t len)
{
	uint8_t *found = malloc(len);
	assert_non_null(found);
	bench_file(&rig->bench, file, offset, found, len);
	bool same = memcmp(found, bytes, len) == 0;
	free(found);
	return same;
}

static bool is_erased(const struct rig *rig, const char *file, uint32_t offset, size_t len)
{
	uint8_t *found = malloc(len);
	assert_non_null(found);
	bench_file(&rig->bench, file, offset, found, len);
	bool erased = bytes_all(found, len, 0xff);
	free(found);
	return erased;
}

static struct rig *rig_new(enum vunit_bootloader bootloader, const char *family)
{
	struct rig *rig = calloc(1, sizeof *rig);
	char path[256];
	struct err err;
	assert_non_null(rig);
	snprintf(path, sizeof path, SOURCE_DIR "/config/families/%s.cfg", family);
	if (!family_load(path, &rig->family, &err))
		fail_msg("%s", err.text);
	rig->bench = bench_with(&bench_specs[bootloader]);
	return rig;
}

static void plug(struct rig *rig)
{
	struct usb_ident idents[4];
	struct usb_dev *dev;
	struct err err;
	uint64_t change;
	size_t count = 0;
	assert_true(vbus_new(0, &rig->vbus, &err));
	rig->bus = vbus_bus(rig->vbus);
	assert_true(vbus_plug(rig->vbus, PORT, rig->bench.unit, true, &err));
	rig->bench.unit = NULL;
	for (int i = 0; i < 100 && !count; i++) {
		assert_true(rig->bus->ops->list(rig->bus, idents, 4, &count, &change, &err));
		if (!count)
			assert_true(rig->bus->ops->wait(rig->bus, change, 100, NULL, &err));
	}
	if (!rig->bus->ops->open(rig->bus, &idents[0], NULL, &dev, &err) ||
		!dfu_open(&rig->dfu, dev, &rig->family, NULL, &err))
		fail_msg("%s", err.text);
}

static void rig_done(struct rig *rig)
{
	dfu_close(&rig->dfu);
	rig->bus->ops->close(rig->bus);
	bench_done(&rig->bench);
	free(rig);
}

static void add(struct rig *rig, const char *name, uint8_t alt, uint32_t addr, uint32_t size)
{
	struct decide_wipe *wipe = &rig->decision.wipes[rig->decision.wipe_count++];
	*wipe = (struct decide_wipe){
		.alt = alt, .addr = addr, .size = size, .idle = 0xff, .owners = true
	};
	snprintf(wipe->name, sizeof wipe->name, "%s", name);
}

static void report(void *context, uint64_t bytes)
{
	struct rig *rig = context;
	rig->backwards = rig->backwards || bytes < rig->reported;
	rig->reported = bytes;
}

static void run(struct rig *rig, unsigned memories)
{
	const struct dfuse_progress progress = { .report = report, .context = rig };
	struct err err;
	rig->reported = 0;
	if (!wipe_run(&rig->dfu, &rig->decision, memories, &progress, &err))
		fail_msg("%s", err.text);
	assert_false(rig->backwards);
	assert_int_equal(rig->reported, wipe_bytes(&rig->family, &rig->decision, memories));
}

static void check(struct rig *rig)
{
	struct err err;
	if (!wipe_check(&rig->dfu, &rig->decision, NULL, &err))
		fail_msg("%s", err.text);
}

/* --- a Photon --- */

static void put_owner_in_dct(struct rig *rig)
{
	for (uint32_t copy = 1; copy <= 2; copy++) {
		uint32_t data = copy * DCT_COPY + DCT_DATA;
		put(rig, "alt0.bin", data + CLAIM_CODE, owners, sizeof owners);
		put(rig, "alt0.bin", data + CLAIMED, "1", 1);
	}
}

/* Neither copy of the record memory has it afterwards; everything beside it is as it was. */
static void a_photons_owner_is_gone_from_both_copies(void **state)
{
	(void)state;
	static uint8_t before[2][DCT_COPY], after[DCT_COPY];
	struct rig *rig = rig_new(VUNIT_PHOTON_1_4_4, "photon");
	put_owner_in_dct(rig);
	put(rig, "alt0.bin", 0xa0000, owners, sizeof owners);
	put(rig, "alt0.bin", 0xa0000 + 0x20000 - 1, "x", 1);
	for (int copy = 0; copy < 2; copy++)
		bench_file(&rig->bench, "alt0.bin", (size_t)(copy + 1) * DCT_COPY, before[copy],
			DCT_COPY);
	plug(rig);
	add(rig, "claim-code", 1, CLAIM_CODE, CODE_LEN);
	add(rig, "claimed", 1, CLAIMED, 1);
	add(rig, "user", 0, 0x080a0000, 0x20000);
	run(rig, WIPE_NOR);
	assert_true(is_erased(rig, "alt0.bin", 0xa0000, 0x20000));
	assert_true(stands(rig, "alt0.bin", DCT_COPY, before[0], DCT_COPY));
	run(rig, WIPE_RECORD);
	check(rig);
	for (uint32_t copy = 1; copy <= 2; copy++) {
		uint32_t data = copy * DCT_COPY + DCT_DATA;
		assert_true(is_erased(rig, "alt0.bin", data + CLAIM_CODE, CODE_LEN));
		assert_true(is_erased(rig, "alt0.bin", data + CLAIMED, 1));
	}
	/* Keys and all else of the copy that was the current one went along. */
	for (int copy = 0; copy < 2; copy++) {
		bench_file(&rig->bench, "alt0.bin", (size_t)(copy + 1) * DCT_COPY, after, DCT_COPY);
		memcpy(after + DCT_DATA + CLAIM_CODE, before[0] + DCT_DATA + CLAIM_CODE,
			CODE_LEN + 1);
		assert_memory_equal(after + DCT_DATA, before[0] + DCT_DATA, 8391);
	}
	rig_done(rig);
}

static void what_is_idle_is_not_worn_out(void **state)
{
	(void)state;
	static uint8_t before[2 * DCT_COPY];
	struct rig *rig = rig_new(VUNIT_PHOTON_1_4_4, "photon");
	bench_file(&rig->bench, "alt0.bin", DCT_COPY, before, sizeof before);
	plug(rig);
	add(rig, "claim-code", 1, CLAIM_CODE, CODE_LEN);
	add(rig, "factory", 0, 0x080e0000, 0x20000);
	run(rig, WIPE_ALL);
	check(rig);
	/* A write would have gone to the other copy, an erase into the count of the unit. */
	assert_true(stands(rig, "alt0.bin", DCT_COPY, before, sizeof before));
	assert_int_equal(rig->dfu.counters.erases, 0);
	rig_done(rig);
}

static void what_comes_back_later_is_found(void **state)
{
	(void)state;
	struct rig *rig = rig_new(VUNIT_PHOTON_1_4_4, "photon");
	struct err err;
	put(rig, "alt0.bin", 0xa0000, owners, sizeof owners);
	plug(rig);
	add(rig, "user", 0, 0x080a0000, 0x20000);
	run(rig, WIPE_ALL);
	put(rig, "alt0.bin", 0xa0000 + 77, "x", 1);
	assert_false(wipe_check(&rig->dfu, &rig->decision, NULL, &err));
	assert_int_equal(err.reason, REASON_FLASH_BAD);
	assert_non_null(strstr(err.text, "user: alt 0: 0x080a004d"));
	rig_done(rig);
}

/* --- a P1 --- */

static bool hides_serial_flash(enum vunit_bootloader bootloader)
{
	static struct findings findings;
	struct rig *rig = rig_new(bootloader, "p1");
	struct returned *unit = calloc(1, sizeof *unit);
	struct err err;
	plug(rig);
	assert_non_null(unit);
	unit->dfu = &rig->dfu;
	unit->family = &rig->family;
	findings.count = 0;
	if (!diagnose_settings(unit, &findings, &err))
		fail_msg("%s", err.text);
	bool hides = finding_of(&findings, FINDING_CODE_CUSTOMER_HIDDEN, "serial-flash") != NULL;
	free(unit);
	rig_done(rig);
	return hides;
}

/* Bootloader 0.6.0 does not announce the serial flash, and what lies there cannot be told. */
static void a_memory_that_is_not_shown_is_not_taken_for_empty(void **state)
{
	(void)state;
	assert_true(hides_serial_flash(VUNIT_P1_0_6_0));
	assert_false(hides_serial_flash(VUNIT_P1_0_6_1));
	assert_false(hides_serial_flash(VUNIT_P1_1_4_4));
}

/* --- a Core --- */

static void a_cores_spi_flash_is_wiped_and_its_keys_are_not(void **state)
{
	(void)state;
	static uint8_t keys[4 * SECTOR], found[4 * SECTOR];
	struct rig *rig = rig_new(VUNIT_CORE_1_4_4, "core");
	put(rig, "alt1.bin", 0x2000, key, sizeof key);
	put(rig, "alt1.bin", SPI_USER, owners, sizeof owners);
	put(rig, "alt1.bin", 0x1fffff, "x", 1);
	bench_file(&rig->bench, "alt1.bin", 0, keys, sizeof keys);
	plug(rig);
	add(rig, "spi-user", 1, SPI_USER, 0x180000);
	run(rig, WIPE_ALL);
	check(rig);
	assert_true(is_erased(rig, "alt1.bin", SPI_USER, 0x180000));
	bench_file(&rig->bench, "alt1.bin", 0, found, sizeof found);
	assert_memory_equal(found, keys, sizeof keys);
	rig_done(rig);
}

/* An early board has a quarter of it, and erasing behind that would erase its keys. */
static void a_memory_that_repeats_itself_is_left_alone(void **state)
{
	(void)state;
	static const struct vfault small = { .kind = VFAULT_SMALL_FLASH, .size = 0x80000 };
	static uint8_t before[0x80000], after[0x80000];
	struct rig *rig = rig_new(VUNIT_CORE_1_4_4, "core");
	struct err err;
	put(rig, "alt1.bin", 0x2000, key, sizeof key);
	put(rig, "alt1.bin", 0x60000, owners, sizeof owners);
	bench_file(&rig->bench, "alt1.bin", 0, before, sizeof before);
	assert_true(vunit_set_faults(rig->bench.unit, &small, 1, &err));
	plug(rig);
	add(rig, "spi-user", 1, SPI_USER, 0x180000);
	assert_false(wipe_run(&rig->dfu, &rig->decision, WIPE_ALL, NULL, &err));
	assert_int_equal(err.reason, REASON_FLASH_DEFECTIVE);
	assert_non_null(strstr(err.text, "0x00082000 shows what stands at 0x00002000"));
	assert_non_null(strstr(err.text, "device-rsa"));
	assert_null(strstr(err.text, "not to be lost"));
	bench_file(&rig->bench, "alt1.bin", 0, after, sizeof after);
	assert_memory_equal(after, before, sizeof before);
	assert_int_equal(rig->dfu.counters.erases, 0);
	rig_done(rig);
}

/* Only whole sectors are ever erased, whatever the decision says. */
static void half_a_sector_is_a_mistake(void **state)
{
	(void)state;
	struct rig *rig = rig_new(VUNIT_CORE_1_4_4, "core");
	struct err err;
	put(rig, "alt1.bin", SPI_USER, owners, sizeof owners);
	plug(rig);
	add(rig, "half", 1, SPI_USER, SECTOR / 2);
	assert_false(wipe_run(&rig->dfu, &rig->decision, WIPE_ALL, NULL, &err));
	assert_int_equal(err.reason, REASON_BUG);
	assert_true(stands(rig, "alt1.bin", SPI_USER, owners, sizeof owners));
	rig_done(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_photons_owner_is_gone_from_both_copies),
		cmocka_unit_test(what_is_idle_is_not_worn_out),
		cmocka_unit_test(what_comes_back_later_is_found),
		cmocka_unit_test(a_memory_that_is_not_shown_is_not_taken_for_empty),
		cmocka_unit_test(a_cores_spi_flash_is_wiped_and_its_keys_are_not),
		cmocka_unit_test(a_memory_that_repeats_itself_is_left_alone),
		cmocka_unit_test(half_a_sector_is_a_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
