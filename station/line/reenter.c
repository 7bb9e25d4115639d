/* SPDX-License-Identifier: Apache-2.0 */
/* The way back into DFU: a unit whose program runs shows a CDC identity at the same port; opened at
 * 14400 baud, or asked by a control request, it resets into DFU (docs/devices.md). */
#include <string.h>

#include "attempt.h"
#include "bytes.h"
#include "clock.h"
#include "hubs.h"
#include "line_private.h"

enum {
	CDC_INTERFACE = 0,
	CDC_SET_LINE_CODING = 0x20, /* USB CDC PSTN 1.2, 6.3.10 */
	CDC_LINE_CODING_LEN = 7,
	REQUEST_INIT = 1, /* device-os system control requests */
	REQUEST_REPLY_MAX = 64
};

static bool is(const struct usb_ident *ident, struct usb_id id)
{
	return ident->vendor_id == id.vendor_id && ident->product_id == id.product_id &&
	       id.vendor_id != 0;
}

/* One look at the bus: does the port show one of the two identities (either may be 0:0) as an arrival
 * other than old? */
static bool look(struct attempt *attempt, uint64_t old, struct usb_id one, struct usb_id other,
	struct usb_ident *ret, bool *ret_found, uint64_t *ret_change, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct usb_ident idents[USB_UNITS_MAX];
	size_t count = 0;
	*ret_found = false;
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count, ret_change, err))
		return false;
	for (size_t i = 0; i < count && !*ret_found; i++) {
		*ret_found = strcmp(idents[i].port, attempt->ident.port) == 0 &&
			     idents[i].arrival != old &&
			     (is(&idents[i], one) || is(&idents[i], other));
		if (*ret_found)
			*ret = idents[i];
	}
	return *ret_found || hubs_all_there(attempt->line, attempt->ident.port, err);
}

/* Waits until a look finds something. Every pass lists the bus, so a lost notification costs time,
 * never the unit. */
static bool await(struct attempt *attempt, uint64_t old, struct usb_id one, struct usb_id other,
	uint32_t timeout_ms, struct usb_ident *ret, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct deadline deadline = deadline_in_ms(timeout_ms);
	for (;;) {
		bool found = false;
		uint64_t change = 0;
		if (!look(attempt, old, one, other, ret, &found, &change, err))
			return false;
		if (found)
			return true;
		if (deadline_passed(deadline))
			return err_set(err, REASON_NO_RETURN, "nothing at port %s within %u ms",
				attempt->ident.port, timeout_ms);
		if (!bus->ops->wait(
			    bus, change, deadline_left_ms(deadline), attempt_cancel(attempt), err))
			return false;
	}
}

static bool set_line_coding(struct usb_dev *dev, uint32_t baud, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	uint8_t coding[CDC_LINE_CODING_LEN] = { 0, 0, 0, 0, 0, 0,
		8 }; /* 1 stop bit, no parity, 8 data bits */
	struct usb_setup setup = {
		.type = 0x21, .request = CDC_SET_LINE_CODING, .index = CDC_INTERFACE
	};
	uint16_t moved = 0;
	bytes_put_le32(coding, baud);
	return dev->ops->control(
		dev, setup, coding, sizeof coding, timeout_ms, cancel, &moved, err);
}

/* The request is carried out a second after its INIT was answered. */
static bool vendor_request(struct usb_dev *dev, uint16_t type, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	uint8_t reply[REQUEST_REPLY_MAX];
	struct usb_setup setup = {
		.type = 0xc0, .request = REQUEST_INIT, .value = 0, .index = type
	};
	uint16_t moved = 0;
	return dev->ops->control(dev, setup, reply, sizeof reply, timeout_ms, cancel, &moved, err);
}

/* Asks the running program for DFU. The unit may be gone before it has answered: whether it worked
 * is seen by what arrives next, so a failed request is only logged. */
static bool ask_for_dfu(struct attempt *attempt, const struct usb_ident *running,
	bool by_line_coding, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	struct usb_bus *bus = attempt->line->options.bus;
	const struct cancel *cancel = attempt_cancel(attempt);
	struct usb_dev *dev = NULL;
	bool good = bus->ops->open(bus, running, cancel, &dev, err);
	if (good && by_line_coding)
		good = dev->ops->claim(dev, CDC_INTERFACE, err) &&
		       set_line_coding(dev, family->reentry.line_coding_baud,
			       family->transfer_timeout_ms, cancel, err);
	else if (good)
		good = vendor_request(dev, family->reentry.vendor_request_type,
			family->transfer_timeout_ms, cancel, err);
	if (dev)
		dev->ops->close(dev);
	if (good || err_kind(err) == ERR_CANCEL)
		return good;
	attempt_log(attempt, "asking for DFU: %s", err->text);
	return true;
}

