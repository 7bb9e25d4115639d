/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual units as they come back from their owners: what was found on real ones, named as in
 * docs/returns.md. A condition changes the memory that the unit has in its folder, gives it faults that
 * stay with it (faults.cfg there), or changes what the virtual cloud holds; nobody else has these open.
 * "F02,F03:0x60000+claimed,-": the first unit is in condition F02, the second in two at once, the third
 * in none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vunit.h"

enum { VCONDITION_UNITS_MAX = 128, VCONDITION_EACH_MAX = 4 };

struct vcondition_row; /* of the table of conditions */

struct vcondition {
	const struct vcondition_row *row;
	uint32_t argument; /* an address or a size, if the row wants one */
};

struct vconditions {
	struct vcondition units[VCONDITION_UNITS_MAX][VCONDITION_EACH_MAX];
	size_t each[VCONDITION_UNITS_MAX], count;
};

/* REASON_INPUT for what is no such list. */
bool vcondition_parse(const char *text, struct vconditions *ret, struct err *err) MUST_CHECK;
/* REASON_INPUT if one of the list makes no sense for units of the family. */
bool vcondition_fit(
	const struct vconditions *list, enum vunit_family family, struct err *err) MUST_CHECK;
/* Puts the unit of a folder (units/A1) into a condition; cloud is the folder where the virtual cloud
 * keeps its keys. REASON_INPUT if it cannot be in that. */
bool vcondition_apply(const char *folder, const char *cloud, const struct vcondition *condition,
	struct err *err) MUST_CHECK;
