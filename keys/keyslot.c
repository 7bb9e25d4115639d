/* SPDX-License-Identifier: Apache-2.0 */
#include "keyslot.h"

#include <string.h>

#include "address.h"
#include "bytes.h"

/* A profile that is wrong here is refused before any unit is touched; no offset
 * below leaves the slot. */
static bool check_slot(const struct keyslot *slot, enum key_role role, struct err *err)
{
	if (slot->role != role)
		return err_set(err, REASON_INPUT, "the key slot is not one for a %s key",
			role == KEY_ROLE_DEVICE ? "device" : "server");
	if (slot->size > KEYSLOT_MAX)
		return err_set(err, REASON_INPUT, "a key slot of %u bytes, at most %d are possible",
			slot->size, KEYSLOT_MAX);
	if (slot->address_offset && (slot->size < SERVER_ADDRESS_LEN ||
					    slot->address_offset > slot->size - SERVER_ADDRESS_LEN))
		return err_set(err, REASON_INPUT,
			"the address block at %u leaves the key slot of %u bytes",
			slot->address_offset, slot->size);
	return true;
}

bool keyslot_pack_device(
	const struct keyslot *slot, const struct keypair *keypair, uint8_t *to, struct err *err)
{
	if (!check_slot(slot, KEY_ROLE_DEVICE, err))
		return false;
	enum key_algorithm algorithm = keypair_public(keypair)->algorithm;
	if (algorithm != slot->algorithm)
		return err_set(err, REASON_INPUT, "a key slot for %s cannot take a key of %s",
			key_algorithm_name(slot->algorithm), key_algorithm_name(algorithm));
	size_t len = 0;
	const uint8_t *der = keypair_private(keypair, &len);
	if (len > slot->size)
		return err_set(err, REASON_INPUT, "the private key has %zu bytes, its slot %u", len,
			slot->size);
	memcpy(to, der, len);
	memset(to + len, slot->padding, slot->size - len);
	return true;
}

/* The room that the key has before the address block, or before the end. */
static size_t key_room(const struct keyslot *slot)
{
	return slot->address_offset ? slot->address_offset : slot->size;
}

static bool check_server_key(const struct keyslot *slot, const struct public_key *key,
	enum reason reason, struct err *err)
{
	if (key->algorithm != slot->algorithm)
		return err_set(err, reason, "the server key is %s, the slot takes %s",
			key_algorithm_name(key->algorithm), key_algorithm_name(slot->algorithm));
	if (key->spki_len > key_room(slot))
		return err_set(err, reason,
			"the server key has %zu bytes, its slot has room for %zu", key->spki_len,
			key_room(slot));
	return true;
}

/* Padding, or the 00 that the vendor's old tools added to make a length even. */
static bool is_unused(
	const struct keyslot *slot, const uint8_t *bytes, size_t from, size_t end, size_t *ret_at)
{
	for (size_t i = from; i < end; i++) {
		if (bytes[i] != slot->padding && bytes[i] != 0) {
			*ret_at = i;
			return false;
		}
	}
	return true;
}

static bool is_pem(const uint8_t *file, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	return memmem(file, len, begin, sizeof begin - 1) != NULL;
}

/* Puts the file's bytes into to, which is all padding, and says which key they begin with. */
static bool place_file(const struct keyslot *slot, const uint8_t *file, size_t len, uint8_t *to,
	struct public_key *ret, struct err *err)
{
	if (is_pem(file, len)) {
		if (!public_key_from_pem((const char *)file, len, ret, err) ||
			!check_server_key(slot, ret, REASON_INPUT, err))
			return false;
		memcpy(to, ret->spki, ret->spki_len);
		return true;
	}
	if (len > slot->size)
		return err_set(err, REASON_INPUT, "the server key file has %zu bytes, its slot %u",
			len, slot->size);
	if (!public_key_from_der(file, len, ret, NULL, err) ||
		!check_server_key(slot, ret, REASON_INPUT, err))
		return false;
	memcpy(to, file, len);
	return true;
}

/* Nothing but the key and the address block may stand in the slot: what else the file has is not
 * meant for it, an address block at another family's offset for example. */
