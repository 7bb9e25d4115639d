/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a unit that came back, deciding, and asking the person at the slot. The unit is only read
 * here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "flash.h"
#include "line_private.h"
#include "mend.h"
#include "resale.h"
#include "secret.h"
#include "steps.h"
#include "wipe.h"

enum { CONFIRM_WAIT_MS = 300000 };

bool mend_new(struct attempt *attempt, struct err *err)
{
	struct mend *mend = calloc(1, sizeof *mend);
	const struct plan *plan = attempt->plan;
	if (!mend)
		return err_set(err, REASON_STATION, "no memory for a returned unit");
	mend->returned = (struct returned){ .dfu = &attempt->dfu,
		.family = &plan->family,
		.plan = plan,
		.record = attempt->record,
		.cloud = plan->enrol.wanted ? &plan->enrol.cloud : NULL,
		.sender = attempt->line->cloud,
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.cancel = attempt_cancel(attempt) };
	attempt->mend = mend;
	return true;
}

void mend_free(struct mend *mend)
{
	if (!mend)
		return;
	secret_free(mend->slot_before);
	free(mend);
}

bool mend_writes_always(const struct attempt *attempt)
{
	enum job_write write =
		attempt->mend ? attempt->mend->decision.write : attempt->plan->job.write;
	return write == WRITE_ALWAYS;
}

bool mend_writes_server_key(const struct attempt *attempt)
{
	return attempt->mend ? attempt->mend->decision.new_server_key
			     : attempt->plan->job.write == WRITE_ALWAYS;
}

bool mend_writes_parts(const struct attempt *attempt)
{
	return attempt->plan->has_parts && !(attempt->mend && attempt->mend->parts_stand);
}

bool mend_save_slot(struct attempt *attempt, const uint8_t *bytes, struct err *err)
{
	uint32_t size = attempt->plan->device_key.slot->format.size;
	struct mend *mend = attempt->mend;
	if (!mend || mend->slot_before)
		return true;
	mend->slot_before = secret_alloc(size, err);
	if (mend->slot_before)
		memcpy(mend->slot_before, bytes, size);
	return mend->slot_before != NULL;
}

/* --- looking --- */

/* A try that fails is made again from its beginning, so that nothing is found twice. */
static bool look(struct attempt *attempt, unsigned index, struct err *err)
{
	struct mend *mend = attempt->mend;
	size_t begin = mend->findings.count;
	if (!diagnose_part(index)->run(&mend->returned, &mend->findings, err)) {
		mend->findings.count = begin;
		return false;
	}
	mend->looked[index] = true;
	return diagnose_keep(&mend->returned, &mend->findings, begin, err);
}

bool step_look_history(struct attempt *attempt, struct err *err)
{
	return look(attempt, 0, err);
}

bool step_look_images(struct attempt *attempt, struct err *err)
{
	return look(attempt, 1, err);
}

/* Two units with one key are in quarantine by now, and neither is worked on. */
bool step_look_keys(struct attempt *attempt, struct err *err)
{
	const struct findings *findings = &attempt->mend->findings;
	if (!look(attempt, 2, err))
		return false;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].code == FINDING_CODE_DEVICE_KEY_TWICE)
			return err_set(err, REASON_DUPLICATE_KEY, "%s", findings->list[i].evidence);
	return true;
}

bool step_look_settings(struct attempt *attempt, struct err *err)
{
	return look(attempt, 3, err);
}

/* --- saving --- */

bool step_backup(struct attempt *attempt, struct err *err)
{
	const struct line_options *options = &attempt->line->options;
	const struct plan *plan = attempt->plan;
	struct dfuse_progress progress =
		attempt_progress(attempt, backup_bytes(&attempt->dfu, &plan->family));
	const struct backup_request request = { .dfu = &attempt->dfu,
		.family = &plan->family,
		.record = attempt->record,
		.state_dir = options->state_dir,
		.recipients = &plan->recipients,
		.keep_days = plan->job.returns.backup.keep_days,
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.usb_serial = attempt->ident.serial,
		.station_id = options->config->id,
		.software_version = options->software_version,
		.operator_name = options->operator_name,
		.progress = &progress };
	struct backup_done done;
	if (!backup_take(&request, &done, err))
		return false;
	attempt->mend->backed_up = true;
	return true;
}

/* --- deciding --- */

/* What an attempt that was cut off has written is taken up where that left it. */
static bool find_begun(struct attempt *attempt, struct err *err)
{
	const char *on_unit = attempt->mend->returned.key.fingerprint;
	attempt->mend->key_resumed = false;
	return !on_unit[0] || !attempt->device_id[0] ||
	       record_key_begun(attempt->record, attempt->device_id, on_unit,
		       &attempt->mend->key_resumed, err);
}

static void describe(struct attempt *attempt)
{
	struct mend *mend = attempt->mend;
	const struct decision *decision = &mend->decision;
	size_t cap = sizeof mend->to_do;
	mend->to_do[0] = 0;
	if (decision->reason != REASON_NONE)
		return;
	const char *device_key = !attempt->plan->device_key.wanted ? "untouched"
				 : decision->new_device_key        ? "new"
								   : "kept";
	const char *server_key = !attempt->plan->server_key.wanted ? "untouched"
				 : decision->new_server_key        ? "new"
								   : "kept";
	size_t used = (size_t)snprintf(mend->to_do, cap, "images %s, device key %s, server key %s",
		decision->write == WRITE_ALWAYS ? "always" : "changed", device_key, server_key);
	for (size_t i = 0; i < decision->wipe_count && used < cap; i++)
		used += (size_t)snprintf(mend->to_do + used, cap - used, "%s%s",
			i ? ", " : ", wipe ", decision->wipes[i].name);
}

