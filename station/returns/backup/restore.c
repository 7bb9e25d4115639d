/* SPDX-License-Identifier: Apache-2.0 */
#include "restore.h"

#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "secret.h"

enum { BLOCK = 32 * 1024, TRIES = 3 };

/* --- looking --- */

static void count_differences(const struct restore *restore, struct restore_range *range,
	uint32_t at, const uint8_t *found, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint32_t addr = range->addr + at + i;
		if (found[i] == range->bytes[at + i] ||
			(range->kind == RESTORE_COMPARED &&
				restore_is_volatile(restore->family, range->alt, addr)))
			continue;
		if (!range->differs++)
			range->first = addr;
	}
}

/* A look again does no harm; what cannot be read cannot be restored. */
static bool read_block(struct restore *restore, const struct restore_range *range, uint32_t at,
	uint8_t *to, uint32_t len, struct err *err)
{
	struct dfu *dfu = restore->dfu;
	for (int try = 1;; try++) {
		struct err lost;
		if (flash_read(dfu, range->alt, range->addr + at, to, len, NULL, err))
			return true;
		if (try == TRIES || dfu->gone || err_kind(err) != ERR_LINK ||
			!dfu_recover(dfu, &lost))
			return false;
	}
}

static bool look_at(struct restore *restore, struct restore_range *range, struct err *err)
{
	SCOPED_SECRET uint8_t *found = secret_alloc(BLOCK, err);
	if (!found)
		return false;
	range->differs = 0;
	for (uint32_t at = 0; at < range->len;) {
		uint32_t left = range->len - at, len = left < BLOCK ? left : BLOCK;
		if (!read_block(restore, range, at, found, len, err))
			return err_at(err, "%s", range->name);
		count_differences(restore, range, at, found, len);
		at += len;
	}
	return true;
}

static bool look_at_all(struct restore *restore, struct err *err)
{
	for (size_t i = 0; i < restore->range_count; i++)
		if (!look_at(restore, &restore->ranges[i], err))
			return false;
	return true;
}

static bool is_record_memory(const struct restore_range *range)
{
	return range->kind == RESTORE_RECORD || range->kind == RESTORE_KEY_RECORD;
}

/* Record memory is not to be touched in the session that rewrote the system parts behind it. */
bool restore_look(struct restore *restore, struct err *err)
{
	bool parts = false, records = false;
	if (!restore_plan(restore, err) || !look_at_all(restore, err))
		return false;
	for (size_t i = 0; i < restore->range_count; i++) {
		const struct restore_range *range = &restore->ranges[i];
		parts |= range->part && range->kind == RESTORE_SECTOR && range->differs;
		records |= is_record_memory(range);
	}
	restore->goes_away = parts && records;
	return true;
}

/* --- writing --- */

/* Runs of whole blocks; after the erase, those that shall be FF are there already. */
static bool program(struct restore *restore, const struct restore_range *range, struct err *err)
{
	uint32_t step = restore->dfu->transfer_size, start = 0;
	for (uint32_t at = 0; at < range->len;) {
		uint32_t left = range->len - at, len = left < step ? left : step;
		bool blank = bytes_all(range->bytes + at, len, 0xff);
		uint32_t end = blank ? at : at + len;
		at += len;
		if ((blank || at == range->len) && start < end &&
			!flash_write(restore->dfu, range->alt, range->addr + start,
				range->bytes + start, end - start, NULL, err))
			return false;
		start = blank ? at : start;
	}
	return true;
}

static bool erase(struct restore *restore, const struct restore_range *range, struct err *err)
{
	const struct plan_sector sector = {
		.alt = range->alt, .addr = range->addr, .size = range->len
	};
	return flash_erase(restore->dfu, &sector, err);
}

static bool write_once(struct restore *restore, struct restore_range *range, struct err *err)
{
	bool good = is_record_memory(range)
			    ? flash_write(restore->dfu, range->alt, range->addr, range->bytes,
				      range->len, NULL, err)
			    : erase(restore, range, err) && program(restore, range, err);
	if (!good || !look_at(restore, range, err))
		return false;
	return !range->differs ||
	       err_set(err, REASON_FLASH_BAD,
		       "alt %u: 0x%08" PRIx32 ": %" PRIu32 " bytes are not as they were written",
		       range->alt, range->first, range->differs);
}

