/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* OpenSSL would ask on the terminal. */
static int no_password(char *to, int cap, int writing, void *context)
{
	(void)to, (void)cap, (void)writing, (void)context;
	return -1;
}

static X509 *parse_certificate(const void *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *parse_key(const void *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	return key;
}

bool certificate_fits(const char *cert_name, const void *cert, size_t cert_len,
	const char *key_name, const void *key, size_t key_len, struct err *err)
{
	X509 *certificate = parse_certificate(cert, cert_len);
	EVP_PKEY *pair = parse_key(key, key_len);
	bool fits = certificate && pair && X509_check_private_key(certificate, pair) == 1;
	if (!certificate)
		err_set(err, REASON_INPUT, "%s holds no certificate in PEM", cert_name);
	else if (!pair)
		err_set(err, REASON_INPUT,
			"%s holds no private key in PEM without a password; its owner alone must be able "
			"to read it",
			key_name);
	else if (!fits)
		err_set(err, REASON_INPUT,
			"%s and %s do not fit: it is the key of another certificate", cert_name,
			key_name);
	X509_free(certificate);
	EVP_PKEY_free(pair);
	/* Nobody else is to find why parsing failed in the queue of this thread. */
	ERR_clear_error();
	return fits;
}
