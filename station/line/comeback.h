/* SPDX-License-Identifier: Apache-2.0 */
/* A unit that vanishes in the middle of its work. */
#pragma once

#include "attempt.h"

/* Has the enumeration that is worked on left the bus, or does so now? A unit that is pulled out is
 * damaged transfers first, and gone a moment later. */
bool comeback_has_left(struct attempt *attempt);
/* After a try that ended with USB_GONE. Counts it in the record, and, within the job's retries,
 * waits up to gone_wait_ms of the config for the same unit at its port; brings it back into DFU with
 * its session open and its id proven again (before its id is known, only its enumeration is taken).
 * The steps then begin anew. False with what the attempt ends with: USB_GONE if it stays away,
 * UNIT_SWAPPED if another one came, HUB_GONE if its hub vanished with it. */
bool comeback(struct attempt *attempt, struct err *err) MUST_CHECK;
/* After a try that ended because the unit does not answer any more or stays away, as err says: where
 * the config allows it, its port is switched off and on, once in an attempt; then as in comeback.
 * False, with err as it was and a word about the power, if that is not allowed or did not help. */
bool comeback_by_power(struct attempt *attempt, struct err *err) MUST_CHECK;
/* At the arrival: what over-currents are counted from. */
void comeback_begin(struct attempt *attempt);
/* OVER_CURRENT instead of an end that says that the unit is away, if its port cut its power. */
void comeback_judge(struct attempt *attempt, struct err *err);
