/* SPDX-License-Identifier: Apache-2.0 */
/* A report as one JSON object. What is not defined is null. */
#include <stdlib.h>

#include <jansson.h>

#include "render.h"
#include "scope.h"

/* Keeps what jansson could not make as a null, so that memory is checked once, at the end. */
struct builder {
	bool failed;
};

static json_t *kept(struct builder *builder, json_t *value)
{
	builder->failed |= !value;
	return value ? value : json_null();
}

static json_t *text(struct builder *builder, const char *value)
{
	SCOPED_FREE char *clean = value ? render_clean(value) : NULL;
	builder->failed |= value && !clean;
	return clean ? kept(builder, json_string(clean)) : json_null();
}

static json_t *number(struct builder *builder, int64_t value)
{
	return value < 0 ? json_null() : kept(builder, json_integer(value));
}

static json_t *real(struct builder *builder, double value)
{
	return value < 0 ? json_null() : kept(builder, json_real(value));
}

static void put(struct builder *builder, json_t *object, const char *name, json_t *value)
{
	builder->failed |= json_object_set_new(object, name, value) != 0;
}

static json_t *array(struct builder *builder)
{
	return kept(builder, json_array());
}

static json_t *object(struct builder *builder)
{
	return kept(builder, json_object());
}

static void push(struct builder *builder, json_t *list, json_t *value)
{
	builder->failed |= json_array_append_new(list, value) != 0;
}

static json_t *share(struct builder *b, struct report_share share)
{
	json_t *to = object(b);
	put(b, to, "part", number(b, share.part));
	put(b, to, "whole", number(b, share.whole));
	put(b, to, "ratio", real(b, report_ratio(share)));
	return to;
}

static json_t *times(struct builder *b, const struct report_times *times)
{
	json_t *to = object(b), *bars = array(b);
	bool any = times->count > 0;
	put(b, to, "count", number(b, times->count));
	put(b, to, "exact", json_boolean(times->exact));
	put(b, to, "median_ms", number(b, any ? times->median_ms : -1));
	put(b, to, "p90_ms", number(b, any ? times->p90_ms : -1));
	put(b, to, "p99_ms", number(b, any ? times->p99_ms : -1));
	put(b, to, "max_ms", number(b, any ? times->max_ms : -1));
	put(b, to, "bar_from_ms", number(b, any ? times->bar_from_ms : -1));
	put(b, to, "bar_ms", number(b, any ? times->bar_ms : -1));
	for (size_t i = 0; i < times->bar_count; i++)
		push(b, bars, number(b, times->bars[i]));
	put(b, to, "bars", bars);
	return to;
}

static json_t *outcomes(struct builder *b, const struct report_outcomes *outcomes)
{
	json_t *to = object(b);
	for (unsigned i = 1; i < OUTCOME_COUNT; i++)
		put(b, to, outcome_name((enum outcome)i), number(b, outcomes->count[i]));
	put(b, to, "open", number(b, outcomes->count[OUTCOME_NONE]));
	return to;
}

static json_t *batches(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->batch_count; i++) {
		const struct report_batch *batch = &report->batches[i];
		const struct {
			const char *name, *value;
		} texts[] = { { "id", batch->id }, { "kind", batch->kind },
			{ "job_name", batch->job_name }, { "plan_sha256", batch->plan_sha256 },
			{ "family", batch->family }, { "cloud", batch->cloud },
			{ "work_order", batch->work_order }, { "part_number", batch->part_number },
			{ "part_revision", batch->part_revision },
			{ "operator", batch->operator_name }, { "station_id", batch->station_id },
			{ "software_version", batch->software_version },
			{ "ended_by", batch->ended_by } };
		json_t *to = object(b);
		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			put(b, to, texts[k].name, text(b, texts[k].value));
		put(b, to, "quantity", number(b, batch->quantity));
		put(b, to, "started_at", number(b, batch->started_at));
		put(b, to, "ended_at", number(b, batch->ended_at));
		put(b, to, "outcomes", outcomes(b, &batch->outcomes));
		put(b, to, "yield", share(b, batch->yield));
		push(b, list, to);
	}
	return list;
}

static json_t *images(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->image_count; i++) {
		const struct report_image *image = &report->images[i];
		json_t *to = object(b);
		put(b, to, "region", text(b, image->region));
		put(b, to, "stage", number(b, image->stage));
		put(b, to, "address", number(b, image->address));
		put(b, to, "file_name", text(b, image->file_name));
		put(b, to, "version", number(b, image->version));
		put(b, to, "platform_id", number(b, image->platform_id));
		put(b, to, "size", number(b, image->size));
		put(b, to, "sha256", text(b, image->sha256));
		put(b, to, "yield", share(b, image->yield));
		push(b, list, to);
	}
	return list;
}

