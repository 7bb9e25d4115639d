/* SPDX-License-Identifier: Apache-2.0 */
/* Who the unit is. The device id is the STM32 UID as 24 lower-case hex digits; where a family's
 * bootloader shows something else as its serial, the id comes from a copy in the unit's memory or
 * from outside. All sources that speak must agree. */
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "device_id.h"
#include "line_private.h"
#include "listening.h"

enum { ASK_MS = 1500, LOOK_EVERY_US = 50000, CARRIED_MS = 500 };

bool identity_may_be(const struct attempt *attempt, const struct usb_ident *ident)
{
	return !attempt->device_id[0] || device_id_serial_may_be(&attempt->plan->family.identity,
						 attempt->device_id, ident->serial);
}

static bool note_source(
	struct attempt *attempt, const char *kind, const char *value, struct err *err)
{
	return !value[0] || record_attempt_identity(attempt->record, attempt->id, kind, value, err);
}

static bool is_on_bus_too(
	struct attempt *attempt, char port[USB_PORT_MAX], bool *ret, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct usb_ident idents[USB_UNITS_MAX];
	size_t count;
	uint64_t change;
	*ret = false;
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count, &change, err))
		return false;
	for (size_t i = 0; i < count && !*ret; i++) {
		char id[LINE_DEVICE_ID];
		device_id_from_serial(&attempt->plan->family.identity, idents[i].serial, id);
		if (strcmp(id, attempt->device_id) != 0 ||
			strcmp(idents[i].port, attempt->ident.port) == 0)
			continue;
		memcpy(port, idents[i].port, USB_PORT_MAX);
		*ret = true;
	}
	return true;
}

/* One that waits for its turn has no attempt yet, but its serial is there to see. A unit that was
 * carried here may be listed at its old port for a moment still. */
static bool find_waiting_twin(
	struct attempt *attempt, char port[USB_PORT_MAX], bool *ret, struct err *err)
{
	struct deadline deadline = deadline_in_ms(CARRIED_MS);
	do {
		if (!is_on_bus_too(attempt, port, ret, err))
			return false;
		if (!*ret)
			return true;
		if (!clock_pause_until(clock_mono_us() + LOOK_EVERY_US, attempt_cancel(attempt)))
			return err_set(err, REASON_STOPPED, "stopped while identifying the unit");
	} while (!deadline_passed(deadline));
	return true;
}

/* One in work is found by the record itself; this is for one that stands at another slot with its
 * outcome, or has not been looked at. What the other has become stays, but nobody knows any more
 * which of the two that is said of. One that is away for a moment is waited for: it is in its own
 * reset, or was carried here. */
static bool refuse_twin(struct attempt *attempt, struct err *err)
{
	char place[CONFIG_NAME_MAX], port[USB_PORT_MAX];
	struct err twin;
	enum slot_stand stand;
	bool waits = false;
	while ((stand = slot_find(attempt->slot, attempt->device_id, place)) == STAND_AWAY)
		if (!clock_pause_until(clock_mono_us() + LOOK_EVERY_US, attempt_cancel(attempt)))
			return err_set(err, REASON_STOPPED, "stopped while identifying the unit");
	if (stand == STAND_NOWHERE && !find_waiting_twin(attempt, port, &waits, err))
		return false;
	if (stand == STAND_NOWHERE && !waits)
		return true;
	err_set(&twin, REASON_DUPLICATE_ID,
		"the unit that stands at %s %s has the device id %s too", waits ? "port" : "slot",
		waits ? port : place, attempt->device_id);
	if (record_unit_quarantine(attempt->record, attempt->device_id, REASON_DUPLICATE_ID,
		    twin.text, attempt->line->options.operator_name, err))
		*err = twin;
	return false;
}

/* A firmware that is too old or busy tells nothing, and one that lies is found by the other sources:
 * what goes wrong here is only logged. */
static bool ask_opened(struct attempt *attempt, struct listening *told, struct err *err)
{
	const struct cancel *cancel = attempt_cancel(attempt);
	struct usb_bus *bus = attempt->line->options.bus;
	struct usb_dev *dev = NULL;
	bool good = bus->ops->open(bus, &attempt->ident, cancel, &dev, err) &&
		    listening_ask_request(dev, ASK_MS, cancel, told, err) &&
		    (told->device_id[0] || listening_ask_line(dev, ASK_MS, cancel, told, err));
	if (dev)
		dev->ops->close(dev);
	return good;
}

