/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual base */
/* The STM32's system memory as a virtual unit: its identity and its DFU machine, each row of docs/devices.md, "STM32
 * ROM". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rom_bench.h"

static void string_is(struct bench *bench, uint8_t index, const char *expected)
{
	uint8_t bytes[255];
	assert_int_equal(
		bench_control(bench, 0x80, 6, (uint16_t)(0x300 | index), 0x409, bytes, 255), VUNIT_ACK);
	assert_int_equal(bench->len, 2 + 2 * strlen(expected));
	for (size_t i = 0; expected[i]; i++)
		assert_int_equal(bytes_le16(bytes + 2 + 2 * i), expected[i]);
}

static void it_shows_itself_as_the_chip_does(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t bytes[255];
	assert_int_equal(bench_control(&bench, 0x80, 6, 0x100, 0, bytes, 255), VUNIT_ACK);
	assert_int_equal(bytes_le16(bytes + 2), 0x0100);
	assert_int_equal(bytes_le16(bytes + 8), 0x0483);
	assert_int_equal(bytes_le16(bytes + 10), 0xDF11);
	assert_int_equal(bytes_le16(bytes + 12), 0x2200);
	string_is(&bench, bytes[14], "STMicroelectronics");
	string_is(&bench, bytes[15], "STM32  BOOTLOADER");
	string_is(&bench, bytes[16], "STM32FxSTM32");
	assert_int_equal(bench_control(&bench, 0x80, 6, 0x200, 0, bytes, 255), VUNIT_ACK);
	assert_int_equal(bench.len, 9 + 4 * 9 + 9);
	assert_memory_equal(bytes + 9 + 4 * 9, "\x09\x21\x0B\xFF\x00\x00\x08\x1A\x01", 9);
	static const char *const layouts[] = {
		"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
		"@Option Bytes  /0x1FFFC000/01*016 e", "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
		"@Device Feature/0xFFFF0000/01*004 e"
	};
	for (unsigned i = 0; i < 4; i++) {
		uint8_t text = bytes[9 + 9 * i + 8];
		assert_int_equal(bytes[9 + 9 * i + 3], i);
		string_is(&bench, text, layouts[i]);
		assert_int_equal(bench_alternate(&bench, (uint16_t)i), VUNIT_ACK);
		assert_int_equal(bench_control(&bench, 0x80, 6, 0x200, 0, bytes, 255), VUNIT_ACK);
	}
	assert_int_equal(bench_alternate(&bench, 4), VUNIT_STALL);
	bench_done(&bench);
}

static void two_units_may_have_one_serial(void **state)
{
	(void)state;
	struct vunit_spec spec = bench_specs[VUNIT_ROM_F4];
	spec.device_id[3] = 9;
	struct bench one = bench_new(VUNIT_ROM_F4), other = bench_with(&spec);
	char a[32], b[32];
	bench_power(&other, true);
	vunit_serial(one.unit, a, sizeof a);
	vunit_serial(other.unit, b, sizeof b);
	assert_string_equal(a, b);
	bench_done(&one);
	bench_done(&other);

	spec = bench_specs[VUNIT_ROM_F4_FOLDED];
	memcpy(spec.device_id, "\x53\xFF\x6D\x06\x66\x57\x54\x53\x51\x14\x67\xC1", 12);
	one = bench_with(&spec);
	bench_power(&one, true);
	vunit_serial(one.unit, a, sizeof a);
	assert_string_equal(a, "C7D513A45354");
	bench_done(&one);
}

static void work_begins_with_the_status_that_says_busy(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	static const uint8_t erase[5] = { 0x41, 0x00, 0x00, 0x01, 0x08 };
	uint8_t byte;
	assert_int_equal(put(&bench, 0x08010000, "\x12", 1), 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 0, erase, 5), VUNIT_ACK);
	bench_file(&bench, "alt0.bin", 0x10000, &byte, 1);
	assert_int_equal(byte, 0x12);
	assert_int_equal(bench_state(&bench), SYNC);
	expect_status(&bench, BUSY, 0);
	bench_file(&bench, "alt0.bin", 0x10000, &byte, 1);
	assert_int_equal(byte, 0xFF);
	bench_done(&bench);
}

/* 64 KiB take 0.55 s, and 0.1 s is announced. */
static void an_early_status_is_held_told_or_stalled(void **state)
{
	(void)state;
	static const struct {
		enum vunit_bootloader bootloader;
		enum vunit_answer answer;
		uint8_t state;
		bool held;
	} rows[] = { { VUNIT_ROM_F4, VUNIT_ACK, DNLOAD_IDLE, true },
		{ VUNIT_ROM_L1, VUNIT_ACK, BUSY, false }, { VUNIT_ROM_L4, VUNIT_STALL, 0, false } };
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(rows[i].bootloader);
		static const uint8_t erase[5] = { 0x41, 0x00, 0x00, 0x01, 0x08 };
		assert_int_equal(bench_out(&bench, DNLOAD, 0, erase, 5), VUNIT_ACK);
		struct bench_status status = bench_status(&bench);
		assert_int_equal(status.state, BUSY);
		assert_true(bench.took_us < 1000);
		status = bench_status(&bench);
		assert_int_equal(status.answer, rows[i].answer);
		assert_int_equal(status.state, rows[i].state);
		assert_int_equal(bench.took_us > 540000, rows[i].held);
		bench_pass(&bench, 600000);
		expect_status(&bench, DNLOAD_IDLE, 0);
		bench_done(&bench);
	}
}

