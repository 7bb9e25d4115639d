/* SPDX-License-Identifier: Apache-2.0 */
/* The real bus: the contract of usb.h on libusb-1.0 and the kernel's own lists.
 *
 * What is attached is read from /sys, which opens and disturbs no unit, at each notification of the
 * kernel and every USB_LIBUSB_POLL_MS in any case: a notification may be missing (containers, no
 * udevd), and libusb's own list then stands still while it claims the hotplug capability. Hubs are
 * not listed. An arrival is a device number together with the inode of the unit's folder in /sys;
 * the kernel uses neither twice in a row.
 *
 * A unit is opened by its node under /dev/bus/usb, which is then given to libusb. One thread
 * handles the events of all units; a transfer is submitted, and its caller waits with a deadline
 * and the cancel flag. Whatever can block in the kernel (open, claim, SET_INTERFACE, cancelling,
 * closing) runs on a thread of its own: if one does not return, its unit fails with USB_TIMEOUT
 * ("the kernel holds the unit") until it does, and nothing else waits for it.
 *
 * The transfer buffer of a unit is locked memory and is wiped after each transfer. */
#pragma once

#include "usb.h"

enum { USB_LIBUSB_POLL_MS = 250 };

/* REASON_USB_LOST if this machine has no USB or libusb cannot be started. The caller closes it by
 * its close operation. After that, threads that the kernel still holds end by themselves. */
bool usb_libusb_open(struct usb_bus **ret, struct err *err) MUST_CHECK;
