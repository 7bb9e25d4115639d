/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_diagnose_exercise.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cmd_json.h"
#include "exercise.h"
#include "flash.h"
#include "scope.h"
#include "text.h"

bool cmd_exercise_check(const struct cmd_exercise *options, int *ret_status)
{
	struct exercise_range range;
	struct err err;
	if (!options->wanted) {
		if (!options->regions && !options->yes)
			return true;
		*ret_status = cmd_usage("diagnose", "--regions and --yes want --exercise");
		return false;
	}
	if (options->range && !exercise_range_parse(options->range, &range, &err)) {
		*ret_status = cmd_usage("diagnose", "--exercise=%s", err.text);
		return false;
	}
	if (options->yes || isatty(STDIN_FILENO))
		return true;
	*ret_status = cmd_usage("diagnose",
		"--exercise writes to the units and asks first: there is no terminal to ask on; give --yes");
	return false;
}

/* --- what it is chosen by --- */

static void take_suspects(struct exercise_wishes *wishes, const struct family *family,
	const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (finding->code != FINDING_CODE_IMAGE_DAMAGED &&
			finding->code != FINDING_CODE_IMAGE_LEFTOVER)
			continue;
		for (size_t k = 0; k < family->region_count; k++)
			if (strcmp(family->regions[k].name, finding->subject) == 0)
				wishes->suspect[k] = true;
	}
}

/* A bootloader that waits for the firmware: half of it would be worse than none. Behind invalid system parts
 * the flag cannot be seen. */
static bool take_waiting(struct returned *unit, struct exercise_wishes *wishes, struct err *err)
{
	const struct family *family = unit->family;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_staging *staged = &family->regions[i].staged;
		uint8_t flag;
		if (!staged->possible)
			continue;
		if (!flash_read(
			    unit->dfu, staged->flag_alt, staged->flag_addr, &flag, 1, NULL, err))
			return false;
		if (flag == staged->flag_value || unit->records_invalid)
			wishes->waits[family_region(family, staged->area) - family->regions] = true;
	}
	return true;
}

static bool take_left(struct returned *unit, struct exercise_wishes *wishes, struct err *err)
{
	const struct family *family = unit->family;
	SCOPED_FREE struct record_known_image *known =
		calloc(RECORD_KNOWN_IMAGES_MAX, sizeof *known);
	if (!known)
		return err_set(err, REASON_STATION, "no memory for the known images");
	wishes->known = unit->left.attempt_id[0] != 0;
	for (size_t i = 0; i < family->region_count; i++) {
		size_t count = 0;
		if (!record_known_images(unit->record, family->name, family->regions[i].name,
			    unit->device_id, known, RECORD_KNOWN_IMAGES_MAX, &count, err))
			return false;
		for (size_t k = 0; k < count && known[k].left_with; k++) {
			if (wishes->left_count == EXERCISE_LEFT_MAX)
				return err_set(err, REASON_INPUT,
					"it left with more than %d images: give --job",
					EXERCISE_LEFT_MAX);
			wishes->left[wishes->left_count].alt = family->regions[i].alt;
			wishes->left[wishes->left_count++].range =
				(struct exercise_range){ known[k].addr, known[k].size };
		}
		wishes->has_module[i] = unit->looks[i].has_module;
	}
	return true;
}

static bool take_wishes(struct returned *unit, const struct cmd_exercise *options,
	const struct findings *findings, struct exercise_range *range,
	struct exercise_wishes *wishes, struct err *err)
{
	*wishes = (struct exercise_wishes){
		.family = unit->family, .plan = unit->plan, .regions = options->regions
	};
	take_suspects(wishes, unit->family, findings);
	for (size_t i = 0; i < unit->family->alt_count; i++)
		wishes->missing[i] = !dfu_has_alt(unit->dfu, unit->family->alts[i].alt);
	if (options->range) {
		if (!exercise_range_parse(options->range, range, err))
			return false;
		wishes->range = range;
	}
	return take_left(unit, wishes, err) && take_waiting(unit, wishes, err);
}

/* --- showing and asking --- */

/* The sectors from at on that follow each other in one region. */
static size_t run_from(const struct exercise_plan *plan, size_t at)
{
	size_t end = at + 1;
	while (end < plan->count && plan->sectors[end].region == plan->sectors[at].region &&
		plan->sectors[end].alt == plan->sectors[at].alt &&
		plan->sectors[end].size == plan->sectors[at].size &&
		plan->sectors[end].addr == plan->sectors[end - 1].addr + plan->sectors[at].size)
		end++;
	return end;
}

static void time_text(uint64_t ms, char *to, size_t cap)
{
	uint64_t s = (ms + 999) / 1000;
	if (!ms)
		snprintf(to, cap, "how long it takes is not known");
	else if (s < 120)
		snprintf(to, cap, "about %" PRIu64 " s", s);
	else
		snprintf(to, cap, "about %" PRIu64 " min", (s + 59) / 60);
}

