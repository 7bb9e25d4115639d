/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collect.h"
#include "scope.h"
#include "stats.h"
#include "text.h"

double report_ratio(struct report_share share)
{
	return share.whole > 0 ? (double)share.part / (double)share.whole : -1;
}

/* --- distributions --- */

static struct report_times distribution(struct times *times)
{
	struct report_times ret = { .count = times->count, .exact = !times->coarse };
	if (times->count == 0)
		return ret;
	ret.median_ms = times_quantile(times, 0.5);
	ret.p90_ms = times_quantile(times, 0.9);
	ret.p99_ms = times_quantile(times, 0.99);
	ret.max_ms = times->max_ms;
	/* A few that waited for hours must not press all others into one bar. */
	int64_t lowest = times_quantile(times, 1e-9), span = 2 * ret.p99_ms - ret.median_ms;
	span = span < ret.max_ms ? span : ret.max_ms;
	ret.bar_ms = stats_round_width(span - lowest, REPORT_BARS - 1);
	ret.bar_from_ms = lowest / ret.bar_ms * ret.bar_ms;
	while (ret.bar_count < REPORT_BARS) {
		int64_t from = ret.bar_from_ms + (int64_t)ret.bar_count * ret.bar_ms;
		bool last = ret.bar_count == REPORT_BARS - 1 || from + ret.bar_ms > span;
		ret.bars[ret.bar_count++] =
			times_between(times, from, last ? INT64_MAX : from + ret.bar_ms);
		if (last)
			break;
	}
	return ret;
}

/* --- steps --- */

static bool fill_steps(struct report *report, struct tally *tally, struct err *err)
{
	report->steps = calloc(tally->count ? tally->count : 1, sizeof *report->steps);
	if (!report->steps)
		return err_set(err, REASON_STATION, "no memory for the report");
	report->rolled = -1;
	for (size_t i = 0; i < tally->count; i++) {
		struct tally_step *from = &tally->steps[i];
		struct report_step step = { .passed_first = from->passed_first,
			.passed_later = from->passed_later,
			.failed = from->failed,
			.tries = from->tries,
			.times = distribution(&from->times) };
		step.entered = step.passed_first + step.passed_later + step.failed;
		if (!step.entered)
			continue;
		step.name = strdup(from->name);
		if (!step.name)
			return err_set(err, REASON_STATION, "no memory for the report");
		report->rolled = (report->rolled < 0 ? 1 : report->rolled) *
				 ((double)step.passed_first / (double)step.entered);
		report->steps[report->step_count++] = step;
	}
	return true;
}

/* --- reasons --- */

static int by_attempts(const void *left, const void *right)
{
	const struct report_reason *a = left, *b = right;
	if (a->attempts != b->attempts)
		return a->attempts > b->attempts ? -1 : 1;
	return strcmp(a->code, b->code);
}

static void sort_reasons(struct report_reason *reasons, size_t count, struct units *sets)
{
	int64_t all = 0, sum = 0;
	for (size_t i = 0; i < count; i++) {
		reasons[i].units = (int64_t)sets[i].count;
		all += reasons[i].attempts;
	}
	if (count)
		qsort(reasons, count, sizeof *reasons, by_attempts);
	for (size_t i = 0; i < count; i++) {
		sum += reasons[i].attempts;
		reasons[i].cumulative = (double)sum / (double)all;
	}
}

static int by_failures(const void *left, const void *right)
{
	const struct report_failed_step *a = left, *b = right;
	if (a->attempts != b->attempts)
		return a->attempts > b->attempts ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* --- groups --- */

/* A group stands out if the yield of all the others lies outside of its interval, at a level that is
 * shared among the groups, so that among many healthy slots none is flagged by chance. */
static void judge_groups(struct report_group *groups, size_t count)
{
	struct report_share all = { 0 };
	for (size_t i = 0; i < count; i++) {
		all.part += groups[i].yield.part;
		all.whole += groups[i].yield.whole;
	}
	double z = stats_normal_z(REPORT_ALPHA_PERCENT / 100.0 / 2 / (double)(count ? count : 1));
	for (size_t i = 0; i < count; i++) {
		struct report_group *group = &groups[i];
		struct report_share others = { all.part - group->yield.part,
			all.whole - group->yield.whole };
		if (group->yield.whole == 0)
			continue;
		stats_wilson(group->yield.part, group->yield.whole, z, &group->low, &group->high);
		double rest = report_ratio(others);
		group->flagged = group->yield.whole >= REPORT_SLOT_MIN &&
				 others.whole >= REPORT_SLOT_MIN &&
				 (rest < group->low || rest > group->high);
	}
}

/* "A10" stands behind "A9". */
static int by_name(const void *left, const void *right)
{
	const struct report_group *a = left, *b = right;
	return strverscmp(a->name, b->name);
}

static void finish_groups(struct report_group *groups, struct collect_group *mine, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		groups[i].process = distribution(&mine[i].process);
		groups[i].turnaround = distribution(&mine[i].turnaround);
	}
	judge_groups(groups, count);
	if (count)
		qsort(groups, count, sizeof *groups, by_name);
}

