/* SPDX-License-Identifier: Apache-2.0 */
/* USES: exercise returns record flash dfu jobs config keys virtual usb base */
/* A memory whose readings waver now and then: what differs once proves no size, and is not what stood there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "exercise_private.h"
#include "usb_fault.h"
#include "vbus.h"
#include "vfault.h"
#include "vunit_bench.h"

#define PORT "1-1"

enum { ALT = 1, ANNOUNCED = 0x200000, SMALL = 0x80000, SECTOR = 4096 };

static struct family core;

struct rig {
	struct bench bench; /* the folder; the bus has the unit */
	struct usb_fault *fault;
	struct dfu dfu;
	struct findings findings;
};

static struct usb_dev *open_unit(struct usb_bus *bus)
{
	struct usb_ident idents[4];
	struct usb_dev *dev = NULL;
	struct err err;
	uint64_t change;
	size_t count = 0;
	while (!count) {
		assert_true(bus->ops->list(bus, idents, 4, &count, &change, &err));
		if (!count)
			assert_true(bus->ops->wait(bus, change, 60000, NULL, &err));
	}
	if (!bus->ops->open(bus, &idents[0], NULL, &dev, &err))
		fail_msg("%s", err.text);
	return dev;
}

/* size: what its external flash really has. */
static struct rig *rig_new(uint32_t size)
{
	const struct vfault small = { .kind = VFAULT_SMALL_FLASH, .size = size };
	struct rig *rig = calloc(1, sizeof *rig);
	struct vbus *vbus;
	struct err err;
	assert_non_null(rig);
	rig->bench = bench_with(&bench_specs[VUNIT_CORE_1_4_4]);
	if (size < ANNOUNCED)
		assert_true(vunit_set_faults(rig->bench.unit, &small, 1, &err));
	assert_true(vbus_new(0, &vbus, &err));
	assert_true(vbus_plug(vbus, PORT, rig->bench.unit, true, &err));
	rig->bench.unit = NULL;
	assert_true(usb_fault_new(vbus_bus(vbus), &rig->fault, &err));
	struct usb_dev *dev = open_unit(usb_fault_bus(rig->fault));
	if (!dfu_open(&rig->dfu, dev, &core, NULL, &err))
		fail_msg("%s", err.text);
	return rig;
}

static void rig_done(struct rig *rig)
{
	struct usb_bus *bus = usb_fault_bus(rig->fault);
	dfu_close(&rig->dfu);
	bus->ops->close(bus);
	bench_done(&rig->bench);
	free(rig);
}

#define ID "3f0028000347343337373738"

static struct exercise_unit unit_of(struct rig *rig)
{
	return (struct exercise_unit){ .dfu = &rig->dfu,
		.family = &core,
		.attempt_id = "01930000-0000-7000-8000-000000000000",
		.device_id = ID };
}

static struct exercise_bench bench_of(struct rig *rig, const struct exercise_unit *unit)
{
	struct exercise_bench bench = {
		.unit = unit, .seed = 7, .pattern = malloc(SECTOR), .found = malloc(SECTOR)
	};
	struct err err;
	snprintf(bench.state, sizeof bench.state, "%s", rig->bench.folder);
	assert_true(exercise_journal_open(bench.state, ID, &err));
	return bench;
}

static uint32_t size_of(struct rig *rig)
{
	static const struct exercise_plan nothing;
	const struct exercise_unit unit = unit_of(rig);
	struct exercise_bench bench = bench_of(rig, &unit);
	uint32_t bytes = 0;
	struct err err;
	if (!exercise_size(&bench, &nothing, ALT, &rig->findings, &bytes, &err))
		fail_msg("%s", err.text);
	exercise_bench_close(&bench);
	return bytes;
}

/* A bit of the at-th block that is read from here on. */
static void waver(struct rig *rig, uint64_t at)
{
	const struct usb_fault_rule wavers = { .port = PORT,
		.kind = USB_FAULT_FLIP,
		.request = UPLOAD,
		.at = at,
		.offset = 5,
		.mask = 0x10 };
	struct err err;
	usb_fault_clear(rig->fault);
	assert_true(usb_fault_add(rig->fault, &wavers, &err));
}

static void a_small_memory_is_small_however_one_reading_wavers(void **state)
{
	(void)state;
	/* The first places that are compared are two blocks each. */
	for (uint64_t at = 0; at <= 4; at++) {
		struct rig *rig = rig_new(SMALL);
		if (at < 4)
			waver(rig, at);
		assert_int_equal(size_of(rig), SMALL);
		assert_non_null(finding_of(&rig->findings, FINDING_CODE_FLASH_SIZE, "alt1"));
		rig_done(rig);
	}
}

static void a_memory_of_its_size_has_it(void **state)
{
	(void)state;
	struct rig *rig = rig_new(ANNOUNCED);
	assert_int_equal(size_of(rig), ANNOUNCED);
	assert_int_equal(rig->findings.count, 0);
	rig_done(rig);
}

static void a_sector_that_wavers_is_not_taken(void **state)
{
	(void)state;
	static const struct exercise_sector sector = {
		.alt = ALT, .addr = 0x101000, .size = SECTOR
	};
	struct rig *rig = rig_new(ANNOUNCED);
	const struct exercise_unit unit = unit_of(rig);
	struct exercise_bench bench = bench_of(rig, &unit);
	/* In the first of two readings, in the second, in none. */
	for (uint64_t blocks = SECTOR / rig->dfu.transfer_size, at = 0; at <= 2 * blocks;
		at += blocks) {
		struct exercise_defect defect = { 0 };
		struct exercise_names names;
		struct err err;
		waver(rig, at);
		assert_true(exercise_take(&bench, &sector, &defect, &err));
		assert_int_equal(defect.count, at < 2 * blocks);
		assert_true(exercise_journal_list(bench.state, ID, false, &names, &err));
		assert_int_equal(names.count, at == 2 * blocks);
	}
	exercise_bench_close(&bench);
	rig_done(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_memory_is_small_however_one_reading_wavers),
		cmocka_unit_test(a_memory_of_its_size_has_it),
		cmocka_unit_test(a_sector_that_wavers_is_not_taken),
	};
	struct err err;
	if (!family_load(SOURCE_DIR "/config/families/core.cfg", &core, &err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