static bool judge_running(struct attempt *attempt, const struct usb_ident *running, struct err *err)
{
	if (identity_may_be(attempt, running))
		return true;
	return err_set(err, identity_other(attempt),
		"expected unit %s, another one with serial \"%s\" runs at port %s",
		attempt->device_id, running->serial, running->port);
}

/* From the running identity to the DFU identity, by the family's ways in turn. */
static bool send_into_dfu(struct attempt *attempt, const struct usb_ident *running,
	struct deadline deadline, struct usb_ident *ret, struct err *err)
{
	const struct family_reentry *reentry = &attempt->plan->family.reentry;
	const struct usb_id dfu = attempt->plan->family.dfu, cdc = attempt->plan->family.cdc;
	struct usb_ident now = *running;
	bool by_line_coding = reentry->line_coding;
	if (!reentry->line_coding && !reentry->vendor_request)
		return err_set(err, REASON_NO_RETURN,
			"the unit's program runs, and its family has no way back into DFU");
	for (;;) {
		uint32_t left_ms = deadline_left_ms(deadline);
		uint32_t wait_ms =
			left_ms < reentry->ask_again_ms ? left_ms : reentry->ask_again_ms;
		if (!ask_for_dfu(attempt, &now, by_line_coding, err))
			return false;
		/* It may have restarted its program meanwhile: then that one is asked. */
		struct usb_ident next;
		if (await(attempt, now.arrival, dfu, cdc, wait_ms, &next, err)) {
			if (is(&next, dfu)) {
				*ret = next;
				return true;
			}
			if (!judge_running(attempt, &next, err))
				return false;
			now = next;
		} else if (err->reason != REASON_NO_RETURN || deadline_passed(deadline)) {
			return false;
		}
		if (reentry->line_coding && reentry->vendor_request)
			by_line_coding = !by_line_coding;
	}
}

/* From what came back at the port to an open session with the same unit. */
static bool enter_until(
	struct attempt *attempt, struct usb_ident ident, struct deadline deadline, struct err *err)
{
	if (is(&ident, attempt->plan->family.cdc)) {
		struct usb_ident running = ident;
		if (!judge_running(attempt, &running, err) ||
			!send_into_dfu(attempt, &running, deadline, &ident, err))
			return false;
	}
	attempt->ident = ident;
	if (!attempt_open_session(attempt, err))
		return false;
	return !attempt->device_id[0] || identity_find(attempt, err);
}

static bool enter(struct attempt *attempt, struct usb_ident ident, struct err *err)
{
	return enter_until(
		attempt, ident, deadline_in_ms(attempt->plan->family.reentry.dfu_timeout_ms), err);
}

/* Waits for the unit after it was sent away. In a further try it may be back in DFU already: that
 * it could not be opened then does not make it leave. */
static bool await_return(struct attempt *attempt, struct usb_ident *ret, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	return await(attempt, attempt->left_arrival, family->dfu, family->cdc,
		family->reentry.boot_timeout_ms, ret, err);
}

bool reenter_dfu(struct attempt *attempt, struct err *err)
{
	struct usb_ident ident = attempt->ident;
	attempt_close_session(attempt);
	if (!is(&ident, attempt->plan->family.cdc) && !await_return(attempt, &ident, err))
		return false;
	return enter(attempt, ident, err);
}

/* A firmware that applies a staged bootloader resets afterwards: asked for DFU before, it might go
 * there with its work undone. */
static bool let_settle(
	struct attempt *attempt, struct usb_ident *ident, uint32_t settle_ms, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	struct usb_ident next;
	if (!is(ident, family->cdc))
		return true;
	if (!judge_running(attempt, ident, err))
		return false;
	if (await(attempt, ident->arrival, family->dfu, family->cdc, settle_ms, &next, err)) {
		*ident = next;
		return true;
	}
	/* It may be away in the middle of its reset. */
	return err->reason == REASON_NO_RETURN && await_return(attempt, ident, err);
}