static bool check_gaps(
	const struct keyslot *slot, const uint8_t *bytes, size_t key_len, struct err *err)
{
	size_t at = 0;
	size_t behind =
		slot->address_offset ? slot->address_offset + SERVER_ADDRESS_LEN : slot->size;
	if (is_unused(slot, bytes, key_len, key_room(slot), &at) &&
		is_unused(slot, bytes, behind, slot->size, &at))
		return true;
	return err_set(err, REASON_INPUT,
		"byte %zu of the server key file is neither key nor padding nor in the address "
		"block at %u",
		at, slot->address_offset);
}

static bool check_file_block(const struct keyslot *slot, const uint8_t *block, struct err *err)
{
	struct server_address address;
	if (!address_parse(block, REASON_INPUT, &address, err))
		return err_at(err, "the server key file");
	if (!address.host[0] && block[0] != slot->padding)
		return err_set(err, REASON_INPUT,
			"the address block of the server key file has the unknown type %d",
			block[0]);
	return true;
}

static bool fill_server(const struct keyslot *slot, const uint8_t *file, size_t len,
	const struct server_address *address, uint8_t *to, struct err *err)
{
	memset(to, slot->padding, slot->size);
	struct public_key key;
	if (!place_file(slot, file, len, to, &key, err) || !check_gaps(slot, to, key.spki_len, err))
		return false;
	bool has_host = address && address->host[0];
	if (!slot->address_offset)
		return !has_host ||
		       err_set(err, REASON_INPUT,
			       "a server host is given, but the key slot has no address block");
	uint8_t *block = to + slot->address_offset;
	return has_host ? address_write(address, slot->padding, block, err)
			: check_file_block(slot, block, err);
}

bool keyslot_pack_server(const struct keyslot *slot, const uint8_t *file, size_t len,
	const struct server_address *address, uint8_t *to, struct err *err)
{
	if (!check_slot(slot, KEY_ROLE_SERVER, err))
		return false;
	uint8_t packed[KEYSLOT_MAX];
	if (!fill_server(slot, file, len, address, packed, err))
		return false;
	memcpy(to, packed, slot->size);
	return true;
}

/* What an unwritten slot looks like. Zeros are what a Photon's bootloader answers for any DCT
 * address while the system parts are not valid. */
static bool check_written(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	enum reason reason, struct err *err)
{
	if (len != slot->size || len == 0)
		return err_set(err, reason, "%zu bytes of a key slot of %u", len, slot->size);
	if (bytes_all(bytes, len, 0))
		return err_set(err, reason,
			"the key slot reads as all zeros: no key, or no valid system parts");
	if (bytes_all(bytes, len, 0xff))
		return err_set(err, reason, "the key slot is empty (all ff)");
	return true;
}

bool keyslot_parse_device(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	struct keypair **ret, struct err *err)
{
	return check_slot(slot, KEY_ROLE_DEVICE, err) &&
	       check_written(slot, bytes, len, REASON_KEY_MISMATCH, err) &&
	       keypair_from_private(slot->algorithm, bytes, len, ret, err);
}

bool keyslot_parse_server(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	struct public_key *ret, struct server_address *ret_address, struct err *err)
{
	const enum reason reason = REASON_SERVER_KEY_WRONG;
	if (!check_slot(slot, KEY_ROLE_SERVER, err) ||
		!check_written(slot, bytes, len, reason, err))
		return false;
	struct public_key key;
	if (!public_key_from_der(bytes, len, &key, NULL, err)) {
		if (err->reason == REASON_INPUT)
			err->reason = reason;
		return false;
	}
	struct server_address address = { .host = "" };
	if (!check_server_key(slot, &key, reason, err))
		return false;
	if (slot->address_offset &&
		!address_parse(bytes + slot->address_offset, reason, &address, err))
		return false;
	*ret = key;
	*ret_address = address;
	return true;
}

bool keyslot_prove(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	const struct public_key *expected, struct err *err)
{
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	if (!keyslot_parse_device(slot, bytes, len, &keypair, err))
		return false;
	const struct public_key *found = keypair_public(keypair);
	if (found->algorithm != expected->algorithm || found->spki_len != expected->spki_len ||
		memcmp(found->spki, expected->spki, found->spki_len) != 0)
		return err_set(err, REASON_KEY_MISMATCH,
			"the key on the unit has the fingerprint %.16s..., expected is %.16s...",
			found->fingerprint, expected->fingerprint);
	return true;
}
