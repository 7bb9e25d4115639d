/* SPDX-License-Identifier: Apache-2.0 */
#include "signing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "fs.h"
#include "secret.h"
#include "stackwipe.h"

enum { KEY_FILE_MAX = 4096 };

struct signing_key {
	EVP_PKEY *key;
};

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *to, int cap, int writing, void *context)
{
	(void)to, (void)cap, (void)writing, (void)context;
	return -1;
}

static EVP_PKEY *parse_pem(const void *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	return key;
}

bool signing_key_load(const char *path, struct signing_key **ret, struct err *err)
{
	SCOPED_SECRET void *pem = NULL;
	size_t len;
	if (!fs_read_secret(path, KEY_FILE_MAX, &pem, &len, err))
		return false;
	EVP_PKEY *key = parse_pem(pem, len);
	if (!key || EVP_PKEY_is_a(key, "ED25519") != 1) {
		EVP_PKEY_free(key);
		return err_set(err, REASON_INPUT,
			"%s is not an Ed25519 key in PEM without a passphrase: openssl genpkey "
			"-algorithm ed25519 makes one",
			path);
	}
	struct signing_key *signing = calloc(1, sizeof *signing);
	if (!signing) {
		EVP_PKEY_free(key);
		return err_set(err, REASON_STATION, "no memory for the key of %s", path);
	}
	signing->key = key;
	*ret = signing;
	return true;
}

void signing_key_free(struct signing_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

struct signing {
	const struct signing_key *key;
	const void *bytes;
	size_t len;
	uint8_t *signature;
};

static bool sign(void *context, struct err *err)
{
	struct signing *signing = context;
	size_t len = SIGNATURE_LEN;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good =
		md && EVP_DigestSignInit(md, NULL, NULL, NULL, signing->key->key) == 1 &&
		EVP_DigestSign(md, signing->signature, &len, signing->bytes, signing->len) == 1 &&
		len == SIGNATURE_LEN;
	EVP_MD_CTX_free(md);
	return good || err_set(err, REASON_STATION, "OpenSSL cannot sign with the station key");
}

bool signing_key_sign(const struct signing_key *key, const void *bytes, size_t len,
	uint8_t ret[SIGNATURE_LEN], struct err *err)
{
	uint8_t signature[SIGNATURE_LEN];
	struct signing signing = { key, bytes, len, signature };
	if (!stackwipe_run(sign, &signing, err))
		return false;
	memcpy(ret, signature, sizeof signature);
	return true;
}

/* --- verifying --- */

static EVP_PKEY *read_public(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	return key;
}

bool signing_public_load(const char *path, struct signing_key **ret, struct err *err)
{
	EVP_PKEY *key = read_public(path);
	if (!key)
		return signing_key_load(path, ret, err);
	struct signing_key *signing =
		EVP_PKEY_is_a(key, "ED25519") == 1 ? calloc(1, sizeof *signing) : NULL;
	if (!signing) {
		EVP_PKEY_free(key);
		return err_set(err, REASON_INPUT, "%s is not a public Ed25519 key in PEM", path);
	}
	signing->key = key;
	*ret = signing;
	return true;
}

bool signing_key_verifies(const struct signing_key *key, const void *bytes, size_t len,
	const uint8_t signature[SIGNATURE_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key->key) == 1 &&
		    EVP_DigestVerify(md, signature, SIGNATURE_LEN, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return good;
}
