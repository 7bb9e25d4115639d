/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud says of the key that a returned unit carries, before that key is replaced: if it cannot
 * be reached, or has been told otherwise by somebody else, the unit stays as it is. */
#include <stdio.h>
#include <string.h>

#include "line_private.h"
#include "mend.h"
#include "returned_units.h"
#include "step_enrol.h"

enum { AGREE_WAIT_MS = 120000 };

static bool ask(struct attempt *attempt, const struct cloud_request *request,
	struct cloud_result *ret, struct err *err)
{
	struct cloud_ticket *ticket = NULL;
	struct deadline deadline =
		deadline_sooner(attempt->deadline, deadline_in_ms(AGREE_WAIT_MS));
	bool good = cloud_submit(attempt->line->cloud, request, &ticket, err) &&
		    cloud_wait(ticket, deadline, attempt_cancel(attempt), ret, err);
	cloud_forget(ticket);
	if (!good)
		return false;
	if (ret->answer == CLOUD_REFUSED)
		return err_set(err, ret->reason, "%s", ret->text);
	return ret->answer == CLOUD_ACKNOWLEDGED ||
	       err_set(err, REASON_CLOUD_AWAY, "%s", ret->text);
}

bool agree_look(struct attempt *attempt, char ret_holds[KEY_FINGERPRINT], struct err *err)
{
	struct cloud_request request = { .look = true };
	struct cloud_result result;
	memcpy(request.device_id, attempt->device_id, sizeof request.device_id);
	memcpy(request.attempt_id, attempt->id, sizeof request.attempt_id);
	if (!ask(attempt, &request, &result, err))
		return false;
	memcpy(ret_holds, result.held, KEY_FINGERPRINT);
	return true;
}

static bool adopt(struct attempt *attempt, enum record_proof proof, struct err *err)
{
	struct returned *returned = &attempt->mend->returned;
	const struct public_key *key = &returned->key;
	char state[RECORD_KEY_STATE];
	if (!record_key_state(attempt->record, attempt->device_id, key->fingerprint, state,
		    sizeof state, err))
		return false;
	memcpy(returned->left.enrolled, key->fingerprint, KEY_FINGERPRINT);
	return strcmp(state, "enrolled") == 0 ||
	       record_key_adopt(attempt->record, attempt->id, key, proof, err);
}

bool agree_adopt(struct attempt *attempt, struct err *err)
{
	const struct returned *returned = &attempt->mend->returned;
	bool same = returned->key.fingerprint[0] && returned->cloud_answered &&
		    strcmp(returned->cloud_holds, returned->key.fingerprint) == 0;
	return !same || !attempt->device_id[0] || adopt(attempt, PROOF_READ_BACK, err);
}

static bool agree_by_look(struct attempt *attempt, struct err *err)
{
	const char *on_unit = attempt->mend->returned.key.fingerprint;
	char holds[KEY_FINGERPRINT];
	bool known = false;
	if (!agree_look(attempt, holds, err))
		return false;
	if (!holds[0])
		return true;
	if (strcmp(holds, on_unit) == 0)
		return adopt(attempt, PROOF_READ_BACK, err);
	if (!record_key_known(attempt->record, attempt->device_id, holds, &known, err))
		return false;
	if (known)
		return true;
	/* It may be the unit's own: with good system parts it can be seen. */
	if (attempt->mend->returned.records_invalid)
		return err_set(err, REASON_KEY_HIDDEN,
			"the cloud holds the key %s, which is not in our record", holds);
	return err_set(err, REASON_CLOUD_CONFLICT,
		"the cloud holds the key %s, which is neither on the unit nor in our record; "
		"nothing was changed",
		holds);
}

/* Where the cloud does not show keys, the one that the unit carries is sent again: if it takes that, it
 * knows the unit, and what it holds is what the unit can be given back. One that carries no usable key
 * has nothing to agree about, and nothing to lose. */
static bool agree_by_post(struct attempt *attempt, struct err *err)
{
	const struct returned *returned = &attempt->mend->returned;
	const char *made = returned->unit.made_attempt_id;
	struct cloud_request request;
	struct cloud_result result;
	if (!returned->key.fingerprint[0])
		return true;
	/* In the order of the sends this one is an old one. */
	if (!enrol_fill_request(
		    attempt, made[0] ? made : attempt->id, &returned->key, 0, &request, err) ||
		!ask(attempt, &request, &result, err))
		return false;
	return adopt(attempt, PROOF_ACKNOWLEDGED, err);
}

bool step_agree(struct attempt *attempt, struct err *err)
{
	bool shows = attempt->plan->enrol.cloud.api == CLOUD_API_JSON;
	return shows ? agree_by_look(attempt, err) : agree_by_post(attempt, err);
}
