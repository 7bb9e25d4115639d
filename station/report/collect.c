/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

enum { DAY_S = 86400, HOURS_UP_TO_DAYS = 3, DAYS_UP_TO_DAYS = 92 /* then months */ };

static bool no_memory(struct collect *collect)
{
	return err_set(collect->err, REASON_STATION, "no memory for the report");
}

/* One more element, zeroed; NULL without memory. Arrays double, so each has room for
 * the next power of two. */
static void *append(void *array_of, size_t *count, size_t size)
{
	void **array = array_of;
	if ((*count & (*count - 1)) == 0) {
		void *larger = realloc(*array, (*count ? 2 * *count : 1) * size);
		if (!larger)
			return NULL;
		*array = larger;
	}
	return memset((char *)*array + (*count)++ * size, 0, size);
}

static bool copy(struct collect *collect, char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return !text || *to || no_memory(collect);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* --- batches --- */

static bool add_batch(void *context, const struct figures_batch *row)
{
	struct collect *collect = context;
	struct report *report = collect->report;
	struct report_batch *batch = append(&report->batches, &report->batch_count, sizeof *batch);
	if (!batch)
		return no_memory(collect);
	batch->quantity = row->quantity;
	batch->started_at = row->started_at;
	batch->ended_at = row->ended_at;
	report->running |= row->ended_at < 0;
	return copy(collect, &batch->id, row->id) && copy(collect, &batch->kind, row->kind) &&
	       copy(collect, &batch->job_name, row->job_name) &&
	       copy(collect, &batch->plan_sha256, row->plan_sha256) &&
	       copy(collect, &batch->family, row->family) &&
	       copy(collect, &batch->cloud, row->cloud) &&
	       copy(collect, &batch->work_order, row->work_order) &&
	       copy(collect, &batch->part_number, row->part_number) &&
	       copy(collect, &batch->part_revision, row->part_revision) &&
	       copy(collect, &batch->operator_name, row->operator_name) &&
	       copy(collect, &batch->station_id, row->station_id) &&
	       copy(collect, &batch->software_version, row->software_version) &&
	       copy(collect, &batch->ended_by, row->ended_by);
}

static bool is_image(const struct report_image *image, const struct figures_image *row)
{
	return image->stage == row->stage && image->address == row->address &&
	       same(image->region, row->region) && same(image->sha256, row->sha256);
}

static bool add_image(void *context, const struct figures_image *row)
{
	struct collect *collect = context;
	struct report *report = collect->report;
	size_t i = 0;
	while (i < report->image_count && !is_image(&report->images[i], row))
		i++;
	struct collect_link *link = append(&collect->links, &collect->link_count, sizeof *link);
	if (!link)
		return no_memory(collect);
	*link = (struct collect_link){ report->batch_count - 1, i };
	if (i < report->image_count)
		return true;
	struct report_image *image = append(&report->images, &report->image_count, sizeof *image);
	if (!image)
		return no_memory(collect);
	image->stage = row->stage;
	image->address = row->address;
	image->size = row->size;
	image->version = row->version;
	image->platform_id = row->platform_id;
	return copy(collect, &image->region, row->region) &&
	       copy(collect, &image->file_name, row->file_name) &&
	       copy(collect, &image->sha256, row->sha256);
}

static bool add_stop(void *context, const struct figures_stop *row)
{
	struct collect *collect = context;
	struct report *report = collect->report;
	struct report_stop *stop = append(&report->stops, &report->stop_count, sizeof *stop);
	if (!stop)
		return no_memory(collect);
	stop->from_at = row->from_at;
	stop->to_at = row->to_at;
	return copy(collect, &stop->batch_id, row->batch_id) && copy(collect, &stop->why, row->why);
}

/* --- one attempt --- */

static int64_t local_start(int64_t at_ms, const char *unit, int64_t *ret_end)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	local.tm_min = local.tm_sec = 0;
	if (strcmp(unit, "hour") == 0) {
		/* An hour of the clock may be skipped or come twice; seconds are even. */
		time_t start = seconds - seconds % 3600;
		if (local.tm_gmtoff % 3600 != 0)
			start = seconds - (seconds + local.tm_gmtoff) % 3600;
		*ret_end = ((int64_t)start + 3600) * 1000;
		return (int64_t)start * 1000;
	}
	bool month = strcmp(unit, "month") == 0;
	local.tm_hour = 0;
	local.tm_mday = month ? 1 : local.tm_mday;
	local.tm_isdst = -1;
	struct tm next = local;
	next.tm_mday += !month;
	next.tm_mon += month;
	*ret_end = (int64_t)mktime(&next) * 1000;
	return (int64_t)mktime(&local) * 1000;
}

