/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an attempt: begun in the record, identified, admitted, taken through the step tables
 * (tries.c), finished in the record. What each step does stands in its own file. */
#include "attempt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "background.h"
#include "comeback.h"
#include "line_private.h"
#include "mend.h"
#include "resale.h"
#include "scope.h"
#include "steps.h"
#include "text.h"

enum { PROGRESS_EVERY_US = 100000 };

const struct cancel *attempt_cancel(const struct attempt *attempt)
{
	return &attempt->slot->cancel;
}

void attempt_log(struct attempt *attempt, const char *format, ...)
{
	char text[ERR_TEXT_MAX], where[CONFIG_NAME_MAX + LINE_DEVICE_ID + 4];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	snprintf(where, sizeof where, "%s %s", attempt->slot->config->name, attempt->device_id);
	log_line(attempt->line->options.log, where, "%s", text);
}

void attempt_emit(struct attempt *attempt, enum line_event_kind kind, const struct err *err)
{
	const struct job_stage *stage = &attempt->plan->job.stages[attempt->writing->stage];
	bool staged = attempt->writing != attempt->plan || attempt->stages_run;
	struct line_event event = { .kind = kind,
		.words = attempt->words,
		.try_number = attempt->try_number,
		.bytes_done = attempt->bytes_done,
		.bytes_total = attempt->bytes_total,
		.reason = err ? err->reason : REASON_NONE,
		.stage = staged ? attempt->writing->stage + 1 : 0,
		.stages = staged ? (unsigned)attempt->plan->job.stage_count : 0,
		.runs = attempt->writing != attempt->plan ? stage->runs : NULL,
		.tell = attempt->tell,
		.elapsed_ms = (uint32_t)((clock_mono_us() - attempt->started_us) / 1000) };
	snprintf(event.slot, sizeof event.slot, "%s", attempt->slot->config->name);
	snprintf(event.device_id, sizeof event.device_id, "%s", attempt->device_id);
	snprintf(event.step, sizeof event.step, "%s", attempt->step);
	snprintf(event.text, sizeof event.text, "%s", err ? err->text : "");
	if (kind == LINE_FOUND) {
		event.findings = &attempt->mend->findings;
		event.decision = &attempt->mend->decision;
		snprintf(event.text, sizeof event.text, "%s", attempt->mend->to_do);
	}
	line_emit(attempt->line, &event);
}

static void report_progress(void *context, uint64_t bytes)
{
	struct attempt *attempt = context;
	attempt->bytes_done = attempt->bytes_before + bytes;
	bytes = attempt->bytes_done;
	uint64_t now = clock_mono_us();
	if (now - attempt->reported_us < PROGRESS_EVERY_US && bytes < attempt->bytes_total)
		return;
	attempt->reported_us = now;
	attempt_emit(attempt, LINE_PROGRESS, NULL);
}

struct dfuse_progress attempt_progress(struct attempt *attempt, uint64_t bytes_total)
{
	attempt->bytes_before = attempt->bytes_done = 0;
	attempt->bytes_total = bytes_total;
	return (struct dfuse_progress){ .report = report_progress, .context = attempt };
}

bool attempt_open_session(struct attempt *attempt, struct err *err)
{
	struct usb_dev *dev = NULL;
	struct usb_bus *bus = attempt->line->options.bus;
	if (!bus->ops->open(bus, &attempt->ident, attempt_cancel(attempt), &dev, err))
		return false;
	if (!dfu_open(&attempt->dfu, dev, &attempt->plan->family, attempt_cancel(attempt), err))
		return false;
	attempt->session = true;
	return true;
}

void attempt_close_session(struct attempt *attempt)
{
	if (attempt->session)
		dfu_close(&attempt->dfu);
	attempt->session = false;
}

/* Each stage before the last, from its write to the unit's return. */
static bool run_stages(struct attempt *attempt, struct err *err)
{
	for (unsigned i = 0; i < attempt->plan->before_count; i++) {
		attempt->writing = attempt->plan->before[i];
		if (!attempt_run_steps(attempt, step_table_stage(), err))
			return false;
	}
	attempt->writing = attempt->plan;
	return true;
}

/* A unit that came back is as it came until it is decided and allowed what becomes of it. */
static bool run_returned(struct attempt *attempt, struct err *err)
{
	if (!mend_new(attempt, err) || !attempt_run_steps(attempt, step_table_returned(), err))
		return false;
	attempt->mend->changes = true;
	return true;
}

bool attempt_changes_unit(const struct attempt *attempt)
{
	return attempt->line->options.kind == LINE_PROVISION ||
	       (attempt->mend && attempt->mend->changes);
}

