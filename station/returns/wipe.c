/* SPDX-License-Identifier: Apache-2.0 */
#include "wipe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "scope.h"
#include "secret.h"

/* A pass over the ranges. */
struct wiping {
	struct dfu *dfu;
	const struct decision *decision;
	const struct dfuse_progress *progress;
	uint64_t done;
};

static bool is_record(const struct family *family, const struct decide_wipe *range)
{
	return family_alt(family, range->alt)->memory == MEMORY_RECORD;
}

static bool is_in(const struct family *family, const struct decide_wipe *range, unsigned memories)
{
	return memories & (is_record(family, range) ? WIPE_RECORD : WIPE_NOR);
}

uint64_t wipe_bytes(const struct family *family, const struct decision *decision, unsigned memories)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < decision->wipe_count; i++)
		if (is_in(family, &decision->wipes[i], memories))
			bytes += decision->wipes[i].size;
	return bytes;
}

static void count(struct wiping *it, uint32_t bytes)
{
	it->done += bytes;
	if (it->progress && it->progress->report)
		it->progress->report(it->progress->context, it->done);
}

static uint8_t *idle_bytes(const struct decide_wipe *range, uint32_t size, struct err *err)
{
	uint8_t *bytes = malloc(size);
	if (bytes)
		memset(bytes, range->idle, size);
	else
		err_set(err, REASON_STATION, "no memory for %u bytes of %s", size, range->name);
	return bytes;
}

static bool is_idle(struct wiping *it, const struct decide_wipe *range, uint32_t addr,
	uint32_t size, const uint8_t *idle, bool *ret, struct err *err)
{
	const struct plan_extent part = {
		.alt = range->alt, .addr = addr, .len = size, .expected = idle
	};
	return flash_is_same(it->dfu, &part, ret, err);
}

/* --- NOR --- */

static bool wipe_sector(struct wiping *it, const struct decide_wipe *range,
	const struct layout_sector *sector, struct err *err)
{
	const struct plan_sector erase = {
		.alt = range->alt, .addr = sector->addr, .size = sector->size
	};
	bool idle = false;
	SCOPED_FREE uint8_t *wanted = idle_bytes(range, sector->size, err);
	if (!wanted || !is_idle(it, range, sector->addr, sector->size, wanted, &idle, err))
		return false;
	return idle || (flash_erase(it->dfu, &erase, err) &&
			       flash_verify(it->dfu, range->alt, sector->addr, wanted, sector->size,
				       NULL, NULL, err));
}

static bool wipe_sectors(struct wiping *it, const struct decide_wipe *range, struct err *err)
{
	const struct layout *layout = &family_alt(it->dfu->family, range->alt)->layout;
	uint64_t end = (uint64_t)range->addr + range->size;
	struct layout_sector sector;
	for (uint64_t at = range->addr; at < end; at = (uint64_t)sector.addr + sector.size) {
		if (!layout_sector_at(layout, (uint32_t)at, &sector) || sector.addr != at ||
			sector.addr + (uint64_t)sector.size > end)
			return err_set(err, REASON_BUG,
				"%s: 0x%08" PRIx32 " is not the begin of a sector to wipe",
				range->name, (uint32_t)at);
		if (!wipe_sector(it, range, &sector, err))
			return err_at(err, "%s", range->name);
		count(it, sector.size);
	}
	return true;
}

/* --- record memory --- */

static bool wipe_record(struct wiping *it, const struct decide_wipe *range, bool again,
	bool *ret_written, struct err *err)
{
	bool idle = false;
	SCOPED_FREE uint8_t *wanted = idle_bytes(range, range->size, err);
	if (!wanted || !is_idle(it, range, range->addr, range->size, wanted, &idle, err))
		return false;
	*ret_written = !idle || again;
	return !*ret_written ||
	       (flash_write(it->dfu, range->alt, range->addr, wanted, range->size, NULL, err) &&
		       flash_verify(it->dfu, range->alt, range->addr, wanted, range->size, NULL,
			       NULL, err));
}

/* The Photon's DCT goes into the other one of its two sectors with each write, and the one before
 * keeps what it had. So the last range is written once more when all are idle. */
