/* SPDX-License-Identifier: Apache-2.0 */
/* Files to sources: each run of bytes finds the region that it belongs to. Nothing is left out in silence: a run
 * without a place is a reason to refuse. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"
#include "text.h"

enum { LIST_MAX = 400 };

static const char *file_of(const struct plan_build *build, size_t i)
{
	return build->plan->job.images[i].file;
}

static bool can_be_written(const struct family_region *region)
{
	return region->writable || region->staged.possible;
}

static bool holds(const struct family_region *region, const struct image_run *run)
{
	return (!run->has_alt || run->alt == region->alt) && run->addr >= region->addr &&
	       run->len <= region->size && run->addr - region->addr <= region->size - run->len;
}

static bool touches(const struct family_region *region, const struct image_run *run)
{
	return (!run->has_alt || run->alt == region->alt) &&
	       run->addr < (uint64_t)region->addr + region->size &&
	       region->addr < (uint64_t)run->addr + run->len;
}

static void add_name(char to[LIST_MAX], const char *name)
{
	size_t used = strlen(to);
	/* A list that does not fit is cut; no family has so many regions with such long names. */
	if (!text_format(to + used, LIST_MAX - used, "%s%s", used ? ", " : "", name))
		to[used] = 0;
}

/* Names of the regions for which is says so; run may be NULL. Returns how many. */
static size_t list_regions(const struct family *family, const struct image_run *run,
	bool (*is)(const struct family_region *, const struct image_run *), char to[LIST_MAX])
{
	size_t count = 0;
	to[0] = 0;
	for (size_t i = 0; i < family->region_count; i++)
		if (!is || is(&family->regions[i], run)) {
			add_name(to, family->regions[i].name);
			count++;
		}
	return count;
}

static bool takes(const struct family_region *region, const struct image_run *run)
{
	return can_be_written(region) && holds(region, run);
}

static void refuse_unwritable(
	struct plan_build *build, size_t i, const struct family_region *region)
{
	plan_refuse_image(build, i, "the region %s cannot be written by DFU; %s", region->name,
		region->remedy[0] ? region->remedy : "write it by SWD and leave it out of the job");
}

/* The region that the job names; NULL with a refusal, or if it names none. */
static const struct family_region *find_named(struct plan_build *build, size_t i)
{
	const struct family *family = &build->plan->family;
	const char *name = build->plan->job.images[i].region;
	const struct family_region *region = family_region(family, name);
	char known[LIST_MAX];
	if (!region && name[0]) {
		list_regions(family, NULL, NULL, known);
		plan_refuse_image(
			build, i, "family %s has no such region; it has %s", family->name, known);
	}
	if (region && !can_be_written(region))
		refuse_unwritable(build, i, region);
	return region;
}

