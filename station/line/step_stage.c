/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a stage before the last: the unit leaves DFU, the program that was just written does its
 * work (a Core's radio is patched like that, docs/devices.md), and the unit comes back. Nothing of the
 * work can be read back, so the record says that the program ran, and that this proves nothing. */
#include "line_private.h"
#include "steps.h"

static const struct job_stage *stage_of(const struct attempt *attempt)
{
	return &attempt->plan->job.stages[attempt->writing->stage];
}

bool step_stage_leave(struct attempt *attempt, struct err *err)
{
	attempt->left_arrival = attempt->ident.arrival;
	attempt->program_runs = true;
	attempt->stage_deadline = deadline_in_ms(stage_of(attempt)->deadline_ms);
	return dfu_leave(&attempt->dfu, err);
}

bool step_stage_run(struct attempt *attempt, struct err *err)
{
	const struct job_stage *stage = stage_of(attempt);
	double ours = 1 - attempt->line->options.skipped_time;
	uint64_t run_us = ours > 0 ? (uint64_t)(stage->run_ms * 1000.0 * ours) : 0;
	return reenter_let_run(
		attempt, stage->comes_back == RETURN_TOUCH, run_us, attempt->stage_deadline, err);
}

/* Whose fault it is that a unit does not come back depends on who was to bring it. */
static bool judge(const struct attempt *attempt, struct err *err)
{
	if (stage_of(attempt)->comes_back != RETURN_OPERATOR || err->reason != REASON_NO_RETURN)
		return false;
	return err_set(err, REASON_OPERATOR_LATE,
		"nobody put the unit at port %s into DFU within %u ms of its leave",
		attempt->ident.port, stage_of(attempt)->deadline_ms);
}

bool step_stage_return(struct attempt *attempt, struct err *err)
{
	const struct job_stage *stage = stage_of(attempt);
	if (!reenter_from_stage(
		    attempt, stage->comes_back == RETURN_TOUCH, attempt->stage_deadline, err))
		return judge(attempt, err);
	if (!record_observe(attempt->record, attempt->id, RECORD_UNPROVEN, stage->runs, err))
		return false;
	attempt->stages_run++;
	attempt->program_runs = false;
	return true;
}
