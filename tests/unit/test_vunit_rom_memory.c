/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual base */
/* What an STM32's ROM does to the memories of its chip: protection, option bytes, one-time memory, other chips, faults
 * (docs/devices.md, "STM32 ROM"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rom_bench.h"
#include "vfault.h"

static void read_protection_refuses_and_says_vendor(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t bytes[16], byte;
	assert_int_equal(put(&bench, FLASH, "\x12", 1), 0);
	set_option(&bench, 1, 0x55);
	assert_int_equal(command(&bench, 0x41, FLASH), VENDOR);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(put(&bench, FLASH, "\x00", 1), VENDOR);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(run(&bench, 0, "\x41", 1), VENDOR);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	for (uint16_t alt = 0; alt < 2; alt++) {
		bench_alternate(&bench, alt);
		assert_int_equal(command(&bench, 0x21, alt ? OPTIONS : FLASH), 0);
		bench_out(&bench, ABORT, 0, NULL, 0);
		assert_int_equal(bench_in(&bench, UPLOAD, 2, bytes, 16), VUNIT_STALL);
		expect_status(&bench, ERROR, VENDOR);
		bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	}
	bench_file(&bench, "alt0.bin", 0, &byte, 1);
	assert_int_equal(byte, 0x12);
	bench_done(&bench);
}

static void read_unprotect_erases_everything_and_resets(void **state)
{
	(void)state;
	struct bench bench = product(VUNIT_ROM_F4);
	uint8_t bytes[2];
	put_program(&bench, FLASH);
	assert_int_equal(put(&bench, 0x080FFFF0, "\x12", 1), 0);
	set_option(&bench, 1, 0x00);
	assert_int_equal(bench_out(&bench, DNLOAD, 0, "\x92", 1), VUNIT_ACK);
	expect_status(&bench, BUSY, 0);
	/* Nobody is there for the second one. */
	assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
	bench_settle(&bench);
	bench_file(&bench, "alt0.bin", 0xFFFF0, bytes, 1);
	assert_int_equal(bytes[0], 0xFF);
	bench_file(&bench, "alt0.bin", 0, bytes, 1);
	assert_int_equal(bytes[0], 0xFF);
	bench_file(&bench, "alt1.bin", 1, bytes, 1);
	assert_int_equal(bytes[0], 0xAA);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF); /* there is no program any more */
	bench_done(&bench);
}

static void write_protected_sectors_are_silently_left_alone(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t found[4];
	assert_int_equal(put(&bench, 0x08010000, "\x12\x34", 2), 0);
	assert_int_equal(put(&bench, 0x0801FFFE, "\x12\x34", 2), 0);
	set_option(&bench, 8, (uint16_t)~(1U << 4)); /* sector 4: 64 KiB at 0x08010000 */
	assert_int_equal(command(&bench, 0x41, 0x08010000), 0);
	assert_int_equal(put(&bench, 0x08010000, "\x00\x00", 2), 0);
	get(&bench, 0x08010000, found, 2);
	assert_memory_equal(found, "\x12\x34", 2);
	/* Only inside it. */
	assert_int_equal(put(&bench, 0x0801FFFE, "\0\0\0\0", 4), 0);
	get(&bench, 0x0801FFFE, found, 4);
	assert_memory_equal(found, "\x12\x34\0\0", 4);
	/* One protected sector keeps everything from a mass erase. */
	assert_int_equal(run(&bench, 0, "\x41", 1), 0);
	get(&bench, 0x0801FFFE, found, 4);
	assert_memory_equal(found, "\x12\x34\0\0", 4);
	set_option(&bench, 8, 0xFFFF);
	assert_int_equal(run(&bench, 0, "\x41", 1), 0);
	get(&bench, 0x0801FFFE, found, 4);
	assert_memory_equal(found, "\xFF\xFF\xFF\xFF", 4);
	bench_done(&bench);
}

static void option_bytes_are_written_from_their_start_and_reset_it(void **state)
{
	(void)state;
	struct bench bench = product(VUNIT_ROM_F4);
	uint8_t bytes[16], byte;
	put_program(&bench, FLASH);
	bench_alternate(&bench, 1);
	get(&bench, OPTIONS, bytes, 16);
	assert_int_equal(bytes[1], 0xAA);
	assert_int_equal(put(&bench, OPTIONS + 8, bytes + 8, 8), TARGET);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bytes[0] = 0xE3; /* brown-out level 0 */
	assert_int_equal(command(&bench, 0x21, OPTIONS), 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, bytes, 16), VUNIT_ACK);
	expect_status(&bench, BUSY, 0);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_file(&bench, "alt1.bin", 0, &byte, 1);
	assert_int_equal(byte, 0xE3);
	bench_file(&bench, "alt0.bin", 3, &byte, 1); /* of the stack pointer */
	assert_int_equal(byte, 0x20);
	bench_done(&bench);
}

