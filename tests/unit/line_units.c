/* SPDX-License-Identifier: Apache-2.0 */
/* The units of the fixture: their memory as files, and their place on the bus. */
#include "line_fixture_private.h"

#include <fcntl.h>
#include <unistd.h>

#include "bytes.h"

enum { MEMORY_MAX = 4 << 20 };

static void unit_path(
	const struct line_bench *bench, unsigned unit, const char *file, char ret[FS_PATH_MAX])
{
	char name[64];
	snprintf(name, sizeof name, "units/%u/%s", unit, file);
	MUST(fs_join(ret, bench->folder, name, err));
}

static void unit_uid(unsigned unit, uint8_t ret[12])
{
	static const uint8_t uid[12] = { 0x3f, 0, 0x2a, 0, 0x1c, 0x47, 0x3e, 0x33, 0x33, 0x37, 0xd7,
		0x38 };
	memcpy(ret, uid, 12);
	bytes_put_le32(ret, bytes_le32(uid) + unit % BENCH_TWIN);
}

void bench_unit_id(unsigned unit, char ret[LINE_DEVICE_ID])
{
	uint8_t uid[12];
	unit_uid(unit, uid);
	bytes_to_hex(uid, sizeof uid, ret);
}

static void memory_path(
	const struct line_bench *bench, unsigned unit, uint8_t alt, bool before, char *path)
{
	char name[32];
	snprintf(name, sizeof name, "alt%u.%s", alt, before ? "before" : "bin");
	unit_path(bench, unit, name, path);
}

static uint8_t *read_memory(
	const struct line_bench *bench, unsigned unit, uint8_t alt, bool before, size_t *ret_len)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes = NULL;
	memory_path(bench, unit, alt, before, path);
	MUST(fs_read(path, MEMORY_MAX, REASON_INPUT, &bytes, ret_len, err));
	return bytes;
}

uint8_t *bench_memory(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t *ret_len)
{
	return read_memory(bench, unit, alt, false, ret_len);
}

static void write_memory(const struct line_bench *bench, unsigned unit, uint8_t alt, bool before,
	const uint8_t *bytes, size_t len)
{
	char path[FS_PATH_MAX];
	memory_path(bench, unit, alt, before, path);
	SCOPED_FILE FILE *to = fopen(path, before ? "w" : "r+");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, len, to), len);
}

void bench_poke(
	const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset, uint8_t byte)
{
	char path[FS_PATH_MAX];
	memory_path(bench, unit, alt, false, path);
	SCOPED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, &byte, 1, (off_t)offset) != 1)
		fail_msg("cannot write %s", path);
}

void bench_damage(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset)
{
	size_t len = 0;
	SCOPED_FREE uint8_t *bytes = bench_memory(bench, unit, alt, &len);
	assert_true(offset < len);
	bench_poke(bench, unit, alt, offset, bytes[offset] ^ 0x55);
}

uint8_t bench_alts(const struct line_bench *bench)
{
	if (bench_is_custom(bench))
		return 4;
	return strcmp(bench->family, "p1") == 0 ? 3 : 2;
}

void bench_unit_new(
	struct line_bench *bench, unsigned unit, enum vunit_bootloader bootloader, bool no_parts)
{
	char path[FS_PATH_MAX];
	struct vunit_spec spec = {
		.bootloader = bootloader, .seed = unit, .no_system_parts = no_parts
	};
	if (bench_is_custom(bench))
		spec.family = VUNIT_ROM;
	else
		assert_true(vunit_family_from_name(bench->family, &spec.family));
	bool core = spec.family == VUNIT_CORE;
	unit_uid(unit, spec.device_id);
	unit_path(bench, unit, "", path);
	MUST(fs_join(path, bench->folder, "units", err) && fs_make_folder(path, 0755, err));
	unit_path(bench, unit, "", path);
	MUST(vunit_create(path, &spec, err));
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++) {
		size_t len = 0;
		SCOPED_FREE uint8_t *bytes = bench_memory(bench, unit, alt, &len);
		if (core && alt == 1) { /* neighbours of the two key slots */
			memset(bytes + 0x1800, 0x5a, 0x800);
			memset(bytes + 0x2400, 0xa5, 0xc00);
			memset(bytes + 0x80000, 0x3c, 0x1000);
			write_memory(bench, unit, alt, false, bytes, len);
		}
		if (bench_is_custom(bench) && alt == 0) { /* beside its key slots, and settings */
			memset(bytes + 0x80c0, 0x5a, 0x340);
			memset(bytes + 0x8600, 0xa5, 0x3a00);
			memset(bytes + 0xc000, 0x3c, 0x4000);
			write_memory(bench, unit, alt, false, bytes, len);
		}
		write_memory(bench, unit, alt, true, bytes, len);
	}
}

void bench_unit_drop(struct line_bench *bench, unsigned unit)
{
	static const char *const files[] = { "alt0.bin", "alt1.bin", "alt2.bin", "alt3.bin",
		"alt0.before", "alt1.before", "alt2.before", "alt3.before", "unit.json", "" };
	char path[FS_PATH_MAX];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		unit_path(bench, unit, files[i], path);
		if (files[i][0])
			unlink(path);
		else
			rmdir(path);
	}
}

void bench_plug(struct line_bench *bench, unsigned slot, unsigned unit, bool button)
{
	char path[FS_PATH_MAX];
	struct vunit *opened = NULL;
	unit_path(bench, unit, "", path);
	MUST(vunit_open(path, &opened, err) &&
		vbus_plug(bench->vbus, bench_port(bench, slot), opened, button, err));
	bench->plugged[slot] = unit;
	bench->units[slot] = opened;
}

void bench_unplug(struct line_bench *bench, unsigned slot)
{
	vbus_unplug(bench->vbus, bench_port(bench, slot));
	bench->plugged[slot] = 0;
	bench->units[slot] = NULL;
}

void bench_expect_untouched(const struct line_bench *bench, unsigned unit)
{
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++) {
		size_t len = 0, before_len = 0;
		SCOPED_FREE uint8_t *now = read_memory(bench, unit, alt, false, &len);
		SCOPED_FREE uint8_t *before = read_memory(bench, unit, alt, true, &before_len);
		assert_int_equal(len, before_len);
		assert_memory_equal(now, before, len);
	}
}
