/* SPDX-License-Identifier: Apache-2.0 */
/* A finished unit's keys, as they stand on it: the server's must be the plan's, and its own must be
 * the one that our record holds as this unit's. Nothing is written. */
#include <string.h>

#include "attempt.h"
#include "keyslot.h"
#include "secret.h"
#include "steps.h"

bool step_compare_server_key(struct attempt *attempt, struct err *err)
{
	return keys_readback_server(attempt, err);
}

/* A unit that is HELD has the right key; only the cloud has not said so yet. */
static bool refuse_held(struct attempt *attempt, const struct public_key *key, struct err *err)
{
	struct record_held held;
	bool found = false;
	if (!record_held(attempt->record, attempt->device_id, &held, &found, err))
		return false;
	return !found || strcmp(held.key.fingerprint, key->fingerprint) != 0 ||
	       err_set(err, REASON_STILL_HELD, "HELD since attempt %s: the key is not enrolled yet",
		       held.attempt_id);
}

/* What a job that enrols nothing leaves behind is a key that is on the unit. */
static bool judge_key(struct attempt *attempt, const struct public_key *key, struct err *err)
{
	const struct plan *plan = attempt->plan;
	char state[RECORD_KEY_STATE] = "";
	if (!record_key_state(attempt->record, attempt->device_id, key->fingerprint, state,
		    sizeof state, err))
		return false;
	if (strcmp(state, "enrolled") == 0 ||
		(strcmp(state, "on-device") == 0 && !plan->enrol.wanted))
		return true;
	if (strcmp(state, "on-device") == 0 && !refuse_held(attempt, key, err))
		return false;
	if (!state[0])
		return err_set(err, REASON_KEY_MISMATCH,
			"%s: the key %.16s... on the unit is not in the record of this unit",
			plan->device_key.slot->name, key->fingerprint);
	return err_set(err, REASON_KEY_MISMATCH,
		"%s: the key %.16s... on the unit is \"%s\" in our record, not %s",
		plan->device_key.slot->name, key->fingerprint, state,
		plan->enrol.wanted ? "enrolled" : "on the device");
}

bool step_compare_device_key(struct attempt *attempt, struct err *err)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, err);
	SCOPED_KEYPAIR struct keypair *found = NULL;
	bool known = false;
	if (!bytes || !keys_read_slot(attempt, slot, bytes, err))
		return false;
	if (!keyslot_parse_device(&slot->format, bytes, slot->format.size, &found, err))
		return err_at(err, "%s", slot->name);
	const struct public_key *key = keypair_public(found);
	return keyslot_prove(&slot->format, bytes, slot->format.size, key, err) &&
	       record_observe(attempt->record, attempt->id, "found-key", key->fingerprint, err) &&
	       record_key_found(attempt->record, attempt->id, key->fingerprint, &known, err) &&
	       judge_key(attempt, key, err);
}
