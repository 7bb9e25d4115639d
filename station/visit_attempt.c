/* SPDX-License-Identifier: Apache-2.0 */
#include "visit_attempt.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "diagnose.h"
#include "exercise.h"
#include "interrupt.h"
#include "reentry.h"

bool visit_must_stop(const struct err *err)
{
	enum err_kind kind = err_kind(err);
	return kind == ERR_STORE || kind == ERR_BUG || kind == ERR_CANCEL;
}

int visit_fail(const struct visit *visit, const struct err *err)
{
	int status = cmd_fail(visit_options(visit)->command, err);
	return visit_must_stop(err) ? status : EXIT_NOT_ALL;
}

/* --- into DFU --- */

static struct reentry place_of(struct visit *visit, const struct visit_unit *unit)
{
	return (struct reentry){ .bus = visit_bus(visit),
		.family = unit->family,
		.port = unit->ident.port,
		.cancel = interrupt_once() };
}

static bool enter_dfu(struct visit *visit, struct visit_unit *unit, struct err *err)
{
	const struct family *family = unit->family;
	const struct reentry place = place_of(visit, unit);
	struct usb_ident back;
	device_id_from_serial(&family->identity, unit->ident.serial, unit->running_id);
	if (!reentry_send(&place, &unit->ident, deadline_in_ms(family->reentry.dfu_timeout_ms),
		    &back, err))
		return false;
	unit->ident = back;
	unit->in_dfu = true;
	return true;
}

bool visit_to_dfu(struct visit *visit, struct visit_unit *unit, int *ret_status)
{
	struct err err;
	if (unit->in_dfu || enter_dfu(visit, unit, &err))
		return true;
	if (visit_must_stop(&err)) {
		*ret_status = visit_fail(visit, &err);
		return false;
	}
	fprintf(stderr,
		"station %s: %s runs its program (%s): put it into DFU with its button (LED blinks "
		"yellow), then try again\n",
		visit_options(visit)->command, unit->slot, err.text);
	*ret_status = EXIT_NOT_ALL;
	return false;
}

/* --- beginning --- */

static bool note(struct visit *visit, const char *attempt_id, const char *kind, const char *value,
	struct err *err)
{
	return !value[0] ||
	       record_attempt_identity(visit_record(visit), attempt_id, kind, value, err);
}

static bool identify(struct visit *visit, const struct visit_unit *unit,
	struct visit_attempt *attempt, struct err *err)
{
	const struct family_identity *rules = &unit->family->identity;
	const char *source = NULL, *serial = unit->ident.serial;
	char from_serial[DEVICE_ID], from_copy[DEVICE_ID] = "", id[DEVICE_ID] = "";
	struct err none;
	device_id_from_serial(rules, serial, from_serial);
	/* A memory that is not the family's says nothing. */
	if (dfu_check_layout(&attempt->dfu, &none) &&
		!device_id_read_copy(&attempt->dfu, from_copy, err))
		return false;
	if (!note(visit, attempt->id, "usb-serial", serial, err) ||
		!note(visit, attempt->id, "usb-serial", unit->running_id, err) ||
		!note(visit, attempt->id, "dct", from_copy, err) ||
		!note(visit, attempt->id, "scan", unit->scanned_id, err) ||
		!device_id_agree(id, &source, from_serial, "usb-serial", err) ||
		!device_id_agree(id, &source, from_copy, "dct", err) ||
		!device_id_agree(id, &source, unit->running_id, "usb-serial", err) ||
		!device_id_agree(id, &source, unit->scanned_id, "scan", err))
		return false;
	if (!id[0])
		return true;
	if (!device_id_fold_agrees(rules, serial, id))
		return err_set(err, REASON_ID_DISAGREES,
			"the serial %s does not fold from the %s id %s", serial, source, id);
	if (!record_attempt_set_device(
		    visit_record(visit), attempt->id, id, source, &attempt->passage, err))
		return false;
	memcpy(attempt->device_id, id, sizeof id);
	attempt->by_label = !from_serial[0] && !from_copy[0] && !device_id_is_folded(rules, serial);
	return true;
}

static bool open_session(struct visit *visit, const struct visit_unit *unit,
	struct visit_attempt *attempt, struct err *err)
{
	struct usb_dev *dev = NULL;
	return visit_bus(visit)->ops->open(
		       visit_bus(visit), &unit->ident, interrupt_once(), &dev, err) &&
	       dfu_open(&attempt->dfu, dev, unit->family, interrupt_once(), err);
}

/* A unit that does not answer is a finding, too. */
static bool note_unreadable(
	struct visit *visit, struct visit_attempt *attempt, const struct err *why, struct err *err)
{
	attempt->unreadable = err_kind(why) == ERR_LINK;
	return !attempt->unreadable ||
	       (record_finding(visit_record(visit), attempt->id, "unit",
			finding_state_name(FINDING_FAULT),
			finding_info(FINDING_CODE_UNREADABLE)->code, why->text, err) &&
		       record_observe(visit_record(visit), attempt->id, "verdict",
			       verdict_name(VERDICT_UNREADABLE), err));
}

/* What the first steps work on. */
struct beginning {
	struct visit *visit;
	const struct visit_unit *unit;
	struct visit_attempt *attempt;
};

