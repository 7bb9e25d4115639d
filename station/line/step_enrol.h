/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling, for steps that send a key themselves or settle what an earlier attempt has sent. Of the
 * slot's worker; blocks for the disk and the cloud. */
#pragma once

#include "attempt.h"

/* A request to send a key of the attempt's unit, under the id of an attempt; outbox_id 0: nothing of it
 * goes into the outbox. */
bool enrol_fill_request(struct attempt *attempt, const char *attempt_id,
	const struct public_key *key, int64_t outbox_id, struct cloud_request *ret,
	struct err *err) MUST_CHECK;
/* The unit is HELD under this plan: its key is sent again first. Acknowledged: the old attempt
 * becomes PASS and this one ends ALREADY_MADE. Refused: the old one becomes FAIL and this one goes
 * on to make the unit. Otherwise STILL_HELD. */
bool enrol_held_again(struct attempt *attempt, struct err *err) MUST_CHECK;
