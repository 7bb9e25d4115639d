/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual config base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "vfault_file.h"
#include "vunit_bench.h"

enum { USER = 0x080a0000, CORE_USER = 0x08005000, BLOCK = 1024 };

static struct bench faulty(enum vunit_bootloader bootloader, struct vfault fault)
{
	struct bench bench = bench_new(bootloader);
	struct err err = { 0 };
	if (!vunit_set_faults(bench.unit, &fault, 1, &err))
		fail_msg("%s", err.text);
	return bench;
}

static void fill(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
}

/* Of a Core, whose fresh bootloader is in dfuERROR. */
static struct bench faulty_core(struct vfault fault)
{
	struct bench bench = faulty(VUNIT_CORE_1_4_4, fault);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	return bench;
}

static void a_dead_cell_of_a_core_reads_wrong_and_is_acknowledged(void **state)
{
	(void)state;
	struct bench bench = faulty_core((struct vfault){ .kind = VFAULT_DEAD_CELL,
		.alt = 0,
		.address = CORE_USER + 3,
		.bits = 0x12,
		.value = true });
	uint8_t wrote[BLOCK], read[BLOCK];
	memset(wrote, 0, sizeof wrote);
	assert_int_equal(bench_erase(&bench, CORE_USER), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, CORE_USER, wrote, sizeof wrote), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, CORE_USER, read, sizeof read), VUNIT_ACK);
	assert_int_equal(read[3], 0x12);
	wrote[3] = 0x12;
	assert_memory_equal(read, wrote, sizeof read);
	bench_file(&bench, "alt0.bin", 0x5000, read, sizeof read);
	assert_memory_equal(read, wrote, sizeof read);
	bench_done(&bench);
}

static void a_photon_refuses_a_block_with_a_dead_cell(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4,
		(struct vfault){
			.kind = VFAULT_DEAD_CELL, .address = USER + 8, .bits = 1, .value = true });
	uint8_t zeros[64] = { 0 }, ones[64];
	memset(ones, 0xff, sizeof ones);
	assert_int_equal(bench_write(&bench, USER, zeros, sizeof zeros), VUNIT_STALL);
	/* What the dead cell happens to hold goes through. */
	assert_int_equal(bench_write(&bench, USER + 64, zeros, sizeof zeros), VUNIT_ACK);
	assert_int_equal(bench_erase(&bench, USER), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, USER, ones, sizeof ones), VUNIT_ACK);
	bench_done(&bench);
}

static void a_weak_cell_is_acknowledged_and_reads_wrong_later(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_WEAK_CELL,
								.address = USER + 8,
								.bits = 0x40,
								.value = true });
	uint8_t zeros[64] = { 0 }, read[64];
	assert_int_equal(bench_write(&bench, USER, zeros, sizeof zeros), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, USER, read, sizeof read), VUNIT_ACK);
	assert_int_equal(read[8], 0x40);
	bench_done(&bench);
}

static void a_sector_that_is_kept_is_not_erased_and_its_neighbour_is(void **state)
{
	(void)state;
	struct bench bench = faulty_core(
		(struct vfault){ .kind = VFAULT_KEEPS_SECTOR, .address = CORE_USER + 1000 });
	uint8_t wrote[BLOCK], read[BLOCK];
	fill(wrote, sizeof wrote);
	bench_write(&bench, CORE_USER, wrote, sizeof wrote);
	bench_write(&bench, CORE_USER + BLOCK, wrote, sizeof wrote);
	assert_int_equal(bench_erase(&bench, CORE_USER), VUNIT_ACK);
	assert_int_equal(bench_erase(&bench, CORE_USER + BLOCK), VUNIT_ACK);
	bench_read(&bench, CORE_USER, read, sizeof read);
	assert_memory_equal(read, wrote, sizeof read);
	bench_read(&bench, CORE_USER + BLOCK, read, sizeof read);
	memset(wrote, 0xff, sizeof wrote);
	assert_memory_equal(read, wrote, sizeof read);
	bench_done(&bench);
}

