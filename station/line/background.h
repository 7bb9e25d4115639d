/* SPDX-License-Identifier: Apache-2.0 */
/* While the line runs, units that are HELD are enrolled in the background: those of this batch and
 * of earlier ones, at the line's cloud, one after the other, with pauses that grow while the cloud
 * does not answer. A unit that is in work belongs to its worker alone: nothing is sent for it then.
 * One thread, owned by the line. */
#pragma once

#include "line_private.h"

/* Does nothing if the plan enrols nothing. False if the thread cannot be started
 * (REASON_STATION). */
bool background_start(struct line *line, struct err *err) MUST_CHECK;
/* Lets a request that is under way end, for a moment; then ends it, and the thread.
 * Takes a line without one. */
void background_finish(struct line *line);

/* From now on the unit is its worker's; a request that is under way for it is
 * ended and settled first. */
void background_claim(struct slot *slot, const char *device_id);
void background_release(struct slot *slot);
