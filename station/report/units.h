/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct units of a report, of which there may be a million: what each figure needs of a unit,
 * in few bytes. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

enum {
	UNIT_JUDGED = 1,       /* has a judged attempt */
	UNIT_FIRST_GOOD = 2,   /* the first of them passed */
	UNIT_FIRST_STRICT = 4, /* without a retry */
	UNIT_PASSED = 8,       /* reached PASS */
	UNIT_LAST_PASS = 16,   /* the latest judged outcome is PASS */
	UNIT_LAST_GOOD = 32,   /* PASS or HELD */
	UNIT_STARTED = 64,
	UNIT_RETURNED = 128
};

struct units {
	struct unit *slots; /* open addressing; a power of two */
	size_t room, count;
};

struct unit_facts {
	uint8_t flags, outcome; /* enum outcome: how it stands */
};

/* The facts of a unit, made with none if it is new; device_id has 24 hex digits, others are
 * hashed into the same space. NULL without memory. Valid until the next call. */
struct unit_facts *units_of(struct units *units, const char *device_id);

/* All units counted in one pass. */
struct units_census {
	int64_t flags[8];                /* by the number of the bit */
	int64_t outcomes[OUTCOME_COUNT]; /* of those with UNIT_STARTED */
};
void units_count(const struct units *units, struct units_census *ret);
int64_t units_with(const struct units_census *census, uint8_t flag); /* one of the flags above */
void units_done(struct units *units);
