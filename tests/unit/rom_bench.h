/* SPDX-License-Identifier: Apache-2.0 */
/* A host of an STM32's ROM, on top of vunit_bench.h: operations with both of their GET_STATUS. Every failure fails the
 * running cmocka test. */
#pragma once

#include <stdio.h>

#include "vunit_bench.h"

enum { IDLE = 2, SYNC, BUSY, DNLOAD_IDLE, MANIFEST_SYNC, MANIFEST, UPLOAD_IDLE = 9, ERROR };
enum { TARGET = 1, VENDOR = 11, UNKNOWN = 14, STALLEDPKT = 15 };
enum { FLASH = 0x08000000, OPTIONS = 0x1FFFC000, OTP = 0x1FFF7800 };

static inline void expect_status(struct bench *bench, uint8_t state, uint8_t status)
{
	struct bench_status found = bench_status(bench);
	assert_int_equal(found.answer, VUNIT_ACK);
	assert_int_equal(found.state, state);
	assert_int_equal(found.status, status);
}

/* A DNLOAD, the GET_STATUS that starts it, and the one that tells: its status. */
static inline uint8_t run(struct bench *bench, uint16_t block, const void *data, uint16_t len)
{
	assert_int_equal(bench_out(bench, DNLOAD, block, data, len), VUNIT_ACK);
	struct bench_status busy = bench_status(bench);
	assert_int_equal(busy.state, BUSY);
	assert_int_equal(busy.status, 0);
	assert_int_equal(busy.poll_ms, block ? 104 : 100);
	bench_pass(bench, busy.poll_ms * 1000 + 2000000);
	struct bench_status done = bench_status(bench);
	assert_int_equal(done.state, done.status ? ERROR : DNLOAD_IDLE);
	return done.status;
}

static inline uint8_t command(struct bench *bench, uint8_t code, uint32_t address)
{
	uint8_t bytes[5] = { code };
	bytes_put_le32(bytes + 1, address);
	return run(bench, 0, bytes, sizeof bytes);
}

static inline uint8_t put(struct bench *bench, uint32_t address, const void *data, uint16_t len)
{
	assert_int_equal(command(bench, 0x21, address), 0);
	return run(bench, 2, data, len);
}

static inline void get(struct bench *bench, uint32_t address, void *data, uint16_t len)
{
	assert_int_equal(command(bench, 0x21, address), 0);
	assert_int_equal(bench_out(bench, ABORT, 0, NULL, 0), VUNIT_ACK);
	assert_int_equal(bench_in(bench, UPLOAD, 2, data, len), VUNIT_ACK);
	assert_int_equal(bench->len, len);
	assert_int_equal(bench_out(bench, ABORT, 0, NULL, 0), VUNIT_ACK);
}

static inline void set_option(struct bench *bench, long offset, uint16_t value)
{
	char path[128];
	uint8_t bytes[2] = { (uint8_t)value, (uint8_t)(value >> 8) };
	snprintf(path, sizeof path, "%s/alt1.bin", bench->folder);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, offset == 1 ? 1 : 2, file), offset == 1 ? 1 : 2);
	fclose(file);
}

/* A stack in RAM, and a start in the flash. */
static inline void put_program(struct bench *bench, uint32_t address)
{
	uint8_t vectors[8];
	bytes_put_le32(vectors, 0x20020000);
	bytes_put_le32(vectors + 4, address + 0x201);
	assert_int_equal(command(bench, 0x41, address), 0);
	assert_int_equal(put(bench, address, vectors, sizeof vectors), 0);
}

static inline struct bench product(enum vunit_bootloader bootloader)
{
	struct vunit_spec spec = bench_specs[bootloader];
	spec.chip.cdc_vendor = 0x1209;
	spec.chip.cdc_product = 0x0001;
	spec.chip.touch_baud = 1200;
	struct bench bench = bench_with(&spec);
	bench_power(&bench, true);
	return bench;
}
