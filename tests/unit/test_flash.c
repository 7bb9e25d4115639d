/* SPDX-License-Identifier: Apache-2.0 */
/* USES: flash dfu jobs config keys usb base */
/* Writing, verifying and key slots, on a unit with honest memory and chosen damage. */
#include "memory_dev.h"

#include <stdio.h>

#include "assert_reason.h"
#include "flash.h"

static const struct family family = {
	.name = "test",
	.alts = {
		{ .alt = 0, .memory = MEMORY_NOR, .erase_timeout_ms = 1000, .write_timeout_ms = 1000,
			.access_start = NOR_ADDR, .access_end = NOR_ADDR + NOR_LEN,
			.layout = { .segments = { { NOR_ADDR, MEMORY_SECTOR, 4, 7 } }, .count = 1 } },
		{ .alt = 1, .memory = MEMORY_RECORD, .erase_timeout_ms = 1000, .write_timeout_ms = 1000,
			.access_start = 32, .access_end = 500,
			.layout = { .segments = { { 0, RECORD_LEN, 1, 7 } }, .count = 1 } },
	},
	.alt_count = 2,
	.transfer_timeout_ms = 100,
};

static const struct family_key_slot nor_slot = { .name = "device-ec",
	.alt = 0,
	.addr = NOR_ADDR + 300,
	.format = { .role = KEY_ROLE_DEVICE, .size = 100 },
	.read_modify_write = true };
static const struct family_key_slot record_slot = { .name = "device-rsa",
	.alt = 1,
	.addr = 34,
	.format = { .role = KEY_ROLE_DEVICE, .size = 101 } };

struct bench {
	struct memory_dev unit;
	struct dfu dfu;
	uint8_t before[NOR_LEN];
	uint8_t key[128];
};

static void new_bench(struct bench *bench)
{
	*bench = (struct bench){ 0 };
	bench->unit.dev.ops = &memory_ops;
	bench->unit.state = DFU_IDLE;
	for (unsigned i = 0; i < NOR_LEN; i++)
		bench->unit.nor[i] = (uint8_t)(i * 7 + 3);
	for (unsigned i = 0; i < RECORD_LEN; i++)
		bench->unit.record[i] = 0x55;
	for (unsigned i = 0; i < sizeof(bench->key); i++)
		bench->key[i] = (uint8_t)(0xb0 + i % 64);
	memcpy(bench->before, bench->unit.nor, NOR_LEN);
	bench->dfu = (struct dfu){ .dev = &bench->unit.dev,
		.family = &family,
		.transfer_size = MEMORY_BLOCK,
		.announced_size = MEMORY_BLOCK,
		.alt = 0,
		.pointer_alt = -1,
		.state = DFU_IDLE };
}

/* The slot has the key and everything else in the NOR is as it was. */
static void assert_only_slot_changed(const struct bench *bench)
{
	uint8_t wanted[NOR_LEN];

	memcpy(wanted, bench->before, NOR_LEN);
	memcpy(wanted + 300, bench->key, 100);
	assert_memory_equal(bench->unit.nor, wanted, NOR_LEN);
}

static void a_region_is_written_and_verified(void **state)
{
	struct family_region user = { .name = "user", .alt = 0 };
	uint8_t bytes[MEMORY_SECTOR];
	struct plan_sector sector = {
		.alt = 0, .addr = NOR_ADDR + MEMORY_SECTOR, .size = MEMORY_SECTOR
	};
	struct plan_region region = {
		.region = &user, .addr = sector.addr, .bytes = bytes, .len = 100, .write_len = 128
	};
	struct plan_extent extent = {
		.alt = 0, .addr = sector.addr, .len = MEMORY_SECTOR, .expected = bytes
	};
	struct bench bench;
	bool same = false;
	struct err err;

	(void)state;
	new_bench(&bench);
	memset(bytes, 0xff, sizeof(bytes));
	memset(bytes, 0x12, 100);
	assert_true(flash_erase(&bench.dfu, &sector, &err));
	assert_true(flash_is_same(&bench.dfu, &extent, &same, &err));
	assert_false(same);
	assert_true(flash_write(&bench.dfu, region.region->alt, region.addr, region.bytes,
		region.write_len, NULL, &err));
	assert_int_equal(bench.unit.writes, 2);
	assert_true(
		flash_verify(&bench.dfu, 0, sector.addr, bytes, sizeof(bytes), NULL, NULL, &err));
	assert_true(flash_is_same(&bench.dfu, &extent, &same, &err));
	assert_true(same);
	assert_memory_equal(bench.unit.nor, bench.before, MEMORY_SECTOR);
	assert_memory_equal(bench.unit.nor + 512, bench.before + 512, 512);
}

