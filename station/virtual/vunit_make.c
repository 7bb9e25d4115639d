/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh unit in a folder: its memory files and unit.json, and reading that file again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "fs.h"
#include "scope.h"
#include "text.h"
#include "vunit_private.h"

enum { UNIT_JSON_MAX = 4096, CHIP_JSON_MAX = 1024 };

size_t vunit_memory_len(const struct vunit_spec *spec, int alternate)
{
	static const size_t lens[VUNIT_FAMILY_COUNT][VUNIT_ALTERNATES_MAX] = {
		[VUNIT_CORE] = { 128 * KIB, 2048 * KIB },
		[VUNIT_PHOTON] = { 1024 * KIB, DCT_VIEW_LEN },
		[VUNIT_P1] = { 1024 * KIB, DCT_VIEW_LEN, SERIAL_FLASH_LEN },
		[VUNIT_ELECTRON] = { 1024 * KIB, DCT_VIEW_LEN },
	};
	uint32_t start;
	size_t len;
	if (spec->family != VUNIT_ROM)
		return lens[spec->family][alternate];
	return vunit_chip_memory(&spec->chip, alternate, &start, &len) ? len : 0;
}

uint32_t vunit_memory_base(const struct vunit_spec *spec, int alternate)
{
	uint32_t start;
	size_t len;
	if (spec->family == VUNIT_ROM)
		return vunit_chip_memory(&spec->chip, alternate, &start, &len) ? start : 0;
	return alternate == 0 ? FLASH_BASE : 0;
}

const char *vunit_memory_name(int alternate)
{
	static const char *const names[VUNIT_ALTERNATES_MAX] = { "alt0.bin", "alt1.bin", "alt2.bin",
		"alt3.bin" };
	return names[alternate];
}

