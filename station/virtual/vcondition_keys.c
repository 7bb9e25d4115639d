/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are not what they should be, on the unit and in the cloud. An Electron uses the P-256 slots
 * of its record memory, the others their RSA slots. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bytes.h"
#include "fs.h"
#include "text.h"
#include "vcondition_private.h"

enum {
	CORE_SERVER_KEY = 0x1000,
	CORE_DEVICE_KEY = 0x2000,
	F2_SERVER_KEY = 2082,
	F2_EC_SERVER_KEY = 3298,
	SERVER_SLOT = 512,
	EC_SERVER_SLOT = 320,
	MODULUS_AT = 64, /* somewhere in the server key's */
	DAMAGE_LEN = 16
};

bool vcondition_other_key(const struct vreturn *it, struct err *err)
{
	uint8_t key[VKEY_PRIVATE_MAX];
	size_t len = VKEY_EC_PRIVATE_LEN;
	bool ec = it->unit->traits->udp;
	if (ec ? !vkey_ec_make(key) : !vkey_make(key, &len))
		return err_set(err, REASON_STATION, "cannot make a key");
	return vcondition_put(it->unit, ec ? DCT_EC_PRIVATE_KEY : DCT_PRIVATE_KEY, CORE_DEVICE_KEY,
		key, len, err);
}

static bool put_server(const struct vreturn *it, const uint8_t slot[SERVER_SLOT], struct err *err)
{
	bool ec = it->unit->traits->udp;
	return vcondition_put(it->unit, ec ? F2_EC_SERVER_KEY : F2_SERVER_KEY, CORE_SERVER_KEY,
		slot, ec ? EC_SERVER_SLOT : SERVER_SLOT, err);
}

bool vcondition_no_server(const struct vreturn *it, struct err *err)
{
	uint8_t slot[SERVER_SLOT];
	memset(slot, 0xff, sizeof slot);
	return put_server(it, slot, err);
}

/* Of an RSA key any modulus will do; a point has to be one of the curve. */
bool vcondition_wrong_server(const struct vreturn *it, struct err *err)
{
	struct vunit *unit = it->unit;
	uint8_t slot[SERVER_SLOT], key[VKEY_EC_PRIVATE_LEN];
	if (unit->traits->udp) {
		vunit_dct_read(unit, F2_EC_SERVER_KEY, slot, EC_SERVER_SLOT);
		if (!vkey_ec_make(key) || !vkey_ec_public(key, slot))
			return err_set(err, REASON_STATION, "cannot make a key");
		return put_server(it, slot, err);
	}
	if (unit->spec.family == VUNIT_CORE)
		memcpy(slot, unit->memory[1] + CORE_SERVER_KEY, sizeof slot);
	else
		vunit_dct_read(unit, F2_SERVER_KEY, slot, sizeof slot);
	for (int i = 0; i < DAMAGE_LEN; i++)
		slot[MODULUS_AT + i] ^= 0x5a;
	return put_server(it, slot, err);
}

/* --- the cloud --- */

static bool key_file(const struct vreturn *it, char ret[FS_PATH_MAX], struct err *err)
{
	char id[25];
	bytes_to_hex(it->unit->spec.device_id, sizeof it->unit->spec.device_id, id);
	return text_format(ret, FS_PATH_MAX, "%s/%s.pem", it->cloud, id) ||
	       err_set(err, REASON_INPUT, "the path of %s is too long", it->cloud);
}

/* Somebody else registered it with a key of his own. */
bool vcondition_cloud_other(const struct vreturn *it, struct err *err)
{
	char path[FS_PATH_MAX], pem[1024];
	if (!key_file(it, path, err))
		return false;
	EVP_PKEY *key = it->unit->traits->udp ? EVP_EC_gen("P-256") : EVP_RSA_gen(1024);
	BIO *bio = BIO_new(BIO_s_mem());
	int len = key && bio && PEM_write_bio_PUBKEY(bio, key) == 1 ? BIO_read(bio, pem, sizeof pem)
								    : 0;
	BIO_free(bio);
	EVP_PKEY_free(key);
	if (len <= 0)
		return err_set(err, REASON_STATION, "cannot make a key");
	return fs_make_folder(it->cloud, 0755, err) &&
	       fs_write_atomic(path, pem, (size_t)len, 0644, err);
}

bool vcondition_cloud_none(const struct vreturn *it, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!key_file(it, path, err))
		return false;
	return unlink(path) == 0 || errno == ENOENT ||
	       err_sys(err, REASON_STORE, errno, "cannot remove %s", path);
}