bool identity_ask_running(struct attempt *attempt, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	struct listening told = { 0 };
	attempt->told_by = "usb-serial";
	device_id_from_serial(&family->identity, attempt->ident.serial, attempt->told_id);
	if (attempt->told_id[0] || !family->reentry.vendor_request)
		return true;
	if (!ask_opened(attempt, &told, err)) {
		if (err_kind(err) == ERR_CANCEL)
			return false;
		attempt_log(attempt, "asking the running unit for its id: %s", err->text);
	}
	attempt->told_by = "listening";
	memcpy(attempt->told_id, told.device_id, sizeof attempt->told_id);
	return true;
}

/* "" if another enumeration said it than the one that this one came from. */
static const char *told_id(const struct attempt *attempt)
{
	return attempt->told_arrival == attempt->ident.arrival ? attempt->told_id : "";
}

static bool first_time(
	struct attempt *attempt, const char *from_serial, const char *from_copy, struct err *err)
{
	const struct family_identity *rules = &attempt->plan->family.identity;
	const char *serial = attempt->ident.serial, *source = NULL;
	char id[LINE_DEVICE_ID] = "";
	const char *from_running = told_id(attempt), *told_by = attempt->told_by;
	if (!note_source(attempt, "usb-serial", serial, err) ||
		!note_source(attempt, told_by, from_running, err) ||
		!note_source(attempt, "dct", from_copy, err) ||
		!note_source(attempt, "scan", attempt->scanned_id, err))
		return false;
	if (!device_id_agree(id, &source, from_serial, "usb-serial", err) ||
		!device_id_agree(id, &source, from_copy, "dct", err) ||
		!device_id_agree(id, &source, from_running, told_by, err) ||
		!device_id_agree(id, &source, attempt->scanned_id, "scan", err))
		return false;
	if (!id[0] && attempt->plan->job.slot_is_enough)
		return true;
	if (!id[0])
		return err_set(err, REASON_NO_DEVICE_ID,
			"the serial \"%s\" is not a device id, and none was scanned for this slot",
			serial);
	if (!device_id_fold_agrees(rules, serial, id))
		return err_set(err, REASON_ID_DISAGREES,
			"the serial %s does not fold from the %s id %s", serial, source, id);
	slot_take_over(attempt->slot, id);
	unsigned passage = 0;
	if (!record_attempt_set_device(attempt->record, attempt->id, id, source, &passage, err))
		return false;
	snprintf(attempt->device_id, sizeof attempt->device_id, "%s", id);
	attempt->only_scanned =
		!from_serial[0] && !from_copy[0] && !device_id_is_folded(rules, serial);
	slot_claim(attempt->slot, id);
	return refuse_twin(attempt, err);
}

enum reason identity_other(const struct attempt *attempt)
{
	return attempt->only_scanned ? REASON_ID_DISAGREES : REASON_UNIT_SWAPPED;
}

bool identity_find(struct attempt *attempt, struct err *err)
{
	char from_serial[LINE_DEVICE_ID], from_copy[LINE_DEVICE_ID];
	device_id_from_serial(&attempt->plan->family.identity, attempt->ident.serial, from_serial);
	if (!device_id_read_copy(&attempt->dfu, from_copy, err))
		return false;
	if (!attempt->device_id[0])
		return first_time(attempt, from_serial, from_copy, err);
	if (!identity_may_be(attempt, &attempt->ident))
		return err_set(err, identity_other(attempt),
			"expected unit %s, its serial is \"%s\"", attempt->device_id,
			attempt->ident.serial);
	const char *from_running = told_id(attempt);
	if (from_running[0] && strcmp(from_running, attempt->device_id) != 0)
		return err_set(err, identity_other(attempt),
			"expected unit %s, its firmware says %s", attempt->device_id, from_running);
	if (from_copy[0] && strcmp(from_copy, attempt->device_id) != 0)
		return err_set(err, identity_other(attempt), "expected unit %s, the unit says %s",
			attempt->device_id, from_copy);
	if (from_copy[0] || from_serial[0])
		attempt->only_scanned = false;
	return true;
}