static void a_difference_is_told_with_its_first_address(void **state)
{
	struct flash_difference difference = { 0 };
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	bench.unit.nor[0x123] ^= 0x80;
	bench.unit.nor[0x200] ^= 0x01;
	assert_false(flash_verify(
		&bench.dfu, 0, NOR_ADDR, bench.before, NOR_LEN, NULL, &difference, &err));
	assert_reason(&err, REASON_FLASH_BAD);
	assert_int_equal(difference.addr, NOR_ADDR + 0x123);
	assert_int_equal(difference.count, 2);
	assert_int_equal(difference.expected, bench.before[0x123]);
	assert_int_equal(difference.found, bench.before[0x123] ^ 0x80);
	assert_string_equal(err.text, "alt 0: 0x00001123: expected f8, found 78; 2 bytes differ");
}

static void nothing_outside_the_access_range_is_touched(void **state)
{
	static const struct {
		uint8_t alt;
		uint32_t addr, len;
	} ranges[] = { { 0, NOR_ADDR - 1, 2 }, { 0, NOR_ADDR, NOR_LEN + 1 },
		{ 0, NOR_ADDR + NOR_LEN, 1 }, { 0, UINT32_MAX, 1 }, { 0, NOR_ADDR, UINT32_MAX },
		{ 1, 31, 1 }, { 1, 32, 469 }, { 2, 0, 1 } };
	uint8_t bytes[8] = { 0 };
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct plan_sector sector = {
			.alt = ranges[i].alt, .addr = ranges[i].addr, .size = ranges[i].len
		};
		struct family_region place = { .name = "x", .alt = ranges[i].alt };
		struct plan_region region = { .region = &place,
			.addr = ranges[i].addr,
			.bytes = bytes,
			.len = ranges[i].len,
			.write_len = ranges[i].len };
		struct family_key_slot slot = { .name = "y",
			.alt = ranges[i].alt,
			.addr = ranges[i].addr,
			.format.size = ranges[i].len };

		assert_false(flash_read(&bench.dfu, ranges[i].alt, ranges[i].addr, bytes,
			ranges[i].len, NULL, &err));
		assert_reason(&err, REASON_BUG);
		assert_false(flash_verify(&bench.dfu, ranges[i].alt, ranges[i].addr, bytes,
			ranges[i].len, NULL, NULL, &err));
		assert_reason(&err, REASON_BUG);
		assert_false(flash_erase(&bench.dfu, &sector, &err));
		assert_reason(&err, REASON_BUG);
		assert_false(flash_write(&bench.dfu, region.region->alt, region.addr, region.bytes,
			region.write_len, NULL, &err));
		assert_reason(&err, REASON_BUG);
		assert_false(flash_write_slot(&bench.dfu, &slot, bytes, &err));
		assert_reason(&err, REASON_BUG);
	}
	assert_int_equal(bench.unit.transfers, 0);
}

static void a_padded_write_must_fit_too(void **state)
{
	struct family_region place = { .name = "x", .alt = 0 };
	uint8_t bytes[64] = { 0 };
	struct plan_region region = { .region = &place,
		.addr = NOR_ADDR + NOR_LEN - 32,
		.bytes = bytes,
		.len = 32,
		.write_len = 64 };
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	assert_false(flash_write(&bench.dfu, region.region->alt, region.addr, region.bytes,
		region.write_len, NULL, &err));
	assert_reason(&err, REASON_BUG);
	assert_int_equal(bench.unit.transfers, 0);
}

static void a_record_slot_is_written_with_its_exact_length(void **state)
{
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	assert_true(flash_write_slot(&bench.dfu, &record_slot, bench.key, &err));
	assert_int_equal(bench.unit.writes, 2); /* 64 + 37 */
	assert_int_equal(bench.unit.erases, 0);
	assert_memory_equal(bench.unit.record + 34, bench.key, 101);
	assert_true(bytes_all(bench.unit.record, 34, 0x55));
	assert_true(bytes_all(bench.unit.record + 135, RECORD_LEN - 135, 0x55));
}

static void a_record_memory_is_never_erased(void **state)
{
	struct plan_sector sector = { .alt = 1, .addr = 64, .size = 64 };
	struct family_region place = { .name = "flag", .alt = 1 };
	static const uint8_t flag[64] = { 0xa5 };
	struct plan_region region = {
		.region = &place, .addr = 200, .bytes = flag, .len = 1, .write_len = 1
	};
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	assert_false(flash_erase(&bench.dfu, &sector, &err));
	assert_reason(&err, REASON_BUG);
	assert_true(flash_write(&bench.dfu, region.region->alt, region.addr, region.bytes,
		region.write_len, NULL, &err));
	assert_int_equal(bench.unit.record[200], 0xa5);
	assert_int_equal(bench.unit.record[201], 0x55);
}

