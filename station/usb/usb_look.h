/* SPDX-License-Identifier: Apache-2.0 */
/* What is attached, and what stands in the way of opening it: as the kernel tells in /sys, /dev and
 * /proc. Opens no device and sends none anything, so it disturbs no line that runs. Any thread. */
#pragma once

#include "usb.h"

enum { USB_DRIVER_MAX = 32, USB_DESCRIPTORS_MAX = 1024, USB_LOOK_STRINGS_MS = 2000 };

enum usb_node {
	USB_NODE_ALLOWED,
	USB_NODE_DENIED, /* to this user */
	USB_NODE_NONE    /* there is no /dev/bus/usb/BBB/DDD, or it cannot be looked at */
};

struct usb_look {
	char port[USB_PORT_MAX], controller[USB_CONTROLLER_MAX]; /* as in struct usb_ident */
	unsigned bus, number;
	uint16_t vendor_id, product_id, bcd_device;
	char serial[USB_TEXT_MAX], product[USB_TEXT_MAX];
	bool late; /* the kernel did not give the strings within USB_LOOK_STRINGS_MS */
	bool unconfigured; /* the kernel could not read or take a configuration */
	/* Of its first interface: the setting that is chosen now, and its string; "" none. */
	uint8_t alternate;
	char interface[USB_TEXT_MAX];
	/* The device descriptor and what follows it, as the kernel read them; 0: not readable. */
	uint8_t descriptors[USB_DESCRIPTORS_MAX];
	size_t descriptors_len;
	enum usb_node node;
	char driver[USB_DRIVER_MAX]; /* of an interface; "usbfs": a program's; "" none */
	char tty[USB_DRIVER_MAX];    /* its serial line: "ttyACM0"; "" none */
	int holder; /* a process that has it open, or its serial line; 0: none that this user can see */
	bool holds_tty;
	char holder_name[USB_DRIVER_MAX];
};

/* All devices but hubs, in the order of their ports, at most cap. Blocks for USB_LOOK_STRINGS_MS at
 * most. REASON_USB_LOST if there is no list. */
bool usb_look(struct usb_look *ret, size_t cap, size_t *ret_count, struct err *err) MUST_CHECK;
