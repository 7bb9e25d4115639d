/* SPDX-License-Identifier: Apache-2.0 */
/* A unit that vanished in the middle of its work: a contact that bounced, power that broke down. It
 * is waited for at its port. What its memory holds is not known any more, so nothing that was
 * written or proven before counts, and the steps begin anew. */
#include "comeback.h"

#include <stdio.h>
#include <string.h>

#include "hubs.h"
#include "line_private.h"
#include "mend.h"
#include "steps.h"
#include "usb_power.h"

enum {
	LOOK_EVERY_MS = 250,
	HUB_SETTLE_MS = 400 /* the kernel lets the units behind a hub go before the hub itself */
};

enum { ADVICE_MAX = 224 };

static bool was_over_current(const struct attempt *attempt)
{
	uint32_t now = 0;
	return usb_power_over_currents(attempt->line->options.bus, attempt->ident.port, &now) &&
	       now != attempt->over_currents;
}

/* One unit that vanishes again has a trouble of its own; several units that vanish at one place
 * point to the place. ret_advice begins with "; ", or is "". */
static bool count(struct attempt *attempt, char ret_advice[ADVICE_MAX], struct err *err)
{
	struct record_vanished seen;
	char times[64] = "", units[96] = "";
	if (!record_observe(attempt->record, attempt->id, RECORD_VANISHED, attempt->step, err) ||
		!record_vanished(attempt->record, attempt->id, &seen, err))
		return false;
	if (seen.times >= 2)
		snprintf(times, sizeof times, "it vanished %u times", seen.times);
	if (seen.units_here >= 2)
		snprintf(units, sizeof units, "%u units vanished at slot %s", seen.units_here,
			attempt->slot->config->name);
	snprintf(ret_advice, ADVICE_MAX, "%s%s%s%s%s%s", times[0] ? "; " : "", times,
		times[0] ? ": check power" : "", units[0] ? "; " : "", units,
		units[0] ? ": check slot" : "");
	if (was_over_current(attempt)) {
		strncat(ret_advice, "; its port cut its power: too much was drawn",
			ADVICE_MAX - 1 - strlen(ret_advice));
		if (!record_observe(
			    attempt->record, attempt->id, "over-current", attempt->ident.port, err))
			return false;
	}
	return (!times[0] ||
		       record_observe(attempt->record, attempt->id, "check-power", times, err)) &&
	       (!units[0] ||
		       record_observe(attempt->record, attempt->id, "check-slot", units, err));
}

static void add_text(struct err *err, const char *text)
{
	size_t len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, "%s", text);
}

/* Of the unit's family, at its port, and not the enumeration that was lost. */
static bool find(struct attempt *attempt, uint64_t lost, struct usb_ident *ret, bool *ret_found,
	uint64_t *ret_change, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct usb_ident idents[USB_UNITS_MAX];
	size_t found = 0;
	*ret_found = false;
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &found, ret_change, err))
		return false;
	for (size_t i = 0; i < found && !*ret_found; i++)
		if (strcmp(idents[i].port, attempt->ident.port) == 0 && idents[i].arrival != lost &&
			slot_takes(attempt->line, &idents[i])) {
			*ret = idents[i];
			*ret_found = true;
		}
	return true;
}

bool comeback_has_left(struct attempt *attempt)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct deadline deadline = deadline_in_ms(HUB_SETTLE_MS);
	struct err ignored;
	for (;;) {
		struct usb_ident idents[USB_UNITS_MAX];
		size_t count_now = 0;
		uint64_t change = 0;
		bool there = false;
		if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count_now, &change, &ignored))
			return false;
		for (size_t i = 0; i < count_now; i++)
			there = there || idents[i].arrival == attempt->ident.arrival;
		if (!there || deadline_passed(deadline))
			return !there;
		if (!bus->ops->wait(bus, change, deadline_left_ms(deadline),
			    attempt_cancel(attempt), &ignored))
			return false;
	}
}

