/* SPDX-License-Identifier: Apache-2.0 */
/* Writing images, and the deciding readback. */
#include <inttypes.h>
#include <string.h>

#include "attempt.h"
#include "bytes.h"
#include "flash.h"
#include "mend.h"
#include "steps.h"

/* Which sectors of the plan were erased in this try, by index. */
struct erased {
	bool sector[PLAN_SECTORS_MAX];
};

static const struct plan_extent *extent_of(
	const struct plan *plan, const struct plan_sector *sector)
{
	for (size_t i = 0; i < plan->extent_count; i++) {
		const struct plan_extent *extent = &plan->extents[i];
		if (extent->alt == sector->alt && sector->addr >= extent->addr &&
			sector->addr - extent->addr < extent->len)
			return extent;
	}
	return NULL;
}

/* With write = "changed": does the sector hold what it shall hold? */
static bool holds_it_already(
	struct attempt *attempt, const struct plan_sector *sector, bool *ret, struct err *err)
{
	const struct plan_extent *extent = extent_of(attempt->writing, sector);
	*ret = false;
	if (!extent)
		return err_set(err, REASON_BUG, "a sector at 0x%08" PRIx32 " without contents",
			sector->addr);
	struct plan_extent part = { .alt = sector->alt,
		.phase = sector->phase,
		.addr = sector->addr,
		.len = sector->size,
		.expected = extent->expected + (sector->addr - extent->addr) };
	return flash_is_same(&attempt->dfu, &part, ret, err);
}

static bool erase_phase(struct attempt *attempt, enum plan_phase phase, bool always,
	struct erased *erased, struct err *err)
{
	const struct plan *plan = attempt->writing;
	for (size_t i = 0; i < plan->sector_count; i++) {
		bool same = false;
		if (plan->sectors[i].phase != phase)
			continue;
		if (!always && !holds_it_already(attempt, &plan->sectors[i], &same, err))
			return false;
		if (same)
			continue;
		if (!flash_erase(&attempt->dfu, &plan->sectors[i], err))
			return false;
		erased->sector[i] = true;
	}
	return true;
}

/* The next run of erased sectors under [*at, end); false if there is none. Sectors are in
 * the order of addresses. */
static bool next_run(const struct plan *plan, const struct erased *erased, uint8_t alt,
	uint32_t *at, uint32_t end, uint32_t *ret_len)
{
	uint32_t start = 0, stop = 0;
	for (size_t i = 0; i < plan->sector_count; i++) {
		const struct plan_sector *sector = &plan->sectors[i];
		uint32_t from = sector->addr > *at ? sector->addr : *at;
		uint32_t to = sector->addr + sector->size < end ? sector->addr + sector->size : end;
		if (sector->alt != alt || !erased->sector[i] || from >= to ||
			(stop && from != stop))
			continue;
		start = stop ? start : from;
		stop = to;
	}
	*at = start;
	*ret_len = stop - start;
	return stop != 0;
}

static bool is_record(const struct plan *plan, uint8_t alt)
{
	return family_alt(&plan->family, alt)->memory == MEMORY_RECORD;
}

/* Bytes that are replaced where they stand, without an erase. */
static bool write_record(struct attempt *attempt, const struct plan_region *region,
	const struct dfuse_progress *progress, struct err *err)
{
	const struct plan *plan = attempt->writing;
	bool same = false;
	if (!mend_writes_always(attempt) &&
		!flash_is_same(&attempt->dfu, &plan->extents[region->extent], &same, err))
		return false;
	if (!same && !flash_write(&attempt->dfu, region->region->alt, region->addr, region->bytes,
			     region->len, progress, err))
		return err_at(err, "%s", region->region->name);
	attempt->bytes_before += region->len;
	return true;
}

static bool write_region(struct attempt *attempt, const struct plan_region *region,
	const struct erased *erased, const struct dfuse_progress *progress, struct err *err)
{
	const struct plan *plan = attempt->writing;
	uint32_t at = region->write_addr, end = region->write_addr + region->write_len, len = 0;
	if (is_record(plan, region->region->alt))
		return write_record(attempt, region, progress, err);
	while (next_run(plan, erased, region->region->alt, &at, end, &len)) {
		if (!flash_write(&attempt->dfu, region->region->alt, at,
			    region->write_bytes + (at - region->write_addr), len, progress, err))
			return err_at(err, "%s", region->region->name);
		attempt->bytes_before += len;
		at += len;
	}
	return true;
}

static bool write_phase(struct attempt *attempt, enum plan_phase phase, const struct erased *erased,
	struct err *err)
{
	const struct plan *plan = attempt->writing;
	uint64_t total = 0;
	for (size_t i = 0; i < plan->region_count; i++)
		total += plan->regions[i].phase == phase ? plan->regions[i].write_len : 0;
	struct dfuse_progress progress = attempt_progress(attempt, total);
	for (size_t i = 0; i < plan->region_count; i++)
		if (plan->regions[i].phase == phase &&
			!write_region(attempt, &plan->regions[i], erased, &progress, err))
			return false;
	return true;
}

