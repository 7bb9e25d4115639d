/* SPDX-License-Identifier: Apache-2.0 */
/* Images against their regions, and against each other's dependencies. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"
#include "text.h"

enum { CRC_LEN = 4, LIST_MAX = 400 };

static void list_regions(const struct family *family, char to[LIST_MAX])
{
	size_t used = 0;
	to[0] = 0;
	for (size_t i = 0; i < family->region_count; i++) {
		if (!text_format(to + used, LIST_MAX - used, "%s%s", i ? ", " : "",
			    family->regions[i].name))
			return;
		used = strlen(to);
	}
}

static bool find_region(struct plan_build *build, size_t i)
{
	const struct family *family = &build->plan->family;
	const struct job_image *images = build->plan->job.images;
	const struct family_region *region = family_region(family, images[i].region);
	if (!region) {
		char known[LIST_MAX];
		list_regions(family, known);
		plan_refuse_image(
			build, i, "family %s has no such region; it has %s", family->name, known);
		return false;
	}
	for (size_t k = 0; k < i; k++)
		if (strcmp(images[k].region, images[i].region) == 0) {
			plan_refuse_image(build, i,
				"the region is already written by images[%zu] in line %u; leave "
				"one of them out",
				k, images[k].line);
			return false;
		}
	build->sources[i].region = region;
	build->sources[i].alt = family_alt(family, region->alt);
	build->sources[i].linked =
		region->linked_for[0] ? family_region(family, region->linked_for) : region;
	if (region->staged.possible) {
		build->sources[i].area = family_region(family, region->staged.area);
		build->sources[i].area_alt = family_alt(family, build->sources[i].area->alt);
	}
	return build->sources[i].alt && build->sources[i].linked;
}

static void check_writable(struct plan_build *build, size_t i)
{
	const struct family_region *region = build->sources[i].region;
	if (!region->writable && !region->staged.possible)
		plan_refuse_image(build, i, "the region cannot be written by DFU; %s",
			region->remedy[0] ? region->remedy
					  : "write it by SWD and leave it out of the job");
}

static void check_pin(struct plan_build *build, size_t i)
{
	const struct job_image *wanted = &build->plan->job.images[i];
	const char *is = build->sources[i].image.sha256;
	if (build->options->ignore_pins)
		return;
	if (!wanted->sha256[0] && build->options->want_pins)
		plan_refuse_image(build, i,
			"%s: the job does not name its sha256, which a real run wants; look at the "
			"file, then station check --pin writes it",
			wanted->file);
	else if (wanted->sha256[0] && strcmp(wanted->sha256, is) != 0)
		plan_refuse_image(build, i,
			"%s: its sha256 is %s, the job wants %s; fetch the right file, or accept "
			"this one with station check --pin",
			wanted->file, is, wanted->sha256);
}

static void check_flags(struct plan_build *build, size_t i)
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
	const struct plan_source *source = &build->sources[i];
	for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
		if (source->image.module.flags & flags[k].flag)
			plan_refuse_image(build, i,
				"%s: %s (module flags 0x%02x), and nothing unpacks what DFU "
				"writes; take the plain image",
				build->plan->job.images[i].file, flags[k].text,
				source->image.module.flags);
}

static void check_kind(struct plan_build *build, size_t i)
{
	const struct plan_source *source = &build->sources[i];
	const struct module_header *module = &source->image.module;
	const struct family_region *region = source->region;
	bool index_fits = region->index < 0 || module->index == region->index;
	if (!region->module || (module->function == region->function && index_fits))
		return;
	char index[16] = "";
	if (region->index >= 0 && !text_format(index, sizeof index, " %d", region->index))
		return;
	plan_refuse_image(build, i,
		"%s: is %s (function %u) %u, this region takes %s (function %u)%s; take "
		"the right file",
		build->plan->job.images[i].file, module_function_name(module->function),
		module->function, module->index, module_function_name(region->function),
		region->function, index);
}

/* The addresses in the header are those where the code runs. */
static void check_addresses(struct plan_build *build, size_t i)
{
	const struct plan_source *source = &build->sources[i];
	const struct module_header *module = &source->image.module;
	const struct family_region *linked = source->linked;
	const char *file = build->plan->job.images[i].file;
	if (module->start != linked->addr) {
		plan_refuse_image(build, i,
			"%s: is linked for 0x%08" PRIx32
			", but what stands here runs at 0x%08" PRIx32
			" (%s); take the right file or region",
			file, module->start, linked->addr, linked->name);
		return;
	}
	uint64_t end = (uint64_t)module->end + CRC_LEN,
		 limit = (uint64_t)linked->addr + linked->size;
	if (end > limit)
		plan_refuse_image(build, i,
			"%s: ends with its CRC at 0x%08" PRIx64 ", region %s ends at 0x%08" PRIx64
			"; make it smaller",
			file, end, linked->name, limit);
}

