/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with a virtual unit. Faults are data: the same ones on the same unit under the
 * same host do the same. They last as long as the unit is open; what they did to its memory
 * stays. */
#pragma once

#include "vunit.h"

enum vfault_kind {
	VFAULT_DEAD_CELL,    /* the bits at an address read as value whatever is erased or programmed */
	VFAULT_WEAK_CELL,    /* the bits are taken, compare well, and read as 1 from the next transfer on */
	VFAULT_KEEPS_SECTOR, /* the sector of an address is not erased, and nothing says so */
	VFAULT_LOST_WRITE,   /* a block that touches the range is acknowledged and not written */
	VFAULT_SMALL_FLASH,  /* Core: the external flash has size bytes, and addresses wrap there (F04) */
	VFAULT_SLOW_ERASE,   /* an erase takes factor times as long */
	VFAULT_STALL,	     /* a flash operation is not done, and the unit stalls */
	VFAULT_BROWN_OUT,    /* power goes in the middle of a flash operation: half of it is done */
	VFAULT_SILENT,	     /* the unit answers nothing (endless NAK) */
	VFAULT_UNPLUG,	     /* power goes at a transfer */
	VFAULT_STAYS_AWAY,   /* does not come back from a leave */
	VFAULT_PROGRAM_HANGS, /* a patch program never gets done */
	VFAULT_PROGRAM_CUT,   /* power goes when it is half done */
	VFAULT_NO_OPERATOR,   /* nobody presses the button when asked */
	VFAULT_NO_BUTTON,     /* nobody holds it when the unit is plugged in: its program runs */
	VFAULT_ABRUPT_LEAVE, /* resets at once when it is to leave: no answer to the last GET_STATUS (F16) */
	VFAULT_OTHER_LAYOUT, /* announces another memory layout */
	VFAULT_SWAPPED,	     /* from an enumeration on it is another unit */
	VFAULT_SAME_ID,	     /* has the device id of another unit */
	VFAULT_HUB_GONE,     /* the hub that it hangs on vanishes, with all that hangs there */
	VFAULT_OVER_CURRENT, /* too much is drawn at its port: the hub cuts the power */
	VFAULT_KIND_COUNT
};

enum { VFAULTS_MAX = 8, VFAULT_LAYOUT_MAX = 112 };

struct vfault {
	enum vfault_kind kind;
	uint8_t alt;
	uint8_t bits;	  /* of a cell, as a mask */
	bool value;	  /* what the cell's bits read as; true for a weak one */
	bool button;	  /* power comes back with the button held: in DFU */
	bool comes_back;  /* after back_after_ms, or (over-current) at once; otherwise it stays off the bus */
	uint32_t address; /* as the unit's layout has it */
	uint32_t size;	  /* of a range, or of the flash */
	/* From the at-th transfer, flash operation (erase or block), enumeration, leave or patch program on,
	 * counted from 1 since the faults were set; times of them, 0: for ever. A lost write counts
	 * the writes into its range. */
	uint32_t at, times;
	uint32_t factor;
	uint32_t back_after_ms;
	uint8_t device_id[12];		/* of the other unit */
	char layout[VFAULT_LAYOUT_MAX]; /* the whole string */
};

bool vunit_runs_when_plugged(const struct vunit *unit); /* VFAULT_NO_BUTTON */
/* Happens to the bus around the unit: somebody who has such a bus asks for it after a transfer, and gets each once. */
bool vfault_is_outside(enum vfault_kind kind);
bool vunit_take_outside(struct vunit *unit, struct vfault *ret);
/* "dead-cell", as in a file of faults. */
const char *vfault_name(enum vfault_kind kind);
/* Gives an open unit its faults instead of those that it had. REASON_INPUT if there are
 * more than VFAULTS_MAX or one does not fit the unit (an address that it does not have);
 * the unit is then as before. */
bool vunit_set_faults(struct vunit *unit, const struct vfault *faults, size_t count,
	struct err *err) MUST_CHECK;