static void otp_only_loses_bits(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t found[1];
	bench_alternate(&bench, 2);
	assert_int_equal(put(&bench, OTP, "\x3C", 1), 0);
	assert_int_equal(put(&bench, OTP, "\xF0", 1), 0);
	get(&bench, OTP, found, 1);
	assert_int_equal(found[0], 0x30);
	bench_done(&bench);
}

static void a_chip_of_its_own(void **state)
{
	(void)state;
	struct vunit_spec spec = bench_specs[VUNIT_ROM_F4];
	struct vunit *again;
	struct err err;
	uint8_t found[2];
	strcpy(spec.chip.layouts[0], "@Internal Flash  /0x08000000/4*2Kg,02*004Kg");
	struct bench bench = bench_with(&spec);
	bench_power(&bench, true);
	assert_int_equal(put(&bench, 0x08001FFF, "\x12\x34", 2), 0);
	assert_int_equal(command(&bench, 0x41, 0x08002000), 0);
	get(&bench, 0x08001FFF, found, 2);
	assert_memory_equal(found, "\x12\xFF", 2);
	assert_int_equal(command(&bench, 0x21, 0x08004000), TARGET);
	/* It has no option bytes, so nothing is protected, and it is the same when it is met again. */
	assert_int_equal(bench_alternate(&bench, 1), VUNIT_STALL);
	vunit_close(bench.unit);
	assert_true(vunit_open(bench.folder, &again, &err));
	bench.unit = again;
	assert_string_equal(vunit_spec(again)->chip.layouts[0], spec.chip.layouts[0]);
	bench_done(&bench);

	static const char *const bad[] = { "Internal Flash  /0x08000000/4*2Kg", "@X/0x08000000/", "@X/0x08000000/4*2Kh",
		"@X/0x08000000/0*2Kg", "@X/0x08000000/4*2Kg;1*2Kg", "@X/0xFFFFF000/4*2Kg", "@X/0x0/99999*999Mg",
		"@X\"/0x08000000/4*2Kg", "@A/0x0/1*2Kg/0x8000/1*2Kg" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		strcpy(spec.chip.layouts[0], bad[i]);
		if (vunit_create("/nonexistent", &spec, &err) || err.reason != REASON_INPUT ||
			!strstr(err.text, "layout"))
			fail_msg("%s: %s", bad[i], err.text);
	}
}

static void faults_reach_it_too(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	struct err err;
	uint8_t byte;
	struct vfault cell = { .kind = VFAULT_DEAD_CELL, .address = 0x08010000, .bits = 1, .value = true };
	assert_true(vunit_set_faults(bench.unit, &cell, 1, &err));
	assert_int_equal(put(&bench, 0x08010000, "\x00", 1), 0);
	get(&bench, 0x08010000, &byte, 1);
	assert_int_equal(byte, 1);
	struct vfault keeps = { .kind = VFAULT_KEEPS_SECTOR, .address = 0x08010000 };
	assert_true(vunit_set_faults(bench.unit, &keeps, 1, &err));
	assert_int_equal(put(&bench, 0x08010001, "\x00", 1), 0);
	assert_int_equal(command(&bench, 0x41, 0x08010000), 0);
	get(&bench, 0x08010001, &byte, 1);
	assert_int_equal(byte, 0);
	struct vfault cut = { .kind = VFAULT_BROWN_OUT, .at = 1 };
	assert_true(vunit_set_faults(bench.unit, &cut, 1, &err));
	assert_int_equal(command(&bench, 0x21, 0x08020000), 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, "\0\0\0\0\0\0\0\0", 8), VUNIT_ACK);
	assert_int_equal(bench_status(&bench).answer, VUNIT_NONE);
	bench_file(&bench, "alt0.bin", 0x20003, &byte, 1);
	assert_int_equal(byte, 0);
	bench_file(&bench, "alt0.bin", 0x20004, &byte, 1);
	assert_int_equal(byte, 0xFF);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_protection_refuses_and_says_vendor),
		cmocka_unit_test(read_unprotect_erases_everything_and_resets),
		cmocka_unit_test(write_protected_sectors_are_silently_left_alone),
		cmocka_unit_test(option_bytes_are_written_from_their_start_and_reset_it),
		cmocka_unit_test(otp_only_loses_bits),
		cmocka_unit_test(a_chip_of_its_own),
		cmocka_unit_test(faults_reach_it_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
