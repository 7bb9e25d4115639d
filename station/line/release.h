/* SPDX-License-Identifier: Apache-2.0 */
/* Units that are HELD: their enrolment is sent once more, and the attempt takes its outcome from
 * the answer. For the line's background and for `station sync`. Any thread. */
#pragma once

#include "cloud.h"
#include "outbox.h"

bool release_request(struct record *record, const struct record_outbox_row *row,
	struct cloud_request *ret, struct err *err) MUST_CHECK;
/* "read-back" or "acknowledged", as in the record; NULL: there is no acknowledgement. */
const char *release_proof(const struct cloud_result *result);
/* What the answer makes of the attempt, durable when it returns: PASS, FAIL, or HELD if there is no
 * answer yet. REASON_STORE also for an answer that the sender could not record. */
bool release_settle(struct record *record, const struct record_outbox_row *row,
	const struct cloud_result *result, enum outcome *ret, struct err *err) MUST_CHECK;
