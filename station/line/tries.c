/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt goes through a table of steps: each try recorded before and after, and what follows one
 * that ended badly: the end, another try, or a new beginning with a unit that came back. */
#include "attempt.h"

#include <stdio.h>

#include "comeback.h"
#include "line_private.h"
#include "mend.h"
#include "steps.h"

/* Where nothing is written, a difference that was seen once is not looked for until it is gone. */
static bool is_finding(const struct attempt *attempt, enum reason reason)
{
	return attempt->line->options.kind == LINE_VERIFY &&
	       (reason == REASON_FLASH_BAD || reason == REASON_KEY_MISMATCH ||
		       reason == REASON_SERVER_KEY_WRONG);
}

/* What follows a try that ended badly. */
enum next { NEXT_END, NEXT_AGAIN, NEXT_ANEW };

/* Another try: of what may pass, within the job's retries, on a unit that can be brought back to a
 * known state. A unit that has left begins anew if it comes back. */
static enum next try_again(
	struct attempt *attempt, const struct step *step, unsigned tries, struct err *err)
{
	unsigned anew = attempt->vanished + attempt->power_cycled;
	struct err lost;
	if (!step->retry_from || err_kind(err) != ERR_LINK ||
		tries > attempt->plan->job.limits.retries + anew)
		return NEXT_END;
	if (!attempt->session || dfu_recover(&attempt->dfu, &lost))
		return NEXT_AGAIN;
	if (lost.reason != REASON_USB_GONE && !comeback_has_left(attempt))
		return NEXT_END;
	err_set(err, REASON_USB_GONE, "the unit vanished: %s", lost.text);
	return comeback(attempt, err) ? NEXT_ANEW : NEXT_END;
}

static enum next after_failure(
	struct attempt *attempt, const struct step *step, unsigned tries, struct err *err)
{
	if (deadline_passed(attempt->deadline) || cancel_is_set(attempt_cancel(attempt)) ||
		is_finding(attempt, err->reason))
		return NEXT_END;
	enum next next = NEXT_END;
	if (err->reason == REASON_USB_GONE)
		next = comeback(attempt, err) ? NEXT_ANEW : NEXT_END;
	else
		next = try_again(attempt, step, tries, err);
	if (next == NEXT_END && comeback_by_power(attempt, err))
		next = NEXT_ANEW;
	if (next == NEXT_END)
		comeback_judge(attempt, err);
	return next;
}

/* What a person has to do at the slot now; NULL: nothing. */
static const char *ask(struct attempt *attempt, const struct step *step)
{
	const struct job_stage *stage = &attempt->plan->job.stages[attempt->writing->stage];
	if (step->run == step_confirm)
		return mend_ask(attempt);
	return step->run == step_stage_return && stage->comes_back == RETURN_OPERATOR ? stage->tell
										      : NULL;
}

/* What the displays show of a step. */
static void announce(
	struct attempt *attempt, const struct step_table *table, const struct step *step)
{
	if (table->of_stage)
		snprintf(attempt->step, sizeof attempt->step, "stage%u-%s",
			attempt->writing->stage + 1, step->name);
	else
		snprintf(attempt->step, sizeof attempt->step, "%s", step->name);
	attempt->words = step->words;
	attempt->tell = ask(attempt, step);
}

static bool run_try(struct attempt *attempt, const struct step_table *table,
	const struct step *step, struct err *err)
{
	unsigned seq = 0;
	announce(attempt, table, step);
	if (!record_step_begin(
		    attempt->record, attempt->id, attempt->step, attempt->try_number, &seq, err))
		return false;
	attempt->bytes_done = attempt->bytes_total = 0;
	attempt_emit(attempt, LINE_STEP, NULL);

	struct deadline deadline = step->deadline_s ? deadline_in_ms(step->deadline_s * 1000u)
						    : attempt->stage_deadline;
	bool good = step->run(attempt, err);
	attempt->tell = NULL;
	if (good && deadline_passed(deadline))
		good = step->deadline_s ? err_set(err, REASON_STEP_TIMEOUT, "took longer than %u s",
						  step->deadline_s)
					: err_set(err, REASON_NO_RETURN,
						  "the unit came back after the stage's deadline");
	if (good && deadline_passed(attempt->deadline))
		good = err_set(err, REASON_ATTEMPT_TIMEOUT, "the attempt took longer than %u ms",
			attempt->plan->job.limits.attempt_timeout_ms);
	if (good)
		return record_step_end(
			attempt->record, attempt->id, seq, OUTCOME_PASS, REASON_NONE, NULL, err);

	enum outcome outcome = err_kind(err) == ERR_CANCEL ? OUTCOME_ABORTED : OUTCOME_FAIL;
	struct err store;
	if (!record_step_end(
		    attempt->record, attempt->id, seq, outcome, err->reason, err->text, &store))
		*err = store;
	return false;
}

/* A step whose last try failed and that is not wanted any more, since the unit began anew. */
static bool pass_over(struct attempt *attempt, const struct step_table *table,
	const struct step *step, struct err *err)
{
	unsigned seq = 0;
	announce(attempt, table, step);
	return record_step_begin(attempt->record, attempt->id, attempt->step, attempt->try_number,
		       &seq, err) &&
	       record_step_end(attempt->record, attempt->id, seq, OUTCOME_SKIPPED, REASON_NONE,
		       "not needed any more", err);
}

bool attempt_run_steps(struct attempt *attempt, const struct step_table *table, struct err *err)
{
	unsigned tries[32] = { 0 };
	bool failed[32] = { false };
	for (size_t i = 0; i < table->count;) {
		const struct step *step = &table->steps[i];
		bool wanted = !step->wanted || step->wanted(attempt);
		if (!wanted && !failed[i]) {
			i++;
			continue;
		}
		attempt->try_number = ++tries[i];
		bool good = wanted ? run_try(attempt, table, step, err)
				   : pass_over(attempt, table, step, err);
		if (good) {
			failed[i++] = false;
			continue;
		}
		failed[i] = true;
		enum next next = after_failure(attempt, step, tries[i], err);
		if (next == NEXT_END)
			return err_at(err, "%s", attempt->step);
		if (next == NEXT_AGAIN)
			attempt_emit(attempt, LINE_RETRY, err);
		attempt_log(attempt, "%s, try %u: %s", attempt->step, tries[i], err->text);
		i = next == NEXT_AGAIN ? step_index(table, step->retry_from) : 0;
	}
	return true;
}
