/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdlib.h>

static void free_texts(char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
}
#define FREE_TEXTS(...) \
	free_texts((char *const[]){ __VA_ARGS__ }, \
		sizeof((char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void free_batches(struct report *report)
{
	for (size_t i = 0; i < report->batch_count; i++) {
		struct report_batch *batch = &report->batches[i];
		FREE_TEXTS(batch->id, batch->kind, batch->job_name, batch->plan_sha256,
			batch->family, batch->cloud, batch->work_order, batch->part_number,
			batch->part_revision, batch->operator_name, batch->station_id,
			batch->software_version, batch->ended_by);
	}
	for (size_t i = 0; i < report->image_count; i++)
		FREE_TEXTS(report->images[i].region, report->images[i].file_name,
			report->images[i].sha256);
	for (size_t i = 0; i < report->stop_count; i++)
		FREE_TEXTS(report->stops[i].batch_id, report->stops[i].why);
	free(report->batches);
	free(report->images);
	free(report->stops);
}

static void free_reasons(struct report_reason *reasons, size_t count)
{
	for (size_t i = 0; i < count; i++)
		FREE_TEXTS(reasons[i].code, reasons[i].cause);
	free(reasons);
}

static void free_groups(struct report_group *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(groups[i].name);
	free(groups);
}

static void free_scope(struct figures_scope *scope)
{
	const void *texts[] = { scope->batch_id, scope->work_order, scope->job_name,
		scope->station_id };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free((void *)(uintptr_t)texts[i]);
}

void report_free(struct report *report)
{
	if (!report)
		return;
	free_scope(&report->scope);
	free(report->title);
	free_batches(report);
	for (size_t i = 0; i < report->step_count; i++)
		free(report->steps[i].name);
	free(report->steps);
	free_reasons(report->failures, report->failure_count);
	free_reasons(report->losses, report->loss_count);
	for (size_t i = 0; i < report->failed_step_count; i++)
		free(report->failed_steps[i].name);
	free(report->failed_steps);
	free_groups(report->slots, report->slot_count);
	free_groups(report->operators, report->operator_count);
	free(report->periods);
	for (size_t i = 0; i < report->finding_count; i++)
		FREE_TEXTS(report->findings[i].subject, report->findings[i].state,
			report->findings[i].reason);
	free(report->findings);
	free(report);
}
