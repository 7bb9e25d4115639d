/* SPDX-License-Identifier: Apache-2.0 */
/* Erase, write, read and verify by address. Nothing here is repeated or repaired. */
#include "flash.h"

#include <stdlib.h>

#include "bytes.h"
#include "flash_range.h"
#include "scope.h"

bool flash_check_range(const struct dfu *dfu, uint8_t alt, uint32_t addr, uint32_t len,
	const struct family_alt **ret, struct err *err)
{
	const struct family_alt *found = family_alt(dfu->family, alt);

	if (!found)
		return err_set(err, REASON_BUG, "family %s has no alternate setting %u",
			dfu->family->name, alt);
	if (addr < found->access_start || addr > found->access_end ||
		len > found->access_end - addr)
		return err_set(err, REASON_BUG,
			"alt %u: 0x%08x: %u bytes are not inside 0x%08x to 0x%08x", alt, addr, len,
			found->access_start, found->access_end);
	*ret = found;
	return true;
}

bool flash_erase(struct dfu *dfu, const struct plan_sector *sector, struct err *err)
{
	const struct family_alt *alt;

	if (!flash_check_range(dfu, sector->alt, sector->addr, sector->size, &alt, err))
		return false;
	if (alt->memory != MEMORY_NOR)
		return err_set(err, REASON_BUG, "alt %u: 0x%08x: a record memory is not erased",
			sector->alt, sector->addr);
	return dfuse_erase(dfu, sector->alt, sector->addr, err);
}

bool flash_write(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *bytes, uint32_t len,
	const struct dfuse_progress *progress, struct err *err)
{
	const struct family_alt *found;

	return flash_check_range(dfu, alt, addr, len, &found, err) &&
	       dfuse_write(dfu, alt, addr, bytes, len, progress, err);
}

bool flash_read(struct dfu *dfu, uint8_t alt, uint32_t addr, uint8_t *ret, uint32_t len,
	const struct dfuse_progress *progress, struct err *err)
{
	const struct family_alt *found;

	return flash_check_range(dfu, alt, addr, len, &found, err) &&
	       dfuse_read(dfu, alt, addr, ret, len, progress, err);
}

bool flash_verify(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *expected,
	uint32_t len, const struct dfuse_progress *progress,
	struct flash_difference *ret_difference, struct err *err)
{
	const struct family_alt *range;

	if (!flash_check_range(dfu, alt, addr, len, &range, err))
		return false;
	if (!len)
		return true;
	SCOPED_FREE uint8_t *found = malloc(len);

	if (!found)
		return err_set(err, REASON_STATION, "out of memory for %u bytes to verify", len);
	if (!dfuse_read(dfu, alt, addr, found, len, progress, err))
		return false;
	size_t at = bytes_first_difference(expected, found, len);

	if (at == len)
		return true;
	struct flash_difference difference = {
		.alt = alt,
		.addr = addr + (uint32_t)at,
		.expected = expected[at],
		.found = found[at],
		.count = (uint32_t)bytes_count_differences(expected, found, len),
	};

	if (ret_difference)
		*ret_difference = difference;
	return err_set(err, REASON_FLASH_BAD,
		"alt %u: 0x%08x: expected %02x, found %02x; %u bytes differ", alt, difference.addr,
		difference.expected, difference.found, difference.count);
}

bool flash_is_same(
	struct dfu *dfu, const struct plan_extent *extent, bool *ret_same, struct err *err)
{
	const struct family_alt *alt;

	return flash_check_range(dfu, extent->alt, extent->addr, extent->len, &alt, err) &&
	       dfuse_compare(dfu, extent->alt, extent->addr, extent->expected, extent->len,
		       ret_same, err);
}
