/* SPDX-License-Identifier: Apache-2.0 */
/* A unit gets back what a backup holds of it: what DFU can write is written where it differs and read
 * back, the rest is compared. A unit that loses power in the middle is restored by doing it again.
 *
 * Written are sectors that the layout lets be erased and written and that lie in no region of the
 * profile that says it is not writable, the sectors of key slots, and record memory. So a bootloader
 * is written only where DFU writes it. Keys come last. Nothing of the bytes is told but where they
 * differ, and how many. Blocks for the transfers; one thread. */
#pragma once

#include "backup_open.h"
#include "dfu.h"
#include "record.h"

enum { RESTORE_RANGES_MAX = 1400 };

enum restore_kind {
	RESTORE_COMPARED, /* cannot be written */
	RESTORE_SECTOR,
	RESTORE_RECORD,     /* bytes of record memory */
	RESTORE_KEY_SECTOR, /* with a key slot in it */
	RESTORE_KEY_RECORD
};

/* A run of bytes that is handled as one. */
struct restore_range {
	enum restore_kind kind;
	uint8_t alt;
	uint32_t addr, len;
	const char *name;     /* of its piece */
	const uint8_t *bytes; /* as they shall be; into the backup */
	bool part;            /* of a system part: written before the unit runs, and comes back */
	bool application;     /* of what would start then, instead of the firmware alone */
	/* Bytes, by the last look; where it is only compared, without those that the unit itself writes. */
	uint32_t differs;
	uint32_t first; /* address of the first of them */
};

struct restore {
	/* given */
	struct dfu *dfu; /* open */
	const struct family *family;
	struct record *record;
	const char *attempt_id, *device_id;
	const struct backup_opened *backup;
	/* Leaves DFU, and returns when the same unit is back in DFU with the session open anew. */
	bool (*come_back)(void *context, struct err *err);
	void *context;
	/* filled in */
	struct restore_range ranges[RESTORE_RANGES_MAX];
	size_t range_count;
	size_t absent;    /* pieces of alternate settings that this unit does not show */
	size_t hidden;    /* pieces that the backup could not see */
	bool goes_away;   /* system parts differ and there is record memory */
	uint64_t written; /* bytes, in the end */
	bool key_known;   /* the backup has a usable device key */
	char key_state[RECORD_KEY_STATE]; /* that it has now; "" no usable key */
};

/* REASON_BACKUP_OF_ANOTHER unless the backup is of this unit and of its family; REASON_INPUT if it does
 * not fit the profile. Pure. */
bool restore_judge(const struct manifest *manifest, const struct family *family,
	const char *device_id, struct err *err) MUST_CHECK;
/* Fills ranges from the backup, and reads the unit to see which differ. */
bool restore_look(struct restore *restore, struct err *err) MUST_CHECK;
/* Writes what differs, and reads everything back: REASON_FLASH_BAD if what was written is not there in
 * the end. Steps of the attempt: restore-parts, restore-write, readback. */
bool restore_run(struct restore *restore, struct err *err) MUST_CHECK;

/* --- for its files and their tests --- */

/* Of restore_look: the ranges, without a look at the unit. */
bool restore_plan(struct restore *restore, struct err *err) MUST_CHECK;
/* Is this byte one that the unit itself writes? */
bool restore_is_volatile(const struct family *family, uint8_t alt, uint32_t addr);
/* What the record says of the device key in the backup: before it is written (REASON_DUPLICATE_KEY), and
 * once it stands on the unit. */
bool restore_key_judge(struct restore *restore, struct err *err) MUST_CHECK;
bool restore_key_written(struct restore *restore, struct err *err) MUST_CHECK;
