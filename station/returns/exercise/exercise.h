/* SPDX-License-Identifier: Apache-2.0 */
/* The write test of a returned unit's flash, with everything as before afterwards: which size a memory
 * really has, and whether its sectors take and hold patterns. What a sector holds is durable in a
 * journal before it is erased, so that a unit whose power goes, or whose station does, is put back at
 * its next visit: exercise_pending and exercise_restore, which everybody asks who is about to rely on
 * the unit's memory or to write to it. docs/returns.md.
 *
 * In the middle of a sector nobody is stopped: cancel is looked at between its patterns, and the old
 * contents are written back first. Blocks for the transfers; one thread for each unit. */
#pragma once

#include "cancel.h"
#include "dfu.h"
#include "exercise_plan.h"
#include "finding.h"
#include "record.h"

/* A unit open in DFU, whose layout is its family's. Its journal is found by its id. */
struct exercise_unit {
	struct dfu *dfu;
	const struct family *family;
	struct record *record; /* its state folder has the journal */
	const char *attempt_id, *device_id;
	bool by_label; /* only what somebody scanned or typed says that it is this one */
	const struct cancel *cancel;
	/* Sectors done; may be NULL. */
	void (*progress)(void *context, size_t done, size_t count);
	void *context;
};

/* Steps exercise-size and exercise-pattern, and what they find, into the record and behind *findings.
 * False if the unit is gone, somebody stopped it, or record or journal failed. */
bool exercise(const struct exercise_unit *unit, const struct exercise_plan *plan,
	struct findings *findings, struct err *err) MUST_CHECK;

/* Has the unit sectors that an exercise did not put back? device_id "": no. A journal that cannot be
 * read counts. */
bool exercise_pending(struct record *record, const char *device_id);
/* Puts them back, and says so in *findings, which the caller keeps. What holds neither its old contents
 * nor anything of the exercise's is left alone, and its journal set aside, unless put_back says that a
 * person decided otherwise: then what was set aside is written too. Nor is anything done to a unit by_label
 * whose sector does not itself prove that it is the one: its journal stays pending. False as above; what
 * is not put back then stays pending. */
bool exercise_restore(const struct exercise_unit *unit, bool put_back, struct findings *findings,
	struct err *err) MUST_CHECK;
