/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's option bytes, before anything is written: kept with the attempt, and judged. They are
 * never written here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "bytes.h"
#include "flash.h"
#include "steps.h"
#include "text.h"

enum { SECTORS_TEXT_MAX = 512 };

static bool observe(struct attempt *attempt, const char *name, const char *value, struct err *err)
{
	return record_observe(attempt->record, attempt->id, name, value, err);
}

/* What was found instead of the bytes is worth keeping too. */
static bool read_options(struct attempt *attempt, uint8_t *bytes, struct err *err)
{
	const struct option_bytes *options = &attempt->plan->family.options;
	struct err store;
	if (flash_read(&attempt->dfu, options->alt, options->addr, bytes, options->size, NULL, err))
		return true;
	err_at(err, "the option bytes");
	if (err->reason == REASON_READ_PROTECTED && !attempt->options_kept &&
		!observe(attempt, "read-protection", "the unit refuses to show its option bytes",
			&store))
		*err = store;
	return false;
}

/* "0x08000000-0x08003fff, ..." */
static void list_protected(const struct attempt *attempt, const uint8_t *bytes, char *to)
{
	const struct option_bytes *options = &attempt->plan->family.options;
	const struct family_alt *alt = family_alt(&attempt->plan->family, options->protected_alt);
	struct layout_sector sector;
	size_t used = 0;
	uint64_t at = alt->access_start;
	to[0] = 0;
	for (; at < alt->access_end && layout_sector_at(&alt->layout, (uint32_t)at, &sector);
		at = (uint64_t)sector.addr + sector.size) {
		if (!option_is_protected(options, bytes, sector.index))
			continue;
		if (!text_format(to + used, SECTORS_TEXT_MAX - used,
			    "%s0x%08" PRIx32 "-0x%08" PRIx32, used ? ", " : "", sector.addr,
			    sector.addr + sector.size - 1))
			return;
		used = strlen(to);
	}
}

static bool keep(struct attempt *attempt, const uint8_t *bytes, struct err *err)
{
	const struct option_bytes *options = &attempt->plan->family.options;
	char hex[2 * OPTION_BYTES_MAX + 1], name[OPTION_NAME_MAX + 16], value[16];
	char sectors[SECTORS_TEXT_MAX];
	if (attempt->options_kept)
		return true;
	bytes_to_hex(bytes, options->size, hex);
	if (!observe(attempt, "option-bytes", hex, err))
		return false;
	for (size_t i = 0; i < options->field_count; i++) {
		snprintf(name, sizeof name, "option:%s", options->fields[i].name);
		snprintf(value, sizeof value, "0x%" PRIx32,
			option_value(&options->fields[i], bytes));
		if (!observe(attempt, name, value, err))
			return false;
	}
	if (options->read_field >= 0) {
		snprintf(value, sizeof value, "level %u", option_read_level(options, bytes));
		if (!observe(attempt, "read-protection", value, err))
			return false;
	}
	if (options->write_field >= 0) {
		list_protected(attempt, bytes, sectors);
		if (!observe(attempt, "write-protected", sectors[0] ? sectors : "none", err))
			return false;
	}
	attempt->options_kept = true;
	return true;
}

static bool check_required(const struct plan *plan, const uint8_t *bytes, struct err *err)
{
	const struct option_bytes *options = &plan->family.options;
	for (size_t i = 0; i < plan->job.requirement_count; i++) {
		const struct job_requirement *wanted = &plan->job.requirements[i];
		uint32_t found = option_value(option_field(options, wanted->name), bytes);
		if (found != wanted->value)
			return err_set(err, REASON_OPTION_BYTES,
				"option %s is 0x%" PRIx32 ", the job requires 0x%" PRIx32,
				wanted->name, found, wanted->value);
	}
	return true;
}

/* Is one of the sectors under [addr, addr + len) protected? */
static bool check_range(const struct plan *plan, const uint8_t *bytes, uint8_t alt_number,
	uint32_t addr, uint32_t len, const char *what, struct err *err)
{
	const struct option_bytes *options = &plan->family.options;
	const struct family_alt *alt = family_alt(&plan->family, alt_number);
	struct layout_sector sector;
	uint64_t end = (uint64_t)addr + len;
	if (alt_number != options->protected_alt)
		return true;
	for (uint64_t at = addr; at < end && layout_sector_at(&alt->layout, (uint32_t)at, &sector);
		at = (uint64_t)sector.addr + sector.size)
		if (option_is_protected(options, bytes, sector.index))
			return err_set(err, REASON_WRITE_PROTECTED,
				"alt %u: the sector at 0x%08" PRIx32 " is write-protected, and %s "
				"is to be written there",
				alt_number, sector.addr, what);
	return true;
}

static bool check_slot(const struct plan *plan, const uint8_t *bytes,
	const struct family_key_slot *slot, struct err *err)
{
	return check_range(plan, bytes, slot->alt, slot->addr, slot->format.size, slot->name, err);
}

/* The ROM says OK to a write there, and does nothing. */
static bool check_writes(const struct plan *plan, const uint8_t *bytes, struct err *err)
{
	for (size_t i = 0; i < plan->before_count; i++)
		if (!check_writes(plan->before[i], bytes, err))
			return false;
	for (size_t i = 0; i < plan->sector_count; i++) {
		const struct plan_sector *sector = &plan->sectors[i];
		if (!check_range(
			    plan, bytes, sector->alt, sector->addr, sector->size, "an image", err))
			return false;
	}
	return (!plan->server_key.wanted || check_slot(plan, bytes, plan->server_key.slot, err)) &&
	       (!plan->device_key.wanted || check_slot(plan, bytes, plan->device_key.slot, err));
}

bool options_check(struct attempt *attempt, bool writes, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const struct option_bytes *options = &plan->family.options;
	uint8_t bytes[OPTION_BYTES_MAX];
	if (!options->known)
		return true;
	if (!dfu_has_alt(&attempt->dfu, options->alt))
		return !plan->job.requirement_count ||
		       err_set(err, REASON_OPTION_BYTES,
			       "alt %u: the unit does not show its option bytes, of which the job "
			       "requires %s",
			       options->alt, plan->job.requirements[0].name);
	if (!read_options(attempt, bytes, err) || !keep(attempt, bytes, err))
		return false;
	unsigned level = option_read_level(options, bytes);
	if (level)
		return err_set(err, REASON_READ_PROTECTED, "its read protection is at level %u%s",
			level, level == 2 ? ", which nothing lifts" : "");
	return check_required(plan, bytes, err) && (!writes || check_writes(plan, bytes, err));
}
