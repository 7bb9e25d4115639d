/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the images, against their regions and against each other's dependencies. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"
#include "text.h"

enum { CRC_LEN = 4, HOME_MAX = 48 + FAMILY_NAME_MAX };

static const char *file_of(const struct plan_build *build, const struct plan_source *source)
{
	return build->plan->job.images[source->image].file;
}

static void check_flags(struct plan_build *build, const struct plan_source *source)
{
	static const struct {
		uint8_t flag;
		const char *text;
	} flags[] = {
		{ MODULE_FLAG_DROP_HEADER, "is to be stored without its header" },
		{ MODULE_FLAG_COMPRESSED, "is compressed" },
		{ MODULE_FLAG_COMBINED, "holds several modules" },
		{ MODULE_FLAG_ENCRYPTED, "is encrypted" },
	};
	for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
		if (source->module.flags & flags[k].flag)
			plan_refuse_image(build, source->image,
				"%s: %s (module flags 0x%02x), and nothing unpacks what DFU "
				"writes; take the plain image",
				file_of(build, source), flags[k].text, source->module.flags);
}

const struct family_region *plan_home_of(
	const struct family *family, const struct module_header *module)
{
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->module && !region->linked_for[0] &&
			region->function == module->function &&
			(region->index < 0 || region->index == module->index) &&
			region->addr == module->start)
			return region;
	}
	return NULL;
}

/* ", and its header places it in region system-part3", or nothing. */
static void name_home(
	const struct plan_build *build, const struct plan_source *source, char to[HOME_MAX])
{
	const struct family_region *home = plan_home_of(&build->plan->family, &source->module);
	if (!home || home == source->linked ||
		!text_format(to, HOME_MAX, ", and its header places it in region %s", home->name))
		to[0] = 0;
}

static void check_kind(struct plan_build *build, const struct plan_source *source)
{
	const struct module_header *module = &source->module;
	const struct family_region *region = source->region;
	bool index_fits = region->index < 0 || module->index == region->index;
	if (!region->module || (module->function == region->function && index_fits))
		return;
	char index[16] = "", home[HOME_MAX];
	if (region->index >= 0 && !text_format(index, sizeof index, " %d", region->index))
		return;
	name_home(build, source, home);
	plan_refuse_image(build, source->image,
		"%s: is %s (function %u) %u, this region takes %s (function %u)%s%s; take the "
		"right file or region",
		file_of(build, source), module_function_name(module->function), module->function,
		module->index, module_function_name(region->function), region->function, index,
		home);
}

/* The addresses in the header are those where the code runs. */
static void check_addresses(struct plan_build *build, const struct plan_source *source)
{
	const struct module_header *module = &source->module;
	const struct family_region *linked = source->linked;
	const char *file = file_of(build, source);
	if (module->start != linked->addr) {
		char home[HOME_MAX];
		name_home(build, source, home);
		plan_refuse_image(build, source->image,
			"%s: is linked for 0x%08" PRIx32
			", but what stands here runs at 0x%08" PRIx32
			" (%s)%s; take the right file or region",
			file, module->start, linked->addr, linked->name, home);
		return;
	}
	uint64_t end = (uint64_t)module->end + CRC_LEN,
		 limit = (uint64_t)linked->addr + linked->size;
	if (end > limit)
		plan_refuse_image(build, source->image,
			"%s: ends with its CRC at 0x%08" PRIx64 ", region %s ends at 0x%08" PRIx64
			"; make it smaller",
			file, end, linked->name, limit);
}

static void check_module(struct plan_build *build, const struct plan_source *source)
{
	const struct family *family = &build->plan->family;
	uint16_t platform_id = source->module.platform_id;
	if (platform_id != family->images.platform_id)
		plan_refuse_image(build, source->image,
			"%s: is for platform %u, family %s is platform %u; take the image for this "
			"family",
			file_of(build, source), platform_id, family->name,
			family->images.platform_id);
	check_kind(build, source);
	check_addresses(build, source);
	check_flags(build, source);
}

/* A module is one piece and begins where its region does; so does everything that could be one. */
static void examine(struct plan_build *build, struct plan_source *source)
{
	const struct family_region *region = source->region;
	struct err err;
	if (source->addr != region->addr) {
		if (region->module)
			plan_refuse_image(build, source->image,
				"%s: 0x%08" PRIx32 " is not where region %s begins (0x%08" PRIx32
				"), and it takes one module without gaps; take the right file, or "
				"fill its gaps",
				file_of(build, source), source->addr, region->name, region->addr);
		return;
	}
	if (!module_examine(file_of(build, source), &build->plan->family.images, region->module,
		    source->bytes, source->len, &source->has_module, &source->module, &err))
		plan_refuse_image(build, source->image, "%s", err.text);
	else if (source->has_module)
		check_module(build, source);
}

/* What the stages before it leave on the unit. */
static void check_earlier(struct plan_build *build, const struct plan_source *source,
	const struct module_dependency *wanted)
{
	unsigned stage = build->plan->stage;
	const struct plan_region *found =
		stage ? plan_module(build->product, stage - 1, wanted) : NULL;
	if (found && found->module.version < wanted->min_version)
		plan_refuse_image(build, source->image,
			"%s: needs %s %u of version %u or newer, but an earlier stage writes "
			"version %u (%s); take images that belong together",
			file_of(build, source), module_function_name(wanted->function),
			wanted->index, wanted->min_version, found->module.version,
			found->file_name);
}

/* A bootloader or module that is not in the job stands on the unit and is looked at there. */
static void check_dependency(struct plan_build *build, const struct plan_source *source,
	const struct module_dependency *wanted)
{
	const struct plan_source *found = NULL;
	if (wanted->function == MODULE_NONE)
		return;
	for (size_t k = 0; k < build->source_count; k++) {
		const struct plan_source *other = &build->sources[k];
		/* What is only stored provides nothing. */
		if (!other->has_module || other->region != other->linked ||
			other->module.function != wanted->function ||
			other->module.index != wanted->index)
			continue;
		if (other->module.version >= wanted->min_version)
			return;
		found = other;
	}
	if (!found) {
		check_earlier(build, source, wanted);
		return;
	}
	plan_refuse_image(build, source->image,
		"%s: needs %s %u of version %u or newer, but images[%zu] (%s) has version %u; take "
		"images that belong together",
		file_of(build, source), module_function_name(wanted->function), wanted->index,
		wanted->min_version, found->image, found->region->name, found->module.version);
}

/* The module that is to put a staged image in its place has to know how. */
static void check_applier(struct plan_build *build, const struct plan_source *source)
{
	const struct family_staging *staged = &source->region->staged;
	const struct family_region *by = family_region(&build->plan->family, staged->applied_by);
	struct module_dependency wanted = { .function = by->function,
		.index = (uint8_t)by->index,
		.min_version = staged->min_version };
	check_dependency(build, source, &wanted);
}

void plan_check_images(struct plan_build *build)
{
	for (size_t i = 0; i < build->source_count; i++)
		examine(build, &build->sources[i]);
	for (size_t i = 0; i < build->source_count; i++) {
		const struct plan_source *source = &build->sources[i];
		if (!source->has_module)
			continue;
		check_dependency(build, source, &source->module.dependency[0]);
		check_dependency(build, source, &source->module.dependency[1]);
		if (source->area)
			check_applier(build, source);
	}
}