static void show(const struct visit_unit *unit, const struct exercise_plan *plan, FILE *to)
{
	char time[64];
	time_text(plan->time_ms, time, sizeof time);
	fprintf(to,
		"%s: the write test of %zu sectors, %" PRIu64 " KiB, %d erase cycles each; %s\n",
		unit->slot, plan->count, plan->bytes / 1024, EXERCISE_CYCLES, time);
	for (size_t at = 0, end; at < plan->count; at = end) {
		const struct exercise_sector *first = &plan->sectors[at];
		end = run_from(plan, at);
		fprintf(to,
			"  alt %u: 0x%08" PRIx32 " to 0x%08" PRIx32 "  %-16s %zu x %" PRIu32
			" KiB\n",
			first->alt, first->addr,
			plan->sectors[end - 1].addr + plan->sectors[end - 1].size - 1,
			first->region->name, end - at, first->size / 1024);
	}
	fprintf(to,
		"  If a memory's contents repeat, one sector of it first takes a mark that shows its size "
		"(%d cycles).\n"
		"  What stands there is kept in the state folder and written back. Keep its power on.\n",
		EXERCISE_MARK_CYCLES);
}

static void show_json(const struct visit_unit *unit, const struct exercise_plan *plan)
{
	json_t *ranges = json_array();
	for (size_t at = 0, end; at < plan->count; at = end) {
		const struct exercise_sector *first = &plan->sectors[at];
		end = run_from(plan, at);
		json_array_append_new(ranges,
			json_pack("{s:s, s:i, s:I, s:I, s:I}", "region", first->region->name, "alt",
				first->alt, "address", (json_int_t)first->addr, "sectors",
				(json_int_t)(end - at), "sector_bytes", (json_int_t)first->size));
	}
	json_t *time = plan->time_ms ? json_integer((json_int_t)plan->time_ms) : json_null();
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:i, s:o, s:o}", "event", "exercise-plan",
		"slot", unit->slot, "sectors", (json_int_t)plan->count, "bytes",
		(json_int_t)plan->bytes, "erase_cycles", EXERCISE_CYCLES, "time_ms", time, "ranges",
		ranges);
	cmd_json_line(stdout, object);
}

static void tell_progress(void *context, size_t done, size_t count)
{
	const struct visit_unit *unit = context;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %zu of %zu sectors%s", unit->slot, done, count,
			done == count ? "\n" : "");
}

/* --- doing --- */

static bool refused(
	struct returned *returned, struct findings *findings, const char *why, struct err *err)
{
	size_t begin = findings->count;
	finding_add(findings, FINDING_CODE_NOT_EXERCISED, "unit", "%s", why);
	return diagnose_keep(returned, findings, begin, err);
}

/* NULL: nothing speaks against it. */
static const char *objection(const struct returned *returned, const struct findings *findings)
{
	enum verdict verdict = verdict_of(findings);
	if (exercise_pending(returned->record, returned->device_id))
		return "an earlier exercise of it was cut off, and is not put back";
	if (!returned->device_id[0])
		return "its id is not known, and what is kept of it is found by that: give --device-id";
	if (verdict == VERDICT_NOT_OURS)
		return "it is not what the profile or the job describes";
	if (verdict == VERDICT_UNREADABLE)
		return "something of it cannot be read";
	return NULL;
}

static bool choose_and_run(const struct cmd_exercise *options, const struct visit_unit *unit,
	struct returned *returned, struct findings *findings, struct exercise_plan *plan,
	struct err *err)
{
	struct exercise_range range;
	struct err why;
	SCOPED_FREE struct exercise_wishes *wishes = calloc(1, sizeof *wishes);
	if (!wishes)
		return err_set(err, REASON_STATION, "no memory for the choice of sectors");
	if (!take_wishes(returned, options, findings, &range, wishes, err))
		return false;
	if (!exercise_choose(wishes, plan, &why))
		return refused(returned, findings, why.text, err);
	if (options->json)
		show_json(unit, plan);
	show(unit, plan, options->json ? stderr : stdout);
	fflush(stdout);
	if (!options->yes && !visit_confirmed(unit))
		return refused(returned, findings, "nobody agreed to it", err);
	const struct exercise_unit exercised = { .dfu = returned->dfu,
		.family = returned->family,
		.record = returned->record,
		.attempt_id = returned->attempt_id,
		.device_id = returned->device_id,
		.cancel = returned->cancel,
		.progress = tell_progress,
		.context = (void *)(uintptr_t)unit };
	return exercise(&exercised, plan, findings, err);
}

bool cmd_exercise(const struct cmd_exercise *options, const struct visit_unit *unit,
	struct returned *returned, struct findings *findings, struct err *err)
{
	const char *why = options->wanted ? objection(returned, findings) : NULL;
	if (!options->wanted)
		return true;
	if (why)
		return refused(returned, findings, why, err);
	SCOPED_FREE struct exercise_plan *plan = calloc(1, sizeof *plan);
	return plan ? choose_and_run(options, unit, returned, findings, plan, err)
		    : err_set(err, REASON_STATION, "no memory for the choice of sectors");
}
