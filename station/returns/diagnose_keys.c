/* SPDX-License-Identifier: Apache-2.0 */
/* The unit's own key and the server's. The private key is in locked memory only, and no byte of it
 * is in what is told. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "cloud.h"
#include "diagnose.h"
#include "secret.h"

/* The job's slot, or the first of its role, which is the one that the firmware uses. */
static const struct family_key_slot *slot_of(
	const struct returned *unit, const struct family_key_slot *planned, enum key_role role)
{
	if (planned)
		return family_key_slot(unit->family, planned->name);
	for (size_t i = 0; i < unit->family->key_slot_count; i++)
		if (unit->family->key_slots[i].format.role == role)
			return &unit->family->key_slots[i];
	return NULL;
}

/* *ret_there false: there is nothing to parse, and why is a finding (but that of an erased slot). */
static bool read_slot(struct returned *unit, const struct family_key_slot *slot, uint8_t *bytes,
	struct findings *findings, bool *ret_there, struct err *err)
{
	const struct family *family = unit->family;
	bool record = family_alt(family, slot->alt)->memory == MEMORY_RECORD;
	*ret_there = false;
	if (record && unit->records_invalid)
		return true;
	if (!look_read(unit->dfu, slot->name, slot->alt, slot->addr, bytes, slot->format.size,
		    findings, ret_there, err))
		return false;
	if (*ret_there && record && (family->quirks & QUIRK_ZERO_MEANS_INVALID) &&
		bytes_all(bytes, slot->format.size, 0)) {
		*ret_there = false;
		unit->records_invalid = true;
		finding_add(findings, FINDING_CODE_PARTS_INVALID, slot->name,
			"the record memory reads all zero: without valid system parts the "
			"bootloader cannot reach it");
	}
	return true;
}

/* --- the device key --- */

static void judge_known(const struct returned *unit, const struct family_key_slot *slot,
	const char *fingerprint, const char *state, struct findings *findings)
{
	if (strcmp(state, "enrolled") == 0)
		finding_add(findings, FINDING_CODE_DEVICE_KEY_ENROLLED, slot->name,
			"%s, enrolled by our record", fingerprint);
	else if (state[0])
		finding_add(findings, FINDING_CODE_DEVICE_KEY_MISMATCH, slot->name,
			"%s is \"%s\" in our record; enrolled is %s", fingerprint, state,
			unit->left.enrolled[0] ? unit->left.enrolled : "none");
	else if (unit->left.enrolled[0])
		finding_add(findings, FINDING_CODE_DEVICE_KEY_MISMATCH, slot->name,
			"it holds %s, enrolled is %s", fingerprint, unit->left.enrolled);
	else
		finding_add(findings, FINDING_CODE_DEVICE_KEY_UNPROVEN, slot->name,
			"%s, whole, but not in our record", fingerprint);
}

/* A key that is another unit's sets both aside, as the line does. */
static bool judge_key(const struct returned *unit, const struct family_key_slot *slot,
	const char *fingerprint, struct findings *findings, struct err *err)
{
	char state[RECORD_KEY_STATE] = "";
	bool known = false;
	if (!record_observe(unit->record, unit->attempt_id, "found-key", fingerprint, err))
		return false;
	if (!unit->device_id[0]) {
		finding_add(findings, FINDING_CODE_DEVICE_KEY_UNPROVEN, slot->name,
			"%s, whole; whose it should be is not known", fingerprint);
		return true;
	}
	if (!record_key_found(unit->record, unit->attempt_id, fingerprint, &known, err)) {
		if (err->reason != REASON_DUPLICATE_KEY)
			return false;
		finding_add(findings, FINDING_CODE_DEVICE_KEY_TWICE, slot->name, "%s", err->text);
		return true;
	}
	if (!record_key_state(unit->record, unit->device_id, fingerprint, state, sizeof state, err))
		return false;
	judge_known(unit, slot, fingerprint, state, findings);
	return true;
}

