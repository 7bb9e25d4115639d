/* SPDX-License-Identifier: Apache-2.0 */
/* The way back into DFU: a unit whose program runs shows a CDC identity at the same port; opened at
 * 14400 baud, or asked by a control request, it resets into DFU (docs/devices.md). Errors and threads
 * as in usb.h. */
#pragma once

#include "clock.h"
#include "family.h"
#include "usb.h"

/* A place at which something is awaited. */
struct reentry {
	struct usb_bus *bus;
	const struct family *family;
	const char *port;
	const struct cancel *cancel;
	/* Each may be NULL. May this running unit be asked for DFU? */
	bool (*may_ask)(void *context, const struct usb_ident *running, struct err *err);
	/* Nothing is at the port: false if nothing can be, any more. */
	bool (*nothing)(void *context, struct err *err);
	/* Something that is not worth more than a line in a log. */
	void (*note)(void *context, const char *text);
	void *context;
};

static inline bool usb_ident_is(const struct usb_ident *ident, struct usb_id id)
{
	return id.vendor_id && ident->vendor_id == id.vendor_id &&
	       ident->product_id == id.product_id;
}

/* One look at the bus: does the port show one of the two identities (either may be 0:0) as an arrival
 * other than old? *ret_change is for the bus's wait. */
bool reentry_look(const struct reentry *place, uint64_t old, struct usb_id one, struct usb_id other,
	struct usb_ident *ret, bool *ret_found, uint64_t *ret_change, struct err *err) MUST_CHECK;
/* Waits until a look finds something; REASON_NO_RETURN. */
bool reentry_await(const struct reentry *place, uint64_t old, struct usb_id one,
	struct usb_id other, uint32_t timeout_ms, struct usb_ident *ret,
	struct err *err) MUST_CHECK;
/* From the running identity to the one in DFU, by the family's ways in turn. REASON_NO_RETURN if it has
 * none, or none of them worked. */
bool reentry_send(const struct reentry *place, const struct usb_ident *running,
	struct deadline deadline, struct usb_ident *ret, struct err *err) MUST_CHECK;