/* After the unit is known and claimed. */
static bool run_all(struct attempt *attempt, struct err *err)
{
	enum line_kind kind = attempt->line->options.kind;
	switch (kind) {
	case LINE_VERIFY:
		return attempt_run_steps(attempt, step_table(kind), err);
	case LINE_REPROVISION:
		if (!admit_returned(attempt, err) || !run_returned(attempt, err))
			return false;
		break;
	case LINE_PROVISION:
		if (!admit(attempt, err))
			return false;
		break;
	}
	return run_stages(attempt, err) && attempt_run_steps(attempt, step_table(kind), err);
}

static enum outcome outcome_of(const struct attempt *attempt, bool good, const struct err *err)
{
	if (good)
		return attempt->held ? OUTCOME_HELD : OUTCOME_PASS;
	enum outcome outcome = reason_info(err->reason)->outcome;
	return outcome == OUTCOME_HELD || outcome == OUTCOME_NONE ? OUTCOME_FAIL : outcome;
}

static void mark_if_worn_out(struct attempt *attempt, enum outcome outcome, enum reason reason)
{
	struct record_unit unit;
	struct err err;
	uint32_t limit = attempt->plan->job.limits.attempts_per_unit;
	if (attempt->line->options.kind == LINE_VERIFY || outcome != OUTCOME_FAIL ||
		reason_info(reason)->cause != CAUSE_UNIT || !limit || !attempt->device_id[0])
		return;
	if (!record_unit(attempt->record, attempt->device_id, &unit, &err)) {
		attempt_log(attempt, "%s", err.text);
		return;
	}
	if (unit.unit_fails >= limit && !record_unit_set_aside(attempt->record, attempt->device_id,
						"needs-repair", "failed as often as the job allows",
						attempt->line->options.operator_name, &err))
		attempt_log(attempt, "%s", err.text);
}

/* Commits the outcome. Of a unit that went into quarantine while it was in work, because another
 * one has its id or its key, the record takes none but REFUSED, with that reason. */
static bool commit(struct attempt *attempt, bool good, enum outcome *ret, struct err *err)
{
	struct record_result result = { .outcome = outcome_of(attempt, good, err),
		.reason = err->reason,
		.detail = err->text[0] ? err->text : NULL,
		.id_optional = attempt->plan->job.slot_is_enough };
	struct err refused;
	if (err_kind(err) == ERR_STORE)
		return false;
	*ret = result.outcome;
	if (record_attempt_finish(attempt->record, attempt->id, &result, &refused))
		return true;
	*err = refused;
	return err_kind(err) == ERR_REJECT && commit(attempt, false, ret, err);
}

static bool moved_away(struct slot *slot)
{
	SCOPED_LOCK(&slot->line->mutex);
	return slot->moved;
}

/* Nobody hears of the outcome before it is durable. */
static enum outcome finish(struct attempt *attempt, bool good, struct err *err)
{
	enum outcome outcome = OUTCOME_ABORTED;
	if (!good && err->reason == REASON_STOPPED && moved_away(attempt->slot))
		err_set(err, REASON_UNIT_MOVED, "the unit %s came back at another slot",
			attempt->device_id);
	if (!good)
		put_back(attempt, err);
	/* No outcome while a request is in flight: its answer would come too late to count. */
	cloud_forget(attempt->ticket);
	attempt->ticket = NULL;
	attempt_close_session(attempt);
	if (good && attempt->held)
		err_set(err, REASON_CLOUD_UNREACHABLE, "the cloud has not acknowledged the key");
	else if (good)
		err_clear(err);
	if (!commit(attempt, good, &outcome, err)) {
		outcome = OUTCOME_ABORTED;
		pthread_mutex_lock(&attempt->line->mutex);
		gate_end(attempt->line, END_STORE, true, "%s", err->text);
		pthread_mutex_unlock(&attempt->line->mutex);
	}
	if (err->reason == REASON_DUPLICATE_ID || err->reason == REASON_DUPLICATE_KEY)
		gate_stop_set_aside(attempt->line, attempt->slot);
	mark_if_worn_out(attempt, outcome, err->reason);
	return outcome;
}

/* What nobody can read back from the unit: of one that was made, now or before, all of it; of another
 * one, what ran this time. A unit that is only read shows no more than that the job asks for it. */
static void list_unproven(const struct attempt *attempt, enum outcome outcome, enum reason reason,
	char to[LINE_UNPROVEN_MAX])
{
	bool whole =
		outcome == OUTCOME_PASS || outcome == OUTCOME_HELD || reason == REASON_ALREADY_MADE;
	bool makes = attempt->line->options.kind != LINE_VERIFY;
	unsigned count = whole ? (unsigned)attempt->plan->before_count : attempt->stages_run;
	size_t used = 0;
	to[0] = 0;
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(to + used, LINE_UNPROVEN_MAX - used, "%s%s",
			i       ? ", "
			: makes ? RECORD_UNPROVEN ": "
				: "not proven: ",
			attempt->plan->job.stages[i].runs);
}

