/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each step over many attempts: how many entered it, how many passed at once, what a
 * retry hid. docs/figures.md defines the figures. Zero-initialise; tally_done frees. One thread at a
 * time. */
#pragma once

#include "reason.h"
#include "times.h"

enum { TALLY_STEPS_MAX = 64, TALLY_NAME_MAX = 48 };

struct tally_step {
	char name[TALLY_NAME_MAX];
	int64_t place; /* the earliest that it came in an attempt: 1, 2, 3... */
	int64_t passed_first, passed_later, failed, tries;
	struct times times; /* of attempts that passed it, all tries together */
};

/* One try of a step, as the table has it. */
struct tally_try {
	const char *name;
	int64_t seq, try_number, started_at, ended_at;
	enum outcome outcome;
	enum cause cause; /* of the reason, if it failed */
};

struct tally {
	struct tally_step steps[TALLY_STEPS_MAX]; /* sorted by place, after tally_finish */
	size_t count;
	int64_t left_out; /* attempts' steps for which there was no room: never in a sound database */
	struct {
		size_t step;
		int64_t tries, ms;
		bool passed_first;
		int64_t place; /* where the step stands in it */
		struct tally_try last; /* its name is not kept */
	} open[TALLY_STEPS_MAX];       /* of the attempt that is being read */
	size_t open_count;
};

/* The tries of one attempt in the order of seq, then tally_attempt_end. */
void tally_try(struct tally *tally, const struct tally_try *row);
/* A step counts by its last try. It is left out if that ended in another way than PASS or FAIL, or
 * failed by a cause that is not the unit's. */
void tally_attempt_end(struct tally *tally);
/* The step of this name, made if it is new; NULL if there is no room. */
struct tally_step *tally_step(struct tally *tally, const char *name, int64_t place);
void tally_sort(struct tally *tally); /* by place, then name */
void tally_done(struct tally *tally);
