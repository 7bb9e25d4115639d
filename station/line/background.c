/* SPDX-License-Identifier: Apache-2.0 */
#include "background.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "release.h"
#include "resale.h"
#include "scope.h"

enum {
	LOOK_MS = 1000,        /* between two looks into the outbox */
	PAUSE_FIRST_MS = 1000, /* after an enrolment without an answer */
	PAUSE_MAX_MS = 60000,
	SEND_MAX_MS = 120000,
	FINISH_MS = 3000,
	ROWS = 16
};

/* Mutex held. */
static bool is_in_work(const struct line *line, const char *device_id)
{
	for (size_t i = 0; i < line->slot_count; i++)
		if (strcmp(line->slots[i].working_on, device_id) == 0)
			return true;
	return false;
}

void background_claim(struct slot *slot, const char *device_id)
{
	struct line *line = slot->line;
	SCOPED_LOCK(&line->mutex);
	snprintf(slot->working_on, sizeof slot->working_on, "%s", device_id);
	while (device_id[0] && strcmp(line->background.device_id, device_id) == 0) {
		cancel_set(&line->background.interrupt);
		pthread_cond_wait(&line->changed, &line->mutex);
	}
}

void background_release(struct slot *slot)
{
	SCOPED_LOCK(&slot->line->mutex);
	slot->working_on[0] = 0;
	pthread_cond_broadcast(&slot->line->changed);
}

/* False if the unit is in work, or nothing is sent any more. */
static bool take(struct line *line, const char *device_id)
{
	struct background *background = &line->background;
	SCOPED_LOCK(&line->mutex);
	if (is_in_work(line, device_id) || cancel_is_set(&background->stop))
		return false;
	snprintf(background->device_id, sizeof background->device_id, "%s", device_id);
	atomic_store(&background->interrupt.on, false);
	return true;
}

static void give_back(struct line *line)
{
	SCOPED_LOCK(&line->mutex);
	line->background.device_id[0] = 0;
	pthread_cond_broadcast(&line->changed);
}

/* Its worker may have sent it between the look into the outbox and take. */
static bool is_still_due(struct line *line, struct record_outbox_row *row, struct err *err)
{
	const struct record_outbox_filter same = { .due_by = INT64_MAX, .after_id = row->id - 1 };
	int64_t id = row->id;
	size_t count = 0;
	return record_outbox(line->options.record, &same, row, 1, &count, err) && count == 1 &&
	       row->id == id;
}

/* The first row that may be sent now; its unit is taken. False: there is none,
 * or err says why not. */
static bool pick(struct line *line, struct record_outbox_row *ret, struct err *err)
{
	struct record_outbox_row rows[ROWS];
	struct record_outbox_filter filter = { .cloud = line->options.plan->enrol.cloud.name,
		.due_by = clock_utc_ms() };
	for (size_t count = ROWS; count == ROWS; filter.after_id = rows[ROWS - 1].id) {
		if (!record_outbox(line->options.record, &filter, rows, ROWS, &count, err))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (!take(line, rows[i].device_id))
				continue;
			*ret = rows[i];
			if (is_still_due(line, ret, err))
				return true;
			give_back(line);
			if (err->reason)
				return false;
		}
	}
	return false;
}

/* The figures of this batch follow; the rules of the line do not look back. */
static void count(struct line *line, const struct record_outbox_row *row, enum outcome outcome)
{
	struct err err;
	SCOPED_LOCK(&line->mutex);
	if (strcmp(row->batch_id, line->batch_id) == 0) {
		line->outcomes[OUTCOME_HELD]--;
		line->outcomes[outcome]++;
	}
	if (line->options.quantity && outcome == OUTCOME_FAIL &&
		!record_batch_made(line->options.record, line->batch_id, &line->made, &err))
		gate_end(line, END_STORE, true, "%s", err.text);
}