/* By how far the scope reaches. */
static const char *choose_unit(const struct report *report)
{
	int64_t from = report->scope.since, to = report->scope.until;
	if (!from && report->batch_count)
		from = report->batches[0].started_at;
	to = to && to < report->made_at ? to : report->made_at;
	if (report->batch_count && report->batches[report->batch_count - 1].ended_at >= 0)
		to = report->batches[report->batch_count - 1].ended_at;
	int64_t days = (to - from) / 1000 / DAY_S;
	return days <= HOURS_UP_TO_DAYS ? "hour" : days <= DAYS_UP_TO_DAYS ? "day" : "month";
}

static struct report_period *period_of(struct collect *collect, int64_t at)
{
	struct report *report = collect->report;
	for (size_t i = report->period_count; i > 0; i--)
		if (at >= report->periods[i - 1].from && at < report->periods[i - 1].to)
			return &report->periods[i - 1];
	int64_t to, from = local_start(at, report->period_unit, &to);
	struct report_period *period =
		append(&report->periods, &report->period_count, sizeof *period);
	if (period) {
		period->from = from;
		period->to = to;
	}
	return period;
}

/* The group of this name, made if it is new. */
static struct report_group *group_of(struct report_group **groups, size_t *count,
	struct collect_group **mine, const char *name, struct collect *collect)
{
	for (size_t i = 0; i < *count; i++)
		if (same((*groups)[i].name, name))
			return &(*groups)[i];
	size_t mine_count = *count;
	struct collect_group *more = append(mine, &mine_count, sizeof *more);
	struct report_group *group = append(groups, count, sizeof *group);
	if (!group || !more || !copy(collect, &group->name, name))
		return NULL;
	more->last_arrival = -1;
	return group;
}

/* The local hour of the day. Attempts come in order, so that few ask the time zone. */
static unsigned hour_of(struct collect *collect, int64_t at)
{
	if (at < collect->hour_from || at >= collect->hour_to) {
		struct tm local;
		collect->hour_from = local_start(at, "hour", &collect->hour_to);
		time_t seconds = (time_t)(at / 1000);
		collect->hour = localtime_r(&seconds, &local) ? (unsigned)local.tm_hour : 0;
	}
	return collect->hour;
}

static bool judged(enum outcome outcome, const char *cause)
{
	return outcome == OUTCOME_PASS || outcome == OUTCOME_HELD ||
	       (outcome == OUTCOME_FAIL && same(cause, cause_name(CAUSE_UNIT)));
}

static bool good(enum outcome outcome)
{
	return outcome == OUTCOME_PASS || outcome == OUTCOME_HELD;
}

static void count_share(struct report_share *share, bool is_good)
{
	share->whole++;
	share->part += is_good;
}

/* What did nothing to a unit does not change how it stands. */
static void stand(struct unit_facts *unit, enum outcome outcome)
{
	bool idle = outcome == OUTCOME_SKIPPED || outcome == OUTCOME_REFUSED;
	bool was_idle = !(unit->flags & UNIT_STARTED) || unit->outcome == OUTCOME_SKIPPED ||
			unit->outcome == OUTCOME_REFUSED;
	if (!idle || was_idle)
		unit->outcome = (uint8_t)outcome;
}

static void count_unit(struct unit_facts *unit, enum outcome outcome, bool is_judged, bool strict)
{
	uint8_t *flags = &unit->flags;
	stand(unit, outcome);
	*flags |= UNIT_STARTED | (outcome == OUTCOME_PASS ? UNIT_PASSED : 0);
	if (!is_judged)
		return;
	if (!(*flags & UNIT_JUDGED)) {
		*flags |= good(outcome) ? UNIT_FIRST_GOOD : 0;
		*flags |= good(outcome) && strict ? UNIT_FIRST_STRICT : 0;
	}
	*flags &= (uint8_t) ~(UNIT_LAST_PASS | UNIT_LAST_GOOD);
	*flags |= UNIT_JUDGED | (outcome == OUTCOME_PASS ? UNIT_LAST_PASS : 0) |
		  (good(outcome) ? UNIT_LAST_GOOD : 0);
}

