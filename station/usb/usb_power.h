/* SPDX-License-Identifier: Apache-2.0 */
/* The power of the socket that a unit hangs on, switched by its hub. A socket of a hub with USB 3 has
 * two ports, and both are switched. The system does it where it can; otherwise it is asked of the hub
 * by class requests.
 *
 * What a bus can show is that the hub says so and that the unit goes. A hub that cuts the data lines
 * and leaves the power on looks the same from here. */
#pragma once

#include "usb_hub.h"

enum { USB_POWER_HALVES = 2 };

struct usb_power {
	struct usb_bus *bus;
	char port[USB_PORT_MAX]; /* of the unit */
	struct usb_power_half {
		char hub[USB_PORT_MAX];
		unsigned port;
		bool by_system;
	} halves[USB_POWER_HALVES];
	unsigned count;
};

/* Looks whether the hub switches this port by itself, and asks the hub (the right to open it is
 * needed). Switches nothing. POWER_NOT_SWITCHED, and why, if it does not; USB_GONE if there is no
 * such hub; USB_ACCESS. */
bool usb_power_find(struct usb_bus *bus, const char *port, const struct cancel *cancel,
	struct usb_power *ret, struct err *err) MUST_CHECK;
/* Off, off_ms, on; on again in every case. Blocks for off_ms and some seconds at most. The unit has
 * to go or to fall silent, if it was on the bus, and the hub has to say that there is no power:
 * POWER_NOT_SWITCHED. That it comes back is not waited for. */
bool usb_power_cycle(const struct usb_power *power, uint32_t off_ms, const struct cancel *cancel,
	struct err *err) MUST_CHECK;
/* How often the port cut its power because too much was drawn. False where nobody counts. */
bool usb_power_over_currents(struct usb_bus *bus, const char *port, uint32_t *ret);
