/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a key slot without touching what stands beside it. Everything read and written here may
 * be a private key, of this slot or of a neighbour: locked memory, and no byte of it in an
 * error. */
#include "flash.h"

#include <string.h>

#include "bytes.h"
#include "flash_range.h"
#include "secret.h"

enum {
	SLOT_SECTORS_MAX = 1 << 20
}; /* bytes; the largest sector of a supported family has 128 KiB */

/* A slot with the sectors under it. */
struct slot_area {
	const struct family_key_slot *slot;
	uint32_t addr, len;
};

void flash_saved_done(struct flash_saved *saved)
{
	if (!saved)
		return;
	secret_free(saved->bytes);
	*saved = (struct flash_saved){ 0 };
}

static bool find_area(const struct dfu *dfu, const struct family_key_slot *slot,
	const struct family_alt *alt, struct slot_area *ret, struct err *err)
{
	uint64_t end = (uint64_t)slot->addr + slot->format.size;
	uint64_t at = slot->addr;
	struct layout_sector sector;

	ret->slot = slot;
	do {
		if (!layout_sector_at(&alt->layout, (uint32_t)at, &sector))
			return err_set(err, REASON_BUG, "alt %u: 0x%08x: no sector is there",
				slot->alt, (uint32_t)at);
		if (at == slot->addr)
			ret->addr = sector.addr;
		at = (uint64_t)sector.addr + sector.size;
		if (at - ret->addr > SLOT_SECTORS_MAX)
			return err_set(err, REASON_BUG, "alt %u: 0x%08x: too large a sector",
				slot->alt, sector.addr);
	} while (at < end);
	ret->len = (uint32_t)(at - ret->addr);
	return flash_check_range(dfu, slot->alt, ret->addr, ret->len, &alt, err);
}

/* Reads the sectors, unless they were read before an earlier try that may have erased them. */
static bool save(
	struct dfu *dfu, const struct slot_area *area, struct flash_saved *saved, struct err *err)
{
	if (saved->bytes && saved->alt == area->slot->alt && saved->addr == area->addr &&
		saved->len == area->len)
		return true;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(area->len, err);
	bool same;

	/* Twice: a wrong bit here would be written to the neighbours and then
	 * verified against itself. */
	if (!bytes || !dfuse_read(dfu, area->slot->alt, area->addr, bytes, area->len, NULL, err) ||
		!dfuse_compare(dfu, area->slot->alt, area->addr, bytes, area->len, &same, err))
		return false;
	if (!same)
		return err_set(err, REASON_FLASH_BAD,
			"alt %u: 0x%08x: two readings of the sector differ", area->slot->alt,
			area->addr);
	flash_saved_done(saved);
	*saved = (struct flash_saved){
		.bytes = bytes, .alt = area->slot->alt, .addr = area->addr, .len = area->len
	};
	bytes = NULL;
	return true;
}

static bool erase_area(
	struct dfu *dfu, const struct slot_area *area, const struct layout *layout, struct err *err)
{
	struct layout_sector sector;

	for (uint32_t at = 0; at < area->len; at += sector.size)
		if (!layout_sector_at(layout, area->addr + at, &sector) ||
			!dfuse_erase(dfu, area->slot->alt, sector.addr, err))
			return false;
	return true;
}

static bool differs(
	const struct slot_area *area, uint32_t addr, size_t count, bool inside, struct err *err)
{
	bool is_device = area->slot->format.role == KEY_ROLE_DEVICE;

	if (!inside)
		return err_set(err, REASON_FLASH_BAD,
			"alt %u: 0x%08x: %zu bytes beside the slot are not as they were",
			area->slot->alt, addr, count);
	return err_set(err, is_device ? REASON_KEY_MISMATCH : REASON_SERVER_KEY_WRONG,
		"alt %u: 0x%08x: %zu bytes of the slot are not as they were written",
		area->slot->alt, addr, count);
}

static bool check_range(const struct slot_area *area, const uint8_t *found, const uint8_t *expected,
	uint32_t at, uint32_t len, bool inside, struct err *err)
{
	size_t first = bytes_first_difference(found + at, expected, len);

	if (first == len)
		return true;
	return differs(area, area->addr + at + (uint32_t)first,
		bytes_count_differences(found + at, expected, len), inside, err);
}

/* found: the area read back. Neighbours first: a slot may be written again, they may not. */
static bool check_area(const struct slot_area *area, const uint8_t *found, const uint8_t *saved,
	const uint8_t *bytes, struct err *err)
{
	uint32_t size = area->slot->format.size;
	uint32_t at = area->slot->addr - area->addr;

	return check_range(area, found, saved, 0, at, false, err) &&
	       check_range(area, found, saved + at + size, at + size, area->len - at - size, false,
		       err) &&
	       check_range(area, found, bytes, at, size, true, err);
}

/* Whoever stops the line waits for this: between the erase and the end of the write the neighbours
 * stand nowhere but in this process. */
static bool replace_area(struct dfu *dfu, const struct slot_area *area,
	const struct family_alt *alt, const uint8_t *image, struct err *err)
{
	const struct cancel *cancel = dfu->cancel;
	dfu->cancel = NULL;
	bool done = erase_area(dfu, area, &alt->layout, err) &&
		    dfuse_write(dfu, area->slot->alt, area->addr, image, area->len, NULL, err);
	dfu->cancel = cancel;
	return done;
}

static bool rewrite(struct dfu *dfu, const struct slot_area *area, const struct family_alt *alt,
	const uint8_t *bytes, const struct flash_saved *saved, struct err *err)
{
	SCOPED_SECRET uint8_t *image = secret_alloc(area->len, err);

	if (!image)
		return false;
	memcpy(image, saved->bytes, area->len);
	memcpy(image + (area->slot->addr - area->addr), bytes, area->slot->format.size);
	if (!replace_area(dfu, area, alt, image, err))
		return false;
	secret_wipe(image, area->len);
	return dfuse_read(dfu, area->slot->alt, area->addr, image, area->len, NULL, err) &&
	       check_area(area, image, saved->bytes, bytes, err);
}

static bool read_modify_write(struct dfu *dfu, const struct family_key_slot *slot,
	const struct family_alt *alt, const uint8_t *bytes, struct flash_saved *saved,
	struct err *err)
{
	struct slot_area area;

	if (!find_area(dfu, slot, alt, &area, err) || !save(dfu, &area, saved, err) ||
		!rewrite(dfu, &area, alt, bytes, saved, err))
		return false;
	flash_saved_done(saved); /* the unit has it again */
	return true;
}

bool flash_write_slot_saving(struct dfu *dfu, const struct family_key_slot *slot,
	const uint8_t *bytes, struct flash_saved *saved, struct err *err)
{
	const struct family_alt *alt;
	bool ok;

	if (!flash_check_range(dfu, slot->alt, slot->addr, slot->format.size, &alt, err))
		return false;
	if (alt->memory == MEMORY_RECORD)
		ok = dfuse_write(dfu, slot->alt, slot->addr, bytes, slot->format.size, NULL, err);
	else
		ok = read_modify_write(dfu, slot, alt, bytes, saved, err);
	return ok || err_at(err, "key slot %s", slot->name);
}

bool flash_write_slot(
	struct dfu *dfu, const struct family_key_slot *slot, const uint8_t *bytes, struct err *err)
{
	struct flash_saved saved = { 0 };
	bool ok = flash_write_slot_saving(dfu, slot, bytes, &saved, err);

	flash_saved_done(&saved);
	return ok;
}
