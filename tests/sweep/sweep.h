/* SPDX-License-Identifier: Apache-2.0 */
/* What the sweeps share: one unit after the other through the same procedure, with the same thing going wrong a little
 * later each time. A sweep tells all that it finds, up to a bound, before it fails. */
#pragma once

#include "line_fixture.h"

enum { SWEEP_AT_ONCE = 8, SWEEP_FINDINGS_MAX = 25, SWEEP_SLOW_MS = 30000 };

/* One unit and what goes wrong with it. */
struct sweep_try {
	char where[128];
	unsigned slot, unit;
	bool loses_neighbours;     /* it goes away between an erase and a write */
	bool has_to_pass;          /* the line mends it within the attempt */
	struct line_event outcome; /* of the attempt with the fault */
};

struct sweep {
	struct line_bench bench;
	unsigned slots; /* units at once */
	/* Units are made first, then an owner has them, and what goes wrong does so when they are made good again.
	 * Every other group is made by a provisioning in the end. */
	bool returned;
	unsigned groups;
	unsigned unit; /* the latest one */
	struct sweep_try tries[SWEEP_AT_ONCE];
	unsigned count; /* of tries */
	unsigned runs, passes, findings;
	unsigned resumed;               /* keys that were on a unit when the station died */
	unsigned reasons[REASON_COUNT]; /* of the attempts with a fault */
};

/* What a family's units are made to: everything; a P1 gets a bootloader too. "core-radio": a Core, in two stages. */
const struct bench_job *sweep_job(const char *family);
/* family may have "returned-" in front. */
const char *sweep_returned_family(const char *family, bool *ret_returned);
void sweep_open(struct sweep *sweep, const char *family, unsigned slots);
/* Prints what there was, and fails if something was found. */
void sweep_close(struct sweep *sweep);
/* What a sweep does with its units. */
struct bench_run sweep_kind(const struct sweep *sweep);
/* The look at a unit that came back reads all of it, and one place of that is as good as the next: so many strides at
 * once. */
unsigned sweep_haste(const struct sweep *sweep, uint64_t at, uint64_t count);
/* Another try of the present group, in a slot of its own, with a fresh unit; where tells what will go wrong with it. */
struct sweep_try *sweep_add(struct sweep *sweep, const char *format, ...) PRINTF_LIKE(2, 3);
bool sweep_is_full(const struct sweep *sweep);
/* Of an attempt without a fault. */
uint64_t sweep_count_transfers(struct sweep *sweep);
/* The group: sweep_attempt, sweep_judge and sweep_converge; nothing if it is empty. */
void sweep_run(struct sweep *sweep);
/* Runs the line until every slot that holds a unit has an outcome, notes the outcomes, and takes the units out. */
void sweep_attempt(struct sweep *sweep);
/* Is each outcome one, and borne out by its unit? */
void sweep_judge(struct sweep *sweep);
/* Plugs all units in again, with their buttons held: they have to be made now. Empties the group. */
void sweep_converge(struct sweep *sweep);
/* Prints "where: text" and counts it. */
void sweep_found(struct sweep *sweep, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);
/* Is there room for more findings? */
bool sweep_goes_on(const struct sweep *sweep);
/* A number of the environment; otherwise usual. */
unsigned sweep_setting(const char *name, unsigned usual);
