/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"
#include "vcloud_private.h"

enum { VALID_S = 7 * 24 * 3600, CLOCK_SLACK_S = 3600 };

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

static bool set_name(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(
		       name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_serial(X509 *certificate)
{
	uint64_t serial;
	return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1;
}

static X509 *new_certificate(const char *name, EVP_PKEY *key, X509 *issuer)
{
	X509 *certificate = X509_new();
	if (!certificate)
		return NULL;
	if (X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
		X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SLACK_S) &&
		X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) &&
		set_name(X509_get_subject_name(certificate), name) &&
		X509_set_issuer_name(
			certificate, X509_get_subject_name(issuer ? issuer : certificate)) == 1 &&
		X509_set_pubkey(certificate, key) == 1 &&
		add_extension(certificate, issuer ? issuer : certificate,
			NID_subject_key_identifier, "hash"))
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool make_authority(EVP_PKEY *key, X509 **ret)
{
	X509 *authority = new_certificate("station virtual cloud authority", key, NULL);
	*ret = authority;
	return authority &&
	       add_extension(
		       authority, authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       add_extension(authority, authority, NID_key_usage, "critical,keyCertSign") &&
	       X509_sign(authority, key, EVP_sha256()) > 0;
}

/* alt_name NULL: a client's. */
static bool make_leaf(const char *name, const char *alt_name, EVP_PKEY *key, X509 *authority,
	EVP_PKEY *authority_key, X509 **ret)
{
	X509 *leaf = new_certificate(name, key, authority);
	*ret = leaf;
	return leaf && add_extension(leaf, authority, NID_authority_key_identifier, "keyid") &&
	       add_extension(leaf, authority, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(leaf, authority, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(leaf, authority, NID_ext_key_usage,
		       alt_name ? "serverAuth" : "clientAuth") &&
	       (!alt_name || add_extension(leaf, authority, NID_subject_alt_name, alt_name)) &&
	       X509_sign(leaf, authority_key, EVP_sha256()) > 0;
}

static char *take_text(BIO *bio)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(bio, &bytes);
	char *text = len > 0 ? strndup(bytes, (size_t)len) : NULL;
	if (len > 0)
		secret_wipe(bytes, (size_t)len);
	BIO_free(bio);
	return text;
}

static char *certificate_text(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio)
		PEM_write_bio_X509(bio, certificate);
	return bio ? take_text(bio) : NULL;
}

static char *key_text(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio)
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	return bio ? take_text(bio) : NULL;
}

static bool make_pair(const char *name, const char *alt_name, X509 *authority,
	EVP_PKEY *authority_key, char **ret_certificate, char **ret_key)
{
	X509 *leaf = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (key && make_leaf(name, alt_name, key, authority, authority_key, &leaf)) {
		*ret_certificate = certificate_text(leaf);
		*ret_key = key_text(key);
	}
	X509_free(leaf);
	EVP_PKEY_free(key);
	return *ret_certificate && *ret_key;
}

bool vcloud_tls_make(struct vcloud_tls *ret, struct err *err)
{
	struct vcloud_tls tls = { 0 };
	X509 *authority = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool good = key && make_authority(key, &authority) &&
		    make_pair("station virtual cloud", "IP:127.0.0.1,DNS:localhost", authority, key,
			    &tls.certificate, &tls.private_key) &&
		    make_pair("station", NULL, authority, key, &tls.client_certificate,
			    &tls.client_key);
	if (good)
		tls.ca = certificate_text(authority);
	X509_free(authority);
	EVP_PKEY_free(key);
	if (!tls.ca) {
		vcloud_tls_done(&tls);
		return err_set(
			err, REASON_STATION, "OpenSSL makes no certificate for the virtual cloud");
	}
	*ret = tls;
	return true;
}

static void wipe_and_free(char *key)
{
	if (key)
		secret_wipe(key, strlen(key));
	free(key);
}

void vcloud_tls_done(struct vcloud_tls *tls)
{
	wipe_and_free(tls->private_key);
	wipe_and_free(tls->client_key);
	free(tls->client_certificate);
	free(tls->certificate);
	free(tls->ca);
	*tls = (struct vcloud_tls){ 0 };
}