static bool write_range(struct restore *restore, struct restore_range *range, struct err *err)
{
	if (!range->differs)
		return true;
	for (int try = 1;; try++) {
		struct err lost;
		if (write_once(restore, range, err)) {
			restore->written += range->len;
			return true;
		}
		if (try == TRIES || restore->dfu->gone || err_kind(err) != ERR_LINK ||
			!dfu_recover(restore->dfu, &lost))
			return err_at(err, "%s", range->name);
	}
}

/* No old application may keep the firmware from answering; what is erased here comes back later. */
static bool write_parts(void *context, struct err *err)
{
	struct restore *restore = context;
	for (size_t i = 0; i < restore->range_count; i++) {
		struct restore_range *range = &restore->ranges[i];
		if (range->application && range->kind == RESTORE_SECTOR &&
			!erase(restore, range, err))
			return err_at(err, "%s", range->name);
	}
	for (size_t i = 0; i < restore->range_count; i++) {
		struct restore_range *range = &restore->ranges[i];
		if (range->part && range->kind == RESTORE_SECTOR &&
			!write_range(restore, range, err))
			return false;
	}
	return restore->come_back(restore->context, err) && look_at_all(restore, err);
}

static bool is_device_key(const struct restore *restore, const struct restore_range *range)
{
	for (size_t i = 0; i < restore->family->key_slot_count; i++) {
		const struct family_key_slot *slot = &restore->family->key_slots[i];
		if (slot->format.role == KEY_ROLE_DEVICE && slot->alt == range->alt &&
			slot->addr < (uint64_t)range->addr + range->len &&
			range->addr < (uint64_t)slot->addr + slot->format.size)
			return true;
	}
	return false;
}

/* Device keys come last, other keys before them. */
static unsigned turn_of(const struct restore *restore, const struct restore_range *range)
{
	switch (range->kind) {
	case RESTORE_SECTOR:
		return 0;
	case RESTORE_RECORD:
		return 1;
	case RESTORE_KEY_SECTOR:
	case RESTORE_KEY_RECORD:
		return is_device_key(restore, range) ? 3 : 2;
	case RESTORE_COMPARED:
		break;
	}
	return 4;
}

/* Without valid system parts it reads zeros, and takes writes for nothing. */
static bool check_reachable(struct restore *restore, struct err *err)
{
	for (size_t i = 0; i < restore->range_count; i++) {
		struct restore_range *range = &restore->ranges[i];
		uint8_t head[16];
		if (!is_record_memory(range) || range->addr != 0 || range->len < sizeof head ||
			!(restore->family->quirks & QUIRK_ZERO_MEANS_INVALID))
			continue;
		if (!read_block(restore, range, 0, head, sizeof head, err))
			return false;
		if (bytes_all(head, sizeof head, 0) && !bytes_all(range->bytes, sizeof head, 0))
			return err_set(err, REASON_PARTS_INVALID,
				"alt %u reads zeros only, with the system parts of the backup",
				range->alt);
	}
	return true;
}

static bool write_rest(void *context, struct err *err)
{
	struct restore *restore = context;
	enum { TURNS = 4, TURN_RECORDS = 1, TURN_KEYS = 2 };
	for (unsigned turn = 0; turn < TURNS; turn++) {
		if (turn == TURN_RECORDS && !check_reachable(restore, err))
			return false;
		if (turn == TURN_KEYS && !restore_key_judge(restore, err))
			return false;
		for (size_t i = 0; i < restore->range_count; i++)
			if (turn_of(restore, &restore->ranges[i]) == turn &&
				!write_range(restore, &restore->ranges[i], err))
				return false;
	}
	return true;
}

/* After the last write: everything that could be written is there. */
static bool read_back(void *context, struct err *err)
{
	struct restore *restore = context;
	if (!look_at_all(restore, err))
		return false;
	for (size_t i = 0; i < restore->range_count; i++) {
		const struct restore_range *range = &restore->ranges[i];
		if (range->kind != RESTORE_COMPARED && range->differs)
			return err_set(err, REASON_FLASH_BAD,
				"%s: alt %u: 0x%08" PRIx32 ": %" PRIu32
				" bytes are not what the backup has",
				range->name, range->alt, range->first, range->differs);
	}
	return restore_key_written(restore, err);
}

bool restore_run(struct restore *restore, struct err *err)
{
	struct record *record = restore->record;
	const char *id = restore->attempt_id;
	return (!restore->goes_away ||
		       record_step(record, id, "restore-parts", write_parts, restore, err)) &&
	       record_step(record, id, "restore-write", write_rest, restore, err) &&
	       record_step(record, id, "readback", read_back, restore, err);
}
