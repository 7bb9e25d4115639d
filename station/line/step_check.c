/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the unit before anything is written: its memory layout, the modules that it already has,
 * and whether they are new enough for the images. */
#include <inttypes.h>
#include <stdio.h>

#include "attempt.h"
#include "flash.h"
#include "module.h"
#include "options.h"
#include "steps.h"

enum { HEADER_READ_MAX = 1024 };

/* Reads the module header at the start of a region of the unit. *ret_found false: there is none. */
static bool read_module(struct attempt *attempt, const struct family_region *region,
	struct module_header *ret, bool *ret_found, struct err *err)
{
	const struct family_images *rules = &attempt->plan->family.images;
	uint8_t bytes[HEADER_READ_MAX];
	uint32_t offset = rules->header_with_vectors > rules->header_without
				  ? rules->header_with_vectors
				  : rules->header_without;
	uint32_t len = (offset + MODULE_HEADER_LEN + 63) / 64 * 64;
	if (len > sizeof bytes || len > region->size)
		return err_set(
			err, REASON_BUG, "a module header at %" PRIu32 " is too far away", offset);
	if (!flash_read(&attempt->dfu, region->alt, region->addr, bytes, len, NULL, err))
		return err_at(err, "the module at %s", region->name);
	*ret_found = module_header_find(rules, bytes, len, ret) && ret->start == region->addr &&
		     ret->platform_id == rules->platform_id;
	return true;
}

/* What the job has written by then counts, and what it never writes stands on the unit. */
static bool check_dependency(struct attempt *attempt, unsigned stage,
	const struct plan_region *image, const struct module_dependency *wanted, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const struct plan_region *written = plan_module(plan, stage, wanted);
	if (written && module_provides(&written->module, wanted))
		return true;
	const struct family_region *home = module_home(&plan->family, wanted);
	struct module_header found;
	bool there = false;
	if (home && !read_module(attempt, home, &found, &there, err))
		return false;
	if (there && module_provides(&found, wanted))
		return true;
	char has[64] = "none";
	if (there)
		snprintf(has, sizeof has, "version %u", found.version);
	return err_set(err, REASON_DEPENDENCY,
		"%s needs %s %u of version %u or newer; the unit has %s", image->region->name,
		module_function_name(wanted->function), wanted->index, wanted->min_version, has);
}

/* Versions of what the unit came with: worth keeping, and the bootloader has a column of its
 * own. */
static bool observe_modules(struct attempt *attempt, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		struct module_header module;
		bool found = false;
		char name[64], version[16];
		if (!region->module || region->linked_for[0])
			continue;
		if (!read_module(attempt, region, &module, &found, err))
			return false;
		if (!found)
			continue;
		snprintf(name, sizeof name, "found-version:%s", region->name);
		snprintf(version, sizeof version, "%u", module.version);
		if (!record_observe(attempt->record, attempt->id, name, version, err))
			return false;
		if (module.function == MODULE_BOOTLOADER &&
			!record_attempt_bootloader(attempt->record, attempt->id, version, err))
			return false;
	}
	return true;
}

/* Settings that only some bootloaders have, where the plan wants them. */
static bool check_optional(struct attempt *attempt, const struct plan *stage, struct err *err)
{
	for (size_t i = 0; i < stage->extent_count; i++) {
		const struct family_alt *alt = family_alt(&stage->family, stage->extents[i].alt);
		if (alt->optional && !dfu_has_alt(&attempt->dfu, alt->alt))
			return err_set(err, REASON_LAYOUT,
				"alt %u: the unit's bootloader does not show \"%s\", which the job "
				"writes to",
				alt->alt, alt->layout_text);
	}
	return true;
}

/* A staged bootloader needs a firmware that knows how to take it, from this job or on the unit. */
static bool check_applier(struct attempt *attempt, struct err *err)
{
	const struct plan_region *image = attempt->plan->staged;
	bool stands = false;
	if (!image || !bootloader_stands(attempt, &stands, err))
		return !image;
	const struct family_staging *how = &image->region->staged;
	const struct family_region *by = family_region(&attempt->plan->family, how->applied_by);
	struct module_dependency wanted = { .function = by->function,
		.index = (uint8_t)by->index,
		.min_version = how->min_version };
	return stands || check_dependency(attempt, attempt->plan->stage, image, &wanted, err) ||
	       (err->reason == REASON_DEPENDENCY &&
		       err_set(err, REASON_DEPENDENCY,
			       "%s is put in its place by %s of version %u or newer, which neither "
			       "the job nor the unit has; %s",
			       image->region->name, by->name, how->min_version,
			       image->region->remedy));
}

static bool check_modules(struct attempt *attempt, const struct plan *stage, struct err *err)
{
	for (size_t i = 0; i < stage->region_count; i++) {
		const struct plan_region *image = &stage->regions[i];
		for (unsigned d = 0; image->has_module && d < 2; d++)
			if (image->module.dependency[d].function != MODULE_NONE &&
				!check_dependency(attempt, stage->stage, image,
					&image->module.dependency[d], err))
				return false;
	}
	return true;
}

/* Option bytes into the record, once, and against the job; nothing where the profile knows of none. */
static bool check_options(struct attempt *attempt, bool writes, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const struct option_bytes *options = &plan->family.options;
	const struct options_place place = { .dfu = &attempt->dfu,
		.family = &plan->family,
		.record = attempt->record,
		.attempt_id = attempt->id };
	uint8_t bytes[OPTION_BYTES_MAX];
	if (!options->known)
		return true;
	if (!dfu_has_alt(&attempt->dfu, options->alt))
		return !plan->job.requirement_count ||
		       err_set(err, REASON_OPTION_BYTES,
			       "alt %u: the unit does not show its option bytes, of which the job "
			       "requires %s",
			       options->alt, plan->job.requirements[0].name);
	if (!options_read(&place, !attempt->options_kept, bytes, err))
		return false;
	attempt->options_kept = true;
	return options_unlocked(options, bytes, err) && options_as_required(plan, bytes, err) &&
	       (!writes || options_let_write(plan, bytes, err));
}

static bool inspect(struct attempt *attempt, bool writes, struct err *err)
{
	if (!dfu_check_layout(&attempt->dfu, err))
		return false;
	for (unsigned i = 0; i <= attempt->plan->before_count; i++)
		if (!check_optional(attempt, plan_stage(attempt->plan, i), err))
			return false;
	bool as_it_came = attempt->try_number == 1 && attempt->stages_run == 0;
	if (!check_options(attempt, writes, err) || (as_it_came && !observe_modules(attempt, err)))
		return false;
	for (unsigned i = 0; i <= attempt->plan->before_count; i++)
		if (!check_modules(attempt, plan_stage(attempt->plan, i), err))
			return false;
	return true;
}

bool step_inspect(struct attempt *attempt, struct err *err)
{
	return inspect(attempt, false, err);
}

bool step_check(struct attempt *attempt, struct err *err)
{
	return inspect(attempt, true, err) && check_applier(attempt, err);
}
