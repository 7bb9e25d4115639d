/* SPDX-License-Identifier: Apache-2.0 */
/* An emulated bus in the process: a usb.h back end with virtual units on named ports. It keeps each
 * unit's clock: the wall clock divided by speed (1: the device's real timing; 0.1: ten times
 * faster; 0: instant, then a unit's clock jumps over everything that it would wait for). A transfer
 * ends at an absolute moment, so that the lateness of one wake-up is not added to the next. A unit
 * whose transfer would take longer than the time-out, in the unit's time, is a time-out. */
#pragma once

#include "usb_hub.h"
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
/* The operator presses the button of the unit in a port, if there is one. Any thread. */
void vbus_button(struct vbus *vbus, const char *port);
/* What the unit of a port did since its power came on. False if the port is empty. */
bool vbus_work(struct vbus *vbus, const char *port, struct vunit_work *ret);
/* Pulls it out, also in the middle of a transfer; power goes. The unit is closed. */
void vbus_unplug(struct vbus *vbus, const char *port);

/* --- hubs ---
 * A port below a hub that was never named here hangs on one that is always there and switches nothing.
 */

enum vhub_kind {
	VHUB_EACH,   /* switches each port */
	VHUB_SYSTEM, /* the same, and the system does it */
	VHUB_GANGED, /* all at once */
	VHUB_NONE,   /* not at all, and says so */
	VHUB_LIES,   /* says that it switches each port, and the power stays */
	VHUB_KEEPS,  /* takes the request to switch, and the port says that it has power as before */
	VHUB_DEAF    /* answers no request */
};
enum { VHUBS_MAX = 32, VHUB_PORTS_MAX = 15 };

/* Names the hub at port ("1-2"), with up to VHUB_PORTS_MAX ports. Any thread. */
bool vbus_hub(struct vbus *vbus, const char *port, unsigned ports, enum vhub_kind kind,
	struct err *err) MUST_CHECK;
/* The other speed's half of the same hub: a socket has power as long as one half gives it. */
void vbus_hub_peer(struct vbus *vbus, const char *port, const char *peer);
/* The hub goes, and all power behind it; or comes back. */
void vbus_hub_unplug(struct vbus *vbus, const char *port);
void vbus_hub_plug(struct vbus *vbus, const char *port);
/* All that have gone come back. */
void vbus_hubs_plug(struct vbus *vbus);
/* Too much is drawn at a port: its hub counts it, and cuts the power until it is switched on again,
 * or, with recovers, for a moment. */
void vbus_over_current(struct vbus *vbus, const char *port, bool recovers);
/* Is the button of the unit at the port held when its power comes back? */
void vbus_hold_button(struct vbus *vbus, const char *port, bool held);
