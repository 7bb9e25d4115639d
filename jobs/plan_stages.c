/* SPDX-License-Identifier: Apache-2.0 */
/* Stages: what a stage may not be, and what of its images the memory holds in the end. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"

const struct plan *plan_stage(const struct plan *plan, unsigned stage)
{
	return stage < plan->before_count ? plan->before[stage] : plan;
}

static const struct plan_region *module_of(
	const struct plan *plan, const struct module_dependency *wanted)
{
	const struct plan_region *found = NULL;
	for (size_t i = 0; i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		/* What is only stored provides nothing. */
		if (region->has_module && !region->region->linked_for[0] &&
			region->module.function == wanted->function &&
			region->module.index == wanted->index)
			found = region;
	}
	return found;
}

const struct plan_region *plan_module(
	const struct plan *plan, unsigned stage, const struct module_dependency *wanted)
{
	const struct plan_region *found = NULL;
	for (unsigned i = 0; i <= stage; i++) {
		const struct plan_region *newer = module_of(plan_stage(plan, i), wanted);
		found = newer ? newer : found;
	}
	return found;
}

/* One that is not the last ends in a leave, and its unit comes back. */
static void check_return(struct plan_build *build, const struct job_stage *stage)
{
	const struct family *family = &build->plan->family;
	if (stage->comes_back == RETURN_TOUCH && !family->reentry.line_coding &&
		!family->reentry.vendor_request)
		plan_refuse(build, stage->line,
			"stages[%u]: family %s has no way into DFU for a unit that runs; take "
			"another comes_back than \"touch\"",
			build->plan->stage, family->name);
	for (size_t i = 0; i < build->source_count; i++)
		if (build->sources[i].area)
			plan_refuse_image(build, build->sources[i].image,
				"the unit's firmware puts this image in its place, which only the "
				"last stage waits for; move it there");
}

/* An attempt must have the time that its stages have. */
static void check_timeout(struct plan_build *build)
{
	const struct job *job = &build->plan->job;
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < job->stage_count; i++)
		sum += job->stages[i].deadline_ms;
	if (sum >= job->limits.attempt_timeout_ms)
		plan_refuse(build, job->stages[0].line,
			"stages: their deadlines are %" PRIu64
			" ms together, and attempt_timeout_ms "
			"of limits is %" PRIu32 "; make it longer, with time for the writing",
			sum, job->limits.attempt_timeout_ms);
}

void plan_check_stage(struct plan_build *build)
{
	const struct job *job = &build->plan->job;
	if (build->plan != build->product)
		check_return(build, &job->stages[build->plan->stage]);
	else if (job->stage_count > 1)
		check_timeout(build);
}

/* What a later stage takes: the sectors of its extents, and those where an image waits for the unit's
 * firmware. */
static bool takes(
	const struct plan *plan, size_t i, uint8_t *ret_alt, uint64_t *ret_start, uint64_t *ret_end)
{
	if (i < plan->extent_count) {
		*ret_alt = plan->extents[i].alt;
		*ret_start = plan->extents[i].addr;
		*ret_end = *ret_start + plan->extents[i].len;
		return true;
	}
	i -= plan->extent_count;
	if (i >= plan->sector_count)
		return false;
	*ret_alt = plan->sectors[i].alt;
	*ret_start = plan->sectors[i].addr;
	*ret_end = *ret_start + plan->sectors[i].size;
	return true;
}

static bool add(struct plan *plan, const struct plan_extent *whole, uint64_t start, uint64_t end)
{
	if (plan->stand_count == PLAN_STANDS_MAX)
		return false;
	plan->stands[plan->stand_count++] = (struct plan_extent){ .alt = whole->alt,
		.phase = whole->phase,
		.addr = (uint32_t)start,
		.len = (uint32_t)(end - start),
		.expected = whole->expected + (start - whole->addr) };
	return true;
}

/* The pieces of an extent of earlier stages that the plan does not take, from the lowest on. */
static bool add_rest(struct plan *plan, const struct plan_extent *whole)
{
	uint64_t at = whole->addr, end = at + whole->len, from, to;
	uint8_t alt;
	while (at < end) {
		uint64_t piece_end = end, next = end;
		for (size_t i = 0; takes(plan, i, &alt, &from, &to); i++) {
			if (alt != whole->alt || to <= at || from >= piece_end)
				continue;
			piece_end = from > at ? from : at;
			next = to;
		}
		if (piece_end > at && !add(plan, whole, at, piece_end))
			return false;
		at = next;
	}
	return true;
}

bool plan_stand(struct plan_build *build, struct err *err)
{
	struct plan *plan = build->plan;
	bool fits = true;
	for (size_t i = 0; i < plan->extent_count; i++)
		plan->stands[plan->stand_count++] = plan->extents[i];
	const struct plan *earlier =
		plan->stage ? plan_stage(build->product, plan->stage - 1) : NULL;
	for (size_t i = 0; earlier && i < earlier->stand_count; i++)
		fits = fits && add_rest(plan, &earlier->stands[i]);
	return fits || err_set(err, REASON_INPUT,
			       "%s: what its stages leave is in more than %d pieces; make the "
			       "images of a later stage cover those of an earlier one",
			       plan->job.path, PLAN_STANDS_MAX);
}
