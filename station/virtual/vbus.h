/* SPDX-License-Identifier: Apache-2.0 */
/* An emulated bus in the process: a usb.h back end with virtual units on named ports. It keeps each
 * unit's clock: the wall clock divided by speed (1: the device's real timing; 0.1: ten times
 * faster; 0: instant, then a unit's clock jumps over everything that it would wait for). A transfer
 * ends at an absolute moment, so that the lateness of one wake-up is not added to the next. A unit
 * whose transfer would take longer than the time-out, in the unit's time, is a time-out. */
#pragma once

#include "usb.h"
#include "vunit.h"

struct vbus;

/* speed >= 0. */
bool vbus_new(double speed, struct vbus **ret, struct err *err) MUST_CHECK;
/* The contract of usb.h. Its close operation frees the vbus and closes its units. */
struct usb_bus *vbus_bus(struct vbus *vbus);

/* Plugs a unit into a port with the button held (it comes up in DFU) or not. The vbus owns the unit
 * from then on, also when this fails. Any thread. */
bool vbus_plug(struct vbus *vbus, const char *port, struct vunit *unit, bool button,
	struct err *err) MUST_CHECK;
/* What the unit of a port did since its power came on. False if the port is empty. */
bool vbus_work(struct vbus *vbus, const char *port, struct vunit_work *ret);
/* Pulls it out, also in the middle of a transfer; power goes. The unit is closed. */
void vbus_unplug(struct vbus *vbus, const char *port);
