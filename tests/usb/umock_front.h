/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual units behind an emulated kernel interface: a umockdev testbed with their /sys entries and
 * device nodes, whose ioctls are answered by the units. So libusb, and whatever program uses it,
 * talks to them unchanged. The process must run under the preload library (umock_preload), and so
 * must the programs that are to see the units.
 *
 * Time is as on the emulated bus of the station (vbus.h): the wall clock divided by speed; at speed
 * 0 a transfer ends at once, and a unit that was left alone for a moment jumps to what happens to
 * it next.
 *
 * Limits (measured on umockdev 0.17): 50 open emulated files for each process; about 0.5 ms for a
 * transfer; a node is a plain file, always ready to be polled, so libusb's event thread spins while
 * a unit is open; one thread answers all. */
#pragma once

#include "vunit.h"

enum { UMOCK_PORTS_MAX = 48, UMOCK_TEXT_MAX = 128 };

struct umock;

/* Starts this program anew under the preload library if it does not run under it. Does not return
 * then. First thing in main. False if that cannot be done. */
bool umock_preload(char **argv);

bool umock_new(double speed, struct umock **ret, struct err *err) MUST_CHECK;
void umock_free(struct umock *umock); /* takes NULL; closes the units */

/* Plugs a unit into port 1-N, N from 1 to UMOCK_PORTS_MAX. The front owns the unit from then on,
 * also when this fails. Any thread, as all that follows. */
bool umock_plug(struct umock *umock, unsigned port, struct vunit *unit, bool button,
	struct err *err) MUST_CHECK;
/* Pulls it out, also in the middle of a transfer. The unit is closed. */
void umock_unplug(struct umock *umock, unsigned port);
/* The unit's number on the bus; 0 if it is not there. */
unsigned umock_number(struct umock *umock, unsigned port);
/* Whether programs are told of arrivals and departures (they are, at first), or have to look. */
void umock_notify(struct umock *umock, bool on);
/* From now on, opening a unit of this port does not return in the kernel; released again by
 * false. */
void umock_hold(struct umock *umock, unsigned port, bool on);
/* From now on, a transfer to the unit of this port is not answered. */
void umock_silence(struct umock *umock, unsigned port, bool on);
/* The unit of this port takes so many DFU requests more, and then none until a negative number is
 * set: what comes meanwhile never reaches it and is never answered. So a host can be stopped, or
 * killed, between any two of its requests, and the unit stays as it was left. By the negative
 * number, programs that had opened the unit have ended (umockdev 0.17 does not notice all that are
 * killed), and what they held is free. */
void umock_freeze(struct umock *umock, unsigned port, long requests);
/* Whether a request has been kept from it since. */
bool umock_is_frozen(struct umock *umock, unsigned port);
/* The state byte of its bootloader (GETSTATE, which changes nothing); 0xff if it has none to tell. */
uint8_t umock_state(struct umock *umock, unsigned port);
/* How often the kernel's own driver was taken off and put back at this port since it was
 * plugged. */
void umock_driver_moves(struct umock *umock, unsigned port, unsigned *ret_off, unsigned *ret_on);
