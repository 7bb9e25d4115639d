/* SPDX-License-Identifier: Apache-2.0 */
/* A slot: what hangs on its port, whether it is latched, and the worker that
 * takes its units through. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clock.h"
#include "device_id.h"
#include "line_private.h"
#include "scope.h"

/* An outcome stands until the place was empty for so long; a unit's own reset is shorter. */
enum { EMPTY_FOR_US = 3000000, CONFIRM_LOOK_MS = 100 };

bool slot_takes(const struct line *line, const struct usb_ident *ident)
{
	const struct family *family = &line->options.plan->family;
	const struct usb_id ids[] = { family->dfu, family->cdc };
	for (unsigned i = 0; i < 2; i++)
		if (ids[i].vendor_id && ident->vendor_id == ids[i].vendor_id &&
			ident->product_id == ids[i].product_id)
			return true;
	return false;
}

/* By its device id where that became known; otherwise by a serial of the same kind that differs (a
 * Core has 12 digits in DFU and 24 when it runs). */
static bool is_another(const struct slot *slot, const struct usb_ident *ident)
{
	const struct family_identity *rules = &slot->line->options.plan->family.identity;
	if (slot->latched_id[0])
		return !device_id_serial_may_be(rules, slot->latched_id, ident->serial);
	return ident->serial[0] && strlen(ident->serial) == strlen(slot->latched_serial) &&
	       strcasecmp(ident->serial, slot->latched_serial) != 0;
}

void slot_update(struct slot *slot, const struct usb_ident *ident, uint64_t now_us)
{
	bool was_present = slot->present;
	slot->present = ident != NULL;
	if (ident)
		slot->ident = *ident;
	if (!ident && was_present)
		slot->absent_since_us = now_us;
	if (!slot->latched)
		return;
	/* Its outcome says nothing of the unit: it is taken up again when the hub is back. */
	if (slot->lost_arrival && (!ident || ident->arrival != slot->lost_arrival)) {
		slot->latched = false;
		slot->latched_id[0] = 0;
		slot->lost_arrival = 0;
		return;
	}
	bool was_away = !was_present && ident && now_us - slot->absent_since_us >= EMPTY_FOR_US;
	if (was_away || (ident && is_another(slot, ident))) {
		slot->latched = false;
		slot->latched_id[0] = 0;
	}
}

/* What hangs there now says that it is not the unit of this id: it was exchanged, and the slot's worker has yet to see
 * it. Mutex held. */
static bool holds_another(const struct slot *slot, const char *device_id)
{
	const struct family_identity *rules = &slot->line->options.plan->family.identity;
	return slot->present && !device_id_serial_may_be(rules, device_id, slot->ident.serial);
}

enum slot_stand slot_find(struct slot *mine, const char *device_id, char ret_name[CONFIG_NAME_MAX])
{
	struct line *line = mine->line;
	enum slot_stand found = STAND_NOWHERE;
	uint64_t now = clock_mono_us();
	SCOPED_LOCK(&line->mutex);
	for (size_t i = 0; i < line->slot_count; i++) {
		const struct slot *slot = &line->slots[i];
		bool away = !slot->present && now - slot->absent_since_us < EMPTY_FOR_US;
		if (slot == mine || strcmp(slot->latched_id, device_id) != 0 ||
			!(slot->present || away) || holds_another(slot, device_id) ||
			found == STAND_HERE)
			continue;
		found = away ? STAND_AWAY : STAND_HERE;
		snprintf(ret_name, CONFIG_NAME_MAX, "%s", slot->config->name);
	}
	return found;
}

/* Mutex held. NULL: no slot has it in work, or it may still hang there. */
static struct slot *left_behind(struct slot *mine, const char *device_id)
{
	struct line *line = mine->line;
	for (size_t i = 0; i < line->slot_count; i++) {
		struct slot *slot = &line->slots[i];
		if (slot != mine && strcmp(slot->working_on, device_id) == 0 &&
			(!slot->present || holds_another(slot, device_id)))
			return slot;
	}
	return NULL;
}