static json_t *steps(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->step_count; i++) {
		const struct report_step *step = &report->steps[i];
		json_t *to = object(b);
		put(b, to, "name", text(b, step->name));
		put(b, to, "entered", number(b, step->entered));
		put(b, to, "passed_first", number(b, step->passed_first));
		put(b, to, "passed_later", number(b, step->passed_later));
		put(b, to, "failed", number(b, step->failed));
		put(b, to, "tries", number(b, step->tries));
		put(b, to, "yield",
			share(b, (struct report_share){ step->passed_first, step->entered }));
		put(b, to, "times", times(b, &step->times));
		push(b, list, to);
	}
	return list;
}

static json_t *reasons(struct builder *b, const struct report_reason *reasons, size_t count)
{
	json_t *list = array(b);
	for (size_t i = 0; i < count; i++) {
		json_t *to = object(b);
		put(b, to, "code", text(b, reasons[i].code));
		put(b, to, "cause", text(b, reasons[i].cause));
		put(b, to, "sentence", text(b, reasons[i].sentence));
		put(b, to, "next", text(b, reasons[i].next));
		put(b, to, "attempts", number(b, reasons[i].attempts));
		put(b, to, "units", number(b, reasons[i].units));
		put(b, to, "cumulative", real(b, reasons[i].cumulative));
		push(b, list, to);
	}
	return list;
}

static json_t *groups(struct builder *b, const struct report_group *groups, size_t count)
{
	json_t *list = array(b);
	for (size_t i = 0; i < count; i++) {
		const struct report_group *group = &groups[i];
		bool any = group->yield.whole > 0;
		json_t *to = object(b);
		put(b, to, "name", group->name[0] ? text(b, group->name) : json_null());
		put(b, to, "attempts", number(b, group->attempts));
		put(b, to, "yield", share(b, group->yield));
		put(b, to, "low", real(b, any ? group->low : -1));
		put(b, to, "high", real(b, any ? group->high : -1));
		put(b, to, "flagged", json_boolean(group->flagged));
		put(b, to, "retries", number(b, group->retries));
		put(b, to, "process", times(b, &group->process));
		put(b, to, "turnaround", times(b, &group->turnaround));
		push(b, list, to);
	}
	return list;
}

static json_t *periods(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->period_count; i++) {
		json_t *to = object(b);
		put(b, to, "from", number(b, report->periods[i].from));
		put(b, to, "to", number(b, report->periods[i].to));
		put(b, to, "outcomes", outcomes(b, &report->periods[i].outcomes));
		push(b, list, to);
	}
	return list;
}

static json_t *hours(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < sizeof report->hours / sizeof *report->hours; i++)
		push(b, list, share(b, report->hours[i]));
	return list;
}

static json_t *loss_causes(struct builder *b, const struct report *report)
{
	json_t *to = object(b);
	for (enum cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++)
		put(b, to, cause == CAUSE_NONE ? "none" : cause_name(cause),
			number(b, report->loss_causes[cause]));
	return to;
}

static json_t *failed_steps(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->failed_step_count; i++) {
		json_t *to = object(b);
		put(b, to, "name", text(b, report->failed_steps[i].name));
		put(b, to, "attempts", number(b, report->failed_steps[i].attempts));
		push(b, list, to);
	}
	return list;
}

static json_t *stops(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->stop_count; i++) {
		json_t *to = object(b);
		put(b, to, "batch_id", text(b, report->stops[i].batch_id));
		put(b, to, "from_at", number(b, report->stops[i].from_at));
		put(b, to, "to_at", number(b, report->stops[i].to_at));
		put(b, to, "why", text(b, report->stops[i].why));
		push(b, list, to);
	}
	return list;
}

static json_t *findings(struct builder *b, const struct report *report)
{
	json_t *list = array(b);
	for (size_t i = 0; i < report->finding_count; i++) {
		json_t *to = object(b);
		put(b, to, "subject", text(b, report->findings[i].subject));
		put(b, to, "state", text(b, report->findings[i].state));
		put(b, to, "reason", text(b, report->findings[i].reason));
		put(b, to, "units", number(b, report->findings[i].units));
		push(b, list, to);
	}
	return list;
}

static json_t *resale(struct builder *b, const struct figures_resale *resale)
{
	json_t *to = object(b);
	put(b, to, "yes", number(b, resale->yes));
	put(b, to, "cleared", number(b, resale->cleared));
	put(b, to, "by_hand", number(b, resale->by_hand));
	put(b, to, "kept", number(b, resale->kept));
	return to;
}

static json_t *keys(struct builder *b, const struct report_keys *keys)
{
	json_t *to = object(b);
	put(b, to, "read_back", number(b, keys->read_back));
	put(b, to, "acknowledged", number(b, keys->acknowledged));
	put(b, to, "held", number(b, keys->held));
	put(b, to, "refused", number(b, keys->refused));
	put(b, to, "superseded", number(b, keys->by_now.superseded));
	put(b, to, "abandoned", number(b, keys->by_now.abandoned));
	put(b, to, "enrolled_not_pass", number(b, keys->by_now.enrolled_not_pass));
	return to;
}