static bool parse_key(struct returned *unit, const struct family_key_slot *slot,
	const uint8_t *bytes, struct findings *findings, struct err *err)
{
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	struct err unusable;
	/* The firmware takes FF in the first byte for no key; a Photon then makes one that nobody
	 * knows. */
	if (bytes[0] == 0xff) {
		finding_add(findings, FINDING_CODE_DEVICE_KEY_MISSING, slot->name,
			"there is no key: its first byte is FF");
		return true;
	}
	if (!keyslot_parse_device(&slot->format, bytes, slot->format.size, &keypair, &unusable)) {
		finding_add(findings, FINDING_CODE_DEVICE_KEY_UNUSABLE, slot->name, "%s",
			unusable.text);
		return true;
	}
	unit->key = *keypair_public(keypair);
	return judge_key(unit, slot, unit->key.fingerprint, findings, err);
}

static bool look_device_key(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct family_key_slot *slot =
		slot_of(unit, unit->plan ? unit->plan->device_key.slot : NULL, KEY_ROLE_DEVICE);
	bool there = false;
	if (!slot)
		return true;
	SCOPED_SECRET uint8_t *bytes = secret_alloc(slot->format.size, err);
	return bytes && read_slot(unit, slot, bytes, findings, &there, err) &&
	       (!there || parse_key(unit, slot, bytes, findings, err));
}

/* --- what the cloud holds --- */

/* Whose key is it that the cloud holds? One of ours may be replaced, another is a conflict (F21). */
static bool add_differs(const struct returned *unit, const char *held, const char *fingerprint,
	struct findings *findings, struct err *err)
{
	char state[RECORD_KEY_STATE] = "", known[RECORD_KEY_STATE + 32];
	if (!record_key_state(unit->record, unit->device_id, held, state, sizeof state, err))
		return false;
	snprintf(known, sizeof known, state[0] ? "\"%s\" in our record" : "not in our record",
		state);
	finding_add(findings, FINDING_CODE_CLOUD_KEY_DIFFERS, "cloud",
		"it holds %s, %s; the unit %s", held, known, fingerprint);
	return true;
}

static bool judge_cloud(const struct returned *unit, const struct cloud_result *result,
	struct findings *findings, struct err *err)
{
	const char *fingerprint = unit->key.fingerprint;
	if (result->answer != CLOUD_ACKNOWLEDGED)
		finding_add(findings, FINDING_CODE_CLOUD_NOT_ASKED, "cloud", "%s", result->text);
	else if (!result->held[0])
		finding_add(findings, FINDING_CODE_CLOUD_KEY_ABSENT, "cloud",
			"it has no key of this unit");
	else if (strcmp(result->held, fingerprint) == 0)
		finding_add(findings, FINDING_CODE_CLOUD_KEY_SAME, "cloud",
			"it holds the key that is on the unit");
	else if (!fingerprint[0])
		finding_add(findings, FINDING_CODE_CLOUD_KEY_UNPROVEN, "cloud",
			"it holds %s; the unit shows none to compare with", result->held);
	else
		return add_differs(unit, result->held, fingerprint, findings, err);
	return true;
}

static bool ask_cloud(
	struct returned *unit, struct cloud *cloud, struct findings *findings, struct err *err)
{
	const struct config_cloud *target = unit->cloud;
	struct cloud_request request = { .look = true };
	struct cloud_ticket *ticket = NULL;
	struct cloud_result result;
	snprintf(request.device_id, sizeof request.device_id, "%s", unit->device_id);
	snprintf(request.attempt_id, sizeof request.attempt_id, "%s", unit->attempt_id);
	bool good = cloud_submit(cloud, &request, &ticket, err) &&
		    cloud_wait(ticket,
			    deadline_in_ms((uint64_t)target->timeout_ms * (target->retries + 1)),
			    unit->cancel, &result, err);
	cloud_forget(ticket);
	if (!good)
		return false;
	unit->cloud_answered = result.answer == CLOUD_ACKNOWLEDGED;
	memcpy(unit->cloud_holds, result.held, sizeof unit->cloud_holds);
	return judge_cloud(unit, &result, findings, err);
}

