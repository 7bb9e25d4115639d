/* SPDX-License-Identifier: Apache-2.0 */
#include "recipient.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "clock.h"
#include "scope.h"
#include "text.h"

enum { FILE_MAX = 64 * 1024, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384 };

/* OpenSSL would ask on the terminal. */
static int no_password(char *to, int cap, int writing, void *context)
{
	(void)to, (void)cap, (void)writing, (void)context;
	return -1;
}

static X509 *parse(const uint8_t *bytes, size_t len)
{
	const unsigned char *at = bytes;
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	if (!certificate && len > 0 && bytes[0] == 0x30)
		certificate = d2i_X509(NULL, &at, (long)len);
	ERR_clear_error();
	return certificate;
}

static bool time_of(const ASN1_TIME *at, int64_t *ret)
{
	struct tm broken = { 0 };
	if (ASN1_TIME_to_tm(at, &broken) != 1)
		return false;
	*ret = (int64_t)timegm(&broken) * 1000;
	return true;
}

static bool read_times(X509 *certificate, struct recipient *to, struct err *err)
{
	return (time_of(X509_get0_notBefore(certificate), &to->not_before) &&
		       time_of(X509_get0_notAfter(certificate), &to->not_after)) ||
	       err_set(err, REASON_INPUT, "%s does not say how long it is valid", to->file);
}

bool recipient_valid(const struct recipient *recipient, int64_t now, struct err *err)
{
	char text[32];
	if (now > recipient->not_after) {
		clock_format_utc(recipient->not_after, text, sizeof text);
		return err_set(err, REASON_INPUT,
			"%s has expired, at %s UTC: no backup is made for it; get a new certificate",
			recipient->file, text);
	}
	if (now < recipient->not_before) {
		clock_format_utc(recipient->not_before, text, sizeof text);
		return err_set(err, REASON_INPUT, "%s is not valid before %s UTC: check the clock",
			recipient->file, text);
	}
	return true;
}

bool recipients_valid(const struct recipients *recipients, int64_t now, struct err *err)
{
	for (size_t i = 0; i < recipients->count; i++)
		if (!recipient_valid(&recipients->list[i], now, err))
			return false;
	return true;
}

static bool check_ec(EVP_PKEY *key, struct recipient *to, struct err *err)
{
	char curve[32] = "";
	size_t len;
	if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &len) == 1) {
		if (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "P-256") == 0)
			return text_copy(to->algorithm, sizeof to->algorithm, "p-256");
		if (strcmp(curve, "secp384r1") == 0 || strcmp(curve, "P-384") == 0)
			return text_copy(to->algorithm, sizeof to->algorithm, "p-384");
	}
	return err_set(err, REASON_INPUT, "%s has a key on the curve %s; taken are P-256 and P-384",
		to->file, curve[0] ? curve : "(unknown)");
}

static bool check_key(X509 *certificate, struct recipient *to, struct err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	uint32_t needed, usage = X509_get_key_usage(certificate);
	if (key && EVP_PKEY_is_a(key, "RSA") == 1) {
		int bits = EVP_PKEY_get_bits(key);
		needed = KU_KEY_ENCIPHERMENT;
		if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
			return err_set(err, REASON_INPUT,
				"%s has an RSA key of %d bits; %d or more are wanted", to->file,
				bits, RSA_BITS_MIN);
		snprintf(to->algorithm, sizeof to->algorithm, "rsa-%d", bits);
	} else if (key && EVP_PKEY_is_a(key, "EC") == 1) {
		needed = KU_KEY_AGREEMENT;
		if (!check_ec(key, to, err))
			return false;
	} else {
		return err_set(err, REASON_INPUT,
			"%s has a key that is neither RSA nor EC: nothing can be encrypted to it",
			to->file);
	}
	/* All bits are set where the certificate does not name a usage. */
	return (usage & needed) ||
	       err_set(err, REASON_INPUT, "%s may not be used for this: its key usage lacks %s",
		       to->file, needed == KU_KEY_AGREEMENT ? "keyAgreement" : "keyEncipherment");
}

static bool describe(X509 *certificate, struct recipient *to, struct err *err)
{
	unsigned char *at = to->der;
	int len = i2d_X509(certificate, NULL);
	if (len <= 0 || len > RECIPIENT_DER_MAX)
		return err_set(err, REASON_INPUT, "%s has more than %d bytes", to->file,
			RECIPIENT_DER_MAX);
	to->der_len = (size_t)i2d_X509(certificate, &at);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long got = 0;
	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
			   XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		got = BIO_get_mem_data(bio, &text);
	snprintf(to->who, sizeof to->who, "%.*s", got > 0 ? (int)got : 0, text ? text : "");
	/* It comes from outside, and goes to terminals. */
	for (char *c = to->who; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	BIO_free(bio);
	return digest_sha256_hex(to->der, to->der_len, to->fingerprint, err);
}

bool recipients_add_bytes(struct recipients *recipients, const char *file, const uint8_t *bytes,
	size_t len, struct err *err)
{
	if (recipients->count == RECIPIENTS_MAX)
		return err_set(err, REASON_INPUT, "%s is one too many: at most %d recipients", file,
			RECIPIENTS_MAX);
	struct recipient *to = &recipients->list[recipients->count];
	*to = (struct recipient){ 0 };
	if (!text_copy(to->file, sizeof to->file, file) || len > FILE_MAX)
		return err_set(err, REASON_INPUT, "%s is too long", file);
	X509 *certificate = parse(bytes, len);
	if (!certificate)
		return err_set(err, REASON_INPUT, "%s holds no certificate in PEM or DER", file);
	bool good = read_times(certificate, to, err) && check_key(certificate, to, err) &&
		    describe(certificate, to, err);
	X509_free(certificate);
	ERR_clear_error();
	if (!good)
		return false;
	for (size_t i = 0; i < recipients->count; i++)
		if (strcmp(recipients->list[i].fingerprint, to->fingerprint) == 0)
			return err_set(err, REASON_INPUT, "%s is the same certificate as %s", file,
				recipients->list[i].file);
	recipients->count++;
	return true;
}

bool recipients_add(struct recipients *recipients, const char *file, struct err *err)
{
	SCOPED_FREE uint8_t *bytes = NULL;
	size_t len;
	return fs_read(file, FILE_MAX, REASON_INPUT, &bytes, &len, err) &&
	       recipients_add_bytes(recipients, file, bytes, len, err);
}
