/* SPDX-License-Identifier: Apache-2.0 */
/* Images on their alternate settings: which sectors go, what shares them, and the
 * memory that holds it all. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "plan_build.h"

static enum plan_phase phase_of(const struct plan_source *source)
{
	if (source->area)
		return PHASE_STAGED;
	return source->region->system_part ? PHASE_PARTS : PHASE_IMAGES;
}

static const char *file_of(const struct plan_build *build, const struct plan_source *source)
{
	return build->plan->job.images[source->image].file;
}

static bool is_placed(const struct plan_source *source)
{
	return source->end > source->start;
}

/* Sets start and end. */
static bool find_span(struct plan_source *source)
{
	uint64_t addr = source->addr, end = addr + source->len;
	if (source->alt->memory == MEMORY_NOR) {
		struct layout_sector first, last;
		if (!layout_sector_at(&source->alt->layout, (uint32_t)addr, &first) ||
			!layout_sector_at(&source->alt->layout, (uint32_t)(end - 1), &last))
			return false;
		addr = first.addr;
		end = (uint64_t)last.addr + last.size;
	}
	source->start = addr;
	source->end = end;
	return true;
}

static void check_access(struct plan_build *build, const struct plan_source *source)
{
	const struct family_alt *alt = source->alt;
	bool nor = alt->memory == MEMORY_NOR;
	uint8_t access = LAYOUT_READ | LAYOUT_WRITE | (nor ? LAYOUT_ERASE : 0);
	uint64_t len = source->end - source->start;
	if (!source->region->writable)
		return;
	if (!layout_allows(&alt->layout, (uint32_t)source->start, len, access))
		plan_refuse_image(build, source->image,
			"%s: would take 0x%08" PRIx64 "-0x%08" PRIx64
			", and the layout of alternate setting %u "
			"does not let all of it be read, %swritten; take another region or mend "
			"the family",
			file_of(build, source), source->start, source->end, alt->alt,
			nor ? "erased and " : "");
	else if (source->start < alt->access_start || source->end > alt->access_end)
		plan_refuse_image(build, source->image,
			"%s: would take 0x%08" PRIx64 "-0x%08" PRIx64
			", outside of what may be touched on "
			"alternate setting %u, 0x%08" PRIx32 "-0x%08" PRIx32
			"; take another region",
			file_of(build, source), source->start, source->end, alt->alt,
			alt->access_start, alt->access_end);
}

/* A sector that holds a unit's key must not go with an image, whether this job
 * writes the key or not. */
static void check_key_slots(struct plan_build *build, const struct plan_source *source)
{
	const struct family *family = &build->plan->family;
	for (size_t k = 0; k < family->key_slot_count; k++) {
		const struct family_key_slot *slot = &family->key_slots[k];
		uint64_t slot_end = (uint64_t)slot->addr + slot->format.size;
		if (slot->alt != source->alt->alt || slot->addr >= source->end ||
			slot_end <= source->start)
			continue;
		plan_refuse_image(build, source->image,
			"%s: shares a sector with key slot %s (0x%08" PRIx32 "): 0x%08" PRIx64
			"-0x%08" PRIx64
			" would be erased; make the image smaller or take another region",
			file_of(build, source), slot->name, slot->addr, source->start, source->end);
	}
}

static bool names_overlap(const struct family_region *region, const char *name)
{
	for (size_t i = 0; i < region->overlap_count; i++)
		if (strcmp(region->overlaps[i], name) == 0)
			return true;
	return false;
}

