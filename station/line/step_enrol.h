/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attempt.h"

/* The unit is HELD under this plan: its key is sent again first. Acknowledged: the old attempt
 * becomes PASS and this one ends ALREADY_MADE. Refused: the old one becomes FAIL and this one goes
 * on to make the unit. Otherwise STILL_HELD. */
bool enrol_held_again(struct attempt *attempt, struct err *err) MUST_CHECK;