/* HUB_GONE if a hub on its way vanished with it. */
static bool await_at_port(
	struct attempt *attempt, uint32_t wait_ms, struct usb_ident *ret, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct deadline deadline = deadline_sooner(attempt->deadline, deadline_in_ms(wait_ms));
	for (;;) {
		uint64_t change = 0;
		bool found = false;
		if (!find(attempt, attempt->ident.arrival, ret, &found, &change, err))
			return false;
		if (found)
			return true;
		if (!hubs_all_there(attempt->line, attempt->ident.port, err))
			return false;
		if (deadline_passed(deadline))
			return err_set(err, REASON_USB_GONE,
				"the unit vanished in %s and was not back at port %s within %u ms",
				attempt->step, attempt->ident.port, wait_ms);
		uint32_t left_ms = deadline_left_ms(deadline);
		if (!bus->ops->wait(bus, change, left_ms < LOOK_EVERY_MS ? left_ms : LOOK_EVERY_MS,
			    attempt_cancel(attempt), err))
			return false;
	}
}

/* While its id is not known, the serial has to be the same one; a Core has another kind of serial
 * in DFU than when it runs, so then nothing is said. */
static bool is_same(const struct attempt *attempt, const struct usb_ident *ident)
{
	if (attempt->device_id[0])
		return identity_may_be(attempt, ident);
	return strlen(ident->serial) != strlen(attempt->ident.serial) ||
	       strcmp(ident->serial, attempt->ident.serial) == 0;
}

/* Of what was done before, only the key is still the unit's own; it is written again. */
static void forget_progress(struct attempt *attempt)
{
	attempt->program_runs = false;
	attempt->images_erased = false;
	attempt->bootloader_stands = false;
	if (attempt->mend)
		attempt->mend->parts_stand = false;
}

static bool enter(struct attempt *attempt, const struct usb_ident *back, struct err *err)
{
	if (!is_same(attempt, back))
		return err_set(err, identity_other(attempt),
			"the unit vanished in %s, and one with serial \"%s\" came to port %s",
			attempt->step, back->serial, back->port);
	if (!attempt->device_id[0]) { /* the step that identifies it opens it */
		attempt->ident = *back;
		return true;
	}
	forget_progress(attempt);
	return reenter_from(attempt, back, err);
}

static bool is_over(const struct attempt *attempt)
{
	return deadline_passed(attempt->deadline) || cancel_is_set(attempt_cancel(attempt));
}

/* If nothing but a label says who it is, nobody could tell whether the same unit came back. */
static bool can_be_known(const struct attempt *attempt)
{
	return attempt->device_id[0] ? !attempt->only_scanned : !attempt->plan->job.slot_is_enough;
}

static bool may_come_back(const struct attempt *attempt)
{
	return attempt->line->options.config->gone_wait_ms && can_be_known(attempt) &&
	       attempt->vanished <= attempt->plan->job.limits.retries && !is_over(attempt);
}

static void tell(struct attempt *attempt, const struct err *why, const char *advice)
{
	struct err text = *why;
	add_text(&text, advice);
	add_text(&text, "; waiting for it: if it does not come back by itself, put it into DFU "
			"with its button");
	attempt_emit(attempt, LINE_RETRY, &text);
	attempt_log(attempt, "%s: %s", attempt->step, text.text);
}

bool comeback(struct attempt *attempt, struct err *err)
{
	const struct config *config = attempt->line->options.config;
	char advice[ADVICE_MAX];
	for (bool again = true; again;) {
		struct usb_ident back;
		struct err hub;
		attempt_close_session(attempt);
		if (!await_at_port(attempt, HUB_SETTLE_MS, &back, &hub) &&
			hub.reason != REASON_USB_GONE) {
			*err = hub;
			return false;
		}
		attempt->vanished++;
		if (!count(attempt, advice, err))
			return false;
		if (!may_come_back(attempt))
			break;
		tell(attempt, err, advice);
		bool came = await_at_port(attempt, config->gone_wait_ms, &back, err);
		if (came && enter(attempt, &back, err))
			return true;
		again = came && err->reason == REASON_USB_GONE;
	}
	if (err->reason == REASON_USB_GONE)
		add_text(err, advice);
	return false;
}