/* splitmix64 */
void vunit_noise(uint64_t seed, uint8_t *to, size_t len)
{
	uint64_t state = seed;
	for (size_t i = 0; i < len; i += 8) {
		state += UINT64_C(0x9E3779B97F4A7C15);
		uint64_t x = (state ^ state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
		x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
		x ^= x >> 31;
		memcpy(to + i, &x, len - i < 8 ? len - i : 8);
	}
}

/* The serial in DFU, for whoever reads unit.json; it follows from the rest. */
static bool serial_of(const struct vunit_spec *spec, char to[32], struct err *err)
{
	struct vunit *unit = calloc(1, sizeof(*unit));
	if (!unit)
		return err_set(err, REASON_STATION, "no memory for a virtual unit");
	unit->spec = *spec;
	unit->traits = vunit_traits_of(spec->bootloader);
	unit->mode = VUNIT_DFU;
	vunit_serial(unit, to, 32);
	free(unit);
	return true;
}

/* Lines of unit.json; none without a chip. Its check has seen that they fit. */
static void chip_text(const struct vunit_spec *spec, char to[CHIP_JSON_MAX])
{
	const struct vunit_chip *chip = &spec->chip;
	size_t used = 0;
	to[0] = 0;
	for (int i = 0; i < vunit_chip_alternates(chip); i++)
		used += (size_t)snprintf(to + used, CHIP_JSON_MAX - used, "%s\"%s\"",
			i ? ", " : "\t\"layouts\": [", chip->layouts[i]);
	if (used)
		snprintf(to + used, CHIP_JSON_MAX - used,
			"],\n\t\"cdc\": [%u, %u],\n\t\"touch_baud\": %" PRIu32 ",\n",
			chip->cdc_vendor, chip->cdc_product, chip->touch_baud);
}

bool vunit_spec_write(const char *folder, const struct vunit_spec *spec, struct err *err)
{
	char path[FS_PATH_MAX], text[UNIT_JSON_MAX], id[25], serial[32], chip[CHIP_JSON_MAX];
	bytes_to_hex(spec->device_id, 12, id);
	chip_text(spec, chip);
	if (!fs_join(path, folder, "unit.json", err) || !serial_of(spec, serial, err))
		return false;
	if (!text_format(text, sizeof(text),
		    "{\n\t\"family\": \"%s\",\n\t\"bootloader\": \"%s\",\n"
		    "\t\"device_id\": \"%s\",\n\t\"serial\": \"%s\",\n"
		    "\t\"seed\": \"%" PRIu64 "\",\n%s\t\"no_system_parts\": %s,\n"
		    "\t\"credentials\": %s\n}\n",
		    vunit_family_name(spec->family), vunit_traits_of(spec->bootloader)->name, id,
		    serial, spec->seed, chip, spec->no_system_parts ? "true" : "false",
		    spec->credentials ? "true" : "false"))
		return err_set(err, REASON_BUG, "the text of %s does not fit", path);
	return fs_write_atomic(path, text, strlen(text), 0644, err);
}

static bool bootloader_from_name(const char *name, enum vunit_bootloader *ret)
{
	for (int i = 0; i < VUNIT_BOOTLOADER_COUNT; i++) {
		if (strcmp(name, vunit_traits_of((enum vunit_bootloader)i)->name) != 0)
			continue;
		*ret = (enum vunit_bootloader)i;
		return true;
	}
	return false;
}

static bool parse_seed(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-')
		return false;
	*ret = value;
	return true;
}

static bool parse_chip(json_t *json, struct vunit_chip *ret)
{
	json_t *layouts;
	int vendor, product, baud;
	if (json_unpack(json, "{s:o, s:[ii], s:i}", "layouts", &layouts, "cdc", &vendor, &product,
		    "touch_baud", &baud) != 0 ||
		json_array_size(layouts) > VUNIT_ALTERNATES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(layouts); i++) {
		const char *text = json_string_value(json_array_get(layouts, i));
		if (!text || !text_copy(ret->layouts[i], VUNIT_LAYOUT_MAX, text))
			return false;
	}
	ret->cdc_vendor = (uint16_t)vendor;
	ret->cdc_product = (uint16_t)product;
	ret->touch_baud = (uint32_t)baud;
	return true;
}

static bool parse_spec(json_t *json, struct vunit_spec *ret)
{
	struct err ignored;
	const char *family, *bootloader, *id, *seed;
	int no_parts, credentials = false;
	if (json_unpack(json, "{s:s, s:s, s:s, s:s, s:b, s?b}", "family", &family, "bootloader",
		    &bootloader, "device_id", &id, "seed", &seed, "no_system_parts",
		    &no_parts, "credentials", &credentials) != 0)
		return false;
	struct vunit_spec spec = { .no_system_parts = no_parts, .credentials = credentials };
	if (!vunit_family_from_name(family, &spec.family) ||
		!bootloader_from_name(bootloader, &spec.bootloader) ||
		!bytes_from_hex(id, spec.device_id, 12) || !parse_seed(seed, &spec.seed) ||
		vunit_traits_of(spec.bootloader)->family != spec.family)
		return false;
	if (spec.family == VUNIT_ROM &&
		(!parse_chip(json, &spec.chip) || !vunit_chip_check(&spec, &ignored)))
		return false;
	*ret = spec;
	return true;
}

bool vunit_spec_read(const char *folder, struct vunit_spec *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	SCOPED_FREE uint8_t *text = NULL;
	size_t len;
	if (!fs_join(path, folder, "unit.json", err) ||
		!fs_read(path, UNIT_JSON_MAX, REASON_INPUT, &text, &len, err))
		return false;
	json_t *json = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	bool ok = json && parse_spec(json, ret);
	json_decref(json);
	return ok || err_set(err, REASON_INPUT, "%s does not describe a virtual unit: make it anew",
			     path);
}

/* A new file of len erased bytes, mapped. */
static bool make_memory(
	const char *folder, const char *name, size_t len, uint8_t **ret, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!fs_join(path, folder, name, err))
		return false;
	SCOPED_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(err, REASON_STORE, errno, "cannot make %s", path);
	int failed = posix_fallocate(
		fd, 0, (off_t)len); /* a full disk shows here and not as SIGBUS later */
	if (failed)
		return err_sys(
			err, REASON_STORE, failed, "no room for the %zu bytes of %s", len, path);
	uint8_t *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return err_sys(err, REASON_STATION, errno, "cannot map %s", path);
	memset(memory, 0xFF, len);
	*ret = memory;
	return true;
}

static bool fill(const struct vunit_spec *spec, uint8_t *const *memory, struct err *err)
{
	if (spec->family == VUNIT_CORE)
		return vunit_fill_core(spec, memory[0], err);
	if (spec->family != VUNIT_ROM)
		return vunit_fill_f2(spec, memory[0], memory[1], err);
	vunit_fill_rom(memory);
	return true;
}

/* unit.json comes last: a folder without it holds no unit. */
bool vunit_create(const char *folder, const struct vunit_spec *spec, struct err *err)
{
	const struct vunit_traits *traits = vunit_traits_of(spec->bootloader);
	struct vunit_spec whole = *spec;
	if (!traits || traits->family != spec->family)
		return err_set(err, REASON_INPUT,
			"bootloader %d is not one of a virtual %s: take another",
			(int)spec->bootloader, vunit_family_name(spec->family));
	vunit_chip_complete(&whole);
	if (!vunit_chip_check(&whole, err))
		return false;
	uint8_t *memory[VUNIT_ALTERNATES_MAX] = { NULL };
	size_t lens[VUNIT_ALTERNATES_MAX];
	bool ok = fs_make_folder(folder, 0755, err);
	for (int i = 0; i < VUNIT_ALTERNATES_MAX; i++) {
		lens[i] = vunit_memory_len(&whole, i);
		ok = ok && (!lens[i] || make_memory(folder, vunit_memory_name(i), lens[i],
						&memory[i], err));
	}
	ok = ok && fill(&whole, memory, err) && vunit_spec_write(folder, &whole, err);
	for (int i = 0; i < VUNIT_ALTERNATES_MAX; i++)
		if (memory[i])
			munmap(memory[i], lens[i]);
	return ok;
}
