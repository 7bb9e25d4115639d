/* SPDX-License-Identifier: Apache-2.0 */
/* The procedure as a table: in this order, for every family. What a plan does not
 * ask for is not wanted. */
#pragma once

#include "attempt.h"

struct step {
	const char *name;  /* in the record; stable */
	const char *words; /* for people, as in "writing the system parts" */
	bool (*wanted)(const struct attempt *attempt); /* NULL: always */
	bool (*run)(struct attempt *attempt, struct err *err);
	/* A failed try whose reason is of kind LINK is followed by another, within the job's
	 * retries, from the step of this name on (its own name, or an earlier one at whose start
	 * the memory is erased); NULL: never. A unit that vanished and came back begins with the
	 * first step of the table, whatever this says. */
	const char *retry_from;
	uint32_t deadline_s; /* 0: the step keeps the stage's */
};

struct step_table {
	const struct step *steps;
	size_t count;
	bool of_stage; /* names of steps get the number of the stage in front: "stage1-write" */
};

/* What comes before the decision whether the unit is to be touched. */
const struct step_table *step_table_identify(void);
/* What comes after it: each stage before the last, then the last one, which may be the only one. */
const struct step_table *step_table_stage(void);
const struct step_table *step_table(enum line_kind kind);
/* A unit that came back: before the stages, until it is known and allowed what is to be done. */
const struct step_table *step_table_returned(void);
/* After a failure. */
const struct step_table *step_table_put_back(void);
/* Index of a step by name; it exists. */
size_t step_index(const struct step_table *table, const char *name);

/* step_exercise.c: has it sectors that an exercise did not put back? Puts them back; a kind that only reads
 * is refused. */
bool step_exercise_left(const struct attempt *attempt);
bool step_restore_exercise(struct attempt *attempt, struct err *err);
/* step_check.c */
bool step_check(struct attempt *attempt, struct err *err);
/* The same, but for what only matters to who writes. */
bool step_inspect(struct attempt *attempt, struct err *err);
/* step_compare.c: verify, which only reads */
bool step_compare_server_key(struct attempt *attempt, struct err *err);
bool step_compare_device_key(struct attempt *attempt, struct err *err);
/* step_bootloader.c */
bool step_stage_bootloader(struct attempt *attempt, struct err *err);
bool step_reenter_staged(struct attempt *attempt, struct err *err);
bool step_bootloader(struct attempt *attempt, struct err *err);
/* Does the unit hold the plan's bootloader already, where the plan leaves alone what is right? */
bool bootloader_stands(struct attempt *attempt, bool *ret, struct err *err) MUST_CHECK;
/* Nothing waits to be put in its place when the unit boots; part of the deciding readback. */
bool bootloader_settled(struct attempt *attempt, struct err *err) MUST_CHECK;
/* step_images.c */
/* The old application goes first: under new parts or a new bootloader it might keep the
 * firmware from answering. */
bool images_erase_first(struct attempt *attempt, struct err *err) MUST_CHECK;
bool step_write_parts(struct attempt *attempt, struct err *err);
bool step_write_images(struct attempt *attempt, struct err *err);
bool step_readback(struct attempt *attempt, struct err *err);
/* Every extent of the plan, against what it shall hold. */
bool step_compare_images(struct attempt *attempt, struct err *err);
/* A stage before the last: all of its images, and what the memory holds with them. */
bool step_stage_write(struct attempt *attempt, struct err *err);
bool step_stage_readback(struct attempt *attempt, struct err *err);
/* step_stage.c: its program runs, and the unit comes back */
bool step_stage_leave(struct attempt *attempt, struct err *err);
bool step_stage_run(struct attempt *attempt, struct err *err);
bool step_stage_return(struct attempt *attempt, struct err *err);
/* step_keys.c */
bool step_server_key(struct attempt *attempt, struct err *err);
bool step_device_key(struct attempt *attempt, struct err *err);
bool step_prove_key(struct attempt *attempt, struct err *err);
/* Reads both key slots back and compares; part of the deciding readback. */
bool keys_readback(struct attempt *attempt, struct err *err) MUST_CHECK;
/* The server's alone. */
bool keys_readback_server(struct attempt *attempt, struct err *err) MUST_CHECK;
/* Reads a slot into locked memory of its size. REASON_PARTS_INVALID for what reads
 * zero without an error. */
bool keys_read_slot(struct attempt *attempt, const struct family_key_slot *slot, uint8_t *to,
	struct err *err) MUST_CHECK;
/* The other place of a record memory proves them too; nothing to do for keys in NOR.
 * After keys_readback. */
bool keys_readback_elsewhere(struct attempt *attempt, struct err *err) MUST_CHECK;
/* step_enrol.c */
bool step_enrol(struct attempt *attempt, struct err *err);
bool step_enrolled(struct attempt *attempt, struct err *err);