static json_t *returned_keys(struct builder *b, const struct report_keys *returned)
{
	json_t *to = keys(b, returned);
	put(b, to, "renewed", number(b, returned->by_now.renewed));
	put(b, to, "kept", number(b, returned->by_now.kept));
	put(b, to, "put_back", number(b, returned->by_now.put_back));
	return to;
}

static json_t *scope_of(struct builder *b, const struct figures_scope *scope)
{
	json_t *to = object(b);
	put(b, to, "batch_id", text(b, scope->batch_id));
	put(b, to, "last_batch", json_boolean(scope->last_batch));
	put(b, to, "work_order", text(b, scope->work_order));
	put(b, to, "job_name", text(b, scope->job_name));
	put(b, to, "station_id", text(b, scope->station_id));
	put(b, to, "since", number(b, scope->since ? scope->since : -1));
	put(b, to, "until", number(b, scope->until ? scope->until : -1));
	return to;
}

static void put_yields(struct builder *b, json_t *to, const struct report *report)
{
	json_t *yields = object(b);
	put(b, yields, "first_pass", share(b, report->first_pass));
	put(b, yields, "first_pass_strict", share(b, report->first_pass_strict));
	put(b, yields, "rolled_throughput", real(b, report->rolled));
	put(b, yields, "final",
		report->final_defined ? share(b, report->final_yield) : json_null());
	put(b, to, "yield", yields);
}

static void put_output(struct builder *b, json_t *to, const struct report *report)
{
	put(b, to, "process", times(b, &report->process));
	put(b, to, "turnaround", times(b, &report->turnaround));
	put(b, to, "run_ms", number(b, report->run_ms));
	put(b, to, "stopped_ms", number(b, report->stopped_ms));
	put(b, to, "units_reached_pass", number(b, report->first_passes));
	put(b, to, "uph_gross", real(b, report->uph_gross));
	put(b, to, "uph_net", real(b, report->uph_net));
	put(b, to, "output_interval_ms", number(b, report->output_interval_ms));
	put(b, to, "retries", number(b, report->retries));
	put(b, to, "attempts_saved_by_retry", number(b, report->saved_by_retry));
	put(b, to, "stops", stops(b, report));
}

static void put_head(struct builder *b, json_t *to, const struct report *report)
{
	json_t *head = object(b);
	put(b, head, "seq", number(b, report->head.seq));
	put(b, head, "hash", text(b, report->head.seq ? report->head.hash : NULL));
	put(b, to, "format", text(b, "station report 1"));
	put(b, to, "title", text(b, report->title));
	put(b, to, "scope", scope_of(b, &report->scope));
	put(b, to, "made_at", number(b, report->made_at));
	put(b, to, "station_id", text(b, report->station_id));
	put(b, to, "virtual", json_boolean(report->virtual_line));
	put(b, to, "running", json_boolean(report->running));
	put(b, to, "seal", head);
}

static json_t *whole(struct builder *b, const struct report *report)
{
	json_t *to = object(b), *returned = object(b);
	put_head(b, to, report);
	put(b, to, "batches", batches(b, report));
	put(b, to, "images", images(b, report));
	put(b, to, "attempts", number(b, report->attempts));
	put(b, to, "units_started", number(b, report->units_started));
	put(b, to, "units_good", number(b, report->units_good));
	put(b, to, "outcomes", outcomes(b, &report->outcomes));
	put(b, to, "unit_outcomes", outcomes(b, &report->unit_outcomes));
	put_yields(b, to, report);
	put(b, to, "failures", reasons(b, report->failures, report->failure_count));
	put(b, to, "losses", reasons(b, report->losses, report->loss_count));
	put(b, to, "losses_by_cause", loss_causes(b, report));
	put(b, to, "failed_steps", failed_steps(b, report));
	put(b, to, "steps", steps(b, report));
	put(b, to, "slots", groups(b, report->slots, report->slot_count));
	put(b, to, "operators", groups(b, report->operators, report->operator_count));
	put(b, to, "period_unit", text(b, report->period_unit));
	put(b, to, "periods", periods(b, report));
	put(b, to, "hours_of_day", hours(b, report));
	put_output(b, to, report);
	put(b, to, "keys", keys(b, &report->keys));
	put(b, to, "verified", outcomes(b, &report->verified));
	put(b, returned, "units", number(b, report->returned_units));
	put(b, returned, "outcomes", outcomes(b, &report->returned));
	put(b, returned, "reprovisioned", outcomes(b, &report->reprovisioned));
	put(b, returned, "keys", returned_keys(b, &report->returned_keys));
	put(b, returned, "resale", resale(b, &report->resale));
	put(b, returned, "findings", findings(b, report));
	put(b, to, "returned", returned);
	return to;
}

bool render_json(const struct report *report, struct text_buf *to, struct err *err)
{
	struct builder builder = { 0 };
	json_t *root = whole(&builder, report);
	char *dumped = builder.failed ? NULL : json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (!dumped)
		return err_set(err, REASON_STATION, "no memory for the report as JSON");
	text_buf_addf(to, "%s\n", dumped);
	free(dumped);
	return true;
}