void slot_take_over(struct slot *mine, const char *device_id)
{
	struct line *line = mine->line;
	SCOPED_LOCK(&line->mutex);
	for (struct slot *other;
		(other = left_behind(mine, device_id)) && !cancel_is_set(&mine->cancel);) {
		other->moved = other->set_aside = true;
		cancel_set(&other->cancel);
		pthread_cond_wait(&line->changed, &line->mutex);
	}
}

void slot_claim(struct slot *slot, const char *device_id)
{
	SCOPED_LOCK(&slot->line->mutex);
	snprintf(slot->latched_id, sizeof slot->latched_id, "%s", device_id);
}

/* The worker's cancel flag wakes nobody by itself, hence the short waits. */
static void wait_a_little(struct line *line)
{
	struct deadline soon = deadline_in_ms(CONFIRM_LOOK_MS);
	struct timespec at = { .tv_sec = (time_t)(soon.at_us / 1000000u),
		.tv_nsec = (long)(soon.at_us % 1000000u) * 1000 };
	pthread_cond_timedwait(&line->changed, &line->mutex, &at);
}

bool slot_await_confirmed(struct slot *slot, uint32_t wait_ms, struct err *err)
{
	struct line *line = slot->line;
	struct deadline deadline = deadline_in_ms(wait_ms);
	SCOPED_LOCK(&line->mutex);
	while (!slot->confirmed && !line->nobody_confirms && !line->draining &&
		!deadline_passed(deadline) && !cancel_is_set(&slot->cancel))
		wait_a_little(line);
	slot->asks = false;
	if (slot->confirmed)
		return true;
	if (cancel_is_set(&slot->cancel))
		return err_set(err, REASON_STOPPED, "stopped while somebody was asked to confirm");
	if (line->draining)
		return err_set(err, REASON_NOT_CONFIRMED, "nobody typed %s before the line ended",
			slot->config->name);
	return line->nobody_confirms
		       ? err_set(err, REASON_NOT_CONFIRMED,
				 "nobody can type %s: standard input has ended", slot->config->name)
		       : err_set(err, REASON_NOT_CONFIRMED, "nobody typed %s within %u s",
				 slot->config->name, wait_ms / 1000);
}

/* Mutex held on entry and exit. */
static void take_unit(struct slot *slot)
{
	struct line *line = slot->line;
	struct usb_ident ident = slot->ident;
	char scanned[LINE_DEVICE_ID];
	snprintf(scanned, sizeof scanned, "%s", slot->scanned_id);
	slot->scanned_id[0] = slot->latched_id[0] = 0;
	pthread_mutex_unlock(&line->mutex);
	struct attempt_end end = attempt_run(slot, &ident, scanned, clock_utc_ms());
	pthread_mutex_lock(&line->mutex);
	/* An end of the line that puts units away comes with draining, and no other unit
	 * follows. */
	if (slot->set_aside && !line->draining)
		atomic_store(&slot->cancel.on, false);
	slot->set_aside = slot->moved = slot->asks = false;
	slot->latched = true;
	slot->lost_arrival = end.reason == REASON_HUB_GONE ? end.arrival : 0;
	memcpy(slot->latched_id, end.device_id, sizeof slot->latched_id);
	snprintf(slot->latched_serial, sizeof slot->latched_serial, "%s", ident.serial);
	gate_leave(line, slot, &end);
}

void *slot_worker(void *argument)
{
	struct slot *slot = argument;
	struct line *line = slot->line;
	pthread_mutex_lock(&line->mutex);
	while (!line->draining) {
		bool ready = slot->present && !slot->latched && !slot->retired &&
			     slot_takes(line, &slot->ident);
		if (!ready)
			pthread_cond_wait(&line->changed, &line->mutex);
		else if (gate_enter(line, slot))
			take_unit(slot);
	}
	pthread_mutex_unlock(&line->mutex);
	return NULL;
}