static bool count_reason(struct collect *collect, struct report_reason **list, size_t *count,
	struct units **sets, const struct figures_attempt *row, const char *unit)
{
	size_t i = 0;
	const char *code = row->reason ? row->reason : "";
	while (i < *count && !same((*list)[i].code, code))
		i++;
	if (i == *count) {
		size_t set_count = *count;
		struct units *set = append(sets, &set_count, sizeof *set);
		struct report_reason *reason = append(list, count, sizeof *reason);
		if (!set || !reason || !copy(collect, &reason->code, code) ||
			!copy(collect, &reason->cause, row->cause))
			return false;
		const struct reason_info *info = reason_info(reason_from_code(code));
		bool known = same(info->code, code);
		reason->sentence = known ? info->sentence : "";
		reason->next = known ? info->next : "";
	}
	(*list)[i].attempts++;
	return units_of(&(*sets)[i], unit) || no_memory(collect);
}

static bool count_failed_step(struct collect *collect, const char *name)
{
	struct report *report = collect->report;
	for (size_t i = 0; i < report->failed_step_count; i++)
		if (same(report->failed_steps[i].name, name)) {
			report->failed_steps[i].attempts++;
			return true;
		}
	struct report_failed_step *step =
		append(&report->failed_steps, &report->failed_step_count, sizeof *step);
	if (!step)
		return no_memory(collect);
	step->attempts = 1;
	return copy(collect, &step->name, name);
}

static enum cause cause_of(const char *name)
{
	for (enum cause cause = 0; cause < CAUSE_COUNT; cause++)
		if (name && strcmp(name, cause_name(cause)) == 0)
			return cause;
	return CAUSE_NONE;
}

static void count_keys(
	struct report_keys *keys, const struct figures_attempt *row, enum outcome outcome)
{
	keys->held += outcome == OUTCOME_HELD;
	keys->refused += same(row->reason, reason_info(REASON_CLOUD_REFUSED)->code);
	keys->read_back += same(row->enrol_proof, "read-back");
	keys->acknowledged += same(row->enrol_proof, "acknowledged");
}

static bool count_outcome(struct collect *collect, const struct figures_attempt *row,
	enum outcome outcome, const char *unit)
{
	struct report *report = collect->report;
	bool of_unit = outcome == OUTCOME_FAIL && judged(outcome, row->cause);
	report->outcomes.count[outcome]++;
	count_keys(&report->keys, row, outcome);
	if (outcome == OUTCOME_FAIL && row->failed_step &&
		!count_failed_step(collect, row->failed_step))
		return false;
	if (outcome == OUTCOME_NONE || outcome == OUTCOME_SKIPPED || good(outcome))
		return true;
	if (!of_unit)
		report->loss_causes[cause_of(row->cause)]++;
	return of_unit ? count_reason(collect, &report->failures, &report->failure_count,
				 &collect->reason_units, row, unit)
		       : count_reason(collect, &report->losses, &report->loss_count,
				 &collect->loss_units, row, unit);
}

static bool count_group(struct report_group *group, struct collect_group *mine,
	const struct figures_attempt *row, enum outcome outcome)
{
	bool is_judged = judged(outcome, row->cause);
	group->attempts++;
	group->retries += row->retries > 0 ? row->retries : 0;
	if (is_judged) {
		count_share(&group->yield, good(outcome));
		times_add(&mine->process, row->ended_at - row->started_at);
	}
	return !mine->process.failed;
}

static void count_turnaround(
	struct collect *collect, size_t slot, const struct figures_attempt *row)
{
	struct collect_group *mine = &collect->slots[slot];
	if (mine->last_arrival >= 0) {
		times_add(&mine->turnaround, row->arrived_at - mine->last_arrival);
		times_add(&collect->turnaround, row->arrived_at - mine->last_arrival);
	}
	mine->last_arrival = row->arrived_at;
}

static bool count_groups(
	struct collect *collect, const struct figures_attempt *row, enum outcome outcome)
{
	struct report *report = collect->report;
	struct report_group *slot = group_of(&report->slots, &report->slot_count, &collect->slots,
		row->slot ? row->slot : "", collect);
	struct report_group *by = group_of(&report->operators, &report->operator_count,
		&collect->operators, row->operator_name ? row->operator_name : "", collect);
	if (!slot || !by)
		return no_memory(collect);
	size_t at = (size_t)(slot - report->slots), by_at = (size_t)(by - report->operators);
	count_turnaround(collect, at, row);
	return (count_group(slot, &collect->slots[at], row, outcome) &&
		       count_group(by, &collect->operators[by_at], row, outcome)) ||
	       no_memory(collect);
}