static void a_block_takes_a_few_of_its_announced_milliseconds(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t block[2048];
	memset(block, 0x5A, sizeof block);
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, block, sizeof block), VUNIT_ACK);
	assert_int_equal(bench_status(&bench).poll_ms, 104);
	expect_status(&bench, DNLOAD_IDLE, 0);
	assert_in_range(bench.took_us, 8000, 9000);
	bench_done(&bench);
}

static void blocks_are_counted_in_announced_sizes(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t found[2];
	assert_int_equal(command(&bench, 0x21, 0x08010000), 0);
	assert_int_equal(run(&bench, 5, "\x12\x34", 2), 0);
	bench_file(&bench, "alt0.bin", 0x10000 + 3 * 2048, found, 2);
	assert_memory_equal(found, "\x12\x34", 2);
	get(&bench, 0x08010000 + 3 * 2048, found, 2);
	assert_memory_equal(found, "\x12\x34", 2);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, (uint8_t[2049]){ 0 }, 2049), VUNIT_STALL);
	expect_status(&bench, ERROR, STALLEDPKT);
	bench_done(&bench);
}

static void programming_clears_bits_and_erasing_takes_its_sector(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t found[2];
	assert_int_equal(put(&bench, 0x08003FFF, "\x3C\x3C", 2), 0);
	assert_int_equal(put(&bench, 0x08003FFF, "\xF0", 1), 0);
	get(&bench, 0x08003FFF, found, 2);
	assert_memory_equal(found, "\x30\x3C", 2);
	assert_int_equal(command(&bench, 0x41, 0x08001234), 0);
	get(&bench, 0x08003FFF, found, 2);
	assert_memory_equal(found, "\xFF\x3C", 2);
	bench_done(&bench);
}

static void get_tells_the_commands(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t bytes[64];
	assert_int_equal(bench_in(&bench, UPLOAD, 0, bytes, 64), VUNIT_ACK);
	assert_int_equal(bench.len, 4);
	assert_memory_equal(bytes, "\x00\x21\x41\x92", 4);
	expect_status(&bench, IDLE, 0);
	bench_done(&bench);
}

static void what_it_does_not_know_is_stalledpkt(void **state)
{
	(void)state;
	static const struct {
		uint16_t block;
		const char *bytes;
		uint16_t len;
	} rows[] = { { 0, "\x77\0\0\0\x08", 5 }, { 0, "\x21\0\0\x08", 4 }, { 1, "\x21\0\0\0\x08", 5 },
		{ 0, "\x92\0", 2 } };
	struct bench bench = bench_new(VUNIT_ROM_F4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bench_out(&bench, DNLOAD, rows[i].block, rows[i].bytes, rows[i].len), VUNIT_ACK);
		expect_status(&bench, ERROR, STALLEDPKT);
		assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_ACK);
		expect_status(&bench, IDLE, 0);
	}
	bench_done(&bench);
}

static void bad_addresses_are_target(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t bytes[16];
	assert_int_equal(command(&bench, 0x21, 0x08100000), TARGET);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(command(&bench, 0x41, 0x07FFFFFF), TARGET);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(command(&bench, 0x21, 0x080FFFF0), 0);
	assert_int_equal(run(&bench, 3, "\x12", 1), TARGET);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(bench_in(&bench, UPLOAD, 3, bytes, 16), VUNIT_STALL);
	expect_status(&bench, ERROR, TARGET);
	/* What begins inside ends with the memory, and ends the upload. */
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(bench_in(&bench, UPLOAD, 2, bytes, 16), VUNIT_ACK);
	assert_int_equal(bench.len, 16);
	expect_status(&bench, UPLOAD_IDLE, 0);
	bench_out(&bench, ABORT, 0, NULL, 0);
	/* The option bytes are not flash. */
	bench_alternate(&bench, 1);
	assert_int_equal(command(&bench, 0x41, OPTIONS), TARGET);
	bench_done(&bench);
}