static int by_time(const void *left, const void *right)
{
	const struct report_period *a = left, *b = right;
	return (a->from > b->from) - (a->from < b->from);
}

/* Faults, then what could not be told, then notes; what is as it should be comes last. */
static size_t gravity_of(const struct report_finding *finding)
{
	static const char *const states[] = { "fault", "unknown", "note" };
	size_t i = 0;
	while (i < sizeof states / sizeof *states &&
		!(finding->state && strcmp(finding->state, states[i]) == 0))
		i++;
	return i;
}

static int by_gravity(const void *left, const void *right)
{
	const struct report_finding *a = left, *b = right;
	size_t one = gravity_of(a), other = gravity_of(b);
	if (one != other)
		return (one > other) - (one < other);
	if (a->units != b->units)
		return (a->units < b->units) - (a->units > b->units);
	int subject = strcmp(a->subject ? a->subject : "", b->subject ? b->subject : "");
	return subject ? subject : strcmp(a->reason ? a->reason : "", b->reason ? b->reason : "");
}

/* --- time and output --- */

/* The part of [from, to) that lies in the scope; to -1: until now. */
static int64_t inside(const struct report *report, int64_t from, int64_t to)
{
	int64_t since = report->scope.since, until = report->scope.until;
	to = to < 0 ? report->made_at : to;
	to = until && until < to ? until : to;
	from = since > from ? since : from;
	return to > from ? to - from : 0;
}

/* While a hub is gone the other slots go on: the line does not stand. */
static bool of_few_slots(const struct report_stop *stop)
{
	static const char hub[] = "hub-gone:";
	return stop->why && strncmp(stop->why, hub, sizeof hub - 1) == 0;
}

static void measure_output(struct report *report)
{
	for (size_t i = 0; i < report->batch_count; i++)
		if (strcmp(report->batches[i].kind, "provision") == 0)
			report->run_ms += inside(
				report, report->batches[i].started_at, report->batches[i].ended_at);
	for (size_t i = 0; i < report->stop_count; i++)
		if (!of_few_slots(&report->stops[i]))
			report->stopped_ms +=
				inside(report, report->stops[i].from_at, report->stops[i].to_at);
	double hours = (double)report->run_ms / 3600000,
	       net = (double)(report->run_ms - report->stopped_ms) / 3600000;
	report->uph_gross = hours > 0 ? (double)report->first_passes / hours : -1;
	report->uph_net = net > 0 ? (double)report->first_passes / net : -1;
	report->output_interval_ms =
		report->units_good > 0 ? report->run_ms / report->units_good : -1;
}

static void count_units(struct report *report, const struct units *units)
{
	struct units_census all;
	units_count(units, &all);
	int64_t judged = units_with(&all, UNIT_JUDGED);
	memcpy(report->unit_outcomes.count, all.outcomes, sizeof all.outcomes);
	report->units_started = units_with(&all, UNIT_STARTED);
	report->units_good = units_with(&all, UNIT_LAST_GOOD);
	report->first_passes = units_with(&all, UNIT_PASSED);
	report->returned_units = units_with(&all, UNIT_RETURNED);
	report->first_pass = (struct report_share){ units_with(&all, UNIT_FIRST_GOOD), judged };
	report->first_pass_strict =
		(struct report_share){ units_with(&all, UNIT_FIRST_STRICT), judged };
	report->final_yield =
		(struct report_share){ units_with(&all, UNIT_LAST_PASS), report->units_started };
	report->final_defined = report->scope.work_order && !report->scope.since &&
				!report->scope.until && !report->scope.batch_id &&
				!report->running && report->units_started > 0;
}

static void link_images(struct report *report, const struct collect *collect)
{
	for (size_t i = 0; i < collect->link_count; i++) {
		const struct report_batch *batch = &report->batches[collect->links[i].batch];
		struct report_share *to = &report->images[collect->links[i].image].yield;
		to->part += batch->yield.part;
		to->whole += batch->yield.whole;
	}
}

