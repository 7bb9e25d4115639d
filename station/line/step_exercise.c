/* SPDX-License-Identifier: Apache-2.0 */
/* A unit that an exercise at the returns bench was cut off from: it is as it was before anything else
 * is said of it or done to it, also that it is made already. */
#include <stdlib.h>

#include "diagnose.h"
#include "exercise.h"
#include "line_private.h"
#include "scope.h"
#include "steps.h"

bool step_exercise_left(const struct attempt *attempt)
{
	return exercise_pending(attempt->record, attempt->device_id);
}

bool step_restore_exercise(struct attempt *attempt, struct err *err)
{
	const struct exercise_unit unit = { .dfu = &attempt->dfu,
		.family = &attempt->plan->family,
		.record = attempt->record,
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.by_label = attempt->only_scanned,
		.cancel = attempt_cancel(attempt) };
	struct err store;
	if (attempt->line->options.kind == LINE_VERIFY)
		return err_set(err, REASON_EXERCISE_PENDING,
			"an exercise of its flash was cut off, and it is not put back yet");
	SCOPED_FREE struct findings *findings = calloc(1, sizeof *findings);
	if (!findings)
		return err_set(err, REASON_STATION, "no memory for findings");
	if (!admit_mark(attempt, err))
		return false;
	bool good = exercise_restore(&unit, false, findings, err);
	for (size_t i = 0; i < findings->count; i++)
		attempt_log(attempt, "%s", findings->list[i].evidence);
	if (!diagnose_keep_for(attempt->record, attempt->id, findings, 0, &store)) {
		*err = store;
		return false;
	}
	return good &&
	       (!exercise_pending(attempt->record, attempt->device_id) ||
		       err_set(err, REASON_EXERCISE_PENDING,
			       "an exercise of it was cut off, and only its label says that this is "
			       "the unit: make sure, then station diagnose --put-back"));
}
