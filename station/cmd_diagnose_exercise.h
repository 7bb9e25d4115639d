/* SPDX-License-Identifier: Apache-2.0 */
/* station diagnose --exercise: what is to be tested is shown and agreed to, then done. */
#pragma once

#include "diagnose.h"
#include "visit.h"

struct cmd_exercise {
	bool wanted;
	const char *range, *regions; /* NULL: not given */
	bool yes;                    /* nobody is asked */
	bool json;
};

/* Refuses what can be seen before any unit is touched; prints why. */
bool cmd_exercise_check(const struct cmd_exercise *options, int *ret_status);
/* After a diagnosis, with its findings. What cannot be exercised, or is not agreed to, is a finding. False
 * as exercise. */
bool cmd_exercise(const struct cmd_exercise *options, const struct visit_unit *unit,
	struct returned *returned, struct findings *findings, struct err *err) MUST_CHECK;
