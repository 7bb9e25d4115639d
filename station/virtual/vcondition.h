/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual units as they come back from their owners: what was found on real ones, named as in
 * docs/returns.md. A condition changes the memory that the unit has in its folder; nobody else has it
 * open. "F02,F03:0x60000+claimed,-": the first unit is in condition F02, the second in two at once,
 * the third in none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum vcondition_kind {
	VCONDITION_OTHER_KEY,    /* F02: a device key that nobody enrolled */
	VCONDITION_DAMAGED,      /* F03:ADDRESS: 16 bytes there are not what they were */
	VCONDITION_FACTORY,      /* F06: the same in the factory image */
	VCONDITION_NO_SERVER,    /* F09: no server key */
	VCONDITION_WRONG_SERVER, /* F09:wrong: another one */
	VCONDITION_OTHER_FAMILY, /* F17: a whole application of another platform */
	VCONDITION_BLANK,        /* F19: nothing but its bootloader */
	VCONDITION_PARTS_INVALID, /* parts: a byte of the system parts is wrong (Photon and like it) */
	VCONDITION_CLAIMED,       /* claimed: an owner's claim, application data and credentials */
	VCONDITIONS
};

enum { VCONDITION_UNITS_MAX = 128, VCONDITION_EACH_MAX = 4 };

struct vcondition {
	enum vcondition_kind kind;
	uint32_t addr; /* VCONDITION_DAMAGED */
};

struct vconditions {
	struct vcondition units[VCONDITION_UNITS_MAX][VCONDITION_EACH_MAX];
	size_t each[VCONDITION_UNITS_MAX], count;
};

/* REASON_INPUT for what is no such list. */
bool vcondition_parse(const char *text, struct vconditions *ret, struct err *err) MUST_CHECK;
/* Puts the unit of a folder into a condition. REASON_INPUT if it cannot be in that. */
bool vcondition_apply(
	const char *folder, const struct vcondition *condition, struct err *err) MUST_CHECK;
