/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: the server's, and the unit's own. The private key is in this worker's locked memory and on
 * the unit, nowhere else; the intent to write it is recorded before it is written, and it counts
 * only once it was read back and proven. */
#include <inttypes.h>

#include "attempt.h"
#include "bytes.h"
#include "flash.h"
#include "keyslot.h"
#include "line_private.h"
#include "mend.h"
#include "secret.h"
#include "steps.h"

/* A Photon whose system parts are not valid gives zeros without an error. */
bool keys_read_slot(
	struct attempt *attempt, const struct family_key_slot *slot, uint8_t *to, struct err *err)
{
	const struct family *family = &attempt->plan->family;
	if (!flash_read(&attempt->dfu, slot->alt, slot->addr, to, slot->format.size, NULL, err))
		return err_at(err, "%s", slot->name);
	if ((family->quirks & QUIRK_ZERO_MEANS_INVALID) &&
		family_alt(family, slot->alt)->memory == MEMORY_RECORD &&
		bytes_all(to, slot->format.size, 0))
		return err_set(err, REASON_PARTS_INVALID, "%s reads all zero", slot->name);
	return true;
}

static bool compare_server_key(struct attempt *attempt, bool *ret_same, struct err *err)
{
	const struct plan_server_key *wanted = &attempt->plan->server_key;
	uint32_t size = wanted->slot->format.size;
	uint8_t found[KEYSLOT_MAX];
	if (!keys_read_slot(attempt, wanted->slot, found, err))
		return false;
	size_t at = bytes_first_difference(wanted->bytes, found, size);
	*ret_same = at == size;
	if (*ret_same)
		return true;
	err_set(err, REASON_SERVER_KEY_WRONG,
		"%s: alt %u: 0x%08" PRIx32 ": expected %02x, found %02x; %zu bytes differ",
		wanted->slot->name, wanted->slot->alt, wanted->slot->addr + (uint32_t)at,
		wanted->bytes[at], found[at], bytes_count_differences(wanted->bytes, found, size));
	return true;
}

bool step_server_key(struct attempt *attempt, struct err *err)
{
	const struct plan_server_key *wanted = &attempt->plan->server_key;
	bool same = false;
	if (!compare_server_key(attempt, &same, err))
		return false;
	if (same && !mend_writes_server_key(attempt))
		return true;
	if (!flash_write_slot_saving(
		    &attempt->dfu, wanted->slot, wanted->bytes, &attempt->beside_server_key, err) ||
		!compare_server_key(attempt, &same, err))
		return err_at(err, "%s", wanted->slot->name);
	return same;
}

static bool keeps_key(const struct attempt *attempt)
{
	if (attempt->mend)
		return !attempt->mend->decision.new_device_key;
	return attempt->plan->device_key.policy == KEY_POLICY_KEEP_VALID || attempt->resume_key;
}

/* A key that is on the unit already stays if our record knows it for this unit, and the job keeps
 * valid keys or the attempt that made it was cut off. One that it knows for another unit is a
 * reason to stop, whatever the job says. */
static bool find_key_to_keep(struct attempt *attempt, const uint8_t *slot_bytes, struct err *err)
{
	const struct plan_device_key *wanted = &attempt->plan->device_key;
	bool keeps = keeps_key(attempt);
	SCOPED_KEYPAIR struct keypair *found = NULL;
	struct err unusable;
	bool known = false;
	if (!keyslot_parse_device(&wanted->slot->format, slot_bytes, wanted->slot->format.size,
		    &found, &unusable)) {
		if (keeps)
			attempt_log(attempt, "the key on the unit is not kept: %s", unusable.text);
		return true;
	}
	if (!record_key_found(
		    attempt->record, attempt->id, keypair_public(found)->fingerprint, &known, err))
		return false;
	if (known && keeps) {
		attempt->keypair = found;
		found = NULL;
	}
	return true;
}

