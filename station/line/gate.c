/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a batch: how many units at once, when the next may start, how many are wanted, when
 * the line stops. All with the line's mutex held. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "line_private.h"
#include "scope.h"

void gate_end(struct line *line, enum line_end end, bool abort, const char *format, ...)
{
	if (line->end == END_NOT_YET) {
		va_list args;
		line->end = end;
		line->end_at = clock_utc_ms();
		va_start(args, format);
		vsnprintf(line->why, sizeof line->why, format, args);
		va_end(args);
	}
	line->draining = true;
	for (size_t i = 0; abort && i < line->slot_count; i++)
		cancel_set(&line->slots[i].cancel);
	cancel_set(&line->scan_wake);
	pthread_cond_broadcast(&line->changed);
}

/* Units in work are reserved: they may yet be PASS. */
static bool quantity_allows(struct line *line, bool *ret_wait)
{
	uint32_t wanted = line->options.quantity;
	*ret_wait = false;
	if (!wanted || line->made + line->in_work < wanted)
		return true;
	*ret_wait = line->made < wanted;
	return false;
}

static void wait_until(struct line *line, uint64_t at_us)
{
	struct timespec at = { .tv_sec = (time_t)(at_us / 1000000u),
		.tv_nsec = (long)(at_us % 1000000u) * 1000 };
	pthread_cond_timedwait(&line->changed, &line->mutex, &at);
}

bool gate_enter(struct line *line, struct slot *slot)
{
	while (!line->draining && slot->present && !cancel_is_set(&slot->cancel)) {
		bool wait = false;
		uint64_t now = clock_mono_us();
		if (!quantity_allows(line, &wait) && !wait) {
			gate_end(line, END_QUANTITY, false, "the quantity of %u units is reached",
				line->options.quantity);
			return false;
		}
		if (wait || line->in_work >= line->options.config->parallel) {
			pthread_cond_wait(&line->changed, &line->mutex);
			continue;
		}
		if (now < line->next_start_us) {
			wait_until(line, line->next_start_us);
			continue;
		}
		line->next_start_us = now + line->options.config->stagger_ms * 1000u;
		line->in_work++;
		return true;
	}
	return false;
}

static void judge_failures(struct line *line, struct slot *slot, enum outcome outcome)
{
	const struct job_limits *limits = &line->options.plan->job.limits;
	if (outcome == OUTCOME_PASS || outcome == OUTCOME_HELD)
		line->fails_in_row = slot->fails_in_row = 0;
	if (outcome != OUTCOME_FAIL)
		return;
	line->fails_in_row++;
	slot->fails_in_row++;
	if (limits->slot_stop_after && slot->fails_in_row >= limits->slot_stop_after)
		slot->retired = true;
	if (limits->stop_after_failures && line->fails_in_row >= limits->stop_after_failures)
		gate_end(line, END_RULE, false, "%u units in a row failed", line->fails_in_row);
}

/* What the unit cannot help is no loss of yield. */
static void judge_yield(struct line *line, const struct attempt_end *end)
{
	const struct job_limits *limits = &line->options.plan->job.limits;
	bool good = end->outcome == OUTCOME_PASS || end->outcome == OUTCOME_HELD;
	if (!good &&
		(end->outcome != OUTCOME_FAIL || reason_info(end->reason)->cause != CAUSE_UNIT))
		return;
	line->judged++;
	line->judged_good += good;
	if (limits->min_yield > 0 && line->judged >= limits->min_yield_units &&
		line->judged_good < limits->min_yield * line->judged)
		gate_end(line, END_RULE, false, "the yield is %u of %u units, less than %.3f",
			line->judged_good, line->judged, limits->min_yield);
}

void gate_leave(struct line *line, struct slot *slot, const struct attempt_end *end)
{
	struct err err;
	uint32_t made = 0;
	line->in_work--;
	line->outcomes[end->outcome]++;
	if (slot->outcomes++ == 0)
		line->slots_with_outcome++;
	if (line->options.quantity && line->end != END_STORE) {
		if (record_batch_made(line->options.record, line->batch_id, &made, &err))
			line->made = made;
		else
			gate_end(line, END_STORE, true, "%s", err.text);
	}
	if (line->options.kind == LINE_PROVISION) {
		judge_failures(line, slot, end->outcome);
		judge_yield(line, end);
	}
	if (line->options.quantity && line->made >= line->options.quantity)
		gate_end(line, END_QUANTITY, false, "the quantity of %u units is reached",
			line->options.quantity);
	if (line->options.end_after_outcomes &&
		line->slots_with_outcome >= line->options.end_after_outcomes)
		gate_end(line, END_DONE, false, "every unit has an outcome");
	pthread_cond_broadcast(&line->changed);
}

void gate_stop_set_aside(struct line *line, const struct slot *slot)
{
	SCOPED_LOCK(&line->mutex);
	for (size_t i = 0; i < line->slot_count; i++) {
		struct slot *other = &line->slots[i];
		struct record_unit unit;
		struct err err;
		/* The record itself sees to it that none of them is PASS; this
		 * only spares the time. */
		if (other == slot || !other->working_on[0] ||
			!record_unit(line->options.record, other->working_on, &unit, &err) ||
			strcmp(unit.mark, "quarantine") != 0)
			continue;
		other->set_aside = true;
		cancel_set(&other->cancel);
	}
}
