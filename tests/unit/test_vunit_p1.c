/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* What a P1 has that a Photon has not: its serial flash, its ids, modules of its own platform, and a bootloader that
 * may come as a staged one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "vunit_bench.h"

enum {
	PHOTON = 6,
	P1 = 8,
	PART_1 = 0x08020000,
	PART_2 = 0x08060000,
	OTA = 0x080C0000,
	SERIAL_END = 0x100000
};

static void write_parts(struct bench *bench, uint16_t platform)
{
	uint8_t module[BENCH_MODULE_MAX];
	size_t len = bench_module(module, PART_1, platform, 4, 1, 2302);
	bench_alternate(bench, 0);
	bench_write_module(bench, PART_1, module, len);
	len = bench_module(module, PART_2, platform, 4, 2, 2302);
	bench_write_module(bench, PART_2, module, len);
}

static void serial_flash_ands_what_is_written_and_reports_no_failure(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_P1_1_4_4);
	uint8_t back[4], block[4096];
	assert_int_equal(bench_alternate(&bench, 2), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 0x1FFE, "\x0F\x0F\xF0\xF0", 4), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 0x1FFE, "\xFF\x3C\xFF\x3C", 4), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, 0x1FFE, back, 4), VUNIT_ACK);
	assert_memory_equal(back, "\x0F\x0C\xF0\x30", 4);
	bench_file(&bench, "alt2.bin", 0x1FFE, back, 4);
	assert_memory_equal(back, "\x0F\x0C\xF0\x30", 4);
	/* Sectors of 4 KiB: only the first of the two pairs goes. */
	assert_int_equal(bench_erase(&bench, 0x1234), VUNIT_ACK);
	assert_in_range(bench.took_us, 60000, 61000);
	bench_file(&bench, "alt2.bin", 0x1FFE, back, 4);
	assert_memory_equal(back, "\xFF\xFF\xF0\x30", 4);
	memset(block, 0, sizeof(block));
	assert_int_equal(bench_write(&bench, SERIAL_END - 4096, block, 4096), VUNIT_ACK);
	assert_in_range(bench.took_us, 20000, 27000);
	assert_int_equal(bench_write(&bench, SERIAL_END, block, 1), VUNIT_STALL);
	assert_int_equal(bench_erase(&bench, SERIAL_END), VUNIT_STALL);
	bench_done(&bench);
}

static void serial_flash_is_read_through_the_transfer_buffer(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_P1_1_4_4);
	uint8_t back[64];
	bench_alternate(&bench, 2);
	assert_int_equal(bench_write(&bench, 0x100, "serial", 6), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, 0x100, back, 6), VUNIT_ACK);
	assert_memory_equal(back, "serial", 6);
	assert_int_equal(bench_read(&bench, SERIAL_END, back, 6), VUNIT_ACK);
	assert_true(bytes_all(back, 6, 0)); /* outside, as elsewhere from 0.7.0 on */
	bench_alternate(&bench, 0);
	assert_int_equal(bench_read(&bench, 0x100, back, 6), VUNIT_ACK);
	assert_true(bytes_all(back, 6, 0));
	bench_done(&bench);
}

static void bootloader_0_6_0_announces_no_serial_flash(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		uint8_t alts;
	} cases[] = { { VUNIT_P1_0_6_0, 2 }, { VUNIT_P1_1_4_4, 3 } };
	for (size_t i = 0; i < 2; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		uint8_t bytes[255];
		size_t alts = cases[i].alts;
		assert_int_equal(bench_control(&bench, 0x80, 6, 0x0200, 0, bytes, 255), VUNIT_ACK);
		assert_int_equal(bench.len, 9 + 9 * alts + 9);
		assert_int_equal(bytes[9 + 9 * (alts - 1) + 3], alts - 1);
		assert_int_equal(bytes[9 + 9 * alts + 1], 0x21);
		assert_int_equal(bench_alternate(&bench, 2), alts == 3 ? VUNIT_ACK : VUNIT_STALL);
		bench_done(&bench);
	}
	struct bench bench = bench_new(VUNIT_P1_1_4_4);
	uint8_t text[255], config[255];
	bench_control(&bench, 0x80, 6, 0x0200, 0, config, 255);
	bench_control(&bench, 0x80, 6, 0x0300 | config[9 + 18 + 8], 0x0409, text, 255);
	static const char layout[] = "@Serial Flash   /0x00000000/256*004Kg";
	assert_int_equal(bench.len, 2 + 2 * strlen(layout));
	for (size_t i = 0; i < strlen(layout); i++)
		assert_int_equal(text[2 + 2 * i], layout[i]);
	bench_done(&bench);
}

static void it_shows_itself_as_a_p1(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_P1_1_4_4);
	uint8_t device[18];
	char text[32];
	assert_true(vunit_device_descriptor(bench.unit, device));
	assert_memory_equal(device + 8, "\x04\x2B\x08\xD0", 4);
	vunit_product(bench.unit, text, sizeof(text));
	assert_string_equal(text, "P1 DFU Mode");
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	assert_true(vunit_device_descriptor(bench.unit, device));
	assert_memory_equal(device + 8, "\x04\x2B\x08\xC0", 4);
	vunit_product(bench.unit, text, sizeof(text));
	assert_string_equal(text, "P1");
	bench_done(&bench);
}

static void it_starts_no_system_of_a_photon(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_P1_1_4_4);
	write_parts(&bench, PHOTON);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	write_parts(&bench, P1);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);
}

static void stage(struct bench *bench, uint16_t platform)
{
	uint8_t module[BENCH_MODULE_MAX], flag = 0xA5;
	size_t len = bench_module(module, 0x08000000, platform, 2, 0, 1006);
	bench_alternate(bench, 0);
	bench_write_module(bench, OTA, module, len);
	bench_alternate(bench, 1);
	assert_int_equal(bench_write(bench, 1753, &flag, 1), VUNIT_ACK);
}

static void a_staged_bootloader_brings_the_serial_flash(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_P1_0_6_0);
	uint8_t flag;
	write_parts(&bench, P1);
	stage(&bench, PHOTON); /* no bootloader for this unit */
	bench_leave(&bench);
	assert_int_equal(vunit_spec(bench.unit)->bootloader, VUNIT_P1_0_6_0);
	bench_power(&bench, true);
	stage(&bench, P1);
	bench_leave(&bench);
	assert_int_equal(vunit_spec(bench.unit)->bootloader, VUNIT_P1_1_4_4);
	bench_file(&bench, "alt1.bin", 1753, &flag, 1);
	assert_int_equal(flag, 0xFF);
	bench_power(&bench, true);
	assert_int_equal(bench_alternate(&bench, 2), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 0, "x", 1), VUNIT_ACK);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_flash_ands_what_is_written_and_reports_no_failure),
		cmocka_unit_test(serial_flash_is_read_through_the_transfer_buffer),
		cmocka_unit_test(bootloader_0_6_0_announces_no_serial_flash),
		cmocka_unit_test(it_shows_itself_as_a_p1),
		cmocka_unit_test(it_starts_no_system_of_a_photon),
		cmocka_unit_test(a_staged_bootloader_brings_the_serial_flash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
