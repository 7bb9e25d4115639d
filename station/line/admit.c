/* SPDX-License-Identifier: Apache-2.0 */
/* What the record says about a unit, before it is touched: made already, made
 * otherwise, held, set aside. */
#include <string.h>

#include "attempt.h"
#include "line_private.h"
#include "step_enrol.h"

static bool refuse_set_aside(const char *mark, struct err *err)
{
	if (strcmp(mark, "scrap") == 0)
		return err_set(err, REASON_MARKED_SCRAP, "the unit is marked scrap");
	if (strcmp(mark, "quarantine") == 0)
		return err_set(err, REASON_QUARANTINED, "the unit is marked quarantine");
	return true;
}

bool admit_mark(struct attempt *attempt, struct err *err)
{
	struct record_unit unit;
	return record_unit(attempt->record, attempt->device_id, &unit, err) &&
	       refuse_set_aside(unit.mark, err);
}

bool admit(struct attempt *attempt, struct err *err)
{
	const struct line_options *options = &attempt->line->options;
	struct record_unit unit;
	if (!attempt->device_id[0])
		return true; /* the job says that the slot is enough */
	if (!record_unit(attempt->record, attempt->device_id, &unit, err))
		return false;
	if (!refuse_set_aside(unit.mark, err))
		return false;
	if (strcmp(unit.mark, "needs-repair") == 0)
		return err_set(err, REASON_NEEDS_REPAIR, "the unit is marked needs-repair");
	attempt->resume_key = unit.last_outcome == OUTCOME_INTERRUPTED;
	/* Whatever touched the unit since it was made may have undone it. */
	bool as_made =
		strcmp(unit.made_plan_sha256, attempt->plan->sha256) == 0 && !unit.worked_on_since;
	if (unit.last_made == OUTCOME_PASS && as_made)
		return err_set(err, REASON_ALREADY_MADE, "PASS under this plan since attempt %s",
			unit.made_attempt_id);
	if (unit.last_made == OUTCOME_HELD && as_made)
		return enrol_held_again(attempt, err);
	if (unit.last_made == OUTCOME_PASS && !options->rework &&
		strcmp(unit.made_plan_sha256, attempt->plan->sha256) != 0)
		return err_set(err, REASON_MADE_OTHERWISE, "PASS under plan %.12s since attempt %s",
			unit.made_plan_sha256, unit.made_attempt_id);
	return true;
}

/* A HELD unit stays at the bench: its key is sent first, and what the cloud says of it is what its old
 * attempt becomes. */
static bool settle_held(struct attempt *attempt, struct err *err)
{
	struct record_held held;
	bool found = false;
	if (!record_held(attempt->record, attempt->device_id, &held, &found, err))
		return false;
	if (!found)
		return true;
	if (strcmp(held.cloud, attempt->plan->enrol.cloud.name) != 0)
		return err_set(err, REASON_STILL_HELD,
			"the unit is HELD until the cloud %s has its key, which this job does not "
			"know",
			held.cloud);
	return enrol_held_again(attempt, err) || err->reason == REASON_ALREADY_MADE;
}

bool admit_returned(struct attempt *attempt, struct err *err)
{
	struct record_unit unit;
	if (!attempt->device_id[0])
		return true;
	return record_unit(attempt->record, attempt->device_id, &unit, err) &&
	       refuse_set_aside(unit.mark, err) && settle_held(attempt, err);
}
