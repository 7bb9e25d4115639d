/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a re-provisioning that failed when the new key was on the unit already. The cloud still
 * holds the old one then, or has refused the new one: so the old one, which this worker still has, goes
 * back. Where it cannot be told what the cloud holds, or the unit is gone, the outcome says what is on
 * the unit. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"
#include "line_private.h"
#include "mend.h"
#include "returned_units.h"
#include "secret.h"
#include "steps.h"

enum { ANSWER_WAIT_MS = 30000, STOPPED_WAIT_MS = 5000, PUT_BACK_MS = 120000 };

/* --- the step --- */

static bool is_as_before(struct attempt *attempt, struct err *err)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	const uint8_t *before = attempt->mend->slot_before;
	SCOPED_SECRET uint8_t *found = secret_alloc(slot->format.size, err);
	if (!found || !keys_read_slot(attempt, slot, found, err))
		return false;
	size_t different = bytes_count_differences(before, found, slot->format.size);
	return different == 0 ||
	       err_set(err, REASON_KEY_MISMATCH, "%s: %zu bytes are not as they were before",
		       slot->name, different);
}

static bool write_before(struct attempt *attempt, struct err *err)
{
	return flash_write_slot_saving(&attempt->dfu, attempt->plan->device_key.slot,
		       attempt->mend->slot_before, &attempt->beside_device_key, err) &&
	       is_as_before(attempt, err);
}

/* Of the key that goes back; "" if it is none that the firmware could use. At the first look it may have
 * been out of reach. */
static void name_before(const struct attempt *attempt, char ret[KEY_FINGERPRINT])
{
	const struct keyslot *format = &attempt->plan->device_key.slot->format;
	SCOPED_KEYPAIR struct keypair *found = NULL;
	struct err unusable;
	ret[0] = 0;
	if (keyslot_parse_device(
		    format, attempt->mend->slot_before, format->size, &found, &unusable))
		memcpy(ret, keypair_public(found)->fingerprint, KEY_FINGERPRINT);
}

/* A record memory has two sectors that take turns: the other one has the new key still. */
bool step_put_back(struct attempt *attempt, struct err *err)
{
	const struct plan *plan = attempt->plan;
	const char *enrolled = attempt->mend->returned.left.enrolled;
	char before[KEY_FINGERPRINT];
	bool turns = family_alt(&plan->family, plan->device_key.slot->alt)->memory == MEMORY_RECORD;
	name_before(attempt, before);
	return write_before(attempt, err) && (!turns || write_before(attempt, err)) &&
	       record_key_put_back(attempt->record, attempt->id, before, enrolled, err) &&
	       record_observe(attempt->record, attempt->id, RECORD_KEY_PUT_BACK,
		       before[0] ? before : "no usable key", err);
}

/* --- whether --- */

enum fate { FATE_TAKEN, FATE_NOT_TAKEN, FATE_UNKNOWN };

/* Refused; but one that took a key and then would not show it, or shows another, is asked again. */
static enum fate fate_of_refused(struct attempt *attempt)
{
	char holds[KEY_FINGERPRINT];
	struct err unclear;
	if (attempt->plan->enrol.cloud.api != CLOUD_API_JSON ||
		!agree_look(attempt, holds, &unclear))
		return FATE_NOT_TAKEN;
	return strcmp(holds, attempt->key.fingerprint) == 0 ? FATE_TAKEN : FATE_NOT_TAKEN;
}

/* Of the new key at the cloud. One that was not sent is not there. */
static enum fate fate_of_key(struct attempt *attempt, const struct err *why)
{
	struct cloud_result result;
	struct err err;
	bool stopped = err_kind(why) == ERR_CANCEL;
	if (!attempt->ticket)
		return FATE_NOT_TAKEN;
	if (!cloud_wait(attempt->ticket, deadline_in_ms(stopped ? STOPPED_WAIT_MS : ANSWER_WAIT_MS),
		    NULL, &result, &err))
		return FATE_UNKNOWN;
	if (result.answer == CLOUD_ACKNOWLEDGED)
		return FATE_TAKEN;
	return result.answer == CLOUD_REFUSED ? fate_of_refused(attempt) : FATE_UNKNOWN;
}

/* --- what is told --- */

static void add_text(struct err *err, const char *text)
{
	size_t len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, "; %s", text);
}

/* What stands in the slot, proven by reading it. */
static void describe_slot(struct attempt *attempt, char *to, size_t cap)
{
	const struct family_key_slot *slot = attempt->plan->device_key.slot;
	SCOPED_KEYPAIR struct keypair *found = NULL;
	struct err err;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, &err);
	if (!attempt->session || !bytes || !keys_read_slot(attempt, slot, bytes, &err))
		snprintf(to, cap, "what its key slot holds now is not known");
	else if (!keyslot_parse_device(&slot->format, bytes, slot->format.size, &found, &err))
		snprintf(to, cap, "its key slot holds no usable key now");
	else
		snprintf(to, cap, "its key slot holds %.16s... now, %s",
			keypair_public(found)->fingerprint,
			strcmp(keypair_public(found)->fingerprint, attempt->key.fingerprint) == 0
				? "the new one"
				: "not the new one");
}

static void tell_state(struct attempt *attempt, const char *why, struct err *err)
{
	char state[128], text[ERR_TEXT_MAX / 2];
	struct err broken;
	describe_slot(attempt, state, sizeof state);
	snprintf(text, sizeof text, "%s; %s", state, why);
	add_text(err, text);
	if (!record_observe(attempt->record, attempt->id, "key-left", text, &broken))
		*err = broken;
}

static void try_put_back(struct attempt *attempt, struct err *err)
{
	struct err trouble;
	char why[ERR_TEXT_MAX / 3];
	attempt->deadline = deadline_in_ms(PUT_BACK_MS);
	/* Also for whoever stops the line: it takes a moment, and leaves a unit that works. */
	attempt->dfu.cancel = NULL;
	bool reached = attempt->session && dfu_recover(&attempt->dfu, &trouble);
	if (reached && attempt_run_steps(attempt, step_table_put_back(), &trouble)) {
		add_text(err, "its old key was put back and read back");
		return;
	}
	if (reached && err_kind(&trouble) == ERR_STORE) {
		*err = trouble;
		return;
	}
	snprintf(why, sizeof why, "its old key could not be put back%s%.150s",
		attempt->session ? ": " : "", attempt->session ? trouble.text : "");
	tell_state(attempt, why, err);
}

void put_back(struct attempt *attempt, struct err *err)
{
	const struct mend *mend = attempt->mend;
	if (!mend || !mend->slot_before || !attempt->key_written || err_kind(err) == ERR_STORE)
		return;
	if (!attempt->plan->enrol.wanted) {
		tell_state(attempt, "the job enrols no key", err);
		return;
	}
	switch (fate_of_key(attempt, err)) {
	case FATE_TAKEN:
		tell_state(attempt, "the cloud holds the new key", err);
		return;
	case FATE_UNKNOWN:
		tell_state(attempt, "the cloud has not answered for the new key", err);
		return;
	case FATE_NOT_TAKEN:
		try_put_back(attempt, err);
		return;
	}
}
