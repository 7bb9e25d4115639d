/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the firmware images of the shipped jobs: valid module headers, sums and dependencies (raw ones
 * have none), realistic sizes, and contents that look like a program to a flash (code, tables, texts, gaps) but
 * are none. The same call always makes the same bytes. A real line puts its own images in their
 * place.
 *
 *   mkimage [--edition 2] FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fs.h"
#include "module.h"
#include "scope.h"

enum { PROGRAM_AT = 0x200, RADIO_MAX = 9 }; /* where a virtual unit looks for a patch program */
enum { CHUNK = 256, SUFFIX_LEN = 40, CRC_LEN = 4, EDITIONS = 2, SECTOR_0_LEN = 0x4000 };

struct recipe {
	const char *file;
	uint32_t start, len; /* len: with suffix and CRC, edition 1 */
	uint32_t header; /* offset of the module header; a vector table in front of it unless 0; raw: its length */
	uint32_t stack;  /* first word of the vector table */
	uint16_t platform_id;
	uint8_t function, index; /* MODULE_NONE: raw */
	uint16_t version[EDITIONS];
	struct module_dependency dependency[2];
};

static const struct recipe recipes[] = {
	{ "core-user.bin", 0x08005000, 98932, 0x10c, 0x20005000, 0, MODULE_MONO, 0, { 1406, 1407 },
		{ { 0 } } },
	{ "core-factory.bin", 0x08005000, 91204, 0x10c, 0x20005000, 0, MODULE_MONO, 0,
		{ 1401, 1402 }, { { 0 } } },
	{ "core-deep-update.bin", 0x08005000, 61180, 0x10c, 0x20005000, 0, MODULE_MONO, 0, { 1, 1 },
		{ { 0 } } },
	{ "core-radio-patch.bin", 0x08005000, 38412, 0x10c, 0x20005000, 0, MODULE_MONO, 0, { 1, 1 },
		{ { 0 } } },
	{ "photon-system-part1.bin", 0x08020000, 245312, 0x184, 0x20020000, 6, MODULE_SYSTEM_PART,
		1, { 2302, 3302 }, { { MODULE_SYSTEM_PART, 2, 207 } } },
	{ "photon-system-part2.bin", 0x08060000, 224608, 0x184, 0x20020000, 6, MODULE_SYSTEM_PART,
		2, { 2302, 3302 }, { { MODULE_SYSTEM_PART, 1, 2302 } } },
	{ "photon-user.bin", 0x080a0000, 11276, 0, 0, 6, MODULE_USER_PART, 1, { 6, 7 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "photon-factory.bin", 0x080a0000, 6388, 0, 0, 6, MODULE_USER_PART, 1, { 5, 6 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "photon-bootloader.bin", 0x08000000, 15520, 0x184, 0x20020000, 6, MODULE_BOOTLOADER, 0,
		{ 1006, 1100 }, { { 0 } } },
	{ "p1-bootloader.bin", 0x08000000, 15544, 0x184, 0x20020000, 8, MODULE_BOOTLOADER, 0,
		{ 1006, 1100 }, { { 0 } } },
	{ "p1-system-part1.bin", 0x08020000, 247104, 0x184, 0x20020000, 8, MODULE_SYSTEM_PART, 1,
		{ 2302, 3302 }, { { MODULE_SYSTEM_PART, 2, 207 } } },
	{ "p1-system-part2.bin", 0x08060000, 226028, 0x184, 0x20020000, 8, MODULE_SYSTEM_PART, 2,
		{ 2302, 3302 },
		{ { MODULE_SYSTEM_PART, 1, 2302 }, { MODULE_BOOTLOADER, 0, 1003 } } },
	{ "p1-user.bin", 0x080a0000, 12044, 0, 0, 8, MODULE_USER_PART, 1, { 6, 7 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "p1-factory.bin", 0x080a0000, 6604, 0, 0, 8, MODULE_USER_PART, 1, { 5, 6 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "stm32-user.bin", 0x08000000, 187652, 0x188, 0x20020000, 0, MODULE_NONE, 0, { 0 },
		{ { 0 } } },
	{ "stm32-custom-loader.bin", 0x08000000, 21740, 0x188, 0x20020000, 0, MODULE_NONE, 0, { 0 },
		{ { 0 } } },
	{ "stm32-custom-user.bin", 0x08010000, 301448, 0x188, 0x20020000, 0, MODULE_NONE, 0, { 0 },
		{ { 0 } } },
	/* Named as the vendor names them: system-part1.bin is module 3. */
	{ "electron-bootloader.bin", 0x08000000, 15608, 0x184, 0x20020000, 10, MODULE_BOOTLOADER, 0,
		{ 1006, 1100 }, { { 0 } } },
	{ "electron-system-part1.bin", 0x08060000, 110012, 0, 0, 10, MODULE_SYSTEM_PART, 3,
		{ 2302, 3302 }, { { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "electron-system-part2.bin", 0x08020000, 121444, 0x184, 0x20020000, 10,
		MODULE_SYSTEM_PART, 1, { 2302, 3302 },
		{ { MODULE_SYSTEM_PART, 3, 2302 }, { MODULE_BOOTLOADER, 0, 1003 } } },
	{ "electron-system-part3.bin", 0x08040000, 126380, 0x184, 0x20020000, 10,
		MODULE_SYSTEM_PART, 2, { 2302, 3302 }, { { 0 } } },
	{ "electron-user.bin", 0x08080000, 8748, 0, 0, 10, MODULE_USER_PART, 1, { 6, 7 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
	{ "electron-factory.bin", 0x08080000, 5204, 0, 0, 10, MODULE_USER_PART, 1, { 5, 6 },
		{ { MODULE_SYSTEM_PART, 2, 2302 } } },
};

/* Patch programs: what a virtual unit does when it runs one (station/virtual/vunit_program.c). */
struct program {
	const char *file;
	uint32_t work_ms;
	bool shows, returns;
	const char *radio;
};

static const struct program programs[] = {
	{ "core-deep-update.bin", 3000, true, false, "1.13" },
	{ "core-radio-patch.bin", 5000, false, true, "1.14" },
};

/* xorshift64* (Vigna 2016). */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static void fill_code(uint8_t *to, uint64_t *state)
{
	/* Common Thumb half-words: push, pop, bx lr, nop, mov, bl... */
	static const uint16_t common[] = { 0xb510, 0xbd10, 0x4770, 0xbf00, 0x4604, 0x2000, 0xf000,
		0xf8df };
	for (size_t i = 0; i < CHUNK; i += 2) {
		uint64_t random = next_random(state);
		uint16_t word = random & 0x300 ? (uint16_t)(random >> 32) : common[random & 7];
		to[i] = (uint8_t)word;
		to[i + 1] = (uint8_t)(word >> 8);
	}
}

static void fill_table(uint8_t *to, uint32_t start, uint64_t *state)
{
	for (size_t i = 0; i < CHUNK; i += 4)
		bytes_put_le32(to + i, start + ((uint32_t)next_random(state) & 0x3fffe) + 1);
}

static void fill_text(uint8_t *to, uint64_t *state)
{
	static const char letters[] = "etaoinshrdlu %s%d:\n";
	for (size_t i = 0; i < CHUNK; i++)
		to[i] = (uint8_t)letters[next_random(state) % sizeof letters];
}

static void fill(uint8_t *to, uint32_t start, uint64_t *state)
{
	switch (next_random(state) % 16) {
	case 0:
		memset(to, 0, CHUNK);
		break;
	case 1:
		memset(to, 0xff, CHUNK);
		break;
	case 2:
	case 3:
		fill_table(to, start, state);
		break;
	case 4:
	case 5:
		fill_text(to, state);
		break;
	default:
		fill_code(to, state);
	}
}

static void put_vectors(const struct recipe *recipe, uint8_t *bytes)
{
	bytes_put_le32(bytes, recipe->stack);
	for (uint32_t at = 4; at < recipe->header; at += 4)
		bytes_put_le32(bytes + at, recipe->start + 0x401 + at * 8);
}

static void put_program(const char *file, uint8_t *bytes)
{
	uint8_t *to = bytes + PROGRAM_AT;
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (strcmp(file, programs[i].file) != 0)
			continue;
		memset(to, 0, 32);
		memcpy(to, "VIRTUAL PROGRAM", 16);
		bytes_put_le32(to + 16, programs[i].work_ms);
		to[20] = programs[i].shows;
		to[21] = programs[i].returns;
		memcpy(to + 22, programs[i].radio, strnlen(programs[i].radio, RADIO_MAX));
	}
}

static bool put_suffix(uint8_t *bytes, size_t module_len, struct err *err)
{
	uint8_t *suffix = bytes + module_len - SUFFIX_LEN;
	memset(suffix, 0xff, 4); /* product id and version: none */
	memset(suffix + 4, 0, 2);
	if (!digest_sha256(bytes, module_len - 34, suffix + 6, err))
		return false;
	suffix[38] = SUFFIX_LEN;
	suffix[39] = 0;
	bytes_put_be32(bytes + module_len, digest_crc32(bytes, module_len));
	return true;
}

static bool make_image(
	const struct recipe *recipe, unsigned edition, const char *folder, struct err *err)
{
	size_t len = recipe->len + (edition - 1) * 512, module_len = len - CRC_LEN;
	/* Bootloaders are often filled up to their sector with FF. */
	size_t file_len = recipe->function == MODULE_BOOTLOADER ? SECTOR_0_LEN : len;
	SCOPED_FREE uint8_t *bytes = malloc(file_len + CHUNK);
	char path[FS_PATH_MAX];
	if (!bytes)
		return err_set(err, REASON_STATION, "no memory for %zu bytes", file_len);
	if (!fs_join(path, folder, recipe->file, err))
		return false;
	uint64_t state =
		digest_crc32(recipe->file, strlen(recipe->file)) * UINT64_C(0x9e3779b97f4a7c15) +
		edition;
	for (size_t at = 0; at < len; at += CHUNK)
		fill(bytes + at, recipe->start, &state);
	struct module_header header = { .start = recipe->start,
		.end = recipe->start + (uint32_t)module_len,
		.version = recipe->version[edition - 1],
		.platform_id = recipe->platform_id,
		.function = recipe->function,
		.index = recipe->index,
		.dependency = { recipe->dependency[0], recipe->dependency[1] } };
	if (recipe->header)
		put_vectors(recipe, bytes);
	if (recipe->function == MODULE_NONE)
		return fs_write_atomic(path, bytes, len, 0644, err);
	put_program(recipe->file, bytes);
	module_header_encode(&header, bytes + recipe->header);
	memset(bytes + len, 0xff, file_len - len);
	return put_suffix(bytes, module_len, err) &&
	       fs_write_atomic(path, bytes, file_len, 0644, err);
}

int main(int argc, char **argv)
{
	struct err err;
	unsigned edition = 1;
	if (argc == 4 && strcmp(argv[1], "--edition") == 0 && strcmp(argv[2], "2") == 0)
		edition = 2;
	else if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: mkimage [--edition 2] FOLDER\n");
		return 2;
	}
	const char *folder = argv[argc - 1];
	bool ok = fs_make_folder(folder, 0755, &err);
	for (size_t i = 0; ok && i < sizeof recipes / sizeof *recipes; i++)
		ok = make_image(&recipes[i], edition, folder, &err);
	if (!ok)
		fprintf(stderr, "mkimage: %s\n", err.text);
	return ok ? 0 : 1;
}