static void tell(struct line *line, const struct record_outbox_row *row, enum outcome outcome,
	const struct cloud_result *result)
{
	struct line_event event = { .kind = LINE_SETTLED,
		.words = "",
		.outcome = outcome,
		.reason = result->reason,
		.proof = release_proof(result),
		.of_batch = strcmp(row->batch_id, line->batch_id) == 0 };
	snprintf(event.device_id, sizeof event.device_id, "%s", row->device_id);
	snprintf(event.text, sizeof event.text, "%s", result->text);
	struct err err;
	if (!record_unproven(line->options.record, row->attempt_id, event.unproven,
		    sizeof event.unproven, &err))
		log_line(line->options.log, row->device_id, "%s", err.text);
	if (outcome == OUTCOME_PASS &&
		!record_not_for_resale(line->options.record, row->attempt_id, event.resale,
		    sizeof event.resale, &err))
		log_line(line->options.log, row->device_id, "%s", err.text);
	log_line(line->options.log, row->device_id, "HELD before, %s now: %s",
		outcome_name(outcome), result->text);
	line_emit(line, &event);
}

/* *ret HELD: no answer. False: REASON_STOPPED, or what ends the line. */
static bool send_row(
	struct line *line, const struct record_outbox_row *row, enum outcome *ret, struct err *err)
{
	struct cloud_request request;
	struct cloud_ticket *ticket;
	struct cloud_result result;
	if (!release_request(line->options.record, row, &request, err) ||
		!cloud_submit(line->cloud, &request, &ticket, err))
		return false;
	bool answered = cloud_wait(
		ticket, deadline_in_ms(SEND_MAX_MS), &line->background.interrupt, &result, err);
	cloud_forget(ticket);
	if (!answered || !release_settle(line->options.record, row, &result, ret, err))
		return false;
	if (*ret == OUTCOME_HELD)
		return true;
	count(line, row, *ret);
	tell(line, row, *ret, &result);
	return true;
}

/* What cannot be recorded ends the line, as everywhere. That there is nothing to send is no error. */
static void heed(struct line *line, const struct err *err)
{
	if (err_kind(err) == ERR_CANCEL || err_kind(err) == ERR_NONE)
		return;
	log_line(line->options.log, "background", "%s", err->text);
	if (err_kind(err) != ERR_STORE && err_kind(err) != ERR_BUG)
		return;
	SCOPED_LOCK(&line->mutex);
	gate_end(line, END_STORE, true, "%s", err->text);
	cancel_set(&line->background.stop);
}

static void pause_ms(struct line *line, uint32_t ms)
{
	clock_pause_until(clock_mono_us() + ms * UINT64_C(1000), &line->background.stop);
}

static void *run(void *context)
{
	struct line *line = context;
	uint32_t unanswered_ms = PAUSE_FIRST_MS;
	while (!cancel_is_set(&line->background.stop)) {
		struct record_outbox_row row;
		struct err err;
		enum outcome outcome = OUTCOME_HELD;
		err_clear(&err);
		if (!pick(line, &row, &err)) {
			heed(line, &err);
			pause_ms(line, LOOK_MS);
			continue;
		}
		bool sent = send_row(line, &row, &outcome, &err);
		give_back(line);
		if (!sent)
			heed(line, &err);
		if (sent && outcome != OUTCOME_HELD) {
			unanswered_ms = PAUSE_FIRST_MS;
			continue;
		}
		pause_ms(line, unanswered_ms);
		if (unanswered_ms < PAUSE_MAX_MS)
			unanswered_ms *= 2;
	}
	return NULL;
}

bool background_start(struct line *line, struct err *err)
{
	if (!line->cloud)
		return true;
	int failure = pthread_create(&line->background.thread, NULL, run, line);
	line->background.running = failure == 0;
	return !failure || err_sys(err, REASON_STATION, failure, "cannot start the background");
}

void background_finish(struct line *line)
{
	struct background *background = &line->background;
	struct deadline deadline = deadline_in_ms(FINISH_MS);
	struct timespec at = { .tv_sec = (time_t)(deadline.at_us / 1000000u),
		.tv_nsec = (long)(deadline.at_us % 1000000u) * 1000 };
	if (!background->running)
		return;
	cancel_set(&background->stop);
	pthread_mutex_lock(&line->mutex);
	while (background->device_id[0] && !deadline_passed(deadline) &&
		!cancel_is_set(&line->abort_request) && line->end != END_STORE)
		pthread_cond_timedwait(&line->changed, &line->mutex, &at);
	cancel_set(&background->interrupt);
	pthread_mutex_unlock(&line->mutex);
	pthread_join(background->thread, NULL);
	background->running = false;
}
