/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of the line comes back: in DFU, or running and to be sent there. */
#include <string.h>

#include "attempt.h"
#include "clock.h"
#include "hubs.h"
#include "line_private.h"
#include "reentry.h"

static bool judge_running(struct attempt *attempt, const struct usb_ident *running, struct err *err)
{
	if (identity_may_be(attempt, running))
		return true;
	return err_set(err, identity_other(attempt),
		"expected unit %s, another one with serial \"%s\" runs at port %s",
		attempt->device_id, running->serial, running->port);
}

/* --- the place of an attempt --- */

static bool may_ask(void *attempt, const struct usb_ident *running, struct err *err)
{
	return judge_running(attempt, running, err);
}

static bool nothing(void *context, struct err *err)
{
	struct attempt *attempt = context;
	return hubs_all_there(attempt->line, attempt->ident.port, err);
}

static void note(void *attempt, const char *text)
{
	attempt_log(attempt, "asking for DFU: %s", text);
}

static struct reentry place_of(struct attempt *attempt)
{
	return (struct reentry){ .bus = attempt->line->options.bus,
		.family = &attempt->plan->family,
		.port = attempt->ident.port,
		.cancel = attempt_cancel(attempt),
		.may_ask = may_ask,
		.nothing = nothing,
		.note = note,
		.context = attempt };
}

static bool await(struct attempt *attempt, uint64_t old, struct usb_id one, struct usb_id other,
	uint32_t timeout_ms, struct usb_ident *ret, struct err *err)
{
	const struct reentry place = place_of(attempt);
	return reentry_await(&place, old, one, other, timeout_ms, ret, err);
}

/* From what came back at the port to an open session with the same unit. */
static bool enter_until(
	struct attempt *attempt, struct usb_ident ident, struct deadline deadline, struct err *err)
{
	if (usb_ident_is(&ident, attempt->plan->family.cdc)) {
		const struct reentry place = place_of(attempt);
		struct usb_ident running = ident;
		if (!judge_running(attempt, &running, err) ||
			!reentry_send(&place, &running, deadline, &ident, err))
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
	if (!usb_ident_is(&ident, attempt->plan->family.cdc) && !await_return(attempt, &ident, err))
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
	if (!usb_ident_is(ident, family->cdc))
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
	const struct reentry place = place_of(attempt);
	uint64_t since_us = clock_mono_us(), arrival = 0, change = 0;
	attempt_close_session(attempt);
	for (;;) {
		struct usb_ident ident;
		bool found = false, started = !shows || arrival;
		/* Decided before the look, so that there is one after the time is over. */
		bool over = started && clock_mono_us() - since_us >= run_us;
		if (!reentry_look(&place, attempt->left_arrival, family->dfu, family->cdc, &ident,
			    &found, &change, err))
			return false;
		if (found && usb_ident_is(&ident, family->dfu) && !over)
			return err_set(err, REASON_NOT_RUN,
				"the unit at port %s is in DFU already, and its program needs %u ms",
				attempt->ident.port, (unsigned)(run_us / 1000));
		bool anew = found && shows && usb_ident_is(&ident, family->cdc) &&
			    ident.arrival != arrival;
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
