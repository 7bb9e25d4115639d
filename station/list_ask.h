/* SPDX-License-Identifier: Apache-2.0 */
/* station list: asks the units whose program runs whether they are in listening mode, and who they
 * are. */
#pragma once

#include "survey.h"

struct list_asking {
	const char *lock_file; /* of the state folder: while somebody has it, no unit is opened */
	bool line; /* also by the serial line, where a request was not answered */
};

/* All of them at once; blocks for some seconds at most. Opens nothing if there is nobody to ask. What
 * one unit did not tell stands in its entry; false if the bus itself cannot be used. */
bool list_ask(const struct list_asking *asking, struct survey_entry *entries, size_t count,
	struct err *err) MUST_CHECK;