static bool observe_decision(struct attempt *attempt, struct err *err)
{
	const struct mend *mend = attempt->mend;
	const char *verdict = verdict_name(verdict_of(&mend->findings));
	char acts[ERR_TEXT_MAX];
	decide_acts_text(&mend->decision, mend->decision.acts, acts, sizeof acts);
	if (acts[0] && !record_observe(attempt->record, attempt->id, "acts", acts, err))
		return false;
	return record_observe(attempt->record, attempt->id, "verdict", verdict, err) &&
	       (!mend->to_do[0] ||
		       record_observe(attempt->record, attempt->id, "decision", mend->to_do, err));
}

/* To the end of their last sector, as the readback will look at them. */
static bool compare_parts(struct attempt *attempt, struct err *err)
{
	const struct plan *plan = attempt->plan;
	bool same = plan->has_parts && !plan->before_count &&
		    attempt->mend->decision.reason == REASON_NONE && !mend_writes_always(attempt);
	for (size_t i = 0; i < plan->extent_count && same; i++)
		if (plan->extents[i].phase == PHASE_PARTS &&
			!flash_is_same(&attempt->dfu, &plan->extents[i], &same, err))
			return false;
	attempt->mend->parts_stand = same;
	return true;
}

bool step_decide(struct attempt *attempt, struct err *err)
{
	struct mend *mend = attempt->mend;
	const struct returned *returned = &mend->returned;
	if (!agree_adopt(attempt, err) || !find_begun(attempt, err))
		return false;
	const struct decide_facts facts = { .plan = attempt->plan,
		.looks = returned->looks,
		.ends = returned->ends,
		.left = returned->left.attempt_id[0] ? &returned->left : NULL,
		.records_invalid = returned->records_invalid,
		.backed_up = mend->backed_up,
		.key_resumed = mend->key_resumed };
	decide(&facts, &mend->findings, &mend->decision);
	if (!compare_parts(attempt, err))
		return false;
	describe(attempt);
	mend->decided = true;
	if (!observe_decision(attempt, err))
		return false;
	attempt_emit(attempt, LINE_FOUND, NULL);
	return mend->decision.reason == REASON_NONE ||
	       err_set(err, mend->decision.reason, "%s", mend->decision.why);
}

/* --- asking --- */

static unsigned acts_to_confirm(const struct attempt *attempt)
{
	const struct decision *decision = &attempt->mend->decision;
	return decision->acts & ~attempt->plan->job.returns.reprovision.allow &
	       ~attempt->line->options.allow;
}

bool mend_unconfirmed(const struct attempt *attempt)
{
	return acts_to_confirm(attempt) && !attempt->mend->confirmed;
}

const char *mend_ask(struct attempt *attempt)
{
	struct slot *slot = attempt->slot;
	char acts[ERR_TEXT_MAX];
	decide_acts_text(&attempt->mend->decision, acts_to_confirm(attempt), acts, sizeof acts);
	pthread_mutex_lock(&slot->line->mutex);
	snprintf(slot->tell, sizeof slot->tell, "type %s to go on: %.500s", slot->config->name,
		acts);
	slot->asks = true;
	slot->confirmed = false;
	pthread_mutex_unlock(&slot->line->mutex);
	return slot->tell;
}

bool step_confirm(struct attempt *attempt, struct err *err)
{
	uint32_t wait_ms = attempt->line->options.confirm_wait_ms;
	uint64_t begun_us = clock_mono_us();
	char acts[ERR_TEXT_MAX / 2];
	struct err why;
	decide_acts_text(&attempt->mend->decision, acts_to_confirm(attempt), acts, sizeof acts);
	if (!slot_await_confirmed(attempt->slot, wait_ms ? wait_ms : CONFIRM_WAIT_MS, &why)) {
		if (why.reason != REASON_NOT_CONFIRMED) {
			*err = why;
			return false;
		}
		return err_set(err, REASON_NOT_CONFIRMED, "%s: %s", why.text, acts);
	}
	attempt->mend->confirmed = true;
	/* It is no time of the unit's. */
	attempt->deadline.at_us += clock_mono_us() - begun_us;
	return record_observe(attempt->record, attempt->id, "confirmed", acts, err);
}

/* --- wiping --- */

bool step_wipe(struct attempt *attempt, struct err *err)
{
	const struct decision *decision = &attempt->mend->decision;
	const struct family *family = &attempt->plan->family;
	struct dfuse_progress progress =
		attempt_progress(attempt, wipe_bytes(family, decision, WIPE_ALL));
	return wipe_run(&attempt->dfu, decision, WIPE_ALL, &progress, err);
}

bool mend_readback(struct attempt *attempt, struct err *err)
{
	struct mend *mend = attempt->mend;
	if (!mend)
		return true;
	if (!wipe_check(&attempt->dfu, &mend->decision, NULL, err))
		return false;
	bool told = mend->resale_told;
	mend->resale_told = true;
	return told || record_observe(attempt->record, attempt->id, RECORD_RESALE,
			       mend->decision.resale, err);
}