static bool wipe_records(struct wiping *it, struct err *err)
{
	const struct decide_wipe *last = NULL;
	bool written;
	for (size_t i = 0; i < it->decision->wipe_count; i++) {
		const struct decide_wipe *range = &it->decision->wipes[i];
		if (!is_record(it->dfu->family, range))
			continue;
		if (!wipe_record(it, range, false, &written, err))
			return err_at(err, "%s", range->name);
		if (written)
			last = range;
		count(it, range->size);
	}
	return !last || wipe_record(it, last, true, &written, err) || err_at(err, "%s", last->name);
}

/* --- a memory that is smaller than it says --- */

enum { GUARD_LEN = 64, GUARD_STEP = 0x10000 };

/* Early Cores have a quarter of the SPI flash that they announce, and addresses behind its end begin
 * again at its start: erasing what an application kept there would erase the keys (F04). Such a
 * memory shows a key once more where it has none. */
static bool shows_twice(struct dfu *dfu, const struct family_key_slot *slot,
	const struct decide_wipe *range, const uint8_t *key, uint8_t *bytes, struct err *err)
{
	uint64_t end = (uint64_t)range->addr + range->size;
	uint64_t at = slot->addr + (uint64_t)GUARD_STEP;
	for (; at + GUARD_LEN <= end; at += GUARD_STEP) {
		if (at < range->addr)
			continue;
		if (!flash_read(dfu, slot->alt, (uint32_t)at, bytes, GUARD_LEN, NULL, err))
			return err_at(err, "%s", range->name);
		if (bytes_first_difference(key, bytes, GUARD_LEN) == GUARD_LEN)
			return err_set(err, REASON_FLASH_DEFECTIVE,
				"alt %u: 0x%08" PRIx32 " shows what stands at 0x%08" PRIx32
				": the memory is smaller than it says, and erasing %s would erase %s",
				slot->alt, (uint32_t)at, slot->addr, range->name, slot->name);
	}
	return true;
}

static bool guard_key(struct wiping *it, const struct family_key_slot *slot, struct err *err)
{
	SCOPED_SECRET uint8_t *key = secret_alloc(2 * GUARD_LEN, err);
	if (!key || !flash_read(it->dfu, slot->alt, slot->addr, key, GUARD_LEN, NULL, err))
		return false;
	for (size_t i = 0; i < it->decision->wipe_count; i++)
		if (it->decision->wipes[i].alt == slot->alt && !bytes_all(key, GUARD_LEN, key[0]) &&
			!shows_twice(
				it->dfu, slot, &it->decision->wipes[i], key, key + GUARD_LEN, err))
			return false;
	return true;
}

static bool guard_keys(struct wiping *it, struct err *err)
{
	const struct family *family = it->dfu->family;
	for (size_t i = 0; i < family->key_slot_count; i++) {
		const struct family_key_slot *slot = &family->key_slots[i];
		if (slot->format.size >= GUARD_LEN &&
			family_alt(family, slot->alt)->memory == MEMORY_NOR &&
			!guard_key(it, slot, err))
			return false;
	}
	return true;
}

/* --- all of it --- */

bool wipe_run(struct dfu *dfu, const struct decision *decision, unsigned memories,
	const struct dfuse_progress *progress, struct err *err)
{
	struct wiping it = { .dfu = dfu, .decision = decision, .progress = progress };
	bool nor = false;
	for (size_t i = 0; i < decision->wipe_count; i++)
		nor = nor || !is_record(dfu->family, &decision->wipes[i]);
	if (nor && memories & WIPE_NOR) {
		if (!guard_keys(&it, err))
			return false;
		for (size_t i = 0; i < decision->wipe_count; i++)
			if (!is_record(dfu->family, &decision->wipes[i]) &&
				!wipe_sectors(&it, &decision->wipes[i], err))
				return false;
	}
	return !(memories & WIPE_RECORD) || wipe_records(&it, err);
}

bool wipe_check(struct dfu *dfu, const struct decision *decision,
	const struct dfuse_progress *progress, struct err *err)
{
	struct wiping it = { .dfu = dfu, .decision = decision, .progress = progress };
	for (size_t i = 0; i < decision->wipe_count; i++) {
		const struct decide_wipe *range = &decision->wipes[i];
		SCOPED_FREE uint8_t *wanted = idle_bytes(range, range->size, err);
		if (!wanted || !flash_verify(dfu, range->alt, range->addr, wanted, range->size,
				       NULL, NULL, err))
			return err_at(err, "%s", range->name);
		count(&it, range->size);
	}
	return true;
}