static void a_lost_write_counts_the_writes_into_its_range(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_LOST_WRITE,
								.address = USER + 70,
								.size = 1,
								.at = 2,
								.times = 1 });
	uint8_t zeros[64] = { 0 }, read[64];
	assert_int_equal(bench_write(&bench, USER, zeros, 64), VUNIT_ACK);
	for (int i = 1; i <= 3; i++) {
		bench_erase(&bench, USER);
		assert_int_equal(bench_write(&bench, USER + 64, zeros, 64), VUNIT_ACK);
		bench_read(&bench, USER + 64, read, 64);
		assert_int_equal(read[6], i == 2 ? 0xff : 0);
	}
	bench_done(&bench);
}

static void a_lost_write_hits_its_alternate_setting_only(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4,
		(struct vfault){
			.kind = VFAULT_LOST_WRITE, .alt = 1, .address = 34, .size = 1, .at = 1 });
	uint8_t key[64], read[64];
	fill(key, sizeof key);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 34, key, sizeof key), VUNIT_ACK);
	bench_read(&bench, 34, read, sizeof read);
	assert_int_equal(read[0], 0xff);
	assert_int_equal(bench_write(&bench, 2082, key, sizeof key), VUNIT_ACK);
	bench_read(&bench, 2082, read, sizeof read);
	assert_memory_equal(read, key, sizeof read);
	bench_done(&bench);
}

static void addresses_of_a_small_flash_wrap(void **state)
{
	(void)state;
	struct bench bench =
		faulty_core((struct vfault){ .kind = VFAULT_SMALL_FLASH, .size = 512 * 1024 });
	uint8_t wrote[64], read[64];
	fill(wrote, sizeof wrote);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 0x81000, wrote, sizeof wrote), VUNIT_ACK);
	bench_read(&bench, 0x1000, read, sizeof read);
	assert_memory_equal(read, wrote, sizeof read);
	bench_read(&bench, 0x101000, read, sizeof read);
	assert_memory_equal(read, wrote, sizeof read);
	bench_erase(&bench, 0x181000);
	bench_read(&bench, 0x1000, read, sizeof read);
	assert_int_equal(read[0], 0xff);
	bench_done(&bench);
}

static void a_stall_hits_the_flash_operation_that_it_names(void **state)
{
	(void)state;
	struct bench bench = faulty(
		VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_STALL, .at = 2, .times = 1 });
	uint8_t zeros[64] = { 0 }, read[64];
	assert_int_equal(bench_erase(&bench, USER), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, USER, zeros, sizeof zeros), VUNIT_STALL);
	bench_read(&bench, USER, read, sizeof read);
	assert_int_equal(read[0], 0xff);
	assert_int_equal(bench_write(&bench, USER, zeros, sizeof zeros), VUNIT_ACK);
	bench_done(&bench);
}

static void an_erase_takes_so_many_times_as_long(void **state)
{
	(void)state;
	struct bench healthy = bench_new(VUNIT_PHOTON_1_4_4);
	struct bench slow = faulty(
		VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_SLOW_ERASE, .factor = 7 });
	bench_erase(&healthy, USER);
	bench_erase(&slow, USER);
	uint64_t wire_us = healthy.took_us - 1000000;
	assert_int_equal(slow.took_us, 7000000 + wire_us);
	bench_done(&healthy);
	bench_done(&slow);
}

static void a_silent_unit_stays_on_the_bus_and_answers_later(void **state)
{
	(void)state;
	struct bench bench = faulty(
		VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_SILENT, .at = 2, .times = 2 });
	assert_int_equal(bench_state(&bench), 2);
	assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
	assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	assert_int_equal(bench_state(&bench), 2);
	bench_done(&bench);
}

static void an_unplugged_unit_comes_back_as_it_was_told(void **state)
{
	(void)state;
	struct vfault fault = { .kind = VFAULT_UNPLUG, .at = 3, .times = 1 };
	for (int i = 0; i < 3; i++) {
		fault.comes_back = i > 0;
		fault.back_after_ms = 500;
		fault.button = i > 1;
		struct bench bench = faulty(VUNIT_PHOTON_1_4_4, fault);
		uint32_t enumeration = vunit_enumeration(bench.unit);
		bench_state(&bench);
		bench_state(&bench);
		assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
		assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
		bench_settle(&bench);
		assert_int_equal(vunit_mode(bench.unit), i == 0   ? VUNIT_OFF
							 : i == 1 ? VUNIT_CDC
								  : VUNIT_DFU);
		assert_int_equal(vunit_enumeration(bench.unit), enumeration + (i > 0));
		bench_done(&bench);
	}
}