static bool put_back(void *context, struct err *err)
{
	const struct beginning *it = context;
	struct visit *visit = it->visit;
	const struct visit_unit *unit = it->unit;
	struct visit_attempt *attempt = it->attempt;
	const struct exercise_unit exercised = { .dfu = &attempt->dfu,
		.family = unit->family,
		.record = visit_record(visit),
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.by_label = attempt->by_label,
		.cancel = interrupt_once() };
	struct err store;
	bool good = exercise_restore(
		&exercised, visit_options(visit)->put_back, &attempt->findings, err);
	for (size_t i = 0; i < attempt->findings.count; i++)
		fprintf(stderr, "station %s: %s: %s\n", visit_options(visit)->command, unit->slot,
			attempt->findings.list[i].evidence);
	if (diagnose_keep_for(visit_record(visit), attempt->id, &attempt->findings, 0, &store))
		return good;
	*err = store;
	return false;
}

static bool find_out(void *context, struct err *err)
{
	const struct beginning *it = context;
	return open_session(it->visit, it->unit, it->attempt, err) &&
	       identify(it->visit, it->unit, it->attempt, err);
}

/* A person's decision is about what was set aside, too. */
static bool has_left(struct visit *visit, const struct visit_attempt *attempt)
{
	return attempt->device_id[0] &&
	       (visit_options(visit)->put_back ||
		       exercise_pending(visit_record(visit), attempt->device_id));
}

bool visit_begin(struct visit *visit, const struct visit_unit *unit, const char *kind,
	struct visit_attempt *ret, struct err *err)
{
	const struct record_arrival arrival = { .kind = kind,
		.arrived_at = clock_utc_ms(),
		.slot = unit->slot,
		.usb_path = unit->ident.port,
		.usb_serial = unit->ident.serial,
		.operator_name = visit_options(visit)->operator_name };
	struct beginning it = { visit, unit, ret };
	*ret = (struct visit_attempt){ 0 };
	if (!record_attempt_begin(visit_record(visit), &arrival, ret->id, err))
		return false;
	if (record_step(visit_record(visit), ret->id, "identify", find_out, &it, err) &&
		(!has_left(visit, ret) || record_step(visit_record(visit), ret->id,
						  "restore-exercise", put_back, &it, err)))
		return true;
	struct err why = *err;
	if (!note_unreadable(visit, ret, &why, err) ||
		!visit_end(visit, ret, why.reason, why.text, err))
		return false;
	*err = why;
	return false;
}

/* --- the end --- */

enum outcome visit_outcome(enum reason reason)
{
	enum outcome outcome = reason ? reason_info(reason)->outcome : OUTCOME_PASS;
	return outcome == OUTCOME_HELD ? OUTCOME_FAIL : outcome;
}

bool visit_end(struct visit *visit, struct visit_attempt *attempt, enum reason reason,
	const char *detail, struct err *err)
{
	const struct record_result result = {
		.outcome = visit_outcome(reason), .reason = reason, .detail = detail
	};
	if (attempt->dfu.dev)
		dfu_close(&attempt->dfu);
	return record_attempt_finish(visit_record(visit), attempt->id, &result, err);
}

/* --- once more --- */

/* What it says of itself must still be its own. */
static bool is_same_unit(
	const struct visit_unit *unit, struct visit_attempt *attempt, struct err *err)
{
	const struct family_identity *rules = &unit->family->identity;
	const char *source = "first";
	char id[DEVICE_ID], from_serial[DEVICE_ID], from_copy[DEVICE_ID] = "";
	struct err other;
	memcpy(id, attempt->device_id, sizeof id);
	device_id_from_serial(rules, unit->ident.serial, from_serial);
	if (!device_id_read_copy(&attempt->dfu, from_copy, err))
		return false;
	return (device_id_agree(id, &source, from_serial, "usb-serial", &other) &&
		       device_id_agree(id, &source, from_copy, "dct", &other) &&
		       device_id_fold_agrees(rules, unit->ident.serial, id)) ||
	       err_set(err, REASON_UNIT_SWAPPED,
		       "expected unit %s, another one came back at port %s", attempt->device_id,
		       unit->ident.port);
}

bool visit_come_back(struct visit *visit, struct visit_unit *unit, struct visit_attempt *attempt,
	struct err *err)
{
	const struct family *family = unit->family;
	const struct reentry place = place_of(visit, unit);
	struct usb_ident back;
	bool left = dfu_leave(&attempt->dfu, err);
	dfu_close(&attempt->dfu);
	attempt->dfu = (struct dfu){ 0 };
	if (!left || !reentry_await(&place, unit->ident.arrival, family->dfu, family->cdc,
			     family->reentry.boot_timeout_ms, &back, err))
		return false;
	unit->ident = back;
	unit->in_dfu = usb_ident_is(&back, family->dfu);
	if (!device_id_serial_may_be(&family->identity, attempt->device_id, back.serial))
		return err_set(err, REASON_UNIT_SWAPPED,
			"expected unit %s, another one with serial \"%s\" came back at port %s",
			attempt->device_id, back.serial, back.port);
	return (unit->in_dfu || enter_dfu(visit, unit, err)) &&
	       open_session(visit, unit, attempt, err) && is_same_unit(unit, attempt, err);
}
