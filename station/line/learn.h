/* SPDX-License-Identifier: Apache-2.0 */
/* Names the slots of a station by plugging in one unit after the other: each port where one shows
 * up becomes the next slot. Pure; one thread. */
#pragma once

#include "config.h"
#include "usb.h"

struct learner {
	struct config_slot slots[CONFIG_SLOTS_MAX];
	size_t slot_count;
	const char *names;                         /* "L1,L2,R1"; NULL: prefix and a number */
	const char *prefix;                        /* "A": A1, A2... */
	char present[USB_UNITS_MAX][USB_PORT_MAX]; /* where units were at the last look */
	size_t present_count;
};

enum learned {
	LEARNED_NOTHING,
	LEARNED_SLOT,    /* *ret_slot is new */
	LEARNED_KNOWN,   /* a unit showed up at *ret_slot, which has its name already */
	LEARNED_SEVERAL, /* several at once: none was named, since nobody knows which was first */
	LEARNED_FULL     /* a unit showed up, and there is no name or no room left */
};

/* Names must do as slots of a config, each once. slots: those that stay. REASON_INPUT. names and
 * prefix stay the caller's. */
bool learner_begin(struct learner *learner, const char *names, const char *prefix,
	const struct config_slot *slots, size_t count, struct err *err) MUST_CHECK;
/* What hangs on the bus now; only units. The first look names nothing: nobody knows in which order
 * they came. *ret_slot points into the learner. */
enum learned learner_look(struct learner *learner, const struct usb_ident *units, size_t count,
	const struct config_slot **ret_slot);
/* The name that the next one gets; false if there is none. */
bool learner_next_name(const struct learner *learner, char ret[CONFIG_NAME_MAX]);
