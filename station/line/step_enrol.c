/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment: the request goes out as soon as the key is proven on the unit, while the images are
 * written, and is waited for at the end. */
#include "step_enrol.h"

#include <stdio.h>

#include "line_private.h"
#include "outbox.h"
#include "release.h"
#include "steps.h"

enum { ENROL_WAIT_MS = 120000 };

bool enrol_fill_request(struct attempt *attempt, const char *attempt_id,
	const struct public_key *key, int64_t outbox_id, struct cloud_request *ret, struct err *err)
{
	struct record_head head;
	if (!record_head(attempt->record, &head, err))
		return false;
	*ret = (struct cloud_request){
		.outbox_id = outbox_id, .algorithm = key->algorithm, .seal_seq = head.seq
	};
	snprintf(ret->device_id, sizeof ret->device_id, "%s", attempt->device_id);
	snprintf(ret->attempt_id, sizeof ret->attempt_id, "%s", attempt_id);
	snprintf(ret->public_key_pem, sizeof ret->public_key_pem, "%s", key->pem);
	snprintf(ret->fingerprint, sizeof ret->fingerprint, "%s", key->fingerprint);
	snprintf(ret->product_id, sizeof ret->product_id, "%s", attempt->plan->enrol.product_id);
	snprintf(ret->seal_hash, sizeof ret->seal_hash, "%s", head.hash);
	return true;
}

/* For whoever sends it again, perhaps years later and without this job. */
static bool keep_product(struct attempt *attempt, struct err *err)
{
	const char *product_id = attempt->plan->enrol.product_id;
	return !product_id[0] ||
	       record_observe(attempt->record, attempt->id, RECORD_PRODUCT, product_id, err);
}

bool step_enrol(struct attempt *attempt, struct err *err)
{
	struct cloud_request request;
	return keep_product(attempt, err) &&
	       enrol_fill_request(
		       attempt, attempt->id, &attempt->key, attempt->outbox_id, &request, err) &&
	       cloud_submit(attempt->line->cloud, &request, &attempt->ticket, err);
}

bool step_enrolled(struct attempt *attempt, struct err *err)
{
	struct cloud_result result;
	struct deadline deadline =
		deadline_sooner(attempt->deadline, deadline_in_ms(ENROL_WAIT_MS));
	if (!cloud_wait(attempt->ticket, deadline, attempt_cancel(attempt), &result, err))
		return false;
	if (result.reason == REASON_STORE)
		return err_set(err, REASON_STORE, "%s", result.text);
	switch (result.answer) {
	case CLOUD_ACKNOWLEDGED:
		attempt->proof = release_proof(&result);
		return true;
	case CLOUD_REFUSED:
		return err_set(err, result.reason, "%s", result.text);
	case CLOUD_UNREACHABLE:
		break;
	}
	/* All that can be done on the unit is done; it stays HELD until the cloud answers. */
	attempt->held = true;
	attempt_log(attempt, "held: %s", result.text);
	return record_observe(attempt->record, attempt->id, "enrolment", result.text, err);
}

bool enrol_held_again(struct attempt *attempt, struct err *err)
{
	struct record_held held;
	struct cloud_request request;
	struct cloud_result result;
	bool found = false;
	if (!record_held(attempt->record, attempt->device_id, &held, &found, err))
		return false;
	if (!found || !attempt->line->cloud)
		return err_set(err, REASON_STILL_HELD,
			"the unit is HELD, and its key cannot be sent from here");
	if (!enrol_fill_request(
		    attempt, held.attempt_id, &held.key, held.outbox_id, &request, err) ||
		!cloud_submit(attempt->line->cloud, &request, &attempt->ticket, err))
		return false;
	bool answered = cloud_wait(attempt->ticket, deadline_in_ms(ENROL_WAIT_MS),
		attempt_cancel(attempt), &result, err);
	cloud_forget(attempt->ticket);
	attempt->ticket = NULL;
	if (!answered)
		return false;
	if (result.answer == CLOUD_UNREACHABLE)
		return err_set(err,
			result.reason == REASON_STORE ? REASON_STORE : REASON_STILL_HELD, "%s",
			result.text);
	if (!record_held_settle(attempt->record, held.attempt_id, result.reason, result.text, err))
		return false;
	if (result.answer == CLOUD_REFUSED)
		return true;
	return err_set(err, REASON_ALREADY_MADE, "its key is acknowledged now; attempt %s is PASS",
		held.attempt_id);
}
