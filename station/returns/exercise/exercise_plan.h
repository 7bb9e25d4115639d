/* SPDX-License-Identifier: Apache-2.0 */
/* Which sectors an exercise writes to. Pure: from the family's profile, the job or what the unit left
 * with, and what a diagnosis found. Never one under a region that DFU does not write or that is a
 * system part (units start what looks like one, whole or not), under a key slot, or in a range that
 * the unit itself writes; and none that no region names. Any thread. */
#pragma once

#include "plan.h"

enum {
	EXERCISE_SECTORS_MAX = 2048,
	EXERCISE_LEFT_MAX = 64,
	EXERCISE_CYCLES = 3,
	EXERCISE_MARK_CYCLES = 3
};

struct exercise_range {
	uint32_t addr, len;
};

/* What it is chosen by. Arrays are as the family's regions. */
struct exercise_wishes {
	const struct family *family;
	const struct plan *plan; /* what it leaves unused; NULL: no job was given */
	/* Without a job: the images that the unit left with, if our record knows that. Regions of raw bytes
	 * are in use as a whole otherwise, and others where a module stands. */
	bool known;
	struct {
		uint8_t alt;
		struct exercise_range range;
	} left[EXERCISE_LEFT_MAX];
	size_t left_count;
	bool has_module[FAMILY_REGIONS_MAX];
	/* Tested although something stands there: a finding calls its flash in question. */
	bool suspect[FAMILY_REGIONS_MAX];
	/* Not now: something waits there that the unit's firmware is going to take. */
	bool waits[FAMILY_REGIONS_MAX];
	bool missing[FAMILY_ALTS_MAX]; /* as the family's alts: the unit does not show this one */
	const char *regions;           /* "ota,spi-user": only these; NULL: all */
	const struct exercise_range *range; /* exactly the sectors of this one, used or not; NULL */
};

struct exercise_sector {
	uint8_t alt;
	uint32_t addr, size;
	const struct family_region *region; /* that names it; the smallest, if several do */
};

struct exercise_plan {
	struct exercise_sector sectors[EXERCISE_SECTORS_MAX]; /* by alt and address */
	size_t count;
	uint64_t bytes, time_ms; /* time_ms: about; 0 where the profile tells no times */
};

/* "0x60000+0x20000". REASON_INPUT. */
bool exercise_range_parse(const char *text, struct exercise_range *ret, struct err *err) MUST_CHECK;
/* REASON_INPUT for a region that the family does not have, for a range with a sector that is never
 * exercised, saying why, and if nothing is left to test. */
bool exercise_choose(const struct exercise_wishes *wishes, struct exercise_plan *ret,
	struct err *err) MUST_CHECK;
/* Every sector of an alternate setting that may be exercised at all, also those in use. REASON_INPUT if
 * there are too many. */
bool exercise_choose_all(const struct family *family, uint8_t alt, struct exercise_plan *ret,
	struct err *err) MUST_CHECK;
/* Why this range is never exercised; NULL: it may be. */
const char *exercise_protection(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t size);
/* About how long it takes. */
uint64_t exercise_time_ms(const struct family *family, const struct exercise_sector *sector);

/* --- the size of a memory whose addresses may wrap --- */

/* An alternate setting's memory from its first address on. Sizes in question are powers of two from
 * bound (which it has at least) up to, and without, len. */
struct exercise_memory {
	const struct family *family;
	uint8_t alt;
	uint32_t base, len, bound;
};
/* len 0 if its layout has gaps: then nobody can say where addresses would wrap. */
struct exercise_memory exercise_memory(const struct family *family, uint8_t alt);
/* The sector of the plan where a mark shows the size. If the memory is smaller than it says, the mark
 * falls on another sector: on none, for every size in question, but itself or one that holds no key;
 * the one that falls on the fewest is chosen. NULL: there is none. */
const struct exercise_sector *exercise_mark_sector(
	const struct exercise_plan *plan, const struct exercise_memory *memory);
/* Where a sector falls with this size. */
uint32_t exercise_fold(const struct exercise_memory *memory, uint32_t addr, uint32_t size);
