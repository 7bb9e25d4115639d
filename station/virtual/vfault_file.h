/* SPDX-License-Identifier: Apache-2.0 */
/* A file of faults: which unit of a rehearsal has which (faults.cfg is the annotated example). */
#pragma once

#include "vfault.h"

enum { VFAULT_FILE_MAX = 512, VFAULT_SLOT_MAX = 16, VFAULT_WHERE_MAX = 200 };

struct vfault_entry {
	char slot[VFAULT_SLOT_MAX];  /* "A3" */
	char other[VFAULT_SLOT_MAX]; /* same-id: the slot whose unit has the id; otherwise "" */
	char where[VFAULT_WHERE_MAX]; /* "faults.cfg:12", for errors that are found later */
	bool made_up_id;	     /* swapped without a device_id: any other one will do */
	struct vfault fault;
};

struct vfault_file {
	struct vfault_entry entries[VFAULT_FILE_MAX];
	size_t count;
};

/* Strict: REASON_INPUT with file, line and key. Whether the places fit the units is seen by
 * vunit_set_faults. */
bool vfault_file_read(const char *path, struct vfault_file *ret, struct err *err) MUST_CHECK;
