/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the decision. */
#pragma once

#include "decide.h"

/* Puts a part behind what stands there, ", " between them. */
void decide_add(char *to, size_t cap, const char *format, ...) PRINTF_LIKE(3, 4);
/* decide_owner.c: what its owner left on the unit: what is wiped, lost, and left to a person. */
void decide_owner(
	const struct decide_facts *facts, const struct findings *findings, struct decision *ret);
/* Does what stands in a region without an image of the job go, because it may be an owner's? */
bool decide_wipes_region(const struct plan *plan, const struct findings *findings,
	const struct family_region *region);
