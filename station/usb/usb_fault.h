/* SPDX-License-Identifier: Apache-2.0 */
/* A bus that passes everything on to another one and, by a schedule, lets transfers go wrong.
 * Transfers are counted per port from the start (or the last usb_fault_clear) on, from 0, over all
 * sessions: control, bulk and set_interface, each one. So a sweep runs a procedure once to learn its
 * number of transfers, then again for each index. */
#pragma once

#include "usb.h"

enum { USB_FAULT_RULES_MAX = 64, USB_FAULT_PORTS_MAX = USB_UNITS_MAX, USB_FAULT_ANY_REQUEST = -1,
	USB_FAULT_BULK = 256 /* as the request of a rule: bulk transfers */ };

enum usb_fault_kind {
	USB_FAULT_FAIL,	     /* the unit never sees it; it ends with the rule's reason */
	USB_FAULT_SWALLOW,   /* the unit never sees it, but it ends as if it had: data to the host are zeros */
	USB_FAULT_BREAK_OFF, /* the unit carries it out, the host does not learn that: the rule's reason */
	USB_FAULT_FLIP,	     /* carried out; the byte at offset of the data to the host is XORed with mask */
	USB_FAULT_SPOIL,     /* carried out with the byte at offset of the data to the unit XORed with mask */
	USB_FAULT_SHORT,     /* carried out; only the first offset bytes of the data to the host arrive */
	USB_FAULT_UNPLUG     /* the unit leaves the bus before it */
};

/* Applies to count transfers in a row (0 means 1) from the at-th on, among those of the port that
 * match request (bRequest of class and vendor requests and of standard ones alike; SET_INTERFACE is
 * 11). When several rules meet, the first one counts. */
struct usb_fault_rule {
	char port[USB_PORT_MAX];
	enum usb_fault_kind kind;
	int request; /* or USB_FAULT_ANY_REQUEST */
	uint64_t at, count;
	enum reason reason; /* FAIL, BREAK_OFF */
	uint16_t offset;    /* FLIP (modulo what came), SPOIL (modulo what goes), SHORT */
	uint8_t mask;	    /* FLIP, SPOIL */
};

struct usb_fault;

/* Takes inner, and closes it when it is closed itself. On failure inner stays the caller's. */
bool usb_fault_new(struct usb_bus *inner, struct usb_fault **ret, struct err *err) MUST_CHECK;
struct usb_bus *usb_fault_bus(struct usb_fault *fault);
/* Called when a rule unplugs a port, in the thread of that transfer, so that an emulated bus can
 * pull the unit and cut its power. Without it the arrival is hidden from lists from then on and the
 * unit keeps its power. */
void usb_fault_on_unplug(struct usb_fault *fault, void (*unplug)(void *context, const char *port),
	void *context);

/* Any thread. REASON_BUG when there is no room. */
bool usb_fault_add(struct usb_fault *fault, const struct usb_fault_rule *rule, struct err *err)
	MUST_CHECK;
/* Drops all rules and starts counting anew. */
void usb_fault_clear(struct usb_fault *fault);
uint64_t usb_fault_transfers(struct usb_fault *fault, const char *port);
