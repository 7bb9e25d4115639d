/* SPDX-License-Identifier: Apache-2.0 */
/* The memories of an STM32 as its ROM reaches them (AN3156, AN2662; docs/devices.md, "STM32 ROM").
 * Option bytes mean something where they stand and look as in an STM32F4: read protection at 1,
 * write protection of sectors 0 to 11 at 8. */
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	ALT_FLASH,
	ALT_OPTIONS,
	ALT_OTP,
	OPTIONS_F4 = 0x1FFFC000,
	OPTION_RDP = 1,
	OPTION_NWRP = 8,
	RDP_NONE = 0xAA,
	RDP_FOR_EVER = 0xCC,
	PROTECTED_SECTORS = 12,
	WORD_US = 16,
	OPTIONS_US = 20000,
	ACCESS_ERASE = 2,
	ACCESS_WRITE = 4
};

static uint8_t *options(const struct vunit *unit)
{
	uint32_t start;
	size_t len;
	bool f4 = vunit_chip_memory(&unit->spec.chip, ALT_OPTIONS, &start, &len) &&
		  start == OPTIONS_F4 && len > OPTION_NWRP + 1;
	return f4 ? unit->memory[ALT_OPTIONS] : NULL;
}

static bool is_read_protected(const struct vunit *unit)
{
	const uint8_t *bytes = options(unit);
	return bytes && bytes[OPTION_RDP] != RDP_NONE;
}

static bool is_write_protected(const struct vunit *unit, uint32_t sector)
{
	const uint8_t *bytes = options(unit);
	return bytes && sector < PROTECTED_SECTORS &&
	       !(bytes_le16(bytes + OPTION_NWRP) >> sector & 1);
}

static bool find(const struct vunit *unit, uint32_t address, struct vunit_sector *ret)
{
	return vunit_chip_sector(&unit->spec.chip, unit->dfu.alternate, address, ret);
}

/* Typical values of an STM32F4 by the size of its sectors. */
static uint32_t erase_us(uint32_t len)
{
	if (len <= 4 * KIB)
		return 22000;
	if (len <= 16 * KIB)
		return 250000;
	return len <= 64 * KIB ? 550000 : 1000000;
}

static void erase_sector(struct vunit *unit, const struct vunit_sector *sector)
{
	memset(unit->memory[ALT_FLASH] + sector->offset, 0xFF,
		vfault_erases(unit, ALT_FLASH, sector->offset, sector->len));
	unit->spent_us += vfault_erase_us(unit, erase_us(sector->len));
	unit->work.erases++;
	vfault_cells(unit);
}

uint8_t vunit_rom_point(const struct vunit *unit, uint32_t address)
{
	struct vunit_sector sector;
	return find(unit, address, &sector) ? ROM_OK : ROM_TARGET;
}

/* A write-protected sector stays as it is, and nothing says so. */
uint8_t vunit_rom_erase(struct vunit *unit, uint32_t address)
{
	struct vunit_sector sector;
	if (unit->dfu.alternate != ALT_FLASH || !find(unit, address, &sector) ||
		!(sector.access & ACCESS_ERASE))
		return ROM_TARGET;
	if (is_read_protected(unit))
		return ROM_VENDOR;
	if (!is_write_protected(unit, sector.index))
		erase_sector(unit, &sector);
	return ROM_OK;
}

static void erase_all(struct vunit *unit)
{
	uint32_t base = vunit_memory_base(&unit->spec, ALT_FLASH);
	struct vunit_sector sector;
	for (size_t at = 0; at < unit->memory_len[ALT_FLASH]; at += sector.len) {
		if (!vunit_chip_sector(&unit->spec.chip, ALT_FLASH, base + (uint32_t)at, &sector))
			return;
		erase_sector(unit, &sector);
	}
}

/* One protected sector keeps all of it (RM0090, "write protections"). */
uint8_t vunit_rom_mass_erase(struct vunit *unit)
{
	if (is_read_protected(unit))
		return ROM_VENDOR;
	for (uint32_t i = 0; i < PROTECTED_SECTORS; i++)
		if (is_write_protected(unit, i))
			return ROM_OK;
	erase_all(unit);
	return ROM_OK;
}

