/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual units on a real kernel: they hang on its virtual host controllers (vhci-hcd), which
 * speak USB/IP (Documentation/usb/usbip_protocol.rst in the kernel's sources) to this program over
 * a socket for each. Needs root.
 *
 * Port N, from 1, is a place of the front's own: it goes to controller (N - 1) % controllers, so
 * that many units need not wait for the one hub that takes up one after the other (0.5 s each). On
 * a machine without other USB, controller K is bus 2 K + 1; with one controller, port N is the
 * kernel's 1-N.
 *
 * Time is as on the emulated bus of the station (vbus.h): the wall clock divided by speed; at
 * speed 0 a transfer ends at once, and a unit that was left alone for a moment jumps to what
 * happens to it next. A thread for each place, which sleeps until something is due. */
#pragma once

#include "vunit.h"

enum { USBIP_PLACES_MAX = 120, USBIP_CONTROLLERS_MAX = 8 };

struct usbip;

/* REASON_INPUT if there is no such controller (is vhci-hcd loaded?). */
bool usbip_new(double speed, unsigned controllers, struct usbip **ret, struct err *err) MUST_CHECK;
void usbip_free(struct usbip *usbip); /* takes NULL; closes the units */

/* Plugs a unit in. The front owns it from then on, also when this fails. Any thread, as all that follows. */
bool usbip_plug(struct usbip *usbip, unsigned port, struct vunit *unit, bool button,
	struct err *err) MUST_CHECK;
/* Whether the kernel has it in its list, with its descriptors read. */
bool usbip_is_listed(struct usbip *usbip, unsigned port);
/* Whether a unit is plugged in, and whether its socket has power. Without, it answers nothing, and stays in the
 * kernel's list: many hubs do not say that something lost its power with its port. When power comes back it
 * starts, its button held as when it was plugged in, and is enumerated anew. */
bool usbip_is_used(struct usbip *usbip, unsigned port);
void usbip_set_power(struct usbip *usbip, unsigned port, bool on);
/* Pulls it out, also in the middle of a transfer. The unit is closed. */
void usbip_unplug(struct usbip *usbip, unsigned port);
/* The unit takes so many class requests (of DFU, of a serial line) more, and then none until a
 * negative number is set: what comes meanwhile never reaches it and is never answered. */
void usbip_freeze(struct usbip *usbip, unsigned port, long requests);
/* Whether a request has been kept from it since. */
bool usbip_is_frozen(struct usbip *usbip, unsigned port);

/* From now on the units have power as the kernel's root hubs say (usbip_power.c). To be ended before the front. */
struct usbip_power;
bool usbip_follow_power(struct usbip *usbip, struct usbip_power **ret, struct err *err) MUST_CHECK;
void usbip_power_done(struct usbip_power *power); /* takes NULL */
