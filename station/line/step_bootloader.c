/* SPDX-License-Identifier: Apache-2.0 */
/* A bootloader where DFU cannot write it: its image is put into the region that the profile
 * names, a byte of record memory says so, and the unit's own firmware takes it from there at
 * its next boot (docs/devices.md, "Bootloader"). What then stands in its place is read back
 * like everything else. */
#include <inttypes.h>

#include "attempt.h"
#include "flash.h"
#include "mend.h"
#include "steps.h"

static const struct family_staging *staging_of(const struct attempt *attempt)
{
	return &attempt->plan->staged->region->staged;
}

static bool read_flag(struct attempt *attempt, uint8_t *ret, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	const struct family_staging *how = staging_of(attempt);
	if (!flash_read(&attempt->dfu, how->flag_alt, how->flag_addr, ret, 1, NULL, err))
		return err_at(err, "the flag of a staged bootloader");
	if ((family->quirks & QUIRK_ZERO_MEANS_INVALID) && *ret == 0 && how->flag_idle != 0)
		return err_set(err, REASON_PARTS_INVALID,
			"the flag of a staged bootloader (alt %u: 0x%08" PRIx32 ") reads zero",
			how->flag_alt, how->flag_addr);
	return true;
}

static bool write_flag(struct attempt *attempt, uint8_t value, struct err *err)
{
	const struct family_staging *how = staging_of(attempt);
	uint8_t found = 0;
	if (!flash_write(&attempt->dfu, how->flag_alt, how->flag_addr, &value, 1, NULL, err) ||
		!read_flag(attempt, &found, err))
		return err_at(err, "the flag of a staged bootloader");
	return found == value ||
	       err_set(err, REASON_FLASH_BAD, "alt %u: 0x%08" PRIx32 ": expected %02x, found %02x",
		       how->flag_alt, how->flag_addr, value, found);
}

/* Erase, write and verify where the image waits. */
static bool write_image(struct attempt *attempt, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const struct plan_region *image = plan->staged;
	const struct family_region *area = plan->staged_area;
	struct dfuse_progress progress = attempt_progress(attempt, 2 * (uint64_t)image->write_len);
	for (size_t i = 0; i < plan->sector_count; i++)
		if (plan->sectors[i].phase == PHASE_STAGED &&
			!flash_erase(&attempt->dfu, &plan->sectors[i], err))
			return false;
	if (!flash_write(&attempt->dfu, area->alt, area->addr, image->write_bytes, image->write_len,
		    &progress, err))
		return err_at(err, "%s", area->name);
	attempt->bytes_before = image->write_len;
	return flash_verify(&attempt->dfu, area->alt, area->addr, image->write_bytes, image->write_len,
		       &progress, NULL, err) ||
	       err_at(err, "%s", area->name);
}

bool bootloader_stands(struct attempt *attempt, bool *ret, struct err *err)
{
	const struct plan *plan = attempt->plan;
	*ret = false;
	return mend_writes_always(attempt) ||
	       flash_is_same(&attempt->dfu, &plan->extents[plan->staged->extent], ret, err);
}

bool step_stage_bootloader(struct attempt *attempt, struct err *err)
{
	const struct family_staging *how = staging_of(attempt);
	uint8_t flag = 0;
	attempt->bootloader_stands = false;
	if (!read_flag(attempt, &flag, err))
		return false;
	/* A flag that somebody left set would put something else in its place at the next boot. */
	if (flag == how->flag_idle && !bootloader_stands(attempt, &attempt->bootloader_stands, err))
		return false;
	if (attempt->bootloader_stands)
		return true;
	if (!attempt->images_erased && !images_erase_first(attempt, err))
		return false;
	/* While it is set, nothing half-written may stand there. */
	if (flag != how->flag_idle && !write_flag(attempt, how->flag_idle, err))
		return false;
	if (!write_image(attempt, err))
		return false;
	attempt->bootloader_waits = true;
	return write_flag(attempt, how->flag_value, err);
}

bool step_reenter_staged(struct attempt *attempt, struct err *err)
{
	return reenter_staged(attempt, staging_of(attempt)->settle_ms, err);
}

bool bootloader_settled(struct attempt *attempt, struct err *err)
{
	uint8_t flag = 0;
	if (!attempt->plan->staged)
		return true;
	if (!read_flag(attempt, &flag, err))
		return false;
	return flag == staging_of(attempt)->flag_idle ||
	       err_set(err, REASON_FLASH_BAD,
		       "the unit's firmware did not take the staged bootloader: its flag is %02x",
		       flag);
}

bool step_bootloader(struct attempt *attempt, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const struct plan_extent *extent = &plan->extents[plan->staged->extent];
	struct dfuse_progress progress = attempt_progress(attempt, extent->len);
	if (!bootloader_settled(attempt, err))
		return false;
	attempt->bootloader_waits = false;
	return flash_verify(&attempt->dfu, extent->alt, extent->addr, extent->expected, extent->len,
		       &progress, NULL, err) ||
	       err_at(err, "%s", plan->staged->region->name);
}
