/* SPDX-License-Identifier: Apache-2.0 */
/* The DCT of an F2: two copies in sectors 1 and 2 of its flash, of which alternate setting 1 shows
 * the current one. The Electron's are in vunit_dcd.c; from here on, Photon and P1:
 *
 * How a copy says that it is the current one is not established; here, modelled on WICED's header:
 * byte 4 of the sector is "write incomplete" (00: complete), byte 5 is "current" (01). A write goes
 * to the other copy, whose sector is erased first, and only then the old one loses its mark. The
 * view's end runs on into the flash behind the copy. */
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	HEADER_COMPLETE = 4,
	HEADER_CURRENT = 5,
	PART_2_WITH_DCT_VERSION = 200,
	DCD_SUMS_VERSION = 200
};

static bool is_current(const uint8_t *sector)
{
	return sector[HEADER_COMPLETE] == 0 && sector[HEADER_CURRENT] == 1;
}

static uint32_t wiced_current(const uint8_t *flash)
{
	return is_current(flash + DCT_COPY_1) || !is_current(flash + DCT_COPY_2) ? DCT_COPY_1
										 : DCT_COPY_2;
}

/* Of the code that is at work now. */
static bool dcd_has_sums(const struct vunit *unit)
{
	return unit->in_firmware ? vunit_boot_firmware_version(unit) >= DCD_SUMS_VERSION
				 : unit->traits->dct_sums;
}

/* Where the application's data begin in alt 0. */
static uint32_t data_start(const struct vunit *unit)
{
	const uint8_t *flash = unit->memory[0];
	if (unit->traits->dct_is_dcd)
		return vunit_dcd_current(flash, dcd_has_sums(unit)) + DCD_HEADER_LEN;
	return wiced_current(flash) + DCT_APP_OFFSET;
}

void vunit_dct_read(const struct vunit *unit, uint32_t offset, uint8_t *to, size_t len)
{
	const uint8_t *flash = unit->memory[0];
	size_t at = data_start(unit) + offset;
	size_t inside = at < unit->memory_len[0] ? unit->memory_len[0] - at : 0;
	if (inside > len)
		inside = len;
	if (inside)
		memcpy(to, flash + at, inside);
	memset(to + inside, 0xFF, len - inside);
}

static void refresh_view(struct vunit *unit)
{
	vunit_dct_read(unit, 0, unit->memory[1], DCT_VIEW_LEN);
}

static bool wiced_write(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	if (offset > DCT_SECTOR_LEN - DCT_APP_OFFSET ||
		len > DCT_SECTOR_LEN - DCT_APP_OFFSET - offset)
		return false;
	uint8_t sector[DCT_SECTOR_LEN];
	uint32_t from = wiced_current(unit->memory[0]);
	uint32_t to = from == DCT_COPY_1 ? DCT_COPY_2 : DCT_COPY_1;
	memcpy(sector, unit->memory[0] + from, sizeof(sector));
	memcpy(sector + DCT_APP_OFFSET + offset, bytes, len);
	sector[HEADER_COMPLETE] = 0;
	sector[HEADER_CURRENT] = 1;
	vunit_flash_f2_sector_erase(unit, to);
	if (vfault_is_cut(unit))
		return false;
	vunit_flash_f2_program(unit, to, sector, sizeof(sector));
	uint8_t old = 0;
	vunit_flash_f2_program(unit, from + HEADER_CURRENT, &old, 1);
	explicit_bzero(sector, sizeof(sector));
	return true;
}

bool vunit_dct_write(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	bool ok = unit->traits->dct_is_dcd
			  ? vunit_dcd_write(unit, dcd_has_sums(unit), offset, bytes, len)
			  : wiced_write(unit, offset, bytes, len);
	if (ok)
		refresh_view(unit);
	return ok;
}

static bool parts_have_dct(const struct vunit *unit)
{
	return vunit_parts_sound(unit) &&
	       vunit_boot_firmware_version(unit) >= PART_2_WITH_DCT_VERSION;
}

static void look_up(struct vunit *unit)
{
	unit->dct_lookup = parts_have_dct(unit) ? LOOKUP_FOUND : LOOKUP_MISSING;
	unit->parts_erased = false;
	unit->parts_written = false;
}

static bool wants_lookup(const struct vunit *unit)
{
	return unit->dct_lookup == LOOKUP_NEVER ||
	       (unit->traits->dct == DCT_REFRESH && unit->parts_written);
}

/* The functions that were looked up have been erased or overwritten since. */
static bool is_stale(const struct vunit *unit)
{
	return unit->dct_lookup == LOOKUP_FOUND && (unit->parts_erased || unit->parts_written);
}

bool vunit_dct_reachable(struct vunit *unit)
{
	if (unit->traits->dct == DCT_OWN)
		return true;
	if (unit->traits->dct == DCT_NONE)
		return false;
	if (wants_lookup(unit))
		look_up(unit);
	if (is_stale(unit)) {
		vunit_hang(unit);
		return false;
	}
	return unit->dct_lookup == LOOKUP_FOUND;
}

bool vunit_dct_reachable_safely(const struct vunit *unit)
{
	if (unit->traits->dct == DCT_OWN)
		return true;
	if (unit->traits->dct == DCT_NONE)
		return false;
	return (wants_lookup(unit) || !is_stale(unit)) && parts_have_dct(unit);
}
