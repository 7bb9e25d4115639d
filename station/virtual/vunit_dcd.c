/* SPDX-License-Identifier: Apache-2.0 */
/* The Electron's DCT, which its bootloader reaches by code of its own (device-os services/inc/dcd.h): two sectors in
 * turn, each with a header of 8 bytes in front of the data that says whether it is the valid one.
 *
 * The first version of that code goes by the headers alone. The second one closes a sector with 32 bytes, of which
 * the last 4 are a CRC-32, and says of the old sector that it was valid, so that it can fall back to it. Bootloader
 * and firmware of one unit may differ, so each reads what the other has left. Both compare what they programmed. */
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "vunit_private.h"

enum {
	HEADER_SEAL = 4,
	FOOTER_LEN = 32,
	FOOTER_COUNTER = DCT_SECTOR_LEN - 16, /* its lowest two bits */
	FOOTER_SUM = DCT_SECTOR_LEN - 4
};

#define WATERMARK 0x1E1C279AU
#define SEAL_VALID 0xEDA15E00U
#define SEAL_WAS_VALID 0x69A00C00U
#define SEAL_CLEARED 0U

static bool is_valid(const uint8_t *sector)
{
	return bytes_le32(sector) == WATERMARK && bytes_le32(sector + HEADER_SEAL) == SEAL_VALID;
}

static uint32_t sum_of(const uint8_t *sector)
{
	return digest_crc32(sector + DCD_HEADER_LEN, FOOTER_SUM - DCD_HEADER_LEN);
}

static bool has_sum(const uint8_t *sector)
{
	return sum_of(sector) == bytes_le32(sector + FOOTER_SUM);
}

/* Both say that they are valid: power went between the two headers. */
static bool second_is_newer(const uint8_t *first, const uint8_t *second)
{
	if (!has_sum(first) || !has_sum(second))
		return !has_sum(first);
	return ((first[FOOTER_COUNTER] + 1) & 3) == (second[FOOTER_COUNTER] & 3);
}

static bool second_is_current(const uint8_t *first, const uint8_t *second)
{
	uint32_t other = bytes_le32((is_valid(first) ? second : first) + HEADER_SEAL);
	if (!is_valid(first) && !is_valid(second))
		return true;
	if (is_valid(first) && is_valid(second))
		return second_is_newer(first, second);
	bool second_says_so = is_valid(second);
	if (other == SEAL_WAS_VALID && !has_sum(second_says_so ? second : first))
		return !second_says_so;
	return second_says_so;
}

uint32_t vunit_dcd_current(const uint8_t *flash, bool sums)
{
	const uint8_t *first = flash + DCT_COPY_1, *second = flash + DCT_COPY_2;
	if (sums)
		return second_is_current(first, second) ? DCT_COPY_2 : DCT_COPY_1;
	return is_valid(second) || !is_valid(first) ? DCT_COPY_2 : DCT_COPY_1;
}

void vunit_dcd_seal(uint8_t *sector, bool sums)
{
	bytes_put_le32(sector, WATERMARK);
	bytes_put_le32(sector + HEADER_SEAL, SEAL_VALID);
	if (!sums)
		return;
	uint8_t *counter = sector + FOOTER_COUNTER;
	*counter = (uint8_t)((*counter & ~3) | ((*counter + 1) & 3));
	bytes_put_le32(sector + FOOTER_SUM, sum_of(sector));
}

static bool store(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	vunit_flash_f2_program(unit, offset, bytes, len);
	return memcmp(unit->memory[0] + offset, bytes, len) == 0;
}

static bool make_blank(struct vunit *unit, uint32_t offset)
{
	if (!bytes_all(unit->memory[0] + offset, DCT_SECTOR_LEN, 0xFF))
		vunit_flash_f2_sector_erase(unit, offset);
	return !vfault_is_cut(unit);
}

bool vunit_dcd_write(
	struct vunit *unit, bool sums, uint32_t offset, const uint8_t *bytes, size_t len)
{
	uint32_t room = DCT_SECTOR_LEN - DCD_HEADER_LEN - (sums ? FOOTER_LEN : 0);
	if (offset > room || len > room - offset)
		return false;
	uint8_t sector[DCT_SECTOR_LEN], old[DCD_HEADER_LEN];
	uint32_t from = vunit_dcd_current(unit->memory[0], sums);
	uint32_t to = from == DCT_COPY_1 ? DCT_COPY_2 : DCT_COPY_1;
	memcpy(sector, unit->memory[0] + from, sizeof(sector));
	memcpy(sector + DCD_HEADER_LEN + offset, bytes, len);
	vunit_dcd_seal(sector, sums);
	bytes_put_le32(old, WATERMARK);
	bytes_put_le32(old + HEADER_SEAL, sums ? SEAL_WAS_VALID : SEAL_CLEARED);
	/* Its header comes last, and only then the old sector's. */
	bool ok = make_blank(unit, to) &&
		  store(unit, to + DCD_HEADER_LEN, sector + DCD_HEADER_LEN,
			  sizeof(sector) - DCD_HEADER_LEN) &&
		  store(unit, to, sector, DCD_HEADER_LEN) && store(unit, from, old, sizeof(old));
	explicit_bzero(sector, sizeof(sector));
	return ok;
}
