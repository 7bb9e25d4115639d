/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual unit in a fresh folder with a host's clock beside it, for the tests of the unit itself. Every failure
 * fails the running cmocka test. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "digest.h"
#include "vunit.h"

struct bench {
	char folder[64];
	struct vunit *unit;
	uint64_t now_us;
	enum vunit_answer answer; /* of the last request */
	uint16_t len;
	uint64_t took_us;
};

enum { DNLOAD = 1, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };

#define BENCH_SPEC(family_, bootloader_) \
	{ .family = family_, .bootloader = bootloader_, .device_id = { 0xAB }, .seed = 7 }

static const struct vunit_spec bench_specs[VUNIT_BOOTLOADER_COUNT] = {
	[VUNIT_CORE_FACTORY] = { .family = VUNIT_CORE, .bootloader = VUNIT_CORE_FACTORY,
		.device_id = { 0x53, 0xFF, 0x6D, 0x06, 0x66, 0x57, 0x54, 0x53, 0x51, 0x14, 0x67, 0xC1 }, .seed = 7 },
	[VUNIT_CORE_1_4_4] = BENCH_SPEC(VUNIT_CORE, VUNIT_CORE_1_4_4),
	[VUNIT_PHOTON_0_5_3] = BENCH_SPEC(VUNIT_PHOTON, VUNIT_PHOTON_0_5_3),
	[VUNIT_PHOTON_0_6_0] = BENCH_SPEC(VUNIT_PHOTON, VUNIT_PHOTON_0_6_0),
	[VUNIT_PHOTON_1_0_0] = BENCH_SPEC(VUNIT_PHOTON, VUNIT_PHOTON_1_0_0),
	[VUNIT_PHOTON_1_4_4] = BENCH_SPEC(VUNIT_PHOTON, VUNIT_PHOTON_1_4_4),
	[VUNIT_P1_0_6_0] = BENCH_SPEC(VUNIT_P1, VUNIT_P1_0_6_0),
	[VUNIT_P1_1_4_4] = BENCH_SPEC(VUNIT_P1, VUNIT_P1_1_4_4),
	[VUNIT_PHOTON_0_6_1] = BENCH_SPEC(VUNIT_PHOTON, VUNIT_PHOTON_0_6_1),
	[VUNIT_P1_0_6_1] = BENCH_SPEC(VUNIT_P1, VUNIT_P1_0_6_1),
	[VUNIT_ELECTRON_0_5_3] = BENCH_SPEC(VUNIT_ELECTRON, VUNIT_ELECTRON_0_5_3),
	[VUNIT_ELECTRON_0_6_0] = BENCH_SPEC(VUNIT_ELECTRON, VUNIT_ELECTRON_0_6_0),
	[VUNIT_ELECTRON_0_6_1] = BENCH_SPEC(VUNIT_ELECTRON, VUNIT_ELECTRON_0_6_1),
	[VUNIT_ELECTRON_1_4_4] = BENCH_SPEC(VUNIT_ELECTRON, VUNIT_ELECTRON_1_4_4),
	[VUNIT_ROM_F4] = BENCH_SPEC(VUNIT_ROM, VUNIT_ROM_F4),
	[VUNIT_ROM_F4_FOLDED] = BENCH_SPEC(VUNIT_ROM, VUNIT_ROM_F4_FOLDED),
	[VUNIT_ROM_L1] = BENCH_SPEC(VUNIT_ROM, VUNIT_ROM_L1),
	[VUNIT_ROM_L4] = BENCH_SPEC(VUNIT_ROM, VUNIT_ROM_L4),
	[VUNIT_ROM_C5] = BENCH_SPEC(VUNIT_ROM, VUNIT_ROM_C5),
};

/* Has it the DFU machine of device-os, or an STM32's ROM? */
static inline bool bench_is_rom(unsigned bootloader)
{
	return bench_specs[bootloader].family == VUNIT_ROM;
}

/* Lets time pass until the unit is on the bus, or nothing more happens. */
static inline void bench_settle(struct bench *bench)
{
	uint64_t next_us = vunit_next_event_us(bench->unit);
	while (next_us != UINT64_MAX) {
		bench->now_us = next_us;
		vunit_advance(bench->unit, next_us);
		next_us = vunit_next_event_us(bench->unit);
	}
}

static inline void bench_pass(struct bench *bench, uint64_t us)
{
	bench->now_us += us;
	vunit_advance(bench->unit, bench->now_us);
}

static inline void bench_power(struct bench *bench, bool button)
{
	vunit_power(bench->unit, button, bench->now_us);
	bench_settle(bench);
}

static inline struct bench bench_with(const struct vunit_spec *spec)
{
	struct bench bench = { .folder = "/tmp/vunit-test-XXXXXX" };
	struct err err;
	assert_non_null(mkdtemp(bench.folder));
	assert_true(vunit_create(bench.folder, spec, &err));
	assert_true(vunit_open(bench.folder, &bench.unit, &err));
	return bench;
}

/* In DFU, at power-up. */
static inline struct bench bench_new(enum vunit_bootloader bootloader)
{
	struct bench bench = bench_with(&bench_specs[bootloader]);
	bench_power(&bench, true);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	return bench;
}

static inline void bench_done(struct bench *bench)
{
	static const char *const names[] = { "alt0.bin", "alt1.bin", "alt2.bin", "alt3.bin", "unit.json", "radio" };
	char path[128];
	vunit_close(bench->unit);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s", bench->folder, names[i]);
		unlink(path);
	}
	rmdir(bench->folder);
}