static bool verify(struct attempt *attempt, const struct plan_extent *extents, size_t count,
	bool parts_only, struct err *err)
{
	uint64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += parts_only && extents[i].phase != PHASE_PARTS ? 0 : extents[i].len;
	struct dfuse_progress progress = attempt_progress(attempt, total);
	for (size_t i = 0; i < count; i++) {
		const struct plan_extent *extent = &extents[i];
		if (parts_only && extent->phase != PHASE_PARTS)
			continue;
		if (!flash_verify(&attempt->dfu, extent->alt, extent->addr, extent->expected,
			    extent->len, &progress, NULL, err))
			return false;
		attempt->bytes_before += extent->len;
	}
	return true;
}

/* What earlier stages left is looked at with the rest. */
static bool verify_all(struct attempt *attempt, struct err *err)
{
	return verify(attempt, attempt->writing->stands, attempt->writing->stand_count, false, err);
}

bool images_erase_first(struct attempt *attempt, struct err *err)
{
	struct erased erased = { 0 };
	attempt->images_erased = erase_phase(attempt, PHASE_IMAGES, true, &erased, err);
	return attempt->images_erased;
}

bool step_write_parts(struct attempt *attempt, struct err *err)
{
	struct erased erased = { 0 };
	bool always = mend_writes_always(attempt);
	if (!images_erase_first(attempt, err))
		return false;
	if (!erase_phase(attempt, PHASE_PARTS, always, &erased, err) ||
		!write_phase(attempt, PHASE_PARTS, &erased, err))
		return false;
	/* A half-written part would give a unit that starts neither its firmware nor DFU:
	 * so before the leave. */
	return verify(attempt, attempt->plan->extents, attempt->plan->extent_count, true, err);
}

/* The sectors were erased before the unit ran its firmware. A Photon with a valid factory image and
 * no application copies the one over the other at boot, so this is looked at, not believed. */
static bool still_erased(struct attempt *attempt, bool *ret, struct err *err)
{
	const struct plan *plan = attempt->plan;
	uint8_t block[USB_CONTROL_MAX];
	*ret = true;
	for (size_t i = 0; *ret && i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		if (region->phase != PHASE_IMAGES || is_record(plan, region->region->alt))
			continue;
		for (uint32_t done = 0; *ret && done < region->write_len;) {
			uint32_t len = region->write_len - done < sizeof block
					       ? region->write_len - done
					       : (uint32_t)sizeof block;
			if (!flash_read(&attempt->dfu, region->region->alt,
				    region->write_addr + done, block, len, NULL, err))
				return false;
			*ret = bytes_all(block, len, 0xff);
			done += len;
		}
	}
	return true;
}

bool step_write_images(struct attempt *attempt, struct err *err)
{
	struct erased erased = { 0 };
	bool blank = false;
	if (attempt->images_erased && !still_erased(attempt, &blank, err))
		return false;
	attempt->images_erased = false;
	if (blank)
		memset(&erased, 1, sizeof erased);
	else if (!erase_phase(attempt, PHASE_IMAGES, mend_writes_always(attempt), &erased, err))
		return false;
	return write_phase(attempt, PHASE_IMAGES, &erased, err);
}

bool step_compare_images(struct attempt *attempt, struct err *err)
{
	return verify_all(attempt, err) && bootloader_settled(attempt, err);
}

/* In the other sector of the record memory, where the keys were put once more. */
static bool records_readback_elsewhere(struct attempt *attempt, struct err *err)
{
	const struct plan *plan = attempt->writing;
	for (size_t i = 0; i < plan->stand_count; i++)
		if (is_record(plan, plan->stands[i].alt) &&
			!verify(attempt, &plan->stands[i], 1, false, err))
			return err_at(err, "in the other sector of the record memory");
	return true;
}

bool step_readback(struct attempt *attempt, struct err *err)
{
	return verify_all(attempt, err) && keys_readback(attempt, err) &&
	       keys_readback_elsewhere(attempt, err) && records_readback_elsewhere(attempt, err) &&
	       bootloader_settled(attempt, err) && mend_readback(attempt, err);
}

bool step_stage_write(struct attempt *attempt, struct err *err)
{
	struct erased erased = { 0 };
	bool always = mend_writes_always(attempt);
	return erase_phase(attempt, PHASE_PARTS, always, &erased, err) &&
	       erase_phase(attempt, PHASE_IMAGES, always, &erased, err) &&
	       write_phase(attempt, PHASE_PARTS, &erased, err) &&
	       write_phase(attempt, PHASE_IMAGES, &erased, err);
}

bool step_stage_readback(struct attempt *attempt, struct err *err)
{
	return verify_all(attempt, err);
}