static void check_pin(struct plan_build *build, size_t i)
{
	const struct job_image *wanted = &build->plan->job.images[i];
	const char *is = build->images[i].sha256;
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

/* Who wrote the suffix meant these devices and no others. */
static void check_ids(struct plan_build *build, size_t i)
{
	const struct image *image = &build->images[i];
	const struct family *family = &build->plan->family;
	const struct usb_id *id = &family->dfu;
	bool vendor = image->vendor_id == 0xffff || image->vendor_id == id->vendor_id;
	bool product = image->product_id == 0xffff || image->product_id == id->product_id;
	if (image->has_ids && (!vendor || !product))
		plan_refuse_image(build, i,
			"%s: its DFU suffix says that it is for USB device %04x:%04x, family %s is "
			"%04x:%04x; take the file for this family",
			file_of(build, i), image->vendor_id, image->product_id, family->name,
			id->vendor_id, id->product_id);
}

/* Of one image may be several runs in a region, of two images none: they would not know of each other. */
static bool is_another_images(
	struct plan_build *build, size_t i, const struct family_region *region)
{
	for (size_t k = 0; k < build->source_count; k++) {
		size_t other = build->sources[k].image;
		if (build->sources[k].region != region || other == i)
			continue;
		plan_refuse_image(build, i,
			"the region %s is already written by images[%zu] in line %u; leave one of "
			"them out",
			region->name, other, build->plan->job.images[other].line);
		return true;
	}
	return false;
}

/* Elements of a file that touch in one region are one run of bytes, however the file is cut. */
static bool goes_on(const struct plan_source *last, size_t i, const struct family_region *region,
	const struct image_run *run, uint32_t addr)
{
	return last->image == i && last->region == region &&
	       (uint64_t)last->addr + last->len == addr && last->bytes + last->len == run->bytes;
}

static void add_source(struct plan_build *build, size_t i, const struct family_region *region,
	const struct image_run *run, uint32_t addr)
{
	const struct family *family = &build->plan->family;
	if (build->source_count &&
		goes_on(&build->sources[build->source_count - 1], i, region, run, addr)) {
		build->sources[build->source_count - 1].len += run->len;
		return;
	}
	if (build->source_count == PLAN_REGIONS_MAX) {
		plan_refuse_image(build, i,
			"%s: with it there are more than %d separate runs of bytes; fill their "
			"gaps, or make two jobs",
			file_of(build, i), PLAN_REGIONS_MAX);
		return;
	}
	struct plan_source *source = &build->sources[build->source_count++];
	*source = (struct plan_source){ .image = i,
		.region = region,
		.linked =
			region->linked_for[0] ? family_region(family, region->linked_for) : region,
		.alt = family_alt(family, region->alt),
		.addr = addr,
		.bytes = run->bytes,
		.len = run->len,
		.fits = addr - region->addr < region->size &&
			run->len <= region->size - (addr - region->addr) };
	if (region->staged.possible) {
		source->area = family_region(family, region->staged.area);
		source->area_alt = family_alt(family, source->area->alt);
	}
}

/* A raw image stands where its region begins. */
static void place_raw(struct plan_build *build, size_t i, const struct family_region *region)
{
	const struct image_run *run = &build->images[i].runs[0];
	if (run->len > region->size)
		plan_refuse_image(build, i,
			"%s: has %zu bytes, the region only %" PRIu32 "; make it smaller",
			file_of(build, i), run->len, region->size);
	add_source(build, i, region, run, region->addr);
}

static void take_raw(struct plan_build *build, size_t i, const struct family_region *region)
{
	if (region && !is_another_images(build, i, region))
		place_raw(build, i, region);
}

/* Why nobody takes the run. */
static void refuse_homeless(struct plan_build *build, size_t i, const struct image_run *run)
{
	const struct family *family = &build->plan->family;
	char names[LIST_MAX];
	uint64_t end = (uint64_t)run->addr + run->len;
	for (size_t k = 0; k < family->region_count; k++)
		if (holds(&family->regions[k], run)) {
			const char *remedy = family->regions[k].remedy;
			plan_refuse_image(build, i,
				"%s: 0x%08" PRIx32 "-0x%08" PRIx64
				" lies in region %s, which cannot be written by DFU; %s",
				file_of(build, i), run->addr, end, family->regions[k].name,
				remedy[0] ? remedy : "write it by SWD and leave it out of the job");
			return;
		}
	if (list_regions(family, run, touches, names) == 0)
		plan_refuse_image(build, i,
			"%s: 0x%08" PRIx32 "-0x%08" PRIx64
			" lies in no region of family %s; take the image for this family",
			file_of(build, i), run->addr, end, family->name);
	else
		plan_refuse_image(build, i,
			"%s: 0x%08" PRIx32 "-0x%08" PRIx64
			" is not all inside one region (it meets %s); make the image so that each "
			"run of bytes stays in one",
			file_of(build, i), run->addr, end, names);
}

static const struct family_region *find_by_address(
	struct plan_build *build, size_t i, const struct image_run *run)
{
	const struct family *family = &build->plan->family;
	char names[LIST_MAX];
	size_t count = list_regions(family, run, takes, names);
	if (count == 0)
		refuse_homeless(build, i, run);
	if (count > 1)
		plan_refuse_image(build, i,
			"%s: 0x%08" PRIx32 "-0x%08" PRIx64
			" can belong to several regions (%s); name the region in the job",
			file_of(build, i), run->addr, (uint64_t)run->addr + run->len, names);
	for (size_t k = 0; count == 1 && k < family->region_count; k++)
		if (takes(&family->regions[k], run))
			return &family->regions[k];
	return NULL;
}

/* All of the file must lie in the region that the job names. */
static bool check_inside(struct plan_build *build, size_t i, const struct image_run *run,
	const struct family_region *region)
{
	if (holds(region, run))
		return true;
	char alt[48] = "";
	if (run->has_alt && !text_format(alt, sizeof alt, " of alternate setting %u", run->alt))
		alt[0] = 0;
	plan_refuse_image(build, i,
		"%s: 0x%08" PRIx32 "-0x%08" PRIx64
		"%s is not inside the region (alternate setting %u, 0x%08" PRIx32 "-0x%08" PRIx64
		"); take the right file or region, or leave the region out of the job",
		file_of(build, i), run->addr, (uint64_t)run->addr + run->len, alt, region->alt,
		region->addr, (uint64_t)region->addr + region->size);
	return false;
}

static void place_run(struct plan_build *build, size_t i, const struct image_run *run,
	const struct family_region *named)
{
	const struct family *family = &build->plan->family;
	if (run->has_alt && !family_alt(family, run->alt)) {
		plan_refuse_image(build, i,
			"%s: has bytes for alternate setting %u, which family %s does not have; "
			"take the image for this family",
			file_of(build, i), run->alt, family->name);
		return;
	}
	const struct family_region *region = named ? named : find_by_address(build, i, run);
	if (region && (!named || check_inside(build, i, run, named)) &&
		!is_another_images(build, i, region))
		add_source(build, i, region, run, run->addr);
}

/* A raw image does not say where its bytes go, unless it is a module. */
static const struct family_region *find_by_header(struct plan_build *build, size_t i)
{
	const struct family *family = &build->plan->family;
	const struct image_run *run = &build->images[i].runs[0];
	const char *file = file_of(build, i);
	struct module_header module;
	struct err err;
	bool has = false;
	if (!module_examine(
		    file, &family->images, false, run->bytes, run->len, &has, &module, &err)) {
		plan_refuse_image(build, i, "%s", err.text);
		return NULL;
	}
	const struct family_region *home = has ? plan_home_of(family, &module) : NULL;
	if (!has)
		plan_refuse_image(build, i,
			"%s: does not say where its bytes go, as a DfuSe or Intel HEX file or a "
			"module header does; name the region",
			file);
	else if (!home)
		plan_refuse_image(build, i,
			"%s: is %s %u and linked for 0x%08" PRIx32
			", where family %s has no place for it; take the image for this family",
			file, module_function_name(module.function), module.index, module.start,
			family->name);
	else if (!can_be_written(home))
		refuse_unwritable(build, i, home);
	return home && can_be_written(home) ? home : NULL;
}

static void take_image(struct plan_build *build, size_t i)
{
	const struct family_region *named = find_named(build, i);
	const char *wanted = build->plan->job.images[i].region;
	struct image *image = &build->images[i];
	struct err err;
	if (!image_load(file_of(build, i), image, &err)) {
		plan_refuse_image(build, i, "%s", err.text);
		return;
	}
	check_pin(build, i);
	check_ids(build, i);
	if (wanted[0] && !named)
		return;
	if (image->has_addresses)
		for (size_t k = 0; k < image->run_count; k++)
			place_run(build, i, &image->runs[k], named);
	else
		take_raw(build, i, named ? named : find_by_header(build, i));
}

void plan_take_sources(struct plan_build *build)
{
	const struct job *job = &build->plan->job;
	for (size_t i = 0; i < job->image_count; i++)
		if (job->images[i].stage == build->plan->stage)
			take_image(build, i);
}
