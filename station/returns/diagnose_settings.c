/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit keeps about its state and its owner, by the family's profile. */
#include <inttypes.h>
#include <stdlib.h>

#include "bytes.h"
#include "diagnose.h"
#include "scope.h"

static uint32_t little_endian(const uint8_t *bytes, uint32_t size)
{
	uint32_t value = 0;
	for (uint32_t i = size; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

static void judge_owner(
	const struct setting *setting, const uint8_t *bytes, struct findings *findings)
{
	uint32_t first = 0, count = 0;
	for (uint32_t i = 0; i < setting->size; i++)
		if (bytes[i] != 0xff && bytes[i] != 0 && !count++)
			first = setting->addr + i;
	if (count)
		finding_add(findings, FINDING_CODE_CUSTOMER_DATA, setting->name,
			"%s: %" PRIu32 " bytes, first at 0x%08" PRIx32, setting->text, count,
			first);
}

static void judge(const struct setting *setting, const uint8_t *bytes, struct findings *findings)
{
	bool set = setting->role != SETTING_CUSTOMER &&
		   little_endian(bytes, setting->size) == setting->value;
	switch (setting->role) {
	case SETTING_CLAIMED:
		finding_add(findings, set ? FINDING_CODE_CLAIMED : FINDING_CODE_NOT_CLAIMED,
			setting->name, set ? "%s" : "the flag is not set", setting->text);
		return;
	case SETTING_FLAG:
		if (set)
			finding_add(findings, FINDING_CODE_FLAG_SET, setting->name, "%s",
				setting->text);
		return;
	case SETTING_CUSTOMER:
		judge_owner(setting, bytes, findings);
		return;
	case SETTING_ROLES:
		return;
	}
}

/* What the job writes is no owner's. */
static bool is_planned(const struct returned *unit, const struct setting *setting)
{
	for (size_t i = 0; i < unit->family->region_count; i++) {
		const struct family_region *region = &unit->family->regions[i];
		if (region->alt == setting->alt && setting->addr >= region->addr &&
			setting->addr - region->addr < region->size && unit->looks[i].region)
			return true;
	}
	return false;
}

/* An owner's: nothing of it goes into the evidence. */
static bool look_setting(struct returned *unit, const struct setting *setting,
	struct findings *findings, struct err *err)
{
	SCOPED_FREE uint8_t *bytes = malloc(setting->size);
	bool readable;
	if (!bytes)
		return err_set(err, REASON_STATION, "no memory for the %u bytes of %s",
			setting->size, setting->name);
	if (!look_read(unit->dfu, setting->name, setting->alt, setting->addr, bytes, setting->size,
		    findings, &readable, err))
		return false;
	if (readable)
		judge(setting, bytes, findings);
	return true;
}

/* Without what a smaller memory than it should be has not. False: nothing of it is there. */
static bool is_there(const struct returned *unit, struct setting *setting)
{
	uint32_t end = unit->ends[setting->alt];
	if (end && setting->addr >= end)
		return false;
	if (end && setting->size > end - setting->addr)
		setting->size = end - setting->addr;
	return true;
}

/* A P1's bootloader 0.6.0 has lost the alternate setting of its serial flash, not the flash. */
static void add_not_shown(const struct setting *setting, struct findings *findings)
{
	if (setting->role == SETTING_CUSTOMER)
		finding_add(findings, FINDING_CODE_CUSTOMER_HIDDEN, setting->name,
			"%s: its bootloader does not show it", setting->text);
}

bool diagnose_settings(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct settings *settings = &unit->family->settings;
	for (size_t i = 0; i < settings->count; i++) {
		struct setting setting = settings->list[i];
		bool invalid = unit->records_invalid &&
			       family_alt(unit->family, setting.alt)->memory == MEMORY_RECORD;
		if (invalid || !is_there(unit, &setting) || is_planned(unit, &setting))
			continue;
		if (!dfu_has_alt(unit->dfu, setting.alt))
			add_not_shown(&setting, findings);
		else if (!look_setting(unit, &setting, findings, err))
			return false;
	}
	for (size_t i = 0; i < settings->hidden_count; i++)
		finding_add(findings, FINDING_CODE_CUSTOMER_HIDDEN, "unit",
			"%s: DFU does not reach it", settings->hidden[i]);
	return true;
}