static void check_module(struct plan_build *build, size_t i)
{
	const struct plan_source *source = &build->sources[i];
	const struct family *family = &build->plan->family;
	uint16_t platform_id = source->image.module.platform_id;
	if (platform_id != family->images.platform_id)
		plan_refuse_image(build, i,
			"%s: is for platform %u, family %s is platform %u; take the image for this "
			"family",
			build->plan->job.images[i].file, platform_id, family->name,
			family->images.platform_id);
	check_kind(build, i);
	check_addresses(build, i);
	check_flags(build, i);
}

static void check_size(struct plan_build *build, size_t i)
{
	const struct plan_source *source = &build->sources[i];
	if (source->image.len > source->region->size)
		plan_refuse_image(build, i,
			"%s: has %zu bytes, the region only %" PRIu32 "; make it smaller",
			build->plan->job.images[i].file, source->image.len, source->region->size);
}

static void take_image(struct plan_build *build, size_t i)
{
	struct plan_source *source = &build->sources[i];
	bool known = find_region(build, i);
	struct err err;
	if (known)
		check_writable(build, i);
	if (!image_load(build->plan->job.images[i].file, &build->plan->family.images,
		    known && source->region->module, &source->image, &err)) {
		plan_refuse_image(build, i, "%s", err.text);
		return;
	}
	check_pin(build, i);
	if (!known)
		return;
	check_size(build, i);
	if (source->image.has_module)
		check_module(build, i);
}

/* A bootloader or module that is not in the job stands on the unit and is looked at there. */
static void check_dependency(
	struct plan_build *build, size_t i, const struct module_dependency *wanted)
{
	size_t count = build->plan->job.image_count, found = count;
	if (wanted->function == MODULE_NONE)
		return;
	for (size_t k = 0; k < count; k++) {
		const struct plan_source *source = &build->sources[k];
		const struct image *image = &source->image;
		/* What is only stored provides nothing. */
		if (!image->has_module || source->region != source->linked ||
			image->module.function != wanted->function ||
			image->module.index != wanted->index)
			continue;
		if (image->module.version >= wanted->min_version)
			return;
		found = k;
	}
	if (found == count)
		return;
	plan_refuse_image(build, i,
		"%s: needs %s %u of version %u or newer, but images[%zu] (%s) has version %u; take "
		"images that belong together",
		build->plan->job.images[i].file, module_function_name(wanted->function),
		wanted->index, wanted->min_version, found, build->plan->job.images[found].region,
		build->sources[found].image.module.version);
}

/* The module that is to put a staged image in its place has to know how. */
static void check_applier(struct plan_build *build, size_t i)
{
	const struct family_staging *staged = &build->sources[i].region->staged;
	const struct family_region *by = family_region(&build->plan->family, staged->applied_by);
	struct module_dependency wanted = { .function = by->function,
		.index = (uint8_t)by->index,
		.min_version = staged->min_version };
	check_dependency(build, i, &wanted);
}

void plan_take_images(struct plan_build *build)
{
	size_t count = build->plan->job.image_count;
	for (size_t i = 0; i < count; i++)
		take_image(build, i);
	for (size_t i = 0; i < count; i++)
		if (build->sources[i].image.has_module) {
			check_dependency(build, i, &build->sources[i].image.module.dependency[0]);
			check_dependency(build, i, &build->sources[i].image.module.dependency[1]);
			if (build->sources[i].area)
				check_applier(build, i);
		}
}