void vunit_rom_unprotect(struct vunit *unit)
{
	uint8_t *bytes = options(unit);
	erase_all(unit);
	if (bytes)
		bytes[OPTION_RDP] = RDP_NONE;
}

static void write_options(struct vunit *unit, const uint8_t *bytes, size_t len)
{
	uint8_t *now = unit->memory[ALT_OPTIONS];
	bool was_protected = is_read_protected(unit);
	if (len > unit->memory_len[ALT_OPTIONS])
		len = unit->memory_len[ALT_OPTIONS];
	if (!now)
		return;
	if (!options(unit) || now[OPTION_RDP] != RDP_FOR_EVER)
		memcpy(now, bytes, len);
	unit->spent_us += OPTIONS_US;
	if (was_protected && !is_read_protected(unit))
		erase_all(unit);
}

/* Programming can only clear bits. Each piece inside one sector, which may be protected. */
static void program(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len)
{
	uint8_t alt = unit->dfu.alternate;
	struct vunit_sector sector;
	uint32_t base = vunit_memory_base(&unit->spec, alt);
	len = vfault_programs(unit, len);
	unit->spent_us += (len + 3) / 4 * WORD_US;
	for (size_t done = 0; done < len && find(unit, address + (uint32_t)done, &sector);) {
		uint32_t offset = address + (uint32_t)done - base;
		size_t part = sector.offset + sector.len - offset;
		if (part > len - done)
			part = len - done;
		for (size_t i = 0; i < part; i++)
			if (alt != ALT_FLASH || !is_write_protected(unit, sector.index))
				unit->memory[alt][offset + i] &= bytes[done + i];
		done += part;
	}
	vfault_cells(unit);
}

uint8_t vunit_rom_write(
	struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len, bool *ret_resets)
{
	uint8_t alt = unit->dfu.alternate;
	struct vunit_sector sector;
	*ret_resets = false;
	if (!find(unit, address, &sector) || !(sector.access & ACCESS_WRITE))
		return ROM_TARGET;
	if (alt == ALT_OPTIONS) {
		if (address != vunit_memory_base(&unit->spec, alt))
			return ROM_TARGET;
		write_options(unit, bytes, len);
		*ret_resets = true;
		return ROM_OK;
	}
	if (is_read_protected(unit))
		return ROM_VENDOR;
	unit->work.blocks++;
	if (alt <= ALT_OTP)
		program(unit, address, bytes, len);
	return ROM_OK;
}

uint8_t vunit_rom_read(const struct vunit *unit, uint32_t address, uint8_t *to, size_t *len)
{
	uint8_t alt = unit->dfu.alternate;
	struct vunit_sector sector;
	if (is_read_protected(unit))
		return ROM_VENDOR;
	if (!find(unit, address, &sector))
		return ROM_TARGET;
	uint32_t offset = address - vunit_memory_base(&unit->spec, alt);
	size_t inside = unit->memory_len[alt] - offset;
	if (*len > inside)
		*len = inside;
	memcpy(to, unit->memory[alt] + offset, *len);
	return ROM_OK;
}

bool vunit_rom_program(const struct vunit *unit, uint32_t address)
{
	uint32_t base = vunit_memory_base(&unit->spec, ALT_FLASH);
	size_t len = unit->memory_len[ALT_FLASH];
	if (address < base || address - base > len - 8)
		return false;
	uint32_t stack = bytes_le32(unit->memory[ALT_FLASH] + (address - base));
	uint32_t start = bytes_le32(unit->memory[ALT_FLASH] + (address - base) + 4);
	return (stack & 0xFFF00000) == 0x20000000 && (start & 1) && start >= base &&
	       start - base < len;
}

/* As they leave the factory: no protection; the rest of the option bytes is chosen. */
void vunit_fill_rom(uint8_t *const *memory)
{
	static const uint8_t user_and_rdp[] = { 0xEF, RDP_NONE, 0x10, 0x55 };
	if (memory[ALT_OPTIONS])
		memcpy(memory[ALT_OPTIONS], user_and_rdp, sizeof(user_and_rdp));
}