static void a_nor_slot_keeps_its_neighbours(void **state)
{
	struct family_key_slot wide = nor_slot;
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	assert_true(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_only_slot_changed(&bench);
	assert_int_equal(bench.unit.erases, 1);
	/* A slot that lies across two sectors. */
	new_bench(&bench);
	wide.addr = NOR_ADDR + 2 * MEMORY_SECTOR - 50;
	assert_true(flash_write_slot(&bench.dfu, &wide, bench.key, &err));
	assert_int_equal(bench.unit.erases, 2);
	assert_memory_equal(bench.unit.nor + 462, bench.key, 100);
	assert_memory_equal(bench.unit.nor, bench.before, 462);
	assert_memory_equal(bench.unit.nor + 562, bench.before + 562, NOR_LEN - 562);
}

/* Between the erase and the write-back the neighbours stand nowhere else: so long a stop has to wait. */
static void a_stop_does_not_lose_the_neighbours(void **state)
{
	struct bench bench;
	struct cancel stop = { false };
	struct err err;

	(void)state;
	new_bench(&bench);
	bench.unit.stop = &stop;
	bench.dfu.cancel = &stop;
	assert_false(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_reason(&err, REASON_STOPPED);
	assert_only_slot_changed(&bench);
	assert_ptr_equal(bench.dfu.cancel, &stop);
}

/* No run of three bytes of the key may be readable in a text, in whatever case. */
static void assert_shows_no_byte(const struct err *err, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		char hex[5], spaced[8];

		bytes_to_hex(bytes + i, 2, hex);
		snprintf(spaced, sizeof(spaced), "%02x %02x", bytes[i], bytes[i + 1]);
		assert_null(strstr(err->text, hex));
		assert_null(strstr(err->text, spaced));
	}
	assert_null(strstr(err->text, "expected"));
	assert_null(strstr(err->text, "found"));
}

static void a_bad_cell_in_a_slot_is_found_and_shows_no_key(void **state)
{
	struct family_key_slot server = nor_slot;
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	bench.unit.stuck_addr = NOR_ADDR + 301;
	assert_false(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_reason(&err, REASON_KEY_MISMATCH);
	assert_string_equal(err.text,
		"key slot device-ec: alt 0: 0x0000112d: 1 bytes of the slot are not as they "
		"were written");
	assert_shows_no_byte(&err, bench.key, 100);
	server.format.role = KEY_ROLE_SERVER;
	assert_false(flash_write_slot(&bench.dfu, &server, bench.key, &err));
	assert_reason(&err, REASON_SERVER_KEY_WRONG);
}

static void a_bad_cell_beside_a_slot_is_found(void **state)
{
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	bench.unit.stuck_addr = NOR_ADDR + 410; /* behind the slot, in its sector */
	assert_false(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_reason(&err, REASON_FLASH_BAD);
	assert_string_equal(err.text,
		"key slot device-ec: alt 0: 0x0000119a: 1 bytes beside the slot are not as they "
		"were");
	new_bench(&bench);
	uint32_t in_front = NOR_ADDR + MEMORY_SECTOR;
	while (!(bench.unit.nor[in_front - NOR_ADDR] & 1))
		in_front++;
	assert_true(in_front < nor_slot.addr);
	bench.unit.stuck_addr = in_front;
	assert_false(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_reason(&err, REASON_FLASH_BAD);
	assert_non_null(strstr(err.text, "1 bytes beside the slot are not as they were"));
}

static void a_wrong_bit_in_the_first_reading_never_reaches_the_neighbours(void **state)
{
	struct bench bench;
	struct err err;

	(void)state;
	new_bench(&bench);
	bench.unit.flip_addr = NOR_ADDR + 260;
	assert_false(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	assert_reason(&err, REASON_FLASH_BAD);
	assert_int_equal(bench.unit.erases, 0);
	assert_memory_equal(bench.unit.nor, bench.before, NOR_LEN);
}

static void neighbours_survive_a_try_that_broke_off_anywhere(void **state)
{
	struct bench bench;
	unsigned transfers;
	struct err err;

	(void)state;
	new_bench(&bench);
	assert_true(flash_write_slot(&bench.dfu, &nor_slot, bench.key, &err));
	transfers = bench.unit.transfers;
	assert_true(transfers > 20);
	for (unsigned at = 1; at <= transfers; at++) {
		struct flash_saved saved = { 0 };

		new_bench(&bench);
		bench.unit.fail_at = at;
		assert_false(
			flash_write_slot_saving(&bench.dfu, &nor_slot, bench.key, &saved, &err));
		assert_reason(&err, REASON_USB_TIMEOUT);
		assert_true(dfu_recover(&bench.dfu, &err));
		assert_true(
			flash_write_slot_saving(&bench.dfu, &nor_slot, bench.key, &saved, &err));
		assert_only_slot_changed(&bench);
		assert_null(saved.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_is_written_and_verified),
		cmocka_unit_test(a_difference_is_told_with_its_first_address),
		cmocka_unit_test(nothing_outside_the_access_range_is_touched),
		cmocka_unit_test(a_padded_write_must_fit_too),
		cmocka_unit_test(a_record_slot_is_written_with_its_exact_length),
		cmocka_unit_test(a_record_memory_is_never_erased),
		cmocka_unit_test(a_nor_slot_keeps_its_neighbours),
		cmocka_unit_test(a_stop_does_not_lose_the_neighbours),
		cmocka_unit_test(a_bad_cell_in_a_slot_is_found_and_shows_no_key),
		cmocka_unit_test(a_bad_cell_beside_a_slot_is_found),
		cmocka_unit_test(a_wrong_bit_in_the_first_reading_never_reaches_the_neighbours),
		cmocka_unit_test(neighbours_survive_a_try_that_broke_off_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
