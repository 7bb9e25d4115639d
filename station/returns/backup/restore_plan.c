/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a backup can be written, in which runs. Pure. */
#include <string.h>

#include "module.h"
#include "restore.h"

bool restore_judge(const struct manifest *manifest, const struct family *family,
	const char *device_id, struct err *err)
{
	if (strcmp(manifest->family, family->name) != 0)
		return err_set(err, REASON_BACKUP_OF_ANOTHER,
			"the backup is of a %s, and this is a %s", manifest->family, family->name);
	if (!manifest->device_id[0])
		return err_set(err, REASON_BACKUP_OF_ANOTHER,
			"the backup does not say whose it is: its device id was not known");
	if (strcmp(manifest->device_id, device_id) != 0)
		return err_set(err, REASON_BACKUP_OF_ANOTHER,
			"the backup is of unit %s, and this is %s", manifest->device_id,
			device_id[0] ? device_id : "a unit without a known id: give --device-id");
	return true;
}

static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static const struct family_key_slot *slot_in(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t len)
{
	for (size_t i = 0; i < family->key_slot_count; i++) {
		const struct family_key_slot *slot = &family->key_slots[i];
		if (slot->alt == alt && overlaps(slot->addr, slot->format.size, addr, len))
			return slot;
	}
	return NULL;
}

/* What the profile says of the regions that these bytes touch. */
struct touched {
	bool closed; /* one cannot be written */
	bool part, application;
};

static struct touched regions_of(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t len)
{
	struct touched touched = { 0 };
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->alt != alt || !overlaps(region->addr, region->size, addr, len))
			continue;
		touched.closed |= !region->writable;
		touched.part |= region->system_part;
		touched.application |= region->module && region->function == MODULE_USER_PART;
	}
	return touched;
}

static bool add(struct restore *restore, const struct piece *piece, enum restore_kind kind,
	uint32_t addr, uint32_t len, struct err *err)
{
	struct touched touched = regions_of(restore->family, piece->alt, addr, len);
	struct restore_range *last =
		restore->range_count ? &restore->ranges[restore->range_count - 1] : NULL;
	/* What is only compared need not be cut. */
	if (last && kind == RESTORE_COMPARED && last->kind == kind && last->name == piece->name &&
		last->addr + last->len == addr) {
		last->len += len;
		return true;
	}
	if (restore->range_count == RESTORE_RANGES_MAX)
		return err_set(err, REASON_INPUT, "the backup has more than %d sectors",
			RESTORE_RANGES_MAX);
	restore->ranges[restore->range_count++] = (struct restore_range){ .kind = kind,
		.alt = piece->alt,
		.addr = addr,
		.len = len,
		.name = piece->name,
		.bytes = backup_bytes_at(restore->backup, piece->alt, addr, len),
		.part = touched.part,
		.application = touched.application };
	return true;
}

static enum restore_kind kind_of_sector(const struct restore *restore, const struct piece *piece,
	const struct family_alt *alt, const struct layout_sector *sector)
{
	enum { ALL = LAYOUT_READ | LAYOUT_ERASE | LAYOUT_WRITE };
	const struct family *family = restore->family;
	if (sector->addr < piece->addr || sector->size > piece->size ||
		sector->addr - piece->addr > piece->size - sector->size ||
		(sector->access & ALL) != ALL || sector->addr < alt->access_start ||
		sector->addr + (uint64_t)sector->size > alt->access_end)
		return RESTORE_COMPARED;
	if (slot_in(family, alt->alt, sector->addr, sector->size))
		return RESTORE_KEY_SECTOR;
	return regions_of(family, alt->alt, sector->addr, sector->size).closed ? RESTORE_COMPARED
									       : RESTORE_SECTOR;
}

static bool add_sectors(struct restore *restore, const struct piece *piece,
	const struct family_alt *alt, struct err *err)
{
	uint64_t end = (uint64_t)piece->addr + piece->size;
	for (uint64_t at = piece->addr; at < end;) {
		struct layout_sector sector;
		if (!layout_sector_at(&alt->layout, (uint32_t)at, &sector))
			return err_set(err, REASON_INPUT, "%s lies outside of the family's memory",
				piece->file);
		uint64_t next = (uint64_t)sector.addr + sector.size;
		next = next < end ? next : end;
		if (!add(restore, piece, kind_of_sector(restore, piece, alt, &sector), (uint32_t)at,
			    (uint32_t)(next - at), err))
			return false;
		at = next;
	}
	return true;
}

/* Up to the next place where a key slot begins or ends. */
static uint64_t next_cut(const struct family *family, uint8_t alt, uint64_t at, uint64_t end)
{
	for (size_t i = 0; i < family->key_slot_count; i++) {
		const struct family_key_slot *slot = &family->key_slots[i];
		uint64_t after = (uint64_t)slot->addr + slot->format.size;
		if (slot->alt != alt)
			continue;
		if (slot->addr > at && slot->addr < end)
			end = slot->addr;
		if (after > at && after < end)
			end = after;
	}
	return end;
}

static bool add_records(struct restore *restore, const struct piece *piece,
	const struct family_alt *alt, struct err *err)
{
	uint64_t end = (uint64_t)piece->addr + piece->size;
	bool open = layout_allows(&alt->layout, piece->addr, piece->size, LAYOUT_WRITE) &&
		    !regions_of(restore->family, alt->alt, piece->addr, piece->size).closed;
	for (uint64_t at = piece->addr; at < end;) {
		uint64_t next = open ? next_cut(restore->family, alt->alt, at, end) : end;
		uint32_t addr = (uint32_t)at, len = (uint32_t)(next - at);
		bool key = slot_in(restore->family, alt->alt, addr, len) != NULL;
		if (!add(restore, piece,
			    !open ? RESTORE_COMPARED
			    : key ? RESTORE_KEY_RECORD
				  : RESTORE_RECORD,
			    addr, len, err))
			return false;
		at = next;
	}
	return true;
}

static bool fits(const struct piece *piece, const struct family_alt *alt, struct err *err)
{
	if (alt && piece->addr >= alt->access_start &&
		(uint64_t)piece->addr + piece->size <= alt->access_end &&
		layout_allows(&alt->layout, piece->addr, piece->size, LAYOUT_READ))
		return true;
	return err_set(err, REASON_INPUT, "%s lies where the family's profile lets nothing be read",
		piece->file);
}

bool restore_plan(struct restore *restore, struct err *err)
{
	const struct manifest *manifest = &restore->backup->manifest;
	restore->range_count = restore->absent = restore->hidden = 0;
	for (size_t i = 0; i < manifest->piece_count; i++) {
		const struct piece *piece = &manifest->pieces[i];
		const struct family_alt *alt = family_alt(restore->family, piece->alt);
		if (!fits(piece, alt, err))
			return false;
		if (piece->hidden)
			restore->hidden++;
		else if (!dfu_has_alt(restore->dfu, piece->alt))
			restore->absent++;
		else if (alt->memory == MEMORY_NOR ? !add_sectors(restore, piece, alt, err)
						   : !add_records(restore, piece, alt, err))
			return false;
	}
	return true;
}

bool restore_is_volatile(const struct family *family, uint8_t alt, uint32_t addr)
{
	for (size_t i = 0; i < family->volatile_count; i++) {
		const struct family_volatile *range = &family->volatiles[i];
		if (range->alt == alt && addr >= range->addr && addr - range->addr < range->size)
			return true;
	}
	return false;
}