static void a_brown_out_leaves_half_a_block(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_BROWN_OUT,
								.at = 2,
								.times = 1,
								.comes_back = true,
								.button = true });
	uint8_t zeros[64] = { 0 }, read[64];
	bench_erase(&bench, USER);
	assert_int_equal(bench_write(&bench, USER, zeros, sizeof zeros), VUNIT_NONE);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_settle(&bench);
	assert_int_equal(bench_read(&bench, USER, read, sizeof read), VUNIT_ACK);
	assert_memory_equal(read, zeros, 32);
	for (size_t i = 32; i < 64; i++)
		assert_int_equal(read[i], 0xff);
	bench_done(&bench);
}

static void a_brown_out_in_the_dct_keeps_the_copy_of_before(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_BROWN_OUT,
								.at = 2,
								.times = 1,
								.comes_back = true,
								.button = true });
	uint8_t key[64], other[64] = { 0 }, read[64];
	fill(key, sizeof key);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 34, key, sizeof key), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 34, other, sizeof other), VUNIT_NONE);
	bench_settle(&bench);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_read(&bench, 34, read, sizeof read), VUNIT_ACK);
	assert_memory_equal(read, key, sizeof read);
	bench_done(&bench);
}

static void a_unit_that_stays_away_is_off_the_bus_after_its_leave(void **state)
{
	(void)state;
	struct bench bench =
		faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_STAYS_AWAY, .at = 2 });
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_power(&bench, true);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_power(&bench, true);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_done(&bench);
}

static void an_abrupt_leave_gives_no_status_and_starts_the_firmware(void **state)
{
	(void)state;
	struct bench bench =
		faulty(VUNIT_PHOTON_1_4_4, (struct vfault){ .kind = VFAULT_ABRUPT_LEAVE });
	assert_int_equal(bench_out(&bench, DNLOAD, 2, NULL, 0), VUNIT_ACK);
	assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);
}

static void a_swapped_unit_has_another_id_and_unit_json_keeps_its_own(void **state)
{
	(void)state;
	struct bench bench = faulty(VUNIT_PHOTON_1_4_4,
		(struct vfault){ .kind = VFAULT_SWAPPED, .at = 1, .device_id = { 0x5a } });
	struct vunit *again = NULL;
	struct err err;
	char serial[32];
	vunit_serial(bench.unit, serial, sizeof serial);
	assert_string_equal(serial, "ab0000000000000000000000");
	bench_leave(&bench);
	vunit_serial(bench.unit, serial, sizeof serial);
	assert_string_equal(serial, "5a0000000000000000000000");
	vunit_close(bench.unit);
	assert_true(vunit_open(bench.folder, &again, &err));
	assert_int_equal(vunit_spec(again)->device_id[0], 0xab);
	bench.unit = again;
	bench_done(&bench);
}

static void what_does_not_fit_the_unit_is_refused(void **state)
{
	(void)state;
	static const struct {
		struct vfault fault;
		const char *text;
	} cases[] = {
		{ { .kind = VFAULT_DEAD_CELL, .alt = 0, .address = 0x08100000 },
			"dead-cell: alt 0 of a virtual photon has no address 0x08100000" },
		{ { .kind = VFAULT_DEAD_CELL, .alt = 1, .address = 34 },
			"dead-cell: alt 1 of a virtual photon is a view" },
		{ { .kind = VFAULT_LOST_WRITE, .alt = 2 }, "lost-write: a virtual unit has no" },
		{ { .kind = VFAULT_SMALL_FLASH, .size = 0x80000 },
			"small-flash: a virtual photon has no external flash" },
	};
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };
		assert_false(vunit_set_faults(bench.unit, &cases[i].fault, 1, &err));
		assert_int_equal(err.reason, REASON_INPUT);
		if (strncmp(err.text, cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].text);
	}
	bench_done(&bench);
}

/* The answer for the text of a file. */
static bool read_text(const char *text, struct vfault_file *ret, struct err *err)
{
	char path[] = "/tmp/test-vfault-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	bool ok = vfault_file_read(path, ret, err);
	unlink(path);
	return ok;
}

