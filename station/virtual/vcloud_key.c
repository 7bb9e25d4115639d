/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual cloud judges keys by OpenSSL alone, not by the station's own code. */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "vcloud_private.h"

static bool has_exponent_f4(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool is =
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, 65537);
	BN_free(e);
	return is;
}

static const char *algorithm_of(const EVP_PKEY *key)
{
	char group[32];
	int bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "RSA") && has_exponent_f4(key))
		return bits == 1024 ? "rsa-1024" : bits == 2048 ? "rsa-2048" : NULL;
	if (EVP_PKEY_is_a(key, "EC") &&
		EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
		strcmp(group, "prime256v1") == 0)
		return "p-256";
	return NULL;
}

static bool fingerprint_of(EVP_PKEY *key, char ret[VCLOUD_FINGERPRINT])
{
	unsigned char *spki = NULL, hash[EVP_MAX_MD_SIZE];
	unsigned hash_len = 0;
	int len = i2d_PUBKEY(key, &spki);
	bool good =
		len > 0 && EVP_Digest(spki, (size_t)len, hash, &hash_len, EVP_sha256(), NULL) == 1;
	OPENSSL_free(spki);
	if (good)
		bytes_to_hex(hash, hash_len, ret);
	return good;
}

static bool write_pem(EVP_PKEY *key, char ret[VCLOUD_PEM_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (!bio)
		return false;
	int len = PEM_write_bio_PUBKEY(bio, key) == 1 ? BIO_read(bio, ret, VCLOUD_PEM_MAX - 1) : 0;
	ret[len > 0 ? len : 0] = 0;
	BIO_free(bio);
	return len > 0;
}

static const char *describe(EVP_PKEY *key, struct vcloud_key *ret)
{
	struct vcloud_key found = { .algorithm = algorithm_of(key) };
	if (!found.algorithm)
		return "the key is of no kind that is taken here";
	if (!fingerprint_of(key, found.fingerprint) || !write_pem(key, found.pem))
		return "OpenSSL cannot write the key";
	*ret = found;
	return NULL;
}

static bool only_blanks_left(BIO *bio)
{
	char c;
	while (BIO_read(bio, &c, 1) == 1)
		if (c != '\n' && c != '\r' && c != ' ')
			return false;
	return true;
}

const char *vcloud_key_parse(const char *pem, size_t len, struct vcloud_key *ret)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----";
	if (len >= VCLOUD_PEM_MAX || len < sizeof begin ||
		memcmp(pem, begin, sizeof begin - 1) != 0)
		return "public_key is no PEM of a public key";
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	const char *wrong = "public_key is no PEM of a public key";
	if (key)
		wrong = only_blanks_left(bio) ? describe(key, ret)
					      : "something stands behind public_key";
	EVP_PKEY_free(key);
	BIO_free(bio);
	return wrong;
}

bool vcloud_key_make_other(struct vcloud_key *ret, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	const char *wrong = key ? describe(key, ret) : "no key";
	EVP_PKEY_free(key);
	return !wrong || err_set(err, REASON_STATION, "the virtual cloud makes no key: %s", wrong);
}

static bool path_of(
	const char *folder, const char *device_id, char ret[FS_PATH_MAX], struct err *err)
{
	char name[40];
	snprintf(name, sizeof name, "%.24s.pem", device_id);
	return fs_join(ret, folder, name, err);
}

bool vcloud_key_load(const char *folder, const char *device_id, struct vcloud_key *ret,
	bool *ret_found, struct err *err)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes;
	size_t len;
	if (!path_of(folder, device_id, path, err))
		return false;
	*ret_found = fs_exists(path);
	if (!*ret_found)
		return true;
	if (!fs_read(path, VCLOUD_PEM_MAX, REASON_STORE, &bytes, &len, err))
		return false;
	const char *wrong = vcloud_key_parse((const char *)bytes, len, ret);
	free(bytes);
	return !wrong || err_set(err, REASON_STORE, "%s: %s", path, wrong);
}

bool vcloud_key_store(
	const char *folder, const char *device_id, const struct vcloud_key *key, struct err *err)
{
	char path[FS_PATH_MAX];
	return path_of(folder, device_id, path, err) &&
	       fs_write_atomic(path, key->pem, strlen(key->pem), 0644, err);
}