static const struct decision *decision_of(const struct attempt *attempt)
{
	return attempt->mend && attempt->mend->decided ? &attempt->mend->decision : NULL;
}

static void emit_outcome(struct attempt *attempt, enum outcome outcome, const struct err *err)
{
	struct line_event event = { .kind = LINE_OUTCOME,
		.words = "",
		.outcome = outcome,
		.reason = err->reason,
		.proof = outcome == OUTCOME_PASS ? attempt->proof : NULL,
		.decision = decision_of(attempt),
		.elapsed_ms = (uint32_t)((clock_mono_us() - attempt->started_us) / 1000) };
	snprintf(event.slot, sizeof event.slot, "%s", attempt->slot->config->name);
	snprintf(event.device_id, sizeof event.device_id, "%s", attempt->device_id);
	snprintf(event.step, sizeof event.step, "%s", attempt->step);
	snprintf(event.text, sizeof event.text, "%s", err->text);
	list_unproven(attempt, outcome, err->reason, event.unproven);
	if ((outcome == OUTCOME_PASS || outcome == OUTCOME_HELD) && decision_of(attempt) &&
		!attempt->mend->decision.for_resale)
		snprintf(event.resale, sizeof event.resale, RECORD_NOT_FOR_RESALE "%s",
			attempt->mend->decision.resale + strlen(RECORD_RESALE_NO));
	event.needs_repair = outcome == OUTCOME_PASS && attempt->mend &&
			     strcmp(attempt->mend->returned.unit.mark, "needs-repair") == 0;
	attempt_log(attempt, "%s %s: %s", outcome_name(outcome), reason_info(err->reason)->code,
		err->text);
	line_emit(attempt->line, &event);
}

static bool begin(struct attempt *attempt, int64_t arrived_at, struct err *err)
{
	const struct line_options *options = &attempt->line->options;
	struct record_arrival arrival = { .batch_id = attempt->line->batch_id,
		.kind = line_kind_name(options->kind),
		.arrived_at = arrived_at,
		.slot = attempt->slot->config->name,
		.usb_path = attempt->ident.port,
		.usb_serial = attempt->ident.serial,
		.operator_name = options->operator_name };
	return record_attempt_begin(attempt->record, &arrival, attempt->id, err) &&
	       (!options->rma || !options->rma[0] ||
		       record_attempt_identity(
			       attempt->record, attempt->id, "rma", options->rma, err));
}

/* Its enrolment is this worker's from here on. */
static bool claim(struct attempt *attempt)
{
	background_claim(attempt->slot, attempt->device_id);
	return true;
}

struct attempt_end attempt_run(struct slot *slot, const struct usb_ident *ident,
	const char *scanned_id, int64_t arrived_at)
{
	struct line *line = slot->line;
	struct attempt attempt = { .line = line,
		.slot = slot,
		.plan = line->options.plan,
		.writing = line->options.plan,
		.record = line->options.record,
		.ident = *ident,
		.deadline = deadline_in_ms(line->options.plan->job.limits.attempt_timeout_ms),
		.started_us = clock_mono_us() };
	struct err err;
	err_clear(&err);
	snprintf(attempt.scanned_id, sizeof attempt.scanned_id, "%s", scanned_id);

	enum outcome outcome = OUTCOME_ABORTED;
	comeback_begin(&attempt);
	attempt_emit(&attempt, LINE_ARRIVED, NULL);
	if (begin(&attempt, arrived_at, &err)) {
		bool good = attempt_run_steps(&attempt, step_table_identify(), &err) &&
			    claim(&attempt) && run_all(&attempt, &err);
		outcome = finish(&attempt, good, &err);
		background_release(slot);
	} else {
		pthread_mutex_lock(&line->mutex);
		gate_end(line, END_STORE, true, "%s", err.text);
		pthread_mutex_unlock(&line->mutex);
	}
	keypair_free(attempt.keypair);
	flash_saved_done(&attempt.beside_server_key);
	flash_saved_done(&attempt.beside_device_key);
	emit_outcome(&attempt, outcome, &err);
	mend_free(attempt.mend);
	struct attempt_end end = {
		.outcome = outcome, .reason = err.reason, .arrival = attempt.ident.arrival
	};
	memcpy(end.device_id, attempt.device_id, sizeof end.device_id);
	return end;
}