static void the_example_has_every_kind_that_a_photon_can_have(void **state)
{
	(void)state;
	static struct vfault_file file;
	struct err err = { 0 };
	unsigned seen = 0;
	if (!vfault_file_read(SOURCE_DIR "/station/virtual/faults.cfg", &file, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < file.count; i++)
		seen |= 1u << file.entries[i].fault.kind;
	for (int kind = 0; kind < VFAULT_KIND_COUNT; kind++)
		if (kind != VFAULT_SMALL_FLASH && kind != VFAULT_SAME_ID &&
			!vfault_is_outside((enum vfault_kind)kind) && !(seen >> kind & 1))
			fail_msg("%s is not in the example", vfault_name((enum vfault_kind)kind));
	assert_string_equal(file.entries[0].slot, "A1");
	assert_int_equal(file.entries[0].fault.address, 0x080a0100);
	assert_int_equal(file.entries[0].fault.bits, 0xff);
	assert_true(file.entries[0].fault.value);
}

static void mistakes_in_a_file_are_named_with_their_line(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "{ slot = \"A1\"; kind = \"dead-cel\"; }", ":2: faults.list[0].kind: " },
		{ "{ slot = \"A1\"; kind = \"silent\"; }", ":2: faults.list[0].at_transfer: " },
		{ "{ slot = \"A1\"; kind = \"silent\"; at_transfer = 0; }",
			":2: faults.list[0].at_transfer: " },
		{ "{ slot = \"A1\"; kind = \"unplug\"; at_transfer = 1; }",
			":2: faults.list[0].at_transfer: " },
		{ "{ slot = \"A1\"; kind = \"silent\"; at_transfer = 1; bits = 1; }",
			":2: faults.list[0].bits: " },
		{ "{ slot = \"A1\"; kind = \"swapped\"; device_id = \"12\"; }",
			":2: faults.list[0].device_id: " },
		{ "{ slot = \"A1\"; kind = \"same-id\"; as = \"A1\"; }",
			":2: faults.list[0].as: " },
		{ "{ slot = \"A1\"; kind = \"hub-gone\"; at_transfer = 1; }",
			":2: faults.list[0].at_transfer: " },
		{ "{ slot = \"A1\"; kind = \"hub-gone\"; at_transfer = 2; recovers = true; }",
			":2: faults.list[0].recovers: " },
		{ "{ kind = \"silent\"; at_transfer = 1; }", ":2: faults.list[0].slot: " },
	};
	static struct vfault_file file;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512];
		struct err err = { 0 };
		snprintf(text, sizeof text, "faults : { list = (\n%s\n); };\n", cases[i][0]);
		assert_false(read_text(text, &file, &err));
		assert_int_equal(err.reason, REASON_INPUT);
		if (!strstr(err.text, cases[i][1]))
			fail_msg("\"%s\" does not have \"%s\"", err.text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_cell_of_a_core_reads_wrong_and_is_acknowledged),
		cmocka_unit_test(a_photon_refuses_a_block_with_a_dead_cell),
		cmocka_unit_test(a_weak_cell_is_acknowledged_and_reads_wrong_later),
		cmocka_unit_test(a_sector_that_is_kept_is_not_erased_and_its_neighbour_is),
		cmocka_unit_test(a_lost_write_counts_the_writes_into_its_range),
		cmocka_unit_test(a_lost_write_hits_its_alternate_setting_only),
		cmocka_unit_test(addresses_of_a_small_flash_wrap),
		cmocka_unit_test(a_stall_hits_the_flash_operation_that_it_names),
		cmocka_unit_test(an_erase_takes_so_many_times_as_long),
		cmocka_unit_test(a_silent_unit_stays_on_the_bus_and_answers_later),
		cmocka_unit_test(an_unplugged_unit_comes_back_as_it_was_told),
		cmocka_unit_test(a_brown_out_leaves_half_a_block),
		cmocka_unit_test(a_brown_out_in_the_dct_keeps_the_copy_of_before),
		cmocka_unit_test(a_unit_that_stays_away_is_off_the_bus_after_its_leave),
		cmocka_unit_test(an_abrupt_leave_gives_no_status_and_starts_the_firmware),
		cmocka_unit_test(a_swapped_unit_has_another_id_and_unit_json_keeps_its_own),
		cmocka_unit_test(what_does_not_fit_the_unit_is_refused),
		cmocka_unit_test(the_example_has_every_kind_that_a_photon_can_have),
		cmocka_unit_test(mistakes_in_a_file_are_named_with_their_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
