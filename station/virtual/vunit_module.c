/* SPDX-License-Identifier: Apache-2.0 */
/* Module headers in the flash of an F2: what its bootloader and its system firmware ask
 * before they run something. */
#include "bytes.h"
#include "digest.h"
#include "vunit_private.h"

enum {
	HEADER_LEN = 24,
	HEADER_BEHIND_VECTORS = 0x184,
	FUNCTION_BOOTLOADER = 2,
	THREE_PARTS_VERSION = 100
};

/* A module that begins with a vector table has its header behind it: the first word is
 * the stack pointer then. */
static uint32_t header_offset(const uint8_t *module)
{
	return (bytes_le32(module) & 0x2FF10000) == 0x20000000 ? HEADER_BEHIND_VECTORS : 0;
}

bool vunit_module_read(
	const struct vunit *unit, const struct vunit_place *place, struct vunit_module *ret)
{
	const uint8_t *module = unit->memory[0] + (place->start - FLASH_BASE);
	const uint8_t *header = module + header_offset(module);
	struct vunit_module read = {
		.start = bytes_le32(header),
		.end = bytes_le32(header + 4),
		.version = bytes_le16(header + 10),
		.platform = bytes_le16(header + 12),
		.function = header[14],
		.index = header[15],
	};
	if (read.end <= read.start || read.platform != unit->traits->platform)
		return false;
	uint32_t len = read.end - read.start;
	if (len < HEADER_BEHIND_VECTORS + HEADER_LEN || len > place->end - place->start - 4)
		return false;
	*ret = read;
	return true;
}

static bool belongs(const struct vunit_module *module, const struct vunit_place *place)
{
	return module->start == place->runs && module->function == place->function &&
	       (module->index == place->index || place->function == FUNCTION_BOOTLOADER);
}

bool vunit_module_there(const struct vunit *unit, const struct vunit_place *place)
{
	struct vunit_module found;
	return vunit_module_read(unit, place, &found) && belongs(&found, place);
}

bool vunit_module_sound(const struct vunit *unit, const struct vunit_place *place)
{
	struct vunit_module found;
	if (!vunit_module_read(unit, place, &found) || !belongs(&found, place))
		return false;
	const uint8_t *module = unit->memory[0] + (place->start - FLASH_BASE);
	size_t len = found.end - found.start;
	return digest_crc32(module, len) == bytes_be32(module + len);
}

size_t vunit_module_parts(const struct vunit_map *map, uint16_t version)
{
	return version < THREE_PARTS_VERSION && map->old_part_count ? map->old_part_count
								    : map->part_count;
}

bool vunit_parts_sound(const struct vunit *unit)
{
	const struct vunit_map *map = unit->traits->map;
	size_t count = vunit_module_parts(map, vunit_boot_firmware_version(unit));
	for (size_t i = 0; i < count; i++)
		if (!vunit_module_sound(unit, &map->parts[i]))
			return false;
	return true;
}
