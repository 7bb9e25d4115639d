/* SPDX-License-Identifier: Apache-2.0 */
/* Module headers in the flash of a Photon or P1: what its bootloader and its system firmware ask
 * before they run something. */
#include "bytes.h"
#include "digest.h"
#include "vunit_private.h"

enum { HEADER_LEN = 24, HEADER_BEHIND_VECTORS = 0x184 };

const struct vunit_module vunit_module_part_1 = { .start = PART_1, .function = 4, .index = 1 };
const struct vunit_module vunit_module_part_2 = { .start = PART_2, .function = 4, .index = 2 };
const struct vunit_module vunit_module_user = { .start = USER_PART, .function = 5, .index = 1 };
const struct vunit_module vunit_module_bootloader = {
	.start = FLASH_BASE, .function = 2, .index = 0
};

/* A module that begins with a vector table has its header behind it: the first word is
 * the stack pointer then. */
static uint32_t header_offset(const uint8_t *module)
{
	return (bytes_le32(module) & 0x2FF10000) == 0x20000000 ? HEADER_BEHIND_VECTORS : 0;
}

bool vunit_module_read(
	const struct vunit *unit, uint32_t address, uint32_t limit, struct vunit_module *ret)
{
	const uint8_t *module = unit->memory[0] + (address - FLASH_BASE);
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
	if (len < HEADER_BEHIND_VECTORS + HEADER_LEN || limit - address < 4 ||
		len > limit - address - 4)
		return false;
	*ret = read;
	return true;
}

bool vunit_module_is(const struct vunit_module *module, const struct vunit_module *want)
{
	return module->start == want->start && module->function == want->function &&
	       (module->index == want->index || want->function == vunit_module_bootloader.function);
}

bool vunit_module_sound(
	const struct vunit *unit, uint32_t address, uint32_t limit, const struct vunit_module *want)
{
	struct vunit_module found;
	if (!vunit_module_read(unit, address, limit, &found) || !vunit_module_is(&found, want))
		return false;
	const uint8_t *module = unit->memory[0] + (address - FLASH_BASE);
	size_t len = found.end - found.start;
	return digest_crc32(module, len) == bytes_be32(module + len);
}

bool vunit_parts_sound(const struct vunit *unit)
{
	return vunit_module_sound(unit, PART_1, PART_2, &vunit_module_part_1) &&
	       vunit_module_sound(unit, PART_2, PARTS_END, &vunit_module_part_2);
}
