/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an envelope, and looking at the outside of one. */
#include "envelope.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "scope.h"
#include "stackwipe.h"

struct envelope {
	CMS_ContentInfo *cms;
	BIO *bio; /* takes plain bytes and keeps encrypted ones */
};

static bool failed(struct err *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	err_set(err, REASON_STATION, "OpenSSL cannot %s: %s", what, why ? why : "no reason given");
	ERR_clear_error();
	return false;
}

static X509 *certificate_of(const struct recipient *recipient)
{
	const unsigned char *at = recipient->der;
	return d2i_X509(NULL, &at, (long)recipient->der_len);
}

/* The defaults of OpenSSL 3.0 are PKCS#1 v1.5 and SHA-1. */
static bool add_recipient(CMS_ContentInfo *cms, const struct recipient *recipient)
{
	X509 *certificate = certificate_of(recipient);
	CMS_RecipientInfo *info =
		certificate ? CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM) : NULL;
	EVP_PKEY_CTX *key = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
	bool good = key != NULL;
	if (good && CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
		good = EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_OAEP_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_oaep_md(key, EVP_sha256()) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(key, EVP_sha256()) == 1;
	else if (good)
		good = EVP_PKEY_CTX_set_ecdh_kdf_md(key, EVP_sha256()) == 1;
	X509_free(certificate);
	return good;
}

bool envelope_begin(const struct recipients *recipients, struct envelope **ret, struct err *err)
{
	SCOPED_ENVELOPE struct envelope *envelope = calloc(1, sizeof *envelope);
	if (!envelope)
		return err_set(err, REASON_STATION, "no memory for an envelope");
	if (!recipients->count)
		return err_set(err, REASON_BUG, "an envelope without a recipient");
	envelope->cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
	if (!envelope->cms || CMS_set_detached(envelope->cms, 0) != 1)
		return failed(err, "make an envelope");
	for (size_t i = 0; i < recipients->count; i++)
		if (!add_recipient(envelope->cms, &recipients->list[i]))
			return failed(err, "encrypt to a recipient");
	envelope->bio = CMS_dataInit(envelope->cms, NULL);
	if (!envelope->bio)
		return failed(err, "begin to encrypt");
	*ret = envelope;
	envelope = NULL;
	return true;
}

struct adding {
	BIO *bio;
	const char *from;
	size_t len;
};

static bool encrypt(void *context, struct err *err)
{
	struct adding *adding = context;
	while (adding->len > 0) {
		int part = adding->len < 1 << 20 ? (int)adding->len : 1 << 20;
		if (BIO_write(adding->bio, adding->from, part) != part)
			return failed(err, "encrypt");
		adding->from += part;
		adding->len -= (size_t)part;
	}
	return true;
}

bool envelope_add(struct envelope *envelope, const void *plain, size_t len, struct err *err)
{
	struct adding adding = { envelope->bio, plain, len };
	return stackwipe_run(encrypt, &adding, err);
}

bool envelope_end(struct envelope *envelope, uint8_t **ret, size_t *ret_len, struct err *err)
{
	if (BIO_flush(envelope->bio) != 1 || CMS_dataFinal(envelope->cms, envelope->bio) != 1)
		return failed(err, "finish the envelope");
	int len = i2d_CMS_ContentInfo(envelope->cms, NULL);
	if (len <= 0)
		return failed(err, "write the envelope");
	SCOPED_FREE uint8_t *der = malloc((size_t)len);
	unsigned char *at = der;
	if (!der)
		return err_set(err, REASON_STATION, "no memory for an envelope of %d bytes", len);
	if (i2d_CMS_ContentInfo(envelope->cms, &at) != len)
		return failed(err, "write the envelope");
	*ret = der;
	*ret_len = (size_t)len;
	der = NULL;
	return true;
}

void envelope_free(struct envelope *envelope)
{
	if (!envelope)
		return;
	BIO_free_all(envelope->bio);
	CMS_ContentInfo_free(envelope->cms);
	free(envelope);
}

/* --- from outside --- */

static bool is_for(CMS_RecipientInfo *info, X509 *certificate)
{
	if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
		return CMS_RecipientInfo_ktri_cert_cmp(info, certificate) == 0;
	if (CMS_RecipientInfo_type(info) != CMS_RECIPINFO_AGREE)
		return false;
	STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
	return sk_CMS_RecipientEncryptedKey_num(keys) == 1 &&
	       CMS_RecipientEncryptedKey_cert_cmp(
		       sk_CMS_RecipientEncryptedKey_value(keys, 0), certificate) == 0;
}

/* One entry for each, so as many as are asked for, and all of them, are exactly these. */
static bool are_for(CMS_ContentInfo *cms, const struct recipients *recipients)
{
	STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);
	if (sk_CMS_RecipientInfo_num(infos) != (int)recipients->count)
		return false;
	for (size_t i = 0; i < recipients->count; i++) {
		X509 *certificate = certificate_of(&recipients->list[i]);
		unsigned found = 0;
		for (int k = 0; certificate && k < sk_CMS_RecipientInfo_num(infos); k++)
			found += is_for(sk_CMS_RecipientInfo_value(infos, k), certificate);
		X509_free(certificate);
		if (found != 1)
			return false;
	}
	return true;
}

bool envelope_check(
	const uint8_t *der, size_t len, const struct recipients *recipients, struct err *err)
{
	const unsigned char *at = der;
	CMS_ContentInfo *cms =
		len <= ENVELOPE_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)len) : NULL;
	bool whole = cms && at == der + len &&
		     OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData;
	bool good = whole && are_for(cms, recipients);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	if (!whole)
		return err_set(err, REASON_STORE, "it is no whole CMS AuthEnvelopedData");
	return good ||
	       err_set(err, REASON_STORE, "it is not for the recipients that were asked for");
}
