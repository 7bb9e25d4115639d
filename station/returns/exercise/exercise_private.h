/* SPDX-License-Identifier: Apache-2.0 */
/* One sector at work, for the files of an exercise. All of it blocks for the transfers; errors as in
 * exercise.h. */
#pragma once

#include "exercise.h"
#include "exercise_journal.h"
#include "exercise_pattern.h"

enum { EXERCISE_STATE_MAX = FS_PATH_MAX };

/* Buffers of the largest sector. */
struct exercise_bench {
	const struct exercise_unit *unit;
	char state[EXERCISE_STATE_MAX];
	uint32_t seed;
	uint8_t *pattern, *found;
	struct exercise_entry entry; /* of the sector in work: its old contents */
	char name[EXERCISE_NAME];    /* of its journal */
	bool blank;                  /* it is known to be erased */
	unsigned again;        /* operations that were tried again after a failure of the link */
	unsigned not_restored; /* sectors */
};
bool exercise_bench_open(struct exercise_bench *bench, const struct exercise_unit *unit,
	uint32_t size_max, struct err *err) MUST_CHECK;
void exercise_bench_close(struct exercise_bench *bench);

/* Reads a sector twice, and makes its old contents durable. A defect if the two readings differ;
 * nothing is changed then, and there is nothing to put back. */
bool exercise_take(struct exercise_bench *bench, const struct exercise_sector *sector,
	struct exercise_defect *ret, struct err *err) MUST_CHECK;
/* Erases it if need be, and looks that it is; then writes the bytes (NULL: none) and reads them back. What
 * fails on the link is tried once more. */
bool exercise_stage(struct exercise_bench *bench, const uint8_t *bytes, struct exercise_defect *ret,
	struct err *err) MUST_CHECK;
/* Puts the sector of bench->entry back, in a few tries, and its journal away. What it does not take
 * is a finding, and the journal is set aside. */
bool exercise_put_back(
	struct exercise_bench *bench, struct findings *findings, struct err *err) MUST_CHECK;

/* exercise_size.c: the size of a memory by reading alone, then by a mark; what it has at least goes to
 * *ret_bytes, and only there is anything to be tested. */
bool exercise_size(struct exercise_bench *bench, const struct exercise_plan *plan, uint8_t alt,
	struct findings *findings, uint32_t *ret_bytes, struct err *err) MUST_CHECK;
