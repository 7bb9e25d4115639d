/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "text.h"

enum { SECTORS_TEXT_MAX = 512 };

static bool observe(
	const struct options_place *place, const char *name, const char *value, struct err *err)
{
	return record_observe(place->record, place->attempt_id, name, value, err);
}

/* "0x08000000-0x08003fff, ..." */
static void list_protected(const struct family *family, const uint8_t *bytes, char *to)
{
	const struct option_bytes *options = &family->options;
	const struct family_alt *alt = family_alt(family, options->protected_alt);
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

static bool keep_all(const struct options_place *place, const uint8_t *bytes, struct err *err)
{
	const struct option_bytes *options = &place->family->options;
	char hex[2 * OPTION_BYTES_MAX + 1], name[OPTION_NAME_MAX + 16], value[16];
	char sectors[SECTORS_TEXT_MAX];
	bytes_to_hex(bytes, options->size, hex);
	if (!observe(place, "option-bytes", hex, err))
		return false;
	for (size_t i = 0; i < options->field_count; i++) {
		snprintf(name, sizeof name, "option:%s", options->fields[i].name);
		snprintf(value, sizeof value, "0x%" PRIx32,
			option_value(&options->fields[i], bytes));
		if (!observe(place, name, value, err))
			return false;
	}
	if (options->read_field >= 0) {
		snprintf(value, sizeof value, "level %u", option_read_level(options, bytes));
		if (!observe(place, "read-protection", value, err))
			return false;
	}
	if (options->write_field >= 0) {
		list_protected(place->family, bytes, sectors);
		if (!observe(place, "write-protected", sectors[0] ? sectors : "none", err))
			return false;
	}
	return true;
}

/* What was found instead of the bytes is worth keeping too. */
bool options_read(const struct options_place *place, bool keep, uint8_t *ret, struct err *err)
{
	const struct option_bytes *options = &place->family->options;
	uint8_t bytes[OPTION_BYTES_MAX];
	struct err store;
	if (flash_read(place->dfu, options->alt, options->addr, bytes, options->size, NULL, err)) {
		if (keep && !keep_all(place, bytes, err))
			return false;
		memcpy(ret, bytes, options->size);
		return true;
	}
	err_at(err, "the option bytes");
	if (keep && err->reason == REASON_READ_PROTECTED &&
		!observe(place, "read-protection", "the unit refuses to show its option bytes",
			&store))
		*err = store;
	return false;
}

bool options_unlocked(const struct option_bytes *options, const uint8_t *bytes, struct err *err)
{
	unsigned level = option_read_level(options, bytes);
	return !level || err_set(err, REASON_READ_PROTECTED, "its read protection is at level %u%s",
				 level, level == 2 ? ", which nothing lifts" : "");
}

bool options_as_required(const struct plan *plan, const uint8_t *bytes, struct err *err)
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
bool options_let_write(const struct plan *plan, const uint8_t *bytes, struct err *err)
{
	for (size_t i = 0; i < plan->before_count; i++)
		if (!options_let_write(plan->before[i], bytes, err))
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
