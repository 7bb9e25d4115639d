/* SPDX-License-Identifier: Apache-2.0 */
/* What the record says of a unit's device key after a restore: the one that stands there now. It is
 * enrolled only if it was before and no newer one took its place. */
#include "restore.h"

#include <string.h>

#include "keyslot.h"

/* The unit as it is has one key; a profile may have a slot for another algorithm, with what the
 * firmware made there for itself. */
static bool find_key(struct restore *restore, struct public_key *ret, bool *ret_known,
	bool *ret_seen, struct err *err)
{
	bool found = false;
	*ret_seen = *ret_known = false;
	for (size_t i = 0; i < restore->family->key_slot_count && !*ret_known; i++) {
		const struct family_key_slot *slot = &restore->family->key_slots[i];
		const uint8_t *bytes = slot->format.role == KEY_ROLE_DEVICE
					       ? backup_bytes_at(restore->backup, slot->alt,
							 slot->addr, slot->format.size)
					       : NULL;
		SCOPED_KEYPAIR struct keypair *keypair = NULL;
		struct err unusable;
		*ret_seen |= bytes != NULL;
		if (!bytes || !keyslot_parse_device(
				      &slot->format, bytes, slot->format.size, &keypair, &unusable))
			continue;
		const struct public_key *key = keypair_public(keypair);
		char state[RECORD_KEY_STATE];
		if (!record_key_state(restore->record, restore->device_id, key->fingerprint, state,
			    sizeof state, err))
			return false;
		*ret_known = state[0] != 0;
		if (*ret_known || !found)
			*ret = *key;
		found = true;
	}
	restore->key_known = found;
	return true;
}

/* Another unit's key is not written. */
bool restore_key_judge(struct restore *restore, struct err *err)
{
	struct public_key key;
	bool known, seen;
	return find_key(restore, &key, &known, &seen, err) &&
	       (!restore->key_known || record_key_found(restore->record, restore->attempt_id,
					       key.fingerprint, &known, err));
}

/* Where it counts as present already nothing changes: a HELD passage goes on waiting. */
bool restore_key_written(struct restore *restore, struct err *err)
{
	const char *id = restore->device_id;
	char *state = restore->key_state;
	struct public_key key;
	bool known, seen;
	if (!find_key(restore, &key, &known, &seen, err))
		return false;
	if (!restore->key_known)
		return !seen ||
		       record_key_restored(restore->record, restore->attempt_id, NULL, err);
	if (!record_key_state(restore->record, id, key.fingerprint, state, RECORD_KEY_STATE, err))
		return false;
	return strcmp(state, "on-device") == 0 || strcmp(state, "enrolled") == 0 ||
	       (record_key_restored(restore->record, restore->attempt_id, &key, err) &&
		       record_key_state(
			       restore->record, id, key.fingerprint, state, RECORD_KEY_STATE, err));
}