void comeback_begin(struct attempt *attempt)
{
	if (!usb_power_over_currents(
		    attempt->line->options.bus, attempt->ident.port, &attempt->over_currents))
		attempt->over_currents = 0;
}

void comeback_judge(struct attempt *attempt, struct err *err)
{
	struct err away = *err;
	if ((err->reason == REASON_USB_GONE || err->reason == REASON_NO_RETURN) &&
		was_over_current(attempt))
		err_set(err, REASON_OVER_CURRENT,
			"port %s cut its power, because too much was drawn; %.500s",
			attempt->ident.port, away.text);
}

/* Not while its firmware may be putting a bootloader in its place, or the program of a stage a radio's
 * firmware: that would be the end of it. Not where
 * too much current flows. Not where nothing may be changed: a unit that starts may write. */
static bool may_cycle(const struct attempt *attempt, const struct err *err)
{
	bool silent = err->reason == REASON_USB_TIMEOUT || err->reason == REASON_DFU_STUCK ||
		      err->reason == REASON_STEP_TIMEOUT || err->reason == REASON_NO_RETURN ||
		      err->reason == REASON_USB_GONE;
	return silent && attempt->slot->config->power_cycle && !attempt->slot->power_stuck &&
	       !attempt->power_cycled && !attempt->bootloader_waits && !attempt->program_runs &&
	       attempt_changes_unit(attempt) && attempt->device_id[0] &&
	       can_be_known(attempt) && attempt->plan->job.limits.retries > 0 &&
	       !is_over(attempt) && !was_over_current(attempt);
}

static bool cycle(struct attempt *attempt, struct err *err)
{
	struct usb_power power;
	return usb_power_find(attempt->line->options.bus, attempt->ident.port,
		       attempt_cancel(attempt), &power, err) &&
	       usb_power_cycle(&power, attempt->line->options.config->power_off_ms,
		       attempt_cancel(attempt), err);
}

static bool observe_power(
	struct attempt *attempt, const char *name, const char *value, struct err *err)
{
	struct err broken;
	if (record_observe(attempt->record, attempt->id, name, value, &broken))
		return true;
	*err = broken;
	return false;
}

static bool not_switched(struct attempt *attempt, const struct err *why, struct err *err)
{
	attempt->slot->power_stuck = true;
	add_text(err, "; its power was not switched: ");
	add_text(err, why->text);
	(void)observe_power(attempt, reason_info(why->reason)->code, why->text, err);
	return false;
}

/* After the power is on again. */
static bool take_up_again(struct attempt *attempt, struct err *err)
{
	uint32_t wait_ms = attempt->line->options.config->gone_wait_ms;
	uint32_t boot_ms = attempt->plan->family.reentry.boot_timeout_ms;
	struct usb_ident back;
	struct err why;
	bool came = await_at_port(attempt, wait_ms > boot_ms ? wait_ms : boot_ms, &back, &why);
	if (!came && why.reason == REASON_USB_GONE && !comeback_has_left(attempt)) {
		err_set(&why, REASON_POWER_NOT_SWITCHED,
			"port %s was switched off and on, and its unit was there all the time",
			attempt->ident.port);
		return not_switched(attempt, &why, err);
	}
	if (!observe_power(attempt, "power-cycled", attempt->step, err))
		return false;
	if (came && enter(attempt, &back, &why))
		return true;
	if (why.reason != REASON_USB_GONE && why.reason != err->reason)
		*err = why;
	else
		add_text(err, "; its power was switched off and on, which did not help");
	return false;
}

bool comeback_by_power(struct attempt *attempt, struct err *err)
{
	struct err why, text = *err;
	if (!may_cycle(attempt, err))
		return false;
	attempt_close_session(attempt);
	attempt->power_cycled = true;
	add_text(&text, "; switching its power off and on");
	attempt_emit(attempt, LINE_RETRY, &text);
	attempt_log(attempt, "%s: %s", attempt->step, text.text);
	if (cycle(attempt, &why))
		return take_up_again(attempt, err);
	if (err_kind(&why) != ERR_CANCEL)
		return not_switched(attempt, &why, err);
	*err = why;
	return false;
}