static inline enum vunit_answer bench_control(struct bench *bench, uint8_t type, uint8_t request,
	uint16_t value, uint16_t index, void *data, uint16_t len)
{
	uint8_t setup[8] = { type, request };
	uint64_t done_us;
	bytes_put_le16(setup + 2, value);
	bytes_put_le16(setup + 4, index);
	bytes_put_le16(setup + 6, len);
	bench->answer = vunit_control(bench->unit, setup, data, &bench->len, bench->now_us, &done_us);
	assert_true(bench->len <= len);
	if (done_us == UINT64_MAX) {
		assert_int_equal(bench->answer, VUNIT_NONE);
		return bench->answer;
	}
	bench->took_us = done_us - bench->now_us;
	bench->now_us = done_us;
	return bench->answer;
}

static inline enum vunit_answer bench_out(struct bench *bench, uint8_t request, uint16_t value,
	const void *data, uint16_t len)
{
	uint8_t copy[65536];
	if (len)
		memcpy(copy, data, len);
	return bench_control(bench, 0x21, request, value, 0, copy, len);
}

static inline enum vunit_answer bench_in(struct bench *bench, uint8_t request, uint16_t value, void *data,
	uint16_t len)
{
	return bench_control(bench, 0xA1, request, value, 0, data, len);
}

static inline int bench_state(struct bench *bench)
{
	uint8_t state = 0xEE;
	assert_int_equal(bench_in(bench, GETSTATE, 0, &state, 1), VUNIT_ACK);
	return state;
}

struct bench_status {
	enum vunit_answer answer;
	uint8_t status, state;
	uint32_t poll_ms;
};

static inline struct bench_status bench_status(struct bench *bench)
{
	uint8_t bytes[6] = { 0 };
	struct bench_status status = { .answer = bench_in(bench, GETSTATUS, 0, bytes, 6) };
	status.status = bytes[0];
	status.poll_ms = bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16;
	status.state = bytes[4];
	return status;
}

/* A DNLOAD that is carried out, and the state after it; the answer is that of the GET_STATUS that ran it. */
static inline enum vunit_answer bench_run(struct bench *bench, uint16_t block, const void *data, uint16_t len)
{
	assert_int_equal(bench_out(bench, DNLOAD, block, data, len), VUNIT_ACK);
	enum vunit_answer answer = bench_status(bench).answer;
	uint64_t took_us = bench->took_us;
	if (answer != VUNIT_NONE) {
		assert_int_equal(bench_status(bench).state, 5);
		bench->took_us = took_us;
	}
	return answer;
}

static inline enum vunit_answer bench_command(struct bench *bench, uint8_t command, uint32_t address)
{
	uint8_t bytes[5] = { command };
	bytes_put_le32(bytes + 1, address);
	return bench_run(bench, 0, bytes, sizeof(bytes));
}

static inline enum vunit_answer bench_erase(struct bench *bench, uint32_t address)
{
	return bench_command(bench, 0x41, address);
}

static inline enum vunit_answer bench_write(struct bench *bench, uint32_t address, const void *data, uint16_t len)
{
	assert_int_equal(bench_command(bench, 0x21, address), VUNIT_ACK);
	return bench_run(bench, 2, data, len);
}

static inline enum vunit_answer bench_read(struct bench *bench, uint32_t address, void *data, uint16_t len)
{
	bench_out(bench, ABORT, 0, NULL, 0);
	assert_int_equal(bench_command(bench, 0x21, address), VUNIT_ACK);
	bench_out(bench, ABORT, 0, NULL, 0);
	enum vunit_answer answer = bench_in(bench, UPLOAD, 2, data, len);
	if (answer == VUNIT_ACK)
		bench_out(bench, ABORT, 0, NULL, 0);
	return answer;
}

static inline enum vunit_answer bench_alternate(struct bench *bench, uint16_t alternate)
{
	return bench_control(bench, 0x01, 11, alternate, 0, NULL, 0);
}

/* Leaves DFU and lets the unit come back as what it becomes. */
static inline void bench_leave(struct bench *bench)
{
	bench_out(bench, ABORT, 0, NULL, 0);
	assert_int_equal(bench_out(bench, DNLOAD, 2, NULL, 0), VUNIT_ACK);
	bench_status(bench);
	bench_settle(bench);
}

/* A file of the unit's folder. */
static inline void bench_file(const struct bench *bench, const char *name, size_t offset, void *to, size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", bench->folder, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fread(to, 1, len, file), len);
	fclose(file);
}

/* A module of a platform (6 Photon, 8 P1, 10 Electron) without vectors, with a right CRC; its length, which is less
 * than BENCH_MODULE_MAX. */
enum { BENCH_MODULE_MAX = 2048 };
static inline size_t bench_module(uint8_t to[BENCH_MODULE_MAX], uint32_t start, uint16_t platform,
	uint8_t function, uint8_t index, uint16_t version)
{
	uint32_t len = 0x400;
	memset(to, 0x5A, len);
	memset(to, 0, 24);
	bytes_put_le32(to, start);
	bytes_put_le32(to + 4, start + len);
	bytes_put_le16(to + 10, version);
	bytes_put_le16(to + 12, platform);
	to[14] = function;
	to[15] = index;
	bytes_put_be32(to + len, digest_crc32(to, len));
	return len + 4;
}

/* In one sector, or what is erased together, of the present alternate setting. */
static inline void bench_write_module(
	struct bench *bench, uint32_t address, const uint8_t *module, size_t len)
{
	assert_int_equal(bench_erase(bench, address), VUNIT_ACK);
	assert_int_equal(bench_write(bench, address, module, (uint16_t)len), VUNIT_ACK);
}
