/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

static bool is_other_family(const struct returned *unit)
{
	return unit->plan && strcmp(unit->plan->family.name, unit->family->name) != 0;
}

bool diagnose_history(struct returned *unit, struct findings *findings, struct err *err)
{
	struct err layout;
	char date[32] = "";
	if (is_other_family(unit))
		finding_add(findings, FINDING_CODE_OTHER_FAMILY, "unit",
			"it is of the family %s, the job %s is for %s", unit->family->name,
			unit->plan->job.name, unit->plan->family.name);
	if (!dfu_check_layout(unit->dfu, &layout))
		finding_add(findings, FINDING_CODE_OTHER_LAYOUT, "unit", "%s", layout.text);
	if (!unit->device_id[0]) {
		finding_add(findings, FINDING_CODE_NO_DEVICE_ID, "unit",
			"neither its serial nor its memory says who it is");
		return true;
	}
	if (!record_unit(unit->record, unit->device_id, &unit->unit, err) ||
		!record_left_with(unit->record, unit->device_id, &unit->left, err))
		return false;
	if (unit->unit.mark[0] && strcmp(unit->unit.mark, "released") != 0)
		finding_add(findings, FINDING_CODE_UNIT_SET_ASIDE, "unit", "it is marked %s",
			unit->unit.mark);
	if (!unit->left.attempt_id[0]) {
		finding_add(findings, FINDING_CODE_UNIT_UNKNOWN, "unit",
			unit->unit.attempts ? "seen %u times before, but never made here"
					    : "not in the database: made elsewhere",
			unit->unit.attempts);
		return true;
	}
	clock_format_utc(unit->left.made_at, date, sizeof date);
	finding_add(findings, FINDING_CODE_UNIT_KNOWN, "unit",
		"%s on %.16s UTC with job %s; %u passages", unit->left.outcome, date,
		unit->left.job_name, unit->unit.attempts);
	return true;
}

bool diagnose_keep_for(struct record *record, const char *attempt_id,
	const struct findings *findings, size_t begin, struct err *err)
{
	for (size_t i = begin; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (!record_finding(record, attempt_id, finding->subject,
			    finding_state_name(finding->state), finding_info(finding->code)->code,
			    finding->evidence, err))
			return false;
	}
	return true;
}

bool diagnose_keep(
	const struct returned *unit, const struct findings *findings, size_t begin, struct err *err)
{
	return diagnose_keep_for(unit->record, unit->attempt_id, findings, begin, err);
}

const struct diagnose_part *diagnose_part(unsigned index)
{
	static const struct diagnose_part parts[DIAGNOSE_PARTS] = {
		{ "look-history", "looking it up", diagnose_history, false },
		{ "look-images", "looking at its images", diagnose_images, true },
		{ "look-keys", "looking at its keys", diagnose_keys, true },
		{ "look-settings", "looking at its settings", diagnose_settings, true },
	};
	return &parts[index];
}

struct looking {
	struct returned *unit;
	const struct diagnose_part *part;
	struct findings *findings;
};

/* What was found is kept also if the part could not be finished. */
static bool look(void *context, struct err *err)
{
	struct looking *looking = context;
	size_t begin = looking->findings->count;
	struct err store;
	bool good = looking->part->run(looking->unit, looking->findings, err);
	if (diagnose_keep(looking->unit, looking->findings, begin, &store))
		return good;
	*err = store;
	return false;
}

static bool run_part(struct returned *unit, const struct diagnose_part *part,
	struct findings *findings, struct err *err)
{
	struct looking looking = { unit, part, findings };
	return record_step(unit->record, unit->attempt_id, part->step, look, &looking, err);
}

bool diagnose(struct returned *unit, struct findings *ret, struct err *err)
{
	for (unsigned i = 0; i < DIAGNOSE_PARTS; i++) {
		const struct diagnose_part *part = diagnose_part(i);
		if (!(part->reads && verdict_of(ret) == VERDICT_NOT_OURS) &&
			!run_part(unit, part, ret, err))
			return false;
	}
	return true;
}

void diagnose_repair_job(const struct returned *unit, char *to, size_t cap)
{
	if (unit->plan && !is_other_family(unit))
		snprintf(to, cap, "%s", unit->plan->job.name);
	else if (strcmp(unit->left.family, unit->family->name) == 0)
		snprintf(to, cap, "%s", unit->left.job_name);
	else
		snprintf(to, cap, "a job of the family %s", unit->family->name);
}
