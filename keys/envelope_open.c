/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an envelope with the private key of a recipient. */
#include "envelope.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "secret.h"
#include "stackwipe.h"

enum {
	KEY_FILE_MAX = 64 * 1024,
	/* For the numbers of private keys, locked: OpenSSL puts them there if there is such a heap. */
	SECURE_HEAP = 256 * 1024,
	SECURE_HEAP_MIN = 16
};

struct envelope_key {
	EVP_PKEY *key;
};

/* --- the key --- */

struct loading {
	const char *path;
	const void *pem;
	size_t len;
	envelope_ask *ask;
	void *context;
	bool asked;
	EVP_PKEY *key;
};

static int passphrase(char *to, int cap, int writing, void *context)
{
	struct loading *loading = context;
	(void)writing;
	loading->asked = true;
	return loading->ask ? loading->ask(loading->context, to, cap) : -1;
}

static bool load(void *context, struct err *err)
{
	struct loading *loading = context;
	BIO *bio = BIO_new_mem_buf(loading->pem, (int)loading->len);
	loading->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, passphrase, loading) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!loading->key && loading->asked)
		return err_set(err, REASON_INPUT,
			loading->ask ? "%s does not open with this passphrase"
				     : "%s is under a passphrase: give --passin-file",
			loading->path);
	if (!loading->key)
		return err_set(err, REASON_INPUT, "%s holds no private key in PEM", loading->path);
	return true;
}

/* 2: there is such a heap, but it could not be locked. */
static bool lock_numbers(struct err *err)
{
	if (CRYPTO_secure_malloc_initialized() ||
		CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_MIN) == 1)
		return true;
	CRYPTO_secure_malloc_done();
	return err_set(err, REASON_STATION,
		"cannot lock %d bytes of memory for a key (raise the limit: ulimit -l)",
		SECURE_HEAP);
}

bool envelope_key_load(const char *path, envelope_ask *ask, void *context,
	struct envelope_key **ret, struct err *err)
{
	SCOPED_SECRET void *pem = NULL;
	struct loading loading = { .path = path, .ask = ask, .context = context };
	if (!fs_read_secret(path, KEY_FILE_MAX, &pem, &loading.len, err))
		return false;
	if (!lock_numbers(err))
		return false;
	loading.pem = pem;
	struct envelope_key *key = calloc(1, sizeof *key);
	if (!key)
		return err_set(err, REASON_STATION, "no memory for a key");
	if (!stackwipe_run(load, &loading, err)) {
		free(key);
		return false;
	}
	key->key = loading.key;
	*ret = key;
	return true;
}

void envelope_key_free(struct envelope_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

/* --- the envelope --- */

struct opening {
	CMS_ContentInfo *cms;
	EVP_PKEY *key;
	uint8_t *plain;
	size_t cap, len;
};

static bool open_transport(struct opening *opening, CMS_RecipientInfo *info)
{
	if (EVP_PKEY_up_ref(opening->key) != 1)
		return false;
	/* Takes the reference, and gives back the one that it had. */
	CMS_RecipientInfo_set0_pkey(info, opening->key);
	bool good = CMS_RecipientInfo_decrypt(opening->cms, info) == 1;
	CMS_RecipientInfo_set0_pkey(info, NULL);
	return good;
}

static bool open_agreement(struct opening *opening, CMS_RecipientInfo *info)
{
	STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
	bool good = false;
	for (int i = 0; !good && i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
		if (CMS_RecipientInfo_kari_set0_pkey(info, opening->key) != 1)
			return false;
		good = CMS_RecipientInfo_kari_decrypt(opening->cms, info,
			       sk_CMS_RecipientEncryptedKey_value(keys, i)) == 1;
		CMS_RecipientInfo_kari_set0_pkey(info, NULL);
	}
	return good;
}

/* Whose the entries are is not looked at: the wrong key fails at the padding of OAEP, or at the
 * check value of the key wrap. */
static bool find_recipient(struct opening *opening)
{
	STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(opening->cms);
	bool rsa = EVP_PKEY_is_a(opening->key, "RSA") == 1, good = false;
	for (int i = 0; !good && i < sk_CMS_RecipientInfo_num(infos); i++) {
		CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(infos, i);
		int type = CMS_RecipientInfo_type(info);
		if (type == CMS_RECIPINFO_TRANS && rsa)
			good = open_transport(opening, info);
		else if (type == CMS_RECIPINFO_AGREE && !rsa)
			good = open_agreement(opening, info);
	}
	return good;
}

/* Until the last byte is read and the tag was right, nobody sees any. */
static bool decrypt(struct opening *opening)
{
	BIO *bio = CMS_dataInit(opening->cms, NULL);
	int got = bio ? 1 : -1;
	while (got > 0 && opening->len < opening->cap) {
		got = BIO_read(
			bio, opening->plain + opening->len, (int)(opening->cap - opening->len));
		opening->len += got > 0 ? (size_t)got : 0;
	}
	bool good = got == 0 && BIO_method_type(bio) == BIO_TYPE_CIPHER &&
		    BIO_get_cipher_status(bio) == 1;
	BIO_free_all(bio);
	return good;
}

static bool open_parsed(void *context, struct err *err)
{
	struct opening *opening = context;
	if (!find_recipient(opening))
		return err_set(err, REASON_INPUT,
			"it is not for this key: give that of one of its recipients");
	return decrypt(opening) ||
	       err_set(err, REASON_INPUT, "it was changed or is cut: its tag is wrong");
}

bool envelope_open(const uint8_t *der, size_t len, const struct envelope_key *key,
	uint8_t **ret_secret, size_t *ret_len, struct err *err)
{
	const unsigned char *at = der;
	/* A byte more than there can be, so that the end is seen. */
	struct opening opening = { .key = key->key, .cap = len + 1 };
	opening.cms = len <= ENVELOPE_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)len) : NULL;
	bool whole = opening.cms && at == der + len &&
		     OBJ_obj2nid(CMS_get0_type(opening.cms)) == NID_id_smime_ct_authEnvelopedData;
	bool good = whole;
	if (!whole)
		err_set(err, REASON_INPUT,
			"it is no whole CMS AuthEnvelopedData: cut, or not a backup");
	if (good) {
		opening.plain = secret_alloc(opening.cap, err);
		good = opening.plain && stackwipe_run(open_parsed, &opening, err);
	}
	CMS_ContentInfo_free(opening.cms);
	ERR_clear_error();
	if (!good) {
		secret_free(opening.plain);
		return false;
	}
	*ret_secret = opening.plain;
	*ret_len = opening.len;
	return true;
}