static bool choose_key(struct attempt *attempt, uint8_t *slot_bytes, struct err *err)
{
	const struct plan_device_key *wanted = &attempt->plan->device_key;
	if (!keys_read_slot(attempt, wanted->slot, slot_bytes, err) ||
		!find_key_to_keep(attempt, slot_bytes, err) ||
		!mend_save_slot(attempt, slot_bytes, err))
		return false;
	/* That it is replaced was neither decided nor confirmed. */
	if (!attempt->keypair && attempt->mend && keeps_key(attempt))
		return err_set(err, REASON_KEY_MISMATCH,
			"%s: the key that was to stay is not there any more", wanted->slot->name);
	attempt->key_written = attempt->keypair == NULL;
	if (!attempt->keypair &&
		!keypair_new(wanted->slot->format.algorithm, &attempt->keypair, err))
		return false;
	attempt->key = *keypair_public(attempt->keypair);
	return record_key_intended(attempt->record, attempt->id, &attempt->key, err);
}

bool step_device_key(struct attempt *attempt, struct err *err)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, err);
	if (!bytes)
		return false;
	if (!attempt->keypair && !choose_key(attempt, bytes, err))
		return false;
	if (!attempt->key_written)
		return true;
	return keyslot_pack_device(&slot->format, attempt->keypair, bytes, err) &&
	       flash_write_slot_saving(
		       &attempt->dfu, slot, bytes, &attempt->beside_device_key, err);
}

/* The whole slot, padding included, of a key that this attempt wrote. The bytes themselves
 * never go into a text. */
static bool compare_slot(struct attempt *attempt, const uint8_t *found, struct err *err)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	SCOPED_SECRET uint8_t *wanted = secret_alloc(slot->format.size, err);
	if (!wanted || !keyslot_pack_device(&slot->format, attempt->keypair, wanted, err))
		return false;
	size_t different = bytes_count_differences(wanted, found, slot->format.size);
	return different == 0 ||
	       err_set(err, REASON_KEY_MISMATCH, "%s: %zu bytes differ from what was written",
		       slot->name, different);
}

static bool prove(struct attempt *attempt, struct err *err)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, err);
	return bytes && keys_read_slot(attempt, slot, bytes, err) &&
	       keyslot_prove(&slot->format, bytes, slot->format.size, &attempt->key, err) &&
	       (!attempt->key_written || compare_slot(attempt, bytes, err));
}

bool step_prove_key(struct attempt *attempt, struct err *err)
{
	const struct plan_enrol *enrol = &attempt->plan->enrol;
	if (!prove(attempt, err)) {
		/* A kept key that does not prove is written anew at the next try. */
		attempt->key_written = true;
		return false;
	}
	return record_key_on_device(attempt->record, attempt->id,
		enrol->wanted ? enrol->cloud.name : NULL, &attempt->outbox_id, err);
}

bool keys_readback_server(struct attempt *attempt, struct err *err)
{
	bool same = true;
	return (!attempt->plan->server_key.wanted || compare_server_key(attempt, &same, err)) &&
	       same;
}

bool keys_readback(struct attempt *attempt, struct err *err)
{
	return keys_readback_server(attempt, err) &&
	       (!attempt->plan->device_key.wanted || prove(attempt, err));
}

/* The key slot of the plan that lies in a record memory; NULL: none does. */
static const struct family_key_slot *slot_in_record(const struct plan *plan)
{
	const struct family_key_slot *slots[] = { plan->server_key.slot, plan->device_key.slot };
	const bool wanted[] = { plan->server_key.wanted, plan->device_key.wanted };
	for (size_t i = 0; i < 2; i++)
		if (wanted[i] && family_alt(&plan->family, slots[i]->alt)->memory == MEMORY_RECORD)
			return slots[i];
	return NULL;
}

/* The Photon's DCT stands in two sectors by turns: a write of any byte puts the whole of it, keys
 * included, into the other one, and nothing verifies that. The unit does so itself when it leaves
 * and at each boot. So keys that are right in one sector prove little: the same bytes are written
 * once more, which takes the other one, and read again. */
bool keys_readback_elsewhere(struct attempt *attempt, struct err *err)
{
	const struct family_key_slot *slot = slot_in_record(attempt->plan);
	if (!slot)
		return true;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, err);
	if (!bytes || !keys_read_slot(attempt, slot, bytes, err) ||
		!flash_write_slot(&attempt->dfu, slot, bytes, err))
		return false;
	return keys_readback(attempt, err) ||
	       err_at(err, "in the other sector of the record memory");
}
