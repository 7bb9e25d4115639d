/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about attached devices in /sys, without opening any. Any thread. */
#pragma once

#include "usb_hub.h"

/* One device. bus, number and inode together name one enumeration of it. */
struct usb_sysfs_device {
	char port[USB_PORT_MAX];
	unsigned bus, number;
	uint64_t inode; /* of its folder */
	uint16_t vendor_id, product_id, bcd_device;
};

/* Whether this machine has USB at all. */
bool usb_sysfs_present(void);
/* All devices but hubs, in the order of their ports, at most cap. One that comes or goes meanwhile
 * may be missing. Takes no lock of any device in the kernel, so a stuck unit does not block it.
 * REASON_USB_LOST if there is no list. */
bool usb_sysfs_scan(struct usb_sysfs_device *ret, size_t cap, size_t *ret_count, struct err *err)
	MUST_CHECK;
/* The hubs, at most cap; like usb_sysfs_scan. */
bool usb_sysfs_hubs(struct usb_hub_ident *ret, size_t cap, size_t *ret_count, struct err *err)
	MUST_CHECK;
/* One device or hub ("usb1"); false if it is not there. */
bool usb_sysfs_device(const char *port, struct usb_sysfs_device *ret);
/* What the kernel tells of a hub's port. False if there is no such port. */
bool usb_sysfs_port(const char *hub, unsigned port, struct usb_hub_port *ret);
/* Switches a port off or on where the kernel can (Linux 6.0). Blocks in the kernel; an errno, or 0. */
int usb_sysfs_switch(const char *hub, unsigned port, bool on);
/* True while the device is still this enumeration. */
bool usb_sysfs_is_same(const struct usb_sysfs_device *device);
/* The strings as the kernel read them when it enumerated the unit; printable, blanks at the end
 * cut, "" if there are none. Waits for the kernel's lock of the device: as long as an open, a claim
 * or a reset of it takes. */
void usb_sysfs_strings(const char *port, char serial[USB_TEXT_MAX], char product[USB_TEXT_MAX]);
/* The path below /sys/devices of what the bus's root hub hangs on; "" if unknown. */
void usb_sysfs_controller(unsigned bus, char ret[USB_CONTROLLER_MAX]);
