/* SPDX-License-Identifier: Apache-2.0 */
/* The flash memories of a virtual unit: what NOR cells, their controllers and the bootloader's
 * memory layer do, and how long it takes (typical values; docs/devices.md, "Timings"). */
#include <string.h>

#include "vunit_private.h"

enum {
	F2_WORD_US = 16,
	CORE_PAGE_US = 20000,
	CORE_HALF_WORD_NS = 52500,
	CORE_FLASH_LEN = 128 * KIB,
	CORE_PROTECTED_LEN = 16 * KIB, /* by the option bytes */
	SPI_LEN = 2048 * KIB,
	SPI_SECTOR_LEN = 4 * KIB,
	SPI_SECTOR_US = 18000,
	SPI_BYTE_US = 7,
	SPI_MHZ = 18,
	SERIAL_SECTOR_LEN = 4 * KIB, /* MX25L8006E of the P1 */
	SERIAL_SECTOR_US = 60000,
	SERIAL_BYTE_NS = 5500, /* 1.4 ms a page */
	SERIAL_MHZ = 15,
	F2_PROTECTED_LEN = 128 * KIB,
	F2_LEN = 1024 * KIB
};

struct sector {
	uint32_t len;
	uint32_t erase_us;
};

/* STM32F205, erased 32 bits at a time. */
static const struct sector f2_sectors[] = {
	{ 16 * KIB, 250000 },
	{ 16 * KIB, 250000 },
	{ 16 * KIB, 250000 },
	{ 16 * KIB, 250000 },
	{ 64 * KIB, 550000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
	{ 128 * KIB, 1000000 },
};

static void spend(struct vunit *unit, uint64_t us)
{
	unit->spent_us += us;
}

void vunit_flash_f2_sector_erase(struct vunit *unit, uint32_t offset)
{
	uint32_t start = 0;
	for (size_t i = 0; i < sizeof(f2_sectors) / sizeof(f2_sectors[0]); i++) {
		const struct sector *sector = &f2_sectors[i];
		if (offset < start + sector->len) {
			memset(unit->memory[0] + start, 0xFF,
				vfault_erases(unit, 0, start, sector->len));
			spend(unit, vfault_erase_us(unit, sector->erase_us));
			unit->work.erases++;
			vfault_cells(unit);
			return;
		}
		start += sector->len;
	}
}

/* Programming can only clear bits. */
static void clear_bits(uint8_t *cells, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		cells[i] &= bytes[i];
}

void vunit_flash_f2_program(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	if (offset >= F2_LEN)
		return;
	if (len > F2_LEN - offset)
		len = F2_LEN - offset;
	clear_bits(unit->memory[0] + offset, bytes, vfault_programs(unit, len));
	vfault_cells(unit);
	spend(unit, (len + 3) / 4 * F2_WORD_US);
}

/* The bootloader tests where an operation starts, and nothing else. */
static bool f2_refuses(uint32_t address)
{
	return address < FLASH_BASE + F2_PROTECTED_LEN || address >= FLASH_BASE + F2_LEN;
}

static void note_parts(struct vunit *unit, uint32_t address, bool written)
{
	const struct vunit_map *map = unit->traits->map;
	if (address < map->parts[0].start || address >= map->parts[map->part_count - 1].end)
		return;
	if (written)
		unit->parts_written = true;
	else
		unit->parts_erased = true;
}

bool vunit_flash_f2_erase(struct vunit *unit, uint32_t address)
{
	if (f2_refuses(address))
		return false;
	vunit_flash_f2_sector_erase(unit, address - FLASH_BASE);
	note_parts(unit, address, false);
	return true;
}

/* Whole words; the last one is filled up with FF, which changes no cell. A program error ends the
 * block after a second try; a word that reads back differently makes the device program the block
 * three times before it gives up. What was programmed stays. */
bool vunit_flash_f2_write(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len)
{
	if (f2_refuses(address) || address % 4 != 0)
		return false;
	uint32_t offset = address - FLASH_BASE;
	size_t inside = len < F2_LEN - offset ? len : F2_LEN - offset;
	unit->work.blocks++;
	note_parts(unit, address, true);
	vunit_flash_f2_program(unit, offset, bytes, inside);
	if (inside < len)
		return false;
	if (memcmp(unit->memory[0] + offset, bytes, len) == 0)
		return true;
	spend(unit, 2 * ((len + 3) / 4 * F2_WORD_US));
	return false;
}

bool vunit_flash_serial_erase(struct vunit *unit, uint32_t address)
{
	if (address >= SERIAL_FLASH_LEN)
		return false;
	uint32_t start = address & ~(uint32_t)(SERIAL_SECTOR_LEN - 1);
	memset(unit->memory[2] + start, 0xFF, vfault_erases(unit, 2, start, SERIAL_SECTOR_LEN));
	spend(unit, vfault_erase_us(unit, SERIAL_SECTOR_US));
	unit->work.erases++;
	vfault_cells(unit);
	return true;
}

/* Only the start is tested, and no result is looked at; what goes over the chip's end
 * begins again at its start. */
bool vunit_flash_serial_write(
	struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len)
{
	if (address >= SERIAL_FLASH_LEN)
		return false;
	unit->work.blocks++;
	len = vfault_programs(unit, len);
	for (size_t i = 0; i < len; i++)
		unit->memory[2][(address + i) % SERIAL_FLASH_LEN] &= bytes[i];
	vfault_cells(unit);
	spend(unit, len * SERIAL_BYTE_NS / 1000);
	return true;
}

void vunit_flash_serial_read(struct vunit *unit, uint32_t address, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = unit->memory[2][(address + i) % SERIAL_FLASH_LEN];
	memcpy(unit->dfu.buffer, to, len);
	spend(unit, len * 8 / SERIAL_MHZ);
}

/* The Core's memory layer looks at six address bits. */
enum core_memory { CORE_INTERNAL, CORE_SPI, CORE_NOTHING };

static enum core_memory core_memory(uint32_t address)
{
	switch (address & 0xFC000000) {
	case FLASH_BASE:
		return CORE_INTERNAL;
	case 0:
		return CORE_SPI;
	default:
		return CORE_NOTHING;
	}
}

void vunit_flash_core_erase(struct vunit *unit, uint32_t address)
{
	enum core_memory memory = core_memory(address);
	if (memory == CORE_INTERNAL) {
		uint32_t offset = (address - FLASH_BASE) & ~(uint32_t)(KIB - 1);
		if (offset < CORE_PROTECTED_LEN || offset >= CORE_FLASH_LEN)
			return;
		memset(unit->memory[0] + offset, 0xFF, vfault_erases(unit, 0, offset, KIB));
		spend(unit, vfault_erase_us(unit, CORE_PAGE_US));
		unit->work.erases++;
	} else if (memory == CORE_SPI) {
		uint32_t offset =
			address % vfault_spi_len(unit, SPI_LEN) & ~(uint32_t)(SPI_SECTOR_LEN - 1);
		memset(unit->memory[1] + offset, 0xFF,
			vfault_erases(unit, 1, offset, SPI_SECTOR_LEN));
		spend(unit, vfault_erase_us(unit, SPI_SECTOR_US));
		unit->work.erases++;
	}
	vfault_cells(unit);
}

/* STM32F103: a half-word that is not erased takes nothing but 0000; the controller's error then
 * stays set, and the rest of the block is refused with it. A lone last byte is filled up with
 * FF. */
static void write_half_words(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	uint64_t programmed = 0;
	if (offset % 2 != 0)
		return;
	for (size_t i = 0; i < len; i += 2) {
		if (offset + i < CORE_PROTECTED_LEN || offset + i + 2 > CORE_FLASH_LEN)
			break;
		uint8_t *cell = unit->memory[0] + offset + i;
		uint8_t high = i + 1 < len ? bytes[i + 1] : 0xFF;
		bool erased = cell[0] == 0xFF && cell[1] == 0xFF;
		if (!erased && (bytes[i] != 0 || high != 0))
			break;
		cell[0] = bytes[i];
		cell[1] = high;
		programmed++;
	}
	spend(unit, programmed * CORE_HALF_WORD_NS / 1000);
}

void vunit_flash_core_write(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len)
{
	enum core_memory memory = core_memory(address);
	if (memory == CORE_NOTHING)
		return;
	unit->work.blocks++;
	len = vfault_programs(unit, len);
	if (memory == CORE_INTERNAL) {
		write_half_words(unit, address - FLASH_BASE, bytes, len);
	} else {
		uint32_t spi_len = vfault_spi_len(unit, SPI_LEN);
		for (size_t i = 0; i < len; i++)
			unit->memory[1][(address + i) % spi_len] &= bytes[i];
		spend(unit, len * SPI_BYTE_US);
	}
	vfault_cells(unit);
}

/* SPI memory is read anew for every 64-byte packet, and once more before the first. */
void vunit_flash_core_read(struct vunit *unit, uint32_t address, uint8_t *to, size_t len)
{
	if (core_memory(address) == CORE_SPI) {
		uint32_t spi_len = vfault_spi_len(unit, SPI_LEN);
		for (size_t i = 0; i < len; i++)
			to[i] = unit->memory[1][(address + i) % spi_len];
		spend(unit, ((len + 63) / 64 + 1) * len * 8 / SPI_MHZ);
		return;
	}
	uint32_t offset = core_memory(address) == CORE_INTERNAL ? address - FLASH_BASE : 0;
	size_t inside = offset < CORE_FLASH_LEN ? CORE_FLASH_LEN - offset : 0;
	if (inside > len)
		inside = len;
	if (inside)
		memcpy(to, unit->memory[0] + offset, inside);
	memset(to + inside, 0xFF, len - inside);
}