bool reenter_staged(struct attempt *attempt, uint32_t settle_ms, struct err *err)
{
	struct usb_ident ident;
	attempt_close_session(attempt);
	return await_return(attempt, &ident, err) && let_settle(attempt, &ident, settle_ms, err) &&
	       enter(attempt, ident, err);
}

bool reenter_from(struct attempt *attempt, const struct usb_ident *back, struct err *err)
{
	struct usb_ident ident = *back;
	const struct plan_region *staged = attempt->plan->staged;
	attempt->left_arrival = attempt->ident.arrival;
	if (attempt->bootloader_waits &&
		!let_settle(attempt, &ident, staged->region->staged.settle_ms, err))
		return false;
	return enter(attempt, ident, err);
}

static uint32_t ms_left(uint64_t until_us, struct deadline deadline)
{
	uint64_t now = clock_mono_us(), left_ms = until_us > now ? (until_us - now) / 1000 + 1 : 0;
	uint32_t limit_ms = deadline_left_ms(deadline);
	return left_ms < limit_ms ? (uint32_t)left_ms : limit_ms;
}

bool reenter_let_run(struct attempt *attempt, bool shows, uint64_t run_us, struct deadline deadline,
	struct err *err)
{
	const struct family *family = &attempt->plan->family;
	struct usb_bus *bus = attempt->line->options.bus;
	uint64_t since_us = clock_mono_us(), arrival = 0, change = 0;
	attempt_close_session(attempt);
	for (;;) {
		struct usb_ident ident;
		bool found = false, started = !shows || arrival;
		/* Decided before the look, so that there is one after the time is over. */
		bool over = started && clock_mono_us() - since_us >= run_us;
		if (!look(attempt, attempt->left_arrival, family->dfu, family->cdc, &ident, &found,
			    &change, err))
			return false;
		if (found && is(&ident, family->dfu) && !over)
			return err_set(err, REASON_NOT_RUN,
				"the unit at port %s is in DFU already, and its program needs %u ms",
				attempt->ident.port, (unsigned)(run_us / 1000));
		bool anew = found && shows && is(&ident, family->cdc) && ident.arrival != arrival;
		if (over && !anew)
			return true;
		if (deadline_passed(deadline))
			return err_set(err, REASON_NO_RETURN,
				"no running identity at port %s long enough for its program",
				attempt->ident.port);
		/* A program that was started once more has its time once more. */
		if (anew) {
			arrival = ident.arrival;
			since_us = clock_mono_us();
			continue;
		}
		uint32_t wait_ms =
			started ? ms_left(since_us + run_us, deadline) : deadline_left_ms(deadline);
		if (!bus->ops->wait(bus, change, wait_ms, attempt_cancel(attempt), err))
			return false;
	}
}

bool reenter_from_stage(
	struct attempt *attempt, bool touch, struct deadline deadline, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	const struct usb_id none = { 0, 0 };
	struct usb_ident ident;
	attempt_close_session(attempt);
	return await(attempt, attempt->left_arrival, family->dfu, touch ? family->cdc : none,
		       deadline_left_ms(deadline), &ident, err) &&
	       enter_until(attempt, ident, deadline, err);
}

bool reenter_await_gone(struct attempt *attempt, uint32_t timeout_ms, struct err *err)
{
	struct usb_bus *bus = attempt->line->options.bus;
	struct deadline deadline = deadline_in_ms(timeout_ms);
	while (!deadline_passed(deadline)) {
		struct usb_ident idents[USB_UNITS_MAX];
		size_t count = 0;
		uint64_t change = 0;
		bool there = false;
		if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count, &change, err))
			return false;
		for (size_t i = 0; i < count; i++)
			there = there || idents[i].arrival == attempt->ident.arrival;
		if (!there)
			return true;
		if (!bus->ops->wait(
			    bus, change, deadline_left_ms(deadline), attempt_cancel(attempt), err))
			return false;
	}
	return true;
}

bool reenter_await_runs(struct attempt *attempt, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	const struct usb_id none = { 0, 0 };
	struct usb_ident ident;
	if (!await(attempt, attempt->ident.arrival, family->cdc, none,
		    family->reentry.boot_timeout_ms, &ident, err)) {
		if (err->reason != REASON_NO_RETURN)
			return false;
		return err_set(err, REASON_NO_SIGN_OF_LIFE,
			"no running identity at port %s within %u ms", attempt->ident.port,
			family->reentry.boot_timeout_ms);
	}
	return judge_running(attempt, &ident, err);
}
