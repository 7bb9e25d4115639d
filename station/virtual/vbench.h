/* SPDX-License-Identifier: Apache-2.0 */
/* A bench of virtual units on a virtual bus: slots A1, A2..., a unit in each, kept in folder/SLOT.
 * A later bench over the same folder meets the same units again. Every unit is in DFU, as if an
 * operator had held its button, but for those with the fault no-button. */
#pragma once

#include "family.h"
#include "vbus.h"
#include "vfault_file.h"

enum { VBENCH_UNITS_MAX = 128, VBENCH_NAME_MAX = 16, VBENCH_ID = 25 };

struct vbench_place {
	char slot[VBENCH_NAME_MAX]; /* "A1" */
	char port[VBENCH_NAME_MAX]; /* "1-1" */
	char device_id[VBENCH_ID];
	bool needs_scan; /* its serial in DFU is not its id: somebody has to read its label */
};

/* Opens or makes count units (1 to VBENCH_UNITS_MAX) of a family and plugs them in. seed makes the
 * ids and contents of new ones; faults (NULL: none) are given to the units of their slots for as
 * long as the bench stands, behind those that a unit has for good: folder/SLOT/faults.cfg, a file of
 * the same kind. ret_places has room for count. *ret_vbus is closed through its usb_bus.
 * REASON_INPUT if a unit of the folder is of another family or a fault is for a slot that is not
 * there or does not fit its unit, REASON_STORE if the folder cannot be written. */
struct vbench_options {
	const char *folder;
	const struct family *profile;
	unsigned count;
	uint64_t seed;
	double speed; /* of vbus_new */
	const struct vfault_file *faults;
};
bool vbench_open(const struct vbench_options *options, struct vbench_place *ret_places,
	struct vbus **ret_vbus, struct err *err) MUST_CHECK;

/* The virtual family for a profile; false if there is none. */
bool vbench_family(const struct family *profile, enum vunit_family *ret);

/* What an earlier bench left in its folder: how many units, and the family of the first ("core"; the
 * name of an STM32's ROM is "stm32-rom", whatever hangs on it). REASON_INPUT if there is none. */
bool vbench_look(const char *folder, char *family, size_t cap, unsigned *ret_count,
	struct err *err) MUST_CHECK;
