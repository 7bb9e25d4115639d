/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of one unit at the returns bench: brought into DFU, identified, worked on by the command,
 * and ended in the record. Blocks for the unit and the disk; one thread. */
#pragma once

#include "dfu.h"
#include "finding.h"
#include "visit.h"

struct visit_attempt {
	char id[UUID_TEXT], device_id[DEVICE_ID]; /* "" not known */
	bool by_label; /* nothing of the unit itself bears its id out */
	struct dfu dfu;
	unsigned passage;
	bool unreadable; /* it could not be opened, or told nothing of itself: a finding of it */
	/* What an exercise of an earlier visit left; in the record already. */
	struct findings findings;
};

/* After this none of the other units is tried: the record, the station itself, or somebody said so. */
bool visit_must_stop(const struct err *err);
/* Tells what kept a unit from being done; the exit status. */
int visit_fail(const struct visit *visit, const struct err *err);

/* A unit whose program runs is sent into DFU: *unit is then what came. False: *ret_status, and a person
 * is told what to do with it. */
bool visit_to_dfu(struct visit *visit, struct visit_unit *unit, int *ret_status) MUST_CHECK;

/* Begins an attempt of a kind ("diagnose") and identifies the unit in DFU; the session is open after
 * it. A unit that an exercise was cut off from is put back (step restore-exercise), and that is told.
 * On failure the attempt has its outcome already. A unit that nobody can name is no failure. */
bool visit_begin(struct visit *visit, const struct visit_unit *unit, const char *kind,
	struct visit_attempt *ret, struct err *err) MUST_CHECK;
/* Leaves DFU, so that the unit's firmware runs once, and brings it back: the session is open anew, with the
 * same unit. UNIT_SWAPPED, NO_RETURN. */
bool visit_come_back(struct visit *visit, struct visit_unit *unit, struct visit_attempt *attempt,
	struct err *err) MUST_CHECK;
/* What a reason ends with here, where nothing waits for a cloud: none is PASS, HELD is FAIL. */
enum outcome visit_outcome(enum reason reason);
/* Closes the session without a leave, and commits the outcome. detail: NULL none. */
bool visit_end(struct visit *visit, struct visit_attempt *attempt, enum reason reason,
	const char *detail, struct err *err) MUST_CHECK;
