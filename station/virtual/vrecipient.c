/* SPDX-License-Identifier: Apache-2.0 */
#include "vrecipient.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

enum { VALID_S = 10 * 365 * 24 * 3600, CLOCK_SLACK_S = 3600 };

static bool fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	const unsigned char *who = (const unsigned char *)"station rehearsal";
	uint64_t serial;
	return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1 &&
	       X509_set_version(certificate, 2) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SLACK_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, who, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, name) == 1 &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_bio(const char *path, BIO *bio, unsigned mode, struct err *err)
{
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);
	return fs_write_atomic(path, text, (size_t)len, mode, err);
}

static bool write_pair(const char *key_path, const char *certificate_path, EVP_PKEY *key,
	X509 *certificate, struct err *err)
{
	BIO *private = BIO_new(BIO_s_secmem()), *public = BIO_new(BIO_s_mem());
	bool good = private && public &&
		    PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		    PEM_write_bio_X509(public, certificate) == 1;
	/* The certificate last: with it, both are there. */
	good = good ? write_bio(key_path, private, 0600, err) &&
			       write_bio(certificate_path, public, 0644, err)
		    : err_set(err, REASON_STATION, "OpenSSL makes no certificate for a rehearsal");
	BIO_free(private);
	BIO_free(public);
	return good;
}

bool vrecipient_make(const char *folder, char ret_certificate[FS_PATH_MAX], struct err *err)
{
	char key_path[FS_PATH_MAX];
	if (!fs_join(ret_certificate, folder, "recipient.pem", err) ||
		!fs_join(key_path, folder, "recipient.key", err))
		return false;
	if (fs_exists(ret_certificate))
		return true;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool good = key && certificate && fill(certificate, key)
			    ? write_pair(key_path, ret_certificate, key, certificate, err)
			    : err_set(err, REASON_STATION,
				      "OpenSSL makes no certificate for a rehearsal");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return good;
}