static bool look_cloud(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct cloud_journal none = { 0 };
	struct cloud *cloud = NULL;
	struct err wrong;
	if (!unit->cloud || !unit->device_id[0])
		return true;
	if (unit->sender)
		return ask_cloud(unit, unit->sender, findings, err);
	if (!cloud_open(unit->cloud, &none, &cloud, &wrong)) {
		finding_add(findings, FINDING_CODE_CLOUD_NOT_ASKED, "cloud", "%s", wrong.text);
		return true;
	}
	bool good = ask_cloud(unit, cloud, findings, err);
	cloud_close(cloud);
	return good;
}

/* --- the server key --- */

static void address_text(const struct family_key_slot *slot, const struct server_address *address,
	char *to, size_t cap)
{
	if (address->host[0])
		snprintf(to, cap, "%s port %u", address->host,
			address->port ? address->port : slot->format.default_port);
	else
		snprintf(to, cap, "the firmware's own host");
}

static bool same_address(const struct family_key_slot *slot, const struct server_address *a,
	const struct server_address *b)
{
	uint16_t port_a = a->port ? a->port : slot->format.default_port;
	uint16_t port_b = b->port ? b->port : slot->format.default_port;
	return strcmp(a->host, b->host) == 0 && (!a->host[0] || port_a == port_b);
}

static void judge_server(const struct family_key_slot *slot, const struct public_key *key,
	const struct server_address *address, const struct plan_server_key *wanted,
	struct findings *findings)
{
	char is[128], should[128];
	address_text(slot, address, is, sizeof is);
	if (!wanted) {
		finding_add(findings, FINDING_CODE_SERVER_KEY_UNPROVEN, slot->name,
			"key %.16s..., %s", key->fingerprint, is);
		return;
	}
	address_text(slot, &wanted->address, should, sizeof should);
	if (strcmp(key->fingerprint, wanted->key.fingerprint) != 0)
		finding_add(findings, FINDING_CODE_SERVER_KEY_WRONG, slot->name,
			"it holds the key %s, the job's is %s", key->fingerprint,
			wanted->key.fingerprint);
	else if (!same_address(slot, address, &wanted->address))
		finding_add(findings, FINDING_CODE_SERVER_ADDRESS_WRONG, slot->name,
			"it says %s, the job %s", is, should);
	else
		finding_add(findings, FINDING_CODE_SERVER_KEY_SAME, slot->name, "the job's key, %s",
			is);
}

static bool look_server_key(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct plan_server_key *wanted =
		unit->plan && unit->plan->server_key.wanted ? &unit->plan->server_key : NULL;
	const struct family_key_slot *slot =
		slot_of(unit, wanted ? wanted->slot : NULL, KEY_ROLE_SERVER);
	uint8_t bytes[KEYSLOT_MAX];
	struct server_address address;
	struct public_key key;
	struct err unusable;
	bool there = false;
	if (!slot)
		return true;
	if (!read_slot(unit, slot, bytes, findings, &there, err))
		return false;
	if (!there)
		return true;
	if (bytes_all(bytes, slot->format.size, 0xff) || bytes_all(bytes, slot->format.size, 0))
		finding_add(
			findings, FINDING_CODE_SERVER_KEY_MISSING, slot->name, "the slot is empty");
	else if (!keyslot_parse_server(
			 &slot->format, bytes, slot->format.size, &key, &address, &unusable))
		finding_add(findings, FINDING_CODE_SERVER_KEY_UNUSABLE, slot->name, "%s",
			unusable.text);
	else
		judge_server(slot, &key, &address, wanted, findings);
	return true;
}

bool diagnose_keys(struct returned *unit, struct findings *findings, struct err *err)
{
	unit->key = (struct public_key){ 0 };
	unit->cloud_answered = false;
	return look_device_key(unit, findings, err) && look_cloud(unit, findings, err) &&
	       look_server_key(unit, findings, err);
}