/* The turnaround of a slot does not reach from one batch into the next. */
static void enter_batch(struct collect *collect, const char *batch_id)
{
	struct report *report = collect->report;
	if (collect->batch && same(collect->batch->id, batch_id))
		return;
	for (size_t i = 0; i < report->slot_count; i++)
		collect->slots[i].last_arrival = -1;
	collect->batch = NULL;
	for (size_t i = 0; batch_id && i < report->batch_count; i++)
		if (same(report->batches[i].id, batch_id))
			collect->batch = &report->batches[i];
}

static bool add_provision(
	struct collect *collect, const struct figures_attempt *row, enum outcome outcome)
{
	struct report *report = collect->report;
	const char *unit = row->device_id ? row->device_id : row->id;
	bool is_judged = judged(outcome, row->cause);
	struct unit_facts *facts = units_of(&collect->units, unit);
	struct report_period *period = period_of(collect, row->started_at);
	if (!facts || !period)
		return no_memory(collect);
	count_unit(facts, outcome, is_judged, row->retries == 0);
	period->outcomes.count[outcome]++;
	report->attempts++;
	report->retries += row->retries > 0 ? row->retries : 0;
	report->saved_by_retry += good(outcome) && row->retries > 0;
	if (collect->batch) {
		collect->batch->outcomes.count[outcome]++;
		if (is_judged)
			count_share(&collect->batch->yield, good(outcome));
	}
	if (is_judged) {
		times_add(&collect->process, row->ended_at - row->started_at);
		count_share(&report->hours[hour_of(collect, row->started_at)], good(outcome));
	}
	return count_outcome(collect, row, outcome, unit) && count_groups(collect, row, outcome);
}

static bool add_attempt(void *context, const struct figures_attempt *row)
{
	struct collect *collect = context;
	struct report *report = collect->report;
	enum outcome outcome = outcome_from_name(row->outcome);
	if (!report->period_unit)
		report->period_unit = choose_unit(report);
	enter_batch(collect, row->batch_id);
	if (same(row->kind, "provision"))
		return add_provision(collect, row, outcome);
	if (same(row->kind, "verify")) {
		report->verified.count[outcome]++;
		return true;
	}
	struct unit_facts *facts =
		units_of(&collect->units, row->device_id ? row->device_id : row->id);
	if (!facts)
		return no_memory(collect);
	facts->flags |= UNIT_RETURNED;
	report->returned.count[outcome]++;
	if (same(row->kind, "reprovision")) {
		report->reprovisioned.count[outcome]++;
		count_keys(&report->returned_keys, row, outcome);
	}
	return true;
}

static bool add_finding(void *context, const struct figures_finding *row)
{
	struct collect *collect = context;
	struct report *report = collect->report;
	size_t i = 0;
	while (i < report->finding_count && !(same(report->findings[i].subject, row->subject) &&
						    same(report->findings[i].state, row->state) &&
						    same(report->findings[i].reason, row->reason)))
		i++;
	if (i == report->finding_count) {
		struct report_finding *finding =
			append(&report->findings, &report->finding_count, sizeof *finding);
		struct collect_found *found =
			append(&collect->found, &collect->found_count, sizeof *found);
		if (!finding || !found)
			return no_memory(collect);
		if (!copy(collect, &finding->subject, row->subject) ||
			!copy(collect, &finding->state, row->state) ||
			!copy(collect, &finding->reason, row->reason))
			return false;
	}
	return units_of(&collect->found[i].units, row->unit) || no_memory(collect);
}

struct figures_reader collect_reader(struct collect *collect)
{
	return (struct figures_reader){ .batch = add_batch,
		.image = add_image,
		.stop = add_stop,
		.attempt = add_attempt,
		.finding = add_finding,
		.context = collect };
}

static void done_groups(struct collect_group *groups, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		times_done(&groups[i].process);
		times_done(&groups[i].turnaround);
	}
	free(groups);
}

static void done_sets(struct units *sets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		units_done(&sets[i]);
	free(sets);
}

void collect_done(struct collect *collect)
{
	const struct report *report = collect->report;
	units_done(&collect->units);
	done_sets(collect->reason_units, report->failure_count);
	done_sets(collect->loss_units, report->loss_count);
	done_groups(collect->slots, report->slot_count);
	done_groups(collect->operators, report->operator_count);
	times_done(&collect->process);
	times_done(&collect->turnaround);
	for (size_t i = 0; i < collect->found_count; i++)
		units_done(&collect->found[i].units);
	free(collect->found);
	free(collect->links);
}