static bool spans_meet(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

/* a comes after b. */
static void check_pair(
	struct plan_build *build, const struct plan_source *a, const struct plan_source *b)
{
	const struct job_image *images = build->plan->job.images;
	const char *what = NULL;
	if (a->alt != b->alt || !spans_meet(a->start, a->end, b->start, b->end))
		return;
	if (spans_meet(a->addr, a->addr + a->len, b->addr, b->addr + b->len))
		what = "they overlap in bytes";
	else if (names_overlap(a->region, b->region->name) ||
		 names_overlap(b->region, a->region->name))
		what = "their regions overlap and they share a sector";
	else if (phase_of(a) != phase_of(b))
		what = "they share a sector but are written in different sessions, because one is "
		       "a system part or staged";
	if (what)
		plan_refuse_image(build, a->image,
			"%s: cannot be together with images[%zu] (%s) of line %u: %s (0x%08" PRIx32
			" and 0x%08" PRIx32 "); leave one of them out",
			images[a->image].file, b->image, b->region->name, images[b->image].line,
			what, a->addr, b->addr);
}

/* The sectors under the place where a staged image waits. */
static bool find_area(const struct plan_source *staged, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct layout *layout = &staged->area_alt->layout;
	uint64_t addr = staged->area->addr, end = addr + staged->len;
	struct layout_sector first, last;
	if (!layout_sector_at(layout, (uint32_t)addr, &first) ||
		!layout_sector_at(layout, (uint32_t)(end - 1), &last))
		return false;
	*ret_start = first.addr;
	*ret_end = (uint64_t)last.addr + last.size;
	return true;
}

/* A staged image waits in sectors that nothing else may have. */
static void check_area(struct plan_build *build, const struct plan_source *staged)
{
	uint64_t start = 0, end = 0;
	if (!find_area(staged, &start, &end))
		return;
	for (size_t k = 0; k < build->source_count; k++) {
		const struct plan_source *other = &build->sources[k];
		if (other == staged || !is_placed(other) || other->alt != staged->area_alt ||
			!spans_meet(start, end, other->start, other->end))
			continue;
		plan_refuse_image(build, other->image,
			"%s: cannot be together with images[%zu] (%s), which waits at 0x%08" PRIx64
			"-0x%08" PRIx64
			" until the unit's firmware takes it; leave one of them out",
			file_of(build, other), staged->image, staged->region->name, start, end);
	}
}

void plan_check_places(struct plan_build *build)
{
	struct plan_source *sources = build->sources;
	size_t count = build->source_count;
	for (size_t i = 0; i < count; i++) {
		if (!sources[i].fits || !find_span(&sources[i]))
			continue;
		check_access(build, &sources[i]);
		check_key_slots(build, &sources[i]);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (is_placed(&sources[i]) && is_placed(&sources[k]))
				check_pair(build, &sources[i], &sources[k]);
	for (size_t i = 0; i < count; i++)
		if (is_placed(&sources[i]) && sources[i].area)
			check_area(build, &sources[i]);
}

static int compare_extents(const void *left, const void *right)
{
	const struct plan_extent *a = left, *b = right;
	if (a->phase != b->phase)
		return a->phase < b->phase ? -1 : 1;
	if (a->alt != b->alt)
		return a->alt < b->alt ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static bool has_sectors(const struct plan *plan, uint8_t alt)
{
	return family_alt(&plan->family, alt)->memory == MEMORY_NOR;
}

static void merge_extents(struct plan *plan)
{
	size_t kept = 1;
	for (size_t i = 1; i < plan->extent_count; i++) {
		struct plan_extent *last = &plan->extents[kept - 1], *next = &plan->extents[i];
		uint64_t last_end = (uint64_t)last->addr + last->len,
			 next_end = (uint64_t)next->addr + next->len;
		bool together = last->phase == next->phase && last->alt == next->alt &&
				has_sectors(plan, last->alt) && next->addr <= last_end;
		if (!together)
			plan->extents[kept++] = *next;
		else if (next_end > last_end)
			last->len = (uint32_t)(next_end - last->addr);
	}
	plan->extent_count = kept;
}

static void place_extents(struct plan_build *build)
{
	struct plan *plan = build->plan;
	for (size_t i = 0; i < build->source_count; i++) {
		const struct plan_source *source = &build->sources[i];
		plan->extents[plan->extent_count++] = (struct plan_extent){
			.alt = source->alt->alt,
			.phase = phase_of(source),
			.addr = (uint32_t)source->start,
			.len = (uint32_t)(source->end - source->start),
		};
	}
	qsort(plan->extents, plan->extent_count, sizeof *plan->extents, compare_extents);
	merge_extents(plan);
}

static bool add_sectors(
	struct plan *plan, const struct plan_extent *run, const struct layout *layout)
{
	struct layout_sector sector;
	for (uint32_t at = 0; at < run->len; at += sector.size) {
		if (!layout_sector_at(layout, run->addr + at, &sector) ||
			plan->sector_count == PLAN_SECTORS_MAX)
			return false;
		plan->sectors[plan->sector_count++] = (struct plan_sector){ .alt = run->alt,
			.phase = run->phase,
			.addr = sector.addr,
			.size = sector.size };
	}
	return true;
}

/* What is staged is erased where it waits; its own sectors are the firmware's to erase. */
static struct plan_extent erased_run(
	const struct plan_build *build, const struct plan_extent *extent)
{
	struct plan_extent run = *extent;
	uint64_t start = 0, end = 0;
	for (size_t i = 0; i < build->source_count; i++) {
		const struct plan_source *source = &build->sources[i];
		if (extent->phase != PHASE_STAGED || !source->area ||
			!find_area(source, &start, &end))
			continue;
		run.alt = source->area_alt->alt;
		run.addr = (uint32_t)start;
		run.len = (uint32_t)(end - start);
	}
	return run;
}

static bool place_sectors(struct plan_build *build, struct err *err)
{
	struct plan *plan = build->plan;
	for (size_t i = 0; i < plan->extent_count; i++) {
		struct plan_extent run = erased_run(build, &plan->extents[i]);
		if (has_sectors(plan, run.alt) &&
			!add_sectors(plan, &run, &family_alt(&plan->family, run.alt)->layout))
			return err_set(err, REASON_INPUT,
				"%s: its images take more than %d sectors; make them smaller",
				plan->job.path, PLAN_SECTORS_MAX);
	}
	return true;
}

static bool map_extents(struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->extent_count; i++)
		plan->memory_len += plan->extents[i].len;
	void *memory = mmap(
		NULL, plan->memory_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return err_set(err, REASON_STATION, "%s: no memory for %zu bytes of images",
			plan->job.path, plan->memory_len);
	plan->memory = memory;
	memset(memory, 0xff, plan->memory_len);
	uint8_t *at = memory;
	for (size_t i = 0; i < plan->extent_count; i++) {
		plan->extents[i].expected = at;
		at += plan->extents[i].len;
	}
	return true;
}

static size_t extent_of(const struct plan *plan, const struct plan_source *source)
{
	size_t i = 0;
	while (i + 1 < plan->extent_count &&
		!(plan->extents[i].alt == source->alt->alt &&
			plan->extents[i].phase == phase_of(source) &&
			source->addr - plan->extents[i].addr < plan->extents[i].len &&
			source->addr >= plan->extents[i].addr))
		i++;
	return i;
}

/* The end of the last block that has bytes of the run; blocks count from the extent's start. */
static uint32_t blocks_end(
	const struct plan *plan, const struct plan_region *region, const struct plan_extent *extent)
{
	uint32_t block = plan->family.transfer_size_max;
	uint64_t end = region->addr - extent->addr + region->len;
	end = (end + block - 1) / block * block;
	return extent->addr + (end < extent->len ? (uint32_t)end : extent->len);
}

/* Whole blocks: on the Core a half-word that was programmed cannot be programmed again, and others program more at
 * a time, so two runs must not share a write. */
static void find_blocks(const struct plan *plan, struct plan_region *region)
{
	const struct plan_extent *extent = &plan->extents[region->extent];
	uint32_t block = plan->family.transfer_size_max, from = region->addr,
		 to = region->addr + region->len;
	if (has_sectors(plan, extent->alt)) {
		/* What is staged is written elsewhere, from its first byte on. */
		if (region->phase != PHASE_STAGED)
			from -= (from - extent->addr) % block;
		to = blocks_end(plan, region, extent);
	}
	for (size_t i = 0; i < plan->region_count && has_sectors(plan, extent->alt); i++) {
		const struct plan_region *other = &plan->regions[i];
		if (other->extent != region->extent || other->addr >= region->addr)
			continue;
		uint32_t taken = blocks_end(plan, other, extent);
		from = taken > from ? taken : from;
	}
	region->write_addr = from;
	region->write_len = to > from ? to - from : 0;
	region->write_bytes = extent->expected + (from - extent->addr);
}

static void place_region(struct plan_build *build, const struct plan_source *source)
{
	struct plan *plan = build->plan;
	const struct job_image *wanted = &plan->job.images[source->image];
	struct plan_region *region = &plan->regions[plan->region_count++];
	*region = (struct plan_region){ .region = source->region,
		.phase = phase_of(source),
		.image = source->image,
		.file_name = fs_name_of(wanted->file),
		.pinned = wanted->sha256[0] != 0,
		.has_module = source->has_module,
		.module = source->module,
		.addr = source->addr,
		.len = (uint32_t)source->len,
		.extent = extent_of(plan, source) };
	memcpy(region->sha256, build->images[source->image].sha256, sizeof region->sha256);
	const struct plan_extent *extent = &plan->extents[region->extent];
	size_t at = (size_t)(extent->expected - (const uint8_t *)plan->memory) +
		    (region->addr - extent->addr);
	memcpy((uint8_t *)plan->memory + at, source->bytes, source->len);
	region->bytes = (const uint8_t *)plan->memory + at;
	if (source->area) {
		plan->staged = region;
		plan->staged_area = source->area;
	}
}

bool plan_place(struct plan_build *build, struct err *err)
{
	struct plan *plan = build->plan;
	place_extents(build);
	if (!place_sectors(build, err) || !map_extents(plan, err))
		return false;
	for (enum plan_phase phase = PHASE_PARTS; phase <= PHASE_IMAGES; phase++)
		for (size_t i = 0; i < build->source_count; i++)
			if (phase_of(&build->sources[i]) == phase)
				place_region(build, &build->sources[i]);
	for (size_t i = 0; i < plan->region_count; i++)
		find_blocks(plan, &plan->regions[i]);
	plan->has_parts = plan->regions[0].phase == PHASE_PARTS;
	if (mprotect(plan->memory, plan->memory_len, PROT_READ) != 0)
		return err_set(err, REASON_STATION, "%s: cannot make its images read-only",
			plan->job.path);
	return true;
}
