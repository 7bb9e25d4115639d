/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between the station and a USB bus. Back ends: the real bus on libusb-1.0, and the
 * emulated bus of station/virtual. A wrapper (faults, traces) holds an inner object and forwards.
 *
 * A unit is named by the port it hangs on, which stays the same while it resets and re-enumerates;
 * each enumeration of it has another arrival number. All text and numbers in a struct usb_ident
 * come from the unit: they are bounded here and mean nothing until they are checked.
 *
 * Time: timeouts and pauses are times as the unit lives them. On the real bus that is the wall
 * clock; an emulated bus that runs faster than a real one scales them. So nobody above this line
 * sleeps on behalf of a unit by another way than the pause operation.
 *
 * Cancelling: every blocking call takes a cancel flag (NULL: none), looks at it at least every
 * CANCEL_POLL_MS and ends with REASON_STOPPED. A transfer that was cancelled or timed out may have
 * been carried out or not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cancel.h"
#include "err.h"

enum {
	USB_PORT_MAX = 40, /* "127-" and seven port numbers */
	USB_CONTROLLER_MAX = 96,
	USB_TEXT_MAX = 128, /* a string descriptor has at most 126 UTF-16 units */
	USB_UNITS_MAX = 256,
	USB_CONTROL_MAX = 4096, /* what Linux lets a control transfer carry (usbfs) */
	USB_BULK_MAX = 4096
};

/* One attached device, by value. */
struct usb_ident {
	char port[USB_PORT_MAX];	     /* "1-2.3": bus, then the ports from the root on */
	char controller[USB_CONTROLLER_MAX]; /* the controller's path that a reboot does not change; "" if unknown */
	uint64_t arrival;		     /* never used twice on a bus object */
	uint16_t vendor_id, product_id, bcd_device;
	char serial[USB_TEXT_MAX]; /* printable ASCII, trailing NULs and blanks cut; "" if none or unreadable */
	char product[USB_TEXT_MAX];
};

/* The eight bytes of a SETUP packet; wLength is the length of the data. */
struct usb_setup {
	uint8_t type; /* bmRequestType; bit 7 = to the host */
	uint8_t request;
	uint16_t value, index;
};

struct usb_dev;
struct usb_bus;
struct usb_hub_ops; /* usb_hub.h */

struct usb_dev_ops {
	/* One control transfer. len at most USB_CONTROL_MAX; *ret_len is what was moved, never more
	 * than len (a unit that sends more is USB_OVERFLOW). Blocks at most timeout_ms. Reasons:
	 * USB_STALL, USB_TIMEOUT, USB_GONE, USB_IO, USB_OVERFLOW, STOPPED. After USB_GONE only
	 * close may follow. data may hold key material: a back end wipes every copy that it
	 * makes. */
	bool (*control)(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
		uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len,
		struct err *err);
	/* One transfer on a bulk endpoint of a claimed interface; bit 7 of endpoint = to the host.
	 * len at most USB_BULK_MAX; to the host it is a multiple of the endpoint's packet size,
	 * and the transfer ends with the first packet that is not full, so who asks for one packet
	 * loses nothing to a time-out. A unit that has nothing to say answers nothing: then
	 * USB_TIMEOUT is no fault of the link. Otherwise as control. */
	bool (*bulk)(struct usb_dev *dev, uint8_t endpoint, uint8_t *data, uint16_t len,
		uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len,
		struct err *err);
	/* Takes the interface, from a kernel driver if need be. Taken interfaces are given back by
	 * close, with the kernel driver re-attached. May block in the kernel; a back end must not
	 * let that stop other units. Reasons: USB_BUSY, USB_ACCESS, USB_GONE. */
	bool (*claim)(struct usb_dev *dev, uint8_t interface, struct err *err);
	/* SET_INTERFACE through the back end, since the kernel keeps the setting too. The
	 * interface is claimed. */
	bool (*set_interface)(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
		uint32_t timeout_ms, const struct cancel *cancel, struct err *err);
	/* Lets the unit's time pass: for announced poll times. False only with STOPPED. */
	bool (*pause)(struct usb_dev *dev, uint32_t ms, const struct cancel *cancel,
		struct err *err);
	/* Never fails, also when the unit is gone. Does not reset the unit. */
	void (*close)(struct usb_dev *dev);
};

/* Belongs to one thread at a time. */
struct usb_dev {
	const struct usb_dev_ops *ops;
};

struct usb_bus_ops {
	/* What is attached now, without opening or disturbing any unit; at most cap entries, in
	 * the order of their ports. *ret_change is a number for wait. REASON_USB_LOST if the
	 * bus itself is unusable. */
	bool (*list)(struct usb_bus *bus, struct usb_ident *ret, size_t cap, size_t *ret_count,
		uint64_t *ret_change, struct err *err);
	/* Returns when something was attached or detached since the list that gave change, or
	 * after timeout_ms; the caller lists again in both cases. A back end without
	 * notifications polls. */
	bool (*wait)(struct usb_bus *bus, uint64_t change, uint32_t timeout_ms,
		const struct cancel *cancel, struct err *err);
	/* Opens exactly this arrival; USB_GONE if it has left or re-enumerated since. May block in
	 * the kernel. The caller closes. Reasons: USB_GONE, USB_ACCESS, USB_BUSY, USB_IO. */
	bool (*open)(struct usb_bus *bus, const struct usb_ident *ident,
		const struct cancel *cancel, struct usb_dev **ret, struct err *err);
	/* After all of its units are closed. */
	void (*close)(struct usb_bus *bus);
	const struct usb_hub_ops *hubs; /* NULL: nothing is known of hubs */
};

/* list, wait and open: any thread. */
struct usb_bus {
	const struct usb_bus_ops *ops;
};

/* Standard requests (USB 2.0, 9.4), in terms of control. */
/* GET_DESCRIPTOR; *ret_len is at most len. */
bool usb_get_descriptor(struct usb_dev *dev, uint8_t type, uint8_t index, uint16_t language,
	uint8_t *ret, uint16_t len, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
	MUST_CHECK;
/* String descriptor index in the unit's first language, as printable ASCII (? for anything else),
 * trailing NULs cut (not blanks: they are significant in layout strings). to has cap bytes. */
bool usb_get_string(struct usb_dev *dev, uint8_t index, char *to, size_t cap,
	const struct cancel *cancel, struct err *err) MUST_CHECK;