/* Requests outside their states: DFU 1.1, and ST's own CLRSTATUS. */
static void requests_at_the_wrong_time(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t bytes[4];
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	assert_int_equal(bench_in(&bench, UPLOAD, 2, bytes, 4), VUNIT_STALL);
	expect_status(&bench, ERROR, STALLEDPKT);
	assert_int_equal(bench_out(&bench, ABORT, 0, NULL, 0), VUNIT_STALL);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, "\x12", 1), VUNIT_STALL);
	expect_status(&bench, ERROR, STALLEDPKT);
	assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_ACK);
	expect_status(&bench, IDLE, 0);
	assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_ACK);
	expect_status(&bench, ERROR, UNKNOWN);
	bench_done(&bench);

	bench = bench_new(VUNIT_ROM_C5);
	assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_STALL);
	expect_status(&bench, IDLE, 0);
	/* The functional descriptor alone is never given. */
	assert_int_equal(bench_control(&bench, 0x81, 6, 0x2100, 0, bytes, 4), VUNIT_STALL);
	bench_done(&bench);
}

static void a_pending_download_is_dropped_by_abort(void **state)
{
	(void)state;
	struct bench bench = bench_new(VUNIT_ROM_F4);
	uint8_t byte;
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, "\x12", 1), VUNIT_ACK);
	assert_int_equal(bench_out(&bench, ABORT, 0, NULL, 0), VUNIT_ACK);
	expect_status(&bench, IDLE, 0);
	bench_file(&bench, "alt0.bin", 0, &byte, 1);
	assert_int_equal(byte, 0xFF);
	bench_done(&bench);
}

static void leave(struct bench *bench)
{
	assert_int_equal(bench_out(bench, DNLOAD, 0, NULL, 0), VUNIT_ACK);
	bench_status(bench);
	bench_settle(bench);
}

static void it_starts_what_the_pointer_points_to(void **state)
{
	(void)state;
	struct bench bench = product(VUNIT_ROM_F4);
	char serial[32];
	uint8_t bytes[18];
	put_program(&bench, FLASH);
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	assert_true(vunit_device_descriptor(bench.unit, bytes));
	assert_int_equal(bytes_le16(bytes + 8), 0x1209);
	assert_int_equal(bytes_le16(bytes + 10), 0x0001);
	vunit_serial(bench.unit, serial, sizeof serial);
	assert_string_equal(serial, "ab0000000000000000000000");
	/* Its own way back. */
	assert_int_equal(bench_control(&bench, 0x21, 0x20, 0, 0, (uint8_t[]){ 0xB0, 4, 0, 0, 0, 0, 8 }, 7), VUNIT_ACK);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	/* Elsewhere there is none, and it hangs until power comes back. */
	assert_int_equal(command(&bench, 0x21, 0x08020000), 0);
	leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_power(&bench, false);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);

	/* A program without USB is not seen. */
	bench = bench_new(VUNIT_ROM_F4);
	put_program(&bench, FLASH);
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_done(&bench);
}

static void some_want_an_address_before_they_leave(void **state)
{
	(void)state;
	struct bench bench = product(VUNIT_ROM_C5);
	put_program(&bench, FLASH);
	assert_int_equal(bench_out(&bench, DNLOAD, 0, NULL, 0), VUNIT_STALL);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(command(&bench, 0x21, FLASH), 0);
	leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_shows_itself_as_the_chip_does),
		cmocka_unit_test(two_units_may_have_one_serial),
		cmocka_unit_test(work_begins_with_the_status_that_says_busy),
		cmocka_unit_test(an_early_status_is_held_told_or_stalled),
		cmocka_unit_test(a_block_takes_a_few_of_its_announced_milliseconds),
		cmocka_unit_test(blocks_are_counted_in_announced_sizes),
		cmocka_unit_test(programming_clears_bits_and_erasing_takes_its_sector),
		cmocka_unit_test(get_tells_the_commands),
		cmocka_unit_test(what_it_does_not_know_is_stalledpkt),
		cmocka_unit_test(bad_addresses_are_target),
		cmocka_unit_test(requests_at_the_wrong_time),
		cmocka_unit_test(a_pending_download_is_dropped_by_abort),
		cmocka_unit_test(it_starts_what_the_pointer_points_to),
		cmocka_unit_test(some_want_an_address_before_they_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
