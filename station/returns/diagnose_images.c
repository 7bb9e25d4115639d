/* SPDX-License-Identifier: Apache-2.0 */
/* What lets an image be written, and every region that one may be in. */
#include <stdio.h>
#include <stdlib.h>

#include "diagnose.h"
#include "scope.h"

/* Versions are worth keeping; the bootloader has a column of its own. */
static bool observe(struct returned *unit, const struct look *look, struct err *err)
{
	char name[64], version[16];
	if (!look->has_module || look->region->linked_for[0])
		return true;
	snprintf(name, sizeof name, "found-version:%s", look->region->name);
	snprintf(version, sizeof version, "%u", look->module.version);
	return record_observe(unit->record, unit->attempt_id, name, version, err) &&
	       (look->module.function != MODULE_BOOTLOADER ||
		       record_attempt_bootloader(unit->record, unit->attempt_id, version, err));
}

static bool look_region(struct returned *unit, const struct family_region *region,
	const struct record_known_image *known, size_t count, struct findings *findings,
	struct err *err)
{
	const struct look_rules rules = {
		.family = unit->family, .plan = unit->plan, .known = known, .known_count = count
	};
	struct look *look = &unit->looks[region - unit->family->regions];
	SCOPED_FREE uint8_t *bytes = malloc(region->size);
	bool readable;
	if (!bytes)
		return err_set(err, REASON_STATION, "no memory for the %u bytes of %s",
			region->size, region->name);
	if (!look_read(unit->dfu, region->name, region->alt, region->addr, bytes, region->size,
		    findings, &readable, err))
		return false;
	return !readable ||
	       (look_judge(&rules, region, bytes, look, findings, err) && observe(unit, look, err));
}

bool diagnose_images(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct family *family = unit->family;
	if (!diagnose_repeats(unit, findings, err) || !diagnose_options(unit, findings, err))
		return false;
	SCOPED_FREE struct record_known_image *known =
		calloc(RECORD_KNOWN_IMAGES_MAX, sizeof *known);
	if (!known)
		return err_set(err, REASON_STATION, "no memory for the known images");
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		size_t count = 0;
		if (!record_known_images(unit->record, family->name, region->name, unit->device_id,
			    known, RECORD_KNOWN_IMAGES_MAX, &count, err))
			return false;
		bool left = count && known[0].left_with;
		if (!region->module && !left && !look_is_planned(unit->plan, region))
			continue;
		if (dfu_has_alt(unit->dfu, region->alt) &&
			!look_region(unit, region, known, count, findings, err))
			return false;
	}
	look_dependencies(family, unit->looks, findings);
	return true;
}