static bool finish(struct collect *collect, struct figures_sums *sums, struct err *err)
{
	struct report *report = collect->report;
	if (!fill_steps(report, &sums->tally, err))
		return false;
	count_units(report, &collect->units);
	sort_reasons(report->failures, report->failure_count, collect->reason_units);
	sort_reasons(report->losses, report->loss_count, collect->loss_units);
	if (report->failed_step_count)
		qsort(report->failed_steps, report->failed_step_count, sizeof *report->failed_steps,
			by_failures);
	finish_groups(report->slots, collect->slots, report->slot_count);
	finish_groups(report->operators, collect->operators, report->operator_count);
	if (report->period_count)
		qsort(report->periods, report->period_count, sizeof *report->periods, by_time);
	report->process = distribution(&collect->process);
	report->turnaround = distribution(&collect->turnaround);
	link_images(report, collect);
	measure_output(report);
	for (size_t i = 0; i < report->finding_count; i++)
		report->findings[i].units = (int64_t)collect->found[i].units.count;
	if (report->finding_count)
		qsort(report->findings, report->finding_count, sizeof *report->findings,
			by_gravity);
	report->resale = sums->resale;
	report->keys.by_now = sums->keys;
	report->returned_keys.by_now = sums->returned_keys;
	report->head = sums->head;
	return text_copy(report->station_id, sizeof report->station_id, sums->station_id) ||
	       err_set(err, REASON_BUG, "the station's id is too long");
}

/* --- making --- */

static void put_title(struct text_buf *title, const struct report *report)
{
	const struct figures_scope *scope = &report->scope;
	const char *word = "";
	const struct {
		const char *name, *text;
	} parts[] = { { "batch", scope->batch_id }, { "work order", scope->work_order },
		{ "job", scope->job_name }, { "station", scope->station_id } };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!parts[i].text)
			continue;
		text_buf_addf(title, "%s%s %s", word, parts[i].name, parts[i].text);
		word = ", ";
	}
	if (!title->len)
		text_buf_addf(title, "everything");
}

/* Under which people know a batch. */
static void put_order(struct text_buf *title, const struct report_batch *batch)
{
	if (batch->job_name)
		text_buf_addf(title, ": job %s", batch->job_name);
	if (batch->work_order)
		text_buf_addf(
			title, "%s work order %s", batch->job_name ? "," : ":", batch->work_order);
}

static bool name_report(struct report *report, struct err *err)
{
	enum { TITLE_MAX = 1000 };
	struct text_buf title;
	text_buf_init(&title, TITLE_MAX);
	if (report->scope.last_batch && report->batch_count)
		text_buf_addf(&title, "last batch, %s", report->batches[0].id);
	else
		put_title(&title, report);
	if (report->batch_count == 1 && (report->scope.last_batch || report->scope.batch_id))
		put_order(&title, &report->batches[0]);
	report->title = title.text ? strdup(title.text) : NULL;
	text_buf_done(&title);
	return report->title || err_set(err, REASON_STATION, "no memory for the report");
}

static bool copy_scope(struct report *report, const struct figures_scope *scope, struct err *err)
{
	const char **texts[] = { &report->scope.batch_id, &report->scope.work_order,
		&report->scope.job_name, &report->scope.station_id };
	report->scope = *scope;
	bool good = true;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *text = *texts[i] && **texts[i] ? *texts[i] : NULL;
		*texts[i] = text ? strdup(text) : NULL;
		good &= !text || *texts[i];
	}
	return good || err_set(err, REASON_STATION, "no memory for the report");
}

static bool read_report(struct record *record, struct report *report, struct err *err)
{
	struct collect collect = { .report = report, .err = err };
	struct figures_reader reader = collect_reader(&collect);
	SCOPED_FREE struct figures_sums *sums = calloc(1, sizeof *sums);
	bool good = sums != NULL;
	if (!good)
		err_set(err, REASON_STATION, "no memory for the report");
	good = good && figures_read(record, &report->scope, &reader, sums, err) &&
	       finish(&collect, sums, err);
	if (sums)
		tally_done(&sums->tally);
	collect_done(&collect);
	return good;
}

bool report_make(struct record *record, const struct figures_scope *scope, struct report **ret,
	struct err *err)
{
	struct report *report = calloc(1, sizeof *report);
	if (!report)
		return err_set(err, REASON_STATION, "no memory for the report");
	report->made_at = clock_utc_ms();
	report->virtual_line = record_is_virtual(record);
	bool good = copy_scope(report, scope, err) && read_report(record, report, err) &&
		    name_report(report, err);
	if (good && scope->last_batch && !report->batch_count)
		good = err_set(err, REASON_INPUT, "%s holds no batch yet", record_path(record));
	if (!good) {
		report_free(report);
		return false;
	}
	*ret = report;
	return true;
}
